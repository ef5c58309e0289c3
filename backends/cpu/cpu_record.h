/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_RECORD_H
#define TN_BACKENDS_CPU_CPU_RECORD_H

#include "backends/cpu/cpu_device.h"

/* Work written down in the queue: a kernel, or a copy or clearing of memory
 * between kernels. `buffers` pointers and `sizes` numbers follow it. */
typedef enum tn_cpu_record_kind {
    TN_CPU_KERNEL,
    TN_CPU_COPY, /* buffers: to, from; size: bytes */
    TN_CPU_ZERO, /* buffer; size: bytes */
} tn_cpu_record_kind;

typedef struct tn_cpu_record {
    size_t bytes; /* with what follows */
    tn_cpu_record_kind kind;
    bool wait;           /* all before it must have finished */
    bool held;           /* its owner's wait timed out */
    pthread_t owner;     /* who submitted it */
    tn_program *program; /* kernels */
    uint64_t tasks, next; /* next: the first task not begun */
    uint32_t *status;
    uint64_t *took_ns, spent_ns;
    uint32_t buffers, sizes;
} tn_cpu_record;

static inline tn_cpu_record *
tn_cpu_record_at(const tn_device *d, size_t at)
{
    return (tn_cpu_record *)(void *)(d->queue.at + at);
}

static inline void **
tn_cpu_record_buffers(tn_cpu_record *r)
{
    return (void **)(void *)(r + 1);
}

static inline int64_t *
tn_cpu_record_sizes(tn_cpu_record *r)
{
    return (int64_t *)(void *)(tn_cpu_record_buffers(r) + r->buffers);
}

/* Runs the record at the head of the queue, together with those behind it
 * that need not wait. False if the deadline (0: none) came before the end;
 * what is left then stays at the head. */
bool tn_cpu_run_head(tn_device *d, uint64_t deadline);

/* True if one of the records from `at` on is worth waking workers for. */
bool tn_cpu_worth_waking(const tn_device *d, size_t at);

#endif
