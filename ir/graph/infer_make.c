/* SPDX-License-Identifier: Apache-2.0
 * Types of ops that make values from attributes and seeds. */
#include "ir/base/checked.h"
#include "ir/graph/infer.h"

static tn_status
check_numbers(tn_infer *x, int attr, tn_dtype dtype)
{
    const tn_attr *a = &x->op->attr[attr];
    const char *why;

    for (int i = 0; i < a->count; i++) {
        tn_text t = {.arena = x->arena};

        if (tn_number_fits(&a->numbers[i], dtype, &why))
            continue;
        tn_text_double(&t, a->numbers[i].real);
        return tn_infer_fail_attr(x, attr, "%s stands beside %s and %s", t.at, tn_dtype_name(dtype),
            why);
    }
    return TN_OK;
}

tn_status
tn_infer_constant(tn_infer *x)
{
    const tn_type *type = &x->op->attr[TN_ATTR_constant_type].type;
    const tn_attr *data = &x->op->attr[TN_ATTR_constant_data];
    int64_t elements = 1;

    for (int i = 0; i < type->rank; i++) {
        int64_t n;

        if (!tn_size_is_int(type->dim[i], &n) || n < 0)
            return tn_infer_fail_attr(x, TN_ATTR_constant_type,
                "the shape of a constant is numbers, found %s", tn_infer_type_text(x, type));
        if (!tn_mul_i64(elements, n, &elements))
            return tn_infer_fail_attr(x, TN_ATTR_constant_type, "its size overflows 64 bits");
    }
    if (elements != data->count)
        return tn_infer_fail_attr(x, TN_ATTR_constant_data,
            "expected %lld numbers for %s, found %d", (long long)elements,
            tn_infer_type_text(x, type), data->count);
    TN_TRY(check_numbers(x, TN_ATTR_constant_data, type->dtype));
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_fill(tn_infer *x)
{
    const tn_type *type = &x->op->attr[TN_ATTR_fill_type].type;

    TN_TRY(check_numbers(x, TN_ATTR_fill_value, type->dtype));
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_iota(tn_infer *x)
{
    tn_type out = {.dtype = x->op->attr[TN_ATTR_iota_dtype].dtype, .rank = 1};

    if (out.dtype == TN_BOOL)
        return tn_infer_fail_attr(x, TN_ATTR_iota_dtype, "expected a type of numbers, found bool");
    out.dim[0] = x->op->attr[TN_ATTR_iota_size].sizes[0];
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_one_hot(tn_infer *x)
{
    tn_type out = *tn_infer_in(x, 0);

    if (!tn_infer_insert(&out, out.rank, x->op->attr[TN_ATTR_one_hot_depth].sizes[0]))
        return tn_infer_too_deep(x, out.rank + 1);
    out.dtype = x->op->attr[TN_ATTR_one_hot_dtype].dtype;
    tn_infer_give(x, out);
    return TN_OK;
}

static tn_status
check_seed(tn_infer *x, int in)
{
    return tn_infer_rank(x, in, 0, "a scalar");
}

tn_status
tn_infer_random(tn_infer *x)
{
    const tn_type *type = &x->op->attr[0].type;
    unsigned classes = x->op->code == TN_OP_random_bits ? 1u << TN_U32 | 1u << TN_I32 | 1u << TN_I64
                                                        : 1u << TN_F32 | 1u << TN_F64;

    TN_TRY(check_seed(x, 0));
    if (!(classes & 1u << type->dtype))
        return tn_infer_fail_attr(x, 0, "expected %s, found %s",
            x->op->code == TN_OP_random_bits ? "u32, i32 or i64" : "f32 or f64",
            tn_infer_type_text(x, type));
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_random_categorical(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out;

    TN_TRY(check_seed(x, TN_IN_random_categorical_seed));
    if (type->rank < 1)
        return tn_infer_fail(x, ".in.logits", "logits are [..,C], found %s",
            tn_infer_type_text(x, type));
    if (!(x->op->attr[TN_ATTR_random_categorical_temperature].numbers[0].real >= 0))
        return tn_infer_fail_attr(x, TN_ATTR_random_categorical_temperature,
            "expected a number from 0 on");
    TN_TRY(tn_infer_need(x, "", TN_FACT_LE, tn_infer_int(x, 1), type->dim[type->rank - 1],
        "the last axis of %s is empty", tn_infer_name(x, 0)));
    out = tn_infer_without(type, type->rank - 1);
    out.dtype = TN_I32;
    tn_infer_give(x, out);
    return TN_OK;
}
