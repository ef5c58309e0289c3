/* SPDX-License-Identifier: Apache-2.0
 * lstm and gru: one layer, one direction. */
#include <math.h>
#include <string.h>

#include "runtime/reference/ref.h"

/* Sizes, and the operands as double with halves cast to f32. */
typedef struct rnn {
    int64_t batch, steps, inputs, hidden;
    tn_dtype dtype;
    const double *x, *w, *r, *bias;
    tn_ref_value gates; /* products with x and with h: two stretches */
    tn_ref_value h, c;  /* [batch, hidden] */
} rnn;

static tn_status
wide_copy(tn_ref_call *c, int in, const double **out)
{
    const tn_ref_value *v = tn_ref_in(c, in);
    tn_ref_value copy;

    *out = NULL;
    if (!v)
        return TN_OK;
    TN_TRY(tn_ref_scratch(c->r, TN_F64, v->count, &copy));
    for (int64_t k = 0; k < v->count; k++)
        copy.f[k] = tn_ref_wide(v->dtype, v->f[k]);
    *out = copy.f;
    return TN_OK;
}

static tn_status
start(tn_ref_call *c, rnn *n, int gates, int h0, int c0)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_lstm_x);
    const double *first;

    *n = (rnn){.batch = x->dim[0],
        .steps = x->dim[1],
        .inputs = x->dim[2],
        .hidden = c->out[0].dim[2],
        .dtype = x->dtype};
    TN_TRY(wide_copy(c, TN_IN_lstm_x, &n->x));
    TN_TRY(wide_copy(c, TN_IN_lstm_w, &n->w));
    TN_TRY(wide_copy(c, TN_IN_lstm_r, &n->r));
    TN_TRY(wide_copy(c, TN_IN_lstm_bias, &n->bias));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, 2 * gates * n->hidden, &n->gates));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, n->batch * n->hidden, &n->h));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, n->batch * n->hidden, &n->c));
    TN_TRY(wide_copy(c, h0, &first));
    if (first)
        memcpy(n->h.f, first, (size_t)n->h.count * sizeof *first);
    TN_TRY(c0 >= 0 ? wide_copy(c, c0, &first) : TN_OK);
    if (c0 >= 0 && first)
        memcpy(n->c.f, first, (size_t)n->c.count * sizeof *first);
    return TN_OK;
}

/* out = w v for `rows` rows. */
static void
product(double *out, const double *w, const double *v, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;

        for (int64_t k = 0; k < columns; k++)
            sum += w[i * columns + k] * v[k];
        out[i] = sum;
    }
}

/* a = (w x + r h) + bias; c = sigmoid(f) c + sigmoid(i) tanh(g);
 * h = sigmoid(o) tanh(c) */
static void
lstm_step(rnn *n, const double *x, double *h, double *cell)
{
    int64_t size = n->hidden;
    double *a = n->gates.f, *by_h = n->gates.f + 4 * size;

    product(a, n->w, x, 4 * size, n->inputs);
    product(by_h, n->r, h, 4 * size, size);
    for (int64_t k = 0; k < 4 * size; k++)
        a[k] = (a[k] + by_h[k]) + (n->bias ? n->bias[k] : 0);
    for (int64_t k = 0; k < size; k++) {
        cell[k] =
            tn_ref_sigmoid(a[size + k]) * cell[k] + tn_ref_sigmoid(a[k]) * tanh(a[2 * size + k]);
        h[k] = tn_ref_sigmoid(a[3 * size + k]) * tanh(cell[k]);
    }
}

/* Gates p (reset), z (update), n (new); bias of the input, then of the
 * recurrence. */
static void
gru_step(rnn *n, const double *x, double *h, bool reset_after)
{
    int64_t size = n->hidden;
    double *a = n->gates.f, *by_h = n->gates.f + 3 * size;
    double *p = by_h; /* the first gate, once it is known */

    product(a, n->w, x, 3 * size, n->inputs);
    product(by_h, n->r, h, 3 * size, size);
    for (int64_t k = 0; n->bias && k < 3 * size; k++) {
        a[k] += n->bias[k];
        by_h[k] += n->bias[3 * size + k];
    }
    for (int64_t k = 0; k < size; k++) {
        p[k] = tn_ref_sigmoid(a[k] + by_h[k]);
        a[size + k] = tn_ref_sigmoid(a[size + k] + by_h[size + k]);
    }
    if (!reset_after) {
        for (int64_t k = 0; k < size; k++)
            a[k] = p[k] * h[k];
        product(by_h + 2 * size, n->r + 2 * size * size, a, size, size);
        for (int64_t k = 0; n->bias && k < size; k++)
            by_h[2 * size + k] += n->bias[5 * size + k];
    }
    for (int64_t k = 0; k < size; k++) {
        double part = reset_after ? p[k] * by_h[2 * size + k] : by_h[2 * size + k];
        double fresh = tanh(a[2 * size + k] + part);
        double z = a[size + k];

        h[k] = (1 - z) * fresh + z * h[k];
    }
}

static void
put(tn_ref_value *out, int64_t at, const double *v, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        out->f[at + k] = tn_ref_narrow(out->dtype, v[k]);
}

static void
walk(tn_ref_call *c, rnn *n, bool reverse, bool reset_after)
{
    int64_t size = n->hidden;

    for (int64_t b = 0; b < n->batch; b++) {
        double *h = n->h.f + b * size, *cell = n->c.f + b * size;

        for (int64_t k = 0; k < n->steps; k++) {
            int64_t t = reverse ? n->steps - 1 - k : k;
            const double *x = n->x + (b * n->steps + t) * n->inputs;

            if (c->op->code == TN_OP_gru)
                gru_step(n, x, h, reset_after);
            else
                lstm_step(n, x, h, cell);
            put(&c->out[0], (b * n->steps + t) * size, h, size);
        }
    }
    put(&c->out[1], 0, n->h.f, n->h.count);
}

tn_status
tn_oracle_lstm(tn_ref_call *c)
{
    rnn n;

    TN_TRY(start(c, &n, 4, TN_IN_lstm_h0, TN_IN_lstm_c0));
    walk(c, &n, tn_op_int(c->op, TN_ATTR_lstm_reverse), true);
    put(&c->out[2], 0, n.c.f, n.c.count);
    return TN_OK;
}

tn_status
tn_oracle_gru(tn_ref_call *c)
{
    rnn n;

    TN_TRY(start(c, &n, 3, TN_IN_gru_h0, -1));
    walk(c, &n, tn_op_int(c->op, TN_ATTR_gru_reverse), tn_op_int(c->op, TN_ATTR_gru_reset_after));
    return TN_OK;
}
