/* SPDX-License-Identifier: Apache-2.0
 * Declared weights and state, what they start with, and what is stored. */
#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "frontend/weights.h"
#include "ir/base/checked.h"
#include "ir/base/text.h"

static const char *
join_names(tn_arena *arena, const char *scope, const char *name)
{
    return *scope ? tn_arena_printf(arena, "%s.%s", scope, name) : name;
}

tn_status
tn_read_init(tn_read *r, const tn_json *init, tn_fill *fill, double *a, double *b)
{
    *fill = TN_FILL_NORMAL;
    *a = 0.02;
    *b = 0;
    if (!init)
        return TN_OK;
    if (init->kind == TN_JSON_STRING) {
        *fill = TN_FILL_VALUE;
        *a = strcmp(init->text, "ones") == 0;
        if (*a == 0 && strcmp(init->text, "zeros") != 0)
            return tn_json_fail(r->doc, init,
                "expected \"zeros\", \"ones\", {\"normal\": 0.02}, "
                "{\"uniform\": [-1, 1]} or {\"fill\": 0.5}, found %s",
                tn_json_found(r->doc, init));
        return TN_OK;
    }
    TN_TRY(tn_json_want(r->doc, init, TN_JSON_OBJECT));
    const tn_json *at = init->first;
    if (at && !at->next && strcmp(at->key, "normal") == 0)
        return tn_eval_params_real(r, at, a);
    if (at && !at->next && strcmp(at->key, "fill") == 0) {
        *fill = TN_FILL_VALUE;
        return tn_eval_params_real(r, at, a);
    }
    if (at && !at->next && strcmp(at->key, "uniform") == 0) {
        *fill = TN_FILL_UNIFORM;
        TN_TRY(tn_json_want(r->doc, at, TN_JSON_LIST));
        if (at->count != 2)
            return tn_json_fail(r->doc, at, "expected [low, high]");
        TN_TRY(tn_eval_params_real(r, at->first, a));
        return tn_eval_params_real(r, at->first->next, b);
    }
    return tn_json_fail(r->doc, init, "an initialiser has one key: normal, uniform or fill");
}

/* ---- computed initialisers ---- */

static const char *const computed_keys[] = {"transitions", "starts", "ends"};

static const tn_json *
computed_key(const tn_json *init, int *which)
{
    for (*which = 0; init && *which < 3; ++*which) {
        const tn_json *at = tn_json_get(init, computed_keys[*which]);
        if (at)
            return at;
    }
    return NULL;
}

static tn_status
read_computed(tn_read *r, const tn_json *init, const tn_json *which, tn_weight_source *out)
{
    static const char *const schemes[] = {"bio", "bioes", "bioes-strict"};
    const tn_json *scheme = tn_json_get(init, "scheme");
    const tn_json *legal = tn_json_get(init, "legal"), *illegal = tn_json_get(init, "illegal");
    out->scheme = "bio";
    out->illegal = -100;
    for (const tn_json *at = init->first; at; at = at->next)
        if (at != which && at != scheme && at != legal && at != illegal)
            return tn_json_fail_key(r->doc, at,
                "there is no key \"%s\" here; it has: %s, scheme, "
                "legal, illegal",
                at->key, which->key);
    TN_TRY(tn_json_want(r->doc, which, TN_JSON_STRING));
    out->labels = tn_find_labels(r, which->text);
    if (!out->labels)
        return tn_json_fail(r->doc, which, "there are no labels \"%s\"; the model has: %s",
            which->text, tn_shape_list(r, tn_json_get(r->doc->root, "labels")));
    if (scheme) {
        TN_TRY(tn_json_want(r->doc, scheme, TN_JSON_STRING));
        out->scheme = scheme->text;
        bool known = false;
        for (int i = 0; i < 3; i++)
            known |= strcmp(schemes[i], scheme->text) == 0;
        if (!known)
            return tn_json_fail(r->doc, scheme, "expected bio, bioes or bioes-strict, found %s",
                tn_json_found(r->doc, scheme));
    }
    if (legal)
        TN_TRY(tn_eval_params_real(r, legal, &out->legal));
    return illegal ? tn_eval_params_real(r, illegal, &out->illegal) : TN_OK;
}

