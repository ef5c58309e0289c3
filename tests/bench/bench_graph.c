/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench_graph.h"

#include <string.h>

#include "frontend/weights.h"
#include "passes/pass.h"
#include "runtime/compile.h"

typedef struct reading {
    const tn_env *env;
    const char *text, *path; /* one of them */
    tn_bench_graph *out;
} reading;

static tn_status
read_graph(void *arg)
{
    const reading *r = arg;
    const tn_model_options how = {.seed = 1, .seed_weights = !r->path};
    static const tn_weights_options weights;

    if (r->path)
        TN_TRY(tn_model_read(r->env, r->out->arena, r->path, &how, &r->out->module));
    else
        TN_TRY(tn_model_parse(r->env, r->out->arena, "bench.json",
            (tn_span){(const uint8_t *)r->text, strlen(r->text)}, &how, &r->out->module));
    return tn_weights_load(r->env, r->out->module, &weights);
}

static tn_status
open_reading(reading *r, tn_registry *registry, const char *skip, uint32_t threads)
{
    const tn_env *env = r->env;
    tn_bench_graph *out = r->out;
    const tn_backend *cpu;
    const char *title, *identity;
    uint32_t number;
    tn_compile_target target = {.name = "cpu", .family = "cpu"};
    tn_compile_options options = {.targets = &target, .target_count = 1};
    tn_open_options how = {.device = "cpu", .threads = threads};
    tn_span bytes;

    out->arena = tn_arena_create(env->alloc, 0);
    if (!out->arena)
        return TN_NO_MEMORY;
    if (skip)
        TN_TRY(tn_pass_parse(env->diag, skip, &options.skip));
    TN_TRY(tn_registry_device(registry, "cpu", &cpu, &number));
    if (cpu->describe(cpu->self, number, &target.text, &title, &identity) != 0)
        return TN_DEVICE;
    TN_TRY(tn_arena_guard(out->arena, read_graph, r));
    TN_TRY(tn_compile(env, registry, out->module, &options, &bytes));
    TN_TRY(tn_artifact_open_bytes(env, bytes, false, &out->artifact));
    TN_TRY(tn_model_open(env, registry, out->artifact, &how, &out->model));
    return tn_session_open(env, out->model, &out->session);
}

tn_status
tn_bench_open(const tn_env *env, tn_registry *registry, const char *text, const char *skip,
    uint32_t threads, tn_bench_graph *out)
{
    reading r = {.env = env, .text = text, .out = out};

    *out = (tn_bench_graph){0};
    return open_reading(&r, registry, skip, threads);
}

tn_status
tn_bench_open_file(const tn_env *env, tn_registry *registry, const char *path, uint32_t threads,
    tn_bench_graph *out)
{
    reading r = {.env = env, .path = path, .out = out};

    *out = (tn_bench_graph){0};
    return open_reading(&r, registry, NULL, threads);
}

void
tn_bench_close(tn_bench_graph *g)
{
    tn_session_close(g->session);
    tn_model_close(g->model);
    tn_artifact_close(g->artifact);
    tn_arena_destroy(g->arena);
    *g = (tn_bench_graph){0};
}
