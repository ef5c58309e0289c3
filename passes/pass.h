/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_PASS_H
#define TN_PASSES_PASS_H

#include "ir/graph/graph.h"

typedef enum tn_stage { TN_STAGE_EXPAND, TN_STAGE_CLEAN, TN_STAGE_FUSE } tn_stage;

typedef struct tn_pass {
    const char *name;
    tn_stage stage;
    bool (*run)(tn_graph *g); /* NULL: the runner's own (expand), or asked for by the lowering */
    bool needed;
    const char *doc;
} tn_pass;

/* A set of passes: bit i is row i of passes.def. */
typedef uint64_t tn_pass_set;

int tn_pass_count(void);
const tn_pass *tn_pass_at(int index);
/* The set of one pass; 0 for a name nobody has. */
tn_pass_set tn_pass_bit(const char *name);
/* All that can be skipped of one stage. */
tn_pass_set tn_pass_optional(tn_stage stage);
/* "views,group": TN_USAGE names one that does not exist. */
tn_status tn_pass_parse(tn_diag *diag, const char *list, tn_pass_set *out) TN_MUST_USE;

/* What runs of one stage where `skip` is skipped: all else, and the needed ones. */
tn_pass_set tn_passes_of(tn_stage stage, tn_pass_set skip);
/* Runs the rows of passes.def but those in `skip` (NEEDED ones always). In
 * builds with assertions the graph is verified after each that changed
 * something. */
void tn_passes_run(tn_graph *g, tn_pass_set skip);
/* Only the named passes, needed or not. */
void tn_passes_run_only(tn_graph *g, tn_pass_set only);

#endif
