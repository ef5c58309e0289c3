/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of convolutions and pools: `windows` of x, then a contraction
 * or a reduction over what lies in each. So they are scheduled, and take what
 * follows them into their kernels, as contractions and reductions do. */
#include "ir/graph/expand_in.h"

#include <math.h>
#include <stdio.h>

enum { SPATIAL = 2 };

/* One spatial axis of a convolution as the contraction sees it. */
typedef struct axis {
    int64_t window, stride, before, after, dilation;
} axis;

static tn_value *
windows(tn_build *b, tn_value *x, const axis *a, int count, const tn_number *value)
{
    int64_t window[SPATIAL], strides[SPATIAL], dilations[SPATIAL], padding[2 * SPATIAL];
    tn_op *op = tn_build_start(b, TN_OP_windows, &x, 1);

    for (int i = 0; i < count; i++) {
        window[i] = a[i].window;
        strides[i] = a[i].stride;
        dilations[i] = a[i].dilation;
        padding[2 * i] = a[i].before;
        padding[2 * i + 1] = a[i].after;
    }
    tn_op_set_ints(op, TN_ATTR_windows_window, window, count);
    tn_op_set_ints(op, TN_ATTR_windows_strides, strides, count);
    tn_op_set_ints(op, TN_ATTR_windows_padding, padding, 2 * count);
    tn_op_set_ints(op, TN_ATTR_windows_dilations, dilations, count);
    if (value)
        tn_op_set_number(op, TN_ATTR_windows_value, *value);
    return tn_build_finish(op);
}

static int64_t
known(tn_size size)
{
    int64_t value = 0;

    (void)tn_size_is_int(size, &value);
    return value;
}

/* x[B,C,..] or w[C,..] with the axis `at` as groups and what is in one. */
static tn_value *
grouped(tn_build *b, tn_value *x, int at, int64_t groups)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size to[TN_MAX_RANK];
    int rank = 0;

    for (int i = 0; i < x->type.rank; i++) {
        if (i == at) {
            to[rank++] = tn_size_int(s, groups);
            to[rank++] = tn_size_int(s, known(x->type.dim[i]) / groups);
        } else {
            to[rank++] = x->type.dim[i];
        }
    }
    return tn_build_reshape(b, x, to, rank);
}

/* Axis `at` and the next one as one. */
static tn_value *
joined(tn_build *b, tn_value *x, int at)
{
    tn_size to[TN_MAX_RANK];
    int rank = 0;

    for (int i = 0; i < x->type.rank; i++) {
        to[rank] = x->type.dim[i];
        if (i == at) {
            to[rank] = tn_size_mul(b->block->graph->sizes, to[rank], x->type.dim[i + 1]);
            i++;
        }
        rank++;
    }
    return tn_build_reshape(b, x, to, rank);
}

/* The product in the type it is summed in, bias added to channels (or groups
 * and their channels), then rounded. */
static tn_value *
finished(tn_build *b, tn_value *sum, tn_value *bias, int64_t groups, const tn_op *op)
{
    static const int64_t behind[] = {1, 2, 3, 4, 5};

    if (bias) {
        bias = tn_build_cast(b, bias, sum->type.dtype);
        if (groups > 1)
            bias = grouped(b, bias, 0, groups);
        bias = tn_build_unsqueeze(b, bias, behind + bias->type.rank - 1,
            sum->type.rank - 1 - bias->type.rank);
        sum = tn_build_map2(b, TN_OP_add, sum, bias);
    }
    return tn_build_cast(b, sum, op->out[0]->type.dtype);
}

/* Rounded at once where nothing is added. */
static tn_dtype
sum_type(const tn_op *op, const tn_value *bias)
{
    tn_dtype t = op->in[0]->type.dtype;

    return bias && (t == TN_F16 || t == TN_BF16) ? TN_F32 : t;
}

/* ---- conv ---- */

static void
conv_axes(const tn_op *op, axis *a, int count)
{
    for (int i = 0; i < count; i++)
        a[i] = (axis){
            .window = known(op->in[TN_IN_conv_w]->type.dim[2 + i]),
            .stride = op->attr[TN_ATTR_conv_strides].ints[i],
            .before = op->attr[TN_ATTR_conv_padding].ints[2 * i],
            .after = op->attr[TN_ATTR_conv_padding].ints[2 * i + 1],
            .dilation = op->attr[TN_ATTR_conv_dilations].ints[i],
        };
}

