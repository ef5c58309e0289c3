/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_EXPECT_H
#define TN_TOOLS_EXPECT_H

#include "frontend/tests.h"
#include "tools/tool.h"

/* What the model expects of its compiled form: the number of parameters is
 * checked (TN_EXPECTED); fused rows, launches, memory and updates in place, for
 * which there are no passes yet, are listed as not checked on standard
 * error. `device` as in `when`, or NULL. */
tn_status tn_expect_report(const tn_tool *tool, const tn_module *module, const char *device)
    TN_MUST_USE;

#endif
