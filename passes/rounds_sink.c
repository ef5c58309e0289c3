/* SPDX-License-Identifier: Apache-2.0
 * What stands between two loops goes into the second: it reads what the first
 * collected, changed or in another order, one piece a round. */
#include <assert.h>
#include <string.h>

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/rounds.h"
#include "passes/scan_axes.h"

/* So many operations are taken apart at most, each of two operands more. */
enum { DEPTH = 16, STEPS = 24, SLICES = 2 * STEPS + 2 };

typedef struct sinker {
    tn_op *scan;
    tn_sizes *sizes;
    tn_build in;         /* in the body */
    tn_value *position;
    tn_value *slice[SLICES]; /* new operands, whole, and their parameters */
    tn_value *param[SLICES];
    int count, steps;
} sinker;

/* ---- is it worth it ---- */

static const tn_op *
def_in(const tn_op *scan, const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT && v->def->block == scan->block ? v->def : NULL;
}

static bool
has_labels(const tn_op *op)
{
    int labels = tn_op_find_attr(op->code, "labels");

    return labels >= 0 && tn_op_has(op, labels);
}

static int
count_below(const tn_attr *axes, int axis)
{
    int count = 0;

    for (int i = 0; i < axes->count; i++)
        count += axes->ints[i] < axis;
    return count;
}

static bool
has_axis(const tn_attr *axes, int axis)
{
    return count_below(axes, axis + 1) > count_below(axes, axis);
}

/* The result along the axis is made of pieces of the operands. */
static bool
can_take(const tn_op *op, int axis)
{
    switch (op->code) {
    case TN_OP_concat: return tn_op_int(op, TN_ATTR_concat_axis) == axis && op->in_count <= 3;
    case TN_OP_gather_elements: return tn_op_int(op, TN_ATTR_gather_elements_axis) == axis;
    case TN_OP_scatter_elements:
        return tn_op_int(op, TN_ATTR_scatter_elements_axis) == axis &&
            tn_size_is_one(op->in[1]->type.dim[axis]) &&
            !strcmp(tn_op_text(op, TN_ATTR_scatter_elements_reduce), "none") &&
            !strcmp(tn_op_text(op, TN_ATTR_scatter_elements_outside), "fail");
    case TN_OP_gather:
        return tn_op_int(op, TN_ATTR_gather_axis) == axis &&
            tn_op_int(op, TN_ATTR_gather_batch_dims) == axis && op->in[1]->type.rank == axis + 1;
    case TN_OP_slice:
        return tn_op_int(op, TN_ATTR_slice_axis) == axis &&
            tn_op_int(op, TN_ATTR_slice_step) == 1 && op->attr[TN_ATTR_slice_start].operand < 0;
    case TN_OP_unsqueeze: return !has_axis(&op->attr[TN_ATTR_unsqueeze_axes], axis);
    case TN_OP_transpose:
    case TN_OP_broadcast: return true;
    default:
        return tn_lower_kind_of(op->code) == TN_LOWER_map && op->out_count == 1 && !has_labels(op);
    }
}

static bool
is_between(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_map || op->code == TN_OP_concat || op->code == TN_OP_gather_elements ||
        op->code == TN_OP_gather || op->code == TN_OP_slice || op->code == TN_OP_transpose ||
        op->code == TN_OP_unsqueeze || op->code == TN_OP_broadcast ||
        op->code == TN_OP_scatter_elements;
}

/* Something a loop collected is in it, behind what can be taken apart. */
static bool
reads_loop(sinker *x, const tn_value *v, int depth)
{
    const tn_op *op = def_in(x->scan, v);

    if (!op || depth == DEPTH || ++x->steps > STEPS)
        return false;
    if (op->code == TN_OP_scan)
        return v->index >= tn_scan_carries(op) && !tn_is_float(v->type.dtype);
    if (!is_between(op) || v->uses.count != 1)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && reads_loop(x, op->in[i], depth + 1))
            return true;
    return false;
}

/* More than views on it, which are looked through anyway. */
static bool
is_changed(const sinker *x, const tn_value *v)
{
    const tn_op *op = def_in(x->scan, v);

    while (op && (tn_op_is_free_view(op) || op->code == TN_OP_slice))
        op = def_in(x->scan, op->in[0]);
    return op && op->code != TN_OP_scan;
}

/* ---- one piece ---- */

static tn_value *piece_of(sinker *x, tn_value *v, int axis, tn_size from, int depth);

/* The piece is a slice of the scan. */
static tn_value *
sliced(sinker *x, tn_value *v, int axis, tn_size from)
{
    tn_build b = tn_build_before(x->scan);
    tn_type t = v->type;
    int along = tn_scan_along(x->scan, v->type.rank);
    int64_t perm[TN_MAX_RANK];

    assert(x->count < SLICES);
    v = tn_build_slice(&b, v, axis, from, tn_scan_rounds(x->scan));
    for (int i = 0, n = 0; i < v->type.rank; i++) {
        n += n == axis;
        perm[i] = i == along ? axis : n++;
    }
    x->slice[x->count] = along == axis ? v : tn_build_transpose(&b, v, perm);
    for (int i = axis; i + 1 < t.rank; i++)
        t.dim[i] = t.dim[i + 1];
    t.rank--;
    x->param[x->count] = tn_block_param(x->scan->body[0], t, v->name);
    return x->param[x->count++];
}

