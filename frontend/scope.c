/* SPDX-License-Identifier: Apache-2.0
 * Names as nodes see them, and expressions over them. */
#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

tn_scope *
tn_scope_open(tn_frame *frame, tn_scope *outer, tn_block *block, const char *prefix)
{
    tn_scope *scope = tn_new(frame->r->arena, tn_scope);
    *scope = (tn_scope){.frame = frame,
        .outer = outer,
        .block = block,
        .prefix = prefix,
        .loop = outer && outer->loop};
    scope->names.arena = frame->r->arena;
    return scope;
}

/* A dim of the model becomes a symbol of the entry when it is first named:
 * symbols that an entry does not use need no value in its runs. */
static const tn_bind *
find_dim(tn_frame *frame, const char *name)
{
    tn_read *r = frame->r;
    for (uint32_t i = 0; i < r->dims.count && !frame->function; i++) {
        if (strcmp(r->dims.at[i].name, name) != 0)
            continue;
        int symbol = tn_sizes_find(r->sizes, name);
        if (symbol < 0)
            symbol = tn_sizes_add(r->sizes, &r->dims.at[i].symbol);
        tn_bind *bind = tn_new(r->arena, tn_bind);
        *bind = (tn_bind){.kind = TN_BIND_KNOWN,
            .name = r->dims.at[i].name,
            .what = "a symbol of dims",
            .has_known = true,
            .symbol = true,
            .index = symbol,
            .known = tn_known_size(tn_size_symbol(r->sizes, symbol))};
        tn_map_put(&frame->scope->names, bind->name, bind);
        return bind;
    }
    return NULL;
}

const tn_bind *
tn_scope_find(const tn_scope *scope, const char *name)
{
    const tn_bind *dim;
    for (const tn_scope *at = scope; at; at = at->outer) {
        const tn_bind *bind = tn_map_get(&at->names, name);
        if (bind)
            return bind;
    }
    if ((dim = find_dim(scope->frame, name)) != NULL)
        return dim;
    const tn_read *r = scope->frame->r;
    const tn_read_param *param = tn_find_param(r, name);
    if (!param)
        return NULL;
    tn_bind *bind = tn_new(r->arena, tn_bind);
    *bind = (tn_bind){.kind = TN_BIND_KNOWN,
        .name = name,
        .what = "a param",
        .has_known = true,
        .known = param->known};
    return bind;
}

tn_status
tn_scope_define(tn_scope *scope, const tn_json *at, bool key, const tn_bind *bind)
{
    tn_read *r = scope->frame->r;
    const tn_bind *taken = tn_scope_find(scope, bind->name);
    if (taken)
        return tn_json_fail_at(r->doc, TN_MALFORMED, at, key, -1, NULL,
            "\"%s\" is %s already; a name is given once and hides nothing", bind->name,
            taken->what);
    tn_bind *copy = tn_new(r->arena, tn_bind);
    *copy = *bind;
    tn_map_put(&scope->names, copy->name, copy);
    return TN_OK;
}

/* Where a weight or state may not really be declared: the types of a round
 * that will never run. */
static tn_value *
stand_in(tn_scope *scope, tn_type type, const char *name)
{
    return tn_block_param(tn_block_create(scope->frame->r->graph, NULL), type, name);
}

tn_status
tn_scope_value(tn_scope *scope, const tn_json *at, const tn_bind *bind, tn_value **out)
{
    tn_read *r = scope->frame->r;
    tn_type type = bind->type;
    switch (bind->kind) {
    case TN_BIND_VALUE: *out = bind->value; return TN_OK;
    case TN_BIND_KNOWN:
        return tn_json_fail(r->doc, at, "\"%s\" is %s and no value; write \"=%s\"", bind->name,
            bind->what, bind->name);
    case TN_BIND_WEIGHT:
        if (r->dry) {
            type = bind->weight->type;
            *out = stand_in(scope, type, bind->weight->name);
        } else {
            *out = tn_graph_weight(r->graph, bind->weight);
        }
        return TN_OK;
    case TN_BIND_STATE:
        if (scope->loop)
            return tn_json_fail(r->doc, at,
                "the state \"%s\" is neither read nor stored inside scan, while or a run-time if",
                bind->name);
        *out = r->dry ? stand_in(scope, type, bind->state->name)
                      : tn_graph_state(r->graph, bind->state, type);
        return TN_OK;
    }
    return TN_OK;
}

