/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/explain.h"
#include "tools/load.h"

/* ---- for people ---- */

/* Names in a line; of many, the ends. */
static void
add_names(tn_text *out, const char *const *names, uint32_t count)
{
    enum { SHOWN = 6 };

    for (uint32_t i = 0; i < count; i++) {
        if (count > SHOWN && i == SHOWN / 2) {
            tn_text_add(out, " ..");
            i = count - SHOWN / 2;
        }
        tn_text_add(out, " %s", names[i]);
    }
    tn_text_add(out, "\n");
}

static void
add_fused(tn_text *out, const tn_explained *e)
{
    tn_text_add(out, "  fused\n");
    for (uint32_t i = 0; i < e->fused.count; i++) {
        const tn_finding *f = e->fused.at[i].finding;

        tn_text_add(out, "    %-14s k%-3d %s\n      %u nodes:", f->family,
            (int)e->fused.at[i].kernel, f->parameters, f->nodes.count);
        add_names(out, f->nodes.at, f->nodes.count);
    }
}

static void
add_missed(tn_text *out, const tn_explained *e)
{
    tn_text_add(out, "  nearly fused\n");
    for (uint32_t i = 0; i < e->missed.count; i++) {
        const tn_finding *f = e->missed.at[i];

        tn_text_add(out, "    %s at %s\n      wanted: %s\n      found: %s\n      to do: %s\n",
            f->family, f->nodes.at[0], f->predicate, f->found, f->advice);
    }
}

static void
add_joined(tn_text *out, const tn_explained *e)
{
    tn_text_add(out, "  several nodes in one kernel\n");
    for (uint32_t i = 0; i < e->joined.count; i++) {
        const tn_explained_kernel *k = &e->joined.at[i];

        tn_text_add(out, "    k%-3d %-14s", (int)k->kernel, k->family);
        add_names(out, k->nodes.at, k->nodes.count);
    }
}

static void
add_rewritten(tn_text *out, const tn_explained *e)
{
    tn_text_add(out, "  written another way (what that may change of floats)\n");
    for (uint32_t i = 0; i < e->rewritten.count; i++) {
        const tn_explained_rewrite *r = &e->rewritten.at[i];
        const char *freedom = tn_freedom_text(r->row->freedom);

        tn_text_add(out, "    %s (%s)", r->row->name, freedom[0] ? freedom : "nothing");
        add_names(out, r->nodes.at, r->nodes.count);
    }
}

static void
add_alone(tn_text *out, const tn_explained *e)
{
    tn_text_add(out, "  left alone (- : computed where it is read, or not needed)\n");
    for (uint32_t i = 0; i < e->nodes.count; i++) {
        const tn_explained_node *n = e->nodes.at[i];

        if (n->fused)
            continue;
        if (n->kernel < 0)
            tn_text_add(out, "    -    ");
        else
            tn_text_add(out, "    k%-3d ", (int)n->kernel);
        tn_text_add(out, "%-14s %s\n", n->op, n->name);
    }
}

void
tn_explain_people(tn_text *out, const tn_explained *e)
{
    uint32_t alone = 0;

    for (uint32_t i = 0; i < e->nodes.count; i++)
        alone += !e->nodes.at[i]->fused;
    tn_text_add(out, "entry %s: %u nodes; %u fused rows, %u nearly, %u nodes left alone\n",
        e->entry, e->nodes.count, e->fused.count, e->missed.count, alone);
    if (e->fused.count)
        add_fused(out, e);
    if (e->missed.count)
        add_missed(out, e);
    if (e->joined.count)
        add_joined(out, e);
    if (e->rewritten.count)
        add_rewritten(out, e);
    if (alone)
        add_alone(out, e);
}

/* ---- the command ---- */

static tn_status
compile_options(tn_tool *tool, tn_compile_options *out)
{
    const tn_option_value *o = tool->options->value;

    out->exact = o[TN_OPT_exact].given;
    TN_TRY(tn_load_skip(tool, &out->skip));
    TN_TRY(tn_compile_targets(tool->arena, tool->diag,
        o[TN_OPT_target].given ? o[TN_OPT_target].text : "cpu", &out->targets, &out->target_count));
    if (out->target_count != 1)
        return tn_fail(tool->diag, TN_USAGE, "explain: --target %s: one target at a time",
            o[TN_OPT_target].text);
    return TN_OK;
}

static tn_status
show(tn_tool *tool, const tn_explained *entries, uint32_t count)
{
    const tn_option_value *entry = &tool->options->value[TN_OPT_entry];
    TN_VEC(const tn_explained *) shown = {0};
    tn_text out = {.arena = tool->arena};

    for (uint32_t i = 0; i < count; i++)
        if (!entry->given || !strcmp(entry->text, entries[i].entry))
            tn_push(tool->arena, &shown, &entries[i]);
    if (!shown.count)
        return tn_fail(tool->diag, TN_USAGE, "--entry %s: the model has no such entry",
            entry->text);
    if (tn_tool_json(tool))
        tn_explain_json(&out, shown.at, shown.count);
    else
        for (uint32_t i = 0; i < shown.count; i++)
            tn_explain_people(&out, shown.at[i]);
    return tn_tool_print(tool, &out);
}

static tn_status
explain_module(tn_tool *tool, tn_module *module)
{
    uint32_t count = module->entries.count;
    tn_explained *entries = tn_new_array(tool->arena, tn_explained, count);
    tn_compile_options options = {0};
    tn_compiled made;

    TN_TRY(compile_options(tool, &options));
    for (uint32_t i = 0; i < count; i++)
        tn_explain_read(tool, module->entries.at[i], &entries[i]);
    TN_TRY(tn_compile_plans(&tool->env, tool->registry, module, &options, &made));
    for (uint32_t i = 0; i < count; i++) {
        tn_explain_compiled(tool, &made, i, &entries[i]);
        tn_explain_rewritten(tool, module->entries.at[i], &entries[i]);
    }
    return show(tool, entries, count);
}

tn_status
tn_cmd_explain(tn_tool *tool)
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
        return tn_fail(tool->diag, TN_USAGE,
            "%s: explain compares a graph with what becomes of it; an artifact holds no graph",
            path);
    TN_TRY(tn_load_options(tool, &options));
    TN_TRY(tn_load_module(tool, path, &how, false, &arena, &module));
    status = explain_module(tool, module);
    tn_arena_destroy(arena);
    return status;
}
