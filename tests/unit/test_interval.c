/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/interval.h"

#include <stdio.h>

#include "tests/support/parsed.h"
#include "tests/support/test.h"

/* Of the graph's first result. */
static tn_interval
interval(const char *nodes)
{
    char text[2000];
    tn_interval found = {0};
    parsed p;

    snprintf(text, sizeof text,
        "graph main\n    dim N 1..100\n    input x: i32[N]\n    input f: f32[N]\n"
        "    i: i32[N] = iota {start=0, size=N, dtype=i32}\n%s    output y = y\n",
        nodes);
    if (parsed_open(&p, text, false))
        found = tn_interval_of(p.g->block->results.at[0]);
    parsed_close(&p);
    return found;
}

/* Not wider than said, and not narrower than `least` .. `most`, which occur. */
static void
lies(const char *nodes, double low, double least, double most, double high)
{
    tn_interval x = interval(nodes);

    if (!TN_CHECK(x.low >= low && x.low <= least) || !TN_CHECK(x.high >= most && x.high <= high))
        tn_test_note("%s: %g .. %g", nodes, x.low, x.high);
}

TN_TEST(arithmetic_on_positions_is_bounded)
{
    lies("    y: i32[N] = sub i, 7\n", -7, -7, 92, 93);
    lies("    a: i32[N] = neg i\n    y: i32[N] = clamp a, -4, 4\n", -4, -4, 0, 4);
    lies("    a: i32[N] = sub i, 50\n    y: i32[N] = abs a\n", 0, 0, 50, 50);
    lies("    a: i32[N] = sub i, 9\n    y: i32[N] = div a, 4\n", -2, -2, 22, 23);
    lies("    a: i32[N] = mul i, -3\n    y: i32[N] = maximum a, -5\n", -5, -5, 0, 0);
}

TN_TEST(data_and_what_may_wrap_is_anything)
{
    lies("    y: i32[N] = add x, 1\n", -0x1p31, -0x1p31, 0x1p31 - 1, 0x1p31 - 1);
    lies("    a: i32[N] = mul i, 50000000\n    y: i32[N] = minimum a, 3\n", -0x1p31, -2.1e9, 3, 3);
    lies("    a: i32[N] = cast f {to=i32}\n    y: i32[N] = minimum a, 3\n", -0x1p31, -0x1p31, 3, 3);
}

TN_TEST(logarithms_and_conversions_are_bounded)
{
    lies("    a: i32[N] = maximum i, 1\n    b: f32[N] = cast a {to=f32}\n"
         "    c: f32[N] = log b\n    y: i32[N] = cast c {to=i32}\n",
        0, 0, 4, 4);
    lies("    b: f32[N] = cast i {to=f32}\n    c: f32[N] = log b\n"
         "    y: i32[N] = cast c {to=i32}\n",
        -0x1p31, -0x1p31, 4, 0x1p31);
}

TN_TEST(a_side_of_a_choice_is_looked_at_where_it_is_taken)
{
    lies("    c: bool[N] = less i, 8\n    a: i32[N] = sub i, 8\n"
         "    y: i32[N] = where c, i, a\n",
        0, 0, 91, 91);
    lies("    c: bool[N] = greater_equal i, 8\n    a: i32[N] = sub i, 8\n"
         "    y: i32[N] = where c, a, i\n",
        0, 0, 91, 91);
    lies("    c: bool[N] = less_equal i, 8\n    y: i32[N] = where c, i, 2\n", 0, 0, 8, 8);
}

/* There the other end of the tensor is read. */
TN_TEST(a_side_that_is_moved_is_not_where_it_is_taken)
{
    lies("    c: bool[N] = less i, 8\n    r: i32[N] = reverse i {axes=[0]}\n"
         "    a: i32[N] = sub r, 8\n    y: i32[N] = where c, 0, a\n",
        -8, -8, 91, 92);
    lies("    c: bool[N] = less i, 8\n    k: bool[N,N] = broadcast c {to=[N,N]}\n"
         "    j: i32[N,N] = broadcast i {to=[N,N]}\n    d: i32[N,N] = sub j, 8\n"
         "    y: i32[N,N] = where k, 0, d {labels=\"ij,,ji->ij\"}\n",
        -0x1p31, -8, 91, 0x1p31);
}

TN_MAIN(TN_CASE(arithmetic_on_positions_is_bounded), TN_CASE(data_and_what_may_wrap_is_anything),
    TN_CASE(logarithms_and_conversions_are_bounded),
    TN_CASE(a_side_of_a_choice_is_looked_at_where_it_is_taken),
    TN_CASE(a_side_that_is_moved_is_not_where_it_is_taken))
