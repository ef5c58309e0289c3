/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/weights.h"
#include "runtime/bind.h"
#include "runtime/compile.h"
#include "tools/expect.h"
#include "tools/load_ref.h"
#include "tools/regions.h"

/* ---- reading a graph ---- */

static tn_status
read_dim(tn_tool *tool, const char *text, tn_model_dim *out)
{
    const char *equals = strchr(text, '=');
    char *end;

    if (!equals)
        return tn_fail(tool->diag, TN_USAGE, "--dim %s: expected SYMBOL=N or SYMBOL=MIN..MAX",
            text);
    out->name = tn_arena_copy(tool->arena, text, (size_t)(equals - text));
    out->low = strtoll(equals + 1, &end, 10);
    out->high = out->low;
    if (!strncmp(end, "..", 2))
        out->high = strtoll(end + 2, &end, 10);
    if (*end || end == equals + 1)
        return tn_fail(tool->diag, TN_USAGE, "--dim %s: expected SYMBOL=N or SYMBOL=MIN..MAX",
            text);
    return TN_OK;
}

tn_status
tn_load_options(tn_tool *tool, tn_model_options *out)
{
    const tn_option_value *o = tool->options->value;
    TN_VEC(tn_model_set) sets = {0};
    TN_VEC(tn_model_dim) dims = {0};

    for (uint32_t i = 0; i < o[TN_OPT_set].list.count; i++) {
        const char *text = o[TN_OPT_set].list.at[i], *equals = strchr(text, '=');
        tn_model_set s;

        if (!equals)
            return tn_fail(tool->diag, TN_USAGE, "--set %s: expected PARAM=VALUE", text);
        s.name = tn_arena_copy(tool->arena, text, (size_t)(equals - text));
        s.value = equals + 1;
        tn_push(tool->arena, &sets, s);
    }
    for (uint32_t i = 0; i < o[TN_OPT_dim].list.count; i++) {
        tn_model_dim d;

        TN_TRY(read_dim(tool, o[TN_OPT_dim].list.at[i], &d));
        tn_push(tool->arena, &dims, d);
    }
    *out = (tn_model_options){
        .sets = sets.at,
        .set_count = (int)sets.count,
        .preset = o[TN_OPT_preset].text,
        .dims = dims.at,
        .dim_count = (int)dims.count,
        .seed = (uint64_t)o[TN_OPT_seed].whole,
        .seed_weights = o[TN_OPT_seed_weights].given,
    };
    for (uint32_t i = 0; i < o[TN_OPT_limit].list.count; i++)
        TN_TRY(tn_read_limits_set(tool->diag, &out->limits, o[TN_OPT_limit].list.at[i]));
    return TN_OK;
}

tn_status
tn_load_skip(tn_tool *tool, uint64_t *out)
{
    const tn_option_value *o = tool->options->value;
    tn_pass_set only;

    *out = 0;
    if (o[TN_OPT_skip].given)
        TN_TRY(tn_pass_parse(tool->diag, o[TN_OPT_skip].text, out));
    if (!o[TN_OPT_only].given)
        return TN_OK;
    TN_TRY(tn_pass_parse(tool->diag, o[TN_OPT_only].text, &only));
    for (int i = 0; i < tn_pass_count(); i++)
        if (!(only >> i & 1))
            *out |= (tn_pass_set)1 << i;
    return TN_OK;
}

typedef struct reading {
    tn_tool *tool;
    tn_arena *arena;
    const char *path;
    const tn_model_options *options;
    bool weights;
    const tn_weights_options *how;
    const char *expose;
    tn_regions *regions;
    tn_module *module;
} reading;

/* Every result of the entry's own block becomes an output, in the order of
 * the ops. Stores stand behind the outputs, so a graph with state is left as
 * it is. */
static void
expose_values(tn_graph *g)
{
    for (tn_op *op = g->block->first; op && !g->stores.count; op = op->next)
        for (int i = 0; i < op->out_count; i++) {
            tn_output out = {
                .name = tn_arena_printf(g->module->arena, "%s (%s)",
                    op->out[i]->name ? op->out[i]->name : op->path, tn_op_info_of(op->code)->name)};

            tn_push(g->module->arena, &g->outputs, out);
            tn_block_result(g->block, op->out[i]);
        }
}

