/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "tools/verify.h"

typedef TN_VEC(tn_verify_row) rows;

/* Of the reference's decisions, in units of what was compared. */
static void
note_margin(tn_verify_row *row, const tn_judgement *judged)
{
    if (judged->margin < row->margin)
        row->margin = judged->margin;
}

/* How output `o` of run `r` compares with the reference's. A decision is right
 * as well where the reference's margin is below the tolerance. */
static bool
agrees(const tn_test *t, tn_verify_result *got, const tn_verify_result *wanted, uint32_t r,
    uint32_t o, tn_verify_row *row, double *error)
{
    const tn_tolerance usual = {0};
    const tn_tensor *a = &got->outputs[r][o], *b = &wanted->outputs[r][o];
    const tn_decisions *decisions = &wanted->decisions[r];
    double rel = tn_tolerance_usual(decisions->of[o].dtype);
    tn_difference d = {0};
    tn_judgement judged;
    bool same = tn_compare(a, b, a->dtype, &usual, &d);

    rel = t->has_tol && t->tol_rel > rel ? t->tol_rel : rel;
    if (!d.shapes && tn_decisions_judge(decisions, o, a, b, rel, &judged)) {
        note_margin(row, &judged);
        got->excused[r][o] = !same && judged.right;
        same = same || judged.right;
    }
    *error = d.error > *error ? d.error : *error;
    return same;
}

/* Largest relative error of the outputs against the reference's doubles. */
static double
error_of(const tn_verify *v, const tn_test *t, tn_verify_result *got,
    const tn_verify_result *wanted, tn_verify_row *row, bool *agree)
{
    double worst = 0;

    got->excused = tn_new_array(v->tool->arena, bool *, t->runs.count + 1);
    for (uint32_t r = 0; r < t->runs.count; r++) {
        const tn_graph *g = tn_module_entry(v->module, t->runs.at[r].entry);

        got->excused[r] = tn_new_array(v->tool->arena, bool, g->outputs.count + 1);
        for (uint32_t o = 0; o < g->outputs.count; o++)
            *agree &= agrees(t, got, wanted, r, o, row, &worst);
    }
    return worst;
}

/* The first failure of a row is the one that is told. */
static void
fail(tn_verify_row *row, const char *failure, tn_status status)
{
    row->failed++;
    if (row->failure)
        return;
    row->failure = failure;
    row->status = status == TN_OK ? TN_DIFFERS : status;
}

/* With all passes: where asked for, and to name the culprit of a failure. */
static tn_status
shadow(tn_verify *v, const tn_test *t, tn_verify_row *row)
{
    bool asked = tn_flag(v->tool->options, TN_OPT_shadow) && !t->fails;

    if (row->skip || row->first_region || (!asked && !row->failed))
        return TN_OK;
    TN_TRY(tn_verify_shadow(v, t, row->device, &row->first_region));
    if (row->first_region && row->status == TN_OK)
        fail(row, tn_arena_printf(v->tool->arena, "%s: a fused row differs", t->name), TN_OK);
    return TN_OK;
}

static tn_status
check_test(tn_verify *v, const tn_test *t, const tn_verify_result *oracle, tn_verify_row *row)
{
    const tn_verify_how how = {.device = row->device, .skip = row->skip};
    tn_verify_result got;
    const char *failure;
    bool agree = true;
    double error = 0;

    TN_TRY(tn_verify_run(v, t, &how, &got));
    if (got.status == TN_OK && oracle->status == TN_OK)
        error = error_of(v, t, &got, oracle, row, &agree);
    TN_TRY(tn_verify_wanted(v, t, &got, &failure));
    row->max_rel = error > row->max_rel ? error : row->max_rel;
    if (!agree && !failure)
        failure = tn_arena_printf(v->tool->arena, "%s: differs from the reference by %.3g", t->name,
            error);
    if (failure) {
        fail(row, failure, got.status);
        if (!agree && !row->first_op)
            TN_TRY(tn_verify_first_op(v, t, row->device, &row->first_op));
    } else {
        row->passed++;
        tn_diag_clear(v->tool->diag); /* what a wanted refusal explained */
    }
    tn_verify_release(v, t, &got);
    return shadow(v, t, row);
}

