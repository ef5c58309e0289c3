/* SPDX-License-Identifier: Apache-2.0
 * Element-wise rows of the oracle, by hand. */
#include "tests/support/evaluate_text.h"
#include "tests/support/test.h"

#define F64(n, data) "x: f64[" #n "] = constant {type=f64[" #n "], data=[" data "]}\n"
#define Y64(n, data) "y: f64[" #n "] = constant {type=f64[" #n "], data=[" data "]}\n"
#define OF(type, n, data) \
    "x: " #type "[" #n "] = constant {type=" #type "[" #n "], data=[" data "]}\n"
#define AND(type, n, data) \
    "y: " #type "[" #n "] = constant {type=" #type "[" #n "], data=[" data "]}\n"
#define OUT "output z = z\n"

TN_TEST(signs_and_rounding)
{
    tn_evaluate(F64(5, "1.5,-2.5,0,-0.0,nan") "z = neg x\n" OUT, "-1.5 2.5 -0 0 nan", 0);
    tn_evaluate(F64(4, "-1.5,-0.0,-inf,nan") "z = abs x\n" OUT, "1.5 0 inf nan", 0);
    tn_evaluate(F64(5, "-3,7,-0.0,0,nan") "z = sign x\n" OUT, "-1 1 -0 0 nan", 0);
    tn_evaluate(OF(i8, 3, "-128,127,0") "a = neg x\nb = abs x\nc = sign x\n"
                                        "output a = a\noutput b = b\noutput c = c\n",
        "-128 -127 0 | -128 127 0 | -1 1 0", 0);
    tn_evaluate(OF(i64, 1, "-9223372036854775808") "z = neg x\n" OUT, "-9223372036854775808", 0);
    tn_evaluate(F64(6, "2.5,3.5,-0.5,-2.5,inf,nan") "z = round x\n" OUT, "2 4 -0 -2 inf nan", 0);
    tn_evaluate(F64(3, "-0.5,1.5,-1.5") "a = floor x\nb = ceil x\nc = trunc x\n"
                                        "output a = a\noutput b = b\noutput c = c\n",
        "-1 1 -2 | -0 2 -1 | -0 1 -1", 0);
}

TN_TEST(powers)
{
    tn_evaluate(F64(4, "4,-1,0,inf") "z = sqrt x\n" OUT, "2 nan 0 inf", 0);
    tn_evaluate(F64(4, "4,0,-0.0,-1") "z = rsqrt x\n" OUT, "0.5 inf -inf nan", 0);
    tn_evaluate(F64(4, "4,0,-0.0,inf") "z = recip x\n" OUT, "0.25 inf -inf 0", 0);
    tn_evaluate(F64(3, "0,-inf,1") "z = exp x\n" OUT, "1 0 2.718281828459045", 1e-15);
    tn_evaluate(F64(2, "1e-10,-inf") "z = expm1 x\n" OUT, "1.00000000005e-10 -1", 1e-15);
    tn_evaluate(F64(4, "1,0,-1,inf") "z = log x\n" OUT, "0 -inf nan inf", 0);
    tn_evaluate(F64(3, "1e-10,-1,-2") "z = log1p x\n" OUT, "9.9999999995e-11 -inf nan", 1e-15);
}

TN_TEST(curves)
{
    tn_evaluate(F64(2, "0.5,inf") "z = sin x\n" OUT, "0.479425538604203 nan", 1e-15);
    tn_evaluate(F64(1, "0.5") "z = cos x\n" OUT, "0.8775825618903728", 1e-15);
    tn_evaluate(F64(1, "0.5") "z = tan x\n" OUT, "0.5463024898437905", 1e-15);
    tn_evaluate(F64(2, "0.5,2") "z = asin x\n" OUT, "0.5235987755982989 nan", 1e-15);
    tn_evaluate(F64(2, "0.5,-2") "z = acos x\n" OUT, "1.0471975511965979 nan", 1e-15);
    tn_evaluate(F64(2, "0.5,inf") "z = atan x\n" OUT, "0.4636476090008061 1.5707963267948966",
        1e-15);
    tn_evaluate(F64(1, "0.5") "z = sinh x\n" OUT, "0.5210953054937474", 1e-15);
    tn_evaluate(F64(1, "0.5") "z = cosh x\n" OUT, "1.1276259652063807", 1e-15);
    tn_evaluate(F64(2, "0.5,inf") "z = tanh x\n" OUT, "0.46211715726000973 1", 1e-15);
    tn_evaluate(F64(1, "0.5") "z = asinh x\n" OUT, "0.48121182505960347", 1e-15);
    tn_evaluate(F64(2, "2,0.5") "z = acosh x\n" OUT, "1.3169578969248166 nan", 1e-15);
    tn_evaluate(F64(3, "0.5,1,2") "z = atanh x\n" OUT, "0.5493061443340549 inf nan", 1e-15);
    tn_evaluate(F64(3, "0.5,-inf,0") "z = erf x\n" OUT, "0.5204998778130465 -1 0", 1e-15);
    tn_evaluate(F64(3, "0.5,-inf,inf") "z = sigmoid x\n" OUT, "0.6224593312018546 0 1", 1e-15);
}

