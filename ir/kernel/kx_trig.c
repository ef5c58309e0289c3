/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ir/kernel/kexpand.h"

/* sin, cos, tan and their inverses.
 *
 * f32: sin and cos within 2.5e-7 of the result and 1.5e-7 absolutely for every
 * finite argument, tan within 4e-7 of the result. f64: within 1e-12 up to 3e9,
 * NaN beyond. */

/* sin r = r + r^3 s(r^2), cos r = 1 - r^2/2 + r^4 c(r^2) for |r| <= pi/4;
 * errors 4e-9 and 1e-10, 4e-18 and 5e-20. */
static const double sin_32[] = {
    -0.16666655242443085, 0.008332173340022564, -0.00019516651809681207};
static const double cos_32[] = {0.04166664555668831, -0.001388736185617745, 2.443773155391682e-05};
static const double sin_64[] = {-0.16666666666666632, 0.008333333333322316, -0.0001984126982972527,
    2.7557313662080633e-06, -2.505075326815839e-08, 1.5896505156525443e-10};
static const double cos_64[] = {0.0416666666666666, -0.0013888888888873997, 2.48015872893972e-05,
    -2.7557314326498054e-07, 2.087571960385015e-09, -1.1359450323719764e-11};

/* (atan(t) - t) / t^3 over t^2 for |t| <= 1; errors 3e-9, 1e-15. */
static const double atan_32[] = {-0.33333298563957214, 0.19998548924922943, -0.14264242351055145,
    0.10952188074588776, -0.08403456211090088, 0.057957686483860016, -0.031177932396531105,
    0.010914647951722145, -0.0017936303047463298};
static const double atan_64[] = {-0.3333333333328812, 0.1999999999390002, -0.14285713995297425,
    0.11111104042825268, -0.09090805454395791, 0.07691302828554074, -0.06659828080033105,
    0.05848325417960021, -0.05135654636547423, 0.043939121536350954, -0.03514243832494273,
    0.024909388078542802, -0.014739925896330462, 0.00681852824301654, -0.002272630419930007,
    0.00048008066718026765, -4.792832321510227e-05};

/* (asin(s) - s) / s^3 over s^2 for s^2 <= 1/4; errors 5e-9, 1e-17. */
static const double asin_32[] = {0.16666752099990845, 0.07495291531085968, 0.045471325516700745,
    0.024174004793167114, 0.04217694699764252};
static const double asin_64[] = {0.16666666666665403, 0.07500000000338747, 0.04464285682683935,
    0.03038195920053755, 0.022371756479164756, 0.017359729106744853, 0.013884989092971032,
    0.012170865657845713, 0.00652067296398124, 0.01954863755147309, -0.016256805978611604,
    0.031934969510256137};

static const double half_pi = 1.5707963267948966;

/* What pi/2 as a number of the type lacks. */
static double
half_pi_low(const kx *x)
{
    return x->wide ? 6.123233995736766e-17 : -4.3711390001862426e-08;
}

/* ---- reduction: |a| = quadrant * pi/2 + rest, |rest| <= pi/4 ---- */

typedef struct angle {
    tn_ins *rest, *quadrant; /* quadrant: an integer that ends in its bits */
} angle;

/* For |a| up to 1e5 (f64: 3e9): pi/2 in parts, all but the last so short that
 * their products with the quadrant are exact (Cody and Waite). */
static angle
reduce_near(const kx *x, tn_ins *size)
{
    static const double parts_32[] = {1.5703125, 0.0004825592041015625, 1.2665987014770508e-06,
        9.89530235528946e-10, 2.563344151594519e-12};
    static const double parts_64[] = {
        1.570796012878418, 3.139164164167596e-07, 6.223371969669989e-14, 2.0222659584103533e-21};
    int count = x->wide ? 4 : 5;
    const double *parts = x->wide ? parts_64 : parts_32;
    angle out;
    tn_ins *n = tn_kx_nearest(x, size, 0.6366197723675814, &out.quadrant);
    out.rest = size;
    for (int i = 0; i < count; i++)
        out.rest = kx_fma_k(x, n, -parts[i], out.rest);
    return out;
}

