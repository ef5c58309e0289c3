/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/codegen.h"

#include <string.h>

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

tn_status
tn_generate(const tn_env *env, tn_registry *registry, const char *family, const char *target,
    tn_span lane, tn_span *out)
{
    const tn_backend *generator;
    taker t = {.env = env};
    tn_status status;

    *out = (tn_span){0};
    TN_TRY(tn_registry_generator(registry, family, &generator));
    status = tn_registry_result(registry, env->diag,
        generator->compile(generator->self, target, (tn_blob){lane.at, lane.bytes}, take, &t),
        generator->name);
    if (status == TN_OK && t.failed)
        status = tn_fail_memory(env->diag, 0, "generated code");
    if (status != TN_OK) {
        tn_generate_free(env, &t.code);
        return status;
    }
    *out = t.code;
    return TN_OK;
}
