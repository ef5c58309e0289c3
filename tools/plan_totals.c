/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plan_totals.h"

#include "tools/symbols.h"

uint64_t
tn_weights_bytes(const tn_iface *f)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < f->weights.count; i++)
        sum += f->weights.at[i].bytes;
    return sum;
}

tn_status
tn_plan_measure(tn_tool *tool, const tn_plan *p, tn_plan_totals *out)
{
    int64_t *symbols = tn_new_array(tool->arena, int64_t, p->symbols.count + 1), flops;
    uint64_t *bytes = tn_new_array(tool->arena, uint64_t, p->buffers.count + 1);
    uint64_t *offset = tn_new_array(tool->arena, uint64_t, p->buffers.count + 1);

    *out = (tn_plan_totals){0};
    tn_sample_symbols(tool, p, symbols);
    TN_TRY(tn_plan_place(p, tool->diag, symbols, bytes, offset, &out->peak_bytes));
    for (uint32_t i = 0; i < p->steps.count; i++) {
        out->launches += p->steps.at[i].kind == TN_STEP_LAUNCH;
        if (p->steps.at[i].flops.bytes &&
            tn_formula_eval(p->steps.at[i].flops, symbols, p->symbols.count, &flops))
            out->flops += (double)flops;
    }
    return TN_OK;
}
