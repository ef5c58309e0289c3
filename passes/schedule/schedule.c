/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/schedule.h"

#include "passes/schedule/sched.h"

/* One tile program to launches of lane kernels. */

static void
bind_buffers(tn_sched *s)
{
    s->mem = tn_new_array(s->arena, tn_kmem *, s->tile->bufs.count);
    s->local = tn_new_array(s->arena, tn_kept *, s->tile->bufs.count);
    for (uint32_t i = 0; i < s->tile->bufs.count; i++) {
        const tn_tbuf *b = s->tile->bufs.at[i];
        tn_launch_binding binding = {false, b->index};

        if (b->local || (!b->read && !b->written))
            continue;
        s->mem[i] = tn_kb_global(s->b, b->name, b->dtype, b->read || s->reloaded[i], b->written);
        tn_push(s->arena, &s->launch->bindings, binding);
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
    s->out->choice = s->choice;
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

tn_status
tn_schedule(tn_arena *arena, tn_diag *diag, const tn_tile *tile, const tn_target *target,
    const tn_choice *choice, tn_launches *out)
{
    tn_sched *s = tn_new(arena, tn_sched);
    tn_launch launch = {0};

    *out = (tn_launches){0};
    s->arena = arena;
    s->diag = diag;
    s->target = target;
    s->out = out;
    if (choice)
        s->choice = *choice;
    else
        tn_choice_init(&s->choice);
    TN_TRY(schedule_one(s, tile, &launch));
    tn_push(arena, &out->list, launch);
    return TN_OK;
}

int
tn_candidates(tn_arena *arena, const tn_tile *tile, const tn_target *target, tn_choice *out,
    int limit)
{
    (void)arena, (void)tile, (void)target;
    if (limit < 1)
        return 0;
    tn_choice_init(out);
    return 1;
}
