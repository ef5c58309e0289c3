/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_GEN_GEN_CONTROL_H
#define TN_BACKENDS_CPU_GEN_GEN_CONTROL_H

#include "backends/cpu_gen/gen.h"

/* Spellings of what changes the flow. */
tn_status tn_gen_grid(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_serial(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_if(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_check(tn_gen *g, const tn_ins *ins);

#endif
