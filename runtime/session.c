/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session.h"

#include <string.h>

#include "runtime/bind.h"
#include "runtime/session_internal.h"

static const tn_plan *
plan_of(const tn_session *s, int entry)
{
    return &s->model->target->plans[entry];
}

static tn_status
result(const tn_session *s, int code, const char *what)
{
    return tn_registry_result(s->model->registry, s->env.diag, code, what);
}

static const tn_iface *
iface_of(const tn_session *s)
{
    return &s->model->artifact->iface;
}

/* ---- memory of the session itself ---- */

static void *
list(tn_session *s, size_t count, size_t size)
{
    return tn_alloc_zero(s->env.alloc, (count + 1) * size);
}

static void
unlist(tn_session *s, void *at, size_t count, size_t size)
{
    tn_alloc_free(s->env.alloc, at, (count + 1) * size);
}

static tn_status
prepare_entry(tn_session *s, int e)
{
    tn_session_entry *n = &s->entries[e];
    const tn_plan *p = plan_of(s, e);

    n->symbols = list(s, p->symbols.count, sizeof *n->symbols);
    n->bytes = list(s, p->buffers.count, sizeof *n->bytes);
    n->offset = list(s, p->buffers.count, sizeof *n->offset);
    n->own = list(s, p->buffers.count, sizeof(tn_buffer *));
    n->own_bytes = list(s, p->buffers.count, sizeof *n->own_bytes);
    n->filled = list(s, p->buffers.count, sizeof *n->filled);
    n->lent = list(s, p->buffers.count, sizeof *n->lent);
    if (!n->symbols || !n->bytes || !n->offset || !n->own || !n->own_bytes || !n->filled ||
        !n->lent)
        return tn_fail_memory(s->env.diag, p->buffers.count * 32, "a session");
    if (p->sites.count > s->sites)
        s->sites = p->sites.count;
    return TN_OK;
}

static tn_status
prepare(tn_session *s)
{
    const tn_iface *f = iface_of(s);
    const tn_backend *b = s->model->backend;

    s->entries = list(s, f->entries.count, sizeof *s->entries);
    s->states = list(s, f->states.count, sizeof *s->states);
    s->state_bytes = list(s, f->states.count, sizeof *s->state_bytes);
    s->state_dims = list(s, f->states.count, sizeof *s->state_dims);
    s->fresh = list(s, f->states.count, sizeof *s->fresh);
    if (!s->entries || !s->states || !s->state_bytes || !s->state_dims || !s->fresh)
        return tn_fail_memory(s->env.diag, f->entries.count * sizeof *s->entries, "a session");
    for (uint32_t e = 0; e < f->entries.count; e++)
        TN_TRY(prepare_entry(s, (int)e));
    return result(s,
        b->buffer_new(s->model->device, s->sites ? (uint64_t)s->sites * 16 : 16, &s->status),
        "check sites");
}

tn_status
tn_session_open(const tn_env *env, const tn_model *model, tn_session **out)
{
    tn_session *s = tn_alloc_zero(env->alloc, sizeof *s);
    tn_status status;

    *out = NULL;
    if (!s)
        return tn_fail_memory(env->diag, sizeof *s, "a session");
    s->env = *env;
    s->model = model;
    status = prepare(s);
    if (status == TN_OK)
        *out = s;
    else
        tn_session_close(s);
    return status;
}

static void
free_buffer(tn_session *s, tn_buffer **b)
{
    if (*b)
        s->model->backend->buffer_free(*b);
    *b = NULL;
}

static void
close_entry(tn_session *s, int e)
{
    tn_session_entry *n = &s->entries[e];
    const tn_plan *p = plan_of(s, e);

    for (uint32_t i = 0; n->own && i < p->buffers.count; i++)
        free_buffer(s, &n->own[i]);
    unlist(s, n->symbols, p->symbols.count, sizeof *n->symbols);
    unlist(s, n->bytes, p->buffers.count, sizeof *n->bytes);
    unlist(s, n->offset, p->buffers.count, sizeof *n->offset);
    unlist(s, n->own, p->buffers.count, sizeof(tn_buffer *));
    unlist(s, n->own_bytes, p->buffers.count, sizeof *n->own_bytes);
    unlist(s, n->lent, p->buffers.count, sizeof *n->lent);
    unlist(s, n->filled, p->buffers.count, sizeof *n->filled);
}

