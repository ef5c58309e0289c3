/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_SYMBOLS_H
#define TN_TOOLS_SYMBOLS_H

#include "ir/plan.h"
#include "tools/tool.h"

/* Values of a plan's symbols where no input binds them: --dim, else the
 * sample of the model, else its smallest value but at least 1. */
void tn_sample_symbols(const tn_tool *tool, const tn_plan *plan, int64_t *values);

#endif
