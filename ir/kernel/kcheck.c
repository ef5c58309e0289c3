/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kcheck.h"

#include "ir/kernel/kraw.h"
#include "ir/kernel/teval.h"

static const char wrong_count[] = "wrong number of operands";
static const char wrong_type[] = "operand and result types do not fit";

bool
tn_kc_type_valid(tn_ktype type)
{
    unsigned lanes = type.lanes;
    return (unsigned)type.dtype < TN_DTYPE_COUNT && lanes >= 1 && lanes <= 64 &&
        (lanes & (lanes - 1)) == 0;
}

bool
tn_kc_computes(tn_dtype dtype)
{
    return dtype != TN_F16 && dtype != TN_BF16;
}

bool
tn_kc_reduces(tn_fn fn, tn_dtype dtype)
{
    switch (fn) {
    case TN_FN_add:
    case TN_FN_mul:
    case TN_FN_min:
    case TN_FN_max:
    case TN_FN_minq:
    case TN_FN_maxq: return tn_kc_computes(dtype) && dtype != TN_BOOL;
    case TN_FN_and:
    case TN_FN_or: return !tn_is_float(dtype);
    default: return false;
    }
}

static bool
same_types(const tn_ins *ins, int first)
{
    for (int i = first + 1; i < ins->arg_count; i++)
        if (!tn_ktype_equal(ins->arg[i]->type, ins->arg[first]->type))
            return false;
    return true;
}

static bool
cast_fits(tn_dtype from, tn_dtype to)
{
    if (from == to)
        return false;
    return (tn_kc_computes(from) || to == TN_F32) && (tn_kc_computes(to) || from == TN_F32);
}

static bool
function_fits(const tn_ins *ins)
{
    tn_ktype type = ins->type, first = ins->arg[0]->type;
    tn_dtype t = first.dtype;
    switch (tn_fn_info_of(ins->fn)->rule) {
    case TN_RULE_SAME:
        return same_types(ins, 0) && tn_ktype_equal(type, first) && t != TN_BOOL &&
            tn_kc_computes(t) && (ins->fn != TN_FN_rem || tn_is_int(t));
    case TN_RULE_FLOAT:
        return same_types(ins, 0) && tn_ktype_equal(type, first) && (t == TN_F32 || t == TN_F64);
    case TN_RULE_INT:
        return same_types(ins, 0) && tn_ktype_equal(type, first) && tn_is_int(t) &&
            (ins->fn != TN_FN_mulhi || t == TN_I32 || t == TN_U32);
    case TN_RULE_LOGIC: return same_types(ins, 0) && tn_ktype_equal(type, first) && !tn_is_float(t);
    case TN_RULE_TEST:
        return same_types(ins, 0) && type.dtype == TN_BOOL && type.lanes == first.lanes &&
            tn_kc_computes(t) && (t != TN_BOOL || ins->fn == TN_FN_eq);
    case TN_RULE_SELECT:
        return same_types(ins, 1) && tn_ktype_equal(type, ins->arg[1]->type) && t == TN_BOOL &&
            first.lanes == type.lanes;
    case TN_RULE_CAST: return type.lanes == first.lanes && cast_fits(t, type.dtype);
    case TN_RULE_BITS:
        return type.lanes == first.lanes && t != type.dtype && t != TN_BOOL &&
            type.dtype != TN_BOOL && tn_dtype_bytes(t) == tn_dtype_bytes(type.dtype);
    }
    return false;
}

static const char *
function_fault(const tn_ins *ins)
{
    if ((unsigned)ins->fn >= TN_FN_COUNT || !tn_fn_info_of(ins->fn)->native)
        return "not a native function";
    if (ins->arg_count != tn_fn_info_of(ins->fn)->arity)
        return wrong_count;
    return function_fits(ins) ? NULL : wrong_type;
}

static bool
number_fits(tn_dtype dtype, int64_t whole, double real)
{
    if (!tn_is_float(dtype))
        return tn_wrap(dtype, whole) == whole;
    return real != real || tn_round_to(dtype, real) == real;
}

static const char *
const_fault(const tn_kernel *k, const tn_ins *ins)
{
    if (ins->arg_count != 0)
        return wrong_count;
    if (ins->op == TN_K_param)
        return ins->whole >= 0 && ins->whole < (int64_t)k->sizes.count &&
                ins->type.dtype == k->index && ins->type.lanes == 1
            ? NULL
            : "not a size of the kernel";
    if (ins->type.lanes != 1 || !tn_kc_computes(ins->type.dtype) ||
        !number_fits(ins->type.dtype, ins->whole, ins->real))
        return "the number does not fit its type";
    return NULL;
}

static bool
is_index(const tn_kernel *k, const tn_ins *v)
{
    return v->type.dtype == k->index && v->type.lanes == 1;
}

static const char *
vector_fault(const tn_kernel *k, const tn_ins *ins)
{
    const tn_ins *from = ins->arg[0];
    tn_ktype type = ins->type;
    if (ins->arg_count != (ins->op == TN_K_lanes ? 0 : 1))
        return wrong_count;
    bool fits = false;
    switch (ins->op) {
    case TN_K_splat:
        fits = from->type.lanes == 1 && from->type.dtype == type.dtype && type.lanes > 1;
        break;
    case TN_K_lanes: fits = type.dtype == TN_I32 && type.lanes > 1; break;
    case TN_K_below: fits = is_index(k, from) && type.dtype == TN_BOOL && type.lanes > 1; break;
    case TN_K_extract:
        fits = from->type.dtype == type.dtype && type.lanes == 1 && ins->whole >= 0 &&
            ins->whole < from->type.lanes && from->type.lanes > 1;
        break;
    default: /* across */
        fits = from->type.dtype == type.dtype && type.lanes == 1 && from->type.lanes > 1 &&
            (unsigned)ins->fn < TN_FN_COUNT && tn_kc_reduces(ins->fn, type.dtype);
    }
    return fits ? NULL : wrong_type;
}

