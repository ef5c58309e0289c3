/* SPDX-License-Identifier: Apache-2.0
 * Keys that a mask excludes for every row of a task's block: causal masks and
 * windows, read off comparisons of positions. */
#include <math.h>

#include "passes/fuse/online_in.h"

/* FAR: of terms of integers. Floats hold sums of TERMS numbers up to NEAR. */
enum { TERMS = 12, FAR = 1 << 30, NEAR = 1 << 20 };

/* keys * `keys` + the sum of sign * term < 0, or <= 0. */
typedef struct linear {
    const tn_axis *axis;
    int keys;
    tn_tval *term[TERMS];
    int sign[TERMS];
    int count;
    bool ok;
    bool floats;
} linear;

typedef struct bounds {
    tn_online_plan *p;
    tn_clone *c;
    tn_tval *low, *high;
} bounds;

static bool
is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

static bool
is_minus_infinity(const tn_tval *v)
{
    while (is_fn(v, TN_FN_cast))
        v = v->arg[0];
    return v->op == TN_T_const && tn_is_float(v->dtype) && isinf(v->real) && v->real < 0;
}

/* Terms whose extremes over a block are known and that cannot overflow. */
static bool
is_term(const tn_tval *v)
{
    if (v->op == TN_T_const && tn_is_float(v->dtype))
        return v->real > -NEAR && v->real < NEAR && v->real == floor(v->real);
    if (v->op == TN_T_const)
        return v->whole > -FAR && v->whole < FAR;
    if (v->op == TN_T_size)
        return true;
    return v->op == TN_T_index && v->axis->kind == TN_AXIS_GRID;
}

/* A conversion that changes no number, if floats are near. */
static bool
converts(const tn_tval *v)
{
    bool wide = v->dtype == TN_F32 || v->dtype == TN_F64;

    return is_fn(v, TN_FN_cast) && tn_dtype_bytes(v->dtype) >= 4 &&
        (wide || (!tn_is_float(v->dtype) && tn_is_signed(v->dtype))) &&
        tn_is_signed(v->arg[0]->dtype) && !tn_is_float(v->arg[0]->dtype);
}

static void
collect(linear *l, tn_tval *v, int sign)
{
    l->floats |= tn_is_float(v->dtype);
    while (converts(v))
        v = v->arg[0];
    if (is_fn(v, TN_FN_add) || is_fn(v, TN_FN_sub)) {
        collect(l, v->arg[0], sign);
        collect(l, v->arg[1], is_fn(v, TN_FN_sub) ? -sign : sign);
    } else if (is_fn(v, TN_FN_neg)) {
        collect(l, v->arg[0], -sign);
    } else if (v->op == TN_T_index && v->axis == l->axis) {
        l->keys += sign;
    } else if (is_term(v) && l->count < TERMS) {
        l->term[l->count] = v;
        l->sign[l->count++] = sign;
    } else {
        l->ok = false;
    }
}

/* A term at its end of the block, as a scalar of the task. */
static tn_tval *
extreme(bounds *b, tn_tval *v, bool greatest)
{
    tn_tb *t = b->c->b;

    if (v->op == TN_T_const)
        return tn_tb_int(t, tn_is_float(v->dtype) ? (int64_t)v->real : v->whole);
    if (v->op == TN_T_index && !v->axis->by_one) {
        tn_axis *axis = tn_clone_axis(b->c, v->axis);

        return greatest ? tn_tb_last(t, axis) : tn_tb_first(t, axis);
    }
    return tn_tb_cast(t, TN_I32, tn_clone_value(b->c, v));
}

/* -(sum of terms) / keys at its greatest (upper) or least. */
static tn_tval *
solved(bounds *b, const linear *l, bool upper)
{
    tn_tb *t = b->c->b;
    tn_tval *sum = tn_tb_int(t, 0);

    for (int i = 0; i < l->count; i++) {
        int sign = -l->sign[i] * l->keys;
        tn_tval *x = extreme(b, l->term[i], (sign > 0) == upper);

        sum = tn_tb_fn2(t, sign > 0 ? TN_FN_add : TN_FN_sub, sum, x);
    }
    return sum;
}

