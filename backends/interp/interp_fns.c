/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "backends/interp/interp_in.h"
#include "ir/kernel/teval.h"

/* The native functions, one each: the loop over lanes for each element type.
 * A, B, C are the operands of a lane, T their type, W an unsigned type in
 * which T does not overflow. */

#define FN(name) static const tn_iop *fn_##name(tn_run *s, const tn_iop *o)

/* One case of a switch over the element type. */
#define LANES(tag, type, wide, result, expression) \
    case tag: {                                    \
        typedef type T;                            \
        typedef wide W;                            \
        const T *a = tn_slot(s, o->a);             \
        const T *b = tn_slot(s, o->b);             \
        result *d = tn_slot(s, o->d);              \
        for (int i = 0; i < o->lanes; i++) {       \
            const T A = a[i], B = b[i];            \
            (void)A, (void)B, (void)sizeof(W);     \
            d[i] = (result)(expression);           \
        }                                          \
        return o + 1;                              \
    }

#define FLOATS(expression)                     \
    LANES(TN_F32, float, float, T, expression) \
    LANES(TN_F64, double, double, T, expression)

#define F32_F64(single, both)              \
    LANES(TN_F32, float, float, T, single) \
    LANES(TN_F64, double, double, T, both)

#define SIGNED_INTS(expression)                     \
    LANES(TN_I64, int64_t, uint64_t, T, expression) \
    LANES(TN_I32, int32_t, uint32_t, T, expression) \
    LANES(TN_I16, int16_t, uint32_t, T, expression) \
    LANES(TN_I8, int8_t, uint32_t, T, expression)

#define UNSIGNED_INTS(expression)                    \
    LANES(TN_U64, uint64_t, uint64_t, T, expression) \
    LANES(TN_U32, uint32_t, uint32_t, T, expression) \
    LANES(TN_U16, uint16_t, uint32_t, T, expression) \
    LANES(TN_U8, uint8_t, uint32_t, T, expression)

#define INTS(expression) SIGNED_INTS(expression) UNSIGNED_INTS(expression)
#define BOOLS(expression) LANES(TN_BOOL, uint8_t, uint32_t, T, expression)

#define TESTS(expression)                                  \
    LANES(TN_F32, float, float, uint8_t, expression)       \
    LANES(TN_F64, double, double, uint8_t, expression)     \
    LANES(TN_I64, int64_t, uint64_t, uint8_t, expression)  \
    LANES(TN_I32, int32_t, uint32_t, uint8_t, expression)  \
    LANES(TN_I16, int16_t, uint32_t, uint8_t, expression)  \
    LANES(TN_I8, int8_t, uint32_t, uint8_t, expression)    \
    LANES(TN_U64, uint64_t, uint64_t, uint8_t, expression) \
    LANES(TN_U32, uint32_t, uint32_t, uint8_t, expression) \
    LANES(TN_U16, uint16_t, uint32_t, uint8_t, expression) \
    LANES(TN_U8, uint8_t, uint32_t, uint8_t, expression)   \
    LANES(TN_BOOL, uint8_t, uint32_t, uint8_t, expression)

#define CHOOSE(...)                                              \
    switch ((tn_dtype)o->dtype) {                                \
        __VA_ARGS__                                              \
    default: return tn_ifault(s, o, "not defined on this type"); \
    }

/* A function that is nothing but its cases. */
#define PLAIN(name, cases) \
    FN(name)               \
    {                      \
        CHOOSE(cases)      \
    }

/* ---- arithmetic ---- */

/* clang-format off */
PLAIN(add, FLOATS(A + B) INTS((W)A + (W)B))
PLAIN(sub, FLOATS(A - B) INTS((W)A - (W)B))
PLAIN(mul, FLOATS(A * B) INTS((W)A * (W)B))
PLAIN(neg, FLOATS(-A) INTS((W)0 - (W)A))
PLAIN(abs, F32_F64(fabsf(A), fabs(A)) SIGNED_INTS(A < 0 ? (W)0 - (W)A : (W)A) UNSIGNED_INTS(A))
/* clang-format on */

