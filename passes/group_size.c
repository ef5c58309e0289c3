/* SPDX-License-Identifier: Apache-2.0
 * Groups that no kernel could bind are made again, smaller. */
#include "passes/group_in.h"

/* What a lowering may add: numbers over symbols, one tensor in two shapes,
 * places of a concat. */
enum { SPARE_TENSORS = 8, SPARE_SIZES = 4 };

typedef struct size_list {
    tn_size at[TN_GROUP_SIZES + 1];
    int count;
} size_list;

static void
note_sizes(size_list *list, const tn_value *v)
{
    for (int i = 0; v && i < v->type.rank; i++) {
        int k = 0;

        if (list->count > TN_GROUP_SIZES || tn_size_is_int(v->type.dim[i], &(int64_t){0}))
            continue;
        while (k < list->count && !tn_size_equal(list->at[k], v->type.dim[i]))
            k++;
        if (k == list->count)
            list->at[list->count++] = v->type.dim[i];
    }
}

static bool
binds_too_much(const tn_group *group)
{
    size_list list = {.count = 0};

    if (group->reads.count + group->outputs.count > TN_GROUP_TENSORS - SPARE_TENSORS)
        return true;
    for (uint32_t i = 0; i < group->reads.count; i++)
        note_sizes(&list, group->reads.at[i]);
    for (uint32_t i = 0; i < group->ops.count; i++) {
        const tn_op *op = group->ops.at[i];

        for (int k = 0; k < op->in_count; k++)
            note_sizes(&list, op->in[k]);
        for (int k = 0; k < op->out_count; k++)
            note_sizes(&list, op->out[k]);
    }
    return list.count > TN_GROUP_SIZES - SPARE_SIZES;
}

bool
tn_group_is_full(const tn_grouper *x, const tn_group *group, const tn_op *op)
{
    uint32_t most = x->narrow[op->id] ? x->narrow[op->id] : TN_GROUP_OPS;

    return group->ops.count >= most;
}

bool
tn_group_settle_size(tn_grouper *x)
{
    bool settled = true;

    for (uint32_t i = 0; i < x->out->at.count; i++) {
        const tn_group *group = x->out->at.at[i];

        if (group->ops.count < 2 || x->claim[group->ops.at[0]->id] || !binds_too_much(group))
            continue;
        for (uint32_t k = 0; k < group->ops.count; k++)
            x->narrow[group->ops.at[k]->id] = (uint8_t)(group->ops.count / 2);
        settled = false;
    }
    return settled;
}
