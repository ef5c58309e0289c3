/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/vec.h"

#include "tests/support/test.h"

static tn_status
push_many(void *arg)
{
    tn_arena *arena = arg;
    TN_VEC(int64_t) a = {0};
    TN_VEC(char) b = {0};

    for (int i = 0; i < 1000; i++) {
        tn_push(arena, &a, i * 3);
        tn_push(arena, &b, (char)('a' + i % 26));
    }
    TN_CHECK_EQ(a.count, 1000);
    TN_CHECK_EQ(b.count, 1000);
    for (int i = 0; i < 1000; i++) {
        TN_CHECK_EQ(a.at[i], i * 3);
        TN_CHECK_EQ(b.at[i], 'a' + i % 26);
    }
    return TN_OK;
}

static tn_status
run(size_t limit)
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), limit);
    tn_status status = arena ? tn_arena_guard(arena, push_many, arena) : TN_NO_MEMORY;

    tn_arena_destroy(arena);
    return status;
}

TN_TEST(keeps_what_was_pushed)
{
    TN_CHECK_EQ(run(0), TN_OK);
}

TN_TEST(survives_running_out_anywhere)
{
    size_t limit = 64;

    while (run(limit) == TN_NO_MEMORY)
        limit += 512;
    TN_CHECK(limit > 8000);
    TN_CHECK_EQ(run(limit), TN_OK);
}

TN_MAIN(TN_CASE(keeps_what_was_pushed), TN_CASE(survives_running_out_anywhere))
