/* SPDX-License-Identifier: Apache-2.0
 * Tokens sent to places of experts. With D = 1 where token t has place c at
 * expert e, C another such tensor, not 0 only where D is not,
 *
 *     y[t] = sum over e, c of C[t,e,c] f[e](sum over s of D[s,e,c] x[s])
 *
 * is the sum over e of (sum over c of C[t,e,c]) f[e](x[t]), if no place is
 * given to two tokens: where C is not 0, the inner sum is x[t]. C is a sum of
 * products, each 1 or 0 by a place: each becomes a term without places,
 * weighed by 0 where the place is not among those there are. */
#include <string.h>

#include "passes/fuse/experts_in.h"

/* ---- sums of products ---- */

static bool
copy_all(tn_ex_products *to, const tn_ex_products *from)
{
    if (to->count + from->count > TN_EX_PRODUCTS)
        return false;
    for (int i = 0; i < from->count; i++)
        to->at[to->count++] = from->at[i];
    return true;
}

static bool multiply(tn_experts *x, tn_ex_products *all, tn_tval *v, const tn_axis *places,
    int depth);

static bool
multiply_sum(tn_experts *x, tn_ex_products *all, tn_tval *v, const tn_axis *places, int depth)
{
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < v->red_count; n++) {
            tn_ex_product *p = &all->at[i];

            for (int s = 0; s < p->sums; s++)
                if (p->sum[s] == v->red[n])
                    return false;
            if (p->sums == TN_EX_AXES)
                return false;
            p->sum[p->sums++] = v->red[n];
        }
    if (v->op == TN_T_mma)
        return multiply(x, all, v->arg[1], places, depth) &&
            multiply(x, all, v->arg[2], places, depth);
    return multiply(x, all, v->arg[0], places, depth);
}

/* All products times `v`, which is a sum where it has places. */
static bool
multiply(tn_experts *x, tn_ex_products *all, tn_tval *v, const tn_axis *places, int depth)
{
    tn_ex_products *other;

    v = tn_ex_plain(v);
    if (depth-- == 0)
        return false;
    if (tn_tval_has_axis(v, places) && tn_ex_unlike_zero(v))
        return multiply(x, all, tn_ex_unlike_zero(v), places, depth);
    if (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_and) ||
        (tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_zero(v->arg[2])))
        return multiply(x, all, v->arg[0], places, depth) &&
            multiply(x, all, v->arg[1], places, depth);
    if (tn_tval_has_axis(v, places) &&
        (tn_ex_is_fn(v, TN_FN_add) || tn_ex_is_fn(v, TN_FN_or) || tn_ex_is_fn(v, TN_FN_max))) {
        other = tn_new(x->arena, tn_ex_products);
        *other = *all;
        return multiply(x, all, v->arg[0], places, depth) &&
            multiply(x, other, v->arg[1], places, depth) && copy_all(all, other);
    }
    if (tn_tval_has_axis(v, places) && v->red_count &&
        ((v->op == TN_T_reduce && v->fn == TN_FN_add) ||
            (v->op == TN_T_mma && tn_ex_is_zero(v->arg[0]))))
        return multiply_sum(x, all, v, places, depth);
    for (int i = 0; i < all->count; i++) {
        tn_ex_product *p = &all->at[i];

        if (p->count + TN_EX_FACTORS > TN_EX_FACTS || !tn_ex_factors(v, p->f, &p->count) ||
            !tn_ex_add_fact(&p->is, v))
            return false;
    }
    return true;
}

typedef enum kind { WEIGHTS, FLAGS, SENDS } kind;

/* True if products may be taken apart as `multiply` does where one at most is
 * not 0: what is compared with 0, or the greater of two, is 0 or 1; so is all
 * of it, if it must be. */
