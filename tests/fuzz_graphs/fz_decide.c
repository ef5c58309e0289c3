/* SPDX-License-Identifier: Apache-2.0
 * What a decision may be made on. Equal numbers that are computed, and numbers at a limit of a
 * function, lie within the margin of any decision on them, whatever the data: a graph that decides
 * on them shows nothing. */
#include <string.h>

#include "tests/fuzz_graphs/fz_make.h"

/* Beyond these the functions are flat in the precision of f32. */
enum { SATURATED = 3, UNLIKELY = 8 };

static bool
all_exact(const fz_graph *g, const fz_node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (!g->nodes[n->in[i]].exact)
            return false;
    return true;
}

/* Integers and steps are what decisions made of them. */
static bool
is_exact(const fz_graph *g, const fz_node *n)
{
    switch (n->kind) {
    case FZ_INPUT:
    case FZ_WEIGHT:
    case FZ_STEP: return true;
    case FZ_STATE: return !tn_is_float(n->dtype);
    case FZ_STILL:
    case FZ_CAST:
    case FZ_EXTREME:
    case FZ_WHERE:
    case FZ_REDUCE:
    case FZ_RUN_MAX:
    case FZ_TOP_VALUES:
    case FZ_TRANSPOSE:
    case FZ_MERGE:
    case FZ_SLICE:
    case FZ_INDEX:
    case FZ_REVERSE:
    case FZ_SPREAD:
    case FZ_CONCAT:
    case FZ_PAD:
    case FZ_GATHER:
    case FZ_UPDATE: return !tn_is_float(n->dtype) || all_exact(g, n);
    default: return !tn_is_float(n->dtype);
    }
}

static int
count_few(const fz_graph *g, const fz_node *n)
{
    int count = 0;

    for (int i = 0; i < n->in_count; i++)
        count += g->nodes[n->in[i]].few;
    return count;
}

static bool
stretched(const fz_graph *g, const fz_node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        const fz_node *x = &g->nodes[n->in[i]];

        for (int k = 0; k < n->rank; k++) {
            int from = x->rank - n->rank + k;

            if (from < 0 || x->dim[from] != n->dim[k])
                return true;
        }
    }
    return false;
}

static bool
has_few(const fz_graph *g, const fz_node *n)
{
    const fz_node *x = &g->nodes[n->in[0]];

    if (n->in_count == 0)
        return false;
    switch (n->kind) {
    case FZ_STEP:
    case FZ_RUN_MAX:
    case FZ_SPREAD:
    case FZ_GATHER: return true;
    case FZ_STILL: return x->few || !strcmp(n->op, "relu");
    case FZ_CAST: return x->few || !tn_is_float(x->dtype);
    case FZ_POOL: return x->few || !strcmp(n->op, "max_pool");
    case FZ_RISING:
    case FZ_SMOOTH:
    case FZ_SPELLED: return x->few || x->size > SATURATED;
    case FZ_SCAN_LAST:
    case FZ_SCAN_ALL: return count_few(g, n) > 0 || g->nodes[n->in[1]].size > SATURATED;
    case FZ_SOFTMAX: return x->few || x->size > UNLIKELY || fz_dim_value(g, n->dim[n->p[0]]) == 1;
    case FZ_NORM: return x->few || fz_dim_value(g, n->dim[n->rank - 1]) == 1;
    case FZ_EXTREME:
    case FZ_WHERE: return count_few(g, n) > 0 || stretched(g, n);
    case FZ_ARITH: return count_few(g, n) == n->in_count;
    default: return count_few(g, n) > 0;
    }
}

void
fz_judge(const fz_graph *g, fz_node *n)
{
    n->exact = is_exact(g, n);
    n->few = has_few(g, n);
}

/* Among many results in 16 bits some are always too close to tell. */
bool
fz_may_decide(const fz_graph *g, const fz_node *n)
{
    bool coarse = n->dtype == TN_F16 || n->dtype == TN_BF16;

    return n->exact || (!n->few && (!coarse || fz_elements(g, n) <= 4));
}

/* Marks a node and what it is made of. */
static void
mark(const fz_graph *g, int node, bool *marked)
{
    memset(marked, 0, FZ_NODES * sizeof *marked);
    marked[node] = true;
    for (int i = node; i >= 0; i--)
        for (int k = 0; k < g->nodes[i].in_count && marked[i]; k++)
            marked[g->nodes[i].in[k]] = true;
}

bool
fz_may_compare(const fz_graph *g, int a, int b)
{
    bool of_a[FZ_NODES], of_b[FZ_NODES];

    if (a == b || (g->nodes[a].exact && g->nodes[b].exact))
        return true;
    mark(g, a, of_a);
    mark(g, b, of_b);
    for (int i = 0; i < g->count; i++)
        if (of_a[i] && of_b[i])
            return false;
    return fz_may_decide(g, &g->nodes[b]);
}
