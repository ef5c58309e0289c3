/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_trial.h"

enum { TRIES = 400 };

typedef struct cutting {
    fz_session *s;
    fz_graph g;
    fz_outcome wanted;
    int where, tries;
    char why[600];
} cutting;

static bool
still(cutting *c, const fz_graph *g)
{
    int where = c->where;

    if (c->tries++ > TRIES || fz_try(c->s, g, c->where, &where) != c->wanted)
        return false;
    c->g = *g;
    memcpy(c->why, c->s->why, sizeof c->why);
    return true;
}

static bool
cut_outputs(cutting *c)
{
    bool any = false;

    for (int i = 0; i < c->g.count; i++) {
        fz_graph g = c->g;
        int outputs = 0;

        for (int k = 0; k < g.count; k++)
            outputs += g.nodes[k].output;
        g.nodes[i].output = false;
        if (c->g.nodes[i].output && outputs > 1)
            any = still(c, &g) || any;
    }
    return any;
}

/* A node becomes an input, or the output moves to what it reads. */
static bool
cut_node(cutting *c, int i)
{
    fz_graph g = c->g;
    fz_node *n = &g.nodes[i];

    if (n->output) {
        n->output = false;
        for (int k = 0; k < n->in_count; k++)
            g.nodes[n->in[k]].output |= g.nodes[n->in[k]].in_count > 0;
        return still(c, &g);
    }
    n->kind = FZ_INPUT;
    n->in_count = 0;
    return still(c, &g);
}

static bool
cut_nodes(cutting *c)
{
    bool any = false, needed[FZ_NODES];

    for (int i = c->g.count - 1; i >= 0; i--) {
        fz_needed(&c->g, needed);
        if (needed[i] && (c->g.nodes[i].in_count > 0 || c->g.nodes[i].kind == FZ_STATE))
            any = cut_node(c, i) || any;
    }
    return any;
}

static bool
cut_symbols(cutting *c)
{
    bool any = false;

    for (int i = 0; i < c->g.symbol_count; i++)
        for (int64_t v = 1; v < c->g.symbols[i]; v = v * 2 + 1) {
            fz_graph g = c->g;

            g.symbols[i] = v;
            if (still(c, &g)) {
                any = true;
                break;
            }
        }
    return any;
}

/* Every cutter once; true when one of them found something to cut. */
static bool
cut(cutting *c)
{
    bool outputs = cut_outputs(c), nodes = cut_nodes(c), symbols = cut_symbols(c);

    return outputs || nodes || symbols;
}

static void
print(const cutting *c)
{
    static const char *const words[] = {"", "is no graph", "fails in the reference",
        "does not compile", "does not run", "differs", "runs, an index out of range"};
    fz_text plain = {0}, bound = {0};

    fz_write(&c->g, &plain, &bound);
    printf("seed %llu %s on %s, %s, %s: %s\n", (unsigned long long)c->g.seed, words[c->wanted],
        c->wanted > FZ_NO_REFERENCE ? c->s->devices[c->where / FZ_MODES].name : "-",
        c->where & 1 ? "fused" : "not fused", c->where & 2 ? "buffers apart" : "planned", c->why);
    for (int i = 0; i < c->g.symbol_count; i++)
        printf("  %c = %lld\n", 'A' + i, (long long)c->g.symbols[i]);
    printf("%s\n", c->wanted <= FZ_NO_REFERENCE ? bound.at : plain.at);
    fflush(stdout);
    fz_text_free(&plain);
    fz_text_free(&bound);
}

int
fz_report(fz_session *s, const fz_graph *g, fz_outcome out, int where)
{
    cutting c = {.s = s, .g = *g, .wanted = out, .where = where};

    memcpy(c.why, s->why, sizeof c.why);
    while (cut(&c) && c.tries < TRIES)
        continue;
    print(&c);
    return fz_size(&c.g);
}
