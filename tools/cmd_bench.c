/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/bind.h"
#include "tools/device_peak.h"
#include "tools/load.h"
#include "tools/trace.h"

enum { RUN_LIMIT = 1000, WARM_UP = 3 };
static const uint64_t default_budget_ns = 2000000000u;

/* What one kernel costs over all its launches of a run. */
typedef struct kernel_cost {
    const char *name;
    uint64_t ns;
    double flops, bytes;
    int count;
} kernel_cost;

typedef struct bench {
    tn_tool *tool;
    tn_loaded *l;
    tn_given *given;
    int entry;
    uint64_t *wall;
    uint32_t runs;
    kernel_cost *costs;
    uint32_t cost_count;
    double flops, bytes;
    int64_t launches;
    uint64_t peak_bytes;
    tn_device_peak peak;
} bench;

static tn_status
one_run(bench *b, bool profile, uint64_t *wall, tn_run *run)
{
    uint32_t outputs = b->given->entry->outputs.count;
    tn_tensor *made = tn_new_array(b->tool->arena, tn_tensor, outputs + 1);
    uint64_t start = tn_tool_now_ns();

    *run = (tn_run){.profile = profile};
    TN_TRY(tn_loaded_run(b->tool, b->l, b->entry, b->given, false, made, run));
    *wall = tn_tool_now_ns() - start;
    for (uint32_t i = 0; i < outputs; i++)
        tn_tensor_free(b->tool->env.alloc, &made[i]);
    return TN_OK;
}

static double
formula_value(const tn_plan *p, tn_formula f, const int64_t *symbols)
{
    int64_t v = 0;

    return f.bytes && tn_formula_eval(f, symbols, p->symbols.count, &v) ? (double)v : 0;
}

static kernel_cost *
cost_of(bench *b, const char *name)
{
    for (uint32_t i = 0; i < b->cost_count; i++)
        if (!strcmp(b->costs[i].name, name))
            return &b->costs[i];
    b->costs[b->cost_count].name = name;
    return &b->costs[b->cost_count++];
}

/* Device time of each kernel from one profiled run, with what it had to do. */
static void
add_costs(bench *b, const tn_run *run, const int64_t *symbols)
{
    const tn_plan *p = &b->l->model->target->plans[b->entry];

    b->costs = tn_new_array(b->tool->arena, kernel_cost, run->time_count + 1);
    for (uint32_t i = 0; i < run->time_count; i++) {
        const tn_step_time *t = &run->times[i];
        kernel_cost *c;

        if (t->step->kind != TN_STEP_LAUNCH)
            continue;
        c = cost_of(b, tn_arena_printf(b->tool->arena, "k%d %s", t->step->kernel, t->step->family));
        c->ns += t->took_ns;
        c->count++;
        c->flops += formula_value(p, t->step->flops, symbols);
        c->bytes += formula_value(p, t->step->bytes, symbols);
    }
    for (uint32_t i = 0; i < b->cost_count; i++) {
        b->flops += b->costs[i].flops;
        b->bytes += b->costs[i].bytes;
    }
}

static tn_status
profile(bench *b)
{
    const tn_iface_entry *entry = b->given->entry;
    int64_t *symbols = tn_new_array(b->tool->arena, int64_t, entry->symbols.count + 1);
    tn_run run;
    uint64_t wall;

    for (int i = 0; i < WARM_UP; i++)
        TN_TRY(one_run(b, true, &wall, &run));
    TN_TRY(tn_bind(b->tool->diag, entry, b->given->inputs, b->given->has_fixed, b->given->fixed,
        symbols));
    add_costs(b, &run, symbols);
    b->launches = run.launches;
    b->peak_bytes = run.peak_bytes;
    if (tn_flag(b->tool->options, TN_OPT_trace))
        return tn_trace_write(b->tool, b->tool->options->value[TN_OPT_trace].text, b->l, &run);
    return TN_OK;
}

static void
sort(uint64_t *at, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = i; j > 0 && at[j] < at[j - 1]; j--) {
            uint64_t t = at[j];

            at[j] = at[j - 1];
            at[j - 1] = t;
        }
}

static tn_status
measure(bench *b)
{
    const tn_option_value *runs = &b->tool->options->value[TN_OPT_runs];
    uint64_t start = tn_tool_now_ns();
    uint32_t limit = runs->given && runs->whole > 0 && runs->whole < RUN_LIMIT
        ? (uint32_t)runs->whole
        : RUN_LIMIT;
    tn_run run;

    b->wall = tn_new_array(b->tool->arena, uint64_t, RUN_LIMIT);
    while (b->runs < limit &&
        (runs->given || b->runs < 5 || tn_tool_now_ns() - start < default_budget_ns))
        TN_TRY(one_run(b, false, &b->wall[b->runs++], &run));
    sort(b->wall, b->runs);
    return TN_OK;
}

