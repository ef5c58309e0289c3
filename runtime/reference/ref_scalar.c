/* SPDX-License-Identifier: Apache-2.0
 * Scalar functions that several rows use. */
#include <math.h>
#include <string.h>

#include "runtime/reference/ref.h"

double
tn_ref_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

double
tn_ref_softplus(double x)
{
    return tn_ref_max(x, 0) + log1p(exp(-fabs(x)));
}

/* Constants are literals of the type of x. */
double
tn_ref_gelu(double x, bool by_tanh, tn_dtype dtype)
{
    double half = 0.5 * x;
    double inner;

    if (!by_tanh)
        return half * (1 + erf(x * tn_round_to(dtype, 0.70710678118654752440)));
    inner = x + tn_round_to(dtype, 0.044715) * (x * x * x);
    return half * (1 + tanh(tn_round_to(dtype, 0.79788456080286535588) * inner));
}

double
tn_ref_max(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

double
tn_ref_min(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}

double
tn_ref_act(const char *word, double x, tn_dtype dtype)
{
    if (strcmp(word, "silu") == 0)
        return x * tn_ref_sigmoid(x);
    if (strcmp(word, "gelu") == 0)
        return tn_ref_gelu(x, false, dtype);
    if (strcmp(word, "gelu_tanh") == 0)
        return tn_ref_gelu(x, true, dtype);
    if (strcmp(word, "relu") == 0)
        return tn_ref_max(x, 0);
    if (strcmp(word, "sigmoid") == 0)
        return tn_ref_sigmoid(x);
    return tanh(x);
}

int
tn_ref_compare(const tn_ref_value *x, int64_t a, int64_t b)
{
    if (!tn_is_float(x->dtype))
        return (x->i[a] > x->i[b]) - (x->i[a] < x->i[b]);
    if (isnan(x->f[a]) || isnan(x->f[b]))
        return isnan(x->f[a]) - isnan(x->f[b]);
    return (x->f[a] > x->f[b]) - (x->f[a] < x->f[b]);
}

double
tn_ref_logsumexp(const double *v, int64_t count, int64_t step)
{
    double m = -INFINITY, sum = 0;

    for (int64_t k = 0; k < count; k++)
        m = tn_ref_max(m, v[k * step]);
    if (!isfinite(m))
        m = 0;
    for (int64_t k = 0; k < count; k++)
        sum += exp(v[k * step] - m);
    return m + log(sum);
}
