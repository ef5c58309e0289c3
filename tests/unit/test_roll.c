/* SPDX-License-Identifier: Apache-2.0
 * Steps written out become a scan, where they are the same and reduce. */
#include "passes/roll.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/parsed.h"
#include "tests/support/test.h"

typedef struct job {
    int scans, concats;
    int64_t rounds;
    bool backward;
} job;

static void
count(job *j, const tn_graph *g)
{
    for (const tn_op *op = g->block->first; op; op = op->next) {
        j->concats += op->code == TN_OP_concat;
        if (op->code != TN_OP_scan)
            continue;
        j->scans++;
        j->backward |= tn_op_int(op, TN_ATTR_scan_reverse) != 0;
        if (op->in_count > 1)
            (void)tn_size_is_int(op->in[1]->type.dim[0], &j->rounds);
        else
            (void)tn_size_is_int(op->attr[TN_ATTR_scan_count].sizes[0], &j->rounds);
    }
}

/* Also held against the reference, with and without passes. */
static job
rolled(const char *text)
{
    job j = {0};
    parsed p;

    if (parsed_open(&p, text, true))
        count(&j, p.g);
    parsed_close(&p);
    lowered_check(&(lowered_case){.text = text}, false);
    return j;
}

/* `steps` times `step`, in which $ is the number of the step and ~ the number
 * before, between `head` and `tail`. */
static const char *
write_steps(const char *head, const char *step, int steps, const char *tail)
{
    static char text[8192];
    size_t used = (size_t)snprintf(text, sizeof text, "graph main\n%s", head);

    for (int i = 1; i <= steps; i++)
        for (const char *at = step; *at && used < sizeof text - 16; at++) {
            if (*at == '$' || *at == '~')
                used += (size_t)snprintf(text + used, 12, "%d", *at == '$' ? i : i - 1);
            else
                text[used++] = *at;
        }
    snprintf(text + used, sizeof text - used, "%s", tail);
    return text;
}

static const char inputs[] =
    "    input d0: f32[3,4]\n    input e: f32[3,9,4]\n    weight A: f32[4,4]\n";
static const char greatest[] =
    "    u$: f32[3,4,1] = unsqueeze d~ {axes=[2]}\n    s$: f32[3,4,4] = add u$, A\n"
    "    m$: f32[3,4] = reduce_max s$ {axes=[1]}\n    x$: f32[3,4] = index e {axis=1, at=$}\n"
    "    d$: f32[3,4] = add m$, x$\n";

