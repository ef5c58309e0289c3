/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Loops over axes with vectors along one of them, and what runs inside. */

typedef struct loops_rest {
    tn_axis *axes[TN_MAX_AXES];
    uint32_t count;
    const tn_axis *lane;
    bool downward;
    tn_emit emit;
    void *context;
} loops_rest;

/* ---- the lane axis ---- */

static void
chunk(tn_sched *s, const tn_axis *a, tn_ins *base, tn_ins *mask, int lanes, tn_point *p,
    tn_emit emit, void *context)
{
    tn_point *q = tn_point_new(s, p);

    tn_point_bind(s, q, a, (tn_pos){base, base, mask, lanes});
    emit(s, q, context);
}

/* What is left behind the whole vectors: under a mask where the target has
 * masked instructions, else one by one. */
static void
last_chunk(tn_sched *s, const tn_axis *a, tn_ins *from, tn_ins *count, bool known, tn_point *p,
    tn_emit emit, void *context)
{
    if (!s->target->masked) {
        TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), count, 1, a->name)
            chunk(s, a, tn_add(s, from, i), NULL, 1, p, emit, context);
        return;
    }
    if (!known) {
        tn_ins *some = tn_kb_fn2(s->b, TN_FN_lt, tn_int(s, 0), count);

        tn_kb_if(s->b, some);
    }
    chunk(s, a, from, tn_kb_below(s->b, count, s->lanes), s->lanes, p, emit, context);
    if (!known)
        tn_kb_close(s->b);
}

void
tn_chunks_whole(tn_sched *s, const tn_axis *a, tn_ins *low, tn_ins *length, tn_point *p,
    tn_emit emit, void *context)
{
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), length, s->lanes, a->name)
        chunk(s, a, tn_add(s, low, i), NULL, s->lanes, p, emit, context);
}

void
tn_chunks(tn_sched *s, const tn_axis *a, tn_ins *low, tn_ins *length, tn_point *p, tn_emit emit,
    void *context)
{
    int64_t w = s->lanes, n = -1;
    bool known = tn_kb_is_int(length, &n);
    tn_ins *width = tn_int(s, w), *full, *rest;

    full = tn_mul(s, tn_div(s, length, width), width);
    tn_chunks_whole(s, a, low, full, p, emit, context);
    if (known && n % w == 0)
        return;
    rest = tn_sub(s, length, full);
    last_chunk(s, a, tn_add(s, low, full), rest, known, p, emit, context);
}

/* ---- all axes ---- */

static void
loop_from(tn_sched *s, const loops_rest *r, uint32_t i, tn_point *p)
{
    const tn_axis *a;
    tn_ins *low, *length;
    int64_t n;

    if (i == r->count) {
        r->emit(s, tn_point_new(s, p), r->context);
        return;
    }
    a = r->axes[i];
    low = tn_low(s, a);
    length = tn_length(s, a);
    if (a == r->lane && s->lanes > 1) {
        tn_chunks(s, a, low, length, p, r->emit, r->context);
        return;
    }
    if (tn_kb_is_int(length, &n) && n == 1) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind_one(s, q, a, low);
        loop_from(s, r, i + 1, q);
        return;
    }
    TN_KFOR(s->b, k, TN_LOOP_SERIAL, tn_int(s, 0), length, 1, a->name) {
        tn_point *q = tn_point_new(s, p);
        tn_ins *at = k;

        if (r->downward)
            at = tn_sub(s, tn_subi(s, length, 1), k);
        tn_point_bind_one(s, q, a, tn_add(s, low, at));
        loop_from(s, r, i + 1, q);
    }
}

void
tn_loops(tn_sched *s, tn_axis *const *axes, uint32_t count, const tn_axis *lane, bool downward,
    tn_point *p, tn_emit emit, void *context)
{
    loops_rest r = {.lane = lane, .downward = downward, .emit = emit, .context = context};

    for (uint32_t i = 0; i < count; i++)
        if (axes[i] != lane)
            r.axes[r.count++] = axes[i];
    for (uint32_t i = 0; i < count; i++)
        if (axes[i] == lane)
            r.axes[r.count++] = axes[i];
    loop_from(s, &r, 0, p);
}

/* ---- outs ---- */

typedef struct out_value {
    tn_ins *value, *condition, *position;
    tn_place place;
    tn_axset axes;
} out_value;

