/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz.h"

uint64_t
fz_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static int
pick(fz_graph *g, int count)
{
    return (int)(fz_random(&g->noise) % (uint64_t)count);
}

static const char *
word(fz_graph *g, const char *const *list, int count)
{
    return list[pick(g, count)];
}
#define WORD(g, ...)                            \
    word(g, (const char *const[]){__VA_ARGS__}, \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))

/* ---- dimensions ---- */

static int
new_dim(fz_graph *g, int64_t value, const char *text)
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

static int
constant_dim(fz_graph *g, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    return new_dim(g, value, text);
}

static bool
is_constant(const fz_graph *g, int dim)
{
    return g->dims[dim].text[0] <= '9' && !strpbrk(g->dims[dim].text, "ABC");
}

static int64_t
elements(const fz_graph *g, const fz_node *n)
{
    int64_t count = 1;

    for (int i = 0; i < n->rank; i++)
        count *= g->dims[n->dim[i]].value;
    return count;
}

/* ---- nodes ---- */

static fz_node *
add(fz_graph *g, fz_kind kind, const char *op, const fz_node *like)
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

static void
reads(fz_graph *g, fz_node *n, int value)
{
    (void)g;
    n->in[n->in_count++] = value;
}

static int
done(fz_graph *g)
{
    return g->count < FZ_NODES - 8 ? g->count++ : -1;
}

typedef bool test(const fz_graph *g, const fz_node *n);

/* A random earlier value, late ones more often; -1 if none passes. */
static int
choose(fz_graph *g, test *fits)
{
    for (int tries = 0; tries < 12; tries++) {
        int a = pick(g, g->count), b = pick(g, g->count), i = a > b ? a : b;

        if (!g->nodes[i].index && (!fits || fits(g, &g->nodes[i])))
            return i;
    }
    return -1;
}

static bool
is_real(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return tn_is_float(n->dtype) && n->size < 50;
}

static bool
is_single(const fz_graph *g, const fz_node *n)
{
    return n->dtype == TN_F32 && is_real(g, n);
}

static bool
is_tensor(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->rank > 0;
}

static bool
is_real_tensor(const fz_graph *g, const fz_node *n)
{
    return is_real(g, n) && n->rank > 0;
}

static bool
is_full_number(const fz_graph *g, const fz_node *n)
{
    return n->dtype != TN_BOOL && n->rank > 0 && elements(g, n) > 0 &&
        is_constant(g, n->dim[n->rank - 1]);
}

static bool
is_whole(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return tn_is_int(n->dtype);
}

static bool
is_truth(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->dtype == TN_BOOL;
}

static bool
is_number(const fz_graph *g, const fz_node *n)
{
    (void)g;
    return n->dtype != TN_BOOL && (n->size < 50 || tn_is_int(n->dtype));
}

static tn_dtype
random_real(fz_graph *g)
{
    int k = pick(g, 10);

    return k < 8 ? TN_F32 : k == 8 ? TN_F16 : TN_BF16;
}

static tn_dtype
random_dtype(fz_graph *g)
{
    static const tn_dtype whole[] = {TN_I32, TN_I32, TN_I8, TN_U8, TN_I64, TN_U32};
    int k = pick(g, 10);

    return k < 6 ? random_real(g) : k < 9 ? whole[pick(g, 6)] : TN_BOOL;
}

static int
new_input(fz_graph *g, tn_dtype dtype, int rank, const int *dim, bool weight)
{
    fz_node *n = add(g, weight ? FZ_WEIGHT : FZ_INPUT, "input", NULL);

    n->dtype = dtype;
    n->rank = rank;
    n->size = tn_is_float(dtype) ? 2 : 100;
    if (rank)
        memcpy(n->dim, dim, (size_t)rank * sizeof *dim);
    return done(g);
}

static int
base_dim(fz_graph *g)
{
    static const int64_t values[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33};
    int k = pick(g, 10);

    if (k < 4 && g->symbol_count) {
        int s = pick(g, g->symbol_count);

        return new_dim(g, g->symbols[s], (const char[]){(char)('A' + s), '\0'});
    }
    return constant_dim(g, values[pick(g, k == 9 ? 11 : 8)]);
}

static int
free_input(fz_graph *g)
{
    int rank = pick(g, 4), dim[FZ_RANK];

    rank = rank ? rank : 1 + pick(g, 2);
    for (int i = 0; i < rank; i++)
        dim[i] = base_dim(g);
    return new_input(g, random_dtype(g), rank, dim, false);
}

