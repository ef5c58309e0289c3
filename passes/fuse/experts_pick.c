/* SPDX-License-Identifier: Apache-2.0
 * Who is chosen and with what weight: what the factors of a term say. */
#include <string.h>

#include "passes/fuse/experts_in.h"

/* ids[t,k] = e */
typedef struct indicator {
    tn_tval *id, *expert;
} indicator;

typedef struct said {
    indicator is;
    tn_tval *w;
    tn_tval *f[TN_EX_FACTORS]; /* w, if it is a product */
    tn_axis *slots; /* summed inside a factor */
    int indicators, weights;
    tn_tval *each[TN_EX_FACTORS]; /* slots one by one inside a factor: */
    int64_t unrolled;             /* their weights, how many */
} said;

tn_tval *
tn_ex_id(tn_tval *v)
{
    for (v = tn_ex_plain(v); tn_ex_is_fn(v, TN_FN_min) || tn_ex_is_fn(v, TN_FN_max);) {
        if (v->arg[1]->op != TN_T_const)
            return NULL;
        v = tn_ex_plain(v->arg[0]);
    }
    return v->op == TN_T_load && tn_is_int(v->dtype) && v->arg_count > 0 ? v : NULL;
}

static bool
read_indicator(tn_tval *v, indicator *out)
{
    v = tn_ex_plain(v);
    if (!tn_ex_is_fn(v, TN_FN_eq))
        return false;
    for (int i = 0; i < 2; i++) {
        out->id = tn_ex_id(v->arg[i]);
        out->expert = tn_ex_plain(v->arg[1 - i]);
        if (out->id && (out->expert->op == TN_T_index || out->expert->op == TN_T_const))
            return true;
    }
    return false;
}

static bool
join(tn_experts *x, said *s, const indicator *is)
{
    x->near = true;
    if (s->indicators++ == 0) {
        s->is = *is;
        return true;
    }
    if (tn_ex_same(s->is.id->buf == is->id->buf ? is->id : s->is.id, is->id) &&
        s->is.id->buf == is->id->buf && tn_ex_same(s->is.expert, is->expert))
        return true;
    return tn_ex_fail(x, "one choice decides the whole term", "two choices",
        "compare the ids of one top_k with one expert");
}

/* Any of the slots: sum or greatest of indicators, > 0 or not. */
static bool
read_guard(tn_tval *v, indicator *out)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_lt) && tn_ex_is_real(v->arg[0], 0))
        v = tn_ex_plain(v->arg[1]);
    else if (tn_ex_is_fn(v, TN_FN_gt) && tn_ex_is_real(v->arg[1], 0))
        v = tn_ex_plain(v->arg[0]);
    else if (tn_ex_is_fn(v, TN_FN_ne) && tn_ex_is_real(v->arg[1], 0))
        v = tn_ex_plain(v->arg[0]);
    if (v->op != TN_T_reduce || v->red_count != 1)
        return false;
    if (v->fn != TN_FN_add && v->fn != TN_FN_max && v->fn != TN_FN_or)
        return false;
    return read_indicator(v->arg[0], out) &&
        out->id->arg[out->id->arg_count - 1]->op == TN_T_index &&
        out->id->arg[out->id->arg_count - 1]->axis == v->red[0];
}

bool
tn_ex_guard(tn_tval *v, tn_tval **id, tn_tval **expert)
{
    indicator is;

    if (!read_guard(v, &is))
        return false;
    *id = is.id;
    *expert = is.expert;
    return true;
}

/* A product of one indicator and one weight. */
static bool
read_pair(tn_tval *const *f, int count, indicator *is, tn_tval **w)
{
    int found = 0;

    *w = NULL;
    for (int i = 0; i < count; i++) {
        indicator one;

        if (read_indicator(f[i], &one)) {
            *is = one;
            found++;
        } else if (*w) {
            return false;
        } else {
            *w = f[i];
        }
    }
    return found == 1 && *w;
}

/* sum over k of [ids[t,k] = e] * w[t,k] */
static bool
read_dense(tn_tval *v, said *s)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = 0, first = v->op == TN_T_mma ? 1 : 0;

    if ((v->op != TN_T_mma && (v->op != TN_T_reduce || v->fn != TN_FN_add)) || v->red_count != 1 ||
        (v->op == TN_T_mma && !tn_ex_is_real(v->arg[0], 0)))
        return false;
    for (int i = first; i < v->arg_count; i++)
        if (!tn_ex_factors(v->arg[i], f, &count))
            return false;
    if (!read_pair(f, count, &s->is, &s->w))
        return false;
    s->slots = v->red[0];
    return true;
}

