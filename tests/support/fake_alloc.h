/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_FAKE_ALLOC_H
#define TN_TESTS_SUPPORT_FAKE_ALLOC_H

#include "ir/base/alloc.h"

#include <stdbool.h>
#include <stdint.h>

/* An allocator that fails on demand and keeps count. Several threads may use
 * it. The loop for "out of memory anywhere":
 *
 *     tn_fake_alloc mem;
 *     for (size_t n = 1;; n++) {
 *         tn_fake_alloc_init(&mem, n);
 *         status = work(&mem.table);
 *         TN_CHECK_EQ(mem.live, 0);
 *         if (!mem.failed)
 *             break;
 *         TN_CHECK_EQ(status, TN_NO_MEMORY);
 *     }
 */
typedef struct tn_fake_alloc {
    tn_alloc table;
    size_t fail_at;      /* this request (1 = the first) and all later ones fail; 0: none */
    size_t requests;     /* that asked for memory */
    size_t live;         /* blocks not given back */
    size_t live_bytes;
    size_t peak_bytes;
    bool failed;
    bool wrong_size;     /* a block was given back with a size that is not its own */
    int lock;
} tn_fake_alloc;

void tn_fake_alloc_init(tn_fake_alloc *mem, size_t fail_at);

#endif
