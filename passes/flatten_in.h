/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FLATTEN_IN_H
#define TN_PASSES_FLATTEN_IN_H

#include "passes/flatten.h"

/* Laying out loops from inside: while and if (flatten.c), scan
 * (flatten_scan.c). */
typedef struct tn_flattener {
    tn_arena *arena;
    tn_flat *out;
    tn_op *op; /* that is laid out */
    /* Of each result: its first value, what it is in a round, and what the
     * round makes of it. */
    tn_value **first, **now, **next;
} tn_flattener;

/* The value of an op stands in memory; gives it. */
tn_value *tn_flat_keep(tn_flattener *f, tn_value *v);
/* A copy in memory of its own, in front of the op. */
tn_value *tn_flat_copied(tn_flattener *f, tn_value *v, const char *name);
/* A value that nothing defines: what stands in the memory of `owner` (NULL:
 * in its own) while a round runs. */
tn_value *tn_flat_slot(tn_flattener *f, tn_type type, tn_value *owner, const char *name);
/* First values of the first `count` results in memory. */
void tn_flat_carry_in(tn_flattener *f, tn_value *const *first, int count);
/* The operations of a body move in front of the op. */
void tn_flat_move_out(tn_flattener *f, tn_block *body);
/* What follows `last`, which stood before the op is laid out. */
tn_op *tn_flat_behind(const tn_op *last, const tn_op *op);
/* Result `i` of a round in memory, unless the round leaves it as it was. */
void tn_flat_give(tn_flattener *f, int i, tn_value *result);
/* .. becomes what the next round starts from, if `go` (NULL: always). */
void tn_flat_take_over(tn_flattener *f, int i, tn_value *go);

/* A scan as a loop of the plan. */
void tn_flat_scan(tn_flattener *f);

#endif
