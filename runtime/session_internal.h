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
    bool failed; /* a run with state failed: reset first */
    tn_step_time *times;
    uint64_t *took;
    uint32_t time_room;
};

/* Where plan buffer `index` of entry `entry` lies. */
tn_binding tn_session_binding(const tn_session *s, int entry, uint32_t index);
/* Launches all steps of an entry and waits. */
tn_status tn_execute(tn_session *s, tn_run *run) TN_MUST_USE;

#endif
