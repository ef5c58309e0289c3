/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_MAP_H
#define TN_IR_BASE_MAP_H

#include "ir/base/arena.h"

/* A map from names to pointers that remembers the order of insertion. Keys
 * are borrowed (keep them in the same arena). Zero it, set `arena`. */
typedef struct tn_map_entry {
    const char *key;
    void *value;
} tn_map_entry;

typedef struct tn_map {
    tn_arena *arena;
    tn_map_entry *entries; /* in order of insertion */
    uint32_t count, room;
    uint32_t *slots; /* open addressing; 0 empty, else entry + 1 */
    uint32_t slot_count;
} tn_map;

/* The value, or NULL. */
void *tn_map_get(const tn_map *map, const char *key);
/* Adds or replaces; the old value, or NULL. `value` is not NULL. */
void *tn_map_put(tn_map *map, const char *key, void *value);

/* One pointer for each distinct text: equal names are equal pointers. */
const char *tn_intern(tn_map *names, const char *at, size_t length);

#endif
