/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_GRAPHS_FZ_H
#define TN_TESTS_FUZZ_GRAPHS_FZ_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/type.h"

/* Random graphs. A graph is a list of nodes, each reading earlier ones; it is
 * written as text twice: as it is, and with a bound of the error beside every
 * value that a device computes otherwise than the reference (fz_write.c). */
enum { FZ_DIMS = 128, FZ_NODES = 64, FZ_RANK = 4, FZ_INS = 4, FZ_SYMBOLS = 3 };

typedef enum fz_kind {
    FZ_INPUT,
    FZ_WEIGHT,
    FZ_STATE,    /* p[0]: the node that is stored */
    FZ_RISING,   /* monotone function */
    FZ_SMOOTH,   /* composite activation: slope at most 1.2 */
    FZ_SPELLED,  /* the pattern of row p[0] of rules.def, element-wise, slope as FZ_SMOOTH */
    FZ_STILL,    /* neg abs relu: no rounding, slope 1 */
    FZ_WAVE,     /* sin cos */
    FZ_STEP,     /* floor ceil round trunc sign */
    FZ_ARITH,    /* add sub */
    FZ_MUL,
    FZ_SCALE,    /* times a literal */
    FZ_EXTREME,  /* maximum minimum */
    FZ_WHOLE,    /* integer functions of two operands */
    FZ_DIVIDE,   /* integers by a literal: div rem mod */
    FZ_COMPARE,
    FZ_LOGIC,
    FZ_WHERE,
    FZ_CAST,
    FZ_SUM,      /* reduce_sum reduce_mean */
    FZ_REDUCE,   /* reduce_max reduce_min reduce_any reduce_all */
    FZ_RUN_SUM,
    FZ_RUN_MAX,
    FZ_LINEAR,   /* contraction with a weight or a value over the last axis */
    FZ_PAIRS,    /* x with itself or another: ..ik,..jk->..ij */
    FZ_CONV,     /* conv, conv_transpose over [B,C,W] */
    FZ_POOL,     /* max_pool avg_pool over [B,C,W] */
    FZ_TRANSPOSE,
    FZ_MERGE,    /* reshape: two neighbouring axes become one */
    FZ_SLICE,
    FZ_INDEX,
    FZ_REVERSE,  /* p[1]: row by row, in a loop */
    FZ_SPREAD,   /* unsqueeze and broadcast */
    FZ_CONCAT,
    FZ_PAD,
    FZ_GATHER,
    FZ_SCATTER,  /* scatter_elements, add */
    FZ_UPDATE,
    FZ_ARG,
    FZ_TOP_VALUES,
    FZ_TOP_PLACES,
    FZ_IOTA,     /* added to an integer value */
    FZ_SOFTMAX,
    FZ_NORM,     /* layer_norm, rms_norm */
    FZ_SCAN_LAST,
    FZ_SCAN_ALL,
    FZ_KINDS
} fz_kind;

typedef struct fz_dim {
    char text[24];
    int64_t value;
} fz_dim;

typedef struct fz_node {
    fz_kind kind;
    const char *op;
    tn_dtype dtype;
    int rank, dim[FZ_RANK];
    int in_count, in[FZ_INS];
    int p[3];       /* axis, start, .. */
    double number;  /* literal */
    double size;    /* about how large values get */
    bool output;
    bool few;   /* equal numbers are likely in it, or numbers at a limit (fz_decide.c) */
    bool exact; /* devices give the same bits */
    bool index;     /* an input of indices 0 .. p[0]-1; p[1]: not declared, may be wrong */
} fz_node;

typedef struct fz_graph {
    uint64_t seed, noise;
    int draw; /* of data */
    bool f64; /* doubles are among the types */
    fz_dim dims[FZ_DIMS];
    int dim_count;
    int64_t symbols[FZ_SYMBOLS]; /* A, B, C */
    int symbol_count;
    fz_node nodes[FZ_NODES];
    int count;
} fz_graph;

typedef struct fz_text {
    char *at;
    size_t used, room;
} fz_text;

/* The graph of a seed. */
void fz_generate(fz_graph *g, uint64_t seed, bool f64);
uint64_t fz_random(uint64_t *state);
/* `plain`: the graph; `bound`: the same with outputs y0, e0, y1, e1, .. */
void fz_write(const fz_graph *g, fz_text *plain, fz_text *bound);
/* How many nodes compute something that is needed. */
int fz_size(const fz_graph *g);
int64_t fz_dim_value(const fz_graph *g, int dim);
int64_t fz_elements(const fz_graph *g, const fz_node *n);
/* Marks what the outputs need. */
void fz_needed(const fz_graph *g, bool *needed);
void fz_text_free(fz_text *t);

#endif
