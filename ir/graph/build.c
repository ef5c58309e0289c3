/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/build.h"

#include <assert.h>

tn_build
tn_build_before(tn_op *op)
{
    return (tn_build){.block = op->block, .before = op, .path = op->path, .from = op->from};
}

tn_op *
tn_build_start(tn_build *b, tn_opcode code, tn_value *const *in, int in_count)
{
    tn_op *op = tn_op_create(b->block, b->before, code, in, in_count);

    op->path = b->path ? b->path : op->path;
    op->from = b->from;
    return op;
}

tn_value *
tn_build_finish(tn_op *op)
{
    tn_status status = tn_op_infer(op, NULL);

    assert(status == TN_OK && "a builder was given operands that do not fit");
    (void)status;
    return op->out_count ? op->out[0] : NULL;
}

tn_op *
tn_build_copy(tn_build *b, const tn_op *op, tn_value *const *in)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;
    tn_op *copy = tn_build_start(b, op->code, in, variadic ? op->in_count : info->in_count);

    assert(op->body_count == 0);
    for (int i = 0; i < info->attr_count; i++) {
        int place = op->attr[i].kind == TN_KIND_PLACE ? op->attr[i].operand : -1;

        if (place < 0)
            copy->attr[i] = op->attr[i];
        else
            tn_op_set_place(copy, i, in[place]);
    }
    copy->path = op->path;
    copy->from = op->from;
    (void)tn_build_finish(copy);
    for (int i = 0; i < op->out_count; i++)
        copy->out[i]->name = op->out[i]->name;
    return copy;
}

tn_value *
tn_build_map1(tn_build *b, tn_opcode code, tn_value *x)
{
    return tn_build_finish(tn_build_start(b, code, &x, 1));
}

tn_value *
tn_build_map2(tn_build *b, tn_opcode code, tn_value *x, tn_value *y)
{
    tn_value *in[] = {x, y};

    return tn_build_finish(tn_build_start(b, code, in, 2));
}

tn_value *
tn_build_map3(tn_build *b, tn_opcode code, tn_value *x, tn_value *y, tn_value *z)
{
    tn_value *in[] = {x, y, z};

    return tn_build_finish(tn_build_start(b, code, in, 3));
}

tn_value *
tn_build_cast(tn_build *b, tn_value *x, tn_dtype to)
{
    tn_op *op;

    if (x->type.dtype == to)
        return x;
    op = tn_build_start(b, TN_OP_cast, &x, 1);
    tn_op_set_dtype(op, TN_ATTR_cast_to, to);
    return tn_build_finish(op);
}

tn_value *
tn_build_real(tn_build *b, tn_dtype dtype, double value)
{
    return tn_graph_literal(b->block->graph, dtype, tn_number_real(value));
}

tn_value *
tn_build_int(tn_build *b, tn_dtype dtype, int64_t value)
{
    return tn_graph_literal(b->block->graph, dtype, tn_number_int(value));
}

tn_value *
tn_build_reduce(tn_build *b, tn_opcode code, tn_value *x, const int64_t *axes, int count,
    bool keepdims)
{
    tn_op *op = tn_build_start(b, code, &x, 1);
    int64_t keep = keepdims;

    tn_op_set_ints(op, tn_op_find_attr(code, "axes"), axes, count);
    tn_op_set_ints(op, tn_op_find_attr(code, "keepdims"), &keep, 1);
    return tn_build_finish(op);
}

tn_value *
tn_build_contract(tn_build *b, tn_value *x, tn_value *y, const char *labels, tn_dtype dtype)
{
    tn_value *in[] = {x, y};
    tn_op *op = tn_build_start(b, TN_OP_contract, in, 2);

    tn_op_set_text(op, TN_ATTR_contract_labels, labels);
    if (dtype != TN_DTYPE_COUNT)
        tn_op_set_dtype(op, TN_ATTR_contract_dtype, dtype);
    return tn_build_finish(op);
}

tn_value *
tn_build_reshape(tn_build *b, tn_value *x, const tn_size *to, int rank)
{
    tn_op *op = tn_build_start(b, TN_OP_reshape, &x, 1);

    tn_op_set_sizes(op, TN_ATTR_reshape_to, to, rank);
    return tn_build_finish(op);
}

