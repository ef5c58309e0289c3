/* SPDX-License-Identifier: Apache-2.0
 * Two charts of the page: the roofline and memory over time. */
#include <math.h>
#include <stdio.h>

#include "tools/page.h"

/* Of the picture, and of the plot in it. */
enum { WIDTH = 620, HEIGHT = 360, LEFT = 62, RIGHT = 606, TOP = 16, BOTTOM = 312 };

static void
chart_open(tn_text *out, const char *label)
{
    tn_text_add(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
        label);
}

static void
axis_text(tn_text *out, double x, double y, const char *anchor, const char *text)
{
    tn_text_add(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
        text);
}

static void
frame(tn_text *out, const char *below, const char *beside)
{
    tn_text_add(out, "<path class=\"axis\" fill=\"none\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM,
        RIGHT);
    axis_text(out, (LEFT + RIGHT) / 2.0, HEIGHT - 8, "middle", below);
    tn_text_add(out,
        "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
        (TOP + BOTTOM) / 2, beside);
}

/* ---- roofline ---- */

/* Decades from `low` to `high` on each axis. */
typedef struct decades {
    int x_low, x_high, y_low, y_high;
} decades;

static double
at_x(const decades *d, double log_x)
{
    double t = (log_x - d->x_low) / (d->x_high - d->x_low);

    return LEFT + (RIGHT - LEFT) * (t < 0 ? 0 : t > 1 ? 1 : t);
}

static double
at_y(const decades *d, double log_y)
{
    double t = (log_y - d->y_low) / (d->y_high - d->y_low);

    return BOTTOM - (BOTTOM - TOP) * (t < 0 ? 0 : t > 1 ? 1 : t);
}

static bool
has_point(const tn_bench_kernel *k)
{
    return k->ns && k->flops > 0 && k->bytes > 0;
}

static void
cover(decades *d, const tn_variant *v)
{
    for (uint32_t i = 0; i < v->c.kernel_count; i++) {
        const tn_bench_kernel *k = &v->c.kernels[i];
        int x, y;

        if (!has_point(k))
            continue;
        x = (int)floor(log10(k->flops / k->bytes));
        y = (int)floor(log10(k->flops / (double)k->ns));
        d->x_low = x < d->x_low ? x : d->x_low;
        d->x_high = x + 1 > d->x_high ? x + 1 : d->x_high;
        d->y_low = y < d->y_low ? y : d->y_low;
        d->y_high = y + 1 > d->y_high ? y + 1 : d->y_high;
    }
}

