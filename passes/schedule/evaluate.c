/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* What a tile value is at one point. Integers of 32 bits that are made of
 * positions and sizes alone are held as scalars of the index type; what comes
 * from memory keeps its own type and wraps as it should. */

/* ---- points ---- */

tn_point *
tn_point_new(tn_sched *s, tn_point *parent)
{
    tn_point *p = tn_new(s->arena, tn_point);

    p->parent[0] = parent;
    return p;
}

void
tn_point_bind(tn_sched *s, tn_point *p, const tn_axis *a, tn_pos pos)
{
    tn_push(s->arena, &p->bound, ((tn_bound){a, pos}));
}

void
tn_point_bind_one(tn_sched *s, tn_point *p, const tn_axis *a, tn_ins *at)
{
    tn_point_bind(s, p, a, (tn_pos){.base = at, .padded = at, .lanes = 1});
}

const tn_pos *
tn_point_pos(const tn_point *p, const tn_axis *a)
{
    for (uint32_t i = p->bound.count; i-- > 0;)
        if (p->bound.at[i].axis == a)
            return &p->bound.at[i].pos;
    for (int i = 0; i < 2; i++) {
        const tn_pos *pos = p->parent[i] ? tn_point_pos(p->parent[i], a) : NULL;

        if (pos)
            return pos;
    }
    return NULL;
}

tn_axset
tn_bound_axes(const tn_sched *s, const tn_point *p)
{
    tn_axset set = 0;

    for (uint32_t i = 0; i < s->tile->axes.count; i++)
        if (tn_point_pos(p, s->tile->axes.at[i]))
            set |= tn_bit(s->tile->axes.at[i]);
    return set;
}

tn_ins *
tn_point_find(const tn_point *p, uint32_t key)
{
    for (uint32_t i = 0; i < p->memo.count; i++)
        if (p->memo.at[i].key == key)
            return p->memo.at[i].value;
    for (int i = 0; i < 2 && !p->fresh; i++) {
        tn_ins *v = p->parent[i] ? tn_point_find(p->parent[i], key) : NULL;

        if (v)
            return v;
    }
    return NULL;
}

void
tn_point_put(tn_sched *s, tn_point *p, uint32_t key, tn_ins *value)
{
    for (uint32_t i = 0; i < p->memo.count; i++)
        if (p->memo.at[i].key == key) {
            p->memo.at[i].value = value;
            return;
        }
    tn_push(s->arena, &p->memo, ((tn_memo){key, value}));
}

/* ---- types ---- */

tn_ins *
tn_convert(tn_sched *s, tn_ins *v, tn_dtype to)
{
    return v->type.dtype == to ? v : tn_kb_cast(s->b, to, v);
}

tn_ins *
tn_wide(tn_sched *s, tn_ins *v, int lanes)
{
    return v->type.lanes == lanes ? v : tn_kb_splat(s->b, v, lanes);
}

tn_ins *
tn_to_index(tn_sched *s, tn_ins *v)
{
    return tn_convert(s, v, s->it);
}

static bool
is_half(tn_dtype t)
{
    return t == TN_F16 || t == TN_BF16;
}

/* Operands from `first` on, of tile type `t`, brought to one lane type. */
static void
unify(tn_sched *s, tn_ins **a, int first, int count, tn_dtype t, bool compute)
{
    bool index = t == TN_I32;

    for (int i = first; i < count; i++)
        index &= a[i]->type.lanes == 1 && a[i]->type.dtype == s->it;
    if (index)
        return;
    if (compute && is_half(t))
        t = TN_F32;
    for (int i = first; i < count; i++)
        a[i] = tn_convert(s, a[i], t);
}

/* ---- values ---- */

static tn_ins *
constant(tn_sched *s, const tn_tval *v)
{
    if (is_half(v->dtype))
        return tn_kb_cast(s->b, v->dtype, tn_kb_real(s->b, TN_F32, v->real));
    if (tn_is_float(v->dtype))
        return tn_kb_real(s->b, v->dtype, v->real);
    if (v->dtype == TN_I32)
        return tn_int(s, v->whole);
    return tn_kb_whole(s->b, v->dtype, v->whole);
}

static tn_ins *
size_of(tn_sched *s, const tn_tval *v)
{
    const tn_tsize *z = &s->tile->sizes.at[v->whole];

    if (z->known)
        return tn_int(s, z->value);
    return tn_kb_size(s->b, z->name, z->low, z->high);
}

