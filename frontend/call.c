/* SPDX-License-Identifier: Apache-2.0
 * Calls of functions: the body put in, with its own names. */
#include <string.h>

#include "frontend/read.h"

typedef struct call {
    tn_scope *scope; /* of the caller */
    const tn_node *node;
    tn_function *function;
    tn_frame *frame; /* of the callee */
    tn_operand *operands;
    tn_json **slots;
    const char **names; /* of the inputs */
    int count;
} call;

static const char *
join_scopes(tn_arena *arena, const char *outer, const char *inner)
{
    if (!*outer || !*inner)
        return *outer ? outer : inner;
    return tn_arena_printf(arena, "%s.%s", outer, inner);
}

/* What is wrong with operands stands in the caller: the context ends there. */
static tn_status TN_PRINTF(3, 4) refuse(call *c, int index, const char *format, ...)
{
    tn_read *r = c->frame->r;
    const tn_step *step = r->step;
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(r->arena, format, args);
    va_end(args);
    r->step = step->outer;
    tn_status status = tn_json_fail(r->doc, c->slots[index], "%s", message);
    r->step = step;
    return status;
}

/* ---- params ---- */

static tn_status
eval_outside(call *c, const tn_json *given, tn_known *out)
{
    tn_read *r = c->frame->r;
    const tn_step *step = r->step;
    r->step = step->outer;
    tn_status status = tn_scope_eval(c->scope, given, out);
    r->step = step;
    return status;
}

static tn_status
param_missing(call *c, const char *name)
{
    tn_read *r = c->frame->r;
    const tn_step *step = r->step;
    r->step = step->outer;
    tn_status status = tn_json_fail_at(r->doc, TN_MALFORMED, c->node->at, false, -1,
        tn_arena_printf(r->arena, ".attrs.%s", name), "@%s needs %s", c->function->name, name);
    r->step = step;
    return status;
}

static tn_status
bind_params(call *c)
{
    tn_read *r = c->frame->r;
    const tn_json *params = tn_json_get(c->function->at, "params");
    for (const tn_json *at = params ? params->first : NULL; at; at = at->next) {
        const tn_json *given = tn_json_get(c->node->attrs, at->key);
        tn_known known;
        if (!given && at->kind == TN_JSON_NULL)
            return param_missing(c, at->key);
        if (given)
            TN_TRY(eval_outside(c, given, &known));
        else
            TN_TRY(tn_eval_params(r, at, &known));
        tn_bind bind = {.kind = TN_BIND_KNOWN,
            .name = at->key,
            .what = "a param of the function",
            .has_known = true,
            .known = known};
        TN_TRY(tn_scope_define(c->frame->scope, at, true, &bind));
    }
    return TN_OK;
}

/* ---- operands ---- */

static tn_status
read_operands(call *c)
{
    tn_read *r = c->frame->r;
    const tn_json *inputs = tn_json_get(c->function->at, "inputs");
    uint32_t extra;
    const char *what = tn_arena_printf(r->arena, "@%s", c->function->name);
    c->count = inputs ? (int)inputs->count : 0;
    c->names = tn_new_array(r->arena, const char *, c->count + 1);
    c->slots = tn_new_array(r->arena, tn_json *, c->count + 1);
    c->operands = tn_new_array(r->arena, tn_operand, c->count + 1);
    const tn_json *at = inputs ? inputs->first : NULL;
    for (int i = 0; at; at = at->next)
        c->names[i++] = at->key;
    TN_TRY(tn_operands_place(r, c->node, what, c->names, c->count, false, c->slots, &extra));
    for (int i = 0; i < c->count; i++) {
        if (!c->slots[i])
            return tn_json_fail_at(r->doc, TN_MALFORMED, c->node->at, false, -1,
                tn_arena_printf(r->arena, ".in.%s", c->names[i]), "%s needs %s", what, c->names[i]);
        TN_TRY(tn_operand_read(c->scope, c->slots[i], c->node, &c->operands[i]));
    }
    return TN_OK;
}

static bool
is_identifier(const char *text)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    length += strspn(text + length, "'");
    return *text && strchr(letters, *text) && text[length] == '\0';
}

/* What `given` is, beside what the function wants; and which input bound the
 * variables that do not fit. */
