/* SPDX-License-Identifier: Apache-2.0
 * Choices of experts that are spelled out: which group is one. What they are
 * made of needs no pattern, since a row group takes in scores, norms, top_k
 * and weights however they are written. */
#include <inttypes.h>
#include <string.h>

#include "passes/dims.h"
#include "passes/fuse/experts.h"

enum { HOPS = 12, VISITS = 400 };

/* Behind casts and views. */
static const tn_value *
source(const tn_value *v)
{
    for (int i = 0; i < HOPS && v && v->kind == TN_VALUE_RESULT; i++) {
        if (v->def->code != TN_OP_cast && tn_lower_kind_of(v->def->code) != TN_LOWER_view)
            break;
        v = v->def->in[0];
    }
    return v;
}

static const tn_op *
find(const tn_group *group, tn_opcode code)
{
    for (uint32_t i = 0; i < group->ops.count; i++)
        if (group->ops.at[i]->code == code)
            return group->ops.at[i];
    return NULL;
}

/* The next of them from number `from` on; NULL. */
static const tn_op *
find_choice(const tn_group *group, uint32_t *from)
{
    while (*from < group->ops.count) {
        const tn_op *op = group->ops.at[(*from)++];

        if (op->code == TN_OP_top_k || op->code == TN_OP_arg_max)
            return op;
    }
    return NULL;
}

/* True if `v` is made from what is chosen, a few operations away. */
static bool
is_made_from(const tn_value *v, const tn_op *best, int hops, int *visits)
{
    const tn_op *op = v && v->kind == TN_VALUE_RESULT ? v->def : NULL;

    if (op == best)
        return true;
    if (!op || hops == 0 || ++*visits > VISITS || op->code == TN_OP_contract)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (is_made_from(op->in[i], best, hops - 1, visits))
            return true;
    return false;
}

static bool
feeds_moe(const tn_graph *g, const tn_op *best)
{
    for (const tn_op *op = g->block->first; op; op = op->next) {
        int visits = 0;

        if (op->code == TN_OP_moe &&
            (is_made_from(op->in[TN_IN_moe_ids], best, HOPS, &visits) ||
                is_made_from(op->in[TN_IN_moe_w], best, HOPS, &visits)))
            return true;
    }
    return false;
}

/* v / sum v, or exp(v - max v) / sum: of the values chosen. */
static bool
weighs(const tn_group *group, const tn_op *best)
{
    for (uint32_t i = 0; i < group->ops.count; i++) {
        const tn_op *op = group->ops.at[i], *sum;
        const tn_value *by;

        if (op->code != TN_OP_div)
            continue;
        by = source(op->in[1]);
        sum = by && by->kind == TN_VALUE_RESULT ? by->def : NULL;
        if (sum && sum->code == TN_OP_reduce_sum && source(sum->in[0]) == source(op->in[0]) &&
            tn_size_equal(sum->in[0]->type.dim[sum->in[0]->type.rank - 1],
                best->out[0]->type.dim[best->out[0]->type.rank - 1]))
            return true;
    }
    return false;
}

static const char *
parameters(const tn_findings *list, const tn_group *group, const tn_op *best)
{
    const tn_type *in = &best->in[0]->type, *out = &best->out[0]->type;
    const char *score = find(group, TN_OP_exp) ? "softmax"
        : find(group, TN_OP_sigmoid)           ? "sigmoid"
                                               : "none";
    int64_t experts = 0, k = 0;

    (void)tn_size_is_int(in->dim[in->rank - 1], &experts);
    if (best->code == TN_OP_arg_max)
        k = 1;
    else
        (void)tn_size_is_int(out->dim[out->rank - 1], &k);
    return tn_arena_printf(list->arena,
        "k=%" PRId64 " experts=%" PRId64 " score=%s norm=%s renorm=%s", k, experts, score,
        find(group, TN_OP_sqrt) ? "std" : "none", weighs(group, best) ? "yes" : "no");
}

/* The last choice of a group is that of experts: groups of experts come
 * before. */
static const tn_op *
choice_of(const tn_graph *g, const tn_group *group)
{
    bool scores = find(group, TN_OP_exp) || find(group, TN_OP_sigmoid);
    const tn_op *best, *last = NULL;
    uint32_t at = 0;

    while ((best = find_choice(group, &at)) != NULL) {
        const tn_value *ids = best->out[best->out_count - 1];

        if (feeds_moe(g, best) ||
            (best->code == TN_OP_top_k && ids->uses.count != 0 && scores && weighs(group, best)))
            last = best;
    }
    return last;
}

void
tn_name_routes(tn_groups *groups, tn_findings *findings)
{
    for (uint32_t i = 0; i < groups->at.count; i++) {
        tn_group *group = groups->at.at[i];
        bool row = group->kind == TN_GROUP_ROW && !group->family;
        const tn_op *best = row ? choice_of(groups->g, group) : NULL;

        if (!best)
            continue;
        group->family = "route";
        if (findings)
            (void)tn_found(findings, "route", group->ops.at, group->ops.count,
                parameters(findings, group, best));
    }
}
