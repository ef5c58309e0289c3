/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cpu_gen/gen_compile.h"
#include "ir/kernel/kbuild.h"
#include "tests/support/compiled.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

/* What machine code looks like, and what the generator refuses. */

typedef struct tile {
    tn_arena *arena;
    const char *target;
    int rows, vectors, lanes;
    bool chain;    /* the greatest sum, not the sum of products */
    bool in_place; /* rows of A where they lie, not packed side by side */
    int fused, stack, moves, adds, maxima, loaded, spread; /* results: of the inner loop */
} tile;

/* Row r of A at step k of the panel, for one task. */
static tn_ins *
row_address(tn_kb *b, const tile *t, tn_ins *r, tn_ins *k, tn_ins *depth)
{
    if (t->in_place)
        return tn_kb_add(b, tn_kb_mul(b, r, depth), k);
    return tn_kb_add(b, tn_kb_mul(b, k, tn_kb_int(b, t->rows)), r);
}

static void
build_step(tn_kb *b, const tile *t, tn_kmem *x, tn_kmem *w, tn_kcell *sums, tn_ins *k,
    tn_ins *depth)
{
    tn_ins *columns[8], *zero = tn_kb_int(b, 0), *rows = tn_kb_int(b, t->rows);

    for (int v = 0; v < t->vectors; v++) {
        tn_ins *panel = tn_kb_mul(b, depth, tn_kb_int(b, v * t->lanes));
        tn_ins *at = tn_kb_add(b, panel, tn_kb_mul(b, k, tn_kb_int(b, t->lanes)));

        columns[v] = tn_kb_load(b, w, at, t->lanes, NULL, NULL);
    }
    TN_KFOR(b, r, TN_LOOP_UNROLL, zero, rows, 1, "r") {
        tn_ins *a = tn_kb_load(b, x, row_address(b, t, r, k, depth), 1, NULL, NULL);

        a = tn_kb_splat(b, a, t->lanes);
        for (int v = 0; v < t->vectors; v++) {
            tn_ins *place[2] = {r, tn_kb_int(b, v)}, *old = tn_kb_get(b, sums, 2, place);

            old = t->chain ? tn_kb_fn2(b, TN_FN_maxq, tn_kb_add(b, a, columns[v]), old)
                           : tn_kb_fn3(b, TN_FN_fma, a, columns[v], old);
            tn_kb_set(b, sums, old, 2, place);
        }
    }
}

static void
for_each_sum(tn_kb *b, const tile *t, tn_kcell *sums, tn_kmem *y)
{
    for (int r = 0; r < t->rows; r++) {
        for (int v = 0; v < t->vectors; v++) {
            tn_ins *place[2] = {tn_kb_int(b, r), NULL};
            int64_t at = (r * t->vectors + v) * t->lanes;

            place[1] = tn_kb_int(b, v);
            if (y)
                tn_kb_store(b, y, tn_kb_int(b, at), tn_kb_get(b, sums, 2, place), NULL);
            else
                tn_kb_set(b, sums, tn_kb_real(b, TN_F32, 0), 2, place);
        }
    }
}

/* The inner part of a matrix product: y = x w for `rows` rows and `vectors`
 * vectors of columns. */
