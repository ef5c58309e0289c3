/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_DIMS_H
#define TN_PASSES_DIMS_H

#include "ir/graph/graph.h"

/* Which function of passes/lower makes an op (the `lower` column of ops.def). */
typedef enum tn_lower_kind {
    TN_LOWER_map,
    TN_LOWER_contract,
    TN_LOWER_reduce,
    TN_LOWER_order,
    TN_LOWER_view,
    TN_LOWER_gather,
    TN_LOWER_write,
    TN_LOWER_make,
    TN_LOWER_scan,
    TN_LOWER_flat,
    TN_LOWER_deal,
    TN_LOWER_expand,
    TN_LOWER_refuse,
} tn_lower_kind;

tn_lower_kind tn_lower_kind_of(tn_opcode code);

/* Operations about one element, as fns.def counts; views 0. */
int tn_op_cost(const tn_op *op);

/* A view that only renames, drops or repeats axes: unsqueeze, squeeze,
 * transpose, broadcast. */
bool tn_op_keeps_places(const tn_op *op);
/* A view whose result is not worth memory: all but concat and pad. */
bool tn_op_is_free_view(const tn_op *op);

/* How operand `in` lies on the result: to[i] is the dimension of the result
 * that runs with dimension i of the operand, -1 if there is none (it is
 * reduced, indexed, or of size 1 and stretched). False if elements move along
 * an axis in a way that no list tells (slice, concat, gather's x): then all
 * are -1. */
bool tn_op_dims(const tn_op *op, int in, int8_t to[TN_MAX_RANK]);

/* Dimensions of operand 0 that a reducing op goes along, as bits. */
unsigned tn_op_reduced(const tn_op *op);
/* True for a size of 1. */
bool tn_size_is_one(tn_size size);

#endif
