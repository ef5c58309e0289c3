/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_IN_PLACE_H
#define TN_PASSES_IN_PLACE_H

#include "passes/flatten.h"

/* Updates of a state where it lies. A stored value that comes from the state
 * through `update` takes the state's own memory, and its kernel stores the new
 * rows only, if
 *
 *   - whatever reads the value that is overwritten can run before the rows are
 *     stored (an order that the groups get), and
 *   - a failed run leaves the state as it was: either the entry itself reads
 *     nothing from the place of the new rows on but those rows (`append`: what
 *     lies there is no part of the state as long as the place is as given), or
 *     the runtime can tell before the run which rows will be overwritten, keeps
 *     them, and puts them back after a failure.
 *
 * Otherwise the rows are chosen into a copy, which is copied back when the run
 * has succeeded, and the findings say why.
 *
 * Updates of what a loop of the plan carries are the same, but that the memory
 * is the run's own: no failure needs to be thought of. */
typedef enum tn_in_place_how {
    TN_IN_PLACE_JOINED, /* stored by the kernel that makes the rows, if it can */
    TN_IN_PLACE_ALONE,  /* by a kernel of its own */
    TN_IN_PLACE_COPY,   /* not */
} tn_in_place_how;

typedef struct tn_in_place {
    tn_op *op;       /* the update */
    tn_value *state; /* whose memory its result takes: a state, or .. */
    const tn_flat_carry *carry; /* .. the memory of this; else NULL */
    tn_in_place_how how;
    bool append;
    /* COPY: as in passes/finding.h. */
    const char *predicate, *found, *advice;
} tn_in_place;

typedef struct tn_in_place_list {
    TN_VEC(tn_in_place) at; /* of one state: in the order of their stores */
} tn_in_place_list;

struct tn_grouper;

/* Updates that may be in place, as far as the operations alone say; with
 * `all`, else only those that must be: places of what a loop collects. */
void tn_in_place_find(tn_arena *arena, tn_graph *g, const tn_flat *flat, bool all,
    tn_in_place_list *out);
/* True if what a round makes of a carried value is stored where that lies. */
bool tn_in_place_carries(const tn_in_place_list *list, const tn_flat_carry *carry);
/* When all operations have a group: orders readers before stores. False if
 * that failed for some, which then have a `how` further down: group again. */
bool tn_in_place_settle(struct tn_grouper *x);
/* Takes those that are copied off the list; both kinds are findings. */
void tn_in_place_report(struct tn_grouper *x);

#endif
