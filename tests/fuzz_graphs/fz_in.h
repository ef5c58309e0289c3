/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_GRAPHS_FZ_IN_H
#define TN_TESTS_FUZZ_GRAPHS_FZ_IN_H

#include "tests/fuzz_graphs/fz.h"

/* What writes the two texts (fz_write.c, fz_bound*.c, fz_text.c).
 *
 * Beside node n7 the bound text has v7, its value as f64, and e7, how far a
 * device may be off (absent: not at all). 1e300 stands for "anything": a
 * decision within its margin. */
typedef struct fz_writer {
    const fz_graph *g;
    fz_text *plain, *bound;
    bool inexact[FZ_NODES];
    int next; /* number of the next helper value t0, t1, .. */
} fz_writer;

typedef struct fz_name {
    char at[32];
} fz_name;

/* "[A,3]". */
typedef struct fz_shape {
    char at[120];
} fz_shape;

/* Lines of both texts, of the bound text alone. */
void fz_both(fz_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fz_beside(fz_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The shape of `n`; axis `one` is written 1. */
fz_shape fz_shaped(const fz_writer *w, const fz_node *n, int one);
/* A helper value of the bound text: of the shape of `n` in f64, or of a type
 * and shape given. */
fz_name fz_help(fz_writer *w, const fz_node *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
fz_name fz_other(fz_writer *w, const char *dtype, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* v7, and e7 or zeros. */
fz_name fz_value(int node);
fz_name fz_error(fz_writer *w, int node);
/* 1e300 where the test holds, else 0. */
fz_name fz_unsure(fz_writer *w, const fz_node *n, fz_name test);
fz_name fz_magnitude(fz_writer *w, const fz_node *n, fz_name v);
fz_name fz_sum(fz_writer *w, const fz_node *n, fz_name a, fz_name b);
fz_name fz_product(fz_writer *w, const fz_node *n, fz_name a, fz_name b);
fz_name fz_scaled(fz_writer *w, const fz_node *n, fz_name a, double by);

/* The statement of node i in both texts, and its value as f64. */
void fz_statement(fz_writer *w, int i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fz_widened(fz_writer *w, int i);
/* Closes node i with error r from its operands: adds what its own rounding may
 * do to any value within r: nothing; one correct rounding; that of
 * a sum; a function; several steps in the type. */
enum { FZ_CLEAN, FZ_ROUNDS_ONCE, FZ_ROUNDS, FZ_APPROXIMATE, FZ_BY_STEPS };
void fz_close(fz_writer *w, int i, fz_name r, int rounds);
/* How far a value of `t` may be off after one rounding, relative; what sums of
 * `t` accumulate in. The reference rounds too, so f64 gets 16 times its own. */
double fz_unit(tn_dtype t);
double fz_sum_unit(tn_dtype t);
/* How many numbers are added along an axis, and two: the dimension as it is. */
double fz_terms(const fz_writer *w, int node, int axis);

/* Statements of a row's pattern, over the operand of node i; the last one is
 * the node itself. */
void fz_spelled(fz_writer *w, int i);

/* The bound of one node. */
void fz_unary(fz_writer *w, int i);
void fz_binary(fz_writer *w, int i);
void fz_literal(fz_writer *w, int i);
void fz_compare(fz_writer *w, int i);
void fz_where(fz_writer *w, int i);
void fz_cast(fz_writer *w, int i);
void fz_reduce(fz_writer *w, int i);
void fz_running(fz_writer *w, int i);
void fz_contraction(fz_writer *w, int i);
void fz_softmax(fz_writer *w, int i);
void fz_norm(fz_writer *w, int i);
void fz_scatter(fz_writer *w, int i);
void fz_extreme_place(fz_writer *w, int i);
void fz_top(fz_writer *w, int i);
void fz_scan(fz_writer *w, int i);
void fz_window(fz_writer *w, int i);

#endif
