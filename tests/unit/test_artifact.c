/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/artifact.h"

#include <string.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/plan_fixture.h"
#include "tests/support/test.h"

/* A file with one entry, one target with code, a weight of 3000 bytes. */
typedef struct made {
    tn_arena *arena;
    tn_span bytes;
} made;

static uint8_t weight[3000];

static tn_status
build(void *arg)
{
    static const uint8_t code[] = {9, 8, 7};
    made *m = arg;
    tn_iface f = {0};
    tn_plan *plan = tn_new(m->arena, tn_plan);
    tn_span *codes = tn_new(m->arena, tn_span);
    tn_artifact_target t = {.name = "cpu",
        .family = "cpu",
        .text = "arch=1",
        .generator = "none 0",
        .plans = plan,
        .code = &codes};

    for (size_t i = 0; i < sizeof weight; i++)
        weight[i] = (uint8_t)i;
    tn_iface_fixture(m->arena, (tn_span){weight, sizeof weight}, &f);
    tn_plan_fixture(m->arena, plan);
    codes[0] = (tn_span){code, sizeof code};
    tn_artifact_encode(m->arena, &f, &t, 1, &m->bytes);
    return TN_OK;
}

static void
make(made *m)
{
    m->arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(m->arena, build, m), TN_OK);
}

static tn_status
open_status(const tn_env *env, tn_span bytes, bool check_weights)
{
    tn_artifact *a = NULL;
    tn_status status = tn_artifact_open_bytes(env, bytes, check_weights, &a);

    TN_CHECK((status == TN_OK) == (a != NULL));
    tn_artifact_close(a);
    return status;
}

static const tn_env *
quiet(void)
{
    static tn_env env;

    env = (tn_env){tn_alloc_system(), tn_files_system(), NULL};
    return &env;
}

TN_TEST(what_is_written_is_opened)
{
    made m;
    tn_artifact *a;

    make(&m);
    TN_CHECK(tn_artifact_is(m.bytes));
    TN_NEED(TN_CHECK_EQ(tn_artifact_open_bytes(quiet(), m.bytes, true, &a), TN_OK));
    TN_CHECK_STR(a->iface.entries.at[0].inputs.at[0].name, "x");
    TN_CHECK_EQ(a->targets.count, 1);
    TN_CHECK(a->targets.at[0].code[0][0].bytes == 3 && a->targets.at[0].code[0][0].at[0] == 9);
    TN_CHECK(a->iface.weights.at[0].at.bytes == sizeof weight &&
        !memcmp(a->iface.weights.at[0].at.at, weight, sizeof weight));
    tn_artifact_close(a);
    tn_arena_destroy(m.arena);
}

TN_TEST(the_same_input_gives_the_same_bytes)
{
    made a, b;

    make(&a);
    make(&b);
    TN_CHECK(a.bytes.bytes == b.bytes.bytes && !memcmp(a.bytes.at, b.bytes.at, a.bytes.bytes));
    tn_arena_destroy(a.arena);
    tn_arena_destroy(b.arena);
}

/* Every byte that is changed, outside the padding, is noticed when all is
 * checked. */
TN_TEST(any_damage_is_noticed)
{
    made m;
    uint8_t *at;
    size_t unnoticed = 0;

    make(&m);
    at = tn_alloc_get(tn_alloc_system(), m.bytes.bytes);
    memcpy(at, m.bytes.at, m.bytes.bytes);
    for (size_t i = 0; i < m.bytes.bytes; i += i < 300 ? 1 : 97) {
        at[i] ^= 1;
        unnoticed +=
            open_status(quiet(), (tn_span){at, m.bytes.bytes}, true) == TN_OK && m.bytes.at[i] != 0;
        at[i] ^= 1;
    }
    TN_CHECK_EQ(unnoticed, 0);
    tn_alloc_free(tn_alloc_system(), at, m.bytes.bytes);
    tn_arena_destroy(m.arena);
}

TN_TEST(cut_files_are_refused)
{
    made m;

    make(&m);
    for (size_t n = 0; n + 3000 < m.bytes.bytes; n += n < 300 ? 1 : 131)
        TN_CHECK(open_status(quiet(), (tn_span){m.bytes.at, n}, false) == TN_INTEGRITY);
    tn_arena_destroy(m.arena);
}

TN_TEST(damaged_weights_are_seen_when_asked_for)
{
    made m;
    uint8_t *at;
    size_t place;

    make(&m);
    at = tn_alloc_get(tn_alloc_system(), m.bytes.bytes);
    memcpy(at, m.bytes.at, m.bytes.bytes);
    place = m.bytes.bytes - 2000;
    at[place] ^= 4;
    TN_CHECK(open_status(quiet(), (tn_span){at, m.bytes.bytes}, false) == TN_OK);
    TN_CHECK(open_status(quiet(), (tn_span){at, m.bytes.bytes}, true) == TN_INTEGRITY);
    tn_alloc_free(tn_alloc_system(), at, m.bytes.bytes);
    tn_arena_destroy(m.arena);
}

TN_MAIN(TN_CASE(what_is_written_is_opened), TN_CASE(the_same_input_gives_the_same_bytes),
    TN_CASE(any_damage_is_noticed), TN_CASE(cut_files_are_refused),
    TN_CASE(damaged_weights_are_seen_when_asked_for))
