/* SPDX-License-Identifier: Apache-2.0
 * Walks a graph, keeps values as long as they are needed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ir/base/checked.h"
#include "runtime/reference/ref.h"

static tn_status (*const rows[TN_OP_COUNT])(tn_ref_call *) = {
#define TN_OP(op, ...) [TN_OP_##op] = tn_oracle_##op,
#include "ir/graph/ops.def"
};

/* ---- memory ---- */

static tn_ref_block *
new_block(tn_ref *r, size_t bytes)
{
    tn_ref_block *b = NULL;
    size_t whole;

    if (tn_add_size(bytes, sizeof *b, &whole))
        b = tn_alloc_zero(r->env->alloc, whole);
    if (!b)
        return NULL;
    b->bytes = whole;
    b->owners = 1;
    b->next = &r->blocks;
    b->prev = r->blocks.prev;
    b->prev->next = b;
    r->blocks.prev = b;
    return b;
}

static void
free_block(tn_ref *r, tn_ref_block *b)
{
    b->prev->next = b->next;
    b->next->prev = b->prev;
    tn_alloc_free(r->env->alloc, b, b->bytes);
}

tn_status
tn_ref_make(tn_ref *r, tn_ref_value *v)
{
    int64_t count = 1, bytes;

    for (int i = 0; i < v->rank; i++) {
        if (v->dim[i] < 0 || !tn_mul_i64(count, v->dim[i], &count))
            return tn_fail(r->env->diag, TN_LIMIT, "a value of more than 2^63 elements");
    }
    if (!tn_mul_i64(count, (int64_t)sizeof(double), &bytes))
        return tn_fail(r->env->diag, TN_LIMIT, "a value of more than 2^63 bytes");
    v->block = new_block(r, (size_t)bytes);
    if (!v->block)
        return tn_fail_memory(r->env->diag, (size_t)bytes, "a value of the reference");
    v->count = count;
    v->f = (double *)(void *)(v->block + 1);
    v->i = (int64_t *)(void *)(v->block + 1);
    return TN_OK;
}

tn_status
tn_ref_scratch(tn_ref *r, tn_dtype dtype, int64_t count, tn_ref_value *v)
{
    *v = (tn_ref_value){.dtype = dtype, .rank = 1, .dim = {count}};
    TN_TRY(tn_ref_make(r, v));
    v->block->scratch = true;
    return TN_OK;
}

/* Scratch lies behind the results of the row that took it. */
static void
free_scratch(tn_ref *r)
{
    while (r->blocks.prev->scratch)
        free_block(r, r->blocks.prev);
}

void
tn_ref_share(tn_ref_value *to, const tn_ref_value *from)
{
    to->count = from->count;
    to->f = from->f;
    to->i = from->i;
    to->block = from->block;
    to->block->owners++;
}

void
tn_ref_drop(tn_ref *r, tn_ref_value *v)
{
    if (v->block && --v->block->owners == 0)
        free_block(r, v->block);
    v->block = NULL;
}

/* ---- leaves ---- */

static void
load(tn_ref_value *v, const tn_tensor *from, int64_t first, int64_t count)
{
    size_t size = (size_t)tn_dtype_bytes(from->dtype);
    const char *at = from->data;

    for (int64_t k = 0; k < count; k++, at += size) {
        if (tn_is_float(v->dtype))
            v->f[first + k] = tn_load_double(from->dtype, at);
        else
            v->i[first + k] = tn_load_int(from->dtype, at);
    }
}

static tn_status
shape_of(tn_ref *r, const tn_value *value, tn_ref_value *v)
{
    *v = (tn_ref_value){.dtype = value->type.dtype, .rank = value->type.rank};
    for (int i = 0; i < v->rank; i++) {
        if (!tn_size_eval(value->type.dim[i], r->args->symbols, &v->dim[i]) || v->dim[i] < 0)
            return tn_fail(r->env->diag, TN_MALFORMED,
                "%s: axis %d is no whole number from 0 on in this run",
                value->name      ? value->name
                    : value->def ? value->def->path
                                 : "a value",
                i);
    }
    return TN_OK;
}

