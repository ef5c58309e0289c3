/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of the choice of experts and of the sums over them. What a
 * row costs is no concern here: every token meets every expert. */
#include "ir/graph/expand_in.h"
#include "ir/graph/form.h"

#include <string.h>

static bool
says(const tn_op *op, int attr, const char *word)
{
    return strcmp(tn_op_text(op, attr), word) == 0;
}

static tn_value *
sum_over(tn_build *b, tn_value *x, int64_t axis, bool keep)
{
    return tn_build_reduce(b, TN_OP_reduce_sum, x, &axis, 1, keep);
}

/* x gathered along `axis` by indices that share the axes before it. */
static tn_value *
gathered(tn_build *b, tn_value *x, tn_value *at, int64_t axis, const char *outside)
{
    tn_value *in[] = {x, at};
    tn_op *op = tn_build_start(b, TN_OP_gather, in, 2);

    tn_op_set_ints(op, TN_ATTR_gather_axis, &axis, 1);
    tn_op_set_ints(op, TN_ATTR_gather_batch_dims, &axis, 1);
    tn_op_set_text(op, TN_ATTR_gather_outside, outside);
    return tn_build_finish(op);
}

static tn_value *
top_k(tn_build *b, tn_value *x, tn_size k, bool largest, tn_value **at)
{
    tn_op *op = tn_build_start(b, TN_OP_top_k, &x, 1);
    int64_t axis = x->type.rank - 1, which = largest;

    tn_op_set_sizes(op, TN_ATTR_top_k_k, &k, 1);
    tn_op_set_ints(op, TN_ATTR_top_k_axis, &axis, 1);
    tn_op_set_ints(op, TN_ATTR_top_k_largest, &which, 1);
    x = tn_build_finish(op);
    *at = op->out[1];
    return x;
}

/* ---- route ---- */

typedef struct routing {
    tn_build *b;
    const tn_op *op;
    tn_sizes *sizes;
    int last; /* the axis of the experts */
    tn_size experts, k;
} routing;

static tn_value *
normalised(routing *r, tn_value *z)
{
    tn_dtype t = z->type.dtype;
    tn_value *mean = tn_expand_over(r->b, TN_OP_reduce_mean, z, r->last);
    tn_value *c = tn_build_map2(r->b, TN_OP_sub, z, mean);
    tn_value *square = tn_build_map2(r->b, TN_OP_mul, c, c);
    tn_value *sum = sum_over(r->b, square, r->last, true);
    tn_size n = r->experts;
    tn_value *count, *deviation, *some, *zero;

    if (!says(r->op, TN_ATTR_route_divisor, "n"))
        n = tn_size_sub(r->sizes, n, tn_size_int(r->sizes, 1));
    count = tn_graph_literal(r->b->block->graph, t, tn_expand_size(r->b, n));
    deviation = tn_build_map2(r->b, TN_OP_div, sum, count);
    deviation = tn_build_map1(r->b, TN_OP_sqrt, deviation);
    zero = tn_build_real(r->b, t, 0);
    some = tn_build_map2(r->b, TN_OP_greater, deviation, zero);
    z = tn_build_map2(r->b, TN_OP_div, c, deviation);
    count = tn_expand_number(r->b, r->op, TN_ATTR_route_lambda, t);
    z = tn_build_map2(r->b, TN_OP_mul, z, count);
    return tn_build_map3(r->b, TN_OP_where, some, z, zero);
}

static tn_value *
scored(routing *r, tn_value *z)
{
    const char *how = tn_op_text(r->op, TN_ATTR_route_score);
    int64_t axis = r->last;
    tn_op *op;

    if (strcmp(how, "sigmoid") == 0)
        return tn_build_map1(r->b, TN_OP_sigmoid, z);
    if (strcmp(how, "sqrt_softplus") == 0) {
        z = tn_build_map1(r->b, TN_OP_softplus, z);
        return tn_build_map1(r->b, TN_OP_sqrt, z);
    }
    if (strcmp(how, "none") == 0)
        return z;
    op = tn_build_start(r->b, TN_OP_softmax, &z, 1);
    tn_op_set_ints(op, TN_ATTR_softmax_axis, &axis, 1);
    return tn_build_finish(op);
}

