/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TILE_H
#define TN_IR_KERNEL_TILE_H

#include "ir/base/diag.h"
#include "ir/base/vec.h"
#include "ir/kernel/fn.h"
#include "ir/type.h"

/* A kernel at tile level: what it computes, with named axes and no threads,
 * block sizes or edges. A tile value has one element for each position of the
 * current block of each of its axes. Lowerings build it, schedules turn it
 * into lane kernels, the tile interpreter gives it meaning. Owned by the
 * arena given to tn_tb_create. Value nodes are shared: the same operation on
 * the same operands in the same scope is the same pointer. */

typedef enum tn_top {
#define TN_T(name, ...) TN_T_##name,
#include "ir/kernel/tops.def"
    TN_T_COUNT
} tn_top;

typedef struct tn_tval tn_tval;
typedef struct tn_tstmt tn_tstmt;
typedef struct tn_tbody tn_tbody;

typedef enum tn_axis_kind {
    TN_AXIS_GRID, /* tasks take blocks of it */
    TN_AXIS_SPAN, /* tiles that carry it cover it all */
    TN_AXIS_LOOP, /* the axis of a fold or scan */
    TN_AXIS_OUT,  /* the short axis of topk */
} tn_axis_kind;

typedef struct tn_axis {
    const char *name; /* unique in the kernel */
    tn_axis_kind kind;
    tn_tval *low, *high; /* scalars of the task; positions low .. high-1 */
    bool by_one;         /* one position a block: the axis is a scalar */
    uint32_t index;      /* position in tn_tile.axes */
} tn_axis;

/* How elements lie in memory. */
typedef enum tn_layout_kind {
    TN_LAYOUT_ROWS, /* row-major */
    TN_LAYOUT_PERM, /* row-major in the order `perm` of dimensions */
    /* [N/16][K][16] with N = dimension `n`, zero padded; dims before it are
     * outer, those after it are K, linear. */
    TN_LAYOUT_P16,
} tn_layout_kind;

typedef struct tn_layout {
    tn_layout_kind kind;
    uint8_t perm[TN_MAX_RANK];
    uint8_t n;
} tn_layout;

typedef struct tn_tbuf {
    const char *name;
    tn_dtype dtype;
    int rank;
    tn_tval *dim[TN_MAX_RANK];     /* sizes or constants; NULL: see axis */
    tn_axis *dim_axis[TN_MAX_RANK]; /* locals: the extent of its block */
    tn_layout layout;
    bool local, written, read;
    /* Buffers of one alias class may overlap; 0: apart from all others. */
    uint32_t alias;
    uint32_t index; /* position in tn_tile.bufs */
} tn_tbuf;

enum { TN_TVAL_ARGS = TN_MAX_RANK, TN_TILE_AXES = 32 /* of one value */ };

struct tn_tval {
    tn_top op;
    tn_fn fn; /* fn; reduce, argreduce (min or max), prefix: which */
    tn_dtype dtype;
    uint8_t arg_count, axis_count, red_count;
    tn_tval *arg[TN_TVAL_ARGS]; /* load: indices. mma: acc, a, b */
    tn_tval *guard;             /* load: a constant, or NULL */
    tn_axis **axes;             /* carried, in order of tn_axis.index */
    tn_axis **red;              /* reduce mma argreduce prefix topk: over */
    tn_axis *axis, *to;         /* index first last; rename from, to; topk out */
    tn_tbuf *buf;
    tn_tstmt *loop;  /* carry, merged, result of a loop */
    int64_t whole;   /* const (integers, bool), size, result, carry number */
    double real;     /* const (floats) */
    uint8_t side;    /* merged: 0 left, 1 right */
    bool inclusive, reverse; /* prefix */
    /* Loads: stores made before it, so that a load behind a store is not
     * taken for one before it. */
    uint32_t epoch;
    tn_tbody *home;  /* scope it was made in; evaluated at its first use */
    uint32_t id;     /* dense, in order of creation: operands come first */
};