TN_TEST(tests)
{
    tn_evaluate(
        F64(4,
            "1,nan,inf,-inf") "a = is_nan x\nb = is_inf x\nc = is_finite x\noutput a = a\noutput b = b\noutput c = c\n",
        "false true false false | false false true true | true false false false", 0);
}

TN_TEST(arithmetic)
{
    tn_evaluate(
        OF(i32, 2, "2147483647,-2147483648") AND(i32, 2,
            "1,-1") "a = add x, y\nb = sub x, y\nc = mul x, y\nd = div x, y\ne = rem x, y\n"
                    "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "-2147483648 2147483647 | 2147483646 -2147483647 | 2147483647 -2147483648 |"
        " 2147483647 -2147483648 | 0 0",
        0);
    tn_evaluate(OF(u8, 2, "250,3") AND(u8, 2, "10,5") "a = add x, y\nb = sub x, y\nc = mul x, y\n"
                                                      "output a = a\noutput b = b\noutput c = c\n",
        "4 8 | 240 254 | 196 15", 0);
    tn_evaluate(OF(u32, 1, "4294967295") AND(u32, 1, "4294967295") "z = mul x, y\n" OUT, "1", 0);
    tn_evaluate(OF(i64, 1, "9223372036854775807") AND(i64, 1, "3") "z = mul x, y\n" OUT,
        "9223372036854775805", 0);
    tn_evaluate(
        OF(i32, 4, "7,-7,7,-7") AND(i32, 4,
            "3,3,-3,-3") "a = div x, y\nb = rem x, y\nc = mod x, y\noutput a = a\noutput b = b\noutput c = c\n",
        "2 -2 -2 2 | 1 -1 1 -1 | 1 2 -2 -1", 0);
    tn_evaluate(
        F64(8, "7,-7,7,-7,6,-6,1,inf")
            Y64(8, "3,3,-3,-3,-3,3,0,2") "b = rem x, y\nc = mod x, y\noutput b = b\noutput c = c\n",
        "1 -1 1 -1 0 -0 nan nan | 1 2 -2 -1 -0 0 nan nan", 0);
    tn_evaluate(F64(3, "1,-1,0") Y64(3, "0,0,0") "z = div x, y\n" OUT, "inf -inf nan", 0);
    tn_evaluate_fails(OF(i32, 4, "1,2,3,4") AND(i32, 4, "1,1,0,1") "z = div x, y\n" OUT,
        "test:4.in.y: div: division by zero at [2]");
    tn_evaluate_fails(OF(i32, 4, "1,2,3,4") "y: i32[] = fill {type=i32[], value=0}\n"
                                            "z = mod x, y\n" OUT,
        "test:4.in.y: mod: division by zero at [0]");
}

TN_TEST(power_and_angle)
{
    tn_evaluate(F64(6, "2,nan,1,-8,-2,0") Y64(6, "10,0,nan,0.5,3,-1") "z = pow x, y\n" OUT,
        "1024 1 1 nan -8 inf", 0);
    tn_evaluate(F64(2, "1,-0.0") Y64(2, "1,-1") "z = atan2 x, y\n" OUT,
        "0.7853981633974483 -3.141592653589793", 0);
}

