/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "passes/schedule/sched.h"

/* Reductions of a stream nest at one point of its outer axes. Accumulators
 * are registers; where the lane axis is reduced there are several, folded at
 * the end, and what is left behind whole vectors follows lane by lane or
 * under a mask. */

tn_fn
tn_red_fn(const tn_tval *v)
{
    return v->op == TN_T_mma ? TN_FN_add : v->fn;
}

tn_dtype
tn_acc_dtype(const tn_tval *v)
{
    return v->dtype == TN_F16 || v->dtype == TN_BF16 ? TN_F32 : v->dtype;
}

tn_ins *
tn_neutral(tn_sched *s, tn_fn fn, tn_dtype dtype)
{
    int64_t low, high;
    bool least = fn == TN_FN_max || fn == TN_FN_maxq, most = fn == TN_FN_min || fn == TN_FN_minq;

    if (tn_is_float(dtype)) {
        double z = least ? -INFINITY : most ? INFINITY : fn == TN_FN_mul ? 1 : 0;

        return tn_kb_real(s->b, dtype, z);
    }
    if (dtype == TN_BOOL)
        return tn_kb_whole(s->b, dtype, most || fn == TN_FN_and || fn == TN_FN_mul);
    tn_dtype_range(dtype, &low, &high);
    if (fn == TN_FN_and)
        return tn_kb_whole(s->b, dtype, tn_is_signed(dtype) ? -1 : high);
    if (least || most)
        return tn_kb_whole(s->b, dtype, least ? low : high);
    return tn_kb_whole(s->b, dtype, fn == TN_FN_mul);
}

tn_fn
tn_plain_fn(tn_fn fn, tn_dtype dtype)
{
    if (dtype == TN_BOOL)
        return fn == TN_FN_max || fn == TN_FN_maxq || fn == TN_FN_add ? TN_FN_or
            : fn == TN_FN_min || fn == TN_FN_minq || fn == TN_FN_mul  ? TN_FN_and
                                                                      : fn;
    if (tn_is_float(dtype))
        return fn;
    return fn == TN_FN_maxq ? TN_FN_max : fn == TN_FN_minq ? TN_FN_min : fn;
}

tn_ins *
tn_combine(tn_sched *s, tn_fn fn, tn_ins *a, tn_ins *b)
{
    return tn_kb_fn2(s->b, tn_plain_fn(fn, b->type.dtype), a, b);
}

static tn_ins *
across(tn_sched *s, tn_fn fn, tn_ins *v)
{
    return v->type.lanes == 1 ? v : tn_kb_across(s->b, tn_plain_fn(fn, v->type.dtype), v);
}

static tn_ins *
select(tn_sched *s, tn_ins *c, tn_ins *a, tn_ins *b)
{
    return tn_kb_fn3(s->b, TN_FN_select, c, a, b);
}

/* The operand of a reduction as one product, if it is one: x * y. */
static bool
product_of(const tn_tval *v, tn_tval **x, tn_tval **y)
{
    const tn_tval *m = v->arg[0];

    if (v->op == TN_T_mma) {
        *x = v->arg[1];
        *y = v->arg[2];
        return true;
    }
    if (v->fn != TN_FN_add || m->op != TN_T_fn || m->fn != TN_FN_mul)
        return false;
    *x = m->arg[0];
    *y = m->arg[1];
    return true;
}

tn_ins *
tn_accumulate(tn_sched *s, tn_tval *v, tn_ins *acc, tn_point *p)
{
    tn_dtype t = tn_acc_dtype(v);
    tn_tval *x, *y;
    tn_ins *a, *b;

    if (product_of(v, &x, &y) &&
        (v->op == TN_T_mma || (!tn_val(s, v->arg[0])->kept && v->arg[0]->dtype == t))) {
        a = tn_convert(s, tn_eval(s, x, p), t);
        b = tn_convert(s, tn_eval(s, y, p), t);
        if (tn_is_float(t) && !s->tile->exact)
            return tn_kb_fn3(s->b, TN_FN_fma, a, b, acc);
        return tn_add(s, tn_mul(s, a, b), acc);
    }
    a = tn_convert(s, tn_eval(s, v->arg[0], p), t);
    if (s->quick && v->fn == TN_FN_max)
        return tn_combine(s, TN_FN_maxq, a, acc);
    return tn_combine(s, tn_red_fn(v), a, acc);
}

