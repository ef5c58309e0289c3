/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/arena.h"

#include <assert.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/base/checked.h"

/* Under AddressSanitizer what was not handed out is off limits, and a gap
 * follows each block. */
#if defined(__SANITIZE_ADDRESS__)
#define POISONED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#endif
#ifdef POISONED
#include <sanitizer/asan_interface.h>
#define FORBID(at, bytes) ASAN_POISON_MEMORY_REGION((at), (bytes))
#define PERMIT(at, bytes) ASAN_UNPOISON_MEMORY_REGION((at), (bytes))
enum { GAP = 16 };
#else
#define FORBID(at, bytes) ((void)(at), (void)(bytes))
#define PERMIT(at, bytes) ((void)(at), (void)(bytes))
enum { GAP = 0 };
#endif

enum {
    ALIGN = 16,
    FIRST_CHUNK = 4096,
    LAST_CHUNK = 1 << 20, /* chunks double up to this size */
};

typedef struct chunk {
    struct chunk *next;
    size_t bytes; /* with this head */
    size_t used;  /* with this head */
} chunk;

struct tn_arena {
    const tn_alloc *alloc;
    chunk *chunks; /* the first is the one in use */
    size_t limit, total;
    size_t next_chunk;
    size_t used;
    size_t failed;
    jmp_buf *border;
    char *last; /* the newest block, which can grow in place */
};

tn_arena *
tn_arena_create(const tn_alloc *alloc, size_t limit_bytes)
{
    tn_arena *arena = tn_alloc_zero(alloc, sizeof *arena);

    if (!arena)
        return NULL;
    arena->alloc = alloc;
    arena->limit = limit_bytes ? limit_bytes : SIZE_MAX;
    arena->next_chunk = FIRST_CHUNK;
    return arena;
}

void
tn_arena_destroy(tn_arena *arena)
{
    if (!arena)
        return;
    while (arena->chunks) {
        chunk *gone = arena->chunks;

        arena->chunks = gone->next;
        PERMIT(gone, gone->bytes);
        tn_alloc_free(arena->alloc, gone, gone->bytes);
    }
    tn_alloc_free(arena->alloc, arena, sizeof *arena);
}

/* Nothing local is read after the jump. */
tn_status
tn_arena_guard(tn_arena *arena, tn_status (*body)(void *arg), void *arg)
{
    jmp_buf border;
    tn_status status;

    assert(!arena->border && "guards on one arena do not nest");
    arena->border = &border;
    arena->failed = 0;
    if (setjmp(border) != 0)
        return TN_NO_MEMORY;
    status = body(arg);
    arena->border = NULL;
    return status;
}

static _Noreturn void
run_out(tn_arena *arena, size_t bytes)
{
    jmp_buf *border = arena->border;

    assert(border && "allocation outside a guard");
    if (!border)
        abort();
    arena->failed = bytes;
    arena->border = NULL;
    longjmp(*border, 1);
}

static size_t
round_up(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* A chunk with room for `bytes`. A large block gets a chunk of its own behind
 * the first, so that the room left in the first is not lost. */
static chunk *
add_chunk(tn_arena *arena, size_t bytes)
{
    size_t head = round_up(sizeof(chunk));
    bool own = bytes > arena->next_chunk / 2;
    size_t left = arena->limit - arena->total;
    size_t want = own ? head + bytes : arena->next_chunk;
    chunk *fresh;

    if (want > left)
        want = left;
    if (want < head + bytes)
        run_out(arena, bytes);
    fresh = tn_alloc_get(arena->alloc, want);
    if (!fresh)
        run_out(arena, bytes);
    *fresh = (chunk){.bytes = want, .used = head};
    FORBID((char *)fresh + head, want - head);
    arena->total += want;
    if (own && arena->chunks) {
        fresh->next = arena->chunks->next;
        arena->chunks->next = fresh;
        return fresh;
    }
    fresh->next = arena->chunks;
    arena->chunks = fresh;
    if (!own && arena->next_chunk < LAST_CHUNK)
        arena->next_chunk *= 2;
    return fresh;
}

void *
tn_arena_get(tn_arena *arena, size_t bytes)
{
    size_t want;
    chunk *in = arena->chunks;
    char *at;

    assert(arena->border && "allocation outside a guard");
    if (bytes > SIZE_MAX - FIRST_CHUNK)
        run_out(arena, bytes);
    want = round_up(bytes ? bytes : 1) + GAP;
    if (!in || in->bytes - in->used < want)
        in = add_chunk(arena, want);
    at = (char *)in + in->used;
    in->used += want;
    arena->used += want;
    arena->last = at;
    PERMIT(at, bytes);
    memset(at, 0, bytes);
    return at;
}

void *
tn_arena_array(tn_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (!tn_mul_size(count, size, &bytes))
        run_out(arena, SIZE_MAX);
    return tn_arena_get(arena, bytes);
}

/* True if the newest block, at `old`, could be widened to `bytes`. */
static bool
widen(tn_arena *arena, const char *old, size_t old_bytes, size_t bytes)
{
    chunk *in = arena->chunks;
    size_t had, want;

    if (!old || old != arena->last || bytes > SIZE_MAX - FIRST_CHUNK)
        return false;
    had = round_up(old_bytes ? old_bytes : 1) + GAP;
    want = round_up(bytes ? bytes : 1) + GAP;
    if (arena->last + had != (char *)in + in->used || in->bytes - in->used < want - had)
        return false;
    in->used += want - had;
    arena->used += want - had;
    PERMIT(arena->last, bytes);
    memset(arena->last + old_bytes, 0, bytes - old_bytes);
    return true;
}

void *
tn_arena_grow(tn_arena *arena, const void *old, size_t old_count, size_t count, size_t size)
{
    size_t bytes, old_bytes = old_count * size;
    char *fresh;

    assert(count >= old_count && "arrays only grow");
    assert(arena->border && "allocation outside a guard");
    if (!tn_mul_size(count, size, &bytes))
        run_out(arena, SIZE_MAX);
    if (widen(arena, old, old_bytes, bytes))
        return arena->last;
    fresh = tn_arena_get(arena, bytes);
    if (old_bytes)
        memcpy(fresh, old, old_bytes);
    return fresh;
}

size_t
tn_arena_used_bytes(const tn_arena *arena)
{
    return arena->used;
}

size_t
tn_arena_failed_bytes(const tn_arena *arena)
{
    return arena->failed;
}

char *
tn_arena_copy(tn_arena *arena, const char *at, size_t length)
{
    size_t bytes;
    char *copy;

    if (!tn_add_size(length, 1, &bytes))
        run_out(arena, SIZE_MAX);
    copy = tn_arena_get(arena, bytes);
    if (length)
        memcpy(copy, at, length);
    return copy;
}

char *
tn_arena_vprintf(tn_arena *arena, const char *format, va_list args)
{
    va_list again;
    char *text;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(length >= 0);
    text = tn_arena_get(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *
tn_arena_printf(tn_arena *arena, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = tn_arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
