/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of viterbi, crf_partition and crf_marginals: scans over the
 * steps, with the length as a condition. */

#include "ir/graph/expand_in.h"

typedef struct crf {
    tn_build *b;
    const tn_op *op;
    tn_sizes *sizes;
    tn_size batch, steps, tags;
    tn_value *e, *A, *start, *end;
    tn_value *length; /* as given, or NULL */
    /* Position of the last live step, if `end` is given: [B], or a literal. */
    tn_value *last;
    tn_value *first;  /* e[0] with its start and end [B,K] */
    tn_value *rest;   /* e[1..] [B,T-1,K] */
} crf;

static tn_value *
optional_wide(tn_build *b, tn_value *x)
{
    return x ? tn_expand_wide(b, x) : NULL;
}

static tn_value *
column(tn_build *b, tn_value *x)
{
    int64_t axis = 1;

    return x->type.rank == 1 ? tn_build_unsqueeze(b, x, &axis, 1) : x;
}

static tn_value *
choose(tn_build *b, tn_value *condition, tn_value *yes, tn_value *no)
{
    tn_value *c = column(b, condition);

    return tn_build_map3(b, TN_OP_where, c, yes, no);
}

/* min(max(length, 1), T) - 1, or T - 1. */
static tn_value *
last_step(crf *c)
{
    tn_graph *g = c->b->block->graph;
    tn_size before = tn_size_sub(c->sizes, c->steps, tn_size_int(c->sizes, 1));
    tn_value *one, *n;

    if (!c->length)
        return tn_graph_literal(g, TN_I32, tn_expand_size(c->b, before));
    one = tn_build_int(c->b, c->length->type.dtype, 1);
    n = tn_build_map2(c->b, TN_OP_maximum, c->length, one);
    n = tn_build_map2(c->b, TN_OP_minimum, n,
        tn_graph_literal(g, n->type.dtype, tn_expand_size(c->b, c->steps)));
    n = tn_build_map2(c->b, TN_OP_sub, n, one);
    return tn_build_cast(c->b, n, TN_I32);
}

/* e + end at the last live step. */
static tn_value *
with_end(crf *c, tn_build *b, tn_value *e, tn_value *step)
{
    tn_value *is_last, *ended;

    if (!c->end)
        return e;
    is_last = tn_build_map2(b, TN_OP_equal, c->last, step);
    ended = tn_build_map2(b, TN_OP_add, e, c->end);
    return choose(b, is_last, ended, e);
}

static crf
start(tn_build *b, const tn_op *op)
{
    crf c = {.b = b, .op = op, .sizes = b->block->graph->sizes};
    tn_size one = tn_size_int(c.sizes, 1);
    const tn_type *t = &op->in[TN_IN_viterbi_emissions]->type;
    tn_value *zero;

    c.batch = t->dim[0];
    c.steps = t->dim[1];
    c.tags = t->dim[2];
    c.e = tn_expand_wide(b, op->in[TN_IN_viterbi_emissions]);
    c.A = tn_expand_wide(b, op->in[TN_IN_viterbi_transitions]);
    c.start = optional_wide(b, op->in[TN_IN_viterbi_start]);
    c.end = optional_wide(b, op->in[TN_IN_viterbi_end]);
    c.length = op->in[TN_IN_viterbi_length];
    c.last = c.end ? last_step(&c) : NULL;
    c.first = tn_build_index(b, c.e, 1, tn_size_int(c.sizes, 0));
    if (c.start)
        c.first = tn_build_map2(b, TN_OP_add, c.first, c.start);
    zero = tn_build_fill(b, (tn_type){.dtype = TN_I32}, tn_number_int(0));
    c.first = with_end(&c, b, c.first, zero);
    c.rest = tn_build_slice(b, c.e, 1, one, tn_size_sub(c.sizes, c.steps, one));
    return c;
}

