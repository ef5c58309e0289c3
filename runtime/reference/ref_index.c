/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing by index. Every index is checked before it is used; an
 * op that moves no element uses none. */
#include <string.h>

#include "runtime/reference/ref.h"

static void
copy_row(tn_ref_value *out, int64_t to, const tn_ref_value *x, int64_t from, int64_t count)
{
    memcpy(out->f + to, x->f + from, (size_t)count * sizeof *x->f);
}

static tn_status
outside(const tn_ref_call *c, const tn_ref_value *indices, int64_t k, int64_t size)
{
    char text[TN_REF_POSITION];

    return tn_ref_fail(c, ".in.indices", "%lld at %s is outside an axis of %lld",
        (long long)indices->i[k], tn_ref_position(indices, k, text), (long long)size);
}

static int64_t
product(const tn_ref_value *x, int from, int to)
{
    int64_t n = 1;

    for (int i = from; i < to; i++)
        n *= x->dim[i];
    return n;
}

/* x as [batch, outer, axis, inner], indices as [batch, rest]. */
tn_status
tn_oracle_gather(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_gather_x);
    const tn_ref_value *indices = tn_ref_in(c, TN_IN_gather_indices);
    bool skip = tn_ref_is(c, TN_ATTR_gather_outside, "skip");
    int axis = tn_ref_axis(c, TN_ATTR_gather_axis);
    int batch_dims = (int)tn_op_int(c->op, TN_ATTR_gather_batch_dims);
    int64_t batch = product(x, 0, batch_dims), outer = product(x, batch_dims, axis);
    int64_t size = x->dim[axis], inner = product(x, axis + 1, x->rank);
    int64_t rest = product(indices, batch_dims, indices->rank);
    int64_t to = 0;

    if (c->out[0].count == 0)
        return TN_OK;
    for (int64_t bo = 0; bo < batch * outer; bo++) {
        for (int64_t k = 0; k < rest; k++, to += inner) {
            int64_t place = bo / outer * rest + k;
            int64_t at = indices->i[place];

            if (at >= 0 && at < size)
                copy_row(&c->out[0], to, x, (bo * size + at) * inner, inner);
            else if (!skip)
                return outside(c, indices, place, size);
        }
    }
    return TN_OK;
}

/* The element of x for element k of indices: `at` replaces the place along
 * the axis. All other axes agree. */
static int64_t
element_for(const tn_ref_value *x, const tn_ref_value *indices, int axis, int64_t k, int64_t at)
{
    tn_ref_axes a = tn_ref_along(indices, axis);

    return (k / a.inner / a.size * x->dim[axis] + at) * a.inner + k % a.inner;
}

tn_status
tn_oracle_gather_elements(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_gather_elements_x);
    const tn_ref_value *indices = tn_ref_in(c, TN_IN_gather_elements_indices);
    bool skip = tn_ref_is(c, TN_ATTR_gather_elements_outside, "skip");
    int axis = tn_ref_axis(c, TN_ATTR_gather_elements_axis);

    for (int64_t k = 0; k < indices->count; k++) {
        int64_t at = indices->i[k];

        if (at >= 0 && at < x->dim[axis])
            copy_row(&c->out[0], k, x, element_for(x, indices, axis, k, at), 1);
        else if (!skip)
            return outside(c, indices, k, x->dim[axis]);
    }
    return TN_OK;
}

/* Row `k` of indices as an offset of x along `n` axes from `first` on; -1 if
 * one is out of range, whose place is then in *wrong. */
static int64_t
offset_of(const tn_ref_value *x, const tn_ref_value *indices, int first, int64_t k, int64_t *wrong)
{
    int64_t n = indices->dim[indices->rank - 1];
    int64_t at = 0;

    for (int64_t i = 0; i < n; i++) {
        int64_t index = indices->i[k * n + i];

        if (index < 0 || index >= x->dim[first + i]) {
            *wrong = k * n + i;
            return -1;
        }
        at = at * x->dim[first + i] + index;
    }
    return at;
}

