/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/run_tile.h"
#include "tests/support/test.h"

/* Schedules of contractions against the tile interpreter. */
static void
check(tn_run_tile p)
{
    tn_run_tile_everywhere(p, "");
}

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
        tn_run_tile_everywhere(p, "kc=16 uk=2 mr=5 rows=9 cols=16");
        tn_run_tile_everywhere(p, "apack=1 nv=1 kc=32 tile=0");
        tn_run_tile_everywhere(p, "bm=8 bn=8 bk=4 tm=2 tn=4 stages=1");
    }
}

TN_TEST(contraction_with_a_curve)
{
    check((tn_run_tile){.file = "gemm.tile", .sizes = {{"M", 13}, {"N", 40}, {"K", 21}}});
}

TN_TEST(contraction_of_known_sizes)
{
    check((tn_run_tile){.text = "kernel k(x: f32[20,33], w: f32[40,33] p16 -> y: f32[20,40])\n"
                                "axis k: 33 grid m: 20, n: 40 {\n"
                                "  store y[m,n], mma[k](0, load x[m,k], load w[n,k]) }"});
}

/* The last vector of a row is half as wide where the rest fits in it. */
TN_TEST(contraction_of_half_a_vector)
{
    static const char *const choices[] = {
        "", "kc=16 uk=2 mr=5 rows=9", "apack=1 tile=0", "bpack=1", "bpack=0 nv=2", "nv=1"};
    static const char added[] =
        "kernel k(x: f32[20,33], w: f32[24,33] p16, b: f32[20,24] -> y: f32[20,24])\n"
        "axis k: 33 grid m: 20, n: 24 {\n"
        "  store y[m,n], mma[k](load b[m,n], load x[m,k], load w[n,k]) }";
    static const char scaled[] =
        "kernel k(x: f32[9,40], w: f32[21,40], b: f32[9] -> y: f32[9,21])\n"
        "axis k: 40 grid m: 9, n: 21 {\n"
        "  store y[m,n], mul(load b[m], mma[k](0, load x[m,k], load w[n,k])) }";
    static const char greatest[] = "kernel k(x: f32[7,30], w: f32[30,72] -> y: f32[7,72])\n"
                                   "axis k: 30 grid m: 7, n: 72 {\n"
                                   "  store y[m,n], max[k](add(load x[m,k], load w[k,n])) }";
    static const char single[] =
        "kernel k(x: f32[5,6], w: f32[6,7] -> y: f32[5,7])\n"
        "axis k: 6 grid m: 5, n: 7 { store y[m,n], max[k](add(load x[m,k], load w[k,n])) }";
    static const char *const texts[] = {added, scaled, greatest, single};

    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
            tn_run_tile_everywhere((tn_run_tile){.text = texts[t]}, choices[i]);
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
    tn_run_tile_everywhere(p, "bpack=0");
    tn_run_tile_everywhere(p, "bpack=1 kc=16 nv=2");
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

TN_TEST(contraction_with_columns_on_several_axes)
{
    tn_run_tile p = {.text =
                         "kernel k(x: f32[B,S,K], w: f32[3,H,D,K] p16(2) -> y: f32[3,B,S,H,D])\n"
                         "sizes B, S, H, D, K axis k: K grid i: 3, b: B, s: S, h: H, d: D {\n"
                         "  store y[i,b,s,h,d], mma[k](0, load x[b,s,k], load w[i,h,d,k]) }",
        .sizes = {{"B", 2}, {"S", 5}, {"H", 3}, {"D", 18}, {"K", 7}}};

    check(p);
    tn_run_tile_everywhere(p, "cols=16 rows=4 kc=16");
}

/* Columns that run back, and rows of several sums that begin elsewhere. */
TN_TEST(contraction_with_columns_turned)
{
    static const char *const choices[] = {"", "bpack=1", "bpack=1 nv=1 tile=0"};

    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        tn_run_tile_everywhere(
            (tn_run_tile){.sizes = {{"M", 9}, {"N", 37}, {"K", 11}},
                .text = "kernel k(x: f32[M,K], w: f32[K,N] -> y: f32[M,N])\n"
                        "sizes M, N, K axis k: K grid m: M, n: N {\n"
                        "  store y[m,n], mma[k](0, load x[m,k], load w[k,N-1-n]) }\n"},
            choices[i]);
}

TN_TEST(convolution)
{
    tn_run_tile p = {.file = "conv.tile",
        .sizes = {{"B", 2}, {"HI", 6}, {"WI", 5}, {"C", 4}, {"O", 19}, {"U", 3}, {"V", 3}, {"P", 6},
            {"Q", 5}}};

    check(p);
    tn_run_tile_everywhere(p, "apack=0");
}

TN_MAIN(TN_CASE(contraction), TN_CASE(contraction_with_a_curve),
    TN_CASE(contraction_of_known_sizes), TN_CASE(contraction_of_half_a_vector),
    TN_CASE(contraction_of_rows), TN_CASE(contraction_by_batches),
    TN_CASE(contraction_with_columns_on_several_axes), TN_CASE(contraction_with_columns_turned),
    TN_CASE(convolution))
