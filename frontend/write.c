/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/write.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "frontend/expr.h"
#include "frontend/weights.h"

typedef struct writer {
    tn_text *out;
    tn_arena *arena;
    const tn_module *module;
    const tn_graph *g;
    const char **name; /* by value id */
    tn_map used;
    unsigned fresh;
} writer;

static const char *
unique(writer *w, const char *wanted)
{
    const char *name = wanted && *wanted ? wanted : "v";
    while (tn_map_get(&w->used, name) || name == NULL)
        name = tn_arena_printf(w->arena, "%s#%u", wanted && *wanted ? wanted : "v", ++w->fresh);
    tn_map_put(&w->used, name, w);
    return name;
}

static void
put_key(writer *w, const char *key, bool first)
{
    tn_text_add(w->out, first ? "" : ", ");
    tn_text_json(w->out, key);
    tn_text_add(w->out, ": ");
}

static const char *
size_text(const writer *w, tn_size size)
{
    tn_text text = {.arena = w->arena};
    tn_size_print(&text, w->g->sizes, size);
    return text.at;
}

static void
put_size(const writer *w, tn_size size)
{
    int64_t whole;
    if (tn_size_is_int(size, &whole) && whole >= -(INT64_C(1) << 53) && whole <= INT64_C(1) << 53)
        tn_text_add(w->out, "%" PRId64, whole);
    else
        tn_text_json(w->out, tn_arena_printf(w->arena, "=%s", size_text(w, size)));
}

static const char *
type_text(const writer *w, const tn_type *type)
{
    tn_text text = {.arena = w->arena};
    tn_type_print(&text, w->g->sizes, type);
    return text.at;
}

static void
put_number(const writer *w, const tn_number *n)
{
    tn_write_number(w->out, w->g->sizes, n);
}

/* ---- nodes ---- */

static const char *
name_of(writer *w, const tn_value *v)
{
    if (!w->name[v->id])
        w->name[v->id] = unique(w, v->name);
    return w->name[v->id];
}

static void
line(writer *w, int depth, bool *first)
{
    tn_text_add(w->out, *first ? "\n" : ",\n");
    tn_text_indent(w->out, depth);
    *first = false;
}

/* A literal that nothing beside gives its type is a fill. */
static void
name_literal(writer *w, const tn_value *v, int depth, bool *first)
{
    if (v->kind != TN_VALUE_LITERAL || w->name[v->id])
        return;
    w->name[v->id] = unique(w, "literal");
    line(w, depth, first);
    tn_text_add(w->out, "[");
    tn_text_json(w->out, w->name[v->id]);
    tn_text_add(w->out,
        ", \"fill\", {\"type\": \"%s[]\", \"value\": ", tn_dtype_name(v->type.dtype));
    put_number(w, &v->number);
    tn_text_add(w->out, "}]");
}

static bool
is_bare(const tn_op *op, int i)
{
    return op->in[i] && op->in[i]->kind == TN_VALUE_LITERAL &&
        i < tn_op_info_of(op->code)->in_count &&
        tn_op_literal_dtype(op, i) == op->in[i]->type.dtype;
}

static void
put_list(writer *w, const tn_attr *a)
{
    tn_text_add(w->out, "[");
    for (int i = 0; i < a->count; i++) {
        tn_text_add(w->out, i ? ", " : "");
        if (a->kind == TN_KIND_SIZES)
            put_size(w, a->sizes[i]);
        else if (a->kind == TN_KIND_PADS && i + 1 < a->count)
            tn_text_add(w->out, "[%" PRId64 ", %" PRId64 "]", a->ints[i], a->ints[i + 1]);
        else
            tn_text_add(w->out, "%" PRId64, a->ints[i]);
        i += a->kind == TN_KIND_PADS && i + 1 < a->count;
    }
    tn_text_add(w->out, "]");
}

static void
put_numbers(writer *w, const tn_attr *a, const tn_type *type, int axis, int *next)
{
    int64_t size = 0;
    if (axis == type->rank) {
        put_number(w, &a->numbers[(*next)++]);
        return;
    }
    tn_size_is_int(type->dim[axis], &size);
    tn_text_add(w->out, "[");
    for (int64_t i = 0; i < size && a->count; i++) {
        tn_text_add(w->out, i ? ", " : "");
        put_numbers(w, a, type, axis + 1, next);
    }
    tn_text_add(w->out, "]");
}