void
tn_session_close(tn_session *s)
{
    const tn_iface *f;

    if (!s)
        return;
    f = iface_of(s);
    for (uint32_t e = 0; s->entries && e < f->entries.count; e++)
        close_entry(s, (int)e);
    for (uint32_t i = 0; s->states && i < f->states.count; i++)
        free_buffer(s, &s->states[i]);
    free_buffer(s, &s->temp);
    free_buffer(s, &s->kept);
    free_buffer(s, &s->status);
    unlist(s, s->entries, f->entries.count, sizeof *s->entries);
    unlist(s, s->states, f->states.count, sizeof *s->states);
    unlist(s, s->state_bytes, f->states.count, sizeof *s->state_bytes);
    unlist(s, s->state_dims, f->states.count, sizeof *s->state_dims);
    unlist(s, s->fresh, f->states.count, sizeof *s->fresh);
    unlist(s, s->times, s->time_room, sizeof *s->times);
    unlist(s, s->took, s->time_room, sizeof *s->took);
    tn_alloc_free(s->env.alloc, s, sizeof *s);
}

tn_status
tn_session_reset(tn_session *s)
{
    for (uint32_t i = 0; i < iface_of(s)->states.count; i++)
        free_buffer(s, &s->states[i]);
    s->failed = false;
    return TN_OK;
}

/* ---- state ---- */

static tn_status
fill_state(tn_session *s, uint32_t i, const tn_tensor *shape)
{
    const tn_iface_state *st = &iface_of(s)->states.at[i];
    tn_tensor t = *shape;
    int64_t n = 0;
    tn_status status;

    if (st->fill == 0 && s->model->backend->fill_zero)
        return result(s, s->model->backend->fill_zero(s->states[i], 0, s->state_bytes[i]),
            st->name);
    TN_TRY(tn_tensor_create(s->env.alloc, s->env.diag, &t));
    tn_tensor_elements(&t, &n);
    for (int64_t e = 0; e < n; e++) {
        char *at = (char *)t.data + e * tn_dtype_bytes(t.dtype);

        if (tn_is_float(t.dtype))
            tn_store_double(t.dtype, at, st->fill);
        else
            tn_store_int(t.dtype, at, (int64_t)st->fill);
    }
    status = result(s, s->model->backend->write(s->states[i], 0, t.data, t.bytes), st->name);
    tn_tensor_free(s->env.alloc, &t);
    return status;
}

/* A state exists from the first run that mentions it; later runs must agree
 * with its shape. */
static tn_status
ensure_state(tn_session *s, int entry, const tn_plan_buffer *b)
{
    uint32_t i = (uint32_t)b->number;
    const tn_iface_state *st = &iface_of(s)->states.at[i];
    tn_tensor shape = {.dtype = b->dtype, .rank = b->rank};
    int64_t elements = 0;

    for (int a = 0; a < b->rank; a++)
        if (!tn_formula_eval(b->dim[a], s->entries[entry].symbols, plan_of(s, entry)->symbols.count,
                &shape.dim[a]))
            return tn_fail(s->env.diag, TN_LIMIT, "state %s: its size does not come out", st->name);
    if (s->states[i]) {
        for (int a = 0; a < b->rank; a++)
            if (shape.dim[a] != s->state_dims[i][a])
                return tn_fail(s->env.diag, TN_MALFORMED,
                    "state %s: axis %d is %lld since the first run, now %lld; reset the session",
                    st->name, a, (long long)s->state_dims[i][a], (long long)shape.dim[a]);
        return TN_OK;
    }
    if (!tn_tensor_elements(&shape, &elements))
        return tn_fail(s->env.diag, TN_LIMIT, "state %s is too large", st->name);
    s->state_bytes[i] = (uint64_t)elements * (uint64_t)tn_dtype_bytes(b->dtype);
    memcpy(s->state_dims[i], shape.dim, sizeof shape.dim);
    s->fresh[i] = true;
    TN_TRY(result(s,
        s->model->backend->buffer_new(s->model->device, s->state_bytes[i] ? s->state_bytes[i] : 1,
            &s->states[i]),
        st->name));
    return s->state_bytes[i] ? fill_state(s, i, &shape) : TN_OK;
}

