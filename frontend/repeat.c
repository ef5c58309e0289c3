/* SPDX-License-Identifier: Apache-2.0
 * `repeat` and `if` on what is known: bodies put in as they are. */
#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"

typedef struct repeat {
    tn_scope *scope;
    const tn_node *node;
    const tn_json *carry, *collect, *index;
    tn_json *body;
    int64_t start, count;
    int carries, collects;
    tn_value **carried;   /* now */
    tn_value **collected; /* count rows of `collects` */
} repeat;

static tn_status
named_first(tn_scope *scope, const tn_json *at, tn_value **out)
{
    if (at->text[0] == '=')
        return tn_json_fail(scope->frame->r->doc, at,
            "a first value is the name of a value; make a number one with fill or constant");
    return tn_scope_named(scope, at, out);
}

tn_status
tn_carry_first(tn_scope *scope, const tn_json *carry, tn_value **out)
{
    int i = 0;
    for (const tn_json *at = carry ? carry->first : NULL; at; at = at->next)
        TN_TRY(named_first(scope, at->first->next, &out[i++]));
    return TN_OK;
}

tn_status
tn_carry_define(tn_scope *body, const tn_json *carry, tn_value *const *values)
{
    int i = 0;
    for (const tn_json *at = carry ? carry->first : NULL; at; at = at->next, i++) {
        tn_bind bind = {.kind = TN_BIND_VALUE,
            .name = at->first->text,
            .what = "a carried value",
            .value = values[i]};
        TN_TRY(tn_shape_name(body->frame->r, at->first, false, at->first->text));
        TN_TRY(tn_scope_define(body, at->first, false, &bind));
    }
    return TN_OK;
}

/* The next values of a round that ends: all are taken at once. */
static tn_status
take_next(repeat *p, tn_scope *body)
{
    tn_read *r = body->frame->r;
    tn_value **next = tn_new_array(r->arena, tn_value *, p->carries + 1);
    int i = 0;
    for (const tn_json *at = p->carry ? p->carry->first : NULL; at; at = at->next, i++) {
        TN_TRY(tn_scope_named(body, at->first->next->next, &next[i]));
        if (!tn_type_equal(&next[i]->type, &p->carried[i]->type))
            return tn_json_fail(r->doc, at,
                "the first value is %s, the next %s; carried types do not change",
                tn_read_type_text(r, &p->carried[i]->type), tn_read_type_text(r, &next[i]->type));
    }
    memcpy(p->carried, next, (size_t)p->carries * sizeof *next);
    return TN_OK;
}

static tn_status
collect(repeat *p, tn_scope *body, tn_value **row)
{
    int i = 0;
    for (const tn_json *at = p->collect ? p->collect->first : NULL; at; at = at->next, i++)
        TN_TRY(tn_scope_named(body, at, &row[i]));
    return TN_OK;
}

static tn_status
expand_round(repeat *p, int64_t round, tn_block *block, tn_value **row)
{
    tn_scope *scope = p->scope;
    tn_read *r = scope->frame->r;
    tn_step step = {.outer = r->step, .node = p->node->at, .round = round};
    const char *prefix = tn_arena_printf(r->arena, "%s%s[%" PRId64 "].", scope->prefix,
        tn_node_title(p->node), round);
    tn_scope *body = tn_scope_open(scope->frame, scope, block, prefix);
    TN_TRY(tn_read_count(r, p->node->at));
    if (p->index) {
        tn_bind bind = {.kind = TN_BIND_KNOWN,
            .name = p->index->text,
            .what = "the index of a repeat",
            .has_known = true,
            .known = tn_known_int(p->start + round)};
        TN_TRY(tn_shape_name(r, p->index, false, p->index->text));
        TN_TRY(tn_scope_define(body, p->index, false, &bind));
    }
    TN_TRY(tn_carry_define(body, p->carry, p->carried));
    r->step = &step;
    tn_status status = tn_expand_nodes(body, p->body);
    if (status == TN_OK)
        status = collect(p, body, row);
    if (status == TN_OK)
        status = take_next(p, body);
    r->step = step.outer;
    return status;
}

/* ---- stacks of collected values ---- */

static tn_status
stack_one(repeat *p, tn_value *value, const char *name, tn_value **out)
{
    tn_operand operand = {.value = value};
    tn_op *op = tn_op_start(p->scope, p->node, TN_OP_unsqueeze, &operand, 1);
    tn_op_set_ints(op, TN_ATTR_unsqueeze_axes, &(int64_t){0}, 1);
    TN_TRY(tn_op_finish(p->scope, p->node, op, &operand, 1, NULL, 0));
    op->out[0]->name = name;
    *out = op->out[0];
    return TN_OK;
}

