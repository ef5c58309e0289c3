/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/interp/interp_lane.h"

#include <math.h>
#include <string.h>

#include "ir/base/arena.h"
#include "ir/kernel/kbuild.h"
#include "tests/support/test.h"

/* Builds a kernel with buffers x and y of f32, runs it, keeps what it said. */
enum { ROOM = 64, SITES = 2 };

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    void (*build)(tn_kb *b, tn_kmem *x, tn_kmem *y);
    tn_dtype index;
    uint64_t elements, tasks, seed;
    int32_t n;
    float x[ROOM], y[ROOM];
    uint8_t x_known[ROOM], y_known[ROOM];
    uint32_t status[4 * SITES];
} job;

static tn_status
build_and_run(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "k", j->index, false);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, true);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, true, true);
    tn_kb_size(b, "N", 0, ROOM);
    j->build(b, x, y);
    tn_kernel *k = tn_kb_finish(b);
    TN_TRY(tn_kernel_verify(k, &j->diag));
    tn_interp_buffer buffers[] = {
        {j->x, j->elements, j->x_known, 1}, {j->y, j->elements, j->y_known, 1}};
    tn_interp_options options = {.shuffle = j->seed, .races = true};
    return tn_interp_run(j->arena, &j->diag, tn_interp_prepare(j->arena, k), buffers, &j->n, 0,
        j->tasks, j->status, &options);
}

static job
prepared(void (*build)(tn_kb *b, tn_kmem *x, tn_kmem *y))
{
    job j = {.build = build, .index = TN_I64, .elements = ROOM, .tasks = 1, .n = 16};
    for (int i = 0; i < ROOM; i++)
        j.x[i] = (float)i, j.x_known[i] = 1;
    return j;
}

static tn_status
run(job *j)
{
    tn_diag_init(&j->diag, tn_alloc_system());
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    return tn_arena_guard(j->arena, build_and_run, j);
}

static void
end(job *j)
{
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

/* The run ends well. */
static void
passes(job *j)
{
    TN_CHECK_EQ(run(j), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&j->diag); i++)
        tn_test_note("%s", tn_diag_text(&j->diag, i));
    end(j);
}

/* The run is refused with a message that contains `part`. */
static void
fails(job j, const char *part)
{
    TN_CHECK_EQ(run(&j), TN_BUG);
    const char *text = tn_diag_text(&j.diag, 0);
    if (!TN_CHECK(text && strstr(text, part)))
        tn_test_note("wanted \"%s\", found: %s", part, text ? text : "nothing");
    end(&j);
}

static tn_ins *
grid(tn_kb *b, int64_t tasks)
{
    tn_ins *zero = tn_kb_int(b, 0), *high = tn_kb_int(b, tasks);
    return tn_kb_loop(b, TN_LOOP_GRID, zero, high, 1, "g");
}

static tn_ins *
load_at(tn_kb *b, tn_kmem *mem, int64_t at)
{
    return tn_kb_load(b, mem, tn_kb_int(b, at), 1, NULL, NULL);
}

static void
store_at(tn_kb *b, tn_kmem *mem, int64_t at, tn_ins *v)
{
    tn_kb_store(b, mem, tn_kb_int(b, at), v, NULL);
}

/* ---- plain runs ---- */

static void
build_sum(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_ins *g = grid(b, 4), *zero = tn_kb_int(b, 0), *n = tn_kb_size(b, "N", 0, ROOM);
    tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 4}, 0, NULL, false);
    tn_kb_set(b, c, tn_kb_real(b, TN_F32, 0), 0, NULL);
    TN_KFOR(b, i, TN_LOOP_SERIAL, zero, n, 4, "i") {
        tn_ins *mask = tn_kb_below(b, tn_kb_sub(b, n, i), 4);
        tn_ins *v = tn_kb_load(b, x, i, 4, mask, tn_kb_real(b, TN_F32, 0));
        tn_ins *old = tn_kb_get(b, c, 0, NULL);
        tn_kb_set(b, c, tn_kb_add(b, old, v), 0, NULL);
    }
    tn_ins *all = tn_kb_get(b, c, 0, NULL);
    tn_ins *sum = tn_kb_across(b, TN_FN_add, all);
    tn_kb_if(b, tn_kb_fn2(b, TN_FN_lt, g, tn_kb_int(b, 2)));
    tn_kb_store(b, y, g, sum, NULL);
    tn_kb_else(b);
    tn_kb_store(b, y, g, tn_kb_fn1(b, TN_FN_neg, sum), NULL);
    tn_kb_close(b);
    tn_kb_close(b);
}

