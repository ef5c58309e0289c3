/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_memory.h"

/* ---- element types in buffers ---- */

/* 8- and 16-bit elements need the storage capabilities only: they are
 * extended as they are loaded. */
static uint32_t
stored_type(tn_vk_emitter *e, tn_dtype t)
{
    int bytes = t == TN_BOOL ? 1 : tn_dtype_bytes(t);
    uint32_t narrow[] = {(uint32_t)bytes * 8, tn_is_signed(t)};

    if (bytes >= 4)
        return tn_vk_type(e, t);
    tn_spirv_capability(&e->m, bytes == 2 ? SPV_CAP_STORAGE_16 : SPV_CAP_STORAGE_8);
    if (bytes == 1) /* part of SPIR-V from 1.5 on only */
        tn_spirv_extension(&e->m, "SPV_KHR_8bit_storage");
    return tn_spirv_unique(&e->m, SPV_TYPE_INT, 0, narrow, 2);
}

static bool
is_wide(tn_dtype t)
{
    return t != TN_BOOL && tn_dtype_bytes(t) >= 4;
}

/* struct { T at[]; } in the storage class of buffers. */
static uint32_t
buffer_variable(tn_vk_emitter *e, tn_dtype t, uint32_t binding)
{
    uint32_t element = stored_type(e, t), id = tn_spirv_id(&e->m);
    uint32_t array = tn_spirv_id(&e->m), block = tn_spirv_id(&e->m);
    uint32_t bytes = (uint32_t)(t == TN_BOOL ? 1 : tn_dtype_bytes(t)), pointer;

    TN_SPIRV(&e->m, types, SPV_TYPE_RUNTIME_ARRAY, array, element);
    TN_SPIRV(&e->m, types, SPV_TYPE_STRUCT, block, array);
    pointer = tn_vk_pointer(e, SPV_CLASS_STORAGE_BUFFER, block);
    TN_SPIRV(&e->m, types, SPV_VARIABLE, pointer, id, SPV_CLASS_STORAGE_BUFFER);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, array, SPV_DEC_ARRAY_STRIDE, bytes);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, block, SPV_DEC_BLOCK);
    TN_SPIRV(&e->m, decorations, SPV_MEMBER_DECORATE, block, 0, SPV_DEC_OFFSET, 0);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, id, SPV_DEC_SET, 0);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, id, SPV_DEC_BINDING, binding);
    return id;
}

/* What lanes write and read again after a barrier must be coherent. */
static void
declare_buffers(tn_vk_emitter *e)
{
    const tn_kernel *k = e->k;

    e->buffer = tn_new_array(e->m.arena, uint32_t, k->globals.count + 1);
    for (uint32_t i = 0; i < k->globals.count; i++) {
        const tn_kmem *g = k->globals.at[i];

        e->buffer[i] = buffer_variable(e, g->dtype, i);
        if (!g->written)
            TN_SPIRV(&e->m, decorations, SPV_DECORATE, e->buffer[i], SPV_DEC_NON_WRITABLE);
        else if (g->read)
            TN_SPIRV(&e->m, decorations, SPV_DECORATE, e->buffer[i], SPV_DEC_COHERENT);
    }
    if (k->sites.count)
        e->status = buffer_variable(e, TN_I32, k->globals.count);
}

static void
declare_push(tn_vk_emitter *e)
{
    uint32_t members[TN_VK_PUSH_LIMIT + 1], count = e->k->sizes.count + 1;
    uint32_t block = tn_spirv_id(&e->m), i32 = tn_vk_type(e, TN_I32), pointer;
    tn_words words = {0};

    tn_push(e->m.arena, &words, block);
    for (uint32_t i = 0; i < count; i++) {
        members[i] = i32;
        tn_push(e->m.arena, &words, members[i]);
        TN_SPIRV(&e->m, decorations, SPV_MEMBER_DECORATE, block, i, SPV_DEC_OFFSET, 4 * i);
    }
    tn_spirv_put(&e->m, &e->m.types, SPV_TYPE_STRUCT, words.at, words.count);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, block, SPV_DEC_BLOCK);
    e->push = tn_spirv_id(&e->m);
    pointer = tn_vk_pointer(e, SPV_CLASS_PUSH_CONSTANT, block);
    TN_SPIRV(&e->m, types, SPV_VARIABLE, pointer, e->push, SPV_CLASS_PUSH_CONSTANT);
}

