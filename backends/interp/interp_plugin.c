/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "backends/interp/interp_lane.h"
#include "backends/sdk/plugin_base.h"

/* The interpreter as a device: code is the kernel's bytes, buffers are host
 * memory, a launch runs while it is submitted, with all checks. Device 0 is
 * CPU-like, device 1 GPU-like, so that both schedules can be interpreted. */

static const char *const targets[] = {
    "vector_bytes=64 registers=32 masked=1 f16_storage=1 i8_storage=1 i64_arith=1 f64_arith=1",
    "gpu=1 group_lanes=1024 group_bytes=65536 subgroup=32 f16_storage=1 i8_storage=1 "
    "i64_arith=1 f64_arith=1 float_controls=1",
};
static const char *const titles[] = {"interpreter, CPU-like", "interpreter, GPU-like"};
enum { DEVICES = 2 };

struct tn_device {
    const tn_plugin_base *p;
};

struct tn_buffer {
    const tn_plugin_base *p;
    uint8_t *at;
    uint64_t bytes;
    uint8_t *known; /* a byte each: something was written there; NULL: all */
    size_t block_bytes; /* 0: the memory is the caller's */
};

struct tn_program {
    const tn_plugin_base *p;
    tn_arena *arena;
    tn_kernel *kernel;
    tn_interp *code;
};

/* ---- devices ---- */

static int
devices(void *self, uint32_t *count)
{
    (void)self;
    *count = DEVICES;
    return TN_OK;
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    if (device >= DEVICES)
        return tn_plugin_fail(self, TN_DEVICE, "no interpreter %" PRIu32, device);
    *target = targets[device];
    *title = titles[device];
    *identity = "interp " TN_VERSION;
    return TN_OK;
}

static int
open_device(void *self, uint32_t device, tn_device **out)
{
    const tn_plugin_base *p = self;

    *out = NULL;
    if (device >= DEVICES)
        return tn_plugin_fail(p, TN_DEVICE, "no interpreter %" PRIu32, device);
    *out = tn_alloc_zero(&p->alloc, sizeof **out);
    if (!*out)
        return tn_plugin_fail(p, TN_NO_MEMORY, "out of memory: a device");
    (*out)->p = p;
    return TN_OK;
}

static void
close_device(tn_device *device)
{
    tn_alloc_free(&device->p->alloc, device, sizeof *device);
}

/* ---- memory ---- */

static int
new_buffer(const tn_plugin_base *p, tn_buffer buffer, tn_buffer **out)
{
    *out = tn_alloc_zero(&p->alloc, sizeof **out);
    if (!*out)
        return tn_plugin_fail(p, TN_NO_MEMORY, "out of memory: a buffer");
    **out = buffer;
    return TN_OK;
}

static int
buffer_new(tn_device *device, uint64_t bytes, tn_buffer **out)
{
    const tn_plugin_base *p = device->p;
    /* The bytes, then what is known of each. */
    size_t block = 2 * (size_t)bytes + 1;
    uint8_t *at = bytes < SIZE_MAX / 2 ? tn_alloc_get(&p->alloc, block) : NULL;

    *out = NULL;
    if (!at)
        return tn_plugin_fail(p, TN_NO_MEMORY, "out of memory: %" PRIu64 " bytes for a buffer",
            bytes);
    memset(at + bytes, 0, (size_t)bytes);
    int status = new_buffer(p, (tn_buffer){p, at, bytes, at + bytes, block}, out);
    if (status != TN_OK)
        tn_alloc_free(&p->alloc, at, block);
    return status;
}

static int
buffer_wrap(tn_device *device, void *at, uint64_t bytes, tn_buffer **out)
{
    return new_buffer(device->p, (tn_buffer){device->p, at, bytes, NULL, 0}, out);
}

static void
buffer_free(tn_buffer *buffer)
{
    const tn_plugin_base *p = buffer->p;

    if (buffer->block_bytes)
        tn_alloc_free(&p->alloc, buffer->at, buffer->block_bytes);
    tn_alloc_free(&p->alloc, buffer, sizeof *buffer);
}

static void *
buffer_map(tn_buffer *buffer)
{
    return buffer->at;
}

static int
check_range(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (at <= b->bytes && bytes <= b->bytes - at)
        return TN_OK;
    return tn_plugin_fail(b->p, TN_BUG, "%" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64,
        bytes, at, b->bytes);
}

