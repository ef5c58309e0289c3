/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_files.h"

#include <errno.h>
#include <string.h>

/* 0, or the error that this call shall end with. */
static int
enter(tn_fake_files *f, const char *name)
{
    size_t used = strlen(f->log);
    size_t length = strlen(name);

    if (used + length + 2 <= sizeof f->log) {
        memcpy(f->log + used, name, length);
        memcpy(f->log + used + length, " ", 2);
    }
    f->calls++;
    if (f->fail_at && (f->calls == f->fail_at || (f->stay_down && f->calls > f->fail_at))) {
        f->failed = true;
        return f->fail_with ? f->fail_with : ENOSPC;
    }
    return 0;
}

static int
open_read(void *self, const char *path, int *fd)
{
    tn_fake_files *f = self;
    int error = enter(f, "open_read");

    if (!error)
        error = f->under->open_read(f->under->self, path, fd);
    f->open += !error;
    return error;
}

static int
create(void *self, const char *path, int *fd)
{
    tn_fake_files *f = self;
    int error = enter(f, "create");

    if (!error)
        error = f->under->create(f->under->self, path, fd);
    f->open += !error;
    return error;
}

static int
open_device(void *self, const char *path, int *fd)
{
    tn_fake_files *f = self;
    int error = enter(f, "open_device");

    if (!error)
        error = f->under->open_device(f->under->self, path, fd);
    f->open += !error && *fd >= 0;
    return error;
}

static int
size(void *self, int fd, uint64_t *bytes)
{
    tn_fake_files *f = self;
    int error = enter(f, "size");

    return error ? error : f->under->size(f->under->self, fd, bytes);
}

static size_t
at_most(const tn_fake_files *f, size_t bytes)
{
    return f->most && bytes > f->most ? f->most : bytes;
}

static int
read_some(void *self, int fd, void *to, size_t bytes, size_t *got)
{
    tn_fake_files *f = self;
    int error = enter(f, "read");

    return error ? error : f->under->read(f->under->self, fd, to, at_most(f, bytes), got);
}

static int
write_some(void *self, int fd, const void *from, size_t bytes, size_t *put)
{
    tn_fake_files *f = self;
    int error = enter(f, "write");

    return error ? error : f->under->write(f->under->self, fd, from, at_most(f, bytes), put);
}

static int
sync_file(void *self, int fd)
{
    tn_fake_files *f = self;
    int error = enter(f, "sync");

    return error ? error : f->under->sync(f->under->self, fd);
}

/* As the system does, the descriptor is gone even when closing fails. */
static int
close_file(void *self, int fd)
{
    tn_fake_files *f = self;
    int planned = enter(f, "close");
    int error = f->under->close(f->under->self, fd);

    f->open--;
    return planned ? planned : error;
}

static int
rename_file(void *self, const char *from, const char *to)
{
    tn_fake_files *f = self;
    int error = enter(f, "rename");

    return error ? error : f->under->rename(f->under->self, from, to);
}

static int
remove_file(void *self, const char *path)
{
    tn_fake_files *f = self;
    int error = enter(f, "remove");

    return error ? error : f->under->remove(f->under->self, path);
}

static int
make_folder(void *self, const char *path)
{
    tn_fake_files *f = self;
    int error = enter(f, "make_folder");

    return error ? error : f->under->make_folder(f->under->self, path);
}

static int
sync_folder(void *self, const char *path)
{
    tn_fake_files *f = self;
    int error = enter(f, "sync_folder");

    return error ? error : f->under->sync_folder(f->under->self, path);
}

static int
map(void *self, int fd, uint64_t bytes, const void **at)
{
    tn_fake_files *f = self;
    int error = enter(f, "map");

    if (!error)
        error = f->under->map(f->under->self, fd, bytes, at);
    f->mapped += !error && bytes;
    return error;
}

static int
unmap(void *self, const void *at, uint64_t bytes)
{
    tn_fake_files *f = self;
    int planned = enter(f, "unmap");
    int error = f->under->unmap(f->under->self, at, bytes);

    f->mapped -= !error && bytes;
    return planned ? planned : error;
}

static int
real_path(void *self, const char *path, char *out, size_t room)
{
    tn_fake_files *f = self;
    int error = enter(f, "real_path");

    return error ? error : f->under->real_path(f->under->self, path, out, room);
}

static int
access_bits(void *self, int fd, uint32_t *mode, uint32_t *owner)
{
    tn_fake_files *f = self;
    int error = enter(f, "access");

    return error ? error : f->under->access(f->under->self, fd, mode, owner);
}

static int
list(void *self, const char *folder, tn_file_visit *visit, void *to)
{
    tn_fake_files *f = self;
    int error = enter(f, "list");

    return error ? error : f->under->list(f->under->self, folder, visit, to);
}

static int
touch(void *self, int fd)
{
    tn_fake_files *f = self;
    int error = enter(f, "touch");

    return error ? error : f->under->touch(f->under->self, fd);
}

void
tn_fake_files_init(tn_fake_files *files, const tn_files *under, int fail_at)
{
    *files = (tn_fake_files){
        .table =
            {
                .self = files,
                .open_read = open_read,
                .create = create,
                .open_device = open_device,
                .size = size,
                .read = read_some,
                .write = write_some,
                .sync = sync_file,
                .close = close_file,
                .rename = rename_file,
                .remove = remove_file,
                .make_folder = make_folder,
                .sync_folder = sync_folder,
                .map = map,
                .unmap = unmap,
                .real_path = real_path,
                .access = access_bits,
                .list = list,
                .touch = touch,
            },
        .under = under,
        .fail_at = fail_at,
    };
}
