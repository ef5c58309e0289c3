/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_in.h"

/* ---- what only moves elements ---- */

static void
attributes(const fz_writer *w, const fz_node *n, char *out, size_t room)
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
    case FZ_MERGE: snprintf(out, room, "{to=%s}", fz_shaped(w, n, -1).at); break;
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
static fz_name
spread_operand(fz_writer *w, int i, const char *from, const char *dtype, bool plain)
{
    const fz_node *n = &w->g->nodes[i];
    fz_name out;

    snprintf(out.at, sizeof out.at, "t%d", w->next++);
    (plain ? fz_both : fz_beside)(w, "    %s: %s%s = unsqueeze %s {axes=[%d]}\n", out.at, dtype,
        fz_shaped(w, n, n->p[0]).at, from, n->p[0]);
    return out;
}

static void
moves(fz_writer *w, int i)
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
    fz_name e;

    attributes(w, n, what, sizeof what);
    for (int k = 0; k < n->in_count; k++)
        inexact = inexact || w->inexact[n->in[k]];
    snprintf(plain, sizeof plain, "n%d", n->in[0]);
    if (n->kind == FZ_SPREAD)
        snprintf(plain, sizeof plain, "%s",
            spread_operand(w, i, plain, tn_dtype_name(n->dtype), true).at);
    for (int k = 1; k < n->in_count; k++)
        snprintf(rest + strlen(rest), sizeof rest - strlen(rest), ", n%d", n->in[k]);
    fz_statement(w, i, "%s %s%s %s", op, plain, rest, what);
    fz_widened(w, i);
    if (!inexact)
        return;
    e = fz_error(w, n->in[0]);
    if (n->kind == FZ_SPREAD)
        e = spread_operand(w, i, e.at, "f64", false);
    rest[0] = '\0';
    for (int k = 1; k < n->in_count; k++) {
        bool index = w->g->nodes[n->in[k]].index;
        fz_name more = index ? (fz_name){""} : fz_error(w, n->in[k]);

        if (index)
            snprintf(more.at, sizeof more.at, "n%d", n->in[k]);
        snprintf(rest + strlen(rest), sizeof rest - strlen(rest), ", %s", more.at);
    }
    fz_close(w, i, fz_help(w, n, "%s %s%s %s", op, e.at, rest, what), FZ_CLEAN);
}

/* The rows in reverse, one a round, in a loop that only updates what it
 * carries. */
static void
turned(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    fz_shape whole = fz_shaped(w, n, -1), row = fz_shaped(w, n, 0);
    const char *type = tn_dtype_name(n->dtype), *rows = w->g->dims[n->dim[0]].text;

    fz_both(w, "    none%d: %s%s = fill {type=%s%s, value=%s}\n", i, type, whole.at, type, whole.at,
        n->dtype == TN_BOOL ? "false" : "0");
    fz_both(w, "    from%d: i32[] = fill {type=i32[], value=0}\n", i);
    fz_both(w, "    ends%d: i32[1] = iota {start=%s-1, size=1}\n", i, rows);
    fz_both(w, "    top%d: i32[] = squeeze ends%d {axes=[0]}\n", i, i);
    fz_both(w, "    n%d: %s%s, to%d: i32[] = while none%d, from%d {limit=%s} do (a, j)\n", i, type,
        whole.at, i, i, i, rows);
    fz_both(w, "        more: bool[] = less j, 1000000\n        yield more\n    end (b, l)\n");
    fz_both(w, "        r: %s%s = slice n%d {axis=0, start=@l, size=1}\n", type, row.at, n->in[0]);
    fz_both(w, "        q: i32[] = sub top%d, l\n", i);
    fz_both(w, "        u: %s%s = update b, r {axis=0, at=@q}\n", type, whole.at);
    fz_both(w, "        g: i32[] = add l, 1\n        yield u, g\n    end\n");
    fz_widened(w, i);
    if (w->inexact[n->in[0]])
        fz_close(w, i, fz_help(w, n, "reverse %s {axes=[0]}", fz_error(w, n->in[0]).at), FZ_CLEAN);
}

/* ---- the whole ---- */