/* ---- accumulators ---- */

enum { UNROLL = 4 };

typedef struct acc {
    tn_kcell *value, *at; /* `at`: position of the greatest or least */
} acc;

typedef struct reduction {
    tn_nest *n;
    acc *cells;      /* one for each reduction */
    int width;       /* lanes of the cells */
    int count;       /* cells side by side */
    tn_ins *which;   /* which of them */
} reduction;

static tn_ins *
get(tn_sched *s, tn_kcell *c, tn_ins *which)
{
    return tn_kb_get(s->b, c, c->rank, &which);
}

static void
set(tn_sched *s, tn_kcell *c, tn_ins *which, tn_ins *value)
{
    tn_kb_set(s->b, c, value, c->rank, &which);
}

/* Before any element: argmax starts below all, argmin from NaN, which
 * anything replaces. */
static tn_ins *
first_best(tn_sched *s, const tn_tval *v, tn_dtype t)
{
    if (v->fn == TN_FN_min && tn_is_float(t))
        return tn_kb_real(s->b, t, NAN);
    return tn_neutral(s, v->fn, t);
}

static void
start(tn_sched *s, reduction *r)
{
    int dim = r->count;

    for (uint32_t i = 0; i < r->n->reds.count; i++) {
        tn_tval *v = r->n->reds.at[i];
        bool best = v->op == TN_T_argreduce;
        tn_dtype t = tn_acc_dtype(v);
        tn_ins *z = best ? first_best(s, v, t) : tn_neutral(s, tn_red_fn(v), t);
        acc *c = &r->cells[i];

        c->value =
            tn_kb_cell(s->b, "acc", (tn_ktype){t, (uint16_t)r->width}, r->count > 1, &dim, false);
        if (r->count > 1) {
            tn_ins *end = tn_int(s, r->count);

            TN_KFOR(s->b, u, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "u")
                set(s, c->value, u, z);
        } else {
            set(s, c->value, NULL, z);
        }
        if (best) {
            c->at = tn_kb_cell(s->b, "at", (tn_ktype){TN_I32, (uint16_t)r->width}, 0, NULL, false);
            set(s, c->at, NULL, tn_convert(s, tn_low(s, v->red[0]), TN_I32));
        }
    }
}

tn_ins *
tn_better(tn_sched *s, tn_fn fn, tn_ins *x, tn_ins *best)
{
    tn_ins *c;

    if (x->type.dtype == TN_BOOL) {
        x = tn_convert(s, x, TN_I32);
        best = tn_convert(s, best, TN_I32);
    }
    if (!tn_is_float(x->type.dtype))
        return fn == TN_FN_max ? tn_kb_fn2(s->b, TN_FN_lt, best, x)
                               : tn_kb_fn2(s->b, TN_FN_lt, x, best);
    if (fn == TN_FN_max) {
        c = tn_kb_fn1(s->b, TN_FN_not, tn_kb_fn2(s->b, TN_FN_le, x, best));
        return tn_kb_fn2(s->b, TN_FN_and, c, tn_kb_fn2(s->b, TN_FN_eq, best, best));
    }
    c = tn_kb_fn1(s->b, TN_FN_not, tn_kb_fn2(s->b, TN_FN_le, best, x));
    return tn_kb_fn2(s->b, TN_FN_and, c, tn_kb_fn2(s->b, TN_FN_eq, x, x));
}

tn_ins *
tn_position(tn_sched *s, const tn_axis *a, const tn_point *p)
{
    const tn_pos *pos = tn_point_pos(p, a);
    tn_ins *at = tn_convert(s, pos->base, TN_I32);

    if (pos->lanes == 1)
        return at;
    at = tn_wide(s, at, pos->lanes);
    return tn_add(s, at, tn_kb_lanes(s->b, pos->lanes));
}

static void
best_step(tn_sched *s, reduction *r, uint32_t i, tn_ins *mask, tn_point *p)
{
    tn_tval *v = r->n->reds.at[i];
    acc *c = &r->cells[i];
    tn_ins *x = tn_convert(s, tn_eval(s, v->arg[0], p), tn_acc_dtype(v)), *g, *best, *at;

    x = tn_wide(s, x, r->width);
    best = get(s, c->value, NULL);
    g = tn_better(s, v->fn, x, best);
    if (mask)
        g = tn_kb_fn2(s->b, TN_FN_and, g, mask);
    at = tn_wide(s, tn_position(s, v->red[0], p), r->width);
    set(s, c->at, NULL, select(s, g, at, get(s, c->at, NULL)));
    set(s, c->value, NULL, select(s, g, x, best));
}

