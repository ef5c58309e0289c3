/* SPDX-License-Identifier: Apache-2.0
 * Tensors joined for a reduction and cut apart again: scores and a sink. */
#include <string.h>

#include "ir/graph/build.h"
#include "passes/clean.h"
#include "passes/dims.h"

enum { PIECES = 4, VALUES = 24 };

/* A value that is what was joined, element by element, at the same places. */
typedef struct joint {
    tn_value *value;
    int axis;
    tn_value *piece[PIECES];
} joint;

typedef struct apart {
    tn_op *op; /* concat, or pad with one number */
    tn_value *first[PIECES];
    tn_size size[PIECES];
    int pieces;
    joint at[VALUES];
    int count;
    int cuts, reductions;
    tn_build build;
} apart;

static joint *
joint_of(apart *a, const tn_value *v)
{
    for (int i = 0; i < a->count; i++)
        if (a->at[i].value == v)
            return &a->at[i];
    return NULL;
}

static bool
add(apart *a, tn_value *v, int axis)
{
    if (a->count == VALUES)
        return false;
    for (uint32_t i = 0; i < v->uses.count; i++)
        if (!v->uses.at[i].op || v->uses.at[i].op->block != a->op->block)
            return false;
    a->at[a->count++] = (joint){.value = v, .axis = axis};
    return true;
}

/* ---- what is joined ---- */

static int
axis_of(const tn_op *op)
{
    int at = op->code == TN_OP_concat ? TN_ATTR_concat_axis : TN_ATTR_pad_axis;

    return (int)tn_op_int(op, at);
}

static void
add_piece(apart *a, tn_value *v, tn_size size)
{
    a->first[a->pieces] = v;
    a->size[a->pieces++] = size;
}

static bool
is_padded(const tn_op *op)
{
    return strcmp(tn_op_text(op, TN_ATTR_pad_mode), "constant") == 0 &&
        op->attr[TN_ATTR_pad_value].numbers[0].kind != TN_NUMBER_SYMBOLIC &&
        op->attr[TN_ATTR_pad_before].operand < 0 && op->attr[TN_ATTR_pad_after].operand < 0;
}

/* Pieces of a pad that are one number are NULL. */
static bool
read_pieces(apart *a)
{
    const tn_op *op = a->op;
    int64_t n = 0;

    if (op->code == TN_OP_concat) {
        for (int i = 0; i < op->in_count && op->in_count <= PIECES; i++)
            add_piece(a, op->in[i], op->in[i]->type.dim[axis_of(op)]);
        return a->pieces > 1;
    }
    if (op->code == TN_OP_pad) {
        tn_size before = op->attr[TN_ATTR_pad_before].sizes[0];
        tn_size after = op->attr[TN_ATTR_pad_after].sizes[0];

        if (!is_padded(op))
            return false;
        if (!tn_size_is_int(before, &n) || n)
            add_piece(a, NULL, before);
        add_piece(a, op->in[0], op->in[0]->type.dim[axis_of(op)]);
        if (!tn_size_is_int(after, &n) || n)
            add_piece(a, NULL, after);
        return true;
    }
    return false;
}

/* ---- what may be done to it ---- */

static tn_opcode
joined_by(tn_opcode reduction)
{
    switch (reduction) {
    case TN_OP_reduce_sum: return TN_OP_add;
    case TN_OP_reduce_max: return TN_OP_maximum;
    case TN_OP_reduce_min: return TN_OP_minimum;
    case TN_OP_reduce_any: return TN_OP_or;
    case TN_OP_reduce_all: return TN_OP_and;
    default: return TN_OP_COUNT;
    }
}

/* The piece that a slice cuts off, -1: none. */
static int
cut_of(const apart *a, const tn_op *op, int axis)
{
    const tn_attr *start = &op->attr[TN_ATTR_slice_start];
    tn_sizes *s = op->graph->sizes;
    tn_size at = tn_size_int(s, 0);

    if (tn_op_int(op, TN_ATTR_slice_axis) != axis || tn_op_int(op, TN_ATTR_slice_step) != 1 ||
        start->operand >= 0)
        return -1;
    for (int i = 0; i < a->pieces; i++) {
        if (tn_size_equal(at, start->sizes[0]) &&
            tn_size_equal(a->size[i], op->out[0]->type.dim[axis]))
            return i;
        at = tn_size_add(s, at, a->size[i]);
    }
    return -1;
}

static bool
may_map(apart *a, const tn_op *op)
{
    int labels = tn_op_find_attr(op->code, "labels"), axis = -1;
    int rank = op->out[0]->type.rank;

    if (op->out_count != 1 || (labels >= 0 && op->attr[labels].has_value))
        return false;
    for (int i = 0; i < op->in_count; i++) {
        const joint *j = op->in[i] ? joint_of(a, op->in[i]) : NULL;

        if (!j)
            continue;
        if (op->in[i]->type.rank != rank || (axis >= 0 && axis != j->axis))
            return false;
        axis = j->axis;
    }
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->type.rank && op->in[i]->type.rank != rank)
            return false;
    return add(a, op->out[0], axis);
}

static bool
may_reduce(apart *a, const tn_op *op)
{
    const joint *j = joint_of(a, op->in[0]);

    a->reductions += op->out[0]->uses.count > 0;
    return joined_by(op->code) != TN_OP_COUNT && (tn_op_reduced(op) >> j->axis & 1);
}

