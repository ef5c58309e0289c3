/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_RULE_H
#define TN_PASSES_RULE_H

#include "ir/graph/graph.h"
#include "passes/finding.h"

/* Rewrites as data. Rows are in rules.def, whose head says how they are
 * written; docs/rules.md lists them. */

/* What a rewrite may change. None: every operation rounds as before, so that
 * results have the same bits, but for the order of sums, which is a kernel's
 * choice in either form. */
enum tn_freedom {
    TN_FREE_NONE = 0,
    TN_FREE_REORDER = 1, /* sums or products of floats in another order */
    TN_FREE_FINITE = 2,  /* equal as long as what it guards is finite */
    TN_FREE_WIDER = 4,   /* an intermediate is not rounded */
};

typedef struct tn_rule {
    const char *name;
    const char *from; /* pattern */
    const char *when; /* tests, "" if there are none */
    const char *to;   /* replacement */
    unsigned freedom; /* of enum tn_freedom, or-ed */
    const char *doc;
} tn_rule;

int tn_rule_count(void);
const tn_rule *tn_rule_at(int index);
const tn_rule *tn_rule_named(const char *name); /* NULL: there is none */
/* "reorder, wider"; "" for none. */
const char *tn_freedom_text(unsigned freedom);

/* A test that rows may name in `when`. */
typedef struct tn_rule_test_info {
    const char *name;
    const char *means;  /* what holds */
    const char *advice; /* told by explain where it fails; NULL: a failure is not news */
} tn_rule_test_info;
int tn_rule_test_count(void);
const tn_rule_test_info *tn_rule_test_at(int index);

/* A row read: pattern, tests and replacement as trees in the arena. NULL, and
 * `why`, if the text is wrong. */
typedef struct tn_form_rule tn_form_rule;
const tn_form_rule *tn_rule_read(tn_arena *arena, const tn_rule *row, const char **why);

/* True if the pattern stands at `op` and all tests hold. Else `failed` (may be
 * NULL) is the test that did not when the pattern stood there, or NULL. */
bool tn_rule_matches(const tn_form_rule *rule, tn_op *op, const tn_rule_test_info **failed);
/* Rewrites at `op`, which is removed; what only it read is left for the pass
 * `dead`, and is noted in the graph's rewrites. False, and nothing changed, if the rule does not
 * match there. */
bool tn_rule_apply(const tn_form_rule *rule, tn_op *op);

/* The passes `rules` (rows without freedom) and `relaxed` (rows with some):
 * one sweep each, bodies included, in the order of the rows. */
bool tn_clean_rules(tn_graph *g);
bool tn_clean_relaxed(tn_graph *g);

/* Notes each place where the pattern of a row stands and a test with advice
 * fails; rows with freedom only if `relaxed`. */
void tn_rules_near(tn_graph *g, bool relaxed, tn_findings *findings);

#endif
