/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Deeper expressions would take the recursive walks below too far down. */
enum { MAX_DEPTH = 1000 };

void
tn_sched_fail(tn_sched *s, tn_status status, const char *format, ...)
{
    va_list args;
    char *text;

    if (s->status != TN_OK)
        return;
    va_start(args, format);
    text = tn_arena_vprintf(s->arena, format, args);
    va_end(args);
    s->status = tn_fail(s->diag, status, "kernel %s: %s", s->tile->name, text);
}

void
tn_vals_add(tn_sched *s, tn_vals *list, tn_tval *v)
{
    if (v)
        tn_push(s->arena, list, v);
}

bool
tn_is_anchor(const tn_tval *v)
{
    return v->op == TN_T_reduce || v->op == TN_T_mma || v->op == TN_T_argreduce ||
        v->op == TN_T_prefix || v->op == TN_T_topk;
}

tn_tval *
tn_carry_of(tn_tval *v)
{
    if (v->op == TN_T_result && v->loop)
        return v->loop->carry.at[v->whole].value;
    return v;
}

int
tn_result_number(const tn_tval *v)
{
    return v->op == TN_T_result && !v->loop ? (int)v->whole : 0;
}

bool
tn_buf_overlaps(const tn_tbuf *a, const tn_tbuf *b)
{
    return a == b || (a->alias && a->alias == b->alias && !a->local && !b->local);
}

/* ---- numbering ---- */

static void
collect_body(tn_sched *s, const tn_tbody *body, tn_vals *list)
{
    if (!body)
        return;
    for (uint32_t i = 0; i < body->stmts.count; i++) {
        const tn_tstmt *st = body->stmts.at[i];

        if (st->op == TN_T_store)
            tn_push(s->arena, &s->stores, st);
        for (int k = 0; k < st->index_count; k++)
            tn_vals_add(s, list, st->index[k]);
        tn_vals_add(s, list, st->value);
        tn_vals_add(s, list, st->condition);
        tn_vals_add(s, list, st->position);
        if (st->axis) {
            tn_vals_add(s, list, st->axis->low);
            tn_vals_add(s, list, st->axis->high);
        }
        for (uint32_t k = 0; k < st->carry.count; k++) {
            const tn_tcarry *c = &st->carry.at[k];

            tn_vals_add(s, list, c->value);
            tn_vals_add(s, list, c->init);
            tn_vals_add(s, list, c->next);
        }
        collect_body(s, st->body, list);
        collect_body(s, st->orelse, list);
    }
}

static void
collect_roots(tn_sched *s, tn_vals *list)
{
    for (uint32_t i = 0; i < s->tile->axes.count; i++) {
        tn_vals_add(s, list, s->tile->axes.at[i]->low);
        tn_vals_add(s, list, s->tile->axes.at[i]->high);
    }
    for (uint32_t i = 0; i < s->tile->bufs.count; i++)
        for (int k = 0; k < s->tile->bufs.at[i]->rank; k++)
            tn_vals_add(s, list, s->tile->bufs.at[i]->dim[k]);
    collect_body(s, s->tile->body, list);
}

static tn_axset
own_deps(const tn_sched *s, const tn_tval *v)
{
    tn_axset d = 0;

    switch (v->op) {
    case TN_T_index: return tn_bit(v->axis);
    case TN_T_first:
    case TN_T_last: return 0;
    case TN_T_carry:
    case TN_T_merged:
        for (int i = 0; i < v->axis_count; i++)
            d |= tn_bit(v->axes[i]);
        return d;
    case TN_T_result:
        if (v->loop) {
            for (int i = 0; i < v->axis_count; i++)
                d |= tn_bit(v->axes[i]);
            return d;
        }
        break;
    default: break;
    }
    for (int i = 0; i < v->arg_count; i++)
        d |= tn_val(s, v->arg[i])->deps;
    if (tn_is_anchor(v) && v->op != TN_T_prefix)
        for (int i = 0; i < v->red_count; i++)
            d &= ~tn_bit(v->red[i]);
    if (v->op == TN_T_topk)
        d |= tn_bit(v->to);
    if (v->op == TN_T_rename && d & tn_bit(v->axis))
        d = (d & ~tn_bit(v->axis)) | tn_bit(v->to);
    return d;
}

static tn_status
number_values(tn_sched *s)
{
    for (uint32_t id = 0; id < s->val_count; id++) {
        tn_vstate *q = &s->val[id];

        if (!q->value)
            continue;
        for (int i = 0; i < q->value->arg_count; i++) {
            const tn_tval *a = q->value->arg[i];

            if (a->id >= id || !s->val[a->id].value)
                return tn_fail(s->diag, TN_BUG, "kernel %s: value %u stands before its operand",
                    s->tile->name, id);
            if (s->val[a->id].depth >= q->depth)
                q->depth = s->val[a->id].depth + 1;
        }
        if (q->depth > MAX_DEPTH)
            return tn_fail(s->diag, TN_LIMIT, "kernel %s: expressions are nested deeper than %d",
                s->tile->name, MAX_DEPTH);
        q->deps = own_deps(s, q->value);
        q->where = -1;
    }
    return TN_OK;
}

