/* SPDX-License-Identifier: Apache-2.0
 * The page of `bench --attribute --html`. */
#include "tools/page.h"

/* Where nine rounds of ten agree. */
static const char *
good_or_bad(const tn_gain *g)
{
    return g->p10_ns > 0 ? "good" : g->p90_ns < 0 ? "bad" : "soft";
}

/* ---- the numbers at the top ---- */

static void
tile_open(tn_text *out)
{
    tn_text_add(out, "<div class=\"tile\"><b>");
}

static void
tile_close(tn_text *out, const char *what)
{
    tn_text_add(out, "</b><span>%s</span></div>\n", what);
}

static void
tiles(tn_text *out, const tn_attribution *a)
{
    const tn_variant *none = tn_attribute_nothing(a), *all = tn_attribute_all(a);

    tn_text_add(out, "<div class=\"tiles\">\n");
    tile_open(out);
    tn_page_time(out, (double)none->median);
    tn_text_add(out, " &rarr; ");
    tn_page_time(out, (double)all->median);
    tile_close(out, "median time of a run");
    tile_open(out);
    tn_text_add(out, "%.2f&times;", all->median ? (double)none->median / (double)all->median : 0);
    tile_close(out, "faster with all passes");
    tile_open(out);
    tn_text_add(out, "%lld &rarr; %lld", (long long)none->c.launches, (long long)all->c.launches);
    tile_close(out, "launches");
    tile_open(out);
    tn_page_bytes(out, none->c.bytes);
    tn_text_add(out, " &rarr; ");
    tn_page_bytes(out, all->c.bytes);
    tile_close(out, "moved");
    tile_open(out);
    tn_page_bytes(out, (double)none->c.peak_bytes);
    tn_text_add(out, " &rarr; ");
    tn_page_bytes(out, (double)all->c.peak_bytes);
    tile_close(out, "peak of activations");
    tile_open(out);
    tn_text_add(out, "%.0f %% &rarr; %.0f %%", 100 * tn_attribute_share(none),
        100 * tn_attribute_share(all));
    tile_close(out, "of the roofline");
    tn_text_add(out, "</div>\n");
}

/* ---- tables ---- */

/* The end of the time axis: medians fit, of the spread what is not far out. */
static double
axis_ns(const tn_attribution *a)
{
    double median = 1, spread = 0;

    for (uint32_t i = 0; i < a->variants.count; i++) {
        const tn_variant *v = a->variants.at[i];

        median = (double)v->median > median ? (double)v->median : median;
        spread = (double)v->p90 > spread ? (double)v->p90 : spread;
    }
    return spread < 1.3 * median ? spread : 1.3 * median;
}

static double
percent(double ns, double axis)
{
    return ns > axis ? 100 : 100 * ns / axis;
}

/* The median as a bar, the spread as a line over it. */
static void
time_bar(tn_text *out, const tn_variant *v, double axis)
{
    double left = percent((double)v->p10, axis), right = percent((double)v->p90, axis);

    tn_text_add(out, "<td class=\"time\"><div class=\"bar\" title=\"p10 ");
    tn_page_time(out, (double)v->p10);
    tn_text_add(out, ", p90 ");
    tn_page_time(out, (double)v->p90);
    tn_text_add(out,
        "\"><i style=\"width:%.2f%%\"></i><u style=\"left:%.2f%%;width:%.2f%%\"></u></div></td>",
        percent((double)v->median, axis), left, right - left);
}

static void
row(tn_text *out, const tn_gain *g, double axis, bool gains)
{
    const tn_variant *v = g->v;

    tn_text_add(out, "<tr><td class=\"name\">");
    tn_page_text(out, g->pass);
    tn_text_add(out, "</td><td>");
    tn_page_time(out, (double)v->median);
    tn_text_add(out, "</td><td class=\"%s\">", gains ? good_or_bad(g) : "");
    if (gains)
        tn_page_time(out, g->gain_ns);
    tn_text_add(out, "</td>");
    time_bar(out, v, axis);
    tn_text_add(out, "<td>%lld</td><td>", (long long)v->c.launches);
    tn_page_bytes(out, v->c.bytes);
    tn_text_add(out, "</td><td>");
    tn_page_bytes(out, (double)v->c.peak_bytes);
    tn_text_add(out, "</td><td%s>%.1e</td><td>%.0f %%</td></tr>\n",
        v->agrees ? "" : " class=\"bad\"", v->error, 100 * tn_attribute_share(v));
}

static void
head(tn_text *out, const char *first, const char *gain)
{
    tn_text_add(out,
        "<div class=\"wide\"><table><thead><tr><th>%s</th><th>median</th><th>%s</th><th "
        "class=\"time\">time of a run (line: p10 to p90)</th><th>launches</th><th>moved</th>"
        "<th>peak</th><th>error</th><th>of roofline</th></tr></thead><tbody>\n",
        first, gain);
}