static void
prefix_step(tn_sched *s, reduction *r, uint32_t i, tn_point *p)
{
    tn_tval *v = r->n->reds.at[i];
    tn_kcell *c = r->cells[i].value;
    tn_dtype t = tn_acc_dtype(v);
    tn_ins *before = get(s, c, NULL), *x, *now;

    x = tn_convert(s, tn_eval(s, v->arg[0], p), t);
    now = tn_combine(s, v->fn, x, before);
    set(s, c, NULL, now);
    now = tn_convert(s, v->inclusive ? now : before, v->dtype);
    tn_point_put(s, p, tn_key(v, 0), now);
    if (tn_val(s, v)->pending[0])
        tn_kept_store(s, tn_val(s, v)->pending[0], now, p);
}

static void
step(tn_sched *s, tn_point *p, void *context)
{
    reduction *r = context;
    const tn_nest *n = r->n;
    const tn_pos *lanes = n->lane && n->red_set & tn_bit(n->lane) ? tn_point_pos(p, n->lane) : NULL;
    tn_ins *mask = lanes ? lanes->mask : NULL;

    for (uint32_t i = 0; i < n->reds.count; i++)
        if (n->reds.at[i]->op == TN_T_prefix)
            prefix_step(s, r, i, p);
    tn_outs(s, n->inner.at, n->inner.count, p);
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_tval *v = n->reds.at[i];
        tn_kcell *c = r->cells[i].value;
        tn_ins *before, *now;

        if (v->op == TN_T_prefix)
            continue;
        if (v->op == TN_T_argreduce) {
            best_step(s, r, i, mask, p);
            continue;
        }
        before = get(s, c, r->which);
        now = tn_accumulate(s, v, before, p);
        if (mask)
            now = select(s, mask, now, before);
        set(s, c, r->which, now);
    }
}

/* ---- folding lanes ---- */

void
tn_fold_best(tn_sched *s, tn_fn fn, tn_ins *x, tn_ins *at, tn_ins **best, tn_ins **best_at)
{
    tn_ins *y = x, *m, *hit, *nan = NULL, *most = tn_kb_whole(s->b, TN_I32, INT32_MAX);
    bool fl = tn_is_float(x->type.dtype);

    if (fl)
        nan = tn_kb_fn2(s->b, TN_FN_ne, x, x);
    if (fl && fn == TN_FN_min)
        y = select(s, nan, tn_neutral(s, TN_FN_min, x->type.dtype), x);
    m = tn_kb_across(s->b, tn_plain_fn(fn, y->type.dtype), y);
    hit = tn_kb_fn2(s->b, TN_FN_eq, y, tn_wide(s, m, x->type.lanes));
    if (fl && fn == TN_FN_max) {
        hit = tn_kb_fn2(s->b, TN_FN_or, hit, nan);
    } else if (fl) {
        tn_ins *none = tn_kb_across(s->b, TN_FN_and, nan);

        hit = tn_kb_fn2(s->b, TN_FN_and, hit, tn_kb_fn1(s->b, TN_FN_not, nan));
        hit = tn_kb_fn2(s->b, TN_FN_or, hit, tn_wide(s, none, x->type.lanes));
        m = select(s, none, tn_kb_real(s->b, m->type.dtype, NAN), m);
    }
    at = select(s, hit, at, tn_wide(s, most, x->type.lanes));
    *best = m;
    *best_at = tn_kb_across(s->b, TN_FN_min, at);
}

