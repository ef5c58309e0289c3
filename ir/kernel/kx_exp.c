/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kexpand.h"

/* Exponentials. Polynomials here and in the other kx files are minimax (Remez
 * exchange, weighted by the function they end in), their coefficients rounded
 * to the type. */

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2; error of e^r 3e-9, 5e-20. */
static const double exp_32[] = {0.4999999403953552, 0.1666651964187622, 0.04166839271783829,
    0.008368780836462975, 0.0013814467238262296};
static const double exp_64[] = {0.5, 0.16666666666666682, 0.04166666666666609, 0.00833333333331692,
    0.0013888888889117563, 0.00019841269896677383, 2.480158692411076e-05, 2.7557234560984922e-06,
    2.755758315223743e-07, 2.5112144073123027e-08, 2.0826442240635243e-09};

/* (sinh(a) - a) / a^3 over a^2 for |a| <= 1; errors 5e-11, 9e-20. */
static const double sinh_32[] = {
    0.1666666716337204, 0.008333349600434303, 0.0001983615948120132, 2.8169515644549392e-06};
static const double sinh_64[] = {0.16666666666666669, 0.008333333333333148, 0.00019841269841431873,
    2.755731915707188e-06, 2.505212313672566e-08, 1.6057259768331725e-10, 7.758748816870638e-13};

static const double log2_e = 1.4426950408889634;
static const double ln_2 = 0.6931471805599453;

/* The same, `plus` added to the bits. */
static tn_ins *
nearest_plus(const kx *x, tn_ins *a, double factor, int plus, tn_ins **bits)
{
    /* 1.5 * 2^digits: what is added to it is rounded to a whole number that
     * stands in the last bits of the sum. */
    double magic = (x->wide ? 6755399441055744.0 : 12582912.0) + plus;
    tn_ins *sum = factor == 1 ? kx_with(x, TN_FN_add, a, magic) : NULL;
    if (!sum) {
        tn_ins *k = kx_k(x, factor);
        sum = kx_fma_plus(x, a, k, magic);
    }
    *bits = kx_bits(x, sum);
    return kx_with(x, TN_FN_sub, sum, magic);
}

tn_ins *
tn_kx_nearest(const kx *x, tn_ins *a, double factor, tn_ins **bits)
{
    return nearest_plus(x, a, factor, 0, bits);
}

tn_ins *
tn_kx_small_expm1(const kx *x, tn_ins *r)
{
    tn_ins *q = KX_POLY(x, r, exp_32, exp_64);
    tn_ins *square = kx_mul(x, r, r);
    return kx_fma(x, square, q, r);
}

/* What is left of `a` without n ln 2; n + plus stands in the last bits of k. */
static tn_ins *
without_powers(const kx *x, tn_ins *a, int plus, tn_ins **k)
{
    /* ln 2 in two parts; n times the first is exact (fdlibm's values). */
    double high = x->wide ? 6.93147180369123816490e-01 : 6.9314575195e-01;
    double low = x->wide ? 1.90821492927058770002e-10 : 1.4286067653e-06;
    tn_ins *n = nearest_plus(x, a, log2_e, plus, k);
    tn_ins *r = kx_fma_k(x, n, -high, a);

    return kx_fma_k(x, n, -low, r);
}

kx_power
tn_kx_power_of_e(const kx *x, tn_ins *a)
{
    kx_power out;
    tn_ins *r = without_powers(x, a, 0, &out.k);

    out.m = tn_kx_small_expm1(x, r);
    return out;
}

/* 2^n, n the last bits of `bits` above the exponent's place. */
static tn_ins *
power_of_two(const kx *x, tn_ins *exponent)
{
    int64_t one = x->wide ? 0x3ff0000000000000 : 0x3f800000;
    tn_ins *bits = kx_with_int(x, TN_FN_add, exponent, one);
    return kx_float(x, bits);
}

tn_ins *
tn_kx_scaled(const kx *x, tn_ins *v, tn_ins *k, int more)
{
    /* By two powers, because one may be beyond the exponents: the first
     * product is exact. */
    if (more)
        k = kx_with_int(x, TN_FN_add, k, more);
    tn_ins *all = kx_with_int(x, TN_FN_shl, k, x->digits);
    tn_ins *half = kx_with_int(x, TN_FN_shr, k, 1);
    half = kx_with_int(x, TN_FN_shl, half, x->digits);
    tn_ins *rest = kx_sub(x, all, half);
    tn_ins *first = power_of_two(x, half);
    tn_ins *second = power_of_two(x, rest);
    v = kx_mul(x, v, first);
    return kx_mul(x, v, second);
}

