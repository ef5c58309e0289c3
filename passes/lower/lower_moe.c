/* SPDX-License-Identifier: Apache-2.0
 * The sum over chosen experts. Pairs (token, slot) are sorted by expert, each
 * expert meets its rows, the sum takes them back in the order of slots:
 *
 *     sort      where the rows of each expert start, which pair each row is,
 *               which row each pair is; stable, without atomics
 *     gate-up   h = act(gate[e] x) * (up[e] x), rows gathered as they are read
 *     down      r = down[e] h
 *     combine   y = w0*r0 + w1*r1 + ..
 *
 * A few tokens are not worth sorting: gate-up runs over pairs, and down takes
 * the sum along. Every step is rounded to the type of x, as in the
 * decomposition; w and the sum are f32. */
#include <string.h>

#include "ir/graph/form.h"
#include "passes/lower/lo.h"

enum {
    FEW_TOKENS = 4,   /* bound of what is not sorted */
    FEW_SLOTS = 8,    /* of a sum that is written out */
};

typedef struct moe {
    tn_lo *k;
    tn_lowered_list *out;
    tn_op *op;
    tn_value *x, *ids, *w, *up, *down, *gate, *y;
    tn_value *up_bias, *gate_bias, *down_bias;
    int lead; /* axes of tokens */
    int64_t slots;
    bool skips; /* pairs of weight 0 */
    tn_size tokens, pairs, experts, width, hidden;
    tn_value *off, *order, *inv, *h, *r; /* between the kernels */
    tn_lowered made;
} moe;

/* ---- what all kernels need ---- */

static tn_value *
between(const moe *m, const char *name, tn_dtype dtype, tn_size rows, tn_size columns)
{
    tn_type type = {.dtype = dtype, .rank = columns ? 2 : 1, .dim = {rows, columns}};

    return tn_graph_between(m->op, type, name);
}

static moe
open_row(tn_lo *k, tn_lowered_list *out)
{
    tn_op *op = k->group->ops.at[0];
    tn_sizes *s = k->g->sizes;
    moe m = {.k = k,
        .out = out,
        .op = op,
        .x = op->in[TN_IN_moe_x],
        .ids = op->in[TN_IN_moe_ids],
        .w = op->in[TN_IN_moe_w],
        .up = op->in[TN_IN_moe_up],
        .down = op->in[TN_IN_moe_down],
        .gate = op->in[TN_IN_moe_gate],
        .up_bias = op->in[TN_IN_moe_up_bias],
        .gate_bias = op->in[TN_IN_moe_gate_bias],
        .down_bias = op->in[TN_IN_moe_down_bias],
        .y = op->out[0]};

    m.lead = m.x->type.rank - 1;
    m.skips = strcmp(tn_op_text(op, TN_ATTR_moe_zero), "skip") == 0;
    (void)tn_size_is_int(m.ids->type.dim[m.lead], &m.slots);
    m.tokens = tn_size_int(s, 1);
    for (int i = 0; i < m.lead; i++)
        m.tokens = tn_size_mul(s, m.tokens, m.x->type.dim[i]);
    m.pairs = tn_size_mul(s, m.tokens, tn_size_int(s, m.slots));
    m.experts = m.up->type.dim[0];
    m.width = m.up->type.dim[1];
    m.hidden = m.up->type.dim[2];
    m.h = between(&m, "h", m.x->type.dtype, m.pairs, m.width);
    return m;
}

static tn_tb *
start(moe *m, const char *name)
{
    m->made = (tn_lowered){.family = "moe"};
    tn_lo_start(m->k, &m->made, name);
    return m->k->b;
}

static tn_tval *
load(const moe *m, tn_value *v, tn_tval *const *at)
{
    return tn_lo_load(m->k, v, v->type.rank, v->type.dim, (tn_layout){.kind = TN_LAYOUT_ROWS}, at);
}

static void
store(const moe *m, tn_value *v, tn_tval *const *at, tn_tval *x, tn_tval *condition)
{
    tn_tb_store(m->k->b, tn_lo_output(m->k, v, &v->type), at, x, condition);
}

