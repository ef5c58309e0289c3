/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/vocabulary.h"

#include <string.h>

#include "ir/base/text.h"

enum { VOCABULARY_BYTES = 1 << 28 };

/* FNV-1a. */
static uint32_t
hash(const uint8_t *at, size_t length)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < length; i++)
        h = (h ^ at[i]) * 16777619u;
    return h;
}

/* The slot of a piece, or the empty one where it would stand. */
static uint32_t
slot_of(const tn_vocabulary *v, tn_span piece)
{
    uint32_t mask = v->slot_count - 1;
    uint32_t slot = hash(piece.at, piece.bytes) & mask;

    for (; v->slots[slot]; slot = (slot + 1) & mask) {
        tn_span other = v->pieces[v->slots[slot] - 1];

        if (other.bytes == piece.bytes && memcmp(other.at, piece.at, piece.bytes) == 0)
            break;
    }
    return slot;
}

static uint32_t
count_lines(tn_span text)
{
    uint32_t lines = 0;

    for (size_t i = 0; i < text.bytes; i++)
        lines += text.at[i] == '\n';
    if (text.bytes && text.at[text.bytes - 1] != '\n')
        lines++;
    return lines;
}

/* The line that starts at `*next`, without its end; moves behind it. */
static tn_span
take_line(tn_span text, size_t *next)
{
    const uint8_t *at = text.at + *next;
    size_t left = text.bytes - *next;
    const uint8_t *end = memchr(at, '\n', left);
    size_t bytes = end ? (size_t)(end - at) : left;

    *next += bytes + (end ? 1 : 0);
    if (bytes && at[bytes - 1] == '\r')
        bytes--;
    return (tn_span){at, bytes};
}

static void
index_pieces(tn_vocabulary *v, tn_arena *arena)
{
    uint32_t room = 8;
    uint32_t *slots;

    while (room < 2 * v->count)
        room *= 2;
    slots = tn_new_array(arena, uint32_t, room);
    v->slots = slots;
    v->slot_count = room;
    for (uint32_t i = 0; i < v->count; i++)
        slots[slot_of(v, v->pieces[i])] = i + 1;
}

tn_status
tn_vocabulary_read(tn_span text, tn_arena *arena, tn_diag *diag, tn_vocabulary *out)
{
    tn_span *pieces;
    size_t next = 0;

    if (text.bytes >= VOCABULARY_BYTES)
        return tn_fail(diag, TN_LIMIT, "vocabulary: %zu bytes, at most %d are read", text.bytes,
            VOCABULARY_BYTES - 1);
    if (text.bytes)
        text.at = (const uint8_t *)tn_arena_copy(arena, (const char *)text.at, text.bytes);
    out->count = count_lines(text);
    out->pieces = pieces = tn_new_array(arena, tn_span, out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        pieces[i] = take_line(text, &next);
        if (!tn_utf8_valid((const char *)pieces[i].at, pieces[i].bytes))
            return tn_fail(diag, TN_MALFORMED, "vocabulary: line %u is no UTF-8", i + 1);
    }
    index_pieces(out, arena);
    return TN_OK;
}

int32_t
tn_vocabulary_find(const tn_vocabulary *vocabulary, const char *at, size_t length)
{
    tn_span piece = {(const uint8_t *)at, length};

    return (int32_t)vocabulary->slots[slot_of(vocabulary, piece)] - 1;
}
