/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_NUMBER_H
#define TN_IR_NUMBER_H

#include "ir/size.h"

/* A number of a graph file: exact as long as it can be (rational), a double
 * else, or an expression over symbols that is evaluated when a run binds
 * them, in double, and rounded once to the type it meets. */
typedef enum tn_number_kind {
    TN_NUMBER_RATIONAL, /* num / den, den > 0, lowest terms */
    TN_NUMBER_REAL,     /* a double; infinities and NaN too */
    TN_NUMBER_BOOL,     /* num 0 or 1 */
    TN_NUMBER_SYMBOLIC, /* code over symbols */
} tn_number_kind;

typedef struct tn_number {
    tn_number_kind kind;
    int64_t num, den;
    double real; /* the value rounded to double, unless SYMBOLIC */
    tn_formula code;
} tn_number;

tn_number tn_number_int(int64_t value);
tn_number tn_number_real(double value);
/* True for a whole rational that fits; its value. */
bool tn_number_is_int(const tn_number *n, int64_t *value);

/* SYMBOLIC code is postfix: the opcodes of tn_formula_op on whole numbers are
 * not used; these are, on doubles. REAL is followed by an f64, SYMBOL by a
 * u16. Comparisons give 1 or 0. */
/* clang-format off */
typedef enum tn_number_op {
    TN_NOP_REAL, TN_NOP_SYMBOL,
    TN_NOP_ADD, TN_NOP_SUB, TN_NOP_MUL, TN_NOP_DIV, TN_NOP_MOD, TN_NOP_POW, TN_NOP_NEG,
    TN_NOP_CEIL, TN_NOP_FLOOR, TN_NOP_MIN, TN_NOP_MAX, TN_NOP_ABS, TN_NOP_SQRT, TN_NOP_EXP,
    TN_NOP_LOG, TN_NOP_SIN, TN_NOP_COS, TN_NOP_TANH,
    TN_NOP_EQ, TN_NOP_NE, TN_NOP_LT, TN_NOP_LE, TN_NOP_AND, TN_NOP_OR, TN_NOP_NOT, TN_NOP_SELECT,
} tn_number_op;
/* clang-format on */

/* A size as a number: RATIONAL if it is one, else SYMBOLIC. */
tn_number tn_number_of_size(tn_arena *arena, tn_size a);
/* The other way round; NULL for what is no whole number, or no size. */
tn_size tn_size_of_number(tn_sizes *s, const tn_number *n);

/* The value under a binding; false for malformed code. Usable without the
 * compiler (run library). */
bool tn_number_eval(const tn_number *n, const int64_t *values, uint32_t count, double *out);

#endif
