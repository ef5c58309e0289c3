/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/npy.h"

#include <string.h>

#include "tests/support/test.h"

typedef struct trip {
    tn_arena *arena;
    tn_dtype dtype;
    int rank;
    int64_t dim[3];
    const void *data;
    tn_writer file;
} trip;

static tn_status
write_one(void *arg)
{
    trip *t = arg;

    t->file.arena = t->arena;
    tn_npy_write(&t->file, t->dtype, t->rank, t->dim, t->data);
    return TN_OK;
}

static tn_status
read_text(const char *head, size_t data_bytes, tn_npy *out)
{
    static uint8_t file[512];
    size_t length = strlen(head);

    memset(file, 0, sizeof file);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (uint8_t)length;
    memcpy(file + 10, head, length);
    return tn_npy_read(NULL, "x.npy", (tn_span){file, 10 + length + data_bytes}, out);
}

TN_TEST(what_is_written_is_read)
{
    const float data[6] = {1, -2, 3.5f, 0, 5, 6};
    trip t = {.arena = tn_arena_create(tn_alloc_system(), 0),
        .dtype = TN_F32,
        .rank = 2,
        .dim = {2, 3},
        .data = data};
    tn_npy npy;

    TN_CHECK(tn_arena_guard(t.arena, write_one, &t) == TN_OK);
    TN_CHECK(t.file.bytes == 128 + sizeof data);
    TN_CHECK(tn_npy_read(NULL, "x", tn_writer_span(&t.file), &npy) == TN_OK);
    TN_CHECK(npy.dtype == TN_F32 && npy.rank == 2 && npy.dim[0] == 2 && npy.dim[1] == 3);
    TN_CHECK(npy.elements == 6 && memcmp(npy.data.at, data, sizeof data) == 0);
    for (size_t n = 0; n < t.file.bytes; n++)
        TN_CHECK(tn_npy_read(NULL, "x", (tn_span){t.file.at, n}, &npy) == TN_MALFORMED);
    tn_arena_destroy(t.arena);
}

TN_TEST(column_major_order_is_turned)
{
    tn_npy npy;
    uint8_t to[6];

    TN_CHECK(read_text("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", 6, &npy) ==
        TN_OK);
    for (size_t i = 0; i < 6; i++)
        ((uint8_t *)(uintptr_t)npy.data.at)[i] = (uint8_t)i;
    tn_npy_copy(&npy, to);
    TN_CHECK(memcmp(to, "\0\2\4\1\3\5", 6) == 0);
}

TN_TEST(bad_files_are_refused)
{
    tn_npy npy;

    TN_CHECK(read_text("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4, &npy) ==
        TN_MALFORMED);
    TN_CHECK(read_text("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, &npy) ==
        TN_MALFORMED);
    TN_CHECK(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, &npy) ==
        TN_MALFORMED);
    TN_CHECK(read_text("{'descr': '<f4', 'shape': (99999999999, 99999999999), }", 4, &npy) ==
        TN_MALFORMED);
    TN_CHECK(read_text("{'descr': '<f4', 'shape': (1,1,1,1,1,1,1,1,1), }", 4, &npy) == TN_LIMIT);
    TN_CHECK(read_text("{'descr': '<f4', 'shape': (-1,), }", 4, &npy) == TN_MALFORMED);
    TN_CHECK(read_text("{'descr': '<f4', 'shape': (), }", 4, &npy) == TN_OK);
    TN_CHECK(npy.rank == 0 && npy.elements == 1);
}

TN_MAIN(TN_CASE(what_is_written_is_read), TN_CASE(column_major_order_is_turned),
    TN_CASE(bad_files_are_refused))
