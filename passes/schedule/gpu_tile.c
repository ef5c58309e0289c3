/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* One contraction by register tiles: a group computes bm x bn results, each
 * lane tm x tn of them; bk steps of both operands at a time go through group
 * memory, [k][rows] and [k][columns]. Rows and steps beyond the end are
 * clamped and, for k, replaced by 0 on both sides (0 * garbage may be NaN).
 * With two stages the next step is loaded while this one is computed. */

/* ---- choosing ---- */

static tn_tval *
factor(const tn_tval *v, int i)
{
    return v->op == TN_T_mma ? v->arg[1 + i] : v->arg[0]->arg[i];
}

static int64_t
staged_bytes(const tn_gpu_tile *t, int64_t size)
{
    return (int64_t)t->stages * t->bk * (t->bm + t->bn + 2 * t->pad) * size;
}

/* The largest of a few shapes that the target can hold. */
static bool
choose_shape(const tn_sched *s, tn_gpu_tile *t, int64_t size)
{
    static const int8_t shape[][5] = {{64, 64, 16, 4, 4}, {32, 32, 16, 4, 4}, {16, 16, 16, 4, 4},
        {16, 16, 8, 4, 4}, {8, 8, 4, 2, 4}, {4, 4, 4, 2, 2}, {2, 2, 2, 1, 1}};
    const tn_choice *c = &s->choice;

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        bool asked = i == 0 && c->bm > 0 && c->bn > 0 && c->bk > 0 && c->tm > 0 && c->tn > 0 &&
            c->bm % c->tm == 0 && c->bn % c->tn == 0;

        t->bm = asked ? c->bm : shape[i][0];
        t->bn = asked ? c->bn : shape[i][1];
        t->bk = asked ? c->bk : shape[i][2];
        t->tm = asked ? c->tm : shape[i][3];
        t->tn = asked ? c->tn : shape[i][4];
        for (t->stages = c->stages == 1 ? 1 : 2; t->stages > 0; t->stages--)
            for (t->pad = c->pad < 0 ? 0 : c->pad; t->pad >= 0; t->pad = t->pad ? 0 : -1)
                if (t->bm / t->tm * (t->bn / t->tn) <= s->target->group_lanes &&
                    staged_bytes(t, size) <= s->target->group_bytes)
                    return true;
    }
    return false;
}

bool
tn_gpu_tile_fits(tn_sched *s, tn_gpu_tile *t)
{
    tn_nest *n = s->nests.count == 1 && s->items->list.count == 1 ? s->nests.at[0] : NULL;
    const tn_tval *v;
    int64_t rows;

    *t = (tn_gpu_tile){.n = n};
    if (!n || !n->contract || n->reds.count != 1 || n->red.count != 1 || n->par.count != 2 ||
        s->choice.tile == 0)
        return false;
    v = n->reds.at[0];
    if (!tn_is_sum_of_products(v) || n->par.at[0]->kind != TN_AXIS_GRID ||
        n->par.at[1]->kind != TN_AXIS_GRID || tn_axis_loaded(n->par.at[0]) ||
        tn_axis_loaded(n->par.at[1]))
        return false;
    for (uint32_t i = 0; i < s->tile->grid.count; i++)
        if (tn_axis_loaded(s->tile->grid.at[i]))
            return false;
    t->m = n->par.at[0];
    t->q = n->par.at[1];
    t->k = n->red.at[0];
    rows = tn_axis_most(s, t->m);
    if (s->choice.tile < 0 && rows <= 4)
        return false;
    return choose_shape(s, t, tn_dtype_bytes(tn_acc_dtype(v)));
}

/* ---- emitting ---- */

typedef struct side {
    const tn_axis *axis;
    tn_tval *value;
    int block, count; /* positions staged, elements of each lane */
    tn_kmem *mem;
    tn_kcell *cell;
} side;

typedef struct staged {
    const tn_gpu_tile *t;
    tn_tval *v;
    tn_dtype dtype;
    side a, b;
    tn_kcell *acc;
    tn_point *p;
    tn_ins *lane;
} staged;

static tn_ins *
open_lanes(tn_sched *s, staged *g)
{
    tn_ins *end = tn_int(s, s->group);

    g->lane = tn_kb_loop(s->b, TN_LOOP_LANE, tn_int(s, 0), end, 1, "lane");
    return g->lane;
}

static void
make_side(tn_sched *s, staged *g, side *d, const tn_axis *axis, int block, const char *name)
{
    const tn_tval *v = g->v;
    bool first = (tn_val(s, factor(v, 0))->deps & tn_bit(axis)) != 0;
    int dim;

    d->axis = axis;
    d->value = factor(v, first ? 0 : 1);
    d->block = block;
    d->count = (block * g->t->bk + s->group - 1) / s->group;
    dim = d->count;
    d->mem = tn_kb_local(s->b, name, g->dtype,
        tn_int(s, (int64_t)g->t->stages * g->t->bk * (block + g->t->pad)));
    d->cell = tn_kb_cell(s->b, name, (tn_ktype){g->dtype, 1}, 1, &dim, true);
}

