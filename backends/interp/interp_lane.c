/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/interp/interp_lane.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backends/interp/interp_in.h"
#include "ir/kernel/kraw.h"

/* Control, vectors, checks, and the run itself. */

const tn_iop *
tn_ifault(tn_run *s, const tn_iop *o, const char *format, ...)
{
    char what[256], lane[32] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (s->lane != TN_NO_LANE)
        (void)snprintf(lane, sizeof lane, ", lane %d", s->lane);
    const tn_ins *ins = o->ins;
    const char *name = ins->mem ? ins->mem->name : ins->cell ? ins->cell->name : "";
    const char *row = ins->op == TN_K_fn ? tn_fn_info_of(ins->fn)->name : tn_kop_name(ins->op);
    s->result = tn_fail(s->diag, TN_BUG, "kernel %s: task %llu%s: instruction %u (%s%s%s): %s",
        s->program->k->name, (unsigned long long)s->task, lane, ins->id, row, *name ? " " : "",
        name, what);
    return NULL;
}

static void
put_index(const tn_run *s, uint32_t at, int64_t value)
{
    if (s->program->k->index == TN_I64)
        *(int64_t *)tn_slot(s, at) = value;
    else
        *(int32_t *)tn_slot(s, at) = (int32_t)value;
}

static const tn_iop *
go_to(const tn_run *s, uint32_t at)
{
    return &s->program->ops[at];
}

/* ---- loops: begin and end; `c` counts lanes done ---- */

static uint32_t
next_random(tn_run *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (uint32_t)(s->random >> 32);
}

static void
shuffle_lanes(tn_run *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        s->lane_order[i] = (uint16_t)i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = next_random(s) % i;
        uint16_t kept = s->lane_order[i - 1];
        s->lane_order[i - 1] = s->lane_order[other];
        s->lane_order[other] = kept;
    }
}

/* Enters lane number `done` of the loop. */
static void
enter_lane(tn_run *s, const tn_iop *o, uint32_t done)
{
    uint32_t lane = s->lane_order ? s->lane_order[done] : done;
    s->lane = (int32_t)(s->team_base + lane);
    put_index(s, o->d, lane);
    *(uint32_t *)tn_slot(s, o->c) = done;
}

static void
enter_team(tn_run *s, const tn_iop *o, int64_t team)
{
    s->team_size = s->program->k->team;
    s->team_base = (uint32_t)team * s->team_size;
    put_index(s, o->d, team);
}

static const tn_iop *
begin(tn_run *s, const tn_iop *o)
{
    int64_t low = tn_islot(s, o->a), high = tn_islot(s, o->b);
    if (low >= high)
        return go_to(s, o->jump);
    if (o->ins->loop == TN_LOOP_LANE) {
        if (s->lane_order)
            shuffle_lanes(s, (uint32_t)high);
        enter_lane(s, o, 0);
    } else if (o->ins->loop == TN_LOOP_TEAM) {
        enter_team(s, o, 0);
    } else {
        put_index(s, o->d, low);
    }
    return o + 1;
}

static const tn_iop *
end_serial(tn_run *s, const tn_iop *o)
{
    int64_t next = tn_islot(s, o->d) + o->imm;
    if (next >= tn_islot(s, o->b))
        return o + 1;
    put_index(s, o->d, next);
    return go_to(s, o->jump);
}

static const tn_iop *
end_lane(tn_run *s, const tn_iop *o)
{
    uint32_t done = *(uint32_t *)tn_slot(s, o->c) + 1;
    if (done < (uint64_t)tn_islot(s, o->b)) {
        enter_lane(s, o, done);
        return go_to(s, o->jump);
    }
    s->lane = TN_NO_LANE;
    return o + 1;
}

static const tn_iop *
end_team(tn_run *s, const tn_iop *o)
{
    int64_t next = tn_islot(s, o->d) + 1;
    if (next < tn_islot(s, o->b)) {
        enter_team(s, o, next);
        return go_to(s, o->jump);
    }
    s->team_base = 0;
    s->team_size = s->program->k->lanes;
    return o + 1;
}

static const tn_iop *
branch(tn_run *s, const tn_iop *o)
{
    return *(uint8_t *)tn_slot(s, o->a) ? o + 1 : go_to(s, o->jump);
}

static const tn_iop *
jump(tn_run *s, const tn_iop *o)
{
    return go_to(s, o->jump);
}

static const tn_iop *
stop(tn_run *s, const tn_iop *o)
{
    (void)s, (void)o;
    return NULL;
}

/* ---- values ---- */

