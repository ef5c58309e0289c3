/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/symbols.h"

#include <stdlib.h>
#include <string.h>

void
tn_sample_symbols(const tn_tool *tool, const tn_plan *plan, int64_t *values)
{
    const tn_option_value *dims = &tool->options->value[TN_OPT_dim];

    for (uint32_t s = 0; s < plan->symbols.count; s++) {
        const tn_plan_symbol *symbol = &plan->symbols.at[s];
        size_t length = strlen(symbol->name);

        values[s] = symbol->sample ? symbol->sample : symbol->low > 1 ? symbol->low : 1;
        for (uint32_t i = 0; i < dims->list.count; i++)
            if (!strncmp(dims->list.at[i], symbol->name, length) && dims->list.at[i][length] == '=')
                values[s] = strtoll(dims->list.at[i] + length + 1, NULL, 10);
        if (values[s] > symbol->high)
            values[s] = symbol->high;
    }
}
