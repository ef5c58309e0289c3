/* SPDX-License-Identifier: Apache-2.0
 * One term of a sum over experts: factors, and what one expert gives. */
#include <math.h>
#include <string.h>

#include "passes/fuse/experts_in.h"

/* ---- small questions ---- */

bool
tn_ex_is_zero(const tn_tval *v)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast)
        v = v->arg[0];
    return v->op == TN_T_const && (tn_is_float(v->dtype) ? v->real == 0 : v->whole == 0);
}

/* A truth value of what is none. */
static bool
asks_nonzero(const tn_tval *v)
{
    const tn_tval *of = v;

    while (of->op == TN_T_fn && of->fn == TN_FN_cast)
        of = of->arg[0];
    return v->dtype == TN_BOOL && of->dtype != TN_BOOL && of->op != TN_T_const;
}

tn_tval *
tn_ex_plain(tn_tval *v)
{
    for (;;) {
        if (v->op == TN_T_fn && v->fn == TN_FN_cast && !asks_nonzero(v))
            v = v->arg[0];
        else if (v->op == TN_T_fn && v->fn == TN_FN_add && tn_ex_is_zero(v->arg[0]))
            v = v->arg[1];
        else
            return v;
    }
}

tn_tval *
tn_ex_unlike_zero(tn_tval *v)
{
    if (tn_ex_is_fn(v, TN_FN_cast) && asks_nonzero(v))
        return v->arg[0];
    if ((tn_ex_is_fn(v, TN_FN_ne) || tn_ex_is_fn(v, TN_FN_gt)) && tn_ex_is_zero(v->arg[1]))
        return v->arg[0];
    return tn_ex_is_fn(v, TN_FN_lt) && tn_ex_is_zero(v->arg[0]) ? v->arg[1] : NULL;
}

bool
tn_ex_is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

/* As a number of the type may be off that stands for `value`. */
bool
tn_ex_is_near(double is, double value, tn_dtype dtype)
{
    return fabs(is - value) <= 4e-3 * fabs(value) * (dtype == TN_F32 ? 1e-3 : 1);
}

bool
tn_ex_is_real(const tn_tval *v, double value)
{
    double is;

    while (v->op == TN_T_fn && v->fn == TN_FN_cast)
        v = v->arg[0];
    if (v->op != TN_T_const)
        return false;
    is = tn_is_float(v->dtype) ? v->real : (double)v->whole;
    return tn_ex_is_near(is, value, v->dtype);
}

static bool
is_number(const tn_tval *v)
{
    return tn_ex_plain((tn_tval *)(uintptr_t)v)->op == TN_T_const;
}

/* A place that is kept in range; a run whose index is not fails. */
tn_tval *
tn_ex_place_of(const tn_tval *load, int i)
{
    tn_tval *v = load->arg[i], *of;

    while (load->op == TN_T_load) {
        of = tn_ex_is_fn(v, TN_FN_cast) && tn_is_int(v->dtype) ? v->arg[0] : v;
        if (!tn_ex_is_fn(of, TN_FN_min) && !tn_ex_is_fn(of, TN_FN_max))
            break;
        v = of->arg[0];
    }
    return v;
}

bool
tn_ex_same(tn_tval *a, tn_tval *b)
{
    if (a == b)
        return true;
    if (a->op != b->op || a->fn != b->fn || a->dtype != b->dtype || a->arg_count != b->arg_count ||
        a->buf != b->buf || a->axis != b->axis || a->whole != b->whole || a->loop != b->loop ||
        a->red_count != b->red_count || a->op == TN_T_const || a->op == TN_T_carry)
        return false;
    for (int i = 0; i < a->red_count; i++)
        if (a->red[i] != b->red[i])
            return false;
    for (int i = 0; i < a->arg_count; i++)
        if (!tn_ex_same(tn_ex_place_of(a, i), tn_ex_place_of(b, i)))
            return false;
    return true;
}

enum { DEEPEST = 60, VISITS = 20000 };

/* True if that many contractions stand behind one another. */
static bool
has_layers(const tn_tval *v, int count, int depth, int *visits)
{
    count -= v->op == TN_T_mma;
    if (count == 0)
        return true;
    if (depth == DEEPEST || ++*visits > VISITS)
        return false;
    for (int i = 0; i < v->arg_count; i++)
        if (has_layers(v->arg[i], count, depth + 1, visits))
            return true;
    return false;
}

bool
tn_ex_has_core(const tn_tval *v)
{
    int visits = 0;

    return has_layers(v, 2, 0, &visits);
}

