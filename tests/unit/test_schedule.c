/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/schedule.h"

#include <math.h>
#include <string.h>

#include "tests/support/run_tile.h"
#include "tests/support/test.h"

/* Schedules against the tile interpreter: every golden program. */
static void
check(tn_run_tile p)
{
    tn_run_tile_everywhere(p, "");
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

/* The store that is written last is the one that stays; sums over one axis do
 * not run along another. */
TN_TEST(stores_and_sums_side_by_side)
{
    static const char last[] =
        "kernel k(x: f32[R,C], b: f32[R] -> y: f32[R], z: f32[R])\n"
        "sizes R, C axis c: C grid r: R {\n"
        "  store z[r], load b[r]  store y[r], sum[c](load x[r,c])  store y[r], load b[r] }";
    static const char over[] =
        "kernel k(x: f32[R,C], b: f32[R,C] -> y: f32[R,C], z: f32[R,C], t: f32[R])\n"
        "sizes R, C axis c: C, d: C grid r: R {\n"
        "  store z[r,c], load b[r,c]\n"
        "  s = sum[d](mul(load x[r,d], load x[r,d]))  store t[r], s  store y[r,0], s\n"
        "  store y[r,c], load b[r,c] }";
    static const char inside[] =
        "kernel k(x: f32[R,C], b: f32[R,C] -> y: f32[R,C]) sizes R, C axis c: C grid r: R {\n"
        "  store y[r,0], sum[c](load x[r,c])  store y[r,c], load b[r,c] }";
    static const char two[] =
        "kernel k(x: f32[R,C], w: f32[R,D] -> y: f32[R], z: f32[R])\n"
        "sizes R, C, D axis c: C, d: D grid r: R {\n"
        "  store y[r], sum[c](load x[r,c])  store z[r], sum[d](load w[r,d]) }";

    check((tn_run_tile){.text = last, .sizes = {{"R", 5}, {"C", 21}}});
    check((tn_run_tile){.text = over, .sizes = {{"R", 5}, {"C", 21}}});
    check((tn_run_tile){.text = inside, .sizes = {{"R", 5}, {"C", 21}}});
    check((tn_run_tile){.text = two, .sizes = {{"R", 5}, {"C", 21}, {"D", 7}}});
    check((tn_run_tile){.text = two, .sizes = {{"R", 3}, {"C", 4}, {"D", 38}}});
}

TN_TEST(curves)
{
    check((tn_run_tile){.file = "broadcast.tile", .sizes = {{"A", 3}, {"B", 2}, {"C", 21}}});
    check((tn_run_tile){.file = "softmax.tile", .sizes = {{"R", 4}, {"C", 37}}});
    check((tn_run_tile){.file = "softmax.tile", .sizes = {{"R", 1}, {"C", 300}}});
}

/* ---- contractions ---- */

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
    tn_run_tile_everywhere(p, "bj=16");
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

static void
fill_attention(tn_run_tile *p)
{
    for (int64_t b = 0; b < tn_run_size_of(p, "B"); b++)
        tn_run_input(p, "len")[b].whole = tn_run_size_of(p, "S") - 3 * b;
}

static void
fill_length(tn_run_tile *p)
{
    for (int64_t b = 0; b < tn_run_size_of(p, "B"); b++)
        tn_run_input(p, "length")[b].whole = 1 + b % tn_run_size_of(p, "S");
}

/* As a graph gives it: sizes known, the mask a number that is not infinite. */
TN_TEST(attention_of_a_graph)
{
    static const int64_t s[] = {1, 6, 7, 12, 33};

    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        check((tn_run_tile){
            .file = "online.tile", .fill = fill_length, .sizes = {{"B", 2}, {"S", s[i]}}});
}

TN_TEST(attention)
{
    static const tn_run_size small[] = {{"B", 2}, {"M", 5}, {"G", 2}, {"R", 2}, {"D", 6}, {"S", 9}};
    static const tn_run_size large[] = {
        {"B", 1}, {"M", 3}, {"G", 1}, {"R", 2}, {"D", 19}, {"S", 70}};
    tn_run_tile p = {.file = "attention.tile", .fill = fill_attention};

    memcpy(p.sizes, small, sizeof small);
    check(p);
    tn_run_tile_everywhere(p, "cut=2");
    memcpy(p.sizes, large, sizeof large);
    tn_run_tile_everywhere(p, "bj=16");
    tn_run_tile_everywhere(p, "bj=32 cut=3 bpack=0");
    tn_run_tile_everywhere(p, "bj=16 rows=2 kc=16 nv=2 mr=3");
}

TN_TEST(gru)
{
    check((tn_run_tile){.file = "gru.tile", .sizes = {{"B", 3}, {"T", 4}, {"H", 9}}});
    check((tn_run_tile){.file = "gru.tile", .sizes = {{"B", 13}, {"T", 2}, {"H", 33}}});
}

/* Groups of different sizes, one of them empty. */
static void
fill_experts(tn_run_tile *p)
{
    int64_t experts = tn_run_size_of(p, "E"), rows = 2 * tn_run_size_of(p, "T");
    tn_cell *off = tn_run_input(p, "off");

    for (int64_t e = 0; e <= experts; e++)
        off[e].whole = e == 2 ? off[1].whole : e == experts ? rows : e * rows / (experts + 2);
    for (int64_t a = 0; a < rows; a++)
        tn_run_input(p, "order")[a].whole = (a * 5) % rows;
}

TN_TEST(experts)
{
    check((tn_run_tile){.file = "experts.tile",
        .fill = fill_experts,
        .sizes = {{"T", 7}, {"E", 4}, {"N", 9}, {"K", 8}}});
    tn_run_tile_everywhere((tn_run_tile){.file = "experts.tile",
                               .fill = fill_experts,
                               .sizes = {{"T", 22}, {"E", 3}, {"N", 20}, {"K", 5}}},
        "rows=16");
}

TN_TEST(route)
{
    check((tn_run_tile){.file = "route.tile", .sizes = {{"T", 9}, {"E", 6}}});
    check((tn_run_tile){.file = "route.tile", .sizes = {{"T", 3}, {"E", 40}}});
}

/* ---- cut folds ---- */

static const char cut_sum[] =
    "kernel k(x: f32[G,N], i: i32[G] -> y: f32[G], z: i32[G]) sizes G, N grid g: G {\n"
    "  s, t = fold j: 0 .. N carry (s: f32[g] = 1 by sum, t: i32[g] = load i[g] by max) {\n"
    "    yield add(s, sum[j](load x[g,j])), max(t, max[j](i32(mul(load x[g,j], 100)))) }\n"
    "  store y[g], s  store z[g], t }";

static const char cut_merge[] =
    "kernel k(x: f32[G,N] -> y: f32[G], z: f32[G]) sizes G, N grid g: G by 1 {\n"
    "  s, t = fold j: 0 .. N carry (s: f32 = -inf, t: f32 = 0) {\n"
    "    yield max(s, max[j](load x[g,j])), add(t, sum[j](load x[g,j])) }\n"
    "  merge (s1, t1) (s2, t2) { yield max(s1, s2), add(t1, t2) }\n"
    "  store y[g], s  store z[g], t }";

TN_TEST(cuts)
{
    static const int64_t n[] = {256, 70, 5, 0};

    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        tn_run_tile p = {.text = cut_sum, .sizes = {{"G", 5}, {"N", n[i]}}};

        tn_run_tile_everywhere(p, "cut=3 bj=16");
        tn_run_tile_everywhere(p, "cut=1 bj=16");
        p.text = cut_merge;
        tn_run_tile_everywhere(p, "cut=2");
        tn_run_tile_everywhere(p, "cut=5 bj=16");
    }
}