TN_TEST(sums_in_any_order_of_tasks)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        job j = prepared(build_sum);
        j.seed = seed;
        j.tasks = 4;
        j.n = 10;
        passes(&j);
        TN_CHECK_NEAR(j.y[0], 45, 0);
        TN_CHECK_NEAR(j.y[1], 45, 0);
        TN_CHECK_NEAR(j.y[3], -45, 0);
    }
}

static void
build_groups(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_kb_group(b, 8, 4);
    tn_ins *g = grid(b, 2), *zero = tn_kb_int(b, 0), *eight = tn_kb_int(b, 8);
    tn_kmem *s = tn_kb_local(b, "s", TN_F32, eight);
    tn_kcell *part = tn_kb_cell(b, "part", (tn_ktype){TN_F32, 1}, 0, NULL, true);
    tn_ins *from = tn_kb_mul(b, g, eight);
    TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
        tn_kb_store(b, s, l, tn_kb_load(b, x, tn_kb_add(b, from, l), 1, NULL, NULL), NULL);
    }
    tn_kb_barrier(b);
    TN_KFOR(b, t, TN_LOOP_TEAM, zero, tn_kb_int(b, 2), 1, "t") {
        TN_KFOR(b, l, TN_LOOP_LANE, zero, tn_kb_int(b, 4), 1, "l") {
            /* The value of the lane on the other side. */
            tn_ins *me = tn_kb_add(b, tn_kb_mul(b, t, tn_kb_int(b, 4)), l);
            tn_ins *at = tn_kb_sub(b, tn_kb_int(b, 7), me);
            tn_kb_set(b, part, tn_kb_load(b, s, at, 1, NULL, NULL), 0, NULL);
        }
        tn_kb_sg_reduce(b, TN_FN_add, part);
    }
    TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
        tn_kb_store(b, y, tn_kb_add(b, from, l), tn_kb_get(b, part, 0, NULL), NULL);
    }
    tn_kb_close(b);
}

TN_TEST(groups_share_through_barriers_and_teams)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        job j = prepared(build_groups);
        j.index = TN_I32;
        j.seed = seed;
        j.tasks = 2;
        passes(&j);
        TN_CHECK_NEAR(j.y[0], 4 + 5 + 6 + 7, 0);
        TN_CHECK_NEAR(j.y[7], 0 + 1 + 2 + 3, 0);
        TN_CHECK_NEAR(j.y[8], 12 + 13 + 14 + 15, 0);
    }
}

static void
build_lists(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    tn_ins *zero = tn_kb_int(b, 0), *lanes = tn_kb_lanes(b, 4);
    tn_ins *odd = tn_kb_fn2(b, TN_FN_and, lanes, tn_kb_whole(b, TN_I32, 1));
    tn_ins *mask = tn_kb_fn2(b, TN_FN_eq, odd, tn_kb_whole(b, TN_I32, 1));
    tn_ins *at = tn_kb_mul(b, lanes, tn_kb_whole(b, TN_I32, 3));
    tn_ins *v = tn_kb_gather(b, x, zero, at, mask, tn_kb_real(b, TN_F32, -1));
    tn_kb_scatter(b, y, tn_kb_int(b, 2), at, v, NULL);
    tn_kb_close(b);
}

