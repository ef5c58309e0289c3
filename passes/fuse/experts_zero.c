/* SPDX-License-Identifier: Apache-2.0
 * Where a factor is 0: which experts it leaves. */
#include <math.h>

#include "passes/fuse/experts_in.h"

enum { DEEPEST = 24 };

static tn_ex_zero nonzero_if(tn_ex_choice *c, tn_tval *v, int depth);

static bool
is_zero(const tn_tval *v)
{
    double value;

    return tn_ex_number(v, &value) && value == 0;
}

static tn_ex_zero
either(tn_ex_choice *c, tn_tval *a, tn_tval *b, int depth)
{
    tn_ex_zero first = nonzero_if(c, a, depth), second;

    if (first == TN_EX_CHOSEN)
        return first;
    second = nonzero_if(c, b, depth);
    return second > first ? second : first;
}

/* 0 where both are: chosen by one of the choices of the two. */
static tn_ex_zero
both(tn_ex_choice *c, tn_tval *a, tn_tval *b, int depth)
{
    tn_ex_zero first = nonzero_if(c, a, depth), second;

    if (first == TN_EX_ANYWHERE)
        return first;
    second = nonzero_if(c, b, depth);
    return second < first ? second : first;
}

/* Of two slots the one behind: slots before it count too. */
static tn_tval *
later(tn_tval *a, tn_tval *b)
{
    int64_t first, second;

    if (!tn_tval_is_int(a->arg[a->arg_count - 1], &first))
        return a;
    return tn_tval_is_int(b->arg[b->arg_count - 1], &second) && second < first ? a : b;
}

static int64_t
slot_of(const tn_tval *id)
{
    int64_t slot;

    return tn_tval_is_int(id->arg[id->arg_count - 1], &slot) ? slot : 0;
}

/* ids = expert: every id that is compared is one of the choice. */
static tn_ex_zero
compared(tn_ex_choice *c, tn_tval *v)
{
    for (int i = 0; i < 2; i++) {
        tn_tval *id = tn_ex_id(v->arg[i]), *e = tn_ex_plain(v->arg[1 - i]);

        if (!id || (e->op != TN_T_index && e->op != TN_T_const))
            continue;
        if (c->expert && !tn_ex_same(c->expert, e))
            return TN_EX_SOMEWHERE;
        c->expert = e;
        for (int n = 0; n < c->count; n++)
            if (c->id[n]->buf == id->buf) {
                c->id[n] = later(c->id[n], id);
                if (slot_of(id) < c->first[n])
                    c->first[n] = slot_of(id);
                return TN_EX_CHOSEN;
            }
        if (c->count == TN_EX_CHOICES)
            return TN_EX_SOMEWHERE;
        c->first[c->count] = slot_of(id);
        c->id[c->count++] = id;
        return TN_EX_CHOSEN;
    }
    return TN_EX_SOMEWHERE;
}

/* Where it is not below 0: the greatest of the places that something was
 * written to, -1 elsewhere. */
static tn_ex_zero
whole_if(tn_ex_choice *c, tn_tval *v, int depth)
{
    double n;

    v = tn_ex_plain(v);
    if (v->op == TN_T_reduce && v->fn == TN_FN_max)
        v = tn_ex_plain(v->arg[0]);
    if (tn_ex_is_fn(v, TN_FN_select) && tn_ex_number(v->arg[2], &n) && n < 0)
        return nonzero_if(c, v->arg[0], depth);
    return TN_EX_SOMEWHERE;
}

/* x < y, or x <= y, with a number on one side. */
static tn_ex_zero
ordered(tn_ex_choice *c, tn_tval *low, tn_tval *high, bool strict, int depth)
{
    double n;

    if (tn_ex_number(low, &n) && !strict && n == 0)
        return whole_if(c, high, depth);
    if (tn_ex_number(low, &n) && (strict ? n >= 0 : n > 0))
        return nonzero_if(c, high, depth);
    if (tn_ex_number(high, &n) && (strict ? n <= 0 : n < 0))
        return nonzero_if(c, low, depth);
    return TN_EX_SOMEWHERE;
}

/* As nonzero_if, of a condition: where it does not hold. */
static tn_ex_zero
false_if(tn_ex_choice *c, tn_tval *v, int depth)
{
    double n;

    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_not))
        return nonzero_if(c, v->arg[0], depth);
    for (int i = 0; (tn_ex_is_fn(v, TN_FN_eq) || tn_ex_is_fn(v, TN_FN_ne)) && i < 2; i++)
        if (tn_ex_number(v->arg[i], &n) && (n == 0) == (v->fn == TN_FN_eq) &&
            v->arg[1 - i]->op != TN_T_const && !tn_ex_id(v->arg[1 - i]))
            return nonzero_if(c, v->arg[1 - i], depth);
    for (int i = 0; i < 2; i++) {
        bool less = tn_ex_is_fn(v, TN_FN_lt) || tn_ex_is_fn(v, TN_FN_le);
        bool more = tn_ex_is_fn(v, TN_FN_gt) || tn_ex_is_fn(v, TN_FN_ge);
        bool strict = tn_ex_is_fn(v, TN_FN_lt) || tn_ex_is_fn(v, TN_FN_gt);

        /* 0 is below the number, or not above it. */
        if ((less || more) && tn_ex_number(v->arg[i], &n) && (less == (i == 1)) &&
            (strict ? n > 0 : n >= 0))
            return nonzero_if(c, v->arg[1 - i], depth);
    }
    return TN_EX_SOMEWHERE;
}

