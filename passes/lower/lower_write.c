/* SPDX-License-Identifier: Apache-2.0
 * Writing by index, seen from the element that is written: update chooses,
 * the scatters ask which of the new elements come here. */
#include <string.h>

#include "passes/lower/lo.h"

static tn_tval *
both(tn_lo *k, tn_tval *a, tn_tval *b)
{
    return a ? tn_tb_fn2(k->b, TN_FN_and, a, b) : b;
}

/* ---- update ---- */

static tn_tval *
offset_of(tn_lo *k, const tn_op *op, tn_tval *const *index, int axis)
{
    const tn_attr *at = &op->attr[TN_ATTR_update_at];
    tn_sizes *s = k->g->sizes;
    tn_size room;

    if (at->operand < 0)
        return tn_lo_size(k, at->sizes[0]);
    room = tn_size_sub(s, op->in[0]->type.dim[axis], op->in[1]->type.dim[axis]);
    room = tn_size_add(s, room, tn_size_int(s, 1));
    return tn_lo_checked_index(k, op, "offset out of range", op->in[at->operand], index, room);
}

void
tn_lower_update_place(tn_lo *k, const tn_op *op, tn_tval **index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_update_axis);
    tn_tval *offset = offset_of(k, op, index, axis);

    index[axis] = tn_tb_fn2(k->b, TN_FN_add, index[axis], offset);
}

static tn_tval *
update(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_update_axis);
    tn_value *y = op->in[1];
    tn_tval *place[TN_MAX_RANK], *at, *inside, *old, *fresh, *kept;

    at = tn_tb_fn2(k->b, TN_FN_sub, index[axis], offset_of(k, op, index, axis));
    inside = tn_lo_in_range(k, at, y->type.dim[axis]);
    tn_lo_copy(place, index, y->type.rank);
    place[axis] = at;
    old = tn_lo_only_where(k, both(k, k->where, inside));
    fresh = tn_lo_el(k, y, place);
    (void)tn_lo_only_where(k, old);
    kept = tn_lo_el(k, op->in[0], index);
    return tn_tb_fn3(k->b, TN_FN_select, inside, fresh, kept);
}

/* ---- scatter ---- */

typedef struct writing {
    tn_op *op;
    const char *reduce;
    bool skip;
    tn_tval *place[TN_MAX_RANK]; /* of the new element in y */
    tn_axis *axes[TN_MAX_RANK];  /* that run over new elements */
    int count;
    tn_tval *here; /* the new element goes to the index asked for */
} writing;

/* The integer at `at` of operand 1 must be in range, and equal `want`. */
static void
compare(tn_lo *k, writing *w, tn_tval *const *at, tn_size extent, tn_tval *want)
{
    tn_value *data = w->op->in[1];
    tn_tval *x = tn_lo_el(k, data, at);

    if (!w->skip)
        (void)tn_lo_checked_index(k, w->op, "index out of range", data, at, extent);
    w->here = both(k, w->here, tn_tb_fn2(k->b, TN_FN_eq, x, tn_tb_cast(k->b, x->dtype, want)));
}

static tn_axis *
run_along(tn_lo *k, writing *w, int dim, tn_size extent, tn_tval *const *avoid, int count)
{
    tn_axis *axis;

    if (tn_size_is_one(extent)) {
        w->place[dim] = tn_tb_int(k->b, 0);
        return NULL;
    }
    axis = tn_lo_span_axis(k, extent, avoid, count);
    w->place[dim] = tn_tb_index(k->b, axis);
    w->axes[w->count++] = axis;
    return axis;
}

static tn_fn
function_of(const char *reduce)
{
    if (strcmp(reduce, "add") == 0)
        return TN_FN_add;
    if (strcmp(reduce, "mul") == 0)
        return TN_FN_mul;
    return strcmp(reduce, "max") == 0 ? TN_FN_max : TN_FN_min;
}

