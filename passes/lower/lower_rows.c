/* SPDX-License-Identifier: Apache-2.0
 * Rows that nonzero and sort dealt out, by meaning. A sum over the rows that a
 * scatter adds up is a sum over the elements they stand for, each once:
 *
 *     nonzero    sum over p of [to(N[p]) = t] f(N[p]) is the sum over the
 *                elements that are not 0 and go to t of f(their index)
 *     sort       the same with all elements, since the order is a permutation
 *
 * So a row is an axis that is known to stand for an element. Only the fusions
 * ask: nothing of it runs. */
#include <string.h>

#include "passes/lower/lo.h"

/* ---- small questions ---- */

static tn_tval *
plain(tn_tval *v)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast && tn_is_int(v->dtype) &&
        tn_is_int(v->arg[0]->dtype))
        v = v->arg[0];
    return v;
}

static bool
is_zero(const tn_tval *v)
{
    return v->op == TN_T_const && v->real == 0 && v->whole == 0;
}

static tn_axis *
fresh(tn_lo *k, const char *name, tn_size extent)
{
    return tn_tb_span(k->b, name, tn_lo_size(k, extent));
}

static const tn_lo_row *
find_row(const tn_lo *k, const tn_op *op, tn_tval *position)
{
    position = plain(position);
    for (uint32_t i = 0; position->op == TN_T_index && i < k->rows.count; i++)
        if (k->rows.at[i].op == op && k->rows.at[i].axis == position->axis)
            return &k->rows.at[i];
    return NULL;
}

static void
add_row(tn_lo *k, const tn_op *op, tn_axis *axis, tn_tval *const *at, int rank)
{
    tn_lo_row row = {.op = op, .axis = axis};

    tn_lo_copy(row.at, at, rank);
    tn_push(k->arena, &k->rows, row);
}

/* ---- elements of what was dealt out ---- */

static tn_tval *
as_loaded(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    tn_value *v = op->out[result];

    return tn_lo_load(k, v, v->type.rank, v->type.dim, (tn_layout){.kind = TN_LAYOUT_ROWS}, index);
}

/* The order that was sorted again, which turns it round; or NULL. */
static const tn_op *
turns_round(const tn_op *op)
{
    const tn_value *v = op->in[0];

    if (tn_op_int(op, TN_ATTR_sort_descending))
        return NULL;
    while (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_cast)
        v = v->def->in[0];
    if (v->kind != TN_VALUE_RESULT || v->def->code != TN_OP_sort || v->index != 1)
        return NULL;
    return v->type.rank == 1 ? v->def : NULL;
}

static tn_tval *
sorted(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    int along = (int)tn_op_int(op, TN_ATTR_sort_axis);
    const tn_lo_row *row = find_row(k, op, index[along]);
    const tn_op *first = turns_round(op);
    tn_tval *at[TN_MAX_RANK];
    tn_axis *axis;

    if (row) {
        tn_lo_copy(at, index, op->in[0]->type.rank);
        at[along] = row->at[0];
        return result ? tn_tb_cast(k->b, op->out[1]->type.dtype, at[along])
                      : tn_lo_el(k, op->in[0], at);
    }
    if (result == 0 || !first)
        return as_loaded(k, op, result, index);
    axis = fresh(k, "inv", op->in[0]->type.dim[0]);
    add_row(k, first, axis, index, 1);
    return tn_tb_cast(k->b, op->out[1]->type.dtype, tn_tb_index(k->b, axis));
}

static tn_tval *
counted(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    const tn_lo_row *row = result == 0 ? find_row(k, op, index[0]) : NULL;
    int64_t column;

    if (!row || !tn_tval_is_int(index[1], &column))
        return as_loaded(k, op, result, index);
    return tn_tb_cast(k->b, TN_I32, row->at[column]);
}

tn_tval *
tn_lo_dealt(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    return op->code == TN_OP_sort ? sorted(k, op, result, index) : counted(k, op, result, index);
}

/* Behind views and arithmetic. */
bool
tn_lo_may_be_past(const tn_value *v)
{
    for (int hops = 0; hops < 20 && v->kind == TN_VALUE_RESULT; hops++) {
        tn_lower_kind kind = tn_lower_kind_of(v->def->code);

        if (v->def->code == TN_OP_nonzero)
            return v->index == 0;
        if ((kind != TN_LOWER_view && kind != TN_LOWER_map) || v->def->in_count < 1)
            return false;
        v = v->def->in[0];
    }
    return false;
}