/* Where it is not -infinity; -1e9 and the like are as good as that often,
 * not always. */
static tn_ex_zero
finite_if(tn_ex_choice *c, tn_tval *v, int depth)
{
    tn_ex_zero a;
    double n;

    v = tn_ex_plain(v);
    if (depth == 0)
        return TN_EX_ANYWHERE;
    if (tn_ex_is_fn(v, TN_FN_sub))
        return finite_if(c, v->arg[0], depth - 1);
    if (tn_ex_is_fn(v, TN_FN_add)) {
        a = finite_if(c, v->arg[0], depth - 1);
        return a != TN_EX_ANYWHERE ? a : finite_if(c, v->arg[1], depth - 1);
    }
    if (!tn_ex_is_fn(v, TN_FN_select))
        return TN_EX_ANYWHERE;
    for (int i = 1; i <= 2; i++) {
        if (!tn_ex_number(v->arg[i], &n) || n > -1e4)
            continue;
        a = i == 2 ? nonzero_if(c, v->arg[0], depth - 1) : false_if(c, v->arg[0], depth - 1);
        if (a == TN_EX_ANYWHERE || !isinf(n))
            a = TN_EX_SOMEWHERE;
        return a;
    }
    return finite_if(c, v->arg[1], depth - 1);
}

static tn_ex_zero
of_select(tn_ex_choice *c, tn_tval *v, int depth)
{
    tn_ex_zero when, then;

    if (is_zero(v->arg[2]))
        return either(c, v->arg[0], v->arg[1], depth);
    if (!is_zero(v->arg[1]))
        return both(c, v->arg[1], v->arg[2], depth);
    when = false_if(c, v->arg[0], depth);
    if (when == TN_EX_CHOSEN)
        return when;
    then = nonzero_if(c, v->arg[2], depth);
    return then > when ? then : when;
}

static tn_ex_zero
of_function(tn_ex_choice *c, tn_tval *v, int depth)
{
    double n;

    switch (v->fn) {
    case TN_FN_mul:
    case TN_FN_and: return either(c, v->arg[0], v->arg[1], depth);
    case TN_FN_add:
    case TN_FN_sub:
    case TN_FN_or:
    case TN_FN_max:
    case TN_FN_min:
        if (is_zero(v->arg[1]))
            return nonzero_if(c, v->arg[0], depth);
        return both(c, v->arg[0], v->arg[1], depth);
    case TN_FN_div:
    case TN_FN_sqrt:
    case TN_FN_abs:
    case TN_FN_cast:
    case TN_FN_neg: return nonzero_if(c, v->arg[0], depth);
    case TN_FN_exp:
    case TN_FN_sigmoid: return finite_if(c, v->arg[0], depth);
    case TN_FN_select: return of_select(c, v, depth);
    case TN_FN_not: return false_if(c, v->arg[0], depth);
    case TN_FN_lt: return ordered(c, v->arg[0], v->arg[1], true, depth);
    case TN_FN_le: return ordered(c, v->arg[0], v->arg[1], false, depth);
    case TN_FN_gt: return ordered(c, v->arg[1], v->arg[0], true, depth);
    case TN_FN_ge: return ordered(c, v->arg[1], v->arg[0], false, depth);
    case TN_FN_ne: return is_zero(v->arg[1]) ? nonzero_if(c, v->arg[0], depth) : TN_EX_SOMEWHERE;
    case TN_FN_eq:
        if (tn_ex_number(v->arg[1], &n) && n != 0 && !tn_ex_id(v->arg[0]))
            return nonzero_if(c, v->arg[0], depth);
        return compared(c, v);
    default: return TN_EX_ANYWHERE;
    }
}

static tn_ex_zero
nonzero_if(tn_ex_choice *c, tn_tval *v, int depth)
{
    v = tn_ex_plain(v);
    if (depth-- == 0)
        return TN_EX_ANYWHERE;
    if (v->op == TN_T_const)
        return is_zero(v) ? TN_EX_CHOSEN : TN_EX_ANYWHERE;
    if (v->op == TN_T_fn)
        return of_function(c, v, depth);
    if (v->op == TN_T_reduce &&
        (v->fn == TN_FN_add || v->fn == TN_FN_max || v->fn == TN_FN_min || v->fn == TN_FN_or))
        return nonzero_if(c, v->arg[0], depth);
    if (v->op == TN_T_mma && is_zero(v->arg[0]))
        return either(c, v->arg[1], v->arg[2], depth);
    return TN_EX_ANYWHERE;
}

tn_ex_zero
tn_ex_nonzero_if(tn_ex_choice *c, tn_tval *v)
{
    tn_ex_choice start = *c;
    tn_ex_zero is = nonzero_if(c, v, DEEPEST);

    if (is != TN_EX_CHOSEN)
        *c = start;
    return is;
}
