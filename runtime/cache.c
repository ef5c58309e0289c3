/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ir/base/bytes.h"

/* In front of what is kept: magic, the key, hash and length of the rest. */
enum {
    MAGIC_BYTES = 8,
    HEAD_BYTES = MAGIC_BYTES + 2 * TN_HASH_BYTES + 8,
    PATH_ROOM = 4096,
    TEMPORARY_ROOM = PATH_ROOM + 32,
    TRIES = 8
};
#define LIMIT_BYTES ((uint64_t)1 << 30)

static const char magic[MAGIC_BYTES] = "tnCACHE1";

void
tn_cache_part(tn_hasher *h, const void *from, size_t bytes)
{
    uint8_t length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)bytes >> 8 * i);
    tn_hash_add(h, length, sizeof length);
    tn_hash_add(h, from, bytes);
}

static void
make_head(uint8_t *head, const tn_hash *key, const void *kept, uint64_t bytes)
{
    tn_hash sum = tn_hash_of(kept, (size_t)bytes);

    memcpy(head, magic, MAGIC_BYTES);
    memcpy(head + MAGIC_BYTES, key->at, TN_HASH_BYTES);
    memcpy(head + MAGIC_BYTES + TN_HASH_BYTES, sum.at, TN_HASH_BYTES);
    for (int i = 0; i < 8; i++)
        head[HEAD_BYTES - 8 + i] = (uint8_t)(bytes >> 8 * i);
}

static bool
path_of(const char *folder, const tn_hash *key, char *out)
{
    char hex[TN_HASH_HEX];
    int length;

    tn_hash_hex(key, hex);
    length = snprintf(out, PATH_ROOM, "%s/%s", folder, hex);
    return length > 0 && length < PATH_ROOM;
}

/* What is here runs with our rights: only files that nobody else can write. */
static bool
is_ours(const tn_files *files, int fd)
{
    uint32_t mode = 0, owner = 0;

    return files->access(files->self, fd, &mode, &owner) == 0 && !(mode & 022) &&
        (owner == (uint32_t)geteuid() || owner == 0);
}

static bool
read_all(const tn_files *files, int fd, uint8_t *to, size_t bytes)
{
    for (size_t done = 0, got; done < bytes; done += got)
        if (files->read(files->self, fd, to + done, bytes - done, &got) != 0 || got == 0)
            return false;
    return true;
}

static bool
read_file(const tn_env *env, int fd, const tn_hash *key, void (*take)(void *to, tn_blob kept),
    void *to)
{
    uint8_t head[HEAD_BYTES], *all;
    uint64_t bytes = 0;
    bool good;

    if (!is_ours(env->files, fd) || env->files->size(env->files->self, fd, &bytes) != 0 ||
        bytes < HEAD_BYTES || bytes > LIMIT_BYTES)
        return false;
    all = tn_alloc_get(env->alloc, (size_t)bytes);
    if (!all)
        return false;
    good = read_all(env->files, fd, all, (size_t)bytes);
    if (good) {
        make_head(head, key, all + HEAD_BYTES, bytes - HEAD_BYTES);
        good = memcmp(head, all, HEAD_BYTES) == 0;
    }
    if (good)
        take(to, (tn_blob){all + HEAD_BYTES, (size_t)bytes - HEAD_BYTES});
    tn_alloc_free(env->alloc, all, (size_t)bytes);
    return good;
}

bool
tn_cache_find(const tn_env *env, const char *folder, const tn_hash *key,
    void (*take)(void *to, tn_blob kept), void *to)
{
    char path[PATH_ROOM];
    bool found;
    int fd;

    if (!folder || !path_of(folder, key, path) ||
        env->files->open_read(env->files->self, path, &fd) != 0)
        return false;
    found = read_file(env, fd, key, take, to);
    if (found)
        env->files->touch(env->files->self, fd); /* else it only goes earlier */
    env->files->close(env->files->self, fd);
    return found;
}

static int
write_all(const tn_files *files, int fd, const void *from, size_t bytes)
{
    int error = 0;

    for (size_t done = 0, put = 0; done < bytes && !error; done += put) {
        error = files->write(files->self, fd, (const char *)from + done, bytes - done, &put);
        if (!error && put == 0)
            error = EIO;
    }
    return error;
}

/* The folder with all above it. */
static void
make_folders(const tn_files *files, const char *folder)
{
    char path[PATH_ROOM];
    size_t length = strlen(folder);

    if (length >= sizeof path)
        return;
    for (size_t i = 1; i <= length; i++)
        if (folder[i] == '/' || folder[i] == '\0') {
            memcpy(path, folder, i);
            path[i] = '\0';
            files->make_folder(files->self, path);
        }
}

/* A new file beside `path` under a name of its own: another thread may be
 * making the same, or have left one behind. */
static int
create_beside(const tn_files *files, const char *folder, const char *path, char *out, int *fd)
{
    int error = EEXIST;

    for (int i = 0; i < TRIES && error == EEXIST; i++) {
        snprintf(out, TEMPORARY_ROOM, "%s.%ld.%d", path, (long)getpid(), i);
        error = files->create(files->self, out, fd);
        if (error == ENOENT && i == 0) {
            make_folders(files, folder);
            error = files->create(files->self, out, fd);
        }
    }
    return error;
}

/* Not synced: what a crash tears is told by its checksum. */
void
tn_cache_keep(const tn_env *env, const char *folder, const tn_hash *key, tn_blob kept)
{
    const tn_files *files = env->files;
    char path[PATH_ROOM], temporary[TEMPORARY_ROOM];
    uint8_t head[HEAD_BYTES];
    int fd, error, closing;

    if (!folder || kept.bytes > LIMIT_BYTES - HEAD_BYTES || !path_of(folder, key, path))
        return;
    if (create_beside(files, folder, path, temporary, &fd) != 0)
        return;
    make_head(head, key, kept.at, kept.bytes);
    error = write_all(files, fd, head, sizeof head);
    if (!error)
        error = write_all(files, fd, kept.at, kept.bytes);
    closing = files->close(files->self, fd);
    if (!error)
        error = closing;
    if (!error)
        error = files->rename(files->self, temporary, path);
    if (error)
        files->remove(files->self, temporary);
}