TN_TEST(gathers_and_scatters)
{
    job j = prepared(build_lists);
    passes(&j);
    TN_CHECK_NEAR(j.y[2], -1, 0);
    TN_CHECK_NEAR(j.y[5], 3, 0);
    TN_CHECK_NEAR(j.y[8], -1, 0);
    TN_CHECK_NEAR(j.y[11], 9, 0);
    TN_CHECK_EQ(j.y_known[3], 0);
    TN_CHECK_EQ(j.y_known[11], 1);
}

static void
build_check(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x, (void)y;
    tn_kb_site(b, "unused");
    uint32_t site = tn_kb_site(b, "small enough");
    tn_ins *g = grid(b, 8);
    tn_ins *small = tn_kb_fn2(b, TN_FN_lt, g, tn_kb_size(b, "N", 0, ROOM));
    tn_kb_check(b, site, small, g, tn_kb_mul(b, g, tn_kb_int(b, 10)));
    tn_kb_close(b);
}

TN_TEST(checks_write_status_words)
{
    job j = prepared(build_check);
    j.tasks = 8;
    j.n = 5;
    passes(&j);
    TN_CHECK_EQ(j.status[0], 0);
    TN_CHECK_EQ(j.status[4], 1);
    TN_CHECK_EQ(j.status[5], 5);
    TN_CHECK_EQ(j.status[6], 50);
    j = prepared(build_check);
    j.n = 8;
    j.tasks = 8;
    passes(&j);
    TN_CHECK_EQ(j.status[4], 0);
}

/* ---- planted faults ---- */

static void
build_beyond(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    store_at(b, y, 0, load_at(b, x, ROOM));
    tn_kb_close(b);
}

static void
build_below_zero(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    store_at(b, y, -1, load_at(b, x, 0));
    tn_kb_close(b);
}

static void
build_wide_tail(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_ins *g = grid(b, 4), *base = tn_kb_mul(b, g, tn_kb_int(b, 4));
    tn_ins *n = tn_kb_size(b, "N", 0, ROOM);
    /* One lane too many. */
    tn_ins *left = tn_kb_add(b, tn_kb_sub(b, n, base), tn_kb_int(b, 1));
    tn_ins *mask = tn_kb_below(b, left, 4);
    tn_kb_store(b, y, base, tn_kb_load(b, x, base, 4, mask, NULL), mask);
    tn_kb_close(b);
}

static void
build_wild_gather(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    tn_ins *at = tn_kb_mul(b, tn_kb_lanes(b, 4), tn_kb_whole(b, TN_I32, 30));
    tn_ins *v = tn_kb_gather(b, x, tn_kb_int(b, 0), at, NULL, NULL);
    tn_kb_store(b, y, tn_kb_int(b, 0), v, NULL);
    tn_kb_close(b);
}

TN_TEST(addresses_out_of_range_are_found)
{
    fails(prepared(build_beyond), "(load x): element 64 of 64");
    fails(prepared(build_below_zero), "(store y): element -1 of 64");
    fails(prepared(build_wild_gather), "(gather x): element 90 of 64");
    job j = prepared(build_wide_tail);
    j.elements = 14;
    j.n = 14;
    j.tasks = 4;
    fails(j, "element 14 of 14");
}

static void
build_unset_cell(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x;
    grid(b, 1);
    tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 1, (int[]){2}, false);
    tn_ins *one = tn_kb_int(b, 1), *zero = tn_kb_int(b, 0);
    tn_kb_set(b, c, tn_kb_real(b, TN_F32, 1), 1, &zero);
    store_at(b, y, 0, tn_kb_get(b, c, 1, &one));
    tn_kb_close(b);
}

