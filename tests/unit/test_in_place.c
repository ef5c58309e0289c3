/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/in_place.h"

#include <string.h>

#include "passes/assemble.h"
#include "tests/support/lowered.h"
#include "tests/support/test.h"

#define LOWERED(...)                           \
    do {                                       \
        const lowered_case c_ = {__VA_ARGS__}; \
        lowered_check(&c_, false);             \
        lowered_check(&c_, true);              \
    } while (0)

/* ---- what a graph becomes ---- */

typedef struct made {
    const char *text, *target;
    tn_pass_set skip;
    tn_arena *arena;
    tn_diag diag;
    tn_findings findings;
    tn_lowered_list list;
    tn_plan plan;
} made;

static tn_status
make(void *arg)
{
    made *m = arg;
    tn_lower_options options = {.pack = true, .skip = m->skip, .findings = &m->findings};
    tn_packed_list packed = {0};
    tn_target target;
    tn_graph *g;
    int64_t symbols[4] = {1, 1, 1, 1};
    uint64_t *bytes, *offset, total;

    m->findings.arena = m->arena;
    TN_TRY(tn_graph_parse(tn_module_create(m->arena, "text"), &m->diag, "text", m->text, &g));
    TN_TRY(tn_lower_graph(m->arena, &m->diag, g, &options, &m->list));
    TN_CHECK(tn_target_named(m->target, &target));
    TN_TRY(tn_assemble(m->arena, &m->diag, g, &m->list, &target, &packed, &m->plan));
    bytes = tn_new_array(m->arena, uint64_t, m->plan.buffers.count + 1);
    offset = tn_new_array(m->arena, uint64_t, m->plan.buffers.count + 1);
    TN_TRY(tn_plan_place(&m->plan, &m->diag, symbols, bytes, offset, &total));
    return tn_plan_check(&m->plan, &m->diag, bytes, offset);
}

static void
begin_on(made *m, const char *target, const char *text, tn_pass_set skip)
{
    *m = (made){.text = text, .target = target, .skip = skip};
    tn_diag_init(&m->diag, tn_alloc_system());
    m->arena = tn_arena_create(tn_alloc_system(), 0);
    if (!TN_CHECK_EQ(tn_arena_guard(m->arena, make, m), TN_OK) && tn_diag_count(&m->diag))
        tn_test_note("%s", tn_diag_text(&m->diag, 0));
}

static void
begin(made *m, const char *text, tn_pass_set skip)
{
    begin_on(m, "cpu", text, skip);
}

static void
end(made *m)
{
    tn_arena_destroy(m->arena);
    tn_diag_clear(&m->diag);
}

static uint32_t
copies(const made *m)
{
    uint32_t count = 0;

    for (uint32_t s = 0; s < m->plan.steps.count; s++)
        count += m->plan.steps.at[s].kind == TN_STEP_COPY;
    return count;
}

/* In place, each of them, in so many kernels; no copy of a state. */
static void
in_place(const char *text, uint32_t updates, uint32_t kernels)
{
    made m;

    begin(&m, text, 0);
    TN_CHECK_EQ(m.list.in_place.at.count, updates);
    TN_CHECK_EQ(m.list.at.count, kernels);
    TN_CHECK_EQ(copies(&m), 0);
    for (uint32_t i = 0; i < m.findings.at.count; i++)
        TN_CHECK(m.findings.at.at[i].fused || strcmp(m.findings.at.at[i].family, "in_place") != 0);
    end(&m);
    begin(&m, text, tn_pass_bit("in_place"));
    TN_CHECK_EQ(m.list.in_place.at.count, 0);
    TN_CHECK(copies(&m) > 0);
    end(&m);
}

