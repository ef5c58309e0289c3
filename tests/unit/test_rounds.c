/* SPDX-License-Identifier: Apache-2.0
 * Loops that count become scans, their places slices; picks in one form. */
#include "passes/rounds.h"

#include <string.h>

#include "passes/scan_axes.h"
#include "tests/support/lowered.h"
#include "tests/support/parsed.h"
#include "tests/support/test.h"

typedef struct job {
    int count[TN_OP_COUNT]; /* operations left, those of bodies too */
    int slices, carries, results; /* of the last scan */
} job;

static void
count_ops(job *j, const tn_block *block)
{
    for (const tn_op *op = block->first; op; op = op->next) {
        j->count[op->code]++;
        if (op->code == TN_OP_scan) {
            j->carries = tn_scan_carries(op);
            j->slices = op->in_count - j->carries;
            j->results = op->out_count;
        }
        for (int i = 0; i < op->body_count; i++)
            count_ops(j, op->body[i]);
    }
}

/* Also held against the reference; loops on a device's condition are run by
 * tests of graphs only. */
static job
cleaned(const char *text)
{
    job j = {0};
    parsed p;

    if (parsed_open(&p, text, true))
        count_ops(&j, p.g->block);
    parsed_close(&p);
    if (!strstr(text, " = while "))
        lowered_check(&(lowered_case){.text = text}, false);
    return j;
}

#define HEAD \
    "graph main\n    input e: f32[6,4]\n    input n: i32[3] in 1..6\n    input w: f32[4,4]\n"
#define LOOP(from, before, test, body, step)                             \
    HEAD "    i0: i32[] = fill {type=i32[], value=" from "}\n"           \
         "    z: f32[4] = fill {type=f32[4], value=0.0}\n" before        \
         "    s: f32[4], i: i32[] = while z, i0 {limit=6} do (s0, ic)\n" \
         "        go: bool[] = " test "\n"                               \
         "        yield go\n"                                            \
         "    end (s1, i1)\n" body "        i2: i32[] = " step "\n"      \
         "        yield s2, i2\n"                                        \
         "    end\n"                                                     \
         "    output s = s\n"
#define TAKES(place)                                        \
    "        x: f32[4] = index e {axis=0, at=@" place "}\n" \
    "        a: f32[4,4] = add s1, w\n"                     \
    "        g: f32[4] = reduce_max a {axes=[1]}\n"         \
    "        s2: f32[4] = add g, x\n"
#define LONGEST "    m: i32[] = reduce_max n {axes=[0]}\n    m6: i32[] = minimum m, 6\n"

