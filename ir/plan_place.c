/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

#include "ir/base/checked.h"

enum { ALIGNMENT = 256 };

static bool
is_placed(const tn_plan_buffer *b)
{
    return b->use == TN_USE_TEMP && b->same_as < 0 && b->first >= 0;
}

static bool
alive_together(const tn_plan_buffer *a, const tn_plan_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static tn_status
buffer_bytes(const tn_plan *plan, tn_diag *diag, const int64_t *symbols, uint32_t i, uint64_t *out)
{
    const tn_plan_buffer *b = &plan->buffers.at[i];
    int64_t bytes;

    if (!tn_formula_eval(b->bytes, symbols, plan->symbols.count, &bytes) || bytes < 0 ||
        bytes > INT64_MAX - ALIGNMENT)
        return tn_fail(diag, TN_LIMIT, "%s: the size of %s exceeds 64 bits or is below 0",
            plan->entry, b->name);
    *out = ((uint64_t)bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return TN_OK;
}

/* The lowest offset at which buffer i overlaps none of those placed (marked
 * by offset != UINT64_MAX) that live at the same time. */
static uint64_t
first_fit(const tn_plan *plan, uint32_t i, const uint64_t *bytes, const uint64_t *offset)
{
    const tn_plan_buffer *b = &plan->buffers.at[i];
    uint64_t at = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (uint32_t j = 0; j < plan->buffers.count; j++) {
            const tn_plan_buffer *o = &plan->buffers.at[j];

            if (j == i || !is_placed(o) || offset[j] == UINT64_MAX || !alive_together(b, o))
                continue;
            if (offset[j] < at + bytes[i] && at < offset[j] + bytes[j]) {
                at = offset[j] + bytes[j];
                moved = true;
            }
        }
    }
    return at;
}

/* The largest buffer without a place; ties go to the first. */
static int64_t
largest(const tn_plan *plan, const uint64_t *bytes, const uint64_t *offset)
{
    int64_t best = -1;

    for (uint32_t i = 0; i < plan->buffers.count; i++)
        if (is_placed(&plan->buffers.at[i]) && offset[i] == UINT64_MAX &&
            (best < 0 || bytes[i] > bytes[best]))
            best = i;
    return best;
}

tn_status
tn_plan_place(const tn_plan *plan, tn_diag *diag, const int64_t *symbols, uint64_t *bytes,
    uint64_t *offset, uint64_t *total_bytes)
{
    int64_t i;

    *total_bytes = 0;
    for (uint32_t j = 0; j < plan->buffers.count; j++) {
        TN_TRY(buffer_bytes(plan, diag, symbols, j, &bytes[j]));
        offset[j] = UINT64_MAX;
    }
    while ((i = largest(plan, bytes, offset)) >= 0) {
        offset[i] = first_fit(plan, (uint32_t)i, bytes, offset);
        if (offset[i] + bytes[i] > *total_bytes)
            *total_bytes = offset[i] + bytes[i];
    }
    return TN_OK;
}

uint32_t
tn_plan_commit(const tn_plan *plan)
{
    uint32_t at = plan->steps.count;

    while (at > 0) {
        const tn_plan_step *s = &plan->steps.at[at - 1];

        if (s->kind != TN_STEP_COPY || plan->buffers.at[s->buffers.at[1]].use != TN_USE_STATE)
            break;
        at--;
    }
    return at;
}

/* ---- the checker: says again, from the steps, what must hold ---- */

static bool
mentions(const tn_plan *plan, const tn_plan_step *s, uint32_t owner)
{
    for (uint32_t i = 0; i < s->buffers.count; i++)
        if (tn_plan_owner(plan, s->buffers.at[i]) == owner)
            return true;
    return false;
}

/* What lives at the edge of a loop lives in all of it: it may be needed in
 * the next round. */
static void
widen(const tn_plan *plan, uint32_t *first, uint32_t *last)
{
    bool again = true;

    while (again) {
        again = false;
        for (uint32_t s = 0; s < plan->steps.count; s++) {
            uint32_t end = s + plan->steps.at[s].length;

            if (plan->steps.at[s].kind != TN_STEP_LOOP || *last < s || *first > end ||
                (*first >= s && *last <= end) || (*first <= s && *last >= end))
                continue;
            *first = *first < s ? *first : s;
            *last = *last > end ? *last : end;
            again = true;
        }
    }
}

/* First and last step that mention a buffer, taken from the steps alone. */
static bool
span_of(const tn_plan *plan, uint32_t owner, uint32_t *first, uint32_t *last)
{
    bool any = false;

    for (uint32_t s = 0; s < plan->steps.count; s++) {
        if (!mentions(plan, &plan->steps.at[s], owner))
            continue;
        if (!any)
            *first = s;
        *last = s;
        any = true;
    }
    if (any)
        widen(plan, first, last);
    return any;
}

static tn_status
check_pair(const tn_plan *plan, tn_diag *diag, uint32_t i, uint32_t j, const uint64_t *bytes,
    const uint64_t *offset)
{
    uint32_t fi, li, fj, lj;

    if (offset[i] >= offset[j] + bytes[j] || offset[j] >= offset[i] + bytes[i])
        return TN_OK;
    if (!span_of(plan, i, &fi, &li) || !span_of(plan, j, &fj, &lj) || li < fj || lj < fi)
        return TN_OK;
    return tn_fail(diag, TN_BUG, "plan %s: %s and %s overlap while both are alive", plan->entry,
        plan->buffers.at[i].name, plan->buffers.at[j].name);
}

/* Steps since the last one that waited may run at once: none of them may
 * write memory that another of them touches. */
static bool
conflict(const tn_plan *plan, const tn_plan_step *a, const tn_plan_step *b, const uint64_t *bytes,
    const uint64_t *offset)
{
    for (uint32_t i = 0; i < a->buffers.count; i++)
        for (uint32_t j = 0; j < b->buffers.count; j++) {
            uint32_t x = tn_plan_owner(plan, a->buffers.at[i]),
                     y = tn_plan_owner(plan, b->buffers.at[j]);
            bool written = a->writes.at[i] || b->writes.at[j];
            bool same = x == y;

            if (!same && is_placed(&plan->buffers.at[x]) && is_placed(&plan->buffers.at[y]))
                same = bytes[x] && bytes[y] && offset[x] < offset[y] + bytes[y] &&
                    offset[y] < offset[x] + bytes[x];
            if (same && written)
                return true;
        }
    return false;
}

static tn_status
check_waits(const tn_plan *plan, tn_diag *diag, const uint64_t *bytes, const uint64_t *offset)
{
    uint32_t from = 0;

    for (uint32_t s = 0; s < plan->steps.count; s++) {
        if (plan->steps.at[s].wait)
            from = s;
        for (uint32_t e = from; e < s; e++)
            if (conflict(plan, &plan->steps.at[e], &plan->steps.at[s], bytes, offset))
                return tn_fail(diag, TN_BUG, "plan %s: step %u does not wait for step %u",
                    plan->entry, s, e);
    }
    return TN_OK;
}

static tn_status
check_edge(const tn_plan *plan, tn_diag *diag, uint32_t s)
{
    if (s >= plan->steps.count || plan->steps.at[s].wait ||
        plan->steps.at[s].kind == TN_STEP_LOOP || plan->steps.at[s].kind == TN_STEP_TEST)
        return TN_OK;
    return tn_fail(diag, TN_BUG, "plan %s: step %u stands at the edge of a loop and does not wait",
        plan->entry, s);
}

/* Rounds follow one another in ways that the order of steps does not show. */
static tn_status
check_loops(const tn_plan *plan, tn_diag *diag)
{
    for (uint32_t s = 0; s < plan->steps.count; s++) {
        const tn_plan_step *step = &plan->steps.at[s];

        if (step->kind == TN_STEP_LOOP)
            TN_TRY(check_edge(plan, diag, s + 1 + step->length));
        if (step->kind == TN_STEP_LOOP || step->kind == TN_STEP_TEST)
            TN_TRY(check_edge(plan, diag, s + 1));
    }
    return TN_OK;
}

/* The innermost loop around a step, from which on `from` looks further out;
 * UINT32_MAX: there is none. */
static uint32_t
loop_around(const tn_plan *plan, uint32_t step, uint32_t from)
{
    for (uint32_t s = from; s-- > 0;)
        if (plan->steps.at[s].kind == TN_STEP_LOOP && step <= s + plan->steps.at[s].length)
            return s;
    return UINT32_MAX;
}

static bool
is_mentioned_outside(const tn_plan *plan, uint32_t owner, uint32_t loop)
{
    uint32_t end = loop + plan->steps.at[loop].length;

    for (uint32_t s = 0; s < plan->steps.count; s++)
        if ((s < loop || s > end) && mentions(plan, &plan->steps.at[s], owner))
            return true;
    return false;
}

/* Memory of a loop may be stored into in place: what the next round begins
 * with is what this one left there. But no round may be started too many. A
 * state may not: what it held could not be put back. */
static tn_status
check_rounds(const tn_plan *plan, tn_diag *diag, uint32_t s, uint32_t owner)
{
    for (uint32_t l = loop_around(plan, s, s); l != UINT32_MAX; l = loop_around(plan, s, l))
        if (plan->buffers.at[owner].use == TN_USE_STATE ||
            (plan->steps.at[l].chunk > 1 && is_mentioned_outside(plan, owner, l)))
            return tn_fail(diag, TN_BUG, "plan %s: step %u updates %s in place in a loop",
                plan->entry, s, plan->buffers.at[owner].name);
    return TN_OK;
}

/* `now` is what the memory of buffer `owner` holds before step s: the buffer
 * that was written last. Nothing but that may be read, and whatever writes
 * reads none of it. */
static tn_status
check_version(const tn_plan *plan, tn_diag *diag, uint32_t s, uint32_t owner, uint32_t *now)
{
    const tn_plan_step *step = &plan->steps.at[s];
    uint32_t next = *now;

    for (uint32_t i = 0; i < step->buffers.count; i++)
        if (tn_plan_owner(plan, step->buffers.at[i]) == owner && step->writes.at[i])
            next = step->buffers.at[i];
    for (uint32_t i = 0; i < step->buffers.count; i++) {
        uint32_t b = step->buffers.at[i];

        if (tn_plan_owner(plan, b) == owner && b != next)
            return tn_fail(diag, TN_BUG,
                "plan %s: step %u reads %s, which has been overwritten in place", plan->entry, s,
                plan->buffers.at[b].name);
    }
    if (next != *now && next != owner)
        TN_TRY(check_rounds(plan, diag, s, owner));
    *now = next;
    return TN_OK;
}

static bool
has_versions(const tn_plan *plan, uint32_t owner)
{
    for (uint32_t i = 0; i < plan->buffers.count; i++)
        if (plan->buffers.at[i].same_as == (int32_t)owner)
            return true;
    return false;
}

static tn_status
check_versions(const tn_plan *plan, tn_diag *diag)
{
    for (uint32_t i = 0; i < plan->buffers.count; i++) {
        uint32_t now = i;

        if (plan->buffers.at[i].same_as >= 0 || !has_versions(plan, i))
            continue;
        for (uint32_t s = 0; s < plan->steps.count; s++)
            TN_TRY(check_version(plan, diag, s, i, &now));
    }
    return TN_OK;
}

tn_status
tn_plan_check(const tn_plan *plan, tn_diag *diag, const uint64_t *bytes, const uint64_t *offset)
{
    for (uint32_t i = 0; i < plan->buffers.count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (is_placed(&plan->buffers.at[i]) && is_placed(&plan->buffers.at[j]))
                TN_TRY(check_pair(plan, diag, i, j, bytes, offset));
    TN_TRY(check_loops(plan, diag));
    TN_TRY(check_versions(plan, diag));
    return check_waits(plan, diag, bytes, offset);
}
