/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/tests.h"
#include "frontend/weights.h"
#include "tests/support/test.h"

/* JSON -> module -> JSON -> module: both modules are described in full, and
 * the descriptions agree. What is written is sound and writes the same text. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *path, *text;
    tn_model_options options;
    bool bare; /* numbers stand where nothing gives them a type: they become fills first */
} trial;

static void
list(tn_text *out, const char *what, const char *name)
{
    tn_text_add(out, "%s %s\n", what, name ? name : "-");
}

static void
describe_type(tn_text *out, const tn_sizes *sizes, const tn_type *type)
{
    tn_text_add(out, " ");
    tn_type_print(out, sizes, type);
}

static void
describe_weights(tn_text *out, const tn_module *m)
{
    const tn_sizes *sizes = m->entries.at[0]->sizes;

    for (uint32_t i = 0; i < m->weights.count; i++) {
        const tn_weight *w = m->weights.entries[i].value;
        const tn_weight_source *from = tn_map_get(&tn_module_document(m)->weights, w->name);

        tn_text_add(out, "weight %u %s %s given %d fill %d %g %g", w->id, w->name, w->tensor,
            w->given, (int)w->fill, w->fill_a, w->fill_b);
        describe_type(out, sizes, &w->type);
        if (w->has_stored)
            describe_type(out, sizes, &w->stored_type);
        for (uint32_t s = 0; s < w->slices.count; s++)
            tn_text_add(out, " slice %s", w->slices.at[s]->name);
        tn_text_add(out, " any %d computed %d %s %s %g %g\n", from->any,
            from->labels ? from->computed : -1, from->labels ? from->labels->name : "-",
            from->scheme ? from->scheme : "-", from->legal, from->illegal);
    }
    for (uint32_t i = 0; i < m->states.count; i++) {
        const tn_state *s = m->states.entries[i].value;

        tn_text_add(out, "state %u %s fill %d %g %g\n", s->id, s->name, (int)s->fill, s->fill_a,
            s->fill_b);
    }
}

static void
describe_module(tn_text *out, const tn_module *m)
{
    const tn_document *d = tn_module_document(m);

    list(out, "preset", d->preset);
    for (uint32_t i = 0; i < d->params.count; i++)
        tn_text_add(out, "param %s %s\n", d->params.at[i].name, d->params.at[i].value);
    for (uint32_t i = 0; i < d->presets.count; i++)
        list(out, "has preset", d->presets.at[i]);
    for (uint32_t i = 0; i < m->labels.count; i++)
        for (uint32_t k = 0; k < m->labels.at[i]->names.count; k++)
            list(out, m->labels.at[i]->name, m->labels.at[i]->names.at[k]);
    for (uint32_t i = 0; i < m->tokenizers.count; i++) {
        const tn_tokenizer_spec *t = m->tokenizers.at[i];

        list(out, t->name, t->kind);
        list(out, "file", t->file);
        list(out, "unknown", t->unknown);
        list(out, "begin", t->begin);
        list(out, "end", t->end);
        list(out, "pad", t->pad);
        tn_text_add(out, "%d %d\n", t->lowercase, (int)t->max_length);
    }
    for (uint32_t i = 0; i < m->files.count; i++) {
        list(out, m->files.at[i]->path, m->files.at[i]->tensor);
        for (uint32_t k = 0; k < m->files.at[i]->from.count; k++)
            list(out, m->files.at[i]->from.at[k], m->files.at[i]->to.at[k]);
    }
}

static void
describe_values(tn_text *out, const char *what, const tn_test_value *at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        tn_text_add(out, "%s %s kind %d seed %d path %s run %d.%s", what, at[i].name,
            (int)at[i].kind, (int)at[i].seed, at[i].path ? at[i].path : "-", at[i].run,
            at[i].output ? at[i].output : "-");
        for (int k = 0; k < at[i].rank; k++)
            tn_text_add(out, " %d", (int)at[i].dim[k]);
        tn_text_add(out, "\n");
    }
}