/* The expert of a pair, checked and clamped; one that a route chose is in
 * range. */
static tn_tval *
expert_of(const moe *m, tn_tval *pair)
{
    tn_tval *id = tn_lo_flat(m->k, m->ids, m->lead + 1, pair, NULL), *ok;
    const tn_op *from = m->ids->kind == TN_VALUE_RESULT ? m->ids->def : NULL;

    if (from && from->code == TN_OP_route &&
        tn_size_equal(from->in[0]->type.dim[from->in[0]->type.rank - 1], m->experts))
        return id;
    ok = tn_lo_in_range(m->k, id, m->experts);
    tn_lo_check(m->k, m->op, "index out of range", m->ids, m->experts, ok, pair, id);
    return tn_lo_clamped(m->k, id, m->experts);
}

static tn_tval *
is_zero(const moe *m, tn_tval *w)
{
    return tn_tb_fn2(m->k->b, TN_FN_eq, w, tn_lo_zero(m->k, w->dtype));
}

/* The expert that a pair is sorted by: one past the last if it takes no
 * part. */
static tn_tval *
sorted_by(const moe *m, tn_tval *pair)
{
    tn_tval *e = expert_of(m, pair), *w;

    if (!m->skips)
        return e;
    w = tn_lo_flat(m->k, m->w, m->lead + 1, pair, NULL);
    return tn_tb_fn3(m->k->b, TN_FN_select, is_zero(m, w), tn_lo_size(m->k, m->experts), e);
}

/* ---- activations: every step in the type of x ---- */

static tn_tval *
rounded(const moe *m, tn_tval *x)
{
    x = tn_lo_narrow(m->k, x, m->x->type.dtype);
    return tn_tb_cast(m->k->b, TN_F32, x);
}

static tn_tval *
step1(const moe *m, tn_fn fn, tn_tval *x)
{
    return rounded(m, tn_tb_fn1(m->k->b, fn, x));
}

static tn_tval *
step2(const moe *m, tn_fn fn, tn_tval *x, tn_tval *y)
{
    return rounded(m, tn_tb_fn2(m->k->b, fn, x, y));
}

static tn_tval *
number(const moe *m, double value)
{
    return rounded(m, tn_tb_real(m->k->b, TN_F32, value));
}

/* 0.5*x*(1 + erf(x*sqrt(0.5))), or 0.5*x*(1 + tanh(sqrt(2/pi)*(x +
 * 0.044715*x^3))) */
static tn_tval *
gelu(const moe *m, tn_tval *x, bool by_tanh)
{
    tn_tval *half = step2(m, TN_FN_mul, number(m, 0.5), x), *y;

    if (by_tanh) {
        y = step2(m, TN_FN_mul, x, x);
        y = step2(m, TN_FN_mul, y, x);
        y = step2(m, TN_FN_mul, number(m, 0.044715), y);
        y = step2(m, TN_FN_add, x, y);
        y = step2(m, TN_FN_mul, number(m, 0.79788456080286535588), y);
        y = step1(m, TN_FN_tanh, y);
    } else {
        y = step2(m, TN_FN_mul, x, number(m, 0.70710678118654752440));
        y = step1(m, TN_FN_erf, y);
    }
    y = step2(m, TN_FN_add, number(m, 1), y);
    return step2(m, TN_FN_mul, half, y);
}

static tn_tval *
activated(const moe *m, tn_tval *x)
{
    const char *act = tn_op_text(m->op, TN_ATTR_moe_act);

    if (strcmp(act, "silu") == 0)
        return step2(m, TN_FN_mul, x, step1(m, TN_FN_sigmoid, x));
    if (strcmp(act, "relu") == 0)
        return tn_tb_fn2(m->k->b, TN_FN_max, x, number(m, 0));
    if (strcmp(act, "sigmoid") == 0)
        return step1(m, TN_FN_sigmoid, x);
    if (strcmp(act, "tanh") == 0)
        return step1(m, TN_FN_tanh, x);
    return gelu(m, x, strcmp(act, "gelu_tanh") == 0);
}

