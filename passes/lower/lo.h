/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_LOWER_LO_H
#define TN_PASSES_LOWER_LO_H

#include "passes/dims.h"
#include "passes/group.h"
#include "passes/idmap.h"
#include "passes/lower/lower.h"

/* Lowering from inside. A kernel is made by asking for elements: tn_lo_el
 * gives the tile of a value at an index, as a load if the value stands in
 * memory, else by the function that ops.def names for its operation, which
 * asks for elements of the operands in turn. */
typedef struct tn_lo tn_lo;

/* A value that is not a function of an index: what a scan carries, slices or
 * gives. */
typedef struct tn_lo_bound {
    enum {
        TN_LO_TILE,  /* `tile`, whose dimensions lie on `axis` (NULL: size 1) */
        TN_LO_SLICE, /* `of` at `position` along dimension `along` */
        TN_LO_LOCAL, /* `local`, indexed like the value */
        TN_LO_SCALAR, /* `tile`, of rank 0 */
        TN_LO_PAST,  /* `local`, indexed by `tile` and then like the value */
        TN_LO_AGAIN, /* collected by the scan `past`, computed again */
    } kind;
    tn_tval *tile;
    tn_axis *axis[TN_MAX_RANK];
    tn_value *of;
    int along;
    tn_tbuf *local; /* of a tile too, once something asked for other places */
    struct tn_lo_past *past;
} tn_lo_bound;

typedef struct tn_lo_memo {
    const tn_value *value;
    tn_tval *index[TN_MAX_RANK];
    const tn_tval *where;
    tn_tval *result;
    struct tn_lo_memo *next;
} tn_lo_memo;

typedef struct tn_lo_buffer {
    tn_value *value;
    int rank;
    tn_size dim[TN_MAX_RANK];
    tn_layout layout;
    tn_tbuf *buf;
} tn_lo_buffer;

typedef struct tn_lo_span {
    tn_axis *axis;
    tn_size extent;
} tn_lo_span;

/* The last two dimensions of a value the other way round, in an array of the
 * task. */
typedef struct tn_lo_turned {
    const tn_value *value;
    tn_tbuf *local;
} tn_lo_turned;

/* Position `axis` of what `op` dealt out stands for the element at `at`; of a
 * sort, along its axis, at[0] says where it came from. */
typedef struct tn_lo_row {
    const tn_op *op;
    const tn_axis *axis;
    tn_tval *at[TN_MAX_RANK];
} tn_lo_row;

enum { TN_LO_SLOTS = 1024, TN_LO_DEPTH = 1000 };

struct tn_lo {
    tn_arena *arena;
    tn_diag *diag;
    tn_graph *g;
    const tn_lower_options *options;
    const tn_groups *groups;
    const tn_group *group;
    tn_lowered *out;
    tn_tb *b;
    tn_axis **axis; /* of the group's axes */
    TN_VEC(tn_lo_span) spans;
    TN_VEC(tn_lo_buffer) buffers;
    TN_VEC(tn_lo_turned) turned;
    tn_idmap bound;    /* value id -> tn_lo_bound */
    tn_idmap literals; /* op id -> tn_value of its number over symbols */
    /* Elements made in the open scopes. */
    tn_lo_memo *memo[TN_LO_SLOTS];
    TN_VEC(uint32_t) trail; /* slots of memo, to take back */
    /* The condition under which an element is wanted, or NULL: loads behind
     * it are guarded, checks hold where it does not. */
    tn_tval *where;
    /* The part of group->parts that is being stored, and where in it. */
    int part;
    tn_tval *part_at; /* NULL: none */
    tn_status status; /* of a refusal in the middle */
    /* Nothing of it will run: what is in memory is loaded in its own shape, so
     * that equal elements are equal loads. */
    bool symbolic;
    /* Symbolic: rows that are known; the nonzeros whose rows were summed, a
     * check that would meet rows past a count, why rows could not be. */
    TN_VEC(tn_lo_row) rows;
    TN_VEC(const tn_op *) counted;
    bool past;
    const char *row_fault;
    const tn_op *over; /* a scatter that is asked for what it writes alone */
    int depth;        /* of elements asked for by elements */
};

static inline void
tn_lo_copy(tn_tval **to, tn_tval *const *from, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = from[i];
}

/* One group alone, as its operations stand: what a fusion is tried with. */
tn_status tn_lower_group(tn_arena *arena, tn_diag *diag, tn_graph *g,
    const tn_lower_options *options, const tn_groups *groups, const tn_group *group,
    tn_lowered *out) TN_MUST_USE;

