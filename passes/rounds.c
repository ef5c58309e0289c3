/* SPDX-License-Identifier: Apache-2.0
 * Pieces that the body of a scan takes by the number of the round. */
#include "passes/rounds.h"

#include "passes/branch.h"
#include "passes/dims.h"
#include "passes/range.h"
#include "passes/scan_axes.h"

enum { VIEWS = 8 };

/* ---- numbers ---- */

tn_value *
tn_plain_number(tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT && v->def->in_count == 1 &&
        (v->def->code == TN_OP_cast || tn_op_keeps_places(v->def) ||
            v->def->code == TN_OP_reshape) &&
        !tn_is_float(v->type.dtype) && v->type.dtype != TN_BOOL)
        v = v->def->in[0];
    return v;
}

tn_size
tn_number_known(tn_sizes *s, tn_value *v)
{
    v = tn_plain_number(v);
    if (v->kind == TN_VALUE_LITERAL)
        return tn_size_of_number(s, &v->number);
    if (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_fill)
        return tn_size_of_number(s, &v->def->attr[TN_ATTR_fill_value].numbers[0]);
    return NULL;
}

bool
tn_counts_with(tn_sizes *s, tn_value *v, const tn_value *counter, tn_size *by)
{
    *by = tn_size_int(s, 0);
    for (int depth = 0; depth < 8; depth++) {
        const tn_op *op;
        tn_size n;
        int in;

        v = tn_plain_number(v);
        if (v == counter)
            return true;
        op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
        if (!op || (op->code != TN_OP_add && op->code != TN_OP_sub))
            return false;
        in = op->code == TN_OP_add && tn_number_known(s, op->in[0]) ? 1 : 0;
        n = tn_number_known(s, op->in[1 - in]);
        if (!n)
            return false;
        *by = op->code == TN_OP_add ? tn_size_add(s, *by, n) : tn_size_sub(s, *by, n);
        if (!*by)
            return false;
        v = op->in[in];
    }
    return false;
}

static tn_value *
checked(tn_build *b, tn_value *at, tn_size extent)
{
    tn_value *in[2];
    int64_t axis = 0;
    tn_op *op;

    in[0] = tn_build_iota(b, tn_size_int(b->block->graph->sizes, 0), extent, at->type.dtype);
    in[1] = at;
    op = tn_build_start(b, TN_OP_gather, in, 2);
    tn_op_set_ints(op, TN_ATTR_gather_axis, &axis, 1);
    return tn_build_finish(op);
}

/* Behind views, so that equal places are checked once. */
tn_value *
tn_checked_place(tn_build *b, tn_value *at, tn_size extent)
{
    const tn_op *views[VIEWS];
    int count = 0;

    if (tn_value_within(at, extent))
        return at;
    while (at->kind == TN_VALUE_RESULT && tn_op_keeps_places(at->def) && count < VIEWS) {
        views[count++] = at->def;
        at = at->def->in[0];
    }
    at = checked(b, at, extent);
    while (count) {
        tn_value *in[] = {at};

        at = tn_build_copy(b, views[--count], in)->out[0];
    }
    return at;
}

void
tn_rounds_move(tn_block *from, tn_block *to)
{
    tn_build b = {.block = to};
    tn_type none = {.dtype = TN_I32};
    tn_op *end = tn_build_fill(&b, none, tn_number_int(0))->def;

    while (from->first)
        tn_op_move_before(from->first, end);
    tn_op_remove(end);
}

tn_op *
tn_rounds_rebuild(tn_op *old, tn_value *const *in, int count, int carries, bool reverse,
    const int *param)
{
    tn_build b = tn_build_before(old);
    tn_size rounds = tn_scan_rounds(old);
    tn_op *scan = tn_build_scan(&b, in, count, carries, (int)tn_op_int(old, TN_ATTR_scan_axis),
        reverse, count == carries ? &rounds : NULL);
    tn_block *from = old->body[0], *to = scan->body[0];

    tn_rounds_move(from, to);
    for (uint32_t i = 0; i < from->params.count; i++)
        if (param[i] >= 0)
            tn_value_replace(from->params.at[i], to->params.at[param[i]]);
    scan->was = old->was;
    return scan;
}

void
tn_rounds_replace(tn_op *old, tn_value *const *by)
{
    for (int i = 0; i < old->out_count; i++) {
        if (!by[i])
            continue;
        if (!by[i]->name)
            by[i]->name = old->out[i]->name;
        tn_value_replace(old->out[i], by[i]);
    }
    tn_op_remove(old);
}

/* ---- pieces ---- */

enum { PIECES = 32 };

typedef struct piece {
    tn_op *op;
    tn_value *of;
    int axis;
    bool keeps; /* the axis stays, of size 1 */
    tn_size first; /* place in the first slice */
} piece;

