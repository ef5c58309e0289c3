/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_ROLL_H
#define TN_PASSES_ROLL_H

#include "ir/graph/graph.h"

/* Steps that an exporter wrote out, each doing the same to what the step
 * before gave and to the next piece of some tensors, become a `scan`; only
 * where a step reduces or gathers, so that formulas stay as they are. What
 * other operations read of single steps is collected. */
bool tn_clean_roll(tn_graph *g);
/* Consecutive pieces of one tensor joined again are a slice of it. */
bool tn_clean_stack(tn_graph *g);

#endif
