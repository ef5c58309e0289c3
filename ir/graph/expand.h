/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_EXPAND_H
#define TN_IR_GRAPH_EXPAND_H

#include "ir/graph/build.h"

/* Decompositions of composite rows (graph-semantics, part 9), one function a
 * row whose `lower` is `expand`. */

/* True if the op has one. */
bool tn_op_expands(tn_opcode code);
/* Builds the decomposition before `op`, moves all uses of its results there
 * and removes it. What is built may hold composite rows again. */
void tn_op_expand(tn_op *op);
/* All of a graph, bodies included, until only primitive rows and rows without
 * a decomposition are left. */
void tn_graph_expand(tn_graph *g);
/* Those that `keep` says yes to stay as they are. */
typedef bool tn_expand_keep(const void *self, const tn_op *op);
void tn_graph_expand_but(tn_graph *g, tn_expand_keep *keep, const void *self);

#endif
