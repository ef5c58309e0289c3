/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/regions.h"
#include "tools/verify.h"

/* One run of a test with the regions' values given out. */
static tn_status
run(tn_verify *v, const tn_test *t, const char *device, tn_regions *regions, tn_verify_result *out)
{
    const tn_verify_how how = {.device = device, .regions = regions};

    return tn_verify_run(v, t, &how, out);
}

static bool
agrees(const tn_region *region, const tn_tensor *fused, const tn_tensor *plain,
    tn_difference *worst)
{
    const tn_tolerance usual = {0};
    bool agree = true;

    for (uint32_t o = region->first; o < region->first + region->count; o++) {
        tn_difference d = {0};

        agree &= tn_compare(&fused[o], &plain[o], fused[o].dtype, &usual, &d);
        worst->error = d.error > worst->error ? d.error : worst->error;
    }
    return agree;
}

/* What differs is told once; later regions read what an earlier one made, the
 * same for both, so the first is no worse a culprit than the others. */
static tn_status
compare_region(tn_verify *v, const tn_test *t, const char *device, tn_regions *regions,
    const tn_verify_result *fused, const char **first)
{
    const tn_region *region = &regions->at.at[regions->leave];
    const char *last = region->row.nodes.at[region->row.nodes.count - 1];
    tn_verify_result plain;
    tn_difference d = {0};

    regions->was_left = false;
    TN_TRY(run(v, t, device, regions, &plain));
    if (plain.status == TN_OK && regions->was_left &&
        !agrees(region, fused->outputs[0], plain.outputs[0], &d) && !*first)
        *first = tn_arena_printf(v->tool->arena,
            "%s at %s (%u nodes): differs from its decomposition by %.3g", region->row.family, last,
            region->row.nodes.count, d.error);
    v->shadowed += plain.status == TN_OK && regions->was_left;
    tn_verify_release(v, t, &plain);
    return TN_OK;
}

tn_status
tn_verify_shadow(tn_verify *v, const tn_test *t, const char *device, const char **first)
{
    tn_regions regions = {.tool = v->tool, .entry = t->runs.at[0].entry, .leave = -1};
    tn_test one = *t;
    tn_verify_result found, fused;

    *first = NULL;
    one.runs.count = 1;
    TN_TRY(run(v, &one, device, &regions, &found));
    tn_verify_release(v, &one, &found);
    if (found.status != TN_OK || !regions.at.count)
        return TN_OK;
    TN_TRY(run(v, &one, device, &regions, &fused));
    for (uint32_t i = 0; i < regions.at.count && fused.status == TN_OK && !*first; i++) {
        regions.leave = (int)i;
        TN_TRY(compare_region(v, &one, device, &regions, &fused, first));
    }
    tn_verify_release(v, &one, &fused);
    return TN_OK;
}
