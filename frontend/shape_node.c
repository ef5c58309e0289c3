/* SPDX-License-Identifier: Apache-2.0
 * The form of nodes: short and long, their operands and attributes, the place
 * of each part in paths. */
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

/* Keys of every node. */
static const char *const node_keys[] = {"type", "doc", "from", "was"};

static tn_status
parse_short(tn_read *r, tn_json *at, tn_node *out)
{
    tn_json *results = at->first, *op = results ? results->next : NULL;
    if (!op)
        return tn_json_fail(r->doc, at, "a node is [result, operation, operands.., {attributes}]");
    TN_TRY(tn_json_want(r->doc, op, TN_JSON_STRING));
    out->results = results;
    out->op_at = op;
    out->op = op->text;
    out->first = op->next;
    for (tn_json *part = op->next; part; part = part->next) {
        if (part->kind == TN_JSON_OBJECT && !part->next)
            out->attrs = part;
        else if (part->kind == TN_JSON_OBJECT)
            return tn_json_fail(r->doc, part, "attributes stand last in a node");
        else
            out->operands++;
    }
    return TN_OK;
}

static tn_status
parse_long(tn_read *r, tn_json *at, tn_node *out)
{
    tn_json *op = tn_json_get(at, "op");
    TN_TRY(tn_shape_keys(r, at, "op in attrs out type from was"));
    if (!op)
        return tn_json_fail(r->doc, at, "a node as an object needs \"op\"");
    TN_TRY(tn_json_want(r->doc, op, TN_JSON_STRING));
    out->op_at = op;
    out->op = op->text;
    out->results = tn_json_get(at, "out");
    out->in = tn_json_get(at, "in");
    out->attrs = tn_json_get(at, "attrs");
    if (out->in)
        TN_TRY(tn_json_want(r->doc, out->in, TN_JSON_OBJECT));
    if (out->attrs)
        TN_TRY(tn_json_want(r->doc, out->attrs, TN_JSON_OBJECT));
    return TN_OK;
}

/* True for the rows whose attribute `type` is the node's annotation. */
static bool
has_type_attr(const char *op)
{
    tn_opcode code = tn_op_find(op);
    return code != TN_OP_COUNT && tn_op_find_attr(code, "type") >= 0;
}

tn_status
tn_node_parse(tn_read *r, tn_json *at, tn_node *out)
{
    *out = (tn_node){.at = at};
    if (at->kind == TN_JSON_LIST)
        TN_TRY(parse_short(r, at, out));
    else if (at->kind == TN_JSON_OBJECT)
        TN_TRY(parse_long(r, at, out));
    else
        return tn_json_fail(r->doc, at,
            "expected a node, [result, operation, ..], or a remark; found %s",
            tn_json_found(r->doc, at));
    const tn_json *keys = out->in || at->kind == TN_JSON_OBJECT ? at : out->attrs;
    out->type = tn_json_get(keys, "type");
    out->from = tn_json_get(keys, "from");
    out->was = tn_json_get(keys, "was");
    if (!out->type && has_type_attr(out->op))
        out->type = tn_json_get(out->attrs, "type");
    out->scope = tn_json_get(out->attrs, "scope");
    return TN_OK;
}

uint32_t
tn_node_results(const tn_node *node)
{
    if (!node->results)
        return 0;
    return node->results->kind == TN_JSON_LIST ? node->results->count : 1;
}

const tn_json *
tn_node_result(const tn_node *node, uint32_t index)
{
    return node->results->kind == TN_JSON_LIST ? tn_json_at(node->results, index) : node->results;
}

const char *
tn_node_title(const tn_node *node)
{
    for (uint32_t i = 0; i < tn_node_results(node); i++) {
        const tn_json *name = tn_node_result(node, i);
        if (strcmp(name->text, "_") != 0)
            return name->text;
    }
    return "_";
}

