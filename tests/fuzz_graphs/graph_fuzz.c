/* SPDX-License-Identifier: Apache-2.0
 *
 * Random graphs on devices against the reference evaluator:
 *
 *     graph_fuzz --device NAME.. [--count N] [--seed S] [--seconds T] [--print]
 *
 * --seconds ends a campaign early. Every graph is compiled with fusion and without, its plans are
 * checked, and every element of its outputs must be within a bound that is carried from node to
 * node. Elements behind a decision that the bound leaves open are left out and counted. A failure
 * is cut down to a small graph and printed. Exit code 1 if there was one, 77 if a device is not
 * there. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "passes/pass.h"
#include "tests/fuzz_graphs/fz.h"
#include "tests/support/run_graph.h"

enum { DEVICES = 8, SHRINK_TRIES = 400 };

typedef enum outcome { SAME, NO_GRAPH, NO_REFERENCE, NO_CODE, NO_RUN, DIFFERS } outcome;

typedef struct session {
    tn_graph_device devices[DEVICES];
    int device_count;
    bool print;
    /* Of the graph at hand. */
    char why[600];
    int64_t compared, open_elements;
    /* Of all. */
    int64_t graphs, failed, open_graphs, all_compared, all_open, kernels;
    int sizes[FZ_NODES + 1];
} session;

/* ---- data ---- */

static uint64_t
mix(uint64_t x)
{
    x ^= x >> 31;
    x *= UINT64_C(0x7fb5d329728ea185);
    x ^= x >> 27;
    x *= UINT64_C(0x81dadef4bc2dd44d);
    return x ^ x >> 33;
}

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    const fz_graph *g = self;
    uint64_t key = mix(g->seed * 977 + (uint64_t)atoi(v->name + 1));
    uint64_t r = mix(key + (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15));
    tn_dtype t = v->type.dtype;
    int64_t high = 0;

    if (tn_is_float(t)) {
        double x = (double)(r >> 11) * 0x1p-51 - 2;

        tn_store_double(t, to, key % 5 == 0 ? floor(x * 4) / 4 : x);
    } else if (in && in->has_range) {
        tn_size_is_int(in->high, &high);
        tn_store_int(t, to, (int64_t)(r % (uint64_t)(high + 1)));
    } else if (t == TN_BOOL) {
        tn_store_int(t, to, (int64_t)(r & 1));
    } else {
        tn_store_int(t, to,
            key % 4 == 0 ? (int64_t)r : (int64_t)(r % 9) - (tn_is_signed(t) ? 4 : 0));
    }
}

/* ---- one graph ---- */

typedef struct trial {
    session *s;
    fz_text plain_text, bound_text;
    tn_run_graph plain, bound;
} trial;

static const char *
message(const tn_run_graph *run)
{
    return tn_diag_count(&run->diag) ? tn_diag_text(&run->diag, 0) : "no message";
}

static tn_status
prepare(tn_run_graph *run, const char *text, const fz_graph *g)
{
    TN_TRY(tn_run_graph_open(run, text));
    for (int i = 0; i < g->symbol_count; i++)
        tn_run_graph_symbol(run, (const char[]){(char)('A' + i), '\0'}, g->symbols[i]);
    return tn_run_graph_fill(run, element, (void *)(uintptr_t)g);
}

static double
number(const tn_tensor *t, int64_t k)
{
    const char *at = (const char *)t->data + k * tn_dtype_bytes(t->dtype);

    return tn_is_float(t->dtype) ? tn_load_double(t->dtype, at) : (double)tn_load_int(t->dtype, at);
}

/* Integers beyond 2^53 are compared as such. */
static bool
meets(const tn_tensor *got, const tn_tensor *want, double bound, int64_t k)
{
    double a = number(got, k), b = number(want, k);

    if (!tn_is_float(got->dtype) && bound == 0)
        return !memcmp((const char *)got->data + k * tn_dtype_bytes(got->dtype),
            (const char *)want->data + k * tn_dtype_bytes(want->dtype),
            (size_t)tn_dtype_bytes(got->dtype));
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= bound;
}