static bool
is_sound(const tn_experts *x, tn_tval *v, const tn_axis *places, kind as)
{
    bool both;

    v = tn_ex_plain(v);
    if (!tn_tval_has_axis(v, places))
        return as == WEIGHTS || tn_ex_is_flag(x, v);
    if (tn_ex_unlike_zero(v))
        return as == SENDS || is_sound(x, tn_ex_unlike_zero(v), places, FLAGS);
    if (tn_ex_is_fn(v, TN_FN_or) || tn_ex_is_fn(v, TN_FN_max))
        return is_sound(x, v->arg[0], places, FLAGS) && is_sound(x, v->arg[1], places, FLAGS);
    both = tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_and) || tn_ex_is_fn(v, TN_FN_add) ||
        (tn_ex_is_fn(v, TN_FN_select) && tn_ex_is_zero(v->arg[2]));
    if (both)
        return is_sound(x, v->arg[0], places, as) && is_sound(x, v->arg[1], places, as);
    if (v->op == TN_T_reduce && v->fn == TN_FN_add)
        return is_sound(x, v->arg[0], places, as);
    if (v->op == TN_T_mma && tn_ex_is_zero(v->arg[0]))
        return is_sound(x, v->arg[1], places, as) && is_sound(x, v->arg[2], places, as);
    return as == WEIGHTS || tn_ex_is_flag(x, v);
}

static bool
are_sound(const tn_experts *x, tn_tval *const *f, int count, const tn_axis *places, kind as)
{
    for (int i = 0; i < count; i++)
        if (!is_sound(x, f[i], places, as))
            return false;
    return true;
}

/* place * mask - 1 is a place only where the mask is not 0. */
static bool
add_mask(tn_ex_product *p)
{
    tn_tval *v = p->place, *f[TN_EX_FACTORS];
    int count = 0;
    bool less = tn_ex_is_fn(v, TN_FN_sub);
    const tn_tval *by = less || tn_ex_is_fn(v, TN_FN_add) ? tn_ex_plain(v->arg[1]) : NULL;

    if (!by || by->op != TN_T_const || !tn_ex_is_fn(tn_ex_plain(v->arg[0]), TN_FN_mul))
        return true;
    if (!(tn_is_float(by->dtype) ? less == (by->real > 0) : less == (by->whole > 0)))
        return true;
    if (!tn_ex_factors(v->arg[0], f, &count))
        return true;
    for (int i = 0; i < count; i++)
        if (!tn_ex_add_fact(&p->is, f[i]))
            return false;
    return true;
}

/* The one factor that has the axis of places says which. */
static bool
find_place(tn_ex_product *p, const tn_axis *places)
{
    p->place = NULL;
    for (int i = 0; i < p->count; i++) {
        tn_tval *v = p->f[i];

        if (!tn_tval_has_axis(v, places))
            continue;
        for (int s = 0; tn_ex_is_fn(v, TN_FN_eq) && !p->place && s < 2; s++) {
            const tn_tval *c = tn_ex_plain(v->arg[1 - s]);

            if (c->op == TN_T_index && c->axis == places && !tn_tval_has_axis(v->arg[s], places))
                p->place = tn_ex_plain(v->arg[s]);
        }
        if (!p->place)
            return false;
    }
    return p->place && add_mask(p);
}

static bool
read_products(tn_experts *x, tn_tval *const *f, int count, const tn_axis *places,
    tn_ex_products *out)
{
    enum { DEEP = 40 };

    *out = (tn_ex_products){.count = 1};
    for (int i = 0; i < count; i++)
        if (!multiply(x, out, f[i], places, DEEP))
            return tn_ex_fail(x, "tokens are sent by a sum of a few products", "another form",
                "send them by one_hot of their places");
    for (int i = 0; i < out->count; i++)
        if (!find_place(&out->at[i], places))
            return tn_ex_fail(x, "a token has one place at its expert", "several, or a range",
                "send it by one_hot of its place");
    return true;
}

/* ---- what an expert is given ---- */

/* Which axis of tokens it runs along; -1. */
static int
axis_of_tokens(tn_experts *x, const tn_axis *axis)
{
    for (int i = 0; i < x->lead; i++)
        if (x->at[i]->op == TN_T_index && x->at[i]->axis->high == axis->high)
            return i;
    return -1;
}

static tn_value *
tokens_along(tn_experts *x, tn_tval *v, tn_size width, tn_tval *column, int at, tn_axis *axis)
{
    tn_tval *own = x->at[at];
    tn_value *found;

    x->at[at] = tn_tb_index(x->k->b, axis);
    found = tn_ex_value(x, v, width, column, false);
    x->at[at] = own;
    return found;
}

