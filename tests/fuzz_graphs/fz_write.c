/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz_graphs/fz.h"

/* Beside node n7 the bound text has v7, its value as f64, and e7, how far a
 * device may be off (absent: not at all). 1e300 stands for "anything": a
 * decision within its margin. */
typedef struct writer {
    const fz_graph *g;
    fz_text *plain, *bound;
    bool inexact[FZ_NODES];
    int next; /* number of the next helper value t0, t1, .. */
} writer;

typedef struct name {
    char at[32];
} name;

/* ---- text ---- */

static void
append(fz_text *t, const char *format, va_list args)
{
    char line[600];
    int length = vsnprintf(line, sizeof line, format, args);

    if (length < 0 || (size_t)length >= sizeof line)
        return;
    if (t->used + (size_t)length + 1 > t->room) {
        size_t room = 2 * t->room + 4096;
        char *at = realloc(t->at, room);

        if (!at)
            return;
        t->at = at;
        t->room = room;
    }
    memcpy(t->at + t->used, line, (size_t)length + 1);
    t->used += (size_t)length;
}

static void both(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void beside(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
both(writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(w->plain, format, args);
    va_end(args);
    va_start(args, format);
    append(w->bound, format, args);
    va_end(args);
}

static void
beside(writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(w->bound, format, args);
    va_end(args);
}

void
fz_text_free(fz_text *t)
{
    free(t->at);
    *t = (fz_text){0};
}

/* "[A,3]"; axis `one` is written 1. */
typedef struct shape {
    char at[120];
} shape;

static shape
shaped(const writer *w, const fz_node *n, int one)
{
    shape s;
    size_t used = 1;

    strcpy(s.at, "[");
    for (int i = 0; i < n->rank; i++)
        used += (size_t)snprintf(s.at + used, sizeof s.at - used, "%s%s", i ? "," : "",
            i == one ? "1" : w->g->dims[n->dim[i]].text);
    snprintf(s.at + used, sizeof s.at - used, "]");
    return s;
}

/* A helper value of the shape of `n` in f64. */
static name help(writer *w, const fz_node *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static name
help(writer *w, const fz_node *n, const char *format, ...)
{
    char what[400];
    va_list args;
    name out;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    beside(w, "    %s: f64%s = %s\n", out.at, shaped(w, n, -1).at, what);
    return out;
}

/* Of another type or shape, given. */
static name other(writer *w, const char *dtype, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static name
other(writer *w, const char *dtype, const char *where, const char *format, ...)
{
    char what[400];
    va_list args;
    name out;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    beside(w, "    %s: %s%s = %s\n", out.at, dtype, where, what);
    return out;
}

static name
value(const writer *w, int node)
{
    name out;

    (void)w;
    snprintf(out.at, sizeof out.at, "v%d", node);
    return out;
}

static name
error(writer *w, int node)
{
    const fz_node *n = &w->g->nodes[node];
    name out;

    snprintf(out.at, sizeof out.at, "e%d", node);
    if (w->inexact[node])
        return out;
    return help(w, n, "fill {type=f64%s, value=0}", shaped(w, n, -1).at);
}

/* 1e300 where the test holds. */
static name
unsure(writer *w, const fz_node *n, name test)
{
    name one = help(w, n, "cast %s {to=f64}", test.at);

    return help(w, n, "mul %s, 1e300", one.at);
}

static name
magnitude(writer *w, const fz_node *n, name v)
{
    return help(w, n, "abs %s", v.at);
}

static name
sum(writer *w, const fz_node *n, name a, name b)
{
    return help(w, n, "add %s, %s", a.at, b.at);
}

static name
product(writer *w, const fz_node *n, name a, name b)
{
    return help(w, n, "mul %s, %s", a.at, b.at);
}

static name
scaled(writer *w, const fz_node *n, name a, double by)
{
    return help(w, n, "mul %s, %.17g", a.at, by);
}

/* ---- rounding ---- */

enum { CLEAN, ROUNDS, APPROXIMATE, BY_STEPS };

static double
unit(tn_dtype t)
{
    return t == TN_F16 ? 0x1p-10 : t == TN_BF16 ? 0x1p-7 : 0x1p-23;
}

/* Closes node i with propagated error r: adds what its own rounding may do. */
static void
close_node(writer *w, int i, name r, int rounds)
{
    const fz_node *n = &w->g->nodes[i];
    name size = magnitude(w, n, value(w, i)), e = r, limit, test;
    double u = unit(n->dtype) * (rounds == BY_STEPS ? 8 : 1) + (rounds == APPROXIMATE ? 2e-6 : 0);

    if (rounds != CLEAN) {
        name own = scaled(w, n, size, u);

        own = help(w, n, "add %s, %.17g", own.at,
            rounds == BY_STEPS       ? 8 * unit(n->dtype)
                : n->dtype == TN_F16 ? 1e-4
                                     : 1e-37);
        e = sum(w, n, r, own);
    }
    if (n->dtype == TN_F16) { /* beyond the type */
        limit = sum(w, n, size, e);
        test = other(w, "bool", shaped(w, n, -1).at, "greater %s, 65000", limit.at);
        e = sum(w, n, e, unsure(w, n, test));
    }
    beside(w, "    e%d: f64%s = add %s, 0\n", i, shaped(w, n, -1).at, e.at);
    w->inexact[i] = true;
}

/* The statement itself, and its value as f64. */
static void statement(writer *w, int i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
statement(writer *w, int i, const char *format, ...)
{
    const fz_node *n = &w->g->nodes[i];
    char what[500];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    both(w, "    n%d: %s%s = %s\n", i, tn_dtype_name(n->dtype), shaped(w, n, -1).at, what);
}

static void
widened(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];

    beside(w, "    v%d: f64%s = cast n%d {to=f64}\n", i, shaped(w, n, -1).at, i);
}

/* ---- bounds of functions ---- */

static name
monotone(writer *w, int i, const char *op)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    name e = error(w, x), v = value(w, x), f = help(w, n, "%s %s", op, v.at), up, down;

    up = help(w, n, "add %s, %s", v.at, e.at);
    up = help(w, n, "%s %s", op, up.at);
    up = help(w, n, "sub %s, %s", up.at, f.at);
    down = help(w, n, "sub %s, %s", v.at, e.at);
    down = help(w, n, "%s %s", op, down.at);
    down = help(w, n, "sub %s, %s", f.at, down.at);
    return help(w, n, "maximum %s, %s", up.at, down.at);
}

static void
unary(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    name r;

    statement(w, i, "%s n%d", n->op, x);
    widened(w, i);
    if (!w->inexact[x] && (n->kind == FZ_STILL || n->kind == FZ_STEP))
        return;
    switch (n->kind) {
    case FZ_STILL: close_node(w, i, error(w, x), CLEAN); break;
    case FZ_STEP: close_node(w, i, monotone(w, i, n->op), CLEAN); break;
    case FZ_RISING: close_node(w, i, monotone(w, i, n->op), APPROXIMATE); break;
    case FZ_WAVE:
        r = help(w, n, "add %s, 1e-6", error(w, x).at);
        close_node(w, i, r, APPROXIMATE);
        break;
    default: /* every step of a composite rounds to the type */
        r = scaled(w, n, magnitude(w, n, value(w, x)), 8 * unit(n->dtype));
        r = sum(w, n, r, scaled(w, n, error(w, x), 1.2));
        close_node(w, i, r, BY_STEPS);
    }
}

static name
product_error(writer *w, const fz_node *n, int a, int b)
{
    name ea = error(w, a), eb = error(w, b), va = value(w, a), vb = value(w, b), x, y;

    va = other(w, "f64", shaped(w, &w->g->nodes[a], -1).at, "abs %s", va.at);
    vb = other(w, "f64", shaped(w, &w->g->nodes[b], -1).at, "abs %s", vb.at);
    x = product(w, n, va, eb);
    y = product(w, n, vb, ea);
    x = sum(w, n, x, y);
    y = product(w, n, ea, eb);
    return sum(w, n, x, y);
}

static void
binary(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int a = n->in[0], b = n->in[1];

    statement(w, i, "%s n%d, n%d", n->op, a, b);
    widened(w, i);
    if (n->kind == FZ_MUL) {
        close_node(w, i, product_error(w, n, a, b), ROUNDS);
    } else if (n->kind == FZ_ARITH) {
        name ea = error(w, a), eb = error(w, b);

        close_node(w, i, sum(w, n, ea, eb), ROUNDS);
    } else if (w->inexact[a] || w->inexact[b]) { /* extremes, integers, truth */
        name ea = error(w, a), eb = error(w, b);

        close_node(w, i, sum(w, n, ea, eb), CLEAN);
    }
}

static void
literal(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];

    if (n->kind == FZ_IOTA) {
        name out = {""};

        snprintf(out.at, sizeof out.at, "i%d", i);
        both(w, "    %s: %s%s = iota {size=%s, dtype=%s}\n", out.at, tn_dtype_name(n->dtype),
            shaped(w, n, -1).at, w->g->dims[n->dim[0]].text, tn_dtype_name(n->dtype));
        statement(w, i, "add n%d, %s", x, out.at);
    } else {
        statement(w, i, "%s n%d, %.17g", n->op, x, n->number);
    }
    widened(w, i);
    if (n->kind == FZ_SCALE)
        close_node(w, i, scaled(w, n, error(w, x), n->number < 0 ? -n->number : n->number), ROUNDS);
    else if (w->inexact[x])
        close_node(w, i, error(w, x), CLEAN);
}

static void
compare(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int a = n->in[0], b = n->in[1];
    name apart, margin, test;

    statement(w, i, "%s n%d, n%d", n->op, a, b);
    widened(w, i);
    if (!w->inexact[a] && !w->inexact[b])
        return;
    apart = help(w, n, "sub %s, %s", value(w, a).at, value(w, b).at);
    apart = magnitude(w, n, apart);
    margin = error(w, a);
    margin = sum(w, n, margin, error(w, b));
    test = other(w, "bool", shaped(w, n, -1).at, "less_equal %s, %s", apart.at, margin.at);
    close_node(w, i, unsure(w, n, test), CLEAN);
}

static void
where(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int c = n->in[0], a = n->in[1], b = n->in[2];
    name ea, eb, r, apart, doubt;

    statement(w, i, "where n%d, n%d, n%d", c, a, b);
    widened(w, i);
    if (!w->inexact[a] && !w->inexact[b] && !w->inexact[c])
        return;
    ea = error(w, a);
    eb = error(w, b);
    r = help(w, n, "where n%d, %s, %s", c, ea.at, eb.at);
    if (w->inexact[c]) {
        apart = help(w, n, "sub %s, %s", value(w, a).at, value(w, b).at);
        apart = magnitude(w, n, apart);
        if (!tn_is_float(n->dtype))
            apart = scaled(w, n, apart, 1e300);
        apart = sum(w, n, apart, ea);
        apart = sum(w, n, apart, eb);
        doubt = other(w, "bool", shaped(w, &w->g->nodes[c], -1).at, "greater e%d, 0", c);
        apart = help(w, n, "where %s, %s, 0", doubt.at, apart.at);
        r = sum(w, n, r, apart);
    }
    close_node(w, i, r, CLEAN);
}

static void
cast(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    bool real = tn_is_float(w->g->nodes[x].dtype);
    name e, up, down, test;

    statement(w, i, "cast n%d {to=%s}", x, tn_dtype_name(n->dtype));
    widened(w, i);
    if (tn_is_float(n->dtype) && !real && !w->inexact[x])
        return; /* rounded once, in the reference too */
    if (tn_is_float(n->dtype) && real && !w->inexact[x])
        return;
    if (tn_is_float(n->dtype)) {
        close_node(w, i, error(w, x), ROUNDS);
        return;
    }
    if (!w->inexact[x])
        return;
    e = error(w, x);
    up = help(w, n, "add %s, %s", value(w, x).at, e.at);
    down = help(w, n, "sub %s, %s", value(w, x).at, e.at);
    up = other(w, tn_dtype_name(n->dtype), shaped(w, n, -1).at, "cast %s {to=%s}", up.at,
        tn_dtype_name(n->dtype));
    down = other(w, tn_dtype_name(n->dtype), shaped(w, n, -1).at, "cast %s {to=%s}", down.at,
        tn_dtype_name(n->dtype));
    test = other(w, "bool", shaped(w, n, -1).at, "not_equal %s, %s", up.at, down.at);
    e = unsure(w, n, test);
    if (n->dtype == TN_BOOL) { /* zero lies between */
        name size = magnitude(w, n, value(w, x));

        test = other(w, "bool", shaped(w, n, -1).at, "less_equal %s, %s", size.at, error(w, x).at);
        e = sum(w, n, e, unsure(w, n, test));
    }
    close_node(w, i, e, CLEAN);
}

/* ---- bounds of sums ---- */

/* How many numbers are added: the dimension as it is now. */
static double
terms(const writer *w, int node, int axis)
{
    return (double)w->g->dims[w->g->nodes[node].dim[axis]].value + 2;
}

static void
reduce(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    bool sums = n->kind == FZ_SUM && tn_is_float(n->dtype);
    const char *keep = n->p[1] ? ", keepdims=true" : "";
    name e, size;

    statement(w, i, "%s n%d {axes=[%d]%s}", n->op, n->in[0], n->p[0], keep);
    widened(w, i);
    if (!sums && !w->inexact[n->in[0]])
        return;
    e = error(w, n->in[0]);
    if (!sums) { /* integers and truth: sure or not at all */
        bool whole = !tn_is_float(n->dtype);

        e = help(w, n, "%s %s {axes=[%d]%s}", whole ? "reduce_sum" : "reduce_max", e.at, n->p[0],
            keep);
        close_node(w, i, e, CLEAN);
        return;
    }
    size = magnitude(w, x, value(w, n->in[0]));
    size = scaled(w, x, size, terms(w, n->in[0], n->p[0]) * 0x1p-23);
    e = sum(w, x, size, e);
    close_node(w, i, help(w, n, "%s %s {axes=[%d]%s}", n->op, e.at, n->p[0], keep), ROUNDS);
}

static void
running(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    bool sums = n->kind == FZ_RUN_SUM && tn_is_float(n->dtype);
    const char *turn = n->p[1] ? ", reverse=true" : "";
    name e, size;

    statement(w, i, "%s n%d {axis=%d%s}", n->op, n->in[0], n->p[0], turn);
    widened(w, i);
    if (!sums && !w->inexact[n->in[0]])
        return;
    e = error(w, n->in[0]);
    if (sums) {
        double u = n->dtype == TN_F32 ? 0x1p-23 : unit(n->dtype);

        size = magnitude(w, n, value(w, n->in[0]));
        size = scaled(w, n, size, terms(w, n->in[0], n->p[0]) * u);
        e = sum(w, n, size, e);
    }
    e = help(w, n, "%s %s {axis=%d%s}", n->kind == FZ_RUN_SUM ? "cum_sum" : "cum_max", e.at,
        n->p[0], turn);
    close_node(w, i, e, sums ? ROUNDS : CLEAN);
}

static void
contraction(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *a = &w->g->nodes[n->in[0]], *b = &w->g->nodes[n->in[1]];
    const char *labels = n->kind == FZ_PAIRS ? "...ik,...jk->...ij" : "...k,jk->...j";
    double count = terms(w, n->in[0], a->rank - 1);
    name ea, eb, va, vb, x, y;

    statement(w, i, "contract n%d, n%d {labels=\"%s\"}", n->in[0], n->in[1], labels);
    widened(w, i);
    va = magnitude(w, a, value(w, n->in[0]));
    vb = magnitude(w, b, value(w, n->in[1]));
    ea = error(w, n->in[0]);
    eb = error(w, n->in[1]);
    ea = sum(w, a, ea, scaled(w, a, va, count * 0x1p-23));
    x = help(w, n, "contract %s, %s {labels=\"%s\"}", va.at, eb.at, labels);
    vb = sum(w, b, vb, eb);
    y = help(w, n, "contract %s, %s {labels=\"%s\"}", ea.at, vb.at, labels);
    close_node(w, i, sum(w, n, x, y), ROUNDS);
}

static void
softmax(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    int x = n->in[0];
    shape one = shaped(w, n, n->p[0]);
    name m, size;

    statement(w, i, "softmax n%d {axis=%d}", x, n->p[0]);
    widened(w, i);
    size = magnitude(w, n, value(w, x));
    size = scaled(w, n, size, 0x1p-21);
    m = sum(w, n, error(w, x), size);
    m = other(w, "f64", one.at, "reduce_max %s {axes=[%d], keepdims=true}", m.at, n->p[0]);
    m = other(w, "f64", one.at, "mul %s, 2", m.at);
    m = other(w, "f64", one.at, "expm1 %s", m.at);
    m = other(w, "f64", one.at, "add %s, %.17g", m.at, 4e-6 + terms(w, x, n->p[0]) * 0x1p-23);
    close_node(w, i, product(w, n, m, value(w, i)), ROUNDS);
}

/* (c + ec) * (r + er) * (|w| + ew) - c*r*|w|, with r = rsqrt(mean c*c + 0.5). */
static void
norm(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *g = &w->g->nodes[n->in[1]];
    bool layer = n->in_count > 2;
    shape one = shaped(w, n, n->rank - 1);
    double u = terms(w, n->in[0], n->rank - 1) * 0x1p-22;
    name c = value(w, n->in[0]), ec = error(w, n->in[0]), m, s, es, r, er, x, y, top, low;

    statement(w, i, layer ? "%s n%d, n%d, n%d {eps=0.5}" : "%s n%d, n%d%.0d {eps=0.5}", n->op,
        n->in[0], n->in[1], layer ? n->in[2] : 0);
    widened(w, i);
    ec = sum(w, n, ec, scaled(w, n, magnitude(w, n, c), u));
    if (layer) {
        m = other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", c.at, n->rank - 1);
        c = help(w, n, "sub %s, %s", c.at, m.at);
        m = other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", ec.at,
            n->rank - 1);
        ec = sum(w, n, ec, m);
        ec = sum(w, n, ec, scaled(w, n, magnitude(w, n, c), u));
    }
    c = magnitude(w, n, c);
    x = product(w, n, c, c);
    s = other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", x.at, n->rank - 1);
    y = sum(w, n, c, ec);
    y = product(w, n, y, y);
    y = help(w, n, "sub %s, %s", y.at, x.at);
    es = other(w, "f64", one.at, "reduce_mean %s {axes=[%d], keepdims=true}", y.at, n->rank - 1);
    low = other(w, "f64", one.at, "sub %s, %s", s.at, es.at);
    low = other(w, "f64", one.at, "maximum %s, 0", low.at);
    low = other(w, "f64", one.at, "add %s, 0.5", low.at);
    er = other(w, "f64", one.at, "rsqrt %s", low.at);
    er = other(w, "f64", one.at, "mul %s, %.17g", er.at, 1 + 1e-6 + u);
    low = other(w, "f64", one.at, "add %s, 0.5", s.at);
    r = other(w, "f64", one.at, "rsqrt %s", low.at);
    x = other(w, "f64", shaped(w, g, -1).at, "abs %s", value(w, n->in[1]).at);
    top = other(w, "f64", shaped(w, g, -1).at, "add %s, %s", x.at, error(w, n->in[1]).at);
    low = product(w, n, product(w, n, c, r), x);
    top = product(w, n, product(w, n, sum(w, n, c, ec), er), top);
    top = help(w, n, "sub %s, %s", top.at, low.at);
    if (layer)
        top = sum(w, n, top, error(w, n->in[2]));
    top = sum(w, n, top, scaled(w, n, low, 0x1p-20));
    close_node(w, i, top, ROUNDS);
}

/* ---- what only moves elements ---- */

static void
attributes(const writer *w, const fz_node *n, char *out, size_t room)
{
    const fz_node *x = &w->g->nodes[n->in[0]];
    int used;

    switch (n->kind) {
    case FZ_TRANSPOSE:
        used = snprintf(out, room, "{perm=[");
        for (int i = 0; i < n->rank; i++)
            used += snprintf(out + used, room - (size_t)used, "%s%d", i ? "," : "",
                i == n->p[0]       ? n->p[1]
                    : i == n->p[1] ? n->p[0]
                                   : i);
        snprintf(out + used, room - (size_t)used, "]}");
        break;
    case FZ_SPREAD:
    case FZ_MERGE: snprintf(out, room, "{to=%s}", shaped(w, n, -1).at); break;
    case FZ_SLICE:
        snprintf(out, room, "{axis=%d, start=%d, size=%s, step=%d}", n->p[0], n->p[1],
            w->g->dims[n->dim[n->p[0]]].text, n->p[2]);
        break;
    case FZ_INDEX: snprintf(out, room, "{axis=%d, at=%d}", n->p[0], n->p[1]); break;
    case FZ_REVERSE: snprintf(out, room, "{axes=[%d]}", n->p[0]); break;
    case FZ_UPDATE: snprintf(out, room, "{axis=%d, at=%d}", n->p[0], n->p[1]); break;
    case FZ_PAD:
        snprintf(out, room, "{axis=%d, before=%d, after=%d}", n->p[0], n->p[1], n->p[2]);
        break;
    default: snprintf(out, room, "{axis=%d}", n->p[0]);
    }
    (void)x;
}

/* The operand of `broadcast`: with the new axis, of size 1. */
static name
spread_operand(writer *w, int i, const char *from, const char *dtype, bool plain)
{
    const fz_node *n = &w->g->nodes[i];
    name out;

    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    (plain ? both : beside)(w, "    %s: %s%s = unsqueeze %s {axes=[%d]}\n", out.at, dtype,
        shaped(w, n, n->p[0]).at, from, n->p[0]);
    return out;
}

static void
moves(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    const char *op = n->kind == FZ_SPREAD ? "broadcast"
        : n->kind == FZ_TRANSPOSE         ? "transpose"
        : n->kind == FZ_MERGE             ? "reshape"
        : n->kind == FZ_SLICE             ? "slice"
        : n->kind == FZ_INDEX             ? "index"
                                          : n->op;
    char what[200], rest[80] = "", plain[32];
    bool inexact = false;
    name e;

    attributes(w, n, what, sizeof what);
    for (int k = 0; k < n->in_count; k++)
        inexact = inexact || w->inexact[n->in[k]];
    snprintf(plain, sizeof plain, "n%d", n->in[0]);
    if (n->kind == FZ_SPREAD)
        snprintf(plain, sizeof plain, "%s",
            spread_operand(w, i, plain, tn_dtype_name(n->dtype), true).at);
    for (int k = 1; k < n->in_count; k++)
        snprintf(rest + strlen(rest), sizeof rest - strlen(rest), ", n%d", n->in[k]);
    statement(w, i, "%s %s%s %s", op, plain, rest, what);
    widened(w, i);
    if (!inexact)
        return;
    e = error(w, n->in[0]);
    if (n->kind == FZ_SPREAD)
        e = spread_operand(w, i, e.at, "f64", false);
    rest[0] = '\0';
    for (int k = 1; k < n->in_count; k++) {
        bool index = w->g->nodes[n->in[k]].index;
        name more = index ? (name){""} : error(w, n->in[k]);

        if (index)
            snprintf(more.at, sizeof more.at, "n%d", n->in[k]);
        snprintf(rest + strlen(rest), sizeof rest - strlen(rest), ", %s", more.at);
    }
    close_node(w, i, help(w, n, "%s %s%s %s", op, e.at, rest, what), CLEAN);
}

static void
scatter(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *y = &w->g->nodes[n->in[2]];
    bool real = tn_is_float(n->dtype);
    double u = unit(n->dtype) * terms(w, n->in[2], n->p[0]);
    name e, ey;

    statement(w, i, "scatter_elements n%d, n%d, n%d {axis=%d, reduce=\"add\"}", n->in[0], n->in[1],
        n->in[2], n->p[0]);
    widened(w, i);
    if (!real && !w->inexact[n->in[0]])
        return;
    e = error(w, n->in[0]);
    ey = error(w, n->in[2]);
    if (real) {
        e = sum(w, n, e, scaled(w, n, magnitude(w, n, value(w, n->in[0])), u));
        ey = sum(w, y, ey, scaled(w, y, magnitude(w, y, value(w, n->in[2])), u));
    }
    e = help(w, n, "scatter_elements %s, n%d, %s {axis=%d, reduce=\"add\"}", e.at, n->in[1], ey.at,
        n->p[0]);
    close_node(w, i, e, real ? ROUNDS : CLEAN);
}

/* ---- order ---- */

static void
extreme_place(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    bool least = !strcmp(n->op, "arg_min");
    int axis = n->p[0];
    shape one = shaped(w, x, axis);
    name v, e, edge, hit, count, test;

    statement(w, i, "%s n%d {axis=%d}", n->op, n->in[0], axis);
    widened(w, i);
    if (!w->inexact[n->in[0]])
        return;
    v = value(w, n->in[0]);
    if (least)
        v = help(w, x, "neg %s", v.at);
    e = error(w, n->in[0]);
    edge = help(w, x, "sub %s, %s", v.at, e.at);
    edge = other(w, "f64", one.at, "reduce_max %s {axes=[%d], keepdims=true}", edge.at, axis);
    v = sum(w, x, v, e);
    hit = other(w, "bool", shaped(w, x, -1).at, "greater_equal %s, %s", v.at, edge.at);
    hit = help(w, x, "cast %s {to=f64}", hit.at);
    count = help(w, n, "reduce_sum %s {axes=[%d]}", hit.at, axis);
    test = other(w, "bool", shaped(w, n, -1).at, "greater %s, 1.5", count.at);
    close_node(w, i, unsure(w, n, test), CLEAN);
}

static void
top(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    int axis = n->p[0];
    bool places = n->kind == FZ_TOP_PLACES;
    shape one = shaped(w, x, axis);
    const char *size = w->g->dims[n->dim[axis]].text, *k = w->g->dims[x->dim[axis]].text;
    const char *how = n->p[1] ? ", largest=false" : "";
    name e, all, ahead, gap, test;

    both(w, "    %c%d: %s%s, %c%d: i32%s = top_k n%d {k=%s, axis=%d%s}\n", places ? 'a' : 'n', i,
        tn_dtype_name(x->dtype), shaped(w, n, -1).at, places ? 'n' : 'a', i, shaped(w, n, -1).at,
        n->in[0], size, axis, how);
    widened(w, i);
    if (!w->inexact[n->in[0]])
        return;
    e = error(w, n->in[0]);
    e = other(w, "f64", one.at, "reduce_max %s {axes=[%d], keepdims=true}", e.at, axis);
    if (places && strcmp(k, "1") != 0) { /* no two neighbours in order are close */
        int64_t less = w->g->dims[x->dim[axis]].value - 1;
        fz_dim shorter = {"", less};
        fz_node cut = *x;
        char text[24], attr[80];

        (void)shorter;
        snprintf(text, sizeof text, "%lld", (long long)less);
        all = (name){""};
        snprintf(all.at, sizeof all.at, "t%d", w->next++);
        beside(w, "    %s: f64%s, %si: i32%s = top_k %s {k=%s, axis=%d%s}\n", all.at,
            shaped(w, x, -1).at, all.at, shaped(w, x, -1).at, value(w, n->in[0]).at, k, axis, how);
        snprintf(attr, sizeof attr, "{axis=%d, start=1, size=%s}", axis, text);
        cut.rank = x->rank - 1;
        {
            shape s = shaped(w, &cut, -1);
            size_t used = strlen(s.at) - 1;

            snprintf(s.at + used, sizeof s.at - used, "%s%s]", cut.rank ? "," : "", text);
            ahead = other(w, "f64", s.at, "slice %s %s", all.at, attr);
            snprintf(attr, sizeof attr, "{axis=%d, start=0, size=%s}", axis, text);
            gap = other(w, "f64", s.at, "slice %s %s", all.at, attr);
            gap = other(w, "f64", s.at, "sub %s, %s", gap.at, ahead.at);
            gap = other(w, "f64", s.at, "abs %s", gap.at);
        }
        gap = other(w, "f64", one.at, "reduce_min %s {axes=[%d], keepdims=true}", gap.at, axis);
        e = other(w, "f64", one.at, "mul %s, 2", e.at);
        test = other(w, "bool", one.at, "less_equal %s, %s", gap.at, e.at);
        e = other(w, "f64", one.at, "cast %s {to=f64}", test.at);
        e = other(w, "f64", one.at, "mul %s, 1e300", e.at);
    } else if (places) {
        e = other(w, "f64", one.at, "mul %s, 0", e.at);
    }
    close_node(w, i, help(w, n, "broadcast %s {to=%s}", e.at, shaped(w, n, -1).at), CLEAN);
}

/* ---- loops ---- */

/* The loop's own statements, in f32 or, beside the errors, in f64. */
static void
scan_body(fz_text *t, const fz_node *n, const char *row, bool wide)
{
    writer w = {.bound = t};
    const char *d = wide ? "f64" : "f32";
    char table[16];

    snprintf(table, sizeof table, "%s%d", wide ? "v" : "n", n->in[2]);
    switch (n->p[1]) {
    case 0:
        beside(&w, "        m: %s%s = reduce_max %s {axes=[0]}\n", d, row, table);
        beside(&w, "        k: %s%s = tanh m\n        q: %s%s = mul a, k\n", d, row, d, row);
        break;
    case 1:
        beside(&w, "        q: %s%s = contract %s, a {labels=\"ij,j->i\"}\n", d, row, table);
        break;
    default:
        beside(&w, "        m: %s[] = reduce_max a {axes=[0]}\n", d);
        beside(&w, "        k: %s[] = mul m, 0.5\n", d);
        beside(&w, "        s: %s%s = mul a, 0.25\n        q: %s%s = add s, k\n", d, row, d, row);
    }
    beside(&w, "        r: %s%s = add q, p\n", d, row);
    beside(&w, "        z: %s%s = %s\n", d, row, n->p[1] == 1 ? "tanh r" : "add r, 0");
}

static void
scan_errors(writer *w, const fz_node *n, const char *row)
{
    int table = n->in[2];
    double count = terms(w, table, 1);

    beside(w, "        aa: f64%s = abs a\n        ab: f64%s = add aa, ea\n", row, row);
    if (n->p[1] == 1) {
        shape s = shaped(w, &w->g->nodes[table], -1);

        beside(w, "        wa: f64%s = abs v%d\n", s.at, table);
        beside(w, "        x0: f64%s = contract wa, ea {labels=\"ij,j->i\"}\n", row);
        beside(w, "        x1: f64%s = contract wa, ab {labels=\"ij,j->i\"}\n", row);
        if (w->inexact[table]) {
            beside(w, "        x2: f64%s = contract e%d, ab {labels=\"ij,j->i\"}\n", row, table);
            beside(w, "        x3: f64%s = add x0, x2\n", row);
        } else {
            beside(w, "        x3: f64%s = add x0, 0\n", row);
        }
        beside(w, "        x4: f64%s = mul x1, %.17g\n", row, count * 0x1p-22);
    } else if (n->p[1] == 0) {
        if (w->inexact[table])
            beside(w, "        et: f64%s = reduce_max e%d {axes=[0]}\n", row, table);
        else
            beside(w, "        et: f64%s = mul m, 0\n", row);
        beside(w, "        x0: f64%s = mul et, ab\n        x3: f64%s = add x0, ea\n", row, row);
        beside(w, "        x4: f64%s = mul ab, 4e-6\n", row);
    } else {
        beside(w,
            "        x0: f64[] = reduce_max ea {axes=[0]}\n        x1: f64[] = mul x0, 0.5\n");
        beside(w, "        x2: f64%s = mul ea, 0.25\n        x3: f64%s = add x2, x1\n", row, row);
        beside(w, "        x5: f64[] = reduce_max ab {axes=[0]}\n");
        beside(w, "        x6: f64%s = add ab, x5\n", row);
        beside(w, "        x4: f64%s = mul x6, %.17g\n", row, 0x1p-22);
    }
    beside(w, "        x7: f64%s = add x3, x4\n        x8: f64%s = add x7, ep\n", row, row);
    beside(w, "        ra: f64%s = abs r\n        rb: f64%s = mul ra, 4e-6\n", row, row);
    beside(w, "        x9: f64%s = add x8, rb\n        ze: f64%s = add x9, 1e-37\n", row, row);
}

static void
scan(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[1]], *c = &w->g->nodes[n->in[0]];
    shape row = shaped(w, c, -1), whole = shaped(w, x, -1);
    bool all = n->kind == FZ_SCAN_ALL;
    const char *turn = n->p[2] ? ", reverse=true" : "";
    name ec, ex;

    both(w, "    %c%d: f32%s, %c%d: f32%s = scan n%d, n%d {carries=1%s} do (a, p, t)\n",
        all ? 'a' : 'n', i, row.at, all ? 'n' : 'a', i, whole.at, n->in[0], n->in[1], turn);
    scan_body(w->plain, n, row.at, false);
    scan_body(w->bound, n, row.at, false);
    both(w, "        yield z, z\n    end\n");
    widened(w, i);
    ec = error(w, n->in[0]);
    ex = error(w, n->in[1]);
    beside(w, "    f%d: f64%s, g%d: f64%s, h%d: f64%s = ", i, row.at, i, row.at, i, whole.at);
    beside(w, "scan v%d, %s, v%d, %s {carries=2%s} do (a, ea, p, ep, t)\n", n->in[0], ec.at,
        n->in[1], ex.at, turn);
    scan_body(w->bound, n, row.at, true);
    scan_errors(w, n, row.at);
    beside(w, "        yield z, ze, ze\n    end\n");
    beside(w, "    e%d: f64%s = add %c%d, 0\n", i, shaped(w, n, -1).at, all ? 'h' : 'g', i);
    w->inexact[i] = true;
}

