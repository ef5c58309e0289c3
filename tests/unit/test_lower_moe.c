/* SPDX-License-Identifier: Apache-2.0
 * Choice of experts and sums over them: as decomposition and as kernels of
 * their own, held against the reference. */
#include <stdio.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/test.h"

#ifndef LOWERED_TARGETS
#define LOWERED_TARGETS false
#endif
#define LOWERED(...) lowered_check(&(lowered_case){__VA_ARGS__}, LOWERED_TARGETS)
#define B(n) {"B", n}

static void
route(const char *attrs, int experts, int k, bool bias, int special)
{
    char text[600];

    snprintf(text, sizeof text,
        "graph main\n    dim B 0..64\n    input z: f32[B,%d]\n%s"
        "    i: i32[B,%d], w: f32[B,%d], g: f32[B,%d] = route z%s {k=%d%s}\n"
        "    output i = i\n    output w = w\n    output g = g\n",
        experts, bias ? "    input b: f32[8]\n" : "", k, k, experts, bias ? ", b" : "", k, attrs);
    LOWERED(.text = text, .dims = {B(7)}, .special = special, .kernels = 1);
    LOWERED(.text = text, .dims = {B(0)}, .kernels = 1);
}

TN_TEST(routes)
{
    route("", 8, 2, false, 0);
    route(", norm=\"std\", lambda=2", 8, 2, false, 0);
    route(", norm=\"std\", divisor=\"n\"", 5, 1, false, 0);
    route(", norm=\"std\"", 1, 1, false, 0);
    route(", score=\"sigmoid\", scale=2.5, eps=0.000001", 8, 8, true, 0);
    route(", score=\"sqrt_softplus\", renorm=false", 8, 3, true, 0);
    route(", score=\"none\"", 8, 2, false, 5);
    route(", select=\"before\"", 8, 4, false, 0);
    route(", select=\"before\", score=\"sigmoid\"", 8, 4, true, 0);
}

TN_TEST(routes_by_groups)
{
    route(", groups=4, top_groups=2", 8, 3, false, 0);
    route(", groups=2, top_groups=1, group_score=\"top2\"", 8, 4, true, 0);
    route(", score=\"none\", groups=4, top_groups=3", 8, 6, false, 3);
    route(", score=\"sigmoid\", groups=4, top_groups=2, group_score=\"top2\"", 8, 2, true, 0);
}

TN_TEST(routes_of_halves_and_many_axes)
{
    LOWERED(.dims = {B(3)}, .tolerance = 1e-5, .kernels = 1,
        .text = "graph main\n    dim B 1..9\n    input z: bf16[B,2,6]\n"
                "    i: i32[B,2,2], w: f32[B,2,2], g: f32[B,2,6] = route z {k=2}\n"
                "    output i = i\n    output w = w\n");
    LOWERED(.kernels = 2,
        .text = "graph main\n    input z: f32[6]\n    y: f32[6] = tanh z\n"
                "    i: i32[2], w: f32[2], g: f32[6] = route y {k=2, norm=\"std\"}\n"
                "    output i = i\n    output w = w\n    output y = y\n");
}

/* Experts of a graph whose ids come from data or from a route. */
static void
moe(const char *type, int hidden, int width, int k, const char *attrs, bool gate, int b,
    double tolerance, int kernels)
{
    char text[1200];

    snprintf(text, sizeof text,
        "graph main\n    dim B 0..64\n    input x: %s[B,%d]\n    input z: f32[B,5]\n"
        "    weight up: %s[5,%d,%d]\n    weight gate: %s[5,%d,%d]\n    weight down: %s[5,%d,%d]\n"
        "    i: i32[B,%d], w: f32[B,%d], g: f32[B,5] = route z {k=%d}\n"
        "    y: %s[B,%d] = moe x, i, w, up, down%s {%s}\n    output y = y\n",
        type, hidden, type, width, hidden, type, width, hidden, type, hidden, width, k, k, k, type,
        hidden, gate ? ", gate" : "", attrs);
    LOWERED(.text = text, .dims = {B(b)}, .tolerance = tolerance, .kernels = kernels);
}

TN_TEST(experts)
{
    moe("f32", 6, 9, 2, "", true, 7, 0, 5);
    moe("f32", 6, 9, 1, "act=\"gelu\"", false, 7, 0, 5);
    moe("f32", 3, 4, 5, "act=\"gelu_tanh\"", true, 9, 0, 5);
    moe("f32", 17, 33, 2, "act=\"relu\", order=\"expert\"", true, 23, 0, 5);
    moe("f32", 6, 9, 2, "act=\"sigmoid\"", true, 0, 0, 5);
    moe("bf16", 6, 9, 2, "act=\"tanh\"", true, 7, 0.06, 5);
}

/* Not sorted: the ids are read where they stand. */
TN_TEST(a_few_tokens)
{
    static const char text[] =
        "graph main\n    dim B 1..2\n    input x: f32[B,2,6]\n    input z: f32[B,2,5]\n"
        "    weight both: f32[5,32,6]\n    weight down: f32[5,6,16]\n"
        "    gate: f32[5,16,6] = slice both {axis=1, size=16}\n"
        "    up: f32[5,16,6] = slice both {axis=1, start=16, size=16}\n"
        "    i: i32[B,2,2], w: f32[B,2,2], g: f32[B,2,5] = route z {k=2}\n"
        "    y: f32[B,2,6] = moe x, i, w, up, down, gate\n    output y = y\n";

    LOWERED(.text = text, .dims = {B(1)}, .kernels = 3);
    LOWERED(.text = text, .dims = {B(2)}, .kernels = 3);
}

