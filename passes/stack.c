/* SPDX-License-Identifier: Apache-2.0
 * Consecutive pieces of one tensor, joined again. */
#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/roll.h"
#include "passes/scan_axes.h"

typedef struct piece {
    tn_value *of; /* NULL: none */
    int axis;
    int64_t at, count; /* places */
    bool flat; /* it has the axis they are joined along, of size 1 */
} piece;

/* The place of the last round in what a scan collects; NULL: it is unknown. */
static tn_size
last_place(const tn_op *scan)
{
    tn_sizes *s = scan->graph->sizes;

    return tn_op_int(scan, TN_ATTR_scan_reverse)
        ? tn_size_int(s, 0)
        : tn_size_sub(s, tn_scan_rounds(scan), tn_size_int(s, 1));
}

/* What a scan ends with is the last of what it collects of that, in `of` if it
 * is there. */
static piece
last_of(const tn_value *v, const tn_value *of)
{
    const tn_op *scan = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    int carries = scan && scan->code == TN_OP_scan ? tn_scan_carries(scan) : 0;
    piece p = {.of = NULL};
    int64_t at;

    if (!scan || v->index >= carries || !last_place(scan) || !tn_size_is_int(last_place(scan), &at))
        return p;
    for (int i = carries; i < scan->out_count; i++)
        if (scan->body[0]->results.at[i] == scan->body[0]->results.at[v->index] &&
            (!p.of || scan->out[i] == of))
            p = (piece){.of = scan->out[i],
                .axis = tn_scan_along(scan, scan->out[i]->type.rank),
                .at = at,
                .count = 1};
    return p;
}

/* index(of, axis, at), or what a scan ends with. */
static piece
place_of(const tn_value *v, const tn_value *of)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    piece p = {.of = NULL, .count = 1};

    if (op && op->code == TN_OP_scan)
        return last_of(v, of);
    if (!op || op->code != TN_OP_index || op->attr[TN_ATTR_index_at].operand >= 0 ||
        !tn_size_is_int(op->attr[TN_ATTR_index_at].sizes[0], &p.at))
        return p;
    p.of = op->in[0];
    p.axis = (int)tn_op_int(op, TN_ATTR_index_axis);
    return p;
}

/* The axis of the operand becomes axis `along`; the others keep their order. */
static bool
moves_axis(const tn_op *transpose, int axis, int along)
{
    const int64_t *perm = transpose->attr[TN_ATTR_transpose_perm].ints;

    for (int i = 0, n = 0; i < transpose->out[0]->type.rank; i++) {
        n += n == axis;
        if (perm[i] != (i == along ? axis : n++))
            return false;
    }
    return true;
}

/* Several places at once, as `joined` makes them. */
static piece
slice_of(const tn_value *v, int along)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL, *turned = NULL;
    piece p = {.of = NULL};

    if (op && op->code == TN_OP_transpose) {
        turned = op;
        op = op->in[0]->kind == TN_VALUE_RESULT ? op->in[0]->def : NULL;
    }
    if (!op || op->code != TN_OP_slice || op->attr[TN_ATTR_slice_start].operand >= 0 ||
        tn_op_int(op, TN_ATTR_slice_step) != 1)
        return p;
    p.axis = (int)tn_op_int(op, TN_ATTR_slice_axis);
    if (tn_size_is_int(op->attr[TN_ATTR_slice_start].sizes[0], &p.at) &&
        tn_size_is_int(op->out[0]->type.dim[p.axis], &p.count) &&
        (turned ? moves_axis(turned, p.axis, along) : p.axis == along))
        p.of = op->in[0];
    return p;
}

/* A place with a new axis where they are joined, or one of size 1 there; or
 * several. */
static piece
piece_of(const tn_value *v, int along, const tn_value *of)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    piece p = slice_of(v, along);

    if (p.of)
        return p;

    if (op && op->code == TN_OP_unsqueeze && op->attr[TN_ATTR_unsqueeze_axes].count == 1 &&
        op->attr[TN_ATTR_unsqueeze_axes].ints[0] == along)
        return place_of(op->in[0], of);
    p = place_of(v, of);
    p.flat = true;
    if (p.of && !tn_size_is_one(v->type.dim[along]))
        p.of = NULL;
    return p;
}

/* How many operands are pieces that follow one another; `first` becomes all
 * of them. */
static int
run_length(const tn_op *op, int from, int along, piece *first)
{
    int n = 1;

    *first = piece_of(op->in[from], along, NULL);
    while (first->of && from + n < op->in_count) {
        piece p = piece_of(op->in[from + n], along, first->of);

        if (p.of != first->of || p.axis != first->axis || p.flat != first->flat ||
            p.at != first->at + first->count)
            break;
        first->count += p.count;
        n++;
    }
    return n;
}

static tn_value *
joined(tn_build *b, const piece *p, int along)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size start = tn_size_int(s, p->at), size = tn_size_int(s, p->count);
    tn_value *v = tn_build_slice(b, p->of, p->axis, start, size);
    int64_t perm[TN_MAX_RANK], drop = along + (along >= p->axis);
    int axis = p->axis - (p->flat && drop < p->axis);

    v = p->flat ? tn_build_squeeze(b, v, &drop, 1) : v;
    for (int i = 0, n = 0; i < v->type.rank; i++) {
        n += n == axis;
        perm[i] = i == along ? axis : n++;
    }
    return axis == along ? v : tn_build_transpose(b, v, perm);
}

enum { PARTS = 8 }; /* as few as any kernel reads */

