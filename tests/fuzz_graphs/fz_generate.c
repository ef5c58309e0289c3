/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_make.h"

uint64_t
fz_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

int
fz_pick(fz_graph *g, int count)
{
    return (int)(fz_random(&g->noise) % (uint64_t)count);
}

const char *
fz_word(fz_graph *g, const char *const *list, int count)
{
    return list[fz_pick(g, count)];
}

/* ---- dimensions ---- */

int
fz_new_dim(fz_graph *g, int64_t value, const char *text)
{
    for (int i = 0; i < g->dim_count; i++)
        if (!strcmp(g->dims[i].text, text))
            return i;
    if (g->dim_count == FZ_DIMS)
        return 0;
    g->dims[g->dim_count].value = value;
    snprintf(g->dims[g->dim_count].text, sizeof g->dims[0].text, "%s", text);
    return g->dim_count++;
}

int
fz_constant_dim(fz_graph *g, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    return fz_new_dim(g, value, text);
}

bool
fz_is_constant(const fz_graph *g, int dim)
{
    return g->dims[dim].text[0] <= '9' && !strpbrk(g->dims[dim].text, "ABC");
}

int64_t
fz_dim_value(const fz_graph *g, int dim)
{
    return g->dims[dim].value;
}

int64_t
fz_elements(const fz_graph *g, const fz_node *n)
{
    int64_t count = 1;

    for (int i = 0; i < n->rank; i++)
        count *= g->dims[n->dim[i]].value;
    return count;
}

/* ---- nodes ---- */

fz_node *
fz_add(fz_graph *g, fz_kind kind, const char *op, const fz_node *like)
{
    fz_node *n = &g->nodes[g->count];

    *n = (fz_node){.kind = kind, .op = op};
    if (like) {
        n->dtype = like->dtype;
        n->rank = like->rank;
        n->size = like->size;
        memcpy(n->dim, like->dim, sizeof n->dim);
    }
    return n;
}

void
fz_reads(fz_node *n, int value)
{
    n->in[n->in_count++] = value;
}

int
fz_done(fz_graph *g)
{
    if (g->count >= FZ_NODES - 8)
        return -1;
    fz_judge(g, &g->nodes[g->count]);
    return g->count++;
}

int
fz_choose(fz_graph *g, fz_test *fits)
{
    for (int tries = 0; tries < 12; tries++) {
        int a = fz_pick(g, g->count), b = fz_pick(g, g->count), i = a > b ? a : b;

        if (!g->nodes[i].index && (!fits || fits(g, &g->nodes[i])))
            return i;
    }
    return -1;
}

bool
fz_is_real(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return tn_is_float(n->dtype) && n->size < 50;
}

bool
fz_is_single(const fz_graph *g, const fz_node *n)
{
    return n->dtype == TN_F32 && fz_is_real(g, n);
}

bool
fz_is_tensor(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->rank > 0;
}

bool
fz_is_real_tensor(const fz_graph *g, const fz_node *n)
{
    return fz_is_real(g, n) && n->rank > 0;
}

bool
fz_is_full_number(const fz_graph *g, const fz_node *n)
{
    return fz_may_decide(g, n) && n->dtype != TN_BOOL && n->rank > 0 && fz_elements(g, n) > 0 &&
        fz_is_constant(g, n->dim[n->rank - 1]);
}

bool
fz_is_whole(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return tn_is_int(n->dtype);
}

bool
fz_is_truth(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->dtype == TN_BOOL;
}

bool
fz_is_number(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->dtype != TN_BOOL && (n->size < 50 || tn_is_int(n->dtype));
}

bool
fz_is_compared(const fz_graph *g, const fz_node *n)
{
    return fz_is_number(g, n) && fz_may_decide(g, n);
}

static tn_dtype
random_real(fz_graph *g)
{
    int k = fz_pick(g, g->f64 ? 11 : 10);

    return k < 8 ? TN_F32 : k == 8 ? TN_F16 : k == 9 ? TN_BF16 : TN_F64;
}

tn_dtype
fz_random_dtype(fz_graph *g)
{
    static const tn_dtype whole[] = {TN_I32, TN_I32, TN_I8, TN_U8, TN_I64, TN_U32};
    int k = fz_pick(g, 10);

    return k < 6 ? random_real(g) : k < 9 ? whole[fz_pick(g, 6)] : TN_BOOL;
}

int
fz_new_input(fz_graph *g, tn_dtype dtype, int rank, const int *dim, bool weight)
{
    fz_node *n = fz_add(g, weight ? FZ_WEIGHT : FZ_INPUT, "input", NULL);

    n->dtype = dtype;
    n->rank = rank;
    n->size = tn_is_float(dtype) ? 2 : 100;
    if (rank)
        memcpy(n->dim, dim, (size_t)rank * sizeof *dim);
    return fz_done(g);
}

int
fz_base_dim(fz_graph *g)
{
    static const int64_t values[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33};
    int k = fz_pick(g, 10);

    if (k < 4 && g->symbol_count) {
        int s = fz_pick(g, g->symbol_count);

        return fz_new_dim(g, g->symbols[s], (const char[]){(char)('A' + s), '\0'});
    }
    return fz_constant_dim(g, values[fz_pick(g, k == 9 ? 11 : 8)]);
}