static uint32_t
array_type(tn_vk_emitter *e, uint32_t element, uint32_t count)
{
    uint32_t words[] = {element, tn_vk_int(e, TN_U32, count)};

    return tn_spirv_unique(&e->m, SPV_TYPE_ARRAY, 0, words, 2);
}

uint32_t
tn_vk_group_array(tn_vk_emitter *e, tn_dtype t, uint32_t count)
{
    /* bool has no layout of its own: it lies as a word. */
    uint32_t element = tn_vk_type(e, t == TN_BOOL ? TN_U32 : t), id = tn_spirv_id(&e->m);
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_WORKGROUP, array_type(e, element, count));

    TN_SPIRV(&e->m, types, SPV_VARIABLE, pointer, id, SPV_CLASS_WORKGROUP);
    return id;
}

/* ---- cells ---- */

static uint32_t
cell_count(const tn_kcell *c)
{
    uint32_t n = 1;

    for (int i = 0; i < c->rank; i++)
        n *= c->dim[i];
    return n;
}

static void
declare_cell(tn_vk_emitter *e, const tn_kcell *c)
{
    uint32_t type = tn_vk_type(e, tn_vk_register(c->type.dtype)), count = cell_count(c);
    bool whole = e->dynamic[c->index];
    uint32_t pointer =
        tn_vk_pointer(e, SPV_CLASS_FUNCTION, whole ? array_type(e, type, count) : type);

    for (uint32_t i = 0; i < (whole ? 1 : count); i++) {
        uint32_t id = tn_spirv_id(&e->m);

        if (i == 0)
            e->cell[c->index] = id;
        TN_SPIRV(&e->m, variables, SPV_VARIABLE, pointer, id, SPV_CLASS_FUNCTION);
    }
}

/* Marks cells with run-time indices and declares group memory. */
static void
scan(tn_vk_emitter *e, const tn_kblock *b)
{
    for (uint32_t i = 0; i < b->ins.count; i++) {
        const tn_ins *v = b->ins.at[i];
        int first = v->op == TN_K_set;

        if (v->op == TN_K_get || v->op == TN_K_set)
            for (int a = 0; a < v->cell->rank; a++)
                if (v->arg[first + a]->op != TN_K_const)
                    e->dynamic[v->cell->index] = true;
        if (v->op == TN_K_local)
            e->local[v->mem->index] = tn_vk_group_array(e, tn_vk_register(v->mem->dtype),
                v->arg[0]->whole > 0 ? (uint32_t)v->arg[0]->whole : 1);
        if (v->body)
            scan(e, v->body);
        if (v->orelse)
            scan(e, v->orelse);
    }
}

void
tn_vk_declare(tn_vk_emitter *e)
{
    const tn_kernel *k = e->k;

    e->local = tn_new_array(e->m.arena, uint32_t, k->locals.count + 1);
    e->cell = tn_new_array(e->m.arena, uint32_t, k->cells.count + 1);
    e->dynamic = tn_new_array(e->m.arena, bool, k->cells.count + 1);
    declare_buffers(e);
    declare_push(e);
    scan(e, k->root);
    for (uint32_t i = 0; i < k->cells.count; i++)
        declare_cell(e, k->cells.at[i]);
}

