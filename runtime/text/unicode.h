/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_UNICODE_H
#define TN_RUNTIME_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What tokenizers ask about characters (Unicode scalar values). */

/* The first character of `left` bytes, and how many bytes it has; 0 for none
 * left and for what is no UTF-8 (surrogates and overlong forms included). */
size_t tn_unicode_next(const uint8_t *at, size_t left, int32_t *scalar);
/* Writes up to four bytes of UTF-8; their number. */
size_t tn_unicode_put(char *at, int32_t scalar);
/* The property White_Space. */
bool tn_unicode_is_space(int32_t scalar);

/* False if tenon was built without Unicode's data (utf8proc): then nothing
 * below may be called. */
bool tn_unicode_has_data(void);

/* Controls, formats and private use (categories Cc, Cf, Co), without tab,
 * line feed and return. */
bool tn_unicode_is_control(int32_t scalar);
/* Category P, and every printing ASCII character that is no letter or
 * digit, "$" and "+" too, which Unicode calls symbols. */
bool tn_unicode_is_mark(int32_t scalar);

/* The canonical decomposition without its accents (category Mn), each
 * character in lower case; how many there are, 0 for an accent. */
enum { TN_UNICODE_PLAIN = 4 };
int tn_unicode_plain(int32_t scalar, int32_t out[TN_UNICODE_PLAIN]);

#endif
