/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/verify.h"

/* How a test wants the model read. */
static void
test_how(tn_verify *v, const tn_test *t, tn_model_options *options, tn_weights_options *weights,
    tn_load_how *how)
{
    *options = (tn_model_options){
        .sets = t->sets.at,
        .set_count = (int)t->sets.count,
        .preset = t->preset,
        .dims = t->dims.at,
        .dim_count = (int)t->dims.count,
        .seed = t->seed,
        .seed_weights = !t->needs_files,
        .limits = tn_module_document(v->module)->json->limits,
    };
    *weights = (tn_weights_options){t->weights.at, (int)t->weights.count};
    how->model = options;
    how->weights = weights;
}

static tn_status
given_npy(tn_verify *v, tn_given *given, const tn_test_value *value)
{
    const char *path;

    TN_TRY(tn_path_beneath(&v->tool->env, v->tool->arena, v->module->folder, value->path, &path));
    return tn_given_npy(v->tool, given, value->name, path);
}

static tn_status
give(tn_verify *v, const tn_loaded *l, const tn_verify_result *so_far, tn_given *given,
    const tn_test_value *value)
{
    const tn_json_doc *doc = tn_module_document(v->module)->json;
    const tn_iface_entry *from;

    switch (value->kind) {
    case TN_TEST_DATA: return tn_given_json(v->tool, given, value->name, doc, value->data);
    case TN_TEST_FILE: return given_npy(v, given, value);
    case TN_TEST_SEED:
        return tn_given_seeded(v->tool, given, value->name, value->seed, value->rank, value->dim);
    case TN_TEST_SHAPED:
        return tn_given_empty(v->tool, given, value->name, value->rank, value->dim);
    case TN_TEST_SAME: break;
    }
    from = &l->iface->entries.at[so_far->entries[value->run]];
    for (uint32_t o = 0; o < from->outputs.count; o++)
        if (!strcmp(from->outputs.at[o].name, value->output))
            return tn_given_copy(v->tool, given, value->name, &so_far->outputs[value->run][o]);
    return tn_fail(v->tool->diag, TN_MALFORMED, "%s: no output %s", value->name, value->output);
}

static tn_status
run_one(tn_verify *v, tn_loaded *l, const tn_test *t, uint32_t r, bool wide, tn_verify_result *out)
{
    const tn_test_step *run = &t->runs.at[r];
    tn_given given;
    tn_run job = {0};
    tn_status status = TN_OK;

    TN_TRY(tn_loaded_entry(v->tool, l, run->entry, &out->entries[r]));
    tn_given_init(v->tool, l->iface, out->entries[r], &given);
    out->outputs[r] = tn_new_array(v->tool->arena, tn_tensor, given.entry->outputs.count + 1);
    for (uint32_t i = 0; i < t->dims.count && status == TN_OK; i++)
        if (t->dims.at[i].low == t->dims.at[i].high)
            status = tn_given_dim(v->tool, &given, t->dims.at[i].name, t->dims.at[i].low);
    for (uint32_t i = 0; i < run->inputs.count && status == TN_OK; i++)
        status = give(v, l, out, &given, &run->inputs.at[i]);
    if (status == TN_OK)
        status = tn_given_rest(v->tool, &given, true, t->seed);
    if (status == TN_OK && wide) {
        tn_decisions_find(v->tool->arena, l->module->entries.at[out->entries[r]],
            &out->decisions[r]);
        l->watch = &out->decisions[r].watch;
    }
    if (status == TN_OK)
        status = tn_loaded_run(v->tool, l, out->entries[r], &given, wide, out->outputs[r], &job);
    if (status == TN_OK && wide)
        tn_decisions_inputs(&out->decisions[r], given.inputs);
    tn_given_free(v->tool, &given);
    return status;
}

tn_status
tn_verify_run(tn_verify *v, const tn_test *t, const tn_verify_how *wish, tn_verify_result *out)
{
    tn_model_options options;
    tn_weights_options weights;
    tn_load_how how = {.skip = wish->skip,
        .expose = wish->expose,
        .regions = wish->regions,
        .expect = TN_LOAD_EXPECT_QUIET};
    tn_loaded l;

    *out = (tn_verify_result){
        .outputs = tn_new_array(v->tool->arena, tn_tensor *, t->runs.count + 1),
        .entries = tn_new_array(v->tool->arena, int, t->runs.count + 1),
        .decisions = tn_new_array(v->tool->arena, tn_decisions, t->runs.count + 1),
    };
    if (wish->skip || wish->expose || !strcmp(wish->device, "ref"))
        how.expect = TN_LOAD_EXPECT_NOT;
    test_how(v, t, &options, &weights, &how);
    out->status = tn_load(v->tool, v->path, wish->device, &how, &l);
    for (uint32_t r = 0; r < t->runs.count && out->status == TN_OK; r++)
        out->status = run_one(v, &l, t, r, wish->wide, out);
    tn_loaded_close(v->tool, &l);
    return TN_OK;
}

