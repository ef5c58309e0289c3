/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/fuse/attend.h"

#include <string.h>

#include "passes/fuse/attend_in.h"
#include "passes/lower/lo.h"

static const char family[] = "attention";

enum { BEHIND = 8 };

/* What lies between a weighted sum and the contraction of its scores; if the
 * weights are used elsewhere as well, also what lies between the sum and the
 * operation behind which nothing of them is left: a division by their sum. */
typedef struct region {
    tn_grouper *x;
    tn_op *root;
    int weight; /* operand of the root */
    tn_op *behind[BEHIND]; /* readers of the root, one after the other */
    int behind_count;
    TN_VEC(tn_op *) ops; /* without the last one */
    int contractions, exponentials, reductions;
    bool layers_apart; /* products with weights are not in it */
} region;

static tn_op *
last_of(const region *r)
{
    return r->behind_count ? r->behind[r->behind_count - 1] : r->root;
}

static bool
is_contraction(const tn_op *op)
{
    return op->code == TN_OP_contract;
}

static bool
may_lie_between(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_map || kind == TN_LOWER_view || kind == TN_LOWER_reduce;
}

static bool
has(const region *r, const tn_op *op)
{
    for (uint32_t i = 0; i < r->ops.count; i++)
        if (r->ops.at[i] == op)
            return true;
    return false;
}

/* Of a loop that is laid out flat: kernels do not reach from one part of it to
 * another. */
static bool
is_in_region(const region *r, const tn_op *op)
{
    return r->x->out->region[op->id] == r->x->out->region[r->root->id];
}

/* Of a tensor and a weight: a layer, whose result lies in memory. */
static bool
is_layer(const tn_op *op)
{
    return op->in[0]->kind == TN_VALUE_WEIGHT || op->in[1]->kind == TN_VALUE_WEIGHT;
}

/* Adds what depends on a contraction, operands first. True if `v` does. Each
 * operation is looked at once: x->mark holds the round, x->round + 1 says that
 * it depends on none. */
static bool
collect(region *r, const tn_value *v, int depth)
{
    tn_op *op = v->def;
    bool depends = false;

    if (v->kind != TN_VALUE_RESULT || op->block != r->x->g->block || r->x->claim[op->id] ||
        r->x->kept[op->id] || !is_in_region(r, op))
        return false;
    if (r->x->mark[op->id] >= r->x->round)
        return r->x->mark[op->id] == r->x->round;
    r->x->mark[op->id] = r->x->round + 1;
    if (is_contraction(op)) {
        depends = !(r->layers_apart && is_layer(op));
        r->contractions += depends;
    } else if (may_lie_between(op) && depth < TN_GROUP_OPS) {
        for (int i = 0; i < op->in_count; i++)
            depends |= op->in[i] && collect(r, op->in[i], depth + 1);
    }
    if (!depends)
        return false;
    r->x->mark[op->id] = r->x->round;
    r->exponentials += op->code == TN_OP_exp;
    r->reductions += tn_lower_kind_of(op->code) == TN_LOWER_reduce;
    tn_push(r->x->arena, &r->ops, op);
    return true;
}

static void
missed(const region *r, const tn_op *at, const char *predicate, const char *found,
    const char *advice)
{
    tn_missed(r->x->options->findings, family, at, predicate, found, advice);
}

/* An operation of the region whose result something outside reads: what reads
 * it, NULL for the caller of the graph. */
static const tn_op *
read_outside(const region *r, const tn_op **user)
{
    for (uint32_t i = 0; i < r->ops.count; i++)
        for (int n = 0; n < r->ops.at[i]->out_count; n++) {
            const tn_value *v = r->ops.at[i]->out[n];

            for (uint32_t k = 0; k < v->uses.count; k++) {
                *user = v->uses.at[k].op;
                if (!*user || (*user != last_of(r) && !has(r, *user)))
                    return r->ops.at[i];
            }
        }
    return NULL;
}

/* ---- what is done to the sum before nothing of the weights is left ---- */

/* Adds what depends on the region: the sum of the weights on its way to the
 * sum of the values. True if `v` does. */
static bool
collect_beside(region *r, const tn_value *v, int depth)
{
    tn_op *op = v->def;
    bool depends = false;

    if (v->kind != TN_VALUE_RESULT || op->block != r->x->g->block)
        return false;
    if (has(r, op))
        return true;
    if (r->x->claim[op->id] || r->x->kept[op->id] || !is_in_region(r, op) || !may_lie_between(op) ||
        depth == TN_GROUP_OPS || r->x->mark[op->id] == r->x->round)
        return false;
    for (int i = 0; i < op->in_count; i++)
        depends |= op->in[i] && collect_beside(r, op->in[i], depth + 1);
    if (!depends) {
        r->x->mark[op->id] = r->x->round;
        return false;
    }
    r->reductions += tn_lower_kind_of(op->code) == TN_LOWER_reduce;
    tn_push(r->x->arena, &r->ops, op);
    return true;
}

