/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_EXPLAIN_H
#define TN_TOOLS_EXPLAIN_H

#include "passes/lower/lower.h"
#include "passes/rule.h"
#include "runtime/compile.h"
#include "tools/tool.h"

/* What became of each node of an entry, by its name in the user's file.
 * Memory of tool->arena; texts are borrowed from the module. */
typedef struct tn_explained_node {
    const char *name, *op;
    int32_t kernel; /* of the plan; -1: computed where it is read, or gone */
    bool fused;     /* part of a fused row */
} tn_explained_node;

typedef struct tn_explained_fusion {
    const tn_finding *finding;
    int32_t kernel; /* of the plan */
} tn_explained_fusion;

/* A kernel that computes several nodes and is no fused row. */
typedef struct tn_explained_kernel {
    const char *family;
    int32_t kernel;
    TN_VEC(const char *) nodes;
} tn_explained_kernel;

/* What a row of rules.def wrote another way. */
typedef struct tn_explained_rewrite {
    const tn_rule *row;
    TN_VEC(const char *) nodes;
} tn_explained_rewrite;

typedef struct tn_explained {
    const char *entry;
    TN_VEC(tn_explained_node *) nodes;
    TN_VEC(tn_explained_fusion) fused;
    TN_VEC(const tn_finding *) missed;
    TN_VEC(tn_explained_kernel) joined;
    TN_VEC(tn_explained_rewrite) rewritten;
} tn_explained;

/* The nodes as they were read: call before the graph is compiled. */
void tn_explain_read(tn_tool *tool, const tn_graph *g, tn_explained *out);
/* What the compile made of them, for entry `number` of the first target. */
void tn_explain_compiled(tn_tool *tool, const tn_compiled *made, uint32_t number,
    tn_explained *out);
/* What its graph says was rewritten, by row. */
void tn_explain_rewritten(tn_tool *tool, const tn_graph *g, tn_explained *out);
/* tenon.explain/1 */
void tn_explain_json(tn_text *out, const tn_explained *const *entries, uint32_t count);
/* As a person would read it. */
void tn_explain_people(tn_text *out, const tn_explained *explained);

#endif
