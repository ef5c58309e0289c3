/* SPDX-License-Identifier: Apache-2.0
 * Views: the same element at another index. concat and pad choose. */
#include <assert.h>
#include <string.h>

#include "passes/lower/lo.h"

static tn_tval *
add(tn_lo *k, tn_tval *a, tn_tval *b)
{
    return tn_tb_fn2(k->b, TN_FN_add, a, b);
}

static tn_tval *
sub(tn_lo *k, tn_tval *a, tn_tval *b)
{
    return tn_tb_fn2(k->b, TN_FN_sub, a, b);
}

static tn_tval *
mul(tn_lo *k, tn_tval *a, tn_tval *b)
{
    return tn_tb_fn2(k->b, TN_FN_mul, a, b);
}

/* ---- unsqueeze, squeeze, transpose, broadcast ---- */

static tn_tval *
keep_places(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    tn_tval *at[TN_MAX_RANK];
    int8_t to[TN_MAX_RANK];

    (void)tn_op_dims(op, 0, to);
    for (int i = 0; i < op->in[0]->type.rank; i++)
        at[i] = to[i] < 0 ? tn_tb_int(k->b, 0) : index[to[i]];
    return tn_lo_el(k, op->in[0], at);
}

/* ---- reshape ---- */

/* index = whole * size + rest with 0 <= rest < size, if it is made so. */
static bool
is_split(const tn_tval *index, const tn_tval *size, tn_tval **whole, tn_tval **rest)
{
    const tn_tval *product = index->arg[0];
    int64_t n;

    if (index->op != TN_T_fn || index->fn != TN_FN_add)
        return false;
    if (product->op != TN_T_fn || product->fn != TN_FN_mul || product->arg[1] != size)
        return false;
    *whole = product->arg[0];
    *rest = index->arg[1];
    if ((*rest)->op == TN_T_index)
        return (*rest)->axis->high == size;
    return tn_tval_is_int(*rest, &n) && n >= 0 && tn_tval_is_int(size, &(int64_t){0}) &&
        n < size->whole;
}

static void
split(tn_lo *k, tn_tval *index, tn_tval *size, tn_tval **whole, tn_tval **rest)
{
    if (is_split(index, size, whole, rest))
        return;
    *whole = tn_tb_fn2(k->b, TN_FN_div, index, size);
    *rest = tn_tb_fn2(k->b, TN_FN_rem, index, size);
}

static tn_size
product(tn_lo *k, const tn_type *t, int from, int count)
{
    tn_size n = tn_size_int(k->g->sizes, 1);

    for (int i = from; i < from + count; i++)
        n = n ? tn_size_mul(k->g->sizes, n, t->dim[i]) : NULL;
    return n;
}

/* The fewest dimensions of a from i, and of b from j, with equal products. */
static void
match(tn_lo *k, const tn_type *a, int i, const tn_type *b, int j, int *na, int *nb)
{
    for (int total = 1; total <= a->rank - i + b->rank - j; total++)
        for (*na = 0; *na <= total; ++*na) {
            *nb = total - *na;
            if (i + *na <= a->rank && j + *nb <= b->rank &&
                product(k, a, i, *na) == product(k, b, j, *nb))
                return;
        }
    *na = a->rank - i;
    *nb = b->rank - j;
}

static tn_tval *
linear(tn_lo *k, const tn_type *t, int from, int count, tn_tval *const *index)
{
    tn_tval *at = tn_tb_int(k->b, 0);

    for (int i = from; i < from + count; i++) {
        at = mul(k, at, tn_lo_size(k, t->dim[i]));
        at = add(k, at, index[i]);
    }
    return at;
}

