/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_emit.h"

#include <string.h>

tn_dtype
tn_vk_register(tn_dtype t)
{
    switch (t) {
    case TN_I16:
    case TN_I8: return TN_I32;
    case TN_U16:
    case TN_U8:
    case TN_F16:
    case TN_BF16: return TN_U32;
    default: return t;
    }
}

uint32_t
tn_vk_type(tn_vk_emitter *e, tn_dtype t)
{
    uint32_t bits = (uint32_t)tn_dtype_bytes(t) * 8;
    uint32_t whole[] = {bits, tn_is_signed(t)};

    if (t == TN_BOOL)
        return tn_spirv_unique(&e->m, SPV_TYPE_BOOL, 0, NULL, 0);
    if (t == TN_F64)
        tn_spirv_capability(&e->m, SPV_CAP_FLOAT64);
    if (t == TN_I64 || t == TN_U64)
        tn_spirv_capability(&e->m, SPV_CAP_INT64);
    if (tn_is_float(t))
        return tn_spirv_unique(&e->m, SPV_TYPE_FLOAT, 0, &bits, 1);
    return tn_spirv_unique(&e->m, SPV_TYPE_INT, 0, whole, 2);
}

uint32_t
tn_vk_pointer(tn_vk_emitter *e, uint32_t storage_class, uint32_t type)
{
    uint32_t words[] = {storage_class, type};

    return tn_spirv_unique(&e->m, SPV_TYPE_POINTER, 0, words, 2);
}

uint32_t
tn_vk_int(tn_vk_emitter *e, tn_dtype t, int64_t value)
{
    uint32_t type = tn_vk_type(e, t);
    uint32_t words[] = {type, (uint32_t)value, (uint32_t)((uint64_t)value >> 32)};

    if (t == TN_BOOL)
        return tn_spirv_unique(&e->m, value ? SPV_CONSTANT_TRUE : SPV_CONSTANT_FALSE, 1, &type, 1);
    return tn_spirv_unique(&e->m, SPV_CONSTANT, 1, words, tn_dtype_bytes(t) == 8 ? 3 : 2);
}

uint32_t
tn_vk_real(tn_vk_emitter *e, tn_dtype t, double value)
{
    uint32_t words[] = {tn_vk_type(e, t), 0, 0};
    float single = (float)value;

    if (t == TN_F64)
        memcpy(words + 1, &value, sizeof value);
    else
        memcpy(words + 1, &single, sizeof single);
    return tn_spirv_unique(&e->m, SPV_CONSTANT, 1, words, t == TN_F64 ? 3 : 2);
}

uint32_t
tn_vk_op1(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a)
{
    uint32_t id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, op, type, id, a);
    return id;
}

uint32_t
tn_vk_op2(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a, uint32_t b)
{
    uint32_t id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, op, type, id, a, b);
    return id;
}

uint32_t
tn_vk_op3(tn_vk_emitter *e, uint32_t op, uint32_t type, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, op, type, id, a, b, c);
    return id;
}

uint32_t
tn_vk_glsl(tn_vk_emitter *e, uint32_t op, uint32_t type, const uint32_t *args, int count)
{
    uint32_t set = tn_spirv_glsl(&e->m), id = tn_spirv_id(&e->m);
    uint32_t words[7] = {type, id, set, op};

    memcpy(words + 4, args, (size_t)count * sizeof *args);
    tn_spirv_put(&e->m, &e->m.code, SPV_EXT_INST, words, 4 + (uint32_t)count);
    return id;
}

tn_status
tn_vk_refuse(const tn_vk_emitter *e, const char *what)
{
    return tn_fail(e->diag, TN_UNSUPPORTED, "kernel %s: SPIR-V has no %s", e->k->name, what);
}
