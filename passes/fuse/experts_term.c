/* SPDX-License-Identifier: Apache-2.0
 * One term of a sum over experts: factors, and a gated or plain network of two
 * contractions. */
#include <math.h>
#include <string.h>

#include "passes/fuse/experts_in.h"

/* ---- small questions ---- */

static bool
is_zero(const tn_tval *v)
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
        else if (v->op == TN_T_fn && v->fn == TN_FN_add && is_zero(v->arg[0]))
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
static bool
is_near(double is, double value, tn_dtype dtype)
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
    return is_near(is, value, v->dtype);
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
    if (tn_ex_is_fn(v, TN_FN_select) && is_zero(v->arg[2]))
        return tn_ex_factors(v->arg[0], out, count) && tn_ex_factors(v->arg[1], out, count);
    if ((is_number(v) && tn_ex_is_real(v, 1)) || is_position_test(v))
        return true;
    if (*count == TN_EX_FACTORS)
        return false;
    out[(*count)++] = v;
    return true;
}

/* ---- activations ---- */

static bool
is_sigmoid_of(tn_tval *v, tn_tval *g)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_sigmoid))
        return tn_ex_plain(v->arg[0]) == g;
    if (tn_ex_is_fn(v, TN_FN_recip))
        v = tn_ex_plain(v->arg[0]);
    else if (tn_ex_is_fn(v, TN_FN_div) && tn_ex_is_real(v->arg[0], 1))
        v = tn_ex_plain(v->arg[1]);
    else
        return false;
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *e = tn_ex_plain(v->arg[i]), *n;

        if (!tn_ex_is_real(v->arg[1 - i], 1) || !tn_ex_is_fn(e, TN_FN_exp))
            continue;
        n = tn_ex_plain(e->arg[0]);
        return tn_ex_is_fn(n, TN_FN_neg) && tn_ex_plain(n->arg[0]) == g;
    }
    return false;
}

/* g*c, g/(1/c) */
static bool
is_scaled(tn_tval *v, tn_tval *g, double c)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_div))
        return tn_ex_plain(v->arg[0]) == g && tn_ex_is_real(v->arg[1], 1 / c);
    if (!tn_ex_is_fn(v, TN_FN_mul))
        return false;
    return (tn_ex_plain(v->arg[0]) == g && tn_ex_is_real(v->arg[1], c)) ||
        (tn_ex_plain(v->arg[1]) == g && tn_ex_is_real(v->arg[0], c));
}

/* A product is g^power times numbers that make `c`. */
static bool
is_power(tn_tval *v, tn_tval *g, int power, double c)
{
    tn_tval *f[TN_EX_FACTORS];
    tn_dtype dtype = TN_F32;
    double product = 1;
    int count = 0;

    if (!tn_ex_factors(v, f, &count))
        return false;
    for (int i = 0; i < count; i++) {
        if (f[i] == g) {
            power--;
        } else if (f[i]->op == TN_T_const) {
            product *= f[i]->real;
            dtype = f[i]->dtype == TN_F32 ? dtype : f[i]->dtype;
        } else if (tn_ex_is_fn(f[i], TN_FN_pow) && tn_ex_plain(f[i]->arg[0]) == g &&
            tn_ex_is_real(f[i]->arg[1], 3)) {
            power -= 3;
        } else {
            return false;
        }
    }
    return power == 0 && is_near(product, c, dtype);
}

/* sqrt(2/pi)*(g + 0.044715*g^3) */
static bool
is_cubic(tn_tval *v, tn_tval *g)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = 0;
    bool number = false, sum = false;

    if (!tn_ex_factors(v, f, &count) || count != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        if (tn_ex_is_fn(f[i], TN_FN_add))
            sum = (tn_ex_plain(f[i]->arg[0]) == g && is_power(f[i]->arg[1], g, 3, 0.044715)) ||
                (tn_ex_plain(f[i]->arg[1]) == g && is_power(f[i]->arg[0], g, 3, 0.044715));
        else
            number = tn_ex_is_real(f[i], 0.79788456080286535588);
    }
    return number && sum;
}

