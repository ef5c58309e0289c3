/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_EXPECT_H
#define TN_TOOLS_EXPECT_H

#include "frontend/tests.h"
#include "runtime/compile.h"
#include "tools/tool.h"

/* What a model expects of its compiled form, held against what a compile
 * made: rows that fuse, limits of launches, arithmetic and memory, states
 * updated in place, the number of parameters. An expectation of the model
 * holds for each entry, one of an entry for that; `when` narrows both. What
 * cannot be checked is listed on standard error: everything where passes were
 * switched off or nothing is compiled (device `ref`), else what no row of
 * passes.def makes. */
typedef struct tn_expecting {
    tn_tool *tool;
    const tn_module *module;
    bool off;   /* passes were left out, or --exact */
    bool quiet; /* nothing is listed */
} tn_expecting;

/* Makes a compile check them before code is made: TN_EXPECTED, with what was
 * expected and found, and what nearly fused. `x` lives as long as the
 * compile. */
void tn_expect_hook(tn_expecting *x, tn_compile_options *options);

/* Where nothing is compiled: `params` alone, the others are listed. `device`
 * as in `when`, or NULL. */
tn_status tn_expect_report(const tn_expecting *x, const char *device) TN_MUST_USE;

#endif
