/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/support/run_tile.h"
#include "tests/support/test.h"

/* How contractions are cut and walked on CPUs: what is copied, which panels
 * come first, where sums go; and that the results stay what they are. */
static const char target[] = "arch=1 level=4 vector_bytes=64 registers=32 masked=1";

static void
check_with(tn_run_tile p, const char *choice)
{
    tn_run_tile_everywhere(p, choice);
}

typedef struct look {
    const char *text, *choice;
    tn_arena *arena;
    tn_diag diag;
    tn_text kernel, taken;
} look;

static tn_status
schedule(void *arg)
{
    look *l = arg;
    tn_target machine;
    tn_choice choice;
    tn_launches all;
    tn_tile *tile;

    TN_TRY(tn_tile_parse(l->arena, &l->diag, "text", l->text, &tile));
    TN_TRY(tn_tile_verify(tile, &l->diag));
    TN_TRY(tn_target_parse(&l->diag, target, strlen(target), &machine));
    TN_TRY(tn_choice_parse(&l->diag, l->choice, strlen(l->choice), &choice));
    TN_TRY(tn_schedule(l->arena, &l->diag, tile, &machine, &choice, &all));
    tn_kernel_print(&l->kernel, all.list.at[0].kernel);
    tn_choice_print(&l->taken, &all.choice);
    return TN_OK;
}

/* Text of the first kernel and of the choice that was taken; the caller
 * destroys the arena. */
static look
look_at(const char *text, const char *choice)
{
    look l = {.text = text, .choice = choice};

    l.arena = tn_arena_create(tn_alloc_system(), 0);
    l.kernel.arena = l.taken.arena = l.arena;
    tn_diag_init(&l.diag, tn_alloc_system());
    if (!TN_CHECK_EQ(tn_arena_guard(l.arena, schedule, &l), TN_OK))
        tn_test_note("%s", tn_diag_count(&l.diag) ? tn_diag_text(&l.diag, 0) : text);
    tn_diag_clear(&l.diag);
    tn_text_add(&l.kernel, "%s", "");
    return l;
}

/* `first` stands before `second` in the kernel's text. */
static void
stands_before(const char *text, const char *choice, const char *first, const char *second)
{
    look l = look_at(text, choice);
    const char *at = strstr(l.kernel.at, first);

    if (!TN_CHECK(at && strstr(at, second)))
        tn_test_note("\"%s\" and then \"%s\" in\n%s", first, second, l.kernel.at);
    tn_arena_destroy(l.arena);
}

static void
has(const char *text, const char *choice, const char *part, bool wanted)
{
    look l = look_at(text, choice);

    if (!TN_CHECK_EQ(strstr(l.kernel.at, part) != NULL, wanted))
        tn_test_note("\"%s\" in\n%s", part, l.kernel.at);
    tn_arena_destroy(l.arena);
}

static void
takes(const char *text, const char *choice)
{
    look l = look_at(text, "");

    TN_CHECK_STR(l.taken.at, choice);
    tn_arena_destroy(l.arena);
}

/* ---- order ---- */

static const char scores[] = "kernel k(x: f32[2,37,24], w: f32[2,75,24] -> y: f32[2,37,75])\n"
                             "axis k: 24 grid b: 2 by 1, m: 37, n: 75 {\n"
                             "  s = mul(mma[k](0, load x[b,m,k], load w[b,n,k]), 0.125)\n"
                             "  store y[b,m,n], select(le(index(n), index(m)), s, -3) }";

/* The lane side is copied for all panels, then rows come first. */
TN_TEST(rows_come_first)
{
    stands_before(scores, "", "local lanes", "serial panel");
    stands_before(scores, "", "serial panel", "serial n");
    check_with((tn_run_tile){.text = scores}, "");
    check_with((tn_run_tile){.text = scores}, "rows=14 cols=48");
    check_with((tn_run_tile){.text = scores}, "kc=16 mr=5 nv=1 rows=20");
    check_with((tn_run_tile){.text = scores}, "kc=16 apack=1 cols=32");
}

/* Nothing to sum: every block is one of none. */
TN_TEST(no_steps)
{
    check_with((tn_run_tile){.text = "kernel k(x: f32[9,0], w: f32[40,0] -> y: f32[9,40])\n"
                                     "axis k: 0 grid m: 9, n: 40 {\n"
                                     "  store y[m,n], mma[k](2, load x[m,k], load w[n,k]) }"},
        "");
}

/* A lane side that is larger than the cache is read once for each panel. */
TN_TEST(long_sides_come_last)
{
    static const char wide[] = "kernel k(x: f32[48,3,600], w: f32[200,3,600] -> y: f32[48,200])\n"
                               "axis j: 3, k: 600 grid m: 48, n: 200 {\n"
                               "  store y[m,n], mma[j,k](0, load x[m,j,k], load w[n,j,k]) }";

    stands_before(wide, "", "serial n", "serial panel");
    check_with((tn_run_tile){.text = wide, .tolerance = 1e-3}, "");
}

/* ---- copies of rows ---- */

