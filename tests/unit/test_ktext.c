/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ir/base/arena.h"
#include "ir/kernel/kbuild.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

/* Bytes, text and unrolled copies of kernels that use every row. */
typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    void (*build)(tn_kb *b);
    tn_dtype index;
    tn_kernel *kernel;
    tn_span bytes;
    const char *text;
} job;

static const char *
text_of(tn_arena *arena, const tn_kernel *k)
{
    tn_text out = {.arena = arena};
    tn_kernel_print(&out, k);
    return out.at;
}

static tn_status
build(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "sample", j->index, false);
    j->build(b);
    j->kernel = tn_kb_finish(b);
    TN_TRY(tn_kernel_verify(j->kernel, &j->diag));
    tn_writer out = {.arena = j->arena};
    tn_kernel_encode(&out, j->kernel);
    j->bytes = tn_writer_span(&out);
    j->text = text_of(j->arena, j->kernel);
    return TN_OK;
}

static tn_status
again_from_bytes(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    TN_TRY(tn_kernel_decode(j->arena, &j->diag, j->bytes, &k));
    TN_CHECK_STR(text_of(j->arena, k), j->text);
    tn_writer out = {.arena = j->arena};
    tn_kernel_encode(&out, k);
    TN_CHECK(out.bytes == j->bytes.bytes && memcmp(out.at, j->bytes.at, out.bytes) == 0);
    TN_CHECK_EQ(k->scratch.bytes, j->kernel->scratch.bytes);
    return TN_OK;
}

static void
open_job(job *j, void (*make)(tn_kb *b), tn_dtype index)
{
    *j = (job){.build = make, .index = index};
    tn_diag_init(&j->diag, tn_alloc_system());
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(j->arena, build, j), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&j->diag); i++)
        tn_test_note("%s", tn_diag_text(&j->diag, i));
}

static void
end_job(job *j)
{
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

/* ---- samples ---- */

static void
vectors_row(tn_kb *b, tn_kmem *const *mem, tn_ins *base, tn_ins *n)
{
    tn_ins *mask = tn_kb_below(b, tn_kb_sub(b, n, base), 16);
    tn_ins *v = tn_kb_load(b, mem[0], base, 16, mask, tn_kb_real(b, TN_F32, -1.5));
    tn_ins *at = tn_kb_lanes(b, 16);
    tn_ins *three = tn_kb_whole(b, TN_I32, 3);
    at = tn_kb_mul(b, at, three);
    tn_ins *g = tn_kb_gather(b, mem[1], base, at, mask, tn_kb_real(b, TN_F32, 0.25));
    g = tn_kb_cast(b, TN_F32, g);
    tn_ins *sum = tn_kb_fn3(b, TN_FN_fma, v, g, tn_kb_real(b, TN_F32, 2));
    tn_ins *one = tn_kb_extract(b, sum, 3);
    tn_ins *all = tn_kb_across(b, TN_FN_add, sum);
    sum = tn_kb_add(b, sum, tn_kb_sub(b, all, one));
    tn_kb_store(b, mem[2], base, sum, mask);
    tn_ins *whole = tn_kb_cast(b, TN_I32, sum);
    tn_ins *bits = tn_kb_bits(b, TN_F32, whole);
    tn_kb_scatter(b, mem[2], base, at, bits, mask);
    tn_kb_prefetch(b, mem[1], base);
}

static void
build_vectors(tn_kb *b)
{
    tn_kmem *mem[3];
    mem[0] = tn_kb_global(b, "x", TN_F32, true, false);
    mem[1] = tn_kb_global(b, "half x", TN_F16, true, false);
    mem[2] = tn_kb_global(b, "y", TN_F32, true, true);
    tn_ins *n = tn_kb_size(b, "N", 1, 100000), *k = tn_kb_size(b, "inner size", 1, 512);
    tn_ins *zero = tn_kb_int(b, 0);
    tn_ins *tasks = tn_kb_fn2(b, TN_FN_div, tn_kb_add(b, n, tn_kb_int(b, 15)), tn_kb_int(b, 16));
    uint32_t site = tn_kb_site(b, "index of \"gather\"");
    TN_KFOR(b, i, TN_LOOP_GRID, zero, tasks, 1, "n") {
        tn_ins *base = tn_kb_mul(b, i, tn_kb_int(b, 16));
        tn_kmem *part = tn_kb_local(b, "part", TN_F32, tn_kb_mul(b, k, tn_kb_int(b, 16)));
        tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 16}, 2, (int[]){2, 3}, false);
        TN_KFOR(b, s, TN_LOOP_SERIAL, zero, k, 2, NULL) {
            TN_KFOR(b, u, TN_LOOP_UNROLL, zero, tn_kb_int(b, 2), 1, "u") {
                tn_ins *last = tn_kb_int(b, 1);
                tn_kb_set(b, c, tn_kb_real(b, TN_F32, 0), 2, (tn_ins *[]){u, last});
                tn_ins *get = tn_kb_get(b, c, 2, (tn_ins *[]){u, last});
                tn_ins *at = tn_kb_mul(b, s, tn_kb_int(b, 16));
                tn_kb_store(b, part, at, get, NULL);
            }
        }
        tn_ins *enough = tn_kb_fn2(b, TN_FN_lt, base, n);
        tn_kb_if(b, enough);
        vectors_row(b, mem, base, n);
        tn_kb_else(b);
        tn_kb_check(b, site, enough, base, i);
        tn_kb_close(b);
    }
}