static tn_tval *
reshape(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    const tn_type *a = &op->in[0]->type, *b = &op->out[0]->type;
    tn_tval *at[TN_MAX_RANK];

    if (!k->symbolic && tn_lo_in_memory(k, op->in[0]))
        return tn_lo_load(k, op->in[0], b->rank, b->dim, (tn_layout){.kind = TN_LAYOUT_ROWS},
            index);
    for (int i = 0, j = 0; i < a->rank || j < b->rank;) {
        int na, nb;
        tn_tval *rest;

        match(k, a, i, b, j, &na, &nb);
        rest = linear(k, b, j, nb, index);
        for (int n = i + na - 1; n > i; n--)
            split(k, rest, tn_lo_size(k, a->dim[n]), &rest, &at[n]);
        if (na)
            at[i] = rest;
        i += na;
        j += nb;
    }
    return tn_lo_el(k, op->in[0], at);
}

/* ---- slice, index, reverse ---- */

static tn_tval *
slice(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_slice_axis);
    int64_t step = tn_op_int(op, TN_ATTR_slice_step);
    tn_sizes *s = k->g->sizes;
    tn_size one = tn_size_int(s, 1), span;
    tn_tval *at[TN_MAX_RANK], *start;

    /* An offset from data may be at most axis - ((size-1)*step + 1). */
    span = tn_size_sub(s, op->out[0]->type.dim[axis], one);
    span = tn_size_mul(s, span, tn_size_int(s, step));
    span = tn_size_add(s, span, one);
    span = tn_size_sub(s, op->in[0]->type.dim[axis], span);
    start = tn_lo_place(k, op, TN_ATTR_slice_start, span);
    tn_lo_copy(at, index, op->in[0]->type.rank);
    at[axis] = mul(k, at[axis], tn_tb_int(k->b, step));
    at[axis] = add(k, at[axis], start);
    return tn_lo_el(k, op->in[0], at);
}

/* ---- the other way ---- */

/* Axes kept or joined, as passes/group_through.c wants it. */
static void
forward_reshape(tn_lo *k, const tn_type *a, const tn_type *b, tn_tval **index)
{
    tn_tval *to[TN_MAX_RANK];

    for (int i = 0, j = 0; i < a->rank || j < b->rank;) {
        int na, nb;

        match(k, a, i, b, j, &na, &nb);
        if (nb)
            to[j] = na ? linear(k, a, i, na, index) : tn_tb_int(k->b, 0);
        i += na;
        j += nb;
    }
    tn_lo_copy(index, to, b->rank);
}

/* `index` less the start, and whether that is inside. */
static tn_tval *
forward_slice(tn_lo *k, const tn_op *op, tn_tval **index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_slice_axis);
    tn_size from = op->in[0]->type.dim[axis], size = op->out[0]->type.dim[axis], rest;
    tn_tval *inside = NULL, *below;
    int64_t start = 0, end;

    (void)tn_size_is_int(op->attr[TN_ATTR_slice_start].sizes[0], &start);
    index[axis] = add(k, index[axis], tn_tb_int(k->b, -start));
    if (start > 0)
        inside = tn_tb_fn2(k->b, TN_FN_le, tn_tb_int(k->b, 0), index[axis]);
    rest = tn_size_sub(k->g->sizes, from, size);
    if (tn_size_is_int(rest, &end) && end == start)
        return inside;
    below = tn_tb_fn2(k->b, TN_FN_lt, index[axis], tn_lo_size(k, size));
    return inside ? tn_tb_fn2(k->b, TN_FN_and, inside, below) : below;
}

tn_tval *
tn_lo_through(tn_lo *k, const tn_value *view, const tn_value *member, tn_tval **index)
{
    const tn_op *op = view->def;
    tn_tval *to[TN_MAX_RANK], *inside, *also = NULL;
    int8_t dim[TN_MAX_RANK];

    if (view == member)
        return NULL;
    inside = tn_lo_through(k, op->in[0], member, index);
    if (op->code == TN_OP_reshape) {
        forward_reshape(k, &op->in[0]->type, &view->type, index);
    } else if (op->code == TN_OP_slice) {
        also = forward_slice(k, op, index);
    } else {
        (void)tn_op_dims(op, 0, dim);
        for (int i = 0; i < view->type.rank; i++)
            to[i] = tn_tb_int(k->b, 0);
        for (int i = 0; i < op->in[0]->type.rank; i++)
            if (dim[i] >= 0)
                to[dim[i]] = index[i];
        tn_lo_copy(index, to, view->type.rank);
    }
    return inside && also ? tn_tb_fn2(k->b, TN_FN_and, inside, also) : also ? also : inside;
}

