/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/test.h"

#ifndef LOWERED_TARGETS
#define LOWERED_TARGETS false
#endif
#define LOWERED(...) lowered_check(&(lowered_case){__VA_ARGS__}, LOWERED_TARGETS)
#define B(n) {"B", n}

/* ---- loops ---- */

static const char crf[] =
    "graph main\n    dim B 1..256\n    dim T 1..512\n    input emissions: f32[B,T,3]\n"
    "    input length: i32[B] in 1..4\n    weight trans: f32[3,3]\n    weight cap: f32[3,3]\n"
    "    weight start: f32[3]\n"
    "    A: f32[3,3] = minimum trans, cap\n"
    "    e0: f32[B,3] = index emissions {axis=1, at=0}\n"
    "    d0: f32[B,3] = add e0, start\n"
    "    rest: f32[B,T-1,3] = slice emissions {axis=1, start=1, size=T-1}\n"
    "    tag: i32[3] = iota {size=3}\n"
    "    dn: f32[B,3], back: i32[B,T-1,3] = scan d0, rest {carries=1, axis=1} do (d, e, t)\n"
    "        s: f32[B,3,3] = add d, A {labels=\"bi,ij->bij\"}\n"
    "        best: f32[B,3] = reduce_max s {axes=[1]}\n"
    "        b: i32[B,3] = arg_max s {axis=1}\n"
    "        dt: f32[B,3] = add best, e\n"
    "        t1: i32[] = add t, 1\n"
    "        live: bool[B] = less t1, length\n"
    "        d1: f32[B,3] = where live, dt, d {labels=\"b,bk,bk->bk\"}\n"
    "        b1: i32[B,3] = where live, b, tag {labels=\"b,bk,k->bk\"}\n"
    "        yield d1, b1\n"
    "    end\n"
    "    score: f32[B] = reduce_max dn {axes=[1]}\n"
    "    last: i32[B] = arg_max dn {axis=1}\n"
    "    yn: i32[B,1] = unsqueeze last {axes=[1]}\n"
    "    yf: i32[B,1], ys: i32[B,T-1] = scan yn, back {carries=1, axis=1, reverse=true} do (y, "
    "bb, t2)\n"
    "        y2: i32[B,1] = gather_elements bb, y {axis=1}\n"
    "        y3: i32[B] = squeeze y2 {axes=[1]}\n"
    "        yield y2, y3\n"
    "    end\n"
    "    path: i32[B,T] = concat ys, yn {axis=1}\n"
    "    an: f32[B,3] = scan d0, rest {carries=1, axis=1} do (a, e2, t3)\n"
    "        s2: f32[B,3,3] = add a, A {labels=\"bi,ij->bji\"}\n"
    "        l: f32[B,3] = reduce_logsumexp s2 {axes=[2]}\n"
    "        at: f32[B,3] = add l, e2\n"
    "        t4: i32[] = add t3, 1\n"
    "        live2: bool[B] = less t4, length\n"
    "        a2: f32[B,3] = where live2, at, a {labels=\"b,bk,bk->bk\"}\n"
    "        yield a2\n"
    "    end\n"
    "    log_z: f32[B] = reduce_logsumexp an {axes=[1]}\n"
    "    output path = path\n    output score = score\n    output log_z = log_z\n";

TN_TEST(conditional_random_field)
{
    LOWERED(.text = crf, .dims = {B(4), {"T", 5}}, .kernels = 3);
    LOWERED(.text = crf, .dims = {B(1), {"T", 1}});
    LOWERED(.text = crf, .dims = {B(2), {"T", 4}}, .special = 6);
}

TN_TEST(recurrent_layers)
{
    LOWERED(.dims = {B(3), {"T", 4}},
        .text = "graph main\n    dim B 1..9\n    dim T 0..9\n    input x: f32[B,T,3]\n"
                "    weight w: f32[20,3]\n    weight r: f32[20,5]\n    weight b: f32[20]\n"
                "    weight gw: f32[15,3]\n    weight gr: f32[15,5]\n    weight gb: f32[30]\n"
                "    input h0: f32[B,5]\n"
                "    y: f32[B,T,5], h: f32[B,5], c: f32[B,5] = lstm x, w, r, b\n"
                "    z: f32[B,T,5], g: f32[B,5] = gru x, gw, gr, gb, h0 {reverse=true}\n"
                "    q: f32[B,T,5], k: f32[B,5] = gru x, gw, gr {reset_after=false}\n"
                "    output y = y\n    output h = h\n    output c = c\n    output z = z\n"
                "    output g = g\n    output q = q\n    output k = k\n");
}

TN_TEST(scans_over_anything)
{
    static const char text[] =
        "graph main\n    dim B 1..9\n    dim T 0..9\n    input x: f32[T,B]\n"
        "    input m: f32[4,4]\n    input v: f32[4]\n"
        "    f: f32[] = reduce_sum v {axes=[0]}\n"
        "    s: f32[], all: f32[T,B] = scan f, x {carries=1} do (a, p, t)\n"
        "        q: f32[] = reduce_sum p {axes=[0]}\n"
        "        n: f32[] = add a, q\n"
        "        o: f32[B] = mul p, a\n"
        "        yield n, o\n"
        "    end\n"
        "    u: f32[4,4], w: f32[4] = scan m, v {carries=2, count=3} do (mm, vv, i)\n"
        "        mt: f32[4,4] = transpose mm {perm=[1,0]}\n"
        "        m2: f32[4,4] = contract mm, mt {labels=\"ij,jk->ik\"}\n"
        "        m3: f32[4,4] = mul m2, 0.125\n"
        "        v2: f32[4] = contract mm, vv {labels=\"ij,j->i\"}\n"
        "        g: f32[4] = reverse v2 {axes=[0]}\n"
        "        yield m3, g\n"
        "    end\n"
        "    output s = s\n    output all = all\n    output u = u\n    output w = w\n";

    LOWERED(.text = text, .dims = {B(3), {"T", 4}});
    LOWERED(.text = text, .dims = {B(1), {"T", 0}});
}

