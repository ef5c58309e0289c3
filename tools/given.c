/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/given.h"

#include <stdlib.h>
#include <string.h>

#include "ir/npy.h"
#include "runtime/text/text_input.h"
#include "tools/convert.h"

enum { FILE_LIMIT = 1 << 30 };

void
tn_given_init(tn_tool *tool, const tn_iface *iface, int entry, tn_given *out)
{
    const tn_iface_entry *e = &iface->entries.at[entry];

    *out = (tn_given){.iface = iface, .entry = e};
    out->inputs = tn_new_array(tool->arena, tn_tensor, e->inputs.count + 1);
    out->has = tn_new_array(tool->arena, bool, e->inputs.count + 1);
    out->has_fixed = tn_new_array(tool->arena, bool, e->symbols.count + 1);
    out->fixed = tn_new_array(tool->arena, int64_t, e->symbols.count + 1);
}

void
tn_given_free(tn_tool *tool, tn_given *given)
{
    for (uint32_t i = 0; i < given->entry->inputs.count; i++)
        tn_tensor_free(tool->env.alloc, &given->inputs[i]);
    tn_token_batch_destroy(given->batch);
    given->batch = NULL;
    tn_file_free(&tool->env, &given->text_file);
}

static tn_status
no_input(const tn_tool *tool, const tn_given *given, const char *name)
{
    tn_text have = {.arena = tool->arena};

    for (uint32_t i = 0; i < given->entry->inputs.count; i++)
        tn_text_add(&have, "%s%s", i ? ", " : "", given->entry->inputs.at[i].name);
    return tn_fail(tool->diag, TN_USAGE, "entry %s has no input \"%s\"; it has: %s",
        given->entry->name, name, have.at ? have.at : "none");
}

tn_status
tn_given_tensor(tn_tool *tool, tn_given *given, const char *name, tn_tensor *tensor)
{
    int i = tn_iface_input_find(given->entry, name);
    const tn_iface_input *in;

    if (i < 0) {
        tn_tensor_free(tool->env.alloc, tensor);
        return no_input(tool, given, name);
    }
    in = &given->entry->inputs.at[i];
    tn_tensor_free(tool->env.alloc, &given->inputs[i]);
    TN_TRY(tn_given_convert(&tool->env, tensor, in->dtype, name, &given->inputs[i]));
    given->has[i] = true;
    if (given->inputs[i].rank != in->rank)
        return tn_fail(tool->diag, TN_MALFORMED, "input %s: expected %d axes, found %d", name,
            in->rank, given->inputs[i].rank);
    return TN_OK;
}

tn_status
tn_given_dim(tn_tool *tool, tn_given *given, const char *symbol, int64_t value)
{
    for (uint32_t s = 0; s < given->entry->symbols.count; s++)
        if (!strcmp(given->entry->symbols.at[s].name, symbol)) {
            given->has_fixed[s] = true;
            given->fixed[s] = value;
            return TN_OK;
        }
    return tn_fail(tool->diag, TN_USAGE, "--dim %s: entry %s has no such dimension", symbol,
        given->entry->name);
}

tn_status
tn_given_npy(tn_tool *tool, tn_given *given, const char *name, const char *path)
{
    tn_tensor t = {0};
    tn_span file;
    tn_npy npy;
    tn_status status;

    TN_TRY(tn_file_read(&tool->env, path, FILE_LIMIT, &file));
    status = tn_npy_read(tool->diag, path, file, &npy);
    if (status == TN_OK) {
        t.dtype = npy.dtype;
        t.rank = npy.rank;
        memcpy(t.dim, npy.dim, sizeof t.dim);
        status = tn_tensor_create(tool->env.alloc, tool->diag, &t);
    }
    if (status == TN_OK)
        tn_npy_copy(&npy, t.data);
    tn_file_free(&tool->env, &file);
    return status == TN_OK ? tn_given_tensor(tool, given, name, &t) : status;
}

/* ---- text ---- */

static bool
is_text(const tn_given *given, const char *name)
{
    for (uint32_t i = 0; i < given->entry->inputs.count; i++)
        if (!strcmp(given->entry->inputs.at[i].text, name))
            return true;
    return false;
}

tn_status
tn_given_texts(tn_tool *tool, tn_given *given, const char *name, const tn_text_in *texts,
    uint32_t count)
{
    const tn_iface_entry *entry = given->entry;

    tn_token_batch_destroy(given->batch);
    given->batch = NULL;
    for (uint32_t i = 0; i < entry->inputs.count; i++)
        if (!strcmp(entry->inputs.at[i].text, name))
            tn_tensor_free(tool->env.alloc, &given->inputs[i]);
    TN_TRY(tn_text_inputs(&tool->env, given->iface, entry, name, texts, count, given->inputs,
        &given->batch));
    for (uint32_t i = 0; i < entry->inputs.count; i++)
        given->has[i] = given->has[i] || !strcmp(entry->inputs.at[i].text, name);
    given->texts = tn_new_array(tool->arena, tn_text_in, count);
    memcpy(given->texts, texts, count * sizeof *texts);
    return TN_OK;
}

