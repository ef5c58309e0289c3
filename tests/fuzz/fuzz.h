/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_FUZZ_H
#define TN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ir/base/arena.h"

/* What each target defines: one run over arbitrary bytes. Returns 0. It may
 * refuse the bytes in any way a caller is told about; it may not crash, hang,
 * leak or break a TN_FUZZ_HOLDS. libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds whatever the input is. */
#define TN_FUZZ_HOLDS(condition)                                                          \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            abort();                                                                      \
        }                                                                                 \
    } while (0)

/* The input and an arena of 64 MiB for it. */
typedef struct tn_fuzz {
    tn_arena *arena;
    const uint8_t *data;
    size_t size;
} tn_fuzz;

/* Runs `body` with a tn_fuzz in a guard; its status, or TN_NO_MEMORY. */
static inline tn_status
tn_fuzz_run(const uint8_t *data, size_t size, tn_status (*body)(void *fuzz))
{
    tn_fuzz fuzz = {tn_arena_create(tn_alloc_system(), (size_t)64 << 20), data, size};
    tn_status status = TN_NO_MEMORY;

    if (fuzz.arena)
        status = tn_arena_guard(fuzz.arena, body, &fuzz);
    tn_arena_destroy(fuzz.arena);
    return status;
}

#endif
