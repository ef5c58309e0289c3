/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_ASSEMBLE_IN_H
#define TN_PASSES_ASSEMBLE_IN_H

#include "ir/plan.h"

/* Plans from inside: buffers and steps (assemble.c), order and lifetimes
 * (assemble_live.c). */

/* Steps that must wait for what is in flight. */
void tn_assemble_waits(tn_arena *arena, tn_plan *p);
/* After that: steps between which each buffer is alive. */
void tn_assemble_lifetimes(tn_plan *p);

#endif