static int
free_input(fz_graph *g)
{
    int rank = fz_pick(g, 4), dim[FZ_RANK];

    rank = rank ? rank : 1 + fz_pick(g, 2);
    for (int i = 0; i < rank; i++)
        dim[i] = fz_base_dim(g);
    return fz_new_input(g, fz_random_dtype(g), rank, dim, false);
}

int
fz_partner(fz_graph *g, int with, tn_dtype dtype)
{
    const fz_node *n = &g->nodes[with];
    int rank = n->rank, i;

    for (int tries = 0; tries < 6; tries++) {
        const fz_node *m = &g->nodes[i = fz_pick(g, g->count)];
        bool same = m->dtype == dtype && m->rank == rank && !m->index && m->size < 50;

        for (int k = 0; k < rank && same; k++)
            same = m->dim[k] == n->dim[k];
        if (same)
            return i;
    }
    return fz_stranger(g, with, dtype);
}

int
fz_stranger(fz_graph *g, int with, tn_dtype dtype)
{
    const fz_node *n = &g->nodes[with];
    int dim[FZ_RANK], rank = n->rank, first, i;

    first = rank ? fz_pick(g, rank + 1) : 0;
    for (int k = first; k < rank; k++)
        dim[k - first] = fz_pick(g, 6) ? n->dim[k] : fz_constant_dim(g, 1);
    i = fz_new_input(g, dtype, rank - first, dim, false);
    if (i >= 0 && first == 0 && fz_pick(g, 3) == 0)
        g->nodes[i].kind = FZ_STATE;
    if (i >= 0)
        fz_judge(g, &g->nodes[i]);
    return i;
}

static bool
too_large(const fz_graph *g)
{
    return fz_elements(g, &g->nodes[g->count - 1]) > 20000;
}

/* True if node `k` writes rows into node `state`. */
static bool
updates(const fz_graph *g, int64_t k, int state)
{
    return g->nodes[k].kind == FZ_UPDATE && g->nodes[k].in[0] == state;
}

/* A state stores what was written into it, else the last value of its type and
 * shape, else it is an input. */
static void
give_stores(fz_graph *g)
{
    for (int i = 0; i < g->count; i++) {
        fz_node *s = &g->nodes[i];

        for (int k = i + 1; k < g->count && s->kind == FZ_STATE; k++) {
            const fz_node *n = &g->nodes[k];

            if (n->in_count && n->dtype == s->dtype && n->rank == s->rank && n->size < 1e6 &&
                !memcmp(n->dim, s->dim, (size_t)n->rank * sizeof *n->dim) &&
                !updates(g, s->p[0], i))
                s->p[0] = k;
        }
        if (s->kind == FZ_STATE && s->p[0] == 0)
            s->kind = FZ_INPUT;
    }
}

static void
give_outputs(fz_graph *g)
{
    bool used[FZ_NODES] = {false};

    for (int i = 0; i < g->count; i++)
        for (int k = 0; k < g->nodes[i].in_count; k++)
            used[g->nodes[i].in[k]] = true;
    for (int i = 0; i < g->count; i++)
        g->nodes[i].output = g->nodes[i].in_count > 0 && (!used[i] || fz_pick(g, 12) == 0);
}

void
fz_generate(fz_graph *g, uint64_t seed, bool f64)
{
    static const int64_t values[] = {0, 1, 1, 2, 3, 5, 7, 8, 16, 17, 31, 64};
    int wanted, inputs, ops = 0;

    *g = (fz_graph){.seed = seed, .noise = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .f64 = f64};
    for (int i = 0; i < 4; i++)
        fz_random(&g->noise);
    g->symbol_count = fz_pick(g, FZ_SYMBOLS + 1);
    for (int i = 0; i < g->symbol_count; i++)
        g->symbols[i] = values[fz_pick(g, 12)];
    inputs = 1 + fz_pick(g, 3);
    wanted = 5 + fz_pick(g, 14);
    for (int i = 0; i < inputs; i++)
        free_input(g);
    for (int tries = 0; ops < wanted && tries < 200; tries++) {
        int before = g->count;

        if (fz_make_one(g) && !too_large(g))
            ops++;
        else
            g->count = before;
    }
    give_stores(g);
    give_outputs(g);
}

int
fz_size(const fz_graph *g)
{
    bool needed[FZ_NODES];
    int size = 0;

    fz_needed(g, needed);
    for (int i = 0; i < g->count; i++)
        size += needed[i] && g->nodes[i].in_count > 0;
    return size;
}

void
fz_needed(const fz_graph *g, bool *needed)
{
    bool more = true;

    memset(needed, 0, FZ_NODES * sizeof *needed);
    while (more) { /* what a state stores comes after it */
        more = false;
        for (int i = g->count - 1; i >= 0; i--) {
            const fz_node *n = &g->nodes[i];

            needed[i] = needed[i] || n->output;
            for (int k = 0; k < n->in_count && needed[i]; k++)
                needed[n->in[k]] = true;
            if (n->kind == FZ_STATE && needed[i] && !needed[n->p[0]])
                more = needed[n->p[0]] = true;
        }
    }
}
