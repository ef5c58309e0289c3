/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/roll.h"

#include <string.h>

#include "passes/clean.h"
#include "passes/dims.h"
#include "passes/roll_in.h"

/* Candidates are operations alike in code, attributes and types. Of those that
 * follow one another, the last two tell what a step is made of; the others are
 * held against that, from the last to the first. */

/* The last of a family may be others, after the steps: so many at most. */
enum { FAMILIES = 256, MEMBERS = 1024, ENDS = 3 };
/* A step may have several operations alike: at most so many. */
enum { ALIKE_IN_STEP = 4 };
/* What no step is in has so many operations behind one another at most. */
enum { EARLY = 6 };

int
tn_roll_place(const tn_op *op)
{
    if (op->code == TN_OP_index)
        return TN_ATTR_index_at;
    return op->code == TN_OP_slice &&
            tn_size_is_one(op->out[0]->type.dim[tn_op_int(op, TN_ATTR_slice_axis)])
        ? TN_ATTR_slice_start
        : -1;
}

static bool
alike(const tn_op *a, const tn_op *b)
{
    int place = tn_roll_place(a);

    if (a->code != b->code || a->in_count != b->in_count || a->out_count != 1 ||
        b->out_count != 1 || a->body_count || b->body_count ||
        !tn_type_equal(&a->out[0]->type, &b->out[0]->type))
        return false;
    for (int i = 0; i < tn_op_info_of(a->code)->attr_count; i++)
        if (i != place && !tn_attr_equal(&a->attr[i], &b->attr[i]))
            return false;
    return true;
}

static bool
place_of(const tn_op *op, int64_t *at)
{
    int place = tn_roll_place(op);

    return place >= 0 && op->attr[place].operand < 0 &&
        tn_size_is_int(op->attr[place].sizes[0], at);
}

/* How far `b` is ahead of `a`, if both look at one tensor. */
static bool
apart(const tn_value *a, const tn_value *b, int64_t *delta)
{
    int64_t x, y;

    if (a->kind != TN_VALUE_RESULT || b->kind != TN_VALUE_RESULT || !alike(a->def, b->def) ||
        a->def->in[0] != b->def->in[0] || !place_of(a->def, &x) || !place_of(b->def, &y))
        return false;
    *delta = y - x;
    return true;
}

static bool
whole(const tn_value *v, int64_t *n)
{
    if (v->kind != TN_VALUE_LITERAL || v->number.kind != TN_NUMBER_RATIONAL || v->number.den != 1)
        return false;
    *n = v->number.num;
    return true;
}

static bool
is_same(const tn_value *u, const tn_value *v)
{
    return u == v || tn_literal_equal(u, v);
}

static bool
may_repeat(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_map || kind == TN_LOWER_reduce || kind == TN_LOWER_order ||
        kind == TN_LOWER_view || kind == TN_LOWER_gather || kind == TN_LOWER_make ||
        kind == TN_LOWER_contract;
}

/* ---- the last two steps tell what there is ---- */

static int
slot_of(const tn_roll *r, const tn_value *v)
{
    for (int i = 0; i < r->slots; i++)
        if (*tn_roll_at(r, r->steps - 1, i) == v)
            return i;
    return -1;
}

static int
add_slot(tn_roll *r, tn_roll_kind kind, int64_t delta, tn_value *v)
{
    if (r->slots == TN_ROLL_SLOTS)
        return -1;
    r->slot[r->slots] = (tn_roll_slot){.kind = kind, .delta = delta};
    *tn_roll_at(r, r->steps - 1, r->slots) = v;
    return r->slots++;
}

static bool
is_step(int64_t delta)
{
    return delta == 1 || delta == -1;
}

static bool describe(tn_roll *r, tn_value *u, tn_value *v);

static bool
describe_op(tn_roll *r, tn_value *u, tn_value *v)
{
    if (u->kind != TN_VALUE_RESULT || v->kind != TN_VALUE_RESULT || !alike(u->def, v->def) ||
        !may_repeat(v->def) || r->depth >= TN_ROLL_DEPTH)
        return false;
    r->depth++;
    for (int i = 0; i < v->def->in_count; i++)
        if (!u->def->in[i] != !v->def->in[i] ||
            (v->def->in[i] && !describe(r, u->def->in[i], v->def->in[i])))
            return false;
    r->depth--;
    return add_slot(r, TN_ROLL_OP, 0, v) >= 0;
}

