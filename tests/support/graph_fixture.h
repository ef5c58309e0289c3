/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_GRAPH_FIXTURE_H
#define TN_TESTS_SUPPORT_GRAPH_FIXTURE_H

#include "ir/graph/graph.h"

/* A graph under construction in an arena of its own, with the symbols
 * B (1..64), T (0..128), C (16..16, so never a written 1) and the ranged
 * scalar past (0..15). Ops are numbered "nodes[0]", "nodes[1]", .. */
typedef struct tn_fixture {
    tn_arena *arena;
    tn_module *module;
    tn_graph *g;
    tn_sizes *sizes;
    tn_diag diag;
    int nodes;
} tn_fixture;

/* Runs `body` with a fixture inside the arena's guard; TN_OK if it ended. */
tn_status tn_fixture_run(void (*body)(tn_fixture *f));

/* "f32[B,T+1,3]": sums of symbols and numbers. */
tn_type tn_fixture_type(tn_fixture *f, const char *text);
tn_size tn_fixture_size(tn_fixture *f, const char *text);
tn_value *tn_fixture_input(tn_fixture *f, const char *name, const char *type);
/* A new op over the values, absent ones NULL, at the end of the graph. */
tn_op *tn_fixture_op(tn_fixture *f, tn_opcode code, int count, ...);
/* Attributes as a file would give them: "axis=-1 keepdims=true to=[B,T]
 * type=f32[2] data=[1,2] size=T+1". */
void tn_fixture_attrs(tn_fixture *f, tn_op *op, const char *text);
/* Infers; the types of the results, "f32[B] i32[B]", or the message. */
const char *tn_fixture_infer(tn_fixture *f, tn_op *op);
/* All of it in one: op over values with attributes. */
const char *tn_fixture_try(tn_fixture *f, tn_opcode code, const char *attrs, int count, ...);

#endif
