/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/clean.h"

#include <string.h>

#include "passes/dims.h"

/* Runs `clean` over every block, bodies first. Bodies are as deep as the
 * reader let them be. */
static bool
each_block(tn_block *block, bool (*clean)(tn_block *block))
{
    bool changed = false;

    for (tn_op *op = block->first; op; op = op->next)
        for (int i = 0; i < op->body_count; i++)
            changed |= each_block(op->body[i], clean);
    return clean(block) || changed;
}

/* ---- values nobody reads ---- */

static bool
is_unused(const tn_op *op)
{
    for (int i = 0; i < op->out_count; i++)
        if (op->out[i]->uses.count)
            return false;
    return true;
}

static bool
drop_dead(tn_block *block)
{
    bool changed = false;

    for (tn_op *op = block->last; op;) {
        tn_op *before = op->prev;

        if (is_unused(op)) {
            tn_op_remove(op);
            changed = true;
        }
        op = before;
    }
    return changed;
}

bool
tn_clean_dead(tn_graph *g)
{
    return each_block(g->block, drop_dead);
}

/* ---- equal operations ---- */

bool
tn_number_equal(const tn_number *a, const tn_number *b)
{
    if (a->kind != b->kind || a->num != b->num || a->den != b->den)
        return false;
    if (a->kind == TN_NUMBER_SYMBOLIC)
        return a->code.bytes == b->code.bytes &&
            (a->code.bytes == 0 || memcmp(a->code.code, b->code.code, a->code.bytes) == 0);
    return memcmp(&a->real, &b->real, sizeof a->real) == 0;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
same_list(const tn_attr *a, const tn_attr *b)
{
    for (int i = 0; i < a->count; i++) {
        if (a->ints && a->ints[i] != b->ints[i])
            return false;
        if (a->sizes && a->sizes[i] != b->sizes[i])
            return false;
        if (a->numbers && !tn_number_equal(&a->numbers[i], &b->numbers[i]))
            return false;
    }
    return true;
}

bool
tn_attr_equal(const tn_attr *a, const tn_attr *b)
{
    if (a->has_value != b->has_value)
        return false;
    if (!a->has_value)
        return true;
    return a->count == b->count && a->operand == b->operand && same_text(a->text, b->text) &&
        (a->kind != TN_KIND_DTYPE || a->dtype == b->dtype) &&
        (a->kind != TN_KIND_TYPE || tn_type_equal(&a->type, &b->type)) && !a->ints == !b->ints &&
        !a->sizes == !b->sizes && !a->numbers == !b->numbers && same_list(a, b);
}

bool
tn_literal_equal(const tn_value *a, const tn_value *b)
{
    return a && b && a->kind == TN_VALUE_LITERAL && b->kind == TN_VALUE_LITERAL &&
        a->type.dtype == b->type.dtype && tn_number_equal(&a->number, &b->number);
}

static bool
same_op(const tn_op *a, const tn_op *b)
{
    if (a->code != b->code || a->in_count != b->in_count || a->body_count || b->body_count)
        return false;
    for (int i = 0; i < a->in_count; i++)
        if (a->in[i] != b->in[i] && !tn_literal_equal(a->in[i], b->in[i]))
            return false;
    for (int i = 0; i < tn_op_info_of(a->code)->attr_count; i++)
        if (!tn_attr_equal(&a->attr[i], &b->attr[i]))
            return false;
    return true;
}

static uint32_t
hash_op(const tn_op *op)
{
    uint32_t h = (uint32_t)op->code * UINT32_C(2654435769);

    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->kind != TN_VALUE_LITERAL)
            h = (h ^ op->in[i]->id) * UINT32_C(16777619);
    return h ^ h >> 15;
}

typedef struct chain {
    tn_op *op;
    struct chain *next;
} chain;

enum { SLOTS = 4096, CHAIN_LIMIT = 64 };

static tn_op *
find_same(chain *c, const tn_op *op)
{
    for (int i = 0; c && i < CHAIN_LIMIT; i++, c = c->next)
        if (same_op(c->op, op))
            return c->op;
    return NULL;
}

static void
replace_all(tn_op *old, tn_op *by)
{
    for (int i = 0; i < old->out_count; i++) {
        if (!by->out[i]->name)
            by->out[i]->name = old->out[i]->name;
        if (old->out[i]->uses.count)
            tn_value_replace(old->out[i], by->out[i]);
    }
}

static bool
join_equal(tn_block *block)
{
    tn_arena *arena = block->graph->module->arena;
    chain **slots = tn_new_array(arena, chain *, SLOTS);
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        uint32_t at = hash_op(op) % SLOTS;
        tn_op *same = find_same(slots[at], op);
        chain *link;

        next = op->next;
        if (same) {
            replace_all(op, same);
            tn_op_remove(op);
            changed = true;
            continue;
        }
        link = tn_new(arena, chain);
        *link = (chain){op, slots[at]};
        slots[at] = link;
    }
    return changed;
}

bool
tn_clean_equal(tn_graph *g)
{
    return each_block(g->block, join_equal);
}
