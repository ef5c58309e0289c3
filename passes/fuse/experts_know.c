/* SPDX-License-Identifier: Apache-2.0
 * What is known of expressions: which are equal under other names of axes,
 * which are counts, and what follows from factors that are not 0. */
#include <math.h>

#include "passes/fuse/experts_in.h"
#include "passes/range.h"

enum { DEEP = 16, VISITS = 20000, SWAPS = 16 };

bool
tn_ex_number(const tn_tval *v, double *value)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast)
        v = v->arg[0];
    if (v->op != TN_T_const)
        return false;
    *value = tn_is_float(v->dtype) ? v->real : (double)v->whole;
    return true;
}

static bool
is_index(const tn_tval *v, const tn_axis *axis)
{
    return v->op == TN_T_index && v->axis == axis;
}

/* ---- the same elsewhere ---- */

static tn_tval *
made_again(tn_experts *x, const tn_tval *v, tn_tval *const *a)
{
    tn_tb *b = x->k->b;

    switch (v->op) {
    case TN_T_fn:
        if (v->fn == TN_FN_cast)
            return tn_tb_cast(b, v->dtype, a[0]);
        return v->arg_count == 1 ? tn_tb_fn1(b, v->fn, a[0])
            : v->arg_count == 2  ? tn_tb_fn2(b, v->fn, a[0], a[1])
                                 : tn_tb_fn3(b, v->fn, a[0], a[1], a[2]);
    case TN_T_load: return tn_tb_load(b, v->buf, a, v->guard);
    case TN_T_reduce: return tn_tb_reduce(b, v->fn, a[0], v->red, v->red_count);
    case TN_T_mma: return tn_tb_mma(b, a[0], a[1], a[2], v->red, v->red_count);
    default: return NULL;
    }
}

tn_tval *
tn_ex_at(tn_experts *x, tn_tval *v, const tn_axis *axis, tn_tval *to)
{
    tn_tval *arg[TN_TVAL_ARGS];

    if (!tn_tval_has_axis(v, axis))
        return v;
    if (++x->visits > VISITS)
        return NULL;
    if (v->op == TN_T_index)
        return to;
    for (int i = 0; i < v->red_count; i++)
        if (tn_tval_has_axis(to, v->red[i]))
            return NULL;
    for (int i = 0; i < v->arg_count; i++) {
        arg[i] = tn_ex_at(x, v->arg[i], axis, to);
        if (!arg[i])
            return NULL;
    }
    return made_again(x, v, arg);
}

tn_tval *
tn_ex_parted(tn_experts *x, tn_tval *v, const tn_axis *axis, const tn_tval *size, tn_tval *whole,
    tn_tval *rest, tn_tval *both)
{
    tn_tval *arg[TN_TVAL_ARGS];
    bool parts = tn_ex_is_fn(v, TN_FN_div) || tn_ex_is_fn(v, TN_FN_rem);

    if (!tn_tval_has_axis(v, axis))
        return v;
    if (++x->visits > VISITS)
        return NULL;
    if (parts && is_index(v->arg[0], axis) && v->arg[1] == size)
        return v->fn == TN_FN_div ? whole : rest;
    if (v->op == TN_T_index)
        return both;
    for (int i = 0; i < v->arg_count; i++) {
        arg[i] = tn_ex_parted(x, v->arg[i], axis, size, whole, rest, both);
        if (!arg[i])
            return NULL;
    }
    return made_again(x, v, arg);
}

tn_tval *
tn_ex_instead(tn_experts *x, tn_tval *v, const tn_tval *of, tn_tval *to)
{
    tn_tval *arg[TN_TVAL_ARGS];
    bool changed = false;

    if (v == of)
        return to;
    if (++x->visits > VISITS)
        return NULL;
    for (int i = 0; i < v->arg_count; i++) {
        arg[i] = tn_ex_instead(x, v->arg[i], of, to);
        if (!arg[i])
            return NULL;
        changed |= arg[i] != v->arg[i];
    }
    return changed ? made_again(x, v, arg) : v;
}

