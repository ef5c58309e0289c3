/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* dladdr */
#include "runtime/plugin.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cache.h"
#include "runtime/worker.h"

/* The cache exceeds its limit by a part of so much before it is trimmed. */
enum { BACKEND_LIMIT = 64, EXPLAIN_BYTES = TN_DIAG_LINE, TRIM_PART = 8 };

struct tn_registry {
    tn_env env;
    tn_registry_options options;
    tn_host host;
    const tn_backend *backends[BACKEND_LIMIT];
    void *libraries[BACKEND_LIMIT]; /* of that backend, or NULL */
    uint32_t count;
    atomic_uint_least64_t kept_bytes; /* in the cache since it was last trimmed */
};

/* What a backend explained before it returned a failing code. It belongs to
 * the calling thread, because compile may run on several at once. */
static _Thread_local char explained[EXPLAIN_BYTES];
/* Memory ran out for a plugin that this thread called. */
static _Thread_local bool starved;

static void *
host_resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    const tn_registry *r = self;
    void *at = r->env.alloc->resize(r->env.alloc->self, old, old_bytes, bytes);

    if (!at && bytes)
        starved = true;
    return at;
}

static void
host_log(void *self, int level, const char *text)
{
    const tn_registry *r = self;

    if (r->options.log)
        r->options.log(r->options.log_self, level, text);
}

static void
host_explain(void *self, const char *text)
{
    size_t length = strlen(text);

    (void)self;
    if (length >= EXPLAIN_BYTES)
        length = EXPLAIN_BYTES - 1;
    memcpy(explained, text, length);
    explained[length] = '\0';
}

static void *
host_driver_entry(void *self, const char *name, void *found)
{
    const tn_registry *r = self;

    return r->options.driver_entry(r->options.driver_self, name, found);
}

/* What plugins keep is told apart from code by the first part of the key. */
static tn_hash
plugin_key(tn_blob key)
{
    tn_hasher h;

    tn_hash_start(&h);
    tn_cache_part(&h, "plugin", 6);
    tn_cache_part(&h, key.at, key.bytes);
    return tn_hash_end(&h);
}

static int
host_cache_find(void *self, tn_blob key, void (*take)(void *to, tn_blob kept), void *to)
{
    const tn_registry *r = self;
    tn_hash hash = plugin_key(key);

    return tn_cache_find(&r->env, r->options.cache_folder, &hash, take, to);
}

static void
host_cache_keep(void *self, tn_blob key, tn_blob kept)
{
    tn_hash hash = plugin_key(key);

    tn_registry_keep(self, &hash, kept);
}

static const char *
unfit(const tn_registry *r, const tn_backend *b)
{
    if (b->abi != TN_ABI)
        return "it speaks another ABI";
    if (b->size < offsetof(tn_backend, threads))
        return "its table is too small";
    if (!b->name || !b->family || !b->version)
        return "it has no name, family or version";
    if (!b->compile && !b->open)
        return "it neither compiles nor opens devices";
    if (b->open &&
        (!b->devices || !b->describe || !b->close || !b->buffer_new || !b->buffer_free ||
            !b->write || !b->read || !b->load || !b->unload || !b->submit || !b->wait))
        return "a required function is missing";
    for (uint32_t i = 0; i < r->count; i++)
        if (!strcmp(r->backends[i]->name, b->name))
            return "a backend of that name is already here";
    if (r->count == BACKEND_LIMIT)
        return "too many backends";
    return NULL;
}

static tn_status
add_plugin(tn_registry *r, tn_plugin_query_fn query, void *library, const char *place)
{
    const tn_plugin *plugin;

    starved = false;
    plugin = query(TN_ABI, &r->host);
    if (!plugin && starved)
        return tn_fail_memory(r->env.diag, 0, place);
    if (!plugin || plugin->abi != TN_ABI)
        return tn_fail(r->env.diag, TN_PLUGIN, "%s: the plugin does not speak ABI %u", place,
            TN_ABI);
    for (const tn_backend *const *b = plugin->backends; b && *b; b++) {
        const char *why = unfit(r, *b);

        if (why)
            return tn_fail(r->env.diag, TN_PLUGIN, "%s: backend %s: %s", place,
                (*b)->name ? (*b)->name : "?", why);
        r->libraries[r->count] = library;
        r->backends[r->count++] = *b;
    }
    return TN_OK;
}

