/* SPDX-License-Identifier: Apache-2.0
 * Entries: inputs, body, outputs, store. */
#include <string.h>

#include "frontend/read.h"

/* Entries, each expanded again as often as facts replace symbols. */
enum { MAX_ATTEMPTS = 64 };

/* ---- inputs ---- */

/* A scalar integer with a range is a symbol. Looked at first, for types of
 * other inputs may use it whatever the order. */
static tn_status
declare_ranged(tn_scope *scope, const tn_json *at)
{
    tn_read *r = scope->frame->r;
    tn_symbol symbol;
    tn_type type;
    tn_type_text text;
    const tn_json *range = tn_json_get(at, "range"), *type_at = tn_declared_type(at);
    if (!range || !type_at)
        return TN_OK;
    TN_TRY(tn_type_split(r, type_at, type_at->text, 0, &text));
    if (text.rank || text.dots)
        return TN_OK;
    TN_TRY(tn_type_read(scope, type_at, &type));
    if (!tn_is_int(type.dtype))
        return tn_json_fail(r->doc, range, "only integers have a range, %s is %s", at->key,
            tn_read_type_text(r, &type));
    TN_TRY(tn_read_symbol(r, at->key, at, &symbol));
    symbol.scalar = true;
    if (strchr(at->key, '`'))
        return tn_json_fail_key(r->doc, at, "no expression can name \"%s\"", at->key);
    int index = tn_sizes_find(r->sizes, at->key);
    if (index < 0)
        index = tn_sizes_add(r->sizes, &symbol);
    tn_bind bind = {.kind = TN_BIND_VALUE,
        .name = at->key,
        .what = "an input",
        .has_known = true,
        .symbol = true,
        .index = index,
        .known = tn_known_size(tn_size_symbol(r->sizes, index))};
    return tn_scope_define(scope, at, true, &bind);
}

/* Facts may have replaced symbols by other expressions. */
static void
refresh_symbols(tn_scope *scope)
{
    tn_read *r = scope->frame->r;
    for (uint32_t i = 0; i < scope->names.count; i++) {
        tn_bind *bind = scope->names.entries[i].value;
        if (bind->symbol)
            bind->known = tn_known_size(tn_size_symbol(r->sizes, bind->index));
    }
}

static tn_status
read_value_range(tn_read *r, const tn_json *at, tn_input *input)
{
    int64_t low, high, least, greatest;
    const tn_json *range = tn_json_get(at, "range");
    const tn_dtype dtype = input->value->type.dtype;
    if (!range)
        return TN_OK;
    if (!tn_is_int(dtype))
        return tn_json_fail(r->doc, range, "only integers have a range, %s is %s", at->key,
            tn_read_type_text(r, &input->value->type));
    TN_TRY(tn_read_range(r, range, &low, &high));
    tn_dtype_range(dtype, &least, &greatest);
    if (low < least || (high != INT64_MAX && high > greatest))
        return tn_json_fail(r->doc, range, "%s goes beyond %s", tn_json_found(r->doc, range),
            tn_dtype_name(dtype));
    input->has_range = true;
    input->low = tn_size_int(r->sizes, low);
    input->open_high = high == INT64_MAX;
    input->high = input->open_high ? NULL : tn_size_int(r->sizes, high);
    if (!input->low)
        return tn_json_fail(r->doc, range, "a bound is out of range");
    return TN_OK;
}

static tn_status
read_tensor_input(tn_scope *scope, const tn_json *at)
{
    tn_read *r = scope->frame->r;
    tn_type type;
    tn_bind *ranged = tn_map_get(&scope->names, at->key);
    const tn_json *sample = tn_json_get(at, "sample"), *range = tn_json_get(at, "range");
    TN_TRY(tn_type_read(scope, tn_declared_type(at), &type));
    if (sample && !range)
        return tn_json_fail(r->doc, sample, "a sample belongs to a range");
    tn_value *value = tn_graph_input(r->graph, at->key, type);
    tn_input *input = &r->graph->inputs.at[r->graph->inputs.count - 1];
    TN_TRY(read_value_range(r, at, input));
    if (ranged && ranged->symbol) {
        ranged->value = value;
        input->symbol = ranged->index;
        return TN_OK;
    }
    tn_bind bind = {.kind = TN_BIND_VALUE, .name = at->key, .what = "an input", .value = value};
    return tn_scope_define(scope, at, true, &bind);
}

static tn_status
check_product(tn_read *r, const tn_json *at, const tn_type *type)
{
    static const char *const names[] = {"ids", "length", "mask", "type_ids", "word_first", "words"};
    static const char *const shapes[] = {"[B,S]", "[B]", "[B,S]", "[B,S]", "[B,W]", "[B]"};
    size_t i = 0;
    while (i < 6 && strcmp(names[i], at->key) != 0)
        i++;
    if (i == 6)
        return tn_json_fail_key(r->doc, at,
            "a text gives no \"%s\"; it gives ids, length, mask, "
            "type_ids, word_first, words%s",
            at->key, tn_json_meant(r->arena, at->key, names, 6));
    bool mask = i == 2;
    int rank = shapes[i][2] == ']' ? 1 : 2;
    if (type->rank != rank || (mask ? type->dtype != TN_BOOL : !tn_is_int(type->dtype)))
        return tn_json_fail(r->doc, at, "%s is %s of a text, found %s", at->key,
            tn_arena_printf(r->arena, "%s%s", mask ? "bool" : "i32", shapes[i]),
            tn_read_type_text(r, type));
    return TN_OK;
}

