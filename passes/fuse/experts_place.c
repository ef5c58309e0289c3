/* SPDX-License-Identifier: Apache-2.0
 * Places of tokens at their experts, counted by a running sum.
 *
 *     S[t,e] = M[0,e] + .. + M[t,e]     M whole, 0 or more
 *
 * grows at each t where M[t,e] is not 0, so that t -> S[t,e] gives no number
 * twice among those t, whatever else they are: what sends token t to place
 * S[t,e] only where M[t,e] is not 0 sends one token to a place at most. The
 * numbers of a second sum are others if all that the first one counted is
 * added to it. */
#include "passes/fuse/experts_in.h"

enum { DEEP = 16, OFFSETS = 8 };

static bool
is_index(const tn_tval *v, const tn_axis *axis)
{
    return v->op == TN_T_index && v->axis == axis;
}

/* ---- one place ---- */

/* S[..] + add + offsets, S at `arg` a running sum along dimension `along`. */
typedef struct counted {
    tn_tval *base;
    const tn_op *op;
    int along;
    tn_tval *arg[TN_MAX_RANK];
    tn_tval *offset[OFFSETS];
    int offsets;
    int64_t add;
    tn_tval *mark; /* M there */
} counted;

static const tn_op *
running_sum(const tn_experts *x, const tn_tval *v)
{
    const tn_value *of = v->op == TN_T_load ? tn_ex_loaded(x, v->buf) : NULL;

    if (!of || of->kind != TN_VALUE_RESULT || of->def->code != TN_OP_cum_sum)
        return NULL;
    return tn_dtype_bytes(of->type.dtype) >= 4 && v->arg_count == of->type.rank ? of->def : NULL;
}

static bool collect(tn_experts *x, const tn_ex_facts *known, tn_tval *v, bool minus, counted *c,
    int depth);

/* What is not known to be 1 among the factors: the place itself. */
static bool
collect_product(tn_experts *x, const tn_ex_facts *known, tn_tval *const *f, int count, bool minus,
    counted *c, int depth)
{
    tn_tval *left = NULL;

    for (int i = 0; i < count; i++) {
        if (tn_ex_is_flag(x, f[i]) && tn_ex_follows(x, known, f[i]))
            continue;
        if (left)
            return false;
        left = f[i];
    }
    return left && collect(x, known, left, minus, c, depth);
}

/* The number that the axis is where id = axis, known as id = number; NULL. */
static tn_tval *
chosen_number(const tn_ex_facts *known, tn_tval *const *f, int count, const tn_axis *axis)
{
    for (int i = 0; i < count; i++)
        for (int s = 0; tn_ex_is_fn(f[i], TN_FN_eq) && s < 2; s++) {
            tn_tval *id = f[i]->arg[s];

            if (!is_index(tn_ex_plain(f[i]->arg[1 - s]), axis) || tn_tval_has_axis(id, axis))
                continue;
            for (int n = 0; n < known->count; n++)
                for (int r = 0; tn_ex_is_fn(known->f[n], TN_FN_eq) && r < 2; r++)
                    if (tn_ex_alike(id, known->f[n]->arg[r]))
                        return tn_ex_plain(known->f[n]->arg[1 - r]);
        }
    return NULL;
}

/* A sum in which one is chosen: that one. */
static bool
collect_sum(tn_experts *x, const tn_ex_facts *known, tn_tval *v, bool minus, counted *c, int depth)
{
    tn_tval *f[TN_EX_FACTORS], *number;
    int count = 0;
    bool fine = v->red_count == 1;

    if (v->op == TN_T_mma)
        fine &= tn_ex_is_zero(v->arg[0]) && tn_ex_factors(v->arg[1], f, &count) &&
            tn_ex_factors(v->arg[2], f, &count);
    else
        fine &= v->fn == TN_FN_add && tn_ex_factors(v->arg[0], f, &count);
    number = fine ? chosen_number(known, f, count, v->red[0]) : NULL;
    if (!number)
        return false;
    for (int i = 0; i < count; i++) {
        f[i] = tn_ex_at(x, f[i], v->red[0], number);
        if (!f[i])
            return false;
    }
    return collect_product(x, known, f, count, minus, c, depth);
}