/* ---- choices: ties, NaN, order ---- */

/* Few values, so that ties abound; NaN and infinities here and there. */
static void
fill_ties(tn_run_tile *p)
{
    tn_cell *x = tn_run_input(p, "x");

    for (int64_t i = 0; i < p->count[0]; i++) {
        x[i].real = (double)((i * 7 + i / 5) % 4);
        if (i % 29 == 11)
            x[i].real = NAN;
        else if (i % 31 == 3)
            x[i].real = INFINITY;
        else if (i % 3 == 1)
            x[i].real = -INFINITY;
    }
}

TN_TEST(greatest_and_least)
{
    static const char text[] =
        "kernel k(x: f32[R,C] -> v: f32[R], i: i32[R], w: f32[R], j: i32[R], p: f32[C], q: i32[C])\n"
        "sizes R, C axis c: C, r: R grid one: 1 by 1 {\n"
        "  a, b = argmax[c](load x[r,c])  d, e = argmin[c](load x[r,c])\n"
        "  f, g = argmax[r](load x[r,c])\n"
        "  store v[r], a  store i[r], b  store w[r], d  store j[r], e\n"
        "  store p[c], f  store q[c], g }";
    static const int64_t c[] = {1, 7, 16, 40, 100};

    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        check((tn_run_tile){.text = text, .fill = fill_ties, .sizes = {{"R", 5}, {"C", c[i]}}});
}

