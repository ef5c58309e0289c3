/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/teval.h"

#include <math.h>
#include <string.h>

int64_t
tn_wrap(tn_dtype dtype, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    switch (dtype) {
    case TN_I32: return (int32_t)(uint32_t)bits;
    case TN_I16: return (int16_t)(uint16_t)bits;
    case TN_I8: return (int8_t)(uint8_t)bits;
    case TN_U32: return (uint32_t)bits;
    case TN_U16: return (uint16_t)bits;
    case TN_U8: return (uint8_t)bits;
    case TN_BOOL: return value != 0;
    default: return value;
    }
}

/* Values of u64 are kept as the int64 of equal bits. */
static bool
is_less(tn_dtype dtype, int64_t a, int64_t b)
{
    return dtype == TN_U64 ? (uint64_t)a < (uint64_t)b : a < b;
}

static int64_t
quotient(tn_dtype dtype, int64_t a, int64_t b)
{
    if (dtype == TN_U64)
        return (int64_t)((uint64_t)a / (uint64_t)b);
    if (b == -1)
        return (int64_t)(0 - (uint64_t)a);
    return a / b;
}

static int64_t
rest(tn_dtype dtype, int64_t a, int64_t b)
{
    if (dtype == TN_U64)
        return (int64_t)((uint64_t)a % (uint64_t)b);
    return b == -1 ? 0 : a % b;
}

static int64_t
shift(tn_dtype dtype, int64_t a, uint64_t by, bool left)
{
    uint64_t width = (uint64_t)tn_dtype_bytes(dtype) * 8;

    if (by >= width)
        return !left && tn_is_signed(dtype) && a < 0 ? -1 : 0;
    if (left)
        return (int64_t)((uint64_t)a << by);
    if (dtype == TN_U64)
        return (int64_t)((uint64_t)a >> by);
    return a < 0 ? ~(~a >> by) : a >> by;
}

static int64_t
floor_rest(tn_dtype dtype, int64_t a, int64_t b)
{
    int64_t r = rest(dtype, a, b);

    if (r != 0 && tn_is_signed(dtype) && (r < 0) != (b < 0))
        r += b;
    return r;
}

static bool
arithmetic(tn_fn fn, tn_dtype dtype, const int64_t *x, int64_t *out)
{
    uint64_t a = (uint64_t)x[0];

    switch (fn) {
    case TN_FN_add: *out = (int64_t)(a + (uint64_t)x[1]); return true;
    case TN_FN_sub: *out = (int64_t)(a - (uint64_t)x[1]); return true;
    case TN_FN_mul: *out = (int64_t)(a * (uint64_t)x[1]); return true;
    case TN_FN_neg: *out = (int64_t)(0 - a); return true;
    case TN_FN_abs: *out = x[0] < 0 ? (int64_t)(0 - a) : x[0]; return true;
    case TN_FN_sign: *out = (x[0] > 0) - (x[0] < 0); return true;
    case TN_FN_min:
    case TN_FN_minq: *out = is_less(dtype, x[1], x[0]) ? x[1] : x[0]; return true;
    case TN_FN_max:
    case TN_FN_maxq: *out = is_less(dtype, x[0], x[1]) ? x[1] : x[0]; return true;
    default: break;
    }
    if ((fn != TN_FN_div && fn != TN_FN_rem && fn != TN_FN_mod) || x[1] == 0)
        return false;
    if (fn == TN_FN_div)
        *out = quotient(dtype, x[0], x[1]);
    else
        *out = fn == TN_FN_rem ? rest(dtype, x[0], x[1]) : floor_rest(dtype, x[0], x[1]);
    return true;
}

bool
tn_eval_int(tn_fn fn, tn_dtype dtype, const int64_t *x, int64_t *out)
{
    int64_t r = 0;

    switch (fn) {
    case TN_FN_and: r = x[0] & x[1]; break;
    case TN_FN_or: r = x[0] | x[1]; break;
    case TN_FN_xor: r = x[0] ^ x[1]; break;
    case TN_FN_not: r = dtype == TN_BOOL ? !x[0] : ~x[0]; break;
    case TN_FN_shl:
    case TN_FN_shift_left: r = shift(dtype, x[0], (uint64_t)x[1], true); break;
    case TN_FN_shr:
    case TN_FN_shift_right: r = shift(dtype, x[0], (uint64_t)x[1], false); break;
    case TN_FN_mulhi:
        r = dtype == TN_U32 ? (int64_t)(((uint64_t)x[0] * (uint64_t)x[1]) >> 32)
                            : (x[0] * x[1]) >> 32;
        break;
    case TN_FN_eq: *out = x[0] == x[1]; return true;
    case TN_FN_ne: *out = x[0] != x[1]; return true;
    case TN_FN_lt: *out = is_less(dtype, x[0], x[1]); return true;
    case TN_FN_le: *out = !is_less(dtype, x[1], x[0]); return true;
    case TN_FN_gt: *out = is_less(dtype, x[1], x[0]); return true;
    case TN_FN_ge: *out = !is_less(dtype, x[0], x[1]); return true;
    case TN_FN_select: *out = x[0] ? x[1] : x[2]; return true;
    default:
        if (!arithmetic(fn, dtype, x, &r))
            return false;
    }
    *out = tn_wrap(dtype, r);
    return true;
}

static double
sign_of(double a)
{
    return a > 0 ? 1 : a < 0 ? -1 : a;
}

static double
pick(double a, double b, bool greater)
{
    if (isnan(a) || isnan(b))
        return NAN;
    return greater ? (a < b ? b : a) : (b < a ? b : a);
}

