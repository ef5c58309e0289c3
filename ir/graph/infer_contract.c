/* SPDX-License-Identifier: Apache-2.0
 * Shapes of contractions, convolutions, pools. */
#include "ir/graph/infer.h"

static tn_status
check_q8(tn_infer *x, int attr, int summed)
{
    if (tn_infer_is(x, attr, "none"))
        return TN_OK;
    if (!tn_is_float(tn_infer_in(x, 0)->dtype))
        return tn_infer_fail_attr(x, attr, "q8 rounds floats, found %s",
            tn_infer_type_text(x, tn_infer_in(x, 0)));
    if (summed != 1)
        return tn_infer_fail_attr(x, attr, "q8 needs exactly one summed label, found %d", summed);
    return TN_OK;
}

tn_status
tn_infer_contract(tn_infer *x)
{
    tn_label_map map;
    tn_size sizes[TN_MAX_LABELS];
    tn_type out = {.rank = 0};

    TN_TRY(tn_infer_labels(x, TN_ATTR_contract_labels, true, &map));
    TN_TRY(tn_infer_label_sizes(x, &map, sizes));
    TN_TRY(tn_infer_product(x, TN_ATTR_contract_dtype, tn_infer_in(x, 0)->dtype));
    TN_TRY(check_q8(x, TN_ATTR_contract_activation, map.label_count - map.out_rank));
    out.dtype = x->op->attr[TN_ATTR_contract_dtype].dtype;
    out.rank = map.out_rank;
    for (int i = 0; i < map.out_rank; i++)
        out.dim[i] = sizes[map.out[i]];
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_linear(tn_infer *x)
{
    const tn_type *a = tn_infer_in(x, TN_IN_linear_x);
    const tn_type *w = tn_infer_in(x, TN_IN_linear_w);
    const tn_type *bias = tn_infer_in(x, TN_IN_linear_bias);
    tn_type out = *a;

    if (a->rank < 1)
        return tn_infer_fail(x, ".in.x", "x of linear is [..,in], found %s",
            tn_infer_type_text(x, a));
    TN_TRY(tn_infer_rank(x, TN_IN_linear_w, 2, "[out,in]"));
    if (!tn_size_equal(a->dim[a->rank - 1], w->dim[1]))
        return tn_infer_fail(x, "", "x is %s, w is %s; the last axes must agree (w is [out,in])",
            tn_infer_type_text(x, a), tn_infer_type_text(x, w));
    TN_TRY(tn_infer_product(x, TN_ATTR_linear_dtype, a->dtype));
    TN_TRY(check_q8(x, TN_ATTR_linear_activation, 1));
    out.dtype = x->op->attr[TN_ATTR_linear_dtype].dtype;
    out.dim[out.rank - 1] = w->dim[0];
    if (bias && bias->dtype != out.dtype)
        return tn_infer_fail(x, ".in.bias", "bias has the type of the product, %s, found %s",
            tn_dtype_name(out.dtype), tn_infer_type_text(x, bias));
    TN_TRY(tn_infer_vector(x, TN_IN_linear_bias, w->dim[0]));
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_grouped_linear(tn_infer *x)
{
    const tn_type *a = tn_infer_in(x, TN_IN_grouped_linear_x);
    const tn_type *w = tn_infer_in(x, TN_IN_grouped_linear_w);
    tn_type out = *a;

    TN_TRY(tn_infer_rank(x, TN_IN_grouped_linear_x, 2, "[A,K]"));
    TN_TRY(tn_infer_rank(x, TN_IN_grouped_linear_w, 3, "[X,N,K]"));
    if (!tn_size_equal(a->dim[1], w->dim[2]))
        return tn_infer_fail(x, "", "x is %s, w is %s; the last axes must agree (w is [X,N,K])",
            tn_infer_type_text(x, a), tn_infer_type_text(x, w));
    TN_TRY(tn_infer_vector(x, TN_IN_grouped_linear_counts, w->dim[0]));
    TN_TRY(tn_infer_product(x, TN_ATTR_grouped_linear_dtype, a->dtype));
    TN_TRY(check_q8(x, TN_ATTR_grouped_linear_activation, 1));
    out.dtype = x->op->attr[TN_ATTR_grouped_linear_dtype].dtype;
    out.dim[1] = w->dim[1];
    tn_infer_give(x, out);
    return TN_OK;
}

/* ---- windows ---- */

static tn_status
check_image(tn_infer *x, int *spatial)
{
    const tn_type *type = tn_infer_in(x, 0);

    if (type->rank != 3 && type->rank != 4)
        return tn_infer_fail(x, ".in.x", "%s takes [B,C,W] or [B,C,H,W], found %s", x->info->name,
            tn_infer_type_text(x, type));
    *spatial = type->rank - 2;
    return TN_OK;
}

/* All of w, and the channels of x, are numbers. */
static tn_status
known_weights(tn_infer *x, int64_t w[4], int64_t *channels)
{
    const tn_type *a = tn_infer_in(x, 0);
    const tn_type *k = tn_infer_in(x, 1);

    if (k->rank != a->rank)
        return tn_infer_fail(x, "", "x is %s, w is %s; their ranks must agree",
            tn_infer_type_text(x, a), tn_infer_type_text(x, k));
    if (!tn_size_is_int(a->dim[1], channels))
        return tn_infer_fail(x, ".in.x", "the channels of %s must be a number, found %s",
            x->info->name, tn_infer_size_text(x, a->dim[1]));
    for (int i = 0; i < k->rank; i++) {
        if (!tn_size_is_int(k->dim[i], &w[i]))
            return tn_infer_fail(x, ".in.w", "the shape of w must be numbers, found %s",
                tn_infer_type_text(x, k));
        if (i >= 2 && w[i] < 1)
            return tn_infer_fail(x, ".in.w", "an empty kernel, %s", tn_infer_type_text(x, k));
    }
    return TN_OK;
}

static tn_status
check_groups(tn_infer *x, int attr, int64_t channels, int64_t outputs)
{
    int64_t groups = tn_op_int(x->op, attr);

    if (groups < 1 || channels % groups || outputs % groups)
        return tn_infer_fail_attr(x, attr, "%lld does not divide the channels %lld and %lld",
            (long long)groups, (long long)channels, (long long)outputs);
    return TN_OK;
}

/* floor((n + before + after - dilation * (k - 1) - 1) / stride) + 1 */
static tn_status
window_size(tn_infer *x, tn_size n, const int64_t *pad, int64_t reach, int64_t stride, tn_size *out)
{
    tn_size room = tn_infer_add(x, n, tn_infer_int(x, pad[0] + pad[1] - reach));

    if (room)
        room = tn_size_floor_div(x->sizes, room, tn_infer_int(x, stride));
    *out = tn_infer_add(x, room, tn_infer_int(x, 1));
    return *out ? TN_OK : tn_infer_fail(x, "", "a size overflows 64 bits");
}

tn_status
tn_infer_conv(tn_infer *x)
{
    const tn_attr *a = x->op->attr;
    int64_t w[4], channels;
    tn_type out = *tn_infer_in(x, 0);
    int spatial;

    TN_TRY(check_image(x, &spatial));
    TN_TRY(known_weights(x, w, &channels));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_strides, spatial, 1));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_padding, spatial, 0));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_dilations, spatial, 1));
    TN_TRY(check_groups(x, TN_ATTR_conv_groups, channels, w[0]));
    if (w[1] != channels / tn_op_int(x->op, TN_ATTR_conv_groups))
        return tn_infer_fail(x, "", "x is %s, w is %s; w is [O,C/groups,..]",
            tn_infer_type_text(x, tn_infer_in(x, 0)), tn_infer_type_text(x, tn_infer_in(x, 1)));
    TN_TRY(tn_infer_vector(x, TN_IN_conv_bias, tn_infer_int(x, w[0])));
    out.dim[1] = tn_infer_int(x, w[0]);
    for (int i = 0; i < spatial; i++) {
        int64_t reach = a[TN_ATTR_conv_dilations].ints[i] * (w[2 + i] - 1) + 1;

        TN_TRY(window_size(x, out.dim[2 + i], &a[TN_ATTR_conv_padding].ints[2 * i], reach,
            a[TN_ATTR_conv_strides].ints[i], &out.dim[2 + i]));
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* (n - 1) * stride - before - after + dilation * (k - 1) + output_padding + 1 */
static tn_size
spread_size(tn_infer *x, tn_size n, int i, int64_t kernel)
{
    const tn_attr *a = x->op->attr;
    int64_t stride = a[TN_ATTR_conv_transpose_strides].ints[i];
    const int64_t *pad = &a[TN_ATTR_conv_transpose_padding].ints[2 * i];
    int64_t rest = a[TN_ATTR_conv_transpose_dilations].ints[i] * (kernel - 1) + 1 - pad[0] -
        pad[1] + a[TN_ATTR_conv_transpose_output_padding].ints[i] - stride;
    tn_size product = tn_infer_mul(x, n, tn_infer_int(x, stride));

    return tn_infer_add(x, product, tn_infer_int(x, rest));
}

tn_status
tn_infer_conv_transpose(tn_infer *x)
{
    const tn_attr *a = x->op->attr;
    int64_t w[4], channels, outputs;
    tn_type out = *tn_infer_in(x, 0);
    int spatial;

    TN_TRY(check_image(x, &spatial));
    TN_TRY(known_weights(x, w, &channels));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_transpose_strides, spatial, 1));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_transpose_padding, spatial, 0));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_transpose_dilations, spatial, 1));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_conv_transpose_output_padding, spatial, 0));
    outputs = w[1] * tn_op_int(x->op, TN_ATTR_conv_transpose_groups);
    TN_TRY(check_groups(x, TN_ATTR_conv_transpose_groups, channels, outputs));
    if (w[0] != channels)
        return tn_infer_fail(x, "", "x is %s, w is %s; w is [C,O/groups,..]",
            tn_infer_type_text(x, tn_infer_in(x, 0)), tn_infer_type_text(x, tn_infer_in(x, 1)));
    TN_TRY(tn_infer_vector(x, TN_IN_conv_transpose_bias, tn_infer_int(x, outputs)));
    out.dim[1] = tn_infer_int(x, outputs);
    for (int i = 0; i < spatial; i++) {
        if (a[TN_ATTR_conv_transpose_output_padding].ints[i] >=
            a[TN_ATTR_conv_transpose_strides].ints[i])
            return tn_infer_fail_attr(x, TN_ATTR_conv_transpose_output_padding,
                "must be below the stride");
        out.dim[2 + i] = spread_size(x, out.dim[2 + i], i, w[2 + i]);
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* max_pool and avg_pool have these attributes at the same positions. */
tn_status
tn_infer_pool(tn_infer *x)
{
    enum {
        WINDOW = TN_ATTR_max_pool_window,
        STRIDES = TN_ATTR_max_pool_strides,
        PADDING = TN_ATTR_max_pool_padding
    };
    const tn_attr *a = x->op->attr;
    tn_type out = *tn_infer_in(x, 0);
    int spatial;

    _Static_assert((int)TN_ATTR_max_pool_window == (int)TN_ATTR_avg_pool_window &&
            (int)TN_ATTR_max_pool_strides == (int)TN_ATTR_avg_pool_strides &&
            (int)TN_ATTR_max_pool_padding == (int)TN_ATTR_avg_pool_padding,
        "pools share their first attributes");
    TN_TRY(check_image(x, &spatial));
    TN_TRY(tn_infer_spatial(x, WINDOW, spatial, 1));
    TN_TRY(tn_infer_spatial(x, STRIDES, spatial, 1));
    TN_TRY(tn_infer_spatial(x, PADDING, spatial, 0));
    for (int i = 0; i < spatial; i++) {
        const int64_t *pad = &a[PADDING].ints[2 * i];

        if (pad[0] >= a[WINDOW].ints[i] || pad[1] >= a[WINDOW].ints[i])
            return tn_infer_fail_attr(x, PADDING, "must be below the window");
        TN_TRY(window_size(x, out.dim[2 + i], pad, a[WINDOW].ints[i], a[STRIDES].ints[i],
            &out.dim[2 + i]));
    }
    tn_infer_give(x, out);
    return TN_OK;
}

/* Beyond the last axes come those of the window. */
static tn_status
give_windows(tn_infer *x, tn_type out, int lead)
{
    const tn_attr *a = x->op->attr;
    int count = a[TN_ATTR_windows_window].count;

    for (int i = 0; i < count; i++) {
        int64_t window = a[TN_ATTR_windows_window].ints[i], reach;
        const int64_t *pad = &a[TN_ATTR_windows_padding].ints[2 * i];

        if (window < 1)
            return tn_infer_fail_attr(x, TN_ATTR_windows_window, "an empty window");
        reach = a[TN_ATTR_windows_dilations].ints[i] * (window - 1) + 1;
        TN_TRY(window_size(x, out.dim[lead + i], pad, reach, a[TN_ATTR_windows_strides].ints[i],
            &out.dim[lead + i]));
        out.dim[out.rank++] = tn_infer_int(x, window);
    }
    tn_infer_give(x, out);
    return TN_OK;
}

tn_status
tn_infer_windows(tn_infer *x)
{
    const tn_attr *value = &x->op->attr[TN_ATTR_windows_value];
    int count = x->op->attr[TN_ATTR_windows_window].count;
    tn_type out = *tn_infer_in(x, 0);
    const char *why;

    if (count < 1 || count > out.rank)
        return tn_infer_fail_attr(x, TN_ATTR_windows_window, "%d numbers for %s", count,
            tn_infer_type_text(x, &out));
    if (out.rank + count > TN_MAX_RANK)
        return tn_infer_too_deep(x, out.rank + count);
    TN_TRY(tn_infer_spatial(x, TN_ATTR_windows_strides, count, 1));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_windows_padding, count, 0));
    TN_TRY(tn_infer_spatial(x, TN_ATTR_windows_dilations, count, 1));
    if (value->given && !tn_number_fits(&value->numbers[0], out.dtype, &why))
        return tn_infer_fail_attr(x, TN_ATTR_windows_value, "stands beside %s and %s",
            tn_dtype_name(out.dtype), why);
    return give_windows(x, out, out.rank - count);
}