static void
grid(tn_text *out, const decades *d)
{
    char text[32];

    for (int x = d->x_low; x <= d->x_high; x++) {
        tn_text_add(out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", at_x(d, x), TOP, BOTTOM);
        snprintf(text, sizeof text, "%g", pow(10, x));
        axis_text(out, at_x(d, x), BOTTOM + 16, "middle", text);
    }
    for (int y = d->y_low; y <= d->y_high; y++) {
        tn_text_add(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, at_y(d, y), RIGHT);
        snprintf(text, sizeof text, "%g", pow(10, y));
        axis_text(out, LEFT - 6, at_y(d, y) + 4, "end", text);
    }
}

/* Memory limits up to the ridge, arithmetic behind it. */
static void
roof(tn_text *out, const decades *d, const tn_device_peak *peak)
{
    double flops = log10(peak->flops_per_s * 1e-9), bytes = log10(peak->bytes_per_s * 1e-9);
    double ridge = flops - bytes, start = d->x_low;
    double low = start + bytes;

    if (low < d->y_low) {
        start = d->y_low - bytes;
        low = d->y_low;
    }
    tn_text_add(out, "<path class=\"roof\" d=\"M%.1f %.1fL%.1f %.1fH%d\"/>\n", at_x(d, start),
        at_y(d, low), at_x(d, ridge), at_y(d, flops), RIGHT);
    axis_text(out, RIGHT, at_y(d, flops) - 7, "end",
        tn_arena_printf(out->arena, "%.1f GFLOP/s", peak->flops_per_s * 1e-9));
    axis_text(out, (at_x(d, start) + at_x(d, ridge)) / 2 - 8,
        (at_y(d, low) + at_y(d, flops)) / 2 - 6, "end",
        tn_arena_printf(out->arena, "%.1f GB/s", peak->bytes_per_s * 1e-9));
}

static void
points(tn_text *out, const decades *d, const tn_variant *v, const char *class)
{
    double total = 1;

    for (uint32_t i = 0; i < v->c.kernel_count; i++)
        total += (double)v->c.kernels[i].ns;
    for (uint32_t i = 0; i < v->c.kernel_count; i++) {
        const tn_bench_kernel *k = &v->c.kernels[i];

        if (!has_point(k))
            continue;
        tn_text_add(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>", class,
            at_x(d, log10(k->flops / k->bytes)), at_y(d, log10(k->flops / (double)k->ns)),
            3 + 14 * sqrt((double)k->ns / total));
        tn_page_text(out, k->name);
        tn_text_add(out, ": %d launches, ", k->count);
        tn_page_time(out, (double)k->ns);
        tn_text_add(out, ", %.1f %% of the time</title></circle>\n", 100 * (double)k->ns / total);
    }
}

void
tn_page_roofline(tn_text *out, const tn_device_peak *peak, const tn_variant *before,
    const tn_variant *after)
{
    int flops = (int)ceil(log10(peak->flops_per_s * 1e-9));
    decades d = {.x_low = -1, .x_high = 2, .y_low = flops - 2, .y_high = flops};

    cover(&d, before);
    cover(&d, after);
    chart_open(out, "Roofline of the kernels, before and after");
    grid(out, &d);
    frame(out, "FLOP for a byte", "GFLOP/s");
    roof(out, &d, peak);
    points(out, &d, before, "b");
    points(out, &d, after, "a");
    tn_text_add(out, "</svg>\n");
}

/* ---- memory ---- */

static double
largest(const tn_variant *v)
{
    double most = (double)v->c.peak_bytes;

    for (uint32_t i = 0; i < v->steps; i++)
        most = (double)v->step_bytes[i] > most ? (double)v->step_bytes[i] : most;
    return most;
}

/* 1, 2 or 5 times a power of ten, about a quarter of the whole. */
static double
tick(double whole)
{
    double step = pow(10, floor(log10(whole / 4)));

    return whole / 4 < 2 * step ? step : whole / 4 < 5 * step ? 2 * step : 5 * step;
}

typedef struct scale {
    double ns, bytes;
} scale;

static double
time_x(const scale *s, double ns)
{
    return LEFT + (RIGHT - LEFT) * ns / s->ns;
}

static double
bytes_y(const scale *s, double bytes)
{
    return BOTTOM - (BOTTOM - TOP) * bytes / s->bytes;
}

static void
scales(tn_text *out, const scale *s)
{
    double step = tick(s->bytes);

    for (int i = 0; i * step <= s->bytes; i++) {
        tn_text text = {.arena = out->arena};

        tn_page_bytes(&text, i * step);
        tn_text_add(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, bytes_y(s, i * step),
            RIGHT);
        axis_text(out, LEFT - 6, bytes_y(s, i * step) + 4, "end", i ? text.at : "0");
    }
    step = tick(s->ns);
    for (int i = 0; i * step <= s->ns; i++) {
        tn_text text = {.arena = out->arena};

        tn_page_time(&text, i * step);
        axis_text(out, time_x(s, i * step), BOTTOM + 16, "middle", i ? text.at : "0");
    }
}

static void
curve(tn_text *out, const scale *s, const tn_variant *v, const char *class)
{
    if (!v->steps)
        return;
    tn_text_add(out, "<path class=\"%s\" d=\"M%.1f %d", class, time_x(s, (double)v->step_ns[0]),
        BOTTOM);
    for (uint32_t i = 0; i < v->steps; i++)
        tn_text_add(out, "V%.1fH%.1f", bytes_y(s, (double)v->step_bytes[i]),
            time_x(s, (double)v->step_ns[i + 1]));
    tn_text_add(out, "V%dZ\"/>\n", BOTTOM);
}

static void
peak_line(tn_text *out, const scale *s, const tn_variant *v, const char *class)
{
    tn_text_add(out,
        "<path class=\"%s peak\" d=\"M%d %.1fH%d\"><title>memory that is kept for them"
        "</title></path>\n",
        class, LEFT, bytes_y(s, (double)v->c.peak_bytes), RIGHT);
}

static double
end_of(const tn_variant *v)
{
    return v->steps ? (double)v->step_ns[v->steps] : 0;
}

void
tn_page_memory(tn_text *out, const tn_variant *before, const tn_variant *after)
{
    scale s = {.ns = fmax(1, fmax(end_of(before), end_of(after))),
        .bytes = fmax(1, 1.08 * fmax(largest(before), largest(after)))};

    chart_open(out, "Bytes of activations over the time of a run, before and after");
    scales(out, &s);
    frame(out, "time on the device (dashed: what is kept for all)", "");
    curve(out, &s, before, "ba");
    curve(out, &s, after, "aa");
    peak_line(out, &s, before, "ba");
    peak_line(out, &s, after, "aa");
    tn_text_add(out, "</svg>\n");
}
