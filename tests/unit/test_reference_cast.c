/* SPDX-License-Identifier: Apache-2.0
 * Conversions of the oracle, by hand. */
#include "tests/support/evaluate_text.h"
#include "tests/support/test.h"

#define OF(type, n, data) \
    "x: " #type "[" #n "] = constant {type=" #type "[" #n "], data=[" data "]}\n"
#define OUT "output z = z\n"

TN_TEST(floats_to_integers_saturate)
{
    tn_evaluate(
        OF(f64, 6,
            "1.9,-1.9,300,-300,nan,inf") "a = cast x {to=i8}\nb = cast x {to=u8}\n"
                                         "c = cast x {to=bool}\noutput a = a\noutput b = b\noutput c = c\n",
        "1 -1 127 -128 0 127 | 1 0 255 0 0 255 | 1 1 1 1 1 1", 0);
    tn_evaluate(
        OF(f64, 4,
            "1e30,-1e30,4294967296,-0.0") "a = cast x {to=i64}\n"
                                          "b = cast x {to=u32}\nc = cast x {to=bool}\noutput a = a\noutput b = b\noutput c = c\n",
        "9223372036854775807 -9223372036854775808 4294967296 0 | 4294967295 0 4294967295 0 |"
        " 1 1 1 0",
        0);
}

TN_TEST(integers_wrap)
{
    tn_evaluate(
        OF(i32, 3,
            "300,-1,65535") "a = cast x {to=i8}\nb = cast x {to=u8}\n"
                            "c = cast x {to=u32}\nd = cast x {to=i64}\noutput a = a\noutput b = b\noutput c = c\n"
                            "output d = d\n",
        "44 -1 -1 | 44 255 255 | 300 4294967295 65535 | 300 -1 65535", 0);
}

/* 2^24 + 1 and 2^60 + 2^36 + 1: the second would go wrong by way of f64. */
TN_TEST(integers_to_floats_round_once)
{
    tn_evaluate(
        OF(i64, 3, "16777217,1152921573326323713,-1152921573326323713") "z = cast x {to=f32}\n" OUT,
        "16777216 1152921642045800448 -1152921642045800448", 0);
    tn_evaluate(OF(i32, 3, "65519,65520,-65520") "z = cast x {to=f16}\n" OUT, "65504 inf -inf", 0);
    tn_evaluate(OF(bool, 2, "true,false") "a = cast x {to=f16}\nb = cast x {to=i64}\n"
                                          "output a = a\noutput b = b\n",
        "1 0 | 1 0", 0);
}

TN_TEST(floats_to_narrower_floats)
{
    tn_evaluate(
        OF(f64, 4,
            "0.1,1e39,65520,1e-8") "a = cast x {to=f32}\nb = cast x {to=f16}\n"
                                   "c = cast x {to=bf16}\noutput a = a\noutput b = b\noutput c = c\n",
        "0.10000000149011612 inf 65520 9.99999993922529e-09 |"
        " 0.0999755859375 inf inf 0 | 0.10009765625 inf 65536 1.00117176771164e-08",
        1e-14);
}

TN_TEST(bits_as_they_are)
{
    tn_evaluate(OF(f32, 3, "1,-0.0,inf") "z = bitcast x {to=i32}\n" OUT,
        "1065353216 -2147483648 2139095040", 0);
    tn_evaluate(OF(u32, 2,
                    "1065353216,4294967295") "a = bitcast x {to=f32}\n"
                                             "b = bitcast x {to=i32}\noutput a = a\noutput b = b\n",
        "1 nan | 1065353216 -1", 0);
    tn_evaluate(OF(i8, 2, "-1,5") "z = bitcast x {to=u8}\n" OUT, "255 5", 0);
}

TN_TEST(quantize_rounds_half_to_even)
{
    tn_evaluate(OF(f32, 7, "0.5,1.5,-2.5,1000,nan,-1000,inf") "z = quantize x, 1 {to=i8}\n" OUT,
        "0 2 -2 127 0 -128 127", 0);
    tn_evaluate(OF(f32, 3, "1,2,3") "z = quantize x, 0.5, 128 {to=u8}\n" OUT, "130 132 134", 0);
    /* 0.3f / 0.2f is 1.5 once rounded to f32, below it before. */
    tn_evaluate(OF(f32, 1, "0.3") "z = quantize x, 0.2 {to=i8}\n" OUT, "2", 0);
    tn_evaluate("x: f32[2,3] = constant {type=f32[2,3], data=[1,2,3,4,5,6]}\n"
                "s: f32[3] = constant {type=f32[3], data=[1,2,0.5]}\n"
                "z = quantize x, s {to=i8, axis=1}\n" OUT,
        "1 1 6 4 2 12", 0);
    tn_evaluate("x: f32[2,3] = constant {type=f32[2,3], data=[1,2,3,4,5,6]}\n"
                "s: f32[2,2] = constant {type=f32[2,2], data=[1,0.5,2,0.25]}\n"
                "z = quantize x, s {to=i8, axis=1, block=2}\n" OUT,
        "1 2 6 2 2 24", 0);
}

TN_TEST(dequantize)
{
    tn_evaluate(OF(u8, 3, "0,128,255") "z = dequantize x, 0.5, 128\n" OUT, "-64 0 63.5", 0);
    tn_evaluate("x: i8[2,2] = constant {type=i8[2,2], data=[-128,127,1,2]}\n"
                "s: f64[2] = constant {type=f64[2], data=[2,3]}\n"
                "z = dequantize x, s {to=f64, axis=0}\n" OUT,
        "-256 254 3 6", 0);
}

TN_MAIN(TN_CASE(floats_to_integers_saturate), TN_CASE(integers_wrap),
    TN_CASE(integers_to_floats_round_once), TN_CASE(floats_to_narrower_floats),
    TN_CASE(bits_as_they_are), TN_CASE(quantize_rounds_half_to_even), TN_CASE(dequantize))