static bool
any_zero(const tn_run *s, const tn_iop *o)
{
    const uint8_t *b = tn_slot(s, o->b);
    for (int i = 0; i < o->lanes; i++, b += o->bytes) {
        static const uint8_t zeros[8];
        if (memcmp(b, zeros, o->bytes) == 0)
            return true;
    }
    return false;
}

FN(div)
{
    if (!tn_is_float((tn_dtype)o->dtype) && any_zero(s, o))
        return tn_ifault(s, o, "a divisor is 0");
    CHOOSE(FLOATS(A / B) SIGNED_INTS(B == -1 ? (T)((W)0 - (W)A) : A / B) UNSIGNED_INTS(A / B))
}

FN(rem)
{
    if (any_zero(s, o))
        return tn_ifault(s, o, "a divisor is 0");
    CHOOSE(SIGNED_INTS(B == -1 ? 0 : A % B) UNSIGNED_INTS(A % B))
}

#define PICK(test) (A != A ? A : B != B ? B : (test) ? A : B)

/* clang-format off */
PLAIN(min, FLOATS(PICK(A < B)) INTS(B < A ? B : A))
PLAIN(max, FLOATS(PICK(A > B)) INTS(A < B ? B : A))
/* clang-format on */

static bool
any_nan(const tn_run *s, const tn_iop *o)
{
    bool nan = false;
    for (int i = 0; i < o->lanes; i++) {
        if (o->dtype == TN_F32)
            nan = nan || isnan(((float *)tn_slot(s, o->a))[i]) ||
                isnan(((float *)tn_slot(s, o->b))[i]);
        else if (o->dtype == TN_F64)
            nan = nan || isnan(((double *)tn_slot(s, o->a))[i]) ||
                isnan(((double *)tn_slot(s, o->b))[i]);
    }
    return nan;
}

FN(minq)
{
    return any_nan(s, o) ? tn_ifault(s, o, "minq of a NaN") : fn_min(s, o);
}

FN(maxq)
{
    return any_nan(s, o) ? tn_ifault(s, o, "maxq of a NaN") : fn_max(s, o);
}

FN(fma)
{
    for (int i = 0; i < o->lanes; i++) {
        if (o->dtype == TN_F32) {
            const float *a = tn_slot(s, o->a), *b = tn_slot(s, o->b), *c = tn_slot(s, o->c);
            ((float *)tn_slot(s, o->d))[i] = fmaf(a[i], b[i], c[i]);
        } else {
            const double *a = tn_slot(s, o->a), *b = tn_slot(s, o->b), *c = tn_slot(s, o->c);
            ((double *)tn_slot(s, o->d))[i] = fma(a[i], b[i], c[i]);
        }
    }
    return o + 1;
}

/* clang-format off */
PLAIN(sqrt, F32_F64(sqrtf(A), sqrt(A)))
PLAIN(floor, F32_F64(floorf(A), floor(A)))
PLAIN(round, F32_F64(rintf(A), rint(A)))
PLAIN(trunc, F32_F64(truncf(A), trunc(A)))
/* clang-format on */

/* ---- bits ---- */

/* clang-format off */
PLAIN(and, INTS(A & B) BOOLS(A & B))
PLAIN(or, INTS(A | B) BOOLS(A | B))
PLAIN(xor, INTS(A ^ B) BOOLS(A ^ B))
/* clang-format on */

static bool
far_shift(const tn_run *s, const tn_iop *o)
{
    const uint8_t *b = tn_slot(s, o->b);
    for (int i = 0; i < o->lanes; i++, b += o->bytes) {
        uint64_t amount = 0;
        memcpy(&amount, b, o->bytes);
        if (amount >= 8u * o->bytes)
            return true;
    }
    return false;
}

FN(shl)
{
    if (far_shift(s, o))
        return tn_ifault(s, o, "shifted by the width or more");
    CHOOSE(INTS((W)A << B))
}

FN(shr)
{
    if (far_shift(s, o))
        return tn_ifault(s, o, "shifted by the width or more");
    CHOOSE(INTS(A >> B))
}

