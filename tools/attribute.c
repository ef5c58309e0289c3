/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/attribute.h"

#include <string.h>
#include <time.h>

#include "ir/random.h"

enum { ROUND_LIMIT = 400, ROUNDS_LEAST = 5 };
static const uint64_t default_budget_ns = 6000000000u;

/* ---- variants ---- */

static tn_variant *
variant(tn_attribution *a, tn_pass_set skip)
{
    tn_variant *v;

    for (uint32_t i = 0; i < a->variants.count; i++)
        if (a->variants.at[i]->skip == skip)
            return a->variants.at[i];
    v = tn_new(a->tool->arena, tn_variant);
    v->skip = skip;
    v->agrees = true;
    tn_push(a->tool->arena, &a->variants, v);
    return v;
}

static void
choose_variants(tn_attribution *a)
{
    tn_arena *arena = a->tool->arena;
    tn_pass_set skip = 0;

    for (int i = 0; i < tn_pass_count(); i++)
        skip |= (tn_pass_set)!tn_pass_at(i)->needed << i;
    tn_push(arena, &a->ladder, ((tn_gain){.pass = "nothing", .v = variant(a, skip)}));
    for (int i = 0; i < tn_pass_count(); i++) {
        tn_gain g = {.pass = tn_arena_printf(arena, "+%s", tn_pass_at(i)->name)};

        if (tn_pass_at(i)->needed)
            continue;
        skip &= ~((tn_pass_set)1 << i);
        g.v = variant(a, skip);
        tn_push(arena, &a->ladder, g);
    }
    for (int i = 0; i < tn_pass_count(); i++) {
        tn_gain g = {.pass = tn_pass_at(i)->name, .v = variant(a, (tn_pass_set)1 << i)};

        if (!tn_pass_at(i)->needed)
            tn_push(arena, &a->leave_one_out, g);
    }
}

static tn_status
open_variants(tn_attribution *a)
{
    for (uint32_t i = 0; i < a->variants.count; i++) {
        const tn_load_how how = {.skip = a->variants.at[i]->skip, .expect = TN_LOAD_EXPECT_NOT};

        TN_TRY(tn_bench_open(a->tool, a->path, a->device, &how, &a->variants.at[i]->c));
    }
    a->entry = a->variants.at[0]->c.given.entry->name;
    return TN_OK;
}

/* ---- memory over time ---- */

static uint64_t
alive(const tn_plan *p, const uint64_t *bytes, int32_t step)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < p->buffers.count; i++) {
        const tn_plan_buffer *b = &p->buffers.at[i];

        if (b->use == TN_USE_TEMP && b->same_as < 0 && b->first <= step && step <= b->last)
            sum += bytes[i];
    }
    return sum;
}

static tn_status
note_memory(tn_variant *v, const tn_run *run)
{
    tn_arena *arena = v->c.tool->arena;
    const tn_plan *p = &v->c.loaded.model->target->plans[v->c.entry];
    uint64_t *bytes = tn_new_array(arena, uint64_t, p->buffers.count + 1);
    uint64_t *offset = tn_new_array(arena, uint64_t, p->buffers.count + 1), total;

    TN_TRY(tn_plan_place(p, v->c.tool->diag, v->c.symbols, bytes, offset, &total));
    v->steps = run->time_count;
    v->step_ns = tn_new_array(arena, uint64_t, v->steps + 1);
    v->step_bytes = tn_new_array(arena, uint64_t, v->steps + 1);
    for (uint32_t s = 0; s < v->steps; s++) {
        v->step_ns[s] = run->times[s].start_ns;
        v->step_ns[s + 1] = run->times[s].start_ns + run->times[s].took_ns;
        v->step_bytes[s] = alive(p, bytes, (int32_t)s);
    }
    return TN_OK;
}

static tn_status
profile(tn_variant *v)
{
    tn_run run;

    TN_TRY(tn_bench_profile(&v->c, &run));
    return note_memory(v, &run);
}

/* The machine's rates at the beginning and at the end, the better ones: what
 * else runs there must not make a kernel look good. */
static tn_status
measure_peak(tn_attribution *a)
{
    tn_device_peak peak;

    TN_TRY(tn_bench_peak(&a->variants.at[0]->c, &peak));
    if (peak.flops_per_s > a->peak.flops_per_s)
        a->peak.flops_per_s = peak.flops_per_s;
    if (peak.bytes_per_s > a->peak.bytes_per_s)
        a->peak.bytes_per_s = peak.bytes_per_s;
    return TN_OK;
}

/* ---- time ---- */

/* What another variant left behind is over first: its threads, which look for
 * work for a while, go to sleep, and a run warms threads and caches, unless
 * runs are so long that this does not matter. */
static tn_status
time_one(tn_variant *v, uint64_t *wall)
{
    static const struct timespec pause = {.tv_nsec = 500000};
    static const uint64_t long_ns = 30000000;

    (void)nanosleep(&pause, NULL);
    if (!v->long_runs)
        TN_TRY(tn_bench_run(&v->c, wall, NULL));
    TN_TRY(tn_bench_run(&v->c, wall, NULL));
    v->long_runs = *wall > long_ns;
    return TN_OK;
}

/* In turns, each round in another order, so that what changes on the machine
 * meanwhile, and what a variant leaves behind in caches, meets all alike. */
static tn_status
run_round(tn_attribution *a, uint32_t round)
{
    uint32_t count = a->variants.count;
    tn_variant **order = tn_new_array(a->tool->arena, tn_variant *, count);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = tn_random_word(round, i) % (i + 1);

        order[i] = order[at];
        order[at] = a->variants.at[i];
    }
    for (uint32_t i = 0; i < count; i++)
        TN_TRY(time_one(order[i], &order[i]->wall[round]));
    return TN_OK;
}

