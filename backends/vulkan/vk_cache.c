/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/vulkan/vk_plugin.h"

/* Compiled pipelines of a device from one run to the next. The driver checks
 * that a blob is its own; ours decides only which blob it sees. */

enum { KEY_ROOM = TN_VK_TEXT + VK_UUID_SIZE + 32 };

static tn_blob
key_of(const tn_device *d, char *room)
{
    static const char kind[] = "vulkan pipelines";
    size_t length = strlen(d->found->identity);

    memcpy(room, kind, sizeof kind);
    memcpy(room + sizeof kind, d->found->cache_id, VK_UUID_SIZE);
    memcpy(room + sizeof kind + VK_UUID_SIZE, d->found->identity, length);
    return (tn_blob){room, sizeof kind + VK_UUID_SIZE + length};
}

static bool
has_disk(const tn_host *host)
{
    return host->size >= offsetof(tn_host, cache_keep) + sizeof host->cache_keep &&
        host->cache_find && host->cache_keep;
}

/* Without a cache it works as well. */
static void
create(void *to, tn_blob kept)
{
    tn_device *d = to;
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = kept.bytes,
        .pInitialData = kept.at,
    };

    if (d->vk.vkCreatePipelineCache(d->device, &info, NULL, &d->cache) != VK_SUCCESS)
        d->cache = VK_NULL_HANDLE;
    d->cached = tn_hash_of(kept.at, kept.bytes);
}

void
tn_vk_cache_open(tn_device *d)
{
    const tn_host *host = d->c->base.host;
    char room[KEY_ROOM];

    if (has_disk(host))
        host->cache_find(host->self, key_of(d, room), create, d);
    if (!d->cache)
        create(d, (tn_blob){NULL, 0});
}

static void
keep(const tn_device *d, void *data, size_t bytes)
{
    const tn_host *host = d->c->base.host;
    char room[KEY_ROOM];
    tn_hash now;

    if (d->vk.vkGetPipelineCacheData(d->device, d->cache, &bytes, data) != VK_SUCCESS)
        return;
    now = tn_hash_of(data, bytes);
    if (memcmp(now.at, d->cached.at, sizeof now.at) != 0)
        host->cache_keep(host->self, key_of(d, room), (tn_blob){data, bytes});
}

void
tn_vk_cache_close(tn_device *d)
{
    size_t bytes = 0;
    void *data;

    if (!d->cache)
        return;
    if (has_disk(d->c->base.host) && !d->lost &&
        d->vk.vkGetPipelineCacheData(d->device, d->cache, &bytes, NULL) == VK_SUCCESS && bytes) {
        data = tn_alloc_get(&d->c->base.alloc, bytes);
        if (data)
            keep(d, data, bytes);
        tn_alloc_free(&d->c->base.alloc, data, bytes);
    }
    d->vk.vkDestroyPipelineCache(d->device, d->cache, NULL);
}