static tn_kernel *
build_tile(const tile *t)
{
    tn_kb *b = tn_kb_create(t->arena, "tile", TN_I64, false);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *w = tn_kb_global(b, "w", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *depth = tn_kb_size(b, "K", 1, 1 << 20), *zero = tn_kb_int(b, 0);
    tn_ins *one = tn_kb_int(b, 1);

    TN_KFOR(b, task, TN_LOOP_GRID, zero, one, 1, "task") {
        const int dims[2] = {t->rows, t->vectors};
        tn_ktype type = {TN_F32, (uint16_t)t->lanes};
        tn_kcell *sums = tn_kb_cell(b, "sums", type, 2, dims, false);

        for_each_sum(b, t, sums, NULL);
        TN_KFOR(b, k, TN_LOOP_SERIAL, zero, depth, 1, "k")
            build_step(b, t, x, w, sums, k, depth);
        for_each_sum(b, t, sums, y);
    }
    return tn_kb_finish(b);
}

/* The shortest stretch between a label and a jump back to it with a
 * multiplication inside. */
static bool
find_inner_loop(const char *text, const char **from, const char **to)
{
    size_t best = SIZE_MAX;

    for (const char *label = strstr(text, "\n.LBB"); label; label = strstr(label + 1, "\n.LBB")) {
        size_t length = strcspn(label + 1, ":");
        char name[32];
        const char *jump = label;

        if (length >= sizeof name)
            continue;
        memcpy(name, label + 1, length);
        name[length] = 0;
        while ((jump = strstr(jump + 1, name)) != NULL) {
            const char *first = strstr(label, "vfmadd");

            if (jump[length] != '\n' || !first || first > jump || (size_t)(jump - label) >= best)
                continue;
            best = (size_t)(jump - label);
            *from = label;
            *to = jump;
        }
    }
    return best != SIZE_MAX;
}

static int
count(const char *from, const char *to, const char *word)
{
    int found = 0;

    for (const char *at = strstr(from, word); at && at < to; at = strstr(at + 1, word))
        found++;
    return found;
}

static int
count_all(const char *text, const char *word)
{
    return count(text, text + strlen(text), word);
}

static tn_status
look_at_tile(void *arg)
{
    tile *t = arg;
    const char *text, *from, *to;

    TN_TRY(tn_compiled_text(t->arena, NULL, build_tile(t), t->target, &text));
    if (!find_inner_loop(text, &from, &to))
        return TN_FAILED;
    t->fused = count(from, to, "vfmadd");
    t->stack = count(from, to, "(%rsp") + count(from, to, "(%rbp");
    t->moves = count(from, to, "vmov");
    t->adds = count(from, to, "vaddps");
    t->maxima = count(from, to, "vmaxps");
    t->loaded = count(from, to, "vpbroadcastd");
    t->spread = count(from, to, "vbroadcastss");
    return TN_OK;
}

static void
check_tile(tile t)
{
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(t.arena, look_at_tile, &t), TN_OK);
    TN_CHECK_EQ(t.fused, t.rows * t.vectors);
    if (!TN_CHECK_EQ(t.stack, 0))
        tn_test_note("%dx%d, %s", t.rows, t.vectors * t.lanes, t.target);
    TN_CHECK_EQ(t.moves, t.vectors);
    tn_arena_destroy(t.arena);
}

TN_TEST(keeps_a_tile_in_registers)
{
    check_tile((tile){.target = "cpu:x86-64-v4", .rows = 12, .vectors = 2, .lanes = 16});
    check_tile((tile){.target = "cpu:x86-64-v4", .rows = 6, .vectors = 4, .lanes = 16});
    check_tile((tile){
        .target = "cpu:x86-64-v4", .rows = 8, .vectors = 2, .lanes = 16, .in_place = true});
    check_tile((tile){.target = "cpu:x86-64-v3", .rows = 6, .vectors = 2, .lanes = 8});
}

static void
check_chain(int lanes)
{
    tile t = {.target = "cpu:x86-64-v4", .rows = 4, .vectors = 5, .lanes = lanes, .chain = true};

    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(t.arena, look_at_tile, &t), TN_OK);
    TN_CHECK_EQ(t.fused, 20);
    TN_CHECK_EQ(t.maxima, 20);
    TN_CHECK_EQ(t.adds, 0);
    TN_CHECK_EQ(t.stack, 0);
    TN_CHECK_EQ(t.loaded, 4);
    TN_CHECK_EQ(t.spread, 0);
    tn_arena_destroy(t.arena);
}

/* Sums that a maximum is taken of keep the multipliers busy, not the adders,
 * which take the maxima; nor do loads take part of them. */
TN_TEST(adds_beside_maxima_by_products)
{
    check_chain(16);
    check_chain(8);
}

