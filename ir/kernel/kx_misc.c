/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ir/kernel/kexpand.h"

/* erf, the rest of a division of floats, casts of halves. */

/* f32: erf(a) / a - 1 as a quotient of polynomials in a^2 for |a| <= 3/2;
 * error 5e-9. */
static const double erf_top[] = {
    0.12837917236794882, -0.31855065602693156, -0.04541934931537637, -0.006014283169517881};
static const double erf_bottom[] = {
    1.0, 0.44848405377459094, 0.08122083483208777, 0.006254001857605187};
/* f32: (1 - erf(a))^(1/8) for 3/2 <= a <= 4; error of erf 3e-8. */
static const double erf_root[] = {0.9894255995750427, -0.11072489619255066, -0.10396677255630493,
    0.016382692381739616, 0.0028731285128742456, -0.0005546053871512413};

/* f64: erf(a) / a over a^2 for |a| <= 1; error 2e-14. */
static const double erf_near[] = {1.1283791670954917, -0.37612638902775164, 0.11283791657674792,
    -0.026866168962346674, 0.005223966745828106, -0.0008547920950153999, 0.00012046046403258469,
    -1.4792924231334377e-05, 1.5295217449344284e-06, -1.0444480090821319e-07};
/* f64: exp(a^2) (1 - erf(a)) over t = (a - 5/2) / (a + 5/2), a in 1 .. 6;
 * error of erf 1e-17. */
static const double erf_far[] = {0.2108063640611422, -0.3717367339492737, 0.2517131932118469,
    -0.12503305234918158, 0.03992254052240877, -0.0039936894312293135, -0.002642357088678337,
    0.0008755017954148905, 0.00022541539893429074, -0.00013898333140032173, -5.3460411706893336e-05,
    -1.040404104536628e-06};

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static tn_ins *
erf_32(const kx *x, tn_ins *a)
{
    tn_ins *size = kx_abs(x, a);
    tn_ins *sign = tn_kx_sign_bit(x, a);
    size = kx_most(x, 4, size);
    tn_ins *z = kx_mul(x, size, size);
    tn_ins *top = tn_kx_poly(x, z, COUNT(erf_top), erf_top);
    tn_ins *bottom = tn_kx_poly(x, z, COUNT(erf_bottom), erf_bottom);
    tn_ins *near = kx_div(x, top, bottom);
    near = kx_fma(x, near, size, size);
    tn_ins *far = tn_kx_poly(x, size, COUNT(erf_root), erf_root);
    for (int i = 0; i < 3; i++)
        far = kx_mul(x, far, far);
    tn_ins *one = kx_k(x, 1);
    far = kx_sub(x, one, far);
    tn_ins *small = kx_with(x, TN_FN_lt, size, 1.5);
    tn_ins *y = kx_select(x, small, near, far);
    return tn_kx_xor_bits(x, y, sign);
}

