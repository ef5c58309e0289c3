/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "frontend/expr.h"
#include "ir/base/bytes.h"
#include "ir/base/text.h"
#include "ir/ratio.h"
#include "ir/real.h"

enum { MAX_CODE = 2048, MAX_CODE_DEPTH = 60 };

tn_known
tn_known_int(int64_t value)
{
    return (tn_known){.kind = TN_KNOWN_NUMBER, .number = tn_number_int(value)};
}

tn_known
tn_known_real(double value)
{
    return (tn_known){.kind = TN_KNOWN_NUMBER, .number = tn_number_real(value)};
}

tn_known
tn_known_truth(bool truth)
{
    tn_number number = {TN_NUMBER_BOOL, truth, 1, truth, {0}};
    return (tn_known){.kind = TN_KNOWN_NUMBER, .number = number};
}

tn_known
tn_known_dtype(tn_dtype dtype)
{
    return (tn_known){.kind = TN_KNOWN_DTYPE, .dtype = dtype};
}

static tn_known
known_ratio(tn_ratio ratio)
{
    tn_number number = {TN_NUMBER_RATIONAL, ratio.num, ratio.den, tn_ratio_double(ratio), {0}};
    return (tn_known){.kind = TN_KNOWN_NUMBER, .number = number};
}

tn_known
tn_known_size(tn_size size)
{
    tn_known k = {
        .kind = TN_KNOWN_NUMBER, .number = {.kind = TN_NUMBER_SYMBOLIC, .den = 1}, .size = size};
    int64_t whole;
    if (tn_size_is_int(size, &whole))
        return tn_known_int(whole);
    return k;
}

bool
tn_known_is_truth(const tn_known *k)
{
    return k->kind == TN_KNOWN_NUMBER &&
        (k->number.kind == TN_NUMBER_BOOL || (k->number.kind == TN_NUMBER_SYMBOLIC && k->truth));
}

static bool
is_symbolic(const tn_known *k)
{
    return k->number.kind == TN_NUMBER_SYMBOLIC;
}

static bool
as_ratio(const tn_known *k, tn_ratio *out)
{
    if (k->number.kind != TN_NUMBER_RATIONAL)
        return false;
    *out = (tn_ratio){k->number.num, k->number.den};
    return true;
}

tn_size
tn_known_as_size(tn_sizes *sizes, const tn_known *k)
{
    int64_t whole;
    if (k->kind != TN_KNOWN_NUMBER || !sizes)
        return NULL;
    if (is_symbolic(k))
        return k->size;
    if (k->number.kind == TN_NUMBER_RATIONAL)
        return tn_size_rational(sizes, k->number.num, k->number.den);
    if (k->number.kind == TN_NUMBER_REAL && tn_number_is_int(&k->number, &whole))
        return tn_size_int(sizes, whole);
    return NULL;
}

tn_number
tn_known_number(tn_arena *arena, const tn_known *k)
{
    if (is_symbolic(k) && k->size)
        return tn_number_of_size(arena, k->size);
    return k->number;
}

/* ---- numbers over symbols that are no polynomials: code ---- */

static void
write_operand(tn_writer *w, const tn_known *k)
{
    tn_number number = tn_known_number(w->arena, k);
    if (number.kind == TN_NUMBER_SYMBOLIC) {
        tn_write(w, number.code.code, number.code.bytes);
        return;
    }
    tn_write_u8(w, TN_NOP_REAL);
    tn_write_f64(w, number.kind == TN_NUMBER_BOOL ? (double)number.num : number.real);
}

/* How deep the stack gets; sizes are bounded by their own limits. */
static int
depth_of(const tn_known *k)
{
    return is_symbolic(k) ? (k->size ? 20 : k->depth) : 1;
}

static const char *
make_code(const tn_scope_ops *scope, tn_number_op op, const tn_known *arg, int count, bool truth,
    tn_known *out)
{
    tn_writer w = {.arena = scope->arena};
    int depth = 0;
    for (int i = 0; i < count; i++) {
        if (i + depth_of(&arg[i]) > depth)
            depth = i + depth_of(&arg[i]);
        write_operand(&w, &arg[i]);
    }
    tn_write_u8(&w, (uint8_t)op);
    if (w.bytes > MAX_CODE || depth > MAX_CODE_DEPTH)
        return "an expression over symbols that is too long";
    *out = (tn_known){.kind = TN_KNOWN_NUMBER,
        .number = {.kind = TN_NUMBER_SYMBOLIC, .den = 1, .code = {w.at, (uint32_t)w.bytes}},
        .truth = truth,
        .depth = depth};
    return NULL;
}

