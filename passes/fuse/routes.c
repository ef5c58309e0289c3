/* SPDX-License-Identifier: Apache-2.0
 * Choices of experts that are spelled out: which group is one. What they are
 * made of needs no pattern, since a row group takes in scores, norms, top_k
 * and weights however they are written. */
#include <inttypes.h>
#include <string.h>

#include "passes/dims.h"
#include "passes/fuse/experts.h"

enum { HOPS = 8 };

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

static bool
feeds_moe(const tn_graph *g, const tn_op *best)
{
    for (const tn_op *op = g->block->first; op; op = op->next)
        if (op->code == TN_OP_moe && source(op->in[TN_IN_moe_ids]) == best->out[1])
            return true;
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
    (void)tn_size_is_int(out->dim[out->rank - 1], &k);
    return tn_arena_printf(list->arena,
        "k=%" PRId64 " experts=%" PRId64 " score=%s norm=%s renorm=%s", k, experts, score,
        find(group, TN_OP_sqrt) ? "std" : "none", weighs(group, best) ? "yes" : "no");
}

void
tn_name_routes(tn_groups *groups, tn_findings *findings)
{
    for (uint32_t i = 0; i < groups->at.count; i++) {
        tn_group *group = groups->at.at[i];
        const tn_op *best = group->kind == TN_GROUP_ROW ? find(group, TN_OP_top_k) : NULL;
        bool scores = best && (find(group, TN_OP_exp) || find(group, TN_OP_sigmoid));

        if (!best || group->family || best->out[1]->uses.count == 0 ||
            (!feeds_moe(groups->g, best) && !(scores && weighs(group, best))))
            continue;
        group->family = "route";
        if (findings)
            (void)tn_found(findings, "route", group->ops.at, group->ops.count,
                parameters(findings, group, best));
    }
}
