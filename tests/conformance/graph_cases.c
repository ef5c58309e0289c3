/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/graph_cases.h"

enum {
    F = 1 << TN_F64 | 1 << TN_F32 | 1 << TN_F16 | 1 << TN_BF16,
    I = 1 << TN_I64 | 1 << TN_I32 | 1 << TN_I8 | 1 << TN_U8 | 1 << TN_U32,
    S = 1 << TN_I64 | 1 << TN_I32 | 1 << TN_I8,
    B = 1 << TN_BOOL,
    N = F | I,
    A = N | B,
    F32 = 1 << TN_F32,
    X = TN_CLASS_INDEX,
    OTHERS = 1 << TN_F16 | 1 << TN_I64 | 1 << TN_I8 | 1 << TN_BOOL,
};

#define MAP1 "input x: $T[N]; y: $T[N] = $O x"
#define MAP2 "input x: $T[N]; input z: $T[N]; y: $T[N] = $O x, z"
#define MAP2S "input x: $T[N]; input z: $T[N] in 1..100; y: $T[N] = $O x, z"
#define TEST1 "input x: $T[N]; y: bool[N] = $O x"
#define TEST2 "input x: $T[N]; input z: $T[N]; y: bool[N] = $O x, z"
#define CAST(to) "input x: $T[N]; y: " #to "[N] = cast x {to=" #to "}"

#define EIGHT(p)                                                                               \
    "input " #p "0: $T[3]; input " #p "1: $T[3]; input " #p "2: $T[3]; input " #p "3: $T[3]; " \
    "input " #p "4: $T[3]; input " #p "5: $T[3]; input " #p "6: $T[3]; input " #p "7: $T[3]; "
#define EIGHT_OF(p) #p "0, " #p "1, " #p "2, " #p "3, " #p "4, " #p "5, " #p "6, " #p "7"

#define CASE(list, classes, ...) {.ops = list, .types = classes, .body = __VA_ARGS__}