/* A plugin runs with our rights: a file that others can write is refused. */
static tn_status
check_file(const tn_registry *r, const char *path)
{
    uint32_t mode = 0, owner = 0;
    int fd = -1;
    int error = r->env.files->open_read(r->env.files->self, path, &fd);

    if (error)
        return tn_fail(r->env.diag, TN_PLUGIN, "%s: cannot be opened: %s", path, strerror(error));
    error = r->env.files->access(r->env.files->self, fd, &mode, &owner);
    r->env.files->close(r->env.files->self, fd);
    if (error || (mode & 022))
        return tn_fail(r->env.diag, TN_PLUGIN,
            "%s: others can write this file; chmod go-w it to trust it", path);
    return TN_OK;
}

tn_status
tn_registry_load(tn_registry *r, const char *path)
{
    void *library, *symbol;
    tn_plugin_query_fn query;
    tn_status status;

    TN_TRY(check_file(r, path));
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return tn_fail(r->env.diag, TN_PLUGIN, "%s: %s", path, dlerror());
    symbol = dlsym(library, TN_PLUGIN_SYMBOL);
    if (!symbol) {
        dlclose(library);
        return tn_fail(r->env.diag, TN_PLUGIN, "%s: it exports no %s", path, TN_PLUGIN_SYMBOL);
    }
    memcpy(&query, &symbol, sizeof query);
    status = add_plugin(r, query, library, path);
    if (status != TN_OK)
        dlclose(library);
    return status;
}

#define TN_BACKEND(name) extern const tn_plugin *tn_plugin_query_##name(uint32_t, const tn_host *);
#include "backends/backends.def"

static const struct {
    const char *name;
    tn_plugin_query_fn query;
} builtin[] = {
#define TN_BACKEND(name) {#name, tn_plugin_query_##name},
#include "backends/backends.def"
    {NULL, NULL},
};

static tn_status
add_builtin(tn_registry *r)
{
    for (size_t i = 0; builtin[i].query; i++)
        TN_TRY(add_plugin(r, builtin[i].query, NULL, builtin[i].name));
    return TN_OK;
}

tn_status
tn_registry_create(const tn_env *env, const tn_registry_options *options, tn_registry **out)
{
    tn_registry *r = tn_alloc_zero(env->alloc, sizeof *r);
    tn_status status;

    *out = NULL;
    if (!r)
        return tn_fail_memory(env->diag, sizeof *r, "the list of backends");
    r->env = *env;
    r->options = *options;
    r->host = (tn_host){
        .size = sizeof r->host,
        .self = r,
        .resize = host_resize,
        .log = host_log,
        .explain = host_explain,
        .cache_folder = options->cache_folder,
        .driver_entry = options->driver_entry ? host_driver_entry : NULL,
        .cache_find = options->cache_folder ? host_cache_find : NULL,
        .cache_keep = options->cache_folder ? host_cache_keep : NULL,
    };
    status = add_builtin(r);
    if (status != TN_OK) {
        tn_registry_destroy(r);
        return status;
    }
    *out = r;
    return TN_OK;
}

/* Trims if as much was kept. One thread at a time takes what was counted. */
static void
trim_cache(tn_registry *r, uint64_t least_bytes)
{
    if (r->options.cache_limit_bytes && atomic_load(&r->kept_bytes) >= least_bytes &&
        atomic_exchange(&r->kept_bytes, 0) >= least_bytes)
        tn_cache_trim(&r->env, r->options.cache_folder, r->options.cache_limit_bytes);
}

void
tn_registry_keep(tn_registry *r, const tn_hash *key, tn_blob kept)
{
    if (!r->options.cache_folder)
        return;
    tn_cache_keep(&r->env, r->options.cache_folder, key, kept);
    atomic_fetch_add(&r->kept_bytes, kept.bytes + 1);
    trim_cache(r, r->options.cache_limit_bytes / TRIM_PART + 1);
}

void
tn_registry_destroy(tn_registry *r)
{
    const tn_alloc *alloc;

    if (!r)
        return;
    /* Libraries stay open: drivers behind them keep threads and exit
     * handlers of their own. */
    for (uint32_t i = r->count; i-- > 0;)
        if (r->backends[i]->shutdown)
            r->backends[i]->shutdown(r->backends[i]->self);
    trim_cache(r, 1);
    alloc = r->env.alloc;
    tn_alloc_free(alloc, r, sizeof *r);
}

const char *
tn_registry_cache_folder(const tn_registry *r)
{
    return r->options.cache_folder;
}

uint32_t
tn_registry_count(const tn_registry *r)
{
    return r->count;
}

const tn_backend *
tn_registry_at(const tn_registry *r, uint32_t index)
{
    return r->backends[index];
}

const char *
tn_registry_file(const tn_registry *r, uint32_t index)
{
    Dl_info info;

    if (r->backends[index]->compile && !r->libraries[index] && !r->backends[index]->open)
        return r->options.worker;
    return r->libraries[index] && dladdr(r->backends[index], &info) ? info.dli_fname : NULL;
}