/* Copied, and told why. */
static void
copied(const char *text, const char *found)
{
    made m;
    const char *told = "nothing";

    begin(&m, text, 0);
    TN_CHECK_EQ(m.list.in_place.at.count, 0);
    TN_CHECK(copies(&m) > 0);
    for (uint32_t i = 0; i < m.findings.at.count; i++)
        if (!m.findings.at.at[i].fused && !strcmp(m.findings.at.at[i].family, "in_place"))
            told = m.findings.at.at[i].found;
    TN_CHECK_STR(told, found);
    end(&m);
}

/* Rows are stored behind what is seen of the state. */
#define HEAD                                                                             \
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[2,3]\n" \
    "    input z: f32[2,1]\n    state s: f32[6,3]\n"
#define SEEN "    v: f32[p+2,3] = slice t {axis=0, size=p+2}\n"
#define TAIL "    y: f32[3] = reduce_sum v {axes=[0]}\n    output y = y\n    store s = t\n"
#define P(n) {"p", n}

TN_TEST(rows_are_stored_by_the_kernel_that_makes_them)
{
    static const char given[] = HEAD "    t: f32[6,3] = update s, x {axis=0, at=p}\n" SEEN TAIL;
    static const char map[] = HEAD "    r: f32[2,3] = exp x\n    q: f32[2,3] = add r, x\n"
                                   "    t: f32[6,3] = update s, q {axis=0, at=p}\n" SEEN TAIL;
    static const char parts[] =
        HEAD "    r: f32[2,2] = slice x {axis=1, size=2}\n    e: f32[2,2] = exp r\n"
             "    q: f32[2,3] = concat e, z {axis=1}\n"
             "    t: f32[6,3] = update s, q {axis=0, at=p}\n" SEEN TAIL;
    static const char turned[] = HEAD "    weight w: f32[3,2]\n    weight k: f32[2,2]\n"
                                      "    c: f32[3,2] = contract w, k {labels=\"ij,jk->ik\"}\n"
                                      "    q: f32[2,3] = transpose c {perm=[1,0]}\n"
                                      "    t: f32[6,3] = update s, q {axis=0, at=p}\n" SEEN TAIL;

    in_place(given, 1, 2);
    in_place(map, 1, 2);
    in_place(parts, 1, 2);
    in_place(turned, 1, 2);
    LOWERED(.text = given, .dims = {P(0)});
    LOWERED(.text = given, .dims = {P(4)});
    LOWERED(.text = map, .dims = {P(3)});
    LOWERED(.text = parts, .dims = {P(1)});
    LOWERED(.text = turned, .dims = {P(4)});
}

/* What else reads the rows, or the state as it was, finds it. */
TN_TEST(old_rows_are_read_before_new_ones_are_stored)
{
    static const char text[] =
        HEAD "    e: f32[2,3] = exp x\n    t: f32[6,3] = update s, e {axis=0, at=p}\n" SEEN
             "    a: f32[p,3] = slice s {axis=0, size=p}\n    b: f32[3] = reduce_sum a {axes=[0]}\n"
             "    c: f32[3] = reduce_max e {axes=[0]}\n    d: f32[3] = reduce_sum v {axes=[0]}\n"
             "    u: f32[3] = mul b, c\n    output u = u\n    output d = d\n    store s = t\n";

    in_place(text, 1, 4);
    LOWERED(.text = text, .dims = {P(0)});
    LOWERED(.text = text, .dims = {P(4)});
}