/* Set in the first round of a loop around the declaration only. */
static void
build_stale_cell(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x;
    grid(b, 1);
    TN_KFOR(b, i, TN_LOOP_SERIAL, tn_kb_int(b, 0), tn_kb_int(b, 2), 1, "i") {
        tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 0, NULL, false);
        tn_kb_if(b, tn_kb_fn2(b, TN_FN_eq, i, tn_kb_int(b, 0)));
        tn_kb_set(b, c, tn_kb_real(b, TN_F32, 1), 0, NULL);
        tn_kb_close(b);
        tn_kb_store(b, y, i, tn_kb_get(b, c, 0, NULL), NULL);
    }
    tn_kb_close(b);
}

static void
build_unwritten_local(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x;
    grid(b, 1);
    tn_kmem *s = tn_kb_local(b, "s", TN_F32, tn_kb_int(b, 4));
    store_at(b, s, 0, tn_kb_real(b, TN_F32, 1));
    store_at(b, y, 0, load_at(b, s, 1));
    tn_kb_close(b);
}

static void
build_unwritten_buffer(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    store_at(b, x, 0, load_at(b, y, 3));
    tn_kb_close(b);
}

static void
build_wild_cell(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x, (void)y;
    grid(b, 1);
    tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 2, (int[]){2, 3}, false);
    tn_ins *at[] = {tn_kb_int(b, 0), tn_kb_size(b, "N", 0, ROOM)};
    tn_kb_set(b, c, tn_kb_real(b, TN_F32, 1), 2, at);
    tn_kb_close(b);
}

TN_TEST(reads_before_writes_are_found)
{
    fails(prepared(build_unset_cell), "(get c): element 1 was never set");
    fails(prepared(build_stale_cell), "(get c): element 0 was never set");
    fails(prepared(build_unwritten_local), "(load s): element 1 was never written");
    fails(prepared(build_unwritten_buffer), "(load y): element 3 was never written");
    fails(prepared(build_wild_cell), "(set c): index 16 of 3");
}

static void
build_task_write_write(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_ins *g = grid(b, 4), *two = tn_kb_int(b, 2);
    tn_kb_store(b, y, tn_kb_fn2(b, TN_FN_div, g, two), load_at(b, x, 0), NULL);
    tn_kb_close(b);
}

static void
build_task_read_write(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)y;
    tn_ins *g = grid(b, 4);
    tn_ins *next = tn_kb_add(b, g, tn_kb_int(b, 1));
    tn_kb_store(b, x, g, tn_kb_load(b, x, next, 1, NULL, NULL), NULL);
    tn_kb_close(b);
}

TN_TEST(races_between_tasks_are_found)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        job j = prepared(build_task_write_write);
        j.tasks = 4;
        j.seed = seed;
        fails(j, "(store y): element");
        j = prepared(build_task_read_write);
        j.tasks = 4;
        j.seed = seed;
        fails(j, "x): element");
    }
}

static void
build_no_barrier(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_kb_group(b, 4, 0);
    grid(b, 1);
    tn_ins *zero = tn_kb_int(b, 0), *four = tn_kb_int(b, 4), *three = tn_kb_int(b, 3);
    tn_kmem *s = tn_kb_local(b, "s", TN_F32, four);
    TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, "l") {
        tn_kb_store(b, s, l, load_at(b, x, 0), NULL);
    }
    TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, "l") {
        tn_ins *v = tn_kb_load(b, s, tn_kb_sub(b, three, l), 1, NULL, NULL);
        tn_kb_store(b, y, l, v, NULL);
    }
    tn_kb_close(b);
}

static void
build_two_lanes_write(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_kb_group(b, 4, 0);
    grid(b, 1);
    tn_ins *zero = tn_kb_int(b, 0), *four = tn_kb_int(b, 4);
    TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, "l") {
        store_at(b, y, 0, load_at(b, x, 0));
    }
    tn_kb_close(b);
}

static void
build_uniform_read(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    tn_kb_group(b, 4, 0);
    grid(b, 1);
    tn_ins *zero = tn_kb_int(b, 0), *four = tn_kb_int(b, 4);
    tn_kmem *s = tn_kb_local(b, "s", TN_F32, four);
    TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, "l") {
        tn_kb_store(b, s, l, load_at(b, x, 0), NULL);
    }
    tn_ins *v = load_at(b, s, 0);
    TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, "l") {
        tn_kb_store(b, y, l, v, NULL);
    }
    tn_kb_close(b);
}