static tn_status
stack_all(repeat *p, int which, const char *name, tn_value **out)
{
    tn_read *r = p->scope->frame->r;
    tn_operand *rows = tn_new_array(r->arena, tn_operand, p->count);
    for (int64_t i = 0; i < p->count; i++) {
        const char *step =
            p->count == 1 ? name : tn_arena_printf(r->arena, "%s#%" PRId64, name, i + 1);
        TN_TRY(tn_read_count(r, p->node->at));
        TN_TRY(stack_one(p, p->collected[i * p->collects + which], step, &rows[i].value));
    }
    *out = rows[0].value;
    if (p->count == 1)
        return TN_OK;
    tn_op *op = tn_op_start(p->scope, p->node, TN_OP_concat, rows, (int)p->count);
    tn_op_set_ints(op, TN_ATTR_concat_axis, &(int64_t){0}, 1);
    TN_TRY(tn_op_finish(p->scope, p->node, op, rows, (int)p->count, NULL, 0));
    op->out[0]->name = name;
    *out = op->out[0];
    return TN_OK;
}

/* No round: an empty stack of the type that a round would give. */
static tn_status
stack_none(repeat *p, const tn_type *type, const char *name, tn_value **out)
{
    tn_read *r = p->scope->frame->r;
    tn_type empty = {.dtype = type->dtype, .rank = type->rank + 1};
    if (empty.rank > TN_MAX_RANK)
        return tn_json_fail_at(r->doc, TN_LIMIT, p->node->at, false, -1, NULL, "more than %d axes",
            TN_MAX_RANK);
    empty.dim[0] = tn_size_int(r->sizes, 0);
    memcpy(empty.dim + 1, type->dim, (size_t)type->rank * sizeof *type->dim);
    tn_known zero = type->dtype == TN_BOOL ? tn_known_truth(false) : tn_known_int(0);
    tn_op *op = tn_op_start(p->scope, p->node, TN_OP_fill, NULL, 0);
    tn_op_set_type(op, TN_ATTR_fill_type, empty);
    tn_op_set_number(op, TN_ATTR_fill_value, zero.number);
    TN_TRY(tn_op_finish(p->scope, p->node, op, NULL, 0, NULL, 0));
    op->out[0]->name = name;
    *out = op->out[0];
    return TN_OK;
}

/* A round of which only the types remain: its weights and states are not
 * declared, its ops and facts taken out again. */
static tn_status
try_round(repeat *p, tn_type *types)
{
    tn_read *r = p->scope->frame->r;
    tn_block *block = tn_block_create(r->graph, NULL);
    tn_value **row = tn_new_array(r->arena, tn_value *, p->collects + 1);
    tn_value **kept = tn_new_array(r->arena, tn_value *, p->carries + 1);
    uint32_t facts = r->graph->facts.count;
    memcpy(kept, p->carried, (size_t)p->carries * sizeof *kept);
    r->dry++;
    TN_TRY(expand_round(p, 0, block, row));
    r->dry--;
    memcpy(p->carried, kept, (size_t)p->carries * sizeof *kept);
    for (int i = 0; i < p->collects; i++)
        types[i] = row[i]->type;
    while (block->last)
        tn_op_remove(block->last);
    r->graph->facts.count = facts;
    return TN_OK;
}

static tn_status
make_stacks(repeat *p, tn_value **out)
{
    tn_read *r = p->scope->frame->r;
    tn_type *types = tn_new_array(r->arena, tn_type, p->collects + 1);
    if (p->count == 0 && p->collects)
        TN_TRY(try_round(p, types));
    for (int i = 0; i < p->collects; i++) {
        uint32_t place = (uint32_t)(p->carries + i);
        const char *name =
            place < tn_node_results(p->node) ? tn_node_result(p->node, place)->text : "_";
        const char *path = tn_value_path(p->scope, name);
        if (p->count)
            TN_TRY(stack_all(p, i, path, &out[i]));
        else
            TN_TRY(stack_none(p, &types[i], path, &out[i]));
    }
    return TN_OK;
}

static tn_status
read_numbers(repeat *p)
{
    tn_read *r = p->scope->frame->r;
    const tn_json *attrs = p->node->attrs;
    const tn_json *count = tn_json_get(attrs, "count"), *start = tn_json_get(attrs, "start");
    if (!count)
        return tn_json_fail_at(r->doc, TN_MALFORMED, p->node->at, false, -1, ".attrs.count",
            "repeat needs count");
    TN_TRY(tn_scope_int(p->scope, count, &p->count));
    if (p->count < 0)
        return tn_json_fail(r->doc, count, "a count is not below 0, found %" PRId64, p->count);
    if (p->count > r->doc->limits.nodes)
        return tn_read_fail_nodes(r, count);
    return start ? tn_scope_int(p->scope, start, &p->start) : TN_OK;
}

