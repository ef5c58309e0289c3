/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_FAKE_CPU_OS_H
#define TN_TESTS_SUPPORT_FAKE_CPU_OS_H

#include "backends/cpu/cpu_os.h"

/* The system layer of the CPU device, failing on demand and watching. */
typedef struct tn_fake_cpu_os {
    tn_cpu_os table;
    bool fail_map, fail_protect, fail_start;
    uint32_t cores;      /* 0: as many as there are */
    int maps, unmaps;    /* calls */
    int executable;      /* ranges made executable */
    bool wrong;          /* protected twice, or not whole pages */
    const uint32_t (*cpuid)[6]; /* leaf, part, eax .. edx; ends at a row of zeros */
    uint64_t saved_state;
} tn_fake_cpu_os;

void tn_fake_cpu_os_init(tn_fake_cpu_os *fake);

#endif
