/* SPDX-License-Identifier: Apache-2.0
 * Arrays that are written piece by piece at places known here. */
#include "passes/written.h"

#include <string.h>

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/picks.h"
#include "passes/rule_in.h"

enum { PLACES = 1024 };

/* One piece written over an array. */
typedef struct write {
    int axis;
    int64_t at, extent;
    tn_value *y;
    bool lacks; /* y has no axis there, else one of size 1 */
} write;

static tn_op *
def_of(const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT ? v->def : NULL;
}

static bool
find_place(const tn_op *op, const tn_value *at, write *w)
{
    double number;

    if (!tn_size_is_int(op->in[0]->type.dim[w->axis], &w->extent) || !tn_uniform(at, &number) ||
        number < 0 || number >= (double)w->extent || w->extent > PLACES)
        return false;
    w->at = (int64_t)number;
    w->y = op->in[2];
    return true;
}

static bool
writes_elements(const tn_op *op, write *w)
{
    const tn_type *x = &op->in[0]->type, *at = &op->in[1]->type;

    w->axis = (int)tn_op_int(op, TN_ATTR_scatter_elements_axis);
    for (int i = 0; i < x->rank; i++)
        if (i == w->axis ? !tn_size_is_one(at->dim[i]) : !tn_size_equal(at->dim[i], x->dim[i]))
            return false;
    return !strcmp(tn_op_text(op, TN_ATTR_scatter_elements_reduce), "none") &&
        find_place(op, op->in[1], w);
}

/* x[at] = y, or x[:,at] = y with the rows counted. */
static bool
writes_slices(const tn_op *op, write *w)
{
    const tn_type *at = &op->in[1]->type;
    const tn_op *parts = def_of(op->in[1]);
    int last = at->rank - 1;

    if (strcmp(tn_op_text(op, TN_ATTR_scatter_nd_reduce), "none") != 0)
        return false;
    if (tn_size_is_one(at->dim[last])) {
        w->lacks = last == 0;
        return last <= 1 && tn_size_is_one(at->dim[0]) && find_place(op, op->in[1], w);
    }
    w->axis = 1;
    w->lacks = last == 1;
    return parts && parts->code == TN_OP_concat && parts->in_count == 2 && last >= 1 &&
        tn_op_int(parts, TN_ATTR_concat_axis) == last &&
        tn_size_is_one(parts->in[0]->type.dim[last]) &&
        tn_size_is_one(parts->in[1]->type.dim[last]) &&
        tn_size_equal(at->dim[0], op->in[0]->type.dim[0]) &&
        (last == 1 || (last == 2 && tn_size_is_one(at->dim[1]))) &&
        tn_is_position(parts->in[0], 0) && find_place(op, parts->in[1], w);
}

static bool
find_write(const tn_op *op, write *w)
{
    *w = (write){.axis = 0};
    if (!op)
        return false;
    if (op->code == TN_OP_scatter_elements)
        return writes_elements(op, w);
    return op->code == TN_OP_scatter_nd && writes_slices(op, w);
}

/* The write before, along the same axis; NULL: what is written over is whole. */
static tn_op *
write_before(const tn_op *op, int axis, write *w)
{
    tn_op *before = def_of(op->in[0]);

    return find_write(before, w) && w->axis == axis ? before : NULL;
}

/* ---- places that are read ---- */

static tn_value *
read_at(tn_build *b, const tn_op *op, int axis, tn_size place, int64_t at)
{
    int64_t drop = axis;
    write w;

    if (!find_write(op, &w))
        return NULL;
    while (w.at != at) {
        const tn_op *before = write_before(op, axis, &w);

        if (!before)
            return tn_build_index(b, op->in[0], axis, place);
        op = before;
    }
    return w.lacks ? w.y : tn_build_squeeze(b, w.y, &drop, 1);
}

static bool
read_places(tn_op *op, const write *w)
{
    tn_value *v = op->out[0];
    bool changed = false;

    for (uint32_t i = v->uses.count; i-- > 0;) {
        tn_op *reader = v->uses.at[i].op;
        int64_t at;
        tn_build b;

        if (!reader || reader->code != TN_OP_index ||
            tn_op_int(reader, TN_ATTR_index_axis) != w->axis ||
            reader->attr[TN_ATTR_index_at].operand >= 0 || !reader->out[0]->uses.count ||
            !tn_size_is_int(reader->attr[TN_ATTR_index_at].sizes[0], &at))
            continue;
        b = tn_build_before(reader);
        tn_value_replace(reader->out[0],
            read_at(&b, op, w->axis, reader->attr[TN_ATTR_index_at].sizes[0], at));
        changed = true;
    }
    return changed;
}

/* ---- the array ---- */

/* Pieces by place, the last that was written there; what is under them. */
static tn_value *
collect(const tn_op *op, const write *last, tn_value **piece, bool *lacks, int *writes)
{
    const tn_op *before = op;
    write w = *last;

    for (*writes = 0; before; ++*writes) {
        op = before;
        if (!piece[w.at]) {
            piece[w.at] = w.y;
            lacks[w.at] = w.lacks;
        }
        before = write_before(op, last->axis, &w);
    }
    return op->in[0];
}

static tn_value *
joined(tn_op *op, const write *w, tn_value *const *piece, const bool *lacks, tn_value *base)
{
    tn_build b = tn_build_before(op);
    tn_value **in = tn_new_array(op->graph->module->arena, tn_value *, w->extent);
    tn_sizes *s = op->graph->sizes;
    int64_t axis = w->axis;
    int count = 0;

    for (int64_t i = 0, n; i < w->extent; i += n) {
        n = 1;
        if (piece[i]) {
            in[count++] = lacks[i] ? tn_build_unsqueeze(&b, piece[i], &axis, 1) : piece[i];
            continue;
        }
        while (i + n < w->extent && !piece[i + n])
            n++;
        in[count++] = tn_build_slice(&b, base, w->axis, tn_size_int(s, i), tn_size_int(s, n));
    }
    return count == 1 ? in[0] : tn_build_concat(&b, in, count, w->axis);
}

static bool
is_written_over(const tn_op *op, int axis)
{
    const tn_value *v = op->out[0];
    write w;

    for (uint32_t i = 0; i < v->uses.count; i++)
        if (v->uses.at[i].index == 0 && find_write(v->uses.at[i].op, &w) && w.axis == axis)
            return true;
    return false;
}

/* The last of several writes: the array is its pieces, joined. */
static bool
join(tn_op *op, const write *w)
{
    tn_arena *arena = op->graph->module->arena;
    tn_value **piece, *base, *y;
    bool *lacks;
    int writes;

    if (!op->out[0]->uses.count || is_written_over(op, w->axis))
        return false;
    piece = tn_new_array(arena, tn_value *, w->extent);
    lacks = tn_new_array(arena, bool, w->extent);
    base = collect(op, w, piece, lacks, &writes);
    if (writes < 2)
        return false;
    y = joined(op, w, piece, lacks, base);
    if (!y->name)
        y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    return true;
}

bool
tn_clean_written(tn_graph *g)
{
    bool changed = false;
    write w;

    for (tn_op *op = g->block->first; op; op = op->next)
        if (find_write(op, &w)) {
            changed |= read_places(op, &w);
            changed |= join(op, &w);
        }
    return changed;
}
