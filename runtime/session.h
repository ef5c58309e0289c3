/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_SESSION_H
#define TN_RUNTIME_SESSION_H

#include "runtime/open.h"
#include "runtime/tensor.h"

/* Activations and state of one model, for one run at a time. */
typedef struct tn_session tn_session;

/* `model` outlives the session. */
tn_status tn_session_open(const tn_env *env, const tn_model *model, tn_session **out) TN_MUST_USE;
void tn_session_close(tn_session *session); /* NULL is fine */
/* All state back to its initial values; its symbols are free again. */
tn_status tn_session_reset(tn_session *session) TN_MUST_USE;

/* What one step of a run took, for traces and bench. */
typedef struct tn_step_time {
    const tn_plan_step *step;
    uint64_t start_ns, took_ns; /* start: since the run began; device time */
} tn_step_time;

typedef struct tn_run {
    int entry;               /* of the interface */
    const tn_tensor *inputs; /* one for each input of the entry */
    /* One for each output: created by the run, freed by the caller with
     * env->alloc. */
    tn_tensor *outputs;
    const bool *has_fixed;   /* symbols fixed by the caller, or NULL */
    const int64_t *fixed;
    uint64_t timeout_ns;     /* 0: none */
    bool profile;            /* fill `times` (borrowed until the next run) */
    tn_step_time *times;
    uint32_t time_count;
    uint64_t peak_bytes;     /* result: memory of activations */
    int64_t launches;        /* result */
} tn_run;

/* Binds, places, launches, reads the outputs back. Devices that see the
 * caller's memory read large inputs where they lie, if that is aligned to 64
 * bytes and there is no limit of time: nobody may change them meanwhile. TN_MALFORMED for data that
 * does not fit or an index out of range (input, position, value);
 * A run that fails leaves states as they were, but for rows that a cache got
 * behind those the run was told of. Only if the device fails so that this
 * cannot be brought about, or the time was over, must the session be reset. */
tn_status tn_session_run(tn_session *session, tn_run *run) TN_MUST_USE;

#endif
