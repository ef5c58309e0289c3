/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/support/parsed.h"
#include "tests/support/test.h"

static void
becomes(const char *text, const char *wanted)
{
    parsed p;

    if (parsed_open(&p, text, true))
        TN_CHECK_STR(p.printed, wanted);
    parsed_close(&p);
}

TN_TEST(what_nobody_reads_goes)
{
    becomes("graph main\n    input x: f32[4]\n    a: f32[4] = exp x\n    b: f32[4] = sin a\n"
            "    c: f32[4] = cos x\n    output c = c\n",
        "graph main\n    input x: f32[4]\n    c: f32[4] = cos x\n    output c = c\n");
}

TN_TEST(equal_operations_are_one)
{
    becomes("graph main\n    input x: f32[4]\n    a: f32[4] = mul x, 2\n"
            "    b: f32[4] = mul x, 2\n    c: f32[4] = mul x, 3\n    d: f32[4] = add a, b\n"
            "    e: f32[4] = add d, c\n    output e = e\n",
        "graph main\n    input x: f32[4]\n    a: f32[4] = mul x, 2\n"
        "    c: f32[4] = mul x, 3\n    d: f32[4] = add a, a\n    e: f32[4] = add d, c\n"
        "    output e = e\n");
}

TN_TEST(attributes_tell_operations_apart)
{
    static const char text[] =
        "graph main\n    input x: f32[4,4]\n    a: f32[4] = reduce_sum x {axes=[0]}\n"
        "    b: f32[4] = reduce_sum x {axes=[1]}\n    c: f32[4] = add a, b\n"
        "    output c = c\n";

    becomes(text,
        "graph main\n    input x: f32[4,4]\n"
        "    a: f32[4] = reduce_sum x {axes=[0]}\n"
        "    b: f32[4] = reduce_sum x {axes=[1]}\n    c: f32[4] = add a, b\n"
        "    output c = c\n");
}

TN_TEST(views_that_change_nothing_go)
{
    becomes("graph main\n    dim B 1..\n    input x: f32[B,4]\n"
            "    a: f32[B,4] = reshape x {to=[B,4]}\n"
            "    b: f32[B,4] = transpose a {perm=[0,1]}\n"
            "    c: f32[B,4] = slice b {axis=1, start=0, size=4}\n"
            "    d: f32[B,4] = cast c {to=f32}\n"
            "    e: f32[B,4] = concat d {axis=0}\n"
            "    f: f32[4*B] = reshape e {to=[4*B]}\n"
            "    g: f32[2,2*B] = reshape f {to=[2,2*B]}\n"
            "    h: f32[2,2*B] = exp g\n    output h = h\n",
        "graph main\n    dim B 1..\n    input x: f32[B,4]\n"
        "    g: f32[2,2*B] = reshape x {to=[2,2*B]}\n"
        "    h: f32[2,2*B] = exp g\n    output h = h\n");
}

TN_TEST(views_that_move_elements_stay)
{
    static const char turned[] =
        "graph main\n    input x: f32[4,4]\n    a: f32[4,4] = transpose x {perm=[1,0]}\n"
        "    b: f32[4,4] = exp a\n    output b = b\n";
    static const char around[] =
        "graph main\n    input x: f32[2,2,2]\n    a: f32[2,2,2] = transpose x {perm=[1,2,0]}\n"
        "    b: f32[2,2,2] = exp a\n    output b = b\n";

    becomes(turned, turned);
    becomes(around, around);
}

TN_TEST(a_result_that_is_an_input_stays_a_copy)
{
    becomes("graph main\n    input x: f32[4]\n    a: f32[4] = reshape x {to=[4]}\n"
            "    output a = a\n",
        "graph main\n    input x: f32[4]\n    a: f32[4] = reshape x {to=[4]}\n"
        "    output a = a\n");
}

TN_TEST(splits_become_slices)
{
    becomes("graph main\n    input x: f32[5]\n"
            "    a: f32[2], b: f32[1], c: f32[2] = split x {axis=0, sizes=[2,1,2]}\n"
            "    output a = a\n    output c = c\n",
        "graph main\n    input x: f32[5]\n"
        "    a: f32[2] = slice x {axis=0, start=0, size=2}\n"
        "    c: f32[2] = slice x {axis=0, start=3, size=2}\n"
        "    output a = a\n    output c = c\n");
}

TN_TEST(the_start_of_a_sort_is_a_top_k)
{
    static const char whole[] =
        "graph main\n    input x: f32[2,9]\n    a: f32[2,9], b: i32[2,9] = sort x {axis=1}\n"
        "    c: f32[2,3] = slice a {axis=1, start=0, size=3}\n"
        "    output c = c\n    output b = b\n";

    becomes("graph main\n    input x: f32[2,9]\n"
            "    a: f32[2,9], b: i32[2,9] = sort x {axis=1, descending=true}\n"
            "    c: f32[2,3] = slice a {axis=1, start=0, size=3}\n"
            "    d: f32[2,2] = slice a {axis=1, start=1, size=2}\n"
            "    e: i32[2] = index b {axis=1, at=1}\n"
            "    output c = c\n    output d = d\n    output e = e\n",
        "graph main\n    input x: f32[2,9]\n    c: f32[2,3], %0: i32[2,3] = top_k x {k=3, axis=1, largest=true, dtype=i32}\n"
        "    d: f32[2,2] = slice c {axis=1, start=1, size=2}\n"
        "    e: i32[2] = index %0 {axis=1, at=1}\n"
        "    output c = c\n    output d = d\n    output e = e\n");
    becomes(whole, whole);
}