static void
describe_test(tn_text *out, const tn_test *t)
{
    tn_text_add(out, "test %s seed %d files %d tol %d %g %g fails %d\n", t->name, (int)t->seed,
        t->needs_files, t->has_tol, t->tol_abs, t->tol_rel, t->fails);
    list(out, "preset", t->preset);
    for (uint32_t i = 0; i < t->sets.count; i++)
        list(out, t->sets.at[i].name, t->sets.at[i].value);
    for (uint32_t i = 0; i < t->dims.count; i++)
        tn_text_add(out, "dim %s %d\n", t->dims.at[i].name, (int)t->dims.at[i].low);
    for (uint32_t i = 0; i < t->weights.count; i++)
        list(out, "weight", t->weights.at[i].name);
    for (uint32_t i = 0; i < t->runs.count; i++) {
        const tn_test_step *r = &t->runs.at[i];

        list(out, r->name, r->entry);
        describe_values(out, "in", r->inputs.at, r->inputs.count);
        describe_values(out, "out", r->outputs.at, r->outputs.count);
    }
}

static void
describe_expect(tn_text *out, const tn_expect *e)
{
    list(out, "expect", e->entry);
    list(out, "preset", e->when_preset);
    list(out, "device", e->when_device);
    list(out, "entry", e->when_entry);
    for (uint32_t i = 0; i < e->fused.count; i++)
        tn_text_add(out, "fused %s %d\n", e->fused.at[i].family, (int)e->fused.at[i].count);
    for (int i = 0; i < TN_EXPECT_LIMITS; i++)
        tn_text_add(out, "limit %d %lld\n", e->has_limit[i], (long long)e->limit[i]);
    for (uint32_t i = 0; i < e->in_place.count; i++)
        list(out, "in place", e->in_place.at[i]);
    tn_text_add(out, "all %d params %d %lld\n", e->in_place_all, e->has_params,
        (long long)e->params);
}

/* Symbols in whatever order: it is that in which the file names them. Facts
 * without the places in the file at which they are said. */
static void
describe_graph(tn_text *out, const tn_graph *g)
{
    tn_text text = {.arena = out->arena};

    tn_graph_print(&text, g);
    for (const char *at = text.at; *at;) {
        size_t length = strcspn(at, "\n"), indent = strspn(at, " ");
        bool fact = strncmp(at + indent, "fact ", 5) == 0;
        const char *what = fact ? memchr(at, '"', length) : NULL;

        if (strncmp(at + indent, "dim ", 4) != 0)
            tn_text_add(out, "%.*s\n", what ? (int)(what - at) : (int)length, at);
        at += length + (at[length] == '\n');
    }
}

/* The symbols of `a` are those of `b`. */
static void
same_symbols(const tn_graph *a, const tn_graph *b)
{
    TN_CHECK_EQ(tn_sizes_count(a->sizes), tn_sizes_count(b->sizes));
    for (int i = 0; i < tn_sizes_count(a->sizes); i++) {
        const tn_symbol *s = tn_sizes_symbol(a->sizes, i);
        int other = tn_sizes_find(b->sizes, s->name);

        if (!TN_CHECK(other >= 0))
            continue;
        const tn_symbol *t = tn_sizes_symbol(b->sizes, other);
        TN_CHECK_EQ(s->low, t->low);
        TN_CHECK_EQ(s->high, t->high);
        TN_CHECK_EQ(s->multiple, t->multiple);
        TN_CHECK_EQ(s->sample, t->sample);
        TN_CHECK_EQ(s->scalar, t->scalar);
    }
}

static const char *
describe(tn_arena *arena, const tn_module *m)
{
    const tn_tests *tests = tn_module_tests(m);
    tn_text out = {.arena = arena};

    for (uint32_t i = 0; i < m->entries.count; i++)
        describe_graph(&out, m->entries.at[i]);
    describe_module(&out, m);
    describe_weights(&out, m);
    for (uint32_t i = 0; i < tests->tests.count; i++)
        describe_test(&out, &tests->tests.at[i]);
    for (uint32_t i = 0; i < tests->expects.count; i++)
        describe_expect(&out, &tests->expects.at[i]);
    return out.at;
}

