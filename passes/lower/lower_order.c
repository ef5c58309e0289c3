/* SPDX-License-Identifier: Apache-2.0
 * Positions of extremes, running operations, the k largest. */
#include <assert.h>

#include "passes/lower/lo.h"

static tn_tval *
extreme(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    tn_value *in = op->in[0];
    int axis = (int)tn_op_int(op, TN_ATTR_arg_max_axis);
    bool keep = op->out[0]->type.rank == in->type.rank;
    tn_fn fn = op->code == TN_OP_arg_max ? TN_FN_max : TN_FN_min;
    tn_tval *at[TN_MAX_RANK], *x;
    tn_axis *along;

    _Static_assert((int)TN_ATTR_arg_max_axis == (int)TN_ATTR_arg_min_axis, "equal rows");
    for (int i = 0, n = 0; i < in->type.rank; i++) {
        at[i] = i == axis ? tn_tb_int(k->b, 0) : index[keep ? i : n];
        n += i != axis;
    }
    if (tn_size_is_one(in->type.dim[axis])) {
        (void)tn_lo_wide(k, in, at); /* what can fail still does */
        return tn_lo_zero(k, op->out[0]->type.dtype);
    }
    along = tn_lo_span_axis(k, in->type.dim[axis], at, in->type.rank);
    at[axis] = tn_tb_index(k->b, along);
    x = tn_lo_with_axis(k, tn_lo_wide(k, in, at), along);
    x = tn_tb_result(k->b, tn_tb_argreduce(k->b, fn, x, along), 1);
    return tn_tb_cast(k->b, op->out[0]->type.dtype, x);
}

/* ---- running operations ---- */

static tn_fn
running_fn(tn_opcode code)
{
    switch (code) {
    case TN_OP_cum_prod: return TN_FN_mul;
    case TN_OP_cum_max: return TN_FN_max;
    case TN_OP_cum_min: return TN_FN_min;
    default: return TN_FN_add;
    }
}

/* Only at positions of a spanned axis: groups see to that. */
static tn_tval *
running(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_cum_sum_axis);
    bool reverse = tn_op_int(op, TN_ATTR_cum_sum_reverse) != 0;
    bool exclusive = tn_op_int(op, TN_ATTR_cum_sum_exclusive) != 0;
    tn_axis *along = index[axis]->axis;
    tn_tval *x;

    if (tn_size_is_one(op->in[0]->type.dim[axis]))
        along = NULL;
    else if (index[axis]->op != TN_T_index || along->kind != TN_AXIS_SPAN)
        return tn_lo_refuse(k, op, "is read at computed places", op->out[0]->type.dtype);
    x = tn_lo_wide(k, op->in[0], index);
    if (!along) {
        along = tn_lo_span_axis(k, op->in[0]->type.dim[axis], index, op->in[0]->type.rank);
        x = tn_lo_with_axis(k, x, along);
        x = tn_tb_prefix(k->b, running_fn(op->code), x, along, !exclusive, reverse);
        x = tn_tb_reduce(k->b, TN_FN_max, x, &along, 1);
    } else {
        x = tn_lo_with_axis(k, x, along);
        x = tn_tb_prefix(k->b, running_fn(op->code), x, along, !exclusive, reverse);
    }
    return tn_lo_narrow(k, x, op->out[0]->type.dtype);
}

/* ---- top_k ---- */

/* Integers in the order of floats, NaN greatest, both zeros equal. */
tn_tval *
tn_lo_order_key(tn_lo *k, tn_tval *x)
{
    tn_dtype t = x->dtype == TN_F64 ? TN_I64 : TN_I32;
    int64_t most = t == TN_I64 ? INT64_MAX : INT32_MAX;
    tn_tval *nan = tn_tb_fn1(k->b, TN_FN_is_nan, x);
    tn_tval *bits = tn_tb_bits(k->b, t, x), *least = tn_tb_whole(k->b, t, -most - 1);
    tn_tval *negative, *flipped;

    /* In integers: a device may drop the sign of a zero, or keep it. */
    negative = tn_tb_fn2(k->b, TN_FN_eq, bits, least);
    bits = tn_tb_fn3(k->b, TN_FN_select, negative, tn_lo_zero(k, t), bits);
    negative = tn_tb_fn2(k->b, TN_FN_lt, bits, tn_lo_zero(k, t));
    flipped = tn_tb_fn2(k->b, TN_FN_xor, bits, tn_tb_whole(k->b, t, most));
    bits = tn_tb_fn3(k->b, TN_FN_select, negative, flipped, bits);
    return tn_tb_fn3(k->b, TN_FN_select, nan, tn_tb_whole(k->b, t, most), bits);
}

