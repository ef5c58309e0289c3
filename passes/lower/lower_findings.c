/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "passes/lower/lower.h"

static bool
computes(const tn_lowered *l, const tn_finding *f)
{
    for (uint32_t i = 0; i < l->ops.count; i++)
        for (uint32_t k = 0; k < f->ops.count; k++)
            if (l->ops.at[i] == f->ops.at[k])
                return true;
    return false;
}

void
tn_lower_place_findings(tn_findings *findings, const tn_lowered_list *list)
{
    for (uint32_t i = 0; findings && i < findings->at.count; i++) {
        tn_finding *f = &findings->at.at[i];
        bool named = false;

        for (uint32_t k = 0; f->fused && k < list->at.count; k++) {
            bool same = !strcmp(list->at.at[k].family, f->family);

            if ((named && !same) || !computes(&list->at.at[k], f))
                continue;
            f->kernel = k;
            named = same;
        }
    }
}
