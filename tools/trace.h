/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_TRACE_H
#define TN_TOOLS_TRACE_H

#include "tools/load.h"

/* Chrome trace events (the JSON array form) of one run: compiling on the
 * host, each step on the device. */
tn_status tn_trace_write(tn_tool *tool, const char *path, const tn_loaded *loaded,
    const tn_run *run) TN_MUST_USE;

#endif
