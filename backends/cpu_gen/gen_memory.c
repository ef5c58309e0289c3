/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen_memory.h"

/* One access: where, how wide, under which mask. */
typedef struct access {
    LLVMValueRef at; /* pointer, or a vector of them */
    LLVMTypeRef type; /* in memory */
    LLVMValueRef mask; /* NULL: all */
    unsigned align, lanes;
} access;

static LLVMValueRef
as_i64(const tn_gen *g, LLVMValueRef index)
{
    return g->k->index == TN_I64 ? index : LLVMBuildSExt(g->b, index, tn_gen_bits(g, 64), "");
}

static LLVMValueRef
base_of(const tn_gen *g, const tn_kmem *mem)
{
    return (mem->space == TN_SPACE_GLOBAL ? g->globals : g->locals)[mem->index];
}

static LLVMValueRef
address(const tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef index = as_i64(g, g->values[ins->arg[0]->id]);

    return LLVMBuildGEP2(g->b, tn_gen_memory(g, ins->mem->dtype), base_of(g, ins->mem), &index, 1,
        "");
}

/* Operands before the mask: `plain`. */
static access
access_of(const tn_gen *g, const tn_ins *ins, unsigned lanes, int plain)
{
    return (access){
        .at = address(g, ins),
        .type = tn_gen_vector(tn_gen_memory(g, ins->mem->dtype), lanes),
        .mask = ins->arg_count > plain ? g->values[ins->arg[plain]->id] : NULL,
        .align = (unsigned)tn_dtype_bytes(ins->mem->dtype),
        .lanes = lanes,
    };
}

