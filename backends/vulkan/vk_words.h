/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_VULKAN_VK_WORDS_H
#define TN_BACKENDS_VULKAN_VK_WORDS_H

#include <stdbool.h>

#include "ir/base/vec.h"

/* A SPIR-V module written word by word. Sections grow on their own and are
 * joined in the order the specification wants (2.4, logical layout). */
typedef TN_VEC(uint32_t) tn_words;

typedef struct tn_spirv {
    tn_arena *arena;
    uint32_t next_id;
    tn_words capabilities, extensions, imports, memory_model, entry, modes, decorations;
    tn_words types;     /* types, constants, global variables */
    tn_words variables; /* of the function: must open its first block */
    tn_words code;
    /* Types and constants are unique: (words) -> id, searched in order. */
    TN_VEC(uint32_t) unique; /* start of each in `types` */
    uint32_t glsl;           /* GLSL.std.450, or 0 until used */
} tn_spirv;

uint32_t tn_spirv_id(tn_spirv *m);
/* One instruction: opcode and operands. */
void tn_spirv_put(tn_spirv *m, tn_words *section, uint32_t opcode, const uint32_t *operands,
    uint32_t count);
#define TN_SPIRV(m, section, opcode, ...)                                       \
    tn_spirv_put((m), &(m)->section, (opcode), (const uint32_t[]){__VA_ARGS__}, \
        (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))
/* A type or constant: the id of an equal one, or a new one. The result id
 * stands at operand `id_at` (0: types, 1: constants), left out here. */
uint32_t tn_spirv_unique(tn_spirv *m, uint32_t opcode, uint32_t id_at, const uint32_t *operands,
    uint32_t count);
void tn_spirv_capability(tn_spirv *m, uint32_t capability); /* once each */
void tn_spirv_extension(tn_spirv *m, const char *name);     /* once each */
uint32_t tn_spirv_glsl(tn_spirv *m);
/* Operands that hold a string, NUL included. */
void tn_spirv_string(tn_spirv *m, tn_words *to, const char *text);
/* The finished module. */
tn_words tn_spirv_finish(tn_spirv *m);

#endif
