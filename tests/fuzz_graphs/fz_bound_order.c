/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_graphs/fz_in.h"

/* ---- order ---- */

/* Another element may come out ahead of the one chosen. One that is as far
 * away as it is and known exactly may not: ties are decided. */
void
fz_extreme_place(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    int axis = n->p[0];
    fz_shape one = fz_shaped(w, x, axis), all = fz_shaped(w, x, -1);
    fz_name v, e, at, best, margin, near, open, count;

    fz_statement(w, i, "%s n%d {axis=%d}", n->op, n->in[0], axis);
    fz_widened(w, i);
    if (!w->inexact[n->in[0]])
        return;
    v = fz_value(n->in[0]);
    e = fz_error(w, n->in[0]);
    at = fz_other(w, "i32", one.at, "unsqueeze n%d {axes=[%d]}", i, axis);
    best = fz_other(w, "f64", one.at, "gather_elements %s, %s {axis=%d}", v.at, at.at, axis);
    margin = fz_other(w, "f64", one.at, "gather_elements %s, %s {axis=%d}", e.at, at.at, axis);
    v = fz_help(w, x, "sub %s, %s", v.at, best.at);
    v = fz_magnitude(w, x, v);
    e = fz_sum(w, x, e, margin);
    near = fz_other(w, "bool", all.at, "less_equal %s, %s", v.at, e.at);
    open = fz_other(w, "bool", all.at, "greater %s, 0", e.at);
    near = fz_other(w, "bool", all.at, "and %s, %s", near.at, open.at);
    near = fz_help(w, x, "cast %s {to=f64}", near.at);
    count = fz_help(w, n, "reduce_sum %s {axes=[%d]}", near.at, axis);
    /* The one chosen is near itself. */
    open = fz_other(w, "bool", one.at, "greater %s, 0", margin.at);
    open = fz_other(w, "f64", one.at, "cast %s {to=f64}", open.at);
    open = fz_help(w, n, "squeeze %s {axes=[%d]}", open.at, axis);
    open = fz_other(w, "bool", fz_shaped(w, n, -1).at, "greater %s, %s", count.at, open.at);
    fz_close(w, i, fz_unsure(w, n, open), FZ_CLEAN);
}

/* The distance from each of the first places in order to the nearer of its
 * neighbours. */
static fz_name
distances(fz_writer *w, int i, const char *how)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    int axis = n->p[0];
    int64_t less = w->g->dims[x->dim[axis]].value - 1;
    fz_shape all = fz_shaped(w, x, -1), part;
    fz_node head = *x;
    fz_name v, ahead, gap;
    size_t used;

    snprintf(v.at, sizeof v.at, "t%d", w->next++);
    fz_beside(w, "    %s: f64%s, %si: i32%s = top_k %s {k=%lld, axis=%d%s}\n", v.at, all.at, v.at,
        all.at, fz_value(n->in[0]).at, (long long)less + 1, axis, how);
    head.rank--;
    part = fz_shaped(w, &head, -1);
    used = strlen(part.at) - 1;
    snprintf(part.at + used, sizeof part.at - used, "%s%lld]", head.rank ? "," : "",
        (long long)less);
    ahead = fz_other(w, "f64", part.at, "slice %s {axis=%d, start=1, size=%lld}", v.at, axis,
        (long long)less);
    gap = fz_other(w, "f64", part.at, "slice %s {axis=%d, start=0, size=%lld}", v.at, axis,
        (long long)less);
    gap = fz_other(w, "f64", part.at, "sub %s, %s", gap.at, ahead.at);
    gap = fz_other(w, "f64", part.at, "abs %s", gap.at);
    ahead = fz_help(w, x, "pad %s {axis=%d, before=1, after=0, value=1e300}", gap.at, axis);
    gap = fz_help(w, x, "pad %s {axis=%d, before=0, after=1, value=1e300}", gap.at, axis);
    gap = fz_help(w, x, "minimum %s, %s", gap.at, ahead.at);
    return fz_help(w, n, "slice %s {axis=%d, start=0, size=%s}", gap.at, axis,
        w->g->dims[n->dim[axis]].text);
}

