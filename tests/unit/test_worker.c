/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/worker.h"

#include <pthread.h>
#include <string.h>

#include "runtime/process.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/fake_host.h"
#include "tests/support/test.h"

/* Against a module that misbehaves on demand (tests/support/odd_generator.c). */

#define PROGRAM TN_BINARY_FOLDER "/bin/tenon-worker"
#define MODULE TN_BINARY_FOLDER "/tests/odd_generator.so"

typedef struct fixture {
    tn_fake_host host;
    tn_worker *worker;
    const tn_backend *generator;
} fixture;

static tn_status
open_worker(fixture *f, const char *program, const char *module, uint64_t timeout_ns)
{
    tn_worker_options options = {program, module, timeout_ns, 2};
    tn_status status;

    tn_fake_host_init(&f->host, tn_alloc_system());
    status = tn_worker_open(&f->host.table, NULL, &options, &f->worker);
    f->generator = f->worker ? tn_worker_backend(f->worker) : NULL;
    return status;
}

typedef struct got {
    char at[64];
    size_t bytes;
    int calls;
} got;

static void
take(void *to, tn_blob code)
{
    got *g = to;

    g->calls++;
    g->bytes = code.bytes;
    if (code.bytes && code.bytes <= sizeof g->at)
        memcpy(g->at, code.at, code.bytes);
}

static int
compile(const fixture *f, const char *target, const char *kernel, got *g)
{
    *g = (got){.calls = 0};
    return f->generator->compile(f->generator->self, target, (tn_blob){kernel, strlen(kernel)},
        take, g);
}

static bool
echoes(const fixture *f, const char *kernel)
{
    got g;

    return compile(f, "echo", kernel, &g) == 0 && g.calls == 1 && g.bytes == strlen(kernel) &&
        memcmp(g.at, kernel, g.bytes) == 0;
}

TN_TEST(passes_bytes_through)
{
    fixture f;
    got g;

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 0) == TN_OK);
    TN_CHECK_STR(f.generator->name, "odd");
    TN_CHECK_STR(f.generator->family, "strange");
    TN_CHECK_STR(f.generator->version, "7");
    TN_CHECK(echoes(&f, "one"));
    TN_CHECK(echoes(&f, ""));
    TN_CHECK(echoes(&f, "another"));
    TN_CHECK_EQ(compile(&f, "talk", "four", &g), 0);
    TN_CHECK_EQ(g.bytes, 4);
    tn_worker_close(f.worker);
}

TN_TEST(moves_much)
{
    static char large[3 << 20];
    fixture f;
    got g;

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 0) == TN_OK);
    memset(large, 'x', sizeof large - 1);
    TN_CHECK_EQ(compile(&f, "echo", large, &g), 0);
    TN_CHECK_EQ(g.bytes, sizeof large - 1);
    tn_worker_close(f.worker);
}

TN_TEST(explains_refusals)
{
    fixture f;
    got g;

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 0) == TN_OK);
    TN_CHECK_EQ(compile(&f, "refuse", "k", &g), TN_UNSUPPORTED);
    TN_CHECK_STR(f.host.why, "this is not to its taste");
    TN_CHECK_EQ(g.calls, 0);
    TN_CHECK(echoes(&f, "after"));
    tn_worker_close(f.worker);
}

TN_TEST(survives_the_end_of_the_process)
{
    fixture f;
    got g;

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 0) == TN_OK);
    for (int i = 0; i < 3; i++) {
        TN_CHECK_EQ(compile(&f, "die", "k", &g), TN_FAILED);
        TN_CHECK(strstr(f.host.why, "ended") != NULL);
        TN_CHECK_EQ(g.calls, 0);
        TN_CHECK(echoes(&f, "again"));
    }
    tn_worker_close(f.worker);
}

TN_TEST(does_not_wait_for_ever)
{
    fixture f;
    got g;
    uint64_t start = tn_process_now();

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 100000000) == TN_OK);
    TN_CHECK_EQ(compile(&f, "hang", "k", &g), TN_CANCELLED);
    TN_CHECK(strstr(f.host.why, "100 ms") != NULL);
    TN_CHECK(tn_process_now() - start < 20000000000u);
    tn_worker_close(f.worker);
}

TN_TEST(refuses_what_is_no_worker)
{
    fixture f;

    TN_CHECK_EQ(open_worker(&f, TN_BINARY_FOLDER "/no/such/program", MODULE, 0), TN_PLUGIN);
    TN_CHECK(f.worker == NULL);
    TN_CHECK_EQ(open_worker(&f, PROGRAM, TN_BINARY_FOLDER "/no/such/module", 0), TN_PLUGIN);
    TN_CHECK_EQ(open_worker(&f, "/bin/true", MODULE, 0), TN_PLUGIN);
}

typedef struct visitor {
    const fixture *f;
    int failures;
} visitor;

static void *
visit(void *arg)
{
    visitor *v = arg;

    for (int i = 0; i < 30; i++)
        v->failures += !echoes(v->f, i % 2 ? "left" : "right");
    return NULL;
}

TN_TEST(serves_several_threads)
{
    fixture f;
    visitor v[5];
    pthread_t threads[5];

    TN_NEED(open_worker(&f, PROGRAM, MODULE, 0) == TN_OK);
    for (int i = 0; i < 5; i++) {
        v[i] = (visitor){&f, 0};
        TN_NEED(pthread_create(&threads[i], NULL, visit, &v[i]) == 0);
    }
    for (int i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
        TN_CHECK_EQ(v[i].failures, 0);
    }
    tn_worker_close(f.worker);
}

TN_TEST(survives_running_out_anywhere)
{
    for (size_t n = 1;; n++) {
        tn_worker_options options = {PROGRAM, MODULE, 0, 1};
        tn_fake_alloc mem;
        fixture f;
        tn_status status;
        bool done = false;

        tn_fake_alloc_init(&mem, n);
        tn_fake_host_init(&f.host, &mem.table);
        status = tn_worker_open(&f.host.table, NULL, &options, &f.worker);
        if (status == TN_OK) {
            f.generator = tn_worker_backend(f.worker);
            done = echoes(&f, "text");
            f.generator->shutdown(f.generator->self);
        } else {
            TN_CHECK_EQ(status, TN_NO_MEMORY);
        }
        TN_CHECK(done == !mem.failed);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
        if (!mem.failed)
            break;
    }
}

TN_MAIN(TN_CASE(passes_bytes_through), TN_CASE(moves_much), TN_CASE(explains_refusals),
    TN_CASE(survives_the_end_of_the_process), TN_CASE(does_not_wait_for_ever),
    TN_CASE(refuses_what_is_no_worker), TN_CASE(serves_several_threads),
    TN_CASE(survives_running_out_anywhere))
