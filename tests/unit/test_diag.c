/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/diag.h"

#include <stdio.h>
#include <string.h>

#include "ir/base/text.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

TN_TEST(keeps_messages_in_order)
{
    tn_diag diag;

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_fail(&diag, TN_MALFORMED, "a.json:%d: expected %s", 3, "a list"), TN_MALFORMED);
    TN_CHECK_EQ(tn_fail(&diag, TN_UNSUPPORTED, "second"), TN_UNSUPPORTED);
    TN_CHECK_EQ(tn_fail_memory(&diag, 1048576, "weights"), TN_NO_MEMORY);
    TN_CHECK_EQ(tn_diag_count(&diag), 3);
    TN_CHECK_STR(tn_diag_text(&diag, 0), "a.json:3: expected a list");
    TN_CHECK_STR(tn_diag_text(&diag, 1), "second");
    TN_CHECK_STR(tn_diag_text(&diag, 2), "out of memory: 1048576 bytes for weights");
    TN_CHECK(tn_diag_text(&diag, 3) == NULL);
    TN_CHECK_EQ(diag.lines[1].status, TN_UNSUPPORTED);
    tn_diag_clear(&diag);
    TN_CHECK_EQ(tn_diag_count(&diag), 0);
}

TN_TEST(works_without_a_sink)
{
    TN_CHECK_EQ(tn_fail(NULL, TN_IO, "%d", 1), TN_IO);
}

TN_TEST(counts_what_is_too_much)
{
    tn_diag diag;

    tn_diag_init(&diag, tn_alloc_system());
    for (int i = 0; i < TN_DIAG_LIMIT + 7; i++)
        tn_fail(&diag, TN_MALFORMED, "message %d", i);
    TN_CHECK_EQ(tn_diag_count(&diag), TN_DIAG_LIMIT);
    TN_CHECK_EQ(diag.dropped, 7);
    TN_CHECK_STR(tn_diag_text(&diag, TN_DIAG_LIMIT - 1), "message 99");
    tn_diag_clear(&diag);
    TN_CHECK_EQ(diag.dropped, 0);
}

/* Long lines end before the limit and never inside a character. */
TN_TEST(cuts_long_lines_between_characters)
{
    static const char *const character[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82"};

    for (size_t c = 0; c < 4; c++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char text[2 * TN_DIAG_LINE] = "abc";
            tn_diag diag;
            size_t length;

            text[lead] = '\0';
            while (strlen(text) < TN_DIAG_LINE + 8)
                strcat(text, character[c]);
            tn_diag_init(&diag, tn_alloc_system());
            tn_fail(&diag, TN_FAILED, "%s", text);
            TN_NEED(tn_diag_count(&diag) == 1);
            length = strlen(tn_diag_text(&diag, 0));
            TN_CHECK(length < TN_DIAG_LINE && length >= TN_DIAG_LINE - 4);
            TN_CHECK(tn_utf8_valid(tn_diag_text(&diag, 0), length));
            TN_CHECK(memcmp(text, tn_diag_text(&diag, 0), length) == 0);
            tn_diag_clear(&diag);
        }
    }
}

/* Whichever allocation fails, the first message lost is kept in the reserve. */
TN_TEST(explains_even_without_memory)
{
    tn_fake_alloc mem;
    size_t n = 0;

    do {
        tn_diag diag;

        tn_fake_alloc_init(&mem, ++n);
        tn_diag_init(&diag, &mem.table);
        for (int i = 0; i < 10; i++)
            tn_fail(&diag, TN_MALFORMED, "message %d", i);
        if (mem.failed) {
            char wanted[32];

            snprintf(wanted, sizeof wanted, "message %d", (int)diag.count);
            TN_CHECK_EQ(diag.reserve_status, TN_MALFORMED);
            TN_CHECK_STR(tn_diag_text(&diag, diag.count), wanted);
            TN_CHECK_EQ(diag.count + 1 + diag.dropped, 10);
        }
        tn_diag_clear(&diag);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
    } while (mem.failed);
    TN_CHECK(n > 10);
}

TN_MAIN(TN_CASE(keeps_messages_in_order), TN_CASE(works_without_a_sink),
    TN_CASE(counts_what_is_too_much), TN_CASE(cuts_long_lines_between_characters),
    TN_CASE(explains_even_without_memory))