/* 1 + erf(g*sqrt(0.5)), 1 + tanh(..) */
static const char *
gelu_of(tn_tval *v, tn_tval *g)
{
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *e = tn_ex_plain(v->arg[i]);

        if (!tn_ex_is_real(v->arg[1 - i], 1))
            continue;
        if (tn_ex_is_fn(e, TN_FN_erf) && is_scaled(e->arg[0], g, 0.70710678118654752440))
            return "gelu";
        if (tn_ex_is_fn(e, TN_FN_tanh) && is_cubic(e->arg[0], g))
            return "gelu_tanh";
    }
    return NULL;
}

/* One factor that is an activation by itself. */
static const char *
single(tn_tval *v, tn_tval *g)
{
    if (tn_ex_is_fn(v, TN_FN_max) &&
        ((tn_ex_plain(v->arg[0]) == g && is_zero(v->arg[1])) ||
            (tn_ex_plain(v->arg[1]) == g && is_zero(v->arg[0]))))
        return "relu";
    if (tn_ex_is_fn(v, TN_FN_tanh) && tn_ex_plain(v->arg[0]) == g)
        return "tanh";
    if (is_sigmoid_of(v, g))
        return "sigmoid";
    return NULL;
}

/* x / (1 + exp(-x)) */
static bool
is_silu(tn_tval *v, tn_tval *g)
{
    tn_tval *e;

    if (!tn_ex_is_fn(v, TN_FN_div) || tn_ex_plain(v->arg[0]) != g)
        return false;
    v = tn_ex_plain(v->arg[1]);
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        e = tn_ex_plain(v->arg[i]);
        if (tn_ex_is_real(v->arg[1 - i], 1) && tn_ex_is_fn(e, TN_FN_exp)) {
            e = tn_ex_plain(e->arg[0]);
            return tn_ex_is_fn(e, TN_FN_neg) && tn_ex_plain(e->arg[0]) == g;
        }
    }
    return false;
}

static void
drop(tn_tval **f, int *count, int at)
{
    memmove(f + at, f + at + 1, (size_t)(--*count - at) * sizeof *f);
}

static int
find(tn_tval *const *f, int count, const tn_tval *v)
{
    for (int i = 0; i < count; i++)
        if (f[i] == v)
            return i;
    return -1;
}

/* Takes what makes act(g) out of the factors; NULL leaves them. */
static const char *
take_act(tn_tval **f, int *count, tn_tval *g)
{
    int own = find(f, *count, g), half = -1, sum = -1;
    const char *act = NULL;

    for (int i = 0; i < *count; i++) {
        if ((act = single(f[i], g)) != NULL && (strcmp(act, "sigmoid") != 0 || own < 0)) {
            drop(f, count, i);
            return act;
        }
        if (is_silu(f[i], g) || (act && own >= 0)) {
            bool two = act && own >= 0;

            drop(f, count, i);
            if (two)
                drop(f, count, find(f, *count, g));
            return "silu";
        }
        half = f[i]->op == TN_T_const && tn_ex_is_real(f[i], 0.5) ? i : half;
        if (gelu_of(f[i], g))
            sum = i;
    }
    for (int i = 0; sum >= 0 && half < 0 && i < *count; i++)
        if (is_scaled(f[i], g, 0.5))
            own = half = i;
    if (sum < 0 || half < 0 || own < 0)
        return NULL;
    act = gelu_of(f[sum], g);
    for (int i = *count; i-- > 0;)
        if (i == sum || i == half || i == own)
            drop(f, count, i);
    return act;
}

/* ---- contractions ---- */

static bool
is_axis(const tn_tval *v, const tn_axis *axis)
{
    return v->op == TN_T_index && v->axis == axis;
}

/* start + step * position */
static bool
is_affine(tn_tval *v, const tn_tval *position, int64_t *start, int64_t *step)
{
    *start = 0;
    *step = 1;
    if (tn_ex_is_fn(v, TN_FN_add) && tn_tval_is_int(v->arg[1], start))
        v = v->arg[0];
    if (tn_ex_is_fn(v, TN_FN_mul) && tn_tval_is_int(v->arg[1], step))
        v = v->arg[0];
    return v == position;
}

static tn_value *
value_of(const tn_experts *x, const tn_tbuf *buf)
{
    for (uint32_t i = 0; i < x->k->buffers.count; i++)
        if (x->k->buffers.at[i].buf == buf)
            return x->k->buffers.at[i].value;
    return NULL;
}