/* ---- elements ---- */

tn_tval *tn_lo_el(tn_lo *k, tn_value *v, tn_tval *const *index);
/* An operand's element in the type that it is computed in: f32 for halves. */
tn_tval *tn_lo_wide(tn_lo *k, tn_value *v, tn_tval *const *index);
/* Back to the type of a value; halves are rounded here. */
tn_tval *tn_lo_narrow(tn_lo *k, tn_tval *x, tn_dtype to);
/* The one element of a scalar. */
tn_tval *tn_lo_scalar(tn_lo *k, tn_value *v);
/* The value as it stands in memory, under another shape of as many elements
 * (row-major). False if it is computed here. */
bool tn_lo_in_memory(const tn_lo *k, const tn_value *v);
tn_tval *tn_lo_load(tn_lo *k, tn_value *v, int rank, const tn_size *dim, tn_layout layout,
    tn_tval *const *index);
/* Makes the turned copies that the group asks for, of what stands in memory. */
void tn_lo_turn(tn_lo *k);
/* 0 or the neutral number of a reduction in an element type. */
tn_tval *tn_lo_zero(tn_lo *k, tn_dtype dtype);
tn_tval *tn_lo_number(tn_lo *k, tn_dtype dtype, const tn_number *n);
/* A number over symbols that an op has as an attribute: one element in
 * memory, of a literal made for it. */
tn_tval *tn_lo_symbolic(tn_lo *k, const tn_op *op, tn_dtype dtype, const tn_number *n);

void tn_lo_bind(tn_lo *k, const tn_value *v, const tn_lo_bound *bound);
/* Scopes of the memo go with those of the builder. */
uint32_t tn_lo_enter(tn_lo *k);
void tn_lo_leave(tn_lo *k, uint32_t mark);

/* ---- sizes, axes ---- */

tn_tval *tn_lo_size(tn_lo *k, tn_size size);
/* A spanned axis of that extent which none of the indices carries. */
tn_axis *tn_lo_span_axis(tn_lo *k, tn_size extent, tn_tval *const *index, int count);
/* `x` with that axis, if it lacks it: equal at all positions. */
tn_tval *tn_lo_with_axis(tn_lo *k, tn_tval *x, tn_axis *axis);

/* ---- data that may be wrong ---- */

/* An integer that must lie in 0 .. extent-1: checked (the message names `op`
 * and `what`), clamped, as i32. `data` holds it at `place`. */
tn_tval *tn_lo_checked_index(tn_lo *k, const tn_op *op, const char *what, tn_value *data,
    tn_tval *const *place, tn_size extent);
/* True where the integer lies in 0 .. extent-1. */
tn_tval *tn_lo_in_range(tn_lo *k, tn_tval *at, tn_size extent);
tn_tval *tn_lo_clamped(tn_lo *k, tn_tval *at, tn_size extent);
void tn_lo_check(tn_lo *k, const tn_op *op, const char *what, const tn_value *data, tn_size extent,
    tn_tval *condition, tn_tval *position, tn_tval *value);
/* Linear position of an index in a value, row-major. */
tn_tval *tn_lo_position(tn_lo *k, const tn_type *type, tn_tval *const *index);
/* An offset: a size, or an operand that is checked to be 0 .. room. */
tn_tval *tn_lo_place(tn_lo *k, const tn_op *op, int attr, tn_size room);

/* From the index of the member that `view` is made of, through views, to that
 * of `view`; gives the condition that the element is part of it, NULL: always. */
tn_tval *tn_lo_through(tn_lo *k, const tn_value *view, const tn_value *member, tn_tval **index);

/* Elements wanted only where `condition` holds, from here to the matching
 * call with the condition returned. */
tn_tval *tn_lo_only_where(tn_lo *k, tn_tval *condition);

/* TN_UNSUPPORTED at an op; the first is kept. Gives a zero to go on with. */
tn_tval *tn_lo_refuse(tn_lo *k, const tn_op *op, const char *why, tn_dtype dtype);

/* ---- operations: element `index` of result number `result` ---- */

typedef tn_tval *(*tn_lower_fn)(tn_lo *k, tn_op *op, int result, tn_tval *const *index);

