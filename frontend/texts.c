/* SPDX-License-Identifier: Apache-2.0
 * Labels, tokenizers, and the names of weight files. */
#include <string.h>

#include "frontend/read.h"

enum { MAX_LABEL_BYTES = 1 << 20 };

const tn_labels *
tn_find_labels(const tn_read *r, const char *name)
{
    for (uint32_t i = 0; i < r->module->labels.count; i++)
        if (strcmp(r->module->labels.at[i]->name, name) == 0)
            return r->module->labels.at[i];
    return NULL;
}

/* One label a line; the last line may lack its end. */
static tn_status
read_label_file(tn_read *r, const tn_json *at, tn_labels *labels)
{
    const char *path;
    tn_span text;
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    TN_TRY(tn_path_beneath(r->env, r->arena, r->module->folder, at->text, &path));
    TN_TRY(tn_file_read_arena(r->env, r->arena, path, MAX_LABEL_BYTES, &text));
    const char *line = (const char *)text.at, *end = line + text.bytes;
    if (!tn_utf8_valid(line, text.bytes) || memchr(line, 0, text.bytes))
        return tn_json_fail(r->doc, at, "%s is no UTF-8 text", at->text);
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop ? stop : end) - line);
        if (length && line[length - 1] == '\r')
            length--;
        tn_push(r->arena, &labels->names, tn_arena_copy(r->arena, line, length));
        line = stop ? stop + 1 : end;
    }
    return TN_OK;
}

static tn_status
read_label_list(tn_read *r, const tn_json *at)
{
    tn_labels *labels = tn_new(r->arena, tn_labels);
    labels->name = at->key;
    if (at->kind == TN_JSON_OBJECT) {
        const tn_json *file = tn_json_get(at, "file");
        TN_TRY(tn_shape_keys(r, at, "file"));
        if (!file || r->unknown.count)
            return tn_json_fail(r->doc, at,
                "labels are a list of names or {\"file\": \"tags.txt\"}");
        TN_TRY(read_label_file(r, file, labels));
    } else {
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_LIST));
        for (const tn_json *name = at->first; name; name = name->next) {
            TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
            tn_push(r->arena, &labels->names, name->text);
        }
    }
    tn_push(r->arena, &r->module->labels, labels);
    return TN_OK;
}

tn_status
tn_read_labels(tn_read *r)
{
    const tn_json *all = tn_json_get(r->doc->root, "labels");
    if (all)
        TN_TRY(tn_json_want(r->doc, all, TN_JSON_OBJECT));
    for (const tn_json *at = all ? all->first : NULL; at; at = at->next) {
        TN_TRY(tn_shape_name(r, at, true, at->key));
        TN_TRY(read_label_list(r, at));
    }
    return TN_OK;
}

/* ---- tokenizers ---- */

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
read_tokenizer(tn_read *r, const tn_json *at)
{
    static const char *const kinds[] = {"wordpiece", "bpe", "unigram", "chars", "bytes"};
    tn_tokenizer_spec *spec = tn_new(r->arena, tn_tokenizer_spec);
    const tn_json *kind = tn_json_get(at, "kind"), *lower = tn_json_get(at, "lowercase");
    const tn_json *most = tn_json_get(at, "max_length");
    TN_TRY(tn_shape_keys(r, at, "kind file lowercase unknown begin end pad max_length"));
    if (r->unknown.count)
        return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
    spec->name = at->key;
    if (!kind)
        return tn_json_fail(r->doc, at, "a tokenizer needs \"kind\"");
    TN_TRY(optional_text(r, at, "kind", &spec->kind));
    bool known = false;
    for (int i = 0; i < 5; i++)
        known |= strcmp(kinds[i], spec->kind) == 0;
    if (!known)
        return tn_json_fail_at(r->doc, TN_UNSUPPORTED, kind, false, -1, NULL,
            "there is no tokenizer \"%s\"; the kinds are wordpiece bpe unigram chars bytes%s",
            spec->kind, tn_json_meant(r->arena, spec->kind, kinds, 5));
    TN_TRY(optional_text(r, at, "file", &spec->file));
    TN_TRY(optional_text(r, at, "unknown", &spec->unknown));
    TN_TRY(optional_text(r, at, "begin", &spec->begin));
    TN_TRY(optional_text(r, at, "end", &spec->end));
    TN_TRY(optional_text(r, at, "pad", &spec->pad));
    bool plain = strcmp(spec->kind, "chars") == 0 || strcmp(spec->kind, "bytes") == 0;
    if (!spec->file && !plain)
        return tn_json_fail(r->doc, at, "a %s tokenizer needs \"file\"", spec->kind);
    if (lower)
        TN_TRY(tn_json_want(r->doc, lower, TN_JSON_BOOL));
    spec->lowercase = lower && lower->truth;
    if (most)
        TN_TRY(tn_eval_params_int(r, most, &spec->max_length));
    if (most && spec->max_length < 1)
        return tn_json_fail(r->doc, most, "max_length is 1 or more");
    tn_push(r->arena, &r->module->tokenizers, spec);
    return TN_OK;
}

tn_status
tn_read_tokenizers(tn_read *r)
{
    const tn_json *all = tn_json_get(r->doc->root, "tokenizers");
    if (all)
        TN_TRY(tn_json_want(r->doc, all, TN_JSON_OBJECT));
    for (const tn_json *at = all ? all->first : NULL; at; at = at->next) {
        TN_TRY(tn_shape_name(r, at, true, at->key));
        TN_TRY(read_tokenizer(r, at));
    }
    return TN_OK;
}

/* ---- files ---- */

static tn_status
read_names(tn_read *r, const tn_json *names, tn_weight_file *file)
{
    if (!names)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, names, TN_JSON_OBJECT));
    for (const tn_json *at = names->first; at; at = at->next) {
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
        tn_push(r->arena, &file->from, at->key);
        tn_push(r->arena, &file->to, at->text);
    }
    return TN_OK;
}

static tn_status
read_file(tn_read *r, const tn_json *at)
{
    tn_weight_file *file = tn_new(r->arena, tn_weight_file);
    const tn_json *path = at;
    if (at->kind == TN_JSON_OBJECT) {
        TN_TRY(tn_shape_keys(r, at, "path names tensor"));
        if (r->unknown.count)
            return tn_fail(r->env->diag, TN_MALFORMED, "%s", r->unknown.at[0]);
        path = tn_json_get(at, "path");
        if (!path)
            return tn_json_fail(r->doc, at, "a weight file needs \"path\"");
        TN_TRY(optional_text(r, at, "tensor", &file->tensor));
        TN_TRY(read_names(r, tn_json_get(at, "names"), file));
    }
    TN_TRY(tn_json_want(r->doc, path, TN_JSON_STRING));
    file->path = path->text;
    tn_push(r->arena, &r->module->files, file);
    return TN_OK;
}

tn_status
tn_read_files(tn_read *r)
{
    const tn_json *files = tn_json_get(r->doc->root, "files");
    if (files)
        TN_TRY(tn_json_want(r->doc, files, TN_JSON_LIST));
    for (const tn_json *at = files ? files->first : NULL; at; at = at->next)
        TN_TRY(read_file(r, at));
    return TN_OK;
}
