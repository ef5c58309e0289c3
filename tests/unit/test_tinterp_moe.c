/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/tile_program.h"

/* ---- choice of experts, and sums over them ---- */

enum { RT = 9, RE = 6 };

static void
want_route(tile_program *p)
{
    for (int t = 0; t < RT; t++) {
        double g[RE], mean = 0, var = 0;
        int first = 0, second;

        for (int e = 0; e < RE; e++)
            mean += tile_in(p, "z")[t * RE + e].real / (double)RE;
        for (int e = 0; e < RE; e++)
            var += pow(tile_in(p, "z")[t * RE + e].real - mean, 2);
        for (int e = 0; e < RE; e++)
            g[e] = exp((tile_in(p, "z")[t * RE + e].real - mean) / sqrt(var / (RE - 1)));
        for (int e = 1; e < RE; e++)
            first = g[e] > g[first] ? e : first;
        second = first == 0;
        for (int e = 0; e < RE; e++)
            second = e != first && g[e] > g[second] ? e : second;
        tile_out(p, "ids")[t * 2].whole = first;
        tile_out(p, "ids")[t * 2 + 1].whole = second;
        tile_out(p, "wts")[t * 2].real = g[first] / (g[first] + g[second]);
        tile_out(p, "wts")[t * 2 + 1].real = g[second] / (g[first] + g[second]);
    }
}

TN_TEST(route)
{
    tile_check((tile_program){
        .file = "route.tile", .want = want_route, .sizes = {{"T", RT}, {"E", RE}}});
}

enum { SA = 14, SE = 5 };

static void
fill_sort(tile_program *p)
{
    for (int a = 0; a < SA; a++)
        tile_in(p, "ids")[a].whole = (a * 7 + a / 3) % SE;
}

static void
want_sort(tile_program *p)
{
    int64_t at = 0;

    for (int e = 0; e < SE; e++) {
        tile_out(p, "off")[e].whole = at;
        for (int a = 0; a < SA; a++)
            if (tile_in(p, "ids")[a].whole == e) {
                tile_out(p, "order")[at].whole = a;
                tile_out(p, "inv")[a].whole = at++;
            }
    }
    tile_out(p, "off")[SE].whole = at;
}

TN_TEST(count_sort)
{
    tile_check((tile_program){.file = "count_sort.tile",
        .fill = fill_sort,
        .want = want_sort,
        .sizes = {{"A", SA}, {"E", SE}}});
}

enum { ET = 7, EE = 4, EN = 9, EK = 8 };

/* Groups of 3, 0, 6 and 5 rows. */
static void
fill_experts(tile_program *p)
{
    static const int64_t off[EE + 1] = {0, 3, 3, 9, 14};

    for (int e = 0; e <= EE; e++)
        tile_in(p, "off")[e].whole = off[e];
    for (int a = 0; a < 2 * ET; a++)
        tile_in(p, "order")[a].whole = (a * 5) % (2 * ET);
}

static void
want_experts(tile_program *p)
{
    for (int e = 0; e < EE; e++)
        for (int64_t a = tile_in(p, "off")[e].whole; a < tile_in(p, "off")[e + 1].whole; a++)
            for (int n = 0; n < EN; n++) {
                int64_t row = tile_in(p, "order")[a].whole / 2;
                double g = 0, u = 0;

                for (int k = 0; k < EK; k++) {
                    g += tile_in(p, "x")[row * EK + k].real *
                        tile_in(p, "wg")[(e * EN + n) * EK + k].real;
                    u += tile_in(p, "x")[row * EK + k].real *
                        tile_in(p, "wu")[(e * EN + n) * EK + k].real;
                }
                tile_out(p, "h")[a * EN + n].real = g / (1 + exp(-g)) * u;
            }
}

TN_TEST(experts)
{
    tile_check((tile_program){.file = "experts.tile",
        .fill = fill_experts,
        .want = want_experts,
        .sizes = {{"T", ET}, {"E", EE}, {"N", EN}, {"K", EK}}});
}

static void
fill_combine(tile_program *p)
{
    for (int a = 0; a < 10; a++)
        tile_in(p, "inv")[a].whole = (a * 3 + 1) % 10;
}

static void
want_combine(tile_program *p)
{
    for (int t = 0; t < 5; t++)
        for (int n = 0; n < 9; n++)
            for (int c = 0; c < 2; c++)
                tile_out(p, "y")[t * 9 + n].real += tile_in(p, "wts")[t * 2 + c].real *
                    tile_in(p, "d")[tile_in(p, "inv")[t * 2 + c].whole * 9 + n].real;
}

TN_TEST(combine)
{
    tile_check((tile_program){.file = "combine.tile",
        .fill = fill_combine,
        .want = want_combine,
        .sizes = {{"T", 5}, {"K", 9}}});
}

TN_MAIN(TN_CASE(route), TN_CASE(count_sort), TN_CASE(experts), TN_CASE(combine))
