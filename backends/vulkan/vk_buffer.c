/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/vulkan/vk_plugin.h"

/* Memory that lies on the device and that the host sees too comes first, then
 * memory on the device; what the host reads back is best cached. */
static int32_t
memory_type(const tn_device *d, uint32_t allowed, bool staging)
{
    static const VkMemoryPropertyFlags wishes[2][3] = {
        {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
            VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
        {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT},
    };

    for (int w = 0; w < 3; w++)
        for (uint32_t i = 0; i < d->memory.memoryTypeCount; i++)
            if ((allowed >> i & 1) &&
                (d->memory.memoryTypes[i].propertyFlags & wishes[staging][w]) == wishes[staging][w])
                return (int32_t)i;
    return -1;
}

static VkResult
allocate(tn_buffer *b, bool staging)
{
    tn_device *d = b->device;
    /* Memory that is seen but not coherent is not worth its flushes. */
    const VkMemoryPropertyFlags shared =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkMemoryRequirements needs;
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    int32_t type;
    VkResult result;

    d->vk.vkGetBufferMemoryRequirements(d->device, b->buffer, &needs);
    type = memory_type(d, needs.memoryTypeBits, staging);
    if (type < 0)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    info.allocationSize = needs.size;
    info.memoryTypeIndex = (uint32_t)type;
    result = d->vk.vkAllocateMemory(d->device, &info, NULL, &b->memory);
    if (result == VK_SUCCESS)
        result = d->vk.vkBindBufferMemory(d->device, b->buffer, b->memory, 0);
    if (result == VK_SUCCESS && (d->memory.memoryTypes[type].propertyFlags & shared) == shared)
        result = d->vk.vkMapMemory(d->device, b->memory, 0, VK_WHOLE_SIZE, 0, &b->mapped);
    return result;
}

static int
create(tn_device *d, uint64_t bytes, bool staging, tn_buffer **out)
{
    tn_buffer *b = tn_alloc_zero(&d->c->base.alloc, sizeof *b);
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
            VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkResult result;

    *out = NULL;
    if (!b)
        return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for a buffer");
    b->device = d;
    /* Masked loads read element 0: no buffer is empty. */
    b->bytes = bytes < 256 ? 256 : (bytes + 3) / 4 * 4;
    info.size = b->bytes;
    result = d->vk.vkCreateBuffer(d->device, &info, NULL, &b->buffer);
    if (result == VK_SUCCESS)
        result = allocate(b, staging);
    if (result != VK_SUCCESS) {
        tn_vk_buffer_free(b);
        return tn_vk_error(d->c, result, "a buffer");
    }
    *out = b;
    return TN_OK;
}

int
tn_vk_buffer_new(tn_device *d, uint64_t bytes, tn_buffer **out)
{
    return create(d, bytes, false, out);
}

void
tn_vk_buffer_free(tn_buffer *b)
{
    tn_device *d = b->device;
    bool idle = tn_vk_idle(d);

    if (b->buffer && idle)
        d->vk.vkDestroyBuffer(d->device, b->buffer, NULL);
    if (b->memory && idle)
        d->vk.vkFreeMemory(d->device, b->memory, NULL);
    tn_alloc_free(&d->c->base.alloc, b, sizeof *b);
}

void *
tn_vk_buffer_map(tn_buffer *b)
{
    return b->mapped;
}

static int
outside(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (at <= b->bytes && bytes <= b->bytes - at)
        return TN_OK;
    return tn_plugin_fail(&b->device->c->base, TN_BUG, "a copy reaches beyond its buffer");
}

void
tn_vk_barrier(tn_device *d)
{
    const VkMemoryBarrier all = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
            VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT};

    d->vk.vkCmdPipelineBarrier(d->buffer,
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT |
            VK_PIPELINE_STAGE_HOST_BIT,
        0, 1, &all, 0, NULL, 0, NULL);
}

static int
copy_now(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    int status = tn_vk_copy(to, to_at, from, from_at, bytes);

    return status ? status : tn_vk_wait(to->device, 0);
}

/* Through the staging buffer, a piece at a time. */
static int
staged(tn_buffer *b, uint64_t at, const void *from, void *to, uint64_t bytes)
{
    tn_device *d = b->device;
    int status = d->staging ? TN_OK : create(d, TN_VK_STAGING, true, &d->staging);

    for (uint64_t done = 0; !status && done < bytes;) {
        uint64_t piece = bytes - done < TN_VK_STAGING ? bytes - done : TN_VK_STAGING;

        if (from) {
            memcpy(d->staging->mapped, (const char *)from + done, piece);
            status = copy_now(b, at + done, d->staging, 0, piece);
        } else {
            status = copy_now(d->staging, 0, b, at + done, piece);
            if (!status)
                memcpy((char *)to + done, d->staging->mapped, piece);
        }
        done += piece;
    }
    return status;
}

int
tn_vk_write(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes)
{
    int status = outside(b, at, bytes);

    if (!status && bytes)
        status = tn_vk_wait(b->device, 0);
    if (status || !bytes)
        return status;
    if (!b->mapped)
        return staged(b, at, from, NULL, bytes);
    memcpy((char *)b->mapped + at, from, bytes);
    return TN_OK;
}

int
tn_vk_read(tn_buffer *b, uint64_t at, void *to, uint64_t bytes)
{
    int status = outside(b, at, bytes);

    if (!status && bytes)
        status = tn_vk_wait(b->device, 0);
    if (status || !bytes)
        return status;
    if (!b->mapped)
        return staged(b, at, NULL, to, bytes);
    memcpy(to, (const char *)b->mapped + at, bytes);
    return TN_OK;
}

int
tn_vk_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    tn_device *d = to->device;
    VkBufferCopy region = {.srcOffset = from_at, .dstOffset = to_at, .size = bytes};
    int status = outside(to, to_at, bytes);

    if (!status)
        status = outside(from, from_at, bytes);
    if (!status && bytes)
        status = tn_vk_record(d);
    if (status || !bytes)
        return status;
    tn_vk_barrier(d);
    d->vk.vkCmdCopyBuffer(d->buffer, from->buffer, to->buffer, 1, &region);
    tn_vk_barrier(d);
    return TN_OK;
}

int
tn_vk_fill_zero(tn_buffer *b, uint64_t at, uint64_t bytes)
{
    int status = outside(b, at, bytes);

    if (!status && bytes)
        status = tn_vk_record(b->device);
    if (status || !bytes)
        return status;
    tn_vk_barrier(b->device);
    b->device->vk.vkCmdFillBuffer(b->device->buffer, b->buffer, at, (bytes + 3) / 4 * 4, 0);
    tn_vk_barrier(b->device);
    return TN_OK;
}
