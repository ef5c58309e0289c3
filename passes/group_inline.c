/* SPDX-License-Identifier: Apache-2.0
 * What has no place in memory: it is computed where it is read. */
#include "passes/group_in.h"

bool
tn_group_is_inlined(const tn_grouper *x, const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT && x->out->inlined[v->def->id];
}

enum {
    ONCE_LOADS = 12,  /* tensors that a value read by one operation reads */
    START_DEPTH = 8,  /* what a loop starts from: operations in a row, */
    START_COST = 16,  /* their cost, */
    START_LOADS = 6,  /* tensors they read */
};

/* Its operand is made by a group that it may join. */
static bool
rejoins(const tn_grouper *x, tn_value *v)
{
    tn_trace t = tn_group_trace(x, v);

    return t.base->kind == TN_VALUE_RESULT && !x->out->inlined[t.base->def->id] &&
        t.base->def->code != TN_OP_constant && (t.base == v || !tn_group_is_stretched(v, &t));
}

/* A border that is only seen through other views costs a comparison where it
 * is looked at; memory would cost more. */
static bool
is_seen_through_views(const tn_op *op)
{
    const tn_value *v = op->out[0];

    for (uint32_t i = 0; i < v->uses.count; i++)
        if (!v->uses.at[i].op || tn_lower_kind_of(v->uses.at[i].op->code) != TN_LOWER_view)
            return false;
    return v->uses.count > 0;
}

/* The element-wise operation (or concat) that alone reads the result, each
 * element once, at its own place; NULL if there is none. */
static const tn_op *
only_reader(const tn_grouper *x, const tn_op *op)
{
    const tn_value *v = op->out[0];
    const tn_op *to;

    for (;;) {
        to = v->uses.count == 1 ? v->uses.at[0].op : NULL;
        if (!to || to->block != op->block || x->claim[to->id] || x->update[to->id])
            return NULL;
        if (!tn_op_keeps_places(to) || to->code == TN_OP_broadcast)
            break;
        v = to->out[0];
    }
    if (to->code == TN_OP_concat)
        return to;
    if (tn_lower_kind_of(to->code) != TN_LOWER_map || v->type.rank != to->out[0]->type.rank)
        return NULL;
    for (int i = 0; i < v->type.rank; i++)
        if (!tn_size_equal(v->type.dim[i], to->out[0]->type.dim[i]))
            return NULL;
    return to;
}

/* Of an operation with what it reads that is computed there. */
typedef struct price {
    int cost, loads, depth;
} price;

static price
price_of(const tn_grouper *x, const tn_op *op)
{
    price p = {.cost = tn_op_cost(op)};

    for (int i = 0; i < op->in_count; i++) {
        tn_value *v = op->in[i];

        if (!v || v->kind == TN_VALUE_LITERAL)
            continue;
        if (tn_group_is_inlined(x, v)) {
            p.cost += x->cost[v->def->id];
            p.loads += x->loads[v->def->id];
            p.depth = p.depth > x->depth[v->def->id] ? p.depth : x->depth[v->def->id];
        } else {
            p.loads += v->type.rank > 0;
        }
    }
    p.depth++;
    return p;
}

static bool
may_inline(const tn_grouper *x, const tn_op *op, price p)
{
    bool free_view = tn_op_is_free_view(op) || (op->code == TN_OP_pad && is_seen_through_views(op));

    if (op->code == TN_OP_constant || p.depth > TN_GROUP_INLINE)
        return false;
    if (free_view)
        return true;
    if (tn_lower_kind_of(op->code) != TN_LOWER_map && op->code != TN_OP_iota &&
        op->code != TN_OP_fill && op->code != TN_OP_one_hot)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->kind != TN_VALUE_LITERAL && rejoins(x, op->in[i]))
            return false;
    return (p.loads == 0 && p.cost <= TN_GROUP_PLACES) ||
        (p.loads == 1 && p.cost <= TN_GROUP_CHEAP);
}

/* What a loop starts from is computed once, there: no kernel for it alone. */
static bool
only_starts_loops(const tn_value *v, int depth)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *op = v->uses.at[i].op;

        if (!op || depth == START_DEPTH || op->block != v->def->block)
            return false;
        if (op->code == TN_OP_scan && v->uses.at[i].index < tn_op_int(op, TN_ATTR_scan_carries))
            continue;
        if ((!tn_op_is_free_view(op) && tn_lower_kind_of(op->code) != TN_LOWER_map) ||
            !only_starts_loops(op->out[0], depth + 1))
            return false;
    }
    return v->uses.count > 0;
}

static bool
is_light(price p)
{
    return p.cost <= START_COST && p.loads <= START_LOADS && p.depth < TN_GROUP_INLINE;
}

static bool
may_start_loops(const tn_op *op, price p)
{
    return tn_lower_kind_of(op->code) == TN_LOWER_map && is_light(p) &&
        only_starts_loops(op->out[0], 0);
}

/* Where elements are taken from: each is computed once, where it is taken. */
static bool
only_places_gather(const tn_op *op, price p)
{
    const tn_value *v = op->out[0];
    const tn_op *reader = v->uses.count == 1 ? v->uses.at[0].op : NULL;

    return reader && tn_lower_kind_of(op->code) == TN_LOWER_map && tn_is_int(v->type.dtype) &&
        tn_lower_kind_of(reader->code) == TN_LOWER_gather && v->uses.at[0].index == 1 &&
        reader->block == op->block && reader->out[0]->type.rank == v->type.rank && is_light(p);
}

static void
compute_where_read(tn_grouper *x, const tn_op *op, price p)
{
    x->out->inlined[op->id] = true;
    x->cost[op->id] = (uint8_t)(p.cost > 255 ? 255 : p.cost);
    x->loads[op->id] = (uint8_t)(p.loads > 255 ? 255 : p.loads);
    x->depth[op->id] = (uint8_t)p.depth;
}

bool
tn_group_inline(tn_grouper *x, const tn_op *op)
{
    price p = price_of(x, op);

    if (!x->fuse ||
        (!may_inline(x, op, p) && !may_start_loops(op, p) && !only_places_gather(op, p)))
        return false;
    compute_where_read(x, op, p);
    return true;
}

bool
tn_group_inline_once(tn_grouper *x, const tn_op *op)
{
    price p = price_of(x, op);
    const tn_op *to;

    if (!x->fuse || op->out_count != 1 || tn_lower_kind_of(op->code) != TN_LOWER_map ||
        x->kept[op->id] || x->narrow[op->id] || p.loads > ONCE_LOADS || p.depth > TN_GROUP_INLINE)
        return false;
    to = only_reader(x, op);
    if (!to || p.loads * to->in_count > TN_GROUP_READS)
        return false;
    compute_where_read(x, op, p);
    return true;
}
