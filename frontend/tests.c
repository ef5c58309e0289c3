/* SPDX-License-Identifier: Apache-2.0
 * `tests` of a model. */
#include "frontend/tests.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "frontend/read.h"

static const char *
scalar_text(tn_read *r, const tn_json *at)
{
    return at->kind == TN_JSON_STRING ? at->text : tn_json_found(r->doc, at);
}

static tn_status
read_shape(tn_read *r, const tn_json *shape, tn_test_value *out)
{
    TN_TRY(tn_json_want(r->doc, shape, TN_JSON_LIST));
    if (shape->count > TN_MAX_RANK)
        return tn_json_fail_at(r->doc, TN_LIMIT, shape, false, -1, NULL, "more than %d axes",
            TN_MAX_RANK);
    for (const tn_json *at = shape->first; at; at = at->next)
        TN_TRY(tn_json_int(r->doc, at, 0, INT64_C(1) << 53, &out->dim[out->rank++]));
    return TN_OK;
}

static const tn_json *
graph_of_entry(const tn_read *r, const char *entry)
{
    const tn_json *entries = tn_json_get(r->doc->root, "entries");
    return entries ? tn_json_get(entries, entry) : r->doc->root;
}

/* `same_as` splits at the last dot that leaves the name of a run before it. */
static tn_status
read_same(tn_read *r, const tn_test *test, const tn_json *at, tn_test_value *out)
{
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    out->run = -1;
    for (const char *dot = at->text + strlen(at->text); dot-- > at->text && out->run < 0;) {
        if (*dot != '.')
            continue;
        for (uint32_t i = 0; i < test->runs.count; i++) {
            const char *name = test->runs.at[i].name;
            if (strlen(name) == (size_t)(dot - at->text) &&
                memcmp(name, at->text, strlen(name)) == 0 && *name) {
                out->run = (int)i;
                out->output = dot + 1;
            }
        }
    }
    if (out->run < 0)
        return tn_json_fail(r->doc, at, "no run before this one has the name in \"%s\"", at->text);
    const tn_json *graph = graph_of_entry(r, test->runs.at[out->run].entry);
    const tn_json *outputs = tn_json_get(graph, "outputs");
    if (!tn_json_get(outputs, out->output))
        return tn_json_fail(r->doc, at, "\"%s\" has no output \"%s\"; it has: %s",
            test->runs.at[out->run].entry, out->output, tn_shape_list(r, outputs));
    return TN_OK;
}

static tn_status
check_keys(tn_read *r, const tn_json *at, const char *keys)
{
    TN_TRY(tn_shape_keys(r, at, keys));
    if (r->unknown.count)
        return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
    return TN_OK;
}

static tn_status
read_value(tn_read *r, const tn_test *test, const tn_json *at, bool wanted, tn_test_value *out)
{
    *out = (tn_test_value){.name = at->key, .at = at, .data = at};
    if (at->kind != TN_JSON_OBJECT)
        return TN_OK;
    const tn_json *npy = tn_json_get(at, "npy"), *seed = tn_json_get(at, "seed");
    const tn_json *shape = tn_json_get(at, "shape"), *same = tn_json_get(at, "same_as");
    TN_TRY(check_keys(r, at, "npy seed shape data same_as"));
    out->data = tn_json_get(at, "data");
    if (shape)
        TN_TRY(read_shape(r, shape, out));
    if (same && at->count == 1) {
        out->kind = TN_TEST_SAME;
        return read_same(r, test, same, out);
    }
    if (npy && at->count == 1) {
        out->kind = TN_TEST_FILE;
        TN_TRY(tn_json_want(r->doc, npy, TN_JSON_STRING));
        out->path = npy->text;
        return TN_OK;
    }
    if (seed && shape && at->count == 2 && !wanted) {
        int64_t number;
        out->kind = TN_TEST_SEED;
        TN_TRY(tn_json_int(r->doc, seed, 0, INT64_C(1) << 53, &number));
        out->seed = (uint64_t)number;
        return TN_OK;
    }
    if (shape && out->data && at->count == 2) {
        out->kind = TN_TEST_SHAPED;
        return TN_OK;
    }
    return tn_json_fail(r->doc, at,
        "expected data, {\"npy\": \"x.npy\"}, {\"seed\": 3, \"shape\": [..]}, {\"shape\": [..], "
        "\"data\": [..]} or {\"same_as\": \"run.output\"}");
}

