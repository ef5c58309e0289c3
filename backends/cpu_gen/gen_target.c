/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen.h"

static const tn_gen_target machines[] = {
    {.arch = 1, .level = 2, .triple = "x86_64-unknown-linux-gnu", .cpu = "x86-64-v2"},
    {.arch = 1,
        .level = 3,
        .triple = "x86_64-unknown-linux-gnu",
        .cpu = "x86-64-v3",
        .fma = true,
        .half = true},
    {.arch = 1,
        .level = 4,
        .triple = "x86_64-unknown-linux-gnu",
        .cpu = "x86-64-v4",
        .fma = true,
        .half = true},
    {.arch = 2,
        .level = 1,
        .triple = "aarch64-unknown-linux-gnu",
        .cpu = "generic",
        .fma = true,
        .half = true,
        .min_max = true},
};

tn_status
tn_gen_target_find(const tn_target *target, tn_diag *diag, tn_gen_target *out)
{
    if (target->gpu)
        return tn_fail(diag, TN_UNSUPPORTED, "machine code is for CPUs, the target is a GPU");
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        bool arm = machines[i].arch == 2;

        if (machines[i].arch == target->arch && (arm || machines[i].level == target->level)) {
            *out = machines[i];
            return TN_OK;
        }
    }
    return tn_fail(diag, TN_UNSUPPORTED, "no machine code for arch=%lld level=%lld",
        (long long)target->arch, (long long)target->level);
}