typedef struct tn_tcarry {
    tn_tval *value; /* the carry node */
    tn_tval *init, *next;
    tn_fn by;        /* TN_FN_COUNT: not cut by an operation */
    tn_tval *left, *right, *merged; /* merge: its parameters and result */
} tn_tcarry;

struct tn_tbody {
    TN_VEC(tn_tstmt *) stmts;
    tn_tbody *parent;
    tn_tstmt *owner;
};

struct tn_tstmt {
    tn_top op;
    tn_tbuf *buf;                /* store, local */
    int index_count;
    tn_tval *index[TN_MAX_RANK]; /* store */
    tn_tval *value, *condition;  /* store: value, optional condition. check, if: condition */
    tn_tval *position;           /* check */
    uint32_t site;               /* check */
    tn_axis *axis;               /* loop */
    bool scan;                   /* loop: strictly in order, never cut */
    bool merge;                  /* loop: has a merge */
    TN_VEC(tn_tcarry) carry;     /* loop */
    tn_tbody *body, *orelse;     /* loop, if */
    tn_tbody *merge_body;        /* statements of the merge; only values */
};

typedef struct tn_tsize {
    const char *name;
    bool known;
    int64_t value;     /* if known */
    int64_t low, high; /* else */
} tn_tsize;

typedef struct tn_tile {
    tn_arena *arena;
    const char *name;
    bool exact;
    TN_VEC(tn_tsize) sizes;
    TN_VEC(tn_tbuf *) bufs; /* parameters in binding order, then locals */
    TN_VEC(tn_axis *) axes; /* all, in order of declaration */
    TN_VEC(tn_axis *) grid; /* outermost first */
    TN_VEC(const char *) sites;
    tn_tbody *body;
    uint32_t value_count;
} tn_tile;

/* ---- building ---- */

typedef struct tn_tb tn_tb;

tn_tb *tn_tb_create(tn_arena *arena, const char *name);
tn_tile *tn_tb_finish(tn_tb *b);
/* The innermost open scope. */
const tn_tbody *tn_tb_scope(const tn_tb *b);

/* Sizes: the same name is the same size. */
tn_tval *tn_tb_size(tn_tb *b, const char *name, int64_t low, int64_t high);
tn_tval *tn_tb_int(tn_tb *b, int64_t value); /* i32 constant */
tn_tval *tn_tb_whole(tn_tb *b, tn_dtype dtype, int64_t value);
tn_tval *tn_tb_real(tn_tb *b, tn_dtype dtype, double value);

tn_tbuf *tn_tb_buffer(tn_tb *b, const char *name, tn_dtype dtype, int rank, tn_tval *const *dims,
    tn_layout layout, uint32_t alias);
/* Axes: low NULL is 0. GRID axes are declared before the first statement. */
tn_axis *tn_tb_grid(tn_tb *b, const char *name, tn_tval *low, tn_tval *high, bool by_one);
tn_axis *tn_tb_span(tn_tb *b, const char *name, tn_tval *extent);
tn_axis *tn_tb_out(tn_tb *b, const char *name, tn_tval *extent);

tn_tval *tn_tb_index(tn_tb *b, tn_axis *axis);
tn_tval *tn_tb_first(tn_tb *b, tn_axis *axis);
tn_tval *tn_tb_last(tn_tb *b, tn_axis *axis);
/* Operands of a function have one element type (see fns.def). Functions of
 * integer and bool constants fold, and x+0, x*1, x*0, x/1, (x+c)+d; floats
 * never do. */
/* What is wrong with these operands: "wants operands of one element type";
 * NULL if nothing. The builder asserts it, readers of text ask first. */
