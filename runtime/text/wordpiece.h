/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_WORDPIECE_H
#define TN_RUNTIME_TEXT_WORDPIECE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/text/vocabulary.h"

/* Cuts one word (no white space inside) into ids of pieces.
 *
 * The rules are those of BERT: basic tokenizer with `lowercase` (lower case
 * and accents together), then greedy word pieces. */
typedef struct tn_wordpiece {
    const tn_vocabulary *vocabulary;
    int32_t unknown;
    bool lowercase;
    tn_arena *arena;
    int32_t *scalars; /* scratch, kept from word to word */
    uint32_t room;
    int32_t *ids; /* grows in `arena` */
    uint32_t count, id_room;
    uint32_t limit; /* most ids; what is beyond is dropped */
} tn_wordpiece;

/* True for characters that vanish: tn_unicode_is_control, and U+FFFD. */
bool tn_wordpiece_drops(int32_t scalar);

/* Appends the ids of a word, `length` bytes of valid UTF-8. */
void tn_wordpiece_cut(tn_wordpiece *w, const uint8_t *word, size_t length);

/* Appends one id unless `limit` is reached. */
void tn_wordpiece_put(tn_wordpiece *w, int32_t id);

#endif
