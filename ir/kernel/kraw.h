/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KRAW_H
#define TN_IR_KERNEL_KRAW_H

#include "ir/kernel/kernel.h"

/* Raw construction of kernels, for the builder, the readers and rewriting:
 * nothing is checked, shared or folded. */

enum {
    TN_KERNEL_NESTING = 64, /* loops and conditions inside each other */
    TN_KERNEL_NAMES = 256,  /* bytes of a name */
    TN_KERNEL_TEXTS = 1024, /* bytes of what a check is for */
    TN_KERNEL_RECORDS = 1 << 20, /* instructions that a reader accepts */
};

tn_kernel *tn_kernel_new(tn_arena *arena, const char *name, tn_dtype index);
tn_kblock *tn_kblock_new(tn_arena *arena, tn_kblock *parent, tn_ins *owner);
/* Not yet placed; takes the next id. */
tn_ins *tn_ins_new(tn_kernel *k, tn_kop op, tn_ktype type);
void tn_kblock_append(tn_kernel *k, tn_kblock *block, tn_ins *ins);
tn_kmem *tn_kmem_new(tn_kernel *k, const char *name, tn_dtype dtype, tn_space space);
tn_kcell *tn_kcell_new(tn_kernel *k, const char *name, tn_ktype type);

/* Computes `tasks` and `scratch` from the instructions. False if they are no
 * formulas over sizes and constants, or too large. */
bool tn_kernel_formulas(tn_kernel *k);

/* The block from which on a value can be used: the body for a loop's index. */
static inline tn_kblock *
tn_ins_home(const tn_ins *v)
{
    return v->op == TN_K_loop ? v->body : v->block;
}

static inline bool
tn_ktype_equal(tn_ktype a, tn_ktype b)
{
    return a.dtype == b.dtype && a.lanes == b.lanes;
}

/* Number of elements of a cell. */
static inline uint32_t
tn_kcell_count(const tn_kcell *cell)
{
    uint32_t count = 1;
    for (int i = 0; i < cell->rank; i++)
        count *= cell->dim[i];
    return count;
}

#endif