/* ---- buffers under a binding ---- */

static tn_status
ensure_own(tn_session *s, int entry, uint32_t i)
{
    tn_session_entry *n = &s->entries[entry];
    const tn_plan_buffer *b = &plan_of(s, entry)->buffers.at[i];
    uint64_t wanted = n->bytes[i] ? n->bytes[i] : 256;

    if (n->own[i] && n->own_bytes[i] >= wanted)
        return TN_OK;
    free_buffer(s, &n->own[i]);
    n->filled[i] = false;
    n->own_bytes[i] = wanted;
    return result(s, s->model->backend->buffer_new(s->model->device, wanted, &n->own[i]), b->name);
}

static tn_status
write_scalar(tn_session *s, int entry, uint32_t i)
{
    tn_session_entry *n = &s->entries[entry];
    const tn_plan_buffer *b = &plan_of(s, entry)->buffers.at[i];
    unsigned char at[8] = {0};
    double value;

    if (!tn_number_eval(&b->scalar, n->symbols, plan_of(s, entry)->symbols.count, &value))
        return tn_fail(s->env.diag, TN_MALFORMED, "%s: its value does not come out", b->name);
    if (tn_is_float(b->dtype)) {
        tn_store_double(b->dtype, at, value);
    } else {
        int64_t low, high;

        tn_dtype_range(b->dtype, &low, &high);
        if (value != (double)(int64_t)value || value < (double)low || value > (double)high)
            return tn_fail(s->env.diag, TN_MALFORMED, "%s: %g does not fit %s", b->name, value,
                tn_dtype_name(b->dtype));
        tn_store_int(b->dtype, at, (int64_t)value);
    }
    return result(s, s->model->backend->write(n->own[i], 0, at, (uint64_t)tn_dtype_bytes(b->dtype)),
        b->name);
}

static tn_status
ensure_buffer(tn_session *s, int entry, uint32_t i)
{
    tn_session_entry *n = &s->entries[entry];
    const tn_plan_buffer *b = &plan_of(s, entry)->buffers.at[i];

    if (b->use == TN_USE_STATE)
        return ensure_state(s, entry, b);
    if (b->same_as >= 0 || b->use == TN_USE_TEMP || b->use == TN_USE_WEIGHT ||
        b->use == TN_USE_INPUT)
        return TN_OK;
    TN_TRY(ensure_own(s, entry, i));
    if (b->use == TN_USE_SCALAR)
        return write_scalar(s, entry, i);
    if (b->use == TN_USE_CONST && !n->filled[i]) {
        n->filled[i] = true;
        return result(s, s->model->backend->write(n->own[i], 0, b->constant.at, b->constant.bytes),
            b->name);
    }
    return TN_OK;
}

static tn_status
ensure_temp(tn_session *s, uint64_t bytes)
{
    if (s->temp && s->temp_bytes >= bytes)
        return TN_OK;
    free_buffer(s, &s->temp);
    s->temp_bytes = bytes ? bytes : 256;
    return result(s, s->model->backend->buffer_new(s->model->device, s->temp_bytes, &s->temp),
        "activations");
}

