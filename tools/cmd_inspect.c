/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "frontend/write.h"
#include "ir/kernel/kernel.h"
#include "passes/pass.h"
#include "runtime/compile.h"
#include "tools/expect.h"
#include "tools/load.h"
#include "tools/plan_totals.h"

/* What is looked at: of an artifact, or of a graph compiled to plans. */
typedef struct view {
    const char *kind; /* "graph" or "artifact" */
    const tn_iface *iface;
    const tn_artifact_target *targets;
    uint32_t target_count;
    const char *meaning; /* of a graph: its hash */
} view;

static int
launches_of(const tn_plan *p, uint32_t kernel)
{
    int count = 0;

    for (uint32_t s = 0; s < p->steps.count; s++)
        count += p->steps.at[s].kind == TN_STEP_LAUNCH && p->steps.at[s].kernel == (int32_t)kernel;
    return count;
}

/* "    contract*9, attention*2": places in the plan that launch each family. */
static void
families(tn_text *out, const tn_plan *p)
{
    const char *before = "    ";

    for (uint32_t k = 0; k < p->kernels.count; k++) {
        const char *family = p->kernels.at[k].name;
        int count = 0;
        bool told = false;

        for (uint32_t i = 0; i < k; i++)
            told = told || !strcmp(p->kernels.at[i].name, family);
        for (uint32_t i = k; i < p->kernels.count && !told; i++)
            count += strcmp(p->kernels.at[i].name, family) ? 0 : launches_of(p, i);
        if (told)
            continue;
        tn_text_add(out, "%s%s*%d", before, family, count);
        before = ", ";
    }
    tn_text_add(out, "%s", p->kernels.count ? "\n" : "");
}

static void
json_kernels(tn_text *out, const tn_plan *p)
{
    for (uint32_t k = 0; k < p->kernels.count; k++) {
        const char *comma = "";

        tn_text_add(out, "%s{\"name\":\"k%u\",\"family\":", k ? "," : "", k);
        tn_text_json(out, p->kernels.at[k].name);
        tn_text_add(out, ",\"ops\":[");
        for (uint32_t s = 0; s < p->steps.count; s++) {
            if (p->steps.at[s].kind != TN_STEP_LAUNCH || p->steps.at[s].kernel != (int32_t)k)
                continue;
            for (uint32_t o = 0; o < p->steps.at[s].ops.count; o++, comma = ",") {
                tn_text_add(out, "%s", comma);
                tn_text_json(out, p->steps.at[s].ops.at[o]);
            }
        }
        tn_text_add(out, "],\"count\":%d}", launches_of(p, k));
    }
}

static tn_status
json(tn_tool *tool, const view *v, tn_text *out)
{
    tn_plan_totals all = {0}, one;

    tn_text_add(out,
        "{\"schema\":\"tenon.inspect/1\",\"kind\":\"%s\",\"params\":%lld,"
        "\"weights_bytes\":%llu,\"entries\":[",
        v->kind, (long long)v->iface->params, (unsigned long long)tn_weights_bytes(v->iface));
    for (uint32_t e = 0; e < v->iface->entries.count && v->target_count; e++) {
        const tn_plan *p = &v->targets[0].plans[e];

        TN_TRY(tn_plan_measure(tool, p, &one));
        all.flops += one.flops;
        all.peak_bytes = one.peak_bytes > all.peak_bytes ? one.peak_bytes : all.peak_bytes;
        tn_text_add(out, "%s{\"name\":", e ? "," : "");
        tn_text_json(out, p->entry);
        tn_text_add(out, ",\"launches\":%lld,\"kernels\":[", (long long)one.launches);
        json_kernels(out, p);
        tn_text_add(out, "]}");
    }
    tn_text_add(out, "]");
    if (v->meaning)
        tn_text_add(out, ",\"meaning\":\"%s\"", v->meaning);
    tn_text_add(out, ",\"flops\":%.0f,\"peak_bytes\":%llu,\"targets\":[", all.flops,
        (unsigned long long)all.peak_bytes);
    for (uint32_t t = 0; t < v->target_count; t++) {
        tn_text_add(out, "%s", t ? "," : "");
        tn_text_json(out, v->targets[t].name);
    }
    tn_text_add(out, "]}\n");
    return TN_OK;
}

