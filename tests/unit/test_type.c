/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/type.h"

#include <math.h>
#include <string.h>

#include "tests/support/test.h"

/* The two 16-bit formats, as IEEE 754 describes them. */
typedef struct format {
    const char *name;
    tn_dtype dtype;
    int digits;  /* of the significand, the hidden one included */
    int lowest;  /* exponent of the smallest subnormal number */
    double most; /* greatest finite value */
    float (*decode)(uint16_t);
    uint16_t (*encode)(float);
} format;

static const format formats[2] = {
    {"f16", TN_F16, 11, -24, 65504, tn_half_to_float, tn_float_to_half},
    {"bf16", TN_BF16, 8, -133, 0x1.fep127, tn_bf16_to_float, tn_float_to_bf16},
};

/* By arithmetic instead of by bits. */
static double
decode_by_value(const format *f, uint16_t half)
{
    int mantissa_bits = f->digits - 1;
    int exponent_bits = 15 - mantissa_bits;
    int exponent = (half & 0x7fff) >> mantissa_bits;
    int mantissa = half & ((1 << mantissa_bits) - 1);
    double value;

    if (exponent == (1 << exponent_bits) - 1)
        value = mantissa ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(mantissa, f->lowest);
    else
        value = ldexp(mantissa + (1 << mantissa_bits), f->lowest + exponent - 1);
    return half & 0x8000 ? -value : value;
}

/* Multiples of the unit in the last place, to nearest even by the library. */
static double
round_by_value(const format *f, double value)
{
    int exponent;
    double unit, rounded;

    if (isnan(value) || isinf(value) || value == 0)
        return value;
    frexp(value, &exponent);
    exponent -= f->digits;
    unit = ldexp(1, exponent > f->lowest ? exponent : f->lowest);
    rounded = nearbyint(value / unit) * unit;
    if (fabs(rounded) > f->most)
        rounded = INFINITY;
    return copysign(rounded, value);
}

static void
check_round(const format *f, double value)
{
    double wanted = round_by_value(f, value);

    if (!TN_CHECK_SAME(tn_round_to(f->dtype, value), wanted))
        tn_test_note("%s of %a", f->name, value);
    if ((double)(float)value == value)
        TN_CHECK_SAME((double)f->decode(f->encode((float)value)), wanted);
}

TN_TEST(every_half_has_its_value)
{
    for (int k = 0; k < 2; k++) {
        for (uint32_t h = 0; h < 0x10000; h++) {
            double value = (double)formats[k].decode((uint16_t)h);

            TN_CHECK_SAME(value, decode_by_value(&formats[k], (uint16_t)h));
            TN_CHECK((signbit(value) != 0) == (h >= 0x8000) || isnan(value));
        }
    }
}

TN_TEST(every_half_survives)
{
    for (int k = 0; k < 2; k++) {
        const format *f = &formats[k];

        for (uint32_t h = 0; h < 0x10000; h++) {
            float value = f->decode((uint16_t)h);
            uint32_t quiet = isnan(value) ? 1u << (f->digits - 2) : 0;

            TN_CHECK_EQ(f->encode(value), h | quiet);
            TN_CHECK_SAME(tn_round_to(f->dtype, (double)value), (double)value);
        }
    }
}

/* Between each two neighbours: the middle, and the doubles and floats on
 * either side of it. */
TN_TEST(every_boundary_rounds_to_nearest_even)
{
    for (int k = 0; k < 2; k++) {
        const format *f = &formats[k];

        for (uint32_t h = 0; h < 0x7fff; h++) {
            double low = decode_by_value(f, (uint16_t)h);
            double high = decode_by_value(f, (uint16_t)(h + 1));
            double middle = (low + high) / 2;

            if (isinf(high) && !isinf(low))
                middle = f->most + (f->most - decode_by_value(f, (uint16_t)(h - 1))) / 2;
            if (isnan(low) || isnan(middle) || isinf(middle))
                continue;
            for (int sign = -1; sign <= 1; sign += 2) {
                check_round(f, sign * middle);
                check_round(f, sign * nextafter(middle, INFINITY));
                check_round(f, sign * nextafter(middle, 0));
                check_round(f, sign * (double)nextafterf((float)middle, INFINITY));
                check_round(f, sign * (double)nextafterf((float)middle, 0));
            }
        }
    }
}

TN_TEST(extremes_round)
{
    static const double value[] = {0, 1e300, 1e-300, 5e-324, 0x1p-25, 0x1.000001p-25, 0x1p-26,
        0x1p-134, 0x1.0000000001p-134, 0x1p-135, 65519.99, 65520, 3.4e38, 3.5e38, INFINITY, NAN};

    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
            check_round(&formats[k], value[i]);
            check_round(&formats[k], -value[i]);
        }
    }
    TN_CHECK_SAME(tn_round_to(TN_F32, 1e300), INFINITY);
    TN_CHECK_SAME(tn_round_to(TN_F32, 0.1), (double)0.1f);
    TN_CHECK_SAME(tn_round_to(TN_F64, 0.1), 0.1);
}

