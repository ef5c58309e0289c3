/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/device_peak.h"

#include <string.h>

#include "ir/kernel/kbuild.h"
#include "runtime/codegen.h"

/* Enough independent chains to hide the latency of a multiply-add; what a
 * register file of 32 (16) vectors, or the budget of a lane, holds. */
enum {
    CHAINS_WIDE = 24,
    CHAINS_NARROW = 12,
    CHAINS_LANE = 16,
    ROUNDS = 4000,
    TASKS = 64,
    GPU_TASKS = 1024,
    GPU_ROUNDS = 512,
    READ_LEAST = 4 << 20,
    READ_MOST = 128 << 20,
    READ_BLOCK = 1 << 16,
    TRIES = 16,
};

typedef struct machine {
    bool gpu;
    int lanes;  /* of a vector, or of a group */
    int chains;
    int64_t tasks, rounds;
    int64_t read_bytes; /* one pass of the memory probe */
} machine;

/* As large as what a run touches, so that both live in the same caches. */
static int64_t
read_bytes(uint64_t touched)
{
    int64_t bytes = READ_LEAST;

    while (bytes < READ_MOST && (uint64_t)bytes < touched)
        bytes *= 2;
    return bytes;
}

static machine
machine_of(const tn_target *t, uint64_t touched)
{
    machine m = {.gpu = t->gpu != 0, .read_bytes = read_bytes(touched)};

    if (m.gpu) {
        m.lanes = t->group_lanes < 64 ? (int)t->group_lanes : 64;
        m.chains = CHAINS_LANE;
        m.tasks = GPU_TASKS;
        m.rounds = GPU_ROUNDS;
        return m;
    }
    m.lanes = (int)t->vector_bytes / 4;
    m.chains = t->registers >= 32 ? CHAINS_WIDE : CHAINS_NARROW;
    m.tasks = TASKS;
    m.rounds = ROUNDS;
    return m;
}

/* The sum of the `count` cells of a task, stored so that nothing can be left
 * out. */
static void
store_sum(tn_kb *b, const machine *m, tn_kmem *y, tn_ins *task, tn_ins *lane, tn_kcell *c,
    int count)
{
    tn_ins *zero = tn_kb_int(b, 0), *sum = tn_kb_get(b, c, 1, &zero), *at;

    for (int i = 1; i < count; i++) {
        tn_ins *index = tn_kb_int(b, i);
        tn_ins *next = tn_kb_get(b, c, 1, &index);

        sum = tn_kb_add(b, sum, next);
    }
    at = tn_kb_mul(b, task, tn_kb_int(b, m->lanes));
    if (lane)
        at = tn_kb_add(b, at, lane);
    tn_kb_store(b, y, at, sum, NULL);
}

/* chains x (c = a * c + b), `rounds` times. */
static void
multiply_adds(tn_kb *b, const machine *m, tn_kmem *y, tn_ins *task, tn_ins *lane)
{
    tn_ktype type = {TN_F32, (uint16_t)(m->gpu ? 1 : m->lanes)};
    tn_kcell *c = tn_kb_cell(b, "c", type, 1, &m->chains, false);
    tn_ins *zero = tn_kb_int(b, 0), *chains = tn_kb_int(b, m->chains);
    tn_ins *rounds = tn_kb_int(b, m->rounds), *a = tn_kb_real(b, TN_F32, 0.999);
    tn_ins *d = tn_kb_real(b, TN_F32, 0.001);

    TN_KFOR(b, i, TN_LOOP_UNROLL, zero, chains, 1, "i") {
        tn_ins *start = tn_kb_cast(b, TN_F32, i);

        tn_kb_set(b, c, start, 1, &i);
    }
    TN_KFOR(b, r, TN_LOOP_SERIAL, zero, rounds, 1, "r") {
        TN_KFOR(b, i, TN_LOOP_UNROLL, zero, chains, 1, "i") {
            tn_ins *old = tn_kb_get(b, c, 1, &i);
            tn_ins *new = tn_kb_fn3(b, TN_FN_fma, old, a, d);

            tn_kb_set(b, c, new, 1, &i);
        }
    }
    store_sum(b, m, y, task, lane, c, m->chains);
}

