/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/fn.h"

#include <string.h>

enum { FN_NATIVE = 1, FN_EXPAND = 0 };

static const tn_fn_info infos[TN_FN_COUNT] = {
#define TN_FN(name, graph, arity, rule, cost, native, doc) \
    [TN_FN_##name] = {#name, #graph, arity, TN_RULE_##rule, cost, FN_##native, doc},
#include "ir/kernel/fns.def"
};

const tn_fn_info *
tn_fn_info_of(tn_fn fn)
{
    return &infos[fn];
}

tn_fn
tn_fn_find(const char *name, size_t length)
{
    for (int i = 0; i < TN_FN_COUNT; i++)
        if (strlen(infos[i].name) == length && memcmp(infos[i].name, name, length) == 0)
            return (tn_fn)i;
    return TN_FN_COUNT;
}

tn_fn
tn_fn_of_graph_op(const char *op)
{
    if (strcmp(op, "_") == 0)
        return TN_FN_COUNT;
    for (int i = 0; i < TN_FN_COUNT; i++)
        if (strcmp(infos[i].graph, op) == 0)
            return (tn_fn)i;
    return TN_FN_COUNT;
}
