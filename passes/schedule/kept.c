/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Storage of kept values, carries and locals. On CPUs it is scratch of the
 * task, or a register where no dimension is left; on GPUs group memory while
 * it lasts, then a slice of a scratch buffer for each group. */

void
tn_shape_axes(tn_kept_shape *shape, const tn_tval *like)
{
    shape->rank = like->axis_count;
    for (int i = 0; i < like->axis_count; i++)
        shape->axis[i] = like->axes[i];
}

/* The dimension that lies innermost; -1: all are dropped. */
static int
innermost(const tn_kept_shape *shape)
{
    int last = -1;

    for (int i = 0; i < shape->rank; i++) {
        if (shape->axis[i] && shape->dropped & tn_bit(shape->axis[i]))
            continue;
        if (shape->axis[i] && shape->axis[i] == shape->lane)
            return i;
        last = i;
    }
    return last;
}

static tn_ins *
extent(tn_sched *s, const tn_kept_shape *shape, int i, bool pad)
{
    tn_ins *e = shape->axis[i] ? tn_longest(s, shape->axis[i]) : tn_scalar(s, shape->dim[i]);

    return pad ? tn_round_up(s, e, s->lanes) : e;
}

static void
lay_out(tn_sched *s, tn_kept *k, const tn_kept_shape *shape)
{
    int inner = innermost(shape);
    tn_ins *n = tn_int(s, 1);

    k->rank = shape->rank;
    for (int i = 0; i < shape->rank; i++) {
        k->axis[i] = shape->axis[i];
        k->origin[i] = shape->axis[i] ? tn_low(s, shape->axis[i]) : NULL;
    }
    if (inner >= 0) {
        k->stride[inner] = n;
        n = extent(s, shape, inner, shape->axis[inner] && shape->axis[inner] == shape->lane);
    }
    for (int i = shape->rank; i-- > 0;) {
        if (i == inner || (shape->axis[i] && shape->dropped & tn_bit(shape->axis[i])))
            continue;
        k->stride[i] = n;
        n = tn_mul(s, n, extent(s, shape, i, false));
    }
    k->size = n;
}

/* A slice of a buffer for each group: where group memory is too small, or
 * the size is not known. */
static void
spill(tn_sched *s, tn_kept *k, tn_ins *count)
{
    tn_sum f = tn_sum_of(s);
    tn_launch_binding binding = {true, s->out->scratch.count};

    k->mem = tn_kb_global(s->b, tn_arena_printf(s->arena, "scratch%u", binding.index), k->dtype,
        true, true);
    tn_push(s->arena, &s->launch->bindings, binding);
    k->start = tn_mul(s, s->task, count);
    tn_sum_ins(&f, count, s);
    tn_write(&f.code, s->tasks.code, s->tasks.bytes);
    tn_sum_op(&f, TN_FORMULA_MUL);
    tn_sum_int(&f, tn_dtype_bytes(k->dtype));
    tn_sum_op(&f, TN_FORMULA_MUL);
    tn_push(s->arena, &s->out->scratch, tn_sum_end(&f));
}

tn_kept *
tn_kept_new(tn_sched *s, const tn_kept_shape *shape)
{
    tn_kept *k = tn_new(s->arena, tn_kept);
    tn_ins *count;
    int64_t n;

    k->dtype = shape->dtype;
    k->twice = shape->twice;
    if (shape->rank > TN_KEPT_RANK) {
        tn_sched_fail(s, TN_UNSUPPORTED, "a value over more than %d axes is kept", TN_KEPT_RANK);
        return k;
    }
    lay_out(s, k, shape);
    if (s->target->gpu) {
        count = k->twice ? tn_muli(s, k->size, 2) : k->size;
        if (tn_kb_is_int(count, &n) &&
            n * tn_dtype_bytes(k->dtype) <= s->target->group_bytes - s->group_used) {
            s->group_used += n * tn_dtype_bytes(k->dtype);
            k->mem = tn_kb_local(s->b, shape->name, k->dtype, count);
        } else {
            spill(s, k, count);
        }
        return k;
    }
    if (innermost(shape) < 0 && !k->twice) {
        k->cell = tn_kb_cell(s->b, shape->name, (tn_ktype){k->dtype, 1}, 0, NULL, false);
        return k;
    }
    count = k->twice ? tn_muli(s, k->size, 2) : k->size;
    k->mem = tn_kb_local(s->b, shape->name, k->dtype, count);
    return k;
}

