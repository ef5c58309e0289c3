/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/branch.h"

#include <string.h>

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/scan_axes.h"

/* ---- what may fail ---- */

static bool
is_safe_divisor(const tn_value *v)
{
    return v->kind == TN_VALUE_LITERAL && v->number.kind == TN_NUMBER_RATIONAL &&
        v->number.num != 0;
}

/* The place attribute of an op, or -1. */
static int
place_attr(const tn_op *op)
{
    switch (op->code) {
    case TN_OP_index: return TN_ATTR_index_at;
    case TN_OP_slice: return TN_ATTR_slice_start;
    case TN_OP_update: return TN_ATTR_update_at;
    default: return -1;
    }
}

int
tn_op_risky_operand(const tn_op *op)
{
    int outside = tn_op_find_attr(op->code, "outside"), place = place_attr(op);

    if (op->code == TN_OP_div || op->code == TN_OP_mod || op->code == TN_OP_rem)
        return tn_is_int(op->in[1]->type.dtype) && !is_safe_divisor(op->in[1]) ? 1 : -1;
    if (outside >= 0)
        return strcmp(tn_op_text(op, outside), "fail") == 0 ? 1 : -1;
    if (place >= 0)
        return op->attr[place].operand;
    return -1;
}

static bool
may_be_empty(const tn_op *op, int axis)
{
    int64_t low, high;

    tn_size_bounds(op->graph->sizes, op->in[0]->type.dim[axis], &low, &high);
    return low < 1;
}

/* The number 0, or 1 as a divisor, is right for that operand. */
static bool
has_safe_number(const tn_op *op)
{
    int axis = tn_op_find_attr(op->code, "axis"), from = 0, rank = op->in[0]->type.rank;
    bool empty = false;

    if (tn_lower_kind_of(op->code) == TN_LOWER_map)
        return true;
    if (op->code == TN_OP_slice || op->code == TN_OP_update)
        return true; /* what is read or written fits */
    if (axis >= 0)
        return !may_be_empty(op, (int)tn_op_int(op, axis));
    if (op->code == TN_OP_gather_nd)
        from = (int)tn_op_int(op, TN_ATTR_gather_nd_batch_dims);
    for (int i = from; i < rank; i++)
        empty |= may_be_empty(op, i);
    return !empty;
}

static bool
is_light(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return (kind == TN_LOWER_map || kind == TN_LOWER_view || kind == TN_LOWER_make ||
               kind == TN_LOWER_reduce || kind == TN_LOWER_gather) &&
        tn_op_risky_operand(op) < 0;
}

bool
tn_branch_is_light(const tn_op *op)
{
    for (int side = 0; side < 2; side++)
        for (const tn_op *o = op->body[side]->first; o; o = o->next)
            if (!is_light(o))
                return false;
    return true;
}

/* ---- choices ---- */

static bool
can_be_kept(const tn_block *body)
{
    for (const tn_op *op = body->first; op; op = op->next) {
        bool choice = op->code == TN_OP_if && tn_branch_may_choose(op);

        if ((op->body_count && !choice) || op->code == TN_OP_nonzero)
            return false;
        if (tn_op_risky_operand(op) >= 0 && !has_safe_number(op))
            return false;
    }
    return true;
}

bool
tn_branch_may_choose(const tn_op *op)
{
    return can_be_kept(op->body[0]) && can_be_kept(op->body[1]);
}

/* Where the body is not chosen its data does no harm. */
static void
keep_from_failing(tn_op *op, tn_value *chosen)
{
    int in = tn_op_risky_operand(op);
    bool divides = tn_lower_kind_of(op->code) == TN_LOWER_map;
    tn_build b = tn_build_before(op);
    tn_value *safe;

    if (in < 0)
        return;
    safe = tn_build_int(&b, op->in[in]->type.dtype, divides);
    safe = tn_build_map3(&b, TN_OP_where, chosen, op->in[in], safe);
    tn_op_set_in(op, in, safe);
}

static void
move_out(tn_op *op, tn_block *body, tn_value *chosen)
{
    while (body->first) {
        tn_op *moved = body->first;

        tn_op_move_before(moved, op);
        keep_from_failing(moved, chosen);
    }
}

void
tn_branch_choose(tn_op *op)
{
    tn_build b = tn_build_before(op);
    tn_value *chosen = op->in[0];

    move_out(op, op->body[0], chosen);
    move_out(op, op->body[1], tn_build_map1(&b, TN_OP_not, chosen));
    for (int i = 0; i < op->out_count; i++) {
        tn_value *x = op->body[0]->results.at[i], *y = op->body[1]->results.at[i];
        tn_value *v = tn_build_map3(&b, TN_OP_where, chosen, x, y);

        v->name = op->out[i]->name;
        tn_value_replace(op->out[i], v);
    }
    tn_op_remove(op);
}

/* Bodies are as deep as the reader let them be; inner ones first. */
static void
settle(tn_block *block, bool in_kernel)
{
    for (tn_op *op = block->first, *next; op; op = next) {
        bool within = in_kernel || (op->code == TN_OP_scan && tn_scan_fits_kernel(op));

        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            settle(op->body[i], within);
        if (in_kernel && op->code == TN_OP_if && tn_branch_may_choose(op))
            tn_branch_choose(op);
    }
}

void
tn_branch_settle(tn_graph *g)
{
    settle(g->block, false);
}
