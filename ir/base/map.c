/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/map.h"

#include <assert.h>
#include <string.h>

/* FNV-1a, with a last mix because slots use the low bits. */
static uint32_t
hash_name(const char *at, size_t length)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)at[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

/* The slot of that key, or the empty one where it belongs. */
static uint32_t
find_slot(const tn_map *map, const char *at, size_t length)
{
    uint32_t mask = map->slot_count - 1;
    uint32_t slot = hash_name(at, length) & mask;

    for (; map->slots[slot]; slot = (slot + 1) & mask) {
        const char *key = map->entries[map->slots[slot] - 1].key;

        if (strncmp(key, at, length) == 0 && key[length] == '\0')
            break;
    }
    return slot;
}

static void
make_room(tn_map *map)
{
    if (map->count == map->room) {
        uint32_t room = map->room ? map->room * 2 : 8;

        assert(map->room < UINT32_MAX / 4);
        map->entries =
            tn_arena_grow(map->arena, map->entries, map->room, room, sizeof *map->entries);
        map->room = room;
    }
    assert(map->entries);
    if (map->count + 1 > map->slot_count / 2) {
        map->slot_count = map->room * 4;
        map->slots = tn_new_array(map->arena, uint32_t, map->slot_count);
        for (uint32_t i = 0; i < map->count; i++) {
            const char *key = map->entries[i].key;

            map->slots[find_slot(map, key, strlen(key))] = i + 1;
        }
    }
}

static void
add(tn_map *map, const char *key, void *value)
{
    make_room(map);
    map->entries[map->count] = (tn_map_entry){key, value};
    map->slots[find_slot(map, key, strlen(key))] = ++map->count;
}

static tn_map_entry *
find(const tn_map *map, const char *at, size_t length)
{
    uint32_t entry = map->slot_count ? map->slots[find_slot(map, at, length)] : 0;

    return entry ? &map->entries[entry - 1] : NULL;
}

void *
tn_map_get(const tn_map *map, const char *key)
{
    const tn_map_entry *entry = find(map, key, strlen(key));

    return entry ? entry->value : NULL;
}

void *
tn_map_put(tn_map *map, const char *key, void *value)
{
    tn_map_entry *entry = find(map, key, strlen(key));
    void *old = NULL;

    assert(value);
    if (entry) {
        old = entry->value;
        entry->value = value;
    } else {
        add(map, key, value);
    }
    return old;
}

const char *
tn_intern(tn_map *names, const char *at, size_t length)
{
    const tn_map_entry *entry = find(names, at, length);
    char *copy;

    if (entry)
        return entry->key;
    copy = tn_arena_copy(names->arena, at, length);
    add(names, copy, copy);
    return copy;
}
