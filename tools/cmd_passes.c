/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"
#include "passes/rule.h"
#include "tools/tool.h"

static const char *
stage_name(tn_stage stage)
{
    static const char *const names[] = {"expand", "clean", "fuse"};

    return names[stage];
}

/* ---- rewrites ---- */

static void
rules_page(tn_text *out)
{
    tn_text_add(out,
        "\n## Rewrites\n\nThe rows of `passes/rules.def`, in order. Those without freedom are the "
        "pass `rules`, the others the pass `relaxed`, which `--exact` leaves out: `reorder` adds "
        "or multiplies in another order, `wider` does not round an intermediate, `finite` is "
        "equal as long as what it guards is finite.\n\n| row | instead of | where | stands | "
        "freedom | why |\n| --- | --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < tn_rule_count(); i++) {
        const tn_rule *r = tn_rule_at(i);

        tn_text_add(out, "| `%s` | `%s` | %s%s%s | `%s` | %s | %s |\n", r->name, r->from,
            r->when[0] ? "`" : "", r->when, r->when[0] ? "`" : "", r->to,
            tn_freedom_text(r->freedom), r->doc);
    }
    tn_text_add(out, "\n| test | holds for |\n| --- | --- |\n");
    for (int i = 0; i < tn_rule_test_count(); i++)
        tn_text_add(out, "| `%s` | %s |\n", tn_rule_test_at(i)->name, tn_rule_test_at(i)->means);
}

static void
rules_json(tn_text *out)
{
    tn_text_add(out, "],\"rules\":[");
    for (int i = 0; i < tn_rule_count(); i++) {
        const tn_rule *r = tn_rule_at(i);

        tn_text_add(out, "%s{\"name\":\"%s\",\"pattern\":", i ? "," : "", r->name);
        tn_text_json(out, r->from);
        tn_text_add(out, ",\"tests\":");
        tn_text_json(out, r->when);
        tn_text_add(out, ",\"replacement\":");
        tn_text_json(out, r->to);
        tn_text_add(out, ",\"freedom\":\"%s\",\"doc\":", tn_freedom_text(r->freedom));
        tn_text_json(out, r->doc);
        tn_text_add(out, "}");
    }
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
    if (json)
        rules_json(&out);
    else if (page)
        rules_page(&out);
    tn_text_add(&out, json ? "]}\n" : "%s", "");
    return tn_tool_print(tool, &out);
}
