/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/cpu/cpu_record.h"

/* Below this much work in all, waking others costs more than it gains. */
enum { INLINE_PS = 5000000 };
/* What one claim of work should take, and pieces a thread at least. */
enum { PIECE_PS = 50000000, PIECES = 6 };
/* Kernels that run at the same time. */
enum { GROUP = 8 };

/* One kernel of a group; its pieces are numbered behind those before it. */
typedef struct part {
    tn_cpu_record *record;
    uint64_t piece; /* tasks in one */
    uint64_t end;   /* number behind its last piece */
} part;

typedef struct group {
    part parts[GROUP];
    int count;
    uint8_t *scratch;
    uint64_t scratch_bytes;
} group;

static uint64_t
tasks_of(const tn_cpu_record *r)
{
    return r->tasks - r->next;
}

/* Picoseconds, as far as is known; saturates. */
static uint64_t
work_of(const tn_cpu_record *r)
{
    uint64_t task = r->program->task_ps, tasks = tasks_of(r);

    return task && tasks > UINT64_MAX / 16 / task ? UINT64_MAX / 16 : tasks * task;
}

/* Runs the pieces first .. last-1 of the group. */
static void
run_pieces(void *arg, uint32_t worker, uint64_t first, uint64_t last)
{
    const group *g = arg;
    uint64_t start = 0;

    for (int i = 0; i < g->count && first < last; start = g->parts[i++].end) {
        const part *p = &g->parts[i];
        tn_cpu_record *r = p->record;
        uint64_t stop = last < p->end ? last : p->end, from, to;
        tn_cpu_args args = {.buffers = tn_cpu_record_buffers(r),
            .sizes = tn_cpu_record_sizes(r),
            .scratch = g->scratch + worker * g->scratch_bytes,
            .status = r->status};

        if (first >= p->end)
            continue;
        from = r->next + (first - start) * p->piece;
        to = stop == p->end ? r->tasks : r->next + (stop - start) * p->piece;
        r->program->image.entry(&args, from, to);
        first = stop;
    }
}

/* A kernel whose cost is not known yet runs alone, to learn it, and so does
 * one that is timed. */
static bool
may_share(const tn_cpu_record *r)
{
    return r->kind == TN_CPU_KERNEL && r->tasks && r->program->task_ps && !r->took_ns;
}

static void
gather(tn_device *d, group *g)
{
    size_t at = d->queue.head;
    bool more = true;

    *g = (group){.scratch = d->scratch, .scratch_bytes = d->scratch_bytes};
    while (more && g->count < GROUP && at < d->queue.used) {
        tn_cpu_record *r = tn_cpu_record_at(d, at);

        if (g->count && (r->wait || !may_share(r)))
            break;
        more = may_share(r);
        g->parts[g->count++].record = r;
        at += r->bytes;
    }
}

/* Tasks in a piece. With a deadline (`limited`) no piece should be long. */
static uint64_t
piece_of(const tn_cpu_record *r, uint64_t workers, uint64_t group_ps, bool limited)
{
    uint64_t tasks = tasks_of(r), task = r->program->task_ps, good, piece;

    if (!task)
        return limited ? 1 : (tasks + workers * PIECES - 1) / (workers * PIECES);
    good = group_ps / (workers * PIECES);
    good = good < PIECE_PS ? good : PIECE_PS;
    piece = good / task;
    return piece < 1 ? 1 : piece < tasks ? piece : tasks;
}

/* Cuts the group into pieces; 1 when the caller had better do it all at
 * once. Results never depend on it. */
static uint64_t
cut(const tn_device *d, group *g, bool limited)
{
    uint64_t workers = tn_cpu_pool_threads(d->pool), all = 0, end = 0;
    bool known = true;

    for (int i = 0; i < g->count; i++) {
        all += work_of(g->parts[i].record);
        known = known && g->parts[i].record->program->task_ps;
    }
    if ((workers == 1 && !limited) || (known && all < INLINE_PS))
        workers = 0;
    for (int i = 0; i < g->count; i++) {
        part *p = &g->parts[i];

        p->piece = workers ? piece_of(p->record, workers, all, limited) : tasks_of(p->record);
        end += (tasks_of(p->record) + p->piece - 1) / p->piece;
        p->end = end;
    }
    return workers ? 1 : end;
}

/* Keeps a running mean of what a task costs, from a kernel that ran alone. */
static void
learn(const tn_device *d, const group *g, bool shared, uint64_t ns)
{
    tn_program *p = g->parts[0].record->program;
    uint64_t workers = shared ? tn_cpu_pool_threads(d->pool) : 1, ps;

    if (g->count > 1 || ns > (uint64_t)1 << 40)
        return;
    ps = ns * 1000 / tasks_of(g->parts[0].record) * workers;
    ps = ps ? ps : 1;
    p->task_ps = p->task_ps ? (p->task_ps + ps) / 2 : ps;
}

/* Notes what is done after the pieces below `next`; the head moves on. */
static void
advance(tn_device *d, const group *g, uint64_t next, uint64_t ns)
{
    uint64_t start = 0;

    for (int i = 0; i < g->count; start = g->parts[i++].end) {
        tn_cpu_record *r = g->parts[i].record;

        r->spent_ns += ns;
        if (next < g->parts[i].end) {
            r->next += next > start ? (next - start) * g->parts[i].piece : 0;
            return;
        }
        r->next = r->tasks;
        if (r->took_ns)
            *r->took_ns = r->spent_ns;
        d->queue.head += r->bytes;
    }
}

static bool
run_group(tn_device *d, group *g, uint64_t deadline)
{
    const tn_cpu_os *os = d->cpu->os;
    uint64_t chunk = cut(d, g, deadline != 0), end = g->parts[g->count - 1].end;
    uint64_t start = os->now(os->self), next, ns;

    next = tn_cpu_pool_run(d->pool,
        &(tn_cpu_region){
            .body = run_pieces, .arg = g, .count = end, .chunk = chunk, .deadline = deadline});
    ns = os->now(os->self) - start;
    if (next == end)
        learn(d, g, end > chunk, ns);
    advance(d, g, next, ns);
    return next == end;
}

static void
run_memory(tn_device *d, tn_cpu_record *r)
{
    void **buffers = tn_cpu_record_buffers(r);
    size_t bytes = (size_t)tn_cpu_record_sizes(r)[0];

    if (r->tasks && r->kind == TN_CPU_COPY)
        memmove(buffers[0], buffers[1], bytes);
    else if (r->tasks)
        memset(buffers[0], 0, bytes);
    d->queue.head += r->bytes;
}

bool
tn_cpu_run_head(tn_device *d, uint64_t deadline)
{
    tn_cpu_record *r = tn_cpu_record_at(d, d->queue.head);
    group g;

    if (r->kind != TN_CPU_KERNEL) {
        run_memory(d, r);
        return true;
    }
    if (!r->tasks) {
        if (r->took_ns)
            *r->took_ns = 0;
        d->queue.head += r->bytes;
        return true;
    }
    gather(d, &g);
    return run_group(d, &g, deadline);
}

bool
tn_cpu_worth_waking(const tn_device *d, size_t at)
{
    if (tn_cpu_pool_threads(d->pool) == 1)
        return false;
    for (; at < d->queue.used; at += tn_cpu_record_at(d, at)->bytes) {
        const tn_cpu_record *r = tn_cpu_record_at(d, at);

        if (r->kind == TN_CPU_KERNEL && r->tasks > 1 &&
            (!r->program->task_ps || work_of(r) >= INLINE_PS))
            return true;
    }
    return false;
}
