/* SPDX-License-Identifier: Apache-2.0
 * Choice of experts, and the sum over them. */
#include <math.h>
#include <string.h>

#include "ir/graph/form.h"
#include "runtime/reference/ref.h"

/* ---- route ---- */

/* One token: logits, scores, what the choice sees, who may be chosen. */
typedef struct token {
    int64_t experts, k;
    double *z, *g, *a;
    double *candidate; /* 1 or 0 */
    double *group;     /* scores of groups */
} token;

static void
normalise(const tn_ref_call *c, token *t)
{
    double lambda = tn_ref_real(c, TN_ATTR_route_lambda, c->out[1].dtype);
    double mean = 0, sum = 0, deviation;
    int64_t n = t->experts;

    for (int64_t e = 0; e < n; e++)
        mean += t->z[e];
    mean /= (double)n;
    for (int64_t e = 0; e < n; e++)
        sum += (t->z[e] - mean) * (t->z[e] - mean);
    deviation = sqrt(sum / (double)(tn_ref_is(c, TN_ATTR_route_divisor, "n") ? n : n - 1));
    for (int64_t e = 0; e < n; e++)
        t->z[e] = deviation > 0 ? (t->z[e] - mean) / deviation * lambda : 0;
}

/* softmax over all of them, or one by one. */
static void
score(const tn_ref_call *c, const double *z, double *g, int64_t count)
{
    const char *how = tn_op_text(c->op, TN_ATTR_route_score);
    double most = -INFINITY, sum = 0;

    for (int64_t e = 0; e < count; e++)
        most = tn_ref_max(most, z[e]);
    for (int64_t e = 0; e < count; e++) {
        g[e] = strcmp(how, "softmax") == 0      ? exp(z[e] - most)
            : strcmp(how, "sigmoid") == 0       ? tn_ref_sigmoid(z[e])
            : strcmp(how, "sqrt_softplus") == 0 ? sqrt(tn_ref_softplus(z[e]))
                                                : z[e];
        sum += g[e];
    }
    for (int64_t e = 0; strcmp(how, "softmax") == 0 && e < count; e++)
        g[e] /= sum;
}

/* Greatest of those with `open`, NaN first, ties to the lowest; marks it. */
static int64_t
take_best(const double *a, double *open, int64_t count)
{
    int64_t best = -1;

    for (int64_t e = 0; e < count; e++) {
        bool first = best < 0 || (isnan(a[e]) && !isnan(a[best])) || a[e] > a[best];

        if (open[e] != 0 && first && !(best >= 0 && isnan(a[best])))
            best = e;
    }
    if (best >= 0)
        open[best] = 0;
    return best;
}

static double
group_score(const tn_ref_call *c, const double *a, int64_t size)
{
    double most = -INFINITY, second = -INFINITY;

    for (int64_t e = 0; e < size; e++) {
        if (isnan(a[e]) || isnan(most)) {
            most = NAN;
        } else if (a[e] > most) {
            second = most;
            most = a[e];
        } else if (a[e] > second) {
            second = a[e];
        }
    }
    return tn_ref_is(c, TN_ATTR_route_group_score, "top2") ? most + second : most;
}

static void
choose_groups(const tn_ref_call *c, token *t)
{
    int64_t groups = tn_op_int(c->op, TN_ATTR_route_groups);
    int64_t size = t->experts / groups;
    double *open = t->group + groups;

    for (int64_t e = 0; e < t->experts; e++)
        t->candidate[e] = groups == 1;
    for (int64_t q = 0; q < groups; q++) {
        t->group[q] = group_score(c, t->a + q * size, size);
        open[q] = 1;
    }
    for (int64_t n = 0; groups > 1 && n < tn_op_int(c->op, TN_ATTR_route_top_groups); n++) {
        int64_t q = take_best(t->group, open, groups);

        for (int64_t e = 0; e < size; e++)
            t->candidate[q * size + e] = 1;
    }
}

/* w is read from g, or scored anew from z; never recovered from a. */
static void
weigh(const tn_ref_call *c, token *t, const int64_t *ids, double *w)
{
    tn_dtype wide = c->out[1].dtype;
    bool before = tn_ref_is(c, TN_ATTR_route_select, "before");
    double sum = 0;

    for (int64_t k = 0; k < t->k; k++)
        w[k] = before ? t->z[ids[k]] : t->g[ids[k]];
    if (before)
        score(c, w, w, t->k);
    for (int64_t k = 0; k < t->k; k++)
        sum += w[k];
    for (int64_t k = 0; k < t->k; k++) {
        if (tn_op_int(c->op, TN_ATTR_route_renorm) &&
            !(before && tn_ref_is(c, TN_ATTR_route_score, "softmax")))
            w[k] /= sum + tn_ref_real(c, TN_ATTR_route_eps, wide);
        w[k] *= tn_ref_real(c, TN_ATTR_route_scale, wide);
    }
}

