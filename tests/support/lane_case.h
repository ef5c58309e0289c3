/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_LANE_CASE_H
#define TN_TESTS_SUPPORT_LANE_CASE_H

#include "ir/kernel/kernel.h"

/* A kernel as machine code of aarch64 with its data and what must come out,
 * in one file: for tests/cross/aarch64.sh, where a runner built for that
 * machine reads it. Numbers are little-endian, as they lie in memory. */
enum { TN_CASE_BUFFERS = 96, TN_CASE_SIZES = 8, TN_CASE_MAGIC = 0x31636e74 };

typedef struct tn_case_buffer {
    uint32_t dtype, count;
} tn_case_buffer;

typedef struct tn_case_head {
    uint32_t magic, buffers, sites, reserved;
    uint64_t object_bytes, tasks, scratch_bytes;
    int64_t sizes[TN_CASE_SIZES];
    tn_case_buffer buffer[TN_CASE_BUFFERS];
} tn_case_head;
/* Behind it: the object; for each buffer its bytes before and its bytes
 * after; the status words after. */

typedef struct tn_lane_case {
    const tn_kernel *k;
    uint64_t tasks;
    const int32_t *sizes;
    const tn_case_buffer *buffer;
    void *const *before, *const *after;
    const uint32_t *status;
} tn_lane_case;

/* Writes the file if the environment names a folder for it in
 * TN_AARCH64_CASES; false if that fails. */
bool tn_lane_case_write(tn_arena *arena, tn_diag *diag, const tn_lane_case *c);

#endif
