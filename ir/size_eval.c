/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/base/bytes.h"
#include "ir/base/checked.h"
#include "ir/size_node.h"

static bool eval_ratio(tn_size a, const int64_t *values, tn_ratio *out);

static bool
eval_choice(const tn_atom *atom, const int64_t *values, tn_ratio *out)
{
    int most = atom->kind == TN_ATOM_MAX ? 1 : -1;
    if (!eval_ratio(atom->arg[0], values, out))
        return false;
    for (int i = 1; i < atom->count; i++) {
        tn_ratio next;
        if (!eval_ratio(atom->arg[i], values, &next))
            return false;
        if (tn_ratio_compare(next, *out) * most > 0)
            *out = next;
    }
    return true;
}

static bool
eval_atom(const tn_atom *atom, const int64_t *values, tn_ratio *out)
{
    tn_ratio a, b = {1, 1};
    if (atom->kind == TN_ATOM_SYMBOL)
        return tn_ratio_make(values[atom->symbol], 1, out);
    if (atom->kind == TN_ATOM_MIN || atom->kind == TN_ATOM_MAX)
        return eval_choice(atom, values, out);
    if (!eval_ratio(atom->arg[0], values, &a) ||
        (atom->count > 1 && !eval_ratio(atom->arg[1], values, &b)))
        return false;
    if (atom->kind == TN_ATOM_MOD)
        return tn_ratio_mod(a, b, out);
    if (!tn_ratio_div(a, b, &a))
        return false;
    *out = tn_ratio_int(atom->kind == TN_ATOM_CEIL ? tn_ratio_ceil(a) : tn_ratio_floor(a));
    return true;
}

/* The factors of a term but for the symbol `skip` (-1: all of them). */
static bool
eval_term(const tn_term *term, const int64_t *values, int skip, tn_ratio *out)
{
    *out = term->by;
    for (int i = 0; i < term->mono->count; i++) {
        const tn_factor *factor = &term->mono->factor[i];
        tn_ratio value;
        if (factor->atom->kind == TN_ATOM_SYMBOL && factor->atom->symbol == skip)
            continue;
        if (!eval_atom(factor->atom, values, &value))
            return false;
        for (int p = 0; p < factor->power; p++)
            if (!tn_ratio_mul(*out, value, out))
                return false;
    }
    return true;
}

static bool
eval_ratio(tn_size a, const int64_t *values, tn_ratio *out)
{
    tn_ratio sum = tn_ratio_int(0), next;
    for (int i = 0; i < a->count; i++)
        if (!eval_term(&a->term[i], values, -1, &next) || !tn_ratio_add(sum, next, &sum))
            return false;
    *out = sum;
    return true;
}

bool
tn_size_eval(tn_size a, const int64_t *values, int64_t *out)
{
    tn_ratio value;
    if (!eval_ratio(a, values, &value) || value.den != 1)
        return false;
    *out = value.num;
    return true;
}

static bool
atom_uses(const tn_atom *atom, int index)
{
    if (atom->kind == TN_ATOM_SYMBOL)
        return atom->symbol == index;
    for (int i = 0; i < atom->count; i++)
        if (tn_size_uses(atom->arg[i], index))
            return true;
    return false;
}

bool
tn_size_uses(tn_size a, int index)
{
    for (int i = 0; i < a->count; i++)
        for (int f = 0; f < a->term[i].mono->count; f++)
            if (atom_uses(a->term[i].mono->factor[f].atom, index))
                return true;
    return false;
}

static bool
atom_is_bound(const tn_atom *atom, const bool *bound)
{
    if (atom->kind == TN_ATOM_SYMBOL)
        return bound[atom->symbol];
    for (int i = 0; i < atom->count; i++)
        for (int t = 0; t < atom->arg[i]->count; t++) {
            const tn_mono *mono = atom->arg[i]->term[t].mono;
            for (int f = 0; f < mono->count; f++)
                if (!atom_is_bound(mono->factor[f].atom, bound))
                    return false;
        }
    return true;
}

/* The one symbol of `a` that is not bound, if it occurs in no opaque atom and
 * to no power but the first; -1 if there is no such symbol. */
static int
open_symbol(tn_size a, const bool *bound)
{
    int found = -1;
    for (int i = 0; i < a->count; i++)
        for (int f = 0; f < a->term[i].mono->count; f++) {
            const tn_factor *factor = &a->term[i].mono->factor[f];
            if (atom_is_bound(factor->atom, bound))
                continue;
            if (factor->atom->kind != TN_ATOM_SYMBOL || factor->power != 1 ||
                (found >= 0 && found != factor->atom->symbol))
                return -1;
            found = factor->atom->symbol;
        }
    return found;
}

