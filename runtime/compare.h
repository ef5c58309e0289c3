/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_COMPARE_H
#define TN_RUNTIME_COMPARE_H

#include "runtime/tensor.h"

/* How close is equal. With `given`: each element within abs + rel * |wanted|.
 * Without: over the whole tensor, |got - wanted| <= r * |wanted| in the
 * Euclidean norm, r = 1e-5 for f32 and f64, 2e-2 for f16 and bf16; NaN and
 * infinities stand in the same places and are left out. */
typedef struct tn_tolerance {
    bool given;
    double rel, abs;
    bool flushed; /* the device flushes denormals: the smallest normal is allowed */
} tn_tolerance;

/* That r. */
double tn_tolerance_usual(tn_dtype dtype);

typedef struct tn_difference {
    double error;    /* by norm, or the largest of an element, relative; 0 for integers */
    int64_t at;      /* the worst element, row-major; -1: none differs */
    double got, wanted; /* there */
    bool shapes;     /* types or shapes differ; nothing else was looked at */
} tn_difference;

/* True if `got` meets `wanted`, both of type `dtype`; either may hold its
 * floats as f64 and its integers as i64. Integers and truth values are equal;
 * a wanted NaN is met by NaN only, an infinity by the same infinity only; a
 * finite value beyond the largest of `dtype` is the infinity of its sign.
 * `out` (may be NULL) says how far off it is, in any case. */
bool tn_compare(const tn_tensor *got, const tn_tensor *wanted, tn_dtype dtype,
    const tn_tolerance *tolerance, tn_difference *out);

#endif