static void
fill_nan(tn_run_tile *p)
{
    for (int64_t i = 0; i < p->count[0]; i++)
        tn_run_input(p, "x")[i].real = NAN;
}

TN_TEST(least_of_nothing_but_nan)
{
    static const char text[] = "kernel k(x: f32[R,C] -> v: f32[R], i: i32[R])\n"
                               "sizes R, C axis c: C grid r: R {\n"
                               "  a, b = argmin[c](load x[r,c])  store v[r], a  store i[r], b }";

    check((tn_run_tile){.text = text, .fill = fill_nan, .sizes = {{"R", 3}, {"C", 37}}});
}

TN_TEST(top_few)
{
    static const char text[] =
        "kernel k(x: f32[R,C] -> v: f32[R,3], i: i32[R,3], w: f32[3,C], j: i32[3,C])\n"
        "sizes R, C axis c: C, e: 3, r: R grid one: 1 by 1 {\n"
        "  a, b = topk[c -> e](load x[r,c])  d, f = topk[r -> e](load x[r,c])\n"
        "  store v[r,e], a  store i[r,e], b  store w[e,c], d  store j[e,c], f }";

    check((tn_run_tile){.text = text, .fill = fill_ties, .sizes = {{"R", 5}, {"C", 40}}});
    check((tn_run_tile){.text = text, .fill = fill_ties, .sizes = {{"R", 19}, {"C", 3}}});
}

TN_TEST(running_values)
{
    static const char text[] =
        "kernel k(x: f32[R,C] -> a: f32[R,C], b: f32[R,C], d: f32[R,C], e: f32[R], g: f32[R,C])\n"
        "sizes R, C axis c: C grid r: R {\n"
        "  v = load x[r,c]  p = prefix[c](v)  store a[r,c], mul(p, 2)\n"
        "  store b[r,c], prefix inclusive reverse[c](v)\n"
        "  store d[r,c], prefix max inclusive[c](v)  store e[r], sum[c](v)\n"
        "  store g[r,c], div(p, sum[c](mul(p, v))) }";

    check((tn_run_tile){.text = text, .sizes = {{"R", 3}, {"C", 21}}, .tolerance = 1e-3});
    check((tn_run_tile){.text = text, .sizes = {{"R", 20}, {"C", 1}}, .tolerance = 1e-3});
}

/* ---- element types ---- */

static void
fill_numbers(tn_run_tile *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count; i++)
        for (int64_t k = 0; k < p->count[i]; k++)
            if (!tn_is_float(p->tile->bufs.at[i]->dtype)) {
                int64_t low, high, v = (k * 1103515245 + 12345) % 1000003;

                if (p->tile->bufs.at[i]->dtype == TN_BOOL) {
                    p->input[i][k].whole = v & 1;
                    continue;
                }
                tn_dtype_range(p->tile->bufs.at[i]->dtype, &low, &high);
                p->input[i][k].whole = high < 1000 ? low + v % (high - low + 1) : v * 4001 + 1;
                if (tn_dtype_bytes(p->tile->bufs.at[i]->dtype) == 4)
                    p->input[i][k].whole = (int32_t)(uint32_t)(v * 4001 + 1) & INT32_MAX;
            }
}

