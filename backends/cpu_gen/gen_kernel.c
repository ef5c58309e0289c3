/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "backends/cpu/cpu_abi.h"
#include "backends/cpu_gen/gen.h"
#include "backends/cpu_gen/gen_cell.h"

static void
add_text_attribute(const tn_gen *g, const char *name, const char *value)
{
    LLVMAttributeRef a = LLVMCreateStringAttribute(g->context, name, (unsigned)strlen(name), value,
        (unsigned)strlen(value));

    LLVMAddAttributeAtIndex(g->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, a);
}

static void
add_attribute(const tn_gen *g, const char *name)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));

    LLVMAddAttributeAtIndex(g->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
        LLVMCreateEnumAttribute(g->context, kind, 0));
}

/* Both widths, or wide vectors would be split on processors that LLVM thinks
 * prefer narrow ones. */
static void
set_attributes(const tn_gen *g)
{
    add_attribute(g, "nounwind");
    add_text_attribute(g, "target-cpu", g->target->cpu);
    add_text_attribute(g, "prefer-vector-width", "512");
    add_text_attribute(g, "min-legal-vector-width", "512");
}

static LLVMValueRef
load_at(const tn_gen *g, LLVMTypeRef type, LLVMValueRef base, size_t bytes)
{
    LLVMValueRef offset = tn_gen_i64(g, (int64_t)bytes);
    LLVMValueRef at = LLVMBuildGEP2(g->b, tn_gen_bits(g, 8), base, &offset, 1, "");

    return LLVMBuildLoad2(g->b, type, at, "");
}

/* What tn_cpu_args points to; what the kernel does not use is dropped. */
static void
load_arguments(tn_gen *g)
{
    const tn_kernel *k = g->k;
    LLVMTypeRef pointer = tn_gen_pointer(g);
    LLVMValueRef args = LLVMGetParam(g->function, 0);
    LLVMValueRef buffers = load_at(g, pointer, args, offsetof(tn_cpu_args, buffers));
    LLVMValueRef sizes = load_at(g, pointer, args, offsetof(tn_cpu_args, sizes));

    g->scratch = load_at(g, pointer, args, offsetof(tn_cpu_args, scratch));
    g->status = load_at(g, pointer, args, offsetof(tn_cpu_args, status));
    for (uint32_t i = 0; i < k->globals.count; i++)
        g->globals[i] = load_at(g, pointer, buffers, i * sizeof(void *));
    for (uint32_t i = 0; i < k->sizes.count; i++) {
        LLVMValueRef wide = load_at(g, tn_gen_bits(g, 64), sizes, i * sizeof(int64_t));

        g->sizes[i] =
            k->index == TN_I64 ? wide : LLVMBuildTrunc(g->b, wide, tn_gen_bits(g, 32), "");
    }
}

static void
add_info(const tn_gen *g)
{
    const tn_kernel *k = g->k;
    const int64_t words[] = {
        TN_CPU_INFO_VERSION,
        g->target->arch,
        g->target->level,
        k->globals.count,
        k->sizes.count,
        k->sites.count,
    };
    enum { COUNT = sizeof words / sizeof *words };
    LLVMValueRef values[COUNT], info;
    LLVMTypeRef i32 = tn_gen_bits(g, 32);

    _Static_assert(COUNT * 4 == sizeof(tn_cpu_info), "one word for each field, in order");
    for (int i = 0; i < COUNT; i++)
        values[i] = tn_gen_whole(i32, words[i]);
    info = LLVMAddGlobal(g->module, LLVMArrayType2(i32, COUNT), TN_CPU_INFO_SYMBOL);
    LLVMSetInitializer(info, LLVMConstArray2(i32, values, COUNT));
    LLVMSetGlobalConstant(info, 1);
    LLVMSetAlignment(info, 8);
}

static void
add_function(tn_gen *g)
{
    LLVMTypeRef types[3] = {tn_gen_pointer(g), tn_gen_bits(g, 64), tn_gen_bits(g, 64)};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(g->context), types, 3, 0);

    g->function = LLVMAddFunction(g->module, TN_CPU_SYMBOL, type);
    set_attributes(g);
}

tn_status
tn_gen_kernel(tn_gen *g)
{
    const tn_kernel *k = g->k;
    LLVMBasicBlockRef variables, start;

    g->globals = tn_new_array(g->arena, LLVMValueRef, k->globals.count + 1);
    g->sizes = tn_new_array(g->arena, LLVMValueRef, k->sizes.count + 1);
    g->locals = tn_new_array(g->arena, LLVMValueRef, k->locals.count + 1);
    g->values = tn_new_array(g->arena, LLVMValueRef, k->ins_count + 1);
    add_function(g);
    add_info(g);
    variables = tn_gen_new_block(g);
    start = tn_gen_new_block(g);
    LLVMPositionBuilderAtEnd(g->head, variables);
    LLVMPositionBuilderAtEnd(g->b, start);
    load_arguments(g);
    g->one = tn_gen_unknown_one(g);
    g->top = tn_gen_i64(g, 0);
    TN_TRY(tn_gen_cells(g));
    TN_TRY(tn_gen_block(g, k->root));
    LLVMBuildRetVoid(g->b);
    LLVMBuildBr(g->head, start);
    return TN_OK;
}
