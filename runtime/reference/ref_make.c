/* SPDX-License-Identifier: Apache-2.0
 * Values from attributes and seeds. */
#include <math.h>

#include "ir/random.h"
#include "runtime/reference/ref.h"

static tn_status
put_number(tn_ref_call *c, int attr, int index, int64_t at)
{
    tn_ref_value *out = &c->out[0];

    if (!tn_ref_number(c->r, &c->op->attr[attr].numbers[index], out->dtype, &out->f[at],
            &out->i[at]))
        return tn_ref_fail(c, attr == TN_ATTR_fill_value ? ".attrs.value" : ".attrs.data",
            "number %d does not fit %s in this run", index, tn_dtype_name(out->dtype));
    return TN_OK;
}

tn_status
tn_oracle_constant(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        TN_TRY(put_number(c, TN_ATTR_constant_data, (int)k, k));
    return TN_OK;
}

tn_status
tn_oracle_fill(tn_ref_call *c)
{
    tn_ref_value *out = &c->out[0];

    for (int64_t k = 0; k < out->count; k++) {
        if (k == 0)
            TN_TRY(put_number(c, TN_ATTR_fill_value, 0, 0));
        else
            out->i[k] = out->i[0];
    }
    return TN_OK;
}

tn_status
tn_oracle_iota(tn_ref_call *c)
{
    tn_ref_value *out = &c->out[0];
    int64_t start;

    TN_TRY(tn_ref_place(c, TN_ATTR_iota_start, &start));
    for (int64_t k = 0; k < out->count; k++) {
        int64_t v = (int64_t)((uint64_t)start + (uint64_t)k);

        if (tn_is_float(out->dtype))
            out->f[k] = tn_ref_int_to_float(out->dtype, v);
        else
            out->i[k] = tn_ref_wrap(out->dtype, (uint64_t)v);
    }
    return TN_OK;
}

static uint64_t
seed_of(const tn_ref_call *c, int in)
{
    return (uint64_t)tn_ref_in(c, in)->i[0];
}

tn_status
tn_oracle_random_bits(tn_ref_call *c)
{
    tn_ref_value *out = &c->out[0];
    uint64_t key = seed_of(c, TN_IN_random_bits_seed);

    for (int64_t k = 0; k < out->count; k++) {
        uint64_t bits = out->dtype == TN_I64 ? tn_random_word64(key, (uint64_t)k)
                                             : tn_random_word(key, (uint64_t)k);

        out->i[k] = tn_ref_wrap(out->dtype, bits);
    }
    return TN_OK;
}

static double
uniform(tn_dtype dtype, uint64_t key, int64_t k)
{
    if (dtype == TN_F64)
        return tn_random_uniform64(tn_random_word64(key, (uint64_t)k));
    return tn_random_uniform32(tn_random_word(key, (uint64_t)k));
}

tn_status
tn_oracle_random_uniform(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].f[k] = uniform(c->out[0].dtype, seed_of(c, TN_IN_random_uniform_seed), k);
    return TN_OK;
}

tn_status
tn_oracle_random_normal(tn_ref_call *c)
{
    uint64_t key = seed_of(c, TN_IN_random_normal_seed);

    for (int64_t k = 0; k < c->out[0].count; k++)
        c->out[0].f[k] = tn_random_normal(tn_random_word(key, (uint64_t)k));
    return TN_OK;
}

/* arg_max of l / temperature + g, g = -log(-log(u)); of l alone at 0. */
tn_status
tn_oracle_random_categorical(tn_ref_call *c)
{
    const tn_ref_value *logits = tn_ref_in(c, TN_IN_random_categorical_logits);
    uint64_t key = seed_of(c, TN_IN_random_categorical_seed);
    tn_dtype wide = tn_ref_wide_dtype(logits->dtype);
    double t = tn_ref_real(c, TN_ATTR_random_categorical_temperature, wide);
    int64_t size = logits->dim[logits->rank - 1];
    tn_ref_value scores;

    if (size == 0 && c->out[0].count > 0)
        return tn_ref_fail(c, "", "the last axis is empty");
    TN_TRY(tn_ref_scratch(c->r, logits->dtype, logits->count, &scores));
    for (int64_t k = 0; k < scores.count; k++) {
        scores.f[k] = tn_ref_wide(logits->dtype, logits->f[k]);
        if (t > 0)
            scores.f[k] = scores.f[k] / t - log(-log(uniform(wide, key, k)));
    }
    for (int64_t row = 0; row < c->out[0].count; row++) {
        int64_t best = 0;

        for (int64_t k = 1; k < size; k++) {
            if (tn_ref_compare(&scores, row * size + k, row * size + best) > 0)
                best = k;
        }
        c->out[0].i[row] = best;
    }
    return TN_OK;
}