static tn_status
read_module(void *arg)
{
    reading *r = arg;

    TN_TRY(tn_model_read(&r->tool->env, r->arena, r->path, r->options, &r->module));
    if (r->expose)
        expose_values(tn_module_entry(r->module, r->expose));
    if (r->regions)
        tn_regions_expose(r->regions, tn_module_entry(r->module, r->regions->entry));
    return r->weights ? tn_weights_load(&r->tool->env, r->module, r->how) : TN_OK;
}

tn_status
tn_load_module(tn_tool *tool, const char *path, const tn_load_how *how, bool weights,
    tn_arena **arena, tn_module **out)
{
    static const tn_weights_options plain;
    reading r = {.tool = tool,
        .path = path,
        .options = how->model,
        .weights = weights,
        .how = how->weights ? how->weights : &plain,
        .expose = how->expose,
        .regions = how->regions};
    tn_status status = TN_NO_MEMORY;

    *out = NULL;
    *arena = r.arena = tn_arena_create(tool->env.alloc, 0);
    if (r.arena)
        status = tn_arena_guard(r.arena, read_module, &r);
    if (status == TN_NO_MEMORY)
        tn_fail_memory(tool->diag, r.arena ? tn_arena_failed_bytes(r.arena) : 0, "reading a model");
    if (status != TN_OK) {
        tn_arena_destroy(r.arena);
        *arena = NULL;
        return status;
    }
    *out = r.module;
    return TN_OK;
}

tn_status
tn_load_is_artifact(tn_tool *tool, const char *path, bool *out)
{
    tn_span bytes;

    TN_TRY(tn_file_map(&tool->env, path, &bytes));
    *out = tn_artifact_is(bytes);
    tn_file_unmap(&tool->env, &bytes);
    return TN_OK;
}

/* ---- compiling for a device ---- */

static tn_status
device_target(tn_tool *tool, const char *device, tn_compile_target *out)
{
    const tn_backend *backend;
    const char *title, *identity;
    uint32_t number;

    TN_TRY(tn_registry_device(tool->registry, device, &backend, &number));
    TN_TRY(tn_registry_result(tool->registry, tool->diag,
        backend->describe(backend->self, number, &out->text, &title, &identity), device));
    out->name = device;
    out->family = backend->family;
    return TN_OK;
}

static tn_status
compile_graph(tn_tool *tool, const char *path, const tn_load_how *how, tn_loaded *l)
{
    tn_compile_target target;
    tn_compile_options options = {.targets = &target, .target_count = 1};
    const tn_option_value *o = tool->options->value;
    tn_expecting expecting = {.tool = tool, .quiet = how->expect != TN_LOAD_EXPECT};
    uint64_t start = tn_tool_now_ns();
    tn_module *module;
    tn_span bytes;

    options.exact = o[TN_OPT_exact].given;
    TN_TRY(tn_load_skip(tool, &options.skip));
    options.skip |= how->skip;
    options.no_pack = o[TN_OPT_pack].given && !strcmp(o[TN_OPT_pack].text, "never");
    TN_TRY(device_target(tool, l->device, &target));
    TN_TRY(tn_load_module(tool, path, how, true, &l->arena, &module));
    expecting.module = module;
    if (how->regions)
        tn_regions_hook(how->regions, module, &options);
    else if (how->expect != TN_LOAD_EXPECT_NOT)
        tn_expect_hook(&expecting, &options);
    TN_TRY(tn_compile(&tool->env, tool->registry, module, &options, &bytes));
    TN_TRY(tn_artifact_open_bytes(&tool->env, bytes, false, &l->artifact));
    l->compile_ns = tn_tool_now_ns() - start;
    return TN_OK;
}

static tn_status
open_device(tn_tool *tool, tn_loaded *l)
{
    const tn_option_value *o = tool->options->value;
    tn_open_options options = {.device = l->device,
        .no_native = o[TN_OPT_no_native].given,
        .threads = (uint32_t)o[TN_OPT_threads].whole};

    l->iface = &l->artifact->iface;
    TN_TRY(tn_model_open(&tool->env, tool->registry, l->artifact, &options, &l->model));
    return tn_session_open(&tool->env, l->model, &l->session);
}

