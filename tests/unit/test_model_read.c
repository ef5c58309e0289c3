/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* A model read from text or a file, and then looked at. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *path, *text;
    tn_model_options options;
    tn_module *module;
    void (*then)(struct trial *);
    int extra;
} trial;

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_span span = {(const uint8_t *)t->text, t->text ? strlen(t->text) : 0};
    if (t->path)
        TN_TRY(tn_model_read(&env, t->arena, t->path, &t->options, &t->module));
    else
        TN_TRY(tn_model_parse(&env, t->arena, "m.json", span, &t->options, &t->module));
    for (uint32_t i = 0; i < t->module->entries.count; i++)
        TN_TRY(tn_graph_verify(t->module->entries.at[i], &t->diag));
    if (t->then)
        t->then(t);
    return TN_OK;
}

static tn_status
start(trial *t)
{
    tn_diag_init(&t->diag, tn_alloc_system());
    t->arena = tn_arena_create(tn_alloc_system(), 0);
    return t->arena ? tn_arena_guard(t->arena, inside, t) : TN_NO_MEMORY;
}

static void
finish(trial *t)
{
    tn_arena_destroy(t->arena);
    tn_diag_clear(&t->diag);
}

static void
show(const trial *t)
{
    for (size_t i = 0; i < tn_diag_count(&t->diag); i++)
        tn_test_note("%s", tn_diag_text(&t->diag, i));
}

/* ---- the ten examples of the format, where they are ---- */

static void
example(const char *name, const char *preset, int64_t params)
{
    char path[512];
    const char *folder = getenv("TN_EXAMPLES");
    snprintf(path, sizeof path, "%s/%s.json",
        folder ? folder : TN_SOURCE_FOLDER "/../shared/design/examples", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        TN_SKIP("%s is not there (TN_EXAMPLES names the folder)", path);
    fclose(f);
    trial t = {.path = path, .options = {.preset = preset}};
    if (!TN_CHECK_EQ(start(&t), TN_OK))
        show(&t);
    else if (params)
        TN_CHECK_EQ(tn_module_params(t.module), params);
    finish(&t);
}

TN_TEST(hello)
{
    example("hello", NULL, 128 * 784 + 128 + 10 * 128 + 10);
}
TN_TEST(masked_crf)
{
    example("masked-crf", NULL, 0);
}
TN_TEST(utterance)
{
    example("utterance", NULL, 0);
}
TN_TEST(skywork_13b)
{
    example("skywork-13b", NULL, 13854113280);
}
TN_TEST(skywork_moe)
{
    example("skywork-moe-block", NULL, 0);
}
TN_TEST(bert)
{
    example("bert-multitask", NULL, 88819213);
}
TN_TEST(fastica)
{
    example("fastica", NULL, 0);
}
TN_TEST(valle)
{
    example("valle", NULL, 0);
}
TN_TEST(valle_tiny)
{
    example("valle", "tiny", 0);
}
TN_TEST(opt_laws)
{
    example("opt-laws", NULL, 0);
}
TN_TEST(gemma2)
{
    example("gemma2-reward", NULL, 27227132928);
}

TN_MAIN(TN_CASE(hello), TN_CASE(masked_crf), TN_CASE(utterance), TN_CASE(skywork_13b),
    TN_CASE(skywork_moe), TN_CASE(bert), TN_CASE(fastica), TN_CASE(valle), TN_CASE(valle_tiny),
    TN_CASE(opt_laws), TN_CASE(gemma2))
