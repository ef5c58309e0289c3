/* SPDX-License-Identifier: Apache-2.0
 * Operations that make numbers: fill, iota, one_hot. */
#include "passes/lower/lo.h"

static tn_tval *
iota(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    const tn_attr *start = &op->attr[TN_ATTR_iota_start];
    tn_dtype to = op->out[0]->type.dtype;
    tn_dtype in = to == TN_I64 || to == TN_F64 ? TN_I64 : TN_I32;
    tn_tval *first, *at = index[0];

    if (start->operand >= 0)
        first = tn_lo_scalar(k, op->in[start->operand]);
    else
        first = tn_lo_size(k, start->sizes[0]);
    if (first->dtype == TN_I64)
        in = TN_I64;
    first = tn_tb_cast(k->b, in, first);
    at = tn_tb_cast(k->b, in, at);
    return tn_tb_cast(k->b, to, tn_tb_fn2(k->b, TN_FN_add, at, first));
}

static tn_tval *
one_hot(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    tn_tval *x = tn_lo_el(k, op->in[0], index);
    tn_tval *at = tn_tb_cast(k->b, x->dtype, index[op->out[0]->type.rank - 1]);

    return tn_tb_cast(k->b, op->out[0]->type.dtype, tn_tb_fn2(k->b, TN_FN_eq, x, at));
}

static tn_tval *
fill(tn_lo *k, const tn_op *op)
{
    const tn_number *n = &op->attr[TN_ATTR_fill_value].numbers[0];

    if (n->kind != TN_NUMBER_SYMBOLIC)
        return tn_lo_number(k, op->out[0]->type.dtype, n);
    return tn_lo_symbolic(k, op, op->out[0]->type.dtype, n);
}

tn_tval *
tn_lower_make(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)result;
    if (op->code == TN_OP_iota)
        return iota(k, op, index);
    return op->code == TN_OP_one_hot ? one_hot(k, op, index) : fill(k, op);
}
