/* SPDX-License-Identifier: Apache-2.0
 * Which operations may share a kernel. */
#include <string.h>

#include "passes/group_in.h"

/* What a candidate would look like on the axes of a group. */
typedef struct fit {
    int8_t result[TN_MAX_RANK]; /* axis of each dimension of the result */
    unsigned reduced;           /* axes, as bits */
    bool touches;               /* some operand lies on the axes */
} fit;

static const tn_group_place *
place_of(const tn_grouper *x, const tn_group *group, const tn_value *v)
{
    const tn_group_place *p = tn_group_find(group, v);

    (void)x;
    return p && !p->memory && !p->through ? p : NULL;
}

static unsigned
grid_of(const tn_group *group)
{
    unsigned mask = 0;

    for (uint32_t i = 0; i < group->axes.count; i++)
        if (!group->axes.at[i].span)
            mask |= 1u << i;
    return mask;
}

/* Operand `in` as it lies on the group's axes. False if that contradicts what
 * is known, or if a member is read at other places than its own. */
static bool
fit_operand(tn_grouper *x, const tn_group *group, const tn_op *op, int in, fit *f)
{
    tn_trace t = tn_group_trace(x, op->in[in]);
    const tn_group_place *p = place_of(x, group, t.base);
    int8_t to[TN_MAX_RANK];
    unsigned along = tn_lower_kind_of(op->code) == TN_LOWER_reduce ||
            tn_lower_kind_of(op->code) == TN_LOWER_order
        ? tn_op_reduced(op)
        : 0;

    if (!tn_op_dims(op, in, to) || !p) {
        tn_group_walk_start(x);
        tn_group_walk(x, op->in[in]);
        for (uint32_t i = 0; i < x->leaves.count; i++)
            if (tn_group_of(x, x->leaves.at[i]) == group)
                return false;
        return true;
    }
    /* One number of a group that is one task. */
    f->touches |= p->member && grid_of(group) == 0;
    for (int i = 0; i < op->in[in]->type.rank; i++) {
        int axis = t.dim[i] < 0 ? -1 : p->axis[t.dim[i]];

        if (axis < 0) {
            if (along >> i & 1 && !tn_size_is_one(op->in[in]->type.dim[i]))
                return false;
            continue;
        }
        f->touches = true;
        if (along >> i & 1)
            f->reduced |= 1u << axis;
        if (to[i] < 0)
            continue;
        if (f->result[to[i]] >= 0 && f->result[to[i]] != axis)
            return false;
        f->result[to[i]] = (int8_t)axis;
    }
    return true;
}

/* Every dimension has an axis of its own, and all grid axes are among them:
 * so that no two tasks compute the same element. */
static bool
covers(const tn_value *result, const fit *f, unsigned grid, int free_dim)
{
    unsigned seen = 0;

    for (int i = 0; i < result->type.rank; i++) {
        if (tn_size_is_one(result->type.dim[i]) || i == free_dim)
            continue;
        if (f->result[i] < 0 || seen >> f->result[i] & 1)
            return false;
        seen |= 1u << f->result[i];
    }
    return (grid & ~seen) == 0;
}

/* A reduction makes its axes spanned. It may not take the last grid axis, nor
 * a second set of axes. */
static bool
may_reduce(const tn_group *group, const fit *f)
{
    unsigned grid = grid_of(group), all = (1u << group->axes.count) - 1;
    unsigned spans = all & ~grid;

    if (group->kind == TN_GROUP_CONTRACT)
        return false;
    if ((f->reduced & grid) == 0)
        return true;
    return group->kind == TN_GROUP_MAP && spans == 0 && (grid & ~f->reduced) != 0;
}

static void
add_results(tn_grouper *x, tn_group *group, tn_op *op, const fit *f)
{
    for (int i = 0; i < op->out_count; i++) {
        tn_group_place *p = tn_group_add_place(x, group, op->out[i], true);

        for (int k = 0; k < op->out[i]->type.rank; k++)
            if (!tn_size_is_one(op->out[i]->type.dim[k]))
                p->axis[k] = f->result[k];
    }
}

enum { PLACED_THROUGH = 4 }; /* inlined operations behind one another */

/* True if `x` runs with every dimension of `y`. */
static bool
is_full(const tn_value *x, const tn_value *y, const int8_t *to)
{
    unsigned seen = 0;

    for (int i = 0; i < x->type.rank; i++)
        if (to[i] >= 0)
            seen |= 1u << to[i];
    for (int i = 0; i < y->type.rank; i++)
        if (!tn_size_is_one(y->type.dim[i]) && !(seen >> i & 1))
            return false;
    return true;
}