/* The reference first; its own tests count as a row. */
static tn_status
verify_test(tn_verify *v, const tn_test *t, rows *all)
{
    const tn_verify_how how = {.device = "ref", .wide = true};
    tn_verify_result oracle;
    const char *failure;
    bool agree = true;

    TN_TRY(tn_verify_run(v, t, &how, &oracle));
    TN_TRY(tn_verify_wanted(v, t, &oracle, &failure));
    if (oracle.status == TN_OK)
        (void)error_of(v, t, &oracle, &oracle, &all->at[0], &agree);
    if (failure) {
        fail(&all->at[0], failure, oracle.status);
    } else {
        all->at[0].passed++;
        tn_diag_clear(v->tool->diag);
    }
    for (uint32_t i = 1; i < all->count; i++)
        TN_TRY(check_test(v, t, &oracle, &all->at[i]));
    tn_verify_release(v, t, &oracle);
    return TN_OK;
}

static void
add_row(tn_tool *tool, rows *all, const char *device, const char *level, uint64_t skip)
{
    tn_verify_row row = {.device = device, .level = level, .skip = skip, .margin = INFINITY};

    tn_push(tool->arena, all, row);
}

/* No pass, each alone, and all but each: --passes. */
static void
add_subsets(tn_tool *tool, rows *all, const char *device)
{
    tn_pass_set every = tn_pass_optional(TN_STAGE_CLEAN) | tn_pass_optional(TN_STAGE_FUSE);

    add_row(tool, all, device, "no pass", every);
    for (int i = 0; i < tn_pass_count(); i++) {
        const char *name = tn_pass_at(i)->name;
        tn_pass_set one = (tn_pass_set)1 << i;

        if (!(every & one))
            continue;
        add_row(tool, all, device, tn_arena_printf(tool->arena, "only %s", name), every & ~one);
        add_row(tool, all, device, tn_arena_printf(tool->arena, "without %s", name), one);
    }
}

/* A name that none has is refused before anything runs. */
static tn_status
add_device(tn_tool *tool, rows *all, const char *device, size_t length)
{
    const char *name = tn_arena_copy(tool->arena, device, length);
    const tn_backend *backend;
    uint32_t number;

    if (!strcmp(name, "ref"))
        return TN_OK;
    TN_TRY(tn_registry_device(tool->registry, name, &backend, &number));
    add_row(tool, all, name, "fused", 0);
    if (tn_flag(tool->options, TN_OPT_every_pass))
        add_subsets(tool, all, name);
    else
        add_row(tool, all, name, "unfused", tn_pass_optional(TN_STAGE_FUSE));
    return TN_OK;
}

/* Those of --device, else every device that is here. */
static tn_status
choose_devices(tn_tool *tool, rows *all)
{
    const char *list = tool->options->value[TN_OPT_device].text, *at = list ? list : "";

    add_row(tool, all, "ref", "graph", 0);
    while (*at) {
        size_t length = strcspn(at, ",");

        TN_TRY(add_device(tool, all, at, length));
        at += length + (at[length] == ',');
    }
    for (uint32_t i = 0; !list && i < tn_registry_count(tool->registry); i++) {
        const tn_backend *b = tn_registry_at(tool->registry, i);
        uint32_t count = 0;

        if (b->devices)
            TN_TRY(tn_registry_result(tool->registry, tool->diag, b->devices(b->self, &count),
                b->name));
        if (count)
            TN_TRY(add_device(tool, all, b->name, strlen(b->name)));
    }
    return TN_OK;
}

