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

/* What lies beyond x: zeros of memory, of what is computed there, of another
 * value, before and behind. */
TN_TEST(windows)
{
    LOWERED(.dims = {B(7)},
        .text = "graph main\n    dim B 1..16\n    input x: f32[3,B]\n    input z: f32[B,5]\n"
                "    a: f32[3,B+1,3] = windows x {window=[3], padding=[1,2]}\n"
                "    b: f32[floor((B+2)/3)+1,3,2,2] = windows z {window=[2,2], strides=[3,1], "
                "padding=[2,2,0,0], dilations=[1,2]}\n"
                "    c: f32[3,B+1] = reduce_max a {axes=[2]}\n"
                "    output a = a\n    output b = b\n    output c = c\n");
    LOWERED(.dims = {B(4)},
        .text =
            "graph main\n    dim B 1..16\n    input x: f32[3,B]\n    e: f32[3,B] = exp x\n"
            "    a: f32[3,B,2] = windows e {window=[2], padding=[0,1]}\n"
            "    b: f32[3,B+1,4] = windows x {window=[4], padding=[3,1], value=-1.5}\n"
            "    c: f32[3,B] = reduce_min a {axes=[2]}\n    d: f32[3,B+1] = reduce_sum b {axes=[2]}\n"
            "    output a = a\n    output c = c\n    output d = d\n");
    LOWERED(.dims = {B(1)},
        .text = "graph main\n    dim B 1..16\n    input i: i32[B]\n    p: i32[B] = add i, 7\n"
                "    a: i32[B,3] = windows p {window=[3], padding=[2,0]}\n"
                "    s: i32[B] = reduce_sum a {axes=[1]}\n    output s = s\n");
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
    char text[8000];
    size_t n = (size_t)snprintf(text, sizeof text,
        "graph main\n    input x: f32[2,3]\n    input y: f32[2,1]\n    c: f32[2,200] = concat x");

    for (int i = 1; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? ", y" : ", x");
    snprintf(text + n, sizeof text - n, " {axis=1}\n    output c = c\n");
    LOWERED(.text = text);
    n = (size_t)snprintf(text, sizeof text, "graph main\n");
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "    input a%d: f32[2,1]\n", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "    c: f32[2,100] = concat a0");
    for (int i = 1; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ", a%d", i);
    snprintf(text + n, sizeof text - n,
        " {axis=1}\n    d: f32[2,100] = exp c\n    output c = c\n    output d = d\n");
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

/* Of what is on one pair of axes one may be read turned, or summed across. */
TN_TEST(square_values_read_turned)
{
    LOWERED(.kernels = 2,
        .text = "graph main\n    input x: f32[5,5]\n    a: f32[5,5] = exp x\n"
                "    t: f32[5,5] = transpose a {perm=[1,0]}\n    y: f32[5,5] = add a, t\n"
                "    output y = y\n");
    LOWERED(.kernels = 2,
        .text = "graph main\n    input x: f32[5,5]\n    a: f32[5,5] = exp x\n"
                "    b: f32[5,5] = sin a\n    t: f32[5,5] = transpose b {perm=[1,0]}\n"
                "    y: f32[5,5] = sub a, t\n    output y = y\n    output b = b\n");
    LOWERED(.kernels = 2,
        .text = "graph main\n    input x: f32[5,5]\n    a: f32[5,5] = exp x\n"
                "    r: f32[5,1] = reduce_sum a {axes=[1], keepdims=true}\n"
                "    c: f32[1,5] = reduce_sum a {axes=[0], keepdims=true}\n"
                "    d: f32[5,5] = div a, r\n    e: f32[5,5] = mul d, c\n"
                "    output e = e\n    output c = c\n");
    LOWERED(.kernels = 3,
        .text =
            "graph main\n    input x: f32[5,5,5]\n    a: f32[5,5,5] = exp x\n"
            "    r: f32[5,5] = reduce_sum a {axes=[2]}\n    s: f32[5] = reduce_max r {axes=[0]}\n"
            "    t: f32[5] = reduce_sum r {axes=[1]}\n    u: f32[5] = add s, t\n"
            "    output u = u\n");
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

TN_MAIN(TN_CASE(maps), TN_CASE(every_float_function), TN_CASE(binary_functions),
    TN_CASE(comparisons), TN_CASE(integers), TN_CASE(dividing_integers_by_zero_fails),
    TN_CASE(conversions), TN_CASE(truth), TN_CASE(halves_round_after_each_operation),
    TN_CASE(labels), TN_CASE(literals_over_symbols), TN_CASE(views),
    TN_CASE(stretched_results_are_stored_whole), TN_CASE(windows), TN_CASE(reshapes),
    TN_CASE(joins), TN_CASE(joins_with_more_behind), TN_CASE(long_joins), TN_CASE(many_operands),
    TN_CASE(more_results_than_a_kernel_binds), TN_CASE(more_sizes_than_a_kernel_binds),
    TN_CASE(offsets_from_data), TN_CASE(results_that_nothing_computes), TN_CASE(reductions),
    TN_CASE(reductions_of_nothing), TN_CASE(reductions_of_integers_and_truth),
    TN_CASE(repeated_values_are_reduced_too), TN_CASE(softmax_and_norms),
    TN_CASE(norms_over_channels), TN_CASE(kept_behind_what_is_kept),
    TN_CASE(stored_last_and_read_first), TN_CASE(stored_and_read_by_later_loops),
    TN_CASE(square_values_read_turned), TN_CASE(rotary_positions))