/* ---- operators ---- */

static bool
ratio_apply(tn_expr_op op, tn_ratio a, tn_ratio b, tn_ratio *out)
{
    switch (op) {
    case TN_X_ADD: return tn_ratio_add(a, b, out);
    case TN_X_SUB: return tn_ratio_sub(a, b, out);
    case TN_X_MUL: return tn_ratio_mul(a, b, out);
    case TN_X_DIV: return tn_ratio_div(a, b, out);
    case TN_X_MOD: return tn_ratio_mod(a, b, out);
    default: return false;
    }
}

static double
real_apply(tn_expr_op op, double a, double b)
{
    switch (op) {
    case TN_X_ADD: return a + b;
    case TN_X_SUB: return a - b;
    case TN_X_MUL: return a * b;
    case TN_X_DIV: return a / b;
    case TN_X_MOD: return tn_real_mod(a, b);
    default: return tn_real_pow(a, b);
    }
}

/* The polynomial, where there is one. */
static tn_size
size_apply(tn_sizes *s, tn_expr_op op, tn_size a, tn_size b)
{
    if (!a || !b)
        return NULL;
    switch (op) {
    case TN_X_ADD: return tn_size_add(s, a, b);
    case TN_X_SUB: return tn_size_sub(s, a, b);
    case TN_X_MUL: return tn_size_mul(s, a, b);
    case TN_X_DIV: return tn_size_div(s, a, b);
    case TN_X_MOD: return tn_size_mod(s, a, b);
    default: return NULL;
    }
}

static tn_number_op
code_of(tn_expr_op op)
{
    static const uint8_t code[] = {
        [TN_X_ADD] = TN_NOP_ADD,
        [TN_X_SUB] = TN_NOP_SUB,
        [TN_X_MUL] = TN_NOP_MUL,
        [TN_X_DIV] = TN_NOP_DIV,
        [TN_X_MOD] = TN_NOP_MOD,
        [TN_X_POW] = TN_NOP_POW,
        [TN_X_EQ] = TN_NOP_EQ,
        [TN_X_NE] = TN_NOP_NE,
        [TN_X_LT] = TN_NOP_LT,
        [TN_X_LE] = TN_NOP_LE,
        [TN_X_AND] = TN_NOP_AND,
        [TN_X_OR] = TN_NOP_OR,
    };
    return (tn_number_op)code[op];
}

static const char *
apply_symbols(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    tn_size size = size_apply(scope->sizes, op, tn_known_as_size(scope->sizes, a),
        tn_known_as_size(scope->sizes, b));
    tn_known pair[2] = {*a, *b};
    if (!size)
        return make_code(scope, code_of(op), pair, 2, false, out);
    *out = tn_known_size(size);
    tn_number number = tn_number_of_size(scope->arena, size);
    if (number.kind == TN_NUMBER_RATIONAL)
        *out = known_ratio((tn_ratio){number.num, number.den});
    return NULL;
}

/* a ^ n for a whole n: exact as long as it fits. */
static bool
ratio_power(tn_ratio base, int64_t n, tn_ratio *out)
{
    tn_ratio result = tn_ratio_int(1);
    if (n < 0 && !tn_ratio_div(result, base, &base))
        return false;
    if (n > 4096 || n < -4096)
        return (base.den == 1 && (base.num == 0 || base.num == 1)) && (*out = base, true);
    for (int64_t i = n < 0 ? -n : n; i > 0; i--)
        if (!tn_ratio_mul(result, base, &result))
            return false;
    *out = result;
    return true;
}

