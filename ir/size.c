/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/size.h"

#include <stdlib.h>
#include <string.h>

#include "ir/size_node.h"

tn_sizes *
tn_sizes_create(tn_arena *arena)
{
    tn_sizes *s = tn_new(arena, tn_sizes);
    s->arena = arena;
    s->atoms.arena = s->monos.arena = s->nodes.arena = s->scratch.arena = arena;
    return s;
}

int
tn_sizes_add(tn_sizes *s, const tn_symbol *symbol)
{
    tn_symbol copy = *symbol;
    copy.name = tn_arena_copy(s->arena, symbol->name, strlen(symbol->name));
    tn_push(s->arena, &s->symbols, copy);
    tn_push(s->arena, &s->replaced, NULL);
    return (int)s->symbols.count - 1;
}

int
tn_sizes_find(const tn_sizes *s, const char *name)
{
    for (uint32_t i = 0; i < s->symbols.count; i++)
        if (strcmp(s->symbols.at[i].name, name) == 0)
            return (int)i;
    return -1;
}

int
tn_sizes_count(const tn_sizes *s)
{
    return (int)s->symbols.count;
}

const tn_symbol *
tn_sizes_symbol(const tn_sizes *s, int index)
{
    return &s->symbols.at[index];
}

const tn_atom *
tn_size_atom(tn_sizes *s, tn_atom_kind kind, int symbol, const tn_size *arg, int count)
{
    tn_atom atom = {.kind = kind, .symbol = symbol, .count = count, .arg = arg};
    for (int i = 0; i < count; i++)
        if (arg[i]->depth >= atom.depth)
            atom.depth = arg[i]->depth + 1;
    s->scratch.length = 0;
    tn_size_print_atom(&s->scratch, s, &atom);
    if (atom.depth > TN_SIZE_MAX_DEPTH || count > TN_SIZE_MAX_ARGS ||
        s->scratch.length > TN_SIZE_MAX_TEXT)
        return NULL;
    const tn_atom *known = tn_map_get(&s->atoms, s->scratch.at);
    if (known)
        return known;
    atom.text = tn_arena_copy(s->arena, s->scratch.at, s->scratch.length);
    tn_size *args = tn_new_array(s->arena, tn_size, count);
    for (int i = 0; i < count; i++)
        args[i] = arg[i];
    atom.arg = args;
    tn_atom *fresh = tn_new(s->arena, tn_atom);
    *fresh = atom;
    tn_map_put(&s->atoms, fresh->text, fresh);
    return fresh;
}

static const tn_mono *
intern_mono(tn_sizes *s, const tn_factor *factor, int count)
{
    tn_mono mono = {.count = count, .factor = factor};
    for (int i = 0; i < count; i++) {
        mono.degree += factor[i].power;
        if (factor[i].atom->depth > mono.depth)
            mono.depth = factor[i].atom->depth;
    }
    s->scratch.length = 0;
    tn_text_put(&s->scratch, "", 0);
    tn_size_print_mono(&s->scratch, &mono);
    if (count > TN_SIZE_MAX_FACTORS || mono.degree > TN_SIZE_MAX_POWER ||
        s->scratch.length > TN_SIZE_MAX_TEXT)
        return NULL;
    const tn_mono *known = tn_map_get(&s->monos, s->scratch.at);
    if (known)
        return known;
    mono.text = tn_arena_copy(s->arena, s->scratch.at, s->scratch.length);
    tn_factor *factors = tn_new_array(s->arena, tn_factor, count);
    for (int i = 0; i < count; i++)
        factors[i] = factor[i];
    mono.factor = factors;
    tn_mono *fresh = tn_new(s->arena, tn_mono);
    *fresh = mono;
    tn_map_put(&s->monos, fresh->text, fresh);
    return fresh;
}

/* Falling degree, then bytes. */
static int
compare_monos(const tn_mono *a, const tn_mono *b)
{
    if (a->degree != b->degree)
        return a->degree > b->degree ? -1 : 1;
    return a == b ? 0 : strcmp(a->text, b->text);
}

static int
compare_terms(const void *a, const void *b)
{
    return compare_monos(((const tn_term *)a)->mono, ((const tn_term *)b)->mono);
}

tn_size
tn_size_of_terms(tn_sizes *s, tn_term *term, int count)
{
    int kept = 0;
    tn_size_node node = {0};
    for (int i = 0; i < count; i++)
        if (term[i].by.num)
            term[kept++] = term[i];
    if (kept)
        qsort(term, (size_t)kept, sizeof *term, compare_terms);
    for (int i = 0; i < kept; i++)
        if (term[i].mono->depth > node.depth)
            node.depth = term[i].mono->depth;
    s->scratch.length = 0;
    tn_size_print_terms(&s->scratch, term, kept);
    if (kept > TN_SIZE_MAX_TERMS || s->scratch.length > TN_SIZE_MAX_TEXT)
        return NULL;
    tn_size known = tn_map_get(&s->nodes, s->scratch.at);
    if (known)
        return known;
    node.count = kept;
    node.text = tn_arena_copy(s->arena, s->scratch.at, s->scratch.length);
    tn_term *terms = tn_new_array(s->arena, tn_term, kept);
    for (int i = 0; i < kept; i++)
        terms[i] = term[i];
    node.term = terms;
    tn_size_node *fresh = tn_new(s->arena, tn_size_node);
    *fresh = node;
    tn_map_put(&s->nodes, fresh->text, fresh);
    return fresh;
}

tn_size
tn_size_of_atom(tn_sizes *s, const tn_atom *atom)
{
    if (!atom)
        return NULL;
    tn_factor factor = {atom, 1};
    tn_term term = {tn_ratio_int(1), intern_mono(s, &factor, 1)};
    return term.mono ? tn_size_of_terms(s, &term, 1) : NULL;
}

