/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/picks.h"

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/range.h"

static const tn_op *
def_of(const tn_value *v, tn_opcode code)
{
    return v->kind == TN_VALUE_RESULT && v->def->code == code ? v->def : NULL;
}

static tn_value *
behind_casts(tn_value *v)
{
    while (def_of(v, TN_OP_cast) && !tn_is_float(v->type.dtype) && v->type.dtype != TN_BOOL &&
        tn_dtype_bytes(v->type.dtype) >= 4)
        v = v->def->in[0];
    return v;
}

/* The dimension of the operand that becomes dimension `dim`, or -1. */
static int
dim_behind(const tn_op *op, int in, int dim)
{
    int8_t to[TN_MAX_RANK];

    if (!tn_op_dims(op, in, to))
        return -1;
    for (int i = 0; i < op->in[in]->type.rank; i++)
        if (to[i] == dim)
            return i;
    return -1;
}

/* A constant 0, by, 2 * by, .. along that dimension, the only one. */
static bool
grows_by(const tn_op *op, int dim, int64_t by)
{
    const tn_type *t = &op->out[0]->type;
    const tn_attr *data = &op->attr[TN_ATTR_constant_data];
    int64_t n;

    for (int i = 0; i < t->rank; i++)
        if (i != dim && !tn_size_is_one(t->dim[i]))
            return false;
    for (int i = 0; i < data->count; i++)
        if (!tn_number_is_int(&data->numbers[i], &n) || n != i * by)
            return false;
    return tn_is_int(t->dtype);
}

bool
tn_is_position(tn_value *v, int dim)
{
    for (int depth = 0; depth < 16; depth++) {
        const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
        int64_t start;

        if (!op || dim < 0)
            return false;
        if (op->code == TN_OP_iota)
            return op->attr[TN_ATTR_iota_start].operand < 0 &&
                tn_size_is_int(op->attr[TN_ATTR_iota_start].sizes[0], &start) && start == 0;
        if (op->code == TN_OP_constant)
            return grows_by(op, dim, 1);
        if (op->code != TN_OP_cast && !tn_op_keeps_places(op))
            return false;
        if (op->code != TN_OP_cast)
            dim = dim_behind(op, 0, dim);
        v = op->in[0];
    }
    return false;
}

/* ---- gather_nd ---- */

static tn_op *
gather_like(tn_build *b, tn_opcode code, tn_value *x, tn_value *at, tn_op *like)
{
    tn_value *in[] = {x, at};
    tn_op *op = tn_build_start(b, code, in, 2);
    int outside = tn_op_find_attr(like->code, "outside");

    tn_op_set_text(op, tn_op_find_attr(code, "outside"), tn_op_text(like, outside));
    return op;
}

static tn_value *
finish_gather(tn_op *op, int64_t axis, int64_t batch)
{
    tn_op_set_ints(op, TN_ATTR_gather_axis, &axis, 1);
    tn_op_set_ints(op, TN_ATTR_gather_batch_dims, &batch, 1);
    return tn_build_finish(op);
}

static tn_value *
by_one_number(tn_op *op, int64_t batch)
{
    tn_build b = tn_build_before(op);
    int64_t last = op->in[1]->type.rank - 1;
    tn_value *at = tn_build_squeeze(&b, op->in[1], &last, 1);

    return finish_gather(gather_like(&b, TN_OP_gather, op->in[0], at, op), batch, batch);
}

/* The first of the numbers is the position of the row. */
static tn_value *
by_row(tn_op *op, int64_t batch)
{
    tn_value *x = op->in[0], *at = op->in[1];
    const tn_op *parts = def_of(at, TN_OP_concat);
    tn_build b = tn_build_before(op);
    int64_t next = batch + 1;
    tn_op *copy;

    if (!parts || tn_op_int(parts, TN_ATTR_concat_axis) != at->type.rank - 1 ||
        parts->in_count < 2 || batch >= at->type.rank - 1 ||
        !tn_size_is_one(parts->in[0]->type.dim[at->type.rank - 1]) ||
        !tn_size_equal(at->type.dim[batch], x->type.dim[batch]) ||
        !tn_is_position(parts->in[0], (int)batch))
        return NULL;
    at = parts->in_count == 2
        ? parts->in[1]
        : tn_build_concat(&b, parts->in + 1, parts->in_count - 1, at->type.rank - 1);
    copy = gather_like(&b, TN_OP_gather_nd, x, at, op);
    tn_op_set_ints(copy, TN_ATTR_gather_nd_batch_dims, &next, 1);
    return tn_build_finish(copy);
}