TN_TEST(element_types)
{
    static const char text[] =
        "kernel k(a: f64[N], b: f16[N], c: bf16[N], d: i64[N], e: i32[N], f: i8[N], g: u8[N],\n"
        "  h: bool[N] -> p: f64[N], q: f16[N], r: bf16[N], s: i64[N], t: i32[N], u: i8[N],\n"
        "  v: u8[N], w: bool[N], x: f64[1], y: i64[1], z: i32[1])\n"
        "sizes N axis n: N grid one: 1 by 1 {\n"
        "  A = load a[n]  D = load d[n]  E = load e[n]  H = load h[n]\n"
        "  B = f32(load b[n])  C = f32(load c[n])\n"
        "  store p[n], add(mul(A, A), f64(n))  store q[n], f16(add(B, 0.5))\n"
        "  store r[n], bf16(mul(C, 3.0))  store s[n], sub(mul(D, D), i64(n))\n"
        "  store t[n], select(H, mul(E, E), i32(load f[n]))\n"
        "  store u[n], add(load f[n], i8(n))  store v[n], max(load g[n], u8(7))\n"
        "  store w[n], and(H, lt(E, i32(load g[n])))\n"
        "  store x[0], sum[n](A)  store y[0], max[n](D)  store z[0], sum[n](i32(H)) }";

    check((tn_run_tile){.text = text, .fill = fill_numbers, .sizes = {{"N", 37}}});
    check((tn_run_tile){.text = text, .fill = fill_numbers, .sizes = {{"N", 3}}});
}

TN_TEST(integer_contraction)
{
    check((tn_run_tile){.fill = fill_numbers,
        .sizes = {{"M", 5}, {"N", 20}, {"K", 9}},
        .text = "kernel k(x: i8[M,K], w: i8[N,K] p16, v: i64[K,N] -> y: i32[M,N], z: i64[M,N])\n"
                "sizes M, N, K axis k: K grid m: M, n: N {\n"
                "  store y[m,n], mma[k](i32(0), load x[m,k], load w[n,k])\n"
                "  store z[m,n], mma[k](i64(1), i64(load x[m,k]), load v[k,n]) }"});
}

/* ---- statements ---- */

TN_TEST(conditions)
{
    static const char text[] =
        "kernel k(x: f32[R,C], n: i32[1] -> y: f32[R,C], z: f32[R]) sizes R, C axis c: C grid r: R {\n"
        "  m = load n[0]  v = load x[r,c]\n"
        "  if lt(m, 3) {\n"
        "    if lt(m, 2) { store z[r], max[c](v) } else { store z[r], min[c](v) }\n"
        "    store y[r,c], sub(v, sum[c](v))\n"
        "  } else { store y[r,c], div(v, sum[c](mul(v, v)))  store z[r], sum[c](v) } }";
    tn_run_tile p = {.text = text, .sizes = {{"R", 4}, {"C", 19}}};

    check(p);
    p.fill = fill_numbers;
    check(p);
}

static void
fill_one_wrong(tn_run_tile *p)
{
    for (int64_t i = 0; i < p->count[0]; i++)
        tn_run_input(p, "ids")[i].whole = i == 17 ? 77 : i % 6;
}

TN_TEST(checks)
{
    static const char text[] =
        "kernel k(ids: i32[N], w: f32[6,D] -> y: f32[N,D]) sizes N, D grid i: N, d: D {\n"
        "  id = load ids[i]  ok = and(le(0, id), lt(id, 6))\n"
        "  check ok, \"gather: index out of range\", i, id\n"
        "  store y[i,d], load w[min(max(id, 0), 5), d] }";
    tn_run_tile p = {.text = text, .fill = fill_one_wrong, .sizes = {{"N", 17}, {"D", 5}}};

    check(p);
    p.sizes[0].value = 18;
    check(p);
}

