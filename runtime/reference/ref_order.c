/* SPDX-License-Identifier: Apache-2.0
 * Positions of extremes, running ops, top_k, sort. */
#include <math.h>
#include <string.h>

#include "runtime/reference/ref.h"

/* ---- arg_max, arg_min ---- */

/* True if element a comes before b: greater, or smaller; NaN is greatest. */
static bool
beats(const tn_ref_value *x, int64_t a, int64_t b, bool least)
{
    bool nan_a = tn_is_float(x->dtype) && isnan(x->f[a]);
    bool nan_b = tn_is_float(x->dtype) && isnan(x->f[b]);

    if (nan_a || nan_b)
        return least ? nan_b && !nan_a : nan_a && !nan_b;
    return least ? tn_ref_compare(x, a, b) < 0 : tn_ref_compare(x, a, b) > 0;
}

static tn_status
extreme(tn_ref_call *c, bool least)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_axes a = tn_ref_along(x, tn_ref_axis(c, TN_ATTR_arg_max_axis));

    if (a.size == 0 && a.outer * a.inner > 0)
        return tn_ref_fail(c, ".attrs.axis", "the axis is empty");
    for (int64_t k = 0; k < a.outer * a.inner; k++) {
        int64_t first = k / a.inner * a.size * a.inner + k % a.inner;
        int64_t best = 0;

        for (int64_t i = 1; i < a.size; i++) {
            if (beats(x, first + i * a.inner, first + best * a.inner, least))
                best = i;
        }
        c->out[0].i[k] = best;
    }
    return TN_OK;
}

tn_status
tn_oracle_arg_max(tn_ref_call *c)
{
    return extreme(c, false);
}

tn_status
tn_oracle_arg_min(tn_ref_call *c)
{
    return extreme(c, true);
}

/* ---- running ---- */

typedef struct running {
    double first;
    double (*real)(double acc, double v);
    int64_t (*whole)(int64_t acc, int64_t v);
    int from; /* first of integers: 0, 1, or -1 the least, 2 the greatest */
} running;

static int64_t
first_whole(const running *how, tn_dtype dtype)
{
    int64_t low, high;

    if (tn_is_float(dtype))
        return 0;
    tn_dtype_range(dtype, &low, &high);
    return how->from < 0 ? low : how->from > 1 ? high : how->from;
}

static void
run_one(tn_ref_call *c, const running *how, int64_t first, int64_t size, int64_t step)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_value *out = &c->out[0];
    bool exclusive = tn_op_int(c->op, TN_ATTR_cum_sum_exclusive);
    bool reverse = tn_op_int(c->op, TN_ATTR_cum_sum_reverse);
    double acc = how->first;
    int64_t whole = first_whole(how, x->dtype);

    for (int64_t k = 0; k < size; k++) {
        int64_t at = first + (reverse ? size - 1 - k : k) * step;

        if (exclusive && tn_is_float(x->dtype))
            out->f[at] = acc;
        else if (exclusive)
            out->i[at] = whole;
        if (tn_is_float(x->dtype))
            acc = how->real(acc, x->f[at]);
        else
            whole = tn_ref_wrap(x->dtype, (uint64_t)how->whole(whole, x->i[at]));
        if (!exclusive && tn_is_float(x->dtype))
            out->f[at] = acc;
        else if (!exclusive)
            out->i[at] = whole;
    }
}

static tn_status
run_all(tn_ref_call *c, const running *how)
{
    tn_ref_axes a = tn_ref_along(tn_ref_in(c, 0), tn_ref_axis(c, TN_ATTR_cum_sum_axis));

    for (int64_t k = 0; k < a.outer * a.inner; k++)
        run_one(c, how, k / a.inner * a.size * a.inner + k % a.inner, a.size, a.inner);
    return TN_OK;
}

static double
real_add(double acc, double v)
{
    return acc + v;
}

static double
real_mul(double acc, double v)
{
    return acc * v;
}

static int64_t
whole_add(int64_t acc, int64_t v)
{
    return (int64_t)((uint64_t)acc + (uint64_t)v);
}

