/* SPDX-License-Identifier: Apache-2.0
 * Shapes of ops that move elements. */
#include <string.h>

#include "ir/graph/infer.h"

static tn_type
type_to(const tn_infer *x, int attr)
{
    const tn_attr *a = &x->op->attr[attr];
    tn_type out = {.dtype = tn_infer_in(x, 0)->dtype, .rank = a->count};

    for (int i = 0; i < a->count; i++)
        out.dim[i] = a->sizes[i];
    return out;
}

tn_status
tn_infer_reshape(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out = type_to(x, TN_ATTR_reshape_to);
    tn_size before = tn_infer_elements(x, type);
    tn_size after = tn_infer_elements(x, &out);

    if (before && after && !tn_size_equal(before, after))
        return tn_infer_fail_attr(x, TN_ATTR_reshape_to,
            "%s has %s elements, %s has %s; they are not provably equal",
            tn_infer_type_text(x, type), tn_infer_size_text(x, before),
            tn_infer_shape_text(x, &out), tn_infer_size_text(x, after));
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_broadcast(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out = type_to(x, TN_ATTR_broadcast_to);
    bool fits = type->rank <= out.rank;

    for (int i = 1; fits && i <= type->rank; i++) {
        tn_size from = type->dim[type->rank - i];

        fits = tn_infer_is_one(from) || tn_size_equal(from, out.dim[out.rank - i]);
    }
    if (!fits)
        return tn_infer_fail_attr(x, TN_ATTR_broadcast_to,
            "%s does not stretch to %s (an axis stretches only if absent or a written 1)",
            tn_infer_type_text(x, type), tn_infer_shape_text(x, &out));
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_transpose(tn_infer *x)
{
    const tn_attr *perm = &x->op->attr[TN_ATTR_transpose_perm];
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out = *type;

    if (perm->count != type->rank)
        return tn_infer_fail_attr(x, TN_ATTR_transpose_perm, "%d axes for %s", perm->count,
            tn_infer_type_text(x, type));
    TN_TRY(tn_infer_axes(x, TN_ATTR_transpose_perm, type->rank, false, NULL));
    for (int i = 0; i < type->rank; i++)
        out.dim[i] = type->dim[perm->ints[i]];
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_unsqueeze(tn_infer *x)
{
    const tn_attr *axes = &x->op->attr[TN_ATTR_unsqueeze_axes];
    tn_type out = *tn_infer_in(x, 0);
    int rank = out.rank + axes->count;

    if (rank > TN_MAX_RANK)
        return tn_infer_too_deep(x, rank);
    TN_TRY(tn_infer_axes(x, TN_ATTR_unsqueeze_axes, rank, true, NULL));
    for (int i = 0; i < axes->count; i++)
        tn_infer_insert(&out, (int)axes->ints[i], tn_infer_int(x, 1));
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_squeeze(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    tn_type out = {.dtype = type->dtype};
    bool mask[TN_MAX_RANK];

    TN_TRY(tn_infer_axes(x, TN_ATTR_squeeze_axes, type->rank, true, mask));
    for (int i = 0; i < type->rank; i++) {
        if (!mask[i])
            out.dim[out.rank++] = type->dim[i];
        else if (!tn_infer_is_one(type->dim[i]))
            return tn_infer_fail_attr(x, TN_ATTR_squeeze_axes,
                "axis %d of %s is %s, not a written 1", i, tn_infer_name(x, 0),
                tn_infer_size_text(x, type->dim[i]));
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* The part from `start` on with `span` elements lies within the axis. A
 * start that is a value is looked at when the op runs. */
static tn_status
check_part(tn_infer *x, int place, int span_attr, int axis, tn_size span)
{
    tn_size size = tn_infer_in(x, 0)->dim[axis];
    tn_size start = tn_infer_place(x, place);
    tn_size end = start ? tn_infer_add(x, start, span) : span;
    const char *what = tn_infer_attr_place(x, place);

    if (!end)
        return TN_OK;
    if (start)
        TN_TRY(tn_infer_need(x, what, TN_FACT_LE, tn_infer_int(x, 0), start, "%s is below 0",
            tn_infer_size_text(x, start)));
    if (tn_size_proves_le(x->sizes, end, size))
        return TN_OK;
    return tn_infer_need(x, tn_infer_attr_place(x, span_attr), TN_FACT_LE, end, size,
        "%s exceeds axis %d of %s, which is %s", tn_infer_size_text(x, end), axis,
        tn_infer_name(x, 0), tn_infer_size_text(x, size));
}

tn_status
tn_infer_slice(tn_infer *x)
{
    const tn_attr *a = x->op->attr;
    tn_type out = *tn_infer_in(x, 0);
    int64_t step = tn_op_int(x->op, TN_ATTR_slice_step);
    tn_size size = a[TN_ATTR_slice_size].sizes[0];
    tn_size span;
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_slice_axis, out.rank, &axis));
    if (step < 1)
        return tn_infer_fail_attr(x, TN_ATTR_slice_step, "expected a number from 1 on, found %lld",
            (long long)step);
    tn_infer_from_end(x, TN_ATTR_slice_start, out.dim[axis]);
    TN_TRY(tn_infer_need(x, ".attrs.size", TN_FACT_LE, tn_infer_int(x, 0), size, "%s is below 0",
        tn_infer_size_text(x, size)));
    /* (size - 1) * step + 1 */
    span = tn_infer_mul(x, size, tn_infer_int(x, step));
    span = tn_infer_add(x, span, tn_infer_int(x, 1 - step));
    TN_TRY(check_part(x, TN_ATTR_slice_start, TN_ATTR_slice_size, axis, span));
    out.dim[axis] = size;
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_index(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_index_axis, type->rank, &axis));
    tn_infer_from_end(x, TN_ATTR_index_at, type->dim[axis]);
    TN_TRY(check_part(x, TN_ATTR_index_at, TN_ATTR_index_at, axis, tn_infer_int(x, 1)));
    tn_infer_give(x, tn_infer_without(type, axis));
    return TN_OK;
}

tn_status
tn_infer_split(tn_infer *x)
{
    const tn_attr *sizes = &x->op->attr[TN_ATTR_split_sizes];
    tn_type out = *tn_infer_in(x, 0);
    tn_size sum = tn_infer_int(x, 0);
    tn_size whole;
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_split_axis, out.rank, &axis));
    whole = out.dim[axis];
    for (int i = 0; i < sizes->count; i++) {
        sum = tn_infer_add(x, sum, sizes->sizes[i]);
        out.dim[axis] = sizes->sizes[i];
        tn_infer_give(x, out);
    }
    if (sum && !tn_size_equal(sum, whole))
        return tn_infer_fail_attr(x, TN_ATTR_split_sizes,
            "the sizes add up to %s, axis %d of %s is %s", tn_infer_size_text(x, sum), axis,
            tn_infer_name(x, 0), tn_infer_size_text(x, whole));
    return TN_OK;
}

tn_status
tn_infer_reverse(tn_infer *x)
{
    TN_TRY(tn_infer_axes(x, TN_ATTR_reverse_axes, tn_infer_in(x, 0)->rank, true, NULL));
    tn_infer_give(x, *tn_infer_in(x, 0));
    return TN_OK;
}

/* Ranks agree, and all dimensions but that of `axis` (-1: all). */
static bool
agree_but(const tn_type *a, const tn_type *b, int axis)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (i != axis && !tn_size_equal(a->dim[i], b->dim[i]))
            return false;
    }
    return true;
}

