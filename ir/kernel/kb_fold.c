/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/checked.h"
#include "ir/kernel/kb.h"
#include "ir/kernel/teval.h"

/* Constants and identities. What folds has the bits that the instruction
 * would give on every device. */

static bool
is_whole(const tn_ins *v, int64_t value)
{
    return kb_is_const(v) && !tn_is_float(v->type.dtype) && v->whole == value;
}

/* ---- constants ---- */

/* Functions whose f32 result is that in double, rounded once more. */
static bool
once_rounded(tn_fn fn)
{
    return fn == TN_FN_add || fn == TN_FN_sub || fn == TN_FN_mul || fn == TN_FN_div ||
        fn == TN_FN_neg || fn == TN_FN_abs || fn == TN_FN_sqrt || fn == TN_FN_floor ||
        fn == TN_FN_trunc;
}

static tn_ins *
fold_reals(tn_kb *b, tn_fn fn, int count, tn_ins *const *args)
{
    double x[2] = {args[0]->real, count > 1 ? args[1]->real : 0}, value;
    bool held;
    if (count == 2 && tn_eval_test(fn, x, &held))
        return tn_kb_whole(b, TN_BOOL, held);
    if (!once_rounded(fn) || !tn_eval_real(fn, x, &value))
        return NULL;
    return tn_kb_real(b, args[0]->type.dtype, value);
}

static tn_ins *
fold_consts(tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args)
{
    for (int i = 0; i < count; i++)
        if (!kb_is_const(args[i]))
            return NULL;
    if (fn == TN_FN_select || fn == TN_FN_mulhi)
        return NULL;
    if (tn_is_float(args[0]->type.dtype))
        return fold_reals(b, fn, count, args);
    int64_t x[2] = {args[0]->whole, count > 1 ? args[1]->whole : 0}, value;
    tn_dtype dtype = args[0]->type.dtype;
    bool shift = fn == TN_FN_shl || fn == TN_FN_shr;
    if (shift && (x[1] < 0 || x[1] >= 8 * tn_dtype_bytes(dtype)))
        return NULL; /* the interpreter reports it where it happens */
    return tn_eval_int(fn, dtype, x, &value) ? tn_kb_whole(b, type.dtype, value) : NULL;
}

/* ---- identities of integers ---- */

static bool
is_fn(const tn_ins *v, tn_fn fn)
{
    return v->op == TN_K_fn && v->fn == fn;
}

/* Multiplying back does not wrap. */
static bool
product_fits(const tn_kb *b, const tn_ins *product)
{
    kb_range x = tn_kb_range_of(b, product->arg[0]);
    int64_t c = product->arg[1]->whole, low, high, least, most;
    if (!tn_mul_i64(x.low, c, &low) || !tn_mul_i64(x.high, c, &high))
        return false;
    tn_dtype_range(product->type.dtype, &least, &most);
    return low >= least && low <= most && high >= least && high <= most;
}

static tn_ins *
fold_add(tn_kb *b, tn_ins *a, tn_ins *c)
{
    if (is_whole(c, 0))
        return a;
    if (kb_is_const(c) && is_fn(a, TN_FN_add) && kb_is_const(a->arg[1])) {
        tn_ins *sum = tn_kb_native(b, TN_FN_add, 2, (tn_ins *[]){a->arg[1], c});
        return tn_kb_native(b, TN_FN_add, 2, (tn_ins *[]){a->arg[0], sum});
    }
    if (is_fn(a, TN_FN_sub) && a->arg[1] == c)
        return a->arg[0];
    if (is_fn(c, TN_FN_sub) && c->arg[1] == a)
        return c->arg[0];
    return NULL;
}

static tn_ins *
fold_sub(tn_kb *b, tn_ins *a, tn_ins *c)
{
    if (is_whole(c, 0))
        return a;
    if (a == c)
        return tn_kb_whole(b, a->type.dtype, 0);
    if (kb_is_const(c)) {
        tn_ins *minus = tn_kb_whole(b, c->type.dtype, (int64_t)(0 - (uint64_t)c->whole));
        return tn_kb_native(b, TN_FN_add, 2, (tn_ins *[]){a, minus});
    }
    if (is_fn(a, TN_FN_add) && a->arg[0] == c)
        return a->arg[1];
    if (is_fn(a, TN_FN_add) && a->arg[1] == c)
        return a->arg[0];
    return NULL;
}

