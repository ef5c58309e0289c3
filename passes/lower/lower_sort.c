/* SPDX-License-Identifier: Apache-2.0
 * Sorting, stable, without exchanges or atomics: each element finds out how
 * many come before it, and goes there. Along a short axis it is compared with
 * all others. Along a long one with those of its block; then runs, each in
 * order, are merged two by two, where an element is compared with those of the
 * other run by bisection. */
#include "passes/lower/lo.h"

enum {
    COUNTED = 512, /* longest axis along which all are compared with all */
    BLOCK = 64,
};

/* Elements on their way: keys in the order that is wanted, smallest first, and
 * where each was. */
typedef struct run {
    tn_value *key, *from;
} run;

typedef struct sorting {
    tn_lo *k;
    tn_op *op;
    tn_lowered_list *out;
    tn_lowered made;
    int along;
    tn_size count;
    tn_tval *at[TN_MAX_RANK]; /* but for `along` */
} sorting;

static tn_tb *
start(sorting *s, const char *name)
{
    const tn_type *t = &s->op->in[0]->type;
    tn_tb *b;

    s->made = (tn_lowered){.family = "sort"};
    tn_lo_start(s->k, &s->made, name);
    b = s->k->b;
    for (int i = 0; i < t->rank; i++) {
        s->at[i] = tn_tb_int(b, 0);
        if (i != s->along && !tn_size_is_one(t->dim[i]))
            s->at[i] = tn_tb_index(b, tn_tb_grid(b, "t", NULL, tn_lo_size(s->k, t->dim[i]), true));
    }
    return b;
}

static tn_axis *
own_axis(sorting *s)
{
    return tn_tb_grid(s->k->b, "i", NULL, tn_lo_size(s->k, s->count), false);
}

/* ---- elements ---- */

static bool
is_descending(const sorting *s)
{
    return tn_op_int(s->op, TN_ATTR_sort_descending) != 0;
}

/* Integers whose order, smallest first, is that which is wanted. */
static tn_tval *
key_at(sorting *s, tn_tval *place)
{
    tn_tval *x;

    s->at[s->along] = place;
    x = tn_lo_wide(s->k, s->op->in[0], s->at);
    x = tn_is_float(x->dtype) ? tn_lo_order_key(s->k, x) : x;
    return is_descending(s) ? tn_tb_fn1(s->k->b, TN_FN_not, x) : x;
}

static tn_dtype
key_dtype(const sorting *s)
{
    tn_dtype t = s->op->in[0]->type.dtype;

    return !tn_is_float(t) ? t : t == TN_F64 ? TN_I64 : TN_I32;
}

static tn_tval *
load(sorting *s, tn_value *v, tn_tval *place)
{
    s->at[s->along] = place;
    return tn_lo_load(s->k, v, v->type.rank, v->type.dim, (tn_layout){.kind = TN_LAYOUT_ROWS},
        s->at);
}

static void
store(sorting *s, tn_value *v, tn_tval *place, tn_tval *x, tn_tval *condition)
{
    s->at[s->along] = place;
    tn_tb_store(s->k->b, tn_lo_output(s->k, v, &v->type), s->at, x, condition);
}

/* The element that was at `from` goes to `place`. */
static void
store_results(sorting *s, tn_tval *place, tn_tval *from)
{
    tn_tval *x;

    s->at[s->along] = from;
    x = tn_lo_el(s->k, s->op->in[0], s->at);
    from = tn_tb_cast(s->k->b, s->op->out[1]->type.dtype, from);
    if (tn_lo_wants(s->k, s->op, 0))
        store(s, s->op->out[0], place, x, NULL);
    if (tn_lo_wants(s->k, s->op, 1))
        store(s, s->op->out[1], place, from, NULL);
}

/* ---- comparing with all ---- */

/* How many of `over` come before the own one; equal ones keep their order.
 * Their places begin at `first`, those from `count` on are none (NULL: all
 * are). */
