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

/* ---- element-wise ---- */

TN_TEST(maps)
{
    static const char text[] = "graph main\n"
                               "    dim B 0..64\n"
                               "    input x: f32[B,3,5]\n"
                               "    input y: f32[3,1]\n"
                               "    a: f32[B,3,5] = add x, y\n"
                               "    b: f32[B,3,5] = sin a\n"
                               "    c: f32[B,3,5] = maximum b, x\n"
                               "    d: bool[B,3,5] = less c, 0.5\n"
                               "    e: f32[B,3,5] = where d, c, 2.0\n"
                               "    f: f32[B,3,5] = clamp e, -0.5, 0.75\n"
                               "    output f = f\n"
                               "    output c = c\n";

    LOWERED(.text = text, .dims = {B(4)}, .kernels = 1);
    LOWERED(.text = text, .dims = {B(1)}, .special = 3);
    LOWERED(.text = text, .dims = {B(0)});
}

TN_TEST(every_float_function)
{
    static const char *const ops[] = {"neg", "abs", "sign", "floor", "ceil", "round", "trunc",
        "sqrt", "rsqrt", "recip", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin",
        "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "sigmoid", "relu",
        "silu", "softplus", "mish", "hard_swish", "leaky_relu", "elu", "hard_sigmoid", "gelu"};
    char text[300];

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        snprintf(text, sizeof text,
            "graph main\n    input x: f32[23]\n    y: f32[23] = %s x\n    output y = y\n", ops[i]);
        LOWERED(.text = text, .special = 4);
    }
}

TN_TEST(binary_functions)
{
    static const char *const ops[] = {
        "add", "sub", "mul", "div", "mod", "rem", "pow", "atan2", "maximum", "minimum"};
    char text[400];

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        snprintf(text, sizeof text,
            "graph main\n    input x: f32[40]\n    input z: f32[40]\n"
            "    y: f32[40] = %s x, z\n    output y = y\n",
            ops[i]);
        LOWERED(.text = text, .special = 3);
    }
}

TN_TEST(comparisons)
{
    static const char *const ops[] = {
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
    char text[400];

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        snprintf(text, sizeof text,
            "graph main\n    input x: f32[40]\n    input z: f32[40]\n"
            "    y: bool[40] = %s x, z\n    output y = y\n",
            ops[i]);
        LOWERED(.text = text, .special = 2);
    }
}

TN_TEST(integers)
{
    static const char *const types[] = {"i64", "i32", "i8", "u8", "u32"};
    static const char *const ops[] = {"add", "sub", "mul", "div", "rem", "mod", "maximum",
        "bit_and", "bit_or", "bit_xor", "shift_left", "shift_right"};
    char text[400];

    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
            snprintf(text, sizeof text,
                "graph main\n    input x: %s[17]\n    input z: %s[17] in 1..9\n"
                "    y: %s[17] = %s x, z\n    output y = y\n",
                types[t], types[t], types[t], ops[i]);
            LOWERED(.text = text, .seeds = 2);
        }
}

TN_TEST(dividing_integers_by_zero_fails)
{
    LOWERED(.fails = true,
        .text = "graph main\n    input x: i32[7]\n    input z: i32[7] in 0..0\n"
                "    y: i32[7] = div x, z\n    output y = y\n");
    LOWERED(.fails = true,
        .text = "graph main\n    input x: i32[7]\n    y: i32[7] = mod x, 0\n    output y = y\n");
}

TN_TEST(conversions)
{
    static const char *const types[] = {
        "f64", "f32", "f16", "bf16", "i64", "i32", "i8", "u8", "u32", "bool"};
    char text[400];

    for (size_t a = 0; a < 10; a++)
        for (size_t b = 0; b < 10; b++) {
            snprintf(text, sizeof text,
                "graph main\n    input x: %s[19]\n    y: %s[19] = cast x {to=%s}\n"
                "    output y = y\n",
                types[a], types[b], types[b]);
            LOWERED(.text = text, .special = 3, .seeds = 1);
        }
    LOWERED(.text = "graph main\n    input x: f32[9]\n    y: i32[9] = bitcast x {to=i32}\n"
                    "    output y = y\n");
}

