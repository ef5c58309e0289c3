/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_ELF_OBJECT_H
#define TN_TESTS_SUPPORT_ELF_OBJECT_H

#include "backends/cpu/cpu_abi.h"

#include <stddef.h>

/* Relocatable ELF objects made by hand, for the loader and the CPU device. */

/* Numbers of the symbols in every object. */
enum {
    TN_OBJECT_CODE = 1,  /* the section */
    TN_OBJECT_CONST,     /* the section; constants start at byte 32 of it */
    TN_OBJECT_KERNEL,
    TN_OBJECT_INFO,
    TN_OBJECT_IMPORT,
};

typedef struct tn_elf_reloc {
    uint64_t offset; /* in the code */
    uint32_t type, symbol;
    int64_t addend;
} tn_elf_reloc;

typedef struct tn_elf_object {
    uint16_t machine;
    const void *code;
    size_t code_bytes;
    const void *constants;
    size_t constant_bytes;
    tn_cpu_info info;
    const char *import; /* a name that is not defined, or NULL */
    const tn_elf_reloc *relocs;
    size_t reloc_count;
} tn_elf_object;

enum { TN_ELF_OBJECT_ROOM = 2048 };
/* The size of the object. */
size_t tn_elf_object_write(const tn_elf_object *object, uint8_t out[TN_ELF_OBJECT_ROOM]);

/* Kernels of x86-64 (0 bytes for other machines), over o = buffer 0 of i64
 * and k = size 0: add: o[t] += k*t + 1; spin: waits k pauses, o[t]++;
 * scratch: writes t to bytes 0 and 8000 of the scratch, then o[t] = t;
 * fill: clears k words through memset, then o[t] += 1.5 + t % 4 (f64). */
typedef enum tn_elf_kernel {
    TN_KERNEL_ADD,
    TN_KERNEL_SPIN,
    TN_KERNEL_SCRATCH,
    TN_KERNEL_FILL,
} tn_elf_kernel;
size_t tn_elf_kernel_write(tn_elf_kernel kernel, uint8_t out[TN_ELF_OBJECT_ROOM]);

#endif