static void
given(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i];
    char range[48] = "";

    if (n->kind == FZ_STATE) {
        fz_shape shape = fz_shaped(w, n, -1);

        fz_both(w, "    state n%d: %s%s\n", i, tn_dtype_name(n->dtype), shape.at);
        fz_beside(w, "    state u%d: f64%s\n", i, shape.at);
        return;
    }
    if (n->index && !n->p[1])
        snprintf(range, sizeof range, " in 0..%d", n->p[0] - 1);
    fz_both(w, "    %s n%d: %s%s%s\n", n->kind == FZ_WEIGHT ? "weight" : "input", i,
        tn_dtype_name(n->dtype), fz_shaped(w, n, -1).at, range);
}

/* A state is rounded when it is stored. */
static void
kept(fz_writer *w, int i)
{
    fz_name e;

    fz_widened(w, i);
    snprintf(e.at, sizeof e.at, "u%d", i);
    fz_close(w, i, e, tn_is_float(w->g->nodes[i].dtype) ? FZ_ROUNDS_ONCE : FZ_CLEAN);
}

static void
write_node(fz_writer *w, int i)
{
    switch (w->g->nodes[i].kind) {
    case FZ_INPUT:
    case FZ_WEIGHT: fz_widened(w, i); break;
    case FZ_STATE: kept(w, i); break;
    case FZ_RISING:
    case FZ_SMOOTH:
    case FZ_SPELLED:
    case FZ_STILL:
    case FZ_WAVE:
    case FZ_STEP: fz_unary(w, i); break;
    case FZ_SCALE:
    case FZ_DIVIDE:
    case FZ_IOTA: fz_literal(w, i); break;
    case FZ_COMPARE: fz_compare(w, i); break;
    case FZ_WHERE: fz_where(w, i); break;
    case FZ_CAST: fz_cast(w, i); break;
    case FZ_SUM:
    case FZ_REDUCE: fz_reduce(w, i); break;
    case FZ_RUN_SUM:
    case FZ_RUN_MAX: fz_running(w, i); break;
    case FZ_LINEAR:
    case FZ_PAIRS: fz_contraction(w, i); break;
    case FZ_CONV:
    case FZ_POOL: fz_window(w, i); break;
    case FZ_SCATTER: fz_scatter(w, i); break;
    case FZ_ARG: fz_extreme_place(w, i); break;
    case FZ_TOP_VALUES:
    case FZ_TOP_PLACES: fz_top(w, i); break;
    case FZ_SOFTMAX: fz_softmax(w, i); break;
    case FZ_NORM: fz_norm(w, i); break;
    case FZ_SCAN_LAST:
    case FZ_SCAN_ALL: fz_scan(w, i); break;
    case FZ_ARITH:
    case FZ_MUL:
    case FZ_EXTREME:
    case FZ_WHOLE:
    case FZ_LOGIC: fz_binary(w, i); break;
    case FZ_REVERSE:
        if (w->g->nodes[i].p[1])
            turned(w, i);
        else
            moves(w, i);
        break;
    default: moves(w, i);
    }
}

static void
outputs(fz_writer *w, const bool *needed)
{
    const fz_graph *g = w->g;
    fz_name errors[FZ_NODES];

    for (int i = 0; i < g->count; i++)
        if (needed[i])
            errors[i] = fz_error(w, i);
    for (int i = 0; i < g->count; i++) {
        if (!g->nodes[i].output)
            continue;
        fz_both(w, "    output y%d = n%d\n", i, i);
        fz_beside(w, "    output z%d = %s\n", i, errors[i].at);
    }
    for (int i = 0; i < g->count; i++) {
        int from = g->nodes[i].p[0];

        if (!needed[i] || g->nodes[i].kind != FZ_STATE)
            continue;
        fz_both(w, "    store n%d = n%d\n", i, from);
        fz_beside(w, "    store u%d = %s\n", i, errors[from].at);
    }
}

void
fz_write(const fz_graph *g, fz_text *plain, fz_text *bound)
{
    fz_writer w = {.g = g, .plain = plain, .bound = bound};
    bool needed[FZ_NODES];

    fz_needed(g, needed);
    fz_both(&w, "graph main\n");
    for (int i = 0; i < g->symbol_count; i++)
        fz_both(&w, "    dim %c %d..64\n", 'A' + i, 0);
    for (int i = 0; i < g->count; i++)
        if (needed[i] && g->nodes[i].in_count == 0)
            given(&w, i);
    for (int i = 0; i < g->count; i++)
        if (needed[i])
            write_node(&w, i);
    outputs(&w, needed);
}
