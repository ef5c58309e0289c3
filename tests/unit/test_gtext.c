/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/graph/graph.h"
#include "tests/support/test.h"

typedef struct job {
    tn_arena *arena;
    tn_diag *diag;
    const char *text;
    const char *first, *second;
} job;

static tn_status
round_trip(void *arg)
{
    job *j = arg;
    tn_module *m = tn_module_create(j->arena, "text");
    tn_text once = {.arena = j->arena}, twice = {.arena = j->arena};
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->diag, "text", j->text, &g));
    TN_TRY(tn_graph_verify(g, j->diag));
    tn_graph_print(&once, g);
    j->first = once.at;
    TN_TRY(tn_graph_parse(m, j->diag, "text", once.at, &g));
    TN_TRY(tn_graph_verify(g, j->diag));
    tn_graph_print(&twice, g);
    j->second = twice.at;
    return TN_OK;
}

/* Reading gives `wanted` when printed, and reading that gives it again; or, if
 * `wanted` is NULL, the text itself. */
static void
check(const char *text, const char *wanted)
{
    tn_diag diag;
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0), .diag = &diag, .text = text};
    tn_status status;

    tn_diag_init(&diag, tn_alloc_system());
    status = tn_arena_guard(j.arena, round_trip, &j);
    if (!TN_CHECK_EQ(status, TN_OK)) {
        tn_test_note("%s", tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "");
    } else {
        TN_CHECK_STR(j.first, wanted ? wanted : text);
        TN_CHECK_STR(j.second, j.first);
    }
    tn_diag_clear(&diag);
    tn_arena_destroy(j.arena);
}

static void
refused(const char *text, const char *message)
{
    tn_diag diag;
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0), .diag = &diag, .text = text};

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_arena_guard(j.arena, round_trip, &j), TN_MALFORMED);
    TN_CHECK_STR(tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "", message);
    tn_diag_clear(&diag);
    tn_arena_destroy(j.arena);
}

TN_TEST(prints_what_it_reads)
{
    check("graph main\n"
          "    dim B 1..1024\n"
          "    dim T 1.. multiple 16 sample 64\n"
          "    scalar past 0..15\n"
          "    input x: f32[B,T,8]\n"
          "    input past: i32[] in 0..15\n"
          "    input ids: i32[B,floor(T/2)] in 0..\n"
          "    weight `layers 0`: f32[4,8]\n"
          "    state keys: f32[B,16]\n"
          "    h: f32[B,T,4] = linear x, `layers 0`\n"
          "    %0: f32[B,T,4] = add h, 0.5\n"
          "    p: f32[B,T,4] = softmax %0 {axis=2}\n"
          "    c: f32[B,T,4] = where true, p, -1.5\n"
          "    v: f32[B,T,2], at: i64[B,T,2] = top_k c {k=2, axis=2, dtype=i64}\n"
          "    r: f32[B*T,4] = reshape c {to=[B*T,4]}\n"
          "    s: f32[B,past,4] = slice c {axis=1, start=T-past, size=past}\n"
          "    output p = p\n"
          "    output best = at\n"
          "    output r = r\n"
          "    output s = s\n"
          "    store keys = keys\n",
        "graph main\n"
        "    dim B 1..1024\n"
        "    dim T 1.. multiple 16 sample 64\n"
        "    scalar past 0..15\n"
        "    fact 0 <= T-past \"text:16.attrs.start: T-past is below 0\"\n"
        "    input x: f32[B,T,8]\n"
        "    input past: i32[] in 0..15\n"
        "    input ids: i32[B,T/2] in 0..\n"
        "    weight `layers 0`: f32[4,8]\n"
        "    state keys: f32[B,16]\n"
        "    h: f32[B,T,4] = linear x, `layers 0`\n"
        "    %0: f32[B,T,4] = add h, 0.5\n"
        "    p: f32[B,T,4] = softmax %0 {axis=2}\n"
        "    c: f32[B,T,4] = where true, p, -1.5\n"
        "    v: f32[B,T,2], at: i64[B,T,2] = top_k c {k=2, axis=2, dtype=i64}\n"
        "    r: f32[B*T,4] = reshape c {to=[B*T,4]}\n"
        "    s: f32[B,past,4] = slice c {axis=1, start=T-past, size=past}\n"
        "    output p = p\n"
        "    output best = at\n"
        "    output r = r\n"
        "    output s = s\n"
        "    store keys = keys\n");
}

