/* SPDX-License-Identifier: Apache-2.0
 * Patterns of rules.def in random graphs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rule.h"
#include "tests/fuzz_graphs/fz_in.h"
#include "tests/fuzz_graphs/fz_make.h"

/* Element-wise rows of one value whose slope is at most 1.2. */
static const char *const rows[] = {"sigmoid", "sigmoid_recip", "silu", "mul_one", "div_one",
    "sub_zero", "neg_neg", "div_power_of_two", "div_number"};

static int
row_named(const char *name)
{
    for (int i = 0; i < tn_rule_count(); i++)
        if (!strcmp(tn_rule_at(i)->name, name))
            return i;
    abort(); /* a row that is gone is not planted */
}

int
fz_spelling(fz_graph *g)
{
    return row_named(rows[fz_pick(g, (int)(sizeof rows / sizeof *rows))]);
}

typedef struct speller {
    fz_writer *w;
    int node;
    const char *at;
    const char *number; /* c */
} speller;

static fz_name
word(speller *s)
{
    size_t length = strspn(s->at, "abcdefghijklmnopqrstuvwxyz_0123456789.-");
    fz_name out;

    snprintf(out.at, sizeof out.at, "%.*s", (int)length, s->at);
    s->at += length;
    return out;
}

/* One tree; as deep as the rows are. `last`: the node itself. */
static fz_name
spell(speller *s, bool last)
{
    const fz_node *n = &s->w->g->nodes[s->node];
    fz_name out = word(s), in[3];
    char list[120] = "";
    int count = 0;

    if (*s->at == ':') {
        s->at++;
        out = word(s);
    }
    if (*s->at != '(') {
        if (!strcmp(out.at, "x"))
            snprintf(out.at, sizeof out.at, "n%d", n->in[0]);
        else if (!strcmp(out.at, "c"))
            snprintf(out.at, sizeof out.at, "%s", s->number);
        return out;
    }
    do {
        s->at += *s->at == ',' ? 2 : 1;
        in[count++] = spell(s, false);
    } while (*s->at == ',');
    s->at++;
    for (int i = 0; i < count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", in[i].at);
    if (last) {
        fz_statement(s->w, s->node, "%s %s", out.at, list);
    } else {
        fz_name to;

        snprintf(to.at, sizeof to.at, "t%d", s->w->next++);
        fz_both(s->w, "    %s: %s%s = %s %s\n", to.at, tn_dtype_name(n->dtype),
            fz_shaped(s->w, n, -1).at, out.at, list);
        out = to;
    }
    return out;
}

void
fz_spelled(fz_writer *w, int i)
{
    const tn_rule *row = tn_rule_at(w->g->nodes[i].p[0]);
    speller s = {w, i, row->from, strstr(row->when, "power_of_two") ? "4" : "3"};

    (void)spell(&s, true);
}
