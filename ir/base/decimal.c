/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Reading: value = digits * 10^exponent. A double is exact to at most 767
 * significant digits; what follows matters only as "more than nothing" and
 * becomes one last digit 1. */
enum { MOST_DIGITS = 800, MOST_EXPONENT = 1000000000 };

typedef struct decimal {
    uint8_t digit[MOST_DIGITS + 1];
    int count;
    int exponent;
    bool negative;
} decimal;

/* Natural numbers up to 801 digits times 10^310, or 10^1125 times 2^64. */
enum { LIMBS = 136 };

typedef struct natural {
    uint32_t limb[LIMBS]; /* lowest first */
    int count;            /* no zero on top */
} natural;

static void
natural_scale(natural *n, uint32_t factor, uint32_t plus)
{
    uint64_t carry = plus;

    for (int i = 0; i < n->count; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        n->limb[n->count++] = (uint32_t)carry;
}

static void
natural_power(natural *n, int tens)
{
    for (; tens >= 9; tens -= 9)
        natural_scale(n, 1000000000, 0);
    for (; tens > 0; tens--)
        natural_scale(n, 10, 0);
}

static int
natural_bits(const natural *n)
{
    int bits = 32 * (n->count - 1);

    for (uint32_t top = n->limb[n->count - 1]; top; top >>= 1)
        bits++;
    return bits;
}

static void
natural_shift(natural *n, int bits)
{
    int whole = bits / 32;

    if (whole) {
        memmove(n->limb + whole, n->limb, (size_t)n->count * sizeof *n->limb);
        memset(n->limb, 0, (size_t)whole * sizeof *n->limb);
        n->count += whole;
    }
    natural_scale(n, (uint32_t)1 << bits % 32, 0);
}

static bool
natural_at_least(const natural *a, const natural *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i])
            return a->limb[i] > b->limb[i];
    }
    return true;
}

static void
natural_subtract(natural *a, const natural *b)
{
    uint32_t borrow = 0;

    for (int i = 0; i < a->count; i++) {
        uint64_t take = (uint64_t)(i < b->count ? b->limb[i] : 0) + borrow;

        borrow = a->limb[i] < take;
        a->limb[i] = (uint32_t)(a->limb[i] - take);
    }
    while (a->count && a->limb[a->count - 1] == 0)
        a->count--;
}

/* `q` times 2^exponent, and a little more if `sticky`, to the nearest double.
 * `q` has 63 or 64 bits. */
