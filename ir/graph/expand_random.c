/* SPDX-License-Identifier: Apache-2.0
 * Chance: numbers made of random_bits, in whole numbers as long as they can
 * be, so that they are equal on every device. */
#include "ir/graph/expand_in.h"
#include "ir/random.h"

static tn_type
typed(tn_type type, tn_dtype dtype)
{
    type.dtype = dtype;
    return type;
}

static tn_value *
bits(tn_build *b, tn_value *seed, tn_type type)
{
    tn_op *op = tn_build_start(b, TN_OP_random_bits, &seed, 1);

    tn_op_set_type(op, TN_ATTR_random_bits_type, type);
    return tn_build_finish(op);
}

/* x op n, n an integer of x's type. */
static tn_value *
with(tn_build *b, tn_opcode code, tn_value *x, int64_t n)
{
    tn_value *y = tn_build_int(b, x->type.dtype, n);

    return tn_build_map2(b, code, x, y);
}

static tn_value *
times(tn_build *b, tn_value *x, double n)
{
    tn_value *y = tn_build_real(b, x->type.dtype, n);

    return tn_build_map2(b, TN_OP_mul, x, y);
}

/* The top 24 of 32 bits, the top 53 of 64. */
static tn_value *
uniform(tn_build *b, tn_value *seed, tn_type type)
{
    tn_value *x;

    if (type.dtype == TN_F64) {
        x = bits(b, seed, typed(type, TN_I64));
        x = with(b, TN_OP_shift_right, x, 11);
        x = with(b, TN_OP_bit_and, x, (INT64_C(1) << 53) - 1);
        return times(b, tn_build_cast(b, x, TN_F64), 0x1p-53);
    }
    x = bits(b, seed, typed(type, TN_U32));
    x = with(b, TN_OP_shift_right, x, 8);
    return times(b, tn_build_cast(b, x, TN_F32), 0x1p-24);
}

void
tn_expand_random_uniform(tn_build *b, const tn_op *op, tn_value **out)
{
    out[0] = uniform(b, op->in[TN_IN_random_uniform_seed], op->out[0]->type);
}

/* ---- normal numbers ---- */

static tn_value *
table(tn_build *b)
{
    enum { COUNT = TN_NORMAL_ROWS * TN_NORMAL_COLUMNS };
    tn_graph *g = b->block->graph;
    tn_op *op = tn_build_start(b, TN_OP_constant, NULL, 0);
    tn_number *numbers = tn_new_array(g->module->arena, tn_number, COUNT);
    tn_type type = {.dtype = TN_I32, .rank = 1};

    for (int i = 0; i < COUNT; i++)
        numbers[i] = tn_number_int(tn_random_normal_entry(i));
    type.dim[0] = tn_size_int(g->sizes, COUNT);
    tn_op_set_type(op, TN_ATTR_constant_type, type);
    tn_op_set_numbers(op, TN_ATTR_constant_data, numbers, COUNT);
    return tn_build_finish(op);
}

static tn_value *
entry(tn_build *b, tn_value *from, tn_value *at)
{
    tn_value *in[] = {from, at};
    tn_op *op = tn_build_start(b, TN_OP_gather, in, 2);

    /* Never outside; `skip` needs no check. */
    tn_op_set_ints(op, TN_ATTR_gather_axis, (int64_t[]){0}, 1);
    tn_op_set_text(op, TN_ATTR_gather_outside, "skip");
    return tn_build_finish(op);
}

/* Position of the highest set bit of an odd number. */
static tn_value *
octave(tn_build *b, tn_value *x)
{
    tn_value *o = NULL;

    for (int step = 16; step > 0; step /= 2) {
        tn_value *limit = tn_build_int(b, TN_U32, INT64_C(1) << step);
        tn_value *above = tn_build_map2(b, TN_OP_greater_equal, x, limit);
        tn_value *part = with(b, TN_OP_mul, tn_build_cast(b, above, TN_U32), step);

        x = tn_build_map2(b, TN_OP_shift_right, x, part);
        o = o ? tn_build_map2(b, TN_OP_add, o, part) : part;
    }
    return o;
}

