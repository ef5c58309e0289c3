/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"

/* A model in a folder of its own, with files beside it. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    char folder[300];
    const char *text, *path;
    tn_model_options options;
    tn_module *module;
    void (*then)(struct trial *);
} trial;

static tn_status
inside(void *arg)
{
    trial *t = arg;
    char name[400];
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    snprintf(name, sizeof name, "%s/m.json", t->folder);
    if (t->path) {
        TN_TRY(tn_model_read(&env, t->arena, t->path, &t->options, &t->module));
    } else {
        tn_span span = {(const uint8_t *)t->text, strlen(t->text)};
        TN_TRY(tn_model_parse(&env, t->arena, tn_arena_printf(t->arena, "%s", name), span,
            &t->options, &t->module));
    }
    TN_TRY(tn_weights_load(&env, t->module, NULL));
    if (t->then)
        t->then(t);
    return TN_OK;
}

static void
make_folder(trial *t)
{
    snprintf(t->folder, sizeof t->folder, TN_BINARY_FOLDER "/weights-XXXXXX");
    TN_CHECK(mkdtemp(t->folder) != NULL);
    tn_diag_init(&t->diag, tn_alloc_system());
    t->arena = tn_arena_create(tn_alloc_system(), 0);
}

static void
put_file(const trial *t, const char *name, const void *bytes, size_t count)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", t->folder, name);
    FILE *f = fopen(path, "wb");
    TN_NEED(f);
    TN_CHECK_EQ(fwrite(bytes, 1, count, f), count);
    fclose(f);
}

static void
finish(trial *t)
{
    static const char *const names[] = {
        "a.safetensors", "b.safetensors", "model.safetensors.index.json", "w.npy"};
    char path[400];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, names[i]);
        unlink(path);
    }
    TN_CHECK_EQ(rmdir(t->folder), 0);
    tn_arena_destroy(t->arena);
    tn_diag_clear(&t->diag);
}

static void
loads(trial *t)
{
    if (!TN_CHECK_EQ(tn_arena_guard(t->arena, inside, t), TN_OK))
        for (size_t i = 0; i < tn_diag_count(&t->diag); i++)
            tn_test_note("%s", tn_diag_text(&t->diag, i));
}

/* The first message, without the folder of the test. */
static void
refuses(trial *t, tn_status status, const char *message)
{
    TN_CHECK_EQ(tn_arena_guard(t->arena, inside, t), status);
    const char *found = tn_diag_text(&t->diag, 0);
    size_t length = strlen(t->folder);
    if (found && strncmp(found, t->folder, length) == 0)
        found += length + 1;
    TN_CHECK_STR(found, message);
}

static const float *
floats(const trial *t, const char *name)
{
    const tn_weight *w = tn_map_get(&t->module->weights, name);
    return w ? w->data : NULL;
}

/* ---- seeded, given, computed ---- */

static void
check_seeded(trial *t)
{
    const float *w1 = floats(t, "w1"), *u = floats(t, "u"), *one = floats(t, "one");
    const tn_weight *half = tn_map_get(&t->module->weights, "half");
    TN_NEED(w1 && u && one && half);
    TN_CHECK_SAME(w1[0], (float)(0.02 * (922056 * 0x1p-21)));
    TN_CHECK(w1[1] != w1[0] && w1[5] != w1[1]);
    TN_CHECK(u[0] >= -1 && u[0] < 1 && u[0] != u[1]);
    TN_CHECK_SAME(one[1], 1);
    TN_CHECK_SAME(tn_load_double(TN_F16, half->data), tn_round_to(TN_F16, 0.1));
}

TN_TEST(seeded)
{
    trial t = {.options = {.seed = 7},
        .then = check_seeded,
        .text = "{\"tenon\": 1, \"weights\": {\"w1\": \"f32[2,3]\", "
                "\"u\": {\"type\": \"f32[4]\", \"init\": {\"uniform\": [-1, 1]}}, "
                "\"one\": {\"type\": \"f32[2]\", \"init\": \"ones\"}, "
                "\"half\": {\"type\": \"f16[1]\", \"init\": {\"fill\": 0.1}}}}"};
    make_folder(&t);
    loads(&t);
    finish(&t);
}