static void
mark_known(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (b->known && bytes)
        memset(b->known + at, 1, (size_t)bytes);
}

static int
write_buffer(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes)
{
    int status = check_range(b, at, bytes);

    if (status == TN_OK && bytes)
        memcpy(b->at + at, from, (size_t)bytes);
    if (status == TN_OK)
        mark_known(b, at, bytes);
    return status;
}

static int
read_buffer(tn_buffer *b, uint64_t at, void *to, uint64_t bytes)
{
    int status = check_range(b, at, bytes);

    if (status == TN_OK && bytes)
        memcpy(to, b->at + at, (size_t)bytes);
    return status;
}

static int
copy_buffer(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    int status = check_range(to, to_at, bytes);

    if (status == TN_OK)
        status = check_range(from, from_at, bytes);
    if (status == TN_OK && bytes)
        memmove(to->at + to_at, from->at + from_at, (size_t)bytes);
    if (status == TN_OK && bytes && to->known && from->known)
        memmove(to->known + to_at, from->known + from_at, (size_t)bytes);
    else if (status == TN_OK)
        mark_known(to, to_at, bytes);
    return status;
}

static int
fill_zero(tn_buffer *b, uint64_t at, uint64_t bytes)
{
    int status = check_range(b, at, bytes);

    if (status == TN_OK && bytes)
        memset(b->at + at, 0, (size_t)bytes);
    if (status == TN_OK)
        mark_known(b, at, bytes);
    return status;
}

/* ---- programs ---- */

typedef struct loading {
    tn_arena *arena;
    tn_diag *diag;
    tn_span bytes;
    tn_program *program;
} loading;

static tn_status
decode(void *arg)
{
    loading *l = arg;

    TN_TRY(tn_kernel_decode(l->arena, l->diag, l->bytes, &l->program->kernel));
    l->program->code = tn_interp_prepare(l->arena, l->program->kernel);
    return TN_OK;
}

static int
decoded(const tn_plugin_base *p, tn_blob code, tn_program *program)
{
    tn_diag diag;

    tn_diag_init(&diag, &p->alloc);
    *program = (tn_program){.p = p, .arena = tn_arena_create(&p->alloc, 0)};
    loading l = {program->arena, &diag, {code.at, code.bytes}, program};
    tn_status status = l.arena ? tn_arena_guard(l.arena, decode, &l) : TN_NO_MEMORY;
    if (status != TN_OK)
        tn_arena_destroy(program->arena);
    return tn_plugin_told(p, status, &diag);
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    tn_program program;
    int status = decoded(self, kernel, &program);

    (void)target;
    if (status != TN_OK)
        return status;
    tn_arena_destroy(program.arena);
    take(to, kernel);
    return TN_OK;
}

static int
load(tn_device *device, tn_blob code, tn_program **out)
{
    const tn_plugin_base *p = device->p;

    *out = tn_alloc_zero(&p->alloc, sizeof **out);
    if (!*out)
        return tn_plugin_fail(p, TN_NO_MEMORY, "out of memory: a program");
    int status = decoded(p, code, *out);
    if (status != TN_OK) {
        tn_alloc_free(&p->alloc, *out, sizeof **out);
        *out = NULL;
    }
    return status;
}

static void
unload(tn_program *program)
{
    const tn_plugin_base *p = program->p;

    tn_arena_destroy(program->arena);
    tn_alloc_free(&p->alloc, program, sizeof *program);
}

/* ---- launches ---- */

typedef struct launch {
    tn_arena *arena;
    tn_diag *diag;
    const tn_dispatch *d;
} launch;

static tn_status
bind(const launch *l, const tn_binding *from, uint32_t number, tn_interp_buffer *to)
{
    const tn_kernel *k = l->d->program->kernel;
    uint32_t bytes = (uint32_t)tn_dtype_bytes(k->globals.at[number]->dtype);
    const tn_buffer *b = from->buffer;

    if (!b || from->offset > b->bytes || from->bytes > b->bytes - from->offset)
        return tn_fail(l->diag, TN_BUG, "kernel %s: buffer %s exceeds what it is bound to", k->name,
            k->globals.at[number]->name);
    *to = (tn_interp_buffer){b->at + from->offset, from->bytes / bytes,
        b->known ? b->known + from->offset : NULL, bytes};
    return TN_OK;
}

