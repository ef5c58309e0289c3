/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_WHOLE_H
#define TN_PASSES_WHOLE_H

#include "passes/pass.h"

/* Composite rows with kernels of their own are not expanded: each is a group
 * of kind WHOLE (group.h) and is lowered by passes/lower/lower_<row>.c. True
 * if that holds for `op` under the passes `with`: the row's pass runs, the op
 * stands in the graph itself and not in a body, and its types and attributes
 * are ones the kernels know. */
bool tn_is_whole(const tn_op *op, tn_pass_set with);

#endif
