/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kexpand.h"

#include <assert.h>

/* Functions that are a few natives: tests, signs, shifts, rests. */

static tn_ins *
zero_of(tn_kb *b, tn_dtype t)
{
    return tn_is_float(t) ? tn_kb_real(b, t, 0) : tn_kb_whole(b, t, 0);
}

static tn_ins *
expand_ne(tn_kb *b, tn_ins *const *x)
{
    tn_ins *equal = tn_kb_fn2(b, TN_FN_eq, x[0], x[1]);
    return kx_not(b, equal);
}

static tn_ins *
expand_gt(tn_kb *b, tn_ins *const *x)
{
    return tn_kb_fn2(b, TN_FN_lt, x[1], x[0]);
}

static tn_ins *
expand_ge(tn_kb *b, tn_ins *const *x)
{
    return tn_kb_fn2(b, TN_FN_le, x[1], x[0]);
}

static tn_ins *
expand_not(tn_kb *b, tn_ins *const *x)
{
    tn_ins *ones = tn_kb_whole(b, x[0]->type.dtype, -1);
    return tn_kb_fn2(b, TN_FN_xor, x[0], ones);
}

static tn_ins *
expand_ceil(tn_kb *b, tn_ins *const *x)
{
    tn_ins *minus = tn_kb_fn1(b, TN_FN_neg, x[0]);
    tn_ins *down = tn_kb_fn1(b, TN_FN_floor, minus);
    return tn_kb_fn1(b, TN_FN_neg, down);
}

static tn_ins *
expand_sign(tn_kb *b, tn_ins *const *x)
{
    tn_dtype t = x[0]->type.dtype;
    tn_ins *zero = zero_of(b, t);
    if (tn_is_int(t)) {
        tn_ins *one = tn_kb_whole(b, t, 1);
        tn_ins *upper = tn_kb_fn2(b, TN_FN_min, x[0], one);
        return tn_is_signed(t) ? tn_kb_fn2(b, TN_FN_max, upper, tn_kb_whole(b, t, -1)) : upper;
    }
    tn_ins *one = tn_kb_real(b, t, 1), *minus = tn_kb_real(b, t, -1);
    tn_ins *below = tn_kb_fn2(b, TN_FN_lt, x[0], zero);
    tn_ins *above = tn_kb_fn2(b, TN_FN_lt, zero, x[0]);
    /* What is neither is a zero or a NaN and stays. */
    tn_ins *upper = tn_kb_fn3(b, TN_FN_select, above, one, x[0]);
    return tn_kb_fn3(b, TN_FN_select, below, minus, upper);
}

static tn_ins *
expand_recip(tn_kb *b, tn_ins *const *x)
{
    tn_ins *one = tn_kb_real(b, x[0]->type.dtype, 1);
    return tn_kb_fn2(b, TN_FN_div, one, x[0]);
}

static tn_ins *
expand_rsqrt(tn_kb *b, tn_ins *const *x)
{
    tn_ins *root = tn_kb_fn1(b, TN_FN_sqrt, x[0]);
    return expand_recip(b, &root);
}

static tn_ins *
expand_mod(tn_kb *b, tn_ins *const *x)
{
    tn_dtype t = x[0]->type.dtype;
    tn_ins *rest = tn_kb_fn2(b, TN_FN_rem, x[0], x[1]);
    if (tn_is_int(t) && !tn_is_signed(t))
        return rest;
    tn_ins *zero = zero_of(b, t);
    tn_ins *rest_below = tn_kb_fn2(b, TN_FN_lt, rest, zero);
    tn_ins *y_below = tn_kb_fn2(b, TN_FN_lt, x[1], zero);
    tn_ins *unlike = tn_kb_fn2(b, TN_FN_xor, rest_below, y_below);
    tn_ins *none = tn_kb_fn2(b, TN_FN_eq, rest, zero);
    tn_ins *sum = tn_kb_fn2(b, TN_FN_add, rest, x[1]);
    tn_ins *moved = tn_kb_fn3(b, TN_FN_select, unlike, sum, rest);
    if (tn_is_int(t))
        return tn_kb_fn3(b, TN_FN_select, none, rest, moved);
    tn_ins *signed_zero = kx_with_sign(b, zero, x[1]);
    return tn_kb_fn3(b, TN_FN_select, none, signed_zero, moved);
}

