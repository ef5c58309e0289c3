/* SPDX-License-Identifier: Apache-2.0
 * Queries that are made as attention loads them. */
#include <string.h>

#include "passes/fuse/attend_in.h"

enum { FOLD_DEPTH = 12, FOLD_LOADS = 8 };

typedef struct chain {
    tn_grouper *x;
    const tn_block *block;
    uint32_t region;
    TN_VEC(const tn_op *) ops;
    int loads;
} chain;

/* ---- which operand they are ---- */

/* The contraction that makes the scores, and which of their dimensions is that
 * of the keys, seen through what lies between them and the weighted sum; NULL
 * if that cannot be told. */
static tn_op *
scores_of(const tn_grouper *x, const tn_attended *a, bool *key)
{
    tn_value *v = a->root->in[a->weight];
    int ranks[2] = {a->root->in[0]->type.rank, a->root->in[1]->type.rank};
    tn_label_map map;

    (void)tn_labels_parse(tn_op_text(a->root, TN_ATTR_contract_labels), 2, ranks, true, &map, NULL);
    for (int i = 0; i < v->type.rank; i++) {
        key[i] = true;
        for (int k = 0; k < map.out_rank; k++)
            key[i] &= map.out[k] != map.axis[a->weight][i];
    }
    while (v->def->code != TN_OP_contract) {
        const tn_op *op = v->def;
        bool above[TN_MAX_RANK];
        int8_t to[TN_MAX_RANK];
        int in = 0;

        while (in < op->in_count &&
            (!op->in[in] || op->in[in]->kind != TN_VALUE_RESULT ||
                x->claim[op->in[in]->def->id] != a->group))
            in++;
        if (in == op->in_count || !tn_op_dims(op, in, to))
            return NULL;
        memcpy(above, key, sizeof above);
        v = op->in[in];
        for (int i = 0; i < v->type.rank; i++)
            key[i] = to[i] >= 0 && above[to[i]];
    }
    return v->def;
}

/* The operand of the scores that is the same for all keys. */
static tn_value *
queries_of(const tn_grouper *x, const tn_attended *a)
{
    bool key[TN_MAX_RANK], has[2] = {false, false};
    tn_op *op = scores_of(x, a, key);
    int ranks[2];
    tn_label_map map;

    if (!op)
        return NULL;
    ranks[0] = op->in[0]->type.rank;
    ranks[1] = op->in[1]->type.rank;
    (void)tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, &map, NULL);
    for (int i = 0; i < map.out_rank; i++)
        for (int n = 0; n < 2; n++)
            for (int k = 0; k < map.rank[n]; k++)
                has[n] |= key[i] && map.axis[n][k] == map.out[i];
    return has[0] == has[1] ? NULL : op->in[has[0] ? 1 : 0];
}

/* ---- what they are made of ---- */

/* Adds what `v` alone is made of. False if there is nothing to compute. */
static bool
fold(chain *c, const tn_value *v, int depth)
{
    const tn_op *op = v->def;
    tn_lower_kind kind;
    bool computes;

    if (v->kind == TN_VALUE_LITERAL)
        return false;
    kind = v->kind == TN_VALUE_RESULT ? tn_lower_kind_of(op->code) : TN_LOWER_refuse;
    if ((kind != TN_LOWER_map && kind != TN_LOWER_view) || v->uses.count != 1 ||
        depth == FOLD_DEPTH || op->block != c->block || op->out_count != 1 || c->x->claim[op->id] ||
        c->x->kept[op->id] || c->x->update[op->id] || c->x->out->region[op->id] != c->region) {
        c->loads++;
        return false;
    }
    computes = tn_op_cost(op) > 0;
    tn_push(c->x->arena, &c->ops, op);
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i])
            computes |= fold(c, op->in[i], depth + 1);
    return computes;
}

static void
mark(const chain *c, bool on)
{
    for (uint32_t i = 0; i < c->ops.count; i++)
        c->x->out->inlined[c->ops.at[i]->id] = on;
}

void
tn_attend_queries(tn_grouper *x, const tn_attended *a)
{
    const tn_value *v = queries_of(x, a);
    chain c = {.x = x, .block = a->root->block, .region = x->out->region[a->root->id]};

    if (!v || !fold(&c, v, 0) || c.loads > FOLD_LOADS)
        return;
    mark(&c, true);
    if (!tn_attend_try(x, a->group).tile)
        mark(&c, false);
}
