/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/kernel/kbuild.h"
#include "tests/support/lane_run.h"
#include "tests/support/test.h"

/* Rows of kops.def as machine code against the interpreter. */

enum { N = 53, WIDE = 64 };

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    tn_dtype dtype;
    int lanes;
    tn_dtype index;
    tn_lane_buffer buffers[24];
    uint32_t count;
    int32_t sizes[2];
    tn_status (*body)(struct job *j, tn_kb *b);
    uint64_t tasks;
} job;

/* A global with data of some pattern. */
static tn_kmem *
global(job *j, tn_kb *b, tn_dtype dtype, uint32_t count, bool written)
{
    static const char *const names[] = {"g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9",
        "g10", "g11", "g12", "g13", "g14", "g15", "g16", "g17", "g18", "g19"};
    int bytes = tn_dtype_bytes(dtype);
    uint8_t *data = tn_arena_get(j->arena, (size_t)count * (size_t)bytes);

    for (uint32_t i = 0; i < count; i++) {
        if (tn_is_float(dtype))
            tn_store_double(dtype, data + i * (uint32_t)bytes, (int)(i * 7 % 23) - 11);
        else
            tn_store_int(dtype, data + i * (uint32_t)bytes,
                dtype == TN_BOOL ? i * i % 3 == 1 : (int64_t)(i * 11 % 97) - 40);
    }
    j->buffers[j->count] = (tn_lane_buffer){dtype, count, data};
    return tn_kb_global(b, names[j->count++], dtype, true, written);
}

/* A global of i32 that holds 0 .. count-1 in another order. */
static tn_kmem *
permutation(job *j, tn_kb *b, uint32_t count)
{
    tn_kmem *mem = global(j, b, TN_I32, count, false);
    int32_t *data = j->buffers[j->count - 1].data;

    for (uint32_t i = 0; i < count; i++)
        data[i] = (int32_t)(i * 10 % count);
    return mem;
}

static tn_status
build_and_check(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "rows", j->index, false);
    tn_lane_run run;

    TN_TRY(j->body(j, b));
    run = (tn_lane_run){
        .k = tn_kb_finish(b), .buffers = j->buffers, .sizes = j->sizes, .tasks = j->tasks};
    return tn_lane_check(j->arena, &j->diag, &run);
}

static void
check(job j)
{
    tn_diag_init(&j.diag, tn_alloc_system());
    j.arena = tn_arena_create(tn_alloc_system(), 0);
    if (!TN_CHECK_EQ(tn_arena_guard(j.arena, build_and_check, &j), TN_OK))
        tn_test_note("%s x %d: %s", tn_dtype_name(j.dtype), j.lanes, tn_diag_text(&j.diag, 0));
    tn_diag_clear(&j.diag);
    tn_arena_destroy(j.arena);
}

static tn_ins *
grid(tn_kb *b, int64_t tasks)
{
    tn_ins *zero = tn_kb_int(b, 0), *high = tn_kb_int(b, tasks);

    return tn_kb_loop(b, TN_LOOP_GRID, zero, high, 1, "t");
}

/* ---- memory ---- */

static tn_ins *
number(tn_kb *b, tn_dtype t, int value)
{
    if (t == TN_F64)
        return tn_kb_real(b, t, value);
    return tn_is_float(t) ? tn_kb_real(b, TN_F32, value) : tn_kb_whole(b, t, value & 1);
}

typedef struct memory {
    tn_kmem *x, *y[5], *truth, *order;
} memory;