/* The data that tests and weights hold is JSON, which is compared as such. */
static void
same_data(const tn_module *a, const tn_module *b)
{
    const tn_tests *x = tn_module_tests(a), *y = tn_module_tests(b);

    for (uint32_t i = 0; i < x->tests.count && i < y->tests.count; i++) {
        const tn_test *s = &x->tests.at[i], *t = &y->tests.at[i];

        for (uint32_t w = 0; w < s->weights.count && w < t->weights.count; w++)
            TN_CHECK(tn_json_equal(s->weights.at[w].data, t->weights.at[w].data));
        for (uint32_t r = 0; r < s->runs.count && r < t->runs.count; r++) {
            const tn_test_step *p = &s->runs.at[r], *q = &t->runs.at[r];

            for (uint32_t k = 0; k < p->inputs.count && k < q->inputs.count; k++)
                TN_CHECK(tn_json_equal(p->inputs.at[k].data, q->inputs.at[k].data));
            for (uint32_t k = 0; k < p->outputs.count && k < q->outputs.count; k++)
                TN_CHECK(tn_json_equal(p->outputs.at[k].data, q->outputs.at[k].data));
        }
    }
    for (uint32_t i = 0; i < a->weights.count && i < b->weights.count; i++) {
        const tn_weight *w = a->weights.entries[i].value;
        const tn_weight_source *s = tn_map_get(&tn_module_document(a)->weights, w->name);
        const tn_weight_source *t = tn_map_get(&tn_module_document(b)->weights, w->name);

        TN_CHECK(t && tn_json_equal(s->data, t->data));
    }
}

/* The first line in which two texts differ. */
static void
same_text(const char *found, const char *wanted)
{
    if (TN_CHECK(strcmp(found, wanted) == 0))
        return;
    while (*found && *found == *wanted) {
        const char *end = strchr(found, '\n');
        size_t length = end ? (size_t)(end - found) + 1 : strlen(found);

        if (strncmp(found, wanted, length) != 0)
            break;
        found += length;
        wanted += length;
    }
    tn_test_note("found  %.*s", (int)strcspn(found, "\n"), found);
    tn_test_note("wanted %.*s", (int)strcspn(wanted, "\n"), wanted);
}

static tn_status
again(trial *t, const tn_env *env, const char *text, const tn_model_options *options,
    tn_module **module)
{
    tn_span span = {(const uint8_t *)text, strlen(text)};

    TN_TRY(tn_model_parse(env, t->arena,
        t->path ? t->path : TN_SOURCE_FOLDER "/models/utterance/x.json", span, options, module));
    for (uint32_t i = 0; i < (*module)->entries.count; i++)
        TN_TRY(tn_graph_verify((*module)->entries.at[i], &t->diag));
    return TN_OK;
}

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_text once = {.arena = t->arena}, twice = {.arena = t->arena}, bare = once;
    tn_module *first, *second;

    if (t->path)
        TN_TRY(tn_model_read(&env, t->arena, t->path, &t->options, &first));
    else
        TN_TRY(again(t, &env, t->text, &t->options, &first));
    if (t->bare) {
        tn_model_write(&bare, first, "read");
        TN_TRY(again(t, &env, bare.at, NULL, &first));
    }
    tn_model_write(&once, first, "read");
    TN_TRY(again(t, &env, once.at, NULL, &second));
    tn_model_write(&twice, second, "read");
    same_text(twice.at, once.at);
    for (uint32_t i = 0; i < first->entries.count && i < second->entries.count; i++)
        same_symbols(second->entries.at[i], first->entries.at[i]);
    same_text(describe(t->arena, second), describe(t->arena, first));
    same_data(first, second);
    return TN_OK;
}

static void
try_one(trial t)
{
    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_NEED(t.arena);
    if (!TN_CHECK_EQ(tn_arena_guard(t.arena, inside, &t), TN_OK))
        tn_test_note("%s", tn_diag_text(&t.diag, 0));
    tn_arena_destroy(t.arena);
    tn_diag_clear(&t.diag);
}

static void
round_trip(const char *path, const char *text)
{
    try_one((trial){.path = path, .text = text});
}

TN_TEST(shipped_model)
{
    round_trip(TN_SOURCE_FOLDER "/models/utterance/model.json", NULL);
}