/* 0 <= index: how a value is given an axis that it lacks. */
static bool
is_position_test(const tn_tval *v)
{
    return tn_ex_is_fn(v, TN_FN_le) && v->arg[0]->op == TN_T_const && v->arg[0]->whole == 0 &&
        v->arg[1]->op == TN_T_index;
}

bool
tn_ex_factors(tn_tval *v, tn_tval **out, int *count)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_and))
        return tn_ex_factors(v->arg[0], out, count) && tn_ex_factors(v->arg[1], out, count);
    if (tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_zero(v->arg[2]))
        return tn_ex_factors(v->arg[0], out, count) && tn_ex_factors(v->arg[1], out, count);
    if ((is_number(v) && tn_ex_is_real(v, 1)) || is_position_test(v))
        return true;
    if (*count == TN_EX_FACTORS)
        return false;
    out[(*count)++] = v;
    return true;
}

/* ---- a term ---- */

static bool
add_sums(tn_ex_term *t, const tn_tval *v)
{
    for (int i = 0; i < v->red_count; i++) {
        if (t->sums == 4)
            return false;
        t->sum[t->sums++] = v->red[i];
    }
    return true;
}

/* The factor of `f` that has the expert, and runs along what it gives; the
 * others are the term's. */
static tn_tval *
split(const tn_experts *x, tn_ex_term *t, tn_tval *const *f, int count)
{
    tn_tval *core = NULL;
    bool along = false;

    for (int i = 0; i < count; i++)
        along |= tn_ex_has_core(f[i]) && tn_tval_has_axis(f[i], x->n->axis);

    for (int i = 0; i < count; i++) {
        if (!core && tn_ex_has_core(f[i]) && (!along || tn_tval_has_axis(f[i], x->n->axis)))
            core = f[i];
        else if (t->factors < TN_EX_FACTORS)
            t->factor[t->factors++] = f[i];
        else
            return NULL;
    }
    return core;
}

/* ---- axes that were joined ---- */

tn_size
tn_ex_extent(const tn_experts *x, const tn_axis *axis)
{
    for (uint32_t i = 0; i < x->k->spans.count; i++)
        if (x->k->spans.at[i].axis == axis)
            return x->k->spans.at[i].extent;
    return NULL;
}

/* What the index of the axis is divided by. */
static const tn_tval *
divisor(const tn_tval *v, const tn_axis *axis, int depth)
{
    const tn_tval *by = NULL;

    if (depth == 0 || !tn_tval_has_axis(v, axis))
        return NULL;
    if (tn_ex_is_fn(v, TN_FN_div) && v->arg[0]->op == TN_T_index)
        return v->arg[0]->axis == axis ? v->arg[1] : NULL;
    for (int i = 0; !by && i < v->arg_count; i++)
        by = divisor(v->arg[i], axis, depth - 1);
    return by;
}

static tn_size
size_of(const tn_experts *x, const tn_tval *v)
{
    int64_t n;

    if (tn_tval_is_int(v, &n))
        return n > 0 ? tn_size_int(x->g->sizes, n) : NULL;
    for (uint32_t i = 0; i < x->k->spans.count; i++)
        if (x->k->spans.at[i].axis->high == v)
            return x->k->spans.at[i].extent;
    return NULL;
}

static tn_axis *
axis_of(tn_experts *x, const char *name, tn_size extent)
{
    tn_lo_span span = {tn_tb_span(x->k->b, name, tn_lo_size(x->k, extent)), extent};

    tn_push(x->arena, &x->k->spans, span);
    return span.axis;
}

/* A sum over experts and places as one axis is a sum over two. */
static tn_tval *
parted(tn_experts *x, tn_tval *v)
{
    const tn_tval *by =
        v->red_count == 1 ? divisor(v->arg[v->arg_count - 1], v->red[0], DEEPEST) : NULL;
    tn_size rest = by ? size_of(x, by) : NULL, all = rest ? tn_ex_extent(x, v->red[0]) : NULL;
    tn_size whole = all ? tn_size_div(x->g->sizes, all, rest) : NULL;
    tn_tval *arg[3] = {NULL}, *at[2];
    tn_axis *axis[2];

    if (!whole || !tn_size_is_whole(x->g->sizes, whole))
        return v;
    axis[0] = axis_of(x, "whole", whole);
    axis[1] = axis_of(x, "rest", rest);
    for (int i = 0; i < 2; i++)
        at[i] = tn_tb_index(x->k->b, axis[i]);
    for (int i = 0; i < v->arg_count; i++) {
        arg[i] = tn_ex_parted(x, v->arg[i], v->red[0], by, at[0], at[1], NULL);
        if (!arg[i])
            return v;
    }
    if (v->op == TN_T_mma)
        return tn_tb_mma(x->k->b, arg[0], arg[1], arg[2], axis, 2);
    return tn_tb_reduce(x->k->b, v->fn, arg[0], axis, 2);
}

