/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_IDMAP_H
#define TN_PASSES_IDMAP_H

#include "ir/base/arena.h"

/* From ids to pointers. Zero it, set `arena`. */
typedef struct tn_idmap {
    tn_arena *arena;
    uint32_t *keys; /* id + 1; 0: free */
    void **values;
    uint32_t count, room;
} tn_idmap;

void *tn_idmap_get(const tn_idmap *map, uint32_t id); /* NULL: none */
void tn_idmap_put(tn_idmap *map, uint32_t id, void *value);

#endif
