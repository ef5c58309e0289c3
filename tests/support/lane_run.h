/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_LANE_RUN_H
#define TN_TESTS_SUPPORT_LANE_RUN_H

#include "ir/kernel/kernel.h"

/* Runs a lane kernel by the interpreter and as machine code for every target
 * that this machine can run, and checks that all buffers and status words end
 * up equal (any NaN equals any other). Machine code gets its buffers right in
 * front of memory that must not be touched. */
typedef struct tn_lane_buffer {
    tn_dtype dtype;
    uint32_t count;
    void *data; /* unchanged by the call */
} tn_lane_buffer;

typedef struct tn_lane_run {
    const tn_kernel *k;
    const tn_lane_buffer *buffers; /* one for each global of the kernel */
    const int32_t *sizes;
    uint64_t tasks;
    bool shuffled; /* the interpreter mixes the order of tasks */
} tn_lane_run;

/* Fails only if something could not be built or run at all. */
tn_status tn_lane_check(tn_arena *arena, tn_diag *diag, const tn_lane_run *run) TN_MUST_USE;

#endif
