/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_OPENCL_CL_PLUGIN_H
#define TN_BACKENDS_OPENCL_CL_PLUGIN_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <stdbool.h>

#include "backends/sdk/plugin_base.h"

/* The loader's functions; NULL where it lacks one. */
typedef struct tn_cl_entries {
#define TN_CL(name) __typeof__(&name) name;
#include "backends/opencl/cl_entries.def"
} tn_cl_entries;

enum { TN_CL_DEVICE_LIMIT = 16, TN_CL_TEXT = 512 };

typedef struct tn_cl_found {
    cl_device_id id;
    char target[TN_CL_TEXT], title[TN_CL_TEXT], identity[TN_CL_TEXT];
    bool rounds_division; /* correctly rounded f32 division is offered */
} tn_cl_found;

/* What one query of the plugin holds. */
typedef struct tn_cl {
    tn_plugin_base base;
    tn_cl_entries cl;
    bool opened; /* the loader is there and has all we need */
    bool enumerated;
    uint32_t device_count;
    tn_cl_found devices[TN_CL_DEVICE_LIMIT];
} tn_cl;

/* Explains an error of OpenCL to the host: out of memory and device errors by
 * code. */
int tn_cl_error(const tn_cl *c, cl_int error, const char *what);

/* ---- devices (cl_device.c, cl_buffer.c, cl_program.c) ---- */
int tn_cl_device_open(void *self, uint32_t device, tn_device **out);
void tn_cl_device_close(tn_device *device);
int tn_cl_buffer_new(tn_device *device, uint64_t bytes, tn_buffer **out);
void tn_cl_buffer_free(tn_buffer *buffer);
int tn_cl_write(tn_buffer *buffer, uint64_t at, const void *from, uint64_t bytes);
int tn_cl_read(tn_buffer *buffer, uint64_t at, void *to, uint64_t bytes);
int tn_cl_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes);
int tn_cl_fill_zero(tn_buffer *buffer, uint64_t at, uint64_t bytes);
/* cl_cache.c: a built program, or NULL. */
cl_program tn_cl_cache_find(const tn_device *device, tn_blob text, const char *options);
void tn_cl_cache_keep(const tn_device *device, tn_blob text, const char *options,
    cl_program program);
int tn_cl_load(tn_device *device, tn_blob code, tn_program **out);
void tn_cl_unload(tn_program *program);
int tn_cl_submit(tn_device *device, const tn_dispatch *list, uint32_t count);
int tn_cl_wait(tn_device *device, uint64_t timeout_ns);
int tn_cl_compile(void *self, const char *target, tn_blob kernel,
    void (*take)(void *to, tn_blob code), void *to);

struct tn_device {
    tn_cl *c;
    const tn_cl_found *found;
    cl_context context;
    cl_command_queue queue;
    /* Events of launches whose time is wanted, with where it goes. */
    struct tn_cl_timed {
        cl_event event;
        uint64_t *took_ns;
    } *timed;
    uint32_t timed_count, timed_room;
};

struct tn_buffer {
    tn_device *device;
    cl_mem mem;
    uint64_t bytes;
};

struct tn_program {
    tn_device *device;
    cl_program program;
    cl_kernel kernel;
    uint32_t lanes, buffers, sizes, sites;
};

#endif