static const tn_iop *
row_const(tn_run *s, const tn_iop *o)
{
    if (tn_is_float((tn_dtype)o->dtype))
        tn_store_double((tn_dtype)o->dtype, tn_slot(s, o->d), o->ins->real);
    else
        tn_store_int((tn_dtype)o->dtype, tn_slot(s, o->d), o->imm);
    return o + 1;
}

static const tn_iop *
row_param(tn_run *s, const tn_iop *o)
{
    put_index(s, o->d, s->sizes[o->imm]);
    return o + 1;
}

static const tn_iop *
row_splat(tn_run *s, const tn_iop *o)
{
    const uint8_t *a = tn_slot(s, o->a);
    uint8_t *d = tn_slot(s, o->d);
    for (int i = 0; i < o->lanes; i++, d += o->bytes)
        memcpy(d, a, o->bytes);
    return o + 1;
}

static const tn_iop *
row_lanes(tn_run *s, const tn_iop *o)
{
    for (int i = 0; i < o->lanes; i++)
        ((int32_t *)tn_slot(s, o->d))[i] = i;
    return o + 1;
}

static const tn_iop *
row_below(tn_run *s, const tn_iop *o)
{
    int64_t count = tn_islot(s, o->a);
    for (int i = 0; i < o->lanes; i++)
        ((uint8_t *)tn_slot(s, o->d))[i] = i < count;
    return o + 1;
}

static const tn_iop *
row_extract(tn_run *s, const tn_iop *o)
{
    const uint8_t *a = tn_slot(s, o->a);
    memcpy(tn_slot(s, o->d), a + (size_t)o->imm * o->bytes, o->bytes);
    return o + 1;
}

static const tn_iop *
row_across(tn_run *s, const tn_iop *o)
{
    return tn_ireduce(s, o, o->ins->fn, o->a, o->ins->arg[0]->type.lanes, o->d) ? o + 1 : NULL;
}

static const tn_iop *
row_barrier(tn_run *s, const tn_iop *o)
{
    s->epoch++;
    return o + 1;
}

static const tn_iop *
row_check(tn_run *s, const tn_iop *o)
{
    const uint8_t *held = tn_slot(s, o->a);
    const int32_t *position = tn_slot(s, o->b), *value = tn_slot(s, o->c);
    uint32_t *words = s->status ? s->status + 4 * o->imm : NULL;
    for (int i = 0; i < o->ins->arg[0]->type.lanes; i++) {
        if (held[i])
            continue;
        if (!words)
            return tn_ifault(s, o, "fails, and there are no status words");
        if (!words[0]) {
            words[0] = 1;
            words[1] = (uint32_t)position[i];
            words[2] = (uint32_t)value[i];
        }
        break;
    }
    return o + 1;
}

static const tn_iop *
row_prefetch(tn_run *s, const tn_iop *o)
{
    (void)s;
    return o + 1;
}

/* ---- making ready ---- */

#define row_loop begin
#define row_if branch
#define row_fn NULL /* by function: tn_ifns */
#define row_cell tn_icell_declare
#define row_get tn_iget
#define row_set tn_iset
#define row_local tn_ilocal
#define row_load tn_iload
#define row_store tn_istore
#define row_gather tn_igather
#define row_scatter tn_iscatter
#define row_sg_reduce tn_isg_reduce

static tn_irun *const rows[TN_K_COUNT] = {
#define TN_K(name, ...) [TN_K_##name] = row_##name,
#include "ir/kernel/kops.def"
};

typedef struct maker {
    tn_arena *arena;
    const tn_kernel *k;
    TN_VEC(tn_iop) ops;
    uint32_t *slot; /* by id */
    uint32_t bytes; /* of slots so far */
    tn_interp *out;
} maker;

static uint32_t
new_slot(maker *m, uint32_t bytes)
{
    uint32_t at = m->bytes;
    m->bytes += (bytes + 15) & ~15u;
    return at;
}

static uint32_t
memory_of(const maker *m, const tn_kmem *mem)
{
    return mem->index + (mem->space == TN_SPACE_LOCAL ? m->k->globals.count : 0);
}

static int64_t
number_of(const tn_ins *ins)
{
    return ins->op == TN_K_load || ins->op == TN_K_gather ? ins->other : ins->whole;
}

/* The type that decides what the operation does: of the result, of the
 * operands of a function, of what is stored or reduced. */
static tn_ktype
acting_type(const tn_ins *ins)
{
    switch (ins->op) {
    case TN_K_fn:
        return ins->fn == TN_FN_cast || ins->fn == TN_FN_bits ? ins->type
            : ins->fn == TN_FN_select                         ? ins->arg[1]->type
                                                              : ins->arg[0]->type;
    case TN_K_store: return ins->arg[1]->type;
    case TN_K_scatter: return ins->arg[2]->type;
    case TN_K_sg_reduce: return ins->cell->type;
    default: return ins->type;
    }
}

