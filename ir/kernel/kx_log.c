/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ir/kernel/kexpand.h"

/* Logarithms, inverse hyperbolic functions, powers. */

/* f32: (log(1+f) - f + f^2/2) / f^3; error of the logarithm 6e-9. */
static const double log_32[] = {0.3333333134651184, -0.2500081956386566, 0.20001226663589478,
    -0.16623356938362122, 0.14201751351356506, -0.13160176575183868, 0.12761624157428741,
    -0.07634568214416504};
/* f64: log(1+f) = 2s + s^3 R(s^2), s = f/(2+f), as in fdlibm; error 1e-18. */
static const double log_64[] = {0.6666666666666735, 0.39999999999411096, 0.28571428743262606,
    0.22222198475992952, 0.18183569739489244, 0.15313903254223568, 0.1479750763903558};

/* 3 (atanh(s) / s - 1 - s^2/3) / s^4 over s^2 for s up to 0.172; errors
 * 8e-12, 2e-18. */
static const double power_32[] = {0.6000022888183594, 0.42820626497268677, 0.3512972891330719};
static const double power_64[] = {0.5999999999966935, 0.4285714300869255, 0.3333330744826976,
    0.27274893009107615, 0.22981790663095286, 0.22093841151989366};

/* (asinh(a) - a) / a^3 over a^2 for |a| <= 1; errors 3e-9, 2e-16. */
static const double asinh_32[] = {-0.16666629910469055, 0.07498703896999359, -0.044487014412879944,
    0.02945316582918167, -0.019175859168171883, 0.010423917323350906, -0.0038343758787959814,
    0.0006730094319209456};
static const double asinh_64[] = {-0.16666666666659966, 0.0749999999909131, -0.044642856708389,
    0.030381933832968205, -0.02237200306601514, 0.017351248412411997, -0.013954512512223117,
    0.011500367766990881, -0.009568980502726556, 0.007835371175153668, -0.006059840285909885,
    0.004192927134102798, -0.0024403842033562974, 0.0011164409329137031, -0.00036938000494731067,
    7.764847979536475e-05, -7.726755539865879e-06};

/* (atanh(a) - a) / a^3 over a^2 for |a| <= 1/2; errors 1e-9, 1e-16. */
static const double atanh_32[] = {0.33333301544189453, 0.20002518594264984, 0.14222761988639832,
    0.11823729425668716, 0.05135825276374817, 0.1766911745071411};
static const double atanh_64[] = {0.33333333333324844, 0.2000000000227981, 0.14285714072554873,
    0.1111112108309019, 0.09090636587804563, 0.07697027459516036, 0.06612503664064145,
    0.06302445057055801, 0.030640246136001022, 0.12326715705988636, -0.11593159578608705,
    0.21130693545009155};

void
tn_kx_log_parts(const kx *x, tn_ins *v, tn_ins **e, tn_ins **f)
{
    /* sqrt(1/2); subtracting its bits brings the significand to
     * sqrt(1/2) .. sqrt(2). */
    int64_t root = x->wide ? 0x3fe6a09e667f3bcd : 0x3f3504f3;
    double up = x->wide ? 18014398509481984.0 : 33554432.0; /* 2^54, 2^25 */
    tn_ins *denormal = kx_with(x, TN_FN_lt, v, x->wide ? 0x1p-1022 : 0x1p-126);
    tn_ins *raised = kx_mul_k(x, v, up);
    v = kx_select(x, denormal, raised, v);
    tn_ins *lift = kx_k(x, x->wide ? -54 : -25), *none = kx_k(x, 0);
    lift = kx_select(x, denormal, lift, none);
    tn_ins *bits = kx_bits(x, v);
    bits = kx_with_int(x, TN_FN_sub, bits, root);
    tn_ins *exponent = kx_with_int(x, TN_FN_shr, bits, x->digits);
    exponent = tn_kb_cast(x->b, x->t, exponent);
    *e = kx_add(x, exponent, lift);
    bits = kx_with_int(x, TN_FN_and, bits, ((int64_t)1 << x->digits) - 1);
    bits = kx_with_int(x, TN_FN_add, bits, root);
    tn_ins *m = kx_float(x, bits);
    *f = kx_with(x, TN_FN_sub, m, 1);
}

