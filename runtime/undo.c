/* SPDX-License-Identifier: Apache-2.0
 * Rows of states that a run overwrites, kept while it may still fail. */
#include "runtime/session_internal.h"

/* Rows of one state: `outer` pieces of `bytes`, at most one for each position
 * of the axes before the one that they lie along. */
typedef struct rows {
    const tn_plan_undo *undo;
    const tn_plan_buffer *buffer;
    int64_t outer, length, rows, at;
    uint64_t row, bytes; /* of one row, of a piece */
} rows;

static const tn_plan *
plan_of(const tn_session *s, const tn_run *run)
{
    return &s->model->target->plans[run->entry];
}

static tn_status
measure(const tn_session *s, const tn_run *run, const tn_plan_undo *undo, rows *out)
{
    const tn_plan *p = plan_of(s, run);
    const tn_plan_buffer *b = &p->buffers.at[undo->buffer];
    const int64_t *dim = s->state_dims[b->number];
    const int64_t *symbols = s->entries[run->entry].symbols;

    *out = (rows){.undo = undo, .buffer = b, .outer = 1, .length = dim[undo->axis]};
    out->row = (uint64_t)tn_dtype_bytes(b->dtype);
    for (uint32_t i = 0; i < undo->axis; i++)
        out->outer *= dim[i];
    for (int i = (int)undo->axis + 1; i < b->rank; i++)
        out->row *= (uint64_t)dim[i];
    if (!tn_formula_eval(undo->rows, symbols, p->symbols.count, &out->rows) ||
        !tn_formula_eval(undo->at, symbols, p->symbols.count, &out->at) || out->rows < 0 ||
        out->rows > out->length)
        return tn_fail(s->env.diag, TN_LIMIT,
            "state %s: the place of its new rows does not come out", b->name);
    out->bytes = out->row * (uint64_t)out->rows;
    return TN_OK;
}

/* Where piece `number` begins along the axis: in bounds, whatever an input
 * says, as in the kernel. */
static int64_t
first_row(const tn_run *run, const rows *r, int64_t number)
{
    int64_t at = r->at, room = r->length - r->rows;

    if (r->undo->input >= 0) {
        const tn_tensor *t = &run->inputs[r->undo->input];
        int64_t k = t->rank ? number / (r->outer / t->dim[0]) : 0;

        at = tn_load_int(t->dtype, (const char *)t->data + k * tn_dtype_bytes(t->dtype));
    }
    return at < 0 ? 0 : at > room ? room : at;
}

/* An offset by input fits the state: one, or one for each of axis 0. */
static bool
fits(const tn_session *s, const tn_run *run, const rows *r)
{
    const tn_iface_entry *entry = &s->model->artifact->iface.entries.at[run->entry];
    const tn_tensor *t;

    if (r->undo->input < 0)
        return true;
    if ((uint32_t)r->undo->input >= entry->inputs.count)
        return false;
    t = &run->inputs[r->undo->input];
    return !tn_is_float(t->dtype) &&
        (t->rank == 0 || (t->rank == 1 && t->dim[0] > 0 && r->outer % t->dim[0] == 0));
}

static tn_status
move(tn_session *s, const tn_run *run, const rows *r, bool back, uint64_t *at)
{
    const tn_backend *b = s->model->backend;
    tn_buffer *state = s->states[r->buffer->number];

    for (int64_t i = 0; r->bytes && i < r->outer; i++, *at += r->bytes) {
        uint64_t from = (uint64_t)(i * r->length + first_row(run, r, i)) * r->row;
        int code = back ? b->copy(state, from, s->kept, *at, r->bytes)
                        : b->copy(s->kept, *at, state, from, r->bytes);

        TN_TRY(tn_registry_result(s->model->registry, s->env.diag, code, r->buffer->name));
    }
    return TN_OK;
}

static tn_status
move_all(tn_session *s, const tn_run *run, bool back)
{
    const tn_plan *p = plan_of(s, run);
    uint64_t at = 0;

    for (uint32_t i = 0; i < p->undos.count; i++) {
        rows r;

        TN_TRY(measure(s, run, &p->undos.at[i], &r));
        TN_TRY(move(s, run, &r, back, &at));
    }
    return TN_OK;
}

tn_status
tn_undo_keep(tn_session *s, const tn_run *run)
{
    const tn_plan *p = plan_of(s, run);
    uint64_t total = 0;

    for (uint32_t i = 0; i < p->undos.count; i++) {
        rows r;

        TN_TRY(measure(s, run, &p->undos.at[i], &r));
        if (!fits(s, run, &r))
            return tn_fail(s->env.diag, TN_INTEGRITY, "plan %s: state %s: no such offset", p->entry,
                r.buffer->name);
        total += r.bytes * (uint64_t)r.outer;
    }
    if (total > s->kept_bytes || (total && !s->kept)) {
        if (s->kept)
            s->model->backend->buffer_free(s->kept);
        s->kept = NULL;
        s->kept_bytes = total;
        TN_TRY(tn_registry_result(s->model->registry, s->env.diag,
            s->model->backend->buffer_new(s->model->device, total, &s->kept), "rows of states"));
    }
    return move_all(s, run, false);
}

tn_status
tn_undo_put_back(tn_session *s, const tn_run *run)
{
    return move_all(s, run, true);
}
