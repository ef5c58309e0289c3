/* SPDX-License-Identifier: Apache-2.0
 * The text form of an entry, as gparse.c reads it. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ir/graph/gtext.h"

typedef struct printer {
    tn_text *out;
    const tn_graph *g;
    const char **name; /* by value id, once defined */
    tn_map used;       /* names given */
    int anonymous;
    int depth;
} printer;

bool
tn_graph_bare_name(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_.'#/[]-", *c))
            return false;
    }
    return true;
}

static void
put_name(tn_text *out, const char *name)
{
    if (tn_graph_bare_name(name)) {
        tn_text_add(out, "%s", name);
        return;
    }
    tn_text_add(out, "`");
    for (const char *c = name; *c; c++)
        tn_text_add(out, *c == '`' ? "``" : "%c", *c);
    tn_text_add(out, "`");
}

/* The value's own name if it has one that no other value took, else %N. */
static void
define(printer *p, const tn_value *v)
{
    tn_arena *arena = p->g->module->arena;
    tn_text t = {.arena = arena};

    if (v->name && v->name[0] && !tn_map_get(&p->used, v->name)) {
        tn_map_put(&p->used, v->name, p);
        put_name(&t, v->name);
    } else {
        tn_text_add(&t, "%%%d", p->anonymous++);
    }
    p->name[v->id] = t.at;
}

/* Always with a point, an exponent or a word: 3 would be exact. */
static void
put_real(tn_text *out, double value)
{
    size_t before = out->length;

    tn_text_double(out, value);
    if (!strpbrk(out->at + before, ".ein"))
        tn_text_add(out, ".0");
}

static void
put_number(tn_text *out, const tn_number *n)
{
    switch (n->kind) {
    case TN_NUMBER_RATIONAL:
        /* A decimal of many digits says no more as a fraction. */
        if (n->den > 1000000000) {
            put_real(out, n->real);
            return;
        }
        tn_text_add(out, "%" PRId64, n->num);
        if (n->den != 1)
            tn_text_add(out, "/%" PRId64, n->den);
        return;
    case TN_NUMBER_REAL: put_real(out, n->real); return;
    case TN_NUMBER_BOOL: tn_text_add(out, n->num ? "true" : "false"); return;
    case TN_NUMBER_SYMBOLIC:
        tn_text_add(out, "<");
        for (uint32_t i = 0; i < n->code.bytes; i++)
            tn_text_add(out, "%02x", n->code.code[i]);
        tn_text_add(out, ">");
        return;
    }
}

static void
put_sizes(printer *p, const tn_attr *a)
{
    tn_text_add(p->out, "[");
    for (int i = 0; i < a->count; i++) {
        if (i)
            tn_text_add(p->out, ",");
        tn_size_print(p->out, p->g->sizes, a->sizes[i]);
    }
    tn_text_add(p->out, "]");
}

static void
put_ints(printer *p, const tn_attr *a)
{
    tn_text_add(p->out, "[");
    for (int i = 0; i < a->count; i++)
        tn_text_add(p->out, "%s%" PRId64, i ? "," : "", a->ints[i]);
    tn_text_add(p->out, "]");
}

static void
put_numbers(printer *p, const tn_attr *a)
{
    tn_text_add(p->out, "[");
    for (int i = 0; i < a->count; i++) {
        if (i)
            tn_text_add(p->out, ",");
        put_number(p->out, &a->numbers[i]);
    }
    tn_text_add(p->out, "]");
}

static void
put_result(printer *p, const tn_value *v)
{
    if (v->kind == TN_VALUE_LITERAL) {
        put_number(p->out, &v->number);
        tn_text_add(p->out, ":%s", tn_dtype_name(v->type.dtype));
    } else {
        tn_text_add(p->out, "%s", p->name[v->id] ? p->name[v->id] : "?");
    }
}

static void
put_place(printer *p, const tn_value *v)
{
    tn_text_add(p->out, "@");
    put_result(p, v);
}

