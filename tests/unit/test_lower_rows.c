/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/test.h"

#ifndef LOWERED_TARGETS
#define LOWERED_TARGETS false
#endif
#define LOWERED(...) lowered_check(&(lowered_case){__VA_ARGS__}, LOWERED_TARGETS)
#define B(n) {"B", n}

/* ---- contractions ---- */

TN_TEST(contractions)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[B,3,7]\n    weight w: f32[5,7]\n"
        "    weight b: f32[5]\n    weight v: f32[2,4,7]\n    input y: f32[B,4,7]\n"
        "    a: f32[B,3,5] = linear x, w, b\n"
        "    r: f32[B,3,5] = gelu a\n"
        "    q: f32[2,B,3,4] = contract x, v {labels=\"bsh,znh->zbsn\"}\n"
        "    s: f32[B,3,4] = contract x, y {labels=\"bik,bjk->bij\"}\n"
        "    t: f32[B,3,7] = contract s, y {labels=\"bij,bjk->bik\"}\n"
        "    u: f32[B,3,7] = add x, t\n"
        "    o: f32[3,7,4] = contract x, y {labels=\"bik,bjk->ikj\"}\n"
        "    d: f32[] = contract x, x {labels=\"bik,bik->\"}\n"
        "    output r = r\n    output q = q\n    output u = u\n    output o = o\n"
        "    output d = d\n";

    LOWERED(.text = text, .dims = {B(2)}, .kernels = 3);
    LOWERED(.text = text, .dims = {B(1)}, .special = 11);
    LOWERED(.text = text, .dims = {B(0)});
}

TN_TEST(contractions_of_other_types)
{
    LOWERED(.tolerance = 2e-2,
        .text = "graph main\n    input x: bf16[4,9]\n    input y: bf16[5,9]\n"
                "    input i: i8[4,9]\n    input j: i8[5,9]\n"
                "    a: bf16[4,5] = contract x, y {labels=\"mk,nk->mn\"}\n"
                "    b: f32[4,5] = contract x, y {labels=\"mk,nk->mn\", dtype=f32}\n"
                "    c: i32[4,5] = contract i, j {labels=\"mk,nk->mn\", dtype=i32}\n"
                "    d: i8[4,5] = contract i, j {labels=\"mk,nk->mn\"}\n"
                "    output a = a\n    output b = b\n    output c = c\n    output d = d\n");
}

TN_TEST(epilogues_attach)
{
    LOWERED(.dims = {B(3)}, .kernels = 1,
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,7]\n    weight w: f32[5,7]\n"
                "    weight b: f32[5]\n    input r: f32[B,5]\n"
                "    a: f32[B,5] = linear x, w, b\n    c: f32[B,5] = silu a\n"
                "    d: f32[B,5] = add c, r\n    e: f16[B,5] = cast d {to=f16}\n"
                "    output e = e\n",
        .tolerance = 1e-3);
}

TN_TEST(epilogues_attach_to_convolutions)
{
    LOWERED(.kernels = 1,
        .text = "graph main\n    input x: f32[2,5,11]\n    weight w: f32[7,5,3]\n"
                "    weight b: f32[7]\n    input r: f32[2,7,11]\n"
                "    c: f32[2,7,11] = conv x, w, b {padding=[1]}\n"
                "    g: f32[2,7,11] = gelu c\n    y: f32[2,7,11] = add g, r\n"
                "    output y = y\n");
    LOWERED(.kernels = 1, .tolerance = 1e-2,
        .text = "graph main\n    input x: bf16[1,4,5,6]\n    weight w: bf16[4,1,3,3]\n"
                "    weight b: bf16[4]\n"
                "    c: bf16[1,4,5,6] = conv x, w, b {padding=[1], groups=4}\n"
                "    y: bf16[1,4,5,6] = relu c\n    output y = y\n");
}

#define SPREAD(head, attrs)                                                                \
    "graph main\n    dim B 1..9\n    input x: f32[B,6,9]\n    weight w: f32[6,4,4]\n" head \
    "    c: f32[B,8,18] = conv_transpose x, w, b {strides=[2], padding=[1], " attrs "}\n"

