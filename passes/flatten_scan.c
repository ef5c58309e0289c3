/* SPDX-License-Identifier: Apache-2.0
 * A scan whose body is no part of a kernel: a loop of the plan. */
#include "ir/graph/build.h"
#include "passes/flatten_in.h"
#include "passes/scan_axes.h"

typedef struct counted {
    tn_flattener *f;
    tn_size rounds;
    tn_value *start, *position; /* of the slice: its memory, in a round */
    bool reverse;
} counted;

/* The position of the first slice in memory. */
static void
open_count(counted *c)
{
    tn_flattener *f = c->f;
    tn_sizes *sizes = f->op->graph->sizes;
    tn_build b = tn_build_before(f->op);
    tn_size one = tn_size_int(sizes, 1), first = tn_size_int(sizes, 0);
    tn_value *v;

    if (c->reverse)
        first = tn_size_sub(sizes, tn_size_max(sizes, c->rounds, one), one);
    v = tn_build_iota(&b, first, one, TN_I32);
    v = tn_build_reshape(&b, v, NULL, 0);
    c->start = tn_flat_copied(f, v, "round");
    c->position = tn_flat_slot(f, v->type, c->start, "round");
    c->position->below = c->rounds;
}

static void
step_count(counted *c)
{
    tn_flattener *f = c->f;
    tn_build b = tn_build_before(f->op);
    tn_value *one = tn_build_int(&b, TN_I32, 1);
    tn_value *v = tn_build_map2(&b, c->reverse ? TN_OP_sub : TN_OP_add, c->position, one);

    v->name = "round";
    tn_push(f->arena, &f->out->same, ((tn_same){tn_flat_keep(f, v), c->start}));
}

static tn_value *
slice(counted *c, tn_value *of)
{
    tn_build b = tn_build_before(c->f->op);
    tn_op *op = tn_build_start(&b, TN_OP_index, &of, 1);
    int64_t axis = tn_scan_along(c->f->op, of->type.rank);

    tn_op_set_ints(op, TN_ATTR_index_axis, &axis, 1);
    tn_op_set_place(op, TN_ATTR_index_at, c->position);
    return tn_build_finish(op);
}

static void
enter(counted *c)
{
    tn_flattener *f = c->f;
    const tn_op *op = f->op;
    const tn_block *body = op->body[0];

    for (int i = 0; i < op->in_count; i++)
        tn_value_replace(body->params.at[i],
            i < tn_scan_carries(op) ? f->now[i] : slice(c, op->in[i]));
    tn_value_replace(body->params.at[op->in_count], c->position);
}

/* What a round gives goes to its place in what all of them give. */
static void
collect(counted *c, int n, tn_value *piece)
{
    tn_flattener *f = c->f;
    tn_build b = tn_build_before(f->op);
    int64_t axis = tn_scan_along(f->op, f->op->out[n]->type.rank);
    tn_value *in[] = {f->now[n], tn_build_unsqueeze(&b, piece, &axis, 1)};
    tn_op *update = tn_build_start(&b, TN_OP_update, in, 2);
    tn_flat_carry carry = {.memory = f->first[n], .now = f->now[n]};

    tn_op_set_ints(update, TN_ATTR_update_axis, &axis, 1);
    tn_op_set_place(update, TN_ATTR_update_at, c->position);
    carry.result = tn_build_finish(update);
    carry.result->name = f->op->out[n]->name;
    f->now[n] = carry.result;
    tn_push(f->arena, &f->out->carries, carry);
}

static void
open_results(counted *c)
{
    tn_flattener *f = c->f;

    tn_flat_carry_in(f, f->op->in, tn_scan_carries(f->op));
    for (int n = tn_scan_carries(f->op); n < f->op->out_count; n++)
        f->first[n] = f->now[n] = tn_flat_slot(f, f->op->out[n]->type, NULL, f->op->out[n]->name);
    open_count(c);
}

static void
lay_round(counted *c)
{
    tn_flattener *f = c->f;
    tn_block *body = f->op->body[0];
    int carries = tn_scan_carries(f->op);

    enter(c);
    tn_flat_move_out(f, body);
    for (int i = 0; i < carries; i++)
        tn_flat_give(f, i, body->results.at[i]);
    for (int n = carries; n < f->op->out_count; n++)
        if (f->op->out[n]->uses.count)
            collect(c, n, body->results.at[n]);
}

void
tn_flat_scan(tn_flattener *f)
{
    tn_op *op = f->op, *last, *over;
    counted c = {.f = f, .rounds = tn_scan_rounds(op)};
    tn_flat_loop loop = {.limit = c.rounds, .behind = op->next};

    c.reverse = tn_op_int(op, TN_ATTR_scan_reverse) != 0;
    open_results(&c);
    last = op->prev;
    lay_round(&c);
    loop.first = loop.body = tn_flat_behind(last, op);
    last = op->prev;
    for (int i = 0; i < tn_scan_carries(op); i++)
        tn_flat_take_over(f, i, NULL);
    step_count(&c);
    over = tn_flat_behind(last, op);
    tn_push(f->arena, &f->out->starts, loop.first);
    tn_push(f->arena, &f->out->starts, over);
    if (op->next)
        tn_push(f->arena, &f->out->starts, op->next);
    tn_push(f->arena, &f->out->loops, loop);
    for (int n = 0; n < op->out_count; n++)
        tn_value_replace(op->out[n], f->now[n]);
}