static tn_tval *
of_index(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_index_axis);
    tn_sizes *s = k->g->sizes;
    tn_size last = tn_size_sub(s, op->in[0]->type.dim[axis], tn_size_int(s, 1));
    tn_tval *at[TN_MAX_RANK];

    for (int i = 0, n = 0; i < op->in[0]->type.rank; i++)
        at[i] = i == axis ? tn_lo_place(k, op, TN_ATTR_index_at, last) : index[n++];
    return tn_lo_el(k, op->in[0], at);
}

static tn_tval *
reverse(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    const tn_attr *axes = &op->attr[TN_ATTR_reverse_axes];
    tn_tval *at[TN_MAX_RANK];

    tn_lo_copy(at, index, op->in[0]->type.rank);
    for (int i = 0; i < axes->count; i++) {
        int axis = (int)axes->ints[i];
        tn_tval *last = tn_lo_size(k, op->in[0]->type.dim[axis]);

        last = sub(k, last, tn_tb_int(k->b, 1));
        at[axis] = sub(k, last, at[axis]);
    }
    return tn_lo_el(k, op->in[0], at);
}

/* ---- concat, pad ---- */

static tn_tval *
both(tn_lo *k, tn_tval *a, tn_tval *b)
{
    return a ? tn_tb_fn2(k->b, TN_FN_and, a, b) : b;
}

/* The element of a part, wanted only where `inside` holds. */
static tn_tval *
part(tn_lo *k, tn_value *v, tn_tval *const *index, int axis, tn_tval *at, tn_tval *inside)
{
    tn_tval *place[TN_MAX_RANK], *old, *x;

    tn_lo_copy(place, index, v->type.rank);
    place[axis] = at;
    old = tn_lo_only_where(k, both(k, k->where, inside));
    x = tn_lo_el(k, v, place);
    (void)tn_lo_only_where(k, old);
    return x;
}

static tn_tval *
concat(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_concat_axis);
    tn_sizes *s = k->g->sizes;
    tn_size end = op->out[0]->type.dim[axis];
    tn_tval *x = NULL, *at[TN_MAX_RANK];

    if (k->group->parts == op && k->part_at) {
        tn_lo_copy(at, index, op->out[0]->type.rank);
        at[axis] = k->part_at;
        return tn_lo_el(k, op->in[k->part], at);
    }
    for (int n = op->in_count - 1; n >= 0; n--) {
        tn_size start = tn_size_sub(s, end, op->in[n]->type.dim[axis]);
        tn_tval *from = tn_lo_size(k, start);
        tn_tval *below = tn_tb_fn2(k->b, TN_FN_lt, index[axis], tn_lo_size(k, end));
        tn_tval *above = tn_tb_fn2(k->b, TN_FN_le, from, index[axis]);
        tn_tval *inside = both(k, n ? above : NULL, below);
        tn_tval *y;

        if (op->in_count == 1)
            return tn_lo_el(k, op->in[0], index);
        if (n == op->in_count - 1)
            inside = above;
        y = part(k, op->in[n], index, axis, sub(k, index[axis], from), inside);
        x = x ? tn_tb_fn3(k->b, TN_FN_select, below, y, x) : y;
        end = start;
    }
    return x;
}

static tn_tval *
mirrored(tn_lo *k, tn_tval *at, tn_tval *size)
{
    tn_tval *last = sub(k, size, tn_tb_int(k->b, 1));
    tn_tval *low = tn_tb_fn1(k->b, TN_FN_abs, at);
    tn_tval *past = tn_tb_fn2(k->b, TN_FN_lt, last, low);
    tn_tval *back = sub(k, mul(k, last, tn_tb_int(k->b, 2)), low);

    return tn_tb_fn3(k->b, TN_FN_select, past, back, low);
}

