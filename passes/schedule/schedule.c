/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/schedule.h"

#include <string.h>

#include "passes/schedule/sched.h"

/* One tile program to launches of lane kernels. */

/* What buffer `b` of the program being scheduled is to the caller: itself, or
 * one of the buffers between two programs. */
static tn_launch_binding
binding_of(const tn_sched *s, const tn_tbuf *b)
{
    for (uint32_t i = 0; i < s->passed_count; i++)
        if (s->passed[i] == b)
            return (tn_launch_binding){true, s->passed_scratch + i};
    return (tn_launch_binding){false, s->first_buffer + b->index};
}

static void
bind_buffers(tn_sched *s)
{
    s->mem = tn_new_array(s->arena, tn_kmem *, s->tile->bufs.count);
    s->local = tn_new_array(s->arena, tn_kept *, s->tile->bufs.count);
    for (uint32_t i = 0; i < s->tile->bufs.count; i++) {
        const tn_tbuf *b = s->tile->bufs.at[i];

        if (b->local || (!b->read && !b->written))
            continue;
        s->mem[i] = tn_kb_global(s->b, b->name, b->dtype, b->read || s->reloaded[i], b->written);
        tn_push(s->arena, &s->launch->bindings, binding_of(s, b));
    }
}

/* Launches of several programs: the tasks of the first, then those of the
 * second, and so on. */
typedef struct together {
    tn_sched *part[TN_BESIDE];
    tn_ins *start[TN_BESIDE], *end[TN_BESIDE]; /* tasks */
    uint32_t count;
} together;

static void
finish(const together *t)
{
    tn_sched *s = t->part[0];
    tn_kernel *k = tn_kb_finish(s->b);

    s->launch->kernel = k;
    for (uint32_t i = 0; i < k->sizes.count; i++)
        for (uint32_t n = 0; n < t->count; n++) {
            uint32_t size = tn_tile_size_of(t->part[n], i);

            if (size == UINT32_MAX)
                continue;
            tn_push(s->arena, &s->launch->sizes, t->part[n]->first_size + size);
            break;
        }
    for (uint32_t n = 0; n < t->count; n++)
        tn_estimate(t->part[n], s->launch);
}

/* Nests, vectors and blocks: all that comes before code. */
static tn_status
prepare(tn_sched *s, const tn_tile *tile)
{
    s->tile = tile;
    s->it = s->target->gpu ? TN_I32 : TN_I64;
    s->lanes = s->target->gpu ? 1 : (int)(s->target->vector_bytes / 4);
    if (s->lanes < 1 || s->lanes > 16)
        return tn_fail(s->diag, TN_UNSUPPORTED, "vectors of %d bytes",
            (int)s->target->vector_bytes);
    TN_TRY(tn_values_number(s));
    tn_plan(s);
    if (s->status != TN_OK)
        return s->status;
    if (s->target->gpu)
        tn_cut_gpu(s);
    else
        tn_cut_cpu(s);
    return s->status;
}

static void
start(together *t, uint32_t n)
{
    tn_sched *s = t->part[n];
    tn_sum tasks;

    s->root = tn_point_new(s, NULL);
    bind_buffers(s);
    t->end[n] = tn_grid_tasks(s, &s->cut);
    tasks = tn_sum_of(s);
    tn_sum_ins(&tasks, t->end[n], s);
    s->tasks = tn_sum_end(&tasks);
    t->start[n] = n ? t->end[n - 1] : tn_int(s, 0);
    t->end[n] = tn_add(s, t->start[n], t->end[n]);
}

static void
emit_task(const together *t, uint32_t n, tn_ins *task)
{
    tn_sched *s = t->part[n];

    if (n + 1 < t->count)
        tn_kb_if(s->b, tn_kb_fn2(s->b, TN_FN_lt, task, t->end[n]));
    if (s->target->gpu)
        tn_task_gpu(s, tn_sub(s, task, t->start[n]));
    else
        tn_task_cpu(s, tn_sub(s, task, t->start[n]));
    if (n + 1 == t->count)
        return;
    tn_kb_else(s->b);
    emit_task(t, n + 1, task);
    tn_kb_close(s->b);
}

/* One launch of programs that have been prepared. */
static tn_status
schedule_together(together *t, tn_launch *launch)
{
    tn_sched *first = t->part[0];
    const char *name = first->target->gpu ? "group" : "task";

    first->b = tn_kb_create(first->arena, first->tile->name, first->it, first->tile->exact);
    if (first->target->gpu)
        tn_kb_group(first->b, (uint32_t)first->group, 0);
    for (uint32_t n = 0; n < t->count; n++) {
        t->part[n]->b = first->b;
        t->part[n]->launch = launch;
        start(t, n);
    }
    TN_KFOR(first->b, task, TN_LOOP_GRID, tn_int(first, 0), t->end[t->count - 1], 1, name)
        emit_task(t, 0, task);
    for (uint32_t n = 0; n < t->count; n++)
        if (t->part[n]->status != TN_OK)
            return t->part[n]->status;
    finish(t);
    return TN_OK;
}

