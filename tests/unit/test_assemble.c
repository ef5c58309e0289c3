/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/assemble.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/support/test.h"

/* So many loops inside one another. */
typedef struct nest {
    int loops;
    tn_arena *arena;
    tn_diag diag;
    tn_text text;
} nest;

static void
add(nest *n, int depth, const char *format, ...)
{
    char line[120];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    tn_text_add(&n->text, "%*s%s\n", 4 * (depth + 1), "", line);
}

static void
write(nest *n)
{
    int last = n->loops - 1;

    n->text = (tn_text){.arena = n->arena};
    tn_text_add(&n->text, "graph main\n");
    add(n, 0, "input x0: f32[3]");
    add(n, 0, "k: i32[] = fill {type=i32[], value=0}");
    for (int d = 0; d <= last; d++) {
        add(n, d, "y%d: f32[3], i%d: i32[] = while %c%d, k {limit=1} do (a%d, j%d)", d, d,
            d ? 'b' : 'x', d, d, d);
        add(n, d + 1, "m%d: bool[] = less j%d, 5", d, d);
        add(n, d + 1, "yield m%d", d);
        add(n, d, "end (b%d, l%d)", d + 1, d);
    }
    add(n, last + 1, "y%d: f32[3] = add b%d, 1", last + 1, last + 1);
    for (int d = last; d >= 0; d--) {
        add(n, d + 1, "q%d: i32[] = add l%d, 1", d, d);
        add(n, d + 1, "yield y%d, q%d", d + 1, d);
        add(n, d, "end");
    }
    add(n, 0, "output y = y0");
}

static tn_status
make(void *arg)
{
    nest *n = arg;
    tn_lower_options options = {.pack = true};
    tn_writer bytes = {.arena = n->arena};
    tn_packed_list packed = {0};
    tn_lowered_list list;
    tn_plan plan, again;
    tn_target target;
    tn_graph *g;

    write(n);
    TN_TRY(tn_graph_parse(tn_module_create(n->arena, "text"), &n->diag, "text", n->text.at, &g));
    TN_TRY(tn_lower_graph(n->arena, &n->diag, g, &options, &list));
    TN_CHECK(tn_target_named("cpu", &target));
    TN_TRY(tn_assemble(n->arena, &n->diag, g, &list, &target, &packed, &plan));
    tn_plan_encode(&bytes, &plan);
    TN_CHECK_EQ(tn_plan_decode(n->arena, NULL, tn_writer_span(&bytes), &again), TN_OK);
    TN_CHECK_EQ(again.steps.count, plan.steps.count);
    return TN_OK;
}

static tn_status
nested(int loops)
{
    nest n = {.loops = loops};
    tn_status status;

    tn_diag_init(&n.diag, tn_alloc_system());
    n.arena = tn_arena_create(tn_alloc_system(), 0);
    status = tn_arena_guard(n.arena, make, &n);
    if (status != TN_OK && tn_diag_count(&n.diag))
        tn_test_note("%s", tn_diag_text(&n.diag, 0));
    tn_arena_destroy(n.arena);
    tn_diag_clear(&n.diag);
    return status;
}

TN_TEST(loops_inside_one_another_have_an_end)
{
    TN_CHECK_EQ(nested(1), TN_OK);
    TN_CHECK_EQ(nested(9), TN_OK);
    TN_CHECK_EQ(nested(TN_PLAN_LOOPS), TN_OK);
    TN_CHECK_EQ(nested(TN_PLAN_LOOPS + 1), TN_LIMIT);
}

TN_MAIN(TN_CASE(loops_inside_one_another_have_an_end))