/* Labels and the shape of what is computed from them agree. */
static tn_status
check_computed(tn_read *r, const tn_json *which, const tn_weight_source *source)
{
    const tn_type *type = &source->weight->type;
    int rank = source->computed == 0 ? 2 : 1;
    bool fits = type->rank == rank && tn_is_float(type->dtype);
    for (int i = 0; i < type->rank && fits; i++) {
        int64_t size;
        fits = tn_size_is_int(type->dim[i], &size) && size == source->labels->names.count;
    }
    if (fits)
        return TN_OK;
    return tn_json_fail(r->doc, which,
        "\"%s\" has %" PRIu32 " labels, so %s are f32[%s]; the weight is %s", which->text,
        source->labels->names.count, which->key,
        rank == 2 ? tn_arena_printf(r->arena, "%" PRIu32 ",%" PRIu32, source->labels->names.count,
                        source->labels->names.count)
                  : tn_arena_printf(r->arena, "%" PRIu32, source->labels->names.count),
        tn_read_type_text(r, type));
}

/* ---- weights ---- */

static tn_status
check_numbers(tn_read *r, const tn_json *at, const tn_type *type, int64_t *elements)
{
    int64_t size;
    *elements = 1;
    for (int i = 0; i < type->rank; i++) {
        if (!tn_size_is_int(type->dim[i], &size))
            return tn_json_fail(r->doc, at, "the dimensions of a weight are numbers, found %s",
                tn_read_type_text(r, type));
        if (!tn_mul_i64(*elements, size, elements))
            return tn_json_fail(r->doc, at, "%s has more elements than 64 bits count",
                tn_read_type_text(r, type));
    }
    if (*elements > INT64_MAX / 8)
        return tn_json_fail(r->doc, at, "%s has more bytes than 64 bits count",
            tn_read_type_text(r, type));
    return TN_OK;
}

/* The part of `stored` before its bracket. */
static tn_status
read_stored_element(tn_scope *scope, const tn_json *at, const char *name, tn_dtype *out, bool *any)
{
    static const char *const blocks[] = {"f8e4m3", "f8e5m2", "i4", "u4", "q4_0", "q4_1", "q5_0",
        "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4"};
    tn_read *r = scope->frame->r;
    *any = strcmp(name, "any") == 0;
    *out = TN_DTYPE_COUNT;
    if (*any)
        return TN_OK;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (strcmp(blocks[i], name) == 0)
            return tn_json_fail_at(r->doc, TN_UNSUPPORTED, at, false, -1, NULL,
                "weights stored as %s cannot be read yet", name);
    return tn_type_element(scope, at, name, out);
}

static tn_status
read_stored(tn_scope *scope, const tn_json *at, tn_weight_source *source)
{
    tn_read *r = scope->frame->r;
    tn_weight *w = source->weight;
    tn_type_text text;
    int64_t elements, wanted = w->elements;
    TN_TRY(tn_json_want(r->doc, at, TN_JSON_STRING));
    TN_TRY(tn_type_split(r, at, at->text, 0, &text));
    TN_TRY(read_stored_element(scope, at, text.element, &w->stored, &source->any));
    w->has_stored = true;
    const char *bracket = strchr(at->text, '[');
    tn_json shape = *at;
    shape.text = bracket;
    /* Columns of messages are those of the brackets alone, so shift them. */
    shape.offset += (uint32_t)(bracket - at->text);
    TN_TRY(tn_shape_read(scope, &shape, w->stored_type.dim, &w->stored_type.rank));
    w->stored_type.dtype = w->stored;
    TN_TRY(check_numbers(r, at, &w->stored_type, &elements));
    if (w->slices.count)
        wanted = w->slices.at[0]->elements;
    if (elements != wanted)
        return tn_json_fail(r->doc, at, "%s has %" PRId64 " elements, %s%s has %" PRId64, at->text,
            elements, w->slices.count ? "a slice of " : "", tn_read_type_text(r, &w->type), wanted);
    return TN_OK;
}

