/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kbuild.h"

#include <math.h>
#include <string.h>

#include "ir/base/arena.h"
#include "tests/support/test.h"

/* Builds a kernel inside the guard and prints it. */
typedef struct job {
    tn_arena *arena;
    void (*build)(tn_kb *b);
    tn_dtype index;
    bool exact;
    tn_kernel *kernel;
    const char *text;
} job;

static tn_status
build_and_print(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "k", j->index, j->exact);
    j->build(b);
    j->kernel = tn_kb_finish(b);
    tn_text text = {.arena = j->arena};
    tn_kernel_print(&text, j->kernel);
    j->text = text.at;
    return TN_OK;
}

typedef struct checked {
    const tn_kernel *kernel;
    tn_diag *diag;
} checked;

static tn_status
verify(void *arg)
{
    const checked *c = arg;
    return tn_kernel_verify(c->kernel, c->diag);
}

/* Compares the text of the kernel that `build` makes. */
static void
expect(job *j, void (*build)(tn_kb *b), const char *wanted)
{
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    j->build = build;
    if (j->index != TN_I32)
        j->index = TN_I64;
    TN_CHECK_EQ(tn_arena_guard(j->arena, build_and_print, j), TN_OK);
    tn_diag diag;
    tn_diag_init(&diag, tn_alloc_system());
    if (!TN_CHECK_EQ(tn_arena_guard(j->arena, verify, &(checked){j->kernel, &diag}), TN_OK))
        tn_test_note("%s", tn_diag_text(&diag, 0));
    tn_diag_clear(&diag);
    if (wanted)
        TN_CHECK_STR(j->text, wanted);
}

static void
end(job *j)
{
    tn_arena_destroy(j->arena);
}

static int64_t
value_of(tn_formula f, const int64_t *sizes, uint32_t count)
{
    int64_t value = -1;
    TN_CHECK(tn_formula_eval(f, sizes, count, &value));
    return value;
}

/* Stores an index as i64, so that it is not swept away. */
static void
keep(tn_kb *b, tn_kmem *y, tn_ins *v)
{
    tn_kb_store(b, y, tn_kb_int(b, 0), tn_kb_cast(b, TN_I64, v), NULL);
}

/* ---- addresses ---- */

static void
build_rows(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *m = tn_kb_size(b, "M", 1, 4096), *n = tn_kb_size(b, "N", 1, 4096);
    tn_ins *zero = tn_kb_int(b, 0), *four = tn_kb_int(b, 4);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, m, 1, "m") {
        TN_KFOR(b, j, TN_LOOP_SERIAL, zero, n, 1, "n") {
            TN_KFOR(b, r, TN_LOOP_UNROLL, zero, four, 1, "r") {
                /* (i + r + 1) * N + j + 3 */
                tn_ins *row = tn_kb_add(b, i, r);
                row = tn_kb_add(b, row, tn_kb_int(b, 1));
                tn_ins *at = tn_kb_mul(b, row, n);
                at = tn_kb_add(b, at, j);
                at = tn_kb_add(b, at, tn_kb_int(b, 3));
                tn_ins *v = tn_kb_load(b, x, at, 1, NULL, NULL);
                tn_kb_store(b, y, at, v, NULL);
            }
        }
    }
}

TN_TEST(addresses_are_sums_by_depth)
{
    job j = {0};
    expect(&j, build_rows,
        "kernel k i64 {\n"
        "    size M 1 .. 4096\n"
        "    size N 1 .. 4096\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid m %0: 0 .. M {\n"
        "        %1: i64 = mul %0, N\n"
        "        %2: i64 = add N, %1\n"
        "        serial n %3: 0 .. N {\n"
        "            %4: i64 = add %2, %3\n"
        "            unroll r %5: 0 .. 4 {\n"
        "                %6: i64 = mul %5, N\n"
        "                %7: i64 = add %4, %6\n"
        "                %8: i64 = add %7, 3\n"
        "                %9: f32 = load x[%8]\n"
        "                store y[%8], %9\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "}\n");
    TN_CHECK_EQ(value_of(j.kernel->tasks, (int64_t[]){7, 5}, 2), 7);
    TN_CHECK_EQ(value_of(j.kernel->scratch, (int64_t[]){7, 5}, 2), 0);
    end(&j);
}

