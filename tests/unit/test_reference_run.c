/* SPDX-License-Identifier: Apache-2.0
 * Running the oracle: what it is given, gives, keeps and refuses. */
#include "runtime/reference/reference.h"

#include <string.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

static const char text[] =
    "graph main\n"
    "    dim T 0..8\n"
    "    scalar past 0..5\n"
    "    input x: f16[T,2]\n"
    "    input past: i32[] in 0..5\n"
    "    weight w: f32[3,2]\n"
    "    state s: f32[T,3]\n"
    "    c: f32[T,2] = cast x {to=f32}\n"
    "    y: f32[T,3] = linear c, w\n"
    "    z: f32[T,3] = add y, s\n"
    "    two: f32[] = fill {type=f32[], value=<010100>}\n" /* the symbol past */
    "    k: f32[T,3] = mul z, two\n"
    "    out: f32[T,3] = scan k {carries=1, count=past} do (v, t)\n"
    "        n: f32[T,3] = add v, 1\n"
    "        yield n\n"
    "    end\n"
    "    h: i32[T] = arg_max out {axis=1}\n"
    "    output out = out\n"
    "    output h = h\n"
    "    store s = z\n";

typedef struct job {
    const tn_alloc *alloc;
    tn_diag *diag;
    tn_arena *arena;
    tn_reference_watch *watch;
    tn_tensor out[2], store[1];
    tn_status status;
} job;

static tn_status
run(void *arg)
{
    static const uint16_t x[] = {0x3c00, 0x4000, 0x4200, 0xc400}; /* 1 2 3 -4 */
    static const float w[] = {1, 0, 0, 1, 1, 1};
    static const double s[] = {0.5, 0.25, 0.125, 0, 0, 1e300};
    static const int32_t past[] = {2};
    job *j = arg;
    tn_env env = {j->alloc, NULL, j->diag};
    tn_module *m = tn_module_create(j->arena, "main");
    int64_t symbols[] = {2, 2};
    tn_tensor inputs[] = {
        {.dtype = TN_F16, .rank = 2, .dim = {2, 2}, .data = (void *)(uintptr_t)x},
        {.dtype = TN_I32, .rank = 0, .data = (void *)(uintptr_t)past},
    };
    tn_tensor states[] = {
        {.dtype = TN_F64, .rank = 2, .dim = {2, 3}, .data = (void *)(uintptr_t)s}};
    tn_reference_args args = {.symbols = symbols,
        .inputs = inputs,
        .states = states,
        .outputs = j->out,
        .stores = j->store,
        .watch = j->watch};
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->diag, "main", text, &g));
    ((tn_weight *)tn_map_get(&m->weights, "w"))->data = w;
    j->status = tn_reference_run(&env, g, &args);
    return TN_OK;
}

static void
start(job *j, const tn_alloc *alloc, tn_diag *diag)
{
    tn_diag_init(diag, tn_alloc_system());
    *j = (job){.alloc = alloc, .diag = diag, .arena = tn_arena_create(tn_alloc_system(), 0)};
}

static void
finish(job *j)
{
    tn_tensor_free(j->alloc, &j->out[0]);
    tn_tensor_free(j->alloc, &j->out[1]);
    tn_tensor_free(j->alloc, &j->store[0]);
    tn_diag_clear(j->diag);
    tn_arena_destroy(j->arena);
}

static void
check(const job *j)
{
    const double *out = j->out[0].data, *store = j->store[0].data;
    const int32_t *h = j->out[1].data;

    TN_NEED(out && store && h);
    TN_CHECK(j->out[0].dtype == TN_F64 && j->out[0].rank == 2 && j->out[0].dim[1] == 3);
    TN_CHECK(j->out[1].dtype == TN_I32 && j->out[1].rank == 1);
    TN_CHECK_SAME(store[0], 1.5);
    TN_CHECK_SAME(store[1], 2.25);
    TN_CHECK_SAME(store[2], 3.125);
    TN_CHECK_SAME(store[5], 1e300); /* not rounded to f32 */
    TN_CHECK_SAME(out[0], 5);
    TN_CHECK_SAME(out[4], -6);
    TN_CHECK_EQ(h[0], 2);
    TN_CHECK_EQ(h[1], 2);
}