static tn_status
check_results(tn_read *r, const tn_node *node)
{
    tn_json *results = node->results;
    if (!results)
        return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1, ".out",
            "the name of the result is missing");
    if (results->kind != TN_JSON_STRING && results->kind != TN_JSON_LIST)
        return tn_json_fail(r->doc, results,
            "expected the name of the result or a list of names, "
            "found %s",
            tn_json_found(r->doc, results));
    tn_json_place(results, node->at, TN_JSON_NAMED, "out");
    for (uint32_t i = 0; i < tn_node_results(node); i++) {
        const tn_json *name = tn_node_result(node, i);
        TN_TRY(tn_json_want(r->doc, name, TN_JSON_STRING));
        TN_TRY(tn_shape_name(r, name, false, name->text));
    }
    return TN_OK;
}

/* Attributes that are lists and bodies stand directly under the node. */
static bool
stands_direct(const char *name)
{
    static const char *const direct[] = {"body", "then", "else", "cond", "carry", "over", "collect",
        "yield", "test", "index", "scope", "type", "doc", "from", "was"};
    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
        if (strcmp(direct[i], name) == 0)
            return true;
    return false;
}

static bool
is_node_key(const char *name)
{
    for (size_t i = 0; i < sizeof node_keys / sizeof *node_keys; i++)
        if (strcmp(node_keys[i], name) == 0)
            return true;
    return false;
}

static void
place_attrs(const tn_node *node, bool loop)
{
    for (tn_json *at = node->attrs ? node->attrs->first : NULL; at; at = at->next) {
        bool direct = is_node_key(at->key) || strcmp(at->key, "scope") == 0 ||
            (loop && stands_direct(at->key));
        tn_json_place(at, node->at, direct ? TN_JSON_NAMED : TN_JSON_ATTR, at->key);
    }
}

/* Positional operands get the roles of the row or function; a list of a
 * variadic row goes on with numbers. */
static void
place_operands(tn_read *r, const tn_node *node, const char *const *roles, int count, bool variadic)
{
    tn_json *at = node->first;
    for (uint32_t i = 0; i < node->operands; i++, at = at->next) {
        int last = count - 1, role = (int)i;
        if (variadic && role >= last)
            tn_json_place(at, node->at, TN_JSON_IN,
                tn_arena_printf(r->arena, "%s[%d]", roles[last], role - last));
        else if (role < count)
            tn_json_place(at, node->at, TN_JSON_IN, roles[role]);
    }
}

static tn_status
check_operand_kinds(tn_read *r, const tn_node *node)
{
    const tn_json *at = node->first;
    for (uint32_t i = 0; i < node->operands; i++, at = at->next)
        if (at->kind != TN_JSON_STRING && at->kind != TN_JSON_NUMBER && at->kind != TN_JSON_BOOL)
            return tn_json_fail(r->doc, at,
                "an operand is a name, a number, true, false or \"=..\", found %s",
                tn_json_found(r->doc, at));
    return TN_OK;
}

static const char *
attr_list(tn_read *r, const char *const *names, uint32_t count)
{
    tn_text out = {.arena = r->arena};
    for (uint32_t i = 0; i < count; i++)
        tn_text_add(&out, "%s%s", i ? ", " : "", names[i]);
    return count ? out.at : "no attributes";
}

/* Attributes of a row must be among `names`. */
static tn_status
check_attr_names(tn_read *r, const tn_node *node, const char *const *names, uint32_t count,
    uint32_t listed)
{
    for (const tn_json *at = node->attrs ? node->attrs->first : NULL; at; at = at->next) {
        bool known = is_node_key(at->key);
        for (uint32_t i = 0; i < count && !known; i++)
            known = strcmp(names[i], at->key) == 0;
        if (!known)
            tn_read_unknown(r, TN_UNSUPPORTED, at, true, "%s has no attribute \"%s\"; it has: %s",
                node->op, at->key, attr_list(r, names, listed));
    }
    return TN_OK;
}

