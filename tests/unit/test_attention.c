/* SPDX-License-Identifier: Apache-2.0
 * Attention however it is written: one kernel, and the numbers of the
 * reference. */
#include <stdio.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/test.h"

#ifndef LOWERED_TARGETS
#define LOWERED_TARGETS false
#endif

/* Heads H of width 6, N queries, M keys; `scores` makes x from s, `weights` p
 * from x. */
typedef struct spelling {
    const char *scores, *weights;
    int kernels;
    const char *inputs;
    double tolerance;
    int special;
} spelling;

static const char softmax[] = "p: f32[H,N,M] = softmax x {axis=2}\n";
static const char plain[] = "x: f32[H,N,M] = mul s, 0.4\n";

static void
check_at(const spelling *c, int64_t queries, int64_t keys)
{
    char text[4000];

    snprintf(text, sizeof text,
        "graph main\n dim H 1..9\n dim N 0..99\n dim M 0..99\n"
        "input q: f32[H,N,6]\n input k: f32[H,M,6]\n input v: f32[H,M,5]\n%s"
        "s: f32[H,N,M] = contract q, k {labels=\"hid,hjd->hij\"}\n%s%s"
        "o: f32[H,N,5] = contract p, v {labels=\"hij,hjd->hid\"}\noutput o = o\n",
        c->inputs ? c->inputs : "", c->scores ? c->scores : plain, c->weights);
    lowered_check(&(lowered_case){.text = text,
                      .dims = {{"H", 2}, {"N", queries}, {"M", keys}},
                      .kernels = c->kernels ? c->kernels : 1,
                      .tolerance = c->tolerance,
                      .special = c->special,
                      .seeds = 3},
        LOWERED_TARGETS);
}

static void
check(spelling c)
{
    check_at(&c, 5, 7);
    check_at(&c, 1, 19);
    check_at(&c, 33, 1);
    check_at(&c, 0, 4);
}

/* ---- weights ---- */

static const char by_hand[] = "m: f32[H,N,1] = reduce_max x {axes=[2], keepdims=true}\n"
                              "d: f32[H,N,M] = sub x, m\ne: f32[H,N,M] = exp d\n"
                              "l: f32[H,N,1] = reduce_sum e {axes=[2], keepdims=true}\n";

static const char *
with(char *room, size_t size, const char *first, const char *then)
{
    snprintf(room, size, "%s%s", first, then);
    return room;
}

TN_TEST(softmax_written_out)
{
    char room[1000];

    check((spelling){.weights = softmax});
    check((spelling){.weights = with(room, sizeof room, by_hand, "p: f32[H,N,M] = div e, l\n")});
    check((spelling){.weights = with(room, sizeof room, by_hand,
                         "r: f32[H,N,1] = recip l\np: f32[H,N,M] = mul e, r\n")});
    check((spelling){.weights = with(room, sizeof room, by_hand,
                         "r: f32[H,N,1] = div 1, l\np: f32[H,N,M] = mul r, e\n")});
    check((spelling){.weights = "e: f32[H,N,M] = exp x\n"
                                "l: f32[H,N,1] = reduce_sum e {axes=[2], keepdims=true}\n"
                                "p: f32[H,N,M] = div e, l\n"});
}

TN_TEST(weights_that_are_not_normalised)
{
    char room[1000];

    check((spelling){.weights = with(room, sizeof room, by_hand, "p: f32[H,N,M] = mul e, 0.25\n")});
    check((spelling){.weights = "p: f32[H,N,M] = exp x\n", .kernels = 2});
}

TN_TEST(a_maximum_that_may_be_infinite)
{
    check((spelling){.inputs = "input seen: bool[H,N,M]\n",
        .scores = "x: f32[H,N,M] = where seen, s, -inf\n",
        .weights = "m: f32[H,N,1] = reduce_max x {axes=[2], keepdims=true}\n"
                   "f: bool[H,N,1] = is_finite m\ng: f32[H,N,1] = where f, m, 0\n"
                   "d: f32[H,N,M] = sub x, g\ne: f32[H,N,M] = exp d\n"
                   "l: f32[H,N,1] = reduce_sum e {axes=[2], keepdims=true}\n"
                   "p: f32[H,N,M] = div e, l\n"});
}

