/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/flatten.h"

#include "ir/graph/build.h"
#include "passes/branch.h"
#include "passes/flatten_in.h"
#include "passes/scan_axes.h"

tn_value *
tn_flat_keep(tn_flattener *f, tn_value *v)
{
    tn_push(f->arena, &f->out->kept, v->def);
    return v;
}

tn_value *
tn_flat_copied(tn_flattener *f, tn_value *v, const char *name)
{
    tn_build b = tn_build_before(f->op);
    tn_value *copy = tn_build_reshape(&b, v, v->type.dim, v->type.rank);

    copy->name = name;
    return tn_flat_keep(f, copy);
}

tn_value *
tn_flat_slot(tn_flattener *f, tn_type type, tn_value *owner, const char *name)
{
    tn_value *v = tn_block_param(f->op->block, type, name);

    if (owner)
        tn_push(f->arena, &f->out->same, ((tn_same){v, owner}));
    return v;
}

void
tn_flat_carry_in(tn_flattener *f, tn_value *const *first, int count)
{
    for (int i = 0; i < count; i++) {
        const tn_value *out = f->op->out[i];

        f->first[i] = tn_flat_copied(f, first[i], out->name);
        f->now[i] = tn_flat_slot(f, out->type, f->first[i], out->name);
    }
}

void
tn_flat_move_out(tn_flattener *f, tn_block *body)
{
    while (body->first)
        tn_op_move_before(body->first, f->op);
}

tn_op *
tn_flat_behind(const tn_op *last, const tn_op *op)
{
    return last ? last->next : op->block->first;
}

void
tn_flat_give(tn_flattener *f, int i, tn_value *result)
{
    tn_flat_carry carry = {.memory = f->first[i], .now = f->now[i], .result = result};

    f->next[i] = NULL;
    if (result == f->now[i])
        return;
    f->next[i] = tn_flat_copied(f, result, f->op->out[i]->name);
    carry.next = f->next[i]->def;
    tn_push(f->arena, &f->out->carries, carry);
}

void
tn_flat_take_over(tn_flattener *f, int i, tn_value *go)
{
    tn_build b = tn_build_before(f->op);
    tn_value *v;

    if (!f->next[i])
        return;
    if (go)
        v = tn_flat_keep(f, tn_build_map3(&b, TN_OP_where, go, f->next[i], f->now[i]));
    else
        v = tn_flat_copied(f, f->next[i], NULL);
    v->name = f->op->out[i]->name;
    f->now[i] = v;
    tn_push(f->arena, &f->out->same, ((tn_same){v, f->first[i]}));
    for (uint32_t n = 0; n < f->out->carries.count; n++)
        if (f->out->carries.at[n].next == f->next[i]->def)
            f->out->carries.at[n].over = v->def;
}

/* ---- while and if ---- */

/* The values that the parameters of a body stand for. */
static void
enter(tn_flattener *f, tn_block *body)
{
    for (uint32_t i = 0; i < body->params.count; i++)
        tn_value_replace(body->params.at[i], f->now[i]);
}

/* The regions of a loop up to its end; `last` is what stood before them, `go`
 * whether its body runs. */
static tn_flat_loop *
lay_round(tn_flattener *f, tn_op *last, tn_block *body, tn_value *go, tn_size limit)
{
    tn_op *op = f->op, *over;
    tn_flat_loop loop = {.limit = limit, .go = tn_flat_copied(f, go, "go"), .behind = op->next};

    loop.first = tn_flat_behind(last, op);
    last = op->prev;
    enter(f, body);
    tn_flat_move_out(f, body);
    for (int i = 0; i < op->out_count; i++)
        tn_flat_give(f, i, body->results.at[i]);
    loop.body = tn_flat_behind(last, op);
    last = op->prev;
    for (int i = 0; i < op->out_count; i++)
        tn_flat_take_over(f, i, loop.go);
    over = tn_flat_behind(last, op);
    tn_push(f->arena, &f->out->starts, loop.first);
    tn_push(f->arena, &f->out->starts, loop.body);
    tn_push(f->arena, &f->out->starts, over);
    tn_push(f->arena, &f->out->loops, loop);
    return &f->out->loops.at[f->out->loops.count - 1];
}

static void
finish(tn_flattener *f)
{
    tn_op *op = f->op;

    if (op->next)
        tn_push(f->arena, &f->out->starts, op->next);
    for (int i = 0; i < op->out_count; i++)
        tn_value_replace(op->out[i], f->now[i]);
}

static void
lay_out_while(tn_flattener *f)
{
    tn_op *op = f->op, *last;

    tn_flat_carry_in(f, op->in, op->out_count);
    last = op->prev;
    enter(f, op->body[0]);
    tn_flat_move_out(f, op->body[0]);
    (void)lay_round(f, last, op->body[1], op->body[0]->results.at[0],
        op->attr[TN_ATTR_while_limit].sizes[0]);
    finish(f);
}

/* A loop of one round for each side, over the same results. */
static void
lay_out_if(tn_flattener *f)
{
    tn_op *op = f->op, *last;
    tn_size once = tn_size_int(op->graph->sizes, 1);
    tn_build b = tn_build_before(op);
    tn_value **none = tn_new_array(f->arena, tn_value *, op->out_count);
    tn_flat_loop *loop;

    for (int i = 0; i < op->out_count; i++) {
        tn_number zero = tn_number_int(0);

        zero.kind = op->out[i]->type.dtype == TN_BOOL ? TN_NUMBER_BOOL : zero.kind;
        none[i] = tn_build_fill(&b, op->out[i]->type, zero);
    }
    tn_flat_carry_in(f, none, op->out_count);
    loop = lay_round(f, op->prev, op->body[0], op->in[0], once);
    last = op->prev;
    for (int i = 0; i < op->out_count; i++)
        none[i] = f->now[i];
    tn_flat_carry_in(f, none, op->out_count);
    loop->behind = tn_flat_behind(last, op);
    tn_push(f->arena, &f->out->starts, loop->behind);
    last = op->prev;
    (void)lay_round(f, last, op->body[1], tn_build_map1(&b, TN_OP_not, op->in[0]), once);
    finish(f);
}

/* ---- the entry ---- */

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

/* The first operation of what came in the place of `op`; what is to be laid out
 * inside is found from there. */
static tn_op *
flatten_one(tn_arena *arena, tn_flat *out, tn_op *op)
{
    tn_flattener f = {.arena = arena, .out = out, .op = op};
    const tn_op *before = op->prev;
    tn_op *next;

    if (op->out_count) {
        f.first = tn_new_array(arena, tn_value *, op->out_count);
        f.now = tn_new_array(arena, tn_value *, op->out_count);
        f.next = tn_new_array(arena, tn_value *, op->out_count);
        if (op->code == TN_OP_scan)
            tn_flat_scan(&f);
        else if (op->code == TN_OP_while)
            lay_out_while(&f);
        else
            lay_out_if(&f);
    }
    next = tn_flat_behind(before, op);
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
    tn_branch_settle(g);
    for (tn_op *op = g->block->first; op;) {
        tn_op *next = op->next, *before = op->prev;

        if (op->code == TN_OP_if && tn_branch_is_light(op)) {
            tn_branch_choose(op);
            move_starts(out, op, before ? before->next : g->block->first);
        } else if (op->code == TN_OP_while || op->code == TN_OP_if ||
            (op->code == TN_OP_scan && !tn_scan_fits_kernel(op))) {
            next = flatten_one(arena, out, op);
        }
        op = next;
    }
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
