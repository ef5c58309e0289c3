/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kexpand.h"

#include <math.h>

/* What all expansions use, and the functions that are a few natives: tests,
 * signs, shifts, rests. */

static tn_ins *(*const expansions[TN_FN_COUNT])(const kx *x, tn_ins *const *a) = {
#define TN_ROW_NATIVE(name)
#define TN_ROW_EXPAND(name) [TN_FN_##name] = tn_kx_##name,
#define TN_FN(name, graph, arity, rule, cost, native, doc) TN_ROW_##native(name)
#include "ir/kernel/fns.def"
};

tn_ins *
tn_kb_expand(tn_kb *b, tn_fn fn, tn_ins *const *args)
{
    kx x = tn_kx_of(b, args[0]);
    return expansions[fn](&x, args);
}

/* ---- shared ---- */

kx
tn_kx_of(tn_kb *b, const tn_ins *v)
{
    bool wide = v->type.dtype == TN_F64;
    return (kx){
        .b = b,
        .t = v->type.dtype,
        .whole = wide ? TN_I64 : TN_I32,
        .bare = wide ? TN_U64 : TN_U32,
        .wide = wide,
        .digits = wide ? 52 : 23,
    };
}

tn_ins *
tn_kx_flip(const kx *x, tn_ins *truth)
{
    return kx_with_int(x, TN_FN_xor, truth, 1);
}

tn_ins *
tn_kx_sign_bit(const kx *x, tn_ins *a)
{
    tn_ins *bits = kx_bits(x, a);
    return kx_with_int(x, TN_FN_and, bits, x->wide ? INT64_MIN : INT32_MIN);
}

tn_ins *
tn_kx_xor_bits(const kx *x, tn_ins *a, tn_ins *bits)
{
    tn_ins *own = kx_bits(x, a);
    own = tn_kb_fn2(x->b, TN_FN_xor, own, bits);
    return kx_float(x, own);
}

tn_ins *
tn_kx_poly(const kx *x, tn_ins *z, int count, const double *c)
{
    tn_ins *sum = kx_k(x, c[count - 1]);
    for (int i = count - 2; i >= 0; i--)
        sum = kx_fma_plus(x, sum, z, c[i]);
    return sum;
}

static tn_ins *
zero_of(const kx *x)
{
    return tn_is_float(x->t) ? kx_k(x, 0) : tn_kb_whole(x->b, x->t, 0);
}

/* ---- tests ---- */

tn_ins *
tn_kx_ne(const kx *x, tn_ins *const *a)
{
    tn_ins *equal = tn_kb_fn2(x->b, TN_FN_eq, a[0], a[1]);
    return tn_kx_flip(x, equal);
}

tn_ins *
tn_kx_gt(const kx *x, tn_ins *const *a)
{
    return kx_lt(x, a[1], a[0]);
}

tn_ins *
tn_kx_ge(const kx *x, tn_ins *const *a)
{
    return tn_kb_fn2(x->b, TN_FN_le, a[1], a[0]);
}

tn_ins *
tn_kx_is_nan(const kx *x, tn_ins *const *a)
{
    tn_ins *itself = tn_kb_fn2(x->b, TN_FN_eq, a[0], a[0]);
    return tn_kx_flip(x, itself);
}

tn_ins *
tn_kx_is_inf(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    return kx_with(x, TN_FN_eq, size, (double)INFINITY);
}

tn_ins *
tn_kx_is_finite(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    return kx_with(x, TN_FN_lt, size, (double)INFINITY);
}

/* ---- simple arithmetic ---- */

tn_ins *
tn_kx_not(const kx *x, tn_ins *const *a)
{
    return kx_with_int(x, TN_FN_xor, a[0], x->t == TN_BOOL ? 1 : -1);
}