/* log(1+f) - f, without the e parts. */
static tn_ins *
log_rest(const kx *x, tn_ins *f)
{
    tn_ins *square = kx_mul(x, f, f);
    if (!x->wide) {
        tn_ins *q = tn_kx_poly(x, f, sizeof log_32 / sizeof *log_32, log_32);
        tn_ins *cube = kx_mul(x, square, f);
        tn_ins *rest = kx_mul(x, cube, q);
        return kx_fma_k(x, square, -0.5, rest);
    }
    tn_ins *half = kx_mul_k(x, square, 0.5);
    tn_ins *bottom = kx_with(x, TN_FN_add, f, 2);
    tn_ins *s = kx_div(x, f, bottom);
    tn_ins *z = kx_mul(x, s, s);
    tn_ins *r = tn_kx_poly(x, z, sizeof log_64 / sizeof *log_64, log_64);
    r = kx_fma(x, z, r, half);
    tn_ins *rest = kx_mul(x, s, r);
    return kx_sub(x, rest, half);
}

/* log(2^e (1+f)) + more. */
static tn_ins *
log_of_parts(const kx *x, tn_ins *e, tn_ins *f, tn_ins *more)
{
    /* ln 2 in two parts; e times the first is exact (fdlibm's values). */
    double high = x->wide ? 6.93147180369123816490e-01 : 6.9314575195e-01;
    double low = x->wide ? 1.90821492927058770002e-10 : 1.4286067653e-06;
    tn_ins *rest = log_rest(x, f);
    rest = kx_fma_k(x, e, low, rest);
    if (more)
        rest = kx_add(x, rest, more);
    rest = kx_add(x, f, rest);
    return kx_fma_k(x, e, high, rest);
}

/* y for v above 0 and finite; else what the logarithm of v is. */
static tn_ins *
log_ends(const kx *x, tn_ins *v, tn_ins *y)
{
    tn_ins *zero = kx_k(x, 0), *nan = kx_k(x, (double)NAN), *least = kx_k(x, -(double)INFINITY);
    tn_ins *above = kx_lt(x, zero, v);
    tn_ins *finite = kx_with(x, TN_FN_lt, v, (double)INFINITY);
    tn_ins *at_zero = tn_kb_fn2(x->b, TN_FN_eq, v, zero);
    tn_ins *end = kx_select(x, at_zero, least, nan);
    end = kx_select(x, above, v, end);
    tn_ins *plain = kx_and(x, above, finite);
    return kx_select(x, plain, y, end);
}

static tn_ins *
log_of(const kx *x, tn_ins *v)
{
    tn_ins *e, *f;
    tn_kx_log_parts(x, v, &e, &f);
    tn_ins *y = log_of_parts(x, e, f, NULL);
    return log_ends(x, v, y);
}

tn_ins *
tn_kx_log(const kx *x, tn_ins *const *a)
{
    return log_of(x, a[0]);
}

tn_ins *
tn_kx_log1p(const kx *x, tn_ins *const *a)
{
    /* u = 1 + a rounded; what was lost, over u, is added. */
    tn_ins *e, *f, *v = a[0];
    tn_ins *u = kx_with(x, TN_FN_add, v, 1);
    tn_ins *back = kx_with(x, TN_FN_sub, u, 1);
    tn_ins *lost = kx_sub(x, v, back);
    lost = kx_div(x, lost, u);
    tn_kx_log_parts(x, u, &e, &f);
    tn_ins *y = log_of_parts(x, e, f, lost);
    y = log_ends(x, u, y);
    tn_ins *zero = kx_with(x, TN_FN_eq, v, 0);
    return kx_select(x, zero, v, y);
}

/* ---- inverse hyperbolic functions ---- */

/* a + a^3 q(a^2) */
static tn_ins *
odd(const kx *x, tn_ins *a, tn_ins *z, tn_ins *q)
{
    tn_ins *cube = kx_mul(x, a, z);
    return kx_fma(x, cube, q, a);
}