static const char *
apply_power(const tn_scope_ops *scope, const tn_known *a, const tn_known *b, tn_known *out)
{
    tn_ratio base, exponent, power;
    tn_known pair[2] = {*a, *b};
    bool whole = as_ratio(b, &exponent) && exponent.den == 1;
    if (!is_symbolic(a) && !is_symbolic(b)) {
        if (whole && as_ratio(a, &base) && ratio_power(base, exponent.num, &power))
            *out = known_ratio(power);
        else
            *out = tn_known_real(tn_real_pow(a->number.real, b->number.real));
        return NULL;
    }
    tn_size size =
        whole && exponent.num >= 1 && exponent.num <= 8 ? tn_known_as_size(scope->sizes, a) : NULL;
    tn_size product = size;
    for (int64_t i = 1; product && i < exponent.num; i++)
        product = tn_size_mul(scope->sizes, product, size);
    if (product) {
        *out = tn_known_size(product);
        return NULL;
    }
    return make_code(scope, TN_NOP_POW, pair, 2, false, out);
}

static const char *
apply_arithmetic(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    tn_ratio left, right, result;
    if (op == TN_X_POW)
        return apply_power(scope, a, b, out);
    bool zero = as_ratio(b, &right) && right.num == 0;
    if (zero && (op == TN_X_DIV || op == TN_X_MOD))
        return "a division by 0";
    if (is_symbolic(a) || is_symbolic(b))
        return apply_symbols(scope, op, a, b, out);
    if (as_ratio(a, &left) && as_ratio(b, &right) && ratio_apply(op, left, right, &result))
        *out = known_ratio(result);
    else
        *out = tn_known_real(real_apply(op, a->number.real, b->number.real));
    return NULL;
}

/* Negative, 0 or positive; *ordered false where a NaN is in it. */
static int
compare(const tn_known *a, const tn_known *b, bool *ordered)
{
    tn_ratio left, right;
    *ordered = true;
    if (as_ratio(a, &left) && as_ratio(b, &right))
        return tn_ratio_compare(left, right);
    double x = a->number.real, y = b->number.real;
    *ordered = !isnan(x) && !isnan(y);
    return (x > y) - (x < y);
}

static const char *
apply_comparison(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    bool same = op == TN_X_EQ || op == TN_X_NE, ordered;
    if (tn_known_is_truth(a) != tn_known_is_truth(b))
        return "a truth value is compared with a number";
    if (tn_known_is_truth(a) && !same)
        return "truth values have no order";
    if (is_symbolic(a) || is_symbolic(b)) {
        tn_known pair[2] = {*a, *b};
        if (op == TN_X_GT || op == TN_X_GE) {
            pair[0] = *b;
            pair[1] = *a;
            op = op == TN_X_GT ? TN_X_LT : TN_X_LE;
        }
        return make_code(scope, code_of(op), pair, 2, true, out);
    }
    int order = compare(a, b, &ordered);
    bool truth = op == TN_X_EQ ? ordered && order == 0
        : op == TN_X_NE        ? !ordered || order != 0
        : op == TN_X_LT        ? ordered && order < 0
        : op == TN_X_LE        ? ordered && order <= 0
        : op == TN_X_GT        ? ordered && order > 0
                               : ordered && order >= 0;
    *out = tn_known_truth(truth);
    return NULL;
}

static const char *
apply_logic(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    tn_known pair[2] = {*a, *b};
    if (!tn_known_is_truth(a) || !tn_known_is_truth(b))
        return op == TN_X_AND ? "&& wants truth values" : "|| wants truth values";
    if (is_symbolic(a) || is_symbolic(b))
        return make_code(scope, code_of(op), pair, 2, true, out);
    bool left = a->number.num != 0, right = b->number.num != 0;
    *out = tn_known_truth(op == TN_X_AND ? left && right : left || right);
    return NULL;
}

static const char *
apply_unary(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, tn_known *out)
{
    if (op == TN_X_NOT) {
        if (!tn_known_is_truth(a))
            return "! wants a truth value";
        if (is_symbolic(a))
            return make_code(scope, TN_NOP_NOT, a, 1, true, out);
        *out = tn_known_truth(!a->number.num);
        return NULL;
    }
    if (tn_known_is_truth(a))
        return "a truth value has no sign";
    if (is_symbolic(a) && !a->size)
        return make_code(scope, TN_NOP_NEG, a, 1, false, out);
    if (is_symbolic(a)) {
        tn_known zero = tn_known_int(0);
        return apply_symbols(scope, TN_X_SUB, &zero, a, out);
    }
    tn_ratio ratio;
    if (as_ratio(a, &ratio) && ratio.num != 0)
        *out = known_ratio((tn_ratio){-ratio.num, ratio.den});
    else
        *out = tn_known_real(-a->number.real);
    return NULL;
}

