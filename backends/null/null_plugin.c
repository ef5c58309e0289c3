/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/backend.h"

/* A device with memory that computes nothing: the template to copy for a new
 * backend, and a way to measure what launching alone costs. Its code is the
 * kernel's bytes as they came. It needs nothing of tenon but backend.h. */

/* All that one query hands out, in one block; `self` of the calls. */
typedef struct plugin {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    const tn_host *host;
} plugin;

struct tn_device {
    const tn_host *host;
};

struct tn_buffer {
    const tn_host *host;
    unsigned char *at;
    uint64_t bytes;
};

struct tn_program {
    const tn_host *host;
};

/* Values of ir/base/status.def. */
enum { DONE = 0, NO_MEMORY = 6, DEVICE = 10 };

static int
fail(const tn_host *host, int status, const char *why)
{
    if (host->explain)
        host->explain(host->self, why);
    return status;
}

static void *
get(const tn_host *host, size_t bytes)
{
    void *at = host->resize(host->self, NULL, 0, bytes);

    if (at)
        memset(at, 0, bytes);
    return at;
}

static void
drop(const tn_host *host, void *at, size_t bytes)
{
    if (at)
        host->resize(host->self, at, bytes, 0);
}

/* ---- the machine ---- */

static int
devices(void *self, uint32_t *count)
{
    (void)self;
    *count = 1;
    return DONE;
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    const plugin *p = self;

    if (device != 0)
        return fail(p->host, DEVICE, "null has one device");
    *target = "vector_bytes=64 registers=32 masked=1";
    *title = "no device";
    *identity = "null 1";
    return DONE;
}

static int
open_device(void *self, uint32_t device, tn_device **out)
{
    const tn_host *host = ((const plugin *)self)->host;

    *out = NULL;
    if (device != 0)
        return fail(host, DEVICE, "null has one device");
    *out = get(host, sizeof **out);
    if (!*out)
        return fail(host, NO_MEMORY, "out of memory: a device");
    (*out)->host = host;
    return DONE;
}

static void
close_device(tn_device *device)
{
    drop(device->host, device, sizeof *device);
}

/* ---- memory ---- */

static int
buffer_new(tn_device *device, uint64_t bytes, tn_buffer **out)
{
    const tn_host *host = device->host;
    tn_buffer *buffer = bytes < SIZE_MAX ? get(host, sizeof *buffer) : NULL;

    *out = NULL;
    if (!buffer)
        return fail(host, NO_MEMORY, "out of memory: a buffer");
    *buffer = (tn_buffer){host, get(host, (size_t)bytes + 1), bytes};
    if (!buffer->at) {
        drop(host, buffer, sizeof *buffer);
        return fail(host, NO_MEMORY, "out of memory: the bytes of a buffer");
    }
    *out = buffer;
    return DONE;
}

static void
buffer_free(tn_buffer *buffer)
{
    drop(buffer->host, buffer->at, (size_t)buffer->bytes + 1);
    drop(buffer->host, buffer, sizeof *buffer);
}

static int
check_range(const tn_buffer *buffer, uint64_t at, uint64_t bytes)
{
    if (at <= buffer->bytes && bytes <= buffer->bytes - at)
        return DONE;
    return fail(buffer->host, DEVICE, "beyond the end of a buffer");
}

static int
write_buffer(tn_buffer *buffer, uint64_t at, const void *from, uint64_t bytes)
{
    int status = check_range(buffer, at, bytes);

    if (status == DONE && bytes)
        memcpy(buffer->at + at, from, (size_t)bytes);
    return status;
}

static int
read_buffer(tn_buffer *buffer, uint64_t at, void *to, uint64_t bytes)
{
    int status = check_range(buffer, at, bytes);

    if (status == DONE && bytes)
        memcpy(to, buffer->at + at, (size_t)bytes);
    return status;
}

static int
copy_buffer(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    int status = check_range(to, to_at, bytes);

    if (status == DONE)
        status = check_range(from, from_at, bytes);
    if (status == DONE && bytes)
        memmove(to->at + to_at, from->at + from_at, (size_t)bytes);
    return status;
}

static int
fill_zero(tn_buffer *buffer, uint64_t at, uint64_t bytes)
{
    int status = check_range(buffer, at, bytes);

    if (status == DONE && bytes)
        memset(buffer->at + at, 0, (size_t)bytes);
    return status;
}

/* ---- code ---- */

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    (void)self, (void)target;
    take(to, kernel);
    return DONE;
}

static int
load(tn_device *device, tn_blob code, tn_program **out)
{
    (void)code;
    *out = get(device->host, sizeof **out);
    if (!*out)
        return fail(device->host, NO_MEMORY, "out of memory: a program");
    (*out)->host = device->host;
    return DONE;
}

static void
unload(tn_program *program)
{
    drop(program->host, program, sizeof *program);
}

static int
submit(tn_device *device, const tn_dispatch *list, uint32_t count)
{
    (void)device;
    for (uint32_t i = 0; i < count; i++)
        if (list[i].took_ns)
            *list[i].took_ns = 0;
    return DONE;
}

static int
wait_device(tn_device *device, uint64_t timeout_ns)
{
    (void)device, (void)timeout_ns;
    return DONE;
}

/* ---- the query ---- */

static void
shut_down(void *self)
{
    plugin *p = self;

    drop(p->host, p, sizeof *p);
}

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "null",
    .family = "null",
    .version = "1",
    .devices = devices,
    .describe = describe,
    .compile = compile,
    .open = open_device,
    .close = close_device,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
    .write = write_buffer,
    .read = read_buffer,
    .copy = copy_buffer,
    .fill_zero = fill_zero,
    .load = load,
    .unload = unload,
    .submit = submit,
    .wait = wait_device,
    .shutdown = shut_down,
};

TN_PLUGIN_QUERY(null)(uint32_t abi, const tn_host *host)
{
    plugin *p = abi == TN_ABI ? get(host, sizeof *p) : NULL;

    if (!p)
        return NULL;
    p->host = host;
    p->backend = entries;
    p->backend.self = p;
    p->list[0] = &p->backend;
    p->head = (tn_plugin){sizeof p->head, TN_ABI, "null", "1", p->list};
    return &p->head;
}
