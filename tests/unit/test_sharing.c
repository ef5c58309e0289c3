/* SPDX-License-Identifier: Apache-2.0
 * What shares a kernel: how many there are, and that they compute what the
 * graph says. Built twice: LOWERED_TARGETS schedules for several machines. */
#include "tests/support/lowered.h"
#include "tests/support/test.h"

#ifndef LOWERED_TARGETS
#define LOWERED_TARGETS false
#endif
#define LOWERED(...) lowered_check(&(lowered_case){__VA_ARGS__}, LOWERED_TARGETS)

#define ROTATED                                                \
    "a: f32[N,3,4] = slice q {axis=2, start=0, size=4}\n"      \
    "b: f32[N,3,4] = slice q {axis=2, start=4, size=4}\n"      \
    "ac: f32[N,3,4] = mul a, c\nbs: f32[N,3,4] = mul b, s\n"   \
    "bc: f32[N,3,4] = mul b, c\nas: f32[N,3,4] = mul a, s\n"   \
    "d: f32[N,3,4] = sub ac, bs\ne: f32[N,3,4] = add bc, as\n" \
    "r: f32[N,3,8] = concat d, e {axis=2}\n"
#define HEAD "graph main\ndim N 1..9\n"
#define ANGLES "input c: f32[3,4]\ninput s: f32[3,4]\n"

/* Branches that meet are one kernel, however far apart they began. */
TN_TEST(rotated_pairs)
{
    LOWERED(.text = HEAD "input q: f32[N,3,8]\n" ANGLES ROTATED "output r = r\n",
        .dims = {{"N", 5}}, .kernels = 1);
    LOWERED(.text = HEAD ANGLES "input h: f32[N,6]\nweight w: f32[24,6]\n"
                                "l: f32[N,24] = contract h, w {labels=\"ni,oi->no\"}\n"
                                "q: f32[N,3,8] = reshape l {to=[N,3,8]}\n" ROTATED "output r = r\n",
        .dims = {{"N", 5}}, .kernels = 2);
}

/* What two read is computed once, seen by each as it lies. */
TN_TEST(what_two_read)
{
    LOWERED(.text = HEAD
        "input x: f32[N,5]\ninput y: f32[N,5]\ninput z: f32[5,N]\n"
        "a: f32[N,5] = mul x, y\nb: f32[N,5] = exp a\nt: f32[5,N] = transpose a {perm=[1,0]}\n"
        "u: f32[5,N] = add t, z\nv: f32[5] = reduce_sum u {axes=[1]}\noutput b = b\noutput v = v\n",
        .dims = {{"N", 4}}, .kernels = 1);
}

#define PRODUCT(name, weight) name ": f32[N,4] = contract x, " weight " {labels=\"ni,oi->no\"}\n"

TN_TEST(products_of_one_operand)
{
    /* Queries, keys, values; each with what is done to it. */
    LOWERED(.text = HEAD
        "input x: f32[N,6]\nweight q: f32[4,6]\nweight k: f32[4,6]\nweight v: f32[4,6]\n"
        "weight b: f32[4]\n" PRODUCT("a", "q") PRODUCT("c", "k")
            PRODUCT("d", "v") "e: f32[N,4] = add a, b\nf: f32[N,4] = mul c, 0.5\n"
                              "output e = e\noutput f = f\noutput d = d\n",
        .dims = {{"N", 7}}, .kernels = 1);
    /* A fourth stands beside them. */
    LOWERED(.text = HEAD
        "input x: f32[N,6]\nweight q: f32[4,6]\nweight k: f32[4,6]\nweight v: f32[4,6]\n"
        "weight u: f32[4,6]\n" PRODUCT("a", "q") PRODUCT("c", "k") PRODUCT("d", "v")
            PRODUCT("e", "u") "output a = a\noutput c = c\noutput d = d\noutput e = e\n",
        .dims = {{"N", 3}}, .kernels = 1);
    /* A gate and what it lets through; the gate is not stored. */
    LOWERED(.text = HEAD "input x: f32[N,6]\nweight g: f32[4,6]\nweight u: f32[4,6]\n" PRODUCT("a",
                "g") "s: f32[N,4] = silu a\n" PRODUCT("b",
                "u") "h: f32[N,4] = mul s, b\noutput h = h\n",
        .dims = {{"N", 6}}, .tolerance = 1e-6, .kernels = 1);
    /* One is made of the other. */
    LOWERED(.text = HEAD "input x: f32[N,6]\nweight q: f32[6,6]\nweight k: f32[6,6]\n"
                         "a: f32[N,6] = contract x, q {labels=\"ni,oi->no\"}\n"
                         "c: f32[N,6] = contract a, k {labels=\"ni,oi->no\"}\noutput c = c\n",
        .dims = {{"N", 6}}, .kernels = 2);
}

#define NARROW(name, weight) name ": f32[N,2] = contract x, " weight " {labels=\"ni,oi->no\"}\n"
#define GROUPED                                                   \
    "input x: f32[N,6]\nweight q: f32[4,6]\nweight k: f32[2,6]\n" \
    "weight v: f32[2,6]\nweight b: f32[4]\n"

/* Grouped queries are wider than keys and values: one launch, each product
 * with what is done to it. */
