/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_TARGET_H
#define TN_BACKENDS_CPU_CPU_TARGET_H

#include "backends/cpu/cpu_os.h"
#include "ir/target.h"

/* What the processor under `os` can do. */
void tn_cpu_target(const tn_cpu_os *os, tn_target *out);

enum { TN_CPU_TITLE = 64 };
/* The processor's own name for people, at most TN_CPU_TITLE - 1 bytes. */
void tn_cpu_title(const tn_cpu_os *os, char out[TN_CPU_TITLE]);

#endif