/* Rows that may be in use: a failed run can be taken back. */
TN_TEST(rows_in_use_are_kept_for_a_failure)
{
    static const char all[] =
        HEAD "    t: f32[6,3] = update s, x {axis=0, at=p}\n"
             "    y: f32[3] = reduce_sum t {axes=[0]}\n    output y = y\n    store s = t\n";
    static const char across[] =
        HEAD "    a: f32[p+1,3] = slice s {axis=0, size=p+1}\n"
             "    b: f32[3] = reduce_sum a {axes=[0]}\n"
             "    t: f32[6,3] = update s, x {axis=0, at=p}\n" SEEN
             "    y: f32[3] = reduce_sum v {axes=[0]}\n    output y = y\n    output b = b\n"
             "    store s = t\n";
    static const char twice[] =
        HEAD "    input r: i32[] in 0..5\n    w: f32[1,3] = slice x {axis=0, size=1}\n"
             "    u: f32[6,3] = update s, x {axis=0, at=p}\n"
             "    t: f32[6,3] = update u, w {axis=0, at=@r}\n"
             "    v: f32[3] = reduce_sum u {axes=[0]}\n"
             "    y: f32[3] = reduce_sum t {axes=[0]}\n"
             "    output v = v\n    output y = y\n    store s = t\n";
    static const char each[] =
        "graph main\n    input x: f32[6,2]\n    input r: i32[6] in 0..1\n    state s: f32[6,3]\n"
        "    e: f32[6,2] = exp x\n    t: f32[6,3] = update s, e {axis=1, at=@r}\n"
        "    y: f32[6] = reduce_sum t {axes=[1]}\n    output y = y\n    store s = t\n";
    made m;

    in_place(all, 1, 2);
    in_place(across, 1, 3);
    in_place(twice, 2, 4);
    in_place(each, 1, 2);
    LOWERED(.text = all, .dims = {P(3)});
    LOWERED(.text = across, .dims = {P(2)});
    LOWERED(.text = twice, .dims = {P(2)});
    LOWERED(.text = each);
    begin(&m, across, 0);
    TN_CHECK_EQ(m.plan.undos.count, 1);
    end(&m);
    begin(&m, twice, 0);
    TN_CHECK_EQ(m.plan.undos.count, 2);
    TN_CHECK_EQ(m.plan.undos.at[0].input, -1);
    TN_CHECK_EQ(m.plan.undos.at[1].input, 3);
    end(&m);
}

/* A view of the old rows is looked through where the loop reads it. */
#define LOOP                                                                        \
    "    l: f32[3], e: i32[] = while f, n {limit=9} do (b, i)\n"                    \
    "        more: bool[] = less i, 3\n        yield more\n    end (c, j)\n"        \
    "        h: f32[2,3] = add a, c\n        o: f32[3] = reduce_sum h {axes=[0]}\n" \
    "        k: i32[] = add j, 1\n        yield o, k\n    end\n"
#define BEGIN                                           \
    HEAD "    a: f32[2,3] = slice s {axis=0, size=2}\n" \
         "    n: i32[] = fill {type=i32[], value=0}\n"  \
         "    f: f32[3] = reduce_sum x {axes=[0]}\n"
#define STORE "    t: f32[6,3] = update s, x {axis=0, at=p}\n"

TN_TEST(what_a_loop_reads_is_stored_behind_it)
{
    static const char before[] = BEGIN STORE LOOP "    output l = l\n    store s = t\n";
    static const char behind[] = BEGIN LOOP STORE "    output l = l\n    store s = t\n";
    made m;

    copied(before, "h reads it in a loop behind");
    begin(&m, behind, 0);
    TN_CHECK_EQ(m.list.in_place.at.count, 1);
    TN_CHECK_EQ(copies(&m), 0);
    end(&m);
}