static bool
same_type(const tn_type *a, const tn_type *b)
{
    bool same = a->dtype == b->dtype && a->rank == b->rank;
    for (int i = 0; i < a->rank && same; i++) {
        int64_t x = 0, y = 0;
        same = tn_size_is_int(a->dim[i], &x) && tn_size_is_int(b->dim[i], &y) && x == y;
    }
    return same;
}

static const char *
disagreement(const tn_weight_source *a, const tn_weight_source *b)
{
    const tn_weight *x = a->weight, *y = b->weight;
    if (!same_type(&x->type, &y->type))
        return "type";
    if (x->has_stored != y->has_stored || a->any != b->any ||
        (x->has_stored && !same_type(&x->stored_type, &y->stored_type)))
        return "stored";
    if (!tn_json_equal(a->data, b->data))
        return "data";
    return tn_json_equal(a->init, b->init) ? NULL : "init";
}

/* The one weight of a full name: the first declaration makes it, others agree
 * with it. */
static tn_status
unify(tn_read *r, tn_weight_source *fresh)
{
    tn_weight *w = fresh->weight;
    if (r->dry)
        return TN_OK;
    if (tn_map_get(&r->module->states, w->name))
        return tn_json_fail_key(r->doc, fresh->at,
            "\"%s\" is a state; a weight cannot have its name", w->name);
    tn_weight_source *first = tn_map_get(&r->document->weights, w->name);
    if (!first) {
        w->id = r->module->weights.count;
        tn_map_put(&r->module->weights, w->name, w);
        tn_map_put(&r->document->weights, w->name, fresh);
        return TN_OK;
    }
    const char *what = disagreement(first, fresh);
    if (what && strcmp(what, "type") == 0)
        return tn_json_fail_key(r->doc, fresh->at, "\"%s\" is %s here and %s at %s", w->name,
            tn_read_type_text(r, &w->type), tn_read_type_text(r, &first->weight->type),
            tn_json_path(r->doc, first->at));
    if (what)
        return tn_json_fail_key(r->doc, fresh->at,
            "\"%s\" is declared twice, with another %s at %s", w->name, what,
            tn_json_path(r->doc, first->at));
    fresh->weight = first->weight;
    return TN_OK;
}

static tn_weight *
new_weight(tn_read *r, const char *name, tn_type type)
{
    tn_weight *w = tn_new(r->arena, tn_weight);
    w->name = name;
    w->tensor = name;
    w->type = type;
    w->elements = 1;
    for (int i = 0; i < type.rank; i++) {
        int64_t size = 0;
        tn_size_is_int(type.dim[i], &size);
        w->elements *= size;
    }
    return w;
}

/* How many slices a stack has: `count`, or the length of the list. */
static tn_status
count_slices(tn_scope *scope, const tn_json *at, const tn_json *tensors, const tn_weight *stack,
    int64_t *count)
{
    tn_read *r = scope->frame->r;
    const tn_json *count_at = tn_json_get(at, "count");
    int64_t axis = 0;
    *count = tensors->count;
    if (tensors->kind == TN_JSON_LIST && count_at)
        return tn_json_fail(r->doc, count_at, "a list of tensors needs no \"count\"");
    if (tensors->kind != TN_JSON_LIST && !count_at)
        return tn_json_fail(r->doc, at, "\"tensors\" needs \"count\"");
    if (count_at)
        TN_TRY(tn_scope_int(scope, count_at, count));
    if (stack->type.rank == 0 || !tn_size_is_int(stack->type.dim[0], &axis) || axis != *count)
        return tn_json_fail(r->doc, count_at ? count_at : tensors,
            "count is %" PRId64 ", axis 0 of %s must be that", *count,
            tn_read_type_text(r, &stack->type));
    return TN_OK;
}

