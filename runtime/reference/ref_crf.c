/* SPDX-License-Identifier: Apache-2.0
 * Linear-chain CRF rows. */
#include <math.h>

#include "runtime/reference/ref.h"

/* One sequence: its scores with start and end added, wide. */
typedef struct chain {
    int64_t steps, tags, live;
    double *e; /* [steps, tags] */
    double *A; /* [tags, tags] from row to column */
    double *s; /* one column or row of sums */
} chain;

static tn_status
start(tn_ref_call *c, chain *ch)
{
    const tn_ref_value *e = tn_ref_in(c, TN_IN_viterbi_emissions);
    const tn_ref_value *A = tn_ref_in(c, TN_IN_viterbi_transitions);
    tn_ref_value room;

    *ch = (chain){.steps = e->dim[1], .tags = e->dim[2]};
    if ((ch->steps < 1 || ch->tags < 1) && e->dim[0] > 0)
        return tn_ref_fail(c, ".in.emissions", "an empty sequence");
    TN_TRY(tn_ref_scratch(c->r, TN_F64, (ch->steps + ch->tags + 1) * ch->tags, &room));
    ch->e = room.f;
    ch->A = ch->e + ch->steps * ch->tags;
    ch->s = ch->A + ch->tags * ch->tags;
    for (int64_t k = 0; k < A->count; k++)
        ch->A[k] = tn_ref_wide(A->dtype, A->f[k]);
    return TN_OK;
}

static void
add_to(const tn_ref_value *v, double *row)
{
    for (int64_t k = 0; v && k < v->count; k++)
        row[k] += tn_ref_wide(v->dtype, v->f[k]);
}

static void
load(const tn_ref_call *c, chain *ch, int64_t b)
{
    const tn_ref_value *e = tn_ref_in(c, TN_IN_viterbi_emissions);
    const tn_ref_value *length = tn_ref_in(c, TN_IN_viterbi_length);
    int64_t size = ch->steps * ch->tags;
    int64_t n = length ? length->i[b] : ch->steps;

    n = n < 1 ? 1 : n;
    ch->live = n < ch->steps ? n : ch->steps;
    for (int64_t k = 0; k < size; k++)
        ch->e[k] = tn_ref_wide(e->dtype, e->f[b * size + k]);
    add_to(tn_ref_in(c, TN_IN_viterbi_start), ch->e);
    add_to(tn_ref_in(c, TN_IN_viterbi_end), ch->e + (ch->live - 1) * ch->tags);
}

/* Lowest index of the greatest, NaN first. */
static int64_t
best_of(const double *v, int64_t count)
{
    int64_t best = 0;

    for (int64_t k = 1; k < count && !isnan(v[best]); k++) {
        if (isnan(v[k]) || v[k] > v[best])
            best = k;
    }
    return best;
}

/* Sums s[i] = d[i] + A[i,j] for one j. */
static void
into(chain *ch, const double *d, int64_t j)
{
    for (int64_t i = 0; i < ch->tags; i++)
        ch->s[i] = d[i] + ch->A[i * ch->tags + j];
}

static void
best_path(tn_ref_call *c, chain *ch, int64_t b, double *d, double *next, int64_t *back)
{
    int64_t *path = c->out[0].i + b * ch->steps;

    for (int64_t j = 0; j < ch->tags; j++)
        d[j] = ch->e[j];
    for (int64_t t = 1; t < ch->steps; t++) {
        for (int64_t j = 0; j < ch->tags; j++) {
            int64_t best = j;

            next[j] = d[j];
            if (t < ch->live) {
                into(ch, d, j);
                best = best_of(ch->s, ch->tags);
                next[j] = ch->s[best] + ch->e[t * ch->tags + j];
            }
            back[t * ch->tags + j] = best;
        }
        for (int64_t j = 0; j < ch->tags; j++)
            d[j] = next[j];
    }
    path[ch->steps - 1] = best_of(d, ch->tags);
    c->out[1].f[b] = tn_ref_narrow(c->out[1].dtype, d[path[ch->steps - 1]]);
    for (int64_t t = ch->steps - 1; t > 0; t--)
        path[t - 1] = back[t * ch->tags + path[t]];
}

