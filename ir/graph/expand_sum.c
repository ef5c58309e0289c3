/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of rows that reduce: softmax, variances, norms, linear. */
#include "ir/graph/expand_in.h"

#include <string.h>

static tn_value *
back(tn_build *b, tn_value *y, const tn_op *op)
{
    return tn_build_cast(b, y, op->out[0]->type.dtype);
}

void
tn_expand_softmax(tn_build *b, const tn_op *op, tn_value **out)
{
    int axis = (int)tn_op_int(op, TN_ATTR_softmax_axis);
    tn_value *f = tn_expand_wide(b, op->in[0]);
    tn_value *top = tn_expand_over(b, TN_OP_reduce_max, f, axis);
    tn_value *c = tn_build_map2(b, TN_OP_sub, f, top);
    tn_value *e = tn_build_map1(b, TN_OP_exp, c);
    tn_value *sum = tn_expand_over(b, TN_OP_reduce_sum, e, axis);

    out[0] = back(b, tn_build_map2(b, TN_OP_div, e, sum), op);
}

void
tn_expand_log_softmax(tn_build *b, const tn_op *op, tn_value **out)
{
    int axis = (int)tn_op_int(op, TN_ATTR_log_softmax_axis);
    tn_value *f = tn_expand_wide(b, op->in[0]);
    tn_value *top = tn_expand_over(b, TN_OP_reduce_max, f, axis);
    tn_value *c = tn_build_map2(b, TN_OP_sub, f, top);
    tn_value *e = tn_build_map1(b, TN_OP_exp, c);
    tn_value *sum = tn_expand_over(b, TN_OP_reduce_sum, e, axis);
    tn_value *l = tn_build_map1(b, TN_OP_log, sum);

    out[0] = back(b, tn_build_map2(b, TN_OP_sub, c, l), op);
}

typedef struct axes {
    const int64_t *at;
    int count;
    bool keep;
} axes;

static axes
axes_of(const tn_op *op, int list, int keepdims)
{
    return (axes){op->attr[list].ints, op->attr[list].count, tn_op_int(op, keepdims) != 0};
}

static tn_value *
dropped(tn_build *b, tn_value *x, axes a)
{
    return a.keep ? x : tn_build_squeeze(b, x, a.at, a.count);
}

/* m = max f; m0 = is_finite(m) ? m : 0; m0 + log(sum exp(f - m0)) */
void
tn_expand_reduce_logsumexp(tn_build *b, const tn_op *op, tn_value **out)
{
    axes a = axes_of(op, TN_ATTR_reduce_logsumexp_axes, TN_ATTR_reduce_logsumexp_keepdims);
    tn_value *f = tn_expand_wide(b, op->in[0]);
    tn_value *m = tn_build_reduce(b, TN_OP_reduce_max, f, a.at, a.count, true);
    tn_value *finite = tn_build_map1(b, TN_OP_is_finite, m);
    tn_value *zero = tn_build_real(b, f->type.dtype, 0);
    tn_value *m0 = tn_build_map3(b, TN_OP_where, finite, m, zero);
    tn_value *c = tn_build_map2(b, TN_OP_sub, f, m0);
    tn_value *e = tn_build_map1(b, TN_OP_exp, c);
    tn_value *sum = tn_build_reduce(b, TN_OP_reduce_sum, e, a.at, a.count, true);
    tn_value *l = tn_build_map1(b, TN_OP_log, sum);
    tn_value *y = tn_build_map2(b, TN_OP_add, m0, l);

    out[0] = back(b, dropped(b, y, a), op);
}

static tn_value *
centred(tn_build *b, tn_value *f, axes a)
{
    tn_value *mean = tn_build_reduce(b, TN_OP_reduce_mean, f, a.at, a.count, true);

    return tn_build_map2(b, TN_OP_sub, f, mean);
}

/* The number of elements less one, as a literal. */
static tn_value *
one_less(tn_build *b, const tn_value *f, axes a)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size n = tn_size_int(s, 1);

    for (int i = 0; i < a.count; i++)
        n = tn_size_mul(s, n, f->type.dim[a.at[i]]);
    n = tn_size_sub(s, n, tn_size_int(s, 1));
    return tn_graph_literal(b->block->graph, f->type.dtype, tn_expand_size(b, n));
}

static tn_value *
variance(tn_build *b, tn_value *f, axes a, const char *divisor)
{
    tn_value *c = centred(b, f, a);
    tn_value *square = tn_build_map2(b, TN_OP_mul, c, c);
    tn_value *sum;

    if (strcmp(divisor, "n") == 0)
        return tn_build_reduce(b, TN_OP_reduce_mean, square, a.at, a.count, true);
    sum = tn_build_reduce(b, TN_OP_reduce_sum, square, a.at, a.count, true);
    return tn_build_map2(b, TN_OP_div, sum, one_less(b, f, a));
}

