/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "ir/base/map.h"
#include "ir/kernel/kcheck.h"
#include "ir/kernel/kraw.h"
#include "ir/kernel/teval.h"

/* Structure: what stands where, what can be seen. Types of single
 * instructions are in kcheck.c. */

typedef struct scope {
    const tn_kblock *grid, *team, *lane; /* bodies of the open loops, or NULL */
} scope;

typedef struct checker {
    const tn_kernel *k;
    tn_diag *diag;
    const tn_kblock *chain[TN_KERNEL_NESTING + 1]; /* open blocks by depth */
    int depth;
    const tn_ins **seen; /* by id */
    uint32_t next;
    const tn_kblock **cell_home, **local_home; /* where declared */
    const tn_ins *at;
    bool has_lanes;
    uint32_t faults, grids;
} checker;

static void
fault(checker *c, const char *what)
{
    const char *op = !c->at ? "kernel" : tn_kop_name(c->at->op);
    c->faults++;
    (void)!tn_fail(c->diag, TN_BUG, "kernel %s: instruction %u, %s: %s", c->k->name,
        c->at ? c->at->id : 0, op, what);
}

static void
require(checker *c, bool held, const char *what)
{
    if (!held)
        fault(c, what);
}

/* Names can be written in a line of text. */
static bool
printable(const char *name, size_t limit)
{
    size_t length = name ? strlen(name) : 0;
    for (size_t i = 0; i < length && length < limit; i++)
        if ((unsigned char)name[i] < ' ')
            return false;
    return length > 0 && length < limit;
}

static bool
is_open(const checker *c, const tn_kblock *block)
{
    return block && block->depth >= 0 && block->depth <= c->depth &&
        c->chain[block->depth] == block;
}

static bool
is_zero(const tn_ins *v)
{
    return v->op == TN_K_const && v->whole == 0;
}

/* Whether `block` stands inside `outer` or is it. */
static bool
within(const tn_kblock *block, const tn_kblock *outer)
{
    return outer && block->depth >= outer->depth;
}

/* ---- cells and memory ---- */

static bool
known_cell(checker *c, const tn_ins *ins)
{
    const tn_kcell *cell = ins->cell;
    if (cell && cell->index < c->k->cells.count && c->k->cells.at[cell->index] == cell)
        return true;
    fault(c, "a cell of the kernel is missing");
    return false;
}

static void
declare_cell(checker *c, const tn_ins *ins, const scope *s)
{
    if (!known_cell(c, ins))
        return;
    const tn_kcell *cell = ins->cell;
    require(c, !c->cell_home[cell->index], "the cell is declared twice");
    require(c, !cell->per_lane || (c->has_lanes && !s->lane), "lane cells belong to groups");
    require(c, s->grid, "cells are declared in GRID");
    c->cell_home[cell->index] = ins->block;
}

/* Reads and writes of cells keep what is outside LANE uniform. */
static void
use_cell(checker *c, const tn_ins *ins, const scope *s)
{
    if (!known_cell(c, ins))
        return;
    const tn_kcell *cell = ins->cell;
    const tn_kblock *home = c->cell_home[cell->index];
    if (!is_open(c, home)) {
        fault(c, "the cell is not declared here");
        return;
    }
    bool own = cell->per_lane || within(home, s->lane);
    if (ins->op == TN_K_get)
        require(c, !cell->per_lane || s->lane, "a lane cell is read outside LANE");
    if (ins->op == TN_K_set && !own)
        require(c, !s->lane && (!s->team || within(home, s->team)),
            "lanes share the cell they write");
    if (ins->op == TN_K_sg_reduce)
        require(c, cell->per_lane && !s->lane, "needs a lane cell, outside LANE");
}

static bool
known_memory(checker *c, const tn_ins *ins)
{
    const tn_kmem *mem = ins->mem;
    bool global = mem && mem->space == TN_SPACE_GLOBAL;
    if (mem && global && mem->index < c->k->globals.count && c->k->globals.at[mem->index] == mem)
        return true;
    if (mem && !global && mem->index < c->k->locals.count && c->k->locals.at[mem->index] == mem)
        return true;
    fault(c, "a memory of the kernel is missing");
    return false;
}

static void
declare_local(checker *c, const tn_ins *ins, const scope *s)
{
    if (!known_memory(c, ins))
        return;
    const tn_kmem *mem = ins->mem;
    const tn_ins *count = ins->arg[0];
    if (mem->space != TN_SPACE_LOCAL || c->local_home[mem->index]) {
        fault(c, "the memory is not local or declared twice");
        return;
    }
    require(c, s->grid && !s->lane && !s->team, "locals are declared in GRID");
    require(c, !c->has_lanes || count->op == TN_K_const, "group memory has constant size");
    require(c, tn_ins_home(count) == c->k->root, "the size depends on more than sizes");
    require(c, count->op != TN_K_const || count->whole >= 0, "the size is negative");
    c->local_home[mem->index] = ins->block;
}

