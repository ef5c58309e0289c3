/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/regions.h"

#include <string.h>

#include "passes/lower/lower.h"

static bool
holds(const tn_finding *row, const tn_op *op)
{
    const char *name = tn_node_name(op);

    for (uint32_t i = 0; i < row->nodes.count; i++)
        if (!strcmp(row->nodes.at[i], name))
            return true;
    return false;
}

/* ---- what leaves a region ---- */

static bool
leaves(const tn_finding *row, const tn_value *v)
{
    for (uint32_t i = 0; i < v->uses.count; i++)
        if (!v->uses.at[i].op || !holds(row, v->uses.at[i].op))
            return true;
    return false;
}

/* Outputs come before stores. */
static void
add_output(tn_graph *g, tn_value *v)
{
    tn_output out = {
        .name = tn_arena_printf(g->module->arena, "%s (region)", v->name ? v->name : "value")};

    tn_block_result(g->block, v);
    for (uint32_t i = g->block->results.count - 1; i > g->outputs.count; i--)
        tn_block_set_result(g->block, (int)i, g->block->results.at[i - 1]);
    tn_block_set_result(g->block, (int)g->outputs.count, v);
    tn_push(g->module->arena, &g->outputs, out);
}

void
tn_regions_expose(tn_regions *r, tn_graph *g)
{
    for (uint32_t i = 0; g && i < r->at.count; i++) {
        tn_region *region = &r->at.at[i];

        region->first = g->outputs.count;
        for (const tn_op *op = g->block->first; op; op = op->next)
            for (int n = 0; n < op->out_count && holds(&region->row, op); n++)
                if (leaves(&region->row, op->out[n]))
                    add_output(g, op->out[n]);
        region->count = g->outputs.count - region->first;
    }
}

/* ---- the compiles ---- */

typedef struct hook {
    tn_regions *r;
    uint32_t entry;
} hook;

static tn_finding
copy(tn_arena *arena, const tn_finding *from)
{
    tn_finding out = {.fused = true, .family = tn_arena_printf(arena, "%s", from->family)};

    for (uint32_t i = 0; i < from->nodes.count; i++) {
        const char *name = tn_arena_printf(arena, "%s", from->nodes.at[i]);

        tn_push(arena, &out.nodes, name);
    }
    return out;
}

/* Where a result lies is no other way to compute it. */
static bool
computes(const tn_finding *f)
{
    return f->fused && strcmp(f->family, "in_place") != 0;
}

/* In the order of the kernels that do them. */
static void
note_rows(const hook *h, const tn_findings *found, uint32_t kernels)
{
    tn_arena *arena = h->r->tool->arena;

    for (uint32_t k = 0; k < kernels; k++)
        for (uint32_t i = 0; i < found->at.count; i++) {
            const tn_finding *f = &found->at.at[i];

            if (computes(f) && f->kernel == k)
                tn_push(arena, &h->r->at, ((tn_region){.row = copy(arena, f)}));
        }
    h->r->known = true;
}

/* No row of the family took in a node of the one to be left. */
static bool
was_left(const tn_finding *row, const tn_findings *found)
{
    for (uint32_t i = 0; i < found->at.count; i++) {
        const tn_finding *f = &found->at.at[i];

        for (uint32_t k = 0; f->fused && !strcmp(f->family, row->family) && k < f->ops.count; k++)
            if (holds(row, f->ops.at[k]))
                return false;
    }
    return true;
}

static tn_status
look(void *self, const tn_compiled *made)
{
    const hook *h = self;
    tn_regions *r = h->r;

    if (!r->known)
        note_rows(h, &made->findings[h->entry], made->lowered[h->entry].at.count);
    else if (r->leave >= 0)
        r->was_left = was_left(&r->at.at[r->leave].row, &made->findings[h->entry]);
    return TN_OK;
}

void
tn_regions_hook(tn_regions *r, const tn_module *module, tn_compile_options *options)
{
    hook *h = tn_new(r->tool->arena, hook);

    h->r = r;
    while (h->entry + 1 < module->entries.count &&
        strcmp(module->entries.at[h->entry]->name, r->entry) != 0)
        h->entry++;
    options->check = look;
    options->check_self = h;
    if (r->known && r->leave >= 0) {
        options->leave = &r->at.at[r->leave].row;
        options->leave_entry = h->entry;
    }
}