/* An operand from memory gets a place too, whose dimensions lie on `axis`;
 * seen through cheap operations, for another may read it without them. */
static void
place_operand(tn_grouper *x, tn_group *group, tn_value *v, const int8_t *axis, int depth)
{
    tn_trace t = tn_group_trace(x, v);
    const tn_op *op = t.base->def;
    tn_group_place *p;
    int8_t at[TN_MAX_RANK];

    if (tn_group_find(group, t.base))
        return;
    memset(at, -1, sizeof at);
    for (int i = 0; i < v->type.rank; i++)
        if (t.dim[i] >= 0 && !tn_size_is_one(t.base->type.dim[t.dim[i]]))
            at[t.dim[i]] = axis[i];
    p = tn_group_add_place(x, group, t.base, false);
    memcpy(p->axis, at, sizeof at);
    if (t.base->kind != TN_VALUE_RESULT || !x->out->inlined[op->id] || depth == PLACED_THROUGH ||
        tn_lower_kind_of(op->code) != TN_LOWER_map)
        return;
    for (int in = 0; in < op->in_count; in++) {
        int8_t to[TN_MAX_RANK], through[TN_MAX_RANK];

        if (!op->in[in] || op->in[in]->kind == TN_VALUE_LITERAL || !tn_op_dims(op, in, to) ||
            !is_full(op->in[in], t.base, to))
            continue;
        memset(through, -1, sizeof through);
        for (int i = 0; i < op->in[in]->type.rank; i++)
            if (to[i] >= 0)
                through[i] = at[to[i]];
        place_operand(x, group, op->in[in], through, depth + 1);
    }
}

/* Through the result. */
static void
add_operands(tn_grouper *x, tn_group *group, const tn_op *op, const fit *f)
{
    for (int in = 0; in < op->in_count; in++) {
        int8_t to[TN_MAX_RANK], axis[TN_MAX_RANK];

        if (!op->in[in] || op->in[in]->kind == TN_VALUE_LITERAL || !tn_op_dims(op, in, to))
            continue;
        memset(axis, -1, sizeof axis);
        for (int i = 0; i < op->in[in]->type.rank; i++)
            if (to[i] >= 0)
                axis[i] = f->result[to[i]];
        place_operand(x, group, op->in[in], axis, 0);
    }
}

static bool
is_running(const tn_op *op)
{
    return op->code == TN_OP_cum_sum || op->code == TN_OP_cum_prod || op->code == TN_OP_cum_max ||
        op->code == TN_OP_cum_min;
}

static bool
is_row_op(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_reduce || kind == TN_LOWER_order;
}

/* What needs the order of elements along an axis that a top_k fills. */
static bool
orders_chosen(const tn_group *group, const tn_op *op, const fit *f)
{
    for (uint32_t i = 0; i < group->axes.count; i++)
        if (group->axes.at[i].chosen && f->reduced >> i & 1)
            return tn_lower_kind_of(op->code) == TN_LOWER_order;
    return false;
}

static void
commit(tn_grouper *x, tn_group *group, tn_op *op, fit *f)
{
    if (is_row_op(op)) {
        for (uint32_t i = 0; i < group->axes.count; i++)
            group->axes.at[i].span |= (f->reduced >> i & 1) != 0;
        if (group->kind == TN_GROUP_MAP)
            group->kind = TN_GROUP_ROW;
        group->parts = NULL;
        if (op->code == TN_OP_top_k) {
            int along = (int)tn_op_int(op, TN_ATTR_top_k_axis);

            f->result[along] =
                (int8_t)tn_group_add_axis(x, group, op->out[0]->type.dim[along], true);
            group->axes.at[group->axes.count - 1].chosen = true;
        }
    }
    add_results(x, group, op, f);
    add_operands(x, group, op, f);
    tn_group_add_op(x, group, op);
}

/* ---- contractions of one operand ---- */

/* Of one kernel: their accumulators share the registers. */
enum { SIBLINGS = 3 };

static bool
are_alike(const tn_op *a, const tn_op *b)
{
    const tn_type *ta = &a->out[0]->type, *tb = &b->out[0]->type;

    if (a->code != TN_OP_contract || a->in[0] != b->in[0] || ta->dtype != tb->dtype ||
        ta->rank != tb->rank ||
        strcmp(tn_op_text(a, TN_ATTR_contract_labels), tn_op_text(b, TN_ATTR_contract_labels)) != 0)
        return false;
    for (int i = 0; i < ta->rank; i++)
        if (!tn_size_equal(ta->dim[i], tb->dim[i]))
            return false;
    return a->in[1]->kind == TN_VALUE_WEIGHT && b->in[1]->kind == TN_VALUE_WEIGHT;
}

