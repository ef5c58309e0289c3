/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Which axis of a nest lies along vectors, or which neighbouring lanes of a
 * group walk: each access that depends on an
 * axis speaks for it where its elements are then contiguous, and twice as
 * much against it where they are not. Stores and kept values weigh double. */
enum {
    LOAD_SCORE = 2,
    STORE_SCORE = 4,
    REDUCED_SCORE = -1,
    ROWS_SCORE = 1,
    SHORT_SCORE = -2,     /* extent below a vector */
    VERY_SHORT_SCORE = -8, /* below half of one */
    IDLE_SCORE = -16,      /* the same in the innermost loop of a contraction */
};

/* Elements moved per step on `a`: 0, 1, or 2 for anything else. */
static int
step_of(const tn_sched *s, const tn_tval *v, const tn_axis *a)
{
    int x, y;

    if (!(tn_val(s, v)->deps & tn_bit(a)))
        return 0;
    if (v->op == TN_T_index)
        return 1;
    if (v->op != TN_T_fn || v->arg_count != 2)
        return 2;
    x = step_of(s, v->arg[0], a);
    y = step_of(s, v->arg[1], a);
    if (v->fn == TN_FN_add)
        return x + y;
    return v->fn == TN_FN_sub && y == 0 ? x : 2;
}

static int
fast_dimension(const tn_tbuf *b)
{
    if (b->layout.kind == TN_LAYOUT_P16)
        return b->layout.n;
    return b->layout.kind == TN_LAYOUT_PERM ? b->layout.perm[b->rank - 1] : b->rank - 1;
}

static int
access_score(const tn_sched *s, const tn_tbuf *b, tn_tval *const *index, const tn_axis *a,
    int weight)
{
    bool depends = false, good = true;

    for (int d = 0; d < b->rank; d++) {
        int step = step_of(s, index[d], a);

        depends |= step != 0;
        good &= step == 0 || (step == 1 && d == fast_dimension(b));
    }
    if (!depends || b->local)
        return 0;
    return good ? weight : -2 * weight;
}

bool
tn_access_strided(const tn_sched *s, const tn_tval *v, const tn_axis *lane)
{
    return access_score(s, v->buf, v->arg, lane, 1) < 0;
}

bool
tn_access_contiguous(const tn_sched *s, const tn_tval *v, const tn_axis *lane)
{
    return access_score(s, v->buf, v->arg, lane, 1) > 0;
}

static int
stores_score(const tn_sched *s, tn_out *const *outs, uint32_t count, const tn_axis *a)
{
    int score = 0;

    for (uint32_t i = 0; i < count; i++)
        if (outs[i]->kind == TN_OUT_STORE)
            score += access_score(s, outs[i]->stmt->buf, outs[i]->stmt->index, a, STORE_SCORE);
    return score;
}

/* A carry lies along the lane axis of the nest that makes its next value. */
static int
carries_score(const tn_sched *s, const tn_nest *n, const tn_axis *a)
{
    int score = 0;

    for (uint32_t i = 0; i < n->tail.count; i++) {
        const tn_vstate *q =
            n->tail.at[i]->kind == TN_OUT_CARRY ? tn_val(s, n->tail.at[i]->node) : NULL;

        if (q && q->maker && q->maker != n && q->maker->lane && q->deps & tn_bit(a) &&
            q->deps & tn_bit(q->maker->lane))
            score += q->maker->lane == a ? STORE_SCORE : -2 * STORE_SCORE;
    }
    return score;
}

static int
values_score(tn_sched *s, const tn_nest *n, const tn_axis *a)
{
    tn_vals roots = {0}, stem = {0};
    int score = 0;

    tn_nest_roots(s, n, &roots);
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_tval *v = stem.at[i];
        const tn_vstate *q = tn_val(s, tn_carry_of(stem.at[i]));

        if (v->op == TN_T_load)
            score += access_score(s, v->buf, v->arg, a, LOAD_SCORE);
        if (q->maker && q->maker != n && q->maker->lane && q->deps & tn_bit(a) &&
            q->deps & tn_bit(q->maker->lane))
            score += q->maker->lane == a ? LOAD_SCORE : -2 * LOAD_SCORE;
    }
    return score;
}

bool
tn_nest_folded(const tn_nest *n)
{
    for (uint32_t i = 0; i < n->par.count; i++)
        if (n->par.at[i]->kind == TN_AXIS_LOOP)
            return true;
    return false;
}

/* Rows that a fold goes over, as the queries of attention, rather than what it
 * folds: then its reductions run down vectors, not across them, and the copy
 * of the rows serves all rounds. */