/* Word number first + index of 2/pi with 32 zero bits before it. */
static tn_ins *
two_over_pi(const kx *x, tn_ins *const *before, int first)
{
    static const uint32_t words[] = {
        0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
    tn_ins *word = tn_kb_whole(x->b, TN_U32, words[first + 4]);
    for (int i = 3; i >= 0; i--) {
        tn_ins *one = tn_kb_whole(x->b, TN_U32, words[first + i]);
        word = kx_select(x, before[i], one, word);
    }
    return word;
}

/* 32 bits that begin `by` bits into `upper`. */
static tn_ins *
joined_bits(const kx *x, tn_ins *upper, tn_ins *lower, tn_ins *by, tn_ins *rest)
{
    upper = tn_kb_fn2(x->b, TN_FN_shl, upper, by);
    lower = kx_with_int(x, TN_FN_shr, lower, 1);
    lower = tn_kb_fn2(x->b, TN_FN_shr, lower, rest);
    return tn_kb_fn2(x->b, TN_FN_or, upper, lower);
}

/* 64 bits of |a| * 2/pi modulo 4, the first two the quadrant. */
static void
turns(const kx *x, tn_ins *size, tn_ins **high, tn_ins **low)
{
    tn_kb *b = x->b;
    tn_ins *bits = tn_kb_bits(b, TN_U32, size);
    tn_ins *start = kx_with_int(x, TN_FN_shr, bits, 23);
    start = kx_with_int(x, TN_FN_sub, start, 120);
    tn_ins *m = kx_with_int(x, TN_FN_and, bits, 0x7fffff);
    m = kx_with_int(x, TN_FN_or, m, 0x800000);
    tn_ins *index = kx_with_int(x, TN_FN_shr, start, 5);
    tn_ins *by = kx_with_int(x, TN_FN_and, start, 31);
    tn_ins *rest = kx_with_int(x, TN_FN_xor, by, 31); /* 31 - by */
    tn_ins *before[4], *word[4], *window[3];
    for (int i = 0; i < 4; i++)
        before[i] = kx_with_int(x, TN_FN_lt, index, i + 1);
    for (int i = 0; i < 4; i++)
        word[i] = two_over_pi(x, before, i);
    for (int i = 0; i < 3; i++)
        window[i] = joined_bits(x, word[i], word[i + 1], by, rest);
    /* The upper 64 of 96 bits of m * window, modulo 2^96. */
    tn_ins *middle = kx_mul(x, m, window[1]);
    tn_ins *carried = tn_kb_fn2(b, TN_FN_mulhi, m, window[2]);
    *low = kx_add(x, middle, carried);
    tn_ins *carry = kx_lt(x, *low, middle);
    carry = tn_kb_cast(b, TN_U32, carry);
    *high = kx_mul(x, m, window[0]);
    carried = tn_kb_fn2(b, TN_FN_mulhi, m, window[1]);
    *high = kx_add(x, *high, carried);
    *high = kx_add(x, *high, carry);
}

static tn_ins *
scaled_int(const kx *x, tn_ins *v, double scale)
{
    v = tn_kb_bits(x->b, TN_I32, v);
    v = tn_kb_cast(x->b, TN_F32, v);
    return kx_mul_k(x, v, scale);
}

/* f32 of any size (Payne and Hanek): the bits of 2/pi that matter, times the
 * significand, in integers. */
static angle
reduce_far(const kx *x, tn_ins *size)
{
    tn_kb *b = x->b;
    tn_ins *high, *low;
    turns(x, size, &high, &low);
    tn_ins *q = kx_with_int(x, TN_FN_add, high, 0x20000000);
    q = kx_with_int(x, TN_FN_shr, q, 30);
    tn_ins *whole = kx_with_int(x, TN_FN_shl, q, 30);
    tn_ins *part = kx_sub(x, high, whole);
    part = tn_kb_bits(b, TN_I32, part);
    /* The fraction as three numbers of at most 24 bits. */
    tn_ins *first = kx_with_int(x, TN_FN_shr, part, 12);
    tn_ins *second = kx_with_int(x, TN_FN_and, part, 0xfff);
    second = kx_with_int(x, TN_FN_shl, second, 12);
    tn_ins *more = kx_with_int(x, TN_FN_shr, low, 20);
    more = tn_kb_bits(b, TN_I32, more);
    second = tn_kb_fn2(b, TN_FN_or, second, more);
    tn_ins *third = kx_with_int(x, TN_FN_and, low, 0xfffff);
    first = scaled_int(x, first, 0x1p-18);
    second = scaled_int(x, second, 0x1p-42);
    third = scaled_int(x, third, 0x1p-62);
    tn_ins *t = kx_add(x, first, second);
    t = kx_add(x, t, third);
    tn_ins *lead = kx_mul_k(x, t, half_pi);
    angle out = {.rest = kx_fma_k(x, t, half_pi_low(x), lead)};
    out.quadrant = tn_kb_bits(b, TN_I32, q);
    return out;
}

/* Most arguments are small: the integers run only where one is not. */
static angle
reduce_32(const kx *x, tn_ins *size)
{
    tn_kb *b = x->b;
    int lanes = size->type.lanes;
    angle near = reduce_near(x, size);
    tn_kcell *rest = tn_kb_cell(b, "rest", (tn_ktype){TN_F32, (uint16_t)lanes}, 0, NULL, false);
    tn_kcell *quadrant =
        tn_kb_cell(b, "quadrant", (tn_ktype){TN_I32, (uint16_t)lanes}, 0, NULL, false);
    tn_kb_set(b, rest, near.rest, 0, NULL);
    tn_kb_set(b, quadrant, near.quadrant, 0, NULL);
    tn_ins *bound = kx_k(x, 1e5);
    tn_ins *large = kx_lt(x, bound, size);
    tn_ins *any = tn_kb_across(b, TN_FN_or, large);
    tn_kb_if(b, any);
    angle far = reduce_far(x, size);
    tn_ins *finite = kx_with(x, TN_FN_lt, size, (double)INFINITY);
    tn_ins *nan = kx_k(x, (double)NAN);
    far.rest = kx_select(x, finite, far.rest, nan);
    far.rest = kx_select(x, large, far.rest, near.rest);
    far.quadrant = kx_select(x, large, far.quadrant, near.quadrant);
    tn_kb_set(b, rest, far.rest, 0, NULL);
    tn_kb_set(b, quadrant, far.quadrant, 0, NULL);
    tn_kb_close(b);
    angle out;
    out.rest = tn_kb_get(b, rest, 0, NULL);
    out.quadrant = tn_kb_get(b, quadrant, 0, NULL);
    return out;
}

static angle
reduced(const kx *x, tn_ins *size)
{
    tn_ins **known = x->b->reduced;
    if (known[0] == size && tn_kb_is_open(x->b, known[1]->block) &&
        tn_kb_is_open(x->b, known[2]->block))
        return (angle){known[1], known[2]};
    angle out;
    if (x->wide) {
        out = reduce_near(x, size);
        tn_ins *nan = kx_k(x, (double)NAN);
        tn_ins *within = kx_with(x, TN_FN_lt, size, 3e9);
        out.rest = kx_select(x, within, out.rest, nan);
    } else {
        out = reduce_32(x, size);
    }
    known[0] = size;
    known[1] = out.rest;
    known[2] = out.quadrant;
    return out;
}

/* ---- sin, cos, tan ---- */

static void
sin_cos_small(const kx *x, tn_ins *r, tn_ins **sine, tn_ins **cosine)
{
    tn_ins *z = kx_mul(x, r, r);
    tn_ins *p = KX_POLY(x, z, sin_32, sin_64);
    tn_ins *cube = kx_mul(x, r, z);
    *sine = kx_fma(x, cube, p, r);
    p = KX_POLY(x, z, cos_32, cos_64);
    p = kx_mul(x, p, z);
    p = kx_with(x, TN_FN_add, p, -0.5);
    *cosine = kx_fma_plus(x, z, p, 1);
}

/* Whether the quadrant is odd. */
static tn_ins *
is_odd(const kx *x, tn_ins *quadrant)
{
    tn_ins *last = kx_with_int(x, TN_FN_and, quadrant, 1);
    return kx_with_int(x, TN_FN_eq, last, 1);
}

/* Sine, `turned` quadrants on; the sign bit comes from the second last bit. */
static tn_ins *
sine_of(const kx *x, tn_ins *size, int turned, tn_ins *sign)
{
    angle r = reduced(x, size);
    tn_ins *sine, *cosine;
    sin_cos_small(x, r.rest, &sine, &cosine);
    tn_ins *q = r.quadrant;
    if (turned)
        q = kx_with_int(x, TN_FN_add, q, turned);
    tn_ins *odd = is_odd(x, q);
    tn_ins *y = kx_select(x, odd, cosine, sine);
    q = kx_with_int(x, TN_FN_and, q, 2);
    q = kx_with_int(x, TN_FN_shl, q, x->wide ? 62 : 30);
    if (sign)
        q = tn_kb_fn2(x->b, TN_FN_xor, q, sign);
    return tn_kx_xor_bits(x, y, q);
}

tn_ins *
tn_kx_sin(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    return sine_of(x, size, 0, sign);
}

tn_ins *
tn_kx_cos(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    return sine_of(x, size, 1, NULL);
}

tn_ins *
tn_kx_tan(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    angle r = reduced(x, size);
    tn_ins *sine, *cosine;
    sin_cos_small(x, r.rest, &sine, &cosine);
    tn_ins *odd = is_odd(x, r.quadrant);
    tn_ins *top = kx_select(x, odd, cosine, sine);
    tn_ins *bottom = kx_select(x, odd, sine, cosine);
    tn_ins *y = kx_div(x, top, bottom);
    tn_ins *turn = kx_with_int(x, TN_FN_shl, r.quadrant, x->wide ? 63 : 31);
    turn = tn_kb_fn2(x->b, TN_FN_xor, turn, sign);
    return tn_kx_xor_bits(x, y, turn);
}

/* ---- inverses ---- */

/* pi/2 - v, or twice that. */
static tn_ins *
from_half_pi(const kx *x, tn_ins *v, int times)
{
    tn_ins *lead = kx_k(x, times * half_pi);
    tn_ins *y = kx_sub(x, lead, v);
    return kx_with(x, TN_FN_add, y, times * half_pi_low(x));
}

/* asin a for a <= 1/2 is s + rest with s = a; above, pi/2 - 2 (s + rest) with
 * s = sqrt((1 - a) / 2). */
typedef struct arc {
    tn_ins *s, *rest, *large;
} arc;

static arc
arc_of(const kx *x, tn_ins *size)
{
    arc out;
    tn_ins *half = kx_k(x, 0.5), *one = kx_k(x, 1);
    out.large = kx_lt(x, half, size);
    tn_ins *other = kx_sub(x, one, size);
    other = kx_mul(x, other, half);
    tn_ins *root = kx_sqrt(x, other);
    tn_ins *z = kx_mul(x, size, size);
    z = kx_select(x, out.large, other, z);
    out.s = kx_select(x, out.large, root, size);
    tn_ins *p = KX_POLY(x, z, asin_32, asin_64);
    tn_ins *cube = kx_mul(x, out.s, z);
    out.rest = kx_mul(x, cube, p);
    return out;
}

/* times * pi/2 - (s + rest), the great terms first. */
static tn_ins *
from_half_pi_parts(const kx *x, tn_ins *s, tn_ins *rest, int times)
{
    tn_ins *lead = kx_k(x, times * half_pi), *low = kx_k(x, times * half_pi_low(x));
    lead = kx_sub(x, lead, s);
    low = kx_sub(x, low, rest);
    return kx_add(x, lead, low);
}

tn_ins *
tn_kx_asin(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    arc p = arc_of(x, size);
    tn_ins *near = kx_add(x, p.s, p.rest);
    tn_ins *s = kx_add(x, p.s, p.s), *rest = kx_add(x, p.rest, p.rest);
    tn_ins *far = from_half_pi_parts(x, s, rest, 1);
    tn_ins *y = kx_select(x, p.large, far, near);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_acos(const kx *x, tn_ins *const *a)
{
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    arc p = arc_of(x, size);
    tn_ins *below = kx_with(x, TN_FN_lt, a[0], 0);
    tn_ins *s = kx_add(x, p.s, p.s), *rest = kx_add(x, p.rest, p.rest);
    tn_ins *far = kx_add(x, s, rest);
    tn_ins *other = from_half_pi_parts(x, s, rest, 2);
    far = kx_select(x, below, other, far);
    s = tn_kx_xor_bits(x, p.s, sign);
    rest = tn_kx_xor_bits(x, p.rest, sign);
    tn_ins *near = from_half_pi_parts(x, s, rest, 1);
    return kx_select(x, p.large, far, near);
}

/* atan of t in 0 .. 1. */
static tn_ins *
atan_small(const kx *x, tn_ins *t)
{
    tn_ins *z = kx_mul(x, t, t);
    tn_ins *p = KX_POLY(x, z, atan_32, atan_64);
    tn_ins *cube = kx_mul(x, t, z);
    return kx_fma(x, cube, p, t);
}

tn_ins *
tn_kx_atan(const kx *x, tn_ins *const *a)
{
    tn_ins *one = kx_k(x, 1);
    tn_ins *size = kx_abs(x, a[0]);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    tn_ins *large = kx_lt(x, one, size);
    tn_ins *inverse = kx_div(x, one, size);
    tn_ins *t = kx_select(x, large, inverse, size);
    tn_ins *p = atan_small(x, t);
    tn_ins *other = from_half_pi(x, p, 1);
    tn_ins *y = kx_select(x, large, other, p);
    return tn_kx_xor_bits(x, y, sign);
}

tn_ins *
tn_kx_atan2(const kx *x, tn_ins *const *a)
{
    tn_ins *zero = kx_k(x, 0), *one = kx_k(x, 1);
    tn_ins *up = kx_abs(x, a[0]), *along = kx_abs(x, a[1]);
    tn_ins *steep = kx_lt(x, along, up);
    tn_ins *top = kx_select(x, steep, along, up);
    tn_ins *bottom = kx_select(x, steep, up, along);
    tn_ins *t = kx_div(x, top, bottom);
    /* 0/0 is taken as 0, inf/inf as 1. */
    tn_ins *equal = tn_kb_fn2(x->b, TN_FN_eq, up, along);
    tn_ins *none = tn_kb_fn2(x->b, TN_FN_eq, along, zero);
    tn_ins *ratio = kx_select(x, none, zero, one);
    t = kx_select(x, equal, ratio, t);
    tn_ins *y = atan_small(x, t);
    tn_ins *other = from_half_pi(x, y, 1);
    y = kx_select(x, steep, other, y);
    other = from_half_pi(x, y, 2);
    tn_ins *back = tn_kx_sign_bit(x, a[1]);
    back = kx_with_int(x, TN_FN_lt, back, 0);
    y = kx_select(x, back, other, y);
    tn_ins *sign = tn_kx_sign_bit(x, a[0]);
    return tn_kx_xor_bits(x, y, sign);
}
