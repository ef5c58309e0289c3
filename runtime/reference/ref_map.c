/* SPDX-License-Identifier: Apache-2.0
 * Element-wise ops of one operand. */
#include <math.h>

#include "runtime/reference/ref.h"

typedef double real_fn(double x);

static tn_status
reals(tn_ref_call *c, real_fn *fn)
{
    const double *x = tn_ref_in(c, 0)->f;

    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].f[k] = fn(x[k]);
    return TN_OK;
}

/* A row of floats that is a function of the C library. */
#define REAL(op, fn)                         \
    tn_status tn_oracle_##op(tn_ref_call *c) \
    {                                        \
        return reals(c, fn);                 \
    }

static double
sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double
rsqrt_(double x)
{
    return 1 / sqrt(x);
}

static double
recip_(double x)
{
    return 1 / x;
}

static double
silu_(double x)
{
    return x * tn_ref_sigmoid(x);
}

static double
mish_(double x)
{
    return x * tanh(tn_ref_softplus(x));
}

REAL(floor, floor)
REAL(ceil, ceil)
REAL(round, nearbyint)
REAL(trunc, trunc)
REAL(sqrt, sqrt)
REAL(rsqrt, rsqrt_)
REAL(recip, recip_)
REAL(exp, exp)
REAL(expm1, expm1)
REAL(log, log)
REAL(log1p, log1p)
REAL(sin, sin)
REAL(cos, cos)
REAL(tan, tan)
REAL(asin, asin)
REAL(acos, acos)
REAL(atan, atan)
REAL(sinh, sinh)
REAL(cosh, cosh)
REAL(tanh, tanh)
REAL(asinh, asinh)
REAL(acosh, acosh)
REAL(atanh, atanh)
REAL(erf, erf)
REAL(sigmoid, tn_ref_sigmoid)
REAL(silu, silu_)
REAL(softplus, tn_ref_softplus)
REAL(mish, mish_)

/* ---- of integers too ---- */

tn_status
tn_oracle_neg(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);

    for (int64_t k = 0; k < x->count; k++) {
        if (tn_is_float(x->dtype))
            c->out[0].f[k] = -x->f[k];
        else
            c->out[0].i[k] = tn_ref_wrap(x->dtype, 0 - (uint64_t)x->i[k]);
    }
    return TN_OK;
}

tn_status
tn_oracle_abs(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);

    for (int64_t k = 0; k < x->count; k++) {
        if (tn_is_float(x->dtype))
            c->out[0].f[k] = fabs(x->f[k]);
        else
            c->out[0].i[k] = x->i[k] < 0 ? tn_ref_wrap(x->dtype, 0 - (uint64_t)x->i[k]) : x->i[k];
    }
    return TN_OK;
}

tn_status
tn_oracle_sign(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);

    for (int64_t k = 0; k < x->count; k++) {
        if (tn_is_float(x->dtype))
            c->out[0].f[k] = sign(x->f[k]);
        else
            c->out[0].i[k] = (x->i[k] > 0) - (x->i[k] < 0);
    }
    return TN_OK;
}

tn_status
tn_oracle_relu(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);

    for (int64_t k = 0; k < x->count; k++) {
        if (tn_is_float(x->dtype))
            c->out[0].f[k] = tn_ref_max(x->f[k], 0);
        else
            c->out[0].i[k] = x->i[k] > 0 ? x->i[k] : 0;
    }
    return TN_OK;
}

tn_status
tn_oracle_not(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].i[k] = !tn_ref_in(c, 0)->i[k];
    return TN_OK;
}

tn_status
tn_oracle_bit_not(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].i[k] = tn_ref_wrap(c->out[0].dtype, ~(uint64_t)tn_ref_in(c, 0)->i[k]);
    return TN_OK;
}

tn_status
tn_oracle_is_nan(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].i[k] = isnan(tn_ref_in(c, 0)->f[k]) != 0;
    return TN_OK;
}

tn_status
tn_oracle_is_inf(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].i[k] = isinf(tn_ref_in(c, 0)->f[k]) != 0;
    return TN_OK;
}

tn_status
tn_oracle_is_finite(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].i[k] = isfinite(tn_ref_in(c, 0)->f[k]) != 0;
    return TN_OK;
}

/* ---- composite rows with attributes; literals have the type of x ---- */

tn_status
tn_oracle_leaky_relu(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    double alpha = tn_ref_real(c, TN_ATTR_leaky_relu_alpha, x->dtype);

    for (int64_t k = 0; k < x->count; k++)
        c->out[0].f[k] = x->f[k] >= 0 ? x->f[k] : x->f[k] * alpha;
    return TN_OK;
}

tn_status
tn_oracle_elu(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    double alpha = tn_ref_real(c, TN_ATTR_elu_alpha, x->dtype);

    for (int64_t k = 0; k < x->count; k++)
        c->out[0].f[k] = x->f[k] > 0 ? x->f[k] : expm1(tn_ref_min(x->f[k], 0)) * alpha;
    return TN_OK;
}

static double
hard_sigmoid(double x, double alpha, double beta)
{
    return tn_ref_min(tn_ref_max(x * alpha + beta, 0), 1);
}

tn_status
tn_oracle_hard_sigmoid(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    double alpha = tn_ref_real(c, TN_ATTR_hard_sigmoid_alpha, x->dtype);
    double beta = tn_ref_real(c, TN_ATTR_hard_sigmoid_beta, x->dtype);

    for (int64_t k = 0; k < x->count; k++)
        c->out[0].f[k] = hard_sigmoid(x->f[k], alpha, beta);
    return TN_OK;
}

tn_status
tn_oracle_hard_swish(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    double sixth = tn_round_to(x->dtype, 1.0 / 6);

    for (int64_t k = 0; k < x->count; k++)
        c->out[0].f[k] = x->f[k] * hard_sigmoid(x->f[k], sixth, 0.5);
    return TN_OK;
}

tn_status
tn_oracle_gelu(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    bool by_tanh = tn_ref_is(c, TN_ATTR_gelu_approximate, "tanh");

    for (int64_t k = 0; k < x->count; k++)
        c->out[0].f[k] = tn_ref_gelu(x->f[k], by_tanh, x->dtype);
    return TN_OK;
}
