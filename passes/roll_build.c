/* SPDX-License-Identifier: Apache-2.0
 * A scan in place of steps that were written out. */
#include <string.h>

#include "passes/dims.h"
#include "passes/finding.h"
#include "passes/roll_in.h"

typedef struct builder {
    tn_roll *r;
    tn_build b;
    tn_graph *g;
    tn_op *scan;
    tn_value *inner[TN_ROLL_SLOTS]; /* in the body */
    int param[TN_ROLL_SLOTS];       /* of slices */
    bool *inside, *own, *late;      /* by op id */
    uint32_t ops;
    int give; /* slot of what a step gives */
} builder;

static tn_value *
last_value(const tn_roll *r, int slot)
{
    return *tn_roll_at(r, r->steps - 1, slot);
}

/* ---- which values leave the loop ---- */

/* Made in that step, or taken by the first as it is. */
static bool
is_made(const tn_roll *r, int step, int slot)
{
    return r->slot[slot].kind == TN_ROLL_OP && (step > 0 || slot != r->entry);
}

/* Its operands are pieces, or made of them alone. */
static bool
is_own(const tn_roll *r, int slot)
{
    const tn_op *op = last_value(r, slot)->def;
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    if (kind != TN_LOWER_map && kind != TN_LOWER_view)
        return false;
    for (int i = 0; i < slot; i++)
        for (int k = 0; k < op->in_count; k++)
            if (op->in[k] == last_value(r, i) &&
                (r->slot[i].kind == TN_ROLL_CARRY ||
                    (r->slot[i].kind == TN_ROLL_OP && !r->slot[i].own)))
                return false;
    return true;
}

static void
mark_inside(builder *x)
{
    tn_roll *r = x->r;

    for (int i = 0; i < r->slots; i++)
        r->slot[i].own = r->slot[i].kind == TN_ROLL_OP && is_own(r, i);
    for (int s = 0; s < r->steps; s++)
        for (int i = 0; i < r->slots; i++) {
            const tn_op *op = is_made(r, s, i) ? (*tn_roll_at(r, s, i))->def : NULL;

            if (!op)
                continue;
            x->inside[op->id] = true;
            x->own[op->id] = r->slot[i].own;
        }
}

/* Something in a step, that does not stay outside, is behind it. */
static bool
takes_step(const builder *x, const tn_value *v, bool *seen)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT && v->def->block == x->r->block ? v->def : NULL;

    if (!op || op->id >= x->ops || seen[op->id])
        return false;
    seen[op->id] = true;
    if (x->inside[op->id] && !x->own[op->id])
        return true;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && takes_step(x, op->in[i], seen))
            return true;
    return false;
}

static bool
leaves(const builder *x, const tn_value *v)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *op = v->uses.at[i].op;

        if (!op || op->block != x->r->block || !x->inside[op->id])
            return true;
    }
    return false;
}

static bool
views_carry(const tn_roll *r, int slot)
{
    const tn_op *op = last_value(r, slot)->def;

    if (!tn_op_is_free_view(op) || op->in_count != 1)
        return false;
    for (int i = 0; i < slot; i++)
        if (r->slot[i].kind == TN_ROLL_CARRY && last_value(r, i) == op->in[0])
            return true;
    return false;
}

static void
find_collected(builder *x)
{
    tn_roll *r = x->r;
    bool before = false;

    for (int i = 0; i < r->slots; i++) {
        tn_roll_slot *slot = &r->slot[i];
        bool give = last_value(r, i) == r->gives[r->steps - 1], left = false;

        if (slot->kind != TN_ROLL_OP)
            continue;
        if (give)
            x->give = i;
        for (int s = 0; s < r->steps - give; s++)
            left |= is_made(r, s, i) && leaves(x, *tn_roll_at(r, s, i));
        slot->before = left && !give && views_carry(r, i);
        slot->collected = left && !slot->before && !slot->own;
        before |= slot->before;
    }
    r->slot[x->give].collected |= before;
}

/* ---- the loop ---- */

static int64_t
place_at(const tn_roll *r, int step, int slot)
{
    const tn_op *op = (*tn_roll_at(r, step, slot))->def;
    int64_t at = 0;

    (void)tn_size_is_int(op->attr[tn_roll_place(op)].sizes[0], &at);
    return at;
}

static int
view_axis(const tn_op *op)
{
    return (int)tn_op_int(op, tn_op_find_attr(op->code, "axis"));
}

