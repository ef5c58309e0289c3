/* SPDX-License-Identifier: Apache-2.0
 * Element-wise operations: the function of fns.def with the operation's name,
 * halves computed in f32 and rounded after each. */
#include <assert.h>

#include "passes/lower/lo.h"

/* Index of each operand from that of the result, by labels or last axes. */
static void
operand_index(tn_lo *k, const tn_op *op, int in, tn_tval *const *index, tn_tval **at)
{
    const tn_value *v = op->in[in];
    int8_t to[TN_MAX_RANK];

    (void)tn_op_dims(op, in, to);
    for (int i = 0; i < v->type.rank; i++)
        at[i] = to[i] < 0 || tn_size_is_one(v->type.dim[i]) ? tn_tb_int(k->b, 0) : index[to[i]];
}

static tn_tval *
operand(tn_lo *k, const tn_op *op, int in, tn_tval *const *index)
{
    tn_tval *at[TN_MAX_RANK];

    operand_index(k, op, in, index, at);
    return tn_lo_wide(k, op->in[in], at);
}

/* A divisor that is not 0; where it is the run fails. */
static tn_tval *
safe_divisor(tn_lo *k, const tn_op *op, tn_tval *const *index, tn_tval *x)
{
    tn_tval *at[TN_MAX_RANK];
    tn_tval *zero = tn_lo_zero(k, x->dtype), *one, *ok, *position;

    if (x->op == TN_T_const && x->whole != 0)
        return x;
    operand_index(k, op, 1, index, at);
    ok = tn_tb_fn2(k->b, TN_FN_ne, x, zero);
    position = tn_lo_position(k, &op->in[1]->type, at);
    tn_lo_check(k, op, "division by zero", op->in[1], NULL, ok, position, x);
    one = tn_tb_whole(k->b, x->dtype, 1);
    return tn_tb_fn3(k->b, TN_FN_select, ok, x, one);
}

static bool
divides(tn_opcode code)
{
    return code == TN_OP_div || code == TN_OP_mod || code == TN_OP_rem;
}

static tn_tval *
by_function(tn_lo *k, const tn_op *op, tn_fn fn, tn_tval **x)
{
    if (op->in_count == 1)
        return tn_tb_fn1(k->b, fn, x[0]);
    if (op->in_count == 2)
        return tn_tb_fn2(k->b, fn, x[0], x[1]);
    return tn_tb_fn3(k->b, fn, x[0], x[1], x[2]);
}

/* Names that differ: the functions are for integers and bool alike. */
static tn_fn
function_of(tn_opcode code)
{
    switch (code) {
    case TN_OP_and: return TN_FN_and;
    case TN_OP_or: return TN_FN_or;
    case TN_OP_xor: return TN_FN_xor;
    case TN_OP_not: return TN_FN_not;
    default: return tn_fn_of_graph_op(tn_op_info_of(code)->name);
    }
}

/* The side not chosen is not asked for elements out of range. */
static tn_tval *
choose(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    tn_tval *at[TN_MAX_RANK], *c, *a, *b;

    operand_index(k, op, 0, index, at);
    c = tn_lo_el(k, op->in[0], at);
    operand_index(k, op, 1, index, at);
    a = tn_lo_el(k, op->in[1], at);
    operand_index(k, op, 2, index, at);
    b = tn_lo_el(k, op->in[2], at);
    return tn_tb_fn3(k->b, TN_FN_select, c, a, b);
}

static tn_tval *
cast(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    tn_tval *x = tn_lo_el(k, op->in[0], index);

    return tn_tb_cast(k->b, op->out[0]->type.dtype, x);
}

tn_tval *
tn_lower_map(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    tn_dtype to = op->out[0]->type.dtype;
    tn_tval *x[3];
    tn_fn fn = function_of(op->code);

    (void)result;
    if (op->code == TN_OP_where)
        return choose(k, op, index);
    if (op->code == TN_OP_cast)
        return cast(k, op, index);
    if (op->code == TN_OP_bitcast)
        return tn_tb_bits(k->b, to, tn_lo_el(k, op->in[0], index));
    for (int i = 0; i < op->in_count; i++)
        x[i] = operand(k, op, i, index);
    if (op->in_count == 2 && tn_lo_position_of(k, op->code, x[0], x[1]))
        return tn_lo_position_of(k, op->code, x[0], x[1]);
    if (divides(op->code) && tn_is_int(x[1]->dtype))
        x[1] = safe_divisor(k, op, index, x[1]);
    if (op->code == TN_OP_clamp) {
        x[0] = tn_tb_fn2(k->b, TN_FN_max, x[0], x[1]);
        return tn_lo_narrow(k, tn_tb_fn2(k->b, TN_FN_min, x[0], x[2]), to);
    }
    assert(fn != TN_FN_COUNT);
    return tn_lo_narrow(k, by_function(k, op, fn, x), to);
}
