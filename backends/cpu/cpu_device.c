/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_device.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN = 256, HUGE_PAGE = 2 << 20, MESSAGE = 512 };

static void *
get(const tn_device *d, size_t bytes)
{
    return tn_alloc_zero(&d->cpu->base.alloc, bytes);
}

static void
drop(const tn_device *d, void *at, size_t bytes)
{
    tn_alloc_free(&d->cpu->base.alloc, at, bytes);
}

int
tn_cpu_open(void *self, uint32_t device, tn_device **out)
{
    tn_cpu *cpu = self;
    tn_device *d;

    *out = NULL;
    if (device != 0)
        return tn_plugin_fail(&cpu->base, TN_DEVICE, "no CPU device %" PRIu32, device);
    d = tn_alloc_zero(&cpu->base.alloc, sizeof *d);
    if (!d)
        return tn_plugin_fail(&cpu->base, TN_NO_MEMORY, "out of memory: a CPU device");
    d->cpu = cpu;
    d->threads = cpu->os->cores(cpu->os->self);
    pthread_mutex_init(&d->lock, NULL);
    *out = d;
    return TN_OK;
}

void
tn_cpu_close(tn_device *d)
{
    tn_cpu_settle(d, true);
    tn_cpu_drop_pool(d);
    drop(d, d->queue.at, d->queue.room);
    pthread_mutex_destroy(&d->lock);
    drop(d, d, sizeof *d);
}

int
tn_cpu_threads(tn_device *d, uint32_t count)
{
    if (count > TN_CPU_THREAD_LIMIT)
        return tn_plugin_fail(&d->cpu->base, TN_LIMIT, "%" PRIu32 " threads, at most %d", count,
            (int)TN_CPU_THREAD_LIMIT);
    tn_cpu_settle(d, false);
    pthread_mutex_lock(&d->lock);
    tn_cpu_drop_pool(d);
    d->threads = count ? count : d->cpu->os->cores(d->cpu->os->self);
    pthread_mutex_unlock(&d->lock);
    return TN_OK;
}

static int
new_buffer(tn_device *d, tn_buffer buffer, tn_buffer **out)
{
    *out = get(d, sizeof **out);
    if (!*out)
        return tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY, "out of memory: a buffer");
    **out = buffer;
    return TN_OK;
}

static uint8_t *
align_up(void *at, size_t align)
{
    size_t over = (uintptr_t)at & (align - 1);

    return (uint8_t *)at + (over ? align - over : 0);
}

/* Large pages spare misses of the address cache in long reads of weights. */
static void
hint_huge(const tn_cpu_os *os, uint8_t *at, size_t bytes)
{
    uint8_t *first = align_up(at, HUGE_PAGE);

    if (bytes >= 2 * (size_t)HUGE_PAGE)
        os->huge(os->self, first, (bytes - (size_t)(first - at)) & ~((size_t)HUGE_PAGE - 1));
}

int
tn_cpu_buffer_new(tn_device *d, uint64_t bytes, tn_buffer **out)
{
    size_t block_bytes = (size_t)bytes + ALIGN;
    void *block = NULL;
    int status;

    *out = NULL;
    if (bytes <= (uint64_t)SIZE_MAX / 2)
        block = tn_alloc_get(&d->cpu->base.alloc, block_bytes);
    if (!block)
        return tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY,
            "out of memory: %" PRIu64 " bytes for a buffer", bytes);
    hint_huge(d->cpu->os, block, block_bytes);
    status = new_buffer(d,
        (tn_buffer){.device = d,
            .at = align_up(block, ALIGN),
            .bytes = bytes,
            .block = block,
            .block_bytes = block_bytes},
        out);
    if (status != TN_OK)
        drop(d, block, block_bytes);
    return status;
}

int
tn_cpu_buffer_wrap(tn_device *d, void *at, uint64_t bytes, tn_buffer **out)
{
    *out = NULL;
    if ((uintptr_t)at % 64 != 0)
        return tn_plugin_fail(&d->cpu->base, TN_UNSUPPORTED,
            "memory to wrap is not aligned to 64 bytes");
    return new_buffer(d, (tn_buffer){.device = d, .at = at, .bytes = bytes}, out);
}

