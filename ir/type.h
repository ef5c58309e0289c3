/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_TYPE_H
#define TN_IR_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/size.h"

/* Element types. A graph has F64 to BOOL of the first column of the table in
 * `graph-semantics`: f64 f32 f16 bf16 i64 i32 i8 u8 u32 bool; kernels also
 * have i16 u16 u64. Order is fixed: it is part of byte forms. */
/* clang-format off */
typedef enum tn_dtype {
    TN_F64, TN_F32, TN_F16, TN_BF16,
    TN_I64, TN_I32, TN_I16, TN_I8,
    TN_U64, TN_U32, TN_U16, TN_U8,
    TN_BOOL,
    TN_DTYPE_COUNT
} tn_dtype;
/* clang-format on */

/* Classes of element types, as bit sets over 1u << dtype. */
enum {
    TN_CLASS_FLOAT = 0x000f,  /* F */
    TN_CLASS_INT = 0x0ff0,    /* I */
    TN_CLASS_SIGNED = 0x00f0,
    TN_CLASS_NUMBER = 0x0fff, /* N */
    TN_CLASS_BOOL = 0x1000,   /* B */
    TN_CLASS_ANY = 0x1fff,    /* A */
    TN_CLASS_INDEX = (1 << TN_I32) | (1 << TN_I64) | (1 << TN_U32), /* X */
};

static inline bool
tn_is_float(tn_dtype t)
{
    return t <= TN_BF16;
}

static inline bool
tn_is_int(tn_dtype t)
{
    return t >= TN_I64 && t <= TN_U8;
}

static inline bool
tn_is_signed(tn_dtype t)
{
    return t >= TN_I64 && t <= TN_I8;
}

/* Bytes of one element in memory; bool is one byte, 0 or 1. */
int tn_dtype_bytes(tn_dtype t);
/* "f32", .., "bool". */
const char *tn_dtype_name(tn_dtype t);
/* The type of that name among all, or TN_DTYPE_COUNT. */
tn_dtype tn_dtype_find(const char *name, size_t length);
/* True for the element types a graph may have. */
bool tn_dtype_in_graph(tn_dtype t);
/* Smallest and greatest value of an integer type (u64: as far as i64 goes). */
void tn_dtype_range(tn_dtype t, int64_t *low, int64_t *high);

/* Conversions between stored halves and f32, round to nearest even; NaN
 * stays NaN, overflow is an infinity. */
float tn_half_to_float(uint16_t half);
uint16_t tn_float_to_half(float value);
float tn_bf16_to_float(uint16_t half);
uint16_t tn_float_to_bf16(float value);
/* A double rounded once to the float type `t` (no double rounding). */
double tn_round_to(tn_dtype t, double value);
/* Reads and writes one element of a float type in memory as double (write
 * rounds), of an integer type or bool as int64 (write wraps). */
double tn_load_double(tn_dtype t, const void *at);
void tn_store_double(tn_dtype t, void *at, double value);
int64_t tn_load_int(tn_dtype t, const void *at);
void tn_store_int(tn_dtype t, void *at, int64_t value);

enum { TN_MAX_RANK = 8 };

/* Element type and shape of a value. Dimensions are size expressions. */
typedef struct tn_type {
    tn_dtype dtype;
    int rank;
    tn_size dim[TN_MAX_RANK];
} tn_type;

#endif
