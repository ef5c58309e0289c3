/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <math.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static bool
is_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* True if the C library would read a hexadecimal number or the payload of a
 * NaN, which tn_double_read does not know. */
static bool
differs_by_design(const char *text)
{
    return strpbrk(text, "xX(") != NULL;
}

static tn_status
read_and_print(void *arg)
{
    tn_fuzz *fuzz = arg;
    const char *text = tn_fuzz_text(fuzz);
    tn_text printed = {.arena = fuzz->arena};
    const char *end;
    char *wanted_end;
    double value = tn_double_read(text, &end);
    double wanted = strtod(text, &wanted_end);

    TN_FUZZ_HOLDS(end >= text && end <= text + strlen(text));
    if (!differs_by_design(text)) {
        TN_FUZZ_HOLDS(end == wanted_end);
        TN_FUZZ_HOLDS(is_same(value, wanted));
    }
    tn_text_double(&printed, value);
    TN_FUZZ_HOLDS(printed.length <= 25);
    TN_FUZZ_HOLDS(is_same(tn_double_read(printed.at, &end), value));
    TN_FUZZ_HOLDS(*end == '\0');
    return TN_OK;
}

/* The bits of any double, too, print and read back. */
static tn_status
print_bits(void *arg)
{
    const tn_fuzz *fuzz = arg;

    for (size_t at = 0; at + sizeof(double) <= fuzz->size; at += sizeof(double)) {
        tn_text printed = {.arena = fuzz->arena};
        const char *end;
        double value;

        memcpy(&value, fuzz->data + at, sizeof value);
        tn_text_double(&printed, value);
        TN_FUZZ_HOLDS(is_same(tn_double_read(printed.at, &end), value));
    }
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tn_status status = tn_fuzz_run(data, size, read_and_print);

    TN_FUZZ_HOLDS(status == TN_OK);
    status = tn_fuzz_run(data, size < 64 ? size : 64, print_bits);
    TN_FUZZ_HOLDS(status == TN_OK);
    return 0;
}
