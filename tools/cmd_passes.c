/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"
#include "tools/tool.h"

static const char *
stage_name(tn_stage stage)
{
    static const char *const names[] = {"expand", "clean", "fuse"};

    return names[stage];
}

tn_status
tn_cmd_passes(tn_tool *tool)
{
    tn_text out = {.arena = tool->arena};
    bool json = tn_tool_json(tool), page = tn_flag(tool->options, TN_OPT_markdown);

    if (json)
        tn_text_add(&out, "{\"schema\":\"tenon.passes/1\",\"passes\":[");
    else if (page)
        tn_text_add(&out,
            "# Passes\n\nGenerated from `passes/passes.def` by `tenon passes "
            "--markdown`. Rows of stage clean are repeated until none changes "
            "anything.\n\n| pass | stage | can be skipped | what it does |\n"
            "| --- | --- | --- | --- |\n");
    for (int i = 0; i < tn_pass_count(); i++) {
        const tn_pass *p = tn_pass_at(i);

        if (json) {
            tn_text_add(&out,
                "%s{\"name\":\"%s\",\"stage\":\"%s\",\"needed\":%s,\"doc\":", i ? "," : "", p->name,
                stage_name(p->stage), p->needed ? "true" : "false");
            tn_text_json(&out, p->doc);
            tn_text_add(&out, "}");
        } else if (page) {
            tn_text_add(&out, "| `%s` | %s | %s | %s |\n", p->name, stage_name(p->stage),
                p->needed ? "no" : "yes", p->doc);
        } else {
            tn_text_add(&out, "%-8s %-8s %s\n", p->name, stage_name(p->stage), p->doc);
        }
    }
    tn_text_add(&out, json ? "]}\n" : "%s", "");
    return tn_tool_print(tool, &out);
}