tn_status
tn_oracle_gather_nd(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_gather_nd_x);
    const tn_ref_value *indices = tn_ref_in(c, TN_IN_gather_nd_indices);
    bool skip = tn_ref_is(c, TN_ATTR_gather_nd_outside, "skip");
    int batch_dims = (int)tn_op_int(c->op, TN_ATTR_gather_nd_batch_dims);
    int n = (int)indices->dim[indices->rank - 1];
    int64_t inner = product(x, batch_dims + n, x->rank);
    int64_t span = product(x, batch_dims, batch_dims + n);
    int64_t rows = product(indices, batch_dims, indices->rank - 1);
    int64_t all = product(indices, 0, indices->rank - 1);

    if (c->out[0].count == 0)
        return TN_OK;
    for (int64_t k = 0; k < all; k++) {
        int64_t wrong = 0;
        int64_t at = offset_of(x, indices, batch_dims, k, &wrong);

        if (at >= 0)
            copy_row(&c->out[0], k * inner, x, (k / rows * span + at) * inner, inner);
        else if (!skip)
            return outside(c, indices, wrong, x->dim[batch_dims + wrong % n]);
    }
    return TN_OK;
}

/* ---- writing ---- */

static void
combine(const char *reduce, tn_ref_value *out, int64_t to, const tn_ref_value *y, int64_t from)
{
    bool real = tn_is_float(out->dtype);

    if (strcmp(reduce, "none") == 0)
        copy_row(out, to, y, from, 1);
    else if (strcmp(reduce, "add") == 0 && real)
        out->f[to] += y->f[from];
    else if (strcmp(reduce, "mul") == 0 && real)
        out->f[to] *= y->f[from];
    else if (strcmp(reduce, "max") == 0 && real)
        out->f[to] = tn_ref_max(out->f[to], y->f[from]);
    else if (real)
        out->f[to] = tn_ref_min(out->f[to], y->f[from]);
    else if (strcmp(reduce, "add") == 0)
        out->i[to] = tn_ref_wrap(out->dtype, (uint64_t)out->i[to] + (uint64_t)y->i[from]);
    else if (strcmp(reduce, "mul") == 0)
        out->i[to] = tn_ref_wrap(out->dtype, (uint64_t)out->i[to] * (uint64_t)y->i[from]);
    else if ((strcmp(reduce, "max") == 0) == (y->i[from] > out->i[to]))
        out->i[to] = y->i[from];
}

tn_status
tn_oracle_scatter_elements(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_scatter_elements_x);
    const tn_ref_value *indices = tn_ref_in(c, TN_IN_scatter_elements_indices);
    const tn_ref_value *y = tn_ref_in(c, TN_IN_scatter_elements_y);
    const char *reduce = tn_op_text(c->op, TN_ATTR_scatter_elements_reduce);
    bool skip = tn_ref_is(c, TN_ATTR_scatter_elements_outside, "skip");
    int axis = tn_ref_axis(c, TN_ATTR_scatter_elements_axis);

    copy_row(&c->out[0], 0, x, 0, x->count);
    for (int64_t k = 0; k < indices->count; k++) {
        int64_t at = indices->i[k];

        if (at >= 0 && at < x->dim[axis])
            combine(reduce, &c->out[0], element_for(x, indices, axis, k, at), y, k);
        else if (!skip)
            return outside(c, indices, k, x->dim[axis]);
    }
    return TN_OK;
}