/* Something that meets `n` by broadcasting: the same, an input with its last
 * axes, or with ones. */
static int
partner(fz_graph *g, int with, tn_dtype dtype)
{
    const fz_node *n = &g->nodes[with];
    int dim[FZ_RANK], rank = n->rank, first;

    for (int tries = 0; tries < 6; tries++) {
        int i = pick(g, g->count);
        const fz_node *m = &g->nodes[i];
        bool same = m->dtype == dtype && m->rank == rank && !m->index && m->size < 50;

        for (int k = 0; k < rank && same; k++)
            same = m->dim[k] == n->dim[k];
        if (same)
            return i;
    }
    first = rank ? pick(g, rank + 1) : 0;
    for (int k = first; k < rank; k++)
        dim[k - first] = pick(g, 6) ? n->dim[k] : constant_dim(g, 1);
    return new_input(g, dtype, rank - first, dim, false);
}

/* ---- one of each kind; false: not possible now ---- */

static bool
add_unary(fz_graph *g)
{
    int x = choose(g, is_real), k = pick(g, 6);
    fz_node *n;

    if (x < 0)
        return false;
    switch (k) {
    case 0:
        n = add(g, FZ_STEP, WORD(g, "floor", "ceil", "round", "trunc", "sign"), &g->nodes[x]);
        break;
    case 1: n = add(g, FZ_STILL, WORD(g, "neg", "abs", "relu"), &g->nodes[x]); break;
    case 2: n = add(g, FZ_WAVE, WORD(g, "sin", "cos"), &g->nodes[x]); break;
    case 3:
        n = add(g, FZ_SMOOTH, WORD(g, "silu", "gelu", "softplus", "mish", "hard_swish"),
            &g->nodes[x]);
        break;
    default:
        n = add(g, FZ_RISING,
            g->nodes[x].size < 8
                ? WORD(g, "exp", "tanh", "sigmoid", "atan", "erf", "asinh", "expm1")
                : WORD(g, "tanh", "sigmoid", "atan", "erf", "asinh"),
            &g->nodes[x]);
        n->size = n->op[0] == 'e' && n->op[1] == 'x' ? 3000 : 2;
        if (n->size > 8 && g->nodes[x].size <= 2)
            n->size = 8;
    }
    reads(g, n, x);
    return done(g) >= 0;
}

