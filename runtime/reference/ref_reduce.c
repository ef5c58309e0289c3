/* SPDX-License-Identifier: Apache-2.0
 * Reductions over any axes, and softmax along one. */
#include <math.h>
#include <string.h>

#include "runtime/reference/ref.h"

/* Elements of x in the order of the result's: kept axes first, reduced axes
 * inside, so that each result has its elements side by side. */
typedef struct gathered {
    tn_ref_value v;
    int64_t count; /* elements a result */
} gathered;

static tn_status
gather(tn_ref_call *c, gathered *g)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    const tn_attr *axes = &c->op->attr[TN_ATTR_reduce_sum_axes];
    int64_t stride[TN_MAX_RANK], index[TN_MAX_RANK] = {0};
    bool reduced[TN_MAX_RANK] = {false};
    int order[TN_MAX_RANK];
    int rank = 0;

    g->count = 1;
    for (int i = 0; i < axes->count; i++) {
        reduced[axes->ints[i]] = true;
        g->count *= x->dim[axes->ints[i]];
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < x->rank; i++) {
            if (reduced[i] == (pass == 1))
                order[rank++] = i;
        }
    }
    tn_ref_strides(x, stride);
    TN_TRY(tn_ref_scratch(c->r, x->dtype, x->count, &g->v));
    for (int64_t k = 0, at = 0; k < x->count; k++) {
        memcpy(&g->v.f[k], &x->f[at], sizeof *x->f);
        for (int i = rank - 1; i >= 0; i--) {
            at += stride[order[i]];
            if (++index[order[i]] < x->dim[order[i]])
                break;
            at -= stride[order[i]] * x->dim[order[i]];
            index[order[i]] = 0;
        }
    }
    return TN_OK;
}

/* What a reduction does with the elements of one result. */
typedef struct reduction {
    double (*real)(const tn_ref_call *c, const double *v, int64_t count);
    int64_t (*whole)(tn_dtype dtype, const int64_t *v, int64_t count);
} reduction;

static tn_status
reduce(tn_ref_call *c, const reduction *how)
{
    tn_ref_value *out = &c->out[0];
    gathered g = {.count = 0};

    TN_TRY(gather(c, &g));
    for (int64_t k = 0; k < out->count; k++) {
        if (tn_is_float(out->dtype))
            out->f[k] = how->real(c, g.v.f + k * g.count, g.count);
        else
            out->i[k] = how->whole(out->dtype, g.v.i + k * g.count, g.count);
    }
    return TN_OK;
}

#define REDUCE(op, ...)                             \
    tn_status tn_oracle_##op(tn_ref_call *c)        \
    {                                               \
        static const reduction how = {__VA_ARGS__}; \
        return reduce(c, &how);                     \
    }
#define REAL(name, first, next)                                                     \
    static double real_##name(const tn_ref_call *c, const double *v, int64_t count) \
    {                                                                               \
        double acc = first;                                                         \
        (void)c;                                                                    \
        for (int64_t k = 0; k < count; k++)                                         \
            acc = next;                                                             \
        return acc;                                                                 \
    }
#define WHOLE(name, first, next)                                                 \
    static int64_t whole_##name(tn_dtype dtype, const int64_t *v, int64_t count) \
    {                                                                            \
        int64_t low, high, acc;                                                  \
        tn_dtype_range(dtype, &low, &high);                                      \
        acc = first;                                                             \
        for (int64_t k = 0; k < count; k++)                                      \
            acc = next;                                                          \
        return tn_ref_wrap(dtype, (uint64_t)acc);                                \
    }

REAL(sum, 0, acc + v[k])
REAL(prod, 1, acc *v[k])
REAL(max, -INFINITY, tn_ref_max(acc, v[k]))
REAL(min, INFINITY, tn_ref_min(acc, v[k]))
WHOLE(sum, 0, (int64_t)((uint64_t)acc + (uint64_t)v[k]))
WHOLE(prod, 1, (int64_t)((uint64_t)acc *(uint64_t)v[k]))
WHOLE(max, low, v[k] > acc ? v[k] : acc)
WHOLE(min, high, v[k] < acc ? v[k] : acc)
WHOLE(any, 0, acc | v[k])
WHOLE(all, 1, acc &v[k])

static double
real_mean(const tn_ref_call *c, const double *v, int64_t count)
{
    return real_sum(c, v, count) / (double)count;
}

/* Rows of f(x): halves are cast to f32 first, the result back. */
static double
wide_of(const tn_ref_call *c, double v)
{
    return tn_ref_wide(tn_ref_in(c, 0)->dtype, v);
}

