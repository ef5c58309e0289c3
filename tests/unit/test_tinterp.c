/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tinterp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/tile_program.h"

/* ---- naive programs ---- */

static void
want_gemm(tile_program *p)
{
    int64_t M = tile_size_of(p, "M"), N = tile_size_of(p, "N"), K = tile_size_of(p, "K");

    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            double s = 0;

            for (int64_t k = 0; k < K; k++)
                s += tile_in(p, "x")[m * K + k].real * tile_in(p, "w")[n * K + k].real;
            s += tile_in(p, "b")[n].real;
            tile_out(p, "y")[m * N + n].real = 0.5 * s * (1 + erf(s * (double)0.70710678f));
        }
}

TN_TEST(contraction)
{
    tile_program p = {.file = "gemm.tile", .want = want_gemm};

    p.sizes[0] = (tile_size){"M", 7};
    p.sizes[1] = (tile_size){"N", 19};
    p.sizes[2] = (tile_size){"K", 11};
    tile_check(p);
    p.sizes[2].value = 0;
    tile_check(p);
    p.sizes[0].value = 0;
    tile_check(p);
}

static void
want_rms(tile_program *p)
{
    int64_t R = tile_size_of(p, "R"), C = tile_size_of(p, "C");

    for (int64_t r = 0; r < R; r++) {
        double sum = 0;

        for (int64_t c = 0; c < C; c++) {
            double h = tile_in(p, "x")[r * C + c].real + tile_in(p, "res")[r * C + c].real;

            tile_out(p, "h")[r * C + c].real = h;
            sum += h * h;
        }
        for (int64_t c = 0; c < C; c++)
            tile_out(p, "y")[r * C + c].real = tile_out(p, "h")[r * C + c].real /
                sqrt(sum / (double)C + (double)1e-6f) * tile_in(p, "w")[c].real;
    }
}

TN_TEST(root_mean_square)
{
    tile_check((tile_program){
        .file = "rms.tile", .want = want_rms, .sizes = {{"R", 5}, {"C", 23}}});
}

static void
want_softmax(tile_program *p)
{
    int64_t R = tile_size_of(p, "R"), C = tile_size_of(p, "C");

    for (int64_t r = 0; r < R; r++) {
        double top = -INFINITY, sum = 0;

        for (int64_t c = 0; c < C; c++)
            top = fmax(top, tile_in(p, "x")[r * C + c].real);
        for (int64_t c = 0; c < C; c++)
            sum += exp(tile_in(p, "x")[r * C + c].real - top);
        for (int64_t c = 0; c < C; c++)
            tile_out(p, "y")[r * C + c].real = exp(tile_in(p, "x")[r * C + c].real - top) / sum;
    }
}

TN_TEST(softmax)
{
    tile_check((tile_program){
        .file = "softmax.tile", .want = want_softmax, .sizes = {{"R", 4}, {"C", 37}}});
}

enum { AB = 2, AM = 5, AG = 2, AR = 2, AD = 6, AS = 9, AH = AG * AR };

static void
fill_attention(tile_program *p)
{
    for (int b = 0; b < AB; b++)
        tile_in(p, "len")[b].whole = AS - 3 * b;
}

static void
attend(tile_program *p, int b, int m, int h)
{
    int64_t n = tile_in(p, "len")[b].whole, last = n - AM + m;
    double s[AS], top = -INFINITY, sum = 0;

    for (int j = 0; j < n; j++) {
        s[j] = 0;
        for (int d = 0; d < AD; d++)
            s[j] += tile_in(p, "q")[((b * AM + m) * AH + h) * AD + d].real *
                tile_in(p, "k")[((b * AG + h / AR) * AS + j) * AD + d].real;
        s[j] = j <= last ? s[j] * (double)0.40824829f : -INFINITY;
        top = fmax(top, s[j]);
    }
    for (int j = 0; j < n; j++)
        sum += exp(s[j] - top);
    for (int e = 0; e < AD; e++) {
        double o = 0;

        for (int j = 0; j < n; j++)
            o += exp(s[j] - top) * tile_in(p, "v")[((b * AG + h / AR) * AS + j) * AD + e].real;
        tile_out(p, "o")[((b * AM + m) * AH + h) * AD + e].real = o / sum;
    }
}

static void
want_attention(tile_program *p)
{
    for (int b = 0; b < AB; b++)
        for (int m = 0; m < AM; m++)
            for (int h = 0; h < AH; h++)
                attend(p, b, m, h);
}

TN_TEST(attention)
{
    tile_check((tile_program){.file = "attention.tile",
        .fill = fill_attention,
        .want = want_attention,
        .sizes = {{"B", AB}, {"M", AM}, {"G", AG}, {"R", AR}, {"D", AD}, {"S", AS}}});
}

enum { VB = 5, VT = 6, VK = 7 };

static void
fill_viterbi(tile_program *p)
{
    for (int b = 0; b < VB; b++)
        tile_in(p, "len")[b].whole = 1 + (b * 2) % VT;
}

