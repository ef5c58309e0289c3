/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_DEVICE_PEAK_H
#define TN_TOOLS_DEVICE_PEAK_H

#include "runtime/open.h"
#include "tools/tool.h"

/* What a device reaches at best, measured by kernels of our own through its
 * own generator: independent multiply-adds in registers, and one pass over
 * memory far larger than caches. */
typedef struct tn_device_peak {
    double flops_per_s, bytes_per_s;
} tn_device_peak;

/* The best of a few tries each, about 0.2 s in all. */
tn_status tn_device_peak_measure(tn_tool *tool, const tn_model *model, tn_device_peak *out)
    TN_MUST_USE;

#endif
