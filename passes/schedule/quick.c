/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "passes/schedule/contract.h"

/* Maxima of sums that meet no NaN. A maximum that keeps NaN costs three
 * instructions, one that may not be given any costs one. A sum of two numbers
 * below +inf is a number, so both operands are looked at: the one that a
 * recurrence does not change once, before its loop, the other for each panel,
 * which is one of many cells. The loop that keeps NaN is the other side. */

static bool
is_constant_side(tn_sched *s, const tn_nest *n, tn_tval *v)
{
    tn_axset free = n->red_set | tn_bit(n->lane);
    tn_vals stem = {0};

    if (tn_val(s, v)->deps & ~free)
        return false;
    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_NOWHERE, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_tval *x = stem.at[i];

        if (x->op == TN_T_load ? x->buf->local || x->buf->written
                               : x->op != TN_T_const && x->op != TN_T_size && x->op != TN_T_index &&
                    x->op != TN_T_fn)
            return false;
    }
    return true;
}

/* The operand with the lane axis, or without it. */
static tn_tval *
side(tn_sched *s, const tn_nest *n, bool lane)
{
    const tn_tval *sum = n->reds.at[0]->arg[0];
    tn_tval *x = sum->arg[0];

    return ((tn_val(s, x)->deps & tn_bit(n->lane)) != 0) == lane ? x : sum->arg[1];
}

static bool
suits(const tn_nest *n)
{
    const tn_tval *v = n && n->contract && n->lane && n->reds.count == 1 ? n->reds.at[0] : NULL;

    return v && v->op == TN_T_reduce && v->fn == TN_FN_max && n->red.count == 1 &&
        v->arg[0]->op == TN_T_fn && v->arg[0]->fn == TN_FN_add &&
        (v->dtype == TN_F32 || v->dtype == TN_F64);
}

typedef struct look {
    tn_tval *value;
    tn_kcell *bad; /* 1 where an element is not below +inf */
} look;

static void
look_at(tn_sched *s, tn_point *p, void *context)
{
    look *l = context;
    tn_ins *x = tn_eval(s, l->value, p), *one = tn_kb_whole(s->b, TN_I32, 1), *fine, *bad;
    const tn_pos *lanes = tn_lanes_of(s, p, tn_val(s, l->value)->deps);

    fine = tn_kb_fn2(s->b, TN_FN_lt, x,
        tn_wide(s, tn_kb_real(s->b, x->type.dtype, INFINITY), x->type.lanes));
    bad = tn_kb_fn3(s->b, TN_FN_select, fine,
        tn_wide(s, tn_kb_whole(s->b, TN_I32, 0), x->type.lanes), tn_wide(s, one, x->type.lanes));
    if (lanes && lanes->mask && x->type.lanes > 1)
        bad = tn_kb_fn3(s->b, TN_FN_select, lanes->mask, bad,
            tn_wide(s, tn_kb_whole(s->b, TN_I32, 0), x->type.lanes));
    bad = tn_wide(s, bad, s->lanes);
    bad = tn_kb_fn2(s->b, TN_FN_max, bad, tn_kb_get(s->b, l->bad, 0, NULL));
    tn_kb_set(s->b, l->bad, bad, 0, NULL);
}

static look
start(tn_sched *s, tn_tval *value)
{
    look l = {.value = value};

    l.bad = tn_kb_cell(s->b, "bad", (tn_ktype){TN_I32, (uint16_t)s->lanes}, 0, NULL, false);
    tn_kb_set(s->b, l.bad, tn_wide(s, tn_kb_whole(s->b, TN_I32, 0), s->lanes), 0, NULL);
    return l;
}

static tn_ins *
verdict(tn_sched *s, const look *l)
{
    tn_ins *bad = tn_kb_get(s->b, l->bad, 0, NULL);

    if (s->lanes > 1)
        bad = tn_kb_across(s->b, TN_FN_max, bad);
    return tn_kb_fn2(s->b, TN_FN_eq, bad, tn_kb_whole(s->b, TN_I32, 0));
}

void
tn_quick_before(tn_sched *s, const tn_item *loop, tn_point *p)
{
    for (uint32_t i = 0; loop->stmt->scan && i < loop->body->list.count; i++) {
        tn_nest *n = loop->body->list.at[i]->nest;
        tn_axis *axes[2];
        look l;

        if (!suits(n) || !is_constant_side(s, n, side(s, n, true)))
            continue;
        axes[0] = n->red.at[0];
        axes[1] = n->lane;
        l = start(s, side(s, n, true));
        tn_loops(s, axes, 2, n->lane, false, tn_point_new(s, p), look_at, &l);
        n->clean = verdict(s, &l);
    }
}

void
tn_quick_after(const tn_item *loop)
{
    for (uint32_t i = 0; i < loop->body->list.count; i++)
        if (loop->body->list.at[i]->nest)
            loop->body->list.at[i]->nest->clean = NULL;
}

tn_ins *
tn_quick_panel(tn_sched *s, const tn_contract_block *c, tn_point *p)
{
    tn_axis *k = c->n->red.at[0];
    look l = start(s, side(s, c->n, false));

    TN_KFOR(s->b, r, TN_LOOP_SERIAL, tn_int(s, 0), c->row_end, 1, "row") {
        tn_point *q = tn_point_new(s, p);

        tn_contract_bind_row(s, c, tn_add(s, c->row0, r), q);
        tn_loops(s, &k, 1, k, false, q, look_at, &l);
    }
    return tn_kb_fn2(s->b, TN_FN_and, c->n->clean, verdict(s, &l));
}