TN_TEST(truth)
{
    LOWERED(.text = "graph main\n    input a: bool[9]\n    input b: bool[9]\n"
                    "    c: bool[9] = and a, b\n    d: bool[9] = or c, b\n"
                    "    e: bool[9] = xor d, a\n    f: bool[9] = not e\n"
                    "    output f = f\n    output c = c\n");
}

TN_TEST(halves_round_after_each_operation)
{
    LOWERED(.tolerance = 2e-2,
        .text = "graph main\n    input x: f16[31]\n    input z: bf16[31]\n"
                "    a: f16[31] = mul x, x\n    b: f16[31] = add a, 0.1\n"
                "    c: bf16[31] = exp z\n    d: bf16[31] = sub c, z\n"
                "    output b = b\n    output d = d\n");
}

TN_TEST(labels)
{
    LOWERED(.dims = {B(3)},
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4]\n    input y: f32[4,5]\n"
                "    input c: bool[B]\n"
                "    s: f32[5,B,4] = add x, y {labels=\"bi,ij->jbi\"}\n"
                "    t: f32[B,4] = where c, x, 0.0 {labels=\"b,bi,->bi\"}\n"
                "    output s = s\n    output t = t\n");
}

TN_TEST(literals_over_symbols)
{
    LOWERED(.dims = {B(3)},
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4]\n"
                "    v: f32[4] = reduce_var x {axes=[0], divisor=\"n-1\"}\n"
                "    output v = v\n");
}

/* ---- views ---- */

TN_TEST(views)
{
    LOWERED(.dims = {B(3)}, .kernels = 4,
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4,6]\n"
                "    a: f32[4,B,6] = transpose x {perm=[1,0,2]}\n"
                "    b: f32[4,B,1,6] = unsqueeze a {axes=[2]}\n"
                "    c: f32[4,B,5,6] = broadcast b {to=[4,B,5,6]}\n"
                "    d: f32[B,2,6] = slice x {axis=1, start=1, size=2}\n"
                "    e: f32[B,4,3] = slice x {axis=2, start=1, size=3, step=2}\n"
                "    f: f32[B,6] = index x {axis=1, at=2}\n"
                "    g: f32[B,4,6] = reverse x {axes=[0,2]}\n"
                "    h: f32[B,4,6] = add x, g\n"
                "    output c = c\n    output d = d\n    output e = e\n    output f = h\n");
}

TN_TEST(stretched_results_are_stored_whole)
{
    LOWERED(.text = "graph main\n    input x: f32[1,2,4]\n    a: f32[1,2,4] = sin x\n"
                    "    u: f32[1,2,1,4] = unsqueeze a {axes=[2]}\n"
                    "    y: f32[1,2,5,4] = broadcast u {to=[1,2,5,4]}\n    output y = y\n");
}

TN_TEST(reshapes)
{
    LOWERED(.dims = {B(3)},
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4,6]\n"
                "    e: f32[B,4,6] = exp x\n"
                "    a: f32[B,24] = reshape e {to=[B,24]}\n"
                "    b: f32[4*B,6] = reshape e {to=[4*B,6]}\n"
                "    c: f32[B,2,2,3,2] = reshape e {to=[B,2,2,3,2]}\n"
                "    d: f32[B,8,3] = reshape e {to=[B,8,3]}\n"
                "    m: f32[B,8,3] = mul d, 2.0\n"
                "    n: f32[24*B] = reshape m {to=[24*B]}\n"
                "    output a = a\n    output b = b\n    output c = c\n    output n = n\n");
    LOWERED(.text = "graph main\n    input x: f32[1,6,1]\n    e: f32[1,6,1] = exp x\n"
                    "    a: f32[2,1,3] = reshape e {to=[2,1,3]}\n"
                    "    b: f32[3,1,2] = transpose a {perm=[2,1,0]}\n"
                    "    c: f32[6] = reshape b {to=[6]}\n    output c = c\n");
}