/* Of a state all updates are in place or none. */
TN_TEST(one_copy_makes_all_copies)
{
    static const char computed[] =
        HEAD "    input r: i32[] in 0..2\n    q: i32[] = add r, r\n"
             "    u: f32[6,3] = update s, x {axis=0, at=p}\n"
             "    t: f32[6,3] = update u, x {axis=0, at=@q}\n"
             "    y: f32[3] = reduce_sum t {axes=[0]}\n    output y = y\n    store s = t\n";
    static const char scattered[] =
        HEAD "    input r: i32[1,3] in 0..5\n    w: f32[1,3] = slice x {axis=0, size=1}\n"
             "    u: f32[6,3] = update s, x {axis=0, at=p}\n"
             "    t: f32[6,3] = scatter_elements u, r, w {axis=0}\n"
             "    y: f32[3] = reduce_sum t {axes=[0]}\n    output y = y\n    store s = t\n";
    static const char late[] =
        HEAD "    w: f32[1,3] = slice x {axis=0, size=1}\n"
             "    u: f32[6,3] = update s, x {axis=0, at=p}\n"
             "    t: f32[6,3] = update u, w {axis=0, at=0}\n"
             "    v: f32[3] = reduce_sum t {axes=[0]}\n    a: f32[6,3] = mul u, v\n"
             "    y: f32[3] = reduce_sum a {axes=[0]}\n    output y = y\n    store s = t\n";

    copied(computed, "it is computed");
    copied(scattered, "scatter_elements");
    copied(late, "a reads it and needs the new rows too");
    LOWERED(.text = computed, .dims = {P(3)});
    LOWERED(.text = scattered, .dims = {P(3)});
    LOWERED(.text = late, .dims = {P(3)});
}

TN_TEST(what_cannot_be_in_place_is_copied)
{
    static const char computed[] =
        HEAD "    input r: i32[] in 0..2\n    q: i32[] = add r, r\n"
             "    t: f32[6,3] = update s, x {axis=0, at=@q}\n"
             "    y: f32[3] = reduce_sum t {axes=[0]}\n    output y = y\n    store s = t\n";
    static const char old[] =
        HEAD "    t: f32[6,3] = update s, x {axis=0, at=p}\n" SEEN
             "    a: f32[p,3] = slice s {axis=0, size=p}\n    m: f32[3] = reduce_sum v {axes=[0]}\n"
             "    b: f32[p,3] = mul a, m\n    y: f32[3] = reduce_sum b {axes=[0]}\n"
             "    output y = y\n    store s = t\n";
    static const char self[] = HEAD "    a: f32[2,3] = slice s {axis=0, size=2}\n"
                                    "    t: f32[6,3] = update s, a {axis=0, at=2+p}\n"
                                    "    v: f32[p+4,3] = slice t {axis=0, size=p+4}\n" TAIL;

    static const char shifted[] = HEAD "    a: f32[2,3] = slice s {axis=0, start=1, size=2}\n"
                                       "    t: f32[6,3] = update s, a {axis=0, at=p}\n"
                                       "    y: f32[3] = reduce_sum t {axes=[0]}\n"
                                       "    output y = y\n    store s = t\n";

    copied(computed, "it is computed");
    copied(shifted, "the new rows are read from it while they are stored");
    copied(old, "b reads it and needs the new rows too");
    copied(self, "the new rows are read from it while they are stored");
    LOWERED(.text = computed, .dims = {P(3)});
    LOWERED(.text = old, .dims = {P(3)});
    LOWERED(.text = self, .dims = {P(1)});
    LOWERED(.text = shifted, .dims = {P(1)});
}

/* ---- what loops carry ---- */

#define ROUNDS(step)                                                                      \
    "graph main\n    input c: f32[9,3]\n    input l: i32[] in 0..9\n    input f: f32[]\n" \
    "    k: i32[] = fill {type=i32[], value=0}\n"                                         \
    "    y: f32[9,3], n: i32[] = while c, k {limit=50} do (a, i)\n"                       \
    "        more: bool[] = less i, l\n        yield more\n    end (b, j)\n"              \
    "        q: f32[3] = reduce_sum b {axes=[0]}\n        r: f32[3] = tanh q\n"           \
    "        s: f32[1,3] = unsqueeze r {axes=[0]}\n" step                                 \
    "        m: i32[] = add j, 1\n        yield t, m\n    end\n"

