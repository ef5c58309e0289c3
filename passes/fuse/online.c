/* SPDX-License-Identifier: Apache-2.0
 * Which sums over keys a program has, and whether they may run online. */
#include "passes/fuse/online.h"

#include <math.h>
#include <string.h>

#include "ir/kernel/twalk.h"
#include "passes/fuse/online_in.h"

enum { DEPTH = 8 }; /* of what is taken from scores */

static bool
fails(tn_online_plan *p, const char *predicate, const char *found, const char *advice)
{
    p->out->predicate = predicate;
    p->out->found = found;
    p->out->advice = advice;
    return false;
}

static bool
is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

/* ---- the chain between a sum and its exponential ---- */

/* The operands of a function that is linear in them, one at a time. */
static int
linear_paths(const tn_tval *v, int path[2])
{
    if (v->op != TN_T_fn)
        return 0;
    path[0] = 0;
    path[1] = 1;
    switch (v->fn) {
    case TN_FN_mul: return 2;
    case TN_FN_div:
    case TN_FN_neg: return 1;
    case TN_FN_cast: return tn_is_float(v->dtype) && tn_is_float(v->arg[0]->dtype);
    case TN_FN_select:
        path[0] = 1;
        path[1] = 2;
        return 2;
    default: return 0;
    }
}

static bool
leads(const tn_tval *v, const tn_axis *keys)
{
    int path[2], count;

    if (!tn_tval_has_axis(v, keys))
        return false;
    if (is_fn(v, TN_FN_exp))
        return true;
    count = linear_paths(v, path);
    for (int i = 0; i < count; i++)
        if (leads(v->arg[path[i]], keys))
            return true;
    return false;
}

static bool
is_zero(const tn_tval *v)
{
    return v->op == TN_T_const && tn_is_float(v->dtype) && v->real == 0;
}

/* The next operand on the way, -1 if there is none or no single one. */
static int
next_path(const tn_tval *v, const tn_axis *keys)
{
    int path[2], count = linear_paths(v, path), found = -1;

    for (int i = 0; i < count; i++) {
        if (!leads(v->arg[path[i]], keys))
            continue;
        if (found >= 0)
            return -1;
        found = path[i];
    }
    if (found >= 0 && is_fn(v, TN_FN_select) && !is_zero(v->arg[3 - found]))
        return -1;
    return found;
}

static bool
follow(tn_online_target *t, tn_tval *v)
{
    while (!is_fn(v, TN_FN_exp)) {
        int path = next_path(v, t->keys);

        if (path < 0 || t->steps == TN_ONLINE_CHAIN)
            return false;
        t->chain[t->steps++] = (tn_online_step){.value = v, .path = path};
        v = v->arg[path];
    }
    t->exp = v;
    return true;
}

/* ---- scores and what is taken from them ---- */

/* Without rounding: what is rounded is in the same order. */
static tn_tval *
unrounded(tn_tval *v)
{
    while (is_fn(v, TN_FN_cast) && tn_is_float(v->dtype) && tn_is_float(v->arg[0]->dtype))
        v = v->arg[0];
    return v;
}

/* In `v`, which does not run along the keys: the greatest of `s` along them. */
static tn_tval *
greatest_in(tn_tval *v, tn_tval *s, const tn_axis *keys, int depth)
{
    if (v->op == TN_T_reduce)
        return v->red_count == 1 && (v->fn == TN_FN_max || v->fn == TN_FN_maxq) &&
                tn_online_same(s, keys, unrounded(v->arg[0]), v->red[0])
            ? v
            : NULL;
    if (v->op != TN_T_fn || depth == DEPTH || tn_tval_has_axis(v, keys))
        return NULL;
    for (int i = 0; i < v->arg_count; i++) {
        tn_tval *r = greatest_in(v->arg[i], s, keys, depth + 1);

        if (r)
            return r;
    }
    return NULL;
}

/* A number above 0: differences are in the same order without it. */
static tn_tval *
factor_of(tn_tval **v)
{
    for (int i = 0; i < 2; i++) {
        tn_tval *c = (*v)->op == TN_T_fn && (*v)->fn == TN_FN_mul ? (*v)->arg[i] : NULL;

        if (!c || c->op != TN_T_const || !(c->real > 0) || !isfinite(c->real))
            continue;
        *v = unrounded((*v)->arg[1 - i]);
        return c;
    }
    return NULL;
}