static tn_status
load_tensor(tn_ref *r, const tn_value *value, const tn_tensor *from)
{
    tn_ref_value *v = &r->slot[value->id];
    bool fits;

    TN_TRY(shape_of(r, value, v));
    fits = from->rank == v->rank &&
        (from->dtype == v->dtype || (from->dtype == TN_F64 && tn_is_float(v->dtype)));
    for (int i = 0; fits && i < v->rank; i++)
        fits = from->dim[i] == v->dim[i];
    if (!fits)
        return tn_fail(r->env->diag, TN_MALFORMED, "%s: the tensor given has another type or shape",
            value->name);
    TN_TRY(tn_ref_make(r, v));
    load(v, from, 0, v->count);
    return TN_OK;
}

static tn_status
load_weight(tn_ref *r, const tn_value *value)
{
    const tn_weight *w = value->weight;
    tn_ref_value *v = &r->slot[value->id];
    tn_tensor from = {.dtype = v->dtype, .data = (void *)(uintptr_t)w->data};

    TN_TRY(shape_of(r, value, v));
    from.dtype = v->dtype;
    TN_TRY(tn_ref_make(r, v));
    if (w->data) {
        load(v, &from, 0, v->count);
        return TN_OK;
    }
    for (uint32_t k = 0; k < w->slices.count; k++) {
        int64_t part = v->count / w->slices.count;

        from.data = (void *)(uintptr_t)w->slices.at[k]->data;
        if (!from.data)
            break;
        load(v, &from, (int64_t)k * part, part);
        if (k + 1 == w->slices.count)
            return TN_OK;
    }
    return tn_fail(r->env->diag, TN_BUG, "weight \"%s\" has no values", w->name);
}

static tn_status
load_literal(tn_ref *r, const tn_value *value)
{
    tn_ref_value *v = &r->slot[value->id];

    *v = (tn_ref_value){.dtype = value->type.dtype};
    TN_TRY(tn_ref_make(r, v));
    if (!tn_ref_number(r, &value->number, v->dtype, v->f, v->i))
        return tn_fail(r->env->diag, TN_MALFORMED, "a number beside %s does not fit it in this run",
            tn_dtype_name(v->dtype));
    return TN_OK;
}

static uint32_t
index_of(const tn_map *map, const tn_value *value)
{
    uint32_t i = 0;

    while (map->entries[i].value != value)
        i++;
    return i;
}

tn_status
tn_ref_need(tn_ref *r, const tn_value *v)
{
    if (r->slot[v->id].block)
        return TN_OK;
    switch (v->kind) {
    case TN_VALUE_INPUT: return load_tensor(r, v, &r->args->inputs[v->index]);
    case TN_VALUE_STATE:
        return load_tensor(r, v, &r->args->states[index_of(&r->g->state_values, v)]);
    case TN_VALUE_WEIGHT:
        if (r->args->weights)
            return load_tensor(r, v, &r->args->weights[index_of(&r->g->weight_values, v)]);
        return load_weight(r, v);
    case TN_VALUE_LITERAL: return load_literal(r, v);
    default: return tn_fail(r->env->diag, TN_BUG, "a value is used before it is computed");
    }
}

/* ---- lifetimes ---- */

/* The op of block `b` (NULL: the graph's) in or under which a use stands;
 * NULL for the results of the block itself. */
static const tn_op *
user_in(const tn_graph *g, const tn_block *b, const tn_use *use)
{
    const tn_block *at = use->op ? use->op->block : use->block;
    const tn_op *op = use->op;

    b = b ? b : g->block;
    while (at != b) {
        op = at->owner;
        at = op->block;
    }
    return op;
}

static void
plan_value(tn_ref *r, const uint32_t *order, const tn_value *v)
{
    const tn_op *last = v->def;

    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *user = user_in(r->g, v->block, &v->uses.at[i]);

        if (!user)
            return; /* lives to the end of its block */
        if (!last || order[user->id] > order[last->id])
            last = user;
    }
    if (!last)
        return;
    r->last_of[v->id] = r->frees[last->id];
    r->frees[last->id] = v->id + 1;
}