static tn_status
place(tn_session *s, int entry, const int64_t *symbols)
{
    tn_session_entry *n = &s->entries[entry];
    const tn_plan *p = plan_of(s, entry);
    size_t bytes = p->symbols.count * sizeof *symbols;

    if (!n->placed || memcmp(n->symbols, symbols, bytes) != 0) {
        n->placed = false;
        memcpy(n->symbols, symbols, bytes);
        TN_TRY(tn_plan_place(p, s->env.diag, n->symbols, n->bytes, n->offset, &n->temp_bytes));
        n->placed = true;
        for (uint32_t i = 0; i < p->buffers.count; i++)
            TN_TRY(ensure_buffer(s, entry, i));
    }
    for (uint32_t i = 0; i < p->buffers.count; i++)
        if (p->buffers.at[i].use == TN_USE_STATE)
            TN_TRY(ensure_state(s, entry, &p->buffers.at[i]));
    return ensure_temp(s, n->temp_bytes);
}

tn_binding
tn_session_binding(const tn_session *s, int entry, uint32_t index)
{
    const tn_session_entry *n = &s->entries[entry];
    const tn_plan *p = plan_of(s, entry);
    uint32_t owner =
        p->buffers.at[index].same_as < 0 ? index : (uint32_t)p->buffers.at[index].same_as;
    const tn_plan_buffer *b = &p->buffers.at[owner];

    switch (b->use) {
    case TN_USE_TEMP:
        return (tn_binding){
            s->temp, n->offset[owner] == UINT64_MAX ? 0 : n->offset[owner], n->bytes[owner]};
    case TN_USE_WEIGHT:
        return (tn_binding){
            s->model->weights[b->number], 0, iface_of(s)->weights.at[b->number].bytes};
    case TN_USE_STATE: return (tn_binding){s->states[b->number], 0, s->state_bytes[b->number]};
    default: return (tn_binding){n->own[owner], 0, n->own_bytes[owner]};
    }
}

/* ---- inputs and outputs ---- */

/* From here on a copy costs more than wrapping memory. */
enum { LENT_BYTES = 4096 };

/* The caller's memory itself, where the device can read it: a run that may
 * return before the device has ended must not. */
static bool
lend(tn_session *s, const tn_run *run, uint32_t i, const tn_tensor *t)
{
    const tn_backend *b = s->model->backend;
    tn_session_entry *n = &s->entries[run->entry];

    if (!b->buffer_wrap || run->timeout_ns || t->bytes < LENT_BYTES || t->bytes != n->bytes[i] ||
        (uintptr_t)t->data % 64 != 0)
        return false;
    free_buffer(s, &n->own[i]);
    n->own_bytes[i] = t->bytes;
    n->lent[i] = b->buffer_wrap(s->model->device, t->data, t->bytes, &n->own[i]) == 0;
    return n->lent[i];
}

/* Forgets memory that is the caller's again; `waits` where some of it may
 * still be read. */
static void
give_back_inputs(tn_session *s, const tn_run *run, bool waits)
{
    const tn_plan *p = plan_of(s, run->entry);
    tn_session_entry *n = &s->entries[run->entry];

    for (uint32_t i = 0; i < p->buffers.count; i++) {
        if (!n->lent[i])
            continue;
        if (waits)
            (void)s->model->backend->wait(s->model->device, 0);
        free_buffer(s, &n->own[i]);
        n->lent[i] = false;
    }
}

static tn_status
write_inputs(tn_session *s, const tn_run *run)
{
    const tn_plan *p = plan_of(s, run->entry);

    for (uint32_t i = 0; i < p->buffers.count; i++) {
        const tn_plan_buffer *b = &p->buffers.at[i];
        const tn_tensor *t;

        if (b->use != TN_USE_INPUT)
            continue;
        t = &run->inputs[b->number];
        if (lend(s, run, i, t))
            continue;
        TN_TRY(ensure_own(s, run->entry, i));
        if (t->bytes)
            TN_TRY(result(s,
                s->model->backend->write(s->entries[run->entry].own[i], 0, t->data, t->bytes),
                b->name));
    }
    return TN_OK;
}

