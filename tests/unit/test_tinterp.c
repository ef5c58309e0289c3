/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tinterp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* A tile program on small sizes: inputs at random, results compared with a
 * naive loop, for several seeds of block sizes, task orders and cuts. */
enum { SIZES = 12, BUFS = 8, SEEDS = 40 };

typedef struct size_value {
    const char *name;
    int64_t value;
} size_value;

typedef struct program {
    const char *file; /* in tests/golden/tile, or NULL: `text` */
    const char *text;
    size_value sizes[SIZES];
    void (*fill)(struct program *p); /* inputs that are not plain noise */
    void (*want)(struct program *p); /* sets wanted[] of the results */
    /* While it runs: */
    tn_arena *arena;
    tn_diag diag;
    tn_tile *tile;
    int64_t size[SIZES];
    int64_t count[BUFS];
    tn_cell *cell[BUFS], *wanted[BUFS];
    bool *known[BUFS];
    uint64_t noise;
} program;

static int64_t
size_of(const program *p, const char *name)
{
    for (int i = 0; i < SIZES && p->sizes[i].name; i++)
        if (strcmp(p->sizes[i].name, name) == 0)
            return p->sizes[i].value;
    return 0;
}

static int
buffer(const program *p, const char *name)
{
    for (uint32_t i = 0; i < p->tile->bufs.count; i++)
        if (strcmp(p->tile->bufs.at[i]->name, name) == 0)
            return (int)i;
    TN_CHECK(!"no such buffer");
    return 0;
}

static tn_cell *
in(const program *p, const char *name)
{
    return p->cell[buffer(p, name)];
}

static tn_cell *
out(const program *p, const char *name)
{
    return p->wanted[buffer(p, name)];
}

/* Uniform in -1 .. 1, rounded to f32. */
static double
noise(program *p)
{
    p->noise = p->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(float)((double)(p->noise >> 33) / 1073741824.0 - 1.0);
}

static const char *
read_file(program *p, const char *name)
{
    char path[512];
    size_t bytes;
    char *text;
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/golden/tile/%s", TN_SOURCE_FOLDER, name);
    f = fopen(path, "rb");
    if (!TN_CHECK(f != NULL))
        return "";
    text = tn_arena_get(p->arena, 1 << 14);
    bytes = fread(text, 1, (1 << 14) - 1, f);
    text[bytes] = 0;
    fclose(f);
    return text;
}

static void
make_buffers(program *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];

        TN_NEED(tn_tile_elements(p->tile, b, p->size, &p->count[i]));
        p->cell[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->wanted[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->known[i] = tn_new_array(p->arena, bool, p->count[i]);
        for (int64_t k = 0; k < p->count[i]; k++)
            if (tn_is_float(b->dtype))
                p->cell[i][k].real = noise(p);
    }
}

/* A written buffer called x holds something before, too. */
static void
set_known(program *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++)
        memset(p->known[i],
            !p->tile->bufs.at[i]->written || strcmp(p->tile->bufs.at[i]->name, "x") == 0,
            (size_t)p->count[i]);
}

static void
compare(const program *p, uint64_t seed)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];

        for (int64_t k = 0; b->written && k < p->count[i]; k++) {
            bool held = TN_CHECK(p->known[i][k]);

            if (tn_is_float(b->dtype))
                held &= TN_CHECK_NEAR(p->cell[i][k].real, p->wanted[i][k].real, 1e-9);
            else
                held &= TN_CHECK_EQ(p->cell[i][k].whole, p->wanted[i][k].whole);
            if (!held) {
                tn_test_note("%s: %s[%lld], seed %llu", p->tile->name, b->name, (long long)k,
                    (unsigned long long)seed);
                return;
            }
        }
    }
}

static tn_status
prepare(void *arg)
{
    program *p = arg;
    tn_text once = {.arena = p->arena}, twice = {.arena = p->arena};
    tn_tile *again;

    TN_TRY(tn_tile_parse(p->arena, &p->diag, p->file ? p->file : "text",
        p->file ? read_file(p, p->file) : p->text, &p->tile));
    TN_TRY(tn_tile_verify(p->tile, &p->diag));
    tn_tile_print(&once, p->tile);
    TN_TRY(tn_tile_parse(p->arena, &p->diag, "print", once.at, &again));
    tn_tile_print(&twice, again);
    TN_CHECK_STR(twice.at, once.at);
    p->tile = again;
    for (uint32_t i = 0; i < again->sizes.count; i++)
        p->size[i] = size_of(p, again->sizes.at[i].name);
    make_buffers(p);
    if (p->fill)
        p->fill(p);
    if (p->want)
        p->want(p);
    return TN_OK;
}