static void
use_memory(checker *c, const tn_ins *ins, const scope *s)
{
    if (!known_memory(c, ins))
        return;
    const tn_kmem *mem = ins->mem;
    bool write = ins->op == TN_K_store || ins->op == TN_K_scatter;
    require(c, write ? mem->written : mem->read, "the buffer is not declared for this access");
    require(c, mem->space == TN_SPACE_GLOBAL || is_open(c, c->local_home[mem->index]),
        "the local is not declared here");
    require(c, !write || !c->has_lanes || s->lane, "stores of groups stand in LANE");
}

/* ---- loops ---- */

static bool
const_trips(const tn_ins *ins)
{
    return ins->arg[0]->op == TN_K_const && ins->arg[1]->op == TN_K_const;
}

static void
check_team_or_lane(checker *c, const tn_ins *ins, const scope *s)
{
    uint32_t group = c->k->lanes, team = c->k->team;
    require(c, s->grid && !s->lane && is_zero(ins->arg[0]) && ins->whole == 1, "bad nesting");
    if (ins->loop == TN_LOOP_TEAM) {
        require(c,
            !s->team && team && group % team == 0 && const_trips(ins) &&
                ins->arg[1]->whole == (int64_t)(group / team),
            "TEAM does not cover the group");
        return;
    }
    require(c,
        const_trips(ins) && ins->arg[1]->whole >= 0 &&
            ins->arg[1]->whole <= (int64_t)(s->team ? team : group),
        "LANE exceeds the group");
}

static void
check_loop(checker *c, const tn_ins *ins, scope *s)
{
    require(c, ins->whole > 0 && ins->whole <= INT32_MAX, "the step is not positive");
    switch (ins->loop) {
    case TN_LOOP_GRID:
        c->grids++;
        require(c, ins->block == c->k->root && is_zero(ins->arg[0]) && ins->whole == 1,
            "GRID is outermost, from 0 by 1");
        s->grid = ins->body;
        break;
    case TN_LOOP_TEAM:
    case TN_LOOP_LANE:
        check_team_or_lane(c, ins, s);
        if (ins->loop == TN_LOOP_TEAM)
            s->team = ins->body;
        else
            s->lane = ins->body;
        break;
    case TN_LOOP_UNROLL:
        require(c, const_trips(ins), "UNROLL needs constant bounds");
        require(c, s->grid, "stands outside GRID");
        break;
    default: require(c, s->grid, "stands outside GRID");
    }
}

/* ---- the walk ---- */

static bool
operands_seen(checker *c, const tn_ins *ins)
{
    for (int i = 0; i < ins->arg_count; i++) {
        const tn_ins *v = ins->arg[i];
        if (!v || v->id >= c->next || c->seen[v->id] != v || !v->type.lanes ||
            !is_open(c, tn_ins_home(v))) {
            fault(c, "an operand is not defined here");
            return false;
        }
    }
    return true;
}

static void
check_placed(checker *c, const tn_ins *ins, const scope *s)
{
    switch (ins->op) {
    case TN_K_cell: declare_cell(c, ins, s); return;
    case TN_K_local: declare_local(c, ins, s); return;
    case TN_K_get:
    case TN_K_set:
    case TN_K_sg_reduce: use_cell(c, ins, s); break;
    case TN_K_load:
    case TN_K_store:
    case TN_K_gather:
    case TN_K_scatter:
    case TN_K_prefetch: use_memory(c, ins, s); break;
    case TN_K_barrier: require(c, !s->team && !s->lane, "a barrier is inside TEAM or LANE"); break;
    case TN_K_check:
        require(c, ins->whole >= 0 && ins->whole < (int64_t)c->k->sites.count, "unknown site");
        break;
    default: return;
    }
    require(c, s->grid, "stands outside GRID");
}

static void walk(checker *c, const tn_kblock *block, const tn_ins *owner, const scope *s);

