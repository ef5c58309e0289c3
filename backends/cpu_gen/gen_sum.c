/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen.h"

#include <string.h>

/* Sums that maxima are taken of, for processors with vectors of 512 bits. On
 * some of them additions, maxima and broadcasts of floating-point numbers
 * share units, while those for products have nothing to do: such a sum is
 * written as a product by 1 and a sum, which gives the same bits, and what a
 * broadcast has loaded comes from one of integers, which takes no unit but
 * that for loads. Elsewhere neither costs anything. LLVM would undo both: the
 * 1 and the broadcast are inline assembly. */

enum { LANES = 16 };

static LLVMTypeRef
whole_type(const tn_gen *g)
{
    return tn_gen_vector(tn_gen_scalar(g, TN_F32), LANES);
}

static LLVMValueRef
assembly(LLVMTypeRef type, const char *text, const char *operands)
{
    return LLVMGetInlineAsm(type, text, strlen(text), operands, strlen(operands), 0, 0,
        LLVMInlineAsmDialectATT, 0);
}

LLVMValueRef
tn_gen_unknown_one(const tn_gen *g)
{
    LLVMTypeRef type = whole_type(g), unary = LLVMFunctionType(type, &type, 1, 0);
    LLVMValueRef one = tn_gen_real(type, 1);

    if (g->target->arch != 1 || g->target->level < 4)
        return NULL;
    return LLVMBuildCall2(g->b, unary, assembly(unary, "", "=v,0"), &one, 1, "one");
}

/* The first lanes of a vector. */
static LLVMValueRef
first_lanes(const tn_gen *g, LLVMValueRef whole, unsigned count)
{
    LLVMValueRef lane[LANES];

    if (count == LANES)
        return whole;
    for (unsigned i = 0; i < count; i++)
        lane[i] = tn_gen_int(g, TN_I32, i);
    return LLVMBuildShuffleVector(g->b, whole, LLVMGetPoison(LLVMTypeOf(whole)),
        LLVMConstVector(lane, count), "");
}

/* The load that all lanes of `x` come from, or NULL. */
static LLVMValueRef
loaded(LLVMValueRef x)
{
    LLVMValueRef in;

    if (!LLVMIsAShuffleVectorInst(x))
        return NULL;
    in = LLVMGetOperand(x, 0);
    if (!LLVMIsAInsertElementInst(in))
        return NULL;
    in = LLVMGetOperand(in, 1);
    return LLVMIsALoadInst(in) ? in : NULL;
}

/* Right behind the load, where memory is as it was read, and once. */
static LLVMValueRef
broadcast(const tn_gen *g, LLVMValueRef load)
{
    LLVMTypeRef pointer = tn_gen_pointer(g), type = LLVMFunctionType(whole_type(g), &pointer, 1, 0);
    LLVMValueRef code = assembly(type, "vpbroadcastd $1, $0", "=v,*m");
    LLVMValueRef next = LLVMGetNextInstruction(load), from = LLVMGetOperand(load, 0), call;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(g->b);
    unsigned kind = LLVMGetEnumAttributeKindForName("elementtype", 11);

    if (next && LLVMIsACallInst(next) && LLVMGetCalledValue(next) == code)
        return next;
    LLVMPositionBuilder(g->b, LLVMGetInstructionParent(load), next);
    call = LLVMBuildCall2(g->b, type, code, &from, 1, "");
    LLVMAddCallSiteAttribute(call, 1,
        LLVMCreateTypeAttribute(g->context, kind, tn_gen_scalar(g, TN_F32)));
    LLVMPositionBuilderAtEnd(g->b, here);
    return call;
}

static LLVMValueRef
term(const tn_gen *g, LLVMValueRef sum, unsigned operand)
{
    LLVMValueRef x = LLVMGetOperand(sum, operand), load = loaded(x);

    return load ? first_lanes(g, broadcast(g, load), LLVMGetVectorSize(LLVMTypeOf(x))) : x;
}

LLVMValueRef
tn_gen_by_product(const tn_gen *g, LLVMValueRef sum)
{
    LLVMTypeRef type = LLVMTypeOf(sum);
    LLVMValueRef args[3];

    if (!g->one || !LLVMIsAInstruction(sum) || LLVMGetInstructionOpcode(sum) != LLVMFAdd ||
        LLVMGetTypeKind(type) != LLVMVectorTypeKind || LLVMGetVectorSize(type) > LANES ||
        LLVMGetElementType(type) != tn_gen_scalar(g, TN_F32))
        return sum;
    args[0] = term(g, sum, 0);
    args[1] = first_lanes(g, g->one, LLVMGetVectorSize(type));
    args[2] = term(g, sum, 1);
    return tn_gen_intrinsic(g, "llvm.fma", &type, 1, args, 3);
}
