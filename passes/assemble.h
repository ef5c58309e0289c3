/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_ASSEMBLE_H
#define TN_PASSES_ASSEMBLE_H

#include "ir/plan.h"
#include "ir/target.h"
#include "passes/lower/lower.h"

/* A weight in one layout, as some plan wants it. */
typedef struct tn_packed {
    tn_weight *weight;
    tn_layout layout;
} tn_packed;

typedef struct tn_packed_list {
    TN_VEC(tn_packed) at;
} tn_packed_list;

/* Schedules the kernels of an entry for a target and makes its plan: buffers
 * with sizes, layouts and lifetimes, kernels once each, steps with the
 * launches that must wait. Weights are numbered in `packed`, which grows and
 * is shared by the entries and targets of one artifact. States are numbered
 * as in module->states. */
tn_status tn_assemble(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lowered_list *lowered,
    const tn_target *target, tn_packed_list *packed, tn_plan *out) TN_MUST_USE;

/* Bytes of a tensor of constant dimensions in a layout. */
int64_t tn_layout_bytes(const tn_layout *layout, tn_dtype dtype, int rank, const int64_t *dim);
/* Row-major elements into that layout; `to` has tn_layout_bytes, zeroed. */
void tn_layout_pack(const tn_layout *layout, tn_dtype dtype, int rank, const int64_t *dim,
    const void *from, void *to);

#endif