static tn_status
check_in_names(tn_read *r, const tn_node *node, const char *const *names, int count)
{
    for (const tn_json *at = node->in ? node->in->first : NULL; at; at = at->next) {
        bool known = false;
        for (int i = 0; i < count && !known; i++)
            known = strcmp(names[i], at->key) == 0;
        if (!known)
            return tn_json_fail_key(r->doc, at, "%s has no operand \"%s\"; it has: %s", node->op,
                at->key, attr_list(r, names, (uint32_t)count));
    }
    return TN_OK;
}

static tn_status
check_row(tn_read *r, const tn_node *node, tn_opcode code)
{
    const tn_op_info *info = tn_op_info_of(code);
    uint32_t ins = (uint32_t)info->in_count, attrs = (uint32_t)info->attr_count;
    const char **names = tn_new_array(r->arena, const char *, ins + attrs + 1);
    for (uint32_t i = 0; i < attrs; i++)
        names[i] = info->attr[i].name;
    for (uint32_t i = 0; i < ins; i++)
        names[attrs + i] = info->in[i].name;
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;
    place_operands(r, node, names + attrs, (int)ins, variadic);
    place_attrs(node, false);
    TN_TRY(check_operand_kinds(r, node));
    TN_TRY(check_in_names(r, node, names + attrs, (int)ins));
    return check_attr_names(r, node, names, attrs + ins, attrs);
}

typedef struct control {
    const char *op;
    const char *attrs[9];
    const char *bodies[3];
    const char *operand; /* or NULL */
} control;

static const control controls[] = {
    {"repeat", {"count", "start", "index", "carry", "collect", "body"}, {"body"}, NULL},
    {"scan", {"over", "axis", "count", "index", "reverse", "carry", "collect", "body"}, {"body"},
        NULL},
    {"while", {"carry", "cond", "test", "body", "limit"}, {"cond", "body"}, NULL},
    {"if", {"then", "else", "yield"}, {"then", "else"}, "pred"},
};

/* A list whose elements are lists of `length` strings (the second of a carry
 * may be anything an operand is, to be refused with a reason later). */
static tn_status
check_tuples(tn_read *r, const tn_json *list, uint32_t length, const char *form)
{
    if (!list)
        return TN_OK;
    TN_TRY(tn_json_want(r->doc, list, TN_JSON_LIST));
    for (const tn_json *at = list->first; at; at = at->next) {
        if (at->kind != TN_JSON_LIST || at->count != length)
            return tn_json_fail(r->doc, at, "expected %s, found %s", form,
                tn_json_found(r->doc, at));
        TN_TRY(tn_json_want(r->doc, at->first, TN_JSON_STRING));
        for (const tn_json *part = at->first->next; part; part = part->next)
            if (part->kind != TN_JSON_STRING)
                return tn_json_fail(r->doc, part, "expected the name of a value, found %s",
                    tn_json_found(r->doc, part));
    }
    return TN_OK;
}

static tn_status
check_word_attr(tn_read *r, const tn_json *at)
{
    return at ? tn_json_want(r->doc, at, TN_JSON_STRING) : TN_OK;
}

static tn_status
check_control(tn_read *r, const tn_node *node, const control *c)
{
    uint32_t count = 0;
    while (count < 9 && c->attrs[count])
        count++;
    int operands = c->operand ? 1 : 0;
    place_operands(r, node, &c->operand, operands, false);
    place_attrs(node, true);
    TN_TRY(check_operand_kinds(r, node));
    TN_TRY(check_in_names(r, node, &c->operand, operands));
    const char *names[11];
    memcpy(names, c->attrs, count * sizeof *names);
    names[count] = c->operand;
    TN_TRY(check_attr_names(r, node, names, count + (uint32_t)operands, count));
    const tn_json *attrs = node->attrs;
    TN_TRY(check_tuples(r, tn_json_get(attrs, "carry"), 3,
        "[name inside, first value, next value]"));
    TN_TRY(check_tuples(r, tn_json_get(attrs, "over"), 2, "[name inside, tensor]"));
    TN_TRY(check_tuples(r, tn_json_get(attrs, "yield"), 2, "[value of then, value of else]"));
    TN_TRY(check_word_attr(r, tn_json_get(attrs, "index")));
    TN_TRY(check_word_attr(r, tn_json_get(attrs, "test")));
    const tn_json *collect = tn_json_get(attrs, "collect");
    if (collect)
        TN_TRY(tn_json_want(r->doc, collect, TN_JSON_LIST));
    for (const tn_json *at = collect ? collect->first : NULL; at; at = at->next)
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    for (int i = 0; i < 3 && c->bodies[i]; i++) {
        tn_json *body = tn_json_get(attrs, c->bodies[i]);
        if (!body)
            return tn_json_fail_at(r->doc, TN_MALFORMED, node->at, false, -1,
                tn_arena_printf(r->arena, ".%s", c->bodies[i]), "%s needs %s, a list of nodes",
                c->op, c->bodies[i]);
        TN_TRY(tn_shape_nodes(r, body));
    }
    return TN_OK;
}

