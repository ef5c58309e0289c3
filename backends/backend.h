/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_BACKEND_H
#define TN_BACKENDS_BACKEND_H

#include <stddef.h>
#include <stdint.h>

/* The plugin line of tenon. Plain bytes cross it: kernels go in as bytes, code
 * comes back as bytes, devices, buffers and programs are opaque handles.
 *
 * Rules of change: fields are only ever appended to a struct; `size` tells
 * the reader how many the writer knew; an absent field reads as NULL or 0;
 * anything else bumps TN_ABI.
 *
 * Every function that returns int returns 0 or a status code of tenon
 * (ir/base/status.def: 6 out of memory, 10 device, ..) after it has told
 * host->explain why. Nothing aborts, exits, or throws across this line. */
#define TN_ABI 1u

/* Borrowed bytes. */
typedef struct tn_blob {
    const void *at;
    size_t bytes;
} tn_blob;

/* What tenon lends to a plugin; outlives it. Callable from any thread. */
typedef struct tn_host {
    size_t size;
    void *self;
    /* `old` NULL allocates, `bytes` 0 frees; NULL: out of memory. */
    void *(*resize)(void *self, void *old, size_t old_bytes, size_t bytes);
    void (*log)(void *self, int level, const char *text); /* 0 error .. 3 debug */
    /* Explains the failing status that the calling thread is about to
     * return. */
    void (*explain)(void *self, const char *text);
    /* Folder for caches of compiled pipelines, or NULL for none. */
    const char *cache_folder;
    /* Replacement for driver entry points, for tests: the address to use
     * instead of the one found under `name`, or `found` itself. May be NULL. */
    void *(*driver_entry)(void *self, const char *name, void *found);
    /* What was compiled for a device, on disk under all bytes that decide it
     * (device, driver version, code); both NULL if there is no cache. Found:
     * calls `take` and returns 1; else 0. Keeping never fails: what cannot be
     * written is not kept. */
    int (*cache_find)(void *self, tn_blob key, void (*take)(void *to, tn_blob kept), void *to);
    void (*cache_keep)(void *self, tn_blob key, tn_blob kept);
} tn_host;

typedef struct tn_device tn_device;
typedef struct tn_buffer tn_buffer;
typedef struct tn_program tn_program;

typedef struct tn_binding {
    tn_buffer *buffer;
    uint64_t offset, bytes; /* offset: a multiple of 256 */
} tn_binding;

/* One kernel launch. Arrays are borrowed until submit returns. */
typedef struct tn_dispatch {
    size_t size;
    tn_program *program;
    const tn_binding *bindings; /* globals of the kernel, in order */
    uint32_t binding_count;
    const int32_t *sizes; /* size parameters of the kernel, in order */
    uint32_t size_count;
    uint64_t tasks;         /* extent of the grid; 0: nothing to do */
    uint64_t scratch_bytes; /* CPU: local memory of one task */
    /* 16 bytes for each check site: u32 failed, i32 position, i32 value, u32 0;
     * may be empty. */
    tn_binding status;
    uint32_t wait;          /* 1: all earlier dispatches must have finished */
    uint64_t *took_ns;      /* not NULL: filled by `wait` with device time */
} tn_dispatch;

/* How long freeing and closing wait for a device that does not end. */
#define TN_CLOSE_NS ((uint64_t)2000000000)

typedef struct tn_backend {
    size_t size;
    uint32_t abi;
    const char *name;    /* "cpu", "cpu_gen", "vulkan", .. */
    const char *family;  /* which devices run its code: "cpu", "vulkan", .. */
    const char *version; /* enters cache keys: changes when code changes */

    /* Devices (absent in a pure generator). */
    int (*devices)(void *self, uint32_t *count);
    /* Target text (ir/target.h) and a name for people; both NUL-terminated,
     * borrowed until shutdown. `identity` names device and driver version. */
    int (*describe)(void *self, uint32_t device, const char **target, const char **title,
        const char **identity);

    /* Code generation (absent in a pure device backend); needs no device.
     * Lane-level bytes in, code bytes to `take`. Callable from several
     * threads at once. */
    int (*compile)(void *self, const char *target, tn_blob kernel,
        void (*take)(void *to, tn_blob code), void *to);

    int (*open)(void *self, uint32_t device, tn_device **out);
    /* After buffers and programs were given back. Giving back and closing wait
     * for what the device is doing, once and at most TN_CLOSE_NS: if it has not
     * ended by then (a kernel that never ends) they return all the same, and
     * what the driver may still use is left to the end of the process. */
    void (*close)(tn_device *device);
    int (*buffer_new)(tn_device *device, uint64_t bytes, tn_buffer **out);
    /* Wraps caller's memory, which must stay valid and unchanged in size;
     * absent, or 4 (unsupported) where the device cannot. */
    int (*buffer_wrap)(tn_device *device, void *at, uint64_t bytes, tn_buffer **out);
    void (*buffer_free)(tn_buffer *buffer);
    /* Host address of the buffer, or NULL if it has none. */
    void *(*buffer_map)(tn_buffer *buffer);
    int (*write)(tn_buffer *buffer, uint64_t at, const void *from, uint64_t bytes);
    /* Waits for what was submitted. */
    int (*read)(tn_buffer *buffer, uint64_t at, void *to, uint64_t bytes);
    int (*copy)(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes);
    int (*fill_zero)(tn_buffer *buffer, uint64_t at, uint64_t bytes);

    /* `code` is what `compile` of the same family gave. */
    int (*load)(tn_device *device, tn_blob code, tn_program **out);
    void (*unload)(tn_program *program);
    /* In order; does not wait for the end. */
    int (*submit)(tn_device *device, const tn_dispatch *list, uint32_t count);
    /* Until everything has finished, at most `timeout_ns` (0: no limit; 11
     * when it is over). */
    int (*wait)(tn_device *device, uint64_t timeout_ns);
    /* Worker threads of this device; 0: the default. */
    int (*threads)(tn_device *device, uint32_t count);

    void (*shutdown)(void *self);
    void *self;
} tn_backend;

typedef struct tn_plugin {
    size_t size;
    uint32_t abi;
    const char *name, *version;
    const tn_backend *const *backends; /* NULL-terminated */
} tn_plugin;

/* The one exported symbol of a plugin. NULL: this ABI is not spoken. The
 * result lives until the plugin's backends are shut down. Not thread-safe. */
typedef const tn_plugin *(*tn_plugin_query_fn)(uint32_t abi, const tn_host *host);
#define TN_PLUGIN_SYMBOL "tn_plugin_query"

/* Defines the query function of a plugin:
 *
 *     TN_PLUGIN_QUERY(null)(uint32_t abi, const tn_host *host) { .. }
 *
 * A module of its own (TN_PLUGIN_MODULE defined) exports the one symbol; built
 * into the library the function is called tn_plugin_query_null, and
 * backends.def lists it. */
#if defined(__GNUC__)
#define TN_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define TN_PLUGIN_EXPORT
#endif
#ifdef TN_PLUGIN_MODULE
#define TN_PLUGIN_QUERY(name)                                                     \
    TN_PLUGIN_EXPORT const tn_plugin *tn_plugin_query(uint32_t, const tn_host *); \
    const tn_plugin *tn_plugin_query
#else
#define TN_PLUGIN_QUERY(name)                                           \
    const tn_plugin *tn_plugin_query_##name(uint32_t, const tn_host *); \
    const tn_plugin *tn_plugin_query_##name
#endif

#endif