static void
route_one(tn_ref_call *c, token *t, int64_t row)
{
    const tn_ref_value *logits = tn_ref_in(c, TN_IN_route_logits);
    const tn_ref_value *bias = tn_ref_in(c, TN_IN_route_bias);
    int64_t *ids = c->out[0].i + row * t->k;
    bool before = tn_ref_is(c, TN_ATTR_route_select, "before");

    t->g = c->out[2].f + row * t->experts;
    for (int64_t e = 0; e < t->experts; e++)
        t->z[e] = tn_ref_wide(logits->dtype, logits->f[row * t->experts + e]);
    if (tn_ref_is(c, TN_ATTR_route_norm, "std"))
        normalise(c, t);
    score(c, t->z, t->g, t->experts);
    for (int64_t e = 0; e < t->experts; e++)
        t->a[e] = (before ? t->z[e] : t->g[e]) + (bias ? tn_ref_wide(bias->dtype, bias->f[e]) : 0);
    choose_groups(c, t);
    for (int64_t k = 0; k < t->k; k++)
        ids[k] = take_best(t->a, t->candidate, t->experts);
    weigh(c, t, ids, c->out[1].f + row * t->k);
}

tn_status
tn_oracle_route(tn_ref_call *c)
{
    const tn_ref_value *logits = tn_ref_in(c, TN_IN_route_logits);
    token t = {.experts = logits->dim[logits->rank - 1], .k = tn_op_int(c->op, TN_ATTR_route_k)};
    int64_t groups = tn_op_int(c->op, TN_ATTR_route_groups);
    tn_ref_value room;

    TN_TRY(tn_ref_scratch(c->r, TN_F64, 3 * t.experts + 2 * groups, &room));
    t.z = room.f;
    t.a = t.z + t.experts;
    t.candidate = t.a + t.experts;
    t.group = t.candidate + t.experts;
    for (int64_t row = 0; t.experts && row < logits->count / t.experts; row++)
        route_one(c, &t, row);
    return TN_OK;
}

/* ---- moe ---- */

typedef struct experts {
    const tn_ref_value *x, *ids, *w, *up, *down, *gate, *up_bias, *gate_bias, *down_bias;
    tn_form form; /* no steps: a named activation */
    int64_t hidden, width, count, k;
    bool q8, skips;
    double *token, *u, *h, *r; /* one token's vectors */
} experts;

static void
times(double *out, const double *w, const double *v, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        out[i] = 0;
        for (int64_t k = 0; k < columns; k++)
            out[i] += w[i * columns + k] * v[k];
    }
}

static void
add_bias(double *x, const tn_ref_value *bias, int64_t e, int64_t count)
{
    for (int64_t i = 0; bias && i < count; i++)
        x[i] += bias->f[e * count + i];
}

static double
form_arg(const tn_form_arg *arg, const double *steps, double u, double g, tn_dtype t)
{
    switch (arg->kind) {
    case TN_FORM_U: return u;
    case TN_FORM_G: return g;
    case TN_FORM_STEP: return steps[arg->step];
    default: return tn_round_to(t, arg->number);
    }
}

static double
form_step(tn_opcode code, double a, double b, double c)
{
    switch (code) {
    case TN_OP_neg: return -a;
    case TN_OP_abs: return fabs(a);
    case TN_OP_sqrt: return sqrt(a);
    case TN_OP_rsqrt: return 1 / sqrt(a);
    case TN_OP_recip: return 1 / a;
    case TN_OP_exp: return exp(a);
    case TN_OP_expm1: return expm1(a);
    case TN_OP_log: return log(a);
    case TN_OP_log1p: return log1p(a);
    case TN_OP_tanh: return tanh(a);
    case TN_OP_erf: return erf(a);
    case TN_OP_sigmoid: return tn_ref_sigmoid(a);
    case TN_OP_add: return a + b;
    case TN_OP_sub: return a - b;
    case TN_OP_mul: return a * b;
    case TN_OP_div: return a / b;
    case TN_OP_pow: return pow(a, b);
    case TN_OP_maximum: return tn_ref_max(a, b);
    case TN_OP_minimum: return tn_ref_min(a, b);
    case TN_OP_less: return a < b;
    case TN_OP_less_equal: return a <= b;
    case TN_OP_greater: return a > b;
    case TN_OP_greater_equal: return a >= b;
    default: return a != 0 ? b : c; /* where */
    }
}

static double
formed(const tn_form *form, double u, double g, tn_dtype t)
{
    double steps[TN_FORM_STEPS];

    for (int i = 0; i < form->count; i++) {
        const tn_form_step *s = &form->step[i];
        double in[3] = {0};

        for (int n = 0; n < s->count; n++)
            in[n] = form_arg(&s->arg[n], steps, u, g, t);
        steps[i] = form_step(s->code, in[0], in[1], in[2]);
    }
    return steps[form->count - 1];
}

static double
hidden_of(const char *act, const experts *m, int64_t f)
{
    tn_dtype t = m->x->dtype;

    if (m->form.count)
        return formed(&m->form, m->u[f], m->h[f], t);
    return m->gate ? tn_ref_act(act, m->h[f], t) * m->u[f] : tn_ref_act(act, m->u[f], t);
}

/* r = down[e] h, h = act(gate[e] x) * (up[e] x) or act(up[e] x); as the type
 * of w. */
