/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_GUARD_H
#define TN_FRONTEND_GUARD_H

#include "frontend/limits.h"
#include "ir/base/bytes.h"
#include "ir/base/diag.h"
#include "ir/base/vec.h"

/* Stands in front of the JSON parser and lets only RFC 8259 through, read
 * strictly: UTF-8 without a byte-order mark, one value, no duplicate keys
 * (compared after unescaping), numbers as the grammar has them and finite as
 * doubles, no whole number beyond 2^53, no control characters, no NUL and no
 * lone surrogate in strings. Limits on bytes and depth. What passes can be
 * parsed by anybody to the same tree. The outermost value has depth 1. */

/* Where everything starts, in document order: of each value its offset; of
 * each member of an object first the offset of its key. */
typedef struct tn_guard {
    TN_VEC(uint32_t) offsets;
    uint32_t values;    /* all of them, the outermost included */
    size_t text_bytes;  /* enough for all strings unescaped, with terminators */
} tn_guard;

/* `name` is the file's name in messages: "model.json:3:7: ..". Errors:
 * TN_MALFORMED, TN_LIMIT. */
tn_status tn_guard_check(tn_arena *arena, tn_diag *diag, const char *name, tn_span text,
    const tn_read_limits *limits, tn_guard *out) TN_MUST_USE;

/* Line and column, from 1, of an offset; columns count characters. */
void tn_guard_position(tn_span text, size_t offset, uint32_t *line, uint32_t *column);

#endif
