/* SPDX-License-Identifier: Apache-2.0
 * Params, presets, --set; numbers over params; dims, ranges, --dim. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "frontend/read.h"
#include "frontend/tests.h"

const tn_read_param *
tn_find_param(const tn_read *r, const char *name)
{
    for (uint32_t i = 0; i < r->params.count; i++)
        if (strcmp(r->params.at[i].name, name) == 0)
            return &r->params.at[i];
    return NULL;
}

static bool
find_param_value(void *self, const char *name, tn_known *out)
{
    const tn_read_param *param = tn_find_param(self, name);
    if (!param || !param->ready)
        return false;
    *out = param->known;
    return true;
}

static const char *
meant_param(void *self, const char *name)
{
    tn_read *r = self;
    const tn_read_param *later = tn_find_param(r, name);
    if (later && !later->ready)
        return "; a param uses those above it only";
    return tn_read_meant(r, NULL, name);
}

static tn_scope_ops
param_ops(tn_read *r)
{
    return (tn_scope_ops){r, r->arena, NULL, find_param_value, meant_param, NULL};
}

static tn_status
eval_text(tn_read *r, const tn_place *place, const char *text, size_t length, tn_known *out)
{
    tn_expr *e;
    tn_scope_ops ops = param_ops(r);
    TN_TRY(tn_expr_parse(place, text, length, &e));
    return tn_expr_eval(e, place, &ops, out);
}

/* The shortest decimal that reads back to the double is what counts. */
static tn_known
known_of_json(tn_arena *arena, const tn_json *number)
{
    tn_text text = {.arena = arena};
    tn_text_double(&text, number->number);
    tn_known known = tn_known_int(0);
    known.number = tn_number_read(text.at);
    if (number->number == 0 && signbit(number->number))
        known.number = tn_number_real(-0.0);
    return known;
}

tn_status
tn_eval_params(tn_read *r, const tn_json *at, tn_known *out)
{
    if (at->kind == TN_JSON_NUMBER) {
        *out = known_of_json(r->arena, at);
        return TN_OK;
    }
    if (at->kind == TN_JSON_BOOL) {
        *out = tn_known_truth(at->truth);
        return TN_OK;
    }
    if (at->kind != TN_JSON_STRING)
        return tn_json_fail(r->doc, at, "expected a number or an expression, found %s",
            tn_json_found(r->doc, at));
    int shift = at->text[0] == '=';
    tn_place place = {r->doc, at, shift, NULL};
    return eval_text(r, &place, at->text + shift, strlen(at->text) - (size_t)shift, out);
}

tn_status
tn_eval_params_int(tn_read *r, const tn_json *at, int64_t *out)
{
    tn_known known;
    TN_TRY(tn_eval_params(r, at, &known));
    if (known.kind != TN_KNOWN_NUMBER || known.number.kind == TN_NUMBER_BOOL ||
        !tn_number_is_int(&known.number, out))
        return tn_json_fail(r->doc, at, "expected a whole number, found %s",
            tn_known_text(r->arena, NULL, &known));
    return TN_OK;
}

tn_status
tn_eval_params_real(tn_read *r, const tn_json *at, double *out)
{
    tn_known known;
    TN_TRY(tn_eval_params(r, at, &known));
    if (known.kind != TN_KNOWN_NUMBER || known.number.kind == TN_NUMBER_BOOL)
        return tn_json_fail(r->doc, at, "expected a number, found %s",
            tn_known_text(r->arena, NULL, &known));
    *out = known.number.real;
    return TN_OK;
}

/* ---- params ---- */

static const char *
kind_text(const tn_known *known)
{
    return known->kind == TN_KNOWN_DTYPE       ? "an element type"
        : known->number.kind == TN_NUMBER_BOOL ? "true or false"
                                               : "a number";
}

/* The last --set of the name. */
static const char *
set_value(const tn_read *r, const char *name)
{
    for (int i = r->options->set_count; i-- > 0;)
        if (strcmp(r->options->sets[i].name, name) == 0)
            return r->options->sets[i].value;
    return NULL;
}

/* A text from the command line, which stands in no file. */
static tn_status
eval_set(tn_read *r, const char *name, const char *value, const tn_known *fallback, tn_known *out)
{
    tn_json_doc nowhere = {.name = "--set", .arena = r->arena, .limits = r->doc->limits};
    tn_json at = {.kind = TN_JSON_STRING, .text = value};
    tn_place place = {&nowhere, &at, 0, NULL};
    if (eval_text(r, &place, value, strlen(value), out) != TN_OK)
        return tn_fail(r->env->diag, TN_USAGE,
            "--set %s=%s: expected a number, true, false, an element type, or an expression over "
            "params above it",
            name, value);
    if (strcmp(kind_text(out), kind_text(fallback)) != 0)
        return tn_fail(r->env->diag, TN_USAGE, "--set %s=%s: %s is %s", name, value, name,
            kind_text(fallback));
    return TN_OK;
}