static tn_op *
open_scan(crf *c, tn_value *first, tn_value *over, bool reverse, tn_build *body)
{
    tn_value *in[2] = {first, over};
    tn_op *scan = tn_build_scan(c->b, in, 2, 1, 1, reverse, NULL);

    *body = (tn_build){.block = scan->body[0], .path = c->op->path, .from = c->op->from};
    return scan;
}

static tn_value *
step_of(tn_build *b)
{
    tn_value *one = tn_build_int(b, TN_I32, 1);

    return tn_build_map2(b, TN_OP_add, b->block->params.at[2], one);
}

/* Where the step is within the sequence `yes`, else `no`. */
static tn_value *
if_live(crf *c, tn_build *b, tn_value *step, tn_value *yes, tn_value *no)
{
    tn_value *live;

    if (!c->length)
        return yes;
    step = tn_build_cast(b, step, c->length->type.dtype);
    live = tn_build_map2(b, TN_OP_less, step, c->length);
    return choose(b, live, yes, no);
}

/* d[b,i] + A[i,j] as [B,K,K]. */
static tn_value *
sums(crf *c, tn_build *b, tn_value *d)
{
    int64_t axis = 2;
    tn_value *from = tn_build_unsqueeze(b, d, &axis, 1);

    return tn_build_map2(b, TN_OP_add, from, c->A);
}

static tn_value *
greatest(tn_build *b, tn_value *x)
{
    int64_t axis = 1;
    tn_op *op = tn_build_start(b, TN_OP_arg_max, &x, 1);

    tn_op_set_ints(op, TN_ATTR_arg_max_axis, &axis, 1);
    return tn_build_finish(op);
}

static tn_value *
logsumexp(tn_build *b, tn_value *x, int64_t axis)
{
    return tn_build_reduce(b, TN_OP_reduce_logsumexp, x, &axis, 1, false);
}

/* Tags along the pointers, from the last step to the first. */
static tn_value *
trace(crf *c, tn_value *last, tn_value *back)
{
    int64_t axis = 1;
    tn_build b;
    tn_value *path[2], *y = tn_build_unsqueeze(c->b, last, &axis, 1);
    tn_op *scan = open_scan(c, y, back, true, &b), *step;
    tn_value *in[2] = {b.block->params.at[1], b.block->params.at[0]};

    step = tn_build_start(&b, TN_OP_gather_elements, in, 2);
    tn_op_set_ints(step, TN_ATTR_gather_elements_axis, &axis, 1);
    in[0] = tn_build_finish(step);
    in[1] = tn_build_squeeze(&b, in[0], &axis, 1);
    tn_block_result(b.block, in[0]);
    tn_block_result(b.block, in[1]);
    (void)tn_build_finish(scan);
    path[0] = scan->out[1];
    path[1] = y;
    return tn_build_concat(c->b, path, 2, 1);
}

void
tn_expand_viterbi(tn_build *outer, const tn_op *op, tn_value **out)
{
    crf c = start(outer, op);
    int64_t axis = 1;
    tn_value *tag = tn_build_iota(outer, tn_size_int(c.sizes, 0), c.tags, TN_I32);
    tn_value *d, *s, *best, *at, *step, *last;
    tn_build b;
    tn_op *scan = open_scan(&c, c.first, c.rest, false, &b);

    d = b.block->params.at[0];
    step = step_of(&b);
    s = sums(&c, &b, d);
    best = tn_build_reduce(&b, TN_OP_reduce_max, s, &axis, 1, false);
    at = greatest(&b, s);
    best = tn_build_map2(&b, TN_OP_add, best, with_end(&c, &b, b.block->params.at[1], step));
    tn_block_result(b.block, if_live(&c, &b, step, best, d));
    tn_block_result(b.block, if_live(&c, &b, step, at, tag));
    (void)tn_build_finish(scan);
    d = tn_build_reduce(outer, TN_OP_reduce_max, scan->out[0], &axis, 1, false);
    out[1] = tn_build_cast(outer, d, op->out[1]->type.dtype);
    last = greatest(outer, scan->out[0]);
    out[0] = trace(&c, last, scan->out[1]);
}