tn_status
tn_expand_repeat(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    const tn_json *attrs = node->attrs;
    repeat p = {.scope = scope,
        .node = node,
        .carry = tn_json_get(attrs, "carry"),
        .collect = tn_json_get(attrs, "collect"),
        .index = tn_json_get(attrs, "index"),
        .body = tn_json_get(attrs, "body")};
    if (node->operands)
        return tn_json_fail(r->doc, node->first, "repeat has no operands; see carry");
    TN_TRY(read_numbers(&p));
    p.carries = p.carry ? (int)p.carry->count : 0;
    p.collects = p.collect ? (int)p.collect->count : 0;
    p.carried = tn_new_array(r->arena, tn_value *, p.carries + 1);
    TN_TRY(tn_carry_first(scope, p.carry, p.carried));
    TN_VEC(tn_value *) rows = {0};
    tn_value **row = tn_new_array(r->arena, tn_value *, p.collects + 1);
    for (int64_t i = 0; i < p.count; i++) {
        TN_TRY(expand_round(&p, i, scope->block, row));
        for (int k = 0; k < p.collects; k++)
            tn_push(r->arena, &rows, row[k]);
    }
    p.collected = rows.at;
    int count = p.carries + p.collects;
    tn_value **values = tn_new_array(r->arena, tn_value *, count + 1);
    memcpy(values, p.carried, (size_t)p.carries * sizeof *values);
    TN_TRY(make_stacks(&p, values + p.carries));
    return tn_results_define(scope, node, values, count, "repeat");
}

/* ---- if, one side chosen ---- */

static tn_status
expand_side(tn_scope *scope, const tn_node *node, bool truth, tn_block *block, const char *prefix,
    tn_value **values)
{
    tn_json *body = tn_json_get(node->attrs, truth ? "then" : "else");
    const tn_json *yield = tn_json_get(node->attrs, "yield");
    tn_scope *side = tn_scope_open(scope->frame, scope, block, prefix);
    int i = 0;
    side->loop |= block != scope->block;
    TN_TRY(tn_expand_nodes(side, body));
    for (const tn_json *at = yield ? yield->first : NULL; at; at = at->next)
        TN_TRY(tn_scope_named(side, truth ? at->first : at->first->next, &values[i++]));
    return TN_OK;
}

static tn_status
expand_both(tn_scope *scope, const tn_node *node, tn_operand *pred, int count)
{
    tn_read *r = scope->frame->r;
    tn_value **values = tn_new_array(r->arena, tn_value *, count + 1);
    if (!pred->value)
        pred->value = tn_literal(r, TN_BOOL, &pred->known);
    tn_op *op = tn_op_start(scope, node, TN_OP_if, pred, 1);
    TN_TRY(tn_op_bodies(scope, node, op));
    for (int side = 0; side < 2; side++) {
        const char *prefix = tn_arena_printf(r->arena, "%s%s.%s.", scope->prefix,
            tn_node_title(node), side ? "else" : "then");
        TN_TRY(expand_side(scope, node, side == 0, op->body[side], prefix, values));
        for (int i = 0; i < count; i++)
            tn_block_result(op->body[side], values[i]);
    }
    TN_TRY(tn_op_finish(scope, node, op, pred, 1, NULL, 0));
    return tn_results_define(scope, node, op->out, op->out_count, "if");
}

tn_status
tn_expand_if(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    const char *name = "pred";
    const tn_json *yield = tn_json_get(node->attrs, "yield");
    tn_json *at = NULL;
    tn_operand pred;
    uint32_t extra;
    int count = yield ? (int)yield->count : 0;
    TN_TRY(tn_operands_place(r, node, "if", &name, 1, false, &at, &extra));
    if (!at)
        return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1, ".in.pred",
            "if needs pred");
    TN_TRY(tn_operand_read(scope, at, node, &pred));
    if (!pred.value && (pred.known.kind == TN_KNOWN_DTYPE || !tn_known_is_truth(&pred.known)))
        return tn_json_fail(r->doc, at, "a predicate is true or false, found %s",
            tn_known_text(r->arena, r->sizes, &pred.known));
    if (pred.value || pred.known.number.kind == TN_NUMBER_SYMBOLIC)
        return expand_both(scope, node, &pred, count);
    tn_value **values = tn_new_array(r->arena, tn_value *, count + 1);
    const char *prefix = tn_arena_printf(r->arena, "%s%s.", scope->prefix, tn_node_title(node));
    TN_TRY(expand_side(scope, node, pred.known.number.num != 0, scope->block, prefix, values));
    return tn_results_define(scope, node, values, count, "if");
}