TN_TEST(takes_inputs_weights_and_state)
{
    tn_diag diag;
    job j;

    start(&j, tn_alloc_system(), &diag);
    TN_CHECK_EQ(tn_arena_guard(j.arena, run, &j), TN_OK);
    if (TN_CHECK_EQ(j.status, TN_OK))
        check(&j);
    else
        tn_test_note("%s", tn_diag_text(&diag, 0));
    finish(&j);
}

TN_TEST(survives_running_out_anywhere)
{
    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        tn_diag diag;
        job j;

        tn_fake_alloc_init(&mem, n);
        start(&j, &mem.table, &diag);
        TN_CHECK_EQ(tn_arena_guard(j.arena, run, &j), TN_OK);
        if (!mem.failed)
            check(&j);
        else
            TN_CHECK_EQ(j.status, TN_NO_MEMORY);
        finish(&j);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
        if (!mem.failed)
            return;
    }
}

typedef struct seen {
    int count;
    double sum;
    int64_t rounds;
} seen;

static void
note(void *self, const tn_value *value, int64_t round, const tn_tensor *t)
{
    seen *s = self;

    s->count++;
    if (value->name && strcmp(value->name, "n") == 0) {
        s->sum += ((const double *)t->data)[0];
        s->rounds += round + 1;
    }
}

TN_TEST(shows_every_value)
{
    seen s = {0, 0, 0};
    tn_reference_watch watch = {&s, note};
    tn_diag diag;
    job j;

    start(&j, tn_alloc_system(), &diag);
    j.watch = &watch;
    TN_CHECK_EQ(tn_arena_guard(j.arena, run, &j), TN_OK);
    TN_CHECK_EQ(s.count, 9);
    TN_CHECK_SAME(s.sum, 4 + 5);
    TN_CHECK_EQ(s.rounds, 1 + 2);
    finish(&j);
}

/* Memory is given back when the last reader is done: a chain of copies needs
 * two of them at a time. */
typedef struct chain {
    const tn_alloc *alloc;
    tn_arena *arena;
    tn_tensor out[1];
} chain;

static tn_status
run_chain(void *arg)
{
    chain *j = arg;
    tn_env env = {j->alloc, NULL, NULL};
    tn_module *m = tn_module_create(j->arena, "chain");
    tn_reference_args args = {.outputs = j->out};
    tn_text t = {.arena = j->arena};
    tn_graph *g;

    tn_text_add(&t, "graph chain\n v0 = iota {size=10000, dtype=f64}\n");
    for (int i = 0; i < 20; i++)
        tn_text_add(&t, " v%d = add v%d, 1\n", i + 1, i);
    tn_text_add(&t, " y = index v20 {axis=0, at=0}\n output y = y\n");
    TN_TRY(tn_graph_parse(m, NULL, "chain", t.at, &g));
    return tn_reference_run(&env, g, &args);
}

TN_TEST(frees_values_after_their_last_use)
{
    tn_fake_alloc mem;
    chain j = {.alloc = &mem.table, .arena = tn_arena_create(tn_alloc_system(), 0)};

    tn_fake_alloc_init(&mem, 0);
    TN_CHECK_EQ(tn_arena_guard(j.arena, run_chain, &j), TN_OK);
    TN_CHECK_SAME(j.out[0].data ? *(const double *)j.out[0].data : 0, 20);
    TN_CHECK(mem.peak_bytes < 3 * 80000);
    tn_tensor_free(j.alloc, &j.out[0]);
    TN_CHECK_EQ(mem.live, 0);
    tn_arena_destroy(j.arena);
}

TN_TEST(rounds_to_a_type)
{
    double values[] = {0.1, 1e39, -2};
    tn_env env = {tn_alloc_system(), NULL, NULL};
    tn_tensor from = {.dtype = TN_F64, .rank = 1, .dim = {3}, .data = values, .bytes = 24};
    tn_tensor to;

    TN_NEED(tn_reference_round(&env, &from, TN_F32, &to) == TN_OK);
    TN_CHECK_SAME(((const float *)to.data)[0], 0.1f);
    TN_CHECK(((const float *)to.data)[1] > 3e38f);
    TN_CHECK_EQ(to.bytes, 12);
    tn_tensor_free(env.alloc, &to);
}

TN_MAIN(TN_CASE(takes_inputs_weights_and_state), TN_CASE(survives_running_out_anywhere),
    TN_CASE(shows_every_value), TN_CASE(frees_values_after_their_last_use),
    TN_CASE(rounds_to_a_type))
