/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_in.h"

/* ---- bounds of functions ---- */

static fz_name
monotone(fz_writer *w, int i, const char *op)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    fz_name e = fz_error(w, x), v = fz_value(x), f = fz_help(w, n, "%s %s", op, v.at), up, down;

    up = fz_help(w, n, "add %s, %s", v.at, e.at);
    up = fz_help(w, n, "%s %s", op, up.at);
    up = fz_help(w, n, "sub %s, %s", up.at, f.at);
    down = fz_help(w, n, "sub %s, %s", v.at, e.at);
    down = fz_help(w, n, "%s %s", op, down.at);
    down = fz_help(w, n, "sub %s, %s", f.at, down.at);
    return fz_help(w, n, "maximum %s, %s", up.at, down.at);
}

void
fz_unary(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    fz_name r;

    if (n->kind == FZ_SPELLED)
        fz_spelled(w, i);
    else
        fz_statement(w, i, "%s n%d", n->op, x);
    fz_widened(w, i);
    if (!w->inexact[x] && (n->kind == FZ_STILL || n->kind == FZ_STEP))
        return;
    switch (n->kind) {
    case FZ_STILL:
        r = strcmp(n->op, "relu") != 0 ? fz_error(w, x) : monotone(w, i, n->op);
        fz_close(w, i, r, FZ_CLEAN);
        break;
    case FZ_STEP: fz_close(w, i, monotone(w, i, n->op), FZ_CLEAN); break;
    case FZ_RISING: fz_close(w, i, monotone(w, i, n->op), FZ_APPROXIMATE); break;
    case FZ_WAVE:
        r = fz_help(w, n, "add %s, %.17g", fz_error(w, x).at, n->dtype == TN_F64 ? 1e-11 : 1e-6);
        fz_close(w, i, r, FZ_APPROXIMATE);
        break;
    default: /* every step of a composite rounds to the type */
        r = fz_scaled(w, n, fz_magnitude(w, n, fz_value(x)), 8 * fz_unit(n->dtype));
        r = fz_sum(w, n, r, fz_scaled(w, n, fz_error(w, x), 1.2));
        fz_close(w, i, r, FZ_BY_STEPS);
    }
}

static fz_name
product_error(fz_writer *w, const fz_node *n, int a, int b)
{
    fz_name ea = fz_error(w, a), eb = fz_error(w, b), va = fz_value(a), vb = fz_value(b), x, y;

    va = fz_other(w, "f64", fz_shaped(w, &w->g->nodes[a], -1).at, "abs %s", va.at);
    vb = fz_other(w, "f64", fz_shaped(w, &w->g->nodes[b], -1).at, "abs %s", vb.at);
    x = fz_product(w, n, va, eb);
    y = fz_product(w, n, vb, ea);
    x = fz_sum(w, n, x, y);
    y = fz_product(w, n, ea, eb);
    return fz_sum(w, n, x, y);
}

void
fz_binary(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int a = n->in[0], b = n->in[1];

    fz_statement(w, i, "%s n%d, n%d", n->op, a, b);
    fz_widened(w, i);
    if (n->kind == FZ_MUL) {
        fz_close(w, i, product_error(w, n, a, b), FZ_ROUNDS_ONCE);
    } else if (n->kind == FZ_ARITH) {
        fz_name ea = fz_error(w, a), eb = fz_error(w, b);

        fz_close(w, i, fz_sum(w, n, ea, eb), FZ_ROUNDS_ONCE);
    } else if (w->inexact[a] || w->inexact[b]) { /* extremes, integers, truth */
        fz_name ea = fz_error(w, a), eb = fz_error(w, b);

        fz_close(w, i, fz_help(w, n, "maximum %s, %s", ea.at, eb.at), FZ_CLEAN);
    }
}

void
fz_literal(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];

    if (n->kind == FZ_IOTA) {
        fz_name out = {""};

        snprintf(out.at, sizeof out.at, "i%d", i);
        fz_both(w, "    %s: %s%s = iota {size=%s, dtype=%s}\n", out.at, tn_dtype_name(n->dtype),
            fz_shaped(w, n, -1).at, w->g->dims[n->dim[0]].text, tn_dtype_name(n->dtype));
        fz_statement(w, i, "add n%d, %s", x, out.at);
    } else {
        fz_statement(w, i, "%s n%d, %.17g", n->op, x, n->number);
    }
    fz_widened(w, i);
    if (n->kind == FZ_SCALE)
        fz_close(w, i, fz_scaled(w, n, fz_error(w, x), fabs(n->number)), FZ_ROUNDS_ONCE);
    else if (w->inexact[x])
        fz_close(w, i, fz_error(w, x), FZ_CLEAN);
}

