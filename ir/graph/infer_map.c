/* SPDX-License-Identifier: Apache-2.0
 * Shapes of element-wise ops and conversions. */
#include "ir/graph/infer.h"

/* "[B,T,H] meets [B,T,N,D]: axis -3 is B against T (a symbol never
 * stretches)" */
static tn_status
fail_meet(tn_infer *x, const tn_type *a, const tn_type *b)
{
    int i = 1;
    tn_size p, q;

    for (;; i++) {
        p = a->dim[a->rank - i];
        q = b->dim[b->rank - i];
        if (!tn_infer_is_one(p) && !tn_infer_is_one(q) && !tn_size_equal(p, q))
            break;
    }
    return tn_infer_fail(x, "", "%s meets %s: axis -%d is %s against %s (a symbol never stretches)",
        tn_infer_shape_text(x, a), tn_infer_shape_text(x, b), i, tn_infer_size_text(x, p),
        tn_infer_size_text(x, q));
}

static tn_status
by_last_axes(tn_infer *x, tn_type *out)
{
    bool first = true;

    for (int i = 0; i < x->info->in_count; i++) {
        const tn_type *type = tn_infer_in(x, i);
        tn_type before = *out;

        if (!type)
            continue;
        if (first)
            *out = *type;
        else if (!tn_type_broadcast(&before, type, out))
            return fail_meet(x, &before, type);
        first = false;
    }
    return TN_OK;
}

tn_status
tn_infer_labels(tn_infer *x, int attr, bool contract, tn_label_map *map)
{
    const char *labels = x->op->attr[attr].has_value ? x->op->attr[attr].text : NULL;
    char why[TN_LABELS_WHY];
    int ranks[3];

    for (int i = 0; i < x->info->in_count; i++)
        ranks[i] = tn_infer_in(x, i)->rank;
    if (tn_labels_parse(labels, x->info->in_count, ranks, contract, map, why))
        return TN_OK;
    if (map->out_rank > TN_MAX_RANK)
        return tn_infer_too_deep(x, map->out_rank);
    return tn_infer_fail_attr(x, attr, "\"%s\": %s", labels, why);
}

/* One size for each label: under a letter nothing stretches. */
tn_status
tn_infer_label_sizes(tn_infer *x, const tn_label_map *map, tn_size sizes[TN_MAX_LABELS])
{
    for (int i = 0; i < TN_MAX_LABELS; i++)
        sizes[i] = NULL;
    for (int o = 0; o < map->operands; o++) {
        const tn_type *type = tn_infer_in(x, o);

        for (int i = 0; i < map->rank[o]; i++) {
            int label = map->axis[o][i];
            tn_size s = type->dim[i];

            if (!sizes[label] || (map->dots[label] && tn_infer_is_one(sizes[label])))
                sizes[label] = s;
            else if (!tn_size_equal(sizes[label], s) && !(map->dots[label] && tn_infer_is_one(s)))
                return tn_infer_fail(x, "",
                    "axis %d of %s, which is %s, has the label of an axis that is %s%s", i,
                    tn_op_in_info(x->op->code, o)->name, tn_infer_type_text(x, type),
                    tn_infer_size_text(x, sizes[label]),
                    map->dots[label] ? "" : " (under a letter nothing stretches)");
        }
    }
    return TN_OK;
}

static tn_status
by_labels(tn_infer *x, int attr, tn_type *out)
{
    tn_label_map map;
    tn_size sizes[TN_MAX_LABELS];

    TN_TRY(tn_infer_labels(x, attr, false, &map));
    TN_TRY(tn_infer_label_sizes(x, &map, sizes));
    out->rank = map.out_rank;
    for (int i = 0; i < map.out_rank; i++)
        out->dim[i] = sizes[map.out[i]];
    return TN_OK;
}

/* The element type of operands that share one; of operands with types of
 * their own (truth values) that of the first. */
static tn_dtype
common_dtype(const tn_infer *x)
{
    for (int i = 0; i < x->info->in_count; i++) {
        if (!(x->info->in[i].classes & TN_CLASS_OWN))
            return tn_infer_in(x, i)->dtype;
    }
    return tn_infer_in(x, 0)->dtype;
}