static void
put_attr(printer *p, const tn_op *op, const tn_attr *a)
{
    switch (a->kind) {
    case TN_KIND_INT: tn_text_add(p->out, "%" PRId64, a->ints[0]); break;
    case TN_KIND_INTS:
    case TN_KIND_PADS: put_ints(p, a); break;
    case TN_KIND_BOOL: tn_text_add(p->out, a->ints[0] ? "true" : "false"); break;
    case TN_KIND_DTYPE: tn_text_add(p->out, "%s", tn_dtype_name(a->dtype)); break;
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: tn_text_json(p->out, a->text); break;
    case TN_KIND_REAL:
    case TN_KIND_NUMBER: put_number(p->out, &a->numbers[0]); break;
    case TN_KIND_NUMBERS: put_numbers(p, a); break;
    case TN_KIND_SIZE: tn_size_print(p->out, p->g->sizes, a->sizes[0]); break;
    case TN_KIND_SIZES:
    case TN_KIND_SHAPE: put_sizes(p, a); break;
    case TN_KIND_TYPE: tn_type_print(p->out, p->g->sizes, &a->type); break;
    case TN_KIND_PLACE:
        if (a->operand < 0)
            tn_size_print(p->out, p->g->sizes, a->sizes[0]);
        else
            put_place(p, op->in[a->operand]);
        break;
    }
}

static void
put_attrs(printer *p, const tn_op *op)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    bool open = false;

    for (int i = 0; i < info->attr_count; i++) {
        if (!op->attr[i].given)
            continue;
        tn_text_add(p->out, "%s%s=", open ? ", " : " {", info->attr[i].name);
        put_attr(p, op, &op->attr[i]);
        open = true;
    }
    if (open)
        tn_text_add(p->out, "}");
}

static void
put_operand(printer *p, const tn_op *op, int index)
{
    const tn_value *v = op->in[index];

    if (!v) {
        tn_text_add(p->out, "_");
    } else if (v->kind == TN_VALUE_LITERAL) {
        put_number(p->out, &v->number);
        if (tn_op_literal_dtype(op, index) != v->type.dtype)
            tn_text_add(p->out, ":%s", tn_dtype_name(v->type.dtype));
    } else {
        tn_text_add(p->out, "%s", p->name[v->id] ? p->name[v->id] : "?");
    }
}

/* Operands of the row; absent ones at the end are left out. */
static void
put_operands(printer *p, const tn_op *op)
{
    int count = op->in_count;

    if (!(tn_op_info_of(op->code)->flags & TN_FLAG_VARIADIC))
        count = tn_op_info_of(op->code)->in_count;
    while (count > 0 && !op->in[count - 1])
        count--;
    for (int i = 0; i < count; i++) {
        tn_text_add(p->out, i ? ", " : " ");
        put_operand(p, op, i);
    }
}

static void put_block(printer *p, const tn_block *b);

static void
put_bodies(printer *p, const tn_op *op)
{
    for (int i = 0; i < op->body_count; i++) {
        const tn_block *b = op->body[i];

        tn_text_add(p->out, i ? " (" : " do (");
        for (uint32_t k = 0; k < b->params.count; k++) {
            define(p, b->params.at[k]);
            tn_text_add(p->out, "%s%s", k ? ", " : "", p->name[b->params.at[k]->id]);
        }
        tn_text_add(p->out, ")\n");
        put_block(p, b);
        tn_text_indent(p->out, p->depth);
        tn_text_add(p->out, "end");
    }
}

static void
put_op(printer *p, const tn_op *op)
{
    tn_text_indent(p->out, p->depth);
    for (int i = 0; i < op->out_count; i++)
        define(p, op->out[i]);
    for (int i = 0; i < op->out_count; i++) {
        tn_text_add(p->out, "%s%s: ", i ? ", " : "", p->name[op->out[i]->id]);
        tn_type_print(p->out, p->g->sizes, &op->out[i]->type);
    }
    tn_text_add(p->out, "%s%s", op->out_count ? " = " : "= ", tn_op_info_of(op->code)->name);
    put_operands(p, op);
    put_attrs(p, op);
    put_bodies(p, op);
    tn_text_add(p->out, "\n");
}

