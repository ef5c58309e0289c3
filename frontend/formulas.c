/* SPDX-License-Identifier: Apache-2.0
 * Formulas: the element-wise nodes they are short for. */
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

/* A formula being expanded: its ops in the order they were made. */
typedef struct formula {
    tn_scope *scope;
    const tn_node *node;
    TN_VEC(tn_op *) ops;
} formula;

static bool
find(void *self, const char *name, tn_known *out)
{
    const formula *f = self;
    const tn_bind *bind = tn_scope_find(f->scope, name);
    if (!bind)
        return false;
    if (bind->has_known) {
        *out = bind->known;
        return true;
    }
    /* Made into a value when an op wants it: a state may not be read here. */
    *out = (tn_known){.kind = TN_KNOWN_VALUE, .name = bind->name};
    return true;
}

static const char *
meant(void *self, const char *name)
{
    const formula *f = self;
    return tn_read_meant(f->scope->frame->r, f->scope, name);
}

/* The value that an operand of an op stands for. */
static tn_status
value_of(formula *f, const tn_place *place, const tn_known *known, tn_value **out)
{
    *out = known->value;
    if (*out)
        return TN_OK;
    return tn_scope_value(f->scope, place->at, tn_scope_find(f->scope, known->name), out);
}

static tn_status
wrong_count(const tn_place *place, int column, const tn_op_info *info, int count)
{
    int least = 0;
    for (int i = 0; i < info->in_count; i++)
        least += !info->in[i].optional;
    return tn_place_fail(place, TN_MALFORMED, column, "%s takes %d operand%s, found %d", info->name,
        least, least == 1 ? "" : "s", count);
}

static tn_status
apply(void *self, const tn_place *place, int column, const char *name, const tn_known *arg,
    int count, tn_known *out)
{
    formula *f = self;
    tn_read *r = f->scope->frame->r;
    tn_opcode code = tn_op_find(name);
    tn_operand *operands = tn_new_array(r->arena, tn_operand, count);
    if (code == TN_OP_COUNT)
        return tn_place_fail(place, TN_MALFORMED, column, "%s is no function of values", name);
    const tn_op_info *info = tn_op_info_of(code);
    TN_TRY(tn_read_count(r, place->at));
    for (int i = 0; i < count; i++) {
        operands[i].known = arg[i];
        if (arg[i].kind == TN_KNOWN_VALUE)
            TN_TRY(value_of(f, place, &arg[i], &operands[i].value));
    }
    for (int i = count; i < info->in_count; i++)
        if (!info->in[i].optional)
            return wrong_count(place, column, info, count);
    if (count > info->in_count)
        return wrong_count(place, column, info, count);
    tn_op *op = tn_op_start(f->scope, f->node, code, operands, count);
    TN_TRY(tn_op_finish(f->scope, f->node, op, operands, count, place, column));
    tn_push(r->arena, &f->ops, op);
    *out = (tn_known){.kind = TN_KNOWN_VALUE, .value = op->out[0], .name = name};
    return TN_OK;
}

static tn_status
evaluate(formula *f, const tn_place *place, const char *text, tn_known *out)
{
    tn_read *r = f->scope->frame->r;
    tn_scope_ops ops = {f, r->arena, r->sizes, find, meant, apply};
    tn_expr *e;
    TN_TRY(tn_expr_parse(place, text, strlen(text), &e));
    return tn_expr_eval(e, place, &ops, out);
}

/* kept#1, kept#2, ..: what stands between; `all` if the last one is no
 * result of the node either. */
static void
name_steps(formula *f, bool all)
{
    tn_read *r = f->scope->frame->r;
    uint32_t count = f->ops.count - (all ? 0 : 1);
    for (uint32_t i = 0; f->ops.count && i < count; i++)
        f->ops.at[i]->out[0]->name = tn_value_path(f->scope,
            tn_arena_printf(r->arena, "%s#%u", tn_node_title(f->node), (unsigned)++r->steps));
}

/* A number alone gets a type by annotation, and is a fill of it. */
static tn_status
fill_number(formula *f, const tn_place *place, const tn_known *known, tn_value **out)
{
    tn_read *r = f->scope->frame->r;
    const tn_node *node = f->node;
    tn_type type;
    if (!node->type || node->type->kind != TN_JSON_STRING)
        return tn_place_fail(place, TN_MALFORMED, 0,
            "a formula without values needs a type: {\"type\": \"f32[]\"}");
    if (known->kind == TN_KNOWN_DTYPE)
        return tn_place_fail(place, TN_MALFORMED, 0, "an element type is no number");
    TN_TRY(tn_type_read(f->scope, node->type, &type));
    tn_op *op = tn_op_start(f->scope, node, TN_OP_fill, NULL, 0);
    tn_op_set_type(op, TN_ATTR_fill_type, type);
    tn_op_set_number(op, TN_ATTR_fill_value, tn_number_as(r->arena, known, type.dtype));
    TN_TRY(tn_op_finish(f->scope, node, op, NULL, 0, place, 0));
    *out = op->out[0];
    return TN_OK;
}

tn_status
tn_expand_formula(tn_scope *scope, const tn_node *node)
{
    formula f = {.scope = scope, .node = node};
    tn_place place = {scope->frame->r->doc, node->op_at, 1, NULL};
    tn_known known;
    tn_value *value;
    TN_TRY(evaluate(&f, &place, node->op + 1, &known));
    name_steps(&f, false);
    if (known.kind == TN_KNOWN_VALUE)
        TN_TRY(value_of(&f, &place, &known, &value));
    else
        TN_TRY(fill_number(&f, &place, &known, &value));
    return tn_results_define(scope, node, &value, 1, "a formula");
}

tn_status
tn_formula_operand(tn_scope *scope, tn_json *at, const tn_node *node, tn_operand *out)
{
    formula f = {.scope = scope, .node = node};
    tn_place place = {scope->frame->r->doc, at, 1, NULL};
    TN_TRY(evaluate(&f, &place, at->text + 1, &out->known));
    if (out->known.kind != TN_KNOWN_VALUE)
        return TN_OK;
    name_steps(&f, true);
    return value_of(&f, &place, &out->known, &out->value);
}
