/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_plugin.h"

#include <stdio.h>
#include <string.h>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_target.h"

static int
devices(void *self, uint32_t *count)
{
    (void)self;
    *count = 1;
    return TN_OK;
}

static int
describe(void *self, uint32_t device, const char **target, const char **title,
    const char **identity)
{
    const tn_cpu *cpu = self;

    if (device != 0)
        return tn_plugin_fail(&cpu->base, TN_DEVICE, "no CPU device %u", (unsigned)device);
    *target = cpu->text;
    *title = cpu->title;
    *identity = cpu->identity;
    return TN_OK;
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
};

typedef struct texts {
    tn_cpu *cpu;
    tn_arena *arena;
} texts;

static tn_status
print_texts(void *arg)
{
    const texts *t = arg;
    tn_text text = {.arena = t->arena};

    tn_target_print(&text, &t->cpu->target);
    if (text.length >= sizeof t->cpu->text)
        return TN_LIMIT;
    memcpy(t->cpu->text, text.at, text.length + 1);
    return TN_OK;
}

static bool
set_texts(tn_cpu *cpu)
{
    texts t = {cpu, tn_arena_create(&cpu->base.alloc, 0)};
    bool done = t.arena && tn_arena_guard(t.arena, print_texts, &t) == TN_OK;

    tn_arena_destroy(t.arena);
    tn_cpu_title(cpu->os, cpu->title);
    snprintf(cpu->identity, sizeof cpu->identity, "%s, arch %d level %d, tenon " TN_VERSION,
        cpu->title, (int)cpu->target.arch, (int)cpu->target.level);
    return done;
}

const tn_plugin *
tn_cpu_query_on(uint32_t abi, const tn_host *host, const tn_cpu_os *os)
{
    tn_plugin_base *base = tn_plugin_base_new(abi, host, &entries, sizeof(tn_cpu));
    tn_cpu *cpu = (tn_cpu *)(void *)base;

    if (!base)
        return NULL;
    cpu->os = os;
    tn_cpu_target(os, &cpu->target);
    if (set_texts(cpu))
        return &base->head;
    tn_plugin_base_free(base);
    return NULL;
}

TN_PLUGIN_QUERY(cpu)(uint32_t abi, const tn_host *host)
{
    return tn_cpu_query_on(abi, host, tn_cpu_os_system());
}
