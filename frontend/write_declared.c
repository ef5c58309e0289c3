/* SPDX-License-Identifier: Apache-2.0
 * What an entry declares: inputs, weights, state, outputs. */
#include "frontend/write_in.h"

#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "frontend/weights.h"

void
tn_write_range(tn_scribe *w, const char *key, int64_t low, int64_t high)
{
    tn_write_key(w, key, false);
    if (high == INT64_MAX)
        tn_text_add(w->out, "\"%" PRId64 "..\"", low);
    else
        tn_text_add(w->out, "\"%" PRId64 "..%" PRId64 "\"", low, high);
}

static void
put_input(tn_scribe *w, const tn_input *input)
{
    int64_t low = 0, high = INT64_MAX;
    tn_text_add(w->out, "{\"type\": ");
    tn_text_json(w->out, tn_write_type_text(w, &input->value->type));
    if (input->has_range) {
        tn_size_is_int(input->low, &low);
        if (!input->open_high)
            tn_size_is_int(input->high, &high);
        tn_write_range(w, "range", low, high);
    }
    if (!w->meaning && input->symbol >= 0 && tn_sizes_symbol(w->g->sizes, input->symbol)->sample)
        tn_text_add(w->out, ", \"sample\": %" PRId64,
            tn_sizes_symbol(w->g->sizes, input->symbol)->sample);
    tn_text_add(w->out, "}");
}

void
tn_write_inputs(tn_scribe *w)
{
    const tn_graph *g = w->g;
    tn_text_add(w->out, "\"inputs\": {");
    for (uint32_t i = 0; i < g->inputs.count; i++) {
        const tn_input *in = &g->inputs.at[i];
        bool first = true;
        tn_write_key(w, in->text && !w->meaning ? in->text : in->name, i == 0);
        if (!in->text || w->meaning) {
            put_input(w, in);
            continue;
        }
        tn_text_add(w->out, "{\"text\": ");
        tn_text_json(w->out, in->tokenizer);
        tn_text_add(w->out, ", \"gives\": {");
        for (; i < g->inputs.count && g->inputs.at[i].text &&
            strcmp(g->inputs.at[i].text, in->text) == 0;
            i++) {
            tn_write_key(w, g->inputs.at[i].product, first);
            first = false;
            tn_text_json(w->out, tn_write_type_text(w, &g->inputs.at[i].value->type));
        }
        i--;
        tn_text_add(w->out, "}}");
    }
    tn_text_add(w->out, "}");
}

static void
put_fill(tn_scribe *w, tn_fill fill, double a, double b)
{
    tn_number x = tn_number_real(a), y = tn_number_real(b);
    tn_text_add(w->out,
        fill == TN_FILL_UNIFORM     ? "{\"uniform\": ["
            : fill == TN_FILL_VALUE ? "{\"fill\": "
                                    : "{\"normal\": ");
    tn_write_number(w->out, w->g->sizes, &x);
    if (fill == TN_FILL_UNIFORM) {
        tn_text_add(w->out, ", ");
        tn_write_number(w->out, w->g->sizes, &y);
    }
    tn_text_add(w->out, fill == TN_FILL_UNIFORM ? "]}" : "}");
}

static const char *
escape(const tn_scribe *w, const char *name)
{
    tn_text text = {.arena = w->arena};
    for (; *name; name++)
        tn_text_add(&text, *name == '{' || *name == '}' ? "%c%c" : "%c", *name, *name);
    return text.at ? text.at : "";
}

static void
put_tensor(tn_scribe *w, const tn_weight *weight, const char *key)
{
    if (weight->slices.count || strcmp(key, weight->name) != 0) {
        tn_text_add(w->out, ", \"tensor\": ");
        tn_text_json(w->out, escape(w, weight->name));
    }
    for (uint32_t i = 0; i < weight->slices.count; i++) {
        tn_text_add(w->out, i ? ", " : ", \"tensors\": [");
        tn_text_json(w->out, escape(w, weight->slices.at[i]->name));
        tn_text_add(w->out, i + 1 == weight->slices.count ? "]" : "");
    }
}

static void
put_stored(tn_scribe *w, const tn_weight *weight, bool any)
{
    tn_type stored = weight->stored_type;

    if (!weight->has_stored)
        return;
    stored.dtype = any ? TN_F32 : stored.dtype;
    const char *text = tn_write_type_text(w, &stored);
    tn_text_add(w->out, ", \"stored\": ");
    tn_text_json(w->out, any ? tn_arena_printf(w->arena, "any%s", strchr(text, '[')) : text);
}

