/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/interval.h"

#include <math.h>
#include <string.h>

#include "passes/dims.h"
#include "passes/rule_in.h"

enum { DEPTH = 40, ASSUMED = 8, STEPS = 2000 };

/* Rounding to f32 or f64, and what two of our steps add to it. */
#define SLACK 1e-6

typedef struct assumed {
    const tn_value *value;
    double low, high;
} assumed;

typedef struct walk {
    tn_sizes *sizes;
    assumed known[ASSUMED];
    int count, depth, steps;
} walk;

static tn_interval of(walk *w, const tn_value *v);

static tn_interval
all_of(tn_dtype t)
{
    switch (t) {
    case TN_BOOL: return (tn_interval){0, 1, false};
    case TN_I8: return (tn_interval){-128, 127, false};
    case TN_U8: return (tn_interval){0, 255, false};
    case TN_I32: return (tn_interval){-0x1p31, 0x1p31 - 1, false};
    case TN_U32: return (tn_interval){0, 0x1p32 - 1, false};
    case TN_I64: return (tn_interval){-0x1p63, 0x1p63, false};
    default: return (tn_interval){-(double)INFINITY, (double)INFINITY, true};
    }
}

static bool
is_coarse(tn_dtype t)
{
    return t == TN_F16 || t == TN_BF16;
}

/* What an operation gives: integers wrap, floats are rounded. */
static tn_interval
settled(tn_dtype t, tn_interval x)
{
    tn_interval all = all_of(t);

    if (is_coarse(t) || isnan(x.low) || isnan(x.high))
        return all;
    if (!tn_is_float(t))
        return x.low < all.low || x.high > all.high ? all : x;
    x.low -= fabs(x.low) * SLACK;
    x.high += fabs(x.high) * SLACK;
    return x;
}

static tn_interval
joined(tn_interval x, tn_interval y)
{
    return (tn_interval){fmin(x.low, y.low), fmax(x.high, y.high), x.nan || y.nan};
}

static tn_interval
product(tn_interval x, tn_interval y)
{
    double p[4] = {x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high};
    tn_interval r = {p[0], p[0], x.nan || y.nan};

    for (int i = 0; i < 4; i++) {
        if (isnan(p[i]))
            return all_of(TN_F64);
        r.low = fmin(r.low, p[i]);
        r.high = fmax(r.high, p[i]);
    }
    return r;
}

/* By a number above 0. */
static tn_interval
quotient(tn_dtype t, tn_interval x, tn_interval y)
{
    if (!(y.low > 0) || y.low != y.high)
        return all_of(t);
    x.low /= y.low;
    x.high /= y.low;
    if (!tn_is_float(t)) {
        x.low = trunc(x.low);
        x.high = trunc(x.high);
    }
    return x;
}

/* Of x = m * 2^e with m from 1/2 to 1. */
static tn_interval
logarithm(tn_interval x)
{
    static const double ln2 = 0.69314718055994530942;
    int low, high;

    if (!(x.low > 0) || isinf(x.high))
        return all_of(TN_F64);
    (void)frexp(x.low, &low);
    (void)frexp(x.high, &high);
    return (tn_interval){(low - 1) * ln2, high * ln2, x.nan};
}

static tn_interval
converted(tn_dtype to, tn_dtype from, tn_interval x)
{
    tn_interval all = all_of(to);

    if (tn_is_float(to) || !tn_is_float(from))
        return to == TN_BOOL ? all : settled(to, x);
    if (to == TN_BOOL)
        return all;
    x.low = fmin(fmax(trunc(x.low), all.low), all.high);
    x.high = fmin(fmax(trunc(x.high), all.low), all.high);
    if (x.nan)
        x = joined(x, (tn_interval){0, 0, false});
    x.nan = false;
    return x;
}

static tn_interval
positions(const walk *w, const tn_op *op)
{
    const tn_attr *start = &op->attr[TN_ATTR_iota_start];
    int64_t low, high, least, most;

    if (start->operand >= 0)
        return all_of(op->out[0]->type.dtype);
    tn_size_bounds(w->sizes, start->sizes[0], &low, &high);
    tn_size_bounds(w->sizes, op->out[0]->type.dim[0], &least, &most);
    if (low == INT64_MIN || high == INT64_MAX)
        return all_of(op->out[0]->type.dtype);
    return (tn_interval){(double)low, (double)high + (double)most - 1, false};
}

/* ---- choices ---- */

/* c says that x < y, x <= y, with `swapped` y < x, y <= x; 0: another test. */
static int
relation(const tn_op *c, bool *swapped)
{
    *swapped = c->code == TN_OP_greater || c->code == TN_OP_greater_equal;
    switch (c->code) {
    case TN_OP_less:
    case TN_OP_greater: return 1;
    case TN_OP_less_equal:
    case TN_OP_greater_equal: return 2;
    default: return 0;
    }
}

/* What a whole number is where the comparison of it with a number holds, or
 * does not. */
static bool
follows(const tn_value *c, bool holds, assumed *a)
{
    bool swapped, below, strict;
    int side, kind;
    double number;

    if (c->kind != TN_VALUE_RESULT || !(kind = relation(c->def, &swapped)))
        return false;
    side = tn_uniform(c->def->in[1], &number) ? 0 : 1;
    if (side == 1 && !tn_uniform(c->def->in[0], &number))
        return false;
    a->value = c->def->in[side];
    if (tn_is_float(a->value->type.dtype))
        return false;
    below = ((side == 0) != swapped) == holds;
    strict = (kind == 1) == holds;
    a->low = below ? -(double)INFINITY : number + strict;
    a->high = below ? number - strict : (double)INFINITY;
    return true;
}