static void
put_shape(writer *w, const tn_attr *a)
{
    tn_type type = {.dtype = TN_F32, .rank = a->count};
    memcpy(type.dim, a->sizes, (size_t)a->count * sizeof *a->sizes);
    tn_text_json(w->out, strchr(type_text(w, &type), '['));
}

static void
put_attr(writer *w, const tn_op *op, const tn_attr *a)
{
    int next = 0, type = tn_op_find_attr(op->code, "type");
    switch (a->kind) {
    case TN_KIND_INT: tn_text_add(w->out, "%" PRId64, a->ints[0]); break;
    case TN_KIND_BOOL: tn_text_add(w->out, a->ints[0] ? "true" : "false"); break;
    case TN_KIND_INTS:
    case TN_KIND_PADS:
    case TN_KIND_SIZES: put_list(w, a); break;
    case TN_KIND_DTYPE: tn_text_json(w->out, tn_dtype_name(a->dtype)); break;
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: tn_text_json(w->out, a->text); break;
    case TN_KIND_REAL:
    case TN_KIND_NUMBER: put_number(w, &a->numbers[0]); break;
    case TN_KIND_NUMBERS: put_numbers(w, a, &op->attr[type].type, 0, &next); break;
    case TN_KIND_SIZE: put_size(w, a->sizes[0]); break;
    case TN_KIND_SHAPE: put_shape(w, a); break;
    case TN_KIND_TYPE: tn_text_json(w->out, type_text(w, &a->type)); break;
    case TN_KIND_PLACE:
        if (a->operand >= 0)
            tn_text_json(w->out, name_of(w, op->in[a->operand]));
        else
            put_size(w, a->sizes[0]);
        break;
    }
}

static void put_block(writer *w, const tn_block *b, int depth);

static void
put_names(writer *w, const char *key, tn_value *const *values, int count, bool *first)
{
    put_key(w, key, *first);
    *first = false;
    tn_text_add(w->out, "[");
    for (int i = 0; i < count; i++) {
        tn_text_add(w->out, i ? ", " : "");
        tn_text_json(w->out, name_of(w, values[i]));
    }
    tn_text_add(w->out, "]");
}

/* [[a, b, c], ..] of three lists of values, the last of which may be absent. */
static void
put_tuples(writer *w, const char *key, tn_value *const *a, tn_value *const *b, tn_value *const *c,
    int count, bool *first)
{
    put_key(w, key, *first);
    *first = false;
    tn_text_add(w->out, "[");
    for (int i = 0; i < count; i++) {
        tn_text_add(w->out, i ? ", [" : "[");
        tn_text_json(w->out, name_of(w, a[i]));
        tn_text_add(w->out, ", ");
        tn_text_json(w->out, name_of(w, b[i]));
        if (c) {
            tn_text_add(w->out, ", ");
            tn_text_json(w->out, name_of(w, c[i]));
        }
        tn_text_add(w->out, "]");
    }
    tn_text_add(w->out, "]");
}

static void
put_body(writer *w, const char *key, const tn_block *b, int depth, bool *first)
{
    put_key(w, key, *first);
    *first = false;
    put_block(w, b, depth + 1);
}

static void
put_scan(writer *w, const tn_op *op, int depth, bool *first)
{
    const tn_block *body = op->body[0];
    int carries = (int)tn_op_int(op, TN_ATTR_scan_carries), overs = op->in_count - carries;
    put_tuples(w, "over", body->params.at + carries, op->in + carries, NULL, overs, first);
    put_key(w, "index", false);
    tn_text_json(w->out, name_of(w, body->params.at[op->in_count]));
    put_body(w, "body", body, depth, first);
    put_tuples(w, "carry", body->params.at, op->in, body->results.at, carries, first);
    put_names(w, "collect", body->results.at + carries, (int)body->results.count - carries, first);
}