static tn_tval *
before(sorting *s, tn_axis *own, tn_axis *over, tn_tval *first, tn_tval *count, tn_tval *key)
{
    tn_tb *b = s->k->b;
    tn_tstmt *loop = tn_tb_loop(b, false, NULL, over, NULL, NULL, false);
    uint32_t mark = tn_lo_enter(s->k);
    tn_tval *carry = tn_tb_carry(b, tn_tb_int(b, 0), &own, 1, TN_FN_add);
    tn_tval *place = tn_tb_fn2(b, TN_FN_add, first, tn_tb_index(b, over));
    tn_tval *there = count ? tn_tb_fn2(b, TN_FN_lt, place, count) : NULL;
    tn_tval *old = tn_lo_only_where(s->k, there), *other = key_at(s, place), *less, *tie;

    (void)tn_lo_only_where(s->k, old);
    less = tn_tb_fn2(b, TN_FN_lt, other, key);
    tie = tn_tb_fn2(b, TN_FN_lt, tn_tb_index(b, over), tn_tb_index(b, own));
    tie = tn_tb_fn2(b, TN_FN_and, tie, tn_tb_fn2(b, TN_FN_eq, other, key));
    less = tn_tb_fn2(b, TN_FN_or, less, tie);
    less = there ? tn_tb_fn2(b, TN_FN_and, there, less) : less;
    less = tn_tb_cast(b, TN_I32, less);
    less = tn_tb_fn2(b, TN_FN_add, carry, tn_tb_reduce(b, TN_FN_add, less, &over, 1));
    tn_tb_end_loop(b, &less);
    tn_lo_leave(s->k, mark);
    return tn_tb_final(b, loop, 0);
}

static tn_status
sort_short(sorting *s)
{
    tn_tb *b = start(s, "sort");
    tn_axis *own = own_axis(s), *over = tn_tb_span(b, "j", tn_lo_size(s->k, s->count));
    tn_tval *key = key_at(s, tn_tb_index(b, own));
    tn_tval *place = before(s, own, over, tn_tb_int(b, 0), NULL, key);

    store_results(s, place, tn_tb_index(b, own));
    return tn_lo_finish_into(s->k, s->out);
}

/* Runs of BLOCK elements, the last may be shorter. */
static tn_status
sort_blocks(sorting *s, const run *to)
{
    tn_tb *b = start(s, "sort_blocks");
    tn_tval *count = tn_lo_size(s->k, s->count), *first, *own_place, *key, *place, *there, *old;
    tn_sizes *sizes = s->k->g->sizes;
    tn_size blocks = tn_size_ceil_div(sizes, s->count, tn_size_int(sizes, BLOCK));
    tn_axis *block = tn_tb_grid(b, "block", NULL, tn_lo_size(s->k, blocks), true);
    tn_axis *own = tn_tb_grid(b, "i", NULL, tn_tb_int(b, BLOCK), false);
    tn_axis *over = tn_tb_span(b, "j", tn_tb_int(b, BLOCK));

    first = tn_tb_fn2(b, TN_FN_mul, tn_tb_index(b, block), tn_tb_int(b, BLOCK));
    own_place = tn_tb_fn2(b, TN_FN_add, first, tn_tb_index(b, own));
    there = tn_tb_fn2(b, TN_FN_lt, own_place, count);
    old = tn_lo_only_where(s->k, there);
    key = key_at(s, own_place);
    (void)tn_lo_only_where(s->k, old);
    place = tn_tb_fn2(b, TN_FN_add, first, before(s, own, over, first, count, key));
    store(s, to->key, place, key, there);
    store(s, to->from, place, own_place, there);
    return tn_lo_finish_into(s->k, s->out);
}

/* ---- merging ---- */

/* One element of a run and the run beside it; all i32. */
typedef struct beside {
    tn_axis *own;
    tn_tval *width, *place; /* of a run; of the element */
    tn_tval *key, *is_left;
    tn_tval *start, *length; /* of the other run */
    tn_tval *steps;
} beside;

/* A number that is no part of the kernel: one kernel serves all widths. */
static tn_tval *
parameter(sorting *s, const char *name, int64_t value, int64_t high)
{
    tn_tval *v = tn_tb_size(s->k->b, name, 0, high);

    while (s->made.sizes.count <= (uint32_t)v->whole)
        tn_push(s->k->arena, &s->made.sizes, tn_size_int(s->k->g->sizes, value));
    return v;
}

static tn_tval *
fn2(sorting *s, tn_fn fn, tn_tval *x, tn_tval *y)
{
    return tn_tb_fn2(s->k->b, fn, x, y);
}

/* Elements of the other run before the own one: those that are smaller, of the
 * left run equal ones too. The number is made bit by bit. */
