/* SPDX-License-Identifier: Apache-2.0
 * tenon.explain/1 */
#include <string.h>

#include "tools/explain.h"

static bool
is_number(const char *at, size_t length)
{
    const char *end;

    if (!length || !strchr("-0123456789", *at))
        return false;
    (void)tn_double_read(at, &end);
    return end == at + length;
}

static void
add_text(tn_text *out, const char *at, size_t length)
{
    tn_text_json(out, tn_arena_copy(out->arena, at, length));
}

/* "heads=8 mask=causal windowed": words without a value are true. */
static void
add_parameters(tn_text *out, const char *at)
{
    tn_text_add(out, "{");
    for (const char *comma = ""; *at; comma = ",") {
        size_t length = strcspn(at, " "), name = strcspn(at, "= ");
        const char *value = at + name + 1;

        tn_text_add(out, "%s", comma);
        add_text(out, at, name);
        tn_text_add(out, ":");
        if (name >= length)
            tn_text_add(out, "true");
        else if (is_number(value, length - name - 1))
            tn_text_put(out, value, length - name - 1);
        else
            add_text(out, value, length - name - 1);
        at += length;
        at += strspn(at, " ");
    }
    tn_text_add(out, "}");
}

static void
add_names(tn_text *out, const char *const *names, uint32_t count)
{
    tn_text_add(out, ",\"nodes\":[");
    for (uint32_t i = 0; i < count; i++) {
        tn_text_add(out, "%s", i ? "," : "");
        tn_text_json(out, names[i]);
    }
    tn_text_add(out, "]");
}

static void
add_kernel(tn_text *out, int32_t kernel)
{
    if (kernel < 0)
        tn_text_add(out, ",\"kernel\":null");
    else
        tn_text_add(out, ",\"kernel\":\"k%d\"", (int)kernel);
}

static void
add_pair(tn_text *out, const char *key, const char *value)
{
    tn_text_add(out, ",\"%s\":", key);
    tn_text_json(out, value);
}

static void
open_item(tn_text *out, const char **comma, const char *entry)
{
    tn_text_add(out, "%s{\"entry\":", *comma);
    tn_text_json(out, entry);
    *comma = ",";
}

static void
add_fused(tn_text *out, const char **comma, const tn_explained *e)
{
    for (uint32_t i = 0; i < e->fused.count; i++) {
        const tn_finding *f = e->fused.at[i].finding;

        open_item(out, comma, e->entry);
        add_pair(out, "family", f->family);
        add_names(out, f->nodes.at, f->nodes.count);
        add_kernel(out, e->fused.at[i].kernel);
        tn_text_add(out, ",\"parameters\":");
        add_parameters(out, f->parameters);
        tn_text_add(out, "}");
    }
}

static void
add_missed(tn_text *out, const char **comma, const tn_explained *e)
{
    for (uint32_t i = 0; i < e->missed.count; i++) {
        const tn_finding *f = e->missed.at[i];

        open_item(out, comma, e->entry);
        add_pair(out, "family", f->family);
        add_pair(out, "node", f->nodes.at[0]);
        add_pair(out, "predicate", f->predicate);
        add_pair(out, "found", f->found);
        add_pair(out, "advice", f->advice);
        tn_text_add(out, "}");
    }
}

static void
add_alone(tn_text *out, const char **comma, const tn_explained *e)
{
    for (uint32_t i = 0; i < e->nodes.count; i++) {
        const tn_explained_node *n = e->nodes.at[i];

        if (n->fused)
            continue;
        open_item(out, comma, e->entry);
        add_pair(out, "node", n->name);
        add_pair(out, "op", n->op);
        add_kernel(out, n->kernel);
        tn_text_add(out, "}");
    }
}

static void
add_joined(tn_text *out, const char **comma, const tn_explained *e)
{
    for (uint32_t i = 0; i < e->joined.count; i++) {
        const tn_explained_kernel *k = &e->joined.at[i];

        open_item(out, comma, e->entry);
        add_pair(out, "family", k->family);
        add_kernel(out, k->kernel);
        add_names(out, k->nodes.at, k->nodes.count);
        tn_text_add(out, "}");
    }
}

static void
add_rewritten(tn_text *out, const char **comma, const tn_explained *e)
{
    for (uint32_t i = 0; i < e->rewritten.count; i++) {
        const tn_explained_rewrite *r = &e->rewritten.at[i];

        open_item(out, comma, e->entry);
        add_pair(out, "row", r->row->name);
        add_pair(out, "freedom", tn_freedom_text(r->row->freedom));
        add_names(out, r->nodes.at, r->nodes.count);
        tn_text_add(out, "}");
    }
}

void
tn_explain_json(tn_text *out, const tn_explained *const *entries, uint32_t count)
{
    static void (*const parts[])(tn_text *, const char **, const tn_explained *) = {
        add_fused, add_missed, add_alone, add_joined, add_rewritten};
    static const char *const names[] = {"fused", "missed", "alone", "joined", "rewritten"};

    tn_text_add(out, "{\"schema\":\"tenon.explain/1\"");
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        const char *comma = "";

        tn_text_add(out, ",\"%s\":[", names[p]);
        for (uint32_t i = 0; i < count; i++)
            parts[p](out, &comma, entries[i]);
        tn_text_add(out, "]");
    }
    tn_text_add(out, "}\n");
}
