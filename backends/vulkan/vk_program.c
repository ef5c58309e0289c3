/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/vulkan/vk_plugin.h"

enum { BINDING_LIMIT = 65 };

static VkResult
make_layouts(tn_program *p)
{
    tn_device *d = p->device;
    VkDescriptorSetLayoutBinding bindings[BINDING_LIMIT];
    uint32_t count = p->buffers + (p->sites > 0);
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = bindings};
    VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, 4 * (p->sizes + 1)};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &p->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push};
    VkResult result;

    for (uint32_t i = 0; i < count; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
    result = d->vk.vkCreateDescriptorSetLayout(d->device, &set, NULL, &p->set_layout);
    if (result != VK_SUCCESS)
        return result;
    return d->vk.vkCreatePipelineLayout(d->device, &layout, NULL, &p->layout);
}

static VkResult
make_pipeline(tn_program *p, const tn_vk_head *head)
{
    tn_device *d = p->device;
    VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = head->bytes,
        .pCode = head->words};
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .pName = "main"}};
    VkResult result = d->vk.vkCreateShaderModule(d->device, &module, NULL, &p->module);

    if (result != VK_SUCCESS)
        return result;
    info.stage.module = p->module;
    info.layout = p->layout;
    return d->vk.vkCreateComputePipelines(d->device, d->cache, 1, &info, NULL, &p->pipeline);
}

static int
load_aligned(tn_device *d, tn_blob code, tn_program **out)
{
    tn_program *p;
    tn_vk_head head;
    VkResult result;

    if (tn_vk_head_read(NULL, code.at, code.bytes, &head) != TN_OK)
        return tn_plugin_fail(&d->c->base, TN_INTEGRITY, "this is no SPIR-V code of ours");
    if (head.buffers + 1 > BINDING_LIMIT)
        return tn_plugin_fail(&d->c->base, TN_LIMIT, "a kernel with %u buffers; the limit is %d",
            head.buffers, BINDING_LIMIT - 1);
    if (head.lanes > d->found->lane_limit || head.buffers + 1 > d->found->binding_limit)
        return tn_plugin_fail(&d->c->base, TN_LIMIT,
            "a kernel with %u lanes and %u buffers; this device takes %u and %u", head.lanes,
            head.buffers, d->found->lane_limit, d->found->binding_limit - 1);
    p = tn_alloc_zero(&d->c->base.alloc, sizeof *p);
    if (!p)
        return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for a program");
    p->device = d;
    p->lanes = head.lanes;
    p->buffers = head.buffers;
    p->sizes = head.sizes;
    p->sites = head.sites;
    result = make_layouts(p);
    if (result == VK_SUCCESS)
        result = make_pipeline(p, &head);
    if (result != VK_SUCCESS) {
        tn_vk_unload(p);
        return tn_vk_error(d->c, result, "a pipeline");
    }
    *out = p;
    return TN_OK;
}

/* In an artifact code stands at any byte; Vulkan reads words. */
int
tn_vk_load_program(tn_device *d, tn_blob code, tn_program **out)
{
    void *words;
    int status;

    *out = NULL;
    if ((uintptr_t)code.at % 4 == 0)
        return load_aligned(d, code, out);
    words = tn_alloc_get(&d->c->base.alloc, code.bytes);
    if (!words)
        return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for a program");
    memcpy(words, code.at, code.bytes);
    status = load_aligned(d, (tn_blob){words, code.bytes}, out);
    tn_alloc_free(&d->c->base.alloc, words, code.bytes);
    return status;
}

static void
destroy(const tn_device *d, const tn_program *p)
{
    if (p->pipeline)
        d->vk.vkDestroyPipeline(d->device, p->pipeline, NULL);
    if (p->module)
        d->vk.vkDestroyShaderModule(d->device, p->module, NULL);
    if (p->layout)
        d->vk.vkDestroyPipelineLayout(d->device, p->layout, NULL);
    if (p->set_layout)
        d->vk.vkDestroyDescriptorSetLayout(d->device, p->set_layout, NULL);
}

void
tn_vk_unload(tn_program *p)
{
    tn_device *d = p->device;

    if (tn_vk_idle(d))
        destroy(d, p);
    tn_alloc_free(&d->c->base.alloc, p, sizeof *p);
}
