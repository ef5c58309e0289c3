/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ir/kernel/kb.h"
#include "ir/kernel/teval.h"

/* Values: sharing, placing, functions. */

/* ---- sharing ---- */

static uint32_t
mixed(uint32_t h, uint64_t value)
{
    h ^= (uint32_t)value ^ (uint32_t)(value >> 32);
    h *= 0x9e3779b1u;
    return h ^ (h >> 15);
}

/* Only what is equal in every build takes part: never an address. */
static uint32_t
hash_of(const tn_ins *v)
{
    uint64_t bits;
    memcpy(&bits, &v->real, sizeof bits);
    uint32_t h = mixed(17, (uint64_t)v->op << 16 | (uint64_t)v->fn);
    h = mixed(h, (uint64_t)v->type.dtype << 16 | v->type.lanes);
    h = mixed(h, (uint64_t)v->whole);
    h = mixed(h, bits);
    for (int i = 0; i < v->arg_count; i++)
        h = mixed(h, v->arg[i]->id);
    return h;
}

static bool
same(const tn_ins *a, const tn_ins *b)
{
    return a->op == b->op && a->fn == b->fn && tn_ktype_equal(a->type, b->type) &&
        a->whole == b->whole && memcmp(&a->real, &b->real, sizeof a->real) == 0 &&
        a->arg_count == b->arg_count && memcmp(a->arg, b->arg, a->arg_count * sizeof *a->arg) == 0;
}

/* The slot of a value equal to `v`, or of the next free one. */
static tn_ins **
slot_of(tn_kb *b, const tn_ins *v)
{
    uint32_t mask = b->slot_count - 1;
    for (uint32_t at = hash_of(v) & mask;; at = (at + 1) & mask)
        if (!b->slots[at] || same(b->slots[at], v))
            return &b->slots[at];
}

static void
widen_table(tn_kb *b)
{
    if (b->slot_used * 2 < b->slot_count)
        return;
    tn_ins **old = b->slots;
    uint32_t count = b->slot_count;
    b->slot_count = count ? count * 2 : 256;
    b->slots = tn_new_array(b->arena, tn_ins *, b->slot_count);
    for (uint32_t i = 0; i < count; i++)
        if (old[i])
            *slot_of(b, old[i]) = old[i];
}

tn_ins *
tn_kb_shared(tn_kb *b, const tn_ins *proto, tn_kblock *block)
{
    widen_table(b);
    tn_ins **slot = slot_of(b, proto);
    if (*slot && tn_kb_is_open(b, (*slot)->block))
        return *slot;
    tn_ins *made = tn_ins_new(b->k, proto->op, proto->type);
    uint32_t id = made->id;
    *made = *proto;
    made->id = id;
    tn_kblock_append(b->k, block, made);
    tn_kb_range_note(b, made);
    /* An equal value in a closed block cannot be seen any more. */
    b->slot_used += !*slot;
    *slot = made;
    return made;
}

tn_ins *
tn_kb_placed(tn_kb *b, tn_kop op, tn_ktype type)
{
    tn_ins *ins = tn_ins_new(b->k, op, type);
    tn_kblock_append(b->k, b->cur, ins);
    return ins;
}

void
tn_kb_arg(tn_ins *ins, tn_ins *arg)
{
    assert(ins->arg_count < TN_INS_ARGS && arg && arg->type.lanes > 0);
    ins->arg[ins->arg_count++] = arg;
}

/* ---- placing ---- */

static bool
whole_scalar(const tn_ins *v)
{
    return v->type.lanes == 1 && !tn_is_float(v->type.dtype);
}

/* The deepest block among the homes of the operands. */
static tn_kblock *
deepest(const tn_kb *b, int count, tn_ins *const *args)
{
    tn_kblock *block = b->k->root;
    for (int i = 0; i < count; i++) {
        tn_kblock *home = tn_ins_home(args[i]);
        assert(tn_kb_is_open(b, home));
        if (home->depth > block->depth)
            block = home;
    }
    return block;
}

/* Where a function of these operands belongs. A division must not come out
 * of the condition that keeps its divisor from being 0. */
static tn_kblock *
place(const tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args)
{
    /* A constant half is a cast: seen wherever a constant is. */
    if (fn == TN_FN_cast && kb_is_const(args[0]))
        return b->k->root;
    bool whole = type.lanes == 1 && !tn_is_float(type.dtype);
    for (int i = 0; i < count; i++)
        whole = whole && whole_scalar(args[i]);
    if (whole && (fn == TN_FN_div || fn == TN_FN_rem)) {
        kb_range r = tn_kb_range_of(b, args[1]);
        whole = r.low > 0 || r.high < 0;
    }
    return whole ? deepest(b, count, args) : b->cur;
}

/* ---- constants and sizes ---- */