void
fz_top(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[0]];
    int axis = n->p[0];
    bool places = n->kind == FZ_TOP_PLACES;
    fz_shape one = fz_shaped(w, x, axis), some = fz_shaped(w, n, -1);
    const char *how = n->p[1] ? ", largest=false" : "";
    fz_name e, gap, near, open;

    fz_both(w, "    %c%d: %s%s, %c%d: i32%s = top_k n%d {k=%s, axis=%d%s}\n", places ? 'a' : 'n', i,
        tn_dtype_name(x->dtype), some.at, places ? 'n' : 'a', i, some.at, n->in[0],
        w->g->dims[n->dim[axis]].text, axis, how);
    fz_widened(w, i);
    if (!w->inexact[n->in[0]])
        return;
    e = fz_error(w, n->in[0]);
    e = fz_other(w, "f64", one.at, "reduce_max %s {axes=[%d], keepdims=true}", e.at, axis);
    e = fz_help(w, n, "broadcast %s {to=%s}", e.at, some.at);
    if (places && w->g->dims[x->dim[axis]].value == 1) {
        e = fz_scaled(w, n, e, 0);
    } else if (places) {
        gap = distances(w, i, how);
        open = fz_other(w, "bool", some.at, "greater %s, 0", e.at);
        e = fz_scaled(w, n, e, 2);
        near = fz_other(w, "bool", some.at, "less_equal %s, %s", gap.at, e.at);
        e = fz_unsure(w, n, fz_other(w, "bool", some.at, "and %s, %s", near.at, open.at));
    }
    fz_close(w, i, e, FZ_CLEAN);
}

/* ---- loops ---- */

/* A product with the table shall not grow from round to round: 2^-k. */
static double
damping(const fz_writer *w, const fz_node *n)
{
    double size = 2 * fz_terms(w, n->in[2], 1), by = 1;

    while (by * size > 1)
        by /= 2;
    return by;
}

/* y is z, made in a way that no kernel holds: what a sort says of its least
 * place is 0, and a loop inside adds nothing. */
static void
scan_detour(fz_writer *w, const fz_node *n, const char *d, const char *row)
{
    if (n->p[0] == 1) {
        fz_beside(w, "        o: %s%s, j: i32%s = sort y {axis=0}\n", d, row, row);
        fz_beside(w, "        l: i32[] = reduce_min j {axes=[0]}\n");
        fz_beside(w, "        h: %s[] = cast l {to=%s}\n        z: %s%s = add y, h\n", d, d, d,
            row);
    } else {
        fz_beside(w, "        z: %s%s = scan y {carries=1, count=2} do (b, i)\n", d, row);
        fz_beside(w, "            g: %s%s = add b, 0\n            yield g\n        end\n", d, row);
    }
}

/* The loop's own statements, in f32 or, beside the errors, in f64. */
static void
scan_body(fz_text *t, const fz_node *n, const char *row, bool wide, double damp)
{
    fz_writer w = {.bound = t};
    const char *d = wide ? "f64" : "f32";
    char table[16];

    snprintf(table, sizeof table, "%s%d", wide ? "v" : "n", n->in[2]);
    switch (n->p[1]) {
    case 0:
        fz_beside(&w, "        m: %s%s = reduce_max %s {axes=[0]}\n", d, row, table);
        fz_beside(&w, "        k: %s%s = tanh m\n        q: %s%s = mul a, k\n", d, row, d, row);
        break;
    case 1:
        fz_beside(&w, "        m: %s%s = contract %s, a {labels=\"ij,j->i\"}\n", d, row, table);
        fz_beside(&w, "        q: %s%s = mul m, %.17g\n", d, row, damp);
        break;
    default:
        fz_beside(&w, "        m: %s[] = reduce_max a {axes=[0]}\n", d);
        fz_beside(&w, "        k: %s[] = mul m, 0.5\n", d);
        fz_beside(&w, "        s: %s%s = mul a, 0.25\n        q: %s%s = add s, k\n", d, row, d,
            row);
    }
    fz_beside(&w, "        r: %s%s = add q, p\n", d, row);
    fz_beside(&w, "        %c: %s%s = %s\n", n->p[0] ? 'y' : 'z', d, row,
        n->p[1] == 1 ? "tanh r" : "add r, 0");
    if (n->p[0])
        scan_detour(&w, n, d, row);
}

