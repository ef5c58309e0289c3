/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz_graphs/fz_trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/pass.h"

enum { DRAWS = 12 };

typedef struct trial {
    fz_session *s;
    const fz_graph *g;
    int round;
    bool poisoned; /* one index of each input that may be wrong is */
    fz_text plain_text, bound_text;
    tn_run_graph plain, bound;
} trial;

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

static int64_t
wrong_index(const fz_node *n, uint64_t r)
{
    switch (r % 5) {
    case 0: return -1;
    case 1: return n->p[0] + 1;
    case 2: return INT32_MAX;
    case 3: return INT32_MIN;
    default: return n->p[0];
    }
}

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    const trial *t = self;
    const fz_node *n = &t->g->nodes[atoi(v->name + 1)];
    uint64_t more = (uint64_t)(t->g->draw * 16 + (in ? t->round : 0)) << 40;
    uint64_t key = mix(t->g->seed * 977 + (uint64_t)atoi(v->name + 1));
    uint64_t r = mix(mix(key + more) + (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15));
    tn_dtype type = v->type.dtype;

    if (tn_is_float(type)) {
        double x = (double)(r >> 11) * 0x1p-51 - 2;

        tn_store_double(type, to, t->g->draw == 0 && key % 5 == 0 ? floor(x * 4) / 4 : x);
    } else if (n->index) {
        int64_t count = fz_elements(t->g, n);
        bool wrong = t->poisoned && n->p[1] && k == (int64_t)(key >> 8) % count;

        tn_store_int(type, to, wrong ? wrong_index(n, r) : (int64_t)(r % (uint64_t)n->p[0]));
    } else if (type == TN_BOOL) {
        tn_store_int(type, to, (int64_t)(r & 1));
    } else {
        tn_store_int(type, to,
            key % 4 == 0 ? (int64_t)r : (int64_t)(r % 9) - (tn_is_signed(type) ? 4 : 0));
    }
}

/* ---- the reference ---- */

static const char *
message(const tn_run_graph *run)
{
    return tn_diag_count(&run->diag) ? tn_diag_text(&run->diag, 0) : "no message";
}

static void
says(trial *t, const char *what)
{
    snprintf(t->s->why, sizeof t->s->why, "%s", what);
}

static double
number(const tn_tensor *t, int64_t k)
{
    const char *at = (const char *)t->data + k * tn_dtype_bytes(t->dtype);

    return tn_is_float(t->dtype) ? tn_load_double(t->dtype, at) : (double)tn_load_int(t->dtype, at);
}

static tn_status
prepare(tn_run_graph *run, const char *text, const fz_graph *g)
{
    TN_TRY(tn_run_graph_open(run, text));
    for (int i = 0; i < g->symbol_count; i++)
        tn_run_graph_symbol(run, (const char[]){(char)('A' + i), '\0'}, g->symbols[i]);
    return TN_OK;
}

/* The data of one round and what it should give; TN_MALFORMED where the run
 * fails. */
static tn_status
begin_round(trial *t, int round, bool poisoned)
{
    t->round = round;
    t->poisoned = poisoned;
    tn_diag_clear(&t->bound.diag);
    TN_TRY(tn_run_graph_fill(&t->plain, element, t));
    TN_TRY(tn_run_graph_fill(&t->bound, element, t));
    return tn_run_graph_want(&t->bound);
}

static void
plant(fz_text *text, const char *from, const char *to)
{
    char pattern[32];
    char *at = text->at;

    snprintf(pattern, sizeof pattern, "= %s ", from);
    for (at = strstr(at, pattern); at; at = strstr(at + 1, pattern))
        memcpy(at + 2, to, strlen(to));
}

static fz_outcome
open_trial(trial *t, fz_session *s, const fz_graph *g)
{
    *t = (trial){.s = s, .g = g};
    fz_write(g, &t->plain_text, &t->bound_text);
    if (s->plant)
        plant(&t->plain_text, s->plant, s->planted);
    if (prepare(&t->plain, t->plain_text.at, g) != TN_OK) {
        says(t, message(&t->plain));
        return FZ_NO_GRAPH;
    }
    if (prepare(&t->bound, t->bound_text.at, g) == TN_OK)
        return FZ_SAME;
    says(t, message(&t->bound));
    return FZ_NO_GRAPH;
}

static void
close_trial(trial *t)
{
    tn_run_graph_close(&t->plain);
    if (t->bound.text)
        tn_run_graph_close(&t->bound);
    fz_text_free(&t->plain_text);
    fz_text_free(&t->bound_text);
}

static bool
any_needed(const fz_graph *g, bool (*test)(const fz_node *n))
{
    bool needed[FZ_NODES];

    fz_needed(g, needed);
    for (int i = 0; i < g->count; i++)
        if (needed[i] && test(&g->nodes[i]))
            return true;
    return false;
}

static bool
is_state(const fz_node *n)
{
    return n->kind == FZ_STATE;
}

static bool
may_be_wrong(const fz_node *n)
{
    return n->index && n->p[1];
}

static int64_t
count_open(const trial *t)
{
    int64_t open = 0;

    for (uint32_t o = 0; o < t->plain.g->outputs.count; o++) {
        int64_t count = 0;

        tn_tensor_elements(&t->bound.wanted[2 * o + 1], &count);
        for (int64_t k = 0; k < count; k++)
            open += !(number(&t->bound.wanted[2 * o + 1], k) < 1e200);
    }
    return open;
}