static tn_status
read_outputs(tn_session *s, tn_run *run)
{
    const tn_plan *p = plan_of(s, run->entry);

    for (uint32_t i = 0; i < p->buffers.count; i++) {
        const tn_plan_buffer *b = &p->buffers.at[i];
        tn_binding at;
        tn_tensor *t;

        if (b->use != TN_USE_OUTPUT)
            continue;
        t = &run->outputs[b->number];
        *t = (tn_tensor){.dtype = b->dtype, .rank = b->rank};
        for (int a = 0; a < b->rank; a++)
            if (!tn_formula_eval(b->dim[a], s->entries[run->entry].symbols, p->symbols.count,
                    &t->dim[a]))
                return tn_fail(s->env.diag, TN_LIMIT, "output %s: its size does not come out",
                    b->name);
        TN_TRY(tn_tensor_create(s->env.alloc, s->env.diag, t));
        at = tn_session_binding(s, run->entry, i);
        if (t->bytes)
            TN_TRY(result(s, s->model->backend->read(at.buffer, at.offset, t->data, t->bytes),
                b->name));
    }
    return TN_OK;
}

/* How far a run came: what it may have changed. */
typedef enum extent { NOTHING, ROWS, STATES } extent;

static tn_status
run_bound(tn_session *s, tn_run *run, const int64_t *symbols, extent *reached)
{
    *reached = NOTHING;
    memset(s->fresh, 0, iface_of(s)->states.count * sizeof *s->fresh);
    TN_TRY(place(s, run->entry, symbols));
    TN_TRY(write_inputs(s, run));
    TN_TRY(tn_undo_keep(s, run));
    *reached = ROWS;
    TN_TRY(tn_execute(s, run));
    run->peak_bytes = s->entries[run->entry].temp_bytes;
    TN_TRY(read_outputs(s, run));
    *reached = STATES;
    return tn_execute_commit(s, run);
}

/* States are again what they were before the run. False if that cannot be
 * known: nobody waits a second time for a device that was too slow. */
static bool
recover(tn_session *s, const tn_run *run, tn_status status, extent reached)
{
    const tn_backend *b = s->model->backend;

    if (reached == STATES || (reached == ROWS && status == TN_CANCELLED))
        return false;
    if (reached == ROWS &&
        (b->wait(s->model->device, 0) != TN_OK || tn_undo_put_back(s, run) != TN_OK))
        return false;
    for (uint32_t i = 0; i < iface_of(s)->states.count; i++)
        if (s->fresh[i])
            free_buffer(s, &s->states[i]);
    return true;
}

static void
free_outputs(tn_session *s, tn_run *run)
{
    for (uint32_t i = 0; i < iface_of(s)->entries.at[run->entry].outputs.count; i++)
        tn_tensor_free(s->env.alloc, &run->outputs[i]);
}

tn_status
tn_session_run(tn_session *s, tn_run *run)
{
    const tn_iface_entry *entry = &iface_of(s)->entries.at[run->entry];
    int64_t *symbols;
    tn_status status;
    extent reached;

    if (s->failed)
        return tn_fail(s->env.diag, TN_FAILED,
            "an earlier run of this session failed and left its state unknown; reset it first");
    for (uint32_t i = 0; i < entry->outputs.count; i++)
        run->outputs[i] = (tn_tensor){0};
    symbols = list(s, entry->symbols.count, sizeof *symbols);
    if (!symbols)
        return tn_fail_memory(s->env.diag, entry->symbols.count * sizeof *symbols, "a run");
    status = tn_bind(s->env.diag, entry, run->inputs, run->has_fixed, run->fixed, symbols);
    if (status == TN_OK) {
        status = run_bound(s, run, symbols, &reached);
        give_back_inputs(s, run, status != TN_OK);
        if (status != TN_OK) {
            if (iface_of(s)->states.count)
                s->failed = !recover(s, run, status, reached);
            s->entries[run->entry].placed = false;
            free_outputs(s, run);
        }
    }
    unlist(s, symbols, entry->symbols.count, sizeof *symbols);
    return status;
}
