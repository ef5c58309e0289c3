/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/checked.h"
#include "ir/size_node.h"

/* An end of an interval: a fraction or unknown. */
typedef struct end {
    bool known;
    tn_ratio at;
} end;

typedef struct interval {
    end low, high;
} interval;

static interval interval_of_terms(const tn_sizes *s, const tn_term *term, int count);

static end
end_of(bool known, int64_t value)
{
    known = known && value != INT64_MIN;
    return (end){known, tn_ratio_int(known ? value : 0)};
}

static end
end_add(end a, end b)
{
    end sum = {a.known && b.known, tn_ratio_int(0)};
    if (sum.known)
        sum.known = tn_ratio_add(a.at, b.at, &sum.at);
    return sum;
}

/* The greater (`most` > 0) or smaller of two; `weak`: one known is enough. */
static end
end_choose(end a, end b, int most, bool weak)
{
    if (!a.known || !b.known)
        return weak ? (a.known ? a : b) : (end){false, tn_ratio_int(0)};
    return tn_ratio_compare(a.at, b.at) * most >= 0 ? a : b;
}

static interval
interval_mul(interval a, interval b)
{
    /* Products of unknown ends matter only where signs are known: both at
     * least 0, which is what sizes are. */
    interval product = {{false, {0, 1}}, {false, {0, 1}}};
    bool all = a.low.known && a.high.known && b.low.known && b.high.known;
    bool positive = a.low.known && b.low.known && a.low.at.num >= 0 && b.low.at.num >= 0;
    if (positive) {
        product.low.known = tn_ratio_mul(a.low.at, b.low.at, &product.low.at);
        if (a.high.known && b.high.known)
            product.high.known = tn_ratio_mul(a.high.at, b.high.at, &product.high.at);
        return product;
    }
    if (!all)
        return product;
    tn_ratio left[2] = {a.low.at, a.high.at}, right[2] = {b.low.at, b.high.at};
    for (int i = 0; i < 4; i++) {
        end corner = {true, {0, 1}};
        corner.known = tn_ratio_mul(left[i / 2], right[i % 2], &corner.at);
        product.low = i ? end_choose(product.low, corner, -1, false) : corner;
        product.high = i ? end_choose(product.high, corner, 1, false) : corner;
    }
    return product;
}

static interval
interval_of_symbol(const tn_symbol *symbol)
{
    if (symbol->pinned)
        return (interval){end_of(true, symbol->pinned_value), end_of(true, symbol->pinned_value)};
    return (interval){end_of(true, symbol->low), end_of(symbol->high != INT64_MAX, symbol->high)};
}

static interval
interval_of(const tn_sizes *s, tn_size a)
{
    return interval_of_terms(s, a->term, a->count);
}

static interval
interval_rounded(const tn_sizes *s, const tn_atom *atom)
{
    interval inside = interval_of(s, atom->arg[0]);
    bool up = atom->kind == TN_ATOM_CEIL;
    if (atom->count == 2) {
        /* A quotient of sizes: at least 0, no more is claimed. */
        interval by = interval_of(s, atom->arg[1]);
        bool positive =
            inside.low.known && inside.low.at.num >= 0 && by.low.known && by.low.at.num > 0;
        return (interval){{positive, {0, 1}}, {false, {0, 1}}};
    }
    end *ends[2] = {&inside.low, &inside.high};
    for (int i = 0; i < 2; i++)
        ends[i]->at = tn_ratio_int(up ? tn_ratio_ceil(ends[i]->at) : tn_ratio_floor(ends[i]->at));
    return inside;
}

static interval
interval_mod(const tn_sizes *s, const tn_atom *atom)
{
    interval a = interval_of(s, atom->arg[0]), by = interval_of(s, atom->arg[1]);
    interval rest = {{false, {0, 1}}, {false, {0, 1}}};
    if (!by.low.known || by.low.at.num <= 0)
        return rest;
    rest.low.known = true;
    bool whole = tn_size_is_whole(s, atom->arg[0]) && tn_size_is_whole(s, atom->arg[1]);
    if (by.high.known)
        rest.high = end_add(by.high, end_of(true, whole ? -1 : 0));
    if (a.low.known && a.low.at.num >= 0)
        rest.high = end_choose(rest.high, a.high, -1, true);
    return rest;
}

static interval
interval_of_atom(const tn_sizes *s, const tn_atom *atom)
{
    if (atom->kind == TN_ATOM_SYMBOL)
        return interval_of_symbol(&s->symbols.at[atom->symbol]);
    if (atom->kind == TN_ATOM_CEIL || atom->kind == TN_ATOM_FLOOR)
        return interval_rounded(s, atom);
    if (atom->kind == TN_ATOM_MOD)
        return interval_mod(s, atom);
    int most = atom->kind == TN_ATOM_MAX ? 1 : -1;
    interval all = interval_of(s, atom->arg[0]);
    for (int i = 1; i < atom->count; i++) {
        interval next = interval_of(s, atom->arg[i]);
        all.low = end_choose(all.low, next.low, most, most > 0);
        all.high = end_choose(all.high, next.high, most, most < 0);
    }
    return all;
}

