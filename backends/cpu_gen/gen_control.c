/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen_control.h"

/* A counted loop in the form that needs no rotating: tested before the first
 * round and after each. */
static tn_status
loop(tn_gen *g, const tn_ins *ins, LLVMValueRef low, LLVMValueRef high)
{
    LLVMTypeRef type = LLVMTypeOf(low);
    LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
    LLVMBasicBlockRef body = tn_gen_new_block(g), done = tn_gen_new_block(g), last;
    LLVMValueRef index, next, again;

    LLVMBuildCondBr(g->b, LLVMBuildICmp(g->b, LLVMIntSLT, low, high, ""), body, done);
    LLVMPositionBuilderAtEnd(g->b, body);
    index = LLVMBuildPhi(g->b, type, "");
    g->values[ins->id] = index;
    TN_TRY(tn_gen_block(g, ins->body));
    next = LLVMBuildNSWAdd(g->b, index, tn_gen_whole(type, ins->whole), "");
    again = LLVMBuildICmp(g->b, LLVMIntSLT, next, high, "");
    last = LLVMGetInsertBlock(g->b);
    LLVMBuildCondBr(g->b, again, body, done);
    LLVMAddIncoming(index, &low, &from, 1);
    LLVMAddIncoming(index, &next, &last, 1);
    LLVMMoveBasicBlockAfter(done, last);
    LLVMPositionBuilderAtEnd(g->b, done);
    return TN_OK;
}

/* The tasks first .. last-1 of the call. */
tn_status
tn_gen_grid(tn_gen *g, const tn_ins *ins)
{
    LLVMTypeRef type = tn_gen_scalar(g, g->k->index);
    LLVMValueRef first = LLVMGetParam(g->function, 1), last = LLVMGetParam(g->function, 2);

    if (g->k->index != TN_I64) {
        first = LLVMBuildTrunc(g->b, first, type, "");
        last = LLVMBuildTrunc(g->b, last, type, "");
    }
    return loop(g, ins, first, last);
}

tn_status
tn_gen_serial(tn_gen *g, const tn_ins *ins)
{
    return loop(g, ins, g->values[ins->arg[0]->id], g->values[ins->arg[1]->id]);
}

tn_status
tn_gen_if(tn_gen *g, const tn_ins *ins)
{
    LLVMBasicBlockRef yes = tn_gen_new_block(g), join = tn_gen_new_block(g);
    LLVMBasicBlockRef no = ins->orelse ? tn_gen_new_block(g) : join;

    LLVMBuildCondBr(g->b, g->values[ins->arg[0]->id], yes, no);
    LLVMPositionBuilderAtEnd(g->b, yes);
    TN_TRY(tn_gen_block(g, ins->body));
    LLVMBuildBr(g->b, join);
    if (ins->orelse) {
        LLVMMoveBasicBlockAfter(no, LLVMGetInsertBlock(g->b));
        LLVMPositionBuilderAtEnd(g->b, no);
        TN_TRY(tn_gen_block(g, ins->orelse));
        LLVMBuildBr(g->b, join);
    }
    LLVMMoveBasicBlockAfter(join, LLVMGetInsertBlock(g->b));
    LLVMPositionBuilderAtEnd(g->b, join);
    return TN_OK;
}

/* The lanes of a check as bits, those that failed set. */
static LLVMValueRef
failed_lanes(const tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef held = g->values[ins->arg[0]->id];
    LLVMTypeRef bits = tn_gen_bits(g, ins->arg[0]->type.lanes);

    return LLVMBuildNot(g->b, LLVMBuildBitCast(g->b, held, bits, ""), "");
}

