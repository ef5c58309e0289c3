/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tparse_in.h"

#include <stdio.h>
#include <string.h>

static void
locate(const tn_tparse *p, int *line, int *column)
{
    *line = 1;
    *column = 1;
    for (const char *c = p->text; c < p->lex.from; c++) {
        *column = *c == '\n' ? 1 : *column + 1;
        *line += *c == '\n';
    }
}

void
tn_tp_fail(tn_tparse *p, const char *format, ...)
{
    char why[256];
    va_list args;
    int line, column;

    if (p->failed)
        return;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    locate(p, &line, &column);
    (void)tn_fail(p->diag, TN_MALFORMED, "%s:%d:%d: %s", p->place, line, column, why);
    p->failed = true;
    p->lex = (tn_tlex){.at = "", .from = "", .word = TN_WORD_END};
}

void
tn_tp_unknown(tn_tparse *p, const char *what, const char *name)
{
    if (p->said)
        p->lex.from = p->said;
    tn_tp_fail(p, "%s \"%s\"", what, name);
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *at)
{
    for (;;) {
        while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
            at++;
        if (*at != '#')
            return at;
        while (*at && *at != '\n')
            at++;
    }
}

/* "1..5" is two whole numbers: a point counts only before a digit. */
static const char *
end_of_number(const char *at, bool *real)
{
    *real = false;
    while (is_digit(*at))
        at++;
    if (*at == '.' && is_digit(at[1])) {
        *real = true;
        for (at++; is_digit(*at);)
            at++;
    }
    if (*at == 'e' && (is_digit(at[1]) || ((at[1] == '-' || at[1] == '+') && is_digit(at[2])))) {
        *real = true;
        for (at += 2; is_digit(*at);)
            at++;
    }
    return at;
}

static const char *
end_of_text(const char *at)
{
    for (at++; *at && *at != '"' && *at != '\n'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at == '"' ? at + 1 : at;
}

static tn_tlex
read_word(const char *at)
{
    tn_tlex l = {.word = TN_WORD_MARK};
    bool real;

    l.from = skip_space(at);
    l.at = l.from + 1;
    if (!*l.from) {
        l.word = TN_WORD_END;
        l.at = l.from;
    } else if (is_letter(*l.from)) {
        l.word = TN_WORD_NAME;
        while (is_letter(*l.at) || is_digit(*l.at))
            l.at++;
    } else if (is_digit(*l.from)) {
        l.at = end_of_number(l.from, &real);
        l.word = real ? TN_WORD_REAL : TN_WORD_WHOLE;
    } else if (*l.from == '"') {
        l.word = TN_WORD_TEXT;
        l.at = end_of_text(l.from);
    } else if (strncmp(l.from, "..", 2) == 0 || strncmp(l.from, "->", 2) == 0) {
        l.at = l.from + 2;
    }
    l.length = (size_t)(l.at - l.from);
    return l;
}

void
tn_tp_next(tn_tparse *p)
{
    if (!p->failed)
        p->lex = read_word(p->lex.at);
}

static bool
word_is(const tn_tlex *l, const char *word)
{
    return (l->word == TN_WORD_NAME || l->word == TN_WORD_MARK) && strlen(word) == l->length &&
        memcmp(l->from, word, l->length) == 0;
}

bool
tn_tp_is(const tn_tparse *p, const char *word)
{
    return word_is(&p->lex, word);
}

bool
tn_tp_peek_is(tn_tparse *p, const char *word)
{
    tn_tlex next = read_word(p->lex.at);

    return word_is(&next, word);
}

bool
tn_tp_accept(tn_tparse *p, const char *word)
{
    if (!tn_tp_is(p, word))
        return false;
    tn_tp_next(p);
    return true;
}

static const char *
found(tn_tparse *p)
{
    if (p->lex.word == TN_WORD_END)
        return "the end";
    return tn_arena_printf(p->arena, "\"%.*s\"", (int)(p->lex.length > 40 ? 40 : p->lex.length),
        p->lex.from);
}

void
tn_tp_expect(tn_tparse *p, const char *word)
{
    if (!tn_tp_accept(p, word))
        tn_tp_fail(p, "expected \"%s\", found %s", word, found(p));
}

const char *
tn_tp_name(tn_tparse *p, const char *what)
{
    const char *name;

    if (p->lex.word != TN_WORD_NAME) {
        tn_tp_fail(p, "expected %s, found %s", what, found(p));
        return "";
    }
    name = tn_arena_copy(p->arena, p->lex.from, p->lex.length);
    p->said = p->lex.from;
    tn_tp_next(p);
    return name;
}

const char *
tn_tp_string(tn_tparse *p)
{
    char *text = tn_arena_get(p->arena, p->lex.length + 1);
    size_t n = 0;

    if (p->lex.word != TN_WORD_TEXT || p->lex.length < 2 || p->lex.at[-1] != '"') {
        tn_tp_fail(p, "expected a text in quotes, found %s", found(p));
        return "";
    }
    for (size_t i = 1; i + 1 < p->lex.length; i++) {
        char c = p->lex.from[i];

        if (c == '\\' && i + 2 < p->lex.length)
            c = p->lex.from[++i];
        text[n++] = c;
    }
    tn_tp_next(p);
    return text;
}

int64_t
tn_tp_whole(tn_tparse *p)
{
    bool negative = tn_tp_accept(p, "-");
    uint64_t value = 0;

    if (p->lex.word != TN_WORD_WHOLE || p->lex.length > 19) {
        tn_tp_fail(p, "expected a whole number, found %s", found(p));
        return 0;
    }
    for (size_t i = 0; i < p->lex.length; i++)
        value = value * 10 + (uint64_t)(p->lex.from[i] - '0');
    tn_tp_next(p);
    return (int64_t)(negative ? 0 - value : value);
}