TN_TEST(locals_and_order)
{
    check((tn_run_tile){.sizes = {{"R", 5}, {"C", 21}},
        .text = "kernel k(x: f32[R,C] -> y: f32[R,C]) sizes R, C axis c: C grid r: R {\n"
                "  local a: f32[r,C]  store a[r,c], mul(load x[r,c], 2)\n"
                "  store y[r,c], sub(load a[r,c], load a[r,C-1-c]) }"});
}

/* What is loaded before a store is what was there before it. */
TN_TEST(loads_before_stores)
{
    static const char text[] =
        "kernel k(x: f32[R,C] -> y: f32[R], z: f32[R,C]) sizes R, C axis c: C grid r: R {\n"
        "  local a: f32[r,C]  store a[r,c], load x[r,c]\n"
        "  old = load a[r,C-1-c]  store z[r,c], old  store a[r,c], mul(load x[r,c], 3)\n"
        "  store y[r], sum[c](mul(old, load a[r,c])) }";

    check((tn_run_tile){.text = text, .sizes = {{"R", 5}, {"C", 21}}});
}

TN_TEST(carries_that_change_places)
{
    check((tn_run_tile){.sizes = {{"R", 5}, {"C", 18}, {"T", 7}},
        .text =
            "kernel k(x: f32[R,C] -> y: f32[R,C], z: f32[R,C]) sizes R, C, T axis c: C, d: C\n"
            "grid r: R {\n"
            "  a, b = scan t: 0 .. T by 1 carry (a: f32[r,c] = load x[r,c], b: f32[r,c] = 1) {\n"
            "    yield b, add(mul(a, 0.5), f32(t)) }\n"
            "  e = scan t: 0 .. T by 1 carry (e: f32[r,c] = a) {\n"
            "    s = sum[c](e)  yield sub(s, e) }\n"
            "  store y[r,c], sub(a, b)  store z[r,c], e }",
        .tolerance = 1e-4});
}

TN_TEST(nested_loops)
{
    tn_run_tile_everywhere(
        (tn_run_tile){.sizes = {{"R", 3}, {"C", 40}, {"T", 3}},
            .text = "kernel k(x: f32[R,C] -> y: f32[R], z: f32[R,T]) sizes R, C, T grid r: R {\n"
                    "  a = scan t: 0 .. T by 1 carry (a: f32[r] = 0) {\n"
                    "    m = fold c: 0 .. C carry (m: f32[r] = a by max) {\n"
                    "      yield max(m, max[c](load x[r,c])) }\n"
                    "    store z[r,t], m  yield add(a, m) }\n"
                    "  store y[r], a }"},
        "bj=16");
}

TN_TEST(kept_values)
{
    check((tn_run_tile){.sizes = {{"R", 4}, {"C", 21}},
        .text = "kernel k(x: f32[R,C], w: f32[C] -> y: f32[R,C]) sizes R, C axis c: C grid r: R {\n"
                "  e = sqrt(sqrt(sqrt(sqrt(sqrt(abs(load x[r,c]))))))\n"
                "  store y[r,c], div(e, add(sum[c](e), max[c](mul(e, load w[c])))) }"});
}

TN_TEST(sums_over_everything)
{
    check((tn_run_tile){.sizes = {{"A", 7}, {"B", 5}, {"C", 33}},
        .text =
            "kernel k(x: f32[A,B,C] -> y: f32[1], z: f32[B]) sizes A, B, C axis a: A, b: B, c: C\n"
            "grid one: 1 by 1 {\n"
            "  store y[0], sum[a,b,c](load x[a,b,c])  store z[b], max[a,c](load x[a,b,c]) }"});
}

TN_TEST(panels_read_from_the_side)
{
    check((tn_run_tile){.sizes = {{"H", 3}, {"D", 10}, {"K", 5}, {"M", 2}},
        .text = "kernel k(w: f32[H*D,K] p16, x: f32[M,K] -> y: f32[M,H,D])\n"
                "sizes H, D, K, M axis k: K grid m: M, h: H, d: D {\n"
                "  store y[m,h,d], mma[k](0, load x[m,k], load w[h*D+d,k]) }\n"});
}

/* ---- choices ---- */

typedef struct choices {
    tn_arena *arena;
    tn_run_tile *p;
    tn_choice list[32];
    const char *text[32];
    int count;
    const char *target;
} choices;

