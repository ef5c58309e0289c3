/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_CRF_H
#define TN_PASSES_FUSE_CRF_H

#include "passes/finding.h"
#include "passes/group.h"

/* Recognises, among the groups of loops, those that decode a chain or sum over
 * all its paths, by what their bodies compute:
 *
 *   viterbi        d' = max over i of (d[i] + A[i,j] ..), with e added before or
 *                  after, where a step is live, else d; positions of the
 *                  maxima, followed back from the position of the greatest d
 *   crf_partition  the same with the logarithm of the sum of exponentials, of
 *                  the last a too
 *
 * and names the group after them. The pointers of viterbi are not kept: they
 * are computed again where the way back reads them, one for each step. Every
 * condition, mask and constant stays as it is written. */
void tn_fuse_crf(tn_groups *groups, tn_findings *findings);
/* Tells of loops that look like decoding and whose rounds are not known. */
void tn_near_crf(const tn_graph *g, tn_findings *findings);

#endif
