/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ir/base/checked.h"
#include "ir/kernel/kb.h"

/* Addresses: sums of products, constants distributed, equal terms merged,
 * added in the order of the depth at which a term is known. So what does not
 * change in an inner loop is added outside it, and what is unrolled comes
 * last, where an addressing mode takes it. */

enum { TERMS = 24, VISITS = 96 };

typedef struct term {
    tn_ins *atom;
    int64_t factor;
    int depth;
} term;

typedef struct sum {
    tn_kb *b;
    term at[TERMS]; /* in the order they were met */
    int count, visits;
    int64_t constant;
    bool failed; /* too many terms, or a factor overflows */
} sum;

static void flatten(sum *s, tn_ins *v, int64_t factor);

static void
add_term(sum *s, tn_ins *atom, int64_t factor)
{
    for (int i = 0; i < s->count; i++) {
        if (s->at[i].atom != atom)
            continue;
        s->failed = s->failed || !tn_add_i64(s->at[i].factor, factor, &s->at[i].factor);
        return;
    }
    if (s->count == TERMS) {
        s->failed = true;
        return;
    }
    s->at[s->count++] = (term){atom, factor, tn_ins_home(atom)->depth};
}

static void
sort(sum *s)
{
    for (int i = 1; i < s->count; i++) {
        term moving = s->at[i];
        int at = i;
        for (; at > 0 && s->at[at - 1].depth > moving.depth; at--)
            s->at[at] = s->at[at - 1];
        s->at[at] = moving;
    }
}

static tn_ins *
term_value(tn_kb *b, const term *t)
{
    tn_ins *factor = tn_kb_whole(b, t->atom->type.dtype, t->factor);
    return tn_kb_mul(b, t->atom, factor);
}

/* Terms from..to-1 of a sorted sum. */
static tn_ins *
partial(const sum *s, int from, int to, int64_t constant, tn_dtype dtype)
{
    tn_ins *all = NULL;
    for (int i = from; i < to; i++) {
        if (!s->at[i].factor)
            continue;
        tn_ins *one = term_value(s->b, &s->at[i]);
        all = all ? tn_kb_add(s->b, all, one) : one;
    }
    tn_ins *plus = tn_kb_whole(s->b, dtype, constant);
    return all ? tn_kb_add(s->b, all, plus) : plus;
}

static bool
is_fn2(const tn_ins *v, tn_fn fn)
{
    return v->op == TN_K_fn && v->fn == fn;
}

/* (p + q) * n where p is known further out than q: p*n + q*n, so that p*n is
 * computed there. One level is one term. */
static void
flatten_product(sum *s, tn_ins *v, int64_t factor)
{
    for (int side = 0; side < 2 && !s->failed; side++) {
        tn_ins *of = v->arg[side], *by = v->arg[1 - side];
        if (!is_fn2(of, TN_FN_add) && !is_fn2(of, TN_FN_sub))
            continue;
        sum inner = {.b = s->b, .visits = s->visits};
        flatten(&inner, of, 1);
        sort(&inner);
        s->visits = inner.visits;
        bool levels = inner.count > 1 && inner.at[0].depth < inner.at[inner.count - 1].depth;
        if (inner.failed || (!levels && !inner.constant))
            continue;
        for (int from = 0, to; from < inner.count; from = to) {
            for (to = from; to < inner.count && inner.at[to].depth == inner.at[from].depth;)
                to++;
            tn_ins *level = partial(&inner, from, to, 0, of->type.dtype);
            flatten(s, tn_kb_mul(s->b, level, by), factor);
        }
        int64_t whole;
        if (!tn_mul_i64(inner.constant, factor, &whole))
            s->failed = true;
        else if (whole)
            flatten(s, by, whole);
        return;
    }
    add_term(s, v, factor);
}

static void
flatten(sum *s, tn_ins *v, int64_t factor)
{
    int64_t whole, product;
    if (s->failed || ++s->visits > VISITS) {
        s->failed = true;
    } else if (tn_kb_is_int(v, &whole)) {
        if (!tn_mul_i64(whole, factor, &product) || !tn_add_i64(s->constant, product, &s->constant))
            s->failed = true;
    } else if (is_fn2(v, TN_FN_add)) {
        flatten(s, v->arg[0], factor);
        flatten(s, v->arg[1], factor);
    } else if (is_fn2(v, TN_FN_sub)) {
        flatten(s, v->arg[0], factor);
        flatten(s, v->arg[1], -factor);
    } else if (is_fn2(v, TN_FN_mul) && tn_kb_is_int(v->arg[1], &whole)) {
        if (tn_mul_i64(whole, factor, &product))
            flatten(s, v->arg[0], product);
        else
            s->failed = true;
    } else if (is_fn2(v, TN_FN_mul)) {
        flatten_product(s, v, factor);
    } else {
        add_term(s, v, factor);
    }
}

tn_ins *
tn_kb_address(tn_kb *b, tn_ins *v)
{
    assert(v->type.lanes == 1 && tn_is_int(v->type.dtype));
    v = tn_kb_cast(b, b->k->index, v);
    sum s = {.b = b};
    flatten(&s, v, 1);
    if (s.failed)
        return v;
    sort(&s);
    return partial(&s, 0, s.count, s.constant, b->k->index);
}
