/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCHEDULE_CONTRACT_H
#define TN_PASSES_SCHEDULE_CONTRACT_H

#include "passes/schedule/sched.h"

/* A contraction on vectors while it is emitted: contract.c plans it and walks
 * blocks of k, contract_pack.c copies operands, contract_panel.c is the
 * register block. */

enum {
    TN_CONTRACT_ROWS = 12,
    TN_CONTRACT_VECTORS = 8,
    TN_CONTRACT_ARMS = 8,
    TN_CONTRACT_SKEW = 16, /* elements between copied rows, against aliasing */
};

typedef struct tn_contract_block {
    tn_nest *n;
    const tn_axis *lane;
    tn_point *top;
    tn_axis *rows[TN_MAX_AXES], *outer[TN_MAX_AXES];
    uint32_t row_count, outer_count;
    tn_axset row_set; /* rows, those of length 1 included */
    tn_axset outer_set;
    int mr, nv, uk;
    int64_t kc;
    const tn_axis *ka; /* the axis cut into blocks of kc, if `blocked` */
    bool blocked;
    bool direct; /* sums start from values and go to storage without a tile between */
    tn_ins *first, *last; /* this block of k is */
    int arm[TN_CONTRACT_ARMS]; /* row counts, falling */
    int arm_count;
    bool clamp; /* arms but the first run fewer rows too */
    tn_ins *row_length, *panels;
    tn_ins *whole; /* with `clamp`: panels of the first arm, and */
    int rest;      /* rows of those after them */
    tn_kept **part;  /* partial sums of all panels, if `blocked`; or */
    tn_kmem **tile;  /* sums of one panel: [mr][nv vectors] */
    tn_tval *a_side; /* row side that is copied, or NULL */
    tn_kmem *a_mem;
    tn_ins *a_pitch;
    tn_tval **b_side; /* lane sides that are copied, or NULL */
    tn_kmem **b_mem;
    tn_ins *b_at; /* where in it the panel's copy begins */
    /* The panel: */
    tn_pos pos[TN_CONTRACT_VECTORS];
    tn_ins *row0, *row_end; /* rows row0 .. row0 + row_end - 1 */
    tn_kcell **acc;    /* [row][vector], but for a last vector with fewer lanes: */
    tn_kcell **narrow; /* [row] */
} tn_contract_block;

/* Binds the row axes for row number `row` of the task. */
void tn_contract_bind_row(tn_sched *s, const tn_contract_block *c, tn_ins *row, tn_point *p);
/* Position in the block of k, over all reduced axes. */
tn_ins *tn_contract_step(tn_sched *s, const tn_contract_block *c, const tn_point *p);
/* How many positions there are at most. */
tn_ins *tn_contract_steps(tn_sched *s, const tn_contract_block *c);
void tn_contract_copy_rows(tn_sched *s, tn_contract_block *c, tn_point *p);
void tn_contract_copy_lanes(tn_sched *s, tn_contract_block *c, tn_point *p);
/* The same for all panels; `c` has lane, sizes and b_side. */
void tn_contract_copy_panels(tn_sched *s, tn_contract_block *c, tn_point *p);
/* c->pos: the nv vectors from position `j` of the lane axis on. */
void tn_contract_place_vectors(tn_sched *s, tn_contract_block *c, tn_ins *j);
/* The panel of nv vectors from position `j` of the lane axis on. */
void tn_contract_panel(tn_sched *s, tn_contract_block *c, tn_ins *j, tn_point *p);
/* Panel `i` of rows, over all panels of vectors; lane sides lie side by side. */
void tn_contract_row_panel(tn_sched *s, tn_contract_block *c, tn_ins *i, tn_point *p);

/* True if no sum of this panel is NaN; the nest's `clean` is there. */
tn_ins *tn_quick_panel(tn_sched *s, const tn_contract_block *c, tn_point *p);

#endif
