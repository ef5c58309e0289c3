/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/dims.h"

#include <string.h>

#include "ir/kernel/fn.h"

tn_lower_kind
tn_lower_kind_of(tn_opcode code)
{
    static const uint8_t kinds[TN_OP_COUNT] = {
#define TN_OP(op, infer, lower, ...) [TN_OP_##op] = TN_LOWER_##lower,
#include "ir/graph/ops.def"
    };

    return (tn_lower_kind)kinds[code];
}

bool
tn_size_is_one(tn_size size)
{
    int64_t value;

    return tn_size_is_int(size, &value) && value == 1;
}

int
tn_op_cost(const tn_op *op)
{
    tn_fn fn;

    if (tn_lower_kind_of(op->code) == TN_LOWER_view)
        return op->code == TN_OP_concat || op->code == TN_OP_pad ? 3 : 0;
    if (op->code == TN_OP_iota || op->code == TN_OP_fill)
        return 0;
    fn = tn_fn_of_graph_op(tn_op_info_of(op->code)->name);
    return fn == TN_FN_COUNT ? 2 : tn_fn_info_of(fn)->cost;
}

bool
tn_op_keeps_places(const tn_op *op)
{
    return op->code == TN_OP_unsqueeze || op->code == TN_OP_squeeze ||
        op->code == TN_OP_transpose || op->code == TN_OP_broadcast;
}

bool
tn_op_is_free_view(const tn_op *op)
{
    return tn_lower_kind_of(op->code) == TN_LOWER_view && op->code != TN_OP_concat &&
        op->code != TN_OP_pad;
}

static bool
in_list(const tn_attr *list, int dim)
{
    for (int i = 0; i < list->count; i++)
        if (list->ints[i] == dim)
            return true;
    return false;
}

unsigned
tn_op_reduced(const tn_op *op)
{
    int axes = tn_op_find_attr(op->code, "axes"), axis = tn_op_find_attr(op->code, "axis");
    unsigned mask = 0;

    if (axes >= 0)
        for (int i = 0; i < op->attr[axes].count; i++)
            mask |= 1u << op->attr[axes].ints[i];
    else if (axis >= 0)
        mask = 1u << op->attr[axis].ints[0];
    return mask;
}

/* ---- how operands lie on results ---- */

static void
dims_by_labels(const tn_op *op, int in, int labels_attr, int8_t *to)
{
    const char *labels = op->attr[labels_attr].has_value ? op->attr[labels_attr].text : NULL;
    bool contract = op->code == TN_OP_contract;
    int ranks[3] = {0};
    tn_label_map map;

    for (int i = 0; i < op->in_count && i < 3; i++)
        ranks[i] = op->in[i]->type.rank;
    if (!tn_labels_parse(labels, op->in_count, ranks, contract, &map, NULL))
        return;
    for (int i = 0; i < map.rank[in]; i++)
        for (int k = 0; k < map.out_rank; k++)
            if (map.out[k] == map.axis[in][i] && (!tn_size_is_one(op->in[in]->type.dim[i])))
                to[i] = (int8_t)k;
}

static void
dims_of_map(const tn_op *op, int in, int8_t *to)
{
    int labels = tn_op_find_attr(op->code, "labels");

    if (labels >= 0) {
        dims_by_labels(op, in, labels, to);
        return;
    }
    for (int i = 0; i < op->in[in]->type.rank; i++)
        to[i] = (int8_t)i;
}

static void
dims_of_reduce(const tn_op *op, int8_t *to)
{
    unsigned mask = tn_op_reduced(op);
    bool keep = op->out[0]->type.rank == op->in[0]->type.rank;
    int8_t k = 0;

    for (int i = 0; i < op->in[0]->type.rank; i++) {
        bool reduced = mask >> i & 1;

        to[i] = reduced ? -1 : k;
        k += (int8_t)(keep || !reduced);
    }
}

static void
dims_of_running(const tn_op *op, int8_t *to)
{
    int axis = (int)tn_op_int(op, tn_op_find_attr(op->code, "axis"));

    for (int i = 0; i < op->in[0]->type.rank; i++)
        to[i] = (int8_t)(op->code == TN_OP_top_k && i == axis ? -1 : i);
}

static void
dims_of_view(const tn_op *op, int8_t *to)
{
    int rank = op->in[0]->type.rank;
    int8_t k = 0;

    switch (op->code) {
    case TN_OP_transpose:
        for (int i = 0; i < rank; i++)
            to[op->attr[TN_ATTR_transpose_perm].ints[i]] = (int8_t)i;
        break;
    case TN_OP_unsqueeze:
        for (int i = 0; i < rank; i++) {
            while (in_list(&op->attr[TN_ATTR_unsqueeze_axes], k))
                k++;
            to[i] = k++;
        }
        break;
    case TN_OP_squeeze:
        for (int i = 0; i < rank; i++)
            to[i] = in_list(&op->attr[TN_ATTR_squeeze_axes], i) ? -1 : k++;
        break;
    default: /* broadcast: at the last axes */
        for (int i = 0; i < rank; i++)
            to[i] =
                (int8_t)(tn_size_is_one(op->in[0]->type.dim[i]) ? -1
                                                                : op->out[0]->type.rank - rank + i);
        break;
    }
}

/* indices of gather: x[:axis] + indices[batch_dims:] + x[axis+1:] */
static void
dims_of_indices(const tn_op *op, int8_t *to)
{
    int axis = (int)tn_op_int(op, TN_ATTR_gather_axis);
    int batch = (int)tn_op_int(op, TN_ATTR_gather_batch_dims);

    for (int i = 0; i < op->in[1]->type.rank; i++)
        to[i] = (int8_t)(i < batch ? i : axis + i - batch);
}

bool
tn_op_dims(const tn_op *op, int in, int8_t to[TN_MAX_RANK])
{
    memset(to, -1, TN_MAX_RANK);
    switch (tn_lower_kind_of(op->code)) {
    case TN_LOWER_map: dims_of_map(op, in, to); return true;
    case TN_LOWER_contract: dims_by_labels(op, in, TN_ATTR_contract_labels, to); return true;
    case TN_LOWER_reduce: dims_of_reduce(op, to); return true;
    case TN_LOWER_order:
        if (op->code == TN_OP_arg_max || op->code == TN_OP_arg_min)
            dims_of_reduce(op, to);
        else
            dims_of_running(op, to);
        return true;
    case TN_LOWER_view:
        if (!tn_op_keeps_places(op))
            return false;
        dims_of_view(op, to);
        return true;
    case TN_LOWER_gather:
        if (in != 1 || op->code != TN_OP_gather)
            return false;
        dims_of_indices(op, to);
        return true;
    default: return false;
    }
}
