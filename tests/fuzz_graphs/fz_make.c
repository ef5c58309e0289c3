/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_make.h"

/* ---- one of each kind; false: not possible now ---- */

static bool
add_unary(fz_graph *g)
{
    int x = fz_choose(g, fz_is_real), k = fz_pick(g, 7);
    fz_node *n;

    if (x < 0 || (k == 0 && !fz_may_decide(g, &g->nodes[x])))
        return false;
    switch (k) {
    case 0:
        n = fz_add(g, FZ_STEP, FZ_WORD(g, "floor", "ceil", "round", "trunc", "sign"), &g->nodes[x]);
        break;
    case 1: n = fz_add(g, FZ_STILL, FZ_WORD(g, "neg", "abs", "relu"), &g->nodes[x]); break;
    case 6:
        n = fz_add(g, FZ_SPELLED, "spelled", &g->nodes[x]);
        n->p[0] = fz_spelling(g);
        break;
    case 2: n = fz_add(g, FZ_WAVE, FZ_WORD(g, "sin", "cos"), &g->nodes[x]); break;
    case 3:
        n = fz_add(g, FZ_SMOOTH, FZ_WORD(g, "silu", "gelu", "softplus", "mish", "hard_swish"),
            &g->nodes[x]);
        break;
    default:
        n = fz_add(g, FZ_RISING,
            g->nodes[x].size < 8
                ? FZ_WORD(g, "exp", "tanh", "sigmoid", "atan", "erf", "asinh", "expm1", "sinh")
                : FZ_WORD(g, "tanh", "sigmoid", "atan", "erf", "asinh"),
            &g->nodes[x]);
        n->size = n->op[1] == 'x' || !strcmp(n->op, "sinh") ? 3000 : 2;
        if (n->size > 8 && g->nodes[x].size <= 2)
            n->size = 8;
    }
    fz_reads(n, x);
    return fz_done(g) >= 0;
}