bool
tn_ex_take_sent(tn_experts *x, tn_ex_term *t, tn_tval *own, tn_size width)
{
    tn_tval *f[TN_EX_FACTORS], *column = tn_tb_index(x->k->b, t->column);
    tn_value *found = NULL;
    int count = 0, from = own->op == TN_T_mma;

    if (t->sender)
        return tn_ex_same(t->sent_as, own);
    if (t->x || own->red_count != 1 || (own->op == TN_T_reduce && own->fn != TN_FN_add) ||
        (own->op != TN_T_reduce && (own->op != TN_T_mma || !tn_ex_is_zero(own->arg[0]))))
        return false;
    t->sender_at = axis_of_tokens(x, own->red[0]);
    for (int i = from; i < own->arg_count; i++)
        if (!tn_ex_factors(own->arg[i], f, &count))
            return false;
    t->sends = 0;
    for (int i = 0; i < count; i++) {
        if (!tn_tval_has_axis(f[i], t->column))
            t->sent[t->sends++] = f[i];
        else if (found || t->sender_at < 0)
            return false;
        else
            found = tokens_along(x, f[i], width, column, t->sender_at, own->red[0]);
    }

    if (!found)
        return false;
    t->sender = own->red[0];
    t->sent_as = own;
    x->at[x->lead] = column;
    t->x = tn_ex_plain(tn_lo_el(x->k, found, x->at));
    return true;
}

/* ---- terms without places ---- */

/* The axis of places: summed, and none of the expert's. */
static tn_axis *
places_of(const tn_ex_term *t)
{
    const tn_tval *number = t->number ? tn_ex_plain(t->number) : NULL;
    tn_axis *places = NULL;

    for (int i = 0; i < t->sums; i++) {
        bool sent = false;

        for (int n = 0; n < t->sends; n++)
            sent |= tn_tval_has_axis(t->sent[n], t->sum[i]);
        if (!sent || (number && number->op == TN_T_index && number->axis == t->sum[i]))
            continue;
        if (places)
            return NULL;
        places = t->sum[i];
    }
    return places;
}

/* Slots of `d` by the axes of `c`; NULL. */
static const tn_ex_product *
renamed(tn_experts *x, const tn_ex_product *d, const tn_ex_product *c)
{
    tn_ex_product *out;

    if (d->sums != c->sums)
        return NULL;
    out = tn_new(x->arena, tn_ex_product);
    *out = *d;
    for (int s = 0; s < d->sums; s++)
        for (int i = 0; i < d->is.count; i++) {
            if (c->sum[s]->high != d->sum[s]->high)
                return NULL;
            if (c->sum[s] != d->sum[s])
                out->is.f[i] =
                    tn_ex_at(x, out->is.f[i], d->sum[s], tn_tb_index(x->k->b, c->sum[s]));
            if (!out->is.f[i])
                return NULL;
        }
    return out;
}

/* Where the product is not 0, the token was sent. */
static bool
was_sent(tn_experts *x, const tn_ex_term *t, const tn_ex_product *c, const tn_ex_products *d)
{
    tn_ex_facts *there = tn_new(x->arena, tn_ex_facts);
    const tn_axis *own = x->at[t->sender_at]->axis;

    for (int i = 0; i < c->is.count; i++) {
        there->f[i] = tn_ex_at(x, c->is.f[i], own, tn_tb_index(x->k->b, t->sender));
        if (!there->f[i])
            return false;
    }
    there->count = c->is.count;
    for (int i = 0; i < d->count; i++) {
        const tn_ex_product *as = renamed(x, &d->at[i], c);
        bool all = as != NULL;

        for (int n = 0; all && n < as->is.count; n++)
            all = tn_ex_follows(x, there, as->is.f[n]);
        if (all)
            return true;
    }
    return tn_ex_fail(x, "results come back to the tokens that were sent",
        "weights of other places", "make both tensors from the same places");
}