static uint32_t
cell_pointer(tn_vk_emitter *e, const tn_ins *v, int first)
{
    const tn_kcell *c = v->cell;
    uint32_t i32 = tn_vk_type(e, TN_I32), at, pointer, id;
    int64_t flat = 0;

    if (!e->dynamic[c->index]) {
        for (int i = 0; i < c->rank; i++)
            flat = flat * c->dim[i] + v->arg[first + i]->whole;
        return e->cell[c->index] + (uint32_t)flat;
    }
    at = e->id[v->arg[first]->id];
    for (int i = 1; i < c->rank; i++) {
        uint32_t scaled = tn_vk_op2(e, SPV_I_MUL, i32, at, tn_vk_int(e, TN_I32, c->dim[i]));

        at = tn_vk_op2(e, SPV_I_ADD, i32, scaled, e->id[v->arg[first + i]->id]);
    }
    pointer = tn_vk_pointer(e, SPV_CLASS_FUNCTION, tn_vk_type(e, tn_vk_register(c->type.dtype)));
    id = tn_spirv_id(&e->m);
    TN_SPIRV(&e->m, code, SPV_ACCESS_CHAIN, pointer, id, e->cell[c->index], at);
    return id;
}

uint32_t
tn_vk_cell_get(tn_vk_emitter *e, const tn_ins *v, int first)
{
    uint32_t at = cell_pointer(e, v, first);

    return tn_vk_op1(e, SPV_LOAD, tn_vk_type(e, tn_vk_register(v->cell->type.dtype)), at);
}

void
tn_vk_cell_set(tn_vk_emitter *e, const tn_ins *v, int first, uint32_t value)
{
    uint32_t at = cell_pointer(e, v, first);

    TN_SPIRV(&e->m, code, SPV_STORE, at, value);
}

/* ---- loads and stores ---- */

uint32_t
tn_vk_size(tn_vk_emitter *e, uint32_t index)
{
    uint32_t type = tn_vk_type(e, TN_I32), member = tn_vk_int(e, TN_I32, index);
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_PUSH_CONSTANT, type), id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, SPV_ACCESS_CHAIN, pointer, id, e->push, member);
    return tn_vk_op1(e, SPV_LOAD, type, id);
}

static uint32_t
global_pointer(tn_vk_emitter *e, uint32_t variable, uint32_t element, uint32_t index)
{
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_STORAGE_BUFFER, element);
    uint32_t zero = tn_vk_int(e, TN_I32, 0), id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, SPV_ACCESS_CHAIN, pointer, id, variable, zero, index);
    return id;
}

uint32_t
tn_vk_group_load(tn_vk_emitter *e, uint32_t array, tn_dtype t, uint32_t index)
{
    tn_dtype r = tn_vk_register(t);
    uint32_t type = tn_vk_type(e, r == TN_BOOL ? TN_U32 : r), id = tn_spirv_id(&e->m);
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_WORKGROUP, type), value;

    TN_SPIRV(&e->m, code, SPV_ACCESS_CHAIN, pointer, id, array, index);
    value = tn_vk_op1(e, SPV_LOAD, type, id);
    if (r != TN_BOOL)
        return value;
    return tn_vk_op2(e, SPV_I_NOT_EQUAL, tn_vk_type(e, TN_BOOL), value, tn_vk_int(e, TN_U32, 0));
}

void
tn_vk_group_store(tn_vk_emitter *e, uint32_t array, tn_dtype t, uint32_t index, uint32_t value)
{
    tn_dtype r = tn_vk_register(t);
    uint32_t type = tn_vk_type(e, r == TN_BOOL ? TN_U32 : r), id = tn_spirv_id(&e->m);
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_WORKGROUP, type);

    if (r == TN_BOOL) {
        uint32_t one = tn_vk_int(e, TN_U32, 1);

        value = tn_vk_op3(e, SPV_SELECT, type, value, one, tn_vk_int(e, TN_U32, 0));
    }
    TN_SPIRV(&e->m, code, SPV_ACCESS_CHAIN, pointer, id, array, index);
    TN_SPIRV(&e->m, code, SPV_STORE, id, value);
}