typedef void (*element_fn)(tn_sched *s, staged *g, side *d, tn_ins *number, tn_ins *x, tn_ins *k,
    tn_ins *extra);

/* Every element of a staged block that is this lane's. */
static void
each(tn_sched *s, staged *g, side *d, element_fn fn, tn_ins *extra)
{
    tn_ins *end = tn_int(s, d->count);
    int64_t all = (int64_t)d->block * g->t->bk;

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "i") {
        tn_ins *n = tn_add(s, tn_muli(s, i, s->group), g->lane), *x, *k;

        x = tn_divi(s, n, g->t->bk);
        k = tn_remi(s, n, g->t->bk);
        if (all % s->group)
            tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, n, tn_int(s, all)));
        fn(s, g, d, i, x, k, extra);
        if (all % s->group)
            tn_kb_close(s->b);
    }
}

static void
fetch_one(tn_sched *s, staged *g, side *d, tn_ins *number, tn_ins *x, tn_ins *k, tn_ins *step)
{
    tn_point *q = tn_point_new(s, g->p);
    tn_ins *length = tn_length(s, g->t->k), *at, *inside, *v, *zero;

    at = tn_add(s, tn_muli(s, step, g->t->bk), k);
    inside = tn_kb_fn2(s->b, TN_FN_lt, at, length);
    at = tn_min(s, at, tn_subi(s, length, 1));
    x = tn_min(s, x, tn_subi(s, tn_length(s, d->axis), 1));
    x = tn_add(s, x, tn_low(s, d->axis));
    tn_point_bind_one(s, q, d->axis, x);
    tn_point_bind_one(s, q, g->t->k, tn_add(s, at, tn_low(s, g->t->k)));
    v = tn_convert(s, tn_eval(s, d->value, q), g->dtype);
    zero = tn_neutral(s, TN_FN_add, g->dtype);
    v = tn_kb_fn3(s->b, TN_FN_select, inside, v, zero);
    tn_kb_set(s->b, d->cell, v, 1, &number);
}

static void
put_one(tn_sched *s, staged *g, side *d, tn_ins *number, tn_ins *x, tn_ins *k, tn_ins *copy)
{
    tn_ins *row = tn_add(s, tn_muli(s, copy, g->t->bk), k);
    tn_ins *at = tn_add(s, tn_muli(s, row, d->block + g->t->pad), x);

    tn_kb_store(s->b, d->mem, at, tn_kb_get(s->b, d->cell, 1, &number), NULL);
}

static void
fetch(tn_sched *s, staged *g, tn_ins *step)
{
    each(s, g, &g->a, fetch_one, step);
    each(s, g, &g->b, fetch_one, step);
}

static void
put(tn_sched *s, staged *g, tn_ins *copy)
{
    each(s, g, &g->a, put_one, copy);
    each(s, g, &g->b, put_one, copy);
}

/* First row and column of the lane's tile. */
static void
corner(tn_sched *s, const staged *g, tn_ins **row, tn_ins **col)
{
    int across = g->t->bn / g->t->tn;

    *row = tn_muli(s, tn_divi(s, g->lane, across), g->t->tm);
    *col = tn_muli(s, tn_remi(s, g->lane, across), g->t->tn);
}

static void
load_line(tn_sched *s, const staged *g, const side *d, tn_kcell *to, int count, tn_ins *row,
    tn_ins *from)
{
    tn_ins *end = tn_int(s, count);
    tn_ins *base = tn_add(s, tn_muli(s, row, d->block + g->t->pad), from);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "i") {
        tn_ins *at = tn_add(s, base, i);

        tn_kb_set(s->b, to, tn_kb_load(s->b, d->mem, at, 1, NULL, NULL), 1, &i);
    }
}

static void
multiply(tn_sched *s, const staged *g, tn_kcell *a, tn_kcell *b)
{
    tn_ins *rows = tn_int(s, g->t->tm), *cols = tn_int(s, g->t->tn);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j};
            tn_ins *x = tn_kb_get(s->b, a, 1, &i), *y = tn_kb_get(s->b, b, 1, &j), *c;

            c = tn_kb_get(s->b, g->acc, 2, index);
            if (tn_is_float(g->dtype))
                c = tn_kb_fn3(s->b, TN_FN_fma, x, y, c);
            else
                c = tn_add(s, tn_mul(s, x, y), c);
            tn_kb_set(s->b, g->acc, c, 2, index);
        }
}