static uint32_t
number_ops(const tn_block *b, uint32_t *order, uint32_t next)
{
    for (const tn_op *op = b->first; op; op = op->next) {
        order[op->id] = next++;
        for (int i = 0; i < op->body_count; i++)
            next = number_ops(op->body[i], order, next);
    }
    return next;
}

/* Literals are met as operands only. */
static void
plan_literals(tn_ref *r, const uint32_t *order, const tn_block *b)
{
    for (const tn_op *op = b->first; op; op = op->next) {
        for (int i = 0; i < op->in_count; i++) {
            const tn_value *v = op->in[i];
            bool first = v && v->kind == TN_VALUE_LITERAL && v->uses.at[0].op == op &&
                v->uses.at[0].index == i;

            if (first)
                plan_value(r, order, v);
        }
        for (int i = 0; i < op->body_count; i++)
            plan_literals(r, order, op->body[i]);
    }
}

static void
plan_block(tn_ref *r, const uint32_t *order, const tn_block *b)
{
    for (uint32_t i = 0; i < b->params.count; i++)
        plan_value(r, order, b->params.at[i]);
    for (const tn_op *op = b->first; op; op = op->next) {
        for (int i = 0; i < op->out_count; i++)
            plan_value(r, order, op->out[i]);
        for (int i = 0; i < op->body_count; i++)
            plan_block(r, order, op->body[i]);
    }
}

static tn_status
plan(tn_ref *r, uint32_t *order)
{
    const tn_graph *g = r->g;

    number_ops(g->block, order, 1);
    for (uint32_t i = 0; i < g->inputs.count; i++)
        plan_value(r, order, g->inputs.at[i].value);
    for (uint32_t i = 0; i < g->weight_values.count; i++)
        plan_value(r, order, g->weight_values.entries[i].value);
    for (uint32_t i = 0; i < g->state_values.count; i++)
        plan_value(r, order, g->state_values.entries[i].value);
    plan_literals(r, order, g->block);
    plan_block(r, order, g->block);
    return TN_OK;
}

/* ---- walking ---- */

static void
show(tn_ref *r, const tn_value *value, const tn_ref_value *v)
{
    tn_tensor t = {.dtype = tn_is_float(v->dtype) ? TN_F64 : TN_I64, .rank = v->rank};

    memcpy(t.dim, v->dim, sizeof t.dim);
    t.data = v->f;
    t.bytes = (uint64_t)v->count * sizeof(double);
    r->args->watch->value(r->args->watch->self, value, r->round, &t);
}

static tn_status
run_op(tn_ref *r, const tn_op *op)
{
    bool control = (tn_op_info_of(op->code)->flags & TN_FLAG_CONTROL) != 0;
    tn_ref_value few[8] = {{.block = NULL}};
    tn_ref_value many = {.block = NULL};
    tn_ref_call c = {.r = r, .op = op, .out = few};
    tn_status status = TN_OK;

    for (int i = 0; i < op->in_count; i++) {
        if (op->in[i])
            TN_TRY(tn_ref_need(r, op->in[i]));
    }
    if (op->out_count > 8) {
        many.rank = 1;
        many.dim[0] = op->out_count * (int64_t)(sizeof *c.out / sizeof(double) + 1);
        TN_TRY(tn_ref_make(r, &many));
        c.out = (tn_ref_value *)(void *)many.f;
    }
    for (int i = 0; i < op->out_count && status == TN_OK; i++) {
        status = shape_of(r, op->out[i], &c.out[i]);
        if (status == TN_OK && !control)
            status = tn_ref_make(r, &c.out[i]);
    }
    if (status == TN_OK)
        status = rows[op->code](&c);
    if (status == TN_OK)
        free_scratch(r);
    for (int i = 0; i < op->out_count && status == TN_OK; i++) {
        r->slot[op->out[i]->id] = c.out[i];
        if (r->args->watch)
            show(r, op->out[i], &c.out[i]);
    }
    tn_ref_drop(r, &many);
    return status;
}

tn_status
tn_ref_run_block(tn_ref *r, const tn_block *b)
{
    for (const tn_op *op = b->first; op; op = op->next) {
        TN_TRY(run_op(r, op));
        for (uint32_t id = r->frees[op->id]; id; id = r->last_of[id - 1])
            tn_ref_drop(r, &r->slot[id - 1]);
    }
    for (uint32_t i = 0; i < b->results.count; i++)
        TN_TRY(tn_ref_need(r, b->results.at[i]));
    return TN_OK;
}