static tn_ins *
fold_mul(tn_kb *b, tn_ins *a, tn_ins *c)
{
    if (is_whole(c, 1))
        return a;
    if (is_whole(c, 0))
        return c;
    if (kb_is_const(c) && is_fn(a, TN_FN_mul) && kb_is_const(a->arg[1])) {
        tn_ins *factor = tn_kb_native(b, TN_FN_mul, 2, (tn_ins *[]){a->arg[1], c});
        return tn_kb_native(b, TN_FN_mul, 2, (tn_ins *[]){a->arg[0], factor});
    }
    return NULL;
}

static tn_ins *
fold_div(tn_kb *b, tn_ins *a, tn_ins *c)
{
    if (is_whole(c, 1) || (is_whole(a, 0) && tn_kb_range_of(b, c).low > 0))
        return a;
    kb_range x = tn_kb_range_of(b, a), y = tn_kb_range_of(b, c);
    if (x.low >= 0 && x.high < y.low)
        return tn_kb_whole(b, a->type.dtype, 0);
    if (!kb_is_const(c) || c->whole <= 0 || !is_fn(a, TN_FN_mul) || !kb_is_const(a->arg[1]) ||
        !product_fits(b, a) || a->arg[1]->whole % c->whole)
        return NULL;
    tn_ins *factor = tn_kb_whole(b, c->type.dtype, a->arg[1]->whole / c->whole);
    return tn_kb_native(b, TN_FN_mul, 2, (tn_ins *[]){a->arg[0], factor});
}

static tn_ins *
fold_rem(tn_kb *b, tn_ins *a, tn_ins *c)
{
    if (is_whole(c, 1))
        return tn_kb_whole(b, a->type.dtype, 0);
    kb_range x = tn_kb_range_of(b, a), y = tn_kb_range_of(b, c);
    if (x.low >= 0 && x.high < y.low)
        return a;
    if (kb_is_const(c) && c->whole > 0 && is_fn(a, TN_FN_mul) && kb_is_const(a->arg[1]) &&
        product_fits(b, a) && a->arg[1]->whole % c->whole == 0)
        return tn_kb_whole(b, a->type.dtype, 0);
    return NULL;
}

static tn_ins *
fold_min_max(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    if (a == c)
        return a;
    bool min = fn == TN_FN_min || fn == TN_FN_minq;
    kb_range x = tn_kb_range_of(b, a), y = tn_kb_range_of(b, c);
    if (x.high <= y.low)
        return min ? a : c;
    if (y.high <= x.low)
        return min ? c : a;
    return NULL;
}

static tn_ins *
fold_logic(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    int64_t ones = tn_wrap(a->type.dtype, -1);
    if (fn == TN_FN_xor)
        return is_whole(c, 0) ? a : a == c ? tn_kb_whole(b, a->type.dtype, 0) : NULL;
    if (a == c)
        return a;
    if (is_whole(c, 0))
        return fn == TN_FN_or ? a : c;
    if (is_whole(c, ones))
        return fn == TN_FN_or ? c : a;
    return NULL;
}

static tn_ins *
fold_test(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    if (a == c)
        return tn_kb_whole(b, TN_BOOL, fn != TN_FN_lt);
    if (a->type.dtype == TN_BOOL || a->type.dtype == TN_U64)
        return NULL;
    kb_range x = tn_kb_range_of(b, a), y = tn_kb_range_of(b, c);
    bool yes = fn == TN_FN_lt ? x.high < y.low : fn == TN_FN_le && x.high <= y.low;
    bool no = fn == TN_FN_lt ? x.low >= y.high
        : fn == TN_FN_le     ? x.low > y.high
                             : x.high < y.low || y.high < x.low;
    return yes || no ? tn_kb_whole(b, TN_BOOL, yes) : NULL;
}

/* Of whole scalars. Constants stand on the right by now. */
static tn_ins *
fold_whole(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    switch (fn) {
    case TN_FN_add: return fold_add(b, a, c);
    case TN_FN_sub: return fold_sub(b, a, c);
    case TN_FN_mul: return fold_mul(b, a, c);
    case TN_FN_div: return fold_div(b, a, c);
    case TN_FN_rem: return fold_rem(b, a, c);
    case TN_FN_min:
    case TN_FN_max:
    case TN_FN_minq:
    case TN_FN_maxq: return fold_min_max(b, fn, a, c);
    case TN_FN_and:
    case TN_FN_or:
    case TN_FN_xor: return fold_logic(b, fn, a, c);
    case TN_FN_shl:
    case TN_FN_shr: return is_whole(c, 0) ? a : NULL;
    case TN_FN_eq:
    case TN_FN_lt:
    case TN_FN_le: return fold_test(b, fn, a, c);
    default: return NULL;
    }
}

