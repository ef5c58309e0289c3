/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/vulkan/vk_plugin.h"

enum { BINDING_LIMIT = 65 };

static bool
find_device_entries(tn_device *d)
{
    bool all = true;

    d->vk = d->c->vk;
#define GLOBAL(name)
#define INSTANCE(name)
#define DEVICE(name)                                                        \
    {                                                                       \
        PFN_vkVoidFunction f = d->vk.vkGetDeviceProcAddr(d->device, #name); \
        void *at;                                                           \
        memcpy(&at, &f, sizeof at);                                         \
        at = tn_vk_entry(d->c, #name, at);                                  \
        memcpy(&d->vk.name, &at, sizeof at);                                \
        all = all && at;                                                    \
    }
#define TN_VK(level, name) level(name)
#include "backends/vulkan/vk_entries.def"
#undef GLOBAL
#undef INSTANCE
#undef DEVICE
    return all;
}

static VkResult
make_device(tn_device *d)
{
    const tn_vk_found *f = d->found;
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = f->queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority};
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .storageBuffer8BitAccess = f->storage8};
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &v12,
        .storageBuffer16BitAccess = f->storage16};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &v11,
        .features = {.shaderInt64 = f->int64, .shaderFloat64 = f->float64}};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue};

    return d->c->vk.vkCreateDevice(f->physical, &info, NULL, &d->device);
}

static VkResult
make_pools(tn_device *d)
{
    VkCommandPoolCreateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = d->found->queue_family};
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, TN_VK_SETS * 16};
    VkDescriptorPoolCreateInfo sets = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = TN_VK_SETS,
        .poolSizeCount = 1,
        .pPoolSizes = &size};
    VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = TN_VK_QUERIES};
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkResult r = d->vk.vkCreateCommandPool(d->device, &commands, NULL, &d->commands);

    if (r == VK_SUCCESS)
        r = d->vk.vkCreateDescriptorPool(d->device, &sets, NULL, &d->sets);
    /* Without times it works as well. */
    if (r == VK_SUCCESS && d->found->timestamps &&
        d->vk.vkCreateQueryPool(d->device, &queries, NULL, &d->queries) != VK_SUCCESS)
        d->queries = VK_NULL_HANDLE;
    if (r == VK_SUCCESS)
        r = d->vk.vkCreateFence(d->device, &fence, NULL, &d->fence);
    if (r == VK_SUCCESS)
        tn_vk_cache_open(d);
    if (r == VK_SUCCESS) {
        VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = d->commands,
            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
            .commandBufferCount = 1};

        r = d->vk.vkAllocateCommandBuffers(d->device, &info, &d->buffer);
    }
    return r;
}

int
tn_vk_device_open(void *self, uint32_t number, tn_device **out)
{
    tn_vk *c = self;
    tn_device *d;
    VkResult result;

    *out = NULL;
    if (number >= c->device_count)
        return tn_plugin_fail(&c->base, TN_DEVICE, "there are %u Vulkan devices", c->device_count);
    d = tn_alloc_zero(&c->base.alloc, sizeof *d);
    if (!d)
        return tn_plugin_fail(&c->base, TN_NO_MEMORY, "out of memory for a Vulkan device");
    d->c = c;
    d->found = &c->devices[number];
    c->vk.vkGetPhysicalDeviceMemoryProperties(d->found->physical, &d->memory);
    result = make_device(d);
    if (result == VK_SUCCESS) {
        d->complete = find_device_entries(d);
        result = d->complete ? VK_SUCCESS : VK_ERROR_INCOMPATIBLE_DRIVER;
    }
    if (result == VK_SUCCESS) {
        d->vk.vkGetDeviceQueue(d->device, d->found->queue_family, 0, &d->queue);
        result = make_pools(d);
    }
    if (result != VK_SUCCESS) {
        tn_vk_device_close(d);
        return tn_vk_error(c, result, c->devices[number].title);
    }
    *out = d;
    return TN_OK;
}

/* A driver that lacks a function we need is not used further, but for giving
 * the device back. */
static void
destroy(tn_device *d)
{
    if (d->complete) {
        d->recording = false;
        if (d->staging)
            tn_vk_buffer_free(d->staging);
        if (!tn_vk_idle(d)) {
            d->c->left_device = true;
            return;
        }
        d->vk.vkDeviceWaitIdle(d->device);
        tn_vk_cache_close(d);
        d->vk.vkDestroyFence(d->device, d->fence, NULL);
        d->vk.vkDestroyQueryPool(d->device, d->queries, NULL);
        d->vk.vkDestroyDescriptorPool(d->device, d->sets, NULL);
        d->vk.vkDestroyCommandPool(d->device, d->commands, NULL);
    }
    if (d->vk.vkDestroyDevice)
        d->vk.vkDestroyDevice(d->device, NULL);
}

