/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tile.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What is read and well formed prints, and that reads as the same. */
static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_text once = {.arena = fuzz->arena}, twice = {.arena = fuzz->arena};
    tn_tile *read, *again;

    TN_TRY(tn_tile_parse(fuzz->arena, &fuzz->diag, "text", tn_fuzz_text(fuzz), &read));
    if (tn_tile_verify(read, &fuzz->diag) != TN_OK)
        return TN_OK;
    tn_tile_print(&once, read);
    TN_FUZZ_HOLDS(tn_tile_parse(fuzz->arena, &fuzz->diag, "print", once.at, &again) == TN_OK);
    tn_tile_print(&twice, again);
    TN_FUZZ_HOLDS(strcmp(once.at, twice.at) == 0);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
