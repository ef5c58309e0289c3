/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/in_place.h"

#include <string.h>

#include "passes/group_in.h"

static const char family[] = "in_place";

/* ---- what the operations say ---- */

static const tn_attr *
place_of(const tn_op *update)
{
    return &update->attr[TN_ATTR_update_at];
}

static tn_value *
offset_operand(const tn_op *update)
{
    return place_of(update)->operand < 0 ? NULL : update->in[place_of(update)->operand];
}

/* A part of `v` along the axis of the update that ends before `end`. */
static bool
is_slice_before(tn_graph *g, const tn_op *op, const tn_op *update, tn_size end)
{
    const tn_attr *start;
    tn_size last;

    if (!op || op->code != TN_OP_slice || tn_op_int(op, TN_ATTR_slice_step) != 1 ||
        tn_op_int(op, TN_ATTR_slice_axis) != tn_op_int(update, TN_ATTR_update_axis))
        return false;
    start = &op->attr[TN_ATTR_slice_start];
    if (start->operand >= 0)
        return false;
    last = tn_size_add(g->sizes, start->sizes[0],
        op->out[0]->type.dim[tn_op_int(op, TN_ATTR_slice_axis)]);
    return last && tn_size_proves_le(g->sizes, last, end);
}

/* Nothing reads `v` from `end` on, but for the update that overwrites it and
 * the store. */
static bool
ends_before(tn_graph *g, const tn_value *v, const tn_op *update, tn_size end)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_use *u = &v->uses.at[i];
        bool store = !u->op && u->block == g->block && u->index >= (int)g->outputs.count;

        if (!store && !(u->op == update && u->index == 0) &&
            !is_slice_before(g, u->op, update, end))
            return false;
    }
    return true;
}

static bool
is_append(tn_graph *g, const tn_op *update)
{
    int axis = (int)tn_op_int(update, TN_ATTR_update_axis);
    tn_size at, end;

    if (offset_operand(update) || update->in[0]->kind != TN_VALUE_STATE)
        return false;
    at = place_of(update)->sizes[0];
    end = tn_size_add(g->sizes, at, update->in[1]->type.dim[axis]);
    return end && ends_before(g, update->in[0], update, at) &&
        ends_before(g, update->out[0], update, end);
}

static void
refuse(tn_in_place *u, const char *predicate, const char *found, const char *advice)
{
    u->how = TN_IN_PLACE_COPY;
    u->predicate = predicate;
    u->found = found;
    u->advice = advice;
}

static bool
is_update(const tn_op *op)
{
    return op->code == TN_OP_update;
}

/* Memory of the run itself. */
static tn_in_place
of_carry(tn_op *op, const tn_flat_carry *carry)
{
    tn_in_place u = {.op = op, .state = carry->memory, .carry = carry, .append = true};

    if (!is_update(op))
        refuse(&u, "rows are written by update", tn_op_info_of(op->code)->name,
            "write rows that lie together with update");
    return u;
}

static tn_in_place
of_state(tn_graph *g, tn_op *op, tn_value *state)
{
    tn_in_place u = {.op = op, .state = state};
    const tn_value *at = NULL;

    if (is_update(op)) {
        u.append = is_append(g, op);
        at = offset_operand(op);
    } else {
        refuse(&u, "rows are written by update, so that a failed run can be taken back",
            tn_op_info_of(op->code)->name, "write rows that lie together with update");
    }
    if (at && at->kind != TN_VALUE_INPUT)
        refuse(&u, "the offset is known before the run, so that a failed run can be taken back",
            "it is computed", "give the offset as an input");
    return u;
}

static bool
writes(const tn_op *op)
{
    return op->code == TN_OP_update || op->code == TN_OP_scatter_elements ||
        op->code == TN_OP_scatter_nd;
}

/* Of one state all are in place or none. */
static void
copy_all(tn_in_place_list *list)
{
    for (uint32_t i = 0; i < list->at.count; i++)
        for (uint32_t k = 0; k < list->at.count && list->at.at[i].how == TN_IN_PLACE_COPY; k++) {
            const tn_in_place *of = &list->at.at[i];
            tn_in_place *u = &list->at.at[k];

            if (u->state == of->state && u->how != TN_IN_PLACE_COPY)
                refuse(u, of->predicate, of->found, of->advice);
        }
}

typedef struct chain {
    TN_VEC(tn_op *) at; /* the last first */
    tn_value *from;
} chain;

/* The updates that make a value out of another one. */
static chain
chain_to(tn_arena *arena, tn_value *v)
{
    chain c = {.from = v};

    while (c.from->kind == TN_VALUE_RESULT && writes(c.from->def)) {
        tn_push(arena, &c.at, c.from->def);
        c.from = c.from->def->in[0];
    }
    return c;
}

static void
find_stored(tn_arena *arena, tn_graph *g, tn_in_place_list *out, const tn_state *state,
    tn_value *stored)
{
    chain c = chain_to(arena, stored);

    if (c.from->kind != TN_VALUE_STATE || c.from->state != state)
        return;
    for (uint32_t i = c.at.count; i-- > 0;)
        tn_push(arena, &out->at, of_state(g, c.at.at[i], c.from));
}