/* A loop inside: each round of the outer one is a round of the plan. */
TN_TEST(loops_in_loops)
{
    static const char sums[] =
        "graph main\n    dim T 0..9\n    input x: f32[T,4]\n    input c: f32[4]\n"
        "    z: f32[] = fill {type=f32[], value=0}\n"
        "    y: f32[4], all: f32[T,4], n: f32[T,4] = scan c, x {carries=1, reverse=true} do "
        "(h, p, t)\n"
        "        s: f32[], a: f32[4] = scan z, p {carries=1} do (i, q, u)\n"
        "            r: f32[] = add i, q\n            yield r, i\n        end\n"
        "        n: f32[4] = add h, s\n        yield n, h, a\n    end\n"
        "    output y = y\n    output all = all\n    output n = n\n";
    static const char while_in_scan[] =
        "graph main\n    dim T 0..9\n    input x: f32[T,4]\n    input c: f32[4]\n"
        "    k: i32[] = fill {type=i32[], value=0}\n"
        "    y: f32[4], n: i32[T] = scan c, x {carries=1} do (h, p, t)\n"
        "        b: f32[4], m: i32[] = while h, k {limit=2} do (d, i)\n"
        "            more: bool[] = less i, t\n            yield more\n        end (e, j)\n"
        "            f: f32[4] = mul e, 0.5\n            l: i32[] = add j, 1\n"
        "            yield f, l\n        end\n"
        "        g: f32[4] = add b, p\n        yield g, m\n    end\n"
        "    output y = y\n    output n = n\n";

    LOWERED(.text = sums, .dims = {{"T", 3}});
    LOWERED(.text = while_in_scan, .dims = {{"T", 4}});
    if (!LOWERED_TARGETS) {
        LOWERED(.text = sums, .dims = {{"T", 0}});
        LOWERED(.text = while_in_scan, .dims = {{"T", 0}});
    }
}

/* Operations that have kernels of their own, or need elements in memory. */
TN_TEST(bodies_that_are_no_part_of_a_kernel)
{
    static const char sorts[] =
        "graph main\n    dim T 0..9\n    input x: f32[2,T,5]\n    input c: f32[5]\n"
        "    y: f32[5], s: f32[2,T,5], w: i32[5,T], r: f32[5,T] = scan c, x {carries=1, axis=1} do "
        "(a, p, t)\n"
        "        s: f32[2,5], g: i32[2,5] = sort p {axis=1}\n"
        "        v: f32[5] = index s {axis=0, at=1}\n        w: i32[5] = index g {axis=0, at=0}\n"
        "        b: f32[5] = add a, v\n        h: bool[5] = less 0, b\n"
        "        d: i32[5,1], e: i32[] = nonzero h\n        f: i32[5] = squeeze d {axes=[1]}\n"
        "        k: i32[5] = add f, e\n        q: f32[5] = cum_sum b {axis=0}\n"
        "        r: f32[5] = reverse q {axes=[0]}\n        yield b, s, k, r\n    end\n"
        "    output y = y\n    output s = s\n    output w = w\n    output r = r\n";
    static const char choice[] =
        "graph main\n    dim T 0..9\n    input x: f32[T,3]\n    input c: f32[3]\n"
        "    y: f32[3] = scan c, x {carries=1} do (a, p, t)\n        o: bool[] = less t, 2\n"
        "        g: f32[3] = if o do ()\n            u: f32[3], i: i32[3] = sort p {axis=0}\n"
        "            m: f32[3], n: f32[2,3] = scan u {carries=1, count=2} do (d, k)\n"
        "                e: f32[3] = mul d, 0.5\n                yield e, d\n            end\n"
        "            yield m\n        end ()\n            v: f32[3] = add a, p\n"
        "            yield v\n        end\n        yield g\n    end\n    output y = y\n";

    LOWERED(.text = sorts, .dims = {{"T", 3}});
    LOWERED(.text = choice, .dims = {{"T", 4}});
}

/* More tensors than a kernel binds. */
TN_TEST(bodies_that_read_much)
{
    enum { MANY = 70 };
    static char text[20000];
    size_t at = (size_t)snprintf(text, sizeof text,
        "graph main\n    input x: f32[3,4]\n    input c: f32[4]\n");

    for (int i = 0; i < MANY; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "    input w%d: f32[4,4]\n", i);
    at += (size_t)snprintf(text + at, sizeof text - at,
        "    y: f32[4] = scan c, x {carries=1} do (a0, p, t)\n");
    for (int i = 0; i < MANY; i++)
        at += (size_t)snprintf(text + at, sizeof text - at,
            "        b%d: f32[4] = contract a%d, w%d {labels=\"i,ij->j\"}\n"
            "        a%d: f32[4] = tanh b%d\n",
            i, i, i, i + 1, i);
    at += (size_t)snprintf(text + at, sizeof text - at,
        "        n: f32[4] = add a%d, p\n        yield n\n    end\n    output y = y\n", MANY);
    TN_CHECK(at < sizeof text);
    LOWERED(.text = text, .tolerance = 1e-6, .seeds = 1);
}

TN_MAIN(TN_CASE(conditional_random_field), TN_CASE(recurrent_layers), TN_CASE(scans_over_anything),
    TN_CASE(loops_in_loops), TN_CASE(bodies_that_are_no_part_of_a_kernel),
    TN_CASE(bodies_that_read_much))
