/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_graph.h"
#include "tests/bench/probe.h"
#include "tests/bench/viterbi_plain.h"

/* The row `viterbi` from a graph through compile and session to the CPU
 * device, beside a plain C loop (at -O3, one thread), taken in turns: cells
 * (steps x tags x tags x sequences) a second. One thread is timed by the time
 * it was on a processor, several by the clock on the wall: on a busy machine
 * ask for one.
 *
 *     bench_viterbi [THREADS [check]]
 *
 * With `check` the exit code is 1 if 64 sequences of 128 steps with 72 tags
 * are less than 10 times as fast as the loop, or below 20 Gcell/s a thread. */
typedef struct shape {
    int batch, steps, tags;
} shape;

static const shape shapes[] = {
    {64, 128, 72},
    {64, 128, 64},
    {64, 128, 21},
    {64, 128, 9},
    {8, 128, 72},
    {1, 128, 72},
};

enum { SAMPLES = 21 };

typedef struct bench {
    uint32_t threads;
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    tn_bench_graph graph;
    tn_tensor e, out[2];
    float *A, *scores;
    int32_t *back, *path;
    double ours, theirs; /* seconds, medians */
    int64_t differ;      /* tags that differ */
} bench;

/* The transitions as the model has them. */
static const float *
transitions(const bench *b)
{
    const tn_weight *w = b->graph.module->weights.entries[0].value;

    return w->data;
}

static tn_status
open_shape(bench *b, const shape *s)
{
    char text[400];

    snprintf(text, sizeof text,
        "{\"tenon\": 1, \"weights\": {\"A\": \"f32[%d,%d]\"}, \"inputs\": {\"e\": \"f32[%d,%d,%d]\"},"
        " \"nodes\": [[[\"p\", \"s\"], \"viterbi\", \"e\", \"A\"]],"
        " \"outputs\": {\"p\": \"i32[%d,%d]\", \"s\": \"f32[%d]\"}}",
        s->tags, s->tags, s->batch, s->steps, s->tags, s->batch, s->steps, s->batch);
    TN_TRY(tn_bench_open(&b->env, b->registry, text, NULL, b->threads, &b->graph));
    b->e = (tn_tensor){.dtype = TN_F32, .rank = 3, .dim = {s->batch, s->steps, s->tags}};
    TN_TRY(tn_tensor_create(b->env.alloc, b->env.diag, &b->e));
    for (int64_t i = 0; i < (int64_t)s->batch * s->steps * s->tags; i++)
        ((float *)b->e.data)[i] = (float)((uint32_t)i * 2654435761u >> 8) * 0x1p-22f - 2;
    return TN_OK;
}

static void
close_shape(bench *b)
{
    tn_tensor_free(b->env.alloc, &b->e);
    tn_bench_close(&b->graph);
}

/* Seconds that the launches of one run take. */
static tn_status
run_ours(bench *b, double *seconds)
{
    tn_run run = {.inputs = &b->e, .outputs = b->out, .profile = true};
    tn_probe_clock start = tn_probe_start();
    uint64_t ns = 0;

    TN_TRY(tn_session_run(b->graph.session, &run));
    for (uint32_t i = 0; i < run.time_count; i++)
        ns += run.times[i].took_ns;
    if (b->threads == 1)
        ns = tn_probe_start().cpu - start.cpu;
    *seconds = (double)ns * 1e-9;
    return TN_OK;
}

static double
run_plain(bench *b, const shape *s)
{
    viterbi_work w = {.last = s->batch,
        .steps = s->steps,
        .tags = s->tags,
        .e = b->e.data,
        .A = b->A,
        .scores = b->scores,
        .back = b->back,
        .path = b->path};
    uint64_t start = tn_probe_start().cpu;

    viterbi_plain(&w);
    return (double)(tn_probe_start().cpu - start) * 1e-9;
}

static void
count_differences(bench *b, const shape *s)
{
    b->differ = 0;
    for (int64_t i = 0; i < (int64_t)s->batch * s->steps; i++)
        b->differ += ((const int32_t *)b->out[0].data)[i] != b->path[i];
}

static tn_status
measure(bench *b, const shape *s)
{
    double ours[SAMPLES], theirs[SAMPLES];

    for (int i = 0; i < SAMPLES; i++) {
        theirs[i] = run_plain(b, s);
        TN_TRY(run_ours(b, &ours[i]));
        tn_tensor_free(b->env.alloc, &b->out[0]);
        tn_tensor_free(b->env.alloc, &b->out[1]);
        TN_TRY(run_ours(b, &ours[i]));
        if (i == 0)
            count_differences(b, s);
        tn_tensor_free(b->env.alloc, &b->out[0]);
        tn_tensor_free(b->env.alloc, &b->out[1]);
    }
    b->ours = tn_probe_median(ours, SAMPLES);
    b->theirs = tn_probe_median(theirs, SAMPLES);
    return TN_OK;
}

static tn_status
bench_shape(bench *b, const shape *s)
{
    const tn_alloc *alloc = b->env.alloc;
    size_t tags = (size_t)s->tags, steps = (size_t)s->steps, batch = (size_t)s->batch;
    size_t a_bytes = tags * tags * 4, d_bytes = 2 * tags * 4, p_bytes = batch * steps * 4;
    tn_status status = open_shape(b, s);

    b->A = tn_alloc_zero(alloc, a_bytes);
    b->scores = tn_alloc_zero(alloc, d_bytes);
    b->back = tn_alloc_zero(alloc, steps * tags * 4);
    b->path = tn_alloc_zero(alloc, p_bytes);
    if (status == TN_OK && b->A && b->scores && b->back && b->path) {
        memcpy(b->A, transitions(b), a_bytes);
        status = measure(b, s);
    }
    tn_alloc_free(alloc, b->A, a_bytes);
    tn_alloc_free(alloc, b->scores, d_bytes);
    tn_alloc_free(alloc, b->back, steps * tags * 4);
    tn_alloc_free(alloc, b->path, p_bytes);
    close_shape(b);
    return status;
}

/* Prints a line for each shape; whether the first is fast enough. */
static tn_status
bench_all(bench *b, bool *enough)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        double cells = (double)s->batch * (s->steps - 1) * s->tags * s->tags, rate;

        TN_TRY(bench_shape(b, s));
        rate = cells / b->ours * 1e-9 / b->threads;
        if (i == 0)
            *enough = b->theirs / b->ours >= 10 && rate >= 20;
        printf(
            "B %3d T %3d K %3d: %8.1f us, %5.1f Gcell/s a thread; plain C %9.1f us, %4.2f Gcell/s:"
            " %5.1f times as fast; %lld tags differ\n",
            s->batch, s->steps, s->tags, b->ours * 1e6, rate, b->theirs * 1e6,
            cells / b->theirs * 1e-9, b->theirs / b->ours, (long long)b->differ);
        fflush(stdout);
    }
    return TN_OK;
}

int
main(int argc, char **argv)
{
    bench b = {.threads = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2};
    tn_registry_options options = {.log = NULL};
    bool enough = false;
    tn_status status;

    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    status = tn_registry_create(&b.env, &options, &b.registry);
    if (status == TN_OK)
        status = bench_all(&b, &enough);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    if (status != TN_OK)
        return (int)status;
    return argc > 2 && !enough ? 1 : 0;
}
