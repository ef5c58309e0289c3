/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_EXPERTS_H
#define TN_PASSES_FUSE_EXPERTS_H

#include "passes/group.h"
#include "passes/lower/lower.h"

/* Sums over chosen experts, by meaning. An element of a candidate is written
 * as one tile expression over positions, where no view, broadcast or order of
 * axes is left of an exporter's spelling. It is a sum over experts if it adds
 * up, over all experts or all slots, factors times
 *
 *     mma[f](0, h, down[e,n,f])    h = act(mma[i](0, x, gate[e,f,i])) *
 *                                      mma[i](0, x, up[e,f,i]), or act(..up..)
 *
 * and the factors say w[t,k] where ids[t,k] is e and 0 elsewhere. Experts may
 * be an axis, numbers (one term each, of one stack or of tensors apart, which
 * become a stack), or indices gathered by token and slot. What fits becomes a
 * row `moe`; what nearly does is a finding.
 *
 * Freedom taken: `reorder` (the sum over experts), `finite` (experts whose
 * factor is 0 are not computed), `wider` (factors are multiplied in f32). */
void tn_fuse_experts(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lower_options *options);

/* Before rows are expanded: a grouped_linear whose counts are those of experts
 * sorted becomes a contraction with the matrix of each row's expert. */
void tn_read_segments(tn_graph *g);

/* A row group that chooses experts gets the family "route": one with a top_k
 * whose indices are the ids of a row `moe`, or whose values it scores before
 * and divides by their sum behind. */
void tn_name_routes(tn_groups *groups, tn_findings *findings);

#endif