void
tn_expand_conv(tn_build *b, const tn_op *op, tn_value **out)
{
    static const char *const labels[SPATIAL][3] = {
        {"bcpu,ocu->bop", "bcpu,cu->bcp", "bgcpu,gocu->bgop"},
        {"bcpquv,ocuv->bopq", "bcpquv,cuv->bcpq", "bgcpquv,gocuv->bgopq"},
    };
    enum { ONE, EACH, MANY } form = ONE;
    tn_value *x = op->in[TN_IN_conv_x], *w = op->in[TN_IN_conv_w], *bias = op->in[TN_IN_conv_bias];
    int spatial = x->type.rank - 2;
    int64_t groups = tn_op_int(op, TN_ATTR_conv_groups);
    axis a[SPATIAL];
    tn_value *y;

    if (groups > 1)
        form = known(w->type.dim[0]) == groups && known(w->type.dim[1]) == 1 ? EACH : MANY;
    if (form == EACH)
        w = tn_build_squeeze(b, w, &(int64_t){1}, 1);
    if (form == MANY) {
        x = grouped(b, x, 1, groups);
        w = grouped(b, w, 0, groups);
    }
    conv_axes(op, a, spatial);
    x = windows(b, x, a, spatial, NULL);
    y = tn_build_contract(b, x, w, labels[spatial - 1][form], sum_type(op, bias));
    y = finished(b, y, bias, form == MANY ? groups : 1, op);
    out[0] = form == MANY ? joined(b, y, 1) : y;
}

/* ---- conv_transpose ---- */

/* Along an axis with stride s the results s*m + r of one r meet the places
 * s*j + r of the kernel only: r and m are axes of the contraction, j is summed.
 * Where that does not go even, x is spread with zeros between first. */
typedef struct spread {
    axis a;          /* of the windows over x */
    int64_t phases;  /* r */
    int64_t before;  /* cut off the result */
} spread;

/* Axis `at` of x with n-1 zeros behind each element. */
static tn_value *
with_zeros(tn_build *b, tn_value *x, int at, int64_t n)
{
    tn_sizes *s = b->block->graph->sizes;
    int64_t behind = at + 1;
    tn_size width = tn_size_int(s, n - 1);
    tn_value *y = tn_build_unsqueeze(b, x, &behind, 1);
    tn_op *op = tn_build_start(b, TN_OP_pad, &y, 1);

    tn_op_set_ints(op, TN_ATTR_pad_axis, &behind, 1);
    tn_op_set_sizes(op, TN_ATTR_pad_after, &width, 1);
    return joined(b, tn_build_finish(op), at);
}

static spread
spread_along(tn_build *b, const tn_op *op, int i, int lead, tn_value **x)
{
    int64_t stride = op->attr[TN_ATTR_conv_transpose_strides].ints[i];
    int64_t window = known(op->in[TN_IN_conv_transpose_w]->type.dim[2 + i]);
    spread s = {.before = op->attr[TN_ATTR_conv_transpose_padding].ints[2 * i]};

    s.a = (axis){.window = window,
        .stride = 1,
        .dilation = op->attr[TN_ATTR_conv_transpose_dilations].ints[i]};
    s.phases = 1;
    if (stride > 1 && s.a.dilation == 1 && window % stride == 0) {
        s.phases = stride;
        s.a.window = window / stride;
    } else if (stride > 1) {
        *x = with_zeros(b, *x, lead + i, stride);
    }
    s.a.before = s.a.dilation * (s.a.window - 1);
    s.a.after = s.phases > 1 ? s.a.window : s.a.before;
    return s;
}

/* w[C,O,U] as [C,O,J,R], J from the end. */
static tn_value *
turned_kernel(tn_build *b, tn_value *w, const spread *s, int spatial, int lead)
{
    tn_sizes *sizes = b->block->graph->sizes;
    int64_t axes[SPATIAL];
    tn_size to[TN_MAX_RANK];
    int rank = lead;
    tn_op *op;

    for (int i = 0; i < lead; i++)
        to[i] = w->type.dim[i];
    for (int i = 0; i < spatial; i++) {
        axes[i] = rank;
        to[rank++] = tn_size_int(sizes, s[i].a.window);
        to[rank++] = tn_size_int(sizes, s[i].phases);
    }
    w = tn_build_reshape(b, w, to, rank);
    op = tn_build_start(b, TN_OP_reverse, &w, 1);
    tn_op_set_ints(op, TN_ATTR_reverse_axes, axes, spatial);
    return tn_build_finish(op);
}

/* y[B,O,R,..,M,..], which is stored along M, as [B,O,M,R,..] joined and cut to
 * the result. */
static tn_value *
cut_out(tn_build *b, tn_value *y, const spread *s, int spatial, const tn_op *op)
{
    static const int64_t perm[SPATIAL][6] = {{0, 1, 3, 2}, {0, 1, 4, 2, 5, 3}};

    y = tn_build_transpose(b, y, perm[spatial - 1]);
    for (int i = 0; i < spatial; i++) {
        tn_size start = tn_size_int(b->block->graph->sizes, s[i].before);

        y = joined(b, y, 2 + i);
        y = tn_build_slice(b, y, 2 + i, start, op->out[0]->type.dim[2 + i]);
    }
    return y;
}

