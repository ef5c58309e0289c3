/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_FILES_H
#define TN_IR_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/base/bytes.h"
#include "ir/base/diag.h"

typedef void tn_file_visit(void *to, const char *name, uint64_t bytes, int64_t changed);

/* The file seam. Each call returns 0 or a positive errno value. Tests
 * replace the table to make any call fail or to simulate a crash. */
typedef struct tn_files {
    void *self;
    int (*open_read)(void *self, const char *path, int *fd);
    /* Creates `path` exclusively for writing, mode 0666 less the umask. */
    int (*create)(void *self, const char *path, int *fd);
    /* Opens what exists at `path` for writing if it can only be written in
     * place: a device, a pipe. *fd is -1 for all else, also if nothing is there. */
    int (*open_device)(void *self, const char *path, int *fd);
    int (*size)(void *self, int fd, uint64_t *bytes);
    /* Reads up to `bytes` at the file's position; *got 0 at the end. */
    int (*read)(void *self, int fd, void *to, size_t bytes, size_t *got);
    int (*write)(void *self, int fd, const void *from, size_t bytes, size_t *put);
    int (*sync)(void *self, int fd);
    int (*close)(void *self, int fd);
    int (*rename)(void *self, const char *from, const char *to);
    int (*remove)(void *self, const char *path);
    int (*make_folder)(void *self, const char *path); /* EEXIST is an error */
    int (*sync_folder)(void *self, const char *path);
    /* Maps a whole file read-only; an empty file gives NULL, 0. */
    int (*map)(void *self, int fd, uint64_t bytes, const void **at);
    int (*unmap)(void *self, const void *at, uint64_t bytes);
    /* Absolute path without links; `out` has `room` bytes (ERANGE). */
    int (*real_path)(void *self, const char *path, char *out, size_t room);
    /* Permission bits and owner, to refuse files that others can write. */
    int (*access)(void *self, int fd, uint32_t *mode, uint32_t *owner);
    /* Calls `visit` with each plain file of a folder, in any order; `changed`
     * is in nanoseconds since 1970. The name lives until `visit` returns. */
    int (*list)(void *self, const char *folder, tn_file_visit *visit, void *to);
    /* Says that the file was changed now. */
    int (*touch)(void *self, int fd);
} tn_files;

const tn_files *tn_files_system(void);

/* What every stage of tenon is handed: the replaceable seams and the sink. */
typedef struct tn_env {
    const tn_alloc *alloc;
    const tn_files *files;
    tn_diag *diag;
} tn_env;

/* The whole file, in memory of env->alloc; free with tn_file_free. Refuses
 * more than `limit_bytes` (TN_LIMIT). "-" is standard input. */
tn_status tn_file_read(const tn_env *env, const char *path, uint64_t limit_bytes, tn_span *out)
    TN_MUST_USE;
void tn_file_free(const tn_env *env, tn_span *bytes);

/* The same into an arena, followed by a zero byte that is not counted. */
tn_status tn_file_read_arena(const tn_env *env, tn_arena *arena, const char *path,
    uint64_t limit_bytes, tn_span *out) TN_MUST_USE;

/* Appears whole or not at all: temporary name beside `path`, sync, rename,
 * sync of the folder. On failure nothing is left behind. A link is followed,
 * not replaced. "-" is standard output; that and devices are written in
 * place. A full disk is named as such. */
tn_status tn_file_write(const tn_env *env, const char *path, tn_span bytes) TN_MUST_USE;

/* A file mapped read-only. */
tn_status tn_file_map(const tn_env *env, const char *path, tn_span *out) TN_MUST_USE;
void tn_file_unmap(const tn_env *env, tn_span *mapped);

/* `folder`/`name` resolved, refused (TN_MALFORMED) unless it stays beneath
 * `folder`, links included. In the arena. */
tn_status tn_path_beneath(const tn_env *env, tn_arena *arena, const char *folder, const char *name,
    const char **out) TN_MUST_USE;
/* The folder of a path: "a/b.json" gives "a", "b.json" gives ".". */
const char *tn_path_folder(tn_arena *arena, const char *path);

#endif
