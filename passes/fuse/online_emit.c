/* SPDX-License-Identifier: Apache-2.0
 * The program with the fold over keys. */
#include <math.h>

#include "passes/fuse/online_in.h"

/* A choice by keys between a weight and 0: does it leave some key of the row
 * its weight? Carried as 1 or 0. */
typedef struct spared {
    tn_tval *condition;
    bool holds; /* where it holds */
    tn_tval *carry, *final;
} spared;

enum { SPARED = TN_ONLINE_TARGETS * TN_ONLINE_CHAIN };

typedef struct emitter {
    tn_online_plan *p;
    tn_clone *c;
    tn_tb *b;
    tn_axis *keys; /* of the loop */
    tn_tstmt *loop;
    tn_tval *top;   /* carried, or NULL */
    tn_tval *carry[TN_ONLINE_TARGETS];
    spared spared[SPARED];
    int spared_count;
    tn_dtype type;  /* of scores */
} emitter;

static bool
is_fn(const tn_tval *v, tn_fn fn)
{
    return v->op == TN_T_fn && v->fn == fn;
}

static tn_tval *
fn2(emitter *e, tn_fn fn, tn_tval *x, tn_tval *y)
{
    return tn_tb_fn2(e->b, fn, x, y);
}

static tn_tval *
minus_infinity(emitter *e)
{
    return tn_tb_real(e->b, e->type, -(double)INFINITY);
}

/* What scores are measured from: the greatest so far, 0 if every one was
 * -inf, so that their exponentials are 0 and not NaN. */
static tn_tval *
measure(emitter *e, tn_tval *top)
{
    tn_tval *none = fn2(e, TN_FN_eq, top, minus_infinity(e));

    return tn_tb_fn3(e->b, TN_FN_select, none, tn_tb_real(e->b, e->type, 0), top);
}

static tn_tval *
exp_of_difference(emitter *e, tn_tval *x, tn_tval *y)
{
    tn_tval *d = fn2(e, TN_FN_sub, x, y), *factor = e->p->first->factor;

    if (factor)
        d = fn2(e, TN_FN_mul, d, tn_tb_real(e->b, d->dtype, factor->real));
    return tn_tb_fn1(e->b, TN_FN_exp, d);
}

/* ---- chains ---- */

/* `v` with `x` in the place of the operand on the way. */
static tn_tval *
rebuilt(emitter *e, const tn_online_step *s, tn_tval *x)
{
    tn_tval *a[3] = {NULL};

    for (int i = 0; i < s->value->arg_count; i++)
        if (i != s->path)
            a[i] = tn_clone_value(e->c, s->value->arg[i]);
    if (s->value->fn == TN_FN_select)
        a[3 - s->path] = tn_tb_real(e->b, x->dtype, 0);
    a[s->path] = x;
    if (s->value->arg_count == 1)
        return tn_tb_fn1(e->b, s->value->fn, x);
    if (s->value->arg_count == 2)
        return fn2(e, s->value->fn, a[0], a[1]);
    return tn_tb_fn3(e->b, TN_FN_select, a[0], a[1], a[2]);
}

static bool
runs_in_loop(const tn_online_target *t, const tn_online_step *s)
{
    for (int i = 0; i < s->value->arg_count; i++)
        if (i != s->path && tn_tval_has_axis(s->value->arg[i], t->keys))
            return true;
    return false;
}

static tn_tval *
zero_unless(emitter *e, tn_tval *condition, tn_tval *x)
{
    return tn_tb_fn3(e->b, TN_FN_select, condition, x, tn_tb_real(e->b, x->dtype, 0));
}

static bool
is_choice(const tn_online_target *t, const tn_online_step *s)
{
    return t->shifts && is_fn(s->value, TN_FN_select) && !s->guard && runs_in_loop(t, s);
}

static spared *
find_spared(emitter *e, const tn_online_step *s)
{
    for (int i = 0; i < e->spared_count; i++)
        if (e->spared[i].condition == s->value->arg[0] && e->spared[i].holds == (s->path == 1))
            return &e->spared[i];
    return NULL;
}

/* Where every score is -inf, weights are NaN, and 0 where a choice by keys
 * says so: if it does for all of them, their sum is 0. */
