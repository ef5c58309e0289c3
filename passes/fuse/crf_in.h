/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_CRF_IN_H
#define TN_PASSES_FUSE_CRF_IN_H

#include "passes/group.h"

/* The forward loop of a chain, seen from inside (crf.c, crf_step.c). */
typedef enum tn_crf_sum {
    TN_CRF_NONE,
    TN_CRF_MAX, /* greatest, or least */
    TN_CRF_LSE, /* logarithm of the sum of exponentials */
} tn_crf_sum;

enum { TN_CRF_ADDENDS = 12, TN_CRF_DEPTH = 48 };

/* What is reduced: the scores carried, plus addends. */
typedef struct tn_crf_scores {
    tn_value *addend[TN_CRF_ADDENDS]; /* behind views and casts */
    int count;
    bool carried; /* the carried scores are in it, */
    bool reduced; /* reduced along a dimension of theirs */
    bool where;   /* some are replaced by a constant */
} tn_crf_scores;

typedef struct tn_crf_step {
    const tn_op *scan;
    int carry; /* number of the carried scores */
    bool *depends; /* by op id: on anything carried */
    int depth;
    tn_crf_sum sum;
    tn_crf_scores scores;
    bool frozen;       /* some rounds leave the scores as they are */
    bool by_length;    /* which: by the number of the round, */
    bool by_mask;      /* or by data for each round */
    bool least;        /* of costs: the least, not the greatest */
    bool after;        /* something is added after the sum */
    const tn_op *where; /* first thing that does not fit, */
    const char *predicate, *found, *advice;
} tn_crf_step;

/* Behind operations that move or convert elements only. */
const tn_value *tn_crf_strip(const tn_value *v);
bool tn_crf_depends(const tn_crf_step *c, const tn_value *v);
/* Looks at what the loop carries as number `carry`. False, and why, if it is
 * no step of a chain; `sum` tells whether it was at all like one. */
bool tn_crf_step_find(tn_arena *arena, const tn_op *scan, int carry, tn_crf_step *c);
/* The collected value holds positions of what the step takes the maximum of. */
bool tn_crf_is_pointer(tn_crf_step *c, const tn_value *v, bool *is);

#endif
