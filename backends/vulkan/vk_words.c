/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_words.h"

#include <string.h>

/* Numbers of the SPIR-V specification, version 1.3. */
enum {
    MAGIC = 0x07230203,
    VERSION_1_3 = 0x00010300,
    OP_EXTENSION = 10,
    OP_EXT_INST_IMPORT = 11,
    OP_CAPABILITY = 17,
};

uint32_t
tn_spirv_id(tn_spirv *m)
{
    return ++m->next_id;
}

void
tn_spirv_put(tn_spirv *m, tn_words *section, uint32_t opcode, const uint32_t *operands,
    uint32_t count)
{
    tn_push(m->arena, section, (count + 1) << 16 | opcode);
    for (uint32_t i = 0; i < count; i++)
        tn_push(m->arena, section, operands[i]);
}

static bool
same(const tn_spirv *m, uint32_t start, uint32_t opcode, uint32_t id_at, const uint32_t *operands,
    uint32_t count)
{
    const uint32_t *at = m->types.at + start;

    if (at[0] != ((count + 2) << 16 | opcode))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (at[1 + i + (i >= id_at)] != operands[i])
            return false;
    return true;
}

uint32_t
tn_spirv_unique(tn_spirv *m, uint32_t opcode, uint32_t id_at, const uint32_t *operands,
    uint32_t count)
{
    uint32_t id;

    for (uint32_t i = 0; i < m->unique.count; i++)
        if (same(m, m->unique.at[i], opcode, id_at, operands, count))
            return m->types.at[m->unique.at[i] + 1 + id_at];
    id = tn_spirv_id(m);
    tn_push(m->arena, &m->unique, m->types.count);
    tn_push(m->arena, &m->types, (count + 2) << 16 | opcode);
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t word = i == id_at ? id : operands[i - (i > id_at)];

        tn_push(m->arena, &m->types, word);
    }
    return id;
}

void
tn_spirv_capability(tn_spirv *m, uint32_t capability)
{
    for (uint32_t i = 1; i < m->capabilities.count; i += 2)
        if (m->capabilities.at[i] == capability)
            return;
    TN_SPIRV(m, capabilities, OP_CAPABILITY, capability);
}

void
tn_spirv_string(tn_spirv *m, tn_words *to, const char *text)
{
    size_t length = strlen(text) + 1;

    for (size_t i = 0; i < length; i += 4) {
        uint32_t word = 0;

        for (size_t j = 0; j < 4 && i + j < length; j++)
            word |= (uint32_t)(unsigned char)text[i + j] << (8 * j);
        tn_push(m->arena, to, word);
    }
}

void
tn_spirv_extension(tn_spirv *m, const char *name)
{
    tn_words operands = {0}, *all = &m->extensions;

    tn_spirv_string(m, &operands, name);
    for (uint32_t i = 0; i < all->count; i += all->at[i] >> 16)
        if (all->at[i] >> 16 == operands.count + 1 &&
            !memcmp(&all->at[i + 1], operands.at, operands.count * sizeof *operands.at))
            return;
    tn_spirv_put(m, &m->extensions, OP_EXTENSION, operands.at, operands.count);
}

uint32_t
tn_spirv_glsl(tn_spirv *m)
{
    tn_words operands = {0};

    if (m->glsl)
        return m->glsl;
    m->glsl = tn_spirv_id(m);
    tn_push(m->arena, &operands, m->glsl);
    tn_spirv_string(m, &operands, "GLSL.std.450");
    tn_spirv_put(m, &m->imports, OP_EXT_INST_IMPORT, operands.at, operands.count);
    return m->glsl;
}

static void
append(tn_spirv *m, tn_words *to, const tn_words *from)
{
    for (uint32_t i = 0; i < from->count; i++)
        tn_push(m->arena, to, from->at[i]);
}

tn_words
tn_spirv_finish(tn_spirv *m)
{
    const uint32_t head[] = {MAGIC, VERSION_1_3, 0, m->next_id + 1, 0};
    tn_words out = {0};

    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        tn_push(m->arena, &out, head[i]);
    append(m, &out, &m->capabilities);
    append(m, &out, &m->extensions);
    append(m, &out, &m->imports);
    append(m, &out, &m->memory_model);
    append(m, &out, &m->entry);
    append(m, &out, &m->modes);
    append(m, &out, &m->decorations);
    append(m, &out, &m->types);
    append(m, &out, &m->code);
    return out;
}