/* `at` within a margin that is not 0: an exact tie is decided. */
static fz_name
close_by(fz_writer *w, const fz_node *n, fz_name at, fz_name margin)
{
    fz_shape s = fz_shaped(w, n, -1);
    fz_name near = fz_other(w, "bool", s.at, "less_equal %s, %s", at.at, margin.at);
    fz_name open = fz_other(w, "bool", s.at, "greater %s, 0", margin.at);

    return fz_other(w, "bool", s.at, "and %s, %s", near.at, open.at);
}

void
fz_compare(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int a = n->in[0], b = n->in[1];
    fz_name apart, margin, test;

    fz_statement(w, i, "%s n%d, n%d", n->op, a, b);
    fz_widened(w, i);
    if (a == b || (!w->inexact[a] && !w->inexact[b]))
        return;
    apart = fz_help(w, n, "sub %s, %s", fz_value(a).at, fz_value(b).at);
    apart = fz_magnitude(w, n, apart);
    margin = fz_error(w, a);
    margin = fz_sum(w, n, margin, fz_error(w, b));
    test = close_by(w, n, apart, margin);
    fz_close(w, i, fz_unsure(w, n, test), FZ_CLEAN);
}

void
fz_where(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int c = n->in[0], a = n->in[1], b = n->in[2];
    fz_name ea, eb, r, apart, doubt;

    fz_statement(w, i, "where n%d, n%d, n%d", c, a, b);
    fz_widened(w, i);
    if (!w->inexact[a] && !w->inexact[b] && !w->inexact[c])
        return;
    ea = fz_error(w, a);
    eb = fz_error(w, b);
    r = fz_help(w, n, "where n%d, %s, %s", c, ea.at, eb.at);
    if (w->inexact[c] && a != b) {
        apart = fz_help(w, n, "sub %s, %s", fz_value(a).at, fz_value(b).at);
        apart = fz_magnitude(w, n, apart);
        if (!tn_is_float(n->dtype))
            apart = fz_scaled(w, n, apart, 1e300);
        apart = fz_sum(w, n, apart, ea);
        apart = fz_sum(w, n, apart, eb);
        doubt = fz_other(w, "bool", fz_shaped(w, &w->g->nodes[c], -1).at, "greater e%d, 0", c);
        apart = fz_help(w, n, "where %s, %s, 0", doubt.at, apart.at);
        r = fz_sum(w, n, r, apart);
    }
    fz_close(w, i, r, FZ_CLEAN);
}

void
fz_cast(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    bool real = tn_is_float(w->g->nodes[x].dtype);
    fz_name e, up, down, test;

    fz_statement(w, i, "cast n%d {to=%s}", x, tn_dtype_name(n->dtype));
    fz_widened(w, i);
    if (tn_is_float(n->dtype) && !real && !w->inexact[x])
        return; /* rounded once, in the reference too */
    if (tn_is_float(n->dtype) && real && !w->inexact[x])
        return;
    if (tn_is_float(n->dtype)) {
        fz_close(w, i, fz_error(w, x), FZ_ROUNDS_ONCE);
        return;
    }
    if (!w->inexact[x])
        return;
    e = fz_error(w, x);
    up = fz_help(w, n, "add %s, %s", fz_value(x).at, e.at);
    down = fz_help(w, n, "sub %s, %s", fz_value(x).at, e.at);
    up = fz_other(w, tn_dtype_name(n->dtype), fz_shaped(w, n, -1).at, "cast %s {to=%s}", up.at,
        tn_dtype_name(n->dtype));
    down = fz_other(w, tn_dtype_name(n->dtype), fz_shaped(w, n, -1).at, "cast %s {to=%s}", down.at,
        tn_dtype_name(n->dtype));
    test = fz_other(w, "bool", fz_shaped(w, n, -1).at, "not_equal %s, %s", up.at, down.at);
    e = fz_unsure(w, n, test);
    if (n->dtype == TN_BOOL) { /* zero lies between */
        fz_name size = fz_magnitude(w, n, fz_value(x));

        test = close_by(w, n, size, fz_error(w, x));
        e = fz_sum(w, n, e, fz_unsure(w, n, test));
    }
    fz_close(w, i, e, FZ_CLEAN);
}

/* ---- bounds of sums ---- */