static void
build_lanes(tn_kb *b)
{
    tn_kb_group(b, 8, 4);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *m = tn_kb_size(b, "M", 1, 64), *zero = tn_kb_int(b, 0);
    tn_ins *eight = tn_kb_int(b, 8), *four = tn_kb_int(b, 4), *two = tn_kb_int(b, 2);
    TN_KFOR(b, g, TN_LOOP_GRID, zero, m, 1, "g") {
        tn_kmem *s = tn_kb_local(b, "s", TN_F32, eight);
        tn_kcell *sum = tn_kb_cell(b, "sum", (tn_ktype){TN_F32, 1}, 0, NULL, true);
        tn_ins *from = tn_kb_mul(b, g, eight);
        TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
            tn_ins *v = tn_kb_load(b, x, tn_kb_add(b, from, l), 1, NULL, NULL);
            tn_kb_store(b, s, l, v, NULL);
        }
        tn_kb_barrier(b);
        TN_KFOR(b, t, TN_LOOP_TEAM, zero, two, 1, "t") {
            TN_KFOR(b, l, TN_LOOP_LANE, zero, four, 1, NULL) {
                tn_ins *at = tn_kb_mul(b, t, four);
                tn_kb_set(b, sum, tn_kb_load(b, s, tn_kb_add(b, at, l), 1, NULL, NULL), 0, NULL);
            }
            tn_kb_sg_reduce(b, TN_FN_add, sum);
        }
        TN_KFOR(b, l, TN_LOOP_LANE, zero, two, 1, "l") {
            tn_ins *at = tn_kb_add(b, tn_kb_mul(b, g, two), l);
            tn_kb_store(b, y, at, tn_kb_get(b, sum, 0, NULL), NULL);
        }
    }
}

static tn_status
again_from_text(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    TN_TRY(tn_kernel_parse(j->arena, &j->diag, "text", j->text, &k));
    TN_CHECK_STR(text_of(j->arena, k), j->text);
    return TN_OK;
}

static void
text_keeps(void (*make)(tn_kb *b), tn_dtype index)
{
    job j;
    open_job(&j, make, index);
    TN_CHECK_EQ(tn_arena_guard(j.arena, again_from_text, &j), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&j.diag); i++)
        tn_test_note("%s", tn_diag_text(&j.diag, i));
    end_job(&j);
}

TN_TEST(text_keeps_kernels)
{
    text_keeps(build_vectors, TN_I64);
    text_keeps(build_lanes, TN_I32);
}

/* Reads a kernel with `text` as the body of its only task. */
static void
text_fails(const char *text, const char *part)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    char all[1024];
    tn_diag_init(&j.diag, tn_alloc_system());
    snprintf(all, sizeof all,
        "kernel k i64 {\nsize N 1 .. 9\nglobal x: f32 read\nglobal y: f32 write\n"
        "grid %%0: 0 .. N {\n%s\n}\n}\n",
        text);
    j.text = all;
    TN_CHECK_EQ(tn_arena_guard(j.arena, again_from_text, &j), TN_MALFORMED);
    const char *said = tn_diag_text(&j.diag, 0);
    if (!TN_CHECK(said && strstr(said, part)))
        tn_test_note("wanted \"%s\", found: %s", part, said ? said : "nothing");
    end_job(&j);
}

