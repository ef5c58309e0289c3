/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/base/files.h"

/* Memory of an arena handed out as an allocator. Running out in the arena
 * jumps, past whoever holds the open file: so a block of the expected size is
 * taken before the file is opened, and only what outgrows it (a pipe, a file
 * that grows meanwhile) asks again. */
typedef struct arena_room {
    tn_arena *arena;
    uint8_t *block;
    size_t bytes;
} arena_room;

static void *
resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    arena_room *room = self;
    if (bytes == 0)
        return NULL;
    if (bytes > room->bytes) {
        uint8_t *block = tn_arena_get(room->arena, bytes + 1);
        if (old)
            memcpy(block, old, old_bytes);
        room->block = block;
        room->bytes = bytes;
    }
    return room->block;
}

/* 0 if unknown: what fails here fails again when reading, with its message. */
static size_t
expected_bytes(const tn_env *env, const char *path, uint64_t limit)
{
    uint64_t bytes = 0;
    int fd;
    if (strcmp(path, "-") == 0 || env->files->open_read(env->files->self, path, &fd) != 0)
        return 0;
    if (env->files->size(env->files->self, fd, &bytes) != 0 || bytes > limit)
        bytes = 0;
    env->files->close(env->files->self, fd);
    return (size_t)bytes;
}

tn_status
tn_file_read_arena(const tn_env *env, tn_arena *arena, const char *path, uint64_t limit_bytes,
    tn_span *out)
{
    arena_room room = {.arena = arena};
    tn_alloc alloc = {&room, resize};
    tn_env inner = {&alloc, env->files, env->diag};
    size_t bytes = expected_bytes(env, path, limit_bytes);
    *out = (tn_span){NULL, 0};
    if (bytes) {
        room.block = tn_arena_get(arena, bytes + 1);
        room.bytes = bytes;
    }
    TN_TRY(tn_file_read(&inner, path, limit_bytes, out));
    if (out->bytes == 0)
        out->at = tn_arena_get(arena, 1);
    else
        room.block[out->bytes] = 0;
    return TN_OK;
}