/* The same written out: a sum of choices, one for each slot in order. */
static bool
read_written(tn_tval *v, said *s, int64_t *slots)
{
    tn_tval *f[TN_EX_FACTORS];
    indicator is;
    tn_tval *w, *at;
    int64_t slot;
    int count = 0;

    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_add))
        return read_written(v->arg[0], s, slots) && read_written(v->arg[1], s, slots);
    if (v->op == TN_T_const)
        return tn_ex_is_real(v, 0);
    if (!tn_ex_factors(v, f, &count) || !read_pair(f, count, &is, &w))
        return false;
    at = is.id->arg[is.id->arg_count - 1];
    if (!tn_tval_is_int(at, &slot) || slot != *slots || slot == TN_EX_FACTORS)
        return false;
    s->each[slot] = w;
    if (slot == 0) {
        s->is = is;
        s->w = w;
    } else if (is.id->buf != s->is.id->buf || !tn_ex_same(is.expert, s->is.expert)) {
        return false;
    }
    ++*slots;
    return true;
}

/* ids[t,k] = what another tensor says */
static bool
asks_data(tn_tval *v)
{
    tn_tval *other;

    for (int i = 0; tn_ex_is_fn(v, TN_FN_eq) && i < 2; i++) {
        other = tn_ex_plain(v->arg[1 - i]);
        if (tn_ex_id(v->arg[i]) && (tn_ex_id(other) || tn_ex_is_fn(other, TN_FN_select)))
            return true;
    }
    return false;
}

static bool
read_factor(tn_experts *x, tn_tval *v, said *s)
{
    said dense = {.indicators = 0};
    int64_t slots = 0;
    indicator is;

    v = tn_ex_plain(v);
    if (read_indicator(v, &is) || read_guard(v, &is))
        return join(x, s, &is);
    if (read_dense(v, &dense) || (tn_ex_is_fn(v, TN_FN_add) && read_written(v, &dense, &slots))) {
        s->slots = dense.slots;
        s->unrolled = slots;
        memcpy(s->each, dense.each, sizeof s->each);
        s->w = dense.w;
        s->weights++;
        return join(x, s, &dense.is);
    }
    if (!tn_is_float(v->dtype))
        return tn_ex_fail(x, "a token is an expert's if one of its ids is that expert",
            "another condition (a capacity, a mask)", "drop no tokens");
    s->w = v;
    s->f[s->weights++] = v;
    return true;
}

/* ---- values of the graph ---- */

static bool
same_tokens(const tn_experts *x, const tn_value *v)
{
    if (v->type.rank != x->lead + 1)
        return false;
    for (int i = 0; i < x->lead; i++)
        if (!tn_size_equal(v->type.dim[i], x->y->type.dim[i]))
            return false;
    return true;
}

tn_value *
tn_ex_value(tn_experts *x, tn_tval *el, tn_size extent, tn_tval *last, bool integer)
{
    for (uint32_t i = 0; i < x->cone.count; i++) {
        tn_value *v = x->cone.at[i];
        tn_tval *own;

        if (!same_tokens(x, v) || !tn_size_equal(v->type.dim[x->lead], extent) ||
            tn_is_int(v->type.dtype) != integer || v->type.dtype == TN_BOOL)
            continue;
        x->at[x->lead] = last;
        own = tn_ex_plain(tn_lo_el(x->k, v, x->at));
        if (tn_ex_same(integer ? tn_ex_id(own) ? tn_ex_id(own) : own : own, tn_ex_plain(el)))
            return v;
    }
    return NULL;
}

/* All of `a` among `b`, each once. */
static bool
same_factors(tn_tval *const *a, int count, tn_tval **b, int others)
{
    if (count != others)
        return false;
    for (int i = 0; i < count; i++) {
        int n = 0;

        while (n < others && !tn_ex_same(tn_ex_plain(a[i]), tn_ex_plain(b[n])))
            n++;
        if (n == others)
            return false;
        b[n] = b[--others];
    }
    return true;
}

/* The weights of all slots that were written out. */
static bool
has_each(tn_experts *x, const said *s, tn_value *w)
{
    int64_t slots;

    if (!tn_size_is_int(w->type.dim[x->lead], &slots) || slots != s->unrolled)
        return false;
    for (int64_t i = 0; i < slots; i++) {
        x->at[x->lead] = tn_tb_int(x->k->b, i);
        if (!tn_ex_same(tn_ex_plain(tn_lo_el(x->k, w, x->at)), tn_ex_plain(s->each[i])))
            return false;
    }
    return true;
}

