/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TWALK_H
#define TN_IR_KERNEL_TWALK_H

#include "ir/kernel/tile.h"

/* Walks over values without recursion on their depth: operands have smaller
 * ids than what uses them, so a set sorted by id is an order of evaluation. */
typedef struct tn_tset {
    tn_arena *arena;
    tn_tval **at; /* ascending by id after tn_tset_sort */
    uint32_t count;
    uint32_t *mark; /* by id: round in which it was added */
    uint32_t round;
} tn_tset;

tn_tset tn_tset_create(tn_arena *arena, const tn_tile *t);
void tn_tset_clear(tn_tset *s);
/* Adds `v` and all it is made from, short of what `stop` (may be NULL) says
 * to leave out: those are not added and not looked behind. */
void tn_tset_add(tn_tset *s, tn_tval *v, bool (*stop)(void *arg, const tn_tval *v), void *arg);
void tn_tset_sort(tn_tset *s);

/* Calls `see` for every value that a statement names itself: indices, value,
 * condition, position; bounds and initial values of a loop. With `deep` also
 * those of its bodies, next values and merges. */
void tn_tstmt_roots(const tn_tstmt *s, bool deep, void (*see)(void *arg, tn_tval *v), void *arg);

#endif
