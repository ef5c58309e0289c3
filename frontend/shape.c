/* SPDX-License-Identifier: Apache-2.0
 * The keys of a graph file, before anything of it is evaluated. */
#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

static const char graph_keys[] = "inputs weights state nodes outputs store where expect";

static bool
is_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at;) {
        size_t size = strcspn(at, " ");
        if (size == length && memcmp(at, word, length) == 0)
            return true;
        at += size + strspn(at + size, " ");
    }
    return false;
}

/* The words as an array, for suggestions. */
static const char **
split_words(tn_arena *arena, const char *words, uint32_t *count)
{
    const char **list = tn_new_array(arena, const char *, strlen(words) + 1);
    *count = 0;
    for (const char *at = words; *at;) {
        size_t size = strcspn(at, " ");
        list[(*count)++] = tn_arena_copy(arena, at, size);
        at += size + strspn(at + size, " ");
    }
    return list;
}

static tn_status
check_doc(tn_read *r, const tn_json *doc)
{
    if (doc->kind == TN_JSON_STRING)
        return TN_OK;
    if (doc->kind != TN_JSON_LIST)
        return tn_json_fail(r->doc, doc, "expected a string or a list of lines, found %s",
            tn_json_found(r->doc, doc));
    for (const tn_json *line = doc->first; line; line = line->next)
        TN_TRY(tn_json_want(r->doc, line, TN_JSON_STRING));
    return TN_OK;
}

tn_status
tn_shape_keys(tn_read *r, const tn_json *object, const char *keys)
{
    TN_TRY(tn_json_want(r->doc, object, TN_JSON_OBJECT));
    for (const tn_json *at = object->first; at; at = at->next) {
        uint32_t count;
        if (strcmp(at->key, "doc") == 0) {
            TN_TRY(check_doc(r, at));
            continue;
        }
        if (is_word(keys, at->key))
            continue;
        const char **words = split_words(r->arena, keys, &count);
        const char *meant = tn_json_meant(r->arena, at->key, words, count);
        tn_read_unknown(r, TN_MALFORMED, at, true, "there is no key \"%s\" here%s%s%s", at->key,
            meant, *meant ? "" : "; it has: ", *meant ? "" : keys);
    }
    return TN_OK;
}

/* `#` and digits at the end of a name: kept for formulas. */
static bool
is_reserved(const char *name)
{
    const char *mark = strrchr(name, '#');
    return mark && mark[1] && strspn(mark + 1, "0123456789") == strlen(mark + 1);
}

tn_status
tn_shape_name_length(tn_read *r, const tn_json *at, bool key, size_t length)
{
    if (length <= r->doc->limits.name)
        return TN_OK;
    return tn_json_fail_at(r->doc, TN_LIMIT, at, key, -1, NULL,
        "a name of more than %" PRIu32 " bytes (--limit name=N allows more)", r->doc->limits.name);
}

tn_status
tn_shape_name(tn_read *r, const tn_json *at, bool key, const char *name)
{
    TN_TRY(tn_shape_name_length(r, at, key, strlen(name)));
    const char *why = *name == '\0'                ? "a name is not empty"
        : *name == '=' || *name == '@'             ? "a name does not start with = or @"
        : is_reserved(name) && !r->document->stage ? "names that end in # and digits are kept for "
                                                     "formulas"
                                                   : NULL;
    for (const char *c = name; *c && !why; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            why = "a name has no control characters";
    if (why)
        return tn_json_fail_at(r->doc, TN_MALFORMED, at, key, -1, NULL, "%s", why);
    return TN_OK;
}

const char *
tn_shape_list(tn_read *r, const tn_json *object)
{
    tn_text out = {.arena = r->arena};
    tn_text_put(&out, "", 0);
    int shown = 0;
    for (const tn_json *at = object ? object->first : NULL; at; at = at->next, shown++) {
        if (shown == 12) {
            tn_text_add(&out, ", ..");
            break;
        }
        tn_text_add(&out, "%s%s", shown ? ", " : "", at->key);
    }
    return shown ? out.at : "none";
}

/* A map from names: an object whose keys are names; values are strings or
 * objects. */
static tn_status
check_names(tn_read *r, const tn_json *map)
{
    if (!map)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, map, TN_JSON_OBJECT));
    for (const tn_json *at = map->first; at; at = at->next)
        TN_TRY(tn_shape_name(r, at, true, at->key));
    return TN_OK;
}

