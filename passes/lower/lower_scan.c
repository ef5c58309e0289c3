/* SPDX-License-Identifier: Apache-2.0
 * A scan is one tile scan: batch axes are grid axes of the group, carried
 * values are tiles over them and spanned axes, collected ones are stored round
 * by round. */
#include <assert.h>

#include "passes/lower/lo.h"
#include "passes/scan_axes.h"

/* A scan whose collected values are computed again where they are read. */
typedef struct tn_lo_past {
    tn_op *op;
    int carries;
    tn_tbuf **carried; /* of each carry: its value at the start of each round */
} tn_lo_past;

typedef struct loop {
    tn_op *op;
    int carries;
    tn_tstmt *stmt;
    tn_tval *position; /* of the slice */
    tn_lo_bound *carried;
    tn_tbuf **local; /* of each result, if the group reads it again */
    tn_lo_past *past; /* NULL: nothing is computed again */
} loop;

/* Axes of a carried value, from its place in the group. */
static void
set_axes(tn_lo *k, const tn_value *v, tn_lo_bound *bound)
{
    const tn_group_place *p = tn_group_find(k->group, v);

    for (int i = 0; i < v->type.rank; i++)
        bound->axis[i] = p->axis[i] < 0 ? NULL : k->axis[p->axis[i]];
}

static void
own_index(tn_lo *k, const tn_value *v, const tn_lo_bound *bound, tn_tval **index)
{
    for (int i = 0; i < v->type.rank; i++)
        index[i] = bound->axis[i] ? tn_tb_index(k->b, bound->axis[i]) : tn_tb_int(k->b, 0);
}

static int
listed_axes(const tn_value *v, const tn_lo_bound *bound, tn_axis **axes)
{
    int count = 0;

    for (int i = 0; i < v->type.rank; i++)
        if (bound->axis[i])
            axes[count++] = bound->axis[i];
    return count;
}

/* ---- collected values ---- */

static const tn_op *
outermost(const tn_lo *k, const tn_op *op)
{
    while (op && op->block != k->g->block)
        op = op->block->owner;
    return op;
}

static bool read_again(const tn_lo *k, const tn_op *scan, const tn_value *v, int depth);

/* Through views and what else is computed where it is read. */
static bool
reads_for_group(const tn_lo *k, const tn_op *scan, const tn_op *op, int depth)
{
    if (k->groups->of[op->id])
        return k->groups->of[op->id] == k->group;
    for (int i = 0; i < op->out_count; i++)
        if (depth < 32 && read_again(k, scan, op->out[i], depth + 1))
            return true;
    return false;
}

/* True if another member of the group reads the value. */
static bool
read_again(const tn_lo *k, const tn_op *scan, const tn_value *v, int depth)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_use *use = &v->uses.at[i];
        const tn_op *op = outermost(k, use->op ? use->op : use->block->owner);

        if (op && op != scan && reads_for_group(k, scan, op, depth))
            return true;
    }
    return false;
}

static bool
is_output(const tn_lo *k, const tn_value *v)
{
    for (uint32_t i = 0; i < k->group->outputs.count; i++)
        if (k->group->outputs.at[i] == v)
            return true;
    return false;
}

static bool
computed_again(const tn_lo *k, const tn_value *v)
{
    for (uint32_t i = 0; i < k->group->again.count; i++)
        if (k->group->again.at[i] == v)
            return true;
    return false;
}

static void
open_locals(tn_lo *k, loop *l)
{
    for (int n = l->carries; n < l->op->out_count; n++) {
        const tn_value *v = l->op->out[n];
        tn_tval *dims[TN_MAX_RANK];
        tn_axis *axes[TN_MAX_RANK] = {0};

        if (computed_again(k, v) || !read_again(k, l->op, v, 0))
            continue;
        for (int i = 0; i < v->type.rank; i++) {
            const tn_group_place *p = tn_group_find(k->group, v);

            axes[i] = p->axis[i] < 0 ? NULL : k->axis[p->axis[i]];
            dims[i] = axes[i] ? NULL : tn_lo_size(k, v->type.dim[i]);
        }
        l->local[n] =
            tn_tb_local(k->b, v->name ? v->name : "kept", v->type.dtype, v->type.rank, dims, axes);
    }
}