/* A little above the middle between two halves, so little that going through
 * float lands on the middle and then on the even neighbour below. */
TN_TEST(rounds_once)
{
    double f16 = 1 + 0x1p-11 + 0x1p-40, bf16 = 1 + 0x1p-8 + 0x1p-40;
    uint16_t stored;

    TN_CHECK_SAME((double)tn_half_to_float(tn_float_to_half((float)f16)), 1);
    TN_CHECK_SAME(tn_round_to(TN_F16, f16), 1 + 0x1p-10);
    tn_store_double(TN_F16, &stored, f16);
    TN_CHECK_SAME(tn_load_double(TN_F16, &stored), 1 + 0x1p-10);
    TN_CHECK_SAME((double)tn_bf16_to_float(tn_float_to_bf16((float)bf16)), 1);
    TN_CHECK_SAME(tn_round_to(TN_BF16, bf16), 1 + 0x1p-7);
    tn_store_double(TN_BF16, &stored, bf16);
    TN_CHECK_SAME(tn_load_double(TN_BF16, &stored), 1 + 0x1p-7);
    /* And a little below, where float lands on the middle with an odd neighbour below. */
    TN_CHECK_SAME(tn_round_to(TN_F16, 1 + 3 * 0x1p-11 - 0x1p-40), 1 + 0x1p-10);
}

TN_TEST(types_are_found_by_name)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        const char *name = tn_dtype_name((tn_dtype)t);

        TN_CHECK_EQ(tn_dtype_find(name, strlen(name)), t);
    }
    TN_CHECK_EQ(tn_dtype_find("f32x", 3), TN_F32);
    TN_CHECK_EQ(tn_dtype_find("f", 1), TN_DTYPE_COUNT);
    TN_CHECK_EQ(tn_dtype_find("f3200", 5), TN_DTYPE_COUNT);
    TN_CHECK(tn_dtype_in_graph(TN_BF16) && !tn_dtype_in_graph(TN_U64));
}

TN_TEST(classes_match_the_questions)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        TN_CHECK_EQ(tn_is_float((tn_dtype)t), TN_CLASS_FLOAT >> t & 1);
        TN_CHECK_EQ(tn_is_int((tn_dtype)t), TN_CLASS_INT >> t & 1);
        TN_CHECK_EQ(tn_is_signed((tn_dtype)t), TN_CLASS_SIGNED >> t & 1);
        TN_CHECK_EQ(TN_CLASS_ANY >> t & 1, 1);
    }
}

/* Everything in range is kept, one beyond wraps to the other end. */
TN_TEST(integers_are_kept_and_wrap)
{
    for (int i = TN_I64; i <= TN_U8; i++) {
        tn_dtype t = (tn_dtype)i;
        unsigned char room[16];
        int64_t low, high;

        tn_dtype_range(t, &low, &high);
        TN_CHECK_EQ(low < 0, tn_is_signed(t));
        for (int k = 0; k < 4; k++) {
            int64_t value = k == 0 ? low : k == 1 ? high : k == 2 ? 0 : 1;

            memset(room, 0xee, sizeof room);
            tn_store_int(t, room + 1, value);
            TN_CHECK_EQ(tn_load_int(t, room + 1), value);
            TN_CHECK_EQ(room[0], 0xee);
            TN_CHECK_EQ(room[1 + tn_dtype_bytes(t)], 0xee);
        }
        if (tn_dtype_bytes(t) < 8) {
            tn_store_int(t, room + 1, high + 1);
            TN_CHECK_EQ(tn_load_int(t, room + 1), low);
            tn_store_int(t, room + 1, low - 1);
            TN_CHECK_EQ(tn_load_int(t, room + 1), high);
        }
    }
}

TN_TEST(bools_are_zero_or_one)
{
    uint8_t at = 7;

    TN_CHECK_EQ(tn_load_int(TN_BOOL, &at), 1);
    tn_store_int(TN_BOOL, &at, 256);
    TN_CHECK_EQ(at, 1);
    tn_store_int(TN_BOOL, &at, 0);
    TN_CHECK_EQ(at, 0);
}

TN_MAIN(TN_CASE(every_half_has_its_value), TN_CASE(every_half_survives),
    TN_CASE(every_boundary_rounds_to_nearest_even), TN_CASE(extremes_round), TN_CASE(rounds_once),
    TN_CASE(types_are_found_by_name), TN_CASE(classes_match_the_questions),
    TN_CASE(integers_are_kept_and_wrap), TN_CASE(bools_are_zero_or_one))