static const tn_json *
find_preset(const tn_read *r, const tn_json *presets)
{
    const char *name = r->document->preset;
    return name ? tn_json_get(presets, name) : NULL;
}

static const tn_json *
default_of(const tn_json *declared)
{
    return declared->kind == TN_JSON_OBJECT ? tn_json_get(declared, "default") : declared;
}

/* The kind of a param is that of its default, even if a setting replaces it
 * before it could be evaluated. */
static tn_status
read_param(tn_read *r, tn_read_param *param, const tn_json *preset)
{
    const tn_json *fallback = default_of(param->at);
    const tn_json *grouped = preset ? tn_json_get(preset, param->name) : NULL;
    const char *set = set_value(r, param->name);
    TN_TRY(tn_eval_params(r, fallback, &param->known));
    if (grouped) {
        tn_known known;
        TN_TRY(tn_eval_params(r, grouped, &known));
        if (strcmp(kind_text(&known), kind_text(&param->known)) != 0)
            return tn_json_fail(r->doc, grouped, "%s is %s", param->name, kind_text(&param->known));
        param->known = known;
    }
    if (set) {
        tn_known known;
        TN_TRY(eval_set(r, param->name, set, &param->known, &known));
        param->known = known;
    }
    param->set = grouped || set;
    param->ready = true;
    return TN_OK;
}

static tn_status
check_param(tn_read *r, const tn_json *at)
{
    static const char *const reserved[] = {"doc", "preset", "pi", "inf", "nan", "true", "false"};
    tn_dtype dtype = tn_dtype_find(at->key, strlen(at->key));
    bool taken = dtype != TN_DTYPE_COUNT && tn_dtype_in_graph(dtype);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        taken |= strcmp(reserved[i], at->key) == 0;
    if (taken)
        return tn_json_fail_key(r->doc, at, "no param may be called \"%s\"", at->key);
    if (at->kind != TN_JSON_OBJECT)
        return TN_OK;
    if (!tn_json_get(at, "default"))
        return tn_json_fail(r->doc, at, "a param that is an object needs \"default\"");
    for (const tn_json *key = at->first; key; key = key->next)
        if (strcmp(key->key, "default") != 0 && strcmp(key->key, "doc") != 0)
            return tn_json_fail_key(r->doc, key, "a param has no key \"%s\"; it has: default, doc",
                key->key);
    return TN_OK;
}

static tn_status
check_presets(tn_read *r, const tn_json *presets)
{
    if (!presets)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, presets, TN_JSON_OBJECT));
    for (const tn_json *preset = presets->first; preset; preset = preset->next) {
        TN_TRY(tn_shape_name(r, preset, true, preset->key));
        TN_TRY(tn_json_want(r->doc, preset, TN_JSON_OBJECT));
        tn_push(r->arena, &r->document->presets, preset->key);
        for (const tn_json *at = preset->first; at; at = at->next)
            if (strcmp(at->key, "doc") != 0 && !tn_find_param(r, at->key))
                return tn_json_fail_key(r->doc, at, "there is no param \"%s\"%s", at->key,
                    tn_read_meant(r, NULL, at->key));
    }
    return TN_OK;
}

static tn_status
check_settings(tn_read *r, const tn_json *presets)
{
    const tn_json *printed = tn_json_get(r->doc->root, "preset");
    const char *preset = r->options->preset;
    for (int i = 0; i < r->options->set_count; i++) {
        const tn_model_set *set = &r->options->sets[i];
        if (strcmp(set->name, "preset") == 0)
            preset = set->value;
        else if (!tn_find_param(r, set->name))
            return tn_fail(r->env->diag, TN_USAGE, "--set %s=%s: there is no param \"%s\"%s",
                set->name, set->value, set->name, tn_read_meant(r, NULL, set->name));
    }
    if (preset && !tn_json_get(presets, preset))
        return tn_fail(r->env->diag, TN_USAGE,
            "--preset %s: there is no such preset; the model has: %s%s", preset,
            tn_shape_list(r, presets),
            tn_json_meant(r->arena, preset, r->document->presets.at, r->document->presets.count));
    r->document->preset = preset;
    if (!preset && r->document->stage && printed)
        r->document->preset = printed->text;
    return TN_OK;
}

static bool
same_double(double a, double b)
{
    return a == b ? signbit(a) == signbit(b) : isnan(a) && isnan(b);
}

