/* SPDX-License-Identifier: Apache-2.0
 * Loops and choices of the oracle, and the CRF of the specification of the
 * systems (8.4) as a graph of loops and as rows. */
#include <stdio.h>

#include "tests/support/evaluate_text.h"
#include "tests/support/test.h"

TN_TEST(scan_forward_and_reverse)
{
    static const char text[] = "x: i32[2,3] = constant {type=i32[2,3], data=[1,2,3,4,5,6]}\n"
                               "s: i32[2] = constant {type=i32[2], data=[100,200]}\n"
                               "last, sums, at = scan s, x {carries=1, axis=1%s} do (c, e, t)\n"
                               "    n = add c, e\n"
                               "    u = add e, t\n"
                               "    yield n, n, u\n"
                               "end\n"
                               "output last = last\noutput sums = sums\noutput at = at\n";
    char with[600];

    snprintf(with, sizeof with, text, "");
    tn_evaluate(with, "106 215 | 101 103 106 204 209 215 | 1 3 5 4 6 8", 0);
    snprintf(with, sizeof with, text, ", reverse=true");
    tn_evaluate(with, "106 215 | 106 105 103 215 211 206 | 1 3 5 4 6 8", 0);
}

/* The next values are taken at once; a collected name may be the carried one. */
TN_TEST(carried_values_swap)
{
    tn_evaluate("a: i32[] = fill {type=i32[], value=0}\nb: i32[] = fill {type=i32[], value=1}\n"
                "x, y, all = scan a, b {carries=2, count=7} do (p, q, t)\n"
                "    n = add p, q\n"
                "    yield q, n, p\n"
                "end\n"
                "output x = x\noutput y = y\noutput all = all\n",
        "13 | 21 | 0 1 1 2 3 5 8", 0);
}

TN_TEST(no_rounds)
{
    tn_evaluate("a: i32[2] = fill {type=i32[2], value=5}\n"
                "x: f32[0,3] = fill {type=f32[0,3], value=1}\n"
                "y, all = scan a, x {carries=1} do (c, e, t)\n"
                "    yield c, e\n"
                "end\n"
                "output y = y\noutput all = all\n",
        "5 5 |", 0);
}

/* The test comes before each round; what is carried may be an outer value. */
TN_TEST(rounds_while_it_holds)
{
    static const char text[] = "a: i32[] = fill {type=i32[], value=%d}\n"
                               "k: i32[] = fill {type=i32[], value=3}\n"
                               "n, m = while a, k {limit=4} do (i, j)\n"
                               "    more = less i, 20\n"
                               "    yield more\n"
                               "end (u, v)\n"
                               "    w = mul u, v\n"
                               "    yield w, k\n"
                               "end\n"
                               "output n = n\noutput m = m\n";
    char with[600];

    snprintf(with, sizeof with, text, 1);
    tn_evaluate(with, "27 | 3", 0);
    snprintf(with, sizeof with, text, 50);
    tn_evaluate(with, "50 | 3", 0);
    snprintf(with, sizeof with, text, -1);
    tn_evaluate(with, "-81 | 3", 0);
}

TN_TEST(one_of_two)
{
    static const char text[] = "x: i32[] = fill {type=i32[], value=%d}\n"
                               "p = less x, 0\n"
                               "y, z = if p do ()\n"
                               "    n = neg x\n"
                               "    yield n, 1:i32\n"
                               "end ()\n"
                               "    yield x, 2:i32\n"
                               "end\n"
                               "output y = y\noutput z = z\n";
    char with[400];

    snprintf(with, sizeof with, text, -7);
    tn_evaluate(with, "7 | 1", 0);
    snprintf(with, sizeof with, text, 8);
    tn_evaluate(with, "8 | 2", 0);
}

TN_TEST(loops_in_loops)
{
    tn_evaluate("x: i32[2,3] = constant {type=i32[2,3], data=[1,2,3,4,5,6]}\n"
                "z: i32[] = fill {type=i32[], value=0}\n"
                "r, rows = scan z, x {carries=1} do (c, row, i)\n"
                "    s = scan c, row {carries=1} do (d, e, j)\n"
                "        f = mul e, i\n"
                "        g = add d, f\n"
                "        yield g\n"
                "    end\n"
                "    yield s, s\n"
                "end\n"
                "output r = r\noutput rows = rows\n",
        "15 | 0 15", 0);
}

TN_TEST(failures_inside_name_the_op)
{
    tn_evaluate_fails("x: i32[3] = constant {type=i32[3], data=[1,0,2]}\n"
                      "s: i32[] = fill {type=i32[], value=6}\n"
                      "y = scan s, x {carries=1} do (c, e, t)\n"
                      "    n = div c, e\n"
                      "    yield n\n"
                      "end\n"
                      "output y = y\n",
        "test:5.in.y: div: division by zero at []");
}

