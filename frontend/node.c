/* SPDX-License-Identifier: Apache-2.0
 * Nodes of row ops: operands, literals, results; and which expansion a node
 * wants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"
#include "ir/ratio.h"

const char *
tn_value_path(const tn_scope *scope, const char *name)
{
    /* A file that tenon printed has paths for names. */
    if (scope->frame->r->document->stage)
        return name;
    return *scope->prefix ? tn_arena_printf(scope->frame->r->arena, "%s%s", scope->prefix, name)
                          : name;
}

/* ---- results ---- */

static tn_status
check_annotation(tn_scope *scope, const tn_node *node, tn_value *const *values, int count)
{
    tn_read *r = scope->frame->r;
    const tn_json *type = node->type;
    tn_opcode code = tn_op_find(node->op);
    /* For `constant` and the like it is the attribute itself. */
    if (!type || (code != TN_OP_COUNT && tn_op_find_attr(code, "type") >= 0))
        return TN_OK;
    if (type->kind == TN_JSON_STRING) {
        if (count != 1)
            return tn_json_fail(r->doc, type, "expected a list of %d types", count);
        return tn_type_check(scope, type, &values[0]->type, "the result");
    }
    if ((int)type->count != count)
        return tn_json_fail(r->doc, type, "expected a list of %d types, found %d", count,
            (int)type->count);
    const tn_json *at = type->first;
    for (int i = 0; i < count; i++, at = at->next)
        TN_TRY(tn_type_check(scope, at, &values[i]->type, "the result"));
    return TN_OK;
}

/* " (dn)": those there are, if more are named. */
static const char *
result_list(tn_read *r, const tn_node *node, int count)
{
    tn_text out = {.arena = r->arena};
    tn_text_put(&out, "", 0);
    for (int i = 0; i < count && count < (int)tn_node_results(node); i++)
        tn_text_add(&out, "%s%s", i ? ", " : " (", tn_node_result(node, (uint32_t)i)->text);
    if (out.length)
        tn_text_add(&out, ")");
    return out.at;
}

tn_status
tn_results_define(tn_scope *scope, const tn_node *node, tn_value *const *values, int count,
    const char *what)
{
    tn_read *r = scope->frame->r;
    int named = (int)tn_node_results(node);
    if (named != count)
        return tn_json_fail(r->doc, node->results, "%s gives %d result%s%s, %d %s named", what,
            count, count == 1 ? "" : "s", result_list(r, node, count), named,
            named == 1 ? "is" : "are");
    for (int i = 0; i < count; i++) {
        const tn_json *name = tn_node_result(node, (uint32_t)i);
        bool wanted = strcmp(name->text, "_") != 0;
        if (!wanted)
            continue;
        if (!values[i]->name && values[i]->kind == TN_VALUE_RESULT)
            values[i]->name = tn_value_path(scope, name->text);
        tn_bind bind = {
            .kind = TN_BIND_VALUE, .name = name->text, .what = "a value", .value = values[i]};
        TN_TRY(tn_scope_define(scope, name, false, &bind));
    }
    return check_annotation(scope, node, values, count);
}

/* ---- operands ---- */

tn_status
tn_operand_read(tn_scope *scope, tn_json *at, const tn_node *node, tn_operand *out)
{
    tn_read *r = scope->frame->r;
    *out = (tn_operand){.at = at};
    if (at->kind == TN_JSON_STRING && at->text[0] != '=')
        return tn_scope_named(scope, at, &out->value);
    if (at->kind == TN_JSON_STRING)
        return tn_formula_operand(scope, at, node, out);
    if (at->kind == TN_JSON_NUMBER || at->kind == TN_JSON_BOOL)
        return tn_eval_params(r, at, &out->known);
    return tn_json_fail(r->doc, at,
        "an operand is a name, a number, true, false or \"=..\", found %s",
        tn_json_found(r->doc, at));
}

static tn_status
place_one(tn_read *r, const char *what, tn_json *at, const char *name, tn_json **slot)
{
    if (*slot)
        return tn_json_fail_key(r->doc, at, "%s has the operand \"%s\" already, by position", what,
            name);
    *slot = at;
    return TN_OK;
}