void
tn_vk_device_close(tn_device *d)
{
    tn_vk *c = d->c;

    if (d->device)
        destroy(d);
    tn_alloc_free(&c->base.alloc, d, sizeof *d);
}

/* ---- recording and running ---- */

int
tn_vk_record(tn_device *d)
{
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VkResult result;
    int status;

    if (d->recording)
        return TN_OK;
    /* What ran past its time still uses the pools. */
    status = tn_vk_wait(d, 0);
    if (status)
        return status;
    result = d->vk.vkResetCommandPool(d->device, d->commands, 0);
    if (result == VK_SUCCESS)
        result = d->vk.vkResetDescriptorPool(d->device, d->sets, 0);
    if (result == VK_SUCCESS)
        result = d->vk.vkBeginCommandBuffer(d->buffer, &begin);
    if (result != VK_SUCCESS)
        return tn_vk_error(d->c, result, "recording");
    if (d->queries)
        d->vk.vkCmdResetQueryPool(d->buffer, d->queries, 0, TN_VK_QUERIES);
    d->set_count = d->query_count = 0;
    d->recording = true;
    return TN_OK;
}

static void
read_times(tn_device *d)
{
    uint64_t ticks[2];

    for (uint32_t i = 0; i < d->query_count / 2; i++) {
        VkResult result = d->vk.vkGetQueryPoolResults(d->device, d->queries, 2 * i, 2, sizeof ticks,
            ticks, sizeof *ticks, VK_QUERY_RESULT_64_BIT);

        *d->took[i] = result == VK_SUCCESS
            ? (uint64_t)((double)(ticks[1] - ticks[0]) * d->found->tick_ns)
            : 0;
    }
}

static VkResult
start(tn_device *d)
{
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &d->buffer};
    VkResult result;

    tn_vk_barrier(d);
    d->recording = false;
    result = d->vk.vkEndCommandBuffer(d->buffer);
    if (result == VK_SUCCESS)
        result = d->vk.vkQueueSubmit(d->queue, 1, &info, d->fence);
    d->in_flight = result == VK_SUCCESS;
    return result;
}

static VkResult
finish(tn_device *d, uint64_t timeout_ns)
{
    VkResult result = d->vk.vkWaitForFences(d->device, 1, &d->fence, VK_TRUE,
        timeout_ns ? timeout_ns : UINT64_MAX);

    if (result == VK_SUCCESS) {
        read_times(d);
        result = d->vk.vkResetFences(d->device, 1, &d->fence);
        d->in_flight = result != VK_SUCCESS;
    }
    return result;
}

int
tn_vk_wait(tn_device *d, uint64_t timeout_ns)
{
    VkResult result = d->lost ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;

    if (d->recording)
        result = start(d);
    if (d->in_flight && result == VK_SUCCESS)
        result = finish(d, timeout_ns);
    /* Also when the time is over: where times go may be gone by the next
     * wait. */
    d->query_count = 0;
    if (result == VK_SUCCESS)
        return TN_OK;
    /* After another failure of a wait the state of the fence is unknown, and
     * what is running may still use what is freed next. */
    if (result == VK_ERROR_DEVICE_LOST || (d->in_flight && result != VK_TIMEOUT)) {
        d->lost = true;
        d->in_flight = false;
        d->vk.vkDeviceWaitIdle(d->device);
    }
    return tn_vk_error(d->c, result, "running");
}

bool
tn_vk_idle(tn_device *d)
{
    const tn_host *host = d->c->base.host;

    if (!d->stuck && (d->recording || d->in_flight) && tn_vk_wait(d, TN_CLOSE_NS) == TN_CANCELLED) {
        d->stuck = true;
        if (host->log)
            host->log(host->self, 1, "a Vulkan device does not end and is left as it is");
    }
    return !d->stuck;
}

