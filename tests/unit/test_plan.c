/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

#include <string.h>

#include "tests/support/plan_fixture.h"
#include "tests/support/test.h"

enum { BUFFERS = 6 };

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

/* Inputs may lie in the caller's memory. */
static tn_status
written_input(void *arena)
{
    tn_plan plan, again;
    tn_writer w = {.arena = arena};

    tn_plan_fixture(arena, &plan);
    plan.steps.at[0].writes.at[0] = true;
    tn_plan_encode(&w, &plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&w), &again), TN_INTEGRITY);
    return TN_OK;
}

TN_TEST(no_step_writes_an_input)
{
    inside(written_input);
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

/* x -> a, then rounds of (a -> go; test go; a -> b; b -> a), then a -> y. */
static void
loop_fixture(tn_arena *arena, tn_plan *p)
{
    tn_plan_step loop = {
        .kind = TN_STEP_LOOP, .name = "while", .family = "while", .kernel = -1, .first_site = -1};
    tn_plan_step test = {
        .kind = TN_STEP_TEST, .name = "while", .family = "while", .kernel = -1, .first_site = -1};
    tn_plan_step step;
    TN_VEC(tn_plan_step) steps = {0};
    static const uint32_t of[][2] = {{0, 1}, {1, 4}, {1, 2}, {2, 1}, {1, 3}};

    tn_plan_fixture(arena, p);
    step = p->steps.at[0];
    loop.length = 4;
    loop.chunk = 1;
    test.wait = true;
    tn_push(arena, &loop.sizes, tn_formula_fixture(arena, 1));
    tn_push(arena, &test.buffers, 4);
    tn_push(arena, &test.writes, false);
    for (uint32_t i = 0; i < 5; i++) {
        tn_plan_step s = step;

        memset(&s.buffers, 0, sizeof s.buffers);
        tn_push(arena, &s.buffers, of[i][0]);
        tn_push(arena, &s.buffers, of[i][1]);
        s.wait = i > 0;
        if (i == 1)
            tn_push(arena, &steps, loop);
        if (i == 2)
            tn_push(arena, &steps, test);
        tn_push(arena, &steps, s);
    }
    p->steps.at = steps.at;
    p->steps.count = steps.count;
    p->buffers.at[1].first = 0;
    p->buffers.at[1].last = 6;
    p->buffers.at[2].first = 4;
    p->buffers.at[2].last = 5;
    p->buffers.at[4].first = 2;
    p->buffers.at[4].last = 3;
}

static tn_status
loops(void *arena)
{
    tn_plan plan, again;
    tn_writer w = {.arena = arena}, second = {.arena = arena};
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    loop_fixture(arena, &plan);
    tn_plan_encode(&w, &plan);
    TN_TRY(tn_plan_decode(arena, NULL, tn_writer_span(&w), &again));
    TN_CHECK_EQ(again.steps.at[1].length, 4);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    TN_CHECK_EQ(offset[4], offset[2]); /* both of one round */
    /* The first step of a round follows the last of the round before. */
    plan.steps.at[2].wait = false;
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    plan.steps.at[2].wait = true;
    plan.steps.at[6].wait = false;
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    plan.steps.at[6].wait = true;
    /* What the loop began with is needed in its next round. */
    plan.steps.at[6].buffers.at[0] = 0;
    plan.steps.at[5].buffers.at[1] = 3;
    plan.steps.at[4].buffers.at[0] = 0;
    offset[2] = offset[1];
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    /* A test stands in a loop, and that ends within the plan. */
    plan.steps.at[1].length = 5;
    tn_plan_encode(&second, &plan);
    TN_TRY(tn_plan_decode(arena, NULL, tn_writer_span(&second), &again));
    plan.steps.at[1].length = 6;
    second.bytes = 0;
    tn_plan_encode(&second, &plan);
    TN_CHECK(tn_plan_decode(arena, NULL, tn_writer_span(&second), &again) == TN_INTEGRITY);
    plan.steps.at[1].length = 1;
    second.bytes = 0;
    tn_plan_encode(&second, &plan);
    TN_CHECK(tn_plan_decode(arena, NULL, tn_writer_span(&second), &again) == TN_INTEGRITY);
    return TN_OK;
}

TN_TEST(loops_are_read_and_checked)
{
    inside(loops);
}

static tn_status
counted(void *arena)
{
    tn_plan plan, again;
    tn_writer first = {.arena = arena}, second = {.arena = arena};

    loop_fixture(arena, &plan);
    plan.steps.at[3] = plan.steps.at[4];
    tn_plan_encode(&first, &plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&first), &again), TN_OK);
    loop_fixture(arena, &plan);
    plan.steps.at[4] = plan.steps.at[3];
    tn_plan_encode(&second, &plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&second), &again), TN_INTEGRITY);
    return TN_OK;
}

TN_TEST(a_loop_has_one_test_or_none)
{
    inside(counted);
}