TN_TEST(rows_without_keys)
{
    const char *masks[] = {"-inf", "-1000000000", "-3.4028234663852886e38"};
    char scores[200], room[1000];

    for (int i = 0; i < 3; i++) {
        snprintf(scores, sizeof scores, "x: f32[H,N,M] = where seen, s, %s\n", masks[i]);
        check((spelling){
            .inputs = "input seen: bool[H,1,M]\n", .scores = scores, .weights = softmax});
        check((spelling){.inputs = "input seen: bool[H,1,M]\n",
            .scores = scores,
            .weights = "w: f32[H,N,M] = softmax x {axis=2}\nn: bool[H,N,M] = is_nan w\n"
                       "p: f32[H,N,M] = where n, 0, w\n"});
        check((spelling){.inputs = "input seen: bool[H,1,M]\n",
            .scores = scores,
            .weights = "w: f32[H,N,M] = softmax x {axis=2}\nn: bool[H,N,M] = equal w, w\n"
                       "p: f32[H,N,M] = where n, w, 0\n"});
        check((spelling){.inputs = "input seen: bool[H,1,M]\n",
            .scores = scores,
            .weights = with(room, sizeof room, by_hand,
                "r: f32[H,N,1] = recip l\nw: f32[H,N,M] = mul e, r\n"
                "n: bool[H,N,M] = is_nan w\np: f32[H,N,M] = where n, 0, w\n")});
    }
}

TN_TEST(weights_changed_afterwards)
{
    check((spelling){.inputs = "input keep: f32[H,N,M]\n",
        .weights = "w: f32[H,N,M] = softmax x {axis=2}\np: f32[H,N,M] = mul w, keep\n"});
    check((spelling){.inputs = "input seen: bool[M]\n",
        .weights = "w: f32[H,N,M] = softmax x {axis=2}\n"
                   "p: f32[H,N,M] = where seen, w, 0\n"});
    check((spelling){.inputs = "input head: f32[H,1,1]\n",
        .weights = "w: f32[H,N,M] = softmax x {axis=2}\np: f32[H,N,M] = mul head, w\n"});
}

/* They look like guards of the weight and are none. */
TN_TEST(other_tests_for_nan)
{
    char room[1000];

    check((spelling){.inputs = "input t: f32[M]\n",
        .weights = "w: f32[H,N,M] = softmax x {axis=2}\nn: bool[M] = is_nan t\n"
                   "p: f32[H,N,M] = where n, 0, w\n",
        .special = 3});
    check((spelling){.inputs = "input seen: bool[H,1,M]\n",
        .scores = "x: f32[H,N,M] = where seen, s, -inf\n",
        .weights = "w: f32[H,N,M] = softmax x {axis=2}\nn: bool[H,N,M] = is_nan w\n"
                   "p: f32[H,N,M] = where n, w, 0\n",
        .kernels = 3});
    check((spelling){.inputs = "input seen: bool[H,1,M]\n",
        .scores = "x: f32[H,N,M] = where seen, s, -inf\n",
        .weights = with(room, sizeof room, by_hand,
            "n: bool[H,N,M] = is_nan e\ng: f32[H,N,M] = where n, 0, e\n"
            "p: f32[H,N,M] = div g, l\n"),
        .kernels = 3});
}

/* ---- scores ---- */

TN_TEST(scores_of_all_kinds)
{
    /* By 1/30, rounded to f32. */
    check((spelling){.scores = "a: f32[H,N,M] = div s, 30.0\nb: f32[H,N,M] = tanh a\n"
                               "x: f32[H,N,M] = mul b, 30.0\n",
        .weights = softmax,
        .tolerance = 1e-7});
    check((spelling){.inputs = "input bias: f32[H,N,M]\n",
        .scores = "a: f32[H,N,M] = mul s, 0.4\nx: f32[H,N,M] = add a, bias\n",
        .weights = softmax});
    check((spelling){.inputs = "input seen: bool[H,1,M]\n",
        .scores = "b: f32[H,1,M] = where seen, 0.0, -inf\nx: f32[H,N,M] = add s, b\n",
        .weights = softmax});
    check((spelling){.inputs = "input slope: f32[H,1,1]\n",
        .scores = "j: f32[M] = iota {size=M, dtype=f32}\nb: f32[H,1,M] = mul slope, j\n"
                  "x: f32[H,N,M] = add s, b\n",
        .weights = softmax});
}

TN_TEST(keys_behind_the_query_only)
{
    const char *order[] = {"less_equal j, i", "greater j, i"};
    char scores[600];

    for (int turned = 0; turned < 2; turned++) {
        snprintf(scores, sizeof scores,
            "r: i32[N] = iota {size=N}\ni: i32[N,1] = unsqueeze r {axes=[1]}\n"
            "j: i32[M] = iota {size=M}\nc: bool[N,M] = %s\nx: f32[H,N,M] = where c, %s\n",
            order[turned], turned ? "-inf, s" : "s, -inf");
        check((spelling){.scores = scores, .weights = softmax});
    }
}

