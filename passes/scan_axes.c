/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/scan_axes.h"

#include <string.h>

int
tn_scan_along(const tn_op *scan, int rank)
{
    int64_t axis = tn_op_int(scan, TN_ATTR_scan_axis);

    return (int)(axis < 0 ? axis + rank : axis);
}

int
tn_scan_carries(const tn_op *scan)
{
    return (int)tn_op_int(scan, TN_ATTR_scan_carries);
}

tn_size
tn_scan_rounds(const tn_op *scan)
{
    int carries = tn_scan_carries(scan);
    const tn_value *first;

    if (scan->in_count == carries)
        return scan->attr[TN_ATTR_scan_count].sizes[0];
    first = scan->in[carries];
    return first->type.dim[tn_scan_along(scan, first->type.rank)];
}

/* ---- classes of dimensions ---- */

static uint32_t
node_of(tn_scan_axes *s, const tn_value *v, int dim)
{
    uint32_t *slot = tn_idmap_get(&s->slots, v->id);

    if (!slot) {
        slot = tn_new(s->arena, uint32_t);
        *slot = s->parent.count;
        for (uint32_t i = 0; i < TN_MAX_RANK; i++) {
            uint32_t self = s->parent.count;

            tn_push(s->arena, &s->parent, self);
            tn_push(s->arena, &s->mixed, false);
        }
        tn_idmap_put(&s->slots, v->id, slot);
    }
    return *slot + (uint32_t)dim;
}

static uint32_t
root_of(tn_scan_axes *s, uint32_t node)
{
    while (s->parent.at[node] != node) {
        s->parent.at[node] = s->parent.at[s->parent.at[node]];
        node = s->parent.at[node];
    }
    return node;
}

static void
same(tn_scan_axes *s, const tn_value *a, int da, const tn_value *b, int db)
{
    uint32_t x, y;

    if (tn_size_is_one(a->type.dim[da]) || tn_size_is_one(b->type.dim[db]))
        return;
    x = root_of(s, node_of(s, a, da));
    y = root_of(s, node_of(s, b, db));
    s->mixed.at[x] = s->mixed.at[x] || s->mixed.at[y];
    s->parent.at[y] = x;
}

static void
mix(tn_scan_axes *s, const tn_value *v, int dim)
{
    uint32_t root = root_of(s, node_of(s, v, dim));

    s->mixed.at[root] = true;
}

static void
mix_all(tn_scan_axes *s, const tn_value *v)
{
    for (int i = 0; i < v->type.rank; i++)
        mix(s, v, i);
}

/* ---- operations of the body ---- */

static void
by_dims(tn_scan_axes *s, const tn_op *op)
{
    for (int in = 0; in < op->in_count; in++) {
        int8_t to[TN_MAX_RANK];

        if (!op->in[in] || op->in[in]->kind == TN_VALUE_LITERAL)
            continue;
        (void)tn_op_dims(op, in, to);
        for (int i = 0; i < op->in[in]->type.rank; i++) {
            if (to[i] < 0)
                mix(s, op->in[in], i);
            for (int r = 0; to[i] >= 0 && r < op->out_count; r++)
                same(s, op->in[in], i, op->out[r], to[i]);
        }
    }
}

/* slice, reverse, pad, concat: all dimensions but `axis` stay. */
static void
along_axis(tn_scan_axes *s, const tn_op *op, unsigned axes)
{
    for (int in = 0; in < op->in_count; in++)
        for (int i = 0; op->in[in] && i < op->in[in]->type.rank && i < op->out[0]->type.rank; i++) {
            if (op->in[in]->type.rank != op->out[0]->type.rank)
                continue;
            if (axes >> i & 1)
                mix(s, op->in[in], i);
            same(s, op->in[in], i, op->out[0], i);
        }
}

static void
of_index(tn_scan_axes *s, const tn_op *op)
{
    int axis = (int)tn_op_int(op, TN_ATTR_index_axis);

    for (int i = 0; i < op->in[0]->type.rank; i++) {
        if (i == axis)
            mix(s, op->in[0], i);
        else
            same(s, op->in[0], i, op->out[0], i - (i > axis));
    }
}

static void
of_reshape(tn_scan_axes *s, const tn_op *op)
{
    const tn_type *a = &op->in[0]->type, *b = &op->out[0]->type;
    int i = 0;

    for (; i < a->rank && i < b->rank && tn_size_equal(a->dim[i], b->dim[i]); i++)
        same(s, op->in[0], i, op->out[0], i);
    for (int k = i; k < a->rank; k++)
        mix(s, op->in[0], k);
    for (int k = i; k < b->rank; k++)
        mix(s, op->out[0], k);
}

static void
of_windows(tn_scan_axes *s, const tn_op *op)
{
    int lead = op->in[0]->type.rank - op->attr[TN_ATTR_windows_window].count;

    for (int i = 0; i < lead; i++)
        same(s, op->in[0], i, op->out[0], i);
    for (int i = lead; i < op->in[0]->type.rank; i++)
        mix(s, op->in[0], i);
    for (int i = lead; i < op->out[0]->type.rank; i++)
        mix(s, op->out[0], i);
}

static void
of_gather(tn_scan_axes *s, const tn_op *op)
{
    const tn_value *x = op->in[0], *at = op->in[1], *y = op->out[0];
    int axis = (int)tn_op_int(op, TN_ATTR_gather_axis);
    int batch = (int)tn_op_int(op, TN_ATTR_gather_batch_dims);
    int added = at->type.rank - batch;

    for (int i = 0; i < x->type.rank; i++) {
        if (i == axis)
            mix(s, x, i);
        else
            same(s, x, i, y, i < axis ? i : i - 1 + added);
    }
    for (int i = 0; i < at->type.rank; i++)
        same(s, at, i, y, i < batch ? i : axis + i - batch);
}

