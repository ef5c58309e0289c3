/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The number of the character at `at`, by its bits alone, and its length; -1
 * if the bytes are not lead and followers. */
static int64_t
decode(const uint8_t *at, size_t left, size_t *bytes)
{
    int64_t c = at[0];

    *bytes = at[0] < 0x80 ? 1 : (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (*bytes > left || (*bytes == 4 && (at[0] & 0xf8) != 0xf0))
        return -1;
    if (*bytes > 1)
        c &= 0x7f >> *bytes;
    for (size_t i = 1; i < *bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | (at[i] & 0x3f);
    }
    return c;
}

static bool
is_valid(const uint8_t *at, size_t left)
{
    static const int64_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes;

    for (; left; at += bytes, left -= bytes) {
        int64_t c = decode(at, left, &bytes);

        if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
    }
    return true;
}

/* What is written as JSON is well-formed UTF-8 in quotes, whatever went in. */
static tn_status
write_json(void *arg)
{
    tn_fuzz *fuzz = arg;
    const char *value = tn_fuzz_text(fuzz);
    tn_text text = {.arena = fuzz->arena};

    tn_text_json(&text, value);
    TN_FUZZ_HOLDS(text.length >= 2 && text.at[0] == '"' && text.at[text.length - 1] == '"');
    TN_FUZZ_HOLDS(is_valid((const uint8_t *)text.at, text.length));
    for (size_t i = 1; i + 1 < text.length; i++) {
        TN_FUZZ_HOLDS((unsigned char)text.at[i] >= 0x20 && text.at[i] != '"');
        if (text.at[i] == '\\')
            TN_FUZZ_HOLDS(strchr("\"\\bfnrtu", text.at[++i]) != NULL);
    }
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tn_status status;

    TN_FUZZ_HOLDS(tn_utf8_valid((const char *)data, size) == is_valid(data, size));
    status = tn_fuzz_run(data, size, write_json);
    TN_FUZZ_HOLDS(status == TN_OK);
    return 0;
}