/* ---- the whole ---- */

static bool
read_element(tn_experts *x, tn_ex_term *t, tn_tval *v)
{
    for (;;) {
        tn_tval *f[TN_EX_FACTORS];
        int count = 0;

        v = tn_ex_plain(v);
        if (v->red_count)
            v = parted(x, v);
        if (v->op == TN_T_reduce && v->fn == TN_FN_add) {
            if (!add_sums(t, v))
                return false;
            v = v->arg[0];
        } else if (tn_ex_biased_core(x, v, &f[0], &t->down_bias)) {
            v = f[0];
        } else if (v->op == TN_T_mma && tn_ex_reads_matrix(x, v)) {
            return tn_ex_core(x, t, v);
        } else if (v->op == TN_T_mma && tn_ex_is_zero(v->arg[0])) {
            if (!add_sums(t, v) || !tn_ex_factors(v->arg[1], f, &count) ||
                !tn_ex_factors(v->arg[2], f, &count))
                return false;
            v = split(x, t, f, count);
        } else if (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_select)) {
            tn_tval *whole = v;

            if (!tn_ex_factors(v, f, &count))
                return false;
            v = split(x, t, f, count);
            if (v == whole)
                return false;
        } else {
            return false;
        }
        if (!v)
            return false;
    }
}

bool
tn_ex_scatters(const tn_op *op)
{
    if (op->code == TN_OP_scatter_elements)
        return strcmp(tn_op_text(op, TN_ATTR_scatter_elements_reduce), "add") == 0;
    return op->code == TN_OP_scatter_nd &&
        strcmp(tn_op_text(op, TN_ATTR_scatter_nd_reduce), "add") == 0;
}

bool
tn_ex_writes_over(const tn_op *op, int *before)
{
    const tn_type *y = &op->out[0]->type;

    *before = op->code == TN_OP_where ? 2 : 0;
    if (y->rank < 2 || !tn_is_float(y->dtype) ||
        (op->code != TN_OP_where && op->code != TN_OP_scatter_nd))
        return false;
    if (op->code == TN_OP_scatter_nd)
        return strcmp(tn_op_text(op, TN_ATTR_scatter_nd_reduce), "none") == 0;
    return op->in[2]->kind == TN_VALUE_RESULT && tn_type_equal(&op->in[2]->type, y);
}

/* Of a scatter, what it adds, or writes. */
static tn_tval *
element(tn_experts *x, tn_value *v, bool over)
{
    bool scatters = v->kind == TN_VALUE_RESULT &&
        (tn_ex_scatters(v->def) || (over && v->def->code == TN_OP_scatter_nd));
    tn_tval *el;

    x->at[x->lead] = x->n;
    x->k->past = false;
    x->k->row_fault = NULL;
    x->k->counted.count = 0;
    x->k->over = over ? v->def : NULL;
    el = scatters ? tn_lo_added(x->k, v->def, x->at) : NULL;
    x->k->over = NULL;
    if (!el && over && scatters)
        return NULL;
    return el ? el : tn_lo_el(x->k, v, x->at);
}

/* What is written, 0 elsewhere. */
static tn_tval *
written(tn_experts *x, tn_ex_term *t)
{
    tn_tval *el = element(x, t->value, true);

    el = el ? tn_ex_plain(el) : NULL;
    if (!el || !tn_ex_is_fn(el, TN_FN_select))
        return NULL;
    t->where = el->arg[0];
    return tn_tb_fn3(x->k->b, TN_FN_select, el->arg[0], el->arg[1], tn_lo_zero(x->k, el->dtype));
}

bool
tn_ex_read(tn_experts *x, tn_value *v, bool over, tn_ex_term *t)
{
    tn_tval *el;

    *t = (tn_ex_term){.value = v};
    el = over ? written(x, t) : element(x, v, false);
    if (!el || x->k->status != TN_OK || !tn_ex_has_core(el))
        return false;
    if (x->k->row_fault) {
        x->near = true;
        return tn_ex_fail(x, x->k->row_fault, "some of them, or others",
            "scatter all rows that were gathered, to where they came from");
    }
    return read_element(x, t, el);
}
