/* SPDX-License-Identifier: Apache-2.0
 * Shapes of reading and writing by index. */
#include "ir/graph/infer.h"

/* Leading axes that x and indices share. */
static tn_status
check_batch(tn_infer *x, int attr, int limit, int *out)
{
    const tn_type *type = tn_infer_in(x, 0);
    const tn_type *indices = tn_infer_in(x, 1);
    int64_t batch = tn_op_int(x->op, attr);

    if (batch < 0 || batch > limit || batch > indices->rank)
        return tn_infer_fail_attr(x, attr, "%lld is not possible for %s and indices %s",
            (long long)batch, tn_infer_type_text(x, type), tn_infer_type_text(x, indices));
    for (int i = 0; i < batch; i++) {
        if (!tn_size_equal(type->dim[i], indices->dim[i]))
            return tn_infer_fail(x, "", "x is %s, indices are %s; the first %d axes must agree",
                tn_infer_type_text(x, type), tn_infer_type_text(x, indices), (int)batch);
    }
    *out = (int)batch;
    return TN_OK;
}

/* Appends dimensions from..rank-1 of `part`; too many end in the caller. */
static int
append(tn_type *out, int rank, const tn_type *part, int from, int to)
{
    for (int i = from; i < to; i++, rank++) {
        if (rank < TN_MAX_RANK)
            out->dim[rank] = part->dim[i];
    }
    return rank;
}

static tn_status
give_rank(tn_infer *x, tn_type *out, int rank)
{
    if (rank > TN_MAX_RANK)
        return tn_infer_too_deep(x, rank);
    out->rank = rank;
    tn_infer_give(x, *out);
    return TN_OK;
}

tn_status
tn_infer_gather(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_gather_x);
    const tn_type *indices = tn_infer_in(x, TN_IN_gather_indices);
    tn_type out = {.dtype = type->dtype};
    int axis, batch, rank;

    TN_TRY(tn_infer_axis(x, TN_ATTR_gather_axis, type->rank, &axis));
    TN_TRY(check_batch(x, TN_ATTR_gather_batch_dims, axis, &batch));
    rank = append(&out, 0, type, 0, axis);
    rank = append(&out, rank, indices, batch, indices->rank);
    rank = append(&out, rank, type, axis + 1, type->rank);
    return give_rank(x, &out, rank);
}

/* The last axis of indices, which is known and names that many axes of x. */
static tn_status
index_depth(tn_infer *x, int batch, int *out)
{
    const tn_type *type = tn_infer_in(x, 0);
    const tn_type *indices = tn_infer_in(x, 1);
    int64_t n;

    if (indices->rank <= batch || !tn_size_is_int(indices->dim[indices->rank - 1], &n))
        return tn_infer_fail(x, ".in.indices",
            "the last axis of indices must be a number, found %s", tn_infer_type_text(x, indices));
    if (n > type->rank - batch)
        return tn_infer_fail(x, "", "x is %s, indices are %s; they name %lld axes",
            tn_infer_type_text(x, type), tn_infer_type_text(x, indices), (long long)n);
    *out = (int)n;
    return TN_OK;
}

tn_status
tn_infer_gather_nd(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_gather_nd_x);
    const tn_type *indices = tn_infer_in(x, TN_IN_gather_nd_indices);
    tn_type out = {.dtype = type->dtype};
    int batch, n, rank;

    TN_TRY(check_batch(x, TN_ATTR_gather_nd_batch_dims, type->rank, &batch));
    TN_TRY(index_depth(x, batch, &n));
    rank = append(&out, 0, indices, 0, indices->rank - 1);
    rank = append(&out, rank, type, batch + n, type->rank);
    return give_rank(x, &out, rank);
}

tn_status
tn_infer_scatter_nd(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_scatter_nd_x);
    const tn_type *indices = tn_infer_in(x, TN_IN_scatter_nd_indices);
    const tn_type *y = tn_infer_in(x, TN_IN_scatter_nd_y);
    tn_type want = {.dtype = type->dtype};
    int n, rank;

    if (!tn_infer_is(x, TN_ATTR_scatter_nd_reduce, "none") && type->dtype == TN_BOOL)
        return tn_infer_fail_attr(x, TN_ATTR_scatter_nd_reduce, "%s takes numbers, found %s",
            tn_op_text(x->op, TN_ATTR_scatter_nd_reduce), tn_infer_type_text(x, type));
    TN_TRY(index_depth(x, 0, &n));
    rank = append(&want, 0, indices, 0, indices->rank - 1);
    rank = append(&want, rank, type, n, type->rank);
    if (rank > TN_MAX_RANK)
        return tn_infer_too_deep(x, rank);
    want.rank = rank;
    if (!tn_type_equal(&want, y))
        return tn_infer_fail(x, "", "y is %s, it must be %s (indices[:-1] + x[%d:])",
            tn_infer_type_text(x, y), tn_infer_type_text(x, &want), n);
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_nonzero(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    const tn_attr *limit = &x->op->attr[TN_ATTR_nonzero_limit];
    tn_type out = {.dtype = TN_I32, .rank = 2};

    out.dim[0] = limit->has_value ? limit->sizes[0] : tn_infer_elements(x, type);
    out.dim[1] = tn_infer_int(x, type->rank);
    if (!out.dim[0])
        return tn_infer_fail(x, "", "a size overflows 64 bits");
    tn_infer_give(x, out);
    tn_infer_give(x, (tn_type){.dtype = TN_I32});
    return TN_OK;
}
