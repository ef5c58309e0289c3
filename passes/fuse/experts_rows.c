/* SPDX-License-Identifier: Apache-2.0
 * Tokens scattered to rows expert * places + place of a buffer, results
 * gathered from the same rows. With row(p) of pair p (a token and a slot),
 * where no two pairs that are kept have one row, the row of pair p holds the
 * token of p, and its expert is the id of p: so the result gathered for p is
 * what the expert of p's id gives for p's token. */
#include <string.h>

#include "passes/fuse/experts_in.h"

/* Pairs along one axis: how the token and slot of a result are one of them. */
typedef struct pairs {
    tn_axis *axis;
    const tn_tval *size; /* pair = whole * size + rest; NULL: the token */
    tn_tval *whole, *rest, *both;
} pairs;

/* What is scattered: row(p) and factors of what is written. */
typedef struct scattered {
    pairs p;
    tn_tval *row, *to; /* written where `row` of the pair is `to` */
    tn_tval *f[TN_EX_FACTORS];
    int count;
    tn_ex_facts is; /* of a pair that is kept */
    tn_tval *id, *place, *places;
    tn_tval *fits; /* what keeps the pair; NULL: nothing needs to */
    bool last;     /* of the pairs of a row the last is written, none is added */
    int64_t rows;  /* of all experts, 0: a size of a run */
} scattered;

/* Behind what keeps it in range. */
static tn_tval *
unclamped(tn_tval *v)
{
    for (v = tn_ex_plain(v); tn_ex_is_fn(v, TN_FN_min) || tn_ex_is_fn(v, TN_FN_max);
        v = tn_ex_plain(v->arg[0]))
        if (v->arg[1]->op != TN_T_const && v->arg[1]->op != TN_T_fn && v->arg[1]->op != TN_T_size)
            break;
    return v;
}

/* ---- reading ---- */

/* Takes the comparison of rows out of the factors. */
static bool
take_row(scattered *s)
{
    for (int i = 0; i < s->count; i++)
        for (int n = 0; tn_ex_is_fn(s->f[i], TN_FN_eq) && n < 2; n++) {
            tn_tval *row = s->f[i]->arg[n], *to = s->f[i]->arg[1 - n];

            if (!tn_tval_has_axis(row, s->p.axis) || tn_tval_has_axis(to, s->p.axis))
                continue;
            s->row = tn_ex_plain(row);
            s->to = tn_ex_plain(to);
            tn_ex_drop(s->f, &s->count, i);
            return true;
        }
    return false;
}

/* Rows that are added to zeros. */
static bool
read_added(tn_tval *v, scattered *s)
{
    if (v->op != TN_T_reduce || v->fn != TN_FN_add || v->red_count != 1)
        return false;
    s->p.axis = v->red[0];
    return tn_ex_factors(v->arg[0], s->f, &s->count) && take_row(s);
}

/* Rows that are written over one another: of the last pair, or 0. */
static bool
read_written(tn_experts *x, tn_tval *v, scattered *s)
{
    const tn_tval *last, *none;
    tn_tval *own;
    double n;

    if (!tn_ex_is_fn(v, TN_FN_select) || !tn_ex_is_zero(v->arg[2]) ||
        !tn_ex_is_fn(v->arg[0], TN_FN_le) || !tn_ex_is_zero(v->arg[0]->arg[0]))
        return false;
    last = v->arg[0]->arg[1];
    none = last->op == TN_T_reduce && last->fn == TN_FN_max && last->red_count == 1 ? last->arg[0]
                                                                                    : NULL;
    if (!none || !tn_ex_is_fn(none, TN_FN_select) || !tn_ex_number(none->arg[2], &n) || n >= 0 ||
        none->arg[1]->op != TN_T_index || none->arg[1]->axis != last->red[0])
        return false;
    s->p.axis = last->red[0];
    s->last = true;
    own = tn_ex_instead(x, v->arg[1], last, none->arg[1]);
    return own && tn_ex_factors(none->arg[0], s->f, &s->count) && take_row(s) && s->count == 0 &&
        tn_ex_factors(own, s->f, &s->count);
}

/* index >= 0 is at least 0. */
static tn_tval *
unguarded(tn_experts *x, const scattered *s, tn_tval *v)
{
    tn_tval *index = tn_tb_index(x->k->b, s->p.axis);
    tn_tval *guard = tn_tb_fn2(x->k->b, TN_FN_max, index, tn_tb_int(x->k->b, 0));

    return tn_ex_instead(x, v, guard, index);
}

/* ---- which pair a result is of ---- */

static tn_tval *
at_pair(tn_experts *x, const scattered *s, tn_tval *v)
{
    if (!s->p.size)
        return tn_ex_at(x, v, s->p.axis, s->p.both);
    return tn_ex_parted(x, v, s->p.axis, s->p.size, s->p.whole, s->p.rest, s->p.both);
}

