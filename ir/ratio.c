/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/ratio.h"

#include <math.h>
#include <string.h>

#include "ir/base/checked.h"

static int64_t
gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

bool
tn_ratio_make(int64_t num, int64_t den, tn_ratio *out)
{
    if (den == 0 || num == INT64_MIN || den == INT64_MIN)
        return false;
    int64_t common = gcd(num, den);
    if (den < 0)
        common = -common;
    *out = (tn_ratio){num / common, den / common};
    return true;
}

bool
tn_ratio_add(tn_ratio a, tn_ratio b, tn_ratio *out)
{
    int64_t common = gcd(a.den, b.den), left, right, num, den;
    if (!tn_mul_i64(a.num, b.den / common, &left) || !tn_mul_i64(b.num, a.den / common, &right) ||
        !tn_add_i64(left, right, &num) || !tn_mul_i64(a.den, b.den / common, &den))
        return false;
    return tn_ratio_make(num, den, out);
}

bool
tn_ratio_sub(tn_ratio a, tn_ratio b, tn_ratio *out)
{
    return tn_ratio_add(a, (tn_ratio){-b.num, b.den}, out);
}

bool
tn_ratio_mul(tn_ratio a, tn_ratio b, tn_ratio *out)
{
    int64_t left = gcd(a.num, b.den), right = gcd(b.num, a.den), num, den;
    if (!tn_mul_i64(a.num / left, b.num / right, &num) ||
        !tn_mul_i64(a.den / right, b.den / left, &den))
        return false;
    return tn_ratio_make(num, den, out);
}

bool
tn_ratio_div(tn_ratio a, tn_ratio b, tn_ratio *out)
{
    if (b.num == 0)
        return false;
    tn_ratio inverse = b.num < 0 ? (tn_ratio){-b.den, -b.num} : (tn_ratio){b.den, b.num};
    return tn_ratio_mul(a, inverse, out);
}

bool
tn_ratio_mod(tn_ratio a, tn_ratio b, tn_ratio *out)
{
    tn_ratio quotient, whole;
    if (!tn_ratio_div(a, b, &quotient))
        return false;
    if (!tn_ratio_mul(tn_ratio_int(tn_ratio_floor(quotient)), b, &whole))
        return false;
    return tn_ratio_sub(a, whole, out);
}

/* Compares fractions of non-negative terms by their continued fractions, so
 * that nothing can overflow. */
static int
compare_positive(int64_t an, int64_t ad, int64_t bn, int64_t bd)
{
    for (;;) {
        int64_t aq = an / ad, bq = bn / bd, ar = an % ad, br = bn % bd;
        if (aq != bq)
            return aq < bq ? -1 : 1;
        if (ar == 0 || br == 0)
            return (ar != 0) - (br != 0);
        /* a < b exactly when the inverse of the rest of a is greater. */
        an = bd;
        bn = ad;
        ad = br;
        bd = ar;
    }
}

int
tn_ratio_compare(tn_ratio a, tn_ratio b)
{
    if ((a.num < 0) != (b.num < 0))
        return a.num < 0 ? -1 : 1;
    if (a.num < 0)
        return compare_positive(-b.num, b.den, -a.num, a.den);
    return compare_positive(a.num, a.den, b.num, b.den);
}

int64_t
tn_ratio_floor(tn_ratio a)
{
    return tn_floor_div(a.num, a.den);
}

int64_t
tn_ratio_ceil(tn_ratio a)
{
    return tn_ceil_div(a.num, a.den);
}

/* num / den rounded once: long division to 64 significant bits, the last of
 * them sticky, which is then rounded by one conversion. */
double
tn_ratio_double(tn_ratio a)
{
    const int64_t exact = INT64_C(1) << 53;
    if (a.num >= -exact && a.num <= exact && a.den <= exact)
        return (double)a.num / (double)a.den;
    uint64_t num = a.num < 0 ? (uint64_t)-a.num : (uint64_t)a.num, den = (uint64_t)a.den;
    uint64_t quotient = num / den, rest = num % den;
    int shift = 0;
    while (rest && quotient < UINT64_C(1) << 60) {
        /* rest < den < 2^63: doubling cannot wrap */
        rest <<= 1;
        quotient <<= 1;
        shift++;
        if (rest >= den) {
            rest -= den;
            quotient |= 1;
        }
    }
    if (rest)
        quotient |= 1;
    double value = ldexp((double)quotient, -shift);
    return a.num < 0 ? -value : value;
}

/* The fraction that a double is; false if it does not fit. */
static bool
of_double(double value, tn_ratio *out)
{
    int exponent;
    int64_t digits = (int64_t)ldexp(frexp(value, &exponent), 53);
    int shift = 53 - exponent;
    while (digits && digits % 2 == 0 && shift > 0) {
        digits /= 2;
        shift--;
    }
    if (shift < 0) {
        if (shift < -9)
            return false;
        digits *= INT64_C(1) << -shift;
        shift = 0;
    }
    return shift < 63 && tn_ratio_make(digits, INT64_C(1) << shift, out);
}

double
tn_ratio_odd(tn_ratio a)
{
    double near = tn_ratio_double(a);
    uint64_t bits;
    tn_ratio exact;
    memcpy(&bits, &near, sizeof bits);
    if ((bits & 1) || !of_double(near, &exact))
        return near;
    int order = tn_ratio_compare(a, exact);
    if (order == 0)
        return near;
    return nextafter(near, order > 0 ? HUGE_VAL : -HUGE_VAL);
}