/* Vector cells to scalar ones, so that single elements may follow. */
static void
fold_lanes(tn_sched *s, reduction *r)
{
    acc *narrow = tn_new_array(s->arena, acc, r->n->reds.count);

    for (uint32_t i = 0; i < r->n->reds.count; i++) {
        tn_tval *v = r->n->reds.at[i];
        const acc *c = &r->cells[i];
        acc *to = &narrow[i];
        tn_ins *x, *at;

        to->value = tn_kb_cell(s->b, "acc", (tn_ktype){c->value->type.dtype, 1}, 0, NULL, false);
        if (c->at) {
            to->at = tn_kb_cell(s->b, "at", (tn_ktype){TN_I32, 1}, 0, NULL, false);
            x = get(s, c->value, NULL);
            at = get(s, c->at, NULL);
            tn_fold_best(s, v->fn, x, at, &x, &at);
            set(s, to->value, NULL, x);
            set(s, to->at, NULL, at);
            continue;
        }
        x = get(s, c->value, r->count > 1 ? tn_int(s, 0) : NULL);
        for (int u = 1; u < r->count; u++)
            x = tn_combine(s, tn_red_fn(v), x, get(s, c->value, tn_int(s, u)));
        set(s, to->value, NULL, across(s, tn_red_fn(v), x));
    }
    r->cells = narrow;
    r->width = r->count = 1;
    r->which = NULL;
}

/* ---- loops ---- */

static void
unrolled(tn_sched *s, reduction *r, const tn_axis *a, tn_ins *low, tn_ins *end, tn_point *p)
{
    int64_t w = s->lanes;

    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), end, w * r->count, a->name) {
        tn_ins *count = tn_int(s, r->count);

        TN_KFOR(s->b, u, TN_LOOP_UNROLL, tn_int(s, 0), count, 1, "u") {
            tn_point *q = tn_point_new(s, p);
            tn_ins *base = tn_add(s, low, i);

            base = tn_add(s, base, tn_muli(s, u, w));

            tn_point_bind(s, q, a, (tn_pos){base, base, NULL, s->lanes});
            r->which = u;
            step(s, q, r);
        }
    }
}

typedef struct lane_part {
    reduction *r;
    tn_ins *from, *count;
} lane_part;

static void
lane_vectors(tn_sched *s, tn_point *p, void *context)
{
    lane_part *part = context;
    reduction *r = part->r;
    const tn_axis *a = r->n->lane;
    tn_ins *low = tn_low(s, a), *length = tn_length(s, a), *block, *end;

    block = tn_int(s, (int64_t)s->lanes * r->count);
    end = tn_mul(s, tn_div(s, length, block), block);
    if (r->count > 1)
        unrolled(s, r, a, low, end, p);
    else
        end = tn_int(s, 0);
    r->which = r->count > 1 ? tn_int(s, 0) : NULL;
    part->from = tn_add(s, low, end);
    part->count = tn_sub(s, length, end);
    if (s->target->masked) {
        tn_chunks(s, a, part->from, part->count, p, step, r);
    } else {
        tn_ins *w = tn_int(s, s->lanes);
        tn_ins *full = tn_mul(s, tn_div(s, part->count, w), w);

        tn_chunks_whole(s, a, part->from, full, p, step, r);
    }
}

static void
lane_singles(tn_sched *s, tn_point *p, void *context)
{
    reduction *r = context;
    const tn_axis *a = r->n->lane;
    tn_ins *low = tn_low(s, a), *length = tn_length(s, a), *w = tn_int(s, s->lanes);
    tn_ins *full = tn_mul(s, tn_div(s, length, w), w);

    TN_KFOR(s->b, i, TN_LOOP_SERIAL, full, length, 1, a->name) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind_one(s, q, a, tn_add(s, low, i));
        step(s, q, r);
    }
}

static uint32_t
without_lane(const tn_nest *n, tn_axis **red)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->red.count; i++)
        if (n->red.at[i] != n->lane)
            red[count++] = n->red.at[i];
    return count;
}

static bool
several(tn_sched *s, const tn_nest *n)
{
    int64_t length;

    if (n->inner.count || (tn_length_known(s, n->lane, &length) && length < UNROLL * s->lanes))
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++)
        if (n->reds.at[i]->op != TN_T_reduce && n->reds.at[i]->op != TN_T_mma)
            return false;
    return true;
}

/* The lane axis is reduced: vectors, folded, then single elements where the
 * target has no masks. */
static void
reduce_lanes(tn_sched *s, reduction *r, tn_point *p)
{
    tn_axis *red[TN_MAX_AXES];
    uint32_t count = without_lane(r->n, red);
    lane_part part = {r, NULL, NULL};

    r->width = s->lanes;
    r->count = several(s, r->n) ? UNROLL : 1;
    start(s, r);
    tn_loops(s, red, count, NULL, false, p, lane_vectors, &part);
    fold_lanes(s, r);
    if (!s->target->masked)
        tn_loops(s, red, count, NULL, false, p, lane_singles, r);
}

