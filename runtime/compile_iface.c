/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "frontend/model.h"
#include "runtime/compile.h"

enum { VOCABULARY_LIMIT = 64 << 20 };

static int32_t
find_tokenizer(const tn_module *m, const char *name)
{
    for (uint32_t i = 0; name && i < m->tokenizers.count; i++)
        if (!strcmp(m->tokenizers.at[i]->name, name))
            return (int32_t)i;
    return -1;
}

static int32_t
find_labels(const tn_module *m, const char *name)
{
    for (uint32_t i = 0; name && i < m->labels.count; i++)
        if (!strcmp(m->labels.at[i]->name, name))
            return (int32_t)i;
    return -1;
}

static const char *
or_empty(const char *text)
{
    return text ? text : "";
}

static void
fill_dims(tn_arena *arena, const tn_type *type, tn_formula *dim)
{
    for (int i = 0; i < type->rank; i++)
        dim[i] = tn_size_formula(arena, type->dim[i]);
}

static tn_iface_input
input_of(tn_module *m, const tn_input *from)
{
    tn_iface_input in = {
        .name = from->name,
        .dtype = from->value->type.dtype,
        .rank = from->value->type.rank,
        .symbol = from->symbol,
        .has_range = from->has_range,
        .low = INT64_MIN,
        .high = INT64_MAX,
        .text = or_empty(from->text),
        .product = or_empty(from->product),
        .tokenizer = find_tokenizer(m, from->tokenizer),
    };

    fill_dims(m->arena, &from->value->type, in.dim);
    if (from->has_range) {
        tn_size_is_int(from->low, &in.low);
        if (!from->open_high)
            tn_size_is_int(from->high, &in.high);
    }
    return in;
}

static tn_iface_output
output_of(tn_module *m, const tn_output *from, const tn_value *value)
{
    tn_iface_output o = {
        .name = from->name,
        .dtype = value->type.dtype,
        .rank = value->type.rank,
        .labels = find_labels(m, from->labels),
        .scheme = or_empty(from->scheme),
        .length = or_empty(from->length),
        .align = or_empty(from->align),
    };

    fill_dims(m->arena, &value->type, o.dim);
    return o;
}

static tn_iface_entry
entry_of(tn_module *m, const tn_graph *g)
{
    tn_iface_entry e = {.name = g->name};

    for (int i = 0; i < tn_sizes_count(g->sizes); i++) {
        const tn_symbol *s = tn_sizes_symbol(g->sizes, i);
        tn_plan_symbol p = {s->name, s->low, s->high, s->multiple, s->sample, -1};

        for (uint32_t n = 0; n < g->inputs.count; n++)
            if (g->inputs.at[n].symbol == i)
                p.input = (int32_t)n;
        tn_push(m->arena, &e.symbols, p);
    }
    for (uint32_t i = 0; i < g->inputs.count; i++) {
        tn_iface_input in = input_of(m, &g->inputs.at[i]);

        tn_push(m->arena, &e.inputs, in);
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        tn_iface_output o = output_of(m, &g->outputs.at[i], g->block->results.at[i]);

        tn_push(m->arena, &e.outputs, o);
    }
    for (uint32_t i = 0; i < g->facts.count; i++) {
        const tn_fact *f = &g->facts.at[i];
        tn_plan_fact p = {.op = (uint32_t)f->op, .what = f->what};

        p.left = tn_size_formula(m->arena, f->left);
        p.right = tn_size_formula(m->arena, f->right);
        tn_push(m->arena, &e.facts, p);
    }
    return e;
}

/* A model that is read without its files (seeded weights) can do without its
 * vocabularies too, as long as no text is given. */
static tn_status
read_vocabulary(const tn_env *env, tn_module *m, const tn_tokenizer_spec *from,
    tn_iface_tokenizer *out)
{
    tn_env quiet = *env;
    const char *path;
    tn_span bytes;
    uint8_t *copy;

    if (tn_module_document(m) && tn_module_document(m)->seed_weights) {
        quiet.diag = NULL;
        if (tn_path_beneath(&quiet, m->arena, m->folder, from->file, &path) != TN_OK ||
            tn_file_read(&quiet, path, VOCABULARY_LIMIT, &bytes) != TN_OK)
            return TN_OK;
    } else {
        TN_TRY(tn_path_beneath(env, m->arena, m->folder, from->file, &path));
        TN_TRY(tn_file_read(env, path, VOCABULARY_LIMIT, &bytes));
    }
    copy = tn_arena_get(m->arena, bytes.bytes);
    memcpy(copy, bytes.at, bytes.bytes);
    out->vocabulary = (tn_span){copy, bytes.bytes};
    tn_file_free(env, &bytes);
    return TN_OK;
}

static tn_status
tokenizer_of(const tn_env *env, tn_module *m, const tn_tokenizer_spec *from,
    tn_iface_tokenizer *out)
{
    *out = (tn_iface_tokenizer){
        .name = from->name,
        .kind = from->kind,
        .lowercase = from->lowercase,
        .unknown = or_empty(from->unknown),
        .begin = or_empty(from->begin),
        .end = or_empty(from->end),
        .pad = or_empty(from->pad),
        .max_length = from->max_length,
    };
    return from->file ? read_vocabulary(env, m, from, out) : TN_OK;
}

/* The states by number, each with the dimensions it has in the first entry
 * that declares it. */
static void
add_states(tn_module *m, tn_iface *out)
{
    for (uint32_t i = 0; i < m->states.count; i++) {
        const tn_state *s = m->states.entries[i].value;
        tn_iface_state st = {
            .name = s->name,
            .dtype = s->type.dtype,
            .rank = s->type.rank,
            .fill = s->fill == TN_FILL_VALUE ? s->fill_a : 0,
        };

        fill_dims(m->arena, &s->type, st.dim);
        tn_push(m->arena, &out->states, st);
    }
}

static int64_t
count_params(const tn_module *m)
{
    int64_t params = 0;

    for (uint32_t i = 0; i < m->weights.count; i++) {
        const tn_weight *w = m->weights.entries[i].value;

        if (w->slices.count == 0)
            params += w->elements;
    }
    return params;
}

/* Without folder and ending: an artifact holds no path of the machine that
 * made it. */
static const char *
base_name(tn_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return tn_arena_copy(arena, name, strcspn(name, "."));
}

tn_status
tn_iface_of_module(const tn_env *env, tn_module *m, tn_iface *out)
{
    *out = (tn_iface){.model = base_name(m->arena, m->file), .params = count_params(m)};
    for (uint32_t i = 0; i < m->entries.count; i++) {
        tn_iface_entry e = entry_of(m, m->entries.at[i]);

        tn_push(m->arena, &out->entries, e);
    }
    add_states(m, out);
    for (uint32_t i = 0; i < m->labels.count; i++) {
        tn_iface_labels l = {.name = m->labels.at[i]->name};

        for (uint32_t j = 0; j < m->labels.at[i]->names.count; j++)
            tn_push(m->arena, &l.names, m->labels.at[i]->names.at[j]);
        tn_push(m->arena, &out->labels, l);
    }
    for (uint32_t i = 0; i < m->tokenizers.count; i++) {
        tn_iface_tokenizer t;

        TN_TRY(tokenizer_of(env, m, m->tokenizers.at[i], &t));
        tn_push(m->arena, &out->tokenizers, t);
    }
    return TN_OK;
}
