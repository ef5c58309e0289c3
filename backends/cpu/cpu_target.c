/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_target.h"

#include <string.h>

enum { ARCH_X86_64 = 1, ARCH_AARCH64 = 2 };
enum { EAX, EBX, ECX, EDX };

#define BIT(n) ((uint32_t)1 << (n))

/* The bits of cpuid that each micro-architecture level of the x86-64 psABI
 * asks for beyond the one below, and the register state (xgetbv) that the
 * system must save. */
typedef struct level {
    uint32_t leaf1_ecx, leaf7_ebx, extended_ecx;
    uint64_t state;
} level;

static const level levels[] = {
    /* 2: sse3 ssse3 cx16 sse4.1 sse4.2 popcnt; lahf */
    {BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), 0, BIT(0), 0},
    /* 3: fma movbe osxsave avx f16c; bmi1 avx2 bmi2; lzcnt */
    {BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29), BIT(3) | BIT(5) | BIT(8), BIT(5), 0x6},
    /* 4: avx512 f dq cd bw vl */
    {0, BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31), 0, 0xe6},
};

static bool
offers(const tn_cpu_os *os, const level *l)
{
    uint32_t one[4], seven[4], extended[4];

    os->cpuid(os->self, 1, 0, one);
    os->cpuid(os->self, 7, 0, seven);
    os->cpuid(os->self, 0x80000001, 0, extended);
    return (one[ECX] & l->leaf1_ecx) == l->leaf1_ecx &&
        (seven[EBX] & l->leaf7_ebx) == l->leaf7_ebx &&
        (extended[ECX] & l->extended_ecx) == l->extended_ecx &&
        (l->state == 0 || (os->saved_state(os->self) & l->state) == l->state);
}

static int64_t
level_of(const tn_cpu_os *os)
{
    int64_t number = 1;

    for (size_t i = 0; i < sizeof levels / sizeof *levels && offers(os, &levels[i]); i++)
        number++;
    return number;
}

/* Data or unified cache of that depth, from the leaf that lists caches:
 * 4 on Intel, 0x8000001d on AMD, laid out alike. 0: not listed. */
static int64_t
cache_bytes(const tn_cpu_os *os, uint32_t leaf, uint32_t depth)
{
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t r[4], kind;

        os->cpuid(os->self, leaf, i, r);
        kind = r[EAX] & 31;
        if (kind == 0)
            break;
        if ((kind == 1 || kind == 3) && (r[EAX] >> 5 & 7) == depth)
            return (int64_t)((r[EBX] >> 22) + 1) * ((r[EBX] >> 12 & 1023) + 1) *
                ((r[EBX] & 4095) + 1) * ((int64_t)r[ECX] + 1);
    }
    return 0;
}

static void
set_cache(const tn_cpu_os *os, uint32_t depth, int64_t *out)
{
    int64_t bytes = cache_bytes(os, 4, depth);

    if (bytes == 0)
        bytes = cache_bytes(os, 0x8000001d, depth);
    if (bytes > 0)
        *out = bytes;
}

static void
set_x86_64(const tn_cpu_os *os, tn_target *t)
{
    t->arch = ARCH_X86_64;
    t->level = level_of(os);
    t->vector_bytes = t->level >= 4 ? 64 : t->level == 3 ? 32 : 16;
    t->registers = t->level >= 4 ? 32 : 16;
    t->masked = t->level >= 4;
    set_cache(os, 1, &t->l1_bytes);
    set_cache(os, 2, &t->l2_bytes);
}

void
tn_cpu_target(const tn_cpu_os *os, tn_target *out)
{
    tn_target_init(out);
    out->gpu = 0;
    out->f16_storage = out->i8_storage = 1;
    out->i64_arith = out->f64_arith = 1;
    out->units = os->cores(os->self);
#if defined(__aarch64__)
    out->arch = ARCH_AARCH64;
    out->level = 1;
    out->vector_bytes = 16;
    out->registers = 32;
    (void)set_x86_64;
#else
    set_x86_64(os, out);
#endif
}

void
tn_cpu_title(const tn_cpu_os *os, char out[TN_CPU_TITLE])
{
    uint32_t words[12];
    const char *text = (const char *)words;
    size_t length, skip = 0;

    for (uint32_t i = 0; i < 3; i++)
        os->cpuid(os->self, 0x80000002 + i, 0, words + i * 4);
    length = strnlen(text, sizeof words);
    while (skip < length && text[skip] == ' ')
        skip++;
    while (length > skip && text[length - 1] == ' ')
        length--;
    if (length == skip) {
        strcpy(out, "processor");
        return;
    }
    memcpy(out, text + skip, length - skip);
    out[length - skip] = 0;
}
