/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct verb_row {
    const char *name, *operands, *doc;
} verb_row;

typedef struct option_row {
    const char *spelling;
    tn_option_kind kind;
    const char *value, *verbs, *doc;
} option_row;

static const verb_row verbs[] = {
#define TN_VERB(name, operands, doc) {#name, operands, doc},
#include "tools/options.def"
};

static const option_row rows[] = {
#define TN_OPTION(id, spelling, kind, value, verbs, doc) \
    {spelling, TN_OPTION_##kind, value, verbs, doc},
#include "tools/options.def"
};

static bool
has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");

        if (n == length && !strncmp(at, word, n))
            return true;
        at += n;
    }
    return false;
}

static bool
takes(const option_row *row, tn_verb verb)
{
    return !strcmp(row->verbs, "*") || has_word(row->verbs, verbs[verb].name);
}

static tn_status
unknown_verb(tn_diag *diag, const char *word)
{
    const char *best = NULL;
    int best_distance = 3;

    for (int i = 0; i < TN_VERB_COUNT; i++) {
        int d = tn_edit_distance(word, verbs[i].name, 2);

        if (d < best_distance) {
            best_distance = d;
            best = verbs[i].name;
        }
    }
    if (best)
        return tn_fail(diag, TN_USAGE, "there is no verb \"%s\"; did you mean \"%s\"?", word, best);
    return tn_fail(diag, TN_USAGE, "there is no verb \"%s\"; see tenon --help", word);
}

static tn_status
unknown_option(tn_diag *diag, const char *word)
{
    const char *best = NULL;
    int best_distance = 4;

    for (int i = 0; i < TN_OPT_COUNT; i++) {
        int d = tn_edit_distance(word, rows[i].spelling, 3);

        if (d < best_distance) {
            best_distance = d;
            best = rows[i].spelling;
        }
    }
    if (best)
        return tn_fail(diag, TN_USAGE, "there is no option %s; did you mean %s?", word, best);
    return tn_fail(diag, TN_USAGE, "there is no option %s; see tenon --help", word);
}

static tn_status
take_value(tn_arena *arena, tn_diag *diag, tn_options *o, int id, const char *text)
{
    tn_option_value *v = &o->value[id];
    char *end;

    v->given = true;
    v->text = text;
    if (rows[id].kind == TN_OPTION_LIST)
        tn_push(arena, &v->list, text);
    if (rows[id].kind == TN_OPTION_WHOLE) {
        v->whole = strtoll(text, &end, 10);
        if (end == text || *end || v->whole < 0)
            return tn_fail(diag, TN_USAGE, "%s: expected a whole number, found \"%s\"",
                rows[id].spelling, text);
    }
    return TN_OK;
}

/* Row of a word: "--set", or "--set=L=4" (then *inline_value is set). */
static int
find_option(const char *word, const char **inline_value)
{
    size_t length = strcspn(word, "=");

    *inline_value = NULL;
    for (int i = 0; i < TN_OPT_COUNT; i++) {
        if (!strcmp(rows[i].spelling, word))
            return i;
        if (word[0] == '-' && word[1] == '-' && word[length] &&
            strlen(rows[i].spelling) == length && !strncmp(rows[i].spelling, word, length)) {
            *inline_value = word + length + 1;
            return i;
        }
    }
    return -1;
}

static tn_status
parse_option(tn_arena *arena, tn_diag *diag, tn_options *o, int argc, char **argv, int *at)
{
    const char *inline_value;
    int id = find_option(argv[*at], &inline_value);

    if (id < 0)
        return unknown_option(diag, argv[*at]);
    if (rows[id].kind == TN_OPTION_FLAG) {
        if (inline_value)
            return tn_fail(diag, TN_USAGE, "%s takes no value", rows[id].spelling);
        o->value[id].given = true;
        return TN_OK;
    }
    if (inline_value)
        return take_value(arena, diag, o, id, inline_value);
    if (*at + 1 >= argc)
        return tn_fail(diag, TN_USAGE, "%s: a value must follow (%s)", rows[id].spelling,
            rows[id].value);
    return take_value(arena, diag, o, id, argv[++*at]);
}