TN_TEST(bodies_and_places)
{
    check("graph crf\n"
          "    dim B 1..\n"
          "    dim T 1..\n"
          "    input d: f32[B,3]\n"
          "    input e: f32[B,T,3]\n"
          "    input at: i32[]\n"
          "    last: f32[B,3], all: f32[B,T,3] = scan d, e {carries=1, axis=1} do (c, s, t)\n"
          "        %0: f32[B,3] = add c, s\n"
          "        yield %0, s\n"
          "    end\n"
          "    n: i32[] = while 0:i32 {limit=8} do (i)\n"
          "        more: bool[] = less i, 5\n"
          "        yield more\n"
          "    end (j)\n"
          "        next: i32[] = add j, 1\n"
          "        yield next\n"
          "    end\n"
          "    pick: f32[B,3] = index all {axis=1, at=@n}\n"
          "    big: bool[] = greater at, 1\n"
          "    %1: f32[B,3] = if big do ()\n"
          "        yield pick\n"
          "    end ()\n"
          "        yield last\n"
          "    end\n"
          "    output y = %1\n",
        NULL);
}

TN_TEST(attributes_of_every_kind)
{
    check("graph main\n"
          "    dim S 1..9\n"
          "    seed: i64[] = fill {type=i64[], value=7}\n"
          "    u: f32[2,S] = random_uniform seed {type=f32[2,S]}\n"
          "    c: f64[3] = constant {type=f64[3], data=[1,-0.0,inf]}\n"
          "    b: bool[2] = constant {type=bool[2], data=[true,false]}\n"
          "    k: f32[] = fill {type=f32[], value=1/3}\n"
          "    s: f32[1] = fill {type=f32[1], value=<010000>}\n"
          "    i: i32[S+1] = iota {start=2, size=S+1}\n"
          "    a: f32[2,2] = contract u, u {labels=\"as,bs->ab\", dtype=f32}\n"
          "    output a = c\n",
        NULL);
}

TN_TEST(refuses_with_the_line)
{
    refused("graph g\n    input x: f32[3]\n    y = nag x\n", "text:3: there is no op \"nag\"");
    refused("graph g\n    y = neg x\n", "text:2: no value is called \"x\" here");
    refused("graph g\n    input x: f32[T]\n", "text:2: there is no symbol \"T\"");
    refused("graph g\n    input x: f32[3]\n    y: f32[4] = neg x\n", "text:3: y is f32[3]");
    refused("graph g\n    input x: f32[3]\n    y = softmax x {axes=0}\n",
        "text:3: softmax has no attribute \"axes\"");
    refused("graph g\n    input x: f32[3]\n    y = softmax x {axis=4}\n",
        "text:3.attrs.axis: there is no axis 4, the rank is 1");
    refused("", "text: expected a graph, found nothing");
}

/* With every smaller budget the same honest answer. */
TN_TEST(survives_running_out_anywhere)
{
    const char *text = "graph g\n    dim T 1..\n    input x: f32[T,4]\n"
                       "    y = scan x {count=3, carries=1} do (a, t)\n"
                       "        b = softmax a {axis=1}\n        yield b\n    end\n"
                       "    output y = y\n";
    size_t limit = 1024;
    tn_status status;

    do {
        job j = {.arena = tn_arena_create(tn_alloc_system(), limit), .text = text};

        if (!TN_CHECK(j.arena != NULL))
            return;
        status = tn_arena_guard(j.arena, round_trip, &j);
        tn_arena_destroy(j.arena);
        limit += 512;
    } while (status == TN_NO_MEMORY && limit < 1 << 22);
    TN_CHECK_EQ(status, TN_OK);
}

TN_MAIN(TN_CASE(prints_what_it_reads), TN_CASE(bodies_and_places),
    TN_CASE(attributes_of_every_kind), TN_CASE(refuses_with_the_line),
    TN_CASE(survives_running_out_anywhere))
