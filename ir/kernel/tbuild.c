/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tbuild_in.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ir/kernel/teval.h"

/* ---- nodes by content ---- */

static uint64_t
mix(uint64_t h, uint64_t x)
{
    h ^= x + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    return h * UINT64_C(0xff51afd7ed558ccd);
}

static uint64_t
real_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t
axis_bits(const tn_axis *axis)
{
    return axis ? axis->index + 1u : 0;
}

static uint64_t
hash_node(const tn_tval *v)
{
    uint64_t h = mix((uint64_t)v->op, ((uint64_t)v->fn << 8) | (uint64_t)v->dtype);

    for (int i = 0; i < v->arg_count; i++)
        h = mix(h, v->arg[i]->id);
    for (int i = 0; i < v->red_count; i++)
        h = mix(h, axis_bits(v->red[i]));
    h = mix(h, v->guard ? v->guard->id + 1u : 0);
    h = mix(h, axis_bits(v->axis) << 32 | axis_bits(v->to));
    h = mix(h, v->buf ? v->buf->index + 1u : 0);
    h = mix(h, (uint64_t)v->whole);
    h = mix(h, real_bits(v->real));
    return mix(h,
        (uint64_t)v->epoch << 3 | (uint64_t)(v->side << 2) | (uint64_t)(v->inclusive << 1) |
            (uint64_t)v->reverse);
}

static bool
same_node(const tn_tval *a, const tn_tval *b)
{
    if (a->op != b->op || a->fn != b->fn || a->dtype != b->dtype || a->arg_count != b->arg_count ||
        a->red_count != b->red_count || a->guard != b->guard || a->axis != b->axis ||
        a->to != b->to || a->buf != b->buf || a->loop != b->loop || a->whole != b->whole ||
        a->side != b->side || a->inclusive != b->inclusive || a->reverse != b->reverse ||
        a->epoch != b->epoch || real_bits(a->real) != real_bits(b->real))
        return false;
    for (int i = 0; i < a->arg_count; i++)
        if (a->arg[i] != b->arg[i])
            return false;
    for (int i = 0; i < a->red_count; i++)
        if (a->red[i] != b->red[i])
            return false;
    return true;
}

static bool
is_open(const tn_tb *b, const tn_tbody *home)
{
    for (const tn_tbody *p = b->body; p; p = p->parent)
        if (p == home)
            return true;
    return false;
}

static void
put_slot(tn_tb *b, tn_tval *v)
{
    uint32_t at = (uint32_t)hash_node(v) & (b->slot_count - 1);

    while (b->slots[at])
        at = (at + 1) & (b->slot_count - 1);
    b->slots[at] = v;
    b->slot_used++;
}

static void
more_slots(tn_tb *b)
{
    tn_tval **old = b->slots;
    uint32_t count = b->slot_count;

    b->slot_count = count ? count * 2 : 256;
    b->slots = tn_new_array(b->arena, tn_tval *, b->slot_count);
    b->slot_used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (old[i])
            put_slot(b, old[i]);
}

static tn_axis **
copy_axes(tn_tb *b, tn_axis *const *axes, int count)
{
    tn_axis **copy = tn_new_array(b->arena, tn_axis *, count);

    for (int i = 0; i < count; i++)
        copy[i] = axes[i];
    return copy;
}

tn_tval *
tn_tb_node(tn_tb *b, const tn_tval *like)
{
    uint32_t at;
    tn_tval *v;

    if (b->slot_used * 2 >= b->slot_count)
        more_slots(b);
    at = (uint32_t)hash_node(like) & (b->slot_count - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slot_count - 1))
        if (same_node(b->slots[at], like) && is_open(b, b->slots[at]->home))
            return b->slots[at];
    v = tn_new(b->arena, tn_tval);
    *v = *like;
    v->axes = copy_axes(b, like->axes, like->axis_count);
    v->red = copy_axes(b, like->red, like->red_count);
    /* Numbers and sizes are everywhere the same. */
    v->home = like->op == TN_T_const || like->op == TN_T_size ? b->tile->body : b->body;
    v->id = b->tile->value_count++;
    put_slot(b, v);
    return v;
}

/* ---- axes of a node ---- */

static int
add_axis(tn_axis **to, int count, tn_axis *axis)
{
    int at = count;

    while (at > 0 && to[at - 1]->index > axis->index)
        at--;
    if (at > 0 && to[at - 1] == axis)
        return count;
    assert(count < TN_TILE_AXES);
    memmove(to + at + 1, to + at, (size_t)(count - at) * sizeof *to);
    to[at] = axis;
    return count + 1;
}

