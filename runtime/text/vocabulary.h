/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_VOCABULARY_H
#define TN_RUNTIME_TEXT_VOCABULARY_H

#include "ir/base/arena.h"
#include "ir/base/bytes.h"
#include "ir/base/diag.h"

/* A list of pieces and the way back from a piece to its place in the list. */
typedef struct tn_vocabulary {
    const tn_span *pieces;
    uint32_t count;
    const uint32_t *slots; /* open addressing; 0 empty, else place + 1 */
    uint32_t slot_count;   /* a power of two */
} tn_vocabulary;

/* Reads one piece a line ("\n" or "\r\n"; the last line may lack it). The
 * text is copied into `arena`. TN_MALFORMED names the line that is no UTF-8;
 * TN_LIMIT for 2^28 bytes or more. Call inside a guard. */
tn_status tn_vocabulary_read(tn_span text, tn_arena *arena, tn_diag *diag, tn_vocabulary *out)
    TN_MUST_USE;

/* The place of a piece, or -1. Of equal pieces the last counts. */
int32_t tn_vocabulary_find(const tn_vocabulary *vocabulary, const char *at, size_t length);

#endif
