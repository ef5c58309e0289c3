/* SPDX-License-Identifier: Apache-2.0
 * The choice of experts, one kernel: tokens are tasks, experts are spanned. */
#include <string.h>

#include "passes/lower/lo.h"

typedef struct routing {
    tn_lo *k;
    tn_tb *b;
    tn_op *op;
    tn_axis *e, *c;           /* experts, slots */
    tn_tval *at[TN_MAX_RANK]; /* the token; the last one is set for each use */
    int last;
    int64_t experts;
    tn_tval *z, *g, *a; /* logits, scores, what the choice is made on */
} routing;

static bool
says(const routing *r, int attr, const char *word)
{
    return strcmp(tn_op_text(r->op, attr), word) == 0;
}

static tn_tval *
number(const routing *r, int attr)
{
    return tn_lo_number(r->k, TN_F32, &r->op->attr[attr].numbers[0]);
}

static tn_tval *
real(const routing *r, double value)
{
    return tn_tb_real(r->b, TN_F32, value);
}

static tn_tval *
normalised(const routing *r, tn_tval *z)
{
    double n = (double)r->experts - !says(r, TN_ATTR_route_divisor, "n");
    tn_tval *d, *sd, *some;

    d = tn_tb_reduce(r->b, TN_FN_add, z, &r->e, 1);
    d = tn_tb_fn2(r->b, TN_FN_div, d, real(r, (double)r->experts));
    d = tn_tb_fn2(r->b, TN_FN_sub, z, d);
    sd = tn_tb_fn2(r->b, TN_FN_mul, d, d);
    sd = tn_tb_reduce(r->b, TN_FN_add, sd, &r->e, 1);
    sd = tn_tb_fn2(r->b, TN_FN_div, sd, real(r, n));
    sd = tn_tb_fn1(r->b, TN_FN_sqrt, sd);
    some = tn_tb_fn2(r->b, TN_FN_lt, real(r, 0), sd);
    d = tn_tb_fn2(r->b, TN_FN_div, d, sd);
    d = tn_tb_fn2(r->b, TN_FN_mul, d, number(r, TN_ATTR_route_lambda));
    return tn_tb_fn3(r->b, TN_FN_select, some, d, real(r, 0));
}

static tn_tval *
softplus(const routing *r, tn_tval *z)
{
    tn_tval *x = tn_tb_fn1(r->b, TN_FN_abs, z);

    x = tn_tb_fn1(r->b, TN_FN_neg, x);
    x = tn_tb_fn1(r->b, TN_FN_exp, x);
    x = tn_tb_fn1(r->b, TN_FN_log1p, x);
    z = tn_tb_fn2(r->b, TN_FN_max, z, real(r, 0));
    return tn_tb_fn2(r->b, TN_FN_add, z, x);
}

/* Along an axis: all experts, or those chosen. */
static tn_tval *
scored(const routing *r, tn_tval *z, tn_axis *axis)
{
    tn_tval *top, *sum;

    if (says(r, TN_ATTR_route_score, "none"))
        return z;
    if (says(r, TN_ATTR_route_score, "sigmoid"))
        return tn_tb_fn1(r->b, TN_FN_sigmoid, z);
    if (says(r, TN_ATTR_route_score, "sqrt_softplus"))
        return tn_tb_fn1(r->b, TN_FN_sqrt, softplus(r, z));
    top = tn_tb_reduce(r->b, TN_FN_max, z, &axis, 1);
    z = tn_tb_fn2(r->b, TN_FN_sub, z, top);
    z = tn_tb_fn1(r->b, TN_FN_exp, z);
    sum = tn_tb_reduce(r->b, TN_FN_add, z, &axis, 1);
    return tn_tb_fn2(r->b, TN_FN_div, z, sum);
}

/* ---- groups of experts ---- */

static tn_tval *
group_scores(const routing *r, tn_axis *q, tn_tval *inside)
{
    tn_tval *a = tn_tb_fn3(r->b, TN_FN_select, inside, r->a, real(r, -1.0 / 0.0));
    tn_tval *first, *at, *second;

    (void)q;
    if (!says(r, TN_ATTR_route_group_score, "top2"))
        return tn_tb_reduce(r->b, TN_FN_max, a, &r->e, 1);
    first = tn_tb_argreduce(r->b, TN_FN_max, a, r->e);
    at = tn_tb_result(r->b, first, 1);
    first = tn_tb_result(r->b, first, 0);
    at = tn_tb_fn2(r->b, TN_FN_eq, tn_tb_index(r->b, r->e), at);
    second = tn_tb_fn3(r->b, TN_FN_select, at, real(r, -1.0 / 0.0), a);
    second = tn_tb_reduce(r->b, TN_FN_max, second, &r->e, 1);
    return tn_tb_fn2(r->b, TN_FN_add, first, second);
}

/* What the choice is made on, as integers in the order of the floats: those
 * of groups that take no part are below all. */
