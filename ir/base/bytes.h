/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_BYTES_H
#define TN_IR_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/base/arena.h"

/* Borrowed bytes. */
typedef struct tn_span {
    const uint8_t *at;
    size_t bytes;
} tn_span;

/* Little-endian writer that grows in an arena. Set `arena`, zero the rest. */
typedef struct tn_writer {
    tn_arena *arena;
    uint8_t *at;
    size_t bytes, room;
} tn_writer;

void tn_write(tn_writer *w, const void *from, size_t bytes);
void tn_write_u8(tn_writer *w, uint8_t value);
void tn_write_u16(tn_writer *w, uint16_t value);
void tn_write_u32(tn_writer *w, uint32_t value);
void tn_write_u64(tn_writer *w, uint64_t value);
void tn_write_i64(tn_writer *w, int64_t value);
void tn_write_f64(tn_writer *w, double value);
/* u32 length, the bytes, no terminator. */
void tn_write_str(tn_writer *w, const char *text);
/* Zeros up to a multiple of `align` (a power of two). */
void tn_write_align(tn_writer *w, size_t align);
tn_span tn_writer_span(const tn_writer *w);

/* Bounds-checked little-endian reader. Reading past the end sets `failed`,
 * which stays set; every later read gives zero. */
typedef struct tn_reader {
    tn_span from;
    size_t next;
    bool failed;
} tn_reader;

uint8_t tn_read_u8(tn_reader *r);
uint16_t tn_read_u16(tn_reader *r);
uint32_t tn_read_u32(tn_reader *r);
uint64_t tn_read_u64(tn_reader *r);
int64_t tn_read_i64(tn_reader *r);
double tn_read_f64(tn_reader *r);
/* Borrowed; {NULL, 0} and `failed` when fewer are left. */
tn_span tn_read_span(tn_reader *r, size_t bytes);
/* Into the arena, NUL-terminated; refuses NUL inside and more than
 * `limit` bytes ("" and `failed`). */
const char *tn_read_str(tn_reader *r, tn_arena *arena, size_t limit);
void tn_read_align(tn_reader *r, size_t align);

#endif