static const char *
cell_fault(const tn_kernel *k, const tn_ins *ins)
{
    const tn_kcell *cell = ins->cell;
    if (!cell)
        return "no cell is named";
    if (ins->op == TN_K_cell || ins->op == TN_K_sg_reduce) {
        if (ins->arg_count != 0 || ins->type.lanes != 0)
            return wrong_count;
        return ins->op == TN_K_cell ||
                (cell->rank == 0 && cell->type.lanes == 1 && (unsigned)ins->fn < TN_FN_COUNT &&
                    tn_kc_reduces(ins->fn, cell->type.dtype))
            ? NULL
            : wrong_type;
    }
    int first = ins->op == TN_K_set ? 1 : 0;
    if (ins->arg_count != first + cell->rank)
        return wrong_count;
    tn_ktype type = first ? ins->arg[0]->type : ins->type;
    if (!tn_ktype_equal(type, cell->type) || (first && ins->type.lanes != 0))
        return wrong_type;
    for (int i = first; i < ins->arg_count; i++)
        if (!is_index(k, ins->arg[i]))
            return "an index is not of the index type";
    return NULL;
}

static const char *
memory_fault(const tn_kernel *k, const tn_ins *ins)
{
    bool list = ins->op == TN_K_gather || ins->op == TN_K_scatter;
    bool write = ins->op == TN_K_store || ins->op == TN_K_scatter;
    int plain = 1 + list + write;
    if (!ins->mem)
        return "no memory is named";
    if (ins->arg_count != plain && ins->arg_count != plain + 1)
        return wrong_count;
    tn_ktype type = write ? ins->arg[plain - 1]->type : ins->type;
    if (type.dtype != ins->mem->dtype || (write && ins->type.lanes != 0))
        return wrong_type;
    if (!is_index(k, ins->arg[0]))
        return "the address is not of the index type";
    if (list && !tn_ktype_equal(ins->arg[1]->type, (tn_ktype){TN_I32, type.lanes}))
        return wrong_type;
    if (ins->arg_count > plain &&
        !tn_ktype_equal(ins->arg[plain]->type, (tn_ktype){TN_BOOL, type.lanes}))
        return "the mask does not fit";
    if (!write && !number_fits(type.dtype, ins->other, ins->real))
        return "the number does not fit its type";
    return NULL;
}

static const char *
plain_fault(const tn_kernel *k, const tn_ins *ins)
{
    switch (ins->op) {
    case TN_K_loop:
        if (ins->arg_count != 2 || ins->orelse || (unsigned)ins->loop > TN_LOOP_UNROLL)
            return wrong_count;
        return is_index(k, ins->arg[0]) && is_index(k, ins->arg[1]) &&
                tn_ktype_equal(ins->type, (tn_ktype){k->index, 1})
            ? NULL
            : wrong_type;
    case TN_K_if:
        if (ins->arg_count != 1)
            return wrong_count;
        return tn_ktype_equal(ins->arg[0]->type, (tn_ktype){TN_BOOL, 1}) && !ins->type.lanes
            ? NULL
            : wrong_type;
    case TN_K_local:
        if (ins->arg_count != 1 || !ins->mem)
            return wrong_count;
        return is_index(k, ins->arg[0]) && !ins->type.lanes ? NULL : wrong_type;
    case TN_K_barrier: return ins->arg_count || ins->type.lanes ? wrong_count : NULL;
    case TN_K_prefetch:
        if (ins->arg_count != 1 || !ins->mem)
            return wrong_count;
        return is_index(k, ins->arg[0]) && !ins->type.lanes ? NULL : wrong_type;
    default: { /* check */
        if (ins->arg_count != 3)
            return wrong_count;
        uint16_t lanes = ins->arg[0]->type.lanes;
        return ins->arg[0]->type.dtype == TN_BOOL && same_types(ins, 1) &&
                tn_ktype_equal(ins->arg[1]->type, (tn_ktype){TN_I32, lanes}) && !ins->type.lanes
            ? NULL
            : wrong_type;
    }
    }
}

const char *
tn_kc_type_fault(const tn_kernel *k, const tn_ins *ins)
{
    if (ins->type.lanes && !tn_kc_type_valid(ins->type))
        return "not a type";
    switch (ins->op) {
    case TN_K_const:
    case TN_K_param: return const_fault(k, ins);
    case TN_K_fn: return ins->type.lanes ? function_fault(ins) : wrong_type;
    case TN_K_splat:
    case TN_K_lanes:
    case TN_K_below:
    case TN_K_extract:
    case TN_K_across: return vector_fault(k, ins);
    case TN_K_cell:
    case TN_K_get:
    case TN_K_set:
    case TN_K_sg_reduce: return cell_fault(k, ins);
    case TN_K_load:
    case TN_K_store:
    case TN_K_gather:
    case TN_K_scatter: return memory_fault(k, ins);
    case TN_K_COUNT: return "not an instruction";
    default: return plain_fault(k, ins);
    }
}