TN_TEST(joins)
{
    static const char text[] =
        "graph main\n    dim B 0..9\n    input x: f32[B,4]\n    input y: f32[3,4]\n"
        "    c: f32[2*B+3,4] = concat x, y, x {axis=0}\n"
        "    p: f32[B,9] = pad x {axis=1, before=2, after=3, value=7}\n"
        "    r: f32[5,4] = pad y {axis=0, before=1, after=1, mode=\"reflect\"}\n"
        "    e: f32[9,4] = pad y {axis=0, before=2, after=4, mode=\"edge\"}\n"
        "    t: f32[6,8] = tile y {repeats=[2,2]}\n"
        "    s1: f32[2,4], s2: f32[1,4] = split y {axis=0, sizes=[2,1]}\n"
        "    output c = c\n    output p = p\n    output r = r\n    output e = e\n"
        "    output t = t\n    output s2 = s2\n    output s1 = s1\n";

    LOWERED(.text = text, .dims = {B(3)}, .special = 5);
    LOWERED(.text = text, .dims = {B(1)});
    LOWERED(.text = text, .dims = {B(0)});
}

/* Stored part by part, with what follows; reduced it is chosen from. */
TN_TEST(joins_with_more_behind)
{
    LOWERED(.dims = {B(3), {"T", 2}}, .kernels = 3,
        .text = "graph main\n    dim B 1..9\n    dim T 0..9\n    input x: f32[B,4]\n"
                "    input y: f32[B,T]\n    input z: f32[B,1]\n    input v: f32[T+5]\n"
                "    c: f32[B,T+5] = concat x, y, z {axis=1}\n"
                "    d: f32[B,T+5] = mul c, v\n    e: f32[B,T+5] = exp d\n"
                "    s: f32[B] = reduce_sum e {axes=[1]}\n"
                "    g: f32[B,8] = concat x, x {axis=1}\n    h: f32[B,8] = sin g\n"
                "    k: f32[2*T+10] = concat v, v {axis=0}\n"
                "    output e = e\n    output s = s\n    output g = g\n    output h = h\n"
                "    output k = k\n");
}

/* A kernel binds so many tensors; longer lists become several. */
TN_TEST(long_joins)
{
    char text[4000];
    size_t n = (size_t)snprintf(text, sizeof text,
        "graph main\n    input x: f32[2,3]\n    input y: f32[2,1]\n    c: f32[2,200] = concat x");

    for (int i = 1; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? ", y" : ", x");
    snprintf(text + n, sizeof text - n, " {axis=1}\n    output c = c\n");
    LOWERED(.text = text);
}

TN_TEST(many_operands)
{
    char text[8000];
    size_t n = (size_t)snprintf(text, sizeof text, "graph main\n    input a0: f32[7]\n");

    for (int i = 1; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "    input a%d: f32[7]\n", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "    s0: f32[7] = exp a0\n");
    for (int i = 1; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "    s%d: f32[7] = add s%d, a%d\n", i,
            i - 1, i);
    snprintf(text + n, sizeof text - n, "    output s = s99\n");
    LOWERED(.text = text, .kernels = 3);
}

TN_TEST(more_results_than_a_kernel_binds)
{
    char text[8000];
    size_t n = (size_t)snprintf(text, sizeof text, "graph main\n");

    for (int i = 0; i < 50; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "    input a%d: f32[7]\n", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "    s0: f32[7] = exp a0\n");
    for (int i = 1; i < 50; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
            "    s%d: f32[7] = add s%d, a%d\n    output s%d = s%d\n", i, i - 1, i, i, i);
    LOWERED(.text = text);
}

TN_TEST(more_sizes_than_a_kernel_binds)
{
    char text[8000];
    size_t n = (size_t)snprintf(text, sizeof text, "graph main\n    dim A 1..9\n");

    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "    input a%d: f32[A+%d,2]\n", i, i);
    n += (size_t)snprintf(text + n, sizeof text - n, "    c: f32[40*A+780,2] = concat a0");
    for (int i = 1; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ", a%d", i);
    snprintf(text + n, sizeof text - n,
        " {axis=0}\n    d: f32[40*A+780,2] = tanh c\n    output d = d\n");
    LOWERED(.text = text);
}

