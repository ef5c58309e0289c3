/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_VULKAN_VK_MEMORY_H
#define TN_BACKENDS_VULKAN_VK_MEMORY_H

#include "backends/vulkan/vk_emit.h"

/* Declares buffers, push constants, group memory and cells of the kernel. */
void tn_vk_declare(tn_vk_emitter *e);
/* Push constant number `index`: a size; behind the sizes the tasks. i32. */
uint32_t tn_vk_size(tn_vk_emitter *e, uint32_t index);

uint32_t tn_vk_load(tn_vk_emitter *e, const tn_ins *v);
void tn_vk_store(tn_vk_emitter *e, const tn_kmem *mem, uint32_t index, uint32_t value);
/* A cell at the indices in the arguments of `v` from number `first` on. */
uint32_t tn_vk_cell_get(tn_vk_emitter *e, const tn_ins *v, int first);
void tn_vk_cell_set(tn_vk_emitter *e, const tn_ins *v, int first, uint32_t value);
void tn_vk_status_store(tn_vk_emitter *e, int64_t word, uint32_t value);

/* Group memory of its own, for reductions over the group. */
uint32_t tn_vk_group_array(tn_vk_emitter *e, tn_dtype register_type, uint32_t count);
uint32_t tn_vk_group_load(tn_vk_emitter *e, uint32_t array, tn_dtype t, uint32_t index);
void tn_vk_group_store(tn_vk_emitter *e, uint32_t array, tn_dtype t, uint32_t index,
    uint32_t value);

#endif