static bool
may_view(apart *a, const tn_op *op)
{
    const joint *j = joint_of(a, op->in[0]);
    int8_t to[TN_MAX_RANK];

    if (op->code == TN_OP_slice) {
        a->cuts += op->out[0]->uses.count > 0;
        return cut_of(a, op, j->axis) >= 0;
    }
    if (op->code != TN_OP_transpose && op->code != TN_OP_unsqueeze && op->code != TN_OP_squeeze)
        return false;
    return tn_op_dims(op, 0, to) && to[j->axis] >= 0 && add(a, op->out[0], to[j->axis]);
}

static bool
reads(apart *a, const tn_op *op)
{
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && joint_of(a, op->in[i]))
            return true;
    return false;
}

static bool
comes_apart(apart *a)
{
    if (!add(a, a->op->out[0], axis_of(a->op)))
        return false;
    for (const tn_op *op = a->op->next; op; op = op->next) {
        bool ok;

        if (!reads(a, op))
            continue;
        switch (tn_lower_kind_of(op->code)) {
        case TN_LOWER_map: ok = may_map(a, op); break;
        case TN_LOWER_reduce: ok = may_reduce(a, op); break;
        case TN_LOWER_view: ok = may_view(a, op); break;
        default: ok = false;
        }
        if (!ok)
            return false;
    }
    return a->cuts && a->reductions;
}

/* ---- piece by piece ---- */

static void
fill_pieces(apart *a)
{
    tn_build b = tn_build_before(a->op);
    tn_type t = a->op->out[0]->type;

    for (int i = 0; i < a->pieces; i++) {
        if (!a->first[i]) {
            t.dim[axis_of(a->op)] = a->size[i];
            a->first[i] = tn_build_fill(&b, t, a->op->attr[TN_ATTR_pad_value].numbers[0]);
        }
        a->at[0].piece[i] = a->first[i];
    }
}

/* An operand at one piece. */
static tn_value *
operand(apart *a, tn_value *v, int axis, int n)
{
    const joint *j = v ? joint_of(a, v) : NULL;
    tn_size start = tn_size_int(a->op->graph->sizes, 0);

    if (j)
        return j->piece[n];
    if (!v || v->type.rank == 0 || tn_size_is_one(v->type.dim[axis]))
        return v;
    for (int i = 0; i < n; i++)
        start = tn_size_add(a->op->graph->sizes, start, a->size[i]);
    return tn_build_slice(&a->build, v, axis, start, a->size[n]);
}

static void
map_pieces(apart *a, const tn_op *op)
{
    joint *to = joint_of(a, op->out[0]);
    int view = tn_lower_kind_of(op->code) == TN_LOWER_view;

    for (int n = 0; n < a->pieces; n++) {
        tn_value **in = tn_new_array(op->graph->module->arena, tn_value *, (uint32_t)op->in_count);

        for (int i = 0; i < op->in_count; i++)
            in[i] = operand(a, op->in[i], view ? 0 : to->axis, n);
        to->piece[n] = tn_build_copy(&a->build, op, in)->out[0];
        to->piece[n]->name = NULL;
    }
}

/* Of one element there is nothing to reduce. */
static tn_value *
reduced(apart *a, const tn_op *op, tn_value *piece, int axis)
{
    int64_t along = axis;
    unsigned mask = tn_op_reduced(op);

    if (tn_size_is_one(piece->type.dim[axis]) && mask == 1u << axis)
        return op->out[0]->type.rank == piece->type.rank
            ? piece
            : tn_build_squeeze(&a->build, piece, &along, 1);
    piece = tn_build_copy(&a->build, op, &piece)->out[0];
    piece->name = NULL;
    return piece;
}

static void
reduce_pieces(apart *a, tn_op *op)
{
    const joint *j = joint_of(a, op->in[0]);
    tn_value *x = reduced(a, op, j->piece[0], j->axis);

    for (int n = 1; n < a->pieces; n++) {
        tn_value *y = reduced(a, op, j->piece[n], j->axis);

        x = tn_build_map2(&a->build, joined_by(op->code), x, y);
    }
    tn_value_replace(op->out[0], x);
}

static void
take_apart(apart *a)
{
    fill_pieces(a);
    for (tn_op *op = a->op->next; op; op = op->next) {
        if (!reads(a, op))
            continue;
        a->build = tn_build_before(op);
        if (op->code == TN_OP_slice) {
            const joint *j = joint_of(a, op->in[0]);

            tn_value_replace(op->out[0], j->piece[cut_of(a, op, j->axis)]);
        } else if (tn_lower_kind_of(op->code) == TN_LOWER_reduce) {
            reduce_pieces(a, op);
        } else {
            map_pieces(a, op);
        }
    }
}

/* Two long pieces are better reduced as one. */
static bool
has_one_long_piece(const apart *a)
{
    int count = 0;

    for (int i = 0; i < a->pieces; i++)
        count += !tn_size_is_one(a->size[i]);
    return count <= 1;
}

bool
tn_clean_apart(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first; op; op = op->next) {
        apart a = {.op = op};

        if (!read_pieces(&a) || !has_one_long_piece(&a) || !comes_apart(&a))
            continue;
        take_apart(&a);
        changed = true;
    }
    return changed;
}