static bool
goes_on(region *r)
{
    tn_op *end = last_of(r), *next;
    tn_lower_kind kind;

    if (r->behind_count == BEHIND || end->out[0]->uses.count != 1)
        return false;
    next = end->out[0]->uses.at[0].op;
    if (!next || next->block != r->x->g->block || r->x->claim[next->id] || r->x->kept[next->id] ||
        !is_in_region(r, next))
        return false;
    kind = tn_lower_kind_of(next->code);
    if (kind != TN_LOWER_map && !tn_op_keeps_places(next))
        return false;
    tn_push(r->x->arena, &r->ops, end);
    r->behind[r->behind_count++] = next;
    for (int i = 0; i < next->in_count; i++)
        if (next->in[i])
            (void)collect_beside(r, next->in[i], 0);
    return true;
}

/* Nothing outside reads what lies between; else as far behind the root as it
 * takes until that is true. */
static bool
is_private(region *r)
{
    const tn_op *user, *at = read_outside(r, &user);
    const char *found;

    if (!at)
        return true;
    found = user ? tn_arena_printf(r->x->arena, "%s reads them",
                       user->path ? user->path : tn_op_info_of(user->code)->name)
                 : "they are a result of the graph";
    r->x->round += 2;
    while (goes_on(r))
        if (!read_outside(r, &user))
            return true;
    if (r->reductions)
        missed(r, at, "scores and weights are used by the attention alone", found,
            "do not return or reuse the attention weights");
    return false;
}

/* ---- axes of the result ---- */

typedef struct roles {
    tn_label_map map;
    unsigned in[2]; /* labels of each operand, as bits */
} roles;

static void
read_roles(const tn_op *op, roles *out)
{
    int ranks[2] = {op->in[0]->type.rank, op->in[1]->type.rank};

    (void)tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, &out->map, NULL);
    for (int n = 0; n < 2; n++) {
        out->in[n] = 0;
        for (int i = 0; i < out->map.rank[n]; i++)
            if (!tn_size_is_one(op->in[n]->type.dim[i]))
                out->in[n] |= 1u << out->map.axis[n][i];
    }
}

/* Batch dimensions one position a task, rows of queries in blocks, and the
 * values' own dimensions whole. */
static void
add_axes(region *r, tn_group *group, const roles *s)
{
    tn_value *v = r->root->out[0];
    tn_group_place *p = tn_group_add_place(r->x, group, v, true);

    for (int pass = 0; pass < 3; pass++)
        for (int i = 0; i < v->type.rank; i++) {
            unsigned bit = 1u << s->map.out[i];
            bool weights = s->in[r->weight] & bit, values = s->in[1 - r->weight] & bit;
            int role = weights && values ? 0 : weights ? 1 : 2;

            if (tn_size_is_one(v->type.dim[i]) || role != pass)
                continue;
            p->axis[i] = (int8_t)tn_group_add_axis(r->x, group, v->type.dim[i], role == 2);
            group->axes.at[group->axes.count - 1].by_one = role == 0;
        }
}

/* The last operation's result on the axes of the root's. */
static bool
place_last(region *r, tn_group *group)
{
    tn_group_place p = *tn_group_find(group, r->root->out[0]);

    for (int n = 0; n < r->behind_count; n++) {
        const tn_op *op = r->behind[n];
        const tn_value *before = n ? r->behind[n - 1]->out[0] : r->root->out[0];
        int8_t to[TN_MAX_RANK], axis[TN_MAX_RANK];
        int in = 0;

        while (op->in[in] != before)
            in++;
        memset(axis, -1, sizeof axis);
        if (!tn_op_dims(op, in, to))
            return false;
        for (int i = 0; i < before->type.rank; i++)
            if (to[i] >= 0)
                axis[to[i]] = p.axis[i];
        for (int i = 0; i < op->out[0]->type.rank; i++)
            if (axis[i] < 0 && !tn_size_is_one(op->out[0]->type.dim[i]))
                return false;
        memcpy(p.axis, axis, sizeof axis);
    }
    memcpy(tn_group_add_place(r->x, group, last_of(r)->out[0], true)->axis, p.axis, sizeof p.axis);
    return true;
}

static bool
has_rows(const region *r, const roles *s)
{
    const tn_value *v = r->root->out[0];

    for (int i = 0; i < v->type.rank; i++)
        if (!tn_size_is_one(v->type.dim[i]) && (s->in[r->weight] >> s->map.out[i] & 1) &&
            !(s->in[1 - r->weight] >> s->map.out[i] & 1))
            return true;
    return false;
}

/* A token's choice among experts is spelled the same; its scores are better
 * made for many tokens at once. */
static bool
scores_from_weight(const region *r)
{
    for (uint32_t i = 0; i < r->ops.count; i++)
        if (is_contraction(r->ops.at[i]) && r->ops.at[i] != r->root)
            for (int n = 0; n < 2; n++)
                if (r->ops.at[i]->in[n]->kind == TN_VALUE_WEIGHT)
                    return true;
    return false;
}

