/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_ATTEND_H
#define TN_PASSES_FUSE_ATTEND_H

#include "passes/group_in.h"

/* Before operations are grouped: finds contractions whose weights come from
 * an exponential of scores that another contraction makes, and claims what
 * lies between for one group, of family "attention". Whether it is attention
 * is decided by lowering the group and rewriting the program (online.h), not
 * by the operations it is spelled with; what fails is recorded as a finding.
 * x->claim is the group of each operation that is claimed. */
void tn_attend(tn_grouper *x);

#endif
