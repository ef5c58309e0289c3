/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/run_device.h"

#include <stdio.h>
#include <string.h>

#include "runtime/codegen.h"

enum { BUFFERS = 32 };

typedef struct launch {
    tn_run_device *d;
    tn_diag *diag;
    const tn_kernel *k;
    tn_program *program;
    tn_buffer *buffers[BUFFERS], *status;
    tn_binding bindings[BUFFERS];
} launch;

static tn_status
result(launch *l, int code, const char *what)
{
    return tn_registry_result(l->d->registry, l->diag, code, what);
}

static size_t
bytes_of(const launch *l, const tn_interp_buffer *b, uint32_t i)
{
    return (size_t)b->elements * (size_t)tn_dtype_bytes(l->k->globals.at[i]->dtype);
}

static tn_status
upload(launch *l, const tn_interp_buffer *buffers)
{
    const tn_backend *b = l->d->backend;

    for (uint32_t i = 0; i < l->k->globals.count; i++) {
        size_t bytes = bytes_of(l, &buffers[i], i);

        TN_TRY(result(l, b->buffer_new(l->d->device, bytes ? bytes : 1, &l->buffers[i]), "buffer"));
        if (bytes)
            TN_TRY(result(l, b->write(l->buffers[i], 0, buffers[i].at, bytes), "write"));
        l->bindings[i] = (tn_binding){l->buffers[i], 0, bytes};
    }
    return TN_OK;
}

static tn_status
download(launch *l, const tn_interp_buffer *buffers)
{
    for (uint32_t i = 0; i < l->k->globals.count; i++) {
        size_t bytes = bytes_of(l, &buffers[i], i);

        if (!l->k->globals.at[i]->written || !bytes)
            continue;
        TN_TRY(result(l, l->d->backend->read(l->buffers[i], 0, buffers[i].at, bytes), "read"));
        if (buffers[i].initialised)
            memset(buffers[i].initialised, 1, (size_t)buffers[i].elements);
    }
    return TN_OK;
}

static tn_status
dispatch(launch *l, const int32_t *sizes, uint64_t tasks, uint64_t scratch_bytes, uint32_t *status)
{
    const tn_backend *b = l->d->backend;
    size_t status_bytes = 16 * l->k->sites.count;
    tn_dispatch one = {
        .size = sizeof one,
        .program = l->program,
        .bindings = l->bindings,
        .binding_count = l->k->globals.count,
        .sizes = sizes,
        .size_count = l->k->sizes.count,
        .tasks = tasks,
        .scratch_bytes = scratch_bytes,
        .wait = 1,
    };

    if (status_bytes) {
        TN_TRY(result(l, b->buffer_new(l->d->device, status_bytes, &l->status), "status"));
        TN_TRY(result(l, b->write(l->status, 0, status, status_bytes), "status"));
        one.status = (tn_binding){l->status, 0, status_bytes};
    }
    TN_TRY(result(l, b->submit(l->d->device, &one, 1), "submit"));
    TN_TRY(result(l, b->wait(l->d->device, 0), "wait"));
    return status_bytes ? result(l, b->read(l->status, 0, status, status_bytes), "status") : TN_OK;
}

static void
release(launch *l)
{
    const tn_backend *b = l->d->backend;

    for (int i = 0; i < BUFFERS; i++)
        if (l->buffers[i])
            b->buffer_free(l->buffers[i]);
    if (l->status)
        b->buffer_free(l->status);
    if (l->program)
        b->unload(l->program);
}

/* SPIR-V without our head, OpenCL C, objects. */
tn_status
tn_run_device_dump(const tn_env *env, const char *folder, const char *name, const char *family,
    tn_span code)
{
    static const struct {
        const char *family, *ending;
        size_t head;
    } kinds[] = {{"vulkan", "spv", 20}, {"opencl", "cl", 0}, {"cpu", "o", 0}};
    char path[4096];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].family, family) != 0 || code.bytes < kinds[i].head)
            continue;
        snprintf(path, sizeof path, "%s/%s.%s", folder, name, kinds[i].ending);
        return tn_file_write(env, path,
            (tn_span){code.at + kinds[i].head, code.bytes - kinds[i].head});
    }
    return TN_OK;
}

static tn_status
run(void *self, tn_diag *diag, const tn_kernel *k, tn_span bytes, const tn_interp_buffer *buffers,
    const int32_t *sizes, uint64_t tasks, uint64_t scratch_bytes, uint32_t *status)
{
    launch l = {.d = self, .diag = diag, .k = k};
    tn_env env = l.d->env;
    tn_span code = {0};
    char name[16];
    tn_status ended;

    if (k->globals.count > BUFFERS)
        return tn_fail(diag, TN_LIMIT, "more than %d buffers", BUFFERS);
    env.diag = diag;
    snprintf(name, sizeof name, "k%03d", l.d->kernels);
    ended = tn_generate(&env, l.d->registry, l.d->backend->family, l.d->target, bytes, &code);
    if (ended == TN_OK && l.d->dump)
        ended = tn_run_device_dump(&env, l.d->dump, name, l.d->backend->family, code);
    if (ended == TN_OK)
        ended = result(&l,
            l.d->backend->load(l.d->device, (tn_blob){code.at, code.bytes}, &l.program), "load");
    if (ended == TN_OK)
        ended = upload(&l, buffers);
    if (ended == TN_OK)
        ended = dispatch(&l, sizes, tasks, scratch_bytes, status);
    if (ended == TN_OK)
        ended = download(&l, buffers);
    tn_generate_free(&env, &code);
    release(&l);
    l.d->kernels++;
    return ended;
}

bool
tn_run_device_open(tn_run_device *d, const char *name)
{
    const tn_registry_options options = {0};
    uint32_t number = 0;
    tn_status status;

    *d = (tn_run_device){.machine = {d, run}};
    tn_diag_init(&d->diag, tn_alloc_system());
    d->env = (tn_env){tn_alloc_system(), tn_files_system(), &d->diag};
    status = tn_registry_create(&d->env, &options, &d->registry);
    if (status == TN_OK)
        status = tn_registry_device(d->registry, name, &d->backend, &number);
    if (status == TN_OK)
        status = tn_registry_result(d->registry, &d->diag,
            d->backend->describe(d->backend->self, number, &d->target, &d->title, &d->identity),
            name);
    if (status == TN_OK)
        status = tn_registry_result(d->registry, &d->diag,
            d->backend->open(d->backend->self, number, &d->device), name);
    if (status == TN_OK)
        return true;
    printf("no device %s: %s\n", name, tn_diag_count(&d->diag) ? tn_diag_text(&d->diag, 0) : "?");
    tn_run_device_close(d);
    return false;
}

void
tn_run_device_close(tn_run_device *d)
{
    if (d->device)
        d->backend->close(d->device);
    tn_registry_destroy(d->registry);
    tn_diag_clear(&d->diag);
}