static bool
describe(tn_roll *r, tn_value *u, tn_value *v)
{
    int64_t delta, a, b;

    if (slot_of(r, v) >= 0)
        return true; /* held against all steps below */
    if (v == r->gives[r->steps - 2])
        return (r->steps == 2 ? tn_type_equal(&u->type, &v->type) : u == r->gives[r->steps - 3]) &&
            add_slot(r, TN_ROLL_CARRY, 0, v) >= 0;
    if (is_same(u, v))
        return add_slot(r, TN_ROLL_SAME, 0, v) >= 0;
    if (whole(u, &a) && whole(v, &b) && u->type.dtype == v->type.dtype)
        return add_slot(r, TN_ROLL_NUMBER, b - a, v) >= 0;
    if (apart(u, v, &delta) && is_step(delta))
        return add_slot(r, TN_ROLL_SLICE, delta, v) >= 0;
    return describe_op(r, u, v);
}

/* ---- one step against the last ---- */

static bool hold(tn_roll *r, int step, tn_value *u, tn_value *v);

static bool
hold_operands(tn_roll *r, int step, const tn_value *u, const tn_value *v)
{
    if (u->kind != TN_VALUE_RESULT || !alike(u->def, v->def))
        return false;
    for (int i = 0; i < v->def->in_count; i++)
        if (!u->def->in[i] != !v->def->in[i] ||
            (v->def->in[i] && !hold(r, step, u->def->in[i], v->def->in[i])))
            return false;
    return true;
}

static bool
hold_carry(tn_roll *r, int step, const tn_value *u)
{
    return step > 0 && u == r->gives[step - 1];
}

/* Axes of size 1 apart. */
static bool
same_but_ones(const tn_type *a, const tn_type *b)
{
    int i = 0, k = 0;

    while (i < a->rank || k < b->rank) {
        if (i < a->rank && tn_size_is_one(a->dim[i]))
            i++;
        else if (k < b->rank && tn_size_is_one(b->dim[k]))
            k++;
        else if (i == a->rank || k == b->rank || !tn_size_equal(a->dim[i++], b->dim[k++]))
            return false;
    }
    return a->dtype == b->dtype;
}

/* What the first step takes may lack a view that the others see it through. */
static bool
enters(tn_roll *r, int step, int slot, tn_value *u, const tn_value *v)
{
    const tn_op *op = v->def;
    int carry = op->in_count == 1 ? slot_of(r, op->in[0]) : -1;

    if (r->first || carry < 0 || r->slot[carry].kind != TN_ROLL_CARRY ||
        (op->code != TN_OP_squeeze && op->code != TN_OP_unsqueeze && op->code != TN_OP_reshape) ||
        (u->kind == TN_VALUE_RESULT && alike(u->def, op)) || !tn_type_equal(&u->type, &v->type))
        return false;
    r->first = u;
    r->entry = slot;
    *tn_roll_at(r, step, carry) = u;
    return true;
}

static bool
hold(tn_roll *r, int step, tn_value *u, tn_value *v)
{
    int slot = slot_of(r, v);
    int64_t ahead = r->steps - 1 - step, delta, a, b;
    tn_value **seen;

    if (slot < 0)
        return false;
    seen = tn_roll_at(r, step, slot);
    if (*seen)
        return *seen == u;
    *seen = u;
    switch (r->slot[slot].kind) {
    case TN_ROLL_CARRY:
        /* The first step takes anything of the type, or nearly. */
        if (hold_carry(r, step, u))
            return true;
        r->first = u;
        return same_but_ones(&u->type, &v->type);
    case TN_ROLL_SAME: return is_same(u, v);
    case TN_ROLL_NUMBER:
        return whole(u, &a) && whole(v, &b) && b - a == ahead * r->slot[slot].delta;
    case TN_ROLL_SLICE: return apart(u, v, &delta) && delta == ahead * r->slot[slot].delta;
    default: return enters(r, step, slot, u, v) || hold_operands(r, step, u, v);
    }
}

/* The first step whose steps all fit; steps before it are dropped. */
static int
hold_all(tn_roll *r)
{
    int last = r->steps - 1;

    for (int step = last - 1; step >= 0; step--) {
        r->first = NULL;
        r->entry = -1;
        for (int i = 0; i < r->slots; i++)
            *tn_roll_at(r, step, i) = NULL;
        if (!hold(r, step, r->gives[step], r->gives[last])) {
            r->entry = -1;
            return step + 1;
        }
        if (r->first)
            return step;
    }
    return r->steps;
}

