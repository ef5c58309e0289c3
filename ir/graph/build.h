/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_BUILD_H
#define TN_IR_GRAPH_BUILD_H

#include "ir/graph/graph.h"

/* Builders: one new op each, inferred at once, placed before `before` (NULL:
 * at the end of `block`), with `path` and `from` of what it stands for. They
 * return the first result. Operands must fit: a refusal by the shape rule is a
 * bug of the caller (assertion). At most one builder call among the arguments
 * of a call. */
typedef struct tn_build {
    tn_block *block;
    tn_op *before;
    const char *path, *from;
} tn_build;

/* Places new ops before `op`, under its path. */
tn_build tn_build_before(tn_op *op);

/* The general way: create, set attributes, finish. */
tn_op *tn_build_start(tn_build *b, tn_opcode code, tn_value *const *in, int in_count);
tn_value *tn_build_finish(tn_op *op);
/* The same operation on other operands (one for each of `op`, those of PLACE
 * attributes included), with names and origin of `op`; no bodies. */
tn_op *tn_build_copy(tn_build *b, const tn_op *op, tn_value *const *in);

/* Element-wise, broadcasting; no attributes. */
tn_value *tn_build_map1(tn_build *b, tn_opcode code, tn_value *x);
tn_value *tn_build_map2(tn_build *b, tn_opcode code, tn_value *x, tn_value *y);
tn_value *tn_build_map3(tn_build *b, tn_opcode code, tn_value *x, tn_value *y, tn_value *z);
/* `x` itself if it has the type. */
tn_value *tn_build_cast(tn_build *b, tn_value *x, tn_dtype to);
/* A literal scalar of type `dtype`. */
tn_value *tn_build_real(tn_build *b, tn_dtype dtype, double value);
tn_value *tn_build_int(tn_build *b, tn_dtype dtype, int64_t value);

tn_value *tn_build_reduce(tn_build *b, tn_opcode code, tn_value *x, const int64_t *axes, int count,
    bool keepdims);
/* TN_DTYPE_COUNT: that of x. */
tn_value *tn_build_contract(tn_build *b, tn_value *x, tn_value *y, const char *labels,
    tn_dtype dtype);
tn_value *tn_build_reshape(tn_build *b, tn_value *x, const tn_size *to, int rank);
tn_value *tn_build_broadcast(tn_build *b, tn_value *x, const tn_size *to, int rank);
tn_value *tn_build_transpose(tn_build *b, tn_value *x, const int64_t *perm);
tn_value *tn_build_unsqueeze(tn_build *b, tn_value *x, const int64_t *axes, int count);
tn_value *tn_build_squeeze(tn_build *b, tn_value *x, const int64_t *axes, int count);
tn_value *tn_build_slice(tn_build *b, tn_value *x, int axis, tn_size start, tn_size size);
tn_value *tn_build_index(tn_build *b, tn_value *x, int axis, tn_size at);
tn_value *tn_build_concat(tn_build *b, tn_value *const *in, int count, int axis);
tn_value *tn_build_iota(tn_build *b, tn_size start, tn_size size, tn_dtype dtype);
tn_value *tn_build_fill(tn_build *b, tn_type type, tn_number value);

/* A scan, its body open: carried values, slices, the index. The first
 * `carries` of `in` are carried, along axis `axis` of the others it runs;
 * `rounds` says how often if there are none, else it is NULL. */
tn_op *tn_build_scan(tn_build *b, tn_value *const *in, int in_count, int carries, int axis,
    bool reverse, const tn_size *rounds);

#endif
