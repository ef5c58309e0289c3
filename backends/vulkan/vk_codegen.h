/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_VULKAN_VK_CODEGEN_H
#define TN_BACKENDS_VULKAN_VK_CODEGEN_H

#include "ir/kernel/kernel.h"

/* SPIR-V 1.3 for one GPU-like kernel, after a head of TN_VK_HEAD words: magic,
 * lanes, buffers, sizes, sites. Descriptor set 0: binding i is buffer i, then
 * the status words if there are check sites. Push constants: the sizes, then
 * the number of tasks, i32 each. The grid may have two dimensions: task = x +
 * y * (groups in x). Scalars only: TN_UNSUPPORTED for vectors and TEAM loops.
 * Call inside a guard of `arena`. */
typedef struct tn_vk_features {
    bool keeps_nan, keeps_denormals, rounds_even; /* float controls to ask for */
} tn_vk_features;

tn_status tn_vk_generate(tn_arena *arena, tn_diag *diag, const tn_kernel *k,
    const tn_vk_features *features, tn_writer *out) TN_MUST_USE;

enum { TN_VK_HEAD = 5, TN_VK_MAGIC = 0x4b564e54, TN_VK_PUSH_LIMIT = 31 };

typedef struct tn_vk_head {
    uint32_t lanes, buffers, sizes, sites;
    const uint32_t *words; /* SPIR-V, aligned */
    size_t bytes;
} tn_vk_head;

/* TN_INTEGRITY if the code does not start as ours does. */
tn_status tn_vk_head_read(tn_diag *diag, const void *code, size_t bytes, tn_vk_head *out)
    TN_MUST_USE;

#endif
