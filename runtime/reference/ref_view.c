/* SPDX-License-Identifier: Apache-2.0
 * Ops that move elements. */
#include <string.h>

#include "runtime/reference/ref.h"

/* An element as bits: float or integer alike. */
static void
move(tn_ref_value *out, int64_t to, const tn_ref_value *x, int64_t from)
{
    memcpy(&out->f[to], &x->f[from], sizeof *x->f);
}

/* The same elements in another shape need no copy. */
static tn_status
reshaped(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);

    if (x->count != c->out[0].count)
        return tn_ref_fail(c, "", "%lld elements cannot be %lld in this run", (long long)x->count,
            (long long)c->out[0].count);
    tn_ref_drop(c->r, &c->out[0]);
    tn_ref_share(&c->out[0], x);
    return TN_OK;
}

tn_status
tn_oracle_reshape(tn_ref_call *c)
{
    return reshaped(c);
}

tn_status
tn_oracle_unsqueeze(tn_ref_call *c)
{
    return reshaped(c);
}

tn_status
tn_oracle_squeeze(tn_ref_call *c)
{
    return reshaped(c);
}

/* Each element of the result from first + sum index[i] * stride[i] of x. */
static void
move_by(tn_ref_value *out, const tn_ref_value *x, int64_t first, const int64_t *stride)
{
    int64_t index[TN_MAX_RANK] = {0};
    int64_t at = first;

    for (int64_t k = 0; k < out->count; k++) {
        move(out, k, x, at);
        for (int i = out->rank - 1; i >= 0; i--) {
            at += stride[i];
            if (++index[i] < out->dim[i])
                break;
            at -= stride[i] * out->dim[i];
            index[i] = 0;
        }
    }
}

tn_status
tn_oracle_transpose(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    const int64_t *perm = c->op->attr[TN_ATTR_transpose_perm].ints;
    int64_t stride[TN_MAX_RANK], by[TN_MAX_RANK];

    tn_ref_strides(x, stride);
    for (int i = 0; i < x->rank; i++)
        by[i] = stride[perm[i]];
    move_by(&c->out[0], x, 0, by);
    return TN_OK;
}

tn_status
tn_oracle_broadcast(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    int64_t stride[TN_MAX_RANK], by[TN_MAX_RANK] = {0};
    int lead = c->out[0].rank - x->rank;

    tn_ref_strides(x, stride);
    for (int i = 0; i < x->rank; i++)
        by[lead + i] = x->dim[i] == 1 ? 0 : stride[i];
    move_by(&c->out[0], x, 0, by);
    return TN_OK;
}

tn_status
tn_oracle_reverse(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    const tn_attr *axes = &c->op->attr[TN_ATTR_reverse_axes];
    int64_t stride[TN_MAX_RANK];
    int64_t first = 0;

    tn_ref_strides(x, stride);
    for (int i = 0; i < axes->count; i++) {
        int64_t axis = axes->ints[i];

        first += (x->dim[axis] - 1) * stride[axis];
        stride[axis] = -stride[axis];
    }
    move_by(&c->out[0], x, first, stride);
    return TN_OK;
}

/* `size` places of `axis` of x from `start`, every `step`. */
static tn_status
take_part(tn_ref_call *c, tn_ref_value *out, const char *place, int axis, int64_t start,
    int64_t size, int64_t step)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_axes a = tn_ref_along(x, axis);

    if (start < 0 || start > a.size ||
        (size > 0 && (start == a.size || size - 1 > (a.size - 1 - start) / step)))
        return tn_ref_fail(c, place, "%lld with size %lld is outside axis %d of x, which is %lld",
            (long long)start, (long long)size, axis, (long long)a.size);
    for (int64_t o = 0, to = 0; o < a.outer; o++) {
        for (int64_t k = 0; k < size; k++, to += a.inner)
            memcpy(out->f + to, x->f + (o * a.size + start + k * step) * a.inner,
                (size_t)a.inner * sizeof *x->f);
    }
    return TN_OK;
}

tn_status
tn_oracle_slice(tn_ref_call *c)
{
    int axis = tn_ref_axis(c, TN_ATTR_slice_axis);
    int64_t start, size;

    TN_TRY(tn_ref_place(c, TN_ATTR_slice_start, &start));
    TN_TRY(tn_ref_attr_size(c, TN_ATTR_slice_size, &size));
    return take_part(c, &c->out[0], ".attrs.start", axis, start, size,
        tn_op_int(c->op, TN_ATTR_slice_step));
}

