/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "backends/cpu/cpu_os.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static void *
os_map(void *self, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)self;
    return at == MAP_FAILED ? NULL : at;
}

static bool
os_protect(void *self, void *at, size_t bytes, tn_cpu_access access)
{
    int bits = access == TN_CPU_EXECUTE ? PROT_READ | PROT_EXEC : PROT_READ;

    (void)self;
    if (access == TN_CPU_EXECUTE)
        __builtin___clear_cache((char *)at, (char *)at + bytes);
    return mprotect(at, bytes, bits) == 0;
}

static void
os_unmap(void *self, void *at, size_t bytes)
{
    (void)self;
    munmap(at, bytes);
}

static size_t
os_page(void *self)
{
    long bytes = sysconf(_SC_PAGESIZE);

    (void)self;
    return bytes > 0 ? (size_t)bytes : 4096;
}

static void
os_huge(void *self, void *at, size_t bytes)
{
    (void)self;
    madvise(at, bytes, MADV_HUGEPAGE);
}

static bool
os_start(void *self, pthread_t *out, void *(*body)(void *arg), void *arg)
{
    (void)self;
    return pthread_create(out, NULL, body, arg) == 0;
}

static void
os_join(void *self, pthread_t thread)
{
    (void)self;
    pthread_join(thread, NULL);
}

static uint64_t
os_now(void *self)
{
    struct timespec t;

    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t
os_cores(void *self)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    (void)self;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    return online > 0 ? (uint32_t)online : 1;
}

static void
os_cpuid(void *self, uint32_t leaf, uint32_t part, uint32_t out[4])
{
    (void)self;
    memset(out, 0, 4 * sizeof *out);
#if defined(__x86_64__)
    if (!__get_cpuid_count(leaf, part, &out[0], &out[1], &out[2], &out[3]))
        memset(out, 0, 4 * sizeof *out);
#else
    (void)leaf, (void)part;
#endif
}

static uint64_t
os_saved_state(void *self)
{
    (void)self;
#if defined(__x86_64__)
    uint32_t a, b, c, d;

    /* Bit 27: the system has enabled xgetbv. */
    if (__get_cpuid(1, &a, &b, &c, &d) && (c >> 27 & 1)) {
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        return (uint64_t)d << 32 | a;
    }
#endif
    return 0;
}

const tn_cpu_os *
tn_cpu_os_system(void)
{
    static const tn_cpu_os table = {
        NULL,
        os_map,
        os_protect,
        os_unmap,
        os_page,
        os_huge,
        os_start,
        os_join,
        os_now,
        os_cores,
        os_cpuid,
        os_saved_state,
    };

    return &table;
}
