/* SPDX-License-Identifier: Apache-2.0
 * Equality of values up to the names of axes. */
#include "passes/fuse/online_in.h"

/* Pairs of axes that stand for one another, and how many comparisons are
 * left: shared values are compared more than once. */
typedef struct pairing {
    const tn_axis *a[TN_TILE_AXES], *b[TN_TILE_AXES];
    int count;
    int left;
} pairing;

enum { COMPARISONS = 20000 };

static bool
axes_pair(const pairing *p, const tn_axis *a, const tn_axis *b)
{
    for (int i = p->count - 1; i >= 0; i--)
        if (p->a[i] == a || p->b[i] == b)
            return p->a[i] == a && p->b[i] == b;
    return a == b;
}

/* True if no axis of `v` means anything else on the other side. */
static bool
is_closed(const pairing *p, const tn_tval *v)
{
    for (int i = 0; i < v->axis_count; i++)
        if (!axes_pair(p, v->axes[i], v->axes[i]))
            return false;
    return true;
}

static bool same(pairing *p, const tn_tval *x, const tn_tval *y);

static bool
same_node(const tn_tval *x, const tn_tval *y)
{
    return x->op == y->op && x->fn == y->fn && x->dtype == y->dtype &&
        x->arg_count == y->arg_count && x->red_count == y->red_count && x->buf == y->buf &&
        x->loop == y->loop && x->whole == y->whole && x->side == y->side &&
        x->inclusive == y->inclusive && x->reverse == y->reverse && x->epoch == y->epoch &&
        (x->op != TN_T_const || !tn_is_float(x->dtype) || x->real == y->real);
}

static bool
same_operands(pairing *p, const tn_tval *x, const tn_tval *y)
{
    for (int i = 0; i < x->arg_count; i++)
        if (!same(p, x->arg[i], y->arg[i]))
            return false;
    if (!x->guard != !y->guard)
        return false;
    return !x->guard || same(p, x->guard, y->guard);
}

/* Reductions bind their axes: equal extents, then equal operands. */
static bool
same_bound(pairing *p, const tn_tval *x, const tn_tval *y)
{
    int mark = p->count;
    bool ok;

    if (mark + x->red_count > TN_TILE_AXES)
        return false;
    for (int i = 0; i < x->red_count; i++) {
        if (x->red[i]->high != y->red[i]->high || x->red[i]->low != y->red[i]->low)
            return false;
        p->a[p->count] = x->red[i];
        p->b[p->count++] = y->red[i];
    }
    ok = same_operands(p, x, y);
    p->count = mark;
    return ok;
}

static bool
same(pairing *p, const tn_tval *x, const tn_tval *y)
{
    if (x == y && is_closed(p, x))
        return true;
    if (p->left-- <= 0 || !same_node(x, y))
        return false;
    if (x->op == TN_T_index || x->op == TN_T_first || x->op == TN_T_last)
        return axes_pair(p, x->axis, y->axis);
    if (x->axis || y->axis || x->to || y->to)
        return false;
    return x->red_count ? same_bound(p, x, y) : same_operands(p, x, y);
}

bool
tn_online_same(tn_tval *x, const tn_axis *a, tn_tval *y, const tn_axis *b)
{
    pairing p = {.a = {a}, .b = {b}, .count = 1, .left = COMPARISONS};

    return a->low == b->low && a->high == b->high && same(&p, x, y);
}
