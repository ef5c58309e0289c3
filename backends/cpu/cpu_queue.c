/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_float.h"

enum { SCRATCH_ALIGN = 64 };

/* Below this much work in all, waking others costs more than it gains. */
enum { INLINE_PS = 5000000 };
/* What one claim of work should take, and pieces a thread at least. */
enum { PIECE_PS = 50000000, PIECES = 6 };

/* A dispatch written down; `buffers` pointers and `sizes` numbers follow. */
typedef struct record {
    size_t bytes;
    tn_program *program;
    uint64_t tasks, next; /* next: the first task not begun */
    uint32_t *status;
    uint64_t *took_ns, spent_ns;
    pthread_t owner; /* who submitted it */
    bool held;       /* its owner's wait timed out */
    uint32_t buffers, sizes;
} record;

static record *
record_at(const tn_device *d, size_t at)
{
    return (record *)(void *)(d->queue.at + at);
}

static void **
buffers_of(record *r)
{
    return (void **)(void *)(r + 1);
}

static int64_t *
sizes_of(record *r)
{
    return (int64_t *)(void *)(buffers_of(r) + r->buffers);
}

static int
bad(const tn_device *d, const char *what)
{
    return tn_cpu_fail(d->cpu, TN_BUG, "a dispatch with %s", what);
}

static bool
fits(const tn_device *d, const tn_binding *b, uint64_t bytes)
{
    return b->buffer && b->buffer->device == d && b->offset % 256 == 0 &&
        b->offset <= b->buffer->bytes && b->bytes <= b->buffer->bytes - b->offset &&
        b->bytes >= bytes;
}

static int
check_dispatch(const tn_device *d, const tn_dispatch *s)
{
    const tn_cpu_info *info;

    if (!s->program || s->program->device != d)
        return bad(d, "a foreign program");
    info = s->program->image.info;
    if (s->binding_count != info->buffers)
        return bad(d, "a wrong number of buffers");
    if (s->size_count != info->sizes)
        return bad(d, "a wrong number of sizes");
    if (s->tasks > TN_CPU_TASK_LIMIT)
        return bad(d, "too many tasks");
    for (uint32_t i = 0; i < s->binding_count; i++)
        if (!fits(d, &s->bindings[i], 0))
            return bad(d, "a buffer out of range");
    if (info->sites && !fits(d, &s->status, (uint64_t)info->sites * 16))
        return bad(d, "too few status words");
    return TN_OK;
}

static bool
grow_queue(tn_device *d, size_t bytes)
{
    tn_cpu_queue *q = &d->queue;
    size_t room = q->room ? q->room * 2 : 4096;
    void *at;

    if (q->used + bytes <= q->room)
        return true;
    while (room < q->used + bytes)
        room *= 2;
    at = d->cpu->alloc.resize(d->cpu->alloc.self, q->at, q->room, room);
    if (!at)
        return false;
    q->at = at;
    q->room = room;
    return true;
}

static int
write_down(tn_device *d, const tn_dispatch *s)
{
    size_t bytes =
        sizeof(record) + s->binding_count * sizeof(void *) + s->size_count * sizeof(int64_t);
    record *r;

    if (!grow_queue(d, bytes))
        return tn_cpu_fail(d->cpu, TN_NO_MEMORY, "out of memory: %zu bytes for a dispatch", bytes);
    r = record_at(d, d->queue.used);
    *r = (record){.bytes = bytes,
        .program = s->program,
        .tasks = s->tasks,
        .took_ns = s->took_ns,
        .owner = pthread_self(),
        .buffers = s->binding_count,
        .sizes = s->size_count};
    if (s->status.buffer)
        r->status = (uint32_t *)(void *)(s->status.buffer->at + s->status.offset);
    for (uint32_t i = 0; i < s->binding_count; i++)
        buffers_of(r)[i] = s->bindings[i].buffer->at + s->bindings[i].offset;
    for (uint32_t i = 0; i < s->size_count; i++)
        sizes_of(r)[i] = s->sizes[i];
    d->queue.used += bytes;
    return TN_OK;
}