TN_TEST(offsets_from_data)
{
    static const char text[] = "graph main\n    input x: f32[7,3]\n    input at: i32[] in 3..3\n"
                               "    s: f32[4,3] = slice x {axis=0, start=@at, size=4}\n"
                               "    i: f32[3] = index x {axis=0, at=@at}\n"
                               "    n: i32[4] = iota {start=@at, size=4}\n"
                               "    output s = s\n    output i = i\n    output n = n\n";

    LOWERED(.text = text);
    LOWERED(.fails = true,
        .text = "graph main\n    input x: f32[7,3]\n    input at: i32[] in 4..4\n"
                "    s: f32[4,3] = slice x {axis=0, start=@at, size=4}\n    output s = s\n");
    LOWERED(.fails = true,
        .text = "graph main\n    input x: f32[7,3]\n    input at: i32[]\n"
                "    z: i32[] = sub at, 9\n"
                "    s: f32[3] = index x {axis=0, at=@z}\n    output s = s\n");
}

TN_TEST(results_that_nothing_computes)
{
    LOWERED(.dims = {B(3)},
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4]\n    weight w: f32[2]\n"
                "    n: i32[B] = iota {size=B}\n"
                "    c: f32[2] = constant {type=f32[2], data=[1, 2.5]}\n"
                "    f: f32[B] = fill {type=f32[B], value=3}\n"
                "    output x = x\n    output w = w\n    output n = n\n    output c = c\n"
                "    output f = f\n");
}

/* ---- reductions ---- */

TN_TEST(reductions)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    input x: f32[B,4,6]\n"
        "    a: f32[B,4] = reduce_sum x {axes=[2]}\n"
        "    b: f32[B,1,6] = reduce_max x {axes=[1], keepdims=true}\n"
        "    c: f32[4] = reduce_min x {axes=[0,2]}\n"
        "    d: f32[] = reduce_mean x {axes=[0,1,2]}\n"
        "    e: f32[B,6] = reduce_prod x {axes=[1]}\n"
        "    output a = a\n    output b = b\n    output c = c\n    output d = d\n"
        "    output e = e\n";

    LOWERED(.text = text, .dims = {B(3)});
    LOWERED(.text = text, .dims = {B(1)}, .special = 7);
}

TN_TEST(reductions_of_nothing)
{
    LOWERED(.dims = {B(0)},
        .text = "graph main\n    dim B 0..9\n    input x: f32[3,B]\n    input y: i32[3,B]\n"
                "    a: f32[3] = reduce_sum x {axes=[1]}\n"
                "    b: f32[3] = reduce_max x {axes=[1]}\n"
                "    c: f32[3] = reduce_mean x {axes=[1]}\n"
                "    d: i32[3] = reduce_min y {axes=[1]}\n"
                "    e: i32[3] = reduce_max y {axes=[1]}\n"
                "    f: f32[3] = reduce_logsumexp x {axes=[1]}\n"
                "    output a = a\n    output b = b\n    output c = c\n    output d = d\n"
                "    output e = e\n    output f = f\n");
}

TN_TEST(reductions_of_integers_and_truth)
{
    LOWERED(.dims = {B(5)},
        .text = "graph main\n    dim B 1..9\n    input x: i8[B,9]\n    input t: bool[B,3]\n"
                "    a: i8[B] = reduce_prod x {axes=[1]}\n"
                "    b: i8[9] = reduce_sum x {axes=[0]}\n"
                "    c: bool[B] = reduce_any t {axes=[1]}\n"
                "    d: bool[B] = reduce_all t {axes=[1]}\n"
                "    output a = a\n    output b = b\n    output c = c\n    output d = d\n");
}

TN_TEST(repeated_values_are_reduced_too)
{
    LOWERED(.dims = {B(5)},
        .text = "graph main\n    dim B 1..9\n    input x: f32[3,1]\n"
                "    y: f32[3,B] = broadcast x {to=[3,B]}\n"
                "    s: f32[3] = reduce_sum y {axes=[1]}\n"
                "    p: f32[3] = reduce_max y {axes=[1]}\n"
                "    output s = s\n    output p = p\n");
}

TN_TEST(softmax_and_norms)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    input x: f32[B,3,7]\n    weight w: f32[7]\n"
        "    weight b: f32[7]\n"
        "    a: f32[B,3,7] = softmax x {axis=2}\n"
        "    c: f32[B,3,7] = log_softmax x {axis=1}\n"
        "    d: f32[B,3,7] = layer_norm x, w, b {eps=1e-5}\n"
        "    e: f32[B,3,7] = rms_norm x, w {eps=1e-5}\n"
        "    f: f32[B,3] = reduce_logsumexp x {axes=[2]}\n"
        "    g: f32[B,3] = reduce_std x {axes=[2]}\n"
        "    output a = a\n    output c = c\n    output d = d\n    output e = e\n"
        "    output f = f\n    output g = g\n";

    LOWERED(.text = text, .dims = {B(3)}, .tolerance = 1e-6);
    LOWERED(.text = text, .dims = {B(2)}, .tolerance = 1e-6, .special = 9);
}