static tn_value *
pick_nd(tn_op *op)
{
    const tn_type *at = &op->in[1]->type;
    int64_t batch = tn_op_int(op, TN_ATTR_gather_nd_batch_dims);

    return tn_size_is_one(at->dim[at->rank - 1]) ? by_one_number(op, batch) : by_row(op, batch);
}

/* ---- rows laid end to end ---- */

/* row * length + y. */
static tn_value *
place_in_row(tn_value *at, int64_t length)
{
    const tn_op *add, *mul;

    at = behind_casts(at);
    add = def_of(at, TN_OP_add);
    for (int i = 0; add && i < 2; i++)
        if (def_of(add->in[i], TN_OP_constant) && dim_behind(add, i, 0) >= 0 &&
            grows_by(add->in[i]->def, dim_behind(add, i, 0), length) &&
            tn_type_equal(&add->in[1 - i]->type, &add->out[0]->type))
            return add->in[1 - i];
    for (int i = 0; add && i < 2; i++) {
        mul = def_of(behind_casts(add->in[i]), TN_OP_mul);
        for (int k = 0; mul && k < 2; k++) {
            const tn_value *n = mul->in[1 - k];
            int64_t by;

            if (n->kind == TN_VALUE_LITERAL && tn_number_is_int(&n->number, &by) && by == length &&
                tn_type_equal(&add->in[1 - i]->type, &add->out[0]->type) &&
                dim_behind(add, i, 0) >= 0 && tn_is_position(mul->in[k], dim_behind(add, i, 0)))
                return add->in[1 - i];
        }
    }
    return NULL;
}

/* [B,L,..] in the shape [B*L,..], perhaps with a last axis of size 1 more. */
static bool
is_flat(const tn_type *flat, const tn_type *x)
{
    int more = flat->rank - (x->rank - 1);

    for (int i = 2; i < x->rank; i++)
        if (!tn_size_equal(x->dim[i], flat->dim[i - 1]))
            return false;
    return more == 0 || (more == 1 && tn_size_is_one(flat->dim[flat->rank - 1]));
}

static tn_value *
pick_flat(tn_op *op)
{
    const tn_op *flat = def_of(op->in[0], TN_OP_reshape);
    tn_value *x = flat ? flat->in[0] : NULL, *y;
    tn_build b = tn_build_before(op);
    int64_t length, last;

    if (!x || x->type.rank < 2 || flat->out[0]->type.rank < x->type.rank - 1 ||
        !is_flat(&flat->out[0]->type, &x->type) || tn_op_int(op, TN_ATTR_gather_axis) != 0 ||
        tn_op_int(op, TN_ATTR_gather_batch_dims) != 0 || op->in[1]->type.rank < 1 ||
        !tn_size_equal(op->in[1]->type.dim[0], x->type.dim[0]) ||
        !tn_size_is_int(x->type.dim[1], &length))
        return NULL;
    y = place_in_row(op->in[1], length);
    if (!y || !tn_value_below(y, x->type.dim[1]))
        return NULL;
    y = finish_gather(gather_like(&b, TN_OP_gather, x, y, op), 1, 1);
    last = y->type.rank;
    return flat->out[0]->type.rank == x->type.rank ? tn_build_unsqueeze(&b, y, &last, 1) : y;
}

/* ---- where the position is y ---- */

/* y, if the mask tells whether the position along `dim` is y. */
static tn_value *
marked(const tn_value *mask, int dim)
{
    const tn_op *op = mask->kind == TN_VALUE_RESULT ? mask->def : NULL;

    if (op && op->code == TN_OP_one_hot)
        return dim == mask->type.rank - 1 ? op->in[0] : NULL;
    if (!op || op->code != TN_OP_equal)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (op->in[i]->kind != TN_VALUE_LITERAL && dim_behind(op, i, dim) >= 0 &&
            dim_behind(op, 1 - i, dim) < 0 && tn_is_position(op->in[i], dim_behind(op, i, dim)))
            return op->in[1 - i];
    return NULL;
}

/* y with an axis of size 1 at `dim`, every other as in h; NULL: it has not. */
static tn_value *
as_index(tn_build *b, tn_value *y, const tn_value *h, int dim)
{
    int64_t axis = dim;

    if (y->kind == TN_VALUE_LITERAL || !tn_is_int(y->type.dtype))
        return NULL;
    for (int i = 0; i < h->type.rank; i++) {
        int at = y->type.rank == h->type.rank ? i : i - (i > dim);

        if (i != dim && (at >= y->type.rank || !tn_size_equal(y->type.dim[at], h->type.dim[i])))
            return NULL;
    }
    if (y->type.rank == h->type.rank)
        return tn_size_is_one(y->type.dim[dim]) ? y : NULL;
    return y->type.rank == h->type.rank - 1 ? tn_build_unsqueeze(b, y, &axis, 1) : NULL;
}