static void
expert_of(const tn_ref_call *c, experts *m, int64_t row, int64_t e)
{
    const char *act = tn_op_text(c->op, TN_ATTR_moe_act);
    int64_t matrix = e * m->width * m->hidden;

    memcpy(m->token, m->x->f + row * m->hidden, (size_t)m->hidden * sizeof *m->token);
    if (m->q8)
        tn_ref_q8(m->token, m->hidden);
    times(m->u, m->up->f + matrix, m->token, m->width, m->hidden);
    if (m->gate)
        times(m->h, m->gate->f + matrix, m->token, m->width, m->hidden);
    add_bias(m->u, m->up_bias, e, m->width);
    add_bias(m->h, m->gate_bias, e, m->width);
    for (int64_t f = 0; f < m->width; f++)
        m->h[f] = hidden_of(act, m, f);
    if (m->q8)
        tn_ref_q8(m->h, m->width);
    times(m->r, m->down->f + matrix, m->h, m->hidden, m->width);
    add_bias(m->r, m->down_bias, e, m->hidden);
    for (int64_t k = 0; k < m->hidden; k++)
        m->r[k] = tn_ref_wide(m->x->dtype, m->r[k]);
}

static void
add_expert(const tn_ref_call *c, experts *m, int64_t row, int64_t e, double weight)
{
    expert_of(c, m, row, e);
    for (int64_t k = 0; k < m->hidden; k++)
        c->out[0].f[row * m->hidden + k] += weight * m->r[k];
}

/* An expert of weight 0 may take no part. */
static bool
takes_part(const experts *m, int64_t row, int64_t k)
{
    return !m->skips || m->w->f[row * m->k + k] != 0;
}

/* Over the chosen experts in ascending number, each once, its weight the sum
 * of its slots. */
static void
in_expert_order(const tn_ref_call *c, experts *m, int64_t row)
{
    for (int64_t e = 0; e < m->count; e++) {
        bool chosen = false;
        double weight = 0;

        for (int64_t k = 0; k < m->k; k++) {
            if (m->ids->i[row * m->k + k] == e && takes_part(m, row, k)) {
                weight = chosen ? weight + m->w->f[row * m->k + k] : m->w->f[row * m->k + k];
                chosen = true;
            }
        }
        if (chosen)
            add_expert(c, m, row, e, weight);
    }
}

static tn_status
check_ids(const tn_ref_call *c, const experts *m)
{
    char text[TN_REF_POSITION];

    for (int64_t k = 0; k < m->ids->count; k++) {
        if (m->ids->i[k] < 0 || m->ids->i[k] >= m->count)
            return tn_ref_fail(c, ".in.ids", "%lld at %s is outside 0..%lld",
                (long long)m->ids->i[k], tn_ref_position(m->ids, k, text), (long long)m->count - 1);
    }
    return TN_OK;
}

static tn_status
start_experts(const tn_ref_call *c, experts *m)
{
    tn_ref_value room;

    *m = (experts){.x = tn_ref_in(c, TN_IN_moe_x),
        .ids = tn_ref_in(c, TN_IN_moe_ids),
        .w = tn_ref_in(c, TN_IN_moe_w),
        .up = tn_ref_in(c, TN_IN_moe_up),
        .down = tn_ref_in(c, TN_IN_moe_down),
        .gate = tn_ref_in(c, TN_IN_moe_gate),
        .up_bias = tn_ref_in(c, TN_IN_moe_up_bias),
        .gate_bias = tn_ref_in(c, TN_IN_moe_gate_bias),
        .down_bias = tn_ref_in(c, TN_IN_moe_down_bias)};
    if (tn_ref_is(c, TN_ATTR_moe_act, "form"))
        (void)tn_form_read(tn_op_text(c->op, TN_ATTR_moe_form), &m->form);
    m->count = m->up->dim[0];
    m->width = m->up->dim[1];
    m->hidden = m->up->dim[2];
    m->k = m->ids->dim[m->ids->rank - 1];
    m->q8 = tn_ref_is(c, TN_ATTR_moe_activation, "q8");
    m->skips = tn_ref_is(c, TN_ATTR_moe_zero, "skip");
    TN_TRY(check_ids(c, m));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, 2 * (m->hidden + m->width), &room));
    m->token = room.f;
    m->r = m->token + m->hidden;
    m->u = m->r + m->hidden;
    m->h = m->u + m->width;
    return TN_OK;
}

tn_status
tn_oracle_moe(tn_ref_call *c)
{
    bool by_expert = tn_ref_is(c, TN_ATTR_moe_order, "expert");
    experts m;

    TN_TRY(start_experts(c, &m));
    for (int64_t row = 0; m.hidden && row < m.x->count / m.hidden; row++) {
        if (by_expert)
            in_expert_order(c, &m, row);
        for (int64_t k = 0; !by_expert && k < m.k; k++)
            if (takes_part(&m, row, k))
                add_expert(c, &m, row, m.ids->i[row * m.k + k], m.w->f[row * m.k + k]);
    }
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].f[k] = tn_ref_narrow(c->out[0].dtype, c->out[0].f[k]);
    return TN_OK;
}
