/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_FLOAT_H
#define TN_BACKENDS_CPU_CPU_FLOAT_H

#include <stdint.h>

/* The floating-point control word of the calling thread. Kernels run with the
 * standard one (nearest even, denormals kept, nothing trapped) whatever the
 * program around them has set, so that results do not depend on it. */
static inline uint64_t
tn_cpu_float_get(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t word;

    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
#else
    return 0;
#endif
}

static inline void
tn_cpu_float_set(uint64_t word)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)word);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(word));
#else
    (void)word;
#endif
}

static inline void
tn_cpu_float_standard(void)
{
#if defined(__x86_64__)
    tn_cpu_float_set(0x1f80);
#else
    tn_cpu_float_set(0);
#endif
}

#endif
