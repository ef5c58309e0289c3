/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen.h"

/* Conversions between element types, scalar or vector, with the rules of
 * `cast` in ir/kernel/fns.def. */

static unsigned
lanes_of(LLVMValueRef a)
{
    LLVMTypeRef type = LLVMTypeOf(a);

    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}

static LLVMValueRef
zero_extended(const tn_gen *g, LLVMValueRef a)
{
    return LLVMBuildZExt(g->b, a, tn_gen_vector(tn_gen_bits(g, 32), lanes_of(a)), "");
}

static LLVMValueRef
as_float(const tn_gen *g, LLVMValueRef bits)
{
    return LLVMBuildBitCast(g->b, bits, tn_gen_vector(tn_gen_scalar(g, TN_F32), lanes_of(bits)),
        "");
}

static LLVMValueRef
as_bits(const tn_gen *g, LLVMValueRef a)
{
    return LLVMBuildBitCast(g->b, a, tn_gen_vector(tn_gen_bits(g, 32), lanes_of(a)), "");
}

static LLVMValueRef
narrowed(const tn_gen *g, LLVMValueRef bits)
{
    return LLVMBuildTrunc(g->b, bits, tn_gen_vector(tn_gen_bits(g, 16), lanes_of(bits)), "");
}

static LLVMValueRef
number(LLVMValueRef like, int64_t value)
{
    return tn_gen_whole(LLVMTypeOf(like), value);
}

static LLVMValueRef
shifted_right(const tn_gen *g, LLVMValueRef a, int64_t by)
{
    return LLVMBuildLShr(g->b, a, number(a, by), "");
}

static LLVMValueRef
shifted_left(const tn_gen *g, LLVMValueRef a, int64_t by)
{
    return LLVMBuildShl(g->b, a, number(a, by), "");
}

static LLVMValueRef
bf16_to_f32(const tn_gen *g, LLVMValueRef a)
{
    return as_float(g, shifted_left(g, zero_extended(g, a), 16));
}

/* Half of the last kept unit, less one if that unit is even, is added before
 * cutting: to nearest, ties to even. A NaN keeps its upper bits and is made
 * quiet, so that it cannot turn into an infinity. */
static LLVMValueRef
f32_to_bf16(const tn_gen *g, LLVMValueRef a)
{
    LLVMValueRef u = as_bits(g, a);
    LLVMValueRef upper = shifted_right(g, u, 16);
    LLVMValueRef odd = LLVMBuildAnd(g->b, upper, number(u, 1), "");
    LLVMValueRef bias = LLVMBuildAdd(g->b, odd, number(u, 0x7fff), "");
    LLVMValueRef sum = LLVMBuildAdd(g->b, u, bias, "");
    LLVMValueRef rounded = shifted_right(g, sum, 16);
    LLVMValueRef quiet = LLVMBuildOr(g->b, upper, number(u, 0x40), "");
    LLVMValueRef is_nan = LLVMBuildFCmp(g->b, LLVMRealUNO, a, a, "");

    return narrowed(g, LLVMBuildSelect(g->b, is_nan, quiet, rounded, ""));
}

/* Without instructions: the fifteen bits below the sign, moved up, are the
 * number times 2^-112, denormals included. */
static LLVMValueRef
soft_f16_to_f32(const tn_gen *g, LLVMValueRef a)
{
    LLVMValueRef u = zero_extended(g, a);
    LLVMValueRef low = LLVMBuildAnd(g->b, u, number(u, 0x7fff), "");
    LLVMValueRef high = LLVMBuildAnd(g->b, u, number(u, 0x8000), "");
    LLVMValueRef sign = shifted_left(g, high, 16);
    LLVMValueRef moved = shifted_left(g, low, 13);
    LLVMValueRef tiny = as_float(g, moved);
    LLVMValueRef scaled = LLVMBuildFMul(g->b, tiny, tn_gen_real(LLVMTypeOf(tiny), 0x1p112), "");
    LLVMValueRef finite = as_bits(g, scaled);
    LLVMValueRef special = LLVMBuildOr(g->b, moved, number(u, 0x7f800000), "");
    LLVMValueRef is_special = LLVMBuildICmp(g->b, LLVMIntUGE, low, number(u, 0x7c00), "");
    LLVMValueRef magnitude = LLVMBuildSelect(g->b, is_special, special, finite, "");

    return as_float(g, LLVMBuildOr(g->b, magnitude, sign, ""));
}

/* Three ranges of the magnitude u. From 2^16 on: infinity or NaN. Below 2^-14:
 * adding 0.5 shifts the bits that a denormal keeps to the end, rounded by the
 * addition. Between: as for bf16, with the exponent rebased by 112. */