/* Keys from a place behind the query on, with and without that place. */
TN_TEST(windows_begin_where_they_say)
{
    static const char *const rows[][2] = {
        {"greater j, w", "s, -inf"},
        {"greater_equal j, w", "s, -inf"},
        {"less_equal w, j", "s, -inf"},
        {"less j, w", "-inf, s"},
        {"less_equal j, w", "-inf, s"},
    };
    char scores[600];

    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        snprintf(scores, sizeof scores,
            "r: i32[N] = iota {size=N}\ni: i32[N,1] = unsqueeze r {axes=[1]}\n"
            "j: i32[M] = iota {size=M}\nw: i32[N,1] = sub i, 3\nc: bool[N,M] = %s\n"
            "x: f32[H,N,M] = where c, %s\n",
            rows[k][0], rows[k][1]);
        check((spelling){.scores = scores, .weights = softmax});
    }
}

/* Two conditions bound the keys where both must hold, and only there. */
TN_TEST(masks_of_two_conditions)
{
    static const char *const rows[][4] = {
        {"less_equal j, i", "greater j, w", "and", "s, -inf"},
        {"less_equal j, i", "less j, 3", "or", "s, -inf"},
        {"greater j, i", "less_equal j, w", "or", "-inf, s"},
        {"greater j, i", "greater_equal j, 3", "and", "-inf, s"},
    };
    char scores[700];

    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        snprintf(scores, sizeof scores,
            "r: i32[N] = iota {size=N}\ni: i32[N,1] = unsqueeze r {axes=[1]}\n"
            "j: i32[M] = iota {size=M}\nw: i32[N,1] = sub i, 3\na: bool[N,M] = %s\n"
            "b: bool[%s] = %s\nc: bool[N,M] = %s a, b\nx: f32[H,N,M] = where c, %s\n",
            rows[k][0], strchr(rows[k][1], 'w') ? "N,M" : "M", rows[k][1], rows[k][2], rows[k][3]);
        check((spelling){.scores = scores, .weights = softmax});
    }
}

/* A row whose keys are all excluded by a number is the mean of all of them. */
TN_TEST(numbers_exclude_no_block)
{
    check((spelling){.scores = "r: i32[N] = iota {size=N}\ni: i32[N,1] = unsqueeze r {axes=[1]}\n"
                               "j: i32[M] = iota {size=M}\nw: i32[N,1] = sub i, 2\n"
                               "c: bool[N,M] = less_equal j, w\n"
                               "x: f32[H,N,M] = where c, s, -1e9\n",
        .weights = softmax});
}

/* ---- types, layouts ---- */

TN_TEST(halves)
{
    static const char text[] =
        "graph main\n dim N 1..99\n"
        "input q: bf16[3,N,8]\n input k: bf16[3,N,8]\n input v: bf16[3,N,8]\n"
        "s: bf16[3,N,N] = contract q, k {labels=\"hid,hjd->hij\"}\n"
        "f: f32[3,N,N] = cast s {to=f32}\n w: f32[3,N,N] = softmax f {axis=2}\n"
        "p: bf16[3,N,N] = cast w {to=bf16}\n"
        "o: bf16[3,N,8] = contract p, v {labels=\"hij,hjd->hid\"}\n output o = o\n";

    lowered_check(&(lowered_case){.text = text,
                      .dims = {{"N", 9}},
                      .kernels = 1,
                      .tolerance = 2e-2},
        LOWERED_TARGETS);
}

TN_TEST(grouped_heads_spelled_by_repeating)
{
    static const char text[] =
        "graph main\n dim B 1..4\n dim N 1..99\n"
        "input q: f32[B,N,4,8]\n input k: f32[B,N,2,8]\n input v: f32[B,N,2,8]\n"
        "qt: f32[B,4,N,8] = transpose q {perm=[0,2,1,3]}\n"
        "ku: f32[B,N,2,1,8] = unsqueeze k {axes=[3]}\n"
        "kb: f32[B,N,2,2,8] = broadcast ku {to=[B,N,2,2,8]}\n"
        "kr: f32[B,N,4,8] = reshape kb {to=[B,N,4,8]}\n"
        "kt: f32[B,4,8,N] = transpose kr {perm=[0,2,3,1]}\n"
        "vu: f32[B,N,2,1,8] = unsqueeze v {axes=[3]}\n"
        "vb: f32[B,N,2,2,8] = broadcast vu {to=[B,N,2,2,8]}\n"
        "vr: f32[B,N,4,8] = reshape vb {to=[B,N,4,8]}\n"
        "vt: f32[B,4,N,8] = transpose vr {perm=[0,2,1,3]}\n"
        "s: f32[B,4,N,N] = contract qt, kt {labels=\"bhid,bhdj->bhij\"}\n"
        "x: f32[B,4,N,N] = mul s, 0.35\n p: f32[B,4,N,N] = softmax x {axis=3}\n"
        "o: f32[B,4,N,8] = contract p, vt {labels=\"bhij,bhjd->bhid\"}\n"
        "ot: f32[B,N,4,8] = transpose o {perm=[0,2,1,3]}\n"
        "y: f32[B,N,32] = reshape ot {to=[B,N,32]}\n output y = y\n";

    lowered_check(&(lowered_case){.text = text, .dims = {{"B", 2}, {"N", 5}}, .kernels = 2},
        LOWERED_TARGETS);
}

