/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_GEN_GEN_COMPILE_H
#define TN_BACKENDS_CPU_GEN_GEN_COMPILE_H

#include "ir/base/bytes.h"
#include "ir/base/diag.h"

/* What a compile gives: an object as backends/cpu/cpu_abi.h says, or for
 * people and tests its assembly text, or the LLVM IR before any pass. */
typedef enum tn_gen_form {
    TN_GEN_OBJECT,
    TN_GEN_ASSEMBLY,
    TN_GEN_IR,
} tn_gen_form;

/* From a target's text and a kernel's bytes to code bytes, handed to `take`
 * (once, on success). The same input gives the same bytes. Callable from
 * several threads at once after tn_gen_start. */
tn_status tn_gen_compile(const tn_alloc *alloc, tn_diag *diag, const char *target, tn_span kernel,
    tn_gen_form form, void (*take)(void *to, tn_span code), void *to) TN_MUST_USE;

/* Prepares LLVM; may be called again. Not from several threads. */
void tn_gen_start(void);

#endif
