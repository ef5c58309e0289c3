/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/schedule.h"

#include <math.h>
#include <string.h>

#include "tests/support/run_tile.h"
#include "tests/support/test.h"

/* Schedules against the tile interpreter: every golden program, on machines
 * that exist and machines that do not, so that nothing leans on a real one. */
static const char *const targets[] = {
    "arch=1 level=4 vector_bytes=64 registers=32 masked=1",
    "arch=1 level=3 vector_bytes=32 registers=16",
    "arch=2 vector_bytes=16 registers=32",
    "arch=0 vector_bytes=16 registers=16 masked=1",
    "gpu=1 group_lanes=64 group_bytes=16384",
    "gpu=1 group_lanes=5 group_bytes=2048",
    "gpu=1 group_lanes=4 group_bytes=256",
};

enum { TARGETS = sizeof targets / sizeof *targets };

static void
check_with(tn_run_tile p, const char *choice)
{
    if (tn_run_tile_start(&p))
        for (int i = 0; i < TARGETS; i++)
            tn_run_tile_on(&p, targets[i], choice);
    tn_run_tile_end(&p);
}

static void
check(tn_run_tile p)
{
    check_with(p, "");
}

TN_TEST(elementwise)
{
    static const int64_t c[] = {21, 1, 0, 16, 64};

    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        check((tn_run_tile){
            .text = "kernel k(x: f32[A,B,C], s: f32[B], w: f32[A,C] -> y: f32[A,B,C])\n"
                    "sizes A, B, C grid a: A, b: B, c: C {\n"
                    "  store y[a,b,c], add(mul(load x[a,b,c], load s[b]), load w[a,c]) }",
            .sizes = {{"A", 3}, {"B", 4}, {"C", c[i]}}});
    }
}

TN_TEST(transposed)
{
    check((tn_run_tile){.text = "kernel k(x: f32[A,B] -> y: f32[B,A])\n"
                                "sizes A, B grid b: B, a: A { store y[b,a], load x[a,b] }",
        .sizes = {{"A", 19}, {"B", 37}}});
}

TN_TEST(reductions)
{
    check((tn_run_tile){.file = "middle.tile", .sizes = {{"A", 3}, {"B", 5}, {"C", 18}}});
    check((tn_run_tile){
        .file = "middle.tile", .sizes = {{"A", 2}, {"B", 0}, {"C", 3}}, .tolerance = 1});
    check((tn_run_tile){.file = "rms.tile", .sizes = {{"R", 5}, {"C", 23}}});
    check((tn_run_tile){.file = "rms.tile", .sizes = {{"R", 70}, {"C", 1}}});
}

/* ---- contractions ---- */

static const char product[] =
    "kernel k(x: f32[M,K], w: f32[N,K] p16, b: f32[N] -> y: f32[M,N])\n"
    "sizes M, N, K axis k: K grid m: M, n: N {\n"
    "  store y[m,n], max(add(mma[k](0, load x[m,k], load w[n,k]), load b[n]), 0) }";

TN_TEST(contraction)
{
    static const int64_t sizes[][3] = {
        {7, 19, 11}, {1, 1, 1}, {13, 40, 64}, {3, 32, 0}, {0, 5, 3}, {30, 3, 600}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tn_run_tile p = {
            .text = product, .sizes = {{"M", sizes[i][0]}, {"N", sizes[i][1]}, {"K", sizes[i][2]}}};

        check(p);
        check_with(p, "kc=16 uk=2 mr=5 rows=9 cols=16");
        check_with(p, "apack=1 nv=1 kc=32 tile=0");
        check_with(p, "bm=8 bn=8 bk=4 tm=2 tn=4 stages=1");
    }
}

TN_TEST(contraction_of_known_sizes)
{
    check((tn_run_tile){.text = "kernel k(x: f32[20,33], w: f32[40,33] p16 -> y: f32[20,40])\n"
                                "axis k: 33 grid m: 20, n: 40 {\n"
                                "  store y[m,n], mma[k](0, load x[m,k], load w[n,k]) }"});
}

TN_TEST(contraction_of_rows)
{
    tn_run_tile p = {
        .text = "kernel k(x: f32[M,K], w: f32[N,K], v: f32[K,N] -> y: f32[M,N], z: f32[M,N])\n"
                "sizes M, N, K axis k: K grid m: M, n: N {\n"
                "  store y[m,n], mma[k](1, load x[m,k], load w[n,k])\n"
                "  store z[m,n], mma[k](load x[m,0], load x[m,k], load v[k,n]) }",
        .sizes = {{"M", 9}, {"N", 21}, {"K", 10}}};

    check(p);
    check_with(p, "bpack=0");
    check_with(p, "bpack=1 kc=16 nv=2");
    p.sizes[0].value = 1;
    check(p);
}

TN_TEST(contraction_by_batches)
{
    check((tn_run_tile){.text = "kernel k(x: f32[B,M,K], w: f32[B,K,N] -> y: f32[B,M,N])\n"
                                "sizes B, M, N, K axis k: K grid b: B, m: M, n: N {\n"
                                "  store y[b,m,n], mma[k](0, load x[b,m,k], load w[b,k,n]) }",
        .sizes = {{"B", 3}, {"M", 5}, {"N", 18}, {"K", 7}}});
}

TN_TEST(convolution)
{
    tn_run_tile p = {.file = "conv.tile",
        .sizes = {{"B", 2}, {"HI", 6}, {"WI", 5}, {"C", 4}, {"O", 19}, {"U", 3}, {"V", 3}, {"P", 6},
            {"Q", 5}}};

    check(p);
    check_with(p, "apack=0");
}

/* ---- loops ---- */

static void
fill_lengths(tn_run_tile *p)
{
    int64_t most = tn_run_size_of(p, "T");

    for (int64_t b = 0; b < tn_run_size_of(p, "B"); b++)
        tn_run_input(p, "len")[b].whole = 1 + (b * 2) % most;
}

TN_TEST(viterbi)
{
    check((tn_run_tile){
        .file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 5}, {"T", 6}, {"K", 7}}});
    check((tn_run_tile){
        .file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 19}, {"T", 3}, {"K", 17}}});
    check((tn_run_tile){
        .file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 1}, {"T", 1}, {"K", 1}}});
}

static void
fill_ids(tn_run_tile *p)
{
    for (int64_t a = 0; a < tn_run_size_of(p, "A"); a++)
        tn_run_input(p, "ids")[a].whole = (a * a + 3) % tn_run_size_of(p, "E");
}

TN_TEST(count_sort)
{
    tn_run_tile p = {.file = "count_sort.tile", .fill = fill_ids, .sizes = {{"A", 14}, {"E", 5}}};

    check(p);
    p.sizes[0].value = 50;
    p.sizes[1].value = 19;
    check_with(p, "bj=16");
}

static void
fill_inverse(tn_run_tile *p)
{
    int64_t n = 2 * tn_run_size_of(p, "T");

    for (int64_t a = 0; a < n; a++)
        tn_run_input(p, "inv")[a].whole = (a * 3 + 1) % n;
}

TN_TEST(combine)
{
    check((tn_run_tile){
        .file = "combine.tile", .fill = fill_inverse, .sizes = {{"T", 5}, {"K", 9}}});
}

TN_MAIN(TN_CASE(elementwise), TN_CASE(transposed), TN_CASE(reductions), TN_CASE(contraction),
    TN_CASE(contraction_of_known_sizes), TN_CASE(contraction_of_rows),
    TN_CASE(contraction_by_batches), TN_CASE(convolution), TN_CASE(viterbi), TN_CASE(count_sort),
    TN_CASE(combine))