static tn_status
refuse_operand(call *c, int index, const tn_json *input, const tn_type *given,
    const tn_type_text *wanted)
{
    tn_read *r = c->frame->r;
    tn_text out = {.arena = r->arena};
    tn_text_put(&out, "", 0);
    int shift = given->rank - wanted->rank;
    for (int i = 0; i < wanted->rank && shift >= 0; i++) {
        const tn_bind *bind = tn_map_get(&c->frame->scope->names, wanted->dim[i].text);
        if (!bind || !bind->from)
            continue;
        tn_size size = tn_known_as_size(r->sizes, &bind->known);
        if (size && !tn_size_equal(size, given->dim[shift + i]) &&
            strcmp(bind->from, input->key) != 0)
            tn_text_add(&out, "; %s made %s = %s", bind->from, bind->name,
                tn_known_text(r->arena, r->sizes, &bind->known));
    }
    return refuse(c, index, "@%s wants %s, found %s%s", c->function->name,
        tn_declared_type(input)->text, tn_read_type_text(r, given), out.at);
}

/* Axes that are a bare identifier nobody knows yet become variables. */
static tn_status
bind_axes(call *c, int index, const tn_json *input)
{
    tn_read *r = c->frame->r;
    tn_frame *frame = c->frame;
    tn_type_text text;
    const tn_json *type_at = tn_declared_type(input);
    const tn_value *value = c->operands[index].value;
    TN_TRY(tn_type_split(r, type_at, type_at->text, 0, &text));
    if (!value)
        return TN_OK;
    const tn_type *given = &value->type;
    int shift = given->rank - text.rank;
    if (shift < 0 || (shift > 0 && !text.dots))
        return refuse_operand(c, index, input, given, &text);
    if (text.dots && !frame->has_dots) {
        frame->has_dots = true;
        frame->dots = shift;
        for (int i = 0; i < shift; i++)
            frame->dot[i] = given->dim[i];
    }
    for (int i = 0; i < text.rank; i++) {
        const char *name = text.dim[i].text;
        if (!is_identifier(name) || tn_scope_find(frame->scope, name))
            continue;
        tn_bind bind = {.kind = TN_BIND_KNOWN,
            .name = name,
            .what = "a size of an input",
            .from = input->key,
            .has_known = true,
            .known = tn_known_size(given->dim[shift + i])};
        TN_TRY(tn_scope_define(frame->scope, input, true, &bind));
    }
    return TN_OK;
}

static tn_status
check_axes(call *c, int index, const tn_json *input)
{
    tn_read *r = c->frame->r;
    tn_scope *inside = c->frame->scope;
    const tn_json *type_at = tn_declared_type(input);
    const tn_value *value = c->operands[index].value;
    tn_type_text text;
    tn_type wanted;
    TN_TRY(tn_type_split(r, type_at, type_at->text, 0, &text));
    if (!value)
        return TN_OK;
    wanted = value->type;
    if (!text.any)
        TN_TRY(tn_type_element(inside, type_at, text.element, &wanted.dtype));
    wanted.rank = 0;
    for (int i = 0; text.dots && i < c->frame->dots && wanted.rank < TN_MAX_RANK; i++)
        wanted.dim[wanted.rank++] = c->frame->dot[i];
    for (int i = 0; i < text.rank && wanted.rank < TN_MAX_RANK; i++) {
        tn_known known;
        tn_place place = {r->doc, type_at, text.dim[i].column, NULL};
        TN_TRY(tn_scope_eval_text(inside, type_at, text.dim[i].column, text.dim[i].text,
            strlen(text.dim[i].text), &known));
        TN_TRY(tn_size_of_known(r, &place, 0, text.dim[i].text, &known,
            &wanted.dim[wanted.rank++]));
    }
    if (tn_type_equal(&wanted, &value->type))
        return TN_OK;
    return refuse_operand(c, index, input, &value->type, &text);
}

/* ---- scalars ---- */

/* low <= known <= high: refused if it is known to be false, else a fact. */
static tn_status
check_range(call *c, int index, const tn_json *range, const tn_known *known)
{
    tn_read *r = c->frame->r;
    int64_t low, high;
    TN_TRY(tn_read_range(r, range, &low, &high));
    tn_size size = tn_known_as_size(r->sizes, known);
    tn_size ends[2] = {
        tn_size_int(r->sizes, low), high == INT64_MAX ? NULL : tn_size_int(r->sizes, high)};
    for (int i = 0; i < 2 && size; i++) {
        tn_size small = i ? size : ends[0], great = i ? ends[1] : size;
        if (!small || !great || tn_size_proves_le(r->sizes, small, great))
            continue;
        int64_t least, most;
        tn_size rest = tn_size_sub(r->sizes, great, small);
        if (rest)
            tn_size_bounds(r->sizes, rest, &least, &most);
        if (rest && most < 0)
            return refuse(c, index, "%s of @%s is in %s, found %s", c->names[index],
                c->function->name, range->text, tn_known_text(r->arena, r->sizes, known));
        if (r->dry)
            continue;
        tn_fact fact = {TN_FACT_LE, small, great,
            tn_arena_printf(r->arena, "%s of @%s is in %s", c->names[index], c->function->name,
                range->text)};
        tn_push(r->arena, &r->graph->facts, fact);
        (void)tn_sizes_fact_less_equal(r->sizes, small, great);
    }
    return TN_OK;
}

