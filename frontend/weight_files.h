/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_WEIGHT_FILES_H
#define TN_FRONTEND_WEIGHT_FILES_H

#include "ir/base/files.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"
#include "ir/type.h"

/* Weight files: safetensors, their index, npy. What a file says is checked
 * before anything is read: lengths, offsets, shapes, and that tensors neither
 * overlap nor leave holes. */

/* A tensor as its file describes it. */
typedef struct tn_file_tensor {
    const char *name;
    const char *element; /* "BF16" */
    tn_dtype dtype;      /* TN_DTYPE_COUNT: one that tenon does not read */
    int rank;
    int64_t dim[TN_MAX_RANK];
    int64_t elements;
    uint64_t offset, bytes; /* in the file */
    uint32_t file;          /* number in the store */
    bool used;
} tn_file_tensor;

/* One file on the disk. */
typedef struct tn_store_file {
    const char *path; /* resolved */
    const char *name; /* as the model names it */
    uint64_t bytes;
    bool npy;
} tn_store_file;

typedef struct tn_store {
    const tn_env *env;
    tn_arena *arena;
    TN_VEC(tn_store_file) files;
} tn_store;

/* Opens what `path` (beneath `folder`) names and adds its tensors to
 * `tensors`, by name. `tensor` names the one of an npy file. */
tn_status tn_store_open(tn_store *store, const char *folder, const char *path, const char *tensor,
    tn_map *tensors) TN_MUST_USE;

/* A tensor that is wanted as elements of `dtype`, row-major: exactly or
 * rounded once. `to` has room for the wider of both element types. */
typedef struct tn_store_want {
    const tn_file_tensor *tensor;
    void *to;
    tn_dtype dtype;
} tn_store_want;

/* Reads `count` tensors, all of file number `file`. */
tn_status tn_store_read(tn_store *store, uint32_t file, const tn_store_want *wants, uint32_t count)
    TN_MUST_USE;

#endif
