/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/compile.h"
#include "tools/expect.h"
#include "tools/load.h"

static tn_status
compile_to(tn_tool *tool, tn_module *module, const char *path)
{
    const tn_option_value *o = tool->options->value;
    tn_compile_options options = {.exact = o[TN_OPT_exact].given};
    tn_expecting expecting = {.tool = tool, .module = module};
    tn_span bytes;

    if (o[TN_OPT_pack].given && strcmp(o[TN_OPT_pack].text, "artifact") != 0 &&
        strcmp(o[TN_OPT_pack].text, "never") != 0)
        return tn_fail(tool->diag, TN_USAGE, "--pack %s: expected artifact or never",
            o[TN_OPT_pack].text);
    options.no_pack = o[TN_OPT_pack].given && !strcmp(o[TN_OPT_pack].text, "never");
    TN_TRY(tn_load_skip(tool, &options.skip));
    TN_TRY(tn_compile_targets(tool->arena, tool->diag,
        o[TN_OPT_target].given ? o[TN_OPT_target].text : "cpu", &options.targets,
        &options.target_count));
    tn_expect_hook(&expecting, &options);
    TN_TRY(tn_compile(&tool->env, tool->registry, module, &options, &bytes));
    TN_TRY(tn_tool_write(tool, path, bytes.at, bytes.bytes));
    tn_tool_note(tool, "%s: %zu bytes, %u targets", path, bytes.bytes, options.target_count);
    return TN_OK;
}

tn_status
tn_cmd_compile(tn_tool *tool)
{
    const tn_option_value *output = &tool->options->value[TN_OPT_output];
    const char *path;
    tn_model_options options;
    tn_load_how how = {0};
    tn_arena *arena;
    tn_module *module;
    tn_status status;

    TN_TRY(tn_tool_operand(tool, &path));
    if (output->list.count != 1)
        return tn_fail(tool->diag, TN_USAGE, "compile: -o OUT.tenon is needed, once");
    TN_TRY(tn_load_options(tool, &options));
    how.model = &options;
    TN_TRY(tn_load_module(tool, path, &how, true, &arena, &module));
    status = compile_to(tool, module, output->list.at[0]);
    tn_arena_destroy(arena);
    return status;
}
