/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/vulkan/vk_codegen.h"

#include <string.h>

#include "backends/vulkan/vk_emit.h"
#include "backends/vulkan/vk_memory.h"

/* ---- labels ---- */

static void
label(tn_vk_emitter *e, uint32_t id)
{
    TN_SPIRV(&e->m, code, SPV_LABEL, id);
    e->block = id;
}

static void
branch(tn_vk_emitter *e, uint32_t to)
{
    TN_SPIRV(&e->m, code, SPV_BRANCH, to);
}

static uint32_t
value(const tn_vk_emitter *e, const tn_ins *v)
{
    return e->id[v->id];
}

/* ---- structure ---- */

static tn_status block(tn_vk_emitter *e, const tn_kblock *b);

/* if (condition) body [else other], merged. */
static tn_status
selection(tn_vk_emitter *e, uint32_t condition, const tn_kblock *body, const tn_kblock *other)
{
    uint32_t then = tn_spirv_id(&e->m), merge = tn_spirv_id(&e->m);
    uint32_t rest = other ? tn_spirv_id(&e->m) : merge;

    TN_SPIRV(&e->m, code, SPV_SELECTION_MERGE, merge, 0);
    TN_SPIRV(&e->m, code, SPV_BRANCH_CONDITIONAL, condition, then, rest);
    label(e, then);
    TN_TRY(block(e, body));
    branch(e, merge);
    if (other) {
        label(e, rest);
        TN_TRY(block(e, other));
        branch(e, merge);
    }
    label(e, merge);
    return TN_OK;
}

static tn_status
serial(tn_vk_emitter *e, const tn_ins *v)
{
    tn_dtype t = v->type.dtype;
    uint32_t type = tn_vk_type(e, t), before = e->block;
    uint32_t header = tn_spirv_id(&e->m), test = tn_spirv_id(&e->m), body = tn_spirv_id(&e->m);
    uint32_t next = tn_spirv_id(&e->m), merge = tn_spirv_id(&e->m);
    uint32_t index = tn_spirv_id(&e->m), stepped = tn_spirv_id(&e->m);
    uint32_t step = tn_vk_int(e, t, v->whole), truth, goes;

    branch(e, header);
    label(e, header);
    TN_SPIRV(&e->m, code, SPV_PHI, type, index, value(e, v->arg[0]), before, stepped, next);
    TN_SPIRV(&e->m, code, SPV_LOOP_MERGE, merge, next, 0);
    branch(e, test);
    label(e, test);
    truth = tn_vk_type(e, TN_BOOL);
    goes = tn_vk_op2(e, SPV_S_LESS_THAN, truth, index, value(e, v->arg[1]));
    TN_SPIRV(&e->m, code, SPV_BRANCH_CONDITIONAL, goes, body, merge);
    label(e, body);
    e->id[v->id] = index;
    TN_TRY(block(e, v->body));
    branch(e, next);
    label(e, next);
    TN_SPIRV(&e->m, code, SPV_I_ADD, type, stepped, index, step);
    branch(e, header);
    label(e, merge);
    return TN_OK;
}

static tn_status
loop(tn_vk_emitter *e, const tn_ins *v)
{
    uint32_t bool_type = tn_vk_type(e, TN_BOOL), inside;

    switch (v->loop) {
    case TN_LOOP_GRID:
        e->id[v->id] = e->task;
        inside =
            tn_vk_op2(e, SPV_S_LESS_THAN, bool_type, e->task, tn_vk_size(e, e->k->sizes.count));
        return selection(e, inside, v->body, NULL);
    case TN_LOOP_LANE:
        e->id[v->id] = e->lane;
        if (v->arg[1]->whole == (int64_t)e->k->lanes)
            return block(e, v->body);
        inside = tn_vk_op2(e, SPV_S_LESS_THAN, bool_type, e->lane, value(e, v->arg[1]));
        return selection(e, inside, v->body, NULL);
    case TN_LOOP_SERIAL: return serial(e, v);
    default: return tn_vk_refuse(e, "TEAM loop");
    }
}

static void
barrier(tn_vk_emitter *e)
{
    uint32_t scope = tn_vk_int(e, TN_U32, SPV_SCOPE_WORKGROUP);
    uint32_t semantics = tn_vk_int(e, TN_U32, SPV_SEMANTICS_ALL);

    TN_SPIRV(&e->m, code, SPV_CONTROL_BARRIER, scope, scope, semantics);
}

/* `fn` of the elements start, start + step, .. of a group array, `count` of
 * them. */