/* ---- access ---- */

static void
add_axis_offset(tn_sched *s, tn_place *r, const tn_kept *k, int i, const tn_pos *pos)
{
    tn_ins *off = tn_sub(s, pos->base, k->origin[i]);
    int64_t c;

    r->at = tn_add(s, r->at, tn_mul(s, off, k->stride[i]));
    if (pos->lanes == 1)
        return;
    if (tn_kb_is_int(k->stride[i], &c)) {
        r->coef = c;
    } else {
        tn_ins *by = tn_wide(s, tn_convert(s, k->stride[i], TN_I32), pos->lanes);

        r->vec = tn_mul(s, tn_kb_lanes(s->b, pos->lanes), by);
    }
}

tn_place
tn_kept_place(tn_sched *s, const tn_kept *k, tn_point *p, bool write)
{
    tn_place r = {k->start ? k->start : tn_int(s, 0), NULL, 0, false};

    for (int i = 0; i < k->rank; i++) {
        const tn_pos *pos = k->axis[i] && k->stride[i] ? tn_point_pos(p, k->axis[i]) : NULL;

        if (pos)
            add_axis_offset(s, &r, k, i, pos);
        else if (k->stride[i])
            tn_sched_fail(s, TN_BUG, "axis %s of a kept value is not bound",
                k->axis[i] ? k->axis[i]->name : "?");
    }
    if (k->parity) {
        tn_ins *copy = k->parity;

        if (write)
            copy = tn_sub(s, tn_int(s, 1), copy);
        r.at = tn_add(s, r.at, tn_mul(s, copy, k->size));
    }
    return r;
}

static tn_axset
kept_axes(const tn_kept *k)
{
    tn_axset set = 0;

    for (int i = 0; i < k->rank; i++)
        if (k->axis[i] && k->stride[i])
            set |= tn_bit(k->axis[i]);
    return set;
}

tn_ins *
tn_kept_load(tn_sched *s, const tn_kept *k, tn_point *p)
{
    tn_place at;

    if (k->cell)
        return tn_kb_get(s->b, k->cell, 0, NULL);
    at = tn_kept_place(s, k, p, false);
    return tn_load_at(s, k->mem, &at, tn_lanes_of(s, p, kept_axes(k)), NULL, NULL);
}

void
tn_kept_store(tn_sched *s, const tn_kept *k, tn_ins *value, tn_point *p)
{
    tn_place at;

    if (k->cell) {
        tn_kb_set(s->b, k->cell, tn_convert(s, value, k->dtype), 0, NULL);
        return;
    }
    at = tn_kept_place(s, k, p, true);
    tn_store_at(s, k->mem, &at, value, tn_lanes_of(s, p, kept_axes(k)), NULL);
}

/* ---- which values get storage ---- */

static bool
among(tn_nest *const *group, uint32_t count, const tn_nest *n)
{
    for (uint32_t i = 0; i < count; i++)
        if (group[i] == n)
            return true;
    return false;
}

static void
allocate(tn_sched *s, tn_nest *n, tn_tval *v, int number, tn_dtype dtype, tn_axset common,
    tn_nest *const *group, uint32_t group_count)
{
    tn_vstate *q = tn_val(s, v);
    tn_kept_shape shape = {.name = v->op == TN_T_fn ? "kept" : "red", .dtype = dtype};
    bool others = v->op == TN_T_topk, inside = true;

    for (uint32_t i = 0; i < q->users.count; i++) {
        others |= q->users.at[i] != n;
        inside &= among(group, group_count, q->users.at[i]);
    }
    q->pending[number] = NULL;
    if (!others)
        return;
    tn_shape_axes(&shape, v);
    shape.lane = n->lane;
    if (inside)
        shape.dropped = n->lane ? common & ~tn_bit(n->lane) : common;
    q->pending[number] = tn_kept_new(s, &shape);
}

void
tn_nest_storage(tn_sched *s, tn_nest *n, tn_axset common, tn_nest *const *group,
    uint32_t group_count)
{
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_tval *v = n->reds.at[i];

        allocate(s, n, v, 0, v->dtype, common, group, group_count);
        if (v->op == TN_T_argreduce || v->op == TN_T_topk)
            allocate(s, n, v, 1, TN_I32, common, group, group_count);
    }
    for (uint32_t i = 0; i < n->inner.count; i++)
        if (n->inner.at[i]->kind == TN_OUT_KEEP)
            allocate(s, n, n->inner.at[i]->node, 0, n->inner.at[i]->node->dtype, common, group,
                group_count);
    for (uint32_t i = 0; i < n->tail.count; i++)
        if (n->tail.at[i]->kind == TN_OUT_KEEP)
            allocate(s, n, n->tail.at[i]->node, 0, n->tail.at[i]->node->dtype, common, group,
                group_count);
}