tn_ins *
tn_kb_whole(tn_kb *b, tn_dtype dtype, int64_t value)
{
    assert(!tn_is_float(dtype));
    tn_ins proto = {.op = TN_K_const, .type = {dtype, 1}, .whole = tn_wrap(dtype, value)};
    return tn_kb_shared(b, &proto, b->k->root);
}

tn_ins *
tn_kb_int(tn_kb *b, int64_t value)
{
    return tn_kb_whole(b, b->k->index, value);
}

tn_ins *
tn_kb_real(tn_kb *b, tn_dtype dtype, double value)
{
    assert(tn_is_float(dtype));
    /* One NaN, so that bytes do not depend on how it was made. */
    value = isnan(value) ? (double)NAN : tn_round_to(dtype, value);
    tn_ins proto = {.op = TN_K_const, .type = {dtype, 1}, .real = value};
    return tn_kb_shared(b, &proto, b->k->root);
}

bool
tn_kb_is_int(const tn_ins *v, int64_t *value)
{
    if (!kb_is_const(v) || !tn_is_int(v->type.dtype))
        return false;
    *value = v->whole;
    return true;
}

tn_ins *
tn_kb_size(tn_kb *b, const char *name, int64_t low, int64_t high)
{
    tn_kernel *k = b->k;
    uint32_t number = 0;
    while (number < k->sizes.count && strcmp(k->sizes.at[number].name, name) != 0)
        number++;
    if (number == k->sizes.count) {
        tn_ksize size = {tn_arena_copy(b->arena, name, strlen(name)), low, high};
        tn_push(b->arena, &k->sizes, size);
    }
    tn_ins proto = {.op = TN_K_param, .type = {k->index, 1}, .whole = number};
    return tn_kb_shared(b, &proto, k->root);
}

/* ---- functions ---- */

static tn_ktype
result_type(tn_fn fn, int count, tn_ins *const *args)
{
    tn_fn_rule rule = tn_fn_info_of(fn)->rule;
    tn_ktype type = args[rule == TN_RULE_SELECT ? count - 1 : 0]->type;
    if (rule == TN_RULE_TEST)
        type.dtype = TN_BOOL;
    return type;
}

tn_ins *
tn_kb_native_raw(tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args)
{
    tn_ins proto = {.op = TN_K_fn, .fn = fn, .type = type};
    for (int i = 0; i < count; i++)
        tn_kb_arg(&proto, args[i]);
    return tn_kb_shared(b, &proto, place(b, fn, type, count, args));
}

tn_ins *
tn_kb_splatted(tn_kb *b, tn_ins *v, int lanes)
{
    if (v->type.lanes == lanes)
        return v;
    assert(v->type.lanes == 1);
    tn_ins proto = {.op = TN_K_splat, .type = {v->type.dtype, (uint16_t)lanes}};
    tn_kb_arg(&proto, v);
    return tn_kb_shared(b, &proto, kb_is_const(v) ? b->k->root : b->cur);
}

tn_ins *
tn_kb_splat(tn_kb *b, tn_ins *scalar, int lanes)
{
    return tn_kb_splatted(b, scalar, lanes);
}

/* i32 meets i64: scalars are widened, vectors narrowed. */
static void
meet_widths(tn_kb *b, int first, int count, tn_ins **args, int lanes)
{
    bool wide = false, narrow = false;
    for (int i = first; i < count; i++) {
        wide = wide || args[i]->type.dtype == TN_I64;
        narrow = narrow || args[i]->type.dtype == TN_I32;
    }
    if (!wide || !narrow)
        return;
    for (int i = first; i < count; i++)
        args[i] = tn_kb_cast(b, lanes == 1 ? TN_I64 : TN_I32, args[i]);
}

/* A function of splats is the splat of the function. */
static bool
all_uniform(int count, tn_ins **args)
{
    for (int i = 0; i < count; i++)
        if (args[i]->type.lanes > 1 && args[i]->op != TN_K_splat)
            return false;
    return true;
}

tn_ins *
tn_kb_native(tn_kb *b, tn_fn fn, int count, tn_ins *const *args)
{
    tn_ktype type = result_type(fn, count, args);
    tn_ins *folded = tn_kb_fold(b, fn, type, count, args);
    return folded ? folded : tn_kb_native_raw(b, fn, type, count, args);
}