static tn_interval
side_of(walk *w, const tn_op *op, int side)
{
    tn_interval x;
    bool more = w->count < ASSUMED && follows(op->in[0], side == 1, &w->known[w->count]);

    w->count += more;
    x = of(w, op->in[side]);
    w->count -= more;
    return x;
}

/* ---- operations ---- */

static tn_interval
whole(tn_interval x, double (*round)(double))
{
    return (tn_interval){round(x.low), round(x.high), x.nan};
}

static tn_interval
of_two(tn_opcode code, tn_dtype t, tn_interval x, tn_interval y)
{
    bool nan = x.nan || y.nan;

    switch (code) {
    case TN_OP_add: return (tn_interval){x.low + y.low, x.high + y.high, nan};
    case TN_OP_sub: return (tn_interval){x.low - y.high, x.high - y.low, nan};
    case TN_OP_mul: return product(x, y);
    case TN_OP_div: return quotient(t, x, y);
    case TN_OP_minimum: return (tn_interval){fmin(x.low, y.low), fmin(x.high, y.high), nan};
    default: return (tn_interval){fmax(x.low, y.low), fmax(x.high, y.high), nan};
    }
}

static tn_interval
of_one(tn_opcode code, tn_interval x)
{
    double most = fmax(fabs(x.low), fabs(x.high));

    switch (code) {
    case TN_OP_neg: return (tn_interval){-x.high, -x.low, x.nan};
    case TN_OP_abs:
        return (tn_interval){
            x.low <= 0 && x.high >= 0 ? 0 : fmin(fabs(x.low), fabs(x.high)), most, x.nan};
    case TN_OP_log: return logarithm(x);
    case TN_OP_floor: return whole(x, floor);
    case TN_OP_ceil: return whole(x, ceil);
    default: return whole(x, trunc);
    }
}

static tn_interval
of_view(walk *w, const tn_op *op)
{
    return tn_op_is_free_view(op) && op->code != TN_OP_windows ? of(w, op->in[0])
                                                               : all_of(op->out[0]->type.dtype);
}

static tn_interval
of_elements(walk *w, const tn_op *op, tn_dtype t)
{
    tn_interval x, y;

    switch (op->code) {
    case TN_OP_iota: return positions(w, op);
    case TN_OP_add:
    case TN_OP_sub:
    case TN_OP_mul:
    case TN_OP_div:
    case TN_OP_minimum:
    case TN_OP_maximum:
        x = of(w, op->in[0]);
        y = of(w, op->in[1]);
        return settled(t, of_two(op->code, t, x, y));
    case TN_OP_clamp:
        x = of(w, op->in[0]);
        y = of(w, op->in[1]);
        x = of_two(TN_OP_maximum, t, x, y);
        y = of(w, op->in[2]);
        return of_two(TN_OP_minimum, t, x, y);
    case TN_OP_neg:
    case TN_OP_abs:
    case TN_OP_log:
    case TN_OP_floor:
    case TN_OP_ceil:
    case TN_OP_trunc: return settled(t, of_one(op->code, of(w, op->in[0])));
    case TN_OP_cast: return converted(t, op->in[0]->type.dtype, of(w, op->in[0]));
    case TN_OP_where:
        x = side_of(w, op, 1);
        y = side_of(w, op, 2);
        return joined(x, y);
    default: return of_view(w, op);
    }
}

/* What was assumed is assumed element by element: not where elements move. */
static tn_interval
of_op(walk *w, const tn_op *op, tn_dtype t)
{
    int labels = tn_op_find_attr(op->code, "labels"), count = w->count;
    bool moves =
        tn_lower_kind_of(op->code) != TN_LOWER_map || (labels >= 0 && op->attr[labels].has_value);
    assumed kept[ASSUMED];
    tn_interval x;

    if (!moves)
        return of_elements(w, op, t);
    memcpy(kept, w->known, sizeof kept);
    w->count = 0;
    x = op->code == TN_OP_where ? all_of(t) : of_elements(w, op, t);
    memcpy(w->known, kept, sizeof kept);
    w->count = count;
    return x;
}

static tn_interval
of(walk *w, const tn_value *v)
{
    tn_interval x = all_of(v->type.dtype);
    double number;

    if (w->depth >= DEPTH || w->steps-- <= 0)
        return x;
    w->depth++;
    if (tn_uniform(v, &number))
        x = (tn_interval){number, number, isnan(number)};
    else if (v->kind == TN_VALUE_RESULT)
        x = of_op(w, v->def, v->type.dtype);
    for (int i = 0; i < w->count; i++)
        if (w->known[i].value == v) {
            x.low = fmax(x.low, w->known[i].low);
            x.high = fmin(x.high, w->known[i].high);
        }
    w->depth--;
    return x;
}

tn_interval
tn_interval_of(const tn_value *v)
{
    walk w = {.steps = STEPS};

    if (v->kind != TN_VALUE_RESULT)
        return all_of(v->type.dtype);
    w.sizes = v->def->graph->sizes;
    return of(&w, v);
}