static double
wide_mean(const tn_ref_call *c, const double *v, int64_t count)
{
    double sum = 0;

    for (int64_t k = 0; k < count; k++)
        sum += wide_of(c, v[k]);
    return sum / (double)count;
}

static double
deviations(const tn_ref_call *c, const double *v, int64_t count, bool less_one)
{
    double mean = wide_mean(c, v, count);
    double sum = 0;

    for (int64_t k = 0; k < count; k++) {
        double d = wide_of(c, v[k]) - mean;

        sum += d * d;
    }
    return sum / (double)(less_one ? count - 1 : count);
}

static double
real_var(const tn_ref_call *c, const double *v, int64_t count)
{
    bool less_one = tn_ref_is(c, TN_ATTR_reduce_var_divisor, "n-1");

    return tn_ref_narrow(c->out[0].dtype, deviations(c, v, count, less_one));
}

static double
real_std(const tn_ref_call *c, const double *v, int64_t count)
{
    bool less_one = tn_ref_is(c, TN_ATTR_reduce_std_divisor, "n-1");

    return tn_ref_narrow(c->out[0].dtype, sqrt(deviations(c, v, count, less_one)));
}

static double
real_logsumexp(const tn_ref_call *c, const double *v, int64_t count)
{
    double m = -INFINITY, sum = 0;

    for (int64_t k = 0; k < count; k++)
        m = tn_ref_max(m, wide_of(c, v[k]));
    if (!isfinite(m))
        m = 0;
    for (int64_t k = 0; k < count; k++)
        sum += exp(wide_of(c, v[k]) - m);
    return tn_ref_narrow(c->out[0].dtype, m + log(sum));
}

REDUCE(reduce_sum, .real = real_sum, .whole = whole_sum)
REDUCE(reduce_prod, .real = real_prod, .whole = whole_prod)
REDUCE(reduce_max, .real = real_max, .whole = whole_max)
REDUCE(reduce_min, .real = real_min, .whole = whole_min)
REDUCE(reduce_mean, .real = real_mean)
REDUCE(reduce_any, .whole = whole_any)
REDUCE(reduce_all, .whole = whole_all)
REDUCE(reduce_var, .real = real_var)
REDUCE(reduce_std, .real = real_std)
REDUCE(reduce_logsumexp, .real = real_logsumexp)

/* ---- along one axis ---- */

/* e = exp(f - max f); e / sum e */
static void
softmax_one(tn_dtype dtype, const double *x, double *out, int64_t count, int64_t step)
{
    double m = -INFINITY, sum = 0;

    for (int64_t k = 0; k < count; k++)
        m = tn_ref_max(m, tn_ref_wide(dtype, x[k * step]));
    for (int64_t k = 0; k < count; k++) {
        out[k * step] = exp(tn_ref_wide(dtype, x[k * step]) - m);
        sum += out[k * step];
    }
    for (int64_t k = 0; k < count; k++)
        out[k * step] = tn_ref_narrow(dtype, out[k * step] / sum);
}

/* c = f - max f; c - log(sum exp(c)) */
static void
log_softmax_one(tn_dtype dtype, const double *x, double *out, int64_t count, int64_t step)
{
    double m = -INFINITY, sum = 0;

    for (int64_t k = 0; k < count; k++)
        m = tn_ref_max(m, tn_ref_wide(dtype, x[k * step]));
    for (int64_t k = 0; k < count; k++) {
        out[k * step] = tn_ref_wide(dtype, x[k * step]) - m;
        sum += exp(out[k * step]);
    }
    for (int64_t k = 0; k < count; k++)
        out[k * step] = tn_ref_narrow(dtype, out[k * step] - log(sum));
}

typedef void along_fn(tn_dtype dtype, const double *x, double *out, int64_t count, int64_t step);

static tn_status
along(tn_ref_call *c, along_fn *fn)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    tn_ref_axes a = tn_ref_along(x, tn_ref_axis(c, TN_ATTR_softmax_axis));

    for (int64_t o = 0; o < a.outer; o++) {
        for (int64_t i = 0; i < a.inner; i++) {
            int64_t at = o * a.size * a.inner + i;

            fn(x->dtype, x->f + at, c->out[0].f + at, a.size, a.inner);
        }
    }
    return TN_OK;
}

tn_status
tn_oracle_softmax(tn_ref_call *c)
{
    return along(c, softmax_one);
}

tn_status
tn_oracle_log_softmax(tn_ref_call *c)
{
    return along(c, log_softmax_one);
}