void
tn_cpu_buffer_free(tn_buffer *b)
{
    tn_device *d = b->device;

    tn_cpu_settle(d, true);
    drop(d, b->block, b->block_bytes);
    drop(d, b, sizeof *b);
}

void *
tn_cpu_buffer_map(tn_buffer *b)
{
    return b->at;
}

static bool
holds(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    return at <= b->bytes && bytes <= b->bytes - at;
}

static int
out_of_range(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    return tn_plugin_fail(&b->device->cpu->base, TN_BUG,
        "bytes %" PRIu64 " to %" PRIu64 " of a buffer of %" PRIu64, at, at + bytes, b->bytes);
}

int
tn_cpu_write(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes)
{
    if (!holds(b, at, bytes))
        return out_of_range(b, at, bytes);
    tn_cpu_settle(b->device, false);
    if (bytes)
        memcpy(b->at + at, from, (size_t)bytes);
    return TN_OK;
}

int
tn_cpu_read(tn_buffer *b, uint64_t at, void *to, uint64_t bytes)
{
    if (!holds(b, at, bytes))
        return out_of_range(b, at, bytes);
    tn_cpu_settle(b->device, false);
    if (bytes)
        memcpy(to, b->at + at, (size_t)bytes);
    return TN_OK;
}

int
tn_cpu_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    if (!holds(to, to_at, bytes))
        return out_of_range(to, to_at, bytes);
    if (!holds(from, from_at, bytes))
        return out_of_range(from, from_at, bytes);
    return bytes ? tn_cpu_move(to->device, to->at + to_at, from->at + from_at, bytes) : TN_OK;
}

int
tn_cpu_fill_zero(tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (!holds(b, at, bytes))
        return out_of_range(b, at, bytes);
    return bytes ? tn_cpu_move(b->device, b->at + at, NULL, bytes) : TN_OK;
}

/* Code made for more than this machine offers would end the process. */
static tn_status
check_info(const tn_cpu *cpu, tn_diag *diag, const tn_cpu_info *info)
{
    if (!info || info->version != TN_CPU_INFO_VERSION)
        return tn_fail(diag, TN_INTEGRITY, "machine code: no '%s' of version %d",
            TN_CPU_INFO_SYMBOL, (int)TN_CPU_INFO_VERSION);
    if (info->arch != cpu->target.arch || info->level > cpu->target.level)
        return tn_fail(diag, TN_UNSUPPORTED,
            "machine code: needs arch=%" PRIu32 " level=%" PRIu32 ", this machine has arch=%" PRId64
            " level=%" PRId64,
            info->arch, info->level, cpu->target.arch, cpu->target.level);
    return TN_OK;
}

static tn_status
load(tn_device *d, tn_diag *diag, tn_blob code, tn_program *p)
{
    const tn_cpu *cpu = d->cpu;

    p->device = d;
    TN_TRY(tn_cpu_load(cpu->os, &cpu->base.alloc, diag, tn_cpu_machine_here(),
        (tn_span){.at = code.at, .bytes = code.bytes}, &p->image));
    return check_info(cpu, diag, p->image.info);
}

int
tn_cpu_program_load(tn_device *d, tn_blob code, tn_program **out)
{
    tn_program *p = get(d, sizeof *p);
    tn_diag diag;
    tn_status status;

    *out = NULL;
    if (!p)
        return tn_plugin_fail(&d->cpu->base, TN_NO_MEMORY, "out of memory: a program");
    tn_diag_init(&diag, &d->cpu->base.alloc);
    status = load(d, &diag, code, p);
    if (status == TN_OK) {
        *out = p;
    } else {
        const char *why = tn_diag_text(&diag, 0);

        tn_plugin_fail(&d->cpu->base, status, "%s", why ? why : "loading machine code");
        tn_cpu_unload(&p->image);
        drop(d, p, sizeof *p);
    }
    tn_diag_clear(&diag);
    return (int)status;
}

void
tn_cpu_program_unload(tn_program *p)
{
    tn_device *d = p->device;

    tn_cpu_settle(d, true);
    tn_cpu_unload(&p->image);
    drop(d, p, sizeof *p);
}