static int
need_pool(tn_device *d)
{
    const tn_cpu *cpu = d->cpu;
    uint32_t got;

    if (d->pool)
        return TN_OK;
    d->pool = tn_cpu_pool_create(cpu->os, &cpu->alloc, d->threads);
    if (!d->pool)
        return tn_cpu_fail(cpu, TN_NO_MEMORY, "out of memory: a pool of threads");
    got = tn_cpu_pool_threads(d->pool);
    if (got < d->threads && cpu->host->log)
        cpu->host->log(cpu->host->self, 1, "fewer worker threads than asked for");
    return TN_OK;
}

/* One piece for all workers, each on lines of its own. */
static int
need_scratch(tn_device *d, uint64_t bytes)
{
    const tn_alloc *alloc = &d->cpu->alloc;
    uint32_t workers = tn_cpu_pool_threads(d->pool);
    uint64_t each;

    if (bytes <= d->scratch_bytes)
        return TN_OK;
    if (bytes > (uint64_t)1 << 40)
        return tn_cpu_fail(d->cpu, TN_NO_MEMORY, "out of memory: %" PRIu64 " bytes of scratch",
            bytes);
    each = (bytes + SCRATCH_ALIGN - 1) & ~(uint64_t)(SCRATCH_ALIGN - 1);
    tn_alloc_free(alloc, d->scratch, (size_t)(d->scratch_bytes * workers));
    d->scratch_bytes = 0;
    d->scratch = tn_alloc_get(alloc, (size_t)(each * workers));
    if (!d->scratch)
        return tn_cpu_fail(d->cpu, TN_NO_MEMORY,
            "out of memory: %" PRIu64 " bytes of scratch for %" PRIu32 " workers", each, workers);
    d->scratch_bytes = each;
    return TN_OK;
}

void
tn_cpu_drop_pool(tn_device *d)
{
    if (!d->pool)
        return;
    tn_alloc_free(&d->cpu->alloc, d->scratch,
        (size_t)(d->scratch_bytes * tn_cpu_pool_threads(d->pool)));
    d->scratch = NULL;
    d->scratch_bytes = 0;
    tn_cpu_pool_destroy(d->pool);
    d->pool = NULL;
}

typedef struct job {
    tn_cpu_fn entry;
    tn_cpu_args args;
    uint8_t *scratch;
    uint64_t scratch_bytes;
} job;

static void
run_piece(void *arg, uint32_t worker, uint64_t first, uint64_t last)
{
    const job *j = arg;
    tn_cpu_args args = j->args;

    args.scratch = j->scratch + worker * j->scratch_bytes;
    j->entry(&args, first, last);
}

/* How many tasks are claimed at once. Everything in one piece runs on the
 * caller alone. Results never depend on it. */
static uint64_t
piece_of(const tn_device *d, const record *r, bool limited)
{
    uint64_t workers = tn_cpu_pool_threads(d->pool);
    uint64_t tasks = r->tasks - r->next, task_ps = r->program->task_ps;
    uint64_t piece = tasks, good;

    if (workers > 1 && (task_ps == 0 || tasks > INLINE_PS / task_ps))
        piece = (tasks + workers * PIECES - 1) / (workers * PIECES);
    else if (!limited)
        return tasks;
    good = task_ps ? PIECE_PS / task_ps : limited ? 1 : piece;
    if (piece > good)
        piece = good;
    return piece ? piece : 1;
}

/* Keeps a running mean of what a task costs. */
static void
learn(const tn_device *d, record *r, uint64_t tasks, uint64_t piece, uint64_t ns)
{
    uint64_t workers = piece >= tasks ? 1 : tn_cpu_pool_threads(d->pool);
    uint64_t ps;

    if (ns > (uint64_t)1 << 40)
        return;
    ps = ns * 1000 / tasks * workers;
    ps = ps ? ps : 1;
    r->program->task_ps = r->program->task_ps ? (r->program->task_ps + ps) / 2 : ps;
}

