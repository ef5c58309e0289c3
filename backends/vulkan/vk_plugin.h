/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_VULKAN_VK_PLUGIN_H
#define TN_BACKENDS_VULKAN_VK_PLUGIN_H

#define VK_NO_PROTOTYPES
#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "backends/sdk/plugin_base.h"
#include "backends/vulkan/vk_codegen.h"
#include "ir/base/hash.h"

typedef struct tn_vk_entries {
    PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr;
#define TN_VK(level, name) PFN_##name name;
#include "backends/vulkan/vk_entries.def"
} tn_vk_entries;

enum { TN_VK_DEVICE_LIMIT = 16, TN_VK_TEXT = 512 };

typedef struct tn_vk_found {
    VkPhysicalDevice physical;
    uint32_t queue_family;
    bool storage16, storage8, int64, float64, timestamps;
    double tick_ns;
    tn_vk_features features;
    uint32_t group_limit[2]; /* groups in x (at most 65535) and y */
    uint32_t lane_limit, binding_limit;
    uint8_t cache_id[VK_UUID_SIZE]; /* pipelineCacheUUID */
    uint64_t buffer_limit;
    char target[TN_VK_TEXT], title[TN_VK_TEXT], identity[TN_VK_TEXT];
} tn_vk_found;

/* What one query of the plugin holds. */
typedef struct tn_vk {
    tn_plugin_base base;
    tn_vk_entries vk;
    bool enumerated;
    VkInstance instance;
    bool left_device; /* one that never ended: the instance stays as well */
    uint32_t device_count;
    tn_vk_found devices[TN_VK_DEVICE_LIMIT];
} tn_vk;

/* Explains a result of Vulkan to the host; the status for it. */
int tn_vk_error(const tn_vk *c, VkResult result, const char *what);

enum { TN_VK_SETS = 256, TN_VK_QUERIES = 512, TN_VK_STAGING = 1 << 20 };

struct tn_device {
    tn_vk *c;
    const tn_vk_found *found;
    VkDevice device;
    VkQueue queue;
    VkPhysicalDeviceMemoryProperties memory;
    VkPipelineCache cache;
    tn_hash cached; /* of what the cache began with */
    VkCommandPool commands;
    VkCommandBuffer buffer; /* being recorded, or in flight */
    VkDescriptorPool sets;
    VkQueryPool queries;
    VkFence fence;
    bool complete; /* every function was found */
    bool recording, in_flight, lost;
    bool stuck; /* it did not end when it had to: nothing of it is destroyed */
    uint32_t set_count, query_count;
    uint64_t *took[TN_VK_QUERIES / 2];
    struct tn_buffer *staging; /* for memory the host cannot see */
    tn_vk_entries vk;          /* with this device's functions */
};

struct tn_buffer {
    tn_device *device;
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t bytes;
    void *mapped; /* NULL: not visible to the host */
};

struct tn_program {
    tn_device *device;
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint32_t lanes, buffers, sizes, sites;
};

/* vk_device.c */
int tn_vk_device_open(void *self, uint32_t device, tn_device **out);
void tn_vk_device_close(tn_device *device);
int tn_vk_submit(tn_device *device, const tn_dispatch *list, uint32_t count);
/* After 11 (the time is over) the device goes on: the next call that needs it
 * waits. After a lost device every call gives 10. */
int tn_vk_wait(tn_device *device, uint64_t timeout_ns);
/* For what is about to be destroyed: waits, at most TN_CLOSE_NS in all of the
 * device's life. False: it may still be in use and must stay. */
bool tn_vk_idle(tn_device *device);
/* Starts recording if that is not so, after all that runs has ended; what is
 * recorded runs at the next tn_vk_wait. */
int tn_vk_record(tn_device *device);
/* vk_cache.c: the pipeline cache of a device, NULL if there can be none */
void tn_vk_cache_open(tn_device *device);
void tn_vk_cache_close(tn_device *device);
/* vk_buffer.c */
int tn_vk_buffer_new(tn_device *device, uint64_t bytes, tn_buffer **out);
void tn_vk_buffer_free(tn_buffer *buffer);
void *tn_vk_buffer_map(tn_buffer *buffer);
int tn_vk_write(tn_buffer *buffer, uint64_t at, const void *from, uint64_t bytes);
int tn_vk_read(tn_buffer *buffer, uint64_t at, void *to, uint64_t bytes);
int tn_vk_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes);
int tn_vk_fill_zero(tn_buffer *buffer, uint64_t at, uint64_t bytes);
/* Waits until earlier writes of kernels and copies can be seen by later
 * ones. */
void tn_vk_barrier(tn_device *device);
/* vk_program.c */
int tn_vk_load_program(tn_device *device, tn_blob code, tn_program **out);
void tn_vk_unload(tn_program *program);
/* vk_find.c */
void tn_vk_enumerate(tn_vk *c);
/* vk_plugin.c */
void *tn_vk_entry(const tn_vk *c, const char *name, void *found);

#endif