static void
drop_steps(tn_roll *r, int from)
{
    int carry = 0;

    while (r->slot[carry].kind != TN_ROLL_CARRY)
        carry++;
    r->steps -= from;
    r->gives += from;
    r->value += (size_t)from * TN_ROLL_SLOTS;
    r->first = *tn_roll_at(r, 0, carry);
}

/* ---- what else every step has ---- */

static int
slot_in(const tn_roll *r, int step, const tn_value *v)
{
    for (int i = 0; i < r->slots; i++)
        if (*tn_roll_at(r, step, i) == v)
            return i;
    return -1;
}

/* Known before the loop, which stands at the last step: no step is in it. */
static bool
is_early(const tn_roll *r, const tn_value *v, int depth)
{
    const tn_op *first = r->gives[0]->def, *last = r->gives[r->steps - 1]->def;
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    if (!op)
        return true;
    if (op->id >= r->ops || op->block != r->block || r->position[op->id] >= r->position[last->id])
        return false;
    if (r->position[op->id] < r->position[first->id])
        return slot_in(r, 0, v) < 0;
    if (depth == EARLY || op->body_count)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && !is_early(r, op->in[i], depth + 1))
            return false;
    return true;
}

/* The operation of another step that stands where `g` stands in the last;
 * operands that are no slot yet may be pieces that go along with the steps. */
static tn_value *
sibling(tn_roll *r, const tn_op *g, int step, int slot)
{
    const tn_value *v = *tn_roll_at(r, step, slot);

    for (uint32_t i = 0; i < v->uses.count; i++) {
        tn_op *h = v->uses.at[i].op;
        bool fits = h && h->block == r->block && alike(h, g);

        for (int k = 0; fits && k < g->in_count; k++) {
            int at = g->in[k] ? slot_of(r, g->in[k]) : -1;

            if (at >= 0 || !g->in[k] || !h->in[k])
                fits = at >= 0 ? h->in[k] == *tn_roll_at(r, step, at) : g->in[k] == h->in[k];
            else
                fits = is_same(h->in[k], g->in[k])
                    ? is_early(r, g->in[k], 0)
                    : tn_type_equal(&h->in[k]->type, &g->in[k]->type);
        }
        if (fits)
            return h->out[0];
    }
    return NULL;
}

static bool
is_place(const tn_op *op)
{
    return op->code == TN_OP_arg_max || op->code == TN_OP_arg_min;
}

static bool
find_siblings(tn_roll *r, const tn_op *g, int slot, tn_value **found)
{
    int first = 0;

    for (int step = 0; step < r->steps; step++) {
        found[step] = sibling(r, g, step, slot);
        /* Nobody wanted the pointers of the first step: it stays outside. */
        if (!found[step] && !step && is_place(g) && r->steps > TN_ROLL_LEAST + 1)
            first = 1;
        else if (!found[step])
            return false;
        /* What the next step makes of it is no result of this one. */
        if (step + 1 < r->steps && slot_in(r, step + 1, found[step]) >= 0)
            return false;
    }
    if (first) {
        drop_steps(r, first);
        r->entry = -1;
        memmove(found, found + first, (size_t)r->steps * sizeof *found);
    }
    return true;
}

/* What was added from `from` on goes in the direction of the loop, and is
 * there before it. */
static bool
goes_along(const tn_roll *r, int from)
{
    for (int i = from; i < r->slots; i++) {
        const tn_roll_slot *s = &r->slot[i];
        const tn_value *v = *tn_roll_at(r, r->steps - 1, i);

        if ((s->kind == TN_ROLL_SLICE && (s->delta < 0) != r->backward) ||
            (s->kind == TN_ROLL_SLICE && !is_early(r, v->def->in[0], 0)) ||
            (s->kind == TN_ROLL_SAME && !is_early(r, v, 0)))
            return false;
    }
    return true;
}

/* An operand of siblings that is no slot yet. */
static bool
add_operand(tn_roll *r, tn_value **found, int k)
{
    int last = r->steps - 1, from = r->slots;
    tn_value *v = found[last]->def->in[k];

    if (!v || slot_of(r, v) >= 0)
        return true;
    r->depth = 0;
    if (!describe(r, found[last - 1]->def->in[k], v) || !goes_along(r, from))
        return false;
    for (int step = 0; step < last; step++)
        for (int i = from; i < r->slots; i++)
            *tn_roll_at(r, step, i) = NULL;
    for (int step = 0; step < last; step++)
        if (!hold(r, step, found[step]->def->in[k], v))
            return false;
    return true;
}