/* Queries, keys and values, a gate and what it lets through: products of the
 * same rows with matrices of the same shape, in one pass over the rows. */
static bool
join_contraction(tn_grouper *x, tn_group *into, tn_op *op)
{
    tn_op *first = into->ops.at[0];
    int siblings = 1;
    fit f;

    if (into->kind != TN_GROUP_CONTRACT || into->online || into->family || !are_alike(first, op) ||
        !tn_group_ready(x, op, into))
        return false;
    for (uint32_t i = 1; i < into->ops.count; i++)
        siblings += into->ops.at[i]->code == TN_OP_contract;
    if (siblings == SIBLINGS)
        return false;
    memcpy(f.result, tn_group_find(into, first->out[0])->axis, sizeof f.result);
    add_results(x, into, op, &f);
    tn_group_add_op(x, into, op);
    return true;
}

bool
tn_group_join(tn_grouper *x, tn_group *into, tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);
    int free_dim = op->code == TN_OP_top_k ? (int)tn_op_int(op, TN_ATTR_top_k_axis) : -1;
    fit f = {.reduced = 0};

    memset(f.result, -1, sizeof f.result);
    if (kind == TN_LOWER_scan)
        return tn_group_join_scan(x, into, op);
    if (op->code == TN_OP_concat)
        return tn_group_join_concat(x, into, op);
    if (kind == TN_LOWER_contract)
        return join_contraction(x, into, op);
    if (kind != TN_LOWER_map && !is_row_op(op))
        return false;
    if (into->axes.count + 1 >= TN_GROUP_AXES)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->kind != TN_VALUE_LITERAL && !fit_operand(x, into, op, i, &f))
            return false;
    if (!f.touches || (is_row_op(op) && !may_reduce(into, &f)) || orders_chosen(into, op, &f))
        return false;
    if (!covers(op->out[0], &f, grid_of(into) & ~f.reduced, free_dim))
        return false;
    if (!tn_group_ready(x, op, into))
        return false;
    commit(x, into, op, &f);
    return true;
}

/* ---- groups of their own ---- */

static tn_group *
new_group(tn_grouper *x, const tn_op *op, tn_group_kind kind)
{
    tn_group *group = tn_new(x->arena, tn_group);

    group->number = x->out->at.count;
    group->region = x->out->region[op->id];
    group->kind = kind;
    group->first = x->position[op->id];
    tn_push(x->arena, &x->out->at, group);
    return group;
}

static void
axes_of_result(tn_grouper *x, tn_group *group, const tn_value *v, fit *f)
{
    for (int i = 0; i < v->type.rank; i++)
        if (f->result[i] < 0 && !tn_size_is_one(v->type.dim[i]))
            f->result[i] = (int8_t)tn_group_add_axis(x, group, v->type.dim[i], false);
}

/* Reduced dimensions of the operand become spanned axes, behind the others. */
static void
open_row(tn_grouper *x, tn_group *group, tn_op *op, fit *f)
{
    const tn_value *in = op->in[0];
    unsigned along = tn_op_reduced(op);
    int8_t to[TN_MAX_RANK], axis[TN_MAX_RANK];

    (void)tn_op_dims(op, 0, to);
    memset(axis, -1, sizeof axis);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < in->type.rank; i++)
            if ((along >> i & 1) == (unsigned)pass && !tn_size_is_one(in->type.dim[i]))
                axis[i] = (int8_t)tn_group_add_axis(x, group, in->type.dim[i], pass == 1);
    for (int i = 0; i < in->type.rank; i++)
        if (to[i] >= 0 && (!(along >> i & 1) || is_running(op)))
            f->result[to[i]] = axis[i];
    if (op->code == TN_OP_top_k) {
        int dim = (int)tn_op_int(op, TN_ATTR_top_k_axis);

        f->result[dim] = (int8_t)tn_group_add_axis(x, group, op->out[0]->type.dim[dim], true);
        group->axes.at[group->axes.count - 1].chosen = true;
    }
    place_operand(x, group, op->in[0], axis, 0);
}

/* Parts of a concat are stored apart if tasks have another axis to share. */
static void
store_parts(tn_group *group, const tn_op *op, const fit *f)
{
    int along = (int)tn_op_int(op, TN_ATTR_concat_axis);

    if (group->axes.count < 2 || f->result[along] < 0)
        return;
    group->parts = op;
    group->part_axis = f->result[along];
}

/* Its results are read from memory, by everybody. */
static tn_group *
open_whole(tn_grouper *x, tn_op *op)
{
    tn_group *group = new_group(x, op, TN_GROUP_WHOLE);

    group->family = tn_op_info_of(op->code)->name;
    for (int i = 0; i < op->out_count; i++)
        tn_group_add_place(x, group, op->out[i], true)->memory = true;
    tn_group_add_op(x, group, op);
    return group;
}

