/* SPDX-License-Identifier: Apache-2.0
 * Reductions: one instruction over spanned axes, in f32 or wider. */
#include <string.h>

#include "passes/lower/lo.h"

static tn_fn
function_of(tn_opcode code)
{
    switch (code) {
    case TN_OP_reduce_prod: return TN_FN_mul;
    case TN_OP_reduce_max: return TN_FN_max;
    case TN_OP_reduce_min: return TN_FN_min;
    case TN_OP_reduce_any: return TN_FN_or;
    case TN_OP_reduce_all: return TN_FN_and;
    default: return TN_FN_add;
    }
}

/* sum / number of elements */
static tn_tval *
mean(tn_lo *k, const tn_op *op, tn_tval *sum)
{
    unsigned mask = tn_op_reduced(op);
    tn_size n = tn_size_int(k->g->sizes, 1);
    tn_tval *count;

    for (int i = 0; i < op->in[0]->type.rank; i++)
        if (mask >> i & 1)
            n = tn_size_mul(k->g->sizes, n, op->in[0]->type.dim[i]);
    count = tn_tb_cast(k->b, sum->dtype, tn_lo_size(k, n));
    return tn_tb_fn2(k->b, TN_FN_div, sum, count);
}

static bool
carries(const tn_tval *x, tn_axis *const *axes, int count)
{
    for (int i = 0; i < x->axis_count; i++)
        for (int n = 0; n < count; n++)
            if (x->axes[i] == axes[n])
                return true;
    return false;
}

enum { ADDENDS = 4 };

/* In a chain the greatest of d[i] + A[i,j] + e[j] is the greatest of
 * d[i] + A[i,j], plus e[j]: a rounded sum does not fall when one of its parts
 * grows, so the bits are the same unless infinities of both signs meet, and
 * what is left to reduce is a contraction. Strips what no reduced axis
 * touches, outermost first. */
static int
strip_addends(const tn_lo *k, tn_fn fn, tn_axis *const *axes, int count, tn_tval **x,
    tn_tval **addend)
{
    bool chain = k->group && k->group->family && !strcmp(k->group->family, "viterbi");
    int found = 0;

    while (chain && fn == TN_FN_max && !k->options->exact && found < ADDENDS &&
        (*x)->op == TN_T_fn && (*x)->fn == TN_FN_add && tn_is_float((*x)->dtype)) {
        int side = carries((*x)->arg[0], axes, count) ? 1 : 0;

        if (carries((*x)->arg[side], axes, count))
            break;
        addend[found++] = (*x)->arg[side];
        *x = (*x)->arg[1 - side];
    }
    return found;
}

tn_tval *
tn_lower_reduce(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    tn_value *in = op->in[0];
    unsigned mask = tn_op_reduced(op);
    bool keep = op->out[0]->type.rank == in->type.rank;
    tn_tval *at[TN_MAX_RANK], *x, *addend[ADDENDS];
    tn_axis *axes[TN_MAX_RANK];
    int count = 0, n = 0, addends;

    (void)result;
    for (int i = 0; i < in->type.rank; i++) {
        bool reduced = mask >> i & 1;

        at[i] = reduced ? tn_tb_int(k->b, 0) : index[keep ? i : n];
        n += !reduced;
    }
    for (int i = 0; i < in->type.rank; i++)
        if ((mask >> i & 1) && !tn_size_is_one(in->type.dim[i])) {
            axes[count] = tn_lo_span_axis(k, in->type.dim[i], at, in->type.rank);
            at[i] = tn_tb_index(k->b, axes[count++]);
        }
    x = tn_lo_wide(k, in, at);
    addends = strip_addends(k, function_of(op->code), axes, count, &x, addend);
    for (int i = 0; i < count; i++)
        x = tn_lo_with_axis(k, x, axes[i]);
    if (count)
        x = tn_tb_reduce(k->b, function_of(op->code), x, axes, count);
    while (addends > 0)
        x = tn_tb_fn2(k->b, TN_FN_add, x, addend[--addends]);
    if (op->code == TN_OP_reduce_mean)
        x = mean(k, op, x);
    return tn_lo_narrow(k, x, op->out[0]->type.dtype);
}
