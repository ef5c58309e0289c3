/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/range.h"

#include "ir/number.h"
#include "passes/dims.h"
#include "passes/interval.h"
#include "passes/scan_axes.h"

/* A carried value counts as in range while its loop is looked at: true of the
 * first round by its first value, of each other by the round before. */
enum { DEPTH = 40, ASSUMED = 8 };

typedef struct walk {
    tn_size extent;
    tn_sizes *sizes;
    const tn_value *assumed[ASSUMED];
    int count, depth;
} walk;

static bool below(walk *w, const tn_value *v);

static bool
fits(const walk *w, tn_size extent)
{
    return extent && tn_size_proves_le(w->sizes, extent, w->extent);
}

static bool
literal_below(const walk *w, const tn_number *n)
{
    tn_size above;

    if (n->kind != TN_NUMBER_RATIONAL || n->den != 1 || n->num < 0)
        return false;
    above = tn_size_int(w->sizes, n->num + 1);
    return fits(w, above);
}

static bool
all_below(walk *w, const tn_op *op, int from)
{
    for (int i = from; i < op->in_count; i++)
        if (op->in[i] && !below(w, op->in[i]))
            return false;
    return op->in_count > from;
}

/* The first value and the next one, the carried one taken to be in range. */
static bool
carried_below(walk *w, const tn_op *scan, int n)
{
    const tn_value *param = scan->body[0]->params.at[n];
    bool in_range;

    for (int i = 0; i < w->count; i++)
        if (w->assumed[i] == param)
            return true;
    if (w->count == ASSUMED)
        return false;
    w->assumed[w->count++] = param;
    in_range = below(w, scan->in[n]) && below(w, scan->body[0]->results.at[n]);
    w->count--;
    return in_range;
}

static bool
scan_below(walk *w, const tn_op *scan, int result)
{
    return result < tn_scan_carries(scan) ? carried_below(w, scan, result)
                                          : below(w, scan->body[0]->results.at[result]);
}

static bool
param_below(walk *w, const tn_value *v)
{
    const tn_op *scan = v->block->owner;

    if (!scan || scan->code != TN_OP_scan)
        return false;
    if (v->index < tn_scan_carries(scan))
        return carried_below(w, scan, v->index);
    if (v->index < scan->in_count)
        return below(w, scan->in[v->index]);
    return fits(w, tn_scan_rounds(scan));
}

static bool
extreme_below(const walk *w, const tn_op *op, int attr)
{
    const tn_type *t = &op->in[0]->type;
    int64_t axis = tn_op_int(op, attr);

    return fits(w, t->dim[axis < 0 ? axis + t->rank : axis]);
}

static bool
iota_below(const walk *w, const tn_op *op)
{
    const tn_attr *start = &op->attr[TN_ATTR_iota_start];
    int64_t first;

    return start->operand < 0 && tn_size_is_int(start->sizes[0], &first) && first == 0 &&
        fits(w, op->out[0]->type.dim[0]);
}

static bool
op_below(walk *w, const tn_value *v)
{
    const tn_op *op = v->def;

    switch (op->code) {
    case TN_OP_arg_max:
    case TN_OP_arg_min: return extreme_below(w, op, TN_ATTR_arg_max_axis);
    case TN_OP_top_k: return v->index == 1 && extreme_below(w, op, TN_ATTR_top_k_axis);
    case TN_OP_sort: return v->index == 1 && extreme_below(w, op, TN_ATTR_sort_axis);
    case TN_OP_iota: return iota_below(w, op);
    case TN_OP_where: return all_below(w, op, 1);
    case TN_OP_cast: return tn_dtype_bytes(v->type.dtype) >= 4 && below(w, op->in[0]);
    case TN_OP_minimum:
    case TN_OP_maximum:
    case TN_OP_concat: return all_below(w, op, 0);
    case TN_OP_update: return below(w, op->in[0]) && below(w, op->in[1]);
    case TN_OP_gather:
    case TN_OP_gather_elements:
    case TN_OP_gather_nd: return below(w, op->in[0]);
    case TN_OP_fill: return literal_below(w, &op->attr[TN_ATTR_fill_value].numbers[0]);
    case TN_OP_scan: return scan_below(w, op, v->index);
    case TN_OP_windows: return false; /* the value beyond x */
    default: return tn_op_is_free_view(op) && below(w, op->in[0]);
    }
}