static tn_status
column(tn_vk_emitter *e, const tn_ins *v, uint32_t array, uint32_t start, uint32_t step,
    uint32_t count, uint32_t *out)
{
    tn_dtype t = v->cell->type.dtype;

    *out = tn_vk_group_load(e, array, t, start);
    for (uint32_t i = 1; i < count; i++) {
        uint32_t further = tn_vk_int(e, TN_I32, i * step);
        uint32_t at = tn_vk_op2(e, SPV_I_ADD, tn_vk_type(e, TN_I32), start, further);

        TN_TRY(tn_vk_apply(e, v->fn, t, *out, tn_vk_group_load(e, array, t, at), out));
    }
    return TN_OK;
}

/* The first `rows` lanes leave one value for each column in place of theirs. */
static tn_status
fold(tn_vk_emitter *e, const tn_ins *v, uint32_t array, uint32_t rows)
{
    uint32_t then = tn_spirv_id(&e->m), merge = tn_spirv_id(&e->m), sum;
    uint32_t truth = tn_vk_type(e, TN_BOOL), end = tn_vk_int(e, TN_I32, rows);
    uint32_t inside = tn_vk_op2(e, SPV_S_LESS_THAN, truth, e->lane, end);

    TN_SPIRV(&e->m, code, SPV_SELECTION_MERGE, merge, 0);
    TN_SPIRV(&e->m, code, SPV_BRANCH_CONDITIONAL, inside, then, merge);
    label(e, then);
    TN_TRY(column(e, v, array, e->lane, rows, e->k->lanes / rows, &sum));
    tn_vk_group_store(e, array, v->cell->type.dtype, e->lane, sum);
    branch(e, merge);
    label(e, merge);
    barrier(e);
    return TN_OK;
}

/* Through group memory: a few lanes add up columns, then every lane the sums
 * of all columns, in the same order. */
static tn_status
group_reduce(tn_vk_emitter *e, const tn_ins *v)
{
    tn_dtype t = v->cell->type.dtype;
    uint32_t rows = tn_reduce_rows(e->k->lanes), sum;
    uint32_t *array = &e->reduced[tn_vk_register(t)];

    if (e->k->team)
        return tn_vk_refuse(e, "reduction over a subgroup");
    if (!*array)
        *array = tn_vk_group_array(e, tn_vk_register(t), e->k->lanes);
    tn_vk_group_store(e, *array, t, e->lane, tn_vk_cell_get(e, v, 0));
    barrier(e);
    if (rows < e->k->lanes)
        TN_TRY(fold(e, v, *array, rows));
    TN_TRY(column(e, v, *array, tn_vk_int(e, TN_I32, 0), 1, rows, &sum));
    barrier(e);
    tn_vk_cell_set(e, v, 0, sum);
    return TN_OK;
}

static tn_status
check(tn_vk_emitter *e, const tn_ins *v)
{
    uint32_t then = tn_spirv_id(&e->m), merge = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, SPV_SELECTION_MERGE, merge, 0);
    TN_SPIRV(&e->m, code, SPV_BRANCH_CONDITIONAL, value(e, v->arg[0]), merge, then);
    label(e, then);
    tn_vk_status_store(e, v->whole * 4 + 1, value(e, v->arg[1]));
    tn_vk_status_store(e, v->whole * 4 + 2, value(e, v->arg[2]));
    tn_vk_status_store(e, v->whole * 4, tn_vk_int(e, TN_I32, 1));
    branch(e, merge);
    label(e, merge);
    return TN_OK;
}

/* In an order of its own: the compiler's for arguments would show in ids. */
static void
plain_store(tn_vk_emitter *e, const tn_ins *v)
{
    uint32_t index = value(e, v->arg[0]), stored = value(e, v->arg[1]);

    tn_vk_store(e, v->mem, index, stored);
}

static tn_status
store(tn_vk_emitter *e, const tn_ins *v)
{
    uint32_t then, merge;

    if (v->arg_count < 3) {
        plain_store(e, v);
        return TN_OK;
    }
    then = tn_spirv_id(&e->m);
    merge = tn_spirv_id(&e->m);
    TN_SPIRV(&e->m, code, SPV_SELECTION_MERGE, merge, 0);
    TN_SPIRV(&e->m, code, SPV_BRANCH_CONDITIONAL, value(e, v->arg[2]), then, merge);
    label(e, then);
    plain_store(e, v);
    branch(e, merge);
    label(e, merge);
    return TN_OK;
}