/* E - floor((E - next)*f / 2^16) with E the table's entry for octave and the
 * seven bits behind its first, f the 16 after those. */
static tn_value *
magnitude(tn_build *b, tn_value *word)
{
    tn_value *x = with(b, TN_OP_shift_left, word, 1);
    tn_value *o, *rest, *at, *f, *here, *next, *by;

    x = with(b, TN_OP_bit_or, x, 1);
    o = octave(b, x);
    by = tn_build_int(b, TN_U32, 31);
    by = tn_build_map2(b, TN_OP_sub, by, o);
    rest = tn_build_map2(b, TN_OP_shift_left, x, by);
    rest = with(b, TN_OP_shift_left, rest, 1);
    at = with(b, TN_OP_mul, o, TN_NORMAL_COLUMNS);
    at = tn_build_map2(b, TN_OP_add, at, with(b, TN_OP_shift_right, rest, 25));
    f = with(b, TN_OP_bit_and, with(b, TN_OP_shift_right, rest, 9), 0xffff);
    here = table(b);
    next = entry(b, here, with(b, TN_OP_add, at, 1));
    here = entry(b, here, at);
    next = tn_build_map2(b, TN_OP_sub, here, next);
    next = tn_build_map2(b, TN_OP_mul, next, tn_build_cast(b, f, TN_I32));
    next = with(b, TN_OP_shift_right, next, 16);
    return tn_build_map2(b, TN_OP_sub, here, next);
}

void
tn_expand_random_normal(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_dtype to = op->out[0]->type.dtype;
    tn_value *word = bits(b, op->in[TN_IN_random_normal_seed], typed(op->out[0]->type, TN_U32));
    tn_value *q = magnitude(b, word);
    tn_value *sign = tn_build_int(b, TN_U32, INT64_C(1) << 31);
    tn_value *negative = tn_build_map2(b, TN_OP_greater_equal, word, sign);
    tn_value *minus, *y;

    q = tn_build_cast(b, q, to);
    minus = times(b, q, -0x1p-21);
    y = times(b, q, 0x1p-21);
    out[0] = tn_build_map3(b, TN_OP_where, negative, minus, y);
}

/* ---- a choice ---- */

static tn_value *
gumbel(tn_build *b, tn_value *seed, tn_type type)
{
    tn_value *x = uniform(b, seed, type);

    for (int i = 0; i < 2; i++) {
        x = tn_build_map1(b, TN_OP_log, x);
        x = tn_build_map1(b, TN_OP_neg, x);
    }
    return x;
}

/* arg_max of l / temperature - log(-log(u)); of l alone at 0. */
void
tn_expand_random_categorical(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *l = tn_expand_wide(b, op->in[TN_IN_random_categorical_logits]);
    int attr = TN_ATTR_random_categorical_temperature;
    int64_t last = l->type.rank - 1;
    tn_op *best;

    if (op->attr[attr].numbers[0].real != 0 ||
        op->attr[attr].numbers[0].kind == TN_NUMBER_SYMBOLIC) {
        tn_value *t = tn_expand_number(b, op, attr, l->type.dtype);
        tn_value *g = gumbel(b, op->in[TN_IN_random_categorical_seed], l->type);

        l = tn_build_map2(b, TN_OP_div, l, t);
        l = tn_build_map2(b, TN_OP_add, l, g);
    }
    best = tn_build_start(b, TN_OP_arg_max, &l, 1);
    tn_op_set_ints(best, TN_ATTR_arg_max_axis, &last, 1);
    tn_op_set_dtype(best, TN_ATTR_arg_max_dtype, TN_I32);
    out[0] = tn_build_finish(best);
}