static tn_status
map_with(tn_infer *x, tn_dtype dtype)
{
    tn_type out = {.rank = 0};
    int labels = tn_op_find_attr(x->op->code, "labels");

    if (labels >= 0 && x->op->attr[labels].has_value)
        TN_TRY(by_labels(x, labels, &out));
    else
        TN_TRY(by_last_axes(x, &out));
    out.dtype = dtype;
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_map(tn_infer *x)
{
    return map_with(x, common_dtype(x));
}

tn_status
tn_infer_test(tn_infer *x)
{
    return map_with(x, TN_BOOL);
}

tn_status
tn_infer_cast(tn_infer *x)
{
    return map_with(x, x->op->attr[TN_ATTR_cast_to].dtype);
}

tn_status
tn_infer_bitcast(tn_infer *x)
{
    tn_dtype from = tn_infer_in(x, 0)->dtype;
    tn_dtype to = x->op->attr[TN_ATTR_bitcast_to].dtype;

    if (to == TN_BOOL || tn_dtype_bytes(from) != tn_dtype_bytes(to))
        return tn_infer_fail_attr(x, TN_ATTR_bitcast_to, "%s has not the width of %s",
            tn_dtype_name(to), tn_dtype_name(from));
    return map_with(x, to);
}

/* Scales: a scalar, a vector along `axis`, or one for each block along it. */
static tn_status
check_scale(tn_infer *x, int in, int axis_attr, int block_attr)
{
    const tn_type *scale = tn_infer_in(x, in);
    tn_type want = {.dtype = scale->dtype};
    int axis;

    if (tn_op_has(x->op, block_attr) && !tn_op_has(x->op, axis_attr))
        return tn_infer_fail_attr(x, block_attr, "a block needs an axis");
    if (tn_op_has(x->op, axis_attr)) {
        TN_TRY(tn_infer_axis(x, axis_attr, tn_infer_in(x, 0)->rank, &axis));
        want.rank = 1;
        want.dim[0] = tn_infer_in(x, 0)->dim[axis];
    }
    if (tn_op_has(x->op, block_attr)) {
        if (tn_op_int(x->op, block_attr) < 1)
            return tn_infer_fail_attr(x, block_attr, "expected a number from 1 on");
        want = *tn_infer_in(x, 0);
        want.dtype = scale->dtype;
        want.dim[axis] = tn_size_ceil_div(x->sizes, want.dim[axis],
            tn_infer_int(x, tn_op_int(x->op, block_attr)));
        if (!want.dim[axis])
            return tn_infer_fail(x, "", "a size overflows 64 bits");
    }
    if (!tn_type_equal(scale, &want))
        return tn_infer_fail(x, "", "%s is %s, it must be %s", tn_op_in_info(x->op->code, in)->name,
            tn_infer_type_text(x, scale), tn_infer_type_text(x, &want));
    return TN_OK;
}

static tn_status
check_own(tn_infer *x, int in, tn_dtype dtype)
{
    const tn_type *type = tn_infer_in(x, in);

    if (type && type->dtype != dtype)
        return tn_infer_fail(x, tn_infer_in_place(x, in), "%s of %s is %s here, found %s",
            tn_op_in_info(x->op->code, in)->name, x->info->name, tn_dtype_name(dtype),
            tn_infer_type_text(x, type));
    return TN_OK;
}

tn_status
tn_infer_quantize(tn_infer *x)
{
    tn_dtype to = x->op->attr[TN_ATTR_quantize_to].dtype;
    tn_type out = *tn_infer_in(x, 0);

    if (!tn_is_int(to))
        return tn_infer_fail_attr(x, TN_ATTR_quantize_to, "expected an integer type, found %s",
            tn_dtype_name(to));
    TN_TRY(check_scale(x, TN_IN_quantize_scale, TN_ATTR_quantize_axis, TN_ATTR_quantize_block));
    if (tn_infer_in(x, TN_IN_quantize_zero)) {
        TN_TRY(check_own(x, TN_IN_quantize_zero, to));
        TN_TRY(check_scale(x, TN_IN_quantize_zero, TN_ATTR_quantize_axis, TN_ATTR_quantize_block));
    }
    out.dtype = to;
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_dequantize(tn_infer *x)
{
    tn_dtype to = x->op->attr[TN_ATTR_dequantize_to].dtype;
    tn_type out = *tn_infer_in(x, 0);

    if (!tn_is_float(to))
        return tn_infer_fail_attr(x, TN_ATTR_dequantize_to, "expected a float type, found %s",
            tn_dtype_name(to));
    TN_TRY(check_own(x, TN_IN_dequantize_scale, to));
    TN_TRY(check_scale(x, TN_IN_dequantize_scale, TN_ATTR_dequantize_axis,
        TN_ATTR_dequantize_block));
    if (tn_infer_in(x, TN_IN_dequantize_zero))
        TN_TRY(check_scale(x, TN_IN_dequantize_zero, TN_ATTR_dequantize_axis,
            TN_ATTR_dequantize_block));
    out.dtype = to;
    tn_infer_give(x, out);
    return TN_OK;
}
