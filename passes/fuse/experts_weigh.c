/* SPDX-License-Identifier: Apache-2.0
 * Weights that are not written as w[t,k] where ids[t,k] is e: a column for
 * each expert, or a product gathered with the experts. The columns are joined
 * and read at the ids that leave them other than 0; if those cannot be told,
 * all experts are slots, and the kernels skip those of weight 0. */
#include <string.h>

#include "passes/clean.h"
#include "passes/fuse/experts_in.h"
#include "passes/range.h"

/* ---- values of the graph ---- */

static bool
same_tokens(const tn_experts *x, const tn_value *v)
{
    if (v->type.rank < x->lead || v->type.rank > x->lead + 1)
        return false;
    for (int i = 0; i < x->lead; i++)
        if (!tn_size_equal(v->type.dim[i], x->y->type.dim[i]))
            return false;
    return true;
}

/* 1 where a condition holds, 0 elsewhere, is as good as the condition. */
static tn_tval *
condition(const tn_experts *x, tn_tval *v)
{
    tn_tval *of;

    for (v = tn_ex_plain(v);;) {
        of = tn_ex_unlike_zero(v);
        if (of && tn_ex_is_flag(x, of))
            v = tn_ex_plain(of);
        else if (tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_real(v->arg[1], 1) &&
            tn_ex_is_zero(v->arg[2]))
            v = tn_ex_plain(v->arg[0]);
        else
            return v;
    }
}

bool
tn_ex_find_part(tn_experts *x, tn_tval *el, tn_tval *last, tn_ex_part *out)
{
    el = condition(x, el);
    for (uint32_t i = 0; i < x->cone.count; i++) {
        tn_value *v = x->cone.at[i];
        bool wide = v->type.rank > x->lead && !tn_size_is_one(v->type.dim[x->lead]);

        if (!same_tokens(x, v) || (wide && !last))
            continue;
        if (wide && last->op == TN_T_index &&
            last->axis->high != tn_lo_size(x->k, v->type.dim[x->lead]))
            continue;
        x->at[x->lead] = wide ? last : tn_tb_int(x->k->b, 0);
        if (!tn_ex_same(condition(x, tn_lo_el(x->k, v, x->at)), el))
            continue;
        *out = (tn_ex_part){v, wide, -1};
        return true;
    }
    return false;
}

/* A value [..,n] of as many tokens, whose axes are others. */
static bool
has_tokens(const tn_experts *x, const tn_value *v)
{
    tn_sizes *s = x->g->sizes;
    tn_size all = tn_size_int(s, 1), tokens = all;

    if (v->type.rank < 2 || same_tokens(x, v) || v->type.dtype == TN_BOOL)
        return false;
    for (int i = 0; i < v->type.rank - 1; i++)
        all = tn_size_mul(s, all, v->type.dim[i]);
    for (int i = 0; i < x->lead; i++)
        tokens = tn_size_mul(s, tokens, x->y->type.dim[i]);
    return tn_size_equal(all, tokens);
}

/* As tn_ex_find_part, of a value whose axes of tokens are joined or parted:
 * reshaped, if it is that. */
static bool
find_reshaped(tn_experts *x, tn_tval *el, tn_tval *last, tn_ex_part *out)
{
    enum { TRIES = 96 };
    tn_build b = tn_build_before(x->y->def);
    uint32_t count = x->cone.count;

    for (uint32_t i = 0; i < count; i++) {
        tn_value *v = x->cone.at[i];
        tn_size to[TN_MAX_RANK];

        if (!has_tokens(x, v))
            continue;
        if (++x->tries > TRIES)
            return false;
        memcpy(to, x->y->type.dim, (size_t)x->lead * sizeof *to);
        to[x->lead] = v->type.dim[v->type.rank - 1];
        v = tn_build_reshape(&b, v, to, x->lead + 1);
        x->groups.inlined[v->def->id] = true;
        tn_push(x->arena, &x->cone, v);
        if (tn_ex_find_part(x, el, last, out) && out->value == v)
            return true;
        x->cone.count--;
        tn_op_remove(v->def);
    }
    return false;
}