static bool
add_binary(fz_graph *g)
{
    int x = fz_choose(g, fz_is_real), k = fz_pick(g, 5), y;
    fz_node *n;

    if (x < 0)
        return false;
    if (k == 4) {
        n = fz_add(g, FZ_SCALE, "mul", &g->nodes[x]);
        n->number = (double)(1 + fz_pick(g, 5)) * 0.25 * (fz_pick(g, 2) ? 1 : -1);
        n->size *= 1.25;
        fz_reads(n, x);
        return fz_done(g) >= 0;
    }
    y = fz_partner(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    n = fz_add(g,
        k == 3       ? FZ_EXTREME
            : k == 2 ? FZ_MUL
                     : FZ_ARITH,
        k == 3       ? FZ_WORD(g, "maximum", "minimum")
            : k == 2 ? "mul"
                     : FZ_WORD(g, "add", "sub"),
        &g->nodes[x]);
    n->size = k == 2 ? g->nodes[x].size * g->nodes[y].size
        : k == 3     ? (g->nodes[x].size > g->nodes[y].size ? g->nodes[x].size : g->nodes[y].size)
                     : g->nodes[x].size + g->nodes[y].size;
    fz_reads(n, x);
    fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_whole(fz_graph *g)
{
    int x = fz_choose(g, fz_is_whole), k = fz_pick(g, 4), y;
    fz_node *n;

    if (x < 0)
        return false;
    if (k == 0) {
        n = fz_add(g, FZ_DIVIDE, FZ_WORD(g, "div", "rem", "mod"), &g->nodes[x]);
        n->number = 1 + fz_pick(g, 7);
        fz_reads(n, x);
        return fz_done(g) >= 0;
    }
    if (k == 1 && g->nodes[x].rank == 1) {
        n = fz_add(g, FZ_IOTA, "iota", &g->nodes[x]);
        fz_reads(n, x);
        return fz_done(g) >= 0;
    }
    y = fz_partner(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    n = fz_add(g, FZ_WHOLE,
        FZ_WORD(g, "add", "sub", "mul", "maximum", "minimum", "bit_and", "bit_or", "bit_xor",
            "shift_left", "shift_right"),
        &g->nodes[x]);
    fz_reads(n, x);
    fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_truth(fz_graph *g)
{
    int k = fz_pick(g, 4), x = fz_choose(g, k == 0 ? fz_is_truth : fz_is_compared), y;
    fz_node *n;

    if (x < 0)
        return false;
    y = fz_partner(g, x, g->nodes[x].dtype);
    if (k && y >= 0 && !fz_may_compare(g, x, y))
        y = fz_stranger(g, x, g->nodes[x].dtype);
    if (y < 0)
        return false;
    if (k == 0)
        n = fz_add(g, FZ_LOGIC, FZ_WORD(g, "and", "or", "xor"), &g->nodes[x]);
    else
        n = fz_add(g, FZ_COMPARE, FZ_WORD(g, "less", "less_equal", "greater", "equal", "not_equal"),
            &g->nodes[x]);
    n->dtype = TN_BOOL;
    n->size = 1;
    fz_reads(n, x);
    fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_where(fz_graph *g)
{
    int x = fz_choose(g, fz_is_number), c, y;
    fz_node *n;

    if (x < 0)
        return false;
    c = fz_partner(g, x, TN_BOOL);
    y = fz_partner(g, x, g->nodes[x].dtype);
    if (c < 0 || y < 0)
        return false;
    n = fz_add(g, FZ_WHERE, "where", &g->nodes[x]);
    n->size = g->nodes[x].size > g->nodes[y].size ? g->nodes[x].size : g->nodes[y].size;
    fz_reads(n, c);
    fz_reads(n, x);
    fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_cast(fz_graph *g)
{
    int x = fz_choose(g, NULL);
    fz_node *n;

    if (x < 0 || (tn_is_float(g->nodes[x].dtype) && g->nodes[x].size > 50))
        return false;
    n = fz_add(g, FZ_CAST, "cast", &g->nodes[x]);
    n->dtype = fz_random_dtype(g);
    if (!tn_is_float(n->dtype) && !fz_may_decide(g, &g->nodes[x]))
        return false;
    if (tn_is_int(g->nodes[x].dtype) && tn_is_float(n->dtype))
        n->size = 1e10; /* wraps may have made it large */
    fz_reads(n, x);
    return n->dtype != g->nodes[x].dtype && fz_done(g) >= 0;
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
    int x = fz_choose(g, fz_is_tensor), axis;
    bool run = fz_pick(g, 4) == 0, real;
    fz_node *n;

    if (x < 0 || g->nodes[x].size > 1e6)
        return false;
    real = tn_is_float(g->nodes[x].dtype);
    axis = fz_pick(g, g->nodes[x].rank);
    if (g->nodes[x].dtype == TN_BOOL) {
        n = fz_add(g, FZ_REDUCE, FZ_WORD(g, "reduce_any", "reduce_all"), &g->nodes[x]);
        run = false;
    } else if (fz_pick(g, 2) && (!real || g->nodes[x].size < 50)) {
        n = fz_add(g, run ? FZ_RUN_SUM : FZ_SUM,
            run                         ? "cum_sum"
                : real && fz_pick(g, 2) ? "reduce_mean"
                                        : "reduce_sum",
            &g->nodes[x]);
        n->size *= real ? (double)(1 + g->dims[n->dim[axis]].value) : 1;
    } else {
        n = fz_add(g, run ? FZ_RUN_MAX : FZ_REDUCE,
            run ? FZ_WORD(g, "cum_max", "cum_min") : FZ_WORD(g, "reduce_max", "reduce_min"),
            &g->nodes[x]);
        if (real && g->dims[n->dim[axis]].value == 0)
            return false;
    }
    n->p[0] = axis;
    n->p[1] = fz_pick(g, 3) == 0; /* keepdims, reverse */
    if (!run && n->p[1])
        n->dim[axis] = fz_constant_dim(g, 1);
    else if (!run)
        drop_axis(n, axis);
    fz_reads(n, x);
    return fz_done(g) >= 0;
}

static bool
add_contraction(fz_graph *g)
{
    int x = fz_choose(g, fz_is_real_tensor), y, dim[FZ_RANK];
    bool pairs = fz_pick(g, 3) == 0;
    const fz_node *a;
    fz_node *n;

    if (x < 0)
        return false;
    a = &g->nodes[x];
    if (pairs && a->rank >= 2) {
        memcpy(dim, a->dim, sizeof dim);
        dim[a->rank - 2] = fz_base_dim(g);
        y = fz_pick(g, 2) ? x : fz_new_input(g, a->dtype, a->rank, dim, false);
    } else {
        pairs = false;
        dim[0] = fz_constant_dim(g, 1 + fz_pick(g, 20));
        dim[1] = a->dim[a->rank - 1];
        if (!fz_is_constant(g, dim[1]))
            y = fz_new_input(g, a->dtype, 2, dim, false);
        else
            y = fz_new_input(g, a->dtype, 2, dim, fz_pick(g, 3) > 0);
    }
    if (y < 0)
        return false;
    a = &g->nodes[x];
    n = fz_add(g, pairs ? FZ_PAIRS : FZ_LINEAR, "contract", a);
    n->dim[n->rank - 1] = g->nodes[y].dim[pairs ? a->rank - 2 : 0];
    n->size = a->size * g->nodes[y].size * (double)g->dims[a->dim[a->rank - 1]].value;
    fz_reads(n, x);
    fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_view(fz_graph *g)
{
    int x = fz_choose(g, fz_is_tensor), k = fz_pick(g, 6), axis;
    fz_node *n;
    char text[64];
    int64_t size;

    if (x < 0)
        return false;
    axis = fz_pick(g, g->nodes[x].rank);
    n = fz_add(g, FZ_REVERSE, "reverse", &g->nodes[x]);
    n->p[0] = axis;
    size = g->dims[n->dim[axis]].value;
    fz_reads(n, x);
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
        n->dim[axis] = fz_is_constant(g, n->dim[axis]) && fz_is_constant(g, n->dim[axis + 1])
            ? fz_constant_dim(g, size)
            : fz_new_dim(g, size, text);
        for (int i = axis + 1; i + 1 < n->rank; i++)
            n->dim[i] = n->dim[i + 1];
        n->rank--;
    } else if (k == 2 && fz_is_constant(g, n->dim[axis]) && size > 1) {
        n->kind = FZ_SLICE;
        n->p[1] = fz_pick(g, (int)size);
        n->p[2] = 1 + fz_pick(g, 2);
        n->dim[axis] =
            fz_constant_dim(g, 1 + fz_pick(g, (int)((size - 1 - n->p[1]) / n->p[2] + 1)));
    } else if (k == 3 && fz_is_constant(g, n->dim[axis]) && size > 0) {
        n->kind = FZ_INDEX;
        n->p[1] = fz_pick(g, (int)size);
        drop_axis(n, axis);
    } else if (k == 4 && n->rank < FZ_RANK) {
        n->kind = FZ_SPREAD;
        for (int i = n->rank; i > axis; i--)
            n->dim[i] = n->dim[i - 1];
        n->dim[axis] = fz_base_dim(g);
        n->rank++;
    } else if (axis == 0 && size > 0 && size <= 40) { /* a row must be there to be of the type */
        n->p[1] = fz_pick(g, 2);
    }
    return fz_done(g) >= 0;
}

static bool
add_join(fz_graph *g)
{
    int x = fz_choose(g, fz_is_tensor), y, axis;
    fz_node *n;
    char text[64];

    if (x < 0)
        return false;
    axis = fz_pick(g, g->nodes[x].rank);
    if (strpbrk(g->dims[g->nodes[x].dim[axis]].text, "+*"))
        return false;
    if (fz_pick(g, 2)) {
        n = fz_add(g, FZ_PAD, "pad", &g->nodes[x]);
        n->p[0] = axis;
        n->p[1] = fz_pick(g, 3);
        n->p[2] = fz_pick(g, 3);
        snprintf(text, sizeof text, "%s+%d", g->dims[n->dim[axis]].text, n->p[1] + n->p[2]);
        n->dim[axis] = fz_is_constant(g, n->dim[axis])
            ? fz_constant_dim(g, g->dims[n->dim[axis]].value + n->p[1] + n->p[2])
            : n->p[1] + n->p[2] == 0
            ? n->dim[axis]
            : fz_new_dim(g, g->dims[n->dim[axis]].value + n->p[1] + n->p[2], text);
    } else {
        int dim[FZ_RANK], more = 1 + fz_pick(g, 4);
        int64_t had = g->dims[g->nodes[x].dim[axis]].value;

        memcpy(dim, g->nodes[x].dim, sizeof dim);
        dim[axis] = fz_constant_dim(g, more);
        y = fz_new_input(g, g->nodes[x].dtype, g->nodes[x].rank, dim, false);
        if (y < 0)
            return false;
        n = fz_add(g, FZ_CONCAT, "concat", &g->nodes[x]);
        n->p[0] = axis;
        snprintf(text, sizeof text, "%s+%d", g->dims[n->dim[axis]].text, more);
        n->dim[axis] = fz_is_constant(g, n->dim[axis]) ? fz_constant_dim(g, had + more)
                                                       : fz_new_dim(g, had + more, text);
        fz_reads(n, x);
        fz_reads(n, y);
        return fz_done(g) >= 0;
    }
    fz_reads(n, x);
    return fz_done(g) >= 0;
}

static int
index_input(fz_graph *g, int rank, const int *dim, int64_t limit)
{
    int i = fz_new_input(g, fz_pick(g, 3) ? TN_I32 : TN_I64, rank, dim, false);

    if (i >= 0) {
        g->nodes[i].index = true;
        g->nodes[i].p[0] = (int)limit;
        g->nodes[i].p[1] = fz_pick(g, 3) == 0;
    }
    return i;
}

/* Rows are written into a new state now and then: it is updated in place. */
static int
choose_written(fz_graph *g)
{
    int dim[FZ_RANK], rank = 1 + fz_pick(g, 3), i;

    if (fz_pick(g, 3))
        return fz_choose(g, fz_is_tensor);
    for (int k = 0; k < rank; k++)
        dim[k] = fz_constant_dim(g, 1 + fz_pick(g, 7));
    i = fz_new_input(g, TN_F32, rank, dim, false);
    if (i >= 0) {
        g->nodes[i].kind = FZ_STATE;
        fz_judge(g, &g->nodes[i]);
    }
    return i;
}

static bool
add_indexed(fz_graph *g)
{
    int k = fz_pick(g, 3), x = k == 2 ? choose_written(g) : fz_choose(g, fz_is_tensor);
    int i, y, axis, dim[FZ_RANK];
    fz_node *n;
    int64_t size;

    if (x < 0)
        return false;
    axis = k ? 0 : fz_pick(g, g->nodes[x].rank);
    size = g->dims[g->nodes[x].dim[axis]].value;
    if (!fz_is_constant(g, g->nodes[x].dim[axis]) || size == 0 ||
        (k == 1 && !fz_is_number(g, &g->nodes[x])))
        return false;
    memcpy(dim, g->nodes[x].dim, sizeof dim);
    dim[axis] = k == 2 ? fz_constant_dim(g, 1 + fz_pick(g, (int)size)) : fz_base_dim(g);
    if (k == 0) {
        i = index_input(g, 1, &dim[axis], size);
        n = fz_add(g, FZ_GATHER, "gather", &g->nodes[x]);
        n->dim[axis] = dim[axis];
        y = -1;
    } else {
        i = k == 1 ? index_input(g, g->nodes[x].rank, dim, size) : 0;
        y = fz_new_input(g, g->nodes[x].dtype, g->nodes[x].rank, dim, false);
        if (y < 0)
            return false;
        n = fz_add(g, k == 1 ? FZ_SCATTER : FZ_UPDATE, k == 1 ? "scatter_elements" : "update",
            &g->nodes[x]);
        n->p[1] = k == 2 ? (int)(size - g->dims[dim[axis]].value) : 0;
        if (k == 1)
            n->size *= (double)(1 + g->dims[dim[axis]].value);
    }
    if (i < 0)
        return false;
    n->p[0] = axis;
    fz_reads(n, x);
    if (k != 2)
        fz_reads(n, i);
    if (y >= 0)
        fz_reads(n, y);
    return fz_done(g) >= 0;
}

static bool
add_order(fz_graph *g)
{
    int x = fz_choose(g, fz_is_full_number), k = fz_pick(g, 3), axis;
    fz_node *n;

    if (x < 0)
        return false;
    axis = g->nodes[x].rank - 1;
    n = fz_add(g,
        k == 0       ? FZ_ARG
            : k == 1 ? FZ_TOP_VALUES
                     : FZ_TOP_PLACES,
        k == 0 ? FZ_WORD(g, "arg_max", "arg_min") : "top_k", &g->nodes[x]);
    n->p[0] = axis;
    n->p[1] = fz_pick(g, 3) == 0; /* the smallest */
    if (k == 0)
        drop_axis(n, axis);
    else
        n->dim[axis] = fz_constant_dim(g, 1 + fz_pick(g, (int)g->dims[n->dim[axis]].value));
    if (k != 1) {
        n->dtype = TN_I32;
        n->size = 100;
    }
    fz_reads(n, x);
    return fz_done(g) >= 0;
}

static bool
add_normal(fz_graph *g)
{
    int x = fz_choose(g, fz_is_real_tensor), w, b = 0;
    bool soft = fz_pick(g, 2);
    fz_node *n;

    if (x < 0)
        return false;
    if (soft) {
        n = fz_add(g, FZ_SOFTMAX, "softmax", &g->nodes[x]);
        n->p[0] = fz_pick(g, n->rank);
        n->size = 1;
        fz_reads(n, x);
        return fz_done(g) >= 0;
    }
    if (!fz_is_constant(g, g->nodes[x].dim[g->nodes[x].rank - 1]))
        return false;
    w = fz_new_input(g, g->nodes[x].dtype, 1, &g->nodes[x].dim[g->nodes[x].rank - 1],
        fz_pick(g, 2));
    soft = fz_pick(g, 2);
    if (soft)
        b = fz_new_input(g, g->nodes[x].dtype, 1, &g->nodes[x].dim[g->nodes[x].rank - 1], true);
    if (w < 0 || b < 0)
        return false;
    n = fz_add(g, FZ_NORM, soft ? "layer_norm" : "rms_norm", &g->nodes[x]);
    n->size = 10;
    fz_reads(n, x);
    fz_reads(n, w);
    if (soft)
        fz_reads(n, b);
    return fz_done(g) >= 0;
}

/* p[1]: 0 a*w + x, 1 tanh(W a + x), 2 max(a) + x; p[0]: 1 with a sort, 2 with a
 * loop inside. */
static bool
add_scan(fz_graph *g)
{
    int x = fz_choose(g, fz_is_single), c, w, dim[2];
    fz_node *n;
    bool all = fz_pick(g, 2);

    if (x < 0 || g->nodes[x].rank != 2 || g->dims[g->nodes[x].dim[0]].value > 40)
        return false;
    dim[0] = dim[1] = g->nodes[x].dim[1];
    c = fz_new_input(g, TN_F32, 1, dim, false);
    w = fz_new_input(g, TN_F32, 2, dim, false);
    if (c < 0 || w < 0)
        return false;
    n = fz_add(g, all ? FZ_SCAN_ALL : FZ_SCAN_LAST, "scan", &g->nodes[x]);
    n->p[1] = fz_pick(g, 3);
    n->p[2] = fz_pick(g, 3) == 0; /* reverse */
    n->p[0] = fz_pick(g, 4) < 2 ? 1 + fz_pick(g, 2) : 0;
    if (n->p[1] == 2 && g->dims[dim[0]].value == 0)
        n->p[1] = 1;
    n->size = n->p[1] == 1 ? 1 : 60;
    if (!all)
        drop_axis(n, 0);
    fz_reads(n, c);
    fz_reads(n, x);
    fz_reads(n, w);
    return fz_done(g) >= 0;
}

bool
fz_make_one(fz_graph *g)
{
    switch (fz_pick(g, 18)) {
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
    case 15: return fz_add_window(g);
    case 16: return fz_pick(g, 2) ? add_order(g) : add_scan(g);
    default: return add_normal(g);
    }
}
