/* SPDX-License-Identifier: Apache-2.0
 * Reductions, extremes, running ops, order: by hand. */
#include "tests/support/evaluate_text.h"
#include "tests/support/test.h"

#define OF(type, shape, data) \
    "x: " #type "[" shape "] = constant {type=" #type "[" shape "], data=[" data "]}\n"
#define OUT "output z = z\n"

TN_TEST(reductions)
{
    tn_evaluate(
        OF(f64, "2,3",
            "1,2,3,4,5,nan") "a = reduce_sum x {axes=[0]}\nb = reduce_max x {axes=[1]}\nc = reduce_min x {axes=[1]}\n"
                             "d = reduce_mean x {axes=[1], keepdims=true}\ne = reduce_prod x {axes=[0,1]}\n"
                             "f = reduce_sum x {axes=[]}\n"
                             "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\noutput f = f\n",
        "5 7 nan | 3 nan | 1 nan | 2 nan | nan | 1 2 3 4 5 nan", 0);
    tn_evaluate(OF(i8, "3",
                    "100,100,3") "a = reduce_sum x {axes=[0]}\n"
                                 "b = reduce_prod x {axes=[0]}\nc = reduce_max x {axes=[0]}\n"
                                 "output a = a\noutput b = b\noutput c = c\n",
        "-53 | 48 | 100", 0);
    tn_evaluate(
        OF(bool, "2,2",
            "true,false,false,false") "a = reduce_any x {axes=[1]}\n"
                                      "b = reduce_all x {axes=[1]}\noutput a = a\noutput b = b\n",
        "1 0 | 0 0", 0);
    tn_evaluate(OF(i32, "2,2,2", "1,2,3,4,5,6,7,8") "z = reduce_sum x {axes=[0,2]}\n" OUT, "14 22",
        0);
}

TN_TEST(reductions_of_nothing)
{
    tn_evaluate(
        "x: f64[2,0] = fill {type=f64[2,0], value=1}\n"
        "a = reduce_sum x {axes=[1]}\nb = reduce_prod x {axes=[1]}\nc = reduce_max x {axes=[1]}\n"
        "d = reduce_min x {axes=[1]}\ne = reduce_mean x {axes=[1]}\nf = reduce_sum x {axes=[0]}\n"
        "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\noutput f = f\n",
        "0 0 | 1 1 | -inf -inf | inf inf | nan nan |", 0);
    tn_evaluate(
        "x: i8[0] = fill {type=i8[0], value=1}\n"
        "a = reduce_max x {axes=[0]}\nb = reduce_min x {axes=[0]}\nc = reduce_prod x {axes=[0]}\n"
        "output a = a\noutput b = b\noutput c = c\n",
        "-128 | 127 | 1", 0);
    tn_evaluate(
        "x: bool[0] = fill {type=bool[0], value=true}\n"
        "a = reduce_any x {axes=[0]}\nb = reduce_all x {axes=[0]}\noutput a = a\noutput b = b\n",
        "0 | 1", 0);
}

TN_TEST(positions_of_extremes)
{
    tn_evaluate(
        OF(f64, "4,3",
            "1,3,3,nan,5,nan,-0.0,0,-1,2,1,1") "a = arg_max x {axis=1}\nb = arg_min x {axis=1}\nc = arg_max x {axis=0, keepdims=true}\n"
                                               "output a = a\noutput b = b\noutput c = c\n",
        "1 0 0 0 | 0 1 2 1 | 1 1 1", 0);
    tn_evaluate(OF(u32, "2", "1,4294967295") "z = arg_max x {axis=0, dtype=i64}\n" OUT, "1", 0);
    tn_evaluate_fails("x: f64[2,0] = fill {type=f64[2,0], value=1}\nz = arg_max x {axis=1}\n" OUT,
        "test:3.attrs.axis: axis 1 of x is empty");
}

TN_TEST(running)
{
    tn_evaluate(
        OF(f64, "4",
            "1,2,3,4") "a = cum_sum x {axis=0}\n"
                       "b = cum_sum x {axis=0, exclusive=true}\nc = cum_sum x {axis=0, reverse=true}\n"
                       "d = cum_sum x {axis=0, reverse=true, exclusive=true}\n"
                       "e = cum_prod x {axis=0, exclusive=true}\n"
                       "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "1 3 6 10 | 0 1 3 6 | 10 9 7 4 | 9 7 4 0 | 1 1 2 6", 0);
    tn_evaluate(
        OF(f64, "2,3",
            "1,nan,0,3,2,5") "a = cum_max x {axis=1}\n"
                             "b = cum_min x {axis=1, exclusive=true}\nc = cum_max x {axis=0}\n"
                             "output a = a\noutput b = b\noutput c = c\n",
        "1 nan nan 3 3 5 | inf 1 nan inf 3 2 | 1 nan 0 3 nan 5", 0);
    tn_evaluate(
        OF(i8, "3",
            "100,100,-1") "a = cum_sum x {axis=0}\n"
                          "b = cum_max x {axis=0, exclusive=true}\noutput a = a\noutput b = b\n",
        "100 -56 -57 | -128 100 100", 0);
}

TN_TEST(the_largest)
{
    tn_evaluate(
        OF(f64, "7",
            "1,nan,3,3,-inf,nan,0") "a, i = top_k x {k=5}\n"
                                    "b, j = top_k x {k=3, largest=false, dtype=i64}\n"
                                    "output a = a\noutput i = i\noutput b = b\noutput j = j\n",
        "nan nan 3 3 1 | 1 5 2 3 0 | -inf 0 1 | 4 6 0", 0);
    tn_evaluate(
        OF(i32, "3,2",
            "1,6,3,4,5,2") "a, i = top_k x {k=2, axis=0}\n"
                           "b, j = top_k x {k=0}\noutput a = a\noutput i = i\noutput b = b\n",
        "5 6 3 4 | 2 0 1 1 |", 0);
}

TN_TEST(sorting_is_stable)
{
    tn_evaluate(OF(f64, "6",
                    "2,nan,1,2,-0.0,0") "a, i = sort x {axis=0}\n"
                                        "b, j = sort x {axis=0, descending=true}\n"
                                        "output a = a\noutput i = i\noutput b = b\noutput j = j\n",
        "-0 0 1 2 2 nan | 4 5 2 0 3 1 | nan 2 2 1 -0 0 | 1 0 3 2 4 5", 0);
    tn_evaluate(OF(i32, "3,2",
                    "3,1,1,2,2,0") "a, i = sort x {axis=0}\noutput a = a\noutput i = i\n",
        "1 0 2 1 3 2 | 1 2 2 0 0 1", 0);
}

TN_MAIN(TN_CASE(reductions), TN_CASE(reductions_of_nothing), TN_CASE(positions_of_extremes),
    TN_CASE(running), TN_CASE(the_largest), TN_CASE(sorting_is_stable))
