/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Machines with vectors: tasks are blocks of the grid axes, nests run one
 * after the other inside a task. */

enum {
    MATRIX_ROWS = 170,
    MATRIX_COLS = 128,
    FOLD_ROWS = 96,    /* rows of a task with a fold */
    FOLD_QUERIES = 128, /* along vectors */
    EDGE_QUERIES = 64,  /* with keys up to a mask: less is lost at its edge */
    LONG_KEYS = 4096,  /* where that matters no more */
    LEAST_SIDE = 64,
    SHORT_SIDE = 512,  /* most rows and columns of a task with short sums, */
    MANY_TASKS = 128,  /* if there are as many tasks left */
};

/* ---- groups of nests that share loops ---- */

typedef struct row_group {
    tn_nest *nest[TN_MAX_AXES];
    uint32_t count;
    tn_axis *axes[TN_MAX_AXES]; /* shared */
    uint32_t axis_count;
    tn_axset common;
} row_group;

static void
stem_of(tn_sched *s, const tn_nest *n, tn_vals *stem)
{
    tn_vals roots = {0};

    tn_nest_roots(s, n, &roots);
    tn_stem_start(s, stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, stem);
}

static bool
renames(tn_sched *s, const tn_nest *n)
{
    tn_vals stem = {0};

    stem_of(s, n, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_rename)
            return true;
    return false;
}

static bool
same_place(const tn_tval *load, const tn_tstmt *store)
{
    if (load->buf != store->buf)
        return false;
    for (int i = 0; i < store->index_count; i++)
        if (load->arg[i] != store->index[i])
            return false;
    return true;
}

static bool
touches(const tn_vals *stem, tn_out *const *outs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; outs[i]->kind == TN_OUT_STORE && k < stem->count; k++)
            if (stem->at[k]->op == TN_T_load &&
                tn_buf_overlaps(stem->at[k]->buf, outs[i]->stmt->buf) &&
                !same_place(stem->at[k], outs[i]->stmt))
                return true;
    return false;
}

/* One stores what the other loads at another place: not in one loop. */
static bool
entangled(tn_sched *s, const tn_nest *a, const tn_nest *b)
{
    tn_vals of_a = {0}, of_b = {0};

    stem_of(s, a, &of_a);
    stem_of(s, b, &of_b);
    return touches(&of_b, a->tail.at, a->tail.count) ||
        touches(&of_b, a->inner.at, a->inner.count) || touches(&of_a, b->tail.at, b->tail.count) ||
        touches(&of_a, b->inner.at, b->inner.count);
}

static bool
may_share(tn_sched *s, const row_group *g, const tn_nest *n, tn_axset common)
{
    if (!common || n->red_set & common || renames(s, n) || g->count == TN_MAX_AXES)
        return false;
    for (uint32_t i = 0; i < g->count; i++) {
        const tn_nest *m = g->nest[i];
        tn_axset lanes = (m->lane ? tn_bit(m->lane) : 0) ^ (n->lane ? tn_bit(n->lane) : 0);

        if (m->red_set & common || lanes & common || entangled(s, m, n))
            return false;
    }
    return true;
}

static void
shared_axes(row_group *g)
{
    const tn_nest *n = g->nest[0];

    for (uint32_t i = 0; g->count > 1 && i < n->par.count; i++)
        if (g->common & tn_bit(n->par.at[i]))
            g->axes[g->axis_count++] = n->par.at[i];
    if (g->count == 1)
        g->common = 0;
}

static row_group
group_from(tn_sched *s, const tn_items *items, uint32_t i)
{
    row_group g = {.nest = {items->list.at[i]->nest}, .count = 1};

    g.common = g.nest[0]->par_set;
    if (!renames(s, g.nest[0])) {
        while (i + g.count < items->list.count) {
            tn_nest *n = items->list.at[i + g.count]->nest;

            if (!n || n->contract || !may_share(s, &g, n, g.common & n->par_set))
                break;
            g.common &= n->par_set;
            g.nest[g.count++] = n;
        }
    }
    shared_axes(&g);
    return g;
}

