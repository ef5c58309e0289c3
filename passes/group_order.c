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
        }
    }
    for (uint32_t i = 0; i < count; i++)
        sorted[i]->number = i;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < old[i]->needs.count; k++)
            old[i]->needs.at[k] = old[old[i]->needs.at[k]]->number;
    x->out->at.at = sorted;
}