static tn_ins *
function(tn_kb *b, tn_fn fn, int count, tn_ins **args)
{
    int lanes = 1;
    for (int i = 0; i < count; i++)
        lanes = args[i]->type.lanes > lanes ? args[i]->type.lanes : lanes;
    meet_widths(b, fn == TN_FN_select, count, args, lanes);
    bool uniform = all_uniform(count, args);
    for (int i = 0; i < count; i++) {
        if (!uniform)
            args[i] = tn_kb_splatted(b, args[i], lanes);
        else if (args[i]->type.lanes > 1)
            args[i] = args[i]->arg[0];
    }
    const tn_fn_info *info = tn_fn_info_of(fn);
    assert(info->arity == count);
    tn_ins *v;
    if (fn == TN_FN_fma && b->k->exact) {
        tn_ins *product = tn_kb_native(b, TN_FN_mul, 2, args);
        v = tn_kb_native(b, TN_FN_add, 2, (tn_ins *[]){product, args[2]});
    } else if (fn == TN_FN_rem && tn_is_float(args[0]->type.dtype)) {
        v = tn_kb_expand_rem(b, args[0], args[1]);
    } else {
        v = info->native ? tn_kb_native(b, fn, count, args) : tn_kb_expand(b, fn, args);
    }
    return uniform ? tn_kb_splatted(b, v, lanes) : v;
}

tn_ins *
tn_kb_fn1(tn_kb *b, tn_fn fn, tn_ins *a)
{
    return function(b, fn, 1, (tn_ins *[]){a});
}

tn_ins *
tn_kb_fn2(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c)
{
    return function(b, fn, 2, (tn_ins *[]){a, c});
}

tn_ins *
tn_kb_fn3(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c, tn_ins *d)
{
    return function(b, fn, 3, (tn_ins *[]){a, c, d});
}

static bool
is_half(tn_dtype t)
{
    return t == TN_F16 || t == TN_BF16;
}

tn_ins *
tn_kb_cast(tn_kb *b, tn_dtype to, tn_ins *a)
{
    tn_dtype from = a->type.dtype;
    if (from == to)
        return a;
    if (a->op == TN_K_splat) {
        tn_ins *scalar = tn_kb_cast(b, to, a->arg[0]);
        return tn_kb_splatted(b, scalar, a->type.lanes);
    }
    tn_ins *folded = tn_kb_fold_cast(b, to, a);
    if (folded)
        return folded;
    if ((is_half(from) && to != TN_F32) || (is_half(to) && from != TN_F32))
        return tn_kb_expand_cast(b, to, a);
    return tn_kb_native_raw(b, TN_FN_cast, (tn_ktype){to, a->type.lanes}, 1, &a);
}

tn_ins *
tn_kb_bits(tn_kb *b, tn_dtype to, tn_ins *a)
{
    assert(tn_dtype_bytes(to) == tn_dtype_bytes(a->type.dtype));
    if (a->type.dtype == to)
        return a;
    if (a->op == TN_K_splat) {
        tn_ins *scalar = tn_kb_bits(b, to, a->arg[0]);
        return tn_kb_splatted(b, scalar, a->type.lanes);
    }
    return tn_kb_native_raw(b, TN_FN_bits, (tn_ktype){to, a->type.lanes}, 1, &a);
}

/* ---- vectors ---- */

tn_ins *
tn_kb_lanes(tn_kb *b, int lanes)
{
    if (lanes == 1)
        return tn_kb_whole(b, TN_I32, 0);
    tn_ins proto = {.op = TN_K_lanes, .type = {TN_I32, (uint16_t)lanes}};
    return tn_kb_shared(b, &proto, b->k->root);
}

tn_ins *
tn_kb_below(tn_kb *b, tn_ins *count, int lanes)
{
    count = tn_kb_cast(b, b->k->index, count);
    kb_range r = tn_kb_range_of(b, count);
    if (r.low >= lanes || r.high <= 0) {
        tn_ins *known = tn_kb_whole(b, TN_BOOL, r.low >= lanes);
        return tn_kb_splatted(b, known, lanes);
    }
    if (lanes == 1) {
        tn_ins *zero = tn_kb_int(b, 0);
        return tn_kb_fn2(b, TN_FN_lt, zero, count);
    }
    tn_ins proto = {.op = TN_K_below, .type = {TN_BOOL, (uint16_t)lanes}};
    tn_kb_arg(&proto, count);
    return tn_kb_shared(b, &proto, b->cur);
}

tn_ins *
tn_kb_extract(tn_kb *b, tn_ins *vector, int lane)
{
    assert(lane >= 0 && lane < vector->type.lanes);
    if (vector->type.lanes == 1)
        return vector;
    if (vector->op == TN_K_splat)
        return vector->arg[0];
    tn_ins proto = {.op = TN_K_extract, .type = {vector->type.dtype, 1}, .whole = lane};
    tn_kb_arg(&proto, vector);
    return tn_kb_shared(b, &proto, b->cur);
}

tn_ins *
tn_kb_across(tn_kb *b, tn_fn fn, tn_ins *vector)
{
    if (vector->type.lanes == 1)
        return vector;
    tn_ins proto = {.op = TN_K_across, .fn = fn, .type = {vector->type.dtype, 1}};
    tn_kb_arg(&proto, vector);
    return tn_kb_shared(b, &proto, b->cur);
}
