/* SPDX-License-Identifier: Apache-2.0
 * `expect` of a model or entry. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "frontend/read.h"
#include "frontend/tests.h"
#include "ir/base/text.h"

const char *
tn_expect_limit_name(tn_expect_limit limit)
{
    static const char *const names[] = {"launches", "flops", "peak_memory", "weights_bytes"};
    return names[limit];
}

/* "attention*L": the part behind the first `*` is an expression over params. */
static tn_status
read_fused(tn_read *r, const tn_json *at, tn_expect_fused *out)
{
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    const char *star = strchr(at->text, '*');
    out->family = at->text;
    out->count = -1;
    if (!star)
        return TN_OK;
    out->family = tn_arena_copy(r->arena, at->text, (size_t)(star - at->text));
    tn_json part = *at;
    tn_known known;
    part.text = star + 1;
    part.offset += (uint32_t)(star + 1 - at->text);
    TN_TRY(tn_eval_params(r, &part, &known));
    if (known.kind != TN_KNOWN_NUMBER || tn_known_is_truth(&known) ||
        !tn_number_is_int(&known.number, &out->count) || out->count < 0)
        return tn_json_fail(r->doc, at, "\"%s\" is %s, expected how many, a whole number", star + 1,
            tn_known_text(r->arena, NULL, &known));
    return TN_OK;
}

/* A number, an expression over params, or a number and a unit: "64 MiB". */
static tn_status
read_amount(tn_read *r, const tn_json *at, int64_t *out)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776.0},
        {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}};
    if (at->kind == TN_JSON_STRING) {
        const char *end;
        double number = tn_double_read(at->text, &end);
        size_t space = strspn(end, " ");
        for (size_t i = 0; end > at->text && i < sizeof units / sizeof *units; i++)
            if (strcmp(end + space, units[i].unit) == 0 && number >= 0 &&
                number * units[i].bytes < 0x1p63) {
                *out = (int64_t)(number * units[i].bytes);
                return TN_OK;
            }
    }
    return tn_eval_params_int(r, at, out);
}

static tn_status
read_limit(tn_read *r, const tn_json *from, tn_expect_limit which, tn_expect *out)
{
    const tn_json *at = tn_json_get(from, tn_expect_limit_name(which));
    if (!at)
        return TN_OK;
    const tn_json *most = tn_json_get(at, "max");
    if (at->kind != TN_JSON_OBJECT || !most || at->count != 1)
        return tn_json_fail(r->doc, at, "expected {\"max\": ..}, found %s",
            tn_json_found(r->doc, at));
    out->has_limit[which] = true;
    return read_amount(r, most, &out->limit[which]);
}

static tn_status
optional_text(tn_read *r, const tn_json *object, const char *key, const char **out)
{
    const tn_json *at = tn_json_get(object, key);
    if (!at)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    *out = at->text;
    return TN_OK;
}

static tn_status
read_when(tn_read *r, const tn_json *when, tn_expect *out)
{
    const tn_json *root = r->doc->root;
    if (!when)
        return TN_OK;
    TN_TRY(tn_shape_keys(r, when, "preset device entry"));
    if (r->unknown.count)
        return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
    TN_TRY(optional_text(r, when, "preset", &out->when_preset));
    TN_TRY(optional_text(r, when, "device", &out->when_device));
    TN_TRY(optional_text(r, when, "entry", &out->when_entry));
    if (out->when_preset && !tn_json_get(tn_json_get(root, "presets"), out->when_preset))
        return tn_json_fail(r->doc, tn_json_get(when, "preset"),
            "there is no preset \"%s\"; the model has: %s", out->when_preset,
            tn_shape_list(r, tn_json_get(root, "presets")));
    const tn_json *entries = tn_json_get(root, "entries");
    if (out->when_entry &&
        (entries ? !tn_json_get(entries, out->when_entry) : strcmp(out->when_entry, "main") != 0))
        return tn_json_fail(r->doc, tn_json_get(when, "entry"), "there is no entry \"%s\"",
            out->when_entry);
    return TN_OK;
}

static tn_status
read_in_place(tn_read *r, const tn_json *at, tn_expect *out)
{
    if (!at)
        return TN_OK;
    if (at->kind == TN_JSON_STRING && strcmp(at->text, "all") == 0) {
        out->in_place_all = true;
        return TN_OK;
    }
    if (at->kind != TN_JSON_LIST)
        return tn_json_fail(r->doc, at, "expected \"all\" or a list of states, found %s",
            tn_json_found(r->doc, at));
    for (const tn_json *name = at->first; name; name = name->next) {
        TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
        tn_push(r->arena, &out->in_place, name->text);
    }
    return TN_OK;
}

static tn_status
read_one(tn_read *r, const tn_json *at, const char *entry, tn_tests *out)
{
    tn_expect expect = {.at = at, .entry = entry};
    const tn_json *fused = tn_json_get(at, "fused"), *params = tn_json_get(at, "params");
    TN_TRY(tn_shape_keys(r, at,
        "when fused launches flops peak_memory weights_bytes in_place params"));
    if (r->unknown.count)
        return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
    TN_TRY(read_when(r, tn_json_get(at, "when"), &expect));
    if (fused)
        TN_TRY(tn_json_want(r->doc, fused, TN_JSON_LIST));
    for (const tn_json *one = fused ? fused->first : NULL; one; one = one->next) {
        tn_expect_fused family;
        TN_TRY(read_fused(r, one, &family));
        tn_push(r->arena, &expect.fused, family);
    }
    for (int i = 0; i < TN_EXPECT_LIMITS; i++)
        TN_TRY(read_limit(r, at, (tn_expect_limit)i, &expect));
    TN_TRY(read_in_place(r, tn_json_get(at, "in_place"), &expect));
    expect.has_params = params != NULL;
    if (params)
        TN_TRY(tn_eval_params_int(r, params, &expect.params));
    tn_push(r->arena, &out->expects, expect);
    return TN_OK;
}

tn_status
tn_read_expect(tn_read *r, const tn_json *at, const char *entry, tn_tests *out)
{
    if (!at)
        return TN_OK;
    if (at->kind != TN_JSON_LIST)
        return read_one(r, at, entry, out);
    for (const tn_json *one = at->first; one; one = one->next)
        TN_TRY(read_one(r, one, entry, out));
    return TN_OK;
}

static bool
applies(const tn_module *module, const tn_expect *e, const char *device)
{
    const char *preset = tn_module_document(module)->preset;
    if (e->when_preset && (!preset || strcmp(preset, e->when_preset) != 0))
        return false;
    return !e->when_device || !device || strcmp(e->when_device, device) == 0;
}

tn_status
tn_expect_check_params(const tn_env *env, const tn_module *module, const char *device)
{
    const tn_tests *tests = tn_module_tests(module);
    tn_json_doc *doc = tn_module_document(module)->json;
    int64_t params = tn_module_params(module);
    doc->diag = env->diag;
    for (uint32_t i = 0; i < tests->expects.count; i++) {
        const tn_expect *e = &tests->expects.at[i];
        if (e->has_params && applies(module, e, device) && e->params != params)
            return tn_json_fail_at(doc, TN_EXPECTED, tn_json_get(e->at, "params"), false, -1, NULL,
                "the model has %" PRId64 " params, %" PRId64 " are expected", params, e->params);
    }
    return TN_OK;
}