static bool
add_sibling(tn_roll *r, tn_op *g, int slot)
{
    tn_value *found[MEMBERS];
    int added, from = r->slots;

    if (g->out_count != 1 || g->body_count || !may_repeat(g) || tn_roll_place(g) >= 0 ||
        slot_of(r, g->out[0]) >= 0 || !find_siblings(r, g, slot, found))
        return false;
    for (int k = 0; k < g->in_count; k++)
        if (!add_operand(r, found, k)) {
            r->slots = from;
            return false;
        }
    added = add_slot(r, TN_ROLL_OP, 0, g->out[0]);
    for (int step = 0; added >= 0 && step < r->steps; step++)
        *tn_roll_at(r, step, added) = found[step];
    return added >= 0;
}

static void
add_siblings(tn_roll *r)
{
    for (int slot = 0; slot < r->slots; slot++) {
        const tn_value *v = *tn_roll_at(r, r->steps - 1, slot);

        if (r->slot[slot].kind != TN_ROLL_OP && r->slot[slot].kind != TN_ROLL_SLICE)
            continue;
        for (uint32_t i = 0; i < v->uses.count; i++)
            if (v->uses.at[i].op && v->uses.at[i].op->block == r->block)
                (void)add_sibling(r, v->uses.at[i].op, slot);
    }
}

static bool
is_read_inside(const tn_roll *r, const tn_value *v)
{
    for (uint32_t i = 0; i < v->uses.count; i++)
        for (int slot = 0; v->uses.at[i].op && slot < r->slots; slot++)
            if (r->slot[slot].kind == TN_ROLL_OP &&
                (*tn_roll_at(r, r->steps - 1, slot))->def == v->uses.at[i].op)
                return true;
    return false;
}

/* Views that lead out of the loop stay outside. */
static void
drop_views(tn_roll *r, int from)
{
    for (int i = r->slots - 1; i >= from; i--) {
        const tn_value *v = *tn_roll_at(r, r->steps - 1, i);

        if (r->slot[i].kind == TN_ROLL_OP && tn_op_is_free_view(v->def) &&
            v->def->code != TN_OP_squeeze && !is_read_inside(r, v))
            r->slot[i].kind = TN_ROLL_GONE;
    }
}

/* ---- is it worth it ---- */

static bool
is_wanted(tn_roll *r)
{
    bool chain = false, contracts = false, sums = false;
    int64_t delta = 0;

    for (int i = 0; i < r->slots; i++) {
        const tn_roll_slot *s = &r->slot[i];
        const tn_value *v = *tn_roll_at(r, r->steps - 1, i);

        if (s->kind == TN_ROLL_OP) {
            tn_lower_kind kind = tn_lower_kind_of(v->def->code);

            r->reduces |= kind == TN_LOWER_reduce || kind == TN_LOWER_gather;
            contracts |= kind == TN_LOWER_contract;
            sums |= v->def->code == TN_OP_log;
            chain |= v->def->code == TN_OP_reduce_max || v->def->code == TN_OP_reduce_min ||
                v->def->code == TN_OP_log || kind == TN_LOWER_gather;
        }
        if (s->kind != TN_ROLL_SLICE)
            continue;
        if (delta && delta != s->delta)
            return false;
        delta = s->delta;
    }
    r->backward = delta < 0;
    /* Products are worth kernels of their own, but for sums of exponentials. */
    if (contracts && !(sums && delta))
        return false;
    return r->reduces && r->first != NULL && (r->steps > 2 || (chain && delta));
}

/* ---- chains ---- */

static bool
carries(const tn_roll *r)
{
    for (int i = 0; i < r->slots; i++)
        if (r->slot[i].kind == TN_ROLL_CARRY)
            return true;
    return false;
}

/* The steps that the operations make, first held against the last; NULL: none
 * worth a loop. */
static tn_roll *
find_chain(tn_roll *r, tn_value **gives, int count)
{
    int from;

    r->steps = count;
    r->gives = gives;
    if (!describe_op(r, gives[count - 2], gives[count - 1]) || !carries(r))
        return NULL;
    from = hold_all(r);
    if (count - from < TN_ROLL_LEAST)
        return NULL;
    drop_steps(r, from);
    return is_wanted(r) ? r : NULL;
}

static bool
build_chain(tn_roll *r)
{
    int own = r->slots;

    add_siblings(r);
    drop_views(r, own);
    return tn_roll_build(r);
}

/* Candidates alike: the same code, type and attributes, in order. */
typedef struct family {
    tn_op *first;
    TN_VEC(tn_value *) members;
} family;