TN_TEST(examples)
{
    static const char *const names[] = {"bert-multitask", "fastica", "gemma2-reward", "hello",
        "masked-crf", "opt-laws", "skywork-13b", "skywork-moe-block", "utterance", "valle"};
    const char *folder = getenv("TN_EXAMPLES");
    char path[512];

    if (!folder)
        folder = TN_SOURCE_FOLDER "/../shared/design/examples";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s.json", folder, names[i]);
        FILE *f = fopen(path, "rb");
        if (!f)
            TN_SKIP("%s is not there (TN_EXAMPLES names the folder)", path);
        fclose(f);
        round_trip(path, NULL);
    }
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
    try_one((trial){.bare = true,
        .text =
            "{\"tenon\":1,\"functions\":{\"f\":{\"inputs\":{\"k\":\"i32[]\",\"x\":\"f32[4]\"},"
            "\"state\":{\"s\":\"f32[4]\"},\"weights\":{\"w\":{\"type\":\"f32[4]\",\"stored\":\"bf16[2,2]\"}},"
            "\"nodes\":[[\"j\",\"add\",\"k\",1],[\"n\",\"=x*w + s/10\"]],\"store\":{\"s\":\"n\"},"
            "\"outputs\":{\"n\":\"f32[4]\",\"j\":\"i32[]\"}}},\"inputs\":{\"x\":\"f32[4]\"},\"nodes\":["
            "[[\"y\",\"i\"],\"@f\",3,\"x\",{\"scope\":\"a{{b\"}],[\"k\",\"constant\",{\"type\":\"f32[2]\","
            "\"data\":[\"=-inf\",\"=1/3\"]}]],\"outputs\":{\"y\":\"f32[4]\",\"i\":\"i32[]\",\"k\":\"f32[2]\"}}"});
}

/* What no op uses is kept, and so are tests and expectations: with the params
 * that they are for, of which those of the graph are known to be others. */
static const char unused[] =
    "{\"tenon\":1,\"doc\":\"a\",\"params\":{\"H\":4,\"e\":\"1/3\",\"dt\":\"f32\"},\"presets\":{\"wide\":"
    "{\"H\":8}},\"dims\":{\"B\":\"1..4\",\"Q\":\"1..9\"},\"inputs\":{\"x\":\"dt[B,H]\",\"p\":{\"type\":"
    "\"i32[]\",\"range\":\"0..8\",\"sample\":3}},\"weights\":{\"idle\":\"f32[3]\",\"w\":\"dt[H]\",\"stack\":"
    "{\"type\":\"f32[2,3]\",\"tensors\":\"t.{j+1}.w\",\"count\":2},\"last\":{\"type\":\"f32[2]\",\"data\":"
    "[1,2]}},\"state\":{\"s\":\"f32[2]\",\"never\":{\"type\":\"f32[H]\",\"init\":\"ones\"}},\"nodes\":["
    "[\"y\",\"=x*w\"],[\"z\",\"constant\",{\"type\":\"f32[2]\",\"data\":[1,2],\"from\":\"onnx:/z\"}]],"
    "\"store\":{\"s\":\"z\"},\"outputs\":{\"y\":\"dt[B,H]\"},\"expect\":[{\"fused\":[\"map*H/4\"],\"launches\":"
    "{\"max\":3},\"in_place\":[\"s\"]},{\"when\":{\"preset\":\"wide\"},\"params\":19}],\"tests\":["
    "{\"name\":\"plain\",\"inputs\":{\"x\":[[1,2,3,4]]},\"outputs\":{\"y\":{\"npy\":\"y.npy\"}},\"tol\":"
    "{\"abs\":0.5}},{\"name\":\"wide\",\"preset\":\"wide\",\"dims\":{\"Q\":2},\"weights\":{\"w\":[1,2,3,4,5,6,7,8]},"
    "\"runs\":[{\"name\":\"a\",\"inputs\":{\"x\":{\"seed\":3,\"shape\":[1,8]}}},{\"inputs\":{\"x\":{\"seed\":3,"
    "\"shape\":[1,8]}},\"outputs\":{\"y\":{\"same_as\":\"a.y\"}}}]},{\"name\":\"other\",\"set\":{\"e\":\"=1/4\"},"
    "\"needs\":\"files\",\"fails\":3}]}";

TN_TEST(what_nobody_uses)
{
    round_trip(NULL, unused);
    try_one((trial){.bare = true, .text = unused, .options = {.preset = "wide"}});
}