typedef struct slicer {
    tn_op *scan;
    piece at[PIECES];
    int count;
} slicer;

static bool
is_outside(const tn_op *scan, const tn_value *v)
{
    if (v->kind == TN_VALUE_RESULT)
        return v->def->block == scan->block;
    return v->kind == TN_VALUE_INPUT || v->kind == TN_VALUE_WEIGHT;
}

/* The operand that says where, and along which axis; NULL: it is no piece. */
static tn_value *
place_of(const tn_op *op, piece *p)
{
    int attr = op->code == TN_OP_index ? TN_ATTR_index_at : TN_ATTR_slice_start;
    int axis = tn_op_find_attr(op->code, "axis");

    p->keeps = false;
    if (op->code == TN_OP_gather) {
        p->axis = (int)tn_op_int(op, axis);
        return op->in[1]->type.rank == 0 ? op->in[1] : NULL;
    }
    if (op->code != TN_OP_index && op->code != TN_OP_slice)
        return NULL;
    p->axis = (int)tn_op_int(op, axis);
    p->keeps = op->code == TN_OP_slice;
    if (op->attr[attr].operand < 0 || (p->keeps && !tn_size_is_one(op->out[0]->type.dim[p->axis])))
        return NULL;
    return op->in[op->attr[attr].operand];
}

static bool
find_piece(const tn_op *scan, tn_op *op, piece *p)
{
    tn_sizes *s = op->graph->sizes;
    const tn_value *counter = scan->body[0]->params.at[scan->in_count];
    tn_value *place = place_of(op, p);
    tn_size end;

    if (!place || !is_outside(scan, op->in[0]) || !tn_counts_with(s, place, counter, &p->first))
        return false;
    p->op = op;
    p->of = op->in[0];
    end = tn_size_add(s, p->first, tn_scan_rounds(scan));
    return end && tn_size_proves_le(s, tn_size_int(s, 0), p->first) &&
        tn_size_proves_le(s, end, p->of->type.dim[p->axis]);
}

/* The pieces of all rounds, along the axis of the scan. */
static tn_value *
pieces(tn_build *b, const tn_op *scan, const piece *p)
{
    tn_value *v = tn_build_slice(b, p->of, p->axis, p->first, tn_scan_rounds(scan));
    int along = tn_scan_along(scan, v->type.rank);
    int64_t perm[TN_MAX_RANK];

    for (int i = 0, n = 0; i < v->type.rank; i++) {
        n += n == p->axis;
        perm[i] = i == along ? p->axis : n++;
    }
    return along == p->axis ? v : tn_build_transpose(b, v, perm);
}

/* In the body, the new parameter instead of the piece. */
static void
take(const piece *p, tn_value *param)
{
    tn_build b = tn_build_before(p->op);
    int64_t axis = p->axis;

    if (p->keeps)
        param = tn_build_unsqueeze(&b, param, &axis, 1);
    param->name = p->op->out[0]->name;
    tn_value_replace(p->op->out[0], param);
    tn_op_remove(p->op);
}

/* The scan with the pieces as further slices. */
static void
rebuild(const slicer *x)
{
    tn_op *old = x->scan, *scan;
    tn_build b = tn_build_before(old);
    int count = old->in_count + x->count, param[TN_ROUNDS_OPERANDS + 1];
    tn_value *in[TN_ROUNDS_OPERANDS];

    for (int i = 0; i <= old->in_count; i++)
        param[i] = i == old->in_count ? count : i;
    for (int i = 0; i < old->in_count; i++)
        in[i] = old->in[i];
    for (int i = 0; i < x->count; i++)
        in[old->in_count + i] = pieces(&b, old, &x->at[i]);
    scan = tn_rounds_rebuild(old, in, count, tn_scan_carries(old),
        tn_op_int(old, TN_ATTR_scan_reverse) != 0, param);
    for (int i = 0; i < x->count; i++)
        take(&x->at[i], scan->body[0]->params.at[old->in_count + i]);
    for (uint32_t i = 0; i < old->body[0]->results.count; i++)
        tn_block_result(scan->body[0], old->body[0]->results.at[i]);
    (void)tn_build_finish(scan);
    tn_rounds_replace(old, scan->out);
}

static bool
slice_scan(tn_op *scan)
{
    slicer x = {.scan = scan};

    if (scan->in_count + PIECES >= TN_ROUNDS_OPERANDS)
        return false;
    for (tn_op *op = scan->body[0]->first; op && x.count < PIECES; op = op->next)
        if (find_piece(scan, op, &x.at[x.count]))
            x.count++;
    if (x.count)
        rebuild(&x);
    return x.count > 0;
}

bool
tn_clean_slices(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        if (op->code == TN_OP_scan)
            changed |= slice_scan(op);
    }
    return changed;
}
