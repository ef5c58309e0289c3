/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/codegen.h"

#include <string.h>

#include "runtime/cache.h"

/* The build defines it as the hash of the sources of all generators that come
 * with tenon: their version alone does not tell two builds apart. */
#ifndef TN_CODE_VERSION
#define TN_CODE_VERSION TN_VERSION
#endif

typedef struct taker {
    const tn_env *env;
    tn_span code;
    bool failed;
} taker;

static void
take(void *to, tn_blob code)
{
    taker *t = to;
    uint8_t *at = tn_alloc_get(t->env->alloc, code.bytes ? code.bytes : 1);

    tn_generate_free(t->env, &t->code);
    if (!at) {
        t->failed = true;
        return;
    }
    if (code.bytes)
        memcpy(at, code.at, code.bytes);
    t->code = (tn_span){at, code.bytes};
}

void
tn_generate_free(const tn_env *env, tn_span *code)
{
    union {
        const uint8_t *from;
        void *to;
    } at = {code->at};

    if (code->at)
        tn_alloc_free(env->alloc, at.to, code->bytes ? code->bytes : 1);
    *code = (tn_span){0};
}

static tn_hash
key_of(const tn_backend *generator, const char *target, tn_span lane)
{
    tn_hasher h;

    tn_hash_start(&h);
    tn_cache_part(&h, "code", 4);
    tn_cache_part(&h, TN_CODE_VERSION, strlen(TN_CODE_VERSION));
    tn_cache_part(&h, generator->name, strlen(generator->name));
    tn_cache_part(&h, generator->version, strlen(generator->version));
    tn_cache_part(&h, target, strlen(target));
    tn_cache_part(&h, lane.at, lane.bytes);
    return tn_hash_end(&h);
}

tn_status
tn_generate(const tn_env *env, tn_registry *registry, const char *family, const char *target,
    tn_span lane, tn_span *out)
{
    const tn_backend *generator;
    taker t = {.env = env};
    const char *folder = tn_registry_cache_folder(registry);
    tn_status status = TN_OK;
    bool found;
    tn_hash key;

    *out = (tn_span){0};
    TN_TRY(tn_registry_generator(registry, family, &generator));
    key = key_of(generator, target, lane);
    found = tn_cache_find(env, folder, &key, take, &t);
    if (!found)
        status = tn_registry_result(registry, env->diag,
            generator->compile(generator->self, target, (tn_blob){lane.at, lane.bytes}, take, &t),
            generator->name);
    if (status == TN_OK && t.failed)
        status = tn_fail_memory(env->diag, 0, "generated code");
    if (status != TN_OK) {
        tn_generate_free(env, &t.code);
        return status;
    }
    if (!found)
        tn_registry_keep(registry, &key, (tn_blob){t.code.at, t.code.bytes});
    *out = t.code;
    return TN_OK;
}