TN_TEST(extremes_pass_nan_on)
{
    tn_evaluate(F64(4, "1,nan,3,nan") Y64(4, "2,1,nan,nan") "a = maximum x, y\nb = minimum x, y\n"
                                                            "output a = a\noutput b = b\n",
        "2 nan nan nan | 1 nan nan nan", 0);
    tn_evaluate(F64(4, "5,-5,nan,3") "a = clamp x, -1, 1\nb = clamp x, 4, 2\n"
                                     "output a = a\noutput b = b\n",
        "1 -1 nan 1 | 2 2 nan 2", 0);
    tn_evaluate(OF(u32, 2, "4294967295,1") AND(u32, 2, "1,2") "z = maximum x, y\n" OUT,
        "4294967295 2", 0);
}

TN_TEST(bits)
{
    tn_evaluate(OF(i8, 2, "-1,12") AND(i8, 2,
                    "6,10") "a = bit_and x, y\nb = bit_or x, y\nc = bit_xor x, y\nd = bit_not x\n"
                            "output a = a\noutput b = b\noutput c = c\noutput d = d\n",
        "6 8 | -1 14 | -7 6 | 0 -13", 0);
    tn_evaluate(
        OF(i8, 5, "-2,-2,-2,64,1") AND(i8, 5,
            "1,8,-1,1,7") "a = shift_left x, y\nb = shift_right x, y\noutput a = a\noutput b = b\n",
        "-4 0 0 -128 -128 | -1 -1 -1 32 0", 0);
    tn_evaluate(
        OF(u32, 3, "4294967295,4294967295,1") AND(u32, 3,
            "31,32,4") "a = shift_left x, y\nb = shift_right x, y\noutput a = a\noutput b = b\n",
        "2147483648 0 16 | 1 0 0", 0);
    tn_evaluate(
        OF(i64, 2, "-9223372036854775808,1") AND(i64, 2,
            "63,63") "a = shift_right x, y\nb = shift_left x, y\noutput a = a\noutput b = b\n",
        "-1 0 | 0 -9223372036854775808", 0);
    tn_evaluate(
        OF(bool, 4, "true,true,false,false") AND(bool, 4,
            "true,false,true,false") "a = and x, y\nb = or x, y\nc = xor x, y\nd = not x\n"
                                     "output a = a\noutput b = b\noutput c = c\noutput d = d\n",
        "1 0 0 0 | 1 1 1 0 | 0 1 1 0 | 0 0 1 1", 0);
}

TN_TEST(comparisons)
{
    tn_evaluate(
        F64(4, "1,2,nan,-0.0") Y64(4,
            "2,2,nan,0") "a = equal x, y\nb = not_equal x, y\nc = less x, y\nd = less_equal x, y\n"
                         "e = greater x, y\nf = greater_equal x, y\noutput a = a\noutput b = b\noutput c = c\n"
                         "output d = d\noutput e = e\noutput f = f\n",
        "0 1 0 1 | 1 0 1 0 | 1 0 0 0 | 1 1 0 1 | 0 0 0 0 | 0 1 0 1", 0);
    tn_evaluate(OF(bool, 2, "true,false") AND(bool, 2, "true,true") "z = equal x, y\n" OUT, "1 0",
        0);
    tn_evaluate(OF(u32, 1, "4294967295") "z = greater x, 1\n" OUT, "1", 0);
}

TN_TEST(choice_lets_nothing_through)
{
    tn_evaluate("c: bool[3] = constant {type=bool[3], data=[true,false,true]}\n" F64(3, "1,nan,inf")
                    Y64(3, "nan,5,nan") "z = where c, x, y\n" OUT,
        "1 5 inf", 0);
}

