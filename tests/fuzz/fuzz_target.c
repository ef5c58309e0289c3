/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/target.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What is read prints, and that reads as the same. */
static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_text printed = {.arena = fuzz->arena};
    tn_target read, again;

    TN_TRY(tn_target_parse(&fuzz->diag, (const char *)fuzz->data, fuzz->size, &read));
    tn_target_print(&printed, &read);
    TN_FUZZ_HOLDS(tn_target_parse(&fuzz->diag, printed.at, printed.length, &again) == TN_OK);
    TN_FUZZ_HOLDS(memcmp(&read, &again, sizeof read) == 0);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