/* `tensors`, `count`: each slice is a weight of its own. */
static tn_status
read_slices(tn_scope *scope, const tn_json *at, const tn_json *tensors, tn_weight *stack)
{
    tn_read *r = scope->frame->r;
    const tn_json *index_at = tn_json_get(at, "index");
    bool list = tensors->kind == TN_JSON_LIST;
    const tn_json *from = list ? tensors->first : tensors;
    const char *index = "j";
    int64_t count;
    TN_TRY(count_slices(scope, at, tensors, stack, &count));
    if (index_at) {
        TN_TRY(tn_json_want(r->doc, index_at, TN_JSON_STRING));
        index = index_at->text;
    }
    if (!list && tn_scope_find(scope, index))
        return tn_json_fail(r->doc, index_at ? index_at : tensors,
            "\"%s\" counts the slices and has another meaning here; name another \"index\"", index);
    tn_type slice = stack->type;
    slice.rank--;
    memmove(slice.dim, slice.dim + 1, (size_t)slice.rank * sizeof *slice.dim);
    for (int64_t j = 0; j < count; j++, from = list ? from->next : from) {
        const char *name;
        TN_TRY(tn_read_count(r, at));
        TN_TRY(tn_json_want(r->doc, from, TN_JSON_STRING));
        TN_TRY(tn_scope_template(scope, from, list ? NULL : index, j, &name));
        name = join_names(r->arena, scope->frame->weights, name);
        tn_push(r->arena, &stack->slices, new_weight(r, name, slice));
    }
    return TN_OK;
}

/* Declares the slices of a stack, which has their `stored` and fill. */
static tn_status
unify_slices(tn_read *r, const tn_weight_source *source)
{
    tn_weight *stack = source->weight;
    for (uint32_t i = 0; i < stack->slices.count; i++) {
        tn_weight *w = stack->slices.at[i];
        tn_weight_source *own = tn_new(r->arena, tn_weight_source);
        w->given = stack->given;
        w->has_stored = stack->has_stored;
        w->stored = stack->stored;
        w->stored_type = stack->stored_type;
        w->fill = stack->fill;
        w->fill_a = stack->fill_a;
        w->fill_b = stack->fill_b;
        *own = (tn_weight_source){
            .weight = w, .at = source->at, .init = source->init, .any = source->any};
        TN_TRY(unify(r, own));
        stack->slices.at[i] = own->weight;
    }
    return TN_OK;
}

/* A function that is called with other params may give other slices to the
 * same text. */
static void
name_stack(tn_read *r, tn_weight *stack)
{
    const tn_weight *other = tn_map_get(&r->module->weights, stack->name);
    bool same = !other || other->slices.count == stack->slices.count;
    for (uint32_t i = 0; other && same && i < stack->slices.count; i++)
        same = strcmp(other->slices.at[i]->name, stack->slices.at[i]->name) == 0;
    if (!same && stack->slices.count)
        stack->name = tn_arena_printf(r->arena, "%s of %s", stack->name, stack->slices.at[0]->name);
}

static tn_status
read_values(tn_read *r, const tn_json *at, tn_weight_source *source)
{
    tn_weight *w = source->weight;
    const tn_json *init = tn_json_get(at, "init"), *which = computed_key(init, &source->computed);
    source->data = tn_json_get(at, "data");
    source->init = init ? init : r->init;
    if (source->data && init)
        return tn_json_fail(r->doc, init, "a weight with \"data\" needs no \"init\"");
    w->given = source->data || which;
    if (which) {
        TN_TRY(read_computed(r, init, which, source));
        return check_computed(r, which, source);
    }
    return tn_read_init(r, source->init, &w->fill, &w->fill_a, &w->fill_b);
}

static tn_status
declare_weight(tn_scope *scope, const tn_json *at)
{
    tn_read *r = scope->frame->r;
    const tn_json *tensor = tn_json_get(at, "tensor"), *tensors = tn_json_get(at, "tensors");
    const tn_json *stored = tn_json_get(at, "stored");
    const char *name = at->key;
    tn_type type;
    int64_t elements;
    TN_TRY(tn_type_read(scope, tn_declared_type(at), &type));
    TN_TRY(check_numbers(r, tn_declared_type(at), &type, &elements));
    bool list = tensors && tensors->kind == TN_JSON_LIST;
    if (tensor && tensors && !list)
        return tn_json_fail_key(r->doc, tensor, "\"tensor\" and \"tensors\" exclude each other");
    if (tensors && !list)
        TN_TRY(tn_json_want(r->doc, tensors, TN_JSON_STRING));
    if (tensor) {
        TN_TRY(tn_json_want(r->doc, tensor, TN_JSON_STRING));
        TN_TRY(tn_scope_template(scope, tensor, NULL, 0, &name));
    }
    name = join_names(r->arena, scope->frame->weights, tensors && !list ? tensors->text : name);
    tn_weight_source *source = tn_new(r->arena, tn_weight_source);
    *source = (tn_weight_source){.weight = new_weight(r, name, type), .at = at};
    if (tensors) {
        TN_TRY(read_slices(scope, at, tensors, source->weight));
        name_stack(r, source->weight);
    }
    TN_TRY(read_values(r, at, source));
    if (stored)
        TN_TRY(read_stored(scope, stored, source));
    TN_TRY(unify_slices(r, source));
    TN_TRY(unify(r, source));
    tn_bind bind = {
        .kind = TN_BIND_WEIGHT, .name = at->key, .what = "a weight", .weight = source->weight};
    return tn_scope_define(scope, at, true, &bind);
}

