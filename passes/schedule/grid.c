/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Tasks and loops: which positions of the grid a task takes, and the rounds
 * of folds and scans inside it. */

static tn_ins *
extent_of(tn_sched *s, const tn_axis *a)
{
    tn_ins *high = tn_scalar(s, a->high), *low = tn_scalar(s, a->low);

    return tn_sub(s, high, low);
}

static tn_ins *
blocks_of(tn_sched *s, const tn_grid_cut *cut, const tn_axis *a)
{
    if (s->axis[a->index].dynamic)
        return tn_int(s, 1);
    return tn_ceil_div(s, extent_of(s, a), a->by_one ? 1 : cut->block[a->index]);
}

tn_ins *
tn_grid_tasks(tn_sched *s, const tn_grid_cut *cut)
{
    tn_ins *all = tn_int(s, 1);

    for (uint32_t i = 0; i < s->tile->grid.count; i++) {
        tn_axis *a = s->tile->grid.at[i];

        s->axis[a->index].dynamic = tn_axis_loaded(a);
        all = tn_mul(s, all, blocks_of(s, cut, a));
    }
    return all;
}

/* The one or two lengths that blocks of a known extent have. */
static void
note_lengths(tn_sched *s, const tn_axis *a, int64_t extent, int64_t block, bool fixed)
{
    tn_axstate *x = &s->axis[a->index];
    int64_t n = (extent + block - 1) / block;

    x->len_count = 0;
    if (n == 0)
        return;
    x->lens[0] = fixed ? (n > 1 ? block : extent) : (extent + n - 1) / n;
    x->lens[1] = fixed ? extent - (n - 1) * block : extent / n;
    x->len_count = x->lens[0] == x->lens[1] ? 1 : 2;
}

static void
bind_block(tn_sched *s, const tn_grid_cut *cut, const tn_axis *a, tn_ins *i, tn_ins *n)
{
    tn_axstate *x = &s->axis[a->index];
    tn_ins *extent = extent_of(s, a), *low = tn_scalar(s, a->low), *from, *to;
    tn_ins *block = tn_int(s, cut->block[a->index]);
    bool fixed = cut->fixed[a->index];
    int64_t known;

    if (tn_kb_is_int(extent, &known))
        note_lengths(s, a, known, cut->block[a->index], fixed);
    if (cut->block[a->index] == 1) {
        from = i;
        x->length = tn_int(s, 1);
    } else if (fixed) {
        from = tn_mul(s, i, block);
        x->length = tn_min(s, tn_sub(s, extent, from), block);
    } else {
        tn_ins *next = tn_addi(s, i, 1);

        from = tn_div(s, tn_mul(s, i, extent), n);
        to = tn_div(s, tn_mul(s, next, extent), n);
        x->length = tn_sub(s, to, from);
    }
    if (x->len_count == 1)
        x->length = tn_int(s, x->lens[0]);
    x->low = tn_add(s, low, from);
    x->most = cut->block[a->index];
    /* Group memory of GPUs wants a number. */
    x->longest = s->target->gpu && !tn_kb_is_int(extent, &known) ? block : tn_min(s, extent, block);
}

static void
bind_task(tn_sched *s, const tn_grid_cut *cut, tn_ins *task, tn_point *p)
{
    for (uint32_t k = s->tile->grid.count; k-- > 0;) {
        const tn_axis *a = s->tile->grid.at[k];
        tn_ins *n, *i;
        int64_t one;

        if (s->axis[a->index].dynamic)
            continue;
        n = blocks_of(s, cut, a);
        i = task;
        if (tn_kb_is_int(n, &one) && one == 1) {
            i = tn_int(s, 0);
        } else if (k > 0) {
            i = tn_rem(s, task, n);
            task = tn_div(s, task, n);
        }
        if (a->by_one)
            tn_point_bind_one(s, p, a, tn_add(s, tn_scalar(s, a->low), i));
        else
            bind_block(s, cut, a, i, n);
    }
}

static void
walk_dynamic(tn_sched *s, const tn_grid_cut *cut, uint32_t from, tn_point *p,
    void (*emit)(tn_sched *s, tn_point *p))
{
    const tn_axis *a;
    tn_ins *low, *high, *step;
    int64_t block;

    while (from < s->tile->grid.count && !s->axis[s->tile->grid.at[from]->index].dynamic)
        from++;
    if (from == s->tile->grid.count) {
        emit(s, p);
        return;
    }
    a = s->tile->grid.at[from];
    low = tn_eval_index(s, a->low, p);
    high = tn_eval_index(s, a->high, p);
    block = a->by_one ? 1 : cut->block[a->index];
    step = tn_int(s, block);
    TN_KFOR(s->b, t, TN_LOOP_SERIAL, low, high, block, a->name) {
        tn_point *q = tn_point_new(s, p);

        if (a->by_one) {
            tn_point_bind_one(s, q, a, t);
        } else {
            s->axis[a->index].low = t;
            s->axis[a->index].length = tn_min(s, tn_sub(s, high, t), step);
            s->axis[a->index].longest = step;
            s->axis[a->index].most = block;
        }
        walk_dynamic(s, cut, from + 1, q, emit);
    }
}

/* ---- folds and scans ---- */

static void
set_parity(tn_sched *s, const tn_tstmt *loop, tn_ins *rounds)
{
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        tn_kept *k = tn_val(s, loop->carry.at[i].value)->store[0];

        if (k->twice)
            k->parity = tn_remi(s, rounds, 2);
    }
}

static int64_t
round_size(tn_sched *s, const tn_axis *a)
{
    int64_t block = s->choice.bj < 16 ? 16 : s->choice.bj / 16 * 16, extent;

    if (a->by_one)
        return 1;
    if (tn_axis_known(s, a, &extent) && extent < block)
        block = extent < 1 ? 16 : (extent + 15) / 16 * 16;
    return block;
}

void
tn_emit_loop(tn_sched *s, tn_item *item, tn_point *p,
    void (*items)(tn_sched *s, tn_items *items, tn_point *p))
{
    const tn_axis *a = item->stmt->axis;
    tn_axstate outer = s->axis[a->index];
    tn_ins *low = tn_eval_index(s, a->low, p), *high = tn_eval_index(s, a->high, p), *zero, *rounds;
    tn_tval *bounds[2] = {a->low, a->high};
    int64_t block = round_size(s, a);

    tn_gpu_settle(s, bounds, 2);
    TN_KFOR(s->b, t, TN_LOOP_SERIAL, low, high, block, a->name) {
        tn_point *q = tn_point_new(s, p);

        rounds = tn_sub(s, t, low);
        set_parity(s, item->stmt, tn_divi(s, rounds, block));
        if (a->by_one) {
            tn_point_bind_one(s, q, a, t);
        } else {
            tn_ins *step = tn_int(s, block);

            s->axis[a->index] = (tn_axstate){.low = t, .longest = step, .most = block};
            s->axis[a->index].length = tn_min(s, tn_sub(s, high, t), step);
        }
        items(s, item->body, q);
    }
    s->axis[a->index] = outer;
    zero = tn_int(s, 0);
    rounds = tn_kb_fn2(s->b, TN_FN_max, tn_sub(s, high, low), zero);
    set_parity(s, item->stmt, tn_ceil_div(s, rounds, block));
}

void
tn_grid_task(tn_sched *s, tn_ins *task, void (*emit)(tn_sched *s, tn_point *p))
{
    tn_point *p = tn_point_new(s, s->root);

    s->task = task;
    bind_task(s, &s->cut, task, p);
    walk_dynamic(s, &s->cut, 0, p, emit);
}