static tn_status
elsewhere(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_span span = {(const uint8_t *)unused, strlen(unused)};
    tn_model_set narrow = {"H", "4"};
    tn_text out = {.arena = t->arena};
    tn_module *m;

    TN_TRY(tn_model_parse(&env, t->arena, "x.json", span, &t->options, &m));
    tn_model_write(&out, m, "read");
    span = (tn_span){(const uint8_t *)out.at, out.length};
    TN_TRY(tn_model_parse(&env, t->arena, "x.json", span, NULL, &m));
    const tn_tests *tests = tn_module_tests(m);
    if (!TN_CHECK_EQ(tests->tests.count, 3))
        return TN_BUG;
    TN_CHECK(tests->tests.at[0].elsewhere);
    TN_CHECK(!tests->tests.at[1].elsewhere);
    TN_CHECK(tests->tests.at[2].elsewhere);
    TN_CHECK_STR(tn_module_document(m)->preset, "wide");
    t->options = (tn_model_options){.sets = &narrow, .set_count = 1};
    return tn_model_parse(&env, t->arena, "x.json", span, &t->options, &m);
}

/* Printed with the params of one preset, the tests of others are known to be
 * elsewhere, and so is who asks for other params. */
TN_TEST(printed_for_its_params)
{
    trial t = {.options = {.preset = "wide"}};

    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_NEED(t.arena);
    TN_CHECK_EQ(tn_arena_guard(t.arena, elsewhere, &t), TN_USAGE);
    TN_CHECK_STR(tn_diag_text(&t.diag, 0),
        "x.json: the graph was printed with H = 8, so it cannot be read with H = 4");
    tn_arena_destroy(t.arena);
    tn_diag_clear(&t.diag);
}

typedef struct meant {
    trial t;
    char hash[TN_HASH_HEX];
} meant;

static tn_status
mean(void *arg)
{
    meant *m = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &m->t.diag};
    tn_module *module;

    TN_TRY(again(&m->t, &env, m->t.text, &m->t.options, &module));
    tn_hash hash = tn_model_meaning(m->t.arena, module);
    tn_hash_hex(&hash, m->hash);
    return TN_OK;
}

static bool
means_as(const char *a, const char *b)
{
    meant m[2] = {{.t = {.text = a}}, {.t = {.text = b}}};

    for (int i = 0; i < 2; i++) {
        tn_diag_init(&m[i].t.diag, tn_alloc_system());
        m[i].t.arena = tn_arena_create(tn_alloc_system(), 0);
        TN_CHECK_EQ(tn_arena_guard(m[i].t.arena, mean, &m[i]), TN_OK);
        tn_arena_destroy(m[i].t.arena);
        tn_diag_clear(&m[i].t.diag);
    }
    return strcmp(m[0].hash, m[1].hash) == 0;
}

#define MODEL(head, weight, body)                                                             \
    "{\"tenon\":1," head "\"inputs\":{\"x\":\"f32[4]\"},\"weights\":{\"w\":" weight "}," body \
    ",\"outputs\":{\"y\":\"f32[4]\"}}"

TN_TEST(meaning)
{
    static const char plain[] =
        MODEL("", "\"f32[4]\"", "\"nodes\":[[\"a\",\"mul\",\"x\",\"w\"],[\"y\",\"neg\",\"a\"]]");

    TN_CHECK(means_as(plain,
        MODEL("\"doc\":\"words\",\"params\":{\"H\":4},", "\"f32[H]\"",
            "\"tests\":[{\"name\":\"t\"}],\"nodes\":[\"a remark\",[\"b\",\"mul\",\"x\",\"w\",{\"from\":"
            "\"onnx:b\"}],[\"y\",\"=-b\"]]")));
    TN_CHECK(!means_as(plain,
        MODEL("", "\"f32[4]\"", "\"nodes\":[[\"a\",\"mul\",\"x\",\"w\"],[\"y\",\"abs\",\"a\"]]")));
    TN_CHECK(!means_as(plain,
        MODEL("", "\"f32[4]\"", "\"nodes\":[[\"a\",\"mul\",\"x\",\"x\"],[\"y\",\"neg\",\"a\"]]")));
    TN_CHECK(!means_as(plain,
        MODEL("", "{\"type\":\"f32[4]\",\"data\":[1,2,3,4]}",
            "\"nodes\":[[\"a\",\"mul\",\"x\",\"w\"],[\"y\",\"neg\",\"a\"]]")));
}

TN_MAIN(TN_CASE(shipped_model), TN_CASE(examples), TN_CASE(loops), TN_CASE(state_and_literals),
    TN_CASE(what_nobody_uses), TN_CASE(printed_for_its_params), TN_CASE(meaning))
