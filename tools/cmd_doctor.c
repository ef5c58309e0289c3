/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/artifact_format.h"
#include "tools/tool.h"

/* What was looked at, how it is, and what to do about it. */
typedef struct finding {
    const char *name, *state; /* ok, missing, failed */
    const char *found;
    const char *advice; /* or NULL */
} finding;

typedef struct report {
    tn_tool *tool;
    TN_VEC(finding) findings;
} report;

/* How what a family of devices needs is got: Debian's names of packages. */
static const struct {
    const char *family, *generator, *device;
    bool built;
} advice[] = {
    {"cpu", "install llvm-19-dev and build tenon again", NULL, TN_HAVE_LLVM},
    {"vulkan", "install libvulkan-dev and build tenon again",
        "install libvulkan1 and a driver: that of the GPU, or mesa-vulkan-drivers, which has one "
        "for CPUs too",
        TN_HAVE_VULKAN},
    {"opencl", "install opencl-c-headers and build tenon again",
        "install ocl-icd-libopencl1 and a driver: that of the GPU, intel-opencl-icd, or "
        "pocl-opencl-icd for CPUs",
        TN_HAVE_OPENCL},
};

enum { ADVICE_COUNT = sizeof advice / sizeof *advice };

static const char *
advice_for(const char *family, bool device)
{
    for (int i = 0; i < ADVICE_COUNT; i++)
        if (!strcmp(advice[i].family, family))
            return device ? advice[i].device : advice[i].generator;
    return NULL;
}

static void
add(report *r, const char *name, const char *state, const char *found, const char *remedy)
{
    tn_push(r->tool->arena, &r->findings, ((finding){name, state, found, remedy}));
}

/* What was just explained, in memory that stays. */
static const char *
reason(report *r, tn_status status)
{
    const tn_diag *diag = r->tool->diag;
    const char *text = tn_diag_count(diag) ? tn_diag_text(diag, 0) : tn_status_sentence(status);

    text = tn_arena_copy(r->tool->arena, text, strlen(text));
    tn_diag_clear(r->tool->diag);
    return text;
}

static void
look_at_build(report *r)
{
    add(r, "tenon", "ok", TN_ARTIFACT_WRITER, NULL);
    if (!TN_HAVE_UTF8PROC)
        add(r, "unicode", "missing", "built without utf8proc: texts beyond ASCII are not folded",
            "install libutf8proc-dev and build tenon again");
    for (int i = 0; i < ADVICE_COUNT; i++)
        if (!advice[i].built)
            add(r, tn_arena_printf(r->tool->arena, "%s support", advice[i].family), "missing",
                "left out of this build", advice[i].generator);
}

static void
look_at_device(report *r, const tn_backend *b, uint32_t number)
{
    const char *name = tn_arena_printf(r->tool->arena, "%s:%u", b->name, number);
    const char *target, *title, *identity;
    tn_status status = tn_registry_result(r->tool->registry, r->tool->diag,
        b->describe(b->self, number, &target, &title, &identity), b->name);

    if (status != TN_OK)
        add(r, name, "failed", reason(r, status), advice_for(b->family, true));
    else
        add(r, name, "ok", tn_arena_printf(r->tool->arena, "%s: %s", title, target), NULL);
}

static void
look_at_backend(report *r, const tn_backend *b)
{
    const tn_backend *generator;
    uint32_t count = 0;
    tn_status status;

    if (!b->devices)
        return;
    status =
        tn_registry_result(r->tool->registry, r->tool->diag, b->devices(b->self, &count), b->name);
    if (status != TN_OK)
        add(r, b->name, "failed", reason(r, status), advice_for(b->family, true));
    else if (!count)
        add(r, b->name, "missing", "no device here", advice_for(b->family, true));
    for (uint32_t d = 0; d < count; d++)
        look_at_device(r, b, d);
    if (b->compile || !count)
        return;
    status = tn_registry_generator(r->tool->registry, b->family, &generator);
    const char *name = tn_arena_printf(r->tool->arena, "%s compiler", b->name);
    if (status != TN_OK)
        add(r, name, "missing", reason(r, status), advice_for(b->family, false));
    else
        add(r, name, "ok",
            tn_arena_printf(r->tool->arena, "%s, version %s", generator->name, generator->version),
            NULL);
}

static void
look_at_cache(report *r)
{
    const char *folder = tn_registry_cache_folder(r->tool->registry);

    if (folder)
        add(r, "cache", "ok", folder, NULL);
    else
        add(r, "cache", "missing", "code is compiled anew each time",
            "set TENON_CACHE to a folder, or HOME");
}

static void
put_json(tn_text *out, const report *r, bool healthy)
{
    tn_text_add(out, "{\"schema\":\"tenon.doctor/1\",\"ok\":%s,\"findings\":[",
        healthy ? "true" : "false");
    for (uint32_t i = 0; i < r->findings.count; i++) {
        const finding *f = &r->findings.at[i];

        tn_text_add(out, "%s{\"name\":", i ? "," : "");
        tn_text_json(out, f->name);
        tn_text_add(out, ",\"state\":\"%s\",\"found\":", f->state);
        tn_text_json(out, f->found);
        tn_text_add(out, ",\"advice\":");
        if (f->advice)
            tn_text_json(out, f->advice);
        else
            tn_text_add(out, "null");
        tn_text_add(out, "}");
    }
    tn_text_add(out, "]}\n");
}

static void
put_text(tn_text *out, const report *r)
{
    for (uint32_t i = 0; i < r->findings.count; i++) {
        const finding *f = &r->findings.at[i];

        tn_text_add(out, "%-8s %-14s %s\n", f->state, f->name, f->found);
        if (f->advice)
            tn_text_add(out, "%-8s %-14s -> %s\n", "", "", f->advice);
    }
}

tn_status
tn_cmd_doctor(tn_tool *tool)
{
    report r = {.tool = tool};
    tn_text out = {.arena = tool->arena};
    uint32_t count = tn_registry_count(tool->registry);
    bool healthy = true;

    look_at_build(&r);
    for (uint32_t i = 0; i < count; i++)
        look_at_backend(&r, tn_registry_at(tool->registry, i));
    look_at_cache(&r);
    for (uint32_t i = 0; i < r.findings.count; i++)
        healthy = healthy && !strcmp(r.findings.at[i].state, "ok");
    if (tn_tool_json(tool))
        put_json(&out, &r, healthy);
    else
        put_text(&out, &r);
    return tn_tool_print(tool, &out);
}
