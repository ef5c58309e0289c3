/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/trace.h"

static void
event(tn_text *out, const char *name, const char *category, int thread, uint64_t start_ns,
    uint64_t took_ns)
{
    tn_text_add(out, ",\n{\"name\":");
    tn_text_json(out, name);
    tn_text_add(out, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f}",
        category, thread, (double)start_ns / 1000, (double)took_ns / 1000);
}

static void
thread_name(tn_text *out, int thread, const char *name)
{
    tn_text_add(out,
        "%s{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":",
        thread == 1 ? "" : ",\n", thread);
    tn_text_json(out, name);
    tn_text_add(out, "}}");
}

tn_status
tn_trace_write(tn_tool *tool, const char *path, const tn_loaded *l, const tn_run *run)
{
    tn_text text = {.arena = tool->arena};

    tn_text_add(&text, "[");
    thread_name(&text, 1, "host");
    thread_name(&text, 2, l->device);
    event(&text, "compile", "host", 1, 0, l->compile_ns);
    for (uint32_t i = 0; i < run->time_count; i++)
        event(&text, run->times[i].step->name, run->times[i].step->family, 2,
            l->compile_ns + run->times[i].start_ns, run->times[i].took_ns);
    tn_text_add(&text, "\n]\n");
    return tn_tool_write(tool, path, text.at, text.length);
}
