/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_GEN_GEN_H
#define TN_BACKENDS_CPU_GEN_GEN_H

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

#include "ir/kernel/kernel.h"
#include "ir/target.h"

/* From a lane-level kernel to LLVM IR. Everything is written with explicit
 * vectors and structured loops; what is left to LLVM is turning the variables
 * that stand for cells into registers, choosing instructions and placing
 * registers.
 *
 * How types are represented: bool is i1 in registers and a byte in memory;
 * f16 and bf16 are the 16 bits they are stored as, since lane level only
 * converts them; indices are the kernel's index type. */

/* What a target text asks for, in LLVM's words. */
typedef struct tn_gen_target {
    int arch, level; /* as in ir/target.def */
    const char *triple, *cpu;
    bool fma;       /* a fused multiply-add is one instruction */
    bool half;      /* conversions of f16 are instructions */
    bool min_max; /* llvm.minnum and llvm.maxnum are instructions */
} tn_gen_target;

/* TN_UNSUPPORTED for a machine this generator makes no code for. */
tn_status tn_gen_target_find(const tn_target *target, tn_diag *diag, tn_gen_target *out);

/* A cell: one variable for each element if all its indices are constants,
 * else an array. */
typedef struct tn_gen_cell {
    bool split;
    LLVMValueRef *elements; /* split; NULL until used */
    LLVMValueRef array;
} tn_gen_cell;

typedef struct tn_gen {
    const tn_kernel *k; /* without UNROLL loops */
    const tn_gen_target *target;
    tn_arena *arena;
    tn_diag *diag;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef b;      /* where code is being written */
    LLVMBuilderRef head;   /* at the end of the entry block: variables */
    LLVMValueRef function;
    LLVMValueRef scratch, status; /* pointers */
    LLVMValueRef top;      /* bytes of scratch in use here, i64 */
    LLVMValueRef *globals, *sizes;
    LLVMValueRef *locals;  /* pointers, by index */
    LLVMValueRef *values;  /* by id of the instruction */
    tn_gen_cell *cells;
    LLVMValueRef one; /* 16 f32 of 1.0 that LLVM does not know, or NULL */
    uint64_t stack_bytes;
} tn_gen;

/* Declares and fills TN_CPU_SYMBOL and TN_CPU_INFO_SYMBOL. The handles
 * context, module, b, head are the caller's to dispose. */
tn_status tn_gen_kernel(tn_gen *g);

/* Instructions of a block and all inside it. */
tn_status tn_gen_block(tn_gen *g, const tn_kblock *block);

/* Types. */
LLVMTypeRef tn_gen_scalar(const tn_gen *g, tn_dtype dtype);
LLVMTypeRef tn_gen_memory(const tn_gen *g, tn_dtype dtype); /* of an element in memory */
LLVMTypeRef tn_gen_type(const tn_gen *g, tn_ktype type);
LLVMTypeRef tn_gen_vector(LLVMTypeRef element, unsigned lanes); /* lanes 1: itself */
LLVMTypeRef tn_gen_pointer(const tn_gen *g);
/* The integer type of that many bits. */
LLVMTypeRef tn_gen_bits(const tn_gen *g, unsigned bits);

/* Values. */
LLVMValueRef tn_gen_int(const tn_gen *g, tn_dtype dtype, int64_t value);
LLVMValueRef tn_gen_i64(const tn_gen *g, int64_t value);
LLVMValueRef tn_gen_whole(LLVMTypeRef type, int64_t value); /* scalar or splat */
LLVMValueRef tn_gen_real(LLVMTypeRef type, double value);   /* scalar or splat */
LLVMValueRef tn_gen_splat(const tn_gen *g, LLVMValueRef scalar, unsigned lanes);
/* The constant 0, 1, 2, .. of an integer type. */
LLVMValueRef tn_gen_iota(const tn_gen *g, LLVMTypeRef element, unsigned lanes);
/* A constant of the type, from a number as kernels store it. */
LLVMValueRef tn_gen_number(const tn_gen *g, tn_ktype type, int64_t whole, double real);
/* Calls the intrinsic of that name, overloaded on `types`. */
LLVMValueRef tn_gen_intrinsic(const tn_gen *g, const char *name, LLVMTypeRef *types,
    unsigned type_count, LLVMValueRef *args, unsigned count);
LLVMValueRef tn_gen_unary(const tn_gen *g, const char *name, LLVMValueRef a);
LLVMValueRef tn_gen_binary(const tn_gen *g, const char *name, LLVMValueRef a, LLVMValueRef c);
/* A new block of the function, behind all others. */
LLVMBasicBlockRef tn_gen_new_block(const tn_gen *g);

/* The scalar function of an instruction on operands of `type`. */
LLVMValueRef tn_gen_function(const tn_gen *g, tn_fn fn, tn_ktype type, tn_ktype result,
    LLVMValueRef *args);
/* 16 f32 of 1.0 that LLVM does not know, for tn_gen_by_product; NULL where it gains nothing. */
LLVMValueRef tn_gen_unknown_one(const tn_gen *g);
/* The operand of a maximum: a sum of f32 vectors as a product by g->one and a
 * sum, with the same bits; anything else as it is. */
LLVMValueRef tn_gen_by_product(const tn_gen *g, LLVMValueRef sum);
LLVMValueRef tn_gen_cast(const tn_gen *g, tn_dtype from, tn_dtype to, LLVMValueRef a);

#endif