#define EMISSIONS "e: f64[1,3,3] = constant {type=f64[1,3,3], data=[2,1,0.5,0.5,1,2.5,1,0.2,1.2]}\n"
#define TRANSITIONS(cap) \
    "a: f64[3,3] = constant {type=f64[3,3], data=[0.5,0.3," cap ",0.1,-0.2,0.8,0.4,0,0.6]}\n"
#define START(i) "st: f64[3] = constant {type=f64[3], data=[0,0," i "]}\n"

/* Rounded to nine digits there. */
TN_TEST(chain_rows_of_the_specification)
{
    static const char ops[] = "path, score = viterbi e, a, _, st\nz = crf_partition e, a, _, st\n"
                              "m = crf_marginals e, a, _, st\n"
                              "output path = path\noutput score = score\noutput z = z\n";
    char text[900];

    snprintf(text, sizeof text, "%s%s%s%s", EMISSIONS, TRANSITIONS("0.9"), START("0"), ops);
    tn_evaluate(text, "0 2 2 | 7.2 | 8.434201747", 1e-9);
    snprintf(text, sizeof text, "%s%s%s%s", EMISSIONS, TRANSITIONS("-100"), START("0"), ops);
    tn_evaluate(text, "1 2 2 | 6.1 | 7.526451495", 1e-9);
    snprintf(text, sizeof text, "%s%s%s%soutput m = m\n", EMISSIONS, TRANSITIONS("-100"),
        START("-100"), ops);
    tn_evaluate(text,
        "1 2 2 | 6.1 | 7.219689112 |"
        " 0.316261 0.683739 1.3355742509506509e-44 0.112364 0.276579 0.611056 0.373853 0.120390"
        " 0.505756",
        1e-2);
}

/* The loops of models/masked-crf, on a batch with a short sequence. */
TN_TEST(chain_of_loops)
{
    tn_evaluate(
        "e: f64[2,3,3] = constant {type=f64[2,3,3],"
        " data=[2,1,0.5,0.5,1,2.5,1,0.2,1.2,2,1,0.5,0.5,1,2.5,9,9,9]}\n" TRANSITIONS(
            "-100") "len: i32[2] = constant {type=i32[2], data=[3,2]}\n"
                    "d0 = index e {axis=1, at=0}\n"
                    "rest = slice e {axis=1, start=1, size=2}\n"
                    "tag = iota {size=3}\n"
                    "dn, back = scan d0, rest {carries=1, axis=1} do (d, x, t)\n"
                    "    s = add d, a {labels=\"bi,ij->bij\"}\n"
                    "    best = reduce_max s {axes=[1]}\n"
                    "    b = arg_max s {axis=1}\n"
                    "    dt = add best, x\n"
                    "    t1 = add t, 1\n"
                    "    live = less t1, len\n"
                    "    d1 = where live, dt, d {labels=\"b,bk,bk->bk\"}\n"
                    "    b1 = where live, b, tag {labels=\"b,bk,k->bk\"}\n"
                    "    yield d1, b1\n"
                    "end\n"
                    "score = reduce_max dn {axes=[1]}\n"
                    "last = arg_max dn {axis=1}\n"
                    "yn = unsqueeze last {axes=[1]}\n"
                    "none, ys = scan yn, back {carries=1, axis=1, reverse=true} do (y, b, t)\n"
                    "    y1 = gather_elements b, y {axis=1}\n"
                    "    y2 = squeeze y1 {axes=[1]}\n"
                    "    yield y1, y2\n"
                    "end\n"
                    "path = concat ys, yn {axis=1}\n"
                    "an = scan d0, rest {carries=1, axis=1} do (p, x, t)\n"
                    "    s = add p, a {labels=\"bi,ij->bji\"}\n"
                    "    l = reduce_logsumexp s {axes=[-1]}\n"
                    "    dt = add l, x\n"
                    "    t1 = add t, 1\n"
                    "    live = less t1, len\n"
                    "    p1 = where live, dt, p {labels=\"b,bk,bk->bk\"}\n"
                    "    yield p1\n"
                    "end\n"
                    "z = reduce_logsumexp an {axes=[1]}\n"
                    "output path = path\noutput score = score\noutput z = z\n",
        "1 2 2 1 2 2 | 6.1 4.3 | 7.526451495 5.176351798", 1e-8);
}

TN_MAIN(TN_CASE(scan_forward_and_reverse), TN_CASE(carried_values_swap), TN_CASE(no_rounds),
    TN_CASE(rounds_while_it_holds), TN_CASE(one_of_two), TN_CASE(loops_in_loops),
    TN_CASE(failures_inside_name_the_op), TN_CASE(chain_rows_of_the_specification),
    TN_CASE(chain_of_loops))
