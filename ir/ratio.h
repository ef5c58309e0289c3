/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_RATIO_H
#define TN_IR_RATIO_H

#include <stdbool.h>
#include <stdint.h>

/* Exact fractions of 64-bit integers, always in lowest terms with a positive
 * denominator. The operations give false when the result does not fit; `out`
 * is then untouched. INT64_MIN is never a numerator. */
typedef struct tn_ratio {
    int64_t num, den;
} tn_ratio;

/* num / den in lowest terms; false for den == 0 or what does not fit. */
bool tn_ratio_make(int64_t num, int64_t den, tn_ratio *out);
bool tn_ratio_add(tn_ratio a, tn_ratio b, tn_ratio *out);
bool tn_ratio_sub(tn_ratio a, tn_ratio b, tn_ratio *out);
bool tn_ratio_mul(tn_ratio a, tn_ratio b, tn_ratio *out);
bool tn_ratio_div(tn_ratio a, tn_ratio b, tn_ratio *out); /* false for b == 0 */
/* a - b * floor(a / b): the sign of b. */
bool tn_ratio_mod(tn_ratio a, tn_ratio b, tn_ratio *out);
/* Negative, 0, positive. */
int tn_ratio_compare(tn_ratio a, tn_ratio b);
int64_t tn_ratio_floor(tn_ratio a);
int64_t tn_ratio_ceil(tn_ratio a);
/* Rounded once. */
double tn_ratio_double(tn_ratio a);
/* As a double from which any narrower type is rounded right: what does not
 * fit is cut toward the neighbour whose last bit is odd. */
double tn_ratio_odd(tn_ratio a);

static inline tn_ratio
tn_ratio_int(int64_t value)
{
    return (tn_ratio){value, 1};
}

#endif