static tn_ins *
position(tn_sched *s, const tn_axis *a, const tn_point *p)
{
    const tn_pos *pos = tn_point_pos(p, a);
    tn_ins *base;
    tn_ins *lanes;

    if (!pos) {
        tn_sched_fail(s, TN_BUG, "axis %s is not bound", a->name);
        return tn_int(s, 0);
    }
    if (pos->lanes == 1)
        return pos->base;
    base = tn_wide(s, tn_convert(s, pos->base, TN_I32), pos->lanes);
    lanes = tn_kb_lanes(s->b, pos->lanes);
    return tn_add(s, base, lanes);
}

static tn_ins *
call(tn_sched *s, tn_fn fn, tn_ins **a, int count)
{
    if (count == 1)
        return tn_kb_fn1(s->b, fn, a[0]);
    return count == 2 ? tn_kb_fn2(s->b, fn, a[0], a[1]) : tn_kb_fn3(s->b, fn, a[0], a[1], a[2]);
}

static tn_ins *
cast(tn_sched *s, const tn_tval *v, tn_ins *a)
{
    tn_dtype from = v->arg[0]->dtype;

    if (from == TN_I32 && tn_is_int(v->dtype) && v->dtype != TN_I64)
        a = tn_convert(s, a, TN_I32);
    if (is_half(from) && !tn_is_float(v->dtype))
        a = tn_convert(s, a, TN_F32);
    return tn_convert(s, a, v->dtype);
}

/* Lanes outside a mask hold anything: they must not divide by 0. */
static tn_ins *
divisor(tn_sched *s, const tn_tval *v, tn_ins *by, tn_point *p)
{
    const tn_pos *lanes = tn_lanes_of(s, p, tn_val(s, v)->deps);

    if (by->type.lanes == 1 || !lanes || !lanes->mask)
        return by;
    return tn_kb_fn3(s->b, TN_FN_select, lanes->mask, by,
        tn_wide(s, tn_kb_whole(s->b, by->type.dtype, 1), by->type.lanes));
}

static tn_ins *
function(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_ins *a[3] = {NULL, NULL, NULL};
    int first = v->fn == TN_FN_select ? 1 : 0;
    tn_dtype t = v->arg[first]->dtype;
    tn_ins *r;

    for (int i = 0; i < v->arg_count && i < 3; i++)
        a[i] = tn_eval(s, v->arg[i], p);
    if (v->fn == TN_FN_cast)
        return cast(s, v, a[0]);
    if (v->fn == TN_FN_bits)
        return tn_kb_bits(s->b, v->dtype, tn_convert(s, a[0], t));
    unify(s, a, first, v->arg_count, t, v->fn != TN_FN_select);
    if (tn_is_int(t) && (v->fn == TN_FN_div || v->fn == TN_FN_rem || v->fn == TN_FN_mod))
        a[1] = divisor(s, v, a[1], p);
    r = call(s, v->fn, a, v->arg_count);
    return is_half(v->dtype) ? tn_convert(s, r, v->dtype) : r;
}

static tn_ins *
renamed(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_point *q = tn_point_new(s, p);
    const tn_pos *pos = tn_point_pos(p, v->to);

    if (!pos) {
        tn_sched_fail(s, TN_BUG, "axis %s is not bound", v->to->name);
        return tn_int(s, 0);
    }
    q->fresh = true;
    tn_point_bind(s, q, v->axis, *pos);
    return tn_eval(s, v->arg[0], q);
}

static tn_ins *
stored(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_tval *maker = v->op == TN_T_result && !v->loop ? v->arg[0] : tn_carry_of(v);
    int number = tn_result_number(v);
    tn_ins *r = maker != v && !v->loop ? tn_point_find(p, tn_key(maker, number)) : NULL;
    const tn_kept *k = tn_val(s, maker)->store[number];

    if (r)
        return r;
    return k ? tn_kept_load(s, k, p) : NULL;
}

tn_ins *
tn_eval_new(tn_sched *s, tn_tval *v, tn_point *p)
{
    switch (v->op) {
    case TN_T_const: return constant(s, v);
    case TN_T_size: return size_of(s, v);
    case TN_T_index: return position(s, v->axis, p);
    case TN_T_first: return tn_low(s, v->axis);
    case TN_T_last: {
        tn_ins *low = tn_low(s, v->axis), *end = tn_add(s, low, tn_length(s, v->axis));

        return tn_subi(s, end, 1);
    }
    case TN_T_fn: return function(s, v, p);
    case TN_T_load: return tn_eval_load(s, v, p);
    case TN_T_rename: return renamed(s, v, p);
    default:
        tn_sched_fail(s, TN_BUG, "value %u (%s) is not at hand where it is used", v->id,
            tn_top_name(v->op));
        return tn_convert(s, tn_int(s, 0), v->dtype);
    }
}

