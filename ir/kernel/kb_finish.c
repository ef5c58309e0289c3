/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kb.h"

/* The last step of building: what has no effect goes, the rest is numbered in
 * program order. Operands stand before their users, so one walk from the end
 * finds all that is used. */
typedef struct sweep {
    tn_kb *b;
    bool *used; /* by id */
    bool *mem_used, *cell_used;
    uint32_t next;
} sweep;

static bool
has_effect(const sweep *s, const tn_ins *ins)
{
    switch (ins->op) {
    case TN_K_set:
    case TN_K_store:
    case TN_K_scatter:
    case TN_K_prefetch:
    case TN_K_barrier:
    case TN_K_sg_reduce:
    case TN_K_check: return true;
    case TN_K_cell: return s->cell_used[ins->cell->index];
    case TN_K_local: return s->mem_used[ins->mem->index];
    default: return false;
    }
}

static bool keep_used(sweep *s, tn_kblock *block);

static bool
keep(sweep *s, tn_ins *ins)
{
    bool kept = s->used[ins->id] || has_effect(s, ins);
    if (ins->op == TN_K_loop || ins->op == TN_K_if) {
        kept = keep_used(s, ins->body) || kept;
        if (ins->orelse) {
            kept = keep_used(s, ins->orelse) || kept;
            ins->orelse = ins->orelse->ins.count ? ins->orelse : NULL;
        }
        kept = kept || ins->loop == TN_LOOP_GRID;
        if (ins->op == TN_K_loop && ins->loop != TN_LOOP_GRID)
            kept = ins->body->ins.count > 0;
    }
    if (!kept)
        return false;
    for (int i = 0; i < ins->arg_count; i++)
        s->used[ins->arg[i]->id] = true;
    if (ins->cell)
        s->cell_used[ins->cell->index] = true;
    if (ins->mem && ins->mem->space == TN_SPACE_LOCAL)
        s->mem_used[ins->mem->index] = true;
    return true;
}

/* Whether anything is left. */
static bool
keep_used(sweep *s, tn_kblock *block)
{
    uint32_t left = block->ins.count;
    for (uint32_t i = block->ins.count; i-- > 0;)
        if (keep(s, block->ins.at[i]))
            block->ins.at[--left] = block->ins.at[i];
    uint32_t count = block->ins.count - left;
    for (uint32_t i = 0; i < count; i++)
        block->ins.at[i] = block->ins.at[left + i];
    block->ins.count = count;
    return count > 0;
}

static void
number(sweep *s, tn_kblock *block)
{
    tn_kernel *k = s->b->k;
    for (uint32_t i = 0; i < block->ins.count; i++) {
        tn_ins *ins = block->ins.at[i];
        ins->id = s->next++;
        if (ins->op == TN_K_cell) {
            ins->cell->index = k->cells.count;
            tn_push(k->arena, &k->cells, ins->cell);
        } else if (ins->op == TN_K_local) {
            ins->mem->index = k->locals.count;
            tn_push(k->arena, &k->locals, ins->mem);
        }
        if (ins->body)
            number(s, ins->body);
        if (ins->orelse)
            number(s, ins->orelse);
    }
}

void
tn_kb_sweep(tn_kb *b)
{
    tn_kernel *k = b->k;
    sweep s = {
        .b = b,
        .used = tn_new_array(b->arena, bool, k->ins_count),
        .mem_used = tn_new_array(b->arena, bool, k->locals.count),
        .cell_used = tn_new_array(b->arena, bool, k->cells.count),
    };
    keep_used(&s, k->root);
    k->cells.count = k->locals.count = 0;
    number(&s, k->root);
    k->ins_count = s.next;
}