static tn_status
schedule_one(tn_sched *s, const tn_tile *tile, tn_launch *launch)
{
    together t = {.part = {s}, .count = 1};

    TN_TRY(prepare(s, tile));
    return schedule_together(&t, launch);
}

static tn_sched *
new_sched(tn_arena *arena, tn_diag *diag, const tn_target *target, const tn_choice *choice,
    tn_launches *out)
{
    tn_sched *s = tn_new(arena, tn_sched);

    s->arena = arena;
    s->diag = diag;
    s->target = target;
    s->out = out;
    s->choice = *choice;
    return s;
}

/* Scratch for what passes from the first program to the second. */
static void
passed_bytes(tn_arena *arena, const tn_tile *tile, const tn_tbuf *b, tn_launches *out)
{
    tn_sum f = {.code = {.arena = arena}, .tile = tile};

    tn_sum_int(&f, tn_dtype_bytes(b->dtype));
    for (int i = 0; i < b->rank; i++) {
        if (!tn_sum_value(&f, b->dim[i]))
            tn_sum_int(&f, 1);
        tn_sum_op(&f, TN_FORMULA_MUL);
    }
    tn_push(arena, &out->scratch, tn_sum_end(&f));
}

static tn_status
schedule_cut(tn_sched *s, const tn_tile *tile, const tn_tstmt *loop, tn_launches *out)
{
    tn_cut_result cut;
    tn_choice choice = s->choice;

    tn_cut(s->arena, tile, loop, choice.cut, &cut);
    for (uint32_t i = 0; i < cut.count; i++)
        passed_bytes(s->arena, cut.first, cut.written[i], out);
    for (int k = 0; k < 2; k++) {
        tn_sched *one = new_sched(s->arena, s->diag, s->target, &choice, out);
        tn_launch launch = {0};

        one->passed = k ? cut.read : cut.written;
        one->passed_count = cut.count;
        TN_TRY(tn_tile_verify(k ? cut.second : cut.first, s->diag));
        TN_TRY(schedule_one(one, k ? cut.second : cut.first, &launch));
        tn_push(s->arena, &out->list, launch);
        if (k == 0)
            out->choice = one->choice;
    }
    return TN_OK;
}

tn_status
tn_schedule(tn_arena *arena, tn_diag *diag, const tn_tile *tile, const tn_target *target,
    const tn_choice *choice, tn_launches *out)
{
    tn_launch launch = {0};
    const tn_tstmt *loop;
    tn_choice best;
    tn_sched *s;

    *out = (tn_launches){0};
    tn_choice_init(&best);
    s = new_sched(arena, diag, target, choice ? choice : &best, out);
    loop = s->choice.cut > 1 ? tn_cut_find(tile) : NULL;
    if (loop) {
        /* Refuses what is nested too deep to be copied. */
        s->tile = tile;
        TN_TRY(tn_values_number(s));
        return schedule_cut(s, tile, loop, out);
    }
    TN_TRY(schedule_one(s, tile, &launch));
    tn_push(arena, &out->list, launch);
    out->choice = s->choice;
    return TN_OK;
}

/* ---- programs beside one another ---- */

static tn_status
add_together(together *t, tn_launches *out)
{
    tn_launch launch = {0};

    TN_TRY(schedule_together(t, &launch));
    tn_push(t->part[0]->arena, &out->list, launch);
    t->count = 0;
    return TN_OK;
}

static uint32_t
parameters_of(const tn_tile *tile)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < tile->bufs.count; i++)
        count += !tile->bufs.at[i]->local;
    return count;
}

tn_status
tn_schedule_beside(tn_arena *arena, tn_diag *diag, const tn_tile *const *tiles, uint32_t count,
    const tn_target *target, tn_launches *out)
{
    together t = {.count = 0};
    uint32_t buffers = 0, sizes = 0;
    tn_choice choice;

    if (count == 1)
        return tn_schedule(arena, diag, tiles[0], target, NULL, out);
    *out = (tn_launches){0};
    tn_choice_init(&choice);
    for (uint32_t n = 0; n < count; n++) {
        tn_sched *s = new_sched(arena, diag, target, &choice, out);

        s->first_buffer = buffers;
        s->first_size = sizes;
        buffers += parameters_of(tiles[n]);
        sizes += tiles[n]->sizes.count;
        TN_TRY(prepare(s, tiles[n]));
        /* On machines with lanes a program may have barriers. Behind a condition,
         * though all lanes agree on it, these corrupt the heap of PoCL 3.1. */
        if (t.count && (t.count == TN_BESIDE || target->gpu))
            TN_TRY(add_together(&t, out));
        t.part[t.count++] = s;
        if (n == 0)
            out->choice = s->choice;
    }
    return add_together(&t, out);
}
