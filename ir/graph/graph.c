/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/graph.h"

#include <assert.h>
#include <string.h>

tn_module *
tn_module_create(tn_arena *arena, const char *file)
{
    tn_module *m = tn_new(arena, tn_module);

    m->arena = arena;
    m->names.arena = arena;
    m->weights.arena = arena;
    m->states.arena = arena;
    m->file = file;
    return m;
}

tn_graph *
tn_graph_create(tn_module *module, const char *name, tn_sizes *sizes)
{
    tn_graph *g = tn_new(module->arena, tn_graph);

    g->module = module;
    g->name = name;
    g->sizes = sizes;
    g->weight_values.arena = module->arena;
    g->state_values.arena = module->arena;
    g->block = tn_block_create(g, NULL);
    tn_push(module->arena, &module->entries, g);
    return g;
}

tn_block *
tn_block_create(tn_graph *graph, tn_op *owner)
{
    tn_block *b = tn_new(graph->module->arena, tn_block);

    b->graph = graph;
    b->owner = owner;
    return b;
}

static tn_value *
new_value(tn_graph *g, tn_value_kind kind, tn_type type)
{
    tn_value *v = tn_new(g->module->arena, tn_value);

    v->kind = kind;
    v->type = type;
    v->id = g->value_count++;
    return v;
}

tn_value *
tn_graph_input(tn_graph *g, const char *name, tn_type type)
{
    tn_value *v = new_value(g, TN_VALUE_INPUT, type);
    tn_input input = {.name = name, .value = v, .symbol = -1};

    v->name = name;
    v->index = (int)g->inputs.count;
    v->block = g->block;
    tn_push(g->module->arena, &g->inputs, input);
    return v;
}

tn_value *
tn_graph_weight(tn_graph *g, tn_weight *weight)
{
    tn_value *v = tn_map_get(&g->weight_values, weight->name);

    if (!v) {
        tn_type type = weight->type;

        /* Entries have sizes of their own, where equal is the same pointer. */
        for (int i = 0; i < type.rank; i++) {
            int64_t n = 0;

            tn_size_is_int(type.dim[i], &n);
            type.dim[i] = tn_size_int(g->sizes, n);
        }
        v = new_value(g, TN_VALUE_WEIGHT, type);
        v->name = weight->name;
        v->weight = weight;
        tn_map_put(&g->weight_values, weight->name, v);
    }
    return v;
}

tn_value *
tn_graph_state(tn_graph *g, tn_state *state, tn_type type)
{
    tn_value *v = tn_map_get(&g->state_values, state->name);

    if (!v) {
        v = new_value(g, TN_VALUE_STATE, type);
        v->name = state->name;
        v->state = state;
        tn_map_put(&g->state_values, state->name, v);
    }
    return v;
}

tn_value *
tn_graph_literal(tn_graph *g, tn_dtype dtype, tn_number number)
{
    tn_value *v = new_value(g, TN_VALUE_LITERAL, (tn_type){.dtype = dtype});

    v->number = number;
    return v;
}

tn_value *
tn_graph_between(tn_op *op, tn_type type, const char *name)
{
    tn_value *v = new_value(op->graph, TN_VALUE_RESULT, type);

    v->def = op;
    v->block = op->block;
    v->name = name;
    v->index = -1;
    return v;
}

tn_value *
tn_block_param(tn_block *b, tn_type type, const char *name)
{
    tn_value *v = new_value(b->graph, TN_VALUE_PARAM, type);

    v->name = name;
    v->block = b;
    v->index = (int)b->params.count;
    tn_push(b->graph->module->arena, &b->params, v);
    return v;
}

static void
add_use(tn_value *v, tn_op *op, tn_block *block, int index)
{
    const tn_graph *g = op ? op->graph : block->graph;
    tn_use use = {.op = op, .block = op ? NULL : block, .index = index};

    if (v)
        tn_push(g->module->arena, &v->uses, use);
}

/* The order of the other uses stays: nothing may depend on history. */
static void
drop_use(tn_value *v, const tn_op *op, const tn_block *block, int index)
{
    uint32_t i;

    if (!v)
        return;
    for (i = v->uses.count; i-- > 0;) {
        const tn_use *u = &v->uses.at[i];

        if (u->op == op && (op || u->block == block) && u->index == index)
            break;
    }
    assert(i < v->uses.count && "an operand without its use");
    memmove(&v->uses.at[i], &v->uses.at[i + 1], (v->uses.count - i - 1) * sizeof *v->uses.at);
    v->uses.count--;
}

void
tn_block_result(tn_block *b, tn_value *value)
{
    add_use(value, NULL, b, (int)b->results.count);
    tn_push(b->graph->module->arena, &b->results, value);
}

void
tn_block_set_result(tn_block *b, int index, tn_value *value)
{
    drop_use(b->results.at[index], NULL, b, index);
    b->results.at[index] = value;
    add_use(value, NULL, b, index);
}

static void
link_before(tn_block *block, tn_op *before, tn_op *op)
{
    op->block = block;
    op->next = before;
    op->prev = before ? before->prev : block->last;
    *(op->prev ? &op->prev->next : &block->first) = op;
    *(before ? &before->prev : &block->last) = op;
}

