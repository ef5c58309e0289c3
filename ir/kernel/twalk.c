/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/twalk.h"

#include <stdlib.h>

tn_tset
tn_tset_create(tn_arena *arena, const tn_tile *t)
{
    return (tn_tset){
        .arena = arena,
        .at = tn_new_array(arena, tn_tval *, t->value_count),
        .mark = tn_new_array(arena, uint32_t, t->value_count),
        .round = 1,
    };
}

void
tn_tset_clear(tn_tset *s)
{
    s->count = 0;
    s->round++;
}

static void
add_one(tn_tset *s, tn_tval *v, bool (*stop)(void *, const tn_tval *), void *arg)
{
    if (!v || s->mark[v->id] == s->round)
        return;
    if (stop && stop(arg, v))
        return;
    s->mark[v->id] = s->round;
    s->at[s->count++] = v;
}

void
tn_tset_add(tn_tset *s, tn_tval *v, bool (*stop)(void *arg, const tn_tval *v), void *arg)
{
    uint32_t next = s->count;

    add_one(s, v, stop, arg);
    for (; next < s->count; next++) {
        const tn_tval *of = s->at[next];

        for (int i = 0; i < of->arg_count; i++)
            add_one(s, of->arg[i], stop, arg);
        add_one(s, of->guard, stop, arg);
    }
}

static int
by_id(const void *a, const void *b)
{
    uint32_t x = (*(tn_tval *const *)a)->id, y = (*(tn_tval *const *)b)->id;

    return (x > y) - (x < y);
}

void
tn_tset_sort(tn_tset *s)
{
    qsort(s->at, s->count, sizeof *s->at, by_id);
}

static void
body_roots(const tn_tbody *body, void (*see)(void *, tn_tval *), void *arg)
{
    for (uint32_t i = 0; body && i < body->stmts.count; i++)
        tn_tstmt_roots(body->stmts.at[i], true, see, arg);
}

static void
see_some(tn_tval *v, void (*see)(void *, tn_tval *), void *arg)
{
    if (v)
        see(arg, v);
}

void
tn_tstmt_roots(const tn_tstmt *s, bool deep, void (*see)(void *arg, tn_tval *v), void *arg)
{
    for (int i = 0; i < s->index_count; i++)
        see(arg, s->index[i]);
    see_some(s->value, see, arg);
    see_some(s->condition, see, arg);
    see_some(s->position, see, arg);
    for (int i = 0; s->op == TN_T_local && i < s->buf->rank; i++)
        see_some(s->buf->dim[i], see, arg);
    if (s->op == TN_T_loop) {
        see_some(s->axis->low, see, arg);
        see_some(s->axis->high, see, arg);
    }
    for (uint32_t i = 0; i < s->carry.count; i++)
        see_some(s->carry.at[i].init, see, arg);
    if (!deep)
        return;
    body_roots(s->body, see, arg);
    body_roots(s->orelse, see, arg);
    body_roots(s->merge_body, see, arg);
    for (uint32_t i = 0; i < s->carry.count; i++) {
        see_some(s->carry.at[i].next, see, arg);
        see_some(s->carry.at[i].merged, see, arg);
    }
}