static tn_tval *
choose(emitter *e, const tn_online_step *s, tn_tval *x)
{
    tn_tval *any = find_spared(e, s)->final;

    return zero_unless(e, fn2(e, TN_FN_lt, tn_tb_real(e->b, any->dtype, 0), any), x);
}

/* Steps of one kind, innermost first. Weights stay as wide as the scores. */
static tn_tval *
apply(emitter *e, const tn_online_target *t, tn_tval *x, bool in_loop, const tn_online_step *by)
{
    for (int i = t->steps - 1; i >= 0; i--) {
        const tn_online_step *s = &t->chain[i];

        if (!in_loop && by && s < by && is_choice(t, s))
            x = choose(e, s, x);
        if (is_fn(s->value, TN_FN_cast) || s->guard || runs_in_loop(t, s) != in_loop || s == by)
            continue;
        x = rebuilt(e, s, x);
    }
    return x;
}

/* ---- the loop ---- */

static int
axes_of(emitter *e, const tn_tval *v, tn_axis **axes)
{
    for (int i = 0; i < v->axis_count; i++)
        axes[i] = tn_clone_axis(e->c, v->axes[i]);
    return v->axis_count;
}

static void
carry_spared(emitter *e, const tn_online_target *t)
{
    tn_axis *axes[TN_TILE_AXES];

    for (int i = 0; i < t->steps; i++) {
        const tn_online_step *s = &t->chain[i];
        tn_tval *c = s->value->arg[0];
        int count = 0;

        if (!is_choice(t, s) || find_spared(e, s))
            continue;
        for (int k = 0; k < c->axis_count; k++)
            if (c->axes[k] != t->keys)
                axes[count++] = tn_clone_axis(e->c, c->axes[k]);
        e->spared[e->spared_count++] = (spared){.condition = c,
            .holds = s->path == 1,
            .carry = tn_tb_carry(e->b, tn_tb_real(e->b, e->type, 0), axes, count, TN_FN_COUNT)};
    }
}

static tn_tval *
next_spared(emitter *e, const spared *s)
{
    tn_tval *one = tn_tb_real(e->b, e->type, 1), *zero = tn_tb_real(e->b, e->type, 0), *any;

    any = tn_clone_value(e->c, s->condition);
    any = tn_tb_fn3(e->b, TN_FN_select, any, s->holds ? one : zero, s->holds ? zero : one);
    any = tn_tb_reduce(e->b, TN_FN_max, any, &e->keys, 1);
    return fn2(e, TN_FN_max, s->carry, any);
}

static void
open_fold(emitter *e)
{
    const tn_online_target *f = e->p->first;
    tn_tval *low, *high, *end = tn_clone_value(e->c, f->keys->high);
    tn_axis *axes[TN_TILE_AXES];

    tn_online_bounds(e->p, e->c, &low, &high);
    high = high ? fn2(e, TN_FN_min, end, high) : end;
    if (low)
        low = fn2(e, TN_FN_max, tn_tb_int(e->b, 0), low);
    e->loop = tn_tb_loop(e->b, false, "key", NULL, low, high, false);
    e->keys = e->loop->axis;
    if (f->shifts) {
        int count = axes_of(e, f->greatest[0], axes);

        e->top = tn_tb_carry(e->b, minus_infinity(e), axes, count, TN_FN_COUNT);
    }
    for (int i = 0; i < e->p->count; i++) {
        const tn_tval *v = e->p->at[i].value;
        int count = axes_of(e, v, axes);

        e->carry[i] = tn_tb_carry(e->b, tn_tb_real(e->b, v->dtype, 0), axes, count,
            f->shifts ? TN_FN_COUNT : TN_FN_add);
    }
    for (int i = 0; i < e->p->count; i++)
        carry_spared(e, &e->p->at[i]);
    for (int i = 0; i < e->p->count; i++)
        e->c->axis[e->p->at[i].keys->index] = e->keys;
}