/* A load of [expert,] row, column in any order, `column` summed. */
static bool
read_matrix(const tn_experts *x, tn_tval *v, const tn_tval *row, const tn_axis *column,
    tn_ex_matrix *m)
{
    v = tn_ex_plain(v);
    if (v->op != TN_T_load || v->arg_count < 2 || v->arg_count > 3)
        return false;
    *m = (tn_ex_matrix){.value = value_of(x, v->buf), .expert = -1, .row = -1, .column = -1};
    for (int i = 0; i < v->arg_count; i++) {
        if (m->column < 0 && is_axis(v->arg[i], column)) {
            m->column = (int8_t)i;
        } else if (m->row < 0 && is_affine(v->arg[i], row, &m->start, &m->step)) {
            m->row = (int8_t)i;
        } else if (m->expert < 0) {
            m->expert = (int8_t)i;
            m->number = v->arg[i];
        }
    }
    return m->value && m->row >= 0 && m->column >= 0 && m->value->type.rank == v->arg_count;
}

/* The two operands of a sum over one axis from 0, without casts. */
static bool
is_product(tn_tval *v, tn_axis *over)
{
    return v->op == TN_T_mma && is_zero(v->arg[0]) && v->red_count == 1 &&
        (!over || v->red[0] == over);
}

/* mma[i](0, x, matrix[e, row, i]): which operand is x, or -1. */
static int
read_layer(const tn_experts *x, tn_tval *v, const tn_tval *row, tn_ex_matrix *m)
{
    if (!is_product(v, NULL))
        return -1;
    for (int i = 1; i <= 2; i++)
        if (read_matrix(x, v->arg[i], row, v->red[0], m) && m->value->type.rank >= 2)
            return 3 - i;
    return -1;
}

/* ---- the network ---- */

/* Contractions along `row` in an expression, each once. */
static bool
layers_of(tn_tval *v, const tn_axis *row, tn_tval **out, int *count)
{
    v = tn_ex_plain(v);
    if (!tn_tval_has_axis(v, row))
        return true;
    if (v->op == TN_T_mma) {
        if (find(out, *count, v) >= 0)
            return true;
        if (*count == 2)
            return false;
        out[(*count)++] = v;
        return true;
    }
    for (int i = 0; v->op != TN_T_load && i < v->arg_count; i++)
        if (!layers_of(v->arg[i], row, out, count))
            return false;
    return true;
}

static bool
same_number(const tn_tval *a, const tn_tval *b)
{
    return a == b || (a && b && tn_ex_same((tn_tval *)(uintptr_t)a, (tn_tval *)(uintptr_t)b));
}

/* 0 or 1: what was a condition. */
static bool
is_truth(const tn_tval *v)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast && v->dtype != TN_BOOL)
        v = v->arg[0];
    if (v->dtype == TN_BOOL)
        return true;
    if (v->op == TN_T_reduce && (v->fn == TN_FN_max || v->fn == TN_FN_add))
        return is_truth(v->arg[0]);
    return tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_real(v->arg[1], 1) && is_zero(v->arg[2]);
}

/* A tensor of the tokens, or one masked by who was chosen: then the factors
 * that do not run along it are the term's. */
static bool
take_x(tn_experts *x, tn_ex_term *t, tn_tval *v, tn_size width)
{
    tn_tval *f[TN_EX_FACTORS], *own = NULL, *at = tn_tb_index(x->k->b, t->column);
    int count = 0;

    if (tn_ex_value(x, v, width, at, false))
        own = tn_ex_plain(v);
    else if (!tn_ex_factors(v, f, &count))
        return false;
    for (int i = 0; i < count; i++) {
        if (!tn_tval_has_axis(f[i], t->column)) {
            if (t->factors == TN_EX_FACTORS)
                return false;
            if (!is_truth(f[i]))
                return tn_ex_fail(x, "what masks tokens is 0 or 1",
                    "a weight before the first layer", "multiply what the experts give");
            t->factor[t->factors++] = f[i];
            continue;
        }
        if (own)
            return tn_ex_fail(x, "one tensor of tokens feeds the experts", "a product of two",
                "multiply before the experts, in one tensor");
        own = f[i];
    }
    if (!own || (t->x && !tn_ex_same(t->x, own)))
        return tn_ex_fail(x, "gate and up read the same tokens", "two tensors",
            "feed both from one tensor");
    t->x = own;
    return true;
}