void
fz_reduce(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    bool sums = n->kind == FZ_SUM && tn_is_float(n->dtype);
    const char *keep = n->p[1] ? ", keepdims=true" : "";
    fz_name e, size;

    fz_statement(w, i, "%s n%d {axes=[%d]%s}", n->op, n->in[0], n->p[0], keep);
    fz_widened(w, i);
    if (fz_dim_value(w->g, x->dim[n->p[0]]) == 0 || (!sums && !w->inexact[n->in[0]]))
        return;
    e = fz_error(w, n->in[0]);
    if (!sums) { /* integers and truth: sure or not at all */
        bool whole = !tn_is_float(n->dtype);

        e = fz_help(w, n, "%s %s {axes=[%d]%s}", whole ? "reduce_sum" : "reduce_max", e.at, n->p[0],
            keep);
        fz_close(w, i, e, FZ_CLEAN);
        return;
    }
    size = fz_magnitude(w, x, fz_value(n->in[0]));
    size = fz_scaled(w, x, size, fz_terms(w, n->in[0], n->p[0]) * fz_sum_unit(n->dtype));
    e = fz_sum(w, x, size, e);
    fz_close(w, i, fz_help(w, n, "%s %s {axes=[%d]%s}", n->op, e.at, n->p[0], keep), FZ_ROUNDS);
}

void
fz_running(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    bool sums = n->kind == FZ_RUN_SUM && tn_is_float(n->dtype);
    const char *turn = n->p[1] ? ", reverse=true" : "";
    fz_name e, size;

    fz_statement(w, i, "%s n%d {axis=%d%s}", n->op, n->in[0], n->p[0], turn);
    fz_widened(w, i);
    if (!sums && !w->inexact[n->in[0]])
        return;
    e = fz_error(w, n->in[0]);
    if (sums) {
        double u = fz_unit(n->dtype);

        size = fz_magnitude(w, n, fz_value(n->in[0]));
        size = fz_scaled(w, n, size, fz_terms(w, n->in[0], n->p[0]) * u);
        e = fz_sum(w, n, size, e);
    }
    e = fz_help(w, n, "%s %s {axis=%d%s}", n->kind == FZ_RUN_SUM ? "cum_sum" : "cum_max", e.at,
        n->p[0], turn);
    fz_close(w, i, e, sums ? FZ_ROUNDS : FZ_CLEAN);
}

void
fz_contraction(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *a = &w->g->nodes[n->in[0]], *b = &w->g->nodes[n->in[1]];
    const char *labels = n->kind == FZ_PAIRS ? "...ik,...jk->...ij" : "...k,jk->...j";
    double count = fz_terms(w, n->in[0], a->rank - 1);
    fz_name ea, eb, va, vb, x, y;

    fz_statement(w, i, "contract n%d, n%d {labels=\"%s\"}", n->in[0], n->in[1], labels);
    fz_widened(w, i);
    va = fz_magnitude(w, a, fz_value(n->in[0]));
    vb = fz_magnitude(w, b, fz_value(n->in[1]));
    ea = fz_error(w, n->in[0]);
    eb = fz_error(w, n->in[1]);
    ea = fz_sum(w, a, ea, fz_scaled(w, a, va, count * fz_sum_unit(n->dtype)));
    x = fz_help(w, n, "contract %s, %s {labels=\"%s\"}", va.at, eb.at, labels);
    vb = fz_sum(w, b, vb, eb);
    y = fz_help(w, n, "contract %s, %s {labels=\"%s\"}", ea.at, vb.at, labels);
    fz_close(w, i, fz_sum(w, n, x, y), FZ_ROUNDS);
}

void
fz_softmax(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    fz_shape one = fz_shaped(w, n, n->p[0]);
    fz_name m, size;

    fz_statement(w, i, "softmax n%d {axis=%d}", x, n->p[0]);
    fz_widened(w, i);
    size = fz_magnitude(w, n, fz_value(x));
    size = fz_scaled(w, n, size, 4 * fz_sum_unit(n->dtype));
    m = fz_sum(w, n, fz_error(w, x), size);
    m = fz_other(w, "f64", one.at, "reduce_max %s {axes=[%d], keepdims=true}", m.at, n->p[0]);
    m = fz_other(w, "f64", one.at, "mul %s, 2", m.at);
    m = fz_other(w, "f64", one.at, "expm1 %s", m.at);
    m = fz_other(w, "f64", one.at, "add %s, %.17g", m.at,
        (n->dtype == TN_F64 ? 1e-11 : 4e-6) + fz_terms(w, x, n->p[0]) * fz_sum_unit(n->dtype));
    fz_close(w, i, fz_product(w, n, m, fz_value(i)), FZ_ROUNDS);
}

