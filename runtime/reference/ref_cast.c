/* SPDX-License-Identifier: Apache-2.0
 * Conversions. Their results are values of their type. */
#include <math.h>
#include <string.h>

#include "ir/base/checked.h"
#include "runtime/reference/ref.h"

static void
cast_one(const tn_ref_value *x, tn_ref_value *out, int64_t k)
{
    bool from_real = tn_is_float(x->dtype);

    if (out->dtype == TN_BOOL)
        out->i[k] = from_real ? x->f[k] != 0 : x->i[k] != 0;
    else if (tn_is_float(out->dtype))
        out->f[k] =
            from_real ? tn_round_to(out->dtype, x->f[k]) : tn_ref_int_to_float(out->dtype, x->i[k]);
    else
        out->i[k] = from_real ? tn_ref_float_to_int(out->dtype, x->f[k])
                              : tn_ref_wrap(out->dtype, (uint64_t)x->i[k]);
}

tn_status
tn_oracle_cast(tn_ref_call *c)
{
    for (int64_t k = 0; k < c->out[0].count; k++)
        cast_one(tn_ref_in(c, 0), &c->out[0], k);
    return TN_OK;
}

tn_status
tn_oracle_bitcast(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    unsigned char bytes[8] = {0};

    for (int64_t k = 0; k < x->count; k++) {
        if (tn_is_float(x->dtype))
            tn_store_double(x->dtype, bytes, x->f[k]);
        else
            tn_store_int(x->dtype, bytes, x->i[k]);
        if (tn_is_float(c->out[0].dtype))
            c->out[0].f[k] = tn_load_double(c->out[0].dtype, bytes);
        else
            c->out[0].i[k] = tn_load_int(c->out[0].dtype, bytes);
    }
    return TN_OK;
}

/* Which scale belongs to an element: a scalar, one for each place of `axis`,
 * or one for each block along it. */
typedef struct scales {
    tn_ref_axes x;
    int64_t block, blocks;
    bool one;
} scales;

static scales
scales_of(const tn_ref_call *c, int axis_attr, int block_attr)
{
    const tn_ref_value *x = tn_ref_in(c, 0);
    scales s = {.block = 1};

    s.one = !tn_op_has(c->op, axis_attr);
    if (s.one)
        return s;
    s.x = tn_ref_along(x, tn_ref_axis(c, axis_attr));
    if (tn_op_has(c->op, block_attr)) {
        s.block = tn_op_int(c->op, block_attr);
        s.blocks = (s.x.size + s.block - 1) / s.block;
    }
    return s;
}

static int64_t
scale_at(const scales *s, int64_t k)
{
    int64_t place, outer;

    if (s->one)
        return 0;
    place = k / s->x.inner % s->x.size;
    if (!s->blocks)
        return place;
    outer = k / s->x.inner / s->x.size;
    return (outer * s->blocks + place / s->block) * s->x.inner + k % s->x.inner;
}

static int64_t
add_saturating(int64_t a, int64_t b)
{
    int64_t sum;

    return tn_add_i64(a, b, &sum) ? sum : a < 0 ? INT64_MIN : INT64_MAX;
}

/* Whole q + zero, exact, kept in 64 bits. Beyond 2^62 q is even. */
static int64_t
sum_of(double q, int64_t zero)
{
    if (fabs(q) < 0x1p62)
        return add_saturating((int64_t)q, zero);
    if (fabs(q) >= 0x1p64)
        return q < 0 ? INT64_MIN : INT64_MAX;
    return add_saturating(add_saturating((int64_t)(q / 2), zero), (int64_t)(q / 2));
}

tn_status
tn_oracle_quantize(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_quantize_x);
    const tn_ref_value *scale = tn_ref_in(c, TN_IN_quantize_scale);
    const tn_ref_value *zero = tn_ref_in(c, TN_IN_quantize_zero);
    scales s = scales_of(c, TN_ATTR_quantize_axis, TN_ATTR_quantize_block);
    tn_dtype wide = tn_ref_wide_dtype(x->dtype);
    int64_t low, high;

    tn_dtype_range(c->out[0].dtype, &low, &high);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t at = scale_at(&s, k);
        double q = nearbyint(tn_round_to(wide, x->f[k] / scale->f[at]));
        int64_t sum;

        sum = sum_of(isnan(q) ? 0 : q, zero ? zero->i[at] : 0);
        c->out[0].i[k] = sum < low ? low : sum > high ? high : sum;
    }
    return TN_OK;
}

tn_status
tn_oracle_dequantize(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_dequantize_x);
    const tn_ref_value *scale = tn_ref_in(c, TN_IN_dequantize_scale);
    const tn_ref_value *zero = tn_ref_in(c, TN_IN_dequantize_zero);
    scales s = scales_of(c, TN_ATTR_dequantize_axis, TN_ATTR_dequantize_block);

    for (int64_t k = 0; k < x->count; k++) {
        int64_t at = scale_at(&s, k);
        double rest = (double)x->i[k];
        int64_t exact;

        if (zero && tn_sub_i64(x->i[k], zero->i[at], &exact))
            rest = (double)exact;
        else if (zero)
            rest -= (double)zero->i[at];
        c->out[0].f[k] = rest * scale->f[at];
    }
    return TN_OK;
}