static void
scan_errors(fz_writer *w, const fz_node *n, const char *row)
{
    int table = n->in[2];
    double count = fz_terms(w, table, 1);

    fz_beside(w, "        aa: f64%s = abs a\n        ab: f64%s = add aa, ea\n", row, row);
    if (n->p[1] == 1) {
        fz_shape s = fz_shaped(w, &w->g->nodes[table], -1);

        fz_beside(w, "        wa: f64%s = abs v%d\n", s.at, table);
        fz_beside(w, "        x0: f64%s = contract wa, ea {labels=\"ij,j->i\"}\n", row);
        fz_beside(w, "        x1: f64%s = contract wa, ab {labels=\"ij,j->i\"}\n", row);
        if (w->inexact[table]) {
            fz_beside(w, "        x2: f64%s = contract e%d, ab {labels=\"ij,j->i\"}\n", row, table);
            fz_beside(w, "        x5: f64%s = add x0, x2\n", row);
        } else {
            fz_beside(w, "        x5: f64%s = add x0, 0\n", row);
        }
        fz_beside(w, "        x3: f64%s = mul x5, %.17g\n", row, damping(w, n));
        fz_beside(w, "        x4: f64%s = mul x1, %.17g\n", row, damping(w, n) * count * 0x1p-22);
    } else if (n->p[1] == 0) {
        if (w->inexact[table])
            fz_beside(w, "        et: f64%s = reduce_max e%d {axes=[0]}\n", row, table);
        else
            fz_beside(w, "        et: f64%s = mul m, 0\n", row);
        fz_beside(w, "        x0: f64%s = mul et, ab\n        x3: f64%s = add x0, ea\n", row, row);
        fz_beside(w, "        x4: f64%s = mul ab, 4e-6\n", row);
    } else {
        fz_beside(w,
            "        x0: f64[] = reduce_max ea {axes=[0]}\n        x1: f64[] = mul x0, 0.5\n");
        fz_beside(w, "        x2: f64%s = mul ea, 0.25\n        x3: f64%s = add x2, x1\n", row,
            row);
        fz_beside(w, "        x5: f64[] = reduce_max ab {axes=[0]}\n");
        fz_beside(w, "        x6: f64%s = add ab, x5\n", row);
        fz_beside(w, "        x4: f64%s = mul x6, %.17g\n", row, 0x1p-22);
    }
    fz_beside(w, "        x7: f64%s = add x3, x4\n        x8: f64%s = add x7, ep\n", row, row);
    fz_beside(w, "        ra: f64%s = abs r\n        rb: f64%s = mul ra, 4e-6\n", row, row);
    fz_beside(w, "        x9: f64%s = add x8, rb\n        ze: f64%s = add x9, 1e-37\n", row, row);
}

void
fz_scan(fz_writer *w, int i)
{
    const fz_node *n = &w->g->nodes[i], *x = &w->g->nodes[n->in[1]], *c = &w->g->nodes[n->in[0]];
    fz_shape row = fz_shaped(w, c, -1), whole = fz_shaped(w, x, -1);
    bool all = n->kind == FZ_SCAN_ALL;
    const char *turn = n->p[2] ? ", reverse=true" : "";
    double damp = damping(w, n);
    fz_name ec, ex;

    fz_both(w, "    %c%d: f32%s, %c%d: f32%s = scan n%d, n%d {carries=1%s} do (a, p, t)\n",
        all ? 'a' : 'n', i, row.at, all ? 'n' : 'a', i, whole.at, n->in[0], n->in[1], turn);
    scan_body(w->plain, n, row.at, false, damp);
    scan_body(w->bound, n, row.at, false, damp);
    fz_both(w, "        yield z, z\n    end\n");
    fz_widened(w, i);
    ec = fz_error(w, n->in[0]);
    ex = fz_error(w, n->in[1]);
    fz_beside(w, "    f%d: f64%s, g%d: f64%s, h%d: f64%s = ", i, row.at, i, row.at, i, whole.at);
    fz_beside(w, "scan v%d, %s, v%d, %s {carries=2%s} do (a, ea, p, ep, t)\n", n->in[0], ec.at,
        n->in[1], ex.at, turn);
    scan_body(w->bound, n, row.at, true, damp);
    scan_errors(w, n, row.at);
    fz_beside(w, "        yield z, ze, ze\n    end\n");
    fz_beside(w, "    e%d: f64%s = add %c%d, 0\n", i, fz_shaped(w, n, -1).at, all ? 'h' : 'g', i);
    w->inexact[i] = true;
}