/* Ragged ends by `below`, holes by a mask from memory. */
static void
build_accesses(job *j, tn_kb *b, const memory *m, tn_ins *at, tn_ins *inside)
{
    tn_ins *other = number(b, j->dtype, 3), *zero = tn_kb_int(b, 0);
    tn_ins *v = tn_kb_load(b, m->x, at, j->lanes, inside, other);
    tn_ins *holes = tn_kb_load(b, m->truth, at, j->lanes, inside, NULL);
    tn_ins *w = tn_kb_load(b, m->x, at, j->lanes, holes, other);
    tn_ins *places = tn_kb_load(b, m->order, at, j->lanes, inside, NULL);
    tn_ins *g = tn_kb_gather(b, m->x, zero, places, inside, other);
    tn_ins *h = tn_kb_gather(b, m->x, zero, places, holes, other);

    tn_kb_store(b, m->y[0], at, v, inside);
    tn_kb_store(b, m->y[1], at, w, inside);
    tn_kb_store(b, m->y[2], at, g, inside);
    tn_kb_store(b, m->y[3], at, v, holes);
    tn_kb_scatter(b, m->y[4], zero, places, h, inside);
}

static tn_status
build_memory(job *j, tn_kb *b)
{
    memory m = {.x = global(j, b, j->dtype, N, false)};

    for (int i = 0; i < 5; i++)
        m.y[i] = global(j, b, j->dtype, N, true);
    m.truth = global(j, b, TN_BOOL, N, false);
    m.order = permutation(j, b, N);
    j->tasks = (uint64_t)((N + j->lanes - 1) / j->lanes);
    for (tn_ins *t = grid(b, (int64_t)j->tasks); t; tn_kb_close(b), t = NULL) {
        tn_ins *at = tn_kb_mul(b, t, tn_kb_int(b, j->lanes));
        tn_ins *left = tn_kb_sub(b, tn_kb_int(b, N), at);
        tn_ins *inside = j->lanes > 1 ? tn_kb_below(b, left, j->lanes)
                                      : tn_kb_fn2(b, TN_FN_lt, at, tn_kb_int(b, N));

        build_accesses(j, b, &m, at, inside);
    }
    return TN_OK;
}

TN_TEST(touches_only_what_the_mask_allows)
{
    static const int lanes[] = {1, 4, 8, 16};

    for (int t = 0; t < TN_DTYPE_COUNT; t++)
        for (size_t i = (size_t)t % 2; i < sizeof lanes / sizeof *lanes; i += 2)
            check((job){.body = build_memory,
                .dtype = (tn_dtype)t,
                .lanes = lanes[i],
                .index = t % 3 ? TN_I64 : TN_I32});
    check((job){.body = build_memory, .dtype = TN_I8, .lanes = 64, .index = TN_I64});
    check((job){.body = build_memory, .dtype = TN_F16, .lanes = 32, .index = TN_I64});
}

/* ---- vectors ---- */

static bool
reduces(tn_fn fn, tn_dtype t)
{
    bool extreme = fn == TN_FN_min || fn == TN_FN_max || fn == TN_FN_minq || fn == TN_FN_maxq;

    if (fn == TN_FN_add || fn == TN_FN_mul || extreme)
        return t != TN_BOOL && t != TN_F16 && t != TN_BF16;
    return (fn == TN_FN_and || fn == TN_FN_or) && !tn_is_float(t);
}

static tn_status
build_vectors(job *j, tn_kb *b)
{
    tn_kmem *x = global(j, b, j->dtype, WIDE, false);
    tn_kmem *single = global(j, b, j->dtype, WIDE, true);
    tn_kmem *wide = global(j, b, j->dtype, WIDE, true);
    tn_kmem *count = global(j, b, TN_I32, WIDE, true);
    tn_kmem *few = global(j, b, TN_BOOL, 3 * WIDE, true);

    j->tasks = 1;
    for (tn_ins *t = grid(b, 1); t; tn_kb_close(b), t = NULL) {
        tn_ins *zero = tn_kb_int(b, 0), *v = tn_kb_load(b, x, zero, j->lanes, NULL, NULL);
        tn_ins *middle = tn_kb_extract(b, v, j->lanes / 2);
        int at = 0;

        tn_kb_store(b, wide, zero, tn_kb_splat(b, middle, j->lanes), NULL);
        tn_kb_store(b, count, zero, tn_kb_lanes(b, j->lanes), NULL);
        for (int fn = 0; fn < TN_FN_COUNT; fn++) {
            if (reduces((tn_fn)fn, j->dtype)) {
                tn_ins *all = tn_kb_across(b, (tn_fn)fn, v);

                tn_kb_store(b, single, tn_kb_int(b, at++), all, NULL);
            }
        }
        for (int i = 0; i < 3; i++) {
            tn_ins *limit = tn_kb_add(b, t, tn_kb_int(b, i == 0 ? -5 : i == 1 ? 3 : 99));

            tn_kb_store(b, few, tn_kb_int(b, i * WIDE), tn_kb_below(b, limit, j->lanes), NULL);
        }
    }
    return TN_OK;
}

