/* SPDX-License-Identifier: Apache-2.0 */
#include <llvm-c/Core.h>
#include <stdio.h>

#include "backends/cpu_gen/gen_compile.h"
#include "backends/sdk/plugin_base.h"

typedef struct generator {
    tn_plugin_base base;
    char version[64];
} generator;

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
    const tn_plugin_base *base = self;
    taker t = {take, to};
    tn_diag diag;
    tn_status status;

    tn_diag_init(&diag, &base->alloc);
    status = tn_gen_compile(&base->alloc, &diag, target, (tn_span){kernel.at, kernel.bytes},
        TN_GEN_OBJECT, pass_on, &t);
    return tn_plugin_told(base, status, &diag);
}

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "cpu_gen",
    .family = "cpu",
    .compile = compile,
};

TN_PLUGIN_QUERY(cpu_gen)(uint32_t abi, const tn_host *host)
{
    tn_plugin_base *base = tn_plugin_base_new(abi, host, &entries, sizeof(generator));
    generator *g = (generator *)(void *)base;
    unsigned major, minor, patch;

    if (!base)
        return NULL;
    tn_gen_start();
    /* The version of LLVM decides about the bytes of the code. */
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(g->version, sizeof g->version, TN_VERSION " LLVM %u.%u.%u", major, minor, patch);
    base->head.version = base->backend.version = g->version;
    return &base->head;
}
