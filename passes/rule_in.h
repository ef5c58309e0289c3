/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_RULE_IN_H
#define TN_PASSES_RULE_IN_H

#include "passes/rule.h"

/* Rules from inside: text to trees (rule_read.c), matching (rule_match.c),
 * tests (rule_test.c), replacements (rule_make.c), the passes (rules.c). */
enum {
    TN_RULE_VALUES = 12, /* names of values in one row */
    TN_RULE_ATTRS = 8,   /* and of attributes */
    TN_RULE_INS = 4,
    TN_RULE_SETS = 4,
    TN_RULE_TESTS = 8,
    TN_RULE_ARGS = 3,
    TN_RULE_NODES = 32, /* of a tree */
};

/* What a test or a function of a row is given: a value, an attribute or a
 * number. */
typedef struct tn_form_arg {
    enum { TN_ARG_VALUE, TN_ARG_ATTR, TN_ARG_NUMBER } kind;
    int at; /* number of the name */
    double number;
} tn_form_arg;

typedef struct tn_form_call {
    int function; /* of the table of its kind */
    bool negated;
    int arg_count;
    tn_form_arg arg[TN_RULE_ARGS];
} tn_form_call;

/* An attribute of a pattern (what it must be) or a replacement. */
typedef struct tn_form_set {
    int attr; /* position in the row of ops.def */
    enum { TN_SET_NAMED, TN_SET_WORD, TN_SET_INTS, TN_SET_CALL } kind;
    int named;
    const char *word;
    int64_t ints[4];
    int count;
    tn_form_call call;
} tn_form_set;

typedef struct tn_form {
    enum { TN_FORM_OP, TN_FORM_VALUE, TN_FORM_NUMBER, TN_FORM_TRUTH, TN_FORM_CALL } kind;
    int name; /* number of its name, -1: none */
    tn_opcode code;
    int in_count;
    const struct tn_form *in[TN_RULE_INS];
    int set_count;
    tn_form_set set[TN_RULE_SETS];
    double number; /* NUMBER, TRUTH */
    tn_form_call call; /* a number made from numbers */
} tn_form;

struct tn_form_rule {
    const tn_rule *row;
    const tn_form *from, *to;
    int test_count;
    tn_form_call test[TN_RULE_TESTS];
    int values, attrs;
    int made; /* names from this one on are given in the replacement */
    const char *value_name[TN_RULE_VALUES];
    const char *attr_name[TN_RULE_ATTRS];
};

typedef struct tn_match {
    const tn_form_rule *rule;
    tn_op *root;
    tn_value *value[TN_RULE_VALUES];
    const tn_attr *attr[TN_RULE_ATTRS];
    const tn_rule_test_info **failed;
} tn_match;

/* ---- rule_match.c ---- */

bool tn_match_at(const tn_form_rule *rule, tn_op *op, tn_match *m,
    const tn_rule_test_info **failed);
/* The number that every element of `v` is: a literal, or a tensor of one
 * number however it was made. */
bool tn_uniform(const tn_value *v, double *number);

/* ---- rule_test.c ---- */

int tn_rule_test_find(const char *name, size_t length); /* -1: none */
/* What the test says, not negated. */
bool tn_rule_test(const tn_match *m, const tn_form_call *call);

/* ---- rule_make.c ---- */

/* Numbers (`@name(c)`) and attributes (`{to=name(x)}`) that are computed. */
int tn_rule_number_find(const char *name, size_t length);
int tn_rule_set_find(const char *name, size_t length);
/* The replacement, built before the root; NULL, and nothing changed, if it
 * does not fit there. */
tn_value *tn_rule_make(tn_match *m);

#endif
