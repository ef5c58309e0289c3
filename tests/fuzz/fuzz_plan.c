/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Places the buffers for a binding, if their sizes come out: then every one
 * that owns memory lies within the total. What a forged plan says of steps may
 * race; the checker says so and does no more. */
static void
place(tn_fuzz *fuzz, const tn_plan *plan, int64_t value)
{
    uint32_t count = plan->buffers.count, symbols = plan->symbols.count;
    int64_t *values = tn_new_array(fuzz->arena, int64_t, symbols);
    uint64_t *bytes = tn_new_array(fuzz->arena, uint64_t, count), total = 0;
    uint64_t *offset = tn_new_array(fuzz->arena, uint64_t, count);

    for (uint32_t i = 0; i < symbols; i++)
        values[i] = value;
    if (tn_plan_place(plan, &fuzz->diag, values, bytes, offset, &total) != TN_OK)
        return;
    for (uint32_t i = 0; i < count; i++)
        TN_FUZZ_HOLDS(offset[i] == UINT64_MAX ||
            (offset[i] <= total && bytes[i] <= total - offset[i]));
    (void)!tn_plan_check(plan, &fuzz->diag, bytes, offset);
}

/* What is decoded encodes, and that decodes to the same bytes; it prints. */
static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_writer once = {.arena = fuzz->arena}, twice = {.arena = fuzz->arena};
    tn_text text = {.arena = fuzz->arena};
    tn_plan plan, again;

    TN_TRY(tn_plan_decode(fuzz->arena, &fuzz->diag, (tn_span){fuzz->data, fuzz->size}, &plan));
    tn_plan_encode(&once, &plan);
    TN_FUZZ_HOLDS(tn_plan_decode(fuzz->arena, &fuzz->diag, tn_writer_span(&once), &again) == TN_OK);
    tn_plan_encode(&twice, &again);
    TN_FUZZ_HOLDS(once.bytes == twice.bytes && memcmp(once.at, twice.at, once.bytes) == 0);
    tn_plan_print(&text, &plan);
    place(fuzz, &plan, 0);
    place(fuzz, &plan, 1000);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
