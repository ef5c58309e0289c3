/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_EXPAND_IN_H
#define TN_IR_GRAPH_EXPAND_IN_H

#include "ir/graph/expand.h"

/* One function for each row that expands: `out` takes a value for each result.
 * A row without one does not link. */
#define TN_EXPAND_map(op)
#define TN_EXPAND_contract(op)
#define TN_EXPAND_reduce(op)
#define TN_EXPAND_order(op)
#define TN_EXPAND_view(op)
#define TN_EXPAND_gather(op)
#define TN_EXPAND_write(op)
#define TN_EXPAND_make(op)
#define TN_EXPAND_scan(op)
#define TN_EXPAND_flat(op)
#define TN_EXPAND_deal(op)
#define TN_EXPAND_refuse(op)
#define TN_EXPAND_expand(op) void tn_expand_##op(tn_build *b, const tn_op *op, tn_value **out);
#define TN_OP(op, infer, lower, ...) TN_EXPAND_##lower(op)
#include "ir/graph/ops.def"
#undef TN_EXPAND_expand

/* contract with an activation, which is rounded first. */
void tn_expand_contract_q8(tn_build *b, const tn_op *op, tn_value **out);

/* x cast to f32 if it is f16 or bf16. */
tn_value *tn_expand_wide(tn_build *b, tn_value *x);
/* The number of an attribute, as a literal of `dtype`. */
tn_value *tn_expand_number(tn_build *b, const tn_op *op, int attr, tn_dtype dtype);
/* Reduction over one axis that stays with size 1. */
tn_value *tn_expand_over(tn_build *b, tn_opcode code, tn_value *x, int axis);
/* A size as a number: symbols stay symbols. */
tn_number tn_expand_size(tn_build *b, tn_size size);

#endif
