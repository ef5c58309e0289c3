/* SPDX-License-Identifier: Apache-2.0
 * Convolutions and pools; one spatial axis is two with a leading 1. */
#include <math.h>
#include <string.h>

#include "runtime/reference/ref.h"

typedef struct window {
    int64_t batch, channels, outputs, groups;
    int64_t in[2], out[2], kernel[2];
    int64_t stride[2], before[2], dilation[2];
} window;

static void
set_image(const tn_ref_call *c, window *w)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    int spatial = x->rank - 2;

    *w = (window){.batch = x->dim[0],
        .channels = x->dim[1],
        .outputs = c->out[0].dim[1],
        .groups = 1,
        .in = {1, 1},
        .out = {1, 1},
        .kernel = {1, 1},
        .stride = {1, 1},
        .dilation = {1, 1}};
    for (int i = 0; i < spatial; i++) {
        w->in[2 - spatial + i] = x->dim[2 + i];
        w->out[2 - spatial + i] = c->out[0].dim[2 + i];
    }
}

static void
set_numbers(const tn_ref_call *c, int attr, int every, int64_t to[2])
{
    const tn_attr *a = &c->op->attr[attr];
    int spatial = a->count / every;

    for (int i = 0; i < spatial; i++)
        to[2 - spatial + i] = a->ints[i * every];
}

static void
set_kernel(const tn_ref_call *c, window *w)
{
    const tn_ref_value *k = tn_ref_in(c, 1);
    int spatial = k->rank - 2;

    for (int i = 0; i < spatial; i++)
        w->kernel[2 - spatial + i] = k->dim[2 + i];
}

/* The sum of one result of conv: channels of its group, kernel places. What
 * lies beyond x is a zero like any other: times a NaN it is NaN. */
static double
conv_at(const window *w, const double *x, const double *k, int64_t y, int64_t z)
{
    double sum = 0;

    for (int64_t ch = 0; ch < w->channels / w->groups; ch++) {
        for (int64_t i = 0; i < w->kernel[0]; i++) {
            int64_t p = y * w->stride[0] - w->before[0] + i * w->dilation[0];

            for (int64_t j = 0; j < w->kernel[1]; j++) {
                int64_t q = z * w->stride[1] - w->before[1] + j * w->dilation[1];
                bool inside = p >= 0 && p < w->in[0] && q >= 0 && q < w->in[1];
                double value = inside ? x[(ch * w->in[0] + p) * w->in[1] + q] : 0;

                sum += value * k[(ch * w->kernel[0] + i) * w->kernel[1] + j];
            }
        }
    }
    return sum;
}

tn_status
tn_oracle_conv(tn_ref_call *c)
{
    const double *x = tn_ref_in(c, TN_IN_conv_x)->f, *k = tn_ref_in(c, TN_IN_conv_w)->f;
    const tn_ref_value *bias = tn_ref_in(c, TN_IN_conv_bias);
    double *out = c->out[0].f;
    int64_t inside, share;
    window w;

    set_image(c, &w);
    set_kernel(c, &w);
    set_numbers(c, TN_ATTR_conv_strides, 1, w.stride);
    set_numbers(c, TN_ATTR_conv_padding, 2, w.before);
    set_numbers(c, TN_ATTR_conv_dilations, 1, w.dilation);
    w.groups = tn_op_int(c->op, TN_ATTR_conv_groups);
    inside = w.channels / w.groups;
    share = w.outputs / w.groups;
    for (int64_t b = 0; b < w.batch; b++) {
        for (int64_t o = 0; o < w.outputs; o++) {
            const double *image = x + (b * w.channels + o / share * inside) * w.in[0] * w.in[1];
            const double *kernel = k + o * inside * w.kernel[0] * w.kernel[1];

            for (int64_t y = 0; y < w.out[0]; y++) {
                for (int64_t z = 0; z < w.out[1]; z++)
                    *out++ = conv_at(&w, image, kernel, y, z) + (bias ? bias->f[o] : 0);
            }
        }
    }
    return TN_OK;
}