/* An input is one of the entry, a text input, or a part of it: "text.ids". */
static bool
has_input(const tn_json *inputs, const char *name)
{
    if (tn_json_get(inputs, name))
        return true;
    for (const tn_json *at = inputs ? inputs->first : NULL; at; at = at->next) {
        size_t length = strlen(at->key);
        if (strncmp(name, at->key, length) == 0 && name[length] == '.' &&
            tn_json_get(tn_json_get(at, "gives"), name + length + 1))
            return true;
    }
    return false;
}

static tn_status
read_inputs(tn_read *r, const tn_test *test, const tn_json *from, tn_test_step *run)
{
    const tn_json *all = tn_json_get(from, "inputs");
    const tn_json *known = tn_json_get(graph_of_entry(r, run->entry), "inputs");
    if (all)
        TN_TRY(tn_json_want(r->doc, all, TN_JSON_OBJECT));
    for (const tn_json *at = all ? all->first : NULL; at; at = at->next) {
        tn_test_value value;
        if (!has_input(known, at->key))
            return tn_json_fail_key(r->doc, at, "\"%s\" has no input \"%s\"; it has: %s",
                run->entry, at->key, tn_shape_list(r, known));
        TN_TRY(read_value(r, test, at, false, &value));
        tn_push(r->arena, &run->inputs, value);
    }
    return TN_OK;
}

static tn_status
read_outputs(tn_read *r, const tn_test *test, const tn_json *from, tn_test_step *run)
{
    const tn_json *all = tn_json_get(from, "outputs");
    const tn_json *known = tn_json_get(graph_of_entry(r, run->entry), "outputs");
    if (all)
        TN_TRY(tn_json_want(r->doc, all, TN_JSON_OBJECT));
    for (const tn_json *at = all ? all->first : NULL; at; at = at->next) {
        tn_test_value value;
        if (!tn_json_get(known, at->key))
            return tn_json_fail_key(r->doc, at, "\"%s\" has no output \"%s\"; it has: %s",
                run->entry, at->key, tn_shape_list(r, known));
        TN_TRY(read_value(r, test, at, true, &value));
        tn_push(r->arena, &run->outputs, value);
    }
    return TN_OK;
}

/* `main`, else the first. */
static const char *
fallback_entry(const tn_read *r)
{
    const tn_json *entries = tn_json_get(r->doc->root, "entries");
    return !entries || tn_json_get(entries, "main") ? "main" : entries->first->key;
}

static tn_status
read_run(tn_read *r, tn_test *test, const tn_json *from)
{
    const tn_json *name = tn_json_get(from, "name"), *entry = tn_json_get(from, "entry");
    tn_test_step run = {.name = "", .entry = fallback_entry(r)};
    if (name && from != test->at) {
        TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
        run.name = name->text;
        for (uint32_t i = 0; i < test->runs.count; i++)
            if (strcmp(test->runs.at[i].name, run.name) == 0)
                return tn_json_fail(r->doc, name, "a run before has the name \"%s\"", run.name);
    }
    if (entry) {
        const tn_json *entries = tn_json_get(r->doc->root, "entries");
        TN_TRY(tn_json_want(r->doc, entry, TN_JSON_STRING));
        run.entry = entry->text;
        if (entries ? !tn_json_get(entries, run.entry) : strcmp(run.entry, "main") != 0)
            return tn_json_fail(r->doc, entry, "there is no entry \"%s\"; the model has: %s",
                run.entry, entries ? tn_shape_list(r, entries) : "main");
    }
    TN_TRY(read_inputs(r, test, from, &run));
    TN_TRY(read_outputs(r, test, from, &run));
    tn_push(r->arena, &test->runs, run);
    return TN_OK;
}