static interval
interval_of_term(const tn_sizes *s, const tn_term *term)
{
    interval one = {{true, {1, 1}}, {true, {1, 1}}}, by = {{true, term->by}, {true, term->by}};
    for (int i = 0; i < term->mono->count; i++) {
        interval atom = interval_of_atom(s, term->mono->factor[i].atom);
        for (int p = 0; p < term->mono->factor[i].power; p++)
            one = interval_mul(one, atom);
    }
    if (term->by.num >= 0)
        return interval_mul(by, one);
    /* Scaled by a negative number: the ends change places, each by itself. */
    interval scaled = {one.high, one.low};
    end *ends[2] = {&scaled.low, &scaled.high};
    for (int i = 0; i < 2; i++)
        if (ends[i]->known)
            ends[i]->known = tn_ratio_mul(ends[i]->at, term->by, &ends[i]->at);
    return scaled;
}

static interval
interval_of_terms(const tn_sizes *s, const tn_term *term, int count)
{
    interval sum = {{true, {0, 1}}, {true, {0, 1}}};
    for (int i = 0; i < count; i++) {
        interval next = interval_of_term(s, &term[i]);
        sum.low = end_add(sum.low, next.low);
        sum.high = end_add(sum.high, next.high);
    }
    return sum;
}

/* What ranges prove, and what one fact d >= 0 adds: a = d + rest gives
 * a >= low(rest), -a = d + rest gives a <= -low(rest). */
static interval
interval_with_facts(const tn_sizes *s, tn_size a)
{
    static const tn_size_node zero = {.text = "0"};
    interval best = interval_of(s, a);
    tn_term rest[2 * TN_SIZE_MAX_TERMS], minus[TN_SIZE_MAX_TERMS];
    int minus_count = tn_size_merge(&zero, a, tn_ratio_int(-1), minus);
    tn_size_node negated = {.count = minus_count, .term = minus};
    for (uint32_t i = 0; i < s->facts.count; i++) {
        int count = tn_size_merge(a, s->facts.at[i], tn_ratio_int(-1), rest);
        if (count >= 0)
            best.low = end_choose(best.low, interval_of_terms(s, rest, count).low, 1, true);
        count = tn_size_merge(&negated, s->facts.at[i], tn_ratio_int(-1), rest);
        if (count < 0)
            continue;
        end high = interval_of_terms(s, rest, count).low;
        high.at.num = -high.at.num;
        best.high = end_choose(best.high, high, -1, true);
    }
    return best;
}

void
tn_size_bounds(const tn_sizes *s, tn_size a, int64_t *low, int64_t *high)
{
    interval found = interval_with_facts(s, a);
    *low = found.low.known ? tn_ratio_ceil(found.low.at) : INT64_MIN;
    *high = found.high.known ? tn_ratio_floor(found.high.at) : INT64_MAX;
}

bool
tn_size_proves_le(tn_sizes *s, tn_size a, tn_size b)
{
    tn_size difference = tn_size_sub(s, b, a);
    if (!difference)
        return false;
    interval found = interval_with_facts(s, difference);
    return found.low.known && found.low.at.num >= 0;
}

/* ---- facts ---- */

static tn_size substitute(tn_sizes *s, tn_size a, int symbol, tn_size by);

static tn_size
rebuild_atom(tn_sizes *s, const tn_atom *atom, const tn_size *arg)
{
    tn_size one = tn_size_int(s, 1);
    tn_size second = atom->count > 1 ? arg[1] : one, all = arg[0];
    switch (atom->kind) {
    case TN_ATOM_CEIL: return tn_size_ceil_div(s, arg[0], second);
    case TN_ATOM_FLOOR: return tn_size_floor_div(s, arg[0], second);
    case TN_ATOM_MOD: return tn_size_mod(s, arg[0], second);
    case TN_ATOM_MIN:
    case TN_ATOM_MAX:
        for (int i = 1; i < atom->count; i++)
            all = atom->kind == TN_ATOM_MIN ? tn_size_min(s, all, arg[i])
                                            : tn_size_max(s, all, arg[i]);
        return all;
    case TN_ATOM_SYMBOL: break;
    }
    return tn_size_of_atom(s, atom);
}

static tn_size
substitute_atom(tn_sizes *s, const tn_atom *atom, int symbol, tn_size by)
{
    tn_size arg[TN_SIZE_MAX_ARGS];
    if (atom->kind == TN_ATOM_SYMBOL)
        return atom->symbol == symbol ? by : tn_size_of_atom(s, atom);
    for (int i = 0; i < atom->count; i++) {
        arg[i] = substitute(s, atom->arg[i], symbol, by);
        if (!arg[i])
            return NULL;
    }
    return rebuild_atom(s, atom, arg);
}