/* `x` with another last axis, or with two in its place. */
static tn_value *
reshaped(routing *r, tn_value *x, tn_size a, tn_size b)
{
    tn_size to[TN_MAX_RANK + 1];
    int rank = r->last;

    for (int i = 0; i < rank; i++)
        to[i] = x->type.dim[i];
    to[rank++] = a;
    if (b)
        to[rank++] = b;
    return tn_build_reshape(r->b, x, to, rank);
}

/* The best groups in ascending order, so that ties go to the lowest expert. */
static tn_value *
best_groups(routing *r, tn_value *a)
{
    int64_t last = r->last + 1;
    tn_size count = tn_size_int(r->sizes, tn_op_int(r->op, TN_ATTR_route_top_groups));
    tn_value *score, *at;

    if (says(r->op, TN_ATTR_route_group_score, "top2")) {
        score = top_k(r->b, a, tn_size_int(r->sizes, 2), true, &at);
        score = sum_over(r->b, score, last, false);
    } else {
        score = tn_build_reduce(r->b, TN_OP_reduce_max, a, &last, 1, false);
    }
    (void)top_k(r->b, score, count, true, &at);
    return top_k(r->b, at, count, false, &score);
}

/* Experts of the best groups only, then back to their numbers. */
static tn_value *
chosen_in_groups(routing *r, tn_value *a)
{
    int64_t groups = tn_op_int(r->op, TN_ATTR_route_groups), last = r->last;
    tn_size size = tn_size_div(r->sizes, r->experts, tn_size_int(r->sizes, groups));
    tn_size top = tn_size_int(r->sizes, tn_op_int(r->op, TN_ATTR_route_top_groups));
    tn_value *split = reshaped(r, a, tn_size_int(r->sizes, groups), size);
    tn_value *which = best_groups(r, split), *at, *group, *width;
    int64_t per_group = 1;

    (void)tn_size_is_int(size, &per_group);
    a = gathered(r->b, split, which, last, "fail");
    a = reshaped(r, a, tn_size_mul(r->sizes, top, size), NULL);
    (void)top_k(r->b, a, r->k, true, &at);
    width = tn_build_int(r->b, TN_I32, per_group);
    group = tn_build_map2(r->b, TN_OP_div, at, width);
    at = tn_build_map2(r->b, TN_OP_rem, at, width);
    group = gathered(r->b, which, group, last, "fail");
    group = tn_build_map2(r->b, TN_OP_mul, group, width);
    return tn_build_map2(r->b, TN_OP_add, group, at);
}

static tn_value *
weighed(routing *r, tn_value *z, tn_value *g, tn_value *ids)
{
    bool before = says(r->op, TN_ATTR_route_select, "before");
    tn_value *w = gathered(r->b, before ? z : g, ids, r->last, "fail"), *n;
    tn_dtype t = w->type.dtype;

    if (before)
        w = scored(r, w);
    if (tn_op_int(r->op, TN_ATTR_route_renorm) &&
        !(before && says(r->op, TN_ATTR_route_score, "softmax"))) {
        tn_value *sum = sum_over(r->b, w, r->last, true);

        n = tn_expand_number(r->b, r->op, TN_ATTR_route_eps, t);
        sum = tn_build_map2(r->b, TN_OP_add, sum, n);
        w = tn_build_map2(r->b, TN_OP_div, w, sum);
    }
    n = tn_expand_number(r->b, r->op, TN_ATTR_route_scale, t);
    return tn_build_map2(r->b, TN_OP_mul, w, n);
}