bool
tn_known_same(const tn_known *a, const tn_known *b)
{
    if (a->kind == TN_KNOWN_DTYPE || b->kind == TN_KNOWN_DTYPE)
        return a->kind == b->kind && a->dtype == b->dtype;
    return a->number.kind == b->number.kind && same_double(a->number.real, b->number.real) &&
        a->number.num == b->number.num && a->number.den == b->number.den;
}

/* The graph of a printed file was made for its params. */
static tn_status
check_stage(tn_read *r)
{
    for (uint32_t i = 0; r->document->stage && i < r->params.count; i++) {
        const tn_read_param *param = &r->params.at[i];
        tn_known printed;
        TN_TRY(tn_eval_params(r, default_of(param->at), &printed));
        if (!tn_known_same(&printed, &param->known))
            return tn_fail(r->env->diag, TN_USAGE,
                "%s: the graph was printed with %s = %s, so it cannot be read with %s = %s",
                r->doc->name, param->name, tn_known_text(r->arena, NULL, &printed), param->name,
                tn_known_text(r->arena, NULL, &param->known));
    }
    return TN_OK;
}

tn_status
tn_read_params(tn_read *r)
{
    const tn_json *params = tn_json_get(r->doc->root, "params");
    const tn_json *presets = tn_json_get(r->doc->root, "presets");
    for (tn_json *at = params ? params->first : NULL; at; at = at->next) {
        TN_TRY(check_param(r, at));
        tn_read_param param = {.name = at->key, .at = at};
        tn_push(r->arena, &r->params, param);
    }
    TN_TRY(check_presets(r, presets));
    TN_TRY(check_settings(r, presets));
    const tn_json *preset = find_preset(r, presets);
    for (uint32_t i = 0; i < r->params.count; i++) {
        tn_read_param *param = &r->params.at[i];
        TN_TRY(read_param(r, param, preset));
        tn_param shown = {param->name, tn_known_text(r->arena, NULL, &param->known), param->set};
        tn_push(r->arena, &r->document->params, shown);
    }
    return check_stage(r);
}

/* What goes wrong here is said when the test is run. */
const tn_read_param *
tn_params_under(const tn_read *r, const tn_test *test)
{
    tn_model_options options = {
        .sets = test->sets.at, .set_count = (int)test->sets.count, .preset = test->preset};
    tn_document document = {.stage = r->document->stage};
    tn_diag silent;
    tn_env env = *r->env;
    tn_json_doc doc = *r->doc;
    tn_read other = *r;
    tn_diag_init(&silent, r->env->alloc);
    env.diag = doc.diag = &silent;
    other.env = &env;
    other.doc = &doc;
    other.options = &options;
    other.document = &document;
    memset(&other.params, 0, sizeof other.params);
    tn_status status = tn_read_params(&other);
    tn_diag_clear(&silent);
    return status == TN_OK ? other.params.at : NULL;
}

/* ---- ranges, symbols, dims ---- */

tn_status
tn_read_range(tn_read *r, const tn_json *at, int64_t *low, int64_t *high)
{
    tn_known known;
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    const char *dots = strstr(at->text, "..");
    if (!dots)
        return tn_json_fail(r->doc, at, "expected a range like \"1..4096\" or \"0..\", found %s",
            tn_json_found(r->doc, at));
    const char *text[2] = {at->text, dots + 2};
    size_t length[2] = {(size_t)(dots - at->text), strlen(dots + 2)};
    int64_t *ends[2] = {low, high};
    *high = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        if (i == 1 && strspn(text[1], " ") == length[1])
            break;
        tn_place place = {r->doc, at, (int)(text[i] - at->text), NULL};
        TN_TRY(eval_text(r, &place, text[i], length[i], &known));
        if (known.kind != TN_KNOWN_NUMBER || !tn_number_is_int(&known.number, ends[i]))
            return tn_place_fail(&place, TN_MALFORMED, 0,
                "a bound of a range is a whole number, found %s",
                tn_known_text(r->arena, NULL, &known));
    }
    if (*low > *high)
        return tn_json_fail(r->doc, at, "the range %s is empty", tn_json_found(r->doc, at));
    return TN_OK;
}

static const tn_model_dim *
find_setting(const tn_read *r, const char *name)
{
    for (int i = r->options->dim_count; i-- > 0;)
        if (strcmp(r->options->dims[i].name, name) == 0)
            return &r->options->dims[i];
    return NULL;
}