/* ---- sums over rows ---- */

typedef struct adding {
    tn_lo *k;
    tn_op *op;
    tn_tval *const *index;
    int along;     /* the dimension of operand 1 that counts rows */
    int columns;   /* integers a row that say where it goes */
    tn_tval *place[TN_MAX_RANK];
    tn_axis *sum[TN_MAX_RANK];
    int sums;
    tn_tval *hit; /* NULL: always */
} adding;

static bool
is_nd(const adding *a)
{
    return a->op->code == TN_OP_scatter_nd;
}

/* Integer number `column` of the row at `row`, and where it must point. */
static tn_tval *
target(adding *a, tn_tval *row, int column)
{
    tn_lo *k = a->k;

    a->place[a->along] = row;
    if (is_nd(a))
        a->place[a->op->in[1]->type.rank - 1] = tn_tb_int(k->b, column);
    return plain(tn_lo_el(k, a->op->in[1], a->place));
}

static tn_tval *
wanted(const adding *a, int column)
{
    int axis = is_nd(a) ? column : a->along;

    return a->index[axis];
}

static tn_size
wanted_extent(const adding *a, int column)
{
    return a->op->in[0]->type.dim[is_nd(a) ? column : a->along];
}

/* The one dimension that is longer than 1. */
static bool
open_places(adding *a)
{
    const tn_type *t = &a->op->in[1]->type;
    int lead = is_nd(a) ? t->rank - 1 : t->rank;
    int64_t n = 1;

    a->along = -1;
    if (!is_nd(a)) {
        a->along = (int)tn_op_int(a->op, TN_ATTR_scatter_elements_axis);
        tn_lo_copy(a->place, a->index, lead);
        for (int i = 0; i < lead; i++)
            if (i != a->along && !tn_size_equal(t->dim[i], a->op->in[0]->type.dim[i]))
                return false;
        a->columns = 1;
        return true;
    }
    for (int i = 0; i < lead; i++) {
        a->place[i] = tn_tb_int(a->k->b, 0);
        if (tn_size_is_one(t->dim[i]))
            continue;
        if (a->along >= 0)
            return false;
        a->along = i;
    }
    (void)tn_size_is_int(t->dim[lead], &n);
    a->columns = (int)n;
    return a->along >= 0 && n > 0;
}

/* The op whose row the integer comes from. */
static tn_op *
dealer_of(const tn_lo *k, const tn_tval *v, const tn_axis *row, int depth)
{
    if (depth == 0 || !tn_tval_has_axis(v, row))
        return NULL;
    for (uint32_t i = 0; v->op == TN_T_load && i < k->buffers.count; i++) {
        const tn_lo_buffer *b = &k->buffers.at[i];

        if (b->buf == v->buf && b->value->kind == TN_VALUE_RESULT &&
            tn_lower_kind_of(b->value->def->code) == TN_LOWER_deal)
            return b->value->def;
    }
    for (int i = 0; i < v->arg_count; i++) {
        tn_op *op = dealer_of(k, v->arg[i], row, depth - 1);

        if (op)
            return op;
    }
    return NULL;
}

enum { NEAR = 8 };

static void
sum_over(adding *a, tn_axis *axis)
{
    a->sum[a->sums++] = axis;
}

/* A conversion that makes no 0 of another number. */
static bool
keeps_truth(const tn_tval *v)
{
    tn_dtype from;

    if (v->op != TN_T_fn || v->fn != TN_FN_cast)
        return false;
    from = v->arg[0]->dtype;
    return v->dtype == TN_BOOL || from == TN_BOOL ||
        (tn_is_int(from) &&
            (tn_is_float(v->dtype) || tn_dtype_bytes(v->dtype) >= tn_dtype_bytes(from)));
}