void
tn_expand_route(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *z = tn_expand_wide(b, op->in[TN_IN_route_logits]);
    tn_value *bias = op->in[TN_IN_route_bias], *a, *ids;
    routing r = {.b = b, .op = op, .sizes = b->block->graph->sizes, .last = z->type.rank - 1};

    r.experts = z->type.dim[r.last];
    r.k = tn_size_int(r.sizes, tn_op_int(op, TN_ATTR_route_k));
    if (says(op, TN_ATTR_route_norm, "std"))
        z = normalised(&r, z);
    out[2] = scored(&r, z);
    a = says(op, TN_ATTR_route_select, "before") ? z : out[2];
    if (bias) {
        bias = tn_expand_wide(b, bias);
        a = tn_build_map2(b, TN_OP_add, a, bias);
    }
    if (tn_op_int(op, TN_ATTR_route_groups) > 1)
        ids = chosen_in_groups(&r, a);
    else
        (void)top_k(b, a, r.k, true, &ids);
    out[0] = ids;
    out[1] = weighed(&r, z, out[2], ids);
}

/* ---- moe ---- */

static tn_value *
product(tn_build *b, const tn_op *op, tn_value *x, int in, const char *labels)
{
    tn_value *operands[] = {x, op->in[in]};
    tn_op *c = tn_build_start(b, TN_OP_contract, operands, 2);

    tn_op_set_text(c, TN_ATTR_contract_labels, labels);
    tn_op_set_text(c, TN_ATTR_contract_activation, tn_op_text(op, TN_ATTR_moe_activation));
    return tn_build_finish(c);
}

static tn_value *
activated(tn_build *b, const char *act, tn_value *x)
{
    static const struct {
        const char *word;
        tn_opcode code;
    } rows[] = {{"silu", TN_OP_silu}, {"gelu", TN_OP_gelu}, {"gelu_tanh", TN_OP_gelu},
        {"relu", TN_OP_relu}, {"sigmoid", TN_OP_sigmoid}, {"tanh", TN_OP_tanh}};
    tn_op *op;
    size_t i = 0;

    while (strcmp(rows[i].word, act) != 0)
        i++;
    op = tn_build_start(b, rows[i].code, &x, 1);
    if (strcmp(act, "gelu_tanh") == 0)
        tn_op_set_text(op, TN_ATTR_gelu_approximate, "tanh");
    return tn_build_finish(op);
}

/* The value of an argument of a form. */
static tn_value *
form_arg(tn_build *b, const tn_form_arg *arg, tn_value *const *steps, tn_value *u, tn_value *g)
{
    switch (arg->kind) {
    case TN_FORM_U: return u;
    case TN_FORM_G: return g;
    case TN_FORM_STEP: return steps[arg->step];
    default: return tn_build_real(b, u->type.dtype, arg->number);
    }
}

static tn_value *
formed(tn_build *b, const char *text, tn_value *u, tn_value *g)
{
    tn_value *steps[TN_FORM_STEPS], *in[3];
    tn_form form;

    (void)tn_form_read(text, &form);
    for (int i = 0; i < form.count; i++) {
        const tn_form_step *s = &form.step[i];
        tn_op *op;

        for (int n = 0; n < s->count; n++)
            in[n] = form_arg(b, &s->arg[n], steps, u, g);
        op = tn_build_start(b, s->code, in, s->count);
        steps[i] = tn_build_finish(op);
    }
    return tn_build_broadcast(b, steps[form.count - 1], u->type.dim, u->type.rank);
}

/* With what the layer adds for each expert. */
static tn_value *
biased(tn_build *b, const tn_op *op, tn_value *x, int in)
{
    return op->in[in] ? tn_build_map2(b, TN_OP_add, x, op->in[in]) : x;
}

