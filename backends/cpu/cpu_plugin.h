/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_PLUGIN_H
#define TN_BACKENDS_CPU_CPU_PLUGIN_H

#include "backends/backend.h"
#include "backends/cpu/cpu_os.h"

/* The device that runs machine code of this processor (family "cpu"), as
 * the plugin's query gives it, on another system layer, which must outlive
 * it; for tests. */
const tn_plugin *tn_cpu_query_on(uint32_t abi, const tn_host *host, const tn_cpu_os *os);

#endif
