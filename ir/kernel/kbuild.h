/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KBUILD_H
#define TN_IR_KERNEL_KBUILD_H

#include "ir/kernel/kernel.h"

/* Builds kernels. Pure scalar integers are shared (CSE) and placed at the
 * deepest block of their operands, so loop-invariant address arithmetic is
 * hoisted by construction; floats, vectors and loads stay where they are
 * asked for (vectors and floats are shared within the block chain). Constants
 * fold with the rules of fns.def. Functions of fns.def that are not native are
 * expanded here, for every device alike. Addresses are normalised: flattened
 * to a sum of products, constants distributed, equal terms merged, added in
 * the order of the depth at which a term is known. At most one builder call
 * among the arguments of a call. */
typedef struct tn_kb tn_kb;

/* `index` is the type of addresses: TN_I64 (CPU) or TN_I32 (GPU). */
tn_kb *tn_kb_create(tn_arena *arena, const char *name, tn_dtype index, bool exact);
/* Finishes: takes extent of the grid (scalar over sizes and constants) and
 * computes tasks and scratch formulas. */
tn_kernel *tn_kb_finish(tn_kb *b);
tn_kernel *tn_kb_kernel(tn_kb *b);

tn_kmem *tn_kb_global(tn_kb *b, const char *name, tn_dtype dtype, bool read, bool written);
/* A size by name; the same name is the same size. Of the index type. */
tn_ins *tn_kb_size(tn_kb *b, const char *name, int64_t low, int64_t high);
uint32_t tn_kb_site(tn_kb *b, const char *what);

/* Loops and conditions: open returns the index (NULL for if); code built until
 * the matching close goes inside. `kind` UNROLL needs constant bounds. */
tn_ins *tn_kb_loop(tn_kb *b, tn_loop_kind kind, tn_ins *low, tn_ins *high, int64_t step,
    const char *name);
void tn_kb_if(tn_kb *b, tn_ins *condition);
void tn_kb_else(tn_kb *b);
void tn_kb_close(tn_kb *b); /* the innermost open loop, if or else */
/* for (tn_ins *i = open; i; i = close): one statement opens and closes. */
#define TN_KFOR(b, i, kind, low, high, step, name)                                      \
    for (tn_ins *i = tn_kb_loop((b), (kind), (low), (high), (step), (name)); i != NULL; \
        tn_kb_close(b), i = NULL)

/* Constants. tn_kb_int is of the index type. */
tn_ins *tn_kb_int(tn_kb *b, int64_t value);
tn_ins *tn_kb_whole(tn_kb *b, tn_dtype dtype, int64_t value); /* integers, bool */
tn_ins *tn_kb_real(tn_kb *b, tn_dtype dtype, double value);   /* f32, f64 */
/* True for a constant integer; its value. */
bool tn_kb_is_int(const tn_ins *v, int64_t *value);

/* Any function of fns.def. Scalars among vectors are splatted; i32 meeting
 * i64: the scalar is widened, the vector is narrowed. */
tn_ins *tn_kb_fn1(tn_kb *b, tn_fn fn, tn_ins *a);
tn_ins *tn_kb_fn2(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c);
tn_ins *tn_kb_fn3(tn_kb *b, tn_fn fn, tn_ins *a, tn_ins *c, tn_ins *d);
tn_ins *tn_kb_cast(tn_kb *b, tn_dtype to, tn_ins *a);
tn_ins *tn_kb_bits(tn_kb *b, tn_dtype to, tn_ins *a);

static inline tn_ins *
tn_kb_add(tn_kb *b, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(b, TN_FN_add, a, c);
}

static inline tn_ins *
tn_kb_sub(tn_kb *b, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(b, TN_FN_sub, a, c);
}

static inline tn_ins *
tn_kb_mul(tn_kb *b, tn_ins *a, tn_ins *c)
{
    return tn_kb_fn2(b, TN_FN_mul, a, c);
}

/* Vectors. */
tn_ins *tn_kb_splat(tn_kb *b, tn_ins *scalar, int lanes);
tn_ins *tn_kb_lanes(tn_kb *b, int lanes);
tn_ins *tn_kb_below(tn_kb *b, tn_ins *count, int lanes); /* count of the index type */
tn_ins *tn_kb_extract(tn_kb *b, tn_ins *vector, int lane);
tn_ins *tn_kb_across(tn_kb *b, tn_fn fn, tn_ins *vector); /* add mul min max minq maxq and or */

/* Cells; indices are of the index type. A scalar set into a vector cell is
 * splatted. */
tn_kcell *tn_kb_cell(tn_kb *b, const char *name, tn_ktype type, int rank, const int *dims,
    bool per_lane);
tn_ins *tn_kb_get(tn_kb *b, tn_kcell *cell, int rank, tn_ins *const *index);
void tn_kb_set(tn_kb *b, tn_kcell *cell, tn_ins *value, int rank, tn_ins *const *index);

/* Memory. `count` elements; constant in kernels with LANE loops. */
tn_kmem *tn_kb_local(tn_kb *b, const char *name, tn_dtype dtype, tn_ins *count);
/* `mask` may be NULL; `other` NULL is zero, else a constant. lanes 1: scalar. */
tn_ins *tn_kb_load(tn_kb *b, tn_kmem *mem, tn_ins *address, int lanes, tn_ins *mask, tn_ins *other);
void tn_kb_store(tn_kb *b, tn_kmem *mem, tn_ins *address, tn_ins *value, tn_ins *mask);
tn_ins *tn_kb_gather(tn_kb *b, tn_kmem *mem, tn_ins *base, tn_ins *indices, tn_ins *mask,
    tn_ins *other);
void tn_kb_scatter(tn_kb *b, tn_kmem *mem, tn_ins *base, tn_ins *indices, tn_ins *value,
    tn_ins *mask);
/* For machines without lanes of a group. */
void tn_kb_prefetch(tn_kb *b, tn_kmem *mem, tn_ins *address);

void tn_kb_barrier(tn_kb *b);
void tn_kb_sg_reduce(tn_kb *b, tn_fn fn, tn_kcell *cell);
void tn_kb_check(tn_kb *b, uint32_t site, tn_ins *condition, tn_ins *position, tn_ins *value);

/* Group size (LANE extent without TEAM) and subgroup size. */
void tn_kb_group(tn_kb *b, uint32_t lanes, uint32_t team);

#endif
