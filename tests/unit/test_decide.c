/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/decide.h"

#include <math.h>
#include <string.h>

#include "frontend/model.h"
#include "frontend/weights.h"
#include "tests/support/test.h"

/* One model with a decision of each kind, evaluated by the reference; choices
 * other than its own are then judged. */
static const char model[] =
    "{\"tenon\":1,\"weights\":{\"A\":{\"type\":\"f32[2,2]\",\"data\":[[1,0],[0,1]]}},\"inputs\":{"
    "\"x\":\"f32[2,4]\",\"e\":\"f32[1,4,2]\",\"n\":\"i32[1]\"},\"nodes\":[[\"y\",\"neg\",\"x\"],"
    "[\"pick\",\"arg_max\",\"y\",{\"axis\":1,\"keepdims\":true}],[\"flat\",\"reshape\",\"pick\",{\"to\":"
    "\"[2]\"}],[[\"v\",\"two\"],\"top_k\",\"x\",{\"k\":2,\"largest\":false}],[[\"path\",\"s\"],"
    "\"viterbi\",\"e\",\"A\",\"n\"],[\"same\",\"cast\",\"n\",{\"to\":\"i64\"}]],\"outputs\":{\"flat\":"
    "\"i32[2]\",\"two\":\"i32[2,2]\",\"path\":\"i32[1,4]\",\"same\":\"i64[1]\"}}";

/* Row 0 has a lead of 1e-6, row 1 of 3; the path 1 1 1 leads 0 0 0 by 2e-6. */
static float x[] = {5, 1, 1.000001F, 9, 7, 4, 1, 8};
static float e[] = {0, 0.000002F, 0, 0, 0, 0, 0, 0};
static int32_t n[] = {3};

typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    tn_decisions d;
    tn_tensor out[4];
} trial;

static tn_status
evaluate(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_span span = {(const uint8_t *)model, strlen(model)};
    tn_tensor in[] = {{.dtype = TN_F32, .rank = 2, .dim = {2, 4}, .data = x},
        {.dtype = TN_F32, .rank = 3, .dim = {1, 4, 2}, .data = e},
        {.dtype = TN_I32, .rank = 1, .dim = {1}, .data = n}};
    tn_reference_args args = {.inputs = in, .outputs = t->out, .watch = &t->d.watch};
    tn_module *m;

    TN_TRY(tn_model_parse(&env, t->arena, "m.json", span, NULL, &m));
    TN_TRY(tn_weights_load(&env, m, &(tn_weights_options){.given_count = 0}));
    tn_decisions_find(t->arena, m->entries.at[0], &t->d);
    TN_TRY(tn_reference_run(&env, m->entries.at[0], &args));
    tn_decisions_inputs(&t->d, in);
    return TN_OK;
}

static void
start(trial *t)
{
    *t = (trial){.arena = tn_arena_create(tn_alloc_system(), 0)};
    tn_diag_init(&t->diag, tn_alloc_system());
    TN_NEED(t->arena);
    if (!TN_CHECK_EQ(tn_arena_guard(t->arena, evaluate, t), TN_OK))
        tn_test_note("%s", tn_diag_text(&t->diag, 0));
}

static void
finish(trial *t)
{
    for (int i = 0; i < 4; i++)
        tn_tensor_free(tn_alloc_system(), &t->out[i]);
    tn_arena_destroy(t->arena);
    tn_diag_clear(&t->diag);
}

typedef struct question {
    trial *t;
    uint32_t output;
    const int32_t *got;
    tn_judgement answer;
    bool decides;
} question;

static tn_status
ask(void *arg)
{
    question *q = arg;
    tn_tensor got = q->t->out[q->output];

    got.dtype = TN_I32;
    got.data = (void *)(uintptr_t)q->got;
    q->decides =
        tn_decisions_judge(&q->t->d, q->output, &got, &q->t->out[q->output], 1e-5, &q->answer);
    return TN_OK;
}

static bool
right(trial *t, uint32_t output, const int32_t *got)
{
    question q = {.t = t, .output = output, .got = got};

    TN_CHECK_EQ(tn_arena_guard(t->arena, ask, &q), TN_OK);
    TN_CHECK(q.decides);
    return q.answer.right;
}

TN_TEST(picks)
{
    trial t;

    start(&t);
    TN_CHECK(right(&t, 0, (const int32_t[]){1, 2}));
    TN_CHECK(right(&t, 0, (const int32_t[]){2, 2}));  /* a near tie */
    TN_CHECK(!right(&t, 0, (const int32_t[]){0, 2})); /* none */
    TN_CHECK(!right(&t, 0, (const int32_t[]){1, 1}));
    TN_CHECK(!right(&t, 0, (const int32_t[]){1, 4})); /* no candidate */
    TN_CHECK(!right(&t, 0, (const int32_t[]){-1, 2}));
    finish(&t);
}

TN_TEST(slots)
{
    trial t;

    start(&t);
    TN_CHECK(right(&t, 1, (const int32_t[]){1, 2, 2, 1}));
    TN_CHECK(right(&t, 1, (const int32_t[]){2, 1, 2, 1}));
    TN_CHECK(!right(&t, 1, (const int32_t[]){1, 1, 2, 1})); /* one twice */
    TN_CHECK(!right(&t, 1, (const int32_t[]){1, 2, 1, 2}));
    finish(&t);
}

TN_TEST(paths)
{
    trial t;

    start(&t);
    TN_CHECK(right(&t, 2, (const int32_t[]){1, 1, 1, 1}));
    TN_CHECK(!right(&t, 2, (const int32_t[]){0, 0, 0, 0})); /* beyond 1e-5 of |e| = 2e-6 */
    TN_CHECK(!right(&t, 2, (const int32_t[]){1, 1, 0, 0}));
    finish(&t);
    e[6] = e[7] = 1; /* behind the end: counts for nothing */
    e[2] = e[3] = 1; /* the norm is above 1, so 2e-6 is a near tie */
    start(&t);
    TN_CHECK(right(&t, 2, (const int32_t[]){0, 0, 0, 0}));
    TN_CHECK(!right(&t, 2, (const int32_t[]){0, 0, 0, 1})); /* goes on behind the end */
    TN_CHECK(!right(&t, 2, (const int32_t[]){0, 1, 1, 1}));
    TN_CHECK(!right(&t, 2, (const int32_t[]){0, 2, 0, 0}));
    finish(&t);
    e[2] = e[3] = e[6] = e[7] = 0;
}

static double
margin(trial *t, uint32_t output)
{
    question q = {.t = t, .output = output, .got = t->out[output].data};

    TN_CHECK_EQ(tn_arena_guard(t->arena, ask, &q), TN_OK);
    return q.decides ? q.answer.margin : -1;
}

TN_TEST(margins)
{
    trial t;

    start(&t);
    double near = (double)1.000001F - 1;
    double size = sqrt(25 + 1 + (double)1.000001F * (double)1.000001F + 81);
    TN_CHECK_NEAR(margin(&t, 0), near / size, 1e-12);
    TN_CHECK_NEAR(margin(&t, 1), near / size, 1e-12);
    TN_CHECK_NEAR(margin(&t, 2), 1, 1e-6); /* 2e-6 of 2e-6 */
    TN_CHECK_NEAR(margin(&t, 3), -1, 0);   /* no decision */
    finish(&t);
}

TN_MAIN(TN_CASE(picks), TN_CASE(slots), TN_CASE(paths), TN_CASE(margins))
