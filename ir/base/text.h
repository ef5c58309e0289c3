/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_TEXT_H
#define TN_IR_BASE_TEXT_H

#include <stdbool.h>

#include "ir/base/arena.h"

/* Text that grows, in an arena. `at` is NUL-terminated after each call and
 * moves when it grows. Set `arena`, zero the rest. */
typedef struct tn_text {
    tn_arena *arena;
    char *at;
    size_t length, room;
} tn_text;

void tn_text_add(tn_text *text, const char *format, ...) TN_PRINTF(2, 3);
void tn_text_put(tn_text *text, const char *at, size_t length);
/* `depth` times four spaces. */
void tn_text_indent(tn_text *text, int depth);
/* The shortest decimal that reads back to the same double; `inf`, `-inf`,
 * `nan` by name; whole numbers without a point ("3"). Independent of locale. */
void tn_text_double(tn_text *text, double value);
/* A JSON string with its quotes; control characters escaped, bytes that are
 * not UTF-8 replaced by U+FFFD. */
void tn_text_json(tn_text *text, const char *value);

/* Reads a decimal (or inf, nan) as strtod does in the C locale, rounded once;
 * no hexadecimal. `end` is set behind the number, to `at` if there is none. */
double tn_double_read(const char *at, const char **end);

/* True if `at` is well-formed UTF-8 without surrogates. */
bool tn_utf8_valid(const char *at, size_t length);

/* Number of single-character edits between two names, at most `limit` + 1:
 * for "did you mean". */
int tn_edit_distance(const char *a, const char *b, int limit);

#endif
