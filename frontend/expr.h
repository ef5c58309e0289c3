/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_EXPR_H
#define TN_FRONTEND_EXPR_H

#include "frontend/json.h"
#include "ir/number.h"
#include "ir/type.h"

/* Expressions of graph files: the grammar of params, dimensions, attributes
 * and formulas. Parsed once to postfix code, evaluated as often as an
 * expansion wants. */

enum { TN_EXPR_MAX_DEPTH = 100 };

typedef enum tn_expr_op {
    TN_X_NUMBER, /* `number` */
    TN_X_NAME,   /* `name` */
    TN_X_CALL,   /* `name` of `count` arguments */
    TN_X_NEG,
    TN_X_NOT,
    TN_X_ADD,
    TN_X_SUB,
    TN_X_MUL,
    TN_X_DIV,
    TN_X_MOD,
    TN_X_POW,
    TN_X_EQ,
    TN_X_NE,
    TN_X_LT,
    TN_X_LE,
    TN_X_GT,
    TN_X_GE,
    TN_X_AND,
    TN_X_OR,
    /* condition BRANCH then ELSE otherwise JOIN; `jump` leads from BRANCH
     * behind its ELSE, from ELSE to its JOIN. */
    TN_X_BRANCH,
    TN_X_ELSE,
    TN_X_JOIN,
} tn_expr_op;

typedef struct tn_expr_step {
    tn_expr_op op;
    int column; /* where it stands in the text, from 0 */
    int count;
    int jump;
    bool quoted; /* a name between backquotes: never a constant */
    const char *name;
    tn_number number;
} tn_expr_step;

typedef struct tn_expr {
    const char *text;
    tn_expr_step *steps;
    int count;
} tn_expr;

/* Where a text stands: `shift` characters into the string `at`. */
typedef struct tn_place {
    const tn_json_doc *doc;
    const tn_json *at;
    int shift;
    const char *more; /* goes on behind the path of `at`; or NULL */
} tn_place;

/* Message at column `column` of the text, and `status`. */
tn_status tn_place_fail(const tn_place *place, tn_status status, int column, const char *format,
    ...) TN_PRINTF(4, 5);

/* The whole of `text` (length bytes); errors TN_MALFORMED, TN_LIMIT. */
tn_status tn_expr_parse(const tn_place *place, const char *text, size_t length, tn_expr **out)
    TN_MUST_USE;

/* What an expression, or a part of one, is. */
typedef enum tn_known_kind {
    TN_KNOWN_NUMBER, /* `number`; for SYMBOLIC see below */
    TN_KNOWN_DTYPE,  /* `dtype` */
    TN_KNOWN_VALUE,  /* `value`: something that only a run knows */
} tn_known_kind;

/* A number over symbols is its polynomial `size` as long as it has one (its
 * `number.code` is then not built); else `number.code`, `depth` values deep. */
typedef struct tn_known {
    tn_known_kind kind;
    tn_number number;
    tn_size size;
    bool truth; /* SYMBOLIC: true or false, not a number */
    int depth;
    tn_dtype dtype;
    void *value;
    const char *name; /* of a value, for messages */
} tn_known;

tn_known tn_known_int(int64_t value);
tn_known tn_known_real(double value);
tn_known tn_known_truth(bool truth);
tn_known tn_known_dtype(tn_dtype dtype);
tn_known tn_known_size(tn_size size);
/* The number of a JSON number or of decimal text: an exact fraction if it
 * fits, else a double. */
tn_number tn_number_read(const char *text);
/* True for true and false, known or not. */
bool tn_known_is_truth(const tn_known *k);

typedef struct tn_scope_ops {
    void *self;
    tn_arena *arena;
    tn_sizes *sizes; /* NULL: no symbols here */
    /* False if the name is unknown. */
    bool (*find)(void *self, const char *name, tn_known *out);
    /* `; did you mean "x"?`, or "". */
    const char *(*meant)(void *self, const char *name);
    /* An op on values: `op` is the name of a row. NULL: values are refused.
     * It reports its errors. */
    tn_status (*apply)(void *self, const tn_place *place, int column, const char *op,
        const tn_known *arg, int count, tn_known *out);
} tn_scope_ops;

tn_status tn_expr_eval(const tn_expr *e, const tn_place *place, const tn_scope_ops *scope,
    tn_known *out) TN_MUST_USE;

/* Arithmetic on numbers and symbols; `op` from ADD to OR, NEG and NOT (b
 * unused). NULL, or why not. */
const char *tn_known_apply(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a,
    const tn_known *b, tn_known *out);
/* A function of part 3 of the format. NULL, or why not. */
const char *tn_known_call(const tn_scope_ops *scope, const char *name, const tn_known *arg,
    int count, tn_known *out);
/* c ? a : b of numbers, c over symbols. */
const char *tn_known_select(const tn_scope_ops *scope, const tn_known *c, const tn_known *a,
    const tn_known *b, tn_known *out);
/* The number as a run will want it: code is built from a size. */
tn_number tn_known_number(tn_arena *arena, const tn_known *k);
/* The size of a number or symbol expression; NULL if it is none (broken
 * fractions are sizes too). */
tn_size tn_known_as_size(tn_sizes *sizes, const tn_known *k);
/* "T+1", "0.5", "true", "bf16" */
const char *tn_known_text(tn_arena *arena, const tn_sizes *sizes, const tn_known *k);

#endif
