/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kernel.h"

#include <string.h>

#include "ir/kernel/kraw.h"

static const char *const names[TN_K_COUNT] = {
#define TN_K(name, ...) [TN_K_##name] = #name,
#include "ir/kernel/kops.def"
};

const char *
tn_kop_name(tn_kop op)
{
    return names[op];
}

tn_kop
tn_kop_find(const char *name, size_t length)
{
    for (int i = 0; i < TN_K_COUNT; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return (tn_kop)i;
    return TN_K_COUNT;
}

tn_kernel *
tn_kernel_new(tn_arena *arena, const char *name, tn_dtype index)
{
    tn_kernel *k = tn_new(arena, tn_kernel);
    *k = (tn_kernel){.arena = arena, .name = name, .index = index, .lanes = 1};
    k->root = tn_kblock_new(arena, NULL, NULL);
    return k;
}

tn_kblock *
tn_kblock_new(tn_arena *arena, tn_kblock *parent, tn_ins *owner)
{
    tn_kblock *block = tn_new(arena, tn_kblock);
    block->parent = parent;
    block->owner = owner;
    block->depth = parent ? parent->depth + 1 : 0;
    return block;
}

tn_ins *
tn_ins_new(tn_kernel *k, tn_kop op, tn_ktype type)
{
    tn_ins *ins = tn_new(k->arena, tn_ins);
    ins->op = op;
    ins->type = type;
    ins->id = k->ins_count++;
    return ins;
}

void
tn_kblock_append(tn_kernel *k, tn_kblock *block, tn_ins *ins)
{
    ins->block = block;
    tn_push(k->arena, &block->ins, ins);
}

tn_kmem *
tn_kmem_new(tn_kernel *k, const char *name, tn_dtype dtype, tn_space space)
{
    tn_kmem *mem = tn_new(k->arena, tn_kmem);
    *mem = (tn_kmem){.name = name, .dtype = dtype, .space = space};
    if (space == TN_SPACE_GLOBAL) {
        mem->index = k->globals.count;
        tn_push(k->arena, &k->globals, mem);
    } else {
        mem->read = mem->written = true;
        mem->index = k->locals.count;
        tn_push(k->arena, &k->locals, mem);
    }
    return mem;
}

tn_kcell *
tn_kcell_new(tn_kernel *k, const char *name, tn_ktype type)
{
    tn_kcell *cell = tn_new(k->arena, tn_kcell);
    *cell = (tn_kcell){.name = name, .type = type, .index = k->cells.count};
    tn_push(k->arena, &k->cells, cell);
    return cell;
}

uint32_t
tn_reduce_rows(uint32_t lanes)
{
    uint32_t rows = 1;

    if (lanes <= 16)
        return lanes;
    while (rows * rows < lanes || lanes % rows)
        rows++;
    return rows;
}
