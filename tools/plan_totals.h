/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_PLAN_TOTALS_H
#define TN_TOOLS_PLAN_TOTALS_H

#include "runtime/iface.h"
#include "tools/tool.h"

/* What a run of a plan takes, for the sizes of --dim and else the samples. */
typedef struct tn_plan_totals {
    double flops;
    uint64_t peak_bytes; /* of activations */
    int64_t launches;
} tn_plan_totals;

tn_status tn_plan_measure(tn_tool *tool, const tn_plan *plan, tn_plan_totals *out) TN_MUST_USE;
/* As they lie in the artifact, layouts included. */
uint64_t tn_weights_bytes(const tn_iface *iface);

#endif
