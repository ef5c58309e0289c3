/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/real.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* An unevaluated sum, |low| at most half a unit of high. */
typedef struct pair {
    double high, low;
} pair;

static const pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
/* pi/2 in three parts. */
static const double half_pi[3] = {
    0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};

static pair
quick_sum(double a, double b)
{
    double sum = a + b;
    return (pair){sum, b - (sum - a)};
}

static pair
two_sum(double a, double b)
{
    double sum = a + b, part = sum - a;
    return (pair){sum, (a - (sum - part)) + (b - part)};
}

static pair
two_product(double a, double b)
{
    const double splitter = 134217729.0; /* 2^27 + 1 */
    double at = splitter * a, bt = splitter * b;
    double ah = at - (at - a), al = a - ah, bh = bt - (bt - b), bl = b - bh;
    double product = a * b;
    return (pair){product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

static pair
add(pair a, pair b)
{
    pair high = two_sum(a.high, b.high), low = two_sum(a.low, b.low);
    high = quick_sum(high.high, high.low + low.high);
    return quick_sum(high.high, high.low + low.low);
}

static pair
multiply(pair a, pair b)
{
    pair product = two_product(a.high, b.high);
    return quick_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

static pair
scale(pair a, double by) /* a power of two: exact */
{
    return (pair){a.high * by, a.low * by};
}

static pair
negate(pair a)
{
    return (pair){-a.high, -a.low};
}

static pair
divide(pair a, pair b)
{
    double first = a.high / b.high;
    pair rest = add(a, negate(multiply(b, (pair){first, 0})));
    double second = rest.high / b.high;
    rest = add(rest, negate(multiply(b, (pair){second, 0})));
    pair quotient = quick_sum(first, second);
    return add(quotient, (pair){rest.high / b.high, 0});
}

/* exp(x) - 1 for |x| <= 0.35: the series at x/256, squared eight times. */
static pair
small_expm1(pair x)
{
    pair r = scale(x, 1.0 / 256), term = r, sum = r;
    for (int n = 2; n <= 12; n++) {
        term = divide(multiply(term, r), (pair){n, 0});
        sum = add(sum, term);
    }
    for (int i = 0; i < 8; i++)
        sum = add(scale(sum, 2), multiply(sum, sum));
    return sum;
}

/* exp(x) = (1 + result) * 2^k, for |x| below 1500. */
static pair
split_exp(pair x, int *k)
{
    double whole = floor(x.high / ln2.high + 0.5);
    pair part = add(two_product(whole, ln2.high), (pair){whole * ln2.low, 0});
    *k = (int)whole;
    return small_expm1(add(x, negate(part)));
}

static double
exp_pair(pair x)
{
    int k;
    if (x.high > 710)
        return HUGE_VAL;
    if (x.high < -746)
        return 0;
    pair result = add((pair){1, 0}, split_exp(x, &k));
    return ldexp(result.high + result.low, k);
}

/* log of a positive finite x: a series in double, then one step of Newton's
 * method on exp, which doubles the digits. */
static pair
log_pair(double x)
{
    int exponent, k;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double t = (m - 1) / (m + 1), square = t * t, sum = 0;
    for (int n = 25; n >= 1; n -= 2)
        sum = sum * square + 1.0 / n;
    double first = 2 * t * sum;
    pair power = split_exp((pair){-first, 0}, &k);
    /* m * exp(-first) - 1; k is 0 but for |first| next to log(2)/2 */
    m = ldexp(m, k);
    pair rest = add(multiply((pair){m, 0}, power), (pair){m - 1, 0});
    /* The quadratic part of the step matters in the last bits. */
    pair half = scale(multiply(rest, rest), -0.5);
    pair value = add(add((pair){first, 0}, rest), half);
    if (exponent == 0)
        return value;
    pair big = add(two_product(exponent, ln2.high), (pair){exponent * ln2.low, 0});
    return add(big, value);
}

double
tn_real_exp(double x)
{
    if (isnan(x))
        return x;
    return exp_pair((pair){x, 0});
}

double
tn_real_log(double x)
{
    if (isnan(x) || x < 0)
        return NAN;
    if (x == 0)
        return -HUGE_VAL;
    if (isinf(x))
        return x;
    pair value = log_pair(x);
    return value.high + value.low;
}

/* sin (first = 1) or cos (first = 0) of |x| <= pi/4 by its series. */
static pair
series(pair x, int first)
{
    pair square = multiply(x, x), term = first ? x : (pair){1, 0}, sum = term;
    for (int n = first + 1; n <= 31; n += 2) {
        term = divide(multiply(term, negate(square)), (pair){(double)n * (n + 1), 0});
        sum = add(sum, term);
    }
    return sum;
}

static double
circle(double x, int quarter)
{
    if (isnan(x) || fabs(x) > 0x1p50)
        return NAN;
    double turns = floor(x / half_pi[0] + 0.5);
    pair rest = {x, 0};
    for (int i = 0; i < 3; i++)
        rest = add(rest, negate(two_product(turns, half_pi[i])));
    quarter += (int)(turns - 4 * floor(turns / 4));
    pair value = series(rest, quarter % 2 ? 0 : 1);
    double sum = value.high + value.low;
    return quarter & 2 ? -sum : sum;
}

double
tn_real_sin(double x)
{
    return x == 0 ? x : circle(x, 0);
}

double
tn_real_cos(double x)
{
    return circle(x, 1);
}

double
tn_real_tanh(double x)
{
    int k;
    if (isnan(x) || x == 0)
        return x;
    if (fabs(x) > 22)
        return x > 0 ? 1 : -1;
    pair t = split_exp((pair){-2 * fabs(x), 0}, &k);
    /* expm1(-2|x|) = t * 2^k + (2^k - 1) */
    double power = ldexp(1, k);
    pair less = add(scale(t, power), (pair){power - 1, 0});
    pair value = divide(negate(less), add(less, (pair){2, 0}));
    double sum = value.high + value.low;
    return x > 0 ? sum : -sum;
}

static bool
is_odd(double y)
{
    return fabs(y) < 0x1p53 && fmod(y, 2) != 0;
}

/* x zero or infinite, y finite and not 0. */
static double
pow_of_limit(double x, double y)
{
    bool grows = (x == 0) == (y < 0);
    double size = grows ? HUGE_VAL : 0;
    return signbit(x) && floor(y) == y && is_odd(y) ? -size : size;
}

double
tn_real_pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (isnan(x) || isnan(y))
        return NAN;
    if (isinf(y)) {
        if (fabs(x) == 1)
            return 1;
        return (fabs(x) > 1) == (y > 0) ? HUGE_VAL : 0;
    }
    if (x == 0 || isinf(x))
        return pow_of_limit(x, y);
    if (x < 0 && floor(y) != y)
        return NAN;
    pair power = log_pair(fabs(x));
    bool over = fabs(y) * fabs(power.high) > 1400;
    double size = over ? ((y > 0) == (power.high > 0) ? HUGE_VAL : 0)
                       : exp_pair(multiply(power, (pair){y, 0}));
    return x < 0 && is_odd(y) ? -size : size;
}

double
tn_real_mod(double x, double y)
{
    double rest = fmod(x, y);
    if (rest == 0)
        return copysign(0, y);
    return (rest < 0) != (y < 0) ? rest + y : rest;
}
