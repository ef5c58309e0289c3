/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/interp/interp_in.h"

/* Memory and cells, with their checks. */

/* ---- races ---- */

static const tn_iop *
task_race(tn_run *s, const tn_iop *o, int64_t at, bool write)
{
    tn_task_mark *m = &s->mem[o->mem].task[at];
    uint32_t me = (uint32_t)s->task + 1;
    bool other_writer = m->writer && m->writer != me;
    bool other_reader = m->reader && m->reader != me;
    if (other_writer || (write && other_reader))
        return tn_ifault(s, o, "element %lld: %s by task %u, %s by this one", (long long)at,
            other_writer ? "written" : "read",
            (other_writer                        ? m->writer
                    : m->reader == tn_many_tasks ? 1
                                                 : m->reader) -
                1,
            write ? "written" : "read");
    if (write)
        m->writer = me;
    else
        m->reader = other_reader ? tn_many_tasks : me;
    return o;
}

static const tn_iop *
lane_race(tn_run *s, const tn_iop *o, int64_t at, bool write)
{
    tn_lane_mark *m = &s->mem[o->mem].lane[at];
    /* Outside LANE every lane does it. */
    uint16_t me = s->lane == TN_NO_LANE ? TN_MANY_LANES : (uint16_t)(s->lane + 1);
    if (m->epoch != s->epoch)
        *m = (tn_lane_mark){.epoch = s->epoch};
    bool other_writer = m->writer && m->writer != me;
    bool other_reader = m->reader && m->reader != me;
    if (other_writer || (write && other_reader))
        return tn_ifault(s, o, "element %lld: %s by another lane (%d) since the last barrier",
            (long long)at, other_writer ? "written" : "read",
            (other_writer ? m->writer : m->reader) - 1);
    if (write)
        m->writer = me;
    else
        m->reader = other_reader ? TN_MANY_LANES : me;
    return o;
}

static const tn_iop *
touch(tn_run *s, const tn_iop *o, int64_t at, bool write)
{
    tn_imem *mem = &s->mem[o->mem];
    if (mem->initialised) {
        uint8_t *known = mem->initialised + (size_t)at * mem->step;
        if (write)
            memset(known, 1, mem->step);
        else if (!*known)
            return tn_ifault(s, o, "element %lld was never written", (long long)at);
    }
    if (mem->task && !task_race(s, o, at, write))
        return NULL;
    return !mem->lane || lane_race(s, o, at, write) ? o : NULL;
}

static bool
watched(const tn_imem *mem)
{
    return mem->initialised || mem->task || mem->lane;
}

static const tn_iop *
outside(tn_run *s, const tn_iop *o, int64_t at)
{
    return tn_ifault(s, o, "element %lld of %llu", (long long)at,
        (unsigned long long)s->mem[o->mem].elements);
}

/* ---- contiguous ---- */

/* All lanes are in range and may be touched. */
static bool
may_touch(tn_run *s, const tn_iop *o, int64_t at, const uint8_t *mask, bool write)
{
    const tn_imem *mem = &s->mem[o->mem];
    bool watch = watched(mem);
    if (!mask && !watch) {
        if (at >= 0 && (uint64_t)at + o->lanes <= mem->elements)
            return true;
    }
    for (int i = 0; i < o->lanes; i++) {
        if (mask && !mask[i])
            continue;
        if (at + i < 0 || (uint64_t)(at + i) >= mem->elements) {
            outside(s, o, at + i);
            return false;
        }
        if (watch && !touch(s, o, at + i, write))
            return false;
    }
    return true;
}

static void
put_other(uint8_t *to, const tn_iop *o)
{
    if (tn_is_float((tn_dtype)o->dtype))
        tn_store_double((tn_dtype)o->dtype, to, o->ins->real);
    else
        tn_store_int((tn_dtype)o->dtype, to, o->imm);
}

const tn_iop *
tn_iload(tn_run *s, const tn_iop *o)
{
    int64_t at = tn_islot(s, o->a);
    const uint8_t *mask = o->arg_count > 1 ? tn_slot(s, o->b) : NULL;
    if (!may_touch(s, o, at, mask, false))
        return NULL;
    uint8_t *to = tn_slot(s, o->d);
    size_t bytes = o->bytes;
    const uint8_t *base = s->mem[o->mem].at;
    if (!mask) {
        memcpy(to, base + (size_t)at * bytes, o->lanes * bytes);
        return o + 1;
    }
    for (int i = 0; i < o->lanes; i++, to += bytes) {
        if (mask[i])
            memcpy(to, base + (size_t)(at + i) * bytes, bytes);
        else
            put_other(to, o);
    }
    return o + 1;
}

const tn_iop *
tn_istore(tn_run *s, const tn_iop *o)
{
    int64_t at = tn_islot(s, o->a);
    const uint8_t *mask = o->arg_count > 2 ? tn_slot(s, o->c) : NULL;
    if (!may_touch(s, o, at, mask, true))
        return NULL;
    const uint8_t *from = tn_slot(s, o->b);
    size_t bytes = o->bytes;
    uint8_t *base = s->mem[o->mem].at;
    if (!mask) {
        memcpy(base + (size_t)at * bytes, from, o->lanes * bytes);
        return o + 1;
    }
    for (int i = 0; i < o->lanes; i++)
        if (mask[i])
            memcpy(base + (size_t)(at + i) * bytes, from + (size_t)i * bytes, bytes);
    return o + 1;
}