static tn_tval *
among_groups(routing *r)
{
    int64_t groups = tn_op_int(r->op, TN_ATTR_route_groups);
    int64_t count = tn_op_int(r->op, TN_ATTR_route_top_groups);
    tn_axis *q = tn_tb_span(r->b, "q", tn_tb_int(r->b, groups));
    tn_axis *best = tn_tb_out(r->b, "best", tn_tb_int(r->b, count));
    tn_tval *of = tn_tb_index(r->b, r->e), *in, *score;

    of = tn_tb_fn2(r->b, TN_FN_div, of, tn_tb_int(r->b, r->experts / groups));
    in = tn_tb_fn2(r->b, TN_FN_eq, of, tn_tb_index(r->b, q));
    score = tn_tb_topk(r->b, group_scores(r, q, in), q, best);
    in = tn_tb_fn2(r->b, TN_FN_eq, of, tn_tb_result(r->b, score, 1));
    in = tn_tb_cast(r->b, TN_I32, in);
    in = tn_tb_reduce(r->b, TN_FN_max, in, &best, 1);
    in = tn_tb_fn2(r->b, TN_FN_eq, in, tn_tb_int(r->b, 1));
    return tn_tb_fn3(r->b, TN_FN_select, in, tn_lo_order_key(r->k, r->a),
        tn_tb_whole(r->b, TN_I32, INT32_MIN));
}

/* ---- results ---- */

static void
store(routing *r, int result, tn_axis *axis, tn_tval *x)
{
    tn_value *v = r->op->out[result];

    r->at[r->last] = tn_tb_index(r->b, axis);
    if (tn_lo_wants(r->k, r->op, result))
        tn_tb_store(r->b, tn_lo_output(r->k, v, &v->type), r->at, x, NULL);
}

/* w is read from the scores, or scored anew from the logits; `a` is what the
 * choice saw of the chosen, which is the same unless there is a bias. */
static tn_tval *
weights(const routing *r, tn_tval *a, tn_tval *id)
{
    bool before = says(r, TN_ATTR_route_select, "before");
    tn_tval *w = a, *is, *sum;

    if (r->op->in[TN_IN_route_bias] || tn_op_int(r->op, TN_ATTR_route_groups) > 1) {
        is = tn_tb_fn2(r->b, TN_FN_eq, tn_tb_index(r->b, r->e), id);
        w = tn_tb_fn3(r->b, TN_FN_select, is, before ? r->z : r->g, real(r, 0));
        w = tn_tb_reduce(r->b, TN_FN_add, w, (tn_axis *const[]){r->e}, 1);
    }
    if (before)
        w = scored(r, w, r->c);
    if (tn_op_int(r->op, TN_ATTR_route_renorm) &&
        !(before && says(r, TN_ATTR_route_score, "softmax"))) {
        sum = tn_tb_reduce(r->b, TN_FN_add, w, (tn_axis *const[]){r->c}, 1);
        sum = tn_tb_fn2(r->b, TN_FN_add, sum, number(r, TN_ATTR_route_eps));
        w = tn_tb_fn2(r->b, TN_FN_div, w, sum);
    }
    return tn_tb_fn2(r->b, TN_FN_mul, w, number(r, TN_ATTR_route_scale));
}

static void
choose(routing *r)
{
    bool groups = tn_op_int(r->op, TN_ATTR_route_groups) > 1;
    tn_tval *best, *id;

    best = tn_tb_topk(r->b, groups ? among_groups(r) : r->a, r->e, r->c);
    id = tn_tb_result(r->b, best, 1);
    best = tn_tb_result(r->b, best, 0);
    store(r, 0, r->c, id);
    store(r, 1, r->c, weights(r, best, id));
}

static void
score_all(routing *r)
{
    tn_value *logits = r->op->in[TN_IN_route_logits], *bias = r->op->in[TN_IN_route_bias];
    tn_tval *e = tn_tb_index(r->b, r->e);

    r->at[r->last] = e;
    r->z = tn_lo_with_axis(r->k, tn_lo_wide(r->k, logits, r->at), r->e);
    if (says(r, TN_ATTR_route_norm, "std"))
        r->z = normalised(r, r->z);
    r->g = scored(r, r->z, r->e);
    r->a = says(r, TN_ATTR_route_select, "before") ? r->z : r->g;
    if (bias)
        r->a = tn_tb_fn2(r->b, TN_FN_add, r->a, tn_lo_wide(r->k, bias, &e));
}

tn_status
tn_lower_route(tn_lo *k, tn_lowered_list *out)
{
    tn_lowered made = {.family = "route"};
    routing r = {.k = k, .op = k->group->ops.at[0]};
    const tn_value *logits = r.op->in[TN_IN_route_logits];

    tn_lo_start(k, &made, "route");
    r.b = k->b;
    r.last = logits->type.rank - 1;
    (void)tn_size_is_int(logits->type.dim[r.last], &r.experts);
    tn_lo_grid(k, logits, r.last, false, r.at);
    r.e = tn_lo_span_axis(k, logits->type.dim[r.last], r.at, r.last);
    r.c = tn_tb_out(r.b, "c", tn_tb_int(r.b, tn_op_int(r.op, TN_ATTR_route_k)));
    score_all(&r);
    store(&r, 2, r.e, r.g);
    choose(&r);
    return tn_lo_finish_into(k, out);
}