/* ---- updates in place ---- */

bool
tn_group_overwrites(const tn_group *group, const tn_value *v)
{
    for (uint32_t i = 0; i < group->places.count; i++) {
        const tn_op *update = group->places.at[i].update;

        if (update && (v == update->in[0] || v == update->out[0]))
            return true;
    }
    return false;
}

const tn_op *
tn_group_reader(tn_grouper *x, const tn_group *group, const tn_value *v)
{
    for (uint32_t i = 0; i < group->ops.count; i++) {
        tn_group_walk_start(x);
        tn_group_walk_op(x, group->ops.at[i]);
        for (uint32_t k = 0; k < x->leaves.count; k++)
            if (x->leaves.at[k] == v)
                return group->ops.at[i];
    }
    return NULL;
}

/* The rows lie on the axes of the group that makes them, each on its own
 * place, and that group touches the state nowhere else. */
static bool
may_store_rows(tn_grouper *x, tn_group *group, const tn_in_place *u, const tn_trace *t)
{
    const tn_group_place *p = tn_group_find(group, t->base);
    const tn_value *rows = u->op->in[1];

    if (!p || !p->member || p->memory || p->shape_of || p->through ||
        tn_group_is_full(x, group, u->op) || group->region != x->out->region[u->op->id] ||
        !tn_group_has_room(x, u->op, group) || !tn_group_ready(x, u->op, group))
        return false;
    for (int i = 0; i < rows->type.rank; i++)
        if (t->dim[i] < 0 && !tn_size_is_one(rows->type.dim[i]))
            return false;
    for (uint32_t i = 0; i < group->reads.count; i++)
        if (group->reads.at[i] == u->op->in[0] || group->reads.at[i] == u->state)
            return false;
    tn_group_walk_start(x);
    for (int i = 0; i < u->op->in_count; i++)
        if (i != 1)
            tn_group_walk(x, u->op->in[i]);
    for (uint32_t i = 0; i < x->leaves.count; i++)
        if (tn_group_of(x, x->leaves.at[i]) == group)
            return false;
    return true;
}

void
tn_group_place_update(tn_grouper *x, tn_in_place *u)
{
    tn_trace t = tn_group_trace(x, u->op->in[1]);
    const tn_value *rows = u->op->in[1];
    tn_group *group = x->fuse && u->how == TN_IN_PLACE_JOINED ? tn_group_of(x, t.base) : NULL;
    tn_group_place *own;
    fit f;

    memset(f.result, -1, sizeof f.result);
    if (group && may_store_rows(x, group, u, &t)) {
        const tn_group_place *p = tn_group_find(group, t.base);

        for (int i = 0; i < rows->type.rank; i++)
            f.result[i] = (int8_t)(t.dim[i] < 0 ? -1 : p->axis[t.dim[i]]);
    } else {
        group = new_group(x, u->op, TN_GROUP_MAP);
        axes_of_result(x, group, rows, &f);
    }
    own = tn_group_add_place(x, group, u->op->out[0], true);
    own->memory = true;
    own->update = u->op;
    memcpy(own->axis, f.result, sizeof own->axis);
    tn_group_add_op(x, group, u->op);
}

tn_group *
tn_group_open(tn_grouper *x, tn_op *op)
{
    static const tn_group_kind kinds[] = {
        [TN_LOWER_contract] = TN_GROUP_CONTRACT,
        [TN_LOWER_reduce] = TN_GROUP_ROW,
        [TN_LOWER_order] = TN_GROUP_ROW,
        [TN_LOWER_scan] = TN_GROUP_SCAN,
    };
    tn_lower_kind kind = tn_lower_kind_of(op->code);
    tn_group *group;
    fit f;

    if (kind == TN_LOWER_expand || kind == TN_LOWER_deal)
        return open_whole(x, op);
    group = new_group(x, op, kind <= TN_LOWER_scan ? kinds[kind] : TN_GROUP_MAP);
    memset(f.result, -1, sizeof f.result);
    if (kind == TN_LOWER_scan) {
        tn_group_open_scan(x, group, op);
        return group;
    }
    if (is_row_op(op))
        open_row(x, group, op, &f);
    else
        axes_of_result(x, group, op->out[0], &f);
    if (op->code == TN_OP_concat)
        store_parts(group, op, &f);
    add_results(x, group, op, &f);
    if (kind != TN_LOWER_contract)
        add_operands(x, group, op, &f);
    tn_group_add_op(x, group, op);
    return group;
}