/* A value that is the product, on all slots of its tokens. */
static tn_value *
product_of(tn_experts *x, const said *s, tn_size extent, tn_tval *last)
{
    for (uint32_t i = 0; i < x->cone.count; i++) {
        tn_value *v = x->cone.at[i];
        tn_tval *f[TN_EX_FACTORS];
        int count = 0;

        if (!same_tokens(x, v) || !tn_size_equal(v->type.dim[x->lead], extent) ||
            !tn_is_float(v->type.dtype))
            continue;
        x->at[x->lead] = last;
        if (tn_ex_factors(tn_lo_el(x->k, v, x->at), f, &count) &&
            same_factors(s->f, s->weights, f, count))
            return v;
    }
    return NULL;
}

/* ---- the whole ---- */

static tn_size
slots_of(const tn_experts *x, const tn_tval *id)
{
    for (uint32_t i = 0; i < x->k->buffers.count; i++) {
        const tn_lo_buffer *b = &x->k->buffers.at[i];

        if (b->buf == id->buf)
            return b->dim[b->rank - 1];
    }
    return NULL;
}

static bool
has_sum(const tn_ex_term *t, const tn_axis *axis)
{
    for (int i = 0; i < t->sums; i++)
        if (t->sum[i] == axis)
            return true;
    return false;
}

/* Which expert: number, all along an axis, or as ids say. */
static bool
read_expert(tn_experts *x, tn_ex_term *t, said *s)
{
    tn_tval *number = t->number ? tn_ex_plain(t->number) : NULL;
    indicator as = {.id = number ? tn_ex_id(number) : NULL};

    if (as.id) {
        t->expert = -2;
        if (s->indicators)
            return tn_ex_fail(x, "weights gathered by expert need no mask", "a mask",
                "drop no tokens");
        s->is = as;
        s->indicators = 1;
        return true;
    }
    if (!s->indicators)
        return tn_ex_fail(x, "an expert's factor is 0 unless it is among the ids",
            "no comparison with ids (a dense mixture)",
            "weigh by w where the ids of top_k are the expert");
    if (number && !tn_ex_same(number, s->is.expert))
        return tn_ex_fail(x, "the expert computed is the expert compared with ids", "another one",
            "index weights and masks by the same expert");
    t->expert = -1;
    if (s->is.expert->op == TN_T_const)
        t->expert = s->is.expert->whole;
    else if (!has_sum(t, s->is.expert->axis))
        return tn_ex_fail(x, "the sum goes over all experts", "one expert a position",
            "sum over the axis of experts");
    return true;
}

/* Rows past the count are there for none. */
static bool
skips_rows(tn_experts *x)
{
    if (!x->k->past)
        return true;
    x->near = true;
    return tn_ex_fail(x, "rows that nonzero left empty are skipped",
        "a gather or scatter that fails there", "say outside=skip");
}

static const tn_value *
source(const tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT && (v->def->code == TN_OP_cast || tn_op_is_free_view(v->def)))
        v = v->def->in[0];
    return v;
}

/* More elements than the limit fail the run. Each token has each expert of a
 * top_k once. */
static bool
has_room(tn_experts *x, const tn_op *nonzero, const tn_value *ids)
{
    tn_sizes *s = x->g->sizes;
    tn_size all = tn_size_int(s, 1), tokens = all, limit = nonzero->out[0]->type.dim[0];

    for (int i = 0; i < nonzero->in[0]->type.rank; i++)
        all = tn_size_mul(s, all, nonzero->in[0]->type.dim[i]);
    for (int i = 0; i < x->lead; i++)
        tokens = tn_size_mul(s, tokens, x->y->type.dim[i]);
    ids = ids ? source(ids) : NULL;
    if (tn_size_proves_le(s, all, limit) ||
        (ids && ids->kind == TN_VALUE_RESULT && ids->def->code == TN_OP_top_k &&
            tn_size_proves_le(s, tokens, limit)))
        return true;
    return tn_ex_fail(x, "nonzero has room for all that an expert may be given",
        "a limit that a run may exceed", "leave the limit out, or make it the number of tokens");
}

static bool
rows_fit(tn_experts *x, const tn_ex_term *t)
{
    for (uint32_t i = 0; i < x->k->counted.count; i++)
        if (!has_room(x, x->k->counted.at[i], t->dense && t->choices ? t->chosen[0] : t->ids))
            return false;
    return true;
}