const char *
tn_known_apply(const tn_scope_ops *scope, tn_expr_op op, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    bool unary = op == TN_X_NEG || op == TN_X_NOT;
    bool types = a->kind == TN_KNOWN_DTYPE || (!unary && b->kind == TN_KNOWN_DTYPE);
    if (types) {
        if (unary || a->kind != b->kind || (op != TN_X_EQ && op != TN_X_NE))
            return "an element type is no number";
        *out = tn_known_truth((a->dtype == b->dtype) == (op == TN_X_EQ));
        return NULL;
    }
    if (unary)
        return apply_unary(scope, op, a, out);
    if (op == TN_X_AND || op == TN_X_OR)
        return apply_logic(scope, op, a, b, out);
    if (op >= TN_X_EQ && op <= TN_X_GE)
        return apply_comparison(scope, op, a, b, out);
    if (tn_known_is_truth(a) || tn_known_is_truth(b))
        return "a truth value is no number";
    return apply_arithmetic(scope, op, a, b, out);
}

const char *
tn_known_select(const tn_scope_ops *scope, const tn_known *c, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    tn_known all[3] = {*c, *a, *b};
    if (a->kind == TN_KNOWN_DTYPE || b->kind == TN_KNOWN_DTYPE)
        return "a condition over symbols cannot choose an element type";
    if (tn_known_is_truth(a) != tn_known_is_truth(b))
        return "one side is a truth value, the other a number";
    return make_code(scope, TN_NOP_SELECT, all, 3, tn_known_is_truth(a), out);
}

/* ---- functions ---- */

typedef struct function {
    const char *name;
    int least, most; /* arguments */
    tn_number_op code;
    double (*real)(double);
} function;

static const function functions[] = {
    {"ceil", 1, 1, TN_NOP_CEIL, ceil},
    {"floor", 1, 1, TN_NOP_FLOOR, floor},
    {"abs", 1, 1, TN_NOP_ABS, fabs},
    {"sqrt", 1, 1, TN_NOP_SQRT, sqrt},
    {"exp", 1, 1, TN_NOP_EXP, tn_real_exp},
    {"log", 1, 1, TN_NOP_LOG, tn_real_log},
    {"sin", 1, 1, TN_NOP_SIN, tn_real_sin},
    {"cos", 1, 1, TN_NOP_COS, tn_real_cos},
    {"tanh", 1, 1, TN_NOP_TANH, tn_real_tanh},
    {"min", 1, 64, TN_NOP_MIN, NULL},
    {"max", 1, 64, TN_NOP_MAX, NULL},
    {"align", 2, 2, TN_NOP_CEIL, NULL},
    {"pow", 2, 2, TN_NOP_POW, NULL},
};

static const char *
call_rounding(const tn_scope_ops *scope, tn_number_op code, const tn_known *arg, tn_known *out)
{
    tn_ratio ratio;
    if (as_ratio(arg, &ratio)) {
        *out = tn_known_int(code == TN_NOP_CEIL ? tn_ratio_ceil(ratio) : tn_ratio_floor(ratio));
        return NULL;
    }
    tn_size one = arg->size ? tn_size_int(scope->sizes, 1) : NULL;
    tn_size size = !arg->size ? NULL
        : code == TN_NOP_CEIL ? tn_size_ceil_div(scope->sizes, arg->size, one)
                              : tn_size_floor_div(scope->sizes, arg->size, one);
    if (!size)
        return make_code(scope, code, arg, 1, false, out);
    *out = tn_known_size(size);
    return NULL;
}

static const char *
call_one(const tn_scope_ops *scope, const function *f, const tn_known *arg, tn_known *out)
{
    tn_ratio ratio;
    bool rounds = f->code == TN_NOP_CEIL || f->code == TN_NOP_FLOOR;
    if (rounds && (is_symbolic(arg) || as_ratio(arg, &ratio)))
        return call_rounding(scope, f->code, arg, out);
    if (is_symbolic(arg))
        return make_code(scope, f->code, arg, 1, false, out);
    if (f->code == TN_NOP_ABS && as_ratio(arg, &ratio)) {
        *out = known_ratio((tn_ratio){ratio.num < 0 ? -ratio.num : ratio.num, ratio.den});
        return NULL;
    }
    bool circle = f->code == TN_NOP_SIN || f->code == TN_NOP_COS;
    if (circle && fabs(arg->number.real) > 0x1p50)
        return "an angle beyond 2^50";
    *out = tn_known_real(f->real(arg->number.real));
    return NULL;
}

