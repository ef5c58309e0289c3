/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_BENCH_CASE_H
#define TN_TOOLS_BENCH_CASE_H

#include "tools/device_peak.h"
#include "tools/load.h"

/* What one kernel costs over all its launches of a run. */
typedef struct tn_bench_kernel {
    const char *name, *family;
    uint64_t ns;
    double flops, bytes;
    int count;
} tn_bench_kernel;

/* A model compiled in one way, with inputs, ready to be timed. */
typedef struct tn_bench_case {
    tn_tool *tool;
    tn_loaded loaded;
    tn_given given;
    int entry;
    int64_t *symbols; /* bound by the inputs; after a profile */
    tn_bench_kernel *kernels;
    uint32_t kernel_count;
    double flops, bytes; /* of all kernels */
    int64_t launches;
    uint64_t peak_bytes; /* of activations */
} tn_bench_case;

/* Loads for the device with the inputs of the command line, the rest from
 * the seed. Close in any case. TN_USAGE for `ref`, which compiles nothing. */
tn_status tn_bench_open(tn_tool *tool, const char *path, const char *device, const tn_load_how *how,
    tn_bench_case *out) TN_MUST_USE;
void tn_bench_close(tn_bench_case *c);

/* One run and the time it took; outputs are freed, or handed over (one for
 * each output of the entry) if `outputs` is given. */
tn_status tn_bench_run(tn_bench_case *c, uint64_t *wall_ns, tn_tensor *outputs) TN_MUST_USE;
/* A few runs to warm up; the times by kernel are of the last one. */
tn_status tn_bench_profile(tn_bench_case *c, tn_run *run) TN_MUST_USE;

/* What the device reaches on data of this size; after a profile. */
tn_status tn_bench_peak(tn_bench_case *c, tn_device_peak *out) TN_MUST_USE;
/* The least time in which the device could do the work of a kernel, in ns. */
double tn_bench_least_ns(const tn_device_peak *peak, double flops, double bytes);
/* The share of what the machine's rates allow, by whichever of the two limits
 * is nearer. */
double tn_bench_share(const tn_device_peak *peak, const tn_bench_kernel *kernel);

/* "[{name, ns, count, share_of_peak}, ..]" */
void tn_bench_kernels_json(tn_text *out, const tn_bench_case *c, const tn_device_peak *peak);

/* Ascending; then the one that so many tenths are below. */
void tn_bench_sort(uint64_t *at, uint32_t count);
uint64_t tn_bench_tenth(const uint64_t *sorted, uint32_t count, uint32_t tenths);

#endif
