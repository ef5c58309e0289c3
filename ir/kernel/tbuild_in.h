/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TBUILD_IN_H
#define TN_IR_KERNEL_TBUILD_IN_H

#include "ir/base/map.h"
#include "ir/kernel/tile.h"

/* The builder from inside: values (tbuild.c) and statements (tstmt.c). */
struct tn_tb {
    tn_arena *arena;
    tn_tile *tile;
    tn_tbody *body; /* innermost open scope */
    /* Nodes by content, in every scope; one found in a closed scope does not
     * count. Open addressing. */
    tn_tval **slots;
    uint32_t slot_count, slot_used;
    tn_map names;   /* of sizes, axes and buffers, to keep them unique */
    tn_map size_of; /* name asked for -> its node */
    TN_VEC(uint32_t) stores; /* made so far, by position in tile->bufs */
    bool started; /* a statement exists: no more grid axes */
};

/* The node with this content, made if no open scope has it. `like` may stand
 * on the stack; its arrays of axes are copied. */
tn_tval *tn_tb_node(tn_tb *b, const tn_tval *like);
/* A carry, result or merged node: axes and type are given. */
tn_tval *tn_tb_loop_node(tn_tb *b, tn_top op, tn_tstmt *loop, int number, int side);
/* An identifier of the text language like `name` that nothing else has. */
const char *tn_tb_unique(tn_tb *b, const char *name);
/* Axes of all of `args` (NULLs are skipped), in order, into `like`. */
void tn_tb_join_axes(tn_tb *b, tn_tval *like, tn_tval *const *args, int count);
/* Stores so far that a load of `buf` may see. */
uint32_t tn_tb_epoch(const tn_tb *b, const tn_tbuf *buf);

#endif