static tn_status
interpret(program *p, uint64_t seed, tn_tinterp *job)
{
    *job = (tn_tinterp){.tile = p->tile,
        .alloc = tn_alloc_system(),
        .diag = &p->diag,
        .sizes = p->size,
        .bufs = p->cell,
        .known = p->known,
        .seed = seed};
    set_known(p);
    return tn_tinterp_run(job);
}

static bool
start(program *p)
{
    bool ok;

    tn_diag_init(&p->diag, tn_alloc_system());
    p->arena = tn_arena_create(tn_alloc_system(), 0);
    p->noise = 12345;
    ok = TN_CHECK_EQ(tn_arena_guard(p->arena, prepare, p), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&p->diag); i++)
        tn_test_note("%s", tn_diag_text(&p->diag, i));
    return ok;
}

static void
end(program *p)
{
    tn_arena_destroy(p->arena);
    tn_diag_clear(&p->diag);
}

static void
check(program p)
{
    tn_tinterp job;

    if (start(&p))
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            if (!TN_CHECK_EQ(interpret(&p, seed, &job), TN_OK)) {
                tn_test_note("%s, seed %llu: %s", p.tile->name, (unsigned long long)seed,
                    tn_diag_text(&p.diag, 0));
                break;
            }
            compare(&p, seed);
        }
    end(&p);
}

/* Some seed must be objected to, with this message. */
static void
objects(program p, const char *message)
{
    bool found = false;
    tn_tinterp job;

    if (start(&p))
        for (uint64_t seed = 0; seed < SEEDS && !found; seed++)
            if (interpret(&p, seed, &job) != TN_OK)
                found = strstr(tn_diag_text(&p.diag, 0), message) != NULL;
    if (!TN_CHECK(found))
        tn_test_note("%s: found %s", message,
            tn_diag_count(&p.diag) ? tn_diag_text(&p.diag, 0) : "nothing");
    end(&p);
}

/* ---- naive programs ---- */

static void
want_gemm(program *p)
{
    int64_t M = size_of(p, "M"), N = size_of(p, "N"), K = size_of(p, "K");

    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            double s = 0;

            for (int64_t k = 0; k < K; k++)
                s += in(p, "x")[m * K + k].real * in(p, "w")[n * K + k].real;
            s += in(p, "b")[n].real;
            out(p, "y")[m * N + n].real = 0.5 * s * (1 + erf(s * (double)0.70710678f));
        }
}

TN_TEST(contraction)
{
    program p = {.file = "gemm.tile", .want = want_gemm};

    p.sizes[0] = (size_value){"M", 7};
    p.sizes[1] = (size_value){"N", 19};
    p.sizes[2] = (size_value){"K", 11};
    check(p);
    p.sizes[2].value = 0;
    check(p);
    p.sizes[0].value = 0;
    check(p);
}

static void
want_rms(program *p)
{
    int64_t R = size_of(p, "R"), C = size_of(p, "C");

    for (int64_t r = 0; r < R; r++) {
        double sum = 0;

        for (int64_t c = 0; c < C; c++) {
            double h = in(p, "x")[r * C + c].real + in(p, "res")[r * C + c].real;

            out(p, "h")[r * C + c].real = h;
            sum += h * h;
        }
        for (int64_t c = 0; c < C; c++)
            out(p, "y")[r * C + c].real = out(p, "h")[r * C + c].real /
                sqrt(sum / (double)C + (double)1e-6f) * in(p, "w")[c].real;
    }
}

TN_TEST(root_mean_square)
{
    check((program){.file = "rms.tile", .want = want_rms, .sizes = {{"R", 5}, {"C", 23}}});
}