static tn_kernel *
compute_kernel(tn_arena *arena, const machine *m)
{
    tn_kb *b = tn_kb_create(arena, "probe", m->gpu ? TN_I32 : TN_I64, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *tasks = tn_kb_int(b, m->tasks);

    if (m->gpu)
        tn_kb_group(b, (uint32_t)m->lanes, 0);
    TN_KFOR(b, task, TN_LOOP_GRID, zero, tasks, 1, "task") {
        if (!m->gpu) {
            multiply_adds(b, m, y, task, NULL);
            continue;
        }
        tn_ins *lanes = tn_kb_int(b, m->lanes);

        TN_KFOR(b, lane, TN_LOOP_LANE, zero, lanes, 1, "lane") {
            multiply_adds(b, m, y, task, lane);
        }
    }
    return tn_kb_finish(b);
}

/* y[task] += every element of a block of x, in vectors (lanes side by side). */
static void
read_block(tn_kb *b, const machine *m, tn_kmem *x, tn_kmem *y, tn_ins *task, tn_ins *lane)
{
    enum { SUMS = 4 };
    int sums = SUMS, width = m->gpu ? 1 : m->lanes;
    tn_ktype type = {TN_F32, (uint16_t)width};
    tn_kcell *c = tn_kb_cell(b, "c", type, 1, &sums, false);
    tn_ins *zero = tn_kb_int(b, 0), *count = tn_kb_int(b, SUMS);
    tn_ins *base = tn_kb_mul(b, task, tn_kb_int(b, READ_BLOCK / 4));
    tn_ins *steps = tn_kb_int(b, READ_BLOCK / 4 / (SUMS * m->lanes));

    if (lane)
        base = tn_kb_add(b, base, lane);
    TN_KFOR(b, i, TN_LOOP_UNROLL, zero, count, 1, "i") {
        tn_ins *start = tn_kb_real(b, TN_F32, 0);

        tn_kb_set(b, c, start, 1, &i);
    }
    TN_KFOR(b, s, TN_LOOP_SERIAL, zero, steps, 1, "s") {
        TN_KFOR(b, i, TN_LOOP_UNROLL, zero, count, 1, "i") {
            tn_ins *row = tn_kb_add(b, tn_kb_mul(b, s, count), i);
            tn_ins *address = tn_kb_add(b, base, tn_kb_mul(b, row, tn_kb_int(b, m->lanes)));
            tn_ins *v = tn_kb_load(b, x, address, width, NULL, NULL);
            tn_ins *old = tn_kb_get(b, c, 1, &i);
            tn_ins *new = tn_kb_add(b, old, v);

            tn_kb_set(b, c, new, 1, &i);
        }
    }
    store_sum(b, m, y, task, lane, c, SUMS);
}

static tn_kernel *
read_kernel(tn_arena *arena, const machine *m)
{
    tn_kb *b = tn_kb_create(arena, "probe", m->gpu ? TN_I32 : TN_I64, false);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *tasks = tn_kb_int(b, m->read_bytes / READ_BLOCK);

    if (m->gpu)
        tn_kb_group(b, (uint32_t)m->lanes, 0);
    TN_KFOR(b, task, TN_LOOP_GRID, zero, tasks, 1, "task") {
        if (!m->gpu) {
            read_block(b, m, x, y, task, NULL);
            continue;
        }
        tn_ins *lanes = tn_kb_int(b, m->lanes);

        TN_KFOR(b, lane, TN_LOOP_LANE, zero, lanes, 1, "lane") {
            read_block(b, m, x, y, task, lane);
        }
    }
    return tn_kb_finish(b);
}

/* ---- running a probe ---- */

typedef struct attempt {
    tn_tool *tool;
    uint64_t touched;
    const tn_model *model;
    tn_program *program;
    tn_buffer *buffers[2];
    int buffer_count;
} attempt;

static tn_status
result(const attempt *a, int code)
{
    return tn_registry_result(a->tool->registry, a->tool->diag, code, "probe");
}

/* The shortest wall time of a few launches. */
static tn_status
best_time(attempt *a, uint64_t tasks, uint64_t *best_ns)
{
    const tn_backend *b = a->model->backend;
    tn_binding bindings[2] = {{a->buffers[0], 0, 0}, {a->buffers[1], 0, 0}};
    tn_dispatch one = {.size = sizeof one,
        .program = a->program,
        .bindings = bindings,
        .binding_count = (uint32_t)a->buffer_count,
        .tasks = tasks,
        .wait = 1};

    bindings[0].bytes = a->buffer_count == 2 ? (uint64_t)read_bytes(a->touched) : 1 << 20;
    bindings[1].bytes = 1 << 20;
    *best_ns = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t start = tn_tool_now_ns(), took;

        TN_TRY(result(a, b->submit(a->model->device, &one, 1)));
        TN_TRY(result(a, b->wait(a->model->device, 0)));
        took = tn_tool_now_ns() - start;
        *best_ns = took < *best_ns ? took : *best_ns;
    }
    return TN_OK;
}

