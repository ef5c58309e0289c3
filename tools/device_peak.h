/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_DEVICE_PEAK_H
#define TN_TOOLS_DEVICE_PEAK_H

#include "runtime/open.h"
#include "tools/tool.h"

/* What a device reaches at best, measured by kernels of our own through its
 * own generator: independent multiply-adds in registers, and passes over as
 * much memory as a run touches (between 4 and 128 MiB: what fits caches is
 * held against caches). */
typedef struct tn_device_peak {
    double flops_per_s, bytes_per_s;
} tn_device_peak;

/* The best of some tries each, a few tenths of a second in all. */
tn_status tn_device_peak_measure(tn_tool *tool, const tn_model *model, uint64_t touched,
    tn_device_peak *out) TN_MUST_USE;

#endif