tn_status
tn_declare_weights(tn_scope *scope, const tn_json *weights)
{
    for (const tn_json *at = weights ? weights->first : NULL; at; at = at->next)
        TN_TRY(declare_weight(scope, at));
    return TN_OK;
}

/* ---- state ---- */

static const char *
type_text(const tn_read *r, const tn_sizes *sizes, const tn_type *type)
{
    tn_text out = {.arena = r->arena};
    tn_type_print(&out, sizes, type);
    return out.at;
}

/* What the type of a state was where it was first declared: entries have
 * symbols of their own, so texts are compared. */
typedef struct state_source {
    tn_state *state;
    const char *type, *entry;
    int attempt;
} state_source;

static void
keep_state(tn_read *r, tn_state *state, const char *type)
{
    state_source *source = tn_new(r->arena, state_source);
    *source = (state_source){state, type, r->graph->name, r->attempt};
    state->id = r->module->states.count;
    tn_map_put(&r->states, state->name, source);
    tn_map_put(&r->module->states, state->name, state);
}

const char *
tn_state_declared(const tn_module *module, const tn_state *state, const tn_graph *g)
{
    const tn_read *r = tn_module_document(module)->reader;
    const state_source *source = tn_map_get(&r->states, state->name);
    return strcmp(source->entry, g->name) == 0 ? source->type : NULL;
}

static tn_status
unify_state(tn_read *r, const tn_json *at, tn_state **state)
{
    tn_state *fresh = *state;
    const char *type = type_text(r, r->sizes, &fresh->type);
    if (r->dry)
        return TN_OK;
    if (tn_map_get(&r->module->weights, fresh->name))
        return tn_json_fail_key(r->doc, at, "\"%s\" is a weight; a state cannot have its name",
            fresh->name);
    state_source *first = tn_map_get(&r->states, fresh->name);
    /* An entry that is expanded anew knows more of its symbols. */
    if (first && strcmp(first->entry, r->graph->name) == 0 && first->attempt != r->attempt) {
        first->state->type = fresh->type;
        first->type = type;
        first->attempt = r->attempt;
    }
    if (!first) {
        keep_state(r, fresh, type);
        return TN_OK;
    }
    if (strcmp(first->type, type) != 0)
        return tn_json_fail_key(r->doc, at, "the state \"%s\" is %s here and %s elsewhere",
            fresh->name, type, first->type);
    if (first->state->fill != fresh->fill || first->state->fill_a != fresh->fill_a ||
        first->state->fill_b != fresh->fill_b)
        return tn_json_fail_key(r->doc, at, "the state \"%s\" has another init elsewhere",
            fresh->name);
    *state = first->state;
    return TN_OK;
}

