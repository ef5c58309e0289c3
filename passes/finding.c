/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/finding.h"

#include <string.h>

/* Parts of an expanded row that hang behind one another before one has the
 * name. */
enum { PARTS = 64 };

static const tn_op *
next_part(const tn_op *op)
{
    for (uint32_t i = 0; op->out_count && i < op->out[0]->uses.count; i++) {
        const tn_op *user = op->out[0]->uses.at[i].op;

        if (user && user->path && op->path && !strcmp(user->path, op->path))
            return user;
    }
    return NULL;
}

const char *
tn_node_name(const tn_op *op)
{
    const tn_op *at = op;

    for (int i = 0; at && i < PARTS; i++) {
        for (int n = 0; n < at->out_count; n++)
            if (at->out[n]->name)
                return at->out[n]->name;
        at = next_part(at);
    }
    return op->path ? op->path : "";
}

bool
tn_is_left(const tn_findings *list, const char *family, const tn_op *op)
{
    const tn_finding *leave = list ? list->leave : NULL;
    const char *name;

    if (!leave || strcmp(leave->family, family) != 0)
        return false;
    name = tn_node_name(op);
    for (uint32_t i = 0; i < leave->nodes.count; i++)
        if (!strcmp(leave->nodes.at[i], name))
            return true;
    return false;
}

static const char *
copy(const tn_findings *list, const char *text)
{
    return tn_arena_printf(list->arena, "%s", text);
}

static void
add_node(const tn_findings *list, tn_finding *f, const tn_op *op)
{
    const char *name = tn_node_name(op);

    tn_push(list->arena, &f->ops, op);
    for (uint32_t i = 0; i < f->nodes.count; i++)
        if (!strcmp(f->nodes.at[i], name))
            return;
    tn_push(list->arena, &f->nodes, copy(list, name));
    for (uint32_t i = 0; i < op->was.count; i++)
        if (strcmp(op->was.at[i], name) != 0)
            tn_push(list->arena, &f->nodes, copy(list, op->was.at[i]));
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
        add_node(list, &f, ops[i]);
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
    add_node(list, &f, where);
    f.predicate = copy(list, predicate);
    f.found = copy(list, found);
    f.advice = copy(list, advice);
    tn_push(list->arena, &list->at, f);
}