static tn_status
set_symbol(tn_read *r, const tn_model_dim *set, tn_symbol *symbol)
{
    int64_t high = symbol->high;
    bool one = set->low == set->high;
    if (set->low < symbol->low || set->high > high || set->low > set->high ||
        (one && set->low % symbol->multiple != 0)) {
        const char *range = high == INT64_MAX
            ? tn_arena_printf(r->arena, "%" PRId64 "..", symbol->low)
            : tn_arena_printf(r->arena, "%" PRId64 "..%" PRId64, symbol->low, high);
        return tn_fail(r->env->diag, TN_MALFORMED,
            "--dim %s=%" PRId64 "..%" PRId64 ": %s is in %s, a multiple of %" PRId64, symbol->name,
            set->low, set->high, symbol->name, range, symbol->multiple);
    }
    symbol->low = set->low;
    symbol->high = set->high;
    symbol->pinned = one;
    symbol->pinned_value = set->low;
    return TN_OK;
}

tn_status
tn_read_symbol(tn_read *r, const char *name, const tn_json *declared, tn_symbol *out)
{
    const tn_json *range = declared, *multiple = NULL, *sample = NULL;
    *out = (tn_symbol){.name = name, .multiple = 1};
    if (declared->kind == TN_JSON_OBJECT) {
        range = tn_json_get(declared, "range");
        multiple = tn_json_get(declared, "multiple");
        sample = tn_json_get(declared, "sample");
    }
    TN_TRY(tn_read_range(r, range, &out->low, &out->high));
    if (multiple)
        TN_TRY(tn_eval_params_int(r, multiple, &out->multiple));
    if (out->multiple < 1)
        return tn_json_fail(r->doc, multiple, "a multiple is 1 or more, found %s",
            tn_json_found(r->doc, multiple));
    if (sample) {
        TN_TRY(tn_eval_params_int(r, sample, &out->sample));
        out->sample = out->sample < out->low ? out->low
            : out->sample > out->high        ? out->high
                                             : out->sample;
    }
    const tn_model_dim *set = find_setting(r, name);
    return set ? set_symbol(r, set, out) : TN_OK;
}

static tn_status
read_dim(tn_read *r, tn_json *at)
{
    tn_dim dim = {.name = at->key, .at = at};
    if (at->kind == TN_JSON_OBJECT) {
        TN_TRY(tn_shape_keys(r, at, "range multiple sample"));
        if (r->unknown.count)
            return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
        if (!tn_json_get(at, "range"))
            return tn_json_fail(r->doc, at, "a dim that is an object needs \"range\"");
    }
    if (tn_find_param(r, at->key))
        return tn_json_fail_key(r->doc, at, "\"%s\" is a param already", at->key);
    if (strchr(at->key, '`'))
        return tn_json_fail_key(r->doc, at, "no expression can name \"%s\"", at->key);
    TN_TRY(tn_read_symbol(r, at->key, at, &dim.symbol));
    if (dim.symbol.low < 0)
        return tn_json_fail(r->doc, at, "a dimension is not below 0");
    if (r->dims.count >= TN_READ_MAX_SYMBOLS)
        return tn_json_fail_at(r->doc, TN_LIMIT, at, true, -1, NULL, "more than %d dims",
            TN_READ_MAX_SYMBOLS);
    tn_push(r->arena, &r->dims, dim);
    return TN_OK;
}

/* --dim also names ranged scalars of entries. */
static bool
is_ranged_input(const tn_json *graph, const char *name)
{
    const tn_json *input = tn_json_get(tn_json_get(graph, "inputs"), name);
    return input && tn_json_get(input, "range");
}

static tn_status
check_dim_settings(tn_read *r)
{
    const tn_json *root = r->doc->root, *entries = tn_json_get(root, "entries");
    for (int i = 0; i < r->options->dim_count; i++) {
        const char *name = r->options->dims[i].name;
        bool known = tn_json_get(tn_json_get(root, "dims"), name) || is_ranged_input(root, name);
        for (const tn_json *e = entries ? entries->first : NULL; e && !known; e = e->next)
            known = is_ranged_input(e, name);
        if (!known) {
            const char **names = tn_new_array(r->arena, const char *, r->dims.count + 1);
            for (uint32_t k = 0; k < r->dims.count; k++)
                names[k] = r->dims.at[k].name;
            return tn_fail(r->env->diag, TN_USAGE,
                "--dim %s: the model has no such dimension; it has: %s%s", name,
                tn_shape_list(r, tn_json_get(root, "dims")),
                tn_json_meant(r->arena, name, names, r->dims.count));
        }
    }
    return TN_OK;
}

tn_status
tn_read_dims(tn_read *r)
{
    const tn_json *dims = tn_json_get(r->doc->root, "dims");
    for (tn_json *at = dims ? dims->first : NULL; at; at = at->next)
        TN_TRY(read_dim(r, at));
    return check_dim_settings(r);
}