static tn_iop *
add_op(maker *m, tn_irun *run, const tn_ins *ins)
{
    tn_ktype type = acting_type(ins);
    tn_iop op = {
        .run = run,
        .lanes = type.lanes,
        .dtype = (uint8_t)type.dtype,
        .bytes = (uint8_t)tn_dtype_bytes(type.dtype),
        .arg_count = ins->arg_count,
        .from = ins->arg_count ? (uint8_t)ins->arg[0]->type.dtype : 0,
        .imm = number_of(ins),
        .ins = ins,
        .cell = ins->cell ? ins->cell->index : 0,
        .mem = ins->mem ? memory_of(m, ins->mem) : 0,
    };
    for (int i = 0; i < ins->arg_count; i++)
        op.arg[i] = m->slot[ins->arg[i]->id];
    op.a = op.arg[0];
    op.b = ins->arg_count > 1 ? op.arg[1] : op.a;
    op.c = ins->arg_count > 2 ? op.arg[2] : op.b;
    op.d = m->slot[ins->id];
    tn_push(m->arena, &m->ops, op);
    return &m->ops.at[m->ops.count - 1];
}

static void make_block(maker *m, const tn_kblock *block);

static void
make_loop(maker *m, const tn_ins *ins)
{
    uint32_t counter = ins->loop == TN_LOOP_LANE ? new_slot(m, 4) : 0;
    uint32_t start = m->ops.count;
    add_op(m, begin, ins)->c = counter;
    make_block(m, ins->body);
    tn_irun *end = ins->loop == TN_LOOP_LANE ? end_lane
        : ins->loop == TN_LOOP_TEAM          ? end_team
                                             : end_serial;
    tn_iop *last = add_op(m, end, ins);
    last->c = counter;
    last->jump = start + 1;
    m->ops.at[start].jump = m->ops.count;
}

static void
make_if(maker *m, const tn_ins *ins)
{
    uint32_t start = m->ops.count;
    add_op(m, branch, ins);
    make_block(m, ins->body);
    if (ins->orelse) {
        uint32_t skip = m->ops.count;
        add_op(m, jump, ins);
        m->ops.at[start].jump = m->ops.count;
        make_block(m, ins->orelse);
        m->ops.at[skip].jump = m->ops.count;
    } else {
        m->ops.at[start].jump = m->ops.count;
    }
}

static void
make_grid(maker *m, const tn_ins *ins)
{
    add_op(m, stop, ins);
    m->out->grid = m->slot[ins->id];
    m->out->body = m->ops.count;
    make_block(m, ins->body);
    add_op(m, stop, ins);
}

static void
make_block(maker *m, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];
        tn_ktype type = ins->op == TN_K_sg_reduce ? ins->cell->type : ins->type;
        m->slot[ins->id] = new_slot(m, (uint32_t)type.lanes * (uint32_t)tn_dtype_bytes(type.dtype));
        if (ins->op == TN_K_local)
            m->out->local_count[ins->mem->index] = m->slot[ins->arg[0]->id];
        if (ins->op == TN_K_loop && ins->loop == TN_LOOP_GRID)
            make_grid(m, ins);
        else if (ins->op == TN_K_loop)
            make_loop(m, ins);
        else if (ins->op == TN_K_if)
            make_if(m, ins);
        else {
            tn_iop *op = add_op(m, ins->op == TN_K_fn ? tn_ifns[ins->fn] : rows[ins->op], ins);
            if (ins->op == TN_K_sg_reduce)
                op->b = new_slot(m, m->k->lanes * 8);
        }
    }
}

tn_interp *
tn_interp_prepare(tn_arena *arena, const tn_kernel *k)
{
    tn_interp *out = tn_new(arena, tn_interp);
    maker m = {.arena = arena, .k = k, .out = out};
    m.slot = tn_new_array(arena, uint32_t, k->ins_count + 1);
    out->k = k;
    out->local_count = tn_new_array(arena, uint32_t, k->locals.count + 1);
    out->spare_half = (k->lanes > 64 ? k->lanes : 64) * 8;
    out->spare = new_slot(&m, 2 * out->spare_half);
    make_block(&m, k->root);
    out->ops = m.ops.at;
    out->op_count = m.ops.count;
    out->slot_bytes = m.bytes;
    return out;
}

/* ---- running ---- */