static void
find_carried(tn_arena *arena, tn_in_place_list *out, const tn_flat_carry *carry)
{
    chain c = chain_to(arena, carry->result);

    for (uint32_t i = c.at.count; c.from == carry->now && i-- > 0;)
        tn_push(arena, &out->at, of_carry(c.at.at[i], carry));
}

void
tn_in_place_find(tn_arena *arena, tn_graph *g, const tn_flat *flat, bool all, tn_in_place_list *out)
{
    *out = (tn_in_place_list){0};
    for (uint32_t i = 0; all && i < g->stores.count; i++)
        find_stored(arena, g, out, g->stores.at[i], g->block->results.at[g->outputs.count + i]);
    for (uint32_t i = 0; i < flat->carries.count; i++)
        if (all || !flat->carries.at[i].next)
            find_carried(arena, out, &flat->carries.at[i]);
    copy_all(out);
}

bool
tn_in_place_carries(const tn_in_place_list *list, const tn_flat_carry *carry)
{
    for (uint32_t i = 0; i < list->at.count; i++)
        if (list->at.at[i].carry == carry)
            return list->at.at[i].how != TN_IN_PLACE_COPY;
    return false;
}

/* ---- what the groups say ---- */

static const char *
found_reader(tn_grouper *x, const tn_group *group, const tn_value *v, const char *why)
{
    const tn_op *op = tn_group_reader(x, group, v);

    return tn_arena_printf(x->arena, "%s %s", op ? tn_node_name(op) : "a kernel", why);
}

/* Rows that are computed where they are stored: another task may have stored
 * there. */
static bool
rows_read_state(tn_grouper *x, const tn_in_place *u)
{
    tn_group_walk_start(x);
    for (int i = 1; i < u->op->in_count; i++)
        tn_group_walk(x, u->op->in[i]);
    for (uint32_t i = 0; i < x->leaves.count; i++)
        if (x->leaves.at[i] == u->state || x->leaves.at[i] == u->op->in[0])
            return true;
    return false;
}

/* Each kernel that reads what `u` overwrites comes before, if it can. */
static bool
order_readers(tn_grouper *x, tn_in_place *u)
{
    static const char before[] = "whatever reads the old value runs before the rows are stored";
    static const char advice[] = "read the new value there, or what has been read before";
    const tn_value *old = u->op->in[0];
    tn_group *own = x->out->of[u->op->id];

    if (rows_read_state(x, u)) {
        refuse(u, before, "the new rows are read from it while they are stored", advice);
        return false;
    }
    for (uint32_t i = 0; i < x->out->at.count; i++) {
        tn_group *group = x->out->at.at[i];
        bool reads = false;

        for (uint32_t k = 0; k < group->reads.count && !reads; k++)
            reads = group->reads.at[k] == old;
        if (!reads || group == own)
            continue;
        if (group->region > own->region) {
            refuse(u, before, found_reader(x, group, old, "reads it in a loop behind"), advice);
            return false;
        }
        if (tn_group_reaches(x, group, own)) {
            refuse(u, before, found_reader(x, group, old, "reads it and needs the new rows too"),
                advice);
            return false;
        }
        tn_group_need(x, own, group);
    }
    return true;
}

bool
tn_in_place_settle(tn_grouper *x)
{
    tn_in_place_list *list = &x->out->in_place;
    bool settled = true;

    for (uint32_t i = 0; i < list->at.count; i++) {
        tn_in_place *u = &list->at.at[i];
        tn_in_place_how how = u->how;

        if (how == TN_IN_PLACE_COPY || order_readers(x, u))
            continue;
        settled = false;
        if (how == TN_IN_PLACE_JOINED && x->out->of[u->op->id]->ops.count > 1)
            u->how = TN_IN_PLACE_ALONE;
    }
    copy_all(list);
    return settled;
}

/* ---- what is told ---- */

static const char *
parameters(tn_grouper *x, const tn_in_place *u)
{
    const tn_op *op = u->op;
    int axis = (int)tn_op_int(op, TN_ATTR_update_axis);
    tn_text text = {.arena = x->arena};

    if (u->carry)
        tn_text_add(&text, "carried=%s", u->state->name ? u->state->name : "");
    else
        tn_text_add(&text, "state=%s", u->state->state->name);
    tn_text_add(&text, " axis=%d rows=", axis);
    tn_size_print(&text, x->g->sizes, op->in[1]->type.dim[axis]);
    if (!u->carry)
        tn_text_add(&text, " after_failure=%s", u->append ? "untouched" : "put_back");
    return text.at;
}

void
tn_in_place_report(tn_grouper *x)
{
    tn_in_place_list kept = {0};

    for (uint32_t i = 0; i < x->out->in_place.at.count; i++) {
        const tn_in_place *u = &x->out->in_place.at.at[i];

        if (u->how == TN_IN_PLACE_COPY) {
            tn_missed(x->options->findings, family, u->op, u->predicate, u->found, u->advice);
            continue;
        }
        if (!u->carry || u->carry->next)
            (void)tn_found(x->options->findings, family, &u->op, 1, parameters(x, u));
        tn_push(x->arena, &kept.at, *u);
    }
    x->out->in_place = kept;
}
