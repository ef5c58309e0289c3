/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/gpu_tile.h"

/* A contraction by register tiles: a group computes bm x bn results at a
 * time, each lane tm x tn of them; bk steps of both operands go through group
 * memory, [k][rows] and [k][columns]. Rows, columns and steps beyond the end
 * are clamped; steps are replaced by 0 on both sides (0 * garbage may be NaN).
 * With two stages the next step is loaded while this one is computed. */
typedef struct staged {
    tn_tile_nest *t;
    const tn_gpu_tile *shape;
    tn_kcell *acc[TN_TILE_REDS];
    tn_point *p;
    tn_ins *lane;
    tn_ins *rows, *cols, *steps; /* how many there are */
    tn_ins *row0, *col0;         /* first of the tile */
} staged;

static tn_ins *
open_lanes(tn_sched *s, staged *g)
{
    tn_ins *end = tn_int(s, s->group);

    g->lane = tn_kb_loop(s->b, TN_LOOP_LANE, tn_int(s, 0), end, 1, "lane");
    return g->lane;
}

/* Binds axes to position `at` of all of them. */
static void
bind(tn_sched *s, tn_axis *const *axes, uint32_t count, tn_ins *at, tn_point *p)
{
    for (uint32_t i = count; i-- > 0;) {
        tn_ins *x = at, *length = tn_length(s, axes[i]);

        if (i > 0) {
            x = tn_rem(s, at, length);
            at = tn_div(s, at, length);
        }
        tn_point_bind_one(s, p, axes[i], tn_add(s, tn_low(s, axes[i]), x));
    }
}

static tn_ins *
extent(tn_sched *s, tn_axis *const *axes, uint32_t count)
{
    tn_ins *n = tn_int(s, 1);

    for (uint32_t i = 0; i < count; i++)
        n = tn_mul(s, n, tn_length(s, axes[i]));
    return n;
}

/* ---- operands ---- */

static void
make_sides(tn_sched *s, staged *g)
{
    for (int i = 0; i < g->t->side_count; i++) {
        tn_tile_side *d = &g->t->side[i];
        const tn_gpu_tile *t = g->shape;
        tn_ktype type = {g->t->dtype, 1};
        int line = d->rows ? t->tm : t->tn;

        d->block = d->rows ? t->bm : t->bn;
        d->count = (d->block * t->bk + s->group - 1) / s->group;
        d->mem = tn_kb_local(s->b, d->rows ? "rows" : "cols", type.dtype,
            tn_int(s, (int64_t)t->stages * t->bk * (d->block + t->pad)));
        d->cell = tn_kb_cell(s->b, "next", type, 1, &d->count, true);
        d->line = tn_kb_cell(s->b, "line", type, 1, &line, true);
    }
}

typedef void (*element_fn)(tn_sched *s, staged *g, tn_tile_side *d, tn_ins *number, tn_ins *x,
    tn_ins *k, tn_ins *extra);

/* Every element of a staged block that is this lane's; neighbouring lanes
 * take neighbours in memory. */
static void
each(tn_sched *s, staged *g, tn_tile_side *d, element_fn fn, tn_ins *extra)
{
    tn_ins *end = tn_int(s, d->count);
    int64_t all = (int64_t)d->block * g->shape->bk;
    int inner = d->along ? d->block : g->shape->bk;

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "i") {
        tn_ins *n = tn_add(s, tn_muli(s, i, s->group), g->lane), *outside, *inside;

        outside = tn_divi(s, n, inner);
        inside = tn_remi(s, n, inner);
        if (all % s->group)
            tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, n, tn_int(s, all)));
        fn(s, g, d, i, d->along ? inside : outside, d->along ? outside : inside, extra);
        if (all % s->group)
            tn_kb_close(s->b);
    }
}

static void
fetch_one(tn_sched *s, staged *g, tn_tile_side *d, tn_ins *number, tn_ins *x, tn_ins *k,
    tn_ins *step)
{
    tn_point *q = tn_point_new(s, g->p);
    const tn_nest *n = g->t->n;
    tn_ins *at, *inside, *v, *zero;

    at = tn_add(s, tn_muli(s, step, g->shape->bk), k);
    inside = tn_kb_fn2(s->b, TN_FN_lt, at, g->steps);
    bind(s, n->red.at, n->red.count, tn_min(s, at, tn_subi(s, g->steps, 1)), q);
    x = tn_add(s, d->rows ? g->row0 : g->col0, x);
    x = tn_min(s, x, tn_subi(s, d->rows ? g->rows : g->cols, 1));
    if (d->rows)
        bind(s, g->t->row, g->t->row_count, x, q);
    else
        bind(s, g->t->col, g->t->col_count, x, q);
    v = tn_convert(s, tn_eval(s, d->value, q), g->t->dtype);
    zero = tn_neutral(s, TN_FN_add, g->t->dtype);
    v = tn_kb_fn3(s->b, TN_FN_select, inside, v, zero);
    tn_kb_set(s->b, d->cell, v, 1, &number);
}

