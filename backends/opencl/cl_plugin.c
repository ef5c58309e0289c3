/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/opencl/cl_plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "backends/opencl/cl_codegen.h"

typedef struct plugin {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    tn_cl cl;
} plugin;

int
tn_cl_fail(const tn_cl *c, tn_status status, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->host->explain)
        c->host->explain(c->host->self, text);
    return (int)status;
}

int
tn_cl_error(const tn_cl *c, cl_int error, const char *what)
{
    tn_status status = error == CL_OUT_OF_HOST_MEMORY ? TN_NO_MEMORY : TN_DEVICE;

    if (error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES)
        return tn_cl_fail(c, TN_DEVICE, "%s: out of device memory (OpenCL error %d)", what, error);
    return tn_cl_fail(c, status, "%s: OpenCL error %d", what, error);
}

/* ---- finding the loader and its devices ---- */

static void *
entry(const tn_cl *c, void *library, const char *name)
{
    void *found = library ? dlsym(library, name) : NULL;

    return c->host->driver_entry ? c->host->driver_entry(c->host->self, name, found) : found;
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
        if (c->host->log)
            c->host->log(c->host->self, 2, "no OpenCL 1.2 loader with a platform is here");
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
        return tn_cl_fail(c, TN_DEVICE, "there are %u OpenCL devices", count);
    *target = c->devices[device].target;
    *title = c->devices[device].title;
    *identity = c->devices[device].identity;
    return TN_OK;
}

/* ---- code generation: bytes to text, in an arena of its own ---- */

typedef struct job {
    tn_arena *arena;
    tn_diag *diag;
    tn_span kernel;
    tn_text text;
} job;

static tn_status
generate(void *arg)
{
    job *j = arg;
    tn_kernel *k;

    TN_TRY(tn_kernel_decode(j->arena, j->diag, j->kernel, &k));
    j->text.arena = j->arena;
    return tn_cl_generate(&j->text, j->diag, k);
}

int
tn_cl_compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    tn_cl *c = self;
    tn_diag diag;
    job j = {.diag = &diag, .kernel = {kernel.at, kernel.bytes}};
    tn_status status = TN_NO_MEMORY;

    (void)target;
    tn_diag_init(&diag, &c->alloc);
    j.arena = tn_arena_create(&c->alloc, 0);
    if (j.arena)
        status = tn_arena_guard(j.arena, generate, &j);
    if (status == TN_OK)
        take(to, (tn_blob){j.text.at, j.text.length});
    else
        tn_cl_fail(c, status, "%s",
            tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : tn_status_sentence(status));
    tn_arena_destroy(j.arena);
    tn_diag_clear(&diag);
    return (int)status;
}

static void *
host_resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    const tn_host *host = self;

    return host->resize(host->self, old, old_bytes, bytes);
}

static void
shut_down(void *self)
{
    tn_cl *c = self;
    tn_alloc alloc = c->alloc;

    tn_alloc_free(&alloc, (char *)c - offsetof(plugin, cl), sizeof(plugin));
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
    .shutdown = shut_down,
};

TN_PLUGIN_QUERY(opencl)(uint32_t abi, const tn_host *host)
{
    tn_alloc alloc = {.resize = host_resize};
    union {
        const tn_host *from;
        void *to;
    } self = {host};
    plugin *p;

    if (abi != TN_ABI)
        return NULL;
    alloc.self = self.to;
    p = tn_alloc_zero(&alloc, sizeof *p);
    if (!p)
        return NULL;
    p->cl.host = host;
    p->cl.alloc = alloc;
    p->backend = entries;
    p->backend.self = &p->cl;
    p->list[0] = &p->backend;
    p->head = (tn_plugin){
        .size = sizeof p->head,
        .abi = TN_ABI,
        .name = "opencl",
        .version = TN_VERSION,
        .backends = p->list,
    };
    return &p->head;
}