TN_TEST(spreads_and_reduces)
{
    static const int lanes[] = {2, 4, 8, 16, 64};

    for (int t = 0; t < TN_DTYPE_COUNT; t++)
        for (size_t i = (size_t)t % 2; i < sizeof lanes / sizeof *lanes; i += 2)
            check((job){
                .body = build_vectors, .dtype = (tn_dtype)t, .lanes = lanes[i], .index = TN_I64});
}

/* ---- cells, loops, conditions, locals ---- */

static void
copy_reversed(tn_kb *b, tn_kcell *cell, tn_kmem *y, tn_ins *base, int lanes, tn_loop_kind kind)
{
    tn_ins *zero = tn_kb_int(b, 0), *six = tn_kb_int(b, 6);

    TN_KFOR(b, i, kind, zero, six, 1, "i") {
        tn_ins *last = tn_kb_int(b, 5), *back = tn_kb_sub(b, last, i);
        tn_ins *at[2] = {tn_kb_fn2(b, TN_FN_div, back, tn_kb_int(b, 3)), NULL};
        tn_ins *value, *place;

        at[1] = tn_kb_fn2(b, TN_FN_rem, back, tn_kb_int(b, 3));
        value = tn_kb_get(b, cell, 2, at);
        place = tn_kb_add(b, base, tn_kb_mul(b, i, tn_kb_int(b, lanes)));
        tn_kb_store(b, y, place, value, NULL);
    }
}

/* Cells [2][3] filled by an unrolled loop; read by one too, or by index. */
static tn_status
build_cells(job *j, tn_kb *b)
{
    uint32_t each = 6 * (uint32_t)j->lanes;
    tn_kmem *x = global(j, b, j->dtype, 4 * each, false);
    tn_kmem *y = global(j, b, j->dtype, 4 * each, true);
    tn_kmem *z = global(j, b, j->dtype, 4 * each, true);

    j->tasks = 4;
    for (tn_ins *t = grid(b, 4); t; tn_kb_close(b), t = NULL) {
        const int dims[2] = {2, 3};
        tn_ktype type = {j->dtype, (uint16_t)j->lanes};
        tn_kcell *one = tn_kb_cell(b, "one", type, 2, dims, false);
        tn_kcell *two = tn_kb_cell(b, "two", type, 2, dims, false);
        tn_ins *base = tn_kb_mul(b, t, tn_kb_int(b, each)), *zero = tn_kb_int(b, 0);
        tn_ins *rows = tn_kb_int(b, 2), *columns = tn_kb_int(b, 3);

        TN_KFOR(b, r, TN_LOOP_UNROLL, zero, rows, 1, "r")
            TN_KFOR(b, c, TN_LOOP_UNROLL, zero, columns, 1, "c") {
                tn_ins *number_of = tn_kb_add(b, tn_kb_mul(b, r, columns), c), *at[2] = {r, c};
                tn_ins *place = tn_kb_add(b, base, tn_kb_mul(b, number_of, tn_kb_int(b, j->lanes)));
                tn_ins *v = tn_kb_load(b, x, place, j->lanes, NULL, NULL);

                tn_kb_set(b, one, v, 2, at);
                tn_kb_set(b, two, v, 2, at);
            }
        copy_reversed(b, one, y, base, j->lanes, TN_LOOP_UNROLL);
        copy_reversed(b, two, z, base, j->lanes, TN_LOOP_SERIAL);
    }
    return TN_OK;
}

