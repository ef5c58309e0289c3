/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/model.h"
#include "runtime/compile.h"
#include "runtime/plugin.h"
#include "tests/bench/probe.h"

/* From a graph file to the bytes of an artifact for the CPU, weights by
 * reference: reading, passes, schedules, code. No cache of code is used.
 *
 *     bench_compile_time [MODEL.json [check]]
 *
 * Without a model BERT-base (bert.json). With `check` the exit code is 1 if
 * the median is a second or more. */
enum { ROUNDS = 7 };

typedef struct bench {
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    const char *path;
    tn_compile_target target;
    tn_arena *arena; /* of this round */
    tn_module *module;
} bench;

static tn_status
read_model(void *arg)
{
    bench *b = arg;
    const tn_model_options how = {.seed_weights = true};

    return tn_model_read(&b->env, b->arena, b->path, &how, &b->module);
}

static tn_status
compile(bench *b, double *read, double *all)
{
    const tn_compile_options options = {
        .targets = &b->target, .target_count = 1, .no_pack = true, .no_weights = true};
    uint64_t start = tn_probe_now();
    tn_span bytes;

    TN_TRY(tn_arena_guard(b->arena, read_model, b));
    *read = (double)(tn_probe_now() - start) * 1e-9;
    TN_TRY(tn_compile(&b->env, b->registry, b->module, &options, &bytes));
    *all = (double)(tn_probe_now() - start) * 1e-9;
    return TN_OK;
}

static tn_status
measure(bench *b, double *median)
{
    double read[ROUNDS], all[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        tn_status status;

        b->arena = tn_arena_create(b->env.alloc, 0);
        if (!b->arena)
            return TN_NO_MEMORY;
        status = compile(b, &read[i], &all[i]);
        tn_arena_destroy(b->arena);
        TN_TRY(status);
    }
    *median = tn_probe_median(all, ROUNDS);
    printf("%s: %.3f s, of these %.3f s to read the graph; least %.3f s\n", b->path, *median,
        tn_probe_median(read, ROUNDS), all[0]);
    return TN_OK;
}

static tn_status
run(bench *b, double *median)
{
    const tn_registry_options options = {.worker = TN_BINARY_FOLDER "/bin/tenon-worker"};
    const tn_backend *cpu;
    const char *title, *identity;
    uint32_t number;

    TN_TRY(tn_registry_create(&b->env, &options, &b->registry));
    TN_TRY(tn_registry_device(b->registry, "cpu", &cpu, &number));
    if (cpu->describe(cpu->self, number, &b->target.text, &title, &identity) != 0)
        return TN_DEVICE;
    b->target.name = b->target.family = "cpu";
    return measure(b, median);
}

int
main(int argc, char **argv)
{
    bench b = {.path = argc > 1 ? argv[1] : TN_SOURCE_FOLDER "/tests/bench/bert.json"};
    double median = 0;
    tn_status status;

    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    status = run(&b, &median);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    if (status != TN_OK)
        return (int)status;
    return argc > 2 && median >= 1 ? 1 : 0;
}