tn_value *
tn_build_broadcast(tn_build *b, tn_value *x, const tn_size *to, int rank)
{
    tn_op *op = tn_build_start(b, TN_OP_broadcast, &x, 1);

    tn_op_set_sizes(op, TN_ATTR_broadcast_to, to, rank);
    return tn_build_finish(op);
}

tn_value *
tn_build_transpose(tn_build *b, tn_value *x, const int64_t *perm)
{
    tn_op *op = tn_build_start(b, TN_OP_transpose, &x, 1);

    tn_op_set_ints(op, TN_ATTR_transpose_perm, perm, x->type.rank);
    return tn_build_finish(op);
}

tn_value *
tn_build_unsqueeze(tn_build *b, tn_value *x, const int64_t *axes, int count)
{
    tn_op *op = tn_build_start(b, TN_OP_unsqueeze, &x, 1);

    tn_op_set_ints(op, TN_ATTR_unsqueeze_axes, axes, count);
    return tn_build_finish(op);
}

tn_value *
tn_build_squeeze(tn_build *b, tn_value *x, const int64_t *axes, int count)
{
    tn_op *op = tn_build_start(b, TN_OP_squeeze, &x, 1);

    tn_op_set_ints(op, TN_ATTR_squeeze_axes, axes, count);
    return tn_build_finish(op);
}

tn_value *
tn_build_slice(tn_build *b, tn_value *x, int axis, tn_size start, tn_size size)
{
    tn_op *op = tn_build_start(b, TN_OP_slice, &x, 1);
    int64_t along = axis;

    tn_op_set_ints(op, TN_ATTR_slice_axis, &along, 1);
    tn_op_set_sizes(op, TN_ATTR_slice_start, &start, 1);
    tn_op_set_sizes(op, TN_ATTR_slice_size, &size, 1);
    return tn_build_finish(op);
}

tn_value *
tn_build_index(tn_build *b, tn_value *x, int axis, tn_size at)
{
    tn_op *op = tn_build_start(b, TN_OP_index, &x, 1);
    int64_t along = axis;

    tn_op_set_ints(op, TN_ATTR_index_axis, &along, 1);
    tn_op_set_sizes(op, TN_ATTR_index_at, &at, 1);
    return tn_build_finish(op);
}

tn_value *
tn_build_concat(tn_build *b, tn_value *const *in, int count, int axis)
{
    tn_op *op = tn_build_start(b, TN_OP_concat, in, count);
    int64_t along = axis;

    tn_op_set_ints(op, TN_ATTR_concat_axis, &along, 1);
    return tn_build_finish(op);
}

tn_value *
tn_build_iota(tn_build *b, tn_size start, tn_size size, tn_dtype dtype)
{
    tn_op *op = tn_build_start(b, TN_OP_iota, NULL, 0);

    tn_op_set_sizes(op, TN_ATTR_iota_start, &start, 1);
    tn_op_set_sizes(op, TN_ATTR_iota_size, &size, 1);
    tn_op_set_dtype(op, TN_ATTR_iota_dtype, dtype);
    return tn_build_finish(op);
}

tn_value *
tn_build_fill(tn_build *b, tn_type type, tn_number value)
{
    tn_op *op = tn_build_start(b, TN_OP_fill, NULL, 0);

    tn_op_set_type(op, TN_ATTR_fill_type, type);
    tn_op_set_number(op, TN_ATTR_fill_value, value);
    return tn_build_finish(op);
}

tn_op *
tn_build_scan(tn_build *b, tn_value *const *in, int in_count, int carries, int axis, bool reverse,
    const tn_size *rounds)
{
    tn_op *scan = tn_build_start(b, TN_OP_scan, in, in_count);
    int64_t count = carries, along = axis, backward = reverse;
    tn_status status;

    tn_op_set_ints(scan, TN_ATTR_scan_carries, &count, 1);
    tn_op_set_ints(scan, TN_ATTR_scan_axis, &along, 1);
    tn_op_set_ints(scan, TN_ATTR_scan_reverse, &backward, 1);
    if (rounds)
        tn_op_set_sizes(scan, TN_ATTR_scan_count, rounds, 1);
    status = tn_op_open_bodies(scan, NULL);
    assert(status == TN_OK);
    (void)status;
    return scan;
}
