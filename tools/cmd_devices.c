/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/tool.h"

static void
json_device(tn_text *out, const char *name, uint32_t number, const char *title, const char *target,
    bool first)
{
    tn_text_add(out, "%s{\"device\":\"%s:%u\",\"title\":", first ? "" : ",", name, number);
    tn_text_json(out, title);
    tn_text_add(out, ",\"target\":");
    tn_text_json(out, target);
    tn_text_add(out, "}");
}

tn_status
tn_cmd_devices(tn_tool *tool)
{
    tn_text out = {.arena = tool->arena};
    bool json = tn_tool_json(tool), first = true;

    tn_text_add(&out, json ? "{\"schema\":\"tenon.devices/1\",\"devices\":[" : "%s", "");
    for (uint32_t i = 0; i < tn_registry_count(tool->registry); i++) {
        const tn_backend *b = tn_registry_at(tool->registry, i);
        uint32_t count = 0;

        if (!b->devices)
            continue;
        TN_TRY(tn_registry_result(tool->registry, tool->diag, b->devices(b->self, &count),
            b->name));
        if (!count && !json)
            tn_text_add(&out, "%-10s no device here\n", b->name);
        for (uint32_t d = 0; d < count; d++) {
            const char *target, *title, *identity;

            TN_TRY(tn_registry_result(tool->registry, tool->diag,
                b->describe(b->self, d, &target, &title, &identity), b->name));
            if (json)
                json_device(&out, b->name, d, title, target, first);
            else
                tn_text_add(&out, "%s:%-*u %s\n           %s\n", b->name,
                    (int)(9 - strlen(b->name)), d, title, target);
            first = false;
        }
    }
    tn_text_add(&out, json ? "]}\n" : "%-10s the graph in double precision, the oracle\n", "ref");
    return tn_tool_print(tool, &out);
}