/* The share of what the machine's rates allow, by whichever of the two limits
 * is nearer. */
static double
share(const bench *b, const kernel_cost *c)
{
    double by_flops = c->flops / b->peak.flops_per_s, by_bytes = c->bytes / b->peak.bytes_per_s;
    double least = by_flops > by_bytes ? by_flops : by_bytes;

    return c->ns ? least / ((double)c->ns * 1e-9) : 0;
}

static void
json(const bench *b, tn_text *out)
{
    tn_text_add(out, "{\"schema\":\"tenon.bench/1\",\"device\":");
    tn_text_json(out, b->l->device);
    tn_text_add(out,
        ",\"median_ns\":%llu,\"p10_ns\":%llu,\"p90_ns\":%llu,\"runs\":%u,\"launches\":%lld,"
        "\"bytes\":%.0f,\"flops\":%.0f,\"peak_bytes\":%llu,\"compile_ns\":%llu,"
        "\"peak_flops_per_s\":%.0f,\"peak_bytes_per_s\":%.0f,\"kernels\":[",
        (unsigned long long)b->wall[b->runs / 2], (unsigned long long)b->wall[b->runs / 10],
        (unsigned long long)b->wall[b->runs * 9 / 10], b->runs, (long long)b->launches, b->bytes,
        b->flops, (unsigned long long)b->peak_bytes, (unsigned long long)b->l->compile_ns,
        b->peak.flops_per_s, b->peak.bytes_per_s);
    for (uint32_t i = 0; i < b->cost_count; i++) {
        tn_text_add(out, "%s{\"name\":", i ? "," : "");
        tn_text_json(out, b->costs[i].name);
        tn_text_add(out, ",\"ns\":%llu,\"count\":%d,\"share_of_peak\":%.4f}",
            (unsigned long long)b->costs[i].ns, b->costs[i].count, share(b, &b->costs[i]));
    }
    tn_text_add(out, "]}\n");
}

/* Of the sorted times, the one that so many tenths are below. */
static double
wall_ms(const bench *b, uint32_t tenths)
{
    uint32_t index = b->runs * tenths / 10;

    return (double)b->wall[index] * 1e-6;
}

static void
people(const bench *b, tn_text *out)
{
    tn_text_add(out,
        "%s: median %.3f ms (p10 %.3f, p90 %.3f, %u runs), %lld launches, compiled in %.0f ms\n",
        b->l->device, wall_ms(b, 5), wall_ms(b, 1), wall_ms(b, 9), b->runs, (long long)b->launches,
        (double)b->l->compile_ns * 1e-6);
    tn_text_add(out,
        "%.4g MFLOP, %.4g MB moved, %.4g MB of activations; peak here: %.1f GFLOP/s, %.1f GB/s\n",
        b->flops * 1e-6, b->bytes * 1e-6, (double)b->peak_bytes * 1e-6, b->peak.flops_per_s * 1e-9,
        b->peak.bytes_per_s * 1e-9);
    for (uint32_t i = 0; i < b->cost_count; i++)
        tn_text_add(out, "  %-24s %3d launches %9.1f us  %5.1f %% of peak\n", b->costs[i].name,
            b->costs[i].count, (double)b->costs[i].ns * 1e-3, 100 * share(b, &b->costs[i]));
}

static tn_status
bench_loaded(bench *b)
{
    const tn_option_value *o = b->tool->options->value;
    tn_text out = {.arena = b->tool->arena};

    if (b->l->module)
        return tn_fail(b->tool->diag, TN_USAGE, "bench: --device ref compiles nothing to time");
    TN_TRY(tn_given_options(b->tool, b->given));
    TN_TRY(tn_given_rest(b->tool, b->given, true, (uint64_t)o[TN_OPT_seed].whole));
    TN_TRY(tn_device_peak_measure(b->tool, b->l->model, &b->peak));
    TN_TRY(profile(b));
    TN_TRY(measure(b));
    if (tn_tool_json(b->tool))
        json(b, &out);
    else
        people(b, &out);
    return tn_tool_print(b->tool, &out);
}

tn_status
tn_cmd_bench(tn_tool *tool)
{
    const tn_option_value *o = tool->options->value;
    const char *path;
    tn_loaded l;
    tn_given given;
    bench b = {.tool = tool, .l = &l, .given = &given};
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &path));
    TN_TRY(tn_load(tool, path, o[TN_OPT_device].given ? o[TN_OPT_device].text : "cpu", NULL, &l));
    status = tn_loaded_entry(tool, &l, o[TN_OPT_entry].text, &b.entry);
    if (status == TN_OK) {
        tn_given_init(tool, l.iface, b.entry, &given);
        status = bench_loaded(&b);
        tn_given_free(tool, &given);
    }
    tn_loaded_close(tool, &l);
    return status;
}