static void
build_merged(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *n = tn_kb_size(b, "N", 1, 64);
    TN_KFOR(b, i, TN_LOOP_GRID, tn_kb_int(b, 0), n, 1, "i") {
        /* 4*(i + 2) - (3*i - N) and i + N + 8: one address. */
        tn_ins *a = tn_kb_mul(b, tn_kb_add(b, i, tn_kb_int(b, 2)), tn_kb_int(b, 4));
        tn_ins *c = tn_kb_sub(b, tn_kb_mul(b, i, tn_kb_int(b, 3)), n);
        tn_ins *d = tn_kb_add(b, tn_kb_add(b, i, n), tn_kb_int(b, 8));
        tn_ins *v = tn_kb_load(b, x, tn_kb_sub(b, a, c), 1, NULL, NULL);
        tn_kb_store(b, y, d, v, NULL);
    }
}

TN_TEST(addresses_merge_equal_terms)
{
    job j = {.index = TN_I32};
    expect(&j, build_merged,
        "kernel k i32 {\n"
        "    size N 1 .. 64\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid i %0: 0 .. N {\n"
        "        %1: i32 = add N, %0\n"
        "        %2: i32 = add %1, 8\n"
        "        %3: f32 = load x[%2]\n"
        "        store y[%2], %3\n"
        "    }\n"
        "}\n");
    end(&j);
}

/* ---- placing ---- */

static void
build_hoisted(tn_kb *b)
{
    tn_kmem *y = tn_kb_global(b, "y", TN_I64, true, true);
    tn_ins *n = tn_kb_size(b, "N", 0, 64), *m = tn_kb_size(b, "M", 1, 64);
    tn_ins *zero = tn_kb_int(b, 0);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, m, 1, "i") {
        TN_KFOR(b, j, TN_LOOP_SERIAL, zero, n, 1, "j") {
            /* M is never 0: its quotient goes out. N may be 0: that of N stays
             * inside the condition. Loads and what follows from them stay. */
            tn_kb_if(b, tn_kb_fn2(b, TN_FN_lt, j, i));
            keep(b, y, tn_kb_fn2(b, TN_FN_div, i, m));
            keep(b, y, tn_kb_fn2(b, TN_FN_div, i, n));
            tn_ins *v = tn_kb_load(b, y, zero, 1, NULL, NULL);
            keep(b, y, tn_kb_add(b, v, tn_kb_mul(b, i, i)));
            tn_kb_close(b);
        }
    }
}

TN_TEST(integers_are_placed_where_they_are_known)
{
    job j = {0};
    expect(&j, build_hoisted,
        "kernel k i64 {\n"
        "    size N 0 .. 64\n"
        "    size M 1 .. 64\n"
        "    global y: i64 read write\n"
        "    grid i %0: 0 .. M {\n"
        "        %1: i64 = div %0, M\n"
        "        %2: i64 = mul %0, %0\n"
        "        serial j %3: 0 .. N {\n"
        "            %4: bool = lt %3, %0\n"
        "            if %4 {\n"
        "                store y[0], %1\n"
        "                %5: i64 = div %0, N\n"
        "                store y[0], %5\n"
        "                %6: i64 = load y[0]\n"
        "                %7: i64 = add %6, %2\n"
        "                store y[0], %7\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "}\n");
    end(&j);
}

static void
build_shared(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *n = tn_kb_size(b, "N", 1, 64);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, n, 1, "i") {
        tn_ins *v = tn_kb_load(b, x, i, 1, NULL, NULL);
        tn_ins *small = tn_kb_fn2(b, TN_FN_lt, i, tn_kb_int(b, 4));
        tn_kb_if(b, small);
        tn_kb_store(b, y, i, tn_kb_mul(b, v, v), NULL);
        tn_kb_store(b, y, i, tn_kb_mul(b, v, v), NULL);
        tn_kb_else(b);
        /* What the other side computed cannot be seen here. */
        tn_kb_store(b, y, i, tn_kb_mul(b, v, v), NULL);
        tn_kb_close(b);
    }
}