static tn_ins *
erf_64(const kx *x, tn_ins *a)
{
    tn_ins *size = kx_abs(x, a);
    tn_ins *sign = tn_kx_sign_bit(x, a);
    size = kx_most(x, 6, size);
    tn_ins *z = kx_mul(x, size, size);
    tn_ins *near = tn_kx_poly(x, z, COUNT(erf_near), erf_near);
    near = kx_mul(x, near, size);
    tn_ins *low = kx_with(x, TN_FN_sub, size, 2.5);
    tn_ins *high = kx_with(x, TN_FN_add, size, 2.5);
    tn_ins *t = kx_div(x, low, high);
    tn_ins *far = tn_kx_poly(x, t, COUNT(erf_far), erf_far);
    tn_ins *minus = tn_kb_fn1(x->b, TN_FN_neg, z);
    tn_ins *scale = tn_kx_exp_scaled(x, minus, 0);
    far = kx_mul(x, far, scale);
    tn_ins *one = kx_k(x, 1);
    far = kx_sub(x, one, far);
    tn_ins *small = kx_lt(x, size, one);
    tn_ins *y = kx_select(x, small, near, far);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_erf(const kx *x, tn_ins *const *a)
{
    return x->wide ? erf_64(x, a[0]) : erf_32(x, a[0]);
}

/* ---- the rest of a division ---- */

/* |v| = m * 2^(e - bias), m an integer (unsigned type); denormal numbers have
 * e = 1 like the least normal ones. */
static void
integer_parts(const kx *x, tn_ins *v, tn_ins **m, tn_ins **e)
{
    int64_t implicit = (int64_t)1 << x->digits;
    v = kx_abs(x, v);
    tn_ins *bits = kx_bits(x, v);
    tn_ins *exponent = kx_with_int(x, TN_FN_shr, bits, x->digits);
    tn_ins *normal = kx_with_int(x, TN_FN_eq, exponent, 0);
    normal = tn_kx_flip(x, normal);
    *e = kx_with_int(x, TN_FN_max, exponent, 1);
    bits = kx_with_int(x, TN_FN_and, bits, implicit - 1);
    tn_ins *with = kx_with_int(x, TN_FN_or, bits, implicit);
    bits = kx_select(x, normal, with, bits);
    *m = tn_kb_bits(x->b, x->bare, bits);
}

/* m * 2^behind modulo n, eight bits at a time: both fit the width. */
static tn_ins *
long_division(const kx *x, tn_ins *m, tn_ins *n, tn_ins *behind)
{
    tn_kb *b = x->b;
    uint16_t lanes = m->type.lanes;
    tn_kcell *rest = tn_kb_cell(b, "rest", (tn_ktype){x->bare, lanes}, 0, NULL, false);
    tn_kcell *left = tn_kb_cell(b, "left", (tn_ktype){x->whole, lanes}, 0, NULL, false);
    tn_ins *first = tn_kb_fn2(b, TN_FN_rem, m, n);
    tn_kb_set(b, rest, first, 0, NULL);
    tn_kb_set(b, left, behind, 0, NULL);
    tn_ins *rounds = tn_kb_across(b, TN_FN_max, behind);
    rounds = kx_with_int(x, TN_FN_add, rounds, 7);
    rounds = kx_with_int(x, TN_FN_shr, rounds, 3);
    tn_ins *zero = tn_kb_int(b, 0);
    TN_KFOR(b, i, TN_LOOP_SERIAL, zero, rounds, 1, "digit") {
        tn_ins *have = tn_kb_get(b, left, 0, NULL);
        tn_ins *step = kx_with_int(x, TN_FN_min, have, 8);
        tn_ins *now = kx_sub(x, have, step);
        tn_kb_set(b, left, now, 0, NULL);
        tn_ins *r = tn_kb_get(b, rest, 0, NULL);
        step = tn_kb_bits(b, x->bare, step);
        r = tn_kb_fn2(b, TN_FN_shl, r, step);
        r = tn_kb_fn2(b, TN_FN_rem, r, n);
        tn_kb_set(b, rest, r, 0, NULL);
    }
    return tn_kb_get(b, rest, 0, NULL);
}

tn_ins *
tn_kb_expand_rem(tn_kb *b, tn_ins *a, tn_ins *c)
{
    kx made = tn_kx_of(b, a), *x = &made;
    tn_ins *m, *e, *n, *d;
    integer_parts(x, a, &m, &e);
    integer_parts(x, c, &n, &d);
    n = kx_with_int(x, TN_FN_max, n, 1);
    tn_ins *behind = kx_sub(x, e, d);
    tn_ins *below = kx_with_int(x, TN_FN_lt, behind, 0);
    behind = kx_with_int(x, TN_FN_max, behind, 0);
    tn_ins *r = long_division(x, m, n, behind);
    /* r * 2^(d - bias - digits), exact at every step. */
    r = tn_kb_bits(b, x->whole, r);
    r = tn_kb_cast(b, x->t, r);
    r = kx_mul_k(x, r, x->wide ? 0x1p-52 : 0x1p-23);
    tn_ins *scale = kx_with_int(x, TN_FN_shl, d, x->digits);
    scale = kx_float(x, scale);
    r = kx_mul(x, r, scale);
    tn_ins *size = kx_abs(x, a);
    tn_ins *sign = tn_kx_sign_bit(x, a);
    r = kx_select(x, below, size, r);
    r = tn_kx_xor_bits(x, r, sign);
    /* NaN for an infinite a, c = 0 and NaN. */
    tn_ins *nan = kx_k(x, (double)NAN), *zero = kx_k(x, 0);
    tn_ins *finite = kx_with(x, TN_FN_lt, size, (double)INFINITY);
    tn_ins *divisor = kx_abs(x, c);
    divisor = kx_lt(x, zero, divisor);
    finite = kx_and(x, finite, divisor);
    return kx_select(x, finite, r, nan);
}

/* ---- casts ---- */

/* A number as f32 that a half rounds to as the number itself would be: where
 * f32 is not exact, its last bit is set (round to odd). */
static tn_ins *
odd_single(tn_kb *b, tn_ins *a)
{
    tn_dtype t = a->type.dtype;
    tn_ins *near = tn_kb_cast(b, TN_F32, a);
    if (tn_dtype_bytes(t) < 4)
        return near;
    tn_ins *back = tn_kb_cast(b, t, near);
    tn_ins *exact = tn_kb_fn2(b, TN_FN_eq, back, a);
    tn_ins *zero = tn_is_float(t) ? tn_kb_real(b, t, 0) : tn_kb_whole(b, t, 0);
    tn_ins *below = tn_kb_fn2(b, TN_FN_lt, a, zero);
    tn_ins *more = tn_kb_fn2(b, TN_FN_lt, a, back);
    tn_ins *away = tn_kb_fn2(b, TN_FN_xor, more, below);
    tn_ins *bits = tn_kb_bits(b, TN_I32, near);
    tn_ins *step = tn_kb_cast(b, TN_I32, away);
    tn_ins *odd = tn_kb_sub(b, bits, step);
    tn_ins *one = tn_kb_whole(b, TN_I32, 1);
    odd = tn_kb_fn2(b, TN_FN_or, odd, one);
    odd = tn_kb_bits(b, TN_F32, odd);
    return tn_kb_fn3(b, TN_FN_select, exact, near, odd);
}

tn_ins *
tn_kb_expand_cast(tn_kb *b, tn_dtype to, tn_ins *a)
{
    bool to_half = to == TN_F16 || to == TN_BF16;
    bool from_half = a->type.dtype == TN_F16 || a->type.dtype == TN_BF16;
    a = to_half && !from_half ? odd_single(b, a) : tn_kb_cast(b, TN_F32, a);
    return tn_kb_cast(b, to, a);
}