static void
ladder(tn_text *out, const tn_attribution *a)
{
    double axis = axis_ns(a);

    tn_text_add(out,
        "<section><h2>The ladder</h2><p class=\"soft\">Nothing, then one pass more in each row. A "
        "gain is the time that the pass saves; grey where rounds do not agree on its sign.</p>\n");
    head(out, "passes", "gain");
    for (uint32_t i = 0; i < a->ladder.count; i++)
        row(out, &a->ladder.at[i], axis, i > 0);
    tn_text_add(out, "</tbody></table></div><p class=\"sum\">The gains add up to <b>");
    tn_page_time(out, tn_attribute_sum(a));
    tn_text_add(out, "</b> = ");
    tn_page_time(out, (double)tn_attribute_nothing(a)->median);
    tn_text_add(out, " &minus; ");
    tn_page_time(out, (double)tn_attribute_all(a)->median);
    tn_text_add(out, ". <span class=\"soft\">Nothing against all, round by round: median ");
    tn_page_time(out, a->total_ns);
    tn_text_add(out, ", p10 ");
    tn_page_time(out, a->p10_ns);
    tn_text_add(out, ", p90 ");
    tn_page_time(out, a->p90_ns);
    tn_text_add(out, ".</span></p></section>\n");
}

static void
leave_one_out(tn_text *out, const tn_attribution *a)
{
    double axis = axis_ns(a);

    tn_text_add(out,
        "<section><h2>Leaving one out</h2><p class=\"soft\">All passes but one. What it is worth "
        "when the others are there.</p>\n");
    head(out, "without", "worth");
    for (uint32_t i = 0; i < a->leave_one_out.count; i++)
        row(out, &a->leave_one_out.at[i], axis, true);
    tn_text_add(out, "</tbody></table></div></section>\n");
}

/* ---- pictures ---- */

static void
key(tn_text *out)
{
    tn_text_add(out,
        "<div class=\"key\"><span><i style=\"background:var(--before)\"></i>nothing</span>"
        "<span><i style=\"background:var(--after)\"></i>all passes</span></div>\n");
}

static void
charts(tn_text *out, const tn_attribution *a)
{
    const tn_variant *none = tn_attribute_nothing(a), *all = tn_attribute_all(a);

    tn_text_add(out,
        "<div class=\"two\"><section><h2>Roofline</h2><p class=\"soft\">Each kernel at its "
        "arithmetic for a byte moved; the roof is measured in the same run.</p>\n<div "
        "class=\"wide chart\">");
    tn_page_roofline(out, &a->peak, none, all);
    tn_text_add(out, "</div>");
    key(out);
    tn_text_add(out,
        "</section><section><h2>Memory over time</h2><p class=\"soft\">Activations that are "
        "alive, while the device works through a run.</p>\n<div class=\"wide chart\">");
    tn_page_memory(out, none, all);
    tn_text_add(out, "</div>");
    key(out);
    tn_text_add(out, "</section></div>\n");
}

static void
graphs(tn_text *out, const tn_attribution *a)
{
    const tn_variant *list[] = {tn_attribute_nothing(a), tn_attribute_all(a)};
    static const char *const names[] = {"The kernels before", "The kernels after"};

    tn_text_add(out, "<div class=\"two\">");
    for (int i = 0; i < 2; i++) {
        tn_text_add(out,
            "<section><h2>%s</h2><p class=\"soft\">%u steps, from top to bottom; a line leads "
            "from what is written to what reads it.</p>\n<div class=\"scroll\" tabindex=\"0\">",
            names[i], list[i]->steps);
        tn_page_graph(out, list[i]);
        tn_text_add(out, "</div></section>\n");
    }
    tn_text_add(out,
        "</div><div class=\"key\"><span><i style=\"background:var(--fused)\"></i>fused row</span>"
        "<span><i style=\"background:var(--contract)\"></i>contraction</span><span><i "
        "style=\"background:var(--reduce)\"></i>reduction, order</span><span><i "
        "style=\"background:var(--scan)\"></i>loop</span><span><i "
        "style=\"background:var(--map)\"></i>element by element, copies</span></div>\n");
}

void
tn_attribute_page(tn_text *out, const tn_attribution *a)
{
    tn_page_open(out, tn_arena_printf(a->tool->arena, "Passes of %s", a->path));
    tn_text_add(out, "<h1>What each pass is worth</h1><p class=\"soft\">");
    tn_page_text(out, a->path);
    tn_text_add(out, ", entry ");
    tn_page_text(out, a->entry);
    tn_text_add(out, ", on ");
    tn_page_text(out, a->device);
    tn_text_add(out,
        "; %u rounds in turns; this machine reaches %.1f GFLOP/s and %.1f GB/s; errors against "
        "the %s.</p>\n",
        a->rounds, a->peak.flops_per_s * 1e-9, a->peak.bytes_per_s * 1e-9,
        a->oracle[0] == 'r' ? "reference in double precision" : "run without passes");
    tiles(out, a);
    ladder(out, a);
    leave_one_out(out, a);
    charts(out, a);
    graphs(out, a);
    tn_page_close(out);
}