static void
want_softmax(program *p)
{
    int64_t R = size_of(p, "R"), C = size_of(p, "C");

    for (int64_t r = 0; r < R; r++) {
        double top = -INFINITY, sum = 0;

        for (int64_t c = 0; c < C; c++)
            top = fmax(top, in(p, "x")[r * C + c].real);
        for (int64_t c = 0; c < C; c++)
            sum += exp(in(p, "x")[r * C + c].real - top);
        for (int64_t c = 0; c < C; c++)
            out(p, "y")[r * C + c].real = exp(in(p, "x")[r * C + c].real - top) / sum;
    }
}

TN_TEST(softmax)
{
    check((program){.file = "softmax.tile", .want = want_softmax, .sizes = {{"R", 4}, {"C", 37}}});
}

enum { AB = 2, AM = 5, AG = 2, AR = 2, AD = 6, AS = 9, AH = AG * AR };

static void
fill_attention(program *p)
{
    for (int b = 0; b < AB; b++)
        in(p, "len")[b].whole = AS - 3 * b;
}

static void
attend(program *p, int b, int m, int h)
{
    int64_t n = in(p, "len")[b].whole, last = n - AM + m;
    double s[AS], top = -INFINITY, sum = 0;

    for (int j = 0; j < n; j++) {
        s[j] = 0;
        for (int d = 0; d < AD; d++)
            s[j] += in(p, "q")[((b * AM + m) * AH + h) * AD + d].real *
                in(p, "k")[((b * AG + h / AR) * AS + j) * AD + d].real;
        s[j] = j <= last ? s[j] * (double)0.40824829f : -INFINITY;
        top = fmax(top, s[j]);
    }
    for (int j = 0; j < n; j++)
        sum += exp(s[j] - top);
    for (int e = 0; e < AD; e++) {
        double o = 0;

        for (int j = 0; j < n; j++)
            o += exp(s[j] - top) * in(p, "v")[((b * AG + h / AR) * AS + j) * AD + e].real;
        out(p, "o")[((b * AM + m) * AH + h) * AD + e].real = o / sum;
    }
}

static void
want_attention(program *p)
{
    for (int b = 0; b < AB; b++)
        for (int m = 0; m < AM; m++)
            for (int h = 0; h < AH; h++)
                attend(p, b, m, h);
}

TN_TEST(attention)
{
    check((program){.file = "attention.tile",
        .fill = fill_attention,
        .want = want_attention,
        .sizes = {{"B", AB}, {"M", AM}, {"G", AG}, {"R", AR}, {"D", AD}, {"S", AS}}});
}

enum { VB = 5, VT = 6, VK = 7 };

static void
fill_viterbi(program *p)
{
    for (int b = 0; b < VB; b++)
        in(p, "len")[b].whole = 1 + (b * 2) % VT;
}

static void
decode(program *p, int b)
{
    const tn_cell *em = in(p, "em"), *tr = in(p, "tr");
    int64_t n = in(p, "len")[b].whole;
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
    out(p, "score")[b].real = d[VT - 1][cur];
    for (int t = VT - 1; t >= 0; t--) {
        out(p, "path")[b * VT + t].whole = cur;
        cur = t ? back[t][cur] : cur;
    }
}

static void
want_viterbi(program *p)
{
    for (int b = 0; b < VB; b++)
        decode(p, b);
}

TN_TEST(viterbi)
{
    check((program){.file = "viterbi.tile",
        .fill = fill_viterbi,
        .want = want_viterbi,
        .sizes = {{"B", VB}, {"T", VT}, {"K", VK}}});
}

enum { RT = 9, RE = 6 };

static void
want_route(program *p)
{
    for (int t = 0; t < RT; t++) {
        double g[RE], mean = 0, var = 0;
        int first = 0, second;

        for (int e = 0; e < RE; e++)
            mean += in(p, "z")[t * RE + e].real / (double)RE;
        for (int e = 0; e < RE; e++)
            var += pow(in(p, "z")[t * RE + e].real - mean, 2);
        for (int e = 0; e < RE; e++)
            g[e] = exp((in(p, "z")[t * RE + e].real - mean) / sqrt(var / (RE - 1)));
        for (int e = 1; e < RE; e++)
            first = g[e] > g[first] ? e : first;
        second = first == 0;
        for (int e = 0; e < RE; e++)
            second = e != first && g[e] > g[second] ? e : second;
        out(p, "ids")[t * 2].whole = first;
        out(p, "ids")[t * 2 + 1].whole = second;
        out(p, "wts")[t * 2].real = g[first] / (g[first] + g[second]);
        out(p, "wts")[t * 2 + 1].real = g[second] / (g[first] + g[second]);
    }
}

