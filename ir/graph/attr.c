/* SPDX-License-Identifier: Apache-2.0
 * Attributes: fallbacks, access, and what a number may become. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph/graph.h"

static tn_arena *
arena_of(const tn_op *op)
{
    return op->graph->module->arena;
}

/* Fallbacks are our own words: "7", "-1", "0.01", "1e-5", "1/6". */
static tn_number
read_number(const char *text)
{
    const char *slash = strchr(text, '/');
    const char *end;
    tn_number n;

    if (strchr(text, '.') || strchr(text, 'e') || strchr(text, 'i'))
        return tn_number_real(tn_double_read(text, &end));
    n = tn_number_int(strtoll(text, NULL, 10));
    if (slash) {
        n.den = strtoll(slash + 1, NULL, 10);
        n.real = (double)n.num / (double)n.den;
    }
    return n;
}

static void
fall_back(tn_op *op, tn_attr *a, const char *text)
{
    tn_arena *arena = arena_of(op);

    switch (a->kind) {
    case TN_KIND_INT:
    case TN_KIND_INTS:
    case TN_KIND_PADS:
        a->ints = tn_new(arena, int64_t);
        a->ints[0] = strtoll(text, NULL, 10);
        break;
    case TN_KIND_BOOL:
        a->ints = tn_new(arena, int64_t);
        a->ints[0] = strcmp(text, "true") == 0;
        break;
    case TN_KIND_DTYPE: a->dtype = tn_dtype_find(text, strlen(text)); break;
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: a->text = text; break;
    case TN_KIND_REAL:
    case TN_KIND_NUMBER:
    case TN_KIND_NUMBERS:
        a->numbers = tn_new(arena, tn_number);
        a->numbers[0] = read_number(text);
        break;
    case TN_KIND_SIZE:
    case TN_KIND_SIZES:
    case TN_KIND_SHAPE:
    case TN_KIND_PLACE:
        a->sizes = tn_new_array(arena, tn_size, 1);
        a->sizes[0] = tn_size_int(op->graph->sizes, strtoll(text, NULL, 10));
        break;
    case TN_KIND_TYPE: assert(0 && "a type has no fallback"); break;
    }
    a->count = 1;
    a->has_value = true;
}

void
tn_op_clear_attr(tn_op *op, int attr)
{
    const tn_attr_info *info = &tn_op_info_of(op->code)->attr[attr];
    tn_attr *a = &op->attr[attr];

    assert(a->kind != TN_KIND_PLACE || a->operand <= 0 || !op->in[a->operand]);
    *a = (tn_attr){.kind = info->kind, .operand = -1};
    if (info->fallback[0] != '\0' && info->fallback[0] != '!')
        fall_back(op, a, info->fallback);
}

int64_t
tn_op_int(const tn_op *op, int attr)
{
    assert(op->attr[attr].ints);
    return op->attr[attr].ints[0];
}

bool
tn_op_has(const tn_op *op, int attr)
{
    return op->attr[attr].has_value;
}

const char *
tn_op_text(const tn_op *op, int attr)
{
    return op->attr[attr].text;
}

tn_attr *
tn_op_attr(tn_op *op, int attr)
{
    return &op->attr[attr];
}

static tn_attr *
give(tn_op *op, int attr, int count)
{
    tn_attr *a = &op->attr[attr];

    a->given = true;
    a->has_value = true;
    a->count = count;
    return a;
}

void
tn_op_set_ints(tn_op *op, int attr, const int64_t *ints, int count)
{
    tn_attr *a = give(op, attr, count);

    a->ints = tn_new_array(arena_of(op), int64_t, count);
    if (count)
        memcpy(a->ints, ints, (size_t)count * sizeof *ints);
}

void
tn_op_set_sizes(tn_op *op, int attr, const tn_size *sizes, int count)
{
    tn_attr *a = give(op, attr, count);

    assert(a->operand < 0 && "a place that is a value stays one");
    a->sizes = tn_new_array(arena_of(op), tn_size, count);
    if (count)
        memcpy(a->sizes, sizes, (size_t)count * sizeof *sizes);
}