/* That a number is not 0: what it was made from, if that was a condition. */
static tn_tval *
truth(tn_lo *k, tn_tval *v)
{
    tn_tval *when = NULL;

    for (;;) {
        bool chosen = v->op == TN_T_fn && v->fn == TN_FN_select && is_zero(v->arg[2]);

        if (chosen)
            when = when ? tn_tb_fn2(k->b, TN_FN_and, when, v->arg[0]) : v->arg[0];
        if (chosen || keeps_truth(v) ||
            (v->op == TN_T_fn && v->fn == TN_FN_ne && is_zero(v->arg[1])))
            v = v->arg[chosen];
        else
            break;
    }
    if (v->dtype != TN_BOOL)
        v = tn_tb_fn2(k->b, TN_FN_ne, v, tn_lo_zero(k, v->dtype));
    return when ? tn_tb_fn2(k->b, TN_FN_and, when, v) : v;
}

/* Where the row's element is, from where it goes. */
static bool
solve_nonzero(adding *a, const tn_op *deal, tn_axis *probe, tn_tval **at)
{
    const tn_type *t = &deal->in[0]->type;
    for (int i = 0; i < a->columns; i++) {
        tn_tval *to = target(a, tn_tb_index(a->k->b, probe), i);
        int64_t column;

        if (to->op != TN_T_load || dealer_of(a->k, to, probe, NEAR) != deal ||
            plain(to->arg[0]) != tn_tb_index(a->k->b, probe) ||
            !tn_tval_is_int(to->arg[1], &column) || at[column] ||
            !tn_size_equal(t->dim[column], wanted_extent(a, i)))
            return false;
        at[column] = wanted(a, i);
    }
    for (int i = 0; i < t->rank; i++)
        if (!at[i] && tn_size_is_one(t->dim[i])) {
            at[i] = tn_tb_int(a->k->b, 0);
        } else if (!at[i]) {
            sum_over(a, fresh(a->k, "slot", t->dim[i]));
            at[i] = tn_tb_index(a->k->b, a->sum[a->sums - 1]);
        }
    a->hit = truth(a->k, tn_lo_el(a->k, deal->in[0], at));
    return true;
}

static bool
is_fn_of(const tn_tval *v, tn_fn fn, const tn_axis *axis)
{
    const tn_tval *x = v->op == TN_T_fn && v->fn == fn ? plain(v->arg[0]) : NULL;

    return x && x->op == TN_T_index && x->axis == axis;
}

/* Position j of a flat list goes to j, j / slots or j % tokens. */
static bool
solve_sort(adding *a, const tn_op *deal, tn_tval **at)
{
    tn_lo *k = a->k;
    tn_size all = deal->in[0]->type.dim[0], extent = wanted_extent(a, 0), slots = NULL;
    tn_axis *row = fresh(k, "row", all), *own = fresh(k, "own", all);
    tn_tval *to, *index = tn_tb_index(k->b, own), *slot, *size;

    if (deal->in[0]->type.rank != 1 || a->columns != 1)
        return false;
    add_row(k, deal, row, &index, 1);
    to = target(a, tn_tb_index(k->b, row), 0);
    at[0] = wanted(a, 0);
    if (to == index)
        return tn_size_equal(all, extent);
    slots = tn_size_div(k->g->sizes, all, extent);
    if (!slots || !tn_size_is_whole(k->g->sizes, slots))
        return false;
    sum_over(a, fresh(k, "slot", slots));
    slot = tn_tb_index(k->b, a->sum[0]);
    if (is_fn_of(to, TN_FN_div, own)) {
        size = tn_lo_size(k, slots);
        at[0] = tn_tb_fn2(k->b, TN_FN_mul, at[0], size);
        at[0] = tn_tb_fn2(k->b, TN_FN_add, at[0], slot);
    } else if (is_fn_of(to, TN_FN_rem, own)) {
        size = tn_lo_size(k, extent);
        slot = tn_tb_fn2(k->b, TN_FN_mul, slot, size);
        at[0] = tn_tb_fn2(k->b, TN_FN_add, slot, at[0]);
    } else {
        return false;
    }
    return plain(to->arg[1]) == size;
}

static tn_tval *
at_row(adding *a, const tn_op *deal, tn_axis *row, tn_tval *const *at)
{
    tn_lo *k = a->k;
    tn_value *y = a->op->in[2];
    int lead = is_nd(a) ? a->op->in[1]->type.rank - 1 : y->type.rank;

    add_row(k, deal, row, at, deal->in[0]->type.rank);
    a->place[a->along] = tn_tb_index(k->b, row);
    for (int i = lead; i < y->type.rank; i++)
        a->place[i] = a->index[a->columns + i - lead];
    return tn_lo_wide(k, y, a->place);
}

