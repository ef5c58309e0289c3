/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/diag.h"

#include <stdio.h>
#include <string.h>

void
tn_diag_init(tn_diag *diag, const tn_alloc *alloc)
{
    memset(diag, 0, sizeof *diag);
    diag->alloc = alloc;
}

void
tn_diag_clear(tn_diag *diag)
{
    const tn_alloc *alloc = diag->alloc;

    for (size_t i = 0; i < diag->count; i++)
        tn_alloc_free(alloc, diag->lines[i].text, strlen(diag->lines[i].text) + 1);
    tn_alloc_free(alloc, diag->lines, diag->room * sizeof *diag->lines);
    tn_diag_init(diag, alloc);
}

/* Cuts a UTF-8 character whose end was cut off. */
static size_t
whole_characters(const char *text, size_t length)
{
    size_t start = length;
    unsigned char first;
    size_t bytes;

    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return length;
    first = (unsigned char)text[start - 1];
    bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    return bytes > length - start + 1 ? start - 1 : length;
}

/* Room for one more line; false if there is none. */
static int
has_room(tn_diag *diag)
{
    size_t room = diag->room ? diag->room * 2 : 4;
    tn_diag_line *lines;

    if (diag->count >= TN_DIAG_LIMIT)
        return 0;
    if (diag->count < diag->room)
        return 1;
    lines = diag->alloc->resize(diag->alloc->self, diag->lines, diag->room * sizeof *lines,
        room * sizeof *lines);
    if (!lines)
        return 0;
    diag->lines = lines;
    diag->room = room;
    return 1;
}

static void
keep(tn_diag *diag, tn_status status, const char *text, size_t length)
{
    char *copy = has_room(diag) ? tn_alloc_get(diag->alloc, length + 1) : NULL;

    if (copy) {
        memcpy(copy, text, length + 1);
        diag->lines[diag->count++] = (tn_diag_line){status, copy};
    } else if (diag->count < TN_DIAG_LIMIT && diag->reserve_status == TN_OK) {
        memcpy(diag->reserve, text, length + 1);
        diag->reserve_status = status;
    } else {
        diag->dropped++;
    }
}

tn_status
tn_vfail(tn_diag *diag, tn_status status, const char *format, va_list args)
{
    char text[TN_DIAG_LINE];
    int wanted;
    size_t length;

    if (!diag)
        return status;
    wanted = vsnprintf(text, sizeof text, format, args);
    length = strlen(text);
    if (wanted >= (int)sizeof text) {
        length = whole_characters(text, length);
        text[length] = '\0';
    }
    keep(diag, status, text, length);
    return status;
}

tn_status
tn_fail(tn_diag *diag, tn_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    status = tn_vfail(diag, status, format, args);
    va_end(args);
    return status;
}

tn_status
tn_fail_memory(tn_diag *diag, size_t bytes, const char *what)
{
    return tn_fail(diag, TN_NO_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

const char *
tn_diag_text(const tn_diag *diag, size_t index)
{
    if (index < diag->count)
        return diag->lines[index].text;
    if (index == diag->count && diag->reserve_status != TN_OK)
        return diag->reserve;
    return NULL;
}

size_t
tn_diag_count(const tn_diag *diag)
{
    return diag->count + (diag->reserve_status != TN_OK);
}