/* Operands under their role: of the long form, or among the attributes. */
static tn_status
place_named(tn_read *r, const tn_node *node, const char *what, const char *const *names, int count,
    tn_json **out)
{
    tn_json *const sets[2] = {node->in, node->attrs};
    for (int s = 0; s < 2; s++)
        for (tn_json *at = sets[s] ? sets[s]->first : NULL; at; at = at->next)
            for (int i = 0; i < count; i++)
                if (strcmp(names[i], at->key) == 0)
                    TN_TRY(place_one(r, what, at, names[i], &out[i]));
    return TN_OK;
}

tn_status
tn_operands_place(tn_read *r, const tn_node *node, const char *what, const char *const *names,
    int count, bool variadic, tn_json **out, uint32_t *extra)
{
    tn_json *at = node->first;
    *extra = 0;
    for (uint32_t i = 0; i < node->operands; i++, at = at->next) {
        if ((int)i < count) {
            out[i] = at;
        } else if (variadic && count) {
            ++*extra;
        } else {
            return tn_json_fail(r->doc, at, "%s takes %s%d operand%s, found %u", what,
                count > 1 ? "at most " : "", count, count == 1 ? "" : "s",
                (unsigned)node->operands);
        }
    }
    return place_named(r, node, what, names, count, out);
}

/* ---- literals ---- */

/* What a computed number is once a file has said it: a graph that is printed
 * and read again has the same literals. */
static tn_number
as_written(tn_arena *arena, double real)
{
    tn_text text = {.arena = arena};
    tn_text_double(&text, real);
    tn_number back = tn_number_read(text.at);
    bool same = back.real == real && signbit(back.real) == signbit(real);
    return same ? back : tn_number_real(real);
}

tn_number
tn_number_as(tn_arena *arena, const tn_known *known, tn_dtype dtype)
{
    tn_number number = tn_known_number(arena, known);
    if (!tn_is_float(dtype))
        return number;
    if (number.kind == TN_NUMBER_REAL)
        number = as_written(arena, dtype == TN_F64 ? number.real : tn_round_to(dtype, number.real));
    if (dtype == TN_F64)
        return number;
    if (number.kind == TN_NUMBER_RATIONAL)
        number.real = tn_round_to(dtype, tn_ratio_odd((tn_ratio){number.num, number.den}));
    return number;
}

tn_value *
tn_literal(tn_read *r, tn_dtype dtype, const tn_known *known)
{
    return tn_graph_literal(r->graph, dtype, tn_number_as(r->arena, known, dtype));
}

/* ---- messages of shape rules, put where they belong in the file ---- */

/* ".carry[2]" below `object`. */
static const tn_json *
find_member(const tn_json *object, const char *name, size_t length, const char *rest)
{
    for (const tn_json *at = object ? object->first : NULL; at; at = at->next) {
        if (strlen(at->key) != length || memcmp(at->key, name, length) != 0)
            continue;
        const tn_json *element = NULL;
        if (*rest == '[')
            element = tn_json_at(at, (uint32_t)strtoul(rest + 1, NULL, 10));
        return element ? element : at;
    }
    return NULL;
}

const tn_json *
tn_node_find(const tn_node *node, const char *place, bool *key)
{
    const tn_json *found = NULL;
    *key = false;
    if (strncmp(place, ".in.", 4) == 0) {
        const tn_json *at = node->first;
        for (uint32_t i = 0; i < node->operands && !found; i++, at = at->next)
            if (at->key && strcmp(at->key, place + 4) == 0)
                found = at;
        size_t length = strcspn(place + 4, "[");
        if (!found)
            found = find_member(node->in, place + 4, length, place + 4 + length);
        if (!found)
            found = find_member(node->attrs, place + 4, length, "");
    } else if (strncmp(place, ".attrs.", 7) == 0) {
        found = find_member(node->attrs, place + 7, strlen(place + 7), "");
        if (!found && strcmp(place, ".attrs.type") == 0)
            found = node->type;
    } else if (strcmp(place, ".out") == 0) {
        found = node->results;
    } else if (*place == '.') {
        size_t length = strcspn(place + 1, "[");
        found = find_member(node->attrs, place + 1, length, place + 1 + length);
    }
    return found;
}

/* "nodes[3].attrs.axis: .." cut into place and text. */
static const char *
cut_place(tn_read *r, const char *message, const char *path, const char **place)
{
    size_t length = strlen(path);
    *place = "";
    if (strncmp(message, path, length) != 0)
        return message;
    const char *colon = strstr(message + length, ": ");
    if (!colon)
        return message;
    *place = tn_arena_copy(r->arena, message + length, (size_t)(colon - message) - length);
    return colon + 2;
}

