/* SPDX-License-Identifier: Apache-2.0
 * The file around the entries. */
#include "frontend/write_in.h"

#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "frontend/tests.h"

/* ---- what the reader kept ---- */

void
tn_write_json(tn_scribe *w, const tn_json *at)
{
    bool object = at->kind == TN_JSON_OBJECT;

    if (at->kind == TN_JSON_STRING) {
        tn_text_json(w->out, at->text);
        return;
    }
    if (!object && at->kind != TN_JSON_LIST) {
        tn_text_add(w->out, "%s",
            at->kind == TN_JSON_NULL ? "null"
                                     : tn_json_found(tn_module_document(w->module)->json, at));
        return;
    }
    tn_text_add(w->out, object ? "{" : "[");
    for (const tn_json *part = at->first; part; part = part->next) {
        if (object)
            tn_write_key(w, part->key, part == at->first);
        else
            tn_text_add(w->out, part == at->first ? "" : ", ");
        tn_write_json(w, part);
    }
    tn_text_add(w->out, object ? "}" : "]");
}

static void
put_member(tn_scribe *w, const char *key)
{
    const tn_json *at = tn_json_get(tn_module_document(w->module)->json->root, key);

    if (!at)
        return;
    tn_text_add(w->out, "  \"%s\": ", key);
    tn_write_json(w, at);
    tn_text_add(w->out, ",\n");
}

static void
put_known(tn_scribe *w, const tn_known *known)
{
    if (known->kind == TN_KNOWN_DTYPE)
        tn_text_json(w->out, tn_dtype_name(known->dtype));
    else
        tn_write_number(w->out, NULL, &known->number);
}

/* Nothing in the graph names a param any more; tests and expectations do. */
static void
put_params(tn_scribe *w)
{
    const tn_document *document = tn_module_document(w->module);
    const tn_read *r = document->reader;

    tn_text_add(w->out, "  \"params\": {");
    for (uint32_t i = 0; i < r->params.count; i++) {
        tn_write_key(w, r->params.at[i].name, i == 0);
        put_known(w, &r->params.at[i].known);
    }
    tn_text_add(w->out, "},\n");
    put_member(w, "presets");
    if (!document->preset)
        return;
    tn_text_add(w->out, "  \"preset\": ");
    tn_text_json(w->out, document->preset);
    tn_text_add(w->out, ",\n");
}

static bool
has_entry(const tn_scribe *w, const char *name)
{
    for (uint32_t i = 0; i < w->module->entries.count; i++)
        if (strcmp(w->module->entries.at[i]->name, name) == 0)
            return true;
    return false;
}

/* True if what a test names already tells that it wants other params. */
static bool
names_others(const tn_read *r, const tn_test *t, const tn_read_param *under)
{
    const tn_json *sets = tn_json_get(t->at, "set");
    const tn_json *presets = tn_json_get(r->doc->root, "presets");
    const tn_json *preset = t->preset ? tn_json_get(presets, t->preset) : NULL;
    bool others = false;

    for (uint32_t i = 0; i < r->params.count && !others; i++)
        others = (tn_json_get(sets, under[i].name) || tn_json_get(preset, under[i].name)) &&
            !tn_known_same(&r->params.at[i].known, &under[i].known);
    return others;
}

/* The params that a test sets. Those that it leaves alone too, where the graph
 * has others than the model says, which who reads the file cannot know. */
static void
put_sets(tn_scribe *w, const tn_test *t)
{
    const tn_read *r = tn_module_document(w->module)->reader;
    const tn_json *sets = tn_json_get(t->at, "set");
    const tn_read_param *under = tn_params_under(r, t);
    bool first = true, more = under && !names_others(r, t, under);

    for (const tn_json *at = sets ? sets->first : NULL; at; at = at->next, first = false) {
        tn_text_add(w->out, first ? ", \"set\": {" : "");
        tn_write_key(w, at->key, first);
        tn_write_json(w, at);
    }
    for (uint32_t i = 0; more && i < r->params.count; i++) {
        if (tn_known_same(&r->params.at[i].known, &under[i].known))
            continue;
        tn_text_add(w->out, first ? ", \"set\": {" : "");
        tn_write_key(w, r->params.at[i].name, first);
        put_known(w, &under[i].known);
        first = false;
    }
    tn_text_add(w->out, first ? "" : "}");
}

