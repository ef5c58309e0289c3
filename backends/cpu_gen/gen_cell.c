/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen_cell.h"

#include "ir/kernel/kraw.h"

/* What variables of one kernel may take of a worker's stack. */
enum { STACK_LIMIT = 256 << 10 };

/* True if no get or set has an index that is only known at run time. */
static void
find_variable_indices(tn_gen *g, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];
        int first = ins->op == TN_K_set ? 1 : 0;

        if (ins->op == TN_K_get || ins->op == TN_K_set) {
            for (int n = first; n < ins->arg_count; n++) {
                if (ins->arg[n]->op != TN_K_const)
                    g->cells[ins->cell->index].split = false;
            }
        }
        if (ins->body)
            find_variable_indices(g, ins->body);
        if (ins->orelse)
            find_variable_indices(g, ins->orelse);
    }
}

static tn_status
take_stack(tn_gen *g, const tn_kcell *cell, uint64_t count)
{
    uint64_t bytes = (uint64_t)tn_dtype_bytes(cell->type.dtype) * cell->type.lanes;

    g->stack_bytes += count * bytes;
    if (g->stack_bytes > STACK_LIMIT)
        return tn_fail(g->diag, TN_LIMIT, "kernel %s: cells of more than %d bytes", g->k->name,
            (int)STACK_LIMIT);
    return TN_OK;
}

tn_status
tn_gen_cells(tn_gen *g)
{
    g->cells = tn_new_array(g->arena, tn_gen_cell, g->k->cells.count + 1);
    for (uint32_t i = 0; i < g->k->cells.count; i++)
        g->cells[i].split = true;
    find_variable_indices(g, g->k->root);
    for (uint32_t i = 0; i < g->k->cells.count; i++) {
        const tn_kcell *cell = g->k->cells.at[i];
        LLVMTypeRef type = tn_gen_type(g, cell->type);
        uint32_t count = tn_kcell_count(cell);

        if (g->cells[i].split) {
            g->cells[i].elements = tn_new_array(g->arena, LLVMValueRef, count);
            continue;
        }
        TN_TRY(take_stack(g, cell, count));
        g->cells[i].array = LLVMBuildAlloca(g->head, LLVMArrayType2(type, count), "");
    }
    return TN_OK;
}

/* Elements get their variables at the first use: most kernels use all. */
static tn_status
split_element(tn_gen *g, const tn_ins *ins, int first, LLVMValueRef *out)
{
    const tn_kcell *cell = ins->cell;
    tn_gen_cell *c = &g->cells[cell->index];
    int64_t at = 0;

    for (int i = 0; i < cell->rank; i++) {
        int64_t index = ins->arg[first + i]->whole;

        if (index < 0 || index >= cell->dim[i])
            return tn_fail(g->diag, TN_BUG, "kernel %s: cell %s has no element %lld", g->k->name,
                cell->name, (long long)index);
        at = at * cell->dim[i] + index;
    }
    if (!c->elements[at]) {
        TN_TRY(take_stack(g, cell, 1));
        c->elements[at] = LLVMBuildAlloca(g->head, tn_gen_type(g, cell->type), "");
    }
    *out = c->elements[at];
    return TN_OK;
}

static LLVMValueRef
array_element(tn_gen *g, const tn_ins *ins, int first)
{
    const tn_kcell *cell = ins->cell;
    LLVMTypeRef index_type = tn_gen_scalar(g, g->k->index);
    LLVMValueRef at = LLVMConstNull(index_type);

    for (int i = 0; i < cell->rank; i++) {
        LLVMValueRef rows = LLVMBuildMul(g->b, at, tn_gen_whole(index_type, cell->dim[i]), "");

        at = LLVMBuildAdd(g->b, rows, g->values[ins->arg[first + i]->id], "");
    }
    return LLVMBuildGEP2(g->b, tn_gen_type(g, cell->type), g->cells[cell->index].array, &at, 1, "");
}

static tn_status
element(tn_gen *g, const tn_ins *ins, int first, LLVMValueRef *out)
{
    if (g->cells[ins->cell->index].split)
        return split_element(g, ins, first, out);
    *out = array_element(g, ins, first);
    return TN_OK;
}

tn_status
tn_gen_cell_get(tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef at;

    TN_TRY(element(g, ins, 0, &at));
    g->values[ins->id] = LLVMBuildLoad2(g->b, tn_gen_type(g, ins->type), at, "");
    return TN_OK;
}

tn_status
tn_gen_cell_set(tn_gen *g, const tn_ins *ins)
{
    LLVMValueRef at;

    TN_TRY(element(g, ins, 1, &at));
    LLVMBuildStore(g->b, g->values[ins->arg[0]->id], at);
    return TN_OK;
}
