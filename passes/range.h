/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_RANGE_H
#define TN_PASSES_RANGE_H

#include "ir/graph/graph.h"

/* True if every element of the integers is known to lie in 0 .. extent-1 from
 * the operations alone: positions of arg_max and iota, what was gathered from
 * such, and what a loop carries if it starts and goes on so; or from bounds of
 * arithmetic (passes/interval.h). */
bool tn_value_below(const tn_value *v, tn_size extent);
/* The same from the ranges of inputs too, and of what is added to them:
 * lengths, less 1. */
bool tn_value_within(const tn_value *v, tn_size extent);

#endif