TN_TEST(many_axes_and_slots)
{
    LOWERED(.dims = {B(3)}, .kernels = 5,
        .text = "graph main\n    dim B 0..16\n    input x: f32[6,B,2]\n    input z: f32[B,2,12]\n"
                "    weight up: f32[12,4,6]\n    weight gate: f32[12,4,6]\n"
                "    weight down: f32[12,6,4]\n    t: f32[B,2,6] = transpose x {perm=[1,2,0]}\n"
                "    i: i32[B,2,9], w: f32[B,2,9], g: f32[B,2,12] = route z {k=9}\n"
                "    y: f32[B,2,6] = moe t, i, w, up, down, gate\n    output y = y\n");
    LOWERED(.text = "graph main\n    input x: f32[6]\n    input i: i32[2] in 0..3\n"
                    "    input w: f32[2]\n    input up: f32[4,5,6]\n    input down: f32[4,6,5]\n"
                    "    y: f32[6] = moe x, i, w, up, down {act=\"relu\"}\n    output y = y\n");
}

/* Hidden layers that have no name, and what experts add. */
TN_TEST(experts_with_forms_and_biases)
{
    static const char text[] =
        "graph main\n    dim B 0..%d\n    input x: %s[B,6]\n    input z: f32[B,3]\n"
        "    weight up: %s[3,5,6]\n    weight gate: %s[3,5,6]\n    weight down: %s[3,6,5]\n"
        "    weight both: %s[3,10]\n    weight c: %s[3,6]\n"
        "    a: %s[3,5] = slice both {axis=1, size=5, step=2}\n"
        "    b: %s[3,5] = slice both {axis=1, start=1, size=5, step=2}\n"
        "    i: i32[B,2], w: f32[B,2], g: f32[B,3] = route z {k=2}\n"
        "    y: %s[B,6] = moe x, i, w, up, down, gate, b, a, c {act=\"form\", "
        "form=\"minimum g 0.8 | mul #0 1.702 | sigmoid #1 | mul #0 #2 | maximum u -0.7 | "
        "minimum #4 0.7 | add #5 1 | less g 0 | where #7 #6 u | mul #3 #8\"}\n    output y = y\n";
    static const char plain[] =
        "graph main\n    input x: f32[7,6]\n    input z: f32[7,3]\n    weight up: f32[3,5,6]\n"
        "    weight down: f32[3,6,5]\n    weight b: f32[3,5]\n"
        "    i: i32[7,2], w: f32[7,2], g: f32[7,3] = route z {k=2}\n"
        "    y: f32[7,6] = moe x, i, w, up, down, _, b {act=\"gelu\"}\n    output y = y\n";
    const char *t = "f32";
    char one[1200];

    snprintf(one, sizeof one, text, 64, t, t, t, t, t, t, t, t, t);
    LOWERED(.text = one, .dims = {B(9)});
    snprintf(one, sizeof one, text, 4, t, t, t, t, t, t, t, t, t);
    LOWERED(.text = one, .dims = {B(3)});
    t = "bf16";
    snprintf(one, sizeof one, text, 64, t, t, t, t, t, t, t, t, t);
    LOWERED(.text = one, .dims = {B(9)}, .tolerance = 0.06);
    LOWERED(.text = plain);
}

/* Weights that are often 0: those experts have no rows. */
TN_TEST(experts_of_weight_0)
{
    static const char text[] =
        "graph main\n    dim B 0..%d\n    input x: f32[B,6]\n    input z: f32[B,3]\n"
        "    weight up: f32[3,4,6]\n    weight down: f32[3,6,4]\n    w: f32[B,3] = relu z\n"
        "    a: i32[3] = iota {start=0, size=3, dtype=i32}\n    i: i32[B,3] = broadcast a {to=[B,3]}\n"
        "    y: f32[B,6] = moe x, i, w, up, down {act=\"%s\", order=\"%s\", zero=\"skip\"}\n"
        "    output y = y\n";
    char one[700];

    snprintf(one, sizeof one, text, 64, "gelu", "slot");
    LOWERED(.text = one, .dims = {B(9)});
    snprintf(one, sizeof one, text, 64, "sigmoid", "expert");
    LOWERED(.text = one, .dims = {B(9)});
    snprintf(one, sizeof one, text, 3, "relu", "slot");
    LOWERED(.text = one, .dims = {B(3)});
}

TN_TEST(segments)
{
    static const char text[] = "graph main\n    dim A 0..64\n    input x: f32[A,6]\n"
                               "    weight w: f32[3,5,6]\n    input n: i32[3] in 1..3\n"
                               "    y: f32[A,5] = grouped_linear x, w, n\n    output y = y\n";

    LOWERED(.text = text, .dims = {{"A", 9}});
    LOWERED(.text = text, .dims = {{"A", 2}}, .fails = true);
}

TN_TEST(experts_that_are_not_there)
{
    static const char text[] =
        "graph main\n    input x: f32[3,4]\n    input i: i32[3,2] in 5..9\n"
        "    input w: f32[3,2]\n    weight up: f32[5,6,4]\n    weight down: f32[5,4,6]\n"
        "    y: f32[3,4] = moe x, i, w, up, down {order=\"%s\"}\n    output y = y\n";
    char one[500];

    snprintf(one, sizeof one, text, "slot");
    LOWERED(.text = one, .fails = true);
    snprintf(one, sizeof one, text, "expert");
    LOWERED(.text = one, .fails = true);
}

TN_MAIN(TN_CASE(routes), TN_CASE(routes_by_groups), TN_CASE(routes_of_halves_and_many_axes),
    TN_CASE(experts), TN_CASE(a_few_tokens), TN_CASE(many_axes_and_slots),
    TN_CASE(experts_of_weight_0), TN_CASE(experts_with_forms_and_biases), TN_CASE(segments),
    TN_CASE(experts_that_are_not_there))
