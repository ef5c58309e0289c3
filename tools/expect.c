/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/expect.h"

#include <string.h>

static bool
applies(const tn_module *module, const tn_expect *e, const char *device)
{
    const char *preset = tn_module_document(module)->preset;

    if (e->when_preset && (!preset || strcmp(e->when_preset, preset) != 0))
        return false;
    return !e->when_device || (device && !strcmp(e->when_device, device));
}

static void
list_unchecked(tn_text *out, const tn_expect *e)
{
    const char *comma = out->length ? ", " : "";

    for (uint32_t i = 0; i < e->fused.count; i++, comma = ", ") {
        tn_text_add(out, "%sfused %s", comma, e->fused.at[i].family);
        if (e->fused.at[i].count >= 0)
            tn_text_add(out, "*%lld", (long long)e->fused.at[i].count);
    }
    for (int i = 0; i < TN_EXPECT_LIMITS; i++)
        if (e->has_limit[i]) {
            tn_text_add(out, "%s%s", comma, tn_expect_limit_name((tn_expect_limit)i));
            comma = ", ";
        }
    if (e->in_place_all || e->in_place.count)
        tn_text_add(out, "%sin_place", comma);
}

tn_status
tn_expect_report(const tn_tool *tool, const tn_module *module, const char *device)
{
    const tn_tests *tests = tn_module_tests(module);
    tn_text unchecked = {.arena = tool->arena};

    TN_TRY(tn_expect_check_params(&tool->env, module, device));
    for (uint32_t i = 0; i < tests->expects.count; i++)
        if (applies(module, &tests->expects.at[i], device))
            list_unchecked(&unchecked, &tests->expects.at[i]);
    if (unchecked.length)
        tn_tool_note(tool, "expected, not checked (no pass makes it yet): %s", unchecked.at);
    return TN_OK;
}
