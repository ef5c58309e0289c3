/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_ROLL_IN_H
#define TN_PASSES_ROLL_IN_H

#include "ir/graph/build.h"

/* Repetitions written out: steps that do the same to what the step before
 * gave, found in roll.c, made into a scan in roll_build.c. */
enum {
    TN_ROLL_LEAST = 2,     /* steps; so few only of what a chain does */
    TN_ROLL_SLOTS = 96,    /* values of one step */
    TN_ROLL_DEPTH = 64,
};

typedef enum tn_roll_kind {
    TN_ROLL_OP,     /* computed in each step by the same operation */
    TN_ROLL_CARRY,  /* what the step before gave */
    TN_ROLL_SAME,   /* one value for all steps */
    TN_ROLL_SLICE,  /* an index or slice of one tensor, one further each step */
    TN_ROLL_NUMBER, /* a whole number that grows by `delta` */
    TN_ROLL_GONE,   /* left outside after all */
} tn_roll_kind;

typedef struct tn_roll_slot {
    tn_roll_kind kind;
    int64_t delta;
    bool collected; /* something outside reads it */
    bool before;    /* a view of what the step before gave: made again outside */
    bool own;       /* made of pieces alone, at no cost: stays outside as well */
} tn_roll_slot;

typedef struct tn_roll {
    tn_block *block;
    tn_arena *arena;
    uint32_t *position; /* by op id */
    uint32_t ops;       /* that position has room for */
    int steps;
    tn_value **gives;   /* of each step, what the next one takes */
    tn_value *first;    /* what the first step takes */
    int entry;          /* slot, a view of the carried, that is `first` itself there; or -1 */
    int slots;
    tn_roll_slot slot[TN_ROLL_SLOTS];
    tn_value **value;   /* [steps][TN_ROLL_SLOTS] */
    bool reduces;       /* some step reduces or gathers */
    bool backward;      /* slices go down */
    int depth;
} tn_roll;

static inline tn_value **
tn_roll_at(const tn_roll *r, int step, int slot)
{
    return &r->value[(size_t)step * TN_ROLL_SLOTS + (size_t)slot];
}

/* The attribute that says where a view starts along its axis, -1: none. */
int tn_roll_place(const tn_op *op);
/* Puts a scan in place of the steps. False: what it would take is made of
 * something in a step. */
bool tn_roll_build(tn_roll *r);

#endif
