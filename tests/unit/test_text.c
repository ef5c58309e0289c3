/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <string.h>

#include "tests/support/test.h"

static tn_status
grow(void *arg)
{
    tn_text text = {.arena = arg};
    int wanted = 0;

    for (int i = 0; i < 500; i++) {
        tn_text_add(&text, "%d,", i);
        tn_text_put(&text, "xy", i % 3 ? 1 : 2);
        wanted += (i < 10 ? 2 : i < 100 ? 3 : 4) + (i % 3 ? 1 : 2);
        TN_CHECK_EQ(text.length, wanted);
        TN_CHECK_EQ(strlen(text.at), wanted);
    }
    TN_CHECK(memcmp(text.at, "0,xy1,x2,x3,xy", 14) == 0);
    tn_text_add(&text, "%3000d", 7);
    TN_CHECK_EQ(strlen(text.at), wanted + 3000);
    return TN_OK;
}

static tn_status
indent(void *arg)
{
    tn_text text = {.arena = arg};

    tn_text_indent(&text, 0);
    TN_CHECK_STR(text.at, "");
    tn_text_indent(&text, 2);
    tn_text_put(&text, "a", 1);
    TN_CHECK_STR(text.at, "        a");
    return TN_OK;
}

static void
check_json(tn_arena *arena, const char *value, const char *wanted)
{
    tn_text text = {.arena = arena};

    tn_text_json(&text, value);
    TN_CHECK_STR(text.at, wanted);
}

static tn_status
json(void *arg)
{
    check_json(arg, "", "\"\"");
    check_json(arg, "a \"b\" \\ / \n\r\t\b\f", "\"a \\\"b\\\" \\\\ / \\n\\r\\t\\b\\f\"");
    check_json(arg, "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"");
    check_json(arg, "\xc3\xa9\xe2\x82\xac", "\"\xc3\xa9\xe2\x82\xac\"");
    check_json(arg, "a\xffz\xc3", "\"a\\ufffdz\\ufffd\"");
    return TN_OK;
}

static tn_status
run(size_t limit, tn_status (*body)(void *))
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), limit);
    tn_status status = arena ? tn_arena_guard(arena, body, arena) : TN_NO_MEMORY;

    tn_arena_destroy(arena);
    return status;
}

TN_TEST(grows_and_stays_terminated)
{
    TN_CHECK_EQ(run(0, grow), TN_OK);
}

TN_TEST(indents)
{
    TN_CHECK_EQ(run(0, indent), TN_OK);
}

TN_TEST(escapes_for_json)
{
    TN_CHECK_EQ(run(0, json), TN_OK);
}

TN_TEST(survives_running_out_anywhere)
{
    size_t limit = 64;

    while (run(limit, grow) == TN_NO_MEMORY)
        limit += 64;
    TN_CHECK(limit > 4000);
    TN_CHECK_EQ(run(limit, grow), TN_OK);
}

/* Every character encodes to what is accepted, by the rule of RFC 3629. */
TN_TEST(accepts_every_character)
{
    for (uint32_t c = 0; c < 0x110000; c++) {
        char at[4];
        size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        at[0] = (char)(bytes == 1 ? c : 0xf0u << (4 - bytes) | c >> 6 * (bytes - 1));
        for (size_t i = 1; i < bytes; i++)
            at[i] = (char)(0x80 | (c >> 6 * (bytes - 1 - i) & 0x3f));
        if (!TN_CHECK_EQ(tn_utf8_valid(at, bytes), c < 0xd800 || c > 0xdfff))
            tn_test_note("U+%04X", c);
        for (size_t cut = 1; cut < bytes; cut++)
            TN_CHECK(!tn_utf8_valid(at, cut));
    }
}

TN_TEST(refuses_what_is_no_character)
{
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3(", "\xe2\x82(", "abc\xe2\x82"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        TN_CHECK(!tn_utf8_valid(bad[i], strlen(bad[i])));
    TN_CHECK(tn_utf8_valid("", 0));
    TN_CHECK(tn_utf8_valid("a\0b", 3));
}

TN_TEST(measures_edits)
{
    TN_CHECK_EQ(tn_edit_distance("softmax", "softmax", 3), 0);
    TN_CHECK_EQ(tn_edit_distance("sofmax", "softmax", 3), 1);
    TN_CHECK_EQ(tn_edit_distance("kitten", "sitting", 5), 3);
    TN_CHECK_EQ(tn_edit_distance("kitten", "sitting", 2), 3);
    TN_CHECK_EQ(tn_edit_distance("", "abc", 5), 3);
    TN_CHECK_EQ(tn_edit_distance("abc", "", 5), 3);
    TN_CHECK_EQ(tn_edit_distance("aixs", "axis", 5), 2);
}

TN_TEST(measures_edits_of_long_names)
{
    char a[300], b[300];

    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    a[299] = b[299] = '\0';
    TN_CHECK_EQ(tn_edit_distance(a, b, 2), 0);
    b[0] = 'b';
    TN_CHECK_EQ(tn_edit_distance(a, b, 2), 3);
    TN_CHECK_EQ(tn_edit_distance(a, "a", 2), 3);
    TN_CHECK_EQ(tn_edit_distance("a", b, 2), 3);
}

TN_MAIN(TN_CASE(grows_and_stays_terminated), TN_CASE(indents), TN_CASE(escapes_for_json),
    TN_CASE(survives_running_out_anywhere), TN_CASE(accepts_every_character),
    TN_CASE(refuses_what_is_no_character), TN_CASE(measures_edits),
    TN_CASE(measures_edits_of_long_names))
