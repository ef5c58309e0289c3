/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_GROUP_IN_H
#define TN_PASSES_GROUP_IN_H

#include "passes/dims.h"
#include "passes/group.h"

/* Grouping from inside: driver and order (group.c), what fits where
 * (group_join.c), loops (group_scan.c). */
enum {
    TN_GROUP_OPS = 64,      /* of one group: bounds depth of a lowering */
    TN_GROUP_READS = 40,    /* tensors; devices bind 64 */
    TN_GROUP_AXES = 16,
    TN_GROUP_INLINE = 24,   /* operations inlined behind one another */
    TN_GROUP_CHEAP = 3,     /* cost up to which a value is computed again */
    TN_GROUP_PLACES = 9,    /* the same of one that reads no memory: masks by position */
    TN_GROUP_VISITS = 4096, /* steps of one search for a cycle */
};

typedef struct tn_grouper {
    tn_groups *out;
    tn_arena *arena;
    tn_graph *g;
    tn_diag *diag;
    const tn_lower_options *options;
    bool fuse;
    tn_group **claim; /* by op id: of a fusion that was found before */
    bool *kept;         /* by op id: its result stands in memory */
    bool *gone;         /* by op id: a copy that an update in place made needless */
    tn_in_place **update; /* by op id: rows stored in place, or NULL */
    uint8_t *narrow;    /* by op id: most operations of its group, 0: TN_GROUP_OPS */
    uint32_t *position; /* by op id: order in the block */
    uint8_t *depth;     /* by op id: inlined operations behind one another */
    uint8_t *cost;      /* by op id, if inlined: of all of them */
    uint8_t *loads;     /* by op id, if inlined: tensors it reads */
    /* By value id: groups that read it, latest last (for siblings). */
    tn_group **reader;
    uint32_t *mark; /* by op id, for walks */
    uint32_t round;
    TN_VEC(tn_value *) leaves;
    TN_VEC(tn_group *) open; /* of a search for a cycle */
    uint32_t visit;
} tn_grouper;

/* An operand seen through inlined views that keep places. */
typedef struct tn_trace {
    tn_value *base;
    int8_t dim[TN_MAX_RANK]; /* operand's dimension -> base's, -1: none */
} tn_trace;

/* A dimension of `v` runs with none of its base: the element is repeated. */
bool tn_group_is_stretched(const tn_value *v, const tn_trace *t);
tn_trace tn_group_trace(const tn_grouper *x, tn_value *v);
/* The values in memory or of groups that `v` is made from: x->leaves, after
 * tn_group_walk_start. */
void tn_group_walk_start(tn_grouper *x);
void tn_group_walk(tn_grouper *x, tn_value *v);
/* All leaves of an op's operands, and of what its bodies read from outside. */
void tn_group_walk_op(tn_grouper *x, const tn_op *op);

tn_group *tn_group_of(const tn_grouper *x, const tn_value *v);
/* True if every group that `op` reads (other than `into`) can run before
 * `into`. */
bool tn_group_ready(tn_grouper *x, const tn_op *op, const tn_group *into);

/* True if the group has as many operations as it may, where `op` would join. */
bool tn_group_is_full(const tn_grouper *x, const tn_group *group, const tn_op *op);
/* After outputs are known. False if a group has more tensors or sizes than a
 * kernel may: its operations have been told to stay in smaller ones. */
bool tn_group_settle_size(tn_grouper *x);
/* True if the group may read what `op` reads besides. */
bool tn_group_has_room(tn_grouper *x, const tn_op *op, const tn_group *into);

/* ---- group_inline.c ---- */

bool tn_group_is_inlined(const tn_grouper *x, const tn_value *v);
/* True if `op` is cheap enough to be computed wherever it is read. */
bool tn_group_inline(tn_grouper *x, const tn_op *op);
/* The same of an operation that no group takes and one other reads. */
bool tn_group_inline_once(tn_grouper *x, const tn_op *op);

/* Adds `op` to a group if it fits. */
bool tn_group_join(tn_grouper *x, tn_group *into, tn_op *op);
/* Adds an element-wise `op` to the group whose member it reads through views
 * that join axes and cut off ends. */
bool tn_group_join_through(tn_grouper *x, tn_op *op);
/* The same of such a view that is a result of the graph. */
bool tn_group_store_through(tn_grouper *x, tn_value *v);
/* What only rows are reduced from: beside a contraction it would be stored for
 * them, with the rows it is made of. */
bool tn_group_feeds_rows(const tn_op *op);
/* A group of its own. */
tn_group *tn_group_open(tn_grouper *x, tn_op *op);
tn_group_place *tn_group_add_place(tn_grouper *x, tn_group *group, tn_value *value, bool member);
int tn_group_add_axis(tn_grouper *x, tn_group *group, tn_size extent, bool span);
/* What `op`, one of the group's, reads: values and the groups behind them. */
void tn_group_note_reads(tn_grouper *x, tn_group *group, const tn_op *op);
void tn_group_add_op(tn_grouper *x, tn_group *group, tn_op *op);

/* Numbers the groups in an order that has what each needs before it. */
void tn_group_order(tn_grouper *x);

/* What a kernel of the group overwrites: `v` must not be read there. */
bool tn_group_overwrites(const tn_group *group, const tn_value *v);
/* True if one of the group's operations reads `v` itself: that, else NULL. */
const tn_op *tn_group_reader(tn_grouper *x, const tn_group *group, const tn_value *v);
bool tn_group_reaches(tn_grouper *x, tn_group *from, const tn_group *to);
void tn_group_need(tn_grouper *x, tn_group *group, const tn_group *other);

/* Places an update in place, with the rows or in a kernel of its own. */
void tn_group_place_update(tn_grouper *x, tn_in_place *u);

bool tn_group_join_scan(tn_grouper *x, tn_group *into, tn_op *op);
/* What scans collected, joined along an axis of its own. */
bool tn_group_join_concat(tn_grouper *x, tn_group *into, tn_op *op);
void tn_group_open_scan(tn_grouper *x, tn_group *group, tn_op *op);

#endif
