/* SPDX-License-Identifier: Apache-2.0
 * Which steps wait, and how long buffers live. */
#include "passes/assemble_in.h"

static bool
depends(const tn_plan *p, const tn_plan_step *earlier, const tn_plan_step *later)
{
    for (uint32_t i = 0; i < earlier->buffers.count; i++)
        for (uint32_t j = 0; j < later->buffers.count; j++)
            if (tn_plan_owner(p, earlier->buffers.at[i]) ==
                    tn_plan_owner(p, later->buffers.at[j]) &&
                (earlier->writes.at[i] || later->writes.at[j]))
                return true;
    return false;
}

static bool
is_marker(const tn_plan_step *s)
{
    return s->kind == TN_STEP_LOOP || s->kind == TN_STEP_TEST;
}

/* Steps that begin or follow a part of a loop: what was before them is another
 * step in each round. */
static bool *
edges(tn_arena *arena, const tn_plan *p)
{
    bool *edge = tn_new_array(arena, bool, p->steps.count + 1);

    for (uint32_t s = 0; s < p->steps.count; s++) {
        edge[s + 1] |= is_marker(&p->steps.at[s]);
        if (p->steps.at[s].kind == TN_STEP_LOOP)
            edge[s + 1 + p->steps.at[s].length] = true;
    }
    return edge;
}

void
tn_assemble_waits(tn_arena *arena, tn_plan *p)
{
    const bool *edge = edges(arena, p);
    uint32_t in_flight = 0;

    for (uint32_t s = 0; s < p->steps.count; s++) {
        if (edge[s] && !is_marker(&p->steps.at[s])) {
            p->steps.at[s].wait = true;
            in_flight = s;
        }
        for (uint32_t e = in_flight; e < s && !p->steps.at[s].wait; e++)
            if (depends(p, &p->steps.at[e], &p->steps.at[s])) {
                p->steps.at[s].wait = true;
                in_flight = s;
            }
    }
}

/* What lives at the edge of a loop lives in all of it. */
static bool
widen(tn_plan_buffer *b, int32_t from, int32_t to)
{
    if (b->first < 0 || b->last < from || b->first > to || (b->first >= from && b->last <= to) ||
        (b->first <= from && b->last >= to))
        return false;
    b->first = b->first < from ? b->first : from;
    b->last = b->last > to ? b->last : to;
    return true;
}

static void
live_through_loops(tn_plan *p)
{
    bool again = true;

    while (again) {
        again = false;
        for (uint32_t s = 0; s < p->steps.count; s++)
            for (uint32_t i = 0; p->steps.at[s].kind == TN_STEP_LOOP && i < p->buffers.count; i++)
                again |= widen(&p->buffers.at[i], (int32_t)s, (int32_t)(s + p->steps.at[s].length));
    }
}

/* A buffer lives from the first step that names it to the last one, and on
 * until a later step has waited for that. */
void
tn_assemble_lifetimes(tn_plan *p)
{
    for (uint32_t s = 0; s < p->steps.count; s++)
        for (uint32_t i = 0; i < p->steps.at[s].buffers.count; i++) {
            tn_plan_buffer *b = &p->buffers.at[tn_plan_owner(p, p->steps.at[s].buffers.at[i])];
            uint32_t end = s;

            while (end + 1 < p->steps.count && !p->steps.at[end + 1].wait)
                end++;
            if (b->first < 0)
                b->first = (int32_t)s;
            b->last = (int32_t)end;
        }
    live_through_loops(p);
}