/* 1 where a place is one of those there are, as a value of the graph. */
static tn_value *
has_room(tn_experts *x, tn_value *place, tn_size places)
{
    tn_build b = tn_build_before(x->y->def);
    tn_type scalar = {.dtype = place->type.dtype};
    tn_value *low =
        tn_build_fill(&b, scalar, tn_number_of_size(x->arena, tn_size_int(x->g->sizes, 0)));
    tn_value *high = tn_build_fill(&b, scalar, tn_number_of_size(x->g->module->arena, places));
    tn_value *fits;

    low = tn_build_map2(&b, TN_OP_greater_equal, place, low);
    high = tn_build_map2(&b, TN_OP_less, place, high);
    fits = tn_build_map2(&b, TN_OP_and, low, high);
    fits = tn_build_cast(&b, fits, TN_F32);
    tn_push(x->arena, &x->cone, fits);
    return fits;
}

/* Where the place is read that the graph has for each token, expert or slot. */
static bool
place_of(tn_experts *x, const tn_ex_term *t, const tn_ex_product *c, tn_ex_part *part,
    tn_tval **last)
{
    *last = t->number ? tn_ex_plain(t->number) : NULL;
    if (*last && tn_ex_find_part(x, c->place, *last, part))
        return true;
    for (int i = 0; i < c->sums; i++) {
        *last = tn_tb_index(x->k->b, c->sum[i]);
        if (tn_ex_find_part(x, c->place, *last, part))
            return true;
    }
    *last = NULL;
    return tn_ex_find_part(x, c->place, NULL, part) ||
        tn_ex_fail(x, "places are tensors of the tokens", "another shape",
            "give places the axes of the tokens, then slots or experts");
}

static bool
unsend(tn_experts *x, const tn_ex_term *t, const tn_ex_product *c, tn_axis *places, tn_ex_term *out)
{
    tn_size room = tn_ex_extent(x, places);
    tn_tval *last;
    tn_ex_part part;
    tn_value *fits;
    int64_t most = 0, asked;

    (void)tn_tval_is_int(places->high, &most);
    *out = *t;
    out->factors = out->sums = 0;
    out->sender = NULL;
    for (int i = 0; i < t->sums; i++)
        if (t->sum[i] != places)
            out->sum[out->sums++] = t->sum[i];
    for (int i = 0; i < c->sums; i++) {
        if (out->sums == 4)
            return false;
        out->sum[out->sums++] = c->sum[i];
    }
    for (int i = 0; i < c->count; i++) {
        if (tn_tval_has_axis(c->f[i], places))
            continue;
        if (most > 0 && tn_ex_asks_room(x, c, i, &asked)) {
            most = asked < most ? asked : most;
            room = tn_size_int(x->g->sizes, most);
            continue;
        }
        if (out->factors == TN_EX_FACTORS - 1)
            return false;
        out->factor[out->factors++] = c->f[i];
    }
    if (!room || !place_of(x, t, c, &part, &last))
        return false;
    fits = has_room(x, part.value, room);
    x->at[x->lead] = part.wide ? last : tn_tb_int(x->k->b, 0);
    out->factor[out->factors++] = tn_ex_plain(tn_lo_el(x->k, fits, x->at));
    out->drops = true;
    return true;
}

bool
tn_ex_unsend(tn_experts *x, const tn_ex_term *t, tn_ex_term **out, int *count)
{
    tn_ex_products *d = tn_new(x->arena, tn_ex_products), *c = tn_new(x->arena, tn_ex_products);
    tn_axis *places = places_of(t);
    tn_ex_numbers n;

    x->near = true;
    if (!places)
        return tn_ex_fail(x, "an expert's places are one axis", "several, or none",
            "count places along one axis of tokens");
    if (!read_products(x, t->sent, t->sends, places, d) ||
        !read_products(x, t->factor, t->factors, places, c))
        return false;
    if (!are_sound(x, t->sent, t->sends, places, SENDS))
        return tn_ex_fail(x, "what sends tokens is 0 or 1", "a weight, or one that may be 2",
            "multiply what the experts give");
    if (!are_sound(x, t->factor, t->factors, places, WEIGHTS))
        return tn_ex_fail(x, "results come back by a sum of products", "another form",
            "multiply the weight by one_hot of the place");
    if (!tn_ex_are_apart(x, d, t->sender, &n))
        return false;
    for (int i = 0; i < c->count; i++) {
        out[i] = tn_new(x->arena, tn_ex_term);
        if (!was_sent(x, t, &c->at[i], d) || !unsend(x, t, &c->at[i], places, out[i]))
            return false;
    }
    *count = c->count;
    return true;
}
