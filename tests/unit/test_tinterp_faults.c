/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/tile_program.h"

/* ---- planted faults ---- */

TN_TEST(races_are_caught)
{
    tile_objects(
        (tile_program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[0], 1 if lt(i, 3) }"},
        "twice");
    tile_objects((tile_program){.text = "kernel k(x: f32[8] -> y: f32[4]) grid i: 8 by 1 {\n"
                                        " store y[i / 2], load x[i] }"},
        "race: two tasks write y[");
    tile_objects((tile_program){.text =
                                    "kernel k(x: f32[8] alias 1 -> y: f32[8]) grid i: 8 by 1 {\n"
                                    " store x[i], 1  store y[i], load x[7 - i] }"},
        "race");
}

TN_TEST(unwritten_elements_are_caught)
{
    tile_objects((tile_program){.text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 {\n"
                                        " local a: f32[9]  store a[index(i)], load x[i]\n"
                                        " store y[i], load a[index(i) + 1] }"},
        "which nobody wrote");
}

TN_TEST(bounds_are_caught)
{
    tile_objects(
        (tile_program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[i], load x[i + 1] }"},
        "load of x[8] is out of bounds");
    tile_objects(
        (tile_program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[i - 1], load x[i] }"},
        "store to y[-1] is out of bounds");
    tile_objects(
        (tile_program){
            .text = "kernel k(x: f32[2,3] -> y: f32[6]) grid i: 6 { store y[i], load x[0, i] }"},
        "load of x[0,3] is out of bounds");
}

TN_TEST(merges_from_a_value_that_is_not_neutral_are_caught)
{
    tile_objects(
        (tile_program){.text =
                           "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                           " s = fold j carry (s: f32 = 1) { yield add(s, sum[j](load x[j])) }\n"
                           " merge (a) (b) { yield add(a, b) }  store y[i], s }"},
        "is not neutral in its merge");
}

static void
want_sum(tile_program *p)
{
    for (int j = 0; j < 9; j++)
        tile_out(p, "y")[0].real += tile_in(p, "x")[j].real;
    tile_out(p, "y")[0].real += 2;
}

/* With `by` only the first part starts from the given value. */
TN_TEST(folds_cut_by_an_operation_may_start_anywhere)
{
    tile_check((tile_program){.want = want_sum,
        .text = "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                " s = fold j carry (s: f32 = 2 by sum) { yield add(s, sum[j](load x[j])) }\n"
                " store y[i], s }"});
}

TN_TEST(block_sizes_that_show_are_caught)
{
    tile_program p = {.want = want_sum,
        .text = "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                " s = fold j carry (s: f32 = 2 by sum) { yield add(s, 1) }\n"
                " store y[i], s }"};
    double first = 0;
    bool differ = false;
    tn_tinterp job;

    if (tile_start(&p))
        for (uint64_t seed = 0; seed < TILE_SEEDS; seed++) {
            TN_CHECK_EQ(tile_interpret(&p, seed, &job), TN_OK);
            differ |= seed && p.cell[1][0].real != first;
            first = p.cell[1][0].real;
        }
    TN_CHECK(differ);
    tile_end(&p);
}

TN_TEST(not_a_number_traps_where_it_is_excluded)
{
    tile_objects((tile_program){.text =
                                    "kernel k(x: f32[8] -> y: f32[1]) axis i: 8 grid g: 1 by 1 {\n"
                                    " store y[g], maxq[i](mul(sub(load x[i], load x[i]), inf)) }"},
        "maxq is given NaN");
}

static void
fill_ids(tile_program *p)
{
    for (int i = 0; i < 6; i++)
        tile_in(p, "ids")[i].whole = i == 4 ? 77 : i;
}

TN_TEST(checks_report_site_position_and_value)
{
    tile_program p = {.fill = fill_ids,
        .text = "kernel k(ids: i32[6], w: f32[6] -> y: f32[6]) grid i: 6 {\n"
                " id = load ids[i]  ok = and(le(0, id), lt(id, 6))\n"
                " check ok, \"gather: index out of range\", i, id\n"
                " store y[i], load w[min(max(id, 0), 5)] }"};
    tn_tinterp job;

    if (tile_start(&p)) {
        TN_CHECK_EQ(tile_interpret(&p, 3, &job), TN_OK);
        TN_CHECK(job.check_failed);
        TN_CHECK_STR(p.tile->sites.at[job.site], "gather: index out of range");
        TN_CHECK_EQ(job.position, 4);
        TN_CHECK_EQ(job.value.whole, 77);
    }
    tile_end(&p);
}

TN_TEST(division_by_zero_is_caught)
{
    tile_objects(
        (tile_program){
            .text = "kernel k(x: i32[8] -> y: i32[8]) grid i: 8 { store y[i], div(i, load x[i]) }"},
        "division by 0");
}

TN_MAIN(TN_CASE(races_are_caught), TN_CASE(unwritten_elements_are_caught),
    TN_CASE(bounds_are_caught), TN_CASE(merges_from_a_value_that_is_not_neutral_are_caught),
    TN_CASE(folds_cut_by_an_operation_may_start_anywhere),
    TN_CASE(block_sizes_that_show_are_caught), TN_CASE(not_a_number_traps_where_it_is_excluded),
    TN_CASE(checks_report_site_position_and_value), TN_CASE(division_by_zero_is_caught))