/* That the expert is among the ids, which another factor says too. */
static bool
says_again(const tn_ex_choice *c, tn_tval *factor)
{
    tn_tval *id, *expert;

    return c && c->count == 1 && tn_ex_guard(factor, &id, &expert) && id->buf == c->id[0]->buf &&
        tn_ex_same(expert, c->expert);
}

/* A value that is the product of `f[at]` and others; takes them out. */
static bool
find_product(tn_experts *x, tn_tval **f, int *count, int at, tn_tval *last, tn_ex_part *out)
{
    for (uint32_t i = 0; i < x->cone.count; i++) {
        tn_value *v = x->cone.at[i];
        bool wide = v->type.rank > x->lead && !tn_size_is_one(v->type.dim[x->lead]), own = false;
        tn_tval *g[TN_EX_FACTORS], *left[TN_EX_FACTORS];
        int parts = 0, lefts = *count, n = 0;

        if (!same_tokens(x, v) || !tn_is_float(v->type.dtype) || (wide && !last) ||
            (wide && last->op == TN_T_index &&
                last->axis->high != tn_lo_size(x->k, v->type.dim[x->lead])))
            continue;
        x->at[x->lead] = wide ? last : tn_tb_int(x->k->b, 0);
        if (!tn_ex_factors(tn_lo_el(x->k, v, x->at), g, &parts) || parts < 2)
            continue;
        memcpy(left, f, (size_t)lefts * sizeof *f);
        for (; n < parts; n++) {
            int which = 0;

            while (which < lefts && !tn_ex_same(tn_ex_plain(left[which]), tn_ex_plain(g[n])))
                which++;
            if (which == lefts)
                break;
            own |= left[which] == f[at];
            tn_ex_drop(left, &lefts, which);
        }
        if (n < parts || !own)
            continue;
        memcpy(f, left, (size_t)lefts * sizeof *f);
        *count = lefts;
        *out = (tn_ex_part){v, wide, -1};
        return true;
    }
    return false;
}

/* A column of one of few. */
static bool
find_column(tn_experts *x, tn_tval *el, tn_ex_part *out)
{
    enum { MOST = 16 };

    for (int64_t n = 0; n < MOST; n++)
        if (tn_ex_find_part(x, el, tn_tb_int(x->k->b, n), out)) {
            out->column = out->wide ? n : -1;
            return true;
        }
    return false;
}

static bool
is_number(const tn_tval *v)
{
    return v->op == TN_T_const && tn_is_float(v->dtype);
}

static bool
find_parts(tn_experts *x, tn_ex_term *t, tn_tval *last, const tn_ex_choice *c)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = t->factors, at = 0;

    memcpy(f, t->factor, (size_t)count * sizeof *f);
    t->parts = 0;
    t->scale = 1;
    while (at < count) {
        if (is_number(f[at])) {
            at++;
        } else if (tn_ex_find_part(x, f[at], last, &t->part[t->parts])) {
            tn_ex_drop(f, &count, at);
            t->parts++;
        } else if (says_again(c, f[at])) {
            tn_ex_drop(f, &count, at);
            t->guarded = true;
        } else if (find_reshaped(x, f[at], last, &t->part[t->parts])) {
            tn_ex_drop(f, &count, at);
            t->parts++;
        } else if (find_product(x, f, &count, at, last, &t->part[t->parts]) ||
            find_column(x, f[at], &t->part[t->parts])) {
            at = t->part[t->parts++].column < 0 ? 0 : (tn_ex_drop(f, &count, at), at);
        } else {
            return tn_ex_fail(x, "weights are tensors of the tokens", "another shape",
                "give weights the axes of the tokens, then slots or experts");
        }
    }
    for (int i = 0; i < count; i++)
        t->scale *= f[i]->real;
    return t->parts > 0;
}

