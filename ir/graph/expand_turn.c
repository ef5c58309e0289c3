/* SPDX-License-Identifier: Apache-2.0
 * Decomposition of rope. */
#include <string.h>

#include "ir/graph/expand_in.h"
#include "ir/real.h"

/* theta^(-2*i/dims), in double, rounded once. */
static tn_value *
frequencies(tn_build *b, const tn_op *op, int64_t half, tn_dtype wide)
{
    tn_graph *g = b->block->graph;
    double theta = op->attr[TN_ATTR_rope_theta].numbers[0].real;
    tn_number *list = tn_new_array(g->module->arena, tn_number, half);
    tn_type type = {.dtype = wide, .rank = 1, .dim = {tn_size_int(g->sizes, half)}};
    tn_op *c;

    for (int64_t i = 0; i < half; i++)
        list[i] = tn_number_real(tn_real_pow(theta, -(double)i / (double)half));
    c = tn_build_start(b, TN_OP_constant, NULL, 0);
    tn_op_set_type(c, TN_ATTR_constant_type, type);
    tn_op_set_numbers(c, TN_ATTR_constant_data, list, (int)half);
    return tn_build_finish(c);
}

/* (first + t)*freq[i] as [T,h] or [B,T,h], then with a 1 for the heads. */
static tn_value *
angles(tn_build *b, const tn_op *op, tn_value *freq, tn_size length, bool heads_last)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_value *first = op->in[TN_IN_rope_first];
    bool rows = first->type.rank == 1;
    tn_size zero = tn_size_int(s, 0);
    tn_value *t = tn_build_iota(b, zero, length, first->type.dtype);
    int64_t at = 1;
    tn_value *position;

    if (rows)
        first = tn_build_unsqueeze(b, first, &at, 1);
    position = tn_build_map2(b, TN_OP_add, first, t);
    position = tn_build_cast(b, position, freq->type.dtype);
    at = rows ? 2 : 1;
    position = tn_build_unsqueeze(b, position, &at, 1);
    position = tn_build_map2(b, TN_OP_mul, position, freq);
    if (!heads_last && !rows)
        return position;
    at = heads_last ? position->type.rank - 1 : 1;
    return tn_build_unsqueeze(b, position, &at, 1);
}

typedef struct pair {
    tn_value *p, *q;
} pair;

static tn_value *
part(tn_build *b, tn_value *x, int64_t start, int64_t size, int64_t step)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_op *op = tn_build_start(b, TN_OP_slice, &x, 1);
    int64_t axis = x->type.rank - 1;
    tn_size from = tn_size_int(s, start), count = tn_size_int(s, size);

    tn_op_set_ints(op, TN_ATTR_slice_axis, &axis, 1);
    tn_op_set_sizes(op, TN_ATTR_slice_start, &from, 1);
    tn_op_set_sizes(op, TN_ATTR_slice_size, &count, 1);
    tn_op_set_ints(op, TN_ATTR_slice_step, &step, 1);
    return tn_build_finish(op);
}

static pair
turn(tn_build *b, pair x, tn_value *angle)
{
    tn_value *c = tn_build_map1(b, TN_OP_cos, angle);
    tn_value *s = tn_build_map1(b, TN_OP_sin, angle);
    tn_value *pc = tn_build_map2(b, TN_OP_mul, x.p, c);
    tn_value *qs = tn_build_map2(b, TN_OP_mul, x.q, s);
    tn_value *qc = tn_build_map2(b, TN_OP_mul, x.q, c);
    tn_value *ps = tn_build_map2(b, TN_OP_mul, x.p, s);
    pair y;

    y.p = tn_build_map2(b, TN_OP_sub, pc, qs);
    y.q = tn_build_map2(b, TN_OP_add, qc, ps);
    return y;
}

/* p0 q0 p1 q1 .. */
static tn_value *
interleave(tn_build *b, pair y, tn_type like)
{
    int64_t at = y.p->type.rank;
    tn_value *both[2];
    tn_value *joined;

    both[0] = tn_build_unsqueeze(b, y.p, &at, 1);
    both[1] = tn_build_unsqueeze(b, y.q, &at, 1);
    joined = tn_build_concat(b, both, 2, (int)at);
    return tn_build_reshape(b, joined, like.dim, like.rank);
}

void
tn_expand_rope(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *f = tn_expand_wide(b, op->in[TN_IN_rope_x]);
    bool heads_last = strcmp(tn_op_text(op, TN_ATTR_rope_layout), "btnd") == 0;
    bool halves = strcmp(tn_op_text(op, TN_ATTR_rope_pairing), "half") == 0;
    int64_t width = 0, dims, h;
    tn_value *freq = op->in[TN_IN_rope_freq], *angle, *parts[3];
    tn_type turned = f->type;
    int count = 0;
    pair x, y;

    (void)tn_size_is_int(f->type.dim[3], &width);
    dims = tn_op_has(op, TN_ATTR_rope_dims) ? tn_op_int(op, TN_ATTR_rope_dims) : width;
    h = dims / 2;
    if (!freq)
        freq = frequencies(b, op, h, f->type.dtype);
    angle = angles(b, op, freq, f->type.dim[heads_last ? 1 : 2], heads_last);
    x.p = part(b, f, 0, h, halves ? 1 : 2);
    x.q = part(b, f, halves ? h : h > 0, h, halves ? 1 : 2);
    y = turn(b, x, angle);
    turned.dim[3] = tn_size_int(b->block->graph->sizes, dims);
    if (halves) {
        parts[count++] = y.p;
        parts[count++] = y.q;
    } else {
        parts[count++] = interleave(b, y, turned);
    }
    if (dims < width)
        parts[count++] = part(b, f, dims, width - dims, 1);
    f = count > 1 ? tn_build_concat(b, parts, count, 3) : parts[0];
    out[0] = tn_build_cast(b, f, op->out[0]->type.dtype);
}