tn_status
tn_oracle_viterbi(tn_ref_call *c)
{
    int64_t batch = tn_ref_in(c, TN_IN_viterbi_emissions)->dim[0];
    tn_ref_value d, back;
    chain ch;

    TN_TRY(start(c, &ch));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, 2 * ch.tags, &d));
    TN_TRY(tn_ref_scratch(c->r, TN_I64, ch.steps * ch.tags, &back));
    for (int64_t b = 0; b < batch; b++) {
        load(c, &ch, b);
        best_path(c, &ch, b, d.f, d.f + ch.tags, back.i);
    }
    return TN_OK;
}

/* a[0] = e[0]; a[t][j] = logsumexp over i of (a[t-1][i] + A[i,j]) + e[t][j],
 * past the end a[t-1]. */
static void
forward(chain *ch, double *a)
{
    for (int64_t j = 0; j < ch->tags; j++)
        a[j] = ch->e[j];
    for (int64_t t = 1; t < ch->steps; t++) {
        const double *before = a + (t - 1) * ch->tags;
        double *now = a + t * ch->tags;

        for (int64_t j = 0; j < ch->tags; j++) {
            now[j] = before[j];
            if (t < ch->live) {
                into(ch, before, j);
                now[j] = tn_ref_logsumexp(ch->s, ch->tags, 1) + ch->e[t * ch->tags + j];
            }
        }
    }
}

/* c[live-1] = 0; c[t-1][i] = logsumexp over j of (A[i,j] + (e[t][j] + c[t][j])) */
static void
backward(chain *ch, double *c)
{
    for (int64_t j = 0; j < ch->tags; j++)
        c[(ch->live - 1) * ch->tags + j] = 0;
    for (int64_t t = ch->live - 1; t > 0; t--) {
        for (int64_t i = 0; i < ch->tags; i++) {
            for (int64_t j = 0; j < ch->tags; j++)
                ch->s[j] =
                    ch->A[i * ch->tags + j] + (ch->e[t * ch->tags + j] + c[t * ch->tags + j]);
            c[(t - 1) * ch->tags + i] = tn_ref_logsumexp(ch->s, ch->tags, 1);
        }
    }
}

tn_status
tn_oracle_crf_partition(tn_ref_call *c)
{
    int64_t batch = tn_ref_in(c, TN_IN_crf_partition_emissions)->dim[0];
    tn_ref_value a;
    chain ch;

    TN_TRY(start(c, &ch));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, ch.steps * ch.tags, &a));
    for (int64_t b = 0; b < batch; b++) {
        load(c, &ch, b);
        forward(&ch, a.f);
        c->out[0].f[b] = tn_ref_narrow(c->out[0].dtype,
            tn_ref_logsumexp(a.f + (ch.steps - 1) * ch.tags, ch.tags, 1));
    }
    return TN_OK;
}

tn_status
tn_oracle_crf_marginals(tn_ref_call *c)
{
    int64_t batch = tn_ref_in(c, TN_IN_crf_marginals_emissions)->dim[0];
    tn_ref_value a, z;
    chain ch;

    TN_TRY(start(c, &ch));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, ch.steps * ch.tags, &a));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, ch.steps * ch.tags, &z));
    for (int64_t b = 0; b < batch; b++) {
        double whole;

        load(c, &ch, b);
        forward(&ch, a.f);
        backward(&ch, z.f);
        whole = tn_ref_logsumexp(a.f + (ch.steps - 1) * ch.tags, ch.tags, 1);
        for (int64_t k = 0; k < ch.live * ch.tags; k++)
            c->out[0].f[b * ch.steps * ch.tags + k] =
                tn_ref_narrow(c->out[0].dtype, exp((a.f[k] + z.f[k]) - whole));
    }
    return TN_OK;
}
