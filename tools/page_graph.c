/* SPDX-License-Identifier: Apache-2.0
 * The kernels of a plan as a picture. */
#include <stdio.h>

#include "passes/dims.h"
#include "tools/page.h"

enum { STEPS = 240, BOX_W = 168, BOX_H = 26, GAP_X = 18, GAP_Y = 22, NAME = 22 };

typedef struct drawing {
    const tn_plan *p;
    uint32_t count;       /* of steps that are drawn */
    uint32_t row[STEPS];  /* from the top */
    uint32_t place[STEPS]; /* in the row */
    uint32_t width[STEPS]; /* boxes of each row */
    uint32_t rows, widest;
} drawing;

static const char *
class_of(const char *family)
{
    static const char *const classes[] = {
        [TN_LOWER_contract] = "contract",
        [TN_LOWER_reduce] = "reduce",
        [TN_LOWER_order] = "reduce",
        [TN_LOWER_scan] = "scan",
        [TN_LOWER_deal] = "reduce",
        [TN_LOWER_expand] = "fused",
        [TN_LOWER_refuse] = "fused",
    };
    tn_opcode code = tn_op_find(family);
    tn_lower_kind kind = code == TN_OP_COUNT ? TN_LOWER_map : tn_lower_kind_of(code);

    return classes[kind] ? classes[kind] : "map";
}

static uint32_t
owner(const tn_plan *p, uint32_t buffer)
{
    return p->buffers.at[buffer].same_as < 0 ? buffer : (uint32_t)p->buffers.at[buffer].same_as;
}

/* The last step before `step` that writes the memory of `buffer`, or -1. */
static int
writer_of(const drawing *d, uint32_t step, uint32_t buffer)
{
    for (int s = (int)step - 1; s >= 0; s--) {
        const tn_plan_step *w = &d->p->steps.at[s];

        for (uint32_t i = 0; i < w->buffers.count; i++)
            if (w->writes.at[i] && owner(d->p, w->buffers.at[i]) == owner(d->p, buffer))
                return s;
    }
    return -1;
}

/* Each step one row below the lowest one that it reads from. */
static void
place(drawing *d)
{
    for (uint32_t s = 0; s < d->count; s++) {
        const tn_plan_step *step = &d->p->steps.at[s];

        for (uint32_t i = 0; i < step->buffers.count; i++) {
            int w = writer_of(d, s, step->buffers.at[i]);

            if (w >= 0 && d->row[w] + 1 > d->row[s])
                d->row[s] = d->row[w] + 1;
        }
        d->place[s] = d->width[d->row[s]]++;
        d->rows = d->row[s] + 1 > d->rows ? d->row[s] + 1 : d->rows;
    }
    for (uint32_t r = 0; r < d->rows; r++)
        d->widest = d->width[r] > d->widest ? d->width[r] : d->widest;
}

static double
left_of(const drawing *d, uint32_t s)
{
    return 6 + (double)d->place[s] * (BOX_W + GAP_X);
}

static double
top_of(const drawing *d, uint32_t s)
{
    return 6 + (double)d->row[s] * (BOX_H + GAP_Y);
}

static void
edges(tn_text *out, const drawing *d)
{
    for (uint32_t s = 0; s < d->count; s++)
        for (uint32_t i = 0; i < d->p->steps.at[s].buffers.count; i++) {
            int w = writer_of(d, s, d->p->steps.at[s].buffers.at[i]);
            double x, y, from;

            if (w < 0)
                continue;
            x = left_of(d, s) + BOX_W / 2.0;
            y = top_of(d, s);
            from = top_of(d, (uint32_t)w) + BOX_H;
            tn_text_add(out,
                "<path class=\"edge\" d=\"M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f\"/>\n",
                left_of(d, (uint32_t)w) + BOX_W / 2.0, from, left_of(d, (uint32_t)w) + BOX_W / 2.0,
                from + GAP_Y * 0.7, x, y - GAP_Y * 0.7, x, y);
        }
}

static void
box(tn_text *out, const drawing *d, uint32_t s)
{
    const tn_plan_step *step = &d->p->steps.at[s];
    char name[NAME + 4];

    snprintf(name, sizeof name, "%.*s", NAME, step->family);
    tn_text_add(out,
        "<rect class=\"box k-%s\" x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"6\">"
        "<title>",
        class_of(step->family), left_of(d, s), top_of(d, s), BOX_W, BOX_H);
    tn_page_text(out, step->name);
    tn_text_add(out, "</title></rect><text class=\"in\" x=\"%.0f\" y=\"%.0f\">", left_of(d, s) + 10,
        top_of(d, s) + 17);
    tn_page_text(out, name);
    tn_text_add(out, "</text>\n");
}

void
tn_page_graph(tn_text *out, const tn_variant *v)
{
    const tn_plan *p = &v->c.loaded.model->target->plans[v->c.entry];
    drawing d = {.p = p, .count = p->steps.count < STEPS ? p->steps.count : STEPS};
    double width, height;

    place(&d);
    width = 12 + d.widest * (double)(BOX_W + GAP_X) - GAP_X;
    height = 12 + d.rows * (double)(BOX_H + GAP_Y) - GAP_Y;
    tn_text_add(out,
        "<svg width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
        "aria-label=\"Kernels and what they read from each other\">\n",
        width, height, width, height);
    edges(out, &d);
    for (uint32_t s = 0; s < d.count; s++)
        box(out, &d, s);
    tn_text_add(out, "</svg>\n");
    if (d.count < p->steps.count)
        tn_text_add(out, "<p class=\"soft\">and %u more</p>\n", p->steps.count - d.count);
}
