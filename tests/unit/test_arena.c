/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/arena.h"

#include <string.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

typedef struct job {
    tn_arena *arena;
    int done;
} job;

static bool
is_zero(const void *at, size_t bytes)
{
    const char *c = at;

    for (size_t i = 0; i < bytes; i++) {
        if (c[i])
            return false;
    }
    return true;
}

/* Blocks of many sizes: zeroed, aligned, apart. */
static tn_status
fill(void *arg)
{
    job *j = arg;
    unsigned char *block[300];

    for (size_t i = 0; i < 300; i++) {
        size_t bytes = i * i % 7001;

        block[i] = tn_arena_get(j->arena, bytes);
        TN_CHECK((uintptr_t)block[i] % 16 == 0);
        TN_CHECK(is_zero(block[i], bytes));
        memset(block[i], (int)(i & 0xff), bytes);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * i % 7001; k++) {
            if (!TN_CHECK_EQ(block[i][k], i & 0xff))
                return TN_FAILED;
        }
    }
    j->done++;
    return TN_OK;
}

static tn_status
grow(void *arg)
{
    job *j = arg;
    int *v = NULL;
    char *between;
    size_t count = 0;

    for (size_t next = 1; next < 5000; next = next * 3 / 2 + 1) {
        v = tn_arena_grow(j->arena, v, count, next, sizeof *v);
        TN_CHECK(is_zero(v + count, (next - count) * sizeof *v));
        for (size_t i = count; i < next; i++)
            v[i] = (int)i;
        count = next;
        /* Sometimes the array is not the newest block and must move. */
        if (next % 2) {
            between = tn_arena_get(j->arena, 24);
            memset(between, 0xff, 24);
        }
    }
    for (size_t i = 0; i < count; i++)
        TN_CHECK_EQ(v[i], i);
    j->done++;
    return TN_OK;
}

static tn_status
print(void *arg)
{
    job *j = arg;
    char *s = tn_arena_printf(j->arena, "%s-%d", "abc", 17);
    char *long_text = tn_arena_printf(j->arena, "%5000d", 1);
    char *copy = tn_arena_copy(j->arena, "hello world", 5);

    TN_CHECK_STR(s, "abc-17");
    TN_CHECK_EQ(strlen(long_text), 5000);
    TN_CHECK_STR(copy, "hello");
    j->done++;
    return TN_OK;
}

static tn_status
overflow(void *arg)
{
    job *j = arg;

    tn_arena_array(j->arena, SIZE_MAX / 2, 3);
    j->done++;
    return TN_OK;
}

static tn_status
take_everything(void *arg)
{
    job *j = arg;

    tn_arena_get(j->arena, SIZE_MAX - 3);
    j->done++;
    return TN_OK;
}

static tn_status
fail_inside(void *arg)
{
    (void)arg;
    return TN_MALFORMED;
}

static tn_status
everything(void *arg)
{
    TN_TRY(fill(arg));
    TN_TRY(grow(arg));
    return print(arg);
}

static tn_status
run(const tn_alloc *alloc, size_t limit, tn_status (*body)(void *), int *done)
{
    job j = {.arena = tn_arena_create(alloc, limit)};
    tn_status status = TN_NO_MEMORY;

    if (j.arena)
        status = tn_arena_guard(j.arena, body, &j);
    *done = j.done;
    tn_arena_destroy(j.arena);
    return status;
}

TN_TEST(blocks_are_zeroed_aligned_and_apart)
{
    int done;

    TN_CHECK_EQ(run(tn_alloc_system(), 0, fill, &done), TN_OK);
    TN_CHECK_EQ(done, 1);
}

TN_TEST(arrays_keep_their_contents_when_they_grow)
{
    int done;

    TN_CHECK_EQ(run(tn_alloc_system(), 0, grow, &done), TN_OK);
    TN_CHECK_EQ(done, 1);
}

TN_TEST(strings_are_printed)
{
    int done;

    TN_CHECK_EQ(run(tn_alloc_system(), 0, print, &done), TN_OK);
    TN_CHECK_EQ(done, 1);
}

TN_TEST(impossible_sizes_end_in_the_guard)
{
    int done;

    TN_CHECK_EQ(run(tn_alloc_system(), 0, overflow, &done), TN_NO_MEMORY);
    TN_CHECK_EQ(done, 0);
    TN_CHECK_EQ(run(tn_alloc_system(), 0, take_everything, &done), TN_NO_MEMORY);
    TN_CHECK_EQ(done, 0);
}

TN_TEST(the_status_of_the_body_is_passed_on)
{
    int done;

    TN_CHECK_EQ(run(tn_alloc_system(), 0, fail_inside, &done), TN_MALFORMED);
}

/* With every smaller limit: no crash, no leak, the same honest answer. */
TN_TEST(survives_running_out_anywhere)
{
    tn_fake_alloc mem;
    size_t limit = 64;
    int done;

    tn_fake_alloc_init(&mem, 0);
    while (run(&mem.table, limit, everything, &done) == TN_NO_MEMORY) {
        TN_CHECK_EQ(mem.live, 0);
        TN_NEED(limit < 8 << 20);
        limit += 4096 + limit / 16;
    }
    TN_CHECK_EQ(run(&mem.table, limit, everything, &done), TN_OK);
    TN_CHECK_EQ(done, 3);
    TN_CHECK_EQ(mem.live, 0);
    TN_CHECK(!mem.wrong_size);
    TN_CHECK(mem.peak_bytes <= limit + 4096);
}

TN_TEST(survives_every_failing_allocation)
{
    tn_fake_alloc mem;

    for (size_t n = 1;; n++) {
        int done;
        tn_status status;

        tn_fake_alloc_init(&mem, n);
        status = run(&mem.table, 0, everything, &done);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        if (!mem.failed)
            break;
    }
    TN_CHECK(mem.requests > 5);
}

static tn_status
ask_for_much(void *arg)
{
    tn_arena_get(((job *)arg)->arena, 12345);
    return TN_OK;
}

TN_TEST(tells_what_was_asked_for)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), 1000)};

    TN_NEED(j.arena);
    TN_CHECK_EQ(tn_arena_guard(j.arena, ask_for_much, &j), TN_NO_MEMORY);
    TN_CHECK(tn_arena_failed_bytes(j.arena) >= 12345);
    TN_CHECK_EQ(tn_arena_guard(j.arena, fail_inside, &j), TN_MALFORMED);
    TN_CHECK_EQ(tn_arena_failed_bytes(j.arena), 0);
    tn_arena_destroy(j.arena);
}

TN_MAIN(TN_CASE(blocks_are_zeroed_aligned_and_apart),
    TN_CASE(arrays_keep_their_contents_when_they_grow), TN_CASE(strings_are_printed),
    TN_CASE(impossible_sizes_end_in_the_guard), TN_CASE(the_status_of_the_body_is_passed_on),
    TN_CASE(survives_running_out_anywhere), TN_CASE(survives_every_failing_allocation),
    TN_CASE(tells_what_was_asked_for))