/* ---- lists of indices ---- */

/* The element of a lane, or -1 after a fault. */
static int64_t
listed(tn_run *s, const tn_iop *o, int lane, bool write)
{
    int64_t at = tn_islot(s, o->a) + ((const int32_t *)tn_slot(s, o->b))[lane];
    if (at < 0 || (uint64_t)at >= s->mem[o->mem].elements)
        return outside(s, o, at), -1;
    return !watched(&s->mem[o->mem]) || touch(s, o, at, write) ? at : -1;
}

const tn_iop *
tn_igather(tn_run *s, const tn_iop *o)
{
    const uint8_t *mask = o->arg_count > 2 ? tn_slot(s, o->c) : NULL;
    uint8_t *to = tn_slot(s, o->d);
    for (int i = 0; i < o->lanes; i++, to += o->bytes) {
        if (mask && !mask[i]) {
            put_other(to, o);
            continue;
        }
        int64_t at = listed(s, o, i, false);
        if (at < 0)
            return NULL;
        memcpy(to, s->mem[o->mem].at + (size_t)at * o->bytes, o->bytes);
    }
    return o + 1;
}

static bool
meets_earlier(const int32_t *index, const uint8_t *mask, int lane)
{
    for (int i = 0; i < lane; i++)
        if ((!mask || mask[i]) && index[i] == index[lane])
            return true;
    return false;
}

const tn_iop *
tn_iscatter(tn_run *s, const tn_iop *o)
{
    const uint8_t *mask = o->arg_count > 3 ? tn_slot(s, o->arg[3]) : NULL;
    const uint8_t *from = tn_slot(s, o->c);
    const int32_t *index = tn_slot(s, o->b);
    for (int i = 0; i < o->lanes; i++, from += o->bytes) {
        if (mask && !mask[i])
            continue;
        if (meets_earlier(index, mask, i))
            return tn_ifault(s, o, "two lanes of a scatter write index %d", index[i]);
        int64_t at = listed(s, o, i, true);
        if (at < 0)
            return NULL;
        memcpy(s->mem[o->mem].at + (size_t)at * o->bytes, from, o->bytes);
    }
    return o + 1;
}

/* What a local held before is not to be read again. */
const tn_iop *
tn_ilocal(tn_run *s, const tn_iop *o)
{
    tn_imem *mem = &s->mem[o->mem];
    memset(mem->initialised, 0, mem->elements);
    return o + 1;
}

/* ---- cells ---- */

const tn_iop *
tn_icell_declare(tn_run *s, const tn_iop *o)
{
    tn_icell *cell = &s->cell[o->cell];
    memset(cell->set, 0, (size_t)cell->count * cell->copies);
    return o + 1;
}

/* The element that operands from `first` on name, in the first lane's copy;
 * -1 after a fault. */
static int64_t
element(tn_run *s, const tn_iop *o, int first)
{
    const tn_icell *cell = &s->cell[o->cell];
    int64_t at = 0;
    for (int i = first; i < o->arg_count; i++) {
        int64_t index = tn_islot(s, o->arg[i]), limit = cell->dim[i - first];
        if (index < 0 || index >= limit) {
            tn_ifault(s, o, "index %lld of %lld", (long long)index, (long long)limit);
            return -1;
        }
        at = at * limit + index;
    }
    return at;
}

static size_t
copy_of(const tn_run *s, const tn_icell *cell)
{
    return cell->copies > 1 && s->lane > 0 ? (size_t)s->lane * cell->count : 0;
}

const tn_iop *
tn_iget(tn_run *s, const tn_iop *o)
{
    const tn_icell *cell = &s->cell[o->cell];
    int64_t element_at = element(s, o, 0);
    if (element_at < 0)
        return NULL;
    size_t at = copy_of(s, cell) + (size_t)element_at;
    if (!cell->set[at])
        return tn_ifault(s, o, "element %lld was never set", (long long)element_at);
    memcpy(tn_slot(s, o->d), cell->at + at * cell->bytes, cell->bytes);
    return o + 1;
}

const tn_iop *
tn_iset(tn_run *s, const tn_iop *o)
{
    tn_icell *cell = &s->cell[o->cell];
    int64_t element_at = element(s, o, 1);
    if (element_at < 0)
        return NULL;
    /* Outside LANE: for every lane. */
    uint32_t copies = s->lane == TN_NO_LANE ? cell->copies : 1;
    size_t at = copy_of(s, cell) + (size_t)element_at;
    for (uint32_t i = 0; i < copies; i++, at += cell->count) {
        memcpy(cell->at + at * cell->bytes, tn_slot(s, o->a), cell->bytes);
        cell->set[at] = 1;
    }
    return o + 1;
}

/* Lanes of the enclosing TEAM, else of the group. */
const tn_iop *
tn_isg_reduce(tn_run *s, const tn_iop *o)
{
    tn_icell *cell = &s->cell[o->cell];
    uint32_t first = s->team_base, count = s->team_size;
    uint8_t *at = cell->at + first * cell->bytes;
    for (uint32_t i = 0; i < count; i++)
        if (!cell->set[first + i])
            return tn_ifault(s, o, "lane %u was never set", first + i);
    memcpy(tn_slot(s, o->b), at, (size_t)count * cell->bytes);
    if (!tn_ireduce(s, o, o->ins->fn, o->b, count, o->d))
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        memcpy(at + i * cell->bytes, tn_slot(s, o->d), cell->bytes);
    return o + 1;
}
