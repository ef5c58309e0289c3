/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen.h"

/* One function for each native row of ir/kernel/fns.def, scalar or vector.
 * A row without one does not compile. */

typedef struct operands {
    const tn_gen *g;
    LLVMValueRef *at;
    tn_dtype dtype; /* of the first operand */
    tn_dtype result;
} operands;

#define FN(name) static LLVMValueRef fn_##name(const operands *o)
#define B (o->g->b)
#define A0 (o->at[0])
#define A1 (o->at[1])
#define A2 (o->at[2])

static bool
is_float(const operands *o)
{
    return tn_is_float(o->dtype);
}

static bool
is_signed(const operands *o)
{
    return tn_is_signed(o->dtype);
}

static LLVMValueRef
like(const operands *o, int64_t value)
{
    return tn_gen_whole(LLVMTypeOf(A0), value);
}

FN(add)
{
    return is_float(o) ? LLVMBuildFAdd(B, A0, A1, "") : LLVMBuildAdd(B, A0, A1, "");
}

FN(sub)
{
    return is_float(o) ? LLVMBuildFSub(B, A0, A1, "") : LLVMBuildSub(B, A0, A1, "");
}

FN(mul)
{
    return is_float(o) ? LLVMBuildFMul(B, A0, A1, "") : LLVMBuildMul(B, A0, A1, "");
}

FN(neg)
{
    return is_float(o) ? LLVMBuildFNeg(B, A0, "") : LLVMBuildNeg(B, A0, "");
}

static LLVMValueRef
is_number(const operands *o, LLVMValueRef a, int64_t value)
{
    return LLVMBuildICmp(B, LLVMIntEQ, a, like(o, value), "");
}

/* The divisor, or 1 where it is 0 or -1: dividing by those traps or has no
 * result that fits. A lane that a mask switches off may hold a 0, and so may
 * data until the run has looked at the check that failed. */
static LLVMValueRef
safe_divisor(const operands *o, LLVMValueRef is_minus)
{
    LLVMValueRef is_zero = is_number(o, A1, 0);
    LLVMValueRef unsafe = is_signed(o) ? LLVMBuildOr(B, is_zero, is_minus, "") : is_zero;

    return LLVMBuildSelect(B, unsafe, like(o, 1), A1, "");
}

FN(div)
{
    LLVMValueRef is_minus, quotient, negated;

    if (is_float(o))
        return LLVMBuildFDiv(B, A0, A1, "");
    if (!is_signed(o))
        return LLVMBuildUDiv(B, A0, safe_divisor(o, NULL), "");
    is_minus = is_number(o, A1, -1);
    quotient = LLVMBuildSDiv(B, A0, safe_divisor(o, is_minus), "");
    negated = LLVMBuildNeg(B, A0, "");
    return LLVMBuildSelect(B, is_minus, negated, quotient, "");
}

/* By 0 as by 1 the rest is 0, and so it is by -1. */
FN(rem)
{
    if (!is_signed(o))
        return LLVMBuildURem(B, A0, safe_divisor(o, NULL), "");
    return LLVMBuildSRem(B, A0, safe_divisor(o, is_number(o, A1, -1)), "");
}

FN(abs)
{
    LLVMTypeRef type = LLVMTypeOf(A0);
    LLVMValueRef args[2] = {A0, LLVMConstInt(tn_gen_bits(o->g, 1), 0, 0)};

    if (is_float(o))
        return tn_gen_unary(o->g, "llvm.fabs", A0);
    return is_signed(o) ? tn_gen_intrinsic(o->g, "llvm.abs", &type, 1, args, 2) : A0;
}

/* The second operand where they are equal or one is NaN, which is what the
 * instructions of x86-64 give. */
static LLVMValueRef
quick(const operands *o, LLVMRealPredicate first, LLVMValueRef a, LLVMValueRef c)
{
    return LLVMBuildSelect(B, LLVMBuildFCmp(B, first, a, c, ""), a, c, "");
}

/* The intrinsic keeps NaN; which zero it gives is free, and saying so makes it
 * one instruction more than the quick form, or none on aarch64. */
static LLVMValueRef
keeping(const operands *o, const char *name)
{
    LLVMValueRef value = tn_gen_binary(o->g, name, A0, A1);

    LLVMSetFastMathFlags(value, LLVMFastMathNoSignedZeros);
    return value;
}

static LLVMValueRef
smaller(const operands *o)
{
    return tn_gen_binary(o->g, is_signed(o) ? "llvm.smin" : "llvm.umin", A0, A1);
}

static LLVMValueRef
greater(const operands *o)
{
    return tn_gen_binary(o->g, is_signed(o) ? "llvm.smax" : "llvm.umax", A0, A1);
}

FN(min)
{
    return is_float(o) ? keeping(o, "llvm.minimum") : smaller(o);
}

FN(max)
{
    return is_float(o) ? keeping(o, "llvm.maximum") : greater(o);
}

FN(minq)
{
    if (!is_float(o))
        return smaller(o);
    return o->g->target->min_max ? tn_gen_binary(o->g, "llvm.minnum", A0, A1)
                                 : quick(o, LLVMRealOLT, A0, A1);
}