static void
open_cells(tn_run *s, tn_arena *arena)
{
    const tn_kernel *k = s->program->k;
    s->cell = tn_new_array(arena, tn_icell, k->cells.count + 1);
    for (uint32_t i = 0; i < k->cells.count; i++) {
        const tn_kcell *from = k->cells.at[i];
        tn_icell *cell = &s->cell[i];
        cell->count = tn_kcell_count(from);
        cell->bytes = from->type.lanes * (uint32_t)tn_dtype_bytes(from->type.dtype);
        cell->copies = from->per_lane ? k->lanes : 1;
        memcpy(cell->dim, from->dim, sizeof cell->dim);
        cell->at = tn_arena_array(arena, (size_t)cell->count * cell->copies, cell->bytes);
        cell->set = tn_arena_array(arena, (size_t)cell->count * cell->copies, 1);
    }
}

static void
watch(tn_run *s, tn_arena *arena, tn_imem *mem, bool tasks)
{
    if (tasks)
        mem->task = tn_new_array(arena, tn_task_mark, mem->elements);
    if (s->program->k->lanes > 1)
        mem->lane = tn_new_array(arena, tn_lane_mark, mem->elements);
}

static void
open_globals(tn_run *s, tn_arena *arena, const tn_interp_buffer *buffers, bool races)
{
    const tn_kernel *k = s->program->k;
    for (uint32_t i = 0; i < k->globals.count; i++) {
        tn_imem *mem = &s->mem[i];
        *mem = (tn_imem){
            .at = buffers[i].at,
            .elements = buffers[i].elements,
            .initialised = buffers[i].initialised,
            .step = buffers[i].step ? buffers[i].step : 1,
            .bytes = (uint32_t)tn_dtype_bytes(k->globals.at[i]->dtype),
        };
        if (races && k->globals.at[i]->written)
            watch(s, arena, mem, true);
    }
}

/* After the sizes are known. */
static tn_status
open_locals(tn_run *s, tn_arena *arena, bool races)
{
    const tn_kernel *k = s->program->k;
    for (uint32_t i = 0; i < k->locals.count; i++) {
        int64_t count = tn_islot(s, s->program->local_count[i]);
        tn_imem *mem = &s->mem[k->globals.count + i];
        if (count < 0)
            return tn_fail(s->diag, TN_BUG, "kernel %s: local %s has %lld elements", k->name,
                k->locals.at[i]->name, (long long)count);
        mem->elements = (uint64_t)count;
        mem->bytes = (uint32_t)tn_dtype_bytes(k->locals.at[i]->dtype);
        mem->at = tn_arena_array(arena, (size_t)count, mem->bytes);
        mem->initialised = tn_arena_array(arena, (size_t)count, 1);
        mem->step = 1;
        if (races)
            watch(s, arena, mem, false);
    }
    return TN_OK;
}

static void
execute(tn_run *s, uint32_t from)
{
    const tn_iop *o = go_to(s, from);
    while (o)
        o = o->run(s, o);
}

/* Task number i of count in a shuffled order: a full-period generator modulo
 * the next power of two, numbers beyond the end left out. */
static uint64_t
next_task(uint64_t *state, uint64_t count, uint64_t seed)
{
    uint64_t mask = 1;
    while (mask < count)
        mask <<= 1;
    do
        *state = (*state * 5 + (seed | 1)) & (mask - 1);
    while (*state >= count);
    return *state;
}

static void
run_tasks(tn_run *s, uint64_t first, uint64_t count, uint64_t seed)
{
    uint64_t state = 0;
    for (uint64_t i = 0; i < count && s->result == TN_OK; i++) {
        s->task = first + (seed ? next_task(&state, count, seed) : i);
        s->lane = TN_NO_LANE;
        s->team_base = 0;
        s->team_size = s->program->k->lanes;
        s->epoch++;
        put_index(s, s->program->grid, (int64_t)s->task);
        execute(s, s->program->body);
    }
}

tn_status
tn_interp_run(tn_arena *arena, tn_diag *diag, const tn_interp *program,
    const tn_interp_buffer *buffers, const int32_t *sizes, uint64_t first, uint64_t count,
    uint32_t *status, const tn_interp_options *options)
{
    const tn_interp_options none = {0}, *with = options ? options : &none;
    const tn_kernel *k = program->k;
    tn_run s = {
        .program = program,
        .sizes = sizes,
        .status = status,
        .diag = diag,
        .lane = TN_NO_LANE,
        .team_size = k->lanes,
        .random = with->shuffle | 1,
    };
    s.slots = tn_arena_get(arena, program->slot_bytes);
    s.mem = tn_new_array(arena, tn_imem, k->globals.count + k->locals.count + 1);
    if (with->shuffle)
        s.lane_order = tn_new_array(arena, uint16_t, k->lanes);
    open_cells(&s, arena);
    open_globals(&s, arena, buffers, with->races);
    execute(&s, 0);
    if (s.result != TN_OK)
        return s.result;
    TN_TRY(open_locals(&s, arena, with->races));
    run_tasks(&s, first, count, with->shuffle);
    return s.result;
}
