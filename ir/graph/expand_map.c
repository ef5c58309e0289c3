/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of element-wise rows. */
#include "ir/graph/expand_in.h"

#include <math.h>
#include <string.h>

static tn_value *
real(tn_build *b, const tn_value *x, double value)
{
    return tn_build_real(b, x->type.dtype, value);
}

static tn_value *
relu_of(tn_build *b, tn_value *x)
{
    tn_value *zero = tn_build_int(b, x->type.dtype, 0);

    return tn_build_map2(b, TN_OP_maximum, x, zero);
}

static tn_value *
silu_of(tn_build *b, tn_value *x)
{
    tn_value *s = tn_build_map1(b, TN_OP_sigmoid, x);

    return tn_build_map2(b, TN_OP_mul, x, s);
}

/* 0.5*x*(1 + erf(x*sqrt(0.5))) */
static tn_value *
gelu_of(tn_build *b, tn_value *x)
{
    tn_value *half = tn_build_map2(b, TN_OP_mul, real(b, x, 0.5), x);
    tn_value *scaled = tn_build_map2(b, TN_OP_mul, x, real(b, x, sqrt(0.5)));
    tn_value *e = tn_build_map1(b, TN_OP_erf, scaled);
    tn_value *sum = tn_build_map2(b, TN_OP_add, real(b, x, 1), e);

    return tn_build_map2(b, TN_OP_mul, half, sum);
}

/* 0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))), x^3 as (x*x)*x */
static tn_value *
gelu_tanh_of(tn_build *b, tn_value *x)
{
    const double factor = 0.79788456080286535588; /* sqrt(2/pi) */
    tn_value *half = tn_build_map2(b, TN_OP_mul, real(b, x, 0.5), x);
    tn_value *square = tn_build_map2(b, TN_OP_mul, x, x);
    tn_value *cube = tn_build_map2(b, TN_OP_mul, square, x);
    tn_value *part = tn_build_map2(b, TN_OP_mul, real(b, x, 0.044715), cube);
    tn_value *in = tn_build_map2(b, TN_OP_add, x, part);
    tn_value *scaled = tn_build_map2(b, TN_OP_mul, real(b, x, factor), in);
    tn_value *t = tn_build_map1(b, TN_OP_tanh, scaled);
    tn_value *sum = tn_build_map2(b, TN_OP_add, real(b, x, 1), t);

    return tn_build_map2(b, TN_OP_mul, half, sum);
}

/* max(x, 0) + log1p(exp(-abs(x))) */
static tn_value *
softplus_of(tn_build *b, tn_value *x)
{
    tn_value *top = relu_of(b, x);
    tn_value *size = tn_build_map1(b, TN_OP_abs, x);
    tn_value *minus = tn_build_map1(b, TN_OP_neg, size);
    tn_value *e = tn_build_map1(b, TN_OP_exp, minus);
    tn_value *l = tn_build_map1(b, TN_OP_log1p, e);

    return tn_build_map2(b, TN_OP_add, top, l);
}

static tn_value *
clamped(tn_build *b, tn_value *x, tn_value *alpha, tn_value *beta)
{
    tn_value *scaled = tn_build_map2(b, TN_OP_mul, x, alpha);
    tn_value *moved = tn_build_map2(b, TN_OP_add, scaled, beta);
    tn_value *zero = real(b, x, 0);

    return tn_build_map3(b, TN_OP_clamp, moved, zero, real(b, x, 1));
}

static tn_value *
sloped(tn_build *b, tn_value *x, tn_value *slope)
{
    tn_value *up = tn_build_map2(b, TN_OP_greater_equal, x, real(b, x, 0));
    tn_value *other = tn_build_map2(b, TN_OP_mul, x, slope);

    return tn_build_map3(b, TN_OP_where, up, x, other);
}

void
tn_expand_relu(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = relu_of(b, op->in[0]);
}

void
tn_expand_silu(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = silu_of(b, op->in[0]);
}

void
tn_expand_softplus(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = softplus_of(b, op->in[0]);
}

void
tn_expand_mish(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *s = softplus_of(b, op->in[0]);
    tn_value *t = tn_build_map1(b, TN_OP_tanh, s);

    out[0] = tn_build_map2(b, TN_OP_mul, op->in[0], t);
}

void
tn_expand_hard_sigmoid(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_dtype t = op->in[0]->type.dtype;
    tn_value *alpha = tn_expand_number(b, op, TN_ATTR_hard_sigmoid_alpha, t);
    tn_value *beta = tn_expand_number(b, op, TN_ATTR_hard_sigmoid_beta, t);

    out[0] = clamped(b, op->in[0], alpha, beta);
}

void
tn_expand_hard_swish(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *x = op->in[0];
    tn_value *alpha = real(b, x, 1.0 / 6);
    tn_value *s = clamped(b, x, alpha, real(b, x, 0.5));

    out[0] = tn_build_map2(b, TN_OP_mul, x, s);
}

void
tn_expand_leaky_relu(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *x = op->in[0];

    out[0] = sloped(b, x, tn_expand_number(b, op, TN_ATTR_leaky_relu_alpha, x->type.dtype));
}

void
tn_expand_prelu(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = sloped(b, op->in[TN_IN_prelu_x], op->in[TN_IN_prelu_slope]);
}

void
tn_expand_elu(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *x = op->in[0];
    tn_value *up = tn_build_map2(b, TN_OP_greater, x, real(b, x, 0));
    tn_value *low = tn_build_map2(b, TN_OP_minimum, x, real(b, x, 0));
    tn_value *e = tn_build_map1(b, TN_OP_expm1, low);
    tn_value *alpha = tn_expand_number(b, op, TN_ATTR_elu_alpha, x->type.dtype);
    tn_value *other = tn_build_map2(b, TN_OP_mul, e, alpha);

    out[0] = tn_build_map3(b, TN_OP_where, up, x, other);
}

void
tn_expand_gelu(tn_build *b, const tn_op *op, tn_value **out)
{
    bool tanh_form = strcmp(tn_op_text(op, TN_ATTR_gelu_approximate), "tanh") == 0;

    out[0] = tanh_form ? gelu_tanh_of(b, op->in[0]) : gelu_of(b, op->in[0]);
}

static tn_value *
activated(tn_build *b, const char *act, tn_value *x)
{
    if (strcmp(act, "silu") == 0)
        return silu_of(b, x);
    if (strcmp(act, "gelu") == 0)
        return gelu_of(b, x);
    if (strcmp(act, "gelu_tanh") == 0)
        return gelu_tanh_of(b, x);
    if (strcmp(act, "relu") == 0)
        return relu_of(b, x);
    return tn_build_map1(b, strcmp(act, "tanh") == 0 ? TN_OP_tanh : TN_OP_sigmoid, x);
}

void
tn_expand_glu(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *a = activated(b, tn_op_text(op, TN_ATTR_glu_act), op->in[TN_IN_glu_gate]);

    out[0] = tn_build_map2(b, TN_OP_mul, a, op->in[TN_IN_glu_up]);
}
