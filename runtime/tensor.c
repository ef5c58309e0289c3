/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tensor.h"

#include "ir/base/checked.h"

bool
tn_tensor_elements(const tn_tensor *tensor, int64_t *out)
{
    int64_t n = 1;

    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dim[i] < 0 || !tn_mul_i64(n, tensor->dim[i], &n))
            return false;
    *out = n;
    return true;
}

tn_status
tn_tensor_create(const tn_alloc *alloc, tn_diag *diag, tn_tensor *tensor)
{
    int64_t elements, bytes;

    if (!tn_tensor_elements(tensor, &elements) ||
        !tn_mul_i64(elements, tn_dtype_bytes(tensor->dtype), &bytes))
        return tn_fail(diag, TN_LIMIT, "a tensor of more than 2^63 bytes");
    tensor->bytes = (uint64_t)bytes;
    tensor->data = tn_alloc_zero(alloc, tensor->bytes ? tensor->bytes : 1);
    if (!tensor->data)
        return tn_fail_memory(diag, tensor->bytes, "a tensor");
    tensor->owned = true;
    return TN_OK;
}

void
tn_tensor_free(const tn_alloc *alloc, tn_tensor *tensor)
{
    if (tensor->owned)
        tn_alloc_free(alloc, tensor->data, tensor->bytes ? tensor->bytes : 1);
    *tensor = (tn_tensor){0};
}