/* The dealer of the rows that are scattered, and where the element is that
 * goes to the index asked for; NULL, perhaps with a fault. */
static tn_op *
solve(adding *a, tn_tval **at)
{
    tn_lo *k = a->k;
    tn_size rows;
    tn_axis *probe;
    tn_op *deal;

    if (!open_places(a))
        return NULL;
    rows = a->op->in[1]->type.dim[a->along];
    probe = fresh(k, "probe", rows);
    deal = dealer_of(k, target(a, tn_tb_index(k->b, probe), 0), probe, NEAR);
    if (!deal)
        return NULL;
    k->row_fault = "the rows are what nonzero or sort gave, all of them";
    if (!tn_size_equal(rows, deal->out[0]->type.dim[0]) ||
        !(deal->code == TN_OP_sort ? solve_sort(a, deal, at) : solve_nonzero(a, deal, probe, at)))
        return NULL;
    return deal;
}

static bool
fails_outside(const adding *a)
{
    int outside = is_nd(a) ? TN_ATTR_scatter_nd_outside : TN_ATTR_scatter_elements_outside;

    return strcmp(tn_op_text(a->op, outside), "skip") != 0;
}

static const tn_op *
op_of(const tn_lo *k, const tn_tbuf *buf)
{
    for (uint32_t i = 0; i < k->buffers.count; i++) {
        const tn_value *v = k->buffers.at[i].value;

        if (k->buffers.at[i].buf == buf)
            return v->kind == TN_VALUE_RESULT && v->index == 1 ? v->def : NULL;
    }
    return NULL;
}

/* At most one row goes to each place: the slots of a top_k that hold one
 * number are one at most. */
static bool
are_apart(const adding *a)
{
    const tn_tval *hit = a->hit;

    if (a->sums == 0)
        return true;
    while (hit && hit->op == TN_T_fn && hit->fn == TN_FN_and)
        hit = hit->arg[1];
    if (a->sums != 1 || !hit || hit->op != TN_T_fn || hit->fn != TN_FN_eq)
        return false;
    for (int i = 0; i < 2; i++) {
        const tn_tval *id = plain(hit->arg[i]), *other = hit->arg[1 - i];
        const tn_op *from = id->op == TN_T_load ? op_of(a->k, id->buf) : NULL;
        int along;

        if (!from || from->code != TN_OP_top_k || tn_tval_has_axis(other, a->sum[0]))
            continue;
        along = (int)tn_op_int(from, TN_ATTR_top_k_axis);
        for (int n = 0; n < id->arg_count; n++)
            if (n == along ? id->arg[n] != tn_tb_index(a->k->b, a->sum[0])
                           : tn_tval_has_axis(id->arg[n], a->sum[0]))
                return false;
        return true;
    }
    return false;
}

tn_tval *
tn_lo_added(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    adding a = {.k = k, .op = op, .index = index};
    int reduce = is_nd(&a) ? TN_ATTR_scatter_nd_reduce : TN_ATTR_scatter_elements_reduce;
    tn_tval *at[TN_MAX_RANK] = {0}, *x;
    tn_op *deal = solve(&a, at);
    tn_axis *row;

    if (!deal)
        return NULL;
    if (strcmp(tn_op_text(op, reduce), "none") == 0 &&
        ((k->over != op && !is_zero(tn_lo_el(k, op->in[0], index))) || !are_apart(&a))) {
        k->row_fault = "rows that are written over one another go to zeros, one to each place";
        return NULL;
    }
    if (deal->code == TN_OP_nonzero) {
        k->past |= fails_outside(&a);
        tn_push(k->arena, &k->counted, deal);
    }
    row = fresh(k, "row", op->in[1]->type.dim[a.along]);
    x = at_row(&a, deal, row, at);
    if (a.hit)
        x = tn_tb_fn3(k->b, TN_FN_select, a.hit, x, tn_lo_zero(k, x->dtype));
    for (int i = 0; i < a.sums; i++)
        x = tn_lo_with_axis(k, x, a.sum[i]);
    if (a.sums)
        x = tn_tb_reduce(k->b, TN_FN_add, x, a.sum, a.sums);
    if (tn_tval_has_axis(x, row))
        return NULL;
    k->row_fault = NULL;
    return x;
}