/* One row times the matrix of an expert, rounded. */
static tn_tval *
product(const moe *m, tn_tval *row, tn_value *w, tn_tval *e, tn_tval *n, tn_axis *over)
{
    tn_tval *at[] = {e, n, tn_tb_index(m->k->b, over)};
    tn_tval *matrix = tn_tb_cast(m->k->b, TN_F32, tn_lo_matrix(m->k, w, at));
    tn_tval *zero = tn_lo_zero(m->k, TN_F32);

    row = tn_lo_with_axis(m->k, tn_tb_cast(m->k->b, TN_F32, row), over);
    return rounded(m, tn_tb_mma(m->k->b, zero, row, matrix, &over, 1));
}

/* ---- a hidden layer that has no name ---- */

static tn_tval *
form_arg(const moe *m, const tn_form_arg *arg, tn_tval *const *steps, tn_tval *u, tn_tval *g)
{
    switch (arg->kind) {
    case TN_FORM_U: return u;
    case TN_FORM_G: return g;
    case TN_FORM_STEP: return steps[arg->step];
    default: return number(m, arg->number);
    }
}

static tn_tval *
form_step(const moe *m, const tn_form_step *s, tn_tval *const *in)
{
    tn_fn fn = tn_fn_of_graph_op(tn_op_info_of(s->code)->name);

    if (tn_form_compares(s->code))
        return tn_tb_fn2(m->k->b, fn, in[0], in[1]);
    if (s->count == 1)
        return step1(m, fn, in[0]);
    if (s->count == 2)
        return step2(m, fn, in[0], in[1]);
    return tn_tb_fn3(m->k->b, fn, in[0], in[1], in[2]);
}

static tn_tval *
formed(const moe *m, tn_tval *u, tn_tval *g)
{
    tn_tval *steps[TN_FORM_STEPS], *in[3];
    tn_form form;

    (void)tn_form_read(tn_op_text(m->op, TN_ATTR_moe_form), &form);
    for (int i = 0; i < form.count; i++) {
        for (int n = 0; n < form.step[i].count; n++)
            in[n] = form_arg(m, &form.step[i].arg[n], steps, u, g);
        steps[i] = form_step(m, &form.step[i], in);
    }
    return steps[form.count - 1];
}

/* With what the layer adds for the expert. */
static tn_tval *
biased(const moe *m, tn_tval *x, tn_value *bias, tn_tval *e, tn_tval *n)
{
    tn_tval *at[] = {e, n}, *b;

    if (!bias)
        return x;
    b = tn_lo_wide(m->k, bias, at);
    return step2(m, TN_FN_add, x, b);
}

static tn_tval *
hidden_of(const moe *m, tn_tval *token, tn_tval *e, tn_tval *n)
{
    tn_axis *over = tn_lo_span_axis(m->k, m->hidden, NULL, 0);
    tn_tval *at = tn_tb_index(m->k->b, over);
    tn_tval *row = tn_lo_flat(m->k, m->x, m->lead, token, &at);
    tn_tval *u = product(m, row, m->up, e, n, over), *g = NULL;

    u = biased(m, u, m->up_bias, e, n);
    if (m->gate) {
        g = product(m, row, m->gate, e, n, over);
        g = biased(m, g, m->gate_bias, e, n);
    }
    if (tn_op_has(m->op, TN_ATTR_moe_form))
        u = formed(m, u, g);
    else if (g)
        u = step2(m, TN_FN_mul, activated(m, g), u);
    else
        u = activated(m, u);
    return tn_lo_narrow(m->k, u, m->x->type.dtype);
}

static tn_tval *
result_of(const moe *m, tn_tval *row, tn_tval *e, tn_tval *n)
{
    tn_axis *over = tn_lo_span_axis(m->k, m->width, NULL, 0);
    tn_tval *at[] = {row, tn_tb_index(m->k->b, over)};

    tn_tval *x = product(m, load(m, m->h, at), m->down, e, n, over);

    return biased(m, x, m->down_bias, e, n);
}