static tn_value *
loaded(const tn_experts *x, const tn_tval *load)
{
    for (uint32_t i = 0; i < x->k->buffers.count; i++)
        if (x->k->buffers.at[i].buf == load->buf)
            return x->k->buffers.at[i].value;
    return NULL;
}

/* The integers [tokens] or [tokens,slots] that the load is of, and how many
 * slots are meant: up to that of the load. */
static tn_value *
ids_of(tn_experts *x, tn_tval *id, int64_t *most)
{
    tn_tval *last = id->arg[id->arg_count - 1];
    tn_value *v = loaded(x, id);
    tn_ex_part part;
    int64_t slot;

    *most = 0;
    if (last->op == TN_T_index && tn_ex_find_part(x, id, last, &part))
        return tn_is_int(part.value->type.dtype) ? part.value : NULL;
    if (last->op == TN_T_index && find_reshaped(x, id, last, &part))
        return tn_is_int(part.value->type.dtype) ? part.value : NULL;
    if (v && !same_tokens(x, v) && tn_tval_is_int(last, &slot) &&
        tn_ex_find_part(x, id, last, &part) &&
        (part.wide || tn_size_is_one(v->type.dim[v->type.rank - 1]))) {
        *most = part.wide ? slot + 1 : 0;
        return tn_is_int(part.value->type.dtype) ? part.value : NULL;
    }
    if (!v || !same_tokens(x, v) || (v->type.rank > x->lead && !tn_tval_is_int(last, &slot)))
        return NULL;
    if (v->type.rank > x->lead)
        *most = slot + 1;
    x->at[x->lead] = last;
    return tn_ex_same(tn_ex_plain(tn_lo_el(x->k, v, x->at)), id) ? v : NULL;
}

/* ---- one term ---- */

static bool
is_sum(const tn_ex_term *t, const tn_tval *v)
{
    return v && v->op == TN_T_index && t->sums == 1 && t->sum[0] == v->axis;
}

/* Matrices gathered by an id. */
static bool
gathered(tn_experts *x, tn_ex_term *t, tn_tval *id)
{
    tn_tval *last = id->arg[id->arg_count - 1];
    int64_t most;

    t->expert = -2;
    t->slot = -1;
    t->ids = ids_of(x, id, &most);
    if (!t->ids)
        return tn_ex_fail(x, "ids and weights are tensors [tokens,slots]", "another shape",
            "give ids and weights the same axes");
    if (t->ids->type.rank == x->lead || tn_size_is_one(t->ids->type.dim[x->lead]))
        last = NULL;
    if (last && !is_sum(t, last) && !tn_tval_is_int(last, &t->slot))
        return tn_ex_fail(x, "ids are [tokens,slots]", "another order",
            "put the slots last in ids and weights");
    if (t->sums != (last && t->slot < 0))
        return tn_ex_fail(x, "the sum goes over experts or slots and nothing else",
            "another sum, or none", "sum over the axis of experts or of slots");
    if (t->factors == 0)
        return tn_ex_fail(x, "each chosen expert has one weight", "none",
            "multiply the weights once, before");
    return find_parts(x, t, last, NULL);
}

static bool
takes_choice(tn_experts *x, tn_ex_term *t, tn_ex_choice *c)
{
    for (int i = 0; i < c->count; i++) {
        t->chosen[i] = ids_of(x, c->id[i], &t->most[i]);
        if (!t->chosen[i])
            return false;
        t->least[i] = t->most[i] ? c->first[i] : 0;
    }
    t->choices = c->count;
    return true;
}

/* What leaves the factors other than 0. */
static tn_ex_zero
sparsity(tn_experts *x, tn_ex_term *t, tn_ex_choice *best)
{
    tn_ex_zero most = TN_EX_ANYWHERE;
    bool guard = false;

    (void)x;
    for (int i = 0; i < t->factors; i++) {
        tn_ex_choice c = {.expert = best->expert};
        tn_ex_zero is = tn_ex_nonzero_if(&c, t->factor[i]);
        tn_tval *id, *expert;

        /* What only repeats a choice is none to go by, if there is another. */
        if (is > most)
            most = is;
        if (is == TN_EX_CHOSEN && (best->count == 0 || guard || c.count < best->count)) {
            *best = c;
            guard = tn_ex_guard(t->factor[i], &id, &expert);
        }
    }
    return most;
}

