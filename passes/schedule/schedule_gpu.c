/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Machines with lanes: a group takes a block of the grid axes; the positions
 * of each nest are dealt to its lanes, which reduce serially; what outlives a
 * nest lies in group memory; a barrier stands after each nest. That is right
 * for every program. Contractions are better done by register tiles
 * (gpu_tile.c), few long reductions by all lanes together. */

enum {
    MOST_LANES = 256,
    POINTS_A_LANE = 4, /* of an elementwise program */
};

/* ---- dealing positions ---- */

typedef struct dealt {
    tn_axis *axis[TN_MAX_AXES];
    uint32_t count;
    tn_emit emit;
    void *context;
} dealt;

static void
at_point(tn_sched *s, const dealt *d, tn_ins *number, tn_point *p)
{
    tn_point *q = tn_point_new(s, p);

    for (uint32_t i = d->count; i-- > 0;) {
        tn_ins *length = tn_length(s, d->axis[i]), *at = number;

        if (i > 0) {
            at = tn_rem(s, number, length);
            number = tn_div(s, number, length);
        }
        tn_point_bind_one(s, q, d->axis[i], tn_add(s, tn_low(s, d->axis[i]), at));
    }
    d->emit(s, q, d->context);
}

void
tn_gpu_points(tn_sched *s, tn_axis *const *axes, uint32_t count, tn_ins *lane, tn_point *p,
    tn_emit emit, void *context)
{
    dealt d = {.emit = emit, .context = context};
    tn_point *q = tn_point_new(s, p);
    tn_ins *all = tn_int(s, 1);
    int64_t n;

    for (uint32_t i = 0; i < count; i++) {
        tn_ins *length = tn_length(s, axes[i]);

        if (tn_kb_is_int(length, &n) && n == 1) {
            tn_point_bind_one(s, q, axes[i], tn_low(s, axes[i]));
        } else {
            all = tn_mul(s, all, length);
            d.axis[d.count++] = axes[i];
        }
    }
    if (tn_kb_is_int(all, &n) && n <= s->group) {
        tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, lane, all));
        at_point(s, &d, lane, q);
        tn_kb_close(s->b);
        return;
    }
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, lane, all, s->group, "p")
        at_point(s, &d, i, q);
}

static tn_ins *
open_lanes(tn_sched *s)
{
    tn_ins *end = tn_int(s, s->group);

    return tn_kb_loop(s->b, TN_LOOP_LANE, tn_int(s, 0), end, 1, "lane");
}

/* ---- nests ---- */

static void
nest_point(tn_sched *s, tn_point *p, void *context)
{
    tn_nest *n = context;

    if (n->reds.count)
        tn_reduce(s, n, p);
    else
        tn_outs(s, n->tail.at, n->tail.count, p);
}

/* Neighbouring lanes take neighbours of the axis picked for that. */
static uint32_t
lane_last(const tn_nest *n, tn_axis **axes)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->par.count; i++)
        if (n->par.at[i] != n->lane)
            axes[count++] = n->par.at[i];
    for (uint32_t i = 0; i < n->par.count; i++)
        if (n->par.at[i] == n->lane)
            axes[count++] = n->par.at[i];
    return count;
}

static void
dealt_nest(tn_sched *s, tn_nest *n, tn_point *p)
{
    tn_ins *lane = open_lanes(s);
    tn_axis *axes[TN_MAX_AXES];

    tn_gpu_points(s, axes, lane_last(n, axes), lane, tn_point_new(s, p), nest_point, n);
    tn_kb_close(s->b);
}

/* ---- few rows, long reductions ---- */

typedef struct together {
    tn_nest *n;
    tn_kcell **acc;
} together;

static bool
reduces_together(tn_sched *s, const tn_nest *n)
{
    int64_t rows = 1, length;

    /* Neighbouring lanes read along another axis: each takes a position. */
    if (!n->reds.count || n->reverse || (n->lane && !(n->red_set & tn_bit(n->lane))))
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_dtype t = tn_acc_dtype(n->reds.at[i]);

        if ((n->reds.at[i]->op != TN_T_reduce && n->reds.at[i]->op != TN_T_mma) ||
            (t != TN_F32 && t != TN_I32))
            return false;
    }
    for (uint32_t i = 0; i < n->par.count; i++) {
        if (!tn_length_known(s, n->par.at[i], &length))
            return false;
        rows *= length;
    }
    return rows * 4 <= s->group;
}