TN_TEST(products_of_several_widths)
{
    LOWERED(.text = HEAD GROUPED PRODUCT("a", "q") NARROW("c", "k")
                NARROW("d", "v") "e: f32[N,4] = add a, b\nf: f32[N,2] = mul c, 0.5\n"
                                 "output e = e\noutput f = f\noutput d = d\n",
        .dims = {{"N", 7}}, .kernels = 1);
    /* With something between them; keys go into a state. */
    LOWERED(.text = HEAD GROUPED
        "state s: f32[12,2]\n" PRODUCT("a",
            "q") "e: f32[N,4] = add a, b\nm: f32[N,1] = reduce_max e {axes=[1], keepdims=true}\n"
                 "g: f32[N,4] = sub e, m\n" NARROW("c", "k")
                     NARROW("d", "v") "u: f32[12,2] = update s, c {axis=0, at=2}\n"
                                      "output g = g\noutput d = d\nstore s = u\n",
        .dims = {{"N", 3}}, .kernels = 2);
    /* The second stores where the first reads. */
    LOWERED(.text = "graph main\ninput x: f32[3,2]\nweight k: f32[2,2]\nstate s: f32[5,2]\n"
                    "a: f32[3,5] = contract x, s {labels=\"ni,oi->no\"}\n"
                    "c: f32[3,2] = contract x, k {labels=\"ni,oi->no\"}\n"
                    "u: f32[5,2] = update s, c {axis=0, at=1}\noutput a = a\nstore s = u\n",
        .kernels = 2);
    /* The one needs the other. */
    LOWERED(.text = "graph main\ninput x: f32[3,3]\nweight k: f32[2,3]\n"
                    "a: f32[3,2] = contract x, k {labels=\"ni,oi->no\"}\n"
                    "c: f32[3,2] = contract x, a {labels=\"ni,io->no\"}\noutput c = c\n",
        .kernels = 2);
}

/* The rows are stored, not their squares: what follows the sum reads them. */
TN_TEST(squares_of_a_product)
{
    LOWERED(.text = HEAD
        "input x: f32[N,6]\ninput r: f32[N,4]\nweight w: f32[4,6]\nweight g: f32[4]\n" PRODUCT("a",
            "w") "y: f32[N,4] = add a, r\nz: f32[N,4] = mul y, y\n"
                 "m: f32[N,1] = reduce_mean z {axes=[1], keepdims=true}\nn: f32[N,1] = add m, 0.001\n"
                 "i: f32[N,1] = rsqrt n\no: f32[N,4] = mul y, i\np: f32[N,4] = mul o, g\n"
                 "output p = p\noutput y = y\n",
        .dims = {{"N", 6}}, .tolerance = 1e-6, .kernels = 2);
    /* Summed whole, there are no rows to share. */
    LOWERED(.text = HEAD "input x: f32[N,6]\nweight w: f32[4,6]\n" PRODUCT("a",
                "w") "z: f32[N,4] = mul a, a\nm: f32[] = reduce_sum z {axes=[0,1]}\noutput m = m\n",
        .dims = {{"N", 6}}, .kernels = 2);
}

#define ATTENDED                                                \
    "z: f32[3,N,N] = contract r, k {labels=\"nhd,mhd->hnm\"}\n" \
    "p: f32[3,N,N] = softmax z {axis=2}\n"                      \
    "o: f32[3,N,8] = contract p, v {labels=\"hnm,mhd->hnd\"}\noutput o = o\n"

/* Queries are rotated as they are loaded; keys are not. */
TN_TEST(rotated_queries)
{
    static const char given[] = HEAD "input q: f32[N,3,8]\n" ANGLES
                                     "input k: f32[N,3,8]\ninput v: f32[N,3,8]\n" ROTATED ATTENDED;
    static const char twice[] =
        HEAD "input q: f32[N,3,8]\n" ANGLES
             "input k: f32[N,3,8]\ninput v: f32[N,3,8]\n" ROTATED ATTENDED "output r = r\n";
    static const char keys[] =
        HEAD "input q: f32[N,3,8]\n" ANGLES "input k: f32[N,3,8]\ninput v: f32[N,3,8]\n" ROTATED
             "z: f32[3,N,N] = contract k, r {labels=\"nhd,mhd->hnm\"}\n"
             "p: f32[3,N,N] = softmax z {axis=2}\n"
             "o: f32[3,N,8] = contract p, v {labels=\"hnm,mhd->hnd\"}\noutput o = o\n";

    LOWERED(.text = given, .dims = {{"N", 9}}, .tolerance = 1e-6, .kernels = 1);
    LOWERED(.text = given, .dims = {{"N", 1}}, .tolerance = 1e-6, .kernels = 1);
    LOWERED(.text = twice, .dims = {{"N", 5}}, .tolerance = 1e-6, .kernels = 2);
    LOWERED(.text = keys, .dims = {{"N", 5}}, .tolerance = 1e-6, .kernels = 2);
}

/* An index out of range fails the run wherever it is read. */
TN_TEST(failures)
{
    LOWERED(.text =
                "graph main\ninput x: i32[4]\ninput y: i32[4]\ninput z: i32[4]\n"
                "o: i32[4] = sub y, y\na: i32[4] = div x, o\nb: i32[4] = mul a, z\noutput b = b\n",
        .fails = true, .kernels = 1);
}

TN_MAIN(TN_CASE(rotated_pairs), TN_CASE(what_two_read), TN_CASE(products_of_one_operand),
    TN_CASE(products_of_several_widths), TN_CASE(squares_of_a_product), TN_CASE(rotated_queries),
    TN_CASE(failures))