/* Which column of a matrix of weights the factors are; NULL. */
static tn_tval *
column_of(tn_experts *x, tn_ex_term *t)
{
    enum { MOST = 64 };

    for (int64_t e = 0; e < MOST; e++) {
        tn_tval *number = tn_tb_int(x->k->b, e);
        bool wide = false;

        for (int i = 0; i < t->factors && !wide; i++) {
            tn_ex_part part;

            wide = tn_ex_find_part(x, t->factor[i], number, &part) && part.wide;
        }
        if (wide)
            return number;
    }
    return NULL;
}

static bool
names_experts(const tn_experts *x, const tn_tval *id, const tn_axis *experts)
{
    const tn_value *ids = loaded(x, id);
    tn_size count = tn_ex_extent(x, experts);

    return ids && count && tn_value_below(ids, count);
}

/* A sum over experts and slots, where an id is the expert: that over slots, of
 * the experts of the ids. */
static tn_tval *
take_id(tn_experts *x, tn_ex_term *t, const tn_tval *number)
{
    for (int i = 0; t->sums == 2 && number && number->op == TN_T_index && i < t->factors; i++)
        for (int n = 0; tn_ex_is_fn(t->factor[i], TN_FN_eq) && n < 2; n++) {
            tn_tval *id = tn_ex_id(t->factor[i]->arg[n]), *e = t->factor[i]->arg[1 - n];
            int own = t->sum[1] == number->axis;

            e = tn_ex_plain(e);
            if (!id || e->op != TN_T_index || e->axis != number->axis ||
                !names_experts(x, id, e->axis) || t->sum[own] != number->axis ||
                !tn_tval_has_axis(id, t->sum[1 - own]))
                continue;
            tn_ex_drop(t->factor, &t->factors, i);
            t->sum[0] = t->sum[1 - own];
            t->sums = 1;
            for (int f = 0; f < t->factors; f++) {
                t->factor[f] = tn_ex_at(x, t->factor[f], number->axis, id);
                if (!t->factor[f])
                    return NULL;
            }
            return id;
        }
    return NULL;
}

/* All experts along an axis, or one by number: a weight for each. */
static bool
dense(tn_experts *x, tn_ex_term *t, tn_tval *number)
{
    tn_ex_choice c = {.expert = number};
    tn_ex_zero is = sparsity(x, t, &c);

    if (is == TN_EX_ANYWHERE)
        return false;
    number = number ? number : c.expert;
    number = number ? number : column_of(x, t);
    if (!number)
        return false;
    if (number->op == TN_T_const)
        number = tn_tb_int(x->k->b, number->whole);
    t->expert = number->op == TN_T_const ? number->whole : -1;
    t->slot = -1;
    t->dense = true;
    if (t->expert < 0 ? !is_sum(t, number) : t->sums != 0)
        return tn_ex_fail(x, "the sum goes over experts or slots and nothing else",
            "another sum, or none", "sum over the axis of experts or of slots");
    if (is == TN_EX_SOMEWHERE || !takes_choice(x, t, &c))
        t->choices = 0;
    return find_parts(x, t, number, t->choices ? &c : NULL);
}

bool
tn_ex_weigh(tn_experts *x, tn_ex_term *t)
{
    tn_tval *number = t->number ? tn_ex_plain(t->number) : NULL;
    tn_tval *id = number ? tn_ex_id(number) : NULL;

    t->ids = t->w = NULL;
    t->plain = false;
    if (id)
        return gathered(x, t, id);
    if (number && number->op != TN_T_index && number->op != TN_T_const)
        return false;
    id = take_id(x, t, number);
    if (id)
        return gathered(x, t, id);
    return dense(x, t, number);
}

