/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KBYTES_H
#define TN_IR_KERNEL_KBYTES_H

#include "ir/kernel/kernel.h"

/* The byte form, in order; str is u32 length and bytes:
 *
 *   u32 magic; three tables of names (rows, functions, element types): u16
 *   count, str..; str name; u8 index type; u8 exact; u32 lanes; u32 team;
 *   u32 count and sizes {str, i64 low, i64 high}; buffers {str, u8 type,
 *   u8 1 read + 2 written}; locals {str, u8 type}; cells {str, u8 type,
 *   u16 lanes, u8 rank, u8 per_lane, u16 dim[3]}; sites {str}; names of loops
 *   {str}; u32 count of records; records.
 *
 * Types, rows and functions are positions in their table. A record, 44 bytes:
 *   u8 kind: 0 ends a body, 1 starts the other side of an if, 2 + row
 *   u8 function, u8 type, u8 lanes, u8 count of operands, u8 loop kind, u16 0
 *   u32 operands[5]: numbers of instructions, in order of their records
 *   i64 value: const, and `other` of load and gather: the number or the bits
 *       of a double; else `whole`
 *   u32 cell, buffer or (after the buffers) local; all ones: none
 *   u32 loop name + 1; 0: none */
enum {
    TN_KBYTES_MAGIC = 0x314b4e54, /* "TNK1" */
    TN_KBYTES_RECORD = 44,
    TN_KBYTES_END = 0,
    TN_KBYTES_ELSE = 1,
    TN_KBYTES_ROW = 2,
};
static const uint32_t tn_kbytes_none = UINT32_MAX;

/* Whether the value field holds `other`. */
static inline bool
tn_kbytes_other(tn_kop op)
{
    return op == TN_K_load || op == TN_K_gather;
}

/* Whether the value field holds the bits of a double. */
static inline bool
tn_kbytes_real(tn_kop op, tn_dtype dtype)
{
    return (op == TN_K_const || tn_kbytes_other(op)) && tn_is_float(dtype);
}

#endif
