/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/number.h"

#include <math.h>

#include "ir/base/bytes.h"
#include "ir/real.h"

enum { MAX_DEPTH = 64 };

tn_number
tn_number_int(int64_t value)
{
    return (tn_number){TN_NUMBER_RATIONAL, value, 1, (double)value, {0}};
}

tn_number
tn_number_real(double value)
{
    return (tn_number){TN_NUMBER_REAL, 0, 1, value, {0}};
}

bool
tn_number_is_int(const tn_number *n, int64_t *value)
{
    if (n->kind == TN_NUMBER_RATIONAL && n->den == 1) {
        *value = n->num;
        return true;
    }
    if (n->kind != TN_NUMBER_REAL || n->real != floor(n->real) || n->real < -0x1p63 ||
        n->real >= 0x1p63)
        return false;
    *value = (int64_t)n->real;
    return true;
}

static double
apply_unary(tn_number_op op, double a)
{
    switch (op) {
    case TN_NOP_NEG: return -a;
    case TN_NOP_CEIL: return ceil(a);
    case TN_NOP_FLOOR: return floor(a);
    case TN_NOP_ABS: return fabs(a);
    case TN_NOP_SQRT: return sqrt(a);
    case TN_NOP_EXP: return tn_real_exp(a);
    case TN_NOP_LOG: return tn_real_log(a);
    case TN_NOP_SIN: return tn_real_sin(a);
    case TN_NOP_COS: return tn_real_cos(a);
    case TN_NOP_TANH: return tn_real_tanh(a);
    default: return a == 0; /* TN_NOP_NOT */
    }
}

static double
apply_binary(tn_number_op op, double a, double b)
{
    switch (op) {
    case TN_NOP_ADD: return a + b;
    case TN_NOP_SUB: return a - b;
    case TN_NOP_MUL: return a * b;
    case TN_NOP_DIV: return a / b;
    case TN_NOP_MOD: return tn_real_mod(a, b);
    case TN_NOP_POW: return tn_real_pow(a, b);
    case TN_NOP_MIN: return a < b || isnan(a) ? a : b;
    case TN_NOP_MAX: return a > b || isnan(a) ? a : b;
    case TN_NOP_EQ: return a == b;
    case TN_NOP_NE: return a != b;
    case TN_NOP_LT: return a < b;
    case TN_NOP_LE: return a <= b;
    case TN_NOP_AND: return a != 0 && b != 0;
    default: return a != 0 || b != 0; /* TN_NOP_OR */
    }
}

/* How many values an opcode takes; -1 for none of them. */
static int
arity(uint8_t op)
{
    switch (op) {
    case TN_NOP_REAL:
    case TN_NOP_SYMBOL: return 0;
    case TN_NOP_NEG:
    case TN_NOP_CEIL:
    case TN_NOP_FLOOR:
    case TN_NOP_ABS:
    case TN_NOP_SQRT:
    case TN_NOP_EXP:
    case TN_NOP_LOG:
    case TN_NOP_SIN:
    case TN_NOP_COS:
    case TN_NOP_TANH:
    case TN_NOP_NOT: return 1;
    case TN_NOP_SELECT: return 3;
    default: return op < TN_NOP_SELECT ? 2 : -1;
    }
}

static bool
eval_code(tn_formula code, const int64_t *values, uint32_t count, double *out)
{
    tn_reader r = {.from = {code.code, code.bytes}};
    double stack[MAX_DEPTH] = {0};
    int depth = 0;
    while (r.next < code.bytes) {
        uint8_t op = tn_read_u8(&r);
        int taken = arity(op);
        if (taken < 0 || depth < taken || depth - taken == MAX_DEPTH)
            return false;
        double *top = stack + depth - taken;
        depth += 1 - taken;
        if (op == TN_NOP_REAL) {
            *top = tn_read_f64(&r);
        } else if (op == TN_NOP_SYMBOL) {
            uint16_t symbol = tn_read_u16(&r);
            if (symbol >= count)
                return false;
            *top = (double)values[symbol];
        } else if (taken == 1) {
            *top = apply_unary((tn_number_op)op, top[0]);
        } else if (taken == 2) {
            *top = apply_binary((tn_number_op)op, top[0], top[1]);
        } else {
            *top = top[0] != 0 ? top[1] : top[2];
        }
        if (r.failed)
            return false;
    }
    if (depth != 1)
        return false;
    *out = stack[0];
    return true;
}

bool
tn_number_eval(const tn_number *n, const int64_t *values, uint32_t count, double *out)
{
    switch (n->kind) {
    case TN_NUMBER_RATIONAL:
    case TN_NUMBER_REAL: *out = n->real; return true;
    case TN_NUMBER_BOOL: *out = (double)n->num; return true;
    case TN_NUMBER_SYMBOLIC: return eval_code(n->code, values, count, out);
    }
    return false;
}
