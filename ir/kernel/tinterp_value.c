/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tinterp_in.h"

#include <math.h>

#include "ir/kernel/teval.h"

/* ---- positions ---- */

bool
tn_ti_first(tn_ti *c, tn_axis *const *axes, int count)
{
    bool any = true;

    for (int i = 0; i < count; i++) {
        const tn_ti_range *r = &c->range[axes[i]->index];

        c->pos[axes[i]->index] = r->low;
        any = any && r->low < r->high;
    }
    return any;
}

bool
tn_ti_next(tn_ti *c, tn_axis *const *axes, int count)
{
    for (int i = count; i > 0; i--) {
        uint32_t axis = axes[i - 1]->index;

        if (++c->pos[axis] < c->range[axis].high)
            return true;
        c->pos[axis] = c->range[axis].low;
    }
    return false;
}

tn_ti_val *
tn_ti_new(tn_ti *c, const tn_tval *of, tn_axis *const *axes, int count)
{
    tn_ti_val *v = tn_new(c->task, tn_ti_val);

    v->of = of;
    v->count = 1;
    v->range = tn_new_array(c->task, tn_ti_range, count);
    for (int i = 0; i < count; i++) {
        if (!c->bound[axes[i]->index])
            tn_ti_fail(c, "axis %s is not in scope", axes[i]->name);
        v->range[i] = c->range[axes[i]->index];
        v->count *= v->range[i].high > v->range[i].low ? v->range[i].high - v->range[i].low : 0;
    }
    v->cell = tn_new_array(c->task, tn_cell, v->count);
    return v;
}

static int64_t
offset_at(tn_ti *c, const tn_ti_val *v)
{
    int64_t at = 0;

    for (int i = 0; i < v->of->axis_count; i++) {
        int64_t k = c->pos[v->of->axes[i]->index] - v->range[i].low;

        if (k < 0 || k >= v->range[i].high - v->range[i].low) {
            tn_ti_fail(c, "a value is seen outside its block of axis %s", v->of->axes[i]->name);
            return 0;
        }
        at = at * (v->range[i].high - v->range[i].low) + k;
    }
    return at;
}

tn_cell
tn_ti_at(tn_ti *c, const tn_ti_val *v)
{
    int64_t at = offset_at(c, v);

    return c->failed || !v->count ? (tn_cell){.whole = 0} : v->cell[at];
}

/* ---- functions ---- */

static tn_cell
cast(const tn_tval *v, tn_dtype from, tn_cell x)
{
    if (tn_is_float(from))
        return tn_is_float(v->dtype) ? (tn_cell){.real = tn_round_to(v->dtype, x.real)}
                                     : (tn_cell){.whole = tn_cast_to_int(v->dtype, x.real)};
    return tn_is_float(v->dtype) ? (tn_cell){.real = tn_cast_to_real(v->dtype, x.whole)}
                                 : (tn_cell){.whole = tn_wrap(v->dtype, x.whole)};
}

static tn_cell
bits(const tn_tval *v, tn_dtype from, tn_cell x)
{
    uint64_t b = tn_is_float(from) ? tn_bits_of_real(from, x.real) : tn_bits_of_int(from, x.whole);

    return tn_is_float(v->dtype) ? (tn_cell){.real = tn_bits_to_real(v->dtype, b)}
                                 : (tn_cell){.whole = tn_bits_to_int(v->dtype, b)};
}

static tn_cell
call_int(tn_ti *c, tn_fn fn, tn_dtype of, const tn_cell *x, int count)
{
    int64_t args[3] = {0}, r = 0;

    for (int i = 0; i < count; i++)
        args[i] = x[i].whole;
    if (!tn_eval_int(fn, of, args, &r))
        tn_ti_fail(c, "%s has no result (a division by 0?)", tn_fn_info_of(fn)->name);
    return (tn_cell){.whole = r};
}

static tn_cell
call_real(tn_ti *c, tn_fn fn, const tn_cell *x, int count)
{
    double args[3] = {0}, r = 0;

    for (int i = 0; i < count; i++)
        args[i] = x[i].real;
    if ((fn == TN_FN_minq || fn == TN_FN_maxq) && (isnan(args[0]) || isnan(args[1])))
        tn_ti_fail(c, "%s is given NaN", tn_fn_info_of(fn)->name);
    if (!tn_eval_real(fn, args, &r))
        tn_ti_fail(c, "%s is no function of floats", tn_fn_info_of(fn)->name);
    return (tn_cell){.real = r};
}