/* Every `apart`-th of the first `n` members, the last of them the last. */
static int
pick(const family *f, int n, int apart, tn_value **gives)
{
    int count = n / apart + (n % apart != 0);

    for (int i = 0; i < count; i++)
        gives[count - 1 - i] = f->members.at[n - 1 - i * apart];
    return count;
}

static tn_roll *
try_family(tn_block *block, uint32_t *position, uint32_t ops, const family *f)
{
    tn_arena *arena = block->graph->module->arena;
    int n = (int)f->members.count, least = n - ENDS;
    tn_value **room, **gives;
    tn_roll *r;

    if (n < TN_ROLL_LEAST)
        return NULL;
    room = tn_new_array(arena, tn_value *, (size_t)n * TN_ROLL_SLOTS);
    gives = tn_new_array(arena, tn_value *, n);
    r = tn_new(arena, tn_roll);
    for (; n >= TN_ROLL_LEAST && n > least; n--)
        for (int apart = 1; apart <= ALIKE_IN_STEP; apart++) {
            int count = pick(f, n, apart, gives);

            *r = (tn_roll){
                .block = block, .arena = arena, .position = position, .ops = ops, .value = room};
            if (count >= TN_ROLL_LEAST && find_chain(r, gives, count))
                return r;
        }
    return NULL;
}

static bool
may_carry(const tn_op *op)
{
    return op->out_count == 1 && op->body_count == 0 && may_repeat(op) && op->in_count > 0 &&
        (op->out[0]->type.rank > 0 || tn_is_int(op->out[0]->type.dtype)) && tn_roll_place(op) < 0 &&
        op->out[0]->uses.count > 0;
}

static int64_t
elements(const tn_type *t)
{
    int64_t all = 1;

    for (int i = 0; i < t->rank; i++) {
        int64_t low, n = 1024;

        low = tn_size_is_int(t->dim[i], &n) ? n : 1024;
        all = all < INT32_MAX ? all * (low < 1 ? 1 : low) : all;
    }
    return all;
}

static void
collect(tn_block *block, tn_arena *arena, family *list, int *count)
{
    for (tn_op *op = block->first; op; op = op->next) {
        int i = 0;

        if (!may_carry(op))
            continue;
        while (i < *count && !alike(list[i].first, op))
            i++;
        if (i == FAMILIES)
            continue;
        if (i == *count)
            list[(*count)++] = (family){.first = op};
        if (list[i].members.count < MEMBERS)
            tn_push(arena, &list[i].members, op->out[0]);
    }
}

/* Small values first, of those what is no view, the later in a step; but of one size what makes
 * most steps is carried. */
static bool
goes_before(const family *a, const family *b, const uint32_t *position)
{
    int64_t x = elements(&a->first->out[0]->type), y = elements(&b->first->out[0]->type);

    if (x == y && tn_op_is_free_view(a->first) != tn_op_is_free_view(b->first))
        return tn_op_is_free_view(b->first);
    return x != y ? x < y : position[a->first->id] > position[b->first->id];
}

static bool
has_repetition(const tn_block *block)
{
    int found = 0;

    for (const tn_op *op = block->first; op; op = op->next)
        found += op->code == TN_OP_reduce_max || op->code == TN_OP_reduce_min ||
            op->code == TN_OP_log || tn_lower_kind_of(op->code) == TN_LOWER_gather;
    return found >= TN_ROLL_LEAST;
}

static bool
roll_block(tn_block *block)
{
    tn_arena *arena = block->graph->module->arena;
    uint32_t ops = block->graph->op_count, at = 0, *position;
    family *list;
    tn_roll *best = NULL;
    int64_t size = 0;
    int count = 0;

    if (!has_repetition(block))
        return false;
    position = tn_new_array(arena, uint32_t, ops);
    list = tn_new_array(arena, family, FAMILIES);
    for (const tn_op *op = block->first; op; op = op->next)
        position[op->id] = at++;
    collect(block, arena, list, &count);
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && goes_before(&list[k], &list[k - 1], position); k--) {
            family swap = list[k];

            list[k] = list[k - 1];
            list[k - 1] = swap;
        }
    for (int i = 0; i < count; i++) {
        int64_t all = elements(&list[i].first->out[0]->type);
        tn_roll *r;

        if (best && all > size)
            break;
        r = try_family(block, position, ops, &list[i]);
        if (!r || (best && r->steps <= best->steps))
            continue;
        best = r;
        size = all;
    }
    return best && build_chain(best);
}

bool
tn_clean_roll(tn_graph *g)
{
    bool changed = false;

    while (roll_block(g->block))
        changed = true;
    return changed;
}