static void
check_given(trial *t)
{
    const float *w = floats(t, "w"), *s = floats(t, "s"), *a = floats(t, "m.0"),
                *b = floats(t, "m.1"), *m = floats(t, "m.{j}");
    TN_NEED(w && s && a && b && m);
    TN_CHECK_SAME(w[0], 0.5f);
    TN_CHECK_SAME(w[1], -INFINITY);
    TN_CHECK_SAME(w[3], 1.5f);
    TN_CHECK_SAME(s[0], (float)tn_round_to(TN_BF16, 1.001));
    TN_CHECK_SAME(m[0], a[0]);
    TN_CHECK_SAME(m[2], b[0]);
    TN_CHECK(a[0] != b[0]);
}

TN_TEST(given)
{
    trial t = {.then = check_given,
        .text = "{\"tenon\": 1, \"params\": {\"x\": 3}, \"weights\": {"
                "\"w\": {\"type\": \"f32[2,2]\", \"data\": [[0.5, \"=-inf\"], [1, \"x/2\"]]}, "
                "\"s\": {\"type\": \"f32[1]\", \"stored\": \"bf16[1]\", \"data\": [1.001]}, "
                "\"m\": {\"type\": \"f32[2,2]\", \"tensors\": \"m.{j}\", \"count\": 2}}}"};
    make_folder(&t);
    loads(&t);
    finish(&t);
}

/* Rows from, columns to: O B-a I-a B-b I-b. */
static void
check_bio(trial *t)
{
    static const char legal[] = "yyNyN"
                                "yyyyN"
                                "yyyyN"
                                "yyNyy"
                                "yyNyy";
    const float *w = floats(t, "w"), *s = floats(t, "s");
    TN_NEED(w && s);
    for (int i = 0; i < 25; i++)
        TN_CHECK_SAME(w[i], legal[i] == 'y' ? 100 : -100);
    for (int i = 0; i < 5; i++)
        TN_CHECK_SAME(s[i], "yyNyN"[i] == 'y' ? 0 : -5);
}

TN_TEST(computed_bio)
{
    trial t = {.then = check_bio,
        .text =
            "{\"tenon\": 1, \"labels\": {\"t\": [\"O\", \"B-a\", \"I-a\", \"B-b\", \"I-b\"]}, "
            "\"weights\": {"
            "\"w\": {\"type\": \"f32[5,5]\", \"init\": {\"transitions\": \"t\", \"legal\": 100}}, "
            "\"s\": {\"type\": \"f32[5]\", \"init\": {\"starts\": \"t\", \"illegal\": -5}}}}"};
    make_folder(&t);
    loads(&t);
    finish(&t);
}

/* O B I E S. */
static void
check_bioes(trial *t)
{
    static const char plain[] = "yyNNy"
                                "yNyyN"
                                "yNyyN"
                                "yyNNy"
                                "yyNNy";
    static const char strict[] = "yyNNy"
                                 "NNyyN"
                                 "NNyyN"
                                 "yyNNy"
                                 "yyNNy";
    const float *p = floats(t, "p"), *s = floats(t, "s"), *e = floats(t, "e");
    TN_NEED(p && s && e);
    for (int i = 0; i < 25; i++) {
        TN_CHECK_SAME(p[i], plain[i] == 'y' ? 0 : -100);
        TN_CHECK_SAME(s[i], strict[i] == 'y' ? 0 : -100);
    }
    for (int i = 0; i < 5; i++)
        TN_CHECK_SAME(e[i], "yNNyy"[i] == 'y' ? 0 : -100);
}

TN_TEST(computed_bioes)
{
    trial t = {.then = check_bioes,
        .text =
            "{\"tenon\": 1, \"labels\": {\"t\": [\"O\", \"B-a\", \"I-a\", \"E-a\", \"S-a\"]}, "
            "\"weights\": {"
            "\"p\": {\"type\": \"f32[5,5]\", \"init\": {\"transitions\": \"t\", \"scheme\": \"bioes\"}}, "
            "\"s\": {\"type\": \"f32[5,5]\", \"init\": {\"transitions\": \"t\", \"scheme\": \"bioes-strict\"}}, "
            "\"e\": {\"type\": \"f32[5]\", \"init\": {\"ends\": \"t\", \"scheme\": \"bioes-strict\"}}}}"};
    make_folder(&t);
    loads(&t);
    finish(&t);
}

TN_TEST(wrong_data)
{
    trial t = {
        .text = "{\"tenon\": 1, \"weights\": {\"w\": {\"type\": \"f32[2]\", \"data\": [1, [2]]}}}"};
    make_folder(&t);
    refuses(&t, TN_MALFORMED,
        "m.json:1:62: weights.w.data[1]: expected a number or an expression, "
        "found a list");
    finish(&t);
}

/* ---- files ---- */

