/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KEXPAND_H
#define TN_IR_KERNEL_KEXPAND_H

#include "ir/kernel/kb.h"

/* Functions as natives, shared by the files that expand them. All work on
 * scalars and vectors of f32 (with f32, i32 and u32 operations only) and f64.
 *
 * Errors, measured over all floats: f32 within 2e-7 of the
 * result, f64 within 1e-12; sin, cos and tan see kx_trig.c. Results keep these
 * bounds whether or not a generator fuses `fma`: where a step has to be exact,
 * its product is exact. Zeros, infinities, NaN and the ends of domains are as
 * in C; results below the normal numbers are rounded once. */
typedef struct kx {
    tn_kb *b;
    tn_dtype t, whole, bare; /* the float type, i and u integers of its width */
    bool wide;               /* f64 */
    int digits;              /* explicit bits of the significand */
} kx;

kx tn_kx_of(tn_kb *b, const tn_ins *v);

static inline tn_ins *
kx_k(const kx *x, double value)
{
    return tn_kb_real(x->b, x->t, value);
}

static inline tn_ins *
kx_w(const kx *x, int64_t value)
{
    return tn_kb_whole(x->b, x->whole, value);
}

/* A function with a constant as second operand. */
static inline tn_ins *
kx_with(const kx *x, tn_fn fn, tn_ins *a, double value)
{
    tn_ins *c = kx_k(x, value);
    return tn_kb_fn2(x->b, fn, a, c);
}

/* The same of integers; the constant has the type of `a`. */
static inline tn_ins *
kx_with_int(const kx *x, tn_fn fn, tn_ins *a, int64_t value)
{
    tn_ins *c = tn_kb_whole(x->b, a->type.dtype, value);
    return tn_kb_fn2(x->b, fn, a, c);
}

static inline tn_ins *
kx_add(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_add, a, c);
}

static inline tn_ins *
kx_sub(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_sub, a, c);
}

static inline tn_ins *
kx_mul(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_mul, a, c);
}

static inline tn_ins *
kx_div(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_div, a, c);
}

static inline tn_ins *
kx_lt(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_lt, a, c);
}

static inline tn_ins *
kx_and(const kx *x, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(x->b, TN_FN_and, a, c);
}

static inline tn_ins *
kx_select(const kx *x, tn_ins *condition, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn3(x->b, TN_FN_select, condition, a, c);
}

static inline tn_ins *
kx_fma(const kx *x, tn_ins *a, tn_ins *c, tn_ins *d)
{
    return tn_kb_fn3(x->b, TN_FN_fma, a, c, d);
}

/* a * value + d, a * c + value, a * value. */
static inline tn_ins *
kx_fma_k(const kx *x, tn_ins *a, double value, tn_ins *d)
{
    tn_ins *c = kx_k(x, value);
    return kx_fma(x, a, c, d);
}

static inline tn_ins *
kx_fma_plus(const kx *x, tn_ins *a, tn_ins *c, double value)
{
    tn_ins *d = kx_k(x, value);
    return kx_fma(x, a, c, d);
}

static inline tn_ins *
kx_mul_k(const kx *x, tn_ins *a, double value)
{
    return kx_with(x, TN_FN_mul, a, value);
}

static inline tn_ins *
kx_abs(const kx *x, tn_ins *a)
{
    return tn_kb_fn1(x->b, TN_FN_abs, a);
}

static inline tn_ins *
kx_sqrt(const kx *x, tn_ins *a)
{
    return tn_kb_fn1(x->b, TN_FN_sqrt, a);
}

/* min(value, a) and max(value, a): a NaN stays. */
static inline tn_ins *
kx_most(const kx *x, double value, tn_ins *a)
{
    tn_ins *c = kx_k(x, value);
    return tn_kb_fn2(x->b, TN_FN_min, c, a);
}

static inline tn_ins *
kx_least(const kx *x, double value, tn_ins *a)
{
    tn_ins *c = kx_k(x, value);
    return tn_kb_fn2(x->b, TN_FN_max, c, a);
}

/* Bits of a float as integer, and back. */
static inline tn_ins *
kx_bits(const kx *x, tn_ins *a)
{
    return tn_kb_bits(x->b, x->whole, a);
}

static inline tn_ins *
kx_float(const kx *x, tn_ins *bits)
{
    return tn_kb_bits(x->b, x->t, bits);
}

tn_ins *tn_kx_flip(const kx *x, tn_ins *truth); /* of a bool */
tn_ins *tn_kx_sign_bit(const kx *x, tn_ins *a); /* the bits of a, all but the sign 0 */
tn_ins *tn_kx_xor_bits(const kx *x, tn_ins *a, tn_ins *bits);
/* c[0] + c[1]*z + ..; the coefficients of the type. */
tn_ins *tn_kx_poly(const kx *x, tn_ins *z, int count, const double *c);
#define KX_POLY(x, z, c32, c64)                                                  \
    ((x)->wide ? tn_kx_poly((x), (z), (int)(sizeof(c64) / sizeof *(c64)), (c64)) \
               : tn_kx_poly((x), (z), (int)(sizeof(c32) / sizeof *(c32)), (c32)))

/* ---- exponentials: tn_kx_exp.c ---- */

/* e^a = 2^k * (1 + m), m in about -0.3 .. 0.42. */
typedef struct kx_power {
    tn_ins *k; /* an integer that ends in the bits of k */
    tn_ins *m;
} kx_power;

kx_power tn_kx_power_of_e(const kx *x, tn_ins *a);
/* m of e^r for |r| <= 0.35. */
tn_ins *tn_kx_small_expm1(const kx *x, tn_ins *r);
/* 2^(k + more) * v, v near 1, |k + more| up to twice the exponents; rounds
 * once if the result is below the normal numbers. */
tn_ins *tn_kx_scaled(const kx *x, tn_ins *v, tn_ins *k, int more);
/* The whole number nearest to a * factor, as a float; *bits ends in its bits. */
tn_ins *tn_kx_nearest(const kx *x, tn_ins *a, double factor, tn_ins **bits);
/* e^a, e^a / 2 from `more` -1; a is clamped to where the result is finite or
 * just not. */
tn_ins *tn_kx_exp_scaled(const kx *x, tn_ins *a, int more);

/* ---- logarithms: tn_kx_log.c ---- */

/* v = 2^e * (1 + f), e a float; sqrt(1/2) - 1 <= f < sqrt(2) - 1. For v above
 * 0 and finite. */
void tn_kx_log_parts(const kx *x, tn_ins *v, tn_ins **e, tn_ins **f);
/* z is a^2 for |a| <= 1: the odd function asinh(a). */
tn_ins *tn_kx_small_asinh(const kx *x, tn_ins *a);

/* ---- the expanded rows of fns.def ---- */

#define TN_ROW_NATIVE(name)
#define TN_ROW_EXPAND(name) tn_ins *tn_kx_##name(const kx *x, tn_ins *const *a);
#define TN_FN(name, graph, arity, rule, cost, native, doc) TN_ROW_##native(name)
#include "ir/kernel/fns.def"
#undef TN_ROW_NATIVE
#undef TN_ROW_EXPAND

#endif