static void
json(tn_text *out, const rows *all, bool pass)
{
    tn_text_add(out, "{\"schema\":\"tenon.verify/1\",\"pass\":%s,\"rows\":[",
        pass ? "true" : "false");
    for (uint32_t i = 0; i < all->count; i++) {
        const tn_verify_row *r = &all->at[i];

        tn_text_add(out, "%s{\"device\":", i ? "," : "");
        tn_text_json(out, r->device);
        tn_text_add(out,
            ",\"level\":\"%s\",\"passed\":%d,\"failed\":%d,\"max_rel\":%.4g,"
            "\"first_op\":",
            r->level, r->passed, r->failed, r->max_rel);
        if (r->first_op)
            tn_text_json(out, r->first_op);
        else
            tn_text_add(out, "null");
        if (isfinite(r->margin))
            tn_text_add(out, ",\"margin\":%.4g", r->margin);
        else
            tn_text_add(out, ",\"margin\":null");
        tn_text_add(out, ",\"first_region\":");
        if (r->first_region)
            tn_text_json(out, r->first_region);
        else
            tn_text_add(out, "null");
        tn_text_add(out, "}");
    }
    tn_text_add(out, "]}\n");
}

static void
people(tn_text *out, const rows *all)
{
    int width = 8;

    for (uint32_t i = 0; i < all->count; i++)
        width = (int)strlen(all->at[i].level) > width ? (int)strlen(all->at[i].level) : width;
    for (uint32_t i = 0; i < all->count; i++) {
        const tn_verify_row *r = &all->at[i];

        tn_text_add(out, "%-10s %-*s %d of %d tests, largest error %.2g", r->device, width,
            r->level, r->passed, r->passed + r->failed, r->max_rel);
        if (isfinite(r->margin))
            tn_text_add(out, ", smallest margin %.2g", r->margin);
        tn_text_add(out, "\n");
        if (r->failure)
            tn_text_add(out, "           %s\n", r->failure);
        if (r->first_region)
            tn_text_add(out, "           first fused row that differs: %s\n", r->first_region);
        if (r->first_op)
            tn_text_add(out, "           first op that differs: %s\n", r->first_op);
    }
}

static tn_status
verify_module(tn_verify *v)
{
    const tn_tests *tests = tn_module_tests(v->module);
    tn_text out = {.arena = v->tool->arena};
    rows all = {0};
    tn_status status = TN_OK;

    TN_TRY(choose_devices(v->tool, &all));
    for (uint32_t i = 0; i < tests->tests.count; i++)
        if (tests->tests.at[i].elsewhere)
            tn_tool_note(v->tool, "%s: not run, it wants other params than the graph has",
                tests->tests.at[i].name);
        else
            TN_TRY(verify_test(v, &tests->tests.at[i], &all));
    for (uint32_t i = 0; i < all.count && status == TN_OK; i++)
        status = all.at[i].status;
    if (tn_tool_json(v->tool))
        json(&out, &all, status == TN_OK);
    else
        people(&out, &all);
    TN_TRY(tn_tool_print(v->tool, &out));
    if (tn_flag(v->tool->options, TN_OPT_shadow))
        tn_tool_note(v->tool, "%u fused rows held against their decompositions", v->shadowed);
    if (!tests->tests.count)
        tn_tool_note(v->tool, "%s has no tests", v->path);
    if (status == TN_OK)
        return TN_OK;
    tn_diag_clear(v->tool->diag);
    return tn_fail(v->tool->diag, status, "%s: %s", v->path, tn_status_sentence(status));
}

/* Of an artifact: every hash, weights included. */
static tn_status
verify_artifact(tn_tool *tool, const char *path)
{
    tn_artifact *a;

    TN_TRY(tn_artifact_open_file(&tool->env, path, true, &a));
    tn_tool_note(tool, "%s: written by %s, %u targets, every checksum matches", path, a->writer,
        a->targets.count);
    tn_artifact_close(a);
    return TN_OK;
}

tn_status
tn_cmd_verify(tn_tool *tool)
{
    tn_verify v = {.tool = tool};
    tn_model_options options;
    tn_load_how how = {.model = &options};
    tn_arena *arena;
    bool is_artifact;
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &v.path));
    TN_TRY(tn_load_is_artifact(tool, v.path, &is_artifact));
    if (is_artifact)
        return verify_artifact(tool, v.path);
    TN_TRY(tn_load_options(tool, &options));
    TN_TRY(tn_load_module(tool, v.path, &how, false, &arena, &v.module));
    status = verify_module(&v);
    tn_arena_destroy(arena);
    return status;
}
