/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* The k greatest along an axis: k passes, each over all that no earlier pass
 * took. */

enum { MOST = 64, NOT_YET = INT32_MAX };

typedef struct pass {
    tn_nest *n;
    tn_tval *v;
    tn_kcell *value, *at;
    tn_ins *taken[MOST]; /* positions of earlier passes */
    int number;
    int width;
} pass;

static void
step(tn_sched *s, tn_point *p, void *context)
{
    pass *t = context;
    const tn_pos *pos = tn_point_pos(p, t->v->red[0]);
    tn_ins *x = tn_convert(s, tn_eval(s, t->v->arg[0], p), tn_acc_dtype(t->v)), *at, *best, *was,
           *g;

    x = tn_wide(s, x, t->width);
    at = tn_wide(s, tn_position(s, t->v->red[0], p), t->width);
    best = tn_kb_get(s->b, t->value, 0, NULL);
    was = tn_kb_get(s->b, t->at, 0, NULL);
    g = tn_kb_fn2(s->b, TN_FN_eq, was, tn_wide(s, tn_kb_whole(s->b, TN_I32, NOT_YET), t->width));
    g = tn_kb_fn2(s->b, TN_FN_or, g, tn_better(s, TN_FN_max, x, best));
    for (int i = 0; i < t->number; i++) {
        tn_ins *other = tn_kb_fn2(s->b, TN_FN_ne, at, tn_wide(s, t->taken[i], t->width));

        g = tn_kb_fn2(s->b, TN_FN_and, g, other);
    }
    if (pos->lanes > 1 && pos->mask)
        g = tn_kb_fn2(s->b, TN_FN_and, g, pos->mask);
    tn_kb_set(s->b, t->value, tn_kb_fn3(s->b, TN_FN_select, g, x, best), 0, NULL);
    tn_kb_set(s->b, t->at, tn_kb_fn3(s->b, TN_FN_select, g, at, was), 0, NULL);
}

static void
cells(tn_sched *s, pass *t, int width)
{
    tn_dtype type = tn_acc_dtype(t->v);

    t->width = width;
    t->value = tn_kb_cell(s->b, "top", (tn_ktype){type, (uint16_t)width}, 0, NULL, false);
    t->at = tn_kb_cell(s->b, "at", (tn_ktype){TN_I32, (uint16_t)width}, 0, NULL, false);
}

static void
start(tn_sched *s, pass *t, int width)
{
    cells(s, t, width);
    tn_kb_set(s->b, t->value, tn_neutral(s, TN_FN_max, t->value->type.dtype), 0, NULL);
    tn_kb_set(s->b, t->at, tn_kb_whole(s->b, TN_I32, NOT_YET), 0, NULL);
}

/* Lanes that have found nothing hold the least value at the last position,
 * and so lose against any that have. */
static void
fold(tn_sched *s, pass *t)
{
    tn_ins *x = tn_kb_get(s->b, t->value, 0, NULL), *at = tn_kb_get(s->b, t->at, 0, NULL);

    tn_fold_best(s, TN_FN_max, x, at, &x, &at);
    cells(s, t, 1);
    tn_kb_set(s->b, t->value, x, 0, NULL);
    tn_kb_set(s->b, t->at, at, 0, NULL);
}

static void
along_lanes(tn_sched *s, pass *t, tn_point *p)
{
    const tn_axis *a = t->n->lane;
    tn_ins *low = tn_low(s, a), *length = tn_length(s, a), *w = tn_int(s, s->lanes), *full;

    start(s, t, s->lanes);
    full = tn_mul(s, tn_div(s, length, w), w);
    if (s->target->masked) {
        tn_chunks(s, a, low, length, p, step, t);
        fold(s, t);
        return;
    }
    tn_chunks_whole(s, a, low, full, p, step, t);
    fold(s, t);
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, full, length, 1, a->name) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind_one(s, q, a, tn_add(s, low, i));
        step(s, q, t);
    }
}

static void
one_pass(tn_sched *s, pass *t, tn_point *p)
{
    const tn_vstate *q = tn_val(s, t->v);
    const tn_pos *pos =
        t->n->lane && t->n->par_set & tn_bit(t->n->lane) ? tn_point_pos(p, t->n->lane) : NULL;
    tn_point *at = tn_point_new(s, p);

    for (int i = 0; i < t->number; i++) {
        tn_point *before = tn_point_new(s, p);

        tn_point_bind_one(s, before, t->v->to, tn_int(s, i));
        t->taken[i] = tn_kept_load(s, q->pending[1], before);
    }
    if (t->n->lane && t->n->red_set & tn_bit(t->n->lane) && s->lanes > 1) {
        along_lanes(s, t, p);
    } else {
        start(s, t, pos ? pos->lanes : 1);
        tn_loops(s, t->n->red.at, t->n->red.count, NULL, false, p, step, t);
    }
    tn_point_bind_one(s, at, t->v->to, tn_int(s, t->number));
    tn_kept_store(s, q->pending[0], tn_convert(s, tn_kb_get(s->b, t->value, 0, NULL), t->v->dtype),
        at);
    tn_kept_store(s, q->pending[1], tn_kb_get(s->b, t->at, 0, NULL), at);
}

void
tn_topk(tn_sched *s, tn_nest *n, tn_point *p)
{
    pass t = {.n = n, .v = n->reds.at[0]};
    int64_t k;

    if (!tn_length_known(s, t.v->to, &k) || k > MOST) {
        tn_sched_fail(s, TN_UNSUPPORTED, "topk takes a constant number of at most %d", MOST);
        return;
    }
    for (t.number = 0; t.number < k; t.number++)
        one_pass(s, &t, p);
}
