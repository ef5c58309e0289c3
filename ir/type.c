/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/type.h"

#include <assert.h>
#include <string.h>

typedef struct dtype_info {
    const char *name;
    int bytes;
    bool in_graph;
    int64_t low, high;
} dtype_info;

static const dtype_info info[TN_DTYPE_COUNT] = {
    [TN_F64] = {"f64", 8, true, 0, 0},
    [TN_F32] = {"f32", 4, true, 0, 0},
    [TN_F16] = {"f16", 2, true, 0, 0},
    [TN_BF16] = {"bf16", 2, true, 0, 0},
    [TN_I64] = {"i64", 8, true, INT64_MIN, INT64_MAX},
    [TN_I32] = {"i32", 4, true, INT32_MIN, INT32_MAX},
    [TN_I16] = {"i16", 2, false, INT16_MIN, INT16_MAX},
    [TN_I8] = {"i8", 1, true, INT8_MIN, INT8_MAX},
    [TN_U64] = {"u64", 8, false, 0, INT64_MAX},
    [TN_U32] = {"u32", 4, true, 0, UINT32_MAX},
    [TN_U16] = {"u16", 2, false, 0, UINT16_MAX},
    [TN_U8] = {"u8", 1, true, 0, UINT8_MAX},
    [TN_BOOL] = {"bool", 1, true, 0, 1},
};

int
tn_dtype_bytes(tn_dtype t)
{
    return info[t].bytes;
}

const char *
tn_dtype_name(tn_dtype t)
{
    return info[t].name;
}

tn_dtype
tn_dtype_find(const char *name, size_t length)
{
    int t = 0;

    for (; t < TN_DTYPE_COUNT; t++) {
        if (strlen(info[t].name) == length && memcmp(info[t].name, name, length) == 0)
            break;
    }
    return (tn_dtype)t;
}

bool
tn_dtype_in_graph(tn_dtype t)
{
    return info[t].in_graph;
}

void
tn_dtype_range(tn_dtype t, int64_t *low, int64_t *high)
{
    assert(!tn_is_float(t));
    *low = info[t].low;
    *high = info[t].high;
}

/* IEEE layouts of 16 bits: sign, exponent, then `mantissa` bits; `bias` is
 * that of the exponent. */
typedef struct half_layout {
    int mantissa, bias;
    uint16_t infinity;
} half_layout;

static const half_layout f16_layout = {10, 15, 0x7c00};
static const half_layout bf16_layout = {7, 127, 0x7f80};

/* To nearest, ties to even, straight from the double: going through float
 * would round twice. */
static uint16_t
encode_half(double value, half_layout layout)
{
    uint64_t bits;
    uint16_t sign;
    uint64_t mantissa, kept, rest, half;
    int exponent, drop;

    memcpy(&bits, &value, sizeof bits);
    sign = (uint16_t)(bits >> 48 & 0x8000);
    mantissa = bits & 0xfffffffffffff;
    exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    if (exponent == 1024) {
        if (mantissa == 0)
            return sign | layout.infinity;
        /* NaN: quiet, with the top of its payload. */
        return (uint16_t)(sign | layout.infinity | 1u << (layout.mantissa - 1) |
            mantissa >> (52 - layout.mantissa));
    }
    drop = 52 - layout.mantissa;
    if (exponent < 1 - layout.bias)
        drop += 1 - layout.bias - exponent;
    if (drop > 53)
        return sign; /* below half of the smallest */
    mantissa |= (uint64_t)1 << 52;
    kept = mantissa >> drop;
    rest = mantissa & (((uint64_t)1 << drop) - 1);
    half = (uint64_t)1 << (drop - 1);
    if (rest > half || (rest == half && (kept & 1)))
        kept++;
    if (exponent >= 1 - layout.bias) {
        if (exponent > layout.bias)
            return sign | layout.infinity;
        kept += (uint64_t)(exponent + layout.bias - 1) << layout.mantissa;
    }
    return (uint16_t)(sign | kept);
}

static float
float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

float
tn_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31u;
    uint32_t mantissa = half & 0x3ffu;

    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0)
        return (sign ? -1.0f : 1.0f) * (float)mantissa * 0x1p-24f;
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t
tn_float_to_half(float value)
{
    return encode_half((double)value, f16_layout);
}

float
tn_bf16_to_float(uint16_t half)
{
    return float_of_bits((uint32_t)half << 16);
}

uint16_t
tn_float_to_bf16(float value)
{
    return encode_half((double)value, bf16_layout);
}

double
tn_round_to(tn_dtype t, double value)
{
    switch (t) {
    case TN_F32: return (double)(float)value;
    case TN_F16: return (double)tn_half_to_float(encode_half(value, f16_layout));
    case TN_BF16: return (double)tn_bf16_to_float(encode_half(value, bf16_layout));
    default: return value;
    }
}

double
tn_load_double(tn_dtype t, const void *at)
{
    double f64;
    float f32;
    uint16_t half;

    switch (t) {
    case TN_F64: memcpy(&f64, at, sizeof f64); return f64;
    case TN_F32: memcpy(&f32, at, sizeof f32); return (double)f32;
    default:
        assert(t == TN_F16 || t == TN_BF16);
        memcpy(&half, at, sizeof half);
        return (double)(t == TN_F16 ? tn_half_to_float(half) : tn_bf16_to_float(half));
    }
}

void
tn_store_double(tn_dtype t, void *at, double value)
{
    float f32;
    uint16_t half;

    switch (t) {
    case TN_F64: memcpy(at, &value, sizeof value); break;
    case TN_F32:
        f32 = (float)value;
        memcpy(at, &f32, sizeof f32);
        break;
    default:
        assert(t == TN_F16 || t == TN_BF16);
        half = encode_half(value, t == TN_F16 ? f16_layout : bf16_layout);
        memcpy(at, &half, sizeof half);
        break;
    }
}

int64_t
tn_load_int(tn_dtype t, const void *at)
{
    uint64_t bits = 0;
    int unused = 64 - 8 * info[t].bytes;
    uint8_t byte[8];

    assert(!tn_is_float(t));
    memcpy(byte, at, (size_t)info[t].bytes);
    if (t == TN_BOOL)
        return byte[0] != 0;
    switch (info[t].bytes) {
    case 1: bits = byte[0]; break;
    case 2: {
        uint16_t u16;
        memcpy(&u16, at, sizeof u16);
        bits = u16;
        break;
    }
    case 4: {
        uint32_t u32;
        memcpy(&u32, at, sizeof u32);
        bits = u32;
        break;
    }
    default: memcpy(&bits, at, sizeof bits); break;
    }
    /* Sign extension without a shift of a negative number. */
    if (tn_is_signed(t) && bits >> (63 - unused) & 1)
        bits |= unused ? ~(uint64_t)0 << (64 - unused) : 0;
    return (int64_t)bits;
}

void
tn_store_int(tn_dtype t, void *at, int64_t value)
{
    uint8_t u8 = t == TN_BOOL ? value != 0 : (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    assert(!tn_is_float(t));
    switch (info[t].bytes) {
    case 1: memcpy(at, &u8, sizeof u8); break;
    case 2: memcpy(at, &u16, sizeof u16); break;
    case 4: memcpy(at, &u32, sizeof u32); break;
    default: memcpy(at, &value, sizeof value); break;
    }
}
