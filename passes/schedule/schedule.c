/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/schedule.h"

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
    return (tn_launch_binding){false, b->index};
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

static void
finish(tn_sched *s)
{
    tn_kernel *k = tn_kb_finish(s->b);

    s->launch->kernel = k;
    for (uint32_t i = 0; i < k->sizes.count; i++)
        tn_push(s->arena, &s->launch->sizes, tn_tile_size_of(s, i));
    tn_estimate(s, s->launch);
}

/* One program, one launch. */
static tn_status
schedule_one(tn_sched *s, const tn_tile *tile, tn_launch *launch)
{
    s->tile = tile;
    s->launch = launch;
    s->it = s->target->gpu ? TN_I32 : TN_I64;
    s->lanes = s->target->gpu ? 1 : (int)(s->target->vector_bytes / 4);
    if (s->lanes < 1 || s->lanes > 16)
        return tn_fail(s->diag, TN_UNSUPPORTED, "vectors of %d bytes",
            (int)s->target->vector_bytes);
    TN_TRY(tn_values_number(s));
    tn_plan(s);
    if (s->status != TN_OK)
        return s->status;
    s->b = tn_kb_create(s->arena, tile->name, s->it, tile->exact);
    s->root = tn_point_new(s, NULL);
    bind_buffers(s);
    if (s->target->gpu)
        tn_schedule_gpu(s);
    else
        tn_schedule_cpu(s);
    if (s->status != TN_OK)
        return s->status;
    finish(s);
    return TN_OK;
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