static tn_status
check_call(tn_read *r, const tn_node *node)
{
    const tn_function *f = tn_map_get(&r->functions, node->op + 1);
    if (!f) {
        const char **names = tn_new_array(r->arena, const char *, r->functions.count + 1);
        for (uint32_t i = 0; i < r->functions.count; i++)
            names[i] = tn_arena_printf(r->arena, "@%s", r->functions.entries[i].key);
        return tn_json_fail(r->doc, node->op_at, "there is no function \"%s\"%s%s", node->op,
            tn_json_meant(r->arena, node->op, names, r->functions.count),
            tn_op_find(node->op + 1) != TN_OP_COUNT
                ? tn_arena_printf(r->arena, "; the operation is called \"%s\"", node->op + 1)
                : "");
    }
    const tn_json *inputs = tn_json_get(f->at, "inputs"), *params = tn_json_get(f->at, "params");
    uint32_t count = inputs ? inputs->count : 0;
    const char **roles = tn_new_array(r->arena, const char *, count + 1);
    count = 0;
    for (const tn_json *at = inputs ? inputs->first : NULL; at; at = at->next)
        roles[count++] = at->key;
    place_operands(r, node, roles, (int)count, false);
    place_attrs(node, false);
    TN_TRY(check_operand_kinds(r, node));
    TN_TRY(check_in_names(r, node, roles, (int)count));
    for (const tn_json *at = node->attrs ? node->attrs->first : NULL; at; at = at->next) {
        bool known = is_node_key(at->key) || strcmp(at->key, "scope") == 0 ||
            tn_json_get(inputs, at->key) || tn_json_get(params, at->key);
        if (!known)
            return tn_json_fail_key(r->doc, at, "%s has no param \"%s\"; it has: %s", node->op,
                at->key, tn_shape_list(r, params));
    }
    return TN_OK;
}

/* Functions a formula may call on values: element-wise rows that need no
 * attribute. */
static tn_status
check_formula_call(tn_read *r, const tn_place *place, const tn_expr_step *step)
{
    static const char *const plain[] = {"min", "max", "align", "pow", "ceil", "floor", "abs",
        "sqrt", "exp", "log", "sin", "cos", "tanh"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i], step->name) == 0)
            return TN_OK;
    tn_opcode code = tn_op_find(step->name);
    if (code == TN_OP_COUNT) {
        const char *names[TN_OP_COUNT];
        for (int i = 0; i < TN_OP_COUNT; i++)
            names[i] = tn_op_info_of((tn_opcode)i)->name;
        tn_read_unknown(r, TN_UNSUPPORTED, place->at, false, "there is no op \"%s\"%s", step->name,
            tn_json_meant(r->arena, step->name, names, TN_OP_COUNT));
        return TN_OK;
    }
    const tn_op_info *info = tn_op_info_of(code);
    bool fits = (info->flags & TN_FLAG_MAP) != 0;
    for (int i = 0; i < info->attr_count; i++)
        fits &= info->attr[i].fallback[0] != '!';
    if (!fits)
        return tn_place_fail(place, TN_MALFORMED, step->column,
            "%s is no function of formulas; write it as a node of its own", step->name);
    return TN_OK;
}