const graph_case tn_graph_cases[] = {
    /* ---- element-wise ---- */
    CASE("neg abs sign", F | S, MAP1, .match = MATCH_BITS),
    CASE("floor ceil round trunc", F, MAP1, .match = MATCH_BITS),
    CASE("sqrt rsqrt recip", F, MAP1),
    CASE("exp expm1 log log1p", F, MAP1, .rel = 1e-6),
    CASE("sin cos tan", F, MAP1, .rel = 1e-5, .data = DATA_UNIT),
    CASE("asin acos atan tanh", F, MAP1, .rel = 1e-6),
    CASE("sinh cosh", F, MAP1, .rel = 1e-6),
    CASE("asinh acosh atanh erf sigmoid", F, MAP1, .rel = 1e-6),
    CASE("is_nan is_inf is_finite", F, TEST1),
    CASE("add sub mul", N, MAP2),
    CASE("div", F, MAP2),
    CASE("mod rem", F, MAP2, .data = DATA_NOISE, .rel = 1e-5, .abs = 1e-6),
    CASE("div mod rem", I, MAP2S),
    CASE("div mod rem", S, "input x: $T[N]; input z: $T[N] in -9..-1; y: $T[N] = $O x, z"),
    CASE("div mod rem", I, "input x: $T[M]; y: $T[M] = $O x, 0", .fails = true),
    CASE("pow", F, MAP2, .rel = 1e-5),
    CASE("atan2", F, MAP2, .rel = 1e-6),
    CASE("maximum minimum", N, MAP2, .match = MATCH_VALUES),
    CASE("and or xor", B, MAP2),
    CASE("not", B, MAP1),
    CASE("bit_and bit_or bit_xor", I, MAP2),
    CASE("bit_not", I, MAP1),
    CASE("shift_left shift_right", I, MAP2),
    CASE("shift_left shift_right", I,
        "input x: $T[N]; input z: $T[N] in 0..70; y: $T[N] = $O x, z"),
    CASE("equal not_equal", A, TEST2),
    CASE("less less_equal greater greater_equal", N, TEST2),
    CASE("equal less", N, "input x: $T[N]; y: bool[N] = $O x, x"),
    CASE("where", A, "input c: bool[N]; input x: $T[N]; input z: $T[N]; y: $T[N] = where c, x, z",
        .match = MATCH_BITS),
    CASE("clamp", N, "input x: $T[N]; input l: $T[N]; input h: $T[N]; y: $T[N] = clamp x, l, h",
        .match = MATCH_VALUES),
    CASE("add", N,
        "input x: $T[N,3]; input z: $T[3,5]; y: $T[5,N,3] = add x, z {labels=\"bi,ij->jbi\"};"
        "input u: $T[3]; y1: $T[N,3] = add x, u; y2: $T[N,3] = add u, x"),

    /* ---- conversion ---- */
    CASE("cast", A, CAST(f32)),
    CASE("cast", A, CAST(f16)),
    CASE("cast", A, CAST(bf16)),
    CASE("cast", A, CAST(i64)),
    CASE("cast", A, CAST(i32)),
    CASE("cast", A, CAST(i8)),
    CASE("cast", A, CAST(u8)),
    CASE("cast", A, CAST(u32)),
    CASE("cast", A, CAST(bool)),
    CASE("bitcast", 1 << TN_F32 | 1 << TN_U32, "input x: $T[N]; y: i32[N] = bitcast x {to=i32}"),
    CASE("bitcast", 1 << TN_F16, "input x: $T[N]; y: bf16[N] = bitcast x {to=bf16}",
        .match = MATCH_BITS, .data = DATA_NOISE),
    CASE("bitcast", 1 << TN_I8, "input x: $T[N]; y: u8[N] = bitcast x {to=u8}"),
    CASE("bitcast", 1 << TN_F64, "input x: $T[N]; y: i64[N] = bitcast x {to=i64}"),

    CASE("quantize", F,
        "input x: $T[N,5]; input s: $T[5]; input t: $T[]; input z: i8[5]; input u: u32[]; input k: "
        "$T[N,3]; input m: i32[N,3]; input n: i64[5]; y: i8[N,5] = quantize x, s, z {axis=1, "
        "to=i8}; y1: i32[N,5] = quantize x, k, m {axis=1, block=2, to=i32}; y2: u32[N,5] = "
        "quantize x, t, u {to=u32}; y3: u8[N,5] = quantize x, t {to=u8}; y4: i64[N,5] = quantize "
        "x, s, n {axis=1, to=i64}; y5: i32[N,5] = quantize x, s {axis=1, to=i32}"),
    CASE("dequantize", I,
        "input x: $T[N,5]; input s: f32[5]; input t: f64[]; input z: $T[5]; input u: $T[]; input "
        "k: f16[N,2]; input m: $T[N,2]; y: f32[N,5] = dequantize x, s, z {axis=1}; y1: f64[N,5] = "
        "dequantize x, t, u {to=f64}; y2: f16[N,5] = dequantize x, k, m {axis=1, block=3, "
        "to=f16}; y3: f32[N,5] = dequantize x, s {axis=1}",
        .data = DATA_UNIT, .rel = 1e-6),

    /* ---- contraction ---- */
    CASE("contract", N,
        "input x: $T[N,37]; input z: $T[19,37]; y: $T[N,19] = contract x, z "
        "{labels=\"ik,jk->ij\"}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 2e-5),
    CASE("contract", N,
        "input x: $T[N,37]; weight w: $T[19,37]; y: $T[N,19] = contract x, w "
        "{labels=\"ik,jk->ij\"}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 2e-5),
    CASE("contract", F32,
        "input x: $T[N,M]; input z: $T[M,N]; y: $T[N,N] = contract x, z {labels=\"ik,kj->ij\"};"
        "y1: $T[N,M] = contract x, z {labels=\"ij,ji->ij\"};"
        "y2: $T[] = contract x, z {labels=\"ij,ji->\"};"
        "y3: $T[M] = contract x, z {labels=\"ij,ji->j\"}",
        .data = DATA_UNIT, .rel = 1e-4, .abs = 1e-4),
    CASE("contract", F32,
        "input x: $T[N,3,17]; weight w: $T[2,5,17]; y: $T[2,N,5,3] = contract x, w "
        "{labels=\"bsh,znh->zbns\"}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 2e-5),
    CASE("contract", 1 << TN_BF16 | 1 << TN_F16,
        "input x: $T[N,33]; input z: $T[5,33]; y: f32[N,5] = contract x, z "
        "{labels=\"ik,jk->ij\", dtype=f32}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 2e-5),
    CASE("contract", 1 << TN_I8 | 1 << TN_U8,
        "input x: $T[N,33]; input z: $T[5,33]; y: i32[N,5] = contract x, z "
        "{labels=\"ik,jk->ij\", dtype=i32}"),
    CASE("linear", F | 1 << TN_I32,
        "input x: $T[N,37]; weight w: $T[19,37]; weight b: $T[19]; y: $T[N,19] = linear x, w, b",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 2e-5),
    CASE("contract linear", F,
        "input x: $T[N,70]; input u: $T[64,N]; weight w: $T[5,70]; weight v: $T[64,3]; input g: "
        "$T[M,N]; input h: $T[N,3]; y: $T[N,5] = contract x, w {labels=\"ik,jk->ij\", "
        "activation=\"q8\"}; y1: $T[N,3] = contract u, v {labels=\"kn,km->nm\", "
        "activation=\"q8\"}; y2: $T[N,5] = linear x, w {activation=\"q8\"}; y3: $T[M,3] = "
        "contract g, h {labels=\"ik,kj->ij\", activation=\"q8\"}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 5e-4),

    /* ---- windows: odd extents, none at all, strides, dilations, groups ---- */
    CASE("windows", A,
        "input x: $T[3,N]; input z: $T[2,N,5]; y: $T[3,N+1,3] = windows x {window=[3], "
        "padding=[1,2]}; y1: $T[2,floor((N+2)/3)+1,3,2,2] = windows z {window=[2,2], "
        "strides=[3,1], padding=[2,2,0,0], dilations=[1,2]}; y2: $T[2,N,5,1] = windows z "
        "{window=[1]}",
        .match = MATCH_BITS),
    CASE("windows", N,
        "input x: $T[3,N]; y: $T[3,N+2,3] = windows x {window=[3], padding=[2], value=7}; z: "
        "$T[3,N] = maximum x, 1; y1: $T[3,N,3] = windows z {window=[3], padding=[1]}",
        .match = MATCH_BITS),
    CASE("conv", F,
        "input x: $T[2,5,N]; weight w: $T[7,5,3]; weight b: $T[7]; y: $T[2,7,N] = conv x, w, "
        "b {padding=[1]}; y1: $T[2,7,floor((N-1)/2)+1] = conv x, w {padding=[0,2], "
        "strides=[2]}; y2: $T[2,7,N+4] = conv x, w {padding=[4], dilations=[2]}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 2e-5),
    CASE("conv", F,
        "input x: $T[2,6,N,9]; weight w: $T[4,6,3,3]; weight b: $T[4]; weight d: "
        "$T[6,1,3,2]; weight g: $T[4,3,1,3]; weight p: $T[5,6,1,1]; y: $T[2,4,N,9] = conv x, "
        "w, b {padding=[1]}; y1: $T[2,6,N,4] = conv x, d {padding=[1,1,0,0], strides=[1,2], "
        "groups=6}; y2: $T[2,4,N,9] = conv x, g {padding=[0,0,1,1], groups=2}; y3: "
        "$T[2,5,N,9] = conv x, p; y4: $T[2,4,floor((N-1)/2)+1,5] = conv x, w "
        "{padding=[2,2,2,2], strides=[2], dilations=[2]}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 4e-5, .full = true),
    CASE("conv", F32,
        "input x: $T[3,40,67]; input w: $T[33,40,5]; input b: $T[33]; q: $T[3,33,67] = conv "
        "x, w, b {padding=[2]}; y: $T[3,33,67] = gelu q; z: $T[3,40,67] = relu x; y1: "
        "$T[3,33,65] = conv z, w, b {padding=[1]}; input a: $T[1,17,13,11]; weight v: "
        "$T[35,17,3,3]; y2: $T[1,35,13,11] = conv a, v {padding=[1]}; input m: $T[1,64,1,1]; "
        "weight u: $T[3,64,3,3]; y3: $T[1,3,1,1] = conv m, u {padding=[1]}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 1e-4),
    CASE("conv_transpose", F,
        "input x: $T[2,4,N]; input i: i32[4,3,4] in -3..3; input k: i32[4,5,3] in -3..3; "
        "input m: i32[4,3,5] in -3..3; w: $T[4,3,4] = cast i {to=$T}; v: $T[4,5,3] = cast k "
        "{to=$T}; u: $T[4,3,5] = cast m {to=$T}; weight b: $T[3]; y: $T[2,3,2*N] = "
        "conv_transpose x, w, b {padding=[1], strides=[2]}; y1: $T[2,5,N+2] = conv_transpose "
        "x, v; y2: $T[2,5,N] = conv_transpose x, v {padding=[1]}; y3: $T[2,3,3*N+2] = "
        "conv_transpose x, u {strides=[3], output_padding=[2], padding=[1]}; y4: "
        "$T[2,5,2*N+3] = conv_transpose x, v {strides=[2], dilations=[2]}; y5: $T[2,5,N+4] = "
        "conv_transpose x, v {dilations=[2]}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 4e-5, .full = true),
    CASE("conv_transpose", F,
        "input x: $T[2,4,N,3]; weight w: $T[4,3,4,2]; weight v: $T[4,2,3,2]; weight b: "
        "$T[3]; y: $T[2,3,2*N,6] = conv_transpose x, w, b {padding=[1,1,0,0], strides=[2]}; "
        "y1: $T[2,3,2*N+1,3] = conv_transpose x, w {strides=[2,1], padding=[1,1,0,1], "
        "output_padding=[1,0]}; y2: $T[2,4,N,6] = conv_transpose x, v {groups=2, "
        "strides=[1,2], padding=[1,1,0,0], output_padding=[0,0]}",
        .data = DATA_NOISE, .rel = 2e-5, .abs = 4e-5, .full = true),
    CASE("max_pool", N,
        "input x: $T[2,3,N]; input z: $T[1,3,N,7]; y: $T[2,3,floor((N-1)/2)+1] = max_pool x "
        "{window=[3], strides=[2], padding=[1]}; y1: $T[1,3,N+1,4] = max_pool z {window=[2], "
        "strides=[1,2], padding=[1]}",
        .match = MATCH_VALUES),
    CASE("avg_pool", F,
        "input x: $T[2,3,N]; input z: $T[1,3,N,7]; y: $T[2,3,floor((N-1)/2)+1] = avg_pool x "
        "{window=[3], strides=[2], padding=[1]}; y1: $T[1,3,N+1,4] = avg_pool z {window=[2], "
        "strides=[1,2], padding=[1], count_padding=true}; y2: $T[1,3,N,4] = avg_pool z "
        "{window=[2,3], strides=[1,2], padding=[1,0,1,1]}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 1e-6),

    /* ---- reductions ---- */
    CASE("reduce_sum reduce_mean", F,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[1,M] = $O x {axes=[0], "
        "keepdims=true}; y2: $T[] = $O x {axes=[0,1]}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 1e-4),
    CASE("reduce_prod", F, "input x: $T[N,7]; y: $T[N] = $O x {axes=[1]}", .data = DATA_UNIT,
        .rel = 1e-5),
    CASE("reduce_sum reduce_prod", I,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[M] = $O x {axes=[0]}; y2: $T[] = "
        "$O x {axes=[0,1]}"),
    CASE("reduce_max reduce_min", N,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[M] = $O x {axes=[0]}; y2: $T[] = "
        "$O x {axes=[0,1]}",
        .match = MATCH_VALUES),
    CASE("reduce_any reduce_all", B,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[M] = $O x {axes=[0]}; y2: $T[] = "
        "$O x {axes=[0,1]}"),
    CASE("arg_max arg_min", N,
        "input x: $T[N,M]; y: i32[N] = $O x {axis=1}; y1: i64[M] = $O x {axis=0, dtype=i64}; "
        "y2: i32[N,1] = $O x {axis=1, keepdims=true}",
        .full = true),
    CASE("cum_sum", F,
        "input x: $T[N,M]; y: $T[N,M] = $O x {axis=1}; y1: $T[N,M] = $O x {axis=0, "
        "exclusive=true}; y2: $T[N,M] = $O x {axis=1, reverse=true}",
        .data = DATA_UNIT, .rel = 2e-5, .abs = 1e-4),
    CASE("cum_prod", F, "input x: $T[N,7]; y: $T[N,7] = $O x {axis=1}", .data = DATA_UNIT,
        .rel = 1e-5),
    CASE("cum_sum cum_prod", I,
        "input x: $T[N,M]; y: $T[N,M] = $O x {axis=1}; y1: $T[N,M] = $O x {axis=0, "
        "exclusive=true}; y2: $T[N,M] = $O x {axis=1, reverse=true}"),
    CASE("cum_max cum_min", N,
        "input x: $T[N,M]; y: $T[N,M] = $O x {axis=1}; y1: $T[N,M] = $O x {axis=0, "
        "exclusive=true}; y2: $T[N,M] = $O x {axis=1, reverse=true}",
        .match = MATCH_VALUES),

    /* ---- views ---- */
    CASE("reshape transpose unsqueeze squeeze broadcast", A,
        "input x: $T[N,4,6]; a: $T[4,N,6] = transpose x {perm=[1,0,2]}; b: $T[4,N,1,6] = "
        "unsqueeze a {axes=[2]}; y: $T[4,N,5,6] = broadcast b {to=[4,N,5,6]}; y1: $T[4,N,6] = "
        "squeeze b {axes=[2]}; y2: $T[N,8,3] = reshape x {to=[N,8,3]}; y3: $T[24*N] = reshape x "
        "{to=[24*N]}",
        .match = MATCH_BITS),
    CASE("slice index split reverse", A,
        "input x: $T[N,4,6]; y: $T[N,2,6] = slice x {axis=1, start=1, size=2}; y1: $T[N,4,3] = "
        "slice x {axis=2, start=1, size=3, step=2}; y2: $T[N,6] = index x {axis=1, at=-2}; "
        "y3: $T[N,4,6] = reverse x {axes=[0,2]}; y4: $T[N,1,6], y5: $T[N,3,6] = split x "
        "{axis=1, sizes=[1,3]}",
        .match = MATCH_BITS),
    CASE("slice index", A,
        "input x: $T[7,3]; input at: i32[] in 3..3; y: $T[4,3] = slice x {axis=0, start=@at, "
        "size=4}; y1: $T[3] = index x {axis=0, at=@at}",
        .match = MATCH_BITS),
    CASE("slice", F32,
        "input x: $T[7,3]; input at: i32[] in 4..4; y: $T[4,3] = slice x {axis=0, start=@at, "
        "size=4}",
        .fails = true),
    CASE("index", F32,
        "input x: $T[7,3]; input at: i64[] in -1..-1; y: $T[3] = index x {axis=0, at=@at}",
        .fails = true),
    CASE("concat pad tile", A,
        "input x: $T[N,4]; input z: $T[3,4]; y: $T[2*N+3,4] = concat x, z, x {axis=0}; "
        "y1: $T[5,4] = pad z {axis=0, before=1, after=1, mode=\"reflect\"}; y2: $T[9,4] = pad z "
        "{axis=0, before=2, after=4, mode=\"edge\"}; y3: $T[6,8] = tile z {repeats=[2,2]}; "
        "y4: $T[N,9] = pad x {axis=1, before=2, after=3}",
        .match = MATCH_BITS),
    /* More tensors than some devices have buffers. */
    CASE("concat", F32,
        EIGHT(a) EIGHT(b) EIGHT(c) EIGHT(d) "y: $T[96] = concat " EIGHT_OF(a) ", " EIGHT_OF(
            b) ", " EIGHT_OF(c) ", " EIGHT_OF(d) " {axis=0}",
        .match = MATCH_BITS),
    /* .. more tensors than a kernel binds */
    CASE("concat", F32,
        EIGHT(a) EIGHT(b) EIGHT(c) EIGHT(d) EIGHT(e) EIGHT(f) EIGHT(g) EIGHT(i) EIGHT(j) EIGHT(
            k) EIGHT(l) EIGHT(m)
            EIGHT(o) "y: $T[312] = concat " EIGHT_OF(a) ", " EIGHT_OF(b) ", " EIGHT_OF(c) ", " EIGHT_OF(d) ", " EIGHT_OF(e) ", " EIGHT_OF(
                f) ", " EIGHT_OF(g) ", " EIGHT_OF(i) ", " EIGHT_OF(j) ", " EIGHT_OF(k) ", " EIGHT_OF(l) ", " EIGHT_OF(m) ", " EIGHT_OF(o) " {axis=0}; y1: $T[312] = exp y; y2: $T[] = reduce_sum y {axes=[0]}",
        .data = DATA_UNIT, .rel = 1e-5, .abs = 1e-5),
    CASE("pad", N, "input x: $T[N,4]; y: $T[N,9] = pad x {axis=1, before=2, after=3, value=7}",
        .match = MATCH_BITS),

    /* ---- by index ---- */
    CASE("gather", A,
        "input x: $T[6,3]; input i: i32[N,2] in 0..5; input z: $T[N,4,3]; input j: i64[N,2] in "
        "0..3; input k: u32[N] in 0..2; y: $T[N,2,3] = gather x, i {axis=0}; y1: $T[N,2,3] = "
        "gather z, j {axis=1, batch_dims=1}; y2: $T[6,N] = gather x, k {axis=1}",
        .match = MATCH_BITS),
    CASE("gather_elements gather_nd", A,
        "input x: $T[6,3]; input z: $T[N,4,3]; input k: i32[N,4,2] in 0..2; input n: i32[N,2] in "
        "0..2; input m: i64[N,3,1] in 0..3; y: $T[N,4,2] = gather_elements z, k {axis=2}; "
        "y1: $T[N] = gather_nd x, n; y2: $T[N,3,3] = gather_nd z, m {batch_dims=1}",
        .match = MATCH_BITS),
    CASE("gather gather_elements", A,
        "input x: $T[9]; input i: i32[N] in -300..300; y: $T[N] = $O x, i {axis=0, "
        "outside=\"skip\"}",
        .match = MATCH_BITS),
    CASE("gather_nd", A,
        "input x: $T[5,4]; input i: i64[N,2] in -9..9; y: $T[N] = $O x, i {outside=\"skip\"}",
        .match = MATCH_BITS),
    CASE("gather gather_elements", F32 | OTHERS,
        "input x: $T[9]; input i: i32[M] in 9..9; y: $T[M] = $O x, i {axis=0}", .fails = true),
    CASE("gather gather_elements", F32,
        "input x: $T[9]; input i: i64[M] in -4000000000..-1; y: $T[M] = $O x, i {axis=0}",
        .fails = true),
    CASE("gather gather_elements", F32,
        "input x: $T[9]; input i: u32[M] in 4294967290..4294967295; y: $T[M] = $O x, i {axis=0}",
        .fails = true),
    CASE("gather_nd", F32, "input x: $T[9,4]; input i: i32[M,2] in 7..7; y: $T[M] = $O x, i",
        .fails = true),
    CASE("update", A,
        "input x: $T[5,4]; input z: $T[2,4]; input at: i32[] in 3..3; input u: $T[5,1]; input r: "
        "i32[5] in 0..3; y: $T[5,4] = update x, z {axis=0, at=1}; y1: $T[5,4] = update x, z "
        "{axis=0, at=@at}; y2: $T[5,4] = update x, u {axis=1, at=@r}",
        .match = MATCH_BITS),
    /* The place is known whatever is read; that is read all the same. */
    CASE("arg_max arg_min", F32,
        "input x: $T[9]; input i: i32[M,1] in 9..9; g: $T[M,1] = gather x, i {axis=0}; "
        "y: i32[M] = $O g {axis=1}",
        .fails = true),
    CASE("update", F32,
        "input x: $T[5,4]; input z: $T[2,4]; input at: i32[] in 4..4; y: $T[5,4] = update x, z "
        "{axis=0, at=@at}",
        .fails = true),
    CASE("scatter_elements scatter_nd", A,
        "input x: $T[5,4]; input i: i32[N,4] in 0..4; input n: $T[N,4]; input k: i64[N,1] in "
        "0..4; y: $T[5,4] = scatter_elements x, i, n {axis=0}; y1: $T[5,4] = scatter_nd x, k, n",
        .match = MATCH_BITS),
    CASE("scatter_elements scatter_nd", F,
        "input x: $T[5,4]; input i: i32[N,4] in 0..4; input n: $T[N,4]; input k: i64[N,1] in "
        "0..4; y: $T[5,4] = scatter_elements x, i, n {axis=0, reduce=\"add\"}; y1: $T[5,4] = "
        "scatter_nd x, k, n {reduce=\"add\"}",
        .data = DATA_NOISE, .rel = 1e-5, .abs = 1e-4),
    CASE("scatter_elements scatter_nd", I,
        "input x: $T[5,4]; input i: i32[N,4] in 0..4; input n: $T[N,4]; input k: i64[N,1] in "
        "0..4; y: $T[5,4] = scatter_elements x, i, n {axis=0, reduce=\"add\"}; y1: $T[5,4] = "
        "scatter_nd x, k, n {reduce=\"mul\"}"),
    CASE("scatter_elements scatter_nd", N,
        "input x: $T[5,4]; input i: i32[N,4] in 0..4; input n: $T[N,4]; input k: i64[N,1] in "
        "0..4; y: $T[5,4] = scatter_elements x, i, n {axis=0, reduce=\"max\"}; y1: $T[5,4] = "
        "scatter_nd x, k, n {reduce=\"min\"}",
        .match = MATCH_VALUES),
    CASE("scatter_elements", F32,
        "input x: $T[5,4]; input i: i32[N,4] in -9..9; input n: $T[N,4]; y: $T[5,4] = "
        "scatter_elements x, i, n {axis=0, outside=\"skip\"}",
        .match = MATCH_BITS),
    CASE("scatter_elements", F32,
        "input x: $T[5,4]; input i: i32[M,4] in 5..5; input n: $T[M,4]; y: $T[5,4] = "
        "scatter_elements x, i, n {axis=0}",
        .fails = true),
    CASE("scatter_nd", F32,
        "input x: $T[5,4]; input i: i32[M,1] in -1..-1; input n: $T[M,4]; y: $T[5,4] = "
        "scatter_nd x, i, n",
        .fails = true),
    CASE("top_k", N,
        "input x: $T[N,6]; input z: $T[6,N]; y: $T[N,3], y1: i32[N,3] = top_k x {k=3}; "
        "y2: $T[N,4], y3: i64[N,4] = top_k x {k=4, largest=false, dtype=i64}; "
        "y4: $T[2,N], y5: i32[2,N] = top_k z {k=2, axis=0, largest=false}",
        .match = MATCH_VALUES),
    CASE("top_k", (F32 | OTHERS) & ~B,
        "input x: $T[2,M+70]; y: $T[2,70], y1: i32[2,70] = top_k x {k=70}; y2: $T[2,M+65], y3: "
        "i64[2,M+65] = top_k x {k=M+65, largest=false, dtype=i64}",
        .match = MATCH_VALUES),
    CASE("sort", N,
        "input x: $T[N,7]; y: $T[N,7], y1: i32[N,7] = sort x {axis=0}; y2: $T[N,7], y3: i64[N,7] "
        "= sort x {axis=1, descending=true, dtype=i64}; "
        "input z: $T[N]; w: $T[N] = maximum z, z; y4: $T[N], y5: i32[N] = sort w {axis=0, "
        "descending=true}",
        .match = MATCH_BITS),
    CASE("sort", I | F32,
        "input i: i32[N] in 0..3; x: $T[N] = cast i {to=$T}; y: $T[N], y1: i32[N] = sort x "
        "{axis=0}; y2: $T[N], y3: i32[N] = sort x {axis=0, descending=true}",
        .match = MATCH_BITS),
    /* .. long axes: runs that are merged; of any length down to none */
    CASE("sort", N,
        "input x: $T[2,700]; y: $T[2,700], y1: i32[2,700] = sort x {axis=1}; input z: $T[1030,2]; "
        "y2: $T[1030,2], y3: i64[1030,2] = sort z {axis=0, descending=true, dtype=i64}",
        .match = MATCH_BITS),
    CASE("sort", I | F32,
        "input i: i32[40*N] in 0..9; x: $T[40*N] = cast i {to=$T}; y: $T[40*N], y1: i32[40*N] = "
        "sort x {axis=0}; y2: $T[40*N], y3: i32[40*N] = sort x {axis=0, descending=true}",
        .match = MATCH_BITS),
    CASE("top_k", F32 | 1 << TN_I32,
        "input x: $T[3,900]; y: $T[3,100], y1: i32[3,100] = top_k x {k=100}; y2: $T[3,65], y3: "
        "i32[3,65] = top_k x {k=65, largest=false}",
        .match = MATCH_BITS),
    CASE("nonzero", A,
        "input x: $T[N]; y: i32[N,1], y1: i32[] = nonzero x; input i: i32[3,N,2] in 0..2; "
        "input z: $T[3,N,2]; m: $T[3,N,2] = cast i {to=$T}; y2: i32[6*N,3], y3: i32[] = nonzero "
        "m; y4: i32[6*N+2,3], y5: i32[] = nonzero z {limit=6*N+2}"),
    CASE("nonzero", F32 | OTHERS,
        "input i: i32[M] in 1..1; x: $T[M] = cast i {to=$T}; y: i32[M-1,1], y1: i32[] = nonzero "
        "x {limit=M-1}",
        .fails = true),

    /* ---- making ---- */
    CASE("constant fill", N,
        "y: $T[2,2] = constant {type=$T[2,2], data=[1, 2, 3, 100]}; y1: $T[N] = fill "
        "{type=$T[N], value=3}",
        .match = MATCH_BITS),
    CASE("iota one_hot", N,
        "input i: i32[N] in -2..7; input at: i32[] in 2..2; y: $T[N] = iota {size=N, "
        "dtype=$T}; y1: $T[N,5] = one_hot i {depth=5, dtype=$T}; y2: $T[4] = iota {start=@at, "
        "size=4, dtype=$T}",
        .match = MATCH_BITS),

    /* ---- chance: whole numbers as long as they can be, so equal bits ---- */
    CASE("random_bits", 1 << TN_U32 | 1 << TN_I32 | 1 << TN_I64,
        "input s: i64[] in -4000000000..-3999999990; y: $T[N] = $O s {type=$T[N]}; y1: $T[M,3] = "
        "$O 7 {type=$T[M,3]}",
        .match = MATCH_BITS),
    CASE("random_uniform random_normal", 1 << TN_F32 | 1 << TN_F64,
        "input s: i64[] in 5000000000..5000000009; y: $T[N] = $O s {type=$T[N]}; y1: $T[M,3] = $O "
        "-1 {type=$T[M,3]}",
        .match = MATCH_BITS),
    CASE("random_categorical", F,
        "input x: $T[N,M]; input s: i64[] in 0..99; y: i32[N] = $O x, s; y1: i32[N] = $O x, s "
        "{temperature=0}; y2: i32[N] = $O x, 3 {temperature=0.25}",
        .data = DATA_NOISE, .full = true),

#include "tests/conformance/loop_cases.def"

    /* ---- composites ---- */
    CASE("relu", N, MAP1, .match = MATCH_VALUES),
    CASE("silu softplus mish hard_swish leaky_relu elu hard_sigmoid gelu", F, MAP1, .rel = 1e-5,
        .abs = 1e-6, .data = DATA_UNIT),
    CASE("gelu", F, "input x: $T[N]; y: $T[N] = gelu x {approximate=\"tanh\"}", .rel = 1e-5,
        .abs = 1e-6, .data = DATA_UNIT),
    CASE("prelu glu", F, MAP2, .rel = 1e-5, .abs = 1e-6, .data = DATA_UNIT),
    CASE("softmax log_softmax", F,
        "input x: $T[N,M]; y: $T[N,M] = $O x {axis=1}; y1: $T[N,M] = $O x {axis=0}", .rel = 2e-5,
        .abs = 1e-6, .data = DATA_UNIT),
    CASE("reduce_logsumexp", F,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[M] = $O x {axes=[0]}", .rel = 2e-5,
        .abs = 1e-5, .data = DATA_UNIT),
    CASE("reduce_var reduce_std", F,
        "input x: $T[N,M]; y: $T[N] = $O x {axes=[1]}; y1: $T[1,1] = $O x {axes=[0,1], "
        "keepdims=true}",
        .rel = 1e-4, .abs = 1e-4, .data = DATA_NOISE, .full = true),
    CASE("layer_norm", F,
        "input x: $T[N,37]; weight w: $T[37]; weight b: $T[37]; y: $T[N,37] = $O x, w, b "
        "{eps=1e-5}",
        .rel = 1e-4, .abs = 1e-4, .data = DATA_NOISE),
    CASE("rms_norm", F, "input x: $T[N,37]; weight w: $T[37]; y: $T[N,37] = $O x, w {eps=1e-5}",
        .rel = 1e-4, .abs = 1e-4, .data = DATA_NOISE),
    CASE("batch_norm", F,
        "input x: $T[N,4,5]; weight w: $T[4]; weight b: $T[4]; weight m: $T[4]; weight v: $T[4]; "
        "va: $T[4] = mul v, v; y: $T[N,4,5] = batch_norm x, w, b, m, va {eps=0.1}",
        .rel = 1e-4, .abs = 1e-4, .data = DATA_NOISE),
    CASE("group_norm instance_norm", F,
        "input x: $T[N,4,5]; weight w: $T[4]; weight b: $T[4]; y: $T[N,4,5] = group_norm x, w, b "
        "{groups=2}; y1: $T[N,4,5] = instance_norm x, w, b",
        .rel = 1e-3, .abs = 1e-4, .data = DATA_NOISE),
    CASE("rope", F,
        "input x: $T[N,M,2,6]; input p: i32[] in 2..2; input r: i64[N] in 0..500; y: $T[N,M,2,6] "
        "= rope x, p; y1: $T[N,M,2,6] = rope x, r {pairing=\"interleaved\", dims=4}",
        .rel = 1e-5, .abs = 1e-5, .data = DATA_NOISE),
    CASE("lstm gru", F32,
        "input x: $T[N,7,19]; weight w: $T[148,19]; weight r: $T[148,37]; weight gw: $T[111,19]; "
        "weight gr: $T[111,37]; weight gb: $T[222]; input h: $T[N,37]; input c: $T[N,37]; y: "
        "$T[N,7,37], y1: $T[N,37], y2: $T[N,37] = lstm x, w, r, _, h, c {reverse=true}; y3: "
        "$T[N,7,37], y4: $T[N,37] = gru x, gw, gr, gb {reset_after=false}",
        .rel = 1e-3, .abs = 1e-4, .data = DATA_NOISE),
    CASE("lstm gru", F,
        "input x: $T[N,M,3]; weight w: $T[20,3]; weight r: $T[20,5]; weight b: $T[20]; weight gw: "
        "$T[15,3]; weight gr: $T[15,5]; weight gb: $T[30]; input h: $T[N,5]; y: $T[N,M,5], y1: "
        "$T[N,5], y2: $T[N,5] = lstm x, w, r, b; y3: $T[N,M,5], y4: $T[N,5] = gru x, gw, gr, gb, h "
        "{reverse=true}",
        .rel = 1e-3, .abs = 1e-4, .data = DATA_NOISE),
    CASE("viterbi", 1 << TN_F32 | 1 << TN_F64,
        "input x: $T[N,M,5]; weight a: $T[5,5]; y: i32[N,M], y1: $T[N] = viterbi x, a",
        .full = true, .rel = 1e-5, .abs = 1e-5, .data = DATA_NOISE),
    CASE("viterbi", F32,
        "input x: f32[N,7,5]; input a: f32[5,5]; input n: i32[N] in 0..7; weight s: f32[5]; weight "
        "e: f32[5]; y: i32[N,7], y1: f32[N] = viterbi x, a, n, s, e",
        .full = true, .rel = 1e-5, .abs = 1e-5, .data = DATA_NOISE),
    CASE("crf_partition", 1 << TN_F32 | 1 << TN_F64,
        "input x: $T[N,M,5]; weight a: $T[5,5]; y: $T[N] = crf_partition x, a", .full = true,
        .rel = 1e-5, .abs = 1e-5, .data = DATA_NOISE),
    CASE("crf_partition", F32,
        "input x: f32[N,7,5]; input a: f32[5,5]; input n: i32[N] in 0..7; weight s: f32[5]; weight "
        "e: f32[5]; y: f32[N] = crf_partition x, a, n, s, e",
        .full = true, .rel = 1e-5, .abs = 1e-5, .data = DATA_NOISE),
    CASE("crf_marginals", F32,
        "input x: f32[N,7,5]; weight a: f32[5,5]; input n: i32[N] in 0..7; y: f32[N,7,5] = "
        "crf_marginals x, a, n",
        .full = true, .rel = 1e-4, .abs = 1e-5, .data = DATA_NOISE),
    CASE("route", F32,
        "input x: $T[N,8]; input b: $T[8]; y: i32[N,2], y1: f32[N,2], y2: f32[N,8] = route x {k=2, "
        "norm=\"std\", lambda=1.5}; y3: i32[N,3], y4: f32[N,3], g: f32[N,8] = route x, b {k=3, "
        "score=\"sigmoid\", groups=4, top_groups=2, group_score=\"top2\", eps=1e-6, scale=2}; "
        "y5: i32[N,4], y6: f32[N,4], h: f32[N,8] = route x {k=4, select=\"before\"}",
        .rel = 1e-4, .abs = 1e-5, .data = DATA_NOISE),
    CASE("moe", 1 << TN_F16 | 1 << TN_BF16,
        "input z: $T[N,20]; x: $T[N,20] = mul z, 0.125; input i: i32[N,2] in 0..4; input w: "
        "f32[N,2]; weight u: $T[5,24,20]; weight d: $T[5,20,24]; weight g: $T[5,24,20]; y: "
        "$T[N,20] = moe x, i, w, u, d {act=\"tanh\"}; y1: $T[N,20] = moe x, i, w, u, d, g",
        .rel = 1e-3, .abs = 1e-3, .data = DATA_NOISE),
    CASE("moe", F32,
        "input x: $T[N,20]; input i: i32[N,2] in 0..4; input w: f32[N,2]; weight u: $T[5,24,20]; "
        "weight d: $T[5,20,24]; weight g: $T[5,24,20]; y: $T[N,20] = moe x, i, w, u, d, g; "
        "y1: $T[N,20] = moe x, i, w, u, d {act=\"gelu\", order=\"expert\"}",
        .rel = 1e-3, .abs = 1e-3, .data = DATA_NOISE),
    CASE("moe", F32,
        "input x: $T[3,20]; input i: i32[3,2] in 0..4; input w: f32[3,2]; weight u: $T[5,24,20]; "
        "weight d: $T[5,20,24]; weight g: $T[5,24,20]; y: $T[3,20] = moe x, i, w, u, d, g",
        .rel = 1e-3, .abs = 1e-3, .data = DATA_NOISE),
    CASE("moe", F32,
        "input x: $T[N,20]; input i: i32[N,2] in 0..4; input v: f32[N,2]; w: f32[N,2] = relu v; "
        "weight u: $T[5,24,20]; weight d: $T[5,20,24]; y: $T[N,20] = moe x, i, w, u, d "
        "{zero=\"skip\"}; y1: $T[N,20] = moe x, i, w, u, d {order=\"expert\", zero=\"skip\"}",
        .rel = 1e-3, .abs = 1e-3, .data = DATA_NOISE),
    CASE("moe", F32,
        "input x: $T[N,20]; input i: i32[N,2] in 0..4; input w: f32[N,2]; weight u: $T[5,24,20]; "
        "weight d: $T[5,20,24]; weight g: $T[5,24,20]; weight a: $T[5,24]; weight b: $T[5,24]; "
        "weight c: $T[5,20]; y: $T[N,20] = moe x, i, w, u, d, g, a, b, c {act=\"form\", "
        "form=\"sigmoid g | mul g #0 | maximum u -1 | mul #1 #2\"}",
        .rel = 1e-3, .abs = 1e-3, .data = DATA_NOISE),
    CASE("moe", F32,
        "input x: $T[3,2]; input i: i32[3,2] in 1..5; input w: f32[3,2]; weight u: $T[5,4,2]; "
        "weight d: $T[5,2,4]; y: $T[3,2] = moe x, i, w, u, d",
        .fails = true),
    CASE("grouped_linear", F32 | 1 << TN_I32,
        "input x: $T[37,6]; input n: i32[3] in 0..12; weight w: $T[3,5,6]; y: $T[37,5] = "
        "grouped_linear x, w, n",
        .rel = 1e-4, .abs = 1e-4, .data = DATA_NOISE),
};
const int tn_graph_case_count = sizeof tn_graph_cases / sizeof *tn_graph_cases;
