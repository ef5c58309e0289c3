/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_RECORD_H
#define TN_IR_RECORD_H

#include "ir/base/bytes.h"
#include "ir/size.h"
#include "ir/type.h"

/* The parts that records of plans and interfaces are made of, read from bytes
 * nobody vouches for: `bad` collects what the reader of bytes cannot see. */
typedef struct tn_record {
    tn_reader r;
    tn_arena *arena;
    bool bad;
} tn_record;

/* True while nothing was wrong. */
bool tn_record_ok(const tn_record *in);
/* A count of elements that take at least one byte each: never more than
 * the bytes that are left. */
uint32_t tn_record_count(tn_record *in);
/* NUL-terminated, in the arena. */
const char *tn_record_name(tn_record *in);
int32_t tn_record_int(tn_record *in);
/* In 0 .. below-1, or -1 if that may be. */
int32_t tn_record_index(tn_record *in, uint32_t below, bool may_be_none);
tn_formula tn_record_formula(tn_record *in);
/* u64 length, then the bytes; borrowed. */
tn_span tn_record_span(tn_record *in);
/* Element type and rank. */
void tn_record_head(tn_record *in, tn_dtype *dtype, int32_t *rank);

void tn_record_write_formula(tn_writer *w, tn_formula f);
void tn_record_write_span(tn_writer *w, tn_span s);

#endif