static void
of_gather_elements(tn_scan_axes *s, const tn_op *op)
{
    int axis = (int)tn_op_int(op, TN_ATTR_gather_elements_axis);

    for (int i = 0; i < op->in[0]->type.rank; i++) {
        if (i == axis)
            mix(s, op->in[0], i);
        else
            same(s, op->in[0], i, op->out[0], i);
        same(s, op->in[1], i, op->out[0], i);
    }
}

static void
anything(tn_scan_axes *s, const tn_op *op)
{
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i])
            mix_all(s, op->in[i]);
    for (int i = 0; i < op->out_count; i++)
        mix_all(s, op->out[i]);
}

static unsigned
moved_axes(const tn_op *op)
{
    unsigned axes = 0;

    if (op->code == TN_OP_reverse) {
        for (int i = 0; i < op->attr[TN_ATTR_reverse_axes].count; i++)
            axes |= 1u << op->attr[TN_ATTR_reverse_axes].ints[i];
        return axes;
    }
    return 1u << tn_op_int(op, tn_op_find_attr(op->code, "axis"));
}

static void
of_row(tn_scan_axes *s, const tn_op *op)
{
    unsigned along = tn_op_reduced(op);

    by_dims(s, op);
    for (int i = 0; i < op->in[0]->type.rank; i++)
        if (along >> i & 1)
            mix(s, op->in[0], i);
}

static void
of_view(tn_scan_axes *s, const tn_op *op)
{
    if (tn_op_keeps_places(op))
        by_dims(s, op);
    else if (op->code == TN_OP_index)
        of_index(s, op);
    else if (op->code == TN_OP_reshape)
        of_reshape(s, op);
    else if (op->code == TN_OP_windows)
        of_windows(s, op);
    else
        along_axis(s, op, moved_axes(op));
}

static void
of_op(tn_scan_axes *s, const tn_op *op)
{
    switch (tn_lower_kind_of(op->code)) {
    case TN_LOWER_map:
    case TN_LOWER_contract: by_dims(s, op); break;
    case TN_LOWER_reduce:
    case TN_LOWER_order: of_row(s, op); break;
    case TN_LOWER_view: of_view(s, op); break;
    case TN_LOWER_make: by_dims(s, op); break;
    case TN_LOWER_gather:
        if (op->code == TN_OP_gather)
            of_gather(s, op);
        else if (op->code == TN_OP_gather_elements)
            of_gather_elements(s, op);
        else
            anything(s, op);
        break;
    default: anything(s, op); break;
    }
}

/* ---- the scan itself ---- */

static void
of_values(tn_scan_axes *s, const tn_op *scan)
{
    const tn_block *body = scan->body[0];
    int carries = tn_scan_carries(scan);

    for (int n = 0; n < scan->in_count; n++) {
        const tn_value *in = scan->in[n], *param = body->params.at[n];
        int along = n < carries ? -1 : tn_scan_along(scan, in->type.rank);

        for (int i = 0; i < in->type.rank; i++) {
            if (i == along)
                mix(s, in, i);
            else
                same(s, in, i, param, i - (along >= 0 && i > along));
        }
    }
    for (int n = 0; n < scan->out_count; n++) {
        const tn_value *out = scan->out[n], *next = body->results.at[n];
        int along = n < carries ? -1 : tn_scan_along(scan, out->type.rank);

        for (int i = 0; i < out->type.rank; i++) {
            if (i == along)
                mix(s, out, i);
            else
                same(s, out, i, next, i - (along >= 0 && i > along));
            if (n < carries)
                same(s, out, i, body->params.at[n], i);
        }
    }
}

/* How often the class lies on the value's dimensions. */
static int
occurs(tn_scan_axes *s, const tn_value *v, uint32_t root)
{
    int count = 0;

    for (int i = 0; i < v->type.rank; i++)
        count += root_of(s, node_of(s, v, i)) == root;
    return count;
}

static bool
indexes_all(tn_scan_axes *s, const tn_op *scan, uint32_t root)
{
    const tn_block *body = scan->body[0];

    for (int i = 0; i < tn_scan_carries(scan); i++)
        if (occurs(s, body->params.at[i], root) != 1)
            return false;
    for (uint32_t i = 0; i < body->results.count; i++)
        if (occurs(s, body->results.at[i], root) != 1)
            return false;
    for (const tn_op *op = body->first; op; op = op->next)
        for (int i = 0; i < op->out_count; i++)
            if (occurs(s, op->out[i], root) > 1)
                return false;
    return true;
}

tn_scan_axes
tn_scan_axes_find(tn_arena *arena, const tn_op *scan)
{
    tn_scan_axes s = {.arena = arena, .slots = {.arena = arena}};
    const tn_value *first = scan->out_count ? scan->body[0]->results.at[0] : NULL;

    of_values(&s, scan);
    for (const tn_op *op = scan->body[0]->first; op; op = op->next)
        of_op(&s, op);
    for (int i = 0; first && i < first->type.rank; i++) {
        uint32_t root = root_of(&s, node_of(&s, first, i));

        if (s.mixed.at[root] || tn_size_is_one(first->type.dim[i]) || !indexes_all(&s, scan, root))
            continue;
        s.extent[s.count] = first->type.dim[i];
        s.root[s.count++] = root;
    }
    return s;
}

int
tn_scan_axis_of(tn_scan_axes *s, const tn_value *v, int dim)
{
    uint32_t root;

    if (!tn_idmap_get(&s->slots, v->id))
        return -1;
    root = root_of(s, node_of(s, v, dim));
    for (int i = 0; i < s->count; i++)
        if (s->root[i] == root)
            return i;
    return -1;
}