/* Adds one element of x, times the kernel, to the results it reaches. */
static void
spread_one(const window *w, double value, const double *k, double *out, int64_t y, int64_t z)
{
    for (int64_t i = 0; i < w->kernel[0]; i++) {
        int64_t p = y * w->stride[0] - w->before[0] + i * w->dilation[0];

        for (int64_t j = 0; p >= 0 && p < w->out[0] && j < w->kernel[1]; j++) {
            int64_t q = z * w->stride[1] - w->before[1] + j * w->dilation[1];

            if (q >= 0 && q < w->out[1])
                out[p * w->out[1] + q] += value * k[i * w->kernel[1] + j];
        }
    }
}

static void
spread_channel(const window *w, const double *x, const double *k, double *out)
{
    int64_t share = w->outputs / w->groups;

    for (int64_t o = 0; o < share; o++) {
        for (int64_t y = 0; y < w->in[0]; y++) {
            for (int64_t z = 0; z < w->in[1]; z++)
                spread_one(w, x[y * w->in[1] + z], k + o * w->kernel[0] * w->kernel[1],
                    out + o * w->out[0] * w->out[1], y, z);
        }
    }
}

tn_status
tn_oracle_conv_transpose(tn_ref_call *c)
{
    const double *x = tn_ref_in(c, TN_IN_conv_transpose_x)->f;
    const double *k = tn_ref_in(c, TN_IN_conv_transpose_w)->f;
    const tn_ref_value *bias = tn_ref_in(c, TN_IN_conv_transpose_bias);
    int64_t image, share, inside;
    window w;

    set_image(c, &w);
    set_kernel(c, &w);
    set_numbers(c, TN_ATTR_conv_transpose_strides, 1, w.stride);
    set_numbers(c, TN_ATTR_conv_transpose_padding, 2, w.before);
    set_numbers(c, TN_ATTR_conv_transpose_dilations, 1, w.dilation);
    w.groups = tn_op_int(c->op, TN_ATTR_conv_transpose_groups);
    image = w.out[0] * w.out[1];
    share = w.outputs / w.groups;
    inside = w.channels / w.groups;
    for (int64_t n = 0; bias && n < c->out[0].count; n++)
        c->out[0].f[n] = bias->f[n / image % w.outputs];
    for (int64_t b = 0; b < w.batch; b++) {
        for (int64_t ch = 0; ch < w.channels; ch++)
            spread_channel(&w, x + (b * w.channels + ch) * w.in[0] * w.in[1],
                k + ch * share * w.kernel[0] * w.kernel[1],
                c->out[0].f + (b * w.outputs + ch / inside * share) * image);
    }
    return TN_OK;
}

/* ---- pools ---- */

/* Calls `take` for each element of x in a window; a window may hold none. */
typedef struct pool {
    const tn_ref_value *x;
    int64_t plane; /* first element of the image */
    int64_t found;
    double sum;
    double most; /* of floats */
    int64_t most_whole;
} pool;

static void
take_one(pool *p, int64_t at)
{
    p->found++;
    if (!tn_is_float(p->x->dtype)) {
        p->most_whole = p->x->i[at] > p->most_whole ? p->x->i[at] : p->most_whole;
        return;
    }
    p->sum += p->x->f[at];
    p->most = tn_ref_max(p->most, p->x->f[at]);
}

static void
take_window(const window *w, pool *p, int64_t y, int64_t z)
{
    for (int64_t i = 0; i < w->kernel[0]; i++) {
        int64_t r = y * w->stride[0] - w->before[0] + i;

        for (int64_t j = 0; r >= 0 && r < w->in[0] && j < w->kernel[1]; j++) {
            int64_t q = z * w->stride[1] - w->before[1] + j;

            if (q >= 0 && q < w->in[1])
                take_one(p, p->plane + r * w->in[1] + q);
        }
    }
}

