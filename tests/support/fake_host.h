/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_FAKE_HOST_H
#define TN_TESTS_SUPPORT_FAKE_HOST_H

#include "backends/backend.h"
#include "ir/base/alloc.h"

/* What tests lend to a plugin: memory from an allocator of theirs, and a
 * place for the last explanation. Explanations from several threads at once
 * are not kept apart. */
typedef struct tn_fake_host {
    tn_host table;
    const tn_alloc *alloc;
    char why[512]; /* the last explanation; "" if there was none */
    int logs;      /* messages */
} tn_fake_host;

void tn_fake_host_init(tn_fake_host *host, const tn_alloc *alloc);

#endif