static tn_size
substitute(tn_sizes *s, tn_size a, int symbol, tn_size by)
{
    tn_size sum = tn_size_int(s, 0);
    if (!tn_size_uses(a, symbol))
        return a;
    for (int i = 0; i < a->count && sum; i++) {
        const tn_term *term = &a->term[i];
        tn_size product = tn_size_rational(s, term->by.num, term->by.den);
        for (int f = 0; f < term->mono->count; f++) {
            tn_size atom = substitute_atom(s, term->mono->factor[f].atom, symbol, by);
            for (int p = 0; p < term->mono->factor[f].power; p++)
                product = tn_size_mul(s, product, atom);
        }
        sum = tn_size_add(s, sum, product);
    }
    return sum;
}

/* The symbol of a size that is nothing else; -1. */
static int
bare_symbol(tn_size a)
{
    if (a->count != 1 || a->term[0].by.num != 1 || a->term[0].by.den != 1 ||
        a->term[0].mono->degree != 1 || a->term[0].mono->factor[0].atom->kind != TN_ATOM_SYMBOL)
        return -1;
    return a->term[0].mono->factor[0].atom->symbol;
}

/* What `term`'s symbol is if difference == 0: -(the rest) / factor; NULL if
 * the term is no symbol alone, occurs elsewhere, or the value is broken. */
static tn_size
solve_term(tn_sizes *s, tn_size difference, const tn_term *term, int *symbol)
{
    tn_ratio by;
    if (term->mono->degree != 1 || term->mono->factor[0].atom->kind != TN_ATOM_SYMBOL)
        return NULL;
    *symbol = term->mono->factor[0].atom->symbol;
    tn_size alone = tn_size_of_atom(s, term->mono->factor[0].atom);
    tn_size rest =
        tn_size_add_scaled(s, difference, alone, (tn_ratio){-term->by.num, term->by.den});
    if (!rest || tn_size_uses(rest, *symbol) || !tn_ratio_div(tn_ratio_int(-1), term->by, &by))
        return NULL;
    tn_size value = tn_size_add_scaled(s, tn_size_int(s, 0), rest, by);
    return value && tn_size_is_whole(s, value) ? value : NULL;
}

static tn_size
solve_difference(tn_sizes *s, tn_size difference, int wanted, int *symbol)
{
    for (int i = 0; i < difference->count; i++) {
        tn_size value = solve_term(s, difference, &difference->term[i], symbol);
        if (value && (wanted < 0 || *symbol == wanted))
            return value;
    }
    return NULL;
}

static bool
in_range(const tn_symbol *symbol, tn_size value)
{
    int64_t number;
    if (!tn_size_is_int(value, &number))
        return true;
    return number >= symbol->low && number <= symbol->high && number % symbol->multiple == 0 &&
        (!symbol->pinned || symbol->pinned_value == number);
}

static void
replace_symbol(tn_sizes *s, int symbol, tn_size value)
{
    for (uint32_t i = 0; i < s->symbols.count; i++) {
        if (!s->replaced.at[i])
            continue;
        tn_size fresh = substitute(s, s->replaced.at[i], symbol, value);
        if (fresh)
            s->replaced.at[i] = fresh;
    }
    for (uint32_t i = 0; i < s->facts.count; i++) {
        tn_size fresh = substitute(s, s->facts.at[i], symbol, value);
        if (fresh)
            s->facts.at[i] = fresh;
    }
    s->replaced.at[symbol] = value;
}

/* The range of a replaced symbol is a fact about what replaced it. */
static bool
keep_range(tn_sizes *s, const tn_symbol *symbol, tn_size value)
{
    interval range = interval_of_symbol(symbol);
    return (!range.low.known ||
               tn_sizes_fact_less_equal(s, tn_size_int(s, range.low.at.num), value)) &&
        (!range.high.known ||
            tn_sizes_fact_less_equal(s, value, tn_size_int(s, range.high.at.num)));
}

bool
tn_sizes_fact_equal(tn_sizes *s, tn_size a, tn_size b)
{
    int symbol = -1, preferred[3] = {bare_symbol(a), bare_symbol(b), -1};
    int64_t low, high;
    tn_ratio number;
    tn_size difference = tn_size_sub(s, a, b), value = NULL;
    if (!difference)
        return true;
    if (tn_size_is_ratio(difference, &number))
        return number.num == 0;
    tn_size_bounds(s, difference, &low, &high);
    if (low > 0 || high < 0)
        return false;
    for (int i = 0; i < 3 && !value; i++)
        if (i == 2 || preferred[i] >= 0)
            value = solve_difference(s, difference, preferred[i], &symbol);
    if (!value) {
        tn_push(s->arena, &s->facts, difference);
        tn_size negated = tn_size_sub(s, b, a);
        if (negated)
            tn_push(s->arena, &s->facts, negated);
        return true;
    }
    if (!in_range(&s->symbols.at[symbol], value))
        return false;
    replace_symbol(s, symbol, value);
    return keep_range(s, &s->symbols.at[symbol], value);
}

bool
tn_sizes_fact_less_equal(tn_sizes *s, tn_size a, tn_size b)
{
    int64_t low, high;
    tn_size difference = tn_size_sub(s, b, a);
    if (!difference)
        return true;
    tn_size_bounds(s, difference, &low, &high);
    if (high < 0)
        return false;
    tn_push(s->arena, &s->facts, difference);
    return true;
}
