/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of quantize and dequantize. Sums with a zero point are exact
 * in whole numbers of the width at hand: no device needs wider ones. */
#include "ir/graph/expand_in.h"

static tn_value *
map1(tn_build *b, tn_opcode code, tn_value *x)
{
    return tn_build_map1(b, code, x);
}

static tn_value *
map2(tn_build *b, tn_opcode code, tn_value *x, tn_value *y)
{
    return tn_build_map2(b, code, x, y);
}

static tn_value *
choose(tn_build *b, tn_value *c, tn_value *x, tn_value *y)
{
    return tn_build_map3(b, TN_OP_where, c, x, y);
}

/* The least or greatest number of the type. */
static tn_value *
bound(tn_build *b, tn_dtype t, bool greatest)
{
    int64_t low, high;

    tn_dtype_range(t, &low, &high);
    return tn_build_int(b, t, greatest ? high : low);
}

/* ---- scales ---- */

/* s[.., blocks, ..] with each element `block` times along `axis`, cut to x. */
static tn_value *
each_of_block(tn_build *b, tn_value *s, const tn_type *x, int axis, int64_t block)
{
    tn_sizes *sizes = b->block->graph->sizes;
    int64_t behind = axis + 1;
    tn_type t = s->type;
    tn_size to[TN_MAX_RANK];

    s = tn_build_unsqueeze(b, s, &behind, 1);
    for (int i = 0; i < s->type.rank; i++)
        to[i] = i == behind ? tn_size_int(sizes, block) : s->type.dim[i];
    s = tn_build_broadcast(b, s, to, s->type.rank);
    t.dim[axis] = tn_size_mul(sizes, t.dim[axis], tn_size_int(sizes, block));
    s = tn_build_reshape(b, s, t.dim, t.rank);
    return tn_build_slice(b, s, axis, tn_size_int(sizes, 0), x->dim[axis]);
}

/* A scale or zero point as an operand beside x. */
static tn_value *
beside(tn_build *b, tn_value *s, const tn_op *op, int axis_attr, int block_attr)
{
    const tn_type *x = &op->in[0]->type;
    int64_t behind[TN_MAX_RANK];
    int axis, count = 0;

    if (!s || !tn_op_has(op, axis_attr))
        return s;
    axis = (int)tn_op_int(op, axis_attr);
    if (tn_op_has(op, block_attr))
        return each_of_block(b, s, x, axis, tn_op_int(op, block_attr));
    while (count < x->rank - 1 - axis) {
        behind[count] = count + 1;
        count++;
    }
    return count ? tn_build_unsqueeze(b, s, behind, count) : s;
}

/* ---- quantize ---- */

static tn_value *
add_saturating(tn_build *b, tn_value *x, tn_value *y)
{
    tn_dtype t = x->type.dtype;
    tn_value *zero = tn_build_int(b, t, 0);
    tn_value *sum = map2(b, TN_OP_add, x, y), *over, *other, *limit;

    over = map2(b, TN_OP_bit_xor, x, sum);
    other = map2(b, TN_OP_bit_xor, y, sum);
    over = map2(b, TN_OP_bit_and, over, other);
    over = map2(b, TN_OP_less, over, zero);
    limit = map2(b, TN_OP_less, x, zero);
    other = bound(b, t, false);
    limit = choose(b, limit, other, bound(b, t, true));
    return choose(b, over, limit, sum);
}

/* q + zero of whole q up to 2^64 and beyond, as i64: half of q, zero, and the
 * other half. */
static tn_value *
sum_i64(tn_build *b, tn_value *q, tn_value *zero)
{
    tn_dtype t = q->type.dtype;
    tn_value *half = map2(b, TN_OP_mul, q, tn_build_real(b, t, 0.5)), *rest, *sum, *test, *limit;

    half = map1(b, TN_OP_trunc, half);
    rest = map2(b, TN_OP_mul, half, tn_build_real(b, t, 2));
    rest = map2(b, TN_OP_sub, q, rest);
    rest = tn_build_cast(b, rest, TN_I64);
    half = tn_build_cast(b, half, TN_I64);
    rest = map2(b, TN_OP_add, half, rest);
    sum = add_saturating(b, rest, zero);
    sum = add_saturating(b, sum, half);
    test = map2(b, TN_OP_greater_equal, q, tn_build_real(b, t, 0x1p64));
    limit = bound(b, TN_I64, true);
    sum = choose(b, test, limit, sum);
    test = map2(b, TN_OP_less_equal, q, tn_build_real(b, t, -0x1p64));
    limit = bound(b, TN_I64, false);
    return choose(b, test, limit, sum);
}