TN_TEST(values_are_shared_along_blocks)
{
    job j = {0};
    expect(&j, build_shared,
        "kernel k i64 {\n"
        "    size N 1 .. 64\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid i %0: 0 .. N {\n"
        "        %1: f32 = load x[%0]\n"
        "        %2: bool = lt %0, 4\n"
        "        if %2 {\n"
        "            %3: f32 = mul %1, %1\n"
        "            store y[%0], %3\n"
        "            store y[%0], %3\n"
        "        } else {\n"
        "            %4: f32 = mul %1, %1\n"
        "            store y[%0], %4\n"
        "        }\n"
        "    }\n"
        "}\n");
    end(&j);
}

/* ---- folding ---- */

static int failures;

/* The value is the constant. */
static void
is(const tn_ins *v, int64_t wanted)
{
    bool good = v->op == TN_K_const && v->whole == wanted;
    if (!TN_CHECK(good))
        tn_test_note("case %d: wanted %lld, found row %d, %lld", failures, (long long)wanted,
            (int)v->op, (long long)v->whole);
    failures++;
}

static tn_ins *
two(tn_kb *b, tn_fn fn, tn_dtype t, int64_t x, int64_t y)
{
    tn_ins *a = tn_kb_whole(b, t, x), *c = tn_kb_whole(b, t, y);
    return tn_kb_fn2(b, fn, a, c);
}

static void
build_constants(tn_kb *b)
{
    is(two(b, TN_FN_add, TN_I32, INT32_MAX, 1), INT32_MIN);
    is(two(b, TN_FN_sub, TN_U8, 3, 5), 254);
    is(two(b, TN_FN_mul, TN_I8, 100, 3), 44);
    is(two(b, TN_FN_div, TN_I32, -7, 2), -3);
    is(two(b, TN_FN_div, TN_I32, INT32_MIN, -1), INT32_MIN);
    is(two(b, TN_FN_rem, TN_I32, -7, 2), -1);
    is(two(b, TN_FN_rem, TN_I64, INT64_MIN, -1), 0);
    is(two(b, TN_FN_div, TN_U64, -1, 2), INT64_MAX);
    is(two(b, TN_FN_lt, TN_U64, -1, 2), 0);
    is(two(b, TN_FN_lt, TN_I64, -1, 2), 1);
    is(two(b, TN_FN_shr, TN_I32, -8, 1), -4);
    is(two(b, TN_FN_shl, TN_I32, 3, 31), INT32_MIN);
    is(two(b, TN_FN_xor, TN_BOOL, 1, 1), 0);
    is(tn_kb_cast(b, TN_I8, tn_kb_whole(b, TN_I32, 200)), -56);
    is(tn_kb_cast(b, TN_BOOL, tn_kb_whole(b, TN_I32, 200)), 1);
    is(tn_kb_cast(b, TN_I32, tn_kb_real(b, TN_F32, -2.9)), -2);
    is(tn_kb_cast(b, TN_I32, tn_kb_real(b, TN_F32, 3e10)), INT32_MAX);
    is(tn_kb_cast(b, TN_U8, tn_kb_real(b, TN_F64, -1)), 0);
    is(tn_kb_cast(b, TN_I32, tn_kb_real(b, TN_F32, NAN)), 0);
    tn_ins *third = tn_kb_fn2(b, TN_FN_div, tn_kb_real(b, TN_F32, 1), tn_kb_real(b, TN_F32, 3));
    TN_CHECK(third->op == TN_K_const && third->real == (double)(1.0f / 3.0f));
    is(tn_kb_fn2(b, TN_FN_eq, tn_kb_real(b, TN_F32, NAN), tn_kb_real(b, TN_F32, NAN)), 0);
    /* What the interpreter has to report does not fold. */
    TN_CHECK_EQ(two(b, TN_FN_div, TN_I32, 1, 0)->op, TN_K_fn);
    TN_CHECK_EQ(two(b, TN_FN_shl, TN_I32, 1, 32)->op, TN_K_fn);
    TN_KFOR(b, i, TN_LOOP_GRID, tn_kb_int(b, 0), tn_kb_int(b, 1), 1, NULL) {
    }
}