void
tn_expand_reduce_var(tn_build *b, const tn_op *op, tn_value **out)
{
    axes a = axes_of(op, TN_ATTR_reduce_var_axes, TN_ATTR_reduce_var_keepdims);
    tn_value *f = tn_expand_wide(b, op->in[0]);
    tn_value *v = variance(b, f, a, tn_op_text(op, TN_ATTR_reduce_var_divisor));

    out[0] = back(b, dropped(b, v, a), op);
}

void
tn_expand_reduce_std(tn_build *b, const tn_op *op, tn_value **out)
{
    axes a = axes_of(op, TN_ATTR_reduce_std_axes, TN_ATTR_reduce_std_keepdims);
    tn_value *f = tn_expand_wide(b, op->in[0]);
    tn_value *v = variance(b, f, a, tn_op_text(op, TN_ATTR_reduce_std_divisor));
    tn_value *s = tn_build_map1(b, TN_OP_sqrt, v);

    out[0] = back(b, dropped(b, s, a), op);
}

void
tn_expand_linear(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *in[] = {op->in[TN_IN_linear_x], op->in[TN_IN_linear_w]};
    tn_op *product = tn_build_start(b, TN_OP_contract, in, 2);
    tn_value *bias = op->in[TN_IN_linear_bias];

    tn_op_set_text(product, TN_ATTR_contract_labels, "...i,oi->...o");
    if (tn_op_has(op, TN_ATTR_linear_dtype))
        tn_op_set_dtype(product, TN_ATTR_contract_dtype, op->attr[TN_ATTR_linear_dtype].dtype);
    tn_op_set_text(product, TN_ATTR_contract_activation, tn_op_text(op, TN_ATTR_linear_activation));
    out[0] = tn_build_finish(product);
    if (bias)
        out[0] = tn_build_map2(b, TN_OP_add, out[0], bias);
}

/* rsqrt(mean(c*c) + eps) over axes that stay. */
static tn_value *
scale_of(tn_build *b, tn_value *c, axes a, tn_value *eps)
{
    tn_value *square = tn_build_map2(b, TN_OP_mul, c, c);
    tn_value *mean = tn_build_reduce(b, TN_OP_reduce_mean, square, a.at, a.count, true);
    tn_value *sum = tn_build_map2(b, TN_OP_add, mean, eps);

    return tn_build_map1(b, TN_OP_rsqrt, sum);
}

/* c * scale * w [+ b]; w and b are widened. */
static tn_value *
scaled(tn_build *b, tn_value *c, tn_value *scale, tn_value *w, tn_value *bias)
{
    tn_value *y = tn_build_map2(b, TN_OP_mul, c, scale);
    tn_value *wide = tn_expand_wide(b, w);

    y = tn_build_map2(b, TN_OP_mul, y, wide);
    if (!bias)
        return y;
    wide = tn_expand_wide(b, bias);
    return tn_build_map2(b, TN_OP_add, y, wide);
}

void
tn_expand_layer_norm(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_layer_norm_x]);
    int64_t last = f->type.rank - 1;
    axes a = {&last, 1, true};
    tn_value *c = centred(b, f, a);
    tn_value *eps = tn_expand_number(b, op, TN_ATTR_layer_norm_eps, f->type.dtype);
    tn_value *scale = scale_of(b, c, a, eps);
    tn_value *y = scaled(b, c, scale, op->in[TN_IN_layer_norm_w], op->in[TN_IN_layer_norm_b]);

    out[0] = back(b, y, op);
}

void
tn_expand_rms_norm(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_rms_norm_x]);
    int64_t last = f->type.rank - 1;
    axes a = {&last, 1, true};
    tn_value *eps = tn_expand_number(b, op, TN_ATTR_rms_norm_eps, f->type.dtype);
    tn_value *scale = scale_of(b, f, a, eps);

    out[0] = back(b, scaled(b, f, scale, op->in[TN_IN_rms_norm_w], NULL), op);
}

/* [C] as [C,1,..,1] under the axes of x from axis 1 on. */
static tn_value *
along_channels(tn_build *b, tn_value *v, int rank)
{
    int64_t ones[TN_MAX_RANK];
    tn_value *wide = tn_expand_wide(b, v);

    for (int i = 0; i < rank - 2; i++)
        ones[i] = i + 1;
    return rank > 2 ? tn_build_unsqueeze(b, wide, ones, rank - 2) : wide;
}

void
tn_expand_batch_norm(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_batch_norm_x]);
    int rank = f->type.rank;
    tn_value *mean = along_channels(b, op->in[TN_IN_batch_norm_mean], rank);
    tn_value *var = along_channels(b, op->in[TN_IN_batch_norm_var], rank);
    tn_value *w = along_channels(b, op->in[TN_IN_batch_norm_w], rank);
    tn_value *bias = along_channels(b, op->in[TN_IN_batch_norm_b], rank);
    tn_value *eps = tn_expand_number(b, op, TN_ATTR_batch_norm_eps, f->type.dtype);
    tn_value *c = tn_build_map2(b, TN_OP_sub, f, mean);
    tn_value *sum = tn_build_map2(b, TN_OP_add, var, eps);
    tn_value *scale = tn_build_map1(b, TN_OP_rsqrt, sum);

    out[0] = back(b, scaled(b, c, scale, w, bias), op);
}