static bool
is_row(tn_experts *x, const scattered *s, tn_tval *row)
{
    tn_tval *own = at_pair(x, s, s->row);

    return own && tn_ex_alike(own, row);
}

/* Tokens, slots in tokens, or tokens in slots: what makes both rows one. */
static bool
find_pair(tn_experts *x, const tn_ex_term *t, scattered *s, tn_tval *row)
{
    tn_tval *token = x->at[0], *slot;
    tn_tb *b = x->k->b;

    s->p.size = NULL;
    s->p.both = token;
    if (s->p.axis->high == token->axis->high && is_row(x, s, row))
        return true;
    if (t->sums != 1)
        return false;
    slot = tn_tb_index(b, t->sum[0]);
    for (int i = 0; i < 2; i++) {
        s->p.whole = i ? slot : token;
        s->p.rest = i ? token : slot;
        s->p.size = s->p.rest->axis->high;
        s->p.both = tn_tb_fn2(b, TN_FN_mul, s->p.whole, s->p.rest->axis->high);
        s->p.both = tn_tb_fn2(b, TN_FN_add, s->p.both, s->p.rest);
        if (is_row(x, s, row))
            return true;
    }
    return false;
}

/* ---- what keeps pairs ---- */

/* The number of places, as a size or as a number of the graph. */
static bool
is_places(tn_experts *x, tn_tval *v, const scattered *s)
{
    const tn_value *of = v->op == TN_T_load && v->arg_count == 0 ? tn_ex_loaded(x, v->buf) : NULL;
    tn_size size;

    if (tn_ex_alike(v, s->places))
        return true;
    if (!of || of->kind != TN_VALUE_LITERAL)
        return false;
    size = tn_size_of_number(x->g->sizes, &of->number);
    return size && tn_lo_size(x->k, size) == s->places;
}

/* id * places + place */
static bool
read_row(tn_experts *x, tn_tval *v, scattered *s)
{
    v = tn_ex_plain(v);
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *product = tn_ex_plain(v->arg[i]);

        for (int n = 0; tn_ex_is_fn(product, TN_FN_mul) && n < 2; n++)
            if (tn_ex_id(product->arg[n]) && is_places(x, tn_ex_plain(product->arg[1 - n]), s)) {
                s->id = tn_ex_plain(product->arg[n]);
                s->place = tn_ex_plain(v->arg[1 - i]);
                return true;
            }
    }
    return false;
}

/* The row of what is kept; what is not has a row there is not, or is 0. */
static bool
read_kept(tn_experts *x, scattered *s)
{
    tn_tval *row = s->row;
    double n;

    if (!tn_ex_is_fn(row, TN_FN_select))
        return read_row(x, row, s);
    s->fits = row->arg[0];
    if (tn_ex_number(row->arg[2], &n) && s->rows > 0 && (n < 0 || n >= (double)s->rows) &&
        !tn_ex_add_fact(&s->is, s->fits))
        return false;
    return tn_ex_follows(x, &s->is, s->fits) && read_row(x, row->arg[1], s);
}

static bool
asks_places(tn_experts *x, const scattered *s)
{
    for (int i = 0; i < s->is.count; i++) {
        const tn_tval *v = s->is.f[i];
        bool more = tn_ex_is_fn(v, TN_FN_gt);

        if ((more || tn_ex_is_fn(v, TN_FN_lt)) && tn_ex_alike(v->arg[more], s->place) &&
            is_places(x, tn_ex_plain(v->arg[!more]), s))
            return true;
    }
    return false;
}

/* A token has an expert once at most. */
static bool
is_chosen_once(const tn_experts *x, const tn_tval *id)
{
    const tn_value *ids = tn_ex_loaded(x, id->buf);

    return ids && tn_ex_are_numbers_apart(ids);
}

static bool
is_no_more(tn_experts *x, tn_tval *count, tn_size size, tn_tval *places)
{
    int64_t most;

    return tn_ex_alike(count, places) ||
        (tn_tval_is_int(places, &most) && most > 0 &&
            tn_size_proves_le(x->g->sizes, size, tn_size_int(x->g->sizes, most)));
}

/* No place is below 0, or beyond the last: that is asked, or there are as many
 * as pairs, or as tokens that have an expert once. */
static bool
has_places(tn_experts *x, const tn_ex_term *t, const scattered *s, const tn_ex_numbers *n)
{
    tn_size tokens = x->y->type.dim[0], slots;

    if (asks_places(x, s))
        return n->first >= 0;
    slots = s->p.size ? tn_ex_extent(x, t->sum[0]) : tn_size_int(x->g->sizes, 1);
    if (n->first != 0 || !n->ones || !slots)
        return false;
    return is_no_more(x, s->p.axis->high, tn_size_mul(x->g->sizes, tokens, slots), s->places) ||
        (is_chosen_once(x, tn_ex_id(s->id)) &&
            is_no_more(x, x->at[0]->axis->high, tokens, s->places));
}

