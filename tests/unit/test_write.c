/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/write.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

/* What is written reads back, is sound, and writes the same text. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *path, *text;
} trial;

static tn_status
again(trial *t, const tn_env *env, const char *text, tn_text *out)
{
    tn_module *module;
    tn_span span = {(const uint8_t *)text, strlen(text)};
    TN_TRY(tn_model_parse(env, t->arena, TN_SOURCE_FOLDER "/models/utterance/x.json", span, NULL,
        &module));
    for (uint32_t i = 0; i < module->entries.count; i++)
        TN_TRY(tn_graph_verify(module->entries.at[i], &t->diag));
    out->arena = t->arena;
    tn_model_write(out, module, "read");
    return TN_OK;
}

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_text first = {.arena = t->arena}, second = {0}, third = {0};
    if (t->path) {
        tn_module *module;
        TN_TRY(tn_model_read(&env, t->arena, t->path, NULL, &module));
        tn_model_write(&first, module, "read");
    } else {
        TN_TRY(again(t, &env, t->text, &first));
    }
    TN_TRY(again(t, &env, first.at, &second));
    TN_TRY(again(t, &env, second.at, &third));
    TN_CHECK_STR(third.at, second.at);
    return TN_OK;
}

static void
round_trip(const char *path, const char *text)
{
    trial t = {.path = path, .text = text};
    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_NEED(t.arena);
    if (!TN_CHECK_EQ(tn_arena_guard(t.arena, inside, &t), TN_OK))
        tn_test_note("%s", tn_diag_text(&t.diag, 0));
    tn_arena_destroy(t.arena);
    tn_diag_clear(&t.diag);
}

TN_TEST(shipped_model)
{
    round_trip(TN_SOURCE_FOLDER "/models/utterance/model.json", NULL);
}

TN_TEST(loops)
{
    round_trip(NULL,
        "{\"tenon\":1,\"dims\":{\"T\":\"1..9\"},\"inputs\":{\"x\":\"f32[2,T,3]\",\"z\":\"f32[2,3]\","
        "\"c\":\"bool[]\",\"p\":{\"type\":\"i32[]\",\"range\":\"0..8\"}},\"nodes\":["
        "[[\"d\",\"all\"],\"scan\",{\"axis\":1,\"over\":[[\"e\",\"x\"]],\"index\":\"t\",\"reverse\":true,"
        "\"carry\":[[\"a\",\"z\",\"a'\"]],\"collect\":[\"a\"],\"body\":[[\"f\",\"equal\",\"t\",0],"
        "[\"a'\",\"=f ? e : a + e/3\"]]}],"
        "[\"w\",\"while\",{\"limit\":\"T+1\",\"carry\":[[\"v\",\"d\",\"v'\"]],\"cond\":["
        "[\"m\",\"reduce_max\",\"v\",{\"axes\":[0,1]}],[\"go\",\"=m > 1\"]],\"test\":\"go\","
        "\"body\":[[\"v'\",\"=v/2\"]]}],"
        "[\"y\",\"if\",\"c\",{\"then\":[[\"n\",\"neg\",\"w\"]],\"else\":[],\"yield\":[[\"n\",\"w\"]]}],"
        "[\"s\",\"slice\",\"all\",{\"axis\":1,\"start\":\"p\",\"size\":1}],"
        "[\"q\",\"=y * sqrt(T) / 3\"]],"
        "\"outputs\":{\"q\":\"f32[2,3]\",\"s\":\"f32[2,1,3]\"}}");
}

TN_TEST(state_and_literals)
{
    round_trip(NULL,
        "{\"tenon\":1,\"functions\":{\"f\":{\"inputs\":{\"k\":\"i32[]\",\"x\":\"f32[4]\"},"
        "\"state\":{\"s\":\"f32[4]\"},\"weights\":{\"w\":{\"type\":\"f32[4]\",\"stored\":\"bf16[2,2]\"}},"
        "\"nodes\":[[\"j\",\"add\",\"k\",1],[\"n\",\"=x*w + s/10\"]],\"store\":{\"s\":\"n\"},"
        "\"outputs\":{\"n\":\"f32[4]\",\"j\":\"i32[]\"}}},\"inputs\":{\"x\":\"f32[4]\"},\"nodes\":["
        "[[\"y\",\"i\"],\"@f\",3,\"x\",{\"scope\":\"a{{b\"}],[\"k\",\"constant\",{\"type\":\"f32[2]\","
        "\"data\":[\"=-inf\",\"=1/3\"]}]],\"outputs\":{\"y\":\"f32[4]\",\"i\":\"i32[]\",\"k\":\"f32[2]\"}}");
}

TN_MAIN(TN_CASE(shipped_model), TN_CASE(loops), TN_CASE(state_and_literals))
