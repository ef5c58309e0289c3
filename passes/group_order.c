/* SPDX-License-Identifier: Apache-2.0
 * In which order groups run. */
#include "passes/group_in.h"

/* Region by region. */
static tn_group **
in_regions(tn_grouper *x)
{
    uint32_t count = x->out->at.count, done = 0;
    tn_group **to = tn_new_array(x->arena, tn_group *, count);

    for (uint32_t region = 0; done < count; region++)
        for (uint32_t i = 0; i < count; i++)
            if (x->out->at.at[i]->region == region)
                to[done++] = x->out->at.at[i];
    return to;
}

enum { SIBLINGS_WITHIN = 8 }; /* groups, so that little lives longer */

static const tn_value *
contracted(const tn_group *group)
{
    if (group->kind != TN_GROUP_CONTRACT || group->online || group->family)
        return NULL;
    return group->ops.at[0]->in[0];
}

bool
tn_group_are_siblings(const tn_group *a, const tn_group *b)
{
    return a->region == b->region && contracted(a) && contracted(a) == contracted(b);
}

static bool
is_ready(const tn_group *group, const uint8_t *state)
{
    for (uint32_t i = 0; i < group->needs.count; i++)
        if (state[group->needs.at[i]] == 0)
            return false;
    return true;
}

/* Those of a group that can run right behind it. */
static uint32_t
add_siblings(tn_grouper *x, uint32_t at, uint8_t *state, tn_group **sorted, uint32_t done)
{
    tn_group **old = x->out->at.at;

    if (!x->fuse)
        return done;
    for (uint32_t i = at + 1; i < x->out->at.count && i <= at + SIBLINGS_WITHIN; i++) {
        if (state[i] || !tn_group_are_siblings(old[at], old[i]) || !is_ready(old[i], state))
            continue;
        state[i] = 1;
        sorted[done++] = old[i];
    }
    return done;
}

/* Depth-first over needs, groups in order of their first operation. */
void
tn_group_order(tn_grouper *x)
{
    uint32_t count = x->out->at.count, done = 0;
    tn_group **old = x->out->at.at, **start = in_regions(x);
    tn_group **sorted = tn_new_array(x->arena, tn_group *, count);
    uint8_t *state = tn_new_array(x->arena, uint8_t, count);
    TN_VEC(uint32_t) stack = {0};

    for (uint32_t i = 0; i < count; i++) {
        tn_push(x->arena, &stack, start[i]->number);
        while (stack.count) {
            uint32_t at = stack.at[stack.count - 1];
            bool waits = false;

            for (uint32_t k = 0; state[at] == 0 && k < old[at]->needs.count; k++)
                if (state[old[at]->needs.at[k]] == 0) {
                    tn_push(x->arena, &stack, old[at]->needs.at[k]);
                    waits = true;
                }
            if (waits)
                continue;
            stack.count--;
            if (state[at] == 0)
                sorted[done++] = old[at];
            state[at] = 1;
            done = add_siblings(x, at, state, sorted, done);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        sorted[i]->number = i;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < old[i]->needs.count; k++)
            old[i]->needs.at[k] = old[old[i]->needs.at[k]]->number;
    x->out->at.at = sorted;
}
