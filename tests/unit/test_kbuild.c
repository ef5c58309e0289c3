/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kbuild.h"

#include <string.h>

#include "ir/base/arena.h"
#include "tests/support/test.h"

/* Builds a kernel inside the guard and prints it. */
typedef struct job {
    tn_arena *arena;
    void (*build)(tn_kb *b);
    tn_dtype index;
    bool exact;
    tn_kernel *kernel;
    const char *text;
} job;

static tn_status
build_and_print(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "k", j->index, j->exact);
    j->build(b);
    j->kernel = tn_kb_finish(b);
    tn_text text = {.arena = j->arena};
    tn_kernel_print(&text, j->kernel);
    j->text = text.at;
    return TN_OK;
}

/* Compares the text of the kernel that `build` makes. */
static void
expect(job *j, void (*build)(tn_kb *b), const char *wanted)
{
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    j->build = build;
    if (j->index != TN_I32)
        j->index = TN_I64;
    TN_CHECK_EQ(tn_arena_guard(j->arena, build_and_print, j), TN_OK);
    if (wanted)
        TN_CHECK_STR(j->text, wanted);
}

static void
end(job *j)
{
    tn_arena_destroy(j->arena);
}

/* ---- addresses ---- */

static void
build_rows(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *m = tn_kb_size(b, "M", 1, 4096), *n = tn_kb_size(b, "N", 1, 4096);
    tn_ins *zero = tn_kb_int(b, 0), *four = tn_kb_int(b, 4);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, m, 1, "m") {
        TN_KFOR(b, j, TN_LOOP_SERIAL, zero, n, 1, "n") {
            TN_KFOR(b, r, TN_LOOP_UNROLL, zero, four, 1, "r") {
                /* (i + r + 1) * N + j + 3 */
                tn_ins *row = tn_kb_add(b, i, r);
                row = tn_kb_add(b, row, tn_kb_int(b, 1));
                tn_ins *at = tn_kb_mul(b, row, n);
                at = tn_kb_add(b, at, j);
                at = tn_kb_add(b, at, tn_kb_int(b, 3));
                tn_ins *v = tn_kb_load(b, x, at, 1, NULL, NULL);
                tn_kb_store(b, y, at, v, NULL);
            }
        }
    }
}

TN_TEST(addresses_are_sums_by_depth)
{
    job j = {0};
    expect(&j, build_rows,
        "kernel k i64 {\n"
        "    size M 1 .. 4096\n"
        "    size N 1 .. 4096\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid m %0: 0 .. M {\n"
        "        %1: i64 = mul %0, N\n"
        "        %2: i64 = add N, %1\n"
        "        serial n %3: 0 .. N {\n"
        "            %4: i64 = add %2, %3\n"
        "            unroll r %5: 0 .. 4 {\n"
        "                %6: i64 = mul %5, N\n"
        "                %7: i64 = add %4, %6\n"
        "                %8: i64 = add %7, 3\n"
        "                %9: f32 = load x[%8]\n"
        "                store y[%8], %9\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "}\n");
    end(&j);
}

TN_MAIN(TN_CASE(addresses_are_sums_by_depth))