static void
same(const tn_ins *a, const tn_ins *c)
{
    TN_CHECK(a == c);
    failures++;
}

static void
build_identities(tn_kb *b)
{
    tn_ins *n = tn_kb_size(b, "N", 1, 1000), *zero = tn_kb_int(b, 0), *one = tn_kb_int(b, 1);
    tn_ins *eight = tn_kb_int(b, 8), *two_n = tn_kb_mul(b, n, tn_kb_int(b, 2));
    same(tn_kb_add(b, zero, n), n);
    same(tn_kb_mul(b, one, n), n);
    is(tn_kb_mul(b, n, zero), 0);
    is(tn_kb_sub(b, n, n), 0);
    same(tn_kb_sub(b, tn_kb_add(b, n, two_n), n), two_n);
    same(tn_kb_fn2(b, TN_FN_div, tn_kb_mul(b, n, eight), eight), n);
    same(tn_kb_fn2(b, TN_FN_div, tn_kb_mul(b, n, eight), tn_kb_int(b, 4)), two_n);
    is(tn_kb_fn2(b, TN_FN_rem, tn_kb_mul(b, n, eight), tn_kb_int(b, 4)), 0);
    same(tn_kb_fn2(b, TN_FN_min, n, tn_kb_int(b, 1000)), n);
    same(tn_kb_fn2(b, TN_FN_max, n, one), n);
    is(tn_kb_fn2(b, TN_FN_lt, zero, n), 1);
    is(tn_kb_fn2(b, TN_FN_lt, n, one), 0);
    is(tn_kb_fn2(b, TN_FN_eq, n, zero), 0);
    is(tn_kb_fn2(b, TN_FN_div, n, tn_kb_int(b, 1001)), 0);
    same(tn_kb_fn2(b, TN_FN_rem, n, tn_kb_int(b, 1001)), n);
    /* A product that may wrap does not divide back. */
    tn_ins *wide = tn_kb_cast(b, TN_I32, n);
    tn_ins *million = tn_kb_whole(b, TN_I32, 10000000);
    tn_ins *product = tn_kb_mul(b, wide, million);
    TN_CHECK(tn_kb_fn2(b, TN_FN_div, product, million) != wide);
    same(tn_kb_cast(b, TN_I64, tn_kb_cast(b, TN_I64, n)), n);
    TN_CHECK_EQ(tn_kb_add(b, wide, n)->type.dtype, TN_I64);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, n, 1, NULL) {
        /* 0 <= i < N */
        is(tn_kb_fn2(b, TN_FN_lt, i, zero), 0);
        tn_ins *at = tn_kb_fn2(b, TN_FN_rem, i, eight);
        is(tn_kb_fn2(b, TN_FN_div, at, eight), 0);
    }
}

static void
build_vectors(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *n = tn_kb_size(b, "N", 1, 64);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, n, 1, "i") {
        /* Equal in all lanes: computed once, then spread. */
        tn_ins *s = tn_kb_load(b, x, i, 1, NULL, NULL);
        tn_ins *wide = tn_kb_splat(b, s, 4);
        tn_ins *sum = tn_kb_add(b, wide, tn_kb_real(b, TN_F32, 1));
        TN_CHECK(sum->op == TN_K_splat);
        /* Masks that always or never hold. */
        tn_ins *all = tn_kb_below(b, tn_kb_int(b, 4), 4), *some = tn_kb_below(b, n, 4);
        tn_ins *none = tn_kb_below(b, zero, 4);
        same(tn_kb_fn2(b, TN_FN_and, some, all), some);
        same(tn_kb_fn2(b, TN_FN_or, all, some), all);
        tn_kb_store(b, y, i, sum, all);
        tn_kb_store(b, y, i, wide, none);
        tn_ins *v = tn_kb_load(b, x, i, 4, none, tn_kb_real(b, TN_F32, 7));
        TN_CHECK(v->op == TN_K_splat && v->arg[0]->real == 7);
        same(tn_kb_extract(b, sum, 2), sum->arg[0]);
        same(tn_kb_fn3(b, TN_FN_select, all, sum, wide), sum);
    }
}