bool
fz_settle(fz_session *s, fz_graph *g)
{
    int rounds = any_needed(g, is_state) ? 2 : 1;
    bool settled = false;

    for (g->draw = 0; g->draw < DRAWS; g->draw++) {
        trial t;
        bool fine = open_trial(&t, s, g) == FZ_SAME;

        settled = true;
        tn_run_graph_restart(&t.bound);
        for (int round = 0; round < rounds && fine; round++) {
            fine = begin_round(&t, round, false) == TN_OK;
            settled = settled && (!fine || count_open(&t) == 0);
            tn_run_graph_advance(&t.bound);
        }
        close_trial(&t);
        if (settled)
            return true;
    }
    g->draw = DRAWS - 1;
    return false;
}

/* ---- devices ---- */

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

static fz_outcome
compare(trial *t, const tn_tensor *got)
{
    fz_session *s = t->s;

    for (uint32_t o = 0; o < t->plain.g->outputs.count; o++) {
        const tn_tensor *want = &t->bound.wanted[2 * o], *e = &t->bound.wanted[2 * o + 1];
        int64_t count = 0;

        tn_tensor_elements(want, &count);
        for (int64_t k = 0; k < count; k++) {
            double bound = number(e, k);

            s->compared++;
            if (!(bound < 1e200)) {
                s->open++;
                continue;
            }
            if (meets(&got[o], want, bound, k))
                continue;
            snprintf(s->why, sizeof s->why, "%s[%lld] is %.9g, wanted %.9g within %.3g, round %d",
                t->plain.g->outputs.at[o].name, (long long)k, number(&got[o], k), number(want, k),
                bound, t->round);
            return FZ_DIFFERS;
        }
    }
    return FZ_SAME;
}

static fz_outcome
run_round(trial *t, tn_graph_code *code, int round, bool poisoned)
{
    tn_tensor got[TN_RUN_GRAPH_TENSORS] = {{0}};
    tn_status wanted = begin_round(t, round, poisoned), status;
    fz_outcome out = FZ_SAME;

    if (wanted != TN_OK && !(poisoned && wanted == TN_MALFORMED)) {
        says(t, message(&t->bound));
        return FZ_NO_REFERENCE;
    }
    tn_diag_clear(&t->plain.diag);
    status = tn_run_graph_on(code, got);
    if (status != wanted) {
        says(t, message(status == TN_OK ? &t->bound : &t->plain));
        out = status == TN_OK ? FZ_NO_FAILURE : FZ_NO_RUN;
    } else if (status == TN_OK) {
        out = compare(t, got);
        tn_run_graph_advance(&t->bound);
    } else {
        t->s->failing_runs++;
    }
    tn_run_graph_free(&t->plain, got);
    return out;
}

static fz_outcome
run_rounds(trial *t, tn_graph_code *code)
{
    int rounds = any_needed(t->g, is_state) ? 2 : 1;
    fz_outcome out = FZ_SAME;

    tn_run_graph_restart(&t->bound);
    for (int round = 0; round < rounds && out == FZ_SAME; round++)
        out = run_round(t, code, round, false);
    if (out == FZ_SAME && any_needed(t->g, may_be_wrong))
        out = run_round(t, code, rounds, true);
    /* States are what they were before a run that failed. */
    if (out == FZ_SAME && t->poisoned && rounds > 1)
        out = run_round(t, code, rounds + 1, false);
    return out;
}

/* Weights are part of what is compiled. */
static fz_outcome
compile(trial *t, tn_graph_device *device, bool fuse, tn_graph_code *code)
{
    t->round = 0;
    t->poisoned = false;
    tn_diag_clear(&t->plain.diag);
    if (tn_run_graph_fill(&t->plain, element, t) == TN_OK &&
        tn_run_graph_compile(&t->plain, device, fuse ? 0 : tn_pass_bit("group"), code) == TN_OK) {
        t->s->kernels += code->kernels;
        return FZ_SAME;
    }
    says(t, message(&t->plain));
    return FZ_NO_CODE;
}

/* As planned, then with its buffers apart; or one of both. */
static fz_outcome
run_modes(trial *t, tn_graph_device *device, int mode, int only, int *where)
{
    tn_graph_code code = {0};
    fz_outcome out = compile(t, device, mode & 1, &code);

    if (out == FZ_SAME && (only < 0 || only == mode))
        out = run_rounds(t, &code);
    if (out == FZ_SAME && (only < 0 || only == (mode | 2))) {
        *where |= 2;
        if (tn_run_graph_apart(&code) == TN_OK) {
            out = run_rounds(t, &code);
        } else {
            says(t, message(&t->plain));
            out = FZ_NO_CODE;
        }
    }
    tn_graph_code_close(&code);
    return out;
}

fz_outcome
fz_try(fz_session *s, const fz_graph *g, int only, int *where)
{
    trial t;
    fz_outcome out = open_trial(&t, s, g);

    s->compared = s->open = 0;
    for (int d = 0; d < FZ_MODES * s->device_count && out == FZ_SAME; d++) {
        if (d & 2 || (only >= 0 && (only & ~2) != d))
            continue;
        *where = d;
        out = run_modes(&t, &s->devices[d / FZ_MODES], d % FZ_MODES,
            only < 0 ? only : only % FZ_MODES, where);
    }
    close_trial(&t);
    return out;
}
