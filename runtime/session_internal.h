/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_SESSION_INTERNAL_H
#define TN_RUNTIME_SESSION_INTERNAL_H

#include "runtime/session.h"

/* What a session keeps for one entry: sizes and places under the last
 * binding, device memory of its inputs, outputs, scalars, constants. */
typedef struct tn_session_entry {
    int64_t *symbols;      /* last binding */
    bool placed;           /* bytes and offset are those of `symbols` */
    uint64_t *bytes, *offset;
    uint64_t temp_bytes;
    tn_buffer **own;       /* per plan buffer: memory of its own, or NULL */
    uint64_t *own_bytes;
    bool *lent;            /* inputs: `own` is the caller's memory, for this run */
    bool *filled;          /* constants that have been written */
} tn_session_entry;

struct tn_session {
    tn_env env;
    const tn_model *model;
    tn_session_entry *entries;
    tn_buffer *temp; /* shared by the entries, grown on demand */
    uint64_t temp_bytes;
    tn_buffer *status; /* check sites, 16 bytes each */
    uint32_t sites;
    tn_buffer **states;
    uint64_t *state_bytes;
    int64_t (*state_dims)[TN_MAX_RANK]; /* fixed by the first run */
    bool *fresh;          /* states that came to be in this run */
    tn_buffer *kept;      /* rows that this run overwrites */
    uint64_t kept_bytes;
    bool failed; /* a run left state that nobody knows: reset first */
    tn_step_time *times;
    uint64_t *took;
    uint32_t time_room;
};

/* Where plan buffer `index` of entry `entry` lies. */
tn_binding tn_session_binding(const tn_session *s, int entry, uint32_t index);
/* Launches the steps of an entry up to tn_plan_commit, waits, looks at the
 * checks. */
tn_status tn_execute(tn_session *s, tn_run *run) TN_MUST_USE;
/* The steps that copy into states. */
tn_status tn_execute_commit(tn_session *s, tn_run *run) TN_MUST_USE;
/* Keeps the rows that the plan's undos name; puts them back when the device is
 * idle again. */
tn_status tn_undo_keep(tn_session *s, const tn_run *run) TN_MUST_USE;
tn_status tn_undo_put_back(tn_session *s, const tn_run *run) TN_MUST_USE;

#endif