static tn_status
list_choices(void *arg)
{
    choices *c = arg;
    tn_target target;

    TN_TRY(tn_target_parse(&c->p->diag, c->target, strlen(c->target), &target));
    c->count = tn_candidates(c->arena, c->p->tile, &target, c->list, 32);
    for (int i = 0; i < c->count; i++) {
        tn_text text = {.arena = c->arena};

        tn_text_add(&text, "%s", "");
        tn_choice_print(&text, &c->list[i]);
        c->text[i] = text.at;
    }
    return TN_OK;
}

/* Every candidate computes the same. */
static void
all_choices(tn_run_tile p, const char *target, int least)
{
    choices c = {.p = &p, .target = target};

    c.arena = tn_arena_create(tn_alloc_system(), 0);
    if (tn_run_tile_start(&p)) {
        TN_CHECK_EQ(tn_arena_guard(c.arena, list_choices, &c), TN_OK);
        TN_CHECK(c.count >= least);
        for (int i = 0; i < c.count; i++)
            tn_run_tile_on(&p, target, c.text[i]);
    }
    tn_run_tile_end(&p);
    tn_arena_destroy(c.arena);
}

TN_TEST(candidates)
{
    tn_run_tile rows = {.file = "softmax.tile", .sizes = {{"R", 4}, {"C", 37}}};
    tn_run_tile matrix = {.file = "gemm.tile", .sizes = {{"M", 13}, {"N", 40}, {"K", 64}}};
    tn_run_tile fold = {.file = "attention.tile",
        .fill = fill_attention,
        .sizes = {{"B", 2}, {"M", 5}, {"G", 2}, {"R", 2}, {"D", 6}, {"S", 9}}};

    all_choices(rows, tn_run_tile_targets[0], 3);
    all_choices(matrix, tn_run_tile_targets[1], 6);
    all_choices(fold, tn_run_tile_targets[0], 8);
    all_choices(matrix, tn_run_tile_targets[4], 4);
    all_choices(fold, tn_run_tile_targets[5], 4);
}

static void
refused(const char *text, const char *message)
{
    tn_diag diag;
    tn_choice c;

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_choice_parse(&diag, text, strlen(text), &c), TN_USAGE);
    if (TN_CHECK_EQ(tn_diag_count(&diag), 1))
        TN_CHECK_STR(tn_diag_text(&diag, 0), message);
    tn_diag_clear(&diag);
}

TN_TEST(choice_text)
{
    tn_choice c;

    TN_CHECK_EQ(tn_choice_parse(NULL, " mr=4  kc=16", 12, &c), TN_OK);
    TN_CHECK_EQ(c.mr, 4);
    TN_CHECK_EQ(c.kc, 16);
    TN_CHECK_EQ(c.nv, -1);
    refused("mrs=4", "choice: there is no \"mrs\"");
    refused("mr", "choice: mr wants a whole number");
    refused("mr=4x", "choice: mr wants a whole number");
    refused("mr=12345678", "choice: mr wants a whole number");
}

TN_MAIN(TN_CASE(elementwise), TN_CASE(transposed), TN_CASE(reductions),
    TN_CASE(stores_and_sums_side_by_side), TN_CASE(curves), TN_CASE(attention),
    TN_CASE(attention_of_a_graph), TN_CASE(gru), TN_CASE(experts), TN_CASE(route), TN_CASE(viterbi),
    TN_CASE(count_sort), TN_CASE(combine), TN_CASE(cuts), TN_CASE(greatest_and_least),
    TN_CASE(least_of_nothing_but_nan), TN_CASE(top_few), TN_CASE(running_values),
    TN_CASE(element_types), TN_CASE(integer_contraction), TN_CASE(conditions), TN_CASE(checks),
    TN_CASE(locals_and_order), TN_CASE(loads_before_stores), TN_CASE(carries_that_change_places),
    TN_CASE(nested_loops), TN_CASE(kept_values), TN_CASE(sums_over_everything),
    TN_CASE(panels_read_from_the_side), TN_CASE(candidates), TN_CASE(choice_text))
