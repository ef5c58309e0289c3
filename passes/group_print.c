/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/group.h"

static const char *
kind_name(tn_group_kind kind)
{
    static const char *const names[] = {"map", "row", "contract", "scan", "whole"};

    return names[kind];
}

static void
print_name(tn_text *out, const tn_value *v)
{
    if (v->name)
        tn_text_add(out, "%s", v->name);
    else
        tn_text_add(out, "%%%u", (unsigned)v->id);
}

static void
print_group(tn_text *out, const tn_groups *groups, const tn_group *group)
{
    tn_text_add(out, "group %u %s [", (unsigned)group->number, kind_name(group->kind));
    for (uint32_t i = 0; i < group->axes.count; i++) {
        if (i)
            tn_text_add(out, ", ");
        if (group->axes.at[i].span)
            tn_text_add(out, "span ");
        tn_size_print(out, groups->g->sizes, group->axes.at[i].extent);
    }
    tn_text_add(out, "]:");
    for (uint32_t i = 0; i < group->ops.count; i++)
        tn_text_add(out, " %s", tn_op_info_of(group->ops.at[i]->code)->name);
    tn_text_add(out, " ->");
    for (uint32_t i = 0; i < group->outputs.count; i++) {
        tn_text_add(out, i ? ", " : " ");
        print_name(out, group->outputs.at[i]);
    }
    tn_text_add(out, "\n");
}

void
tn_groups_print(tn_text *out, const tn_groups *groups)
{
    for (uint32_t i = 0; i < groups->at.count; i++)
        print_group(out, groups, groups->at.at[i]);
}
