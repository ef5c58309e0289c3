/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_case.h"

#include <string.h>

#include "runtime/bind.h"

enum { WARM_UP = 3 };

tn_status
tn_bench_open(tn_tool *tool, const char *path, const char *device, const tn_load_how *how,
    tn_bench_case *out)
{
    const tn_option_value *o = tool->options->value;

    *out = (tn_bench_case){.tool = tool};
    TN_TRY(tn_load(tool, path, device, how, &out->loaded));
    if (out->loaded.module)
        return tn_fail(tool->diag, TN_USAGE, "bench: --device ref compiles nothing to time");
    TN_TRY(tn_loaded_entry(tool, &out->loaded, o[TN_OPT_entry].text, &out->entry));
    tn_given_init(tool, out->loaded.iface, out->entry, &out->given);
    TN_TRY(tn_given_options(tool, &out->given));
    return tn_given_rest(tool, &out->given, true, (uint64_t)o[TN_OPT_seed].whole);
}

void
tn_bench_close(tn_bench_case *c)
{
    if (c->given.entry)
        tn_given_free(c->tool, &c->given);
    if (c->loaded.device)
        tn_loaded_close(c->tool, &c->loaded);
}

static tn_status
run_once(tn_bench_case *c, bool profile, uint64_t *wall, tn_tensor *outputs, tn_run *run)
{
    uint32_t count = c->given.entry->outputs.count;
    tn_tensor *made = outputs ? outputs : tn_new_array(c->tool->arena, tn_tensor, count + 1);
    uint64_t start = tn_tool_now_ns();

    *run = (tn_run){.profile = profile};
    TN_TRY(tn_loaded_run(c->tool, &c->loaded, c->entry, &c->given, false, made, run));
    *wall = tn_tool_now_ns() - start;
    for (uint32_t i = 0; i < count && !outputs; i++)
        tn_tensor_free(c->tool->env.alloc, &made[i]);
    return TN_OK;
}

tn_status
tn_bench_run(tn_bench_case *c, uint64_t *wall_ns, tn_tensor *outputs)
{
    tn_run run;

    return run_once(c, false, wall_ns, outputs, &run);
}

static double
formula_value(const tn_plan *p, tn_formula f, const int64_t *symbols)
{
    int64_t v = 0;

    return f.bytes && tn_formula_eval(f, symbols, p->symbols.count, &v) ? (double)v : 0;
}

static tn_bench_kernel *
kernel_of(tn_bench_case *c, const tn_plan_step *step)
{
    const char *name = tn_arena_printf(c->tool->arena, "k%d %s", step->kernel, step->family);

    for (uint32_t i = 0; i < c->kernel_count; i++)
        if (!strcmp(c->kernels[i].name, name))
            return &c->kernels[i];
    c->kernels[c->kernel_count] = (tn_bench_kernel){.name = name, .family = step->family};
    return &c->kernels[c->kernel_count++];
}

/* Device time of each kernel from one profiled run, with what it had to do. */
static void
add_kernels(tn_bench_case *c, const tn_run *run)
{
    const tn_plan *p = &c->loaded.model->target->plans[c->entry];

    c->kernels = tn_new_array(c->tool->arena, tn_bench_kernel, run->time_count + 1);
    for (uint32_t i = 0; i < run->time_count; i++) {
        const tn_step_time *t = &run->times[i];
        tn_bench_kernel *k;

        if (t->step->kind == TN_STEP_COPY) /* read and written */
            c->bytes += 2 * formula_value(p, t->step->bytes, c->symbols);
        if (t->step->kind != TN_STEP_LAUNCH)
            continue;
        k = kernel_of(c, t->step);
        k->ns += t->took_ns;
        k->count++;
        k->flops += formula_value(p, t->step->flops, c->symbols);
        k->bytes += formula_value(p, t->step->bytes, c->symbols);
    }
    for (uint32_t i = 0; i < c->kernel_count; i++) {
        c->flops += c->kernels[i].flops;
        c->bytes += c->kernels[i].bytes;
    }
}

tn_status
tn_bench_profile(tn_bench_case *c, tn_run *run)
{
    const tn_iface_entry *entry = c->given.entry;
    uint64_t wall;

    c->symbols = tn_new_array(c->tool->arena, int64_t, entry->symbols.count + 1);
    for (int i = 0; i < WARM_UP; i++)
        TN_TRY(run_once(c, true, &wall, NULL, run));
    TN_TRY(tn_bind(c->tool->diag, entry, c->given.inputs, c->given.has_fixed, c->given.fixed,
        c->symbols));
    add_kernels(c, run);
    c->launches = run->launches;
    c->peak_bytes = run->peak_bytes;
    return TN_OK;
}

/* Weights and activations, once each. */
tn_status
tn_bench_peak(tn_bench_case *c, tn_device_peak *out)
{
    const tn_iface *f = c->loaded.iface;
    uint64_t touched = c->peak_bytes;

    for (uint32_t i = 0; i < f->weights.count; i++)
        touched += f->weights.at[i].bytes;
    return tn_device_peak_measure(c->tool, c->loaded.model, touched, out);
}

double
tn_bench_least_ns(const tn_device_peak *peak, double flops, double bytes)
{
    double by_flops = flops / peak->flops_per_s, by_bytes = bytes / peak->bytes_per_s;

    return 1e9 * (by_flops > by_bytes ? by_flops : by_bytes);
}

double
tn_bench_share(const tn_device_peak *peak, const tn_bench_kernel *k)
{
    return k->ns ? tn_bench_least_ns(peak, k->flops, k->bytes) / (double)k->ns : 0;
}

void
tn_bench_kernels_json(tn_text *out, const tn_bench_case *c, const tn_device_peak *peak)
{
    tn_text_add(out, "[");
    for (uint32_t i = 0; i < c->kernel_count; i++) {
        const tn_bench_kernel *k = &c->kernels[i];

        tn_text_add(out, "%s{\"name\":", i ? "," : "");
        tn_text_json(out, k->name);
        tn_text_add(out, ",\"ns\":%llu,\"count\":%d,\"share_of_peak\":%.4f}",
            (unsigned long long)k->ns, k->count, tn_bench_share(peak, k));
    }
    tn_text_add(out, "]");
}

void
tn_bench_sort(uint64_t *at, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = i; j > 0 && at[j] < at[j - 1]; j--) {
            uint64_t t = at[j];

            at[j] = at[j - 1];
            at[j - 1] = t;
        }
}

uint64_t
tn_bench_tenth(const uint64_t *sorted, uint32_t count, uint32_t tenths)
{
    return sorted[count * tenths / 10];
}
