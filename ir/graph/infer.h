/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_INFER_H
#define TN_IR_GRAPH_INFER_H

#include "ir/graph/graph.h"

/* What a shape rule works with. A rule reads operands and attributes, brings
 * attributes to their normal form (axes from 0, sorted where order says
 * nothing; one window number for each spatial axis) and appends the types of
 * the results. Before it runs, operands and attributes have been checked
 * against the row. */
typedef struct tn_infer {
    tn_op *op;
    const tn_op_info *info;
    tn_sizes *sizes;
    tn_arena *arena;
    tn_diag *diag;
    bool check_only; /* nothing but `out` changes: no facts, no messages */
    bool overflow;   /* a size overflowed on the way */
    TN_VEC(tn_type) out;
} tn_infer;

#define TN_OP(op, infer, ...) tn_status tn_infer_##infer(tn_infer *x) TN_MUST_USE;
#include "ir/graph/ops.def"

/* TN_MALFORMED at op->path + place (".attrs.axis", ".in.x", "" for the op,
 * whose name is then put before the text). */
tn_status tn_infer_fail(tn_infer *x, const char *place, const char *format, ...) TN_PRINTF(3, 4);
/* The same for an attribute by position. */
tn_status tn_infer_fail_attr(tn_infer *x, int attr, const char *format, ...) TN_PRINTF(3, 4);

/* Type of operand `index`; NULL if it is absent. */
const tn_type *tn_infer_in(const tn_infer *x, int index);
/* For messages: "f32[B,T]", "[B,T]", "T+1", the operand's name or role. */
const char *tn_infer_type_text(tn_infer *x, const tn_type *type);
const char *tn_infer_shape_text(tn_infer *x, const tn_type *type);
const char *tn_infer_size_text(tn_infer *x, tn_size size);
const char *tn_infer_name(tn_infer *x, int index);

/* Sizes; NULL in, NULL out, and `overflow` is noted. */
tn_size tn_infer_int(tn_infer *x, int64_t value);
tn_size tn_infer_add(tn_infer *x, tn_size a, tn_size b);
tn_size tn_infer_sub(tn_infer *x, tn_size a, tn_size b);
tn_size tn_infer_mul(tn_infer *x, tn_size a, tn_size b);
tn_size tn_infer_elements(tn_infer *x, const tn_type *type);
bool tn_infer_is_one(tn_size size);

/* left OP right must hold: nothing if it is proven, an error with the text if
 * it is known to be false, else a fact of the graph. */
tn_status tn_infer_need(tn_infer *x, const char *place, tn_fact_op op, tn_size left, tn_size right,
    const char *format, ...) TN_PRINTF(6, 7);
/* Two sizes that must be equal now; the text says what they are of. */
tn_status tn_infer_same(tn_infer *x, const char *place, tn_size a, tn_size b, const char *what);

/* An INT attribute as an axis of `rank`, made 0..rank-1. */
tn_status tn_infer_axis(tn_infer *x, int attr, int rank, int *out);
/* An INTS attribute as distinct axes of `rank`, made 0..rank-1 and sorted if
 * `sort`; mask[i] tells whether axis i is among them (may be NULL). */
tn_status tn_infer_axes(tn_infer *x, int attr, int rank, bool sort, bool mask[TN_MAX_RANK]);
/* Window numbers: one for each of `spatial` axes, at least `low`. */
tn_status tn_infer_spatial(tn_infer *x, int attr, int spatial, int64_t low);
/* Operand `index` has this rank; `shape` is how the message spells it. */
tn_status tn_infer_rank(tn_infer *x, int index, int rank, const char *shape);
/* Operand `index`, if present, is a vector of `size` elements. */
tn_status tn_infer_vector(tn_infer *x, int index, tn_size size);
/* A PLACE that is a size and below 0 as a number, made axis + number. */
void tn_infer_from_end(tn_infer *x, int attr, tn_size axis);
/* The size at a PLACE, or NULL if it is a value. */
tn_size tn_infer_place(const tn_infer *x, int attr);
/* ".attrs.NAME", ".in.NAME" in the arena. */
const char *tn_infer_attr_place(tn_infer *x, int attr);
const char *tn_infer_in_place(tn_infer *x, int index);

/* TN_LIMIT for a result of `rank` axes. */
tn_status tn_infer_too_deep(tn_infer *x, int rank);
/* Type of a product: `dtype` if given (checked to be `from` or a wider type of
 * its kind), else `from`; the attribute is set. */
tn_status tn_infer_product(tn_infer *x, int attr, tn_dtype from);
/* Labels of the op's operands, parsed; the size of each label. */
tn_status tn_infer_labels(tn_infer *x, int attr, bool contract, tn_label_map *map);
tn_status tn_infer_label_sizes(tn_infer *x, const tn_label_map *map, tn_size sizes[TN_MAX_LABELS]);
bool tn_infer_is(const tn_infer *x, int attr, const char *word);

tn_type tn_infer_without(const tn_type *type, int axis);
void tn_infer_give(tn_infer *x, tn_type type);
/* `type` with a dimension inserted at `axis`; false beyond TN_MAX_RANK. */
bool tn_infer_insert(tn_type *type, int axis, tn_size size);

#endif