/* A declaration is a string, or an object with these keys. */
static tn_status
check_declarations(tn_read *r, const tn_json *map, const char *keys)
{
    TN_TRY(check_names(r, map));
    for (const tn_json *at = map ? map->first : NULL; at; at = at->next) {
        if (at->kind == TN_JSON_STRING)
            continue;
        if (at->kind != TN_JSON_OBJECT)
            return tn_json_fail(r->doc, at,
                "expected a type like \"f32[B,T]\" or an object, found %s",
                tn_json_found(r->doc, at));
        TN_TRY(tn_shape_keys(r, at, keys));
        const tn_json *type = tn_json_get(at, "type");
        if (type)
            TN_TRY(tn_json_want(r->doc, type, TN_JSON_STRING));
        else if (!tn_json_get(at, "text"))
            return tn_json_fail(r->doc, at, "a type is missing; say \"type\": \"f32[..]\"");
    }
    return TN_OK;
}

static tn_status
check_strings(tn_read *r, const tn_json *list)
{
    if (!list)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, list, TN_JSON_LIST));
    for (const tn_json *at = list->first; at; at = at->next)
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    return TN_OK;
}

static tn_status
check_store(tn_read *r, const tn_json *store)
{
    if (!store)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, store, TN_JSON_OBJECT));
    for (const tn_json *at = store->first; at; at = at->next)
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    return TN_OK;
}

/* What entries, functions and the model itself have in common. */
static tn_status
check_graph(tn_read *r, tn_json *graph, const char *weight_keys)
{
    TN_TRY(check_declarations(r, tn_json_get(graph, "inputs"),
        "type range multiple sample text gives"));
    TN_TRY(check_declarations(r, tn_json_get(graph, "weights"), weight_keys));
    TN_TRY(check_declarations(r, tn_json_get(graph, "state"), "type tensor init"));
    TN_TRY(check_declarations(r, tn_json_get(graph, "outputs"),
        "type value labels scheme length align"));
    TN_TRY(check_store(r, tn_json_get(graph, "store")));
    TN_TRY(check_strings(r, tn_json_get(graph, "where")));
    tn_json *nodes = tn_json_get(graph, "nodes");
    return nodes ? tn_shape_nodes(r, nodes) : TN_OK;
}

static const char weight_keys[] = "type tensor stored tensors count index data init";

/* Inputs and params of a function are also keys of its calls. */
static tn_status
check_call_names(tn_read *r, const tn_json *map)
{
    for (const tn_json *at = map ? map->first : NULL; at; at = at->next)
        if (is_word("type doc from was scope", at->key))
            return tn_json_fail_key(r->doc, at,
                "\"%s\" is a key of every node and no name of an input or param", at->key);
    return TN_OK;
}

static tn_status
check_function(tn_read *r, tn_json *function)
{
    TN_TRY(tn_shape_keys(r, function, "params inputs weights state nodes outputs store where"));
    tn_json *params = tn_json_get(function, "params"), *inputs = tn_json_get(function, "inputs");
    TN_TRY(check_names(r, params));
    TN_TRY(check_call_names(r, params));
    for (const tn_json *at = params ? params->first : NULL; at; at = at->next)
        if (tn_json_get(tn_json_get(r->doc->root, "params"), at->key))
            return tn_json_fail_key(r->doc, at, "\"%s\" is a param of the model", at->key);
    TN_TRY(check_graph(r, function, weight_keys));
    TN_TRY(check_call_names(r, inputs));
    for (const tn_json *at = inputs ? inputs->first : NULL; at; at = at->next)
        if (tn_json_get(at, "text"))
            return tn_json_fail_key(r->doc, at, "a text input belongs to an entry");
    return TN_OK;
}