/* Equal, axes that are summed by any name. `hole`: an axis that stands for
 * what is met first. */
typedef struct matching {
    const tn_axis *from[SWAPS], *to[SWAPS];
    int count, visits;
    const tn_axis *hole;
    tn_tval *filled;
} matching;

static bool
same_index(matching *m, const tn_tval *a, tn_tval *b)
{
    int64_t n;

    if (a->axis == m->hole) {
        if (!m->filled && (b->op == TN_T_index || tn_tval_is_int(b, &n)))
            m->filled = b;
        return m->filled == b;
    }
    if (b->op != TN_T_index)
        return false;
    for (int i = m->count; i-- > 0;)
        if (m->from[i] == a->axis || m->to[i] == b->axis)
            return m->from[i] == a->axis && m->to[i] == b->axis;
    return a->axis == b->axis;
}

static bool
same(matching *m, tn_tval *a, tn_tval *b)
{
    double first, second;
    int count = m->count;
    bool equal = true;

    a = tn_ex_plain(a);
    b = tn_ex_plain(b);
    if (++m->visits > VISITS)
        return false;
    if (a->op == TN_T_index)
        return same_index(m, a, b);
    if (tn_ex_number(a, &first) || tn_ex_number(b, &second))
        return tn_ex_number(a, &first) && tn_ex_number(b, &second) && first <= second &&
            first >= second;
    if (a->op != TN_T_fn && a->op != TN_T_load && a->op != TN_T_reduce && a->op != TN_T_mma)
        return tn_ex_same(a, b);
    if (a->op != b->op || a->fn != b->fn || a->arg_count != b->arg_count || a->buf != b->buf ||
        a->red_count != b->red_count || count + a->red_count > SWAPS)
        return false;
    for (int i = 0; i < a->red_count; i++) {
        equal &= a->red[i]->high == b->red[i]->high;
        m->from[m->count] = a->red[i];
        m->to[m->count++] = b->red[i];
    }
    for (int i = 0; equal && i < a->arg_count; i++)
        equal = same(m, tn_ex_place_of(a, i), tn_ex_place_of(b, i));
    m->count = count;
    return equal;
}

bool
tn_ex_alike(tn_tval *a, tn_tval *b)
{
    matching m = {.count = 0};

    return same(&m, a, b);
}

/* ---- what follows from factors that are not 0 ---- */

static bool
counts(const tn_tval *v, int depth)
{
    double n;

    while (v->op == TN_T_fn && v->fn == TN_FN_cast && v->dtype != TN_BOOL)
        v = v->arg[0];
    if (tn_ex_number(v, &n))
        return n >= 0 && n < 1e6 && n <= (double)(int64_t)n;
    if (v->dtype == TN_BOOL)
        return true;
    if (depth-- == 0)
        return false;
    if (v->op == TN_T_reduce)
        return (v->fn == TN_FN_add || v->fn == TN_FN_max) && counts(v->arg[0], depth);
    if (v->op == TN_T_mma)
        return tn_ex_is_zero(v->arg[0]) && counts(v->arg[1], depth) && counts(v->arg[2], depth);
    if (tn_ex_is_fn(v, TN_FN_select))
        return counts(v->arg[1], depth) && counts(v->arg[2], depth);
    return (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_add) || tn_ex_is_fn(v, TN_FN_max)) &&
        counts(v->arg[0], depth) && counts(v->arg[1], depth);
}

bool
tn_ex_counts(const tn_tval *v)
{
    return counts(v, DEEP);
}

/* What made it, behind casts and views that move nothing; or NULL. */
static const tn_op *
maker(const tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT && (v->def->code == TN_OP_cast || tn_op_is_free_view(v->def)))
        v = v->def->in[0];
    return v->kind == TN_VALUE_RESULT ? v->def : NULL;
}

