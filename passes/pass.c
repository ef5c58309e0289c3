/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <assert.h>
#include <string.h>

#include "ir/graph/expand.h"
#include "passes/clean.h"
#include "passes/collect.h"
#include "passes/picks.h"
#include "passes/roll.h"
#include "passes/rounds.h"
#include "passes/rule.h"
#include "passes/whole.h"
#include "passes/written.h"

static bool
keeps(const void *self, const tn_op *op)
{
    return tn_is_whole(op, *(const tn_pass_set *)self);
}

static bool
expand(tn_graph *g, tn_pass_set with)
{
    uint32_t before = g->op_count;

    tn_graph_expand_but(g, keeps, &with);
    return g->op_count != before;
}

enum { NEEDED = true, OPTIONAL = false };

static const tn_pass rows[] = {
#define TN_PASS(stage, name, function, need, doc) {#name, TN_STAGE_##stage, function, need, doc},
#include "passes/passes.def"
};

enum { ROWS = sizeof rows / sizeof *rows };

int
tn_pass_count(void)
{
    return ROWS;
}

const tn_pass *
tn_pass_at(int index)
{
    return &rows[index];
}

tn_pass_set
tn_pass_bit(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, name))
            return (tn_pass_set)1 << i;
    return 0;
}

tn_pass_set
tn_pass_optional(tn_stage stage)
{
    tn_pass_set set = 0;

    for (int i = 0; i < ROWS; i++)
        if (rows[i].stage == stage && !rows[i].needed)
            set |= (tn_pass_set)1 << i;
    return set;
}

tn_status
tn_pass_parse(tn_diag *diag, const char *list, tn_pass_set *out)
{
    *out = 0;
    while (*list) {
        size_t length = strcspn(list, ",");
        int i = 0;

        while (i < ROWS &&
            (strlen(rows[i].name) != length || strncmp(rows[i].name, list, length) != 0))
            i++;
        if (i == ROWS)
            return tn_fail(diag, TN_USAGE, "there is no pass \"%.*s\"; tenon passes lists all",
                (int)length, list);
        *out |= (tn_pass_set)1 << i;
        list += length + (list[length] == ',');
    }
    return TN_OK;
}

/* Everything a pass may get wrong is looked for here, so that no pass has to
 * remember it. */
static bool
run_one(tn_graph *g, const tn_pass *pass, tn_pass_set with)
{
    bool changed = pass->stage == TN_STAGE_EXPAND ? expand(g, with) : pass->run(g);

#ifndef NDEBUG
    if (changed) {
        tn_status status = tn_graph_verify(g, NULL);

        assert(status == TN_OK && "a pass left a graph that does not hold together");
        (void)status;
    }
#endif
    return changed;
}

static bool
run_stage(tn_graph *g, tn_stage stage, tn_pass_set with)
{
    bool changed = false;

    for (int i = 0; i < ROWS; i++)
        if (rows[i].stage == stage && stage != TN_STAGE_FUSE && (with >> i & 1))
            changed |= run_one(g, &rows[i], with);
    return changed;
}

/* Far more than any graph takes: a rule that undoes another must not hang. */
enum { CLEAN_ROUNDS = 10000 };

void
tn_passes_run_only(tn_graph *g, tn_pass_set only)
{
    int round = 0;

    run_stage(g, TN_STAGE_EXPAND, only);
    while (round < CLEAN_ROUNDS && run_stage(g, TN_STAGE_CLEAN, only))
        round++;
    assert(round < CLEAN_ROUNDS && "two passes undo one another");
}

tn_pass_set
tn_passes_of(tn_stage stage, tn_pass_set skip)
{
    tn_pass_set out = 0;

    for (int i = 0; i < ROWS; i++)
        if (rows[i].stage == stage && (rows[i].needed || !(skip >> i & 1)))
            out |= (tn_pass_set)1 << i;
    return out;
}

void
tn_passes_run(tn_graph *g, tn_pass_set skip)
{
    tn_pass_set with = 0;

    for (int s = TN_STAGE_EXPAND; s <= TN_STAGE_FUSE; s++)
        with |= tn_passes_of((tn_stage)s, skip);
    tn_passes_run_only(g, with);
}