static void
put_safetensors(const trial *t, const char *name, const char *header, const void *data,
    size_t bytes)
{
    uint8_t all[2048] = {0};
    size_t length = strlen(header);
    all[0] = (uint8_t)length;
    all[1] = (uint8_t)(length >> 8);
    memcpy(all + 8, header, length);
    memcpy(all + 8 + length, data, bytes);
    put_file(t, name, all, 8 + length + bytes);
}

static const float numbers[6] = {1, 2, 3, 4, 5, 6};

static void
check_files(trial *t)
{
    const float *w = floats(t, "w"), *v = floats(t, "layers.0.v");
    TN_NEED(w && v);
    TN_CHECK_SAME(w[3], 4);
    TN_CHECK_SAME(v[0], 5);
    TN_CHECK_SAME(v[1], 6);
    const tn_document *document = tn_module_document(t->module);
    TN_NEED(document->unused.count == 1);
    TN_CHECK_STR(document->unused.at[0], "x");
}

TN_TEST(safetensors)
{
    trial t = {.then = check_files,
        .text = "{\"tenon\": 1, \"files\": [{\"path\": \"a.safetensors\", \"names\": "
                "{\"layers.{l}.v\": \"blk.{l}.value\"}}], "
                "\"weights\": {\"w\": {\"type\": \"f32[4]\", \"stored\": \"f32[2,2]\"}, "
                "\"v\": {\"type\": \"f32[2]\", \"tensor\": \"layers.{1-1}.v\"}}}"};
    make_folder(&t);
    put_safetensors(&t, "a.safetensors",
        "{\"__metadata__\":{\"k\":\"v\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
        "\"blk.0.value\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
        "\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[0],\"data_offsets\":[24,24]}}",
        numbers, 24);
    loads(&t);
    finish(&t);
}

static void
check_converted(trial *t)
{
    const float *w = floats(t, "w");
    TN_NEED(w);
    TN_CHECK_SAME(w[0], 1);
    TN_CHECK_SAME(w[1], -2);
}

TN_TEST(index_and_conversion)
{
    static const uint16_t halves[2] = {0x3f80, 0xc000}; /* bf16 1, -2 */
    trial t = {.then = check_converted,
        .text = "{\"tenon\": 1, \"files\": [\"model.safetensors.index.json\"], "
                "\"weights\": {\"w\": {\"type\": \"f32[2]\", \"stored\": \"any[2]\"}}}"};
    static const char index[] = "{\"metadata\":{},\"weight_map\":{\"w\":\"b.safetensors\"}}";
    make_folder(&t);
    put_file(&t, "model.safetensors.index.json", index, sizeof index - 1);
    put_safetensors(&t, "b.safetensors",
        "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", halves, 4);
    loads(&t);
    finish(&t);
}

static void
check_npy(trial *t)
{
    const tn_weight *w = tn_map_get(&t->module->weights, "w");
    TN_NEED(w && w->data);
    TN_CHECK_EQ(tn_load_int(TN_I64, w->data), 1);
    TN_CHECK_EQ(tn_load_int(TN_I64, (const char *)w->data + 8), 3);
}

/* Fortran order and a narrower stored type: both are undone. */
TN_TEST(npy)
{
    static const char header[] = "\x93NUMPY\x01\x00\x76\x00"
                                 "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 2), }";
    uint8_t file[128 + 16];
    trial t = {.then = check_npy,
        .text = "{\"tenon\": 1, \"files\": [{\"path\": \"w.npy\", \"tensor\": \"w\"}], "
                "\"weights\": {\"w\": {\"type\": \"i64[2,2]\", \"stored\": \"i32[2,2]\"}}}"};
    memset(file, ' ', sizeof file);
    memcpy(file, header, sizeof header - 1);
    file[127] = '\n';
    for (int i = 0; i < 4; i++)
        memcpy(file + 128 + 4 * i, &(int32_t){i + 1}, 4);
    make_folder(&t);
    put_file(&t, "w.npy", file, sizeof file);
    loads(&t);
    finish(&t);
}

TN_TEST(missing_tensors_are_all_listed)
{
    trial t = {
        .text =
            "{\"tenon\": 1, \"files\": [\"a.safetensors\"], "
            "\"weights\": {\"w\": \"f32[4]\", \"v\": {\"type\": \"f32[2]\", \"init\": \"ones\"}, "
            "\"d\": {\"type\": \"f32[1]\", \"data\": [1]}}}"};
    make_folder(&t);
    put_safetensors(&t, "a.safetensors", "{}", numbers, 0);
    refuses(&t, TN_MALFORMED, "m.json: tensor \"w\": no file of the model has it");
    TN_CHECK_EQ(tn_diag_count(&t.diag), 2);
    finish(&t);
}

