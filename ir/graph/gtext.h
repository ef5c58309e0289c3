/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_GTEXT_H
#define TN_IR_GRAPH_GTEXT_H

#include "ir/graph/graph.h"

/* The text form of an entry, one line a thing:
 *
 *     graph main
 *         dim T 1..512 multiple 16 sample 64
 *         scalar past 0..15
 *         fact T <= 100 "where: T <= 100"
 *         input x: f32[B,T] in 0..5
 *         weight w1: f32[128,784]
 *         state keys: f32[B,16]
 *         h: f32[B,128] = linear x, w1, _
 *         y: f32[B,128], c: f32[B] = scan h {carries=1} do (d, e, t)
 *             yield d, 0.5:f32
 *         end
 *         output p = y
 *         store keys = h
 *
 * Values without a name of their own are %0, %1, .. in order of definition;
 * names that are no plain words stand in backquotes. `_` is an absent operand,
 * `@v` in a place attribute a value, <..> a formula's code in hexadecimal. The
 * types of results are checked against the shape rules. */

/* True for a name that stands without quotes. */
bool tn_graph_bare_name(const char *name);

/* A cursor over one line of text (gparse.c). */
typedef struct tn_gline {
    const char *at;
    tn_graph *g;
    tn_arena *arena;
    const char *error; /* first thing that was wrong; NULL: nothing */
} tn_gline;

void tn_gline_skip(tn_gline *l);
bool tn_gline_take(tn_gline *l, const char *word); /* skips blanks first */
void tn_gline_want(tn_gline *l, const char *word);
void tn_gline_fail(tn_gline *l, const char *format, ...) TN_PRINTF(2, 3);
bool tn_gline_more(const tn_gline *l); /* not at the end, nothing wrong */
/* "" and an error if there is none. */
const char *tn_gline_name(tn_gline *l);
const char *tn_gline_json(tn_gline *l);
int64_t tn_gline_int(tn_gline *l);
tn_number tn_gline_number(tn_gline *l);
tn_size tn_gline_size(tn_gline *l);
tn_type tn_gline_type(tn_gline *l);
/* An attribute's value; a place that is a value is looked up by `find`. */
void tn_gline_attr(tn_gline *l, tn_op *op, int attr, tn_value *(*find)(void *self, tn_gline *l),
    void *self);

#endif