tn_size
tn_size_int(tn_sizes *s, int64_t value)
{
    return tn_size_rational(s, value, 1);
}

tn_size
tn_size_rational(tn_sizes *s, int64_t num, int64_t den)
{
    tn_term term = {.mono = intern_mono(s, NULL, 0)};
    if (!tn_ratio_make(num, den, &term.by))
        return NULL;
    return tn_size_of_terms(s, &term, 1);
}

tn_size
tn_size_symbol(tn_sizes *s, int symbol)
{
    if (s->replaced.at[symbol])
        return s->replaced.at[symbol];
    return tn_size_of_atom(s, tn_size_atom(s, TN_ATOM_SYMBOL, symbol, NULL, 0));
}

bool
tn_size_is_ratio(tn_size a, tn_ratio *out)
{
    if (a->count == 0) {
        *out = tn_ratio_int(0);
        return true;
    }
    if (a->count > 1 || a->term[0].mono->count)
        return false;
    *out = a->term[0].by;
    return true;
}

bool
tn_size_is_int(tn_size a, int64_t *value)
{
    tn_ratio number;
    if (!tn_size_is_ratio(a, &number) || number.den != 1)
        return false;
    *value = number.num;
    return true;
}

int
tn_size_merge(tn_size a, tn_size b, tn_ratio by, tn_term *out)
{
    int i = 0, j = 0, count = 0;
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1
            : j == b->count       ? -1
                                  : compare_monos(a->term[i].mono, b->term[j].mono);
        tn_ratio scaled = tn_ratio_int(0), sum = tn_ratio_int(0);
        if (order >= 0 && !tn_ratio_mul(b->term[j].by, by, &scaled))
            return -1;
        if (order <= 0)
            sum = a->term[i].by;
        if (!tn_ratio_add(sum, scaled, &sum))
            return -1;
        out[count].mono = order <= 0 ? a->term[i].mono : b->term[j].mono;
        out[count].by = sum;
        count += sum.num != 0;
        i += order <= 0;
        j += order >= 0;
    }
    return count;
}

tn_size
tn_size_add_scaled(tn_sizes *s, tn_size a, tn_size b, tn_ratio by)
{
    if (!a || !b)
        return NULL;
    tn_term sum[2 * TN_SIZE_MAX_TERMS];
    int count = tn_size_merge(a, b, by, sum);
    return count < 0 ? NULL : tn_size_of_terms(s, sum, count);
}

tn_size
tn_size_add(tn_sizes *s, tn_size a, tn_size b)
{
    return tn_size_add_scaled(s, a, b, tn_ratio_int(1));
}

tn_size
tn_size_sub(tn_sizes *s, tn_size a, tn_size b)
{
    return tn_size_add_scaled(s, a, b, tn_ratio_int(-1));
}

static const tn_mono *
multiply_monos(tn_sizes *s, const tn_mono *a, const tn_mono *b)
{
    tn_factor factor[2 * TN_SIZE_MAX_FACTORS];
    int i = 0, j = 0, count = 0;
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1
            : j == b->count       ? -1
            : a->factor[i].atom == b->factor[j].atom
            ? 0
            : strcmp(a->factor[i].atom->text, b->factor[j].atom->text);
        factor[count].atom = order <= 0 ? a->factor[i].atom : b->factor[j].atom;
        factor[count].power =
            (order <= 0 ? a->factor[i].power : 0) + (order >= 0 ? b->factor[j].power : 0);
        count++;
        i += order <= 0;
        j += order >= 0;
    }
    return intern_mono(s, factor, count);
}

/* a times one term. */
static tn_size
scale_by_term(tn_sizes *s, tn_size a, const tn_term *by)
{
    tn_term product[TN_SIZE_MAX_TERMS];
    for (int i = 0; i < a->count; i++) {
        product[i].mono = multiply_monos(s, a->term[i].mono, by->mono);
        if (!product[i].mono || !tn_ratio_mul(a->term[i].by, by->by, &product[i].by))
            return NULL;
    }
    return tn_size_of_terms(s, product, a->count);
}

tn_size
tn_size_mul(tn_sizes *s, tn_size a, tn_size b)
{
    if (!a || !b)
        return NULL;
    tn_size sum = tn_size_int(s, 0);
    for (int i = 0; i < b->count && sum; i++)
        sum = tn_size_add(s, sum, scale_by_term(s, a, &b->term[i]));
    return sum;
}

/* a / b, or NULL if it does not divide. */
static const tn_mono *
divide_monos(tn_sizes *s, const tn_mono *a, const tn_mono *b)
{
    tn_factor factor[TN_SIZE_MAX_FACTORS];
    int count = 0, j = 0;
    for (int i = 0; i < a->count; i++) {
        factor[count] = a->factor[i];
        if (j < b->count && b->factor[j].atom == a->factor[i].atom)
            factor[count].power -= b->factor[j++].power;
        if (factor[count].power < 0)
            return NULL;
        count += factor[count].power > 0;
    }
    return j == b->count ? intern_mono(s, factor, count) : NULL;
}

tn_size
tn_size_div(tn_sizes *s, tn_size a, tn_size b)
{
    if (!a || !b || b->count != 1)
        return NULL;
    tn_term quotient[TN_SIZE_MAX_TERMS];
    for (int i = 0; i < a->count; i++) {
        quotient[i].mono = divide_monos(s, a->term[i].mono, b->term[0].mono);
        if (!quotient[i].mono || !tn_ratio_div(a->term[i].by, b->term[0].by, &quotient[i].by))
            return NULL;
    }
    return tn_size_of_terms(s, quotient, a->count);
}