TN_TEST(wrong_texts_are_refused_with_their_place)
{
    text_fails("%1: f32 = load q[0]", "text:6:16: there is no buffer \"q\"");
    text_fails("%1: f32 = load x[M]", "there is no size \"M\"");
    text_fails("%1: f32 = load x[%7]", "there is no value %7");
    text_fails("%1: f33 = load x[0]", "there is no type \"f33\"");
    text_fails("jump %0", "there is no instruction \"jump\"");
    text_fails("%1: f32 = exp f32(1)", "not a native function");
    text_fails("%1: f32 = load y[0]", "not declared for this access");
    text_fails("%1: f32 = add f32(1), i32(2)", "types do not fit");
    text_fails("%1: f32 = load x[0]\nstore y[%0], %1 where bool(2)", "does not fit its type");
    text_fails("serial %1: 0 .. N { %2: i64 = add %1, 1 }\n%3: i64 = add %2, 1",
        "not defined here");
    text_fails("cell c: f32\nset c[0], f32(1)", "wrong number of operands");
    text_fails("lane %1: 0 .. 2 { }", "LANE exceeds the group");
    text_fails("grid %1: 0 .. 2 { }", "GRID is outermost");
    text_fails("unroll %1: 0 .. N { }", "UNROLL needs constant bounds");
    text_fails("local m: f32[%0]", "depends on more than sizes");
    text_fails("check 0, bool(1), i32(0), i32(0)", "unknown site");
}

/* Rules of groups: the body of a kernel of 8 lanes. */
static void
group_fails(const char *text, const char *part)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    char all[1024];
    tn_diag_init(&j.diag, tn_alloc_system());
    snprintf(all, sizeof all,
        "kernel k i32 lanes 8 team 4 {\nglobal y: f32 read write\n"
        "grid %%0: 0 .. 3 {\nlane %%1: 0 .. 8 { }\n%s\n}\n}\n",
        text);
    j.text = all;
    TN_CHECK_EQ(tn_arena_guard(j.arena, again_from_text, &j), TN_MALFORMED);
    const char *said = tn_diag_text(&j.diag, 0);
    if (!TN_CHECK(said && strstr(said, part)))
        tn_test_note("wanted \"%s\", found: %s", part, said ? said : "nothing");
    end_job(&j);
}

TN_TEST(uniformity_is_checked)
{
    group_fails("store y[%0], f32(1)", "stores of groups stand in LANE");
    group_fails("lane %2: 0 .. 8 { barrier }", "a barrier is inside TEAM or LANE");
    group_fails("team %2: 0 .. 2 { barrier }", "a barrier is inside TEAM or LANE");
    group_fails("team %2: 0 .. 3 { }", "TEAM does not cover the group");
    group_fails("lane %2: 0 .. 9 { }", "LANE exceeds the group");
    group_fails("team %2: 0 .. 2 { lane %3: 0 .. 5 { } }", "LANE exceeds the group");
    group_fails("cell c: f32 per_lane\n%2: f32 = get c", "a lane cell is read outside LANE");
    group_fails("cell c: f32\nlane %2: 0 .. 8 { set c, f32(1) }", "lanes share the cell");
    group_fails("cell c: f32\nsg_reduce add c", "needs a lane cell");
    group_fails("lane %2: 0 .. 8 { local m: f32[4] }", "locals are declared in GRID");
    group_fails("%2: f32x4 = splat f32(1)", "groups have no vectors");
}

TN_TEST(bytes_keep_a_vector_kernel)
{
    job j;
    open_job(&j, build_vectors, TN_I64);
    TN_CHECK_EQ(tn_arena_guard(j.arena, again_from_bytes, &j), TN_OK);
    end_job(&j);
}

TN_TEST(bytes_keep_a_group_kernel)
{
    job j;
    open_job(&j, build_lanes, TN_I32);
    TN_CHECK_EQ(tn_arena_guard(j.arena, again_from_bytes, &j), TN_OK);
    end_job(&j);
}

/* ---- corrupted bytes ---- */

static tn_status
decode_only(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    TN_TRY(tn_kernel_decode(j->arena, &j->diag, j->bytes, &k));
    /* What is accepted can be used. */
    (void)text_of(j->arena, k);
    return tn_kernel_unroll(j->arena, &j->diag, k, &k);
}

/* Decodes a changed copy; whether it was accepted. */
static bool
decode_changed(const job *from, size_t at, uint8_t flip, size_t bytes)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), (size_t)1 << 26)};
    tn_diag_init(&j.diag, tn_alloc_system());
    uint8_t *copy = tn_alloc_get(tn_alloc_system(), bytes + 1);
    memcpy(copy, from->bytes.at, bytes);
    copy[at] ^= flip;
    j.bytes = (tn_span){copy, bytes};
    tn_status status = tn_arena_guard(j.arena, decode_only, &j);
    TN_CHECK(status == TN_OK || status == TN_MALFORMED || status == TN_UNSUPPORTED ||
        status == TN_LIMIT || status == TN_NO_MEMORY);
    TN_CHECK(status == TN_OK || status == TN_NO_MEMORY || tn_diag_count(&j.diag) > 0);
    tn_alloc_free(tn_alloc_system(), copy, bytes + 1);
    end_job(&j);
    return status == TN_OK;
}