static void
put_control(writer *w, const tn_op *op, int depth, bool *first)
{
    if (op->code == TN_OP_scan) {
        put_scan(w, op, depth, first);
        return;
    }
    if (op->code == TN_OP_if) {
        put_body(w, "then", op->body[0], depth, first);
        put_body(w, "else", op->body[1], depth, first);
        put_tuples(w, "yield", op->body[0]->results.at, op->body[1]->results.at, NULL,
            op->out_count, first);
        return;
    }
    /* Both bodies of a while have the same names inside. */
    for (int i = 0; i < op->in_count; i++)
        w->name[op->body[0]->params.at[i]->id] = name_of(w, op->body[1]->params.at[i]);
    put_body(w, "cond", op->body[0], depth, first);
    put_key(w, "test", false);
    tn_text_json(w->out, name_of(w, op->body[0]->results.at[0]));
    put_body(w, "body", op->body[1], depth, first);
    put_tuples(w, "carry", op->body[1]->params.at, op->in, op->body[1]->results.at, op->in_count,
        first);
}

static void
put_attrs(writer *w, const tn_op *op, int depth)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    bool loop = (info->flags & TN_FLAG_CONTROL) != 0, first = true, gap = false;
    tn_text_add(w->out, ", {");
    for (int i = 0; i < op->in_count && i < info->in_count && !loop; i++) {
        gap |= !op->in[i];
        if (!gap || !op->in[i])
            continue;
        put_key(w, info->in[i].name, first);
        first = false;
        if (is_bare(op, i))
            put_number(w, &op->in[i]->number);
        else
            tn_text_json(w->out, name_of(w, op->in[i]));
    }
    for (int i = 0; i < info->attr_count; i++) {
        if (!op->attr[i].given || strcmp(info->attr[i].name, "carries") == 0)
            continue;
        put_key(w, info->attr[i].name, first);
        first = false;
        put_attr(w, op, &op->attr[i]);
    }
    if (loop)
        put_control(w, op, depth, &first);
    tn_text_add(w->out, "}");
    /* A node without attributes has none. */
    if (first) {
        w->out->length -= 4;
        w->out->at[w->out->length] = '\0';
    }
}

static void
put_op(writer *w, const tn_op *op, int depth, bool *first)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    bool loop = op->code == TN_OP_scan || op->code == TN_OP_while;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && !is_bare(op, i))
            name_literal(w, op->in[i], depth, first);
    line(w, depth, first);
    tn_text_add(w->out, "[");
    if (op->out_count != 1)
        tn_text_add(w->out, "[");
    for (int i = 0; i < op->out_count; i++) {
        tn_text_add(w->out, i ? ", " : "");
        tn_text_json(w->out, name_of(w, op->out[i]));
    }
    tn_text_add(w->out, op->out_count != 1 ? "], \"%s\"" : ", \"%s\"", info->name);
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;
    for (int i = 0; i < op->in_count && (variadic || i < info->in_count) && !loop; i++) {
        if (!op->in[i])
            break;
        tn_text_add(w->out, ", ");
        if (is_bare(op, i))
            put_number(w, &op->in[i]->number);
        else
            tn_text_json(w->out, name_of(w, op->in[i]));
    }
    put_attrs(w, op, depth);
    tn_text_add(w->out, "]");
}

static void
put_block(writer *w, const tn_block *b, int depth)
{
    bool first = true;
    tn_text_add(w->out, "[");
    for (const tn_op *op = b->first; op; op = op->next)
        put_op(w, op, depth, &first);
    for (uint32_t i = 0; i < b->results.count; i++)
        name_literal(w, b->results.at[i], depth, &first);
    tn_text_add(w->out, "]");
}

/* ---- declarations ---- */

static void
put_range(writer *w, const char *key, int64_t low, int64_t high)
{
    put_key(w, key, false);
    if (high == INT64_MAX)
        tn_text_add(w->out, "\"%" PRId64 "..\"", low);
    else
        tn_text_add(w->out, "\"%" PRId64 "..%" PRId64 "\"", low, high);
}

