/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_DECIDE_H
#define TN_TOOLS_DECIDE_H

#include "runtime/reference/reference.h"

/* Decisions: outputs whose elements an op chooses by comparing floats, arg_max,
 * arg_min, top_k, sort, route (without bias and groups) and viterbi, directly
 * or through views. A choice is right if it is the reference's, or if its
 * score, in the doubles that the reference compared, is within tolerance of
 * the score of the reference's choice: then rounding may have decided. Choices
 * made inside of loops have no score here and are compared exactly. */

/* Doubles that the reference compared. */
typedef struct tn_wide {
    int rank;
    int64_t dim[TN_MAX_RANK];
    double *at; /* NULL: absent, or never seen */
} tn_wide;

typedef enum tn_decision_kind {
    TN_DECIDES_NOTHING,
    TN_DECIDES_PICK,
    TN_DECIDES_PATH
} tn_decision_kind;

typedef struct tn_decision {
    tn_decision_kind kind;
    tn_dtype dtype; /* of what is compared */
    int axis;       /* PICK: along it */
    bool least;     /* PICK: the smallest wins */
    tn_wide x;      /* PICK: compared; PATH: emissions */
    tn_wide transitions, length, start, end;
} tn_decision;

typedef struct tn_decisions {
    tn_arena *arena;
    uint32_t count;  /* of outputs */
    tn_decision *of; /* each output */
    struct tn_decision_operand *operands;
    int operand_count;
    tn_reference_watch watch; /* give it to the reference run */
} tn_decisions;

/* Finds the decisions of an entry. The graph is needed until the run and
 * tn_decisions_inputs are over, the arena (under a guard) for longer. */
void tn_decisions_find(tn_arena *arena, const tn_graph *g, tn_decisions *out);
/* What is compared may also be an input or a weight. */
void tn_decisions_inputs(tn_decisions *d, const tn_tensor *inputs);

typedef struct tn_judgement {
    bool right;    /* every choice of `got` is */
    double margin; /* of the reference's choices: the smallest lead over what was not
                    * chosen, by the norm of what was compared; infinite: none */
} tn_judgement;

/* `got` and `wanted`, the reference's, are output `output`; `rel` is the
 * tolerance by norm. False: the output is no decision. */
bool tn_decisions_judge(const tn_decisions *d, uint32_t output, const tn_tensor *got,
    const tn_tensor *wanted, double rel, tn_judgement *out);

#endif
