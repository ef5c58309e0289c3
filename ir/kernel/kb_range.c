/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/checked.h"
#include "ir/kernel/kb.h"

/* Bounds of scalar integers. What might wrap has the bounds of its type. */

/* A size without a bound is taken to be below this: no axis of a tensor that
 * fits a machine is longer, and sums of such sizes still have bounds. */
static const int64_t open_size = (int64_t)1 << 40;

static kb_range
all_of(tn_dtype dtype)
{
    kb_range r = {0, 1};
    if (dtype == TN_U64)
        return (kb_range){INT64_MIN, INT64_MAX}; /* as bits: nothing is known */
    if (dtype != TN_BOOL)
        tn_dtype_range(dtype, &r.low, &r.high);
    return r;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool
product(kb_range a, kb_range c, kb_range *out)
{
    int64_t p[4];
    if (!tn_mul_i64(a.low, c.low, &p[0]) || !tn_mul_i64(a.low, c.high, &p[1]) ||
        !tn_mul_i64(a.high, c.low, &p[2]) || !tn_mul_i64(a.high, c.high, &p[3]))
        return false;
    *out = (kb_range){
        least(least(p[0], p[1]), least(p[2], p[3])), most(most(p[0], p[1]), most(p[2], p[3]))};
    return true;
}

/* Truncating division by a positive number. */
static bool
quotient(kb_range a, kb_range c, kb_range *out)
{
    if (c.low <= 0)
        return false;
    int64_t low = a.low < 0 ? a.low / c.low : a.low / c.high;
    int64_t high = a.high < 0 ? a.high / c.high : a.high / c.low;
    *out = (kb_range){low, high};
    return true;
}

static bool
rest(kb_range a, kb_range c, kb_range *out)
{
    if (c.low <= 0)
        return false;
    *out = (kb_range){a.low < 0 ? -(c.high - 1) : 0, a.high > 0 ? c.high - 1 : 0};
    if (a.low >= 0)
        out->high = least(out->high, a.high);
    return true;
}

static bool
two(tn_fn fn, kb_range a, kb_range c, kb_range *out)
{
    switch (fn) {
    case TN_FN_add:
        return tn_add_i64(a.low, c.low, &out->low) && tn_add_i64(a.high, c.high, &out->high);
    case TN_FN_sub:
        return tn_sub_i64(a.low, c.high, &out->low) && tn_sub_i64(a.high, c.low, &out->high);
    case TN_FN_mul: return product(a, c, out);
    case TN_FN_div: return quotient(a, c, out);
    case TN_FN_rem: return rest(a, c, out);
    case TN_FN_min:
    case TN_FN_minq: *out = (kb_range){least(a.low, c.low), least(a.high, c.high)}; return true;
    case TN_FN_max:
    case TN_FN_maxq: *out = (kb_range){most(a.low, c.low), most(a.high, c.high)}; return true;
    case TN_FN_and:
        *out =
            (kb_range){0, least(a.low >= 0 ? a.high : INT64_MAX, c.low >= 0 ? c.high : INT64_MAX)};
        return a.low >= 0 || c.low >= 0;
    case TN_FN_shr:
        if (c.low < 0 || c.high > 62)
            return false;
        *out = (kb_range){
            least(a.low >> c.low, a.low >> c.high), most(a.high >> c.low, a.high >> c.high)};
        return true;
    case TN_FN_eq:
        *out = (kb_range){a.low == a.high && c.low == c.high && a.low == c.low,
            a.low <= c.high && c.low <= a.high};
        return true;
    case TN_FN_lt: *out = (kb_range){a.high < c.low, a.low < c.high}; return true;
    case TN_FN_le: *out = (kb_range){a.high <= c.low, a.low <= c.high}; return true;
    default: return false;
    }
}

static bool
of_function(const tn_kb *b, const tn_ins *v, kb_range *out)
{
    const tn_ins *first = v->arg[v->fn == TN_FN_select ? 1 : 0];
    if (tn_is_float(first->type.dtype) || first->type.dtype == TN_U64 ||
        (v->fn != TN_FN_select && first->type.dtype == TN_BOOL))
        return false;
    kb_range a = tn_kb_range_of(b, first);
    if (v->fn == TN_FN_cast) {
        *out = a;
        return true;
    }
    if (v->arg_count < 2)
        return false;
    kb_range c = tn_kb_range_of(b, v->arg[v->arg_count - 1]);
    if (v->fn == TN_FN_select) {
        *out = (kb_range){least(a.low, c.low), most(a.high, c.high)};
        return true;
    }
    return two(v->fn, a, c, out);
}

static kb_range
computed(const tn_kb *b, const tn_ins *v)
{
    kb_range all = all_of(v->type.dtype), r = all;
    switch (v->op) {
    case TN_K_const: return (kb_range){v->whole, v->whole};
    case TN_K_param:
        r = (kb_range){b->k->sizes.at[v->whole].low, b->k->sizes.at[v->whole].high};
        r.high = least(r.high, open_size);
        break;
    case TN_K_loop:
        r = (kb_range){tn_kb_range_of(b, v->arg[0]).low, tn_kb_range_of(b, v->arg[1]).high};
        if (r.high > INT64_MIN)
            r.high--;
        r.high = most(r.high, r.low); /* an empty loop has no index */
        break;
    case TN_K_fn:
        if (!of_function(b, v, &r))
            return all;
        return r.low < all.low || r.high > all.high ? all : r;
    default: return all;
    }
    r.low = most(r.low, all.low);
    r.high = least(r.high, all.high);
    return r;
}

kb_range
tn_kb_range_of(const tn_kb *b, const tn_ins *v)
{
    kb_range all = all_of(v->type.dtype);
    if (v->id >= b->range.count)
        return all;
    kb_range r = b->range.at[v->id];
    return (kb_range){most(r.low, all.low), least(r.high, all.high)};
}

void
tn_kb_range_note(tn_kb *b, const tn_ins *v)
{
    bool known = v->type.lanes == 1 && !tn_is_float(v->type.dtype);
    kb_range r = known ? computed(b, v) : (kb_range){INT64_MIN, INT64_MAX};
    while (b->range.count <= v->id) {
        /* Placed instructions in between: loads and the like. */
        tn_push(b->arena, &b->range, ((kb_range){INT64_MIN, INT64_MAX}));
    }
    b->range.at[v->id] = r;
}
