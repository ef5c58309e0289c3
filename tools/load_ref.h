/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_LOAD_REF_H
#define TN_TOOLS_LOAD_REF_H

#include "tools/load.h"

/* Device `ref` behind tn_loaded: the graph itself, evaluated in double
 * precision; states live between runs as f64. */
tn_status tn_ref_open(tn_tool *tool, tn_loaded *loaded) TN_MUST_USE;
void tn_ref_close(tn_tool *tool, tn_loaded *loaded);
tn_status tn_ref_run(tn_tool *tool, tn_loaded *loaded, tn_run *run, bool wide) TN_MUST_USE;
tn_status tn_ref_reset(tn_tool *tool, tn_loaded *loaded) TN_MUST_USE;

#endif