/* Element of a body result for each position of a round. */
static tn_tval *
collected(tn_lo *k, loop *l, int n, tn_tval **index)
{
    tn_value *v = l->op->body[0]->results.at[n];
    const tn_value *out = l->op->out[n];
    const tn_group_place *p = tn_group_find(k->group, out);
    int along = tn_scan_along(l->op, out->type.rank);
    tn_tval *at[TN_MAX_RANK];

    for (int i = 0; i < v->type.rank; i++) {
        int axis = p->axis[i + (i >= along)];

        if (axis >= 0)
            at[i] = tn_tb_index(k->b, k->axis[axis]);
        else
            at[i] = tn_tb_int(k->b, 0);
    }
    for (int i = 0; i < v->type.rank; i++)
        if (p->axis[i + (i >= along)] < 0 && !tn_size_is_one(v->type.dim[i])) {
            tn_axis *axis = tn_lo_span_axis(k, v->type.dim[i], at, v->type.rank);

            at[i] = tn_tb_index(k->b, axis);
        }
    for (int i = 0, m = 0; i < out->type.rank; i++)
        index[i] = i == along ? l->position : at[m++];
    return tn_lo_el(k, v, at);
}

static void
collect(tn_lo *k, loop *l)
{
    for (int n = l->carries; n < l->op->out_count; n++) {
        tn_value *out = l->op->out[n];
        tn_tval *index[TN_MAX_RANK], *x;

        if (!l->local[n] && !is_output(k, out))
            continue;
        x = collected(k, l, n, index);
        if (l->local[n])
            tn_tb_store(k->b, l->local[n], index, x, NULL);
        if (is_output(k, out))
            tn_tb_store(k->b, tn_lo_output(k, out, &out->type), index, x, NULL);
    }
}

/* ---- what was carried ---- */

/* An array over rounds, and its place for the round `round`. */
static tn_tbuf *
past_array(tn_lo *k, const loop *l, int carry)
{
    const tn_value *v = l->op->out[carry];
    tn_sizes *sizes = k->g->sizes;
    tn_size rounds = tn_size_add(sizes, tn_scan_rounds(l->op), tn_size_int(sizes, 1));
    tn_tval *dims[TN_MAX_RANK];
    tn_axis *axes[TN_MAX_RANK] = {0};

    dims[0] = tn_lo_size(k, rounds);
    for (int i = 0; i < v->type.rank; i++) {
        tn_axis *axis = l->carried[carry].axis[i];

        axes[i + 1] = axis && axis->kind == TN_AXIS_GRID ? axis : NULL;
        dims[i + 1] = axes[i + 1] ? NULL : tn_lo_size(k, v->type.dim[i]);
    }
    return tn_tb_local(k->b, "past", v->type.dtype, v->type.rank + 1, dims, axes);
}

static void
store_past(tn_lo *k, const loop *l, int carry, tn_tval *round, tn_tval *value)
{
    tn_tval *index[TN_MAX_RANK];

    index[0] = round;
    own_index(k, l->op->out[carry], &l->carried[carry], index + 1);
    tn_tb_store(k->b, l->past->carried[carry], index, value, NULL);
}

static void
open_past(tn_lo *k, loop *l, tn_tval *const *init)
{
    bool any = false;

    for (int n = l->carries; n < l->op->out_count; n++)
        any |= computed_again(k, l->op->out[n]);
    if (!any)
        return;
    tn_lo_turn(k);
    l->past = tn_new(k->arena, tn_lo_past);
    l->past->op = l->op;
    l->past->carries = l->carries;
    l->past->carried = tn_new_array(k->arena, tn_tbuf *, l->carries + 1);
    for (int i = 0; i < l->carries; i++) {
        l->past->carried[i] = past_array(k, l, i);
        store_past(k, l, i, tn_tb_int(k->b, 0), init[i]);
    }
}

/* Position of the slice in a round, and the other way round. */
static tn_tval *
turn(tn_lo *k, const tn_op *op, tn_tval *t)
{
    tn_tval *last;

    if (!tn_op_int(op, TN_ATTR_scan_reverse))
        return t;
    last = tn_lo_size(k, tn_scan_rounds(op));
    last = tn_tb_fn2(k->b, TN_FN_sub, last, tn_tb_int(k->b, 1));
    return tn_tb_fn2(k->b, TN_FN_sub, last, t);
}

tn_tval *
tn_lower_scan_again(tn_lo *k, const tn_lo_bound *bound, int result, tn_tval *const *index)
{
    const tn_lo_past *past = bound->past;
    const tn_block *body = past->op->body[0];
    int along = tn_scan_along(past->op, past->op->out[result]->type.rank);
    tn_tval *position = index[along], *round = turn(k, past->op, position), *at[TN_MAX_RANK], *x;
    uint32_t mark = tn_lo_enter(k);

    for (int i = 0; i < past->op->in_count; i++) {
        tn_lo_bound b = {.kind = TN_LO_PAST, .tile = round};

        if (i < past->carries) {
            b.local = past->carried[i];
        } else {
            b = (tn_lo_bound){.kind = TN_LO_SLICE, .tile = position, .of = past->op->in[i]};
            b.along = tn_scan_along(past->op, b.of->type.rank);
        }
        tn_lo_bind(k, body->params.at[i], &b);
    }
    tn_lo_bind(k, body->params.at[past->op->in_count],
        &(tn_lo_bound){.kind = TN_LO_SCALAR, .tile = position});
    for (int i = 0, n = 0; i < past->op->out[result]->type.rank; i++)
        if (i != along)
            at[n++] = index[i];
    x = tn_lo_el(k, body->results.at[result], at);
    tn_lo_leave(k, mark);
    return x;
}