bool
tn_ex_same_weights(const tn_ex_term *a, const tn_ex_term *b)
{
    if (a->ids != b->ids || a->w != b->w || a->dense != b->dense || a->parts != b->parts ||
        a->scale < b->scale || a->scale > b->scale)
        return false;
    for (int i = 0; !a->w && !a->dense && i < a->parts; i++)
        if (a->part[i].value != b->part[i].value)
            return false;
    if (!a->dense)
        return true;
    /* Of terms of one expert each the parts are its columns. */
    for (int i = 0; (a->expert < 0 || b->expert < 0) && i < a->parts; i++)
        if (a->part[i].value != b->part[i].value || a->part[i].column != b->part[i].column)
            return false;
    for (int i = 0; i < a->choices; i++)
        if (a->choices != b->choices || a->chosen[i] != b->chosen[i] ||
            a->least[i] != b->least[i] || a->most[i] != b->most[i])
            return false;
    return a->choices == b->choices;
}

/* ---- the tensors ---- */

/* [tokens,n] of the type. */
static tn_value *
columns(tn_experts *x, tn_build *b, tn_value *v, tn_dtype to)
{
    int64_t last = x->lead;

    v = tn_build_cast(b, v, to);
    return v->type.rank == x->lead ? tn_build_unsqueeze(b, v, &last, 1) : v;
}

/* Slots from the first on; no count: all. */
static tn_value *
cut(tn_experts *x, tn_build *b, tn_value *v, int64_t first, int64_t slots)
{
    tn_size count = tn_size_int(x->g->sizes, slots);

    if (slots <= 0 || tn_size_equal(v->type.dim[x->lead], count))
        return v;
    return tn_build_slice(b, v, x->lead, tn_size_int(x->g->sizes, first), count);
}

/* Part number `i` of the terms of all experts, in order. */
static tn_value *
part_of_all(tn_experts *x, tn_build *b, tn_ex_term *const *by, int64_t count, int i)
{
    const tn_ex_part *first = &by[0]->part[i];
    tn_value **column;
    bool alike = true;

    for (int64_t e = 1; e < count; e++)
        alike &= by[e]->part[i].value == first->value && by[e]->part[i].column == first->column;
    if (alike && first->column >= 0) {
        tn_value *all = columns(x, b, first->value, TN_F32);

        return cut(x, b, all, first->column, 1);
    }
    if (alike) {
        tn_value *all = columns(x, b, first->value, TN_F32);

        return count > 1 && first->wide ? cut(x, b, all, 0, count) : all;
    }
    column = tn_new_array(x->arena, tn_value *, count);
    for (int64_t e = 0; e < count; e++) {
        const tn_ex_part *p = &by[e]->part[i];
        tn_sizes *s = x->g->sizes;

        column[e] = columns(x, b, p->value, TN_F32);
        if (p->wide)
            column[e] = tn_build_slice(b, column[e], x->lead,
                tn_size_int(s, p->column < 0 ? e : p->column), tn_size_int(s, 1));
    }
    return tn_ex_concat(x, b, column, count, x->lead);
}

/* [tokens,experts] or [tokens,slots] */
static tn_value *
product(tn_experts *x, tn_build *b, tn_ex_term *const *by, int64_t count, const tn_size *to)
{
    tn_value *all = NULL;

    for (int i = 0; i < by[0]->parts; i++) {
        tn_value *part = part_of_all(x, b, by, count, i);

        all = all ? tn_build_map2(b, TN_OP_mul, all, part) : part;
    }
    if (by[0]->scale < 1 || by[0]->scale > 1) {
        tn_value *scale = tn_build_real(b, TN_F32, by[0]->scale);

        all = tn_build_map2(b, TN_OP_mul, all, scale);
    }
    return tn_build_broadcast(b, all, to, x->lead + 1);
}

