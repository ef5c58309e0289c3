/* SPDX-License-Identifier: Apache-2.0
 * What one expert gives: a gated or plain network of two contractions. */
#include <string.h>

#include "passes/fuse/experts_in.h"

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

tn_value *
tn_ex_loaded(const tn_experts *x, const tn_tbuf *buf)
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
    *m = (tn_ex_matrix){.value = tn_ex_loaded(x, v->buf), .expert = -1, .row = -1, .column = -1};
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

bool
tn_ex_reads_matrix(const tn_experts *x, const tn_tval *v)
{
    tn_ex_matrix m;

    for (int r = 0; r < v->red_count; r++)
        for (int i = 1; i <= 2; i++)
            if (read_matrix(x, v->arg[i], x->n, v->red[r], &m))
                return true;
    return false;
}

/* The two operands of a sum over one axis from 0, without casts. */
static bool
is_product(tn_tval *v, tn_axis *over)
{
    return v->op == TN_T_mma && tn_ex_is_zero(v->arg[0]) && v->red_count == 1 &&
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

/* A load of [expert,] row, without other places than 0. */
static bool
read_vector(const tn_experts *x, tn_tval *v, const tn_tval *row, tn_ex_matrix *m)
{
    int64_t zero;

    v = tn_ex_plain(v);
    if (v->op != TN_T_load || v->arg_count < 1 || !tn_is_float(v->dtype))
        return false;
    *m = (tn_ex_matrix){.value = tn_ex_loaded(x, v->buf), .expert = -1, .row = -1, .column = -1};
    if (!m->value || m->value->type.rank != v->arg_count)
        return false;
    for (int i = 0; i < v->arg_count; i++) {
        if (m->row < 0 && !tn_tval_is_int(v->arg[i], &zero) &&
            is_affine(v->arg[i], row, &m->start, &m->step)) {
            m->row = (int8_t)i;
        } else if (tn_size_is_one(m->value->type.dim[i])) {
            continue;
        } else if (m->expert < 0) {
            m->expert = (int8_t)i;
            m->number = v->arg[i];
        } else {
            return false;
        }
    }
    return m->row >= 0;
}

/* A contraction and a vector; both are told. */
static bool
is_biased(const tn_experts *x, tn_tval *v, const tn_tval *row, tn_tval **sum, tn_ex_matrix *bias)
{
    tn_ex_matrix m;

    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *own = tn_ex_plain(v->arg[i]);

        if (own->op != TN_T_mma || !tn_ex_is_zero(own->arg[0]) ||
            !read_vector(x, v->arg[1 - i], row, &m))
            continue;
        if (sum) {
            *sum = own;
            *bias = m;
        }
        return true;
    }
    return false;
}

bool
tn_ex_biased_core(tn_experts *x, tn_tval *v, tn_tval **core, tn_ex_matrix *bias)
{
    tn_tval *sum;
    tn_ex_matrix m;

    if (bias->value || !is_biased(x, v, x->n, &sum, &m) || !tn_ex_reads_matrix(x, sum))
        return false;
    *core = sum;
    *bias = m;
    return true;
}

/* ---- the network ---- */

/* Contractions along `row` in an expression, each once. */
static bool
layers_of(const tn_experts *x, tn_tval *v, const tn_tval *row, tn_tval **out, int *count)
{
    v = tn_ex_plain(v);
    if (!tn_tval_has_axis(v, row->axis))
        return true;
    if (v->op == TN_T_mma || is_biased(x, v, row, NULL, NULL)) {
        if (tn_ex_find(out, *count, v) >= 0)
            return true;
        if (*count == 2)
            return false;
        out[(*count)++] = v;
        return true;
    }
    for (int i = 0; v->op != TN_T_load && i < v->arg_count; i++)
        if (!layers_of(x, v->arg[i], row, out, count))
            return false;
    return true;
}

static bool
same_number(const tn_tval *a, const tn_tval *b)
{
    return a == b || (a && b && tn_ex_same((tn_tval *)(uintptr_t)a, (tn_tval *)(uintptr_t)b));
}

/* A bias of the expert, or of all. */
static bool
same_expert(const tn_ex_matrix *bias, const tn_ex_term *t)
{
    return !bias->value || !bias->number || same_number(bias->number, t->down.number);
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
    return tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_real(v->arg[1], 1) && tn_ex_is_zero(v->arg[2]);
}

/* Rows of an expert are summed over, and are no tokens of the sum. */
static bool
counts_places(const tn_ex_term *t, const tn_tval *own)
{
    const tn_tval *number = t->down.number ? tn_ex_plain(t->down.number) : NULL;

    for (int i = 0; i < t->sums; i++)
        if (tn_tval_has_axis(own, t->sum[i]) &&
            !(number && number->op == TN_T_index && number->axis == t->sum[i]))
            return true;
    return false;
}

/* A tensor of the tokens, or one masked by who was chosen: then the factors
 * that do not run along it are the term's. */
