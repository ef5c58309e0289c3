/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/bytes.h"

#include <assert.h>
#include <string.h>

#include "ir/base/checked.h"

static uint8_t *
reserve(tn_writer *w, size_t bytes)
{
    size_t need, room = w->room ? w->room : 64;
    uint8_t *at;

    if (!tn_add_size(w->bytes, bytes, &need))
        need = SIZE_MAX; /* which the arena refuses */
    while (room < need)
        room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
    if (room > w->room) {
        w->at = tn_arena_grow(w->arena, w->at, w->room, room, 1);
        w->room = room;
    }
    at = w->at + w->bytes;
    w->bytes = need;
    return at;
}

void
tn_write(tn_writer *w, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(reserve(w, bytes), from, bytes);
}

static void
write_low(tn_writer *w, uint64_t value, size_t bytes)
{
    uint8_t *at = reserve(w, bytes);

    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void
tn_write_u8(tn_writer *w, uint8_t value)
{
    write_low(w, value, 1);
}

void
tn_write_u16(tn_writer *w, uint16_t value)
{
    write_low(w, value, 2);
}

void
tn_write_u32(tn_writer *w, uint32_t value)
{
    write_low(w, value, 4);
}

void
tn_write_u64(tn_writer *w, uint64_t value)
{
    write_low(w, value, 8);
}

void
tn_write_i64(tn_writer *w, int64_t value)
{
    write_low(w, (uint64_t)value, 8);
}

void
tn_write_f64(tn_writer *w, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    write_low(w, bits, 8);
}

void
tn_write_str(tn_writer *w, const char *text)
{
    size_t length = strlen(text);

    assert(length <= UINT32_MAX);
    tn_write_u32(w, (uint32_t)length);
    tn_write(w, text, length);
}

void
tn_write_align(tn_writer *w, size_t align)
{
    size_t rest = w->bytes & (align - 1);

    assert(align && (align & (align - 1)) == 0);
    if (rest)
        memset(reserve(w, align - rest), 0, align - rest);
}

tn_span
tn_writer_span(const tn_writer *w)
{
    return (tn_span){w->at, w->bytes};
}

tn_span
tn_read_span(tn_reader *r, size_t bytes)
{
    tn_span got = {NULL, 0};

    if (r->failed || r->next > r->from.bytes || bytes > r->from.bytes - r->next) {
        r->failed = true;
        return got;
    }
    got = (tn_span){r->from.at + r->next, bytes};
    r->next += bytes;
    return got;
}

static uint64_t
read_low(tn_reader *r, size_t bytes)
{
    tn_span got = tn_read_span(r, bytes);
    uint64_t value = 0;

    for (size_t i = 0; i < got.bytes; i++)
        value |= (uint64_t)got.at[i] << (8 * i);
    return value;
}

uint8_t
tn_read_u8(tn_reader *r)
{
    return (uint8_t)read_low(r, 1);
}

uint16_t
tn_read_u16(tn_reader *r)
{
    return (uint16_t)read_low(r, 2);
}

uint32_t
tn_read_u32(tn_reader *r)
{
    return (uint32_t)read_low(r, 4);
}

uint64_t
tn_read_u64(tn_reader *r)
{
    return read_low(r, 8);
}

int64_t
tn_read_i64(tn_reader *r)
{
    return (int64_t)read_low(r, 8);
}

double
tn_read_f64(tn_reader *r)
{
    uint64_t bits = read_low(r, 8);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

const char *
tn_read_str(tn_reader *r, tn_arena *arena, size_t limit)
{
    uint32_t length = tn_read_u32(r);
    tn_span text;

    if (length > limit)
        r->failed = true;
    text = tn_read_span(r, length);
    if (text.bytes && memchr(text.at, 0, text.bytes))
        r->failed = true;
    if (r->failed)
        return "";
    return tn_arena_copy(arena, (const char *)text.at, text.bytes);
}

void
tn_read_align(tn_reader *r, size_t align)
{
    size_t rest = r->next & (align - 1);

    assert(align && (align & (align - 1)) == 0);
    if (rest)
        tn_read_span(r, align - rest);
}
