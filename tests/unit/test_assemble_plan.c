/* SPDX-License-Identifier: Apache-2.0
 * Plans of graphs: waits, lifetimes and rounds of loops, rows kept for a
 * failure. */
#include "passes/assemble.h"

#include <string.h>

#include "passes/lower/lower.h"
#include "tests/support/test.h"

typedef struct made {
    const char *text, *target;
    tn_arena *arena;
    tn_diag diag;
    tn_plan plan;
} made;

static tn_status
make(void *arg)
{
    made *m = arg;
    tn_lower_options options = {.pack = true};
    tn_lowered_list list = {0};
    tn_packed_list packed = {0};
    tn_target target;
    tn_graph *g;
    int64_t symbols[4] = {1, 1, 1, 1};
    uint64_t *bytes, *offset, total;

    TN_TRY(tn_graph_parse(tn_module_create(m->arena, "text"), &m->diag, "text", m->text, &g));
    TN_TRY(tn_lower_graph(m->arena, &m->diag, g, &options, &list));
    if (!tn_target_named(m->target, &target))
        TN_TRY(tn_target_parse(&m->diag, m->target, strlen(m->target), &target));
    TN_TRY(tn_assemble(m->arena, &m->diag, g, &list, &target, &packed, &m->plan));
    bytes = tn_new_array(m->arena, uint64_t, m->plan.buffers.count + 1);
    offset = tn_new_array(m->arena, uint64_t, m->plan.buffers.count + 1);
    TN_TRY(tn_plan_place(&m->plan, &m->diag, symbols, bytes, offset, &total));
    return tn_plan_check(&m->plan, &m->diag, bytes, offset);
}

static void
begin(made *m, const char *text, const char *target)
{
    *m = (made){.text = text, .target = target};
    tn_diag_init(&m->diag, tn_alloc_system());
    m->arena = tn_arena_create(tn_alloc_system(), 0);
    if (!TN_CHECK_EQ(tn_arena_guard(m->arena, make, m), TN_OK) && tn_diag_count(&m->diag))
        tn_test_note("%s", tn_diag_text(&m->diag, 0));
}

static void
end(made *m)
{
    tn_arena_destroy(m->arena);
    tn_diag_clear(&m->diag);
}

/* Two kernels before the test, two behind it; `behind` needs none of them. */
static const char turns[] =
    "graph main\n    input x: f32[40]\n    input w: f32[40,40]\n"
    "    n: i32[] = fill {type=i32[], value=0}\n"
    "    y: f32[40], e: i32[] = while x, n {limit=9} do (a, i)\n"
    "        q: f32[40] = contract w, a {labels=\"ij,j->i\"}\n"
    "        r: f32[] = reduce_sum q {axes=[0]}\n        more: bool[] = less r, 3\n"
    "        yield more\n    end (b, j)\n"
    "        c: f32[40] = contract w, b {labels=\"ij,j->i\"}\n"
    "        d: f32[40] = contract w, c {labels=\"ij,j->i\"}\n"
    "        g: i32[] = add j, 1\n        yield d, g\n    end\n"
    "    behind: f32[40] = contract w, x {labels=\"ij,i->j\"}\n"
    "    u: f32[40] = contract w, behind {labels=\"ij,j->i\"}\n"
    "    z: f32[40] = exp y\n    output u = u\n    output z = z\n    output e = e\n";
/* Rows of two arrays are written round by round; one is read behind. */
static const char rounds[] =
    "graph main\n    input x: f32[4,9]\n    input a: f32[9]\n"
    "    y: f32[9], all: f32[4,9], more: i32[4,9] = scan a, x {carries=1} do (c, s, i)\n"
    "        u: f32[9] = mul c, s\n        v: f32[9], k: i32[9] = sort u {axis=0}\n"
    "        yield v, u, k\n    end\n"
    "    z: f32[4,9] = exp all\n    m: i32[4,9] = add more, 1\n"
    "    output z = z\n    output y = y\n    output m = m\n";
static const char picks[] =
    "graph main\n    input x: f32[40]\n    input k: i32[40] in 0..39\n"
    "    n: i32[] = fill {type=i32[], value=0}\n"
    "    y: f32[40], e: i32[] = while x, n {limit=9} do (a, i)\n"
    "        more: bool[] = less i, 3\n        yield more\n    end (b, j)\n"
    "        c: f32[40] = gather b, k {axis=0}\n        g: i32[] = add j, 1\n"
    "        yield c, g\n    end\n"
    "    output y = y\n    output e = e\n";

static bool
names(const tn_plan *p, const tn_plan_step *s, uint32_t buffer)
{
    for (uint32_t i = 0; i < s->buffers.count; i++)
        if (tn_plan_owner(p, s->buffers.at[i]) == buffer)
            return true;
    return false;
}

static uint32_t
loop_of(const tn_plan *p)
{
    for (uint32_t s = 0; s < p->steps.count; s++)
        if (p->steps.at[s].kind == TN_STEP_LOOP)
            return s;
    TN_CHECK(false);
    return 0;
}

