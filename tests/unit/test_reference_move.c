/* SPDX-License-Identifier: Apache-2.0
 * Views, reading and writing by index, making: by hand. */
#include "tests/support/evaluate_text.h"
#include "tests/support/test.h"

#define X6 "x: i32[2,3] = constant {type=i32[2,3], data=[1,2,3,4,5,6]}\n"
#define INT(name, shape, data) \
    name ": i32[" shape "] = constant {type=i32[" shape "], data=[" data "]}\n"
#define OUT "output z = z\n"

TN_TEST(views)
{
    tn_evaluate(X6
        "a = reshape x {to=[3,2]}\nb = transpose x {perm=[1,0]}\n"
        "c = broadcast x {to=[2,2,3]}\nd = reverse x {axes=[0,1]}\ne = reverse x {axes=[1]}\n"
        "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "1 2 3 4 5 6 | 1 4 2 5 3 6 | 1 2 3 4 5 6 1 2 3 4 5 6 | 6 5 4 3 2 1 | 3 2 1 6 5 4", 0);
    tn_evaluate(X6
        "a = slice x {axis=1, start=1, size=2}\nb = slice x {axis=-1, size=2, step=2}\n"
        "c = index x {axis=1, at=-1}\nd = slice x {axis=0, start=2, size=0}\n"
        "e, f = split x {axis=1, sizes=[1,2]}\ng = concat x, a {axis=1}\n"
        "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\noutput f = f\n"
        "output g = g\n",
        "2 3 5 6 | 1 3 4 6 | 3 6 | | 1 4 | 2 3 5 6 | 1 2 3 2 3 4 5 6 5 6", 0);
    tn_evaluate(X6 "z = tile x {repeats=[2,2]}\n" OUT,
        "1 2 3 1 2 3 4 5 6 4 5 6 1 2 3 1 2 3 4 5 6 4 5 6", 0);
}

TN_TEST(places_that_are_values)
{
    tn_evaluate(X6 INT("p", "",
                    "1") "a = index x {axis=1, at=@p}\n"
                         "b = slice x {axis=1, start=@p, size=2}\nc = iota {start=@p, size=2}\n"
                         "output a = a\noutput b = b\noutput c = c\n",
        "2 5 | 2 3 5 6 | 1 2", 0);
    tn_evaluate_fails(X6 INT("p", "", "-1") "z = index x {axis=1, at=@p}\n" OUT,
        "test:4.attrs.at: index: -1 with size 1 is outside axis 1 of x, which is 3");
    tn_evaluate_fails(X6 INT("p", "", "2") "z = slice x {axis=1, start=@p, size=2}\n" OUT,
        "test:4.attrs.start: slice: 2 with size 2 is outside axis 1 of x, which is 3");
}

TN_TEST(padding)
{
    tn_evaluate(X6 "a = pad x {axis=1, before=1, after=2, value=-7}\n"
                   "b = pad x {axis=1, before=2, after=1, mode=\"reflect\"}\n"
                   "c = pad x {axis=0, before=1, after=1, mode=\"edge\"}\n"
                   "output a = a\noutput b = b\noutput c = c\n",
        "-7 1 2 3 -7 -7 -7 4 5 6 -7 -7 | 3 2 1 2 3 2 6 5 4 5 6 5 |"
        " 1 2 3 1 2 3 4 5 6 4 5 6",
        0);
    tn_evaluate("x: bool[1] = constant {type=bool[1], data=[true]}\n"
                "z = pad x {axis=0, after=1}\n" OUT,
        "1 0", 0);
}

TN_TEST(gathering)
{
    tn_evaluate(X6 INT("i", "2,2", "1,0,0,1") "a = gather x, i {axis=0}\n"
                                              "b = gather x, i {axis=1, batch_dims=1}\n"
                                              "output a = a\noutput b = b\n",
        "4 5 6 1 2 3 1 2 3 4 5 6 | 2 1 4 5", 0);
    tn_evaluate(X6 INT("i", "2,2", "2,0,0,1") "z = gather_elements x, i {axis=1}\n" OUT, "3 1 4 5",
        0);
    tn_evaluate(X6 INT("i", "2,2", "1,2,0,0") "a = gather_nd x, i\n" INT("j", "2,1",
                    "2,0") "b = gather_nd x, j {batch_dims=1}\n"
                           "output a = a\noutput b = b\n",
        "6 1 | 3 4", 0);
}

TN_TEST(indices_out_of_range)
{
    tn_evaluate_fails(X6 INT("i", "1,2", "1,2") "z = gather x, i {axis=0}\n" OUT,
        "test:4.in.indices: gather: 2 at [0,1] is outside an axis of 2");
    tn_evaluate_fails(X6 INT("i", "2,1", "0,-1") "z = gather_elements x, i {axis=1}\n" OUT,
        "test:4.in.indices: gather_elements: -1 at [1,0] is outside an axis of 3");
    tn_evaluate_fails(X6 INT("i", "1,2", "1,3") "z = gather_nd x, i\n" OUT,
        "test:4.in.indices: gather_nd: 3 at [0,1] is outside an axis of 3");
    tn_evaluate(X6 INT("i", "3", "1,2,-1") "z = gather x, i {axis=0, outside=\"skip\"}\n" OUT,
        "4 5 6 0 0 0 0 0 0", 0);
    tn_evaluate(X6 INT("i", "2,1",
                    "0,3") "a = gather_elements x, i {axis=1, outside=\"skip\"}\n" INT("j", "2,2",
                    "1,1,2,0") "b = gather_nd x, j {outside=\"skip\"}\n"
                               "output a = a\noutput b = b\n",
        "1 0 | 5 0", 0);
    tn_evaluate_fails("x: f32[2] = fill {type=f32[2], value=0}\n" INT("i", "1",
                          "5") "y: f32[1] = fill {type=f32[1], value=0}\n"
                               "z = scatter_elements x, i, y {axis=0}\n" OUT,
        "test:5.in.indices: scatter_elements: 5 at [0] is outside an axis of 2");
}

TN_TEST(updating)
{
    tn_evaluate(X6 INT("y", "2,1", "8,9") "a = update x, y {axis=1, at=2}\n"
                                          "b = update x, y {axis=1, at=-2}\n" INT("p", "2",
                                              "0,2") "c = update x, y {axis=1, at=@p}\n"
                                                     "output a = a\noutput b = b\noutput c = c\n",
        "1 2 8 4 5 9 | 1 8 3 4 9 6 | 8 2 3 4 5 9", 0);
    tn_evaluate_fails(X6 INT("y", "2,2", "8,9,8,9")
                          INT("p", "2", "0,2") "z = update x, y {axis=1, at=@p}\n" OUT,
        "test:5.attrs.at: update: 2 at [1] with size 2 is outside an axis of 3");
}

TN_TEST(scattering)
{
    tn_evaluate(
        INT("x", "3", "1,2,3") INT("i", "4", "0,2,0,2") INT("y", "4",
            "10,20,30,40") "a = scatter_elements x, i, y {axis=0}\n"
                           "b = scatter_elements x, i, y {axis=0, reduce=\"add\"}\n"
                           "c = scatter_elements x, i, y {axis=0, reduce=\"max\"}\n"
                           "d = scatter_elements x, i, y {axis=0, reduce=\"min\"}\n"
                           "e = scatter_elements x, i, y {axis=0, reduce=\"mul\"}\n"
                           "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "30 2 40 | 41 2 63 | 30 2 40 | 1 2 3 | 300 2 2400", 0);
    tn_evaluate("x: f64[2,2] = fill {type=f64[2,2], value=1}\n" INT("i", "3,1",
                    "1,5,1") "y: f64[3,2] = constant {type=f64[3,2], data=[2,nan,3,4,5,6]}\n"
                             "a = scatter_nd x, i, y {outside=\"skip\"}\n"
                             "b = scatter_nd x, i, y {outside=\"skip\", reduce=\"max\"}\n"
                             "output a = a\noutput b = b\n",
        "1 1 5 6 | 1 1 5 nan", 0);
    tn_evaluate(X6 INT("i", "2,1", "2,0")
                    INT("y", "2,1", "7,8") "z = scatter_elements x, i, y {axis=1}\n" OUT,
        "1 2 7 8 5 6", 0);
    tn_evaluate_fails(X6 INT("i", "1,2", "0,3") INT("y", "1", "7") "z = scatter_nd x, i, y\n" OUT,
        "test:5.in.indices: scatter_nd: 3 at [0,1] is outside an axis of 3");
}

TN_TEST(counting)
{
    tn_evaluate("x: f64[2,2] = constant {type=f64[2,2], data=[0,nan,-0.0,2]}\n"
                "i, n = nonzero x {limit=3}\noutput i = i\noutput n = n\n",
        "0 1 1 1 -1 -1 | 2", 0);
    tn_evaluate_fails(X6 "i, n = nonzero x {limit=4}\noutput i = i\n",
        "test:3.attrs.limit: nonzero: more than 4 elements of x are not 0, the next one at [1,1]");
    tn_evaluate(INT("x", "3",
                    "1,-1,2") "a = one_hot x {depth=2}\n"
                              "b = one_hot x {depth=3, dtype=bool}\noutput a = a\noutput b = b\n",
        "0 1 0 0 0 0 | 0 1 0 0 0 0 0 0 1", 0);
}

TN_TEST(making)
{
    tn_evaluate(
        "a: u8[2] = fill {type=u8[2], value=255}\nb = iota {start=254, size=3, dtype=u8}\n"
        "c = iota {start=2047, size=4, dtype=f16}\nd: f32[1] = fill {type=f32[1], value=1/3}\n"
        "output a = a\noutput b = b\noutput c = c\noutput d = d\n",
        "255 255 | 254 255 0 | 2047 2048 2048 2050 | 0.3333333432674408", 0);
}

/* Key 0, counter 0: the words of the published generator. */
TN_TEST(chance)
{
    tn_evaluate("s: i64[] = fill {type=i64[], value=0}\n"
                "a = random_bits s {type=u32[4]}\nb = random_bits s {type=i32[1]}\n"
                "c = random_bits s {type=i64[2]}\nd = random_uniform s {type=f32[2]}\n"
                "e = random_uniform s {type=f64[1]}\n"
                "output a = a\noutput b = b\noutput c = c\noutput d = d\noutput e = e\n",
        "1713891541 3781805453 3159862348 2600524760 | 1713891541 |"
        " -2204013331526194987 -7277575273911440308 | 0.3990464210510254 0.8805201649665833 |"
        " 0.8805201978886142",
        1e-15);
    /* A seed from the check of the semantics: its word gives 922056 * 2^-21. */
    tn_evaluate("k: i64[] = fill {type=i64[], value=9057424456166476430}\n"
                "z = random_normal k {type=f32[1]}\n" OUT,
        "0.439670562744140625", 0);
}

TN_TEST(drawing)
{
    tn_evaluate("s: i64[] = fill {type=i64[], value=0}\n"
                "x: f32[2,2] = constant {type=f32[2,2], data=[0,0,5,0]}\n"
                "a = random_categorical x, s\nb = random_categorical x, s {temperature=0}\n"
                "output a = a\noutput b = b\n",
        "1 0 | 0 0", 0);
}

TN_MAIN(TN_CASE(views), TN_CASE(places_that_are_values), TN_CASE(padding), TN_CASE(gathering),
    TN_CASE(indices_out_of_range), TN_CASE(updating), TN_CASE(scattering), TN_CASE(counting),
    TN_CASE(making), TN_CASE(chance), TN_CASE(drawing))
