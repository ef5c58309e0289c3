/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tile.h"

#include "ir/kernel/twalk.h"

/* Walks statements in order. `seen` holds the values already evaluated in the
 * open scopes; `stores` counts what each buffer got so far, to compare with
 * the epoch of a load at its first use. */
typedef struct verifier {
    tn_arena *arena;
    tn_diag *diag;
    const tn_tile *t;
    tn_tset set;
    uint32_t *stores;
    TN_VEC(const tn_tstmt *) done;   /* stores made */
    TN_VEC(const tn_tstmt *) loops;  /* open loops */
    TN_VEC(const tn_tstmt *) closed; /* loops whose results are visible */
    const tn_tstmt *merging;
    bool *seen;
    TN_VEC(uint32_t) trail; /* ids set in `seen`, to take back */
    bool failed;
} verifier;

static void fault(verifier *v, const char *format, ...) TN_PRINTF(2, 3);

static void
fault(verifier *v, const char *format, ...)
{
    const char *text;
    va_list args;

    va_start(args, format);
    text = tn_arena_vprintf(v->arena, format, args);
    va_end(args);
    (void)tn_fail(v->diag, TN_BUG, "kernel %s: %s", v->t->name, text);
    v->failed = true;
}

/* ---- scope of axes and loop values ---- */

static bool
axis_in_scope(const verifier *v, const tn_axis *axis)
{
    if (axis->kind != TN_AXIS_LOOP)
        return true;
    for (uint32_t i = 0; i < v->loops.count; i++)
        if (v->loops.at[i]->axis == axis)
            return true;
    return false;
}

static bool
has_loop(const tn_tstmt *const *loops, uint32_t count, const tn_tstmt *loop)
{
    for (uint32_t i = 0; i < count; i++)
        if (loops[i] == loop)
            return true;
    return false;
}

static void
check_scope(verifier *v, const tn_tval *x)
{
    for (int i = 0; i < x->axis_count; i++)
        if (!axis_in_scope(v, x->axes[i]))
            fault(v, "value %u uses axis %s outside its loop", x->id, x->axes[i]->name);
    if ((x->op == TN_T_index || x->op == TN_T_first || x->op == TN_T_last) &&
        !axis_in_scope(v, x->axis))
        fault(v, "position on axis %s outside its loop", x->axis->name);
    if (x->op == TN_T_carry && !has_loop(v->loops.at, v->loops.count, x->loop))
        fault(v, "a carried value of axis %s is used outside its loop", x->loop->axis->name);
    if (x->op == TN_T_result && x->loop && !has_loop(v->closed.at, v->closed.count, x->loop))
        fault(v, "the result of loop %s is used before its end", x->loop->axis->name);
    if (x->op == TN_T_merged && v->merging != x->loop)
        fault(v, "a merged value of loop %s is used outside its merge", x->loop->axis->name);
}

/* ---- one value ---- */

static void
check_indices(verifier *v, const tn_tbuf *buf, tn_tval *const *index, int count)
{
    if (count != buf->rank)
        fault(v, "%s has %d dimensions, %d are given", buf->name, buf->rank, count);
    for (int i = 0; i < count; i++)
        if (index[i]->dtype != TN_I32)
            fault(v, "index %d of %s is %s", i, buf->name, tn_dtype_name(index[i]->dtype));
}

static bool
may_alias(const tn_tbuf *a, const tn_tbuf *b)
{
    return a == b || (a->alias && a->alias == b->alias);
}

static bool
same_index(const tn_tstmt *store, const tn_tval *load)
{
    if (store->index_count != load->arg_count)
        return false;
    for (int i = 0; i < load->arg_count; i++)
        if (store->index[i] != load->arg[i])
            return false;
    return true;
}

static bool
stores_to(const tn_tbody *body, const tn_tbuf *buf)
{
    for (uint32_t i = 0; body && i < body->stmts.count; i++) {
        const tn_tstmt *s = body->stmts.at[i];

        if (s->op == TN_T_store && may_alias(s->buf, buf))
            return true;
        if (stores_to(s->body, buf) || stores_to(s->orelse, buf))
            return true;
    }
    return false;
}

static bool
is_inside(const tn_tbody *home, const tn_tbody *body)
{
    for (; home; home = home->parent)
        if (home == body)
            return true;
    return false;
}

/* A load is evaluated at its first use: stores made between its place in the
 * program and that use must have gone to the same elements. */
static void
check_order(verifier *v, const tn_tval *load)
{
    uint32_t now = 0, from;

    for (uint32_t i = 0; i < v->t->bufs.count; i++)
        if (may_alias(load->buf, v->t->bufs.at[i]))
            now += v->stores[i];
    from = now;
    for (uint32_t i = v->done.count; i > 0 && from > load->epoch; i--) {
        const tn_tstmt *s = v->done.at[i - 1];

        if (!may_alias(load->buf, s->buf))
            continue;
        if (!same_index(s, load))
            fault(v, "a load of %s is first used behind a store to %s", load->buf->name,
                s->buf->name);
        from--;
    }
}

