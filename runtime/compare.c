/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compare.h"

#include <math.h>

static const char *
element(const tn_tensor *t, int64_t k)
{
    return (const char *)t->data + (size_t)k * (size_t)tn_dtype_bytes(t->dtype);
}

/* A float as its type sees it: what is beyond the type is infinite. */
static double
real_at(const tn_tensor *t, tn_dtype dtype, int64_t k)
{
    double v = tn_load_double(t->dtype, element(t, k));

    return isfinite(v) && isinf(tn_round_to(dtype, v)) ? copysign(INFINITY, v) : v;
}

static bool
same_shape(const tn_tensor *got, const tn_tensor *wanted, tn_dtype dtype)
{
    bool real = tn_is_float(dtype);
    bool same = got->rank == wanted->rank;

    for (int i = 0; same && i < got->rank; i++)
        same = got->dim[i] == wanted->dim[i];
    return same && (got->dtype == dtype || got->dtype == (real ? TN_F64 : TN_I64)) &&
        (wanted->dtype == dtype || wanted->dtype == (real ? TN_F64 : TN_I64));
}

static bool
compare_whole(const tn_tensor *got, const tn_tensor *wanted, int64_t count, tn_difference *out)
{
    for (int64_t k = 0; k < count; k++) {
        int64_t a = tn_load_int(got->dtype, element(got, k));
        int64_t b = tn_load_int(wanted->dtype, element(wanted, k));

        if (a == b)
            continue;
        *out = (tn_difference){.at = k, .got = (double)a, .wanted = (double)b};
        return false;
    }
    return true;
}

/* The smallest normal number of the type. */
static double
tiny(tn_dtype dtype)
{
    return dtype == TN_F64 ? 0x1p-1022 : dtype == TN_F16 ? 0x1p-14 : 0x1p-126;
}

/* NaN and infinities; true if both are finite. */
static bool
is_finite_pair(double a, double b, bool *equal)
{
    if (isfinite(a) && isfinite(b))
        return true;
    *equal = (isnan(a) && isnan(b)) || a == b;
    return false;
}

static void
note(tn_difference *out, double error, int64_t k, double a, double b)
{
    if (out->at >= 0 && !(error > out->error))
        return;
    *out = (tn_difference){.error = error, .at = k, .got = a, .wanted = b};
}

static bool
compare_each(const tn_tensor *got, const tn_tensor *wanted, tn_dtype dtype,
    const tn_tolerance *tolerance, int64_t count, tn_difference *out)
{
    double allowed = tolerance->abs + (tolerance->flushed ? tiny(dtype) : 0);
    bool all = true;

    for (int64_t k = 0; k < count; k++) {
        double a = real_at(got, dtype, k), b = real_at(wanted, dtype, k);
        bool equal = true;

        if (!is_finite_pair(a, b, &equal)) {
            if (!equal)
                note(out, INFINITY, k, a, b);
        } else {
            equal = fabs(a - b) <= allowed + tolerance->rel * fabs(b);
            if (a != b)
                note(out, fabs(a - b) / (b != 0 ? fabs(b) : 1), k, a, b);
        }
        all = all && equal;
    }
    return all;
}

/* Sums of squares, scaled by the largest so that none overflows. */
typedef struct norm {
    double scale, sum;
} norm;

static void
norm_add(norm *n, double v)
{
    v = fabs(v);
    if (v == 0)
        return;
    if (v > n->scale) {
        n->sum = 1 + n->sum * (n->scale / v) * (n->scale / v);
        n->scale = v;
    } else {
        n->sum += (v / n->scale) * (v / n->scale);
    }
}

double
tn_tolerance_usual(tn_dtype dtype)
{
    return dtype == TN_F16 || dtype == TN_BF16 ? 2e-2 : 1e-5;
}

static bool
compare_norm(const tn_tensor *got, const tn_tensor *wanted, tn_dtype dtype,
    const tn_tolerance *tolerance, int64_t count, tn_difference *out)
{
    double r = tn_tolerance_usual(dtype);
    norm off = {0, 0}, size = {0, 0};
    double flush = tolerance && tolerance->flushed ? tiny(dtype) : 0;
    bool places = true;

    for (int64_t k = 0; k < count; k++) {
        double a = real_at(got, dtype, k), b = real_at(wanted, dtype, k);
        bool equal = true;

        if (!is_finite_pair(a, b, &equal)) {
            if (!equal)
                note(out, INFINITY, k, a, b);
            places = places && equal;
            continue;
        }
        if (fabs(a - b) <= flush)
            a = b;
        if (a != b)
            note(out, fabs(a - b), k, a, b);
        norm_add(&off, a - b);
        norm_add(&size, b);
    }
    if (!places)
        return false;
    out->error = off.scale == 0
        ? 0
        : off.scale * sqrt(off.sum) / (size.scale == 0 ? 1 : size.scale * sqrt(size.sum));
    return off.scale * sqrt(off.sum) <= r * (size.scale * sqrt(size.sum));
}

bool
tn_compare(const tn_tensor *got, const tn_tensor *wanted, tn_dtype dtype,
    const tn_tolerance *tolerance, tn_difference *out)
{
    tn_difference unused;
    int64_t count = 0;

    out = out ? out : &unused;
    *out = (tn_difference){.at = -1};
    if (!same_shape(got, wanted, dtype) || !tn_tensor_elements(got, &count)) {
        out->shapes = true;
        return false;
    }
    if (!tn_is_float(dtype))
        return compare_whole(got, wanted, count, out);
    if (tolerance && tolerance->given)
        return compare_each(got, wanted, dtype, tolerance, count, out);
    return compare_norm(got, wanted, dtype, tolerance, count, out);
}