static void
together_step(tn_sched *s, tn_point *p, void *context)
{
    const together *t = context;

    tn_outs(s, t->n->inner.at, t->n->inner.count, p);
    for (uint32_t i = 0; i < t->n->reds.count; i++) {
        tn_ins *acc = tn_kb_get(s->b, t->acc[i], 0, NULL);

        acc = tn_accumulate(s, t->n->reds.at[i], acc, p);
        tn_kb_set(s->b, t->acc[i], acc, 0, NULL);
    }
}

static void
together_tail(tn_sched *s, const together *t, tn_point *p)
{
    for (uint32_t i = 0; i < t->n->reds.count; i++) {
        tn_tval *v = t->n->reds.at[i];
        tn_ins *x = tn_kb_get(s->b, t->acc[i], 0, NULL), *first;

        if (v->op == TN_T_mma && !tn_is_zero(v->arg[0])) {
            first = tn_convert(s, tn_eval(s, v->arg[0], p), x->type.dtype);
            x = tn_add(s, first, x);
        }
        x = tn_convert(s, x, v->dtype);
        tn_point_put(s, p, tn_key(v, 0), x);
        if (tn_val(s, v)->pending[0])
            tn_kept_store(s, tn_val(s, v)->pending[0], x, p);
    }
    tn_outs(s, t->n->tail.at, t->n->tail.count, p);
}

static void
together_row(tn_sched *s, tn_point *p, void *context)
{
    together *t = context;
    tn_ins *lane;

    for (uint32_t i = 0; i < t->n->reds.count; i++)
        t->acc[i] =
            tn_kb_cell(s->b, "acc", (tn_ktype){tn_acc_dtype(t->n->reds.at[i]), 1}, 0, NULL, true);
    lane = open_lanes(s);
    for (uint32_t i = 0; i < t->n->reds.count; i++)
        tn_kb_set(s->b, t->acc[i],
            tn_neutral(s, tn_red_fn(t->n->reds.at[i]), t->acc[i]->type.dtype), 0, NULL);
    tn_gpu_points(s, t->n->red.at, t->n->red.count, lane, tn_point_new(s, p), together_step, t);
    tn_kb_close(s->b);
    for (uint32_t i = 0; i < t->n->reds.count; i++)
        tn_kb_sg_reduce(s->b, tn_plain_fn(tn_red_fn(t->n->reds.at[i]), t->acc[i]->type.dtype),
            t->acc[i]);
    /* All lanes have read what the tail may replace. */
    tn_kb_barrier(s->b);
    lane = open_lanes(s);
    tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_eq, lane, tn_int(s, 0)));
    together_tail(s, t, tn_point_new(s, p));
    tn_kb_close(s->b);
    tn_kb_close(s->b);
}

static void
emit_nest(tn_sched *s, tn_nest *n, tn_point *p)
{
    together t = {n, tn_new_array(s->arena, tn_kcell *, n->reds.count)};

    tn_nest_storage(s, n, 0, NULL, 0);
    tn_nest_begin(s, n);
    if (reduces_together(s, n))
        tn_loops(s, n->par.at, n->par.count, NULL, false, p, together_row, &t);
    else if (!s->tiles || !tn_gpu_tile_emit(s, n, s->tiles, p))
        dealt_nest(s, n, p);
    tn_nest_done(s, n);
    tn_kb_barrier(s->b);
}

/* ---- bodies ---- */

static bool
reads_memory(tn_sched *s, tn_tval *v)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_STORED, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_tval *x = stem.at[i];

        if (tn_is_anchor(x) || x->op == TN_T_carry || x->op == TN_T_result ||
            tn_val(s, x)->store[0] || (x->op == TN_T_load && (x->buf->local || x->buf->written)))
            return true;
    }
    return false;
}

void
tn_gpu_settle(tn_sched *s, tn_tval *const *values, int count)
{
    bool any = false;

    for (int i = 0; s->target->gpu && i < count; i++)
        any |= reads_memory(s, values[i]);
    if (any)
        tn_kb_barrier(s->b);
}

