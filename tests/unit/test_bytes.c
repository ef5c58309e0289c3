/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/bytes.h"

#include <math.h>
#include <string.h>

#include "tests/support/test.h"

static void
write_all(tn_writer *w)
{
    tn_write_u8(w, 0x12);
    tn_write_u16(w, 0x3456);
    tn_write_u32(w, 0x789abcde);
    tn_write_u64(w, 0x0123456789abcdef);
    tn_write_i64(w, -2);
    tn_write_f64(w, -0.0);
    tn_write_str(w, "tenon");
    tn_write_align(w, 16);
    tn_write(w, "xyz", 3);
}

static void
read_all(tn_reader *r, tn_arena *arena)
{
    TN_CHECK_EQ(tn_read_u8(r), 0x12);
    TN_CHECK_EQ(tn_read_u16(r), 0x3456);
    TN_CHECK_EQ(tn_read_u32(r), 0x789abcde);
    TN_CHECK_EQ(tn_read_u64(r), 0x0123456789abcdef);
    TN_CHECK_EQ(tn_read_i64(r), -2);
    TN_CHECK_SAME(tn_read_f64(r), -0.0);
    TN_CHECK_STR(tn_read_str(r, arena, 5), "tenon");
    tn_read_align(r, 16);
    TN_CHECK(memcmp(tn_read_span(r, 3).at, "xyz", 3) == 0);
    TN_CHECK(!r->failed);
    TN_CHECK_EQ(r->next, r->from.bytes);
}

static tn_status
round_trip(void *arg)
{
    tn_writer w = {.arena = arg};
    tn_reader r = {0};

    write_all(&w);
    r.from = tn_writer_span(&w);
    read_all(&r, arg);
    TN_CHECK_EQ(tn_read_u32(&r), 0);
    TN_CHECK(r.failed);
    return TN_OK;
}

static tn_status
layout(void *arg)
{
    static const uint8_t wanted[] = {0x12, 0x56, 0x34, 0xde, 0xbc, 0x9a, 0x78};
    tn_writer w = {.arena = arg};

    write_all(&w);
    TN_CHECK(memcmp(w.at, wanted, sizeof wanted) == 0);
    TN_CHECK_EQ(w.bytes, 48 + 3);
    TN_CHECK_EQ(w.at[47], 0);
    return TN_OK;
}

/* Cut anywhere, the reader fails, stays failed and never leaves the bytes. */
static tn_status
cut(void *arg)
{
    tn_writer w = {.arena = arg};

    write_all(&w);
    for (size_t bytes = 0; bytes < w.bytes; bytes++) {
        tn_reader r = {.from = {tn_arena_get(arg, bytes), bytes}};
        tn_span rest;

        memcpy((void *)(uintptr_t)r.from.at, w.at, bytes);
        tn_read_u8(&r);
        tn_read_u16(&r);
        tn_read_u32(&r);
        tn_read_u64(&r);
        tn_read_i64(&r);
        tn_read_f64(&r);
        tn_read_str(&r, arg, 100);
        tn_read_align(&r, 16);
        rest = tn_read_span(&r, 3);
        TN_CHECK(r.failed);
        TN_CHECK(rest.at == NULL && rest.bytes == 0);
        TN_CHECK_EQ(tn_read_u8(&r), 0);
        TN_CHECK(r.next <= bytes);
    }
    return TN_OK;
}

static const char *
read_str(void *arena, const void *bytes, size_t count, size_t limit, bool *failed)
{
    tn_reader r = {.from = {bytes, count}};
    const char *text = tn_read_str(&r, arena, limit);

    *failed = r.failed;
    return text;
}

static tn_status
strings(void *arg)
{
    bool failed;

    TN_CHECK_STR(read_str(arg, "\3\0\0\0abc", 7, 3, &failed), "abc");
    TN_CHECK(!failed);
    TN_CHECK_STR(read_str(arg, "\0\0\0\0", 4, 3, &failed), "");
    TN_CHECK(!failed);
    TN_CHECK_STR(read_str(arg, "\3\0\0\0abc", 7, 2, &failed), "");
    TN_CHECK(failed);
    TN_CHECK_STR(read_str(arg, "\3\0\0\0a\0c", 7, 3, &failed), "");
    TN_CHECK(failed);
    TN_CHECK_STR(read_str(arg, "\377\377\377\377abc", 7, SIZE_MAX, &failed), "");
    TN_CHECK(failed);
    return TN_OK;
}

static tn_status
huge_span(void *arg)
{
    tn_reader r = {.from = {(const uint8_t *)"abcd", 4}, .next = 2};

    (void)arg;
    TN_CHECK(tn_read_span(&r, SIZE_MAX).at == NULL);
    TN_CHECK(r.failed);
    TN_CHECK_EQ(r.next, 2);
    return TN_OK;
}

static tn_status
run(size_t limit, tn_status (*body)(void *))
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), limit);
    tn_status status = arena ? tn_arena_guard(arena, body, arena) : TN_NO_MEMORY;

    tn_arena_destroy(arena);
    return status;
}

TN_TEST(reads_what_was_written)
{
    TN_CHECK_EQ(run(0, round_trip), TN_OK);
}

TN_TEST(is_little_endian)
{
    TN_CHECK_EQ(run(0, layout), TN_OK);
}

TN_TEST(fails_when_cut_anywhere)
{
    TN_CHECK_EQ(run(0, cut), TN_OK);
}

TN_TEST(refuses_bad_strings)
{
    TN_CHECK_EQ(run(0, strings), TN_OK);
}

TN_TEST(refuses_impossible_lengths)
{
    TN_CHECK_EQ(run(0, huge_span), TN_OK);
}

TN_TEST(survives_running_out_anywhere)
{
    size_t limit = 64;

    while (run(limit, round_trip) == TN_NO_MEMORY)
        limit += 16;
    TN_CHECK(limit > 64);
    TN_CHECK_EQ(run(limit, round_trip), TN_OK);
}

TN_MAIN(TN_CASE(reads_what_was_written), TN_CASE(is_little_endian),
    TN_CASE(fails_when_cut_anywhere), TN_CASE(refuses_bad_strings),
    TN_CASE(refuses_impossible_lengths), TN_CASE(survives_running_out_anywhere))