static tn_status
run_rounds(tn_attribution *a)
{
    const tn_option_value *runs = &a->tool->options->value[TN_OPT_runs];
    uint64_t start = tn_tool_now_ns();
    bool given = runs->given && runs->whole > 0;
    uint32_t limit = given && runs->whole < ROUND_LIMIT ? (uint32_t)runs->whole : ROUND_LIMIT;

    for (uint32_t i = 0; i < a->variants.count; i++)
        a->variants.at[i]->wall = tn_new_array(a->tool->arena, uint64_t, ROUND_LIMIT);
    while (a->rounds < limit &&
        (given || a->rounds < ROUNDS_LEAST || tn_tool_now_ns() - start < default_budget_ns))
        TN_TRY(run_round(a, a->rounds++));
    return TN_OK;
}

static void
settle_times(tn_attribution *a, tn_variant *v)
{
    v->sorted = tn_new_array(a->tool->arena, uint64_t, a->rounds);
    memcpy(v->sorted, v->wall, a->rounds * sizeof *v->sorted);
    tn_bench_sort(v->sorted, a->rounds);
    v->median = tn_bench_tenth(v->sorted, a->rounds, 5);
    v->p10 = tn_bench_tenth(v->sorted, a->rounds, 1);
    v->p90 = tn_bench_tenth(v->sorted, a->rounds, 9);
    for (uint32_t i = 0; i < v->c.kernel_count; i++)
        v->least_ns += tn_bench_least_ns(&a->peak, v->c.kernels[i].flops, v->c.kernels[i].bytes);
}

/* ---- gains ---- */

/* Differences are kept with their sign bit turned, so that they sort as
 * unsigned numbers do. */
static const uint64_t turned = UINT64_C(1) << 63;

static double
difference_at(const uint64_t *sorted, uint32_t count, uint32_t tenths)
{
    return (double)(int64_t)(tn_bench_tenth(sorted, count, tenths) ^ turned);
}

/* Of each round: how much less time `v` takes than `slow`. */
static const uint64_t *
differences(const tn_attribution *a, const tn_variant *slow, const tn_variant *v)
{
    uint64_t *out = tn_new_array(a->tool->arena, uint64_t, a->rounds);

    for (uint32_t r = 0; r < a->rounds; r++)
        out[r] = (slow->wall[r] - v->wall[r]) ^ turned;
    tn_bench_sort(out, a->rounds);
    return out;
}

static void
settle_gain(const tn_attribution *a, tn_gain *g, const tn_variant *slow, const tn_variant *fast)
{
    const uint64_t *sorted = differences(a, slow, fast);

    g->gain_ns = (double)slow->median - (double)fast->median;
    g->p10_ns = difference_at(sorted, a->rounds, 1);
    g->p90_ns = difference_at(sorted, a->rounds, 9);
}

static void
settle_gains(tn_attribution *a)
{
    const tn_variant *none = tn_attribute_nothing(a), *all = tn_attribute_all(a);
    const uint64_t *total = differences(a, none, all);

    for (uint32_t i = 1; i < a->ladder.count; i++)
        settle_gain(a, &a->ladder.at[i], a->ladder.at[i - 1].v, a->ladder.at[i].v);
    for (uint32_t i = 0; i < a->leave_one_out.count; i++)
        settle_gain(a, &a->leave_one_out.at[i], a->leave_one_out.at[i].v, all);
    a->total_ns = difference_at(total, a->rounds, 5);
    a->p10_ns = difference_at(total, a->rounds, 1);
    a->p90_ns = difference_at(total, a->rounds, 9);
}

double
tn_attribute_sum(const tn_attribution *a)
{
    double sum = 0;

    for (uint32_t i = 1; i < a->ladder.count; i++)
        sum += a->ladder.at[i].gain_ns;
    return sum;
}

double
tn_attribute_share(const tn_variant *v)
{
    return v->median ? v->least_ns / (double)v->median : 0;
}

/* ---- the command ---- */

static tn_status
measure(tn_attribution *a)
{
    choose_variants(a);
    TN_TRY(open_variants(a));
    TN_TRY(tn_attribute_errors(a));
    for (uint32_t i = 0; i < a->variants.count; i++)
        TN_TRY(profile(a->variants.at[i]));
    TN_TRY(measure_peak(a));
    TN_TRY(run_rounds(a));
    TN_TRY(measure_peak(a));
    for (uint32_t i = 0; i < a->variants.count; i++)
        settle_times(a, a->variants.at[i]);
    settle_gains(a);
    return TN_OK;
}

static tn_status
show(tn_attribution *a)
{
    const tn_option_value *html = &a->tool->options->value[TN_OPT_html];
    tn_text out = {.arena = a->tool->arena}, page = {.arena = a->tool->arena};

    if (html->given) {
        tn_attribute_page(&page, a);
        TN_TRY(tn_tool_write(a->tool, html->text, page.at, page.length));
    }
    if (tn_tool_json(a->tool))
        tn_attribute_json(&out, a);
    else
        tn_attribute_people(&out, a);
    return tn_tool_print(a->tool, &out);
}

tn_status
tn_attribute(tn_tool *tool, const char *path, const char *device)
{
    tn_attribution a = {.tool = tool, .path = path, .device = device};
    bool is_artifact;
    tn_status status;

    TN_TRY(tn_load_is_artifact(tool, path, &is_artifact));
    if (is_artifact)
        return tn_fail(tool->diag, TN_USAGE,
            "%s: --attribute compiles the graph anew, which an artifact does not hold", path);
    status = measure(&a);
    if (status == TN_OK)
        status = show(&a);
    for (uint32_t i = 0; i < a.variants.count; i++)
        tn_bench_close(&a.variants.at[i]->c);
    return status;
}