/* Defined further down in the same list: a hint worth giving. */
static const char *
defined_later(const tn_scope *scope, const tn_json *at, const char *name)
{
    const tn_json *node = at;
    while (node &&
        !(node->parent && node->parent->kind == TN_JSON_LIST && node->parent->key &&
            (strcmp(node->parent->key, "nodes") == 0 || strcmp(node->parent->key, "body") == 0)))
        node = node->parent;
    for (tn_json *later = node ? node->next : NULL; later; later = later->next) {
        const tn_json *results =
            later->kind == TN_JSON_LIST ? later->first : tn_json_get(later, "out");
        const tn_json *first = results && results->kind == TN_JSON_LIST ? results->first : results;
        for (const tn_json *one = first; one; one = one == results ? NULL : one->next)
            if (one->kind == TN_JSON_STRING && strcmp(one->text, name) == 0)
                return tn_arena_printf(scope->frame->r->arena,
                    "; it is defined later, at %s (nodes stand in order)",
                    tn_json_path(scope->frame->r->doc, later));
    }
    return NULL;
}

tn_status
tn_scope_named(tn_scope *scope, const tn_json *at, tn_value **out)
{
    tn_read *r = scope->frame->r;
    const tn_bind *bind = tn_scope_find(scope, at->text);
    if (bind)
        return tn_scope_value(scope, at, bind, out);
    const char *later = defined_later(scope, at, at->text);
    return tn_json_fail(r->doc, at, "no value is called \"%s\" here%s", at->text,
        later ? later : tn_read_meant(r, scope, at->text));
}

/* ---- expressions without values ---- */

static bool
find_known(void *self, const char *name, tn_known *out)
{
    const tn_bind *bind = tn_scope_find(self, name);
    if (!bind)
        return false;
    if (bind->has_known)
        *out = bind->known;
    else
        *out = (tn_known){.kind = TN_KNOWN_VALUE, .name = name};
    return true;
}

static const char *
meant(void *self, const char *name)
{
    tn_scope *scope = self;
    return tn_read_meant(scope->frame->r, scope, name);
}

tn_scope_ops
tn_scope_ops_of(tn_scope *scope)
{
    return (tn_scope_ops){
        scope, scope->frame->r->arena, scope->frame->r->sizes, find_known, meant, NULL};
}

tn_status
tn_scope_eval_text(tn_scope *scope, const tn_json *at, int shift, const char *text, size_t length,
    tn_known *out)
{
    tn_expr *e;
    tn_place place = {scope->frame->r->doc, at, shift, NULL};
    tn_scope_ops ops = tn_scope_ops_of(scope);
    TN_TRY(tn_expr_parse(&place, text, length, &e));
    return tn_expr_eval(e, &place, &ops, out);
}

tn_status
tn_scope_eval(tn_scope *scope, const tn_json *at, tn_known *out)
{
    if (at->kind != TN_JSON_STRING)
        return tn_eval_params(scope->frame->r, at, out);
    int shift = at->text[0] == '=';
    return tn_scope_eval_text(scope, at, shift, at->text + shift, strlen(at->text) - (size_t)shift,
        out);
}

/* A param whose own value is the broken number is the better place to name. */
static const tn_read_param *
guilty_param(const tn_read *r, const char *text)
{
    return tn_find_param(r, text);
}

static tn_status
not_whole(tn_read *r, const tn_place *place, int column, const char *text, const tn_known *known)
{
    const tn_read_param *param = guilty_param(r, text);
    const char *shown = tn_known_text(r->arena, r->sizes, known);
    const tn_number *n = &known->number;
    if (n->kind == TN_NUMBER_RATIONAL)
        shown = tn_arena_printf(r->arena, "%" PRId64 "/%" PRId64, n->num, n->den);
    if (param && n->kind != TN_NUMBER_SYMBOLIC) {
        const tn_json *at = param->at;
        if (at->kind == TN_JSON_OBJECT)
            at = tn_json_get(at, "default");
        return tn_json_fail(r->doc, at, "%s is %s, not a whole number, and is used as a dimension",
            tn_json_found(r->doc, at), shown);
    }
    if (n->kind == TN_NUMBER_SYMBOLIC)
        return tn_place_fail(place, TN_MALFORMED, column,
            "\"%s\" is not whole for every value of its symbols; use ceil or floor, or a multiple "
            "in dims",
            text);
    return tn_place_fail(place, TN_MALFORMED, column, "\"%s\" is %s, not a whole number", text,
        shown);
}

tn_status
tn_size_of_known(tn_read *r, const tn_place *place, int column, const char *text,
    const tn_known *known, tn_size *out)
{
    int64_t whole;
    if (known->kind != TN_KNOWN_NUMBER || tn_known_is_truth(known))
        return tn_place_fail(place, TN_MALFORMED, column, "expected a size, found %s",
            tn_known_text(r->arena, r->sizes, known));
    tn_size size = tn_known_as_size(r->sizes, known);
    if (!size && known->number.kind == TN_NUMBER_SYMBOLIC)
        return tn_place_fail(place, TN_MALFORMED, column,
            "\"%s\" is no size: a dimension is a polynomial over symbols with ceil, floor, min, "
            "max and %%",
            text);
    if (!size || !tn_size_is_whole(r->sizes, size))
        return not_whole(r, place, column, text, known);
    if (tn_size_is_int(size, &whole) && whole < 0)
        return tn_place_fail(place, TN_MALFORMED, column, "a size is not below 0, found %" PRId64,
            whole);
    *out = size;
    return TN_OK;
}