static tn_status
run_kernel(attempt *a, const tn_kernel *k, uint64_t tasks, uint64_t *best_ns)
{
    tn_writer bytes = {.arena = a->tool->arena};
    tn_span code;
    tn_status status;

    tn_kernel_encode(&bytes, k);
    TN_TRY(tn_generate(&a->tool->env, a->tool->registry, a->model->target->family,
        a->model->target->text, tn_writer_span(&bytes), &code));
    status = result(a,
        a->model->backend->load(a->model->device, (tn_blob){code.at, code.bytes}, &a->program));
    tn_generate_free(&a->tool->env, &code);
    if (status == TN_OK)
        status = best_time(a, tasks, best_ns);
    if (a->program)
        a->model->backend->unload(a->program);
    a->program = NULL;
    return status;
}

static tn_status
make_buffer(attempt *a, uint64_t bytes)
{
    const tn_backend *b = a->model->backend;
    int at = a->buffer_count++;

    TN_TRY(result(a, b->buffer_new(a->model->device, bytes, &a->buffers[at])));
    return b->fill_zero ? result(a, b->fill_zero(a->buffers[at], 0, bytes)) : TN_OK;
}

static tn_status
probe(attempt *a, tn_device_peak *out)
{
    tn_target target;
    machine m;
    uint64_t ns;

    TN_TRY(tn_target_parse(a->tool->diag, a->model->target->text, strlen(a->model->target->text),
        &target));
    m = machine_of(&target, a->touched);
    TN_TRY(make_buffer(a, 1 << 20));
    TN_TRY(run_kernel(a, compute_kernel(a->tool->arena, &m), (uint64_t)m.tasks, &ns));
    out->flops_per_s =
        2.0 * m.lanes * m.chains * (double)m.rounds * (double)m.tasks / ((double)ns * 1e-9);
    a->model->backend->buffer_free(a->buffers[0]);
    a->buffers[0] = NULL;
    a->buffer_count = 0;
    TN_TRY(make_buffer(a, (uint64_t)m.read_bytes));
    TN_TRY(make_buffer(a, 1 << 20));
    TN_TRY(run_kernel(a, read_kernel(a->tool->arena, &m), (uint64_t)(m.read_bytes / READ_BLOCK),
        &ns));
    out->bytes_per_s = (double)m.read_bytes / ((double)ns * 1e-9);
    return TN_OK;
}

tn_status
tn_device_peak_measure(tn_tool *tool, const tn_model *model, uint64_t touched, tn_device_peak *out)
{
    attempt a = {.tool = tool, .model = model, .touched = touched};
    tn_status status = probe(&a, out);

    for (int i = 0; i < 2; i++)
        if (a.buffers[i])
            model->backend->buffer_free(a.buffers[i]);
    return status;
}
