/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "ir/size_node.h"

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* As an expression spells it: anything but an identifier is quoted. A quote
 * inside (no expression can name such a symbol) is doubled, so that texts stay
 * distinct. */
static void
print_name(tn_text *out, const char *name)
{
    const char *at = name;
    if (is_letter(*at))
        while (is_letter(*at) || (*at >= '0' && *at <= '9') || *at == '_')
            at++;
    while (at > name && *at == '\'')
        at++;
    if (at > name && *at == '\0') {
        tn_text_put(out, name, strlen(name));
        return;
    }
    tn_text_put(out, "`", 1);
    for (at = name; *at; at++) {
        tn_text_put(out, at, 1);
        if (*at == '`')
            tn_text_put(out, "`", 1);
    }
    tn_text_put(out, "`", 1);
}

/* The text, in parentheses if it is a sum, a fraction or a product. */
static void
print_operand(tn_text *out, tn_size a)
{
    bool bare = a->count == 0 ||
        (a->count == 1 && a->term[0].by.den == 1 &&
            (a->term[0].mono->count == 0 ? a->term[0].by.num >= 0
                                         : a->term[0].by.num == 1 && a->term[0].mono->degree == 1));
    tn_text_add(out, bare ? "%s" : "(%s)", a->text);
}

static void
print_call(tn_text *out, const char *name, const tn_atom *atom)
{
    tn_text_add(out, "%s(", name);
    for (int i = 0; i < atom->count; i++)
        tn_text_add(out, "%s%s", i ? "," : "", atom->arg[i]->text);
    tn_text_put(out, ")", 1);
}

static void
print_rounded(tn_text *out, const char *name, const tn_atom *atom)
{
    if (atom->count == 1) {
        print_call(out, name, atom);
        return;
    }
    tn_text_add(out, "%s(", name);
    print_operand(out, atom->arg[0]);
    tn_text_put(out, "/", 1);
    print_operand(out, atom->arg[1]);
    tn_text_put(out, ")", 1);
}

void
tn_size_print_atom(tn_text *out, const tn_sizes *s, const tn_atom *atom)
{
    switch (atom->kind) {
    case TN_ATOM_SYMBOL: print_name(out, s->symbols.at[atom->symbol].name); break;
    case TN_ATOM_CEIL: print_rounded(out, "ceil", atom); break;
    case TN_ATOM_FLOOR: print_rounded(out, "floor", atom); break;
    case TN_ATOM_MOD:
        tn_text_put(out, "(", 1);
        print_operand(out, atom->arg[0]);
        tn_text_put(out, "%", 1);
        print_operand(out, atom->arg[1]);
        tn_text_put(out, ")", 1);
        break;
    case TN_ATOM_MIN: print_call(out, "min", atom); break;
    case TN_ATOM_MAX: print_call(out, "max", atom); break;
    }
}

void
tn_size_print_mono(tn_text *out, const tn_mono *mono)
{
    for (int i = 0; i < mono->count; i++) {
        tn_text_add(out, "%s%s", i ? "*" : "", mono->factor[i].atom->text);
        if (mono->factor[i].power > 1)
            tn_text_add(out, "^%d", mono->factor[i].power);
    }
}

static void
print_term(tn_text *out, const tn_term *term, bool first)
{
    int64_t num = term->by.num;
    if (num < 0)
        tn_text_put(out, "-", 1);
    else if (!first)
        tn_text_put(out, "+", 1);
    num = num < 0 ? -num : num;
    if (term->mono->count == 0)
        tn_text_add(out, "%" PRId64, num);
    else if (num == 1)
        tn_text_add(out, "%s", term->mono->text);
    else
        tn_text_add(out, "%" PRId64 "*%s", num, term->mono->text);
    if (term->by.den != 1)
        tn_text_add(out, "/%" PRId64, term->by.den);
}

void
tn_size_print_terms(tn_text *out, const tn_term *term, int count)
{
    for (int i = 0; i < count; i++)
        print_term(out, &term[i], i == 0);
    if (count == 0)
        tn_text_put(out, "0", 1);
}

void
tn_size_print(tn_text *out, const tn_sizes *s, tn_size a)
{
    (void)s;
    tn_text_put(out, a->text, strlen(a->text));
}