static bool
is_zero(const tn_value *v)
{
    int64_t n;

    return v->kind == TN_VALUE_LITERAL && tn_number_is_int(&v->number, &n) && n == 0;
}

/* h where the mask holds, elsewhere 0. */
static tn_value *
masked(tn_value *v, tn_value **mask)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    if (op && op->code == TN_OP_where && is_zero(op->in[2])) {
        *mask = op->in[0];
        return op->in[1];
    }
    for (int i = 0; op && op->code == TN_OP_mul && i < 2; i++) {
        *mask = op->in[i];
        if (def_of(*mask, TN_OP_cast))
            *mask = (*mask)->def->in[0];
        if ((*mask)->type.dtype != TN_BOOL && !def_of(*mask, TN_OP_one_hot))
            continue;
        return op->in[1 - i];
    }
    return NULL;
}

/* 0 times it is 0. */
static bool
is_whole(const tn_value *v)
{
    return tn_is_int(v->type.dtype) ||
        (def_of(v, TN_OP_cast) && tn_is_int(v->def->in[0]->type.dtype) &&
            (v->type.dtype == TN_F32 || v->type.dtype == TN_F64));
}

static tn_value *
pick_marked(tn_op *op)
{
    tn_value *mask = NULL, *h = masked(op->in[0], &mask), *y;
    tn_build b = tn_build_before(op);
    int64_t axis;
    tn_op *copy;
    tn_value *in[2];

    if (!h || !is_whole(h) || op->attr[TN_ATTR_reduce_sum_axes].count != 1 ||
        !tn_type_equal(&h->type, &op->in[0]->type) || mask->type.rank != h->type.rank)
        return NULL;
    axis = op->attr[TN_ATTR_reduce_sum_axes].ints[0];
    if (!tn_size_equal(mask->type.dim[axis], h->type.dim[axis]))
        return NULL;
    y = marked(mask, (int)axis);
    y = y ? as_index(&b, y, h, (int)axis) : NULL;
    if (!y)
        return NULL;
    in[0] = h;
    in[1] = y;
    copy = tn_build_start(&b, TN_OP_gather_elements, in, 2);
    tn_op_set_ints(copy, TN_ATTR_gather_elements_axis, &axis, 1);
    tn_op_set_text(copy, TN_ATTR_gather_elements_outside, "skip");
    y = tn_build_finish(copy);
    return tn_op_int(op, TN_ATTR_reduce_sum_keepdims) ? y : tn_build_squeeze(&b, y, &axis, 1);
}

/* ---- the greatest ---- */

static tn_value *
pick_greatest(tn_op *op)
{
    int64_t axis = tn_op_int(op, TN_ATTR_gather_elements_axis);
    tn_value *at = behind_casts(op->in[1]);
    const tn_op *place = def_of(at, TN_OP_unsqueeze);
    tn_build b = tn_build_before(op);

    if (place &&
        (place->attr[TN_ATTR_unsqueeze_axes].count != 1 ||
            place->attr[TN_ATTR_unsqueeze_axes].ints[0] != axis))
        return NULL;
    at = behind_casts(place ? place->in[0] : at);
    if (!def_of(at, TN_OP_arg_max) || at->def->in[0] != op->in[0] ||
        tn_op_int(at->def, TN_ATTR_arg_max_axis) != axis ||
        (tn_op_int(at->def, TN_ATTR_arg_max_keepdims) != 0) == (place != NULL))
        return NULL;
    return tn_build_reduce(&b, TN_OP_reduce_max, op->in[0], &axis, 1, true);
}

static bool
split_top(tn_op *op)
{
    int64_t axis = tn_op_int(op, TN_ATTR_top_k_axis), keep = 1, k;
    tn_build b = tn_build_before(op);
    tn_op *place;

    if (!tn_op_int(op, TN_ATTR_top_k_largest) ||
        !tn_size_is_int(op->attr[TN_ATTR_top_k_k].sizes[0], &k) || k != 1)
        return false;
    place = tn_build_start(&b, TN_OP_arg_max, op->in, 1);
    tn_op_set_ints(place, TN_ATTR_arg_max_axis, &axis, 1);
    tn_op_set_ints(place, TN_ATTR_arg_max_keepdims, &keep, 1);
    tn_op_set_dtype(place, TN_ATTR_arg_max_dtype, op->out[1]->type.dtype);
    (void)tn_build_finish(place);
    place->out[0]->name = op->out[1]->name;
    tn_value_replace(op->out[1], place->out[0]);
    if (op->out[0]->uses.count)
        tn_value_replace(op->out[0],
            tn_build_reduce(&b, TN_OP_reduce_max, op->in[0], &axis, 1, true));
    tn_op_remove(op);
    return true;
}

