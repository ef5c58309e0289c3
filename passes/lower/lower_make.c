/* SPDX-License-Identifier: Apache-2.0
 * Operations that make numbers: fill, iota, one_hot, random_bits. */
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

/* ---- random_bits: Philox4x32-10, word by word ---- */

enum { ROUNDS = 10 };

/* Number of an element, row-major: in i32 where that is sure to hold it. */
static tn_tval *
element_number(tn_lo *k, const tn_type *type, tn_tval *const *index)
{
    tn_size count = tn_size_int(k->g->sizes, 1);
    int64_t low, high;
    tn_tval *at;

    for (int i = 0; i < type->rank; i++)
        count = tn_size_mul(k->g->sizes, count, type->dim[i]);
    tn_size_bounds(k->g->sizes, count, &low, &high);
    if (high <= INT32_MAX)
        return tn_tb_cast(k->b, TN_U32, tn_lo_position(k, type, index));
    at = tn_tb_whole(k->b, TN_I64, 0);
    for (int i = 0; i < type->rank; i++) {
        tn_tval *size = tn_tb_cast(k->b, TN_I64, tn_lo_size(k, type->dim[i]));
        tn_tval *here = tn_tb_cast(k->b, TN_I64, index[i]);

        at = tn_tb_fn2(k->b, TN_FN_mul, at, size);
        at = tn_tb_fn2(k->b, TN_FN_add, at, here);
    }
    return at;
}

/* Low and high half of a number in u32. */
static void
halves(tn_lo *k, tn_tval *x, tn_tval **half)
{
    half[0] = tn_tb_cast(k->b, TN_U32, x);
    if (x->dtype != TN_I64) {
        half[1] = tn_tb_whole(k->b, TN_U32, 0);
        return;
    }
    x = tn_tb_fn2(k->b, TN_FN_shr, x, tn_tb_whole(k->b, TN_I64, 32));
    half[1] = tn_tb_cast(k->b, TN_U32, x);
}

/* One round: `even` times a constant, its upper half mixed with its neighbour
 * and the key. */
static tn_tval *
mixed(tn_lo *k, tn_tval *even, int64_t factor, tn_tval *odd, tn_tval *key, tn_tval **low)
{
    tn_tval *by = tn_tb_whole(k->b, TN_U32, factor);
    tn_tval *high = tn_tb_fn2(k->b, TN_FN_mulhi, even, by);

    *low = tn_tb_fn2(k->b, TN_FN_mul, even, by);
    high = tn_tb_fn2(k->b, TN_FN_xor, high, odd);
    return tn_tb_fn2(k->b, TN_FN_xor, high, key);
}

static void
philox(tn_lo *k, tn_tval **key, tn_tval **x)
{
    static const int64_t bump[] = {0x9E3779B9, 0xBB67AE85};

    for (int i = 0; i < ROUNDS; i++) {
        tn_tval *low[2], *high[2];

        high[0] = mixed(k, x[2], 0xCD9E8D57, x[1], key[0], &low[0]);
        high[1] = mixed(k, x[0], 0xD2511F53, x[3], key[1], &low[1]);
        x[0] = high[0];
        x[1] = low[0];
        x[2] = high[1];
        x[3] = low[1];
        for (int n = 0; n < 2; n++)
            key[n] = tn_tb_fn2(k->b, TN_FN_add, key[n], tn_tb_whole(k->b, TN_U32, bump[n]));
    }
}

static tn_tval *
chosen(tn_lo *k, tn_tval *at, int64_t bit, tn_tval *set, tn_tval *clear)
{
    tn_tval *masked = tn_tb_fn2(k->b, TN_FN_and, at, tn_tb_whole(k->b, TN_U32, bit));
    tn_tval *is = tn_tb_fn2(k->b, TN_FN_eq, masked, tn_tb_whole(k->b, TN_U32, 0));

    return tn_tb_fn3(k->b, TN_FN_select, is, clear, set);
}

static tn_tval *
joined(tn_lo *k, tn_tval *low, tn_tval *high)
{
    tn_tval *wide = tn_tb_cast(k->b, TN_I64, high);

    wide = tn_tb_fn2(k->b, TN_FN_shl, wide, tn_tb_whole(k->b, TN_I64, 32));
    return tn_tb_fn2(k->b, TN_FN_or, wide, tn_tb_cast(k->b, TN_I64, low));
}

/* Element r is word r mod 4 of counter r div 4; 64 bits: words 2(r mod 2) and
 * 2(r mod 2) + 1 of counter r div 2. */
static tn_tval *
random_bits(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    tn_dtype to = op->out[0]->type.dtype;
    tn_tval *r = element_number(k, &op->out[0]->type, index);
    tn_tval *seed = tn_lo_scalar(k, op->in[0]);
    tn_tval *shift = tn_tb_whole(k->b, r->dtype, to == TN_I64 ? 1 : 2);
    tn_tval *counter = tn_tb_fn2(k->b, TN_FN_shr, r, shift);
    tn_tval *x[4], *key[2], *low, *high;

    halves(k, seed, key);
    halves(k, counter, x);
    x[2] = x[3] = tn_tb_whole(k->b, TN_U32, 0);
    philox(k, key, x);
    r = tn_tb_cast(k->b, TN_U32, r);
    if (to == TN_I64) {
        low = chosen(k, r, 1, x[2], x[0]);
        high = chosen(k, r, 1, x[3], x[1]);
        return joined(k, low, high);
    }
    low = chosen(k, r, 1, x[1], x[0]);
    high = chosen(k, r, 1, x[3], x[2]);
    return tn_tb_cast(k->b, to, chosen(k, r, 2, high, low));
}

tn_tval *
tn_lower_make(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)result;
    if (op->code == TN_OP_iota)
        return iota(k, op, index);
    if (op->code == TN_OP_random_bits)
        return random_bits(k, op, index);
    return op->code == TN_OP_one_hot ? one_hot(k, op, index) : fill(k, op);
}