TN_TEST(keeps_cells)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        bool odd = t % 2;

        check((job){.body = build_cells,
            .dtype = (tn_dtype)t,
            .lanes = odd ? 1 : 8,
            .index = odd ? TN_I64 : TN_I32});
    }
    check((job){.body = build_cells, .dtype = TN_F32, .lanes = 16, .index = TN_I64});
    check((job){.body = build_cells, .dtype = TN_BOOL, .lanes = 4, .index = TN_I64});
}

/* sum[t] = the sum over i = t, t+2, .. < M of (i odd ? x[i] : -x[i] + 1), also
 * with loops that never run. */
static tn_status
build_flow(job *j, tn_kb *b)
{
    tn_kmem *x = global(j, b, TN_F32, 40, false), *sums = global(j, b, TN_F32, 45, true);
    tn_ins *limit = tn_kb_size(b, "M", 0, 40), *more = tn_kb_size(b, "K", 0, 9);

    j->sizes[0] = 31;
    j->sizes[1] = 2;
    j->tasks = 45;
    for (tn_ins *t = grid(b, 45); t; tn_kb_close(b), t = NULL) {
        tn_kcell *sum = tn_kb_cell(b, "sum", (tn_ktype){TN_F32, 1}, 0, NULL, false);
        tn_ins *zero = tn_kb_int(b, 0);

        tn_kb_set(b, sum, tn_kb_real(b, TN_F32, 0.5), 0, NULL);
        TN_KFOR(b, i, TN_LOOP_SERIAL, t, limit, 2, "i")
            TN_KFOR(b, n, TN_LOOP_SERIAL, zero, more, 1, "n") {
                tn_ins *v = tn_kb_load(b, x, i, 1, NULL, NULL), *low, *odd;

                low = tn_kb_fn2(b, TN_FN_and, tn_kb_add(b, i, n), tn_kb_int(b, 1));
                odd = tn_kb_fn2(b, TN_FN_eq, low, tn_kb_int(b, 1));
                tn_kb_if(b, odd);
                v = tn_kb_add(b, tn_kb_get(b, sum, 0, NULL), v);
                tn_kb_set(b, sum, v, 0, NULL);
                tn_kb_else(b);
                v = tn_kb_load(b, x, i, 1, NULL, NULL);
                v = tn_kb_sub(b, tn_kb_get(b, sum, 0, NULL), v);
                tn_kb_set(b, sum, tn_kb_add(b, v, tn_kb_real(b, TN_F32, 1)), 0, NULL);
                tn_kb_close(b);
            }
        tn_kb_if(b, tn_kb_fn2(b, TN_FN_le, zero, t));
        tn_kb_store(b, sums, t, tn_kb_get(b, sum, 0, NULL), NULL);
        tn_kb_close(b);
    }
    return TN_OK;
}

TN_TEST(follows_loops_and_conditions)
{
    check((job){.body = build_flow, .index = TN_I64});
    check((job){.body = build_flow, .index = TN_I32});
}

