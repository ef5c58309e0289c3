/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_ALLOC_H
#define TN_IR_BASE_ALLOC_H

#include <stddef.h>

/* The allocator seam: all memory of tenon comes through one of these tables,
 * so that tests and callers can replace it and make any call fail.
 *
 * resize(self, old, old_bytes, bytes): `old` NULL allocates, `bytes` 0 frees
 * (and returns NULL), otherwise moves. NULL for bytes > 0 means out of
 * memory; `old` is then untouched. Results are aligned to 64 bytes. Must be
 * callable from several threads. */
typedef struct tn_alloc {
    void *self;
    void *(*resize)(void *self, void *old, size_t old_bytes, size_t bytes);
} tn_alloc;

/* The C library's allocator. Constant, never NULL. */
const tn_alloc *tn_alloc_system(void);

void *tn_alloc_get(const tn_alloc *alloc, size_t bytes); /* not cleared */
void *tn_alloc_zero(const tn_alloc *alloc, size_t bytes);
void tn_alloc_free(const tn_alloc *alloc, void *old, size_t bytes);

#endif