static tn_status
find_status(const launch *l, uint32_t **out)
{
    const tn_kernel *k = l->d->program->kernel;
    const tn_binding *from = &l->d->status;

    *out = NULL;
    if (!k->sites.count)
        return TN_OK;
    if (!from->buffer || from->bytes / 16 < k->sites.count || from->offset % 4 ||
        from->offset > from->buffer->bytes || from->bytes > from->buffer->bytes - from->offset)
        return tn_fail(l->diag, TN_BUG, "kernel %s: %u checks and too few status words", k->name,
            k->sites.count);
    *out = (uint32_t *)(void *)(from->buffer->at + from->offset);
    return TN_OK;
}

static tn_status
check_tasks(const launch *l)
{
    const tn_kernel *k = l->d->program->kernel;
    int64_t *sizes = tn_new_array(l->arena, int64_t, k->sizes.count + 1), tasks;

    for (uint32_t i = 0; i < k->sizes.count; i++) {
        sizes[i] = l->d->sizes[i];
        if (sizes[i] < k->sizes.at[i].low || sizes[i] > k->sizes.at[i].high)
            return tn_fail(l->diag, TN_BUG, "kernel %s: size %s is %lld", k->name,
                k->sizes.at[i].name, (long long)sizes[i]);
    }
    if (!tn_formula_eval(k->tasks, sizes, k->sizes.count, &tasks) || (uint64_t)tasks != l->d->tasks)
        return tn_fail(l->diag, TN_BUG, "kernel %s: launched with %" PRIu64 " tasks", k->name,
            l->d->tasks);
    return TN_OK;
}

static tn_status
run(void *arg)
{
    const launch *l = arg;
    const tn_dispatch *d = l->d;
    const tn_kernel *k = d->program->kernel;
    const tn_interp_options options = {.races = true};
    uint32_t *status;

    if (d->binding_count != k->globals.count || d->size_count != k->sizes.count)
        return tn_fail(l->diag, TN_BUG, "kernel %s: wrong number of buffers or sizes", k->name);
    tn_interp_buffer *buffers = tn_new_array(l->arena, tn_interp_buffer, k->globals.count + 1);
    for (uint32_t i = 0; i < k->globals.count; i++)
        TN_TRY(bind(l, &d->bindings[i], i, &buffers[i]));
    TN_TRY(find_status(l, &status));
    TN_TRY(check_tasks(l));
    return tn_interp_run(l->arena, l->diag, d->program->code, buffers, d->sizes, 0, d->tasks,
        status, &options);
}

static int
submit(tn_device *device, const tn_dispatch *list, uint32_t count)
{
    const tn_plugin_base *p = device->p;

    for (uint32_t i = 0; i < count; i++) {
        tn_diag diag;

        if (!list[i].tasks)
            continue;
        tn_diag_init(&diag, &p->alloc);
        launch l = {tn_arena_create(&p->alloc, 0), &diag, &list[i]};
        tn_status status = l.arena ? tn_arena_guard(l.arena, run, &l) : TN_NO_MEMORY;
        tn_arena_destroy(l.arena);
        if (list[i].took_ns)
            *list[i].took_ns = 0; /* how long an interpreter takes says nothing */
        int code = tn_plugin_told(p, status, &diag);
        if (code != TN_OK)
            return code;
    }
    return TN_OK;
}

static int
wait_device(tn_device *device, uint64_t timeout_ns)
{
    (void)device, (void)timeout_ns;
    return TN_OK;
}

/* ---- the query ---- */

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "interp",
    .family = "interp",
    .version = TN_VERSION,
    .devices = devices,
    .describe = describe,
    .compile = compile,
    .open = open_device,
    .close = close_device,
    .buffer_new = buffer_new,
    .buffer_wrap = buffer_wrap,
    .buffer_free = buffer_free,
    .buffer_map = buffer_map,
    .write = write_buffer,
    .read = read_buffer,
    .copy = copy_buffer,
    .fill_zero = fill_zero,
    .load = load,
    .unload = unload,
    .submit = submit,
    .wait = wait_device,
};

TN_PLUGIN_QUERY(interp)(uint32_t abi, const tn_host *host)
{
    tn_plugin_base *base = tn_plugin_base_new(abi, host, &entries, sizeof *base);

    return base ? &base->head : NULL;
}
