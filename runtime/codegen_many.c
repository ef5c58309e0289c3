/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/codegen_many.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREAD_LIMIT = 8 };

typedef struct crew {
    const tn_env *env;
    tn_registry *registry;
    tn_codegen_job *jobs;
    uint32_t count;
    atomic_uint next;
    tn_status *status; /* of each job */
    tn_diag *diag;     /* of each job: a sink belongs to one thread */
} crew;

static void *
work(void *arg)
{
    crew *c = arg;
    uint32_t i;

    while ((i = atomic_fetch_add(&c->next, 1)) < c->count) {
        tn_env env = *c->env;

        env.diag = &c->diag[i];
        c->status[i] = tn_generate(&env, c->registry, c->jobs[i].family, c->jobs[i].target,
            c->jobs[i].lane, &c->jobs[i].code);
    }
    return NULL;
}

/* Generators are found, and their modules loaded, before threads start. */
static tn_status
find_generators(const crew *c)
{
    const tn_backend *generator;

    for (uint32_t i = 0; i < c->count; i++)
        TN_TRY(tn_registry_generator(c->registry, c->jobs[i].family, &generator));
    return TN_OK;
}

static void
run(crew *c)
{
    pthread_t threads[THREAD_LIMIT];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = processors < THREAD_LIMIT ? (int)processors : THREAD_LIMIT, started = 0;

    while (started + 1 < wanted && (uint32_t)started + 1 < c->count &&
        pthread_create(&threads[started], NULL, work, c) == 0)
        started++;
    work(c);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* The first failure in the order of the jobs is the one that is told. */
static tn_status
conclude(crew *c)
{
    tn_status status = TN_OK;

    for (uint32_t i = 0; i < c->count; i++) {
        if (status == TN_OK && c->status[i] != TN_OK) {
            status = c->status[i];
            tn_fail(c->env->diag, status, "%s",
                tn_diag_count(&c->diag[i]) ? tn_diag_text(&c->diag[i], 0)
                                           : tn_status_sentence(status));
        }
        tn_diag_clear(&c->diag[i]);
    }
    for (uint32_t i = 0; i < c->count && status != TN_OK; i++)
        tn_generate_free(c->env, &c->jobs[i].code);
    return status;
}

tn_status
tn_generate_many(const tn_env *env, tn_registry *registry, tn_codegen_job *jobs, uint32_t count)
{
    crew c = {.env = env, .registry = registry, .jobs = jobs, .count = count};
    size_t bytes = (count + 1) * (sizeof *c.status + sizeof *c.diag);
    tn_status status = TN_NO_MEMORY;

    c.diag = tn_alloc_zero(env->alloc, bytes);
    if (!c.diag)
        return tn_fail_memory(env->diag, bytes, "a list of kernels");
    c.status = (tn_status *)(void *)(c.diag + count + 1);
    for (uint32_t i = 0; i < count; i++)
        tn_diag_init(&c.diag[i], env->alloc);
    status = find_generators(&c);
    if (status == TN_OK) {
        run(&c);
        status = conclude(&c);
    }
    tn_alloc_free(env->alloc, c.diag, bytes);
    return status;
}