static void
put_one(tn_sched *s, staged *g, tn_tile_side *d, tn_ins *number, tn_ins *x, tn_ins *k, tn_ins *copy)
{
    tn_ins *row = tn_add(s, tn_muli(s, copy, g->shape->bk), k);
    tn_ins *at = tn_add(s, tn_muli(s, row, d->block + g->shape->pad), x);

    tn_kb_store(s->b, d->mem, at, tn_kb_get(s->b, d->cell, 1, &number), NULL);
}

static void
all_sides(tn_sched *s, staged *g, element_fn fn, tn_ins *extra)
{
    for (int i = 0; i < g->t->side_count; i++)
        each(s, g, &g->t->side[i], fn, extra);
}

/* ---- products ---- */

/* First row and column of the lane's tile, in the group's. */
static void
corner(tn_sched *s, const staged *g, tn_ins **row, tn_ins **col)
{
    int across = g->shape->bn / g->shape->tn;

    *row = tn_muli(s, tn_divi(s, g->lane, across), g->shape->tm);
    *col = tn_muli(s, tn_remi(s, g->lane, across), g->shape->tn);
}

static void
load_line(tn_sched *s, const staged *g, const tn_tile_side *d, tn_ins *row, tn_ins *from)
{
    tn_ins *end = tn_int(s, d->rows ? g->shape->tm : g->shape->tn);
    tn_ins *base = tn_add(s, tn_muli(s, row, d->block + g->shape->pad), from);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "i") {
        tn_ins *at = tn_add(s, base, i);

        tn_kb_set(s->b, d->line, tn_kb_load(s->b, d->mem, at, 1, NULL, NULL), 1, &i);
    }
}

static void
multiply(tn_sched *s, const staged *g, uint32_t red)
{
    tn_kcell *a = g->t->side[g->t->a[red]].line, *b = g->t->side[g->t->b[red]].line;
    tn_ins *rows = tn_int(s, g->shape->tm), *cols = tn_int(s, g->shape->tn);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j}, *x = tn_kb_get(s->b, a, 1, &i), *y, *c;

            y = tn_kb_get(s->b, b, 1, &j);
            c = tn_kb_get(s->b, g->acc[red], 2, index);
            if (tn_is_float(g->t->dtype))
                c = tn_kb_fn3(s->b, TN_FN_fma, x, y, c);
            else
                c = tn_add(s, tn_mul(s, x, y), c);
            tn_kb_set(s->b, g->acc[red], c, 2, index);
        }
}

static void
compute(tn_sched *s, const staged *g, tn_ins *copy)
{
    tn_ins *row, *col, *end = tn_int(s, g->shape->bk);

    corner(s, g, &row, &col);
    TN_KFOR(s->b, k, TN_LOOP_SERIAL, tn_int(s, 0), end, 1, "k") {
        tn_ins *line = tn_add(s, tn_muli(s, copy, g->shape->bk), k);

        for (int i = 0; i < g->t->side_count; i++)
            load_line(s, g, &g->t->side[i], line, g->t->side[i].rows ? row : col);
        for (uint32_t i = 0; i < g->t->n->reds.count; i++)
            multiply(s, g, i);
    }
}

static void
clear(tn_sched *s, const staged *g)
{
    tn_ins *rows = tn_int(s, g->shape->tm), *cols = tn_int(s, g->shape->tn);
    tn_ins *zero = tn_neutral(s, TN_FN_add, g->t->dtype);

    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j};

            for (uint32_t r = 0; r < g->t->n->reds.count; r++)
                tn_kb_set(s->b, g->acc[r], zero, 2, index);
        }
}

/* ---- results ---- */