tn_status
tn_oracle_index(tn_ref_call *c)
{
    int64_t at;

    TN_TRY(tn_ref_place(c, TN_ATTR_index_at, &at));
    return take_part(c, &c->out[0], ".attrs.at", tn_ref_axis(c, TN_ATTR_index_axis), at, 1, 1);
}

tn_status
tn_oracle_split(tn_ref_call *c)
{
    int axis = tn_ref_axis(c, TN_ATTR_split_axis);
    int64_t start = 0;

    for (int i = 0; i < c->op->out_count; i++) {
        int64_t size = c->out[i].dim[axis];

        TN_TRY(take_part(c, &c->out[i], ".attrs.sizes", axis, start, size, 1));
        start += size;
    }
    return TN_OK;
}

tn_status
tn_oracle_concat(tn_ref_call *c)
{
    int axis = tn_ref_axis(c, TN_ATTR_concat_axis);
    tn_ref_axes all = tn_ref_along(&c->out[0], axis);
    int64_t start = 0;

    for (int i = 0; i < c->op->in_count; i++) {
        const tn_ref_value *x = tn_ref_in(c, i);
        tn_ref_axes a = tn_ref_along(x, axis);

        for (int64_t o = 0; o < a.outer; o++)
            memcpy(c->out[0].f + (o * all.size + start) * all.inner, x->f + o * a.size * a.inner,
                (size_t)(a.size * a.inner) * sizeof *x->f);
        start += a.size;
    }
    return TN_OK;
}

/* Where a place of the padded axis comes from; -1: it is new. */
static int64_t
source_of(const char *mode, int64_t at, int64_t size)
{
    if (at >= 0 && at < size)
        return at;
    if (strcmp(mode, "reflect") == 0)
        return at < 0 ? -at : 2 * (size - 1) - at;
    if (strcmp(mode, "edge") == 0)
        return at < 0 ? 0 : size - 1;
    return -1;
}

static tn_status
check_pad(tn_ref_call *c, const char *mode, int64_t before, int64_t after, int64_t size)
{
    int64_t most = before > after ? before : after;

    if (before < 0 || after < 0 || (strcmp(mode, "reflect") == 0 && most >= size) ||
        (strcmp(mode, "edge") == 0 && size < 1))
        return tn_ref_fail(c, "", "widths %lld and %lld do not fit an axis of %lld",
            (long long)before, (long long)after, (long long)size);
    return TN_OK;
}

tn_status
tn_oracle_pad(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    const char *mode = tn_op_text(c->op, TN_ATTR_pad_mode);
    int axis = tn_ref_axis(c, TN_ATTR_pad_axis);
    tn_ref_axes a = tn_ref_along(x, axis);
    tn_ref_axes all = tn_ref_along(&c->out[0], axis);
    tn_ref_value value;
    int64_t before, after;

    TN_TRY(tn_ref_attr_size(c, TN_ATTR_pad_before, &before));
    TN_TRY(tn_ref_attr_size(c, TN_ATTR_pad_after, &after));
    TN_TRY(check_pad(c, mode, before, after, a.size));
    TN_TRY(tn_ref_scratch(c->r, x->dtype, 1, &value));
    if (!tn_ref_number(c->r, &c->op->attr[TN_ATTR_pad_value].numbers[0], x->dtype, value.f,
            value.i))
        return tn_ref_fail(c, ".attrs.value", "it does not fit %s in this run",
            tn_dtype_name(x->dtype));
    for (int64_t k = 0; k < c->out[0].count; k++) {
        int64_t from = source_of(mode, k / all.inner % all.size - before, a.size);
        int64_t outer = k / all.inner / all.size;

        if (from < 0)
            move(&c->out[0], k, &value, 0);
        else
            move(&c->out[0], k, x, (outer * a.size + from) * a.inner + k % all.inner);
    }
    return TN_OK;
}

tn_status
tn_oracle_tile(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_value *out = &c->out[0];
    int64_t stride[TN_MAX_RANK];

    tn_ref_strides(x, stride);
    for (int64_t k = 0; k < out->count; k++) {
        int64_t rest = k, from = 0;

        for (int i = out->rank - 1; i >= 0; i--) {
            from += rest % out->dim[i] % x->dim[i] * stride[i];
            rest /= out->dim[i];
        }
        move(out, k, x, from);
    }
    return TN_OK;
}