static tn_status
collect_functions(tn_read *r, const tn_json *functions)
{
    TN_TRY(check_names(r, functions));
    for (tn_json *at = functions ? functions->first : NULL; at; at = at->next) {
        tn_function *f = tn_new(r->arena, tn_function);
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_OBJECT));
        *f = (tn_function){at->key, at, 0};
        tn_map_put(&r->functions, at->key, f);
    }
    return TN_OK;
}

static tn_status
check_entries(tn_read *r, tn_json *root, tn_json *entries)
{
    static const char *const own[] = {"inputs", "nodes", "outputs", "store", "where"};
    TN_TRY(check_names(r, entries));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const tn_json *stray = tn_json_get(root, own[i]);
        if (stray)
            return tn_json_fail_key(r->doc, stray,
                "a model with entries has no %s of its own; put it into an entry", own[i]);
    }
    if (entries->count == 0)
        return tn_json_fail(r->doc, entries, "a model has at least one entry");
    for (tn_json *at = entries->first; at; at = at->next) {
        TN_TRY(tn_shape_keys(r, at, graph_keys));
        TN_TRY(check_graph(r, at, weight_keys));
    }
    return TN_OK;
}

static tn_status
check_version(tn_read *r, const tn_json *root)
{
    const tn_json *version = tn_json_get(root, "tenon"), *meta = tn_json_get(root, "meta");
    const tn_json *writer = meta ? tn_json_get(meta, "writer") : NULL;
    if (!version)
        return tn_json_fail(r->doc, root, "this is no graph file: \"tenon\": 1 is missing");
    TN_TRY(tn_json_want(r->doc, version, TN_JSON_NUMBER));
    if (version->number == 1)
        return TN_OK;
    return tn_json_fail_at(r->doc, TN_UNSUPPORTED, version, false, -1, NULL,
        "the file has version %s of the format%s%s, this is tenon for version 1",
        tn_json_found(r->doc, version), writer ? ", written by " : "",
        writer && writer->kind == TN_JSON_STRING ? writer->text : "");
}

/* All that is not known, at once. */
static tn_status
report_unknown(tn_read *r)
{
    for (uint32_t i = 0; i < r->unknown.count; i++)
        (void)tn_fail(r->env->diag, r->unknown_status, "%s", r->unknown.at[i]);
    return r->unknown.count ? r->unknown_status : TN_OK;
}

tn_status
tn_shape_check(tn_read *r)
{
    tn_json *root = r->doc->root, *entries = tn_json_get(root, "entries");
    tn_json *functions = tn_json_get(root, "functions"), *stage = tn_json_get(root, "stage");
    const tn_json *preset = tn_json_get(root, "preset");
    TN_TRY(tn_json_want(r->doc, root, TN_JSON_OBJECT));
    TN_TRY(check_version(r, root));
    TN_TRY(tn_shape_keys(r, root,
        "tenon meta params presets dims files init functions tokenizers labels entries inputs "
        "weights state nodes outputs store where expect tests stage preset"));
    if (preset)
        TN_TRY(tn_json_want(r->doc, preset, TN_JSON_STRING));
    if (stage) {
        TN_TRY(tn_json_want(r->doc, stage, TN_JSON_STRING));
        r->document->stage = stage->text;
    }
    TN_TRY(check_names(r, tn_json_get(root, "params")));
    TN_TRY(check_names(r, tn_json_get(root, "dims")));
    TN_TRY(collect_functions(r, functions));
    for (tn_json *at = functions ? functions->first : NULL; at; at = at->next)
        TN_TRY(check_function(r, at));
    if (entries)
        TN_TRY(check_entries(r, root, entries));
    TN_TRY(check_graph(r, root, weight_keys));
    return report_unknown(r);
}
