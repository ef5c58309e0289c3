/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/probe.h"

#include <string.h>
#include <time.h>

#include "backends/cpu/cpu_target.h"
#include "backends/cpu/cpu_threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Enough independent sums to hide the latency of an addition. */
enum { SUMS = 16, PIECES = 64 };

static uint64_t
clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
tn_probe_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

tn_probe_clock
tn_probe_start(void)
{
    return (tn_probe_clock){tn_probe_now(), clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

bool
tn_probe_undisturbed(tn_probe_clock start, uint32_t threads)
{
    tn_probe_clock end = tn_probe_start();

    return (double)(end.cpu - start.cpu) >= 0.9 * (double)(end.wall - start.wall) * threads;
}

double
tn_probe_median(double *values, int count)
{
    for (int i = 1; i < count; i++) {
        double moving = values[i];
        int at = i;

        for (; at > 0 && values[at - 1] > moving; at--)
            values[at] = values[at - 1];
        values[at] = moving;
    }
    return count ? (values[(count - 1) / 2] + values[count / 2]) / 2 : 0;
}

/* Each kind of loop: operations of a round, and the loop. */
typedef struct kind {
    double flops_per_round;
    float (*fma)(uint64_t rounds);
    float (*read)(const float *at, uint64_t count); /* a multiple of 256 */
} kind;

static float
plain_fma(uint64_t rounds)
{
    float sums[SUMS] = {0}, all = 0;
    volatile float factor = 0.5f;
    float f = factor;

    for (uint64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < SUMS; i++)
            sums[i] = sums[i] * f + f;
    }
    for (int i = 0; i < SUMS; i++)
        all += sums[i];
    return all;
}

static float
plain_read(const float *at, uint64_t count)
{
    float sums[SUMS] = {0}, all = 0;

    for (uint64_t n = 0; n < count; n += SUMS) {
        for (int i = 0; i < SUMS; i++)
            sums[i] += at[n + (uint64_t)i];
    }
    for (int i = 0; i < SUMS; i++)
        all += sums[i];
    return all;
}

#if defined(__x86_64__)
#define WIDE(name, isa, vector, lanes, set, zero, fmadd, load, add, store)                        \
    __attribute__((target(isa))) static float name##_fma(uint64_t rounds)                         \
    {                                                                                             \
        vector sums[12], f = set(0.5f);                                                           \
        float out[lanes];                                                                         \
        for (int i = 0; i < 12; i++)                                                              \
            sums[i] = zero();                                                                     \
        for (uint64_t r = 0; r < rounds; r++) {                                                   \
            _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) sums[i] = fmadd(sums[i], f, f); \
        }                                                                                         \
        for (int i = 1; i < 12; i++)                                                              \
            sums[0] = add(sums[0], sums[i]);                                                      \
        store(out, sums[0]);                                                                      \
        return out[0];                                                                            \
    }                                                                                             \
    __attribute__((target(isa))) static float name##_read(const float *at, uint64_t n)            \
    {                                                                                             \
        vector sums[8];                                                                           \
        float out[lanes];                                                                         \
        for (int i = 0; i < 8; i++)                                                               \
            sums[i] = zero();                                                                     \
        for (uint64_t k = 0; k < n; k += 8 * lanes) {                                             \
            _Pragma("GCC unroll 8") for (int i = 0; i < 8; i++) sums[i] =                         \
                add(sums[i], load(at + k + (uint64_t)i * lanes));                                 \
        }                                                                                         \
        for (int i = 1; i < 8; i++)                                                               \
            sums[0] = add(sums[0], sums[i]);                                                      \
        store(out, sums[0]);                                                                      \
        return out[0];                                                                            \
    }

WIDE(zmm, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_setzero_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_add_ps, _mm512_storeu_ps)
WIDE(ymm, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_setzero_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_add_ps, _mm256_storeu_ps)
#endif

static kind
best_kind(void)
{
    tn_target t;

    tn_cpu_target(tn_cpu_os_system(), &t);
#if defined(__x86_64__)
    if (t.level >= 4)
        return (kind){2.0 * 12 * 16, zmm_fma, zmm_read};
    if (t.level == 3)
        return (kind){2.0 * 12 * 8, ymm_fma, ymm_read};
#endif
    return (kind){2.0 * (double)SUMS, plain_fma, plain_read};
}

typedef struct work {
    kind kind;
    uint64_t rounds;
    const float *memory;
    uint64_t count;  /* floats of a piece */
    uint64_t spread; /* floats from one piece to the next */
    volatile float sink;
} work;

static void
run_fma(void *arg, uint32_t worker, uint64_t first, uint64_t last)
{
    work *w = arg;
    float got = 0;

    (void)worker;
    for (; first < last; first++)
        got += w->kind.fma(w->rounds);
    if (got == -1)
        w->sink = got;
}

/* A cache is read again and again by its own worker, memory once by whoever
 * comes. */
static void
run_read(void *arg, uint32_t worker, uint64_t first, uint64_t last)
{
    work *w = arg;
    float got = 0;

    for (; first < last; first++) {
        const float *at = w->memory + (w->spread ? first * w->spread : worker * w->count);

        for (uint64_t r = 0; r < w->rounds; r++)
            got += w->kind.read(at, w->count);
    }
    if (got == -1)
        w->sink = got;
}

/* Seconds of the fastest round. */
static double
fastest(uint32_t threads, int rounds, tn_cpu_region region)
{
    tn_cpu_pool *pool = tn_cpu_pool_create(tn_cpu_os_system(), tn_alloc_system(), threads);
    uint64_t best = UINT64_MAX;

    if (!pool)
        return 0;
    tn_cpu_pool_run(pool, &region);
    for (int i = 0; i < rounds; i++) {
        tn_probe_clock start = tn_probe_start(), end;
        uint64_t took;

        tn_cpu_pool_run(pool, &region);
        end = tn_probe_start();
        took = threads == 1 ? end.cpu - start.cpu : end.wall - start.wall;
        best = took < best ? took : best;
    }
    tn_cpu_pool_destroy(pool);
    return (double)best * 1e-9;
}

double
tn_probe_fma(uint32_t threads, int rounds)
{
    work w = {.kind = best_kind(), .rounds = 100000};
    tn_cpu_region region = {run_fma, &w, 0, PIECES * threads, 1, 0};
    double seconds = fastest(threads, rounds, region);

    return seconds > 0 ? w.kind.flops_per_round * (double)w.rounds * (double)region.count / seconds
                       : 0;
}

double
tn_probe_read(uint32_t threads, uint64_t bytes, int rounds)
{
    const tn_alloc *alloc = tn_alloc_system();
    bool cache = bytes <= 8 << 20;
    uint64_t count = bytes / (cache ? 1 : PIECES) / 4 / 256 * 256;
    size_t total = (size_t)(count * 4 * (cache ? 1 : PIECES) * threads);
    float *memory = total ? tn_alloc_get(alloc, total) : NULL;
    work w = {.kind = best_kind(),
        .rounds = 1,
        .memory = memory,
        .count = count,
        .spread = cache ? 0 : count};
    tn_cpu_region region = {run_read, &w, 0, PIECES * threads, 1, 0};
    double seconds;

    if (!memory)
        return 0;
    memset(memory, 0, total);
    if (cache)
        w.rounds = (8 << 20) / (count * 4);
    seconds = fastest(threads, rounds, region);
    tn_alloc_free(alloc, memory, total);
    return seconds > 0 ? (double)(count * 4 * w.rounds) * (double)region.count / seconds : 0;
}
