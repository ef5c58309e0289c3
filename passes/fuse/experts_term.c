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

tn_tval *
tn_ex_plain(tn_tval *v)
{
    for (;;) {
        if (v->op == TN_T_fn && v->fn == TN_FN_cast)
            v = v->arg[0];
        else if (v->op == TN_T_fn && v->fn == TN_FN_add && tn_ex_is_zero(v->arg[0]))
            v = v->arg[1];
        else
            return v;
    }
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
static tn_tval *
place(const tn_tval *load, int i)
{
    tn_tval *v = load->arg[i];

    while (load->op == TN_T_load && (tn_ex_is_fn(v, TN_FN_min) || tn_ex_is_fn(v, TN_FN_max)))
        v = v->arg[0];
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
        if (!tn_ex_same(place(a, i), place(b, i)))
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

/* The factor of `f` that has the expert; the others are the term's. */
static tn_tval *
split(tn_ex_term *t, tn_tval *const *f, int count)
{
    tn_tval *core = NULL;

    for (int i = 0; i < count; i++) {
        if (tn_ex_has_core(f[i]) && !core)
            core = f[i];
        else if (t->factors < TN_EX_FACTORS)
            t->factor[t->factors++] = f[i];
        else
            return NULL;
    }
    return core;
}

static bool
read_element(tn_experts *x, tn_ex_term *t, tn_tval *v)
{
    for (;;) {
        tn_tval *f[TN_EX_FACTORS];
        int count = 0;

        v = tn_ex_plain(v);
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
            v = split(t, f, count);
        } else if (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_select)) {
            tn_tval *whole = v;

            if (!tn_ex_factors(v, f, &count))
                return false;
            v = split(t, f, count);
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

/* Of a scatter, what it adds. */
static tn_tval *
element(tn_experts *x, tn_value *v)
{
    bool scatters = v->kind == TN_VALUE_RESULT && tn_ex_scatters(v->def);
    tn_tval *el;

    x->at[x->lead] = x->n;
    x->k->past = false;
    x->k->row_fault = NULL;
    x->k->counted.count = 0;
    el = scatters ? tn_lo_added(x->k, v->def, x->at) : NULL;
    return el ? el : tn_lo_el(x->k, v, x->at);
}

bool
tn_ex_read(tn_experts *x, tn_value *v, tn_ex_term *t)
{
    tn_tval *el;

    *t = (tn_ex_term){.value = v};
    el = element(x, v);
    if (x->k->status != TN_OK || !tn_ex_has_core(el))
        return false;
    if (x->k->row_fault) {
        x->near = true;
        return tn_ex_fail(x, x->k->row_fault, "some of them, or others",
            "scatter all rows that were gathered, to where they came from");
    }
    return read_element(x, t, el);
}
