/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sdk/plugin_base.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE = 1024 };

tn_plugin_base *
tn_plugin_base_new(uint32_t abi, const tn_host *host, const tn_backend *entries, size_t bytes)
{
    const tn_alloc alloc = {host->self, host->resize};
    tn_plugin_base *base = abi == TN_ABI ? tn_alloc_zero(&alloc, bytes) : NULL;

    if (!base)
        return NULL;
    base->host = host;
    base->alloc = alloc;
    base->bytes = bytes;
    base->backend = *entries;
    base->backend.self = base;
    if (!base->backend.shutdown)
        base->backend.shutdown = tn_plugin_base_free;
    base->list[0] = &base->backend;
    base->head = (tn_plugin){
        .size = sizeof base->head,
        .abi = TN_ABI,
        .name = entries->name,
        .version = entries->version,
        .backends = base->list,
    };
    return base;
}

void
tn_plugin_base_free(void *self)
{
    tn_plugin_base *base = self;
    const tn_alloc alloc = base->alloc;

    tn_alloc_free(&alloc, base, base->bytes);
}

int
tn_plugin_fail(const tn_plugin_base *base, tn_status status, const char *format, ...)
{
    char text[MESSAGE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (base->host->explain)
        base->host->explain(base->host->self, text);
    return (int)status;
}

int
tn_plugin_told(const tn_plugin_base *base, tn_status status, tn_diag *diag)
{
    const char *why = tn_diag_text(diag, 0);

    if (status != TN_OK)
        tn_plugin_fail(base, status, "%s", why ? why : tn_status_sentence(status));
    tn_diag_clear(diag);
    return (int)status;
}

/* ---- code generation ---- */

typedef struct job {
    tn_arena *arena;
    tn_diag *diag;
    tn_plugin_generate_fn generate;
    const char *target;
    tn_span bytes;
    tn_blob code;
} job;

static tn_status
run_job(void *arg)
{
    job *j = arg;
    tn_kernel *kernel;

    TN_TRY(tn_kernel_decode(j->arena, j->diag, j->bytes, &kernel));
    return j->generate(j->arena, j->diag, kernel, j->target, &j->code);
}

int
tn_plugin_compile(const tn_plugin_base *base, tn_plugin_generate_fn generate, const char *target,
    tn_blob kernel, void (*take)(void *to, tn_blob code), void *to)
{
    tn_diag diag;
    job j = {
        .diag = &diag, .generate = generate, .target = target, .bytes = {kernel.at, kernel.bytes}};
    tn_status status = TN_NO_MEMORY;

    tn_diag_init(&diag, &base->alloc);
    j.arena = tn_arena_create(&base->alloc, 0);
    if (j.arena)
        status = tn_arena_guard(j.arena, run_job, &j);
    if (status == TN_OK)
        take(to, j.code);
    tn_arena_destroy(j.arena);
    return tn_plugin_told(base, status, &diag);
}
