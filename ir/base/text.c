/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ir/base/checked.h"

/* Room for `more` bytes and the terminator. */
static void
reserve(tn_text *text, size_t more)
{
    size_t need, room = text->room ? text->room : 64;

    if (!tn_add_size(text->length, more, &need) || need == SIZE_MAX)
        need = SIZE_MAX - 1; /* which the arena refuses */
    while (room <= need)
        room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
    if (room > text->room) {
        text->at = tn_arena_grow(text->arena, text->at, text->room, room, 1);
        text->room = room;
    }
}

void
tn_text_add(tn_text *text, const char *format, ...)
{
    va_list args;
    int length;

    reserve(text, 0);
    va_start(args, format);
    length = vsnprintf(text->at + text->length, text->room - text->length, format, args);
    va_end(args);
    assert(length >= 0);
    if ((size_t)length >= text->room - text->length) {
        reserve(text, (size_t)length);
        va_start(args, format);
        vsnprintf(text->at + text->length, text->room - text->length, format, args);
        va_end(args);
    }
    text->length += (size_t)length;
}

void
tn_text_put(tn_text *text, const char *at, size_t length)
{
    reserve(text, length);
    if (length)
        memcpy(text->at + text->length, at, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void
tn_text_indent(tn_text *text, int depth)
{
    reserve(text, 0);
    for (int i = 0; i < depth; i++)
        tn_text_put(text, "    ", 4);
}

/* Bytes of the well-formed UTF-8 character at `at`, or 0. Ranges as in table
 * 3-7 of the Unicode standard. */
static size_t
utf8_character(const char *at, size_t length)
{
    unsigned char first = length ? (unsigned char)at[0] : 0xff;
    unsigned char low = 0x80, high = 0xbf;
    size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (bytes == 1)
        return 1;
    if (first < 0xc2 || first > 0xf4 || bytes > length)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < bytes; i++) {
        unsigned char c = (unsigned char)at[i];

        if (c < low || c > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return bytes;
}

bool
tn_utf8_valid(const char *at, size_t length)
{
    while (length) {
        size_t bytes = utf8_character(at, length);

        if (bytes == 0)
            return false;
        at += bytes;
        length -= bytes;
    }
    return true;
}

static const char *
short_escape(char c)
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return NULL;
    }
}

void
tn_text_json(tn_text *text, const char *value)
{
    size_t left = strlen(value);

    tn_text_put(text, "\"", 1);
    while (left) {
        size_t bytes = utf8_character(value, left);
        const char *escape = short_escape(*value);

        if (escape)
            tn_text_put(text, escape, 2);
        else if (bytes == 0)
            tn_text_put(text, "\\ufffd", 6);
        else if ((unsigned char)*value < 0x20 || *value == 0x7f)
            tn_text_add(text, "\\u%04x", (unsigned)*value);
        else
            tn_text_put(text, value, bytes);
        bytes = bytes ? bytes : 1;
        value += bytes;
        left -= bytes;
    }
    tn_text_put(text, "\"", 1);
}

static int
least(int a, int b, int c)
{
    int m = a < b ? a : b;

    return m < c ? m : c;
}

/* Rows of the usual table, one at a time. Names longer than the row are not
 * worth a suggestion. */
int
tn_edit_distance(const char *a, const char *b, int limit)
{
    enum { ROW = 128 };
    int row[ROW];
    size_t length = strlen(b);

    if (length >= ROW || strlen(a) >= ROW)
        return strcmp(a, b) == 0 ? 0 : limit + 1;
    for (size_t j = 0; j <= length; j++)
        row[j] = (int)j;
    for (size_t i = 0; a[i]; i++) {
        int corner = row[0];

        row[0] = (int)i + 1;
        for (size_t j = 0; j < length; j++) {
            int up = row[j + 1];

            row[j + 1] = least(up + 1, row[j] + 1, corner + (a[i] != b[j]));
            corner = up;
        }
    }
    return row[length] <= limit ? row[length] : limit + 1;
}