/* An operand without the axis, or with size 1 there. */
static tn_value *
without_axis(sinker *x, tn_value *v, int axis)
{
    int64_t drop = axis;

    return axis < 0 ? v : tn_build_squeeze(&x->in, v, &drop, 1);
}

static tn_value *
piece_of_operand(sinker *x, tn_value *v, int axis, tn_size from, int depth)
{
    if (v->kind == TN_VALUE_LITERAL || axis < 0)
        return v;
    if (tn_size_is_one(v->type.dim[axis]))
        return without_axis(x, v, axis);
    return piece_of(x, v, axis, from, depth + 1);
}

static tn_value *
piece_of_map(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    tn_value *in[4];

    for (int i = 0; i < op->in_count; i++) {
        /* Operands meet at their last axes. */
        int at = axis - (op->out[0]->type.rank - op->in[i]->type.rank);

        in[i] = piece_of_operand(x, op->in[i], at, from, depth);
    }
    return tn_build_copy(&x->in, op, in)->out[0];
}

/* position + from - by, as `dtype`. */
static tn_value *
place(sinker *x, tn_size from, tn_dtype dtype)
{
    tn_graph *g = x->scan->graph;
    tn_value *v = tn_build_cast(&x->in, x->position, dtype);

    if (tn_size_equal(from, tn_size_int(x->sizes, 0)))
        return v;
    return tn_build_map2(&x->in, TN_OP_add, v,
        tn_graph_literal(g, dtype, tn_number_of_size(g->module->arena, from)));
}

/* Zeros outside. */
static tn_value *
by_place(sinker *x, tn_value *v, int axis, tn_value *at)
{
    tn_value *in[] = {v, at};
    int64_t along = axis;
    tn_op *op = tn_build_start(&x->in, TN_OP_gather, in, 2);

    tn_op_set_ints(op, TN_ATTR_gather_axis, &along, 1);
    tn_op_set_text(op, TN_ATTR_gather_outside, "skip");
    return tn_build_finish(op);
}

/* The part that has the piece; parts are read where the place is in them. */
static tn_value *
piece_of_concat(sinker *x, const tn_op *op, int axis, tn_size from)
{
    tn_size start = tn_size_int(x->sizes, 0);
    tn_value *v = NULL;

    for (int i = 0; i < op->in_count; i++) {
        tn_value *at = place(x, tn_size_sub(x->sizes, from, start), TN_I32), *here;

        here = by_place(x, op->in[i], axis, at);
        if (v)
            here = tn_build_map3(&x->in, TN_OP_where,
                tn_build_map2(&x->in, TN_OP_less, at, tn_build_int(&x->in, TN_I32, 0)), v, here);
        v = here;
        start = tn_size_add(x->sizes, start, op->in[i]->type.dim[axis]);
    }
    return v;
}

static tn_value *
piece_of_gather_elements(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    tn_value *at, *in[2];
    int64_t along = axis;
    tn_op *copy;

    at = piece_of(x, op->in[1], axis, from, depth + 1);
    in[0] = op->in[0];
    in[1] = tn_build_unsqueeze(&x->in, at, &along, 1);
    copy = tn_build_copy(&x->in, op, in);
    return tn_build_squeeze(&x->in, copy->out[0], &along, 1);
}

static tn_value *
piece_of_gather(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    tn_value *in[2] = {op->in[0]};

    in[1] = piece_of(x, op->in[1], axis, from, depth + 1);
    return tn_build_copy(&x->in, op, in)->out[0];
}

static tn_value *
piece_of_unsqueeze(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    const tn_attr *axes = &op->attr[TN_ATTR_unsqueeze_axes];
    int64_t kept[TN_MAX_RANK];
    tn_value *v;

    v = piece_of(x, op->in[0], axis - count_below(axes, axis), from, depth + 1);
    for (int i = 0; i < axes->count; i++)
        kept[i] = axes->ints[i] - (axes->ints[i] > axis);
    return tn_build_unsqueeze(&x->in, v, kept, axes->count);
}

static tn_value *
piece_of_broadcast(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    const tn_type *t = &op->out[0]->type;
    tn_size to[TN_MAX_RANK];
    tn_value *v =
        piece_of_operand(x, op->in[0], axis - (t->rank - op->in[0]->type.rank), from, depth);

    for (int i = 0, n = 0; i < t->rank; i++)
        if (i != axis)
            to[n++] = t->dim[i];
    return tn_build_broadcast(&x->in, v, to, t->rank - 1);
}

static tn_value *
piece_of_transpose(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    const int64_t *old = op->attr[TN_ATTR_transpose_perm].ints;
    int64_t perm[TN_MAX_RANK], gone = old[axis];
    tn_value *v = piece_of(x, op->in[0], (int)gone, from, depth + 1);

    for (int i = 0, n = 0; i < op->out[0]->type.rank; i++)
        if (i != axis)
            perm[n++] = old[i] - (old[i] > gone);
    return tn_build_transpose(&x->in, v, perm);
}

