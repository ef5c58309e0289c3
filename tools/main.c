/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/artifact_format.h"
#include "tools/signals.h"
#include "tools/tool.h"

typedef struct invocation {
    tn_tool tool;
    tn_options options;
    int argc;
    char **argv;
} invocation;

static tn_status
run_verb(tn_tool *tool)
{
    switch (tool->options->verb) {
#define TN_VERB(name, ...) \
    case TN_VERB_##name: return tn_cmd_##name(tool);
#include "tools/options.def"
    case TN_VERB_COUNT: break;
    }
    return TN_BUG;
}

static bool
wants_color(const tn_options *o)
{
    const tn_option_value *v = &o->value[TN_OPT_color];
    const char *no = getenv("NO_COLOR");

    if (v->given && !strcmp(v->text, "always"))
        return true;
    if (v->given && !strcmp(v->text, "never"))
        return false;
    return isatty(1) && !(no && *no);
}

static void
log_line(void *self, int level, const char *text)
{
    const tn_options *o = self;

    if (level == 0 || tn_flag(o, TN_OPT_verbose))
        fprintf(stderr, "%s\n", text);
}

/* The folder for compiled code: TENON_CACHE, else the user's cache folder. */
static const char *
cache_folder(tn_arena *arena)
{
    const char *own = getenv("TENON_CACHE");
    const char *user = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (own)
        return *own ? own : NULL;
    if (user && *user)
        return tn_arena_printf(arena, "%s/tenon", user);
    return home && *home ? tn_arena_printf(arena, "%s/.cache/tenon", home) : NULL;
}

enum { CACHE_LIMIT_MIB = 1024, MIB_DIGITS = 12 };

/* TENON_CACHE_LIMIT, in bytes. */
static tn_status
cache_limit(tn_diag *diag, uint64_t *bytes)
{
    const char *own = getenv("TENON_CACHE_LIMIT");
    uint64_t mib = 0;

    if (!own || !*own)
        mib = CACHE_LIMIT_MIB;
    for (size_t i = 0; own && own[i]; i++) {
        if (own[i] < '0' || own[i] > '9' || i >= MIB_DIGITS)
            return tn_fail(diag, TN_USAGE,
                "TENON_CACHE_LIMIT is \"%s\", but must be a whole number of MiB", own);
        mib = 10 * mib + (uint64_t)(own[i] - '0');
    }
    *bytes = mib << 20;
    return TN_OK;
}

/* The program that code generators work in: TENON_WORKER, else the one beside
 * this program. NULL: they work in this process. */
static const char *
worker(const tn_env *env, tn_arena *arena)
{
    const char *own = getenv("TENON_WORKER");
    char here[4096];

    if (own)
        return *own ? own : NULL;
    if (env->files->real_path(env->files->self, "/proc/self/exe", here, sizeof here) != 0)
        return "tenon-worker";
    return tn_arena_printf(arena, "%s/tenon-worker", tn_path_folder(arena, here));
}

static tn_status
open_registry(invocation *v)
{
    tn_registry_options options = {.log = log_line, .log_self = &v->options};
    const tn_option_value *plugins = &v->options.value[TN_OPT_plugin];

    options.cache_folder = cache_folder(v->tool.arena);
    TN_TRY(cache_limit(v->tool.diag, &options.cache_limit_bytes));
    options.worker = worker(&v->tool.env, v->tool.arena);
    TN_TRY(tn_registry_create(&v->tool.env, &options, &v->tool.registry));
    for (uint32_t i = 0; i < plugins->list.count; i++)
        TN_TRY(tn_registry_load(v->tool.registry, plugins->list.at[i]));
    return TN_OK;
}

static tn_status
invoke(void *arg)
{
    invocation *v = arg;
    tn_text text = {.arena = v->tool.arena};

    TN_TRY(tn_options_parse(v->tool.arena, v->tool.diag, v->argc, v->argv, &v->options));
    if (v->options.version) {
        tn_text_add(&text, "tenon %s\n", TN_ARTIFACT_WRITER);
        return tn_tool_print(&v->tool, &text);
    }
    if (tn_flag(&v->options, TN_OPT_help)) {
        if (tn_flag(&v->options, TN_OPT_markdown))
            tn_options_markdown(&text);
        else
            tn_options_help(&text, &v->options);
        return tn_tool_print(&v->tool, &text);
    }
    if (!v->options.has_verb)
        return tn_fail(v->tool.diag, TN_USAGE, "a verb is missing; see tenon --help");
    v->tool.color = wants_color(&v->options);
    TN_TRY(open_registry(v));
    return run_verb(&v->tool);
}

static void
report(const tn_diag *diag, tn_status status)
{
    for (size_t i = 0; i < tn_diag_count(diag); i++)
        fprintf(stderr, "tenon: %s\n", tn_diag_text(diag, i));
    if (tn_diag_count(diag) == 0)
        fprintf(stderr, "tenon: %s\n", tn_status_sentence(status));
}

int
main(int argc, char **argv)
{
    tn_diag diag;
    invocation v = {.argc = argc, .argv = argv};
    tn_status status = TN_NO_MEMORY;

    tn_signals_install();
    tn_diag_init(&diag, tn_alloc_system());
    v.tool.env = (tn_env){tn_alloc_system(), tn_signals_files(), &diag};
    v.tool.diag = &diag;
    v.tool.options = &v.options;
    v.tool.arena = tn_arena_create(tn_alloc_system(), 0);
    if (v.tool.arena)
        status = tn_arena_guard(v.tool.arena, invoke, &v);
    tn_registry_destroy(v.tool.registry);
    if (status != TN_OK)
        report(&diag, status);
    tn_arena_destroy(v.tool.arena);
    tn_diag_clear(&diag);
    if (fflush(stdout) != 0 && status == TN_OK)
        status = TN_IO;
    return (int)status;
}