/* The loop fixture with d as what a holds after the last step of a round. */
static void
cache_fixture(tn_arena *arena, tn_plan *p)
{
    tn_plan_buffer d;

    loop_fixture(arena, p);
    d = p->buffers.at[1];
    d.name = "d";
    d.same_as = 1;
    tn_push(arena, &p->buffers, d);
    p->steps.at[5].buffers.at[1] = 5;
    p->steps.at[6].buffers.at[0] = 5;
}

static tn_status
caches(void *arena)
{
    tn_plan plan;
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    cache_fixture(arena, &plan);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    plan.steps.at[1].chunk = 2; /* a round too many would store */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    plan.steps.at[1].chunk = 1;
    plan.steps.at[6].buffers.at[0] = 1; /* the old contents behind the loop */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    cache_fixture(arena, &plan);
    plan.steps.at[5].buffers.at[0] = 1; /* .. and by the step that stores */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    cache_fixture(arena, &plan);
    plan.steps.at[4].buffers.at[0] = 5; /* the new ones before */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    cache_fixture(arena, &plan);
    plan.buffers.at[1].use = plan.buffers.at[5].use = TN_USE_STATE;
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    return TN_OK;
}

TN_TEST(what_a_loop_carries_is_updated_in_place)
{
    inside(caches);
}

/* The fixture with x as a state and b as what it holds after the second step:
 * old -> a, a -> new (in place), new -> y. */
static void
state_fixture(tn_arena *arena, tn_plan *p)
{
    tn_plan_fixture(arena, p);
    p->buffers.at[0].use = TN_USE_STATE;
    p->buffers.at[2].use = TN_USE_STATE;
    p->buffers.at[2].same_as = 0;
}

/* Of a state, along one of its axes. */
static void
undo_is_read_back(tn_arena *arena, tn_plan *plan)
{
    tn_plan_undo undo = {.buffer = 0, .axis = 0, .input = 7};
    tn_writer first = {.arena = arena}, second = {.arena = arena}, third = {.arena = arena};
    tn_plan again;

    undo.at = tn_formula_fixture(arena, 2);
    undo.rows = tn_formula_fixture(arena, 1);
    tn_push(arena, &plan->undos, undo);
    tn_plan_encode(&first, plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&first), &again), TN_OK);
    TN_CHECK_EQ(again.undos.at[0].input, 7);
    plan->undos.at[0].axis = 1;
    tn_plan_encode(&second, plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&second), &again), TN_INTEGRITY);
    plan->undos.at[0] = (tn_plan_undo){.buffer = 1, .at = undo.at, .rows = undo.rows};
    tn_plan_encode(&third, plan);
    TN_CHECK_EQ(tn_plan_decode(arena, NULL, tn_writer_span(&third), &again), TN_INTEGRITY);
    plan->undos.count = 0;
}

static tn_status
states(void *arena)
{
    tn_plan plan;
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    state_fixture(arena, &plan);
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_CHECK(offset[0] == UINT64_MAX && offset[2] == UINT64_MAX);
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    TN_CHECK_EQ(tn_plan_commit(&plan), 3);
    undo_is_read_back(arena, &plan);
    plan.steps.at[2].buffers.at[0] = 0; /* the old contents behind the store */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    state_fixture(arena, &plan);
    plan.steps.at[1].buffers.at[0] = 0; /* .. and by the step that stores */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    state_fixture(arena, &plan);
    plan.steps.at[0].buffers.at[0] = 2; /* the new ones before */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    return TN_OK;
}

TN_TEST(no_step_reads_what_was_overwritten_in_place)
{
    inside(states);
}

static tn_status
state_in_loop(void *arena)
{
    tn_plan plan;
    int64_t n = 100;
    uint64_t bytes[BUFFERS], offset[BUFFERS], total;

    loop_fixture(arena, &plan);
    plan.buffers.at[0].use = TN_USE_STATE;
    TN_TRY(tn_plan_place(&plan, NULL, &n, bytes, offset, &total));
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    plan.buffers.at[3].use = TN_USE_STATE;
    plan.buffers.at[3].same_as = 0;
    TN_TRY(tn_plan_check(&plan, NULL, bytes, offset));
    plan.steps.at[5].buffers.at[1] = 3; /* the last step of a round */
    TN_CHECK(tn_plan_check(&plan, NULL, bytes, offset) == TN_BUG);
    return TN_OK;
}

TN_TEST(no_state_is_updated_in_place_in_a_loop)
{
    inside(state_in_loop);
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
    TN_CASE(no_step_writes_an_input), TN_CASE(memory_is_shared_by_what_is_not_alive_together),
    TN_CASE(the_checker_sees_overlap_and_missing_waits), TN_CASE(loops_are_read_and_checked),
    TN_CASE(a_loop_has_one_test_or_none), TN_CASE(what_a_loop_carries_is_updated_in_place),
    TN_CASE(no_step_reads_what_was_overwritten_in_place),
    TN_CASE(no_state_is_updated_in_place_in_a_loop), TN_CASE(sizes_beyond_64_bits_are_refused))