/* clang-format off */
PLAIN(mulhi, LANES(TN_I32, int32_t, uint32_t, T, ((int64_t)A * B) >> 32)
    LANES(TN_U32, uint32_t, uint32_t, T, ((uint64_t)A * B) >> 32))
/* clang-format on */

/* ---- tests ---- */

/* clang-format off */
PLAIN(eq, TESTS(A == B))
PLAIN(lt, TESTS(A < B))
PLAIN(le, TESTS(A <= B))
/* clang-format on */

FN(select)
{
    const uint8_t *condition = tn_slot(s, o->a);
    const uint8_t *yes = tn_slot(s, o->b), *no = tn_slot(s, o->c);
    uint8_t *d = tn_slot(s, o->d);
    for (int i = 0; i < o->lanes; i++) {
        size_t at = (size_t)i * o->bytes;
        memcpy(d + at, (condition[i] ? yes : no) + at, o->bytes);
    }
    return o + 1;
}

/* ---- conversions ---- */

static void
cast_float(tn_dtype from, const void *a, tn_dtype to, void *d)
{
    double value = tn_load_double(from, a);
    if (tn_is_float(to))
        tn_store_double(to, d, value);
    else
        tn_store_int(to, d, tn_cast_to_int(to, value));
}

static void
cast_int(tn_dtype from, const void *a, tn_dtype to, void *d)
{
    int64_t value = tn_load_int(from, a);
    if (to == TN_BOOL)
        *(uint8_t *)d = value != 0;
    else if (!tn_is_float(to))
        tn_store_int(to, d, value);
    else if (to == TN_F64)
        *(double *)d = from == TN_U64 ? (double)(uint64_t)value : (double)value;
    else
        *(float *)d = from == TN_U64 ? (float)(uint64_t)value : (float)value;
}

FN(cast)
{
    const uint8_t *a = tn_slot(s, o->a);
    uint8_t *d = tn_slot(s, o->d);
    tn_dtype from = (tn_dtype)o->from, to = (tn_dtype)o->ins->type.dtype;
    int step = tn_dtype_bytes(from);
    for (int i = 0; i < o->lanes; i++, a += step, d += o->bytes) {
        if (tn_is_float(from))
            cast_float(from, a, to, d);
        else
            cast_int(from, a, to, d);
    }
    return o + 1;
}

FN(bits)
{
    memcpy(tn_slot(s, o->d), tn_slot(s, o->a), (size_t)o->lanes * o->bytes);
    return o + 1;
}

/* ---- the table ---- */

#define ROW_NATIVE(name) [TN_FN_##name] = fn_##name,
#define ROW_EXPAND(name)

tn_irun *const tn_ifns[TN_FN_COUNT] = {
#define TN_FN(name, graph, arity, rule, cost, native, doc) ROW_##native(name)
#include "ir/kernel/fns.def"
};

bool
tn_ireduce(tn_run *s, const tn_iop *o, tn_fn fn, uint32_t at, uint32_t count, uint32_t d)
{
    uint32_t even = s->program->spare, odd = even + s->program->spare_half, bytes = o->bytes;
    tn_iop pair = *o;
    pair.d = even;
    pair.a = even;
    pair.b = odd;
    if (count == 1)
        memmove(tn_slot(s, even), tn_slot(s, at), bytes);
    while (count > 1) {
        uint32_t half = count / 2;
        uint8_t *from = tn_slot(s, at), *lower = tn_slot(s, even), *upper = tn_slot(s, odd);
        uint8_t last[8];
        memcpy(last, from + (count - 1) * bytes, bytes);
        for (uint32_t i = 0; i < half; i++) {
            memcpy(upper + i * bytes, from + (2 * i + 1) * bytes, bytes);
            memmove(lower + i * bytes, from + 2 * i * bytes, bytes);
        }
        pair.lanes = (uint16_t)half;
        if (!tn_ifns[fn](s, &pair))
            return false;
        if (count % 2)
            memcpy(lower + half * bytes, last, bytes);
        at = even;
        count = half + count % 2;
    }
    memcpy(tn_slot(s, d), tn_slot(s, even), bytes);
    return true;
}
