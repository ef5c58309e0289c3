/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_COMPILED_H
#define TN_TESTS_SUPPORT_COMPILED_H

#include "backends/cpu/cpu_load.h"
#include "ir/kernel/kernel.h"

/* Lane kernels as machine code of this process. */

/* A named target of ir/target.h, such as "cpu:x86-64-v4", as text, in the
 * arena; NULL if this machine does not run its code. */
const char *tn_compiled_target(tn_arena *arena, const char *name);

/* Through the byte form, LLVM and the loader. Unload the image. */
tn_status tn_compiled_load(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    tn_cpu_image *out) TN_MUST_USE;

/* The object's bytes, in the arena, for a target of any machine. */
tn_status tn_compiled_object(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    tn_span *out) TN_MUST_USE;

/* The assembly text, in the arena, for a target of any machine. */
tn_status tn_compiled_text(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    const char **out) TN_MUST_USE;

#endif
