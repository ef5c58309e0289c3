/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_DIAG_H
#define TN_IR_BASE_DIAG_H

#include <stdarg.h>
#include <stddef.h>

#include "ir/base/alloc.h"
#include "ir/base/status.h"

/* Where explanations go. A sink keeps every message, in order, at most
 * TN_DIAG_LIMIT of them (the rest is counted). It never fails: when memory
 * runs out the message is cut to what its fixed reserve holds.
 * One thread at a time. */
enum { TN_DIAG_LIMIT = 100, TN_DIAG_LINE = 1024 };

typedef struct tn_diag_line {
    tn_status status;
    char *text; /* "model.json:41:17: nodes[3].attrs.axis: expected .." */
} tn_diag_line;

typedef struct tn_diag {
    const tn_alloc *alloc;
    tn_diag_line *lines;
    size_t count, room, dropped;
    char reserve[TN_DIAG_LINE]; /* the first message that found no memory */
    tn_status reserve_status;   /* TN_OK: not used */
} tn_diag;

void tn_diag_init(tn_diag *diag, const tn_alloc *alloc);
void tn_diag_clear(tn_diag *diag); /* frees; may be used again */

/* Adds a message and returns `status`, so that failing is one statement:
 *     return tn_fail(diag, TN_MALFORMED, "%s: expected an integer", path);
 * `diag` may be NULL: the message is dropped. Lines are cut at
 * TN_DIAG_LINE - 1 bytes, never inside a UTF-8 character. */
tn_status tn_fail(tn_diag *diag, tn_status status, const char *format, ...) TN_PRINTF(3, 4);
tn_status tn_vfail(tn_diag *diag, tn_status status, const char *format, va_list args)
    TN_PRINTF(3, 0);

/* Out of memory, with what it was for: "out of memory: 1048576 bytes for X". */
tn_status tn_fail_memory(tn_diag *diag, size_t bytes, const char *what);

/* Line `index` of `count` + (reserve used); NULL beyond. Borrowed. */
const char *tn_diag_text(const tn_diag *diag, size_t index);
size_t tn_diag_count(const tn_diag *diag);

#endif