static void
put_computed(tn_scribe *w, const tn_weight_source *source)
{
    static const char *const kinds[] = {"transitions", "starts", "ends"};
    tn_number legal = tn_number_real(source->legal), illegal = tn_number_real(source->illegal);

    tn_text_add(w->out, "{\"%s\": ", kinds[source->computed]);
    tn_text_json(w->out, source->labels->name);
    for (uint32_t i = 0; w->meaning && i < source->labels->names.count; i++) {
        tn_text_add(w->out, ", ");
        tn_text_json(w->out, source->labels->names.at[i]);
    }
    tn_text_add(w->out, ", \"scheme\": \"%s\", \"legal\": ", source->scheme);
    tn_write_number(w->out, w->g->sizes, &legal);
    tn_text_add(w->out, ", \"illegal\": ");
    tn_write_number(w->out, w->g->sizes, &illegal);
    tn_text_add(w->out, "}");
}

static void
put_weight(tn_scribe *w, const tn_weight *weight, const char *key)
{
    const tn_weight_source *source =
        tn_map_get(&tn_module_document(w->module)->weights, weight->name);

    tn_text_add(w->out, "{\"type\": ");
    tn_text_json(w->out, tn_write_type_text(w, &weight->type));
    put_tensor(w, weight, key);
    put_stored(w, weight, source->any);
    if (source->data) {
        tn_text_add(w->out, ", \"data\": ");
        tn_write_json(w, source->data);
    } else if (source->init) {
        tn_text_add(w->out, ", \"init\": ");
        if (source->labels)
            put_computed(w, source);
        else
            put_fill(w, weight->fill, weight->fill_a, weight->fill_b);
    }
    tn_text_add(w->out, "}");
}

/* Numbers of weights are those of their declarations, so an entry declares
 * what was declared before the last that it uses; the last one declares the
 * rest, which nobody uses. Slices stand in their stacks. */
static void
put_weights(tn_scribe *w, bool last)
{
    const tn_map *all = &w->module->weights;
    uint32_t end = last ? all->count : 0;
    tn_map slices = {.arena = w->arena};
    bool first = true;

    for (uint32_t i = 0; i < all->count; i++) {
        const tn_weight *weight = all->entries[i].value;

        if (tn_map_get(&w->g->weight_values, weight->name) && i >= end)
            end = i + 1;
        for (uint32_t s = 0; s < weight->slices.count; s++)
            tn_map_put(&slices, weight->slices.at[s]->name, w);
    }
    tn_text_add(w->out, ",\n    \"weights\": {");
    for (uint32_t i = 0; i < end; i++) {
        const tn_weight *weight = all->entries[i].value;
        const tn_value *v = tn_map_get(&w->g->weight_values, weight->name);

        if (!v && (tn_map_get(&w->declared, weight->name) || tn_map_get(&slices, weight->name)))
            continue;
        const char *key = v ? tn_write_name_of(w, v) : tn_write_unique(w, weight->name);
        tn_map_put(&w->declared, weight->name, w);
        tn_text_add(w->out, first ? "\n        " : ",\n        ");
        tn_text_json(w->out, key);
        tn_text_add(w->out, ": ");
        put_weight(w, weight, key);
        first = false;
    }
    tn_text_add(w->out, "}");
}

/* The type of a state in symbols of the entry; NULL: it has none of it. */
static const char *
state_type(const tn_scribe *w, const tn_state *state)
{
    const tn_value *v = tn_map_get(&w->g->state_values, state->name);

    for (uint32_t i = 0; i < w->g->stores.count; i++)
        if (w->g->stores.at[i] == state)
            v = w->g->block->results.at[w->g->outputs.count + i];
    if (v)
        return tn_write_type_text(w, &v->type);
    return tn_map_get(&w->declared, state->name) ? NULL : tn_state_declared(w->module, state, w->g);
}

static void
put_states(tn_scribe *w)
{
    const tn_map *all = &w->module->states;
    bool first = true;

    tn_text_add(w->out, ",\n    \"state\": {");
    for (uint32_t i = 0; i < all->count; i++) {
        const tn_state *state = all->entries[i].value;
        const tn_value *v = tn_map_get(&w->g->state_values, state->name);
        const char *type = state_type(w, state);

        if (!type)
            continue;
        const char *key = v ? tn_write_name_of(w, v) : tn_write_unique(w, state->name);
        tn_map_put(&w->declared, state->name, (void *)(uintptr_t)key);
        tn_write_key(w, key, first);
        tn_text_add(w->out, "{\"type\": ");
        tn_text_json(w->out, type);
        tn_text_add(w->out, ", \"tensor\": ");
        tn_text_json(w->out, escape(w, state->name));
        tn_text_add(w->out, ", \"init\": ");
        put_fill(w, state->fill, state->fill_a, state->fill_b);
        tn_text_add(w->out, "}");
        first = false;
    }
    tn_text_add(w->out, "}");
}

