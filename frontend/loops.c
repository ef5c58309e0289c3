/* SPDX-License-Identifier: Apache-2.0
 * `scan` and `while`: loops that stay loops. */
#include <string.h>

#include "frontend/read.h"

static int
length_of(const tn_json *list)
{
    return list ? (int)list->count : 0;
}

static tn_status
no_operands(tn_scope *scope, const tn_node *node)
{
    if (node->operands == 0 && (!node->in || node->in->count == 0))
        return TN_OK;
    return tn_json_fail(scope->frame->r->doc, node->operands ? node->first : node->in,
        "%s has no operands; see carry%s", node->op,
        strcmp(node->op, "scan") == 0 ? " and over" : "");
}

/* A body, its scope open: names of carried values are its first params. */
static tn_status
open_body(tn_scope *scope, const tn_node *node, tn_block *block, const char *part,
    const tn_json *carry, tn_scope **out)
{
    tn_read *r = scope->frame->r;
    const char *prefix =
        tn_arena_printf(r->arena, "%s%s.%s", scope->prefix, tn_node_title(node), part);
    tn_scope *body = tn_scope_open(scope->frame, scope, block, prefix);
    int i = 0;
    body->loop = true;
    for (const tn_json *at = carry ? carry->first : NULL; at; at = at->next)
        block->params.at[i++]->name = tn_value_path(body, at->first->text);
    *out = body;
    return tn_carry_define(body, carry, block->params.at);
}

static tn_status
define_param(tn_scope *body, const tn_json *name, const char *what, tn_value *value)
{
    tn_bind bind = {.kind = TN_BIND_VALUE, .name = name->text, .what = what, .value = value};
    TN_TRY(tn_shape_name(body->frame->r, name, false, name->text));
    value->name = tn_value_path(body, name->text);
    return tn_scope_define(body, name, false, &bind);
}

/* The next value of each carried one is a result of the body. */
static tn_status
give_next(tn_scope *body, const tn_json *carry, tn_block *block)
{
    for (const tn_json *at = carry ? carry->first : NULL; at; at = at->next) {
        tn_value *next;
        TN_TRY(tn_scope_named(body, at->first->next->next, &next));
        tn_block_result(block, next);
    }
    return TN_OK;
}

/* ---- scan ---- */

typedef struct scan {
    const tn_json *carry, *over, *collect, *index;
    int carries, overs;
} scan;

static tn_status
scan_operands(tn_scope *scope, const scan *s, tn_operand *out)
{
    tn_read *r = scope->frame->r;
    tn_value **first = tn_new_array(r->arena, tn_value *, s->carries + 1);
    int i = 0;
    TN_TRY(tn_carry_first(scope, s->carry, first));
    for (; i < s->carries; i++)
        out[i].value = first[i];
    for (const tn_json *at = s->over ? s->over->first : NULL; at; at = at->next)
        TN_TRY(tn_scope_named(scope, at->first->next, &out[i++].value));
    return TN_OK;
}

static tn_status
scan_body(tn_scope *scope, const tn_node *node, const scan *s, tn_op *op)
{
    tn_block *block = op->body[0];
    tn_scope *body;
    int i = s->carries;
    TN_TRY(open_body(scope, node, block, "", s->carry, &body));
    for (const tn_json *at = s->over ? s->over->first : NULL; at; at = at->next)
        TN_TRY(define_param(body, at->first, "a slice", block->params.at[i++]));
    if (s->index)
        TN_TRY(define_param(body, s->index, "the index of a scan", block->params.at[i]));
    TN_TRY(tn_expand_nodes(body, tn_json_get(node->attrs, "body")));
    TN_TRY(give_next(body, s->carry, block));
    for (const tn_json *at = s->collect ? s->collect->first : NULL; at; at = at->next) {
        tn_value *value;
        TN_TRY(tn_scope_named(body, at, &value));
        tn_block_result(block, value);
    }
    return TN_OK;
}

tn_status
tn_expand_scan(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    scan s = {tn_json_get(node->attrs, "carry"), tn_json_get(node->attrs, "over"),
        tn_json_get(node->attrs, "collect"), tn_json_get(node->attrs, "index"), 0, 0};
    TN_TRY(no_operands(scope, node));
    s.carries = length_of(s.carry);
    s.overs = length_of(s.over);
    int count = s.carries + s.overs;
    tn_operand *operands = tn_new_array(r->arena, tn_operand, count + 1);
    TN_TRY(scan_operands(scope, &s, operands));
    tn_op *op = tn_op_start(scope, node, TN_OP_scan, operands, count);
    TN_TRY(tn_attrs_read(scope, node, op));
    tn_op_set_ints(op, TN_ATTR_scan_carries, &(int64_t){s.carries}, 1);
    TN_TRY(tn_op_bodies(scope, node, op));
    TN_TRY(scan_body(scope, node, &s, op));
    TN_TRY(tn_op_finish(scope, node, op, operands, count, NULL, 0));
    return tn_results_define(scope, node, op->out, op->out_count, "scan");
}

/* ---- while ---- */

/* In a file that tenon printed, one path stands for a carried value in both
 * bodies: that of the body. */
static void
name_condition(tn_read *r, const tn_node *node, tn_block *cond)
{
    const char *title = tn_node_title(node);
    size_t length = strlen(title);
    for (uint32_t i = 0; i < cond->params.count; i++) {
        tn_value *v = cond->params.at[i];
        if (v->name && strncmp(v->name, title, length) == 0 && v->name[length] == '.')
            v->name = tn_arena_printf(r->arena, "%s.cond%s", title, v->name + length);
    }
}

static tn_status
while_bodies(tn_scope *scope, const tn_node *node, const tn_json *carry, tn_op *op)
{
    tn_read *r = scope->frame->r;
    const tn_json *test = tn_json_get(node->attrs, "test");
    tn_scope *cond, *body;
    tn_value *go;
    if (!test)
        return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1, ".test",
            "while needs test, the name of a truth value in cond");
    TN_TRY(open_body(scope, node, op->body[0], "cond.", carry, &cond));
    if (r->document->stage)
        name_condition(r, node, op->body[0]);
    TN_TRY(tn_expand_nodes(cond, tn_json_get(node->attrs, "cond")));
    TN_TRY(tn_scope_named(cond, test, &go));
    tn_block_result(op->body[0], go);
    TN_TRY(open_body(scope, node, op->body[1], "", carry, &body));
    TN_TRY(tn_expand_nodes(body, tn_json_get(node->attrs, "body")));
    return give_next(body, carry, op->body[1]);
}

tn_status
tn_expand_while(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    const tn_json *carry = tn_json_get(node->attrs, "carry");
    int count = length_of(carry);
    tn_value **first = tn_new_array(r->arena, tn_value *, count + 1);
    tn_operand *operands = tn_new_array(r->arena, tn_operand, count + 1);
    TN_TRY(no_operands(scope, node));
    TN_TRY(tn_carry_first(scope, carry, first));
    for (int i = 0; i < count; i++)
        operands[i].value = first[i];
    tn_op *op = tn_op_start(scope, node, TN_OP_while, operands, count);
    TN_TRY(tn_attrs_read(scope, node, op));
    TN_TRY(tn_op_bodies(scope, node, op));
    TN_TRY(while_bodies(scope, node, carry, op));
    TN_TRY(tn_op_finish(scope, node, op, operands, count, NULL, 0));
    return tn_results_define(scope, node, op->out, op->out_count, "while");
}