static void *
no_memory(void *self, void *old, size_t old_bytes, size_t bytes)
{
    (void)self;
    (void)old;
    (void)old_bytes;
    (void)bytes;
    return NULL;
}

/* Runs a step of the graph on the op and reports what it says at its place in
 * the file; the sink keeps its one message in its reserve and owns nothing. */
static tn_status
tell(tn_scope *scope, const tn_node *node, tn_op *op, const tn_place *place, int column,
    tn_status (*step)(tn_op *, tn_diag *))
{
    static const tn_alloc nothing = {NULL, no_memory};
    tn_read *r = scope->frame->r;
    tn_diag diag;
    const char *spot;
    bool key;
    tn_diag_init(&diag, &nothing);
    tn_status status = step(op, &diag);
    if (status == TN_OK)
        return TN_OK;
    const char *message = tn_diag_text(&diag, 0);
    message =
        cut_place(r, tn_arena_printf(r->arena, "%s", message ? message : ""), op->path, &spot);
    if (place)
        return tn_place_fail(place, status, column, "%s", message);
    const tn_json *at = tn_node_find(node, spot, &key);
    if (at)
        return tn_json_fail_at(r->doc, status, at, key, -1, NULL, "%s", message);
    return tn_json_fail_at(r->doc, status, node->at, false, -1, spot, "%s", message);
}

tn_status
tn_op_bodies(tn_scope *scope, const tn_node *node, tn_op *op)
{
    return tell(scope, node, op, NULL, 0, tn_op_open_bodies);
}

/* A number that a function took as an input of a stated type has one, and
 * gives it to those beside it. */
static tn_dtype
literal_dtype(const tn_op *op, int index)
{
    tn_dtype dtype = tn_op_literal_dtype(op, index);
    for (int i = 0; i < op->in_count && dtype == TN_DTYPE_COUNT; i++) {
        const tn_in_info *info = tn_op_in_info(op->code, i);
        if (op->in[i] && info && !(info->classes & TN_CLASS_OWN))
            dtype = op->in[i]->type.dtype;
    }
    return dtype;
}

static tn_status
fit_literal(tn_scope *scope, const tn_node *node, tn_op *op, int index, const tn_operand *operand,
    const tn_place *place, int column)
{
    tn_read *r = scope->frame->r;
    tn_dtype dtype = literal_dtype(op, index);
    const char *shown = tn_known_text(r->arena, r->sizes, &operand->known);
    tn_number number = tn_known_number(r->arena, &operand->known);
    const char *why = NULL;
    tn_place own = {r->doc, operand->at ? operand->at : node->at, 0, NULL};
    bool truth = tn_known_is_truth(&operand->known);
    if (operand->known.kind == TN_KNOWN_DTYPE)
        why = "an element type is no operand";
    else if (dtype == TN_DTYPE_COUNT)
        why = tn_arena_printf(r->arena,
            "nothing beside %s gives it a type; make it a value with cast, constant or fill",
            shown);
    else if (truth != (dtype == TN_BOOL) && number.kind == TN_NUMBER_SYMBOLIC)
        why = tn_arena_printf(r->arena, "%s stands beside %s", shown, tn_dtype_name(dtype));
    else if (!tn_number_fits(&number, dtype, &why))
        why = tn_arena_printf(r->arena, "%s stands beside %s and %s", shown, tn_dtype_name(dtype),
            why);
    else
        why = NULL;
    if (why)
        return tn_place_fail(place ? place : &own, TN_MALFORMED, place ? column : -1, "%s", why);
    tn_op_set_in(op, index, tn_literal(r, dtype, &operand->known));
    return TN_OK;
}

tn_status
tn_op_finish(tn_scope *scope, const tn_node *node, tn_op *op, const tn_operand *operands, int count,
    const tn_place *place, int column)
{
    for (int i = 0; i < count; i++)
        if (!operands[i].value && (operands[i].at || place))
            TN_TRY(fit_literal(scope, node, op, i, &operands[i], place, column));
    return tell(scope, node, op, place, column, tn_op_infer);
}

/* ---- row ops ---- */