static tn_status
load_graph(tn_tool *tool, const char *path, const tn_load_how *how, tn_loaded *l)
{
    tn_expecting expecting = {.tool = tool};
    tn_model_options options;
    tn_load_how complete = *how;

    if (!complete.model) {
        TN_TRY(tn_load_options(tool, &options));
        complete.model = &options;
    }
    if (!strcmp(l->device, "ref")) {
        TN_TRY(tn_load_module(tool, path, &complete, true, &l->arena, &l->module));
        expecting.module = l->module;
        if (how->expect == TN_LOAD_EXPECT)
            TN_TRY(tn_expect_report(&expecting, "ref"));
        return tn_ref_open(tool, l);
    }
    TN_TRY(compile_graph(tool, path, &complete, l));
    return open_device(tool, l);
}

static tn_status
load_artifact(tn_tool *tool, const char *path, tn_loaded *l)
{
    if (!strcmp(l->device, "ref"))
        return tn_fail(tool->diag, TN_USAGE,
            "%s: --device ref evaluates the graph, which an artifact does not hold", path);
    TN_TRY(tn_artifact_open_file(&tool->env, path, tn_flag(tool->options, TN_OPT_check_weights),
        &l->artifact));
    return open_device(tool, l);
}

static tn_status
load_on(tn_tool *tool, const char *path, const char *device, const tn_load_how *how, tn_loaded *out)
{
    static const tn_load_how plain;
    bool is_artifact;
    tn_status status;

    *out = (tn_loaded){.device = device};
    TN_TRY(tn_load_is_artifact(tool, path, &is_artifact));
    status = is_artifact ? load_artifact(tool, path, out)
                         : load_graph(tool, path, how ? how : &plain, out);
    if (status != TN_OK)
        tn_loaded_close(tool, out);
    return status;
}

/* What the device lacks, not what is wrong with the model. */
static bool
falls_back(const tn_tool *tool, tn_status status, const char *device)
{
    return tn_flag(tool->options, TN_OPT_fallback) && strcmp(device, "cpu") != 0 &&
        (status == TN_UNSUPPORTED || status == TN_DEVICE);
}

tn_status
tn_load(tn_tool *tool, const char *path, const char *device, const tn_load_how *how, tn_loaded *out)
{
    const char *fallback = tool->options->value[TN_OPT_fallback].text;
    tn_status status;

    if (fallback && strcmp(fallback, "cpu") != 0)
        return tn_fail(tool->diag, TN_USAGE, "--fallback %s: expected cpu", fallback);
    status = load_on(tool, path, device, how, out);
    if (!falls_back(tool, status, device))
        return status;
    for (size_t i = 0; i < tn_diag_count(tool->diag); i++)
        fprintf(stderr, "tenon: %s\n", tn_diag_text(tool->diag, i));
    fprintf(stderr, "tenon: %s: runs on cpu, not on %s\n", path, device);
    tn_diag_clear(tool->diag);
    return load_on(tool, path, "cpu", how, out);
}

void
tn_loaded_close(tn_tool *tool, tn_loaded *l)
{
    if (l->states)
        tn_ref_close(tool, l);
    tn_session_close(l->session);
    tn_model_close(l->model);
    tn_artifact_close(l->artifact);
    tn_arena_destroy(l->arena);
    *l = (tn_loaded){0};
}

/* ---- running ---- */

tn_status
tn_loaded_entry(tn_tool *tool, const tn_loaded *l, const char *name, int *out)
{
    *out = tn_iface_entry_find(l->iface, name ? name : "main");
    if (*out < 0 && !name)
        *out = 0;
    if (*out < 0)
        return tn_fail(tool->diag, TN_USAGE, "--entry %s: the model has no such entry", name);
    return TN_OK;
}

tn_status
tn_loaded_run(tn_tool *tool, tn_loaded *l, int entry, const tn_given *given, bool wide,
    tn_tensor *outputs, tn_run *run)
{
    run->entry = entry;
    run->inputs = given->inputs;
    run->outputs = outputs;
    run->has_fixed = given->has_fixed;
    run->fixed = given->fixed;
    run->timeout_ns = (uint64_t)tool->options->value[TN_OPT_timeout].whole * 1000000000u;
    if (l->module)
        return tn_ref_run(tool, l, run, wide);
    return tn_session_run(l->session, run);
}

tn_status
tn_loaded_reset(tn_tool *tool, tn_loaded *l)
{
    return l->module ? tn_ref_reset(tool, l) : tn_session_reset(l->session);
}
