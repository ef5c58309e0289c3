/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_PLUGIN_H
#define TN_RUNTIME_PLUGIN_H

#include "backends/backend.h"
#include "ir/base/files.h"
#include "ir/base/hash.h"
#include "ir/base/vec.h"
#include "ir/target.h"

/* Backends that are here: those built into the library (backends.def), those
 * in the folders of TENON_PLUGIN_PATH, those named by the caller, and the code
 * generators that lie beside the library and are loaded when first needed.
 * One thread at a time; the backends themselves may be used from several. */
typedef struct tn_registry tn_registry;

/* `cache_folder` NULL: no caches on disk. When something was kept there, what
 * exceeds `cache_limit_bytes` (0: no limit) is removed, oldest use first, at
 * the latest when the registry is destroyed. `worker` is the path of tenon-worker,
 * in whose processes the code generators beside the library then work; NULL:
 * they are loaded into this one. `driver_entry` may be NULL: see tn_host. */
typedef struct tn_registry_options {
    const char *cache_folder;
    uint64_t cache_limit_bytes;
    const char *worker;
    void *(*driver_entry)(void *self, const char *name, void *found);
    void *driver_self;
    /* Where a message of level 0 (error) .. 3 (debug) goes; may be NULL. */
    void (*log)(void *self, int level, const char *text);
    void *log_self;
} tn_registry_options;

tn_status tn_registry_create(const tn_env *env, const tn_registry_options *options,
    tn_registry **out) TN_MUST_USE;
/* Shuts every backend down; NULL is fine. */
void tn_registry_destroy(tn_registry *registry);

/* Loads a shared object: TN_PLUGIN with the reason when it does not fit. */
tn_status tn_registry_load(tn_registry *registry, const char *path) TN_MUST_USE;

/* Folder for caches, or NULL: there are none. */
const char *tn_registry_cache_folder(const tn_registry *registry);
/* tn_cache_keep there, within its limit. From any thread. */
void tn_registry_keep(tn_registry *registry, const tn_hash *key, tn_blob kept);

uint32_t tn_registry_count(const tn_registry *registry);
const tn_backend *tn_registry_at(const tn_registry *registry, uint32_t index);
/* The file that one comes from, or NULL: it is built in. */
const char *tn_registry_file(const tn_registry *registry, uint32_t index);

/* "cpu", "vulkan", "vulkan:1": a backend that opens devices, and the number.
 * TN_USAGE for a name nobody has, TN_DEVICE for a number beyond the last. */
tn_status tn_registry_device(tn_registry *registry, const char *name, const tn_backend **backend,
    uint32_t *device) TN_MUST_USE;
/* The backend that generates code for a family; loads the module beside the
 * library if that is not done. NULL and TN_PLUGIN with what is missing. */
tn_status tn_registry_generator(tn_registry *registry, const char *family, const tn_backend **out)
    TN_MUST_USE;

/* Turns the int of a backend's call into a status, after what the backend
 * explained has been put into `diag` with `what` in front. */
tn_status tn_registry_result(tn_registry *registry, tn_diag *diag, int result, const char *what)
    TN_MUST_USE;

#endif
