/* SPDX-License-Identifier: Apache-2.0
 * Rows that write to places data decide, in kernels of their own: sort is in
 * lower_sort.c; of nonzero one task deals out places as it goes. */
#include "passes/lower/lo.h"

typedef struct dealing {
    tn_lo *k;
    tn_op *op;
    tn_axis *over; /* all elements, row-major */
    tn_size limit;
    tn_tbuf *rows; /* NULL: nobody reads them */
} dealing;

static tn_tval *
is_hit(const dealing *d, tn_tval *position)
{
    tn_value *in = d->op->in[0];
    tn_tval *x = in->type.rank ? tn_lo_flat(d->k, in, in->type.rank, position, NULL)
                               : tn_lo_el(d->k, in, NULL);

    x = tn_lo_with_axis(d->k, x, d->over);
    if (x->dtype == TN_BOOL)
        return x;
    if (tn_is_float(x->dtype) && x->dtype != TN_F64)
        x = tn_tb_cast(d->k->b, TN_F32, x);
    return tn_tb_fn2(d->k->b, TN_FN_ne, x, tn_lo_zero(d->k, x->dtype));
}

/* The index of an element to its row. */
static void
write_row(const dealing *d, tn_tval *row, tn_tval *position, tn_tval *condition)
{
    const tn_type *t = &d->op->in[0]->type;
    tn_tb *b = d->k->b;

    for (int i = t->rank - 1; i >= 0; i--) {
        tn_tval *size = tn_lo_size(d->k, t->dim[i]), *to[] = {row, tn_tb_int(b, i)};

        tn_tb_store(b, d->rows, to, i ? tn_tb_fn2(b, TN_FN_rem, position, size) : position,
            condition);
        position = i ? tn_tb_fn2(b, TN_FN_div, position, size) : position;
    }
}

/* Gives how many there are. */
static tn_tval *
deal(const dealing *d)
{
    tn_tb *b = d->k->b;
    tn_tval *position, *hit, *one, *row, *sum, *carry, *fits;
    tn_tstmt *loop = tn_tb_loop(b, true, NULL, d->over, NULL, NULL, false);
    uint32_t mark = tn_lo_enter(d->k);

    carry = tn_tb_carry(b, tn_tb_int(b, 0), NULL, 0, TN_FN_COUNT);
    position = tn_tb_index(b, d->over);
    hit = is_hit(d, position);
    one = tn_tb_cast(b, TN_I32, hit);
    row = tn_tb_prefix(b, TN_FN_add, one, d->over, false, false);
    row = tn_tb_fn2(b, TN_FN_add, carry, row);
    fits = tn_tb_fn2(b, TN_FN_lt, row, tn_lo_size(d->k, d->limit));
    if (d->rows)
        write_row(d, row, position, tn_tb_fn2(b, TN_FN_and, hit, fits));
    sum = tn_tb_fn2(b, TN_FN_add, carry, tn_tb_reduce(b, TN_FN_add, one, &d->over, 1));
    tn_tb_end_loop(b, &sum);
    tn_lo_leave(d->k, mark);
    return tn_tb_final(b, loop, 0);
}

/* -1 in rows from the count on. */
static void
fill_rest(const dealing *d, tn_tval *count)
{
    tn_tb *b = d->k->b;
    tn_axis *rest = tn_tb_span(b, "rest", tn_lo_size(d->k, d->limit));
    tn_tval *none = tn_tb_int(b, -1), *to[] = {tn_tb_index(b, rest), NULL};
    tn_tval *behind = tn_tb_fn2(b, TN_FN_le, count, to[0]);

    none = tn_lo_with_axis(d->k, none, rest);
    for (int i = 0; i < d->op->in[0]->type.rank; i++) {
        to[1] = tn_tb_int(b, i);
        tn_tb_store(b, d->rows, to, none, behind);
    }
}

static tn_status
nonzero(tn_lo *k, tn_lowered_list *out)
{
    tn_lowered made = {.family = "nonzero"};
    dealing d = {.k = k, .op = k->group->ops.at[0]};
    const tn_type *t = &d.op->in[0]->type;
    tn_size all = tn_size_int(k->g->sizes, 1);
    tn_tval *count, *fits;

    for (int i = 0; i < t->rank; i++)
        all = tn_size_mul(k->g->sizes, all, t->dim[i]);
    d.limit = d.op->out[0]->type.dim[0];
    tn_lo_start(k, &made, "nonzero");
    (void)tn_tb_grid(k->b, "one", NULL, tn_tb_int(k->b, 1), true);
    d.over = tn_tb_span(k->b, "a", tn_lo_size(k, all));
    if (tn_lo_wants(k, d.op, 0) && t->rank > 0)
        d.rows = tn_lo_output(k, d.op->out[0], &d.op->out[0]->type);
    count = deal(&d);
    if (!tn_size_equal(all, d.limit)) {
        fits = tn_tb_fn2(k->b, TN_FN_le, count, tn_lo_size(k, d.limit));
        tn_lo_check(k, d.op, "more elements than the limit are not 0", NULL, NULL, fits, count,
            count);
    }
    if (d.rows)
        fill_rest(&d, count);
    if (tn_lo_wants(k, d.op, 1))
        tn_tb_store(k->b, tn_lo_output(k, d.op->out[1], &d.op->out[1]->type), NULL, count, NULL);
    return tn_lo_finish_into(k, out);
}

tn_status
tn_lower_dealt(tn_lo *k, tn_lowered_list *out)
{
    return k->group->ops.at[0]->code == TN_OP_sort ? tn_lower_sort(k, out) : nonzero(k, out);
}

tn_tval *
tn_lower_deal(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    if (k->symbolic)
        return tn_lo_dealt(k, op, result, index);
    return tn_lo_refuse(k, op, "stands in the body of a loop", op->out[result]->type.dtype);
}
