/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kb.h"

/* A copy of a kernel through the builder, which folds what constant indices
 * make constant. Addresses keep the order of their sums: brought into normal
 * form again, what came from an unrolled row would be added first, and a
 * pointer for each row would live across the inner loop. */
enum { COPY_LIMIT = 1 << 18 };

typedef struct copier {
    tn_kb *b;
    tn_diag *diag;
    tn_ins **value;  /* by id in the old kernel */
    tn_kmem **global, **local;
    tn_kcell **cell;
} copier;

static tn_status copy_block(copier *c, const tn_kblock *block);

static void
copy_args(const copier *c, const tn_ins *ins, tn_ins **out)
{
    for (int i = 0; i < ins->arg_count; i++)
        out[i] = c->value[ins->arg[i]->id];
}

/* ---- loops and conditions ---- */

static tn_status
copy_unrolled(copier *c, const tn_ins *ins)
{
    int64_t high = ins->arg[1]->whole;
    for (int64_t i = ins->arg[0]->whole; i < high; i += ins->whole) {
        c->value[ins->id] = tn_kb_int(c->b, i);
        TN_TRY(copy_block(c, ins->body));
    }
    return TN_OK;
}

static tn_status
copy_loop(copier *c, const tn_ins *ins)
{
    if (ins->loop == TN_LOOP_UNROLL)
        return copy_unrolled(c, ins);
    tn_ins *low = c->value[ins->arg[0]->id], *high = c->value[ins->arg[1]->id];
    c->value[ins->id] = tn_kb_loop(c->b, ins->loop, low, high, ins->whole, ins->name);
    TN_TRY(copy_block(c, ins->body));
    tn_kb_close(c->b);
    return TN_OK;
}

static tn_status
copy_if(copier *c, const tn_ins *ins)
{
    tn_kb_if(c->b, c->value[ins->arg[0]->id]);
    TN_TRY(copy_block(c, ins->body));
    if (ins->orelse) {
        tn_kb_else(c->b);
        TN_TRY(copy_block(c, ins->orelse));
    }
    tn_kb_close(c->b);
    return TN_OK;
}

/* ---- values ---- */

static tn_ins *
copy_function(copier *c, const tn_ins *ins, tn_ins **args)
{
    if (ins->fn == TN_FN_cast)
        return tn_kb_cast(c->b, ins->type.dtype, args[0]);
    if (ins->fn == TN_FN_bits)
        return tn_kb_bits(c->b, ins->type.dtype, args[0]);
    return tn_kb_native(c->b, ins->fn, ins->arg_count, args);
}

static tn_ins *
copy_pure(copier *c, const tn_ins *ins)
{
    tn_kb *b = c->b;
    tn_ins *args[TN_INS_ARGS];
    copy_args(c, ins, args);
    switch (ins->op) {
    case TN_K_const:
        return tn_is_float(ins->type.dtype) ? tn_kb_real(b, ins->type.dtype, ins->real)
                                            : tn_kb_whole(b, ins->type.dtype, ins->whole);
    case TN_K_param: {
        const tn_ksize *size = &b->k->sizes.at[ins->whole];
        return tn_kb_size(b, size->name, size->low, size->high);
    }
    case TN_K_splat: return tn_kb_splat(b, args[0], ins->type.lanes);
    case TN_K_lanes: return tn_kb_lanes(b, ins->type.lanes);
    case TN_K_below: return tn_kb_below(b, args[0], ins->type.lanes);
    case TN_K_extract: return tn_kb_extract(b, args[0], (int)ins->whole);
    case TN_K_across: return tn_kb_across(b, ins->fn, args[0]);
    default: return copy_function(c, ins, args);
    }
}

/* ---- what happens where it stands ---- */

static tn_kmem *
copied_memory(const copier *c, const tn_ins *ins)
{
    return (ins->mem->space == TN_SPACE_GLOBAL ? c->global : c->local)[ins->mem->index];
}

static tn_ins *
copy_access(copier *c, const tn_ins *ins)
{
    bool list = ins->op == TN_K_gather || ins->op == TN_K_scatter;
    bool write = ins->op == TN_K_store || ins->op == TN_K_scatter;
    int plain = 1 + list + write;
    tn_ins *args[TN_INS_ARGS];
    copy_args(c, ins, args);
    tn_ins proto = {.op = ins->op, .type = ins->type, .real = ins->real, .other = ins->other};
    proto.mem = copied_memory(c, ins);
    for (int i = 0; i < plain; i++)
        tn_kb_arg(&proto, args[i]);
    return tn_kb_access(c->b, &proto, ins->arg_count > plain ? args[plain] : NULL);
}

