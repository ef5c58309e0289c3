/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/gpu_work.h"

#include <stdio.h>
#include <string.h>

#include "ir/kernel/kernel.h"
#include "runtime/codegen.h"

enum { COUNT = TN_GPU_WORK_GROUPS * TN_GPU_WORK_LANES, BUFFERS = 4 };

static const char kernel_text[] = "kernel twice i32 lanes 8 {\n"
                                  "size N 1 .. 4096\n"
                                  "global x: f32 read\n"
                                  "global y: f32 write\n"
                                  "grid %0: 0 .. N {\n"
                                  "%1: i32 = mul %0, 8\n"
                                  "lane %2: 0 .. 8 {\n"
                                  "%3: i32 = add %1, %2\n"
                                  "%4: f32 = load x[%3]\n"
                                  "%5: f32 = add %4, %4\n"
                                  "store y[%3], %5\n"
                                  "}\n}\n}\n";

typedef struct work {
    tn_gpu_work *w;
    tn_env env;
    tn_diag diag;
    tn_arena *arena;
    tn_registry *registry;
    const tn_backend *backend;
    tn_device *device;
    tn_span code;
    tn_program *program;
    tn_buffer *buffer[BUFFERS];
} work;

static tn_status
result(work *k, int code)
{
    return tn_registry_result(k->registry, &k->diag, code, k->w->device);
}

static tn_status
make_code(void *arg)
{
    work *k = arg;
    tn_writer lane = {.arena = k->arena};
    const char *target, *title, *identity;
    tn_kernel *kernel;

    TN_TRY(result(k, k->backend->describe(k->backend->self, 0, &target, &title, &identity)));
    TN_TRY(tn_kernel_parse(k->arena, &k->diag, "twice", kernel_text, &kernel));
    tn_kernel_encode(&lane, kernel);
    return tn_generate(&k->env, k->registry, k->backend->family, target, tn_writer_span(&lane),
        &k->code);
}

static tn_status
generate(work *k)
{
    tn_status status = TN_NO_MEMORY;

    k->arena = tn_arena_create(k->env.alloc, 0);
    if (k->arena)
        status = tn_arena_guard(k->arena, make_code, k);
    if (status == TN_NO_MEMORY && !tn_diag_count(&k->diag))
        return tn_fail_memory(&k->diag, 0, "a kernel");
    return status;
}

static tn_status
open_all(work *k)
{
    const tn_registry_options options = {.cache_folder = k->w->cache_folder,
        .driver_entry = k->w->driver_entry,
        .driver_self = k->w->driver_self};
    uint32_t number;

    TN_TRY(tn_registry_create(&k->env, &options, &k->registry));
    TN_TRY(tn_registry_device(k->registry, k->w->device, &k->backend, &number));
    TN_TRY(result(k, k->backend->open(k->backend->self, number, &k->device)));
    TN_TRY(generate(k));
    TN_TRY(result(k,
        k->backend->load(k->device, (tn_blob){k->code.at, k->code.bytes}, &k->program)));
    for (int i = 0; i < BUFFERS; i++)
        TN_TRY(result(k, k->backend->buffer_new(k->device, COUNT * 4, &k->buffer[i])));
    return TN_OK;
}

static tn_status
launch(work *k)
{
    static const int32_t groups = TN_GPU_WORK_GROUPS;
    tn_binding bindings[2][2];
    tn_dispatch list[2];

    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++)
            bindings[i][j] = (tn_binding){k->buffer[i + j], 0, COUNT * 4};
        list[i] = (tn_dispatch){.size = sizeof *list,
            .program = k->program,
            .bindings = bindings[i],
            .binding_count = 2,
            .sizes = &groups,
            .size_count = 1,
            .tasks = TN_GPU_WORK_GROUPS,
            .wait = 1,
            .took_ns = &k->w->took_ns[i]};
    }
    return result(k, k->backend->submit(k->device, list, 2));
}

static tn_status
compute(work *k)
{
    const tn_backend *b = k->backend;
    float x[COUNT], y[COUNT];

    for (int i = 0; i < COUNT; i++)
        x[i] = (float)i;
    TN_TRY(result(k, b->write(k->buffer[0], 0, x, sizeof x)));
    TN_TRY(result(k, b->fill_zero(k->buffer[2], 0, sizeof x)));
    TN_TRY(launch(k));
    TN_TRY(result(k, b->copy(k->buffer[3], 0, k->buffer[2], 0, sizeof x)));
    k->w->after_timeout = -1;
    TN_TRY(result(k, b->wait(k->device, k->w->timeout_ns)));
    TN_TRY(result(k, b->read(k->buffer[3], 0, y, sizeof y)));
    k->w->right = true;
    for (int i = 0; i < COUNT; i++)
        k->w->right = k->w->right && y[i] == 4 * x[i];
    return TN_OK;
}

/* The device goes on after a timeout: all work is done again. */
static void
again(work *k)
{
    int first = k->backend->wait(k->device, 0);

    k->w->timeout_ns = 0;
    (void)compute(k);
    k->w->after_timeout = first;
}

static void
close_all(work *k)
{
    for (int i = 0; i < BUFFERS; i++)
        if (k->buffer[i])
            k->backend->buffer_free(k->buffer[i]);
    if (k->program)
        k->backend->unload(k->program);
    if (k->device)
        k->backend->close(k->device);
    tn_generate_free(&k->env, &k->code);
    tn_registry_destroy(k->registry);
    tn_arena_destroy(k->arena);
    tn_diag_clear(&k->diag);
}

tn_status
tn_gpu_work_run(tn_gpu_work *w)
{
    work k = {.w = w};
    tn_status status;

    k.env = (tn_env){
        w->alloc ? w->alloc : tn_alloc_system(), w->files ? w->files : tn_files_system(), &k.diag};
    w->why[0] = '\0';
    w->right = false;
    tn_diag_init(&k.diag, tn_alloc_system());
    status = open_all(&k);
    if (status == TN_OK)
        status = compute(&k);
    if (tn_diag_count(&k.diag))
        snprintf(w->why, sizeof w->why, "%s", tn_diag_text(&k.diag, 0));
    if (status == TN_CANCELLED && !w->give_up)
        again(&k);
    close_all(&k);
    return status;
}

bool
tn_gpu_work_possible(const char *device)
{
    tn_gpu_work w = {.device = device};

    return tn_gpu_work_run(&w) == TN_OK;
}