/* a[t], with all of them collected if asked. */
static tn_op *
forward(crf *c, bool collect)
{
    tn_build b;
    tn_op *scan = open_scan(c, c->first, c->rest, false, &b);
    tn_value *a = b.block->params.at[0], *step = step_of(&b), *next;

    next = logsumexp(&b, sums(c, &b, a), 1);
    next = tn_build_map2(&b, TN_OP_add, next, with_end(c, &b, b.block->params.at[1], step));
    next = if_live(c, &b, step, next, a);
    tn_block_result(b.block, next);
    if (collect)
        tn_block_result(b.block, next);
    (void)tn_build_finish(scan);
    return scan;
}

void
tn_expand_crf_partition(tn_build *outer, const tn_op *op, tn_value **out)
{
    crf c = start(outer, op);
    tn_op *scan = forward(&c, false);
    tn_value *z = logsumexp(outer, scan->out[0], 1);

    out[0] = tn_build_cast(outer, z, op->out[0]->type.dtype);
}

/* c[t-1][i] = logsumexp over j of (A[i,j] + (e[t][j] + c[t][j])), 0 from the
 * last live step on; as [B,T,K]. */
static tn_value *
backward(crf *c)
{
    tn_type row = {.dtype = c->e->type.dtype, .rank = 2, .dim = {c->batch, c->tags}};
    int64_t axis = 1;
    tn_value *zero = tn_build_fill(c->b, row, tn_number_int(0)), *all[2];
    tn_build b;
    tn_op *scan = open_scan(c, zero, c->rest, true, &b);
    tn_value *z = b.block->params.at[0], *step = step_of(&b), *next, *e;

    e = with_end(c, &b, b.block->params.at[1], step);
    next = tn_build_map2(&b, TN_OP_add, e, z);
    next = tn_build_unsqueeze(&b, next, &axis, 1);
    next = tn_build_map2(&b, TN_OP_add, c->A, next);
    next = if_live(c, &b, step, logsumexp(&b, next, 2), z);
    tn_block_result(b.block, next);
    tn_block_result(b.block, next);
    (void)tn_build_finish(scan);
    all[0] = scan->out[1];
    all[1] = tn_build_unsqueeze(c->b, zero, &axis, 1);
    return tn_build_concat(c->b, all, 2, 1);
}

/* [B,T,1] or [T,1]: the step is within the sequence. */
static tn_value *
live_steps(crf *c)
{
    tn_dtype t = c->length->type.dtype;
    int64_t last[2] = {1, 2};
    tn_value *step = tn_build_iota(c->b, tn_size_int(c->sizes, 0), c->steps, t);
    tn_value *n = tn_build_map2(c->b, TN_OP_maximum, c->length, tn_build_int(c->b, t, 1));

    n = tn_build_unsqueeze(c->b, n, last, 2);
    step = tn_build_unsqueeze(c->b, step, last, 1);
    return tn_build_map2(c->b, TN_OP_less, step, n);
}

void
tn_expand_crf_marginals(tn_build *outer, const tn_op *op, tn_value **out)
{
    crf c = start(outer, op);
    tn_op *scan = forward(&c, true);
    int64_t axis = 1, two[2] = {1, 2};
    tn_value *z = logsumexp(outer, scan->out[0], 1), *m, *live, *zero;
    tn_value *all[2] = {tn_build_unsqueeze(outer, c.first, &axis, 1), scan->out[1]};

    m = tn_build_concat(outer, all, 2, 1);
    m = tn_build_map2(outer, TN_OP_add, m, backward(&c));
    z = tn_build_unsqueeze(outer, z, two, 2);
    m = tn_build_map2(outer, TN_OP_sub, m, z);
    m = tn_build_map1(outer, TN_OP_exp, m);
    if (c.length) {
        live = live_steps(&c);
        zero = tn_build_real(outer, m->type.dtype, 0);
        m = tn_build_map3(outer, TN_OP_where, live, m, zero);
    }
    out[0] = tn_build_cast(outer, m, op->out[0]->type.dtype);
}