static tn_value *
piece_of_slice(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    const tn_attr *start = &op->attr[TN_ATTR_slice_start];

    return piece_of(x, op->in[0], axis, tn_size_add(x->sizes, from, start->sizes[0]), depth + 1);
}

/* One piece of each row is replaced; a place outside fails the run. */
static tn_value *
piece_of_scatter(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    tn_build b = tn_build_before(x->scan);
    tn_value *old = piece_of(x, op->in[0], axis, from, depth + 1), *at, *here;

    at = tn_checked_place(&b, op->in[1], op->in[0]->type.dim[axis]);
    at = without_axis(x, at, axis);
    here = tn_build_map2(&x->in, TN_OP_equal, place(x, from, at->type.dtype), at);
    at = without_axis(x, op->in[2], axis);
    return tn_build_map3(&x->in, TN_OP_where, here, at, old);
}

static tn_value *
piece_of_op(sinker *x, const tn_op *op, int axis, tn_size from, int depth)
{
    switch (op->code) {
    case TN_OP_concat: return piece_of_concat(x, op, axis, from);
    case TN_OP_gather_elements: return piece_of_gather_elements(x, op, axis, from, depth);
    case TN_OP_scatter_elements: return piece_of_scatter(x, op, axis, from, depth);
    case TN_OP_gather: return piece_of_gather(x, op, axis, from, depth);
    case TN_OP_slice: return piece_of_slice(x, op, axis, from, depth);
    case TN_OP_unsqueeze: return piece_of_unsqueeze(x, op, axis, from, depth);
    case TN_OP_broadcast: return piece_of_broadcast(x, op, axis, from, depth);
    case TN_OP_transpose: return piece_of_transpose(x, op, axis, from, depth);
    default: return piece_of_map(x, op, axis, from, depth);
    }
}

/* Along `axis` at the position and `from`. Numbers of places and masks cost
 * less than memory: they are made in the body too. */
static tn_value *
piece_of(sinker *x, tn_value *v, int axis, tn_size from, int depth)
{
    const tn_op *op = def_in(x->scan, v);

    if (op && op->code == TN_OP_iota && op->attr[TN_ATTR_iota_start].operand < 0)
        return place(x, tn_size_add(x->sizes, from, op->attr[TN_ATTR_iota_start].sizes[0]),
            v->type.dtype);
    if (op && can_take(op, axis) && v->uses.count == 1 && !tn_is_float(v->type.dtype) &&
        depth < DEPTH && x->steps < STEPS) {
        x->steps++;
        return piece_of_op(x, op, axis, from, depth);
    }
    return sliced(x, v, axis, from);
}

/* ---- the loop ---- */

/* A copy of the scan with the pieces made in its body. */
static void
rebuild(sinker *x, int which, tn_value *piece)
{
    tn_op *old = x->scan, *scan;
    int param[TN_ROUNDS_OPERANDS + 1], count = 0;
    tn_value *in[TN_ROUNDS_OPERANDS];

    for (int i = 0; i < old->in_count; i++) {
        param[i] = i == which ? -1 : count;
        if (i != which)
            in[count++] = old->in[i];
    }
    for (int i = 0; i < x->count; i++)
        in[count + i] = x->slice[i];
    param[old->in_count] = count + x->count;
    tn_value_replace(old->body[0]->params.at[which], piece);
    for (int i = 0; i < x->count; i++)
        param[old->in_count + 1 + i] = count + i;
    scan = tn_rounds_rebuild(old, in, count + x->count, tn_scan_carries(old),
        tn_op_int(old, TN_ATTR_scan_reverse) != 0, param);
    for (uint32_t i = 0; i < old->body[0]->results.count; i++)
        tn_block_result(scan->body[0], old->body[0]->results.at[i]);
    (void)tn_build_finish(scan);
    tn_rounds_replace(old, scan->out);
}

static bool
sink_slice(tn_op *scan, int which)
{
    sinker x = {.scan = scan, .sizes = scan->graph->sizes};
    tn_block *body = scan->body[0];
    tn_value *v = scan->in[which], *piece;
    int axis = tn_scan_along(scan, v->type.rank);

    if (!def_in(scan, v) || !can_take(v->def, axis) || !reads_loop(&x, v, 0) ||
        !is_changed(&x, v) || scan->in_count + SLICES + 1 >= TN_ROUNDS_OPERANDS)
        return false;
    x.steps = 0;
    x.in = (tn_build){.block = body, .before = body->first, .path = scan->path, .from = scan->from};
    x.position = body->params.at[scan->in_count];
    piece = piece_of(&x, v, axis, tn_size_int(x.sizes, 0), 0);
    rebuild(&x, which, piece);
    return true;
}

bool
tn_clean_sink(tn_graph *g)
{
    for (tn_op *op = g->block->first; op; op = op->next)
        for (int i = op->code == TN_OP_scan ? tn_scan_carries(op) : op->in_count; i < op->in_count;
            i++)
            if (sink_slice(op, i))
                return true;
    return false;
}