/* What the body defined; what it only read stays. */
void
tn_ref_end_block(tn_ref *r, const tn_block *b)
{
    for (uint32_t i = 0; i < b->params.count; i++)
        tn_ref_drop(r, &r->slot[b->params.at[i]->id]);
    for (const tn_op *op = b->first; op; op = op->next) {
        for (int i = 0; i < op->out_count; i++)
            tn_ref_drop(r, &r->slot[op->out[i]->id]);
    }
}

static tn_status
take(tn_ref *r, const tn_value *value, tn_tensor *out)
{
    const tn_ref_value *v = &r->slot[value->id];
    size_t size;

    *out = (tn_tensor){.dtype = tn_is_float(v->dtype) ? TN_F64 : v->dtype, .rank = v->rank};
    memcpy(out->dim, v->dim, sizeof out->dim);
    TN_TRY(tn_tensor_create(r->env->alloc, r->env->diag, out));
    size = (size_t)tn_dtype_bytes(out->dtype);
    for (int64_t k = 0; k < v->count; k++) {
        char *at = (char *)out->data + (size_t)k * size;

        if (tn_is_float(v->dtype))
            memcpy(at, &v->f[k], sizeof(double));
        else
            tn_store_int(v->dtype, at, v->i[k]);
    }
    return TN_OK;
}

static tn_status
take_all(tn_ref *r)
{
    uint32_t outputs = r->g->outputs.count;

    for (uint32_t i = 0; i < r->g->block->results.count; i++) {
        tn_tensor *out = i < outputs ? &r->args->outputs[i] : &r->args->stores[i - outputs];
        tn_status status = take(r, r->g->block->results.at[i], out);

        if (status == TN_OK)
            continue;
        while (i-- > 0)
            tn_tensor_free(r->env->alloc,
                i < outputs ? &r->args->outputs[i] : &r->args->stores[i - outputs]);
        return status;
    }
    return TN_OK;
}

static tn_status
run(tn_ref *r, size_t values, size_t ops)
{
    tn_ref_value tables = {.rank = 1};
    int64_t room = (int64_t)(values * sizeof *r->slot + (values + 2 * ops) * sizeof(uint32_t));
    uint32_t *numbers;

    tables.dim[0] = room / (int64_t)sizeof(double) + 1;
    TN_TRY(tn_ref_make(r, &tables));
    r->slot = (tn_ref_value *)(void *)tables.f;
    numbers = (uint32_t *)(void *)(r->slot + values);
    r->last_of = numbers;
    r->frees = numbers + values;
    TN_TRY(plan(r, numbers + values + ops));
    TN_TRY(tn_ref_run_block(r, r->g->block));
    return take_all(r);
}

tn_status
tn_reference_run(const tn_env *env, const tn_graph *graph, const tn_reference_args *args)
{
    tn_ref r = {.env = env, .g = graph, .args = args};
    tn_status status;

    r.blocks.next = &r.blocks;
    r.blocks.prev = &r.blocks;
    status = run(&r, graph->value_count, graph->op_count);
    while (r.blocks.next != &r.blocks)
        free_block(&r, r.blocks.next);
    return status;
}

tn_status
tn_reference_round(const tn_env *env, const tn_tensor *from, tn_dtype dtype, tn_tensor *to)
{
    int64_t count = 0;
    size_t size;

    *to = *from;
    to->owned = false;
    if (from->dtype == TN_F64 && dtype != TN_DTYPE_COUNT && tn_is_float(dtype))
        to->dtype = dtype;
    TN_TRY(tn_tensor_create(env->alloc, env->diag, to));
    if (to->dtype == from->dtype) {
        memcpy(to->data, from->data, to->bytes);
        return TN_OK;
    }
    size = (size_t)tn_dtype_bytes(dtype);
    tn_tensor_elements(from, &count);
    for (int64_t k = 0; k < count; k++)
        tn_store_double(dtype, (char *)to->data + (size_t)k * size,
            ((const double *)from->data)[k]);
    return TN_OK;
}