/* 1 where the position is that of `best`, however it is asked. */
static bool
is_hot(const tn_value *v, const tn_op *best)
{
    const tn_op *op = maker(v);

    if (op && (op->code == TN_OP_greater || op->code == TN_OP_not_equal) &&
        op->in[1]->kind == TN_VALUE_LITERAL && op->in[1]->number.kind != TN_NUMBER_SYMBOLIC &&
        op->in[1]->number.real >= 0 && op->in[1]->number.real <= 0)
        op = maker(op->in[0]);
    return op && op->code == TN_OP_one_hot && maker(op->in[0]) == best;
}

/* The best of scores, then of those without it, which are -infinity. */
static bool
repeats_maxima(const tn_op *join)
{
    const tn_op *best = NULL;
    int last = join->out[0]->type.rank - 1;

    if (join->code != TN_OP_concat || tn_op_int(join, TN_ATTR_concat_axis) != last)
        return false;
    for (int i = 0; i < join->in_count; i++) {
        const tn_op *next = maker(join->in[i]), *rest = next ? maker(next->in[0]) : NULL;

        if (!next || next->code != TN_OP_arg_max ||
            tn_op_int(next, TN_ATTR_arg_max_axis) != next->in[0]->type.rank - 1)
            return false;
        if (best &&
            (!rest || rest->code != TN_OP_where || rest->out[0] != next->in[0] ||
                rest->in[1]->kind != TN_VALUE_LITERAL ||
                rest->in[1]->number.kind == TN_NUMBER_SYMBOLIC ||
                !isinf(rest->in[1]->number.real) || rest->in[1]->number.real > 0 ||
                rest->in[2] != best->in[0] || !is_hot(rest->in[0], best)))
            return false;
        best = next;
    }
    return true;
}

bool
tn_ex_are_numbers_apart(const tn_value *ids)
{
    const tn_op *op;

    while (ids->kind == TN_VALUE_RESULT && ids->def->code == TN_OP_cast)
        ids = ids->def->in[0];
    if (ids->kind == TN_VALUE_RESULT && repeats_maxima(ids->def))
        return true;
    op = ids->kind == TN_VALUE_RESULT && ids->index == 1 ? ids->def : NULL;
    if (!op || (op->code != TN_OP_top_k && op->code != TN_OP_sort))
        return false;
    return tn_op_int(op, op->code == TN_OP_sort ? TN_ATTR_sort_axis : TN_ATTR_top_k_axis) ==
        ids->type.rank - 1;
}

/* Slots of a top_k that are compared with one number: one is it at most. */
static bool
is_one_slot(const tn_experts *x, const tn_tval *v)
{
    const tn_tval *eq = v->arg[0];

    while (eq->op == TN_T_fn && eq->fn == TN_FN_cast)
        eq = eq->arg[0];
    for (int i = 0; v->red_count == 1 && tn_ex_is_fn(eq, TN_FN_eq) && i < 2; i++) {
        tn_tval *id = tn_ex_id(eq->arg[i]);
        const tn_value *ids = id ? tn_ex_loaded(x, id->buf) : NULL;

        if (ids && tn_ex_are_numbers_apart(ids) &&
            is_index(id->arg[id->arg_count - 1], v->red[0]) &&
            !tn_tval_has_axis(eq->arg[1 - i], v->red[0]))
            return true;
    }
    return false;
}

static bool
is_flag(const tn_experts *x, const tn_tval *v, int depth)
{
    double n;

    while (v->op == TN_T_fn && v->fn == TN_FN_cast && v->dtype != TN_BOOL)
        v = v->arg[0];
    if (tn_ex_number(v, &n))
        return (n >= 0 && n <= 0) || (n >= 1 && n <= 1);
    if (v->dtype == TN_BOOL)
        return true;
    if (depth-- == 0)
        return false;
    if (v->op == TN_T_reduce)
        return v->fn == TN_FN_max ? is_flag(x, v->arg[0], depth)
                                  : v->fn == TN_FN_add && is_one_slot(x, v);
    if (tn_ex_is_fn(v, TN_FN_select))
        return is_flag(x, v->arg[1], depth) && is_flag(x, v->arg[2], depth);
    return (tn_ex_is_fn(v, TN_FN_mul) || tn_ex_is_fn(v, TN_FN_max)) &&
        is_flag(x, v->arg[0], depth) && is_flag(x, v->arg[1], depth);
}

