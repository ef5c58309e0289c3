/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/wordpiece.h"

#include <assert.h>
#include <string.h>

#include "runtime/text/tokenizer.h"
#include "runtime/text/unicode.h"

/* A run of characters that pieces may cover: "##" and its UTF-8 text, so
 * that a piece inside the run is found by writing the marks before it. */
typedef struct run {
    char text[2 + 4 * TN_TOKENIZER_RUN];
    size_t bytes;
    uint32_t chars;
} run;

/* The blocks of ideographs that BERT sets apart. */
static bool
is_cjk(int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
        (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
        (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
        (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void
tn_wordpiece_put(tn_wordpiece *w, int32_t id)
{
    if (w->count >= w->limit)
        return;
    if (w->count == w->id_room) {
        uint32_t room = w->id_room ? 2 * w->id_room : 32;

        w->ids = tn_arena_grow(w->arena, w->ids, w->id_room, room, sizeof *w->ids);
        w->id_room = room;
    }
    w->ids[w->count++] = id;
}

/* The longest piece from byte `start` on: its id, or -1; `*end` behind it. */
static int32_t
longest(const tn_wordpiece *w, char *text, size_t start, size_t bytes, size_t *end)
{
    size_t from = start;

    if (start > 2) {
        from = start - 2;
        memcpy(text + from, "##", 2);
    }
    for (size_t stop = bytes; stop > start; stop--) {
        int32_t id;

        if (stop < bytes && ((unsigned char)text[stop] & 0xC0) == 0x80)
            continue;
        id = tn_vocabulary_find(w->vocabulary, text + from, stop - from);
        if (id >= 0) {
            *end = stop;
            return id;
        }
    }
    return -1;
}

/* Ends a run. The marks overwrite text that earlier pieces have covered, or
 * the two bytes kept free in front. */
static void
cut_run(tn_wordpiece *w, run *r)
{
    size_t start = 2;
    uint32_t before = w->count;
    bool fits = r->chars <= TN_TOKENIZER_RUN;

    while (fits && start < r->bytes) {
        int32_t id = longest(w, r->text, start, r->bytes, &start);

        fits = id >= 0;
        if (fits)
            tn_wordpiece_put(w, id);
    }
    if (!fits) {
        w->count = before;
        tn_wordpiece_put(w, w->unknown);
    }
    r->bytes = 2;
    r->chars = 0;
}

static void
add_char(run *r, int32_t scalar)
{
    if (++r->chars <= TN_TOKENIZER_RUN)
        r->bytes += tn_unicode_put(r->text + r->bytes, scalar);
}

static void
cut_scalars(tn_wordpiece *w, uint32_t count)
{
    run r = {.bytes = 2};

    for (uint32_t i = 0; i < count; i++) {
        int32_t c = w->scalars[i];
        bool alone = tn_unicode_is_mark(c) || c == ' ';

        if (alone && r.chars)
            cut_run(w, &r);
        if (c == ' ')
            continue;
        add_char(&r, c);
        if (alone)
            cut_run(w, &r);
    }
    if (r.chars)
        cut_run(w, &r);
}

static void
put_scalar(tn_wordpiece *w, uint32_t *count, int32_t scalar)
{
    if (*count == w->room) {
        uint32_t room = w->room ? 2 * w->room : 64;

        w->scalars = tn_arena_grow(w->arena, w->scalars, w->room, room, sizeof *w->scalars);
        w->room = room;
    }
    w->scalars[(*count)++] = scalar;
}

/* NUL is a control character; U+FFFD, which stands for what could not be
 * decoded, goes with them. */
bool
tn_wordpiece_drops(int32_t scalar)
{
    return scalar == 0xFFFD || tn_unicode_is_control(scalar);
}

void
tn_wordpiece_cut(tn_wordpiece *w, const uint8_t *word, size_t length)
{
    uint32_t count = 0;

    for (size_t at = 0; at < length;) {
        int32_t c = 0, plain[TN_UNICODE_PLAIN];
        size_t step = tn_unicode_next(word + at, length - at, &c);
        int parts = 1;

        assert(step > 0);
        at += step;
        if (tn_wordpiece_drops(c))
            continue;
        plain[0] = c;
        if (w->lowercase)
            parts = tn_unicode_plain(c, plain);
        if (is_cjk(c))
            put_scalar(w, &count, ' ');
        for (int i = 0; i < parts; i++)
            put_scalar(w, &count, plain[i]);
        if (is_cjk(c))
            put_scalar(w, &count, ' ');
    }
    cut_scalars(w, count);
}
