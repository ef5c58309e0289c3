/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/graph.h"
#include "passes/pass.h"
#include "tools/tool.h"

enum { FILE_LIMIT = 64 << 20 };

typedef struct job {
    tn_tool *tool;
    tn_arena *arena;
    const char *path, *text;
    tn_pass_set skip, only;
    tn_text out;
} job;

/* Graph text in, passes, graph text out. */
static tn_status
optimise(void *arg)
{
    job *j = arg;
    tn_module *module = tn_module_create(j->arena, j->path);
    tn_graph *g;

    TN_TRY(tn_graph_parse(module, j->tool->diag, j->path, j->text, &g));
    if (j->only)
        tn_passes_run_only(g, j->only & ~j->skip);
    else
        tn_passes_run(g, j->skip);
    TN_TRY(tn_graph_verify(g, j->tool->diag));
    j->out.arena = j->arena;
    tn_graph_print(&j->out, g);
    return TN_OK;
}

tn_status
tn_cmd_opt(tn_tool *tool)
{
    const tn_option_value *o = tool->options->value;
    job j = {.tool = tool};
    tn_span file;
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &j.path));
    if (o[TN_OPT_skip].given)
        TN_TRY(tn_pass_parse(tool->diag, o[TN_OPT_skip].text, &j.skip));
    if (o[TN_OPT_only].given)
        TN_TRY(tn_pass_parse(tool->diag, o[TN_OPT_only].text, &j.only));
    TN_TRY(tn_file_read(&tool->env, j.path, FILE_LIMIT, &file));
    j.text = tn_arena_copy(tool->arena, (const char *)file.at, file.bytes);
    tn_file_free(&tool->env, &file);
    j.arena = tn_arena_create(tool->env.alloc, 0);
    status = j.arena ? tn_arena_guard(j.arena, optimise, &j) : TN_NO_MEMORY;
    if (status == TN_OK)
        status =
            tn_tool_write(tool, o[TN_OPT_output].list.count ? o[TN_OPT_output].list.at[0] : "-",
                j.out.at, j.out.length);
    tn_arena_destroy(j.arena);
    return status;
}