static const char *
choose(const tn_scope_ops *scope, tn_number_op code, const tn_known *a, const tn_known *b,
    tn_known *out)
{
    tn_known pair[2] = {*a, *b};
    bool ordered;
    if (is_symbolic(a) || is_symbolic(b)) {
        tn_size left = tn_known_as_size(scope->sizes, a);
        tn_size right = tn_known_as_size(scope->sizes, b);
        tn_size size = !left || !right ? NULL
            : code == TN_NOP_MIN       ? tn_size_min(scope->sizes, left, right)
                                       : tn_size_max(scope->sizes, left, right);
        if (!size)
            return make_code(scope, code, pair, 2, false, out);
        *out = tn_known_size(size);
        return NULL;
    }
    int order = compare(a, b, &ordered);
    if (!ordered)
        *out = tn_known_real(NAN);
    else
        *out = (code == TN_NOP_MIN ? order <= 0 : order >= 0) ? *a : *b;
    return NULL;
}

/* align(n, to) = ceil(n / to) * to */
static const char *
call_align(const tn_scope_ops *scope, const tn_known *arg, tn_known *out)
{
    tn_known quotient, rounded;
    const char *why = tn_known_apply(scope, TN_X_DIV, &arg[0], &arg[1], &quotient);
    if (!why)
        why = tn_known_call(scope, "ceil", &quotient, 1, &rounded);
    return why ? why : tn_known_apply(scope, TN_X_MUL, &rounded, &arg[1], out);
}

static const function *
find_function(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

static const char *
unknown_function(tn_arena *arena, const char *name)
{
    const char *names[sizeof functions / sizeof *functions];
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        names[i] = functions[i].name;
    return tn_arena_printf(arena,
        "%s of numbers alone is not known here; the functions are "
        "ceil floor min max align abs sqrt exp log sin cos tanh pow%s",
        name, tn_json_meant(arena, name, names, sizeof names / sizeof *names));
}

const char *
tn_known_call(const tn_scope_ops *scope, const char *name, const tn_known *arg, int count,
    tn_known *out)
{
    const function *f = find_function(name);
    if (!f)
        return unknown_function(scope->arena, name);
    if (count < f->least || count > f->most)
        return tn_arena_printf(scope->arena, "%s takes %s, found %d", name,
            f->most == 1       ? "one argument"
                : f->most == 2 ? "two arguments"
                               : "1 to 64 arguments",
            count);
    for (int i = 0; i < count; i++)
        if (arg[i].kind == TN_KNOWN_DTYPE || tn_known_is_truth(&arg[i]))
            return tn_arena_printf(scope->arena, "%s wants numbers", name);
    if (f->real)
        return call_one(scope, f, arg, out);
    if (f->code == TN_NOP_POW)
        return apply_power(scope, &arg[0], &arg[1], out);
    if (f->code == TN_NOP_CEIL)
        return call_align(scope, arg, out);
    tn_known best = arg[0];
    for (int i = 1; i < count; i++) {
        const char *why = choose(scope, f->code, &best, &arg[i], &best);
        if (why)
            return why;
    }
    *out = best;
    return NULL;
}

const char *
tn_known_text(tn_arena *arena, const tn_sizes *sizes, const tn_known *k)
{
    tn_text out = {.arena = arena};
    if (k->kind == TN_KNOWN_VALUE)
        return k->name ? k->name : "a value";
    if (k->kind == TN_KNOWN_DTYPE)
        return tn_dtype_name(k->dtype);
    if (k->number.kind == TN_NUMBER_BOOL)
        return k->number.num ? "true" : "false";
    if (is_symbolic(k) && k->size)
        tn_size_print(&out, sizes, k->size);
    else if (is_symbolic(k))
        return "an expression over symbols";
    else if (k->number.kind == TN_NUMBER_RATIONAL && k->number.den == 1)
        tn_text_add(&out, "%lld", (long long)k->number.num);
    else
        tn_text_double(&out, k->number.real);
    return out.at;
}