static void
group_at(tn_sched *s, tn_point *p, void *context)
{
    const row_group *g = context;

    /* What is left after whole vectors starts anew: nothing is stored yet. */
    for (uint32_t i = 0; i < g->count; i++)
        tn_nest_begin(s, g->nest[i]);
    for (uint32_t i = 0; i < g->count; i++)
        tn_stream(s, g->nest[i], p);
}

/* ---- bodies ---- */

static void emit_items(tn_sched *s, tn_items *items, tn_point *p);

static void
emit_if(tn_sched *s, const tn_item *item, tn_point *p)
{
    tn_kb_if(s->b, tn_eval(s, item->stmt->condition, p));
    emit_items(s, item->body, tn_point_new(s, p));
    if (item->orelse) {
        tn_kb_else(s->b);
        emit_items(s, item->orelse, tn_point_new(s, p));
    }
    tn_kb_close(s->b);
}

/* Returns how many items it took. */
static uint32_t
emit_nests(tn_sched *s, tn_items *items, uint32_t i, tn_point *p)
{
    tn_nest *n = items->list.at[i]->nest;
    tn_point *q = tn_point_new(s, p);
    row_group g;

    if (n->contract) {
        tn_nest_storage(s, n, 0, NULL, 0);
        tn_contract(s, n, q);
        return 1;
    }
    g = group_from(s, items, i);
    for (uint32_t k = 0; k < g.count; k++)
        tn_nest_storage(s, g.nest[k], g.common, g.nest, g.count);
    tn_loops(s, g.axes, g.axis_count, g.nest[0]->lane, false, q, group_at, &g);
    return g.count;
}

static void
emit_items(tn_sched *s, tn_items *items, tn_point *p)
{
    tn_body_storage(s, items);
    for (uint32_t i = 0; i < items->list.count && s->status == TN_OK;) {
        tn_item *item = items->list.at[i];

        tn_items_enter(s, items, i);
        if (item->kind == TN_ITEM_NEST) {
            i += emit_nests(s, items, i, p);
            continue;
        }
        if (item->kind == TN_ITEM_LOOP) {
            tn_contract_prepare(s, item->body, p);
            tn_quick_before(s, item, p);
            tn_emit_loop(s, item, p, emit_items);
            tn_quick_after(item);
        } else {
            emit_if(s, item, p);
        }
        i++;
    }
    tn_items_leave(s, items);
}

/* ---- blocks ---- */

static const tn_nest *
main_contract(const tn_sched *s)
{
    const tn_nest *best = NULL;
    int64_t most = -1;

    for (uint32_t i = 0; i < s->nests.count; i++) {
        const tn_nest *n = s->nests.at[i];
        int64_t work = 1;

        if (!n->contract)
            continue;
        for (uint32_t k = 0; k < n->par.count + n->red.count && work < INT32_MAX; k++)
            work *= tn_axis_guess(s, k < n->par.count ? n->par.at[k] : n->red.at[k - n->par.count]);
        if (work > most) {
            best = n;
            most = work;
        }
    }
    return best;
}

/* Queries of a task that lie along vectors. */
static int64_t
fold_queries(const tn_sched *s, const tn_nest *n)
{
    for (uint32_t i = 0; i < n->par.count; i++) {
        const tn_axis *a = n->par.at[i];

        if (a->kind == TN_AXIS_LOOP && !tn_is_size(a->high) && tn_axis_most(s, a) < LONG_KEYS)
            return EDGE_QUERIES;
    }
    return FOLD_QUERIES;
}

/* Tasks with blocks of `rows` times `cols`; 0: not known. */
static int64_t
count_tasks(tn_sched *s, const tn_nest *n, int64_t rows, int64_t cols)
{
    tn_axset row_set = tn_contract_split(s, n, n->lane).rows;
    int64_t tasks = 1, row_count = 1, extent;

    for (uint32_t i = 0; i < s->tile->grid.count; i++) {
        const tn_axis *a = s->tile->grid.at[i];
        int64_t *count = row_set & tn_bit(a) ? &row_count : &tasks;

        if (!tn_axis_known(s, a, &extent) || extent < 1 || *count > INT32_MAX / extent)
            return 0;
        if (a == n->lane)
            extent = (extent + cols - 1) / cols;
        *count *= extent;
    }
    return tasks * ((row_count + rows - 1) / rows);
}

