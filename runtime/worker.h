/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_WORKER_H
#define TN_RUNTIME_WORKER_H

#include "backends/backend.h"
#include "ir/base/diag.h"

/* A code generator that works in processes of its own (tenon-worker): one
 * that ends, hangs or breaks its memory fails a compile and nothing else. */
typedef struct tn_worker tn_worker;

typedef struct tn_worker_options {
    const char *program; /* path of tenon-worker */
    const char *module;  /* path of the generator's shared object */
    uint64_t timeout_ns; /* of one compile; 0: none */
    uint32_t processes;  /* at once, 1 to TN_WORKER_PROCESSES: compiles beyond wait */
} tn_worker_options;

enum { TN_WORKER_PROCESSES = 64 };

/* Starts the first process and asks it what it is. Texts are copied; `host`
 * outlives the worker. TN_PLUGIN: it cannot be started or refuses the module. */
tn_status tn_worker_open(const tn_host *host, tn_diag *diag, const tn_worker_options *options,
    tn_worker **out) TN_MUST_USE;
void tn_worker_close(tn_worker *worker); /* NULL is fine */

/* Stands for the generator in the module: its name, family and version.
 * compile() may be called from several threads; it returns TN_CANCELLED after
 * the timeout, TN_FAILED when the process ended under it; a new one is started
 * for the next compile. shutdown() closes the worker. */
const tn_backend *tn_worker_backend(const tn_worker *worker);

#endif