/* A gather inside a loop takes 16 indices of 32 bits at once. */
static tn_status
look_at_gather(void *arg)
{
    tile *t = arg;
    tn_kb *b = tn_kb_create(t->arena, "gather", TN_I64, false);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *order = tn_kb_global(b, "order", TN_I32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *tasks = tn_kb_size(b, "T", 1, 100);
    tn_ins *rounds = tn_kb_size(b, "N", 1, 100);
    const char *text;

    TN_KFOR(b, task, TN_LOOP_GRID, zero, tasks, 1, "task") {
        tn_ins *places = tn_kb_load(b, order, task, 16, NULL, NULL);

        TN_KFOR(b, i, TN_LOOP_SERIAL, zero, rounds, 1, "i") {
            tn_ins *v = tn_kb_gather(b, x, i, places, NULL, NULL);

            tn_kb_store(b, y, tn_kb_mul(b, i, tn_kb_int(b, 16)), v, NULL);
        }
    }
    TN_TRY(tn_compiled_text(t->arena, NULL, tn_kb_finish(b), "cpu:x86-64-v4", &text));
    t->moves = count_all(text, "vgatherdps");
    t->stack = count_all(text, "vgatherqps");
    return TN_OK;
}

TN_TEST(gathers_by_narrow_indices)
{
    tile t = {.arena = tn_arena_create(tn_alloc_system(), 0)};

    TN_CHECK_EQ(tn_arena_guard(t.arena, look_at_gather, &t), TN_OK);
    TN_CHECK_EQ(t.moves, 1);
    TN_CHECK_EQ(t.stack, 0);
    tn_arena_destroy(t.arena);
}

/* ---- refusals ---- */

typedef struct attempt {
    tn_arena *arena;
    tn_diag diag;
    const char *target;
    void (*build)(tn_kb *b);
    tn_span bytes;
    int calls;
} attempt;

static void
take(void *to, tn_span code)
{
    attempt *a = to;

    a->calls += code.bytes > 0;
}

static tn_status
encode(void *arg)
{
    attempt *a = arg;
    tn_kb *b = tn_kb_create(a->arena, "k", TN_I64, false);
    tn_writer w = {.arena = a->arena};
    tn_kernel *k;

    a->build(b);
    k = tn_kb_finish(b);
    TN_TRY(tn_kernel_verify(k, &a->diag));
    tn_kernel_encode(&w, k);
    a->bytes = tn_writer_span(&w);
    return TN_OK;
}

static void
refuses(const char *target, void (*build)(tn_kb *b), tn_status wanted, const char *part)
{
    attempt a = {.arena = tn_arena_create(tn_alloc_system(), 0), .build = build};
    const char *text;

    tn_gen_start();
    tn_diag_init(&a.diag, tn_alloc_system());
    TN_CHECK_EQ(tn_arena_guard(a.arena, encode, &a), TN_OK);
    TN_CHECK_EQ(tn_gen_compile(tn_alloc_system(), &a.diag, target, a.bytes, TN_GEN_OBJECT, take,
                    &a),
        wanted);
    TN_CHECK_EQ(a.calls, 0);
    text = tn_diag_text(&a.diag, 0);
    if (!TN_CHECK(text && strstr(text, part)))
        tn_test_note("wanted \"%s\", found: %s", part, text ? text : "nothing");
    tn_diag_clear(&a.diag);
    tn_arena_destroy(a.arena);
}

static void
build_copy(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *tasks = tn_kb_size(b, "T", 1, 100);

    TN_KFOR(b, t, TN_LOOP_GRID, zero, tasks, 1, "t")
        tn_kb_store(b, y, t, tn_kb_load(b, x, t, 1, NULL, NULL), NULL);
}

static void
build_lanes(tn_kb *b)
{
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *eight = tn_kb_int(b, 8);

    tn_kb_group(b, 8, 0);
    TN_KFOR(b, t, TN_LOOP_GRID, zero, eight, 1, "t")
        TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
            tn_ins *at = tn_kb_add(b, tn_kb_mul(b, t, eight), l);

            tn_kb_store(b, y, at, tn_kb_real(b, TN_F32, 1), NULL);
        }
}

/* More than a stack should hold. */
static void
build_large_cell(tn_kb *b)
{
    const int dims[2] = {1000, 1000};
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *eight = tn_kb_int(b, 8);

    TN_KFOR(b, t, TN_LOOP_GRID, zero, eight, 1, "t") {
        tn_kcell *cell = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 2, dims, false);
        tn_ins *place[2] = {t, t};

        tn_kb_set(b, cell, tn_kb_real(b, TN_F32, 1), 2, place);
        tn_kb_store(b, y, t, tn_kb_get(b, cell, 2, place), NULL);
    }
}

TN_TEST(refuses_with_a_reason)
{
    refuses("gpu=1", build_copy, TN_UNSUPPORTED, "GPU");
    refuses("arch=1 level=1", build_copy, TN_UNSUPPORTED, "level=1");
    refuses("arch=0", build_copy, TN_UNSUPPORTED, "arch=0");
    refuses("arch", build_copy, TN_MALFORMED, "arch");
    refuses("arch=1 level=3", build_lanes, TN_UNSUPPORTED, "groups");
    refuses("arch=1 level=3", build_large_cell, TN_LIMIT, "cells");
}

static attempt
sound(void (*build)(tn_kb *b), tn_arena *arena)
{
    attempt a = {.arena = arena, .build = build};

    tn_gen_start();
    TN_CHECK_EQ(tn_arena_guard(arena, encode, &a), TN_OK);
    return a;
}