/* ---- sorted by expert ---- */

/* How many pairs have a lower expert, and how many this one. */
static void
count(const moe *m, tn_axis *e, tn_axis *a, tn_tval **before, tn_tval **own)
{
    tn_tb *b = m->k->b;
    tn_tstmt *loop = tn_tb_loop(b, false, NULL, a, NULL, NULL, false);
    tn_tval *zero = tn_tb_int(b, 0), *carry[2], *next[2], *id;
    uint32_t mark = tn_lo_enter(m->k);

    carry[0] = tn_tb_carry(b, zero, &e, 1, TN_FN_add);
    carry[1] = tn_tb_carry(b, zero, &e, 1, TN_FN_add);
    id = sorted_by(m, tn_tb_index(b, a));
    next[0] = tn_tb_fn2(b, TN_FN_lt, id, tn_tb_index(b, e));
    next[1] = tn_tb_fn2(b, TN_FN_eq, id, tn_tb_index(b, e));
    for (int i = 0; i < 2; i++) {
        next[i] = tn_tb_cast(b, TN_I32, next[i]);
        next[i] = tn_tb_reduce(b, TN_FN_add, next[i], &a, 1);
        next[i] = tn_tb_fn2(b, TN_FN_add, carry[i], next[i]);
    }
    tn_tb_end_loop(b, next);
    tn_lo_leave(m->k, mark);
    *before = tn_tb_final(b, loop, 0);
    *own = tn_tb_final(b, loop, 1);
}

/* Each pair to its row, in the order of pairs. */
static void
deal(const moe *m, tn_axis *e, tn_axis *a, tn_tval *first)
{
    tn_tb *b = m->k->b;
    tn_tval *p, *hit, *one, *at, *pair, *id;
    uint32_t mark = tn_lo_enter(m->k);

    (void)tn_tb_loop(b, true, NULL, a, NULL, NULL, false);
    p = tn_tb_carry(b, first, &e, 1, TN_FN_COUNT);
    pair = tn_tb_index(b, a);
    id = sorted_by(m, pair);
    hit = tn_tb_fn2(b, TN_FN_eq, id, tn_tb_index(b, e));
    one = tn_tb_cast(b, TN_I32, hit);
    at = tn_tb_prefix(b, TN_FN_add, one, a, false, false);
    at = tn_tb_fn2(b, TN_FN_add, p, at);
    store(m, m->order, &at, pair, hit);
    store(m, m->inv, &pair, at, hit);
    one = tn_tb_reduce(b, TN_FN_add, one, &a, 1);
    one = tn_tb_fn2(b, TN_FN_add, p, one);
    tn_tb_end_loop(b, &one);
    tn_lo_leave(m->k, mark);
}

static tn_status
sort(moe *m)
{
    tn_tb *b = start(m, "moe_sort");
    tn_axis *e = tn_tb_grid(b, "e", NULL, tn_lo_size(m->k, m->experts), false);
    tn_axis *a = tn_lo_span_axis(m->k, m->pairs, NULL, 0);
    tn_tval *before, *own, *at, *zero = tn_tb_int(b, 0);

    count(m, e, a, &before, &own);
    at = tn_tb_fn2(b, TN_FN_add, tn_tb_index(b, e), tn_tb_int(b, 1));
    own = tn_tb_fn2(b, TN_FN_add, before, own);
    store(m, m->off, &at, own, NULL);
    own = tn_tb_fn2(b, TN_FN_eq, tn_tb_index(b, e), zero);
    store(m, m->off, &zero, zero, own);
    deal(m, e, a, before);
    return tn_lo_finish_into(m->k, m->out);
}

/* Tasks: an expert and columns, over the rows of that expert. */
typedef struct rows {
    tn_tval *e, *row, *n;
} rows;