static tn_status
instruction(tn_vk_emitter *e, const tn_ins *v)
{
    if (v->type.lanes > 1)
        return tn_vk_refuse(e, "vectors");
    switch (v->op) {
    case TN_K_loop: return loop(e, v);
    case TN_K_if: return selection(e, value(e, v->arg[0]), v->body, v->orelse);
    case TN_K_const:
        e->id[v->id] = tn_is_float(v->type.dtype)
            ? tn_vk_real(e, v->type.dtype, v->real)
            : tn_vk_int(e, tn_vk_register(v->type.dtype), v->whole);
        return TN_OK;
    case TN_K_param: e->id[v->id] = tn_vk_size(e, (uint32_t)v->whole); return TN_OK;
    case TN_K_local:
    case TN_K_cell: return TN_OK; /* declared before the body */
    case TN_K_fn: return tn_vk_function(e, v, &e->id[v->id]);
    case TN_K_get: e->id[v->id] = tn_vk_cell_get(e, v, 0); return TN_OK;
    case TN_K_set: tn_vk_cell_set(e, v, 1, value(e, v->arg[0])); return TN_OK;
    case TN_K_load: e->id[v->id] = tn_vk_load(e, v); return TN_OK;
    case TN_K_store: return store(e, v);
    case TN_K_barrier: barrier(e); return TN_OK;
    case TN_K_sg_reduce: return group_reduce(e, v);
    case TN_K_check: return check(e, v);
    default: return tn_vk_refuse(e, tn_kop_name(v->op));
    }
}

static tn_status
block(tn_vk_emitter *e, const tn_kblock *b)
{
    for (uint32_t i = 0; i < b->ins.count; i++)
        TN_TRY(instruction(e, b->ins.at[i]));
    return TN_OK;
}

/* ---- what stands around the body ---- */

static uint32_t
builtin(tn_vk_emitter *e, uint32_t which, uint32_t type, tn_words *interface)
{
    uint32_t id = tn_spirv_id(&e->m);
    uint32_t pointer = tn_vk_pointer(e, SPV_CLASS_INPUT, type);

    TN_SPIRV(&e->m, types, SPV_VARIABLE, pointer, id, SPV_CLASS_INPUT);
    TN_SPIRV(&e->m, decorations, SPV_DECORATE, id, SPV_DEC_BUILTIN, which);
    tn_push(e->m.arena, interface, id);
    return id;
}

static uint32_t
component(tn_vk_emitter *e, uint32_t type, uint32_t vector, uint32_t index)
{
    uint32_t id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, SPV_COMPOSITE_EXTRACT, type, id, vector, index);
    return id;
}

/* lane and task, as i32. */
static void
positions(tn_vk_emitter *e, uint32_t local, uint32_t group, uint32_t groups, uint32_t vector)
{
    uint32_t u = tn_vk_type(e, TN_U32), i = tn_vk_type(e, TN_I32);
    uint32_t lane = tn_vk_op1(e, SPV_LOAD, u, local);
    uint32_t where = tn_vk_op1(e, SPV_LOAD, vector, group);
    uint32_t count = tn_vk_op1(e, SPV_LOAD, vector, groups);
    uint32_t x = component(e, u, where, 0), y = component(e, u, where, 1);
    uint32_t row = component(e, u, count, 0);
    uint32_t start = tn_vk_op2(e, SPV_I_MUL, u, y, row);

    e->lane = tn_vk_op1(e, SPV_BITCAST, i, lane);
    e->task = tn_vk_op1(e, SPV_BITCAST, i, tn_vk_op2(e, SPV_I_ADD, u, x, start));
}

static void
modes(tn_vk_emitter *e, uint32_t main, const tn_vk_features *f)
{
    TN_SPIRV(&e->m, modes, SPV_EXECUTION_MODE, main, SPV_MODE_LOCAL_SIZE, e->k->lanes, 1, 1);
    if (f->keeps_nan || f->keeps_denormals || f->rounds_even)
        tn_spirv_extension(&e->m, "SPV_KHR_float_controls");
    if (f->keeps_nan) {
        tn_spirv_capability(&e->m, SPV_CAP_NAN_PRESERVE);
        TN_SPIRV(&e->m, modes, SPV_EXECUTION_MODE, main, SPV_MODE_NAN_PRESERVE, 32);
    }
    if (f->keeps_denormals) {
        tn_spirv_capability(&e->m, SPV_CAP_DENORM_PRESERVE);
        TN_SPIRV(&e->m, modes, SPV_EXECUTION_MODE, main, SPV_MODE_DENORM_PRESERVE, 32);
    }
    if (f->rounds_even) {
        tn_spirv_capability(&e->m, SPV_CAP_ROUND_EVEN);
        TN_SPIRV(&e->m, modes, SPV_EXECUTION_MODE, main, SPV_MODE_ROUND_EVEN, 32);
    }
}

static void
entry_point(tn_vk_emitter *e, uint32_t main, const tn_words *interface)
{
    tn_words words = {0};

    tn_push(e->m.arena, &words, (uint32_t)SPV_MODEL_GL_COMPUTE);
    tn_push(e->m.arena, &words, main);
    tn_spirv_string(&e->m, &words, "main");
    for (uint32_t i = 0; i < interface->count; i++)
        tn_push(e->m.arena, &words, interface->at[i]);
    tn_spirv_put(&e->m, &e->m.entry, SPV_ENTRY_POINT, words.at, words.count);
}