typedef void put_fn(tn_ref_call *c, const window *w, const pool *p, int64_t at);

static tn_status
pool_with(tn_ref_call *c, put_fn *put)
{
    int64_t at = 0, low, high;
    pool empty = {.x = tn_ref_in(c, 0), .most = -INFINITY};
    window w;

    set_image(c, &w);
    set_numbers(c, TN_ATTR_max_pool_window, 1, w.kernel);
    set_numbers(c, TN_ATTR_max_pool_strides, 1, w.stride);
    set_numbers(c, TN_ATTR_max_pool_padding, 2, w.before);
    if (!tn_is_float(empty.x->dtype)) {
        tn_dtype_range(empty.x->dtype, &low, &high);
        empty.most_whole = low;
    }
    for (int64_t plane = 0; plane < w.batch * w.channels; plane++) {
        for (int64_t y = 0; y < w.out[0]; y++) {
            for (int64_t z = 0; z < w.out[1]; z++) {
                pool p = empty;

                p.plane = plane * w.in[0] * w.in[1];
                take_window(&w, &p, y, z);
                put(c, &w, &p, at++);
            }
        }
    }
    return TN_OK;
}

static void
put_most(tn_ref_call *c, const window *w, const pool *p, int64_t at)
{
    (void)w;
    if (tn_is_float(p->x->dtype))
        c->out[0].f[at] = p->most;
    else
        c->out[0].i[at] = p->most_whole;
}

static void
put_mean(tn_ref_call *c, const window *w, const pool *p, int64_t at)
{
    bool all = tn_op_int(c->op, TN_ATTR_avg_pool_count_padding);

    c->out[0].f[at] = p->sum / (double)(all ? w->kernel[0] * w->kernel[1] : p->found);
}

tn_status
tn_oracle_max_pool(tn_ref_call *c)
{
    return pool_with(c, put_most);
}

tn_status
tn_oracle_avg_pool(tn_ref_call *c)
{
    return pool_with(c, put_mean);
}

/* ---- windows as a view ---- */

/* Position in x of an element of the result, -1: beyond it. */
static int64_t
seen_at(const tn_ref_call *c, const int64_t *index)
{
    const tn_attr *a = c->op->attr;
    const tn_ref_value *x = tn_ref_in(c, 0);
    int count = a[TN_ATTR_windows_window].count, lead = x->rank - count;
    int64_t at = 0;

    for (int i = 0; i < x->rank; i++) {
        int64_t place = index[i];

        if (i >= lead) {
            int n = i - lead;

            place = place * a[TN_ATTR_windows_strides].ints[n] +
                index[x->rank + n] * a[TN_ATTR_windows_dilations].ints[n] -
                a[TN_ATTR_windows_padding].ints[2 * n];
        }
        if (place < 0 || place >= x->dim[i])
            return -1;
        at = at * x->dim[i] + place;
    }
    return at;
}

tn_status
tn_oracle_windows(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_value *out = &c->out[0], value;
    int64_t index[TN_MAX_RANK] = {0};

    TN_TRY(tn_ref_scratch(c->r, x->dtype, 1, &value));
    if (!tn_ref_number(c->r, &c->op->attr[TN_ATTR_windows_value].numbers[0], x->dtype, value.f,
            value.i))
        return tn_ref_fail(c, ".attrs.value", "it does not fit %s in this run",
            tn_dtype_name(x->dtype));
    for (int64_t k = 0; k < out->count; k++) {
        int64_t at = seen_at(c, index);

        memcpy(&out->f[k], at < 0 ? value.f : &x->f[at], sizeof *x->f);
        for (int i = out->rank - 1; i >= 0 && ++index[i] == out->dim[i]; i--)
            index[i] = 0;
    }
    return TN_OK;
}