static double
nearest(uint64_t q, int exponent, bool sticky)
{
    int length = q >> 63 ? 64 : 63;
    int top = exponent + length - 1; /* exponent of the leading bit */
    int drop = length - 53 + (top < -1022 ? -1022 - top : 0);
    uint64_t bits, rest, half;
    double value;

    if (drop > 64)
        return 0;
    bits = drop == 64 ? 0 : q >> drop;
    rest = drop == 64 ? q : q & (((uint64_t)1 << drop) - 1);
    half = (uint64_t)1 << (drop - 1);
    if (rest > half || (rest == half && (sticky || (bits & 1))))
        bits++;
    if (top >= -1022)
        bits += (uint64_t)(top + 1022) << 52; /* the leading bit adds one more */
    if (bits >> 52 >= 0x7ff)
        return INFINITY;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* By long division, 64 bits of the quotient. */
static double
convert_exactly(const decimal *d)
{
    natural num = {.count = 0}, den = {.limb = {1}, .count = 1};
    uint64_t q = 0;
    int shift;

    for (int i = 0; i < d->count; i++)
        natural_scale(&num, 10, d->digit[i]);
    natural_power(d->exponent >= 0 ? &num : &den, d->exponent >= 0 ? d->exponent : -d->exponent);
    shift = natural_bits(&num) - natural_bits(&den);
    natural_shift(shift >= 0 ? &den : &num, shift >= 0 ? shift : -shift);
    for (int i = 0; i < 64; i++) {
        q <<= 1;
        if (natural_at_least(&num, &den)) {
            natural_subtract(&num, &den);
            q |= 1;
        }
        natural_scale(&num, 2, 0);
    }
    return nearest(q, shift - 63, num.count > 0);
}

static double
convert(const decimal *d)
{
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int point = d->count + d->exponent; /* below 10^point */

    if (d->count == 0 || point < -323)
        return 0;
    if (point > 310)
        return INFINITY;
    /* Both sides exact: one rounding. */
    if (d->count <= 15 && d->exponent >= -22 && d->exponent <= 22) {
        double whole = 0;

        for (int i = 0; i < d->count; i++)
            whole = whole * 10 + d->digit[i];
        return d->exponent < 0 ? whole / power[-d->exponent] : whole * power[d->exponent];
    }
    return convert_exactly(d);
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void
add_digit(decimal *d, int digit, bool fraction)
{
    if (d->count == 0 && digit == 0) {
        d->exponent -= fraction; /* leading zero */
    } else if (d->count < MOST_DIGITS) {
        d->digit[d->count++] = (uint8_t)digit;
        d->exponent -= fraction;
    } else {
        if (digit && d->count == MOST_DIGITS) {
            d->digit[d->count++] = 1;
            d->exponent--;
        }
        d->exponent += !fraction;
    }
    if (d->exponent > MOST_EXPONENT)
        d->exponent = MOST_EXPONENT;
    if (d->exponent < -MOST_EXPONENT)
        d->exponent = -MOST_EXPONENT;
}

/* Digits with at most one point; NULL if there is no digit. */
static const char *
read_digits(decimal *d, const char *at)
{
    bool fraction = false, any = false;

    for (; is_digit(*at) || (*at == '.' && !fraction); at++) {
        if (*at == '.') {
            if (!any && !is_digit(at[1]))
                return NULL;
            fraction = true;
        } else {
            any = true;
            add_digit(d, *at - '0', fraction);
        }
    }
    return any ? at : NULL;
}

/* An exponent part, if one stands here. */
static const char *
read_exponent(decimal *d, const char *at)
{
    const char *digits = at + 1;
    bool negative = false;
    int value = 0;

    if (*at != 'e' && *at != 'E')
        return at;
    if (*digits == '+' || *digits == '-')
        negative = *digits++ == '-';
    if (!is_digit(*digits))
        return at;
    for (; is_digit(*digits); digits++) {
        if (value < MOST_EXPONENT / 10)
            value = value * 10 + (*digits - '0');
    }
    d->exponent += negative ? -value : value;
    return digits;
}

/* Length of `word` if it stands at `at` in any case, else 0. */
static size_t
is_word(const char *at, const char *word)
{
    size_t n = 0;

    for (; word[n]; n++) {
        if ((at[n] | 0x20) != word[n])
            return 0;
    }
    return n;
}

double
tn_double_read(const char *at, const char **end)
{
    const char *start = at, *next;
    decimal d;
    double value;
    size_t word;

    d.count = d.exponent = 0;
    while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
        at++;
    d.negative = *at == '-';
    if (*at == '+' || *at == '-')
        at++;
    if ((word = is_word(at, "infinity")) || (word = is_word(at, "inf"))) {
        *end = at + word;
        return d.negative ? -INFINITY : INFINITY;
    }
    if ((word = is_word(at, "nan"))) {
        *end = at + word;
        return NAN;
    }
    next = read_digits(&d, at);
    *end = next ? read_exponent(&d, next) : start;
    value = next ? convert(&d) : 0;
    return d.negative && next ? -value : value;
}

/* Writing: at most 17 digits, value = 0.digits * 10^point. */
typedef struct digits {
    char at[32];
    int count, point;
} digits;

static digits
round_digits(double value, int count)
{
    char text[64];
    digits d = {.count = 0};
    const char *at = text;

    /* Whatever the locale puts between the digits is passed over. */
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    for (; *at != 'e'; at++) {
        if (is_digit(*at))
            d.at[d.count++] = *at;
    }
    at++;
    for (bool negative = *at == '-'; *++at;)
        d.point = d.point * 10 + (negative ? '0' - *at : *at - '0');
    d.point++;
    return d;
}

static bool
reads_back(const digits *d, double value)
{
    decimal back = {.count = d->count, .exponent = d->point - d->count};

    for (int i = 0; i < d->count; i++)
        back.digit[i] = (uint8_t)(d->at[i] - '0');
    return convert(&back) == value;
}

static void
next_up(digits *d)
{
    int i = d->count - 1;

    while (i >= 0 && d->at[i] == '9')
        d->at[i--] = '0';
    if (i >= 0) {
        d->at[i]++;
    } else {
        d->at[0] = '1';
        d->point++;
    }
}

static bool
is_power_of_two(double value)
{
    int exponent;

    return frexp(value, &exponent) == 0.5;
}

/* If any decimal of up to 15 digits reads back, rounding to 15 finds it; not
 * so among the subnormal numbers. Below a power of two the doubles lie twice
 * as dense as above: there the decimal above may read back where the nearest,
 * below, does not. */
static digits
shortest(double value)
{
    int count = value < 2.2250738585072014e-308 ? 1 : 15;

    for (;; count++) {
        digits d = round_digits(value, count);

        if (!reads_back(&d, value) && count < 17) {
            if (!is_power_of_two(value))
                continue;
            next_up(&d);
            if (!reads_back(&d, value))
                continue;
        }
        while (d.count > 1 && d.at[d.count - 1] == '0')
            d.count--;
        return d;
    }
}

static void
put_zeros(tn_text *text, int count)
{
    for (int i = 0; i < count; i++)
        tn_text_put(text, "0", 1);
}

static void
put_digits(tn_text *text, const digits *d)
{
    if (d->point < -5 || d->point > 21) {
        tn_text_put(text, d->at, 1);
        if (d->count > 1)
            tn_text_add(text, ".%.*s", d->count - 1, d->at + 1);
        tn_text_add(text, "e%d", d->point - 1);
    } else if (d->point <= 0) {
        tn_text_put(text, "0.", 2);
        put_zeros(text, -d->point);
        tn_text_put(text, d->at, (size_t)d->count);
    } else if (d->count <= d->point) {
        tn_text_put(text, d->at, (size_t)d->count);
        put_zeros(text, d->point - d->count);
    } else {
        tn_text_put(text, d->at, (size_t)d->point);
        tn_text_add(text, ".%.*s", d->count - d->point, d->at + d->point);
    }
}

void
tn_text_double(tn_text *text, double value)
{
    digits d;

    if (isnan(value)) {
        tn_text_put(text, "nan", 3);
        return;
    }
    if (signbit(value))
        tn_text_put(text, "-", 1);
    value = fabs(value);
    if (isinf(value)) {
        tn_text_put(text, "inf", 3);
    } else if (value == 0) {
        tn_text_put(text, "0", 1);
    } else {
        d = shortest(value);
        put_digits(text, &d);
    }
}