/* Function variables must open the first block: the body is written into
 * `code` and they are put before it afterwards. */
static void
join_function(tn_vk_emitter *e, uint32_t body_start)
{
    tn_words body = {0};

    for (uint32_t i = body_start; i < e->m.code.count; i++)
        tn_push(e->m.arena, &body, e->m.code.at[i]);
    e->m.code.count = body_start;
    for (uint32_t i = 0; i < e->m.variables.count; i++)
        tn_push(e->m.arena, &e->m.code, e->m.variables.at[i]);
    for (uint32_t i = 0; i < body.count; i++)
        tn_push(e->m.arena, &e->m.code, body.at[i]);
}

static tn_status
function(tn_vk_emitter *e, const tn_vk_features *features)
{
    uint32_t nothing = tn_spirv_unique(&e->m, SPV_TYPE_VOID, 0, NULL, 0);
    uint32_t signature = tn_spirv_unique(&e->m, SPV_TYPE_FUNCTION, 0, &nothing, 1);
    uint32_t u = tn_vk_type(e, TN_U32), three[] = {u, 3};
    uint32_t vector = tn_spirv_unique(&e->m, SPV_TYPE_VECTOR, 0, three, 2);
    tn_words interface = {0};
    uint32_t local = builtin(e, SPV_BUILTIN_LOCAL_INDEX, u, &interface);
    uint32_t group = builtin(e, SPV_BUILTIN_WORKGROUP_ID, vector, &interface);
    uint32_t groups = builtin(e, SPV_BUILTIN_NUM_WORKGROUPS, vector, &interface);
    uint32_t main = tn_spirv_id(&e->m), body_start;

    entry_point(e, main, &interface);
    modes(e, main, features);
    tn_vk_declare(e);
    TN_SPIRV(&e->m, code, SPV_FUNCTION, nothing, main, 0, signature);
    label(e, tn_spirv_id(&e->m));
    body_start = e->m.code.count;
    positions(e, local, group, groups, vector);
    TN_TRY(block(e, e->k->root));
    tn_spirv_put(&e->m, &e->m.code, SPV_RETURN, NULL, 0);
    tn_spirv_put(&e->m, &e->m.code, SPV_FUNCTION_END, NULL, 0);
    join_function(e, body_start);
    return TN_OK;
}

tn_status
tn_vk_generate(tn_arena *arena, tn_diag *diag, const tn_kernel *from,
    const tn_vk_features *features, tn_writer *out)
{
    tn_vk_emitter e = {.m = {.arena = arena}, .diag = diag};
    tn_kernel *k;
    tn_words words;

    TN_TRY(tn_kernel_unroll(arena, diag, from, &k));
    e.k = k;
    if (k->index != TN_I32)
        return tn_vk_refuse(&e, "64-bit addresses");
    if (k->sizes.count > TN_VK_PUSH_LIMIT)
        return tn_fail(diag, TN_LIMIT, "kernel %s: more than %d sizes", k->name, TN_VK_PUSH_LIMIT);
    e.id = tn_new_array(arena, uint32_t, k->ins_count + 1);
    tn_spirv_capability(&e.m, SPV_CAP_SHADER);
    TN_SPIRV(&e.m, memory_model, SPV_MEMORY_MODEL, 0, 1); /* Logical, GLSL450 */
    TN_TRY(function(&e, features));
    words = tn_spirv_finish(&e.m);
    tn_write_u32(out, TN_VK_MAGIC);
    tn_write_u32(out, k->lanes);
    tn_write_u32(out, k->globals.count);
    tn_write_u32(out, k->sizes.count);
    tn_write_u32(out, k->sites.count);
    for (uint32_t i = 0; i < words.count; i++)
        tn_write_u32(out, words.at[i]);
    return TN_OK;
}

tn_status
tn_vk_head_read(tn_diag *diag, const void *code, size_t bytes, tn_vk_head *out)
{
    tn_reader r = {.from = {code, bytes}};
    uint32_t magic = tn_read_u32(&r);

    out->lanes = tn_read_u32(&r);
    out->buffers = tn_read_u32(&r);
    out->sizes = tn_read_u32(&r);
    out->sites = tn_read_u32(&r);
    if (r.failed || magic != TN_VK_MAGIC || bytes % 4 || out->lanes == 0 || out->lanes > 4096 ||
        out->buffers > 256 || out->sizes > TN_VK_PUSH_LIMIT)
        return tn_fail(diag, TN_INTEGRITY, "SPIR-V code: the head is not ours");
    out->words = (const uint32_t *)code + TN_VK_HEAD;
    out->bytes = bytes - TN_VK_HEAD * 4;
    return TN_OK;
}
