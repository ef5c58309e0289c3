/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_graph.h"
#include "tests/bench/probe.h"

/* Attention of 8 heads on the CPU device, fused and as it is spelled (the pass
 * left out), and the multiply-adds that the machine does at that time, taken
 * in turns. Shares count the operations of the two contractions alone, for
 * causal masks those of keys that are seen. One thread is timed by the time it
 * was on a processor, several by the clock on the wall: on a busy machine ask
 * for one.
 *
 *     bench_attention [THREADS [SHAPE | check]]
 *
 * SHAPE: 0 to 3, the others are left out. Beside the ratio stands the share
 * that the two contractions of the spelling reach in their own kernels (which
 * scale, mask and store the scores as well): a ratio says little where that is
 * low. With `check` the exit code is 1 if a shape takes less than 75 % of the
 * multiply-adds, or is less than 1.25 (full) or 2.3 (causal) times as fast as
 * its spelling. */
typedef struct shape {
    int keys, width;
    bool causal;
    int rounds;
} shape;

static const shape shapes[] = {
    {2048, 64, false, 15},
    {2048, 128, true, 15},
    {8192, 64, false, 5},
    {8192, 128, true, 5},
};

enum { SHAPES = sizeof shapes / sizeof *shapes, HEADS = 8, ROUNDS = 15, INPUTS = 3 };

typedef struct bench {
    uint32_t threads;
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    tn_bench_graph fused, spelled;
    tn_tensor in[INPUTS];
    double peak[ROUNDS], time[2][ROUNDS];
    double contracted[ROUNDS]; /* seconds in kernels of contractions, spelled */
    bool enough;
} bench;

static const char full[] =
    "{\"tenon\": 1, \"inputs\": {\"q\": \"f32[8,%d,%d]\", \"k\": \"f32[8,%d,%d]\","
    " \"v\": \"f32[8,%d,%d]\"}, \"nodes\": ["
    "[\"c\", \"contract\", \"q\", \"k\", {\"labels\": \"htd,hsd->hts\"}], [\"s\", \"mul\", \"c\", %g],"
    "%s [\"p\", \"softmax\", \"%s\", {\"axis\": -1}],"
    " [\"y\", \"contract\", \"p\", \"v\", {\"labels\": \"hts,hsd->htd\"}]],"
    " \"outputs\": {\"y\": \"f32[8,%d,%d]\"}}";

static const char mask[] = "[\"i\", \"iota\", {\"size\": %d}], [\"m\", \"greater_equal\", \"i\","
                           " \"i\", {\"labels\": \"t,s->ts\"}], [\"b\", \"=m ? s : -inf\"],";

static tn_status
open_shape(bench *b, const shape *s)
{
    char text[1000], masked[200];
    uint64_t noise = 7;

    snprintf(masked, sizeof masked, mask, s->keys);
    snprintf(text, sizeof text, full, s->keys, s->width, s->keys, s->width, s->keys, s->width,
        s->width == 64 ? 0.125 : 0.08838834764831845, s->causal ? masked : "",
        s->causal ? "b" : "s", s->keys, s->width);
    TN_TRY(tn_bench_open(&b->env, b->registry, text, NULL, b->threads, &b->fused));
    TN_TRY(tn_bench_open(&b->env, b->registry, text, "attention", b->threads, &b->spelled));
    for (int i = 0; i < INPUTS; i++) {
        tn_tensor *t = &b->in[i];

        *t = (tn_tensor){.dtype = TN_F32, .rank = 3, .dim = {HEADS, s->keys, s->width}};
        TN_TRY(tn_tensor_create(b->env.alloc, b->env.diag, t));
        for (int64_t n = 0; n < (int64_t)HEADS * s->keys * s->width; n++) {
            noise = noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            ((float *)t->data)[n] = (float)(noise >> 40) / 4194304.0f - 2;
        }
    }
    return TN_OK;
}

static void
close_shape(bench *b)
{
    for (int i = 0; i < INPUTS; i++)
        tn_tensor_free(b->env.alloc, &b->in[i]);
    tn_bench_close(&b->fused);
    tn_bench_close(&b->spelled);
}

