/* SPDX-License-Identifier: Apache-2.0
 * Names and nodes. */
#include "frontend/write_in.h"

#include <inttypes.h>
#include <string.h>

const char *
tn_write_unique(tn_scribe *w, const char *wanted)
{
    const char *name = wanted && *wanted ? wanted : "v";
    while (tn_map_get(&w->used, name) || name == NULL)
        name = tn_arena_printf(w->arena, "%s#%u", wanted && *wanted ? wanted : "v", ++w->fresh);
    tn_map_put(&w->used, name, w);
    return name;
}

void
tn_write_key(tn_scribe *w, const char *key, bool first)
{
    tn_text_add(w->out, first ? "" : ", ");
    tn_text_json(w->out, key);
    tn_text_add(w->out, ": ");
}

const char *
tn_write_size_text(const tn_scribe *w, tn_size size)
{
    tn_text text = {.arena = w->arena};
    tn_size_print(&text, w->g->sizes, size);
    return text.at;
}

static void
put_size(const tn_scribe *w, tn_size size)
{
    int64_t whole;
    if (tn_size_is_int(size, &whole) && whole >= -(INT64_C(1) << 53) && whole <= INT64_C(1) << 53)
        tn_text_add(w->out, "%" PRId64, whole);
    else
        tn_text_json(w->out, tn_arena_printf(w->arena, "=%s", tn_write_size_text(w, size)));
}

const char *
tn_write_type_text(const tn_scribe *w, const tn_type *type)
{
    tn_text text = {.arena = w->arena};
    tn_type_print(&text, w->g->sizes, type);
    return text.at;
}

/* ---- nodes ---- */

const char *
tn_write_name_of(tn_scribe *w, const tn_value *v)
{
    if (!w->name[v->id])
        w->name[v->id] = w->meaning && v->kind != TN_VALUE_INPUT
            ? tn_arena_printf(w->arena, "#%u", ++w->fresh)
            : tn_write_unique(w, v->name);
    return w->name[v->id];
}

static void
line(tn_scribe *w, int depth, bool *first)
{
    tn_text_add(w->out, *first ? "\n" : ",\n");
    tn_text_indent(w->out, depth);
    *first = false;
}

/* A literal that nothing beside gives its type is a fill. */
static void
name_literal(tn_scribe *w, const tn_value *v, int depth, bool *first)
{
    if (v->kind != TN_VALUE_LITERAL || w->name[v->id])
        return;
    w->name[v->id] = tn_write_unique(w, "literal");
    line(w, depth, first);
    tn_text_add(w->out, "[");
    tn_text_json(w->out, w->name[v->id]);
    tn_text_add(w->out,
        ", \"fill\", {\"type\": \"%s[]\", \"value\": ", tn_dtype_name(v->type.dtype));
    tn_write_number(w->out, w->g->sizes, &v->number);
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
put_list(tn_scribe *w, const tn_attr *a)
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
put_numbers(tn_scribe *w, const tn_attr *a, const tn_type *type, int axis, int *next)
{
    int64_t size = 0;
    if (axis == type->rank) {
        tn_write_number(w->out, w->g->sizes, &a->numbers[(*next)++]);
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
put_shape(tn_scribe *w, const tn_attr *a)
{
    tn_type type = {.dtype = TN_F32, .rank = a->count};
    memcpy(type.dim, a->sizes, (size_t)a->count * sizeof *a->sizes);
    tn_text_json(w->out, strchr(tn_write_type_text(w, &type), '['));
}

static void
put_attr(tn_scribe *w, const tn_op *op, const tn_attr *a)
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
    case TN_KIND_NUMBER: tn_write_number(w->out, w->g->sizes, &a->numbers[0]); break;
    case TN_KIND_NUMBERS: put_numbers(w, a, &op->attr[type].type, 0, &next); break;
    case TN_KIND_SIZE: put_size(w, a->sizes[0]); break;
    case TN_KIND_SHAPE: put_shape(w, a); break;
    case TN_KIND_TYPE: tn_text_json(w->out, tn_write_type_text(w, &a->type)); break;
    case TN_KIND_PLACE:
        if (a->operand >= 0)
            tn_text_json(w->out, tn_write_name_of(w, op->in[a->operand]));
        else
            put_size(w, a->sizes[0]);
        break;
    }
}

static void
put_names(tn_scribe *w, const char *key, tn_value *const *values, int count, bool *first)
{
    tn_write_key(w, key, *first);
    *first = false;
    tn_text_add(w->out, "[");
    for (int i = 0; i < count; i++) {
        tn_text_add(w->out, i ? ", " : "");
        tn_text_json(w->out, tn_write_name_of(w, values[i]));
    }
    tn_text_add(w->out, "]");
}

/* [[a, b, c], ..] of three lists of values, the last of which may be absent. */
static void
put_tuples(tn_scribe *w, const char *key, tn_value *const *a, tn_value *const *b,
    tn_value *const *c, int count, bool *first)
{
    tn_write_key(w, key, *first);
    *first = false;
    tn_text_add(w->out, "[");
    for (int i = 0; i < count; i++) {
        tn_text_add(w->out, i ? ", [" : "[");
        tn_text_json(w->out, tn_write_name_of(w, a[i]));
        tn_text_add(w->out, ", ");
        tn_text_json(w->out, tn_write_name_of(w, b[i]));
        if (c) {
            tn_text_add(w->out, ", ");
            tn_text_json(w->out, tn_write_name_of(w, c[i]));
        }
        tn_text_add(w->out, "]");
    }
    tn_text_add(w->out, "]");
}

static void
put_body(tn_scribe *w, const char *key, const tn_block *b, int depth, bool *first)
{
    tn_write_key(w, key, *first);
    *first = false;
    tn_write_block(w, b, depth + 1);
}

static bool
is_wanted(const tn_value *v)
{
    return v->name || v->uses.count;
}

static void
put_scan(tn_scribe *w, const tn_op *op, int depth, bool *first)
{
    const tn_block *body = op->body[0];
    int carries = (int)tn_op_int(op, TN_ATTR_scan_carries), overs = op->in_count - carries;
    put_tuples(w, "over", body->params.at + carries, op->in + carries, NULL, overs, first);
    if (is_wanted(body->params.at[op->in_count])) {
        tn_write_key(w, "index", false);
        tn_text_json(w->out, tn_write_name_of(w, body->params.at[op->in_count]));
    }
    put_body(w, "body", body, depth, first);
    put_tuples(w, "carry", body->params.at, op->in, body->results.at, carries, first);
    put_names(w, "collect", body->results.at + carries, (int)body->results.count - carries, first);
}

static void
put_control(tn_scribe *w, const tn_op *op, int depth, bool *first)
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
        w->name[op->body[0]->params.at[i]->id] = tn_write_name_of(w, op->body[1]->params.at[i]);
    put_body(w, "cond", op->body[0], depth, first);
    tn_write_key(w, "test", false);
    tn_text_json(w->out, tn_write_name_of(w, op->body[0]->results.at[0]));
    put_body(w, "body", op->body[1], depth, first);
    put_tuples(w, "carry", op->body[1]->params.at, op->in, op->body[1]->results.at, op->in_count,
        first);
}

