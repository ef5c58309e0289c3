/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_INTERVAL_H
#define TN_PASSES_INTERVAL_H

#include "ir/graph/graph.h"

/* Between which numbers all elements of a value lie, whatever the run. */
typedef struct tn_interval {
    double low, high;
    bool nan; /* or one of them is NaN */
} tn_interval;

/* Of positions, and of what is made of them by arithmetic, minima, logarithms,
 * conversions, views and choices; a side of a choice by comparison with a
 * number is looked at where it is taken. Else all that the type holds. */
tn_interval tn_interval_of(const tn_value *v);

#endif