static bool
collect_offset(tn_tval *v, bool minus, counted *c)
{
    if (minus || c->offsets == OFFSETS)
        return false;
    c->offset[c->offsets++] = v;
    return true;
}

static bool
collect(tn_experts *x, const tn_ex_facts *known, tn_tval *v, bool minus, counted *c, int depth)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = 0;
    double n;

    v = tn_ex_plain(v);
    if (depth-- == 0)
        return false;
    if (tn_ex_number(v, &n)) {
        c->add += minus ? -(int64_t)n : (int64_t)n;
        return n > -1e6 && n < 1e6 && n <= (double)(int64_t)n && n >= (double)(int64_t)n;
    }
    if (tn_ex_is_fn(v, TN_FN_add) || tn_ex_is_fn(v, TN_FN_sub))
        return collect(x, known, v->arg[0], minus, c, depth) &&
            collect(x, known, v->arg[1], minus != (v->fn == TN_FN_sub), c, depth);
    if (running_sum(x, v) && !c->base && !minus) {
        c->base = v;
        c->op = running_sum(x, v);
        return true;
    }
    if (tn_ex_is_fn(v, TN_FN_select) && tn_ex_follows(x, known, v->arg[0]))
        return collect(x, known, v->arg[1], minus, c, depth);
    if (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_select))
        return tn_ex_factors(v, f, &count) && count > 1 &&
            collect_product(x, known, f, count, minus, c, depth);
    if ((v->op == TN_T_reduce || v->op == TN_T_mma) && collect_sum(x, known, v, minus, c, depth))
        return true;
    return collect_offset(v, minus, c);
}

static bool
moves(const tn_tval *v, const tn_ex_product *p, const tn_axis *sender)
{
    bool moves = tn_tval_has_axis(v, sender);

    for (int i = 0; i < p->sums; i++)
        moves |= tn_tval_has_axis(v, p->sum[i]);
    return moves;
}

/* A known equal that does not move; or NULL. */
static tn_tval *
fixed(const tn_ex_product *p, tn_tval *v, const tn_axis *sender)
{
    for (int n = 0; n < p->is.count; n++)
        for (int r = 0; tn_ex_is_fn(p->is.f[n], TN_FN_eq) && r < 2; r++)
            if (tn_ex_alike(v, p->is.f[n]->arg[r]) && !moves(p->is.f[n]->arg[1 - r], p, sender))
                return tn_ex_plain(p->is.f[n]->arg[1 - r]);
    return NULL;
}

/* slot * tokens + token, or token * slots + slot: the slot, where it is a
 * number. */
static bool
slot_in(const tn_tval *at, const tn_axis *sender, bool *inner, int64_t *slot)
{
    const tn_tval *other = NULL;
    int64_t tokens, slots;

    *slot = 0;
    *inner = false;
    if (is_index(at, sender))
        return true;
    if (!tn_ex_is_fn(at, TN_FN_add))
        return false;
    if (tn_ex_is_fn(at->arg[0], TN_FN_mul) && is_index(at->arg[0]->arg[0], sender)) {
        *inner = true;
        return tn_tval_is_int(at->arg[0]->arg[1], &slots) && tn_tval_is_int(at->arg[1], slot) &&
            *slot >= 0 && *slot < slots;
    }
    for (int i = 0; i < 2; i++)
        if (is_index(at->arg[i], sender))
            other = at->arg[1 - i];
    if (!other)
        return false;
    if (tn_tval_is_int(sender->high, &tokens))
        return tokens > 0 && tn_tval_is_int(other, slot) && *slot % tokens == 0 &&
            (*slot /= tokens, true);
    *slot = 1;
    if (other == sender->high)
        return true;
    return tn_ex_is_fn(other, TN_FN_mul) &&
        ((other->arg[0] == sender->high && tn_tval_is_int(other->arg[1], slot)) ||
            (other->arg[1] == sender->high && tn_tval_is_int(other->arg[0], slot)));
}

static const tn_tval *
uncast(const tn_tval *v)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast)
        v = v->arg[0];
    return v;
}

