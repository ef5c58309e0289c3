/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/flatten.h"

#include "ir/graph/build.h"

typedef struct flattener {
    tn_arena *arena;
    tn_flat *out;
    tn_op *op; /* the `while` that is laid out */
    tn_value **first, **now, **next;
} flattener;

static tn_value *
keep(flattener *f, tn_value *v)
{
    tn_push(f->arena, &f->out->kept, v->def);
    return v;
}

/* A copy in memory of its own. */
static tn_value *
copied(flattener *f, tn_value *v, const char *name)
{
    tn_build b = tn_build_before(f->op);
    tn_value *copy = tn_build_reshape(&b, v, v->type.dim, v->type.rank);

    copy->name = name;
    return keep(f, copy);
}

static void
move_out(flattener *f, tn_block *body)
{
    while (body->first)
        tn_op_move_before(body->first, f->op);
}

/* The values that the parameters of a body stand for. */
static void
enter(flattener *f, tn_block *body)
{
    for (uint32_t i = 0; i < body->params.count; i++)
        tn_value_replace(body->params.at[i], f->now[i]);
}

static void
take_over(flattener *f, tn_value *go)
{
    tn_build b = tn_build_before(f->op);

    for (int i = 0; i < f->op->in_count; i++) {
        tn_value *v = tn_build_map3(&b, TN_OP_where, go, f->next[i], f->now[i]);

        v->name = f->op->out[i]->name;
        tn_push(f->arena, &f->out->same, ((tn_same){keep(f, v), f->first[i]}));
        tn_value_replace(f->op->out[i], v);
    }
}

static tn_op *
behind(const tn_op *last, const tn_op *op)
{
    return last ? last->next : op->block->first;
}

static void
lay_out(flattener *f)
{
    tn_op *op = f->op, *last;
    tn_flat_loop loop = {.limit = op->attr[TN_ATTR_while_limit].sizes[0], .behind = op->next};
    tn_op *over;

    for (int i = 0; i < op->in_count; i++) {
        f->first[i] = copied(f, op->in[i], op->out[i]->name);
        f->now[i] = tn_block_param(op->block, op->in[i]->type, op->out[i]->name);
        tn_push(f->arena, &f->out->same, ((tn_same){f->now[i], f->first[i]}));
    }
    last = op->prev;
    enter(f, op->body[0]);
    move_out(f, op->body[0]);
    loop.go = copied(f, op->body[0]->results.at[0], "go");
    loop.first = behind(last, op);
    last = op->prev;
    enter(f, op->body[1]);
    move_out(f, op->body[1]);
    for (int i = 0; i < op->in_count; i++)
        f->next[i] = copied(f, op->body[1]->results.at[i], op->out[i]->name);
    loop.body = behind(last, op);
    last = op->prev;
    take_over(f, loop.go);
    over = behind(last, op);
    tn_push(f->arena, &f->out->starts, loop.first);
    tn_push(f->arena, &f->out->starts, loop.body);
    tn_push(f->arena, &f->out->starts, over);
    if (loop.behind)
        tn_push(f->arena, &f->out->starts, loop.behind);
    tn_push(f->arena, &f->out->loops, loop);
}

static void
move_start(tn_op **at, const tn_op *from, tn_op *to)
{
    if (*at == from)
        *at = to;
}

/* Regions that began at `from` begin at `to`. */
static void
move_starts(tn_flat *flat, const tn_op *from, tn_op *to)
{
    for (uint32_t i = 0; i < flat->starts.count; i++)
        move_start(&flat->starts.at[i], from, to);
    for (uint32_t i = 0; i < flat->loops.count; i++) {
        move_start(&flat->loops.at[i].first, from, to);
        move_start(&flat->loops.at[i].body, from, to);
        move_start(&flat->loops.at[i].behind, from, to);
    }
}

/* The first operation of what came in the place of `op`; loops inside are
 * found from there. */
static tn_op *
flatten_one(tn_arena *arena, tn_flat *out, tn_op *op)
{
    flattener f = {.arena = arena, .out = out, .op = op};
    const tn_op *before = op->prev;
    tn_op *next;

    if (op->in_count) {
        f.first = tn_new_array(arena, tn_value *, op->in_count);
        f.now = tn_new_array(arena, tn_value *, op->in_count);
        f.next = tn_new_array(arena, tn_value *, op->in_count);
        lay_out(&f);
    }
    next = behind(before, op);
    if (next == op)
        next = op->next;
    move_starts(out, op, next);
    tn_op_remove(op);
    return next;
}

void
tn_flatten(tn_arena *arena, tn_graph *g, tn_flat *out)
{
    *out = (tn_flat){0};
    for (tn_op *op = g->block->first; op;)
        op = op->code == TN_OP_while ? flatten_one(arena, out, op) : op->next;
}

uint32_t *
tn_flat_regions(tn_arena *arena, const tn_graph *g, const tn_flat *flat)
{
    uint32_t *region = tn_new_array(arena, uint32_t, g->op_count + 1);
    bool *start = tn_new_array(arena, bool, g->op_count + 1);
    uint32_t at = 0;

    for (uint32_t i = 0; i < flat->starts.count; i++)
        if (flat->starts.at[i])
            start[flat->starts.at[i]->id] = true;
    for (const tn_op *op = g->block->first; op; op = op->next) {
        at += start[op->id];
        region[op->id] = at;
    }
    return region;
}