TN_TEST(constants_fold)
{
    job j = {0};
    expect(&j, build_constants, NULL);
    end(&j);
}

TN_TEST(identities_fold)
{
    job j = {0};
    expect(&j, build_identities, NULL);
    end(&j);
}

TN_TEST(vectors_fold)
{
    job j = {0};
    expect(&j, build_vectors,
        "kernel k i64 {\n"
        "    size N 1 .. 64\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid i %0: 0 .. N {\n"
        "        %1: f32 = load x[%0]\n"
        "        %2: f32 = add %1, f32(1)\n"
        "        %3: f32x4 = splat %2\n"
        "        store y[%0], %3\n"
        "    }\n"
        "}\n");
    end(&j);
}

/* ---- structure ---- */

static void
build_known(tn_kb *b)
{
    tn_kmem *y = tn_kb_global(b, "y", TN_I64, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *one = tn_kb_int(b, 1), *n = tn_kb_size(b, "N", 1, 64);
    tn_ins *yes = tn_kb_whole(b, TN_BOOL, 1), *no = tn_kb_whole(b, TN_BOOL, 0);
    TN_KFOR(b, g, TN_LOOP_GRID, zero, n, 1, NULL) {
        TN_KFOR(b, i, TN_LOOP_SERIAL, tn_kb_int(b, 5), tn_kb_int(b, 6), 1, "once") {
            keep(b, y, i);
        }
        TN_KFOR(b, i, TN_LOOP_SERIAL, one, one, 1, "never") {
            keep(b, y, tn_kb_int(b, 100));
        }
        tn_kb_if(b, yes);
        keep(b, y, tn_kb_int(b, 6));
        tn_kb_else(b);
        keep(b, y, tn_kb_int(b, 101));
        tn_kb_close(b);
        tn_kb_if(b, no);
        keep(b, y, tn_kb_int(b, 102));
        tn_kb_else(b);
        keep(b, y, tn_kb_int(b, 7));
        tn_kb_close(b);
        /* Nothing happens in these. */
        tn_kb_cell(b, "unused", (tn_ktype){TN_F32, 1}, 0, NULL, false);
        TN_KFOR(b, i, TN_LOOP_SERIAL, zero, n, 1, NULL) {
            tn_kb_mul(b, i, i);
        }
    }
}

TN_TEST(known_loops_and_conditions_vanish)
{
    job j = {0};
    expect(&j, build_known,
        "kernel k i64 {\n"
        "    size N 1 .. 64\n"
        "    global y: i64 write\n"
        "    grid %0: 0 .. N {\n"
        "        store y[0], 5\n"
        "        store y[0], 6\n"
        "        store y[0], 7\n"
        "    }\n"
        "}\n");
    TN_CHECK_EQ(j.kernel->cells.count, 0);
    end(&j);
}

static void
scratch_loop(tn_kb *b, tn_ins *n, tn_ins *count)
{
    TN_KFOR(b, i, TN_LOOP_SERIAL, tn_kb_int(b, 0), n, 1, NULL) {
        tn_kmem *s = tn_kb_local(b, "s", TN_F32, count);
        tn_kb_store(b, s, tn_kb_int(b, 0), tn_kb_real(b, TN_F32, 0), NULL);
    }
}

static void
build_scratch(tn_kb *b)
{
    tn_ins *n = tn_kb_size(b, "N", 1, 1000), *three = tn_kb_int(b, 3);
    tn_ins *tasks = tn_kb_fn2(b, TN_FN_div, tn_kb_add(b, n, tn_kb_int(b, 15)), tn_kb_int(b, 16));
    TN_KFOR(b, g, TN_LOOP_GRID, tn_kb_int(b, 0), tasks, 1, NULL) {
        tn_kmem *t = tn_kb_local(b, "t", TN_I8, tn_kb_int(b, 100));
        tn_kb_store(b, t, tn_kb_int(b, 0), tn_kb_whole(b, TN_I8, 0), NULL);
        scratch_loop(b, n, tn_kb_mul(b, n, tn_kb_int(b, 2)));
        scratch_loop(b, n, three);
        scratch_loop(b, n, n);
    }
}

TN_TEST(formulas_of_tasks_and_scratch)
{
    job j = {0};
    expect(&j, build_scratch, NULL);
    static const int64_t sizes[] = {1, 16, 17, 1000};
    for (int i = 0; i < 4; i++) {
        int64_t n = sizes[i], most = 8 * n > 12 ? 8 * n : 12;
        TN_CHECK_EQ(value_of(j.kernel->tasks, &n, 1), (n + 15) / 16);
        /* 100 bytes and the greatest of three that follow each other. */
        TN_CHECK_EQ(value_of(j.kernel->scratch, &n, 1), 128 + (most + 63) / 64 * 64);
    }
    end(&j);
}

static void
build_exact(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, true);
    TN_KFOR(b, i, TN_LOOP_GRID, tn_kb_int(b, 0), tn_kb_int(b, 2), 1, NULL) {
        tn_ins *v = tn_kb_load(b, x, i, 1, NULL, NULL);
        tn_kb_store(b, x, i, tn_kb_fn3(b, TN_FN_fma, v, v, v), NULL);
    }
}