static void
put_block(printer *p, const tn_block *b)
{
    p->depth++;
    for (const tn_op *op = b->first; op; op = op->next)
        put_op(p, op);
    if (b->owner) {
        tn_text_indent(p->out, p->depth);
        tn_text_add(p->out, "yield");
        for (uint32_t i = 0; i < b->results.count; i++) {
            tn_text_add(p->out, i ? ", " : " ");
            put_result(p, b->results.at[i]);
        }
        tn_text_add(p->out, "\n");
    }
    p->depth--;
}

static void
put_symbols(printer *p)
{
    for (int i = 0; i < tn_sizes_count(p->g->sizes); i++) {
        const tn_symbol *s = tn_sizes_symbol(p->g->sizes, i);

        tn_text_add(p->out, "    %s ", s->scalar ? "scalar" : "dim");
        put_name(p->out, s->name);
        tn_text_add(p->out, " %" PRId64 "..", s->low);
        if (s->high != INT64_MAX)
            tn_text_add(p->out, "%" PRId64, s->high);
        if (s->multiple > 1)
            tn_text_add(p->out, " multiple %" PRId64, s->multiple);
        if (s->sample)
            tn_text_add(p->out, " sample %" PRId64, s->sample);
        if (s->pinned)
            tn_text_add(p->out, " pinned %" PRId64, s->pinned_value);
        tn_text_add(p->out, "\n");
    }
}

static void
put_facts(printer *p)
{
    static const char *const ops[] = {"==", "!=", "<", "<="};

    for (uint32_t i = 0; i < p->g->facts.count; i++) {
        const tn_fact *f = &p->g->facts.at[i];

        tn_text_add(p->out, "    fact ");
        tn_size_print(p->out, p->g->sizes, f->left);
        tn_text_add(p->out, " %s ", ops[f->op]);
        tn_size_print(p->out, p->g->sizes, f->right);
        tn_text_add(p->out, " ");
        tn_text_json(p->out, f->what ? f->what : "");
        tn_text_add(p->out, "\n");
    }
}

static void
put_leaf(printer *p, const char *word, const tn_value *v)
{
    define(p, v);
    tn_text_add(p->out, "    %s %s: ", word, p->name[v->id]);
    tn_type_print(p->out, p->g->sizes, &v->type);
}

static void
put_leaves(printer *p)
{
    for (uint32_t i = 0; i < p->g->inputs.count; i++) {
        const tn_input *in = &p->g->inputs.at[i];

        put_leaf(p, "input", in->value);
        if (in->has_range) {
            tn_text_add(p->out, " in ");
            tn_size_print(p->out, p->g->sizes, in->low);
            tn_text_add(p->out, "..");
            if (!in->open_high)
                tn_size_print(p->out, p->g->sizes, in->high);
        }
        tn_text_add(p->out, "\n");
    }
    for (uint32_t i = 0; i < p->g->weight_values.count; i++) {
        put_leaf(p, "weight", p->g->weight_values.entries[i].value);
        tn_text_add(p->out, "\n");
    }
    for (uint32_t i = 0; i < p->g->state_values.count; i++) {
        put_leaf(p, "state", p->g->state_values.entries[i].value);
        tn_text_add(p->out, "\n");
    }
}

static void
put_results(printer *p)
{
    for (uint32_t i = 0; i < p->g->outputs.count; i++) {
        tn_text_add(p->out, "    output ");
        put_name(p->out, p->g->outputs.at[i].name);
        tn_text_add(p->out, " = ");
        put_result(p, p->g->block->results.at[i]);
        tn_text_add(p->out, "\n");
    }
    for (uint32_t i = 0; i < p->g->stores.count; i++) {
        tn_text_add(p->out, "    store ");
        put_name(p->out, p->g->stores.at[i]->name);
        tn_text_add(p->out, " = ");
        put_result(p, p->g->block->results.at[p->g->outputs.count + i]);
        tn_text_add(p->out, "\n");
    }
}

void
tn_graph_print(tn_text *out, const tn_graph *g)
{
    printer p = {.out = out, .g = g};

    p.used.arena = g->module->arena;
    p.name = tn_new_array(g->module->arena, const char *, g->value_count);
    tn_text_add(out, "graph ");
    put_name(out, g->name);
    tn_text_add(out, "\n");
    put_symbols(&p);
    put_facts(&p);
    put_leaves(&p);
    put_block(&p, g->block);
    put_results(&p);
}
