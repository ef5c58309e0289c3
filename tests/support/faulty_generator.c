/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "ir/kernel/kernel.h"

/* A generator for CPUs that makes one mistake: in kernels of the family that
 * TN_FAULT names, sums of two floats become differences (all of them: what is
 * for other sizes does not run). The real generator is the module
 * TN_GENERATOR. */

typedef const tn_plugin *query(uint32_t abi, const tn_host *host);

typedef struct faulty {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    const tn_backend *real;
    const char *family;
} faulty;

typedef struct job {
    tn_arena *arena;
    const char *family;
    tn_span kernel;
    tn_span changed;
} job;

static bool
spoil(tn_kblock *b)
{
    bool any = false;

    for (uint32_t i = 0; b && i < b->ins.count; i++) {
        tn_ins *ins = b->ins.at[i];

        if (ins->op == TN_K_fn && ins->fn == TN_FN_add && tn_is_float(ins->type.dtype)) {
            ins->fn = TN_FN_sub;
            any = true;
        }
        any |= spoil(ins->body);
        any |= spoil(ins->orelse);
    }
    return any;
}

static tn_status
change(void *arg)
{
    job *j = arg;
    tn_writer out = {.arena = j->arena};
    tn_kernel *k;

    j->changed = j->kernel;
    TN_TRY(tn_kernel_decode(j->arena, NULL, j->kernel, &k));
    if (!strcmp(k->name, j->family) && spoil(k->root)) {
        tn_kernel_encode(&out, k);
        j->changed = tn_writer_span(&out);
    }
    return TN_OK;
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    const faulty *f = self;
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0),
        .family = f->family,
        .kernel = {kernel.at, kernel.bytes}};
    int code = (int)tn_arena_guard(j.arena, change, &j);

    if (code == 0)
        code = f->real->compile(f->real->self, target, (tn_blob){j.changed.at, j.changed.bytes},
            take, to);
    tn_arena_destroy(j.arena);
    return code;
}

static void
shut_down(void *self)
{
    const faulty *f = self;

    if (f->real->shutdown)
        f->real->shutdown(f->real->self);
}

TN_PLUGIN_QUERY(faulty_generator)(uint32_t abi, const tn_host *host)
{
    static faulty f;
    const char *path = getenv("TN_GENERATOR");
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    query *ask = module ? (query *)(uintptr_t)dlsym(module, "tn_plugin_query") : NULL;
    const tn_plugin *real = ask ? ask(abi, host) : NULL;

    if (!real)
        return NULL;
    f.real = real->backends[0];
    f.family = getenv("TN_FAULT") ? getenv("TN_FAULT") : "";
    f.backend = *f.real;
    f.backend.name = "faulty";
    f.backend.compile = compile;
    f.backend.shutdown = shut_down;
    f.backend.self = &f;
    f.list[0] = &f.backend;
    f.head = (tn_plugin){
        .size = sizeof f.head, .abi = TN_ABI, .name = "faulty", .version = "1", .backends = f.list};
    return &f.head;
}
