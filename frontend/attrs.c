/* SPDX-License-Identifier: Apache-2.0
 * Attributes of row ops, each by the kind its row says. */
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

typedef struct reader {
    tn_scope *scope;
    tn_read *r;
    tn_op *op;
    int attr;
    const tn_attr_info *info;
    const tn_json *at;
} reader;

static tn_status
wrong_kind(const reader *x, const char *wanted)
{
    return tn_json_fail(x->r->doc, x->at, "expected %s, found %s", wanted,
        tn_json_found(x->r->doc, x->at));
}

static tn_status
read_int(reader *x)
{
    int64_t value;
    TN_TRY(tn_scope_int(x->scope, x->at, &value));
    tn_op_set_ints(x->op, x->attr, &value, 1);
    return TN_OK;
}

static tn_status
read_bool(reader *x)
{
    tn_known known;
    TN_TRY(tn_scope_eval(x->scope, x->at, &known));
    if (known.kind != TN_KNOWN_NUMBER || known.number.kind != TN_NUMBER_BOOL)
        return wrong_kind(x, "true or false");
    tn_op_set_ints(x->op, x->attr, &known.number.num, 1);
    return TN_OK;
}

/* One number, or a list; in padding an entry may be [before, after], which
 * makes all of them pairs. */
static tn_status
read_ints(reader *x, bool pads)
{
    TN_VEC(int64_t) ints = {0};
    int64_t value, after;
    if (x->at->kind != TN_JSON_LIST)
        return read_int(x);
    for (const tn_json *at = x->at->first; at; at = at->next) {
        if (pads && at->kind == TN_JSON_LIST && at->count == 2) {
            TN_TRY(tn_scope_int(x->scope, at->first, &value));
            TN_TRY(tn_scope_int(x->scope, at->first->next, &after));
        } else {
            TN_TRY(tn_scope_int(x->scope, at, &value));
            after = value;
        }
        tn_push(x->r->arena, &ints, value);
        if (pads)
            tn_push(x->r->arena, &ints, after);
    }
    tn_op_set_ints(x->op, x->attr, ints.at, (int)ints.count);
    return TN_OK;
}

static tn_status
read_dtype(reader *x)
{
    tn_dtype dtype;
    if (x->at->kind != TN_JSON_STRING)
        return wrong_kind(x, "an element type");
    TN_TRY(tn_type_element(x->scope, x->at, x->at->text, &dtype));
    tn_op_set_dtype(x->op, x->attr, dtype);
    return TN_OK;
}

static tn_status
read_text(reader *x)
{
    if (x->at->kind != TN_JSON_STRING)
        return wrong_kind(x,
            x->info->kind == TN_KIND_CHOICE
                ? tn_arena_printf(x->r->arena, "one of: %s", x->info->options)
                : "a string");
    tn_op_set_text(x->op, x->attr, x->at->text);
    return TN_OK;
}

static tn_status
read_number(reader *x, const tn_json *at, bool symbols, tn_number *out)
{
    tn_known known;
    TN_TRY(tn_scope_eval(x->scope, at, &known));
    if (known.kind != TN_KNOWN_NUMBER)
        return tn_json_fail(x->r->doc, at, "expected a number, found %s",
            tn_known_text(x->r->arena, x->r->sizes, &known));
    *out = tn_known_number(x->r->arena, &known);
    if (!symbols && out->kind == TN_NUMBER_SYMBOLIC)
        return tn_json_fail(x->r->doc, at,
            "expected a number that is known when the file is read, found %s, which has symbols",
            tn_known_text(x->r->arena, x->r->sizes, &known));
    return TN_OK;
}

static tn_status
read_one_number(reader *x, bool symbols)
{
    tn_number number;
    TN_TRY(read_number(x, x->at, symbols, &number));
    if (!symbols && number.kind == TN_NUMBER_BOOL)
        return wrong_kind(x, "a number");
    tn_op_set_number(x->op, x->attr, number);
    return TN_OK;
}

typedef TN_VEC(tn_number) number_list;