/* `number` of the lowest lane that failed, as i128. */
static LLVMValueRef
of_lane(const tn_gen *g, const tn_ins *ins, int number, LLVMValueRef failed)
{
    LLVMValueRef value = g->values[ins->arg[number]->id];

    if (ins->arg[0]->type.lanes > 1) {
        LLVMTypeRef type = LLVMTypeOf(failed);
        LLVMValueRef args[2] = {failed, LLVMConstInt(tn_gen_bits(g, 1), 1, 0)};
        LLVMValueRef lane = tn_gen_intrinsic(g, "llvm.cttz", &type, 1, args, 2);

        value = LLVMBuildExtractElement(g->b, value, lane, "");
    }
    return LLVMBuildZExt(g->b, value, tn_gen_bits(g, 128), "");
}

static LLVMValueRef
cut(const tn_gen *g, LLVMValueRef wide, int64_t from)
{
    LLVMValueRef shifted = LLVMBuildLShr(g->b, wide, tn_gen_whole(LLVMTypeOf(wide), from), "");

    return LLVMBuildTrunc(g->b, shifted, tn_gen_bits(g, 32), "");
}

static LLVMValueRef
word_of_site(const tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef offset = tn_gen_i64(g, ins->whole * 16);

    return LLVMBuildGEP2(g->b, tn_gen_bits(g, 8), g->status, &offset, 1, "");
}

/* Puts {1, position, value, 0} at the site unless an equal or lower position
 * stands there: whichever thread comes first, the same one stays. */
static void
report(const tn_gen *g, LLVMValueRef at, LLVMValueRef position, LLVMValueRef word,
    LLVMBasicBlockRef done)
{
    LLVMTypeRef i128 = tn_gen_bits(g, 128);
    LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b), look = tn_gen_new_block(g);
    LLVMBasicBlockRef put = tn_gen_new_block(g);
    LLVMValueRef first = LLVMBuildLoad2(g->b, i128, at, ""), old, empty, lower, pair, seen;

    LLVMSetAlignment(first, 16);
    LLVMBuildBr(g->b, look);
    LLVMPositionBuilderAtEnd(g->b, look);
    old = LLVMBuildPhi(g->b, i128, "");
    empty = LLVMBuildICmp(g->b, LLVMIntEQ, cut(g, old, 0), tn_gen_int(g, TN_I32, 0), "");
    lower = LLVMBuildICmp(g->b, LLVMIntSLT, position, cut(g, old, 32), "");
    LLVMBuildCondBr(g->b, LLVMBuildOr(g->b, empty, lower, ""), put, done);
    LLVMPositionBuilderAtEnd(g->b, put);
    pair = LLVMBuildAtomicCmpXchg(g->b, at, old, word, LLVMAtomicOrderingMonotonic,
        LLVMAtomicOrderingMonotonic, 0);
    seen = LLVMBuildExtractValue(g->b, pair, 0, "");
    LLVMBuildCondBr(g->b, LLVMBuildExtractValue(g->b, pair, 1, ""), done, look);
    LLVMAddIncoming(old, &first, &from, 1);
    LLVMAddIncoming(old, &seen, &put, 1);
}

tn_status
tn_gen_check(tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef failed = failed_lanes(g, ins), any, position, value, word;
    LLVMBasicBlockRef bad = tn_gen_new_block(g), done = tn_gen_new_block(g);
    LLVMTypeRef i128 = tn_gen_bits(g, 128);

    any = LLVMBuildICmp(g->b, LLVMIntNE, failed, LLVMConstNull(LLVMTypeOf(failed)), "");
    LLVMBuildCondBr(g->b, any, bad, done);
    LLVMMoveBasicBlockAfter(done, LLVMGetInsertBlock(g->b));
    LLVMPositionBuilderAtEnd(g->b, bad);
    position = of_lane(g, ins, 1, failed);
    value = of_lane(g, ins, 2, failed);
    word = LLVMBuildShl(g->b, value, tn_gen_whole(i128, 64), "");
    word = LLVMBuildOr(g->b, word, LLVMBuildShl(g->b, position, tn_gen_whole(i128, 32), ""), "");
    word = LLVMBuildOr(g->b, word, tn_gen_whole(i128, 1), "");
    report(g, word_of_site(g, ins), cut(g, position, 0), word, done);
    LLVMPositionBuilderAtEnd(g->b, done);
    return TN_OK;
}