static int64_t
whole_mul(int64_t acc, int64_t v)
{
    return (int64_t)((uint64_t)acc * (uint64_t)v);
}

static int64_t
whole_max(int64_t acc, int64_t v)
{
    return acc > v ? acc : v;
}

static int64_t
whole_min(int64_t acc, int64_t v)
{
    return acc < v ? acc : v;
}

#define RUNNING(op, ...)                          \
    tn_status tn_oracle_##op(tn_ref_call *c)      \
    {                                             \
        static const running how = {__VA_ARGS__}; \
        return run_all(c, &how);                  \
    }

RUNNING(cum_sum, 0, real_add, whole_add, 0)
RUNNING(cum_prod, 1, real_mul, whole_mul, 1)
RUNNING(cum_max, -INFINITY, tn_ref_max, whole_max, -1)
RUNNING(cum_min, INFINITY, tn_ref_min, whole_min, 2)

/* ---- order ---- */

/* Places of one slice of x, brought in order. Equal elements keep theirs. */
typedef struct order {
    const tn_ref_value *x;
    int64_t first, step;
    bool descending;
    int64_t *at, *spare;
} order;

static bool
is_after(const order *o, int64_t a, int64_t b)
{
    int d = tn_ref_compare(o->x, o->first + a * o->step, o->first + b * o->step);

    return o->descending ? d < 0 : d > 0;
}

static void
merge(order *o, int64_t low, int64_t middle, int64_t high)
{
    int64_t i = low, j = middle, k = low;

    while (i < middle || j < high) {
        bool right = i == middle || (j < high && is_after(o, o->at[i], o->at[j]));

        o->spare[k++] = right ? o->at[j++] : o->at[i++];
    }
}

static void
sort_places(order *o, int64_t size)
{
    for (int64_t i = 0; i < size; i++)
        o->at[i] = i;
    for (int64_t width = 1; width < size; width *= 2) {
        int64_t *t = o->at;

        for (int64_t low = 0; low < size; low += 2 * width) {
            int64_t middle = low + width < size ? low + width : size;
            int64_t high = low + 2 * width < size ? low + 2 * width : size;

            merge(o, low, middle, high);
        }
        o->at = o->spare;
        o->spare = t;
    }
}

/* The first `k` of each slice in order: values and places. */
static tn_status
put_in_order(tn_ref_call *c, int axis, int64_t k, bool descending)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_axes a = tn_ref_along(x, axis);
    order o = {.x = x, .step = a.inner, .descending = descending};
    tn_ref_value places;

    TN_TRY(tn_ref_scratch(c->r, TN_I64, 2 * a.size, &places));
    for (int64_t s = 0; s < a.outer * a.inner; s++) {
        int64_t to = s / a.inner * k * a.inner + s % a.inner;

        o.first = s / a.inner * a.size * a.inner + s % a.inner;
        o.at = places.i;
        o.spare = places.i + a.size;
        sort_places(&o, a.size);
        for (int64_t i = 0; i < k; i++, to += a.inner) {
            memcpy(&c->out[0].f[to], &x->f[o.first + o.at[i] * a.inner], sizeof *x->f);
            c->out[1].i[to] = o.at[i];
        }
    }
    return TN_OK;
}

tn_status
tn_oracle_top_k(tn_ref_call *c)
{
    int axis = tn_ref_axis(c, TN_ATTR_top_k_axis);
    int64_t k;

    TN_TRY(tn_ref_attr_size(c, TN_ATTR_top_k_k, &k));
    if (k < 0 || k > tn_ref_in(c, 0)->dim[axis])
        return tn_ref_fail(c, ".attrs.k", "%lld is outside 0..%lld", (long long)k,
            (long long)tn_ref_in(c, 0)->dim[axis]);
    return put_in_order(c, axis, k, tn_op_int(c->op, TN_ATTR_top_k_largest));
}

tn_status
tn_oracle_sort(tn_ref_call *c)
{
    int axis = tn_ref_axis(c, TN_ATTR_sort_axis);

    return put_in_order(c, axis, tn_ref_in(c, 0)->dim[axis],
        tn_op_int(c->op, TN_ATTR_sort_descending));
}