tn_status
tn_infer_concat(tn_infer *x)
{
    tn_type out = *tn_infer_in(x, 0);
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_concat_axis, out.rank, &axis));
    for (int i = 1; i < x->op->in_count; i++) {
        const tn_type *type = tn_infer_in(x, i);

        if (!agree_but(tn_infer_in(x, 0), type, axis))
            return tn_infer_fail(x, "", "%s and %s; all axes but %d must be equal",
                tn_infer_type_text(x, tn_infer_in(x, 0)), tn_infer_type_text(x, type), axis);
        out.dim[axis] = tn_infer_add(x, out.dim[axis], type->dim[axis]);
    }
    if (!out.dim[axis])
        return tn_infer_fail(x, "", "a size overflows 64 bits");
    tn_infer_give(x, out);
    return TN_OK;
}

static tn_status
check_width(tn_infer *x, int attr, int axis, tn_size size)
{
    tn_size width = x->op->attr[attr].sizes[0];
    const char *place = tn_infer_attr_place(x, attr);

    TN_TRY(tn_infer_need(x, place, TN_FACT_LE, tn_infer_int(x, 0), width, "%s is below 0",
        tn_infer_size_text(x, width)));
    if (tn_infer_is(x, TN_ATTR_pad_mode, "reflect"))
        return tn_infer_need(x, place, TN_FACT_LT, width, size,
            "%s is not below axis %d of %s, which is %s", tn_infer_size_text(x, width), axis,
            tn_infer_name(x, 0), tn_infer_size_text(x, size));
    return TN_OK;
}