/* (c + ec) * (r + er) * (|w| + ew) - c*r*|w|, with r = rsqrt(mean c*c + 0.5). */
void
fz_norm(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *g = &w->g->nodes[n->in[1]];
    bool layer = n->in_count > 2;
    fz_shape one = fz_shaped(w, n, n->rank - 1);
    double u = fz_terms(w, n->in[0], n->rank - 1) * 2 * fz_sum_unit(n->dtype);
    fz_name c = fz_value(n->in[0]), ec = fz_error(w, n->in[0]), m, s, es, r, er, x, y, top, low;

    fz_statement(w, i, layer ? "%s n%d, n%d, n%d {eps=0.5}" : "%s n%d, n%d%.0d {eps=0.5}", n->op,
        n->in[0], n->in[1], layer ? n->in[2] : 0);
    fz_widened(w, i);
    ec = fz_sum(w, n, ec, fz_scaled(w, n, fz_magnitude(w, n, c), u));
    if (layer) {
        m = fz_other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", c.at,
            n->rank - 1);
        c = fz_help(w, n, "sub %s, %s", c.at, m.at);
        m = fz_other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", ec.at,
            n->rank - 1);
        ec = fz_sum(w, n, ec, m);
        ec = fz_sum(w, n, ec, fz_scaled(w, n, fz_magnitude(w, n, c), u));
    }
    c = fz_magnitude(w, n, c);
    x = fz_product(w, n, c, c);
    s = fz_other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", x.at, n->rank - 1);
    y = fz_sum(w, n, c, ec);
    y = fz_product(w, n, y, y);
    y = fz_help(w, n, "sub %s, %s", y.at, x.at);
    es = fz_other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", y.at, n->rank - 1);
    low = fz_other(w, "f64", one.at, "sub %s, %s", s.at, es.at);
    low = fz_other(w, "f64", one.at, "maximum %s, 0", low.at);
    low = fz_other(w, "f64", one.at, "add %s, 0.5", low.at);
    er = fz_other(w, "f64", one.at, "rsqrt %s", low.at);
    er = fz_other(w, "f64", one.at, "mul %s, %.17g", er.at,
        1 + (n->dtype == TN_F64 ? 1e-11 : 1e-6) + u);
    low = fz_other(w, "f64", one.at, "add %s, 0.5", s.at);
    r = fz_other(w, "f64", one.at, "rsqrt %s", low.at);
    x = fz_other(w, "f64", fz_shaped(w, g, -1).at, "abs %s", fz_value(n->in[1]).at);
    top = fz_other(w, "f64", fz_shaped(w, g, -1).at, "add %s, %s", x.at, fz_error(w, n->in[1]).at);
    low = fz_product(w, n, fz_product(w, n, c, r), x);
    top = fz_product(w, n, fz_product(w, n, fz_sum(w, n, c, ec), er), top);
    top = fz_help(w, n, "sub %s, %s", top.at, low.at);
    if (layer)
        top = fz_sum(w, n, top, fz_error(w, n->in[2]));
    top = fz_sum(w, n, top, fz_scaled(w, n, low, 8 * fz_sum_unit(n->dtype)));
    fz_close(w, i, top, FZ_ROUNDS);
}

void
fz_scatter(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *y = &w->g->nodes[n->in[2]];
    bool real = tn_is_float(n->dtype);
    double u = fz_unit(n->dtype) * fz_terms(w, n->in[2], n->p[0]);
    fz_name e, ey;

    fz_statement(w, i, "scatter_elements n%d, n%d, n%d {axis=%d, reduce=\"add\"}", n->in[0],
        n->in[1], n->in[2], n->p[0]);
    fz_widened(w, i);
    if (!real && !w->inexact[n->in[0]])
        return;
    e = fz_error(w, n->in[0]);
    ey = fz_error(w, n->in[2]);
    if (real) {
        e = fz_sum(w, n, e, fz_scaled(w, n, fz_magnitude(w, n, fz_value(n->in[0])), u));
        ey = fz_sum(w, y, ey, fz_scaled(w, y, fz_magnitude(w, y, fz_value(n->in[2])), u));
    }
    e = fz_help(w, n, "scatter_elements %s, n%d, %s {axis=%d, reduce=\"add\"}", e.at, n->in[1],
        ey.at, n->p[0]);
    fz_close(w, i, e, real ? FZ_ROUNDS : FZ_CLEAN);
}
