/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/op.h"

#include <string.h>

/* The words of the table. */
enum {
    F = TN_CLASS_FLOAT,
    I = TN_CLASS_INT,
    N = TN_CLASS_NUMBER,
    A = TN_CLASS_ANY,
    B = TN_CLASS_BOOL | TN_CLASS_OWN,
    X = TN_CLASS_INDEX | TN_CLASS_OWN,
    BOOL = TN_CLASS_BOOL,
    SIGNED = TN_CLASS_SIGNED,
    OWN = TN_CLASS_OWN,
    i32 = 1 << TN_I32 | TN_CLASS_OWN,
    i64 = 1 << TN_I64 | TN_CLASS_OWN,
    REQUIRED = 0,
    OPTIONAL = 1,
    PURE = TN_FLAG_PURE,
    COMPOSITE = TN_FLAG_COMPOSITE,
    VARIADIC = TN_FLAG_VARIADIC,
    LABELS = TN_FLAG_LABELS,
    MAP = TN_FLAG_MAP,
    VIEW = TN_FLAG_VIEW,
    CONTROL = TN_FLAG_CONTROL,
};

/* Flat, with offsets counted by enums: rows repeat their op's name. */
static const tn_in_info ins[] = {
#define TN_IN(op, name, classes, need, doc) {#name, (unsigned)(classes), (need) == OPTIONAL, doc},
#include "ir/graph/ops.def"
    {NULL, 0, false, NULL},
};

static const tn_attr_info attrs[] = {
#define TN_ATTR(op, kind, name, fallback, options, doc) \
    {#name, TN_KIND_##kind, fallback, options, doc},
#include "ir/graph/ops.def"
    {NULL, TN_KIND_INT, NULL, NULL, NULL},
};

/* Where an op's entries begin: each entry counts one, TN_OP itself none. */
enum {
#define TN_OP(op, ...) IN_OF_##op, IN_BACK_##op = IN_OF_##op - 1,
#define TN_IN(op, name, ...) IN_AT_##op##_##name,
#include "ir/graph/ops.def"
};
enum {
#define TN_OP(op, ...) ATTR_OF_##op, ATTR_BACK_##op = ATTR_OF_##op - 1,
#define TN_ATTR(op, kind, name, ...) ATTR_AT_##op##_##name,
#include "ir/graph/ops.def"
};

static const tn_op_info infos[TN_OP_COUNT] = {
#define TN_OP(op, infer, lower, outs, flags, doc)                                            \
    [TN_OP_##op] = {#op, (unsigned)(flags), outs, doc, TN_IN_COUNT_##op, TN_ATTR_COUNT_##op, \
        &ins[IN_OF_##op], &attrs[ATTR_OF_##op]},
#include "ir/graph/ops.def"
};

const tn_op_info *
tn_op_info_of(tn_opcode code)
{
    return &infos[code];
}

const tn_in_info *
tn_op_in_info(tn_opcode code, int index)
{
    const tn_op_info *info = &infos[code];

    if (index >= info->in_count && (info->flags & TN_FLAG_VARIADIC))
        index = info->in_count - 1;
    return index < info->in_count ? &info->in[index] : NULL;
}

tn_opcode
tn_op_find(const char *name)
{
    int code = 0;

    while (code < TN_OP_COUNT && strcmp(infos[code].name, name) != 0)
        code++;
    return (tn_opcode)code;
}

int
tn_op_find_in(tn_opcode code, const char *name)
{
    const tn_op_info *info = &infos[code];

    for (int i = 0; i < info->in_count; i++)
        if (strcmp(info->in[i].name, name) == 0)
            return i;
    return -1;
}

int
tn_op_find_attr(tn_opcode code, const char *name)
{
    const tn_op_info *info = &infos[code];

    for (int i = 0; i < info->attr_count; i++)
        if (strcmp(info->attr[i].name, name) == 0)
            return i;
    return -1;
}