static void
build_half_reduced(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)y;
    tn_kb_group(b, 4, 0);
    grid(b, 1);
    tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 0, NULL, true);
    TN_KFOR(b, l, TN_LOOP_LANE, tn_kb_int(b, 0), tn_kb_int(b, 2), 1, "l") {
        tn_kb_set(b, c, tn_kb_load(b, x, l, 1, NULL, NULL), 0, NULL);
    }
    tn_kb_sg_reduce(b, TN_FN_add, c);
    tn_kb_close(b);
}

TN_TEST(races_between_lanes_are_found)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        job j = prepared(build_no_barrier);
        j.seed = seed;
        fails(j, "(load s): element");
        j = prepared(build_two_lanes_write);
        j.seed = seed;
        fails(j, "(store y): element 0: written by another lane");
    }
    fails(prepared(build_uniform_read), "(load s): element 0: written by another lane");
    fails(prepared(build_half_reduced), "(sg_reduce c): lane 2 was never set");
}

static void
build_two_scatter(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    tn_ins *zero = tn_kb_int(b, 0), *lanes = tn_kb_lanes(b, 4);
    tn_ins *at = tn_kb_fn2(b, TN_FN_shr, lanes, tn_kb_whole(b, TN_I32, 1));
    tn_kb_scatter(b, y, zero, at, tn_kb_load(b, x, zero, 4, NULL, NULL), NULL);
    tn_kb_close(b);
}

static void
build_zero_divisor(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x, (void)y;
    grid(b, 1);
    tn_ins *n = tn_kb_size(b, "N", 0, ROOM), *seven = tn_kb_int(b, 7);
    tn_kb_store(b, y, tn_kb_fn2(b, TN_FN_div, seven, n), tn_kb_real(b, TN_F32, 0), NULL);
    tn_kb_close(b);
}

static void
build_far_shift(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    (void)x;
    grid(b, 1);
    tn_ins *n = tn_kb_size(b, "N", 0, ROOM), *one = tn_kb_int(b, 1);
    tn_kb_store(b, y, tn_kb_fn2(b, TN_FN_shl, one, n), tn_kb_real(b, TN_F32, 0), NULL);
    tn_kb_close(b);
}

static void
build_quick_max(tn_kb *b, tn_kmem *x, tn_kmem *y)
{
    grid(b, 1);
    tn_ins *v = tn_kb_load(b, x, tn_kb_int(b, 0), 4, NULL, NULL);
    tn_ins *zero = tn_kb_real(b, TN_F32, 0);
    tn_kb_store(b, y, tn_kb_int(b, 0), tn_kb_fn2(b, TN_FN_maxq, v, zero), NULL);
    tn_kb_close(b);
}

TN_TEST(undefined_arithmetic_is_found)
{
    fails(prepared(build_two_scatter), "two lanes of a scatter");
    job j = prepared(build_zero_divisor);
    j.n = 0;
    fails(j, "(div): a divisor is 0");
    j = prepared(build_far_shift);
    j.n = 64;
    fails(j, "(shl): shifted by the width");
    j = prepared(build_quick_max);
    passes(&j);
    j = prepared(build_quick_max);
    j.x[2] = NAN;
    fails(j, "maxq of a NaN");
}

TN_MAIN(TN_CASE(sums_in_any_order_of_tasks), TN_CASE(groups_share_through_barriers_and_teams),
    TN_CASE(gathers_and_scatters), TN_CASE(checks_write_status_words),
    TN_CASE(addresses_out_of_range_are_found), TN_CASE(reads_before_writes_are_found),
    TN_CASE(races_between_tasks_are_found), TN_CASE(races_between_lanes_are_found),
    TN_CASE(undefined_arithmetic_is_found))
