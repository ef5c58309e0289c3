/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_CODEGEN_MANY_H
#define TN_RUNTIME_CODEGEN_MANY_H

#include "runtime/codegen.h"

/* One kernel to make code for, and what came of it. */
typedef struct tn_codegen_job {
    const char *family, *target;
    tn_span lane;
    tn_span code; /* result: free with tn_generate_free */
} tn_codegen_job;

/* All jobs, on as many threads as there are processors (at most 8). Results
 * and the message of the first failing job (in order) do not depend on the
 * number of threads. On failure every result has been freed. */
tn_status tn_generate_many(const tn_env *env, tn_registry *registry, tn_codegen_job *jobs,
    uint32_t count) TN_MUST_USE;

#endif
