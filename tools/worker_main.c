/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/backend.h"
#include "ir/base/alloc.h"
#include "ir/base/status.h"
#include "runtime/worker_wire.h"

/* tenon-worker MODULE: generates code for another process of tenon, which
 * started this one (runtime/worker_wire.h says what they tell each other). */

typedef struct worker {
    int socket;
    tn_host host;
    const tn_backend *generator;
    char why[TN_WORKER_TEXT_LIMIT];
    bool replied;
} worker;

static bool
transfer(int socket, void *at, size_t bytes, bool out)
{
    char *next = at;

    while (bytes) {
        ssize_t moved =
            out ? send(socket, next, bytes, MSG_NOSIGNAL) : recv(socket, next, bytes, 0);

        if (moved <= 0)
            return false;
        next += moved;
        bytes -= (size_t)moved;
    }
    return true;
}

static bool
reply(worker *w, tn_status status, const char *text, size_t text_bytes, tn_blob code)
{
    tn_worker_reply r = {.magic = TN_WORKER_MAGIC,
        .status = (int32_t)status,
        .text_bytes = (uint32_t)text_bytes,
        .code_bytes = code.bytes};

    w->replied = true;
    return transfer(w->socket, &r, sizeof r, true) &&
        transfer(w->socket, (void *)(uintptr_t)text, text_bytes, true) &&
        transfer(w->socket, (void *)(uintptr_t)code.at, code.bytes, true);
}

static bool
reply_failure(worker *w, tn_status status, const char *why)
{
    size_t length = strlen(why);

    return reply(w, status, why, length < TN_WORKER_TEXT_LIMIT ? length : TN_WORKER_TEXT_LIMIT,
        (tn_blob){0});
}

static void *
resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    (void)self;
    return tn_alloc_system()->resize(NULL, old, old_bytes, bytes);
}

static void
explain(void *self, const char *text)
{
    worker *w = self;

    snprintf(w->why, sizeof w->why, "%s", text);
}

static void
take(void *to, tn_blob code)
{
    reply(to, TN_OK, "", 0, code);
}

/* False at the end of the stream, or when it makes no sense any more. */
static bool
serve(worker *w)
{
    tn_worker_request q;
    const tn_alloc *alloc = tn_alloc_system();
    uint8_t *bytes;
    size_t total;
    int status = TN_NO_MEMORY;

    if (!transfer(w->socket, &q, sizeof q, false) || q.magic != TN_WORKER_MAGIC ||
        q.target_bytes == 0 || q.target_bytes > TN_WORKER_TEXT_LIMIT ||
        q.kernel_bytes > TN_WORKER_BYTES_LIMIT)
        return false;
    total = (size_t)(q.target_bytes + q.kernel_bytes);
    bytes = tn_alloc_get(alloc, total);
    if (!bytes || !transfer(w->socket, bytes, total, false) || bytes[q.target_bytes - 1] != 0) {
        tn_alloc_free(alloc, bytes, total);
        return false;
    }
    w->why[0] = 0;
    w->replied = false;
    status = w->generator->compile(w->generator->self, (const char *)bytes,
        (tn_blob){bytes + q.target_bytes, (size_t)q.kernel_bytes}, take, w);
    tn_alloc_free(alloc, bytes, total);
    if (status != TN_OK)
        return !w->replied && reply_failure(w, (tn_status)status, w->why);
    return w->replied;
}

/* The generator in the module, or NULL with the reason in `why`. */
static const tn_backend *
find_generator(worker *w, const char *module)
{
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL), *symbol;
    tn_plugin_query_fn query;
    const tn_plugin *plugin;

    if (!library) {
        explain(w, dlerror());
        return NULL;
    }
    explain(w, "the module offers no code generator");
    symbol = dlsym(library, TN_PLUGIN_SYMBOL);
    if (!symbol)
        return NULL;
    memcpy(&query, &symbol, sizeof query);
    plugin = query(TN_ABI, &w->host);
    for (const tn_backend *const *b = plugin ? plugin->backends : NULL; b && *b; b++) {
        if ((*b)->compile)
            return *b;
    }
    return NULL;
}

static bool
greet(worker *w)
{
    const tn_backend *g = w->generator;
    char text[TN_WORKER_TEXT_LIMIT];
    int length =
        snprintf(text, sizeof text, "%s%c%s%c%s%c", g->name, 0, g->family, 0, g->version, 0);

    return length > 0 && (size_t)length < sizeof text &&
        reply(w, TN_OK, text, (size_t)length, (tn_blob){0});
}

int
main(int argc, char **argv)
{
    static worker w;

    if (argc != 2) {
        fputs("usage: tenon-worker MODULE (tenon starts it)\n", stderr);
        return TN_USAGE;
    }
    /* What the module may print must not come between replies. */
    w.socket = dup(STDOUT_FILENO);
    if (w.socket < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return TN_IO;
    w.host = (tn_host){.size = sizeof w.host, .self = &w, .resize = resize, .explain = explain};
    w.generator = find_generator(&w, argv[1]);
    if (!w.generator) {
        reply_failure(&w, TN_PLUGIN, w.why);
        return TN_PLUGIN;
    }
    if (greet(&w))
        while (serve(&w))
            continue;
    if (w.generator->shutdown)
        w.generator->shutdown(w.generator->self);
    return TN_OK;
}
