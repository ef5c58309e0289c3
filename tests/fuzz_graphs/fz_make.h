/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_GRAPHS_FZ_MAKE_H
#define TN_TESTS_FUZZ_GRAPHS_FZ_MAKE_H

#include "tests/fuzz_graphs/fz.h"

/* What makes nodes (fz_generate.c, fz_make.c). */
int fz_pick(fz_graph *g, int count); /* 0 .. count-1 */
const char *fz_word(fz_graph *g, const char *const *list, int count);
#define FZ_WORD(g, ...)                            \
    fz_word(g, (const char *const[]){__VA_ARGS__}, \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))

/* Numbers of dimensions: one with a text, a constant, a symbol or a small
 * constant. */
int fz_new_dim(fz_graph *g, int64_t value, const char *text);
int fz_constant_dim(fz_graph *g, int64_t value);
int fz_base_dim(fz_graph *g);
bool fz_is_constant(const fz_graph *g, int dim);

/* A new node in the type and shape of `like`: fz_add, fz_reads for each
 * operand, fz_done; -1 and false if there is no room. */
fz_node *fz_add(fz_graph *g, fz_kind kind, const char *op, const fz_node *like);
void fz_reads(fz_node *n, int value);
int fz_done(fz_graph *g);
int fz_new_input(fz_graph *g, tn_dtype dtype, int rank, const int *dim, bool weight);
/* Something that meets node `with` by broadcasting: an earlier value of its
 * shape, an input or a state with its last axes, or with ones. */
int fz_partner(fz_graph *g, int with, tn_dtype dtype);

/* The same, always new. */
int fz_stranger(fz_graph *g, int with, tn_dtype dtype);
/* May nodes a and b be compared? Not if both come from one value: they may be
 * equal, each computed. */
bool fz_may_compare(const fz_graph *g, int a, int b);
/* Sets `few` and `exact` of a node from its operands. */
void fz_judge(const fz_graph *g, fz_node *n);

/* A random earlier value, late ones more often; -1 if none passes. */
typedef bool fz_test(const fz_graph *g, const fz_node *n);
int fz_choose(fz_graph *g, fz_test *fits);
fz_test fz_is_real, fz_is_single, fz_is_tensor, fz_is_real_tensor, fz_is_full_number, fz_is_whole,
    fz_is_truth, fz_is_number, fz_is_compared, fz_may_decide;
tn_dtype fz_random_dtype(fz_graph *g);

/* A row of rules.def that fz_spelled can write. */
int fz_spelling(fz_graph *g);

/* A convolution or a pool; false as below. */
bool fz_add_window(fz_graph *g);

/* Adds one op; false: not possible now, and nodes may have been added that
 * the caller takes away. */
bool fz_make_one(fz_graph *g);

#endif