TN_TEST(route)
{
    check((program){.file = "route.tile", .want = want_route, .sizes = {{"T", RT}, {"E", RE}}});
}

enum { SA = 14, SE = 5 };

static void
fill_sort(program *p)
{
    for (int a = 0; a < SA; a++)
        in(p, "ids")[a].whole = (a * 7 + a / 3) % SE;
}

static void
want_sort(program *p)
{
    int64_t at = 0;

    for (int e = 0; e < SE; e++) {
        out(p, "off")[e].whole = at;
        for (int a = 0; a < SA; a++)
            if (in(p, "ids")[a].whole == e) {
                out(p, "order")[at].whole = a;
                out(p, "inv")[a].whole = at++;
            }
    }
    out(p, "off")[SE].whole = at;
}

TN_TEST(count_sort)
{
    check((program){.file = "count_sort.tile",
        .fill = fill_sort,
        .want = want_sort,
        .sizes = {{"A", SA}, {"E", SE}}});
}

enum { ET = 7, EE = 4, EN = 9, EK = 8 };

/* Groups of 3, 0, 6 and 5 rows. */
static void
fill_experts(program *p)
{
    static const int64_t off[EE + 1] = {0, 3, 3, 9, 14};

    for (int e = 0; e <= EE; e++)
        in(p, "off")[e].whole = off[e];
    for (int a = 0; a < 2 * ET; a++)
        in(p, "order")[a].whole = (a * 5) % (2 * ET);
}

static void
want_experts(program *p)
{
    for (int e = 0; e < EE; e++)
        for (int64_t a = in(p, "off")[e].whole; a < in(p, "off")[e + 1].whole; a++)
            for (int n = 0; n < EN; n++) {
                int64_t row = in(p, "order")[a].whole / 2;
                double g = 0, u = 0;

                for (int k = 0; k < EK; k++) {
                    g += in(p, "x")[row * EK + k].real * in(p, "wg")[(e * EN + n) * EK + k].real;
                    u += in(p, "x")[row * EK + k].real * in(p, "wu")[(e * EN + n) * EK + k].real;
                }
                out(p, "h")[a * EN + n].real = g / (1 + exp(-g)) * u;
            }
}

TN_TEST(experts)
{
    check((program){.file = "experts.tile",
        .fill = fill_experts,
        .want = want_experts,
        .sizes = {{"T", ET}, {"E", EE}, {"N", EN}, {"K", EK}}});
}

static void
fill_combine(program *p)
{
    for (int a = 0; a < 10; a++)
        in(p, "inv")[a].whole = (a * 3 + 1) % 10;
}

static void
want_combine(program *p)
{
    for (int t = 0; t < 5; t++)
        for (int n = 0; n < 9; n++)
            for (int c = 0; c < 2; c++)
                out(p, "y")[t * 9 + n].real += in(p, "wts")[t * 2 + c].real *
                    in(p, "d")[in(p, "inv")[t * 2 + c].whole * 9 + n].real;
}

TN_TEST(combine)
{
    check((program){.file = "combine.tile",
        .fill = fill_combine,
        .want = want_combine,
        .sizes = {{"T", 5}, {"K", 9}}});
}

enum { CH = 6, CW = 5, CC = 4, CO = 9 };

static double
window(program *p, int y, int x, int o)
{
    double s = in(p, "bias")[o].real;

    for (int u = 0; u < 3; u++)
        for (int v = 0; v < 3; v++)
            for (int c = 0; c < CC; c++)
                if (y + u >= 1 && y + u <= CH && x + v >= 1 && x + v <= CW)
                    s += in(p, "x")[((y + u - 1) * CW + x + v - 1) * CC + c].real *
                        in(p, "w")[o * 9 * CC + (u * 3 + v) * CC + c].real;
    return fmax(s, 0);
}

static void
want_conv(program *p)
{
    for (int y = 0; y < CH; y++)
        for (int x = 0; x < CW; x++)
            for (int o = 0; o < CO; o++)
                out(p, "y")[(y * CW + x) * CO + o].real = window(p, y, x, o);
}