/* The pieces of all steps along axis 0. */
static tn_value *
pieces(builder *x, int slot)
{
    const tn_roll *r = x->r;
    const tn_op *op = last_value(r, slot)->def;
    int axis = view_axis(op), first = r->backward ? r->steps - 1 : 0;
    tn_size start = tn_size_int(x->g->sizes, place_at(r, first, slot));
    tn_size size = tn_size_int(x->g->sizes, r->steps);
    tn_value *v = tn_build_slice(&x->b, op->in[0], axis, start, size);
    int64_t perm[TN_MAX_RANK] = {axis};

    for (int i = 0, n = 1; i < v->type.rank; i++)
        if (i != axis)
            perm[n++] = i;
    return axis ? tn_build_transpose(&x->b, v, perm) : v;
}

static tn_build
open_scan(builder *x)
{
    const tn_roll *r = x->r;
    tn_value *in[TN_ROLL_SLOTS + 1] = {r->first};
    int count = 1;
    tn_size steps = tn_size_int(x->g->sizes, r->steps);

    for (int i = 0; i < r->slots; i++)
        if (r->slot[i].kind == TN_ROLL_SLICE) {
            x->param[i] = count;
            in[count++] = pieces(x, i);
        }
    x->scan = tn_build_scan(&x->b, in, count, 1, 0, r->backward, count == 1 ? &steps : NULL);
    return (tn_build){.block = x->scan->body[0], .path = x->b.path, .from = x->b.from};
}

/* first + delta * step, from the position of the slice. */
static tn_value *
number(const builder *x, tn_build *b, int slot)
{
    const tn_roll *r = x->r;
    const tn_value *v = last_value(r, slot);
    int64_t delta = r->slot[slot].delta;
    int64_t base = v->number.num - delta * (r->steps - 1);
    tn_value *at = b->block->params.at[b->block->params.count - 1];

    if (r->backward) {
        base += delta * (r->steps - 1);
        delta = -delta;
    }
    at = tn_build_cast(b, at, v->type.dtype);
    if (delta != 1)
        at = tn_build_map2(b, TN_OP_mul, at, tn_build_int(b, v->type.dtype, delta));
    return tn_build_map2(b, TN_OP_add, at, tn_build_int(b, v->type.dtype, base));
}

static tn_value *
slice(const builder *x, tn_build *b, int slot)
{
    const tn_op *op = last_value(x->r, slot)->def;
    tn_value *v = b->block->params.at[x->param[slot]];
    int64_t axis = view_axis(op);

    return op->code == TN_OP_index ? v : tn_build_unsqueeze(b, v, &axis, 1);
}

static tn_value *
again(const builder *x, tn_build *b, int slot)
{
    const tn_op *op = last_value(x->r, slot)->def;
    tn_value **in = tn_new_array(x->r->arena, tn_value *, op->in_count + 1);

    for (int i = 0; i < op->in_count; i++)
        for (int k = 0; op->in[i] && k < slot; k++)
            if (last_value(x->r, k) == op->in[i])
                in[i] = x->inner[k];
    return tn_build_copy(b, op, in)->out[0];
}

static void
fill_body(builder *x, tn_build *b)
{
    const tn_roll *r = x->r;

    for (int i = 0; i < r->slots; i++)
        switch (r->slot[i].kind) {
        case TN_ROLL_CARRY: x->inner[i] = b->block->params.at[0]; break;
        case TN_ROLL_SAME: x->inner[i] = last_value(r, i); break;
        case TN_ROLL_NUMBER: x->inner[i] = number(x, b, i); break;
        case TN_ROLL_SLICE: x->inner[i] = slice(x, b, i); break;
        case TN_ROLL_GONE: break;
        default: x->inner[i] = again(x, b, i); break;
        }
    tn_block_result(b->block, x->inner[x->give]);
    for (int i = 0; i < r->slots; i++)
        if (r->slot[i].collected)
            tn_block_result(b->block, x->inner[i]);
}

/* ---- in place of the steps ---- */

static tn_value *
collected_at(builder *x, int result, int step)
{
    const tn_roll *r = x->r;
    int at = r->backward ? r->steps - 1 - step : step;

    return tn_build_index(&x->b, x->scan->out[result], 0, tn_size_int(x->g->sizes, at));
}

/* Views of what the steps before gave. */
static void
replace_before(builder *x, int slot, int give)
{
    const tn_roll *r = x->r;

    for (int s = 0; s < r->steps; s++) {
        tn_value *old = *tn_roll_at(r, s, slot), *in[1];

        if (!is_made(r, s, slot) || !leaves(x, old))
            continue;
        in[0] = s ? collected_at(x, give, s - 1) : r->first;
        tn_value_replace(old, tn_build_copy(&x->b, old->def, in)->out[0]);
    }
}

