/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCHEDULE_GPU_TILE_H
#define TN_PASSES_SCHEDULE_GPU_TILE_H

#include "passes/schedule/sched.h"

/* Register tiles on machines with lanes: gpu_tile.c says which nests they
 * suit and how large they are, gpu_stage.c emits them. */

enum { TN_TILE_REDS = 4, TN_TILE_SIDES = 2 * TN_TILE_REDS };

/* An operand on its way through group memory. */
typedef struct tn_tile_side {
    tn_tval *value;
    bool rows;      /* has the row axes; else the column axes */
    bool along;     /* neighbours lie along those axes; else along k */
    int block;      /* positions staged */
    int count;      /* elements of each lane */
    tn_kmem *mem;
    tn_kcell *cell; /* loaded, not yet stored */
    tn_kcell *line; /* of one step, for the lane's tile */
} tn_tile_side;

typedef struct tn_tile_nest {
    tn_nest *n;
    tn_dtype dtype;
    tn_axis *row[TN_MAX_AXES], *col[TN_MAX_AXES], *outer[TN_MAX_AXES];
    uint32_t row_count, col_count, outer_count;
    tn_tile_side side[TN_TILE_SIDES];
    int side_count;
    int a[TN_TILE_REDS], b[TN_TILE_REDS]; /* sides of each reduction */
} tn_tile_nest;

/* False: not by tiles. */
bool tn_tile_nest_of(tn_sched *s, tn_nest *n, tn_tile_nest *out);
int64_t tn_tile_bytes(const tn_gpu_tile *t, const tn_tile_nest *n);

#endif
