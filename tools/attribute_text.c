/* SPDX-License-Identifier: Apache-2.0
 * What attribution found, for people and as JSON. */
#include "tools/attribute.h"

/* ---- for people ---- */

static double
ms(uint64_t ns)
{
    return (double)ns * 1e-6;
}

static void
head(tn_text *out, const char *first)
{
    tn_text_add(out, "%-14s %10s %21s %9s %9s %10s %10s %9s %7s\n", first, "median ms",
        "p10 .. p90", "gain ms", "launches", "MB moved", "MB alive", "error", "of peak");
}

static void
line(tn_text *out, const tn_gain *g, bool gains)
{
    const tn_variant *v = g->v;

    tn_text_add(out, "%-14s %10.3f %10.3f %10.3f ", g->pass, ms(v->median), ms(v->p10), ms(v->p90));
    if (gains)
        tn_text_add(out, "%9.3f", g->gain_ns * 1e-6);
    else
        tn_text_add(out, "%9s", "");
    tn_text_add(out, " %9lld %10.3f %10.3f %9.2g %5.1f %%%s\n", (long long)v->c.launches,
        v->c.bytes * 1e-6, (double)v->c.peak_bytes * 1e-6, v->error, 100 * tn_attribute_share(v),
        v->agrees ? "" : "  DIFFERS");
}

void
tn_attribute_people(tn_text *out, const tn_attribution *a)
{
    tn_text_add(out,
        "%s, entry %s on %s: %u rounds in turns; peak here: %.1f GFLOP/s, %.1f GB/s; errors "
        "against %s\n\n",
        a->path, a->entry, a->device, a->rounds, a->peak.flops_per_s * 1e-9,
        a->peak.bytes_per_s * 1e-9, a->oracle);
    head(out, "ladder");
    for (uint32_t i = 0; i < a->ladder.count; i++)
        line(out, &a->ladder.at[i], i > 0);
    tn_text_add(out,
        "%-14s gains add up to %.3f ms = %.3f - %.3f; nothing against all, round by round: median "
        "%.3f ms (p10 %.3f, p90 %.3f)\n\n",
        "sum", tn_attribute_sum(a) * 1e-6, ms(tn_attribute_nothing(a)->median),
        ms(tn_attribute_all(a)->median), a->total_ns * 1e-6, a->p10_ns * 1e-6, a->p90_ns * 1e-6);
    head(out, "without");
    for (uint32_t i = 0; i < a->leave_one_out.count; i++)
        line(out, &a->leave_one_out.at[i], true);
}

/* ---- as JSON ---- */

static void
row(tn_text *out, const tn_gain *g, bool gains)
{
    const tn_variant *v = g->v;

    tn_text_add(out, "{\"pass\":");
    tn_text_json(out, g->pass);
    tn_text_add(out,
        ",\"median_ns\":%llu,\"p10_ns\":%llu,\"p90_ns\":%llu,\"launches\":%lld,\"bytes\":%.0f,"
        "\"flops\":%.0f,\"peak_bytes\":%llu,\"max_rel\":%.4g,\"agrees\":%s,\"share_of_peak\":%.4f",
        (unsigned long long)v->median, (unsigned long long)v->p10, (unsigned long long)v->p90,
        (long long)v->c.launches, v->c.bytes, v->c.flops, (unsigned long long)v->c.peak_bytes,
        v->error, v->agrees ? "true" : "false", tn_attribute_share(v));
    if (gains)
        tn_text_add(out, ",\"gain_ns\":%.0f,\"gain_p10_ns\":%.0f,\"gain_p90_ns\":%.0f", g->gain_ns,
            g->p10_ns, g->p90_ns);
    tn_text_add(out, "}");
}

static void
add_attribute(tn_text *out, const tn_attribution *a)
{
    tn_text_add(out, "\"attribute\":{\"ladder\":[");
    for (uint32_t i = 0; i < a->ladder.count; i++) {
        tn_text_add(out, "%s", i ? "," : "");
        row(out, &a->ladder.at[i], i > 0);
    }
    tn_text_add(out, "],\"leave_one_out\":[");
    for (uint32_t i = 0; i < a->leave_one_out.count; i++) {
        tn_text_add(out, "%s", i ? "," : "");
        row(out, &a->leave_one_out.at[i], true);
    }
    tn_text_add(out,
        "],\"sum\":{\"gain_ns\":%.0f,\"total_ns\":%.0f,\"paired_median_ns\":%.0f,\"paired_p10_ns\":"
        "%.0f,\"paired_p90_ns\":%.0f},\"rounds\":%u,\"error_against\":\"%s\"}",
        tn_attribute_sum(a),
        (double)tn_attribute_nothing(a)->median - (double)tn_attribute_all(a)->median, a->total_ns,
        a->p10_ns, a->p90_ns, a->rounds, a->oracle);
}

void
tn_attribute_json(tn_text *out, const tn_attribution *a)
{
    const tn_variant *all = tn_attribute_all(a);
    const tn_bench_case *c = &all->c;

    tn_text_add(out, "{\"schema\":\"tenon.bench/1\",\"device\":");
    tn_text_json(out, a->device);
    tn_text_add(out,
        ",\"median_ns\":%llu,\"p10_ns\":%llu,\"p90_ns\":%llu,\"runs\":%u,\"launches\":%lld,"
        "\"bytes\":%.0f,\"flops\":%.0f,\"peak_bytes\":%llu,\"compile_ns\":%llu,"
        "\"peak_flops_per_s\":%.0f,\"peak_bytes_per_s\":%.0f,\"kernels\":",
        (unsigned long long)all->median, (unsigned long long)all->p10, (unsigned long long)all->p90,
        a->rounds, (long long)c->launches, c->bytes, c->flops, (unsigned long long)c->peak_bytes,
        (unsigned long long)c->loaded.compile_ns, a->peak.flops_per_s, a->peak.bytes_per_s);
    tn_bench_kernels_json(out, c, &a->peak);
    tn_text_add(out, ",");
    add_attribute(out, a);
    tn_text_add(out, "}\n");
}