static tn_tval *
next_sum(emitter *e, int i, tn_tval *p, tn_tval *scale)
{
    const tn_online_target *t = &e->p->at[i];
    tn_tval *w = apply(e, t, p, true, NULL), *old = e->carry[i], *other;

    w = tn_tb_cast(e->b, t->value->dtype, w);
    if (scale)
        old = fn2(e, TN_FN_mul, old, tn_tb_cast(e->b, old->dtype, scale));
    if (t->value->op == TN_T_reduce) {
        w = tn_tb_reduce(e->b, TN_FN_add, w, &e->keys, 1);
        return fn2(e, TN_FN_add, old, w);
    }
    other = tn_clone_value(e->c, t->value->arg[3 - t->weight]);
    return t->weight == 1 ? tn_tb_mma(e->b, old, w, other, &e->keys, 1)
                          : tn_tb_mma(e->b, old, other, w, &e->keys, 1);
}

static void
fill(emitter *e)
{
    const tn_online_target *f = e->p->first;
    tn_tval *next[TN_ONLINE_TARGETS + 1 + SPARED], *s = tn_clone_value(e->c, f->score);
    tn_tval *p, *scale = NULL;
    int n = 0;

    if (f->shifts) {
        tn_tval *top = tn_tb_reduce(e->b, TN_FN_max, s, &e->keys, 1), *from;

        top = fn2(e, TN_FN_max, e->top, top);
        from = measure(e, top);
        scale = exp_of_difference(e, e->top, from);
        p = exp_of_difference(e, s, from);
        next[n++] = top;
    } else {
        p = tn_tb_fn1(e->b, TN_FN_exp, s);
    }
    for (int i = 0; i < e->p->count; i++)
        next[n++] = next_sum(e, i, p, scale);
    for (int i = 0; i < e->spared_count; i++)
        next[n++] = next_spared(e, &e->spared[i]);
    tn_tb_end_loop(e->b, next);
}

static void
merge(emitter *e)
{
    tn_tval *l[TN_ONLINE_TARGETS + 1 + SPARED], *r[TN_ONLINE_TARGETS + 1 + SPARED];
    tn_tval *from, *a, *b;
    int sums = e->p->count;

    tn_tb_merge(e->b, e->loop);
    for (int i = 0; i <= sums + e->spared_count; i++) {
        l[i] = tn_tb_merged(e->b, e->loop, 0, i);
        r[i] = tn_tb_merged(e->b, e->loop, 1, i);
    }
    from = fn2(e, TN_FN_max, l[0], r[0]);
    a = from;
    from = measure(e, from);
    l[0] = exp_of_difference(e, l[0], from);
    r[0] = exp_of_difference(e, r[0], from);
    for (int i = 1; i <= sums; i++) {
        tn_tval *left = fn2(e, TN_FN_mul, l[i], tn_tb_cast(e->b, l[i]->dtype, l[0]));

        b = fn2(e, TN_FN_mul, r[i], tn_tb_cast(e->b, r[i]->dtype, r[0]));
        l[i] = fn2(e, TN_FN_add, left, b);
    }
    for (int i = sums + 1; i <= sums + e->spared_count; i++)
        l[i] = fn2(e, TN_FN_max, l[i], r[i]);
    l[0] = a;
    tn_tb_end_merge(e->b, l);
}

/* ---- results ---- */

static tn_tval *
scaled(emitter *e, tn_tval *x, tn_tval *scale)
{
    return fn2(e, TN_FN_mul, x, tn_tb_cast(e->b, x->dtype, scale));
}

/* It takes the greatest score, and 0 ever after. */
static bool
takes_greatest(const tn_online_target *t)
{
    for (int k = 0; k < t->shifts; k++) {
        const tn_tval *v = t->top[k];

        while (is_fn(v, TN_FN_cast))
            v = v->arg[0];
        if (v != t->greatest[k])
            return false;
    }
    return true;
}

/* 0 / 0 where no key counts, as written; a guard against that NaN makes it
 * 0. The measure cancels if the program took the greatest score itself: else
 * its sums may have vanished or overflowed where ours did not. */
static tn_tval *
quotient(emitter *e, const tn_online_target *t, tn_tval *acc, tn_tval *total, tn_tval *scale)
{
    tn_tval *x;

    if (scale && !takes_greatest(t)) {
        acc = scaled(e, acc, scale);
        total = scaled(e, total, scale);
    }
    x = fn2(e, TN_FN_div, acc, tn_tb_cast(e->b, acc->dtype, total));
    if (!t->guarded)
        return x;
    return zero_unless(e, fn2(e, TN_FN_lt, tn_tb_real(e->b, total->dtype, 0), total), x);
}