static outcome
compare(trial *t, const tn_tensor *got)
{
    session *s = t->s;

    for (uint32_t o = 0; o < t->plain.g->outputs.count; o++) {
        const tn_tensor *want = &t->bound.wanted[2 * o], *e = &t->bound.wanted[2 * o + 1];
        int64_t count = 0;

        tn_tensor_elements(want, &count);
        for (int64_t k = 0; k < count; k++) {
            double bound = number(e, k);

            s->compared++;
            if (!(bound < 1e200)) {
                s->open_elements++;
                continue;
            }
            if (meets(&got[o], want, bound, k))
                continue;
            snprintf(s->why, sizeof s->why, "%s[%lld] is %.9g, wanted %.9g within %.3g",
                t->plain.g->outputs.at[o].name, (long long)k, number(&got[o], k), number(want, k),
                bound);
            return DIFFERS;
        }
    }
    return SAME;
}

static outcome
run_on(trial *t, tn_graph_device *device, bool fuse)
{
    tn_graph_code code;
    tn_tensor got[TN_RUN_GRAPH_TENSORS] = {{0}};
    outcome out = SAME;

    tn_diag_clear(&t->plain.diag);
    if (tn_run_graph_compile(&t->plain, device, fuse ? 0 : tn_pass_bit("group"), &code) != TN_OK)
        out = NO_CODE;
    else if (tn_run_graph_on(&code, got) != TN_OK)
        out = NO_RUN;
    if (out != SAME)
        snprintf(t->s->why, sizeof t->s->why, "%s", message(&t->plain));
    else
        out = compare(t, got);
    t->s->kernels += code.kernels;
    tn_run_graph_free(&t->plain, got);
    tn_graph_code_close(&code);
    return out;
}

static outcome
start(trial *t, const fz_graph *g)
{
    session *s = t->s;
    tn_status status = prepare(&t->plain, t->plain_text.at, g);
    const tn_run_graph *wrong = &t->plain;

    if (status == TN_OK) {
        wrong = &t->bound;
        status = prepare(&t->bound, t->bound_text.at, g);
    }
    snprintf(s->why, sizeof s->why, "%s", status == TN_OK ? "" : message(wrong));
    if (status != TN_OK)
        return NO_GRAPH;
    if (tn_run_graph_want(&t->bound) == TN_OK)
        return SAME;
    snprintf(s->why, sizeof s->why, "%s", message(&t->bound));
    return NO_REFERENCE;
}

/* On every device, or on one in one mode (number 2*device + fusion). */
static outcome
try_graph(session *s, const fz_graph *g, int only, int *where)
{
    trial t = {.s = s};
    outcome out;

    s->compared = s->open_elements = 0;
    fz_write(g, &t.plain_text, &t.bound_text);
    out = start(&t, g);
    for (int d = 0; d < 2 * s->device_count && out == SAME; d++) {
        if (only >= 0 && only != d)
            continue;
        *where = d;
        out = run_on(&t, &s->devices[d / 2], d % 2 != 0);
    }
    tn_run_graph_close(&t.plain);
    if (out != NO_GRAPH || t.bound.text)
        tn_run_graph_close(&t.bound);
    fz_text_free(&t.plain_text);
    fz_text_free(&t.bound_text);
    return out;
}

/* ---- cutting down ---- */

typedef struct cutting {
    session *s;
    fz_graph g;
    outcome wanted;
    int where, tries;
    char why[600];
} cutting;