tn_ins *
tn_kx_ceil(const kx *x, tn_ins *const *a)
{
    tn_ins *minus = tn_kb_fn1(x->b, TN_FN_neg, a[0]);
    tn_ins *down = tn_kb_fn1(x->b, TN_FN_floor, minus);
    return tn_kb_fn1(x->b, TN_FN_neg, down);
}

tn_ins *
tn_kx_sign(const kx *x, tn_ins *const *a)
{
    if (tn_is_int(x->t)) {
        tn_ins *upper = kx_with_int(x, TN_FN_min, a[0], 1);
        return tn_is_signed(x->t) ? kx_with_int(x, TN_FN_max, upper, -1) : upper;
    }
    tn_ins *zero = kx_k(x, 0), *one = kx_k(x, 1), *minus = kx_k(x, -1);
    tn_ins *below = kx_lt(x, a[0], zero);
    tn_ins *above = kx_lt(x, zero, a[0]);
    /* What is neither is a zero or a NaN and stays. */
    tn_ins *upper = kx_select(x, above, one, a[0]);
    return kx_select(x, below, minus, upper);
}

tn_ins *
tn_kx_recip(const kx *x, tn_ins *const *a)
{
    tn_ins *one = kx_k(x, 1);
    return kx_div(x, one, a[0]);
}

tn_ins *
tn_kx_rsqrt(const kx *x, tn_ins *const *a)
{
    tn_ins *root = kx_sqrt(x, a[0]);
    return tn_kx_recip(x, &root);
}

tn_ins *
tn_kx_mod(const kx *x, tn_ins *const *a)
{
    tn_ins *rest = tn_kb_fn2(x->b, TN_FN_rem, a[0], a[1]);
    if (tn_is_int(x->t) && !tn_is_signed(x->t))
        return rest;
    tn_ins *zero = zero_of(x);
    tn_ins *rest_below = kx_lt(x, rest, zero);
    tn_ins *y_below = kx_lt(x, a[1], zero);
    tn_ins *unlike = tn_kb_fn2(x->b, TN_FN_xor, rest_below, y_below);
    tn_ins *none = tn_kb_fn2(x->b, TN_FN_eq, rest, zero);
    tn_ins *sum = kx_add(x, rest, a[1]);
    tn_ins *moved = kx_select(x, unlike, sum, rest);
    if (tn_is_int(x->t))
        return kx_select(x, none, rest, moved);
    tn_ins *sign = tn_kx_sign_bit(x, a[1]);
    tn_ins *signed_zero = kx_float(x, sign);
    return kx_select(x, none, signed_zero, moved);
}

/* ---- shifts by any amount ---- */

/* Whether the amount, read as unsigned, is below the width; *masked is an
 * amount that always is. */
static tn_ins *
small_amount(const kx *x, tn_ins *amount, tn_ins **masked)
{
    int64_t width = 8 * tn_dtype_bytes(x->t);
    *masked = kx_with_int(x, TN_FN_and, amount, width - 1);
    return tn_kb_fn2(x->b, TN_FN_eq, *masked, amount);
}

tn_ins *
tn_kx_shift_left(const kx *x, tn_ins *const *a)
{
    tn_ins *amount;
    tn_ins *small = small_amount(x, a[1], &amount);
    tn_ins *shifted = tn_kb_fn2(x->b, TN_FN_shl, a[0], amount);
    tn_ins *zero = zero_of(x);
    return kx_select(x, small, shifted, zero);
}

tn_ins *
tn_kx_shift_right(const kx *x, tn_ins *const *a)
{
    tn_ins *amount;
    tn_ins *small = small_amount(x, a[1], &amount);
    tn_ins *shifted = tn_kb_fn2(x->b, TN_FN_shr, a[0], amount);
    tn_ins *beyond = zero_of(x);
    if (tn_is_signed(x->t))
        beyond = kx_with_int(x, TN_FN_shr, a[0], 8 * tn_dtype_bytes(x->t) - 1);
    return kx_select(x, small, shifted, beyond);
}