#define PRODUCT(m, n, k)                                                              \
    "kernel k(x: f32[" #m "," #k "], w: f32[" #k "," #n "] -> y: f32[" #m "," #n "])" \
    " axis k: " #k " grid m: " #m ", n: " #n " {"                                     \
    " store y[m,n], mma[k](0, load x[m,k], load w[k,n]) }"

/* Rows that one task reads alone are read where they lie. */
TN_TEST(rows_read_by_one_task)
{
    has(PRODUCT(40, 64, 2048), "", "local rows", false);
    has(PRODUCT(40, 128, 2048), "", "local rows", false);
    has(PRODUCT(40, 256, 2048), "", "local rows", true);
    has(PRODUCT(40, 256, 1024), "", "local rows", false);
}

/* Few lanes leave room for longer blocks. */
TN_TEST(blocks_of_the_reduced_axis)
{
    has(PRODUCT(40, 64, 2048), "", ": 0 .. 1024 step 2", true);
    has(PRODUCT(40, 128, 2048), "", ": 0 .. 512 step 2", true);
    has(PRODUCT(40, 64, 1000), "", "local part", false);
    has(PRODUCT(40, 64, 1000), "kc=512", "local part", true);
    has(PRODUCT(40, 128, 2048), "kc=0", "local part", false);
    check_with((tn_run_tile){.text = PRODUCT(13, 40, 1100), .tolerance = 1e-3}, "");
}

/* ---- where sums go ---- */

/* Short sums go to memory from registers, long ones and those that much is
 * done to by way of a tile. */
TN_TEST(short_sums_go_straight)
{
    static const char curve[] = "kernel k(x: f32[37,24], w: f32[75,24] -> y: f32[37,75])\n"
                                "axis k: 24 grid m: 37, n: 75 {\n"
                                "  store y[m,n], exp(mma[k](0, load x[m,k], load w[n,k])) }";

    has(scores, "", "local tile", false);
    has(PRODUCT(40, 64, 256), "", "local tile", false);
    has(PRODUCT(40, 64, 257), "", "local tile", true);
    has(curve, "", "local tile", true);
}

static const char beside[] =
    "kernel k(x: f32[M,24], w: f32[N,24], r: f32[M,N] alias 1 -> y: f32[M,N] alias 1)\n"
    "sizes M, N axis k: 24 grid m: M, n: N {\n"
    "  s = mma[k](0, load x[m,k], load w[n,k])\n"
    "  store y[m,n], add(s, load r[m,n]) }";
static const char alone[] = "kernel k(x: f32[M,24], w: f32[N,24] -> y: f32[M,N])\n"
                            "sizes M, N axis k: 24 grid m: M, n: N {\n"
                            "  store y[m,n], mul(mma[k](0, load x[m,k], load w[n,k]), 3) }";

/* Of an unknown number of rows the last is stored again: not where something
 * is added that may lie in the place of the result. */
TN_TEST(rows_that_are_stored_again)
{
    static const int64_t rows[] = {1, 3, 7, 25, 200};

    has(beside, "", "local tile", true);
    has(alone, "", "local tile", false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_with((tn_run_tile){.text = beside, .sizes = {{"M", rows[i]}, {"N", 41}}}, "");
        check_with((tn_run_tile){.text = alone, .sizes = {{"M", rows[i]}, {"N", 41}}}, "");
    }
}

/* ---- sizes of tasks ---- */

/* Short sums over much make large tasks, as long as there are many. */
TN_TEST(tasks_of_short_sums)
{
    takes("kernel k(x: f32[8,2048,64], w: f32[8,2048,64] -> y: f32[8,2048,2048])\n"
          "axis k: 64 grid b: 8 by 1, m: 2048, n: 2048 {\n"
          "  store y[b,m,n], mma[k](0, load x[b,m,k], load w[b,n,k]) }",
        "rows=512 cols=512");
    takes("kernel k(x: f32[4096,256], w: f32[4096,256] -> y: f32[4096,4096])\n"
          "axis k: 256 grid m: 4096, n: 4096 {\n"
          "  store y[m,n], mma[k](0, load x[m,k], load w[n,k]) }",
        "rows=256 cols=256");
    takes("kernel k(x: f32[12,512,64], w: f32[12,512,64] -> y: f32[12,512,512])\n"
          "axis k: 64 grid b: 12 by 1, m: 512, n: 512 {\n"
          "  store y[b,m,n], mma[k](0, load x[b,m,k], load w[b,n,k]) }",
        "rows=170 cols=128");
    takes("kernel k(x: f32[8,2048,600], w: f32[8,2048,600] -> y: f32[8,2048,2048])\n"
          "axis k: 600 grid b: 8 by 1, m: 2048, n: 2048 {\n"
          "  store y[b,m,n], mma[k](0, load x[b,m,k], load w[b,n,k]) }",
        "rows=170 cols=128");
}

TN_MAIN(TN_CASE(rows_come_first), TN_CASE(no_steps), TN_CASE(long_sides_come_last),
    TN_CASE(rows_read_by_one_task), TN_CASE(blocks_of_the_reduced_axis),
    TN_CASE(short_sums_go_straight), TN_CASE(rows_that_are_stored_again),
    TN_CASE(tasks_of_short_sums))