/* Nested lists in row-major order. Depth is that of the document. */
static tn_status
flatten(reader *x, const tn_json *at, const tn_type *type, int axis, number_list *out)
{
    int64_t size;
    if (axis == type->rank) {
        tn_number number;
        if (at->kind == TN_JSON_LIST)
            return tn_json_fail(x->r->doc, at, "lists nest deeper than the shape of %s",
                tn_read_type_text(x->r, type));
        TN_TRY(read_number(x, at, true, &number));
        tn_push(x->r->arena, out, number);
        return TN_OK;
    }
    if (at->kind != TN_JSON_LIST)
        return tn_json_fail(x->r->doc, at, "expected a list in the shape of %s, found %s",
            tn_read_type_text(x->r, type), tn_json_found(x->r->doc, at));
    if (!tn_size_is_int(type->dim[axis], &size))
        return tn_json_fail(x->r->doc, x->at, "the shape of a constant is numbers, found %s",
            tn_read_type_text(x->r, type));
    if (size != at->count)
        return tn_json_fail(x->r->doc, at, "expected %lld elements along axis %d of %s, found %u",
            (long long)size, axis, tn_read_type_text(x->r, type), (unsigned)at->count);
    for (const tn_json *part = at->first; part; part = part->next)
        TN_TRY(flatten(x, part, type, axis + 1, out));
    return TN_OK;
}

/* Data in the shape of the op's `type`, which is read before it. */
static tn_status
read_numbers(reader *x)
{
    number_list numbers = {0};
    int type = tn_op_find_attr(x->op->code, "type");
    const tn_attr *shape = type < 0 ? NULL : tn_op_attr(x->op, type);
    if (!shape || !shape->has_value)
        return tn_json_fail(x->r->doc, x->at, "%s needs \"type\"",
            tn_op_info_of(x->op->code)->name);
    tn_type empty = shape->type;
    int64_t size;
    /* [] stands for any shape with a 0. */
    bool none = x->at->kind == TN_JSON_LIST && x->at->count == 0;
    for (int i = 0; i < empty.rank && none; i++)
        if (tn_size_is_int(empty.dim[i], &size) && size == 0) {
            tn_op_set_numbers(x->op, x->attr, NULL, 0);
            return TN_OK;
        }
    TN_TRY(flatten(x, x->at, &shape->type, 0, &numbers));
    tn_op_set_numbers(x->op, x->attr, numbers.at, (int)numbers.count);
    return TN_OK;
}

static tn_status
read_size(reader *x)
{
    tn_size size;
    if (x->at->kind != TN_JSON_STRING && x->at->kind != TN_JSON_NUMBER)
        return wrong_kind(x, "a size");
    TN_TRY(tn_scope_size(x->scope, x->at, &size));
    tn_op_set_sizes(x->op, x->attr, &size, 1);
    return TN_OK;
}

static tn_status
read_sizes(reader *x)
{
    TN_VEC(tn_size) sizes = {0};
    if (x->at->kind != TN_JSON_LIST)
        return wrong_kind(x, "a list of sizes");
    for (const tn_json *at = x->at->first; at; at = at->next) {
        tn_size size;
        TN_TRY(tn_scope_size(x->scope, at, &size));
        tn_push(x->r->arena, &sizes, size);
    }
    tn_op_set_sizes(x->op, x->attr, sizes.at, (int)sizes.count);
    return TN_OK;
}

static tn_status
read_shape(reader *x)
{
    tn_size sizes[TN_MAX_RANK];
    int rank;
    TN_TRY(tn_shape_read(x->scope, x->at, sizes, &rank));
    tn_op_set_sizes(x->op, x->attr, sizes, rank);
    return TN_OK;
}

static tn_status
read_type(reader *x)
{
    tn_type type;
    TN_TRY(tn_type_read(x->scope, x->at, &type));
    tn_op_set_type(x->op, x->attr, type);
    return TN_OK;
}