TN_TEST(norms_over_channels)
{
    LOWERED(.dims = {B(2)}, .tolerance = 1e-6,
        .text = "graph main\n    dim B 1..9\n    input x: f32[B,4,5]\n    weight w: f32[4]\n"
                "    weight b: f32[4]\n    weight m: f32[4]\n    weight v: f32[4]\n"
                "    va: f32[4] = mul v, v\n"
                "    a: f32[B,4,5] = batch_norm x, w, b, m, va\n"
                "    c: f32[B,4,5] = group_norm x, w, b {groups=2}\n"
                "    d: f32[B,4,5] = instance_norm x, w, b\n"
                "    output a = a\n    output c = c\n    output d = d\n");
}

/* sin is kept for the last store, and what keeps the minimum reads it first. */
TN_TEST(kept_behind_what_is_kept)
{
    LOWERED(.dims = {B(3)}, .tolerance = 1e-6,
        .text = "graph main\n    dim B 0..64\n    input x: f32[B,5]\n    input y: f32[B,5]\n"
                "    s: f32[B,5] = sin x\n    d: f32[B,5] = add s, s\n"
                "    m: f32[B,5] = minimum y, s\n    p: f32[B,5] = softmax m {axis=0}\n"
                "    t: f32[B,5] = sin d\n    output p = p\n    output t = t\n");
}

/* The last store makes what the first loop reads; with a part of a vector left. */
TN_TEST(stored_last_and_read_first)
{
    LOWERED(.dims = {B(3)}, .tolerance = 1e-6,
        .text = "graph main\n    dim B 0..64\n    input x: f32[B,B]\n"
                "    m: f32[B,B] = mul x, x\n    p: f32[B,B] = softmax m {axis=0}\n"
                "    output p = p\n    output m = m\n");
}

/* What is stored before it is read again needs what stands behind it once. */
TN_TEST(stored_and_read_by_later_loops)
{
    LOWERED(.tolerance = 1e-6,
        .text = "graph main\n    input x: f32[17]\n    input w: f32[17]\n"
                "    s: f32[17] = softmax x {axis=0}\n"
                "    c: f32[17] = cum_sum s {axis=0, reverse=true}\n"
                "    r: f32[17] = rms_norm s, w {eps=0.5}\n"
                "    output c = c\n    output r = r\n");
    LOWERED(.tolerance = 1e-6,
        .text = "graph main\n    input x: f32[7,3]\n    input a: f32[3]\n    input b: f32[3]\n"
                "    input w: f32[3]\n    n: f32[7,3] = layer_norm x, a, b {eps=0.5}\n"
                "    s: f32[7,3] = add n, x\n    t: f32[3,7] = transpose n {perm=[1,0]}\n"
                "    r: f32[7,3] = rms_norm s, w {eps=0.5}\n"
                "    output t = t\n    output r = r\n");
}

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

    LOWERED(.text = text, .dims = {B(2)}, .kernels = 6);
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

/* ---- loops ---- */

