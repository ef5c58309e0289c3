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

/* ---- limits, memory, hostile files ---- */

static void
ends(const char *text, const tn_model_options *options, tn_status status, const char *message)
{
    trial t = {.text = text};
    if (options)
        t.options = *options;
    TN_CHECK_EQ(start(&t), status);
    TN_CHECK_STR(tn_diag_text(&t.diag, 0), message);
    finish(&t);
}

/* Each function calls the one before twice. */
TN_TEST(exponential_calls)
{
    char *text = malloc(1 << 16);
    TN_NEED(text);
    int length = sprintf(text, "{\"tenon\":1,\"functions\":{\"f0\":{}");
    for (int i = 1; i < 60; i++)
        length += sprintf(text + length, ",\"f%d\":{\"nodes\":[[[],\"@f%d\"],[[],\"@f%d\"]]}", i,
            i - 1, i - 1);
    sprintf(text + length, "},\"nodes\":[[[],\"@f59\"]]}");
    trial t = {.text = text, .options = {.limits.nodes = 100000}};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    finish(&t);
    free(text);
}

TN_TEST(deep_calls)
{
    char *text = malloc(1 << 16);
    TN_NEED(text);
    int length = sprintf(text, "{\"tenon\":1,\"functions\":{\"f0\":{}");
    for (int i = 1; i < 200; i++)
        length += sprintf(text + length, ",\"f%d\":{\"nodes\":[[[],\"@f%d\"]]}", i, i - 1);
    sprintf(text + length, "},\"nodes\":[[[],\"@f199\"]]}");
    trial t = {.text = text};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    finish(&t);
    free(text);
}

TN_TEST(node_limit)
{
    static const char text[] =
        "{\"tenon\":1,\"inputs\":{\"x\":\"f32[2]\"},\"nodes\":[[\"y\",\"repeat\","
        "{\"count\":4,\"carry\":[[\"h\",\"x\",\"g\"]],\"body\":[[\"g\",\"neg\",\"h\"]]}]]}";
    tn_model_options options = {.limits.nodes = 9};
    trial t = {.text = text, .options = options};
    TN_CHECK_EQ(start(&t), TN_OK);
    finish(&t);
    options.limits.nodes = 8;
    ends(text, &options, TN_LIMIT,
        "m.json:1:102: nodes[0].body[0]: the graph has more than 8 nodes once it is expanded "
        "(--limit nodes=N allows more), in nodes[0] round 3");
}

TN_TEST(entry_option)
{
    static const char text[] =
        "{\"tenon\":1,\"entries\":{\"a\":{\"inputs\":{\"x\":\"f32[2]\"}},\"b\":{}}}";
    tn_model_options options = {.entry = "b"};
    trial t = {.text = text, .options = options};
    TN_CHECK_EQ(start(&t), TN_OK);
    TN_NEED(t.module);
    TN_CHECK_EQ(t.module->entries.count, 1);
    TN_CHECK_STR(tn_module_entry(t.module, NULL)->name, "b");
    TN_CHECK(tn_module_entry(t.module, "a") == NULL);
    finish(&t);
    options.entry = "c";
    ends(text, &options, TN_USAGE, "--entry c: the model has: a, b");
}

static tn_status
read_model(trial *t, size_t limit)
{
    tn_diag_init(&t->diag, tn_alloc_system());
    t->arena = tn_arena_create(tn_alloc_system(), limit);
    return t->arena ? tn_arena_guard(t->arena, inside, t) : TN_NO_MEMORY;
}

/* Whatever the limit, running out is a status. */
TN_TEST(memory_runs_out)
{
    int refused = 0;
    for (size_t limit = 1000; limit < 3000000; limit = limit * 3 / 2) {
        trial t = {.path = TN_SOURCE_FOLDER "/models/utterance/model.json"};
        tn_status status = read_model(&t, limit);
        TN_CHECK(status == TN_OK || status == TN_NO_MEMORY);
        refused += status == TN_NO_MEMORY;
        finish(&t);
    }
    TN_CHECK(refused > 5);
}

static char *
read_text(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 16);
    *bytes = f && text ? fread(text, 1, (1 << 16) - 1, f) : 0;
    if (f)
        fclose(f);
    return text;
}

/* Damaged models are refused with a status that a file can cause. */
TN_TEST(damaged_models)
{
    static const char bits[] = "\"\"[]{},:0123456789=@#.-*/()`TBxn ";
    size_t bytes;
    char *good = read_text(TN_SOURCE_FOLDER "/models/utterance/model.json", &bytes);
    char *bad = malloc(bytes + 1);
    uint32_t state = 5;
    int fine = 0;
    TN_NEED(good && bad && bytes);
    for (int round = 0; round < 400; round++) {
        memcpy(bad, good, bytes + 1);
        bad[bytes] = '\0';
        for (int i = 0; i <= round % 3; i++) {
            state = state * 1103515245u + 12345u;
            size_t at = (state >> 8) % bytes;
            state = state * 1103515245u + 12345u;
            bad[at] = bits[(state >> 16) % (sizeof bits - 1)];
        }
        trial t = {.text = bad};
        tn_status status = start(&t);
        fine += status == TN_OK;
        if (!TN_CHECK(status == TN_OK || status == TN_MALFORMED || status == TN_UNSUPPORTED ||
                status == TN_LIMIT || status == TN_IO))
            show(&t);
        finish(&t);
    }
    TN_CHECK(fine > 10 && fine < 390);
    free(bad);
    free(good);
}

TN_MAIN(TN_CASE(hello), TN_CASE(masked_crf), TN_CASE(utterance), TN_CASE(skywork_13b),
    TN_CASE(skywork_moe), TN_CASE(bert), TN_CASE(fastica), TN_CASE(valle), TN_CASE(valle_tiny),
    TN_CASE(opt_laws), TN_CASE(gemma2), TN_CASE(exponential_calls), TN_CASE(deep_calls),
    TN_CASE(node_limit), TN_CASE(entry_option), TN_CASE(memory_runs_out), TN_CASE(damaged_models))