static tn_status
people(tn_tool *tool, const view *v, tn_text *out)
{
    tn_plan_totals one;

    tn_text_add(out, "%s %s: %lld parameters, %llu bytes of weights\n", v->kind, v->iface->model,
        (long long)v->iface->params, (unsigned long long)tn_weights_bytes(v->iface));
    if (v->meaning)
        tn_text_add(out, "meaning %s\n", v->meaning);
    for (uint32_t t = 0; t < v->target_count; t++) {
        const tn_artifact_target *target = &v->targets[t];

        tn_text_add(out, "target %s (%s)%s%s\n", target->name, target->text,
            *target->generator ? ", code by " : "", target->generator);
        for (uint32_t e = 0; e < v->iface->entries.count; e++) {
            TN_TRY(tn_plan_measure(tool, &target->plans[e], &one));
            tn_text_add(out,
                "  entry %s: %lld launches of %u kernels, %.4g MFLOP, %llu bytes of activations\n",
                target->plans[e].entry, (long long)one.launches, target->plans[e].kernels.count,
                one.flops / 1e6, (unsigned long long)one.peak_bytes);
            families(out, &target->plans[e]);
        }
    }
    return TN_OK;
}

static tn_status
lane_texts(tn_tool *tool, const view *v, tn_text *out)
{
    for (uint32_t t = 0; t < v->target_count; t++)
        for (uint32_t e = 0; e < v->iface->entries.count; e++) {
            const tn_plan *p = &v->targets[t].plans[e];

            for (uint32_t k = 0; k < p->kernels.count; k++) {
                tn_kernel *kernel;

                TN_TRY(tn_kernel_decode(tool->arena, tool->diag, p->kernels.at[k].lane, &kernel));
                tn_text_add(out, "# target %s, entry %s, kernel %u, choice: %s\n",
                    v->targets[t].name, p->entry, k, p->kernels.at[k].choice);
                tn_kernel_print(out, kernel);
                tn_text_add(out, "\n");
            }
        }
    return TN_OK;
}

static tn_status
show(tn_tool *tool, const view *v)
{
    const tn_option_value *ir = &tool->options->value[TN_OPT_ir];
    tn_text out = {.arena = tool->arena};

    if (ir->given && !strcmp(ir->text, "lane"))
        TN_TRY(lane_texts(tool, v, &out));
    else if (ir->given && !strcmp(ir->text, "plan"))
        for (uint32_t t = 0; t < v->target_count; t++)
            for (uint32_t e = 0; e < v->iface->entries.count; e++)
                tn_plan_print(&out, &v->targets[t].plans[e]);
    else if (ir->given)
        return tn_fail(tool->diag, TN_USAGE, "--ir %s: expected read, expand, clean, plan or lane",
            ir->text);
    else if (tn_tool_json(tool))
        TN_TRY(json(tool, v, &out));
    else
        TN_TRY(people(tool, v, &out));
    return tn_tool_print(tool, &out);
}

typedef struct printing {
    tn_tool *tool;
    tn_module *module;
    const char *stage;   /* "read", or the last stage of passes that runs */
    tn_pass_set passes;  /* those of the stages, if any */
    char meaning[TN_HASH_HEX];
} printing;

static tn_status
find_meaning(void *arg)
{
    printing *p = arg;
    tn_hash hash = tn_model_meaning(p->module->arena, p->module);

    tn_hash_hex(&hash, p->meaning);
    return TN_OK;
}

