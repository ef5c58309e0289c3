/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_TOKENIZER_H
#define TN_RUNTIME_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/base/arena.h"
#include "ir/base/bytes.h"
#include "ir/base/diag.h"

/* Text to ids.
 *
 * Kinds:
 *   wordpiece  BERT's basic and word-piece tokenizers (Devlin et al., 2018):
 *              control characters vanish; with `lowercase`, lower case and
 *              accents stripped (NFD); punctuation and CJK characters stand
 *              alone; then the longest piece that fits, "##" before those
 *              inside a run. A run of more than 100 characters, or one with
 *              a rest that no piece fits, is one `unknown`.
 *   chars      one id for each Unicode scalar value, its number
 *   bytes      one id for each byte of the UTF-8 text
 *
 * Words, in all kinds, are what white space separates: "it's" is one word of
 * three pieces. A word of which nothing remains (control characters only) is
 * no word.
 *
 * Immutable after creation; may be used from several threads. */
typedef struct tn_tokenizer tn_tokenizer;

enum {
    TN_TOKENIZER_RUN = 100,            /* characters of a run */
    TN_TOKENIZER_TEXT = 1 << 28,       /* bytes of a text */
};

/* What a model says about a tokenizer. Names are pieces of the vocabulary;
 * in `chars` and `bytes` one character, one byte. NULL or "": not given. */
typedef struct tn_tokenizer_options {
    const char *kind;
    bool lowercase;      /* wordpiece only */
    const char *unknown; /* wordpiece only; "[UNK]" if not given */
    const char *begin;   /* stands before every text */
    const char *end;     /* stands after every text, cut or not */
    const char *pad;     /* fills the batch; id 0 if not given */
    int64_t max_length;  /* most ids of a text, begin and end included; 0: any */
} tn_tokenizer_options;

/* `vocabulary`: for wordpiece UTF-8 text, one piece a line, the first has id
 * 0; of equal lines the last counts. Copied; ignored by the other kinds.
 * TN_MALFORMED: bad UTF-8, a named piece that is absent, options that do not
 * go together; TN_UNSUPPORTED: another kind. */
tn_status tn_tokenizer_create(const tn_alloc *alloc, const tn_tokenizer_options *options,
    tn_span vocabulary, tn_diag *diag, tn_tokenizer **out) TN_MUST_USE;
void tn_tokenizer_destroy(tn_tokenizer *tokenizer); /* NULL is fine */

/* A word of a text: its bytes and the place of its first id. */
typedef struct tn_token_word {
    uint32_t start, end; /* bytes of the text, end excluded */
    int32_t first;       /* index into ids */
} tn_token_word;

typedef struct tn_tokens {
    const int32_t *ids;
    uint32_t count;
    const tn_token_word *words;
    uint32_t word_count;
} tn_tokens;

/* The ids of one text, in `arena`; call inside a guard. A word whose first id
 * falls behind `max_length` is left out. TN_MALFORMED with the byte offset
 * for what is no UTF-8; TN_LIMIT beyond TN_TOKENIZER_TEXT. */
tn_status tn_tokenizer_encode(const tn_tokenizer *tokenizer, const char *text, size_t length,
    tn_arena *arena, tn_diag *diag, tn_tokens *out) TN_MUST_USE;

/* The id that pads, and the most ids of a text (0: any). */
int32_t tn_tokenizer_pad(const tn_tokenizer *tokenizer);
int64_t tn_tokenizer_max_length(const tn_tokenizer *tokenizer);

#endif