TN_TEST(seeded_although_files)
{
    trial t = {.options = {.seed_weights = true},
        .text =
            "{\"tenon\": 1, \"files\": [\"absent.safetensors\"], \"weights\": {\"w\": \"f32[4]\"}}"};
    make_folder(&t);
    loads(&t);
    finish(&t);
}

static void
bad_file(const char *weight, const char *header, size_t bytes, tn_status status,
    const char *message)
{
    char text[400];
    snprintf(text, sizeof text,
        "{\"tenon\": 1, \"files\": [\"a.safetensors\"], \"weights\": {\"w\": %s}}", weight);
    trial t = {.text = text};
    make_folder(&t);
    put_safetensors(&t, "a.safetensors", header, numbers, bytes);
    refuses(&t, status, message);
    finish(&t);
}

TN_TEST(files_that_do_not_fit)
{
    bad_file("\"f32[4]\"", "{\"w\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8,
        TN_MALFORMED,
        "m.json: tensor \"w\": the graph says f32[4], a.safetensors has f16[4]; to convert, say "
        "\"stored\": \"f16[4]\" or \"any[4]\"");
    bad_file("\"f32[4]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
        16, TN_MALFORMED,
        "m.json: tensor \"w\": the graph says f32[4], a.safetensors has f32[2,2]");
    bad_file("\"f32[4]\"", "{\"w\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}",
        4, TN_UNSUPPORTED,
        "m.json: tensor \"w\": the graph says f32[4], a.safetensors has f8_e4m3[4]");
}

TN_TEST(damaged_files)
{
    bad_file("\"f32[2]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,12]}}", 12,
        TN_MALFORMED,
        "a.safetensors (header):1:48: w.data_offsets: 12 bytes for 2 elements of F32");
    bad_file("\"f32[2]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", 8,
        TN_MALFORMED,
        "a.safetensors (header):1:48: w.data_offsets: 0..16 is not within the 8 bytes of data");
    bad_file("\"f32[2]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
        TN_MALFORMED,
        "a.safetensors: tensor \"w\" begins at byte 67, expected 63: tensors neither overlap nor "
        "leave holes");
    bad_file("\"f32[2]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12,
        TN_MALFORMED, "a.safetensors: the tensors end at byte 70, the file has 74");
    bad_file("\"f32[2]\"", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2]", 0, TN_MALFORMED,
        "a.safetensors (header):1:32: expected \",\" or \"}\", found the end of the file");
    trial t = {.text = "{\"tenon\": 1, \"files\": [\"a.safetensors\"], \"weights\": {}}"};
    make_folder(&t);
    put_file(&t, "a.safetensors", "\xff\xff\0\0\0\0\0\0", 8);
    refuses(&t, TN_MALFORMED,
        "a.safetensors: byte 0: the header has 65535 bytes, the file 8; this "
        "is no safetensors file");
    finish(&t);
}

TN_TEST(paths)
{
    trial t = {.text = "{\"tenon\": 1, \"files\": [\"../a.safetensors\"], \"weights\": {}}"};
    make_folder(&t);
    TN_CHECK(tn_arena_guard(t.arena, inside, &t) != TN_OK);
    finish(&t);
    t = (trial){.text = "{\"tenon\": 1, \"files\": [\"m.gguf\"], \"weights\": {}}"};
    make_folder(&t);
    refuses(&t, TN_UNSUPPORTED, "m.gguf: GGUF files cannot be read yet");
    finish(&t);
}

TN_TEST(the_shipped_model)
{
    trial t = {.path = TN_SOURCE_FOLDER "/models/utterance/model.json"};
    make_folder(&t);
    loads(&t);
    TN_CHECK(t.module && tn_module_params(t.module) > 100000);
    finish(&t);
}

TN_MAIN(TN_CASE(seeded), TN_CASE(given), TN_CASE(computed_bio), TN_CASE(computed_bioes),
    TN_CASE(wrong_data), TN_CASE(safetensors), TN_CASE(index_and_conversion), TN_CASE(npy),
    TN_CASE(missing_tensors_are_all_listed), TN_CASE(seeded_although_files),
    TN_CASE(files_that_do_not_fit), TN_CASE(damaged_files), TN_CASE(paths),
    TN_CASE(the_shipped_model))
