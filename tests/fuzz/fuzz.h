/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_FUZZ_H
#define TN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ir/base/arena.h"
#include "ir/base/diag.h"

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

/* The input, an arena of 64 MiB and a sink for it. */
typedef struct tn_fuzz {
    tn_arena *arena;
    tn_diag diag;
    const uint8_t *data;
    size_t size;
} tn_fuzz;

/* Runs `body` with a tn_fuzz in a guard; its status, or TN_NO_MEMORY. What is
 * refused must be explained, and nothing in the input may look like our bug. */
static inline tn_status
tn_fuzz_run(const uint8_t *data, size_t size, tn_status (*body)(void *fuzz))
{
    tn_fuzz fuzz = {
        .arena = tn_arena_create(tn_alloc_system(), (size_t)64 << 20), .data = data, .size = size};
    tn_status status = TN_NO_MEMORY;

    tn_diag_init(&fuzz.diag, tn_alloc_system());
    if (fuzz.arena)
        status = tn_arena_guard(fuzz.arena, body, &fuzz);
    TN_FUZZ_HOLDS(status != TN_BUG);
    TN_FUZZ_HOLDS(status == TN_OK || status == TN_NO_MEMORY || tn_diag_count(&fuzz.diag) > 0);
    tn_diag_clear(&fuzz.diag);
    tn_arena_destroy(fuzz.arena);
    return status;
}

/* The input as text that ends at its first NUL. */
static inline const char *
tn_fuzz_text(tn_fuzz *fuzz)
{
    return tn_arena_copy(fuzz->arena, (const char *)fuzz->data, fuzz->size);
}

#endif
