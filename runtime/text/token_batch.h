/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_TOKEN_BATCH_H
#define TN_RUNTIME_TEXT_TOKEN_BATCH_H

#include "runtime/text/tokenizer.h"

/* One text of a batch: as given, borrowed. */
typedef struct tn_text_in {
    const char *at;
    size_t bytes;
} tn_text_in;

/* Several texts as the tensors that a text input gives.
 *
 * B = rows. S and W are the largest numbers of ids and words of a row, at
 * least 1 each, so that an empty text has a shape too: its lengths are 0. Row
 * r of an array starts at r * S (r * W). */
typedef struct tn_token_batch {
    tn_arena *arena; /* holds this struct and all below */
    uint32_t rows, ids_size, words_size; /* B, S, W */
    int32_t *ids;        /* [B,S], padded with the pad id */
    int32_t *length;     /* [B], ids of the row */
    uint8_t *mask;       /* [B,S], 1 for ids, 0 for padding */
    int32_t *type_ids;   /* [B,S], all 0: a text is one segment */
    int32_t *word_first; /* [B,W], padded with 0 */
    int32_t *words;      /* [B], words of the row */
    const tn_token_word *const *spans; /* [B], each `words` long: places in the text */
} tn_token_batch;

/* TN_MALFORMED names the row of a text that is no UTF-8, if there are
 * several. `count` is at least 1. The result does not refer to the texts or
 * the tokenizer. */
tn_status tn_token_batch_create(const tn_alloc *alloc, const tn_tokenizer *tokenizer,
    const tn_text_in *texts, uint32_t count, tn_diag *diag, tn_token_batch **out) TN_MUST_USE;
void tn_token_batch_destroy(tn_token_batch *batch); /* NULL is fine */

#endif
