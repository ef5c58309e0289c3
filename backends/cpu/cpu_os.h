/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_OS_H
#define TN_BACKENDS_CPU_CPU_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the CPU device asks of the operating system and of the processor, as a
 * table: tests replace it to make any call fail, or to pretend to be another
 * machine. Callable from several threads. */
typedef enum tn_cpu_access {
    TN_CPU_READ,    /* constants */
    TN_CPU_EXECUTE, /* code: readable and executable, never writable */
} tn_cpu_access;

typedef struct tn_cpu_os {
    void *self;
    /* Private memory, zeroed, readable and writable, `bytes` a multiple of
     * page(); NULL if there is none. */
    void *(*map)(void *self, size_t bytes);
    bool (*protect)(void *self, void *at, size_t bytes, tn_cpu_access access);
    void (*unmap)(void *self, void *at, size_t bytes);
    size_t (*page)(void *self); /* a power of two */
    /* A hint: that memory is large and will be read in long runs. */
    void (*huge)(void *self, void *at, size_t bytes);

    bool (*start)(void *self, pthread_t *out, void *(*body)(void *arg), void *arg);
    void (*join)(void *self, pthread_t thread);
    uint64_t (*now)(void *self); /* nanoseconds, never falling */
    uint32_t (*cores)(void *self); /* that this process may use; at least 1 */

    /* The cpuid instruction: eax, ebx, ecx, edx. Zeros on other processors. */
    void (*cpuid)(void *self, uint32_t leaf, uint32_t part, uint32_t out[4]);
    uint64_t (*saved_state)(void *self); /* xgetbv 0: registers that survive a switch */
} tn_cpu_os;

/* The real ones. Constant, never NULL. */
const tn_cpu_os *tn_cpu_os_system(void);

#endif