static tn_status
read_runs(tn_read *r, tn_test *test)
{
    const tn_json *runs = tn_json_get(test->at, "runs");
    static const char *const own[] = {"entry", "inputs", "outputs"};
    if (!runs)
        return read_run(r, test, test->at);
    TN_TRY(tn_json_want(r->doc, runs, TN_JSON_LIST));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const tn_json *stray = tn_json_get(test->at, own[i]);
        if (stray)
            return tn_json_fail_key(r->doc, stray, "with runs, %s belongs into each of them",
                own[i]);
    }
    for (const tn_json *at = runs->first; at; at = at->next) {
        TN_TRY(check_keys(r, at, "name entry inputs outputs"));
        TN_TRY(read_run(r, test, at));
    }
    return TN_OK;
}

/* ---- settings ---- */

static tn_status
read_sets(tn_read *r, tn_test *test)
{
    const tn_json *sets = tn_json_get(test->at, "set"), *preset = tn_json_get(test->at, "preset");
    const tn_json *presets = tn_json_get(r->doc->root, "presets");
    if (preset) {
        TN_TRY(tn_json_want(r->doc, preset, TN_JSON_STRING));
        test->preset = preset->text;
        if (!tn_json_get(presets, test->preset))
            return tn_json_fail(r->doc, preset, "there is no preset \"%s\"; the model has: %s",
                test->preset, tn_shape_list(r, presets));
    }
    if (sets)
        TN_TRY(tn_json_want(r->doc, sets, TN_JSON_OBJECT));
    for (const tn_json *at = sets ? sets->first : NULL; at; at = at->next) {
        tn_model_set set = {at->key, scalar_text(r, at)};
        if (!tn_find_param(r, at->key))
            return tn_json_fail_key(r->doc, at, "there is no param \"%s\"%s", at->key,
                tn_read_meant(r, NULL, at->key));
        if (at->kind == TN_JSON_LIST || at->kind == TN_JSON_OBJECT || at->kind == TN_JSON_NULL)
            return tn_json_fail(r->doc, at, "expected a value for a param, found %s",
                tn_json_found(r->doc, at));
        tn_push(r->arena, &test->sets, set);
    }
    return TN_OK;
}

static bool
is_symbol(const tn_read *r, const char *name)
{
    const tn_json *root = r->doc->root, *entries = tn_json_get(root, "entries");
    bool known = tn_json_get(tn_json_get(root, "dims"), name) ||
        tn_json_get(tn_json_get(tn_json_get(root, "inputs"), name), "range");
    for (const tn_json *e = entries ? entries->first : NULL; e && !known; e = e->next)
        known = tn_json_get(tn_json_get(tn_json_get(e, "inputs"), name), "range") != NULL;
    return known;
}

static tn_status
read_test_dims(tn_read *r, tn_test *test)
{
    const tn_json *dims = tn_json_get(test->at, "dims");
    if (dims)
        TN_TRY(tn_json_want(r->doc, dims, TN_JSON_OBJECT));
    for (const tn_json *at = dims ? dims->first : NULL; at; at = at->next) {
        tn_model_dim dim = {.name = at->key};
        if (!is_symbol(r, at->key))
            return tn_json_fail_key(r->doc, at, "the model has no dimension \"%s\"; it has: %s",
                at->key, tn_shape_list(r, tn_json_get(r->doc->root, "dims")));
        TN_TRY(tn_json_int(r->doc, at, INT32_MIN, INT64_C(1) << 53, &dim.low));
        dim.high = dim.low;
        tn_push(r->arena, &test->dims, dim);
    }
    return TN_OK;
}