static bool
gives_rows(const tn_sched *s, const tn_nest *n, const tn_axis *a)
{
    int64_t extent;

    return n->contract && a->kind == TN_AXIS_GRID && tn_nest_folded(n) &&
        tn_axis_known(s, a, &extent) && extent >= 2 * s->lanes;
}

static int
lane_score(tn_sched *s, const tn_nest *n, const tn_axis *a)
{
    int64_t most = tn_axis_most(s, a);
    int score = values_score(s, n, a);

    score += stores_score(s, n->inner.at, n->inner.count, a);
    score += stores_score(s, n->tail.at, n->tail.count, a);
    score += carries_score(s, n, a);
    if (n->red_set & tn_bit(a))
        score += REDUCED_SCORE;
    if (gives_rows(s, n, a))
        score += ROWS_SCORE;
    if (most < s->lanes / 2)
        score += n->contract ? IDLE_SCORE : VERY_SHORT_SCORE;
    else if (most < s->lanes)
        score += SHORT_SCORE;
    return score;
}

static bool
may_vector_reduced(const tn_nest *n)
{
    if (n->contract)
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++)
        if (n->reds.at[i]->op == TN_T_prefix)
            return false;
    return true;
}

/* An axis that both operands of a contraction have is no lane of it. */
static bool
in_both(tn_sched *s, const tn_nest *n, const tn_axis *axis)
{
    for (uint32_t i = 0; n->contract && i < n->reds.count; i++) {
        tn_axset a, b;

        tn_contract_deps(s, n->reds.at[i], &a, &b);
        if (a & b & tn_bit(axis))
            return true;
    }
    return false;
}

static void
pick(tn_sched *s, tn_nest *n)
{
    int best = 0;

    n->lane = NULL;
    for (uint32_t i = 0; i < n->par.count; i++) {
        int score = lane_score(s, n, n->par.at[i]);

        if (in_both(s, n, n->par.at[i]) || s->row_axes & tn_bit(n->par.at[i]))
            continue;
        if (!n->lane || score >= best) {
            n->lane = n->par.at[i];
            best = score;
        }
    }
    for (uint32_t i = 0; may_vector_reduced(n) && i < n->red.count; i++) {
        int score = lane_score(s, n, n->red.at[i]);

        if (!n->lane || score >= best) {
            n->lane = n->red.at[i];
            best = score;
        }
    }
}

static void
makes(tn_sched *s, tn_nest *n)
{
    for (uint32_t i = 0; i < n->reds.count; i++)
        tn_val(s, n->reds.at[i])->maker = n;
    for (uint32_t i = 0; i < n->inner.count; i++)
        if (n->inner.at[i]->kind == TN_OUT_KEEP)
            tn_val(s, n->inner.at[i]->node)->maker = n;
    for (uint32_t i = 0; i < n->tail.count; i++) {
        const tn_out *o = n->tail.at[i];

        if (o->kind == TN_OUT_KEEP ||
            (o->kind == TN_OUT_CARRY && o->value == o->node->loop->carry.at[o->node->whole].next))
            tn_val(s, o->node)->maker = n;
    }
}

static void
pick_items(tn_sched *s, tn_items *items)
{
    for (uint32_t i = 0; i < items->list.count; i++) {
        tn_item *item = items->list.at[i];

        tn_items_enter(s, items, i);
        if (item->nest) {
            pick(s, item->nest);
            makes(s, item->nest);
        }
        if (item->body)
            pick_items(s, item->body);
        if (item->orelse)
            pick_items(s, item->orelse);
    }
    tn_items_leave(s, items);
}

/* Rows of a contraction that a recurrence goes through: few fill a register
 * block, and what is carried lies along the other axis. */
static void
find_rows(tn_sched *s, const tn_items *items, bool scan)
{
    for (uint32_t i = 0; i < items->list.count; i++) {
        const tn_item *item = items->list.at[i];
        const tn_nest *n = item->nest;

        if (n && scan && n->contract && n->lane && n->lane->kind == TN_AXIS_SPAN)
            s->row_axes |= tn_contract_split(s, n, n->lane).rows;
        if (item->body)
            find_rows(s, item->body, scan || (item->kind == TN_ITEM_LOOP && item->stmt->scan));
        if (item->orelse)
            find_rows(s, item->orelse, scan);
    }
}

void
tn_pick_lanes(tn_sched *s)
{
    /* Again once it is known along which axis carries lie. */
    pick_items(s, s->items);
    find_rows(s, s->items, false);
    pick_items(s, s->items);
    if (s->row_axes)
        pick_items(s, s->items);
}
