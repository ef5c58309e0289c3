/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/size_node.h"

bool
tn_term_is_whole(const tn_sizes *s, const tn_term *term)
{
    int64_t left = term->by.den;
    for (int i = 0; i < term->mono->count && left > 1; i++) {
        const tn_atom *atom = term->mono->factor[i].atom;
        if (atom->kind != TN_ATOM_SYMBOL)
            continue;
        for (int p = 0; p < term->mono->factor[i].power && left > 1; p++) {
            tn_ratio rest;
            if (!tn_ratio_make(left, s->symbols.at[atom->symbol].multiple, &rest))
                return false;
            left = rest.num;
        }
    }
    if (left != 1)
        return false;
    for (int i = 0; i < term->mono->count; i++) {
        const tn_atom *atom = term->mono->factor[i].atom;
        if (atom->kind == TN_ATOM_SYMBOL || atom->kind == TN_ATOM_CEIL ||
            atom->kind == TN_ATOM_FLOOR)
            continue;
        for (int a = 0; a < atom->count; a++)
            if (!tn_size_is_whole(s, atom->arg[a]))
                return false;
    }
    return true;
}

bool
tn_size_is_whole(const tn_sizes *s, tn_size a)
{
    for (int i = 0; i < a->count; i++)
        if (!tn_term_is_whole(s, &a->term[i]))
            return false;
    return true;
}

/* ceil or floor of `a`: whole terms are taken out, the rest is an atom. */
static tn_size
round_size(tn_sizes *s, tn_atom_kind kind, tn_size a)
{
    tn_term whole[TN_SIZE_MAX_TERMS], broken[TN_SIZE_MAX_TERMS];
    int whole_count = 0, broken_count = 0;
    tn_ratio number;
    if (tn_size_is_ratio(a, &number))
        return tn_size_int(s,
            kind == TN_ATOM_CEIL ? tn_ratio_ceil(number) : tn_ratio_floor(number));
    for (int i = 0; i < a->count; i++) {
        if (tn_term_is_whole(s, &a->term[i]))
            whole[whole_count++] = a->term[i];
        else
            broken[broken_count++] = a->term[i];
    }
    tn_size outside = tn_size_of_terms(s, whole, whole_count);
    if (broken_count == 0)
        return outside;
    tn_size inside = tn_size_of_terms(s, broken, broken_count);
    if (!inside)
        return NULL;
    if (tn_size_is_ratio(inside, &number))
        return tn_size_add(s, outside, round_size(s, kind, inside));
    return tn_size_add(s, outside, tn_size_of_atom(s, tn_size_atom(s, kind, 0, &inside, 1)));
}

static tn_size
round_quotient(tn_sizes *s, tn_atom_kind kind, tn_size a, tn_size b)
{
    if (!a || !b || b->count == 0)
        return NULL;
    tn_size quotient = tn_size_div(s, a, b);
    if (quotient)
        return round_size(s, kind, quotient);
    tn_size pair[2] = {a, b};
    return tn_size_of_atom(s, tn_size_atom(s, kind, 0, pair, 2));
}

tn_size
tn_size_ceil_div(tn_sizes *s, tn_size a, tn_size b)
{
    return round_quotient(s, TN_ATOM_CEIL, a, b);
}

tn_size
tn_size_floor_div(tn_sizes *s, tn_size a, tn_size b)
{
    return round_quotient(s, TN_ATOM_FLOOR, a, b);
}

tn_size
tn_size_mod(tn_sizes *s, tn_size a, tn_size b)
{
    tn_ratio left, right, rest;
    if (!a || !b || b->count == 0)
        return NULL;
    if (tn_size_is_ratio(a, &left) && tn_size_is_ratio(b, &right))
        return tn_ratio_mod(left, right, &rest) ? tn_size_rational(s, rest.num, rest.den) : NULL;
    tn_size pair[2] = {a, b};
    return tn_size_of_atom(s, tn_size_atom(s, TN_ATOM_MOD, 0, pair, 2));
}

/* Adds `a` to the arguments of a min or max, by bytes; of two that differ by
 * a number only one stays. */
static bool
add_argument(tn_sizes *s, tn_atom_kind kind, tn_size *arg, int *count, tn_size a)
{
    int at = 0;
    for (int i = 0; i < *count; i++) {
        tn_ratio rest;
        tn_size difference = tn_size_sub(s, a, arg[i]);
        if (!difference || !tn_size_is_ratio(difference, &rest))
            continue;
        if (kind == TN_ATOM_MIN ? rest.num >= 0 : rest.num <= 0)
            return true;
        /* `a` wins over an argument that differs by a number, and over no
         * other: the arguments differ by no number among themselves. */
        memmove(arg + i, arg + i + 1, (size_t)(*count - i - 1) * sizeof *arg);
        --*count;
        break;
    }
    if (*count == TN_SIZE_MAX_ARGS)
        return false;
    while (at < *count && strcmp(arg[at]->text, a->text) < 0)
        at++;
    memmove(arg + at + 1, arg + at, (size_t)(*count - at) * sizeof *arg);
    arg[at] = a;
    ++*count;
    return true;
}

/* The arguments of `a` if it is an atom of the same kind, else `a` itself. */
static bool
add_flat(tn_sizes *s, tn_atom_kind kind, tn_size *arg, int *count, tn_size a)
{
    const tn_term *term = a->term;
    if (a->count != 1 || term->by.num != 1 || term->by.den != 1 || term->mono->count != 1 ||
        term->mono->factor[0].power != 1 || term->mono->factor[0].atom->kind != kind)
        return add_argument(s, kind, arg, count, a);
    const tn_atom *atom = term->mono->factor[0].atom;
    for (int i = 0; i < atom->count; i++)
        if (!add_argument(s, kind, arg, count, atom->arg[i]))
            return false;
    return true;
}

static tn_size
choose(tn_sizes *s, tn_atom_kind kind, tn_size a, tn_size b)
{
    tn_size arg[TN_SIZE_MAX_ARGS];
    int count = 0;
    if (!a || !b || !add_flat(s, kind, arg, &count, a) || !add_flat(s, kind, arg, &count, b))
        return NULL;
    if (count == 1)
        return arg[0];
    return tn_size_of_atom(s, tn_size_atom(s, kind, 0, arg, count));
}

tn_size
tn_size_min(tn_sizes *s, tn_size a, tn_size b)
{
    return choose(s, TN_ATOM_MIN, a, b);
}

tn_size
tn_size_max(tn_sizes *s, tn_size a, tn_size b)
{
    return choose(s, TN_ATOM_MAX, a, b);
}
