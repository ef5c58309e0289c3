/* SPDX-License-Identifier: Apache-2.0
 * Sizes, axes, and integers from data that must be in range. */
#include <ctype.h>
#include <string.h>

#include "passes/lower/lo.h"
#include "passes/range.h"

/* ---- sizes, axes ---- */

static const char *
size_name(tn_lo *k, tn_size size)
{
    tn_text text = {.arena = k->arena};

    tn_size_print(&text, k->g->sizes, size);
    return text.at;
}

tn_tval *
tn_lo_size(tn_lo *k, tn_size size)
{
    int64_t value, low, high;
    tn_tval *v;

    if (!size) {
        k->status = tn_fail(k->diag, TN_LIMIT, "a size is beyond 64 bits");
        return tn_tb_int(k->b, 1);
    }
    if (tn_size_is_int(size, &value))
        return tn_tb_int(k->b, value);
    tn_size_bounds(k->g->sizes, size, &low, &high);
    low = low < 0 ? 0 : low;
    high = high > INT32_MAX ? INT32_MAX : high;
    v = tn_tb_size(k->b, size_name(k, size), low, high);
    while (k->out->sizes.count <= (uint32_t)v->whole)
        tn_push(k->arena, &k->out->sizes, size);
    return v;
}

/* "b" for B, "k" for a number, "t1" for T-1. */
static const char *
axis_name(tn_lo *k, tn_size extent)
{
    const char *name = size_name(k, extent);
    char *lower = tn_arena_copy(k->arena, name, strlen(name));
    int64_t value;
    size_t n = 0;

    if (tn_size_is_int(extent, &value))
        return "k";
    for (size_t i = 0; name[i] && n < 8; i++)
        if (isalnum((unsigned char)name[i]))
            lower[n++] = (char)tolower((unsigned char)name[i]);
    lower[n] = 0;
    return n ? lower : "k";
}

tn_axis *
tn_lo_span_axis(tn_lo *k, tn_size extent, tn_tval *const *index, int count)
{
    tn_lo_span span = {.extent = extent};

    for (uint32_t i = 0; i < k->spans.count; i++) {
        bool used = false;

        for (int n = 0; n < count; n++)
            used |= tn_tval_has_axis(index[n], k->spans.at[i].axis);
        if (!used && tn_size_equal(k->spans.at[i].extent, extent))
            return k->spans.at[i].axis;
    }
    span.axis = tn_tb_span(k->b, axis_name(k, extent), tn_lo_size(k, extent));
    tn_push(k->arena, &k->spans, span);
    return span.axis;
}

tn_tval *
tn_lo_with_axis(tn_lo *k, tn_tval *x, tn_axis *axis)
{
    tn_tval *at, *other = tn_lo_zero(k, x->dtype);

    if (tn_tval_has_axis(x, axis))
        return x;
    if (x == other) /* a choice between equals is none */
        other =
            tn_is_float(x->dtype) ? tn_tb_real(k->b, x->dtype, 1) : tn_tb_whole(k->b, x->dtype, 1);
    at = tn_tb_index(k->b, axis);
    at = tn_tb_fn2(k->b, TN_FN_le, tn_tb_int(k->b, 0), at);
    return tn_tb_fn3(k->b, TN_FN_select, at, x, other);
}

/* ---- integers from data ---- */

/* An i32 that was made i64 is looked at as it was: half the work, and lavapipe
 * gave wrong results for one that all lanes share. */
static tn_tval *
before_widening(tn_tval *at)
{
    while (at->op == TN_T_fn && at->fn == TN_FN_cast && at->dtype == TN_I64 &&
        at->arg[0]->dtype == TN_I32)
        at = at->arg[0];
    return at;
}

