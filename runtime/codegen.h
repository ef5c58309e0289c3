/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_CODEGEN_H
#define TN_RUNTIME_CODEGEN_H

#include "runtime/plugin.h"

/* Code for one kernel: lane-level bytes through the generator of a family, or
 * from the cache on disk under the hash of (generator, its version, target
 * text, kernel bytes). Free with tn_generate_free. */
tn_status tn_generate(const tn_env *env, tn_registry *registry, const char *family,
    const char *target, tn_span lane, tn_span *out) TN_MUST_USE;
void tn_generate_free(const tn_env *env, tn_span *code);

#endif
