/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_cpu_os.h"

#include <string.h>

static const tn_cpu_os *
real(void)
{
    return tn_cpu_os_system();
}

static void *
fake_map(void *self, size_t bytes)
{
    tn_fake_cpu_os *f = self;
    void *at;

    if (f->fail_map)
        return NULL;
    at = real()->map(real()->self, bytes);
    f->maps += at != NULL;
    return at;
}

static bool
fake_protect(void *self, void *at, size_t bytes, tn_cpu_access access)
{
    tn_fake_cpu_os *f = self;
    size_t page = real()->page(real()->self);

    f->wrong = f->wrong || (uintptr_t)at % page || bytes % page;
    f->executable += access == TN_CPU_EXECUTE;
    return !f->fail_protect && real()->protect(real()->self, at, bytes, access);
}

static void
fake_unmap(void *self, void *at, size_t bytes)
{
    tn_fake_cpu_os *f = self;

    f->unmaps++;
    real()->unmap(real()->self, at, bytes);
}

static size_t
fake_page(void *self)
{
    (void)self;
    return real()->page(real()->self);
}

static void
fake_huge(void *self, void *at, size_t bytes)
{
    tn_fake_cpu_os *f = self;

    f->wrong = f->wrong || (uintptr_t)at % 4096 || bytes % 4096;
}

static bool
fake_start(void *self, pthread_t *out, void *(*body)(void *arg), void *arg)
{
    const tn_fake_cpu_os *f = self;

    return !f->fail_start && real()->start(real()->self, out, body, arg);
}

static void
fake_join(void *self, pthread_t thread)
{
    (void)self;
    real()->join(real()->self, thread);
}

static uint64_t
fake_now(void *self)
{
    (void)self;
    return real()->now(real()->self);
}

static uint32_t
fake_cores(void *self)
{
    const tn_fake_cpu_os *f = self;

    return f->cores ? f->cores : real()->cores(real()->self);
}

static void
fake_cpuid(void *self, uint32_t leaf, uint32_t part, uint32_t out[4])
{
    const tn_fake_cpu_os *f = self;

    if (!f->cpuid) {
        real()->cpuid(real()->self, leaf, part, out);
        return;
    }
    memset(out, 0, 4 * sizeof *out);
    for (size_t i = 0; f->cpuid[i][0] || f->cpuid[i][2]; i++) {
        if (f->cpuid[i][0] == leaf && f->cpuid[i][1] == part)
            memcpy(out, f->cpuid[i] + 2, 4 * sizeof *out);
    }
}

static uint64_t
fake_saved_state(void *self)
{
    const tn_fake_cpu_os *f = self;

    return f->cpuid ? f->saved_state : real()->saved_state(real()->self);
}

void
tn_fake_cpu_os_init(tn_fake_cpu_os *fake)
{
    memset(fake, 0, sizeof *fake);
    fake->table = (tn_cpu_os){fake, fake_map, fake_protect, fake_unmap, fake_page, fake_huge,
        fake_start, fake_join, fake_now, fake_cores, fake_cpuid, fake_saved_state};
}