static void
unlink_op(tn_op *op)
{
    *(op->prev ? &op->prev->next : &op->block->first) = op->next;
    *(op->next ? &op->next->prev : &op->block->last) = op->prev;
    op->prev = NULL;
    op->next = NULL;
}

tn_op *
tn_op_create(tn_block *block, tn_op *before, tn_opcode code, tn_value *const *in, int in_count)
{
    tn_arena *arena = block->graph->module->arena;
    const tn_op_info *info = tn_op_info_of(code);
    tn_op *op = tn_new(arena, tn_op);
    bool variadic = (info->flags & TN_FLAG_VARIADIC) != 0;

    assert(variadic || in_count <= info->in_count);
    op->code = code;
    op->graph = block->graph;
    op->path = before ? before->path : "";
    op->id = block->graph->op_count++;
    op->in_count = variadic || in_count > info->in_count ? in_count : info->in_count;
    op->in = tn_new_array(arena, tn_value *, op->in_count);
    op->attr = tn_new_array(arena, tn_attr, info->attr_count);
    for (int i = 0; i < info->attr_count; i++)
        tn_op_clear_attr(op, i);
    for (int i = 0; i < in_count; i++)
        tn_op_set_in(op, i, in[i]);
    link_before(block, before, op);
    return op;
}

void
tn_op_set_in(tn_op *op, int index, tn_value *value)
{
    assert(index >= 0 && index < op->in_count);
    drop_use(op->in[index], op, NULL, index);
    op->in[index] = value;
    add_use(value, op, NULL, index);
}

void
tn_op_set_place(tn_op *op, int attr, tn_value *value)
{
    tn_attr *a = &op->attr[attr];
    int64_t whole;

    assert(a->kind == TN_KIND_PLACE);
    if (a->operand < 0 && value->kind == TN_VALUE_LITERAL &&
        tn_number_is_int(&value->number, &whole)) {
        tn_size size = tn_size_int(op->graph->sizes, whole);

        tn_op_set_sizes(op, attr, &size, 1);
        return;
    }
    if (a->operand < 0) {
        a->operand = op->in_count;
        op->in = tn_arena_grow(op->graph->module->arena, op->in, (size_t)op->in_count,
            (size_t)op->in_count + 1, sizeof *op->in);
        op->in_count++;
    }
    a->given = true;
    a->has_value = true;
    a->count = 0;
    tn_op_set_in(op, a->operand, value);
}

void
tn_value_replace(tn_value *old, tn_value *value)
{
    tn_arena *arena = NULL;

    assert(old != value);
    for (uint32_t i = 0; i < old->uses.count; i++) {
        tn_use use = old->uses.at[i];

        arena = use.op ? use.op->graph->module->arena : use.block->graph->module->arena;
        if (use.op)
            use.op->in[use.index] = value;
        else
            use.block->results.at[use.index] = value;
        tn_push(arena, &value->uses, use);
    }
    old->uses.count = 0;
}

/* Takes the uses that ops of a body make. Depth is that of the file's nesting,
 * which its reader limits. */
static void
drop_body(tn_block *b)
{
    for (tn_op *op = b->first; op; op = op->next) {
        for (int i = 0; i < op->in_count; i++)
            tn_op_set_in(op, i, NULL);
        for (int i = 0; i < op->body_count; i++)
            drop_body(op->body[i]);
    }
    for (uint32_t i = 0; i < b->results.count; i++)
        tn_block_set_result(b, (int)i, NULL);
}

void
tn_op_remove(tn_op *op)
{
    for (int i = 0; i < op->out_count; i++)
        assert(op->out[i]->uses.count == 0);
    for (int i = 0; i < op->in_count; i++)
        tn_op_set_in(op, i, NULL);
    for (int i = 0; i < op->body_count; i++)
        drop_body(op->body[i]);
    unlink_op(op);
    op->block = NULL;
}

void
tn_op_move_before(tn_op *op, tn_op *before)
{
    assert(op != before && op->graph == before->graph);
    unlink_op(op);
    link_before(before->block, before, op);
}

bool
tn_type_equal(const tn_type *a, const tn_type *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (!tn_size_equal(a->dim[i], b->dim[i]))
            return false;
    }
    return true;
}

static bool
is_written_one(tn_size s)
{
    int64_t value;

    return tn_size_is_int(s, &value) && value == 1;
}

bool
tn_type_broadcast(const tn_type *a, const tn_type *b, tn_type *out)
{
    tn_type r = {.dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank};

    for (int i = 1; i <= r.rank; i++) {
        tn_size x = i <= a->rank ? a->dim[a->rank - i] : NULL;
        tn_size y = i <= b->rank ? b->dim[b->rank - i] : NULL;

        if (!x || (y && is_written_one(x)))
            r.dim[r.rank - i] = y;
        else if (!y || is_written_one(y) || tn_size_equal(x, y))
            r.dim[r.rank - i] = x;
        else
            return false;
    }
    *out = r;
    return true;
}

void
tn_type_print(tn_text *out, const tn_sizes *s, const tn_type *type)
{
    tn_text_add(out, "%s[", tn_dtype_name(type->dtype));
    for (int i = 0; i < type->rank; i++) {
        if (i)
            tn_text_add(out, ",");
        tn_size_print(out, s, type->dim[i]);
    }
    tn_text_add(out, "]");
}