static bool
is_numbered(tn_experts *x, const tn_ex_term *t)
{
    for (int i = 0; i < t->factors; i++)
        if (asks_data(tn_ex_plain(t->factor[i]))) {
            x->near = true;
            return tn_ex_fail(x, "which expert it is, is a number or an axis",
                "a number from data (a list of the experts that were hit)",
                "loop over all experts");
        }
    return true;
}

/* w[t,k] where ids[t,k] is the expert. */
static bool
read_slots(tn_experts *x, tn_ex_term *t)
{
    said s = {.indicators = 0};
    tn_tval *slot;
    tn_size slots;
    int64_t count;

    for (int i = 0; i < t->factors; i++)
        if (!read_factor(x, t->factor[i], &s))
            return false;
    t->plain = !s.indicators && !t->number && !t->sums;
    if (t->plain || !read_expert(x, t, &s))
        return false;
    if (s.weights == 0 || (s.weights > 1 && s.slots))
        return tn_ex_fail(x, "each chosen expert has one weight",
            s.weights ? "a product of several" : "none", "multiply the weights once, before");
    slot = s.is.id->arg[s.is.id->arg_count - 1];
    t->slot = -1;
    if (slot->op != TN_T_index && !tn_tval_is_int(slot, &t->slot))
        return tn_ex_fail(x, "ids are [tokens,slots]", "another order",
            "put the slots last in ids and weights");
    if (s.unrolled)
        t->slot = -1;
    count = (t->expert == -1) + (slot->op == TN_T_index && !s.slots);
    if (t->sums != count || (slot->op == TN_T_index && !s.slots && !has_sum(t, slot->axis)))
        return tn_ex_fail(x, "the sum goes over experts or slots and nothing else",
            "another sum, or none", "sum over the axis of experts or of slots");
    slots = slots_of(x, s.is.id);
    t->ids = tn_ex_value(x, s.is.id, slots, slot, true);
    if (t->ids && s.weights == 1)
        t->w = tn_ex_value(x, s.w, slots, slot, false);
    else if (t->ids)
        t->w = product_of(x, &s, slots, slot);
    if (t->w && s.unrolled && !has_each(x, &s, t->w))
        t->w = NULL;
    if (t->ids && !t->w && s.weights > 1)
        return tn_ex_fail(x, "each chosen expert has one weight", "a product of several",
            "multiply the weights once, before");
    if (!t->w)
        return tn_ex_fail(x, "ids and weights are tensors [tokens,slots]", "another shape",
            "give ids and weights the same axes");
    return true;
}

static bool
is_source(const tn_experts *x, const tn_tval *id, const tn_value *ids)
{
    const tn_value *v = tn_ex_loaded(x, id->buf);

    return v && ids && source(v) == source(ids);
}

/* An expert that makes something of 0 sees a token where it is weighed: the
 * mask is that of the choice, or that of the weight. */
static bool
mask_is_weight(tn_experts *x, const tn_ex_term *t)
{
    tn_tval *id, *expert, *v = t->mask ? tn_ex_plain(t->mask) : NULL;

    if (!v)
        return true;
    if (tn_ex_guard(v, &id, &expert) &&
        (is_source(x, id, t->ids) || (t->choices == 1 && is_source(x, id, t->chosen[0]))))
        return true;
    for (int i = 0; tn_ex_is_fn(v, TN_FN_ne) && i < t->factors; i++)
        if (tn_ex_is_real(v->arg[1], 0) &&
            tn_ex_same(tn_ex_plain(v->arg[0]), tn_ex_plain(t->factor[i])))
            return true;
    return tn_ex_fail(x, "experts see the tokens they are weighed for", "another mask",
        "mask tokens by the choice");
}

static bool
pick(tn_experts *x, tn_ex_term *t)
{
    const char *predicate, *found, *advice;
    bool plain;

    if (!skips_rows(x) || !is_numbered(x, t))
        return false;
    if (read_slots(x, t))
        return rows_fit(x, t);
    plain = t->plain;
    predicate = x->predicate;
    found = x->found;
    advice = x->advice;
    x->predicate = NULL;
    if (!tn_ex_weigh(x, t)) {
        t->plain = plain;
        if (!x->predicate || predicate)
            x->predicate = predicate;
        x->found = found;
        x->advice = advice;
        return false;
    }
    x->predicate = NULL;
    x->near = true;
    return rows_fit(x, t);
}

bool
tn_ex_pick(tn_experts *x, tn_ex_term *t)
{
    return pick(x, t) && mask_is_weight(x, t);
}
