/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_graph.h"
#include "tests/bench/probe.h"

/* y[M,N] = x[M,K] w[N,K]^T in f32, from a graph through compile and session to
 * the CPU device: the time of the launches, as a share of what the machine can
 * do in the same moment, beside OpenBLAS where it is installed.
 *
 *     bench_matmul [THREADS [check]]
 *
 * With `check` the exit code is 1 below 88 % of the peak by geometric mean or
 * below OpenBLAS for any shape. */
typedef struct shape {
    int m, n, k;
} shape;

static const shape shapes[] = {
    {128, 768, 768},
    {128, 3072, 768},
    {128, 768, 3072},
    {256, 2048, 2048},
    {1024, 1024, 1024},
    {16, 2048, 2048},
    {2048, 2048, 2048},
};

enum { SAMPLES = 15, CBLAS_ROWS = 101, CBLAS_PLAIN = 111, CBLAS_TURNED = 112 };

typedef void (*sgemm_fn)(int order, int turn_a, int turn_b, int m, int n, int k, float alpha,
    const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

typedef struct bench {
    uint32_t threads;
    sgemm_fn sgemm; /* NULL: not here */
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    tn_bench_graph graph;
    tn_tensor x, y;
    float *w, *c; /* for OpenBLAS */
    double ours, theirs, peak; /* of one shape: seconds, seconds, operations a second */
} bench;

static tn_status
open_shape(bench *b, const shape *s)
{
    char text[400];

    snprintf(text, sizeof text,
        "{\"tenon\": 1, \"weights\": {\"w\": \"f32[%d,%d]\"}, \"inputs\": {\"x\": \"f32[%d,%d]\"},"
        " \"nodes\": [[\"y\", \"linear\", \"x\", \"w\"]], \"outputs\": {\"y\": \"f32[%d,%d]\"}}",
        s->n, s->k, s->m, s->k, s->m, s->n);
    TN_TRY(tn_bench_open(&b->env, b->registry, text, NULL, b->threads, &b->graph));
    b->x = (tn_tensor){.dtype = TN_F32, .rank = 2, .dim = {s->m, s->k}};
    TN_TRY(tn_tensor_create(b->env.alloc, b->env.diag, &b->x));
    for (int64_t i = 0; i < (int64_t)s->m * s->k; i++)
        ((float *)b->x.data)[i] = (float)(i % 13) * 0.125f - 0.75f;
    return TN_OK;
}

static void
close_shape(bench *b)
{
    tn_tensor_free(b->env.alloc, &b->x);
    tn_bench_close(&b->graph);
}

/* Seconds that the launches of one run take. */
static tn_status
run_once(bench *b, double *seconds)
{
    tn_run run = {.inputs = &b->x, .outputs = &b->y, .profile = true};
    uint64_t ns = 0;

    TN_TRY(tn_session_run(b->graph.session, &run));
    for (uint32_t i = 0; i < run.time_count; i++)
        ns += run.times[i].took_ns;
    tn_tensor_free(b->env.alloc, &b->y);
    *seconds = (double)ns * 1e-9;
    return TN_OK;
}

static double
run_sgemm(const bench *b, const shape *s)
{
    uint64_t start = tn_probe_now();

    b->sgemm(CBLAS_ROWS, CBLAS_PLAIN, CBLAS_TURNED, s->m, s->n, s->k, 1, b->x.data, s->k, b->w,
        s->k, 0, b->c, s->n);
    return (double)(tn_probe_now() - start) * 1e-9;
}

/* The best of each, taken in turns so that a slow moment hits all alike. */
static tn_status
measure(bench *b, const shape *s)
{
    double seconds;

    b->ours = b->theirs = INFINITY;
    b->peak = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double peak = tn_probe_fma(b->threads, 3);

        b->peak = peak > b->peak ? peak : b->peak;
        TN_TRY(run_once(b, &seconds));
        TN_TRY(run_once(b, &seconds));
        b->ours = seconds < b->ours ? seconds : b->ours;
        if (!b->sgemm)
            continue;
        seconds = run_sgemm(b, s);
        b->theirs = seconds < b->theirs ? seconds : b->theirs;
    }
    return TN_OK;
}

static tn_status
bench_shape(bench *b, const shape *s)
{
    const tn_alloc *alloc = b->env.alloc;
    size_t w_bytes = (size_t)s->n * (size_t)s->k * 4, c_bytes = (size_t)s->m * (size_t)s->n * 4;
    tn_status status = open_shape(b, s);

    b->w = tn_alloc_zero(alloc, w_bytes);
    b->c = tn_alloc_zero(alloc, c_bytes);
    if (status == TN_OK)
        status = b->w && b->c ? measure(b, s) : TN_NO_MEMORY;
    tn_alloc_free(alloc, b->w, w_bytes);
    tn_alloc_free(alloc, b->c, c_bytes);
    close_shape(b);
    return status;
}

/* OpenBLAS, if it is here. */
static sgemm_fn
find_rival(uint32_t threads)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL), *symbol;
    void (*set_threads)(int) = NULL;
    sgemm_fn sgemm = NULL;

    if (!library)
        return NULL;
    symbol = dlsym(library, "openblas_set_num_threads");
    memcpy(&set_threads, &symbol, sizeof symbol);
    symbol = dlsym(library, "cblas_sgemm");
    memcpy(&sgemm, &symbol, sizeof symbol);
    if (set_threads)
        set_threads((int)threads);
    return sgemm;
}

/* Prints a line for each shape; the geometric mean of the shares. */
static tn_status
bench_all(bench *b, double *mean, bool *behind)
{
    double sum = 0;
    int count = sizeof shapes / sizeof *shapes;

    for (int i = 0; i < count; i++) {
        const shape *s = &shapes[i];
        double flops = 2.0 * s->m * s->n * s->k, rate;

        TN_TRY(bench_shape(b, s));
        rate = flops / b->ours;
        sum += log(rate / b->peak);
        *behind = *behind || b->ours > b->theirs;
        printf("%4d x %4d x %4d: %6.1f GFLOP/s, %3.0f %% of %.1f", s->m, s->n, s->k, rate * 1e-9,
            100 * rate / b->peak, b->peak * 1e-9);
        if (b->sgemm)
            printf("; OpenBLAS %6.1f", flops / b->theirs * 1e-9);
        printf("\n");
        fflush(stdout);
    }
    *mean = exp(sum / count);
    return TN_OK;
}

int
main(int argc, char **argv)
{
    bench b = {.threads = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2};
    tn_registry_options options = {.log = NULL};
    double mean = 0;
    bool behind = false;
    tn_status status;

    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    b.sgemm = find_rival(b.threads);
    status = tn_registry_create(&b.env, &options, &b.registry);
    if (status == TN_OK)
        status = bench_all(&b, &mean, &behind);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    else
        printf("%u threads: %.0f %% of the peak by geometric mean\n", b.threads, 100 * mean);
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    if (status != TN_OK)
        return (int)status;
    return argc > 2 && (mean < 0.88 || behind) ? 1 : 0;
}