/* Kernels in loops that write all of what buffer has `elements` f32. */
static int
copies_in_loops(const made *m, int64_t elements)
{
    int count = 0;

    for (uint32_t s = 0, end = 0; s < m->plan.steps.count; s++) {
        const tn_plan_step *step = &m->plan.steps.at[s];

        if (step->kind == TN_STEP_LOOP)
            end = s + step->length;
        for (uint32_t i = 0; i < step->buffers.count && end && s <= end; i++) {
            const tn_plan_buffer *b = &m->plan.buffers.at[step->buffers.at[i]];
            int64_t bytes = 0;

            TN_CHECK(tn_formula_eval(b->bytes, NULL, 0, &bytes));
            count += step->writes.at[i] && b->same_as < 0 && bytes == elements * 4;
        }
    }
    return count;
}

static uint32_t
rounds_at_once(const made *m)
{
    for (uint32_t s = 0; s < m->plan.steps.count; s++)
        if (m->plan.steps.at[s].kind == TN_STEP_LOOP)
            return m->plan.steps.at[s].chunk;
    return 0;
}

/* Rows go where they belong, and nothing else is written; whether the offset
 * is checked or not, no round is started too many. */
TN_TEST(a_cache_that_a_loop_carries_is_not_copied)
{
    static const char counted[] =
        ROUNDS("        t: f32[9,3] = update b, s {axis=0, at=@j}\n") "    output y = y\n";
    static const char fixed[] =
        ROUNDS("        t: f32[9,3] = update b, s {axis=0, at=4}\n") "    output y = y\n";
    static const char scanned[] =
        "graph main\n    input c: f32[9,3]\n    input x: f32[7,3]\n"
        "    y: f32[9,3], z: f32[7,3] = scan c, x {carries=1} do (a, p, i)\n"
        "        s: f32[3], g: i32[3] = sort p {axis=0}\n"
        "        r: f32[1,3] = unsqueeze s {axes=[0]}\n"
        "        t: f32[9,3] = update a, r {axis=0, at=@i}\n"
        "        u: f32[3] = reduce_sum t {axes=[0]}\n        yield t, u\n    end\n"
        "    output y = y\n    output z = z\n";
    /* Nothing in it has kernels of its own, but the cache should stay in memory. */
    static const char cached[] =
        "graph main\n    input c: f32[9,3]\n    input x: f32[7,3]\n"
        "    y: f32[9,3], z: f32[7,3] = scan c, x {carries=1} do (a, p, i)\n"
        "        r: f32[1,3] = unsqueeze p {axes=[0]}\n"
        "        t: f32[9,3] = update a, r {axis=0, at=@i}\n"
        "        s: f32[9] = contract t, p {labels=\"ij,j->i\"}\n"
        "        u: f32[3] = contract s, t {labels=\"i,ij->j\"}\n        yield t, u\n    end\n"
        "    output y = y\n    output z = z\n";
    const char *const texts[] = {counted, fixed, scanned, cached};
    made m;

    for (int i = 0; i < 4; i++) {
        begin(&m, texts[i], 0);
        TN_CHECK_EQ(copies_in_loops(&m, 27), 0);
        TN_CHECK_EQ(copies(&m), 0);
        end(&m);
        begin(&m, texts[i], tn_pass_bit("in_place"));
        TN_CHECK(copies_in_loops(&m, 27) > 0);
        end(&m);
        begin_on(&m, "vulkan", texts[i], 0);
        TN_CHECK_EQ(rounds_at_once(&m), 1);
        end(&m);
        LOWERED(.text = texts[i], .tolerance = 1e-6);
    }
}