void
tn_verify_release(tn_verify *v, const tn_test *t, tn_verify_result *result)
{
    for (uint32_t r = 0; r < t->runs.count; r++)
        for (uint32_t o = 0; result->outputs[r] && result->outputs[r][o].data; o++)
            tn_tensor_free(v->tool->env.alloc, &result->outputs[r][o]);
}

/* ---- what the test wants ---- */

static int64_t
label_number(const tn_module *m, const char *labels, const char *name)
{
    for (uint32_t i = 0; i < m->labels.count; i++)
        for (uint32_t j = 0;
            !strcmp(m->labels.at[i]->name, labels) && j < m->labels.at[i]->names.count; j++)
            if (!strcmp(m->labels.at[i]->names.at[j], name))
                return j;
    return -1;
}

/* Wanted labels against the front of each row: rows may be shorter than the
 * padded axis. */
static tn_status
same_labels(tn_verify *v, const tn_output *o, const tn_json *want, const tn_tensor *got, int axis,
    int64_t at, bool *same)
{
    int64_t i = 0;

    if (want->kind == TN_JSON_STRING) {
        *same &= label_number(v->module, o->labels, want->text) ==
            tn_load_int(got->dtype, (const char *)got->data + at * tn_dtype_bytes(got->dtype));
        return TN_OK;
    }
    if (want->kind != TN_JSON_LIST || axis >= got->rank || want->count > got->dim[axis]) {
        *same = false;
        return TN_OK;
    }
    for (const tn_json *w = want->first; w; w = w->next, i++)
        TN_TRY(same_labels(v, o, w, got, axis + 1, at * got->dim[axis] + i, same));
    return TN_OK;
}

static bool
has_text(const tn_json *value)
{
    while (value && value->kind == TN_JSON_LIST)
        value = value->first;
    return value && value->kind == TN_JSON_STRING && value->text[0] != '=';
}

static tn_status
wanted_one(tn_verify *v, const tn_test *t, const tn_verify_result *result, uint32_t r,
    const tn_test_value *value, const char **failure)
{
    const tn_graph *g = tn_module_entry(v->module, t->runs.at[r].entry);
    const tn_json_doc *doc = tn_module_document(v->module)->json;
    tn_tolerance tolerance = {.given = t->has_tol, .rel = t->tol_rel, .abs = t->tol_abs};
    tn_tensor want = {0}, *got = NULL;
    const tn_output *out = NULL;
    tn_difference d = {0};
    bool same = true, owned = false;

    for (uint32_t o = 0; o < g->outputs.count; o++)
        if (!strcmp(g->outputs.at[o].name, value->name)) {
            got = &result->outputs[r][o];
            out = &g->outputs.at[o];
        }
    if (!got)
        return tn_fail(v->tool->diag, TN_MALFORMED, "no output %s", value->name);
    if (result->excused && result->excused[r][got - result->outputs[r]])
        return TN_OK;
    if (value->kind == TN_TEST_SAME) {
        const tn_graph *from = tn_module_entry(v->module, t->runs.at[value->run].entry);

        for (uint32_t o = 0; o < from->outputs.count; o++)
            if (!strcmp(from->outputs.at[o].name, value->output))
                want = result->outputs[value->run][o];
    } else if (out->labels && has_text(value->data)) {
        TN_TRY(same_labels(v, out, value->data, got, 0, 0, &same));
    } else {
        TN_TRY(tn_tensor_of_json(v->tool, doc, value->data, got->dtype, got->rank, &want));
        owned = true;
    }
    if (want.data)
        same = tn_compare(got, &want, got->dtype, &tolerance, &d);
    if (owned)
        tn_tensor_free(v->tool->env.alloc, &want);
    if (!same && !*failure)
        *failure =
            tn_arena_printf(v->tool->arena, "%s: output %s: element %lld is %.9g, wanted %.9g",
                t->name, value->name, (long long)d.at, d.got, d.wanted);
    return TN_OK;
}

tn_status
tn_verify_wanted(tn_verify *v, const tn_test *t, const tn_verify_result *result,
    const char **failure)
{
    *failure = NULL;
    if ((int)result->status != t->fails) {
        *failure = tn_arena_printf(v->tool->arena, "%s: ended with code %d, wanted %d%s%s", t->name,
            (int)result->status, t->fails, tn_diag_count(v->tool->diag) ? ": " : "",
            tn_diag_count(v->tool->diag) ? tn_diag_text(v->tool->diag, 0) : "");
        tn_diag_clear(v->tool->diag);
        return TN_OK;
    }
    for (uint32_t r = 0; r < t->runs.count && result->status == TN_OK; r++)
        for (uint32_t i = 0; i < t->runs.at[r].outputs.count; i++)
            TN_TRY(wanted_one(v, t, result, r, &t->runs.at[r].outputs.at[i], failure));
    return TN_OK;
}