static bool
add_binary(fz_graph *g)
{
    int x = choose(g, is_real), k = pick(g, 5), y;
    fz_node *n;

    if (x < 0)
        return false;
    if (k == 4) {
        n = add(g, FZ_SCALE, "mul", &g->nodes[x]);
        n->number = (double)(1 + pick(g, 5)) * 0.25 * (pick(g, 2) ? 1 : -1);
        n->size *= 1.25;
        reads(g, n, x);
        return done(g) >= 0;
    }
    y = partner(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    n = add(g,
        k == 3       ? FZ_EXTREME
            : k == 2 ? FZ_MUL
                     : FZ_ARITH,
        k == 3       ? WORD(g, "maximum", "minimum")
            : k == 2 ? "mul"
                     : WORD(g, "add", "sub"),
        &g->nodes[x]);
    n->size = k == 2 ? g->nodes[x].size * g->nodes[y].size
        : k == 3     ? (g->nodes[x].size > g->nodes[y].size ? g->nodes[x].size : g->nodes[y].size)
                     : g->nodes[x].size + g->nodes[y].size;
    reads(g, n, x);
    reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_whole(fz_graph *g)
{
    int x = choose(g, is_whole), k = pick(g, 4), y;
    fz_node *n;

    if (x < 0)
        return false;
    if (k == 0) {
        n = add(g, FZ_DIVIDE, WORD(g, "div", "rem", "mod"), &g->nodes[x]);
        n->number = 1 + pick(g, 7);
        reads(g, n, x);
        return done(g) >= 0;
    }
    if (k == 1 && g->nodes[x].rank == 1) {
        n = add(g, FZ_IOTA, "iota", &g->nodes[x]);
        reads(g, n, x);
        return done(g) >= 0;
    }
    y = partner(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    n = add(g, FZ_WHOLE,
        WORD(g, "add", "sub", "mul", "maximum", "minimum", "bit_and", "bit_or", "bit_xor",
            "shift_left", "shift_right"),
        &g->nodes[x]);
    reads(g, n, x);
    reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_truth(fz_graph *g)
{
    int k = pick(g, 4), x = choose(g, k == 0 ? is_truth : is_number), y;
    fz_node *n;

    if (x < 0)
        return false;
    y = partner(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    if (k == 0)
        n = add(g, FZ_LOGIC, WORD(g, "and", "or", "xor"), &g->nodes[x]);
    else
        n = add(g, FZ_COMPARE, WORD(g, "less", "less_equal", "greater", "equal", "not_equal"),
            &g->nodes[x]);
    n->dtype = TN_BOOL;
    n->size = 1;
    reads(g, n, x);
    reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_where(fz_graph *g)
{
    int x = choose(g, is_number), c, y;
    fz_node *n;

    if (x < 0)
        return false;
    c = partner(g, x, TN_BOOL);
    y = partner(g, x, g->nodes[x].dtype);
    if (c < 0 || y < 0)
        return false;
    n = add(g, FZ_WHERE, "where", &g->nodes[x]);
    n->size = g->nodes[x].size > g->nodes[y].size ? g->nodes[x].size : g->nodes[y].size;
    reads(g, n, c);
    reads(g, n, x);
    reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_cast(fz_graph *g)
{
    int x = choose(g, NULL);
    fz_node *n;

    if (x < 0 || (tn_is_float(g->nodes[x].dtype) && g->nodes[x].size > 50))
        return false;
    n = add(g, FZ_CAST, "cast", &g->nodes[x]);
    n->dtype = random_dtype(g);
    if (tn_is_int(g->nodes[x].dtype) && tn_is_float(n->dtype))
        n->size = 1e10; /* wraps may have made it large */
    reads(g, n, x);
    return n->dtype != g->nodes[x].dtype && done(g) >= 0;
}

static void
drop_axis(fz_node *n, int axis)
{
    for (int i = axis; i + 1 < n->rank; i++)
        n->dim[i] = n->dim[i + 1];
    n->rank--;
}

static bool
add_reduce(fz_graph *g)
{
    int x = choose(g, is_tensor), axis;
    bool run = pick(g, 4) == 0, real;
    fz_node *n;

    if (x < 0 || g->nodes[x].size > 1e6)
        return false;
    real = tn_is_float(g->nodes[x].dtype);
    axis = pick(g, g->nodes[x].rank);
    if (g->nodes[x].dtype == TN_BOOL) {
        n = add(g, FZ_REDUCE, WORD(g, "reduce_any", "reduce_all"), &g->nodes[x]);
        run = false;
    } else if (pick(g, 2) && (!real || g->nodes[x].size < 50)) {
        n = add(g, run ? FZ_RUN_SUM : FZ_SUM,
            run                      ? "cum_sum"
                : real && pick(g, 2) ? "reduce_mean"
                                     : "reduce_sum",
            &g->nodes[x]);
        n->size *= real ? (double)(1 + g->dims[n->dim[axis]].value) : 1;
    } else {
        n = add(g, run ? FZ_RUN_MAX : FZ_REDUCE,
            run ? WORD(g, "cum_max", "cum_min") : WORD(g, "reduce_max", "reduce_min"),
            &g->nodes[x]);
        if (real && g->dims[n->dim[axis]].value == 0)
            return false;
    }
    n->p[0] = axis;
    n->p[1] = pick(g, 3) == 0; /* keepdims, reverse */
    if (!run && n->p[1])
        n->dim[axis] = constant_dim(g, 1);
    else if (!run)
        drop_axis(n, axis);
    reads(g, n, x);
    return done(g) >= 0;
}

static bool
add_contraction(fz_graph *g)
{
    int x = choose(g, is_real_tensor), y, dim[FZ_RANK];
    bool pairs = pick(g, 3) == 0;
    const fz_node *a;
    fz_node *n;

    if (x < 0)
        return false;
    a = &g->nodes[x];
    if (pairs && a->rank >= 2) {
        memcpy(dim, a->dim, sizeof dim);
        dim[a->rank - 2] = base_dim(g);
        y = pick(g, 2) ? x : new_input(g, a->dtype, a->rank, dim, false);
    } else {
        pairs = false;
        dim[0] = constant_dim(g, 1 + pick(g, 20));
        dim[1] = a->dim[a->rank - 1];
        if (!is_constant(g, dim[1]))
            y = new_input(g, a->dtype, 2, dim, false);
        else
            y = new_input(g, a->dtype, 2, dim, pick(g, 3) > 0);
    }
    if (y < 0)
        return false;
    a = &g->nodes[x];
    n = add(g, pairs ? FZ_PAIRS : FZ_LINEAR, "contract", a);
    n->dim[n->rank - 1] = g->nodes[y].dim[pairs ? a->rank - 2 : 0];
    n->size = a->size * g->nodes[y].size * (double)g->dims[a->dim[a->rank - 1]].value;
    reads(g, n, x);
    reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_view(fz_graph *g)
{
    int x = choose(g, is_tensor), k = pick(g, 6), axis;
    fz_node *n;
    char text[64];
    int64_t size;

    if (x < 0)
        return false;
    axis = pick(g, g->nodes[x].rank);
    n = add(g, FZ_REVERSE, "reverse", &g->nodes[x]);
    n->p[0] = axis;
    size = g->dims[n->dim[axis]].value;
    reads(g, n, x);
    if (k == 0 && n->rank >= 2) {
        n->kind = FZ_TRANSPOSE;
        n->p[0] = axis;
        n->p[1] = (axis + 1) % n->rank;
        n->dim[n->p[0]] = g->nodes[x].dim[n->p[1]];
        n->dim[n->p[1]] = g->nodes[x].dim[n->p[0]];
    } else if (k == 1 && axis + 1 < n->rank) {
        const fz_dim *a = &g->dims[n->dim[axis]], *b = &g->dims[n->dim[axis + 1]];

        if (strpbrk(a->text, "+*") || strpbrk(b->text, "+*"))
            return false;
        snprintf(text, sizeof text, "%s*%s", a->text, b->text);
        n->kind = FZ_MERGE;
        size = a->value * b->value;
        n->dim[axis] = is_constant(g, n->dim[axis]) && is_constant(g, n->dim[axis + 1])
            ? constant_dim(g, size)
            : new_dim(g, size, text);
        for (int i = axis + 1; i + 1 < n->rank; i++)
            n->dim[i] = n->dim[i + 1];
        n->rank--;
    } else if (k == 2 && is_constant(g, n->dim[axis]) && size > 1) {
        n->kind = FZ_SLICE;
        n->p[1] = pick(g, (int)size);
        n->p[2] = 1 + pick(g, 2);
        n->dim[axis] = constant_dim(g, 1 + pick(g, (int)((size - 1 - n->p[1]) / n->p[2] + 1)));
    } else if (k == 3 && is_constant(g, n->dim[axis]) && size > 0) {
        n->kind = FZ_INDEX;
        n->p[1] = pick(g, (int)size);
        drop_axis(n, axis);
    } else if (k == 4 && n->rank < FZ_RANK) {
        n->kind = FZ_SPREAD;
        for (int i = n->rank; i > axis; i--)
            n->dim[i] = n->dim[i - 1];
        n->dim[axis] = base_dim(g);
        n->rank++;
    }
    return done(g) >= 0;
}

static bool
add_join(fz_graph *g)
{
    int x = choose(g, is_tensor), y, axis;
    fz_node *n;
    char text[64];

    if (x < 0)
        return false;
    axis = pick(g, g->nodes[x].rank);
    if (strpbrk(g->dims[g->nodes[x].dim[axis]].text, "+*"))
        return false;
    if (pick(g, 2)) {
        n = add(g, FZ_PAD, "pad", &g->nodes[x]);
        n->p[0] = axis;
        n->p[1] = pick(g, 3);
        n->p[2] = pick(g, 3);
        snprintf(text, sizeof text, "%s+%d", g->dims[n->dim[axis]].text, n->p[1] + n->p[2]);
        n->dim[axis] = is_constant(g, n->dim[axis])
            ? constant_dim(g, g->dims[n->dim[axis]].value + n->p[1] + n->p[2])
            : n->p[1] + n->p[2] == 0
            ? n->dim[axis]
            : new_dim(g, g->dims[n->dim[axis]].value + n->p[1] + n->p[2], text);
    } else {
        int dim[FZ_RANK], more = 1 + pick(g, 4);
        int64_t had = g->dims[g->nodes[x].dim[axis]].value;

        memcpy(dim, g->nodes[x].dim, sizeof dim);
        dim[axis] = constant_dim(g, more);
        y = new_input(g, g->nodes[x].dtype, g->nodes[x].rank, dim, false);
        if (y < 0)
            return false;
        n = add(g, FZ_CONCAT, "concat", &g->nodes[x]);
        n->p[0] = axis;
        snprintf(text, sizeof text, "%s+%d", g->dims[n->dim[axis]].text, more);
        n->dim[axis] = is_constant(g, n->dim[axis]) ? constant_dim(g, had + more)
                                                    : new_dim(g, had + more, text);
        reads(g, n, x);
        reads(g, n, y);
        return done(g) >= 0;
    }
    reads(g, n, x);
    return done(g) >= 0;
}

static int
index_input(fz_graph *g, int rank, const int *dim, int64_t limit)
{
    int i = new_input(g, pick(g, 3) ? TN_I32 : TN_I64, rank, dim, false);

    if (i >= 0) {
        g->nodes[i].index = true;
        g->nodes[i].p[0] = (int)limit;
    }
    return i;
}

static bool
add_indexed(fz_graph *g)
{
    int x = choose(g, is_tensor), i, y, axis, dim[FZ_RANK], k = pick(g, 3);
    fz_node *n;
    int64_t size;

    if (x < 0)
        return false;
    axis = k ? 0 : pick(g, g->nodes[x].rank);
    size = g->dims[g->nodes[x].dim[axis]].value;
    if (!is_constant(g, g->nodes[x].dim[axis]) || size == 0 ||
        (k == 1 && !is_number(g, &g->nodes[x])))
        return false;
    memcpy(dim, g->nodes[x].dim, sizeof dim);
    dim[axis] = k == 2 ? constant_dim(g, 1 + pick(g, (int)size)) : base_dim(g);
    if (k == 0) {
        i = index_input(g, 1, &dim[axis], size);
        n = add(g, FZ_GATHER, "gather", &g->nodes[x]);
        n->dim[axis] = dim[axis];
        y = -1;
    } else {
        i = k == 1 ? index_input(g, g->nodes[x].rank, dim, size) : 0;
        y = new_input(g, g->nodes[x].dtype, g->nodes[x].rank, dim, false);
        if (y < 0)
            return false;
        n = add(g, k == 1 ? FZ_SCATTER : FZ_UPDATE, k == 1 ? "scatter_elements" : "update",
            &g->nodes[x]);
        n->p[1] = k == 2 ? (int)(size - g->dims[dim[axis]].value) : 0;
        if (k == 1)
            n->size *= (double)(1 + g->dims[dim[axis]].value);
    }
    if (i < 0)
        return false;
    n->p[0] = axis;
    reads(g, n, x);
    if (k != 2)
        reads(g, n, i);
    if (y >= 0)
        reads(g, n, y);
    return done(g) >= 0;
}

static bool
add_order(fz_graph *g)
{
    int x = choose(g, is_full_number), k = pick(g, 3), axis;
    fz_node *n;

    if (x < 0)
        return false;
    axis = g->nodes[x].rank - 1;
    n = add(g,
        k == 0       ? FZ_ARG
            : k == 1 ? FZ_TOP_VALUES
                     : FZ_TOP_PLACES,
        k == 0 ? WORD(g, "arg_max", "arg_min") : "top_k", &g->nodes[x]);
    n->p[0] = axis;
    n->p[1] = pick(g, 3) == 0; /* the smallest */
    if (k == 0)
        drop_axis(n, axis);
    else
        n->dim[axis] = constant_dim(g, 1 + pick(g, (int)g->dims[n->dim[axis]].value));
    if (k != 1) {
        n->dtype = TN_I32;
        n->size = 100;
    }
    reads(g, n, x);
    return done(g) >= 0;
}

static bool
add_normal(fz_graph *g)
{
    int x = choose(g, is_real_tensor), w, b = 0;
    bool soft = pick(g, 2);
    fz_node *n;

    if (x < 0)
        return false;
    if (soft) {
        n = add(g, FZ_SOFTMAX, "softmax", &g->nodes[x]);
        n->p[0] = pick(g, n->rank);
        n->size = 1;
        reads(g, n, x);
        return done(g) >= 0;
    }
    if (!is_constant(g, g->nodes[x].dim[g->nodes[x].rank - 1]))
        return false;
    w = new_input(g, g->nodes[x].dtype, 1, &g->nodes[x].dim[g->nodes[x].rank - 1], pick(g, 2));
    soft = pick(g, 2);
    if (soft)
        b = new_input(g, g->nodes[x].dtype, 1, &g->nodes[x].dim[g->nodes[x].rank - 1], true);
    if (w < 0 || b < 0)
        return false;
    n = add(g, FZ_NORM, soft ? "layer_norm" : "rms_norm", &g->nodes[x]);
    n->size = 10;
    reads(g, n, x);
    reads(g, n, w);
    if (soft)
        reads(g, n, b);
    return done(g) >= 0;
}

/* p[1]: 0 a*w + x, 1 tanh(W a + x), 2 max(a) + x. */
static bool
add_scan(fz_graph *g)
{
    int x = choose(g, is_single), c, w, dim[2];
    fz_node *n;
    bool all = pick(g, 2);

    if (x < 0 || g->nodes[x].rank != 2 || g->dims[g->nodes[x].dim[0]].value > 40)
        return false;
    dim[0] = dim[1] = g->nodes[x].dim[1];
    c = new_input(g, TN_F32, 1, dim, false);
    w = new_input(g, TN_F32, 2, dim, false);
    if (c < 0 || w < 0)
        return false;
    n = add(g, all ? FZ_SCAN_ALL : FZ_SCAN_LAST, "scan", &g->nodes[x]);
    n->p[1] = pick(g, 3);
    n->p[2] = pick(g, 3) == 0; /* reverse */
    if (n->p[1] == 2 && g->dims[dim[0]].value == 0)
        n->p[1] = 1;
    n->size = n->p[1] == 1 ? 1 : 60;
    if (!all)
        drop_axis(n, 0);
    reads(g, n, c);
    reads(g, n, x);
    reads(g, n, w);
    return done(g) >= 0;
}

static bool
add_one(fz_graph *g)
{
    switch (pick(g, 17)) {
    case 0:
    case 1:
    case 2: return add_unary(g);
    case 3:
    case 4:
    case 5: return add_binary(g);
    case 6: return add_whole(g);
    case 7: return add_truth(g);
    case 8: return add_where(g);
    case 9: return add_cast(g);
    case 10: return add_reduce(g);
    case 11: return add_contraction(g);
    case 12: return add_view(g);
    case 13: return add_join(g);
    case 14: return add_indexed(g);
    case 15: return pick(g, 2) ? add_order(g) : add_scan(g);
    default: return add_normal(g);
    }
}

static bool
too_large(const fz_graph *g)
{
    return elements(g, &g->nodes[g->count - 1]) > 20000;
}

void
fz_generate(fz_graph *g, uint64_t seed)
{
    static const int64_t values[] = {0, 1, 1, 2, 3, 5, 7, 8, 16, 17, 31, 64};
    int wanted, inputs, ops = 0;
    bool used[FZ_NODES] = {false};

    *g = (fz_graph){.seed = seed, .noise = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    for (int i = 0; i < 4; i++)
        fz_random(&g->noise);
    g->symbol_count = pick(g, FZ_SYMBOLS + 1);
    for (int i = 0; i < g->symbol_count; i++)
        g->symbols[i] = values[pick(g, 12)];
    inputs = 1 + pick(g, 3);
    wanted = 5 + pick(g, 14);
    for (int i = 0; i < inputs; i++)
        free_input(g);
    for (int tries = 0; ops < wanted && tries < 200; tries++) {
        int before = g->count;

        if (add_one(g) && !too_large(g))
            ops++;
        else
            g->count = before;
    }
    for (int i = 0; i < g->count; i++)
        for (int k = 0; k < g->nodes[i].in_count; k++)
            used[g->nodes[i].in[k]] = true;
    for (int i = 0; i < g->count; i++)
        g->nodes[i].output = g->nodes[i].in_count > 0 && (!used[i] || pick(g, 12) == 0);
}

void
fz_needed(const fz_graph *g, bool *needed)
{
    memset(needed, 0, FZ_NODES * sizeof *needed);
    for (int i = g->count - 1; i >= 0; i--) {
        needed[i] = needed[i] || g->nodes[i].output;
        for (int k = 0; k < g->nodes[i].in_count && needed[i]; k++)
            needed[g->nodes[i].in[k]] = true;
    }
}