static tn_cell
call(tn_ti *c, const tn_tval *v, const tn_cell *x)
{
    tn_dtype of = v->arg[v->arg_count - 1]->dtype;
    double args[2];
    bool test;

    if (v->fn == TN_FN_cast)
        return cast(v, of, x[0]);
    if (v->fn == TN_FN_bits)
        return bits(v, of, x[0]);
    if (v->fn == TN_FN_select)
        return x[0].whole ? x[1] : x[2];
    if (!tn_is_float(of))
        return call_int(c, v->fn, of, x, v->arg_count);
    if (tn_fn_info_of(v->fn)->rule != TN_RULE_TEST)
        return call_real(c, v->fn, x, v->arg_count);
    args[0] = x[0].real;
    args[1] = v->arg_count > 1 ? x[1].real : 0;
    if (!tn_eval_test(v->fn, args, &test))
        tn_ti_fail(c, "%s is no test of floats", tn_fn_info_of(v->fn)->name);
    return (tn_cell){.whole = !c->failed && test};
}

tn_cell
tn_ti_combine(tn_ti *c, tn_fn fn, tn_dtype dtype, tn_cell a, tn_cell b)
{
    tn_cell x[2] = {a, b};

    if (tn_is_float(dtype))
        return call_real(c, fn, x, 2);
    return call_int(c, fn, dtype, x, 2);
}

tn_cell
tn_ti_neutral(tn_fn fn, tn_dtype dtype)
{
    bool real = tn_is_float(dtype);
    int64_t low = 0, high = 1;

    if (!real && dtype != TN_BOOL)
        tn_dtype_range(dtype, &low, &high);
    switch (fn) {
    case TN_FN_mul: return real ? (tn_cell){.real = 1} : (tn_cell){.whole = 1};
    case TN_FN_min:
    case TN_FN_minq: return real ? (tn_cell){.real = INFINITY} : (tn_cell){.whole = high};
    case TN_FN_max:
    case TN_FN_maxq: return real ? (tn_cell){.real = -INFINITY} : (tn_cell){.whole = low};
    case TN_FN_and: return (tn_cell){.whole = tn_wrap(dtype, -1)};
    default: return real ? (tn_cell){.real = 0} : (tn_cell){.whole = 0};
    }
}

/* ---- instructions ---- */