FN(maxq)
{
    if (!is_float(o))
        return greater(o);
    A0 = tn_gen_by_product(o->g, A0);
    A1 = tn_gen_by_product(o->g, A1);
    return o->g->target->min_max ? tn_gen_binary(o->g, "llvm.maxnum", A0, A1)
                                 : quick(o, LLVMRealOGT, A0, A1);
}

/* Fused where that is an instruction, and then always, so that code for one
 * level gives the same bits everywhere. */
FN(fma)
{
    LLVMTypeRef type = LLVMTypeOf(A0);

    if (o->g->target->fma)
        return tn_gen_intrinsic(o->g, "llvm.fma", &type, 1, o->at, 3);
    return LLVMBuildFAdd(B, LLVMBuildFMul(B, A0, A1, ""), A2, "");
}

FN(sqrt)
{
    return tn_gen_unary(o->g, "llvm.sqrt", A0);
}

FN(floor)
{
    return tn_gen_unary(o->g, "llvm.floor", A0);
}

FN(round)
{
    return tn_gen_unary(o->g, "llvm.roundeven", A0);
}

FN(trunc)
{
    return tn_gen_unary(o->g, "llvm.trunc", A0);
}

FN(and)
{
    return LLVMBuildAnd(B, A0, A1, "");
}

FN(or)
{
    return LLVMBuildOr(B, A0, A1, "");
}

FN(xor)
{
    return LLVMBuildXor(B, A0, A1, "");
}

/* Keeps amounts that mean nothing from becoming undefined. */
static LLVMValueRef
amount(const operands *o)
{
    return LLVMBuildAnd(B, A1, like(o, tn_dtype_bytes(o->dtype) * 8 - 1), "");
}

FN(shl)
{
    return LLVMBuildShl(B, A0, amount(o), "");
}

FN(shr)
{
    LLVMValueRef by = amount(o);

    return is_signed(o) ? LLVMBuildAShr(B, A0, by, "") : LLVMBuildLShr(B, A0, by, "");
}

static LLVMTypeRef
doubled(const operands *o)
{
    LLVMTypeRef type = LLVMTypeOf(A0);
    bool vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
    unsigned bits = (unsigned)tn_dtype_bytes(o->dtype) * 16;

    return tn_gen_vector(tn_gen_bits(o->g, bits), vector ? LLVMGetVectorSize(type) : 1);
}

static LLVMValueRef
widened(const operands *o, LLVMValueRef a)
{
    LLVMTypeRef wide = doubled(o);

    return is_signed(o) ? LLVMBuildSExt(B, a, wide, "") : LLVMBuildZExt(B, a, wide, "");
}

FN(mulhi)
{
    LLVMValueRef a = widened(o, A0), c = widened(o, A1);
    LLVMValueRef full = LLVMBuildMul(B, a, c, "");
    LLVMValueRef half = tn_gen_whole(doubled(o), tn_dtype_bytes(o->dtype) * 8);

    return LLVMBuildTrunc(B, LLVMBuildLShr(B, full, half, ""), LLVMTypeOf(A0), "");
}

FN(eq)
{
    return is_float(o) ? LLVMBuildFCmp(B, LLVMRealOEQ, A0, A1, "")
                       : LLVMBuildICmp(B, LLVMIntEQ, A0, A1, "");
}

FN(lt)
{
    if (is_float(o))
        return LLVMBuildFCmp(B, LLVMRealOLT, A0, A1, "");
    return LLVMBuildICmp(B, is_signed(o) ? LLVMIntSLT : LLVMIntULT, A0, A1, "");
}

FN(le)
{
    if (is_float(o))
        return LLVMBuildFCmp(B, LLVMRealOLE, A0, A1, "");
    return LLVMBuildICmp(B, is_signed(o) ? LLVMIntSLE : LLVMIntULE, A0, A1, "");
}

FN(select)
{
    return LLVMBuildSelect(B, A0, A1, A2, "");
}

FN(cast)
{
    return tn_gen_cast(o->g, o->dtype, o->result, A0);
}

FN(bits)
{
    LLVMTypeRef from = LLVMTypeOf(A0), to = tn_gen_scalar(o->g, o->result);

    if (LLVMGetTypeKind(from) == LLVMVectorTypeKind)
        to = LLVMVectorType(to, LLVMGetVectorSize(from));
    return LLVMBuildBitCast(B, A0, to, "");
}

typedef LLVMValueRef (*spelling)(const operands *o);

/* clang-format off */
#define NATIVE(name) [TN_FN_##name] = fn_##name,
#define EXPAND(name)
static const spelling spellings[TN_FN_COUNT] = {
#define TN_FN(name, graph, arity, rule, cost, native, doc) native(name)
#include "ir/kernel/fns.def"
};
/* clang-format on */

LLVMValueRef
tn_gen_function(const tn_gen *g, tn_fn fn, tn_ktype type, tn_ktype result, LLVMValueRef *args)
{
    operands o = {g, args, type.dtype, result.dtype};

    return spellings[fn](&o);
}
