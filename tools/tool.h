/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_TOOL_H
#define TN_TOOLS_TOOL_H

#include "ir/base/files.h"
#include "runtime/plugin.h"
#include "tools/options.h"

/* What every verb is handed. The arena is under a guard while a verb runs. */
typedef struct tn_tool {
    tn_env env;
    tn_diag *diag;
    tn_arena *arena;
    tn_options *options;
    tn_registry *registry;
    bool color; /* standard output understands colours */
} tn_tool;

#define TN_VERB(name, ...) tn_status tn_cmd_##name(tn_tool *tool);
#include "tools/options.def"

static inline bool
tn_tool_json(const tn_tool *tool)
{
    return tn_flag(tool->options, TN_OPT_json);
}

/* The one operand of a verb that takes one; TN_USAGE else. */
tn_status tn_tool_operand(tn_tool *tool, const char **out) TN_MUST_USE;
/* A message for people on standard error, unless --quiet. */
void tn_tool_note(const tn_tool *tool, const char *format, ...) TN_PRINTF(2, 3);
/* Text to standard output; TN_IO when it cannot be written. */
tn_status tn_tool_print(const tn_tool *tool, const tn_text *text) TN_MUST_USE;
/* To the file of the first -o without a name, else standard output. */
tn_status tn_tool_write(const tn_tool *tool, const char *path, const void *at, size_t bytes)
    TN_MUST_USE;
uint64_t tn_tool_now_ns(void);

#endif
