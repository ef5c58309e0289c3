/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "backends/cpu_gen/gen.h"

enum { MAX_LANES = 64 };

LLVMTypeRef
tn_gen_bits(const tn_gen *g, unsigned bits)
{
    return LLVMIntTypeInContext(g->context, bits);
}

LLVMTypeRef
tn_gen_scalar(const tn_gen *g, tn_dtype dtype)
{
    switch (dtype) {
    case TN_F64: return LLVMDoubleTypeInContext(g->context);
    case TN_F32: return LLVMFloatTypeInContext(g->context);
    case TN_BOOL: return tn_gen_bits(g, 1);
    default: return tn_gen_bits(g, (unsigned)tn_dtype_bytes(dtype) * 8);
    }
}

LLVMTypeRef
tn_gen_memory(const tn_gen *g, tn_dtype dtype)
{
    return dtype == TN_BOOL ? tn_gen_bits(g, 8) : tn_gen_scalar(g, dtype);
}

LLVMTypeRef
tn_gen_vector(LLVMTypeRef element, unsigned lanes)
{
    return lanes > 1 ? LLVMVectorType(element, lanes) : element;
}

LLVMTypeRef
tn_gen_type(const tn_gen *g, tn_ktype type)
{
    return tn_gen_vector(tn_gen_scalar(g, type.dtype), type.lanes);
}

LLVMTypeRef
tn_gen_pointer(const tn_gen *g)
{
    return LLVMPointerTypeInContext(g->context, 0);
}

static LLVMValueRef
splat_constant(LLVMValueRef scalar, unsigned lanes)
{
    LLVMValueRef all[MAX_LANES];

    assert(lanes <= MAX_LANES);
    for (unsigned i = 0; i < lanes; i++)
        all[i] = scalar;
    return LLVMConstVector(all, lanes);
}

static LLVMValueRef
constant_like(LLVMTypeRef type, LLVMValueRef scalar)
{
    if (LLVMGetTypeKind(type) != LLVMVectorTypeKind)
        return scalar;
    return splat_constant(scalar, LLVMGetVectorSize(type));
}

static LLVMTypeRef
element_of(LLVMTypeRef type)
{
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

LLVMValueRef
tn_gen_whole(LLVMTypeRef type, int64_t value)
{
    return constant_like(type, LLVMConstInt(element_of(type), (uint64_t)value, 1));
}

LLVMValueRef
tn_gen_real(LLVMTypeRef type, double value)
{
    return constant_like(type, LLVMConstReal(element_of(type), value));
}

LLVMValueRef
tn_gen_int(const tn_gen *g, tn_dtype dtype, int64_t value)
{
    return tn_gen_whole(tn_gen_scalar(g, dtype), value);
}

LLVMValueRef
tn_gen_i64(const tn_gen *g, int64_t value)
{
    return tn_gen_int(g, TN_I64, value);
}

LLVMValueRef
tn_gen_number(const tn_gen *g, tn_ktype type, int64_t whole, double real)
{
    LLVMTypeRef t = tn_gen_type(g, type);

    switch (type.dtype) {
    case TN_F64:
    case TN_F32: return tn_gen_real(t, real);
    case TN_F16: return tn_gen_whole(t, tn_float_to_half((float)real));
    case TN_BF16: return tn_gen_whole(t, tn_float_to_bf16((float)real));
    default: return tn_gen_whole(t, whole);
    }
}

LLVMValueRef
tn_gen_splat(const tn_gen *g, LLVMValueRef scalar, unsigned lanes)
{
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    LLVMValueRef one, poison = LLVMGetPoison(type);
    LLVMTypeRef mask = LLVMVectorType(tn_gen_bits(g, 32), lanes);

    if (lanes == 1)
        return scalar;
    if (LLVMIsConstant(scalar))
        return splat_constant(scalar, lanes);
    one = LLVMBuildInsertElement(g->b, poison, scalar, tn_gen_i64(g, 0), "");
    return LLVMBuildShuffleVector(g->b, one, poison, LLVMConstNull(mask), "");
}

LLVMValueRef
tn_gen_iota(const tn_gen *g, LLVMTypeRef element, unsigned lanes)
{
    LLVMValueRef all[MAX_LANES];

    (void)g;
    assert(lanes <= MAX_LANES);
    for (unsigned i = 0; i < lanes; i++)
        all[i] = LLVMConstInt(element, i, 0);
    return LLVMConstVector(all, lanes);
}

LLVMValueRef
tn_gen_intrinsic(const tn_gen *g, const char *name, LLVMTypeRef *types, unsigned type_count,
    LLVMValueRef *args, unsigned count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef f;

    assert(id && "a name that this LLVM does not have");
    f = LLVMGetIntrinsicDeclaration(g->module, id, types, type_count);
    return LLVMBuildCall2(g->b, LLVMGlobalGetValueType(f), f, args, count, "");
}

LLVMValueRef
tn_gen_unary(const tn_gen *g, const char *name, LLVMValueRef a)
{
    LLVMTypeRef type = LLVMTypeOf(a);

    return tn_gen_intrinsic(g, name, &type, 1, &a, 1);
}

LLVMValueRef
tn_gen_binary(const tn_gen *g, const char *name, LLVMValueRef a, LLVMValueRef c)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef args[2] = {a, c};

    return tn_gen_intrinsic(g, name, &type, 1, args, 2);
}

LLVMBasicBlockRef
tn_gen_new_block(const tn_gen *g)
{
    return LLVMAppendBasicBlockInContext(g->context, g->function, "");
}