static void
put_input(writer *w, const tn_input *input)
{
    int64_t low = 0, high = INT64_MAX;
    tn_text_add(w->out, "{\"type\": ");
    tn_text_json(w->out, type_text(w, &input->value->type));
    if (input->has_range) {
        tn_size_is_int(input->low, &low);
        if (!input->open_high)
            tn_size_is_int(input->high, &high);
        put_range(w, "range", low, high);
    }
    tn_text_add(w->out, "}");
}

static void
put_inputs(writer *w)
{
    const tn_graph *g = w->g;
    tn_text_add(w->out, "\"inputs\": {");
    for (uint32_t i = 0; i < g->inputs.count; i++) {
        const tn_input *in = &g->inputs.at[i];
        bool first = true;
        put_key(w, in->text ? in->text : in->name, i == 0);
        if (!in->text) {
            put_input(w, in);
            continue;
        }
        tn_text_add(w->out, "{\"text\": ");
        tn_text_json(w->out, in->tokenizer);
        tn_text_add(w->out, ", \"gives\": {");
        for (; i < g->inputs.count && g->inputs.at[i].text &&
            strcmp(g->inputs.at[i].text, in->text) == 0;
            i++) {
            put_key(w, g->inputs.at[i].product, first);
            first = false;
            tn_text_json(w->out, type_text(w, &g->inputs.at[i].value->type));
        }
        i--;
        tn_text_add(w->out, "}}");
    }
    tn_text_add(w->out, "}");
}

static void
put_fill(writer *w, tn_fill fill, double a, double b)
{
    tn_number x = tn_number_real(a), y = tn_number_real(b);
    tn_text_add(w->out,
        fill == TN_FILL_UNIFORM     ? "{\"uniform\": ["
            : fill == TN_FILL_VALUE ? "{\"fill\": "
                                    : "{\"normal\": ");
    put_number(w, &x);
    if (fill == TN_FILL_UNIFORM) {
        tn_text_add(w->out, ", ");
        put_number(w, &y);
    }
    tn_text_add(w->out, fill == TN_FILL_UNIFORM ? "]}" : "}");
}

static const char *
escape(const writer *w, const char *name)
{
    tn_text text = {.arena = w->arena};
    for (; *name; name++)
        tn_text_add(&text, *name == '{' || *name == '}' ? "%c%c" : "%c", *name, *name);
    return text.at ? text.at : "";
}

/* As it stands in the file: numbers, lists, "=-inf". */
static void
put_json(writer *w, const tn_json *at)
{
    if (at->kind == TN_JSON_STRING) {
        tn_text_json(w->out, at->text);
        return;
    }
    if (at->kind != TN_JSON_LIST) {
        tn_text_add(w->out, "%s", tn_json_found(tn_module_document(w->module)->json, at));
        return;
    }
    tn_text_add(w->out, "[");
    for (const tn_json *part = at->first; part; part = part->next) {
        put_json(w, part);
        tn_text_add(w->out, part->next ? ", " : "");
    }
    tn_text_add(w->out, "]");
}

static void
put_weight(writer *w, const tn_weight *weight, const char *key)
{
    const tn_weight_source *source =
        tn_map_get(&tn_module_document(w->module)->weights, weight->name);
    tn_text_add(w->out, "{\"type\": ");
    tn_text_json(w->out, type_text(w, &weight->type));
    if (weight->slices.count) {
        tn_text_add(w->out, ", \"tensors\": ");
        tn_text_json(w->out, weight->name);
        tn_text_add(w->out, ", \"count\": %" PRIu32, weight->slices.count);
    } else if (strcmp(key, weight->name) != 0) {
        tn_text_add(w->out, ", \"tensor\": ");
        tn_text_json(w->out, escape(w, weight->name));
    }
    if (weight->has_stored) {
        tn_type stored = weight->stored_type;
        stored.dtype = source->any ? TN_F32 : stored.dtype;
        const char *text = type_text(w, &stored);
        tn_text_add(w->out, ", \"stored\": ");
        tn_text_json(w->out,
            source->any ? tn_arena_printf(w->arena, "any%s", strchr(text, '[')) : text);
    }
    if (source->labels) {
        static const char *const kinds[] = {"transitions", "starts", "ends"};
        tn_number legal = tn_number_real(source->legal), illegal = tn_number_real(source->illegal);
        tn_text_add(w->out, ", \"init\": {\"%s\": ", kinds[source->computed]);
        tn_text_json(w->out, source->labels->name);
        tn_text_add(w->out, ", \"scheme\": \"%s\", \"legal\": ", source->scheme);
        put_number(w, &legal);
        tn_text_add(w->out, ", \"illegal\": ");
        put_number(w, &illegal);
        tn_text_add(w->out, "}");
    } else if (source->data) {
        tn_text_add(w->out, ", \"data\": ");
        put_json(w, source->data);
    } else {
        tn_text_add(w->out, ", \"init\": ");
        put_fill(w, weight->fill, weight->fill_a, weight->fill_b);
    }
    tn_text_add(w->out, "}");
}

