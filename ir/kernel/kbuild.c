/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kbuild.h"

#include <assert.h>
#include <string.h>

#include "ir/kernel/kb.h"

static void
enter(tn_kb *b, kb_open open, tn_kblock *block)
{
    open.outer = b->cur;
    tn_push(b->arena, &b->open, open);
    if (block) {
        assert((uint32_t)block->depth == b->chain.count);
        tn_push(b->arena, &b->chain, block);
        b->cur = block;
    }
}

tn_kb *
tn_kb_create(tn_arena *arena, const char *name, tn_dtype index, bool exact)
{
    assert(index == TN_I64 || index == TN_I32);
    tn_kb *b = tn_new(arena, tn_kb);
    b->arena = arena;
    b->k = tn_kernel_new(arena, tn_arena_copy(arena, name, strlen(name)), index);
    b->k->exact = exact;
    b->cur = b->k->root;
    b->names.arena = arena;
    tn_push(arena, &b->chain, b->cur);
    return b;
}

tn_kernel *
tn_kb_kernel(tn_kb *b)
{
    return b->k;
}

tn_kernel *
tn_kb_finish(tn_kb *b)
{
    assert(b->open.count == 0 && !b->finished);
    b->finished = true;
    tn_kb_sweep(b);
    bool sized = tn_kernel_formulas(b->k);
    assert(sized);
    (void)sized;
    return b->k;
}

void
tn_kb_group(tn_kb *b, uint32_t lanes, uint32_t team)
{
    b->k->lanes = lanes;
    b->k->team = team;
}

uint32_t
tn_kb_site(tn_kb *b, const char *what)
{
    tn_ksite site = {.what = tn_arena_copy(b->arena, what, strlen(what))};
    tn_push(b->arena, &b->k->sites, site);
    return b->k->sites.count - 1;
}

/* ---- loops and conditions ---- */

/* Whether the number of rounds is a constant. */
static bool
rounds(const tn_ins *low, const tn_ins *high, int64_t step, int64_t *out)
{
    int64_t from, to;
    if (!tn_kb_is_int(low, &from) || !tn_kb_is_int(high, &to))
        return false;
    *out = to > from ? (to - from + step - 1) / step : 0;
    return true;
}

tn_ins *
tn_kb_loop(tn_kb *b, tn_loop_kind kind, tn_ins *low, tn_ins *high, int64_t step, const char *name)
{
    assert(step > 0);
    low = tn_kb_cast(b, b->k->index, low);
    high = tn_kb_cast(b, b->k->index, high);
    int64_t count;
    bool known = rounds(low, high, step, &count);
    assert(kind != TN_LOOP_UNROLL || known);
    if (known && count <= 1 && (kind == TN_LOOP_SERIAL || kind == TN_LOOP_UNROLL)) {
        bool never = count == 0;
        enter(b, (kb_open){.kind = never ? KB_NEVER : KB_ONCE},
            never ? tn_kblock_new(b->arena, b->cur, NULL) : NULL);
        return low;
    }
    /* Appended when it closes, so that hoisted values land before it. */
    tn_ins *loop = tn_ins_new(b->k, TN_K_loop, (tn_ktype){b->k->index, 1});
    loop->loop = kind;
    loop->whole = step;
    loop->name = name ? tn_arena_copy(b->arena, name, strlen(name)) : NULL;
    tn_kb_arg(loop, low);
    tn_kb_arg(loop, high);
    loop->body = tn_kblock_new(b->arena, b->cur, loop);
    loop->block = b->cur;
    tn_kb_range_note(b, loop);
    enter(b, (kb_open){.kind = KB_LOOP, .ins = loop}, loop->body);
    return loop;
}

void
tn_kb_if(tn_kb *b, tn_ins *condition)
{
    assert(condition->type.dtype == TN_BOOL && condition->type.lanes == 1);
    if (kb_is_const(condition)) {
        bool never = !condition->whole;
        enter(b, (kb_open){.kind = never ? KB_NEVER : KB_ONCE, .condition = true},
            never ? tn_kblock_new(b->arena, b->cur, NULL) : NULL);
        return;
    }
    tn_ins *branch = tn_ins_new(b->k, TN_K_if, (tn_ktype){TN_BOOL, 0});
    tn_kb_arg(branch, condition);
    branch->body = tn_kblock_new(b->arena, b->cur, branch);
    branch->block = b->cur;
    enter(b, (kb_open){.kind = KB_IF, .ins = branch}, branch->body);
}

/* Back to the block around what is innermost. */
static kb_open
leave(tn_kb *b)
{
    assert(b->open.count);
    kb_open open = b->open.at[--b->open.count];
    if (b->cur != open.outer) {
        b->cur = open.outer;
        b->chain.count = (uint32_t)b->cur->depth + 1;
    }
    return open;
}

void
tn_kb_else(tn_kb *b)
{
    kb_open open = leave(b);
    if (open.kind == KB_IF) {
        open.ins->orelse = tn_kblock_new(b->arena, b->cur, open.ins);
        enter(b, (kb_open){.kind = KB_ELSE, .ins = open.ins}, open.ins->orelse);
        return;
    }
    assert(open.condition);
    bool never = open.kind == KB_ONCE;
    enter(b, (kb_open){.kind = never ? KB_NEVER : KB_ONCE},
        never ? tn_kblock_new(b->arena, b->cur, NULL) : NULL);
}

void
tn_kb_close(tn_kb *b)
{
    kb_open open = leave(b);
    if (open.ins)
        tn_kblock_append(b->k, b->cur, open.ins);
}

bool
tn_kb_is_open(const tn_kb *b, const tn_kblock *block)
{
    return (uint32_t)block->depth < b->chain.count && b->chain.at[block->depth] == block;
}