static void
put_test(tn_scribe *w, const tn_test *t)
{
    bool first = true;

    tn_text_add(w->out, "{");
    for (const tn_json *at = t->at->first; at; at = at->next) {
        if (strcmp(at->key, "set") == 0)
            continue;
        tn_write_key(w, at->key, first);
        tn_write_json(w, at);
        first = false;
    }
    put_sets(w, t);
    tn_text_add(w->out, "}");
}

/* Tests as they stand; those of entries that were not read have no meaning. */
static void
put_tests(tn_scribe *w)
{
    const tn_tests *tests = tn_module_tests(w->module);
    bool first = true;

    tn_text_add(w->out, "  \"tests\": [");
    for (uint32_t i = 0; i < tests->tests.count; i++) {
        const tn_test *t = &tests->tests.at[i];
        bool whole = true;

        for (uint32_t r = 0; r < t->runs.count; r++)
            whole = whole && has_entry(w, t->runs.at[r].entry);
        if (!whole)
            continue;
        tn_text_add(w->out, first ? "\n    " : ",\n    ");
        put_test(w, t);
        first = false;
    }
    tn_text_add(w->out, "],\n");
}

static void
put_expect(tn_scribe *w, const char *entry)
{
    const tn_tests *tests = tn_module_tests(w->module);
    bool first = true;

    tn_text_add(w->out, "\"expect\": [");
    for (uint32_t i = 0; i < tests->expects.count; i++) {
        const tn_expect *e = &tests->expects.at[i];
        bool here = e->entry && entry ? strcmp(e->entry, entry) == 0 : e->entry == entry;

        if (!here || (e->when_entry && !has_entry(w, e->when_entry)))
            continue;
        tn_text_add(w->out, first ? "" : ", ");
        tn_write_json(w, e->at);
        first = false;
    }
    tn_text_add(w->out, "]");
}

/* ---- an entry ---- */

static void
start_entry(tn_scribe *w, const tn_graph *g)
{
    const tn_read *r = tn_module_document(w->module)->reader;

    w->g = g;
    w->name = tn_new_array(w->arena, const char *, g->value_count + 1);
    w->used = (tn_map){.arena = w->arena};
    w->fresh = 0;
    for (int i = 0; i < tn_sizes_count(g->sizes); i++)
        if (!tn_sizes_symbol(g->sizes, i)->scalar)
            tn_write_unique(w, tn_sizes_symbol(g->sizes, i)->name);
    for (uint32_t i = 0; i < r->params.count; i++)
        tn_write_unique(w, r->params.at[i].name);
    /* Callers know inputs by their names. */
    for (uint32_t i = 0; i < g->inputs.count; i++)
        tn_write_name_of(w, g->inputs.at[i].value);
}

static void
put_entry(tn_scribe *w, const tn_graph *g, bool last)
{
    start_entry(w, g);
    tn_write_inputs(w);
    tn_write_declared(w, last);
    tn_text_add(w->out, ",\n    \"nodes\": ");
    tn_write_block(w, g->block, 2);
    tn_write_results(w);
    if (w->meaning)
        return;
    tn_text_add(w->out, ",\n    ");
    put_expect(w, g->name);
}

/* ---- the file ---- */

static void
put_symbol(tn_scribe *w, const tn_symbol *s, bool first)
{
    tn_write_key(w, s->name, first);
    tn_text_add(w->out, "{\"multiple\": %" PRId64, s->multiple);
    tn_write_range(w, "range", s->low, s->high);
    if (s->sample && !w->meaning)
        tn_text_add(w->out, ", \"sample\": %" PRId64, s->sample);
    tn_text_add(w->out, "}");
}

static void
put_dims(tn_scribe *w)
{
    const tn_read *r = tn_module_document(w->module)->reader;

    tn_text_add(w->out, "  \"dims\": {");
    for (uint32_t i = 0; i < r->dims.count; i++)
        put_symbol(w, &r->dims.at[i].symbol, i == 0);
    tn_text_add(w->out, "},\n");
}

