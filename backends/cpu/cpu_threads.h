/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_THREADS_H
#define TN_BACKENDS_CPU_CPU_THREADS_H

#include "backends/cpu/cpu_os.h"
#include "ir/base/alloc.h"

/* Worker threads that share regions of work. The caller is worker 0 and takes
 * part; the others join a region if they come in time and are waited for only
 * if they did: a worker that the system keeps from running delays nobody.
 * Between regions workers spin for a while, then sleep. */
typedef struct tn_cpu_pool tn_cpu_pool;

enum { TN_CPU_THREAD_LIMIT = 1024 };

/* `threads` counts the caller. Fewer are started if the system refuses;
 * NULL only if there is no memory. */
tn_cpu_pool *tn_cpu_pool_create(const tn_cpu_os *os, const tn_alloc *alloc, uint32_t threads);
void tn_cpu_pool_destroy(tn_cpu_pool *pool); /* NULL is fine */
uint32_t tn_cpu_pool_threads(const tn_cpu_pool *pool); /* with the caller */

/* Wakes sleeping workers ahead of a region that is about to come. */
void tn_cpu_pool_wake(tn_cpu_pool *pool);

/* The tasks first .. count-1, in pieces of `chunk`, in any order and on any
 * worker; worker numbers are below tn_cpu_pool_threads. */
typedef struct tn_cpu_region {
    void (*body)(void *arg, uint32_t worker, uint64_t first, uint64_t last);
    void *arg;
    uint64_t first, count, chunk; /* count at most TN_CPU_TASK_LIMIT; chunk at least 1 */
    uint64_t deadline; /* os->now, looked at after each piece; 0: none */
} tn_cpu_region;

/* Keeps the counter of pieces, which each worker overshoots once, in range. */
#define TN_CPU_TASK_LIMIT ((uint64_t)1 << 48)

/* Returns when all pieces that were begun have ended. The first task that was
 * not begun: `count`, unless the deadline passed. One caller at a time. */
uint64_t tn_cpu_pool_run(tn_cpu_pool *pool, const tn_cpu_region *region);

#endif
