/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_VULKAN_VK_EMIT_H
#define TN_BACKENDS_VULKAN_VK_EMIT_H

#include "backends/vulkan/vk_codegen.h"
#include "backends/vulkan/vk_spirv.h"
#include "backends/vulkan/vk_words.h"

/* What the parts of the generator share. In registers 8- and 16-bit integers
 * are 32 bits wide, extended by their sign; f16 and bf16 are their bits in a
 * u32; bool is bool. In buffers elements have their own width, in group memory
 * that of registers. */
typedef struct tn_vk_emitter {
    tn_spirv m;
    tn_diag *diag;
    const tn_kernel *k;
    uint32_t *id;        /* of each instruction */
    uint32_t *buffer;    /* variable of each global */
    uint32_t *local;     /* of each local */
    uint32_t *cell;      /* first variable of each cell */
    bool *dynamic;       /* cells with an index that is no constant */
    uint32_t status;     /* variable of the status words */
    uint32_t push;       /* variable of the push constants */
    uint32_t lane, task; /* i32 values */
    uint32_t reduced[TN_DTYPE_COUNT]; /* group array of reductions, by type of register */
    uint32_t block;      /* label of the block being written */
} tn_vk_emitter;

tn_dtype tn_vk_register(tn_dtype t); /* f32 f64 i32 u32 i64 u64 bool */
uint32_t tn_vk_type(tn_vk_emitter *e, tn_dtype register_type);
uint32_t tn_vk_pointer(tn_vk_emitter *e, uint32_t storage_class, uint32_t type);
uint32_t tn_vk_int(tn_vk_emitter *e, tn_dtype t, int64_t value); /* i32 u32 i64 u64 bool */
uint32_t tn_vk_real(tn_vk_emitter *e, tn_dtype t, double value);
/* An instruction with a result in the function's code. */
uint32_t tn_vk_op1(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a);
uint32_t tn_vk_op2(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a, uint32_t b);
uint32_t tn_vk_op3(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a, uint32_t b,
    uint32_t c);
uint32_t tn_vk_glsl(tn_vk_emitter *e, uint32_t op, uint32_t type, const uint32_t *args, int count);
/* The value of a native function on values of one element type. */
tn_status tn_vk_function(tn_vk_emitter *e, const tn_ins *v, uint32_t *out) TN_MUST_USE;
/* `fn` of two values a, b of element type t: for reductions. */
tn_status tn_vk_apply(tn_vk_emitter *e, tn_fn fn, tn_dtype t, uint32_t a, uint32_t b, uint32_t *out)
    TN_MUST_USE;
tn_status tn_vk_refuse(const tn_vk_emitter *e, const char *what);

#endif