/* What a scan that is a loop of kernels has in its body. */
TN_TEST(a_scan_says_why_it_is_no_kernel)
{
    static const char sorted[] =
        "graph main\n    input c: f32[3]\n    input x: f32[7,3]\n"
        "    y: f32[3] = scan c, x {carries=1} do (a, p, i)\n"
        "        s: f32[3], g: i32[3] = sort p {axis=0}\n        t: f32[3] = add a, s\n"
        "        yield t\n    end\n    output y = y\n";
    static const char plain[] =
        "graph main\n    input c: f32[3]\n    input x: f32[7,3]\n"
        "    y: f32[3] = scan c, x {carries=1} do (a, p, i)\n        t: f32[3] = add a, p\n"
        "        yield t\n    end\n    output y = y\n";
    made m;

    begin(&m, sorted, 0);
    if (TN_CHECK_EQ(m.findings.at.count, 1)) {
        TN_CHECK_STR(m.findings.at.at[0].family, "scan");
        TN_CHECK_STR(m.findings.at.at[0].found, "s has kernels of its own");
    }
    end(&m);
    begin(&m, plain, 0);
    TN_CHECK_EQ(m.findings.at.count, 0);
    end(&m);
}

/* A state that goes through a loop: a failed run must not have changed it. */
TN_TEST(a_state_that_a_loop_carries_stays_until_the_run_is_over)
{
    static const char text[] =
        "graph main\n    input l: i32[] in 0..9\n    state c: f32[9,3]\n"
        "    k: i32[] = fill {type=i32[], value=0}\n"
        "    y: f32[9,3], n: i32[] = while c, k {limit=50} do (a, i)\n"
        "        more: bool[] = less i, l\n        yield more\n    end (b, j)\n"
        "        q: f32[3] = reduce_sum b {axes=[0]}\n        r: f32[3] = tanh q\n"
        "        s: f32[1,3] = unsqueeze r {axes=[0]}\n"
        "        t: f32[9,3] = update b, s {axis=0, at=@j}\n"
        "        m: i32[] = add j, 1\n        yield t, m\n    end\n"
        "    output n = n\n    store c = y\n";
    made m;

    begin(&m, text, 0);
    TN_CHECK_EQ(copies_in_loops(&m, 27), 0);
    TN_CHECK_EQ(copies(&m), 1);
    TN_CHECK_EQ(tn_plan_commit(&m.plan), m.plan.steps.count - 1);
    end(&m);
    LOWERED(.text = text, .tolerance = 1e-6);
}

/* The old value is needed behind the rows, or something else comes out. */
TN_TEST(what_a_loop_needs_twice_is_copied)
{
    static const char old[] =
        ROUNDS("        d: f32[9,3] = update b, s {axis=0, at=@j}\n"
               "        e: f32[] = reduce_max d {axes=[0,1]}\n        g: f32[9,3] = mul b, e\n"
               "        h: f32[3] = reduce_sum g {axes=[0]}\n"
               "        o: f32[1,3] = unsqueeze h {axes=[0]}\n"
               "        t: f32[9,3] = update d, o {axis=0, at=0}\n") "    output y = y\n";
    static const char other[] = ROUNDS("        d: f32[9,3] = update b, s {axis=0, at=@j}\n"
                                       "        t: f32[9,3] = mul d, f\n") "    output y = y\n";
    const char *const texts[] = {old, other};
    made m;

    for (int i = 0; i < 2; i++) {
        begin(&m, texts[i], 0);
        TN_CHECK(copies_in_loops(&m, 27) > 0);
        end(&m);
        LOWERED(.text = texts[i], .tolerance = 1e-6);
    }
}

TN_MAIN(TN_CASE(a_scan_says_why_it_is_no_kernel),
    TN_CASE(a_cache_that_a_loop_carries_is_not_copied),
    TN_CASE(a_state_that_a_loop_carries_stays_until_the_run_is_over),
    TN_CASE(what_a_loop_needs_twice_is_copied),
    TN_CASE(rows_are_stored_by_the_kernel_that_makes_them),
    TN_CASE(old_rows_are_read_before_new_ones_are_stored),
    TN_CASE(rows_in_use_are_kept_for_a_failure), TN_CASE(what_a_loop_reads_is_stored_behind_it),
    TN_CASE(one_copy_makes_all_copies), TN_CASE(what_cannot_be_in_place_is_copied))