static void
decode(tile_program *p, int b)
{
    const tn_cell *em = tile_in(p, "em"), *tr = tile_in(p, "tr");
    int64_t n = tile_in(p, "len")[b].whole;
    double d[VT][VK];
    int back[VT][VK], cur = 0;

    for (int j = 0; j < VK; j++)
        d[0][j] = em[(b * VT) * VK + j].real;
    for (int t = 1; t < VT; t++)
        for (int j = 0; j < VK; j++) {
            back[t][j] = t < n ? 0 : j;
            for (int i = 1; i < VK && t < n; i++)
                if (d[t - 1][i] + tr[i * VK + j].real >
                    d[t - 1][back[t][j]] + tr[back[t][j] * VK + j].real)
                    back[t][j] = i;
            d[t][j] = t < n ? d[t - 1][back[t][j]] + tr[back[t][j] * VK + j].real +
                    em[(b * VT + t) * VK + j].real
                            : d[t - 1][j];
        }
    for (int j = 1; j < VK; j++)
        if (d[VT - 1][j] > d[VT - 1][cur])
            cur = j;
    tile_out(p, "score")[b].real = d[VT - 1][cur];
    for (int t = VT - 1; t >= 0; t--) {
        tile_out(p, "path")[b * VT + t].whole = cur;
        cur = t ? back[t][cur] : cur;
    }
}

static void
want_viterbi(tile_program *p)
{
    for (int b = 0; b < VB; b++)
        decode(p, b);
}

TN_TEST(viterbi)
{
    tile_check((tile_program){.file = "viterbi.tile",
        .fill = fill_viterbi,
        .want = want_viterbi,
        .sizes = {{"B", VB}, {"T", VT}, {"K", VK}}});
}

enum { CH = 6, CW = 5, CC = 4, CO = 9 };

static double
window(tile_program *p, int y, int x, int o)
{
    double s = tile_in(p, "bias")[o].real;

    for (int u = 0; u < 3; u++)
        for (int v = 0; v < 3; v++)
            for (int c = 0; c < CC; c++)
                if (y + u >= 1 && y + u <= CH && x + v >= 1 && x + v <= CW)
                    s += tile_in(p, "x")[((y + u - 1) * CW + x + v - 1) * CC + c].real *
                        tile_in(p, "w")[o * 9 * CC + (u * 3 + v) * CC + c].real;
    return fmax(s, 0);
}

static void
want_conv(tile_program *p)
{
    for (int y = 0; y < CH; y++)
        for (int x = 0; x < CW; x++)
            for (int o = 0; o < CO; o++)
                tile_out(p, "y")[(y * CW + x) * CO + o].real = window(p, y, x, o);
}

TN_TEST(convolution)
{
    tile_check((tile_program){.file = "conv.tile",
        .want = want_conv,
        .sizes = {{"B", 1}, {"HI", CH}, {"WI", CW}, {"C", CC}, {"O", CO}, {"U", 3}, {"V", 3},
            {"P", CH}, {"Q", CW}}});
}

enum { GB = 3, GT = 4, GH = 9 };

static double
gate(tile_program *p, const double *h, int which, int j, double bias)
{
    for (int i = 0; i < GH; i++)
        bias += h[i] * tile_in(p, "u")[(which * GH + j) * GH + i].real;
    return bias;
}

static void
want_gru(tile_program *p)
{
    for (int b = 0; b < GB; b++) {
        double h[GH], next[GH];

        for (int j = 0; j < GH; j++)
            h[j] = tile_in(p, "h0")[b * GH + j].real;
        for (int t = 0; t < GT; t++) {
            const tn_cell *xw = tile_in(p, "xw") + (b * GT + t) * 3 * GH;

            for (int j = 0; j < GH; j++) {
                double z = 1 / (1 + exp(-gate(p, h, 0, j, xw[j].real)));
                double r = 1 / (1 + exp(-gate(p, h, 1, j, xw[GH + j].real)));
                double n =
                    tanh(xw[2 * GH + j].real + r * gate(p, h, 2, j, tile_in(p, "bn")[j].real));

                next[j] = n + z * (h[j] - n);
            }
            for (int j = 0; j < GH; j++)
                tile_out(p, "ys")[(b * GT + t) * GH + j].real = h[j] = next[j];
        }
    }
}

TN_TEST(gru)
{
    tile_check((tile_program){
        .file = "gru.tile", .want = want_gru, .sizes = {{"B", GB}, {"T", GT}, {"H", GH}}});
}

static void
want_broadcast(tile_program *p)
{
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 4; b++)
            for (int c = 0; c < 21; c++)
                tile_out(p, "y")[(a * 4 + b) * 21 + c].real =
                    tanh(tile_in(p, "x")[(a * 4 + b) * 21 + c].real * tile_in(p, "s")[b].real +
                        tile_in(p, "w")[a * 21 + c].real);
}

TN_TEST(broadcast)
{
    tile_check((tile_program){.file = "broadcast.tile",
        .want = want_broadcast,
        .sizes = {{"A", 3}, {"B", 4}, {"C", 21}}});
}

static void
want_middle(tile_program *p)
{
    for (int a = 0; a < 3; a++)
        for (int c = 0; c < 18; c++) {
            tile_out(p, "z")[a * 18 + c].real = -INFINITY;
            for (int b = 0; b < 5; b++) {
                double x = tile_in(p, "x")[(a * 5 + b) * 18 + c].real;

                tile_out(p, "y")[a * 18 + c].real += x / 5;
                tile_out(p, "z")[a * 18 + c].real = fmax(tile_out(p, "z")[a * 18 + c].real, x);
            }
        }
}

TN_TEST(middle_reduction)
{
    tile_check((tile_program){
        .file = "middle.tile", .want = want_middle, .sizes = {{"A", 3}, {"B", 5}, {"C", 18}}});
}

TN_MAIN(TN_CASE(contraction), TN_CASE(root_mean_square), TN_CASE(softmax), TN_CASE(attention),
    TN_CASE(viterbi), TN_CASE(convolution), TN_CASE(gru), TN_CASE(broadcast),
    TN_CASE(middle_reduction))
