/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_BENCH_PROBE_H
#define TN_TESTS_BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* What the machine can do at best, measured in the run that reports shares of
 * it: on a shared machine yesterday's figure means nothing. Each probe takes
 * about 20 ms a round and gives the best of `rounds`. Worker threads sleep
 * before and after. One thread is timed by the time it was on a processor. */

/* f32 operations a second (a fused multiply-add is two) from registers. */
double tn_probe_fma(uint32_t threads, int rounds);

/* Bytes a second read in one run from `bytes` of memory for each thread; 0
 * when there is no memory. Take 1 GiB to be sure of what lies behind all
 * caches, less to measure a cache. */
double tn_probe_read(uint32_t threads, uint64_t bytes, int rounds);

/* Median of `count` numbers, which are put into order. */
double tn_probe_median(double *values, int count);
uint64_t tn_probe_now(void); /* nanoseconds */

/* True if this process got at least 90 % of the CPU time that `threads`
 * threads could have had since the two clocks were read: a sample is worth
 * keeping. */
typedef struct tn_probe_clock {
    uint64_t wall, cpu;
} tn_probe_clock;
tn_probe_clock tn_probe_start(void);
bool tn_probe_undisturbed(tn_probe_clock start, uint32_t threads);

#endif
