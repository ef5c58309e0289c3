/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "passes/clean.h"
#include "passes/rule_in.h"

enum {
    NONE = TN_FREE_NONE,
    REORDER = TN_FREE_REORDER,
    FINITE = TN_FREE_FINITE,
    WIDER = TN_FREE_WIDER,
};

static const tn_rule rows[] = {
#define TN_RULE(name, from, when, to, freedom, doc) {#name, from, when, to, freedom, doc},
#include "passes/rules.def"
};

enum { ROWS = sizeof rows / sizeof *rows };

int
tn_rule_count(void)
{
    return ROWS;
}

const tn_rule *
tn_rule_at(int index)
{
    return &rows[index];
}

const tn_rule *
tn_rule_named(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

const char *
tn_freedom_text(unsigned freedom)
{
    static const char *const texts[] = {"", "reorder", "finite", "reorder, finite", "wider",
        "reorder, wider", "finite, wider", "reorder, finite, wider"};

    return texts[freedom & 7];
}

/* The rows that start with one operation, in order. */
typedef struct rule_set {
    const tn_form_rule *rule[ROWS];
    int first[TN_OP_COUNT], next[ROWS]; /* number + 1 */
} rule_set;

static rule_set *
read_rows(tn_arena *arena, bool exact, bool relaxed)
{
    rule_set *set = tn_new(arena, rule_set);

    *set = (rule_set){.first = {0}};
    for (int i = ROWS - 1; i >= 0; i--) {
        if (!(rows[i].freedom ? relaxed : exact))
            continue;
        set->rule[i] = tn_rule_read(arena, &rows[i], NULL);
        assert(set->rule[i] && "a row of rules.def is wrong");
        if (!set->rule[i])
            continue;
        set->next[i] = set->first[set->rule[i]->from->code];
        set->first[set->rule[i]->from->code] = i + 1;
    }
    return set;
}

bool
tn_rule_apply(const tn_form_rule *rule, tn_op *op)
{
    tn_match m;
    tn_value *y, *old = op->out[0];
    tn_rewrite note = {.row = rule->row->name, .node = tn_node_name(op)};
    bool made;

    if (!tn_match_at(rule, op, &m, NULL) || !(y = tn_rule_make(&m)))
        return false;
    tn_push(op->graph->module->arena, &op->graph->rewrites, note);
    made = rule->to->kind == TN_FORM_OP;
    if (made && !y->name)
        y->name = old->name;
    tn_value_replace(old, y);
    tn_op_remove(op);
    return true;
}

static bool
rewrite_at(const rule_set *set, tn_op *op)
{
    if (op->out_count != 1 || !op->out[0]->uses.count)
        return false;
    for (int i = set->first[op->code]; i; i = set->next[i - 1])
        if (tn_rule_apply(set->rule[i - 1], op))
            return true;
    return false;
}

/* Bodies are as deep as the reader let them be. */
static bool
sweep(tn_block *block, const rule_set *set)
{
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            changed |= sweep(op->body[i], set);
        changed |= rewrite_at(set, op);
    }
    return changed;
}

bool
tn_clean_rules(tn_graph *g)
{
    return sweep(g->block, read_rows(g->module->arena, true, false));
}

bool
tn_clean_relaxed(tn_graph *g)
{
    return sweep(g->block, read_rows(g->module->arena, false, true));
}

/* ---- what nearly applies ---- */

static void
note(tn_findings *findings, const tn_rule *row, const tn_op *op, const tn_rule_test_info *failed)
{
    const char *found =
        tn_arena_printf(findings->arena, "%s, but for this: %s", row->name, row->doc);

    tn_missed(findings, "rules", op, failed->means, found, failed->advice);
}

void
tn_rules_near(tn_graph *g, bool relaxed, tn_findings *findings)
{
    const rule_set *set = findings ? read_rows(findings->arena, true, relaxed) : NULL;

    for (tn_op *op = g->block->first; op && set; op = op->next)
        for (int i = set->first[op->code]; i; i = set->next[i - 1]) {
            const tn_rule_test_info *failed;

            if (tn_rule_matches(set->rule[i - 1], op, &failed) || !failed || !failed->advice)
                continue;
            note(findings, set->rule[i - 1]->row, op, failed);
            break;
        }
}