/* ---- the whole ---- */

static void
given(writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    char range[48] = "";

    if (n->index)
        snprintf(range, sizeof range, " in 0..%d", n->p[0] - 1);
    both(w, "    %s n%d: %s%s%s\n", n->kind == FZ_WEIGHT ? "weight" : "input", i,
        tn_dtype_name(n->dtype), shaped(w, n, -1).at, range);
}

static void
write_node(writer *w, int i)
{
    switch (w->g->nodes[i].kind) {
    case FZ_INPUT:
    case FZ_WEIGHT: widened(w, i); break;
    case FZ_RISING:
    case FZ_SMOOTH:
    case FZ_STILL:
    case FZ_WAVE:
    case FZ_STEP: unary(w, i); break;
    case FZ_SCALE:
    case FZ_DIVIDE:
    case FZ_IOTA: literal(w, i); break;
    case FZ_COMPARE: compare(w, i); break;
    case FZ_WHERE: where(w, i); break;
    case FZ_CAST: cast(w, i); break;
    case FZ_SUM:
    case FZ_REDUCE: reduce(w, i); break;
    case FZ_RUN_SUM:
    case FZ_RUN_MAX: running(w, i); break;
    case FZ_LINEAR:
    case FZ_PAIRS: contraction(w, i); break;
    case FZ_SCATTER: scatter(w, i); break;
    case FZ_ARG: extreme_place(w, i); break;
    case FZ_TOP_VALUES:
    case FZ_TOP_PLACES: top(w, i); break;
    case FZ_SOFTMAX: softmax(w, i); break;
    case FZ_NORM: norm(w, i); break;
    case FZ_SCAN_LAST:
    case FZ_SCAN_ALL: scan(w, i); break;
    case FZ_ARITH:
    case FZ_MUL:
    case FZ_EXTREME:
    case FZ_WHOLE:
    case FZ_LOGIC: binary(w, i); break;
    default: moves(w, i);
    }
}

void
fz_write(const fz_graph *g, fz_text *plain, fz_text *bound)
{
    writer w = {.g = g, .plain = plain, .bound = bound};
    bool needed[FZ_NODES];
    name errors[FZ_NODES];

    fz_needed(g, needed);
    both(&w, "graph main\n");
    for (int i = 0; i < g->symbol_count; i++)
        both(&w, "    dim %c %d..64\n", 'A' + i, 0);
    for (int i = 0; i < g->count; i++)
        if (needed[i] && g->nodes[i].in_count == 0)
            given(&w, i);
    for (int i = 0; i < g->count; i++)
        if (needed[i])
            write_node(&w, i);
    for (int i = 0; i < g->count; i++)
        if (g->nodes[i].output)
            errors[i] = error(&w, i);
    for (int i = 0; i < g->count; i++) {
        if (!g->nodes[i].output)
            continue;
        both(&w, "    output y%d = n%d\n", i, i);
        beside(&w, "    output z%d = %s\n", i, errors[i].at);
    }
}