static tn_status
read_tolerance(tn_read *r, const tn_json *tol, tn_test *test)
{
    double *const parts[2] = {&test->tol_abs, &test->tol_rel};
    static const char *const names[2] = {"abs", "rel"};
    if (!tol)
        return TN_OK;
    TN_TRY(check_keys(r, tol, "abs rel"));
    test->has_tol = true;
    for (int i = 0; i < 2; i++) {
        const tn_json *at = tn_json_get(tol, names[i]);
        if (!at)
            continue;
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_NUMBER));
        *parts[i] = at->number;
        if (!(at->number >= 0))
            return tn_json_fail(r->doc, at, "a tolerance is not below 0");
    }
    return TN_OK;
}

static tn_status
read_rest(tn_read *r, tn_test *test)
{
    const tn_json *name = tn_json_get(test->at, "name"), *seed = tn_json_get(test->at, "seed");
    const tn_json *needs = tn_json_get(test->at, "needs"), *fails = tn_json_get(test->at, "fails");
    const tn_json *weights = tn_json_get(test->at, "weights");
    int64_t number = 0;
    if (!name)
        return tn_json_fail(r->doc, test->at, "a test needs \"name\"");
    TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
    test->name = name->text;
    if (seed)
        TN_TRY(tn_json_int(r->doc, seed, 0, INT64_C(1) << 53, &number));
    test->seed = (uint64_t)number;
    number = 0;
    if (fails)
        TN_TRY(tn_json_int(r->doc, fails, 1, 255, &number));
    test->fails = (int)number;
    test->needs_files = needs != NULL;
    if (needs && (needs->kind != TN_JSON_STRING || strcmp(needs->text, "files") != 0))
        return tn_json_fail(r->doc, needs, "a test needs \"files\" or nothing, found %s",
            tn_json_found(r->doc, needs));
    if (weights)
        TN_TRY(tn_json_want(r->doc, weights, TN_JSON_OBJECT));
    for (const tn_json *at = weights ? weights->first : NULL; at; at = at->next) {
        tn_weight_given given = {at->key, at};
        tn_push(r->arena, &test->weights, given);
    }
    return TN_OK;
}

static bool
is_elsewhere(const tn_read *r, const tn_test *test)
{
    const tn_read_param *under = tn_params_under(r, test);
    bool same = under || r->params.count == 0;
    for (uint32_t i = 0; same && i < r->params.count; i++)
        same = tn_known_same(&r->params.at[i].known, &under[i].known);
    return !same;
}

static tn_status
read_test(tn_read *r, const tn_json *at, tn_tests *out)
{
    tn_test test = {.at = at};
    TN_TRY(check_keys(r, at,
        "name preset set dims seed weights needs tol fails entry inputs outputs runs"));
    TN_TRY(read_rest(r, &test));
    TN_TRY(read_sets(r, &test));
    TN_TRY(read_test_dims(r, &test));
    TN_TRY(read_tolerance(r, tn_json_get(at, "tol"), &test));
    TN_TRY(read_runs(r, &test));
    test.elsewhere = r->document->stage && is_elsewhere(r, &test);
    tn_push(r->arena, &out->tests, test);
    return TN_OK;
}

tn_status
tn_read_tests(tn_read *r)
{
    const tn_json *root = r->doc->root, *tests = tn_json_get(root, "tests");
    const tn_json *entries = tn_json_get(root, "entries");
    tn_tests *out = tn_new(r->arena, tn_tests);
    r->document->tests = out;
    if (tests)
        TN_TRY(tn_json_want(r->doc, tests, TN_JSON_LIST));
    for (const tn_json *at = tests ? tests->first : NULL; at; at = at->next)
        TN_TRY(read_test(r, at, out));
    TN_TRY(tn_read_expect(r, tn_json_get(root, "expect"), NULL, out));
    for (const tn_json *at = entries ? entries->first : NULL; at; at = at->next)
        TN_TRY(tn_read_expect(r, tn_json_get(at, "expect"), at->key, out));
    return TN_OK;
}