/* `at`, but `none` where a float may not hold the numbers. */
static tn_tval *
if_near(bounds *b, const linear *l, tn_tval *at, tn_tval *none)
{
    tn_tb *t = b->c->b;
    tn_tval *most = tn_clone_value(b->c, l->axis->high), *near;

    for (int i = 0; i < l->count; i++) {
        const tn_tval *v = l->term[i];

        if (v->op == TN_T_const)
            continue;
        near = tn_clone_value(b->c, v->op == TN_T_index ? v->axis->high : l->term[i]);
        most = tn_tb_fn2(t, TN_FN_max, most, near);
    }
    near = tn_tb_int(t, NEAR);
    near = tn_tb_fn2(t, TN_FN_lt, most, near);
    return tn_tb_fn3(t, TN_FN_select, near, at, none);
}

/* x < y, or x <= y with `equal`, wherever a score is not -inf. */
static void
compare(bounds *b, tn_tval *x, tn_tval *y, bool equal)
{
    linear l = {.axis = b->p->first->keys, .ok = true};
    tn_tb *t = b->c->b;
    tn_tval *at;

    if (x->dtype == TN_BOOL)
        return;
    collect(&l, x, 1);
    collect(&l, y, -1);
    if (!l.ok || (l.keys != 1 && l.keys != -1))
        return;
    at = solved(b, &l, l.keys > 0);
    if (l.keys > 0) {
        at = equal ? tn_tb_fn2(t, TN_FN_add, at, tn_tb_int(t, 1)) : at;
        if (l.floats)
            at = if_near(b, &l, at, tn_clone_value(b->c, l.axis->high));
        b->high = b->high ? tn_tb_fn2(t, TN_FN_min, b->high, at) : at;
        b->p->out->causal = true;
    } else {
        at = equal ? at : tn_tb_fn2(t, TN_FN_add, at, tn_tb_int(t, 1));
        if (l.floats)
            at = if_near(b, &l, at, tn_tb_int(t, 0));
        b->low = b->low ? tn_tb_fn2(t, TN_FN_max, b->low, at) : at;
        b->p->out->windowed = true;
    }
}

static bool
is_number(const tn_tval *v, double x)
{
    if (v->op != TN_T_const)
        return false;
    return tn_is_float(v->dtype) ? v->real == x : (double)v->whole == x;
}

static void condition(bounds *b, tn_tval *c, bool holds);

/* Truth values as numbers: 0 or 1. */
static bool
is_truth(const tn_tval *v)
{
    if (is_fn(v, TN_FN_cast))
        return v->arg[0]->dtype == TN_BOOL || is_truth(v->arg[0]);
    return (is_fn(v, TN_FN_mul) || is_fn(v, TN_FN_min)) && is_truth(v->arg[0]) &&
        is_truth(v->arg[1]);
}

/* Such a number is not 0. */
static void
not_zero(bounds *b, tn_tval *v)
{
    if (is_fn(v, TN_FN_cast) && v->arg[0]->dtype == TN_BOOL) {
        condition(b, v->arg[0], true);
    } else if (is_fn(v, TN_FN_cast)) {
        not_zero(b, v->arg[0]);
    } else {
        not_zero(b, v->arg[0]);
        not_zero(b, v->arg[1]);
    }
}

static void
either(bounds *b, tn_tval *c, bool holds)
{
    if (c->arg[2]->op == TN_T_const && (c->arg[2]->whole != 0) != holds) {
        condition(b, c->arg[0], true);
        condition(b, c->arg[1], holds);
    } else if (c->arg[1]->op == TN_T_const && (c->arg[1]->whole != 0) != holds) {
        condition(b, c->arg[0], false);
        condition(b, c->arg[2], holds);
    }
}

