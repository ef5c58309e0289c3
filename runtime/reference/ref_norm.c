/* SPDX-License-Identifier: Apache-2.0
 * Normalisations and rotary positions. Halves are cast to f32 first and the
 * result back. */
#include <math.h>

#include "runtime/reference/ref.h"

/* How `count` elements at `x`, `step` apart, lie: their mean, and the inverse
 * root of their mean square around it plus eps. */
typedef struct spread {
    double mean, scale;
} spread;

static spread
measure(tn_dtype dtype, const double *x, int64_t count, double eps, bool around_mean)
{
    spread s = {.mean = 0};
    double sum = 0;

    for (int64_t k = 0; around_mean && k < count; k++)
        s.mean += tn_ref_wide(dtype, x[k]);
    if (around_mean)
        s.mean /= (double)count;
    for (int64_t k = 0; k < count; k++) {
        double d = tn_ref_wide(dtype, x[k]) - s.mean;

        sum += d * d;
    }
    s.scale = 1 / sqrt(sum / (double)count + eps);
    return s;
}

static double
wide_at(const tn_ref_value *v, int64_t k)
{
    return tn_ref_wide(v->dtype, v->f[k]);
}

static double
eps_of(const tn_ref_call *c, int attr)
{
    return tn_ref_real(c, attr, tn_ref_wide_dtype(tn_ref_in(c, 0)->dtype));
}

static tn_status
last_axis(tn_ref_call *c, bool around_mean, double eps, const tn_ref_value *w,
    const tn_ref_value *b)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    int64_t size = x->dim[x->rank - 1];

    for (int64_t from = 0; from < x->count; from += size) {
        spread s = measure(x->dtype, x->f + from, size, eps, around_mean);

        for (int64_t k = 0; k < size; k++) {
            double y = (wide_at(x, from + k) - s.mean) * s.scale * wide_at(w, k);

            c->out[0].f[from + k] = tn_ref_narrow(x->dtype, b ? y + wide_at(b, k) : y);
        }
    }
    return TN_OK;
}

tn_status
tn_oracle_layer_norm(tn_ref_call *c)
{
    return last_axis(c, true, eps_of(c, TN_ATTR_layer_norm_eps), tn_ref_in(c, TN_IN_layer_norm_w),
        tn_ref_in(c, TN_IN_layer_norm_b));
}

tn_status
tn_oracle_rms_norm(tn_ref_call *c)
{
    return last_axis(c, false, eps_of(c, TN_ATTR_rms_norm_eps), tn_ref_in(c, TN_IN_rms_norm_w),
        NULL);
}

tn_status
tn_oracle_batch_norm(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_batch_norm_x);
    const tn_ref_value *mean = tn_ref_in(c, TN_IN_batch_norm_mean);
    const tn_ref_value *var = tn_ref_in(c, TN_IN_batch_norm_var);
    double eps = eps_of(c, TN_ATTR_batch_norm_eps);
    tn_ref_axes a = tn_ref_along(x, 1);

    for (int64_t k = 0; k < x->count; k++) {
        int64_t ch = k / a.inner % a.size;
        double y = (wide_at(x, k) - wide_at(mean, ch)) * (1 / sqrt(wide_at(var, ch) + eps));

        y = y * wide_at(tn_ref_in(c, TN_IN_batch_norm_w), ch) +
            wide_at(tn_ref_in(c, TN_IN_batch_norm_b), ch);
        c->out[0].f[k] = tn_ref_narrow(x->dtype, y);
    }
    return TN_OK;
}

/* Elements of a group lie side by side: its channels with all of their space. */
static tn_status
by_groups(tn_ref_call *c, int64_t groups, double eps)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    const tn_ref_value *w = tn_ref_in(c, TN_IN_group_norm_w);
    const tn_ref_value *b = tn_ref_in(c, TN_IN_group_norm_b);
    tn_ref_axes a = tn_ref_along(x, 1);
    int64_t size = groups ? a.size / groups * a.inner : 0;

    for (int64_t from = 0; from < x->count; from += size) {
        spread s = measure(x->dtype, x->f + from, size, eps, true);

        for (int64_t k = from; k < from + size; k++) {
            int64_t ch = k / a.inner % a.size;
            double y = (wide_at(x, k) - s.mean) * s.scale * wide_at(w, ch) + wide_at(b, ch);

            c->out[0].f[k] = tn_ref_narrow(x->dtype, y);
        }
    }
    return TN_OK;
}

