/* SPDX-License-Identifier: Apache-2.0
 * Arrays written piece by piece. */
#include <stdio.h>

#include "tests/support/lowered.h"
#include "tests/support/parsed.h"
#include "tests/support/test.h"

/* Held against the reference, with and without passes; how many writes are
 * left. */
static int
left(const char *text)
{
    parsed p;
    int writes = 0;

    if (parsed_open(&p, text, true))
        for (const tn_op *op = p.g->block->first; op; op = op->next)
            writes += op->code == TN_OP_scatter_nd || op->code == TN_OP_scatter_elements;
    parsed_close(&p);
    lowered_check(&(lowered_case){.text = text}, false);
    return writes;
}

/* a at the place i and b at the place k of x, then `what` of both arrays. */
static int
slices(int i, int k, const char *what)
{
    char text[800];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[4,3]\ninput a: f32[3]\ninput b: f32[1,3]\n"
        "i: i64[1] = constant {type=i64[1], data=[%d]}\n"
        "k: i64[1,1] = constant {type=i64[1,1], data=[%d]}\n"
        "u: f32[4,3] = scatter_nd x, i, a\nv: f32[4,3] = scatter_nd u, k, b\n"
        "%s\nz: f32[3] = exp y\noutput z = z\n",
        i, k, what);
    return left(text);
}

TN_TEST(an_array_is_its_pieces)
{
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = reduce_max v {axes=[0]}"), 0);
    TN_CHECK_EQ(slices(0, 1, "y: f32[3] = reduce_max v {axes=[0]}"), 0);
    TN_CHECK_EQ(slices(3, 0, "y: f32[3] = reduce_sum v {axes=[0]}"), 0);
}

TN_TEST(the_last_write_counts)
{
    TN_CHECK_EQ(slices(2, 2, "y: f32[3] = reduce_sum v {axes=[0]}"), 0);
    TN_CHECK_EQ(slices(2, 2, "y: f32[3] = index v {axis=0, at=2}"), 0);
}

TN_TEST(a_place_is_what_was_written_there)
{
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = index v {axis=0, at=3}"), 0);
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = index v {axis=0, at=1}"), 0);
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = index v {axis=0, at=0}"), 0);
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = index u {axis=0, at=1}"), 0);
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = index u {axis=0, at=3}"), 0);
    TN_CHECK_EQ(slices(1, 3,
                    "p: f32[3] = index u {axis=0, at=1}\n"
                    "q: f32[3] = reduce_max v {axes=[0]}\ny: f32[3] = add p, q"),
        0);
}

TN_TEST(one_write_stays)
{
    TN_CHECK_EQ(slices(1, 3, "y: f32[3] = reduce_max u {axes=[0]}"), 1);
}

/* Along axis 1 of x, by element, places p; q after it. */
static int
elements(const char *p, const char *q, const char *attrs)
{
    char text[900];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[2,4,3]\ninput a: f32[2,1,3]\ninput b: f32[2,1,3]\n"
        "p: i64[2,1,3] = constant {type=i64[2,1,3], data=[%s]}\n"
        "q: i64[2,1,3] = constant {type=i64[2,1,3], data=[%s]}\n"
        "u: f32[2,4,3] = scatter_elements x, p, a {axis=1%s}\n"
        "v: f32[2,4,3] = scatter_elements u, q, b {axis=1}\n"
        "y: f32[2,3] = reduce_sum v {axes=[1]}\nz: f32[2,3] = exp y\noutput z = z\n",
        p, q, attrs);
    return left(text);
}

TN_TEST(elements_at_one_place)
{
    TN_CHECK_EQ(elements("1,1,1,1,1,1", "3,3,3,3,3,3", ""), 0);
    TN_CHECK_EQ(elements("1,1,1,1,1,1", "3,3,3,3,3,2", ""), 2);
    TN_CHECK_EQ(elements("1,1,1,1,1,1", "3,3,3,3,3,3", ", reduce=\"add\""), 2);
}

/* Rows counted by `rows`, places 1 and 2 of each. */
static int
rows(const char *rows)
{
    char text[900];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[3,4]\ninput a: f32[3]\ninput b: f32[3]\n"
        "r: i64[3] = %s\nr1: i64[3,1] = unsqueeze r {axes=[1]}\n"
        "p: i64[3,1] = fill {type=i64[3,1], value=1}\nq: i64[3,1] = fill {type=i64[3,1], value=2}\n"
        "i: i64[3,2] = concat r1, p {axis=1}\nk: i64[3,2] = concat r1, q {axis=1}\n"
        "u: f32[3,4] = scatter_nd x, i, a\nv: f32[3,4] = scatter_nd u, k, b\n"
        "y: f32[3] = reduce_max v {axes=[1]}\nz: f32[3] = exp y\noutput z = z\n",
        rows);
    return left(text);
}

TN_TEST(one_place_of_each_row)
{
    TN_CHECK_EQ(rows("iota {start=0, size=3, dtype=i64}"), 0);
    TN_CHECK_EQ(rows("constant {type=i64[3], data=[0,1,2]}"), 0);
    TN_CHECK_EQ(rows("constant {type=i64[3], data=[2,1,0]}"), 2);
}

TN_MAIN(TN_CASE(an_array_is_its_pieces), TN_CASE(the_last_write_counts),
    TN_CASE(a_place_is_what_was_written_there), TN_CASE(one_write_stays),
    TN_CASE(elements_at_one_place), TN_CASE(one_place_of_each_row))
