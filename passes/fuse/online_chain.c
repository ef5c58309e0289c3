/* SPDX-License-Identifier: Apache-2.0
 * Steps between a weight and its exponential. */
#include "passes/fuse/online_in.h"

static bool
is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

static int
sum_number(const tn_online_plan *p, const tn_online_target *t, const tn_tval *v)
{
    while (is_fn(v, TN_FN_cast))
        v = v->arg[0];
    for (int i = 0; i < p->count; i++)
        if (p->at[i].value == v && v->op == TN_T_reduce && p->at[i].steps == 0 &&
            tn_online_alike(&p->at[i], t))
            return i;
    return -1;
}

/* `v` is 1 / x: x, else NULL. */
static const tn_tval *
reciprocal_of(const tn_tval *v)
{
    if (is_fn(v, TN_FN_recip))
        return v->arg[0];
    if (is_fn(v, TN_FN_div) && v->arg[0]->op == TN_T_const && v->arg[0]->real == 1)
        return v->arg[1];
    return NULL;
}

const tn_online_step *
tn_online_dividing(const tn_online_plan *p, const tn_online_target *t, int *sum)
{
    for (int i = 0; i < t->steps; i++) {
        const tn_tval *v = t->chain[i].value, *by = NULL;

        if (is_fn(v, TN_FN_div))
            by = v->arg[1];
        else if (is_fn(v, TN_FN_mul))
            by = reciprocal_of(v->arg[1 - t->chain[i].path]);
        if (by && (*sum = sum_number(p, t, by)) >= 0)
            return &t->chain[i];
    }
    return NULL;
}

/* What a condition tests for NaN, seen through conversions, and the answer it
 * gives for NaN; NULL if it is no such test. */
static const tn_tval *
tested_for_nan(const tn_tval *c, bool *answer)
{
    const tn_tval *of = NULL;
    bool holds = true;

    for (; is_fn(c, TN_FN_not); c = c->arg[0])
        holds = !holds;
    if (is_fn(c, TN_FN_is_nan) || (is_fn(c, TN_FN_ne) && c->arg[0] == c->arg[1]))
        of = c->arg[0];
    else if (is_fn(c, TN_FN_eq) && c->arg[0] == c->arg[1]) {
        of = c->arg[0];
        holds = !holds;
    }
    while (of && is_fn(of, TN_FN_cast))
        of = of->arg[0];
    *answer = holds;
    return of;
}

/* Taken from the greatest, all weights of a row are NaN or none is, and their
 * sum is what says so. Anything else is left to the loop. */
static bool
is_guard(const tn_online_target *t, int i, const tn_online_step *dividing)
{
    const tn_online_step *s = &t->chain[i];
    const tn_tval *of;
    bool nan, inner = false;

    if (!is_fn(s->value, TN_FN_select))
        return false;
    of = tested_for_nan(s->value->arg[0], &nan);
    if (!of || s->path != (nan ? 2 : 1))
        return false;
    for (int k = i + 1; k < t->steps; k++)
        inner |= t->chain[k].value == of;
    if (dividing)
        return inner && s < dividing;
    return t->shifts && t->greatest[0]->fn == TN_FN_max && (inner || t->exp == of);
}

void
tn_online_mark_guards(const tn_online_plan *p, tn_online_target *t)
{
    int sum;
    const tn_online_step *dividing = tn_online_dividing(p, t, &sum);

    for (int i = 0; i < t->steps; i++) {
        t->chain[i].guard = is_guard(t, i, dividing);
        t->guarded |= t->chain[i].guard;
    }
}