/* A ranged input is a symbol inside: it takes what is known before a run. */
static tn_status
bind_ranged(call *c, int index, const tn_json *input, const tn_json *range, tn_dtype dtype)
{
    tn_read *r = c->frame->r;
    tn_operand *operand = &c->operands[index];
    tn_known known = operand->known;
    tn_value *value = operand->value;
    tn_size size;
    tn_place place = {r->doc, c->slots[index], 0, NULL};
    if (value) {
        const tn_json *at = c->slots[index];
        const tn_bind *bind = at->text[0] == '=' ? NULL : tn_scope_find(c->scope, at->text);
        if (!bind || !bind->has_known)
            return refuse(c, index,
                "%s of @%s is a symbol: it takes a number, an expression or a ranged scalar, and "
                "\"%s\" is known to a run only",
                input->key, c->function->name, at->text);
        known = bind->known;
        if (value->type.dtype != dtype)
            return refuse(c, index, "@%s wants %s, found %s", c->function->name,
                tn_declared_type(input)->text, tn_read_type_text(r, &value->type));
    }
    int64_t whole;
    bool negative = known.kind == TN_KNOWN_NUMBER && !tn_known_is_truth(&known) &&
        tn_number_is_int(&known.number, &whole) && whole < 0;
    if (!negative)
        TN_TRY(tn_size_of_known(r, &place, -1, tn_known_text(r->arena, r->sizes, &known), &known,
            &size));
    TN_TRY(check_range(c, index, range, &known));
    tn_bind bind = {.kind = TN_BIND_VALUE,
        .name = input->key,
        .what = "an input",
        .has_known = true,
        .known = known,
        .value = value};
    if (!value)
        bind.value = tn_literal(r, dtype, &known);
    return tn_scope_define(c->frame->scope, input, true, &bind);
}

/* A bare number as an input of a stated scalar type. */
static tn_status
make_literal(call *c, int index, const tn_json *input, tn_dtype dtype, const tn_type_text *text)
{
    tn_read *r = c->frame->r;
    tn_operand *operand = &c->operands[index];
    tn_number number = tn_known_number(r->arena, &operand->known);
    const char *shown = tn_known_text(r->arena, r->sizes, &operand->known), *why = NULL;
    if (text->any || text->rank || text->dots)
        why = tn_arena_printf(r->arena, "nothing gives %s the type %s", shown,
            tn_declared_type(input)->text);
    else if (operand->known.kind == TN_KNOWN_DTYPE)
        why = "an element type is no operand";
    else if (!tn_number_fits(&number, dtype, &why))
        why =
            tn_arena_printf(r->arena, "%s stands for %s and %s", shown, tn_dtype_name(dtype), why);
    else
        why = NULL;
    if (why)
        return refuse(c, index, "%s", why);
    operand->value = tn_literal(r, dtype, &operand->known);
    return TN_OK;
}

static tn_status
bind_scalar(call *c, int index, const tn_json *input)
{
    tn_read *r = c->frame->r;
    const tn_json *range = tn_json_get(input, "range"), *type_at = tn_declared_type(input);
    tn_type_text text;
    tn_dtype dtype = TN_DTYPE_COUNT;
    TN_TRY(tn_type_split(r, type_at, type_at->text, 0, &text));
    if (!text.any)
        TN_TRY(tn_type_element(c->frame->scope, type_at, text.element, &dtype));
    if (range && (text.rank || text.dots || text.any || !tn_is_int(dtype)))
        return tn_json_fail(r->doc, range, "only a scalar of integers has a range in a function");
    if (range)
        return bind_ranged(c, index, input, range, dtype);
    if (!c->operands[index].value)
        return make_literal(c, index, input, dtype, &text);
    return TN_OK;
}