static void
compute(tn_sched *s, const staged *g, tn_ins *copy)
{
    const tn_gpu_tile *t = g->t;
    tn_ins *row, *col, *end = tn_int(s, t->bk);

    corner(s, g, &row, &col);
    TN_KFOR(s->b, k, TN_LOOP_SERIAL, tn_int(s, 0), end, 1, "k") {
        tn_kcell *a = tn_kb_cell(s->b, "a", (tn_ktype){g->dtype, 1}, 1, &t->tm, false);
        tn_kcell *b = tn_kb_cell(s->b, "b", (tn_ktype){g->dtype, 1}, 1, &t->tn, false);
        tn_ins *line = tn_add(s, tn_muli(s, copy, t->bk), k);

        load_line(s, g, &g->a, a, t->tm, line, row);
        load_line(s, g, &g->b, b, t->tn, line, col);
        multiply(s, g, a, b);
    }
}

static void
clear(tn_sched *s, const staged *g)
{
    tn_ins *rows = tn_int(s, g->t->tm), *cols = tn_int(s, g->t->tn);
    tn_ins *zero = tn_neutral(s, TN_FN_add, g->dtype);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j};

            tn_kb_set(s->b, g->acc, zero, 2, index);
        }
}

static void
tail_at(tn_sched *s, const staged *g, tn_ins *x, tn_ins *y, tn_ins *sum)
{
    tn_point *q = tn_point_new(s, g->p);

    tn_point_bind_one(s, q, g->t->m, tn_add(s, tn_low(s, g->t->m), x));
    tn_point_bind_one(s, q, g->t->q, tn_add(s, tn_low(s, g->t->q), y));
    if (g->v->op == TN_T_mma && !tn_is_zero(g->v->arg[0])) {
        tn_ins *first = tn_convert(s, tn_eval(s, g->v->arg[0], q), g->dtype);

        sum = tn_add(s, first, sum);
    }
    tn_point_put(s, q, tn_key(g->v, 0), tn_convert(s, sum, g->v->dtype));
    tn_outs(s, g->t->n->tail.at, g->t->n->tail.count, q);
}

static void
tail(tn_sched *s, const staged *g)
{
    tn_ins *rows = tn_int(s, g->t->tm), *cols = tn_int(s, g->t->tn), *row, *col;

    corner(s, g, &row, &col);
    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j}, *x = tn_add(s, row, i), *y = tn_add(s, col, j), *in, *also;

            in = tn_kb_fn2(s->b, TN_FN_lt, x, tn_length(s, g->t->m));
            also = tn_kb_fn2(s->b, TN_FN_lt, y, tn_length(s, g->t->q));
            tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_and, in, also));
            tail_at(s, g, x, y, tn_kb_get(s->b, g->acc, 2, index));
            tn_kb_close(s->b);
        }
}

static void
steps(tn_sched *s, staged *g)
{
    bool two = g->t->stages == 2;
    tn_ins *count = tn_ceil_div(s, tn_length(s, g->t->k), g->t->bk), *last;

    last = tn_subi(s, count, 1);
    TN_KFOR(s->b, step, TN_LOOP_SERIAL, tn_int(s, 0), count, 1, "step") {
        tn_ins *copy = two ? tn_remi(s, step, 2) : tn_int(s, 0);

        open_lanes(s, g);
        if (!two)
            fetch(s, g, step);
        put(s, g, copy);
        tn_kb_close(s->b);
        tn_kb_barrier(s->b);
        open_lanes(s, g);
        if (two)
            fetch(s, g, tn_min(s, tn_addi(s, step, 1), last));
        compute(s, g, copy);
        tn_kb_close(s->b);
        if (!two)
            tn_kb_barrier(s->b);
    }
}

void
tn_gpu_tile_emit(tn_sched *s, const tn_gpu_tile *t, tn_point *p)
{
    staged g = {.t = t, .v = t->n->reds.at[0], .p = p};
    int dims[2] = {t->tm, t->tn};

    g.dtype = tn_acc_dtype(g.v);
    make_side(s, &g, &g.a, t->m, t->bm, "sa");
    make_side(s, &g, &g.b, t->q, t->bn, "sb");
    g.acc = tn_kb_cell(s->b, "c", (tn_ktype){g.dtype, 1}, 2, dims, true);
    tn_nest_begin(s, t->n);
    open_lanes(s, &g);
    clear(s, &g);
    if (t->stages == 2) {
        tn_ins *length = tn_length(s, t->k);

        tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, tn_int(s, 0), length));
        fetch(s, &g, tn_int(s, 0));
        tn_kb_close(s->b);
    }
    tn_kb_close(s->b);
    steps(s, &g);
    open_lanes(s, &g);
    tail(s, &g);
    tn_kb_close(s->b);
    tn_nest_done(s, t->n);
}