int
tn_size_solve(tn_size a, const bool *bound, const int64_t *values, int64_t value, int *symbol,
    int64_t *solution)
{
    int open = open_symbol(a, bound);
    tn_ratio slope = tn_ratio_int(0), rest = tn_ratio_int(0), next, wanted;
    if (open < 0)
        return 0;
    for (int i = 0; i < a->count; i++) {
        bool linear = false;
        for (int f = 0; f < a->term[i].mono->count; f++) {
            const tn_atom *atom = a->term[i].mono->factor[f].atom;
            linear |= atom->kind == TN_ATOM_SYMBOL && atom->symbol == open;
        }
        tn_ratio *sum = linear ? &slope : &rest;
        if (!eval_term(&a->term[i], values, open, &next) || !tn_ratio_add(*sum, next, sum))
            return -1;
    }
    if (slope.num == 0)
        return 0;
    if (!tn_ratio_make(value, 1, &wanted) || !tn_ratio_sub(wanted, rest, &wanted) ||
        !tn_ratio_div(wanted, slope, &wanted) || wanted.den != 1)
        return -1;
    *symbol = open;
    *solution = wanted.num;
    return 1;
}

/* ---- postfix code: whole numbers only, so fractions are carried as
 * numerators over a common denominator that is known here ---- */

static int64_t common_den(const tn_size *a, int count);
static void emit_over(tn_writer *w, tn_size a, int64_t den);

/* What makes the value of an atom whole: ceil and floor are; min, max and %
 * are as broken as their arguments. */
static int64_t
atom_den(const tn_atom *atom)
{
    bool whole =
        atom->kind == TN_ATOM_SYMBOL || atom->kind == TN_ATOM_CEIL || atom->kind == TN_ATOM_FLOOR;
    return whole ? 1 : common_den(atom->arg, atom->count);
}

static int64_t
term_den(const tn_term *term)
{
    int64_t den = term->by.den;
    for (int f = 0; f < term->mono->count; f++)
        for (int p = 0; p < term->mono->factor[f].power; p++)
            if (!tn_mul_i64(den, atom_den(term->mono->factor[f].atom), &den))
                return 0;
    return den;
}

/* The least number that makes all terms whole. 0 if it or a factor does not
 * fit: a division by it then fails when the code runs. */
static int64_t
common_den(const tn_size *a, int count)
{
    int64_t den = 1, scaled;
    for (int i = 0; i < count; i++)
        for (int t = 0; t < a[i]->count; t++) {
            tn_ratio reduced;
            if (!tn_ratio_make(den, term_den(&a[i]->term[t]), &reduced) ||
                !tn_mul_i64(den, reduced.den, &den))
                return 0;
        }
    for (int i = 0; i < count; i++)
        for (int t = 0; t < a[i]->count; t++)
            if (!tn_mul_i64(a[i]->term[t].by.num, den / term_den(&a[i]->term[t]), &scaled))
                return 0;
    return den;
}

static void
emit_int(tn_writer *w, int64_t value)
{
    tn_write_u8(w, TN_FORMULA_INT);
    tn_write_i64(w, value);
}

/* The value times atom_den. */
static void
emit_atom(tn_writer *w, const tn_atom *atom)
{
    static const uint8_t code[] = {
        [TN_ATOM_SYMBOL] = TN_FORMULA_SYMBOL,
        [TN_ATOM_CEIL] = TN_FORMULA_CEIL_DIV,
        [TN_ATOM_FLOOR] = TN_FORMULA_FLOOR_DIV,
        [TN_ATOM_MOD] = TN_FORMULA_MOD,
        [TN_ATOM_MIN] = TN_FORMULA_MIN,
        [TN_ATOM_MAX] = TN_FORMULA_MAX,
    };
    if (atom->kind == TN_ATOM_SYMBOL) {
        tn_write_u8(w, TN_FORMULA_SYMBOL);
        tn_write_u16(w, (uint16_t)atom->symbol);
        return;
    }
    int64_t den = common_den(atom->arg, atom->count);
    for (int i = 0; i < atom->count; i++) {
        emit_over(w, atom->arg[i], den);
        if (i)
            tn_write_u8(w, code[atom->kind]);
    }
    if (atom->count == 1) {
        emit_int(w, den);
        tn_write_u8(w, code[atom->kind]);
    }
}

/* The size times `den`, a multiple of its common denominator (0: any). */
static void
emit_over(tn_writer *w, tn_size a, int64_t den)
{
    if (a->count == 0)
        emit_int(w, 0);
    for (int i = 0; i < a->count; i++) {
        const tn_term *term = &a->term[i];
        int64_t by = den ? term->by.num * (den / term_den(term)) : 0;
        bool pushed = false;
        for (int f = 0; f < term->mono->count; f++)
            for (int p = 0; p < term->mono->factor[f].power; p++) {
                emit_atom(w, term->mono->factor[f].atom);
                if (pushed)
                    tn_write_u8(w, TN_FORMULA_MUL);
                pushed = true;
            }
        if (by != 1 || !pushed) {
            emit_int(w, by);
            if (pushed)
                tn_write_u8(w, TN_FORMULA_MUL);
        }
        if (i)
            tn_write_u8(w, TN_FORMULA_ADD);
    }
}

tn_formula
tn_size_formula(tn_arena *arena, tn_size a)
{
    tn_writer w = {.arena = arena};
    int64_t den = common_den(&a, 1);
    emit_over(&w, a, den);
    if (den != 1) {
        emit_int(&w, den);
        tn_write_u8(&w, TN_FORMULA_DIV);
    }
    return (tn_formula){w.at, (uint32_t)w.bytes};
}