/* ---- trial ---- */

tn_online
tn_attend_try(tn_grouper *x, tn_group *group)
{
    tn_op *last = group->ops.at[group->ops.count - 1];
    tn_lowered lowered = {0};
    tn_online o = {0};
    bool online = group->online;

    group->online = false; /* as it stands */
    for (uint32_t i = 0; i < group->ops.count; i++)
        x->out->of[group->ops.at[i]->id] = group;
    tn_push(x->arena, &group->outputs, last->out[0]);
    if (tn_lower_group(x->arena, NULL, x->g, x->options, x->out, group, &lowered) == TN_OK)
        o = tn_online_rewrite(x->arena, lowered.tile);
    for (uint32_t i = 0; i < group->ops.count; i++)
        x->out->of[group->ops.at[i]->id] = NULL;
    group->outputs.count = 0;
    group->online = online;
    return o;
}

static tn_group *
trial(region *r, const roles *s)
{
    tn_group *group = tn_new(r->x->arena, tn_group);
    tn_online o;

    if (!has_rows(r, s) && scores_from_weight(r)) {
        missed(r, r->root, "rows of queries share keys and values",
            "every row has its own, and scores against a weight", "");
        return NULL;
    }
    group->kind = TN_GROUP_CONTRACT;
    add_axes(r, group, s);
    if (!place_last(r, group))
        return NULL;
    for (uint32_t i = 0; i < r->ops.count; i++)
        tn_push(r->x->arena, &group->ops, r->ops.at[i]);
    tn_push(r->x->arena, &group->ops, last_of(r));
    o = tn_attend_try(r->x, group);
    if (o.tile)
        return group;
    if (o.predicate)
        missed(r, r->root, o.predicate, o.found, o.advice);
    else
        missed(r, r->root, "one kernel can hold it", "it cannot", "");
    return NULL;
}

static void
note_scores(const region *r, const roles *s, tn_attended *a)
{
    const tn_value *weights = r->root->in[r->weight];
    unsigned out = 0;

    for (int i = 0; i < s->map.out_rank; i++)
        out |= 1u << s->map.out[i];
    for (int i = 0; i < weights->type.rank; i++) {
        unsigned bit = 1u << s->map.axis[r->weight][i];
        bool key = !(out & bit), row = !(s->in[1 - r->weight] & bit);

        if (key)
            a->keys = weights->type.dim[i];
        else if (row && !tn_size_is_one(weights->type.dim[i]))
            a->row[a->rows++] = weights->type.dim[i];
    }
}

static void
claim(region *r, tn_group *group, tn_attended_list *list, const roles *s)
{
    tn_attended a = {.group = group, .root = r->root, .weight = r->weight};

    note_scores(r, s, &a);
    for (uint32_t i = 0; i < group->ops.count; i++)
        r->x->claim[group->ops.at[i]->id] = group;
    group->family = family;
    group->online = true;
    tn_push(r->x->arena, &list->at, a);
}

static void
sort_by_position(region *r)
{
    for (uint32_t i = 1; i < r->ops.count; i++) {
        tn_op *op = r->ops.at[i];
        uint32_t n = i;

        for (; n > 0 && r->x->position[r->ops.at[n - 1]->id] > r->x->position[op->id]; n--)
            r->ops.at[n] = r->ops.at[n - 1];
        r->ops.at[n] = op;
    }
}

static bool
attend_to(tn_grouper *x, tn_op *root, int weight, tn_attended_list *list)
{
    region r = {.x = x, .root = root, .weight = weight};
    tn_group *group;
    roles s;

    x->round += 2;
    (void)collect(&r, root->in[weight], 0);
    if (r.contractions > 1) {
        /* A bias may come from a layer: the other makes the scores. */
        r = (region){.x = x, .root = root, .weight = weight, .layers_apart = true};
        x->round += 2;
        (void)collect(&r, root->in[weight], 0);
    }
    if (!r.exponentials || r.ops.count >= TN_GROUP_OPS)
        return false;
    if (r.contractions != 1 && r.reductions)
        missed(&r, root, "one contraction makes the scores", "several", "add them up before");
    if (r.contractions != 1 || !is_private(&r) || !r.reductions || r.ops.count >= TN_GROUP_OPS)
        return false;
    sort_by_position(&r);
    read_roles(root, &s);
    group = trial(&r, &s);
    if (group)
        claim(&r, group, list, &s);
    return group != NULL;
}

void
tn_attend(tn_grouper *x)
{
    tn_attended_list list = {0};

    for (tn_op *op = x->g->block->first; op; op = op->next)
        if (is_contraction(op) && !x->claim[op->id] &&
            !tn_is_left(x->options->findings, family, op) && !attend_to(x, op, 0, &list))
            (void)attend_to(x, op, 1, &list);
    tn_attend_masks(x, &list);
    for (uint32_t i = 0; i < list.at.count; i++)
        tn_attend_queries(x, &list.at.at[i]);
    x->round += 2;
}