tn_tval *
tn_lo_in_range(tn_lo *k, tn_tval *at, tn_size extent)
{
    tn_tval *size, *below, *zero;

    at = before_widening(at);
    size = tn_tb_cast(k->b, at->dtype, tn_lo_size(k, extent));
    below = tn_tb_fn2(k->b, TN_FN_lt, at, size);
    zero = tn_tb_whole(k->b, at->dtype, 0);
    if (tn_lo_as_below(k, at, extent))
        return tn_tb_whole(k->b, TN_BOOL, 1);
    if (!tn_is_signed(at->dtype))
        return below;
    return tn_tb_fn2(k->b, TN_FN_and, tn_tb_fn2(k->b, TN_FN_le, zero, at), below);
}

/* Into 0 .. extent-1, as i32; 0 if there is nothing. */
tn_tval *
tn_lo_clamped(tn_lo *k, tn_tval *at, tn_size extent)
{
    tn_tval *size = tn_lo_size(k, extent);
    tn_tval *last = tn_tb_fn2(k->b, TN_FN_sub, size, tn_tb_int(k->b, 1));
    tn_tval *zero, *x;

    at = before_widening(at);
    zero = tn_tb_whole(k->b, at->dtype, 0);
    if (tn_lo_as_below(k, at, extent))
        return tn_lo_as_below(k, at, extent);
    if (!tn_is_signed(at->dtype)) {
        last = tn_tb_fn2(k->b, TN_FN_max, last, tn_tb_int(k->b, 0));
        x = tn_tb_fn2(k->b, TN_FN_min, at, tn_tb_cast(k->b, at->dtype, last));
        return tn_tb_cast(k->b, TN_I32, x);
    }
    x = tn_tb_fn2(k->b, TN_FN_min, at, tn_tb_cast(k->b, at->dtype, last));
    x = tn_tb_fn2(k->b, TN_FN_max, x, zero);
    return tn_tb_cast(k->b, TN_I32, x);
}

tn_tval *
tn_lo_position(tn_lo *k, const tn_type *type, tn_tval *const *index)
{
    tn_tval *at = tn_tb_int(k->b, 0);

    for (int i = 0; i < type->rank; i++) {
        tn_tval *size = tn_lo_size(k, type->dim[i]);

        at = tn_tb_fn2(k->b, TN_FN_mul, at, size);
        at = tn_tb_fn2(k->b, TN_FN_add, at, index[i]);
    }
    return at;
}

void
tn_lo_check(tn_lo *k, const tn_op *op, const char *what, const tn_value *data, tn_size extent,
    tn_tval *condition, tn_tval *position, tn_tval *value)
{
    const char *name = tn_arena_printf(k->arena, "%s: %s: %s", op->path ? op->path : "",
        tn_op_info_of(op->code)->name, what);
    uint32_t site = tn_tb_site(k->b, name);

    if (k->where)
        condition = tn_tb_fn2(k->b, TN_FN_or, tn_tb_fn1(k->b, TN_FN_not, k->where), condition);
    while (k->out->sites.count <= site)
        tn_push(k->arena, &k->out->sites,
            ((tn_lowered_site){.what = name, .data = data, .extent = extent}));
    tn_tb_check(k->b, site, condition, position, value);
}

tn_tval *
tn_lo_checked_index(tn_lo *k, const tn_op *op, const char *what, tn_value *data,
    tn_tval *const *place, tn_size extent)
{
    tn_tval *at = tn_lo_el(k, data, place), *ok, *position;

    if (tn_value_below(data, extent))
        return tn_tb_cast(k->b, TN_I32, at);
    ok = tn_lo_in_range(k, at, extent);
    position = tn_lo_position(k, &data->type, place);
    tn_lo_check(k, op, what, data, extent, ok, position, at);
    return tn_lo_clamped(k, at, extent);
}

tn_tval *
tn_lo_place(tn_lo *k, const tn_op *op, int attr, tn_size room)
{
    const tn_attr *a = &op->attr[attr];
    tn_size extent;

    if (a->operand < 0)
        return tn_lo_size(k, a->sizes[0]);
    extent = tn_size_add(k->g->sizes, room, tn_size_int(k->g->sizes, 1));
    return tn_lo_checked_index(k, op, "offset out of range", op->in[a->operand], NULL, extent);
}
