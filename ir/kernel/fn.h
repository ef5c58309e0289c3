/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_FN_H
#define TN_IR_KERNEL_FN_H

#include <stdbool.h>
#include <stddef.h>

/* Scalar functions, from fns.def. */
typedef enum tn_fn {
#define TN_FN(name, ...) TN_FN_##name,
#include "ir/kernel/fns.def"
    TN_FN_COUNT
} tn_fn;

typedef enum tn_fn_rule {
    TN_RULE_SAME,
    TN_RULE_FLOAT,
    TN_RULE_INT,
    TN_RULE_LOGIC,
    TN_RULE_TEST,
    TN_RULE_SELECT,
    TN_RULE_CAST,
    TN_RULE_BITS,
} tn_fn_rule;

typedef struct tn_fn_info {
    const char *name;
    const char *graph; /* "_" if no graph op has this meaning */
    int arity;
    tn_fn_rule rule;
    int cost;
    bool native;
    const char *doc;
} tn_fn_info;

const tn_fn_info *tn_fn_info_of(tn_fn fn);
/* TN_FN_COUNT if there is none. */
tn_fn tn_fn_find(const char *name, size_t length);
tn_fn tn_fn_of_graph_op(const char *op);

#endif