/* The graphs after a stage, in their text form or as a graph file. */
static tn_status
print_graphs(void *arg)
{
    printing *p = arg;
    tn_text text = {.arena = p->module->arena};

    for (uint32_t i = 0; i < p->module->entries.count && p->passes; i++)
        tn_passes_run_only(p->module->entries.at[i], p->passes);
    if (tn_tool_json(p->tool))
        tn_model_write(&text, p->module, p->stage);
    for (uint32_t i = 0; i < p->module->entries.count && !tn_tool_json(p->tool); i++)
        tn_graph_print(&text, p->module->entries.at[i]);
    return tn_tool_print(p->tool, &text);
}

/* False: --ir asks for no stage of graphs. */
static bool
stage_of(printing *p, const tn_compile_options *options)
{
    static const char *const stages[] = {"read", "expand", "clean"};
    const tn_option_value *ir = &p->tool->options->value[TN_OPT_ir];

    for (int i = 0; i < 3 && ir->given && !p->stage; i++) {
        if (i == 1)
            p->passes = tn_passes_of(TN_STAGE_EXPAND, options->skip) |
                tn_passes_of(TN_STAGE_FUSE, options->skip); /* rows that they take stay whole */
        if (i == 2)
            p->passes |= tn_passes_of(TN_STAGE_CLEAN, options->skip);
        if (!strcmp(ir->text, stages[i]))
            p->stage = stages[i];
    }
    return p->stage != NULL;
}

static tn_status
inspect_module(tn_tool *tool, tn_module *module)
{
    const tn_option_value *o = tool->options->value;
    tn_compile_options options = {.exact = o[TN_OPT_exact].given};
    tn_expecting expecting = {.tool = tool, .module = module};
    printing printed = {.tool = tool, .module = module};
    tn_compiled made;
    view v = {.kind = "graph"};

    TN_TRY(tn_load_skip(tool, &options.skip));
    if (options.exact)
        options.skip |= tn_pass_bit("relaxed") | tn_pass_bit("apart");
    if (stage_of(&printed, &options))
        return tn_arena_guard(module->arena, print_graphs, &printed);
    if (o[TN_OPT_check].given) {
        TN_TRY(tn_expect_report(&expecting, NULL));
        tn_tool_note(tool, "%s: read and inferred, %u entries", module->file,
            module->entries.count);
        return TN_OK;
    }
    TN_TRY(tn_compile_targets(tool->arena, tool->diag,
        o[TN_OPT_target].given ? o[TN_OPT_target].text : "cpu", &options.targets,
        &options.target_count));
    tn_expect_hook(&expecting, &options);
    TN_TRY(tn_compile_plans(&tool->env, tool->registry, module, &options, &made));
    TN_TRY(tn_arena_guard(module->arena, find_meaning, &printed));
    v.meaning = printed.meaning;
    v.iface = &made.iface;
    v.targets = made.targets;
    v.target_count = made.target_count;
    return show(tool, &v);
}

static tn_status
inspect_artifact(tn_tool *tool, const char *path)
{
    tn_artifact *a;
    view v = {.kind = "artifact"};
    tn_status status;

    TN_TRY(tn_artifact_open_file(&tool->env, path, tn_flag(tool->options, TN_OPT_check_weights),
        &a));
    v.iface = &a->iface;
    v.targets = a->targets.at;
    v.target_count = a->targets.count;
    status = show(tool, &v);
    tn_artifact_close(a);
    return status;
}

tn_status
tn_cmd_inspect(tn_tool *tool)
{
    tn_model_options options;
    tn_load_how how = {.model = &options};
    const char *path;
    tn_arena *arena;
    tn_module *module;
    bool is_artifact;
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &path));
    TN_TRY(tn_load_is_artifact(tool, path, &is_artifact));
    if (is_artifact)
        return inspect_artifact(tool, path);
    TN_TRY(tn_load_options(tool, &options));
    TN_TRY(tn_load_module(tool, path, &how, false, &arena, &module));
    status = inspect_module(tool, module);
    tn_arena_destroy(arena);
    return status;
}