/* Locals of sizes that depend on parameters, in nested blocks, reused. */
static tn_status
build_locals(job *j, tn_kb *b)
{
    tn_kmem *x = global(j, b, j->dtype, 64, false), *y = global(j, b, j->dtype, 64, true);
    tn_ins *count = tn_kb_size(b, "M", 1, 16);

    j->sizes[0] = 11;
    j->tasks = 4;
    for (tn_ins *t = grid(b, 4); t; tn_kb_close(b), t = NULL) {
        tn_ins *base = tn_kb_mul(b, t, tn_kb_int(b, 16)), *zero = tn_kb_int(b, 0);
        tn_ins *two = tn_kb_int(b, 2);
        tn_kmem *first = tn_kb_local(b, "first", j->dtype, count);

        TN_KFOR(b, i, TN_LOOP_SERIAL, zero, count, 1, "i") {
            tn_ins *v = tn_kb_load(b, x, tn_kb_add(b, base, i), 1, NULL, NULL);

            tn_kb_store(b, first, i, v, NULL);
        }
        TN_KFOR(b, round, TN_LOOP_SERIAL, zero, two, 1, "round") {
            tn_kmem *second = tn_kb_local(b, "second", j->dtype, count);

            TN_KFOR(b, i, TN_LOOP_SERIAL, zero, count, 1, "i") {
                tn_ins *back = tn_kb_sub(b, tn_kb_sub(b, count, tn_kb_int(b, 1)), i);

                tn_kb_store(b, second, back, tn_kb_load(b, first, i, 1, NULL, NULL), NULL);
            }
            TN_KFOR(b, i, TN_LOOP_SERIAL, zero, count, 1, "i") {
                tn_ins *v = tn_kb_load(b, second, i, 1, NULL, NULL);

                tn_kb_store(b, y, tn_kb_add(b, base, i), v, NULL);
            }
        }
        tn_kb_if(b, tn_kb_fn2(b, TN_FN_lt, two, t));
        {
            tn_kmem *third = tn_kb_local(b, "third", j->dtype, count);

            tn_kb_store(b, third, zero, tn_kb_load(b, x, base, 1, NULL, NULL), NULL);
            tn_kb_store(b, y, base, tn_kb_load(b, third, zero, 1, NULL, NULL), NULL);
        }
        tn_kb_close(b);
    }
    return TN_OK;
}

TN_TEST(lays_out_locals)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t += 3)
        check((job){.body = build_locals, .dtype = (tn_dtype)t, .index = TN_I64});
}

/* ---- checks ---- */

/* Index i of task t may be at most 20: fails from some task on. */
static tn_status
build_checks(job *j, tn_kb *b)
{
    tn_kmem *x = global(j, b, TN_I32, 64, false), *y = global(j, b, TN_I32, 64, true);
    uint32_t holds = tn_kb_site(b, "holds"), fails = tn_kb_site(b, "fails");

    j->tasks = (uint64_t)(64 / j->lanes);
    for (tn_ins *t = grid(b, (int64_t)j->tasks); t; tn_kb_close(b), t = NULL) {
        tn_ins *at = tn_kb_mul(b, t, tn_kb_int(b, j->lanes)), *place = tn_kb_cast(b, TN_I32, at);
        tn_ins *v = tn_kb_load(b, x, at, j->lanes, NULL, NULL), *good;

        if (j->lanes > 1)
            place = tn_kb_add(b, tn_kb_splat(b, place, j->lanes), tn_kb_lanes(b, j->lanes));
        good = tn_kb_fn2(b, TN_FN_le, v, tn_kb_whole(b, TN_I32, 100));
        tn_kb_check(b, holds, good, place, v);
        good = tn_kb_fn2(b, TN_FN_le, v, tn_kb_whole(b, TN_I32, 20));
        tn_kb_check(b, fails, good, place, v);
        tn_kb_store(b, y, at, v, NULL);
    }
    return TN_OK;
}

TN_TEST(reports_the_lowest_position)
{
    check((job){.body = build_checks, .lanes = 1, .index = TN_I64});
    check((job){.body = build_checks, .lanes = 8, .index = TN_I64});
    check((job){.body = build_checks, .lanes = 16, .index = TN_I32});
}

TN_MAIN(TN_CASE(touches_only_what_the_mask_allows), TN_CASE(spreads_and_reduces),
    TN_CASE(keeps_cells), TN_CASE(follows_loops_and_conditions), TN_CASE(lays_out_locals),
    TN_CASE(reports_the_lowest_position))
