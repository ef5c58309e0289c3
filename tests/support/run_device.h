/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_RUN_DEVICE_H
#define TN_TESTS_SUPPORT_RUN_DEVICE_H

#include "runtime/plugin.h"
#include "tests/support/run_tile.h"

/* A device of a backend as a machine for tn_run_tile: each kernel is compiled
 * by the generator of its family, loaded, launched and read back. */
typedef struct tn_run_device {
    tn_env env;
    tn_diag diag;
    tn_registry *registry;
    const tn_backend *backend;
    tn_device *device;
    const char *target, *title, *identity;
    tn_run_machine machine;
    const char *dump; /* folder for the code of each kernel, or NULL */
    int kernels;      /* that ran */
} tn_run_device;

/* False, with the reason printed, if there is no such device here. */
bool tn_run_device_open(tn_run_device *d, const char *name);
void tn_run_device_close(tn_run_device *d);

/* Writes code for validators to folder/name with the ending of its family. */
tn_status tn_run_device_dump(const tn_env *env, const char *folder, const char *name,
    const char *family, tn_span code) TN_MUST_USE;

#endif