static void
check_ins(checker *c, const tn_ins *ins, const tn_kblock *block, const scope *s)
{
    c->at = ins;
    require(c, !ins->name || printable(ins->name, TN_KERNEL_NAMES), "bad name of a loop");
    bool nest = ins->op == TN_K_loop || ins->op == TN_K_if;
    if (ins->block != block || ins->id != c->next || ins->id >= c->k->ins_count ||
        (nest && !ins->body)) {
        fault(c, "instructions are not linked and numbered in order");
        return;
    }
    c->seen[c->next++] = ins;
    if (!operands_seen(c, ins))
        return;
    const char *wrong = tn_kc_type_fault(c->k, ins);
    if (wrong) {
        fault(c, wrong);
        return;
    }
    require(c, !c->has_lanes || ins->type.lanes <= 1, "groups have no vectors");
    require(c, !c->k->exact || ins->op != TN_K_fn || ins->fn != TN_FN_fma, "exact has no fma");
    if (!nest) {
        check_placed(c, ins, s);
        return;
    }
    scope inner = *s;
    if (ins->op == TN_K_loop)
        check_loop(c, ins, &inner);
    else
        require(c, s->grid, "stands outside GRID");
    walk(c, ins->body, ins, &inner);
    if (ins->orelse)
        walk(c, ins->orelse, ins, &inner);
}

static void
walk(checker *c, const tn_kblock *block, const tn_ins *owner, const scope *s)
{
    if (c->depth + 1 > TN_KERNEL_NESTING || block->owner != owner || block->depth != c->depth + 1) {
        fault(c, "blocks are not linked, or too deep");
        return;
    }
    c->chain[++c->depth] = block;
    for (uint32_t i = 0; i < block->ins.count; i++)
        check_ins(c, block->ins.at[i], block, s);
    c->depth--;
}

static bool
has_lane_loop(const tn_kblock *block, int depth)
{
    for (uint32_t i = 0; i < block->ins.count && depth <= TN_KERNEL_NESTING; i++) {
        const tn_ins *ins = block->ins.at[i];
        if (ins->op == TN_K_loop && ins->loop == TN_LOOP_LANE)
            return true;
        if ((ins->body && has_lane_loop(ins->body, depth + 1)) ||
            (ins->orelse && has_lane_loop(ins->orelse, depth + 1)))
            return true;
    }
    return false;
}

/* ---- declarations ---- */

static void
new_name(checker *c, tn_map *names, const char *name, void *mark)
{
    require(c, printable(name, TN_KERNEL_NAMES), "a name is missing, too long, or breaks lines");
    if (name)
        require(c, !tn_map_put(names, name, mark), "two things have one name");
}

static void
check_cell_type(checker *c, const tn_kcell *cell)
{
    uint64_t count = 1;
    require(c, cell->rank >= 0 && cell->rank <= TN_CELL_RANK, "bad rank of a cell");
    for (int i = 0; i < cell->rank && i < TN_CELL_RANK; i++)
        count *= cell->dim[i];
    require(c, count > 0 && count <= 1 << 20, "bad size of a cell");
    require(c, tn_kc_type_valid(cell->type) && (!c->has_lanes || cell->type.lanes == 1),
        "bad type of a cell");
}

static void
check_declarations(checker *c)
{
    const tn_kernel *k = c->k;
    tn_map names = {.arena = k->arena}, sizes = {.arena = k->arena};
    void *mark = &names;
    require(c, k->index == TN_I64 || k->index == TN_I32, "bad index type");
    require(c, k->lanes >= 1 && k->lanes <= 4096 && k->team <= k->lanes, "bad group size");
    require(c, printable(k->name, TN_KERNEL_NAMES), "bad name");
    for (uint32_t i = 0; i < k->sites.count; i++)
        require(c, printable(k->sites.at[i].what, TN_KERNEL_TEXTS), "bad name of a check");
    for (uint32_t i = 0; i < k->sizes.count; i++) {
        new_name(c, &sizes, k->sizes.at[i].name, mark);
        require(c, k->sizes.at[i].low <= k->sizes.at[i].high, "a size has no value");
    }
    for (uint32_t i = 0; i < k->globals.count; i++)
        new_name(c, &names, k->globals.at[i]->name, mark);
    for (uint32_t i = 0; i < k->locals.count; i++)
        new_name(c, &names, k->locals.at[i]->name, mark);
    for (uint32_t i = 0; i < k->cells.count; i++) {
        new_name(c, &names, k->cells.at[i]->name, mark);
        check_cell_type(c, k->cells.at[i]);
    }
}

tn_status
tn_kernel_verify(const tn_kernel *k, tn_diag *diag)
{
    checker c = {.k = k, .diag = diag, .depth = -1};
    c.seen = tn_new_array(k->arena, const tn_ins *, k->ins_count + 1);
    c.cell_home = tn_new_array(k->arena, const tn_kblock *, k->cells.count + 1);
    c.local_home = tn_new_array(k->arena, const tn_kblock *, k->locals.count + 1);
    c.has_lanes = has_lane_loop(k->root, 0);
    check_declarations(&c);
    walk(&c, k->root, NULL, &(scope){0});
    c.at = NULL;
    require(&c, c.grids == 1, "needs exactly one GRID loop");
    require(&c, c.faults || c.next == k->ins_count, "instructions are missing");
    return c.faults ? TN_BUG : TN_OK;
}
