/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_REGIONS_H
#define TN_TOOLS_REGIONS_H

#include "passes/finding.h"
#include "runtime/compile.h"
#include "tools/tool.h"

/* The fused rows of an entry, each beside its own decomposition: a first
 * compile finds them, the next ones give out what leaves them, the same
 * values in the same order, with one of them left as it is written. */
typedef struct tn_region {
    tn_finding row;        /* family and nodes, in tool->arena */
    uint32_t first, count; /* outputs of the entry that show it */
} tn_region;

typedef struct tn_regions {
    tn_tool *tool;
    const char *entry;
    bool known;
    TN_VEC(tn_region) at; /* in the order in which their first nodes run */
    int leave;            /* -1: none */
    bool was_left;        /* by the last compile */
} tn_regions;

/* What the values that leave the regions are called, as outputs behind those
 * of the entry. Nothing while the regions are not known. */
void tn_regions_expose(tn_regions *regions, tn_graph *g);
/* Makes a compile find the regions, or leave one. */
void tn_regions_hook(tn_regions *regions, const tn_module *module, tn_compile_options *options);

#endif