/* The whole name of a value is that value, everything else an expression. */
static tn_status
read_place(reader *x)
{
    tn_known known;
    const tn_json *at = x->at;
    tn_place place = {x->r->doc, at, 0, NULL};
    if (at->kind == TN_JSON_STRING && at->text[0] != '=') {
        const tn_bind *bind = tn_scope_find(x->scope, at->text);
        if (bind && bind->kind != TN_BIND_KNOWN && !bind->has_known) {
            tn_value *value;
            TN_TRY(tn_scope_value(x->scope, at, bind, &value));
            tn_op_set_place(x->op, x->attr, value);
            return TN_OK;
        }
    }
    if (at->kind != TN_JSON_STRING && at->kind != TN_JSON_NUMBER)
        return wrong_kind(x, "an integer, an expression, or the name of an integer value");
    TN_TRY(tn_scope_eval(x->scope, at, &known));
    const char *text = tn_json_found(x->r->doc, at);
    int64_t whole;
    if (known.kind == TN_KNOWN_NUMBER && !tn_known_is_truth(&known) &&
        tn_number_is_int(&known.number, &whole) && whole < 0) {
        tn_size size = tn_size_int(x->r->sizes, whole);
        tn_op_set_sizes(x->op, x->attr, &size, 1);
        return TN_OK;
    }
    tn_size size;
    TN_TRY(tn_size_of_known(x->r, &place, at->kind == TN_JSON_STRING ? 0 : -1,
        at->kind == TN_JSON_STRING ? at->text + (at->text[0] == '=') : text, &known, &size));
    tn_op_set_sizes(x->op, x->attr, &size, 1);
    return TN_OK;
}

static tn_status
read_attr(reader *x)
{
    switch (x->info->kind) {
    case TN_KIND_INT: return read_int(x);
    case TN_KIND_INTS: return read_ints(x, false);
    case TN_KIND_PADS: return read_ints(x, true);
    case TN_KIND_BOOL: return read_bool(x);
    case TN_KIND_DTYPE: return read_dtype(x);
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: return read_text(x);
    case TN_KIND_REAL: return read_one_number(x, false);
    case TN_KIND_NUMBER: return read_one_number(x, true);
    case TN_KIND_NUMBERS: return read_numbers(x);
    case TN_KIND_SIZE: return read_size(x);
    case TN_KIND_SIZES: return read_sizes(x);
    case TN_KIND_SHAPE: return read_shape(x);
    case TN_KIND_TYPE: return read_type(x);
    case TN_KIND_PLACE: return read_place(x);
    }
    return TN_OK;
}

/* Numbers of `fill` and `constant` are rounded once, to the type beside. */
static void
round_numbers(tn_read *r, tn_op *op)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    int type = tn_op_find_attr(op->code, "type");
    for (int i = 0; i < info->attr_count && type >= 0; i++) {
        tn_attr *a = tn_op_attr(op, i);
        bool numbers = a->kind == TN_KIND_NUMBER || a->kind == TN_KIND_NUMBERS;
        for (int n = 0; numbers && n < a->count; n++) {
            tn_known known = {.kind = TN_KNOWN_NUMBER, .number = a->numbers[n]};
            if (known.number.kind != TN_NUMBER_SYMBOLIC)
                a->numbers[n] = tn_number_as(r->arena, &known, op->attr[type].type.dtype);
        }
    }
}

tn_status
tn_attrs_read(tn_scope *scope, const tn_node *node, tn_op *op)
{
    tn_read *r = scope->frame->r;
    const tn_op_info *info = tn_op_info_of(op->code);
    for (int i = 0; i < info->attr_count; i++) {
        const tn_attr_info *attr = &info->attr[i];
        const tn_json *at = tn_json_get(node->attrs, attr->name);
        if (!at && strcmp(attr->name, "type") == 0)
            at = node->type;
        if (!at && attr->fallback[0] == '!')
            return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1,
                tn_arena_printf(r->arena, ".attrs.%s", attr->name), "%s needs %s", info->name,
                attr->name);
        if (!at)
            continue;
        reader x = {scope, r, op, i, attr, at};
        TN_TRY(read_attr(&x));
    }
    round_numbers(r, op);
    return TN_OK;
}