static const tn_tokenizer_spec *
find_tokenizer(const tn_read *r, const char *name)
{
    for (uint32_t i = 0; i < r->module->tokenizers.count; i++)
        if (strcmp(r->module->tokenizers.at[i]->name, name) == 0)
            return r->module->tokenizers.at[i];
    return NULL;
}

static tn_status
read_text_input(tn_scope *scope, const tn_json *at, const tn_json *text)
{
    tn_read *r = scope->frame->r;
    const tn_json *gives = tn_json_get(at, "gives");
    TN_TRY(tn_json_want(r->doc, text, TN_JSON_STRING));
    if (tn_json_get(at, "type") || tn_json_get(at, "range"))
        return tn_json_fail(r->doc, at, "a text input has no type of its own; \"gives\" has them");
    if (!gives)
        return tn_json_fail(r->doc, at,
            "a text input needs \"gives\": {\"ids\": \"i32[B,S]\", ..}");
    TN_TRY(tn_json_want(r->doc, gives, TN_JSON_OBJECT));
    if (!find_tokenizer(r, text->text))
        return tn_json_fail(r->doc, text, "there is no tokenizer \"%s\"; the model has: %s",
            text->text, tn_shape_list(r, tn_json_get(r->doc->root, "tokenizers")));
    for (const tn_json *part = gives->first; part; part = part->next) {
        tn_type type;
        TN_TRY(tn_type_read(scope, part, &type));
        TN_TRY(check_product(r, part, &type));
        const char *name = tn_arena_printf(r->arena, "%s.%s", at->key, part->key);
        tn_value *value = tn_graph_input(r->graph, name, type);
        tn_input *input = &r->graph->inputs.at[r->graph->inputs.count - 1];
        input->text = at->key;
        input->product = part->key;
        input->tokenizer = text->text;
        tn_bind bind = {.kind = TN_BIND_VALUE, .name = name, .what = "an input", .value = value};
        TN_TRY(tn_scope_define(scope, part, true, &bind));
    }
    return TN_OK;
}

static tn_status
read_inputs(tn_scope *scope, const tn_json *inputs)
{
    for (const tn_json *at = inputs ? inputs->first : NULL; at; at = at->next) {
        const tn_json *text = tn_json_get(at, "text");
        if (text)
            TN_TRY(read_text_input(scope, at, text));
        else
            TN_TRY(read_tensor_input(scope, at));
    }
    return TN_OK;
}

/* ---- outputs ---- */

static tn_status
optional_name(tn_read *r, const tn_json *at, const char *key, const char **out)
{
    const tn_json *name = tn_json_get(at, key);
    if (!name)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
    *out = name->text;
    return TN_OK;
}

static bool
has_input(const tn_graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->inputs.count; i++)
        if (strcmp(g->inputs.at[i].name, name) == 0)
            return true;
    return false;
}

/* How a result is shown: labels, and what `length` and `align` name. */
static tn_status
read_display(tn_read *r, const tn_json *at, const tn_type *type, tn_output *out)
{
    const tn_json *labels_at = tn_json_get(at, "labels");
    TN_TRY(optional_name(r, at, "labels", &out->labels));
    TN_TRY(optional_name(r, at, "scheme", &out->scheme));
    TN_TRY(optional_name(r, at, "length", &out->length));
    TN_TRY(optional_name(r, at, "align", &out->align));
    if (out->labels) {
        const tn_labels *labels = tn_find_labels(r, out->labels);
        int64_t size;
        if (!labels)
            return tn_json_fail(r->doc, labels_at, "there are no labels \"%s\"; the model has: %s",
                out->labels, tn_shape_list(r, tn_json_get(r->doc->root, "labels")));
        if (tn_is_float(type->dtype) && type->rank &&
            tn_size_is_int(type->dim[type->rank - 1], &size) && size != labels->names.count)
            return tn_json_fail(r->doc, labels_at,
                "\"%s\" has %d labels, the last axis of %s is another", out->labels,
                (int)labels->names.count, tn_read_type_text(r, type));
    }
    if (out->align && !out->length)
        return tn_json_fail(r->doc, tn_json_get(at, "align"), "\"align\" needs \"length\"");
    static const char *const keys[] = {"length", "align"};
    const char *const names[] = {out->length, out->align};
    for (int i = 0; i < 2; i++)
        if (names[i] && !has_input(r->graph, names[i]))
            return tn_json_fail(r->doc, tn_json_get(at, keys[i]), "\"%s\" is no input of the entry",
                names[i]);
    return TN_OK;
}

