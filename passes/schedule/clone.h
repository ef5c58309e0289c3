/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCHEDULE_CLONE_H
#define TN_PASSES_SCHEDULE_CLONE_H

#include "ir/kernel/tile.h"

/* Copies a tile program piece by piece into a new one, for rewriting: what
 * the caller maps beforehand takes the place of the original. Values are
 * copied when a statement needs them. */
typedef struct tn_clone {
    tn_arena *arena;
    const tn_tile *from;
    tn_tb *b;
    tn_tval **value; /* by id; used while the scope of the copy is open */
    tn_axis **axis;  /* by index */
    tn_tbuf **buf;   /* by index */
    TN_VEC(const tn_tstmt *) loops;
    TN_VEC(tn_tstmt *) copies;
} tn_clone;

/* A new program with the sizes, parameters of the old one. */
void tn_clone_start(tn_clone *c, tn_arena *arena, const tn_tile *from, const char *name);
/* Declared axes; more grid axes may follow. */
void tn_clone_axes(tn_clone *c);
tn_axis *tn_clone_axis(const tn_clone *c, const tn_axis *a);
tn_tval *tn_clone_value(tn_clone *c, tn_tval *v);
void tn_clone_statement(tn_clone *c, const tn_tstmt *st);
void tn_clone_body(tn_clone *c, const tn_tbody *body);
/* The copy of a loop's carries: inside an open loop, before its body. */
void tn_clone_carries(tn_clone *c, const tn_tstmt *loop, tn_tval *const *init);
void tn_clone_note_loop(tn_clone *c, const tn_tstmt *loop, tn_tstmt *copy);
tn_tile *tn_clone_end(tn_clone *c);

#endif
