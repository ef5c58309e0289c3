/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/target.h"

#include <string.h>

#include "tests/support/test.h"

static tn_target
parse(const char *text)
{
    tn_target t;

    TN_CHECK(tn_target_parse(NULL, text, strlen(text), &t) == TN_OK);
    return t;
}

static tn_status
print(void *arg)
{
    tn_target t = parse("level=4 masked=1 vector_bytes=64 arch=1"), again;
    tn_text text = {.arena = arg};

    tn_target_print(&text, &t);
    TN_CHECK_STR(text.at, "arch=1 level=4 vector_bytes=64 masked=1");
    again = parse(text.at);
    TN_CHECK(memcmp(&t, &again, sizeof t) == 0);
    return TN_OK;
}

TN_TEST(text_form_is_read_back)
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), 0);

    TN_CHECK(tn_arena_guard(arena, print, arena) == TN_OK);
    tn_arena_destroy(arena);
}

TN_TEST(fields_of_a_later_version_are_passed_over)
{
    tn_target t = parse("tomorrow=7 level=2");

    TN_CHECK_EQ(t.level, 2);
    TN_CHECK_EQ(t.vector_bytes, 16);
}

TN_TEST(nonsense_is_refused)
{
    tn_target t;

    TN_CHECK(tn_target_parse(NULL, "level", 5, &t) == TN_MALFORMED);
    TN_CHECK(tn_target_parse(NULL, "level=x", 7, &t) == TN_MALFORMED);
    TN_CHECK(tn_target_parse(NULL, "level=9999999999999999999", 25, &t) == TN_MALFORMED);
}

TN_TEST(covering_is_field_by_field)
{
    tn_target device = parse("arch=1 level=3 vector_bytes=32"), wanted;

    TN_CHECK(tn_target_named("cpu:x86-64-v3", &wanted));
    TN_CHECK(tn_target_lacks(&device, &wanted) == NULL);
    TN_CHECK(tn_target_named("cpu:x86-64-v4", &wanted));
    TN_CHECK_STR(tn_target_lacks(&device, &wanted), "level");
    TN_CHECK(tn_target_named("cpu:aarch64", &wanted));
    TN_CHECK_STR(tn_target_lacks(&device, &wanted), "arch");
    TN_CHECK(tn_target_named("vulkan", &wanted));
    TN_CHECK_STR(tn_target_lacks(&device, &wanted), "gpu");
    TN_CHECK(tn_target_named("cpu:generic", &wanted));
    TN_CHECK(tn_target_lacks(&device, &wanted) == NULL);
    TN_CHECK(!tn_target_named("cpu:z80", &wanted));
}

TN_MAIN(TN_CASE(text_form_is_read_back), TN_CASE(fields_of_a_later_version_are_passed_over),
    TN_CASE(nonsense_is_refused), TN_CASE(covering_is_field_by_field))