static void
results(tn_sched *s, reduction *r, tn_point *p)
{
    for (uint32_t i = 0; i < r->n->reds.count; i++) {
        tn_tval *v = r->n->reds.at[i];
        tn_vstate *q = tn_val(s, v);
        tn_ins *x = get(s, r->cells[i].value, r->which), *at;

        if (v->op == TN_T_prefix)
            continue;
        if (v->op == TN_T_mma && !tn_is_zero(v->arg[0]))
            x = tn_combine(s, TN_FN_add, tn_convert(s, tn_eval(s, v->arg[0], p), x->type.dtype), x);
        x = tn_convert(s, x, v->dtype);
        tn_point_put(s, p, tn_key(v, 0), x);
        if (q->pending[0])
            tn_kept_store(s, q->pending[0], x, p);
        if (v->op != TN_T_argreduce)
            continue;
        at = get(s, r->cells[i].at, NULL);
        tn_point_put(s, p, tn_key(v, 1), at);
        if (q->pending[1])
            tn_kept_store(s, q->pending[1], at, p);
    }
}

/* Maxima and minima are the same in any order: several side by side hide how
 * long each takes. */
static bool
any_order(const tn_nest *n)
{
    if (n->red.count != 1 || n->inner.count || n->reverse)
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++) {
        const tn_tval *v = n->reds.at[i];

        if (v->op != TN_T_reduce ||
            (v->fn != TN_FN_max && v->fn != TN_FN_maxq && v->fn != TN_FN_min &&
                v->fn != TN_FN_minq))
            return false;
    }
    return true;
}

/* The lane axis, if any, is not reduced. */
static void
reduce_down(tn_sched *s, reduction *r, tn_point *p)
{
    const tn_axis *a = r->n->red.at[0];
    tn_ins *low, *length, *whole, *first;

    r->count = s->lanes > 1 && any_order(r->n) ? UNROLL : 1;
    start(s, r);
    if (r->count == 1) {
        tn_loops(s, r->n->red.at, r->n->red.count, NULL, r->n->reverse, p, step, r);
        return;
    }
    low = tn_low(s, a);
    length = tn_length(s, a);
    whole = tn_muli(s, tn_divi(s, length, UNROLL), UNROLL);
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), whole, UNROLL, a->name) {
        tn_ins *base = tn_add(s, low, i), *count = tn_int(s, UNROLL);

        TN_KFOR(s->b, u, TN_LOOP_UNROLL, tn_int(s, 0), count, 1, "u") {
            tn_point *q = tn_point_new(s, p);

            tn_point_bind_one(s, q, a, tn_add(s, base, u));
            r->which = u;
            step(s, q, r);
        }
    }
    r->which = first = tn_int(s, 0);
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, whole, length, 1, a->name) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind_one(s, q, a, tn_add(s, low, i));
        step(s, q, r);
    }
    for (uint32_t i = 0; i < r->n->reds.count; i++) {
        tn_kcell *c = r->cells[i].value;
        tn_ins *x = get(s, c, first);

        for (int u = 1; u < UNROLL; u++)
            x = tn_combine(s, tn_red_fn(r->n->reds.at[i]), x, get(s, c, tn_int(s, u)));
        set(s, c, first, x);
    }
}

void
tn_reduce(tn_sched *s, tn_nest *n, tn_point *p)
{
    reduction r = {.n = n, .width = 1, .count = 1};
    const tn_pos *pos = n->lane && n->par_set & tn_bit(n->lane) ? tn_point_pos(p, n->lane) : NULL;
    tn_vals roots = {0};

    tn_nest_roots(s, n, &roots);
    tn_hoist(s, &roots, p, n->red_set, n);
    if (n->reds.at[0]->op == TN_T_topk) {
        tn_topk(s, n, p);
        tn_outs(s, n->tail.at, n->tail.count, p);
        return;
    }
    r.cells = tn_new_array(s->arena, acc, n->reds.count);
    if (n->lane && n->red_set & tn_bit(n->lane) && s->lanes > 1) {
        reduce_lanes(s, &r, p);
    } else {
        r.width = pos ? pos->lanes : 1;
        reduce_down(s, &r, p);
    }
    results(s, &r, p);
    tn_outs(s, n->tail.at, n->tail.count, p);
}
