/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen.h"
#include "backends/cpu_gen/gen_cell.h"
#include "backends/cpu_gen/gen_control.h"
#include "backends/cpu_gen/gen_memory.h"

#include <math.h>

/* One spelling for each row of ir/kernel/kops.def. A row without one does not
 * compile. */
#define SPELL(name) static tn_status spell_##name(tn_gen *g, const tn_ins *ins)

static LLVMValueRef
operand(const tn_gen *g, const tn_ins *ins, int number)
{
    return g->values[ins->arg[number]->id];
}

static tn_status
set_value(tn_gen *g, const tn_ins *ins, LLVMValueRef value)
{
    g->values[ins->id] = value;
    return TN_OK;
}

SPELL(loop)
{
    switch (ins->loop) {
    case TN_LOOP_GRID: return tn_gen_grid(g, ins);
    case TN_LOOP_SERIAL: return tn_gen_serial(g, ins);
    default:
        return tn_fail(g->diag, TN_UNSUPPORTED,
            "kernel %s: loops over lanes are for groups, not for CPUs", g->k->name);
    }
}

SPELL(if)
{
    return tn_gen_if(g, ins);
}

SPELL(const)
{
    return set_value(g, ins, tn_gen_number(g, ins->type, ins->whole, ins->real));
}

SPELL(param)
{
    return set_value(g, ins, g->sizes[ins->whole]);
}

SPELL(fn)
{
    LLVMValueRef args[TN_INS_ARGS];

    for (int i = 0; i < ins->arg_count; i++)
        args[i] = operand(g, ins, i);
    return set_value(g, ins, tn_gen_function(g, ins->fn, ins->arg[0]->type, ins->type, args));
}

/* tn_gen_cells has made room. */
SPELL(cell)
{
    (void)g, (void)ins;
    return TN_OK;
}

SPELL(get)
{
    return tn_gen_cell_get(g, ins);
}

SPELL(set)
{
    return tn_gen_cell_set(g, ins);
}

SPELL(local)
{
    return tn_gen_local(g, ins);
}

SPELL(load)
{
    return tn_gen_load(g, ins);
}

SPELL(store)
{
    return tn_gen_store(g, ins);
}

SPELL(gather)
{
    return tn_gen_gather(g, ins);
}

SPELL(scatter)
{
    return tn_gen_scatter(g, ins);
}

SPELL(prefetch)
{
    return tn_gen_prefetch(g, ins);
}

SPELL(splat)
{
    return set_value(g, ins, tn_gen_splat(g, operand(g, ins, 0), ins->type.lanes));
}

SPELL(lanes)
{
    return set_value(g, ins, tn_gen_iota(g, tn_gen_bits(g, 32), ins->type.lanes));
}

/* Compared in the widest lanes that a 512-bit vector has room for, as masks
 * are most at home beside data of that width. */
SPELL(below)
{
    unsigned lanes = ins->type.lanes;
    LLVMValueRef count = operand(g, ins, 0);
    LLVMTypeRef type = LLVMTypeOf(count),
                lane = tn_gen_bits(g,
                    lanes > 32       ? 8
                        : lanes > 16 ? 16
                                     : 32);
    LLVMValueRef least = tn_gen_binary(g, "llvm.smax", count, tn_gen_whole(type, 0));
    LLVMValueRef most = tn_gen_binary(g, "llvm.smin", least, tn_gen_whole(type, (int64_t)lanes));
    LLVMValueRef narrow = LLVMBuildTrunc(g->b, most, lane, "");
    LLVMValueRef limit = tn_gen_splat(g, narrow, lanes);
    LLVMValueRef iota = tn_gen_iota(g, lane, lanes);

    return set_value(g, ins, LLVMBuildICmp(g->b, LLVMIntSLT, iota, limit, ""));
}

SPELL(extract)
{
    LLVMValueRef index = tn_gen_i64(g, ins->whole);

    return set_value(g, ins, LLVMBuildExtractElement(g->b, operand(g, ins, 0), index, ""));
}

