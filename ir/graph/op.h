/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_OP_H
#define TN_IR_GRAPH_OP_H

#include "ir/number.h"
#include "ir/type.h"

/* Graph operations, from ops.def. */
typedef enum tn_opcode {
#define TN_OP(op, ...) TN_OP_##op,
#include "ir/graph/ops.def"
    TN_OP_COUNT
} tn_opcode;

/* Position of an operand and of an attribute in its row:
 * TN_IN_linear_bias, TN_ATTR_softmax_axis. */
/* clang-format off */
#define TN_OP(op, ...) enum {
#define TN_IN(op, name, ...) TN_IN_##op##_##name,
#define TN_END(op) TN_IN_COUNT_##op };
#include "ir/graph/ops.def"
#define TN_OP(op, ...) enum {
#define TN_ATTR(op, kind, name, ...) TN_ATTR_##op##_##name,
#define TN_END(op) TN_ATTR_COUNT_##op };
#include "ir/graph/ops.def"
/* clang-format on */

typedef enum tn_attr_kind {
    TN_KIND_INT,     /* one whole number: `ints`[0] */
    /* Whole numbers, an axis list, window numbers; one number stands for all
     * spatial axes. */
    TN_KIND_INTS,
    /* `ints`: one number for all, or before, after of each spatial axis, flat. */
    TN_KIND_PADS,
    TN_KIND_BOOL,    /* ints[0] */
    TN_KIND_DTYPE,   /* `dtype` */
    TN_KIND_CHOICE,  /* one of the words of the row's `options`: `text` */
    TN_KIND_LABELS,  /* "bthd,bshd->bhts": `text` */
    TN_KIND_TEXT,    /* any text: `text` */
    TN_KIND_REAL,    /* a number known when the file is read: `numbers`[0] */
    TN_KIND_NUMBER,  /* a number, perhaps over symbols: `numbers`[0] */
    TN_KIND_NUMBERS, /* nested lists of numbers, flat: `numbers` */
    TN_KIND_SIZE,    /* `sizes`[0] */
    TN_KIND_SIZES,   /* `sizes` */
    TN_KIND_SHAPE,   /* "[B,T,N,D]": `sizes` */
    TN_KIND_TYPE,    /* "f32[M,H]": `type` */
    TN_KIND_PLACE,   /* an offset: `sizes`[0], or operand number `operand` */
} tn_attr_kind;

typedef struct tn_attr {
    tn_attr_kind kind;
    bool given; /* false: `has_value` tells whether the row has a fallback */
    bool has_value;
    int count;
    int64_t *ints;
    tn_size *sizes;
    tn_number *numbers;
    const char *text;
    tn_dtype dtype;
    tn_type type;
    int operand; /* PLACE: position in tn_op.in of the value, -1: a size */
} tn_attr;

enum tn_op_flags {
    TN_FLAG_PURE = 0,
    TN_FLAG_COMPOSITE = 1, /* is its decomposition (expand.c) */
    TN_FLAG_VARIADIC = 2,  /* its last operand may repeat */
    TN_FLAG_LABELS = 4,    /* element-wise with optional `labels` */
    /* Element-wise: fn of that graph name in fns.def, or a composite of such. */
    TN_FLAG_MAP = 8,
    TN_FLAG_VIEW = 16,     /* moves elements only */
    TN_FLAG_CONTROL = 32,  /* has bodies */
};

/* Bit of tn_in_info.classes: the operand's type is not tied to those of the
 * others. Operands without it have one element type. */
enum { TN_CLASS_OWN = 1 << 16 };

typedef struct tn_in_info {
    const char *name;
    unsigned classes; /* TN_CLASS_*, or bits 1 << dtype; TN_CLASS_OWN */
    bool optional;
    const char *doc;
} tn_in_info;

typedef struct tn_attr_info {
    const char *name;
    tn_attr_kind kind;
    const char *fallback; /* as it would be written; "" optional without a
                             value; "!" required */
    const char *options;  /* CHOICE: "none tanh" */
    const char *doc;
} tn_attr_info;

typedef struct tn_op_info {
    const char *name;
    unsigned flags;
    int outs; /* -1: depends on attributes */
    const char *doc;
    int in_count, attr_count;
    const tn_in_info *in;
    const tn_attr_info *attr;
} tn_op_info;

const tn_op_info *tn_op_info_of(tn_opcode code);
/* Operand `index` of an op: its row's entry, the last one for the tail of a
 * variadic list. */
const tn_in_info *tn_op_in_info(tn_opcode code, int index);
tn_opcode tn_op_find(const char *name); /* TN_OP_COUNT: none */
int tn_op_find_in(tn_opcode code, const char *name);   /* -1: none */
int tn_op_find_attr(tn_opcode code, const char *name); /* -1: none */

#endif
