/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ir/base/checked.h"

enum { PATH_ROOM = 4096, TEMPORARY_TRIES = 100, FIRST_READ = 64 << 10 };

static tn_status
fail(const tn_env *env, int error, const char *doing, const char *path)
{
    char reason[128];

    if (error == ENOMEM)
        return tn_fail(env->diag, TN_NO_MEMORY, "out of memory %s %s", doing, path);
    if (strerror_r(error, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", error);
    if (error == ENOSPC || error == EDQUOT)
        return tn_fail(env->diag, TN_IO, "%s %s: the disk is full (%s)", doing, path, reason);
    return tn_fail(env->diag, TN_IO, "%s %s: %s", doing, path, reason);
}

static bool
is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* A file being read into memory that grows. */
typedef struct input {
    const tn_env *env;
    const char *path;
    int fd;
    uint64_t limit;
    uint8_t *at;
    size_t count, room;
} input;

static tn_status
input_room(input *in, size_t room)
{
    const tn_alloc *alloc = in->env->alloc;
    uint8_t *at = alloc->resize(alloc->self, in->at, in->room, room);

    if (room && !at)
        return tn_fail_memory(in->env->diag, room, in->path);
    in->at = at;
    in->room = room;
    return TN_OK;
}

static tn_status
too_large(const input *in)
{
    return tn_fail(in->env->diag, TN_LIMIT, "%s: more than %" PRIu64 " bytes", in->path, in->limit);
}

/* The size that the system gives is a hint: a pipe has none, and a file may
 * grow. The end is where reading gives nothing. */
static tn_status
input_all(input *in)
{
    const tn_files *files = in->env->files;
    uint64_t hint;
    int error = files->size(files->self, in->fd, &hint);

    if (error)
        return fail(in->env, error, "reading", in->path);
    if (hint > in->limit || hint > SIZE_MAX / 2)
        return too_large(in);
    TN_TRY(input_room(in, hint ? (size_t)hint : FIRST_READ));
    for (;;) {
        uint8_t extra;
        bool full = in->count == in->room;
        uint8_t *to = full ? &extra : in->at + in->count;
        size_t got;

        error = files->read(files->self, in->fd, to, full ? 1 : in->room - in->count, &got);
        if (error)
            return fail(in->env, error, "reading", in->path);
        if (got == 0)
            break;
        if (in->count + got > in->limit)
            return too_large(in);
        if (full) {
            if (in->room > SIZE_MAX / 2)
                return too_large(in);
            TN_TRY(input_room(in, in->room * 2));
            in->at[in->count] = extra;
        }
        in->count += got;
    }
    return in->count < in->room ? input_room(in, in->count) : TN_OK;
}

tn_status
tn_file_read(const tn_env *env, const char *path, uint64_t limit_bytes, tn_span *out)
{
    /* An empty file is not a missing one: `at` is never NULL. */
    static const uint8_t nothing[1];
    const tn_files *files = env->files;
    input in = {.env = env, .path = path, .fd = STDIN_FILENO, .limit = limit_bytes};
    tn_status status;

    *out = (tn_span){NULL, 0};
    if (is_standard(path)) {
        in.path = "standard input";
    } else {
        int error = files->open_read(files->self, path, &in.fd);

        if (error)
            return fail(env, error, "opening", path);
    }
    status = input_all(&in);
    if (!is_standard(path))
        files->close(files->self, in.fd);
    if (status != TN_OK) {
        tn_alloc_free(env->alloc, in.at, in.room);
        return status;
    }
    *out = (tn_span){in.count ? in.at : nothing, in.count};
    return TN_OK;
}

void
tn_file_free(const tn_env *env, tn_span *bytes)
{
    if (bytes->bytes)
        tn_alloc_free(env->alloc, (void *)(uintptr_t)bytes->at, bytes->bytes);
    *bytes = (tn_span){NULL, 0};
}

/* 0 or an errno value. */
static int
write_all(const tn_files *files, int fd, tn_span bytes)
{
    while (bytes.bytes) {
        size_t put;
        int error = files->write(files->self, fd, bytes.at, bytes.bytes, &put);

        if (error)
            return error;
        if (put == 0)
            return EIO;
        bytes.at += put;
        bytes.bytes -= put;
    }
    return 0;
}

/* A new file beside `path` under a name of its own. */
static int
create_beside(const tn_files *files, const char *path, char *name, size_t room, int *fd)
{
    int error = EEXIST;

    for (int i = 0; i < TEMPORARY_TRIES && error == EEXIST; i++) {
        int length = snprintf(name, room, "%s.tmp.%ld.%d", path, (long)getpid(), i);

        if (length < 0 || (size_t)length >= room)
            return ENAMETOOLONG;
        error = files->create(files->self, name, fd);
    }
    return error;
}

static void
folder_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;

    memcpy(out, length ? path : ".", length ? length : 1);
    out[length ? length : 1] = '\0';
}

/* Writes the temporary file and moves it to `path`. After the rename the file
 * is there whole; that its name lasts is then not sure until the folder is
 * synced. */
static int
replace(const tn_files *files, const char *path, tn_span bytes)
{
    char name[PATH_ROOM], folder[PATH_ROOM];
    int fd, error, closing;

    error = create_beside(files, path, name, sizeof name, &fd);
    if (error)
        return error;
    error = write_all(files, fd, bytes);
    if (!error)
        error = files->sync(files->self, fd);
    closing = files->close(files->self, fd);
    error = error ? error : closing;
    if (!error)
        error = files->rename(files->self, name, path);
    if (error) {
        files->remove(files->self, name);
        return error;
    }
    folder_of(path, folder);
    return files->sync_folder(files->self, folder);
}

/* Where the bytes of `path` shall be: behind a link if it is one. */
static int
follow(const tn_files *files, const char *path, char *out, size_t room)
{
    int error = files->real_path(files->self, path, out, room);

    if (error != ENOENT)
        return error;
    if (strlen(path) >= room)
        return ENAMETOOLONG;
    memcpy(out, path, strlen(path) + 1);
    return 0;
}

static int
write_path(const tn_files *files, const char *path, tn_span bytes)
{
    char target[PATH_ROOM];
    int fd, closing;
    int error = files->open_device(files->self, path, &fd);

    if (!error && fd >= 0) {
        error = write_all(files, fd, bytes);
        closing = files->close(files->self, fd);
        return error ? error : closing;
    }
    if (!error)
        error = follow(files, path, target, sizeof target);
    return error ? error : replace(files, target, bytes);
}

tn_status
tn_file_write(const tn_env *env, const char *path, tn_span bytes)
{
    int error;

    if (is_standard(path)) {
        error = write_all(env->files, STDOUT_FILENO, bytes);
        path = "standard output";
    } else {
        error = write_path(env->files, path, bytes);
    }
    return error ? fail(env, error, "writing", path) : TN_OK;
}

tn_status
tn_file_map(const tn_env *env, const char *path, tn_span *out)
{
    const tn_files *files = env->files;
    const void *at = NULL;
    uint64_t bytes = 0;
    int fd, error;

    *out = (tn_span){NULL, 0};
    error = files->open_read(files->self, path, &fd);
    if (error)
        return fail(env, error, "opening", path);
    error = files->size(files->self, fd, &bytes);
    if (!error)
        error = files->map(files->self, fd, bytes, &at);
    files->close(files->self, fd);
    if (error)
        return fail(env, error, "mapping", path);
    *out = (tn_span){at, (size_t)bytes};
    return TN_OK;
}

void
tn_file_unmap(const tn_env *env, tn_span *mapped)
{
    if (mapped->bytes)
        env->files->unmap(env->files->self, mapped->at, mapped->bytes);
    *mapped = (tn_span){NULL, 0};
}

static bool
is_beneath(const char *folder, const char *path)
{
    size_t length = strlen(folder);

    if (length && folder[length - 1] == '/')
        length--;
    return strncmp(folder, path, length) == 0 && path[length] == '/';
}

tn_status
tn_path_beneath(const tn_env *env, tn_arena *arena, const char *folder, const char *name,
    const char **out)
{
    const tn_files *files = env->files;
    char real_folder[PATH_ROOM], real_name[PATH_ROOM];
    const char *joined;
    int error;

    *out = NULL;
    if (name[0] == '/')
        return tn_fail(env->diag, TN_MALFORMED, "%s: an absolute path is not allowed here", name);
    joined = tn_arena_printf(arena, "%s/%s", folder, name);
    error = files->real_path(files->self, folder, real_folder, sizeof real_folder);
    if (error)
        return fail(env, error, "opening", folder);
    error = files->real_path(files->self, joined, real_name, sizeof real_name);
    if (error)
        return fail(env, error, "opening", joined);
    if (!is_beneath(real_folder, real_name))
        return tn_fail(env->diag, TN_MALFORMED, "%s: leads out of the folder %s", name, folder);
    *out = tn_arena_copy(arena, real_name, strlen(real_name));
    return TN_OK;
}

const char *
tn_path_folder(tn_arena *arena, const char *path)
{
    char *folder = tn_arena_get(arena, strlen(path) + 2);

    folder_of(path, folder);
    return folder;
}
