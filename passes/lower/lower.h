/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_LOWER_LOWER_H
#define TN_PASSES_LOWER_LOWER_H

#include "ir/graph/graph.h"
#include "ir/kernel/tile.h"
#include "passes/finding.h"
#include "passes/flatten.h"
#include "passes/in_place.h"
#include "passes/pass.h"

/* A place where data may be wrong. Number i of tn_tile.sites. */
typedef struct tn_lowered_site {
    const char *what;      /* "nodes[0] gather: index out of range" */
    const tn_value *data;  /* the integers to blame, or NULL */
    tn_size extent;        /* legal values are 0 .. extent-1; NULL: any */
} tn_lowered_site;

/* One tile kernel and what it has to do with the graph. */
typedef struct tn_lowered {
    tn_tile *tile;
    /* Programs that run beside it, in the same launch. */
    TN_VEC(tn_tile *) beside;
    /* What each parameter buffer of the tile is (locals have none), in the
     * order of tn_tile.bufs, then those of the tiles beside it: an input, weight, state, result of
     * an op, a literal over symbols (one element, in the value's type), or a `constant` op's
     * result. */
    TN_VEC(tn_value *) buffers;
    TN_VEC(tn_size) sizes; /* of each tile size, likewise, over the graph's symbols */
    TN_VEC(tn_lowered_site) sites;
    TN_VEC(const tn_op *) ops; /* that it computes, in graph order */
    const char *family; /* the op or fused row that gives it its name */
} tn_lowered;

/* A loop among the kernels: `before` is the number of the kernel that comes
 * next. LOOP .. TEST is run at the start of each round, TEST .. END if `go`
 * (a truth value in memory) holds then; without a TEST all of it is. */
typedef struct tn_lowered_mark {
    enum { TN_MARK_LOOP, TN_MARK_TEST, TN_MARK_END } kind;
    uint32_t before;
    tn_size limit; /* LOOP: most rounds */
    bool counted;  /* LOOP: it has no test */
    tn_value *go;  /* TEST */
} tn_lowered_mark;

typedef struct tn_lowered_list {
    TN_VEC(tn_lowered) at; /* in order of execution */
    TN_VEC(tn_lowered_mark) marks; /* in order, nested like brackets */
    TN_VEC(tn_same) same;          /* values that share memory */
    /* Results that are written into the memory of a state or of a carried
     * value, in order. */
    tn_in_place_list in_place;
} tn_lowered_list;

typedef struct tn_lower_options {
    bool exact;     /* --exact */
    bool pack;      /* weights of contractions as p16; false: rows */
    tn_pass_set skip; /* passes that are left out; without `group` one kernel
                         for each op (after expansion) */
    tn_findings *findings; /* what fused, what nearly did; or NULL */
} tn_lower_options;

/* Fills `kernel` of what fused: the kernel whose name is the family, else the
 * last one that computes a part of it. Called by tn_lower_graph. */
void tn_lower_place_findings(tn_findings *findings, const tn_lowered_list *list);

/* Partitions the entry into groups (passes/group.c) and lowers each.
 * TN_UNSUPPORTED lists every op that no device runs yet. */
tn_status tn_lower_graph(tn_arena *arena, tn_diag *diag, tn_graph *g,
    const tn_lower_options *options, tn_lowered_list *out) TN_MUST_USE;

#endif