void
tn_tb_join_axes(tn_tb *b, tn_tval *like, tn_tval *const *args, int count)
{
    tn_axis *axes[TN_TILE_AXES];
    int n = 0;

    for (int i = 0; i < count; i++)
        for (int k = 0; args[i] && k < args[i]->axis_count; k++)
            n = add_axis(axes, n, args[i]->axes[k]);
    like->axes = copy_axes(b, axes, n);
    like->axis_count = (uint8_t)n;
}

static void
drop_axes(tn_tval *like, tn_axis *const *over, int count)
{
    int n = 0;

    for (int i = 0; i < like->axis_count; i++) {
        bool dropped = false;

        for (int k = 0; k < count; k++)
            dropped |= like->axes[i] == over[k];
        if (!dropped)
            like->axes[n++] = like->axes[i];
    }
    like->axis_count = (uint8_t)n;
}

static void
swap_axis(tn_tb *b, tn_tval *like, tn_axis *from, tn_axis *to)
{
    tn_axis *axes[TN_TILE_AXES];
    int n = 0;

    for (int i = 0; i < like->axis_count; i++)
        n = add_axis(axes, n, like->axes[i] == from ? to : like->axes[i]);
    like->axes = copy_axes(b, axes, n);
    like->axis_count = (uint8_t)n;
}

bool
tn_tval_has_axis(const tn_tval *v, const tn_axis *axis)
{
    for (int i = 0; i < v->axis_count; i++)
        if (v->axes[i] == axis)
            return true;
    return false;
}

bool
tn_tval_is_int(const tn_tval *v, int64_t *value)
{
    if (v->op != TN_T_const || v->dtype != TN_I32)
        return false;
    *value = v->whole;
    return true;
}

/* ---- constants, sizes, positions ---- */

tn_tval *
tn_tb_whole(tn_tb *b, tn_dtype dtype, int64_t value)
{
    if (tn_is_float(dtype))
        return tn_tb_real(b, dtype, (double)value);
    return tn_tb_node(b,
        &(tn_tval){.op = TN_T_const, .dtype = dtype, .whole = tn_wrap(dtype, value)});
}

tn_tval *
tn_tb_int(tn_tb *b, int64_t value)
{
    return tn_tb_whole(b, TN_I32, value);
}

tn_tval *
tn_tb_real(tn_tb *b, tn_dtype dtype, double value)
{
    assert(tn_is_float(dtype));
    value = isnan(value) ? (double)NAN : tn_round_to(dtype, value);
    return tn_tb_node(b, &(tn_tval){.op = TN_T_const, .dtype = dtype, .real = value});
}

tn_tval *
tn_tb_size(tn_tb *b, const char *name, int64_t low, int64_t high)
{
    const tn_tval *known = tn_map_get(&b->size_of, name);
    tn_tval like = {.op = TN_T_size, .dtype = TN_I32, .whole = b->tile->sizes.count};
    tn_tval *v;

    if (known) {
        like.whole = known->whole;
        return tn_tb_node(b, &like);
    }
    tn_push(b->arena, &b->tile->sizes,
        ((tn_tsize){.name = tn_tb_unique(b, name), .low = low, .high = high}));
    v = tn_tb_node(b, &like);
    tn_map_put(&b->size_of, tn_arena_copy(b->arena, name, strlen(name)), v);
    return v;
}

