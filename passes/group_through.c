/* SPDX-License-Identifier: Apache-2.0
 * What is done to a view of a group's member whose elements lie elsewhere:
 * axes joined, their ends cut off, as a transposed convolution leaves them, or
 * groups of channels put back. It is stored at the places of the view. */
#include "passes/group_in.h"

enum { VIEWS = 8 }; /* behind one another */

/* Each dimension of b is one of a, or several joined, none of them of size 1:
 * an index of b is computed from one of a by products and sums. */
static bool
joins_axes(tn_sizes *s, const tn_type *a, const tn_type *b)
{
    int i = 0;

    for (int j = 0; j < b->rank; j++) {
        tn_size n = tn_size_int(s, 1);

        if (tn_size_is_one(b->dim[j]))
            continue;
        while (i < a->rank && tn_size_is_one(a->dim[i]))
            i++;
        for (int from = i; i == from || !n || !tn_size_equal(n, b->dim[j]); i++) {
            if (i == a->rank || !n || tn_size_is_one(a->dim[i]))
                return false;
            n = tn_size_mul(s, n, a->dim[i]);
        }
    }
    while (i < a->rank && tn_size_is_one(a->dim[i]))
        i++;
    return i == a->rank;
}

static bool
is_known_slice(const tn_op *op)
{
    const tn_attr *start = &op->attr[TN_ATTR_slice_start];

    return tn_op_int(op, TN_ATTR_slice_step) == 1 && start->operand < 0 &&
        tn_size_is_int(start->sizes[0], &(int64_t){0});
}

static bool
moves_places(const tn_op *op)
{
    switch (op->code) {
    case TN_OP_transpose:
    case TN_OP_squeeze:
    case TN_OP_unsqueeze: return true;
    case TN_OP_reshape: return joins_axes(op->graph->sizes, &op->in[0]->type, &op->out[0]->type);
    case TN_OP_slice: return is_known_slice(op);
    default: return false;
    }
}

/* The member that `v` is a view of, which nothing else reads; NULL: `v` is
 * none, or one that keeps places. */
static tn_value *
member_behind(const tn_grouper *x, tn_value *v)
{
    tn_value *t = v;
    const tn_group *group;
    const tn_group_place *p;
    bool keeps = true;

    for (int n = 0; tn_group_is_inlined(x, t); n++) {
        if (n == VIEWS || !moves_places(t->def) || (t != v && t->uses.count != 1))
            return NULL;
        keeps &= tn_op_keeps_places(t->def);
        t = t->def->in[0];
    }
    group = tn_group_of(x, t);
    p = group ? tn_group_find(group, t) : NULL;
    if (keeps || t->uses.count != 1 || !p || !p->member || p->memory || p->shape_of || p->through)
        return NULL;
    for (int i = 0; i < t->type.rank; i++)
        if (p->axis[i] < 0 && !tn_size_is_one(t->type.dim[i]))
            return NULL;
    return t;
}

static bool
may_take(const tn_group *group)
{
    return (group->kind == TN_GROUP_CONTRACT || group->kind == TN_GROUP_ROW) && !group->online &&
        !group->family && !group->parts;
}

/* The view at whose places the operand lies; NULL: it is no part of a group,
 * or of one at its own places. */
static tn_value *
view_of(const tn_grouper *x, tn_value *v, tn_group **group)
{
    tn_group *own = tn_group_of(x, v);
    const tn_group_place *p = own ? tn_group_find(own, v) : NULL;
    tn_value *base;

    if (v->kind == TN_VALUE_LITERAL)
        return NULL;
    if (p && p->through) {
        *group = own;
        return p->through;
    }
    base = own ? NULL : member_behind(x, v);
    *group = base ? tn_group_of(x, base) : NULL;
    return base ? v : NULL;
}

static bool
is_whole_operand(const tn_op *op, int in)
{
    const tn_type *a = &op->in[in]->type, *b = &op->out[0]->type;
    int8_t to[TN_MAX_RANK];

    if (a->rank != b->rank || !tn_op_dims(op, in, to))
        return false;
    for (int i = 0; i < a->rank; i++)
        if (!tn_size_equal(a->dim[i], b->dim[i]) || (to[i] != i && !tn_size_is_one(a->dim[i])))
            return false;
    return true;
}

static bool
reads_group(tn_grouper *x, tn_value *v, const tn_group *group)
{
    tn_group_walk_start(x);
    tn_group_walk(x, v);
    for (uint32_t i = 0; i < x->leaves.count; i++)
        if (tn_group_of(x, x->leaves.at[i]) == group)
            return true;
    return false;
}

/* The view that operands of `op` lie at, all of them or not of the group. */
static tn_value *
common_view(tn_grouper *x, const tn_op *op, tn_group **group)
{
    tn_value *view = NULL;

    for (int i = 0; i < op->in_count; i++) {
        tn_group *own = NULL;
        tn_value *v = op->in[i] ? view_of(x, op->in[i], &own) : NULL;

        if (!v)
            continue;
        if ((view && v != view) || !is_whole_operand(op, i))
            return NULL;
        view = v;
        *group = own;
    }
    for (int i = 0; view && i < op->in_count; i++) {
        tn_group *own = NULL;

        if (op->in[i] && !view_of(x, op->in[i], &own) && reads_group(x, op->in[i], *group))
            return NULL;
    }
    return view;
}

static void
place_at(tn_grouper *x, tn_group *group, tn_value *v, tn_value *view)
{
    tn_group_add_place(x, group, v, true)->through = view;
    tn_group_add_op(x, group, v->def);
}

bool
tn_group_join_through(tn_grouper *x, tn_op *op)
{
    tn_group *group = NULL;
    tn_value *view;

    if (!x->fuse || tn_lower_kind_of(op->code) != TN_LOWER_map || op->out_count != 1)
        return false;
    view = common_view(x, op, &group);
    if (!view || !may_take(group) ||
        (group->kind == TN_GROUP_CONTRACT && tn_group_feeds_rows(op)) ||
        group->region != x->out->region[op->id] || tn_group_is_full(x, group, op) ||
        !tn_group_has_room(x, op, group) || !tn_group_ready(x, op, group))
        return false;
    place_at(x, group, op->out[0], view);
    return true;
}

bool
tn_group_store_through(tn_grouper *x, tn_value *v)
{
    tn_group *group = NULL;

    if (!x->fuse || view_of(x, v, &group) != v || !may_take(group) ||
        group->region != x->out->region[v->def->id] || tn_group_is_full(x, group, v->def))
        return false;
    tn_group_add_place(x, group, v, true)->through = v;
    tn_push(x->arena, &group->ops, v->def);
    x->out->of[v->def->id] = group;
    return true;
}