/* ---- one row ---- */

/* Its greatest is that of the row alone. */
static tn_value *
pick_row_of_greatest(tn_op *op, const tn_op *of)
{
    int64_t row = tn_op_int(op, TN_ATTR_index_axis), axis = tn_op_int(of, TN_ATTR_arg_max_axis);
    tn_build b = tn_build_before(op);
    tn_value *x;
    tn_op *copy;

    if (tn_op_int(of, TN_ATTR_arg_max_keepdims))
        return NULL;
    x = tn_build_index(&b, of->in[0], (int)(row + (row >= axis)),
        op->attr[TN_ATTR_index_at].sizes[0]);
    axis -= row < axis;
    copy = tn_build_start(&b, TN_OP_arg_max, &x, 1);
    tn_op_set_ints(copy, TN_ATTR_arg_max_axis, &axis, 1);
    tn_op_set_dtype(copy, TN_ATTR_arg_max_dtype, of->out[0]->type.dtype);
    return tn_build_finish(copy);
}

/* Of an outer sum: the row of one addend, and what the other has for all. */
static tn_value *
pick_row_of_sum(tn_op *op, const tn_op *of)
{
    int64_t row = tn_op_int(op, TN_ATTR_index_axis);
    tn_build b = tn_build_before(op);
    tn_value *in[2];

    for (int i = 0; i < 2; i++) {
        int64_t axis = row - (of->out[0]->type.rank - of->in[i]->type.rank);

        in[i] = of->in[i];
        if (in[i]->kind == TN_VALUE_LITERAL || axis < 0)
            continue;
        in[i] = tn_size_is_one(in[i]->type.dim[axis])
            ? tn_build_squeeze(&b, in[i], &axis, 1)
            : tn_build_index(&b, in[i], (int)axis, op->attr[TN_ATTR_index_at].sizes[0]);
    }
    return tn_build_map2(&b, TN_OP_add, in[0], in[1]);
}

static bool
repeats(const tn_op *op, int in, int64_t dim)
{
    const tn_type *t = &op->in[in]->type;
    int64_t at = dim - (op->out[0]->type.rank - t->rank);

    return op->in[in]->kind != TN_VALUE_LITERAL && at >= 0 && tn_size_is_one(t->dim[at]);
}

static tn_value *
pick_row(tn_op *op)
{
    const tn_op *of = op->in[0]->kind == TN_VALUE_RESULT ? op->in[0]->def : NULL;
    int64_t axis = tn_op_int(op, TN_ATTR_index_axis);
    tn_build b = tn_build_before(op);

    if (tn_size_is_one(op->in[0]->type.dim[axis]) && op->attr[TN_ATTR_index_at].operand < 0)
        return tn_build_squeeze(&b, op->in[0], &axis, 1);
    if (of && of->code == TN_OP_unsqueeze && of->attr[TN_ATTR_unsqueeze_axes].count == 1 &&
        of->attr[TN_ATTR_unsqueeze_axes].ints[0] == tn_op_int(op, TN_ATTR_index_axis))
        return of->in[0];
    if (!of || of->out[0]->uses.count != 1 || op->attr[TN_ATTR_index_at].operand >= 0)
        return NULL;
    if (of->code == TN_OP_arg_max)
        return pick_row_of_greatest(op, of);
    return of->code == TN_OP_add &&
            (repeats(of, 0, tn_op_int(op, TN_ATTR_index_axis)) ||
                repeats(of, 1, tn_op_int(op, TN_ATTR_index_axis)))
        ? pick_row_of_sum(op, of)
        : NULL;
}

/* ---- everywhere ---- */

static bool
pick_at(tn_op *op)
{
    tn_value *by = NULL;

    switch (op->code) {
    case TN_OP_top_k: return split_top(op);
    case TN_OP_gather_nd: by = pick_nd(op); break;
    case TN_OP_gather: by = pick_flat(op); break;
    case TN_OP_reduce_sum: by = pick_marked(op); break;
    case TN_OP_gather_elements: by = pick_greatest(op); break;
    case TN_OP_index: by = pick_row(op); break;
    default: break;
    }
    if (!by)
        return false;
    if (!by->name)
        by->name = op->out[0]->name;
    tn_value_replace(op->out[0], by);
    tn_op_remove(op);
    return true;
}

static bool
sweep(tn_block *block)
{
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            changed |= sweep(op->body[i]);
        changed |= pick_at(op);
    }
    return changed;
}

bool
tn_clean_picks(tn_graph *g)
{
    return sweep(g->block);
}