tn_status
tn_infer_pad(tn_infer *x)
{
    const tn_attr *a = x->op->attr;
    tn_type out = *tn_infer_in(x, 0);
    const char *why;
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_pad_axis, out.rank, &axis));
    TN_TRY(check_width(x, TN_ATTR_pad_before, axis, out.dim[axis]));
    TN_TRY(check_width(x, TN_ATTR_pad_after, axis, out.dim[axis]));
    if (tn_infer_is(x, TN_ATTR_pad_mode, "edge"))
        TN_TRY(tn_infer_need(x, ".attrs.mode", TN_FACT_LE, tn_infer_int(x, 1), out.dim[axis],
            "edge of axis %d of %s, which is empty", axis, tn_infer_name(x, 0)));
    if (a[TN_ATTR_pad_value].given &&
        !tn_number_fits(&a[TN_ATTR_pad_value].numbers[0], out.dtype, &why))
        return tn_infer_fail_attr(x, TN_ATTR_pad_value, "stands beside %s and %s",
            tn_dtype_name(out.dtype), why);
    out.dim[axis] = tn_infer_add(x, out.dim[axis], a[TN_ATTR_pad_before].sizes[0]);
    out.dim[axis] = tn_infer_add(x, out.dim[axis], a[TN_ATTR_pad_after].sizes[0]);
    if (!out.dim[axis])
        return tn_infer_fail(x, "", "a size overflows 64 bits");
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_tile(tn_infer *x)
{
    const tn_attr *repeats = &x->op->attr[TN_ATTR_tile_repeats];
    tn_type out = *tn_infer_in(x, 0);

    if (repeats->count != out.rank)
        return tn_infer_fail_attr(x, TN_ATTR_tile_repeats, "%d numbers for %s", repeats->count,
            tn_infer_type_text(x, &out));
    for (int i = 0; i < out.rank; i++) {
        TN_TRY(tn_infer_need(x, ".attrs.repeats", TN_FACT_LE, tn_infer_int(x, 0), repeats->sizes[i],
            "%s is below 0", tn_infer_size_text(x, repeats->sizes[i])));
        out.dim[i] = tn_infer_mul(x, out.dim[i], repeats->sizes[i]);
        if (!out.dim[i])
            return tn_infer_fail(x, "", "a size overflows 64 bits");
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* `y` fits into x from `at` on; one offset, or one for each row of axis 0. */
tn_status
tn_infer_update(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_update_x);
    const tn_type *y = tn_infer_in(x, TN_IN_update_y);
    const tn_attr *at = &x->op->attr[TN_ATTR_update_at];
    int axis;

    TN_TRY(tn_infer_axis(x, TN_ATTR_update_axis, type->rank, &axis));
    if (!agree_but(type, y, axis))
        return tn_infer_fail(x, "", "x is %s, y is %s; all axes but %d must be equal",
            tn_infer_type_text(x, type), tn_infer_type_text(x, y), axis);
    if (at->operand >= 0) {
        const tn_type *rows = tn_infer_in(x, at->operand);

        if (rows->rank > 1 || (rows->rank == 1 && axis == 0))
            return tn_infer_fail_attr(x, TN_ATTR_update_at,
                "expected a scalar or, if axis is not 0, one offset for each row of axis 0; "
                "found %s",
                tn_infer_type_text(x, rows));
        if (rows->rank)
            TN_TRY(tn_infer_same(x, ".attrs.at", rows->dim[0], type->dim[0],
                "one offset for each row of axis 0"));
    }
    tn_infer_from_end(x, TN_ATTR_update_at, type->dim[axis]);
    TN_TRY(check_part(x, TN_ATTR_update_at, TN_ATTR_update_at, axis, y->dim[axis]));
    tn_infer_give(x, *type);
    return TN_OK;
}

static tn_status
check_elements(tn_infer *x, int axis_attr)
{
    const tn_type *type = tn_infer_in(x, 0);
    const tn_type *indices = tn_infer_in(x, 1);
    int axis;

    TN_TRY(tn_infer_axis(x, axis_attr, type->rank, &axis));
    if (!agree_but(type, indices, axis))
        return tn_infer_fail(x, "",
            "x is %s, indices are %s; ranks and all axes but %d must be "
            "equal",
            tn_infer_type_text(x, type), tn_infer_type_text(x, indices), axis);
    return TN_OK;
}

tn_status
tn_infer_gather_elements(tn_infer *x)
{
    tn_type out = *tn_infer_in(x, TN_IN_gather_elements_indices);

    TN_TRY(check_elements(x, TN_ATTR_gather_elements_axis));
    out.dtype = tn_infer_in(x, 0)->dtype;
    tn_infer_give(x, out);
    return TN_OK;
}

static tn_status
check_reducing(tn_infer *x, int attr)
{
    if (!tn_infer_is(x, attr, "none") && tn_infer_in(x, 0)->dtype == TN_BOOL)
        return tn_infer_fail_attr(x, attr, "%s takes numbers, found %s", x->op->attr[attr].text,
            tn_infer_type_text(x, tn_infer_in(x, 0)));
    return TN_OK;
}

tn_status
tn_infer_scatter_elements(tn_infer *x)
{
    const tn_type *indices = tn_infer_in(x, TN_IN_scatter_elements_indices);
    const tn_type *y = tn_infer_in(x, TN_IN_scatter_elements_y);

    TN_TRY(check_elements(x, TN_ATTR_scatter_elements_axis));
    TN_TRY(check_reducing(x, TN_ATTR_scatter_elements_reduce));
    if (!agree_but(indices, y, -1))
        return tn_infer_fail(x, "", "y is %s, indices are %s; their shapes must be equal",
            tn_infer_type_text(x, y), tn_infer_type_text(x, indices));
    tn_infer_give(x, *tn_infer_in(x, 0));
    return TN_OK;
}