/* ---- the loop ---- */

static void
open_loop(tn_lo *k, loop *l)
{
    tn_size rounds = tn_scan_rounds(l->op);
    tn_tval **init = tn_new_array(k->arena, tn_tval *, l->carries + 1);
    tn_tval *index[TN_MAX_RANK];

    for (int i = 0; i < l->carries; i++) {
        set_axes(k, l->op->out[i], &l->carried[i]);
        own_index(k, l->op->out[i], &l->carried[i], index);
        init[i] = tn_lo_el(k, l->op->in[i], index);
    }
    open_locals(k, l);
    open_past(k, l, init);
    l->stmt = tn_tb_loop(k->b, true, "t", NULL, NULL, tn_lo_size(k, rounds), true);
    for (int i = 0; i < l->carries; i++) {
        tn_axis *axes[TN_MAX_RANK];
        int count = listed_axes(l->op->out[i], &l->carried[i], axes);

        l->carried[i].kind = TN_LO_TILE;
        l->carried[i].tile = tn_tb_carry(k->b, init[i], axes, count, TN_FN_COUNT);
    }
    l->position = turn(k, l->op, tn_tb_index(k->b, l->stmt->axis));
}

static void
bind_params(tn_lo *k, loop *l)
{
    const tn_block *body = l->op->body[0];

    for (int i = 0; i < l->op->in_count; i++) {
        tn_lo_bound slice = {.kind = TN_LO_SLICE, .tile = l->position, .of = l->op->in[i]};

        slice.along = i < l->carries ? 0 : tn_scan_along(l->op, slice.of->type.rank);
        tn_lo_bind(k, body->params.at[i], i < l->carries ? &l->carried[i] : &slice);
    }
    tn_lo_bind(k, body->params.at[l->op->in_count],
        &(tn_lo_bound){.kind = TN_LO_SCALAR, .tile = l->position});
}

static void
close_loop(tn_lo *k, loop *l)
{
    tn_tval **next = tn_new_array(k->arena, tn_tval *, l->carries + 1);
    tn_tval *index[TN_MAX_RANK];

    for (int i = 0; i < l->carries; i++) {
        own_index(k, l->op->out[i], &l->carried[i], index);
        next[i] = tn_lo_el(k, l->op->body[0]->results.at[i], index);
    }
    for (int i = 0; l->past && i < l->carries; i++) {
        tn_tval *round = tn_tb_index(k->b, l->stmt->axis);

        round = tn_tb_fn2(k->b, TN_FN_add, round, tn_tb_int(k->b, 1));
        store_past(k, l, i, round, next[i]);
    }
    collect(k, l);
    tn_tb_end_loop(k->b, next);
}

static void
bind_results(tn_lo *k, loop *l)
{
    for (int i = 0; i < l->op->out_count; i++) {
        tn_lo_bound bound = {.kind = TN_LO_LOCAL, .local = l->local[i]};

        if (computed_again(k, l->op->out[i])) {
            bound.kind = TN_LO_AGAIN;
            bound.past = l->past;
        } else if (i < l->carries) {
            bound = l->carried[i];
            bound.tile = tn_tb_final(k->b, l->stmt, i);
            bound.local = NULL;
        }
        tn_lo_bind(k, l->op->out[i], &bound);
    }
}

void
tn_lower_scan_loop(tn_lo *k, tn_op *op)
{
    loop l = {.op = op, .carries = tn_scan_carries(op)};
    uint32_t mark;

    l.carried = tn_new_array(k->arena, tn_lo_bound, l.carries);
    l.local = tn_new_array(k->arena, tn_tbuf *, op->out_count);
    open_loop(k, &l);
    mark = tn_lo_enter(k);
    bind_params(k, &l);
    close_loop(k, &l);
    tn_lo_leave(k, mark);
    bind_results(k, &l);
}

tn_tval *
tn_lower_scan(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)index;
    return tn_lo_refuse(k, op, "a loop inside the body of a loop is no kernel",
        op->out[result]->type.dtype);
}
