/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_plugin.h"

#include <stdio.h>
#include <string.h>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_target.h"

enum { TEXT = 1024 };

/* All that one query hands out, in one block. */
typedef struct plugin {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    tn_cpu cpu;
    char target[TEXT], title[TN_CPU_TITLE], identity[TEXT];
} plugin;

static int
devices(void *self, uint32_t *count)
{
    (void)self;
    *count = 1;
    return TN_OK;
}

static plugin *
plugin_of(tn_cpu *cpu)
{
    return (plugin *)(void *)((char *)cpu - offsetof(plugin, cpu));
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    const plugin *p = plugin_of(self);

    if (device != 0)
        return tn_cpu_fail(&p->cpu, TN_DEVICE, "no CPU device %u", (unsigned)device);
    *target = p->target;
    *title = p->title;
    *identity = p->identity;
    return TN_OK;
}

static void
shut_down(void *self)
{
    plugin *p = plugin_of(self);
    tn_alloc alloc = p->cpu.alloc;

    tn_alloc_free(&alloc, p, sizeof *p);
}

static const tn_backend entries = {
    .size = sizeof entries,
    .abi = TN_ABI,
    .name = "cpu",
    .family = "cpu",
    .version = TN_VERSION,
    .devices = devices,
    .describe = describe,
    .open = tn_cpu_open,
    .close = tn_cpu_close,
    .buffer_new = tn_cpu_buffer_new,
    .buffer_wrap = tn_cpu_buffer_wrap,
    .buffer_free = tn_cpu_buffer_free,
    .buffer_map = tn_cpu_buffer_map,
    .write = tn_cpu_write,
    .read = tn_cpu_read,
    .copy = tn_cpu_copy,
    .fill_zero = tn_cpu_fill_zero,
    .load = tn_cpu_program_load,
    .unload = tn_cpu_program_unload,
    .submit = tn_cpu_submit,
    .wait = tn_cpu_wait,
    .threads = tn_cpu_threads,
    .shutdown = shut_down,
};

typedef struct texts {
    plugin *plugin;
    tn_arena *arena;
} texts;

static tn_status
print_texts(void *arg)
{
    const texts *t = arg;
    tn_text text = {.arena = t->arena};

    tn_target_print(&text, &t->plugin->cpu.target);
    if (text.length >= sizeof t->plugin->target)
        return TN_LIMIT;
    memcpy(t->plugin->target, text.at, text.length + 1);
    return TN_OK;
}

static bool
set_texts(plugin *p)
{
    texts t = {p, tn_arena_create(&p->cpu.alloc, 0)};
    bool done = t.arena && tn_arena_guard(t.arena, print_texts, &t) == TN_OK;

    tn_arena_destroy(t.arena);
    tn_cpu_title(p->cpu.os, p->title);
    snprintf(p->identity, sizeof p->identity, "%s, arch %d level %d, tenon " TN_VERSION, p->title,
        (int)p->cpu.target.arch, (int)p->cpu.target.level);
    return done;
}

const tn_plugin *
tn_cpu_query_on(uint32_t abi, const tn_host *host, const tn_cpu_os *os)
{
    tn_alloc alloc = {host->self, host->resize};
    plugin *p = abi == TN_ABI ? tn_alloc_zero(&alloc, sizeof *p) : NULL;

    if (!p)
        return NULL;
    p->cpu = (tn_cpu){.host = host, .os = os, .alloc = alloc};
    tn_cpu_target(os, &p->cpu.target);
    p->backend = entries;
    p->backend.self = &p->cpu;
    p->list[0] = &p->backend;
    p->head = (tn_plugin){.size = sizeof p->head,
        .abi = TN_ABI,
        .name = "cpu",
        .version = TN_VERSION,
        .backends = p->list};
    if (set_texts(p))
        return &p->head;
    tn_alloc_free(&alloc, p, sizeof *p);
    return NULL;
}

TN_PLUGIN_QUERY(cpu)(uint32_t abi, const tn_host *host)
{
    return tn_cpu_query_on(abi, host, tn_cpu_os_system());
}