/* What a loop stores to must be loaded anew in each round: by a load that was
 * made inside. */
static void
check_rounds(verifier *v, const tn_tval *load)
{
    for (uint32_t i = 0; i < v->loops.count; i++) {
        const tn_tstmt *loop = v->loops.at[i];

        if (!is_inside(load->home, loop->body) && stores_to(loop->body, load->buf))
            fault(v, "loop %s stores to %s; a load made outside is first used inside",
                loop->axis->name, load->buf->name);
    }
}

static void
check_reduced(verifier *v, const tn_tval *x)
{
    for (int i = 0; i < x->red_count; i++) {
        bool found = false;

        for (int k = 0; k < x->arg_count; k++)
            found |= tn_tval_has_axis(x->arg[k], x->red[i]);
        if (!found)
            fault(v, "%s over axis %s, which no operand has", tn_top_name(x->op), x->red[i]->name);
    }
    if (x->op == TN_T_mma)
        for (int i = 0; i < x->red_count; i++)
            if (tn_tval_has_axis(x->arg[0], x->red[i]))
                fault(v, "the first operand of mma has the summed axis %s", x->red[i]->name);
}

static void
check_value(verifier *v, const tn_tval *x)
{
    const char *why;

    for (int i = 0; i < x->arg_count; i++)
        if (x->arg[i]->id >= x->id)
            fault(v, "value %u is made from a later one", x->id);
    check_scope(v, x);
    switch (x->op) {
    case TN_T_fn:
        if (x->fn == TN_FN_cast || x->fn == TN_FN_bits)
            break;
        why = tn_tb_fn_fault(x->fn, (tn_tval *const *)x->arg, x->arg_count);
        if (why)
            fault(v, "%s %s", tn_fn_info_of(x->fn)->name, why);
        break;
    case TN_T_load:
        check_indices(v, x->buf, x->arg, x->arg_count);
        check_order(v, x);
        check_rounds(v, x);
        if (x->guard && x->guard->op != TN_T_const)
            fault(v, "the guard of a load of %s is no constant", x->buf->name);
        break;
    case TN_T_rename:
        if (x->axis->high != x->to->high || x->axis->low != x->to->low)
            fault(v, "rename from %s to %s: other bounds", x->axis->name, x->to->name);
        break;
    case TN_T_topk:
        if (x->to->kind != TN_AXIS_OUT)
            fault(v, "topk gives axis %s, which is no out axis", x->to->name);
        check_reduced(v, x);
        break;
    default: check_reduced(v, x); break;
    }
}

static bool
is_seen(void *arg, const tn_tval *x)
{
    const verifier *v = arg;

    return v->seen[x->id];
}

static void
root(void *arg, tn_tval *x)
{
    verifier *v = arg;

    tn_tset_clear(&v->set);
    tn_tset_add(&v->set, x, is_seen, v);
    for (uint32_t i = 0; i < v->set.count; i++) {
        v->seen[v->set.at[i]->id] = true;
        tn_push(v->arena, &v->trail, v->set.at[i]->id);
        check_value(v, v->set.at[i]);
    }
}

/* ---- statements ---- */

static void check_body(verifier *v, const tn_tbody *body);

static void
check_covered(verifier *v, const tn_tstmt *s)
{
    for (int i = 0; i < s->value->axis_count; i++) {
        const tn_axis *axis = s->value->axes[i];
        bool found = s->condition && tn_tval_has_axis(s->condition, axis);

        for (int k = 0; k < s->index_count; k++)
            found |= tn_tval_has_axis(s->index[k], axis);
        if (!found)
            fault(v, "store to %s: axis %s of the value is in no index", s->buf->name, axis->name);
    }
}

static void
check_store(verifier *v, const tn_tstmt *s)
{
    check_indices(v, s->buf, s->index, s->index_count);
    if (s->value->dtype != s->buf->dtype)
        fault(v, "store of %s to %s, which is %s", tn_dtype_name(s->value->dtype), s->buf->name,
            tn_dtype_name(s->buf->dtype));
    if (s->condition && s->condition->dtype != TN_BOOL)
        fault(v, "the condition of a store to %s is no bool", s->buf->name);
    check_covered(v, s);
    v->stores[s->buf->index]++;
    tn_push(v->arena, &v->done, s);
}

static void
check_carried(verifier *v, const tn_tcarry *c, const tn_tval *x, const char *what)
{
    if (x->dtype != c->value->dtype)
        fault(v, "the %s value of a carry is %s", what, tn_dtype_name(x->dtype));
    for (int i = 0; i < x->axis_count; i++)
        if (!tn_tval_has_axis(c->value, x->axes[i]))
            fault(v, "the %s value of a carry has axis %s, which the carry does not list", what,
                x->axes[i]->name);
}