static tn_status
declare_one_state(tn_scope *scope, const tn_json *at)
{
    tn_read *r = scope->frame->r;
    const tn_json *tensor = tn_json_get(at, "tensor"), *init = tn_json_get(at, "init");
    const char *name = at->key;
    tn_state *state = tn_new(r->arena, tn_state);
    TN_TRY(tn_type_read(scope, tn_declared_type(at), &state->type));
    if (tensor) {
        TN_TRY(tn_json_want(r->doc, tensor, TN_JSON_STRING));
        TN_TRY(tn_scope_template(scope, tensor, NULL, 0, &name));
    }
    state->name = join_names(r->arena, scope->frame->weights, name);
    state->fill = TN_FILL_VALUE;
    if (init)
        TN_TRY(tn_read_init(r, init, &state->fill, &state->fill_a, &state->fill_b));
    tn_type type = state->type;
    TN_TRY(unify_state(r, at, &state));
    tn_bind bind = {
        .kind = TN_BIND_STATE, .name = at->key, .what = "a state", .state = state, .type = type};
    TN_TRY(tn_scope_define(scope, at, true, &bind));
    tn_bind *kept = tn_new(r->arena, tn_bind);
    *kept = bind;
    tn_map_put(&scope->frame->states, at->key, kept);
    return TN_OK;
}

tn_status
tn_declare_state(tn_scope *scope, const tn_json *state)
{
    for (const tn_json *at = state ? state->first : NULL; at; at = at->next)
        TN_TRY(declare_one_state(scope, at));
    return TN_OK;
}

/* The innermost call made in a round of a repeat: its scope could have told
 * the states apart. */
static const tn_step *
repeated_call(const tn_read *r)
{
    const tn_step *at = r->step;
    while (at && !(at->function && at->outer && !at->outer->function))
        at = at->outer;
    return at;
}

/* True if an expression in the braces of a text names `name`. */
static bool
mentions(const char *text, const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'";
    bool inside = false;
    for (size_t length = strlen(name); *text; text++) {
        inside = *text == '{' || (inside && *text != '}');
        size_t word = inside ? strspn(text, letters) : 0;
        if (word == length && memcmp(text, name, length) == 0)
            return true;
        text += word > 1 ? word - 1 : 0;
    }
    return false;
}

static tn_status
stored_twice(tn_read *r, const tn_json *at, const char *name)
{
    tn_node call = {0}, repeat = {0};
    const tn_step *step = repeated_call(r), *kept = r->step;
    if (step) {
        TN_TRY(tn_node_parse(r, step->node, &call));
        TN_TRY(tn_node_parse(r, step->outer->node, &repeat));
    }
    const tn_json *index = tn_json_get(repeat.attrs, "index");
    bool told = call.scope && index && mentions(call.scope->text, index->text);
    if (!step || told)
        return tn_json_fail(r->doc, at, "state \"%s\" is stored a second time in one run", name);
    r->step = step->outer->outer;
    tn_status status = tn_json_fail(r->doc, call.scope ? call.scope : step->node,
        "state \"%s\" is stored a second time in one run; %s%s%s the index%s%s", name,
        call.scope ? "the scope \"" : "the call has no scope with",
        call.scope ? call.scope->text : "", call.scope ? "\" does not contain" : "",
        index ? " " : " of the repeat", index ? index->text : "");
    r->step = kept;
    return status;
}

tn_status
tn_read_store(tn_scope *scope, const tn_json *store)
{
    tn_read *r = scope->frame->r;
    for (tn_json *at = store ? store->first : NULL; at; at = at->next) {
        const tn_bind *bind = tn_map_get(&scope->frame->states, at->key);
        tn_value *value;
        if (!bind)
            return tn_json_fail_key(r->doc, at, "%s has no state \"%s\"; it has: %s",
                scope->frame->function ? scope->frame->function->name : r->graph->name, at->key,
                tn_shape_list(r, tn_json_get(scope->frame->graph, "state")));
        if (scope->loop)
            return tn_json_fail(r->doc, at,
                "the state \"%s\" is neither read nor stored inside scan, while or a run-time if",
                at->key);
        TN_TRY(tn_scope_named(scope, at, &value));
        if (!tn_type_equal(&value->type, &bind->type))
            return tn_json_fail(r->doc, at, "the state %s is %s, \"%s\" is %s", at->key,
                tn_read_type_text(r, &bind->type), at->text, tn_read_type_text(r, &value->type));
        if (r->dry)
            continue;
        if (tn_map_get(&r->stored, bind->state->name))
            return stored_twice(r, at, bind->state->name);
        tn_map_put(&r->stored, bind->state->name, value);
        tn_push(r->arena, &r->stores, bind->state);
        tn_push(r->arena, &r->stored_values, value);
    }
    return TN_OK;
}
