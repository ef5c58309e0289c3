/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_RELOC_H
#define TN_BACKENDS_CPU_CPU_RELOC_H

#include "backends/cpu/cpu_load.h"

/* One place of the image that waits for an address. */
typedef struct tn_cpu_fixup {
    uint8_t *place;  /* at least `room` bytes may be written there */
    uint64_t room;
    uint32_t type;   /* of the machine's ELF supplement */
    uint64_t symbol; /* address */
    int64_t addend;
    uint8_t *stub;   /* TN_CPU_STUB_BYTES of code for a far call, or NULL */
    uint8_t *slot;   /* 8 bytes of constants for the symbol's address */
} tn_cpu_fixup;

enum { TN_CPU_STUB_BYTES = 16 };

/* Writes the address. NULL, or what is wrong: "unknown type", .. */
const char *tn_cpu_relocate(tn_cpu_machine machine, const tn_cpu_fixup *fixup);

#endif
