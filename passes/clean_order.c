/* SPDX-License-Identifier: Apache-2.0
 * A top_k that keeps more than a kernel holds is the start of a sort, and the
 * short start of a sort is a top_k; a running sum of ones is a position. */
#include "ir/graph/build.h"
#include "passes/clean.h"
#include "passes/rule_in.h"

enum { KEPT_LIMIT = 64 };

static bool
keeps_many(tn_graph *g, const tn_op *op)
{
    int64_t low, high;

    if (op->code != TN_OP_top_k)
        return false;
    tn_size_bounds(g->sizes, op->out[0]->type.dim[tn_op_int(op, TN_ATTR_top_k_axis)], &low, &high);
    return high > KEPT_LIMIT;
}

static void
start_of_sort(tn_op *op)
{
    tn_build b = tn_build_before(op);
    tn_op *sort = tn_build_start(&b, TN_OP_sort, op->in, 1);
    int64_t axis = tn_op_int(op, TN_ATTR_top_k_axis);
    int64_t largest = tn_op_int(op, TN_ATTR_top_k_largest);
    tn_size zero = tn_size_int(op->graph->sizes, 0);

    tn_op_set_ints(sort, TN_ATTR_sort_axis, &axis, 1);
    tn_op_set_ints(sort, TN_ATTR_sort_descending, &largest, 1);
    tn_op_set_dtype(sort, TN_ATTR_sort_dtype, op->out[1]->type.dtype);
    (void)tn_build_finish(sort);
    for (int i = 0; i < 2; i++) {
        tn_value *v;

        if (op->out[i]->uses.count == 0)
            continue;
        v = tn_build_slice(&b, sort->out[i], (int)axis, zero, op->out[i]->type.dim[axis]);
        v->name = op->out[i]->name;
        tn_value_replace(op->out[i], v);
    }
    tn_op_remove(op);
}

/* Bodies are as deep as the reader let them be. */
static bool
clean_block(tn_block *block)
{
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            changed |= clean_block(op->body[i]);
        if (!keeps_many(block->graph, op))
            continue;
        start_of_sort(op);
        changed = true;
    }
    return changed;
}

bool
tn_clean_many(tn_graph *g)
{
    return clean_block(g->block);
}

/* ---- sorts of which the start is used ---- */

/* Where the elements end that are read of a sorted value; 0: all, or more. */
static int64_t
start_read(const tn_op *sort, const tn_value *v)
{
    int64_t axis = tn_op_int(sort, TN_ATTR_sort_axis), most = 0;

    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *op = v->uses.at[i].op;
        bool cut = op && op->code == TN_OP_slice && tn_op_int(op, TN_ATTR_slice_step) == 1;
        bool one = op && op->code == TN_OP_index;
        int64_t from = 0, size = 1;
        const tn_attr *at;

        if (!cut && !one)
            return 0;
        at = &op->attr[cut ? TN_ATTR_slice_start : TN_ATTR_index_at];
        if (tn_op_int(op, cut ? TN_ATTR_slice_axis : TN_ATTR_index_axis) != axis ||
            at->operand >= 0 || !tn_size_is_int(at->sizes[0], &from) ||
            (cut && !tn_size_is_int(op->out[0]->type.dim[axis], &size)))
            return 0;
        if (from < 0 || from + size > KEPT_LIMIT)
            return 0;
        most = from + size > most ? from + size : most;
    }
    return most;
}

static bool
first_of_sort(tn_op *op)
{
    tn_build b = tn_build_before(op);
    int64_t axis = tn_op_int(op, TN_ATTR_sort_axis);
    int64_t largest = tn_op_int(op, TN_ATTR_sort_descending), most = 0;
    tn_size k;
    tn_op *best;

    for (int i = 0; i < 2; i++) {
        int64_t own = start_read(op, op->out[i]);

        if (own == 0 && op->out[i]->uses.count != 0)
            return false;
        most = own > most ? own : most;
    }
    if (most == 0)
        return false;
    k = tn_size_int(op->graph->sizes, most);
    best = tn_build_start(&b, TN_OP_top_k, op->in, 1);
    tn_op_set_sizes(best, TN_ATTR_top_k_k, &k, 1);
    tn_op_set_ints(best, TN_ATTR_top_k_axis, &axis, 1);
    tn_op_set_ints(best, TN_ATTR_top_k_largest, &largest, 1);
    tn_op_set_dtype(best, TN_ATTR_top_k_dtype, op->out[1]->type.dtype);
    (void)tn_build_finish(best);
    for (int i = 0; i < 2; i++)
        tn_value_replace(op->out[i], best->out[i]);
    tn_op_remove(op);
    return true;
}

static bool
clean_sorts(tn_block *block)
{
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            changed |= clean_sorts(op->body[i]);
        if (op->code == TN_OP_sort)
            changed |= first_of_sort(op);
    }
    return changed;
}

bool
tn_clean_few(tn_graph *g)
{
    return clean_sorts(g->block);
}

/* ---- running sums of ones ---- */

/* The greatest number up to which a type holds all whole ones. */
static int64_t
exact_up_to(tn_dtype t)
{
    switch (t) {
    case TN_F64: return INT64_C(1) << 53;
    case TN_F32: return INT64_C(1) << 24;
    case TN_F16: return INT64_C(1) << 11;
    case TN_BF16: return INT64_C(1) << 8;
    default: return INT64_MAX;
    }
}

static bool
counts(const tn_op *op)
{
    const tn_type *t = &op->out[0]->type;
    double number;
    int64_t low, high;

    if (op->code != TN_OP_cum_sum || tn_op_int(op, TN_ATTR_cum_sum_reverse) ||
        !tn_uniform(op->in[0], &number) || number != 1)
        return false;
    tn_size_bounds(op->graph->sizes, t->dim[tn_op_int(op, TN_ATTR_cum_sum_axis)], &low, &high);
    return high < exact_up_to(t->dtype);
}

static void
become_position(tn_op *op)
{
    tn_build b = tn_build_before(op);
    const tn_type *t = &op->out[0]->type;
    int axis = (int)tn_op_int(op, TN_ATTR_cum_sum_axis);
    int64_t first = tn_op_int(op, TN_ATTR_cum_sum_exclusive) ? 0 : 1;
    tn_size shape[TN_MAX_RANK];
    tn_value *v;

    for (int i = 0; i < t->rank; i++)
        shape[i] = i == axis ? t->dim[i] : tn_size_int(op->graph->sizes, 1);
    v = tn_build_iota(&b, tn_size_int(op->graph->sizes, first), t->dim[axis], t->dtype);
    v = tn_build_reshape(&b, v, shape, t->rank);
    v = tn_build_broadcast(&b, v, t->dim, t->rank);
    v->name = op->out[0]->name;
    tn_value_replace(op->out[0], v);
    tn_op_remove(op);
}

bool
tn_clean_places(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        if (!counts(op))
            continue;
        become_position(op);
        changed = true;
    }
    return changed;
}