tn_ins *
tn_kx_small_asinh(const kx *x, tn_ins *a)
{
    tn_ins *z = kx_mul(x, a, a);
    tn_ins *q = KX_POLY(x, z, asinh_32, asinh_64);
    return odd(x, a, z, q);
}

/* log(a + sqrt(a^2 + plus)) for a >= 1; a itself, and ln 2 more, where the
 * square would be beyond the numbers. */
static tn_ins *
log_of_sum(const kx *x, tn_ins *a, double plus)
{
    tn_ins *e, *f;
    tn_ins *huge = kx_k(x, x->wide ? 1e17 : 1e9);
    huge = kx_lt(x, huge, a);
    tn_ins *square = kx_mul(x, a, a);
    square = kx_with(x, TN_FN_add, square, plus);
    tn_ins *root = kx_sqrt(x, square);
    tn_ins *sum = kx_add(x, a, root);
    sum = kx_select(x, huge, a, sum);
    tn_kx_log_parts(x, sum, &e, &f);
    tn_ins *one = kx_k(x, 1), *none = kx_k(x, 0);
    tn_ins *twice = kx_select(x, huge, one, none);
    e = kx_add(x, e, twice);
    tn_ins *y = log_of_parts(x, e, f, NULL);
    return log_ends(x, sum, y);
}

