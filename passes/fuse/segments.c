/* SPDX-License-Identifier: Apache-2.0
 * Rows in segments, where the segments are the experts of sorted rows. */
#include <string.h>

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/fuse/experts.h"
#include "passes/range.h"

static const tn_value *
uncast(const tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_cast && tn_is_int(v->type.dtype) &&
        tn_dtype_bytes(v->type.dtype) >= 4)
        v = v->def->in[0];
    return v;
}

/* The same integers in another shape. */
static const tn_value *
root(const tn_value *v)
{
    for (v = uncast(v); v->kind == TN_VALUE_RESULT; v = uncast(v->def->in[0])) {
        tn_opcode code = v->def->code;

        if (code != TN_OP_reshape && code != TN_OP_transpose && code != TN_OP_squeeze &&
            code != TN_OP_unsqueeze)
            break;
    }
    return v;
}

static bool
is_filled(const tn_value *v, double value)
{
    v = root(v);
    if (v->kind != TN_VALUE_RESULT || v->def->code != TN_OP_fill)
        return false;
    return v->def->attr[TN_ATTR_fill_value].numbers[0].kind != TN_NUMBER_SYMBOLIC &&
        v->def->attr[TN_ATTR_fill_value].numbers[0].real == value;
}

static bool
sums_along(const tn_op *op, int axis)
{
    const tn_attr *a = &op->attr[TN_ATTR_reduce_sum_axes];

    for (int i = 0; i < a->count; i++)
        if (a->ints[i] == axis)
            return true;
    return false;
}

/* The integers whose numbers of 0, 1, .. these are: one_hot summed over all
 * but its last axis, or ones added up in zeros; NULL. */
static const tn_value *
counted(const tn_value *counts)
{
    tn_size experts = counts->type.dim[0];
    const tn_value *v = uncast(counts);
    const tn_op *op;

    while (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_reduce_sum) {
        const tn_type *t = &v->def->in[0]->type;

        if (!tn_is_int(t->dtype) || tn_dtype_bytes(t->dtype) < 4 ||
            sums_along(v->def, t->rank - 1) || !tn_size_equal(t->dim[t->rank - 1], experts))
            return NULL;
        v = uncast(v->def->in[0]);
    }
    if (v->kind != TN_VALUE_RESULT)
        return NULL;
    op = v->def;
    if (op->code == TN_OP_one_hot)
        return root(op->in[0]);
    if (op->code == TN_OP_scatter_elements && v == uncast(counts) &&
        strcmp(tn_op_text(op, TN_ATTR_scatter_elements_reduce), "add") == 0 &&
        is_filled(op->in[0], 0) && is_filled(op->in[2], 1))
        return root(op->in[1]);
    return NULL;
}

/* A sort of those, before the rows are used. */
static tn_op *
sort_of(const tn_op *rows, const tn_value *ids)
{
    for (tn_op *op = rows->block->first; op != rows; op = op->next)
        if (op->code == TN_OP_sort && op->in[0]->type.rank == 1 &&
            !tn_op_int(op, TN_ATTR_sort_descending) &&
            (root(op->in[0]) == ids || op->out[0] == ids) &&
            tn_size_equal(op->in[0]->type.dim[0], rows->in[0]->type.dim[0]))
            return op;
    return NULL;
}

/* The segment of a row is the expert that is sorted there. */
static bool
by_expert(tn_op *op)
{
    tn_value *in[2] = {op->in[TN_IN_grouped_linear_w]};
    tn_value *counts = op->in[TN_IN_grouped_linear_counts];
    const tn_value *ids = counted(counts);
    tn_build b = tn_build_before(op);
    tn_op *sort = ids ? sort_of(op, ids) : NULL, *gather;
    int64_t axis = 0;
    tn_value *y;

    if (!sort || !tn_value_below(sort->in[0], counts->type.dim[0]) ||
        strcmp(tn_op_text(op, TN_ATTR_grouped_linear_activation), "none") != 0)
        return false;
    in[1] = sort->out[0];
    gather = tn_build_start(&b, TN_OP_gather, in, 2);
    tn_op_set_ints(gather, TN_ATTR_gather_axis, &axis, 1);
    in[0] = tn_build_finish(gather);
    y = tn_build_contract(&b, op->in[TN_IN_grouped_linear_x], in[0], "ak,ank->an",
        op->out[0]->type.dtype);
    y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    tn_op_remove(op);
    return true;
}

void
tn_read_segments(tn_graph *g)
{
    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        if (op->code == TN_OP_grouped_linear)
            (void)by_expert(op);
    }
}