static void
replace(builder *x)
{
    tn_roll *r = x->r;
    int n = 1, give = 0;

    for (int i = 0; i < r->slots; i++) {
        if (!r->slot[i].collected)
            continue;
        for (int s = 0; s < r->steps; s++) {
            tn_value *old = *tn_roll_at(r, s, i);

            if (is_made(r, s, i) && leaves(x, old))
                tn_value_replace(old, collected_at(x, n, s));
        }
        give = i == x->give ? n : give;
        n++;
    }
    for (int i = 0; i < r->slots; i++)
        if (r->slot[i].before)
            replace_before(x, i, give);
    tn_value_replace(r->gives[r->steps - 1], x->scan->out[0]);
}

static bool
reads_late(const builder *x, const tn_op *op)
{
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->kind == TN_VALUE_RESULT && x->late[op->in[i]->def->id])
            return true;
    for (int i = 0; i < op->body_count; i++) {
        const tn_block *body = op->body[i];

        for (const tn_op *o = body->first; o; o = o->next)
            if (reads_late(x, o))
                return true;
        for (uint32_t k = 0; k < body->results.count; k++)
            if (body->results.at[k]->kind == TN_VALUE_RESULT &&
                x->late[body->results.at[k]->def->id])
                return true;
    }
    return false;
}

static bool
is_step(const builder *x, const tn_op *op)
{
    return op->id < x->ops && x->inside[op->id];
}

/* Readers of early steps go behind the loop, which stands at the last. */
static void
move_readers(builder *x, tn_op *anchor)
{
    x->late = tn_new_array(x->r->arena, bool, x->g->op_count);
    for (tn_op *op = x->scan; op != anchor; op = op->next)
        x->late[op->id] = true;
    for (tn_op *op = x->r->block->first, *after; op != x->scan; op = after) {
        after = op->next;
        if (is_step(x, op) || !reads_late(x, op))
            continue;
        x->late[op->id] = true;
        tn_op_move_before(op, anchor);
    }
}

/* The nodes of the file that the steps were made of. */
static void
note_nodes(const builder *x)
{
    const char *before = "";

    for (const tn_op *op = x->r->block->first; op; op = op->next) {
        const char *name = is_step(x, op) ? tn_node_name(op) : before;

        if (strcmp(name, before) != 0)
            tn_push(x->r->arena, &x->scan->was, name);
        before = name;
    }
}

static void
remove_steps(const builder *x)
{
    for (tn_op *op = x->r->block->last, *before; op; op = before) {
        before = op->prev;
        if (is_step(x, op) && !(x->own[op->id] && op->out[0]->uses.count))
            tn_op_remove(op);
    }
}

/* What the loop takes is there before it. */
static bool
can_stand(const builder *x)
{
    const tn_roll *r = x->r;
    bool *seen = tn_new_array(r->arena, bool, x->ops);

    if (takes_step(x, r->first, seen))
        return false;
    for (int i = 0; i < r->slots; i++) {
        const tn_value *v = last_value(r, i);

        if ((r->slot[i].kind == TN_ROLL_SLICE && takes_step(x, v->def->in[0], seen)) ||
            (r->slot[i].kind == TN_ROLL_SAME && takes_step(x, v, seen)))
            return false;
    }
    return true;
}

bool
tn_roll_build(tn_roll *r)
{
    tn_op *anchor = r->gives[r->steps - 1]->def;
    builder x = {.r = r, .b = tn_build_before(anchor), .g = r->block->graph};
    tn_build body;

    x.ops = x.g->op_count + 1; /* and the reshape */
    x.inside = tn_new_array(r->arena, bool, x.ops);
    x.own = tn_new_array(r->arena, bool, x.ops);
    mark_inside(&x);
    if (!can_stand(&x))
        return false;
    if (!tn_type_equal(&r->first->type, &r->gives[0]->type))
        r->first = tn_build_reshape(&x.b, r->first, r->gives[0]->type.dim, r->gives[0]->type.rank);
    find_collected(&x);
    body = open_scan(&x);
    fill_body(&x, &body);
    (void)tn_build_finish(x.scan);
    note_nodes(&x);
    x.scan->out[0]->name = r->gives[r->steps - 1]->name;
    replace(&x);
    move_readers(&x, anchor);
    remove_steps(&x);
    return true;
}