static tn_tval *
of_key(tn_lo *k, tn_tval *key, tn_dtype to)
{
    tn_dtype t = key->dtype;
    int64_t most = t == TN_I64 ? INT64_MAX : INT32_MAX;
    tn_tval *negative = tn_tb_fn2(k->b, TN_FN_lt, key, tn_lo_zero(k, t));
    tn_tval *flipped = tn_tb_fn2(k->b, TN_FN_xor, key, tn_tb_whole(k->b, t, most));

    return tn_tb_bits(k->b, to, tn_tb_fn3(k->b, TN_FN_select, negative, flipped, key));
}

/* Smallest first is largest first of the complement. */
static tn_tval *
turned(tn_lo *k, tn_tval *x)
{
    if (tn_is_float(x->dtype))
        x = tn_lo_order_key(k, x);
    return tn_tb_fn1(k->b, TN_FN_not, x);
}

static tn_tval *
turned_back(tn_lo *k, tn_tval *x, tn_dtype to)
{
    x = tn_tb_fn1(k->b, TN_FN_not, x);
    return tn_is_float(to) ? of_key(k, x, to) : x;
}

enum { TOPK_LIMIT = 64 };

/* One rank of the result: its axis is that of `index`, or, for a fixed rank
 * (k is 1), an axis of one place that is summed away. */
static tn_tval *
top_k(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    tn_value *in = op->in[0];
    int axis = (int)tn_op_int(op, TN_ATTR_top_k_axis);
    bool largest = tn_op_int(op, TN_ATTR_top_k_largest) != 0;
    tn_tval *at[TN_MAX_RANK], *x, *best;
    tn_axis *along, *out = index[axis]->axis;
    tn_dtype wide;
    int64_t low, high;

    tn_size_bounds(k->g->sizes, op->out[0]->type.dim[axis], &low, &high);
    if (high > TOPK_LIMIT)
        return tn_lo_refuse(k, op, "k is above 64", op->out[result]->type.dtype);
    if (index[axis]->op != TN_T_index && index[axis]->op != TN_T_const)
        return tn_lo_refuse(k, op, "is read at computed places", op->out[result]->type.dtype);
    tn_lo_copy(at, index, in->type.rank);
    along = tn_lo_span_axis(k, in->type.dim[axis], index, in->type.rank);
    at[axis] = tn_tb_index(k->b, along);
    x = tn_lo_with_axis(k, tn_lo_wide(k, in, at), along);
    wide = x->dtype;
    x = largest ? x : turned(k, x);
    if (!out)
        out = tn_tb_out(k->b, "one", tn_tb_int(k->b, 1));
    else if (out->kind == TN_AXIS_SPAN)
        out->kind = TN_AXIS_OUT;
    best = tn_tb_result(k->b, tn_tb_topk(k->b, x, along, out), result);
    if (!index[axis]->axis)
        best = tn_tb_reduce(k->b, TN_FN_max, best, &out, 1);
    if (result == 0 && !largest)
        best = turned_back(k, best, wide);
    return tn_tb_cast(k->b, op->out[result]->type.dtype, best);
}

tn_tval *
tn_lower_order(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    switch (op->code) {
    case TN_OP_arg_max:
    case TN_OP_arg_min: return extreme(k, op, index);
    case TN_OP_top_k: return top_k(k, op, result, index);
    default: return running(k, op, index);
    }
}
