/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_EXPERTS_IN_H
#define TN_PASSES_FUSE_EXPERTS_IN_H

#include "ir/graph/build.h"
#include "passes/fuse/experts.h"
#include "passes/lower/lo.h"

/* Finding sums over experts from inside: candidates and what replaces them
 * (experts.c), one term as a tile expression (experts_term.c), who is chosen
 * and with what weight (experts_pick.c), stacks of weights
 * (experts_stack.c). */
enum { TN_EX_FACTORS = 12, TN_EX_TERMS = 2048, TN_EX_CONE = 3000 };

/* A matrix of an expert as it is read. */
typedef struct tn_ex_matrix {
    tn_value *value;     /* rank 2, or 3 with experts */
    int8_t expert, row, column; /* dimensions; expert -1: none */
    int64_t start, step; /* of rows */
    tn_tval *number;     /* which expert, NULL: a matrix of its own */
} tn_ex_matrix;

typedef struct tn_ex_term {
    tn_value *value; /* of the graph */
    tn_ex_matrix up, gate, down;
    bool gated;
    const char *act;
    tn_tval *x;     /* the element that is summed over `column` */
    tn_axis *column;
    tn_tval *factor[TN_EX_FACTORS];
    int factors;
    tn_axis *sum[4]; /* axes of experts or slots */
    int sums;
    tn_tval *number; /* which expert: index of an axis, constant, ids; or NULL */
    /* What the factors say. */
    tn_value *ids, *w;
    int64_t expert; /* -1: an axis of all, -2: as ids say */
    int64_t slot;   /* -1: all */
    bool plain; /* a network that all tokens go through: no expert */
} tn_ex_term;

/* A candidate that is none, unless it goes with another. */
typedef struct tn_ex_miss {
    const tn_op *op;
    const char *predicate, *found, *advice;
} tn_ex_miss;

typedef struct tn_experts {
    tn_arena *arena;
    tn_diag *diag;
    tn_graph *g;
    const tn_lower_options *options;
    tn_lower_options lowering; /* of the expressions */
    uint32_t room; /* ops that the arrays by id hold */
    tn_groups groups;
    tn_group group;
    tn_lo *k;
    tn_lowered made;
    tn_value *y;   /* the candidate */
    int lead;      /* its axes of tokens */
    tn_tval *at[TN_MAX_RANK];
    tn_tval *n;    /* position in the last axis */
    uint8_t *depth; /* by op id, 1 more than contractions below; 0: not seen */
    TN_VEC(tn_value *) cone;
    /* The first condition that failed, once it is clear that there are
     * experts. */
    const char *predicate, *found, *advice;
    bool near;
    TN_VEC(tn_ex_miss) misses;
} tn_experts;

/* Notes why and gives false. */
bool tn_ex_fail(tn_experts *x, const char *predicate, const char *found, const char *advice);

/* Casts, and what is added to 0, do not change what is meant. */
tn_tval *tn_ex_plain(tn_tval *v);
bool tn_ex_is_fn(const tn_tval *v, tn_fn fn);
bool tn_ex_is_real(const tn_tval *v, double value);
/* Equal values, loads of equal places. */
bool tn_ex_same(tn_tval *a, tn_tval *b);
/* True if the value is one expert's result or made from one. */
bool tn_ex_has_core(const tn_tval *v);
/* Factors of a product or of a choice between something and 0, flat. False
 * if there are too many. */
bool tn_ex_factors(tn_tval *v, tn_tval **out, int *count);

/* A scatter that adds. */
bool tn_ex_scatters(const tn_op *op);
/* Reads one term; false, perhaps with a reason, if it is none. */
bool tn_ex_read(tn_experts *x, tn_value *v, tn_ex_term *t);
/* Reads its factors. */
bool tn_ex_pick(tn_experts *x, tn_ex_term *t);
/* A value of the cone whose element there (token, then `last`) is `el`. */
tn_value *tn_ex_value(tn_experts *x, tn_tval *el, tn_size extent, tn_tval *last, bool integer);

/* [X,rows,columns] of the matrix number `which` (0 up, 1 gate, 2 down) of the
 * terms, in the order of experts; NULL, with a reason, if there is none. */
tn_value *tn_ex_stack(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which,
    tn_build *b);

#endif