/* No number comes twice among those of a token. */
static bool
are_apart(const tn_value *ids)
{
    const tn_op *op = ids->kind == TN_VALUE_RESULT ? ids->def : NULL;

    while (op && (op->code == TN_OP_cast || op->code == TN_OP_slice)) {
        ids = op->in[0];
        op = ids->kind == TN_VALUE_RESULT ? ids->def : NULL;
    }
    return op && (op->code == TN_OP_top_k || op->code == TN_OP_sort) && ids->index == 1;
}

/* 0 for an id that an earlier slot has. */
static tn_value *
once(tn_experts *x, tn_build *b, tn_value *ids, tn_value *w)
{
    int64_t first = x->lead + 1, second = x->lead;
    tn_size none = tn_size_int(x->g->sizes, 0), slots = ids->type.dim[x->lead];
    tn_value *own = tn_build_unsqueeze(b, ids, &first, 1), *row, *zero;
    tn_value *other = tn_build_unsqueeze(b, ids, &second, 1);

    own = tn_build_map2(b, TN_OP_equal, own, other);
    row = tn_build_iota(b, none, slots, TN_I32);
    other = tn_build_unsqueeze(b, row, &(int64_t){1}, 1);
    other = tn_build_map2(b, TN_OP_less, row, other);
    own = tn_build_map2(b, TN_OP_and, own, other);
    own = tn_build_reduce(b, TN_OP_reduce_any, own, &first, 1, false);
    zero = tn_build_real(b, TN_F32, 0);
    return tn_build_map3(b, TN_OP_where, own, zero, w);
}

static tn_value *
joined_ids(tn_experts *x, tn_build *b, const tn_ex_term *t)
{
    tn_value *ids[TN_EX_CHOICES];

    for (int i = 0; i < t->choices; i++)
        ids[i] =
            cut(x, b, columns(x, b, t->chosen[i], TN_I32), t->least[i], t->most[i] - t->least[i]);
    return t->choices == 1 ? ids[0] : tn_ex_concat(x, b, ids, t->choices, x->lead);
}

/* All experts are slots. */
static void
every_expert(tn_experts *x, tn_build *b, tn_ex_slots *out, const tn_size *to)
{
    tn_value *all = tn_build_iota(b, tn_size_int(x->g->sizes, 0), to[x->lead], TN_I32);

    out->ids = tn_build_broadcast(b, all, to, x->lead + 1);
    out->skips = true;
}

static void
read_at_ids(tn_experts *x, tn_build *b, const tn_ex_term *t, tn_ex_slots *out)
{
    tn_value *in[2] = {out->w};
    int64_t axis = x->lead;
    tn_op *op;

    in[1] = out->ids = joined_ids(x, b, t);
    op = tn_build_start(b, TN_OP_gather_elements, in, 2);
    tn_op_set_ints(op, TN_ATTR_gather_elements_axis, &axis, 1);
    out->w = tn_build_finish(op);
    if (t->choices > 1 || !are_apart(t->chosen[0]))
        if (!tn_size_is_one(out->ids->type.dim[x->lead]))
            out->w = once(x, b, out->ids, out->w);
}

void
tn_ex_slots_of(tn_experts *x, tn_build *b, tn_ex_term *const *by, int64_t count, int64_t experts,
    tn_ex_slots *out)
{
    const tn_ex_term *t = by[0];
    tn_size to[TN_MAX_RANK];

    *out = (tn_ex_slots){.order = t->expert != -2};
    for (int i = 0; i < x->lead; i++)
        to[i] = x->y->type.dim[i];
    to[x->lead] = tn_size_int(x->g->sizes, experts);
    out->skips = t->drops;
    if (t->dense) {
        out->w = product(x, b, by, count, to);
        if (t->choices)
            read_at_ids(x, b, t, out);
        else
            every_expert(x, b, out, to);
        return;
    }
    out->ids = columns(x, b, t->ids, TN_I32);
    if (t->slot >= 0)
        out->ids = cut(x, b, out->ids, 0, count);
    out->w = t->w ? columns(x, b, t->w, TN_F32) : product(x, b, by, count, out->ids->type.dim);
}
