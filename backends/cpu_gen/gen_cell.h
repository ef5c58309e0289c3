/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_GEN_GEN_CELL_H
#define TN_BACKENDS_CPU_GEN_GEN_CELL_H

#include "backends/cpu_gen/gen.h"

/* Makes the variables of cells whose indices vary; before any code. */
tn_status tn_gen_cells(tn_gen *g);

/* Spellings of `get` and `set`. */
tn_status tn_gen_cell_get(tn_gen *g, const tn_ins *ins);
tn_status tn_gen_cell_set(tn_gen *g, const tn_ins *ins);

#endif