static void
run_record(tn_device *d, record *r, uint64_t deadline)
{
    const tn_cpu_os *os = d->cpu->os;
    job j = {.entry = r->program->image.entry,
        .args = {.buffers = buffers_of(r), .sizes = sizes_of(r), .status = r->status},
        .scratch = d->scratch,
        .scratch_bytes = d->scratch_bytes};
    uint64_t piece = piece_of(d, r, deadline != 0), first = r->next;
    uint64_t start = os->now(os->self), ns;

    r->next = tn_cpu_pool_run(d->pool,
        &(tn_cpu_region){.body = run_piece,
            .arg = &j,
            .first = first,
            .count = r->tasks,
            .chunk = piece,
            .deadline = deadline});
    ns = os->now(os->self) - start;
    r->spent_ns += ns;
    if (r->next > first)
        learn(d, r, r->next - first, piece, ns);
    if (r->next == r->tasks && r->took_ns)
        *r->took_ns = r->spent_ns;
}

static bool
has_passed(const tn_device *d, uint64_t deadline)
{
    return deadline && d->cpu->os->now(d->cpu->os->self) >= deadline;
}

/* False if the deadline came first. */
static bool
run_queue(tn_device *d, uint64_t deadline)
{
    tn_cpu_queue *q = &d->queue;
    uint64_t control = tn_cpu_float_get();

    tn_cpu_float_standard();
    while (q->head < q->used && !has_passed(d, deadline)) {
        record *r = record_at(d, q->head);

        if (r->tasks)
            run_record(d, r, deadline);
        else if (r->took_ns)
            *r->took_ns = 0;
        if (r->next < r->tasks)
            break;
        q->head += r->bytes;
    }
    tn_cpu_float_set(control);
    if (q->head < q->used)
        return false;
    q->head = q->used = 0;
    return true;
}

static void
drop_held(tn_device *d, bool all)
{
    for (size_t at = d->queue.head; at < d->queue.used; at += record_at(d, at)->bytes) {
        record *r = record_at(d, at);

        if (r->held && (all || pthread_equal(r->owner, pthread_self())))
            r->next = r->tasks = 0;
    }
}

static void
hold(tn_device *d)
{
    for (size_t at = d->queue.head; at < d->queue.used; at += record_at(d, at)->bytes) {
        record *r = record_at(d, at);

        r->held = r->held || pthread_equal(r->owner, pthread_self());
    }
}

void
tn_cpu_settle(tn_device *d, bool all)
{
    pthread_mutex_lock(&d->lock);
    if (d->queue.head < d->queue.used) {
        drop_held(d, all);
        run_queue(d, 0);
    }
    pthread_mutex_unlock(&d->lock);
}

/* True if one of the records from `at` on is worth waking workers for. */
static bool
is_shared(const tn_device *d, size_t at)
{
    for (; at < d->queue.used; at += record_at(d, at)->bytes) {
        const record *r = record_at(d, at);

        if (r->tasks > piece_of(d, r, false))
            return true;
    }
    return false;
}

static int
submit(tn_device *d, const tn_dispatch *list, uint32_t count)
{
    size_t used = d->queue.used;
    uint64_t scratch = 0;
    int status = need_pool(d);

    for (uint32_t i = 0; i < count && status == TN_OK; i++) {
        status = check_dispatch(d, &list[i]);
        if (status == TN_OK)
            status = write_down(d, &list[i]);
        if (list[i].scratch_bytes > scratch)
            scratch = list[i].scratch_bytes;
    }
    if (status == TN_OK)
        status = need_scratch(d, scratch);
    if (status != TN_OK)
        d->queue.used = used;
    else if (is_shared(d, used))
        tn_cpu_pool_wake(d->pool);
    return status;
}

int
tn_cpu_submit(tn_device *d, const tn_dispatch *list, uint32_t count)
{
    int status;

    pthread_mutex_lock(&d->lock);
    drop_held(d, false);
    status = submit(d, list, count);
    pthread_mutex_unlock(&d->lock);
    return status;
}

int
tn_cpu_wait(tn_device *d, uint64_t timeout_ns)
{
    const tn_cpu_os *os = d->cpu->os;
    uint64_t now, deadline = 0;
    bool finished;

    if (timeout_ns) {
        now = os->now(os->self);
        deadline = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    }
    pthread_mutex_lock(&d->lock);
    finished = run_queue(d, deadline);
    if (!finished)
        hold(d);
    pthread_mutex_unlock(&d->lock);
    return finished
        ? TN_OK
        : tn_cpu_fail(d->cpu, TN_CANCELLED, "timed out after %" PRIu64 " ms", timeout_ns / 1000000);
}