tn_ins *
tn_kx_exp_scaled(const kx *x, tn_ins *a, int more)
{
    a = kx_least(x, x->wide ? -746 : -104, a);
    a = kx_most(x, (x->wide ? 710 : 89) - more, a);
    /* The exponent as two that are no less than the least and no more than
     * the greatest; both biases are in k already. */
    tn_ins *k;
    tn_ins *r = without_powers(x, a, (x->wide ? 2046 : 254) + more, &k);
    tn_ins *q = KX_POLY(x, r, exp_32, exp_64);
    tn_ins *v = kx_fma_plus(x, q, r, 1);
    v = kx_fma_plus(x, v, r, 1);
    tn_ins *half = kx_with_int(x, TN_FN_shr, k, 1);
    tn_ins *rest = kx_sub(x, k, half);
    half = kx_with_int(x, TN_FN_shl, half, x->digits);
    rest = kx_with_int(x, TN_FN_shl, rest, x->digits);
    half = kx_float(x, half);
    rest = kx_float(x, rest);
    v = kx_mul(x, v, half);
    return kx_mul(x, v, rest);
}

tn_ins *
tn_kx_exp(const kx *x, tn_ins *const *a)
{
    return tn_kx_exp_scaled(x, a[0], 0);
}

tn_ins *
tn_kx_exp2(const kx *x, tn_ins *const *a)
{
    tn_ins *k;
    tn_ins *v = kx_least(x, x->wide ? -1076 : -151, a[0]);
    v = kx_most(x, x->wide ? 1025 : 129, v);
    tn_ins *n = tn_kx_nearest(x, v, 1, &k);
    tn_ins *r = kx_sub(x, v, n);
    r = kx_mul_k(x, r, ln_2);
    tn_ins *m = tn_kx_small_expm1(x, r);
    m = kx_with(x, TN_FN_add, m, 1);
    return tn_kx_scaled(x, m, k, 0);
}

/* 2^k * (1 + m) - 1, halved inside so that k may be the greatest exponent
 * plus one. */
static tn_ins *
minus_one(const kx *x, kx_power p)
{
    tn_ins *k = kx_with_int(x, TN_FN_add, p.k, -1);
    k = kx_with_int(x, TN_FN_shl, k, x->digits);
    tn_ins *scale = power_of_two(x, k);
    tn_ins *rest = kx_with(x, TN_FN_sub, scale, 0.5);
    tn_ins *half = kx_fma(x, scale, p.m, rest);
    return kx_add(x, half, half);
}

tn_ins *
tn_kx_expm1(const kx *x, tn_ins *const *a)
{
    tn_ins *v = kx_least(x, x->wide ? -40 : -20, a[0]);
    v = kx_most(x, x->wide ? 710 : 89, v);
    tn_ins *y = minus_one(x, tn_kx_power_of_e(x, v));
    /* Halves of the least numbers are no numbers; -0 stays. */
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *tiny = kx_with(x, TN_FN_lt, size, x->wide ? 1e-20 : 1e-10);
    return kx_select(x, tiny, a[0], y);
}

tn_ins *
tn_kx_sigmoid(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *minus = tn_kb_fn1(x->b, TN_FN_neg, size);
    tn_ins *z = tn_kx_exp_scaled(x, minus, 0);
    tn_ins *one = kx_k(x, 1);
    tn_ins *below = kx_with(x, TN_FN_lt, a[0], 0);
    tn_ins *top = kx_select(x, below, z, one);
    tn_ins *bottom = kx_add(x, z, one);
    return kx_div(x, top, bottom);
}

tn_ins *
tn_kx_tanh(const kx *x, tn_ins *const *a)
{
    /* e / (e + 2), e = exp(2|a|) - 1. */
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    size = kx_most(x, x->wide ? 22 : 10, size);
    size = kx_add(x, size, size);
    kx_power p = tn_kx_power_of_e(x, size);
    tn_ins *k = kx_with_int(x, TN_FN_shl, p.k, x->digits);
    tn_ins *scale = power_of_two(x, k);
    tn_ins *rest = kx_with(x, TN_FN_sub, scale, 1);
    tn_ins *e = kx_fma(x, scale, p.m, rest);
    tn_ins *bottom = kx_with(x, TN_FN_add, e, 2);
    tn_ins *y = kx_div(x, e, bottom);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_sinh(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    tn_ins *z = kx_mul(x, size, size);
    tn_ins *q = KX_POLY(x, z, sinh_32, sinh_64);
    tn_ins *cube = kx_mul(x, size, z);
    tn_ins *small = kx_fma(x, cube, q, size);
    tn_ins *half = tn_kx_exp_scaled(x, size, -1);
    tn_ins *quarter = kx_k(x, 0.25);
    tn_ins *other = kx_div(x, quarter, half);
    tn_ins *large = kx_sub(x, half, other);
    tn_ins *near = kx_with(x, TN_FN_lt, size, 1);
    tn_ins *y = kx_select(x, near, small, large);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_cosh(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *half = tn_kx_exp_scaled(x, size, -1);
    tn_ins *quarter = kx_k(x, 0.25);
    tn_ins *other = kx_div(x, quarter, half);
    return kx_add(x, half, other);
}
