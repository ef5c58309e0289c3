/* SPDX-License-Identifier: Apache-2.0
 * Decompositions of lstm and gru: the part of the input for all steps at
 * once, then a scan over the steps. */

#include "ir/graph/expand_in.h"

typedef struct rnn {
    tn_build *b;
    const tn_op *op;
    tn_size hidden;
    tn_type state; /* f32[B,H] */
    tn_value *x, *w, *r, *bias;
} rnn;

static tn_value *
optional_wide(tn_build *b, tn_value *x)
{
    return x ? tn_expand_wide(b, x) : NULL;
}

static tn_value *
first_of(rnn *n, int index)
{
    tn_value *given = n->op->in[index];

    if (given)
        return tn_expand_wide(n->b, given);
    return tn_build_fill(n->b, n->state, tn_number_int(0));
}

static rnn
start(tn_build *b, const tn_op *op)
{
    rnn n = {.b = b, .op = op};

    n.x = tn_expand_wide(b, op->in[TN_IN_lstm_x]);
    n.w = tn_expand_wide(b, op->in[TN_IN_lstm_w]);
    n.r = tn_expand_wide(b, op->in[TN_IN_lstm_r]);
    n.bias = optional_wide(b, op->in[TN_IN_lstm_bias]);
    n.hidden = n.r->type.dim[1];
    n.state = (tn_type){.dtype = n.x->type.dtype, .rank = 2, .dim = {n.x->type.dim[0], n.hidden}};
    return n;
}

/* Rows `from` .. `from` + 1 of the gates along the last or only axis. */
static tn_value *
gate(rnn *n, tn_build *b, tn_value *all, int axis, int from)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_size at = tn_size_mul(s, n->hidden, tn_size_int(s, from));

    return tn_build_slice(b, all, axis, at, n->hidden);
}

static tn_value *
recurrent(rnn *n, tn_build *b, tn_value *h, int from)
{
    tn_value *rows = gate(n, b, n->r, 0, from);

    return tn_build_contract(b, h, rows, "bh,gh->bg", TN_DTYPE_COUNT);
}

/* A scan over axis 1 of `xw` with the carried values `first`; its body is
 * open: carried values, the slice, the index. */
static tn_op *
open_scan(rnn *n, tn_value *xw, tn_value *const *first, int carries, bool reverse)
{
    tn_value *in[3];

    for (int i = 0; i < carries; i++)
        in[i] = first[i];
    in[carries] = xw;
    return tn_build_scan(n->b, in, carries + 1, carries, 1, reverse, NULL);
}

/* Results of the scan are the last states, then y. */
static void
results(rnn *n, tn_op *scan, int states, tn_value **out)
{
    tn_dtype t = n->op->out[0]->type.dtype;

    (void)tn_build_finish(scan);
    out[0] = tn_build_cast(n->b, scan->out[states], t);
    for (int i = 0; i < states; i++)
        out[i + 1] = tn_build_cast(n->b, scan->out[i], t);
}

/* (w x + r h) + bias for one gate. */
static tn_value *
lstm_gate(rnn *n, tn_build *b, tn_value *xw, tn_value *h, int which)
{
    tn_value *x = gate(n, b, xw, 1, which);
    tn_value *r = recurrent(n, b, h, which);
    tn_value *a = tn_build_map2(b, TN_OP_add, x, r);

    return n->bias ? tn_build_map2(b, TN_OP_add, a, gate(n, b, n->bias, 0, which)) : a;
}

