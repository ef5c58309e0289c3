/* SPDX-License-Identifier: Apache-2.0 */
#include <llvm-c/Core.h>
#include <stdio.h>

#include "backends/backend.h"
#include "backends/cpu_gen/gen_compile.h"

/* All that one query hands out, in one block. */
typedef struct plugin {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    const tn_host *host;
    tn_alloc alloc;
    char version[64];
} plugin;

typedef struct taker {
    void (*take)(void *to, tn_blob code);
    void *to;
} taker;

static void
pass_on(void *to, tn_span code)
{
    const taker *t = to;

    t->take(t->to, (tn_blob){code.at, code.bytes});
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    const plugin *p = self;
    taker t = {take, to};
    tn_diag diag;
    tn_status status;

    tn_diag_init(&diag, &p->alloc);
    status = tn_gen_compile(&p->alloc, &diag, target, (tn_span){kernel.at, kernel.bytes},
        TN_GEN_OBJECT, pass_on, &t);
    if (status != TN_OK && p->host->explain) {
        const char *why = tn_diag_text(&diag, 0);

        p->host->explain(p->host->self, why ? why : "generating machine code");
    }
    tn_diag_clear(&diag);
    return (int)status;
}

static void
shut_down(void *self)
{
    plugin *p = self;
    tn_alloc alloc = p->alloc;

    tn_alloc_free(&alloc, p, sizeof *p);
}

/* The version of LLVM decides about the bytes of the code. */
static void
set_version(plugin *p)
{
    unsigned major, minor, patch;

    LLVMGetVersion(&major, &minor, &patch);
    snprintf(p->version, sizeof p->version, TN_VERSION " LLVM %u.%u.%u", major, minor, patch);
}

TN_PLUGIN_QUERY(cpu_gen)(uint32_t abi, const tn_host *host)
{
    tn_alloc alloc = {host->self, host->resize};
    plugin *p = abi == TN_ABI ? tn_alloc_zero(&alloc, sizeof *p) : NULL;

    if (!p)
        return NULL;
    tn_gen_start();
    p->host = host;
    p->alloc = alloc;
    set_version(p);
    p->backend = (tn_backend){.size = sizeof p->backend,
        .abi = TN_ABI,
        .name = "cpu_gen",
        .family = "cpu",
        .version = p->version,
        .compile = compile,
        .shutdown = shut_down,
        .self = p};
    p->list[0] = &p->backend;
    p->head = (tn_plugin){.size = sizeof p->head,
        .abi = TN_ABI,
        .name = "cpu_gen",
        .version = p->version,
        .backends = p->list};
    return &p->head;
}