tn_tval *tn_lower_map(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_view(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_make(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_reduce(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_contract(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_gather(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
tn_tval *tn_lower_write(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
/* From a place in the rows of an update to that in what it writes over. */
void tn_lower_update_place(tn_lo *k, const tn_op *op, tn_tval **index);
tn_tval *tn_lower_order(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
/* Sort and nonzero have kernels of their own: tn_lower_dealt. */
tn_tval *tn_lower_deal(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
/* Its results are bound when the group's statements are made. */
tn_tval *tn_lower_scan(tn_lo *k, tn_op *op, int result, tn_tval *const *index);

/* ---- groups of kind WHOLE: one row, kernels of its own ---- */

/* Opens a kernel of the group under a name; what the last one has bound and
 * remembered is forgotten. */
void tn_lo_start(tn_lo *k, tn_lowered *out, const char *name);
/* Closes and verifies it. */
tn_status tn_lo_finish(tn_lo *k) TN_MUST_USE;
/* The same, and adds it to the list. */
tn_status tn_lo_finish_into(tn_lo *k, tn_lowered_list *list) TN_MUST_USE;
/* True if something reads result number `result` of the group's op. */
bool tn_lo_wants(const tn_lo *k, const tn_op *op, int result);
/* A grid axis for each of the first `count` dimensions of `v` (one in all at
 * least), `by_one` or in blocks; `at` takes their positions. */
void tn_lo_grid(tn_lo *k, const tn_value *v, int count, bool by_one, tn_tval **at);
/* An element of a value under a smaller rank: `position` counts row-major
 * through the first `count` dimensions, `rest` are the others. */
tn_tval *tn_lo_flat(tn_lo *k, tn_value *v, int count, tn_tval *position, tn_tval *const *rest);
/* An element of w[..,n,k], a matrix that a contraction sums along k: a weight
 * is packed by 16 of n if that is allowed. */
tn_tval *tn_lo_matrix(tn_lo *k, tn_value *w, tn_tval *const *index);
/* Integers in the order of the floats `x`, NaN greatest, both zeros equal;
 * the least integer is below all of them. */
tn_tval *tn_lo_order_key(tn_lo *k, tn_tval *x);

/* Adds a kernel to the last of the list if its group is a sibling of that
 * one's, and neither touches what the other writes. */
bool tn_lo_join_beside(tn_lo *k, const tn_lowered *l, tn_lowered_list *list);

/* ---- rows dealt out, by meaning (symbolic only) ---- */

/* An element of what sort or nonzero gives. */
tn_tval *tn_lo_dealt(tn_lo *k, tn_op *op, int result, tn_tval *const *index);
/* What a scatter puts there that adds, or puts rows on zeros, one to a place;
 * without what was there before. NULL if its rows were not dealt out, or not
 * as a whole (k->row_fault). */
tn_tval *tn_lo_added(tn_lo *k, tn_op *op, tn_tval *const *index);
/* What a scatter by the order of a sort puts there; NULL if it is none. */
tn_tval *tn_lo_put(tn_lo *k, tn_op *op, tn_tval *const *index);
/* Integers that may be -1, from rows of nonzero past its count. */
bool tn_lo_may_be_past(const tn_value *v);
/* The position, if it is the index of an axis of that extent, or of several;
 * else NULL. */
tn_tval *tn_lo_as_below(tn_lo *k, tn_tval *at, tn_size extent);
/* Positions put together (add, mul) and taken apart (div, rem) in one form;
 * NULL if they are none. */
tn_tval *tn_lo_position_of(tn_lo *k, tn_opcode code, tn_tval *x, tn_tval *y);

/* The kernels of a group of kind WHOLE are appended. */
tn_status tn_lower_whole(tn_lo *k, tn_lowered_list *out) TN_MUST_USE;
tn_status tn_lower_route(tn_lo *k, tn_lowered_list *out) TN_MUST_USE;
tn_status tn_lower_moe(tn_lo *k, tn_lowered_list *out) TN_MUST_USE;
tn_status tn_lower_dealt(tn_lo *k, tn_lowered_list *out) TN_MUST_USE;
tn_status tn_lower_sort(tn_lo *k, tn_lowered_list *out) TN_MUST_USE;

/* The loop of a scan; binds its results, stores those that are outputs of
 * the group along the way. */
void tn_lower_scan_loop(tn_lo *k, tn_op *op);
/* An element that a closed scan collected, from what it carried. */
tn_tval *tn_lower_scan_again(tn_lo *k, const tn_lo_bound *bound, int result, tn_tval *const *index);
/* The parameter buffer that takes an output of the group, in the shape of
 * `type` (as many elements, row-major). */
tn_tbuf *tn_lo_output(tn_lo *k, tn_value *v, const tn_type *type);

#endif