/* Deviations over groups, put back and scaled by channels. */
#define GROUPS(shape, axes, ones)                                                    \
    "graph main\n    dim B 1..9\n    dim L 1..9\n    input x: f32[B,12,L]\n"         \
    "    weight w: f32[12,1]\n    g: f32" shape " = reshape x {to=" shape "}\n"      \
    "    m: f32" ones " = reduce_mean g {axes=" axes ", keepdims=true}\n"            \
    "    d: f32" shape " = sub g, m\n    q: f32" shape " = mul d, d\n"               \
    "    s: f32" ones " = reduce_sum q {axes=" axes ", keepdims=true}\n"             \
    "    n: f32" shape " = div d, s\n    y: f32[B,12,L] = reshape n {to=[B,12,L]}\n" \
    "    z: f32[B,12,L] = mul y, w\n    output z = z\n"

/* What follows a transposed convolution, and groups of channels put back, is
 * stored where its elements lie. */
TN_TEST(epilogues_attach_through_views)
{
    static const char phases[] =
        "graph main\n    dim L 1..40\n    input x: f32[2,5,L]\n    weight w: f32[5,4,4]\n"
        "    weight b: f32[4]\n    input r: f32[2,4,2*L]\n"
        "    c: f32[2,4,2*L] = conv_transpose x, w, b {strides=[2], padding=[1]}\n"
        "    g: f32[2,4,2*L] = gelu c\n    y: f32[2,4,2*L] = add g, r\n"
        "    output y = y\n    output c = c\n";

    LOWERED(.text = phases, .dims = {{"L", 7}}, .kernels = 1);
    LOWERED(.text = phases, .dims = {{"L", 1}}, .kernels = 1);
    LOWERED(.text = SPREAD("    weight b: f32[8]\n", "groups=2") "    y: f32[B,8,18] = tanh c\n"
                                                                 "    output y = y\n",
        .dims = {B(2)}, .kernels = 1);
    LOWERED(.kernels = 1,
        .text = "graph main\n    input x: f32[2,3,4,5]\n    weight w: f32[3,4,3,4]\n"
                "    c: f32[2,4,9,10] = conv_transpose x, w {strides=[2,2], padding=[0,0,1,1]}\n"
                "    y: f32[2,4,9,10] = relu c\n    output y = y\n");
    LOWERED(.kernels = 1,
        .text = "graph main\n    input x: f32[2,6,11]\n    weight w: f32[4,3,3]\n"
                "    weight b: f32[4]\n    input r: f32[2,4,11]\n"
                "    c: f32[2,4,11] = conv x, w, b {padding=[1], groups=2}\n"
                "    g: f32[2,4,11] = gelu c\n    y: f32[2,4,11] = add g, r\n"
                "    output y = y\n");
    LOWERED(.kernels = 1,
        .text = "graph main\n    input x: f32[2,12,7]\n    weight w: f32[12]\n"
                "    weight b: f32[12]\n    n: f32[2,12,7] = group_norm x, w, b {groups=3}\n"
                "    y: f32[2,12,7] = silu n\n    output y = y\n");
    /* As exporters write it: over groups and what is in them. */
    LOWERED(.dims = {B(2), {"L", 5}}, .kernels = 1, .text = GROUPS("[B,3,4*L]", "[2]", "[B,3,1]"));
    LOWERED(.dims = {B(2), {"L", 2}}, .kernels = 1, .text = GROUPS("[3*B,4*L]", "[1]", "[3*B,1]"));
    LOWERED(.dims = {B(3), {"L", 6}}, .kernels = 1,
        .text = GROUPS("[B,2,3,2*L]", "[1,3]", "[B,1,3,1]"));
    /* Nothing is joined; channels are cut in two. */
    LOWERED(.dims = {B(2), {"L", 5}}, .kernels = 1,
        .text = GROUPS("[B,3,4,L]", "[2,3]", "[B,3,1,1]"));
    LOWERED(.dims = {B(2), {"L", 5}}, .text = GROUPS("[B,6*L,2]", "[1]", "[B,1,2]"));
    /* Read at its own places as well, it is stored there alone. */
    LOWERED(.kernels = 3,
        .text = "graph main\n    input x: f32[5,3,7]\n    weight w: f32[3,4,7]\n"
                "    c: f32[5,3,4] = contract x, w {labels=\"ngi,goi->ngo\"}\n"
                "    j: f32[5,12] = reshape c {to=[5,12]}\n    y: f32[5,12] = tanh j\n"
                "    s: f32[5,3] = reduce_sum c {axes=[2]}\n    output y = y\n    output s = s\n");
}

