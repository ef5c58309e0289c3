/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tile_cases.h"

/* Inputs that some programs need. */
static void
fill_lengths(tn_run_tile *p)
{
    int64_t most = tn_run_size_of(p, "T");

    for (int64_t b = 0; b < tn_run_size_of(p, "B"); b++)
        tn_run_input(p, "len")[b].whole = 1 + (b * 2) % most;
}

static void
fill_ids(tn_run_tile *p)
{
    for (int64_t a = 0; a < tn_run_size_of(p, "A"); a++)
        tn_run_input(p, "ids")[a].whole = (a * a + 3) % tn_run_size_of(p, "E");
}

static void
fill_inverse(tn_run_tile *p)
{
    int64_t n = 2 * tn_run_size_of(p, "T");

    for (int64_t a = 0; a < n; a++)
        tn_run_input(p, "inv")[a].whole = (a * 3 + 1) % n;
}

static const char elementwise[] =
    "kernel k(x: f32[A,B,C], s: f32[B], w: f32[A,C] -> y: f32[A,B,C])\n"
    "sizes A, B, C grid a: A, b: B, c: C {\n"
    "  store y[a,b,c], add(mul(load x[a,b,c], load s[b]), load w[a,c]) }";

static const char transposed[] = "kernel k(x: f32[A,B] -> y: f32[B,A])\n"
                                 "sizes A, B grid b: B, a: A { store y[b,a], load x[a,b] }";

static const char product[] =
    "kernel k(x: f32[M,K], w: f32[N,K] p16, b: f32[N] -> y: f32[M,N])\n"
    "sizes M, N, K axis k: K grid m: M, n: N {\n"
    "  store y[m,n], max(add(mma[k](0, load x[m,k], load w[n,k]), load b[n]), 0) }";

static const char rows[] =
    "kernel k(x: f32[M,K], w: f32[N,K], v: f32[K,N] -> y: f32[M,N], z: f32[M,N])\n"
    "sizes M, N, K axis k: K grid m: M, n: N {\n"
    "  store y[m,n], mma[k](1, load x[m,k], load w[n,k])\n"
    "  store z[m,n], mma[k](load x[m,0], load x[m,k], load v[k,n]) }";

static const char batches[] = "kernel k(x: f32[B,M,K], w: f32[B,K,N] -> y: f32[B,M,N])\n"
                              "sizes B, M, N, K axis k: K grid b: B, m: M, n: N {\n"
                              "  store y[b,m,n], mma[k](0, load x[b,m,k], load w[b,k,n]) }";

static const struct {
    tn_run_tile program;
    const char *choice;
} cases[] = {
    {{.text = elementwise, .sizes = {{"A", 3}, {"B", 4}, {"C", 21}}}, ""},
    {{.text = elementwise, .sizes = {{"A", 3}, {"B", 4}, {"C", 1}}}, ""},
    {{.text = elementwise, .sizes = {{"A", 3}, {"B", 4}, {"C", 0}}}, ""},
    {{.text = elementwise, .sizes = {{"A", 3}, {"B", 4}, {"C", 64}}}, ""},
    {{.text = transposed, .sizes = {{"A", 19}, {"B", 37}}}, ""},
    {{.file = "broadcast.tile", .sizes = {{"A", 3}, {"B", 5}, {"C", 17}}}, ""},
    {{.file = "middle.tile", .sizes = {{"A", 3}, {"B", 5}, {"C", 18}}}, ""},
    {{.file = "softmax.tile", .sizes = {{"R", 7}, {"C", 33}}}, ""},
    {{.file = "softmax.tile", .sizes = {{"R", 1}, {"C", 1}}}, ""},
    {{.file = "rms.tile", .sizes = {{"R", 5}, {"C", 23}}}, ""},
    {{.file = "rms.tile", .sizes = {{"R", 70}, {"C", 1}}}, ""},
    {{.text = product, .sizes = {{"M", 7}, {"N", 19}, {"K", 11}}}, ""},
    {{.text = product, .sizes = {{"M", 1}, {"N", 1}, {"K", 1}}}, ""},
    {{.text = product, .sizes = {{"M", 13}, {"N", 40}, {"K", 64}}}, ""},
    {{.text = product, .sizes = {{"M", 3}, {"N", 32}, {"K", 0}}}, ""},
    {{.text = product, .sizes = {{"M", 30}, {"N", 3}, {"K", 600}}}, ""},
    {{.text = product, .sizes = {{"M", 70}, {"N", 70}, {"K", 70}}}, ""},
    {{.text = product, .sizes = {{"M", 30}, {"N", 19}, {"K", 60}}},
        "kc=16 uk=2 mr=5 rows=9 cols=16"},
    {{.text = product, .sizes = {{"M", 30}, {"N", 19}, {"K", 60}}},
        "bm=8 bn=8 bk=4 tm=2 tn=4 stages=1"},
    {{.text = rows, .sizes = {{"M", 9}, {"N", 21}, {"K", 10}}}, ""},
    {{.text = batches, .sizes = {{"B", 3}, {"M", 5}, {"N", 18}, {"K", 7}}}, ""},
    {{.file = "conv.tile",
         .sizes = {{"B", 2}, {"HI", 6}, {"WI", 5}, {"C", 4}, {"O", 19}, {"U", 3}, {"V", 3},
             {"P", 6}, {"Q", 5}}},
        ""},
    {{.file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 5}, {"T", 6}, {"K", 7}}}, ""},
    {{.file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 19}, {"T", 3}, {"K", 17}}}, ""},
    {{.file = "viterbi.tile", .fill = fill_lengths, .sizes = {{"B", 1}, {"T", 1}, {"K", 1}}}, ""},
    {{.file = "count_sort.tile", .fill = fill_ids, .sizes = {{"A", 14}, {"E", 5}}}, ""},
    {{.file = "combine.tile", .fill = fill_inverse, .sizes = {{"T", 5}, {"K", 9}}}, ""},
};

void
tn_tile_cases(void (*each)(void *self, tn_run_tile p, const char *choice), void *self)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        each(self, cases[i].program, cases[i].choice);
}