/* [..,X,H]: what every expert makes of every token. */
static tn_value *
all_experts(tn_build *b, const tn_op *op)
{
    const char *act = tn_op_text(op, TN_ATTR_moe_act);
    tn_value *x = op->in[TN_IN_moe_x];
    tn_value *u = product(b, op, x, TN_IN_moe_up, "...h,xfh->...xf"), *g = NULL;

    u = biased(b, op, u, TN_IN_moe_up_bias);
    if (op->in[TN_IN_moe_gate]) {
        g = product(b, op, x, TN_IN_moe_gate, "...h,xfh->...xf");
        g = biased(b, op, g, TN_IN_moe_gate_bias);
    }
    if (says(op, TN_ATTR_moe_act, "form")) {
        u = formed(b, tn_op_text(op, TN_ATTR_moe_form), u, g);
    } else if (g) {
        g = activated(b, act, g);
        u = tn_build_map2(b, TN_OP_mul, g, u);
    } else {
        u = activated(b, act, u);
    }
    u = product(b, op, u, TN_IN_moe_down, "...xf,xhf->...xh");
    return biased(b, op, u, TN_IN_moe_down_bias);
}

/* ids themselves; the run fails where one is no expert. */
static tn_value *
checked(tn_build *b, tn_value *ids, tn_size experts)
{
    tn_size zero = tn_size_int(b->block->graph->sizes, 0);
    tn_value *all = tn_build_iota(b, zero, experts, TN_I32);
    tn_value *in[] = {all, ids};
    tn_op *op = tn_build_start(b, TN_OP_gather, in, 2);
    int64_t axis = 0;

    tn_op_set_ints(op, TN_ATTR_gather_axis, &axis, 1);
    return tn_build_finish(op);
}

/* 1 where slot k is expert e: i32[..,K,X]. */
static tn_value *
hot(tn_build *b, tn_value *ids, tn_size experts)
{
    tn_op *op = tn_build_start(b, TN_OP_one_hot, &ids, 1);

    tn_op_set_sizes(op, TN_ATTR_one_hot_depth, &experts, 1);
    tn_op_set_dtype(op, TN_ATTR_one_hot_dtype, TN_I32);
    return tn_build_finish(op);
}

/* Where a weight is not 0, if the others take no part. */
static tn_value *
parts(tn_build *b, const tn_op *op, tn_value *w)
{
    tn_value *zero = tn_build_real(b, w->type.dtype, 0);

    return says(op, TN_ATTR_moe_zero, "skip") ? tn_build_map2(b, TN_OP_not_equal, w, zero) : NULL;
}

/* Over the experts in ascending number; those nobody chose give 0, whatever
 * they are. */
static tn_value *
by_expert(tn_build *b, const tn_op *op, tn_value *r)
{
    tn_size experts = op->in[TN_IN_moe_up]->type.dim[0];
    tn_value *ids = checked(b, op->in[TN_IN_moe_ids], experts);
    tn_value *is = hot(b, ids, experts), *w = op->in[TN_IN_moe_w], *none, *some, *y;
    int64_t k = ids->type.rank - 1, last = k + 1;

    none = tn_build_int(b, TN_I32, 0);
    is = tn_build_map2(b, TN_OP_greater, is, none);
    w = tn_build_unsqueeze(b, w, &last, 1);
    some = parts(b, op, w);
    if (some)
        is = tn_build_map2(b, TN_OP_and, is, some);
    y = tn_build_real(b, w->type.dtype, 0);
    w = tn_build_map3(b, TN_OP_where, is, w, y);
    w = sum_over(b, w, k, false);
    is = tn_build_cast(b, is, TN_I32);
    some = tn_build_reduce(b, TN_OP_reduce_max, is, &k, 1, false);
    some = tn_build_map2(b, TN_OP_greater, some, none);
    w = tn_build_unsqueeze(b, w, &last, 1);
    some = tn_build_unsqueeze(b, some, &last, 1);
    r = tn_build_map2(b, TN_OP_mul, w, r);
    r = tn_build_map3(b, TN_OP_where, some, r, y);
    return sum_over(b, r, k, false);
}