static double
floor_fmod(double a, double b)
{
    double r = fmod(a, b);

    if (r != 0 && (r < 0) != (b < 0))
        r += b;
    return r == 0 ? copysign(r, b) : r;
}

static bool
transcendental(tn_fn fn, double a, double b, double *out)
{
    switch (fn) {
    case TN_FN_exp: *out = exp(a); return true;
    case TN_FN_exp2: *out = exp2(a); return true;
    case TN_FN_expm1: *out = expm1(a); return true;
    case TN_FN_log: *out = log(a); return true;
    case TN_FN_log1p: *out = log1p(a); return true;
    case TN_FN_sin: *out = sin(a); return true;
    case TN_FN_cos: *out = cos(a); return true;
    case TN_FN_tan: *out = tan(a); return true;
    case TN_FN_asin: *out = asin(a); return true;
    case TN_FN_acos: *out = acos(a); return true;
    case TN_FN_atan: *out = atan(a); return true;
    case TN_FN_sinh: *out = sinh(a); return true;
    case TN_FN_cosh: *out = cosh(a); return true;
    case TN_FN_tanh: *out = tanh(a); return true;
    case TN_FN_asinh: *out = asinh(a); return true;
    case TN_FN_acosh: *out = acosh(a); return true;
    case TN_FN_atanh: *out = atanh(a); return true;
    case TN_FN_erf: *out = erf(a); return true;
    case TN_FN_pow: *out = pow(a, b); return true;
    case TN_FN_atan2: *out = atan2(a, b); return true;
    case TN_FN_sigmoid: *out = 1 / (1 + exp(-a)); return true;
    default: return false;
    }
}

bool
tn_eval_real(tn_fn fn, const double *x, double *out)
{
    switch (fn) {
    case TN_FN_add: *out = x[0] + x[1]; return true;
    case TN_FN_sub: *out = x[0] - x[1]; return true;
    case TN_FN_mul: *out = x[0] * x[1]; return true;
    case TN_FN_div: *out = x[0] / x[1]; return true;
    case TN_FN_rem: *out = fmod(x[0], x[1]); return true;
    case TN_FN_mod: *out = floor_fmod(x[0], x[1]); return true;
    case TN_FN_neg: *out = -x[0]; return true;
    case TN_FN_abs: *out = fabs(x[0]); return true;
    case TN_FN_min:
    case TN_FN_minq: *out = pick(x[0], x[1], false); return true;
    case TN_FN_max:
    case TN_FN_maxq: *out = pick(x[0], x[1], true); return true;
    case TN_FN_fma: *out = x[0] * x[1] + x[2]; return true;
    case TN_FN_sqrt: *out = sqrt(x[0]); return true;
    case TN_FN_rsqrt: *out = 1 / sqrt(x[0]); return true;
    case TN_FN_recip: *out = 1 / x[0]; return true;
    case TN_FN_floor: *out = floor(x[0]); return true;
    case TN_FN_ceil: *out = ceil(x[0]); return true;
    case TN_FN_round: *out = nearbyint(x[0]); return true;
    case TN_FN_trunc: *out = trunc(x[0]); return true;
    case TN_FN_sign: *out = sign_of(x[0]); return true;
    default: return transcendental(fn, x[0], fn == TN_FN_pow || fn == TN_FN_atan2 ? x[1] : 0, out);
    }
}

bool
tn_eval_test(tn_fn fn, const double *x, bool *out)
{
    switch (fn) {
    case TN_FN_eq: *out = x[0] == x[1]; return true;
    case TN_FN_ne: *out = x[0] != x[1]; return true;
    case TN_FN_lt: *out = x[0] < x[1]; return true;
    case TN_FN_le: *out = x[0] <= x[1]; return true;
    case TN_FN_gt: *out = x[0] > x[1]; return true;
    case TN_FN_ge: *out = x[0] >= x[1]; return true;
    case TN_FN_is_nan: *out = isnan(x[0]) != 0; return true;
    case TN_FN_is_inf: *out = isinf(x[0]) != 0; return true;
    case TN_FN_is_finite: *out = isfinite(x[0]) != 0; return true;
    default: return false;
    }
}

int64_t
tn_cast_to_int(tn_dtype to, double value)
{
    int64_t low, high;

    if (to == TN_BOOL)
        return value != 0 || isnan(value);
    if (isnan(value))
        return 0;
    tn_dtype_range(to, &low, &high);
    if (to == TN_U64) {
        if (value >= 18446744073709551616.0)
            return -1;
        return value <= 0 ? 0 : (int64_t)(uint64_t)value;
    }
    if (value <= (double)low)
        return low;
    return value >= (double)high ? high : (int64_t)value;
}

double
tn_cast_to_real(tn_dtype to, int64_t value)
{
    /* int64 to float in one rounding: a double holds all but i64 exactly. */
    if (to == TN_F32)
        return (double)(float)value;
    return tn_round_to(to, (double)value);
}

uint64_t
tn_bits_of_real(tn_dtype from, double value)
{
    uint8_t at[8] = {0};
    uint64_t bits = 0;

    tn_store_double(from, at, value);
    for (int i = 7; i >= 0; i--)
        bits = bits << 8 | at[i];
    return bits;
}

uint64_t
tn_bits_of_int(tn_dtype from, int64_t value)
{
    int width = tn_dtype_bytes(from) * 8;

    return width == 64 ? (uint64_t)value : (uint64_t)value & ((UINT64_C(1) << width) - 1);
}

double
tn_bits_to_real(tn_dtype to, uint64_t bits)
{
    uint8_t at[8];

    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(bits >> 8 * i);
    return tn_load_double(to, at);
}

int64_t
tn_bits_to_int(tn_dtype to, uint64_t bits)
{
    return tn_wrap(to, (int64_t)bits);
}