tn_status
tn_scope_size(tn_scope *scope, const tn_json *at, tn_size *out)
{
    tn_known known;
    tn_read *r = scope->frame->r;
    tn_place place = {r->doc, at, 0, NULL};
    TN_TRY(tn_scope_eval(scope, at, &known));
    const char *text =
        at->kind == TN_JSON_STRING ? at->text + (at->text[0] == '=') : tn_json_found(r->doc, at);
    return tn_size_of_known(r, &place, at->kind == TN_JSON_STRING ? 0 : -1, text, &known, out);
}

tn_status
tn_scope_int(tn_scope *scope, const tn_json *at, int64_t *out)
{
    tn_known known;
    tn_read *r = scope->frame->r;
    bool odd = at->kind == TN_JSON_STRING || at->kind == TN_JSON_NUMBER;
    if (at->kind == TN_JSON_STRING) {
        /* A word that is no expression of this place is a wrong kind of value
         * rather than an unknown name. */
        const char *text = at->text + (at->text[0] == '=');
        odd =
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != strlen(text) ||
            tn_scope_find(scope, text) != NULL;
    }
    if (!odd)
        return tn_json_fail(r->doc, at, "expected an integer, found %s", tn_json_found(r->doc, at));
    TN_TRY(tn_scope_eval(scope, at, &known));
    if (known.kind == TN_KNOWN_NUMBER && !tn_known_is_truth(&known) &&
        known.number.kind == TN_NUMBER_SYMBOLIC)
        return tn_json_fail(r->doc, at,
            "expected an integer that is known when the file is read, found %s, which has symbols",
            tn_known_text(r->arena, r->sizes, &known));
    if (known.kind != TN_KNOWN_NUMBER || tn_known_is_truth(&known) ||
        !tn_number_is_int(&known.number, out))
        return tn_json_fail(r->doc, at, "expected an integer, found %s",
            tn_known_text(r->arena, r->sizes, &known));
    return TN_OK;
}

/* ---- texts with expressions in braces ---- */

typedef struct template
{
    tn_scope *scope;
    const char *index; /* a name that only this text knows, or NULL */
    int64_t number;
}
template;

static bool
find_in_template(void *self, const char *name, tn_known *out)
{
    const template *t = self;
    if (t->index && strcmp(t->index, name) == 0) {
        *out = tn_known_int(t->number);
        return true;
    }
    return find_known(t->scope, name, out);
}

static const char *
meant_in_template(void *self, const char *name)
{
    return meant(((template *)self)->scope, name);
}

static tn_status
put_expression(template *t, const tn_json *at, const char *text, size_t length, tn_text *out)
{
    tn_read *r = t->scope->frame->r;
    tn_place place = {r->doc, at, (int)(text - at->text), NULL};
    tn_scope_ops ops = {t, r->arena, r->sizes, find_in_template, meant_in_template, NULL};
    tn_expr *e;
    tn_known known;
    int64_t whole;
    TN_TRY(tn_expr_parse(&place, text, length, &e));
    TN_TRY(tn_expr_eval(e, &place, &ops, &known));
    if (known.kind != TN_KNOWN_NUMBER || tn_known_is_truth(&known) ||
        !tn_number_is_int(&known.number, &whole))
        return tn_place_fail(&place, TN_MALFORMED, 0,
            "expected a whole number that is known here, found %s",
            tn_known_text(r->arena, r->sizes, &known));
    tn_text_add(out, "%" PRId64, whole);
    return TN_OK;
}

tn_status
tn_scope_template(tn_scope *scope, const tn_json *at, const char *index, int64_t number,
    const char **out)
{
    tn_read *r = scope->frame->r;
    template t = {scope, index, number};
    tn_text text = {.arena = r->arena};
    tn_place place = {r->doc, at, 0, NULL};
    tn_text_put(&text, "", 0);
    for (const char *c = at->text; *c;) {
        if ((*c == '{' || *c == '}') && c[1] == *c) {
            tn_text_put(&text, c, 1);
            c += 2;
        } else if (*c == '{') {
            const char *end = strchr(c, '}');
            if (!end)
                return tn_place_fail(&place, TN_MALFORMED, (int)(c - at->text),
                    "a brace that never closes; write {{ for a brace");
            TN_TRY(put_expression(&t, at, c + 1, (size_t)(end - c - 1), &text));
            c = end + 1;
        } else if (*c == '}') {
            return tn_place_fail(&place, TN_MALFORMED, (int)(c - at->text),
                "a closing brace without its opening one; write }} for a brace");
        } else {
            tn_text_put(&text, c++, 1);
        }
    }
    TN_TRY(tn_shape_name_length(r, at, false, text.length));
    *out = text.at;
    return TN_OK;
}
