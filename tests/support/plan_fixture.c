/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/plan_fixture.h"

tn_formula
tn_formula_fixture(tn_arena *arena, int64_t factor)
{
    tn_sizes *s = tn_sizes_create(arena);
    const tn_symbol n = {.name = "N", .low = 0, .high = 1000, .multiple = 1};
    int symbol = tn_sizes_add(s, &n);
    tn_size size = tn_size_symbol(s, symbol);

    return tn_size_formula(arena, tn_size_mul(s, size, tn_size_int(s, factor)));
}

static uint32_t
add_buffer(tn_arena *arena, tn_plan *p, tn_plan_use use, const char *name, int32_t first,
    int32_t last)
{
    tn_plan_buffer b = {.use = use,
        .name = name,
        .dtype = TN_F32,
        .rank = 1,
        .number = 0,
        .same_as = -1,
        .first = first,
        .last = last};

    b.dim[0] = tn_formula_fixture(arena, 1);
    b.bytes = tn_formula_fixture(arena, 4);
    tn_push(arena, &p->buffers, b);
    return p->buffers.count - 1;
}

static void
add_step(tn_arena *arena, tn_plan *p, uint32_t from, uint32_t to, bool wait)
{
    tn_plan_step s = {.kind = TN_STEP_LAUNCH,
        .name = "step",
        .family = "map",
        .kernel = 0,
        .first_site = 0,
        .wait = wait};
    tn_formula n = tn_formula_fixture(arena, 1);

    tn_push(arena, &s.buffers, from);
    tn_push(arena, &s.writes, false);
    tn_push(arena, &s.buffers, to);
    tn_push(arena, &s.writes, true);
    tn_push(arena, &s.sizes, n);
    tn_push(arena, &s.ops, "nodes[0]");
    s.flops = n;
    s.bytes = n;
    tn_push(arena, &p->steps, s);
}

void
tn_plan_fixture(tn_arena *arena, tn_plan *out)
{
    static const uint8_t lane[] = {1, 2, 3, 4};
    tn_plan_kernel k = {.name = "map",
        .lane = {lane, sizeof lane},
        .choice = "",
        .size_count = 1,
        .binding_count = 2,
        .site_count = 1};
    tn_plan_symbol n = {"N", 0, 1000, 1, 16, -1};
    tn_plan_site site = {.what = "nodes[0]: index", .input = 0};
    tn_plan_fact fact = {.op = 3, .what = "where: N <= 2 N"};
    uint32_t x, a, b, y;

    *out = (tn_plan){.entry = "main"};
    tn_push(arena, &out->symbols, n);
    x = add_buffer(arena, out, TN_USE_INPUT, "x", -1, -1);
    a = add_buffer(arena, out, TN_USE_TEMP, "a", 0, 1);
    b = add_buffer(arena, out, TN_USE_TEMP, "b", 1, 2);
    y = add_buffer(arena, out, TN_USE_OUTPUT, "y", -1, -1);
    add_buffer(arena, out, TN_USE_TEMP, "c", 2, 2);
    k.tasks = tn_formula_fixture(arena, 1);
    k.scratch = tn_formula_fixture(arena, 0);
    tn_push(arena, &out->kernels, k);
    site.extent = tn_formula_fixture(arena, 2);
    tn_push(arena, &out->sites, site);
    add_step(arena, out, x, a, false);
    add_step(arena, out, a, b, true);
    add_step(arena, out, b, y, true);
    fact.left = tn_formula_fixture(arena, 1);
    fact.right = tn_formula_fixture(arena, 2);
    tn_push(arena, &out->facts, fact);
}

void
tn_iface_fixture(tn_arena *arena, tn_span weight, tn_iface *f)
{
    tn_iface_entry entry = {.name = "main"};
    tn_iface_input in = {.name = "x",
        .dtype = TN_F32,
        .rank = 1,
        .symbol = -1,
        .text = "",
        .product = "",
        .tokenizer = -1};
    tn_iface_output out = {.name = "y",
        .dtype = TN_F32,
        .rank = 1,
        .labels = -1,
        .scheme = "",
        .length = "",
        .align = ""};
    tn_iface_weight w = {
        .name = "w", .dtype = TN_U8, .rank = 1, .dim = {(int64_t)weight.bytes}, .at = weight};
    tn_plan_symbol n = {"N", 0, 1000, 1, 16, -1};

    in.dim[0] = out.dim[0] = tn_formula_fixture(arena, 1);
    tn_push(arena, &entry.symbols, n);
    tn_push(arena, &entry.inputs, in);
    tn_push(arena, &entry.outputs, out);
    *f = (tn_iface){.model = "fixture"};
    f->params = (int64_t)weight.bytes;
    tn_push(arena, &f->entries, entry);
    tn_push(arena, &f->weights, w);
}
