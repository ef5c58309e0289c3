/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_NPY_H
#define TN_IR_NPY_H

#include "ir/base/bytes.h"
#include "ir/base/diag.h"
#include "ir/type.h"

/* NumPy's .npy files, versions 1.0 to 3.0. */
typedef struct tn_npy {
    tn_dtype dtype; /* f64 f32 f16 i64 i32 i16 i8 u64 u32 u16 u8 bool */
    bool fortran;   /* elements lie in column-major order */
    int rank;
    int64_t dim[TN_MAX_RANK];
    int64_t elements;
    tn_span data; /* borrowed; exactly the elements, little-endian */
} tn_npy;

/* TN_MALFORMED names `place` (the file), what was found and what is allowed;
 * nothing is copied. */
tn_status tn_npy_read(tn_diag *diag, const char *place, tn_span file, tn_npy *out) TN_MUST_USE;
/* Copies the elements to row-major order; `to` has elements * bytes. */
void tn_npy_copy(const tn_npy *npy, void *to);
/* A version 1.0 file. bf16 is not a NumPy type: give it as f32. Call inside a
 * guard of out->arena. */
void tn_npy_write(tn_writer *out, tn_dtype dtype, int rank, const int64_t *dim, const void *data);

#endif
