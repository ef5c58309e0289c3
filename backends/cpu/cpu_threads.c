/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_threads.h"

#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "backends/cpu/cpu_float.h"

/* How long workers look for work before they sleep: longer than the gaps
 * within a run, since waking a thread costs up to 100 us. */
enum { SPIN_NS = 300000, SPINS_PER_LOOK = 64, SPINS_PER_YIELD = 2000 };

/* Words that one side writes while another reads lie this far apart; what
 * the allocator's alignment allows. */
enum { LINE = 64 };

/* The state word: generation << 16 | workers inside << 1 | open. */
enum { OPEN = 1, INSIDE = 2, INSIDE_MASK = 0xfffe, GENERATION = 16 };

typedef struct seat {
    tn_cpu_pool *pool;
    pthread_t thread;
    uint32_t number;
} seat;

struct tn_cpu_pool {
    const tn_cpu_os *os;
    const tn_alloc *alloc;
    size_t bytes;
    uint32_t threads;
    uint64_t generation;    /* of the caller alone */
    tn_cpu_region region;   /* read by workers inside only */
    alignas(LINE) _Atomic uint64_t state;
    alignas(LINE) _Atomic uint64_t next; /* the first task nobody has begun */
    _Atomic uint32_t late;               /* the deadline has passed */
    alignas(LINE) _Atomic uint32_t sleepers;
    _Atomic uint32_t calls; /* changes when sleepers must look again */
    _Atomic uint32_t stop;
    pthread_mutex_t lock; /* of `wakeup`, against sleeping through a call */
    pthread_cond_t wakeup;
    seat seats[]; /* of workers 1 and up */
};

static void
relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Runs pieces until none is left or the deadline has passed. */
static void
take_pieces(tn_cpu_pool *p, uint32_t worker)
{
    const tn_cpu_region *r = &p->region;

    while (!atomic_load_explicit(&p->late, memory_order_relaxed)) {
        uint64_t first = atomic_fetch_add_explicit(&p->next, r->chunk, memory_order_relaxed);

        if (first >= r->count)
            return;
        r->body(r->arg, worker, first, r->count - first < r->chunk ? r->count : first + r->chunk);
        if (r->deadline && p->os->now(p->os->self) >= r->deadline)
            atomic_store_explicit(&p->late, 1, memory_order_relaxed);
    }
}

static bool
is_fresh(uint64_t state, uint64_t done)
{
    return (state & OPEN) && state >> GENERATION != done;
}

/* Nothing is missed: the caller changes `state` (or `calls`, `stop`) and then
 * reads `sleepers`; a worker counts itself and then reads those. One of the
 * two sees the other, since all of this is sequentially consistent. */
static void
sleep_until_called(tn_cpu_pool *p, uint64_t done)
{
    uint32_t calls;

    pthread_mutex_lock(&p->lock);
    calls = atomic_load(&p->calls);
    atomic_fetch_add(&p->sleepers, 1);
    while (!is_fresh(atomic_load(&p->state), done) && !atomic_load(&p->stop) &&
        atomic_load(&p->calls) == calls)
        pthread_cond_wait(&p->wakeup, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

/* The state of an open region that this worker has not been in, or 0 when
 * the pool is to end. */
static uint64_t
find_region(tn_cpu_pool *p, uint64_t done)
{
    for (;;) {
        uint64_t until = p->os->now(p->os->self) + SPIN_NS;

        do {
            for (int i = 0; i < SPINS_PER_LOOK; i++) {
                uint64_t state = atomic_load_explicit(&p->state, memory_order_acquire);

                if (is_fresh(state, done))
                    return state;
                relax();
            }
            if (atomic_load_explicit(&p->stop, memory_order_relaxed))
                return 0;
        } while (p->os->now(p->os->self) < until);
        sleep_until_called(p, done);
    }
}

static void *
work(void *arg)
{
    seat *s = arg;
    tn_cpu_pool *p = s->pool;
    uint64_t done = 0, state;

    tn_cpu_float_standard();
    while ((state = find_region(p, done)) != 0) {
        /* Lost to another worker or to the close: look again. */
        if (!atomic_compare_exchange_strong(&p->state, &state, state + INSIDE))
            continue;
        done = state >> GENERATION;
        take_pieces(p, s->number);
        atomic_fetch_sub_explicit(&p->state, INSIDE, memory_order_release);
    }
    return NULL;
}

static void
call(tn_cpu_pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->calls, 1);
    pthread_cond_broadcast(&p->wakeup);
    pthread_mutex_unlock(&p->lock);
}

void
tn_cpu_pool_wake(tn_cpu_pool *pool)
{
    if (atomic_load(&pool->sleepers))
        call(pool);
}

tn_cpu_pool *
tn_cpu_pool_create(const tn_cpu_os *os, const tn_alloc *alloc, uint32_t threads)
{
    size_t bytes = sizeof(tn_cpu_pool) + (size_t)threads * sizeof(seat);
    tn_cpu_pool *p = tn_alloc_zero(alloc, bytes);

    if (!p)
        return NULL;
    p->os = os;
    p->alloc = alloc;
    p->bytes = bytes;
    p->threads = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wakeup, NULL);
    while (p->threads < threads) {
        seat *s = &p->seats[p->threads - 1];

        *s = (seat){.pool = p, .number = p->threads};
        if (!os->start(os->self, &s->thread, work, s))
            break;
        p->threads++;
    }
    return p;
}

void
tn_cpu_pool_destroy(tn_cpu_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, 1);
    call(pool);
    for (uint32_t i = 1; i < pool->threads; i++)
        pool->os->join(pool->os->self, pool->seats[i - 1].thread);
    pthread_cond_destroy(&pool->wakeup);
    pthread_mutex_destroy(&pool->lock);
    tn_alloc_free(pool->alloc, pool, pool->bytes);
}

uint32_t
tn_cpu_pool_threads(const tn_cpu_pool *pool)
{
    return pool->threads;
}

/* After it nobody can come in; those inside are on their last pieces. */
static void
close_region(tn_cpu_pool *p)
{
    int spins = 0;

    atomic_fetch_and(&p->state, ~(uint64_t)OPEN);
    while (atomic_load_explicit(&p->state, memory_order_acquire) & INSIDE_MASK) {
        relax();
        if (++spins == SPINS_PER_YIELD) {
            sched_yield();
            spins = 0;
        }
    }
}

uint64_t
tn_cpu_pool_run(tn_cpu_pool *pool, const tn_cpu_region *region)
{
    bool shared = pool->threads > 1 && region->count - region->first > region->chunk;
    uint64_t next;

    pool->region = *region;
    atomic_store_explicit(&pool->next, region->first, memory_order_relaxed);
    atomic_store_explicit(&pool->late, 0, memory_order_relaxed);
    if (shared) {
        pool->generation++;
        atomic_store(&pool->state, pool->generation << GENERATION | OPEN);
        tn_cpu_pool_wake(pool);
    }
    take_pieces(pool, 0);
    if (shared)
        close_region(pool);
    next = atomic_load_explicit(&pool->next, memory_order_relaxed);
    return next < region->count ? next : region->count;
}
