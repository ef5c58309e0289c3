/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_ARTIFACT_H
#define TN_RUNTIME_ARTIFACT_H

#include "ir/base/files.h"
#include "runtime/iface.h"

/* A compiled model in one file: interface, weights once, and for every target
 * a plan of each entry (with lane-level kernels) and finished code. See
 * docs/formats.md for the bytes. */

/* Code of one kernel of a plan; empty: to be generated on the spot. */
typedef struct tn_artifact_target {
    const char *name;   /* "cpu:x86-64-v4", "vulkan" */
    const char *family; /* backends that run its code */
    const char *text;   /* target text: what a device must cover */
    const char *generator; /* name and version of what made the code, or "" */
    tn_plan *plans;     /* one for each entry of the interface */
    tn_span **code;     /* [entry][kernel] */
} tn_artifact_target;

typedef struct tn_artifact {
    const tn_alloc *alloc;
    tn_arena *arena;   /* owns everything below */
    const char *writer; /* version of tenon that wrote it */
    tn_iface iface;
    TN_VEC(tn_artifact_target) targets;
    tn_span file;  /* the mapped or borrowed bytes */
    bool mapped;
    const tn_files *files;
} tn_artifact;

/* Encodes into memory of `arena`; same input, same bytes. Weights are taken
 * from iface->weights[i].at; their offsets are filled in. */
void tn_artifact_encode(tn_arena *arena, tn_iface *iface, const tn_artifact_target *targets,
    uint32_t target_count, tn_span *out);

/* Opens bytes that stay valid until tn_artifact_close (borrowed), or a file
 * (mapped). Every section but the weights is checked against its SHA-256;
 * `check_weights` adds those, a hash for each MiB. TN_INTEGRITY names the
 * section. Immutable afterwards, usable from any thread. */
tn_status tn_artifact_open_bytes(const tn_env *env, tn_span bytes, bool check_weights,
    tn_artifact **out) TN_MUST_USE;
tn_status tn_artifact_open_file(const tn_env *env, const char *path, bool check_weights,
    tn_artifact **out) TN_MUST_USE;
void tn_artifact_close(tn_artifact *artifact); /* NULL is fine */

/* True if the bytes start as an artifact does. */
bool tn_artifact_is(tn_span bytes);

#endif