static rows
over_rows(const moe *m, tn_size columns)
{
    tn_tb *b = m->k->b;
    tn_axis *e = tn_tb_grid(b, "e", NULL, tn_lo_size(m->k, m->experts), true), *a, *n;
    rows r = {.e = tn_tb_index(b, e)};
    tn_tval *next = tn_tb_fn2(b, TN_FN_add, r.e, tn_tb_int(b, 1));
    tn_tval *low = load(m, m->off, &r.e), *high = load(m, m->off, &next);

    a = tn_tb_grid(b, "a", low, high, false);
    n = tn_tb_grid(b, "n", NULL, tn_lo_size(m->k, columns), false);
    r.row = tn_tb_index(b, a);
    r.n = tn_tb_index(b, n);
    return r;
}

static tn_status
gate_up(moe *m)
{
    tn_tb *b = start(m, "moe_gate_up");
    rows r = over_rows(m, m->width);
    tn_tval *pair = load(m, m->order, &r.row), *at[] = {r.row, r.n}, *token;

    token = tn_tb_fn2(b, TN_FN_div, pair, tn_tb_int(b, m->slots));
    store(m, m->h, at, hidden_of(m, token, r.e, r.n), NULL);
    return tn_lo_finish_into(m->k, m->out);
}

static tn_status
down(moe *m)
{
    rows r;
    tn_tval *at[2], *x;

    (void)start(m, "moe_down");
    r = over_rows(m, m->hidden);
    at[0] = r.row;
    at[1] = r.n;
    x = result_of(m, r.row, r.e, r.n);
    store(m, m->r, at, tn_lo_narrow(m->k, x, m->r->type.dtype), NULL);
    return tn_lo_finish_into(m->k, m->out);
}

/* ---- the sum ---- */

/* Positions of the token: its axes, and its number. */
static tn_tval *
token_at(const moe *m, tn_tval *const *at)
{
    tn_tval *token = tn_tb_int(m->k->b, 0);

    for (int i = 0; i < m->lead; i++) {
        token = tn_tb_fn2(m->k->b, TN_FN_mul, token, tn_lo_size(m->k, m->x->type.dim[i]));
        token = tn_tb_fn2(m->k->b, TN_FN_add, token, at[i]);
    }
    return token;
}

/* The place, or one out of range. */
static tn_tval *
unless(const moe *m, tn_tval *none, tn_tval *place)
{
    if (!none)
        return place;
    return tn_tb_fn3(m->k->b, TN_FN_select, none, tn_tb_int(m->k->b, -1), place);
}

/* w*r of one slot; `sorted`: r is in memory, at the row of the pair. */
static tn_tval *
part(const moe *m, tn_tval **at, tn_tval *n, tn_tval *slot, bool sorted)
{
    tn_tb *b = m->k->b;
    tn_tval *token = token_at(m, at), *pair, *w, *r, *row[2], *old = m->k->where, *none = NULL;

    pair = tn_tb_fn2(b, TN_FN_mul, token, tn_tb_int(b, m->slots));
    pair = tn_tb_fn2(b, TN_FN_add, pair, slot);
    at[m->lead] = slot;
    w = tn_lo_el(m->k, m->w, at);
    if (m->skips) { /* there is no row: what is read out of range is 0 */
        none = is_zero(m, w);
        (void)tn_lo_only_where(m->k, tn_tb_fn1(b, TN_FN_not, none));
        pair = unless(m, none, pair);
    }
    if (sorted) {
        row[0] = unless(m, none, load(m, m->inv, &pair));
        row[1] = n;
        r = tn_tb_cast(b, w->dtype, load(m, m->r, row));
    } else {
        r = result_of(m, pair, expert_of(m, pair), n);
    }
    (void)tn_lo_only_where(m->k, old);
    r = tn_tb_fn2(b, TN_FN_mul, w, r);
    return none ? tn_tb_fn3(b, TN_FN_select, none, tn_lo_zero(m->k, r->dtype), r) : r;
}

