/* SPDX-License-Identifier: Apache-2.0
 * Pieces of a tensor joined again, and looked into. */
#include <stdio.h>

#include "tests/support/lowered.h"
#include "tests/support/parsed.h"
#include "tests/support/test.h"

/* Held against the reference, with and without passes; how many concats are
 * left. */
static int
left(const char *text)
{
    parsed p;
    int joined = 0;

    if (parsed_open(&p, text, true))
        for (const tn_op *op = p.g->block->first; op; op = op->next)
            joined += op->code == TN_OP_concat;
    parsed_close(&p);
    lowered_check(&(lowered_case){.text = text}, false);
    return joined;
}

/* Places of the middle axis, joined along `axis` of what the join is of. */
static int
pieces(const int at[3], const char *shape, const char *whole, int axis)
{
    char text[1200];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[3,6,4]\na: f32[3,4] = index x {axis=1, at=%d}\n"
        "b: f32[3,4] = index x {axis=1, at=%d}\nc: f32[3,4] = index x {axis=1, at=%d}\n"
        "d: f32[%s] = unsqueeze a {axes=[%d]}\ne: f32[%s] = unsqueeze b {axes=[%d]}\n"
        "f: f32[%s] = unsqueeze c {axes=[%d]}\ng: f32[%s] = concat d, e, f {axis=%d}\n"
        "h: f32[%s] = exp g\noutput h = h\n",
        at[0], at[1], at[2], shape, axis, shape, axis, shape, axis, whole, axis, whole);
    return left(text);
}

TN_TEST(consecutive_pieces_are_a_slice)
{
    TN_CHECK_EQ(pieces((int[]){2, 3, 4}, "3,1,4", "3,3,4", 1), 0);
    TN_CHECK_EQ(pieces((int[]){0, 1, 2}, "1,3,4", "3,3,4", 0), 0);
    TN_CHECK_EQ(pieces((int[]){3, 4, 5}, "3,4,1", "3,4,3", 2), 0);
}

/* Places `at` and what follows it, joined; then `more` after that. */
static int
runs(const char *first, const char *second, const char *third)
{
    char text[900];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[3,6,4]\n"
        "a: f32[3,2,4] = slice x {axis=1, start=%s, size=2}\n"
        "b: f32[3,1,4] = slice x {axis=1, start=%s, size=1}\n"
        "c: f32[3,4] = index x {axis=1, at=%s}\nd: f32[3,1,4] = unsqueeze c {axes=[1]}\n"
        "e: f32[3,3,4] = concat a, b {axis=1}\nf: f32[3,4,4] = concat e, d {axis=1}\n"
        "h: f32[3,4,4] = exp f\noutput h = h\n",
        first, second, third);
    return left(text);
}

TN_TEST(runs_of_pieces_are_a_slice)
{
    TN_CHECK_EQ(runs("1", "3", "4"), 0);
    TN_CHECK_EQ(runs("0", "2", "3"), 0);
}

TN_TEST(nested_joins_are_one)
{
    TN_CHECK_EQ(runs("1", "4", "5"), 1);
    TN_CHECK_EQ(runs("1", "4", "2"), 1);
    TN_CHECK_EQ(runs("1", "3", "0"), 1);
}

TN_TEST(other_pieces_stay_joined)
{
    TN_CHECK_EQ(pieces((int[]){2, 3, 5}, "3,1,4", "3,3,4", 1), 1);
    TN_CHECK_EQ(pieces((int[]){2, 2, 3}, "3,1,4", "3,3,4", 1), 1);
    TN_CHECK_EQ(pieces((int[]){4, 3, 2}, "1,3,4", "3,3,4", 0), 1);
    TN_CHECK_EQ(pieces((int[]){1, 4, 5}, "3,4,1", "3,4,3", 2), 1);
}

/* What is taken of the pieces a, b (two wide) and c, joined. */
static int
taken(const char *what, const char *shape)
{
    char text[800];

    snprintf(text, sizeof text,
        "graph main\ninput a: f32[3,1]\ninput b: f32[3,2]\ninput c: f32[3,1]\n"
        "j: f32[3,4] = concat a, b, c {axis=1}\ny: f32[%s] = %s\nz: f32[%s] = exp y\n"
        "output z = z\n",
        shape, what, shape);
    return left(text);
}

TN_TEST(one_of_the_pieces_is_that_piece)
{
    TN_CHECK_EQ(taken("slice j {axis=1, start=0, size=1}", "3,1"), 0);
    TN_CHECK_EQ(taken("slice j {axis=1, start=1, size=2}", "3,2"), 0);
    TN_CHECK_EQ(taken("slice j {axis=1, start=3, size=1}", "3,1"), 0);
    TN_CHECK_EQ(taken("index j {axis=1, at=0}", "3"), 0);
    TN_CHECK_EQ(taken("index j {axis=1, at=1}", "3"), 0);
    TN_CHECK_EQ(taken("index j {axis=1, at=2}", "3"), 0);
    TN_CHECK_EQ(taken("index j {axis=1, at=3}", "3"), 0);
}

TN_TEST(parts_of_pieces_are_no_piece)
{
    TN_CHECK_EQ(taken("slice j {axis=1, start=1, size=1}", "3,1"), 1);
    TN_CHECK_EQ(taken("slice j {axis=1, start=1, size=2, step=2}", "3,2"), 1);
    TN_CHECK_EQ(taken("slice j {axis=1, start=2, size=2}", "3,2"), 1);
    TN_CHECK_EQ(taken("slice j {axis=0, start=1, size=2}", "2,4"), 1);
    TN_CHECK_EQ(taken("index j {axis=0, at=1}", "4"), 1);
}

/* What a loop gave in its last round, where that is carried and where it is
 * not. */
static void
last_round(const char *how, const char *at, const char *yields)
{
    char text[600];

    snprintf(text, sizeof text,
        "graph main\ninput x: f32[5,3]\ninput a: f32[3]\n"
        "r: f32[3], all: f32[5,3] = scan a, x {carries=1%s} do (c, s, i)\n"
        "v: f32[3] = mul c, 0.5\nu: f32[3] = add v, s\nyield %s\nend\n"
        "y: f32[3] = index all {axis=0, at=%s}\nz: f32[3] = exp y\noutput z = z\n",
        how, yields, at);
    lowered_check(&(lowered_case){.text = text}, false);
}

TN_TEST(the_last_round_of_a_loop)
{
    last_round("", "4", "u, u");
    last_round("", "4", "u, v");
    last_round("", "0", "u, u");
    last_round("", "3", "u, u");
    last_round(", reverse=true", "0", "u, u");
    last_round(", reverse=true", "4", "u, u");
}

TN_MAIN(TN_CASE(consecutive_pieces_are_a_slice), TN_CASE(runs_of_pieces_are_a_slice),
    TN_CASE(nested_joins_are_one), TN_CASE(other_pieces_stay_joined),
    TN_CASE(one_of_the_pieces_is_that_piece), TN_CASE(parts_of_pieces_are_no_piece),
    TN_CASE(the_last_round_of_a_loop))