tn_tval *
tn_lo_put(tn_lo *k, tn_op *op, tn_tval *const *index)
{
    adding a = {.k = k, .op = op, .index = index};
    tn_tval *at[TN_MAX_RANK] = {0};
    const char *fault = k->row_fault;
    tn_op *deal = solve(&a, at);
    tn_axis *row;

    k->row_fault = fault;
    if (!deal || deal->code != TN_OP_sort || a.sums)
        return NULL;
    row = fresh(k, "inv", op->in[1]->type.dim[a.along]);
    return tn_lo_narrow(k, at_row(&a, deal, row, at), op->out[0]->type.dtype);
}

/* ---- positions ---- */

/* whole * size + rest with 0 <= rest < size, as i32. */
static bool
is_joined(const tn_tval *v, tn_tval **whole, const tn_tval **size, tn_tval **rest)
{
    const tn_tval *product;

    if (v->op != TN_T_fn || v->fn != TN_FN_add)
        return false;
    product = v->arg[0];
    *rest = v->arg[1];
    if (product->op != TN_T_fn || product->fn != TN_FN_mul || (*rest)->op != TN_T_index)
        return false;
    *whole = product->arg[0];
    *size = product->arg[1];
    return (*rest)->axis->high == *size;
}

/* The index of an axis of that extent, or one joined from such. */
static bool
is_below(tn_lo *k, tn_tval *at, tn_size extent)
{
    tn_sizes *s = k->g->sizes;
    const tn_tval *size;
    tn_tval *whole, *rest;
    int64_t n;

    if (at->op == TN_T_index)
        return at->axis->high == tn_lo_size(k, extent);
    if (!is_joined(at, &whole, &size, &rest) || !tn_tval_is_int(size, &n) || n < 1)
        return false;
    extent = tn_size_div(s, extent, tn_size_int(s, n));
    return extent && tn_size_is_whole(s, extent) && is_below(k, whole, extent);
}

tn_tval *
tn_lo_as_below(tn_lo *k, tn_tval *at, tn_size extent)
{
    at = plain(at);
    return k->symbolic && is_below(k, at, extent) ? at : NULL;
}

/* Made of indices and numbers alone. */
static bool
is_position(const tn_tval *v, int depth)
{
    if (v->op == TN_T_index || tn_tval_is_int(v, &(int64_t){0}))
        return true;
    if (depth == 0 || v->op != TN_T_fn || (v->fn != TN_FN_add && v->fn != TN_FN_mul))
        return false;
    return is_position(v->arg[0], depth - 1) && is_position(v->arg[1], depth - 1);
}

/* Sums and products of positions as i32, the index last. */
static tn_tval *
joined(tn_lo *k, tn_fn fn, tn_tval *x, tn_tval *y)
{
    int64_t n;

    x = plain(x);
    y = plain(y);
    if (y->op == TN_T_const && y->dtype != TN_I32 && y->whole >= 0 && y->whole <= INT32_MAX)
        y = tn_tb_int(k->b, y->whole);
    if (!is_position(x, NEAR) || !is_position(y, NEAR))
        return NULL;
    if (x->op == TN_T_index && y->op != TN_T_index && !tn_tval_is_int(y, &n))
        return tn_tb_fn2(k->b, fn, y, x);
    return tn_tb_fn2(k->b, fn, x, y);
}

tn_tval *
tn_lo_position_of(tn_lo *k, tn_opcode code, tn_tval *x, tn_tval *y)
{
    const tn_tval *size;
    tn_tval *whole, *rest, *at = NULL;

    if (!k->symbolic || !tn_is_int(x->dtype) || tn_dtype_bytes(x->dtype) < 4)
        return NULL;
    if (code == TN_OP_add || code == TN_OP_mul)
        at = joined(k, code == TN_OP_add ? TN_FN_add : TN_FN_mul, x, y);
    else if ((code == TN_OP_div || code == TN_OP_rem || code == TN_OP_mod) &&
        is_joined(plain(x), &whole, &size, &rest) && y->op == TN_T_const &&
        size->op == TN_T_const && size->whole == y->whole)
        at = code == TN_OP_div ? whole : rest;
    return at ? tn_tb_cast(k->b, x->dtype, at) : NULL;
}