/* Another round, or the one that was left in its middle, may be in flight. */
static void
edges_wait(const char *text, const char *target)
{
    made m;
    uint32_t loop;

    begin(&m, text, target);
    loop = loop_of(&m.plan);
    for (uint32_t s = loop; s <= loop + m.plan.steps.at[loop].length; s++)
        if (m.plan.steps.at[s].kind == TN_STEP_LOOP || m.plan.steps.at[s].kind == TN_STEP_TEST)
            TN_CHECK(m.plan.steps.at[s + 1].wait);
    loop += m.plan.steps.at[loop].length + 1;
    if (TN_CHECK(loop < m.plan.steps.count))
        TN_CHECK(m.plan.steps.at[loop].wait);
    end(&m);
}

TN_TEST(what_follows_a_part_of_a_loop_waits)
{
    edges_wait(turns, "cpu");
    edges_wait(turns, "vulkan");
    edges_wait(rounds, "vulkan");
}

/* What the loop and something else name lives in all rounds. */
static void
live_in_all_rounds(const char *text)
{
    made m;
    const tn_plan *p = &m.plan;
    int32_t from, to;
    int across = 0;

    begin(&m, text, "vulkan");
    from = (int32_t)loop_of(p);
    to = from + (int32_t)p->steps.at[from].length;
    for (uint32_t b = 0; b < p->buffers.count; b++) {
        bool in = false, out = false;

        for (int32_t s = 0; s < (int32_t)p->steps.count; s++)
            *(s > from && s <= to ? &in : &out) |= names(p, &p->steps.at[s], b);
        if (!in || !out || p->buffers.at[b].use != TN_USE_TEMP)
            continue;
        across++;
        TN_CHECK(p->buffers.at[b].first <= from && p->buffers.at[b].last >= to);
    }
    TN_CHECK(across > 0);
    end(&m);
}

TN_TEST(what_leaves_a_loop_lives_in_all_rounds)
{
    live_in_all_rounds(turns);
    live_in_all_rounds(rounds);
}

static uint32_t
rounds_at_once(const char *text, const char *target)
{
    made m;
    uint32_t chunk;

    begin(&m, text, target);
    chunk = m.plan.steps.at[loop_of(&m.plan)].chunk;
    end(&m);
    return chunk;
}

/* A round too many changes nothing, but its checks could fail. */
TN_TEST(rounds_that_may_fail_are_started_one_by_one)
{
    TN_CHECK(rounds_at_once(turns, "vulkan") > 1);
    TN_CHECK_EQ(rounds_at_once(turns, "cpu"), 1);
    TN_CHECK_EQ(rounds_at_once(picks, "vulkan"), 1);
}

/* Kept are the rows that are overwritten, of each update in turn. */
TN_TEST(rows_are_kept_where_they_are_overwritten)
{
    static const char text[] =
        "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[2,3]\n"
        "    state s: f32[9,3]\n    w: f32[1,3] = slice x {axis=0, size=1}\n"
        "    u: f32[9,3] = update s, x {axis=0, at=p+2}\n"
        "    t: f32[9,3] = update u, w {axis=0, at=1}\n"
        "    y: f32[3] = reduce_sum t {axes=[0]}\n    output y = y\n    store s = t\n";
    static const int64_t symbols[] = {3}, at[] = {5, 1}, rows[] = {2, 1};
    made m;

    begin(&m, text, "cpu");
    for (uint32_t i = 0; TN_CHECK_EQ(m.plan.undos.count, 2) && i < 2; i++) {
        int64_t value = -1;

        TN_CHECK(tn_formula_eval(m.plan.undos.at[i].at, symbols, 1, &value));
        TN_CHECK_EQ(value, at[i]);
        TN_CHECK(tn_formula_eval(m.plan.undos.at[i].rows, symbols, 1, &value));
        TN_CHECK_EQ(value, rows[i]);
        TN_CHECK_EQ(m.plan.undos.at[i].axis, 0);
    }
    end(&m);
}

static uint32_t
launches(const char *text, const char *target)
{
    uint32_t count;
    made m;

    begin(&m, text, target);
    count = m.plan.steps.count;
    end(&m);
    return count;
}

/* Not on machines with lanes, whose programs may have barriers. */
TN_TEST(products_of_several_widths_are_one_launch)
{
    static const char text[] =
        "graph main\n    dim N 1..99\n    input x: f32[N,96]\n    weight q: f32[128,96]\n"
        "    weight k: f32[64,96]\n    weight v: f32[64,96]\n"
        "    a: f32[N,128] = contract x, q {labels=\"ni,oi->no\"}\n"
        "    b: f32[N,64] = contract x, k {labels=\"ni,oi->no\"}\n"
        "    c: f32[N,64] = contract x, v {labels=\"ni,oi->no\"}\n"
        "    output a = a\n    output b = b\n    output c = c\n";
    TN_CHECK_EQ(launches(text, "cpu"), 1);
    TN_CHECK_EQ(launches(text, "vulkan"), 2);
}

TN_MAIN(TN_CASE(what_follows_a_part_of_a_loop_waits),
    TN_CASE(what_leaves_a_loop_lives_in_all_rounds),
    TN_CASE(rounds_that_may_fail_are_started_one_by_one),
    TN_CASE(rows_are_kept_where_they_are_overwritten),
    TN_CASE(products_of_several_widths_are_one_launch))
