/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_GPU_WORK_H
#define TN_TESTS_SUPPORT_GPU_WORK_H

#include "runtime/plugin.h"

/* A little work for a device with groups that needs every kind of call: two
 * launches of which the second reads what the first wrote, a cleared buffer, a
 * copy, times. Opens and closes everything of its own. */
enum { TN_GPU_WORK_GROUPS = 16, TN_GPU_WORK_LANES = 8 };

typedef struct tn_gpu_work {
    const char *device;     /* "vulkan", "opencl" */
    const tn_alloc *alloc;  /* NULL: the system's */
    const tn_files *files;  /* NULL: the system's */
    const char *cache_folder;
    void *(*driver_entry)(void *self, const char *name, void *found);
    void *driver_self;
    uint64_t timeout_ns; /* of the wait */
    bool give_up;        /* after a timeout: close at once */
    /* Filled in: */
    char why[600];       /* the diagnosis, "" if there is none */
    int after_timeout;   /* status of the wait that follows a timeout */
    bool right;          /* the numbers are as they should be */
    uint64_t took_ns[2];
} tn_gpu_work;

/* The status of the first call that failed. */
tn_status tn_gpu_work_run(tn_gpu_work *w);

/* False where the device is absent. */
bool tn_gpu_work_possible(const char *device);

#endif
