/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TENSOR_H
#define TN_RUNTIME_TENSOR_H

#include "ir/base/diag.h"
#include "ir/type.h"

/* A host tensor: row-major elements of `dtype`, as they lie in an .npy file
 * (bool: one byte, 0 or 1; f16, bf16: 16 bits). */
typedef struct tn_tensor {
    tn_dtype dtype;
    int rank;
    int64_t dim[TN_MAX_RANK];
    void *data;
    uint64_t bytes;
    bool owned; /* `data` came from tn_tensor_create */
} tn_tensor;

/* Zeroed memory for the shape in out->dtype, rank, dim. TN_LIMIT when the
 * size overflows, TN_NO_MEMORY. */
tn_status tn_tensor_create(const tn_alloc *alloc, tn_diag *diag, tn_tensor *tensor) TN_MUST_USE;
void tn_tensor_free(const tn_alloc *alloc, tn_tensor *tensor);
/* Product of the dimensions; false when it overflows or one is below 0. */
bool tn_tensor_elements(const tn_tensor *tensor, int64_t *out);

#endif