TN_TEST(convolution)
{
    check((program){.file = "conv.tile",
        .want = want_conv,
        .sizes = {{"B", 1}, {"HI", CH}, {"WI", CW}, {"C", CC}, {"O", CO}, {"U", 3}, {"V", 3},
            {"P", CH}, {"Q", CW}}});
}

enum { GB = 3, GT = 4, GH = 9 };

static double
gate(program *p, const double *h, int which, int j, double bias)
{
    for (int i = 0; i < GH; i++)
        bias += h[i] * in(p, "u")[(which * GH + j) * GH + i].real;
    return bias;
}

static void
want_gru(program *p)
{
    for (int b = 0; b < GB; b++) {
        double h[GH], next[GH];

        for (int j = 0; j < GH; j++)
            h[j] = in(p, "h0")[b * GH + j].real;
        for (int t = 0; t < GT; t++) {
            const tn_cell *xw = in(p, "xw") + (b * GT + t) * 3 * GH;

            for (int j = 0; j < GH; j++) {
                double z = 1 / (1 + exp(-gate(p, h, 0, j, xw[j].real)));
                double r = 1 / (1 + exp(-gate(p, h, 1, j, xw[GH + j].real)));
                double n = tanh(xw[2 * GH + j].real + r * gate(p, h, 2, j, in(p, "bn")[j].real));

                next[j] = n + z * (h[j] - n);
            }
            for (int j = 0; j < GH; j++)
                out(p, "ys")[(b * GT + t) * GH + j].real = h[j] = next[j];
        }
    }
}

TN_TEST(gru)
{
    check((program){
        .file = "gru.tile", .want = want_gru, .sizes = {{"B", GB}, {"T", GT}, {"H", GH}}});
}

static void
want_broadcast(program *p)
{
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 4; b++)
            for (int c = 0; c < 21; c++)
                out(p, "y")[(a * 4 + b) * 21 + c].real =
                    tanh(in(p, "x")[(a * 4 + b) * 21 + c].real * in(p, "s")[b].real +
                        in(p, "w")[a * 21 + c].real);
}

TN_TEST(broadcast)
{
    check((program){.file = "broadcast.tile",
        .want = want_broadcast,
        .sizes = {{"A", 3}, {"B", 4}, {"C", 21}}});
}

static void
want_middle(program *p)
{
    for (int a = 0; a < 3; a++)
        for (int c = 0; c < 18; c++) {
            out(p, "z")[a * 18 + c].real = -INFINITY;
            for (int b = 0; b < 5; b++) {
                double x = in(p, "x")[(a * 5 + b) * 18 + c].real;

                out(p, "y")[a * 18 + c].real += x / 5;
                out(p, "z")[a * 18 + c].real = fmax(out(p, "z")[a * 18 + c].real, x);
            }
        }
}

TN_TEST(middle_reduction)
{
    check((program){
        .file = "middle.tile", .want = want_middle, .sizes = {{"A", 3}, {"B", 5}, {"C", 18}}});
}

/* ---- planted faults ---- */

TN_TEST(races_are_caught)
{
    objects(
        (program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[0], 1 if lt(i, 3) }"},
        "twice");
    objects((program){.text = "kernel k(x: f32[8] -> y: f32[4]) grid i: 8 by 1 {\n"
                              " store y[i / 2], load x[i] }"},
        "race: two tasks write y[");
    objects((program){.text = "kernel k(x: f32[8] alias 1 -> y: f32[8]) grid i: 8 by 1 {\n"
                              " store x[i], 1  store y[i], load x[7 - i] }"},
        "race");
}