/* s - m, m from the greatest s: s, else NULL. */
static tn_tval *
without_greatest(tn_online_target *t, const tn_tval *x)
{
    tn_tval *r, *s;

    if (!is_fn(x, TN_FN_sub) || tn_tval_has_axis(x->arg[1], t->keys))
        return NULL;
    s = unrounded(x->arg[0]);
    r = greatest_in(x->arg[1], s, t->keys, 0);
    if (!r)
        return NULL;
    memmove(t->top + 1, t->top, (size_t)t->shifts * sizeof *t->top);
    memmove(t->greatest + 1, t->greatest, (size_t)t->shifts++ * sizeof *t->greatest);
    t->top[0] = x->arg[1];
    t->greatest[0] = r;
    return x->arg[0];
}

/* If nothing is taken from them, all of the argument is the score. */
static void
split_score(tn_online_target *t)
{
    tn_tval *x = unrounded(t->exp->arg[0]), *factor = factor_of(&x), *s;

    t->score = t->exp->arg[0];
    while (t->shifts < TN_ONLINE_SHIFTS && (s = without_greatest(t, x))) {
        t->score = s;
        t->factor = factor;
        x = unrounded(s);
    }
}

/* What a score is made from, position by position. */
static void
look_behind(const tn_online_plan *p, tn_tval *v, bool *contracts, bool *reduces)
{
    tn_tset set = tn_tset_create(p->arena, p->tile);

    *contracts = *reduces = false;
    tn_tset_add(&set, v, NULL, NULL);
    for (uint32_t i = 0; i < set.count; i++) {
        const tn_tval *x = set.at[i];

        *contracts |= x->op == TN_T_mma;
        *reduces |= x->op != TN_T_mma && x->red_count > 0;
    }
}

/* ---- targets ---- */

static bool
try_target(tn_online_plan *p, tn_tval *v, int operand)
{
    tn_online_target t = {.value = v, .weight = operand};

    if (p->count == TN_ONLINE_TARGETS || v->red_count != 1)
        return false;
    t.keys = v->red[0];
    if (!leads(v->arg[operand], t.keys) || !follow(&t, v->arg[operand]))
        return false;
    split_score(&t);
    p->at[p->count++] = t;
    return true;
}

static bool
has_two_key_axes(const tn_tval *v)
{
    if (v->red_count < 2)
        return false;
    for (int i = 0; i < v->red_count; i++)
        if (leads(v->arg[1], v->red[i]) || leads(v->arg[2], v->red[i]))
            return true;
    return false;
}

static bool
find_targets(tn_online_plan *p, const tn_tset *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        tn_tval *v = all->at[i];

        if (v->op == TN_T_mma && has_two_key_axes(v))
            return fails(p, "keys lie on one axis", "a sum of weights times values over two axes",
                "reshape the keys to one dimension");
        if (v->op == TN_T_mma && !try_target(p, v, 1))
            (void)try_target(p, v, 2);
        if (v->op == TN_T_reduce && v->fn == TN_FN_add)
            (void)try_target(p, v, 0);
    }
    for (int i = 0; i < p->count && !p->first; i++)
        if (p->at[i].value->op == TN_T_mma)
            p->first = &p->at[i];
    return p->first ||
        fails(p, "weights are products, quotients or guards of exp(scores)",
            "a contraction whose operands are not", "write the softmax out as exp(x - max) / sum");
}

static void
drop(tn_online_plan *p, int i)
{
    bool before = &p->at[i] < p->first;

    p->count--;
    memmove(&p->at[i], &p->at[i + 1], (size_t)(p->count - i) * sizeof *p->at);
    if (before)
        p->first--;
}

bool
tn_online_alike(const tn_online_target *x, const tn_online_target *y)
{
    return tn_online_same(x->exp, x->keys, y->exp, y->keys);
}

/* The same exponentials but for what is taken from the scores. */
static bool
share(const tn_online_target *x, const tn_online_target *y)
{
    if (tn_online_alike(x, y))
        return true;
    return x->shifts && y->shifts && !x->factor == !y->factor &&
        (!x->factor || x->factor->real == y->factor->real) &&
        tn_online_same(x->score, x->keys, y->score, y->keys);
}

