/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/finding.h"

static const char *
copy(const tn_findings *list, const char *text)
{
    return tn_arena_printf(list->arena, "%s", text);
}

tn_finding *
tn_found(tn_findings *list, const char *family, tn_op *const *ops, uint32_t count,
    const char *parameters)
{
    tn_finding f = {.fused = true};

    if (!list)
        return NULL;
    f.family = copy(list, family);
    f.parameters = copy(list, parameters);
    for (uint32_t i = 0; i < count; i++)
        tn_push(list->arena, &f.nodes, copy(list, ops[i]->path));
    tn_push(list->arena, &list->at, f);
    return &list->at.at[list->at.count - 1];
}

void
tn_missed(tn_findings *list, const char *family, const tn_op *where, const char *predicate,
    const char *found, const char *advice)
{
    tn_finding f = {.parameters = ""};

    if (!list)
        return;
    f.family = copy(list, family);
    tn_push(list->arena, &f.nodes, copy(list, where->path));
    f.predicate = copy(list, predicate);
    f.found = copy(list, found);
    f.advice = copy(list, advice);
    tn_push(list->arena, &list->at, f);
}
