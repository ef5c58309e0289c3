/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KB_H
#define TN_IR_KERNEL_KB_H

#include "ir/base/map.h"
#include "ir/kernel/kbuild.h"
#include "ir/kernel/kraw.h"

/* The insides of the builder, shared by its files. */

/* What is open: a loop or condition, code that runs exactly once and needs no
 * block of its own, or code that never runs and is thrown away. */
typedef enum kb_kind { KB_LOOP, KB_IF, KB_ELSE, KB_ONCE, KB_NEVER } kb_kind;

typedef struct kb_open {
    kb_kind kind;
    tn_ins *ins;      /* KB_LOOP KB_IF KB_ELSE */
    tn_kblock *outer; /* the block to go on in */
    bool condition;   /* ONCE and NEVER: of a folded `if`, which may get an else */
} kb_open;

typedef struct kb_range {
    int64_t low, high;
} kb_range;

struct tn_kb {
    tn_arena *arena;
    tn_kernel *k;
    tn_kblock *cur;
    TN_VEC(tn_kblock *) chain; /* open blocks by depth */
    TN_VEC(kb_open) open;
    tn_ins **slots; /* shared values: open addressing */
    uint32_t slot_count, slot_used;
    TN_VEC(kb_range) range; /* by id, of scalar integers and bools */
    tn_map names;
    tn_ins *reduced[3]; /* sine and cosine of one angle share: angle, rest, quadrant */
    bool finished;
};

/* ---- kb_value.c ---- */

/* The value equal to `proto` that can be seen from here, or a new one in
 * `block`. */
tn_ins *tn_kb_shared(tn_kb *b, const tn_ins *proto, tn_kblock *block);
/* Places a new instruction at the end of the current block. */
tn_ins *tn_kb_placed(tn_kb *b, tn_kop op, tn_ktype type);
void tn_kb_arg(tn_ins *ins, tn_ins *arg);
/* A native function on operands of fitting types; folds. */
tn_ins *tn_kb_native(tn_kb *b, tn_fn fn, int count, tn_ins *const *args);
/* The same without folding: instruction only. */
tn_ins *tn_kb_native_raw(tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args);
tn_ins *tn_kb_splatted(tn_kb *b, tn_ins *v, int lanes); /* unchanged if wide already */
bool tn_kb_is_open(const tn_kb *b, const tn_kblock *block);

static inline bool
kb_is_const(const tn_ins *v)
{
    return v->op == TN_K_const;
}

/* ---- tn_kb_fold.c ---- */

/* The value that a native function of these operands folds to, or NULL. */
tn_ins *tn_kb_fold(tn_kb *b, tn_fn fn, tn_ktype type, int count, tn_ins *const *args);
tn_ins *tn_kb_fold_cast(tn_kb *b, tn_dtype to, tn_ins *a);

/* ---- kb_range.c ---- */

/* Bounds of a scalar integer; all of its type if nothing is known. */
kb_range tn_kb_range_of(const tn_kb *b, const tn_ins *v);
void tn_kb_range_note(tn_kb *b, const tn_ins *v); /* for a new instruction */

/* ---- tn_kb_address.c ---- */

/* A scalar integer in address normal form, in the index type. */
tn_ins *tn_kb_address(tn_kb *b, tn_ins *v);

/* ---- kb_memory.c ---- */

/* load, store, gather, scatter as in `proto` (mask apart, addresses as they
 * are); NULL for a store that never happens. */
tn_ins *tn_kb_access(tn_kb *b, const tn_ins *proto, tn_ins *mask);

/* ---- kb_finish.c ---- */

/* Drops what has no effect, numbers the rest in program order. */
void tn_kb_sweep(tn_kb *b);

/* ---- kexpand.c ---- */

/* A function that is not native, as natives. */
tn_ins *tn_kb_expand(tn_kb *b, tn_fn fn, tn_ins *const *args);
tn_ins *tn_kb_expand_rem(tn_kb *b, tn_ins *a, tn_ins *c); /* floats */
/* Casts that no generator knows: halves from other than f32. */
tn_ins *tn_kb_expand_cast(tn_kb *b, tn_dtype to, tn_ins *a);

#endif
