/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_ROUNDS_H
#define TN_PASSES_ROUNDS_H

#include "ir/graph/build.h"

/* No scan gets more operands than this. */
enum { TN_ROUNDS_OPERANDS = 128 };

/* Loops whose rounds are counted: what places in them are, and how they are
 * brought to one form. */

/* Behind conversions and views of a single number. */
tn_value *tn_plain_number(tn_value *v);
/* A number known when symbols are bound, such as T-1; NULL: it is not. */
tn_size tn_number_known(tn_sizes *s, tn_value *v);
/* True if `v` is `counter`, or `counter` and a known number, `*by`. */
bool tn_counts_with(tn_sizes *s, tn_value *v, const tn_value *counter, tn_size *by);

/* Places that fail the run where they are not in 0 .. extent-1; themselves if
 * that cannot be. */
tn_value *tn_checked_place(tn_build *b, tn_value *at, tn_size extent);
/* Moves the operations of a body to the end of another. */
void tn_rounds_move(tn_block *from, tn_block *to);

/* A scan in place of another, with its body: operands `in`, of which the first
 * `carries` are carried. param[i] is the number of the new parameter that
 * stands for parameter i of the old body, -1: nothing reads it. Results are
 * appended by the caller, who then calls tn_rounds_replace. */
tn_op *tn_rounds_rebuild(tn_op *old, tn_value *const *in, int count, int carries, bool reverse,
    const int *param);
/* Result i of the old scan is by[i] (NULL: nobody reads it). */
void tn_rounds_replace(tn_op *old, tn_value *const *by);

/* A loop that counts rounds becomes a scan: `while` whose condition compares a
 * counter with a bound. Where the bound is data, what is carried stays in
 * rounds that do not count, if nothing in them can fail. */
bool tn_clean_count(tn_graph *g);
/* What the body of a scan takes of a tensor around it, one place a round, is
 * sliced by the scan. */
bool tn_clean_slices(tn_graph *g);

/* What a scan carries or collects and nobody reads goes. */
bool tn_clean_trim(tn_graph *g);
/* A scan along reversed tensors runs the other way along the tensors. */
bool tn_clean_turn(tn_graph *g);
/* Of the scores that a scan collected, those of one round for each row: they
 * are carried. */
bool tn_clean_kept(tn_graph *g);
/* What changes an array that a scan collected, or takes it in another order,
 * for a scan behind it, goes into that one, piece by piece. */
bool tn_clean_sink(tn_graph *g);

#endif