/* Each token and slot has a position of its own in the sum. */
static bool
goes_through(const tn_tval *at, const tn_ex_product *p, const tn_axis *sender)
{
    const tn_axis *low, *high;
    int64_t slot;
    bool inner;

    at = uncast(at);
    if (p->sums == 0)
        return slot_in(at, sender, &inner, &slot);
    if (p->sums > 1 || !tn_ex_is_fn(at, TN_FN_add) || !tn_ex_is_fn(at->arg[0], TN_FN_mul) ||
        at->arg[0]->arg[0]->op != TN_T_index || at->arg[1]->op != TN_T_index)
        return false;
    high = at->arg[0]->arg[0]->axis;
    low = at->arg[1]->axis;
    return low->high == at->arg[0]->arg[1] &&
        ((low == sender && high == p->sum[0]) || (low == p->sum[0] && high == sender));
}

/* Counts what the product sends, along the tokens. */
static bool
read_place(tn_experts *x, const tn_ex_product *p, tn_axis *sender, counted *c)
{
    *c = (counted){.base = NULL};
    if (!collect(x, &p->is, p->place, false, c, DEEP) || !c->base)
        return tn_ex_fail(x, "a token's place at its expert is counted", "another place",
            "count by cum_sum of what sends tokens to the expert");
    for (int i = 0; i < c->offsets; i++)
        if (moves(c->offset[i], p, sender))
            return tn_ex_fail(x, "a token's place at its expert is counted", "another place",
                "add to it what is one number for all tokens of the expert");
    c->along = (int)tn_op_int(c->op, TN_ATTR_cum_sum_axis);
    for (int i = 0; i < c->base->arg_count; i++) {
        tn_tval *at = tn_ex_place_of(c->base, i);

        if (i != c->along && moves(at, p, sender))
            at = fixed(p, at, sender);
        if (!at || (i == c->along && !goes_through(at, p, sender)))
            return tn_ex_fail(x, "places are counted along the tokens", "along something else",
                "let cum_sum run over all tokens that the expert may be given");
        c->arg[i] = at;
    }
    c->mark = tn_ex_plain(tn_lo_el(x->k, c->op->in[0], c->arg));
    if (!tn_ex_counts(c->mark) || !tn_ex_follows(x, &p->is, c->mark))
        return tn_ex_fail(x, "what is counted is what is sent", "the places of other tokens",
            "count by cum_sum of the mask that sends tokens to the expert");
    return true;
}

/* S and what is added to it are the same. */
static bool
same_place(const counted *a, const counted *b)
{
    if (!a->base || !b->base || !tn_ex_alike(a->base, b->base) || a->add != b->add ||
        a->offsets != b->offsets)
        return false;
    for (int i = 0; i < a->offsets; i++)
        if (!tn_ex_alike(a->offset[i], b->offset[i]))
            return false;
    return true;
}

bool
tn_ex_asks_room(tn_experts *x, const tn_ex_product *p, int at, int64_t *room)
{
    tn_tval *v = tn_ex_plain(p->f[at]);
    bool less = tn_ex_is_fn(v, TN_FN_lt), more = tn_ex_is_fn(v, TN_FN_gt);
    counted asked = {.base = NULL}, place = {.base = NULL};
    tn_ex_facts others = {.count = 0};
    double n;

    if ((!less && !more) || !tn_ex_number(v->arg[less], &n) || n < 1 || n > INT32_MAX ||
        n > (double)(int64_t)n)
        return false;
    for (int i = 0; i < p->count; i++)
        if (i != at && !tn_ex_add_fact(&others, p->f[i]))
            return false;
    *room = (int64_t)n;
    return collect(x, &others, v->arg[more], false, &asked, DEEP) &&
        collect(x, &others, p->place, false, &place, DEEP) && same_place(&asked, &place);
}

/* ---- two places ---- */

/* a < b or a <= b, a the place itself, b one number for all tokens: if it
 * holds at a token, it holds at those counted before. */
static bool
is_bound_below(tn_experts *x, const tn_ex_facts *known, tn_tval *v, const counted *c,
    const tn_axis *sender)
{
    bool less = tn_ex_is_fn(v, TN_FN_lt) || tn_ex_is_fn(v, TN_FN_le);
    bool more = tn_ex_is_fn(v, TN_FN_gt) || tn_ex_is_fn(v, TN_FN_ge);
    counted own = {.base = NULL};

    if ((!less && !more) || tn_tval_has_axis(v->arg[less], sender) ||
        !collect(x, known, v->arg[more], false, &own, DEEP))
        return false;
    for (int i = 0; i < own.offsets; i++)
        if (tn_tval_has_axis(own.offset[i], sender))
            return false;
    return own.base && own.base->buf == c->base->buf;
}

