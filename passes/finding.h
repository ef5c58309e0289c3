/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FINDING_H
#define TN_PASSES_FINDING_H

#include "ir/graph/graph.h"

/* What the fusions of a compilation found, and what they nearly found: the
 * source of `tenon explain`, of `expect`, and of tests. Everything is owned
 * by the arena of the list; nodes are named as in the user's file. */
typedef struct tn_finding {
    bool fused;
    TN_VEC(const tn_op *) ops; /* that `nodes` names */
    const char *family;       /* "attention", "moe", "route", "viterbi", .. */
    TN_VEC(const char *) nodes; /* fused: all of them; missed: [0] is where */
    uint32_t kernel; /* fused: number in the tn_lowered_list; filled in when all is lowered */
    const char *parameters; /* fused: "heads=8 scale=0.125 mask=causal", never NULL */
    const char *predicate; /* missed: the first condition that failed, */
    const char *found; /* what stands there instead, */
    const char *advice; /* what to change */
} tn_finding;

typedef struct tn_findings {
    tn_arena *arena;
    const tn_finding *leave; /* a fused row of another compile, left as it is written; or NULL */
    TN_VEC(tn_finding) at; /* in graph order of the fusion's last op */
} tn_findings;

/* The name of an operation in the user's file: of its first result ("h.q1"),
 * of the node it is a part of, else its path ("nodes[3]"). */
const char *tn_node_name(const tn_op *op);

/* True if a fusion must leave what it would make of `op`, which is part of
 * list->leave. */
bool tn_is_left(const tn_findings *list, const char *family, const tn_op *op);

/* Both do nothing with `list` NULL; call them while the operations are linked
 * with what reads them. Texts are copied into the list's arena; nodes are
 * named once however many operations they were expanded to. */
tn_finding *tn_found(tn_findings *list, const char *family, tn_op *const *ops, uint32_t count,
    const char *parameters);
void tn_missed(tn_findings *list, const char *family, const tn_op *where, const char *predicate,
    const char *found, const char *advice);

#endif
