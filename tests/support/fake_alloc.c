/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_alloc.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

/* Stands in front of each block, one alignment wide. */
typedef struct head {
    size_t bytes;
} head;

static void *
take(tn_fake_alloc *mem, size_t bytes)
{
    char *at;

    if (++mem->requests >= mem->fail_at && mem->fail_at) {
        mem->failed = true;
        return NULL;
    }
    if (bytes > PTRDIFF_MAX - 2 * ALIGN)
        return NULL;
    at = aligned_alloc(ALIGN, (bytes + 2 * ALIGN - 1) / ALIGN * ALIGN);
    if (!at)
        return NULL;
    ((head *)(void *)at)->bytes = bytes;
    mem->live++;
    mem->live_bytes += bytes;
    if (mem->live_bytes > mem->peak_bytes)
        mem->peak_bytes = mem->live_bytes;
    memset(at + ALIGN, 0xa5, bytes);
    return at + ALIGN;
}

static void
give_back(tn_fake_alloc *mem, void *old, size_t old_bytes)
{
    char *at = (char *)old - ALIGN;
    size_t bytes = ((head *)(void *)at)->bytes;

    mem->wrong_size |= bytes != old_bytes;
    mem->live--;
    mem->live_bytes -= bytes;
    memset(old, 0x5a, bytes);
    free(at);
}

/* Always moves, so that whoever keeps the old pointer is found out. */
static void *
resize_locked(tn_fake_alloc *mem, void *old, size_t old_bytes, size_t bytes)
{
    void *fresh = NULL;

    if (bytes) {
        fresh = take(mem, bytes);
        if (!fresh)
            return NULL;
    }
    if (old) {
        if (fresh)
            memcpy(fresh, old, old_bytes < bytes ? old_bytes : bytes);
        give_back(mem, old, old_bytes);
    }
    return fresh;
}

static void *
resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    tn_fake_alloc *mem = self;
    void *fresh;

    while (__atomic_exchange_n(&mem->lock, 1, __ATOMIC_ACQUIRE))
        ;
    fresh = resize_locked(mem, old, old_bytes, bytes);
    __atomic_store_n(&mem->lock, 0, __ATOMIC_RELEASE);
    return fresh;
}

void
tn_fake_alloc_init(tn_fake_alloc *mem, size_t fail_at)
{
    *mem = (tn_fake_alloc){.table = {mem, resize}, .fail_at = fail_at};
}