/* Gates i f g o; c = sigmoid(f)*c + sigmoid(i)*tanh(g); h = sigmoid(o)*tanh(c). */
void
tn_expand_lstm(tn_build *outer, const tn_op *op, tn_value **out)
{
    rnn n = start(outer, op);
    tn_value *xw = tn_build_contract(outer, n.x, n.w, "bti,gi->btg", TN_DTYPE_COUNT);
    tn_value *first[2], *a[4], *h, *c, *kept, *added;
    tn_op *scan;
    tn_build b;

    first[0] = first_of(&n, TN_IN_lstm_h0);
    first[1] = first_of(&n, TN_IN_lstm_c0);
    scan = open_scan(&n, xw, first, 2, tn_op_int(op, TN_ATTR_lstm_reverse) != 0);
    b = (tn_build){.block = scan->body[0], .path = op->path, .from = op->from};
    h = scan->body[0]->params.at[0];
    c = scan->body[0]->params.at[1];
    for (int i = 0; i < 4; i++) {
        a[i] = lstm_gate(&n, &b, scan->body[0]->params.at[2], h, i);
        a[i] = tn_build_map1(&b, i == 2 ? TN_OP_tanh : TN_OP_sigmoid, a[i]);
    }
    kept = tn_build_map2(&b, TN_OP_mul, a[1], c);
    added = tn_build_map2(&b, TN_OP_mul, a[0], a[2]);
    c = tn_build_map2(&b, TN_OP_add, kept, added);
    h = tn_build_map1(&b, TN_OP_tanh, c);
    h = tn_build_map2(&b, TN_OP_mul, a[3], h);
    tn_block_result(scan->body[0], h);
    tn_block_result(scan->body[0], c);
    tn_block_result(scan->body[0], h);
    results(&n, scan, 2, out);
}

/* w x + b of the input's bias, for one gate. */
static tn_value *
gru_input(rnn *n, tn_build *b, tn_value *xw, int which)
{
    tn_value *x = gate(n, b, xw, 1, which);

    return n->bias ? tn_build_map2(b, TN_OP_add, x, gate(n, b, n->bias, 0, which)) : x;
}

/* r h + d of the recurrence's bias. */
static tn_value *
gru_recurrent(rnn *n, tn_build *b, tn_value *h, int which)
{
    tn_value *r = recurrent(n, b, h, which);

    return n->bias ? tn_build_map2(b, TN_OP_add, r, gate(n, b, n->bias, 0, which + 3)) : r;
}

static tn_value *
gru_gate(rnn *n, tn_build *b, tn_value *xw, tn_value *h, int which)
{
    tn_value *x = gru_input(n, b, xw, which);
    tn_value *r = gru_recurrent(n, b, h, which);
    tn_value *a = tn_build_map2(b, TN_OP_add, x, r);

    return tn_build_map1(b, TN_OP_sigmoid, a);
}

static tn_value *
gru_new(rnn *n, tn_build *b, tn_value *xw, tn_value *h, tn_value *reset, bool after)
{
    tn_value *x = gru_input(n, b, xw, 2);
    tn_value *a;

    if (after) {
        a = gru_recurrent(n, b, h, 2);
        a = tn_build_map2(b, TN_OP_mul, reset, a);
    } else {
        a = tn_build_map2(b, TN_OP_mul, reset, h);
        a = gru_recurrent(n, b, a, 2);
    }
    a = tn_build_map2(b, TN_OP_add, x, a);
    return tn_build_map1(b, TN_OP_tanh, a);
}

/* Gates p z n; h = (1 - z)*n + z*h. */
void
tn_expand_gru(tn_build *outer, const tn_op *op, tn_value **out)
{
    rnn n = start(outer, op);
    tn_value *xw = tn_build_contract(outer, n.x, n.w, "bti,gi->btg", TN_DTYPE_COUNT);
    bool after = tn_op_int(op, TN_ATTR_gru_reset_after) != 0;
    tn_value *first[1], *h, *p, *z, *fresh, *rest, *kept;
    tn_op *scan;
    tn_build b;

    first[0] = first_of(&n, TN_IN_gru_h0);
    scan = open_scan(&n, xw, first, 1, tn_op_int(op, TN_ATTR_gru_reverse) != 0);
    b = (tn_build){.block = scan->body[0], .path = op->path, .from = op->from};
    h = scan->body[0]->params.at[0];
    xw = scan->body[0]->params.at[1];
    p = gru_gate(&n, &b, xw, h, 0);
    z = gru_gate(&n, &b, xw, h, 1);
    fresh = gru_new(&n, &b, xw, h, p, after);
    rest = tn_build_real(&b, n.state.dtype, 1);
    rest = tn_build_map2(&b, TN_OP_sub, rest, z);
    fresh = tn_build_map2(&b, TN_OP_mul, rest, fresh);
    kept = tn_build_map2(&b, TN_OP_mul, z, h);
    h = tn_build_map2(&b, TN_OP_add, fresh, kept);
    tn_block_result(scan->body[0], h);
    tn_block_result(scan->body[0], h);
    results(&n, scan, 1, out);
}
