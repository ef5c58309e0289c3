/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench_graph.h"
#include "tests/bench/probe.h"

/* A sum over 16 experts, two a token, 512 tokens, beside a dense network of as
 * many operations and rows, and beside the sum over all experts as it is
 * spelled (the pass left out). Medians of runs taken in turns.
 *
 *     bench_moe [THREADS [check]]
 *
 * With `check` the exit code is 1 above 1.15 times the dense network or below
 * 6 times the speed of the spelling. */
enum { TOKENS = 512, EXPERTS = 16, SLOTS = 2, WIDTH = 512, HIDDEN = 1024, ROUNDS = 15, FORMS = 3 };

static const char *const names[FORMS] = {"moe", "dense, same operations", "all experts, spelled"};

typedef struct form {
    tn_bench_graph graph;
    tn_tensor x;
    double seconds[ROUNDS];
} form;

typedef struct bench {
    uint32_t threads;
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    form forms[FORMS];
    int opening;
} bench;

static const char experts[] =
    "{\"tenon\": 1, \"weights\": {\"router\": \"f32[%d,%d]\", \"up\": \"f32[%d,%d,%d]\","
    " \"gate\": \"f32[%d,%d,%d]\", \"down\": \"f32[%d,%d,%d]\"}, \"inputs\": {\"x\": \"f32[%d,%d]\"},"
    " \"nodes\": [[\"z\", \"linear\", \"x\", \"router\"], [\"g\", \"softmax\", \"z\", {\"axis\": -1}],"
    " [[\"v\", \"ids\"], \"top_k\", \"g\", {\"k\": %d}],"
    " [\"s\", \"reduce_sum\", \"v\", {\"axes\": [-1], \"keepdims\": true}], [\"w\", \"div\", \"v\", \"s\"],"
    " [\"hot\", \"one_hot\", \"ids\", {\"depth\": %d}],"
    " [\"all\", \"contract\", \"w\", \"hot\", {\"labels\": \"mk,mkx->mx\"}],"
    " [\"a\", \"contract\", \"x\", \"gate\", {\"labels\": \"mh,xfh->mxf\"}],"
    " [\"b\", \"contract\", \"x\", \"up\", {\"labels\": \"mh,xfh->mxf\"}],"
    " [\"c\", \"silu\", \"a\"], [\"h\", \"mul\", \"c\", \"b\"],"
    " [\"r\", \"contract\", \"h\", \"down\", {\"labels\": \"mxf,xhf->mxh\"}],"
    " [\"y\", \"contract\", \"all\", \"r\", {\"labels\": \"mx,mxh->mh\"}]],"
    " \"outputs\": {\"y\": \"f32[%d,%d]\"}}";

static const char dense[] =
    "{\"tenon\": 1, \"weights\": {\"up\": \"f32[%d,%d]\", \"gate\": \"f32[%d,%d]\","
    " \"down\": \"f32[%d,%d]\"}, \"inputs\": {\"x\": \"f32[%d,%d]\"},"
    " \"nodes\": [[\"a\", \"linear\", \"x\", \"gate\"], [\"b\", \"linear\", \"x\", \"up\"],"
    " [\"c\", \"silu\", \"a\"], [\"h\", \"mul\", \"c\", \"b\"], [\"y\", \"linear\", \"h\", \"down\"]],"
    " \"outputs\": {\"y\": \"f32[%d,%d]\"}}";

static tn_status
make_input(bench *b, form *f)
{
    int64_t rows = b->opening == 1 ? TOKENS * SLOTS : TOKENS;
    uint64_t noise = 7;

    f->x = (tn_tensor){.dtype = TN_F32, .rank = 2, .dim = {rows, WIDTH}};
    TN_TRY(tn_tensor_create(b->env.alloc, b->env.diag, &f->x));
    for (int64_t i = 0; i < rows * WIDTH; i++) {
        noise = noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((float *)f->x.data)[i] = (float)(noise >> 40) / 8388608.0f - 1;
    }
    return TN_OK;
}

static tn_status
open_form(bench *b)
{
    const int rows = TOKENS * SLOTS;
    form *f = &b->forms[b->opening];
    char text[2000];

    if (b->opening == 1)
        snprintf(text, sizeof text, dense, HIDDEN, WIDTH, HIDDEN, WIDTH, WIDTH, HIDDEN, rows, WIDTH,
            rows, WIDTH);
    else
        snprintf(text, sizeof text, experts, EXPERTS, WIDTH, EXPERTS, HIDDEN, WIDTH, EXPERTS,
            HIDDEN, WIDTH, EXPERTS, WIDTH, HIDDEN, TOKENS, WIDTH, SLOTS, EXPERTS, TOKENS, WIDTH);
    TN_TRY(tn_bench_open(&b->env, b->registry, text, b->opening == 2 ? "moe" : NULL, b->threads,
        &f->graph));
    return make_input(b, f);
}

/* Seconds that the launches of one run take. */
static tn_status
run_once(bench *b, form *f, double *seconds, bool show)
{
    tn_tensor y = {0};
    tn_run run = {.inputs = &f->x, .outputs = &y, .profile = true};
    uint64_t ns = 0;

    TN_TRY(tn_session_run(f->graph.session, &run));
    for (uint32_t i = 0; i < run.time_count; i++) {
        ns += run.times[i].took_ns;
        if (show)
            printf("    launch %u: %8.1f us\n", i, (double)run.times[i].took_ns * 1e-3);
    }
    tn_tensor_free(b->env.alloc, &y);
    *seconds = (double)ns * 1e-9;
    return TN_OK;
}

static tn_status
measure(bench *b)
{
    for (int i = -1; i < ROUNDS; i++)
        for (int n = 0; n < FORMS; n++) {
            double seconds;

            TN_TRY(run_once(b, &b->forms[n], &seconds, i < 0));
            if (i >= 0)
                b->forms[n].seconds[i] = seconds;
        }
    return TN_OK;
}

static int
report(bench *b, bool check)
{
    const int64_t products = (int64_t)TOKENS * SLOTS * 3 * WIDTH * HIDDEN;
    double flops = 2.0 * (double)products, time[FORMS];

    for (int n = 0; n < FORMS; n++) {
        time[n] = tn_probe_median(b->forms[n].seconds, ROUNDS);
        printf("%-26s %9.3f ms  %7.1f GFLOP/s of its %d active ones\n", names[n], time[n] * 1e3,
            flops * (n == 2 ? EXPERTS / SLOTS : 1) / time[n] * 1e-9, n == 2 ? EXPERTS : SLOTS);
    }
    printf("moe / dense: %.3f (at most 1.15); spelled / moe: %.2f (at least 6)\n",
        time[0] / time[1], time[2] / time[0]);
    return check && (time[0] > 1.15 * time[1] || time[2] < 6 * time[0]);
}

static void
close_form(bench *b, form *f)
{
    tn_tensor_free(b->env.alloc, &f->x);
    tn_bench_close(&f->graph);
}

static tn_status
run_all(bench *b)
{
    tn_registry_options options = {.log = NULL};

    TN_TRY(tn_registry_create(&b->env, &options, &b->registry));
    for (b->opening = 0; b->opening < FORMS; b->opening++)
        TN_TRY(open_form(b));
    return measure(b);
}

int
main(int argc, char **argv)
{
    static bench b;
    tn_status status;
    int code;

    b.threads = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2;
    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    status = run_all(&b);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    code = status == TN_OK ? report(&b, argc > 2) : (int)status;
    for (int n = 0; n < FORMS; n++)
        close_form(&b, &b.forms[n]);
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    return code;
}