TN_TEST(broadcasting)
{
    tn_evaluate("x: i32[2,1] = constant {type=i32[2,1], data=[10,20]}\n"
                "y: i32[3] = constant {type=i32[3], data=[1,2,3]}\n"
                "z = add x, y\nw = sub 1, y\noutput z = z\noutput w = w\n",
        "11 12 13 21 22 23 | 0 -1 -2", 0);
    tn_evaluate("d: i32[2,3] = constant {type=i32[2,3], data=[1,2,3,4,5,6]}\n"
                "a: i32[3,2] = constant {type=i32[3,2], data=[10,20,30,40,50,60]}\n"
                "z = add d, a {labels=\"bi,ij->bji\"}\n" OUT,
        "11 32 53 21 42 63 14 35 56 24 45 66", 0);
    tn_evaluate("c: bool[2] = constant {type=bool[2], data=[true,false]}\n"
                "x: i32[2,3] = constant {type=i32[2,3], data=[1,2,3,4,5,6]}\n"
                "y: i32[3] = constant {type=i32[3], data=[7,8,9]}\n"
                "z = where c, x, y {labels=\"b,bk,k->bk\"}\n" OUT,
        "1 2 3 7 8 9", 0);
    tn_evaluate("x: f64[0,3] = fill {type=f64[0,3], value=1}\nz = add x, 1\n" OUT, "", 0);
}

TN_TEST(activations)
{
    tn_evaluate(F64(3, "-1,0,nan") "z = relu x\n" OUT, "0 0 nan", 0);
    tn_evaluate(OF(i32, 2, "-3,4") "z = relu x\n" OUT, "0 4", 0);
    tn_evaluate(F64(3, "-1,2,nan") "a = leaky_relu x {alpha=0.5}\nb = elu x {alpha=2}\n"
                                   "output a = a\noutput b = b\n",
        "-0.5 2 nan | -1.2642411176571153 2 nan", 1e-15);
    tn_evaluate(F64(2, "-1,2") Y64(1, "0.25") "z = prelu x, y\n" OUT, "-0.25 2", 0);
    tn_evaluate(F64(3, "1,-1,0") "a = silu x\nb = softplus x\nc = mish x\n"
                                 "output a = a\noutput b = b\noutput c = c\n",
        "0.7310585786300049 -0.2689414213699951 0 |"
        " 1.3132616875182228 0.31326168751822286 0.6931471805599453 |"
        " 0.8650983882673103 -0.30340146137410895 0",
        1e-14);
    tn_evaluate(F64(3, "-4,1,4") "a = hard_sigmoid x\nb = hard_swish x\n"
                                 "output a = a\noutput b = b\n",
        "0 0.6666666666666666 1 | -0 0.6666666666666666 4", 1e-15);
    tn_evaluate(F64(5, "-2,-0.5,0,1,3") "a = gelu x\nb = gelu x {approximate=\"tanh\"}\n"
                                        "output a = a\noutput b = b\n",
        "-0.04550026 -0.15426877 0 0.84134475 2.99595031 |"
        " -0.04540231 -0.15428599 0 0.84119199 2.99636261",
        1e-7);
    tn_evaluate(
        F64(2, "1,-1") Y64(2,
            "3,3") "a = glu x, y\nb = glu x, y {act=\"sigmoid\"}\nc = glu x, y {act=\"relu\"}\n"
                   "d = glu x, y {act=\"tanh\"}\ne = glu x, y {act=\"gelu\"}\n"
                   "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "2.1931757358900147 -0.8068242641099853 | 2.1931757358900147 0.8068242641099853 | 3 0 |"
        " 2.2847824678672945 -2.2847824678672945 | 2.5240342388243434 -0.4759657611756566",
        1e-7);
}

/* On bf16 the constant of gelu is 0.70703125, here too. */
TN_TEST(literals_have_the_type_beside_them)
{
    tn_evaluate(OF(bf16, 1, "1") "z = gelu x\n" OUT, "0.8413188980459632", 1e-15);
    tn_evaluate(OF(bf16, 1, "1") "z = leaky_relu x {alpha=0.3}\ny = neg x\n"
                                 "w = leaky_relu y {alpha=0.3}\noutput w = w\n",
        "-0.30078125", 0);
    tn_evaluate(OF(f32, 1, "1") "z = mul x, 0.1\n" OUT, "0.10000000149011612", 0);
}

TN_MAIN(TN_CASE(signs_and_rounding), TN_CASE(powers), TN_CASE(curves), TN_CASE(tests),
    TN_CASE(arithmetic), TN_CASE(power_and_angle), TN_CASE(extremes_pass_nan_on), TN_CASE(bits),
    TN_CASE(comparisons), TN_CASE(choice_lets_nothing_through), TN_CASE(broadcasting),
    TN_CASE(activations), TN_CASE(literals_have_the_type_beside_them))
