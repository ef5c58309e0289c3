/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_GEN_GEN_MEMORY_H
#define TN_BACKENDS_CPU_GEN_GEN_MEMORY_H

#include "backends/cpu_gen/gen.h"

/* Spellings of the rows that touch memory. */
tn_status tn_gen_load(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_store(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_gather(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_scatter(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_prefetch(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_local(tn_gen *g, const tn_ins *ins);

#endif
