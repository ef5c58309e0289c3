/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/tool.h"

/* Code generators that lie beside the library come when they are needed; what
 * is missing is for `doctor` to say. */
static void
load_generators(tn_tool *tool)
{
    uint32_t count = tn_registry_count(tool->registry);

    for (uint32_t i = 0; i < count; i++) {
        const tn_backend *b = tn_registry_at(tool->registry, i), *generator;

        if (!b->compile && tn_registry_generator(tool->registry, b->family, &generator) != TN_OK)
            tn_diag_clear(tool->diag);
    }
}

static void
put_json(tn_text *out, const tn_backend *b, const char *file, bool first)
{
    tn_text_add(out, "%s{\"name\":", first ? "" : ",");
    tn_text_json(out, b->name);
    tn_text_add(out, ",\"family\":");
    tn_text_json(out, b->family);
    tn_text_add(out, ",\"version\":");
    tn_text_json(out, b->version);
    tn_text_add(out, ",\"compiles\":%s,\"devices\":%s,\"file\":", b->compile ? "true" : "false",
        b->open ? "true" : "false");
    if (file)
        tn_text_json(out, file);
    else
        tn_text_add(out, "null");
    tn_text_add(out, "}");
}

static const char *
what_it_does(const tn_backend *b)
{
    return !b->open ? "compiles" : b->compile ? "compiles, runs" : "runs";
}

tn_status
tn_cmd_plugins(tn_tool *tool)
{
    tn_text out = {.arena = tool->arena};
    bool json = tn_tool_json(tool);

    load_generators(tool);
    if (json)
        tn_text_add(&out, "{\"schema\":\"tenon.plugins/1\",\"abi\":%u,\"plugins\":[", TN_ABI);
    for (uint32_t i = 0; i < tn_registry_count(tool->registry); i++) {
        const tn_backend *b = tn_registry_at(tool->registry, i);
        const char *file = tn_registry_file(tool->registry, i);

        if (json)
            put_json(&out, b, file, i == 0);
        else
            tn_text_add(&out, "%-10s %-8s %-15s version %-6s %s\n", b->name, b->family,
                what_it_does(b), b->version, file ? file : "built in");
    }
    if (json)
        tn_text_add(&out, "]}\n");
    else
        tn_tool_note(tool, "ABI %u; another one is loaded with --plugin FILE", TN_ABI);
    return tn_tool_print(tool, &out);
}