tn_status
tn_oracle_group_norm(tn_ref_call *c)
{
    return by_groups(c, tn_op_int(c->op, TN_ATTR_group_norm_groups),
        eps_of(c, TN_ATTR_group_norm_eps));
}

tn_status
tn_oracle_instance_norm(tn_ref_call *c)
{
    return by_groups(c, tn_ref_in(c, 0)->dim[1], eps_of(c, TN_ATTR_instance_norm_eps));
}

/* ---- rope ---- */

/* freq[i] = theta^(-2i/dims), rounded once to the wide type, or as given. */
static tn_status
frequencies(tn_ref_call *c, int64_t pairs, tn_ref_value *freq)
{
    const tn_ref_value *given = tn_ref_in(c, TN_IN_rope_freq);
    tn_dtype wide = tn_ref_wide_dtype(tn_ref_in(c, 0)->dtype);
    double theta;
    int64_t whole;

    TN_TRY(tn_ref_scratch(c->r, TN_F64, pairs, freq));
    if (!tn_ref_number(c->r, &c->op->attr[TN_ATTR_rope_theta].numbers[0], TN_F64, &theta, &whole))
        return tn_ref_fail(c, ".attrs.theta", "it has no value in this run");
    for (int64_t i = 0; i < pairs; i++)
        freq->f[i] = given ? given->f[i]
                           : tn_round_to(wide, pow(theta, -2 * (double)i / (double)(2 * pairs)));
    return TN_OK;
}

/* Turns the pairs of one head's row at `position`. */
static void
turn(const tn_ref_call *c, const double *x, double *out, int64_t size, int64_t pairs,
    const double *freq, int64_t position)
{
    tn_dtype dtype = c->out[0].dtype;
    tn_dtype wide = tn_ref_wide_dtype(dtype);
    bool apart = tn_ref_is(c, TN_ATTR_rope_pairing, "half");

    for (int64_t i = 0; i < size; i++)
        out[i] = tn_ref_narrow(dtype, tn_ref_wide(dtype, x[i]));
    for (int64_t i = 0; i < pairs; i++) {
        double angle = tn_round_to(wide, (double)position * freq[i]);
        int64_t p = apart ? i : 2 * i;
        int64_t q = apart ? i + pairs : 2 * i + 1;
        double xp = tn_ref_wide(dtype, x[p]), xq = tn_ref_wide(dtype, x[q]);

        out[p] = tn_ref_narrow(dtype, xp * cos(angle) - xq * sin(angle));
        out[q] = tn_ref_narrow(dtype, xq * cos(angle) + xp * sin(angle));
    }
}

tn_status
tn_oracle_rope(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_rope_x);
    const tn_ref_value *first = tn_ref_in(c, TN_IN_rope_first);
    bool time_outer = tn_ref_is(c, TN_ATTR_rope_layout, "btnd");
    int64_t size = x->dim[3];
    int64_t pairs =
        tn_op_has(c->op, TN_ATTR_rope_dims) ? tn_op_int(c->op, TN_ATTR_rope_dims) / 2 : size / 2;
    tn_ref_value freq;

    TN_TRY(frequencies(c, pairs, &freq));
    for (int64_t row = 0; size && row < x->count / size; row++) {
        int64_t b = row / x->dim[1] / x->dim[2];
        int64_t t = time_outer ? row / x->dim[2] % x->dim[1] : row % x->dim[2];
        int64_t position = first->i[first->rank ? b : 0] + t;

        turn(c, x->f + row * size, c->out[0].f + row * size, size, pairs, freq.f, position);
    }
    return TN_OK;
}
