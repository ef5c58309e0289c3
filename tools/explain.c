/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/explain.h"

#include <string.h>

void
tn_explain_read(tn_tool *tool, const tn_graph *g, tn_explained *out)
{
    *out = (tn_explained){.entry = g->name};
    for (const tn_op *op = g->block->first; op; op = op->next) {
        tn_explained_node *n = tn_new(tool->arena, tn_explained_node);

        *n = (tn_explained_node){
            .name = tn_node_name(op), .op = tn_op_info_of(op->code)->name, .kernel = -1};
        tn_push(tool->arena, &out->nodes, n);
    }
}

static int32_t
kernel_of(const tn_plan *p, uint32_t part)
{
    for (uint32_t s = 0; s < p->steps.count; s++)
        if (p->steps.at[s].part == (int32_t)part)
            return p->steps.at[s].kernel;
    return -1;
}

static void
add_fusions(tn_tool *tool, const tn_findings *findings, const tn_plan *p, const tn_map *by_name,
    tn_explained *out)
{
    for (uint32_t i = 0; i < findings->at.count; i++) {
        const tn_finding *f = &findings->at.at[i];
        tn_explained_fusion fusion = {f, f->fused ? kernel_of(p, f->kernel) : -1};

        if (!f->fused) {
            tn_push(tool->arena, &out->missed, f);
            continue;
        }
        tn_push(tool->arena, &out->fused, fusion);
        for (uint32_t k = 0; k < f->nodes.count; k++) {
            tn_explained_node *n = tn_map_get(by_name, f->nodes.at[k]);

            if (n)
                n->fused = true;
        }
    }
}

static bool
is_fusion(const tn_findings *findings, uint32_t part)
{
    for (uint32_t i = 0; i < findings->at.count; i++)
        if (findings->at.at[i].fused && findings->at.at[i].kernel == part)
            return true;
    return false;
}

/* The nodes of a kernel, once each, and the kernel of those nodes. */
static tn_explained_kernel
nodes_of(tn_tool *tool, const tn_lowered *l, int32_t kernel, const tn_map *by_name)
{
    tn_explained_kernel out = {.family = l->family, .kernel = kernel};

    for (uint32_t i = 0; i < l->ops.count; i++) {
        const char *name = tn_node_name(l->ops.at[i]);
        tn_explained_node *n = tn_map_get(by_name, name);

        if (n)
            n->kernel = kernel;
        if (!out.nodes.count || strcmp(out.nodes.at[out.nodes.count - 1], name) != 0)
            tn_push(tool->arena, &out.nodes, name);
    }
    return out;
}

void
tn_explain_compiled(tn_tool *tool, const tn_compiled *made, uint32_t number, tn_explained *out)
{
    const tn_lowered_list *lowered = &made->lowered[number];
    const tn_findings *findings = &made->findings[number];
    const tn_plan *p = &made->targets[0].plans[number];
    tn_map by_name = {.arena = tool->arena};

    for (uint32_t i = 0; i < out->nodes.count; i++)
        (void)tn_map_put(&by_name, out->nodes.at[i]->name, out->nodes.at[i]);
    for (uint32_t i = 0; i < lowered->at.count; i++) {
        tn_explained_kernel k = nodes_of(tool, &lowered->at.at[i], kernel_of(p, i), &by_name);

        if (k.nodes.count > 1 && !is_fusion(findings, i))
            tn_push(tool->arena, &out->joined, k);
    }
    add_fusions(tool, findings, p, &by_name, out);
}

static tn_explained_rewrite *
rewrite_by(tn_tool *tool, const tn_rule *row, tn_explained *out)
{
    for (uint32_t i = 0; i < out->rewritten.count; i++)
        if (out->rewritten.at[i].row == row)
            return &out->rewritten.at[i];
    tn_push(tool->arena, &out->rewritten, ((tn_explained_rewrite){.row = row}));
    return &out->rewritten.at[out->rewritten.count - 1];
}

void
tn_explain_rewritten(tn_tool *tool, const tn_graph *g, tn_explained *out)
{
    for (uint32_t i = 0; i < g->rewrites.count; i++) {
        const tn_rule *row = tn_rule_named(g->rewrites.at[i].row);
        tn_explained_rewrite *r = row ? rewrite_by(tool, row, out) : NULL;

        if (r)
            tn_push(tool->arena, &r->nodes, g->rewrites.at[i].node);
    }
}