static void
put_texts(tn_scribe *w)
{
    tn_text_add(w->out, "  \"labels\": {");
    for (uint32_t i = 0; i < w->module->labels.count; i++) {
        const tn_labels *labels = w->module->labels.at[i];
        tn_write_key(w, labels->name, i == 0);
        tn_text_add(w->out, "[");
        for (uint32_t k = 0; k < labels->names.count; k++) {
            tn_text_add(w->out, k ? ", " : "");
            tn_text_json(w->out, labels->names.at[k]);
        }
        tn_text_add(w->out, "]");
    }
    tn_text_add(w->out, "},\n  \"tokenizers\": {");
    for (uint32_t i = 0; i < w->module->tokenizers.count; i++) {
        const tn_tokenizer_spec *t = w->module->tokenizers.at[i];
        const char *const keys[] = {"file", "unknown", "begin", "end", "pad"};
        const char *const texts[] = {t->file, t->unknown, t->begin, t->end, t->pad};
        tn_write_key(w, t->name, i == 0);
        tn_text_add(w->out, "{\"kind\": \"%s\", \"lowercase\": %s", t->kind,
            t->lowercase ? "true" : "false");
        for (int k = 0; k < 5; k++)
            if (texts[k]) {
                tn_write_key(w, keys[k], false);
                tn_text_json(w->out, texts[k]);
            }
        if (t->max_length)
            tn_text_add(w->out, ", \"max_length\": %" PRId64, t->max_length);
        tn_text_add(w->out, "}");
    }
    tn_text_add(w->out, "},\n");
}

static void
put_files(tn_scribe *w)
{
    tn_text_add(w->out, "  \"files\": [");
    for (uint32_t i = 0; i < w->module->files.count; i++) {
        const tn_weight_file *f = w->module->files.at[i];
        tn_text_add(w->out, i ? ", {\"path\": " : "{\"path\": ");
        tn_text_json(w->out, f->path);
        if (f->tensor) {
            tn_write_key(w, "tensor", false);
            tn_text_json(w->out, f->tensor);
        }
        tn_text_add(w->out, ", \"names\": {");
        for (uint32_t k = 0; k < f->from.count; k++) {
            tn_write_key(w, f->from.at[k], k == 0);
            tn_text_json(w->out, f->to.at[k]);
        }
        tn_text_add(w->out, "}}");
    }
    tn_text_add(w->out, "],\n");
}

static void
put_entries(tn_scribe *w)
{
    const tn_module *module = w->module;

    tn_text_add(w->out, "  \"entries\": {\n");
    for (uint32_t i = 0; i < module->entries.count; i++) {
        tn_text_add(w->out, i ? ",\n  " : "  ");
        tn_text_json(w->out, module->entries.at[i]->name);
        tn_text_add(w->out, ": {");
        put_entry(w, module->entries.at[i], i + 1 == module->entries.count);
        tn_text_add(w->out, "}");
    }
}

tn_hash
tn_model_meaning(tn_arena *arena, const tn_module *module)
{
    tn_text out = {.arena = arena};
    tn_scribe w = {.out = &out, .arena = arena, .module = module, .meaning = true};

    w.declared.arena = arena;
    put_dims(&w);
    put_files(&w);
    put_entries(&w);
    return tn_hash_of(out.at, out.length);
}

void
tn_model_write(tn_text *out, const tn_module *module, const char *stage)
{
    tn_scribe w = {.out = out, .arena = out->arena, .module = module};

    w.declared.arena = out->arena;
    tn_text_add(out, "{\n  \"tenon\": 1,\n  \"stage\": ");
    tn_text_json(out, stage);
    tn_text_add(out, ",\n");
    put_member(&w, "doc");
    put_member(&w, "meta");
    put_params(&w);
    put_dims(&w);
    put_files(&w);
    put_texts(&w);
    put_entries(&w);
    tn_text_add(out, "},\n");
    put_tests(&w);
    tn_text_add(out, "  ");
    put_expect(&w, NULL);
    tn_text_add(out, "\n}\n");
}