TN_TEST(steps_become_a_scan)
{
    job j = rolled(write_steps(inputs, greatest, 6, "    output d = d6\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 6);
    TN_CHECK(!j.backward);
}

TN_TEST(two_steps_of_a_chain_become_a_scan)
{
    TN_CHECK_EQ(rolled(write_steps(inputs, greatest, 2, "    output d = d2\n")).scans, 1);
}

/* Also as a view with a new axis, which the next step reads too. */
TN_TEST(what_each_step_takes_may_be_read_outside)
{
    job j = rolled(write_steps("    input y0: i32[3] in 0..3\n    input h: i32[6,3,4] in 0..3\n",
        "    u$: i32[3,1] = unsqueeze y~ {axes=[1]}\n    h$: i32[3,4] = index h {axis=0, at=$}\n"
        "    g$: i32[3,1] = gather_elements h$, u$ {axis=1}\n    y$: i32[3] = squeeze g$ {axes=[1]}\n",
        4,
        "    u5: i32[3,1] = unsqueeze y4 {axes=[1]}\n    p: i32[3,5] = concat u1, u2, u3, u4, u5 "
        "{axis=1}\n    output p = p\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.concats, 1);
}

TN_TEST(what_single_steps_give_is_collected)
{
    job j = rolled(write_steps(inputs, greatest, 5,
        "    b: f32[4] = reduce_sum m2 {axes=[0]}\n    c: f32[3,4] = exp d3\n"
        "    output b = b\n    output c = c\n    output d = d5\n    output s = s4\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
}

TN_TEST(positions_may_go_down)
{
    static const char step[] =
        "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
        "    x$: f32[3,4] = index e {axis=1, at=8-$}\n    d$: f32[3,4] = sub x$, m$\n";
    char text[8192], *at;
    job j;

    snprintf(text, sizeof text, "%s", write_steps(inputs, step, 5, "    output d = d5\n"));
    while ((at = strstr(text, "8-")) != NULL) {
        at[0] = (char)('0' + 8 - (at[2] - '0'));
        memmove(at + 1, at + 3, strlen(at + 3) + 1);
    }
    j = rolled(text);
    TN_CHECK_EQ(j.scans, 1);
    /* What is carried is the smallest value: the maximum of the step before. */
    TN_CHECK_EQ(j.rounds, 4);
    TN_CHECK(j.backward);
}

TN_TEST(numbers_may_count)
{
    job j = rolled(write_steps("    input d0: f32[3,4]\n    input n: i32[3,1]\n",
        "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
        "    l$: bool[3,1] = less n, $\n    t$: f32[3,4] = sub d~, m$\n"
        "    d$: f32[3,4] = where l$, t$, d~\n",
        5, "    output d = d5\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
}

/* Down, with a number that counts up beside it. */
TN_TEST(numbers_may_count_while_positions_go_down)
{
    static const char head[] =
        "    input d0: f32[3,4]\n    input e: f32[3,9,4]\n    input n: i32[3,1]\n";
    char text[8192] = "graph main\n";
    size_t used = strlen(text);
    job j;

    used += (size_t)snprintf(text + used, sizeof text - used, "%s", head);
    for (int i = 1; i <= 5; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            "    m%d: f32[3,1] = reduce_max d%d {axes=[1], keepdims=true}\n"
            "    x%d: f32[3,4] = index e {axis=1, at=%d}\n    l%d: bool[3,1] = less n, %d\n"
            "    t%d: f32[3,4] = sub x%d, m%d\n    d%d: f32[3,4] = where l%d, t%d, d%d\n",
            i, i - 1, i, 8 - i, i, i, i, i, i, i, i, i, i - 1);
    snprintf(text + used, sizeof text - used, "    output d = d5\n");
    j = rolled(text);
    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
    TN_CHECK(j.backward);
}

/* Literals are values of their own in each step. */
TN_TEST(numbers_may_be_fractions)
{
    job j = rolled(write_steps("    input d0: f32[3,4]\n",
        "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
        "    f$: bool[3,1] = is_finite m$\n    g$: f32[3,1] = where f$, m$, 0.25\n"
        "    d$: f32[3,4] = sub d~, g$\n",
        5, "    output d = d5\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
}

/* A step adds twice, so that its result is every second of its kind. */
TN_TEST(steps_may_repeat_an_operation)
{
    job j = rolled(write_steps(inputs,
        "    u$: f32[3,4,1] = unsqueeze d~ {axes=[2]}\n    s$: f32[3,4,4] = add u$, A\n"
        "    m$: f32[3,4] = reduce_max s$ {axes=[1]}\n    x$: f32[3,4] = index e {axis=1, at=$}\n"
        "    p$: f32[3,4] = add m$, x$\n    q$: f32[3,4] = mul d~, 0.5\n"
        "    d$: f32[3,4] = add p$, q$\n",
        6, "    output d = d6\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 6);
}

/* All results joined, and one of them read again: the last is carried. */
TN_TEST(one_of_joined_steps_is_that_step)
{
    job j = rolled(write_steps(inputs, greatest, 4,
        "    j1: f32[1,3,4] = unsqueeze d1 {axes=[0]}\n    j2: f32[1,3,4] = unsqueeze d2 {axes=[0]}\n"
        "    j3: f32[1,3,4] = unsqueeze d3 {axes=[0]}\n    j4: f32[1,3,4] = unsqueeze d4 {axes=[0]}\n"
        "    j: f32[4,3,4] = concat j1, j2, j3, j4 {axis=0}\n    l: f32[3,4] = index j {axis=0, at=3}\n"
        "    b: f32[3,4] = index j {axis=0, at=1}\n    y: f32[3,4] = exp l\n    z: f32[3,4] = exp b\n"
        "    output y = y\n    output z = z\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 4);
}

/* The first step is another, the last ones skip a piece. */
TN_TEST(what_differs_stays_outside)
{
    static const char step[] =
        "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
        "    x$: f32[3,4] = index e {axis=1, at=$}\n    d$: f32[3,4] = sub x$, m$\n";
    job j = rolled(write_steps("    input y: f32[3,4]\n    input e: f32[3,9,4]\n"
                               "    d0: f32[3,4] = exp y\n",
        step, 5,
        "    m6: f32[3,1] = reduce_max d5 {axes=[1], keepdims=true}\n"
        "    x6: f32[3,4] = index e {axis=1, at=8}\n    d6: f32[3,4] = sub x6, m6\n"
        "    output d = d6\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
}

/* A step at another distance, and one from a row of another shape, are no
 * first steps. */
TN_TEST(other_first_steps_stay_outside)
{
    static const char step[] =
        "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
        "    n$: f32[3,1] = reduce_min d~ {axes=[1], keepdims=true}\n"
        "    x$: f32[3,4] = index e {axis=1, at=$}\n    p$: f32[3,4] = mul x$, n$\n"
        "    d$: f32[3,4] = sub p$, m$\n";
    job j = rolled(write_steps("    input y: f32[3,4]\n    input e: f32[3,9,4]\n"
                               "    m: f32[3,1] = reduce_max y {axes=[1], keepdims=true}\n"
                               "    n: f32[3,1] = reduce_min y {axes=[1], keepdims=true}\n"
                               "    x: f32[3,4] = index e {axis=1, at=1}\n"
                               "    p: f32[3,4] = mul x, n\n    d0: f32[3,4] = sub p, m\n",
        step, 5, "    output d = d5\n"));

    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 5);
    j = rolled(write_steps("    input d0: f32[3,2]\n    input e: f32[3,9,4]\n", step, 5,
        "    output d = d5\n"));
    TN_CHECK_EQ(j.scans, 1);
    TN_CHECK_EQ(j.rounds, 4);
}

TN_TEST(other_chains_stay_as_they_are)
{
    /* Element by element. */
    TN_CHECK_EQ(rolled(write_steps("    input d0: f32[3,4]\n",
                           "    m$: f32[3,4] = mul d~, d~\n    d$: f32[3,4] = add m$, 0.5\n", 6,
                           "    output d = d6\n"))
                    .scans,
        0);
    /* Weights of its own for each step. */
    TN_CHECK_EQ(rolled(write_steps("    input d0: f32[3,4]\n",
                           "    weight w$: f32[3,4]\n"
                           "    m$: f32[3,1] = reduce_max d~ {axes=[1], keepdims=true}\n"
                           "    d$: f32[3,4] = sub w$, m$\n",
                           6, "    output d = d6\n"))
                    .scans,
        0);
    /* Two steps, of nothing that a chain does. */
    TN_CHECK_EQ(rolled(write_steps("    input d0: f32[3,4]\n    input e: f32[3,9,4]\n",
                           "    s$: f32[3,1] = reduce_sum d~ {axes=[1], keepdims=true}\n"
                           "    x$: f32[3,4] = index e {axis=1, at=$}\n"
                           "    d$: f32[3,4] = add s$, x$\n",
                           2, "    output d = d2\n"))
                    .scans,
        0);
    /* A step alone. */
    TN_CHECK_EQ(rolled(write_steps(inputs, greatest, 1, "    output d = d1\n")).scans, 0);
}

TN_MAIN(TN_CASE(steps_become_a_scan), TN_CASE(two_steps_of_a_chain_become_a_scan),
    TN_CASE(what_each_step_takes_may_be_read_outside), TN_CASE(what_single_steps_give_is_collected),
    TN_CASE(positions_may_go_down), TN_CASE(numbers_may_count),
    TN_CASE(numbers_may_count_while_positions_go_down), TN_CASE(numbers_may_be_fractions),
    TN_CASE(steps_may_repeat_an_operation), TN_CASE(one_of_joined_steps_is_that_step),
    TN_CASE(what_differs_stays_outside), TN_CASE(other_first_steps_stay_outside),
    TN_CASE(other_chains_stay_as_they_are))
