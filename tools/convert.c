/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/convert.h"

#include <string.h>

static int
class_of(tn_dtype t)
{
    return tn_is_float(t) ? 0 : tn_is_int(t) ? 1 : 2;
}

static tn_status
convert_elements(const tn_env *env, const tn_tensor *from, const char *name, tn_tensor *out)
{
    int64_t n = 0, low, high;

    tn_tensor_elements(from, &n);
    tn_dtype_range(out->dtype, &low, &high);
    for (int64_t i = 0; i < n; i++) {
        const char *at = (const char *)from->data + i * tn_dtype_bytes(from->dtype);
        char *to = (char *)out->data + i * tn_dtype_bytes(out->dtype);
        int64_t v;

        if (tn_is_float(out->dtype)) {
            tn_store_double(out->dtype, to, tn_load_double(from->dtype, at));
            continue;
        }
        v = tn_load_int(from->dtype, at);
        if (v < low || v > high || (from->dtype == TN_U64 && v < 0))
            return tn_fail(env->diag, TN_MALFORMED, "input %s: element %lld is %lld, outside %s",
                name, (long long)i, (long long)v, tn_dtype_name(out->dtype));
        tn_store_int(out->dtype, to, v);
    }
    return TN_OK;
}

tn_status
tn_given_convert(const tn_env *env, tn_tensor *from, tn_dtype to, const char *name, tn_tensor *out)
{
    tn_status status = TN_OK;

    *out = (tn_tensor){.dtype = to, .rank = from->rank};
    memcpy(out->dim, from->dim, sizeof out->dim);
    if (class_of(from->dtype) != class_of(to))
        status = tn_fail(env->diag, TN_MALFORMED, "input %s: expected %s, found %s", name,
            tn_dtype_name(to), tn_dtype_name(from->dtype));
    else if (from->dtype == to && from->owned) {
        *out = *from;
        *from = (tn_tensor){0};
        return TN_OK;
    }
    if (status == TN_OK)
        status = tn_tensor_create(env->alloc, env->diag, out);
    if (status == TN_OK)
        status = convert_elements(env, from, name, out);
    if (status != TN_OK)
        tn_tensor_free(env->alloc, out);
    tn_tensor_free(env->alloc, from);
    return status;
}
