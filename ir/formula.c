/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/bytes.h"
#include "ir/base/checked.h"
#include "ir/size.h"

enum { MAX_DEPTH = 64 };

static bool
divide(tn_formula_op op, int64_t a, int64_t b, int64_t *out)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return false;
    int64_t quotient = a / b, rest = a % b;
    bool down = rest && (rest < 0) != (b < 0);
    switch (op) {
    case TN_FORMULA_DIV: *out = quotient; return rest == 0;
    case TN_FORMULA_CEIL_DIV: *out = quotient + (rest && !down); return true;
    case TN_FORMULA_FLOOR_DIV: *out = quotient - down; return true;
    default: *out = down ? rest + b : rest; return true;
    }
}

static bool
apply(tn_formula_op op, int64_t a, int64_t b, int64_t *out)
{
    switch (op) {
    case TN_FORMULA_ADD: return tn_add_i64(a, b, out);
    case TN_FORMULA_SUB: return tn_sub_i64(a, b, out);
    case TN_FORMULA_MUL: return tn_mul_i64(a, b, out);
    case TN_FORMULA_DIV:
    case TN_FORMULA_CEIL_DIV:
    case TN_FORMULA_FLOOR_DIV:
    case TN_FORMULA_MOD: return divide(op, a, b, out);
    case TN_FORMULA_MIN: *out = a < b ? a : b; return true;
    case TN_FORMULA_MAX: *out = a > b ? a : b; return true;
    case TN_FORMULA_INT:
    case TN_FORMULA_SYMBOL: break;
    }
    return false;
}

bool
tn_formula_eval(tn_formula f, const int64_t *values, uint32_t count, int64_t *out)
{
    tn_reader r = {.from = {f.code, f.bytes}};
    int64_t stack[MAX_DEPTH];
    int depth = 0;
    while (r.next < f.bytes) {
        uint8_t op = tn_read_u8(&r);
        if (op == TN_FORMULA_INT || op == TN_FORMULA_SYMBOL) {
            if (depth == MAX_DEPTH)
                return false;
            uint16_t symbol = op == TN_FORMULA_SYMBOL ? tn_read_u16(&r) : 0;
            if (op == TN_FORMULA_SYMBOL && (symbol >= count || r.failed))
                return false;
            stack[depth++] = op == TN_FORMULA_INT ? tn_read_i64(&r) : values[symbol];
            if (r.failed)
                return false;
            continue;
        }
        if (depth < 2 || op > TN_FORMULA_MAX ||
            !apply((tn_formula_op)op, stack[depth - 2], stack[depth - 1], &stack[depth - 2]))
            return false;
        depth--;
    }
    if (depth != 1)
        return false;
    *out = stack[0];
    return true;
}
