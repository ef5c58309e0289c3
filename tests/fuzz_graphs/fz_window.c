/* SPDX-License-Identifier: Apache-2.0
 * Convolutions and pools over [B,C,W]. p: stride, kernel, dilation. */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_in.h"
#include "tests/fuzz_graphs/fz_make.h"

/* ---- making ---- */

static bool
is_image(const fz_graph *g, const fz_node *n)
{
    return n->rank == 3 && fz_is_number(g, n) && fz_is_constant(g, n->dim[1]) &&
        g->dims[n->dim[1]].value > 0 && !strpbrk(g->dims[n->dim[2]].text, "+*/(");
}

static int
image(fz_graph *g)
{
    int x = fz_pick(g, 2) ? fz_choose(g, is_image) : -1, dim[FZ_RANK];

    if (x >= 0)
        return x;
    dim[0] = fz_base_dim(g);
    dim[1] = fz_constant_dim(g, 1 + fz_pick(g, 6));
    dim[2] = fz_base_dim(g);
    return fz_new_input(g, fz_pick(g, 8) ? TN_F32 : TN_F16, 3, dim, false);
}

/* Kernels are odd and padded by half: floor((n-1)/stride) + 1 places. */
static int
places(fz_graph *g, int dim, int stride)
{
    const fz_dim *d = &g->dims[dim];
    int64_t value = d->value ? (d->value - 1) / stride + 1 : 0;
    char text[64];

    if (stride == 1)
        return dim;
    snprintf(text, sizeof text, "floor((%s-1)/%d)+1", d->text, stride);
    return fz_is_constant(g, dim) ? fz_constant_dim(g, value) : fz_new_dim(g, value, text);
}

static int
spread(fz_graph *g, int dim, int stride)
{
    const fz_dim *d = &g->dims[dim];
    char text[64];

    if (stride == 1)
        return dim;
    snprintf(text, sizeof text, "%d*%s", stride, d->text);
    return fz_is_constant(g, dim) ? fz_constant_dim(g, stride * d->value)
                                  : fz_new_dim(g, stride * d->value, text);
}

static bool
add_pool(fz_graph *g, int x)
{
    bool most = !tn_is_float(g->nodes[x].dtype) || fz_pick(g, 2);
    fz_node *n = fz_add(g, FZ_POOL, most ? "max_pool" : "avg_pool", &g->nodes[x]);

    n->p[0] = 1 + fz_pick(g, 3);
    n->p[1] = 3;
    n->p[2] = 1;
    n->dim[2] = places(g, n->dim[2], n->p[0]);
    fz_reads(n, x);
    return fz_done(g) >= 0;
}

/* conv_transpose has stride 2 and kernel 4, or is conv's own adjoint. */
bool
fz_add_window(fz_graph *g)
{
    int x = image(g), w, dim[FZ_RANK], stride = 1 + fz_pick(g, 2), kernel, dilation = 1;
    bool back = fz_pick(g, 3) == 0;
    fz_node *n;

    if (x < 0 || g->nodes[x].dtype == TN_BOOL)
        return false;
    if (!tn_is_float(g->nodes[x].dtype) || fz_pick(g, 3) == 0)
        return add_pool(g, x);
    kernel = back && stride == 2 ? 4 : 1 + 2 * fz_pick(g, 3);
    if (!back)
        dilation = 1 + fz_pick(g, 2);
    dim[0] = back ? g->nodes[x].dim[1] : fz_constant_dim(g, 1 + fz_pick(g, 20));
    dim[1] = back ? fz_constant_dim(g, 1 + fz_pick(g, 20)) : g->nodes[x].dim[1];
    dim[2] = fz_constant_dim(g, kernel);
    w = fz_new_input(g, g->nodes[x].dtype, 3, dim, fz_pick(g, 3) > 0);
    if (w < 0)
        return false;
    n = fz_add(g, FZ_CONV, back ? "conv_transpose" : "conv", &g->nodes[x]);
    n->p[0] = stride;
    n->p[1] = kernel;
    n->p[2] = dilation;
    n->dim[1] = back ? dim[1] : dim[0];
    n->dim[2] = back ? spread(g, n->dim[2], stride) : places(g, n->dim[2], stride);
    n->size *= g->nodes[w].size * (double)(kernel * g->dims[g->nodes[x].dim[1]].value);
    fz_reads(n, x);
    fz_reads(n, w);
    return fz_done(g) >= 0;
}

/* ---- bounds ---- */

static void
pool(fz_writer *w, int i, const char *how)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    bool mean = !strcmp(n->op, "avg_pool");
    fz_name e, size;

    fz_statement(w, i, "%s n%d {%s}", n->op, n->in[0], how);
    fz_widened(w, i);
    if (!mean && !w->inexact[n->in[0]])
        return;
    e = fz_error(w, n->in[0]);
    if (mean) {
        size = fz_magnitude(w, x, fz_value(n->in[0]));
        e = fz_sum(w, x, e, fz_scaled(w, x, size, (n->p[1] + 2) * fz_sum_unit(n->dtype)));
    }
    e = fz_help(w, n, "%s %s {%s}", n->op, e.at, how);
    fz_close(w, i, e, mean ? FZ_ROUNDS : FZ_CLEAN);
}

static void
conv(fz_writer *w, int i, const char *how)
{
    const fz_node *n = &w->g->nodes[i], *a = &w->g->nodes[n->in[0]], *b = &w->g->nodes[n->in[1]];
    double count = (fz_terms(w, n->in[0], 1) - 2) * n->p[1] + 2;
    fz_name ea, eb, va, vb, x, y;

    fz_statement(w, i, "%s n%d, n%d {%s}", n->op, n->in[0], n->in[1], how);
    fz_widened(w, i);
    va = fz_magnitude(w, a, fz_value(n->in[0]));
    vb = fz_magnitude(w, b, fz_value(n->in[1]));
    ea = fz_error(w, n->in[0]);
    eb = fz_error(w, n->in[1]);
    ea = fz_sum(w, a, ea, fz_scaled(w, a, va, count * fz_sum_unit(n->dtype)));
    x = fz_help(w, n, "%s %s, %s {%s}", n->op, va.at, eb.at, how);
    vb = fz_sum(w, b, vb, eb);
    y = fz_help(w, n, "%s %s, %s {%s}", n->op, ea.at, vb.at, how);
    fz_close(w, i, fz_sum(w, n, x, y), FZ_ROUNDS);
}

void
fz_window(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    bool even = n->p[1] % 2 == 0;
    int padding = even ? 1 : n->p[2] * (n->p[1] - 1) / 2;
    char how[120];

    if (n->kind == FZ_POOL) {
        snprintf(how, sizeof how, "window=[%d], strides=[%d], padding=[%d]", n->p[1], n->p[0],
            padding);
        pool(w, i, how);
        return;
    }
    snprintf(how, sizeof how, "strides=[%d], padding=[%d], dilations=[%d]", n->p[0], padding,
        n->p[2]);
    conv(w, i, how);
}
