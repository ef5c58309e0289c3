/* SPDX-License-Identifier: Apache-2.0
 * The invariants of a graph:
 *  - lists of ops are linked both ways, each op knows its block and graph;
 *  - every operand and every result of a block has its use in the value, and
 *    every use leads back;
 *  - a value is defined before it is used: earlier in its block, or in a block
 *    around it;
 *  - ops fit their rows and have the types their rule gives. */
#include <string.h>

#include "ir/graph/graph.h"

typedef struct checker {
    tn_graph *g;
    tn_diag *diag;
    tn_status status;
    uint8_t *defined;   /* by value id: visible where the walk stands */
    uint32_t *next_use; /* by value id */
} checker;

static void
report(checker *c, const tn_op *op, const char *what)
{
    c->status = tn_fail(c->diag, TN_BUG, "graph %s: %s%s%s: %s", c->g->name, op ? op->path : "",
        op ? ": " : "", op ? tn_op_info_of(op->code)->name : "block", what);
}

/* Uses mostly stand in the order of the walk, so the search goes on where the
 * last one for this value ended: a value with many uses costs no more. */
static bool
has_use(checker *c, const tn_value *v, const tn_op *op, const tn_block *block, int index)
{
    uint32_t *next = v->id < c->g->value_count ? &c->next_use[v->id] : NULL;

    for (uint32_t i = 0; next && i < v->uses.count; i++) {
        uint32_t at = (*next + i) % v->uses.count;
        const tn_use *u = &v->uses.at[at];

        if (u->op == op && (op || u->block == block) && u->index == index) {
            *next = at + 1;
            return true;
        }
    }
    return false;
}

/* Weights, states and literals have no place of definition. */
static bool
is_visible(const checker *c, const tn_value *v)
{
    if (v->kind == TN_VALUE_WEIGHT || v->kind == TN_VALUE_STATE || v->kind == TN_VALUE_LITERAL)
        return true;
    return v->id < c->g->value_count && c->defined[v->id];
}

static void
check_uses(checker *c, const tn_op *op, const tn_value *v)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_use *u = &v->uses.at[i];
        bool back = u->op ? u->index < u->op->in_count && u->op->in[u->index] == v
                          : u->block && u->index < (int)u->block->results.count &&
                u->block->results.at[u->index] == v;

        if (!back)
            report(c, op, "a use does not lead back to its value");
        else if (u->op && !u->op->block)
            report(c, op, "a use is in an op that was removed");
    }
}

static void
define(checker *c, const tn_op *op, const tn_value *v)
{
    if (v->id >= c->g->value_count || c->defined[v->id])
        report(c, op, "two values have one id");
    else
        c->defined[v->id] = 1;
    check_uses(c, op, v);
}

static void
check_operands(checker *c, const tn_op *op)
{
    for (int i = 0; i < op->in_count; i++) {
        const tn_value *v = op->in[i];

        if (!v)
            continue;
        if (!is_visible(c, v))
            report(c, op, "an operand is not defined here");
        if (!has_use(c, v, op, NULL, i))
            report(c, op, "an operand does not know its use");
    }
}

static void check_block(checker *c, tn_block *b);

static void
check_op(checker *c, tn_block *b, tn_op *op)
{
    if (op->block != b || op->graph != c->g)
        report(c, op, "the op does not know its block");
    if ((op->prev ? op->prev->next : b->first) != op || (op->next ? op->next->prev : b->last) != op)
        report(c, op, "neighbours do not agree");
    check_operands(c, op);
    for (int i = 0; i < op->body_count; i++) {
        if (op->body[i]->owner != op)
            report(c, op, "a body does not know its op");
        check_block(c, op->body[i]);
    }
    if (!tn_op_check(op, c->diag))
        report(c, op, "it does not fit its row, or its results have other types");
    for (int i = 0; i < op->out_count; i++) {
        if (op->out[i]->def != op || op->out[i]->index != i || op->out[i]->kind != TN_VALUE_RESULT)
            report(c, op, "a result does not know its op");
        define(c, op, op->out[i]);
    }
}

static void
check_results(checker *c, const tn_block *b)
{
    for (uint32_t i = 0; i < b->results.count; i++) {
        const tn_value *v = b->results.at[i];

        if (!v || !is_visible(c, v))
            report(c, b->owner, "a result of a block is not defined there");
        else if (!has_use(c, v, NULL, b, (int)i))
            report(c, b->owner, "a result of a block does not know its use");
    }
}

/* What a block defined is hidden again behind it. */
static void
hide(checker *c, const tn_block *b)
{
    for (uint32_t i = 0; i < b->params.count; i++)
        c->defined[b->params.at[i]->id] = 0;
    for (const tn_op *op = b->first; op; op = op->next) {
        for (int i = 0; i < op->out_count; i++)
            c->defined[op->out[i]->id] = 0;
    }
}

static void
check_block(checker *c, tn_block *b)
{
    if (b->graph != c->g) {
        report(c, b->owner, "a block belongs to another graph");
        return;
    }
    for (uint32_t i = 0; i < b->params.count; i++)
        define(c, b->owner, b->params.at[i]);
    for (tn_op *op = b->first; op; op = op->next)
        check_op(c, b, op);
    check_results(c, b);
    if (b->owner && c->status == TN_OK)
        hide(c, b);
}

tn_status
tn_graph_verify(tn_graph *g, tn_diag *diag)
{
    checker c = {.g = g, .diag = diag, .status = TN_OK};

    c.defined = tn_new_array(g->module->arena, uint8_t, g->value_count);
    c.next_use = tn_new_array(g->module->arena, uint32_t, g->value_count);
    for (uint32_t i = 0; i < g->inputs.count; i++)
        define(&c, NULL, g->inputs.at[i].value);
    for (uint32_t i = 0; i < g->weight_values.count; i++)
        define(&c, NULL, g->weight_values.entries[i].value);
    for (uint32_t i = 0; i < g->state_values.count; i++)
        define(&c, NULL, g->state_values.entries[i].value);
    if (g->block->results.count != g->outputs.count + g->stores.count)
        report(&c, NULL, "the graph gives other results than its outputs and stores");
    check_block(&c, g->block);
    return c.status;
}
