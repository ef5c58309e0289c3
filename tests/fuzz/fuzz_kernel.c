/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kernel.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What is decoded encodes, and that decodes to the same text and bytes. It can
 * be unrolled, or is refused for its size. */
static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_span bytes = {fuzz->data, fuzz->size};
    tn_writer once = {.arena = fuzz->arena}, twice = {.arena = fuzz->arena};
    tn_kernel *read, *again, *unrolled;
    tn_status status;

    TN_TRY(tn_kernel_decode(fuzz->arena, &fuzz->diag, bytes, &read));
    TN_FUZZ_HOLDS(tn_kernel_verify(read, &fuzz->diag) == TN_OK);
    tn_kernel_encode(&once, read);
    TN_FUZZ_HOLDS(tn_kernel_decode(fuzz->arena, &fuzz->diag, tn_writer_span(&once), &again) ==
        TN_OK);
    tn_kernel_encode(&twice, again);
    TN_FUZZ_HOLDS(once.bytes == twice.bytes && memcmp(once.at, twice.at, once.bytes) == 0);
    status = tn_kernel_unroll(fuzz->arena, &fuzz->diag, read, &unrolled);
    TN_FUZZ_HOLDS(status == TN_OK || status == TN_LIMIT);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
