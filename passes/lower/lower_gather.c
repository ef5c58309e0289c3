/* SPDX-License-Identifier: Apache-2.0
 * Reading by index: integers from data are checked and clamped, or, with
 * outside=skip, give zeros. */
#include <string.h>

#include "passes/lower/lo.h"

typedef struct reading {
    tn_op *op;
    bool skip;
    tn_tval *inside; /* skip: all indices are in range; NULL: none seen */
} reading;

static reading
start(tn_op *op, int outside)
{
    return (reading){.op = op, .skip = strcmp(tn_op_text(op, outside), "skip") == 0};
}

/* The index that stands at `place` of operand 1, for an axis of `extent`. */
static tn_tval *
index_at(tn_lo *k, reading *r, tn_tval *const *place, tn_size extent)
{
    tn_value *data = r->op->in[1];
    tn_tval *at, *ok;

    if (!r->skip)
        k->past |= k->symbolic && tn_lo_may_be_past(data);
    if (!r->skip)
        return tn_lo_checked_index(k, r->op, "index out of range", data, place, extent);
    at = tn_lo_el(k, data, place);
    ok = tn_lo_in_range(k, at, extent);
    r->inside = r->inside ? tn_tb_fn2(k->b, TN_FN_and, r->inside, ok) : ok;
    return tn_lo_clamped(k, at, extent);
}

/* The element; a tensor that may be empty is not read where nothing is. */
static tn_tval *
finish(tn_lo *k, const reading *r, tn_tval *const *at)
{
    tn_value *x = r->op->in[0];
    bool empty = false;
    tn_tval *old = k->where, *y;

    for (int i = 0; i < x->type.rank; i++) {
        int64_t low, high;

        tn_size_bounds(k->g->sizes, x->type.dim[i], &low, &high);
        empty |= low <= 0;
    }
    if (empty && !k->where)
        (void)tn_lo_only_where(k, tn_tb_whole(k->b, TN_BOOL, 1));
    y = tn_lo_el(k, x, at);
    (void)tn_lo_only_where(k, old);
    if (!r->inside)
        return y;
    return tn_tb_fn3(k->b, TN_FN_select, r->inside, y, tn_lo_zero(k, y->dtype));
}

static tn_tval *
gather(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    reading r = start(op, TN_ATTR_gather_outside);
    const tn_value *x = op->in[0], *data = op->in[1];
    int axis = (int)tn_op_int(op, TN_ATTR_gather_axis);
    int batch = (int)tn_op_int(op, TN_ATTR_gather_batch_dims);
    int added = data->type.rank - batch;
    tn_tval *place[TN_MAX_RANK], *at[TN_MAX_RANK];

    for (int i = 0; i < data->type.rank; i++)
        place[i] = index[i < batch ? i : axis + i - batch];
    for (int i = 0; i < x->type.rank; i++) {
        if (i == axis)
            at[i] = index_at(k, &r, place, x->type.dim[axis]);
        else
            at[i] = index[i < axis ? i : i - 1 + added];
    }
    return finish(k, &r, at);
}

static tn_tval *
gather_elements(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    reading r = start(op, TN_ATTR_gather_elements_outside);
    int axis = (int)tn_op_int(op, TN_ATTR_gather_elements_axis);
    tn_tval *at[TN_MAX_RANK];

    tn_lo_copy(at, index, op->in[0]->type.rank);
    at[axis] = index_at(k, &r, index, op->in[0]->type.dim[axis]);
    return finish(k, &r, at);
}

static tn_tval *
gather_nd(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    reading r = start(op, TN_ATTR_gather_nd_outside);
    const tn_value *x = op->in[0], *data = op->in[1];
    int batch = (int)tn_op_int(op, TN_ATTR_gather_nd_batch_dims);
    int lead = data->type.rank - 1;
    tn_tval *place[TN_MAX_RANK], *at[TN_MAX_RANK];
    int64_t n = 0;

    (void)tn_size_is_int(data->type.dim[lead], &n);
    tn_lo_copy(place, index, lead);
    tn_lo_copy(at, index, batch);
    for (int i = 0; i < n; i++) {
        place[lead] = tn_tb_int(k->b, i);
        at[batch + i] = index_at(k, &r, place, x->type.dim[batch + i]);
    }
    for (int i = batch + (int)n; i < x->type.rank; i++)
        at[i] = index[lead + i - batch - (int)n];
    return finish(k, &r, at);
}

tn_tval *
tn_lower_gather(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)result;
    if (op->code == TN_OP_gather)
        return gather(k, op, index);
    return op->code == TN_OP_gather_elements ? gather_elements(k, op, index)
                                             : gather_nd(k, op, index);
}