TN_TEST(loops_that_count_are_scans)
{
    static const char *const texts[] = {
        LOOP("0", "", "less ic, 6", TAKES("i1"), "add i1, 1"),
        LOOP("1", "", "greater 6, ic", TAKES("i1"), "add 1, i1"),
        LOOP("2", "", "less_equal ic, 5", TAKES("i1"), "add i1, 1"),
        LOOP("5", "", "greater_equal ic, 0", TAKES("i1"), "sub i1, 1"),
        LOOP("5", "", "greater ic, -1", TAKES("i1"), "add i1, -1"),
        LOOP("0", LONGEST, "less ic, m6", TAKES("i1"), "add i1, 1"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        job j = cleaned(texts[i]);

        TN_CHECK_EQ(j.count[TN_OP_while], 0);
        TN_CHECK_EQ(j.count[TN_OP_scan], 1);
        TN_CHECK_EQ(j.slices, 1);
        TN_CHECK_EQ(j.count[TN_OP_index], 0);
    }
}

TN_TEST(other_loops_stay)
{
    static const char *const texts[] = {
        /* Nothing that a chain does: each round may be worth many kernels. */
        LOOP("0", "", "less ic, 6", "        s2: f32[4] = exp s1\n", "add i1, 1"),
        /* Two steps at once. */
        LOOP("0", "", "less ic, 6", TAKES("i1"), "add i1, 2"),
        /* Away from the bound. */
        LOOP("0", "", "less ic, 6", "        s2: f32[4] = exp s1\n", "sub i1, 1"),
        /* A bound that is data and a place that may be outside past it. */
        LOOP("1", "    m6: i32[] = reduce_max n {axes=[0]}\n", "less ic, m6", TAKES("i1"),
            "add i1, 1"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        TN_CHECK_EQ(cleaned(texts[i]).count[TN_OP_while], 1);
}

TN_TEST(what_nobody_reads_is_not_carried)
{
    job j = cleaned("graph main\n    input e: f32[6,4]\n"
                    "    z: f32[4] = fill {type=f32[4], value=0.0}\n"
                    "    s: f32[4], u: f32[4], c: f32[6,4], w: f32[6,4] = scan z, z, e "
                    "{carries=2} do (s1, u1, x, t)\n"
                    "        s2: f32[4] = add s1, x\n"
                    "        u2: f32[4] = mul u1, x\n"
                    "        yield s2, u2, s2, u2\n"
                    "    end\n"
                    "    output s = s\n    output c = c\n");

    TN_CHECK_EQ(j.carries, 1);
    TN_CHECK_EQ(j.results, 2);
    TN_CHECK_EQ(j.count[TN_OP_mul], 0);
}

TN_TEST(loops_along_reversed_tensors_turn)
{
    job j = cleaned("graph main\n    input e: f32[6,4]\n    input p: f32[6]\n"
                    "    r: f32[6,4] = reverse e {axes=[0]}\n"
                    "    z: f32[4] = fill {type=f32[4], value=0.0}\n"
                    "    s: f32[4], c: f32[6,4] = scan z, r {carries=1} do (s1, x, t)\n"
                    "        q: f32[] = cast t {to=f32}\n"
                    "        s2: f32[4] = add s1, q\n"
                    "        s3: f32[4] = maximum s2, x\n"
                    "        yield s3, s3\n"
                    "    end\n"
                    "    b: f32[6,4] = reverse c {axes=[0]}\n"
                    "    output s = s\n    output b = b\n");

    TN_CHECK_EQ(j.count[TN_OP_reverse], 0);
    TN_CHECK_EQ(j.count[TN_OP_scan], 1);
}

#define LATE(n)                                                                               \
    "graph main\n    input e: f32[3,6,4]\n    weight A: f32[4,4]\n"                           \
    "    d0: f32[3,4] = index e {axis=1, at=0}\n"                                             \
    "    r: f32[3,5,4] = slice e {axis=1, start=1, size=5}\n"                                 \
    "    dn: f32[3,4], c: f32[3,5,4] = scan d0, r {carries=1, axis=1} do (d, x, t)\n"         \
    "        u: f32[3,4,1] = unsqueeze d {axes=[2]}\n        s: f32[3,4,4] = add u, A\n"      \
    "        m: f32[3,4] = reduce_max s {axes=[1]}\n        y: f32[3,4] = add m, x\n"         \
    "        yield y, y\n    end\n"                                                           \
    "    f: f32[3,1,4] = unsqueeze d0 {axes=[1]}\n    a: f32[3,6,4] = concat f, c {axis=1}\n" \
    "    n: i32[3,1,4] = fill {type=i32[3,1,4], value=" n "}\n"                               \
    "    g: f32[3,1,4] = gather_elements a, n {axis=1}\n    output g = g\n"

TN_TEST(scores_of_one_round_are_carried)
{
    job j = cleaned(LATE("5"));

    TN_CHECK_EQ(j.count[TN_OP_gather_elements], 0);
    TN_CHECK_EQ(j.carries, 2);
    TN_CHECK_EQ(j.results, 2);
    (void)cleaned(LATE("0"));
    /* A round that there is not fails the run, as it did. */
    lowered_check(&(lowered_case){.text = LATE("6"), .fails = true}, false);
    lowered_check(&(lowered_case){.text = LATE("-1"), .fails = true}, false);
}

#define ROWS \
    "graph main\n    input x: f32[3,4]\n    input h: i32[3,4]\n    input y: i32[3] in 0..3\n"

TN_TEST(picks_are_gathers)
{
    TN_CHECK_EQ(cleaned(ROWS "    i: i32[3,1] = unsqueeze y {axes=[1]}\n"
                             "    g: f32[3] = gather_nd x, i {batch_dims=1}\n"
                             "    output g = g\n")
                    .count[TN_OP_gather],
        1);
    TN_CHECK_EQ(cleaned(ROWS "    b: i32[3] = iota {size=3}\n"
                             "    b1: i32[3,1] = unsqueeze b {axes=[1]}\n"
                             "    y1: i32[3,1] = unsqueeze y {axes=[1]}\n"
                             "    i: i32[3,2] = concat b1, y1 {axis=1}\n"
                             "    g: f32[3] = gather_nd x, i\n"
                             "    output g = g\n")
                    .count[TN_OP_gather],
        1);
    /* The other way round: no row is its own. */
    TN_CHECK_EQ(cleaned("graph main\n    input x: f32[4,3]\n    input y: i32[3] in 0..3\n"
                        "    b: i32[3] = iota {size=3}\n"
                        "    b1: i32[3,1] = unsqueeze b {axes=[1]}\n"
                        "    y1: i32[3,1] = unsqueeze y {axes=[1]}\n"
                        "    i: i32[3,2] = concat y1, b1 {axis=1}\n"
                        "    g: f32[3] = gather_nd x, i\n"
                        "    output g = g\n")
                    .count[TN_OP_gather],
        0);
}

#define FLAT "    f: i32[12] = reshape h {to=[12]}\n    b: i32[3] = iota {size=3}\n"

TN_TEST(rows_end_to_end_are_rows_where_places_are_proven)
{
    TN_CHECK_EQ(cleaned(ROWS FLAT "    a: i32[3] = arg_max x {axis=1}\n"
                                  "    r: i32[3] = mul b, 4\n    i: i32[3] = add a, r\n"
                                  "    g: i32[3] = gather f, i {axis=0}\n    output g = g\n")
                    .count[TN_OP_reshape],
        0);
    TN_CHECK_EQ(cleaned(ROWS FLAT "    r: i32[3] = mul b, 4\n    i: i32[3] = add r, y\n"
                                  "    g: i32[3] = gather f, i {axis=0}\n    output g = g\n")
                    .count[TN_OP_reshape],
        1);
    TN_CHECK_EQ(cleaned(ROWS FLAT "    a: i32[3] = arg_max x {axis=1}\n"
                                  "    r: i32[3] = mul b, 3\n    i: i32[3] = add a, r\n"
                                  "    g: i32[3] = gather f, i {axis=0}\n    output g = g\n")
                    .count[TN_OP_reshape],
        1);
}

#define MARK                                      \
    "    k: i32[4] = iota {size=4}\n"             \
    "    y1: i32[3,1] = unsqueeze y {axes=[1]}\n" \
    "    m: bool[3,4] = equal k, y1\n"

TN_TEST(sums_of_one_place_are_gathers)
{
    TN_CHECK_EQ(cleaned(ROWS MARK "    w: i32[3,4] = where m, h, 0\n"
                                  "    g: i32[3] = reduce_sum w {axes=[1]}\n    output g = g\n")
                    .count[TN_OP_gather_elements],
        1);
    TN_CHECK_EQ(cleaned(ROWS MARK "    c: i32[3,4] = cast m {to=i32}\n"
                                  "    w: i32[3,4] = mul c, h\n"
                                  "    g: i32[3] = reduce_sum w {axes=[1]}\n    output g = g\n")
                    .count[TN_OP_gather_elements],
        1);
    /* Along the rows; and -0, which a sum makes 0. */
    TN_CHECK_EQ(cleaned(ROWS MARK "    w: i32[3,4] = where m, h, 0\n"
                                  "    g: i32[4] = reduce_sum w {axes=[0]}\n    output g = g\n")
                    .count[TN_OP_gather_elements],
        0);
    TN_CHECK_EQ(cleaned(ROWS MARK "    w: f32[3,4] = where m, x, 0.0\n"
                                  "    g: f32[3] = reduce_sum w {axes=[1]}\n    output g = g\n")
                    .count[TN_OP_gather_elements],
        0);
}

TN_TEST(the_greatest_is_a_maximum)
{
    job j = cleaned(ROWS "    v: f32[3,1], i: i32[3,1] = top_k x {k=1, axis=1}\n"
                         "    output v = v\n    output i = i\n");

    TN_CHECK_EQ(j.count[TN_OP_top_k], 0);
    TN_CHECK_EQ(j.count[TN_OP_reduce_max], 1);
    j = cleaned(ROWS "    v: f32[3,1], i: i32[3,1] = top_k x {k=1, axis=1, largest=false}\n"
                     "    output v = v\n    output i = i\n");
    TN_CHECK_EQ(j.count[TN_OP_top_k], 1);
    j = cleaned(ROWS "    i: i32[3] = arg_max x {axis=1}\n"
                     "    i1: i32[3,1] = unsqueeze i {axes=[1]}\n"
                     "    v: f32[3,1] = gather_elements x, i1 {axis=1}\n    output v = v\n");
    TN_CHECK_EQ(j.count[TN_OP_reduce_max], 1);
    j = cleaned(ROWS "    i: i32[3] = arg_min x {axis=1}\n"
                     "    i1: i32[3,1] = unsqueeze i {axes=[1]}\n"
                     "    v: f32[3,1] = gather_elements x, i1 {axis=1}\n    output v = v\n");
    TN_CHECK_EQ(j.count[TN_OP_reduce_max], 0);
}

TN_MAIN(TN_CASE(loops_that_count_are_scans), TN_CASE(other_loops_stay),
    TN_CASE(what_nobody_reads_is_not_carried), TN_CASE(loops_along_reversed_tensors_turn),
    TN_CASE(scores_of_one_round_are_carried), TN_CASE(picks_are_gathers),
    TN_CASE(rows_end_to_end_are_rows_where_places_are_proven),
    TN_CASE(sums_of_one_place_are_gathers), TN_CASE(the_greatest_is_a_maximum))