TN_TEST(bodies_are_cleaned_too)
{
    becomes("graph main\n    input x: f32[5]\n    input a: f32[]\n"
            "    r: f32[] = scan a, x {carries=1} do (c, s, i)\n"
            "        u: f32[] = exp s\n        v: f32[] = add c, s\n        w: f32[] = add c, s\n"
            "        z: f32[] = mul v, w\n        yield z\n    end\n    output r = r\n",
        "graph main\n    input x: f32[5]\n    input a: f32[]\n"
        "    r: f32[] = scan a, x {carries=1} do (c, s, i)\n"
        "        v: f32[] = add c, s\n        z: f32[] = mul v, v\n        yield z\n    end\n"
        "    output r = r\n");
}

/* A row and one element, reduced, and the row cut off again. */
TN_TEST(what_is_joined_to_be_reduced_comes_apart)
{
    becomes("graph main\n    input x: f32[2,5]\n    input y: f32[2,1]\n"
            "    a: f32[2,6] = concat x, y {axis=1}\n"
            "    b: f32[2,6] = exp a\n    c: f32[2] = reduce_sum b {axes=[1]}\n"
            "    d: f32[2,5] = slice b {axis=1, start=0, size=5}\n"
            "    output c = c\n    output d = d\n",
        "graph main\n    input x: f32[2,5]\n    input y: f32[2,1]\n"
        "    %0: f32[2,5] = exp x\n    %1: f32[2,1] = exp y\n"
        "    %2: f32[2] = reduce_sum %0 {axes=[1]}\n    %3: f32[2] = squeeze %1 {axes=[1]}\n"
        "    %4: f32[2] = add %2, %3\n"
        "    output c = %4\n    output d = %0\n");
}

/* One column more is cut off than was joined; long pieces; no reduction. */
TN_TEST(what_is_cut_elsewhere_stays_joined)
{
    static const char *const texts[] = {
        "graph main\n    input x: f32[2,5]\n    input y: f32[2,1]\n"
        "    a: f32[2,6] = concat x, y {axis=1}\n"
        "    c: f32[2] = reduce_sum a {axes=[1]}\n"
        "    d: f32[2,4] = slice a {axis=1, start=0, size=4}\n"
        "    output c = c\n    output d = d\n",
        "graph main\n    input x: f32[2,5]\n    input y: f32[2,3]\n"
        "    a: f32[2,8] = concat x, y {axis=1}\n    b: f32[2,8] = exp a\n"
        "    c: f32[2] = reduce_sum b {axes=[1]}\n"
        "    d: f32[2,5] = slice b {axis=1, start=0, size=5}\n"
        "    output c = c\n    output d = d\n",
        "graph main\n    input x: f32[2,5]\n    input y: f32[2,1]\n"
        "    a: f32[2,6] = concat x, y {axis=1}\n    b: f32[2,6] = exp a\n"
        "    d: f32[2,5] = slice b {axis=1, start=0, size=5}\n"
        "    output b = b\n    output d = d\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        becomes(texts[i], texts[i]);
}

static void
counts(const char *dtype, const char *first, const char *second, const char *both)
{
    char before[300], after[300];

    snprintf(before, sizeof before,
        "graph main\n    input x: %s[3]\n    a: %s[3] = %s\n    b: %s[3] = %s\n"
        "    output b = b\n",
        dtype, dtype, first, dtype, second);
    snprintf(after, sizeof after,
        "graph main\n    input x: %s[3]\n    b: %s[3] = %s\n    output b = b\n", dtype, dtype,
        both);
    becomes(before, both[0] ? after : before);
}

TN_TEST(what_is_counted_step_by_step_is_counted_once)
{
    counts("i64", "sub x, 1", "sub a, 1", "sub x, 2");
    counts("i32", "sub x, 5", "add a, 1", "sub x, 4");
    counts("i64", "add x, 1", "sub a, 4", "sub x, 3");
    counts("i32", "add x, 7", "add a, -2", "add x, 5");
    counts("i8", "add x, 100", "add a, 100", "");
    counts("f32", "add x, 1", "add a, 1", "");
    counts("i32", "add x, 1", "sub 5, a", "");
}

TN_MAIN(TN_CASE(what_nobody_reads_goes), TN_CASE(equal_operations_are_one),
    TN_CASE(attributes_tell_operations_apart), TN_CASE(views_that_change_nothing_go),
    TN_CASE(views_that_move_elements_stay), TN_CASE(a_result_that_is_an_input_stays_a_copy),
    TN_CASE(splits_become_slices), TN_CASE(the_start_of_a_sort_is_a_top_k),
    TN_CASE(bodies_are_cleaned_too), TN_CASE(what_is_joined_to_be_reduced_comes_apart),
    TN_CASE(what_is_cut_elsewhere_stays_joined),
    TN_CASE(what_is_counted_step_by_step_is_counted_once))
