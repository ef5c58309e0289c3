/* SPDX-License-Identifier: Apache-2.0
 * Loops and choices. A body's values live in the slots of their ids; what a
 * round leaves is shared out of them before the round is cleared. */
#include <string.h>

#include "runtime/reference/ref.h"

static tn_ref_value *
slot(const tn_ref_call *c, const tn_value *v)
{
    return &c->r->slot[v->id];
}

static void
hand(tn_ref_value *to, const tn_ref_value *from)
{
    *to = *from;
    to->block = NULL;
    tn_ref_share(to, from);
}

/* Results of a block into `next`, which held the values before. All are taken
 * before any is replaced. */
static void
take_results(tn_ref_call *c, const tn_block *b, int count, tn_ref_value *next)
{
    tn_ref_value fresh;

    for (int i = 0; i < count; i++) {
        hand(&fresh, slot(c, b->results.at[i]));
        tn_ref_drop(c->r, &next[i]);
        next[i] = fresh;
    }
}

static int
own_axis(const tn_ref_call *c, int rank)
{
    int64_t axis = tn_op_int(c->op, TN_ATTR_scan_axis);

    return (int)(axis < 0 ? axis + rank : axis);
}

static tn_status
rounds_of(const tn_ref_call *c, int carries, int64_t *out)
{
    if (c->op->in_count > carries) {
        const tn_ref_value *x = tn_ref_in(c, carries);

        *out = x->dim[own_axis(c, x->rank)];
        return TN_OK;
    }
    return tn_ref_attr_size(c, TN_ATTR_scan_count, out);
}

/* Slice `at` of operand `index` becomes its parameter. */
static tn_status
set_slice(tn_ref_call *c, int index, int64_t at)
{
    const tn_ref_value *x = tn_ref_in(c, index);
    tn_ref_value *p = slot(c, c->op->body[0]->params.at[index]);
    int axis = own_axis(c, x->rank);
    tn_ref_axes a = tn_ref_along(x, axis);

    *p = *x;
    p->block = NULL;
    p->rank--;
    for (int i = axis; i < p->rank; i++)
        p->dim[i] = x->dim[i + 1];
    TN_TRY(tn_ref_make(c->r, p));
    for (int64_t o = 0; o < a.outer; o++)
        memcpy(p->f + o * a.inner, x->f + (o * a.size + at) * a.inner,
            (size_t)a.inner * sizeof *x->f);
    return TN_OK;
}

static tn_status
set_round(tn_ref_call *c, int carries, const tn_ref_value *carried, int64_t at)
{
    const tn_block *b = c->op->body[0];
    tn_ref_value *index = slot(c, b->params.at[c->op->in_count]);

    for (int i = 0; i < carries; i++)
        hand(slot(c, b->params.at[i]), &carried[i]);
    for (int i = carries; i < c->op->in_count; i++)
        TN_TRY(set_slice(c, i, at));
    *index = (tn_ref_value){.dtype = TN_I32};
    TN_TRY(tn_ref_make(c->r, index));
    index->i[0] = at;
    return TN_OK;
}

static void
collect(tn_ref_call *c, int carries, int64_t at)
{
    const tn_block *b = c->op->body[0];

    for (int i = carries; i < c->op->out_count; i++) {
        const tn_ref_value *v = slot(c, b->results.at[i]);
        tn_ref_axes a = tn_ref_along(&c->out[i], own_axis(c, c->out[i].rank));

        for (int64_t o = 0; o < a.outer; o++)
            memcpy(c->out[i].f + (o * a.size + at) * a.inner, v->f + o * a.inner,
                (size_t)a.inner * sizeof *v->f);
    }
}

static tn_status
loop(tn_ref_call *c, int carries, int64_t rounds)
{
    const tn_block *b = c->op->body[0];
    bool reverse = tn_op_int(c->op, TN_ATTR_scan_reverse);

    for (int64_t k = 0; k < rounds; k++) {
        int64_t at = reverse ? rounds - 1 - k : k;

        c->r->round = k;
        TN_TRY(set_round(c, carries, c->out, at));
        TN_TRY(tn_ref_run_block(c->r, b));
        collect(c, carries, at);
        take_results(c, b, carries, c->out);
        tn_ref_end_block(c->r, b);
    }
    return TN_OK;
}

tn_status
tn_oracle_scan(tn_ref_call *c)
{
    int carries = (int)tn_op_int(c->op, TN_ATTR_scan_carries);
    int64_t outer = c->r->round;
    int64_t rounds;

    TN_TRY(rounds_of(c, carries, &rounds));
    for (int i = 0; i < carries; i++)
        hand(&c->out[i], tn_ref_in(c, i));
    for (int i = carries; i < c->op->out_count; i++)
        TN_TRY(tn_ref_make(c->r, &c->out[i]));
    TN_TRY(loop(c, carries, rounds));
    c->r->round = outer;
    return TN_OK;
}

static tn_status
run_while_body(tn_ref_call *c, int which, tn_ref_value *results, int count)
{
    const tn_block *b = c->op->body[which];

    for (int i = 0; i < c->op->in_count; i++)
        hand(slot(c, b->params.at[i]), &c->out[i]);
    TN_TRY(tn_ref_run_block(c->r, b));
    take_results(c, b, count, results);
    tn_ref_end_block(c->r, b);
    return TN_OK;
}

tn_status
tn_oracle_while(tn_ref_call *c)
{
    int64_t outer = c->r->round;
    int64_t limit;

    TN_TRY(tn_ref_attr_size(c, TN_ATTR_while_limit, &limit));
    for (int i = 0; i < c->op->in_count; i++)
        hand(&c->out[i], tn_ref_in(c, i));
    for (int64_t k = 0; k < limit; k++) {
        tn_ref_value holds = {.block = NULL};
        bool go_on;

        c->r->round = k;
        TN_TRY(run_while_body(c, 0, &holds, 1));
        go_on = holds.i[0] != 0;
        tn_ref_drop(c->r, &holds);
        if (!go_on)
            break;
        TN_TRY(run_while_body(c, 1, c->out, c->op->in_count));
    }
    c->r->round = outer;
    return TN_OK;
}

tn_status
tn_oracle_if(tn_ref_call *c)
{
    const tn_block *b = c->op->body[tn_ref_in(c, 0)->i[0] ? 0 : 1];

    TN_TRY(tn_ref_run_block(c->r, b));
    for (int i = 0; i < c->op->out_count; i++)
        hand(&c->out[i], slot(c, b->results.at[i]));
    tn_ref_end_block(c->r, b);
    return TN_OK;
}