static bool
are_apart(tn_experts *x, const scattered *s, tn_ex_numbers *n)
{
    tn_ex_products *one = tn_new(x->arena, tn_ex_products);
    tn_axis *expert = tn_tb_span(x->k->b, "any", tn_tb_int(x->k->b, INT32_MAX));
    tn_tval *own = tn_tb_index(x->k->b, expert);

    own = tn_tb_fn2(x->k->b, TN_FN_eq, tn_tb_cast(x->k->b, TN_I32, s->id), own);
    one->count = 1;
    one->at[0].place = s->place;
    one->at[0].is = s->is;
    return tn_ex_add_fact(&one->at[0].is, own) && tn_ex_are_apart(x, one, s->p.axis, n);
}

/* ---- the term ---- */

/* A value [pairs] that is `el` at the pair, as [tokens,slots]. */
static tn_value *
by_slots(tn_experts *x, const scattered *s, tn_tval *el)
{
    tn_build b = tn_build_before(x->y->def);
    tn_size to[2], slots;
    tn_value *v;
    tn_tval *own;
    bool turned = s->p.size && s->p.rest == x->at[0];

    for (uint32_t i = 0; i < x->cone.count; i++) {
        v = x->cone.at[i];
        if (v->type.rank != 1 || tn_lo_size(x->k, v->type.dim[0]) != s->p.axis->high)
            continue;
        own = tn_lo_el(x->k, v, &s->p.both);
        if (!tn_ex_alike(tn_ex_plain(own), tn_ex_plain(el)))
            continue;
        slots = s->p.size ? tn_size_div(x->g->sizes, v->type.dim[0], x->y->type.dim[0])
                          : tn_size_int(x->g->sizes, 1);
        if (!slots)
            return NULL;
        to[turned] = x->y->type.dim[0];
        to[!turned] = slots;
        v = tn_build_reshape(&b, v, to, 2);
        return turned ? tn_build_transpose(&b, v, (int64_t[]){1, 0}) : v;
    }
    return NULL;
}

/* The element as one of a value [tokens,slots] that is made for it; NULL. */
static tn_tval *
made(tn_experts *x, const scattered *s, tn_tval *el)
{
    tn_value *v = by_slots(x, s, el);
    tn_tval *slot = s->p.rest == x->at[0] ? s->p.whole : s->p.rest;

    if (!v)
        return NULL;
    tn_push(x->arena, &x->cone, v);
    x->at[1] = s->p.size ? slot : tn_tb_int(x->k->b, 0);
    return tn_ex_plain(tn_lo_el(x->k, v, x->at));
}

/* What keeps pairs, as a factor that can be found. */
static bool
add_fits(tn_experts *x, tn_ex_term *t, const scattered *s, tn_tval *fits)
{
    tn_tval *own = t->factors < TN_EX_FACTORS ? made(x, s, fits) : NULL;

    if (!own)
        return false;
    t->factor[t->factors++] = own;
    t->drops = true;
    return true;
}

/* The id of the pair, as a value that the graph has. */
static tn_tval *
find_id(tn_experts *x, const scattered *s)
{
    tn_tval *id = at_pair(x, s, s->id), *last = NULL, *own;
    tn_ex_part part;

    if (s->p.size)
        last = s->p.rest == x->at[0] ? s->p.whole : s->p.rest;
    if (!id || tn_ex_find_part(x, tn_ex_plain(id), last, &part))
        return id;
    own = made(x, s, id);
    return own ? own : id;
}

/* A test whether the row is one there is: it is, if the pair is kept. `kept`:
 * only then. */
static bool
tests_row(const scattered *s, tn_tval *v, tn_tval *row, bool *kept)
{
    bool below = tn_ex_is_fn(v, TN_FN_lt), known;
    double other = 0, n = 0;

    if ((!below && !tn_ex_is_fn(v, TN_FN_le)) || !tn_ex_alike(unclamped(v->arg[!below]), row) ||
        !tn_ex_number(v->arg[below], &n) || (below ? s->rows == 0 || n < (double)s->rows : n > 0))
        return false;
    known = s->fits && tn_ex_number(s->row->arg[2], &other);
    *kept |= known && (below ? other >= n : other < n);
    return true;
}

/* Factors of what is gathered that only keep pairs become one. */
static bool
take_fits(tn_experts *x, tn_ex_term *t, const scattered *s, tn_tval *row)
{
    tn_tval *fits = s->fits ? at_pair(x, s, s->fits) : NULL;
    bool kept = false;

    for (int i = 0; i < t->factors;) {
        tn_tval *v = t->factor[i];

        if (fits && tn_ex_alike(v, fits))
            kept = true;
        else if (!tests_row(s, v, row, &kept)) {
            i++;
            continue;
        }
        tn_ex_drop(t->factor, &t->factors, i);
    }
    return !fits || (kept && add_fits(x, t, s, fits));
}