/* A truth value compared with a known one. */
static void
compared(bounds *b, const tn_tval *c, tn_tval *x, bool with, bool holds)
{
    if (is_fn(c, TN_FN_eq))
        condition(b, x, with == holds);
    else if (is_fn(c, TN_FN_ne) || is_fn(c, TN_FN_xor))
        condition(b, x, with != holds);
}

/* Truth values made of numbers, or chosen. */
static void
made(bounds *b, tn_tval *c, bool holds)
{
    bool above = is_fn(c, TN_FN_gt) || is_fn(c, TN_FN_ne), below = is_fn(c, TN_FN_lt);

    if (is_fn(c, TN_FN_select) && c->dtype == TN_BOOL)
        either(b, c, holds);
    else if (c->arg_count == 2 && c->arg[1]->op == TN_T_const && c->arg[1]->dtype == TN_BOOL)
        compared(b, c, c->arg[0], c->arg[1]->whole != 0, holds);
    else if (c->arg_count == 2 && c->arg[0]->op == TN_T_const && c->arg[0]->dtype == TN_BOOL)
        compared(b, c, c->arg[1], c->arg[0]->whole != 0, holds);
    else if (is_fn(c, TN_FN_cast) && holds && is_truth(c->arg[0]))
        not_zero(b, c->arg[0]);
    else if (above && holds && is_truth(c->arg[0]) && is_number(c->arg[1], 0))
        not_zero(b, c->arg[0]);
    else if (below && holds && is_truth(c->arg[1]) && is_number(c->arg[0], 0))
        not_zero(b, c->arg[1]);
}

static void
condition(bounds *b, tn_tval *c, bool holds)
{
    if (c->op != TN_T_fn)
        return;
    made(b, c, holds);
    switch (c->fn) {
    case TN_FN_not: condition(b, c->arg[0], !holds); break;
    case TN_FN_and:
    case TN_FN_or:
        if ((c->fn == TN_FN_and) == holds && c->dtype == TN_BOOL) {
            condition(b, c->arg[0], holds);
            condition(b, c->arg[1], holds);
        }
        break;
    case TN_FN_lt: compare(b, c->arg[!holds], c->arg[holds], !holds); break;
    case TN_FN_le: compare(b, c->arg[!holds], c->arg[holds], holds); break;
    case TN_FN_gt: compare(b, c->arg[holds], c->arg[!holds], !holds); break;
    case TN_FN_ge: compare(b, c->arg[holds], c->arg[!holds], holds); break;
    default: break;
    }
}

/* What leaves -inf as it is. */
static bool
is_positive(const tn_tval *v)
{
    while (is_fn(v, TN_FN_cast))
        v = v->arg[0];
    return v->op == TN_T_const && tn_is_float(v->dtype) && v->real > 0 && isfinite(v->real);
}

static void
score(bounds *b, tn_tval *v, int depth)
{
    if (v->op != TN_T_fn || depth == 16)
        return;
    if (v->fn == TN_FN_select) {
        b->p->out->masked = true;
        if (is_minus_infinity(v->arg[2])) {
            condition(b, v->arg[0], true);
            score(b, v->arg[1], depth + 1);
        } else if (is_minus_infinity(v->arg[1])) {
            condition(b, v->arg[0], false);
            score(b, v->arg[2], depth + 1);
        }
    } else if (v->fn == TN_FN_add) {
        b->p->out->masked = true;
        score(b, v->arg[0], depth + 1);
        score(b, v->arg[1], depth + 1);
    } else if (v->fn == TN_FN_cast && tn_is_float(v->arg[0]->dtype)) {
        score(b, v->arg[0], depth + 1);
    } else if (v->fn == TN_FN_mul && is_positive(v->arg[1])) {
        score(b, v->arg[0], depth + 1);
    } else if (v->fn == TN_FN_mul && is_positive(v->arg[0])) {
        score(b, v->arg[1], depth + 1);
    }
}

void
tn_online_bounds(tn_online_plan *p, tn_clone *c, tn_tval **low, tn_tval **high)
{
    bounds b = {.p = p, .c = c};

    score(&b, p->first->score, 0);
    *low = b.low;
    *high = b.high;
}
