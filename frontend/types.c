/* SPDX-License-Identifier: Apache-2.0
 * Types and shapes as texts. */
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

/* End of the dimension that starts at `at`: the comma or bracket outside of
 * parentheses and quotes; NULL if the text ends first. */
static const char *
dimension_end(const char *at)
{
    int depth = 0;
    bool quoted = false;
    for (; *at; at++) {
        if (*at == '`')
            quoted = !quoted;
        if (quoted)
            continue;
        depth += *at == '(';
        depth -= *at == ')';
        if (depth <= 0 && (*at == ',' || *at == ']'))
            return at;
    }
    return NULL;
}

static tn_status
add_dimension(tn_read *r, const tn_place *place, const char *text, const char *at, const char *end,
    tn_type_text *out)
{
    while (at < end && *at == ' ')
        at++;
    while (end > at && end[-1] == ' ')
        end--;
    int column = (int)(at - text);
    if (end - at == 3 && memcmp(at, "...", 3) == 0) {
        if (out->rank || out->dots)
            return tn_place_fail(place, TN_MALFORMED, column, "\"...\" stands first in a shape");
        out->dots = true;
        return TN_OK;
    }
    if (at == end)
        return tn_place_fail(place, TN_MALFORMED, column, "a dimension is missing here");
    if (out->rank == TN_MAX_RANK)
        return tn_place_fail(place, TN_LIMIT, column, "more than %d axes", TN_MAX_RANK);
    out->dim[out->rank].text = tn_arena_copy(r->arena, at, (size_t)(end - at));
    out->dim[out->rank].column = column;
    out->rank++;
    return TN_OK;
}

tn_status
tn_type_split(tn_read *r, const tn_json *at, const char *text, int shift, tn_type_text *out)
{
    tn_place place = {r->doc, at, shift, NULL};
    const char *open = strchr(text, '[');
    *out = (tn_type_text){.element = ""};
    if (!open)
        return tn_place_fail(&place, TN_MALFORMED, 0,
            "expected a type like \"f32[B,T]\", a scalar is \"f32[]\"; found \"%s\"", text);
    out->element = tn_arena_copy(r->arena, text, (size_t)(open - text));
    out->any = strcmp(out->element, "?") == 0;
    const char *next = open + 1;
    if (next[strspn(next, " ")] == ']')
        next += strspn(next, " ");
    while (*next != ']') {
        const char *end = dimension_end(next);
        if (!end)
            return tn_place_fail(&place, TN_MALFORMED, (int)strlen(text),
                "expected \"]\" at the end of the type \"%s\"", text);
        TN_TRY(add_dimension(r, &place, text, next, end, out));
        next = *end == ',' ? end + 1 : end;
        if (*end == ',' && next[strspn(next, " ")] == ']')
            return tn_place_fail(&place, TN_MALFORMED, (int)(next - text),
                "a dimension is missing here");
    }
    if (next[1])
        return tn_place_fail(&place, TN_MALFORMED, (int)(next - text) + 1,
            "the type goes on after its bracket");
    return TN_OK;
}

tn_status
tn_type_element(tn_scope *scope, const tn_json *at, const char *name, tn_dtype *out)
{
    tn_read *r = scope->frame->r;
    tn_dtype dtype = tn_dtype_find(name, strlen(name));
    if (dtype != TN_DTYPE_COUNT && tn_dtype_in_graph(dtype)) {
        *out = dtype;
        return TN_OK;
    }
    const tn_bind *bind = tn_scope_find(scope, name);
    if (bind && bind->has_known && bind->known.kind == TN_KNOWN_DTYPE) {
        *out = bind->known.dtype;
        return TN_OK;
    }
    static const char *const names[] = {
        "f64", "f32", "f16", "bf16", "i64", "i32", "i8", "u8", "u32", "bool"};
    if (bind)
        return tn_json_fail(r->doc, at, "expected an element type, \"%s\" is %s", name, bind->what);
    return tn_json_fail(r->doc, at,
        "\"%s\" is no element type; they are f64 f32 f16 bf16 i64 i32 i8 u8 u32 bool%s", name,
        tn_json_meant(r->arena, name, names, 10));
}

static tn_status
read_dimension(tn_scope *scope, const tn_json *at, int shift, const char *text, tn_size *out)
{
    tn_known known;
    tn_place place = {scope->frame->r->doc, at, shift, NULL};
    TN_TRY(tn_scope_eval_text(scope, at, shift, text, strlen(text), &known));
    return tn_size_of_known(scope->frame->r, &place, 0, text, &known, out);
}

/* The dimensions of a split text, `...` put in. */
static tn_status
read_dimensions(tn_scope *scope, const tn_json *at, const tn_type_text *text, tn_size *sizes,
    int *rank)
{
    tn_read *r = scope->frame->r;
    const tn_frame *frame = scope->frame;
    *rank = 0;
    if (text->dots && !frame->has_dots)
        return tn_json_fail(r->doc, at,
            "\"...\" stands for axes of an input of the function, and none has it");
    int dots = text->dots ? frame->dots : 0;
    if (dots + text->rank > TN_MAX_RANK)
        return tn_json_fail_at(r->doc, TN_LIMIT, at, false, -1, NULL, "more than %d axes",
            TN_MAX_RANK);
    for (int i = 0; i < dots; i++)
        sizes[(*rank)++] = frame->dot[i];
    for (int i = 0; i < text->rank; i++)
        TN_TRY(read_dimension(scope, at, text->dim[i].column, text->dim[i].text,
            &sizes[(*rank)++]));
    return TN_OK;
}

tn_status
tn_type_read(tn_scope *scope, const tn_json *at, tn_type *out)
{
    tn_type_text text;
    tn_read *r = scope->frame->r;
    *out = (tn_type){0};
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    TN_TRY(tn_type_split(r, at, at->text, 0, &text));
    if (text.any)
        return tn_json_fail(r->doc, at,
            "\"?\" stands in types of inputs and outputs of functions only");
    TN_TRY(tn_type_element(scope, at, text.element, &out->dtype));
    return read_dimensions(scope, at, &text, out->dim, &out->rank);
}

tn_status
tn_shape_read(tn_scope *scope, const tn_json *at, tn_size *sizes, int *rank)
{
    tn_type_text text;
    tn_read *r = scope->frame->r;
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    if (at->text[0] != '[')
        return tn_json_fail(r->doc, at, "expected a shape like \"[B,T,N,D]\", found %s",
            tn_json_found(r->doc, at));
    TN_TRY(tn_type_split(r, at, at->text, 0, &text));
    return read_dimensions(scope, at, &text, sizes, rank);
}

const tn_json *
tn_declared_type(const tn_json *declaration)
{
    return declaration->kind == TN_JSON_OBJECT ? tn_json_get(declaration, "type") : declaration;
}

tn_status
tn_type_check(tn_scope *scope, const tn_json *at, const tn_type *found, const char *what)
{
    tn_type_text text;
    tn_type wanted = *found;
    tn_read *r = scope->frame->r;
    TN_TRY(tn_type_split(r, at, at->text, 0, &text));
    if (!text.any)
        TN_TRY(tn_type_element(scope, at, text.element, &wanted.dtype));
    else if (!scope->frame->function)
        return tn_json_fail(r->doc, at,
            "\"?\" stands in types of inputs and outputs of functions only");
    TN_TRY(read_dimensions(scope, at, &text, wanted.dim, &wanted.rank));
    if (tn_type_equal(&wanted, found))
        return TN_OK;
    return tn_json_fail(r->doc, at, "%s is %s, declared is %s", what, tn_read_type_text(r, found),
        tn_read_type_text(r, &wanted));
}