static LLVMValueRef
soft_f32_to_f16(const tn_gen *g, LLVMValueRef a)
{
    LLVMValueRef bits = as_bits(g, a);
    LLVMValueRef u = LLVMBuildAnd(g->b, bits, number(bits, 0x7fffffff), "");
    LLVMValueRef signs = shifted_right(g, bits, 16);
    LLVMValueRef sign = LLVMBuildAnd(g->b, signs, number(u, 0x8000), "");
    LLVMValueRef is_nan = LLVMBuildICmp(g->b, LLVMIntUGT, u, number(u, 0x7f800000), "");
    LLVMValueRef large = LLVMBuildSelect(g->b, is_nan, number(u, 0x7e00), number(u, 0x7c00), "");
    LLVMValueRef magnitude = as_float(g, u);
    LLVMValueRef sum = LLVMBuildFAdd(g->b, magnitude, tn_gen_real(LLVMTypeOf(magnitude), 0.5), "");
    LLVMValueRef sum_bits = as_bits(g, sum);
    LLVMValueRef small = LLVMBuildSub(g->b, sum_bits, number(u, 0x3f000000), "");
    LLVMValueRef last = shifted_right(g, u, 13);
    LLVMValueRef odd = LLVMBuildAnd(g->b, last, number(u, 1), "");
    LLVMValueRef bias = LLVMBuildAdd(g->b, odd, number(u, 0xfff - (112 << 23)), "");
    LLVMValueRef biased = LLVMBuildAdd(g->b, u, bias, "");
    LLVMValueRef middle = shifted_right(g, biased, 13);
    LLVMValueRef is_small = LLVMBuildICmp(g->b, LLVMIntULT, u, number(u, 113 << 23), "");
    LLVMValueRef is_large = LLVMBuildICmp(g->b, LLVMIntUGE, u, number(u, 143 << 23), "");
    LLVMValueRef finite = LLVMBuildSelect(g->b, is_small, small, middle, "");
    LLVMValueRef value = LLVMBuildSelect(g->b, is_large, large, finite, "");

    return narrowed(g, LLVMBuildOr(g->b, value, sign, ""));
}

static LLVMTypeRef
half_like(const tn_gen *g, LLVMValueRef a)
{
    return tn_gen_vector(LLVMHalfTypeInContext(g->context), lanes_of(a));
}

static LLVMValueRef
f16_to_f32(const tn_gen *g, LLVMValueRef a)
{
    LLVMTypeRef f32 = tn_gen_vector(tn_gen_scalar(g, TN_F32), lanes_of(a));

    if (!g->target->half)
        return soft_f16_to_f32(g, a);
    return LLVMBuildFPExt(g->b, LLVMBuildBitCast(g->b, a, half_like(g, a), ""), f32, "");
}

static LLVMValueRef
f32_to_f16(const tn_gen *g, LLVMValueRef a)
{
    LLVMTypeRef i16 = tn_gen_vector(tn_gen_bits(g, 16), lanes_of(a));

    if (!g->target->half)
        return soft_f32_to_f16(g, a);
    return LLVMBuildBitCast(g->b, LLVMBuildFPTrunc(g->b, a, half_like(g, a), ""), i16, "");
}

static bool
has_sign(tn_dtype t)
{
    return tn_is_signed(t);
}

static LLVMValueRef
float_to_int(const tn_gen *g, tn_dtype to, LLVMValueRef a)
{
    LLVMTypeRef types[2] = {tn_gen_vector(tn_gen_scalar(g, to), lanes_of(a)), LLVMTypeOf(a)};

    return tn_gen_intrinsic(g, has_sign(to) ? "llvm.fptosi.sat" : "llvm.fptoui.sat", types, 2, &a,
        1);
}

static LLVMValueRef
int_to_int(const tn_gen *g, tn_dtype from, tn_dtype to, LLVMValueRef a)
{
    LLVMTypeRef type = tn_gen_vector(tn_gen_scalar(g, to), lanes_of(a));

    if (tn_dtype_bytes(from) > tn_dtype_bytes(to))
        return LLVMBuildTrunc(g->b, a, type, "");
    if (from != TN_BOOL && tn_dtype_bytes(from) == tn_dtype_bytes(to))
        return a;
    return has_sign(from) ? LLVMBuildSExt(g->b, a, type, "") : LLVMBuildZExt(g->b, a, type, "");
}

static LLVMValueRef
to_bool(const tn_gen *g, tn_dtype from, LLVMValueRef a)
{
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(a));

    if (tn_is_float(from))
        return LLVMBuildFCmp(g->b, LLVMRealUNE, a, zero, "");
    return LLVMBuildICmp(g->b, LLVMIntNE, a, zero, "");
}

static LLVMValueRef
to_float(const tn_gen *g, tn_dtype from, tn_dtype to, LLVMValueRef a)
{
    LLVMTypeRef type = tn_gen_vector(tn_gen_scalar(g, to), lanes_of(a));

    if (from == TN_F64)
        return LLVMBuildFPTrunc(g->b, a, type, "");
    if (from == TN_F32)
        return LLVMBuildFPExt(g->b, a, type, "");
    return has_sign(from) ? LLVMBuildSIToFP(g->b, a, type, "") : LLVMBuildUIToFP(g->b, a, type, "");
}

LLVMValueRef
tn_gen_cast(const tn_gen *g, tn_dtype from, tn_dtype to, LLVMValueRef a)
{
    if (from == to)
        return a;
    if (from == TN_F16 || from == TN_BF16) {
        a = from == TN_F16 ? f16_to_f32(g, a) : bf16_to_f32(g, a);
        return tn_gen_cast(g, TN_F32, to, a);
    }
    if (to == TN_BOOL)
        return to_bool(g, from, a);
    if (to == TN_F16 || to == TN_BF16) {
        a = tn_gen_cast(g, from, TN_F32, a);
        return to == TN_F16 ? f32_to_f16(g, a) : f32_to_bf16(g, a);
    }
    if (tn_is_float(to))
        return to_float(g, from, to, a);
    return tn_is_float(from) ? float_to_int(g, to, a) : int_to_int(g, from, to, a);
}
