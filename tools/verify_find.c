/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/verify.h"

/* Names of the values in the order in which tn_load exposes them: those of
 * the ops of the entry, behind its outputs. */
static const char *
name_of(tn_verify *v, const tn_graph *g, uint32_t output)
{
    uint32_t at = g->outputs.count;

    for (const tn_op *op = g->block->first; op; op = op->next)
        for (int i = 0; i < op->out_count; i++)
            if (at++ == output)
                return tn_arena_printf(v->tool->arena, "%s (%s)",
                    op->out[i]->name ? op->out[i]->name : op->path, tn_op_info_of(op->code)->name);
    return NULL;
}

static const char *
first_difference(tn_verify *v, const tn_graph *g, const tn_tensor *got, const tn_tensor *wanted)
{
    const tn_tolerance usual = {0};

    for (uint32_t o = g->outputs.count; got[o].data; o++)
        if (!tn_compare(&got[o], &wanted[o], got[o].dtype, &usual, NULL))
            return name_of(v, g, o);
    return NULL;
}

tn_status
tn_verify_first_op(tn_verify *v, const tn_test *t, const char *device, const char **name)
{
    const char *entry = t->runs.at[0].entry;
    const tn_graph *g = tn_module_entry(v->module, entry);
    const tn_verify_how alone = {
        .device = device, .skip = tn_pass_optional(TN_STAGE_FUSE), .expose = entry};
    const tn_verify_how oracle = {.device = "ref", .wide = true, .expose = entry};
    tn_verify_result got, wanted;
    tn_test first = *t;

    *name = NULL;
    first.runs.count = 1;
    TN_TRY(tn_verify_run(v, &first, &oracle, &wanted));
    TN_TRY(tn_verify_run(v, &first, &alone, &got));
    if (got.status == TN_OK && wanted.status == TN_OK && !g->stores.count)
        *name = first_difference(v, g, got.outputs[0], wanted.outputs[0]);
    tn_verify_release(v, &first, &got);
    tn_verify_release(v, &first, &wanted);
    return TN_OK;
}
