/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCHEDULE_SCHED_H
#define TN_PASSES_SCHEDULE_SCHED_H

#include "ir/kernel/kbuild.h"
#include "passes/schedule/schedule.h"

/* What the parts of the scheduler share. Not for others: see schedule.h.
 *
 * The way of a program: values.c numbers its values and says what each
 * depends on; nests.c groups reductions and stores into nests; evaluate.c
 * and access.c say what a value is at one point of the iteration space;
 * kept.c gives storage to what must outlive its nest; stream.c, reduce.c and
 * contract.c emit nests for machines with vectors, gpu.c and gpu_tile.c for
 * machines with lanes. */

/* A set of axes, one bit for each tn_axis.index. */
typedef uint64_t tn_axset;
enum { TN_MAX_AXES = 64 };

typedef struct tn_sched tn_sched;

/* Elements of an operand that are to stay in a core's own cache: half of 512 KiB. */
enum { TN_CACHED_ELEMENTS = 65536 };

/* ---- nests ---- */

typedef enum tn_out_kind {
    TN_OUT_STORE, /* to a buffer */
    TN_OUT_CARRY, /* initial or next value of a carry */
    TN_OUT_KEEP,  /* a value several nests use */
    TN_OUT_CHECK,
} tn_out_kind;

typedef struct tn_out {
    tn_out_kind kind;
    tn_tval *value;
    tn_tval *node;  /* carry: the carry; keep: the value itself */
    tn_tstmt *stmt; /* store, check */
} tn_out;

/* Positions of `par` in any order; for each a loop over `red`, if there are
 * reductions. Inner outs run in that loop, tail outs after it. */
typedef struct tn_nest {
    uint32_t index; /* in order of emission, over the whole program */
    TN_VEC(tn_axis *) par, red;
    tn_axset par_set, red_set;
    TN_VEC(tn_tval *) reds;
    TN_VEC(tn_out *) inner, tail;
    tn_axis *lane; /* the axis of vectors; NULL: none */
    bool contract; /* a product-like map reduced, each operand lacking an axis */
    bool reverse;  /* the reduced axis runs downward, for a prefix */
    tn_kmem **packed; /* CPU, by reduction: its lane side, copied before the loop around */
    tn_ins *clean; /* a condition: its lane side is below +inf; or NULL */
} tn_nest;

typedef enum tn_item_kind { TN_ITEM_NEST, TN_ITEM_LOOP, TN_ITEM_IF } tn_item_kind;

typedef struct tn_items tn_items;

typedef struct tn_item {
    tn_item_kind kind;
    tn_nest *nest;
    tn_tstmt *stmt;
    tn_items *body, *orelse;
} tn_item;

/* A value kept, or loaded again, by the nests from item `from` of its body on. */
typedef struct tn_keep {
    tn_tval *value;
    uint32_t from;
} tn_keep;

struct tn_items {
    TN_VEC(tn_item *) list;
    TN_VEC(tn_keep) keeps;
    tn_tbody *source;
};

/* ---- storage, positions ---- */

enum { TN_KEPT_RANK = 16 };

/* Where a kept value, a carry or a local lies: the lane axis of the nest
 * that stores it is innermost, padded to whole vectors. */
typedef struct tn_kept {
    tn_dtype dtype;
    int rank;
    const tn_axis *axis[TN_KEPT_RANK]; /* NULL: a plain dimension of a local */
    tn_ins *origin[TN_KEPT_RANK];      /* position of element 0 on the axis */
    tn_ins *stride[TN_KEPT_RANK];      /* NULL: a dimension not stored */
    tn_ins *size;                      /* elements of one copy */
    bool twice;                        /* two copies, by parity of the round */
    tn_ins *parity;                    /* which copy is read; NULL: the first */
    tn_kmem *mem;                      /* or */
    tn_kcell *cell;                    /* one register */
    tn_ins *start;                     /* first element of this group's slice; NULL: 0 */
} tn_kept;

/* Position on an axis: one (lanes 1), or `lanes` from `base` on, of which
 * `mask` (NULL: all) are inside. `padded` is a base whose whole vector may be
 * read where memory is padded. */
typedef struct tn_pos {
    tn_ins *base, *padded, *mask;
    int lanes;
} tn_pos;

/* A point of emission: positions of axes and values already at hand. A point
 * belongs to the block that is open when it is made. */
typedef struct tn_bound {
    const tn_axis *axis;
    tn_pos pos;
} tn_bound;

