/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/map.h"

#include "tests/support/test.h"

enum { NAMES = 3000 };

static tn_status
fill(void *arg)
{
    tn_map map = {.arena = arg};
    static int value[NAMES];

    TN_CHECK(tn_map_get(&map, "name 0") == NULL);
    for (int i = 0; i < NAMES; i++)
        TN_CHECK(tn_map_put(&map, tn_arena_printf(arg, "name %d", i), &value[i]) == NULL);
    TN_CHECK_EQ(map.count, NAMES);
    for (int i = 0; i < NAMES; i++) {
        const char *name = tn_arena_printf(arg, "name %d", i);

        TN_CHECK(tn_map_get(&map, name) == &value[i]);
        TN_CHECK_STR(map.entries[i].key, name);
    }
    TN_CHECK(tn_map_get(&map, "name") == NULL);
    TN_CHECK(tn_map_get(&map, "name 01") == NULL);
    TN_CHECK(tn_map_get(&map, "") == NULL);
    return TN_OK;
}

static tn_status
replace(void *arg)
{
    tn_map map = {.arena = arg};
    int a, b;

    TN_CHECK(tn_map_put(&map, "x", &a) == NULL);
    TN_CHECK(tn_map_put(&map, "y", &b) == NULL);
    TN_CHECK(tn_map_put(&map, "x", &b) == &a);
    TN_CHECK(tn_map_get(&map, "x") == &b);
    TN_CHECK_EQ(map.count, 2);
    TN_CHECK_STR(map.entries[0].key, "x");
    return TN_OK;
}

static tn_status
intern(void *arg)
{
    tn_map names = {.arena = arg};
    const char *a = tn_intern(&names, "alpha beta", 5);
    const char *b = tn_intern(&names, "beta", 4);

    TN_CHECK_STR(a, "alpha");
    TN_CHECK(a != b);
    TN_CHECK(tn_intern(&names, "alphabet", 5) == a);
    TN_CHECK(tn_intern(&names, "alpha", 4) != a);
    TN_CHECK(tn_intern(&names, "", 0) == tn_intern(&names, "xyz", 0));
    TN_CHECK_EQ(names.count, 4);
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

TN_TEST(finds_all_names_and_keeps_their_order)
{
    TN_CHECK_EQ(run(0, fill), TN_OK);
}

TN_TEST(replaces_in_place)
{
    TN_CHECK_EQ(run(0, replace), TN_OK);
}

TN_TEST(gives_one_pointer_for_each_text)
{
    TN_CHECK_EQ(run(0, intern), TN_OK);
}

TN_TEST(survives_running_out_anywhere)
{
    size_t limit = 64;

    while (run(limit, fill) == TN_NO_MEMORY)
        limit += 8192;
    TN_CHECK(limit > 100000);
    TN_CHECK_EQ(run(limit, fill), TN_OK);
}

TN_MAIN(TN_CASE(finds_all_names_and_keeps_their_order), TN_CASE(replaces_in_place),
    TN_CASE(gives_one_pointer_for_each_text), TN_CASE(survives_running_out_anywhere))