/* Parts that are joined of parts, and read here alone. */
static tn_op *
joined_part(const tn_value *v, int along)
{
    tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    return op && op->code == TN_OP_concat && v->uses.count == 1 &&
            tn_op_int(op, TN_ATTR_concat_axis) == along
        ? op
        : NULL;
}

static bool
flatten(tn_op *op)
{
    int along = (int)tn_op_int(op, TN_ATTR_concat_axis), count = 0;
    tn_value *in[PARTS], *y;
    tn_build b = tn_build_before(op);
    bool nested = false;

    for (int i = 0; i < op->in_count; i++) {
        const tn_op *part = joined_part(op->in[i], along);
        int parts = part ? part->in_count : 1;

        nested |= part != NULL;
        if (count + parts > PARTS)
            return false;
        for (int k = 0; k < parts; k++)
            in[count++] = part ? part->in[k] : op->in[i];
    }
    if (!nested)
        return false;
    y = tn_build_concat(&b, in, count, along);
    y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    tn_op_remove(op);
    return true;
}

static bool
join(tn_op *op)
{
    int along, count = 0;
    tn_value **in, *y;
    tn_build b = tn_build_before(op);

    if (op->code != TN_OP_concat || op->in_count < 2)
        return false;
    along = (int)tn_op_int(op, TN_ATTR_concat_axis);
    in = tn_new_array(op->graph->module->arena, tn_value *, op->in_count);
    for (int i = 0, n; i < op->in_count; i += n) {
        piece p;

        n = run_length(op, i, along, &p);
        in[count++] = n > 1 ? joined(&b, &p, along) : op->in[i];
    }
    if (count == op->in_count)
        return false;
    y = count == 1 ? in[0] : tn_build_concat(&b, in, count, along);
    if (!y->name)
        y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    tn_op_remove(op);
    return true;
}

/* The concat that a view with a start known here looks at along `axis`. */
static const tn_op *
joined_whole(const tn_op *op, int start, int axis)
{
    const tn_value *in = op->in[0];

    if (op->attr[start].operand >= 0 || !op->out[0]->uses.count || in->kind != TN_VALUE_RESULT ||
        in->def->code != TN_OP_concat || tn_op_int(in->def, TN_ATTR_concat_axis) != axis)
        return NULL;
    return in->def;
}

/* A slice of joined pieces that is one of them. */
static bool
take_part(tn_op *op)
{
    int axis = (int)tn_op_int(op, TN_ATTR_slice_axis);
    const tn_op *whole = joined_whole(op, TN_ATTR_slice_start, axis);
    tn_sizes *s = op->graph->sizes;
    tn_size from = tn_size_int(s, 0);

    if (!whole || tn_op_int(op, TN_ATTR_slice_step) != 1)
        return false;
    for (int i = 0; i < whole->in_count; i++) {
        tn_size extent = whole->in[i]->type.dim[axis];

        if (tn_size_equal(from, op->attr[TN_ATTR_slice_start].sizes[0]) &&
            tn_size_equal(extent, op->out[0]->type.dim[axis])) {
            tn_value_replace(op->out[0], whole->in[i]);
            return true;
        }
        from = tn_size_add(s, from, extent);
        if (!from)
            return false;
    }
    return false;
}

/* A place of joined pieces is one of the piece it lies in. */
static bool
take_place(tn_op *op)
{
    int64_t axis = tn_op_int(op, TN_ATTR_index_axis), at, from = 0, extent;
    const tn_op *whole = joined_whole(op, TN_ATTR_index_at, (int)axis);
    tn_build b = tn_build_before(op);

    if (!whole || !tn_size_is_int(op->attr[TN_ATTR_index_at].sizes[0], &at))
        return false;
    for (int i = 0; i < whole->in_count; i++) {
        if (!tn_size_is_int(whole->in[i]->type.dim[axis], &extent))
            return false;
        if (at < from + extent) {
            tn_size place = tn_size_int(op->graph->sizes, at - from);

            tn_value_replace(op->out[0],
                extent == 1 ? tn_build_squeeze(&b, whole->in[i], &axis, 1)
                            : tn_build_index(&b, whole->in[i], (int)axis, place));
            return true;
        }
        from += extent;
    }
    return false;
}

/* What the last round gave, where that is carried as well. */
static bool
take_last_round(tn_op *op)
{
    const tn_value *all = op->in[0];
    const tn_op *scan = all->kind == TN_VALUE_RESULT ? all->def : NULL;
    tn_size last;

    if (!scan || scan->code != TN_OP_scan || op->attr[TN_ATTR_index_at].operand >= 0 ||
        !op->out[0]->uses.count || all->index < tn_scan_carries(scan) ||
        tn_op_int(op, TN_ATTR_index_axis) != tn_op_int(scan, TN_ATTR_scan_axis))
        return false;
    last = last_place(scan);
    if (!last || !tn_size_equal(last, op->attr[TN_ATTR_index_at].sizes[0]))
        return false;
    for (int i = 0; i < tn_scan_carries(scan); i++)
        if (scan->body[0]->results.at[i] == scan->body[0]->results.at[all->index]) {
            tn_value_replace(op->out[0], scan->out[i]);
            return true;
        }
    return false;
}

static bool
simplify(tn_op *op)
{
    switch (op->code) {
    case TN_OP_slice: return take_part(op);
    case TN_OP_index: return take_place(op) || take_last_round(op);
    default: return join(op) || (op->code == TN_OP_concat && flatten(op));
    }
}

bool
tn_clean_stack(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        changed |= simplify(op);
    }
    return changed;
}
