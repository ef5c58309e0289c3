/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "backends/vulkan/vk_plugin.h"

enum { FAMILY_LIMIT = 16 };

/* Every function of one level; false if one is missing. */
static bool
find_global(tn_vk *c)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
    bool all;

    found = tn_vk_entry(c, "vkGetInstanceProcAddr", found);
    memcpy(&c->vk.vkGetInstanceProcAddr, &found, sizeof found);
    if (!found)
        return false;
    all = true;
#define GLOBAL(name)                                                     \
    {                                                                    \
        PFN_vkVoidFunction f = c->vk.vkGetInstanceProcAddr(NULL, #name); \
        void *at;                                                        \
        memcpy(&at, &f, sizeof at);                                      \
        at = tn_vk_entry(c, #name, at);                                  \
        memcpy(&c->vk.name, &at, sizeof at);                             \
        all = all && at;                                                 \
    }
#define INSTANCE(name)
#define DEVICE(name)
#define TN_VK(level, name) level(name)
#include "backends/vulkan/vk_entries.def"
#undef GLOBAL
#undef INSTANCE
#undef DEVICE
    return all;
}

static bool
find_instance(tn_vk *c)
{
    bool all = true;

#define GLOBAL(name)
#define INSTANCE(name)                                                          \
    {                                                                           \
        PFN_vkVoidFunction f = c->vk.vkGetInstanceProcAddr(c->instance, #name); \
        void *at;                                                               \
        memcpy(&at, &f, sizeof at);                                             \
        at = tn_vk_entry(c, #name, at);                                         \
        memcpy(&c->vk.name, &at, sizeof at);                                    \
        all = all && at;                                                        \
    }
#define DEVICE(name)
#define TN_VK(level, name) level(name)
#include "backends/vulkan/vk_entries.def"
#undef GLOBAL
#undef INSTANCE
#undef DEVICE
    return all;
}

static bool
queue_family(const tn_vk *c, tn_vk_found *f)
{
    VkQueueFamilyProperties families[FAMILY_LIMIT];
    uint32_t count = FAMILY_LIMIT;

    c->vk.vkGetPhysicalDeviceQueueFamilyProperties(f->physical, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
            f->queue_family = i;
            f->timestamps = families[i].timestampValidBits == 64;
            return true;
        }
    return false;
}

static void
describe_features(const tn_vk *c, tn_vk_found *f)
{
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12};
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11};

    c->vk.vkGetPhysicalDeviceFeatures2(f->physical, &all);
    f->storage16 = v11.storageBuffer16BitAccess;
    f->storage8 = v12.storageBuffer8BitAccess;
    f->int64 = all.features.shaderInt64;
    f->float64 = all.features.shaderFloat64;
}

static void
describe_limits(const tn_vk *c, tn_vk_found *f)
{
    VkPhysicalDeviceFloatControlsProperties floats = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES};
    VkPhysicalDeviceProperties2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &floats};
    const VkPhysicalDeviceLimits *l = &all.properties.limits;
    uint32_t lanes;

    c->vk.vkGetPhysicalDeviceProperties2(f->physical, &all);
    f->features.keeps_nan = floats.shaderSignedZeroInfNanPreserveFloat32;
    f->features.keeps_denormals = floats.shaderDenormPreserveFloat32;
    f->tick_ns = (double)l->timestampPeriod;
    /* A driver without hardware reports an infinite period. */
    f->timestamps = f->timestamps && f->tick_ns > 0 && f->tick_ns < 1e9;
    f->group_limit[0] =
        l->maxComputeWorkGroupCount[0] < 65535 ? l->maxComputeWorkGroupCount[0] : 65535;
    f->group_limit[1] = l->maxComputeWorkGroupCount[1];
    f->buffer_limit = l->maxStorageBufferRange;
    lanes = l->maxComputeWorkGroupInvocations < l->maxComputeWorkGroupSize[0]
        ? l->maxComputeWorkGroupInvocations
        : l->maxComputeWorkGroupSize[0];
    f->lane_limit = lanes;
    memcpy(f->cache_id, all.properties.pipelineCacheUUID, VK_UUID_SIZE);
    f->binding_limit = l->maxPerStageDescriptorStorageBuffers;
    snprintf(f->target, sizeof f->target,
        "gpu=1 group_lanes=%u group_bytes=%u f16_storage=%d i8_storage=%d i64_arith=%d "
        "f64_arith=%d keeps_nan=%d keeps_denormals=%d%s",
        lanes, l->maxComputeSharedMemorySize, f->storage16, f->storage8, f->int64, f->float64,
        f->features.keeps_nan, f->features.keeps_denormals,
        f->features.keeps_nan && f->features.keeps_denormals ? " float_controls=1" : "");
    snprintf(f->title, sizeof f->title, "%s (Vulkan %u.%u)", all.properties.deviceName,
        VK_API_VERSION_MAJOR(all.properties.apiVersion),
        VK_API_VERSION_MINOR(all.properties.apiVersion));
    snprintf(f->identity, sizeof f->identity, "%s %08x %08x %08x", all.properties.deviceName,
        all.properties.vendorID, all.properties.deviceID, all.properties.driverVersion);
}

static bool
is_usable(const tn_vk *c, VkPhysicalDevice physical)
{
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};

    c->vk.vkGetPhysicalDeviceProperties2(physical, &all);
    c->vk.vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    return all.properties.apiVersion >= VK_API_VERSION_1_2 && memory.memoryHeapCount > 0;
}

/* No device is no error: the host learns why. */
static void
none(const tn_vk *c, const char *why)
{
    if (c->base.host->log)
        c->base.host->log(c->base.host->self, 2, why);
}

void
tn_vk_enumerate(tn_vk *c)
{
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "tenon",
        .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkPhysicalDevice physical[TN_VK_DEVICE_LIMIT];
    uint32_t count = TN_VK_DEVICE_LIMIT;

    c->enumerated = true;
    if (!find_global(c)) {
        none(c, "no Vulkan loader is here");
        return;
    }
    if (c->vk.vkCreateInstance(&info, NULL, &c->instance) != VK_SUCCESS) {
        none(c, "the Vulkan loader finds no driver of version 1.2");
        return;
    }
    if (!find_instance(c) ||
        c->vk.vkEnumeratePhysicalDevices(c->instance, &count, physical) < VK_SUCCESS) {
        none(c, "the Vulkan drivers could not be asked for their devices");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        tn_vk_found *f = &c->devices[c->device_count];

        *f = (tn_vk_found){.physical = physical[i]};
        if (!is_usable(c, physical[i]) || !queue_family(c, f))
            continue;
        describe_features(c, f);
        describe_limits(c, f);
        c->device_count++;
    }
}