void
tn_write_declared(tn_scribe *w, bool last)
{
    put_weights(w, last);
    put_states(w);
}

/* Notes the symbols of a size that were not named before. False if one of
 * them is not the next. */
static bool
names_next(const tn_scribe *w, tn_size size, int *next)
{
    bool here = true; /* all symbols from *next on are named here */
    const tn_sizes *sizes = w->g->sizes;

    for (int i = *next; i < tn_sizes_count(sizes); i++) {
        bool scalar = tn_sizes_symbol(sizes, i)->scalar, used = tn_size_uses(size, i);

        if (used && !here)
            return false;
        here = here && (used || scalar);
        *next = here ? i + 1 : *next;
    }
    return true;
}

/* The symbols of an entry are numbered as they are named. A fact that its
 * ranges prove names some, and is forgotten. */
static bool
is_named_in_order(const tn_scribe *w)
{
    int next = 0;
    bool in_order = true;

    for (uint32_t i = 0; i < w->g->facts.count; i++)
        if (strncmp(w->g->facts.at[i].what, "where", 5) == 0)
            in_order = in_order && names_next(w, w->g->facts.at[i].left, &next) &&
                names_next(w, w->g->facts.at[i].right, &next);
    for (uint32_t i = 0; i < w->g->inputs.count; i++)
        for (int k = 0; k < w->g->inputs.at[i].value->type.rank; k++)
            in_order = in_order && names_next(w, w->g->inputs.at[i].value->type.dim[k], &next);
    return in_order;
}

/* Facts that a `where` states; those that ops need are found again. */
static void
put_facts(tn_scribe *w)
{
    static const char *const signs[] = {"==", "!=", "<", "<="};
    bool in_order = is_named_in_order(w), first = true;

    tn_text_add(w->out, ",\n    \"where\": [");
    for (int i = 0; !in_order && i < tn_sizes_count(w->g->sizes); i++) {
        const tn_symbol *s = tn_sizes_symbol(w->g->sizes, i);

        if (s->scalar)
            continue;
        tn_text_add(w->out, first ? "" : ", ");
        tn_text_json(w->out, tn_arena_printf(w->arena, "%s == %s", s->name, s->name));
        first = false;
    }
    for (uint32_t i = 0; i < w->g->facts.count; i++) {
        const tn_fact *f = &w->g->facts.at[i];

        if (strncmp(f->what, "where", 5) != 0)
            continue;
        tn_text_add(w->out, first ? "" : ", ");
        tn_text_json(w->out,
            tn_arena_printf(w->arena, "%s %s %s", tn_write_size_text(w, f->left), signs[f->op],
                tn_write_size_text(w, f->right)));
        first = false;
    }
    tn_text_add(w->out, "]");
}

void
tn_write_results(tn_scribe *w)
{
    const tn_graph *g = w->g;
    tn_text_add(w->out, ",\n    \"outputs\": {");
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const tn_output *o = &g->outputs.at[i];
        const char *const keys[] = {"labels", "scheme", "length", "align"};
        const char *const names[] = {o->labels, o->scheme, o->length, o->align};
        tn_write_key(w, o->name, i == 0);
        tn_text_add(w->out, "{\"type\": ");
        tn_text_json(w->out, tn_write_type_text(w, &g->block->results.at[i]->type));
        tn_write_key(w, "value", false);
        tn_text_json(w->out, tn_write_name_of(w, g->block->results.at[i]));
        for (int k = 0; k < 4; k++)
            if (names[k] && !w->meaning) {
                tn_write_key(w, keys[k], false);
                tn_text_json(w->out, names[k]);
            }
        tn_text_add(w->out, "}");
    }
    tn_text_add(w->out, "},\n    \"store\": {");
    for (uint32_t i = 0; i < g->stores.count; i++) {
        tn_write_key(w, tn_map_get(&w->declared, g->stores.at[i]->name), i == 0);
        tn_text_json(w->out, tn_write_name_of(w, g->block->results.at[g->outputs.count + i]));
    }
    tn_text_add(w->out, "}");
    put_facts(w);
}
