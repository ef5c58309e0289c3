/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_GROUP_H
#define TN_PASSES_GROUP_H

#include "ir/graph/graph.h"
#include "passes/flatten.h"
#include "passes/in_place.h"
#include "passes/lower/lower.h"

/* Partition of an entry into kernels. Every value of a group is a function of
 * an index over the axes of the group: grid axes, which tasks share out, and
 * spanned ones, which a task covers whole because something is reduced or
 * carried along them. Cheap operations and views on values in memory belong
 * to no group: they are computed again wherever they are read. */
/* What devices bind to one kernel, with a reserve for scratch. */
enum { TN_GROUP_TENSORS = 56, TN_GROUP_SIZES = 32 };

typedef enum tn_group_kind {
    TN_GROUP_MAP,      /* element by element; no spanned axes */
    TN_GROUP_ROW,      /* reductions and what uses them, row by row */
    TN_GROUP_CONTRACT, /* one contraction and what is done to its result */
    TN_GROUP_SCAN,     /* loops and what is done to their results */
    TN_GROUP_WHOLE,    /* one composite row with kernels of its own; no axes */
} tn_group_kind;

typedef struct tn_group_axis {
    tn_size extent;
    bool span;
    bool by_one; /* a task takes one position: the axis is a scalar */
    bool chosen; /* slots of a top_k: nothing runs along them in order */
} tn_group_axis;

/* Where a value lies on the axes of a group. */
typedef struct tn_group_place {
    tn_value *value;
    bool member;               /* computed by the group */
    bool memory;               /* collected by a scan, or updated: not in tiles */
    const tn_op *update;       /* an update in place: the axes are those of its rows */
    tn_value *shape_of;        /* a reshape of this member: stored in its shape */
    tn_value *through;         /* it lies where elements of this view of a member lie */
    int8_t axis[TN_MAX_RANK]; /* -1: a dimension of size 1 */
} tn_group_place;

typedef struct tn_group {
    uint32_t number; /* in order of execution */
    tn_group_kind kind;
    TN_VEC(tn_op *) ops; /* in graph order */
    TN_VEC(tn_group_axis) axes;
    TN_VEC(tn_group_place) places;
    TN_VEC(tn_value *) outputs; /* members that something else reads */
    TN_VEC(uint32_t) needs;     /* groups whose outputs it reads */
    TN_VEC(const tn_value *) reads; /* that others or nobody computes */
    /* A concat whose parts are stored one after the other, so that nothing is
     * chosen element by element: the axis that no task takes blocks of. */
    const tn_op *parts;
    int part_axis;
    const char *family;         /* of a fused row that it implements, or NULL */
    bool online;                /* its sums over keys run block by block */
    /* Collected by a scan but not stored: elements are computed again, from
     * what the scan carried, where a later scan reads them. */
    TN_VEC(const tn_value *) again;
    /* Matrices that scans read by rows and by columns, over and over: a task
     * keeps them turned as well (their last two dimensions). */
    TN_VEC(tn_value *) turned;
    uint32_t region;            /* passes/flatten.h */
    uint32_t first;             /* position of its first operation */
    uint32_t seen;              /* last search that visited it */
} tn_group;

typedef struct tn_groups {
    tn_arena *arena;
    tn_graph *g;
    TN_VEC(tn_group *) at; /* in order of execution */
    tn_group **of;         /* by op id; NULL: inlined, or in a body */
    bool *inlined;         /* by op id */
    tn_in_place_list in_place;
    tn_flat flat;
    uint32_t *region;      /* by op id */
} tn_groups;

/* TN_UNSUPPORTED names every operation that has no lowering yet. Without the
 * pass `group` every operation is a group of its own. Results of the graph that are
 * inputs or constants get a copying operation. */
tn_status tn_group_graph(tn_arena *arena, tn_diag *diag, tn_graph *g,
    const tn_lower_options *options, tn_groups *out) TN_MUST_USE;
/* NULL if the value has no place there. */
const tn_group_place *tn_group_find(const tn_group *group, const tn_value *value);
/* Two plain contractions of one operand: where the second stands right behind
 * the first (which tn_group_graph sees to) and needs nothing of it, they may
 * be one launch. */
bool tn_group_are_siblings(const tn_group *a, const tn_group *b);
/* One group a paragraph: kind, axes, operations, what it reads and writes. */
void tn_groups_print(tn_text *out, const tn_groups *groups);

#endif