/* The same as u32: the size of q, beyond which there is nothing. */
static tn_value *
sum_u32(tn_build *b, tn_value *q, tn_value *zero)
{
    tn_value *below = map2(b, TN_OP_less, q, tn_build_real(b, q->type.dtype, 0));
    tn_value *size = map1(b, TN_OP_abs, q), *sum, *rest, *test;

    size = tn_build_cast(b, size, TN_U32);
    sum = map2(b, TN_OP_add, size, zero);
    test = map2(b, TN_OP_less, sum, size);
    sum = choose(b, test, bound(b, TN_U32, true), sum);
    rest = map2(b, TN_OP_sub, zero, size);
    test = map2(b, TN_OP_less, zero, size);
    rest = choose(b, test, tn_build_int(b, TN_U32, 0), rest);
    return choose(b, below, rest, sum);
}

static tn_value *
bits(tn_build *b, tn_value *x, tn_dtype to)
{
    tn_op *op = tn_build_start(b, TN_OP_bitcast, &x, 1);

    tn_op_set_dtype(op, TN_ATTR_bitcast_to, to);
    return tn_build_finish(op);
}

/* i32 counts from its least number on. */
static tn_value *
sum_i32(tn_build *b, tn_value *q, tn_value *zero)
{
    tn_value *top = tn_build_int(b, TN_U32, INT64_C(1) << 31), *sum;

    zero = bits(b, zero, TN_U32);
    zero = map2(b, TN_OP_bit_xor, zero, top);
    sum = sum_u32(b, q, zero);
    sum = map2(b, TN_OP_bit_xor, sum, top);
    return bits(b, sum, TN_I32);
}

void
tn_expand_quantize(tn_build *b, const tn_op *op, tn_value **out)
{
    enum { AXIS = TN_ATTR_quantize_axis, BLOCK = TN_ATTR_quantize_block };
    tn_dtype to = op->out[0]->type.dtype;
    tn_value *x = tn_expand_wide(b, op->in[TN_IN_quantize_x]), *nan;
    tn_value *scale = tn_expand_wide(b, op->in[TN_IN_quantize_scale]);
    tn_value *zero = beside(b, op->in[TN_IN_quantize_zero], op, AXIS, BLOCK);
    tn_value *q;

    scale = beside(b, scale, op, AXIS, BLOCK);
    q = map2(b, TN_OP_div, x, scale);
    q = map1(b, TN_OP_round, q);
    if (zero) {
        nan = map1(b, TN_OP_is_nan, q);
        q = choose(b, nan, tn_build_real(b, q->type.dtype, 0), q);
    }
    if (zero && to == TN_I64)
        out[0] = sum_i64(b, q, zero);
    else if (zero && to == TN_I32)
        out[0] = sum_i32(b, q, zero);
    else if (zero && to == TN_U32)
        out[0] = sum_u32(b, q, zero);
    else if (zero) /* exact up to far beyond the range */
        q = map2(b, TN_OP_add, q, tn_build_cast(b, zero, q->type.dtype));
    if (!out[0])
        out[0] = tn_build_cast(b, q, to);
}

/* ---- dequantize ---- */

/* x - zero in a float type; each alone where the difference wraps. */
static tn_value *
difference(tn_build *b, tn_value *x, tn_value *zero, tn_dtype wide)
{
    tn_value *d = map2(b, TN_OP_sub, x, zero), *test, *other, *y;

    if (x->type.dtype == TN_U32) {
        test = map2(b, TN_OP_less, x, zero);
        other = map2(b, TN_OP_sub, zero, x);
        other = tn_build_cast(b, other, wide);
        other = map1(b, TN_OP_neg, other);
    } else {
        test = map2(b, TN_OP_bit_xor, x, zero);
        other = map2(b, TN_OP_bit_xor, x, d);
        test = map2(b, TN_OP_bit_and, test, other);
        test = map2(b, TN_OP_less, test, tn_build_int(b, x->type.dtype, 0));
        other = tn_build_cast(b, x, wide);
        y = tn_build_cast(b, zero, wide);
        other = map2(b, TN_OP_sub, other, y);
    }
    return choose(b, test, other, tn_build_cast(b, d, wide));
}

