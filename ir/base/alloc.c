/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

/* The C library has no aligned realloc: growing is a new block and a copy. */
static void *
system_resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    void *fresh;

    (void)self;
    if (bytes == 0) {
        free(old);
        return NULL;
    }
    if (bytes > SIZE_MAX - ALIGN)
        return NULL;
    fresh = aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    if (fresh && old) {
        memcpy(fresh, old, old_bytes < bytes ? old_bytes : bytes);
        free(old);
    }
    return fresh;
}

const tn_alloc *
tn_alloc_system(void)
{
    static const tn_alloc table = {NULL, system_resize};

    return &table;
}

void *
tn_alloc_get(const tn_alloc *alloc, size_t bytes)
{
    return alloc->resize(alloc->self, NULL, 0, bytes);
}

void *
tn_alloc_zero(const tn_alloc *alloc, size_t bytes)
{
    void *at = tn_alloc_get(alloc, bytes);

    if (at)
        memset(at, 0, bytes);
    return at;
}

void
tn_alloc_free(const tn_alloc *alloc, void *old, size_t bytes)
{
    if (old)
        alloc->resize(alloc->self, old, bytes, 0);
}