TN_TEST(unwritten_elements_are_caught)
{
    objects((program){.text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 {\n"
                              " local a: f32[9]  store a[index(i)], load x[i]\n"
                              " store y[i], load a[index(i) + 1] }"},
        "which nobody wrote");
}

TN_TEST(bounds_are_caught)
{
    objects(
        (program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[i], load x[i + 1] }"},
        "load of x[8] is out of bounds");
    objects(
        (program){
            .text = "kernel k(x: f32[8] -> y: f32[8]) grid i: 8 { store y[i - 1], load x[i] }"},
        "store to y[-1] is out of bounds");
    objects(
        (program){
            .text = "kernel k(x: f32[2,3] -> y: f32[6]) grid i: 6 { store y[i], load x[0, i] }"},
        "load of x[0,3] is out of bounds");
}

TN_TEST(merges_from_a_value_that_is_not_neutral_are_caught)
{
    objects((program){.text = "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                              " s = fold j carry (s: f32 = 1) { yield add(s, sum[j](load x[j])) }\n"
                              " merge (a) (b) { yield add(a, b) }  store y[i], s }"},
        "is not neutral in its merge");
}

static void
want_sum(program *p)
{
    for (int j = 0; j < 9; j++)
        out(p, "y")[0].real += in(p, "x")[j].real;
    out(p, "y")[0].real += 2;
}

/* With `by` only the first part starts from the given value. */
TN_TEST(folds_cut_by_an_operation_may_start_anywhere)
{
    check((program){.want = want_sum,
        .text = "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                " s = fold j carry (s: f32 = 2 by sum) { yield add(s, sum[j](load x[j])) }\n"
                " store y[i], s }"});
}

TN_TEST(block_sizes_that_show_are_caught)
{
    program p = {.want = want_sum,
        .text = "kernel k(x: f32[9] -> y: f32[1]) axis j: 9 grid i: 1 by 1 {\n"
                " s = fold j carry (s: f32 = 2 by sum) { yield add(s, 1) }\n"
                " store y[i], s }"};
    double first = 0;
    bool differ = false;
    tn_tinterp job;

    if (start(&p))
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            TN_CHECK_EQ(interpret(&p, seed, &job), TN_OK);
            differ |= seed && p.cell[1][0].real != first;
            first = p.cell[1][0].real;
        }
    TN_CHECK(differ);
    end(&p);
}

TN_TEST(not_a_number_traps_where_it_is_excluded)
{
    objects((program){.text = "kernel k(x: f32[8] -> y: f32[1]) axis i: 8 grid g: 1 by 1 {\n"
                              " store y[g], maxq[i](mul(sub(load x[i], load x[i]), inf)) }"},
        "maxq is given NaN");
}

static void
fill_ids(program *p)
{
    for (int i = 0; i < 6; i++)
        in(p, "ids")[i].whole = i == 4 ? 77 : i;
}

TN_TEST(checks_report_site_position_and_value)
{
    program p = {.fill = fill_ids,
        .text = "kernel k(ids: i32[6], w: f32[6] -> y: f32[6]) grid i: 6 {\n"
                " id = load ids[i]  ok = and(le(0, id), lt(id, 6))\n"
                " check ok, \"gather: index out of range\", i, id\n"
                " store y[i], load w[min(max(id, 0), 5)] }"};
    tn_tinterp job;

    if (start(&p)) {
        TN_CHECK_EQ(interpret(&p, 3, &job), TN_OK);
        TN_CHECK(job.check_failed);
        TN_CHECK_STR(p.tile->sites.at[job.site], "gather: index out of range");
        TN_CHECK_EQ(job.position, 4);
        TN_CHECK_EQ(job.value.whole, 77);
    }
    end(&p);
}

TN_TEST(division_by_zero_is_caught)
{
    objects(
        (program){
            .text = "kernel k(x: i32[8] -> y: i32[8]) grid i: 8 { store y[i], div(i, load x[i]) }"},
        "division by 0");
}

TN_MAIN(TN_CASE(contraction), TN_CASE(root_mean_square), TN_CASE(softmax), TN_CASE(attention),
    TN_CASE(viterbi), TN_CASE(route), TN_CASE(count_sort), TN_CASE(experts), TN_CASE(combine),
    TN_CASE(convolution), TN_CASE(gru), TN_CASE(broadcast), TN_CASE(middle_reduction),
    TN_CASE(races_are_caught), TN_CASE(unwritten_elements_are_caught), TN_CASE(bounds_are_caught),
    TN_CASE(merges_from_a_value_that_is_not_neutral_are_caught),
    TN_CASE(folds_cut_by_an_operation_may_start_anywhere),
    TN_CASE(block_sizes_that_show_are_caught), TN_CASE(not_a_number_traps_where_it_is_excluded),
    TN_CASE(checks_report_site_position_and_value), TN_CASE(division_by_zero_is_caught))