static out_value
out_eval(tn_sched *s, const tn_out *o, tn_point *p)
{
    out_value v = {NULL, NULL, NULL, {NULL, NULL, 0, false}, 0};

    if (o->kind == TN_OUT_KEEP) {
        v.value = tn_point_find(p, tn_key(o->node, 0));
        if (!v.value)
            v.value = tn_eval_new(s, o->node, p);
        tn_point_put(s, p, tn_key(o->node, 0), v.value);
        return v;
    }
    v.value = tn_eval(s, o->value, p);
    v.axes = tn_val(s, o->value)->deps;
    if (!o->stmt)
        return v;
    if (o->stmt->condition) {
        v.condition = tn_eval(s, o->stmt->condition, p);
        v.axes |= tn_val(s, o->stmt->condition)->deps;
    }
    if (o->stmt->position) {
        v.position = tn_eval(s, o->stmt->position, p);
        v.axes |= tn_val(s, o->stmt->position)->deps;
    }
    for (int i = 0; i < o->stmt->index_count; i++)
        v.axes |= tn_val(s, o->stmt->index[i])->deps;
    if (o->kind == TN_OUT_STORE)
        v.place = tn_place_of(s, o->stmt->buf, o->stmt->index, p);
    return v;
}

static void
out_check(tn_sched *s, const tn_out *o, const out_value *v, const tn_pos *lanes)
{
    tn_ins *good = v->condition, *outside;

    /* An index that all lanes share may stand at a position of each. */
    if (v->position && v->position->type.lanes > good->type.lanes)
        good = tn_wide(s, good, v->position->type.lanes);
    if (lanes && lanes->mask) {
        outside = tn_kb_fn1(s->b, TN_FN_not, lanes->mask);
        good = tn_kb_fn2(s->b, TN_FN_or, tn_wide(s, good, lanes->lanes), outside);
    }
    tn_kb_check(s->b, tn_kb_site(s->b, s->tile->sites.at[o->stmt->site]), good, v->position,
        v->value);
}

static void
out_put(tn_sched *s, const tn_out *o, const out_value *v, tn_point *p)
{
    const tn_pos *lanes = tn_lanes_of(s, p, v->axes);
    tn_kept *k;

    switch (o->kind) {
    case TN_OUT_STORE:
        tn_store_at(s, tn_mem_of(s, o->stmt->buf), &v->place, v->value, lanes, v->condition);
        break;
    case TN_OUT_CARRY:
        k = tn_val(s, o->node)->store[0];
        if (k)
            tn_kept_store(s, k, v->value, p);
        break;
    case TN_OUT_KEEP:
        k = tn_val(s, o->node)->pending[0];
        if (k)
            tn_kept_store(s, k, v->value, p);
        break;
    case TN_OUT_CHECK: out_check(s, o, v, lanes); break;
    }
}

void
tn_outs(tn_sched *s, tn_out *const *outs, uint32_t count, tn_point *p)
{
    out_value *v = tn_new_array(s->arena, out_value, count);

    /* All values first: an out may replace what another one reads. */
    for (uint32_t i = 0; i < count; i++)
        v[i] = out_eval(s, outs[i], p);
    for (uint32_t i = 0; i < count; i++)
        out_put(s, outs[i], &v[i], p);
}

/* ---- a stream nest ---- */

static void
stream_inner(tn_sched *s, tn_point *p, void *context)
{
    const tn_nest *n = context;

    tn_outs(s, n->inner.at, n->inner.count, p);
}

static void
stream_at(tn_sched *s, tn_point *p, void *context)
{
    tn_nest *n = context;

    if (n->reds.count) {
        tn_reduce(s, n, p);
        return;
    }
    if (n->red.count)
        tn_loops(s, n->red.at, n->red.count, n->lane, false, p, stream_inner, n);
    tn_outs(s, n->tail.at, n->tail.count, p);
}

void
tn_stream(tn_sched *s, tn_nest *n, tn_point *p)
{
    tn_axis *par[TN_MAX_AXES];
    tn_axset inner = n->red_set;
    tn_vals roots = {0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->par.count; i++)
        if (!tn_point_pos(p, n->par.at[i])) {
            par[count++] = n->par.at[i];
            inner |= tn_bit(n->par.at[i]);
        }
    tn_nest_begin(s, n);
    tn_nest_roots(s, n, &roots);
    tn_hoist(s, &roots, p, inner, n);
    tn_loops(s, par, count, n->lane, false, p, stream_at, n);
    tn_nest_done(s, n);
}