static void
put_declared(writer *w)
{
    const tn_graph *g = w->g;
    tn_text_add(w->out, ",\n    \"weights\": {");
    for (uint32_t i = 0; i < g->weight_values.count; i++) {
        const tn_value *v = g->weight_values.entries[i].value;
        tn_text_add(w->out, i ? ",\n        " : "\n        ");
        tn_text_json(w->out, name_of(w, v));
        tn_text_add(w->out, ": ");
        put_weight(w, v->weight, name_of(w, v));
    }
    tn_text_add(w->out, "},\n    \"state\": {");
    for (uint32_t i = 0; i < g->state_values.count; i++) {
        const tn_value *v = g->state_values.entries[i].value;
        put_key(w, name_of(w, v), i == 0);
        tn_text_add(w->out, "{\"type\": ");
        tn_text_json(w->out, type_text(w, &v->type));
        tn_text_add(w->out, ", \"tensor\": ");
        tn_text_json(w->out, escape(w, v->state->name));
        tn_text_add(w->out, ", \"init\": ");
        put_fill(w, v->state->fill, v->state->fill_a, v->state->fill_b);
        tn_text_add(w->out, "}");
    }
    tn_text_add(w->out, "}");
}

static void
put_results(writer *w)
{
    const tn_graph *g = w->g;
    tn_text_add(w->out, ",\n    \"outputs\": {");
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const tn_output *o = &g->outputs.at[i];
        const char *const keys[] = {"labels", "scheme", "length", "align"};
        const char *const names[] = {o->labels, o->scheme, o->length, o->align};
        put_key(w, o->name, i == 0);
        tn_text_add(w->out, "{\"type\": ");
        tn_text_json(w->out, type_text(w, &g->block->results.at[i]->type));
        put_key(w, "value", false);
        tn_text_json(w->out, name_of(w, g->block->results.at[i]));
        for (int k = 0; k < 4; k++)
            if (names[k]) {
                put_key(w, keys[k], false);
                tn_text_json(w->out, names[k]);
            }
        tn_text_add(w->out, "}");
    }
    tn_text_add(w->out, "},\n    \"store\": {");
    for (uint32_t i = 0; i < g->stores.count; i++) {
        const tn_value *state = tn_map_get(&g->state_values, g->stores.at[i]->name);
        put_key(w, state ? name_of(w, state) : g->stores.at[i]->name, i == 0);
        tn_text_json(w->out, name_of(w, g->block->results.at[g->outputs.count + i]));
    }
    static const char *const signs[] = {"==", "!=", "<", "<="};
    tn_text_add(w->out, "},\n    \"where\": [");
    for (uint32_t i = 0; i < g->facts.count; i++) {
        const tn_fact *f = &g->facts.at[i];
        tn_text_add(w->out, i ? ", " : "");
        tn_text_json(w->out,
            tn_arena_printf(w->arena, "%s %s %s", size_text(w, f->left), signs[f->op],
                size_text(w, f->right)));
    }
    tn_text_add(w->out, "]");
}

/* ---- the file ---- */