/* The lanes first, first + step, .. of a vector, half as many as it has. */
static LLVMValueRef
half_of(const tn_gen *g, LLVMValueRef vector, int64_t first, int64_t step)
{
    unsigned half = LLVMGetVectorSize(LLVMTypeOf(vector)) / 2;
    LLVMTypeRef i32 = tn_gen_bits(g, 32);
    LLVMValueRef by = tn_gen_whole(tn_gen_vector(i32, half), step);
    LLVMValueRef spread = LLVMBuildMul(g->b, tn_gen_iota(g, i32, half), by, "");
    LLVMValueRef mask =
        LLVMBuildAdd(g->b, spread, tn_gen_whole(tn_gen_vector(i32, half), first), "");

    return LLVMBuildShuffleVector(g->b, vector, LLVMGetPoison(LLVMTypeOf(vector)), mask, "");
}

/* Sums and products in the order that is promised; where any order gives the
 * same, the lower and the upper half, which is a shuffle less. */
static LLVMValueRef
fold_lanes(const tn_gen *g, tn_fn fn, tn_ktype type, LLVMValueRef value)
{
    bool ordered = fn == TN_FN_add || fn == TN_FN_mul;
    LLVMValueRef pair[2];

    for (; type.lanes > 2; type.lanes /= 2) {
        int64_t second = ordered ? 1 : type.lanes / 2;

        pair[0] = half_of(g, value, 0, ordered ? 2 : 1);
        pair[1] = half_of(g, value, second, ordered ? 2 : 1);
        value = tn_gen_function(g, fn, type, type, pair);
    }
    type.lanes = 1;
    for (int i = 0; i < 2; i++)
        pair[i] = LLVMBuildExtractElement(g->b, value, tn_gen_i64(g, i), "");
    return tn_gen_function(g, fn, type, type, pair);
}

/* NaN of any lane, looked for once and not at every fold. */
static LLVMValueRef
fold_keeping(const tn_gen *g, tn_fn quick, tn_ktype type, LLVMValueRef value)
{
    LLVMValueRef nan = LLVMBuildFCmp(g->b, LLVMRealUNO, value, value, ""), any;
    LLVMTypeRef bits = tn_gen_bits(g, type.lanes);

    any = LLVMBuildBitCast(g->b, nan, bits, "");
    any = LLVMBuildICmp(g->b, LLVMIntNE, any, tn_gen_whole(bits, 0), "");
    value = fold_lanes(g, quick, type, value);
    return LLVMBuildSelect(g->b, any, tn_gen_real(LLVMTypeOf(value), NAN), value, "");
}

SPELL(across)
{
    LLVMValueRef value = operand(g, ins, 0);
    tn_ktype type = ins->arg[0]->type;
    bool least = ins->fn == TN_FN_min, keeps = least || ins->fn == TN_FN_max;

    if (keeps && tn_is_float(type.dtype) && g->target->arch == 1)
        value = fold_keeping(g, least ? TN_FN_minq : TN_FN_maxq, type, value);
    else
        value = fold_lanes(g, ins->fn, type, value);
    return set_value(g, ins, value);
}

static tn_status
only_groups(tn_gen *g, const tn_ins *ins)
{
    return tn_fail(g->diag, TN_UNSUPPORTED, "kernel %s: %s is for groups, not for CPUs", g->k->name,
        tn_kop_name(ins->op));
}

SPELL(barrier)
{
    return only_groups(g, ins);
}

SPELL(sg_reduce)
{
    return only_groups(g, ins);
}

SPELL(check)
{
    return tn_gen_check(g, ins);
}

/* clang-format off */
static tn_status (*const spellings[TN_K_COUNT])(tn_gen *, const tn_ins *) = {
#define TN_K(name, ...) [TN_K_##name] = spell_##name,
#include "ir/kernel/kops.def"
};
/* clang-format on */

tn_status
tn_gen_block(tn_gen *g, const tn_kblock *block)
{
    LLVMValueRef top = g->top;

    for (uint32_t i = 0; i < block->ins.count; i++)
        TN_TRY(spellings[block->ins.at[i]->op](g, block->ins.at[i]));
    g->top = top;
    return TN_OK;
}
