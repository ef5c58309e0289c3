/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/npy.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What is read is inside the file, and what is written from it reads as the
 * same. */
static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_span file = {fuzz->data, fuzz->size};
    tn_writer written = {.arena = fuzz->arena};
    tn_npy read, again;
    void *data;

    TN_TRY(tn_npy_read(&fuzz->diag, "x.npy", file, &read));
    TN_FUZZ_HOLDS(read.data.bytes == 0 ||
        (read.data.at >= file.at && read.data.at + read.data.bytes <= file.at + file.bytes));
    data = tn_arena_get(fuzz->arena, read.data.bytes);
    tn_npy_copy(&read, data);
    tn_npy_write(&written, read.dtype, read.rank, read.dim, data);
    TN_FUZZ_HOLDS(tn_npy_read(&fuzz->diag, "y.npy", tn_writer_span(&written), &again) == TN_OK);
    TN_FUZZ_HOLDS(again.dtype == read.dtype && again.rank == read.rank && !again.fortran);
    TN_FUZZ_HOLDS(again.data.bytes == read.data.bytes &&
        memcmp(again.data.at, data, read.data.bytes) == 0);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
