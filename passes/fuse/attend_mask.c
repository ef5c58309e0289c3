/* SPDX-License-Identifier: Apache-2.0
 * Masks and biases that are computed again in the loads of attention. */
#include "passes/fuse/attend_in.h"

enum {
    DEAR = 128,    /* for each score */
    SMALL = 8,     /* made of sizes alone, for each reader */
    BEHIND = 64,   /* operations behind one another */
    MEMORY = 8,    /* tensors it may read, as noted for who reads it */
};

typedef struct masks {
    tn_grouper *x;
    const tn_attended_list *list;
    bool gathers;    /* values found by index too */
    uint16_t *cost;  /* by op id, with operands that would be computed again */
    uint8_t *behind; /* by op id */
    bool *pure;      /* by op id: made of sizes and numbers alone */
    bool *taken;     /* by op id */
} masks;

static bool
may_take(const masks *m, const tn_op *op)
{
    switch (tn_lower_kind_of(op->code)) {
    case TN_LOWER_map:
    case TN_LOWER_view: break;
    case TN_LOWER_gather:
        if (!m->gathers)
            return false;
        break;
    default:
        if (op->code != TN_OP_iota && op->code != TN_OP_fill && op->code != TN_OP_one_hot)
            return false;
    }
    return op->out_count == 1 && !m->x->claim[op->id] && !m->x->kept[op->id] &&
        !m->x->update[op->id];
}

static void
add_up(masks *m, const tn_op *op)
{
    uint32_t cost = (uint32_t)tn_op_cost(op), behind = 0;
    bool pure = tn_lower_kind_of(op->code) != TN_LOWER_gather;

    for (int i = 0; i < op->in_count; i++) {
        const tn_value *v = op->in[i];

        if (!v || v->kind == TN_VALUE_LITERAL)
            continue;
        if (v->kind != TN_VALUE_RESULT || v->def->block != op->block || !may_take(m, v->def)) {
            pure = false;
            continue;
        }
        cost += m->cost[v->def->id];
        behind = behind > m->behind[v->def->id] ? behind : m->behind[v->def->id];
        pure = pure && m->pure[v->def->id];
    }
    m->cost[op->id] = (uint16_t)(cost > UINT16_MAX ? UINT16_MAX : cost);
    m->behind[op->id] = (uint8_t)(behind > BEHIND ? BEHIND : behind + 1);
    m->pure[op->id] = pure;
}

static int
dim_of(const tn_type *t, tn_size size, int but)
{
    for (int i = 0; i < t->rank; i++)
        if (i != but && tn_size_equal(t->dim[i], size))
            return i;
    return -1;
}

/* True if it has rows and keys, perhaps as one dimension. */
static bool
is_large(const masks *m, const tn_op *op, const tn_attended *by)
{
    const tn_type *t = &op->out[0]->type;
    int keys = dim_of(t, by->keys, -1);

    for (int n = 0; n < by->rows; n++) {
        tn_size both = tn_size_mul(m->x->g->sizes, by->row[n], by->keys);

        if ((keys >= 0 && dim_of(t, by->row[n], keys) >= 0) || (both && dim_of(t, both, -1) >= 0))
            return true;
    }
    return false;
}

static const tn_attended *
attended_of(const masks *m, const tn_group *group)
{
    for (uint32_t i = 0; i < m->list->at.count; i++)
        if (m->list->at.at[i].group == group)
            return &m->list->at.at[i];
    return NULL;
}

/* Readers come first. What is large is taken if nobody else needs it, what
 * is cheap and reads no memory whoever does. */
static void
take(masks *m, const tn_op *op, const tn_attended **by)
{
    const tn_value *v = op->out[0];
    bool alone = true;

    if (!may_take(m, op) || m->behind[op->id] >= BEHIND)
        return;
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *user = v->uses.at[i].op;
        const tn_attended *reader = NULL;

        if (user && user->block == op->block)
            reader = m->x->claim[user->id] ? attended_of(m, m->x->claim[user->id]) : by[user->id];
        alone = alone && reader;
        if (reader && !by[op->id])
            by[op->id] = reader;
    }
    if (!by[op->id])
        return;
    m->taken[op->id] = alone && m->cost[op->id] <= DEAR && is_large(m, op, by[op->id]);
    m->taken[op->id] |= m->pure[op->id] && m->cost[op->id] <= SMALL;
    if (!m->taken[op->id])
        by[op->id] = NULL;
}

static void
mark(masks *m, bool on)
{
    tn_grouper *x = m->x;

    for (const tn_op *op = x->g->block->first; op; op = op->next) {
        if (!m->taken[op->id])
            continue;
        x->out->inlined[op->id] = on;
        x->cost[op->id] = (uint8_t)(m->cost[op->id] > UINT8_MAX ? UINT8_MAX : m->cost[op->id]);
        x->depth[op->id] = m->behind[op->id];
        x->loads[op->id] = m->pure[op->id] ? 0 : MEMORY;
    }
}

static bool
all_run_online(const masks *m)
{
    for (uint32_t i = 0; i < m->list->at.count; i++)
        if (!tn_attend_try(m->x, m->list->at.at[i].group).tile)
            return false;
    return true;
}

static bool
succeeds(masks *m)
{
    uint32_t ops = m->x->g->op_count;
    const tn_attended **by = tn_new_array(m->x->arena, const tn_attended *, ops);

    m->cost = tn_new_array(m->x->arena, uint16_t, ops);
    m->behind = tn_new_array(m->x->arena, uint8_t, ops);
    m->pure = tn_new_array(m->x->arena, bool, ops);
    m->taken = tn_new_array(m->x->arena, bool, ops);
    for (const tn_op *op = m->x->g->block->first; op; op = op->next)
        if (op->out_count == 1)
            add_up(m, op);
    for (const tn_op *op = m->x->g->block->last; op; op = op->prev)
        take(m, op, by);
    mark(m, true);
    if (all_run_online(m))
        return true;
    mark(m, false);
    return false;
}

void
tn_attend_masks(tn_grouper *x, const tn_attended_list *list)
{
    masks m = {.x = x, .list = list, .gathers = true};

    if (!list->at.count || succeeds(&m))
        return;
    m.gathers = false;
    (void)succeeds(&m);
}
