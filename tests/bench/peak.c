/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "backends/cpu/cpu_target.h"
#include "tests/bench/probe.h"

/* Prints what this machine can do at best, by number of threads. */
int
main(void)
{
    const tn_cpu_os *os = tn_cpu_os_system();
    uint32_t cores = os->cores(os->self);
    char title[TN_CPU_TITLE];
    tn_target t;

    tn_cpu_title(os, title);
    tn_cpu_target(os, &t);
    printf("%s, level %d, %u cores\n", title, (int)t.level, cores);
    for (uint32_t threads = 1; threads <= cores; threads *= 2) {
        tn_probe_clock start = tn_probe_start();
        double fma = tn_probe_fma(threads, 20);
        const char *disturbed = tn_probe_undisturbed(start, threads) ? "" : " (disturbed)";

        printf("%2u threads: %7.1f GFLOP/s%s", threads, fma * 1e-9, disturbed);
        printf(", read GB/s: L1 %.1f", tn_probe_read(threads, 16 << 10, 10) * 1e-9);
        printf(", L2 %.1f", tn_probe_read(threads, 512 << 10, 10) * 1e-9);
        printf(", memory %.1f\n", tn_probe_read(threads, 512 << 20, 5) * 1e-9);
    }
    return 0;
}
