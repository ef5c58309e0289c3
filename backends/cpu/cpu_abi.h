/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_ABI_H
#define TN_BACKENDS_CPU_CPU_ABI_H

#include <stdint.h>

/* How machine code made by cpu_gen is called. Code bytes are a relocatable
 * ELF object (position independent, small code model, no imports but those of
 * cpu_load.c's table) with one function named TN_CPU_SYMBOL:
 *
 *     void tn_kernel(const tn_cpu_args *args, uint64_t first, uint64_t last);
 *
 * runs the tasks first .. last-1. Callable from several threads at once with
 * different `scratch`. */
#define TN_CPU_SYMBOL "tn_kernel"

typedef struct tn_cpu_args {
    void *const *buffers;  /* globals, in order; aligned to 64 bytes */
    const int64_t *sizes;  /* size parameters, widened */
    void *scratch;         /* local memory of this worker, 64-byte aligned */
    uint32_t *status;      /* 4 words for each check site */
} tn_cpu_args;

typedef void (*tn_cpu_fn)(const tn_cpu_args *args, uint64_t first, uint64_t last);

/* The object's second symbol: constant data that says what the code was made
 * for, so that a device refuses code it cannot run and calls that do not
 * fit. `arch` and `level` as in ir/target.def. */
#define TN_CPU_INFO_SYMBOL "tn_kernel_info"
enum { TN_CPU_INFO_VERSION = 1 };

typedef struct tn_cpu_info {
    uint32_t version;
    uint32_t arch, level;
    uint32_t buffers, sizes, sites; /* lengths of what tn_cpu_args points to */
} tn_cpu_info;

#endif
