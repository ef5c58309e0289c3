/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FLATTEN_H
#define TN_PASSES_FLATTEN_H

#include "ir/graph/graph.h"

/* Every `while` that stands in the entry itself, laid out flat: its operations
 * move into the block of the entry, into regions that run one after the other,
 *
 *   before     c0 = copy of the first value, of each carried value
 *   condition  go = copy of what it says
 *   body       r = copy of the next value
 *   take over  c' = go ? r : c
 *   behind     reads c'
 *
 * with c0, c and c' in one place of memory (c is a value that nothing defines:
 * nobody may conclude from c0 what it is),
 *
 * and a loop of the plan repeats the three in the middle. A round after the
 * condition has failed changes nothing, so that a device may start several
 * rounds before the host looks. Operations of different regions share no
 * kernel; an inlined one is computed where it is read, which is right because
 * memory that changes, c, is read inside its loop only. An `if` is two such
 * loops of at most one round, whose conditions exclude each other, or, if it
 * is light, choices (passes/branch.h).
 *
 * A scan whose body is no part of a kernel (passes/scan_axes.h) is laid out in
 * the same way, without a condition: the plan knows how often it runs. One
 * more carried value counts, and what is collected is updated at the count.
 *
 * What a round only updates (ir/graph/ops.def) needs neither copy: r is stored
 * into the memory of c, if passes/in_place.h finds that it may be. Then no
 * round is started too many. */
typedef struct tn_flat_loop {
    tn_size limit;
    tn_value *go; /* NULL: all rounds are run */
    tn_op *first, *body, *behind; /* where regions start; NULL: at the end */
} tn_flat_loop;

/* `value` is written into the memory of `owner`. */
typedef struct tn_same {
    tn_value *value, *owner;
} tn_same;

/* A carried value that a round may update in place. */
typedef struct tn_flat_carry {
    tn_value *memory; /* its owner: c0 */
    tn_value *now;    /* c */
    tn_value *result; /* what r copies */
    tn_op *next, *over; /* r and c', not run if `result` is in place; or NULL: it is */
} tn_flat_carry;

typedef struct tn_flat {
    TN_VEC(tn_flat_loop) loops; /* in order of their first operation */
    TN_VEC(tn_op *) starts;     /* operations that begin a region */
    TN_VEC(tn_op *) kept;       /* results stand in memory, whatever they are */
    TN_VEC(tn_same) same;
    TN_VEC(tn_flat_carry) carries;
} tn_flat;

void tn_flatten(tn_arena *arena, tn_graph *g, tn_flat *out);
/* Region of each operation of the entry, by op id; g->op_count entries. */
uint32_t *tn_flat_regions(tn_arena *arena, const tn_graph *g, const tn_flat *flat);

#endif