tn_ins *
tn_kx_asinh(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    tn_ins *small = tn_kx_small_asinh(x, size);
    tn_ins *large = log_of_sum(x, size, 1);
    tn_ins *near = kx_with(x, TN_FN_lt, size, 1);
    tn_ins *y = kx_select(x, near, small, large);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_acosh(const kx *x, tn_ins *const *a)
{
    /* Near 1: 2 asinh(sqrt((a - 1) / 2)). */
    tn_ins *half = kx_with(x, TN_FN_sub, a[0], 1);
    half = kx_mul_k(x, half, 0.5);
    tn_ins *root = kx_sqrt(x, half);
    tn_ins *small = tn_kx_small_asinh(x, root);
    small = kx_add(x, small, small);
    tn_ins *large = log_of_sum(x, a[0], -1);
    tn_ins *near = kx_with(x, TN_FN_lt, a[0], 2);
    return kx_select(x, near, small, large);
}

tn_ins *
tn_kx_atanh(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    tn_ins *z = kx_mul(x, size, size);
    tn_ins *q = KX_POLY(x, z, atanh_32, atanh_64);
    tn_ins *small = odd(x, size, z, q);
    tn_ins *one = kx_k(x, 1);
    tn_ins *top = kx_add(x, one, size);
    tn_ins *bottom = kx_sub(x, one, size);
    tn_ins *ratio = kx_div(x, top, bottom);
    tn_ins *large = log_of(x, ratio);
    large = kx_mul_k(x, large, 0.5);
    tn_ins *near = kx_with(x, TN_FN_lt, size, 0.5);
    tn_ins *y = kx_select(x, near, small, large);
    return tn_kx_xor_bits(x, y, sign);
}

/* ---- powers: 2^(y log2 x), the logarithm and the product in two parts ---- */

typedef struct pair {
    tn_ins *high, *low;
} pair;

/* The upper half of the significand, so that products of two are exact. */
static tn_ins *
upper(const kx *x, tn_ins *v)
{
    tn_ins *bits = kx_bits(x, v);
    bits = kx_with_int(x, TN_FN_and, bits, x->wide ? -(INT64_C(1) << 27) : -(1 << 12));
    return kx_float(x, bits);
}

/* s = f / (2 + f) */
static pair
ratio_of(const kx *x, tn_ins *f)
{
    tn_ins *m = kx_with(x, TN_FN_add, f, 1);
    tn_ins *bottom = kx_with(x, TN_FN_add, m, 1);
    tn_ins *one = kx_k(x, 1);
    tn_ins *inverse = kx_div(x, one, bottom);
    tn_ins *s = kx_mul(x, f, inverse);
    pair out;
    out.high = upper(x, s);
    tn_ins *bottom_high = upper(x, bottom);
    tn_ins *bottom_low = kx_with(x, TN_FN_sub, bottom_high, 1);
    bottom_low = kx_sub(x, m, bottom_low);
    /* (f - high * bottom) / bottom */
    tn_ins *product = kx_mul(x, out.high, bottom_high);
    tn_ins *rest = kx_sub(x, f, product);
    product = kx_mul(x, out.high, bottom_low);
    rest = kx_sub(x, rest, product);
    out.low = kx_mul(x, rest, inverse);
    return out;
}

/* 3 atanh(s) = s (3 + s^2 + r), the sum and the product in two parts. */
static pair
thrice_atanh(const kx *x, pair s)
{
    tn_ins *sum = kx_add(x, s.high, s.low);
    tn_ins *z = kx_mul(x, sum, sum);
    tn_ins *r = KX_POLY(x, z, power_32, power_64);
    r = kx_mul(x, r, z);
    r = kx_mul(x, r, z);
    tn_ins *both = kx_add(x, s.high, sum);
    r = kx_fma(x, s.low, both, r);
    tn_ins *square = kx_mul(x, s.high, s.high);
    tn_ins *t = kx_with(x, TN_FN_add, square, 3);
    t = kx_add(x, t, r);
    tn_ins *t_high = upper(x, t);
    tn_ins *t_low = kx_with(x, TN_FN_sub, t_high, 3);
    t_low = kx_sub(x, t_low, square);
    t_low = kx_sub(x, r, t_low);
    tn_ins *lead = kx_mul(x, s.high, t_high);
    tn_ins *rest = kx_mul(x, t_low, sum);
    rest = kx_fma(x, s.low, t_high, rest);
    tn_ins *all = kx_add(x, lead, rest);
    pair out = {.high = upper(x, all)};
    tn_ins *taken = kx_sub(x, out.high, lead);
    out.low = kx_sub(x, rest, taken);
    return out;
}

/* log2(2^e (1+f)) to about one and a half times the digits of the type; the
 * way of fdlibm's pow. */
static pair
log2_of_parts(const kx *x, tn_ins *e, tn_ins *f)
{
    /* 2 / (3 ln 2) */
    const double c = 0.9617966939259756;
    const double c_high = x->wide ? 0.9617966860532761 : 0.961669921875;
    const double c_low = x->wide ? 7.872699542894897e-09 : 0.0001267720509756049;
    pair p = thrice_atanh(x, ratio_of(x, f)), out;
    tn_ins *rest = kx_mul_k(x, p.low, c);
    rest = kx_fma_k(x, p.high, c_low, rest);
    tn_ins *lead = kx_mul_k(x, p.high, c_high);
    /* |e| is 0 or above |lead|: what the sum loses is exact. */
    tn_ins *high = kx_add(x, e, lead);
    tn_ins *lost = kx_sub(x, high, e);
    lost = kx_sub(x, lead, lost);
    rest = kx_add(x, rest, lost);
    tn_ins *all = kx_add(x, high, rest);
    out.high = upper(x, all);
    out.low = kx_sub(x, high, out.high);
    out.low = kx_add(x, out.low, rest);
    return out;
}

/* 2^(l * y), |y| clamped where the result is an end anyway. */
static tn_ins *
power_of(const kx *x, pair l, tn_ins *y)
{
    double most_y = x->wide ? 0x1p70 : 0x1p40, most = x->wide ? 1025 : 129;
    double least = x->wide ? -1076 : -151;
    tn_ins *k;
    y = kx_least(x, -most_y, y);
    y = kx_most(x, most_y, y);
    tn_ins *y_high = upper(x, y);
    tn_ins *y_low = kx_sub(x, y, y_high);
    tn_ins *lead = kx_mul(x, y_high, l.high);
    tn_ins *rest = kx_mul(x, y_low, l.high);
    rest = kx_fma(x, y, l.low, rest);
    tn_ins *all = kx_add(x, lead, rest);
    tn_ins *clamped = kx_least(x, least, all);
    clamped = kx_most(x, most, clamped);
    tn_ins *n = tn_kx_nearest(x, clamped, 1, &k);
    tn_ins *r = kx_sub(x, lead, n);
    r = kx_add(x, r, rest);
    r = kx_mul_k(x, r, 0.6931471805599453);
    tn_ins *m = tn_kx_small_expm1(x, r);
    m = kx_with(x, TN_FN_add, m, 1);
    tn_ins *v = tn_kx_scaled(x, m, k, 0);
    tn_ins *zero = kx_k(x, 0), *infinity = kx_k(x, (double)INFINITY);
    tn_ins *low_end = kx_k(x, least), *high_end = kx_k(x, most);
    tn_ins *under = tn_kb_fn2(x->b, TN_FN_le, all, low_end);
    tn_ins *over = tn_kb_fn2(x->b, TN_FN_le, high_end, all);
    v = kx_select(x, under, zero, v);
    return kx_select(x, over, infinity, v);
}

/* Where |a| is 0 or infinite: 0 or infinite, by the sign of y. */
static tn_ins *
power_ends(const kx *x, tn_ins *size, tn_ins *y, tn_ins *v)
{
    tn_ins *zero = kx_k(x, 0), *infinity = kx_k(x, (double)INFINITY);
    tn_ins *none = tn_kb_fn2(x->b, TN_FN_eq, size, zero);
    tn_ins *endless = tn_kb_fn2(x->b, TN_FN_eq, size, infinity);
    tn_ins *falling = kx_lt(x, y, zero);
    tn_ins *vanishes = tn_kb_fn2(x->b, TN_FN_xor, none, falling);
    tn_ins *end = kx_select(x, vanishes, zero, infinity);
    tn_ins *at_end = tn_kb_fn2(x->b, TN_FN_or, none, endless);
    return kx_select(x, at_end, end, v);
}

/* Signs of negative bases, NaN for broken exponents of these. */
static tn_ins *
power_signs(const kx *x, tn_ins *a, tn_ins *y, tn_ins *v)
{
    tn_ins *nan = kx_k(x, (double)NAN), *zero = kx_k(x, 0);
    tn_ins *cut = tn_kb_fn1(x->b, TN_FN_trunc, y);
    tn_ins *whole = tn_kb_fn2(x->b, TN_FN_eq, cut, y);
    tn_ins *half = kx_mul_k(x, y, 0.5);
    cut = tn_kb_fn1(x->b, TN_FN_trunc, half);
    tn_ins *broken_half = tn_kb_fn2(x->b, TN_FN_ne, cut, half);
    tn_ins *odd_y = kx_and(x, whole, broken_half);
    tn_ins *sign = tn_kx_sign_bit(x, a), *plus = kx_w(x, 0);
    sign = kx_select(x, odd_y, sign, plus);
    v = tn_kx_xor_bits(x, v, sign);
    tn_ins *below = kx_lt(x, a, zero);
    tn_ins *least = kx_k(x, -(double)INFINITY);
    tn_ins *finite = kx_lt(x, least, a);
    tn_ins *broken = tn_kx_flip(x, whole);
    broken = kx_and(x, broken, below);
    broken = kx_and(x, broken, finite);
    return kx_select(x, broken, nan, v);
}

tn_ins *
tn_kx_pow(const kx *x, tn_ins *const *a)
{
    tn_ins *e, *f, *y = a[1];
    tn_ins *size = kx_abs(x, a[0]);
    tn_kx_log_parts(x, size, &e, &f);
    tn_ins *v = power_of(x, log2_of_parts(x, e, f), y);
    v = power_ends(x, size, y, v);
    v = power_signs(x, a[0], y, v);
    /* A NaN stays, but for 1^y and a^0. */
    tn_ins *one = kx_k(x, 1), *nan = kx_k(x, (double)NAN);
    tn_ins *number = tn_kb_fn2(x->b, TN_FN_eq, size, size);
    tn_ins *number_y = tn_kb_fn2(x->b, TN_FN_eq, y, y);
    number = kx_and(x, number, number_y);
    v = kx_select(x, number, v, nan);
    tn_ins *base_one = tn_kb_fn2(x->b, TN_FN_eq, a[0], one);
    tn_ins *y_zero = kx_with(x, TN_FN_eq, y, 0);
    tn_ins *is_one = tn_kb_fn2(x->b, TN_FN_or, base_one, y_zero);
    return kx_select(x, is_one, one, v);
}