TN_TEST(exact_kernels_have_no_fma)
{
    job j = {.exact = true};
    expect(&j, build_exact,
        "kernel k i64 exact {\n"
        "    global x: f32 read write\n"
        "    grid %0: 0 .. 2 {\n"
        "        %1: f32 = load x[%0]\n"
        "        %2: f32 = mul %1, %1\n"
        "        %3: f32 = add %2, %1\n"
        "        store x[%0], %3\n"
        "    }\n"
        "}\n");
    end(&j);
}

/* Two loops share a half; a load gives one where nothing is read. */
static void
halves(tn_kb *b)
{
    tn_ins *n = tn_kb_size(b, "n", 0, 100);
    tn_kmem *x = tn_kb_global(b, "x", TN_F16, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F16, false, true);
    tn_ins *half = NULL;

    TN_KFOR(b, i, TN_LOOP_GRID, tn_kb_int(b, 0), n, 1, "i") {
        for (int k = 0; k < 2; k++)
            TN_KFOR(b, j, TN_LOOP_SERIAL, tn_kb_int(b, 0), n, 1, "j") {
                tn_ins *mask = tn_kb_fn2(b, TN_FN_lt, j, i), *v;

                if (!half)
                    half = tn_kb_cast(b, TN_F16, tn_kb_real(b, TN_F32, 0.5));
                v = tn_kb_load(b, x, j, 1, mask, half);
                tn_kb_store(b, y, i, tn_kb_fn3(b, TN_FN_select, mask, v, half), NULL);
            }
    }
}

TN_TEST(halves_are_constants_too)
{
    job j = {0};

    expect(&j, halves, NULL);
    TN_CHECK(strstr(j.text, "= load x[") && strstr(j.text, "else 0.5"));
    tn_arena_destroy(j.arena);
}

TN_MAIN(TN_CASE(halves_are_constants_too), TN_CASE(addresses_are_sums_by_depth),
    TN_CASE(addresses_merge_equal_terms), TN_CASE(integers_are_placed_where_they_are_known),
    TN_CASE(values_are_shared_along_blocks), TN_CASE(constants_fold), TN_CASE(identities_fold),
    TN_CASE(vectors_fold), TN_CASE(known_loops_and_conditions_vanish),
    TN_CASE(formulas_of_tasks_and_scratch), TN_CASE(exact_kernels_have_no_fma))
