/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_plugin.h"

#include <stdio.h>
#include <string.h>

typedef struct plugin {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    tn_vk vk;
} plugin;

int
tn_vk_fail(const tn_vk *c, tn_status status, const char *format, ...)
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
tn_vk_error(const tn_vk *c, VkResult result, const char *what)
{
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return tn_vk_fail(c, TN_NO_MEMORY, "%s: out of memory", what);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return tn_vk_fail(c, TN_DEVICE, "%s: out of device memory", what);
    case VK_ERROR_DEVICE_LOST: return tn_vk_fail(c, TN_DEVICE, "%s: the device was lost", what);
    case VK_TIMEOUT: return tn_vk_fail(c, TN_CANCELLED, "%s: timed out", what);
    default: return tn_vk_fail(c, TN_DEVICE, "%s: Vulkan error %d", what, (int)result);
    }
}

void *
tn_vk_entry(const tn_vk *c, const char *name, void *found)
{
    return c->host->driver_entry ? c->host->driver_entry(c->host->self, name, found) : found;
}

static int
devices(void *self, uint32_t *count)
{
    tn_vk *c = self;

    if (!c->enumerated)
        tn_vk_enumerate(c);
    *count = c->device_count;
    return TN_OK;
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    tn_vk *c = self;
    uint32_t count;

    devices(self, &count);
    if (device >= count)
        return tn_vk_fail(c, TN_DEVICE, "there are %u Vulkan devices", count);
    *target = c->devices[device].target;
    *title = c->devices[device].title;
    *identity = c->devices[device].identity;
    return TN_OK;
}

/* ---- code generation: bytes to words, in an arena of its own ---- */

typedef struct job {
    tn_arena *arena;
    tn_diag *diag;
    tn_span kernel;
    tn_vk_features features;
    tn_writer words;
} job;

static tn_status
generate(void *arg)
{
    job *j = arg;
    tn_kernel *k;

    TN_TRY(tn_kernel_decode(j->arena, j->diag, j->kernel, &k));
    j->words.arena = j->arena;
    return tn_vk_generate(j->arena, j->diag, k, &j->features, &j->words);
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    tn_vk *c = self;
    tn_diag diag;
    job j = {.diag = &diag, .kernel = {kernel.at, kernel.bytes}};
    tn_status status = TN_NO_MEMORY;

    /* Float controls are asked for only where the target text promises them:
     * portable code must run on devices without. */
    j.features.keeps_nan = strstr(target, "float_controls=1") != NULL;
    j.features.keeps_denormals = j.features.keeps_nan;
    tn_diag_init(&diag, &c->alloc);
    j.arena = tn_arena_create(&c->alloc, 0);
    if (j.arena)
        status = tn_arena_guard(j.arena, generate, &j);
    if (status == TN_OK)
        take(to, (tn_blob){j.words.at, j.words.bytes});
    else
        tn_vk_fail(c, status, "%s",
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
    tn_vk *c = self;
    tn_alloc alloc = c->alloc;

    if (c->instance && c->vk.vkDestroyInstance && !c->left_device)
        c->vk.vkDestroyInstance(c->instance, NULL);
    tn_alloc_free(&alloc, (char *)c - offsetof(plugin, vk), sizeof(plugin));
}

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "vulkan",
    .family = "vulkan",
    .version = TN_VERSION,
    .devices = devices,
    .describe = describe,
    .compile = compile,
    .open = tn_vk_device_open,
    .close = tn_vk_device_close,
    .buffer_new = tn_vk_buffer_new,
    .buffer_free = tn_vk_buffer_free,
    .buffer_map = tn_vk_buffer_map,
    .write = tn_vk_write,
    .read = tn_vk_read,
    .copy = tn_vk_copy,
    .fill_zero = tn_vk_fill_zero,
    .load = tn_vk_load_program,
    .unload = tn_vk_unload,
    .submit = tn_vk_submit,
    .wait = tn_vk_wait,
    .shutdown = shut_down,
};

TN_PLUGIN_QUERY(vulkan)(uint32_t abi, const tn_host *host)
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
    p->vk.host = host;
    p->vk.alloc = alloc;
    p->backend = entries;
    p->backend.self = &p->vk;
    p->list[0] = &p->backend;
    p->head = (tn_plugin){
        .size = sizeof p->head,
        .abi = TN_ABI,
        .name = "vulkan",
        .version = TN_VERSION,
        .backends = p->list,
    };
    return &p->head;
}
