/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/whole.h"

#include <string.h>

enum { CHOSEN_LIMIT = 64 };

static bool
fits_route(const tn_op *op)
{
    int64_t k = tn_op_int(op, TN_ATTR_route_k);

    return op->in[0]->type.dtype != TN_F64 && k >= 1 && k <= CHOSEN_LIMIT;
}

static bool
fits_moe(const tn_op *op)
{
    const tn_type *ids = &op->in[TN_IN_moe_ids]->type;
    int64_t slots;

    return op->in[TN_IN_moe_x]->type.dtype != TN_F64 &&
        tn_size_is_int(ids->dim[ids->rank - 1], &slots) && slots >= 1 && slots <= CHOSEN_LIMIT &&
        strcmp(tn_op_text(op, TN_ATTR_moe_activation), "none") == 0;
}

bool
tn_is_whole(const tn_op *op, tn_pass_set with)
{
    if (op->block != op->graph->block)
        return false;
    switch (op->code) {
    case TN_OP_route: return with & tn_pass_bit("route") && fits_route(op);
    case TN_OP_moe: return with & tn_pass_bit("moe") && fits_moe(op);
    default: return false;
    }
}