static tn_tval *
neutral(tn_lo *k, tn_fn fn, tn_dtype t)
{
    int64_t low, high;

    if (fn == TN_FN_add || fn == TN_FN_mul)
        return tn_tb_whole(k->b, t, fn == TN_FN_mul);
    if (tn_is_float(t)) {
        tn_tval *one = tn_tb_real(k->b, t, fn == TN_FN_min ? 1 : -1);

        return tn_tb_real(k->b, t, one->real / 0.0);
    }
    tn_dtype_range(t, &low, &high);
    return tn_tb_whole(k->b, t, fn == TN_FN_min ? high : low);
}

/* Operation by operation in row-major order of the new elements. */
static tn_tval *
reduced(tn_lo *k, writing *w, tn_tval *const *index)
{
    tn_fn fn = function_of(w->reduce);
    tn_tval *x = tn_lo_wide(k, w->op->in[0], index);
    tn_tval *y = k->symbolic && fn == TN_FN_add ? tn_lo_added(k, w->op, index) : NULL;

    if (y)
        return tn_lo_narrow(k, tn_tb_fn2(k->b, fn, x, y), w->op->out[0]->type.dtype);
    y = tn_lo_wide(k, w->op->in[2], w->place);
    y = tn_tb_fn3(k->b, TN_FN_select, w->here, y, neutral(k, fn, y->dtype));
    for (int i = 0; i < w->count; i++)
        y = tn_lo_with_axis(k, y, w->axes[i]);
    if (w->count)
        y = tn_tb_reduce(k->b, fn, y, w->axes, w->count);
    return tn_lo_narrow(k, tn_tb_fn2(k->b, fn, x, y), w->op->out[0]->type.dtype);
}

/* The last new element that goes here, by its linear position. */
static tn_tval *
last_wins(tn_lo *k, writing *w, tn_tval *const *index, int lead, const tn_type *counted)
{
    tn_value *y = w->op->in[2];
    tn_type part = {.rank = lead};
    tn_tval *at, *rest, *any, *fresh, *kept, *old;

    memcpy(part.dim, counted->dim, (size_t)lead * sizeof *part.dim);
    at = tn_lo_position(k, &part, w->place);
    at = tn_tb_fn3(k->b, TN_FN_select, w->here, at, tn_tb_int(k->b, -1));
    for (int i = 0; i < w->count; i++)
        at = tn_lo_with_axis(k, at, w->axes[i]);
    if (w->count)
        at = tn_tb_reduce(k->b, TN_FN_max, at, w->axes, w->count);
    any = tn_tb_fn2(k->b, TN_FN_le, tn_tb_int(k->b, 0), at);
    rest = tn_tb_fn2(k->b, TN_FN_max, at, tn_tb_int(k->b, 0));
    for (int i = lead - 1; i >= 0; i--) {
        tn_tval *size = tn_lo_size(k, part.dim[i]);

        w->place[i] = i ? tn_tb_fn2(k->b, TN_FN_rem, rest, size) : rest;
        rest = i ? tn_tb_fn2(k->b, TN_FN_div, rest, size) : rest;
    }
    old = tn_lo_only_where(k, both(k, k->where, any));
    fresh = tn_lo_el(k, y, w->place);
    (void)tn_lo_only_where(k, old);
    kept = tn_lo_el(k, w->op->in[0], index);
    return tn_tb_fn3(k->b, TN_FN_select, any, fresh, kept);
}

/* No index comes twice along the axis. */
static bool
are_apart(const tn_value *v, int axis)
{
    while (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_cast)
        v = v->def->in[0];
    return v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_top_k && v->index == 1 &&
        tn_op_int(v->def, TN_ATTR_top_k_axis) == axis;
}

/* Written over zeros, each place once: the sum of what comes here. */
static tn_tval *
summed(tn_lo *k, writing *w, tn_tval *const *index, int axis)
{
    tn_tval *kept = tn_lo_el(k, w->op->in[0], index), *y;

    if (kept->op != TN_T_const || kept->real != 0 || kept->whole != 0 ||
        !are_apart(w->op->in[1], axis))
        return NULL;
    y = tn_lo_el(k, w->op->in[2], w->place);
    y = tn_tb_fn3(k->b, TN_FN_select, w->here, y, kept);
    for (int i = 0; i < w->count; i++)
        y = tn_lo_with_axis(k, y, w->axes[i]);
    return w->count ? tn_tb_reduce(k->b, TN_FN_add, y, w->axes, w->count) : y;
}