void
tn_op_set_numbers(tn_op *op, int attr, const tn_number *numbers, int count)
{
    tn_attr *a = give(op, attr, count);

    a->numbers = tn_new_array(arena_of(op), tn_number, count);
    if (count)
        memcpy(a->numbers, numbers, (size_t)count * sizeof *numbers);
}

void
tn_op_set_number(tn_op *op, int attr, tn_number number)
{
    tn_op_set_numbers(op, attr, &number, 1);
}

void
tn_op_set_text(tn_op *op, int attr, const char *text)
{
    give(op, attr, 1)->text = tn_arena_copy(arena_of(op), text, strlen(text));
}

void
tn_op_set_dtype(tn_op *op, int attr, tn_dtype dtype)
{
    give(op, attr, 1)->dtype = dtype;
}

void
tn_op_set_type(tn_op *op, int attr, tn_type type)
{
    give(op, attr, 1)->type = type;
}

static bool
refuse(const char **why, const char *reason)
{
    if (why)
        *why = reason;
    return false;
}

static bool
fits_int(const tn_number *n, tn_dtype dtype, const char **why)
{
    int64_t value, low, high;

    if (n->kind == TN_NUMBER_REAL) {
        if (!(n->real == floor(n->real)) || isinf(n->real))
            return refuse(why, "is not a whole number");
        if (!(fabs(n->real) < 9223372036854775808.0))
            return refuse(why, "is out of range");
        value = (int64_t)n->real;
    } else if (!tn_number_is_int(n, &value)) {
        return refuse(why, "is not a whole number");
    }
    tn_dtype_range(dtype, &low, &high);
    return value >= low && value <= high ? true : refuse(why, "is out of range");
}

bool
tn_number_fits(const tn_number *n, tn_dtype dtype, const char **why)
{
    if (n->kind == TN_NUMBER_SYMBOLIC)
        return true;
    if ((dtype == TN_BOOL) != (n->kind == TN_NUMBER_BOOL))
        return refuse(why, dtype == TN_BOOL ? "is not true or false" : "is not a number");
    if (dtype == TN_BOOL)
        return true;
    if (tn_is_int(dtype))
        return fits_int(n, dtype, why);
    if (isfinite(n->real) && !isfinite(tn_round_to(dtype, n->real)))
        return refuse(why, "is beyond the type's range");
    return true;
}

/* The one element type of the tied operands, as far as values give it. */
static tn_dtype
tied_dtype(const tn_op *op)
{
    for (int i = 0; i < op->in_count; i++) {
        const tn_in_info *info = tn_op_in_info(op->code, i);

        if (info && !(info->classes & TN_CLASS_OWN) && op->in[i] &&
            op->in[i]->kind != TN_VALUE_LITERAL)
            return op->in[i]->type.dtype;
    }
    return TN_DTYPE_COUNT;
}

static tn_dtype
own_dtype(const tn_op *op, int index)
{
    tn_dtype tied = tied_dtype(op);

    if (op->code == TN_OP_quantize)
        return op->attr[TN_ATTR_quantize_to].has_value ? op->attr[TN_ATTR_quantize_to].dtype
                                                       : TN_DTYPE_COUNT;
    if (op->code == TN_OP_dequantize)
        return op->attr[TN_ATTR_dequantize_to].dtype;
    if (op->code == TN_OP_linear && index == TN_IN_linear_bias)
        return op->attr[TN_ATTR_linear_dtype].has_value ? op->attr[TN_ATTR_linear_dtype].dtype
                                                        : tied;
    if (op->code == TN_OP_scan || op->code == TN_OP_while || tied == TN_DTYPE_COUNT)
        return TN_DTYPE_COUNT;
    return tied == TN_F64 ? TN_F64 : TN_F32; /* freq of rope, w of moe */
}

tn_dtype
tn_op_literal_dtype(const tn_op *op, int index)
{
    const tn_in_info *info = tn_op_in_info(op->code, index);

    if (!info)
        return TN_I32; /* a place */
    if (!(info->classes & TN_CLASS_OWN))
        return tied_dtype(op);
    switch (info->classes & TN_CLASS_ANY) {
    case TN_CLASS_BOOL: return TN_BOOL;
    case TN_CLASS_INDEX:
    case 1 << TN_I32: return TN_I32;
    case 1 << TN_I64: return TN_I64;
    default: return own_dtype(op, index);
    }
}
