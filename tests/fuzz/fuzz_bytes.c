/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/bytes.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The input is a program for the reader, and what it reads: each byte says
 * which call comes next. What was read without a failure is written again and
 * must give the same bytes. */
static tn_status
read_and_write(void *arg)
{
    const tn_fuzz *fuzz = arg;
    tn_reader r = {.from = {fuzz->data, fuzz->size}};
    tn_writer w = {.arena = fuzz->arena};
    size_t before = 0;

    while (!r.failed && r.next < r.from.bytes) {
        uint8_t call = tn_read_u8(&r);
        const char *text;
        tn_span span;

        before = w.bytes;
        tn_write_u8(&w, call);
        switch (call % 8) {
        case 0: tn_write_u8(&w, tn_read_u8(&r)); break;
        case 1: tn_write_u16(&w, tn_read_u16(&r)); break;
        case 2: tn_write_u32(&w, tn_read_u32(&r)); break;
        case 3: tn_write_u64(&w, tn_read_u64(&r)); break;
        case 4: tn_write_i64(&w, tn_read_i64(&r)); break;
        case 5: tn_write_f64(&w, tn_read_f64(&r)); break;
        case 6:
            text = tn_read_str(&r, fuzz->arena, call);
            TN_FUZZ_HOLDS(strlen(text) <= call);
            tn_write_str(&w, text);
            break;
        default:
            span = tn_read_span(&r, call);
            TN_FUZZ_HOLDS(r.failed ? span.at == NULL : span.bytes == call);
            tn_write(&w, span.at, span.bytes);
            break;
        }
        TN_FUZZ_HOLDS(r.next <= r.from.bytes);
        if (!r.failed)
            before = w.bytes;
    }
    TN_FUZZ_HOLDS(before <= fuzz->size);
    TN_FUZZ_HOLDS(before == 0 || memcmp(w.at, fuzz->data, before) == 0);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tn_status status = tn_fuzz_run(data, size, read_and_write);

    TN_FUZZ_HOLDS(status == TN_OK);
    return 0;
}
