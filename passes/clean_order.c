/* SPDX-License-Identifier: Apache-2.0
 * A top_k that keeps more than a kernel holds is the start of a sort. */
#include "ir/graph/build.h"
#include "passes/clean.h"

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