static void
start_entry(writer *w, const tn_graph *g)
{
    w->g = g;
    w->name = tn_new_array(w->arena, const char *, g->value_count + 1);
    w->used = (tn_map){.arena = w->arena};
    w->fresh = 0;
    for (int i = 0; i < tn_sizes_count(g->sizes); i++)
        if (!tn_sizes_symbol(g->sizes, i)->scalar)
            unique(w, tn_sizes_symbol(g->sizes, i)->name);
    /* Callers know inputs by their names. */
    for (uint32_t i = 0; i < g->inputs.count; i++)
        name_of(w, g->inputs.at[i].value);
}

static void
put_entry(writer *w, const tn_graph *g)
{
    start_entry(w, g);
    put_inputs(w);
    put_declared(w);
    tn_text_add(w->out, ",\n    \"nodes\": ");
    put_block(w, g->block, 2);
    put_results(w);
}

static void
put_dims(writer *w)
{
    tn_map done = {.arena = w->arena};
    tn_text_add(w->out, "  \"dims\": {");
    for (uint32_t e = 0; e < w->module->entries.count; e++) {
        const tn_sizes *sizes = w->module->entries.at[e]->sizes;
        for (int i = 0; i < tn_sizes_count(sizes); i++) {
            const tn_symbol *s = tn_sizes_symbol(sizes, i);
            if (s->scalar || tn_map_get(&done, s->name))
                continue;
            put_key(w, s->name, done.count == 0);
            tn_map_put(&done, s->name, w);
            tn_text_add(w->out, "{\"multiple\": %" PRId64, s->multiple);
            put_range(w, "range", s->low, s->high);
            if (s->sample)
                tn_text_add(w->out, ", \"sample\": %" PRId64, s->sample);
            tn_text_add(w->out, "}");
        }
    }
    tn_text_add(w->out, "},\n");
}

static void
put_texts(writer *w)
{
    tn_text_add(w->out, "  \"labels\": {");
    for (uint32_t i = 0; i < w->module->labels.count; i++) {
        const tn_labels *labels = w->module->labels.at[i];
        put_key(w, labels->name, i == 0);
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
        put_key(w, t->name, i == 0);
        tn_text_add(w->out, "{\"kind\": \"%s\", \"lowercase\": %s", t->kind,
            t->lowercase ? "true" : "false");
        for (int k = 0; k < 5; k++)
            if (texts[k]) {
                put_key(w, keys[k], false);
                tn_text_json(w->out, texts[k]);
            }
        if (t->max_length)
            tn_text_add(w->out, ", \"max_length\": %" PRId64, t->max_length);
        tn_text_add(w->out, "}");
    }
    tn_text_add(w->out, "},\n");
}

static void
put_files(writer *w)
{
    tn_text_add(w->out, "  \"files\": [");
    for (uint32_t i = 0; i < w->module->files.count; i++) {
        const tn_weight_file *f = w->module->files.at[i];
        tn_text_add(w->out, i ? ", {\"path\": " : "{\"path\": ");
        tn_text_json(w->out, f->path);
        if (f->tensor) {
            put_key(w, "tensor", false);
            tn_text_json(w->out, f->tensor);
        }
        tn_text_add(w->out, ", \"names\": {");
        for (uint32_t k = 0; k < f->from.count; k++) {
            put_key(w, f->from.at[k], k == 0);
            tn_text_json(w->out, f->to.at[k]);
        }
        tn_text_add(w->out, "}}");
    }
    tn_text_add(w->out, "],\n");
}

void
tn_model_write(tn_text *out, const tn_module *module, const char *stage)
{
    writer w = {.out = out, .arena = out->arena, .module = module};
    tn_text_add(out, "{\n  \"tenon\": 1,\n  \"stage\": ");
    tn_text_json(out, stage);
    tn_text_add(out, ",\n");
    put_dims(&w);
    put_files(&w);
    put_texts(&w);
    tn_text_add(out, "  \"entries\": {\n");
    for (uint32_t i = 0; i < module->entries.count; i++) {
        tn_text_add(out, i ? ",\n  " : "  ");
        tn_text_json(out, module->entries.at[i]->name);
        tn_text_add(out, ": {");
        put_entry(&w, module->entries.at[i]);
        tn_text_add(out, "}");
    }
    tn_text_add(out, "}\n}\n");
}