static bool
below(walk *w, const tn_value *v)
{
    bool in_range = false;

    if (w->depth >= DEPTH || tn_is_float(v->type.dtype) || v->type.dtype == TN_BOOL)
        return false;
    w->depth++;
    if (v->below && fits(w, v->below))
        in_range = true;
    else if (v->kind == TN_VALUE_LITERAL)
        in_range = literal_below(w, &v->number);
    else if (v->kind == TN_VALUE_PARAM)
        in_range = param_below(w, v);
    else if (v->kind == TN_VALUE_RESULT)
        in_range = op_below(w, v);
    w->depth--;
    return in_range;
}

static bool
lies_below(const walk *w, const tn_value *v)
{
    tn_interval x = tn_interval_of(v);
    int64_t least, most;

    tn_size_bounds(w->sizes, w->extent, &least, &most);
    return !tn_is_float(v->type.dtype) && x.low >= 0 && x.high < (double)least;
}

bool
tn_value_below(const tn_value *v, tn_size extent)
{
    const tn_graph *g = v->kind == TN_VALUE_RESULT ? v->def->graph
        : v->block                                 ? v->block->graph
                                                   : NULL;
    walk w = {.extent = extent};

    if (!g)
        return false;
    w.sizes = g->sizes;
    return below(&w, v) || lies_below(&w, v);
}

/* ---- lengths ---- */

/* The least and the greatest number, or NULL. */
typedef struct span {
    tn_size low, high;
} span;

static span span_of(const tn_graph *g, const tn_value *v, int depth);

static span
span_of_input(const tn_graph *g, const tn_value *v)
{
    for (uint32_t i = 0; i < g->inputs.count; i++) {
        const tn_input *in = &g->inputs.at[i];

        if (in->value == v && in->has_range)
            return (span){in->low, in->open_high ? NULL : in->high};
    }
    return (span){NULL, NULL};
}

static span
span_of_sum(const tn_graph *g, const tn_op *op, int depth)
{
    bool adds = op->code == TN_OP_add;
    span a = span_of(g, op->in[0], depth), b = span_of(g, op->in[1], depth), sum = {NULL, NULL};
    tn_size low = adds ? b.low : b.high, high = adds ? b.high : b.low;

    if (a.low && low)
        sum.low = adds ? tn_size_add(g->sizes, a.low, low) : tn_size_sub(g->sizes, a.low, low);
    if (a.high && high)
        sum.high = adds ? tn_size_add(g->sizes, a.high, high) : tn_size_sub(g->sizes, a.high, high);
    return sum;
}

static span
span_of(const tn_graph *g, const tn_value *v, int depth)
{
    tn_size n;

    if (v->kind == TN_VALUE_INPUT)
        return span_of_input(g, v);
    if (v->kind == TN_VALUE_LITERAL) {
        n = tn_size_of_number(g->sizes, &v->number);
        return (span){n, n};
    }
    if (v->kind != TN_VALUE_RESULT || depth == 8 || tn_dtype_bytes(v->type.dtype) < 4)
        return (span){NULL, NULL};
    if (v->def->code == TN_OP_add || v->def->code == TN_OP_sub)
        return span_of_sum(g, v->def, depth + 1);
    if ((v->def->code == TN_OP_cast && tn_is_int(v->def->in[0]->type.dtype)) ||
        tn_op_keeps_places(v->def) || v->def->code == TN_OP_reshape)
        return span_of(g, v->def->in[0], depth + 1);
    return (span){NULL, NULL};
}

bool
tn_value_within(const tn_value *v, tn_size extent)
{
    const tn_graph *g = v->kind == TN_VALUE_RESULT ? v->def->graph
        : v->block                                 ? v->block->graph
                                                   : NULL;
    tn_size one;
    span s;

    if (!g || tn_value_below(v, extent))
        return g != NULL;
    one = tn_size_int(g->sizes, 1);
    s = span_of(g, v, 0);
    return s.low && s.high && tn_size_proves_le(g->sizes, tn_size_int(g->sizes, 0), s.low) &&
        tn_size_proves_le(g->sizes, tn_size_add(g->sizes, s.high, one), extent);
}