tn_status
tn_oracle_scatter_nd(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_scatter_nd_x);
    const tn_ref_value *indices = tn_ref_in(c, TN_IN_scatter_nd_indices);
    const tn_ref_value *y = tn_ref_in(c, TN_IN_scatter_nd_y);
    const char *reduce = tn_op_text(c->op, TN_ATTR_scatter_nd_reduce);
    bool skip = tn_ref_is(c, TN_ATTR_scatter_nd_outside, "skip");
    int n = (int)indices->dim[indices->rank - 1];
    int64_t inner = product(x, n, x->rank);

    copy_row(&c->out[0], 0, x, 0, x->count);
    if (y->count == 0)
        return TN_OK;
    for (int64_t k = 0; k < product(indices, 0, indices->rank - 1); k++) {
        int64_t wrong = 0;
        int64_t at = offset_of(x, indices, 0, k, &wrong);

        if (at < 0 && !skip)
            return outside(c, indices, wrong, x->dim[wrong % n]);
        for (int64_t i = 0; at >= 0 && i < inner; i++)
            combine(reduce, &c->out[0], at * inner + i, y, k * inner + i);
    }
    return TN_OK;
}

/* The offset for a row of axis 0: a size, a scalar, or one a row. */
static tn_status
offset_for(const tn_ref_call *c, int64_t row, int64_t span, int64_t size, int64_t *out)
{
    const tn_attr *a = &c->op->attr[TN_ATTR_update_at];
    const tn_ref_value *rows = a->operand < 0 ? NULL : tn_ref_in(c, a->operand);

    if (rows && rows->rank)
        *out = rows->i[row];
    else
        TN_TRY(tn_ref_place(c, TN_ATTR_update_at, out));
    if (*out >= 0 && *out <= size - span)
        return TN_OK;
    if (rows && rows->rank)
        return tn_ref_fail(c, ".attrs.at",
            "%lld at [%lld] with size %lld is outside an axis of "
            "%lld",
            (long long)*out, (long long)row, (long long)span, (long long)size);
    return tn_ref_fail(c, ".attrs.at", "%lld with size %lld is outside an axis of %lld",
        (long long)*out, (long long)span, (long long)size);
}

tn_status
tn_oracle_update(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_update_x);
    const tn_ref_value *y = tn_ref_in(c, TN_IN_update_y);
    int axis = tn_ref_axis(c, TN_ATTR_update_axis);
    tn_ref_axes a = tn_ref_along(x, axis);
    int64_t span = y->dim[axis];
    int64_t rows = axis ? x->dim[0] : 1;

    copy_row(&c->out[0], 0, x, 0, x->count);
    for (int64_t o = 0; o < a.outer; o++) {
        int64_t at;

        TN_TRY(offset_for(c, o / (a.outer / rows), span, a.size, &at));
        copy_row(&c->out[0], (o * a.size + at) * a.inner, y, o * span * a.inner, span * a.inner);
    }
    return TN_OK;
}

/* ---- counting and marking ---- */

tn_status
tn_oracle_nonzero(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    int64_t *out = c->out[0].i, *count = c->out[1].i;
    int64_t limit = c->out[0].dim[0];

    for (int64_t i = 0; i < c->out[0].count; i++)
        out[i] = -1;
    for (int64_t k = 0; k < x->count; k++) {
        int64_t rest = k;

        if (tn_is_float(x->dtype) ? x->f[k] == 0 : x->i[k] == 0)
            continue;
        if (*count == limit) {
            char text[TN_REF_POSITION];

            return tn_ref_fail(c, ".attrs.limit",
                "more than %lld elements of x are not 0, the "
                "next one at %s",
                (long long)limit, tn_ref_position(x, k, text));
        }
        for (int i = x->rank - 1; i >= 0; i--) {
            out[*count * x->rank + i] = rest % x->dim[i];
            rest /= x->dim[i];
        }
        ++*count;
    }
    return TN_OK;
}

tn_status
tn_oracle_one_hot(tn_ref_call *c)
{
    const tn_ref_value *indices = tn_ref_in(c, 0);
    tn_ref_value *out = &c->out[0];
    int64_t depth = out->dim[out->rank - 1];

    for (int64_t k = 0; k < indices->count; k++) {
        int64_t at = indices->i[k];

        if (at < 0 || at >= depth)
            continue;
        if (tn_is_float(out->dtype))
            out->f[k * depth + at] = 1;
        else
            out->i[k * depth + at] = 1;
    }
    return TN_OK;
}
