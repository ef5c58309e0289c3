/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/idmap.h"

static uint32_t
slot_of(const tn_idmap *map, uint32_t id)
{
    uint32_t at = id * UINT32_C(2654435769) & (map->room - 1);

    while (map->keys[at] && map->keys[at] != id + 1)
        at = (at + 1) & (map->room - 1);
    return at;
}

void *
tn_idmap_get(const tn_idmap *map, uint32_t id)
{
    uint32_t at;

    if (!map->room)
        return NULL;
    at = slot_of(map, id);
    return map->keys[at] ? map->values[at] : NULL;
}

static void
grow(tn_idmap *map)
{
    tn_idmap old = *map;

    map->room = old.room ? old.room * 2 : 16;
    map->count = 0;
    map->keys = tn_new_array(map->arena, uint32_t, map->room);
    map->values = tn_new_array(map->arena, void *, map->room);
    for (uint32_t i = 0; i < old.room; i++)
        if (old.keys[i])
            tn_idmap_put(map, old.keys[i] - 1, old.values[i]);
}

void
tn_idmap_put(tn_idmap *map, uint32_t id, void *value)
{
    uint32_t at;

    if (map->count * 2 >= map->room)
        grow(map);
    at = slot_of(map, id);
    if (!map->keys[at]) {
        map->keys[at] = id + 1;
        map->count++;
    }
    map->values[at] = value;
}