static tn_status
take_word(tn_arena *arena, tn_diag *diag, tn_options *o, const char *word)
{
    if (o->has_verb) {
        tn_push(arena, &o->operands, word);
        return TN_OK;
    }
    for (int i = 0; i < TN_VERB_COUNT; i++)
        if (!strcmp(verbs[i].name, word)) {
            o->verb = (tn_verb)i;
            o->has_verb = true;
            return TN_OK;
        }
    return unknown_verb(diag, word);
}

tn_status
tn_options_parse(tn_arena *arena, tn_diag *diag, int argc, char **argv, tn_options *o)
{
    bool only_words = false;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--version"))
            o->version = true;
        else if (!strcmp(argv[i], "--") && !only_words)
            only_words = true;
        else if (argv[i][0] == '-' && argv[i][1] && !only_words)
            TN_TRY(parse_option(arena, diag, o, argc, argv, &i));
        else
            TN_TRY(take_word(arena, diag, o, argv[i]));
    }
    for (int id = 0; id < TN_OPT_COUNT && o->has_verb; id++)
        if (o->value[id].given && !takes(&rows[id], o->verb))
            return tn_fail(diag, TN_USAGE, "tenon %s takes no %s; see tenon %s --help",
                verbs[o->verb].name, rows[id].spelling, verbs[o->verb].name);
    return TN_OK;
}

static void
help_option(tn_text *out, const option_row *row)
{
    char head[64];

    snprintf(head, sizeof head, "%s %s", row->spelling, row->value);
    tn_text_add(out, "  %-24s %s\n", head, row->doc);
}

void
tn_options_help(tn_text *out, const tn_options *o)
{
    if (o->has_verb) {
        tn_text_add(out, "tenon %s %s\n%s\n\n", verbs[o->verb].name, verbs[o->verb].operands,
            verbs[o->verb].doc);
    } else {
        tn_text_add(out, "tenon VERB .. : kernel compiler and graph executor\n\n");
        for (int i = 0; i < TN_VERB_COUNT; i++)
            tn_text_add(out, "  %-10s %-24s %s\n", verbs[i].name, verbs[i].operands, verbs[i].doc);
        tn_text_add(out, "\nOptions of every verb (tenon VERB --help shows all):\n");
    }
    for (int i = 0; i < TN_OPT_COUNT; i++)
        if (o->has_verb ? takes(&rows[i], o->verb) : !strcmp(rows[i].verbs, "*"))
            help_option(out, &rows[i]);
    if (o->has_verb)
        return;
    tn_text_add(out, "  %-24s %s\n\nEnvironment:\n", "--version", "the version");
#define TN_VARIABLE(name, doc) tn_text_add(out, "  %-24s %s\n", #name, doc);
#include "tools/options.def"
}

void
tn_options_markdown(tn_text *out)
{
    tn_text_add(out, "# The command line\n\nGenerated from `tools/options.def`.\n\n");
    tn_text_add(out, "| verb | operands | what it does |\n| --- | --- | --- |\n");
    for (int i = 0; i < TN_VERB_COUNT; i++)
        tn_text_add(out, "| `%s` | `%s` | %s |\n", verbs[i].name, verbs[i].operands, verbs[i].doc);
    tn_text_add(out, "\n| option | verbs | what it does |\n| --- | --- | --- |\n");
    for (int i = 0; i < TN_OPT_COUNT; i++)
        tn_text_add(out, "| `%s%s%s` | %s | %s |\n", rows[i].spelling, *rows[i].value ? " " : "",
            rows[i].value, rows[i].verbs, rows[i].doc);
    tn_text_add(out, "\n| variable | what it does |\n| --- | --- |\n");
#define TN_VARIABLE(name, doc) tn_text_add(out, "| `%s` | %s |\n", #name, doc);
#include "tools/options.def"
}