/* Scalars first, for types may be over them; then variables; then all axes. */
static tn_status
bind_inputs(call *c)
{
    const tn_json *inputs = tn_json_get(c->function->at, "inputs"), *at;
    int i = 0;
    for (at = inputs ? inputs->first : NULL; at; at = at->next)
        TN_TRY(bind_scalar(c, i++, at));
    i = 0;
    for (at = inputs ? inputs->first : NULL; at; at = at->next)
        TN_TRY(bind_axes(c, i++, at));
    i = 0;
    for (at = inputs ? inputs->first : NULL; at; at = at->next)
        TN_TRY(check_axes(c, i++, at));
    i = 0;
    for (at = inputs ? inputs->first : NULL; at; at = at->next, i++) {
        tn_bind bind = {.kind = TN_BIND_VALUE,
            .name = at->key,
            .what = "an input",
            .value = c->operands[i].value};
        if (!tn_json_get(at, "range"))
            TN_TRY(tn_scope_define(c->frame->scope, at, true, &bind));
    }
    return TN_OK;
}

/* ---- the body ---- */

static tn_status
read_outputs(call *c, tn_value **values)
{
    tn_read *r = c->frame->r;
    tn_scope *inside = c->frame->scope;
    const tn_json *outputs = tn_json_get(c->function->at, "outputs");
    int i = 0;
    for (const tn_json *at = outputs ? outputs->first : NULL; at; at = at->next, i++) {
        const tn_json *value_at = tn_json_get(at, "value");
        const char *name = at->key;
        if (value_at) {
            TN_TRY(tn_json_want(r->doc, value_at, TN_JSON_STRING));
            name = value_at->text;
        }
        const tn_bind *bind = tn_scope_find(inside, name);
        if (!bind)
            return tn_json_fail_key(r->doc, at, "no value is called \"%s\"%s", name,
                tn_read_meant(r, inside, name));
        TN_TRY(tn_scope_value(inside, at, bind, &values[i]));
        TN_TRY(tn_type_check(inside, tn_declared_type(at), &values[i]->type, name));
    }
    return TN_OK;
}

static tn_status
expand_body(call *c, tn_value **values)
{
    tn_scope *inside = c->frame->scope;
    const tn_json *at = c->function->at;
    TN_TRY(bind_params(c));
    TN_TRY(bind_inputs(c));
    TN_TRY(tn_read_facts(inside, tn_json_get(at, "where")));
    TN_TRY(tn_declare_weights(inside, tn_json_get(at, "weights")));
    TN_TRY(tn_declare_state(inside, tn_json_get(at, "state")));
    TN_TRY(tn_expand_nodes(inside, tn_json_get(at, "nodes")));
    TN_TRY(read_outputs(c, values));
    return tn_read_store(inside, tn_json_get(at, "store"));
}

static tn_frame *
open_frame(call *c, const char *weights)
{
    tn_scope *outer = c->scope;
    tn_read *r = outer->frame->r;
    tn_frame *frame = tn_new(r->arena, tn_frame);
    *frame = (tn_frame){.r = r,
        .function = c->function,
        .graph = c->function->at,
        .weights = join_scopes(r->arena, outer->frame->weights, weights)};
    frame->states.arena = r->arena;
    const char *prefix = tn_arena_printf(r->arena, "%s%s.", outer->prefix, tn_node_title(c->node));
    frame->scope = tn_scope_open(frame, NULL, outer->block, prefix);
    frame->scope->loop = outer->loop;
    return frame;
}

tn_status
tn_expand_call(tn_scope *scope, const tn_node *node)
{
    tn_read *r = scope->frame->r;
    tn_function *f = tn_map_get(&r->functions, node->op + 1);
    const tn_json *outputs = tn_json_get(f->at, "outputs");
    call c = {.scope = scope, .node = node, .function = f};
    const char *weights = "";
    if (f->open)
        return tn_json_fail(r->doc, node->op_at, "@%s calls itself, here or through others",
            f->name);
    if (node->scope)
        TN_TRY(tn_scope_template(scope, node->scope, NULL, 0, &weights));
    c.frame = open_frame(&c, weights);
    TN_TRY(read_operands(&c));
    int count = outputs ? (int)outputs->count : 0;
    tn_value **values = tn_new_array(r->arena, tn_value *, count + 1);
    tn_step step = {.outer = r->step, .node = node->at, .function = f->name};
    /* Operands and params are the caller's: their messages stand there. */
    f->open++;
    r->step = &step;
    tn_status status = expand_body(&c, values);
    r->step = step.outer;
    f->open--;
    TN_TRY(status);
    return tn_results_define(scope, node, values, count, tn_arena_printf(r->arena, "@%s", f->name));
}