/* A byte in memory, a bit in registers. */
static LLVMValueRef
from_memory(const tn_gen *g, tn_dtype dtype, LLVMValueRef value)
{
    if (dtype != TN_BOOL)
        return value;
    return LLVMBuildICmp(g->b, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
}

static LLVMValueRef
to_memory(const tn_gen *g, const access *a, tn_dtype dtype, LLVMValueRef value)
{
    return dtype == TN_BOOL ? LLVMBuildZExt(g->b, value, a->type, "") : value;
}

static LLVMValueRef
plain_load(const tn_gen *g, const access *a)
{
    LLVMValueRef value = LLVMBuildLoad2(g->b, a->type, a->at, "");

    LLVMSetAlignment(value, a->align);
    return value;
}

static void
plain_store(const tn_gen *g, const access *a, LLVMValueRef value)
{
    LLVMSetAlignment(LLVMBuildStore(g->b, value, a->at), a->align);
}

/* Only one element: what is masked off must not be touched, so it is jumped
 * over. */
static LLVMValueRef
guarded_load(const tn_gen *g, const access *a, LLVMValueRef other)
{
    LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
    LLVMBasicBlockRef some = tn_gen_new_block(g), join = tn_gen_new_block(g);
    LLVMValueRef phi, values[2] = {other, NULL};
    LLVMBasicBlockRef blocks[2] = {from, some};

    LLVMBuildCondBr(g->b, a->mask, some, join);
    LLVMPositionBuilderAtEnd(g->b, some);
    values[1] = plain_load(g, a);
    LLVMBuildBr(g->b, join);
    LLVMPositionBuilderAtEnd(g->b, join);
    phi = LLVMBuildPhi(g->b, a->type, "");
    LLVMAddIncoming(phi, values, blocks, 2);
    return phi;
}

static void
guarded_store(const tn_gen *g, const access *a, LLVMValueRef value)
{
    LLVMBasicBlockRef some = tn_gen_new_block(g), join = tn_gen_new_block(g);

    LLVMBuildCondBr(g->b, a->mask, some, join);
    LLVMPositionBuilderAtEnd(g->b, some);
    plain_store(g, a, value);
    LLVMBuildBr(g->b, join);
    LLVMPositionBuilderAtEnd(g->b, join);
}

static LLVMValueRef
alignment(const tn_gen *g, const access *a)
{
    return tn_gen_int(g, TN_I32, (int64_t)a->align);
}

static LLVMValueRef
mask_or_all(const tn_gen *g, const access *a)
{
    return a->mask ? a->mask : tn_gen_whole(tn_gen_vector(tn_gen_bits(g, 1), a->lanes), 1);
}

static LLVMValueRef
masked_load(const tn_gen *g, const access *a, const char *name, LLVMValueRef other)
{
    LLVMTypeRef types[2] = {a->type, LLVMTypeOf(a->at)};
    LLVMValueRef args[4] = {a->at, alignment(g, a), mask_or_all(g, a), other};

    return tn_gen_intrinsic(g, name, types, 2, args, 4);
}

static void
masked_store(const tn_gen *g, const access *a, const char *name, LLVMValueRef value)
{
    LLVMTypeRef types[2] = {a->type, LLVMTypeOf(a->at)};
    LLVMValueRef args[4] = {value, a->at, alignment(g, a), mask_or_all(g, a)};

    tn_gen_intrinsic(g, name, types, 2, args, 4);
}

/* The value of masked lanes, as it is in memory. */
static LLVMValueRef
other_of(const tn_gen *g, const tn_ins *ins)
{
    tn_ktype type = ins->type;

    if (type.dtype == TN_BOOL)
        type.dtype = TN_U8;
    return tn_gen_number(g, type, ins->other, ins->real);
}

tn_status
tn_gen_load(tn_gen *g, const tn_ins *ins)
{
    access a = access_of(g, ins, ins->type.lanes, 1);
    LLVMValueRef value;

    if (!a.mask)
        value = plain_load(g, &a);
    else if (a.lanes == 1)
        value = guarded_load(g, &a, other_of(g, ins));
    else
        value = masked_load(g, &a, "llvm.masked.load", other_of(g, ins));
    g->values[ins->id] = from_memory(g, ins->type.dtype, value);
    return TN_OK;
}

tn_status
tn_gen_store(tn_gen *g, const tn_ins *ins)
{
    tn_ktype type = ins->arg[1]->type;
    access a = access_of(g, ins, type.lanes, 2);
    LLVMValueRef value = to_memory(g, &a, type.dtype, g->values[ins->arg[1]->id]);

    if (!a.mask)
        plain_store(g, &a, value);
    else if (a.lanes == 1)
        guarded_store(g, &a, value);
    else
        masked_store(g, &a, "llvm.masked.store", value);
    return TN_OK;
}

/* The address of each lane: base + index. */
static void
spread(const tn_gen *g, access *a, const tn_ins *ins)
{
    LLVMTypeRef wide = tn_gen_vector(tn_gen_bits(g, 64), a->lanes);
    LLVMValueRef index = LLVMBuildSExt(g->b, g->values[ins->arg[1]->id], wide, "");

    a->at = LLVMBuildGEP2(g->b, tn_gen_memory(g, ins->mem->dtype), a->at, &index, 1, "");
}

tn_status
tn_gen_gather(tn_gen *g, const tn_ins *ins)
{
    access a = access_of(g, ins, ins->type.lanes, 2);
    LLVMValueRef value;

    spread(g, &a, ins);
    if (a.lanes > 1)
        value = masked_load(g, &a, "llvm.masked.gather", other_of(g, ins));
    else
        value = a.mask ? guarded_load(g, &a, other_of(g, ins)) : plain_load(g, &a);
    g->values[ins->id] = from_memory(g, ins->type.dtype, value);
    return TN_OK;
}

tn_status
tn_gen_scatter(tn_gen *g, const tn_ins *ins)
{
    tn_ktype type = ins->arg[2]->type;
    access a = access_of(g, ins, type.lanes, 3);
    LLVMValueRef value = to_memory(g, &a, type.dtype, g->values[ins->arg[2]->id]);

    spread(g, &a, ins);
    if (a.lanes > 1)
        masked_store(g, &a, "llvm.masked.scatter", value);
    else if (a.mask)
        guarded_store(g, &a, value);
    else
        plain_store(g, &a, value);
    return TN_OK;
}

/* For reading, to stay, as data. */
tn_status
tn_gen_prefetch(tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef args[4] = {address(g, ins), tn_gen_int(g, TN_I32, 0), tn_gen_int(g, TN_I32, 3),
        tn_gen_int(g, TN_I32, 1)};
    LLVMTypeRef type = tn_gen_pointer(g);

    tn_gen_intrinsic(g, "llvm.prefetch", &type, 1, args, 4);
    return TN_OK;
}

/* Locals are a stack in the scratch, each on a line of its own; tn_gen_block
 * gives back what its block took. The kernel's scratch formula counts alike. */
tn_status
tn_gen_local(tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef count = as_i64(g, g->values[ins->arg[0]->id]);
    LLVMValueRef size = tn_gen_i64(g, tn_dtype_bytes(ins->mem->dtype));
    LLVMValueRef bytes = LLVMBuildMul(g->b, count, size, "");
    LLVMValueRef over = LLVMBuildAdd(g->b, bytes, tn_gen_i64(g, 63), "");
    LLVMValueRef lines = LLVMBuildAnd(g->b, over, tn_gen_i64(g, -64), "");

    g->locals[ins->mem->index] = LLVMBuildGEP2(g->b, tn_gen_bits(g, 8), g->scratch, &g->top, 1, "");
    g->top = LLVMBuildAdd(g->b, g->top, lines, "");
    return TN_OK;
}