/* What is written for the pair: its token, times what is 1. */
static bool
take_token(tn_experts *x, tn_ex_term *t, const scattered *s, tn_size width)
{
    tn_tval *column = tn_tb_index(x->k->b, t->column), *own = NULL;

    for (int i = 0; i < s->count; i++) {
        tn_tval *v = at_pair(x, s, s->f[i]);

        if (!v)
            return false;
        if (!tn_tval_has_axis(v, t->column)) {
            tn_tval *fits = s->fits ? at_pair(x, s, s->fits) : NULL;

            if (!fits || !tn_ex_alike(v, fits))
                return tn_ex_fail(x, "what sends tokens is 0 or 1", "another factor",
                    "multiply what the experts give");
            continue;
        }
        if (own)
            return false;
        own = tn_ex_plain(v);
    }
    if (!own || !tn_ex_value(x, own, width, column, false))
        return false;
    t->x = own;
    return true;
}

/* The row that a matrix is read for, and how many places an expert has. */
static tn_tval *
row_of(const tn_ex_term *t, tn_tval **places)
{
    tn_tval *number = t->down.number ? tn_ex_plain(t->down.number) : NULL;

    if (!number || !tn_ex_is_fn(number, TN_FN_div))
        return NULL;
    *places = number->arg[1];
    return number->arg[0];
}

/* whole * places + rest of the row is the row. */
static bool
is_whole_row(tn_tval *to, tn_tval *row, const tn_tval *places)
{
    const tn_tval *whole;

    if (tn_ex_alike(to, row))
        return true;
    if (!tn_ex_is_fn(to, TN_FN_add) || !tn_ex_is_fn(to->arg[0], TN_FN_mul))
        return false;
    whole = to->arg[0]->arg[0];
    return tn_ex_is_fn(whole, TN_FN_div) && tn_ex_is_fn(to->arg[1], TN_FN_rem) &&
        whole->arg[0] == row && to->arg[1]->arg[0] == row && whole->arg[1] == places &&
        to->arg[1]->arg[1] == places && to->arg[0]->arg[1] == places;
}

static int64_t
count_rows(const tn_ex_term *t, const tn_tval *places)
{
    const tn_ex_matrix *m = &t->down;
    int64_t experts, each;

    if (m->expert < 0 || !tn_size_is_int(m->value->type.dim[m->expert], &experts) ||
        !tn_tval_is_int(places, &each) || each < 1 || each > INT32_MAX || experts > INT32_MAX)
        return 0;
    return experts * each;
}

bool
tn_ex_take_row(tn_experts *x, tn_ex_term *t, tn_tval *own, tn_size width)
{
    scattered *s = tn_new(x->arena, scattered);
    tn_tval *row = row_of(t, &s->places), *whole;
    tn_ex_numbers n;

    if (t->id_of_row)
        return tn_ex_same(t->sent_as, tn_ex_plain(own));
    own = tn_ex_plain(own);
    if (!row || x->lead != 1 || x->at[0]->op != TN_T_index ||
        (!read_added(own, s) && !(s->count = 0, read_written(x, own, s))))
        return false;
    x->near = true;
    for (int i = 0; i < s->count; i++) {
        s->f[i] = unguarded(x, s, s->f[i]);
        if (!s->f[i])
            return false;
        /* Of the last one that is written, this says nothing of the others. */
        if (!s->last && !tn_tval_has_axis(s->f[i], t->column) && !tn_ex_add_fact(&s->is, s->f[i]))
            return false;
    }
    whole = unclamped(row);
    if (!is_whole_row(s->to, row, s->places) || !find_pair(x, t, s, whole))
        return tn_ex_fail(x, "results come back from the rows that tokens were sent to",
            "other rows", "gather with the indices that were scattered");
    s->rows = count_rows(t, s->places);
    if (!read_kept(x, s))
        return tn_ex_fail(x, "rows of experts are expert * places + place", "other rows",
            "give each expert as many rows as it has places");
    if (!are_apart(x, s, &n))
        return false;
    if (!has_places(x, t, s, &n))
        return tn_ex_fail(x, "a place is one of the expert's own", "places beyond the last",
            "drop tokens where the place is not below the number of places");
    if (!take_token(x, t, s, width))
        return false;
    if (!take_fits(x, t, s, whole))
        return tn_ex_fail(x, "results of tokens that were dropped are 0", "those of other rows",
            "multiply them by 0 where the token was not sent");
    t->sent_as = own;
    t->id_of_row = find_id(x, s);
    return t->id_of_row != NULL;
}
