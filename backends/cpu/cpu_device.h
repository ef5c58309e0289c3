/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_DEVICE_H
#define TN_BACKENDS_CPU_CPU_DEVICE_H

#include "backends/cpu/cpu_load.h"
#include "backends/cpu/cpu_target.h"
#include "backends/cpu/cpu_threads.h"
#include "backends/sdk/plugin_base.h"
#include "ir/target.h"

/* What is inside the handles of the CPU device. */

enum { TN_CPU_TEXT = 1024 };

/* One for each query of the plugin; `text` is the target's. */
typedef struct tn_cpu {
    tn_plugin_base base;
    const tn_cpu_os *os;
    tn_target target; /* of this machine */
    char text[TN_CPU_TEXT], title[TN_CPU_TITLE], identity[TN_CPU_TEXT];
} tn_cpu;

struct tn_buffer {
    tn_device *device;
    uint8_t *at;
    uint64_t bytes;
    void *block; /* what was allocated; NULL: the memory is the caller's */
    size_t block_bytes;
};

struct tn_program {
    tn_device *device;
    tn_cpu_image image;
    uint64_t task_ps; /* picoseconds of a task, as measured; 0: not yet */
};

/* Submitted work, one record after another from `head` to `used`. Work is
 * done by the thread that waits for it (with the workers' help): submit only
 * writes it down. */
typedef struct tn_cpu_queue {
    uint8_t *at;
    size_t head, used, room;
} tn_cpu_queue;

struct tn_device {
    tn_cpu *cpu;
    pthread_mutex_t lock; /* of everything below: sessions may share a device */
    tn_cpu_queue queue;
    uint32_t threads;  /* wanted */
    tn_cpu_pool *pool; /* made when work first comes */
    uint8_t *scratch;
    uint64_t scratch_bytes; /* of one worker; a multiple of 64 */
};

/* Runs all that was submitted, as every call that touches memory does first.
 * After a wait that timed out the rest of that thread's work is kept for
 * another wait, and dropped here (`all`: whichever thread's it is). */
void tn_cpu_settle(tn_device *d, bool all);
void tn_cpu_drop_pool(tn_device *d); /* no work may be left */

/* Copies (`from` NULL: clears) in order with what was submitted. */
int tn_cpu_move(tn_device *d, uint8_t *to, const uint8_t *from, uint64_t bytes);
int tn_cpu_submit(tn_device *d, const tn_dispatch *list, uint32_t count);
int tn_cpu_wait(tn_device *d, uint64_t timeout_ns);

/* The entries of tn_backend of the same names. */
int tn_cpu_open(void *self, uint32_t device, tn_device **out);
void tn_cpu_close(tn_device *d);
int tn_cpu_threads(tn_device *d, uint32_t count);
int tn_cpu_buffer_new(tn_device *d, uint64_t bytes, tn_buffer **out);
int tn_cpu_buffer_wrap(tn_device *d, void *at, uint64_t bytes, tn_buffer **out);
void tn_cpu_buffer_free(tn_buffer *b);
void *tn_cpu_buffer_map(tn_buffer *b);
int tn_cpu_write(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes);
int tn_cpu_read(tn_buffer *b, uint64_t at, void *to, uint64_t bytes);
int tn_cpu_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes);
int tn_cpu_fill_zero(tn_buffer *b, uint64_t at, uint64_t bytes);
int tn_cpu_program_load(tn_device *d, tn_blob code, tn_program **out);
void tn_cpu_program_unload(tn_program *p);

#endif