static bool
take_x(tn_experts *x, tn_ex_term *t, tn_tval *v, tn_size width)
{
    tn_tval *f[TN_EX_FACTORS], *own = NULL, *at = tn_tb_index(x->k->b, t->column);
    int count = 0;

    if (t->down.number && tn_ex_take_row(x, t, v, width))
        return true;
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
            if (t->keeps_zero)
                t->factor[t->factors++] = f[i];
            else
                t->mask = f[i];
            continue;
        }
        if (own)
            return tn_ex_fail(x, "one tensor of tokens feeds the experts", "a product of two",
                "multiply before the experts, in one tensor");
        own = f[i];
    }
    if (own && counts_places(t, own))
        return tn_ex_take_sent(x, t, own, width) ||
            tn_ex_fail(x, "an expert's rows are the tokens themselves",
                "places that are counted (a capacity)",
                "send tokens to experts by a mask, or drop them by their weight");
    if (!own || (t->x && !tn_ex_same(t->x, own)))
        return tn_ex_fail(x, "gate and up read the same tokens", "two tensors",
            "feed both from one tensor");
    t->x = own;
    return true;
}

static bool
read_layers(tn_experts *x, tn_ex_term *t, tn_tval **layer, int count, const tn_tval *row)
{
    tn_ex_matrix *m[] = {&t->up, &t->gate}, *bias[] = {&t->up_bias, &t->gate_bias};

    for (int i = 0; i < count; i++) {
        tn_tval *sum = layer[i];
        int in;

        (void)is_biased(x, layer[i], row, &sum, bias[i]);
        in = read_layer(x, sum, row, m[i]);
        if (in < 0)
            return tn_ex_fail(x, "the first layer is a contraction with a matrix an expert",
                "another operand", "keep the weights as [experts,rows,columns] or one by one");
        t->column = sum->red[0];
        if (!take_x(x, t, sum->arg[in], m[i]->value->type.dim[m[i]->column]))
            return false;
        if (!same_number(m[i]->number, t->down.number) || !same_expert(bias[i], t))
            return tn_ex_fail(x, "all matrices of a term belong to one expert", "two numbers",
                "index gate, up and down by the same expert");
    }
    return true;
}

/* act(u), or act(g)*u, or another function of both: the product of the
 * factors, which is `whole` if that is given. */
static bool
read_act(tn_experts *x, tn_ex_term *t, tn_tval **f, int count, tn_tval **layer, int n,
    tn_tval *whole)
{
    tn_tval *own[TN_EX_FACTORS];
    int left = count, at;

    memcpy(own, f, (size_t)left * sizeof *f);
    for (int i = 0; i < n && !t->act; i++) {
        t->act = tn_ex_take_act(own, &left, layer[i]);
        if (t->act && n == 2) {
            tn_tval *gate = layer[i];

            layer[0] = layer[1 - i];
            layer[1] = gate;
        }
    }
    at = t->act ? tn_ex_find(own, left, layer[0]) : -1;
    if (t->act && left == (n == 2) && (n == 2) == (at >= 0))
        return true;
    t->act = "form";
    t->form = whole ? tn_ex_form(x->arena, &whole, 1, layer, n)
                    : tn_ex_form(x->arena, f, count, layer, n);
    return t->form ||
        tn_ex_fail(x, "the hidden layer is a function of the first layers alone",
            "something else in it", "use functions, numbers and biases of experts");
}

/* Other factors of the hidden layer stay with the term. */
static bool
read_hidden(tn_experts *x, tn_ex_term *t, tn_tval *h, const tn_tval *row)
{
    tn_tval *f[TN_EX_FACTORS], *layer[2];
    int count = 0, n = 0, inside = 0;

    if (!tn_ex_factors(h, f, &count) || !layers_of(x, h, row, layer, &n) || n == 0)
        return tn_ex_fail(x, "the experts have two layers", "another network",
            "write down(act(gate x) * (up x)) or down(act(up x))");
    for (int i = 0; i < count; i++) {
        if (tn_tval_has_axis(f[i], row->axis) || f[i]->op == TN_T_const)
            f[inside++] = f[i];
        else if (t->factors == TN_EX_FACTORS || t->down_bias.value)
            return tn_ex_fail(x, "what the last layer adds is weighed too", "weights before it",
                "weigh what the experts give");
        else
            t->factor[t->factors++] = f[i];
    }
    t->gated = n == 2;
    t->keeps_zero = tn_ex_keeps_zero(h, layer, n) && !t->down_bias.value;
    return read_act(x, t, f, inside, layer, n, inside == count ? h : NULL) &&
        read_layers(x, t, layer, n, row);
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
        if (t->down_bias.value && (v->red_count > 1 || !same_expert(&t->down_bias, t)))
            return tn_ex_fail(x, "what the last layer adds belongs to the expert", "a sum of all",
                "add it to what each expert gives");
        return read_hidden(x, t, v->arg[3 - i], tn_tb_index(x->k->b, v->red[r]));
    }
    return false;
}

bool
tn_ex_core(tn_experts *x, tn_ex_term *t, tn_tval *v)
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