void
tn_expand_dequantize(tn_build *b, const tn_op *op, tn_value **out)
{
    enum { AXIS = TN_ATTR_dequantize_axis, BLOCK = TN_ATTR_dequantize_block };
    tn_value *x = op->in[TN_IN_dequantize_x];
    tn_value *scale = tn_expand_wide(b, op->in[TN_IN_dequantize_scale]);
    tn_value *zero = beside(b, op->in[TN_IN_dequantize_zero], op, AXIS, BLOCK);
    tn_dtype wide = scale->type.dtype;

    scale = beside(b, scale, op, AXIS, BLOCK);
    if (zero && tn_dtype_bytes(x->type.dtype) == 1) {
        x = tn_build_cast(b, x, TN_I32);
        x = map2(b, TN_OP_sub, x, tn_build_cast(b, zero, TN_I32));
        x = tn_build_cast(b, x, wide);
    } else if (zero) {
        x = difference(b, x, zero, wide);
    } else {
        x = tn_build_cast(b, x, wide);
    }
    x = map2(b, TN_OP_mul, x, scale);
    out[0] = tn_build_cast(b, x, op->out[0]->type.dtype);
}

/* ---- activation q8 of contract ---- */

enum { Q8_BLOCK = 32 };

/* x in blocks along `axis`, which gets one behind it; zeros fill the last. */
static tn_value *
in_blocks(tn_build *b, tn_value *x, int axis)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size width = tn_size_int(s, Q8_BLOCK), extent = x->type.dim[axis], after;
    tn_size blocks = tn_size_ceil_div(s, extent, width);
    tn_size to[TN_MAX_RANK];
    int64_t along = axis, known;
    int rank = 0;

    after = tn_size_sub(s, tn_size_mul(s, blocks, width), extent);
    if (!tn_size_is_int(after, &known) || known) {
        tn_op *op = tn_build_start(b, TN_OP_pad, &x, 1);

        tn_op_set_ints(op, TN_ATTR_pad_axis, &along, 1);
        tn_op_set_sizes(op, TN_ATTR_pad_after, &after, 1);
        x = tn_build_finish(op);
    }
    for (int i = 0; i < x->type.rank; i++) {
        to[rank++] = i == axis ? blocks : x->type.dim[i];
        if (i == axis)
            to[rank++] = width;
    }
    return tn_build_reshape(b, x, to, rank);
}

/* d = max|x|/127, 0 if it is below the normal numbers; d*round(x*(1/d)). */
static tn_value *
rounded_blocks(tn_build *b, tn_value *x, int axis)
{
    tn_value *size = map1(b, TN_OP_abs, x), *d, *small, *zero, *q;

    d = tn_expand_over(b, TN_OP_reduce_max, size, axis);
    d = map2(b, TN_OP_div, d, tn_build_real(b, TN_F32, 127));
    small = map2(b, TN_OP_less, d, tn_build_real(b, TN_F32, 0x1p-126));
    zero = tn_build_real(b, TN_F32, 0);
    d = choose(b, small, zero, d);
    q = map1(b, TN_OP_recip, d);
    q = map2(b, TN_OP_mul, x, q);
    q = map1(b, TN_OP_round, q);
    q = choose(b, small, zero, q);
    return map2(b, TN_OP_mul, d, q);
}

static tn_value *
rounded(tn_build *b, tn_value *x, int axis)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_type whole = x->type;
    tn_size width = tn_size_int(s, Q8_BLOCK);
    tn_value *y = tn_build_cast(b, x, TN_F32);

    y = in_blocks(b, y, axis);
    whole.dim[axis] = tn_size_mul(s, y->type.dim[axis], width);
    y = rounded_blocks(b, y, axis + 1);
    y = tn_build_reshape(b, y, whole.dim, whole.rank);
    if (!tn_size_equal(whole.dim[axis], x->type.dim[axis]))
        y = tn_build_slice(b, y, axis, tn_size_int(s, 0), x->type.dim[axis]);
    return y;
}

/* The axis of the first operand that is summed. */
static int
summed_axis(const tn_op *op)
{
    int ranks[] = {op->in[0]->type.rank, op->in[1]->type.rank}, axis = 0;
    tn_label_map map;

    (void)tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, &map, NULL);
    for (int i = 0; i < map.rank[0]; i++) {
        bool kept = false;

        for (int k = 0; k < map.out_rank; k++)
            kept |= map.out[k] == map.axis[0][i];
        axis = kept ? axis : i;
    }
    return axis;
}

void
tn_expand_contract_q8(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_dtype to = op->out[0]->type.dtype, wide = to == TN_F64 ? TN_F64 : TN_F32;
    tn_value *x = rounded(b, op->in[0], summed_axis(op)), *y;

    x = tn_build_cast(b, x, wide);
    y = tn_build_cast(b, op->in[1], wide);
    y = tn_build_contract(b, x, y, tn_op_text(op, TN_ATTR_contract_labels), wide);
    out[0] = tn_build_cast(b, y, to);
}