TN_TEST(heads_joined_with_the_batch)
{
    static const char text[] =
        "graph main\n dim B 1..4\n dim N 1..99\n"
        "input q: f32[B,2,N,8]\n input k: f32[B,2,N,8]\n input v: f32[B,2,N,8]\n"
        "input bias: f32[B,1,1,N]\n"
        "qr: f32[2*B,N,8] = reshape q {to=[2*B,N,8]}\n"
        "kr: f32[2*B,N,8] = reshape k {to=[2*B,N,8]}\n"
        "kt: f32[2*B,8,N] = transpose kr {perm=[0,2,1]}\n"
        "vr: f32[2*B,N,8] = reshape v {to=[2*B,N,8]}\n"
        "s: f32[2*B,N,N] = contract qr, kt {labels=\"bid,bdj->bij\"}\n"
        "s4: f32[B,2,N,N] = reshape s {to=[B,2,N,N]}\n"
        "x: f32[B,2,N,N] = add s4, bias\n w: f32[B,2,N,N] = softmax x {axis=3}\n"
        "p: f32[2*B,N,N] = reshape w {to=[2*B,N,N]}\n"
        "o: f32[2*B,N,8] = contract p, vr {labels=\"bij,bjd->bid\"}\n output o = o\n";

    lowered_check(&(lowered_case){.text = text, .dims = {{"B", 2}, {"N", 5}}, .kernels = 1},
        LOWERED_TARGETS);
}

/* Numbers of queries that are known, enough for vectors along them: part of
 * the last vector, of the last block of keys, of the last rows of one. */
static void
check_known(int queries, int keys, const char *sees)
{
    char text[1500];

    snprintf(text, sizeof text,
        "graph main\n"
        "input q: f32[2,%d,20]\n input k: f32[2,%d,20]\n input v: f32[2,%d,9]\n"
        "s: f32[2,%d,%d] = contract q, k {labels=\"hid,hjd->hij\"}\n"
        "r: i32[%d] = iota {size=%d}\ni: i32[%d,1] = unsqueeze r {axes=[1]}\n"
        "j: i32[%d] = iota {size=%d}\nc: bool[%d,%d] = %s i, j\n"
        "x: f32[2,%d,%d] = where c, s, -inf\np: f32[2,%d,%d] = softmax x {axis=2}\n"
        "o: f32[2,%d,9] = contract p, v {labels=\"hij,hjd->hid\"}\noutput o = o\n",
        queries, keys, keys, queries, keys, queries, queries, queries, keys, keys, queries, keys,
        sees, queries, keys, queries, keys, queries);
    lowered_check(&(lowered_case){.text = text, .kernels = 1}, LOWERED_TARGETS);
}

TN_TEST(queries_along_vectors)
{
    check_known(70, 301, "greater_equal");
    check_known(32, 25, "not_equal");
    check_known(101, 64, "greater_equal");
}

/* ---- what is no attention, or not alone ---- */

TN_TEST(near_misses_stay_as_they_are)
{
    check((spelling){.weights = "p: f32[H,N,M] = softmax x {axis=1}\n", .kernels = 3});
    check((spelling){
        .kernels = 3, .weights = "p: f32[H,N,M] = softmax x {axis=2}\noutput w = p\n"});
    check((spelling){.kernels = 3,
        .weights = "t: f32[H,N,1] = reduce_mean x {axes=[2], keepdims=true}\n"
                   "c: f32[H,N,M] = sub x, t\np: f32[H,N,M] = softmax c {axis=2}\n"});
}

TN_MAIN(TN_CASE(softmax_written_out), TN_CASE(weights_that_are_not_normalised),
    TN_CASE(a_maximum_that_may_be_infinite), TN_CASE(rows_without_keys),
    TN_CASE(weights_changed_afterwards), TN_CASE(other_tests_for_nan), TN_CASE(scores_of_all_kinds),
    TN_CASE(keys_behind_the_query_only), TN_CASE(windows_begin_where_they_say),
    TN_CASE(masks_of_two_conditions), TN_CASE(numbers_exclude_no_block), TN_CASE(halves),
    TN_CASE(grouped_heads_spelled_by_repeating), TN_CASE(heads_joined_with_the_batch),
    TN_CASE(queries_along_vectors), TN_CASE(near_misses_stay_as_they_are))