static void
eval_fn(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    tn_cell x[TN_TVAL_ARGS];
    int64_t at = 0;

    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    do {
        for (int i = 0; i < v->arg_count; i++)
            x[i] = tn_ti_at(c, c->memo[v->arg[i]->id]);
        r->cell[at++] = call(c, v, x);
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

static void
eval_load(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    int64_t index[TN_MAX_RANK], at = 0;

    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    do {
        for (int i = 0; i < v->arg_count; i++)
            index[i] = tn_ti_at(c, c->memo[v->arg[i]->id]).whole;
        r->cell[at++] = tn_ti_load(c, v, index);
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

static tn_cell
product(tn_ti *c, const tn_tval *v)
{
    tn_cell x[2];

    for (int i = 0; i < 2; i++) {
        x[i] = tn_ti_at(c, c->memo[v->arg[i + 1]->id]);
        x[i] = v->arg[i + 1]->dtype == v->dtype ? x[i] : cast(v, v->arg[i + 1]->dtype, x[i]);
    }
    return tn_ti_combine(c, TN_FN_mul, v->dtype, x[0], x[1]);
}

/* reduce and mma: the reduced axes run inside. */
static void
eval_reduce(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    bool mma = v->op == TN_T_mma;
    int64_t at = 0;

    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    do {
        tn_cell sum = mma ? tn_ti_at(c, c->memo[v->arg[0]->id]) : tn_ti_neutral(v->fn, v->dtype);

        if (tn_ti_first(c, v->red, v->red_count))
            do {
                tn_cell x = mma ? product(c, v) : tn_ti_at(c, c->memo[v->arg[0]->id]);

                sum = tn_ti_combine(c, v->fn, v->dtype, sum, x);
            } while (tn_ti_next(c, v->red, v->red_count) && !c->failed);
        r->cell[at++] = sum;
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

/* True if x comes before y: greatest first (or least), NaN is greatest. */
static bool
precedes(tn_dtype dtype, tn_cell x, tn_cell y, bool greatest)
{
    if (!tn_is_float(dtype)) {
        int64_t args[2] = {x.whole, y.whole}, less = 0;

        if (greatest) {
            args[0] = y.whole;
            args[1] = x.whole;
        }
        return tn_eval_int(TN_FN_lt, dtype, args, &less) && less;
    }
    if (isnan(x.real) || isnan(y.real))
        return greatest ? isnan(x.real) && !isnan(y.real) : !isnan(x.real) && isnan(y.real);
    return greatest ? x.real > y.real : x.real < y.real;
}

static void
eval_argreduce(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    uint32_t axis = v->red[0]->index;
    int64_t at = 0;

    r->second = tn_new_array(c->task, tn_cell, r->count);
    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    if (c->range[axis].low >= c->range[axis].high) {
        tn_ti_fail(c, "argmax or argmin of nothing");
        return;
    }
    do {
        bool any = false;

        (void)tn_ti_first(c, v->red, 1);
        do {
            tn_cell x = tn_ti_at(c, c->memo[v->arg[0]->id]);

            if (!any || precedes(v->dtype, x, r->cell[at], v->fn == TN_FN_max)) {
                r->cell[at] = x;
                r->second[at].whole = c->pos[axis];
                any = true;
            }
        } while (tn_ti_next(c, v->red, 1) && !c->failed);
        at++;
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

/* The element along the reduced axis that comes next behind `last`. */
static bool
next_best(tn_ti *c, const tn_tval *v, bool first, tn_cell last, int64_t last_at, tn_cell *best,
    int64_t *best_at)
{
    uint32_t axis = v->red[0]->index;
    bool any = false;

    if (!tn_ti_first(c, v->red, 1))
        return false;
    do {
        tn_cell x = tn_ti_at(c, c->memo[v->arg[0]->id]);
        int64_t at = c->pos[axis];
        bool taken = !first &&
            (precedes(v->dtype, x, last, true) ||
                (!precedes(v->dtype, last, x, true) && at <= last_at));

        if (!taken && (!any || precedes(v->dtype, x, *best, true))) {
            *best = x;
            *best_at = at;
            any = true;
        }
    } while (tn_ti_next(c, v->red, 1) && !c->failed);
    return any;
}

static void
eval_topk(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    tn_cell last = {0}, best = {0};
    int64_t at = 0, last_at = 0, best_at = 0;

    r->second = tn_new_array(c->task, tn_cell, r->count);
    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    /* The out axis need not be the last one: each place counts up to its own
     * rank from the start. */
    do {
        int64_t rank = c->pos[v->to->index];

        for (int64_t k = 0; k <= rank && !c->failed; k++) {
            if (!next_best(c, v, k == 0, last, last_at, &best, &best_at))
                tn_ti_fail(c, "topk of more than there is");
            last = best;
            last_at = best_at;
        }
        r->cell[at] = best;
        r->second[at++].whole = best_at;
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

static void
eval_prefix(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    uint32_t axis = v->red[0]->index;
    int64_t at = 0;

    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    do {
        int64_t here = c->pos[axis];
        int64_t from = v->reverse ? here + !v->inclusive : c->range[axis].low;
        int64_t to = v->reverse ? c->range[axis].high : here + v->inclusive;
        tn_cell sum = tn_ti_neutral(v->fn, v->dtype);

        for (int64_t i = 0; i < to - from && !c->failed; i++) {
            c->pos[axis] = v->reverse ? to - 1 - i : from + i;
            sum = tn_ti_combine(c, v->fn, v->dtype, sum, tn_ti_at(c, c->memo[v->arg[0]->id]));
        }
        c->pos[axis] = here;
        r->cell[at++] = sum;
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
}

static void
eval_rename(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;
    uint32_t from = v->axis->index, to = v->to->index;
    tn_ti_range old = c->range[from];
    int64_t at = 0;

    if (!tn_ti_first(c, v->axes, v->axis_count))
        return;
    do {
        c->pos[from] = c->pos[to];
        r->cell[at++] = tn_ti_at(c, c->memo[v->arg[0]->id]);
    } while (tn_ti_next(c, v->axes, v->axis_count) && !c->failed);
    c->range[from] = old;
}

static void
eval_index(tn_ti *c, tn_ti_val *r)
{
    const tn_axis *axis = r->of->axis;
    const tn_ti_range *range = &c->range[axis->index];

    if (!c->bound[axis->index]) {
        tn_ti_fail(c, "axis %s is not in scope", axis->name);
        return;
    }
    if (r->of->op == TN_T_first || axis->by_one) {
        r->cell[0].whole = range->low;
    } else if (r->of->op == TN_T_last) {
        r->cell[0].whole = range->high - 1;
    } else {
        for (int64_t i = 0; i < r->count; i++)
            r->cell[i].whole = range->low + i;
    }
}

static void
eval_leaf(tn_ti *c, tn_ti_val *r)
{
    const tn_tval *v = r->of;

    if (v->op == TN_T_const && tn_is_float(v->dtype))
        r->cell[0].real = v->real;
    else if (v->op == TN_T_const)
        r->cell[0].whole = v->whole;
    else if (v->op == TN_T_size && !tn_tile_size_value(c->t, v, c->job->sizes, &r->cell[0].whole))
        tn_ti_fail(c, "a size has no value");
}

static tn_ti_val *
loop_result(tn_ti *c, const tn_tval *v)
{
    for (uint32_t i = c->loops.count; i > 0; i--)
        if (c->loops.at[i - 1] == v->loop)
            return c->finals.at[i - 1][v->whole];
    tn_ti_fail(c, "the result of a loop is used before its end");
    return NULL;
}

/* Views of other values: no cells of their own. */
static tn_ti_val *
eval_result(tn_ti *c, tn_tval *v)
{
    tn_ti_val *from, *view;

    if (v->loop)
        from = loop_result(c, v);
    else
        from = c->memo[v->arg[0]->id];
    if (!from)
        return NULL;
    view = tn_new(c->task, tn_ti_val);
    *view = *from;
    view->of = v;
    if (!v->loop && v->whole)
        view->cell = from->second;
    return view;
}

static tn_ti_val *
eval_one(tn_ti *c, tn_tval *v)
{
    tn_ti_val *r;

    if (v->op == TN_T_result)
        return eval_result(c, v);
    if (v->op == TN_T_carry || v->op == TN_T_merged) {
        tn_ti_fail(c, "a carried value is used outside its loop");
        return NULL;
    }
    r = tn_ti_new(c, v, v->axes, v->axis_count);
    if (c->failed)
        return NULL;
    switch (v->op) {
    case TN_T_fn: eval_fn(c, r); break;
    case TN_T_load: eval_load(c, r); break;
    case TN_T_reduce:
    case TN_T_mma: eval_reduce(c, r); break;
    case TN_T_argreduce: eval_argreduce(c, r); break;
    case TN_T_topk: eval_topk(c, r); break;
    case TN_T_prefix: eval_prefix(c, r); break;
    case TN_T_rename: eval_rename(c, r); break;
    case TN_T_index:
    case TN_T_first:
    case TN_T_last: eval_index(c, r); break;
    default: eval_leaf(c, r); break;
    }
    return r;
}

void
tn_ti_remember(tn_ti *c, const tn_tval *v, tn_ti_val *value)
{
    c->memo[v->id] = value;
    tn_push(c->task, &c->trail, v->id);
}

void
tn_ti_forget(tn_ti *c, uint32_t from)
{
    while (c->trail.count > from)
        c->memo[c->trail.at[--c->trail.count]] = NULL;
}

static bool
is_known(void *arg, const tn_tval *v)
{
    const tn_ti *c = arg;

    return c->memo[v->id] != NULL;
}

tn_ti_val *
tn_ti_eval(tn_ti *c, tn_tval *v)
{
    tn_tset_clear(&c->set);
    tn_tset_add(&c->set, v, is_known, c);
    tn_tset_sort(&c->set);
    for (uint32_t i = 0; i < c->set.count && !c->failed; i++) {
        tn_tval *next = c->set.at[i];
        tn_ti_val *value = eval_one(c, next);

        if (!c->failed && value)
            tn_ti_remember(c, next, value);
    }
    return c->failed ? NULL : c->memo[v->id];
}

int64_t
tn_ti_scalar(tn_ti *c, tn_tval *v)
{
    tn_ti_val *r = tn_ti_eval(c, v);

    return r && r->count == 1 ? r->cell[0].whole : 0;
}
