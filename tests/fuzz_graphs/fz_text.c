/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_in.h"

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

void
fz_both(fz_writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(w->plain, format, args);
    va_end(args);
    va_start(args, format);
    append(w->bound, format, args);
    va_end(args);
}

void
fz_beside(fz_writer *w, const char *format, ...)
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

fz_shape
fz_shaped(const fz_writer *w, const fz_node *n, int one)
{
    fz_shape s;
    size_t used = 1;

    strcpy(s.at, "[");
    for (int i = 0; i < n->rank; i++)
        used += (size_t)snprintf(s.at + used, sizeof s.at - used, "%s%s", i ? "," : "",
            i == one ? "1" : w->g->dims[n->dim[i]].text);
    snprintf(s.at + used, sizeof s.at - used, "]");
    return s;
}

fz_name
fz_help(fz_writer *w, const fz_node *n, const char *format, ...)
{
    char what[400];
    va_list args;
    fz_name out;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    fz_beside(w, "    %s: f64%s = %s\n", out.at, fz_shaped(w, n, -1).at, what);
    return out;
}

fz_name
fz_other(fz_writer *w, const char *dtype, const char *where, const char *format, ...)
{
    char what[400];
    va_list args;
    fz_name out;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    fz_beside(w, "    %s: %s%s = %s\n", out.at, dtype, where, what);
    return out;
}

fz_name
fz_value(int node)
{
    fz_name out;

    snprintf(out.at, sizeof out.at, "v%d", node);
    return out;
}

fz_name
fz_error(fz_writer *w, int node)
{
    const fz_node *n = &w->g->nodes[node];
    fz_name out;

    snprintf(out.at, sizeof out.at, "e%d", node);
    if (w->inexact[node])
        return out;
    return fz_help(w, n, "fill {type=f64%s, value=0}", fz_shaped(w, n, -1).at);
}

fz_name
fz_unsure(fz_writer *w, const fz_node *n, fz_name test)
{
    fz_name one = fz_help(w, n, "cast %s {to=f64}", test.at);

    return fz_help(w, n, "mul %s, 1e300", one.at);
}

fz_name
fz_magnitude(fz_writer *w, const fz_node *n, fz_name v)
{
    return fz_help(w, n, "abs %s", v.at);
}

fz_name
fz_sum(fz_writer *w, const fz_node *n, fz_name a, fz_name b)
{
    return fz_help(w, n, "add %s, %s", a.at, b.at);
}

fz_name
fz_product(fz_writer *w, const fz_node *n, fz_name a, fz_name b)
{
    return fz_help(w, n, "mul %s, %s", a.at, b.at);
}

fz_name
fz_scaled(fz_writer *w, const fz_node *n, fz_name a, double by)
{
    return fz_help(w, n, "mul %s, %.17g", a.at, by);
}

/* ---- rounding ---- */

double
fz_unit(tn_dtype t)
{
    return t == TN_F16 ? 0x1p-10 : t == TN_BF16 ? 0x1p-7 : t == TN_F64 ? 0x1p-48 : 0x1p-23;
}

double
fz_sum_unit(tn_dtype t)
{
    return t == TN_F64 ? 0x1p-48 : 0x1p-23;
}

double
fz_terms(const fz_writer *w, int node, int axis)
{
    return (double)w->g->dims[w->g->nodes[node].dim[axis]].value + 2;
}

/* The least number that counts, and what a function may be off. */
static double
least(tn_dtype t)
{
    return t == TN_F16 ? 1e-4 : t == TN_F64 ? 1e-300 : 1e-37;
}

static fz_name
own_rounding(fz_writer *w, int i, fz_name size, fz_name r, int rounds)
{
    const fz_node *n = &w->g->nodes[i];
    double u = fz_unit(n->dtype), more = least(n->dtype);
    fz_name own = fz_sum(w, n, size, r), back, test;

    if (rounds == FZ_BY_STEPS)
        more = u *= 8;
    if (rounds == FZ_APPROXIMATE)
        u += n->dtype == TN_F64 ? 1e-11 : 2e-6;
    own = fz_scaled(w, n, own, u);
    own = fz_help(w, n, "add %s, %.17g", own.at, more);
    if (rounds != FZ_ROUNDS_ONCE) {
        /* A sum of exact zeros, a function of one that gives one. */
        back = fz_sum(w, n, size, r);
        test = fz_other(w, "bool", fz_shaped(w, n, -1).at, "greater %s, 0", back.at);
        return fz_help(w, n, "where %s, %s, 0", test.at, own.at);
    }
    /* Exact operands and a result that its type holds: no rounding. */
    back = fz_other(w, tn_dtype_name(n->dtype), fz_shaped(w, n, -1).at, "cast %s {to=%s}",
        fz_value(i).at, tn_dtype_name(n->dtype));
    back = fz_help(w, n, "cast %s {to=f64}", back.at);
    back = fz_help(w, n, "sub %s, %s", back.at, fz_value(i).at);
    back = fz_magnitude(w, n, back);
    back = fz_sum(w, n, back, r);
    test = fz_other(w, "bool", fz_shaped(w, n, -1).at, "greater %s, 0", back.at);
    return fz_help(w, n, "where %s, %s, 0", test.at, own.at);
}

void
fz_close(fz_writer *w, int i, fz_name r, int rounds)
{
    const fz_node *n = &w->g->nodes[i];
    fz_name size = fz_magnitude(w, n, fz_value(i)), e = r, limit, test;

    if (rounds != FZ_CLEAN) {
        fz_name own = own_rounding(w, i, size, r, rounds);

        e = fz_sum(w, n, r, own);
    }
    if (rounds != FZ_CLEAN && n->dtype != TN_F64) { /* beyond the type */
        limit = fz_sum(w, n, size, e);
        test = fz_other(w, "bool", fz_shaped(w, n, -1).at, "greater %s, %s", limit.at,
            n->dtype == TN_F16 ? "65000" : "3.3e38");
        e = fz_sum(w, n, e, fz_unsure(w, n, test));
    }
    fz_beside(w, "    e%d: f64%s = add %s, 0\n", i, fz_shaped(w, n, -1).at, e.at);
    w->inexact[i] = true;
}

void
fz_statement(fz_writer *w, int i, const char *format, ...)
{
    const fz_node *n = &w->g->nodes[i];
    char what[500];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    fz_both(w, "    n%d: %s%s = %s\n", i, tn_dtype_name(n->dtype), fz_shaped(w, n, -1).at, what);
}

void
fz_widened(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];

    fz_beside(w, "    v%d: f64%s = cast n%d {to=f64}\n", i, fz_shaped(w, n, -1).at, i);
}