tn_status
tn_values_number(tn_sched *s)
{
    tn_vals work = {0};

    if (s->tile->axes.count > TN_MAX_AXES)
        return tn_fail(s->diag, TN_LIMIT, "kernel %s: more than %d axes", s->tile->name,
            TN_MAX_AXES);
    s->val_count = s->tile->value_count;
    s->val_room = s->val_count + 4096;
    s->val = tn_new_array(s->arena, tn_vstate, s->val_room);
    s->reloaded = tn_new_array(s->arena, bool, s->tile->bufs.count);
    collect_roots(s, &work);
    while (work.count) {
        tn_tval *v = work.at[--work.count];

        if (s->val[v->id].value)
            continue;
        s->val[v->id].value = v;
        for (int i = 0; i < v->arg_count; i++)
            tn_vals_add(s, &work, v->arg[i]);
        tn_vals_add(s, &work, v->guard);
        if (v->axis) {
            tn_vals_add(s, &work, v->axis->low);
            tn_vals_add(s, &work, v->axis->high);
        }
    }
    return number_values(s);
}

tn_tval *
tn_value_reload(tn_sched *s, const tn_tstmt *store, const tn_tval *like)
{
    tn_tval *v = tn_new(s->arena, tn_tval);
    tn_vstate *q;

    if (s->val_count == s->val_room) {
        tn_sched_fail(s, TN_LIMIT, "too many stored values are used again");
        return store->value;
    }
    s->reloaded[store->buf->index] = true;
    v->op = TN_T_load;
    v->dtype = like->dtype;
    v->buf = store->buf;
    v->arg_count = (uint8_t)store->index_count;
    for (int i = 0; i < store->index_count; i++)
        v->arg[i] = store->index[i];
    v->axes = like->axes;
    v->axis_count = like->axis_count;
    v->epoch = UINT32_MAX;
    v->id = s->val_count++;
    q = &s->val[v->id];
    q->value = v;
    q->deps = tn_val(s, like)->deps;
    q->where = -1;
    return v;
}

/* ---- walks ---- */

void
tn_stem_start(tn_sched *s, tn_vals *list)
{
    s->mark++;
    list->count = 0;
}

static bool
stops(const tn_vstate *q, tn_stop stop)
{
    if (tn_is_anchor(q->value))
        return true;
    return (stop == TN_STOP_KEPT && q->kept) || (stop == TN_STOP_STORED && q->store[0]);
}

void
tn_stem(tn_sched *s, tn_tval *v, tn_stop stop, bool behind, tn_vals *list)
{
    tn_vstate *q;

    if (!v)
        return;
    q = tn_val(s, v);
    if (q->mark == s->mark)
        return;
    q->mark = s->mark;
    tn_vals_add(s, list, v);
    if (!behind && stops(q, stop))
        return;
    for (int i = 0; i < v->arg_count; i++)
        tn_stem(s, v->arg[i], stop, false, list);
}

bool
tn_out_loaded(tn_sched *s, const tn_out *o)
{
    const tn_vstate *q = o->kind == TN_OUT_STORE ? tn_val(s, o->value) : NULL;

    return q && q->kept && q->forward && q->forward->buf == o->stmt->buf;
}

/* The store makes its value, which later uses load from there: what stands
 * behind the value belongs to it, as with a kept one. */
static bool
makes(tn_sched *s, const tn_out *o)
{
    return tn_out_loaded(s, o) && o->value->op == TN_T_fn;
}

void
tn_out_roots(tn_sched *s, const tn_out *o, tn_vals *list)
{
    if (o->kind == TN_OUT_KEEP || makes(s, o)) {
        const tn_tval *v = o->kind == TN_OUT_KEEP ? o->node : o->value;

        for (int i = 0; i < v->arg_count; i++)
            tn_vals_add(s, list, v->arg[i]);
        if (o->kind == TN_OUT_KEEP)
            return;
    }
    if (o->stmt) {
        for (int i = 0; i < o->stmt->index_count; i++)
            tn_vals_add(s, list, o->stmt->index[i]);
        tn_vals_add(s, list, o->stmt->condition);
        tn_vals_add(s, list, o->stmt->position);
    }
    if (!makes(s, o))
        tn_vals_add(s, list, o->value);
}

void
tn_nest_roots(tn_sched *s, const tn_nest *n, tn_vals *list)
{
    for (uint32_t i = 0; i < n->reds.count; i++)
        for (int k = 0; k < n->reds.at[i]->arg_count; k++)
            tn_vals_add(s, list, n->reds.at[i]->arg[k]);
    for (uint32_t i = 0; i < n->inner.count; i++)
        tn_out_roots(s, n->inner.at[i], list);
    for (uint32_t i = 0; i < n->tail.count; i++)
        tn_out_roots(s, n->tail.at[i], list);
}

int
tn_value_cost(tn_sched *s, tn_tval *v)
{
    tn_vals stem = {0};
    int cost = 0;

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_fn)
            cost += tn_fn_info_of(stem.at[i]->fn)->cost;
    return cost;
}