TN_TEST(attention_by_hand)
{
    LOWERED(.dims = {B(2), {"S", 5}},
        .text = "graph main\n    dim B 1..9\n    dim S 1..9\n    input x: f32[B,S,8]\n"
                "    input length: i32[B] in 1..5\n    weight qkv: f32[3,2,4,8]\n"
                "    weight out: f32[8,2,4]\n"
                "    i: i32[S] = iota {size=S}\n"
                "    seen: bool[B,S] = less i, length {labels=\"s,b->bs\"}\n"
                "    all: f32[3,B,S,2,4] = contract x, qkv {labels=\"bsh,zndh->zbsnd\"}\n"
                "    q: f32[B,S,2,4] = index all {axis=0, at=0}\n"
                "    k: f32[B,S,2,4] = index all {axis=0, at=1}\n"
                "    v: f32[B,S,2,4] = index all {axis=0, at=2}\n"
                "    qk: f32[B,2,S,S] = contract q, k {labels=\"bsnd,btnd->bnst\"}\n"
                "    sc: f32[B,2,S,S] = mul qk, 0.5\n"
                "    sm: f32[B,2,S,S] = where seen, sc, -1000000000 {labels=\"bt,bnst,->bnst\"}\n"
                "    p: f32[B,2,S,S] = softmax sm {axis=3}\n"
                "    o: f32[B,S,2,4] = contract p, v {labels=\"bnst,btnd->bsnd\"}\n"
                "    a: f32[B,S,8] = contract o, out {labels=\"bsnd,hnd->bsh\"}\n"
                "    y: f32[B,S,8] = add x, a\n    output y = y\n",
        .kernels = 3);
}

/* ---- gathers, order, writing ---- */

TN_TEST(gathers)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[6,3]\n    input i: i32[B,2] in 0..5\n"
        "    input y: f32[B,4,3]\n    input j: i64[B,2] in 0..3\n"
        "    input k: i32[B,4,2] in 0..2\n    input n: i32[B,2] in 0..2\n"
        "    a: f32[B,2,3] = gather x, i {axis=0}\n"
        "    b: f32[B,2,3] = gather y, j {axis=1, batch_dims=1}\n"
        "    c: f32[B,4,2] = gather_elements y, k {axis=2}\n"
        "    d: f32[B] = gather_nd x, n\n"
        "    e: f32[B,2,3] = add a, b\n"
        "    output e = e\n    output c = c\n    output d = d\n";

    LOWERED(.text = text, .dims = {B(3)});
    LOWERED(.text = text, .dims = {B(0)});
}

TN_TEST(indices_out_of_range)
{
    LOWERED(.fails = true,
        .text = "graph main\n    input x: f32[6,3]\n    input i: i32[4] in 6..7\n"
                "    a: f32[4,3] = gather x, i {axis=0}\n    output a = a\n");
    LOWERED(.fails = true,
        .text = "graph main\n    input x: f32[6]\n    input i: i64[4] in -2..-1\n"
                "    a: f32[4] = gather_elements x, i {axis=0}\n    output a = a\n");
    LOWERED(.text = "graph main\n    input x: f32[6,3]\n    input i: i32[9] in -2..8\n"
                    "    a: f32[9,3] = gather x, i {axis=0, outside=\"skip\"}\n"
                    "    output a = a\n");
    LOWERED(.dims = {B(0)}, .fails = true,
        .text = "graph main\n    dim B 0..4\n    input x: f32[B]\n    input i: i32[2] in 0..0\n"
                "    a: f32[2] = gather x, i {axis=0}\n    output a = a\n");
    /* Of an empty result no index is used. */
    LOWERED(.dims = {B(0)},
        .text = "graph main\n    dim B 0..4\n    input x: f32[6,B]\n    input i: i32[2] in 7..8\n"
                "    a: f32[2,B] = gather x, i {axis=0}\n    output a = a\n");
}