/* Weights that are not divided by a sum of ours alone. A guard gives 0 where
 * the weight of every key is NaN: where what is done to all of them makes the
 * scale NaN. */
static tn_tval *
measured(emitter *e, const tn_online_target *t, tn_tval *acc, tn_tval *scale)
{
    tn_tval *x = scaled(e, acc, scale), *unit = scale;

    for (int i = t->steps - 1; i >= 0; i--) {
        const tn_online_step *s = &t->chain[i];

        if (is_choice(t, s)) {
            x = choose(e, s, x);
            unit = choose(e, s, unit);
        }
        if (is_fn(s->value, TN_FN_cast) || (!s->guard && runs_in_loop(t, s)))
            continue;
        if (s->guard) {
            x = zero_unless(e, fn2(e, TN_FN_eq, unit, unit), x);
            unit = zero_unless(e, fn2(e, TN_FN_eq, unit, unit), unit);
        } else {
            x = rebuilt(e, s, x);
            unit = t->guarded ? rebuilt(e, s, unit) : unit;
        }
    }
    return x;
}

/* What a target's scale is the exponential of: the greatest score less all
 * that is taken from scores. The greatest of what is left after each step is
 * the greatest score after it. Where every score is -inf and something above
 * it is taken, the scale is 0. */
static tn_tval *
scale_of(emitter *e, const tn_online_target *t, tn_tval *top)
{
    tn_tval *d = top, *zero = tn_tb_real(e->b, e->type, 0);

    for (int k = 0; k < t->shifts; k++) {
        tn_tval *greatest = tn_tb_cast(e->b, t->greatest[k]->dtype, d), *taken;

        e->c->value[t->greatest[k]->id] = greatest;
        taken = tn_clone_value(e->c, t->top[k]);
        d = fn2(e, TN_FN_sub, d, tn_tb_cast(e->b, d->dtype, taken));
    }
    return exp_of_difference(e, d, zero);
}

/* Sums first: what is divided by them finds them. */
static void
results(emitter *e)
{
    int from = e->top != NULL;
    tn_tval *final[TN_ONLINE_TARGETS], *scale[TN_ONLINE_TARGETS] = {0}, *top = NULL;

    if (e->top)
        top = tn_tb_final(e->b, e->loop, 0);
    for (int i = 0; i < e->p->count; i++)
        final[i] = tn_tb_final(e->b, e->loop, i + from);
    for (int i = 0; i < e->spared_count; i++)
        e->spared[i].final = tn_tb_final(e->b, e->loop, e->p->count + i + from);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < e->p->count; i++) {
            const tn_online_target *t = &e->p->at[i];
            const tn_online_step *by;
            tn_tval *x = final[i];
            int sum = -1;

            if ((t->value->op == TN_T_mma) != pass)
                continue;
            if (top)
                scale[i] = scale_of(e, t, top);
            by = tn_online_dividing(e->p, t, &sum);
            if (by)
                x = quotient(e, t, x, final[sum], scale[i]);
            e->c->value[t->value->id] =
                scale[i] && !by ? measured(e, t, x, scale[i]) : apply(e, t, x, false, by);
        }
}

static void
fold(emitter *e)
{
    tn_axis *old[TN_ONLINE_TARGETS];

    for (int i = 0; i < e->p->count; i++)
        old[i] = e->c->axis[e->p->at[i].keys->index];
    open_fold(e);
    fill(e);
    if (e->top)
        merge(e);
    for (int i = e->p->count - 1; i >= 0; i--)
        e->c->axis[e->p->at[i].keys->index] = old[i];
    results(e);
}

tn_tile *
tn_online_emit(tn_online_plan *p)
{
    tn_clone c;
    emitter e = {.p = p, .c = &c, .type = p->first->score->dtype};
    const tn_tbody *body = p->tile->body;
    bool done = false;

    tn_clone_start(&c, p->arena, p->tile, "attention");
    e.b = c.b;
    tn_clone_axes(&c);
    for (uint32_t i = 0; i < body->stmts.count; i++) {
        if (body->stmts.at[i]->op == TN_T_store && !done) {
            fold(&e);
            done = true;
        }
        tn_clone_statement(&c, body->stmts.at[i]);
    }
    return tn_clone_end(&c);
}