/* Only places that agree with the index in all but the axis can come here. */
static tn_tval *
scatter_elements(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    int axis = (int)tn_op_int(op, TN_ATTR_scatter_elements_axis);
    const tn_type *t = &op->in[1]->type;
    writing w = {.op = op, .reduce = tn_op_text(op, TN_ATTR_scatter_elements_reduce)};
    tn_tval *at, *any, *old, *fresh, *kept;

    w.skip = strcmp(tn_op_text(op, TN_ATTR_scatter_elements_outside), "skip") == 0;
    tn_lo_copy(w.place, index, t->rank);
    (void)run_along(k, &w, axis, t->dim[axis], index, t->rank);
    compare(k, &w, w.place, op->in[0]->type.dim[axis], index[axis]);
    if (strcmp(w.reduce, "none") != 0)
        return reduced(k, &w, index);
    fresh = k->symbolic ? summed(k, &w, index, axis) : NULL;
    if (fresh)
        return fresh;
    at = tn_tb_fn3(k->b, TN_FN_select, w.here, w.place[axis], tn_tb_int(k->b, -1));
    if (w.count)
        at = tn_tb_reduce(k->b, TN_FN_max, at, w.axes, 1);
    any = tn_tb_fn2(k->b, TN_FN_le, tn_tb_int(k->b, 0), at);
    w.place[axis] = tn_tb_fn2(k->b, TN_FN_max, at, tn_tb_int(k->b, 0));
    old = tn_lo_only_where(k, both(k, k->where, any));
    fresh = tn_lo_el(k, op->in[2], w.place);
    (void)tn_lo_only_where(k, old);
    kept = tn_lo_el(k, op->in[0], index);
    return tn_tb_fn3(k->b, TN_FN_select, any, fresh, kept);
}

static tn_tval *
scatter_nd(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    const tn_type *x = &op->in[0]->type, *t = &op->in[1]->type;
    writing w = {.op = op, .reduce = tn_op_text(op, TN_ATTR_scatter_nd_reduce)};
    int lead = t->rank - 1;
    tn_tval *avoid[2 * TN_MAX_RANK], *at[TN_MAX_RANK];
    int64_t n = 0;

    w.skip = strcmp(tn_op_text(op, TN_ATTR_scatter_nd_outside), "skip") == 0;
    (void)tn_size_is_int(t->dim[lead], &n);
    tn_lo_copy(avoid, index, x->rank);
    for (int i = 0; i < lead; i++) {
        (void)run_along(k, &w, i, t->dim[i], avoid, x->rank + i);
        avoid[x->rank + i] = w.place[i];
        at[i] = w.place[i];
    }
    for (int i = 0; i < n; i++) {
        at[lead] = tn_tb_int(k->b, i);
        compare(k, &w, at, x->dim[i], index[i]);
    }
    if (!w.here)
        w.here = tn_tb_whole(k->b, TN_BOOL, 1);
    for (int i = (int)n; i < x->rank; i++)
        w.place[lead + i - n] = index[i];
    if (strcmp(w.reduce, "none") != 0)
        return reduced(k, &w, index);
    return last_wins(k, &w, index, lead, t);
}

tn_tval *
tn_lower_write(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    bool elements = op->code == TN_OP_scatter_elements;
    int reduce = elements ? TN_ATTR_scatter_elements_reduce : TN_ATTR_scatter_nd_reduce;
    tn_tval *put = NULL;

    (void)result;
    if (op->code == TN_OP_update)
        return update(k, op, index);
    if (k->symbolic && strcmp(tn_op_text(op, reduce), "none") == 0) {
        put = tn_lo_put(k, op, index);
        put = put ? put : tn_lo_added(k, op, index);
    }
    if (put)
        return put;
    return elements ? scatter_elements(k, op, index) : scatter_nd(k, op, index);
}