bool
tn_ex_is_flag(const tn_experts *x, const tn_tval *v)
{
    return is_flag(x, v, DEEP);
}

bool
tn_ex_add_fact(tn_ex_facts *known, tn_tval *v)
{
    tn_tval *f[TN_EX_FACTORS], *of;
    int count = 0;

    if (!tn_ex_factors(v, f, &count) || known->count + count > TN_EX_FACTS)
        return false;
    for (int i = 0; i < count; i++) {
        known->f[known->count++] = f[i];
        of = tn_ex_unlike_zero(f[i]);
        if (of && !tn_ex_add_fact(known, of))
            return false;
    }
    return true;
}

static bool follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v, int depth);

/* A sum or the greatest of counts is not 0 if one of them is not. */
static bool
one_follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v, int depth)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = 0;

    if (v->red_count != 1 || !tn_ex_factors(v->arg[0], f, &count))
        return false;
    for (int i = 0; i < count; i++)
        for (int n = 0; tn_tval_has_axis(f[i], v->red[0]) && n < known->count; n++) {
            matching m = {.hole = v->red[0]};
            tn_tval *one;

            if (!same(&m, f[i], known->f[n]) || !m.filled)
                continue;
            one = tn_ex_at(x, v->arg[0], v->red[0], m.filled);
            if (one && follows(x, known, one, depth))
                return true;
        }
    return false;
}

/* An id of a choice among so many. */
static bool
is_id_below(const tn_experts *x, tn_tval *v, double n)
{
    tn_tval *id = tn_ex_id(v);
    const tn_value *ids = id ? tn_ex_loaded(x, id->buf) : NULL;

    return ids && n >= 1 && tn_value_below(ids, tn_size_int(x->g->sizes, (int64_t)n));
}

static bool
function_follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v, int depth)
{
    double n;

    switch (v->fn) {
    case TN_FN_mul:
    case TN_FN_and:
        return follows(x, known, v->arg[0], depth) && follows(x, known, v->arg[1], depth);
    case TN_FN_select:
        return follows(x, known, v->arg[0], depth) && follows(x, known, v->arg[1], depth);
    case TN_FN_add:
    case TN_FN_max:
        if (!tn_ex_counts(v))
            return false;
        return follows(x, known, v->arg[0], depth) || follows(x, known, v->arg[1], depth);
    case TN_FN_or:
        return follows(x, known, v->arg[0], depth) || follows(x, known, v->arg[1], depth);
    case TN_FN_eq: return tn_ex_alike(v->arg[0], v->arg[1]);
    case TN_FN_le:
        return tn_ex_is_zero(v->arg[0]) &&
            (v->arg[1]->op == TN_T_index || is_id_below(x, v->arg[1], INT32_MAX));
    case TN_FN_lt: return tn_ex_number(v->arg[1], &n) && is_id_below(x, v->arg[0], n);
    default: return false;
    }
}

static bool
follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v, int depth)
{
    tn_tval *of;

    v = tn_ex_plain(v);
    for (int i = 0; i < known->count; i++)
        if (tn_ex_alike(v, known->f[i]))
            return true;
    if (depth-- == 0 || ++x->visits > VISITS)
        return false;
    if (v->op == TN_T_const)
        return !tn_ex_is_zero(v);
    of = tn_ex_unlike_zero(v);
    if (of && (tn_ex_is_fn(v, TN_FN_ne) || v->fn == TN_FN_cast || tn_ex_counts(of)) &&
        follows(x, known, of, depth))
        return true;
    if (v->op == TN_T_fn)
        return function_follows(x, known, v, depth);
    if (v->op == TN_T_reduce && (tn_ex_counts(v) || v->fn == TN_FN_or))
        return one_follows(x, known, v, depth);
    return false;
}

bool
tn_ex_follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v)
{
    return follows(x, known, v, DEEP);
}
