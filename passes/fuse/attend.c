/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/fuse/attend.h"

#include <string.h>

#include "passes/fuse/online.h"
#include "passes/lower/lo.h"

static const char family[] = "attention";

/* What lies between a weighted sum and the contraction of its scores. */
typedef struct region {
    tn_grouper *x;
    tn_op *root;
    int weight; /* operand of the root */
    TN_VEC(tn_op *) ops;
    int contractions, exponentials, reductions;
} region;

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
        depends = true;
        r->contractions++;
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

/* Nothing outside reads what lies between. */
static bool
is_private(const region *r)
{
    for (uint32_t i = 0; i < r->ops.count; i++)
        for (int n = 0; n < r->ops.at[i]->out_count; n++) {
            const tn_value *v = r->ops.at[i]->out[n];

            for (uint32_t k = 0; k < v->uses.count; k++) {
                const tn_op *user = v->uses.at[k].op;

                if (user && (user == r->root || has(r, user)))
                    continue;
                missed(r, r->ops.at[i], "scores and weights are used by the attention alone",
                    user ? tn_arena_printf(r->x->arena, "%s reads them",
                               user->path ? user->path : tn_op_info_of(user->code)->name)
                         : "they are a result of the graph",
                    "do not return or reuse the attention weights");
                return false;
            }
        }
    return true;
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
        if (is_contraction(r->ops.at[i]))
            for (int n = 0; n < 2; n++)
                if (r->ops.at[i]->in[n]->kind == TN_VALUE_WEIGHT)
                    return true;
    return false;
}

/* ---- trial ---- */

static bool
rewrites(region *r, tn_group *group)
{
    tn_lowered lowered = {0};
    tn_online o;

    if (tn_lower_group(r->x->arena, NULL, r->x->g, r->x->options, r->x->out, group, &lowered) !=
        TN_OK) {
        missed(r, r->root, "one kernel can hold it", "it cannot", "");
        return false;
    }
    o = tn_online_rewrite(r->x->arena, lowered.tile);
    if (!o.tile)
        missed(r, r->root, o.predicate, o.found, o.advice);
    return o.tile != NULL;
}

static tn_group *
trial(region *r)
{
    tn_group *group = tn_new(r->x->arena, tn_group);
    roles s;

    read_roles(r->root, &s);
    if (!has_rows(r, &s) && scores_from_weight(r)) {
        missed(r, r->root, "rows of queries share keys and values",
            "every row has its own, and scores against a weight", "");
        return NULL;
    }
    group->kind = TN_GROUP_CONTRACT;
    add_axes(r, group, &s);
    for (uint32_t i = 0; i < r->ops.count; i++) {
        tn_push(r->x->arena, &group->ops, r->ops.at[i]);
        r->x->out->of[r->ops.at[i]->id] = group;
    }
    tn_push(r->x->arena, &group->ops, r->root);
    r->x->out->of[r->root->id] = group;
    tn_push(r->x->arena, &group->outputs, r->root->out[0]);
    if (rewrites(r, group))
        return group;
    for (uint32_t i = 0; i < group->ops.count; i++)
        r->x->out->of[group->ops.at[i]->id] = NULL;
    return NULL;
}

static void
claim(region *r, tn_group *group)
{
    for (uint32_t i = 0; i < group->ops.count; i++) {
        r->x->claim[group->ops.at[i]->id] = group;
        r->x->out->of[group->ops.at[i]->id] = NULL;
    }
    group->family = family;
    group->online = true;
    group->outputs.count = 0;
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
attend_to(tn_grouper *x, tn_op *root, int weight)
{
    region r = {.x = x, .root = root, .weight = weight};
    tn_group *group;

    x->round += 2;
    (void)collect(&r, root->in[weight], 0);
    if (!r.exponentials || !r.reductions || r.ops.count >= TN_GROUP_OPS)
        return false;
    if (r.contractions != 1) {
        missed(&r, root, "one contraction makes the scores", "several", "add them up before");
        return false;
    }
    if (!is_private(&r))
        return false;
    sort_by_position(&r);
    group = trial(&r);
    if (group)
        claim(&r, group);
    return group != NULL;
}

void
tn_attend(tn_grouper *x)
{
    for (tn_op *op = x->g->block->first; op; op = op->next)
        if (is_contraction(op) && !x->claim[op->id] &&
            !tn_is_left(x->options->findings, family, op) && !attend_to(x, op, 0))
            (void)attend_to(x, op, 1);
    x->round += 2;
}