typedef struct tn_memo {
    uint32_t key;
    tn_ins *value;
} tn_memo;

typedef struct tn_point tn_point;
struct tn_point {
    tn_point *parent[2];
    bool fresh; /* values of the parents are not seen, positions are */
    TN_VEC(tn_bound) bound;
    TN_VEC(tn_memo) memo;
};

/* ---- state by value, axis, buffer ---- */

typedef struct tn_vstate {
    tn_tval *value; /* NULL: no such value */
    tn_axset deps;  /* axes to bind before it can be evaluated */
    int depth;
    uint32_t mark;  /* walks */
    bool assigned;  /* anchors: is in a nest */
    int32_t where;  /* nest of the segment being planned that makes it; -1: none */
    bool kept;      /* is an out of a nest, or known to be in memory: */
    tn_tval *forward;
    bool forward_ready;
    tn_nest *maker;
    TN_VEC(tn_nest *) users; /* nests that read it, each once; NULL stands for bounds */
    tn_kept *pending[2], *store[2]; /* storage being filled, storage to read */
} tn_vstate;

typedef struct tn_axstate {
    tn_ins *low, *length;  /* range in the current scope; NULL: of the axis itself */
    tn_ins *longest;       /* upper bound of length, over sizes and constants */
    int64_t most;          /* length is at most this; 0: not known */
    int64_t lens[2];       /* the lengths that occur, if there are at most two */
    int len_count;         /* 0: not known */
    bool dynamic;          /* bounds are loaded: walked in blocks inside the task */
} tn_axstate;

/* How the grid is dealt to tasks. */
typedef struct tn_grid_cut {
    int64_t block[TN_MAX_AXES]; /* by axis index */
    bool fixed[TN_MAX_AXES];    /* blocks start at multiples of the block */
} tn_grid_cut;

/* The shape of register tiles: staged rows, columns and steps, rows and
 * columns of a lane. */
typedef struct tn_gpu_tile {
    int bm, bn, bk, tm, tn, pad, stages;
} tn_gpu_tile;

struct tn_sched {
    tn_arena *arena;
    tn_diag *diag;
    tn_status status; /* the first failure; emission goes on with dummies */
    const tn_tile *tile;
    const tn_target *target;
    tn_choice choice;
    tn_launches *out;
    tn_launch *launch;
    tn_tbuf **passed; /* buffers between two programs, the scratch buffers from */
    uint32_t passed_count, passed_scratch; /* `passed_scratch` on */
    tn_kb *b;
    tn_dtype it; /* index type */
    int lanes;   /* of a vector; 1 on GPUs */
    tn_vstate *val;
    uint32_t val_count, val_room;
    tn_axstate axis[TN_MAX_AXES];
    tn_kmem **mem;      /* by buffer: parameters */
    bool *reloaded;     /* by buffer: what was stored is loaded again */
    tn_kept **local;    /* by buffer: locals */
    tn_items *items;
    TN_VEC(tn_nest *) nests;
    TN_VEC(const tn_tstmt *) stores; /* in program order */
    uint32_t mark;
    tn_point *root;
    bool quick;        /* what is being emitted meets no NaN */
    tn_axset row_axes; /* rows of a recurrent contraction: no lanes elsewhere */
    tn_grid_cut cut;
    /* Buffers and sizes of the programs before it in the launch. */
    uint32_t first_buffer, first_size;
    /* GPU */
    int32_t group;       /* lanes of a group */
    const tn_gpu_tile *tiles; /* their shape; NULL: no tiles */
    int64_t group_used;  /* bytes of group memory */
    tn_ins *task;        /* number of the group */
    tn_formula tasks;    /* of groups, over tile sizes */
};

/* Remembers the first failure. */
void tn_sched_fail(tn_sched *s, tn_status status, const char *format, ...) TN_PRINTF(3, 4);

/* ---- arithmetic of the index type ---- */

static inline tn_ins *
tn_int(tn_sched *s, int64_t value)
{
    return tn_kb_int(s->b, value);
}

