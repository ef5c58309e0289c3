/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "backends/cpu/cpu_float.h"
#include "backends/cpu/cpu_record.h"

enum { SCRATCH_ALIGN = 64 };

static int
bad(const tn_device *d, const char *what)
{
    return tn_plugin_fail(&d->cpu->base, TN_BUG, "a dispatch with %s", what);
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
    at = d->cpu->base.alloc.resize(d->cpu->base.alloc.self, q->at, q->room, room);
    if (!at)
        return false;
    q->at = at;
    q->room = room;
    return true;
}

static void
drop_held(tn_device *d, bool all)
{
    for (size_t at = d->queue.head; at < d->queue.used; at += tn_cpu_record_at(d, at)->bytes) {
        tn_cpu_record *r = tn_cpu_record_at(d, at);

        if (r->held && (all || pthread_equal(r->owner, pthread_self())))
            r->next = r->tasks = 0;
    }
}

/* Room for a record at the end of the queue, which the caller fills and then
 * counts; NULL: no memory. */
static tn_cpu_record *
new_record(tn_device *d, tn_cpu_record_kind kind, uint32_t buffers, uint32_t sizes)
{
    size_t bytes = sizeof(tn_cpu_record) + buffers * sizeof(void *) + sizes * sizeof(int64_t);
    tn_cpu_record *r;

    if (!grow_queue(d, bytes)) {
        tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY, "out of memory: %zu bytes for a dispatch",
            bytes);
        return NULL;
    }
    r = tn_cpu_record_at(d, d->queue.used);
    *r = (tn_cpu_record){.bytes = bytes,
        .kind = kind,
        .wait = true,
        .owner = pthread_self(),
        .tasks = 1,
        .buffers = buffers,
        .sizes = sizes};
    return r;
}

static int
write_down(tn_device *d, const tn_dispatch *s)
{
    tn_cpu_record *r = new_record(d, TN_CPU_KERNEL, s->binding_count, s->size_count);

    if (!r)
        return TN_NO_MEMORY;
    r->program = s->program;
    r->tasks = s->tasks;
    r->wait = s->wait != 0;
    r->took_ns = s->took_ns;
    if (s->status.buffer)
        r->status = (uint32_t *)(void *)(s->status.buffer->at + s->status.offset);
    for (uint32_t i = 0; i < s->binding_count; i++)
        tn_cpu_record_buffers(r)[i] = s->bindings[i].buffer->at + s->bindings[i].offset;
    for (uint32_t i = 0; i < s->size_count; i++)
        tn_cpu_record_sizes(r)[i] = s->sizes[i];
    d->queue.used += r->bytes;
    return TN_OK;
}

int
tn_cpu_move(tn_device *d, uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    tn_cpu_record *r = NULL;
    bool now;

    pthread_mutex_lock(&d->lock);
    drop_held(d, false);
    now = d->queue.head == d->queue.used;
    if (now && from)
        memmove(to, from, (size_t)bytes);
    else if (now)
        memset(to, 0, (size_t)bytes);
    else
        r = new_record(d, from ? TN_CPU_COPY : TN_CPU_ZERO, 2, 1);
    if (r) {
        tn_cpu_record_buffers(r)[0] = to;
        tn_cpu_record_buffers(r)[1] = (void *)(uintptr_t)from;
        tn_cpu_record_sizes(r)[0] = (int64_t)bytes;
        d->queue.used += r->bytes;
    }
    pthread_mutex_unlock(&d->lock);
    return r || now ? TN_OK : TN_NO_MEMORY;
}

static int
need_pool(tn_device *d)
{
    const tn_cpu *cpu = d->cpu;
    uint32_t got;

    if (d->pool)
        return TN_OK;
    d->pool = tn_cpu_pool_create(cpu->os, &cpu->base.alloc, d->threads);
    if (!d->pool)
        return tn_plugin_fail(&cpu->base, TN_NO_MEMORY, "out of memory: a pool of threads");
    got = tn_cpu_pool_threads(d->pool);
    if (got < d->threads && cpu->base.host->log)
        cpu->base.host->log(cpu->base.host->self, 1, "fewer worker threads than asked for");
    return TN_OK;
}

/* One piece for all workers, each on lines of its own. */
static int
need_scratch(tn_device *d, uint64_t bytes)
{
    const tn_alloc *alloc = &d->cpu->base.alloc;
    uint32_t workers = tn_cpu_pool_threads(d->pool);
    uint64_t each;

    if (bytes <= d->scratch_bytes)
        return TN_OK;
    if (bytes > (uint64_t)1 << 40)
        return tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY,
            "out of memory: %" PRIu64 " bytes of scratch", bytes);
    each = (bytes + SCRATCH_ALIGN - 1) & ~(uint64_t)(SCRATCH_ALIGN - 1);
    tn_alloc_free(alloc, d->scratch, (size_t)(d->scratch_bytes * workers));
    d->scratch_bytes = 0;
    d->scratch = tn_alloc_get(alloc, (size_t)(each * workers));
    if (!d->scratch)
        return tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY,
            "out of memory: %" PRIu64 " bytes of scratch for %" PRIu32 " workers", each, workers);
    d->scratch_bytes = each;
    return TN_OK;
}

void
tn_cpu_drop_pool(tn_device *d)
{
    if (!d->pool)
        return;
    tn_alloc_free(&d->cpu->base.alloc, d->scratch,
        (size_t)(d->scratch_bytes * tn_cpu_pool_threads(d->pool)));
    d->scratch = NULL;
    d->scratch_bytes = 0;
    tn_cpu_pool_destroy(d->pool);
    d->pool = NULL;
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
    while (q->head < q->used && !has_passed(d, deadline))
        if (!tn_cpu_run_head(d, deadline))
            break;
    tn_cpu_float_set(control);
    if (q->head < q->used)
        return false;
    q->head = q->used = 0;
    return true;
}

static void
hold(tn_device *d)
{
    for (size_t at = d->queue.head; at < d->queue.used; at += tn_cpu_record_at(d, at)->bytes) {
        tn_cpu_record *r = tn_cpu_record_at(d, at);

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
    else if (tn_cpu_worth_waking(d, used))
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
    return finished ? TN_OK
                    : tn_plugin_fail(&d->cpu->base, TN_CANCELLED, "timed out after %" PRIu64 " ms",
                          timeout_ns / 1000000);
}