static void
forget(verifier *v, uint32_t from)
{
    while (v->trail.count > from)
        v->seen[v->trail.at[--v->trail.count]] = false;
}

static void
check_merge(verifier *v, const tn_tstmt *s)
{
    uint32_t from = v->trail.count;

    v->merging = s;
    check_body(v, s->merge_body);
    for (uint32_t i = 0; i < s->carry.count; i++) {
        root(v, s->carry.at[i].merged);
        check_carried(v, &s->carry.at[i], s->carry.at[i].merged, "merged");
    }
    for (uint32_t i = 0; i < s->merge_body->stmts.count; i++)
        fault(v, "the merge of loop %s has statements", s->axis->name);
    v->merging = NULL;
    forget(v, from);
}

static void
check_loop(verifier *v, const tn_tstmt *s)
{
    uint32_t from;

    if (s->axis->low->axis_count || s->axis->high->axis_count)
        fault(v, "the bounds of loop %s are no scalars of the task", s->axis->name);
    if (s->scan && s->merge)
        fault(v, "scan %s has a merge", s->axis->name);
    for (uint32_t i = 0; i < s->carry.count; i++) {
        check_carried(v, &s->carry.at[i], s->carry.at[i].init, "first");
        if (is_inside(s->carry.at[i].init->home, s->body))
            fault(v, "a first value of loop %s was made inside", s->axis->name);
    }
    from = v->trail.count;
    tn_push(v->arena, &v->loops, s);
    check_body(v, s->body);
    for (uint32_t i = 0; i < s->carry.count; i++) {
        if (!s->carry.at[i].next) {
            fault(v, "loop %s does not end", s->axis->name);
            break;
        }
        root(v, s->carry.at[i].next);
        check_carried(v, &s->carry.at[i], s->carry.at[i].next, "next");
    }
    v->loops.count--;
    forget(v, from);
    if (s->merge)
        check_merge(v, s);
    tn_push(v->arena, &v->closed, s);
}

static void
check_if(verifier *v, const tn_tstmt *s)
{
    uint32_t from = v->trail.count;

    if (s->condition->dtype != TN_BOOL || s->condition->axis_count)
        fault(v, "the condition of an if is no truth value of the task");
    check_body(v, s->body);
    forget(v, from);
    if (s->orelse)
        check_body(v, s->orelse);
    forget(v, from);
}

static void
check_body(verifier *v, const tn_tbody *body)
{
    uint32_t closed = v->closed.count;

    for (uint32_t i = 0; i < body->stmts.count; i++) {
        const tn_tstmt *s = body->stmts.at[i];

        tn_tstmt_roots(s, false, root, v);
        switch (s->op) {
        case TN_T_store: check_store(v, s); break;
        case TN_T_loop: check_loop(v, s); break;
        case TN_T_if: check_if(v, s); break;
        case TN_T_check:
            if (s->condition->dtype != TN_BOOL)
                fault(v, "the condition of a check is no bool");
            break;
        default: break;
        }
    }
    if (body->owner)
        v->closed.count = closed;
}

/* Grid bounds: sizes, or loads at positions of outer axes by 1. */
static void
check_grid(verifier *v, const tn_axis *axis, tn_tval *bound)
{
    if (bound->axis_count)
        fault(v, "a bound of grid axis %s is a tile", axis->name);
    tn_tset_clear(&v->set);
    tn_tset_add(&v->set, bound, NULL, NULL);
    for (uint32_t i = 0; i < v->set.count; i++) {
        const tn_tval *x = v->set.at[i];

        if (x->op != TN_T_const && x->op != TN_T_size && x->op != TN_T_fn && x->op != TN_T_load &&
            x->op != TN_T_index)
            fault(v, "a bound of grid axis %s is a %s", axis->name, tn_top_name(x->op));
        if (x->op == TN_T_load && x->buf->written)
            fault(v, "a bound of grid axis %s is loaded from a result", axis->name);
    }
}

tn_status
tn_tile_verify(const tn_tile *t, tn_diag *diag)
{
    verifier v = {.arena = t->arena, .diag = diag, .t = t, .set = tn_tset_create(t->arena, t)};

    v.stores = tn_new_array(t->arena, uint32_t, t->bufs.count);
    v.seen = tn_new_array(t->arena, bool, t->value_count);
    for (uint32_t i = 0; i < t->grid.count; i++) {
        check_grid(&v, t->grid.at[i], t->grid.at[i]->low);
        check_grid(&v, t->grid.at[i], t->grid.at[i]->high);
    }
    check_body(&v, t->body);
    return v.failed ? TN_BUG : TN_OK;
}