static void
emit_items(tn_sched *s, tn_items *items, tn_point *p)
{
    tn_body_storage(s, items);
    for (uint32_t i = 0; i < items->list.count && s->status == TN_OK; i++) {
        tn_item *item = items->list.at[i];

        tn_items_enter(s, items, i);
        if (item->kind == TN_ITEM_NEST) {
            emit_nest(s, item->nest, tn_point_new(s, p));
        } else if (item->kind == TN_ITEM_LOOP) {
            tn_emit_loop(s, item, p, emit_items);
        } else {
            tn_ins *condition = tn_eval(s, item->stmt->condition, p);

            tn_gpu_settle(s, &item->stmt->condition, 1);
            tn_kb_if(s->b, condition);
            emit_items(s, item->body, tn_point_new(s, p));
            if (item->orelse) {
                tn_kb_else(s->b);
                emit_items(s, item->orelse, tn_point_new(s, p));
            }
            tn_kb_close(s->b);
        }
    }
    tn_items_leave(s, items);
}

/* ---- groups ---- */

/* Positions that spanned axes add to each position of the grid. */
static int64_t
span_work(const tn_sched *s)
{
    int64_t work = 1;

    for (uint32_t i = 0; i < s->tile->axes.count && work < INT32_MAX; i++)
        if (s->tile->axes.at[i]->kind == TN_AXIS_SPAN)
            work *= tn_axis_guess(s, s->tile->axes.at[i]);
    return work < 1 ? 1 : work;
}

/* A reduction whose neighbouring lanes walk a grid axis. */
static bool
walks_grid(const tn_sched *s)
{
    for (uint32_t i = 0; i < s->nests.count; i++) {
        const tn_nest *n = s->nests.at[i];

        if (n->reds.count && n->lane && n->lane->kind == TN_AXIS_GRID)
            return true;
    }
    return false;
}

static void
choose_blocks(tn_sched *s, tn_grid_cut *cut)
{
    bool fold = false, scan = false, reduces = false;
    int64_t left = (int64_t)s->group * POINTS_A_LANE;

    tn_find_loops(s->items, &fold, &scan);
    for (uint32_t i = 0; i < s->nests.count; i++)
        reduces |= s->nests.at[i]->reds.count > 0;
    if (fold || scan || (reduces && !walks_grid(s))) {
        left = s->group / span_work(s);
        left = left < 1 ? 1 : left;
    } else if (reduces) {
        left = s->group;
    }
    tn_grid_deal(s, cut, left, 0);
}

/* A task takes one tile of the largest contraction, if that is all there is
 * to do. */
static void
tile_blocks(tn_sched *s, tn_grid_cut *cut)
{
    const tn_nest *n = s->nests.at[0];
    tn_contract_axes axes = tn_contract_split(s, n, n->lane);
    tn_axset lane = tn_bit(n->lane);

    for (uint32_t i = 0; i < TN_MAX_AXES; i++)
        cut->block[i] = 1;
    tn_grid_deal(s, cut, s->tiles->bm, ~axes.rows);
    tn_grid_deal(s, cut, s->tiles->bn, ~(axes.cols | lane));
}

static void
emit_task(tn_sched *s, tn_point *p)
{
    emit_items(s, s->items, p);
}

void
tn_cut_gpu(tn_sched *s)
{
    tn_gpu_tile *tile = tn_new(s->arena, tn_gpu_tile);

    tn_pick_lanes(s);
    s->group = s->choice.lanes;
    if (s->group < 1)
        s->group = MOST_LANES;
    if (s->group > s->target->group_lanes)
        s->group = (int32_t)s->target->group_lanes;
    if (s->group < 1) {
        tn_sched_fail(s, TN_UNSUPPORTED, "a group of no lanes");
        return;
    }
    if (tn_gpu_tile_choose(s, tile)) {
        s->tiles = tile;
        s->group = tile->bm / tile->tm * (tile->bn / tile->tn);
    }
    if (s->tiles && s->nests.count == 1 && s->items->list.count == 1)
        tile_blocks(s, &s->cut);
    else
        choose_blocks(s, &s->cut);
    s->choice.lanes = s->group;
    s->choice.tile = s->tiles != NULL;
}

void
tn_task_gpu(tn_sched *s, tn_ins *task)
{
    tn_grid_task(s, task, emit_task);
}
