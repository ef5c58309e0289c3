/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_threads.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/fake_cpu_os.h"
#include "tests/support/test.h"

enum { TASKS = 1000 };

typedef struct count {
    uint32_t done[TASKS];     /* plain: each task belongs to one worker */
    uint32_t busy[8];         /* a worker number is one thread at a time */
    _Atomic uint32_t pieces;
    uint32_t workers, wait;
} count;

static void
run_tasks(void *arg, uint32_t worker, uint64_t first, uint64_t last)
{
    count *c = arg;
    volatile uint32_t spins = 0;

    if (worker >= c->workers)
        c = NULL; /* crashes */
    c->busy[worker]++;
    for (uint64_t t = first; t < last; t++) {
        c->done[t]++;
        for (uint32_t i = 0; i < c->wait; i++)
            spins = spins + 1;
    }
    atomic_fetch_add(&c->pieces, 1);
}

static bool
all_done(const count *c, uint64_t tasks, uint32_t times)
{
    for (uint64_t t = 0; t < TASKS; t++) {
        if (c->done[t] != (t < tasks ? times : 0))
            return false;
    }
    return true;
}

static void
check_pool(uint32_t threads)
{
    static count c;
    tn_cpu_pool *p = tn_cpu_pool_create(tn_cpu_os_system(), tn_alloc_system(), threads);
    static const uint64_t tasks[] = {0, 1, 2, 3, 7, 64, 999, TASKS};
    static const uint64_t chunks[] = {1, 2, 5, 64, 1000, 5000};

    TN_NEED(p != NULL);
    TN_CHECK_EQ(tn_cpu_pool_threads(p), threads);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
            tn_cpu_region r = {run_tasks, &c, 0, tasks[i], chunks[k], 0};

            memset(&c, 0, sizeof c);
            c.workers = threads;
            TN_CHECK_EQ(tn_cpu_pool_run(p, &r), tasks[i]);
            TN_CHECK(all_done(&c, tasks[i], 1));
            TN_CHECK_EQ(c.pieces, (tasks[i] + chunks[k] - 1) / chunks[k]);
        }
    }
    tn_cpu_pool_destroy(p);
}

TN_TEST(does_each_task_once)
{
    check_pool(1);
    check_pool(2);
    check_pool(7);
}

/* Short regions in a row, now and then with gaps in which workers fall
 * asleep: each wake-up must be heard. */
TN_TEST(never_sleeps_through_a_region)
{
    static count c;
    tn_cpu_pool *p = tn_cpu_pool_create(tn_cpu_os_system(), tn_alloc_system(), 3);
    const struct timespec gap = {0, 1000000};
    uint32_t rounds = 3000;

    TN_NEED(p != NULL);
    memset(&c, 0, sizeof c);
    c.workers = 3;
    c.wait = 20;
    for (uint32_t i = 0; i < rounds; i++) {
        tn_cpu_region r = {run_tasks, &c, 0, 40, 3, 0};

        if (i % 50 == 0) {
            nanosleep(&gap, NULL);
            tn_cpu_pool_wake(p);
        }
        tn_cpu_pool_run(p, &r);
    }
    TN_CHECK(all_done(&c, 40, rounds));
    tn_cpu_pool_destroy(p);
}

TN_TEST(ends_while_workers_sleep_or_spin)
{
    const struct timespec gap = {0, 2000000};

    for (int i = 0; i < 40; i++) {
        tn_cpu_pool *p = tn_cpu_pool_create(tn_cpu_os_system(), tn_alloc_system(), 4);

        TN_NEED(p != NULL);
        if (i % 4 == 0)
            nanosleep(&gap, NULL);
        tn_cpu_pool_destroy(p);
    }
    tn_cpu_pool_destroy(NULL);
}

TN_TEST(stops_at_the_deadline_and_goes_on)
{
    static count c;
    const tn_cpu_os *os = tn_cpu_os_system();
    tn_cpu_pool *p = tn_cpu_pool_create(os, tn_alloc_system(), 2);
    tn_cpu_region r = {run_tasks, &c, 0, TASKS, 1, 1};
    uint64_t next;

    TN_NEED(p != NULL);
    memset(&c, 0, sizeof c);
    c.workers = 2;
    next = tn_cpu_pool_run(p, &r); /* long past */
    TN_CHECK(next >= 1 && next <= 2);
    TN_CHECK(all_done(&c, next, 1));
    r.first = next;
    r.deadline = os->now(os->self) + 60000000000u;
    TN_CHECK_EQ(tn_cpu_pool_run(p, &r), TASKS);
    TN_CHECK(all_done(&c, TASKS, 1));
    tn_cpu_pool_destroy(p);
}

TN_TEST(works_with_what_the_system_gives)
{
    static count c;
    tn_fake_cpu_os os;
    tn_fake_alloc mem;
    tn_cpu_pool *p;
    tn_cpu_region r = {run_tasks, &c, 0, TASKS, 10, 0};

    tn_fake_cpu_os_init(&os);
    os.fail_start = true;
    tn_fake_alloc_init(&mem, 0);
    p = tn_cpu_pool_create(&os.table, &mem.table, 4);
    TN_NEED(p != NULL);
    TN_CHECK_EQ(tn_cpu_pool_threads(p), 1);
    memset(&c, 0, sizeof c);
    c.workers = 1;
    tn_cpu_pool_run(p, &r);
    TN_CHECK(all_done(&c, TASKS, 1));
    tn_cpu_pool_destroy(p);
    TN_CHECK_EQ(mem.live, 0);
    tn_fake_alloc_init(&mem, 1);
    TN_CHECK(tn_cpu_pool_create(&os.table, &mem.table, 4) == NULL);
}

TN_MAIN(TN_CASE(does_each_task_once), TN_CASE(never_sleeps_through_a_region),
    TN_CASE(ends_while_workers_sleep_or_spin), TN_CASE(stops_at_the_deadline_and_goes_on),
    TN_CASE(works_with_what_the_system_gives))