/* ---- what a value can be ---- */

static bool
const_int(const tn_tval *v, int64_t *value)
{
    if (v->op != TN_T_const || tn_is_float(v->dtype))
        return false;
    *value = v->whole;
    return true;
}

bool
tn_is_sum_of_products(const tn_tval *v)
{
    return v->op == TN_T_mma ||
        (v->op == TN_T_reduce && v->fn == TN_FN_add && v->arg[0]->op == TN_T_fn &&
            v->arg[0]->fn == TN_FN_mul);
}

bool
tn_is_zero(const tn_tval *v)
{
    return v->op == TN_T_const && (tn_is_float(v->dtype) ? v->real == 0 : v->whole == 0);
}

bool
tn_value_size(const tn_sched *s, const tn_tval *v, int64_t *value)
{
    if (const_int(v, value))
        return true;
    if (v->op == TN_T_size && s->tile->sizes.at[v->whole].known) {
        *value = s->tile->sizes.at[v->whole].value;
        return true;
    }
    if (v->op == TN_T_fn && v->arg_count == 2) {
        int64_t a, b;

        if (!tn_value_size(s, v->arg[0], &a) || !tn_value_size(s, v->arg[1], &b))
            return false;
        switch (v->fn) {
        case TN_FN_add: *value = a + b; return true;
        case TN_FN_sub: *value = a - b; return true;
        case TN_FN_mul: *value = a * b; return true;
        case TN_FN_min: *value = a < b ? a : b; return true;
        case TN_FN_max: *value = a > b ? a : b; return true;
        case TN_FN_div:
            if (b <= 0 || a < 0)
                return false;
            *value = a / b;
            return true;
        default: return false;
        }
    }
    return false;
}

bool
tn_value_not_negative(const tn_tval *v)
{
    int64_t c;

    if (const_int(v, &c))
        return c >= 0;
    if (v->op == TN_T_size)
        return true;
    if (v->op == TN_T_index || v->op == TN_T_first)
        return !v->axis->low || tn_value_not_negative(v->axis->low);
    if (v->op != TN_T_fn)
        return false;
    switch (v->fn) {
    case TN_FN_add:
    case TN_FN_mul:
    case TN_FN_div:
    case TN_FN_min: return tn_value_not_negative(v->arg[0]) && tn_value_not_negative(v->arg[1]);
    case TN_FN_rem: return tn_value_not_negative(v->arg[0]);
    case TN_FN_max: return tn_value_not_negative(v->arg[0]) || tn_value_not_negative(v->arg[1]);
    default: return false;
    }
}

bool
tn_value_multiple(const tn_tval *v, const tn_axis *lane, int64_t by)
{
    int64_t c;

    if (by == 1)
        return true;
    if (const_int(v, &c))
        return c % by == 0;
    if (v->op == TN_T_index)
        return v->axis == lane && (!lane->low || tn_value_multiple(lane->low, NULL, by));
    if (v->op != TN_T_fn)
        return false;
    if (v->fn == TN_FN_add || v->fn == TN_FN_sub)
        return tn_value_multiple(v->arg[0], lane, by) && tn_value_multiple(v->arg[1], lane, by);
    if (v->fn == TN_FN_mul)
        return tn_value_multiple(v->arg[0], NULL, by) || tn_value_multiple(v->arg[1], NULL, by);
    return false;
}

/* ---- axes ---- */

bool
tn_axis_loaded(const tn_axis *a)
{
    return !tn_is_size(a->high) || (a->low && !tn_is_size(a->low));
}

bool
tn_axis_known(const tn_sched *s, const tn_axis *a, int64_t *extent)
{
    int64_t low = 0, high;

    if (!a->high || !tn_value_size(s, a->high, &high))
        return false;
    if (a->low && !tn_value_size(s, a->low, &low))
        return false;
    *extent = high - low;
    return true;
}

static int64_t
most(const tn_sched *s, const tn_tval *v)
{
    int64_t a, b;

    if (tn_value_size(s, v, &a))
        return a;
    if (v->op == TN_T_size)
        return s->tile->sizes.at[v->whole].high;
    if (v->op != TN_T_fn || v->arg_count != 2)
        return INT64_MAX;
    a = most(s, v->arg[0]);
    b = most(s, v->arg[1]);
    switch (v->fn) {
    case TN_FN_add: return a > INT32_MAX || b > INT32_MAX ? INT64_MAX : a + b;
    case TN_FN_mul: return a > INT32_MAX || b > INT32_MAX ? INT64_MAX : a * b;
    case TN_FN_min: return a < b ? a : b;
    case TN_FN_max: return a > b ? a : b;
    case TN_FN_sub:
    case TN_FN_div: return a;
    default: return INT64_MAX;
    }
}

int64_t
tn_axis_most(const tn_sched *s, const tn_axis *a)
{
    int64_t known;

    if (tn_axis_known(s, a, &known))
        return known;
    return a->high ? most(s, a->high) : INT64_MAX;
}
