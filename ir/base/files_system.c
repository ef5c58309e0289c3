/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* More in one call is cut short by the system. */
enum { MOST_BYTES = 1 << 30 };

static int
open_flags(const char *path, int flags, int *fd)
{
    do
        *fd = open(path, flags | O_CLOEXEC, 0666);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

static int
open_read(void *self, const char *path, int *fd)
{
    (void)self;
    return open_flags(path, O_RDONLY, fd);
}

static int
create(void *self, const char *path, int *fd)
{
    (void)self;
    return open_flags(path, O_WRONLY | O_CREAT | O_EXCL, fd);
}

static int
open_device(void *self, const char *path, int *fd)
{
    struct stat about;

    (void)self;
    *fd = -1;
    if (stat(path, &about) != 0)
        return errno == ENOENT ? 0 : errno;
    if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))
        return 0;
    return open_flags(path, O_WRONLY | O_NOCTTY, fd);
}

static int
size(void *self, int fd, uint64_t *bytes)
{
    struct stat about;

    (void)self;
    if (fstat(fd, &about) != 0)
        return errno;
    *bytes = about.st_size > 0 ? (uint64_t)about.st_size : 0;
    return 0;
}

static int
read_some(void *self, int fd, void *to, size_t bytes, size_t *got)
{
    ssize_t count;

    (void)self;
    do
        count = read(fd, to, bytes < MOST_BYTES ? bytes : MOST_BYTES);
    while (count < 0 && errno == EINTR);
    *got = count < 0 ? 0 : (size_t)count;
    return count < 0 ? errno : 0;
}

static int
write_some(void *self, int fd, const void *from, size_t bytes, size_t *put)
{
    ssize_t count;

    (void)self;
    do
        count = write(fd, from, bytes < MOST_BYTES ? bytes : MOST_BYTES);
    while (count < 0 && errno == EINTR);
    *put = count < 0 ? 0 : (size_t)count;
    return count < 0 ? errno : 0;
}

/* What cannot be synced (a pipe, some file systems' folders) says EINVAL. */
static int
sync_file(void *self, int fd)
{
    int result;

    (void)self;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result != 0 && errno != EINVAL ? errno : 0;
}

/* Not repeated after EINTR: the descriptor is gone already. */
static int
close_file(void *self, int fd)
{
    (void)self;
    return close(fd) != 0 && errno != EINTR ? errno : 0;
}

static int
rename_file(void *self, const char *from, const char *to)
{
    (void)self;
    return rename(from, to) != 0 ? errno : 0;
}

static int
remove_file(void *self, const char *path)
{
    (void)self;
    return unlink(path) != 0 ? errno : 0;
}

static int
make_folder(void *self, const char *path)
{
    (void)self;
    return mkdir(path, 0777) != 0 ? errno : 0;
}

static int
sync_folder(void *self, const char *path)
{
    int fd;
    int error = open_flags(path, O_RDONLY | O_DIRECTORY, &fd);

    if (error)
        return error;
    error = sync_file(self, fd);
    close(fd);
    return error;
}

static int
map(void *self, int fd, uint64_t bytes, const void **at)
{
    void *mapped;

    (void)self;
    *at = NULL;
    if (bytes == 0)
        return 0;
    if (bytes > SIZE_MAX)
        return EFBIG;
    mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        return errno;
    *at = mapped;
    return 0;
}

static int
unmap(void *self, const void *at, uint64_t bytes)
{
    (void)self;
    if (bytes == 0)
        return 0;
    return munmap((void *)(uintptr_t)at, (size_t)bytes) != 0 ? errno : 0;
}

static int
real_path(void *self, const char *path, char *out, size_t room)
{
    char resolved[PATH_MAX];
    size_t length;

    (void)self;
    if (!realpath(path, resolved))
        return errno;
    length = strlen(resolved);
    if (length >= room)
        return ERANGE;
    memcpy(out, resolved, length + 1);
    return 0;
}

static int
access_bits(void *self, int fd, uint32_t *mode, uint32_t *owner)
{
    struct stat about;

    (void)self;
    if (fstat(fd, &about) != 0)
        return errno;
    *mode = (uint32_t)about.st_mode & 07777u;
    *owner = (uint32_t)about.st_uid;
    return 0;
}

/* A file that goes away meanwhile is passed over. */
static int
list(void *self, const char *folder, tn_file_visit *visit, void *to)
{
    DIR *dir = opendir(folder);
    int at = dir ? dirfd(dir) : -1;
    const struct dirent *entry;
    struct stat about;

    (void)self;
    if (!dir)
        return errno;
    while (at >= 0 && (entry = readdir(dir)))
        if (fstatat(at, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode))
            visit(to, entry->d_name, (uint64_t)about.st_size,
                (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec);
    closedir(dir);
    return 0;
}

static int
touch(void *self, int fd)
{
    (void)self;
    return futimens(fd, NULL) != 0 ? errno : 0;
}

const tn_files *
tn_files_system(void)
{
    static const tn_files table = {
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
    };

    return &table;
}