TN_TEST(refuses_damaged_kernels)
{
    attempt a = sound(build_copy, tn_arena_create(tn_alloc_system(), 0));
    uint8_t bytes[4096];

    TN_NEED(a.bytes.bytes <= sizeof bytes);
    for (size_t n = 0; n < a.bytes.bytes; n++) {
        memcpy(bytes, a.bytes.at, n);
        TN_CHECK(tn_gen_compile(tn_alloc_system(), NULL, "arch=1 level=3", (tn_span){bytes, n},
                     TN_GEN_OBJECT, take, &a) != TN_OK);
    }
    TN_CHECK_EQ(a.calls, 0);
    tn_arena_destroy(a.arena);
}

TN_TEST(survives_running_out_of_memory)
{
    attempt a = sound(build_copy, tn_arena_create(tn_alloc_system(), 0));

    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        tn_status status;

        tn_fake_alloc_init(&mem, n);
        status =
            tn_gen_compile(&mem.table, NULL, "arch=1 level=3", a.bytes, TN_GEN_OBJECT, take, &a);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        if (!mem.failed)
            break;
    }
    TN_CHECK_EQ(a.calls, 1);
    tn_arena_destroy(a.arena);
}

/* ---- one input, one output ---- */

typedef struct copy {
    uint8_t at[8192];
    size_t bytes;
} copy;

static void
take_copy(void *to, tn_span code)
{
    copy *c = to;

    c->bytes = code.bytes;
    if (code.bytes <= sizeof c->at)
        memcpy(c->at, code.at, code.bytes);
}

TN_TEST(gives_the_same_bytes_again)
{
    static const char *const targets[] = {
        "arch=1 level=2", "arch=1 level=3", "arch=1 level=4", "arch=2"};
    static copy first, second;
    attempt a = sound(build_copy, tn_arena_create(tn_alloc_system(), 0));

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        TN_CHECK_EQ(tn_gen_compile(tn_alloc_system(), NULL, targets[i], a.bytes, TN_GEN_OBJECT,
                        take_copy, &first),
            TN_OK);
        TN_CHECK_EQ(tn_gen_compile(tn_alloc_system(), NULL, targets[i], a.bytes, TN_GEN_OBJECT,
                        take_copy, &second),
            TN_OK);
        TN_CHECK(first.bytes > 0 && first.bytes <= sizeof first.at);
        TN_CHECK_EQ(first.bytes, second.bytes);
        TN_CHECK(memcmp(first.at, second.at, first.bytes) == 0);
    }
    tn_arena_destroy(a.arena);
}

typedef struct visitor {
    tn_span kernel;
    copy got;
    tn_status status;
} visitor;

static void *
visit(void *arg)
{
    visitor *v = arg;

    v->status = tn_gen_compile(tn_alloc_system(), NULL, "arch=1 level=4", v->kernel, TN_GEN_OBJECT,
        take_copy, &v->got);
    return NULL;
}

TN_TEST(works_for_several_threads)
{
    enum { THREADS = 4 };
    static visitor v[THREADS];
    attempt a = sound(build_copy, tn_arena_create(tn_alloc_system(), 0));
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        v[i] = (visitor){.kernel = a.bytes, .status = TN_BUG};
        TN_NEED(pthread_create(&threads[i], NULL, visit, &v[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        TN_CHECK_EQ(v[i].status, TN_OK);
        TN_CHECK_EQ(v[i].got.bytes, v[0].got.bytes);
        TN_CHECK(memcmp(v[i].got.at, v[0].got.at, v[0].got.bytes) == 0);
    }
    tn_arena_destroy(a.arena);
}

/* Code for aarch64 cannot run here but loads, all addresses included. */
TN_TEST(makes_objects_for_aarch64)
{
    static copy object;
    tile t = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    attempt a = sound(build_copy, t.arena);
    tn_cpu_image image;
    tn_diag diag;

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_gen_compile(tn_alloc_system(), &diag, "arch=2", a.bytes, TN_GEN_OBJECT,
                    take_copy, &object),
        TN_OK);
    TN_CHECK_EQ(tn_cpu_load(tn_cpu_os_system(), tn_alloc_system(), &diag, TN_CPU_AARCH64,
                    (tn_span){object.at, object.bytes}, &image),
        TN_OK);
    TN_CHECK(image.info && image.info->arch == 2 && image.info->buffers == 2);
    tn_cpu_unload(&image);
    tn_diag_clear(&diag);
    tn_arena_destroy(t.arena);
}

TN_MAIN(TN_CASE(keeps_a_tile_in_registers), TN_CASE(adds_beside_maxima_by_products),
    TN_CASE(gathers_by_narrow_indices), TN_CASE(refuses_with_a_reason),
    TN_CASE(refuses_damaged_kernels), TN_CASE(survives_running_out_of_memory),
    TN_CASE(gives_the_same_bytes_again), TN_CASE(works_for_several_threads),
    TN_CASE(makes_objects_for_aarch64))
