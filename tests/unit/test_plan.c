/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

#include <string.h>

#include "tests/support/plan_fixture.h"
#include "tests/support/test.h"

enum { BUFFERS = 5 };

/* Runs `body` inside a guard of a fresh arena. */
static void
inside(tn_status (*body)(void *arena))
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), 0);

    TN_CHECK_EQ(tn_arena_guard(arena, body, arena), TN_OK);
    tn_arena_destroy(arena);
}

static tn_status
round_trip(void *arena)
{
    tn_plan plan, again;
    tn_writer first = {.arena = arena}, second = {.arena = arena};

    tn_plan_fixture(arena, &plan);
    tn_plan_encode(&first, &plan);
    TN_TRY(tn_plan_decode(arena, NULL, tn_writer_span(&first), &again));
    tn_plan_encode(&second, &again);
    TN_CHECK(first.bytes == second.bytes && !memcmp(first.at, second.at, first.bytes));
    TN_CHECK_EQ(again.steps.count, 3);
    TN_CHECK_STR(again.buffers.at[1].name, "a");
    return TN_OK;
}

TN_TEST(bytes_are_read_back)
{
    inside(round_trip);
}

/* Any change of one byte is refused or gives a plan that still holds
 * together; cut files are refused. */
static tn_status
damage(void *arena)
{
    tn_plan plan, again;
    tn_writer w = {.arena = arena};

    tn_plan_fixture(arena, &plan);
    tn_plan_encode(&w, &plan);
    for (size_t i = 0; i < w.bytes; i++) {
        w.at[i] ^= 0xff;
        if (tn_plan_decode(arena, NULL, tn_writer_span(&w), &again) == TN_OK)
            for (uint32_t s = 0; s < again.steps.count; s++)
                TN_CHECK(again.steps.at[s].kernel < (int32_t)again.kernels.count);
        w.at[i] ^= 0xff;
        TN_CHECK(tn_plan_decode(arena, NULL, (tn_span){w.at, i}, &again) == TN_INTEGRITY);
    }
    return TN_OK;
}

TN_TEST(damaged_bytes_are_refused)
{
    inside(damage);
}

static tn_status
placed(void *arena)
{
    tn_plan plan;
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    tn_plan_fixture(arena, &plan);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_CHECK_EQ(bytes[1], 512); /* 400 rounded up to 256 */
    TN_CHECK(offset[0] == UINT64_MAX && offset[3] == UINT64_MAX);
    TN_CHECK(offset[1] != offset[2]);
    TN_CHECK_EQ(offset[4], offset[1]); /* a is dead when c begins */
    TN_CHECK_EQ(total, 1024);
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    n = 0;
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_CHECK_EQ(total, 0);
    return tn_plan_check(&plan, NULL, bytes, offset);
}

TN_TEST(memory_is_shared_by_what_is_not_alive_together)
{
    inside(placed);
}

static tn_status
mistakes(void *arena)
{
    tn_plan plan;
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    tn_plan_fixture(arena, &plan);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    offset[2] = offset[1];
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    plan.steps.at[1].wait = false;
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    return TN_OK;
}

TN_TEST(the_checker_sees_overlap_and_missing_waits)
{
    inside(mistakes);
}

static tn_status
overflow(void *arena)
{
    tn_plan plan;
    int64_t n = INT64_MAX / 2;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    tn_plan_fixture(arena, &plan);
    TN_CHECK(tn_plan_place(&plan, NULL, &n, bytes, offset, &total) == TN_LIMIT);
    return TN_OK;
}

TN_TEST(sizes_beyond_64_bits_are_refused)
{
    inside(overflow);
}

TN_MAIN(TN_CASE(bytes_are_read_back), TN_CASE(damaged_bytes_are_refused),
    TN_CASE(memory_is_shared_by_what_is_not_alive_together),
    TN_CASE(the_checker_sees_overlap_and_missing_waits), TN_CASE(sizes_beyond_64_bits_are_refused))