static const char crf[] =
    "graph main\n    dim B 1..256\n    dim T 1..512\n    input emissions: f32[B,T,3]\n"
    "    input length: i32[B] in 1..4\n    weight trans: f32[3,3]\n    weight cap: f32[3,3]\n"
    "    weight start: f32[3]\n"
    "    A: f32[3,3] = minimum trans, cap\n"
    "    e0: f32[B,3] = index emissions {axis=1, at=0}\n"
    "    d0: f32[B,3] = add e0, start\n"
    "    rest: f32[B,T-1,3] = slice emissions {axis=1, start=1, size=T-1}\n"
    "    tag: i32[3] = iota {size=3}\n"
    "    dn: f32[B,3], back: i32[B,T-1,3] = scan d0, rest {carries=1, axis=1} do (d, e, t)\n"
    "        s: f32[B,3,3] = add d, A {labels=\"bi,ij->bij\"}\n"
    "        best: f32[B,3] = reduce_max s {axes=[1]}\n"
    "        b: i32[B,3] = arg_max s {axis=1}\n"
    "        dt: f32[B,3] = add best, e\n"
    "        t1: i32[] = add t, 1\n"
    "        live: bool[B] = less t1, length\n"
    "        d1: f32[B,3] = where live, dt, d {labels=\"b,bk,bk->bk\"}\n"
    "        b1: i32[B,3] = where live, b, tag {labels=\"b,bk,k->bk\"}\n"
    "        yield d1, b1\n"
    "    end\n"
    "    score: f32[B] = reduce_max dn {axes=[1]}\n"
    "    last: i32[B] = arg_max dn {axis=1}\n"
    "    yn: i32[B,1] = unsqueeze last {axes=[1]}\n"
    "    yf: i32[B,1], ys: i32[B,T-1] = scan yn, back {carries=1, axis=1, reverse=true} do (y, "
    "bb, t2)\n"
    "        y2: i32[B,1] = gather_elements bb, y {axis=1}\n"
    "        y3: i32[B] = squeeze y2 {axes=[1]}\n"
    "        yield y2, y3\n"
    "    end\n"
    "    path: i32[B,T] = concat ys, yn {axis=1}\n"
    "    an: f32[B,3] = scan d0, rest {carries=1, axis=1} do (a, e2, t3)\n"
    "        s2: f32[B,3,3] = add a, A {labels=\"bi,ij->bji\"}\n"
    "        l: f32[B,3] = reduce_logsumexp s2 {axes=[2]}\n"
    "        at: f32[B,3] = add l, e2\n"
    "        t4: i32[] = add t3, 1\n"
    "        live2: bool[B] = less t4, length\n"
    "        a2: f32[B,3] = where live2, at, a {labels=\"b,bk,bk->bk\"}\n"
    "        yield a2\n"
    "    end\n"
    "    log_z: f32[B] = reduce_logsumexp an {axes=[1]}\n"
    "    output path = path\n    output score = score\n    output log_z = log_z\n";

TN_TEST(conditional_random_field)
{
    LOWERED(.text = crf, .dims = {B(4), {"T", 5}}, .kernels = 3);
    LOWERED(.text = crf, .dims = {B(1), {"T", 1}});
    LOWERED(.text = crf, .dims = {B(2), {"T", 4}}, .special = 6);
}

TN_TEST(recurrent_layers)
{
    LOWERED(.dims = {B(3), {"T", 4}},
        .text = "graph main\n    dim B 1..9\n    dim T 0..9\n    input x: f32[B,T,3]\n"
                "    weight w: f32[20,3]\n    weight r: f32[20,5]\n    weight b: f32[20]\n"
                "    weight gw: f32[15,3]\n    weight gr: f32[15,5]\n    weight gb: f32[30]\n"
                "    input h0: f32[B,5]\n"
                "    y: f32[B,T,5], h: f32[B,5], c: f32[B,5] = lstm x, w, r, b\n"
                "    z: f32[B,T,5], g: f32[B,5] = gru x, gw, gr, gb, h0 {reverse=true}\n"
                "    q: f32[B,T,5], k: f32[B,5] = gru x, gw, gr {reset_after=false}\n"
                "    output y = y\n    output h = h\n    output c = c\n    output z = z\n"
                "    output g = g\n    output q = q\n    output k = k\n");
}

TN_TEST(scans_over_anything)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    dim T 0..9\n    input x: f32[T,B]\n"
        "    input m: f32[4,4]\n    input v: f32[4]\n"
        "    f: f32[] = reduce_sum v {axes=[0]}\n"
        "    s: f32[], all: f32[T,B] = scan f, x {carries=1} do (a, p, t)\n"
        "        q: f32[] = reduce_sum p {axes=[0]}\n"
        "        n: f32[] = add a, q\n"
        "        o: f32[B] = mul p, a\n"
        "        yield n, o\n"
        "    end\n"
        "    u: f32[4,4], w: f32[4] = scan m, v {carries=2, count=3} do (mm, vv, i)\n"
        "        mt: f32[4,4] = transpose mm {perm=[1,0]}\n"
        "        m2: f32[4,4] = contract mm, mt {labels=\"ij,jk->ik\"}\n"
        "        m3: f32[4,4] = mul m2, 0.125\n"
        "        v2: f32[4] = contract mm, vv {labels=\"ij,j->i\"}\n"
        "        g: f32[4] = reverse v2 {axes=[0]}\n"
        "        yield m3, g\n"
        "    end\n"
        "    output s = s\n    output all = all\n    output u = u\n    output w = w\n";

    LOWERED(.text = text, .dims = {B(3), {"T", 4}});
    LOWERED(.text = text, .dims = {B(1), {"T", 0}});
}