/* A stored element as the value that registers hold. */
static uint32_t
extend(tn_vk_emitter *e, tn_dtype t, uint32_t value)
{
    if (is_wide(t))
        return value;
    if (tn_is_signed(t))
        return tn_vk_op1(e, SPV_S_CONVERT, tn_vk_type(e, TN_I32), value);
    value = tn_vk_op1(e, SPV_U_CONVERT, tn_vk_type(e, TN_U32), value);
    if (t != TN_BOOL)
        return value;
    return tn_vk_op2(e, SPV_I_NOT_EQUAL, tn_vk_type(e, TN_BOOL), value, tn_vk_int(e, TN_U32, 0));
}

static uint32_t
narrow(tn_vk_emitter *e, tn_dtype t, uint32_t value)
{
    if (is_wide(t))
        return value;
    if (t == TN_BOOL) {
        uint32_t one = tn_vk_int(e, TN_U32, 1), zero = tn_vk_int(e, TN_U32, 0);

        value = tn_vk_op3(e, SPV_SELECT, tn_vk_type(e, TN_U32), value, one, zero);
    }
    return tn_vk_op1(e, tn_is_signed(t) ? SPV_S_CONVERT : SPV_U_CONVERT, stored_type(e, t), value);
}

static uint32_t
load_at(tn_vk_emitter *e, const tn_kmem *mem, uint32_t index)
{
    uint32_t type;

    if (mem->space == TN_SPACE_LOCAL)
        return tn_vk_group_load(e, e->local[mem->index], mem->dtype, index);
    type = stored_type(e, mem->dtype);
    return extend(e, mem->dtype,
        tn_vk_op1(e, SPV_LOAD, type, global_pointer(e, e->buffer[mem->index], type, index)));
}

/* What a masked load gives where its mask is false; of halves their bits. */
static int64_t
other_bits(const tn_ins *v)
{
    if (v->type.dtype == TN_F16)
        return tn_float_to_half((float)v->real);
    return v->type.dtype == TN_BF16 ? tn_float_to_bf16((float)v->real) : v->other;
}

/* Where the mask is false element 0 is read, which every buffer has, and the
 * other value chosen: no branch around a load. */
uint32_t
tn_vk_load(tn_vk_emitter *e, const tn_ins *v)
{
    tn_dtype r = tn_vk_register(v->type.dtype);
    uint32_t index = e->id[v->arg[0]->id], mask, value, other;

    if (v->arg_count == 1)
        return load_at(e, v->mem, index);
    mask = e->id[v->arg[1]->id];
    index = tn_vk_op3(e, SPV_SELECT, tn_vk_type(e, TN_I32), mask, index, tn_vk_int(e, TN_I32, 0));
    value = load_at(e, v->mem, index);
    other = tn_is_float(r) ? tn_vk_real(e, r, v->real) : tn_vk_int(e, r, other_bits(v));
    return tn_vk_op3(e, SPV_SELECT, tn_vk_type(e, r), mask, value, other);
}

void
tn_vk_store(tn_vk_emitter *e, const tn_kmem *mem, uint32_t index, uint32_t value)
{
    uint32_t type, at;

    if (mem->space == TN_SPACE_LOCAL) {
        tn_vk_group_store(e, e->local[mem->index], mem->dtype, index, value);
        return;
    }
    type = stored_type(e, mem->dtype);
    value = narrow(e, mem->dtype, value);
    at = global_pointer(e, e->buffer[mem->index], type, index);
    TN_SPIRV(&e->m, code, SPV_STORE, at, value);
}

void
tn_vk_status_store(tn_vk_emitter *e, int64_t word, uint32_t value)
{
    uint32_t type = tn_vk_type(e, TN_I32);
    uint32_t at = global_pointer(e, e->status, type, tn_vk_int(e, TN_I32, word));

    TN_SPIRV(&e->m, code, SPV_STORE, at, value);
}