static bool
still(cutting *c, const fz_graph *g)
{
    int where = c->where;

    if (c->tries++ > SHRINK_TRIES || try_graph(c->s, g, c->where, &where) != c->wanted)
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
cut_nodes(cutting *c)
{
    bool any = false, needed[FZ_NODES];

    for (int i = c->g.count - 1; i >= 0; i--) {
        fz_graph g = c->g;
        fz_node *n = &g.nodes[i];

        fz_needed(&g, needed);
        if (!needed[i] || n->in_count == 0)
            continue;
        if (n->output) {
            n->output = false;
            for (int k = 0; k < n->in_count; k++)
                g.nodes[n->in[k]].output |= g.nodes[n->in[k]].in_count > 0;
            if (still(c, &g)) {
                any = true;
                continue;
            }
            g = c->g;
        } else {
            n->kind = FZ_INPUT;
            n->in_count = 0;
            any = still(c, &g) || any;
        }
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
report(session *s, const fz_graph *g, outcome out, int where)
{
    static const char *const words[] = {
        "", "is no graph", "fails in the reference", "does not compile", "does not run", "differs"};
    cutting c = {.s = s, .g = *g, .wanted = out, .where = where};
    trial t = {.s = s};

    memcpy(c.why, s->why, sizeof c.why);
    while (cut(&c) && c.tries < SHRINK_TRIES)
        continue;
    fz_write(&c.g, &t.plain_text, &t.bound_text);
    printf("seed %llu %s on %s, %s: %s\n", (unsigned long long)g->seed, words[out],
        out > NO_REFERENCE ? s->devices[where / 2].name : "-", where % 2 ? "fused" : "not fused",
        c.why);
    for (int i = 0; i < c.g.symbol_count; i++)
        printf("  %c = %lld\n", 'A' + i, (long long)c.g.symbols[i]);
    printf("%s\n", out <= NO_REFERENCE && s->print ? t.bound_text.at : t.plain_text.at);
    fflush(stdout);
    fz_text_free(&t.plain_text);
    fz_text_free(&t.bound_text);
}

static void
one(session *s, uint64_t seed)
{
    static fz_graph g;
    bool needed[FZ_NODES];
    int where = 0, size = 0;
    outcome out;

    fz_generate(&g, seed);
    fz_needed(&g, needed);
    for (int i = 0; i < g.count; i++)
        size += needed[i] && g.nodes[i].in_count > 0;
    if (size == 0)
        return;
    s->sizes[size]++;
    s->graphs++;
    out = try_graph(s, &g, -1, &where);
    s->all_compared += s->compared;
    s->all_open += s->open_elements;
    s->open_graphs += s->open_elements > 0;
    if (out == SAME)
        return;
    s->failed++;
    report(s, &g, out, where);
}

/* ---- the program ---- */

static volatile sig_atomic_t running;

/* An assertion names no seed. */
static void
note_seed(int number)
{
    (void)number;
    fprintf(stderr, "seed %ld ends the process\n", (long)running);
}

static int
median(const session *s)
{
    int64_t below = 0;

    for (int i = 0; i <= FZ_NODES; i++) {
        below += s->sizes[i];
        if (2 * below >= s->graphs)
            return i;
    }
    return 0;
}

static bool
open_devices(session *s, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--device") != 0)
            continue;
        if (s->device_count == DEVICES ||
            !tn_graph_device_open(&s->devices[s->device_count], argv[i + 1]))
            return false;
        s->device_count++;
    }
    return s->device_count > 0;
}

int
main(int argc, char **argv)
{
    static session s;
    int64_t count = 100, seed = 1, seconds = INT64_MAX;
    time_t start = time(NULL);

    for (int i = 1; i + 1 < argc; i++) {
        if (!strcmp(argv[i], "--count"))
            count = atoll(argv[i + 1]);
        if (!strcmp(argv[i], "--seed"))
            seed = atoll(argv[i + 1]);
        if (!strcmp(argv[i], "--seconds"))
            seconds = atoll(argv[i + 1]);
    }
    signal(SIGABRT, note_seed);
    s.print = !strcmp(argv[argc - 1], "--print");
    if (!open_devices(&s, argc, argv))
        return 77;
    for (int64_t i = 0; i < count && time(NULL) - start < seconds; i++) {
        running = (sig_atomic_t)(seed + i);
        one(&s, (uint64_t)(seed + i));
    }
    printf("%lld graphs, median of %d nodes, %lld kernels, %lld failed; %lld elements compared, "
           "%lld of them (in %lld graphs) behind a decision within its margin\n",
        (long long)s.graphs, median(&s), (long long)s.kernels, (long long)s.failed,
        (long long)s.all_compared, (long long)s.all_open, (long long)s.open_graphs);
    for (int i = 0; i < s.device_count; i++) {
        printf("  %s: %s (%s)\n", s.devices[i].name, s.devices[i].title, s.devices[i].identity);
        tn_graph_device_close(&s.devices[i]);
    }
    if (50 * s.open_graphs > s.graphs && s.graphs >= 100) {
        printf("more than 2 %% of the graphs have such elements\n");
        return 1;
    }
    return s.failed > 0;
}
