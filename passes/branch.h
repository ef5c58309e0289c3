/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_BRANCH_H
#define TN_PASSES_BRANCH_H

#include "ir/graph/graph.h"

/* An `if` without control flow: both bodies move before it and `where` chooses
 * among their results. What could fail in the body that is not chosen gets
 * data that cannot: index 0, divisor 1. */

/* The operand that makes the run fail if its numbers are wrong, or -1. */
int tn_op_risky_operand(const tn_op *op);
/* Both bodies are worth computing always, and neither can fail. */
bool tn_branch_is_light(const tn_op *op);
/* Both bodies can be computed always, whatever it costs: nothing in them cannot
 * be kept from failing (an index into what may be empty), or is a loop. */
bool tn_branch_may_choose(const tn_op *op);
/* Every `if` inside the bodies of scans that fit kernels becomes choices. */
void tn_branch_settle(tn_graph *g);
/* One `if` that is light. */
void tn_branch_choose(tn_op *op);

#endif