tn_ins *
tn_eval(tn_sched *s, tn_tval *v, tn_point *p)
{
    const tn_vstate *q = tn_val(s, v);
    tn_ins *r = tn_point_find(p, tn_key(v, 0));

    if (r)
        return r;
    r = stored(s, v, p);
    if (!r && q->kept && q->forward && q->forward_ready)
        r = tn_eval(s, q->forward, p);
    if (!r)
        r = tn_eval_new(s, v, p);
    tn_point_put(s, p, tn_key(v, 0), r);
    return r;
}

tn_ins *
tn_eval_index(tn_sched *s, tn_tval *v, tn_point *p)
{
    return tn_to_index(s, tn_eval(s, v, p));
}

tn_ins *
tn_scalar(tn_sched *s, tn_tval *size)
{
    return tn_eval_index(s, size, s->root);
}

/* ---- hoisting ---- */

static bool
made_by(const tn_nest *n, const tn_tval *v)
{
    if (!n)
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++)
        if (n->reds.at[i] == v)
            return true;
    for (uint32_t i = 0; i < n->inner.count; i++)
        if (n->inner.at[i]->kind == TN_OUT_KEEP && n->inner.at[i]->node == v)
            return true;
    for (uint32_t i = 0; i < n->tail.count; i++)
        if (n->tail.at[i]->kind == TN_OUT_KEEP && n->tail.at[i]->node == v)
            return true;
    return false;
}

/* Something below it is not there yet. */
static bool
blocked(tn_sched *s, tn_tval *v, const tn_nest *own)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_STORED, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (made_by(own, stem.at[i]) ||
            (tn_is_anchor(stem.at[i]) && !tn_val(s, stem.at[i])->store[0]))
            return true;
    return false;
}

static bool
worth(const tn_tval *v)
{
    return v->op == TN_T_load || v->op == TN_T_fn || v->op == TN_T_rename || v->op == TN_T_carry ||
        v->op == TN_T_result;
}

static void
hoist(tn_sched *s, tn_tval *v, tn_point *p, tn_axset inner, const tn_nest *own, uint8_t *seen)
{
    const tn_vstate *q = tn_val(s, v);

    if (seen[v->id] || made_by(own, v))
        return;
    seen[v->id] = 1;
    if (!(q->deps & inner) && (worth(v) || q->store[0]) && !blocked(s, v, own)) {
        (void)tn_eval(s, v, p);
        return;
    }
    if (q->store[0] || v->op == TN_T_rename || tn_is_anchor(v))
        return;
    for (int i = 0; i < v->arg_count; i++)
        hoist(s, v->arg[i], p, inner, own, seen);
}

void
tn_hoist(tn_sched *s, const tn_vals *roots, tn_point *p, tn_axset inner, const tn_nest *own)
{
    uint8_t *seen = tn_new_array(s->arena, uint8_t, s->val_count);

    for (uint32_t i = 0; i < roots->count; i++)
        hoist(s, roots->at[i], p, inner, own, seen);
}

/* ---- ranges ---- */

tn_ins *
tn_low(tn_sched *s, const tn_axis *a)
{
    const tn_axstate *x = &s->axis[a->index];

    return x->low ? x->low : tn_scalar(s, a->low);
}

tn_ins *
tn_length(tn_sched *s, const tn_axis *a)
{
    const tn_axstate *x = &s->axis[a->index];
    tn_ins *high;
    tn_ins *low;

    if (x->length)
        return x->length;
    high = tn_scalar(s, a->high);
    low = tn_scalar(s, a->low);
    return tn_sub(s, high, low);
}

tn_ins *
tn_longest(tn_sched *s, const tn_axis *a)
{
    const tn_axstate *x = &s->axis[a->index];

    return x->longest ? x->longest : tn_length(s, a);
}

bool
tn_length_known(tn_sched *s, const tn_axis *a, int64_t *value)
{
    return tn_kb_is_int(tn_length(s, a), value);
}

tn_ins *
tn_ceil_div(tn_sched *s, tn_ins *v, int64_t by)
{
    if (by == 1)
        return v;
    v = tn_addi(s, v, by - 1);
    return tn_divi(s, v, by);
}

tn_ins *
tn_round_up(tn_sched *s, tn_ins *v, int64_t by)
{
    if (by == 1)
        return v;
    return tn_muli(s, tn_ceil_div(s, v, by), by);
}