/* No check is left out that could fail: a number that is the size of the axis
 * stands nowhere in it. */
TN_TEST(numbers_that_are_the_size)
{
    static const char *const at[] = {
        "fill {type=i32[4], value=6}", "maximum i, 6", "iota {size=4, start=3}"};
    char text[400];

    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        snprintf(text, sizeof text,
            "graph main\n    input x: f32[6,3]\n    input i: i32[4] in 0..5\n"
            "    j: i32[4] = %s\n    a: f32[4,3] = gather x, j {axis=0}\n"
            "    output a = a\n",
            at[k]);
        LOWERED(.text = text, .fails = true);
    }
    LOWERED(.text = "graph main\n    input x: f32[6,3]\n    input i: i32[4] in 0..9\n"
                    "    j: i32[4] = minimum i, 5\n    a: f32[4,3] = gather x, j {axis=0}\n"
                    "    output a = a\n");
}

TN_TEST(extremes)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    input x: f32[B,5]\n    input y: i32[B,5]\n"
        "    a: i32[B] = arg_max x {axis=1}\n    b: i64[5] = arg_min x {axis=0, dtype=i64}\n"
        "    c: i32[B,1] = arg_min y {axis=1, keepdims=true}\n"
        "    d: f32[B] = reduce_max x {axes=[1]}\n"
        "    output a = a\n    output b = b\n    output c = c\n    output d = d\n";

    LOWERED(.text = text, .dims = {B(4)});
    LOWERED(.text = text, .dims = {B(1)});
    LOWERED(.dims = {B(6)}, .special = 2,
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,5]\n"
                "    a: i32[B] = arg_max x {axis=1}\n    output a = a\n");
}

TN_TEST(running_operations)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[3,B]\n    input y: i32[B,2]\n"
        "    a: f32[3,B] = cum_sum x {axis=1}\n"
        "    b: f32[3,B] = cum_max x {axis=1, reverse=true}\n"
        "    c: f32[3,B] = cum_min x {axis=1, exclusive=true}\n"
        "    d: i32[B,2] = cum_prod y {axis=0, reverse=true, exclusive=true}\n"
        "    e: f32[3,B] = cum_sum x {axis=0}\n    f: f32[3,B] = mul a, e\n"
        "    output a = a\n    output b = b\n    output c = c\n    output d = d\n"
        "    output f = f\n";

    LOWERED(.text = text, .dims = {B(5)});
    LOWERED(.text = text, .dims = {B(1)}, .special = 3);
    LOWERED(.text = text, .dims = {B(0)});
}

TN_TEST(top_k)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    input x: f32[B,6]\n    input y: i32[6,B]\n"
        "    v: f32[B,3], i: i32[B,3] = top_k x {k=3}\n"
        "    s: f32[B,4], j: i64[B,4] = top_k x {k=4, largest=false, dtype=i64}\n"
        "    w: i32[2,B], l: i32[2,B] = top_k y {k=2, axis=0, largest=false}\n"
        "    one: f32[B,1], at: i32[B,1] = top_k x {k=1}\n"
        "    t: f32[B] = reduce_sum v {axes=[1]}\n"
        "    output v = v\n    output i = i\n    output s = s\n    output j = j\n"
        "    output w = w\n    output l = l\n    output one = one\n    output at = at\n"
        "    output t = t\n";

    LOWERED(.text = text, .dims = {B(3)});
    LOWERED(.text = text, .dims = {B(4)}, .special = 2);
}