/* Short sums take little time for what is read and stored: both sides fill the
 * cache, so that each is copied or read as rarely as can be. */
static void
short_blocks(tn_sched *s, const tn_nest *n, int64_t *rows, int64_t *cols)
{
    int64_t k = 1, extent, most;

    for (uint32_t i = 0; i < n->red.count; i++) {
        if (!tn_axis_known(s, n->red.at[i], &extent) || extent < 1 || k > INT32_MAX / extent)
            return;
        k *= extent;
    }
    most = TN_CACHED_ELEMENTS / k / LEAST_SIDE * LEAST_SIDE;
    most = most < SHORT_SIDE ? most : SHORT_SIDE;
    for (; most > MATRIX_COLS; most -= LEAST_SIDE) {
        int64_t r = most > MATRIX_ROWS ? most : MATRIX_ROWS;

        if (count_tasks(s, n, r, most) < MANY_TASKS)
            continue;
        *rows = r;
        *cols = most;
        return;
    }
}

static void
contract_blocks(tn_sched *s, tn_grid_cut *cut, const tn_nest *n)
{
    bool fold = false, scan = false;
    int64_t rows = s->choice.rows, cols = s->choice.cols;
    tn_contract_axes axes = {0, 0, 0};
    tn_axset lane = n->lane ? tn_bit(n->lane) : 0;

    tn_find_loops(s->items, &fold, &scan);
    if (rows < 1)
        rows = scan ? tn_contract_rows(s, n) : fold ? FOLD_ROWS : MATRIX_ROWS;
    if (cols < 1 && fold && !scan && n->lane && n->lane->kind == TN_AXIS_GRID && tn_nest_folded(n))
        cols = fold_queries(s, n);
    if (s->choice.rows < 1 && cols < 1 && !scan && !fold && n->lane &&
        !tn_contract_split(s, n, n->lane).cols)
        short_blocks(s, n, &rows, &cols);
    if (cols < 1)
        cols = scan || fold ? (s->lanes < 16 ? 16 : s->lanes) : MATRIX_COLS;
    s->choice.rows = (int32_t)rows;
    s->choice.cols = (int32_t)((cols + 15) / 16 * 16);
    for (uint32_t i = 0; i < TN_MAX_AXES; i++)
        cut->block[i] = 1;
    if (!n->lane)
        return;
    /* What both operands have: one position a task. */
    axes = tn_contract_split(s, n, n->lane);
    tn_grid_deal(s, cut, rows, axes.both | axes.cols | lane);
    tn_grid_deal(s, cut, cols / tn_axis_guess(s, n->lane), ~axes.cols);
    cut->block[n->lane->index] = s->choice.cols;
}

static void
stream_blocks(tn_sched *s, tn_grid_cut *cut)
{
    int64_t left = s->choice.elems < 1 ? 1 : s->choice.elems;
    bool fold = false, scan = false;

    tn_find_loops(s->items, &fold, &scan);
    for (uint32_t i = 0; i < s->tile->axes.count; i++)
        if (s->tile->axes.at[i]->kind == TN_AXIS_SPAN)
            left /= tn_axis_guess(s, s->tile->axes.at[i]);
    tn_grid_deal(s, cut, left, 0);
}

static void
emit_task(tn_sched *s, tn_point *p)
{
    emit_items(s, s->items, p);
}

void
tn_cut_cpu(tn_sched *s)
{
    const tn_nest *main;

    tn_pick_lanes(s);
    main = main_contract(s);
    if (main)
        contract_blocks(s, &s->cut, main);
    else
        stream_blocks(s, &s->cut);
}

void
tn_task_cpu(tn_sched *s, tn_ins *task)
{
    tn_grid_task(s, task, emit_task);
}