tn_status
tn_registry_result(tn_registry *r, tn_diag *diag, int result, const char *what)
{
    tn_status status = (tn_status)result;

    (void)r;
    if (result == 0)
        return TN_OK;
    status = tn_fail(diag, status, "%s: %s", what,
        explained[0] ? explained : tn_status_sentence(status));
    explained[0] = '\0';
    return status;
}

tn_status
tn_registry_device(tn_registry *r, const char *name, const tn_backend **backend, uint32_t *device)
{
    const char *colon = strchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    uint32_t devices = 0;
    char *end = NULL;
    unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;

    if (colon && (end == colon + 1 || *end))
        return tn_fail(r->env.diag, TN_USAGE, "--device %s: a number follows the colon", name);
    for (uint32_t i = 0; i < r->count; i++) {
        const tn_backend *b = r->backends[i];

        if (!b->open || strlen(b->name) != length || strncmp(b->name, name, length) != 0)
            continue;
        TN_TRY(tn_registry_result(r, r->env.diag, b->devices(b->self, &devices), b->name));
        if (number >= devices)
            return tn_fail(r->env.diag, TN_DEVICE, "--device %s: %s has %u devices here", name,
                b->name, devices);
        *backend = b;
        *device = (uint32_t)number;
        return TN_OK;
    }
    return tn_fail(r->env.diag, TN_USAGE, "--device %s: no backend has this name", name);
}

static const tn_backend *
find_generator(const tn_registry *r, const char *family)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->backends[i]->compile && !strcmp(r->backends[i]->family, family))
            return r->backends[i];
    return NULL;
}

/* The file that holds this code; a program found through PATH is known to the
 * loader by its bare name only. */
static bool
library_path(const tn_registry *r, char *out, size_t room)
{
    Dl_info here;

    if (!dladdr((void *)(uintptr_t)&tn_registry_create, &here) || !here.dli_fname)
        return false;
    return r->env.files->real_path(r->env.files->self,
               strchr(here.dli_fname, '/') ? here.dli_fname : "/proc/self/exe", out, room) == 0;
}

/* What no kernel needs: the longest ones take seconds. */
#define WORKER_TIMEOUT_NS (UINT64_C(300) * 1000000000)

static tn_status
load_worker(tn_registry *r, const char *path)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    tn_worker_options options = {.program = r->options.worker,
        .module = path,
        .timeout_ns = WORKER_TIMEOUT_NS,
        .processes = processors < 1 ? 1 : (uint32_t)processors};
    const char *why;
    tn_worker *worker;

    TN_TRY(check_file(r, path));
    if (options.processes > TN_WORKER_PROCESSES)
        options.processes = TN_WORKER_PROCESSES;
    TN_TRY(tn_worker_open(&r->host, r->env.diag, &options, &worker));
    why = unfit(r, tn_worker_backend(worker));
    if (why) {
        tn_worker_close(worker);
        return tn_fail(r->env.diag, TN_PLUGIN, "%s: %s", path, why);
    }
    r->libraries[r->count] = NULL;
    r->backends[r->count++] = tn_worker_backend(worker);
    return TN_OK;
}

/* Generators are modules: lib/tenon/tenon_<family>_gen.so beside the library
 * that holds this code, or in its folder. */
static tn_status
load_module(tn_registry *r, const char *family)
{
    static const char *const places[] = {"", "tenon/", "../lib/tenon/", "lib/tenon/"};
    char home[4096], path[8192];
    const char *slash;

    if (!library_path(r, home, sizeof home))
        home[0] = '\0';
    slash = strrchr(home, '/');
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int fd;
        int n = snprintf(path, sizeof path, "%.*s%stenon_%s_gen.so",
            slash ? (int)(slash + 1 - home) : 0, home, places[i], family);

        if (n < 0 || (size_t)n >= sizeof path)
            continue;
        if (r->env.files->open_read(r->env.files->self, path, &fd) != 0)
            continue;
        r->env.files->close(r->env.files->self, fd);
        return r->options.worker ? load_worker(r, path) : tn_registry_load(r, path);
    }
    return tn_fail(r->env.diag, TN_PLUGIN,
        "no code generator for %s devices is here (tenon_%s_gen.so beside the library)", family,
        family);
}

tn_status
tn_registry_generator(tn_registry *r, const char *family, const tn_backend **out)
{
    *out = find_generator(r, family);
    if (*out)
        return TN_OK;
    TN_TRY(load_module(r, family));
    *out = find_generator(r, family);
    return *out
        ? TN_OK
        : tn_fail(r->env.diag, TN_PLUGIN, "tenon_%s_gen.so is not for %s devices", family, family);
}
