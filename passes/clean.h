/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_CLEAN_H
#define TN_PASSES_CLEAN_H

#include "ir/graph/graph.h"

/* Cleaning: values nobody reads, equal operations, views and conversions that
 * change nothing, + - * / sqrt of literals (exact numbers
 * whose result is exact, or one correctly rounded step). Each gives whether
 * it changed something; pass.c runs them until none does. */
bool tn_clean_dead(tn_graph *g);
bool tn_clean_equal(tn_graph *g);
bool tn_clean_views(tn_graph *g);
/* Kernels know no `split`. */
bool tn_clean_parts(tn_graph *g);
/* Kernels keep 64 of a top_k: more are the start of a sort. */
bool tn_clean_many(tn_graph *g);
/* The other way round, where 64 or fewer are used. */
bool tn_clean_few(tn_graph *g);
/* A running sum of ones is a position. */
bool tn_clean_places(tn_graph *g);
bool tn_clean_fold(tn_graph *g);
/* What is joined or padded by single elements, changed element by element,
 * reduced along that axis, and of which pieces are cut off again, is done piece
 * by piece; sums are in another order then. */
bool tn_clean_apart(tn_graph *g);
/* What is reduced over axes that were joined for it, and put back, is reduced
 * over the axes themselves. */
bool tn_clean_groups(tn_graph *g);
/* No concat of more parts than a kernel reads well. */
bool tn_clean_short(tn_graph *g);

/* The same number, written the same way. */
bool tn_number_equal(const tn_number *a, const tn_number *b);
/* A result that is an input or a weight stays a copy, which is an operation. */
bool tn_is_copied_result(const tn_op *op, const tn_value *by);
/* Two literals of one type and number; either may be NULL. */
bool tn_literal_equal(const tn_value *a, const tn_value *b);
/* Equal values of an attribute of one row. */
bool tn_attr_equal(const tn_attr *a, const tn_attr *b);

#endif