static tn_tval *
pad(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_pad_axis);
    const char *mode = tn_op_text(op, TN_ATTR_pad_mode);
    tn_value *in = op->in[0];
    tn_size extent = in->type.dim[axis];
    tn_tval *before = tn_lo_size(k, op->attr[TN_ATTR_pad_before].sizes[0]);
    tn_tval *at[TN_MAX_RANK], *j = sub(k, index[axis], before), *inside, *x, *value;
    const tn_number *number = &op->attr[TN_ATTR_pad_value].numbers[0];

    if (strcmp(mode, "constant") != 0) {
        tn_lo_copy(at, index, in->type.rank);
        at[axis] = strcmp(mode, "edge") == 0 ? tn_lo_clamped(k, j, extent)
                                             : mirrored(k, j, tn_lo_size(k, extent));
        return tn_lo_el(k, in, at);
    }
    inside = tn_lo_in_range(k, j, extent);
    x = part(k, in, index, axis, j, inside);
    if (number->kind == TN_NUMBER_SYMBOLIC)
        value = tn_lo_symbolic(k, op, in->type.dtype, number);
    else
        value = tn_lo_number(k, in->type.dtype, number);
    return tn_tb_fn3(k->b, TN_FN_select, inside, x, value);
}

/* ---- windows ---- */

/* Position along axis `i` of those that windows slide along; `inside` takes
 * the condition that it is one of x. */
static tn_tval *
slid(tn_lo *k, const tn_op *op, int i, tn_size extent, tn_tval *place, tn_tval *within,
    tn_tval **inside)
{
    const tn_attr *a = op->attr;
    const int64_t *pad = &a[TN_ATTR_windows_padding].ints[2 * i];
    tn_tval *at = mul(k, place, tn_tb_int(k->b, a[TN_ATTR_windows_strides].ints[i]));

    within = mul(k, within, tn_tb_int(k->b, a[TN_ATTR_windows_dilations].ints[i]));
    at = add(k, at, within);
    if (pad[0])
        at = sub(k, at, tn_tb_int(k->b, pad[0]));
    if (pad[0] || pad[1])
        *inside = both(k, *inside, tn_lo_in_range(k, at, extent));
    return at;
}

static bool
is_zero(const tn_number *n)
{
    return n->kind != TN_NUMBER_SYMBOLIC && n->real == 0;
}

static tn_tval *
windows(tn_lo *k, const tn_op *op, tn_tval *const *index)
{
    const tn_number *number = &op->attr[TN_ATTR_windows_value].numbers[0];
    tn_value *in = op->in[0];
    int count = op->attr[TN_ATTR_windows_window].count, lead = in->type.rank - count;
    tn_tval *at[TN_MAX_RANK], *inside = NULL, *old = k->where, *x, *value;

    tn_lo_copy(at, index, lead);
    for (int i = 0; i < count; i++)
        at[lead + i] = slid(k, op, i, in->type.dim[lead + i], index[lead + i],
            index[in->type.rank + i], &inside);
    if (!inside)
        return tn_lo_el(k, in, at);
    (void)tn_lo_only_where(k, both(k, old, inside));
    x = tn_lo_el(k, in, at);
    (void)tn_lo_only_where(k, old);
    /* Loads beyond a tensor give zeros as it is. */
    if (is_zero(number) && tn_lo_in_memory(k, in) && in->type.dtype != TN_BOOL)
        return x;
    if (number->kind == TN_NUMBER_SYMBOLIC)
        value = tn_lo_symbolic(k, op, in->type.dtype, number);
    else
        value = tn_lo_number(k, in->type.dtype, number);
    return tn_tb_fn3(k->b, TN_FN_select, inside, x, value);
}

tn_tval *
tn_lower_view(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)result;
    switch (op->code) {
    case TN_OP_reshape: return reshape(k, op, index);
    case TN_OP_slice: return slice(k, op, index);
    case TN_OP_index: return of_index(k, op, index);
    case TN_OP_reverse: return reverse(k, op, index);
    case TN_OP_concat: return concat(k, op, index);
    case TN_OP_pad: return pad(k, op, index);
    case TN_OP_windows: return windows(k, op, index);
    default: return keep_places(k, op, index);
    }
}