static tn_tval *
position(tn_tb *b, tn_top op, tn_axis *axis)
{
    tn_tval like = {.op = op, .dtype = TN_I32, .axis = axis};

    if (op == TN_T_index && !axis->by_one) {
        like.axes = &axis;
        like.axis_count = 1;
    }
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_index(tn_tb *b, tn_axis *axis)
{
    return position(b, TN_T_index, axis);
}

tn_tval *
tn_tb_first(tn_tb *b, tn_axis *axis)
{
    return position(b, TN_T_first, axis);
}

tn_tval *
tn_tb_last(tn_tb *b, tn_axis *axis)
{
    return position(b, TN_T_last, axis);
}

/* ---- functions ---- */

static bool
fits_class(tn_fn_rule rule, tn_dtype t)
{
    switch (rule) {
    case TN_RULE_SAME: return t != TN_BOOL;
    case TN_RULE_FLOAT: return tn_is_float(t);
    case TN_RULE_INT: return tn_is_int(t);
    case TN_RULE_LOGIC: return tn_is_int(t) || t == TN_BOOL;
    default: return true;
    }
}

const char *
tn_tb_fn_fault(tn_fn fn, tn_tval *const *args, int count)
{
    const tn_fn_info *info = tn_fn_info_of(fn);
    int from = info->rule == TN_RULE_SELECT;

    if (info->rule == TN_RULE_CAST || info->rule == TN_RULE_BITS)
        return "is written as a conversion";
    if (count != info->arity)
        return "has another number of operands";
    if (from && args[0]->dtype != TN_BOOL)
        return "wants a bool to choose by";
    for (int i = from + 1; i < count; i++)
        if (args[i]->dtype != args[from]->dtype)
            return "wants operands of one element type";
    if (!fits_class(info->rule, args[from]->dtype))
        return "is not defined for this element type";
    if ((fn == TN_FN_is_nan || fn == TN_FN_is_inf || fn == TN_FN_is_finite) &&
        !tn_is_float(args[0]->dtype))
        return "is not defined for this element type";
    return NULL;
}

static bool
is_whole(const tn_tval *v, int64_t value)
{
    return v->op == TN_T_const && !tn_is_float(v->dtype) && v->whole == value;
}

static bool
is_const_whole(const tn_tval *v)
{
    return v->op == TN_T_const && !tn_is_float(v->dtype);
}

static tn_tval *
folded(tn_tb *b, tn_fn fn, tn_dtype result, tn_tval *const *args, int count)
{
    int64_t x[3] = {0}, r;
    tn_dtype of = args[count - 1]->dtype;

    for (int i = 0; i < count; i++) {
        if (!is_const_whole(args[i]))
            return NULL;
        x[i] = args[i]->whole;
    }
    return tn_eval_int(fn, of, x, &r) ? tn_tb_whole(b, result, r) : NULL;
}

/* Identities of integers and truth values: x+0, x-0, x*1, x*0, x/1, and
 * with true, ...; NULL when none applies. */
static tn_tval *
reduced(tn_fn fn, tn_tval *a, tn_tval *c)
{
    switch (fn) {
    case TN_FN_add: return is_whole(c, 0) ? a : is_whole(a, 0) ? c : NULL;
    case TN_FN_sub: return is_whole(c, 0) ? a : NULL;
    case TN_FN_mul:
        if (is_whole(a, 0) || is_whole(c, 1))
            return a;
        return is_whole(c, 0) || is_whole(a, 1) ? c : NULL;
    case TN_FN_div: return is_whole(c, 1) ? a : NULL;
    case TN_FN_min:
    case TN_FN_max: return a == c ? a : NULL;
    case TN_FN_and:
        if (a == c)
            return a;
        if (a->dtype == TN_BOOL)
            return is_whole(a, 0) || is_whole(c, 1) ? a
                : is_whole(c, 0) || is_whole(a, 1)  ? c
                                                    : NULL;
        return NULL;
    case TN_FN_or:
        if (a == c || is_whole(c, 0))
            return a;
        return is_whole(a, 0) ? c : NULL;
    default: return NULL;
    }
}

/* A number that is not below 0, by its looks. */
static bool
is_position(const tn_tval *v, int depth)
{
    if (v->op == TN_T_index || v->op == TN_T_size)
        return true;
    if (v->op == TN_T_const)
        return v->whole >= 0;
    return v->op == TN_T_fn && depth > 0 && (v->fn == TN_FN_add || v->fn == TN_FN_mul) &&
        is_position(v->arg[0], depth - 1) && is_position(v->arg[1], depth - 1);
}

/* (p*n + r) / n and its rest, where 0 <= r < n is a position along an axis or
 * a constant, and r / n, if n is a constant. */
static tn_tval *
divided(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *n)
{
    tn_tval *p = NULL, *r = a, *end;

    if ((fn != TN_FN_div && fn != TN_FN_rem) || a->dtype != TN_I32 || !is_const_whole(n))
        return NULL;
    if (a->op == TN_T_fn && a->fn == TN_FN_add) {
        p = a->arg[0];
        r = a->arg[1];
        if (p->op != TN_T_fn || p->fn != TN_FN_mul || p->arg[1] != n || !is_position(p, 4))
            return NULL;
        p = p->arg[0];
    } else if (a->op == TN_T_fn && a->fn == TN_FN_mul && a->arg[1] == n && is_position(a, 4)) {
        return fn == TN_FN_div ? a->arg[0] : tn_tb_int(b, 0);
    }
    if (r->op == TN_T_index && r->axis->kind != TN_AXIS_LOOP &&
        (!r->axis->low || is_whole(r->axis->low, 0)))
        end = r->axis->high;
    else
        return NULL;
    if (!is_const_whole(end) || end->whole > n->whole)
        return NULL;
    if (fn == TN_FN_rem)
        return r;
    return p ? p : tn_tb_int(b, 0);
}

/* Sums keep their constant last and alone, products likewise, so that equal
 * index maps become equal nodes. */
static tn_tval *
regrouped(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *c)
{
    if (fn == TN_FN_sub && is_const_whole(c) && c->dtype == TN_I32 && c->whole != INT32_MIN)
        return tn_tb_fn2(b, TN_FN_add, a, tn_tb_int(b, -c->whole));
    if (fn == TN_FN_sub && a == c)
        return tn_tb_whole(b, a->dtype, 0);
    if (fn != TN_FN_add && fn != TN_FN_mul)
        return NULL;
    if (is_const_whole(a))
        return tn_tb_fn2(b, fn, c, a);
    if (is_const_whole(c) && a->op == TN_T_fn && a->fn == fn && is_const_whole(a->arg[1])) {
        tn_tval *both = tn_tb_fn2(b, fn, a->arg[1], c);

        return tn_tb_fn2(b, fn, a->arg[0], both);
    }
    return NULL;
}

static tn_tval *
make_fn(tn_tb *b, tn_fn fn, tn_tval **args, int count)
{
    tn_dtype of = args[count - 1]->dtype;
    bool test = tn_fn_info_of(fn)->rule == TN_RULE_TEST;
    tn_tval like = {
        .op = TN_T_fn, .fn = fn, .dtype = test ? TN_BOOL : of, .arg_count = (uint8_t)count};
    tn_tval *r;

    assert(!tn_tb_fn_fault(fn, args, count));
    r = folded(b, fn, like.dtype, args, count);
    if (!r && count == 2 && !tn_is_float(of))
        r = reduced(fn, args[0], args[1]);
    if (!r && count == 2 && !tn_is_float(of))
        r = regrouped(b, fn, args[0], args[1]);
    if (!r && count == 2)
        r = divided(b, fn, args[0], args[1]);
    if (!r && fn == TN_FN_select && is_const_whole(args[0]))
        r = args[args[0]->whole ? 1 : 2];
    if (!r && fn == TN_FN_select && args[1] == args[2])
        r = args[1];
    if (r)
        return r;
    for (int i = 0; i < count; i++)
        like.arg[i] = args[i];
    tn_tb_join_axes(b, &like, args, count);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_fn1(tn_tb *b, tn_fn fn, tn_tval *a)
{
    return make_fn(b, fn, (tn_tval *[]){a}, 1);
}

tn_tval *
tn_tb_fn2(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *c)
{
    return make_fn(b, fn, (tn_tval *[]){a, c}, 2);
}

tn_tval *
tn_tb_fn3(tn_tb *b, tn_fn fn, tn_tval *a, tn_tval *c, tn_tval *d)
{
    return make_fn(b, fn, (tn_tval *[]){a, c, d}, 3);
}

static tn_tval *
cast_const(tn_tb *b, tn_dtype to, const tn_tval *a)
{
    if (tn_is_float(a->dtype))
        return tn_is_float(to) ? tn_tb_real(b, to, a->real)
                               : tn_tb_whole(b, to, tn_cast_to_int(to, a->real));
    return tn_is_float(to) ? tn_tb_real(b, to, tn_cast_to_real(to, a->whole))
                           : tn_tb_whole(b, to, a->whole);
}

tn_tval *
tn_tb_cast(tn_tb *b, tn_dtype to, tn_tval *a)
{
    tn_tval like = {.op = TN_T_fn, .fn = TN_FN_cast, .dtype = to, .arg_count = 1, .arg = {a}};

    if (a->dtype == to)
        return a;
    if (a->op == TN_T_const)
        return cast_const(b, to, a);
    tn_tb_join_axes(b, &like, &a, 1);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_bits(tn_tb *b, tn_dtype to, tn_tval *a)
{
    tn_tval like = {.op = TN_T_fn, .fn = TN_FN_bits, .dtype = to, .arg_count = 1, .arg = {a}};

    assert(tn_dtype_bytes(to) == tn_dtype_bytes(a->dtype));
    if (a->dtype == to)
        return a;
    tn_tb_join_axes(b, &like, &a, 1);
    return tn_tb_node(b, &like);
}

/* ---- memory, reductions ---- */

tn_tval *
tn_tb_load(tn_tb *b, tn_tbuf *buf, tn_tval *const *index, tn_tval *guard)
{
    tn_tval like = {.op = TN_T_load,
        .dtype = buf->dtype,
        .arg_count = (uint8_t)buf->rank,
        .guard = guard,
        .buf = buf,
        .epoch = tn_tb_epoch(b, buf)};

    assert(!guard || (guard->op == TN_T_const && guard->dtype == buf->dtype));
    for (int i = 0; i < buf->rank; i++) {
        assert(index[i]->dtype == TN_I32);
        like.arg[i] = index[i];
    }
    tn_tb_join_axes(b, &like, index, buf->rank);
    buf->read = true;
    return tn_tb_node(b, &like);
}

static void
set_red(tn_tval *like, tn_axis **store, tn_axis *const *over, int count)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        n = add_axis(store, n, over[i]);
    like->red = store;
    like->red_count = (uint8_t)n;
}

tn_tval *
tn_tb_reduce(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *const *over, int count)
{
    tn_axis *red[TN_TILE_AXES];
    tn_tval like = {.op = TN_T_reduce, .fn = fn, .dtype = a->dtype, .arg_count = 1, .arg = {a}};

    for (int i = 0; i < count; i++)
        assert(tn_tval_has_axis(a, over[i]));
    set_red(&like, red, over, count);
    tn_tb_join_axes(b, &like, &a, 1);
    drop_axes(&like, over, count);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_mma(tn_tb *b, tn_tval *acc, tn_tval *a, tn_tval *c, tn_axis *const *over, int count)
{
    tn_axis *red[TN_TILE_AXES];
    tn_tval like = {
        .op = TN_T_mma, .fn = TN_FN_add, .dtype = acc->dtype, .arg_count = 3, .arg = {acc, a, c}};

    for (int i = 0; i < count; i++)
        assert(tn_tval_has_axis(a, over[i]) || tn_tval_has_axis(c, over[i]));
    set_red(&like, red, over, count);
    tn_tb_join_axes(b, &like, like.arg, 3);
    drop_axes(&like, over, count);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_argreduce(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *over)
{
    tn_tval like = {.op = TN_T_argreduce,
        .fn = fn,
        .dtype = a->dtype,
        .arg_count = 1,
        .arg = {a},
        .red = &over,
        .red_count = 1};

    assert(tn_tval_has_axis(a, over) && (fn == TN_FN_min || fn == TN_FN_max));
    tn_tb_join_axes(b, &like, &a, 1);
    drop_axes(&like, &over, 1);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_prefix(tn_tb *b, tn_fn fn, tn_tval *a, tn_axis *over, bool inclusive, bool reverse)
{
    tn_tval like = {.op = TN_T_prefix,
        .fn = fn,
        .dtype = a->dtype,
        .arg_count = 1,
        .arg = {a},
        .red = &over,
        .red_count = 1,
        .inclusive = inclusive,
        .reverse = reverse};

    assert(tn_tval_has_axis(a, over));
    tn_tb_join_axes(b, &like, &a, 1);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_topk(tn_tb *b, tn_tval *a, tn_axis *over, tn_axis *out)
{
    tn_tval like = {.op = TN_T_topk,
        .dtype = a->dtype,
        .arg_count = 1,
        .arg = {a},
        .red = &over,
        .red_count = 1,
        .axis = over,
        .to = out};

    assert(tn_tval_has_axis(a, over) && !tn_tval_has_axis(a, out));
    tn_tb_join_axes(b, &like, &a, 1);
    swap_axis(b, &like, over, out);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_result(tn_tb *b, tn_tval *of, int number)
{
    tn_tval like = {.op = TN_T_result,
        .dtype = number ? TN_I32 : of->dtype,
        .arg_count = 1,
        .arg = {of},
        .whole = number};

    assert(of->op == TN_T_argreduce || of->op == TN_T_topk);
    tn_tb_join_axes(b, &like, &of, 1);
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_rename(tn_tb *b, tn_tval *a, tn_axis *from, tn_axis *to)
{
    tn_tval like = {
        .op = TN_T_rename, .dtype = a->dtype, .arg_count = 1, .arg = {a}, .axis = from, .to = to};

    assert(tn_tval_has_axis(a, from) && !tn_tval_has_axis(a, to));
    if (from == to)
        return a;
    tn_tb_join_axes(b, &like, &a, 1);
    swap_axis(b, &like, from, to);
    return tn_tb_node(b, &like);
}

const char *
tn_top_name(tn_top op)
{
    static const char *const names[TN_T_COUNT] = {
#define TN_T(name, ...) [TN_T_##name] = #name,
#include "ir/kernel/tops.def"
    };

    return names[op];
}
