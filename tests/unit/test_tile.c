/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/base/arena.h"
#include "ir/kernel/tile.h"
#include "tests/support/test.h"

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    const char *text;
    tn_tile *tile;
    const char *once, *twice;
    tn_status verified;
} job;

static tn_status
parse_and_print(void *arg)
{
    job *j = arg;
    tn_text a = {.arena = j->arena}, b = {.arena = j->arena};
    tn_tile *again;

    TN_TRY(tn_tile_parse(j->arena, &j->diag, "text", j->text, &j->tile));
    j->verified = tn_tile_verify(j->tile, &j->diag);
    tn_tile_print(&a, j->tile);
    j->once = a.at;
    TN_TRY(tn_tile_parse(j->arena, &j->diag, "print", a.at, &again));
    tn_tile_print(&b, again);
    j->twice = b.at;
    return TN_OK;
}

static tn_status
run(job *j, const char *text)
{
    *j = (job){.text = text};
    tn_diag_init(&j->diag, tn_alloc_system());
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    return tn_arena_guard(j->arena, parse_and_print, j);
}

static void
end(job *j)
{
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

static const char gemm[] =
    "kernel gemm(x: f32[M, K], w: f32[N, K] p16(0), b: f32[N] -> y: f32[M, N])\n"
    "sizes M in 1..64, N in 0..2147483647, K = 65\n"
    "axis k: K\n"
    "grid m: M, n: N {\n"
    "    v0 = load x[m, k]\n"
    "    v1 = load w[n, k]\n"
    "    v2 = mma[k](0.0, v0, v1)\n"
    "    v3 = load b[n]\n"
    "    v4 = add(v2, v3)\n"
    "    v5 = mul(v4, 0.5)\n"
    "    store y[m, n], v5\n"
    "}\n";

TN_TEST(canonical_text_reads_back)
{
    job j;

    TN_CHECK_EQ(run(&j, gemm), TN_OK);
    TN_CHECK_STR(j.once, gemm);
    TN_CHECK_STR(j.twice, gemm);
    TN_CHECK_EQ(j.verified, TN_OK);
    end(&j);
}

TN_TEST(nested_text_becomes_one_instruction_a_line)
{
    job j;

    TN_CHECK_EQ(run(&j,
                    "kernel gemm(x: f32[M,K], w: f32[N,K] p16, b: f32[N] -> y: f32[M,N])\n"
                    "sizes M in 1..64, N, K = 65 axis k: K # the reduced one\n"
                    "grid m: M, n: N { h = add(mma[k](0, load x[m,k], load w[n,k]), load b[n])\n"
                    "  store y[m,n], h * 0.5 }"),
        TN_OK);
    TN_CHECK_STR(j.once, gemm);
    end(&j);
}

TN_TEST(equal_operations_are_one_node)
{
    job j;

    TN_CHECK_EQ(run(&j,
                    "kernel k(x: f32[N] -> y: f32[N], z: f32[N]) sizes N grid i: N {\n"
                    "  store y[i], exp(load x[i])  store z[i + 0], exp(load x[i * 1]) }"),
        TN_OK);
    TN_CHECK(j.tile->body->stmts.at[0]->value == j.tile->body->stmts.at[1]->value);
    TN_CHECK(j.tile->body->stmts.at[0]->index[0] == j.tile->body->stmts.at[1]->index[0]);
    end(&j);
}

TN_TEST(scopes_do_not_share_with_their_neighbours)
{
    job j;

    TN_CHECK_EQ(run(&j,
                    "kernel k(x: f32[N] -> y: f32[N]) sizes N grid i: N {\n"
                    "  c = lt(N, 5)\n"
                    "  if c { store y[i], exp(load x[i]) } else { store y[i], exp(load x[i]) } }"),
        TN_OK);
    TN_CHECK(j.tile->body->stmts.at[0]->body->stmts.at[0]->value !=
        j.tile->body->stmts.at[0]->orelse->stmts.at[0]->value);
    TN_CHECK_STR(j.once, j.twice);
    end(&j);
}

TN_TEST(sums_keep_their_constant_last)
{
    job j;

    TN_CHECK_EQ(run(&j,
                    "kernel k(x: f32[N] -> y: f32[N], z: f32[N]) sizes N grid i: N {\n"
                    "  store y[2 + (i - 1) + 4 - 5], load x[i]\n"
                    "  store z[i], load x[3 * (i * 2) / 1] }"),
        TN_OK);
    TN_CHECK(j.tile->body->stmts.at[0]->index[0] == j.tile->body->stmts.at[1]->index[0]);
    TN_CHECK(strstr(j.once, "mul(i, 6)") != NULL);
    end(&j);
}

static void
refused(const char *text, const char *message)
{
    job j;

    TN_CHECK_EQ(run(&j, text), TN_MALFORMED);
    if (!TN_CHECK(tn_diag_count(&j.diag) == 1 && strstr(tn_diag_text(&j.diag, 0), message) != NULL))
        tn_test_note("%s", tn_diag_text(&j.diag, 0));
    end(&j);
}

TN_TEST(text_errors_name_their_place)
{
    refused("kernel k(x: f32[N]) sizes N\ngrid i: N { store q[i], 1 }",
        "text:2:19: there is no buffer \"q\"");
    refused("kernel k(x: f32[N]) grid i: 3 { }", "nothing here is called \"N\"");
    refused("kernel k(x: f33[3]) grid i: 3 { }", "there is no element type \"f33\"");
    refused("kernel k(x: f32[3]) grid i: 3 { store x[i], load x[i] ",
        "expected \"}\", found the end");
    refused("kernel k(x: f32[3]) grid i: 3 { store x[i, i], 1 }", "x has 1 dimensions");
    refused("kernel k(x: f32[3]) grid i: 3 { store x[i], sum[j](load x[i]) }",
        "there is no axis \"j\"");
    refused("kernel k(x: i32[3]) grid i: 3 { store x[i], 0.5 }", "f64 stands where i32 is wanted");
    refused("kernel k(x: f32[3], y: i64[3]) grid i: 3 { store x[i], add(load x[i], load y[i]) }",
        "i64 stands where f32 is wanted");
    refused("kernel k(x: f32[3]) grid i: 3 { if lt(i, 2) { store x[i], 1 } }",
        "the condition of an if is a scalar of the task");
    refused("kernel k(x: f32[3]) grid i: 3 { r = fold j: 0 .. 3 carry (s: f32 = 0) { } }",
        "a loop that carries values ends in \"yield\"");
    refused("kernel k(x: f32[3]) grid i: 3 {\n  store x[i], fly(1) }",
        "text:2:15: there is no function \"fly\"");
}

TN_TEST(deep_nesting_is_refused)
{
    char text[600] = "kernel k(x: f32[3]) grid i: 3 { store x[i], ";
    size_t n = strlen(text);

    memset(text + n, '(', 500);
    text[n + 500] = 0;
    refused(text, "nested too deeply");
}

static void
invalid(const char *text, const char *message)
{
    job j;

    TN_CHECK_EQ(run(&j, text), TN_OK);
    TN_CHECK_EQ(j.verified, TN_BUG);
    if (!TN_CHECK(tn_diag_count(&j.diag) > 0 && strstr(tn_diag_text(&j.diag, 0), message) != NULL))
        tn_test_note("%s", tn_diag_count(&j.diag) ? tn_diag_text(&j.diag, 0) : "nothing");
    end(&j);
}

TN_TEST(verifier_objects)
{
    invalid("kernel k(x: f32[3] -> y: f32[3]) grid i: 3 { store y[0], load x[i] }",
        "axis i of the value is in no index");
    invalid("kernel k(x: f32[3] -> y: f32[3]) axis j: 3 grid i: 3 {\n"
            " r = fold t: 0 .. 3 carry (s: f32 = load x[j]) { yield s } store y[i], 1 }",
        "has axis j, which the carry does not list");
    invalid("kernel k(x: f32[3] -> z: f32[3]) axis a: 3, b: 4 grid i: 3 {\n"
            " store z[a], rename[b -> a](load x[b]) }",
        "other bounds");
}

TN_TEST(a_load_must_not_slip_behind_a_store)
{
    invalid("kernel k(y: f32[3] alias 1 -> z: f32[3] alias 1) grid i: 3 {\n"
            " a = load y[2 - i] store z[i], 1 store z[i], a }",
        "a load of y is first used behind a store to z");
}

TN_TEST(loops_reload_what_they_store)
{
    invalid("kernel k(x: f32[3] -> z: f32[3]) grid i: 1 by 1 {\n"
            " local a: f32[3]  store a[0], 0  v = load a[0]\n"
            " r = scan t: 0 .. 3 by 1 carry (s: f32 = 0) { store a[t], v  yield s } }",
        "a load made outside is first used inside");
}

static tn_status
parse_only(void *arg)
{
    job *j = arg;

    return tn_tile_parse(j->arena, NULL, "text", j->text, &j->tile);
}

TN_TEST(survives_running_out_anywhere)
{
    tn_status status = TN_NO_MEMORY;

    for (size_t limit = 1 << 12; status == TN_NO_MEMORY; limit += 512) {
        job j = {.text = gemm};

        j.arena = tn_arena_create(tn_alloc_system(), limit);
        if (j.arena)
            status = tn_arena_guard(j.arena, parse_only, &j);
        tn_arena_destroy(j.arena);
    }
    TN_CHECK_EQ(status, TN_OK);
}

TN_MAIN(TN_CASE(canonical_text_reads_back), TN_CASE(nested_text_becomes_one_instruction_a_line),
    TN_CASE(equal_operations_are_one_node), TN_CASE(scopes_do_not_share_with_their_neighbours),
    TN_CASE(sums_keep_their_constant_last), TN_CASE(text_errors_name_their_place),
    TN_CASE(deep_nesting_is_refused), TN_CASE(verifier_objects),
    TN_CASE(a_load_must_not_slip_behind_a_store), TN_CASE(loops_reload_what_they_store),
    TN_CASE(survives_running_out_anywhere))