static void
tail_at(tn_sched *s, const staged *g, tn_ins *x, tn_ins *y, tn_ins *const index[2])
{
    const tn_nest *n = g->t->n;
    tn_point *q = tn_point_new(s, g->p);

    bind(s, g->t->row, g->t->row_count, x, q);
    bind(s, g->t->col, g->t->col_count, y, q);
    for (uint32_t r = 0; r < n->reds.count; r++) {
        tn_tval *v = n->reds.at[r];
        tn_ins *sum = tn_kb_get(s->b, g->acc[r], 2, index);

        if (v->op == TN_T_mma && !tn_is_zero(v->arg[0])) {
            tn_ins *first = tn_convert(s, tn_eval(s, v->arg[0], q), g->t->dtype);

            sum = tn_add(s, first, sum);
        }
        sum = tn_convert(s, sum, v->dtype);
        tn_point_put(s, q, tn_key(v, 0), sum);
        if (tn_val(s, v)->pending[0])
            tn_kept_store(s, tn_val(s, v)->pending[0], sum, q);
    }
    tn_outs(s, n->tail.at, n->tail.count, q);
}

static void
tail(tn_sched *s, const staged *g)
{
    tn_ins *rows = tn_int(s, g->shape->tm), *cols = tn_int(s, g->shape->tn), *row, *col;

    corner(s, g, &row, &col);
    row = tn_add(s, g->row0, row);
    col = tn_add(s, g->col0, col);
    TN_KFOR(s->b, i, TN_LOOP_UNROLL, tn_int(s, 0), rows, 1, "i")
        TN_KFOR(s->b, j, TN_LOOP_UNROLL, tn_int(s, 0), cols, 1, "j") {
            tn_ins *index[2] = {i, j}, *x = tn_add(s, row, i), *y, *in, *also;

            y = tn_add(s, col, j);
            in = tn_kb_fn2(s->b, TN_FN_lt, x, g->rows);
            also = tn_kb_fn2(s->b, TN_FN_lt, y, g->cols);
            tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_and, in, also));
            tail_at(s, g, x, y, index);
            tn_kb_close(s->b);
        }
}

/* ---- one tile ---- */

static void
steps(tn_sched *s, staged *g)
{
    bool two = g->shape->stages == 2;
    tn_ins *count = tn_ceil_div(s, g->steps, g->shape->bk), *last;

    last = tn_subi(s, count, 1);
    TN_KFOR(s->b, step, TN_LOOP_SERIAL, tn_int(s, 0), count, 1, "step") {
        tn_ins *copy = two ? tn_remi(s, step, 2) : tn_int(s, 0);

        open_lanes(s, g);
        if (!two)
            all_sides(s, g, fetch_one, step);
        all_sides(s, g, put_one, copy);
        tn_kb_close(s->b);
        tn_kb_barrier(s->b);
        open_lanes(s, g);
        if (two)
            all_sides(s, g, fetch_one, tn_min(s, tn_addi(s, step, 1), last));
        compute(s, g, copy);
        tn_kb_close(s->b);
        if (!two)
            tn_kb_barrier(s->b);
    }
}

static void
one_tile(tn_sched *s, staged *g)
{
    open_lanes(s, g);
    clear(s, g);
    if (g->shape->stages == 2) {
        tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, tn_int(s, 0), g->steps));
        all_sides(s, g, fetch_one, tn_int(s, 0));
        tn_kb_close(s->b);
    }
    tn_kb_close(s->b);
    steps(s, g);
    open_lanes(s, g);
    tail(s, g);
    tn_kb_close(s->b);
    /* The next tile is stored where lanes may still read this one. */
    tn_kb_barrier(s->b);
}

static void
tiles(tn_sched *s, tn_point *p, void *context)
{
    staged *g = context;

    g->p = p;
    g->rows = extent(s, g->t->row, g->t->row_count);
    g->cols = extent(s, g->t->col, g->t->col_count);
    g->steps = extent(s, g->t->n->red.at, g->t->n->red.count);
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), g->rows, g->shape->bm, "rows")
        TN_KFOR(s->b, j, TN_LOOP_SERIAL, tn_int(s, 0), g->cols, g->shape->bn, "cols") {
            g->row0 = i;
            g->col0 = j;
            one_tile(s, g);
        }
}

bool
tn_gpu_tile_emit(tn_sched *s, tn_nest *n, const tn_gpu_tile *shape, tn_point *p)
{
    tn_tile_nest *t = tn_new(s->arena, tn_tile_nest);
    staged g = {.t = t, .shape = shape};
    int dims[2] = {shape->tm, shape->tn};

    if (!tn_tile_nest_of(s, n, t) ||
        tn_tile_bytes(shape, t) > s->target->group_bytes - s->group_used)
        return false;
    s->group_used += tn_tile_bytes(shape, t);
    make_sides(s, &g);
    for (uint32_t i = 0; i < n->reds.count; i++)
        g.acc[i] = tn_kb_cell(s->b, "c", (tn_ktype){t->dtype, 1}, 2, dims, true);
    tn_loops(s, t->outer, t->outer_count, NULL, false, p, tiles, &g);
    return true;
}
