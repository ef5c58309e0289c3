/* SPDX-License-Identifier: Apache-2.0
 * Steps between a weight and its exponential. */
#include "passes/fuse/online_in.h"

static bool
is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

bool
tn_online_is_guard(const tn_online_target *t, const tn_online_step *s)
{
    const tn_tval *c = s->value->arg[0];

    if (!is_fn(s->value, TN_FN_select) || !tn_tval_has_axis(c, t->keys))
        return false;
    if (is_fn(c, TN_FN_not))
        c = c->arg[0];
    return is_fn(c, TN_FN_is_nan) ||
        ((is_fn(c, TN_FN_ne) || is_fn(c, TN_FN_eq)) && c->arg[0] == c->arg[1]);
}

bool
tn_online_has_guard(const tn_online_target *t)
{
    for (int i = 0; i < t->steps; i++)
        if (tn_online_is_guard(t, &t->chain[i]))
            return true;
    return false;
}

static int
sum_number(const tn_online_plan *p, const tn_tval *v)
{
    while (is_fn(v, TN_FN_cast))
        v = v->arg[0];
    for (int i = 0; i < p->count; i++)
        if (p->at[i].value == v && v->op == TN_T_reduce && p->at[i].steps == 0)
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
        if (by && (*sum = sum_number(p, by)) >= 0)
            return &t->chain[i];
    }
    return NULL;
}
