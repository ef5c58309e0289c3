/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/opencl/cl_plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "backends/opencl/cl_codegen.h"

int
tn_cl_error(const tn_cl *c, cl_int error, const char *what)
{
    tn_status status = error == CL_OUT_OF_HOST_MEMORY ? TN_NO_MEMORY : TN_DEVICE;

    if (error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES)
        return tn_plugin_fail(&c->base, TN_DEVICE, "%s: out of device memory (OpenCL error %d)",
            what, error);
    return tn_plugin_fail(&c->base, status, "%s: OpenCL error %d", what, error);
}

/* ---- finding the loader and its devices ---- */

static void *
entry(const tn_cl *c, void *library, const char *name)
{
    void *found = library ? dlsym(library, name) : NULL;

    return c->base.host->driver_entry ? c->base.host->driver_entry(c->base.host->self, name, found)
                                      : found;
}

static void
open_loader(tn_cl *c)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    bool all = true;
    void *at;

#define TN_CL(name)                              \
    at = entry(c, library, #name);               \
    memcpy(&c->cl.name, &at, sizeof c->cl.name); \
    all = all && at;
#include "backends/opencl/cl_entries.def"
    c->opened = all;
}

static uint64_t
number(const tn_cl *c, cl_device_id id, cl_device_info what, size_t bytes)
{
    uint64_t value = 0;

    if (c->cl.clGetDeviceInfo(id, what, bytes, &value, NULL) != CL_SUCCESS)
        return 0;
    return value;
}

static void
text(const tn_cl *c, cl_device_id id, cl_device_info what, char *out, size_t room)
{
    if (c->cl.clGetDeviceInfo(id, what, room, out, NULL) != CL_SUCCESS)
        out[0] = '\0';
    out[room - 1] = '\0';
}

static void
describe_one(const tn_cl *c, cl_device_id id, tn_cl_found *f)
{
    char name[128] = "", driver[128] = "", version[128] = "", extensions[8192] = "";
    uint64_t lanes = number(c, id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    uint64_t local = number(c, id, CL_DEVICE_LOCAL_MEM_SIZE, 8);
    uint64_t units = number(c, id, CL_DEVICE_MAX_COMPUTE_UNITS, 4);
    uint64_t config = number(c, id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(cl_device_fp_config));

    text(c, id, CL_DEVICE_NAME, name, sizeof name);
    text(c, id, CL_DRIVER_VERSION, driver, sizeof driver);
    text(c, id, CL_DEVICE_VERSION, version, sizeof version);
    text(c, id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    f->id = id;
    f->rounds_division = (config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    snprintf(f->target, sizeof f->target,
        "gpu=1 group_lanes=%llu group_bytes=%llu f16_storage=1 i8_storage=1 i64_arith=1 "
        "f64_arith=%d units=%llu keeps_nan=%d keeps_denormals=%d",
        (unsigned long long)lanes, (unsigned long long)local,
        strstr(extensions, "cl_khr_fp64") != NULL, (unsigned long long)units,
        (config & CL_FP_INF_NAN) != 0, (config & CL_FP_DENORM) != 0);
    snprintf(f->title, sizeof f->title, "%s (%s)", name, version);
    snprintf(f->identity, sizeof f->identity, "%s %s %s", name, version, driver);
}

static void
enumerate(tn_cl *c)
{
    cl_platform_id platforms[TN_CL_DEVICE_LIMIT];
    cl_uint platform_count = 0;

    c->enumerated = true;
    open_loader(c);
    if (!c->opened ||
        c->cl.clGetPlatformIDs(TN_CL_DEVICE_LIMIT, platforms, &platform_count) != CL_SUCCESS) {
        if (c->base.host->log)
            c->base.host->log(c->base.host->self, 2,
                "no OpenCL 1.2 loader with a platform is here");
        return;
    }
    for (cl_uint p = 0; p < platform_count && p < TN_CL_DEVICE_LIMIT; p++) {
        cl_device_id ids[TN_CL_DEVICE_LIMIT];
        cl_uint count = 0;

        if (c->cl.clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, TN_CL_DEVICE_LIMIT, ids,
                &count) != CL_SUCCESS)
            continue;
        for (cl_uint i = 0; i < count && c->device_count < TN_CL_DEVICE_LIMIT; i++)
            describe_one(c, ids[i], &c->devices[c->device_count++]);
    }
}

static int
devices(void *self, uint32_t *count)
{
    tn_cl *c = self;

    if (!c->enumerated)
        enumerate(c);
    *count = c->device_count;
    return TN_OK;
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    tn_cl *c = self;
    uint32_t count;

    devices(self, &count);
    if (device >= count)
        return tn_plugin_fail(&c->base, TN_DEVICE, "there are %u OpenCL devices", count);
    *target = c->devices[device].target;
    *title = c->devices[device].title;
    *identity = c->devices[device].identity;
    return TN_OK;
}

static tn_status
generate(tn_arena *arena, tn_diag *diag, const tn_kernel *kernel, const char *target, tn_blob *code)
{
    tn_text text = {.arena = arena};

    (void)target;
    TN_TRY(tn_cl_generate(&text, diag, kernel));
    *code = (tn_blob){text.at, text.length};
    return TN_OK;
}

int
tn_cl_compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    const tn_cl *c = self;

    return tn_plugin_compile(&c->base, generate, target, kernel, take, to);
}

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "opencl",
    .family = "opencl",
    .version = TN_VERSION,
    .devices = devices,
    .describe = describe,
    .compile = tn_cl_compile,
    .open = tn_cl_device_open,
    .close = tn_cl_device_close,
    .buffer_new = tn_cl_buffer_new,
    .buffer_free = tn_cl_buffer_free,
    .write = tn_cl_write,
    .read = tn_cl_read,
    .copy = tn_cl_copy,
    .fill_zero = tn_cl_fill_zero,
    .load = tn_cl_load,
    .unload = tn_cl_unload,
    .submit = tn_cl_submit,
    .wait = tn_cl_wait,
};

TN_PLUGIN_QUERY(opencl)(uint32_t abi, const tn_host *host)
{
    tn_plugin_base *base = tn_plugin_base_new(abi, host, &entries, sizeof(tn_cl));

    return base ? &base->head : NULL;
}
