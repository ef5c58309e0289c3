/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bind.h"

#include "tests/support/test.h"

/* Inputs x: f32[N, 2N+1] and n: i32[] of range 0..9 that is the symbol P. */
typedef struct fixture {
    tn_arena *arena;
    tn_iface_entry entry;
    tn_tensor tensors[2];
    int32_t p;
} fixture;

static tn_status
build(void *arg)
{
    fixture *f = arg;
    tn_sizes *s = tn_sizes_create(f->arena);
    const tn_symbol n = {.name = "N", .low = 1, .high = 8, .multiple = 2};
    const tn_symbol p = {.name = "P", .low = 0, .high = 9, .multiple = 1, .scalar = true};
    tn_iface_input x = {.name = "x", .dtype = TN_F32, .rank = 2, .symbol = -1};
    tn_iface_input q = {.name = "n",
        .dtype = TN_I32,
        .rank = 0,
        .symbol = 1,
        .has_range = true,
        .low = 0,
        .high = 9};
    tn_plan_symbol first = {"N", 1, 8, 2, 0, -1}, second = {"P", 0, 9, 1, 0, 1};
    tn_plan_fact fact = {.op = 3, .what = "where: P <= N"};
    tn_size size = tn_size_symbol(s, tn_sizes_add(s, &n)), twice, past;

    past = tn_size_symbol(s, tn_sizes_add(s, &p));
    twice = tn_size_mul(s, size, tn_size_int(s, 2));
    x.dim[0] = tn_size_formula(f->arena, size);
    x.dim[1] = tn_size_formula(f->arena, tn_size_add(s, twice, tn_size_int(s, 1)));
    fact.left = tn_size_formula(f->arena, past);
    fact.right = x.dim[0];
    f->entry.name = "main";
    tn_push(f->arena, &f->entry.symbols, first);
    tn_push(f->arena, &f->entry.symbols, second);
    tn_push(f->arena, &f->entry.inputs, x);
    tn_push(f->arena, &f->entry.inputs, q);
    tn_push(f->arena, &f->entry.facts, fact);
    return TN_OK;
}

static tn_status
bind(fixture *f, int64_t rows, int64_t columns, int32_t p, int64_t *values)
{
    f->p = p;
    f->tensors[0] = (tn_tensor){.dtype = TN_F32, .rank = 2, .dim = {rows, columns}};
    f->tensors[1] = (tn_tensor){.dtype = TN_I32, .rank = 0, .data = &f->p};
    return tn_bind(NULL, &f->entry, f->tensors, NULL, NULL, values);
}

TN_TEST(symbols_are_solved_and_checked)
{
    fixture f = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    int64_t values[2];

    TN_CHECK_EQ(tn_arena_guard(f.arena, build, &f), TN_OK);
    TN_CHECK_EQ(bind(&f, 4, 9, 3, values), TN_OK);
    TN_CHECK(values[0] == 4 && values[1] == 3);
    TN_CHECK_EQ(bind(&f, 4, 8, 3, values), TN_MALFORMED);  /* 2N+1 */
    TN_CHECK_EQ(bind(&f, 3, 7, 3, values), TN_MALFORMED);  /* multiple of 2 */
    TN_CHECK_EQ(bind(&f, 10, 21, 3, values), TN_MALFORMED); /* range */
    TN_CHECK_EQ(bind(&f, 4, 9, 10, values), TN_MALFORMED); /* range of n */
    TN_CHECK_EQ(bind(&f, 4, 9, 5, values), TN_MALFORMED);  /* the fact */
    tn_arena_destroy(f.arena);
}

/* S is in no shape: S == 2*N, or 3*S == 2*N, gives it its value. */
static tn_status
build_fact(void *arg)
{
    fixture *f = arg;
    tn_sizes *s = tn_sizes_create(f->arena);
    const tn_symbol n = {.name = "N", .low = 1, .high = 8, .multiple = 1};
    const tn_symbol q = {.name = "S", .low = 1, .high = 12, .multiple = 1};
    tn_iface_input x = {.name = "x", .dtype = TN_F32, .rank = 1, .symbol = -1};
    tn_plan_symbol first = {"N", 1, 8, 1, 0, -1}, second = {"S", 1, 12, 1, 0, -1};
    tn_plan_fact fact = {.op = 0, .what = "where"};
    tn_size size = tn_size_symbol(s, tn_sizes_add(s, &n));
    tn_size other = tn_size_symbol(s, tn_sizes_add(s, &q));
    tn_size many = tn_size_mul(s, other, tn_size_int(s, f->p));

    x.dim[0] = tn_size_formula(f->arena, size);
    fact.left = tn_size_formula(f->arena, many);
    fact.right = tn_size_formula(f->arena, tn_size_mul(s, size, tn_size_int(s, 2)));
    f->entry.name = "main";
    tn_push(f->arena, &f->entry.symbols, first);
    tn_push(f->arena, &f->entry.symbols, second);
    tn_push(f->arena, &f->entry.inputs, x);
    tn_push(f->arena, &f->entry.facts, fact);
    return TN_OK;
}

TN_TEST(equalities_bind)
{
    for (int32_t many = 1; many <= 3; many += 2) {
        fixture f = {.arena = tn_arena_create(tn_alloc_system(), 0), .p = many};
        int64_t values[2] = {0, 0};

        TN_CHECK_EQ(tn_arena_guard(f.arena, build_fact, &f), TN_OK);
        f.tensors[0] = (tn_tensor){.dtype = TN_F32, .rank = 1, .dim = {6}};
        TN_CHECK_EQ(tn_bind(NULL, &f.entry, f.tensors, NULL, NULL, values), TN_OK);
        TN_CHECK_EQ(values[1], 12 / many);
        f.tensors[0].dim[0] = many == 1 ? 7 : 5; /* beyond the range; not whole */
        TN_CHECK_EQ(tn_bind(NULL, &f.entry, f.tensors, NULL, NULL, values), TN_MALFORMED);
        tn_arena_destroy(f.arena);
    }
}

TN_MAIN(TN_CASE(equalities_bind), TN_CASE(symbols_are_solved_and_checked))