static tn_ins *
expand_is_nan(tn_kb *b, tn_ins *const *x)
{
    tn_ins *itself = tn_kb_fn2(b, TN_FN_eq, x[0], x[0]);
    return kx_not(b, itself);
}

static tn_ins *
expand_is_inf(tn_kb *b, tn_ins *const *x)
{
    tn_ins *size = tn_kb_fn1(b, TN_FN_abs, x[0]);
    tn_ins *infinity = kx_infinity(b, x[0]->type.dtype);
    return tn_kb_fn2(b, TN_FN_eq, size, infinity);
}

static tn_ins *
expand_is_finite(tn_kb *b, tn_ins *const *x)
{
    tn_ins *size = tn_kb_fn1(b, TN_FN_abs, x[0]);
    tn_ins *infinity = kx_infinity(b, x[0]->type.dtype);
    return tn_kb_fn2(b, TN_FN_lt, size, infinity);
}

/* Whether a shift amount, read as unsigned, is below the width. */
static tn_ins *
small_amount(tn_kb *b, tn_ins *amount, tn_ins **masked)
{
    tn_dtype t = amount->type.dtype;
    int64_t width = 8 * tn_dtype_bytes(t);
    tn_ins *mask = tn_kb_whole(b, t, width - 1);
    *masked = tn_kb_fn2(b, TN_FN_and, amount, mask);
    return tn_kb_fn2(b, TN_FN_eq, *masked, amount);
}

static tn_ins *
expand_shift_left(tn_kb *b, tn_ins *const *x)
{
    tn_ins *amount;
    tn_ins *small = small_amount(b, x[1], &amount);
    tn_ins *shifted = tn_kb_fn2(b, TN_FN_shl, x[0], amount);
    return tn_kb_fn3(b, TN_FN_select, small, shifted, zero_of(b, x[0]->type.dtype));
}

static tn_ins *
expand_shift_right(tn_kb *b, tn_ins *const *x)
{
    tn_dtype t = x[0]->type.dtype;
    tn_ins *amount;
    tn_ins *small = small_amount(b, x[1], &amount);
    tn_ins *shifted = tn_kb_fn2(b, TN_FN_shr, x[0], amount);
    tn_ins *beyond = zero_of(b, t);
    if (tn_is_signed(t)) {
        tn_ins *most = tn_kb_whole(b, t, 8 * tn_dtype_bytes(t) - 1);
        beyond = tn_kb_fn2(b, TN_FN_shr, x[0], most);
    }
    return tn_kb_fn3(b, TN_FN_select, small, shifted, beyond);
}

tn_ins *
kb_expand(tn_kb *b, tn_fn fn, int count, tn_ins *const *args)
{
    (void)count;
    switch (fn) {
    case TN_FN_ne:
        return expand_ne(b, args);
    case TN_FN_gt:
        return expand_gt(b, args);
    case TN_FN_ge:
        return expand_ge(b, args);
    case TN_FN_not:
        return expand_not(b, args);
    case TN_FN_ceil:
        return expand_ceil(b, args);
    case TN_FN_sign:
        return expand_sign(b, args);
    case TN_FN_recip:
        return expand_recip(b, args);
    case TN_FN_rsqrt:
        return expand_rsqrt(b, args);
    case TN_FN_mod:
        return expand_mod(b, args);
    case TN_FN_is_nan:
        return expand_is_nan(b, args);
    case TN_FN_is_inf:
        return expand_is_inf(b, args);
    case TN_FN_is_finite:
        return expand_is_finite(b, args);
    case TN_FN_shift_left:
        return expand_shift_left(b, args);
    case TN_FN_shift_right:
        return expand_shift_right(b, args);
    default:
        return kx_curve(b, fn, args);
    }
}
