/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_SIZE_H
#define TN_IR_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/base/arena.h"
#include "ir/base/text.h"

/* Sizes: polynomials over symbols with rational coefficients, where ceil,
 * floor, min, max and % are opaque atoms of their arguments. Expressions are
 * kept in normal form and interned in their tn_sizes: equal expressions are
 * equal pointers (after facts are applied, see tn_sizes_fact). Immutable,
 * owned by the arena of the tn_sizes. One thread at a time. */
typedef const struct tn_size_node *tn_size;
typedef struct tn_sizes tn_sizes;

/* A symbol of an entry: a name of `dims`, or a ranged scalar input. */
typedef struct tn_symbol {
    const char *name;
    int64_t low, high; /* range, inclusive; high INT64_MAX: open */
    int64_t multiple;  /* >= 1 */
    int64_t sample;    /* what bench assumes; 0: not given */
    bool scalar;       /* bound by the value of a scalar input of that name */
    bool pinned;       /* fixed by --dim */
    int64_t pinned_value;
} tn_symbol;

tn_sizes *tn_sizes_create(tn_arena *arena);
/* Index of the new symbol; the name must be new. */
int tn_sizes_add(tn_sizes *s, const tn_symbol *symbol);
int tn_sizes_find(const tn_sizes *s, const char *name); /* -1: none */
int tn_sizes_count(const tn_sizes *s);
const tn_symbol *tn_sizes_symbol(const tn_sizes *s, int index);

tn_size tn_size_int(tn_sizes *s, int64_t value);
tn_size tn_size_rational(tn_sizes *s, int64_t num, int64_t den); /* den > 0 */
tn_size tn_size_symbol(tn_sizes *s, int symbol);
/* NULL when a coefficient overflows 64 bits. */
tn_size tn_size_add(tn_sizes *s, tn_size a, tn_size b);
tn_size tn_size_sub(tn_sizes *s, tn_size a, tn_size b);
tn_size tn_size_mul(tn_sizes *s, tn_size a, tn_size b);
/* Exact division by a number or by a monomial that divides; else NULL. */
tn_size tn_size_div(tn_sizes *s, tn_size a, tn_size b);
/* ceil(a / b) and floor(a / b), b a positive number or any expression; whole
 * terms are given up, `multiple` of symbols is used. */
tn_size tn_size_ceil_div(tn_sizes *s, tn_size a, tn_size b);
tn_size tn_size_floor_div(tn_sizes *s, tn_size a, tn_size b);
tn_size tn_size_mod(tn_sizes *s, tn_size a, tn_size b); /* sign of b */
tn_size tn_size_min(tn_sizes *s, tn_size a, tn_size b);
tn_size tn_size_max(tn_sizes *s, tn_size a, tn_size b);

/* An equality a == b as a fact: the side with a symbol that occurs once,
 * linearly, is replaced everywhere from now on (call it before building
 * types). False if the fact is known to be false. */
bool tn_sizes_fact_equal(tn_sizes *s, tn_size a, tn_size b);
/* A fact a <= b: used by tn_size_bounds of (b - a). */
bool tn_sizes_fact_less_equal(tn_sizes *s, tn_size a, tn_size b);

static inline bool
tn_size_equal(tn_size a, tn_size b)
{
    return a == b;
}

/* True, and the value, for a whole constant. */
bool tn_size_is_int(tn_size a, int64_t *value);
bool tn_size_is_whole(const tn_sizes *s, tn_size a); /* for every binding */
/* Proven bounds from ranges and facts, saturated to INT64_MIN, INT64_MAX. */
void tn_size_bounds(const tn_sizes *s, tn_size a, int64_t *low, int64_t *high);
/* a <= b for every binding that ranges and facts allow. */
bool tn_size_proves_le(tn_sizes *s, tn_size a, tn_size b);

/* The value under a binding (one number a symbol); false when it is not
 * whole or overflows. */
bool tn_size_eval(tn_size a, const int64_t *values, int64_t *out);
/* True if symbol `index` occurs. */
bool tn_size_uses(tn_size a, int index);
/* If `a` is linear in exactly one symbol not yet bound (bound[i] false) and
 * the others are bound: solves a == value for it. Returns 1 and the symbol
 * and its value, 0 if there is no such symbol, -1 if no whole solution. */
int tn_size_solve(tn_size a, const bool *bound, const int64_t *values, int64_t value, int *symbol,
    int64_t *solution);

/* Falling total degree, then bytes: "B*T+2*T+1", "T/2", "ceil(T/16)". */
void tn_size_print(tn_text *out, const tn_sizes *s, tn_size a);

/* The expression as postfix code over symbols, for plans and artifacts: what
 * remains of a size at run time. Opcodes are bytes, numbers 64 bits. */
/* clang-format off */
typedef enum tn_formula_op {
    TN_FORMULA_INT,    /* i64 follows: push */
    TN_FORMULA_SYMBOL, /* u16 follows: push */
    TN_FORMULA_ADD, TN_FORMULA_SUB, TN_FORMULA_MUL,
    TN_FORMULA_DIV, /* exact; a rest is a failure */
    TN_FORMULA_CEIL_DIV, TN_FORMULA_FLOOR_DIV, TN_FORMULA_MOD,
    TN_FORMULA_MIN, TN_FORMULA_MAX,
} tn_formula_op;
/* clang-format on */

/* Borrowed postfix code. */
typedef struct tn_formula {
    const uint8_t *code;
    uint32_t bytes;
} tn_formula;

tn_formula tn_size_formula(tn_arena *arena, tn_size a);
/* Checked evaluation of untrusted code; false on any fault, overflow, or a
 * symbol >= count. At most 64 values deep. */
bool tn_formula_eval(tn_formula f, const int64_t *values, uint32_t count, int64_t *out);

#endif