/* One text a line; a last empty line is none. */
static tn_status
text_lines(tn_tool *tool, tn_given *given, const char *name, const char *path)
{
    TN_VEC(tn_text_in) texts = {0};
    const char *at, *end;

    tn_file_free(&tool->env, &given->text_file);
    TN_TRY(tn_file_read(&tool->env, path, FILE_LIMIT, &given->text_file));
    at = (const char *)given->text_file.at;
    end = at + given->text_file.bytes;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop ? stop : end;
        tn_push(tool->arena, &texts, ((tn_text_in){at, (size_t)(stop - at)}));
        at = stop + 1;
    }
    if (!texts.count)
        return tn_fail(tool->diag, TN_MALFORMED, "%s: no text in it", path);
    return tn_given_texts(tool, given, name, texts.at, texts.count);
}

/* ---- JSON ---- */

static tn_status
json_texts(tn_tool *tool, tn_given *given, const char *name, const tn_json_doc *doc,
    const tn_json *value)
{
    TN_VEC(tn_text_in) texts = {0};

    if (value->kind == TN_JSON_STRING)
        tn_push(tool->arena, &texts, ((tn_text_in){value->text, strlen(value->text)}));
    for (const tn_json *v = value->kind == TN_JSON_LIST ? value->first : NULL; v; v = v->next) {
        TN_TRY(tn_json_want(doc, v, TN_JSON_STRING));
        tn_push(tool->arena, &texts, ((tn_text_in){v->text, strlen(v->text)}));
    }
    if (!texts.count)
        return tn_json_fail(doc, value, "expected a text or a list of texts, found %s",
            tn_json_found(doc, value));
    return tn_given_texts(tool, given, name, texts.at, texts.count);
}

tn_status
tn_given_json(tn_tool *tool, tn_given *given, const char *name, const tn_json_doc *doc,
    const tn_json *value)
{
    int i = tn_iface_input_find(given->entry, name);
    tn_tensor t = {0};

    if (is_text(given, name))
        return json_texts(tool, given, name, doc, value);
    if (i < 0)
        return no_input(tool, given, name);
    TN_TRY(tn_tensor_of_json(tool, doc, value, given->entry->inputs.at[i].dtype,
        given->entry->inputs.at[i].rank, &t));
    return tn_given_tensor(tool, given, name, &t);
}

static tn_status
given_option(tn_tool *tool, tn_given *given, const char *option)
{
    const char *equals = strchr(option, '=');
    const char *name, *value;
    const tn_read_limits limits = {0};
    tn_json_doc *doc;
    size_t length;

    if (!equals)
        return tn_fail(tool->diag, TN_USAGE, "-i %s: expected NAME=VALUE", option);
    name = tn_arena_copy(tool->arena, option, (size_t)(equals - option));
    value = equals + 1;
    length = strlen(value);
    if (is_text(given, name)) {
        tn_text_in text = {value, length};

        return *value == '@' ? text_lines(tool, given, name, value + 1)
                             : tn_given_texts(tool, given, name, &text, 1);
    }
    if (tn_iface_input_find(given->entry, name) < 0)
        return no_input(tool, given, name);
    if (length > 4 && !strcmp(value + length - 4, ".npy"))
        return tn_given_npy(tool, given, name, value);
    TN_TRY(tn_json_parse(tool->arena, tool->diag, tn_arena_printf(tool->arena, "-i %s", name),
        (tn_span){(const uint8_t *)value, length}, &limits, &doc));
    return tn_given_json(tool, given, name, doc, doc->root);
}

tn_status
tn_given_options(tn_tool *tool, tn_given *given)
{
    const tn_option_value *inputs = &tool->options->value[TN_OPT_input];
    const tn_option_value *dims = &tool->options->value[TN_OPT_dim];

    for (uint32_t i = 0; i < inputs->list.count; i++)
        TN_TRY(given_option(tool, given, inputs->list.at[i]));
    for (uint32_t i = 0; i < dims->list.count; i++) {
        const char *equals = strchr(dims->list.at[i], '=');
        char *end = NULL;
        int64_t n = equals ? strtoll(equals + 1, &end, 10) : 0;

        if (!equals || end == equals + 1 || *end)
            return tn_fail(tool->diag, TN_USAGE, "--dim %s: expected SYMBOL=N", dims->list.at[i]);
        TN_TRY(tn_given_dim(tool, given,
            tn_arena_copy(tool->arena, dims->list.at[i], (size_t)(equals - dims->list.at[i])), n));
    }
    return TN_OK;
}
