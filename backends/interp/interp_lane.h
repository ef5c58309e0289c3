/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_INTERP_INTERP_LANE_H
#define TN_BACKENDS_INTERP_INTERP_LANE_H

#include "ir/kernel/kernel.h"

/* Runs lane kernels over host memory: the meaning of every instruction, to
 * which all generators must agree. f32 is computed in float, fma is fused.
 *
 * What a correct kernel never does ends the run with TN_BUG and a message:
 * addresses out of range, reads of cells, locals or buffers that nothing was
 * written to, two tasks at one element (one of them writing), two lanes at one
 * element between two barriers (likewise), cell indices out of range, NaN
 * given to minq or maxq, a divisor of 0, a shift by the width or more. */

typedef struct tn_interp_buffer {
    void *at;
    uint64_t elements;
    /* `step` bytes an element (0: one): the first is not 0 if the element may
     * be read; stores set all. NULL: all may be read. */
    uint8_t *initialised;
    uint32_t step;
} tn_interp_buffer;

typedef struct tn_interp_options {
    uint64_t shuffle; /* not 0: seed of the order of tasks and of lanes */
    bool races;       /* check races: 8 to 16 bytes for each element written */
} tn_interp_options;

/* A kernel made ready: a flat list of operations. Constant; may be run by
 * several threads at once. */
typedef struct tn_interp tn_interp;

/* `k` has been verified and outlives the result, which lives in `arena`. */
tn_interp *tn_interp_prepare(tn_arena *arena, const tn_kernel *k);

/* Tasks first .. first+count-1. `buffers` one for each global of the kernel,
 * `sizes` one for each size, `status` 4 words for each check site (see
 * kernel.h; NULL if there is none), `options` NULL: none. `arena` (inside a
 * guard) is used for the run's own memory. */
tn_status tn_interp_run(tn_arena *arena, tn_diag *diag, const tn_interp *program,
    const tn_interp_buffer *buffers, const int32_t *sizes, uint64_t first, uint64_t count,
    uint32_t *status, const tn_interp_options *options) TN_MUST_USE;

#endif