static tn_tval *
bisect(sorting *s, const beside *r, const run *from)
{
    tn_tb *b = s->k->b;
    tn_tstmt *loop = tn_tb_loop(b, true, "step", NULL, NULL, r->steps, true);
    uint32_t mark = tn_lo_enter(s->k);
    tn_tval *count = tn_tb_carry(b, tn_tb_int(b, 0), &r->own, 1, TN_FN_COUNT);
    tn_tval *more = fn2(s, TN_FN_shr, r->width, tn_tb_index(b, loop->axis));
    tn_tval *there, *other, *less, *equal, *old;

    more = fn2(s, TN_FN_add, count, more);
    there = fn2(s, TN_FN_le, more, r->length);
    old = tn_lo_only_where(s->k, there);
    other = fn2(s, TN_FN_add, r->start, more);
    other = load(s, from->key, fn2(s, TN_FN_sub, other, tn_tb_int(b, 1)));
    (void)tn_lo_only_where(s->k, old);
    less = fn2(s, TN_FN_lt, other, r->key);
    equal = tn_tb_fn1(b, TN_FN_not, r->is_left);
    equal = fn2(s, TN_FN_and, equal, fn2(s, TN_FN_eq, other, r->key));
    less = fn2(s, TN_FN_and, there, fn2(s, TN_FN_or, less, equal));
    count = tn_tb_fn3(b, TN_FN_select, less, more, count);
    tn_tb_end_loop(b, &count);
    tn_lo_leave(s->k, mark);
    return tn_tb_final(b, loop, 0);
}

/* Runs of `width` elements, a power of two. */
static beside
look_beside(sorting *s, const run *from, int64_t width, int64_t steps)
{
    tn_tb *b = s->k->b;
    beside r = {.own = own_axis(s)};
    tn_tval *inside, *zero = tn_tb_int(b, 0);

    r.width = parameter(s, "width", width, INT32_MAX);
    r.steps = parameter(s, "steps", steps, 32);
    r.place = tn_tb_index(b, r.own);
    r.key = load(s, from->key, r.place);
    inside = fn2(s, TN_FN_and, r.place, fn2(s, TN_FN_sub, r.width, tn_tb_int(b, 1)));
    r.start = fn2(s, TN_FN_xor, fn2(s, TN_FN_sub, r.place, inside), r.width);
    r.is_left = fn2(s, TN_FN_eq, fn2(s, TN_FN_and, r.place, r.width), zero);
    r.length = fn2(s, TN_FN_sub, tn_lo_size(s->k, s->count), r.start);
    r.length = fn2(s, TN_FN_max, zero, fn2(s, TN_FN_min, r.length, r.width));
    return r;
}

/* The results instead, where there is no `to`. */
static tn_status
merge(sorting *s, const run *from, const run *to, int64_t width, int64_t steps)
{
    tn_tb *b = start(s, "sort_merge");
    beside r = look_beside(s, from, width, steps);
    tn_tval *place = bisect(s, &r, from), *was, *left;

    /* In its own run it has as many before it as its place says; that of a
     * right run begins behind the left one. */
    left = tn_tb_fn3(b, TN_FN_select, r.is_left, tn_tb_int(b, 0), r.width);
    place = fn2(s, TN_FN_add, place, fn2(s, TN_FN_sub, r.place, left));
    was = load(s, from->from, r.place);
    if (to) {
        store(s, to->key, place, r.key, NULL);
        store(s, to->from, place, was, NULL);
    } else {
        store_results(s, place, was);
    }
    return tn_lo_finish_into(s->k, s->out);
}

static run
between(sorting *s)
{
    tn_type t = s->op->in[0]->type;
    run r;

    t.dtype = key_dtype(s);
    r.key = tn_graph_between(s->op, t, "keys");
    t.dtype = TN_I32;
    r.from = tn_graph_between(s->op, t, "from");
    return r;
}

static tn_status
sort_long(sorting *s, int64_t most)
{
    run at[2] = {between(s), between(s)};
    int64_t width = BLOCK, steps = 1;
    tn_status status = sort_blocks(s, &at[0]);
    int now = 0;

    for (int64_t w = BLOCK; w; w /= 2)
        steps++;
    for (; width < most && status == TN_OK; width *= 2, steps++, now = !now)
        status = merge(s, &at[now], width * 2 < most ? &at[!now] : NULL, width, steps - 1);
    return status;
}

tn_status
tn_lower_sort(tn_lo *k, tn_lowered_list *out)
{
    sorting s = {.k = k, .op = k->group->ops.at[0], .out = out};
    int64_t low, high;

    s.along = (int)tn_op_int(s.op, TN_ATTR_sort_axis);
    s.count = s.op->in[0]->type.dim[s.along];
    tn_size_bounds(k->g->sizes, s.count, &low, &high);
    high = high > INT32_MAX ? INT32_MAX : high;
    return high <= COUNTED ? sort_short(&s) : sort_long(&s, high);
}