const char *tn_tb_fn_fault(tn_fn fn, tn_tval *const *args, int count);
tn_tval *tn_tb_fn1(tn_tb *b, tn_fn fn, tn_tval *a);
tn_tval *tn_tb_fn2(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *c);
tn_tval *tn_tb_fn3(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *c, tn_tval *d);
tn_tval *tn_tb_cast(tn_tb *b, tn_dtype to, tn_tval *a);
tn_tval *tn_tb_bits(tn_tb *b, tn_dtype to, tn_tval *a);
tn_tval *tn_tb_load(tn_tb *b, tn_tbuf *buf, tn_tval *const *index, tn_tval *guard);
tn_tval *tn_tb_reduce(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *const *over, int count);
tn_tval *tn_tb_mma(tn_tb *b, tn_tval *acc, tn_tval *a, tn_tval *c, tn_axis *const *over, int count);
/* value and position through tn_tb_result 0 and 1. fn is min or max. */
tn_tval *tn_tb_argreduce(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *over);
tn_tval *tn_tb_prefix(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *over, bool inclusive, bool reverse);
tn_tval *tn_tb_topk(tn_tb *b, tn_tval *a, tn_axis *over, tn_axis *out);
tn_tval *tn_tb_result(tn_tb *b, tn_tval *of, int number);
tn_tval *tn_tb_rename(tn_tb *b, tn_tval *a, tn_axis *from, tn_axis *to);

void tn_tb_store(tn_tb *b, tn_tbuf *buf, tn_tval *const *index, tn_tval *value, tn_tval *condition);
uint32_t tn_tb_site(tn_tb *b, const char *what);
void tn_tb_check(tn_tb *b, uint32_t site, tn_tval *condition, tn_tval *position, tn_tval *value);
tn_tbuf *tn_tb_local(tn_tb *b, const char *name, tn_dtype dtype, int rank, tn_tval *const *dims,
    tn_axis *const *dim_axes);
void tn_tb_if(tn_tb *b, tn_tval *condition);
void tn_tb_else(tn_tb *b);
void tn_tb_end_if(tn_tb *b);

/* Loops. Open, add carries, build the body (statements and values), then
 * close with the next values. `axis` is made by the loop (name, low, high) or
 * a declared span axis walked in blocks (`over`, then low and high may be
 * NULL). */
tn_tstmt *tn_tb_loop(tn_tb *b, bool scan, const char *name, tn_axis *over, tn_tval *low,
    tn_tval *high, bool by_one);
/* A carried value with its axes; returns the value at the start of a round. */
tn_tval *tn_tb_carry(tn_tb *b, tn_tval *init, tn_axis *const *axes, int count, tn_fn by);
void tn_tb_end_loop(tn_tb *b, tn_tval *const *next);
/* Final value `number` of a closed loop. */
tn_tval *tn_tb_final(tn_tb *b, tn_tstmt *loop, int number);
/* Merge of a closed loop: parameters by tn_tb_merged(loop, side, number),
 * then tn_tb_end_merge with the merged values. */
void tn_tb_merge(tn_tb *b, tn_tstmt *loop);
tn_tval *tn_tb_merged(tn_tb *b, tn_tstmt *loop, int side, int number);
void tn_tb_end_merge(tn_tb *b, tn_tval *const *merged);

/* ---- checking, text ---- */

/* The rules of kernel-ir: axes in scope, carried tiles list their axes, loop
 * bounds are task scalars, no load of a buffer after an aliasing store except
 * through the same index map, every axis of a stored value in its indices or
 * condition. TN_BUG with every violation in `diag`. */
tn_status tn_tile_verify(const tn_tile *t, tn_diag *diag) TN_MUST_USE;
void tn_tile_print(tn_text *out, const tn_tile *t);
tn_status tn_tile_parse(tn_arena *arena, tn_diag *diag, const char *place, const char *text,
    tn_tile **out) TN_MUST_USE;

const char *tn_top_name(tn_top op);
bool tn_tval_is_int(const tn_tval *v, int64_t *value); /* constant i32 */
bool tn_tval_has_axis(const tn_tval *v, const tn_axis *axis);

#endif