static tn_value *
by_slot(tn_build *b, const tn_op *op, tn_value *r)
{
    tn_value *ids = op->in[TN_IN_moe_ids], *w = op->in[TN_IN_moe_w], *some;
    int64_t k = ids->type.rank - 1, last = k + 1;

    r = gathered(b, r, ids, k, "fail");
    w = tn_build_unsqueeze(b, w, &last, 1);
    some = parts(b, op, w);
    r = tn_build_map2(b, TN_OP_mul, w, r);
    if (some) {
        tn_value *zero = tn_build_real(b, r->type.dtype, 0);

        r = tn_build_map3(b, TN_OP_where, some, r, zero);
    }
    return sum_over(b, r, k, false);
}

void
tn_expand_moe(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *r = all_experts(b, op), *y;

    r = tn_expand_wide(b, r);
    y = says(op, TN_ATTR_moe_order, "expert") ? by_expert(b, op, r) : by_slot(b, op, r);
    out[0] = tn_build_cast(b, y, op->out[0]->type.dtype);
}

/* ---- grouped_linear ---- */

/* 0 if `n` lies in 0..rows; else the run fails. */
static tn_value *
within(tn_build *b, tn_value *n, tn_size rows)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_type type = {.dtype = TN_I32, .rank = 1};
    tn_value *in[2] = {NULL, n};
    int64_t axis = 0;
    tn_op *op;

    type.dim[0] = tn_size_add(s, rows, tn_size_int(s, 1));
    in[0] = tn_build_fill(b, type, tn_number_int(0));
    op = tn_build_start(b, TN_OP_gather, in, 2);
    tn_op_set_ints(op, TN_ATTR_gather_axis, &axis, 1);
    return tn_build_finish(op);
}

/* The segment of each row, one past the last for rows behind it. */
static tn_value *
segments(tn_build *b, tn_value *counts, tn_size rows)
{
    int64_t axis = 0, one = 1;
    tn_size zero = tn_size_int(b->block->graph->sizes, 0);
    tn_value *bad = within(b, counts, rows), *total, *ends, *row;
    tn_op *op = tn_build_start(b, TN_OP_cum_sum, &counts, 1);

    tn_op_set_ints(op, TN_ATTR_cum_sum_axis, &axis, 1);
    ends = tn_build_finish(op);
    bad = sum_over(b, bad, 0, false);
    total = sum_over(b, counts, 0, false);
    total = within(b, total, rows);
    bad = tn_build_map2(b, TN_OP_add, bad, total);
    row = tn_build_iota(b, zero, rows, counts->type.dtype);
    row = tn_build_unsqueeze(b, row, &one, 1);
    row = tn_build_map2(b, TN_OP_less_equal, ends, row);
    row = tn_build_cast(b, row, TN_I32);
    row = sum_over(b, row, 1, false);
    return tn_build_map2(b, TN_OP_add, row, bad);
}

void
tn_expand_grouped_linear(tn_build *b, const tn_op *op, tn_value **out)
{
    tn_value *in[] = {op->in[TN_IN_grouped_linear_x], op->in[TN_IN_grouped_linear_w]};
    tn_op *c = tn_build_start(b, TN_OP_contract, in, 2);
    tn_value *at, *y;

    tn_op_set_text(c, TN_ATTR_contract_labels, "ak,xnk->axn");
    if (tn_op_has(op, TN_ATTR_grouped_linear_dtype))
        tn_op_set_dtype(c, TN_ATTR_contract_dtype, op->attr[TN_ATTR_grouped_linear_dtype].dtype);
    tn_op_set_text(c, TN_ATTR_contract_activation,
        tn_op_text(op, TN_ATTR_grouped_linear_activation));
    y = tn_build_finish(c);
    at = segments(b, op->in[TN_IN_grouped_linear_counts], in[0]->type.dim[0]);
    out[0] = gathered(b, y, at, 1, "skip");
}
