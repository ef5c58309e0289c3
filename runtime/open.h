/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_OPEN_H
#define TN_RUNTIME_OPEN_H

#include "runtime/artifact.h"
#include "runtime/plugin.h"

/* An artifact on a device: its programs and weights. Immutable and shared by
 * sessions; sessions of one model may run in different threads if the device
 * says so (CPU does), one thread a session. */
typedef struct tn_model {
    tn_env env;
    const tn_artifact *artifact;
    tn_registry *registry;
    const tn_backend *backend;
    tn_device *device;
    const tn_artifact_target *target; /* the one that is used */
    bool generated;                   /* code was made on the spot */
    tn_program ***programs;           /* [entry][kernel] */
    tn_buffer **weights;              /* one for each weight of the interface */
} tn_model;

typedef struct tn_open_options {
    const char *device; /* "cpu", "vulkan:1" */
    bool no_native;     /* ignore finished machine code of the artifact */
    uint32_t threads;   /* 0: the device's default */
} tn_open_options;

/* `artifact` and `registry` outlive the model. Takes the first target of the
 * artifact whose family is the device's and which the device covers; finished
 * code if there is some, else code generated from its kernels. TN_INTEGRITY
 * names what the device lacks. */
tn_status tn_model_open(const tn_env *env, tn_registry *registry, const tn_artifact *artifact,
    const tn_open_options *options, tn_model **out) TN_MUST_USE;
void tn_model_close(tn_model *model); /* NULL is fine */

#endif