static VkResult
bind(tn_device *d, const tn_dispatch *s)
{
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = d->sets,
        .descriptorSetCount = 1,
        .pSetLayouts = &s->program->set_layout};
    VkDescriptorBufferInfo buffers[BINDING_LIMIT];
    VkWriteDescriptorSet writes[BINDING_LIMIT];
    uint32_t count = s->program->buffers + (s->program->sites > 0);
    VkDescriptorSet set;
    VkResult result = d->vk.vkAllocateDescriptorSets(d->device, &info, &set);

    if (result != VK_SUCCESS)
        return result;
    for (uint32_t i = 0; i < count; i++) {
        const tn_binding *b = i < s->binding_count ? &s->bindings[i] : &s->status;
        uint64_t left = b->buffer->bytes - b->offset;
        uint64_t bytes = b->bytes ? (b->bytes + 3) / 4 * 4 : 4;
        buffers[i] =
            (VkDescriptorBufferInfo){b->buffer->buffer, b->offset, bytes < left ? bytes : left};
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &buffers[i]};
    }
    d->vk.vkUpdateDescriptorSets(d->device, count, writes, 0, NULL);
    d->vk.vkCmdBindDescriptorSets(d->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, s->program->layout, 0,
        1, &set, 0, NULL);
    return VK_SUCCESS;
}

static void
dispatch(tn_device *d, const tn_dispatch *s)
{
    int32_t push[TN_VK_PUSH_LIMIT + 1];
    uint64_t most = d->found->group_limit[0];
    uint64_t x = s->tasks < most ? s->tasks : most;
    bool timed = s->took_ns && d->queries && d->query_count + 2 <= TN_VK_QUERIES;

    if (s->size_count)
        memcpy(push, s->sizes, s->size_count * sizeof *push);
    push[s->size_count] = (int32_t)s->tasks;
    d->vk.vkCmdPushConstants(d->buffer, s->program->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
        4 * (s->size_count + 1), push);
    if (timed)
        d->vk.vkCmdWriteTimestamp(d->buffer, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, d->queries,
            d->query_count);
    d->vk.vkCmdDispatch(d->buffer, (uint32_t)x, (uint32_t)((s->tasks + x - 1) / x), 1);
    if (timed) {
        d->vk.vkCmdWriteTimestamp(d->buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, d->queries,
            d->query_count + 1);
        d->took[d->query_count / 2] = s->took_ns;
        d->query_count += 2;
    }
}

/* The last row of groups may count past the tasks; positions are i32. */
static int
check_launch(const tn_device *d, const tn_dispatch *s)
{
    const uint32_t *most = d->found->group_limit;
    uint64_t tasks = (uint64_t)most[0] * most[1] + most[0];

    if (s->binding_count != s->program->buffers || s->size_count != s->program->sizes)
        return tn_plugin_fail(&d->c->base, TN_BUG, "a launch does not fit its kernel");
    if (tasks > INT32_MAX)
        tasks = INT32_MAX;
    if (s->tasks > tasks - most[0])
        return tn_plugin_fail(&d->c->base, TN_LIMIT, "%llu tasks; this device takes %llu",
            (unsigned long long)s->tasks, (unsigned long long)(tasks - most[0]));
    for (uint32_t i = 0; i < s->binding_count; i++)
        if (s->bindings[i].bytes > d->found->buffer_limit)
            return tn_plugin_fail(&d->c->base, TN_LIMIT,
                "a buffer of %llu bytes; this device takes %llu",
                (unsigned long long)s->bindings[i].bytes,
                (unsigned long long)d->found->buffer_limit);
    return TN_OK;
}

static int
launch(tn_device *d, const tn_dispatch *s)
{
    VkResult result;
    int status = check_launch(d, s);

    if (status)
        return status;
    if (d->set_count == TN_VK_SETS) {
        status = tn_vk_wait(d, 0);
        if (status)
            return status;
    }
    status = tn_vk_record(d);
    if (status)
        return status;
    if (s->wait)
        tn_vk_barrier(d);
    if (!s->tasks)
        return TN_OK;
    d->vk.vkCmdBindPipeline(d->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, s->program->pipeline);
    result = bind(d, s);
    if (result == VK_ERROR_OUT_OF_POOL_MEMORY && d->set_count > 0) {
        status = tn_vk_wait(d, 0);
        return status ? status : launch(d, s);
    }
    if (result != VK_SUCCESS)
        return tn_vk_error(d->c, result, "a launch");
    d->set_count++;
    dispatch(d, s);
    return TN_OK;
}

int
tn_vk_submit(tn_device *d, const tn_dispatch *list, uint32_t count)
{
    int status = TN_OK;

    for (uint32_t i = 0; i < count && !status; i++)
        status = launch(d, &list[i]);
    return status;
}