/* tn_add(s, a, b) and, with a number, tn_addi(s, a, 1); and so on. */
#define TN_INDEX_FN(name)                                                 \
    static inline tn_ins *tn_##name(tn_sched *s, tn_ins *a, tn_ins *b)    \
    {                                                                     \
        return tn_kb_fn2(s->b, TN_FN_##name, a, b);                       \
    }                                                                     \
    static inline tn_ins *tn_##name##i(tn_sched *s, tn_ins *a, int64_t b) \
    {                                                                     \
        return tn_kb_fn2(s->b, TN_FN_##name, a, tn_kb_int(s->b, b));      \
    }
TN_INDEX_FN(add)
TN_INDEX_FN(sub)
TN_INDEX_FN(mul)
TN_INDEX_FN(div)
TN_INDEX_FN(rem)
TN_INDEX_FN(min)
TN_INDEX_FN(max)
#undef TN_INDEX_FN

/* ---- values.c ---- */

typedef struct tn_vals {
    tn_tval **at;
    uint32_t count, room;
} tn_vals;

tn_status tn_values_number(tn_sched *s);
static inline tn_vstate *
tn_val(const tn_sched *s, const tn_tval *v)
{
    return &s->val[v->id];
}

static inline tn_axset
tn_bit(const tn_axis *a)
{
    return (tn_axset)1 << a->index;
}

/* A load of what `store` wrote, for values forwarded through memory. */
tn_tval *tn_value_reload(tn_sched *s, const tn_tstmt *store, const tn_tval *like);
bool tn_is_anchor(const tn_tval *v);
/* A loop's carry behind its result, or the node itself. */
tn_tval *tn_carry_of(tn_tval *v);
/* Number of the anchor's result that `v` (the anchor, or a `result`) is. */
int tn_result_number(const tn_tval *v);

typedef enum tn_stop {
    TN_STOP_NOWHERE, /* anchors stop a walk, nothing else does */
    TN_STOP_KEPT,    /* and values kept by the plan */
    TN_STOP_STORED,  /* and values that lie in storage now */
} tn_stop;

/* Collects what is evaluated to get a value: itself and what is below it, not
 * behind anchors and kept values, which are included. `behind`: look behind
 * the value itself in any case. */
void tn_stem_start(tn_sched *s, tn_vals *list);
void tn_stem(tn_sched *s, tn_tval *v, tn_stop stop, bool behind, tn_vals *list);
/* A store of a value that later nests load from there. */
bool tn_out_loaded(tn_sched *s, const tn_out *o);
/* Operands of a nest's outs and reductions. */
void tn_out_roots(tn_sched *s, const tn_out *o, tn_vals *list);
void tn_nest_roots(tn_sched *s, const tn_nest *n, tn_vals *list);
void tn_vals_add(tn_sched *s, tn_vals *list, tn_tval *v);
/* Cost of an element, by fns.def, up to kept values. */
int tn_value_cost(tn_sched *s, tn_tval *v);
/* Two buffers are one, or may overlap. */
bool tn_buf_overlaps(const tn_tbuf *a, const tn_tbuf *b);
/* Value is never negative, as far as a look at it tells. */
bool tn_value_not_negative(const tn_tval *v);
/* Every value is a multiple of `by`, lanes of `lane` aside. */
bool tn_value_multiple(const tn_tval *v, const tn_axis *lane, int64_t by);
bool tn_value_size(const tn_sched *s, const tn_tval *v, int64_t *value); /* known number */
/* Greatest number the extent of an axis can have; INT64_MAX: not known. */
int64_t tn_axis_most(const tn_sched *s, const tn_axis *a);
/* True, and the number, if the extent is known. */
bool tn_axis_known(const tn_sched *s, const tn_axis *a, int64_t *extent);
/* Bounds depend on loaded values. */
bool tn_axis_loaded(const tn_axis *a);

/* ---- nests.c, plan.c ---- */

void tn_plan(tn_sched *s);
/* The load comes after the store in the program, and reads what it wrote. */
bool tn_load_sees(const tn_sched *s, const tn_tval *load, const tn_tstmt *store);
/* Nests of one segment: anchors and outs in program order. */
typedef struct tn_work {
    tn_tval *anchor; /* or */
    tn_out *out;
} tn_work;
typedef struct tn_works {
    tn_work *at;
    uint32_t count, room;
} tn_works;
typedef struct tn_nest_list {
    tn_nest **at;
    uint32_t count, room;
} tn_nest_list;
void tn_works_insert(tn_sched *s, tn_works *w, uint32_t before, tn_work work);
void tn_work_roots(tn_sched *s, const tn_work *w, tn_vals *list);
tn_nest_list tn_nests_of(tn_sched *s, const tn_works *works);
bool tn_is_contract(tn_sched *s, const tn_tval *v);
/* Which nests read a value; called once all nests exist. */
void tn_plan_users(tn_sched *s);
/* Kept values are known inside the body they belong to only. */
void tn_items_enter(tn_sched *s, const tn_items *items, uint32_t item);
void tn_items_leave(tn_sched *s, const tn_items *items);
/* The carry must not be replaced in place. */
bool tn_carry_twice(tn_sched *s, tn_items *items, tn_tval *carry);

/* ---- lanes.c ---- */

void tn_pick_lanes(tn_sched *s);
/* Its positions are those of a loop, among others. */
bool tn_nest_folded(const tn_nest *n);

/* ---- evaluate.c, access.c ---- */

tn_point *tn_point_new(tn_sched *s, tn_point *parent);
void tn_point_bind(tn_sched *s, tn_point *p, const tn_axis *a, tn_pos pos);
void tn_point_bind_one(tn_sched *s, tn_point *p, const tn_axis *a, tn_ins *at);
const tn_pos *tn_point_pos(const tn_point *p, const tn_axis *a);
/* Axes with a position. */
tn_axset tn_bound_axes(const tn_sched *s, const tn_point *p);
tn_ins *tn_point_find(const tn_point *p, uint32_t key);
void tn_point_put(tn_sched *s, tn_point *p, uint32_t key, tn_ins *value);
static inline uint32_t
tn_key(const tn_tval *v, int number)
{
    return v->id * 2 + (uint32_t)number;
}

tn_ins *tn_eval(tn_sched *s, tn_tval *v, tn_point *p);
/* Without looking at storage of `v` itself: for what fills it. */
tn_ins *tn_eval_new(tn_sched *s, tn_tval *v, tn_point *p);
tn_ins *tn_eval_index(tn_sched *s, tn_tval *v, tn_point *p); /* scalar, index type */
tn_ins *tn_scalar(tn_sched *s, tn_tval *size);               /* index type */
/* To the element type; i32 scalars may be held in the index type. */
tn_ins *tn_convert(tn_sched *s, tn_ins *v, tn_dtype to);
tn_ins *tn_to_index(tn_sched *s, tn_ins *v);
/* In all lanes, if it is not yet. */
tn_ins *tn_wide(tn_sched *s, tn_ins *v, int lanes);
/* Evaluates now what does not change inside loops over `inner`. */
void tn_hoist(tn_sched *s, const tn_vals *roots, tn_point *p, tn_axset inner, const tn_nest *own);

tn_ins *tn_low(tn_sched *s, const tn_axis *a);
tn_ins *tn_length(tn_sched *s, const tn_axis *a);
tn_ins *tn_longest(tn_sched *s, const tn_axis *a);
/* Constant, and its value. */
bool tn_length_known(tn_sched *s, const tn_axis *a, int64_t *value);

/* Elements at + coef * lane + vec. */
typedef struct tn_place {
    tn_ins *at, *vec;
    int64_t coef;
    bool padded; /* reading past the mask is harmless */
} tn_place;

tn_place tn_place_of(tn_sched *s, tn_tbuf *buf, tn_tval *const *index, tn_point *p);
/* Lanes of `lane` are apart in memory. `v` is a load. */
bool tn_access_strided(const tn_sched *s, const tn_tval *v, const tn_axis *lane);
/* They are neighbours. */
bool tn_access_contiguous(const tn_sched *s, const tn_tval *v, const tn_axis *lane);
tn_kmem *tn_mem_of(tn_sched *s, const tn_tbuf *buf);
/* The first bound vector position among axes; NULL: none. */
const tn_pos *tn_lanes_of(const tn_sched *s, const tn_point *p, tn_axset axes);
tn_ins *tn_load_at(tn_sched *s, tn_kmem *mem, const tn_place *at, const tn_pos *lanes, tn_ins *mask,
    tn_ins *other);
void tn_store_at(tn_sched *s, tn_kmem *mem, const tn_place *at, tn_ins *value, const tn_pos *lanes,
    tn_ins *mask);
tn_ins *tn_eval_load(tn_sched *s, tn_tval *v, tn_point *p);
/* At least 1, rounded up to whole vectors. */
tn_ins *tn_round_up(tn_sched *s, tn_ins *v, int64_t by);
tn_ins *tn_ceil_div(tn_sched *s, tn_ins *v, int64_t by);

/* ---- kept.c ---- */

typedef struct tn_kept_shape {
    const char *name;
    tn_dtype dtype;
    int rank;
    const tn_axis *axis[TN_KEPT_RANK];
    tn_tval *dim[TN_KEPT_RANK]; /* where axis is NULL */
    const tn_axis *lane;        /* innermost; NULL: the last */
    tn_axset dropped;           /* not stored: one position at a time */
    bool twice;
} tn_kept_shape;

void tn_shape_axes(tn_kept_shape *shape, const tn_tval *like);
tn_kept *tn_kept_new(tn_sched *s, const tn_kept_shape *shape);
tn_place tn_kept_place(tn_sched *s, const tn_kept *k, tn_point *p, bool write);
tn_ins *tn_kept_load(tn_sched *s, const tn_kept *k, tn_point *p);
void tn_kept_store(tn_sched *s, const tn_kept *k, tn_ins *value, tn_point *p);
/* Storage for what a nest makes and others read. `common`: axes shared by a
 * row group, `group` its nests. */
void tn_nest_storage(tn_sched *s, tn_nest *n, tn_axset common, tn_nest *const *group,
    uint32_t group_count);
/* Storage of locals and carries of a body. */
void tn_body_storage(tn_sched *s, tn_items *items);
/* What the nest made may be read from now on. */
void tn_nest_done(tn_sched *s, tn_nest *n);
void tn_nest_begin(tn_sched *s, tn_nest *n);

/* ---- stream.c, reduce.c: shared by both kinds of machine ---- */

typedef void (*tn_emit)(tn_sched *s, tn_point *p, void *context);

/* Loops over axes, the lane axis innermost in vectors with a tail. */
void tn_loops(tn_sched *s, tn_axis *const *axes, uint32_t count, const tn_axis *lane, bool downward,
    tn_point *p, tn_emit emit, void *context);
/* Whole vectors of an axis only: `length` is a multiple of the lanes. */
void tn_chunks_whole(tn_sched *s, const tn_axis *a, tn_ins *low, tn_ins *length, tn_point *p,
    tn_emit emit, void *context);
/* One axis in vectors from low on: whole ones, then what is left. */
void tn_chunks(tn_sched *s, const tn_axis *a, tn_ins *low, tn_ins *length, tn_point *p,
    tn_emit emit, void *context);
void tn_outs(tn_sched *s, tn_out *const *outs, uint32_t count, tn_point *p);
/* The reductions and tail of a nest at one point of par. */
void tn_reduce(tn_sched *s, tn_nest *n, tn_point *p);
void tn_topk(tn_sched *s, tn_nest *n, tn_point *p);
/* A nest of streams, `par` without axes already bound. */
void tn_stream(tn_sched *s, tn_nest *n, tn_point *p);
/* Neutral element of a reduction in `dtype`. */
tn_ins *tn_neutral(tn_sched *s, tn_fn fn, tn_dtype dtype);
/* acc op value, fused where it may be. `v` is the reduce or mma. */
tn_ins *tn_accumulate(tn_sched *s, tn_tval *v, tn_ins *acc, tn_point *p);
tn_ins *tn_combine(tn_sched *s, tn_fn fn, tn_ins *a, tn_ins *b);
tn_fn tn_red_fn(const tn_tval *v);
/* As it is for the type: no maxq of integers, and and or for bool. */
tn_fn tn_plain_fn(tn_fn fn, tn_dtype dtype);
/* x takes the place of the best so far (fn max or min): a NaN is the greatest
 * of all. */
tn_ins *tn_better(tn_sched *s, tn_fn fn, tn_ins *x, tn_ins *best);
/* The best of the lanes of x, and the least of their positions. */
void tn_fold_best(tn_sched *s, tn_fn fn, tn_ins *x, tn_ins *at, tn_ins **best, tn_ins **best_at);
tn_ins *tn_position(tn_sched *s, const tn_axis *a, const tn_point *p); /* i32 */
bool tn_is_zero(const tn_tval *v);
bool tn_is_sum_of_products(const tn_tval *v);
tn_dtype tn_acc_dtype(const tn_tval *v); /* halves accumulate in f32 */

/* A loop statement: its rounds, with ranges, parities and storage. */
void tn_emit_loop(tn_sched *s, tn_item *item, tn_point *p,
    void (*items)(tn_sched *s, tn_items *items, tn_point *p));
/* Deals `left` positions to the grid axes from the last on, but for `skip`. */
void tn_grid_deal(tn_sched *s, tn_grid_cut *cut, int64_t left, tn_axset skip);
/* An extent to reckon with: known, or not. */
int64_t tn_axis_guess(const tn_sched *s, const tn_axis *a);
void tn_find_loops(const tn_items *items, bool *fold, bool *scan);
tn_ins *tn_grid_tasks(tn_sched *s, const tn_grid_cut *cut);
/* Binds grid axes to task number `task`, walks those with loaded bounds in
 * blocks, then emits. */
void tn_grid_task(tn_sched *s, tn_ins *task, void (*emit)(tn_sched *s, tn_point *p));

/* ---- contract.c, schedule_cpu.c, schedule_gpu.c, gpu_tile.c ---- */

void tn_contract(tn_sched *s, tn_nest *n, tn_point *p);
/* Before a loop: copies what the contractions in its body would copy in every
 * round. */
void tn_contract_prepare(tn_sched *s, tn_items *body, tn_point *p);
/* Around a recurrence (quick.c): what is the same in all its rounds is looked
 * at before it, so that maxima inside need not reckon with NaN. */
void tn_quick_before(tn_sched *s, const tn_item *loop, tn_point *p);
void tn_quick_after(const tn_item *loop);
/* What the two operands of a contraction depend on. */
void tn_contract_deps(tn_sched *s, const tn_tval *v, tn_axset *a, tn_axset *b);
/* Axes of a contraction's result, but for `lane`: rows, which only the operand
 * without it has; what both have; and the others. */
typedef struct tn_contract_axes {
    tn_axset rows, cols, both;
} tn_contract_axes;
tn_contract_axes tn_contract_split(tn_sched *s, const tn_nest *n, const tn_axis *lane);
int tn_contract_rows(tn_sched *s, const tn_nest *n); /* of its register block */
/* Picks vectors, lanes, tiles, and what a task takes: before any code. */
void tn_cut_cpu(tn_sched *s);
void tn_cut_gpu(tn_sched *s);
/* What task number `task` of the program does. */
void tn_task_cpu(tn_sched *s, tn_ins *task);
void tn_task_gpu(tn_sched *s, tn_ins *task);
/* Loop bounds and conditions are read by all lanes: none may write what they
 * are made of before all have. */
void tn_gpu_settle(tn_sched *s, tn_tval *const *values, int count);
/* Positions of axes dealt to lanes: lane, lane + group, .. */
void tn_gpu_points(tn_sched *s, tn_axis *const *axes, uint32_t count, tn_ins *lane, tn_point *p,
    tn_emit emit, void *context);
/* False: no nest of this program is done by tiles. */
bool tn_gpu_tile_choose(tn_sched *s, tn_gpu_tile *out);
/* A nest by tiles, uniform code around; false, and nothing emitted, if it
 * does not suit or group memory does not hold it. */
bool tn_gpu_tile_emit(tn_sched *s, tn_nest *n, const tn_gpu_tile *t, tn_point *p);

/* ---- cut.c, estimate.c ---- */

/* Formulas over tile sizes. */
typedef struct tn_sum {
    tn_writer code;
    const tn_tile *tile;
    uint32_t first; /* number of its first size */
} tn_sum;
tn_sum tn_sum_of(const tn_sched *s);
void tn_sum_int(tn_sum *f, int64_t value);
void tn_sum_op(tn_sum *f, tn_formula_op op);
/* False (and nothing written) if the value is not over sizes only. */
bool tn_sum_value(tn_sum *f, const tn_tval *v);
/* A scalar of the kernel over its sizes. */
void tn_sum_ins(tn_sum *f, const tn_ins *v, const tn_sched *s);
/* The tile size behind size `number` of the kernel being built; UINT32_MAX:
 * it is another program's. */
uint32_t tn_tile_size_of(const tn_sched *s, uint32_t number);
bool tn_is_size(const tn_tval *v);
tn_formula tn_sum_end(tn_sum *f);
/* Adds what the program costs. */
void tn_estimate(tn_sched *s, tn_launch *launch);
/* The outermost fold of a program that may be cut; NULL: none. */
tn_tstmt *tn_cut_find(const tn_tile *tile);
/* Two programs for one: parts of the fold, then the merge and what follows.
 * Buffers named after the carries, one for each, pass from one to the other. */
typedef struct tn_cut_result {
    tn_tile *first, *second;
    uint32_t count;
    tn_tbuf **written, **read; /* of the first, of the second */
} tn_cut_result;
void tn_cut(tn_arena *arena, const tn_tile *tile, const tn_tstmt *loop, int parts,
    tn_cut_result *out);

#endif