/* One kernel each; a long top_k is the start of a sort. */
TN_TEST(sorting)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[3,B]\n    input y: i32[B,5]\n"
        "    v: f32[3,B], i: i32[3,B] = sort x {axis=1}\n"
        "    w: i32[B,5], j: i64[B,5] = sort y {axis=0, descending=true, dtype=i64}\n"
        "    output v = v\n    output i = i\n    output w = w\n    output j = j\n";
    static const char many[] =
        "graph main\n    input x: f32[2,80]\n    v: f32[2,70], i: i32[2,70] = top_k x {k=70}\n"
        "    output v = v\n    output i = i\n";

    static const char longer[] =
        "graph main\n    dim B 0..9\n    input x: f32[2,600]\n    input y: i32[90*B+3,2] in 0..40\n"
        "    v: f32[2,600], i: i32[2,600] = sort x {axis=1, descending=true}\n"
        "    w: i32[90*B+3,2], j: i64[90*B+3,2] = sort y {axis=0, dtype=i64}\n"
        "    output v = v\n    output i = i\n    output w = w\n    output j = j\n";

    LOWERED(.text = longer, .dims = {B(8)}, .special = 5, .seeds = 2);
    LOWERED(.text = longer, .dims = {B(0)}, .special = 2, .seeds = 2);
    LOWERED(.text = text, .dims = {B(7)}, .kernels = 2);
    LOWERED(.text = text, .dims = {B(8)}, .special = 2);
    LOWERED(.text = text, .dims = {B(0)});
    LOWERED(.text = many, .special = 3);
}

TN_TEST(sums_of_zeros)
{
    LOWERED(.dims = {B(4)},
        .text = "graph main\n    dim B 1..9\n    input i: i32[B,3] in 0..1\n"
                "    z: i32[2] = fill {type=i32[2], value=0}\n"
                "    g: i32[B,3] = gather z, i {axis=0}\n"
                "    s: i32[B] = reduce_sum g {axes=[1]}\n    output s = s\n");
}

TN_TEST(places_of_what_is_not_zero)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[B,3]\n    m: bool[B,3] = greater x, 0\n"
        "    i: i32[3*B,2], n: i32[] = nonzero m\n    j: i32[3*B+4,2], k: i32[] = nonzero x "
        "{limit=3*B+4}\n    output i = i\n    output n = n\n    output j = j\n"
        "    output k = k\n";

    LOWERED(.text = text, .dims = {B(5)}, .special = 2);
    LOWERED(.text = text, .dims = {B(1)});
    LOWERED(.text = text, .dims = {B(0)});
    LOWERED(.text = "graph main\n    input x: f32[4]\n    y: f32[4] = exp x\n"
                    "    i: i32[2,1], n: i32[] = nonzero y {limit=2}\n    output i = i\n",
        .fails = true);
    LOWERED(.text =
                "graph main\n    input x: f32[4]\n    y: f32[4] = exp x\n"
                "    i: i32[4,1], n: i32[] = nonzero y {limit=4}\n    j: i32[7] = iota {size=7}\n"
                "    l: bool[7] = less j, 3\n    k: i32[3,1], m: i32[] = nonzero l {limit=3}\n"
                "    output i = i\n    output k = k\n");
}

TN_TEST(gates)
{
    LOWERED(.dims = {{"M", 5}}, .kernels = 1, .tolerance = 1e-5,
        .text = "graph main\n    dim M 1..64\n    input z: f32[M,4]\n"
                "    c: f32[M,1] = reduce_std z {axes=[1], keepdims=true, divisor=\"n-1\"}\n"
                "    m: f32[M,1] = reduce_mean z {axes=[1], keepdims=true}\n"
                "    d: f32[M,4] = sub z, m\n    n: f32[M,4] = div d, c\n"
                "    ok: bool[M,1] = greater c, 0\n    k: f32[M,4] = where ok, n, 0\n"
                "    g: f32[M,4] = softmax k {axis=1}\n"
                "    v: f32[M,2], ids: i32[M,2] = top_k g {k=2}\n"
                "    s: f32[M,1] = reduce_sum v {axes=[1], keepdims=true}\n"
                "    w: f32[M,2] = div v, s\n"
                "    output ids = ids\n    output w = w\n    output g = g\n");
}