static tn_tval *
written_out(const moe *m, tn_tval **at, tn_tval *n, bool sorted)
{
    tn_tval *y = part(m, at, n, tn_tb_int(m->k->b, 0), sorted);

    for (int64_t i = 1; i < m->slots; i++) {
        tn_tval *next = part(m, at, n, tn_tb_int(m->k->b, i), sorted);

        y = tn_tb_fn2(m->k->b, TN_FN_add, y, next);
    }
    return y;
}

static tn_tval *
in_a_loop(const moe *m, tn_tval **at, tn_axis *n)
{
    tn_tb *b = m->k->b;
    tn_tval *zero = tn_lo_zero(m->k, m->w->type.dtype), *slots = tn_tb_int(b, m->slots), *sum, *x;
    tn_tstmt *loop = tn_tb_loop(b, true, "c", NULL, NULL, slots, true);
    uint32_t mark = tn_lo_enter(m->k);
    tn_axis *axes[TN_MAX_RANK + 1];
    int count = 0;

    for (int i = 0; i < m->lead; i++)
        if (at[i]->axis)
            axes[count++] = at[i]->axis;
    axes[count++] = n;
    sum = tn_tb_carry(b, zero, axes, count, TN_FN_COUNT);
    x = part(m, at, tn_tb_index(b, n), tn_tb_index(b, loop->axis), true);
    x = tn_tb_fn2(b, TN_FN_add, sum, x);
    tn_tb_end_loop(b, &x);
    tn_lo_leave(m->k, mark);
    return tn_tb_final(b, loop, 0);
}

static tn_status
combine(moe *m, bool sorted)
{
    tn_tb *b = start(m, sorted ? "moe_combine" : "moe_down");
    tn_tval *at[TN_MAX_RANK], *n, *y;
    tn_axis *axis;

    tn_lo_grid(m->k, m->x, m->lead, !sorted, at);
    axis = tn_tb_grid(b, "n", NULL, tn_lo_size(m->k, m->hidden), false);
    n = tn_tb_index(b, axis);
    y = m->slots <= FEW_SLOTS ? written_out(m, at, n, sorted) : in_a_loop(m, at, axis);
    at[m->lead] = n;
    store(m, m->y, at, tn_lo_narrow(m->k, y, m->y->type.dtype), NULL);
    return tn_lo_finish_into(m->k, m->out);
}

/* ---- a few tokens ---- */

static bool
is_few(const moe *m)
{
    int64_t low, most;

    tn_size_bounds(m->k->g->sizes, m->tokens, &low, &most);
    return most <= FEW_TOKENS && m->slots <= FEW_SLOTS;
}

static tn_status
gate_up_of_pairs(moe *m)
{
    tn_tb *b = start(m, "moe_gate_up");
    tn_tval *pairs = tn_lo_size(m->k, m->pairs), *at[2], *token;
    tn_axis *pair = tn_tb_grid(b, "a", NULL, pairs, true);
    tn_axis *n = tn_tb_grid(b, "n", NULL, tn_lo_size(m->k, m->width), false);

    at[0] = tn_tb_index(b, pair);
    at[1] = tn_tb_index(b, n);
    token = tn_tb_fn2(b, TN_FN_div, at[0], tn_tb_int(b, m->slots));
    store(m, m->h, at, hidden_of(m, token, expert_of(m, at[0]), at[1]), NULL);
    return tn_lo_finish_into(m->k, m->out);
}

tn_status
tn_lower_moe(tn_lo *k, tn_lowered_list *out)
{
    moe m = open_row(k, out);
    tn_size one = tn_size_int(k->g->sizes, 1);

    if (is_few(&m)) {
        TN_TRY(gate_up_of_pairs(&m));
        return combine(&m, false);
    }
    m.off = between(&m, "off", TN_I32, tn_size_add(k->g->sizes, m.experts, one), NULL);
    m.order = between(&m, "order", TN_I32, m.pairs, NULL);
    m.inv = between(&m, "inv", TN_I32, m.pairs, NULL);
    m.r = between(&m, "r", m.x->type.dtype, m.pairs, m.hidden);
    TN_TRY(sort(&m));
    TN_TRY(gate_up(&m));
    TN_TRY(down(&m));
    return combine(&m, true);
}