/* What stands for each operand of the row; a variadic list goes on. */
static tn_status
gather_operands(tn_scope *scope, const tn_node *node, const tn_op_info *info, tn_operand **operands,
    int *count)
{
    tn_read *r = scope->frame->r;
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;
    int row = info->in_count;
    uint32_t extra;
    const char **names = tn_new_array(r->arena, const char *, row + 1);
    tn_json **slots = tn_new_array(r->arena, tn_json *, row + 1);
    for (int i = 0; i < row; i++)
        names[i] = info->in[i].name;
    TN_TRY(tn_operands_place(r, node, info->name, names, row, variadic, slots, &extra));
    const tn_json *list = variadic ? slots[row - 1] : NULL;
    bool listed = list && list->kind == TN_JSON_LIST;
    *count = row + (int)extra + (listed && list->count ? (int)list->count - 1 : 0);
    *operands = tn_new_array(r->arena, tn_operand, *count + 1);
    for (int i = 0; i < row; i++) {
        if (!slots[i] || (listed && i == row - 1))
            continue;
        TN_TRY(tn_operand_read(scope, slots[i], node, &(*operands)[i]));
    }
    tn_json *at = listed ? list->first : node->first;
    for (int i = listed ? row - 1 : 0; at && i < *count; at = at->next, i++)
        if (listed || (i >= row && (uint32_t)i < node->operands))
            TN_TRY(tn_operand_read(scope, at, node, &(*operands)[i]));
    return TN_OK;
}

/* Missing operands are reported here, where the file is known. */
static tn_status
check_present(tn_read *r, const tn_node *node, const tn_op_info *info, const tn_operand *operands)
{
    for (int i = 0; i < info->in_count; i++)
        if (!operands[i].at && !info->in[i].optional)
            return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1,
                tn_arena_printf(r->arena, ".in.%s", info->in[i].name), "%s needs %s", info->name,
                info->in[i].name);
    return TN_OK;
}

static tn_op *
create_op(tn_scope *scope, const tn_node *node, tn_opcode code, const tn_operand *operands,
    int count)
{
    tn_read *r = scope->frame->r;
    tn_value **in = tn_new_array(r->arena, tn_value *, count + 1);
    for (int i = 0; i < count; i++)
        in[i] = operands[i].value;
    tn_op *op = tn_op_create(scope->block, NULL, code, in, count);
    op->path = tn_json_path(r->doc, node->at);
    op->from = node->from ? node->from->text : NULL;
    for (const tn_json *at = node->was ? node->was->first : NULL; at; at = at->next)
        tn_push(r->arena, &op->was, at->text);
    return op;
}

tn_op *
tn_op_start(tn_scope *scope, const tn_node *node, tn_opcode code, const tn_operand *operands,
    int count)
{
    return create_op(scope, node, code, operands, count);
}

tn_status
tn_expand_op(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    tn_opcode code = tn_op_find(node->op);
    const tn_op_info *info = tn_op_info_of(code);
    tn_operand *operands;
    int count;
    TN_TRY(gather_operands(scope, node, info, &operands, &count));
    TN_TRY(check_present(r, node, info, operands));
    tn_op *op = create_op(scope, node, code, operands, count);
    TN_TRY(tn_attrs_read(scope, node, op));
    TN_TRY(tn_op_finish(scope, node, op, operands, count, NULL, 0));
    return tn_results_define(scope, node, op->out, op->out_count, info->name);
}

static tn_status
expand_node(tn_scope *scope, tn_json *at)
{
    tn_node node;
    tn_read *r = scope->frame->r;
    TN_TRY(tn_read_count(r, at));
    TN_TRY(tn_node_parse(r, at, &node));
    r->steps = 0;
    if (node.op[0] == '=')
        return tn_expand_formula(scope, &node);
    if (node.op[0] == '@')
        return tn_expand_call(scope, &node);
    if (strcmp(node.op, "repeat") == 0)
        return tn_expand_repeat(scope, &node);
    switch (tn_op_find(node.op)) {
    case TN_OP_scan: return tn_expand_scan(scope, &node);
    case TN_OP_while: return tn_expand_while(scope, &node);
    case TN_OP_if: return tn_expand_if(scope, &node);
    default: return tn_expand_op(scope, &node);
    }
}

tn_status
tn_expand_nodes(tn_scope *scope, tn_json *list)
{
    tn_read *r = scope->frame->r;
    if (++r->depth > TN_READ_MAX_DEPTH)
        return tn_json_fail_at(r->doc, TN_LIMIT, list, false, -1, NULL,
            "calls and bodies nest deeper than %d levels", TN_READ_MAX_DEPTH);
    for (tn_json *at = list ? list->first : NULL; at; at = at->next)
        if (at->kind != TN_JSON_STRING)
            TN_TRY(expand_node(scope, at));
    r->depth--;
    return TN_OK;
}