/* At least the number of tokens that the product sends: their marks, or those
 * that found room, summed. */
static bool
is_total(tn_experts *x, const tn_ex_product *p, const counted *c, tn_axis *sender, tn_tval *v)
{
    tn_tval *f[TN_EX_FACTORS], *here;
    tn_ex_facts marked = {.count = 0};
    int count = 0;

    if (p->sums || v->op != TN_T_reduce || v->fn != TN_FN_add || v->red_count != 1 ||
        v->red[0]->high != sender->high || !tn_ex_counts(v->arg[0]) ||
        !tn_ex_add_fact(&marked, c->mark))
        return false;
    here = v->red[0] == sender ? v->arg[0]
                               : tn_ex_at(x, v->arg[0], v->red[0], tn_tb_index(x->k->b, sender));
    if (!here || !tn_ex_factors(here, f, &count))
        return false;
    for (int i = 0; i < count; i++)
        if (!tn_ex_follows(x, &marked, f[i]) &&
            !(tn_ex_follows(x, &p->is, f[i]) && is_bound_below(x, &marked, f[i], c, sender)))
            return false;
    return true;
}

static int64_t
first_place(const counted *c)
{
    return c->add + (tn_op_int(c->op, TN_ATTR_cum_sum_exclusive) ? 0 : 1);
}

/* All that `a` adds to its places and all that it counts is added to `b`. */
static bool
comes_behind(tn_experts *x, const tn_ex_product *p, const counted *a, const counted *b,
    tn_axis *sender)
{
    bool used[OFFSETS] = {false}, total = false;

    if (first_place(b) < first_place(a))
        return false;
    for (int i = 0; i < a->offsets; i++) {
        int n = 0;

        while (n < b->offsets && (used[n] || !tn_ex_alike(a->offset[i], b->offset[n])))
            n++;
        if (n == b->offsets)
            return false;
        used[n] = true;
    }
    for (int n = 0; n < b->offsets; n++) {
        if (!used[n] && !total && is_total(x, p, a, sender, b->offset[n])) {
            total = true;
            continue;
        }
        if (!used[n] && !tn_ex_counts(b->offset[n]))
            return false;
    }
    return total;
}

/* One sum over tokens and slots one by one: other positions, other places. */
static bool
shares_sum(const counted *a, const counted *b, const tn_axis *sender)
{
    int64_t first, second;
    bool inner, also;

    if (a->base->buf != b->base->buf || a->add != b->add || a->offsets != b->offsets)
        return false;
    for (int i = 0; i < a->offsets; i++)
        if (!tn_ex_alike(a->offset[i], b->offset[i]))
            return false;
    for (int i = 0; i < a->base->arg_count; i++)
        if (i != a->along && !tn_ex_alike(a->arg[i], b->arg[i]))
            return false;
    return slot_in(uncast(a->arg[a->along]), sender, &inner, &first) &&
        slot_in(uncast(b->arg[b->along]), sender, &also, &second) && inner == also &&
        first != second;
}

bool
tn_ex_are_apart(tn_experts *x, const tn_ex_products *d, tn_axis *sender, tn_ex_numbers *n)
{
    counted *c = tn_new_array(x->arena, counted, d->count + 1);

    *n = (tn_ex_numbers){.first = INT64_MAX, .ones = true};
    for (int i = 0; i < d->count; i++) {
        if (!read_place(x, &d->at[i], sender, &c[i]))
            return false;
        if (first_place(&c[i]) < n->first)
            n->first = first_place(&c[i]);
        n->ones &= tn_ex_is_flag(x, c[i].mark);
    }
    for (int i = 0; i < d->count; i++)
        for (int j = i + 1; j < d->count; j++)
            if (!shares_sum(&c[i], &c[j], sender) &&
                !comes_behind(x, &d->at[i], &c[i], &c[j], sender) &&
                !comes_behind(x, &d->at[j], &c[j], &c[i], sender))
                return tn_ex_fail(x, "no two choices give one place",
                    "places that are counted apart",
                    "add to the places of the second choice how many the first one counted");
    return true;
}