static void
copy_cell(copier *c, const tn_ins *ins)
{
    const tn_kcell *cell = ins->cell;
    int dims[TN_CELL_RANK];
    for (int i = 0; i < cell->rank; i++)
        dims[i] = cell->dim[i];
    c->cell[cell->index] =
        tn_kb_cell(c->b, cell->name, cell->type, cell->rank, dims, cell->per_lane);
}

static tn_ins *
copy_placed(copier *c, const tn_ins *ins)
{
    tn_kb *b = c->b;
    tn_ins *args[TN_INS_ARGS];
    copy_args(c, ins, args);
    tn_kcell *cell = ins->cell ? c->cell[ins->cell->index] : NULL;
    switch (ins->op) {
    case TN_K_cell: copy_cell(c, ins); return NULL;
    case TN_K_get: return tn_kb_get(b, cell, ins->arg_count, args);
    case TN_K_set: tn_kb_set(b, cell, args[0], ins->arg_count - 1, args + 1); return NULL;
    case TN_K_local:
        c->local[ins->mem->index] = tn_kb_local(b, ins->mem->name, ins->mem->dtype, args[0]);
        return NULL;
    case TN_K_prefetch: tn_kb_prefetch(b, copied_memory(c, ins), args[0]); return NULL;
    case TN_K_barrier: tn_kb_barrier(b); return NULL;
    case TN_K_sg_reduce: tn_kb_sg_reduce(b, ins->fn, cell); return NULL;
    case TN_K_check: tn_kb_check(b, (uint32_t)ins->whole, args[0], args[1], args[2]); return NULL;
    default: return copy_access(c, ins);
    }
}

static bool
is_pure(tn_kop op)
{
    return op == TN_K_const || op == TN_K_param || op == TN_K_fn || op == TN_K_splat ||
        op == TN_K_lanes || op == TN_K_below || op == TN_K_extract || op == TN_K_across;
}

static tn_status
copy_block(copier *c, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];
        if (c->b->k->ins_count > COPY_LIMIT)
            return tn_fail(c->diag, TN_LIMIT, "kernel %s: more than %d instructions unrolled",
                c->b->k->name, COPY_LIMIT);
        if (ins->op == TN_K_loop)
            TN_TRY(copy_loop(c, ins));
        else if (ins->op == TN_K_if)
            TN_TRY(copy_if(c, ins));
        else
            c->value[ins->id] = is_pure(ins->op) ? copy_pure(c, ins) : copy_placed(c, ins);
    }
    return TN_OK;
}

tn_status
tn_kernel_unroll(tn_arena *arena, tn_diag *diag, const tn_kernel *k, tn_kernel **out)
{
    tn_kb *b = tn_kb_create(arena, k->name, k->index, k->exact);
    copier c = {
        .b = b,
        .diag = diag,
        .value = tn_new_array(arena, tn_ins *, k->ins_count + 1),
        .global = tn_new_array(arena, tn_kmem *, k->globals.count + 1),
        .local = tn_new_array(arena, tn_kmem *, k->locals.count + 1),
        .cell = tn_new_array(arena, tn_kcell *, k->cells.count + 1),
    };
    tn_kb_group(b, k->lanes, k->team);
    for (uint32_t i = 0; i < k->sizes.count; i++)
        tn_push(arena, &b->k->sizes, k->sizes.at[i]);
    for (uint32_t i = 0; i < k->sites.count; i++)
        tn_push(arena, &b->k->sites, k->sites.at[i]);
    for (uint32_t i = 0; i < k->globals.count; i++) {
        const tn_kmem *mem = k->globals.at[i];
        c.global[i] = tn_kb_global(b, mem->name, mem->dtype, mem->read, mem->written);
    }
    TN_TRY(copy_block(&c, k->root));
    tn_kb_sweep(b);
    if (!tn_kernel_formulas(b->k))
        return tn_fail(diag, TN_LIMIT, "kernel %s: its sizes are too long unrolled", k->name);
    *out = b->k;
    return TN_OK;
}
