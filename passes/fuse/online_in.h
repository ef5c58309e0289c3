/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_ONLINE_IN_H
#define TN_PASSES_FUSE_ONLINE_IN_H

#include "passes/fuse/online.h"
#include "passes/schedule/clone.h"

/* The rewrite from inside: what is found (online.c, online_chain.c), equality of values over
 * different axes (online_same.c), which keys need no visit (online_bound.c),
 * the new program (online_emit.c). */
enum { TN_ONLINE_CHAIN = 16, TN_ONLINE_TARGETS = 16, TN_ONLINE_SHIFTS = 3 };

/* One step of a chain of operations, each linear in the one before: the
 * operand `path` leads on to the exponential. */
typedef struct tn_online_step {
    tn_tval *value;
    int path;
    bool guard; /* gives 0 for a weight that is NaN: no key counts in its row */
} tn_online_step;

/* A sum over keys of something linear in exp(s - m). */
typedef struct tn_online_target {
    tn_tval *value; /* the mma or reduce */
    int weight;     /* mma: which operand the weight is, 1 or 2 */
    tn_axis *keys;
    tn_tval *exp, *score;
    /* exp(factor * (((s - m) - m') ..)), innermost first: each m has the
     * greatest of what it is taken from in it. */
    tn_tval *top[TN_ONLINE_SHIFTS], *greatest[TN_ONLINE_SHIFTS];
    int shifts;
    tn_tval *factor; /* a number above 0, or NULL */
    tn_online_step chain[TN_ONLINE_CHAIN]; /* outermost first */
    int steps;
    bool guarded; /* one of them is a guard */
} tn_online_target;

typedef struct tn_online_plan {
    const tn_tile *tile;
    tn_arena *arena;
    tn_online_target at[TN_ONLINE_TARGETS];
    int count;
    tn_online_target *first; /* whose axis and score all share */
    tn_online *out;
} tn_online_plan;

/* True if the axes have the same extent and the two compute the same, position
 * `a` on the one standing for position `b` on the other. */
bool tn_online_same(tn_tval *x, const tn_axis *a, tn_tval *y, const tn_axis *b);

/* The step that divides by the sum of the exponentials, and which sum; NULL if
 * the chain has none. */
const tn_online_step *tn_online_dividing(const tn_online_plan *p, const tn_online_target *t,
    int *sum);
/* The two weights are the same. */
bool tn_online_alike(const tn_online_target *x, const tn_online_target *y);
/* Marks the guards of a chain; the targets must be known. */
void tn_online_mark_guards(const tn_online_plan *p, tn_online_target *t);

/* The range of keys outside which a mask makes every score of the task's
 * block -inf, in the program being made: NULL where there is no bound. */
void tn_online_bounds(tn_online_plan *p, tn_clone *c, tn_tval **low, tn_tval **high);

tn_tile *tn_online_emit(tn_online_plan *p);

#endif
