/* SPDX-License-Identifier: Apache-2.0
 * Shapes of reductions, orders, and ops along one axis. */
#include "ir/graph/infer.h"

/* Rows with `axes` and `keepdims` at the same positions. */
tn_status
tn_infer_reduce(tn_infer *x)
{
    enum { AXES = TN_ATTR_reduce_sum_axes, KEEPDIMS = TN_ATTR_reduce_sum_keepdims };
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out = {.dtype = type->dtype};
    bool mask[TN_MAX_RANK];

    _Static_assert((int)TN_ATTR_reduce_var_axes == (int)AXES &&
            (int)TN_ATTR_reduce_std_keepdims == (int)KEEPDIMS &&
            (int)TN_ATTR_reduce_logsumexp_keepdims == (int)KEEPDIMS,
        "reductions share their first attributes");
    TN_TRY(tn_infer_axes(x, AXES, type->rank, true, mask));
    for (int i = 0; i < type->rank; i++) {
        if (!mask[i])
            out.dim[out.rank++] = type->dim[i];
        else if (tn_op_int(x->op, KEEPDIMS))
            out.dim[out.rank++] = tn_infer_int(x, 1);
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* Positions are i32 or i64; the axis fits. */
static tn_status
check_positions(tn_infer *x, int attr, tn_size axis)
{
    tn_dtype dtype = x->op->attr[attr].dtype;
    int64_t size;

    if (dtype != TN_I32 && dtype != TN_I64)
        return tn_infer_fail_attr(x, attr, "expected i32 or i64, found %s", tn_dtype_name(dtype));
    if (dtype == TN_I32 && tn_size_is_int(axis, &size) && size > INT32_MAX)
        return x->check_only ? TN_LIMIT
                             : tn_fail(x->diag, TN_LIMIT,
                                   "%s.attrs.%s: %lld positions do not fit "
                                   "i32; write i64",
                                   x->op->path, x->info->attr[attr].name, (long long)size);
    return TN_OK;
}

tn_status
tn_infer_arg(tn_infer *x)
{
    enum {
        AXIS = TN_ATTR_arg_max_axis,
        KEEPDIMS = TN_ATTR_arg_max_keepdims,
        DTYPE = TN_ATTR_arg_max_dtype
    };
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out;
    int axis;

    TN_TRY(tn_infer_axis(x, AXIS, type->rank, &axis));
    TN_TRY(check_positions(x, DTYPE, type->dim[axis]));
    TN_TRY(tn_infer_need(x, ".attrs.axis", TN_FACT_LE, tn_infer_int(x, 1), type->dim[axis],
        "axis %d of %s is empty", axis, tn_infer_name(x, 0)));
    out = tn_infer_without(type, axis);
    if (tn_op_int(x->op, KEEPDIMS))
        tn_infer_insert(&out, axis, tn_infer_int(x, 1));
    out.dtype = x->op->attr[DTYPE].dtype;
    tn_infer_give(x, out);
    return TN_OK;
}

/* Rows whose first attribute is `axis` and whose result is shaped as x. */
tn_status
tn_infer_along(tn_infer *x)
{
    int axis;

    TN_TRY(tn_infer_axis(x, 0, tn_infer_in(x, 0)->rank, &axis));
    tn_infer_give(x, *tn_infer_in(x, 0));
    return TN_OK;
}

tn_status
tn_infer_top_k(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    tn_size k = x->op->attr[TN_ATTR_top_k_k].sizes[0];
    tn_type out = *type;
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_top_k_axis, type->rank, &axis));
    TN_TRY(check_positions(x, TN_ATTR_top_k_dtype, type->dim[axis]));
    TN_TRY(tn_infer_need(x, ".attrs.k", TN_FACT_LE, tn_infer_int(x, 0), k, "%s is below 0",
        tn_infer_size_text(x, k)));
    TN_TRY(tn_infer_need(x, ".attrs.k", TN_FACT_LE, k, type->dim[axis],
        "%s exceeds axis %d of %s, which is %s", tn_infer_size_text(x, k), axis,
        tn_infer_name(x, 0), tn_infer_size_text(x, type->dim[axis])));
    out.dim[axis] = k;
    tn_infer_give(x, out);
    out.dtype = x->op->attr[TN_ATTR_top_k_dtype].dtype;
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_sort(tn_infer *x)
{
    tn_type out = *tn_infer_in(x, 0);
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_sort_axis, out.rank, &axis));
    TN_TRY(check_positions(x, TN_ATTR_sort_dtype, out.dim[axis]));
    tn_infer_give(x, out);
    out.dtype = x->op->attr[TN_ATTR_sort_dtype].dtype;
    tn_infer_give(x, out);
    return TN_OK;
}