TN_TEST(rotary_positions)
{
    LOWERED(.dims = {B(2), {"T", 3}}, .tolerance = 1e-6,
        .text = "graph main\n    dim B 1..9\n    dim T 1..9\n    input x: f32[B,T,2,6]\n"
                "    input p: i32[] in 2..2\n    input r: i32[B] in 0..5\n"
                "    a: f32[B,T,2,6] = rope x, p\n"
                "    b: f32[B,T,2,6] = rope x, r {pairing=\"interleaved\", dims=4}\n"
                "    y: f32[B,2,T,6] = transpose x {perm=[0,2,1,3]}\n"
                "    c: f32[B,2,T,6] = rope y, r {layout=\"bntd\"}\n"
                "    output a = a\n    output b = b\n    output c = c\n");
}

TN_TEST(what_no_device_runs_is_named)
{
    LOWERED(.refused = 4,
        .text = "graph main\n    input x: f32[3,4]\n    input c: f32[4]\n"
                "    y: f32[4] = scan c, x {carries=1} do (h, p, t)\n"
                "        z: f32[] = fill {type=f32[], value=0}\n"
                "        s: f32[] = scan z, p {carries=1} do (i, q, u)\n"
                "            r: f32[] = add i, q\n"
                "            yield r\n"
                "        end\n"
                "        n: f32[4] = add h, s\n"
                "        yield n\n"
                "    end\n"
                "    output y = y\n");
}

TN_MAIN(TN_CASE(maps), TN_CASE(every_float_function), TN_CASE(binary_functions),
    TN_CASE(comparisons), TN_CASE(integers), TN_CASE(dividing_integers_by_zero_fails),
    TN_CASE(conversions), TN_CASE(truth), TN_CASE(halves_round_after_each_operation),
    TN_CASE(labels), TN_CASE(literals_over_symbols), TN_CASE(views),
    TN_CASE(stretched_results_are_stored_whole), TN_CASE(reshapes), TN_CASE(joins),
    TN_CASE(joins_with_more_behind), TN_CASE(long_joins), TN_CASE(many_operands),
    TN_CASE(more_results_than_a_kernel_binds), TN_CASE(more_sizes_than_a_kernel_binds),
    TN_CASE(offsets_from_data), TN_CASE(results_that_nothing_computes), TN_CASE(reductions),
    TN_CASE(reductions_of_nothing), TN_CASE(reductions_of_integers_and_truth),
    TN_CASE(repeated_values_are_reduced_too), TN_CASE(softmax_and_norms),
    TN_CASE(norms_over_channels), TN_CASE(kept_behind_what_is_kept),
    TN_CASE(stored_last_and_read_first), TN_CASE(stored_and_read_by_later_loops),
    TN_CASE(contractions), TN_CASE(contractions_of_other_types), TN_CASE(epilogues_attach),
    TN_CASE(epilogues_attach_to_convolutions), TN_CASE(attention_by_hand), TN_CASE(gathers),
    TN_CASE(indices_out_of_range), TN_CASE(extremes), TN_CASE(running_operations), TN_CASE(top_k),
    TN_CASE(sorting), TN_CASE(sums_of_zeros), TN_CASE(places_of_what_is_not_zero), TN_CASE(gates),
    TN_CASE(orders_along_what_top_k_chose), TN_CASE(writing), TN_CASE(states),
    TN_CASE(conditional_random_field), TN_CASE(recurrent_layers), TN_CASE(scans_over_anything),
    TN_CASE(rotary_positions), TN_CASE(what_no_device_runs_is_named))