static bool
read_layers(tn_experts *x, tn_ex_term *t, tn_tval **layer, int count, const tn_tval *row)
{
    tn_ex_matrix *m[] = {&t->up, &t->gate};

    for (int i = 0; i < count; i++) {
        int in = read_layer(x, layer[i], row, m[i]);

        if (in < 0)
            return tn_ex_fail(x, "the first layer is a contraction with a matrix an expert",
                "another operand", "keep the weights as [experts,rows,columns] or one by one");
        t->column = layer[i]->red[0];
        if (!take_x(x, t, layer[i]->arg[in], m[i]->value->type.dim[m[i]->column]))
            return false;
        if (!same_number(m[i]->number, t->down.number))
            return tn_ex_fail(x, "all matrices of a term belong to one expert", "two numbers",
                "index gate, up and down by the same expert");
    }
    return true;
}

/* h = act(u), or act(g)*u; other factors stay with the term. */
static bool
read_hidden(tn_experts *x, tn_ex_term *t, tn_tval *h, const tn_tval *row)
{
    tn_tval *f[TN_EX_FACTORS], *layer[2];
    int count = 0, n = 0;

    if (!tn_ex_factors(h, f, &count) || !layers_of(h, row->axis, layer, &n) || n == 0)
        return tn_ex_fail(x, "the experts have two layers", "another network",
            "write down(act(gate x) * (up x)) or down(act(up x))");
    for (int i = 0; i < n && !t->act; i++) {
        t->act = take_act(f, &count, layer[i]);
        if (t->act && n == 2) {
            tn_tval *gate = layer[i];

            layer[0] = layer[1 - i];
            layer[1] = gate;
        }
    }
    if (!t->act)
        return tn_ex_fail(x, "the activation is silu, gelu, relu, sigmoid or tanh",
            "another function of the first layer", "use one of these, without limits or biases");
    t->gated = n == 2;
    n = find(f, count, layer[0]);
    if (t->gated != (n >= 0))
        return tn_ex_fail(x, "the gate multiplies the other layer itself",
            "something is done to it", "leave limits, offsets and biases out");
    if (t->gated)
        drop(f, &count, n);
    for (int i = 0; i < count; i++) {
        if (tn_tval_has_axis(f[i], row->axis) || t->factors == TN_EX_FACTORS)
            return tn_ex_fail(x, "the hidden layer is the activation alone", "another factor",
                "leave it out");
        t->factor[t->factors++] = f[i];
    }
    return read_layers(x, t, layer, t->gated ? 2 : 1, row);
}

/* With axis number `r` of the sum as the hidden one. */
static bool
read_core_along(tn_experts *x, tn_ex_term *t, tn_tval *v, int r)
{
    for (int i = 1; i <= 2; i++) {
        if (!read_matrix(x, v->arg[i], x->n, v->red[r], &t->down))
            continue;
        for (int k = 0; k < v->red_count; k++)
            if (k != r && t->sums < 4)
                t->sum[t->sums++] = v->red[k];
        t->number = t->down.number;
        x->near |= t->number != NULL;
        return read_hidden(x, t, v->arg[3 - i], tn_tb_index(x->k->b, v->red[r]));
    }
    return false;
}

static bool
read_core(tn_experts *x, tn_ex_term *t, tn_tval *v)
{
    const tn_ex_term start = *t;

    /* The reason of the last try is kept: the axis of experts comes first. */
    for (int r = 0; r < v->red_count; r++) {
        x->predicate = NULL;
        *t = start;
        if (read_core_along(x, t, v, r))
            return true;
    }
    return tn_ex_fail(x, "the last layer is a contraction with a matrix an expert",
        "another operand", "keep the weights as [experts,rows,columns] or one by one");
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
reads_matrix(const tn_experts *x, const tn_tval *v)
{
    tn_ex_matrix m;

    for (int r = 0; r < v->red_count; r++)
        for (int i = 1; i <= 2; i++)
            if (read_matrix(x, v->arg[i], x->n, v->red[r], &m))
                return true;
    return false;
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
        } else if (v->op == TN_T_mma && reads_matrix(x, v)) {
            return read_core(x, t, v);
        } else if (v->op == TN_T_mma && is_zero(v->arg[0])) {
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