static void
corrupt(void (*make)(tn_kb *b), tn_dtype index)
{
    job j;
    size_t refused = 0;
    open_job(&j, make, index);
    for (size_t at = 0; at < j.bytes.bytes; at++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};
        for (size_t f = 0; f < sizeof flips; f++)
            refused += !decode_changed(&j, at, flips[f], j.bytes.bytes);
        TN_CHECK(!decode_changed(&j, 0, 0, at));
    }
    TN_CHECK(refused > j.bytes.bytes);
    end_job(&j);
}

TN_TEST(corrupted_bytes_are_refused_or_harmless)
{
    corrupt(build_vectors, TN_I64);
    corrupt(build_lanes, TN_I32);
}

/* ---- out of memory ---- */

static tn_status
everything(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    TN_TRY(build(j));
    TN_TRY(tn_kernel_decode(j->arena, &j->diag, j->bytes, &k));
    TN_TRY(tn_kernel_parse(j->arena, &j->diag, "text", j->text, &k));
    return tn_kernel_unroll(j->arena, &j->diag, k, &k);
}

TN_TEST(running_out_of_memory_is_a_status)
{
    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        tn_fake_alloc_init(&mem, n);
        job j = {.build = build_vectors, .index = TN_I64};
        tn_diag_init(&j.diag, &mem.table);
        j.arena = tn_arena_create(&mem.table, 0);
        tn_status status = j.arena ? tn_arena_guard(j.arena, everything, &j) : TN_NO_MEMORY;
        end_job(&j);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        if (!mem.failed)
            break;
    }
}

/* ---- unrolling ---- */

static void
build_unrolled(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *n = tn_kb_size(b, "N", 2, 64), *zero = tn_kb_int(b, 0), *two = tn_kb_int(b, 2);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, n, 1, "i") {
        TN_KFOR(b, r, TN_LOOP_UNROLL, zero, two, 1, "r") {
            tn_kcell *c = tn_kb_cell(b, "c", (tn_ktype){TN_F32, 1}, 0, NULL, false);
            tn_ins *at = tn_kb_mul(b, tn_kb_add(b, i, r), n);
            tn_ins *first = tn_kb_fn2(b, TN_FN_eq, r, zero);
            tn_kb_set(b, c, tn_kb_load(b, x, at, 1, NULL, NULL), 0, NULL);
            tn_kb_store(b, y, at, tn_kb_get(b, c, 0, NULL), first);
        }
    }
}

static tn_status
unroll(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    TN_TRY(tn_kernel_unroll(j->arena, &j->diag, j->kernel, &k));
    TN_TRY(tn_kernel_verify(k, &j->diag));
    j->text = text_of(j->arena, k);
    return TN_OK;
}

TN_TEST(unrolled_bodies_fold)
{
    job j;
    open_job(&j, build_unrolled, TN_I64);
    TN_CHECK_EQ(tn_arena_guard(j.arena, unroll, &j), TN_OK);
    TN_CHECK_STR(j.text,
        "kernel sample i64 {\n"
        "    size N 2 .. 64\n"
        "    global x: f32 read\n"
        "    global y: f32 write\n"
        "    grid i %0: 0 .. N {\n"
        "        %1: i64 = mul %0, N\n"
        "        cell c: f32\n"
        "        %2: f32 = load x[%1]\n"
        "        set c, %2\n"
        "        %3: f32 = get c\n"
        "        store y[%1], %3\n"
        "        cell c_2: f32\n"
        "        %4: i64 = add %1, N\n"
        "        %5: f32 = load x[%4]\n"
        "        set c_2, %5\n"
        "    }\n"
        "}\n");
    end_job(&j);
}

TN_MAIN(TN_CASE(bytes_keep_a_vector_kernel), TN_CASE(bytes_keep_a_group_kernel),
    TN_CASE(text_keeps_kernels), TN_CASE(wrong_texts_are_refused_with_their_place),
    TN_CASE(uniformity_is_checked), TN_CASE(corrupted_bytes_are_refused_or_harmless),
    TN_CASE(running_out_of_memory_is_a_status), TN_CASE(unrolled_bodies_fold))
