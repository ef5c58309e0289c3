/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_RUN_GRAPH_H
#define TN_TESTS_SUPPORT_RUN_GRAPH_H

#include "ir/graph/graph.h"
#include "ir/target.h"
#include "runtime/plugin.h"
#include "runtime/tensor.h"

/* A graph as text, evaluated by the reference and compiled for and run on
 * devices, with the same inputs. Four steps:
 *
 *     tn_run_graph_open, set symbols, tn_run_graph_fill, tn_run_graph_want,
 *     then for each device tn_run_graph_compile, tn_run_graph_on
 *
 * Filling and wanting may be repeated with other symbols for the same code. */
enum { TN_RUN_GRAPH_TENSORS = 128, TN_RUN_GRAPH_SYMBOLS = 16 };

typedef struct tn_graph_device {
    tn_env env;
    tn_diag diag;
    tn_registry *registry;
    const tn_backend *backend;
    const char *name, *text, *title, *identity;
    tn_target target;
} tn_graph_device;

/* False, with the reason printed, if there is no such device here. `name`
 * ending in .so: the first device of that plugin. */
bool tn_graph_device_open(tn_graph_device *d, const char *name);
void tn_graph_device_close(tn_graph_device *d);

typedef struct tn_run_graph {
    tn_diag diag;
    tn_env env;
    tn_arena *arena;
    const char *text;
    tn_graph *g; /* as written */
    int64_t symbols[TN_RUN_GRAPH_SYMBOLS];
    uint64_t timeout_ns; /* of runs on devices; 0: none */
    /* Element types as declared; inputs in the order of the graph, weights in
     * that of weight_values. */
    tn_tensor inputs[TN_RUN_GRAPH_TENSORS], weights[TN_RUN_GRAPH_TENSORS];
    tn_tensor wanted[TN_RUN_GRAPH_TENSORS]; /* floats are f64 */
    /* What the reference keeps: before and after a run. */
    tn_tensor states[TN_RUN_GRAPH_TENSORS], stores[TN_RUN_GRAPH_TENSORS];
} tn_run_graph;

/* Compiled for one device. */
typedef struct tn_graph_code {
    tn_run_graph *run;
    tn_graph_device *device;
    tn_arena *arena;
    struct tn_artifact *artifact;
    struct tn_model *model;
    struct tn_session *session;
    char hash[65]; /* of the code of all kernels */
    uint32_t kernels;
    int64_t launches; /* of the last run */
} tn_graph_code;

/* Parses and verifies. Messages are in run->diag. */
tn_status tn_run_graph_open(tn_run_graph *run, const char *text) TN_MUST_USE;
void tn_run_graph_close(tn_run_graph *run);
/* The value of symbol `name`; false if there is none. */
bool tn_run_graph_symbol(tn_run_graph *run, const char *name, int64_t value);

/* Makes all inputs (and weights, the first time) for the symbols as they are.
 * `element` writes one value: number k of input `in` (NULL: of a weight). */
typedef void tn_run_graph_element(void *self, const tn_value *value, const tn_input *in, int64_t k,
    void *to);
tn_status tn_run_graph_fill(tn_run_graph *run, tn_run_graph_element *element, void *self)
    TN_MUST_USE;
/* Runs the reference into run->wanted and run->stores. */
tn_status tn_run_graph_want(tn_run_graph *run) TN_MUST_USE;
/* What the last run stored is the state of the next one; as in a session. */
void tn_run_graph_advance(tn_run_graph *run);
/* All states are zeros again, as in a new session. */
void tn_run_graph_restart(tn_run_graph *run);

/* `skip`: passes left out (tn_pass_set). `run` and `device` outlive the code. Frees nothing on
 * failure but what tn_graph_code_close frees; call that in any case. */
tn_status tn_run_graph_compile(tn_run_graph *run, tn_graph_device *device, uint64_t skip,
    tn_graph_code *code) TN_MUST_USE;
/* Opens the code again with a plan as if there were no planner: no two buffers share memory, every
 * step waits for those before it. */
tn_status tn_run_graph_apart(tn_graph_code *code) TN_MUST_USE;
/* Checks the plan under the symbols, runs; `got` has room for every output and
 * is freed by tn_run_graph_free. */
tn_status tn_run_graph_on(tn_graph_code *code, tn_tensor *got) TN_MUST_USE;
void tn_run_graph_free(tn_run_graph *run, tn_tensor *tensors);
void tn_graph_code_close(tn_graph_code *code);

#endif
