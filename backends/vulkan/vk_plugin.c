/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_plugin.h"

#include <stdio.h>
#include <string.h>

int
tn_vk_error(const tn_vk *c, VkResult result, const char *what)
{
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return tn_plugin_fail(&c->base, TN_NO_MEMORY, "%s: out of memory", what);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return tn_plugin_fail(&c->base, TN_DEVICE, "%s: out of device memory", what);
    case VK_ERROR_DEVICE_LOST:
        return tn_plugin_fail(&c->base, TN_DEVICE, "%s: the device was lost", what);
    case VK_TIMEOUT: return tn_plugin_fail(&c->base, TN_CANCELLED, "%s: timed out", what);
    default: return tn_plugin_fail(&c->base, TN_DEVICE, "%s: Vulkan error %d", what, (int)result);
    }
}

void *
tn_vk_entry(const tn_vk *c, const char *name, void *found)
{
    return c->base.host->driver_entry ? c->base.host->driver_entry(c->base.host->self, name, found)
                                      : found;
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
        return tn_plugin_fail(&c->base, TN_DEVICE, "there are %u Vulkan devices", count);
    *target = c->devices[device].target;
    *title = c->devices[device].title;
    *identity = c->devices[device].identity;
    return TN_OK;
}

static tn_status
generate(tn_arena *arena, tn_diag *diag, const tn_kernel *kernel, const char *target, tn_blob *code)
{
    /* Float controls are asked for only where the target text promises them:
     * portable code must run on devices without. */
    bool promised = strstr(target, "float_controls=1") != NULL;
    tn_vk_features features = {.keeps_nan = promised, .keeps_denormals = promised};
    tn_writer words = {.arena = arena};

    TN_TRY(tn_vk_generate(arena, diag, kernel, &features, &words));
    *code = (tn_blob){words.at, words.bytes};
    return TN_OK;
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    const tn_vk *c = self;

    return tn_plugin_compile(&c->base, generate, target, kernel, take, to);
}

static void
shut_down(void *self)
{
    tn_vk *c = self;

    if (c->instance && c->vk.vkDestroyInstance && !c->left_device)
        c->vk.vkDestroyInstance(c->instance, NULL);
    tn_plugin_base_free(&c->base);
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
    tn_plugin_base *base = tn_plugin_base_new(abi, host, &entries, sizeof(tn_vk));

    return base ? &base->head : NULL;
}