void
tn_expand_conv_transpose(tn_build *b, const tn_op *op, tn_value **out)
{
    static const char *const labels[2][2] = {
        {"bcmj,cojr->borm", "bgcmj,gcojr->bgorm"},
        {"bcmnjk,cojrkt->bortmn", "bgcmnjk,gcojrkt->bgortmn"},
    };
    tn_value *x = op->in[TN_IN_conv_transpose_x], *w = op->in[TN_IN_conv_transpose_w];
    tn_value *bias = op->in[TN_IN_conv_transpose_bias], *y;
    int spatial = x->type.rank - 2;
    int64_t groups = tn_op_int(op, TN_ATTR_conv_transpose_groups);
    bool many = groups > 1;
    axis a[SPATIAL];
    spread s[SPATIAL];

    if (many) {
        x = grouped(b, x, 1, groups);
        w = grouped(b, w, 0, groups);
    }
    for (int i = 0; i < spatial; i++) {
        s[i] = spread_along(b, op, i, 2 + many, &x);
        a[i] = s[i].a;
    }
    w = turned_kernel(b, w, s, spatial, 2 + many);
    x = windows(b, x, a, spatial, NULL);
    y = tn_build_contract(b, x, w, labels[spatial - 1][many], sum_type(op, bias));
    y = finished(b, y, bias, groups, op);
    if (many)
        y = joined(b, y, 1);
    out[0] = cut_out(b, y, s, spatial, op);
}

/* ---- pools ---- */

static int
pool_axes(const tn_op *op, axis *a)
{
    int spatial = op->in[0]->type.rank - 2;

    for (int i = 0; i < spatial; i++)
        a[i] = (axis){
            .window = op->attr[TN_ATTR_max_pool_window].ints[i],
            .stride = op->attr[TN_ATTR_max_pool_strides].ints[i],
            .before = op->attr[TN_ATTR_max_pool_padding].ints[2 * i],
            .after = op->attr[TN_ATTR_max_pool_padding].ints[2 * i + 1],
            .dilation = 1,
        };
    return spatial;
}

static tn_value *
over_windows(tn_build *b, tn_opcode code, tn_value *x)
{
    static const int64_t axes[] = {4, 5};

    /* The last two of [B,C,P,Q,U,V], the last one of [B,C,P,U]. */
    if (x->type.rank == 4)
        return tn_build_reduce(b, code, x, &(int64_t){3}, 1, false);
    return tn_build_reduce(b, code, x, axes, 2, false);
}

void
tn_expand_max_pool(tn_build *b, const tn_op *op, tn_value **out)
{
    axis a[SPATIAL];
    int spatial = pool_axes(op, a);
    tn_number least = tn_number_real(-INFINITY);
    int64_t low, high;
    tn_value *x;

    if (tn_is_int(op->in[0]->type.dtype)) {
        tn_dtype_range(op->in[0]->type.dtype, &low, &high);
        least = tn_number_int(low);
    }
    x = windows(b, op->in[0], a, spatial, &least);
    out[0] = over_windows(b, TN_OP_reduce_max, x);
}

/* How many elements of an axis of n each window sees: the sum of its ones. */
static tn_value *
seen(tn_build *b, tn_dtype dtype, tn_size n, const axis *a)
{
    tn_type ones = {.dtype = dtype, .rank = 1, .dim = {n}};
    tn_value *x = tn_build_fill(b, ones, tn_number_int(1));

    x = windows(b, x, a, 1, NULL);
    return tn_expand_over(b, TN_OP_reduce_sum, x, 1);
}

/* Along the first of two axes the counts stand in a column, with keepdims;
 * along the last in a row. */
static tn_value *
divided(tn_build *b, tn_value *sum, const tn_op *op, const axis *a, int i, int spatial)
{
    tn_value *count = seen(b, sum->type.dtype, op->in[0]->type.dim[2 + i], &a[i]);

    if (i == spatial - 1)
        count = tn_build_squeeze(b, count, &(int64_t){1}, 1);
    return tn_build_map2(b, TN_OP_div, sum, count);
}

void
tn_expand_avg_pool(tn_build *b, const tn_op *op, tn_value **out)
{
    axis a[SPATIAL];
    int spatial = pool_axes(op, a);
    bool all = tn_op_int(op, TN_ATTR_avg_pool_count_padding) != 0;
    int64_t whole = 1;
    tn_value *x = tn_expand_wide(b, op->in[0]);
    tn_value *sum = windows(b, x, a, spatial, NULL);

    sum = over_windows(b, TN_OP_reduce_sum, sum);
    for (int i = 0; i < spatial; i++) {
        if (all || (a[i].before == 0 && a[i].after == 0))
            whole *= a[i].window;
        else
            sum = divided(b, sum, op, a, i, spatial);
    }
    if (whole > 1)
        sum = tn_build_map2(b, TN_OP_div, sum, tn_build_int(b, sum->type.dtype, whole));
    out[0] = tn_build_cast(b, sum, op->out[0]->type.dtype);
}