static void
make_local(tn_sched *s, const tn_tbuf *b, const tn_axis *lane)
{
    tn_kept_shape shape = {.name = b->name, .dtype = b->dtype, .rank = b->rank};

    for (int i = 0; i < b->rank; i++) {
        shape.axis[i] = b->dim_axis[i];
        shape.dim[i] = b->dim[i];
    }
    shape.lane = lane;
    s->local[b->index] = tn_kept_new(s, &shape);
    if (s->local[b->index]->cell)
        tn_sched_fail(s, TN_UNSUPPORTED, "local %s has no dimension", b->name);
}

/* The lane axis of the first nest that stores a local. */
static const tn_axis *
storing_lane(const tn_sched *s, const tn_tbuf *b)
{
    for (uint32_t i = 0; i < s->nests.count; i++) {
        const tn_nest *n = s->nests.at[i];

        for (uint32_t k = 0; k < n->inner.count + n->tail.count; k++) {
            const tn_out *o = k < n->inner.count ? n->inner.at[k] : n->tail.at[k - n->inner.count];

            if (o->kind == TN_OUT_STORE && o->stmt->buf == b)
                return n->lane;
        }
    }
    return NULL;
}

static const tn_axis *
carry_lane(const tn_sched *s, const tn_tval *carry)
{
    const tn_axis *lane = NULL;

    for (uint32_t i = 0; i < s->nests.count; i++) {
        const tn_nest *n = s->nests.at[i];

        for (uint32_t k = 0; k < n->tail.count; k++)
            if (n->tail.at[k]->kind == TN_OUT_CARRY && n->tail.at[k]->node == carry)
                lane = n->lane;
    }
    return lane;
}

void
tn_body_storage(tn_sched *s, tn_items *items)
{
    for (uint32_t i = 0; i < items->source->stmts.count; i++) {
        const tn_tstmt *st = items->source->stmts.at[i];

        if (st->op == TN_T_local)
            make_local(s, st->buf, storing_lane(s, st->buf));
    }
    for (uint32_t i = 0; i < items->list.count; i++) {
        const tn_item *item = items->list.at[i];

        for (uint32_t k = 0; item->kind == TN_ITEM_LOOP && k < item->stmt->carry.count; k++) {
            tn_tval *c = item->stmt->carry.at[k].value;
            tn_kept_shape shape = {.name = "carry", .dtype = c->dtype};

            tn_shape_axes(&shape, c);
            shape.lane = carry_lane(s, c);
            shape.twice = tn_carry_twice(s, item->body, c);
            tn_val(s, c)->store[0] = tn_kept_new(s, &shape);
        }
    }
}

/* ---- life of storage ---- */

/* A nest inside shared loops is emitted twice: for whole vectors, and for
 * what is left. Its storage is the same both times. */
static void
ready(tn_sched *s, tn_tval *v, bool made)
{
    tn_vstate *q = tn_val(s, v);

    for (int i = 0; i < 2; i++)
        q->store[i] = made ? q->pending[i] : NULL;
}

static void
outs_ready(tn_sched *s, tn_out *const *outs, uint32_t count, bool made)
{
    for (uint32_t i = 0; i < count; i++) {
        if (outs[i]->kind == TN_OUT_KEEP)
            ready(s, outs[i]->node, made);
        if (tn_out_loaded(s, outs[i]))
            tn_val(s, outs[i]->value)->forward_ready = made;
    }
}

static void
nest_ready(tn_sched *s, tn_nest *n, bool made)
{
    for (uint32_t i = 0; i < n->reds.count; i++)
        ready(s, n->reds.at[i], made);
    outs_ready(s, n->inner.at, n->inner.count, made);
    outs_ready(s, n->tail.at, n->tail.count, made);
}

void
tn_nest_begin(tn_sched *s, tn_nest *n)
{
    nest_ready(s, n, false);
}

void
tn_nest_done(tn_sched *s, tn_nest *n)
{
    nest_ready(s, n, true);
}
