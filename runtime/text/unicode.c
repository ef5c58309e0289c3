/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/unicode.h"

#include <assert.h>

#if TN_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

static bool
is_rest(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t
tn_unicode_next(const uint8_t *at, size_t left, int32_t *scalar)
{
    static const int32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes;
    int32_t c;

    if (!left)
        return 0;
    bytes = at[0] < 0x80 ? 1 : at[0] < 0xC0 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (bytes == 0 || bytes > left || at[0] > 0xF4)
        return 0;
    c = bytes == 1 ? at[0] : at[0] & (0x7F >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (!is_rest(at[i]))
            return 0;
        c = c << 6 | (at[i] & 0x3F);
    }
    if (c < least[bytes] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *scalar = c;
    return bytes;
}

size_t
tn_unicode_put(char *at, int32_t scalar)
{
    size_t bytes = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = bytes; i-- > 1; scalar >>= 6)
        at[i] = (char)(0x80 | (scalar & 0x3F));
    at[0] = (char)(lead[bytes] | scalar);
    return bytes;
}

bool
tn_unicode_is_space(int32_t scalar)
{
    return (scalar >= 0x09 && scalar <= 0x0D) || scalar == 0x20 || scalar == 0x85 ||
        scalar == 0xA0 || scalar == 0x1680 || (scalar >= 0x2000 && scalar <= 0x200A) ||
        scalar == 0x2028 || scalar == 0x2029 || scalar == 0x202F || scalar == 0x205F ||
        scalar == 0x3000;
}

bool
tn_unicode_has_data(void)
{
    return TN_HAVE_UTF8PROC;
}

#if TN_HAVE_UTF8PROC

bool
tn_unicode_is_control(int32_t scalar)
{
    utf8proc_category_t category = utf8proc_category(scalar);

    if (scalar == '\t' || scalar == '\n' || scalar == '\r')
        return false;
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
        category == UTF8PROC_CATEGORY_CO;
}

bool
tn_unicode_is_mark(int32_t scalar)
{
    utf8proc_category_t category = utf8proc_category(scalar);

    if (scalar < 128)
        return (scalar >= 33 && scalar <= 47) || (scalar >= 58 && scalar <= 64) ||
            (scalar >= 91 && scalar <= 96) || (scalar >= 123 && scalar <= 126);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

int
tn_unicode_plain(int32_t scalar, int32_t out[TN_UNICODE_PLAIN])
{
    utf8proc_int32_t parts[TN_UNICODE_PLAIN];
    int boundary = 0, count = 0;
    utf8proc_ssize_t got =
        utf8proc_decompose_char(scalar, parts, TN_UNICODE_PLAIN, UTF8PROC_DECOMPOSE, &boundary);

    assert(got > 0 && got <= TN_UNICODE_PLAIN);
    for (utf8proc_ssize_t i = 0; i < got; i++)
        if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN)
            out[count++] = utf8proc_tolower(parts[i]);
    return count;
}

#else

bool
tn_unicode_is_control(int32_t scalar)
{
    (void)scalar;
    assert(tn_unicode_has_data());
    return false;
}

bool
tn_unicode_is_mark(int32_t scalar)
{
    (void)scalar;
    assert(tn_unicode_has_data());
    return false;
}

int
tn_unicode_plain(int32_t scalar, int32_t out[TN_UNICODE_PLAIN])
{
    assert(tn_unicode_has_data());
    out[0] = scalar;
    return 1;
}

#endif