static bool
commutes(tn_fn fn)
{
    return fn == TN_FN_add || fn == TN_FN_mul || fn == TN_FN_and || fn == TN_FN_or ||
        fn == TN_FN_xor || fn == TN_FN_eq || fn == TN_FN_min || fn == TN_FN_max;
}

/* A mask that is the same in all lanes, among vectors. */
static tn_ins *
fold_masks(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    for (int i = 0; i < 2; i++) {
        tn_ins *all = i ? c : a, *other = i ? a : c;
        if (all->op != TN_K_splat || !kb_is_const(all->arg[0]))
            continue;
        bool set = all->arg[0]->whole != 0;
        if (fn == TN_FN_and)
            return set ? other : all;
        if (fn == TN_FN_or)
            return set ? all : other;
    }
    (void)b;
    return a == c && fn != TN_FN_xor ? a : NULL;
}

static tn_ins *
fold_select(tn_ins *const *args)
{
    const tn_ins *c = args[0]->op == TN_K_splat ? args[0]->arg[0] : args[0];
    if (kb_is_const(c))
        return c->whole ? args[1] : args[2];
    return args[1] == args[2] ? args[1] : NULL;
}

/* Of floats: only what is the same for NaN, infinities and both zeros. */
static tn_ins *
fold_float(tn_fn fn, tn_ins *a, tn_ins *c)
{
    const tn_ins *k = c->op == TN_K_splat ? c->arg[0] : c;
    if ((fn == TN_FN_mul || fn == TN_FN_div) && kb_is_const(k) && k->real == 1.0)
        return a;
    if (fn == TN_FN_mul) {
        k = a->op == TN_K_splat ? a->arg[0] : a;
        return kb_is_const(k) && k->real == 1.0 ? c : NULL;
    }
    bool same = fn == TN_FN_min || fn == TN_FN_max || fn == TN_FN_minq || fn == TN_FN_maxq;
    return same && a == c ? a : NULL;
}

tn_ins *
tn_kb_fold(tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args)
{
    if (fn == TN_FN_select)
        return fold_select(args);
    tn_ins *folded = fold_consts(b, fn, type, count, args);
    if (folded || count != 2)
        return folded;
    tn_ins *a = args[0], *c = args[1];
    if (tn_is_float(a->type.dtype))
        return fold_float(fn, a, c);
    if (a->type.lanes > 1)
        return a->type.dtype == TN_BOOL && tn_fn_info_of(fn)->rule == TN_RULE_LOGIC
            ? fold_masks(b, fn, a, c)
            : NULL;
    if (commutes(fn) && kb_is_const(a) && !kb_is_const(c))
        return tn_kb_native(b, fn, 2, (tn_ins *[]){c, a});
    return fold_whole(b, fn, a, c);
}

/* ---- casts ---- */

tn_ins *
tn_kb_fold_cast(tn_kb *b, tn_dtype to, tn_ins *a)
{
    tn_dtype from = a->type.dtype;
    if (to == TN_F16 || to == TN_BF16)
        return NULL; /* halves have no constants */
    if (kb_is_const(a) && tn_is_float(from)) {
        if (tn_is_float(to))
            return tn_kb_real(b, to, a->real);
        return tn_kb_whole(b, to, tn_cast_to_int(to, a->real));
    }
    if (kb_is_const(a) && to == TN_BOOL)
        return tn_kb_whole(b, to, a->whole != 0);
    if (kb_is_const(a) && !tn_is_float(to))
        return tn_kb_whole(b, to, a->whole);
    /* Integers beyond 2^53 would be rounded twice. */
    const int64_t exact = (int64_t)1 << 53;
    if (kb_is_const(a) && from != TN_U64 && a->whole >= -exact && a->whole <= exact)
        return tn_kb_real(b, to, (double)a->whole);
    /* There and back: the wider integer held the value. */
    if (a->op == TN_K_fn && a->fn == TN_FN_cast && a->arg[0]->type.dtype == to && tn_is_int(to) &&
        tn_is_int(from) && tn_dtype_bytes(from) >= tn_dtype_bytes(to))
        return a->arg[0];
    return NULL;
}
