/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_ATTEND_IN_H
#define TN_PASSES_FUSE_ATTEND_IN_H

#include "passes/fuse/attend.h"
#include "passes/fuse/online.h"

/* What attend.c has claimed, for attend_mask.c and attend_queries.c. */
typedef struct tn_attended {
    tn_group *group;
    tn_op *root; /* sums values by the weights, */
    int weight;  /* its operand */
    tn_size keys;
    int rows; /* dimensions along which queries share the keys */
    tn_size row[TN_MAX_RANK];
} tn_attended;

typedef struct tn_attended_list {
    TN_VEC(tn_attended) at;
} tn_attended_list;

/* Lowers the group alone, storing the result of its last operation, and
 * rewrites the program. `tile` is NULL where it fails; no predicate: it cannot
 * be one kernel. */
tn_online tn_attend_try(tn_grouper *x, tn_group *group);

/* Masks and biases as large as the scores that are made of less: what only
 * claimed groups read, and is not too dear, is computed again where it is read
 * (x->out->inlined), so that nothing of that size is stored, and that masks
 * made of positions tell which blocks of keys count. If a group could not run
 * online then, all stay in memory. */
void tn_attend_masks(tn_grouper *x, const tn_attended_list *list);

/* What the queries alone are made of, element by element (rotated pairs, say),
 * is computed as they are loaded. Keys are read by every block of queries:
 * they come from memory. */
void tn_attend_queries(tn_grouper *x, const tn_attended *a);

#endif