static tn_status
read_output(tn_scope *scope, const tn_json *at)
{
    tn_read *r = scope->frame->r;
    const tn_json *value_at = tn_json_get(at, "value");
    tn_value *value;
    tn_output out = {.name = at->key};
    if (value_at) {
        TN_TRY(tn_json_want(r->doc, value_at, TN_JSON_STRING));
        TN_TRY(tn_scope_named(scope, value_at, &value));
    } else {
        const tn_bind *bind = tn_scope_find(scope, at->key);
        if (!bind)
            return tn_json_fail_key(r->doc, at, "no value is called \"%s\"%s", at->key,
                tn_read_meant(r, scope, at->key));
        TN_TRY(tn_scope_value(scope, at, bind, &value));
    }
    TN_TRY(tn_type_check(scope, tn_declared_type(at), &value->type, at->key));
    TN_TRY(read_display(r, at, &value->type, &out));
    tn_push(r->arena, &r->graph->outputs, out);
    tn_block_result(r->graph->block, value);
    return TN_OK;
}

/* ---- the whole entry ---- */

static tn_status
read_body(tn_scope *scope, const tn_json *graph)
{
    tn_read *r = scope->frame->r;
    const tn_json *root = r->doc->root;
    const tn_json *inputs = tn_json_get(graph, "inputs"), *outputs = tn_json_get(graph, "outputs");
    for (const tn_json *at = inputs ? inputs->first : NULL; at; at = at->next)
        TN_TRY(declare_ranged(scope, at));
    TN_TRY(tn_read_facts(scope, tn_json_get(graph, "where")));
    refresh_symbols(scope);
    TN_TRY(read_inputs(scope, inputs));
    if (graph != root) {
        TN_TRY(tn_declare_weights(scope, tn_json_get(root, "weights")));
        TN_TRY(tn_declare_state(scope, tn_json_get(root, "state")));
    }
    TN_TRY(tn_declare_weights(scope, tn_json_get(graph, "weights")));
    TN_TRY(tn_declare_state(scope, tn_json_get(graph, "state")));
    TN_TRY(tn_expand_nodes(scope, tn_json_get(graph, "nodes")));
    for (const tn_json *at = outputs ? outputs->first : NULL; at; at = at->next)
        TN_TRY(read_output(scope, at));
    TN_TRY(tn_read_store(scope, tn_json_get(graph, "store")));
    for (uint32_t i = 0; i < r->stores.count; i++) {
        tn_push(r->arena, &r->graph->stores, r->stores.at[i]);
        tn_block_result(r->graph->block, r->stored_values.at[i]);
    }
    return TN_OK;
}

static tn_status
try_entry(tn_read *r, const tn_json *graph, const char *name)
{
    r->graph = tn_graph_create(r->module, name, r->sizes);
    r->stored = (tn_map){.arena = r->arena};
    r->stores.count = r->stored_values.count = 0;
    r->nodes = 0;
    r->step = NULL;
    r->again = false;
    r->depth = r->dry = 0;
    r->attempt++;
    for (uint32_t i = 0; i < r->functions.count; i++)
        ((tn_function *)r->functions.entries[i].value)->open = 0;
    for (uint32_t i = 0; i < r->replacing.count; i++)
        tn_push(r->arena, &r->graph->facts, r->replacing.at[i]);
    tn_frame *frame = tn_new(r->arena, tn_frame);
    *frame = (tn_frame){.r = r, .graph = graph, .weights = ""};
    frame->states.arena = r->arena;
    frame->scope = tn_scope_open(frame, NULL, r->graph->block, "");
    return read_body(frame->scope, graph);
}

static tn_status
read_entry(tn_read *r, const tn_json *graph, const char *name)
{
    tn_status status;
    int attempts = 0;
    r->sizes = tn_sizes_create(r->arena);
    r->replacing.count = 0;
    do {
        uint32_t before = r->module->entries.count;
        status = try_entry(r, graph, name);
        if (status != TN_OK && r->again)
            r->module->entries.count = before;
    } while (status != TN_OK && r->again && ++attempts < MAX_ATTEMPTS);
    if (status != TN_OK && r->again)
        return tn_json_fail_at(r->doc, TN_LIMIT, graph, false, -1, NULL,
            "more than %d facts of functions replace symbols", MAX_ATTEMPTS);
    return status;
}

tn_status
tn_read_entries(tn_read *r)
{
    const tn_json *root = r->doc->root, *entries = tn_json_get(root, "entries");
    const char *wanted = r->options->entry;
    if (!entries) {
        if (wanted && strcmp(wanted, "main") != 0)
            return tn_fail(r->env->diag, TN_USAGE, "--entry %s: the model has one entry, \"main\"",
                wanted);
        return read_entry(r, root, "main");
    }
    if (wanted && !tn_json_get(entries, wanted))
        return tn_fail(r->env->diag, TN_USAGE, "--entry %s: the model has: %s", wanted,
            tn_shape_list(r, entries));
    for (const tn_json *at = entries->first; at; at = at->next)
        if (!wanted || strcmp(wanted, at->key) == 0)
            TN_TRY(read_entry(r, at, at->key));
    return TN_OK;
}
