/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_BENCH_BENCH_GRAPH_H
#define TN_TESTS_BENCH_BENCH_GRAPH_H

#include "frontend/model.h"
#include "runtime/open.h"
#include "runtime/plugin.h"
#include "runtime/session.h"

/* A graph on the CPU device, ready to run: text, compile, artifact, session. */
typedef struct tn_bench_graph {
    tn_arena *arena;
    tn_module *module; /* weights from seed 1 unless they have files */
    tn_artifact *artifact;
    tn_model *model;
    tn_session *session;
} tn_bench_graph;

/* `text`: a graph file. `skip`: passes left out, NULL for none. To be closed
 * whether it opens or not. */
tn_status tn_bench_open(const tn_env *env, tn_registry *registry, const char *text,
    const char *skip, uint32_t threads, tn_bench_graph *out) TN_MUST_USE;
/* The same from a graph file, with the weights of its files if it names some. */
tn_status tn_bench_open_file(const tn_env *env, tn_registry *registry, const char *path,
    uint32_t threads, tn_bench_graph *out) TN_MUST_USE;
void tn_bench_close(tn_bench_graph *g);

#endif