/* x as [B,groups,C/groups,..], normalised over all but the first two axes. */
static tn_value *
normalised(tn_build *b, tn_value *f, int64_t groups, tn_value *eps)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size to[TN_MAX_RANK + 1];
    int64_t list[TN_MAX_RANK];
    int rank = f->type.rank;
    axes a = {list, rank - 1, true};
    tn_value *x, *c, *scale;

    to[0] = f->type.dim[0];
    to[1] = tn_size_int(s, groups);
    to[2] = tn_size_div(s, f->type.dim[1], to[1]);
    for (int i = 2; i < rank; i++)
        to[i + 1] = f->type.dim[i];
    for (int i = 0; i < rank - 1; i++)
        list[i] = i + 2;
    x = tn_build_reshape(b, f, to, rank + 1);
    c = centred(b, x, a);
    scale = scale_of(b, c, a, eps);
    x = tn_build_map2(b, TN_OP_mul, c, scale);
    return tn_build_reshape(b, x, f->type.dim, rank);
}

static tn_value *
grouped(tn_build *b, const tn_op *op, int64_t groups, int eps_attr)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_group_norm_x]);
    tn_value *eps = tn_expand_number(b, op, eps_attr, f->type.dtype);
    tn_value *y = normalised(b, f, groups, eps);
    tn_value *w = along_channels(b, op->in[TN_IN_group_norm_w], f->type.rank);
    tn_value *bias = along_channels(b, op->in[TN_IN_group_norm_b], f->type.rank);

    y = tn_build_map2(b, TN_OP_mul, y, w);
    return back(b, tn_build_map2(b, TN_OP_add, y, bias), op);
}

void
tn_expand_group_norm(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = grouped(b, op, tn_op_int(op, TN_ATTR_group_norm_groups), TN_ATTR_group_norm_eps);
}

/* One channel a group: no reshape is needed. */
void
tn_expand_instance_norm(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_instance_norm_x]);
    tn_value *eps = tn_expand_number(b, op, TN_ATTR_instance_norm_eps, f->type.dtype);
    int rank = f->type.rank;
    int64_t list[TN_MAX_RANK];
    axes a = {list, rank - 2, true};
    tn_value *w = along_channels(b, op->in[TN_IN_instance_norm_w], rank);
    tn_value *bias = along_channels(b, op->in[TN_IN_instance_norm_b], rank);
    tn_value *c;

    for (int i = 2; i < rank; i++)
        list[i - 2] = i;
    c = centred(b, f, a);
    out[0] = back(b, scaled(b, c, scale_of(b, c, a, eps), w, bias), op);
}

static tn_size
product(tn_sizes *s, const tn_size *dim, int from, int to)
{
    tn_size n = tn_size_int(s, 1);

    for (int i = from; i < to; i++)
        n = tn_size_mul(s, n, dim[i]);
    return n;
}

/* Copies along one axis: [P,Q] -> [P,1,Q] -> [P,n,Q] -> back, with what stands
 * before the axis as P if there is no room for one more. */
static tn_value *
repeated(tn_build *b, tn_value *x, int axis, tn_size n)
{
    tn_sizes *s = b->block->graph->sizes;
    bool full = x->type.rank == TN_MAX_RANK;
    int rank = full ? 2 : x->type.rank;
    int64_t at = full ? 1 : axis;
    tn_size to[TN_MAX_RANK + 1], back[TN_MAX_RANK];
    tn_value *y = x;

    for (int i = 0; i < x->type.rank; i++)
        back[i] = x->type.dim[i];
    back[axis] = tn_size_mul(s, n, back[axis]);
    if (full) {
        to[0] = product(s, x->type.dim, 0, axis);
        to[1] = product(s, x->type.dim, axis, TN_MAX_RANK);
        y = tn_build_reshape(b, x, to, 2);
    }
    y = tn_build_unsqueeze(b, y, &at, 1);
    for (int i = 0; i <= rank; i++)
        to[i] = y->type.dim[i];
    to[at] = n;
    y = tn_build_broadcast(b, y, to, rank + 1);
    return tn_build_reshape(b, y, back, x->type.rank);
}

void
tn_expand_tile(tn_build *b, const tn_op *op, tn_value **out)
{
    const tn_attr *repeats = &op->attr[TN_ATTR_tile_repeats];
    int64_t n;

    out[0] = op->in[0];
    for (int i = 0; i < repeats->count; i++)
        if (!tn_size_is_int(repeats->sizes[i], &n) || n != 1)
            out[0] = repeated(b, out[0], i, repeats->sizes[i]);
}
