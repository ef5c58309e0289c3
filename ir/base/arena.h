/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_ARENA_H
#define TN_IR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/base/alloc.h"
#include "ir/base/status.h"

/* Memory with one lifetime, one limit and one border.
 *
 * Everything allocated from an arena lives until the arena is destroyed.
 * Allocation does not return NULL: running out (limit or allocator) jumps to
 * the innermost tn_arena_guard on this arena, which returns TN_NO_MEMORY.
 * Allocating outside a guard is a bug (assertion). One thread at a time. */
typedef struct tn_arena tn_arena;

/* NULL when `alloc` has no memory. `limit_bytes` 0: no limit of its own. */
tn_arena *tn_arena_create(const tn_alloc *alloc, size_t limit_bytes);
void tn_arena_destroy(tn_arena *arena); /* NULL is fine */

/* Runs `body(arg)`; its status, or TN_NO_MEMORY if the arena ran out inside.
 * Guards on one arena do not nest; guards on different arenas may. The body
 * holds no resource across an allocation that the arena does not know. */
tn_status tn_arena_guard(tn_arena *arena, tn_status (*body)(void *arg), void *arg) TN_MUST_USE;

/* Zeroed memory, aligned to 16 bytes. `bytes` 0 gives a unique pointer. */
void *tn_arena_get(tn_arena *arena, size_t bytes);
/* count * size with an overflow check that ends in the guard. */
void *tn_arena_array(tn_arena *arena, size_t count, size_t size);
/* Grows the array at `old`; contents are kept, the rest is zeroed. */
void *tn_arena_grow(tn_arena *arena, const void *old, size_t old_count, size_t count, size_t size);

size_t tn_arena_used_bytes(const tn_arena *arena);
/* What the request that failed asked for, after TN_NO_MEMORY; else 0. */
size_t tn_arena_failed_bytes(const tn_arena *arena);

#define tn_new(arena, type) ((type *)tn_arena_get((arena), sizeof(type)))
#define tn_new_array(arena, type, count) \
    ((type *)tn_arena_array((arena), (size_t)(count), sizeof(type)))

/* Strings, NUL-terminated, in the arena. */
char *tn_arena_copy(tn_arena *arena, const char *at, size_t length);
char *tn_arena_printf(tn_arena *arena, const char *format, ...) TN_PRINTF(2, 3);
char *tn_arena_vprintf(tn_arena *arena, const char *format, va_list args) TN_PRINTF(2, 0);

#endif
