/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/attribute.h"
#include "tools/bench_case.h"
#include "tools/trace.h"

enum { RUN_LIMIT = 1000 };
static const uint64_t default_budget_ns = 2000000000u;

typedef struct bench {
    tn_tool *tool;
    tn_bench_case c;
    uint64_t *wall; /* sorted */
    uint32_t runs;
    tn_device_peak peak;
} bench;

static tn_status
measure(bench *b)
{
    const tn_option_value *runs = &b->tool->options->value[TN_OPT_runs];
    uint64_t start = tn_tool_now_ns();
    uint32_t limit = runs->given && runs->whole > 0 && runs->whole < RUN_LIMIT
        ? (uint32_t)runs->whole
        : RUN_LIMIT;

    b->wall = tn_new_array(b->tool->arena, uint64_t, RUN_LIMIT);
    while (b->runs < limit &&
        (runs->given || b->runs < 5 || tn_tool_now_ns() - start < default_budget_ns))
        TN_TRY(tn_bench_run(&b->c, &b->wall[b->runs++], NULL));
    tn_bench_sort(b->wall, b->runs);
    return TN_OK;
}

static void
json(const bench *b, tn_text *out)
{
    const tn_bench_case *c = &b->c;

    tn_text_add(out, "{\"schema\":\"tenon.bench/1\",\"device\":");
    tn_text_json(out, c->loaded.device);
    tn_text_add(out,
        ",\"median_ns\":%llu,\"p10_ns\":%llu,\"p90_ns\":%llu,\"runs\":%u,\"launches\":%lld,"
        "\"bytes\":%.0f,\"flops\":%.0f,\"peak_bytes\":%llu,\"compile_ns\":%llu,"
        "\"peak_flops_per_s\":%.0f,\"peak_bytes_per_s\":%.0f,\"kernels\":",
        (unsigned long long)tn_bench_tenth(b->wall, b->runs, 5),
        (unsigned long long)tn_bench_tenth(b->wall, b->runs, 1),
        (unsigned long long)tn_bench_tenth(b->wall, b->runs, 9), b->runs, (long long)c->launches,
        c->bytes, c->flops, (unsigned long long)c->peak_bytes,
        (unsigned long long)c->loaded.compile_ns, b->peak.flops_per_s, b->peak.bytes_per_s);
    tn_bench_kernels_json(out, c, &b->peak);
    tn_text_add(out, "}\n");
}

/* Of the sorted times, the one that so many tenths are below. */
static double
wall_ms(const bench *b, uint32_t tenths)
{
    return (double)tn_bench_tenth(b->wall, b->runs, tenths) * 1e-6;
}

static void
people(const bench *b, tn_text *out)
{
    const tn_bench_case *c = &b->c;

    tn_text_add(out,
        "%s: median %.3f ms (p10 %.3f, p90 %.3f, %u runs), %lld launches, compiled in %.0f ms\n",
        c->loaded.device, wall_ms(b, 5), wall_ms(b, 1), wall_ms(b, 9), b->runs,
        (long long)c->launches, (double)c->loaded.compile_ns * 1e-6);
    tn_text_add(out,
        "%.4g MFLOP, %.4g MB moved, %.4g MB of activations; peak here: %.1f GFLOP/s, %.1f GB/s\n",
        c->flops * 1e-6, c->bytes * 1e-6, (double)c->peak_bytes * 1e-6, b->peak.flops_per_s * 1e-9,
        b->peak.bytes_per_s * 1e-9);
    for (uint32_t i = 0; i < c->kernel_count; i++)
        tn_text_add(out, "  %-24s %3d launches %9.1f us  %5.1f %% of peak\n", c->kernels[i].name,
            c->kernels[i].count, (double)c->kernels[i].ns * 1e-3,
            100 * tn_bench_share(&b->peak, &c->kernels[i]));
}

static tn_status
bench_case(bench *b)
{
    const tn_option_value *trace = &b->tool->options->value[TN_OPT_trace];
    tn_text out = {.arena = b->tool->arena};
    tn_run run;

    TN_TRY(tn_bench_profile(&b->c, &run));
    TN_TRY(tn_bench_peak(&b->c, &b->peak));
    if (trace->given)
        TN_TRY(tn_trace_write(b->tool, trace->text, &b->c.loaded, &run));
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
    const char *path, *device = o[TN_OPT_device].given ? o[TN_OPT_device].text : "cpu";
    bench b = {.tool = tool};
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &path));
    if (tn_flag(tool->options, TN_OPT_attribute))
        return tn_attribute(tool, path, device);
    if (o[TN_OPT_html].given)
        return tn_fail(tool->diag, TN_USAGE, "bench: --html shows what --attribute finds");
    status = tn_bench_open(tool, path, device, NULL, &b.c);
    if (status == TN_OK)
        status = bench_case(&b);
    tn_bench_close(&b.c);
    return status;
}