/* Where an importer found the op, and the nodes that it replaced. */
static void
put_origin(tn_scribe *w, const tn_op *op, bool *first)
{
    if (w->meaning)
        return;
    if (op->from) {
        tn_write_key(w, "from", *first);
        tn_text_json(w->out, op->from);
        *first = false;
    }
    for (uint32_t i = 0; i < op->was.count; i++) {
        if (i == 0)
            tn_write_key(w, "was", *first);
        tn_text_add(w->out, i ? ", " : "[");
        tn_text_json(w->out, op->was.at[i]);
        tn_text_add(w->out, i + 1 == op->was.count ? "]" : "");
        *first = false;
    }
}

static void
put_attrs(tn_scribe *w, const tn_op *op, int depth)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    bool loop = (info->flags & TN_FLAG_CONTROL) != 0, first = true, gap = false;
    tn_text_add(w->out, ", {");
    for (int i = 0; i < op->in_count && i < info->in_count && !loop; i++) {
        gap |= !op->in[i];
        if (!gap || !op->in[i])
            continue;
        tn_write_key(w, info->in[i].name, first);
        first = false;
        if (is_bare(op, i))
            tn_write_number(w->out, w->g->sizes, &op->in[i]->number);
        else
            tn_text_json(w->out, tn_write_name_of(w, op->in[i]));
    }
    for (int i = 0; i < info->attr_count; i++) {
        if (!op->attr[i].given || strcmp(info->attr[i].name, "carries") == 0)
            continue;
        tn_write_key(w, info->attr[i].name, first);
        first = false;
        put_attr(w, op, &op->attr[i]);
    }
    put_origin(w, op, &first);
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
put_op(tn_scribe *w, const tn_op *op, int depth, bool *first)
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
        tn_text_json(w->out, is_wanted(op->out[i]) ? tn_write_name_of(w, op->out[i]) : "_");
    }
    tn_text_add(w->out, op->out_count != 1 ? "], \"%s\"" : ", \"%s\"", info->name);
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;
    for (int i = 0; i < op->in_count && (variadic || i < info->in_count) && !loop; i++) {
        if (!op->in[i])
            break;
        tn_text_add(w->out, ", ");
        if (is_bare(op, i))
            tn_write_number(w->out, w->g->sizes, &op->in[i]->number);
        else
            tn_text_json(w->out, tn_write_name_of(w, op->in[i]));
    }
    put_attrs(w, op, depth);
    tn_text_add(w->out, "]");
}

void
tn_write_block(tn_scribe *w, const tn_block *b, int depth)
{
    bool first = true;
    tn_text_add(w->out, "[");
    for (const tn_op *op = b->first; op; op = op->next)
        put_op(w, op, depth, &first);
    for (uint32_t i = 0; i < b->results.count; i++)
        name_literal(w, b->results.at[i], depth, &first);
    tn_text_add(w->out, "]");
}
