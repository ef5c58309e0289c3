/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tinterp_in.h"

#include "ir/base/checked.h"
#include "ir/kernel/teval.h"

static bool
size_fn(const tn_tval *v, const int64_t *args, int64_t *out)
{
    if (v->op != TN_T_fn || v->dtype == TN_F32)
        return false;
    return v->fn != TN_FN_cast && v->fn != TN_FN_bits &&
        tn_eval_int(v->fn, v->arg[v->arg_count - 1]->dtype, args, out);
}

static bool
size_value(const tn_tile *t, const tn_tval *v, const int64_t *sizes, int depth, int64_t *out)
{
    int64_t args[3] = {0};

    if (v->op == TN_T_const && !tn_is_float(v->dtype)) {
        *out = v->whole;
        return true;
    }
    if (v->op == TN_T_size) {
        const tn_tsize *s = &t->sizes.at[v->whole];

        *out = s->known ? s->value : sizes[v->whole];
        return true;
    }
    if (v->op != TN_T_fn || depth > 64)
        return false;
    for (int i = 0; i < v->arg_count; i++)
        if (!size_value(t, v->arg[i], sizes, depth + 1, &args[i]))
            return false;
    return size_fn(v, args, out);
}

bool
tn_tile_size_value(const tn_tile *t, const tn_tval *v, const int64_t *sizes, int64_t *out)
{
    return size_value(t, v, sizes, 0, out);
}

bool
tn_tile_elements(const tn_tile *t, const tn_tbuf *buf, const int64_t *sizes, int64_t *out)
{
    int64_t n = 1, dim;

    for (int i = 0; i < buf->rank; i++)
        if (!tn_tile_size_value(t, buf->dim[i], sizes, &dim) || dim < 0 || !tn_mul_i64(n, dim, &n))
            return false;
    *out = n;
    return true;
}

/* ---- parameters ---- */

static tn_ti_shadow *
shadow_of(tn_ti *c, uint32_t index)
{
    tn_ti_mem *m = &c->mem[index];

    for (uint32_t i = 0; i < index; i++)
        if (c->job->bufs[i] == c->job->bufs[index] && c->mem[i].shadow && m->count)
            return c->mem[i].shadow;
    m->shadow = tn_new(c->arena, tn_ti_shadow);
    m->shadow->writer = tn_new_array(c->arena, int64_t, m->count);
    m->shadow->reader = tn_new_array(c->arena, int64_t, m->count);
    m->shadow->stamp = tn_new_array(c->arena, uint64_t, m->count);
    return m->shadow;
}

bool
tn_ti_open_params(tn_ti *c)
{
    c->mem = tn_new_array(c->arena, tn_ti_mem, c->t->bufs.count);
    for (uint32_t i = 0; i < c->t->bufs.count && !c->t->bufs.at[i]->local; i++) {
        const tn_tbuf *buf = c->t->bufs.at[i];
        tn_ti_mem *m = &c->mem[i];

        m->buf = buf;
        if (!tn_tile_elements(c->t, buf, c->job->sizes, &m->count)) {
            tn_ti_fail(c, "the size of %s is no number", buf->name);
            return false;
        }
        for (int k = 0; k < buf->rank; k++)
            (void)tn_tile_size_value(c->t, buf->dim[k], c->job->sizes, &m->dim[k]);
        m->cell = c->job->bufs[i];
        m->known = c->job->known ? c->job->known[i] : NULL;
        m->shadow = shadow_of(c, i);
    }
    return true;
}

void
tn_ti_open_local(tn_ti *c, const tn_tbuf *buf)
{
    tn_ti_mem *m = &c->mem[buf->index];

    *m = (tn_ti_mem){.buf = buf, .count = 1};
    for (int i = 0; i < buf->rank; i++) {
        if (buf->dim_axis[i]) {
            const tn_ti_range *r = &c->range[buf->dim_axis[i]->index];

            m->from[i] = r->low;
            m->dim[i] = r->high - r->low;
        } else {
            m->dim[i] = tn_ti_scalar(c, buf->dim[i]);
        }
        if (m->dim[i] < 0 || !tn_mul_i64(m->count, m->dim[i], &m->count)) {
            tn_ti_fail(c, "local %s has no size", buf->name);
            return;
        }
    }
    m->cell = tn_new_array(c->task, tn_cell, m->count);
    m->known = tn_new_array(c->task, bool, m->count);
    m->shadow = tn_new(c->task, tn_ti_shadow);
    m->shadow->stamp = tn_new_array(c->task, uint64_t, m->count);
}

/* ---- access ---- */

static int64_t
offset_of(const tn_ti_mem *m, const int64_t *index)
{
    int64_t at = 0;

    for (int i = 0; i < m->buf->rank; i++) {
        int64_t k = index[i] - m->from[i];

        if (k < 0 || k >= m->dim[i])
            return -1;
        at = at * m->dim[i] + k;
    }
    return at;
}

static const char *
place_text(tn_ti *c, const tn_tbuf *buf, const int64_t *index)
{
    tn_text text = {.arena = c->task};

    tn_text_add(&text, "%s[", buf->name);
    for (int i = 0; i < buf->rank; i++)
        tn_text_add(&text, "%s%lld", i ? "," : "", (long long)index[i]);
    tn_text_add(&text, "]");
    return text.at;
}

tn_cell
tn_ti_load(tn_ti *c, const tn_tval *load, const int64_t *index)
{
    const tn_tbuf *buf = load->buf;
    tn_ti_mem *m = &c->mem[buf->index];
    int64_t at = offset_of(m, index);
    tn_cell none = {.whole = 0};

    if (at < 0 && load->guard)
        return tn_is_float(load->dtype) ? (tn_cell){.real = load->guard->real}
                                        : (tn_cell){.whole = load->guard->whole};
    if (at < 0) {
        tn_ti_fail(c, "load of %s is out of bounds", place_text(c, buf, index));
        return none;
    }
    if (m->known && !m->known[at]) {
        tn_ti_fail(c, "load of %s, which nobody wrote", place_text(c, buf, index));
        return none;
    }
    if (m->shadow->writer) {
        int64_t *reader = &m->shadow->reader[at];

        if (m->shadow->writer[at] && m->shadow->writer[at] != c->task_id)
            tn_ti_fail(c, "race: a task reads %s, which another wrote", place_text(c, buf, index));
        *reader = *reader == 0 || *reader == c->task_id ? c->task_id : -1;
    }
    return m->cell[at];
}

void
tn_ti_store(tn_ti *c, const tn_tbuf *buf, const int64_t *index, tn_cell value)
{
    tn_ti_mem *m = &c->mem[buf->index];
    int64_t at = offset_of(m, index);
    tn_ti_shadow *s = m->shadow;

    if (at < 0) {
        tn_ti_fail(c, "store to %s is out of bounds", place_text(c, buf, index));
        return;
    }
    if (s->stamp[at] == c->stores)
        tn_ti_fail(c, "one store writes %s twice", place_text(c, buf, index));
    s->stamp[at] = c->stores;
    if (s->writer) {
        if (s->writer[at] && s->writer[at] != c->task_id)
            tn_ti_fail(c, "race: two tasks write %s", place_text(c, buf, index));
        if (s->reader[at] && s->reader[at] != c->task_id)
            tn_ti_fail(c, "race: a task writes %s, which another read", place_text(c, buf, index));
        s->writer[at] = c->task_id;
    }
    m->cell[at] = value;
    if (m->known)
        m->known[at] = true;
}