/* Seconds that the launches of one run take, and those of contractions. */
static tn_status
run_once(bench *b, tn_bench_graph *g, double *seconds, double *contracted)
{
    tn_tensor y = {0};
    tn_run run = {.inputs = b->in, .outputs = &y, .profile = true};
    tn_probe_clock start = tn_probe_start();
    uint64_t ns = 0, in_contractions = 0, all;

    TN_TRY(tn_session_run(g->session, &run));
    for (uint32_t i = 0; i < run.time_count; i++) {
        ns += run.times[i].took_ns;
        if (strcmp(run.times[i].step->family, "contract") == 0)
            in_contractions += run.times[i].took_ns;
    }
    all = ns ? ns : 1;
    if (b->threads == 1)
        ns = tn_probe_start().cpu - start.cpu;
    tn_tensor_free(b->env.alloc, &y);
    *seconds = (double)ns * 1e-9;
    *contracted = *seconds * (double)in_contractions / (double)all;
    return TN_OK;
}

static tn_status
measure(bench *b, const shape *s)
{
    double warm, none;

    TN_TRY(run_once(b, &b->fused, &warm, &none));
    TN_TRY(run_once(b, &b->spelled, &warm, &none));
    for (int i = 0; i < s->rounds; i++) {
        b->peak[i] = tn_probe_fma(b->threads, 3);
        TN_TRY(run_once(b, &b->fused, &b->time[0][i], &none));
        TN_TRY(run_once(b, &b->spelled, &b->time[1][i], &b->contracted[i]));
    }
    return TN_OK;
}

static void
report(bench *b, const shape *s)
{
    double keys = s->keys, seen = s->causal ? keys * (keys + 1) / 2 : keys * keys;
    double flops = 4 * HEADS * seen * s->width, least = s->causal ? 2.3 : 1.25;
    double peak = tn_probe_median(b->peak, s->rounds), share;
    double fused = tn_probe_median(b->time[0], s->rounds);
    double spelled = tn_probe_median(b->time[1], s->rounds);
    double contracted = tn_probe_median(b->contracted, s->rounds);
    double all = 4 * HEADS * keys * keys * s->width; /* the spelling leaves no key out */

    share = flops / fused / peak;
    printf("%d keys, width %3d, %-6s: %8.2f ms = %5.1f GFLOP/s, %4.1f %% of %5.1f; spelled %8.2f"
           " ms, %4.1f %%, its contractions %4.1f %%: %4.2f times as fast\n",
        s->keys, s->width, s->causal ? "causal" : "full", fused * 1e3, flops / fused * 1e-9,
        share * 100, peak * 1e-9, spelled * 1e3, all / spelled / peak * 100,
        all / contracted / peak * 100, spelled / fused);
    fflush(stdout);
    b->enough &= share >= 0.75 && spelled / fused >= least;
}

static tn_status
bench_all(bench *b, int only)
{
    tn_registry_options options = {.log = NULL};

    TN_TRY(tn_registry_create(&b->env, &options, &b->registry));
    for (int i = 0; i < SHAPES; i++) {
        tn_status status;

        if (only >= 0 && i != only)
            continue;
        status = open_shape(b, &shapes[i]);
        if (status == TN_OK)
            status = measure(b, &shapes[i]);
        if (status == TN_OK)
            report(b, &shapes[i]);
        close_shape(b);
        TN_TRY(status);
    }
    return TN_OK;
}

enum { MOST_THREADS = 1024 };

/* Digits alone, 1 to MOST_THREADS. */
static bool
read_threads(const char *text, uint32_t *threads)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    *threads = (uint32_t)n;
    return *text >= '0' && *text <= '9' && !*end && n >= 1 && n <= MOST_THREADS;
}

int
main(int argc, char **argv)
{
    static bench b;
    bool check = argc > 2 && strcmp(argv[2], "check") == 0;
    tn_status status;

    b.threads = 2;
    if (argc > 1 && !read_threads(argv[1], &b.threads)) {
        fprintf(stderr, "bench_attention [THREADS [SHAPE | check]]: %s is no number of threads\n",
            argv[1]);
        return TN_USAGE;
    }
    b.enough = true;
    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    status = bench_all(&b, argc > 2 && !check ? atoi(argv[2]) : -1);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    return status != TN_OK ? (int)status : check && !b.enough;
}