/* Targets of other scores stay what they are. */
static bool
share_scores(tn_online_plan *p)
{
    const tn_online_target *f = p->first;
    bool contracts, reduces;

    for (int i = p->count - 1; i >= 0; i--)
        if (&p->at[i] != p->first && !share(&p->at[i], p->first))
            drop(p, i);
    f = p->first;
    look_behind(p, f->score, &contracts, &reduces);
    if (!contracts)
        return fails(p, "scores come from a contraction", "scores that lie in memory",
            "nothing: their size is there already");
    if (reduces)
        return fails(p, "what is taken from the scores is their maximum over the keys",
            "scores that depend on another reduction",
            "subtract max(scores) and nothing else before exp");
    if (f->value->arg[0]->op != TN_T_const || f->value->arg[0]->real != 0)
        return fails(p, "the weighted sum starts from zero", "a start value", "add it afterwards");
    return true;
}

/* ---- what is left of the scores ---- */

static bool
is_replaced(void *arg, const tn_tval *v)
{
    const tn_online_plan *p = arg;

    for (int i = 0; i < p->count; i++) {
        if (v == p->at[i].value)
            return true;
        for (int k = 0; k < p->at[i].shifts; k++)
            if (v == p->at[i].greatest[k])
                return true;
    }
    return false;
}

typedef struct gathering {
    tn_online_plan *p;
    tn_tset *set;
    bool stop;
} gathering;

static void
gather(void *arg, tn_tval *v)
{
    gathering *g = arg;

    tn_tset_add(g->set, v, g->stop ? is_replaced : NULL, g->p);
}

static void
gather_all(tn_online_plan *p, tn_tset *set, bool stop)
{
    gathering g = {.p = p, .set = set, .stop = stop};

    for (uint32_t i = 0; i < p->tile->body->stmts.count; i++)
        tn_tstmt_roots(p->tile->body->stmts.at[i], true, gather, &g);
}

static bool
nothing_left(tn_online_plan *p)
{
    tn_tset left = tn_tset_create(p->arena, p->tile);

    gather_all(p, &left, true);
    for (uint32_t i = 0; i < left.count; i++)
        for (int k = 0; k < p->count; k++)
            if (left.at[i] == p->at[k].exp || left.at[i] == p->at[k].score)
                return fails(p, "weights are used by the sums over keys alone",
                    "another use of the scores or weights",
                    "do not return or reuse the attention weights");
    return true;
}

static bool
in_program(tn_online_plan *p)
{
    for (uint32_t i = 0; i < p->tile->body->stmts.count; i++) {
        const tn_tstmt *st = p->tile->body->stmts.at[i];

        if (st->op == TN_T_loop || st->op == TN_T_if || st->op == TN_T_local)
            return fails(p, "the program has no loops of its own", "a loop", "");
        if (st->op == TN_T_check && (tn_tval_has_axis(st->condition, p->first->keys)))
            return fails(p, "no index is checked along the keys",
                "a gather from data along the keys", "gather before the scores");
    }
    return true;
}

/* What stays in the loop may not wait for what the loop computes. */
static bool
steps_are_ready(tn_online_plan *p)
{
    for (int k = 0; k < p->count; k++) {
        tn_online_target *t = &p->at[k];

        tn_online_mark_guards(p, t);
        for (int i = 0; i < t->steps; i++) {
            const tn_tval *v = t->chain[i].value;
            tn_tset set = tn_tset_create(p->arena, p->tile);

            if (t->chain[i].guard)
                continue;
            for (int a = 0; a < v->arg_count; a++)
                if (a != t->chain[i].path && tn_tval_has_axis(v->arg[a], t->keys))
                    tn_tset_add(&set, v->arg[a], NULL, NULL);
            for (uint32_t n = 0; n < set.count; n++)
                if (is_replaced(p, set.at[n]))
                    return fails(p, "what weights are multiplied by is known before",
                        "a factor or test that depends on the sums over keys",
                        "normalise once, test for NaN after that");
        }
    }
    return true;
}

tn_online
tn_online_rewrite(tn_arena *arena, const tn_tile *tile)
{
    tn_online out = {.predicate = NULL};
    tn_online_plan *p = tn_new(arena, tn_online_plan);
    tn_tset all = tn_tset_create(arena, tile);

    *p = (tn_online_plan){.tile = tile, .arena = arena, .out = &out};
    gather_all(p, &all, false);
    tn_tset_sort(&all);
    if (!find_targets(p, &all) || !share_scores(p) || !nothing_left(p) || !in_program(p) ||
        !steps_are_ready(p))
        return out;
    out.tile = tn_online_emit(p);
    return out;
}