static tn_status
check_formula(tn_read *r, const tn_node *node)
{
    tn_place place = {r->doc, node->op_at, 1, NULL};
    tn_expr *e;
    tn_json_place(node->op_at, node->at, TN_JSON_HIDDEN, NULL);
    place_attrs(node, false);
    if (node->operands || node->in)
        return tn_json_fail(r->doc, node->operands ? node->first : node->in,
            "a formula has no operands besides those it names");
    for (const tn_json *at = node->attrs ? node->attrs->first : NULL; at; at = at->next)
        if (!is_node_key(at->key))
            tn_read_unknown(r, TN_MALFORMED, at, true,
                "a formula has no attribute \"%s\"; it has: type, doc, from, was", at->key);
    TN_TRY(tn_expr_parse(&place, node->op + 1, strlen(node->op + 1), &e));
    for (int i = 0; i < e->count; i++)
        if (e->steps[i].op == TN_X_CALL)
            TN_TRY(check_formula_call(r, &place, &e->steps[i]));
    return TN_OK;
}

static void
note_unknown_op(tn_read *r, const tn_node *node)
{
    const char *names[TN_OP_COUNT + 1];
    for (int i = 0; i < TN_OP_COUNT; i++)
        names[i] = tn_op_info_of((tn_opcode)i)->name;
    names[TN_OP_COUNT] = "repeat";
    bool function = tn_map_get(&r->functions, node->op) != NULL;
    const char *meant = function ? "" : tn_json_meant(r->arena, node->op, names, TN_OP_COUNT + 1);
    bool plugin = strchr(node->op, '.') != NULL;
    tn_read_unknown(r, TN_UNSUPPORTED, node->op_at, false, "there is no op \"%s\"%s%s", node->op,
        meant,
        plugin         ? "; no plugin that is loaded gives it"
            : function ? tn_arena_printf(r->arena, "; the function is called \"@%s\"", node->op)
                       : tn_arena_printf(r->arena, " (functions are called \"@%s\")", node->op));
}

/* `type`, `from`, `was` of a node. */
static tn_status
check_keys(tn_read *r, const tn_node *node)
{
    TN_TRY(check_word_attr(r, node->from));
    TN_TRY(check_word_attr(r, node->scope));
    if (node->was)
        TN_TRY(tn_json_want(r->doc, node->was, TN_JSON_LIST));
    for (const tn_json *at = node->was ? node->was->first : NULL; at; at = at->next)
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    if (node->type && node->type->kind == TN_JSON_LIST) {
        for (const tn_json *at = node->type->first; at; at = at->next)
            TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
        return TN_OK;
    }
    return check_word_attr(r, node->type);
}

static tn_status
check_node(tn_read *r, tn_json *at)
{
    tn_node node;
    TN_TRY(tn_node_parse(r, at, &node));
    TN_TRY(check_results(r, &node));
    TN_TRY(check_keys(r, &node));
    if (node.op[0] == '=')
        return check_formula(r, &node);
    tn_json_place(node.op_at, node.at, TN_JSON_NAMED, "op");
    if (node.op[0] == '@')
        return check_call(r, &node);
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        if (strcmp(controls[i].op, node.op) == 0)
            return check_control(r, &node, &controls[i]);
    tn_opcode code = tn_op_find(node.op);
    if (code != TN_OP_COUNT)
        return check_row(r, &node, code);
    note_unknown_op(r, &node);
    return TN_OK;
}

tn_status
tn_shape_nodes(tn_read *r, tn_json *list)
{
    TN_TRY(tn_json_want(r->doc, list, TN_JSON_LIST));
    for (tn_json *at = list->first; at; at = at->next)
        if (at->kind != TN_JSON_STRING) /* a remark */
            TN_TRY(check_node(r, at));
    return TN_OK;
}