TN_TEST(orders_along_what_top_k_chose)
{
    LOWERED(.text = "graph main\n    input x: f32[9,6]\n"
                    "    v: f32[9,3], i: i32[9,3] = top_k x {k=3}\n"
                    "    c: f32[9,3] = cum_sum v {axis=1}\n    s: f32[9,3] = sin v\n"
                    "    a: i32[9] = arg_min s {axis=1}\n"
                    "    w: f32[9,2], j: i32[9,2] = top_k s {k=2}\n"
                    "    output i = i\n    output c = c\n    output a = a\n"
                    "    output w = w\n    output j = j\n");
    LOWERED(.text = "graph main\n    input x: i32[4]\n"
                    "    v: i32[4], i: i32[4] = top_k x {k=4, axis=0}\n"
                    "    n: i32[4] = add v, 1\n    m: i32[] = reduce_min n {axes=[0]}\n"
                    "    output v = v\n    output m = m\n");
}

TN_TEST(writing)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[5,4]\n    input y: f32[2,4]\n"
        "    input at: i32[] in 3..3\n    input z: f32[5,1]\n    input r: i32[5] in 0..3\n"
        "    input i: i32[B,4] in 0..4\n    input n: f32[B,4]\n    input k: i32[3,1] in 0..4\n"
        "    input m: f32[3,4]\n"
        "    a: f32[5,4] = update x, y {axis=0, at=1}\n"
        "    b: f32[5,4] = update x, y {axis=0, at=@at}\n"
        "    c: f32[5,4] = update x, z {axis=1, at=@r}\n"
        "    d: f32[5,4] = scatter_elements x, i, n {axis=0, reduce=\"add\"}\n"
        "    e: f32[5,4] = scatter_elements x, i, n {axis=0}\n"
        "    f: f32[5,4] = scatter_nd x, k, m\n"
        "    g: f32[5,4] = scatter_nd x, k, m {reduce=\"max\"}\n"
        "    output a = a\n    output b = b\n    output c = c\n    output d = d\n"
        "    output e = e\n    output f = f\n    output g = g\n";

    LOWERED(.text = text, .dims = {B(6)});
    LOWERED(.text = text, .dims = {B(0)});
    LOWERED(.fails = true,
        .text = "graph main\n    input x: f32[5,4]\n    input i: i32[2,4] in 5..5\n"
                "    input n: f32[2,4]\n"
                "    e: f32[5,4] = scatter_elements x, i, n {axis=0}\n    output e = e\n");
}

TN_TEST(states)
{
    LOWERED(.text = "graph main\n    input x: f32[1,4]\n    state s: f32[6,4]\n"
                    "    t: f32[6,4] = update s, x {axis=0, at=2}\n"
                    "    y: f32[4] = reduce_sum t {axes=[0]}\n"
                    "    output y = y\n    store s = t\n");
}

TN_MAIN(TN_CASE(contractions), TN_CASE(contractions_of_other_types), TN_CASE(epilogues_attach),
    TN_CASE(epilogues_attach_to_convolutions), TN_CASE(epilogues_attach_through_views),
    TN_CASE(attention_by_hand), TN_CASE(gathers), TN_CASE(indices_out_of_range),
    TN_CASE(numbers_that_are_the_size), TN_CASE(extremes), TN_CASE(running_operations),
    TN_CASE(top_k), TN_CASE(sorting), TN_CASE(sums_of_zeros), TN_CASE(places_of_what_is_not_zero),
    TN_CASE(gates), TN_CASE(orders_along_what_top_k_chose), TN_CASE(writing), TN_CASE(states))
